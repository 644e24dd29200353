//! What the status says of tasks that don't go on: each reason in its own words.

use crate::simulate::{agent, start};
use execution_coordinator::core::event::Work;
use execution_coordinator::core::id::OrderId;
use execution_coordinator::core::input::Input;
use execution_coordinator::core::label::task_actions;
use execution_coordinator::core::outcome::{
    AgentOutcome, Ending, RepositoryOutcome, Shortage, ShortageKind, Verdict,
};
use execution_coordinator::core::plan::{Dependency, Node, Origin, Plan, Task};
use execution_coordinator::core::policy::{Policy, Role};
use execution_coordinator::core::state::State;
use execution_coordinator::core::status::status_report;
use execution_coordinator::core::turn;
use execution_coordinator::core::view::Action;

/// What an attempt at a task comes to.
fn attempt(task: &str) -> AgentOutcome {
    let good = AgentOutcome {
        files: vec!["src/a.rs".into()],
        ..AgentOutcome::new(Ending::Exited(0), Verdict::Complete, 1)
    };
    match task {
        "failed" => {
            AgentOutcome { verdict: Verdict::Failed, reason: "it does not compile".into(), ..good }
        }
        "blocked" => {
            AgentOutcome { verdict: Verdict::Blocked, reason: "which database?".into(), ..good }
        }
        "quota" => {
            let shortage =
                Some(Shortage { kind: ShortageKind::Quota, retry_after_ms: Some(60_000) });
            AgentOutcome { verdict: Verdict::Unknown, shortage, ..good }
        }
        _ => good,
    }
}

#[test]
fn why_tasks_do_not_go_on_is_told_apart() {
    let mut plan = Plan { topic: "Held".into(), ..Plan::default() };
    let after: [(&str, &[&str]); 9] = [
        ("failed", &[]),
        ("behind-failed", &["failed"]),
        ("far-behind", &["behind-failed"]),
        ("blocked", &[]),
        ("behind-blocked", &["blocked"]),
        ("quota", &[]),
        ("behind-quota", &["quota"]),
        ("merging", &[]),
        ("queued", &[]),
    ];
    for (id, on) in after {
        let mut task = Task::new(id, id);
        task.depends_on = on
            .iter()
            .map(|on| Dependency { on: Node::Task((*on).into()), origin: Origin::Explicit })
            .collect();
        plan.tasks.push(task);
    }
    let policy = Policy {
        agents: vec![agent("implementation-agent", Role::Executor, "command")],
        max_parallel: 9,
        isolated: true,
        ..Policy::default()
    };
    let mut state = State::default();
    turn(&mut state, start("held", plan, policy), 1);
    // The last two are finished while the first is merged, which does not end.
    let late = |work: &Work| {
        work.task().is_some_and(|task| task.as_str() == "queued" && work.is_attempt())
    };
    let next = |state: &State, late: &dyn Fn(&Work) -> bool| -> Option<(OrderId, Work)> {
        let ready = |work: &Work| !matches!(work, Work::Merge { .. }) && !late(work);
        state
            .orders
            .iter()
            .find(|(_, open)| ready(&open.work))
            .map(|(order, open)| (*order, open.work.clone()))
    };
    for late in [&late as &dyn Fn(&Work) -> bool, &|_: &Work| false] {
        while let Some((order, work)) = next(&state, late) {
            let input = match &work {
                Work::PrepareWorktree { .. } => {
                    let placed = RepositoryOutcome::WorktreeReady {
                        folder: "/".into(),
                        branch: "b".into(),
                        base: "c".into(),
                    };
                    Input::RepositoryEnded(order, placed)
                }
                work => {
                    Input::AgentEnded(order, attempt(work.task().expect("an attempt").as_str()))
                }
            };
            turn(&mut state, input, 2);
        }
    }
    let report = status_report(&state);
    let notes: String = report
        .streams
        .iter()
        .flat_map(|stream| &stream.tasks)
        .map(|task| format!("{}: {}, {}\n", task.id, task.state, task.note))
        .collect();
    expect_test::expect![[r#"
        failed: failed, implementation-agent failed: it does not compile
        behind-failed: waiting, held up by Task failed, which failed
        far-behind: waiting, held up by Task failed, which failed
        blocked: blocked, implementation-agent is blocked: which database?
        behind-blocked: waiting, held up by Task blocked, which is blocked
        quota: postponed, waits: implementation-agent: its quota is used up
        behind-quota: waiting, waiting on Task quota
        merging: merging, merging
        queued: merging, waits to be merged
    "#]]
    .assert_eq(&notes);
    expect_test::expect![[r#"
        Resolve Task failed (implementation-agent failed: it does not compile): `retry failed` or `skip failed`
        Answer Task blocked (implementation-agent is blocked: which database?): `answer blocked TEXT`
        Wait for Task quota (quota): implementation-agent: its quota is used up
        Monitor Task merging (merging)
        Monitor Task queued (queued)
    "#]]
    .assert_eq(&report.next_actions.iter().map(|action| format!("{action}\n")).collect::<String>());
}

#[test]
fn who_can_be_told_something_at_work_is_offered_that() {
    let offers = |kind: &str| {
        let plan =
            Plan { topic: "T".into(), tasks: vec![Task::new("1", "One")], ..Plan::default() };
        let policy = Policy {
            agents: vec![agent("implementation-agent", Role::Executor, kind)],
            ..Policy::default()
        };
        let mut state = State::default();
        turn(&mut state, start("told", plan, policy), 1);
        let at_work = task_actions(&state, 0).contains(&Action::Steer);
        let order = *state.orders.iter().next().expect("an attempt").0;
        turn(&mut state, Input::AgentEnded(order, attempt("1")), 2);
        (at_work, task_actions(&state, 0).contains(&Action::Steer))
    };
    assert_eq!(
        ["claude", "codex", "gemini", "command"].map(offers),
        [(true, false), (true, false), (false, false), (false, false)]
    );
}
