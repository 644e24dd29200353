//! The daemon of a workspace: started by whoever needs it, there for everybody, gone when nobody
//! does.

use crate::client::Server;
use crate::support::{CONFIG, WAITS, Workspace, ended, eventually, lives};
use execution_coordinator::engine::listener::{Address, connect};
use execution_coordinator::journal::lock::holder;
use serde_json::{Value, json};
use std::process::Command;

fn workspace() -> Workspace {
    Workspace::with(&[("execution-coordinator.toml", CONFIG), ("breakdown.md", WAITS)])
}

/// An editor that has started the execution.
fn editor(workspace: &Workspace) -> Server {
    let mut editor = Server::lsp(workspace);
    editor.initialize(json!({}));
    let started = editor.result("execution/start", json!({"path": "breakdown.md"}));
    assert_eq!(started["state"], "running", "{started}");
    editor
}

fn address(workspace: &Workspace) -> Address {
    Address::of_daemon(&workspace.path("").canonicalize().expect("a folder"))
}

/// The process of the daemon.
fn daemon(workspace: &Workspace) -> Option<u32> {
    let who = holder(&address(workspace).lock).expect("a lock")?;
    who.strip_prefix("process ").and_then(|pid| pid.parse().ok())
}

fn status(workspace: &Workspace) -> String {
    workspace.run(&["status", "--format", "line"]).stdout
}

#[test]
fn an_execution_outlives_the_editor_that_started_it() {
    let workspace = workspace();
    let mut first = editor(&workspace);
    let pid = daemon(&workspace).expect("a daemon");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let parent =
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)).expect("a parent");
    assert_ne!(parent, first.pid().to_string(), "it is nobody's child");
    first.result("shutdown", Value::Null);
    first.notify("exit", Value::Null);
    assert_eq!(first.exit_code(), 0);
    assert!(status(&workspace).contains("running"), "{}", status(&workspace));
    let mut second = editor(&workspace);
    second.kill();
    let mut lines = Server::lines(&workspace, &[]);
    lines.ask("execution/await", json!({}));
    workspace.write("go", "");
    let ended = lines.find("the end", |message| {
        message["method"] == "execution/result" || message["result"]["ended"] == true
    });
    assert!(ended.to_string().contains("Complete"), "{ended}");
    assert_eq!(
        workspace
            .journal()
            .iter()
            .filter(|event| format!("{:?}", event.event).starts_with("Opened"))
            .count(),
        1
    );
}

#[test]
fn it_leaves_when_nobody_needs_it() {
    let workspace = workspace();
    assert_eq!(workspace.run(&["serve", "--detach", "--stay", "100ms"]).code, 0);
    eventually("it leaves", || daemon(&workspace).is_none());
    assert!(!workspace.path(".execution-coordinator/daemon-1.socket").exists());
    // Nor does it stay where nobody can find it any more.
    assert_eq!(workspace.run(&["serve", "--detach", "--stay", "1h"]).code, 0);
    let pid = daemon(&workspace).expect("a daemon");
    std::fs::remove_dir_all(workspace.path(".execution-coordinator")).expect("taken away");
    eventually("it leaves", || !lives(pid));
    // But as long as something runs.
    assert_eq!(workspace.run(&["serve", "--detach", "--stay", "1s"]).code, 0);
    let client = connect(&address(&workspace)).expect("a connection");
    let mut editor = editor(&workspace);
    let pid = daemon(&workspace).expect("a daemon");
    editor.kill();
    drop(client);
    eventually("task 1 has begun", || {
        workspace.journal().iter().any(|event| format!("{:?}", event.event).starts_with("Ordered"))
    });
    assert!(lives(pid));
    workspace.write("go", "");
    eventually("it leaves", || !lives(pid));
    assert!(status(&workspace).contains("Complete"), "{}", status(&workspace));
}

#[test]
fn it_stays_as_long_as_anything_is_under_way() {
    // Longer than it stays, with nobody there: work, then only a back-off, then work again.
    let text =
        "# Long\n\n- [ ] Task 1: fails at first\n- [ ] Task 2: after it\n  - Depends on: 1\n";
    let config = "[execution]\nisolation = \"none\"\nbackoff = \"700ms\"\ntests_first = \"off\"\nfinal_review = false\n[agents.worker]\nkind = \"command\"\nrole = \"executor\"\n\
        command = [\"sh\", \"-c\", \"cat >/dev/null; sleep 0.4; test -e begun || { touch begun; exit 9; }; touch made-$EXECUTION_COORDINATOR_TASK; echo '{\\\"status\\\":\\\"complete\\\"}'\"]\n";
    let workspace =
        Workspace::with(&[("execution-coordinator.toml", config), ("breakdown.md", text)]);
    assert_eq!(workspace.run(&["serve", "--detach", "--stay", "100ms"]).code, 0);
    let pid = daemon(&workspace).expect("a daemon");
    // As an editor's server does: one call at the socket, then it hangs up.
    let mut client = connect(&address(&workspace)).expect("a connection");
    let start = json!({"jsonrpc": "2.0", "id": 1, "method": "execution/start", "params": {"path": "breakdown.md"}});
    std::io::Write::write_all(&mut client, format!("{start}\n").as_bytes()).expect("a line");
    let mut answer = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(&client), &mut answer)
        .expect("an answer");
    assert!(answer.contains("\"execution\""), "{answer}");
    drop(client);
    eventually("it leaves", || !lives(pid));
    assert!(status(&workspace).contains("Complete"), "{}", status(&workspace));
    let log = workspace.read(".execution-coordinator/daemon.log");
    assert!(
        log.contains(&format!(
            "process {pid} leaves: nothing was under way and no client was there for 100ms"
        )),
        "{log}"
    );
}

#[test]
fn a_killed_daemon_is_noticed_and_another_one_goes_on() {
    let workspace = workspace();
    let mut editor = editor(&workspace);
    let pid = daemon(&workspace).expect("a daemon").to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().expect("kill").success());
    let mut lines = Server::lines(&workspace, &[]);
    assert_eq!(
        lines.result("execution/await", json!({}))["running"],
        false,
        "nobody waits for the dead"
    );
    assert_eq!(editor.result("execution/status", json!({}))["state"], "not running");
    workspace.write("go", "");
    let again = editor.result("execution/start", json!({"path": "breakdown.md"}));
    assert_eq!(again["resumed"], true, "{again}");
    let result = editor.notification("execution/result");
    assert_eq!(result["report"]["finalStatus"], "Complete", "{result}");
}

#[test]
fn many_who_need_it_at_once_get_one() {
    let workspace = workspace();
    let starts: Vec<_> = (0..8).map(|_| workspace.start(&["serve", "--detach"])).collect();
    for start in starts {
        let start = ended(start.wait_with_output().expect("an end"));
        assert_eq!(start.code, 0, "{}", start.stderr);
    }
    let pid = daemon(&workspace).expect("a daemon");
    assert_eq!(workspace.run(&["serve", "--stop"]).code, 0);
    eventually("it has left", || !lives(pid));
    assert!(daemon(&workspace).is_none());
    assert!(workspace.run(&["serve", "--stop"]).stderr.contains("there is no daemon"));
}

#[test]
fn where_it_can_not_be_something_else_is_said() {
    let workspace = workspace();
    std::fs::create_dir(workspace.path(".execution-coordinator/daemon-1.socket"))
        .expect("in the way");
    let refused = workspace.run(&["serve", "--detach"]);
    assert_eq!(refused.code, 5);
    assert!(refused.stderr.contains("execution-coordinator run"), "{}", refused.stderr);
    std::fs::remove_dir(workspace.path(".execution-coordinator/daemon-1.socket"))
        .expect("out of the way");
    // An attempt does its task: it reaches no daemon either.
    let mut attempt = workspace.command(&["serve"]);
    let mut attempt = Server::of(attempt.env("EXECUTION_COORDINATOR_ATTEMPT", "x"), true);
    attempt.initialize(json!({}));
    let refused = attempt.answer("execution/start", json!({"path": "breakdown.md"}));
    assert!(refused.to_string().contains("never calls itself"), "{refused}");
    assert!(daemon(&workspace).is_none());
}

#[test]
fn nothing_is_started_where_the_user_has_not_said_so() {
    let workspace = workspace();
    workspace.trust(false);
    let uri = format!(
        "file://{}",
        workspace.path("breakdown.md").canonicalize().expect("a file").display()
    );
    let mut editor = Server::lsp(&workspace);
    editor.initialize(json!({}));
    let refused = editor.answer("execution/start", json!({"path": "breakdown.md"}));
    assert_eq!(refused["error"]["data"]["kind"], "untrusted", "{refused}");
    assert!(daemon(&workspace).is_none());
    // What a workspace says of itself counts for nothing; what its user says in the editor does.
    let run = json!({"command": "execution-coordinator.run", "arguments": [uri]});
    assert_eq!(editor.result("workspace/executeCommand", run.clone()), Value::Null);
    let question =
        editor.find("a question", |message| message["method"] == "window/showMessageRequest");
    assert!(
        question["params"]["message"].as_str().expect("a text").contains("is not trusted"),
        "{question}"
    );
    editor.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": {"title": "Trust"}}));
    workspace.write("go", "");
    eventually("it is carried out", || status(&workspace).contains("Complete"));
    assert_eq!(workspace.run(&["trust", "--revoke"]).code, 0);
    let refused = editor.answer("execution/start", json!({"path": "breakdown.md", "fresh": true}));
    assert_eq!(refused["error"]["data"]["kind"], "untrusted", "{refused}");
    assert_eq!(workspace.run(&["trust"]).code, 0);
    assert!(
        editor.answer("execution/start", json!({"path": "breakdown.md", "fresh": true}))["error"]
            .is_null()
    );
}
