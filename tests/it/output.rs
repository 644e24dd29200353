//! What `output` and `task/output` show of a task: everything that was printed for it.

use crate::client::Server;
use crate::simulate::start;
use crate::support::{Workspace, commit_all};
use execution_coordinator::core::event::{Event, Recorded, Work};
use execution_coordinator::core::id::OrderId;
use execution_coordinator::core::plan::{Plan, Task};
use execution_coordinator::core::policy::Policy;
use execution_coordinator::core::state::State;
use execution_coordinator::core::turn;
use execution_coordinator::engine::output::printed;
use execution_coordinator::workspace::execution_dir::ExecutionDir;
use serde_json::json;

const CONFIG: &str = r#"
[execution]
isolation = "none"
tests_first = "off"
final_review = false
[agents.worker]
kind = "command"
role = "executor"
command = ["sh", "-c", "cat >/dev/null; echo worked on it; echo grumble >&2; echo done > made; echo '{\"status\":\"complete\",\"summary\":\"made\"}'"]
[agents.qa-reviewer]
kind = "command"
role = "reviewer"
command = ["sh", "-c", "cat >/dev/null; echo looked at it; echo '{\"verdict\":\"pass\"}'"]
[[gates]]
name = "lint"
level = "task"
command = ["sh", "-c", "echo linted"]
[[gates]]
name = "quiet"
level = "task"
command = ["true"]
"#;

const SHOP: &str = "# Shop\n\n- [ ] Task 1: Types\n";

#[test]
fn a_task_shows_what_its_agents_gates_and_reviewers_printed() {
    let workspace =
        Workspace::with(&[("execution-coordinator.toml", CONFIG), ("breakdown.md", SHOP)]);
    let ended = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let shown = workspace.run(&["output", "1"]).stdout;
    expect_test::expect![[r#"
        ── a1: gate lint of task 1 (base) ──
        linted

        ── a2: gate quiet of task 1 (base) ──
        (it printed nothing)

        ── a3: task 1 by worker ──
        worked on it
        {"status":"complete","summary":"made"}
        grumble

        ── a4: gate lint of task 1 ──
        linted

        ── a5: gate quiet of task 1 ──
        (it printed nothing)

        ── a6: qa-reviewer on task 1 by qa-reviewer ──
        looked at it
        {"verdict":"pass"}
    "#]]
    .assert_eq(&shown);
    // The same in pages of any size, and of one order without headings.
    let mut lines = Server::lines(&workspace, &[]);
    let (mut paged, mut from) = (String::new(), json!(0));
    loop {
        let page = lines.result("task/output", json!({"task": "1", "from": from, "limit": 7}));
        if page["text"] == "" {
            assert_eq!(page["open"], false, "{page}");
            break;
        }
        paged += page["text"].as_str().expect("a text");
        from = page["next"].clone();
    }
    assert_eq!(paged, shown);
    assert_eq!(lines.result("task/output", json!({"task": "a4"}))["text"], "linted\n");
    for (asked, says) in [("9", "no task that was begun"), ("a99", "no such order")] {
        assert!(workspace.run(&["output", asked]).stderr.contains(says), "{asked}");
    }
}

#[test]
fn a_gate_that_judged_the_same_tree_before_is_said_so() {
    let config = CONFIG.replace("isolation = \"none\"\n", "");
    // It changes nothing, so that what was judged before it is judged again.
    let config =
        config.replace("echo done > made; ", "").replace("\"made\\", "\"No changes needed\\");
    let workspace =
        Workspace::with(&[("execution-coordinator.toml", &config), ("breakdown.md", SHOP)]);
    commit_all(&workspace);
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
    let shown = workspace.run(&["output", "1"]).stdout;
    for part in [
        "worked on it",
        "linted",
        "looked at it",
        "(as merged) ──",
        "not run again: a",
        "judged the same tree",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn what_a_task_prints_is_followed_until_it_is_done() {
    let text = "# Shop\n\n- [ ] Task 1: Types\n  - Run: `sh -c 'echo begun; until test -e \"$WORKSPACE/go\"; do sleep 0.02; done; echo over'`\n";
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", crate::support::CONFIG),
        ("breakdown.md", text),
    ]);
    let run = workspace.start(&["run", "breakdown.md"]);
    crate::support::eventually("it begins", || {
        workspace.run(&["output", "1"]).stdout.contains("begun")
    });
    let follow = workspace.start(&["output", "1", "--follow"]);
    workspace.write("go", "");
    let followed = crate::support::ended(follow.wait_with_output().expect("an end"));
    assert_eq!(
        (followed.code, followed.stdout.as_str()),
        (0, "── a1: task 1 by shell ──\nbegun\nover\n"),
        "{}",
        followed.stderr
    );
    assert_eq!(crate::support::ended(run.wait_with_output().expect("an end")).code, 0);
}

#[test]
fn of_very_many_orders_of_a_task_the_last_are_kept_and_the_others_counted() {
    let mut plan = Plan::default();
    plan.tasks.push(Task::new("1", "a task"));
    let mut state = State::default();
    turn(&mut state, start("x", plan, Policy::default()), 0);
    for number in 1..=2_050 {
        let work = Work::PrepareWorktree { task: "1".into() };
        let event = Event::Ordered { order: OrderId(number), work, deadline: 1 };
        state.apply(&Recorded { seq: state.seq + 1, at: 0, event });
    }
    let orders = &state.tasks[0].orders;
    assert_eq!((orders.last.len(), orders.before), (2_000, 50));
    assert_eq!(orders.last[0].order, OrderId(51));
    let folder = tempfile::tempdir().unwrap();
    let printed = printed(&ExecutionDir::new(folder.path()), &state, "1").unwrap();
    let text = String::from_utf8(printed.read(0, 1_000).unwrap()).unwrap();
    assert!(text.starts_with("(50 earlier orders are in the journal: `events`)\n"), "{text}");
}
