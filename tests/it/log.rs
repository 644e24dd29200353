//! The log: what it says at which level, how long it may become, and what it leaves out.

use crate::client::Server;
use crate::support::{CONFIG, Workspace, ended};
use serde_json::json;

const PLAN: &str = "# T\n\n- [ ] Task 1: One\n  - Run: true\n";

fn workspace() -> Workspace {
    Workspace::with(&[("execution-coordinator.toml", CONFIG), ("breakdown.md", PLAN)])
}

#[test]
fn a_run_writes_what_it_is_asked_for_and_nothing_without_that() {
    let workspace = workspace();
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
    assert!(!workspace.path("log").exists());
    let mut run = workspace.command(&["run", "breakdown.md", "--fresh", "--log", "log"]);
    let run = ended(run.env("EXECUTION_COORDINATOR_LOG", "debug").output().expect("the binary"));
    let log = workspace.read("log");
    assert_eq!(run.code, 0, "{}", run.stderr);
    for words in [
        " INFO execution{id=",
        "order{order=a1 work=\"task 1\"}",
        "DEBUG",
        "begins",
        "ends status=Some(Complete)",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
    // On standard error, with what is said to people.
    let run = ended(
        workspace
            .command(&["run", "breakdown.md", "--fresh", "--log", "-"])
            .output()
            .expect("the binary"),
    );
    assert!(
        run.code == 0
            && run.stderr.contains(" INFO execution{id=")
            && !run.stderr.contains("DEBUG"),
        "{}",
        run.stderr
    );
    let mut run = workspace.command(&["status", "--log", "log"]);
    let refused =
        ended(run.env("EXECUTION_COORDINATOR_LOG", "loud=very").output().expect("the binary"));
    assert!(
        refused.code == 2 && refused.stderr.contains("EXECUTION_COORDINATOR_LOG: `loud=very`"),
        "{}",
        refused.stderr
    );
    let refused = workspace.run(&["status", "--log", "nowhere/log"]);
    assert!(
        refused.code == 2 && refused.stderr.contains("nowhere/log: the log can't be written"),
        "{}",
        refused.stderr
    );
}

#[test]
fn requests_are_traced_without_secrets() {
    let workspace = workspace();
    let mut command = workspace.command(&["serve", "--log", "log"]);
    let mut server = Server::of(command.env("EXECUTION_COORDINATOR_LOG", "trace"), false);
    let long = "x".repeat(5_000);
    server.answer("execution/plan", json!({"path": "breakdown.md"}));
    server.answer(
        "execution/plan",
        json!({"path": long, "apiToken": "hunter2", "deep": [{"password": "hunter2"}]}),
    );
    drop(server);
    let log = workspace.read("log");
    assert!(
        log.contains(
            "request{method=\"execution/plan\"}: execution_coordinator::rpc::table: params="
        ),
        "{log}"
    );
    assert!(
        log.contains("result=")
            && log.contains("invalid parameters")
            && !log.contains("hunter2")
            && !log.contains(&long),
        "{log}"
    );
}

#[test]
fn a_server_keeps_a_log_that_is_bounded_where_there_is_a_state_folder() {
    let workspace = workspace();
    let log = workspace.path(".execution-coordinator/serve.log");
    std::fs::write(&log, "x".repeat(2 << 20)).expect("a file");
    let mut server = Server::lines(&workspace, &[]);
    server.answer("execution/plan", json!({"path": "nowhere.md"}));
    drop(server);
    let written = workspace.read(".execution-coordinator/serve.log");
    assert!(
        written.len() < 100_000 && written.contains("INFO request{method=\"execution/plan\"}"),
        "{} bytes",
        written.len()
    );
    assert_eq!(workspace.read(".execution-coordinator/serve.log.1").len(), 2 << 20);
    // It follows no link.
    std::fs::remove_file(&log).expect("a file");
    std::os::unix::fs::symlink(workspace.path("elsewhere"), &log).expect("a link");
    let mut server = Server::lines(&workspace, &[]);
    assert!(server.answer("execution/plan", json!({"path": "breakdown.md"}))["result"].is_object());
    assert!(!workspace.path("elsewhere").exists());
    // Nor is a pipe waited for.
    std::fs::remove_file(&log).expect("a link");
    assert!(std::process::Command::new("mkfifo").arg(&log).status().expect("mkfifo").success());
    let mut server = Server::lines(&workspace, &[]);
    assert!(server.answer("execution/plan", json!({"path": "breakdown.md"}))["result"].is_object());
}

#[test]
fn levels_are_this_programs_own_and_a_daemon_keeps_its_log_whatever_they_are() {
    let workspace = workspace();
    let mut run = workspace.command(&["serve", "--detach"]);
    let run = ended(run.env("EXECUTION_COORDINATOR_LOG", "debug").output().expect("the binary"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(workspace.run(&["serve", "--stop"]).code, 0);
    let log = workspace.read(".execution-coordinator/daemon.log");
    assert_eq!(log.matches("leaves: it was asked to").count(), 1, "{log}");
    // What a library writes of what it reads is none of ours.
    let mut command = workspace.command(&["mcp", "--log", "log"]);
    let mut client = Server::of(command.env("EXECUTION_COORDINATOR_LOG", "trace"), false);
    let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "hunter2", "version": "1"}});
    client.result("initialize", hello);
    drop(client);
    assert!(!workspace.read("log").contains("hunter2"), "{}", workspace.read("log"));
}
