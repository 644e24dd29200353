//! The live screen: what it shows in 80 × 24, what its keys do, and that it gives the terminal back.

use crate::simulate::{agent, gate};
use crate::support::{Workspace, eventually, tmux};
use execution_coordinator::core::event::Recorded;
use execution_coordinator::core::id::{ExecutionId, OrderId, StreamId};
use execution_coordinator::core::input::{Input, Start};
use execution_coordinator::core::outcome::{AgentOutcome, Ending, Verdict};
use execution_coordinator::core::plan::{
    Dependency, Level, Node, Origin, Plan, Stream, Task, TestsFirst,
};
use execution_coordinator::core::policy::{Policy, Role};
use execution_coordinator::core::state::State;
use execution_coordinator::core::turn;
use execution_coordinator::frontend::screen::draw::draw;
use execution_coordinator::frontend::screen::model::{Act, Model};
use expect_test::expect;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::KeyCode;
use serde_json::json;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

/// Tasks in two streams, each waiting for the one before it, the first of them done.
fn state(tasks: usize) -> State {
    let stream = |id: &str, name: &str| Stream {
        id: StreamId::from(id),
        name: name.into(),
        depends_on: Vec::new(),
    };
    let mut plan = Plan {
        topic: "Shop".into(),
        streams: vec![stream("A", "Base"), stream("B", "Rest")],
        ..Plan::default()
    };
    for number in 1..=tasks {
        let mut task = Task::new(number.to_string(), format!("Part {number}"));
        task.stream = Some(StreamId::from(if number <= tasks.div_ceil(2) { "A" } else { "B" }));
        if number > 1 && number % 4 != 0 {
            task.depends_on.push(Dependency {
                on: Node::Task((number - 1).to_string().into()),
                origin: Origin::Explicit,
            });
        }
        plan.tasks.push(task);
    }
    let mut release = gate("release", Level::System);
    (release.command, release.approval) = (false, true);
    let policy = Policy {
        agents: vec![agent("builder", Role::Executor, "command")],
        gates: vec![release],
        tests_first: TestsFirst::Off,
        ..Policy::default()
    };
    let start = Start {
        execution: ExecutionId::from("shop"),
        program: "test".into(),
        breakdown: "shop.md".into(),
        plan,
        policy,
        marks: BTreeMap::new(),
    };
    let mut state = State::default();
    let mut all: Vec<Recorded> = turn(&mut state, Input::Start(Box::new(start)), 1_000);
    let outcome = AgentOutcome::new(Ending::Exited(0), Verdict::Complete, 60_000);
    all.extend(turn(&mut state, Input::AgentEnded(OrderId(1), outcome), 61_000));
    assert!(!all.is_empty());
    state
}

fn model(tasks: usize) -> Model {
    let mut model = Model::default();
    model.show(Arc::new(state(tasks)), true, 91_000);
    model
}

fn press(model: &mut Model, keys: &str) -> Act {
    let mut act = Act::None;
    for key in keys.chars() {
        let code = if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) };
        act = model.press(code.into());
    }
    model.show(model.state.clone(), model.running, model.now_ms);
    act
}

fn shown(model: &mut Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen");
    terminal.draw(|frame| draw(frame, model)).expect("drawn");
    let buffer = terminal.backend().buffer().clone();
    let line = |y: u16| {
        (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned()
    };
    (0..height).map(|y| line(y) + "\n").collect()
}

#[test]
fn everything_has_its_place_in_80_columns() {
    let mut model = model(6);
    expect![[r#"
        Shop  running · 1 min 30 s · 2 min 0 s–2 min 30 s to go
        1/6 tasks · 0/1 gates ──────────────────────────────────────────────────────────
        ▾ Stream A: Base                         ● 1/3 done · 1 running
          ◆ 1 Part 1                             ✔ done 1 min 0 s
          ◆ 2 Part 2                             ● running       30s builder
          ◆ 3 Part 3                             ◌ waits for Task 2
        ▾ Stream B: Rest                         ● 0/3 done · 1 running
            4 Part 4                             ● running     1m30s builder
            5 Part 5                             ◌ waits for Task 4
            6 Part 6                             ◌ waits for Task 5
          ▣ release                              ◇ pending




         Stream A ──────────────────────────────────────────────────────────────────────
        Stream A: 50 %
        the whole: 2 min 0 s–2 min 30 s to go
        critical path: 1 → 2 → 3




        q quit · ↑↓ · ⏎ fold · o output · t times · p pause · r retry · s skip · ? more
    "#]]
    .assert_eq(&shown(&mut model, 80, 24));
    press(&mut model, "jjt?");
    expect![[r#"
        Shop  running · 1 min 30 s · 2 min 0 s–2 min 30 s to go
        1/6 tasks · 0/1 gates ──────────────────────────────────────────────────────────
        ▾ Stream A: Base                         ● 1/3 done · 1 running
          ◆ 1 Part 1                             ██████████████████████████
          ◆ 2 Part 2                                                       █████████████
          ◆ 3 Part 3
        ▾ Stream B: Rest                         ● 0/3 done · 1 running
            4 Part 4                             ███████████████████████████████████████
            5 Part 5
            6 Part 6
          ▣ release                              ◇ pending




         keys ──────────────────────────────────────────────────────────────────────────
        ↑ ↓ k j, PgUp PgDn, Home End  select
        Enter, Space  fold or unfold a stream
        o  what the selected task or gate printed last, or its details
        t  times as bars
        p  pause, or go on
        r  try the selected task or gate again
        s  skip the selected task
        q quit · ↑↓ · ⏎ fold · o output · t times · p pause · r retry · s skip · ? more
    "#]]
    .assert_eq(&shown(&mut model, 80, 24));
}

#[test]
fn keys_select_fold_and_call_only_what_makes_sense() {
    let mut model = model(6);
    assert_eq!(press(&mut model, "r"), Act::None);
    assert_eq!(model.said, "there is nothing to retry here now");
    assert_eq!(press(&mut model, "jr"), Act::Call("task/retry", json!({"task": "1"})));
    assert_eq!(press(&mut model, "js"), Act::Call("task/skip", json!({"task": "2"})));
    assert_eq!(press(&mut model, "p"), Act::Call("execution/pause", json!({})));
    assert_eq!(press(&mut model, "cn"), Act::None);
    assert_eq!(press(&mut model, "y"), Act::None, "only right after the question");
    assert_eq!(press(&mut model, "cy"), Act::Call("execution/cancel", json!({})));
    let rows = model.rows.len();
    press(&mut model, "kk\n");
    assert_eq!(model.rows.len(), rows - 3, "a folded stream hides its tasks");
    assert_eq!(press(&mut model, "q"), Act::Quit);
}

#[test]
fn a_thousand_tasks_are_scrolled_through() {
    let mut model = model(1_000);
    shown(&mut model, 80, 24);
    model.press(KeyCode::End.into());
    assert!(shown(&mut model, 80, 24).contains("▣ release"));
    model.press(KeyCode::PageUp.into());
    assert!(shown(&mut model, 80, 24).contains("Part 99"));
    for size in [(20, 5), (1, 1), (200, 60), (80, 3)] {
        shown(&mut model, size.0, size.1);
    }
}

#[test]
#[ignore = "needs tmux"]
fn in_a_terminal_it_follows_steers_and_leaves_no_trace() {
    let config = "[environment]\npass = [\"WORKSPACE\"]\n[[gates]]\nname = \"release\"\nlevel = \"system\"\napproval = true\n";
    let plan = "# Shop\n\n### Stream A: Base\n\n1. **Build**\n   - Run: `sh -c 'echo it talks; until test -e \"$WORKSPACE/go\"; do sleep 0.02; done'`\n";
    let workspace =
        Workspace::with(&[("execution-coordinator.toml", config), ("breakdown.md", plan)]);
    let mut run = workspace.start(&["run", "breakdown.md"]);
    eventually("it runs", || {
        workspace.run(&["status", "--format", "line"]).stdout.contains("running, 0/1")
    });
    let socket = format!("ec-screen-{}", std::process::id());
    let program = env!("CARGO_BIN_EXE_execution-coordinator");
    let watch = format!(
        "cd {} && echo before; {program} status --watch; echo exit=$?; exec cat",
        workspace.path("").display()
    );
    tmux(&socket, &["new-session", "-d", "-x", "80", "-y", "24", "sh", "-c", &watch]);
    let screen = || tmux(&socket, &["capture-pane", "-p"]);
    let keys = |keys: &[&str]| drop(tmux(&socket, &[&["send-keys"], keys].concat()));
    eventually("the running task shows", || {
        screen().contains("● running") && screen().contains("0/1 tasks · 0/1 gates")
    });
    keys(&["Down", "o"]);
    eventually("what it prints shows", || screen().contains("it talks"));
    keys(&["p"]);
    eventually("it is paused", || screen().contains("paused"));
    keys(&["p"]);
    eventually("it goes on", || !screen().contains("paused"));
    workspace.write("go", "");
    eventually("the gate waits", || screen().contains("◈ open"));
    assert_eq!(run.wait().expect("an end").code(), Some(4));
    keys(&["Down", "a"]);
    eventually("the daemon goes on with it", || screen().contains("Complete"));
    keys(&["q"]);
    eventually("it leaves", || screen().contains("exit=0"));
    let last = screen();
    assert!(last.contains("before") && !last.contains("◈"), "the screen is as it was:\n{last}");
    // A signal gives the terminal back too.
    tmux(&socket, &["respawn-pane", "-k", "sh", "-c", &watch]);
    eventually("it is back", || screen().contains("Complete"));
    let pids = tmux(&socket, &["list-panes", "-F", "#{pane_pid}"]);
    let _ =
        Command::new("pkill").args(["-TERM", "-P", pids.trim(), "-f", "status --watch"]).status();
    eventually("it leaves", || screen().contains("exit=0"));
    assert!(screen().contains("before"));
    tmux(&socket, &["kill-server"]);
}
