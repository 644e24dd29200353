//! Breakdowns that are JSON, front matter or folders, live: in an editor, carried out, and told what is done.

use crate::editor::{Editor, edited};
use crate::support::{Workspace, eventually};
use execution_coordinator::core::event::Event;
use serde_json::{Value, json};

/// Everything is done by a program that says so.
const CONFIG: &str =
    "[agents.implementation-agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n";
const AGENT: &str = "#!/bin/sh\ncat > /dev/null\necho x > made-$EXECUTION_COORDINATOR_TASK\necho '{\"status\":\"complete\",\"summary\":\"did it\"}'\n";
const TASKS: &str = r#"{
  "master": {
    "tasks": [
      {
        "id": 1,
        "title": "Set up",
        "priority": "high",
        "status": "pending",
        "dependencies": []
      },
      {
        "id": 2,
        "title": "Build",
        "status": "pending",
        "dependencies": [
          1
        ]
      }
    ]
  }
}
"#;
const FIRST: &str = "---\nid: BACK-1\ntitle: Set up\nstatus: To Do\ncreated_date: x\ndependencies: []\n---\n\n## Description\n\nWhy.\n";
const SECOND: &str = "---\nid: BACK-2\ntitle: Build\nstatus: \"To Do\"\ncreated_date: x\ndependencies:\n  - BACK-1\n---\n";

fn backlog() -> Workspace {
    Workspace::with(&[
        ("execution-coordinator.toml", CONFIG),
        ("agent.sh", AGENT),
        ("backlog/config.yml", "project_name: Shop\nstatuses: [\"To Do\", \"Done\"]\n"),
        ("backlog/tasks/back-1 - Set-up.md", FIRST),
        ("backlog/tasks/back-2 - Build.md", SECOND),
    ])
}

fn plans(workspace: &Workspace) -> usize {
    workspace
        .journal()
        .iter()
        .filter(|recorded| matches!(recorded.event, Event::PlanAccepted { .. }))
        .count()
}

#[test]
fn a_list_is_told_what_is_done_in_its_own_habit() {
    let list = "# T\r\n\r\n- [X] Task 1: a\r\n- [ ] Task 2: b  \r\n  - Run: true\r\n- [ ] Task 3: c\r\n  - Run: true\r\n  - [ ] a step";
    let workspace = Workspace::with(&[("breakdown.md", list)]);
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
    assert_eq!(workspace.read("breakdown.md"), list, "nobody asked for it");
    let run = workspace.run(&["run", "breakdown.md", "--fresh", "--write-back"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(workspace.read("breakdown.md"), list.replace("- [ ] Task", "- [X] Task"));
    assert_eq!(plans(&workspace), 1, "what it writes itself is no other plan");
    assert!(workspace.run(&["audit"]).code == 0);
}

#[test]
fn where_there_is_no_mark_nothing_is_written() {
    let text = "# T Task Breakdown\n\n### Stream A: x (Parallel)\n\n1. **One**\n   - Run: true\n   - Dependencies: None\n";
    let workspace = Workspace::with(&[("breakdown.md", text)]);
    let run = workspace.run(&["run", "breakdown.md", "--write-back"]);
    assert!(run.code == 0 && run.stderr.contains("this format has no mark"), "{}", run.stderr);
    assert_eq!(workspace.read("breakdown.md"), text);
}

#[test]
fn files_of_others_are_carried_out_and_told_what_is_done() {
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", CONFIG),
        ("agent.sh", AGENT),
        (".taskmaster/tasks/tasks.json", TASKS),
    ]);
    let run = workspace.run(&["run", ".", "--write-back"]);
    assert!(
        run.code == 0 && run.stdout.contains("2 completed / 2 total"),
        "{}{}",
        run.stdout,
        run.stderr
    );
    assert_eq!(workspace.read(".taskmaster/tasks/tasks.json"), TASKS.replace("pending", "done"));
    assert_eq!(plans(&workspace), 1);

    let workspace = backlog();
    workspace
        .write("execution-coordinator.toml", &format!("[execution]\nwrite_back = true\n{CONFIG}"));
    let run = workspace.run(&["run", "backlog"]);
    assert!(
        run.code == 0 && run.stdout.contains("2 completed / 2 total"),
        "{}{}",
        run.stdout,
        run.stderr
    );
    assert_eq!(workspace.read("backlog/tasks/back-1 - Set-up.md"), FIRST.replace("To Do", "Done"));
    assert_eq!(workspace.read("backlog/tasks/back-2 - Build.md"), SECOND.replace("To Do", "Done"));
    assert_eq!(plans(&workspace), 1);
}

#[test]
fn a_file_that_joins_a_folder_is_taken_up_while_it_runs() {
    let workspace = backlog();
    workspace.write("agent.sh", "#!/bin/sh\ncat > /dev/null\nuntil test -e \"$WORKSPACE/go\"; do sleep 0.02; done\necho x > made-$EXECUTION_COORDINATOR_TASK\necho '{\"status\":\"complete\",\"summary\":\"did it\"}'\n");
    workspace.write(
        "execution-coordinator.toml",
        &format!("{CONFIG}[environment]\npass = [\"WORKSPACE\"]\n"),
    );
    let run = workspace.start(&["run", "backlog"]);
    eventually("it is at work", || {
        workspace.run(&["status"]).stdout.contains("implementation-agent working")
    });
    workspace.write(
        "backlog/tasks/back-3 - More.md",
        &SECOND.replace("BACK-2", "BACK-3").replace("Build", "More"),
    );
    // An agent is at work that could have done that too: a person says that it was meant so.
    eventually("somebody is asked", || {
        workspace
            .run(&["status"])
            .stdout
            .contains("Decide the change of backlog: `approve backlog`")
    });
    assert_eq!(plans(&workspace), 1);
    assert_eq!(workspace.run_at_terminal(&["approve", "backlog"]).code, 0);
    eventually("it is taken up", || plans(&workspace) == 2);
    workspace.write("go", "");
    let ended = crate::support::ended(run.wait_with_output().expect("an end"));
    assert!(
        ended.code == 0 && ended.stdout.contains("3 completed / 3 total"),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
}

#[test]
fn a_folder_means_the_breakdown_below_it_and_its_first_file_the_whole() {
    let list = "- [ ] T001 a\n- [ ] T002 b\n";
    let workspace = Workspace::with(&[("specs/001-a/tasks.md", list)]);
    let told = |arguments: &[&str]| {
        let run = workspace.run(arguments);
        run.stdout + &run.stderr
    };
    assert!(
        told(&["check", "."]).contains("specs/001-a/tasks.md: spec-kit"),
        "{}",
        told(&["check", "."])
    );
    workspace.write("specs/002-b/tasks.md", list);
    assert!(
        told(&["check", "."]).contains("there are several breakdowns below it: name one of ./specs/001-a/tasks.md, ./specs/002-b/tasks.md")
    );
    workspace.write("epic/epic.md", "---\nname: x\n---\n# Epic: x\n\n- [ ] preview\n");
    workspace.write("epic/1.md", "---\nname: one\nstatus: open\ndepends_on: []\n---\n");
    assert!(
        told(&["check", "epic/epic.md"]).contains("epic: ccpm (certain): 1 task"),
        "{}",
        told(&["check", "epic/epic.md"])
    );
}

#[test]
fn json_in_an_editor() {
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", CONFIG),
        ("agent.sh", AGENT),
        (".taskmaster/tasks/tasks.json", TASKS),
    ]);
    let mut editor = Editor::of_file(&workspace, ".taskmaster/tasks/tasks.json");
    assert!(editor.lenses().contains("▶ Run"));
    let symbols = editor.ask("textDocument/documentSymbol", json!({}));
    assert_eq!(
        (&symbols[0]["name"], symbols[0]["children"].as_array().map(Vec::len)),
        (&json!("master"), Some(2)),
        "{symbols}"
    );
    let place = editor.at("\"id\": |1,");
    let edit = editor.ask("textDocument/rename", json!({"position": place, "newName": "7"}));
    assert_eq!(
        edited(TASKS, &edit["documentChanges"][0]["edits"]),
        TASKS.replace("\"id\": 1", "\"id\": 7").replace("          1\n", "          7\n")
    );
    // What is said of a task shows how it is read.
    let place = editor.at("\"priority\": \"|high");
    let read: Value = editor.ask("textDocument/hover", json!({ "position": place }));
    assert_eq!(read["contents"]["value"], "**notes** of task 1: priority: high", "{read}");
    let place = editor.at("          |1\n");
    let definition = editor.ask("textDocument/definition", json!({ "position": place }));
    assert_eq!(definition[0]["range"]["start"]["line"], 5, "{definition}");
    editor.command("run", &[]);
    assert_eq!(editor.until("\"Build\",  «✔ done").matches("✔ done").count(), 2);
    let broken = TASKS.replace("\"pending\",", "\"pending\"");
    let change = json!({"textDocument": {"uri": editor.uri, "version": 2}, "contentChanges": [{ "text": broken }]});
    editor.server.notify("textDocument/didChange", change);
    assert!(editor.diagnostics(|shown| shown.contains("[unreadable]")).contains("this is no JSON"));
}

#[test]
fn a_folder_in_an_editor() {
    let workspace = backlog();
    let mut editor = Editor::of_file(&workspace, "backlog/tasks/back-2 - Build.md");
    let place = editor.at("  - |BACK-1");
    let definition = editor.ask("textDocument/definition", json!({ "position": place }));
    let first = definition[0]["uri"].as_str().expect("a file").to_owned();
    assert!(
        first.ends_with("back-1%20-%20Set-up.md") && definition[0]["range"]["start"]["line"] == 2,
        "{definition}"
    );
    let references = editor.ask(
        "textDocument/references",
        json!({"position": place, "context": {"includeDeclaration": true}}),
    );
    assert_eq!(references.as_array().map(Vec::len), Some(2), "{references}");
    let edit = editor.ask("textDocument/rename", json!({"position": place, "newName": "BACK-9"}));
    let of = |uri: &str| {
        edit["documentChanges"]
            .as_array()
            .expect("files")
            .iter()
            .find(|file| file["textDocument"]["uri"] == uri)
            .expect("a file")["edits"]
            .clone()
    };
    assert_eq!(edited(FIRST, &of(&first)), FIRST.replace("BACK-1", "BACK-9"));
    assert_eq!(edited(SECOND, &of(&editor.uri)), SECOND.replace("BACK-1", "BACK-9"));
    // Who waits for the other file's task, asked of that file, which is not open.
    let item = editor.ask("textDocument/prepareCallHierarchy", json!({ "position": place }));
    assert_eq!(item[0]["uri"], first.as_str(), "{item}");
    let incoming = editor.server.result("callHierarchy/incomingCalls", json!({ "item": item[0] }));
    assert!(
        incoming[0]["from"]["name"].as_str().is_some_and(|name| name.contains("BACK-2")),
        "{incoming}"
    );
    let symbols = editor.ask("textDocument/documentSymbol", json!({}));
    assert_eq!(symbols.as_array().map(Vec::len), Some(1), "its own alone: {symbols}");
    // The other file is changed on disk, and then in the editor.
    workspace.write("backlog/tasks/back-1 - Set-up.md", &FIRST.replace("BACK-1", "BACK-5"));
    assert!(editor.diagnostics(|shown| !shown.is_empty()).contains("6:4 1 [unknown-reference]"));
    workspace.write("backlog/tasks/back-1 - Set-up.md", FIRST);
    editor.diagnostics(str::is_empty);
    editor.command("run", &[]);
    assert_eq!(editor.until("«✔ done").lines().count(), 1);
    let other = editor.uri.clone();
    editor.show(&workspace, "backlog/tasks/back-1 - Set-up.md");
    assert!(editor.until("«✔ done").starts_with("title: Set up  «✔ done"));
    let change = json!({"textDocument": {"uri": editor.uri, "version": 2}, "contentChanges": [{ "text": FIRST.replace("BACK-1", "BACK-5") }]});
    editor.server.notify("textDocument/didChange", change);
    editor.uri = other;
    assert!(editor.diagnostics(|shown| shown.contains("unknown-reference")).contains("6:4"));
    let known: Value =
        editor.ask("textDocument/hover", json!({"position": {"line": 2, "character": 8}}));
    assert!(
        known["contents"]["value"].as_str().is_some_and(|card| card.contains("BACK-2")),
        "{known}"
    );
}
