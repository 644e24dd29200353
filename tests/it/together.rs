//! Many at one execution, at once, at its limits and after its process was killed.

use crate::client::Server;
use crate::support::{CONFIG, WAITS, Workspace, ended, eventually};
use serde_json::{Value, json};
use std::os::unix::net::UnixStream;

const GATED: &str = "[[gates]]\nname = \"release\"\nlevel = \"system\"\napproval = true\n";
const ONE: &str = "# Shop\n\n- [ ] one\n  - Run: true\n";

fn workspace() -> Workspace {
    Workspace::with(&[("execution-coordinator.toml", CONFIG), ("breakdown.md", WAITS)])
}

fn executions(workspace: &Workspace) -> usize {
    let entries = std::fs::read_dir(workspace.path(".execution-coordinator")).expect("a folder");
    entries.flatten().filter(|entry| entry.path().join("journal.jsonl").exists()).count()
}

/// A client of a language model that has shaken hands.
fn model(workspace: &Workspace, capabilities: Value) -> Server {
    let mut server = Server::of(&mut workspace.command(&["mcp"]), false);
    let hello = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {"name": "test", "version": "1"}});
    server.result("initialize", hello);
    server.notify("notifications/initialized", json!({}));
    server
}

fn tool(server: &mut Server, name: &str, arguments: Value) -> Value {
    server.result("tools/call", json!({"name": name, "arguments": arguments}))
}

#[test]
fn several_that_start_one_breakdown_at_once_get_one_execution() {
    let workspace = workspace();
    let mut runs: Vec<_> = (0..4).map(|_| workspace.start(&["run", "breakdown.md"])).collect();
    eventually("all but one have left", || {
        runs.iter_mut().filter_map(|run| run.try_wait().ok()?).count() == 3
    });
    workspace.write("go", "");
    let mut codes: Vec<i32> =
        runs.into_iter().map(|run| ended(run.wait_with_output().expect("an end")).code).collect();
    codes.sort_unstable();
    assert_eq!((codes, executions(&workspace)), (vec![0, 5, 5, 5], 1));
    let workspace = self::workspace();
    let ids: Vec<Value> = std::thread::scope(|scope| {
        let start = || {
            let mut client = model(&workspace, json!({}));
            tool(&mut client, "execution_start", json!({"path": "breakdown.md"}))["structuredContent"]["execution"].clone()
        };
        let all: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
        all.into_iter().map(|client| client.join().expect("an id")).collect()
    });
    assert!(ids[0].is_string() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(executions(&workspace), 1);
    workspace.write("go", "");
}

#[test]
fn numbers_and_sizes_are_limited() {
    let workspace = workspace();
    let mut client = Server::lines(&workspace, &[]);
    client.result("execution/start", json!({"path": "breakdown.md"}));
    for _ in 0..64 {
        client.result("execution/subscribe", json!({}));
    }
    assert_eq!(client.answer("execution/subscribe", json!({}))["error"]["data"]["kind"], "refused");
    let long = client.answer("gate/reject", json!({"gate": "none", "reason": "x".repeat(20_000)}));
    assert_eq!(long["error"]["code"], -32602, "{long}");
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "execution/status"});
    client.send(&Value::Array(vec![call; 101]));
    let refused = client.find("an answer", |message| message["error"]["code"] == -32600);
    assert!(
        refused["error"]["data"].to_string().contains("100")
            || refused["error"]["message"].to_string().contains("100"),
        "{refused}"
    );
    workspace.write("go", "");
    client.notification("execution/result");
}

#[test]
fn clients_that_say_nothing_keep_nobody_out() {
    let workspace = workspace();
    let run = workspace.start(&["run", "breakdown.md"]);
    eventually("it has begun", || workspace.run(&["status"]).code == 0);
    let address = workspace.execution().join("socket");
    eventually("its socket", || address.exists());
    let silent: Vec<UnixStream> =
        (0..400).map_while(|_| UnixStream::connect(&address).ok()).collect();
    assert!(silent.len() > 300);
    let paused = workspace.run(&["pause"]);
    assert_eq!(paused.code, 0, "{}", paused.stderr);
    assert_eq!(workspace.run(&["resume"]).code, 0);
    workspace.write("go", "");
    assert_eq!(ended(run.wait_with_output().expect("an end")).code, 0);
    drop(silent);
}

#[test]
fn links_pipes_and_forged_journals_lead_nobody_out_of_the_workspace() {
    let outside = Workspace::with(&[("secret.md", "# Secret plan\n\n- [ ] password 12345\n")]);
    let secret = outside.path("secret.md").canonicalize().expect("a file");
    let workspace = Workspace::with(&[("breakdown.md", ONE), ("sub/nothing", "")]);
    std::os::unix::fs::symlink(&secret, workspace.path("sub/breakdown.md")).expect("a link");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(workspace.path("pipe.md"))
            .status()
            .expect("mkfifo")
            .success()
    );
    let mut client = Server::lines(&workspace, &[]);
    let missing = outside.path("missing.md").display().to_string();
    for path in ["sub", "sub/breakdown.md", "pipe.md", &missing] {
        let refused =
            client.answer("execution/plan", json!({"path": path}))["error"]["message"].to_string();
        assert!(
            refused.contains("not in the workspace") || refused.contains("neither a file"),
            "{path}: {refused}"
        );
    }
    // A workspace may bring a folder of states along.
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
    let folder = workspace.execution();
    let id = folder.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    let journal = std::fs::read_to_string(folder.join("journal.jsonl")).expect("a journal");
    let own = workspace.path("breakdown.md").canonicalize().expect("a file").display().to_string();
    std::fs::write(
        folder.join("journal.jsonl"),
        journal.replacen(&own, &secret.display().to_string(), 1),
    )
    .expect("written");
    std::fs::remove_file(folder.join("output/a1.log")).expect("an output");
    std::os::unix::fs::symlink(&secret, folder.join("output/a1.log")).expect("a link");
    let mut model = model(&workspace, json!({}));
    let uri = format!("execution-coordinator://{id}/breakdown");
    let read = model.answer("resources/read", json!({"uri": uri})).to_string();
    let output = tool(&mut model, "task_output", json!({"task": "a1"})).to_string();
    assert!(!read.contains("12345") && !output.contains("12345"), "{read} {output}");
}

#[test]
fn what_is_refused_at_the_end_stays_at_its_end() {
    let for_parents = GATED.replace("approval = true", "approval = \"parent\"");
    let workspace =
        Workspace::with(&[("execution-coordinator.toml", &for_parents), ("breakdown.md", ONE)]);
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 4);
    let mut client = Server::lines(&workspace, &[]);
    let refused = client.result("gate/reject", json!({"gate": "release", "reason": "no"}));
    assert_eq!(refused["running"], false, "{refused}");
    let awaited = client.result("execution/await", json!({}));
    assert_eq!(
        (&awaited["ended"], &awaited["report"]["report"]["finalStatus"]),
        (&json!(true), &json!("Blocked")),
        "{awaited}"
    );
    assert!(
        awaited["report"]["markdown"].as_str().expect("a text").contains("rejected"),
        "{awaited}"
    );
}

#[test]
fn the_death_of_an_owner_is_told_and_resume_takes_it_up() {
    let workspace = workspace();
    let mut run = workspace.start(&["run", "breakdown.md"]);
    eventually("it has begun", || workspace.run(&["status"]).code == 0);
    let mut client = Server::lines(&workspace, &[]);
    client.result("execution/subscribe", json!({"from": 1}));
    let mut model = model(&workspace, json!({}));
    let id = workspace
        .execution()
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name")
        .to_owned();
    model.result(
        "resources/subscribe",
        json!({"uri": format!("execution-coordinator://{id}/status")}),
    );
    client.notification_where("execution/progress", |progress| progress["state"] == "running");
    run.kill().and_then(|()| run.wait()).expect("killed");
    client.notification_where("execution/progress", |progress| progress["state"] == "not running");
    model.find("a notice", |message| message["method"] == "notifications/resources/updated");
    let status = tool(&mut model, "execution_status", json!({}))["structuredContent"].clone();
    assert!(status["nextActions"][0].as_str().expect("an action").contains("resume"), "{status}");
    let said = workspace.run(&["resume"]);
    assert!(
        said.code == 2 && said.stderr.contains("`execution-coordinator run "),
        "{}",
        said.stderr
    );
    assert_eq!(client.result("execution/resume", json!({}))["running"], true);
    workspace.write("go", "");
    client.notification("execution/result");
    assert_eq!(client.end().0, 0);
}

#[test]
fn who_asks_all_the_time_takes_nothing_from_who_is_told() {
    let workspace = workspace();
    let run = workspace.start(&["run", "breakdown.md"]);
    eventually("it has begun", || workspace.run(&["status"]).code == 0);
    let id = workspace
        .execution()
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name")
        .to_owned();
    let mut model = model(&workspace, json!({}));
    model.result(
        "resources/subscribe",
        json!({"uri": format!("execution-coordinator://{id}/task/2")}),
    );
    workspace.write("go", "");
    // Each of these reads what is new before those do who wait for it.
    eventually("it is complete", || {
        tool(&mut model, "execution_status", json!({}))["structuredContent"]["state"] == "Complete"
    });
    model.find("a notice", |message| message["method"] == "notifications/resources/updated");
    assert_eq!(ended(run.wait_with_output().expect("an end")).code, 0);
}

#[test]
fn a_person_who_does_not_answer_holds_up_no_answer() {
    let workspace =
        Workspace::with(&[("execution-coordinator.toml", GATED), ("breakdown.md", ONE)]);
    let mut model = model(&workspace, json!({"elicitation": {}}));
    tool(&mut model, "execution_start", json!({"path": "breakdown.md"}));
    let waiting = model
        .ask("tools/call", json!({"name": "execution_await", "arguments": {"timeoutMs": 1_500}}));
    let question = model.find("a question", |message| message["method"] == "elicitation/create");
    let answer = model.answer_to(waiting);
    assert_eq!(answer["result"]["structuredContent"]["ended"], true, "{answer}");
    // What is decided later counts all the same.
    model.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": {"approve": true}}}));
    eventually("it is complete", || {
        tool(&mut model, "execution_status", json!({}))["structuredContent"]["state"] == "Complete"
    });
}

#[test]
fn an_attempt_gives_no_trust_and_passes_no_gate() {
    let program = env!("CARGO_BIN_EXE_execution-coordinator");
    let task = |command: &str| {
        format!("# Shop\n\n- [ ] one\n  - Run: `{program} {command}`\n- [ ] two\n  - Run: true\n")
    };
    for command in ["trust", "skip 2", "pause", "approve release"] {
        let workspace = Workspace::with(&[
            ("execution-coordinator.toml", GATED),
            ("breakdown.md", &task(command)),
        ]);
        workspace.trust(false);
        let run = workspace.run(&["run", "breakdown.md"]);
        assert_ne!(run.code, 0, "{command}: {}", run.stderr);
        assert!(workspace.run(&["output", "1"]).stdout.contains("never calls itself"), "{command}");
        assert_eq!(workspace.read(".state/execution-coordinator/trusted"), "");
    }
}

#[test]
fn a_report_without_a_status_is_no_report() {
    let config = "[agents.implementation-agent]\nkind = \"client\"\n";
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", config),
        ("breakdown.md", "# Shop\n\n- [ ] one\n"),
    ]);
    let mut client = Server::lines(&workspace, &[]);
    client.result("execution/start", json!({"path": "breakdown.md"}));
    let lease = client.result("task/claim", json!({}))["work"]["lease"].clone();
    assert_eq!(
        client.answer("task/report", json!({"lease": lease}))["error"]["data"]["kind"],
        "bad-input"
    );
    workspace.write("made", "x\n");
    assert_eq!(
        client.result("task/report", json!({"lease": lease, "status": "complete"}))["accepted"],
        true
    );
    client.notification("execution/result");
}

#[test]
fn a_journal_of_a_newer_version_is_shown_by_nobody() {
    let workspace = Workspace::with(&[("breakdown.md", ONE)]);
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
    let file = workspace.execution().join("journal.jsonl");
    let newer = execution_coordinator::journal::recover::recover(&file).expect("a journal").events;
    let mut chain = 0;
    let mut text = Vec::new();
    for mut recorded in newer {
        if let execution_coordinator::core::event::Event::Opened { version, .. } =
            &mut recorded.event
        {
            *version += 90;
        }
        chain = execution_coordinator::journal::frame::encode(&recorded, chain, &mut text)
            .expect("a line");
    }
    std::fs::write(&file, text).expect("written");
    assert_eq!(workspace.run(&["status"]).code, 5);
    let mut client = Server::lines(&workspace, &[]);
    assert!(
        client.answer("execution/status", json!({}))["error"]["message"]
            .to_string()
            .contains("newer version")
    );
}
