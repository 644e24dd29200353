//! Processes that misbehave on purpose, under the real binary and its warden.

use crate::support::{Workspace, ended, eventually, lives};
use execution_coordinator::core::event::{Event, Outcome};
use execution_coordinator::core::outcome::Ending;
use execution_coordinator::process::progress::Progress;

fn endings(workspace: &Workspace) -> Vec<Ending> {
    let ending = |event: Event| {
        if let Event::Ended { outcome: Outcome::Agent(outcome), .. } = event {
            Some(outcome.ending)
        } else {
            None
        }
    };
    workspace.journal().into_iter().filter_map(|recorded| ending(recorded.event)).collect()
}

fn with_task(run: &str, config: &str) -> Workspace {
    let text = format!("# P\n\n- [ ] Task 1: misbehave\n  - Run: {run}\n");
    Workspace::with(&[
        ("breakdown.md", &text),
        ("execution-coordinator.toml", config),
        ("nasty.sh", NASTY),
    ])
}

/// Five descendants: a plain one, one that ignores signals, one in a session of its own, a
/// double fork, and a double fork in a session of its own with a cleared environment.
const NASTY: &str = "#!/bin/sh
note() { echo $1 >> pids; }
sleep 1000 & note $!
(trap '' TERM INT HUP; note $(sh -c 'echo $PPID'); while :; do sleep 1000; done) &
setsid sh -c 'echo $$ >> pids; exec sleep 1000' &
(sh -c 'echo $$ >> pids; exec sleep 1000' &)
(env -i setsid sh -c 'echo $$ >> pids; exec sleep 1000' &)
while [ $(wc -l < pids) -lt 5 ]; do :; done
";

fn pids(workspace: &Workspace) -> Vec<u32> {
    workspace.read("pids").split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// The process between an owner and all that it starts.
fn warden_of(workspace: &Workspace, owner: u32) -> u32 {
    // Some have ended already.
    let parent = |pid: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat[stat.rfind(')')?..].split(' ').nth(2)?.parse().ok()
    };
    // Of a double fork it is the parent.
    pids(workspace)
        .into_iter()
        .filter_map(parent)
        .find(|pid| parent(*pid) == Some(owner))
        .expect("a warden")
}

#[test]
fn what_a_process_leaves_behind_ends_with_it() {
    let workspace = with_task("./nasty.sh", "");
    let done = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let left: Vec<u32> = pids(&workspace).into_iter().filter(|pid| lives(*pid)).collect();
    assert_eq!((pids(&workspace).len(), left), (5, Vec::new()));
}

#[test]
fn a_time_out_kills_the_whole_tree() {
    let workspace = with_task(
        "./nasty.sh; exec sleep 1000",
        "[execution]\nattempt_timeout = \"1s\"\ngrace = \"100ms\"\n",
    );
    let done = workspace.run(&["run", "breakdown.md"]);
    assert!(
        done.code == 4 && done.stdout.contains("shell timed out"),
        "{} {}",
        done.code,
        done.stdout
    );
    assert_eq!(endings(&workspace), [Ending::TimedOut]);
    let left: Vec<u32> = pids(&workspace).into_iter().filter(|pid| lives(*pid)).collect();
    assert_eq!((pids(&workspace).len(), left), (5, Vec::new()));
}

#[test]
fn no_orphan_lives_after_the_daemon_was_killed() {
    let workspace = with_task("./nasty.sh; exec sleep 1000", "");
    let mut owner = workspace.start(&["run", "breakdown.md"]);
    eventually("the descendants are there", || pids(&workspace).len() == 5);
    owner.kill().expect("killed");
    owner.wait().expect("it was ours");
    eventually("every descendant is gone", || pids(&workspace).into_iter().all(|pid| !lives(pid)));
}

#[test]
fn no_orphan_lives_after_the_next_run_where_the_warden_was_killed_too() {
    let workspace =
        with_task("test -e second || { touch second; ./nasty.sh; exec sleep 1000; }", "");
    let mut owner = workspace.start(&["run", "breakdown.md"]);
    eventually("the descendants are there", || pids(&workspace).len() == 5);
    let warden = warden_of(&workspace, owner.id());
    // What hides best is found by its control group, where the system lets us have one.
    let grouped = workspace.execution().join("warden.cgroup");
    let groups = grouped.exists();
    owner.kill().expect("killed");
    crate::cli::signal(warden, rustix::process::Signal::KILL);
    owner.wait().expect("it was ours");
    eventually("the warden is gone", || !lives(warden));
    let next = workspace.run(&["run", "breakdown.md"]);
    assert!(
        next.code == 0 && next.stderr.contains("that a former owner had left running"),
        "{}",
        next.stderr
    );
    let left: Vec<u32> = pids(&workspace).into_iter().filter(|pid| lives(*pid)).collect();
    left.iter().for_each(|pid| crate::cli::signal(*pid, rustix::process::Signal::KILL));
    assert_eq!((left.len(), grouped.exists()), (usize::from(!groups), false));
}

#[test]
fn an_execution_whose_warden_is_killed_says_so_and_goes_on_the_next_time() {
    let workspace =
        with_task("test -e second || { touch second; ./nasty.sh; exec sleep 1000; }", "");
    let owner = workspace.start(&["run", "breakdown.md"]);
    eventually("the descendants are there", || pids(&workspace).len() == 5);
    let warden = warden_of(&workspace, owner.id());
    crate::cli::signal(warden, rustix::process::Signal::KILL);
    let stopped = ended(owner.wait_with_output().expect("the owner"));
    assert!(
        stopped.code == 5
            && stopped.stderr.contains("the process that starts all others was killed"),
        "{} {}",
        stopped.code,
        stopped.stderr
    );
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
    let left: Vec<u32> = pids(&workspace).into_iter().filter(|pid| lives(*pid)).collect();
    left.iter().for_each(|pid| crate::cli::signal(*pid, rustix::process::Signal::KILL));
    assert!(left.len() <= 1, "{left:?}");
    assert!(!workspace.journal().iter().any(|event| matches!(event.event, Event::Rework { .. })));
}

#[test]
fn endings_are_told_apart() {
    let cases = [("exit 3", Ending::Exited(3)), ("kill -SEGV $$", Ending::Signaled(11))];
    for (run, ending) in cases {
        let workspace = with_task(run, "[execution]\nmax_attempts = 1\n");
        assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 4);
        assert_eq!(endings(&workspace), [ending], "{run}");
    }
    let flood = with_task(
        "yes 0123456789012345678901234567890123456789",
        "[execution]\noutput_limit_bytes = 100000\n",
    );
    assert_eq!(flood.run(&["run", "breakdown.md"]).code, 4);
    assert_eq!(endings(&flood), [Ending::OutputLimit]);
    let kept = flood.read(&flood.execution().join("output/a1.log").display().to_string());
    assert!(
        kept.len() < 100_100 && kept.ends_with("[output cut: its limit was reached]\n"),
        "{}",
        kept.len()
    );
    // Bytes are no progress: a heartbeat goes on and on, and is stopped all the same.
    let spinner = "i=0; while :; do i=$((i + 1)); echo \"still at it: $i\"; sleep 0.05; done";
    let idle = with_task(
        spinner,
        "[agents.shell]\nkind = \"shell\"\nidle_timeout = \"700ms\"\n[execution]\ngrace = \"100ms\"\n",
    );
    assert_eq!(idle.run(&["run", "breakdown.md"]).code, 4);
    assert_eq!(endings(&idle), [Ending::Idle]);
}

#[test]
fn a_second_interrupt_does_not_wait_for_the_grace() {
    let workspace = with_task(
        "trap '' TERM; touch begun; while :; do sleep 1000; done",
        "[execution]\ngrace = \"10m\"\n",
    );
    let owner = workspace.start(&["run", "breakdown.md"]);
    eventually("the task has begun", || workspace.path("begun").exists());
    crate::cli::signal(owner.id(), rustix::process::Signal::INT);
    crate::cli::signal(owner.id(), rustix::process::Signal::TERM);
    assert_eq!(ended(owner.wait_with_output().expect("the owner")).code, 130);
}

#[test]
fn progress_is_a_line_that_was_not_seen_before_digits_aside() {
    let mut progress = Progress::new(std::path::Path::new("none"), None);
    let mut lines = Vec::new();
    let mut fed =
        |text: &str| progress.feed(text.as_bytes(), &mut |line: &str| lines.push(line.to_owned()));
    assert!(fed("compiling a\n"));
    assert!(!fed("compiling a\n"));
    assert!(!fed("12 %\r13 %\r"), "a counter is none");
    assert!(fed("step 1\n") && !fed("step 2\n"));
    assert!(!fed("half a li") && fed("ne\n"));
    assert_eq!(lines.last().map(String::as_str), Some("half a line"));
}
