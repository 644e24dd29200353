//! Who may decide about gates, and what is recorded of it.

use crate::client::Server;
use crate::support::Workspace;
use execution_coordinator::core::decider::Frontend;
use execution_coordinator::core::event::Event;
use serde_json::json;

fn waiting(approval: &str) -> Workspace {
    let workspace = Workspace::with(&[
        ("breakdown.md", "# T\n\n- [ ] Task 1: One\n  - Run: true\n"),
        (
            "execution-coordinator.toml",
            &format!(
                "[[gates]]\nname = \"release\"\nlevel = \"deployment\"\napproval = {approval}\n"
            ),
        ),
    ]);
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 4);
    workspace
}

fn deciders(workspace: &Workspace) -> Vec<(Frontend, bool)> {
    let decided = |event: Event| match event {
        Event::GateDecided { from: Some(from), .. } => {
            Some((from.frontend, from.terminal.is_some()))
        }
        _ => None,
    };
    workspace.journal().into_iter().filter_map(|recorded| decided(recorded.event)).collect()
}

const TOLD: &str =
    "gate `release` is for a person to decide: type `execution-coordinator approve release`";

#[test]
fn what_is_for_a_person_no_program_decides() {
    let workspace = waiting("true");
    // Without a terminal.
    let said = workspace.run(&["approve", "release"]);
    assert!(said.code != 0 && said.stderr.contains(TOLD), "{}{}", said.stdout, said.stderr);
    // By JSON lines, whatever they say of themselves.
    let mut client = Server::lines(&workspace, &[]);
    for params in [
        json!({"gate": "release"}),
        json!({"gate": "release", "by": "ann", "frontend": "terminal"}),
    ] {
        let error = client.answer("gate/approve", params)["error"].take();
        assert!(error["message"].as_str().is_some_and(|why| why.contains(TOLD)), "{error}");
    }
    drop(client);
    assert_eq!(deciders(&workspace), []);
    let said = workspace.run_at_terminal(&["approve", "release", "--by", "ann"]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    assert_eq!(deciders(&workspace), [(Frontend::Terminal, true)]);
    assert_eq!(
        (workspace.run(&["run", "breakdown.md"]).code, workspace.run(&["audit"]).code),
        (0, 0)
    );
}

#[test]
fn what_is_for_a_parent_a_program_decides() {
    let workspace = waiting("\"parent\"");
    assert_eq!(workspace.run(&["approve", "release"]).code, 0);
    assert_eq!(
        deciders(&workspace).first().map(|(frontend, _)| *frontend),
        Some(Frontend::Program)
    );
    assert_eq!(
        (workspace.run(&["run", "breakdown.md"]).code, workspace.run(&["audit"]).code),
        (0, 0)
    );
    let wrong = waiting("true");
    wrong.write(
        "execution-coordinator.toml",
        "[[gates]]\nname = \"x\"\nlevel = \"deployment\"\napproval = \"boss\"\n",
    );
    let said = wrong.run(&["run", "breakdown.md"]);
    assert!(
        said.code == 2
            && said.stderr.contains("`approval` is `true` (a person passes it) or \"parent\""),
        "{}",
        said.stderr
    );
}
