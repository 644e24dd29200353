//! Named pipes where this program or git reads a file: nobody ever writes to them.

use crate::support::{Workspace, commit_all, ended};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::mpsc::channel;
use std::time::Duration;

/// An execution of one task whose agent leaves something behind; where a pipe is read, it never ends.
fn execution(isolation: &str, leaves: &str, gate: &str) -> Workspace {
    let config = format!(
        "[execution]\nisolation = \"{isolation}\"\ntests_first = \"off\"\nmax_attempts = 1\nfinal_review = false\n\
         [agents.worker]\nkind = \"command\"\nrole = \"executor\"\ncommand = [\"./agent.sh\"]\n\
         [[gates]]\nname = \"tests\"\nlevel = \"task\"\n{gate}\n"
    );
    let agent = format!(
        "#!/bin/sh\ncat >/dev/null\nmkdir -p src; echo good >src/thing\n{leaves}\necho '{{\"status\":\"complete\"}}'\n"
    );
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", &config),
        ("agent.sh", &agent),
        ("breakdown.md", "# S\n\n- [ ] Task 1: Make it\n"),
    ]);
    commit_all(&workspace);
    workspace
}

/// The end of a process; none where it takes so long that it can only be waiting for ever.
fn end(child: Child) -> Option<crate::support::Ended> {
    let (process, (send, receive)) = (child.id().to_string(), channel());
    let waiting = std::thread::spawn(move || send.send(child.wait_with_output().expect("an end")));
    let output = receive.recv_timeout(Duration::from_secs(180)).ok();
    if output.is_none() {
        let _ = Command::new("kill").args(["-KILL", &process]).status();
    }
    let _ = waiting.join();
    output.map(ended)
}

#[test]
fn nothing_that_an_agent_leaves_behind_is_waited_for() {
    let passes = "command = [\"test\", \"-f\", \"src/thing\"]";
    let mut cases = Vec::new();
    for name in [".gitignore", ".ignore", ".gitattributes", ".gitmodules"] {
        for isolation in ["worktree", "none"] {
            cases.push((isolation, format!("mkfifo src/{name}"), passes.to_owned(), 0));
            cases.push((isolation, format!("rm -f {name}; mkfifo {name}"), passes.to_owned(), 0));
        }
        cases.push(("none", format!("ln -s /dev/zero src/{name}"), passes.to_owned(), 0));
    }
    for isolation in ["worktree", "none"] {
        for makes in ["mkfifo report", "ln -s /dev/zero report", "truncate -s 300M report"] {
            // What is there before is removed, and the gate makes none.
            cases.push((isolation, makes.into(), format!("{passes}\njunit = \"report\""), 4));
            cases.push((
                isolation,
                makes.into(),
                format!("{passes}\ncoverage = {{ file = \"report\", min_pct = 1 }}"),
                4,
            ));
        }
    }
    let running: Vec<_> = cases
        .iter()
        .map(|(isolation, leaves, gate, _)| {
            let workspace = execution(isolation, leaves, gate);
            let run = workspace.start(&["run", "breakdown.md"]);
            (workspace, run)
        })
        .collect();
    for ((isolation, leaves, gate, code), (workspace, run)) in cases.iter().zip(running) {
        let ended =
            end(run).unwrap_or_else(|| panic!("{isolation}, {leaves}, {gate}: it waits for ever"));
        assert_eq!(
            ended.code, *code,
            "{isolation}, {leaves}, {gate}: {}{}",
            ended.stdout, ended.stderr
        );
        drop(workspace);
    }
}

#[test]
fn a_pipe_among_what_git_keeps_is_said() {
    for (leaves, says) in [
        (
            "D=$(git rev-parse --git-common-dir); mkdir -p $D/info; rm -f $D/info/exclude; mkfifo $D/info/exclude",
            "info/exclude",
        ),
        ("D=$(git rev-parse --git-dir); rm $D/commondir; mkfifo $D/commondir", "where git keeps"),
        ("D=$(git rev-parse --git-dir); rm -f $D/index; mkfifo $D/index", "where git keeps"),
    ] {
        let workspace = execution("worktree", leaves, "command = [\"true\"]");
        let ended = end(workspace.start(&["run", "breakdown.md"]))
            .unwrap_or_else(|| panic!("{leaves}: it waits for ever"));
        assert_ne!(ended.code, 0, "{leaves}");
        assert!(
            ended.stderr.contains(says) || ended.stdout.contains(says),
            "{leaves}: {}{}",
            ended.stdout,
            ended.stderr
        );
        let _: PathBuf = workspace.execution();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn git_may_take_so_much_memory_and_no_more() {
    // An alias says what it is limited to, as soon as it is.
    let git = execution_coordinator::workspace::git::Git::at(&std::env::temp_dir());
    crate::support::eventually("it is limited", || {
        git.run(&["-c", "alias.limit=!sleep 0.01; ulimit -d", "limit"])
            .is_ok_and(|kilobytes| kilobytes.trim() == "4194304")
    });
}
