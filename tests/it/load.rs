//! Many at one execution, some of them killed: nobody misses an event. `SEED=7` tries one seed.

use crate::client::Server;
use crate::support::{Workspace, ended, eventually};
use execution_coordinator::core::event::Event;
use fastrand::Rng;
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;

const TASKS: usize = 150;
const FOLLOWERS: usize = 8;
/// How often the owner is killed before it is let be.
const KILLS: usize = 5;

/// The numbers of the events that a follower saw, which is killed now and then and goes on from
/// where it was.
fn follow(workspace: &Workspace, mut rng: Rng) -> Vec<u64> {
    let mut seen: Vec<u64> = Vec::new();
    loop {
        let mut client = Server::lines(workspace, &[]);
        client
            .result("execution/subscribe", json!({"from": seen.last().map_or(1, |last| last + 1)}));
        let lives_for = if rng.u8(..) < 200 { usize::MAX } else { rng.usize(1..200) };
        for _ in 0..lives_for {
            let event = client.notification("execution/event");
            seen.push(event["seq"].as_u64().expect("a number"));
            if event["event"].get("executionEnded").is_some() {
                return seen;
            }
        }
        client.kill();
    }
}

#[test]
fn nobody_misses_an_event_while_peers_and_owners_are_killed() {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    eprintln!("SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let mut plan = "# Load\n".to_owned();
    (1..=TASKS).for_each(|task| {
        write!(plan, "\n- [ ] {task}. Part {task}\n  - Run: true\n").expect("text")
    });
    let workspace = Workspace::with(&[("breakdown.md", &plan)]);
    let mut run = workspace.start(&["run", "breakdown.md", "--deps", "explicit"]);
    eventually("it has begun", || workspace.run(&["status"]).code == 0);
    let seen: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let followers: Vec<_> = (0..FOLLOWERS)
            .map(|_| {
                let rng = rng.fork();
                let workspace = &workspace;
                scope.spawn(move || follow(workspace, rng))
            })
            .collect();
        for _ in 0..KILLS {
            // This is the moment of the kill, not a wait for something.
            std::thread::sleep(Duration::from_millis(rng.u64(1..60)));
            if run.try_wait().expect("a process").is_some() {
                break;
            }
            run.kill().and_then(|()| run.wait()).expect("killed");
            run = workspace.start(&["run", "breakdown.md", "--deps", "explicit"]);
        }
        let ended = ended(run.wait_with_output().expect("an end"));
        assert_eq!(ended.code, 0, "SEED={seed}: {}", ended.stderr);
        followers.into_iter().map(|follower| follower.join().expect("a follower")).collect()
    });
    let journal = workspace.journal();
    let restarts = journal.iter().filter(|recorded| recorded.event == Event::Restarted).count();
    eprintln!("{restarts} owners were killed, {} events", journal.len());
    let last = journal.len() as u64;
    for (nth, seen) in seen.iter().enumerate() {
        assert_eq!(*seen, (1..=last).collect::<Vec<_>>(), "SEED={seed}: follower {nth}");
    }
    assert_eq!(workspace.run(&["audit"]).code, 0, "SEED={seed}");
}
