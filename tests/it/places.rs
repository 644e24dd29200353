//! Places of their own and the merge queue, in real repositories.

use crate::support::{Ended, Workspace, ended, eventually};
use execution_coordinator::core::event::{Event, Outcome, Work};
use execution_coordinator::core::outcome::RepositoryOutcome;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const CONFIG: &str = "[execution]\nbackoff = \"1ms\"\nisolation = \"worktree\"\n[agents.implementation-agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n\
    [[gates]]\nname = \"tests\"\nlevel = \"task\"\ncommand = [\"./test.sh\", \"{task}\"]\n[[gates]]\nname = \"all\"\nlevel = \"system\"\ncommand = [\"./test.sh\", \"all\"]\n";
/// Writes its test, then its line into the file that all share; keeps both sides of a conflict.
const AGENT: &str = "#!/bin/sh
cat >/dev/null
task=$EXECUTION_COORDINATOR_TASK
if grep -q '^<<<<<<<' shared.txt 2>/dev/null; then
  grep -v -e '^<<<<<<<' -e '^=======' -e '^>>>>>>>' shared.txt >mended; mv mended shared.txt
fi
if [ \"$EXECUTION_COORDINATOR_ROLE\" = tests ]; then echo \"of $task\" >\"want-$task\"
else grep -q \"of $task\" shared.txt 2>/dev/null || echo \"of $task\" >>shared.txt; fi
echo '{\"status\":\"complete\",\"summary\":\"did it\"}'
";
const TEST: &str = "#!/bin/sh
for want in want-*; do
  [ \"$1\" = all ] || [ \"$want\" = \"want-$1\" ] || continue
  [ -f \"$want\" ] || continue
  grep -qx \"$(cat \"$want\")\" shared.txt 2>/dev/null || { echo \"$want failed\"; exit 1; }
done
";
const PLAN: &str =
    "# Shop\n\n### Stream A: Base\n\n1. **Build**\n\n2. **Sell**\n\n3. **Pay**\n\n4. **Ship**\n   - Dependencies: Tasks 1, 2\n";

fn git(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=me", "-c", "user.email=me@localhost", "-c", "protocol.file.allow=always"]);
    ended(command.args(arguments).output().expect("git"))
}

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
    let workspace =
        Workspace::with(&[("breakdown.md", PLAN), ("agent.sh", AGENT), ("test.sh", TEST), ("execution-coordinator.toml", CONFIG)]);
    workspace.write(".gitignore", ".state/\n.execution-coordinator/\n");
    files.iter().for_each(|(name, text)| workspace.write(name, text));
    says(&workspace.path(""), &["init", "--quiet", "--initial-branch", "main"]);
    commit(&workspace);
    workspace
}

fn result(workspace: &Workspace) -> String {
    let name = workspace.execution().file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    format!("execution-coordinator/{name}/result")
}

fn shared(workspace: &Workspace, commit: &str) -> BTreeSet<String> {
    says(&workspace.path(""), &["show", &format!("{commit}:shared.txt")]).lines().map(str::to_owned).collect()
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
    assert_eq!((says(&folder, &["rev-parse", "HEAD"]), says(&folder, &["status", "--porcelain"])), (before, String::new()));
    assert!(!workspace.path("shared.txt").exists());
    let journal = workspace.journal();
    let conflicts = journal.iter().filter(|recorded| {
        matches!(&recorded.event, Event::Ended { outcome: Outcome::Repository(RepositoryOutcome::Merged { conflicts, .. }), .. } if !conflicts.is_empty())
    });
    assert!(conflicts.count() > 0, "all write into one file at once");
    let authors = says(&folder, &["log", "--format=%an|%s|%(trailers:key=Task,valueonly)", &result(&workspace)]);
    assert!(authors.contains("implementation-agent|Tests first: Task 1: Build|1"), "{authors}");
    assert_eq!(workspace.run(&["audit"]).code, 0);
    // What is part of the result is put away.
    assert_eq!(says(&folder, &["worktree", "list"]).lines().count(), 1);
    says(&folder, &["fsck", "--strict"]);
    let cleaned = workspace.run(&["clean", "--all"]);
    assert_eq!((cleaned.code, workspace.run(&["list"]).stdout.trim()), (0, ""), "{}", cleaned.stderr);
    let left = says(&folder, &["for-each-ref", "--format=%(refname)", "refs/heads/execution-coordinator", "refs/execution-coordinator"]);
    assert!(left.ends_with("/result") && left.lines().count() == 1, "only the result stays: {left}");
}

#[test]
fn killed_at_any_moment_no_commit_is_lost() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
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
    assert!(report.contains("Final Status: Complete"), "SEED={seed}, {kills} kills: {}{}{report}", run.stdout, run.stderr);
    assert_eq!(shared(&workspace, &result(&workspace)), all_four(), "SEED={seed}");
    let mut landed = 0;
    for recorded in workspace.journal() {
        if let Event::Ordered { work: Work::Land { commit, .. }, .. } = recorded.event {
            let part = git(&folder, &["merge-base", "--is-ancestor", &commit, &result(&workspace)]).code == 0;
            landed += u32::from(part);
        }
    }
    assert!(landed > 0);
    assert_eq!(workspace.run(&["audit"]).code, 0, "SEED={seed}");
}

#[test]
fn the_result_goes_into_the_checkout_where_that_is_asked_for() {
    let workspace = repository(&[]);
    let run = workspace.run(&["run", "breakdown.md", "--deliver"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(workspace.read("shared.txt").lines().map(str::to_owned).collect::<BTreeSet<_>>(), all_four());
    assert_eq!(says(&workspace.path(""), &["status", "--porcelain"]), "");
    // Not over what somebody is at work on.
    let workspace = repository(&[]);
    workspace.write("test.sh", &format!("{TEST}# mine\n"));
    let run = workspace.run(&["run", "breakdown.md", "--deliver"]);
    assert!(run.stderr.contains("don't see uncommitted changes (test.sh)"), "{}", run.stderr);
    assert!(run.stderr.contains("merge the branch of the result yourself"), "{}", run.stderr);
    assert!(workspace.read("test.sh").ends_with("# mine\n") && !workspace.path("shared.txt").exists());
}

#[test]
fn every_kind_of_repository_works_or_says_what_to_do() {
    let said = |workspace: &Workspace, code: i32, words: &str| {
        let run = workspace.run(&["run", "breakdown.md"]);
        assert!(run.code == code && run.stderr.contains(words), "{words}: {} {}{}", run.code, run.stdout, run.stderr);
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
        let ended = ended(command.current_dir(workspace.path("shop")).output().expect("the binary"));
        assert_eq!(ended.code, code, "{}{}", ended.stdout, ended.stderr);
        ended
    };
    assert!(run(2).stderr.contains("nothing of shop/ is in the last commit"));
    commit(&workspace);
    run(0);
    assert!(!workspace.path("shop/shared.txt").exists());
}

#[test]
fn places_have_what_is_in_no_commit() {
    let config = format!("{CONFIG}[worktree]\ncopy = [\".env\", \"vendor\"]\nsetup = [\"./setup.sh\"]\n");
    let agent = AGENT.replace("cat >/dev/null", "cat >/dev/null\ncat .env vendor/a made sub/module.txt || exit 9");
    let setup = "#!/bin/sh\necho made >made\n";
    let module = Workspace::with(&[("module.txt", "of a module\n")]);
    let there = module.path("").canonicalize().expect("a folder");
    says(&there, &["init", "--quiet"]);
    says(&there, &["add", "module.txt"]);
    says(&there, &["commit", "--quiet", "-m", "module"]);
    let ignore = ".state/\n.execution-coordinator/\n.env\nvendor/\nmade\n";
    let workspace =
        repository(&[("execution-coordinator.toml", &config), ("agent.sh", &agent), ("setup.sh", setup), (".gitignore", ignore)]);
    says(&workspace.path(""), &["submodule", "--quiet", "add", &there.display().to_string(), "sub"]);
    commit(&workspace);
    workspace.write(".env", "secret\n");
    workspace.write("vendor/a", "a\n");
    let run = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let files = says(&workspace.path(""), &["ls-tree", "-r", "--name-only", &result(&workspace)]);
    assert!(!files.contains(".env") && !files.contains("vendor"), "{files}");
    // A setup that fails says so, and nothing is begun.
    workspace.write("setup.sh", "#!/bin/sh\necho no network\nexit 3\n");
    commit(&workspace);
    let run = workspace.run(&["run", "breakdown.md", "--fresh"]);
    assert!(run.code == 4 && run.stdout.contains("no network"), "{} {}{}", run.code, run.stdout, run.stderr);
}

#[test]
fn clean_takes_only_what_the_program_made() {
    let agent = AGENT.replace("cat >/dev/null", "cat >/dev/null\n[ \"$task$EXECUTION_COORDINATOR_TASK\" != 3 ] || exit 1");
    let workspace = repository(&[("agent.sh", &agent)]);
    let folder = workspace.path("");
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 3);
    assert!(workspace.run(&["clean"]).stderr.contains("it is not complete"));
    // The place of what failed is kept, and somebody goes on there.
    let trees = says(&folder, &["worktree", "list", "--porcelain"]);
    let place = trees.lines().filter_map(|line| line.strip_prefix("worktree ")).find(|tree| tree.contains("/trees/a")).expect("a place");
    let place = Path::new(place);
    std::fs::write(place.join("by-hand.txt"), "mine\n").expect("written");
    says(place, &["add", "by-hand.txt"]);
    says(place, &["commit", "--quiet", "-m", "by hand"]);
    let branch = says(place, &["rev-parse", "--abbrev-ref", "HEAD"]);
    says(&folder, &["branch", "execution-coordinator-of-mine"]);
    assert_eq!(workspace.run(&["cancel"]).code, 0);
    let cleaned = workspace.run(&["clean"]);
    assert!(cleaned.stderr.contains(&format!("kept {branch}: it has commits that the execution did not make")), "{}", cleaned.stderr);
    let branches = says(&folder, &["branch", "--format=%(refname:short)"]);
    let mut left: Vec<&str> = branches.lines().collect();
    left.sort_unstable();
    let result = result(&workspace);
    let mut expected = vec![branch.as_str(), "execution-coordinator-of-mine", "main", result.as_str()];
    expected.sort_unstable();
    assert_eq!(left, expected);
}
