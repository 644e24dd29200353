//! A breakdown that changes while its execution lives: every state of a history in turn.

use crate::client::Server;
use crate::support::{Workspace, eventually};
use execution_coordinator::breakdown::source::Source;
use execution_coordinator::breakdown::{Deps, parse};
use execution_coordinator::core::audit::audit;
use execution_coordinator::core::event::{Event, Recorded};
use execution_coordinator::core::id::{ExecutionId, TaskId};
use execution_coordinator::core::input::{Input, Start};
use execution_coordinator::core::outcome::{AgentOutcome, Ending, Verdict};
use execution_coordinator::core::policy::{Policy, Role};
use execution_coordinator::core::state::{Phase, State};
use execution_coordinator::core::turn;
use execution_coordinator::engine::start::Options;
use execution_coordinator::journal::recover::recover_bytes;
use expect_test::expect;
use serde_json::json;
use std::path::{Path, PathBuf};

fn states(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a history").flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
        .iter()
        .map(|file| {
            (
                file.file_stem().expect("a name").to_string_lossy().into_owned(),
                std::fs::read_to_string(file).expect("a text"),
            )
        })
        .collect()
}

/// What the core makes of a history in which tasks end one by one, in the order of the plan.
struct Replay {
    state: State,
    events: Vec<Recorded>,
}

impl Replay {
    fn begin(text: &str) -> Self {
        let parsed = parse(text, None, Deps::Format);
        let agents =
            vec![crate::simulate::agent("implementation-agent", Role::Executor, "command")];
        let mut replay = Self { state: State::default(), events: Vec::new() };
        replay.turn(Input::Start(Box::new(Start {
            execution: ExecutionId::from("replay"),
            program: "0".into(),
            breakdown: "tasks.md".into(),
            plan: parsed.plan,
            policy: Policy { agents, max_parallel: 2, ..Policy::default() },
            marks: parsed.marks,
        })));
        replay
    }

    fn turn(&mut self, input: Input) -> Vec<Event> {
        let batch = turn(&mut self.state, input, self.events.len() as u64);
        self.events.extend(batch.iter().cloned());
        batch.into_iter().map(|recorded| recorded.event).collect()
    }

    fn offer(&mut self, text: &str) -> Vec<Event> {
        let parsed = parse(text, None, Deps::Format);
        if parsed.nothing_to_do() {
            return self.turn(Input::PlanBroken(
                parsed.errors().map(|problem| problem.message.clone()).collect(),
            ));
        }
        self.turn(Input::PlanOffered(Box::new(parsed.plan), parsed.marks))
    }

    /// The first task that is being worked on is finished.
    fn finish_one(&mut self) {
        if let Some(order) = self.state.orders.keys().next().copied() {
            let outcome = AgentOutcome {
                summary: "did it".into(),
                ..AgentOutcome::new(Ending::Exited(0), Verdict::Complete, 1)
            };
            self.turn(Input::AgentEnded(order, outcome));
        }
    }

    fn done(&self) -> Vec<TaskId> {
        let tasks = self.state.plan.tasks.iter().zip(&self.state.tasks);
        tasks
            .filter(|(_, known)| known.phase == Phase::Done)
            .map(|(task, _)| task.id.clone())
            .collect()
    }
}

/// Real histories, where there is a copy of them: documents of people who tick as they go.
#[test]
#[ignore = "needs BREAKDOWN_CORPUS"]
fn real_histories_keep_what_was_done() {
    let corpus = std::env::var_os("BREAKDOWN_CORPUS")
        .expect("BREAKDOWN_CORPUS names a folder with histories");
    for history in
        std::fs::read_dir(Path::new(&corpus).join("history")).expect("histories").flatten()
    {
        let states = states(&history.path());
        let mut replay = Replay::begin(&states[0].1);
        for (name, text) in &states[1..] {
            replay.finish_one();
            let done = replay.done();
            let events = replay.offer(text);
            let again: Vec<&Event> = events
                .iter()
                .filter(|event| {
                    matches!(
                        event,
                        Event::TaskChanged { .. }
                            | Event::TasksRenamed { .. }
                            | Event::Escalated { .. }
                    )
                })
                .collect();
            assert_eq!(again, Vec::<&Event>::new(), "{name} of {:?}", history.path());
            assert!(done.iter().all(|id| replay.done().contains(id)), "{name}: {done:?}");
        }
        assert_eq!(audit(&replay.events), []);
    }
}

/// What each state of our own history means, by the rules alone.
#[test]
fn each_kind_of_change_says_what_it_is() {
    let states = states(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/history"));
    let mut replay = Replay::begin(&states[0].1);
    replay.finish_one();
    let mut told = String::new();
    for (name, text) in &states[1..] {
        told += &format!("{name}\n");
        for event in replay.offer(text) {
            let line = match event {
                Event::PlanAccepted { plan } => {
                    format!(
                        "plan of {}",
                        plan.tasks
                            .iter()
                            .map(|task| task.id.as_str())
                            .collect::<Vec<_>>()
                            .join(" ")
                    )
                }
                Event::Ordered { work, .. } => {
                    format!("ordered {}", execution_coordinator::core::brief::work_name(&work))
                }
                Event::Escalated { about, why, .. } => format!("escalated {about}: {why}"),
                Event::Entered { .. } => continue,
                other => format!("{other:?}"),
            };
            told += &format!("    {line}\n");
        }
    }
    expect![[r#"
        02-one-more-at-the-end
            plan of 1 2 3 4
        03-one-more-in-the-middle-and-renumbered
            TasksRenamed { names: {2: 3, 3: 4, 4: 5} }
            plan of 1 2 3 4 5
            ordered task 2
        04-in-another-order
            plan of 1 3 2 5 4
        05-broken
            PlanRejected { problems: ["there is no task in it: it is read as task-list, in which tasks are boxes `- [ ] …`; --input-format says otherwise"] }
        06-whole-again
            plan of 1 3 2 5 4
        07-a-done-one-asks-for-something-else
            plan of 1 3 2 5 4
            TaskChanged { task: 1, what: "its command" }
        08-the-running-one-is-gone
            plan of 1 2 5 4
            StopOrdered { order: OrderId(2), why: "its task was removed from the breakdown" }
            escalated task 3: it was removed from the breakdown while it was being worked on
        09-another-dependency
            plan of 1 2 5 4
    "#]].assert_eq(&told);
    assert_eq!(audit(&replay.events), []);
}

/// The same under the real daemon: files are replaced while it runs.
#[test]
fn every_state_in_turn_under_a_live_execution() {
    let states = states(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/history"));
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", "[environment]\npass = [\"WORKSPACE\"]\n"),
        ("breakdown.md", &states[0].1),
    ]);
    let mut client = Server::lines(&workspace, &["--on-eof", "finish"]);
    client.result("execution/start", json!({"path": "breakdown.md"}));
    client.result("execution/subscribe", json!({"from": 1}));
    client.notification_where("execution/event", |event| event["event"]["taskDone"]["task"] == "1");
    for (nth, (name, text)) in states[1..].iter().enumerate() {
        // As editors do: a new file takes the place of the old one, or the same one is written.
        if nth % 2 == 0 {
            workspace.write("breakdown.md.new", text);
            std::fs::rename(workspace.path("breakdown.md.new"), workspace.path("breakdown.md"))
                .expect("replaced");
        } else {
            workspace.write("breakdown.md", text);
        }
        let broken = name.ends_with("broken");
        // A file that is written in place can be seen empty before, which is refused; one that takes its place can't.
        let (comes, other) = if broken {
            ("planRejected", "planAccepted")
        } else {
            ("planAccepted", "planRejected")
        };
        let is_whole = nth % 2 == 0;
        let event = client.notification_where("execution/event", |event| {
            event["event"].get(comes).is_some() || is_whole && event["event"].get(other).is_some()
        });
        assert!(event["event"].get(comes).is_some(), "{name}: {event}");
        if name.starts_with("07") {
            client.notification_where("execution/event", |event| {
                event["event"]["taskChanged"]["task"] == "1"
            });
            client.notification_where("execution/event", |event| {
                event["event"]["taskDone"]["task"] == "1"
            });
        }
        if name.starts_with("08") {
            let escalation = client.notification("execution/escalation");
            assert_eq!(
                escalation["about"], "task 3",
                "the running one was stopped, and it is said"
            );
        }
    }
    workspace.write("shipped", "");
    let result = client.notification("execution/result");
    assert_eq!(result["report"]["finalStatus"], "Complete", "{}", result["markdown"]);
    assert_eq!(
        workspace.read("log"),
        "laid\nagain\n",
        "once, and once more when it asked for something else"
    );
    let accepted = || {
        workspace
            .journal()
            .iter()
            .filter(|recorded| matches!(recorded.event, Event::PlanAccepted { .. }))
            .count()
    };
    eventually("each file was read once", || accepted() == states.len() - 1);
    assert_eq!(audit(&workspace.journal()), []);
    assert_eq!(client.end().0, 0);
}

/// A plan as executions have it, with the breakdown's own words.
fn with_words(text: &str) -> Input {
    let source = Source {
        files: vec![("/plans/tasks.md".into(), 0..text.len())],
        ..Source::of_text("tasks.md", text.to_owned())
    };
    let (parsed, _) = Options::default().plan(&source).expect("a plan");
    Input::PlanOffered(Box::new(parsed.plan), parsed.marks)
}

/// An execution of a text of which the first task is done.
fn begun(text: &str) -> Replay {
    let mut replay = Replay::begin(text);
    replay.turn(with_words(text));
    replay.finish_one();
    assert_eq!(replay.done(), [TaskId::from("1")]);
    replay
}

fn names(events: &[Event]) -> Vec<String> {
    let name = |event: &Event| {
        format!("{event:?}").split([' ', '{', '(']).next().unwrap_or_default().to_owned()
    };
    events.iter().map(name).collect()
}

const WORDS: &str = "# Shop\n\nKeep it small.\n\n## Base\n\n- [ ] Task 1: Types\n\n  Use u32.\n\n- [ ] Task 2: Reader\n\n  Read lines.\n";

#[test]
fn ticks_and_what_people_add_to_them_are_no_change() {
    for (from, to) in [
        ("- [ ] Task 1", "- [x] Task 1"),
        ("Task 2: Reader", "Task 2: Reader (in progress)"),
        ("- [ ] Task 1: Types", "- [x] Task 1: Types ✅ 2026-01-01"),
        ("# Shop\n", "# Shop\n\n\n"),
        ("  Read lines.", "    Read lines."),
    ] {
        let mut replay = begun(WORDS);
        let titles = |replay: &Replay| {
            replay.state.plan.tasks.iter().map(|task| task.title.clone()).collect::<Vec<_>>()
        };
        let before = titles(&replay);
        let events = replay.turn(with_words(&WORDS.replace(from, to)));
        assert!(
            !names(&events)
                .iter()
                .any(|name| ["TaskChanged", "Escalated"].contains(&name.as_str())),
            "{to}: {events:?}"
        );
        assert_eq!(
            names(&events).contains(&"PlanAccepted".to_owned()),
            titles(&replay) != before,
            "{to}: {events:?}"
        );
    }
}

#[test]
fn other_words_reach_the_next_attempt_and_are_told_of_what_is_done() {
    let mut replay = begun(WORDS);
    let place =
        |replay: &Replay, id: &str| replay.state.plan.prose.tasks[&TaskId::from(id)].text[0];
    let before = place(&replay, "2");
    let events = replay.turn(with_words(&WORDS.replace("Read lines.", "Read bytes.")));
    assert_eq!(names(&events), ["PlanAccepted"], "{events:?}");
    assert_ne!(place(&replay, "2").said, before.said);
    let events = replay.turn(with_words(
        &WORDS.replace("Read lines.", "Read bytes.").replace("Use u32.", "Use u64."),
    ));
    assert_eq!(names(&events), ["PlanAccepted", "Escalated"], "{events:?}");
    assert!(format!("{events:?}").contains("changed since it was done"), "{events:?}");
    assert_eq!(replay.done(), [TaskId::from("1")]);
    // Once is enough.
    let again = replay.turn(with_words(
        &WORDS.replace("Read lines.", "Read bytes.").replace("Use u32.", "Use u64."),
    ));
    assert_eq!(names(&again), Vec::<String>::new());
}

#[test]
fn what_an_older_version_has_done_stays_done_when_it_is_read_better() {
    // As it was read: a title cut at the end of its line, and no words.
    let text = "# Shop\n\n- [ ] Task 1: Types of the\n      shop\n- [ ] Task 2: Reader\n";
    let read_then = "# Shop\n\n- [ ] Task 1: Types of the\n- [ ] Task 2: Reader\n";
    let mut replay = Replay::begin(read_then);
    replay.finish_one();
    assert!(replay.state.plan.prose.is_empty());
    let events = replay.turn(with_words(text));
    assert_eq!(names(&events), ["PlanAccepted"], "{events:?}");
    assert_eq!(replay.done(), [TaskId::from("1")]);
    assert!(!replay.state.plan.prose.is_empty());
    // From now on it counts what the text says.
    let events =
        replay.turn(with_words(&text.replace("Types of the\n      shop", "Something else")));
    assert!(names(&events).contains(&"TaskChanged".to_owned()), "{events:?}");
    // Where all was done, there is nothing to go on with.
    let mut over = Replay::begin(read_then);
    over.finish_one();
    over.finish_one();
    assert!(over.state.ended.is_some());
    assert_eq!(names(&over.turn(with_words(text))), Vec::<String>::new());
}

/// Written by a version that knew nothing of the breakdown's own words, joined no titles and kept signs in names.
#[test]
fn an_execution_of_an_older_version_keeps_what_it_has_done() {
    let bytes = include_bytes!("../data/journal-before-texts.jsonl");
    let events =
        recover_bytes(bytes, Path::new("journal-before-texts.jsonl")).expect("it loads").events;
    let mut replay = Replay { state: State::default(), events };
    replay.events.iter().for_each(|recorded| replay.state.apply(recorded));
    assert_eq!(replay.done(), [TaskId::from("1")]);
    let begun: Vec<_> = replay.state.orders.keys().copied().collect();
    let events = replay.turn(with_words(include_str!("../data/journal-before-texts.md")));
    assert_eq!(names(&events), ["PlanAccepted"], "{events:?}");
    assert_eq!(replay.done(), [TaskId::from("1")]);
    assert_eq!(replay.state.orders.keys().copied().collect::<Vec<_>>(), begun, "nobody is stopped");
}
