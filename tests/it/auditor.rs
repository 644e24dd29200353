//! The auditor has teeth: each planted break of a rule is caught, by the promise it breaks.

use crate::simulate::{agent, gate, start};
use execution_coordinator::core::audit::audit;
use execution_coordinator::core::decider::{Decider, Frontend};
use execution_coordinator::core::event::{Event, Outcome, Purpose, Recorded, Step, Work};
use execution_coordinator::core::id::{GateId, OrderId, StreamId};
use execution_coordinator::core::input::Input;
use execution_coordinator::core::outcome::{
    AgentOutcome, Ending, GateMeasures, GateVerdict, RepositoryOutcome, ReviewOutcome, Verdict,
};
use execution_coordinator::core::plan::{Dependency, Level, Node, Origin, Plan, Stream, Task};
use execution_coordinator::core::policy::{Policy, Role};
use execution_coordinator::core::state::State;
use execution_coordinator::core::turn;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tasks 1 and 2 name the same file, 3 waits for stream A; tests first, a gate, a reviewer, and
/// an approval at the end; each in a worktree of its own or all in one folder.
fn good_journal(isolated: bool) -> Vec<Recorded> {
    let stream = |id: &str| Stream { id: id.into(), name: id.into(), depends_on: Vec::new() };
    let mut plan = Plan {
        topic: "Audited".into(),
        streams: vec![stream("A"), stream("B")],
        ..Plan::default()
    };
    plan.streams[1].depends_on =
        vec![Dependency { on: Node::Stream(StreamId::from("A")), origin: Origin::Explicit }];
    for (id, stream) in [("1", "A"), ("2", "A"), ("3", "B")] {
        let mut task = Task::new(id, format!("task {id}"));
        task.stream = Some(stream.into());
        task.files = if stream == "A" { vec!["src/a.rs".into()] } else { Vec::new() };
        plan.tasks.push(task);
    }
    let mut release = gate("release", Level::Deployment);
    (release.command, release.approval) = (false, true);
    let policy = Policy {
        agents: vec![
            agent("implementation-agent", Role::Executor, "command"),
            agent("qa-reviewer", Role::Reviewer, "command"),
        ],
        gates: vec![gate("tests", Level::Task), gate("whole", Level::Stream), release],
        max_parallel: 2,
        isolated,
        ..Policy::default()
    };
    let mut state = State::default();
    let mut journal = turn(&mut state, start("audit", plan, policy), 1);
    while let Some((order, open)) =
        state.orders.iter().next().map(|(order, open)| (*order, open.work.clone()))
    {
        journal.extend(turn(&mut state, answer(order, &open), 2));
    }
    journal.extend(turn(
        &mut state,
        Input::Approve(
            "release".into(),
            Decider::new("somebody", Frontend::Terminal),
            String::new(),
        ),
        3,
    ));
    assert_eq!(state.ended.map(|(status, _)| format!("{status:?}")), Some("Complete".into()));
    journal
}

fn answer(order: OrderId, work: &Work) -> Input {
    let ending = Ending::Exited(0);
    match work {
        Work::Gate { purpose, .. } => {
            let red = *purpose == Purpose::Red;
            Input::GateEnded(order, measures(if red { 1 } else { 0 }))
        }
        Work::Review { .. } => Input::ReviewEnded(
            order,
            ReviewOutcome {
                kept: BTreeMap::new(),
                ending,
                verdict: GateVerdict::Passed,
                findings: Vec::new(),
                summary: String::new(),
                shortage: None,
                duration_ms: 1,
            },
        ),
        Work::PrepareWorktree { .. } => {
            let placed = RepositoryOutcome::WorktreeReady {
                folder: "/".into(),
                branch: "b".into(),
                base: "c".into(),
            };
            Input::RepositoryEnded(order, placed)
        }
        Work::Merge { tasks } => {
            let commit = Some(format!("m{order}"));
            Input::RepositoryEnded(
                order,
                RepositoryOutcome::Merged { tasks: tasks.clone(), conflicts: Vec::new(), commit },
            )
        }
        Work::Land { .. } => Input::RepositoryEnded(order, RepositoryOutcome::Landed),
        _ => Input::AgentEnded(order, complete()),
    }
}

fn complete() -> AgentOutcome {
    AgentOutcome {
        summary: "done".into(),
        files: vec!["src/a.rs".into()],
        ..AgentOutcome::new(Ending::Exited(0), Verdict::Complete, 1)
    }
}

fn measures(code: i32) -> GateMeasures {
    GateMeasures::new(vec!["t".into()], Ending::Exited(code), 1)
}

/// Changes a good journal, numbers it again, and gives the promises that the auditor finds broken.
fn broken_by(isolated: bool, change: impl Fn(&mut Vec<Event>)) -> Vec<&'static str> {
    let mut events: Vec<Event> =
        good_journal(isolated).into_iter().map(|recorded| recorded.event).collect();
    change(&mut events);
    let journal: Vec<Recorded> = events
        .into_iter()
        .enumerate()
        .map(|(ix, event)| Recorded { seq: ix as u64 + 1, at: 1, event })
        .collect();
    audit(&journal).into_iter().map(|breach| breach.promise).collect()
}

fn at(events: &[Event], is: impl Fn(&Event) -> bool) -> usize {
    events.iter().position(is).expect("the good journal has such an event")
}

fn without(events: &mut Vec<Event>, is: impl Fn(&Event) -> bool) {
    let at = at(events, is);
    events.remove(at);
}

/// Changes what gates of tasks have measured.
fn judged(events: &mut [Event], change: impl Fn(Purpose, &mut GateMeasures)) {
    let mut purposes = BTreeMap::new();
    for event in events {
        match event {
            Event::Ordered { order, work: Work::Gate { purpose, task: Some(_), .. }, .. } => {
                purposes.insert(*order, *purpose);
            }
            Event::Ended { order, outcome: Outcome::Gate { measures, .. } } => {
                if let Some(purpose) = purposes.get(order) {
                    change(*purpose, measures);
                }
            }
            _ => {}
        }
    }
}

/// Changes who has decided.
fn decided(events: &mut [Event], change: impl Fn(&mut Decider)) {
    for event in events {
        if let Event::GateDecided { from: Some(from), .. } = event {
            change(from);
        }
    }
}

fn begins(event: &Event, id: &str) -> bool {
    matches!(event, Event::Entered { task, .. } if task.as_str() == id)
}

fn done(event: &Event, id: &str) -> bool {
    matches!(event, Event::TaskDone { task } if task.as_str() == id)
}

fn implementation_ordered(event: &Event) -> bool {
    matches!(event, Event::Ordered { work: Work::Implementation { .. }, .. })
}

#[test]
fn a_good_journal_keeps_every_promise() {
    assert_eq!(audit(&good_journal(false)), []);
    assert_eq!(audit(&good_journal(true)), []);
}

#[test]
fn every_planted_break_is_caught() {
    type Plant = (&'static str, &'static str, fn(&mut Vec<Event>));
    let plants: Vec<Plant> = vec![
        ("dependencies", "a task begins before the stream that it waits for is done", |events| {
            let begun = at(events, |event| begins(event, "3"));
            let event = events.remove(begun);
            let first = at(events, |event| begins(event, "1"));
            events.insert(first, event);
        }),
        ("files", "two tasks that name one file run at once", |events| {
            let begun = at(events, |event| begins(event, "2"));
            let event = events.remove(begun);
            let first = at(events, |event| begins(event, "1"));
            events.insert(first + 1, event);
        }),
        ("one attempt", "a second attempt starts while the first is open", |events| {
            let first = at(events, implementation_ordered);
            let Event::Ordered { work, deadline, .. } = events[first].clone() else { return };
            events.insert(first + 1, Event::Ordered { order: OrderId(900), work, deadline });
        }),
        ("orders", "an order's number is used again", |events| {
            let first = at(events, implementation_ordered);
            let Event::Ordered { work, deadline, .. } = events[first].clone() else { return };
            let last = at(events, |event| done(event, "3"));
            events.insert(last, Event::Ordered { order: OrderId(1), work, deadline });
        }),
        ("orders", "an answer of an order that is over changes something", |events| {
            let ended = at(events, |event| matches!(event, Event::Ended { .. }));
            events.insert(ended + 1, events[ended].clone());
        }),
        ("evidence", "a task is done after an attempt that failed", |events| {
            for event in events {
                if let Event::Ended { outcome: Outcome::Agent(outcome), .. } = event {
                    outcome.verdict = Verdict::Failed;
                }
            }
        }),
        (
            "evidence",
            "a task is done after an attempt that changed nothing and does not say why",
            |events| {
                for event in events {
                    if let Event::Ended { outcome: Outcome::Agent(outcome), .. } = event {
                        (outcome.files, outcome.accounted) = (Vec::new(), Some(false));
                    }
                }
            },
        ),
        ("gates", "a task is done though its gate failed", |events| {
            let judged = events
                .iter()
                .position(|event| matches!(event, Event::Entered { step: Step::Gating, .. }))
                .unwrap_or(0);
            for event in &mut events[judged..] {
                if let Event::Ended { outcome: Outcome::Gate { verdict, .. }, .. } = event {
                    *verdict = GateVerdict::Failed;
                }
            }
        }),
        ("gates", "a gate that was not evaluated counts as passed", |events| {
            for event in events {
                if let Event::Ended { outcome: Outcome::Gate { verdict, .. }, .. } = event
                    && *verdict == GateVerdict::Passed
                {
                    *verdict = GateVerdict::NotEvaluated;
                }
            }
        }),
        ("reviews", "a task is done without its review", |events| {
            events
                .retain(|event| !matches!(event, Event::Ended { outcome: Outcome::Review(_), .. }));
        }),
        ("reviews", "a review that failed counts as a pass", |events| {
            for event in events {
                if let Event::Ended { outcome: Outcome::Review(review), .. } = event {
                    review.verdict = GateVerdict::Failed;
                }
            }
        }),
        ("tests first", "the tests were not seen to fail before the work", |events| {
            for event in events {
                if let Event::Ordered { work: Work::Gate { purpose, .. }, .. } = event
                    && *purpose == Purpose::Red
                {
                    *purpose = Purpose::Baseline;
                }
            }
        }),
        ("tests first", "a gate passes that does not show what was seen red", |events| {
            judged(events, |purpose, measures| {
                if purpose == Purpose::Judge {
                    measures.not_green = vec!["a".into()];
                }
            });
        }),
        ("tests first", "a gate passes that shows some of what was seen red", |events| {
            judged(events, |purpose, measures| match purpose {
                Purpose::Red => measures.failed_tests = vec!["a".into(), "b".into()],
                Purpose::Judge => measures.green = 1,
                _ => {}
            });
        }),
        ("approvals", "work changes by what its gate judges, and nobody looks at it", |events| {
            judged(events, |purpose, measures| {
                let digest = if purpose == Purpose::Baseline { "old" } else { "new" };
                measures.judged_by = [("gate.sh".to_owned(), digest.to_owned())].into();
            });
            for event in events {
                match event {
                    Event::PolicySet { policy } => {
                        Arc::make_mut(policy).agents.retain(|agent| agent.role != Role::Reviewer)
                    }
                    Event::Ended { outcome: Outcome::Agent(outcome), .. } => {
                        outcome.files = vec!["gate.sh".into()]
                    }
                    _ => {}
                }
            }
        }),
        (
            "approvals",
            "work changes by what a gate of the whole judges, and nobody looks at it",
            |events| {
                let mut orders = Vec::new();
                for event in events {
                    match event {
                        Event::PolicySet { policy } => {
                            let policy = Arc::make_mut(policy);
                            policy.final_review = false;
                            policy.gates[1].judged_by =
                                [("gate.sh".to_owned(), "old".to_owned())].into();
                        }
                        Event::Ordered {
                            order, work: Work::Gate { gate: Some(_), .. }, ..
                        } => orders.push(*order),
                        Event::Ended { order, outcome: Outcome::Gate { measures, .. } }
                            if orders.contains(order) =>
                        {
                            measures.judged_by = [("gate.sh".to_owned(), "new".to_owned())].into();
                        }
                        Event::Ended { outcome: Outcome::Agent(outcome), .. } => {
                            outcome.files = vec!["gate.sh".into()]
                        }
                        _ => {}
                    }
                }
            },
        ),
        ("approvals", "an attempt decides about a gate", |events| {
            decided(events, |from| from.attempts = vec!["/elsewhere/lock".into()]);
        }),
        ("approvals", "a program decides what is for a person", |events| {
            decided(events, |from| from.frontend = Frontend::Program);
        }),
        ("approvals", "an approval counts for work that came after it", |events| {
            let decided = at(events, |event| matches!(event, Event::GateDecided { .. }));
            let event = events.remove(decided);
            let first = at(events, implementation_ordered);
            events.insert(first, event);
        }),
        ("approvals", "a gate passes without the approval that it asks for", |events| {
            without(events, |event| matches!(event, Event::GateDecided { .. }));
        }),
        ("complete", "the end says complete though a gate did not pass", |events| {
            without(
                events,
                |event| matches!(event, Event::GatePassed { gate } if *gate == GateId::from("release")),
            );
        }),
        ("complete", "the end says complete though a task is not done", |events| {
            without(events, |event| done(event, "3"));
        }),
        ("steering", "an order is given while the execution is paused", |events| {
            let first = at(events, implementation_ordered);
            events.insert(first, Event::Paused);
        }),
        ("steering", "an order is given after the end", |events| {
            let first = at(events, |event| matches!(event, Event::Ordered { .. }));
            let Event::Ordered { work, deadline, .. } = events[first].clone() else { return };
            events.push(Event::Ordered { order: OrderId(901), work, deadline });
        }),
        ("parallelism", "more attempts run at once than are allowed", |events| {
            let policy = at(events, |event| matches!(event, Event::PolicySet { .. }));
            let Event::PolicySet { policy } = &mut events[policy] else { return };
            std::sync::Arc::make_mut(policy).max_parallel = 0;
        }),
        ("rework", "a task goes back more often than is allowed", |events| {
            let first = at(events, |event| begins(event, "1"));
            let finding = |_| Event::Rework {
                task: "1".into(),
                step: Step::Implementing,
                findings: vec![execution_coordinator::core::outcome::Finding {
                    by: "x".into(),
                    severity: execution_coordinator::core::outcome::Severity::Blocker,
                    text: "y".into(),
                    place: None,
                }],
                not_counted: false,
            };
            events.splice(first + 1..first + 1, (0..3).map(finding));
        }),
        ("attempts", "a failing piece of work is tried more often than is allowed", |events| {
            let first = at(events, |event| begins(event, "1"));
            events.splice(
                first + 1..first + 1,
                (0..3).map(|_| Event::Postponed {
                    task: "1".into(),
                    until: 0,
                    why: "again".into(),
                    not_counted: false,
                }),
            );
        }),
        ("once", "a task is done twice", |events| {
            let first = at(events, |event| done(event, "1"));
            events.insert(first + 1, events[first].clone());
        }),
        ("opening", "the journal is of a newer version", |events| {
            let Event::Opened { version, .. } = &mut events[0] else { return };
            *version += 1;
        }),
    ];
    for (promise, what, plant) in plants {
        let found = broken_by(false, plant);
        assert!(
            found.contains(&promise),
            "{what}: expected a breach of `{promise}`, found {found:?}"
        );
    }
    let mut shuffled = good_journal(false);
    shuffled.swap(5, 6);
    assert!(audit(&shuffled).iter().any(|breach| breach.promise == "numbering"));
}

#[test]
fn every_planted_break_of_the_merge_queue_is_caught() {
    type Plant = (&'static str, &'static str, fn(&mut Vec<Event>));
    let lands = |event: &Event| matches!(event, Event::Ordered { work: Work::Land { .. }, .. });
    assert!(good_journal(true).iter().any(|recorded| lands(&recorded.event)));
    let plants: Vec<Plant> = vec![
        ("places", "an attempt has no worktree of its own", |events| {
            events.retain(|event| {
                !matches!(
                    event,
                    Event::Ended {
                        outcome: Outcome::Repository(RepositoryOutcome::WorktreeReady { .. }),
                        ..
                    }
                )
            });
        }),
        ("places", "a try that came to nothing is followed by another in its worktree", |events| {
            let first = at(events, implementation_ordered);
            let Event::Ordered { order, work, deadline } = events[first].clone() else { return };
            let lost = Event::Ended { order, outcome: Outcome::Lost { why: "it".into() } };
            events.splice(
                first + 1..first + 1,
                [lost, Event::Ordered { order: OrderId(900), work, deadline }],
            );
        }),
        ("approvals", "an approval counts for commits that were taken in after it", |events| {
            let decided = at(events, |event| matches!(event, Event::GateDecided { .. }));
            let work = Work::Renew { commit: "u".into() };
            let renewed = Outcome::Repository(RepositoryOutcome::Renewed { commit: "r".into() });
            let order = OrderId(902);
            let both = [
                Event::Ordered { order, work, deadline: 9 },
                Event::Ended { order, outcome: renewed },
            ];
            events.splice(decided + 1..decided + 1, both);
        }),
        ("merging", "a task is done though its work did not land", |events| {
            events.retain(|event| {
                !matches!(
                    event,
                    Event::Ended { outcome: Outcome::Repository(RepositoryOutcome::Landed), .. }
                )
            });
        }),
        ("merging", "another commit lands than was judged", |events| {
            for event in events {
                if let Event::Ordered { work: Work::Land { commit, .. }, .. } = event {
                    commit.push('x');
                }
            }
        }),
        ("merging", "what fails as merged lands", |events| {
            let merged = at(events, |event| {
                matches!(
                    event,
                    Event::Ordered { work: Work::Gate { purpose: Purpose::Merged, .. }, .. }
                )
            });
            let Event::Ordered { order: gate, .. } = events[merged].clone() else { return };
            for event in events {
                if let Event::Ended { order, outcome: Outcome::Gate { verdict, .. } } = event
                    && *order == gate
                {
                    *verdict = GateVerdict::Failed;
                }
            }
        }),
        ("merging", "two merges at once", |events| {
            let first = at(events, |event| {
                matches!(event, Event::Ordered { work: Work::Merge { .. }, .. })
            });
            let Event::Ordered { work, deadline, .. } = events[first].clone() else { return };
            events.insert(first + 1, Event::Ordered { order: OrderId(900), work, deadline });
        }),
    ];
    for (promise, what, plant) in plants {
        let found = broken_by(true, plant);
        assert!(
            found.contains(&promise),
            "{what}: expected a breach of `{promise}`, found {found:?}"
        );
    }
}
