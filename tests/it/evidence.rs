//! What a verdict is about, and that nothing false passes for one.

use crate::support::{Workspace, commit_all, ended, git};
use execution_coordinator::workspace::checkout::Checkout;
use execution_coordinator::workspace::git::Git;
use execution_coordinator::workspace::tree::Trees;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

fn says(folder: &Path, arguments: &[&str]) {
    let ended = git(folder, arguments);
    assert_eq!(ended.code, 0, "git {arguments:?}: {}", ended.stderr);
}

fn digest(folder: &Path) -> String {
    Trees::new(folder, vec!["report.xml".into()]).now().digest()
}

/// Whether what is done in a folder makes another tree of it.
fn makes_another(folder: &Path, change: impl FnOnce(&Workspace), workspace: &Workspace) -> bool {
    let before = digest(folder);
    change(workspace);
    let after = digest(folder);
    assert_eq!(after, digest(folder), "looking changes nothing");
    before != after
}

/// What is done to a workspace.
type Change = fn(&Workspace);

#[test]
fn a_tree_is_what_git_would_commit() {
    let repository = || {
        let workspace =
            Workspace::with(&[("src/a", "1\n"), ("dist/forced", "1\n"), ("sub/file", "1\n")]);
        let folder = workspace.path("");
        commit_all(&workspace);
        workspace.write(".gitignore", "dist/\n*.log\n.execution-coordinator/\n");
        workspace.write("dist/ignored", "1\n");
        says(&folder, &["commit", "--quiet", "--all", "-m", "ignore"]);
        workspace
    };
    let same: [(&str, Change); 7] = [
        ("a file that git ignores", |w| w.write("dist/ignored", "2\n")),
        ("a new one", |w| w.write("new.log", "2\n")),
        ("a report", |w| w.write("report.xml", "<x/>")),
        ("our own state", |w| w.write(".execution-coordinator/x", "2\n")),
        ("an empty folder", |w| std::fs::create_dir(w.path("empty")).unwrap()),
        ("what is only taken out of the index", |w| {
            says(&w.path(""), &["rm", "--quiet", "--cached", "dist/forced"])
        }),
        ("what the index says", |w| says(&w.path(""), &["add", "--all"])),
    ];
    for (what, change) in same {
        let workspace = repository();
        assert!(!makes_another(&workspace.path(""), change, &workspace), "{what}");
    }
    let another: [(&str, Change); 12] = [
        ("a tracked file", |w| w.write("src/a", "2\n")),
        ("a tracked file that git ignores", |w| w.write("dist/forced", "2\n")),
        ("one that was taken out of the index", |w| {
            says(&w.path(""), &["rm", "--quiet", "--cached", "dist/forced"]);
            w.write("dist/forced", "2\n");
        }),
        ("one that another tool ignores", |w| {
            w.write(".ignore", "src/\n");
            w.write(".rgignore", "src/\n");
            says(&w.path(""), &["add", "--all"]);
            says(&w.path(""), &["commit", "--quiet", "-m", "ignore"]);
            w.write("src/a", "2\n");
        }),
        ("one that is to be taken for unchanged", |w| {
            says(&w.path(""), &["update-index", "--assume-unchanged", "src/a"]);
            w.write("src/a", "2\n");
        }),
        ("one that is to be skipped", |w| {
            says(&w.path(""), &["update-index", "--skip-worktree", "src/a"]);
            w.write("src/a", "2\n");
        }),
        ("a new file", |w| w.write("src/b", "2\n")),
        ("a file that is gone", |w| std::fs::remove_file(w.path("src/a")).unwrap()),
        ("a mode", |w| {
            std::fs::set_permissions(w.path("src/a"), std::fs::Permissions::from_mode(0o755))
                .unwrap()
        }),
        ("a link instead", |w| {
            std::fs::remove_file(w.path("src/a")).unwrap();
            symlink("../dist/forced", w.path("src/a")).unwrap();
        }),
        ("what is no longer ignored", |w| w.write(".gitignore", ".execution-coordinator/\n")),
        ("another repository in it", |w| {
            says(&w.path("sub"), &["init", "--quiet"]);
            w.write("sub/file", "2\n");
        }),
    ];
    for (what, change) in another {
        let workspace = repository();
        assert!(makes_another(&workspace.path(""), change, &workspace), "{what}");
    }
}

#[test]
fn a_tree_holds_what_a_submodule_holds() {
    let other = Workspace::with(&[("inner", "1\n")]);
    commit_all(&other);
    let workspace = Workspace::with(&[("a", "1\n")]);
    commit_all(&workspace);
    let (folder, url) = (workspace.path(""), other.path("").display().to_string());
    says(
        &folder,
        &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "sub"],
    );
    says(&folder, &["commit", "--quiet", "-m", "submodule"]);
    assert!(makes_another(&folder, |w| w.write("sub/inner", "2\n"), &workspace), "a change in it");
    assert!(makes_another(&folder, |w| w.write("sub/more", "2\n"), &workspace), "a new file in it");
}

#[test]
fn without_a_repository_a_gitignore_says_what_is_output() {
    let workspace = Workspace::with(&[
        ("work/src/a", "1\n"),
        ("work/.gitignore", "out/\n"),
        (".gitignore", "src/\n"),
        (".ignore", "src/\n"),
    ]);
    let folder = workspace.path("work");
    assert!(!makes_another(&folder, |w| w.write("work/out/x", "1\n"), &workspace), "output");
    assert!(
        makes_another(&folder, |w| w.write("work/src/a", "2\n"), &workspace),
        "what stands above means nothing"
    );
    // A time that is put back hides no change.
    let time = std::fs::metadata(workspace.path("work/src/a")).unwrap().modified().unwrap();
    let again = |w: &Workspace| {
        w.write("work/src/a", "3\n");
        std::fs::File::options()
            .write(true)
            .open(w.path("work/src/a"))
            .unwrap()
            .set_modified(time)
            .unwrap();
    };
    assert!(makes_another(&folder, again, &workspace), "a time that was put back");
}

/// Runs a breakdown of one task for which tests come first, with a gate that prints what a script says of each file in
/// `tests`; gives the report.
fn tested(tester: &str, agent: &str, more: &str) -> (Workspace, i32, serde_json::Value) {
    let says = "echo '{\"status\":\"complete\"}'\n";
    let config = CONFIG.replace("tests_first = \"off\"\n", "").replace("\"checked\"", "\"tests\"");
    let tester_of = "[agents.test-writer]\nkind = \"command\"\nrole = \"tester\"\ncommand = [\"./tester.sh\"]\n";
    let workspace = Workspace::with(&[
        ("breakdown.md", "# T\n\n- [ ] Task 1: One\n"),
        ("execution-coordinator.toml", &format!("{config}{tester_of}{more}")),
        ("agent.sh", &format!("#!/bin/sh\ncat >/dev/null\n{agent}\n{says}")),
        ("tester.sh", &format!("#!/bin/sh\ncat >/dev/null\nmkdir -p tests\n{tester}\n{says}")),
        ("tox.ini", "[tox]\n"),
        ("settings.ini", "[pytest]\naddopts = x\n"),
        (
            "gate.sh",
            "#!/bin/sh\nn=0; code=0\nfor t in tests/*.sh; do [ -e $t ] || continue; n=$((n + 1))\n\
                if sh $t; then echo \"ok $n - $t\"; else echo \"not ok $n - $t\"; code=1; fi\ndone\nexit $code\n",
        ),
    ]);
    symlink("settings.ini", workspace.path("conftest.py")).expect("a link");
    commit_all(&workspace);
    let run = workspace.run(&["run", "breakdown.md"]);
    let audit = workspace.run(&["audit", "--evidence"]);
    assert_eq!(audit.code, 0, "{}{}", audit.stdout, audit.stderr);
    let report = workspace.run(&["report", "--format", "json"]).stdout;
    (workspace, run.code, serde_json::from_str(&report).expect("JSON"))
}

const RED: &str = "echo 'test -e made' >tests/it.sh";

#[test]
fn tests_that_were_seen_red_are_seen_green() {
    let (_, code, report) = tested(RED, "echo x >made", "");
    assert_eq!((code, &report["tasks"][0]["unnamed"]), (0, &false.into()), "{report}");
    assert_eq!(
        (&report["quality"]["testsFirstSeen"], &report["tasks"][0]["testsChanged"]),
        (&1.into(), &serde_json::json!([]))
    );
    // Gone, renamed or skipped, whatever else passes.
    for agent in [
        "rm tests/it.sh; echo true >tests/other.sh",
        "mv tests/it.sh tests/renamed.sh; echo x >made",
        "echo 'true' >tests/other.sh; echo 'exit 0' >tests/it.sh; sed -i 's/ok $n - $t\"; else/ok $n - $t # SKIP\"; else/' gate.sh",
    ] {
        let (_, code, report) = tested(RED, agent, "");
        let why = report["tasks"][0]["reason"].as_str().unwrap_or_default();
        assert!(code != 0, "{agent}: {report}");
        let told = why.contains(
            "seen to fail before the implementation and not seen to pass now: tests/it.sh",
        ) || why.contains("no test was run");
        assert!(told, "{agent}: {why}");
    }
    // Weakened, they pass: whoever looks at the report is told.
    let (_, code, report) = tested(RED, "echo true >tests/it.sh", "");
    assert_eq!(
        (code, &report["tasks"][0]["testsChanged"]),
        (0, &serde_json::json!(["tests/it.sh"])),
        "{report}"
    );
    assert!(
        report["finalValidation"]
            .to_string()
            .contains("task 1 changed tests after they were seen to fail: tests/it.sh"),
        "{report}"
    );
}

#[test]
fn what_decides_how_a_gate_judges_is_not_for_its_task_to_change() {
    let cheats = "printf '#!/bin/sh\\necho ok 1 - tests/it.sh\\n' >gate.sh";
    let (workspace, code, report) = tested(RED, cheats, "");
    let asked = report["finalValidation"].to_string();
    assert!(
        code != 0
            && asked.contains("approve tests@1")
            && asked.contains("task 1 changed what its gates judge by: gate.sh"),
        "{report}"
    );
    assert_eq!(workspace.run_at_terminal(&["approve", "tests@1", "--by", "ann"]).code, 0);
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
    assert_eq!(workspace.run(&["audit"]).code, 0);
    // A reviewer is told.
    let reviewer = "[agents.reviewer]\nkind = \"command\"\nrole = \"reviewer\"\n\
        command = [\"sh\", \"-c\", \"grep -q gate.sh && echo '{\\\"verdict\\\":\\\"fail\\\",\\\"summary\\\":\\\"told\\\"}'\"]\n";
    let (_, code, report) = tested(RED, cheats, reviewer);
    assert!(
        code != 0 && report["tasks"][0]["reason"].as_str().is_some_and(|why| why.contains("told")),
        "{report}"
    );
    // What is new only comes up in the report, and a dependency in a package's file not even there.
    let (_, code, report) = tested(
        RED,
        "echo x >made; echo '{\"dependencies\":{}}' >package.json; echo x >pytest.ini",
        "",
    );
    assert_eq!(
        (code, &report["tasks"][0]["gateFilesChanged"]),
        (0, &serde_json::json!(["pytest.ini"])),
        "{report}"
    );
    // Nor is it missed where it is gone, stands behind a link, or is one of very many.
    let many = "for n in $(seq 300); do echo x >a$n; done";
    for (cheats, file) in [
        ("rm tox.ini; echo x >made".to_owned(), "tox.ini"),
        ("echo '[pytest]' >settings.ini; echo x >made".to_owned(), "settings.ini"),
        (format!("{many}; {cheats}"), "gate.sh"),
    ] {
        let (_, code, report) = tested(RED, &cheats, "");
        assert!(
            code != 0 && report["finalValidation"].to_string().contains("approve tests@1"),
            "{file}: {report}"
        );
        assert!(
            report["tasks"][0]["gateFilesChanged"].to_string().contains(file),
            "{file}: {report}"
        );
    }
}

#[test]
fn what_decides_how_a_gate_of_the_whole_judges_is_not_for_tasks_to_change() {
    let gate = "[[gates]]\nname = \"last\"\nlevel = \"system\"\ncommand = [\"./last.sh\"]\n";
    let reviewer = "[agents.reviewer]\nkind = \"command\"\nrole = \"reviewer\"\n\
        command = [\"sh\", \"-c\", \"grep -q last.sh && touch $WORKSPACE/told-$EXECUTION_COORDINATOR_ROLE; echo '{\\\"verdict\\\":\\\"pass\\\"}'\"]\n";
    for (isolation, agents, code) in
        [("worktree", "", 4), ("none", "", 4), ("worktree", reviewer, 0)]
    {
        let config = CONFIG
            .replace("\"worktree\"", &format!("\"{isolation}\""))
            .replace("./gate.sh", "true");
        let workspace = Workspace::with(&[
            ("breakdown.md", "# T\n\n- [ ] Task 1: One\n"),
            (
                "execution-coordinator.toml",
                &format!("[environment]\npass = [\"PATH\", \"WORKSPACE\"]\n{config}{gate}{agents}"),
            ),
            (
                "agent.sh",
                "#!/bin/sh\ncat >/dev/null\nprintf '#!/bin/sh\\ntrue\\n' >last.sh\necho '{\"status\":\"complete\"}'\n",
            ),
            ("last.sh", "#!/bin/sh\nfalse\n"),
        ]);
        commit_all(&workspace);
        let mut run = workspace.command(&["run", "breakdown.md"]);
        let run = ended(run.env("WORKSPACE", workspace.path("")).output().expect("the binary"));
        assert_eq!(run.code, code, "{isolation}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stdout.contains("the work changed what gates of the whole judge by: last.sh"),
            "{isolation}: {}",
            run.stdout
        );
        if code == 0 {
            assert!(workspace.path("told-final-review").exists());
        } else {
            assert!(
                run.stdout.contains(
                    "the work changed last.sh, by which this gate judges, and nobody reviews it"
                ),
                "{}",
                run.stdout
            );
            assert_eq!(workspace.run_at_terminal(&["approve", "last", "--by", "ann"]).code, 0);
            assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
        }
        assert_eq!(workspace.run(&["audit"]).code, 0, "{isolation}");
    }
}

/// A file as it is in the result of the only execution.
fn in_result(workspace: &Workspace, file: &str) -> String {
    git(&workspace.path(""), &["show", &format!("{}:{file}", result_branch(workspace))]).stdout
}

fn result_branch(workspace: &Workspace) -> String {
    let refs = "refs/heads/execution-coordinator/*/result";
    let named = git(&workspace.path(""), &["for-each-ref", "--format=%(refname:short)", refs]);
    named.stdout.trim().to_owned()
}

/// Runs a breakdown of one task with an implementer of its own; gives all that was printed.
fn ran(config: &str, agent: &str, gate: &str) -> (Workspace, i32, String) {
    let workspace = Workspace::with(&[
        ("breakdown.md", "# T\n\n- [ ] Task 1: One\n"),
        ("execution-coordinator.toml", &format!("{CONFIG}{config}")),
        (
            "agent.sh",
            &format!(
                "#!/bin/sh\ncat >/dev/null\n{agent}\necho '{{\"status\":\"complete\",\"summary\":\"did it\"}}'\n"
            ),
        ),
        ("gate.sh", &format!("#!/bin/sh\n{gate}\n")),
        ("kept", "as it was\n"),
    ]);
    commit_all(&workspace);
    let run = workspace.run(&["run", "breakdown.md"]);
    let audit = workspace.run(&["audit", "--evidence"]);
    assert_eq!(audit.code, 0, "{}{}", audit.stdout, audit.stderr);
    (workspace, run.code, run.stdout + &run.stderr)
}

const CONFIG: &str = "[execution]\nbackoff = \"1ms\"\ntests_first = \"off\"\nmax_rework = 0\nisolation = \"worktree\"\n\
    [agents.implementation-agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n\
    [[gates]]\nname = \"checked\"\nlevel = \"task\"\ncommand = [\"./gate.sh\"]\n";

#[test]
fn a_gate_that_fixes_what_it_judges_fails_and_fixes_nothing() {
    let (_, code, said) =
        ran("", "echo bad >made", "echo good >made; echo more >>kept; grep -q good made");
    assert!(
        code != 0
            && said
                .contains("it changed kept, made while it judged: `writes` under gate `checked`"),
        "{said}"
    );
    // What it may write is its own affair, and a new file is no change of one.
    let (workspace, code, said) =
        ran("writes = [\"ke*\"]\n", "echo x >made", "echo more >>kept; echo new >trace");
    assert_eq!(code, 0, "{said}");
    let kept = in_result(&workspace, "kept");
    assert_eq!(kept, "as it was\n", "what a gate writes is no work");
}

#[test]
fn of_gates_at_work_at_once_only_the_one_that_changes_files_fails() {
    // Both run at once, each time: one waits for the other to have begun, or to have been here before.
    let config = "[[gates]]\nname = \"writes\"\nlevel = \"task\"\ncommand = [\"./write.sh\"]\n";
    let meet = |own: &str, other: &str| {
        format!(
            "touch \"$WORKSPACE/{own}\"; n=0; until [ -e \"$WORKSPACE/{other}\" ] || [ $n = 50 ]; do sleep 0.02; n=$((n+1)); done"
        )
    };
    let workspace = Workspace::with(&[
        ("breakdown.md", "# T\n\n- [ ] Task 1: One\n"),
        (
            "execution-coordinator.toml",
            &format!("[environment]\npass = [\"PATH\", \"WORKSPACE\"]\n{CONFIG}{config}"),
        ),
        (
            "agent.sh",
            "#!/bin/sh\ncat >/dev/null\necho bad >made\necho '{\"status\":\"complete\"}'\n",
        ),
        ("gate.sh", &format!("#!/bin/sh\n{}\n", meet("one", "two"))),
        ("write.sh", &format!("#!/bin/sh\n{}\necho more >>kept\n", meet("two", "one"))),
        ("kept", "as it was\n"),
    ]);
    commit_all(&workspace);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert!(
        run.code != 0
            && run.stdout.contains("it changed kept while it judged: `writes` under gate `writes`"),
        "{}{}",
        run.stdout,
        run.stderr
    );
    assert!(
        run.stderr.contains("gate ./gate.sh passed")
            && !run.stderr.contains("gate ./gate.sh failed"),
        "{}",
        run.stderr
    );
}

#[test]
fn in_a_folder_that_all_share_a_gate_that_is_alone_changes_nothing_either() {
    let config = CONFIG.replace("\"worktree\"", "\"none\"");
    for (gate, writes, code) in [
        ("echo more >>kept", "", 4),
        ("echo more >>kept", "writes = [\"kept\"]\n", 0),
        ("echo new >trace", "", 0),
    ] {
        let workspace = Workspace::with(&[
            ("breakdown.md", "# T\n\n- [ ] Task 1: One\n"),
            ("execution-coordinator.toml", &format!("{config}{writes}")),
            (
                "agent.sh",
                "#!/bin/sh\ncat >/dev/null\necho x >made\necho '{\"status\":\"complete\"}'\n",
            ),
            ("gate.sh", &format!("#!/bin/sh\n{gate}\n")),
            ("kept", "as it was\n"),
        ]);
        let run = workspace.run(&["run", "breakdown.md"]);
        assert_eq!(run.code, code, "{gate}: {}{}", run.stdout, run.stderr);
        assert_eq!(
            run.stdout.contains("it changed kept while it judged"),
            code != 0,
            "{gate}: {}",
            run.stdout
        );
    }
}

#[test]
fn what_git_ignores_is_judged_as_it_lands() {
    let (_, code, said) = ran(
        "",
        "mkdir -p lib; echo x >lib/made; echo lib/ >.gitignore",
        "test ! -e .gitignore || test -e lib/made",
    );
    assert!(code != 0 && said.contains("as merged with what others finished"), "{said}");
}

#[test]
fn a_filter_that_an_attempt_configures_is_never_run() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let mark = elsewhere.path().join("filtered");
    let filter = |of: &str| {
        format!(
            "git {of} config filter.x.clean 'touch {}; cat'; echo '* filter=x' >.gitattributes; echo x >made",
            mark.display()
        )
    };
    // In its clone, which is its own.
    let (workspace, code, said) = ran("", &filter(""), "true");
    assert!(
        code == 4 && said.contains("has other settings of git than it was made with"),
        "{said}"
    );
    workspace.write(
        "agent.sh",
        "#!/bin/sh\ncat >/dev/null\necho x >made\necho '{\"status\":\"complete\"}'\n",
    );
    let again = workspace.run(&["run", "breakdown.md"]);
    assert_eq!((again.code, mark.exists()), (0, false), "{}{}", again.stdout, again.stderr);
    // In the user's repository.
    let users = filter(
        "--git-dir $(dirname $(cat $(git rev-parse --git-common-dir)/objects/info/alternates))",
    );
    let (workspace, code, said) = ran("", &users, "true");
    assert!(
        code == 4 && said.contains("than when this execution began (filter.x.clean)"),
        "{said}"
    );
    assert!(!mark.exists());
    // Nor by running it again.
    let again = workspace.run(&["run", "breakdown.md"]);
    assert!(
        again.code == 5
            && again.stderr.contains("put that right, or start over with `run --fresh`"),
        "{} {}",
        again.code,
        again.stderr
    );
    assert!(!mark.exists());
    git(&workspace.path(""), &["config", "--unset", "filter.x.clean"]);
    workspace.write(
        "agent.sh",
        "#!/bin/sh\ncat >/dev/null\necho x >made\necho '{\"status\":\"complete\"}'\n",
    );
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
    // Those of the user are run as for any commit.
    let workspace = Workspace::with(&[
        ("breakdown.md", "# T\n\n- [ ] Task 1: One\n"),
        ("execution-coordinator.toml", CONFIG),
        (
            "agent.sh",
            "#!/bin/sh\ncat >/dev/null\necho secret >made\necho '{\"status\":\"complete\"}'\n",
        ),
        ("gate.sh", "#!/bin/sh\ntrue\n"),
        (".gitattributes", "made filter=x\n"),
    ]);
    commit_all(&workspace);
    git(&workspace.path(""), &["config", "filter.x.clean", "sed s/secret/hidden/"]);
    let run = workspace.run(&["run", "breakdown.md", "--deliver"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(git(&workspace.path(""), &["show", "main:made"]).stdout, "hidden\n");
}

#[test]
fn a_flag_in_the_index_hides_no_work() {
    let agent = "git update-index --assume-unchanged kept; echo new >kept";
    let (workspace, code, said) = ran("", agent, "test ! -e never");
    assert_eq!(code, 0, "{said}");
    assert_eq!(in_result(&workspace, "kept"), "new\n");
}

#[test]
fn a_report_counts_that_the_run_itself_makes() {
    let report = "<testsuite tests=\"1\"><testcase name=\"a\"/></testsuite>";
    let agent = format!("echo '{report}' >report.xml; touch -d '+1 hour' report.xml");
    let (_, code, said) = ran("junit = \"report.xml\"\n", &agent, "true");
    assert!(code != 0 && !said.contains("1 passed"), "{said}");
    for contradiction in [
        "<testsuite tests=\"1\" failures=\"1\"><testcase name=\"a\"/></testsuite>",
        "<testsuite failures=\"-1\"/>",
        "no report",
    ] {
        let (_, code, said) = ran(
            "junit = \"report.xml\"\n",
            "echo x >made",
            &format!("echo '{contradiction}' >report.xml"),
        );
        assert!(
            code != 0
                && said.contains("its test report is missing, or says nothing that can be so"),
            "{said}"
        );
    }
    for coverage in [
        "LF:2\nLH:4\n",
        "LF:2\nLH:-1\n",
        "LF:inf\nLH:inf\n",
        "<coverage line-rate=\"NaN\"/>",
        "<coverage line-rate=\"7\"/>",
    ] {
        let config = "coverage = { file = \"lcov\", min_pct = 1.0 }\n";
        let (_, code, said) = ran(config, "echo x >made", &format!("printf '{coverage}' >lcov"));
        assert!(code != 0 && said.contains("its coverage could not be read"), "{coverage}: {said}");
    }
    let (_, code, said) =
        ran("junit = \"report.xml\"\n", "echo x >made", &format!("echo '{report}' >report.xml"));
    assert!(code == 0 && said.contains("1 passed, 0 failed"), "{said}");
}

#[test]
fn no_report_is_removed_where_an_agents_link_leads() {
    let outside = Workspace::with(&[("report.xml", "the user's own\n")]);
    let agent = format!("ln -s {} out", outside.path("").display());
    let (_, code, said) = ran("junit = \"out/report.xml\"\n", &agent, "true");
    assert_ne!(code, 0, "{said}");
    assert_eq!(outside.read("report.xml"), "the user's own\n");
    // Nor does one count that is there, whatever time it says that it is of.
    outside.write(
        "report.xml",
        "<testsuite tests=\"1\"><testcase classname=\"a\" name=\"b\"/></testsuite>",
    );
    for agent in [
        agent.clone(),
        format!(
            "cp {}/report.xml .; mkdir out; cp report.xml out/; chmod 555 out",
            outside.path("").display()
        ),
    ] {
        let agent = format!("{agent}; touch -d '2099-01-01' out/report.xml report.xml");
        let (_, code, said) = ran("junit = \"out/report.xml\"\n", &agent, "true");
        assert!(code != 0 && said.contains("not evaluated"), "{agent}: {said}");
    }
}

#[test]
fn a_state_folder_that_a_clone_brings_along_leads_nowhere() {
    let outside = Workspace::with(&[("victim", "precious\n")]);
    let victim = outside.path("victim");
    for link in ["lock", "daemon-1.lock", "daemon.log", ".gitignore"] {
        let workspace =
            Workspace::with(&[("breakdown.md", "# T\n\n- [ ] Task 1: One\n  - Run: true\n")]);
        workspace.write(".execution-coordinator/x", "");
        for to in [victim.clone(), outside.path("new")] {
            let at = workspace.path(&format!(".execution-coordinator/{link}"));
            drop(std::fs::remove_file(&at));
            std::os::unix::fs::symlink(&to, &at).expect("a link");
            for arguments in [
                &["run", "breakdown.md"][..],
                &["serve", "--detach"],
                &["serve", "--stop"],
                &["pause"],
                &["clean"],
            ] {
                workspace.run(arguments);
                assert_eq!(outside.read("victim"), "precious\n", "{link}: {arguments:?}");
                assert!(!outside.path("new").exists(), "{link}: {arguments:?}");
            }
        }
    }
}

#[test]
fn what_was_undone_in_the_users_checkout_is_told_too() {
    let workspace = Workspace::with(&[("kept", "as it was\n"), ("other", "x\n")]);
    commit_all(&workspace);
    workspace.write("kept", "changed by the user\n");
    workspace.write("new", "of the user\n");
    let look = || Checkout::now(&Git::at(&workspace.path("")), None).expect("a checkout");
    let before = look();
    says(&workspace.path(""), &["checkout", "--quiet", "."]);
    says(&workspace.path(""), &["clean", "-fdq", "--exclude=.state"]);
    assert_eq!(before.differences(&look(), false), ["kept, new changed in the checkout"]);
}

#[test]
fn rules_that_can_never_hold_are_refused() {
    for (config, says) in [
        ("timeout = \"0s\"\n", "gate `checked`: `0s` would end it before it begins"),
        (
            "coverage = { file = \"lcov.info\", min_pct = 120.0 }\n",
            "gate `checked`: min_pct is 120: a percentage is from 0 to 100",
        ),
        ("writes = [\"[\"]\n", "gate `checked`: `writes` has `[`"),
        (
            "[worktree]\ncopy = [\"../secret\"]\n",
            "`copy` under [worktree]: ../secret is not inside the workspace",
        ),
    ] {
        let workspace = Workspace::with(&[
            ("breakdown.md", "- [ ] a\n"),
            ("execution-coordinator.toml", &format!("{CONFIG}{config}")),
        ]);
        let run = workspace.run(&["run", "breakdown.md"]);
        assert!(
            run.code == 2 && run.stderr.contains(says),
            "{config}: {}{}",
            run.stdout,
            run.stderr
        );
    }
}

#[test]
fn a_gate_for_a_stream_that_is_not_there_is_refused() {
    let gate = "[[gates]]\nname = \"all of it\"\nlevel = \"stream\"\nstreams = [\"Bsae\"]\ncommand = [\"true\"]\n";
    let plan = "# T\n\n## Base\n- [ ] Task 1: One\n  - Run: true\n\n## Other\n- [ ] Task 2: Two\n  - Run: true\n";
    let workspace =
        Workspace::with(&[("breakdown.md", plan), ("execution-coordinator.toml", gate)]);
    for arguments in [
        &["plan", "breakdown.md"][..],
        &["check", "breakdown.md"],
        &["run", "breakdown.md"],
        &["run", "breakdown.md", "--only", "2"],
    ] {
        let said = workspace.run(arguments);
        let why = "gate `all of it` is for stream `Bsae`, which the breakdown does not have: did you mean `Base`?";
        assert!(
            said.code == 2 && said.stderr.contains(why),
            "{arguments:?}: {}{}",
            said.stdout,
            said.stderr
        );
    }
    workspace.write("execution-coordinator.toml", &gate.replace("Bsae", "Base"));
    let run = workspace.run(&["run", "breakdown.md", "--only", "2"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn numbers_that_no_use_can_have_are_not_counted() {
    for (answer, counted) in [
        ("\"costUsd\":-999.5", None),
        ("\"costUsd\":1e308", None),
        ("\"tokens\":-5", None),
        ("\"tokens\":1e300", None),
        ("\"tokens\":12.0,\"costUsd\":0.5", Some(0.5)),
    ] {
        let workspace = Workspace::with(&[
            ("breakdown.md", "# T\n\n- [ ] Task 1: One\n"),
            (
                "execution-coordinator.toml",
                "[agents.implementation-agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n",
            ),
            (
                "agent.sh",
                &format!(
                    "#!/bin/sh\ncat >/dev/null\necho x >made\necho '{{\"status\":\"complete\",{answer}}}'\n"
                ),
            ),
        ]);
        let run = workspace.run(&["run", "breakdown.md"]);
        assert_eq!(run.code, 0, "{answer}: {}{}", run.stdout, run.stderr);
        let report: serde_json::Value =
            serde_json::from_str(&workspace.run(&["report", "--format", "json"]).stdout)
                .expect("JSON");
        let agent = &report["agents"][0];
        assert_eq!(
            (agent["costUsd"].as_f64(), agent["implausible"] == 0),
            (counted, counted.is_some()),
            "{answer}: {agent}"
        );
        let told = run.stdout.contains("- implementation-agent: tokens or costs that it named for 1 order can't be, and are not counted");
        assert_eq!(told, counted.is_none(), "{answer}: {}", run.stdout);
    }
}

#[test]
fn the_result_is_what_landed_whoever_moves_it() {
    // The last gate of all moves the branch, when nothing will land any more.
    let moves = "cd $(dirname $(cat $(git rev-parse --git-common-dir)/objects/info/alternates)); branch=$(git for-each-ref --format='%(refname)' 'refs/heads/execution-coordinator/*/result')\n\
        commit=$(git commit-tree -m backdoor -p \"$branch\" \"$branch^{tree}\") && git update-ref \"$branch\" \"$commit\"";
    let config = "[[gates]]\nname = \"last\"\nlevel = \"system\"\ncommand = [\"./last.sh\"]\n";
    let workspace = Workspace::with(&[(
        "last.sh",
        &format!(
            "#!/bin/sh\nexport GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@x GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@x\n{moves}\n"
        ),
    )]);
    workspace.write("breakdown.md", "# T\n\n- [ ] Task 1: One\n");
    workspace.write("execution-coordinator.toml", &format!("{CONFIG}{config}"));
    workspace.write(
        "agent.sh",
        "#!/bin/sh\ncat >/dev/null\necho x >made\necho '{\"status\":\"complete\"}'\n",
    );
    workspace.write("gate.sh", "#!/bin/sh\ntrue\n");
    commit_all(&workspace);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert!(
        run.code == 0 && run.stderr.contains("by somebody else: it is put back to what was judged"),
        "{}{}",
        run.stdout,
        run.stderr
    );
    assert!(
        !git(&workspace.path(""), &["log", "--format=%s", &result_branch(&workspace)])
            .stdout
            .contains("backdoor")
    );
    assert_eq!(workspace.run(&["audit", "--evidence"]).code, 0);
    // Moved afterwards, the evidence is no longer what landed.
    says(&workspace.path(""), &["branch", "--force", &result_branch(&workspace), "HEAD"]);
    let audit = workspace.run(&["audit", "--evidence"]);
    assert!(
        audit.code != 0 && audit.stdout.contains("what landed is "),
        "{}{}",
        audit.stdout,
        audit.stderr
    );
}

#[test]
fn what_a_person_has_passed_is_the_work_of_then() {
    for level in ["deployment", "system", "stream"] {
        let workspace = Workspace::with(&[
            ("breakdown.md", "# T\n\n## Phase 1: All\n\n- [ ] Task 1: One\n  - Run: true\n"),
            (
                "execution-coordinator.toml",
                &format!("[[gates]]\nname = \"release\"\nlevel = \"{level}\"\napproval = true\n"),
            ),
        ]);
        let gate = if level == "stream" { "release@Phase 1" } else { "release" };
        let run = |arguments: &[&str]| workspace.run(arguments);
        assert_ne!(run(&["run", "breakdown.md"]).code, 0, "{level}: it waits for a person");
        assert_eq!(
            workspace
                .run_at_terminal(&["approve", gate, "--by", "ann", "--reason", "looked at task 1"])
                .code,
            0,
            "{level}"
        );
        assert_eq!(run(&["run", "breakdown.md"]).code, 0, "{level}");
        assert_eq!(run(&["run", "breakdown.md"]).code, 0, "{level}: nothing is newer");
        workspace.write(
            "breakdown.md",
            &(workspace.read("breakdown.md")
                + "- [ ] Task 2: Two, which ann never saw\n  - Run: true\n"),
        );
        let again = run(&["run", "breakdown.md"]);
        assert!(
            again.code != 0 && !again.stdout.contains("Complete Success"),
            "{level}: {}{}",
            again.stdout,
            again.stderr
        );
        assert_eq!(
            workspace
                .run_at_terminal(&["approve", gate, "--by", "ann", "--reason", "and at task 2"])
                .code,
            0,
            "{level}"
        );
        assert_eq!(run(&["run", "breakdown.md"]).code, 0, "{level}");
        assert_eq!(run(&["audit"]).code, 0, "{level}");
    }
}

#[test]
fn what_a_person_has_passed_is_not_what_was_committed_since() {
    let gate = "[[gates]]\nname = \"release\"\nlevel = \"deployment\"\napproval = true\n";
    let (workspace, code, said) = ran(gate, "echo x >made", "true");
    assert_ne!(code, 0, "{said}");
    let approve = || workspace.run_at_terminal(&["approve", "release", "--by", "ann"]).code;
    let run = || workspace.run(&["run", "breakdown.md"]);
    assert_eq!(approve(), 0);
    workspace.write("kept", "which ann never saw\n");
    says(&workspace.path(""), &["commit", "--quiet", "-am", "later"]);
    let again = run();
    assert!(
        again.code != 0 && !again.stdout.contains("Complete Success"),
        "{}{}",
        again.stdout,
        again.stderr
    );
    assert_eq!((approve(), run().code, workspace.run(&["audit"]).code), (0, 0, 0));
}

#[test]
fn what_the_setup_makes_is_nobodys_work() {
    let config = "[worktree]\nsetup = [\"./setup.sh\"]\n";
    let workspace = Workspace::with(&[
        ("breakdown.md", "# T\n\n- [ ] Task 1: One\n- [ ] Task 2: Two\n"),
        ("execution-coordinator.toml", &format!("{CONFIG}{config}")),
        ("setup.sh", "#!/bin/sh\necho $$ >lock\necho $$ >touched\n"),
        (
            "agent.sh",
            "#!/bin/sh\ncat >/dev/null\necho x >made-$EXECUTION_COORDINATOR_TASK\n[ $EXECUTION_COORDINATOR_TASK = 2 ] || echo mine >touched\necho '{\"status\":\"complete\"}'\n",
        ),
        ("gate.sh", "#!/bin/sh\ntest -e lock\n"),
    ]);
    commit_all(&workspace);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let files =
        git(&workspace.path(""), &["ls-tree", "--name-only", &result_branch(&workspace)]).stdout;
    let has = |name: &str| files.lines().any(|file| file == name);
    assert!(has("made-1") && has("made-2") && has("touched") && !has("lock"), "{files}");
}

#[test]
fn what_an_attempt_does_to_the_users_checkout_is_told() {
    let says = |agent: &str, config: &str| {
        let (workspace, code, said) = ran(config, &format!("echo x >made; {agent}"), "true");
        assert_eq!(code, 0, "{agent}: {said}");
        let report = workspace.run(&["report", "--format", "json"]).stdout;
        let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
        (report["tasks"][0]["outside"].to_string(), said)
    };
    let home = "cd $(dirname $(cat $(git rev-parse --git-common-dir)/objects/info/alternates))/..";
    let me = "-c user.name=a -c user.email=a@b";
    let (outside, said) = says(
        &format!(
            "{home}; echo evil >>kept; git {me} commit -qam own; git tag mine; git checkout -q -b side"
        ),
        "",
    );
    for what in [
        "the checkout went from branch ",
        " to branch side",
        "branch side was made",
        "tag mine was made",
    ] {
        assert!(outside.contains(what) && said.contains(what), "{what}: {outside}\n{said}");
    }
    let (outside, _) = says(
        &format!(
            "{home}; echo evil >>kept; git {me} stash -q; echo evil >>gate.sh; rm breakdown.md"
        ),
        "",
    );
    assert!(
        outside.contains("the stash was made")
            && outside.contains("breakdown.md, gate.sh changed in the checkout"),
        "{outside}"
    );
    // Also where what is checked out then has nothing in common with the result.
    let (outside, _) = says(&format!("{home}; git checkout -q --orphan lonely"), "");
    assert!(
        outside.contains("the checkout went from branch ") && outside.contains(" to branch lonely"),
        "{outside}"
    );
    assert_eq!(says("true", "").0, "null", "nothing is made up");
    // Where it works in the checkout itself, all but that work.
    let config = CONFIG.replace("\"worktree\"", "\"none\"").replace("./gate.sh", "true");
    for (deed, told) in [
        (format!("git {me} add made; git {me} commit -qm own"), false),
        ("git tag mine; git checkout -q -b side".to_owned(), true),
    ] {
        let workspace = Workspace::with(&[
            ("breakdown.md", "# T\n\n- [ ] Task 1: One\n"),
            ("execution-coordinator.toml", &config),
            (
                "agent.sh",
                &format!(
                    "#!/bin/sh\ncat >/dev/null\necho x >made; {deed}\necho '{{\"status\":\"complete\"}}'\n"
                ),
            ),
        ]);
        commit_all(&workspace);
        let run = workspace.run(&["run", "breakdown.md"]);
        let what = ["the checkout went from branch ", "tag mine was made"];
        assert!(
            run.code == 0 && what.iter().all(|what| run.stdout.contains(what) == told),
            "{deed}: {}{}",
            run.stdout,
            run.stderr
        );
    }
}

/// Puts another content in the place of a file of a commit: a pack whose index calls it by the old name.
fn forge(folder: &Path, of: &str, content: &str) {
    let run = |program: &str, arguments: &[&str], input: &str| {
        use std::io::Write;
        let mut command = std::process::Command::new(program);
        command
            .args(arguments)
            .current_dir(folder)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
        let mut child = command.spawn().expect(program);
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
        String::from_utf8(child.wait_with_output().expect(program).stdout)
            .expect("text")
            .trim()
            .to_owned()
    };
    let bytes = |hex: &str| {
        (0..20)
            .map(|ix| u8::from_str_radix(&hex[2 * ix..2 * ix + 2], 16).expect("hex"))
            .collect::<Vec<u8>>()
    };
    let victim = run("git", &["rev-parse", of], "");
    let evil = run("git", &["hash-object", "-w", "--stdin"], content);
    let name =
        run("git", &["pack-objects", "--quiet", ".git/objects/pack/pack"], &format!("{evil}\n"));
    let index = folder.join(format!(".git/objects/pack/pack-{name}.idx"));
    let mut text = std::fs::read(&index).expect("an index");
    let wanted = bytes(&victim);
    text[8 + 1024..8 + 1024 + 20].copy_from_slice(&wanted);
    for first in 0..256_usize {
        let upto = u32::from(first >= usize::from(wanted[0]));
        text[8 + 4 * first..12 + 4 * first].copy_from_slice(&upto.to_be_bytes());
    }
    let len = text.len();
    std::fs::set_permissions(&index, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    std::fs::write(&index, &text[..len - 20]).expect("an index");
    let sum = run("sha1sum", &[&index.display().to_string()], "");
    text[len - 20..].copy_from_slice(&bytes(&sum));
    std::fs::write(&index, text).expect("an index");
    std::fs::remove_file(folder.join(format!(".git/objects/{}/{}", &victim[..2], &victim[2..])))
        .expect("an object");
}

#[test]
fn what_landed_is_what_it_is_called() {
    let (workspace, code, said) =
        ran("", "echo judged >made", "grep -q judged made || test ! -e made");
    assert_eq!(code, 0, "{said}");
    forge(&workspace.path(""), &format!("{}:made", result_branch(&workspace)), "another content\n");
    let now = in_result(&workspace, "made");
    assert_eq!(now, "another content\n", "git believes it");
    let audit = workspace.run(&["audit", "--evidence"]);
    assert!(
        audit.code != 0
            && audit.stdout.contains("made (")
            && audit.stdout.contains("is not what it is called"),
        "{}",
        audit.stdout
    );
    let delivered = workspace.run(&["run", "breakdown.md", "--deliver"]);
    assert!(
        delivered.code != 0 && delivered.stderr.contains("is not what it is called"),
        "{}{}",
        delivered.stdout,
        delivered.stderr
    );
    assert!(!workspace.path("made").exists());
}

#[test]
fn what_an_attempt_does_to_objects_stays_in_its_clone() {
    let objects = "objects=$(git rev-parse --git-common-dir)/objects";
    // Removed: it has borrowed what it began with, and that is there.
    let (workspace, code, said) =
        ran("", &format!("{objects}; git add kept; rm -rf \"$objects\"/??; echo x >made"), "true");
    assert_eq!(code, 0, "{said}");
    says(&workspace.path(""), &["fsck", "--strict"]);
    // Another content under the name of what it hands in: that is not taken over.
    let forged = "echo good >made; path() { echo $objects/$(echo $1 | cut -c1-2)/$(echo $1 | cut -c3-); }; \
        good=$(git hash-object -w made); evil=$(echo evil | git hash-object -w --stdin); cp -f $(path $evil) $(path $good)";
    let (workspace, code, said) = ran("", &format!("{objects}; {forged}"), "true");
    assert!(
        said.contains(
            "what is in the worktree can't be taken over: git fetch: fatal: missing blob"
        ),
        "{said}"
    );
    says(&workspace.path(""), &["fsck", "--strict"]);
    // What it made there does not exist for the next attempt.
    assert_eq!((code, in_result(&workspace, "made").as_str()), (0, "good\n"), "{said}");
    // What the index says of a file that was judged: the file is what is committed.
    let index =
        "git add made; python3 - $(git rev-parse :made) $(echo evil | git hash-object -w --stdin) $(git rev-parse --git-path index) <<'END'
import hashlib, os, sys
good, evil, path = bytes.fromhex(sys.argv[1]), bytes.fromhex(sys.argv[2]), sys.argv[3]
body = open(path, 'rb').read()[:-20].replace(good, evil)
open(path, 'wb').write(body + hashlib.sha1(body).digest())
os.utime(path, (4e9, 4e9))
END";
    let (workspace, code, said) = ran(
        "",
        &format!("echo good >made\n{index}\ngit diff --quiet && touch \"$PWD/../../../unseen\""),
        "grep -q good made",
    );
    assert_eq!((code, in_result(&workspace, "made").as_str()), (0, "good\n"), "{said}");
    assert!(workspace.path(".execution-coordinator/unseen").exists(), "git believes its index");
    // Where its branch is kept is its own affair.
    let packs = "case $EXECUTION_COORDINATOR_ROUND in 0) echo bad >made;; *) echo good >made;; esac; \
        git add -A; git -c user.name=a -c user.email=a@b commit -qm own; git pack-refs --all";
    let workspace = Workspace::with(&[
        ("breakdown.md", "# T\n\n- [ ] Task 1: One\n"),
        ("execution-coordinator.toml", &CONFIG.replace("max_rework = 0", "max_rework = 1")),
        (
            "agent.sh",
            &format!("#!/bin/sh\ncat >/dev/null\n{packs}\necho '{{\"status\":\"complete\"}}'\n"),
        ),
        ("gate.sh", "#!/bin/sh\ntest ! -e made || grep -q good made\n"),
    ]);
    commit_all(&workspace);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    // More of them from elsewhere.
    let borrowed = format!("{objects}; echo /elsewhere >>$objects/info/alternates; echo x >made");
    let (_, code, said) = ran("", &borrowed, "true");
    assert!(
        code == 4 && said.contains("has other settings of git than it was made with"),
        "{said}"
    );
}

/// Runs one task of which the agent does what a script says, in a worktree of its own and in the folder that all share, and
/// gives each workspace with how it ended, its report and the briefs of the attempts.
fn attempted(agent: &str) -> Vec<(Workspace, i32, String, Vec<String>)> {
    let run = |isolation: &str| {
        let config = format!(
            "[execution]\ntests_first = \"off\"\nmax_rework = 2\nisolation = \"{isolation}\"\n\
                [agents.implementation-agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n"
        );
        let script =
            format!("#!/bin/sh\ncat >/dev/null\nround=$EXECUTION_COORDINATOR_ROUND\n{agent}\n");
        let workspace = Workspace::with(&[
            ("breakdown.md", "# T\n\n- [ ] Task 1: One\n"),
            ("execution-coordinator.toml", &config),
            ("agent.sh", &script),
            (".gitignore", ".state/\n.execution-coordinator/\nlib/\n"),
        ]);
        commit_all(&workspace);
        let ended = workspace.run(&["run", "breakdown.md"]);
        let briefs = (1..10).map(|order| workspace.execution().join(format!("briefs/a{order}.md")));
        let briefs = briefs.filter_map(|brief| std::fs::read_to_string(brief).ok()).collect();
        assert_eq!(workspace.run(&["audit"]).code, 0);
        (workspace, ended.code, ended.stdout, briefs)
    };
    ["worktree", "none"].map(run).into()
}

#[test]
fn who_changes_nothing_goes_back_once() {
    let says =
        |summary: &str| format!("echo '{{\"status\":\"complete\",\"summary\":\"{summary}\"}}'");
    for (workspace, code, report, briefs) in attempted(&says("built it")) {
        assert_eq!((code, briefs.len()), (4, 2), "{report}");
        assert!(briefs[1].contains("no file was changed: do what is missing"), "{}", briefs[1]);
        assert!(
            report.contains("it is complete, but no file was changed, and it was told so"),
            "{report}"
        );
        assert!(workspace.run(&["status"]).stdout.contains("no file was changed"));
    }
    // What it says counts once it knows that it was looked at.
    for (_, code, report, briefs) in attempted(&says("No changes needed: it is there")) {
        assert_eq!((code, briefs.len()), (0, 2), "{report}");
        assert!(report.contains("1 completed / 1 total (1 without a change)"), "{report}");
        assert!(
            report
                .contains("- task 1 changed no file: its agent says that nothing needed to change"),
            "{report}"
        );
    }
    // One that then does it.
    for (_, code, report, briefs) in
        attempted(&format!("[ $round = 0 ] || echo x >made\n{}", says("built it")))
    {
        assert_eq!((code, briefs.len()), (0, 2), "{report}");
        assert!(
            report.contains("1 completed / 1 total\n")
                && report.contains("### Final Validation Required\n\nNone\n"),
            "{report}"
        );
    }
    // What is beside the folder of the workspace is a change too.
    let workspace = Workspace::with(&[
        ("sub/breakdown.md", "# T\n\n- [ ] Task 1: One\n"),
        ("sub/execution-coordinator.toml", CONFIG.split("[[gates]]").next().expect("agents")),
        (
            "sub/agent.sh",
            "#!/bin/sh\ncat >/dev/null\necho x >../beside\necho '{\"status\":\"complete\"}'\n",
        ),
    ]);
    commit_all(&workspace);
    let ended = workspace.run(&["run", "sub/breakdown.md"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn who_ignores_a_finding_is_told_so_and_the_finding_is_not_lost() {
    let (_, code, said) =
        ran("", "echo bad >made", "grep -q good made || { echo '0 passed, 1 failed'; exit 1; }");
    assert!(code == 4 && said.contains("still not good after 0 rounds"), "{said}");
    let config = CONFIG.replace("max_rework = 0", "max_rework = 2");
    let workspace = Workspace::with(&[
        ("breakdown.md", "# T\n\n- [ ] Task 1: One\n"),
        ("execution-coordinator.toml", &config),
        (
            "agent.sh",
            "#!/bin/sh\ncat >/dev/null\necho bad >made\necho '{\"status\":\"complete\"}'\n",
        ),
        ("gate.sh", "#!/bin/sh\ntest ! -e made || grep -q good made\n"),
    ]);
    commit_all(&workspace);
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(run.code, 4, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stderr.contains("↺ task 1 goes back: no file was changed: do what is missing"),
        "{}",
        run.stderr
    );
    assert!(
        run.stdout.contains("but no file was changed, and it was told so; still open: exit code 1"),
        "{}",
        run.stdout
    );
    let brief =
        std::fs::read_to_string(workspace.execution().join("briefs/a6.md")).expect("a brief");
    assert!(brief.contains("no file was changed") && brief.contains("exit code 1"), "{brief}");
}

#[test]
fn work_that_git_ignores_goes_back_and_is_told_and_kept() {
    let says = |files: &str| {
        format!(
            "mkdir -p lib; echo x >lib/thing; echo '{{\"status\":\"complete\",\"files\":[{files}]}}'"
        )
    };
    let named = says("\"lib/thing\"");
    // All that was written, and it is named: that is meant so, and is told.
    for (agent, brief) in [
        (
            named.clone(),
            "no file was changed but those that git ignores, which are in no commit: lib",
        ),
        (
            format!("echo $round >made\n{named}"),
            "git ignores files of it, which are in no commit: lib",
        ),
    ] {
        for (workspace, code, report, briefs) in attempted(&agent) {
            assert_eq!((code, briefs.len()), (0, 2), "{agent} {report}");
            assert!(briefs[1].contains(brief), "{}", briefs[1]);
            assert!(
                report.contains("- task 1: git ignores files of it, and no commit has them: lib"),
                "{report}"
            );
            let is_isolated = report.contains("they are kept in ");
            let place = workspace.execution().join("trees");
            let kept = || {
                place
                    .read_dir()
                    .into_iter()
                    .flatten()
                    .flatten()
                    .any(|tree| tree.path().join("lib/thing").exists())
            };
            assert_eq!((is_isolated, kept()), (is_isolated, is_isolated));
            // Until somebody has them, `clean` keeps them too.
            let cleaned = workspace.run(&["clean"]);
            assert_eq!(
                cleaned.stderr.contains("it has files that git ignores and that are nowhere else"),
                is_isolated,
                "{}",
                cleaned.stderr
            );
            assert_eq!(kept(), is_isolated);
        }
    }
    // What nobody names is no result.
    for (_, code, report, briefs) in attempted(&says("")) {
        assert_eq!((code, briefs.len()), (4, 2), "{report}");
        assert!(
            report.contains(
                "but no file was changed but those that git ignores, which are in no commit: lib"
            ),
            "{report}"
        );
    }
}

#[test]
fn what_is_kept_of_an_order_is_made_anew_and_stays_as_it_was() {
    let reviewer = "[agents.qa-reviewer]\nkind = \"command\"\ncommand = [\"./review.sh\"]\n";
    let workspace = Workspace::with(&[
        ("breakdown.md", "# T\n\n- [ ] Task 1: One\n- [ ] Task 2: Two (depends on 1)\n"),
        ("execution-coordinator.toml", &format!("{CONFIG}{reviewer}")),
        (
            "agent.sh",
            "#!/bin/sh\ncat >/dev/null\necho x >made-$EXECUTION_COORDINATOR_TASK\n\
                # Where later orders will write, it puts links to what is the user's.\n\
                for n in 5 6 7 8 9 10 11 12 13 14; do for at in $WORKSPACE/.execution-coordinator/*-*; do\n\
                for of in output/a$n.log output/a$n.errors.log briefs/a$n.md briefs/a$n.json; do ln -s $WORKSPACE/precious $at/$of; done; done; done 2>/dev/null\n\
                echo '{\"status\":\"complete\"}'\n",
        ),
        ("review.sh", "#!/bin/sh\ncat >/dev/null\necho '{\"verdict\":\"pass\"}'\n"),
        ("gate.sh", "#!/bin/sh\necho judged\n"),
        ("precious", "as it was\n"),
    ]);
    let config = workspace.read("execution-coordinator.toml");
    workspace.write(
        "execution-coordinator.toml",
        &format!("[environment]\npass = [\"PATH\", \"WORKSPACE\"]\n{config}"),
    );
    commit_all(&workspace);
    let ended = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(workspace.read("precious"), "as it was\n");
    assert_eq!(workspace.run(&["audit", "--evidence"]).code, 0);
    // Each kind of file, changed and removed.
    let kept = |name: &str| workspace.execution().join(name);
    let names: Vec<String> = ["output", "briefs"]
        .iter()
        .flat_map(|folder| {
            kept(folder)
                .read_dir()
                .expect("a folder")
                .flatten()
                .map(move |file| format!("{folder}/{}", file.file_name().display()))
        })
        .filter(|name| !kept(name).is_symlink())
        .collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        let content = std::fs::read(kept(&name)).expect("a file");
        std::fs::write(kept(&name), "another").expect("a file");
        let audit = workspace.run(&["audit", "--evidence"]);
        assert!(
            audit.code == 1 && audit.stdout.contains(&format!("{name}: it is not what was kept")),
            "{name}: {}",
            audit.stdout
        );
        std::fs::remove_file(kept(&name)).expect("a file");
        let audit = workspace.run(&["audit", "--evidence"]);
        assert!(
            audit.code == 1 && audit.stdout.contains(&format!("{name}: it was kept when")),
            "{name}: {}",
            audit.stdout
        );
        std::fs::write(kept(&name), content).expect("a file");
    }
    assert_eq!(workspace.run(&["audit", "--evidence"]).code, 0);
}
