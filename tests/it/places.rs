//! Worktrees of their own and the merge queue, in real repositories.

use crate::support::{LINES_TEST as TEST, Workspace, commit_all, ended, eventually, git};
use execution_coordinator::core::event::{Event, Outcome, Work};
use execution_coordinator::core::outcome::RepositoryOutcome;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

const CONFIG: &str = "[execution]\nbackoff = \"1ms\"\nisolation = \"worktree\"\n[agents.implementation-agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n\
    [[gates]]\nname = \"tests\"\nlevel = \"task\"\ncommand = [\"./test.sh\", \"{task}\"]\n[[gates]]\nname = \"all\"\nlevel = \"system\"\ncommand = [\"./test.sh\", \"all\"]\n";
/// Writes its test, then its line into the file that all share; keeps both sides of a conflict.
const AGENT: &str = "#!/bin/sh
cat >/dev/null
task=$EXECUTION_COORDINATOR_TASK
if grep -q '^<<<<<<<' shared.txt 2>/dev/null; then
  grep -v -e '^<<<<<<<' -e '^=======' -e '^>>>>>>>' shared.txt >fixed; mv fixed shared.txt
fi
if [ \"$EXECUTION_COORDINATOR_ROLE\" = tests ]; then echo \"of $task\" >\"want-$task\"
else grep -q \"of $task\" shared.txt 2>/dev/null || echo \"of $task\" >>shared.txt; fi
echo '{\"status\":\"complete\",\"summary\":\"did it\"}'
";
const PLAN: &str = "# Shop\n\n### Stream A: Base\n\n1. **Build**\n\n2. **Sell**\n\n3. **Pay**\n\n4. **Ship**\n   - Dependencies: Tasks 1, 2\n";

fn says(folder: &Path, arguments: &[&str]) -> String {
    let ended = git(folder, arguments);
    assert_eq!(ended.code, 0, "git {arguments:?}: {}", ended.stderr);
    ended.stdout.trim().to_owned()
}

fn commit(workspace: &Workspace) {
    let folder = workspace.path("");
    says(&folder, &["add", "--all"]);
    says(&folder, &["commit", "--quiet", "-m", "base"]);
}

/// A repository with all that has been written committed.
fn repository(files: &[(&str, &str)]) -> Workspace {
    let workspace = Workspace::with(&[
        ("breakdown.md", PLAN),
        ("agent.sh", AGENT),
        ("test.sh", TEST),
        ("execution-coordinator.toml", CONFIG),
    ]);
    files.iter().for_each(|(name, text)| workspace.write(name, text));
    commit_all(&workspace);
    workspace
}

fn result(workspace: &Workspace) -> String {
    let name = workspace
        .execution()
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name")
        .to_owned();
    format!("execution-coordinator/{name}/result")
}

fn shared(workspace: &Workspace, commit: &str) -> BTreeSet<String> {
    says(&workspace.path(""), &["show", &format!("{commit}:shared.txt")])
        .lines()
        .map(str::to_owned)
        .collect()
}

fn all_four() -> BTreeSet<String> {
    (1..=4).map(|task| format!("of {task}")).collect()
}

#[test]
fn tasks_work_apart_and_are_merged_as_they_are_judged() {
    let workspace = repository(&[]);
    let folder = workspace.path("");
    let before = says(&folder, &["rev-parse", "HEAD"]);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains(&format!("git merge {}", result(&workspace))), "{}", run.stderr);
    assert_eq!(shared(&workspace, &result(&workspace)), all_four());
    // The user's own checkout is as it was.
    assert_eq!(
        (says(&folder, &["rev-parse", "HEAD"]), says(&folder, &["status", "--porcelain"])),
        (before, String::new())
    );
    assert!(!workspace.path("shared.txt").exists());
    let journal = workspace.journal();
    let conflicts = journal.iter().filter(|recorded| {
        matches!(&recorded.event, Event::Ended { outcome: Outcome::Repository(RepositoryOutcome::Merged { conflicts, .. }), .. } if !conflicts.is_empty())
    });
    assert!(conflicts.count() > 0, "all write into one file at once");
    let authors = says(
        &folder,
        &["log", "--format=%an|%s|%(trailers:key=Task,valueonly)", &result(&workspace)],
    );
    assert!(authors.contains("implementation-agent|Tests first: Task 1: Build|1"), "{authors}");
    assert_eq!(workspace.run(&["audit"]).code, 0);
    // What is part of the result is put away.
    assert_eq!(says(&folder, &["worktree", "list"]).lines().count(), 1);
    says(&folder, &["fsck", "--strict"]);
    let cleaned = workspace.run(&["clean", "--all"]);
    assert_eq!(
        (cleaned.code, workspace.run(&["list"]).stdout.trim()),
        (0, ""),
        "{}",
        cleaned.stderr
    );
    let left = says(
        &folder,
        &[
            "for-each-ref",
            "--format=%(refname)",
            "refs/heads/execution-coordinator",
            "refs/execution-coordinator",
        ],
    );
    assert!(
        left.ends_with("/result") && left.lines().count() == 1,
        "only the result stays: {left}"
    );
}

#[test]
fn killed_at_any_moment_no_commit_is_lost() {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    eprintln!("SEED={seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let workspace = repository(&[]);
    let folder = workspace.path("");
    let mut kills = 0;
    let run = loop {
        let mut run = workspace.start(&["run", "breakdown.md"]);
        if kills == 12 {
            break run;
        }
        // This is the moment of the kill, not a wait for something.
        std::thread::sleep(Duration::from_millis(rng.u64(20..250)));
        if run.try_wait().expect("a process").is_some() {
            break run;
        }
        run.kill().and_then(|()| run.wait()).expect("killed");
        kills += 1;
        assert_eq!(says(&folder, &["status", "--porcelain"]), "", "SEED={seed}");
        // A git of ours that was at work just then comes to its end.
        eventually("git calls it clean", || git(&folder, &["fsck"]).code == 0);
    };
    let run = ended(run.wait_with_output().expect("an end"));
    // It may have ended just when it was to be killed.
    let report = workspace.run(&["report"]).stdout;
    assert!(
        report.contains("Final Status: Complete"),
        "SEED={seed}, {kills} kills: {}{}{report}",
        run.stdout,
        run.stderr
    );
    assert_eq!(shared(&workspace, &result(&workspace)), all_four(), "SEED={seed}");
    let mut landed = 0;
    for recorded in workspace.journal() {
        if let Event::Ordered { work: Work::Land { commit, .. }, .. } = recorded.event {
            let part = git(&folder, &["merge-base", "--is-ancestor", &commit, &result(&workspace)])
                .code
                == 0;
            landed += u32::from(part);
        }
    }
    assert!(landed > 0);
    assert_eq!(workspace.run(&["audit"]).code, 0, "SEED={seed}");
}

#[test]
fn services_that_can_not_be_had_are_waited_for_and_budgets_are_kept() {
    // It says so twice, by its exit code: no try of the one that there may be.
    let agent = AGENT.replace(
        "cat >/dev/null",
        "cat >/dev/null\n[ -f \"$WORKSPACE/there\" ] || { touch \"$WORKSPACE/there\"; exit 75; }",
    );
    let config = CONFIG.replace(
        "[execution]\n",
        "[environment]\npass = [\"PATH\", \"WORKSPACE\"]\n[execution]\nmax_attempts = 1\n",
    );
    let workspace = repository(&[("agent.sh", &agent), ("execution-coordinator.toml", &config)]);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(
        workspace
            .journal()
            .iter()
            .any(|recorded| matches!(recorded.event, Event::Postponed { not_counted: true, .. }))
    );
    // Each order says that it took 60 tokens, and 100 may be spent: the rest waits for somebody.
    let agent = AGENT.replace("\"summary\":\"did it\"", "\"tokens\":60,\"summary\":\"did it\"");
    let config =
        CONFIG.replace("[execution]\n", "[execution]\nmax_parallel = 1\nbudget_tokens = 100\n");
    let workspace = repository(&[("agent.sh", &agent), ("execution-coordinator.toml", &config)]);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(run.code, 4, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout.contains("the budget of the execution is spent: 120 of 100 tokens"),
        "{}",
        run.stdout
    );
    // One that always fails is not asked for ever; another one does its work.
    let config = CONFIG.replace(
        "command = [\"./agent.sh\"]",
        "command = [\"./broken.sh\"]\nfallback = \"other\"\n[agents.other]\nkind = \"command\"\ncommand = [\"./agent.sh\"]",
    );
    let config = config.replace("[execution]\n", "[execution]\nmax_parallel = 1\nbreaker = 2\n");
    let workspace = repository(&[
        ("broken.sh", "#!/bin/sh\nexit 9\n"),
        ("execution-coordinator.toml", &config),
    ]);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn who_is_not_logged_in_is_asked_once_and_a_person_is_told() {
    let login = "#!/bin/sh\ncat >/dev/null\necho x >>\"$WORKSPACE/asked\"\n[ ! -e \"$WORKSPACE/key\" ] || {\n\
            echo x >made-$EXECUTION_COORDINATOR_TASK\n\
            echo '{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"{\\\"status\\\":\\\"complete\\\"}\"}'\n\
            echo '{\"type\":\"result\",\"status\":\"success\"}'; exit 0; }\n\
            echo 'Invalid auth method selected.' >&2\nexit 41\n";
    let config = "[environment]\npass = [\"PATH\", \"WORKSPACE\"]\n[execution]\nmax_parallel = 1\ntests_first = \"off\"\nisolation = \"worktree\"\n\
        [sandbox]\nmode = \"off\"\n[agents.implementation-agent]\nkind = \"gemini\"\ncommand = [\"./login.sh\"]\n";
    let plan = "# T\n\n### Stream A: Only (Parallel)\n\n1. **One**\n   - Dependencies: None\n2. **Two**\n   - Dependencies: None\n3. **Three**\n   - Dependencies: None\n";
    let files = |config: &str| {
        repository(&[
            ("breakdown.md", plan),
            ("execution-coordinator.toml", config),
            ("login.sh", login),
        ])
    };
    let workspace = files(config);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(
        (run.code, workspace.read("asked").lines().count()),
        (4, 1),
        "{}{}",
        run.stdout,
        run.stderr
    );
    let why = "implementation-agent can't be used: it is not logged in, or its key is not accepted: Invalid auth method selected.";
    for task in 1..4 {
        assert!(run.stdout.contains(&format!("- task {task} is blocked: {why}")), "{}", run.stdout);
    }
    let needed = "; `gemini` and then `/auth`, or a key in GEMINI_API_KEY, then run it again";
    assert_eq!(run.stderr.matches(needed).count(), 1, "{}", run.stderr);
    // Somebody sees to it.
    workspace.write("key", "");
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(
        (run.code, workspace.read("asked").lines().count()),
        (0, 4),
        "{}{}",
        run.stdout,
        run.stderr
    );
    assert_eq!(workspace.run(&["audit"]).code, 0);
    // Or another does it.
    let other = format!(
        "{config}fallback = \"other\"\n[agents.other]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n"
    );
    let workspace = files(&other);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(
        (run.code, workspace.read("asked").lines().count()),
        (0, 1),
        "{}{}",
        run.stdout,
        run.stderr
    );
    // Where that one can't be had either, it is that one that a person is told of.
    let codex = "#!/bin/sh\necho '{\"type\":\"thread.started\",\"thread_id\":\"t\"}'\n\
        echo '{\"type\":\"turn.failed\",\"error\":{\"message\":\"unexpected status 401 Unauthorized\"}}'\nexit 1\n";
    let other = format!(
        "{config}fallback = \"other\"\n[agents.other]\nkind = \"codex\"\ncommand = [\"./codex.sh\"]\n"
    );
    let workspace = repository(&[
        ("breakdown.md", plan),
        ("execution-coordinator.toml", &other),
        ("login.sh", login),
        ("codex.sh", codex),
    ]);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert!(
        run.code == 4 && run.stderr.contains("; `codex login`, or a key in OPENAI_API_KEY"),
        "{}{}",
        run.stdout,
        run.stderr
    );
    for task in 1..4 {
        assert!(run.stdout.contains(&format!("- task {task} is blocked: ")), "{}", run.stdout);
    }
}

#[test]
fn the_result_goes_into_the_checkout_where_that_is_asked_for() {
    let workspace = repository(&[]);
    let run = workspace.run(&["run", "breakdown.md", "--deliver"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(
        workspace.read("shared.txt").lines().map(str::to_owned).collect::<BTreeSet<_>>(),
        all_four()
    );
    assert_eq!(says(&workspace.path(""), &["status", "--porcelain"]), "");
    assert!(
        run.stderr.contains("the result is merged into main: ")
            && !run.stderr.contains("git merge"),
        "{}",
        run.stderr
    );
    // Not over what is in no commit, be it ignored; but for that once it is out of the way, without doing anything again.
    for (way, ignored) in [("shared.txt", ""), ("shared.txt", "shared.txt\n")] {
        let workspace = repository(&[]);
        workspace.write(way, "mine\n");
        workspace.write(".gitignore", &(workspace.read(".gitignore") + ignored));
        for again in [false, true] {
            let run = workspace.run(&["run", "breakdown.md", "--deliver"]);
            assert!(
                run.code == 3
                    && run.stderr.contains("it would change what is in no commit: shared.txt"),
                "{}{}",
                run.code,
                run.stderr
            );
            assert!(
                again || run.stderr.contains("put that right and run it again"),
                "{}",
                run.stderr
            );
            let report: serde_json::Value =
                serde_json::from_str(&workspace.run(&["report", "--format", "json"]).stdout)
                    .expect("JSON");
            let delivery = serde_json::json!({"into": "main", "delivered": false, "reason": "it would change what is in no commit: shared.txt"});
            assert_eq!(
                (&report["delivery"], &report["finalStatus"], &report["successLevel"]),
                (&delivery, &"Partial".into(), &"Partial Success".into())
            );
            let told = format!(
                "the result was not merged into main: it would change what is in no commit: shared.txt; it is {}",
                report["branch"].as_str().expect("a branch")
            );
            assert!(
                report["finalValidation"][0].as_str().is_some_and(|step| step.starts_with(&told)),
                "{report}"
            );
            let status = workspace.run(&["status"]).stdout;
            assert!(
                status.contains(
                    "Put right what keeps the result out of main (it would change what is in no commit: shared.txt), then `deliver`"
                ),
                "{status}"
            );
            assert_eq!(workspace.read(way), "mine\n");
        }
        let attempts = |workspace: &Workspace| {
            let is_attempt =
                |work: &Work| matches!(work, Work::Tests { .. } | Work::Implementation { .. });
            workspace
                .journal()
                .iter()
                .filter(|of| matches!(&of.event, Event::Ordered { work, .. } if is_attempt(work)))
                .count()
        };
        let before = attempts(&workspace);
        std::fs::remove_file(workspace.path(way)).expect("removed");
        let run = workspace.run(&["run", "breakdown.md", "--deliver"]);
        assert!(
            run.code == 0 && run.stderr.contains("the result is merged into main"),
            "{}{}",
            run.code,
            run.stderr
        );
        assert_eq!((attempts(&workspace), workspace.read(way).lines().count()), (before, 4));
        let report: serde_json::Value =
            serde_json::from_str(&workspace.run(&["report", "--format", "json"]).stdout)
                .expect("JSON");
        assert_eq!(
            (&report["delivery"]["delivered"], &report["successLevel"]),
            (&true.into(), &"Complete Success".into())
        );
        assert_eq!(workspace.run(&["audit"]).code, 0);
    }
    // What the result does not touch is in nobody's way.
    let workspace = repository(&[]);
    workspace.write("test.sh", &format!("{TEST}# mine\n"));
    let run = workspace.run(&["run", "breakdown.md", "--deliver", "--write-back"]);
    assert!(
        run.code == 0 && run.stderr.contains("don't see uncommitted changes (test.sh)"),
        "{}{}",
        run.code,
        run.stderr
    );
    assert!(
        workspace.read("test.sh").ends_with("# mine\n") && workspace.path("shared.txt").exists()
    );
}

#[test]
fn every_kind_of_repository_works_or_says_what_to_do() {
    let said = |workspace: &Workspace, code: i32, words: &str| {
        let run = workspace.run(&["run", "breakdown.md"]);
        assert!(
            run.code == code && run.stderr.contains(words),
            "{words}: {} {}{}",
            run.code,
            run.stdout,
            run.stderr
        );
    };
    let shared_folder = CONFIG.replace("isolation = \"worktree\"\n", "max_parallel = 1\n");
    let files = [("breakdown.md", PLAN), ("agent.sh", AGENT), ("test.sh", TEST)];
    // None at all.
    let workspace = Workspace::with(&files);
    workspace.write("execution-coordinator.toml", CONFIG);
    said(&workspace, 2, "no git repository: `git init`");
    workspace.write("execution-coordinator.toml", &shared_folder);
    said(&workspace, 0, "attempts share the workspace");
    // One without a commit.
    let workspace = Workspace::with(&files);
    workspace.write("execution-coordinator.toml", CONFIG);
    says(&workspace.path(""), &["init", "--quiet"]);
    said(&workspace, 2, "has no commit yet");
    // A folder of one, of which nothing is committed; then all is.
    let workspace = Workspace::new();
    says(&workspace.path(""), &["init", "--quiet"]);
    workspace.write(".gitignore", ".state/\n.execution-coordinator/\n");
    commit(&workspace);
    for (name, text) in files.iter().chain([&("execution-coordinator.toml", CONFIG)]) {
        workspace.write(&format!("shop/{name}"), text);
    }
    let run = |code: i32| {
        let mut command = workspace.command(&["run", "breakdown.md"]);
        let ended =
            ended(command.current_dir(workspace.path("shop")).output().expect("the binary"));
        assert_eq!(ended.code, code, "{}{}", ended.stdout, ended.stderr);
        ended
    };
    assert!(run(2).stderr.contains("nothing of shop/ is in the last commit"));
    commit(&workspace);
    run(0);
    assert!(!workspace.path("shop/shared.txt").exists());
}

#[test]
fn repositories_that_borrow_or_lack_something_work() {
    let source = repository(&[("kept.txt", "kept\n")]);
    source.write("kept.txt", "kept again\n");
    commit(&source);
    says(&source.path(""), &["config", "uploadpack.allowFilter", "true"]);
    let from = format!("file://{}", source.path("").display());
    let other = Workspace::new();
    let folder = other.path("");
    says(&folder, &["init", "--quiet"]);
    says(&folder, &["commit", "--quiet", "--allow-empty", "-m", "base"]);
    for (name, made) in [
        ("shallow", vec!["clone", "--quiet", "--depth", "1", &from, "shallow"]),
        ("partial", vec!["clone", "--quiet", "--filter=blob:none", &from, "partial"]),
        ("borrowing", vec!["clone", "--quiet", "--shared", &from[7..], "borrowing"]),
        (
            "module",
            vec![
                "-c",
                "protocol.file.allow=always",
                "submodule",
                "--quiet",
                "add",
                &from,
                "module",
            ],
        ),
        ("worktree", vec!["--git-dir=borrowing/.git", "worktree", "add", "--quiet", "worktree"]),
        ("longer", vec!["init", "--quiet", "--object-format=sha256", "longer"]),
        ("settings", vec!["clone", "--quiet", &from, "settings"]),
    ] {
        says(&folder, &made);
        let folder = other.path(name);
        if name == "longer" {
            let copied = [
                "breakdown.md",
                "agent.sh",
                "test.sh",
                "execution-coordinator.toml",
                "kept.txt",
                ".gitignore",
            ];
            for file in copied {
                std::fs::copy(source.path(file), folder.join(file)).expect("copied");
            }
            says(&folder, &["add", "--all"]);
            says(&folder, &["commit", "--quiet", "-m", "base"]);
        }
        if name == "settings" {
            says(&folder, &["config", "extensions.worktreeConfig", "true"]);
            says(&folder, &["config", "--worktree", "core.autocrlf", "false"]);
        }
        let mut command = other.command(&["run", "breakdown.md"]);
        let run = ended(command.current_dir(&folder).output().expect("the binary"));
        assert_eq!(run.code, 0, "{name}: {}{}", run.stdout, run.stderr);
        let branch = says(
            &folder,
            &["for-each-ref", "--format=%(refname)", "refs/heads/execution-coordinator/*/result"],
        );
        let branch = branch.lines().last().expect("a result");
        let lines: BTreeSet<String> = says(&folder, &["show", &format!("{branch}:shared.txt")])
            .lines()
            .map(str::to_owned)
            .collect();
        assert_eq!(lines, all_four(), "{name}");
        says(&folder, &["fsck", "--connectivity-only"]);
    }
}

#[test]
fn sparse_checkouts_large_files_and_bare_repositories_work() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    let files = [
        ("far/away.txt", "far\n"),
        ("big.bin", pointer),
        (".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n"),
    ];
    let agent = after("! test -e far || exit 9");
    let workspace = repository(&[&files[..], &[("agent.sh", &*agent)]].concat());
    let folder = workspace.path("");
    // What is not checked out here is in the result as it was; large files are pointers where their program is not.
    says(&folder, &["sparse-checkout", "set", "--no-cone", "/*", "!/far/"]);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(
        (run.code, workspace.path("far").exists()),
        (0, false),
        "{}{}",
        run.stdout,
        run.stderr
    );
    let result = result(&workspace);
    assert_eq!(shared(&workspace, &result), all_four());
    assert_eq!(says(&folder, &["show", &format!("{result}:far/away.txt")]), "far");
    assert_eq!(says(&folder, &["show", &format!("{result}:big.bin")]), pointer.trim_end());
    // Where nothing is checked out at all.
    let bare = Workspace::with(&[
        ("breakdown.md", PLAN),
        ("agent.sh", AGENT),
        ("test.sh", TEST),
        ("execution-coordinator.toml", CONFIG),
    ]);
    says(&bare.path(""), &["clone", "--quiet", "--bare", &folder.display().to_string(), "git"]);
    for entry in std::fs::read_dir(bare.path("git")).expect("a repository").flatten() {
        std::fs::rename(entry.path(), bare.path(&entry.file_name().to_string_lossy()))
            .expect("moved");
    }
    std::fs::remove_dir(bare.path("git")).expect("empty");
    let run = bare.run(&["run", "breakdown.md"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn places_have_what_is_in_no_commit() {
    let config =
        format!("{CONFIG}[worktree]\ncopy = [\".env\", \"vendor\"]\nsetup = [\"./setup.sh\"]\n");
    let agent = AGENT.replace(
        "cat >/dev/null",
        "cat >/dev/null\ncat .env vendor/a made sub/module.txt || exit 9",
    );
    let setup = "#!/bin/sh\necho made >made\n";
    let module = Workspace::with(&[("module.txt", "of a module\n")]);
    let there = module.path("").canonicalize().expect("a folder");
    says(&there, &["init", "--quiet"]);
    says(&there, &["add", "module.txt"]);
    says(&there, &["commit", "--quiet", "-m", "module"]);
    let ignore = ".state/\n.execution-coordinator/\n.env\nvendor/\nmade\n";
    let workspace = repository(&[
        ("execution-coordinator.toml", &config),
        ("agent.sh", &agent),
        ("setup.sh", setup),
        (".gitignore", ignore),
    ]);
    says(
        &workspace.path(""),
        &["submodule", "--quiet", "add", &there.display().to_string(), "sub"],
    );
    commit(&workspace);
    workspace.write(".env", "secret\n");
    workspace.write("vendor/a", "a\n");
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let files = says(&workspace.path(""), &["ls-tree", "-r", "--name-only", &result(&workspace)]);
    assert!(!files.contains(".env") && !files.contains("vendor"), "{files}");
    // Work in a submodule is another repository's: it is refused, committed or not, and nothing of it is run by us.
    let sub = format!(
        "git -C sub config core.fsmonitor \"touch {}; false\"",
        workspace.path("pwned").display()
    );
    for changes in [
        "date >sub/module.txt".to_owned(),
        "date >sub/new; git -C sub add .; git -C sub -c user.name=a -c user.email=a@b commit -qm own".to_owned(),
        format!("{sub}; date >sub/new"),
    ] {
        workspace.write(
            "agent.sh",
            &after(&changes).replace("cat >/dev/null", "cat >/dev/null\ncat .env vendor/a made sub/module.txt || exit 9"),
        );
        commit(&workspace);
        let run = workspace.run(&["run", "breakdown.md", "--fresh", "--only", "1"]);
        assert!(run.code == 4 && run.stdout.contains("work in the submodule `sub`"), "{changes}: {}{}", run.stdout, run.stderr);
        assert!(!workspace.path("pwned").exists(), "{changes}");
    }
    workspace.write("agent.sh", &agent);
    // A setup that fails says so, and nothing is begun.
    workspace.write("setup.sh", "#!/bin/sh\necho no network\nexit 3\n");
    commit(&workspace);
    let run = workspace.run(&["run", "breakdown.md", "--fresh"]);
    assert!(
        run.code == 4 && run.stdout.contains("no network"),
        "{} {}{}",
        run.code,
        run.stdout,
        run.stderr
    );
}

#[test]
fn what_the_report_names_is_there_or_audit_says_what_is_not() {
    let workspace = repository(&[]);
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
    let audited = workspace.run(&["audit", "--evidence"]);
    assert!(
        audited.code == 0 && audited.stdout.contains(" commits, files and outputs are there"),
        "{}{}",
        audited.stdout,
        audited.stderr
    );
    let report: serde_json::Value =
        serde_json::from_str(&workspace.run(&["report", "--format", "json"]).stdout).expect("JSON");
    let (branch, task) = (report["branch"].as_str().expect("a branch"), &report["tasks"][0]);
    let commit = task["commit"].as_str().expect("a commit");
    assert_eq!(
        says(
            &workspace.path(""),
            &["show", "--no-patch", "--format=%(trailers:key=Task,valueonly)", commit]
        )
        .trim(),
        "1"
    );
    assert_eq!(
        says(&workspace.path(""), &["rev-parse", branch]),
        report["commit"].as_str().expect("a commit")
    );
    let order = task["evidence"].as_str().expect("an order");
    std::fs::remove_file(workspace.execution().join(format!("output/{order}.log")))
        .expect("removed");
    says(&workspace.path(""), &["branch", "--quiet", "-D", branch]);
    let audited = workspace.run(&["audit", "--evidence", "--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(&audited.stdout).expect("JSON");
    assert_eq!(
        (audited.code, said["evidence"]["missing"].as_array().map(Vec::len)),
        (1, Some(2)),
        "{}",
        audited.stdout
    );
}

#[test]
fn clean_takes_only_what_the_program_made() {
    let agent = AGENT.replace(
        "cat >/dev/null",
        "cat >/dev/null\n[ \"$task$EXECUTION_COORDINATOR_TASK\" != 3 ] || exit 1",
    );
    let workspace = repository(&[("agent.sh", &agent)]);
    let folder = workspace.path("");
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 3);
    assert!(workspace.run(&["clean"]).stderr.contains("it is not complete"));
    // The place of what failed is kept, and somebody goes on there.
    let trees = std::fs::read_dir(workspace.execution().join("trees"))
        .expect("worktrees")
        .flatten()
        .map(|entry| entry.path());
    let place = trees
        .filter(|tree| tree.join("shared.txt").exists())
        .find(|tree| tree.file_name() > Some("a".as_ref()))
        .expect("a worktree");
    let place = place.as_path();
    std::fs::write(place.join("by-hand.txt"), "mine\n").expect("written");
    says(place, &["add", "by-hand.txt"]);
    says(place, &["commit", "--quiet", "-m", "by hand"]);
    let branch = says(place, &["rev-parse", "--abbrev-ref", "HEAD"]);
    says(&folder, &["branch", "execution-coordinator-of-mine"]);
    assert_eq!(workspace.run(&["cancel"]).code, 0);
    let cleaned = workspace.run(&["clean"]);
    assert!(
        cleaned
            .stderr
            .contains(&format!("kept {branch}: it has commits that the execution did not make")),
        "{}",
        cleaned.stderr
    );
    let branches = says(&folder, &["branch", "--format=%(refname:short)"]);
    let mut left: Vec<&str> = branches.lines().collect();
    left.sort_unstable();
    let result = result(&workspace);
    let mut expected =
        vec![branch.as_str(), "execution-coordinator-of-mine", "main", result.as_str()];
    expected.sort_unstable();
    assert_eq!(left, expected);
}

#[test]
fn work_on_another_branch_is_taken_where_it_follows() {
    let commit = "git add -A; git -c user.name=a -c user.email=a@b commit -qm own";
    for deed in [
        format!("git checkout -q -B mine-$EXECUTION_COORDINATOR_TASK; {commit}"),
        format!("git checkout -q --detach; {commit}"),
    ] {
        let workspace = repository(&[("agent.sh", &after(&deed))]);
        let folder = workspace.path("");
        says(&folder, &["branch", "feature"]);
        let before = says(&folder, &["for-each-ref", "refs/heads/main", "refs/heads/feature"]);
        let run = workspace.run(&["run", "breakdown.md"]);
        assert_eq!(run.code, 0, "{deed}: {}{}", run.stdout, run.stderr);
        assert_eq!(shared(&workspace, &result(&workspace)), all_four(), "{deed}");
        assert_eq!(
            says(&folder, &["for-each-ref", "refs/heads/main", "refs/heads/feature"]),
            before,
            "{deed}"
        );
        assert_eq!(workspace.run(&["audit", "--evidence"]).code, 0, "{deed}");
    }
}

/// An agent that does something to its repository before it answers.
fn after(deed: &str) -> String {
    AGENT.replace("echo '{\"status\"", &format!("{deed}\necho '{{\"status\""))
}

#[test]
fn what_agents_do_to_their_places_reaches_nothing_else() {
    let user = [("mine.txt", "as it was\n")];
    for (deed, words) in [
        ("rm -rf .git", "is no git worktree any more"),
        // What it began with is older than what is in it.
        ("git checkout -q feature", "is on another branch, which does not have its own one in it"),
        (
            "git add -A; git commit -qm mine; git checkout -q --detach HEAD~1",
            "is on another branch, which does not have its own one in it",
        ),
        ("rm -rf .git; git init -q", "is another repository now"),
        (
            // Only the last words name a program, so whoever runs it is not the agent.
            "mkdir sub; cd sub; git init -q; echo '* filter=x' >.gitattributes; echo x >x; git add .; git -c user.name=a -c user.email=a@b commit -qm x; \
             cd ..; git add sub; touch sub/x; git -C sub config filter.x.clean \"touch $GIT_CEILING_DIRECTORIES/../pwned; cat\"",
            "is a repository of its own",
        ),
        (
            "ln -s \"$GIT_CEILING_DIRECTORIES/../pwned\" \"$(git rev-parse --git-dir)/COMMIT_EDITMSG\"",
            "has links or pipes where git keeps what it writes",
        ),
        (
            "o=$(git rev-parse --git-common-dir)/objects; h=$(echo new | git hash-object --stdin); f=$(echo $h | cut -c1-2); \
                mkdir -p $o/$f; mkfifo $o/$f/$(echo $h | cut -c3-); echo new >new",
            "has links or pipes where git keeps what it writes",
        ),
        (
            "rm .git; git init -q; git config core.fsmonitor \"touch $WORKSPACE/pwned; false\"",
            "is another repository now",
        ),
        (
            "echo '[core]' >\"$(git rev-parse --git-dir)/config.worktree\"",
            "has other settings of git than it was made with",
        ),
        (
            "mkdir inner; git init -q inner; echo x >inner/x; git -C inner add x; git -C inner -c user.name=a -c user.email=a@b commit -qm x; git add -A; git -c user.name=a -c user.email=a@b commit -qm own",
            "is a repository of its own",
        ),
        (
            "mkdir inner; git init -q inner; echo x >inner/x; git -C inner add x; git -C inner -c user.name=a -c user.email=a@b commit -qm x",
            "is a repository of its own",
        ),
    ] {
        let workspace = repository(&[("agent.sh", &after(deed)), user[0]]);
        let folder = workspace.path("");
        says(&folder, &["branch", "feature"]);
        workspace.write("mine.txt", "changed, not committed\n");
        workspace.write("wip.txt", "new, not committed\n");
        let before = says(&folder, &["for-each-ref", "refs/heads/main", "refs/heads/feature"]);
        let run = workspace.run(&["run", "breakdown.md"]);
        assert!(
            run.code == 4 && run.stdout.contains(words),
            "{deed}: {}{}",
            run.stdout,
            run.stderr
        );
        assert_eq!(
            says(&folder, &["for-each-ref", "refs/heads/main", "refs/heads/feature"]),
            before,
            "{deed}"
        );
        assert!(!workspace.execution().join("pwned").exists(), "{deed}");
        assert_eq!(
            (workspace.read("mine.txt"), workspace.read("wip.txt")),
            ("changed, not committed\n".into(), "new, not committed\n".into())
        );
        assert!(
            !says(&folder, &["log", "--format=%s", "--name-only", &result(&workspace)])
                .contains("wip.txt"),
            "{deed}"
        );
    }
    // Committing and amending by itself is an agent's own affair.
    let workspace = repository(&[(
        "agent.sh",
        &after("git add -A; git commit -qm mine; git commit -q --amend -m again"),
    )]);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(shared(&workspace, &result(&workspace)), all_four());
}

#[test]
fn conflicts_have_to_be_decided() {
    // Both are at work at once; one takes a file away that the other changes, and neither decides.
    let deed = "if [ \"$EXECUTION_COORDINATOR_ROLE$EXECUTION_COORDINATOR_ROUND\" = implementation0 ]; then
  touch \"$WORKSPACE/at-$task\"; until [ -f \"$WORKSPACE/at-1\" ] && [ -f \"$WORKSPACE/at-2\" ]; do sleep 0.02; done
  if [ $task = 1 ]; then rm both.txt; else echo changed >both.txt; fi
fi";
    let config = CONFIG
        .replace("[execution]\n", "[environment]\npass = [\"PATH\", \"WORKSPACE\"]\n[execution]\n");
    let plan =
        "# Shop\n\n### Stream A: Base\n\n1. **Build**\n\n2. **Sell**\n   - Dependencies: none\n";
    let files = [
        ("agent.sh", &*after(deed)),
        ("both.txt", "base\n"),
        ("breakdown.md", plan),
        ("execution-coordinator.toml", &*config),
    ];
    let run = repository(&files).run(&["run", "breakdown.md"]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("conflicts are left in both.txt"), "{}{}", run.stdout, run.stderr);
    // A text that only looks like a conflict is none.
    let deed = "printf '<<<<<<< HEAD\\n' >\"doc-$task.md\"";
    let workspace = repository(&[("agent.sh", &after(deed))]);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_result_that_somebody_moves_loses_nothing() {
    let fails_once = "if [ $task = 2 ] && [ ! -f \"$WORKSPACE/again\" ]; then exit 1; fi";
    let config = CONFIG.replace(
        "[execution]\n",
        "[environment]\npass = [\"PATH\", \"WORKSPACE\"]\n[execution]\nmax_attempts = 1\n",
    );
    let prepared = || {
        let workspace = repository(&[
            ("agent.sh", &after(fails_once)),
            ("execution-coordinator.toml", &config),
        ]);
        assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 3);
        workspace.write("again", "");
        workspace
    };
    // Deleted: it is put back as it was.
    let workspace = prepared();
    let branch = result(&workspace);
    says(&workspace.path(""), &["branch", "-qD", &branch]);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(
        (run.code, shared(&workspace, &branch)),
        (0, all_four()),
        "{}{}",
        run.stdout,
        run.stderr
    );
    // Set back: that is said, and nothing is built on it.
    let workspace = prepared();
    let branch = result(&workspace);
    says(&workspace.path(""), &["branch", "-qf", &branch, "main"]);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert!(
        run.code == 5 && run.stderr.contains("was moved by somebody else"),
        "{} {}",
        run.code,
        run.stderr
    );
    // Checked out somewhere: it does not move under that.
    let workspace = prepared();
    let branch = result(&workspace);
    let view = workspace.path(".state/view").display().to_string();
    says(&workspace.path(""), &["worktree", "add", "-q", &view, &branch]);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert!(run.stdout.contains("is checked out in"), "{} {}{}", run.code, run.stdout, run.stderr);
    assert_eq!(says(Path::new(&view), &["status", "--porcelain"]), "");
}

#[test]
fn the_users_own_worktrees_and_settings_are_left_alone() {
    let workspace = repository(&[]);
    let folder = workspace.path("");
    let (there, away) = (workspace.path(".state/disk"), workspace.path(".state/unplugged"));
    says(&folder, &["worktree", "add", "-q", "--detach", &there.display().to_string()]);
    std::fs::rename(&there, &away).expect("moved");
    for (name, value) in
        [("merge.ff", "only"), ("merge.verifySignatures", "true"), ("commit.gpgSign", "true")]
    {
        says(&folder, &["config", name, value]);
    }
    workspace.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n");
    let mut command = workspace.command(&["run", "breakdown.md"]);
    let run = ended(
        command
            .env("GIT_DIR", "/nowhere")
            .env("GIT_AUTHOR_DATE", "nonsense")
            .output()
            .expect("the binary"),
    );
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(workspace.run(&["clean"]).code, 0);
    std::fs::rename(&away, &there).expect("moved back");
    says(&there, &["status"]);
    // A branch of our name is in the way: that is said before anything begins.
    let workspace = repository(&[]);
    says(&workspace.path(""), &["branch", "execution-coordinator"]);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert!(run.code == 2 && run.stderr.contains("rename it"), "{}", run.stderr);
}

/// One task that adds, changes and removes a file.
fn changing() -> Workspace {
    let agent = "#!/bin/sh\ncat >/dev/null\nmkdir -p new/in; echo added >new/in/file; echo changed >shared.txt; rm -f old/gone\n\
        echo '{\"status\":\"complete\"}'\n";
    let config = CONFIG
        .replace("[execution]\n", "[execution]\ntests_first = \"off\"\n")
        .replace("[\"./test.sh\", \"{task}\"]", "[\"true\"]");
    let config = config.replace("[\"./test.sh\", \"all\"]", "[\"true\"]");
    repository(&[
        ("breakdown.md", "# T\n\n- [ ] Task 1: One\n"),
        ("execution-coordinator.toml", &config),
        ("agent.sh", agent),
        ("shared.txt", "as it was\n"),
        ("old/gone", "x\n"),
    ])
}

fn is_delivered(workspace: &Workspace, what: &str) {
    let folder = workspace.path("");
    assert_eq!(says(&folder, &["status", "--porcelain"]), "", "{what}");
    assert_eq!(
        (workspace.read("shared.txt"), workspace.read("new/in/file")),
        ("changed\n".into(), "added\n".into()),
        "{what}"
    );
    assert!(
        !workspace.path("old").exists() && !workspace.path(".git/index.lock").exists(),
        "{what}"
    );
    assert_eq!(
        says(&folder, &["rev-parse", "main"]),
        says(&folder, &["rev-parse", &result(workspace)]),
        "{what}"
    );
    assert_eq!(says(&folder, &["symbolic-ref", "--short", "HEAD"]), "main", "{what}");
}

#[test]
fn the_result_goes_to_the_branch_of_the_start() {
    // What is checked out later is left alone.
    let workspace = changing();
    let folder = workspace.path("");
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
    says(&folder, &["checkout", "--quiet", "-b", "other"]);
    let delivered = workspace.run(&["deliver"]);
    assert!(
        delivered.code == 0
            && delivered.stderr.contains("merged into main (checked out is other now)"),
        "{}",
        delivered.stderr
    );
    assert_eq!(
        (workspace.read("shared.txt"), says(&folder, &["show", "main:shared.txt"])),
        ("as it was\n".into(), "changed".into())
    );
    assert_eq!(says(&folder, &["status", "--porcelain"]), "");
    says(&folder, &["checkout", "--quiet", "main"]);
    is_delivered(&workspace, "afterwards");
    // What can't be, is said, with exit code 3.
    let workspace = changing();
    let folder = workspace.path("");
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
    says(&folder, &["checkout", "--quiet", "-b", "other"]);
    says(&folder, &["branch", "--quiet", "-D", "main"]);
    let refused = workspace.run(&["deliver"]);
    assert!(
        refused.code == 3
            && refused
                .stderr
                .contains("the branch main, which was checked out at the start, is not there"),
        "{}",
        refused.stderr
    );
}

#[test]
fn what_is_not_complete_is_not_delivered() {
    let workspace = changing();
    let none = workspace.run(&["deliver"]);
    assert!(none.code == 2, "{}", none.stderr);
    workspace.write("agent.sh", "#!/bin/sh\necho '{\"status\":\"failed\"}'\n");
    assert_ne!(workspace.run(&["run", "breakdown.md"]).code, 0);
    let refused = workspace.run(&["deliver"]);
    assert!(refused.code == 2 && refused.stderr.contains("is not complete"), "{}", refused.stderr);
}

#[test]
fn a_delivery_that_is_killed_at_any_call_of_git_is_finished_by_the_next() {
    let git = String::from_utf8(
        std::process::Command::new("sh")
            .args(["-c", "command -v git"])
            .output()
            .expect("sh")
            .stdout,
    )
    .expect("text");
    let killing = format!(
        "#!/bin/sh\nn=$(($(cat \"$COUNT\" 2>/dev/null || echo 0) + 1)); echo $n >\"$COUNT\"\n\
            if [ $n = $KILL_AT ]; then [ $AFTER = 1 ] && {git} \"$@\"; kill -9 $PPID; exit 1; fi\nexec {git} \"$@\"\n",
        git = git.trim()
    );
    let (mut kills, mut changed) = (0, 0);
    // All of them where there is time for it.
    let step = if std::env::var("KILLS").is_ok() { 1 } else { 3 };
    for (first, after) in [(1, "0"), (2, "1")] {
        for kill_at in (first..).step_by(step) {
            let workspace = changing();
            assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
            let tools = tempfile::tempdir().expect("a folder");
            let (wrapper, count) = (tools.path().join("git"), tools.path().join("count"));
            std::fs::write(&wrapper, &killing).expect("a file");
            std::fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .expect("a mode");
            let path =
                format!("{}:{}", tools.path().display(), std::env::var("PATH").unwrap_or_default());
            let mut command = workspace.command(&["deliver"]);
            command
                .env("PATH", path)
                .env("COUNT", &count)
                .env("KILL_AT", kill_at.to_string())
                .env("AFTER", after);
            let killed = ended(command.output().expect("the binary"));
            // What somebody has changed since then is theirs, whether the branch has moved or not.
            if workspace.execution().join("delivery").exists() {
                let now = workspace.read("shared.txt");
                let has_moved =
                    says(&workspace.path(""), &["show", "main:shared.txt"]) == "changed";
                workspace.write("shared.txt", "mine\n");
                let second = workspace.run(&["deliver"]);
                let is_told = second.code == 3 && second.stderr.contains("shared.txt");
                assert!(
                    if has_moved { second.code == 0 } else { is_told },
                    "killed at {kill_at} ({after}): {}",
                    second.stderr
                );
                assert_eq!(workspace.read("shared.txt"), "mine\n");
                workspace.write("shared.txt", &now);
                changed += 1;
            }
            let again = workspace.run(&["deliver"]);
            assert_eq!(
                again.code, 0,
                "killed at {kill_at} ({after}): {}{}",
                again.stdout, again.stderr
            );
            is_delivered(&workspace, &format!("killed at {kill_at} ({after})"));
            assert_eq!(
                workspace.run(&["audit", "--evidence"]).code,
                0,
                "killed at {kill_at} ({after})"
            );
            if killed.code == 0 {
                break;
            }
            kills += 1;
        }
    }
    assert!(
        kills > 60 / step && changed > 0,
        "{kills} kills, {changed} with files that were changed"
    );
}

#[test]
fn later_runs_begin_with_what_the_user_has_committed_since() {
    let config = "[execution]\ntests_first = \"off\"\nmax_attempts = 1\nisolation = \"worktree\"\n[agents.implementation-agent]\nkind = \"command\"\n\
        command = [\"./agent.sh\"]\n[[gates]]\nname = \"all\"\nlevel = \"system\"\ncommand = [\"true\"]\n";
    let agent = "#!/bin/sh\ncat >/dev/null\necho x >made-$EXECUTION_COORDINATOR_TASK\n\
        [ $EXECUTION_COORDINATOR_TASK = 1 ] || [ -e helper ] || exit 1\necho '{\"status\":\"complete\"}'\n";
    let plan = "# T\n\n- [ ] Task 1: One\n- [ ] Task 2: Two (depends on 1)\n";
    let made = || {
        repository(&[
            ("breakdown.md", plan),
            ("execution-coordinator.toml", config),
            ("agent.sh", agent),
        ])
    };
    let attempts = |workspace: &Workspace| {
        let is = |event: &Event| matches!(event, Event::Ordered { work: Work::Implementation { task, .. }, .. } if task.as_str() == "1");
        workspace.journal().iter().filter(|recorded| is(&recorded.event)).count()
    };
    let workspace = made();
    let folder = workspace.path("");
    assert_ne!(workspace.run(&["run", "breakdown.md"]).code, 0, "it lacks something");
    workspace.write("helper", "x\n");
    says(&folder, &["add", "helper"]);
    says(&folder, &["commit", "--quiet", "-m", "what it lacks"]);
    let again = workspace.run(&["run", "breakdown.md", "--deliver"]);
    assert!(
        again.code == 0 && again.stderr.contains("merging new commits of the base branch"),
        "{}{}",
        again.stdout,
        again.stderr
    );
    assert_eq!(attempts(&workspace), 1, "nothing is done again");
    assert_eq!(
        says(&folder, &["ls-tree", "--name-only", "main", "helper", "made-1", "made-2"]),
        "helper\nmade-1\nmade-2"
    );
    assert_eq!(
        (says(&folder, &["status", "--porcelain"]), workspace.run(&["audit", "--evidence"]).code),
        (String::new(), 0)
    );
    // What was added after it was delivered sees it too.
    workspace.write("MINE", "x\n");
    workspace.write("breakdown.md", &format!("{plan}- [ ] Task 3: Three (depends on 2)\n"));
    says(&folder, &["add", "--all"]);
    says(&folder, &["commit", "--quiet", "-m", "mine, and task 3"]);
    let third = workspace.run(&["run", "breakdown.md", "--deliver"]);
    assert!(
        third.code == 0 && third.stderr.contains("merging new commits of the base branch"),
        "{}{}",
        third.stdout,
        third.stderr
    );
    assert_eq!(
        says(&folder, &["ls-tree", "--name-only", "main", "MINE", "made-3"]),
        "MINE\nmade-3"
    );
    assert_eq!(workspace.run(&["audit", "--evidence"]).code, 0);
    // What does not fit, and what was rewritten, is told, and the rest goes on.
    for (change, told) in [
        (&["commit", "--quiet", "-m", "other"][..], "they don't fit with the result: made-1"),
        (
            &["commit", "--quiet", "--amend", "-m", "another beginning"],
            "the commits that it began with were rewritten",
        ),
    ] {
        let workspace = made();
        let folder = workspace.path("");
        assert_ne!(workspace.run(&["run", "breakdown.md"]).code, 0);
        workspace.write("made-1", "mine\n");
        workspace.write("helper", "x\n");
        says(&folder, &["add", "made-1", "helper"]);
        says(&folder, change);
        let again = workspace.run(&["run", "breakdown.md"]);
        assert!(
            again.code != 0 && again.stderr.contains(told),
            "{change:?}: {}{}",
            again.stdout,
            again.stderr
        );
        assert_eq!(workspace.run(&["audit"]).code, 0);
    }
}

#[test]
fn what_agents_would_miss_is_named_before_they_begin() {
    let workspace = changing();
    workspace.write("not-added", "x\n");
    workspace.write("shared.txt", "as it was\nand mine\n");
    let run = workspace.run(&["run", "breakdown.md"]);
    let told = [
        "don't see uncommitted changes (shared.txt)",
        "don't see files that are in no commit (not-added)",
    ];
    assert!(run.code == 0 && told.iter().all(|told| run.stderr.contains(told)), "{}", run.stderr);
    assert!(run.stderr.contains("/result, 2 commits ahead of main: `git merge"), "{}", run.stderr);
}

#[test]
fn a_branch_in_the_way_of_ours_is_an_error_whatever_is_asked_for() {
    for isolation in ["", "isolation = \"worktree\"\n"] {
        let workspace = changing();
        let config = workspace
            .read("execution-coordinator.toml")
            .replace("isolation = \"worktree\"\n", isolation);
        workspace.write("execution-coordinator.toml", &config);
        says(&workspace.path(""), &["branch", "execution-coordinator"]);
        let run = workspace.run(&["run", "breakdown.md"]);
        assert!(
            run.code == 2 && run.stderr.contains("a branch is called `execution-coordinator`"),
            "{}{}",
            run.code,
            run.stderr
        );
    }
}

#[test]
fn a_conflict_that_an_agent_has_asked_about_is_a_conflict_in_the_next_run_too() {
    // Both change the same line at once; who is merged second asks how, and once it is answered it leaves the markers, or not.
    for (resolves, code) in [("", 3), ("echo both >shared;", 0)] {
        let agent = format!(
            "#!/bin/sh\nbrief=$(cat)\ntask=$EXECUTION_COORDINATOR_TASK\ncase $brief in\n\
                *'The answer: keep both'*) {resolves} echo '{{\"status\":\"complete\"}}';;\n\
                *'does not fit'*) echo '{{\"status\":\"blocked\",\"reason\":\"which one?\"}}';;\n\
                *) touch \"$WORKSPACE/at-$task\"; until [ -f \"$WORKSPACE/at-1\" ] && [ -f \"$WORKSPACE/at-2\" ]; do sleep 0.02; done\n\
                echo $task >shared; echo '{{\"status\":\"complete\"}}';; esac\n"
        );
        let config = "[environment]\npass = [\"PATH\", \"WORKSPACE\"]\n[execution]\ntests_first = \"off\"\nmax_rework = 1\nisolation = \"worktree\"\n\
            [agents.implementation-agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n";
        let plan = "# T\n\n### Stream A: Only\n\n1. **One**\n   - Dependencies: None\n2. **Two**\n   - Dependencies: None\n";
        let workspace = repository(&[
            ("breakdown.md", plan),
            ("execution-coordinator.toml", config),
            ("agent.sh", &agent),
            ("shared", "0\n"),
        ]);
        let asked = workspace.run(&["run", "breakdown.md"]);
        assert!(
            asked.code == 4 && asked.stdout.contains("which one?"),
            "{}{}",
            asked.stdout,
            asked.stderr
        );
        let second = if asked.stdout.contains("task 2 is blocked") { "2" } else { "1" };
        assert_eq!(workspace.run(&["answer", second, "keep both"]).code, 0);
        let done = workspace.run(&["run", "breakdown.md"]);
        assert_eq!(done.code, code, "{}{}", done.stdout, done.stderr);
        assert_eq!(
            done.stdout.contains("conflicts are left in shared"),
            code != 0,
            "{}",
            done.stdout
        );
        let branch = says(
            &workspace.path(""),
            &["for-each-ref", "--format=%(refname)", "refs/heads/execution-coordinator/*/result"],
        );
        assert!(
            !says(&workspace.path(""), &["show", &format!("{}:shared", branch.trim())])
                .contains("<<<<")
        );
    }
}

#[test]
fn what_an_agent_asks_is_answered_and_it_goes_on_where_it_was() {
    // It begins, asks, and finishes what it began only if it finds that, and the answer in its brief.
    let agent = "#!/bin/sh\nbrief=$(cat)\ncase $brief in\n*'The answer: PostgreSQL, not $(touch pwned)'*) [ -e begun ] && mv begun made-$EXECUTION_COORDINATOR_TASK;\n\
        echo '{\"status\":\"complete\"}';;\n*) echo x >begun; echo '{\"status\":\"blocked\",\"reason\":\"which database?\"}';; esac\n";
    let config = "[execution]\ntests_first = \"off\"\nisolation = \"worktree\"\n[agents.implementation-agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n";
    let plan = "# T\n\n- [ ] Task 1: One\n";
    for isolation in ["worktree", "none"] {
        let config = config.replace("\"worktree\"", &format!("\"{isolation}\""));
        let workspace = repository(&[
            ("breakdown.md", plan),
            ("execution-coordinator.toml", &config),
            ("agent.sh", agent),
        ]);
        let asked = workspace.run(&["run", "breakdown.md"]);
        assert_eq!(asked.code, 4, "{}{}", asked.stdout, asked.stderr);
        assert!(
            asked
                .stdout
                .contains("- task 1 is blocked: implementation-agent is blocked: which database?"),
            "{}",
            asked.stdout
        );
        assert!(
            asked.stderr.contains("; `answer 1 TEXT`, on which it goes on"),
            "{}",
            asked.stderr
        );
        let status = workspace.run(&["status"]).stdout;
        assert!(
            status.contains(
                "Answer Task 1 (implementation-agent is blocked: which database?): `answer 1 TEXT`"
            ),
            "{status}"
        );
        for (arguments, why) in [
            (&["answer", "1", " "][..], "there is nothing in the text"),
            (&["answer", "2", "yes"], "there is no task 2"),
            (&["answer", "1"], "TEXT"),
        ] {
            let refused = workspace.run(arguments);
            assert!(
                refused.code == 2 && refused.stderr.contains(why),
                "{arguments:?}: {}",
                refused.stderr
            );
        }
        let answered =
            workspace.run(&["answer", "1", "PostgreSQL, not $(touch pwned)", "--by", "ann"]);
        assert!(
            answered.code == 0 && answered.stderr.contains("answered; `run` goes on with it"),
            "{}",
            answered.stderr
        );
        let done = workspace.run(&["run", "breakdown.md"]);
        assert!(
            done.code == 0 && !workspace.path("pwned").exists(),
            "{}{}",
            done.stdout,
            done.stderr
        );
        assert!(workspace.run(&["events"]).stdout.contains("taskAnswered"));
        let late = workspace.run(&["answer", "1", "MySQL"]);
        assert!(
            late.code == 2 && late.stderr.contains("task 1 has not asked anything"),
            "{}",
            late.stderr
        );
        let audit = workspace.run(&["audit", "--evidence"]);
        assert_eq!(audit.code, 0, "{}{}", audit.stdout, audit.stderr);
    }
    // While a process is at work on it, by a client too.
    let waiting = format!(
        "{plan}- [ ] Task 2: Two\n  - Dependencies: None\n  - Run: `sh -c 'until test -e \"$WORKSPACE/go\"; do sleep 0.02; done'`\n"
    );
    let config = format!("[environment]\npass = [\"PATH\", \"WORKSPACE\"]\n{config}");
    let workspace = repository(&[
        ("breakdown.md", &waiting),
        ("execution-coordinator.toml", &config),
        ("agent.sh", agent),
    ]);
    let run = workspace.start(&["run", "breakdown.md", "--deps", "explicit"]);
    crate::support::eventually("it asks", || {
        workspace.run(&["status"]).stdout.contains("which database?")
    });
    let mut client = crate::client::Server::lines(&workspace, &[]);
    let answer = serde_json::json!({"task": "1", "text": "PostgreSQL, not $(touch pwned)"});
    assert!(client.result("task/answer", answer.clone())["seq"].is_number());
    crate::support::eventually("it goes on", || {
        workspace.run(&["status"]).stdout.contains("Task 1: One ✅")
    });
    assert!(
        client.answer("task/answer", answer)["error"]["message"]
            .as_str()
            .is_some_and(|why| why.contains("has not asked anything"))
    );
    workspace.write("go", "");
    let ended = crate::support::ended(run.wait_with_output().expect("an end"));
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}
