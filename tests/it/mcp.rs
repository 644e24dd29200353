//! The Model Context Protocol: tools, waiting, progress, questions, resources, tasks.

use crate::client::Server;
use crate::support::{CONFIG, WAITS, Workspace};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn workspace(config: &str, plan: &str) -> Workspace {
    Workspace::with(&[("execution-coordinator.toml", config), ("breakdown.md", plan)])
}

struct Client {
    server: Server,
    /// The schemas of what tools give, by their names.
    gives: BTreeMap<String, jsonschema::Validator>,
}

impl Client {
    /// One that has shaken hands.
    fn of(workspace: &Workspace, capabilities: Value) -> Self {
        let mut server = Server::of(&mut workspace.command(&["mcp"]), false);
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {"name": "test", "version": "1"}});
        assert_eq!(
            server.result("initialize", hello)["serverInfo"]["name"],
            "execution-coordinator"
        );
        server.notify("notifications/initialized", json!({}));
        let tools = server.result("tools/list", json!({}))["tools"].clone();
        let gives = |tool: &Value| {
            let schema =
                jsonschema::draft202012::new(&tool["outputSchema"]).expect("a good schema");
            (tool["name"].as_str().expect("a name").to_owned(), schema)
        };
        let gives = tools.as_array().expect("a list").iter().map(gives).collect();
        Self { server, gives }
    }

    fn tool(&mut self, name: &str, arguments: Value) -> Value {
        let answer =
            self.server.result("tools/call", json!({"name": name, "arguments": arguments}));
        self.given(name, &answer)
    }

    /// What a tool gave, held against what it says that it gives.
    fn given(&self, name: &str, answer: &Value) -> Value {
        assert_ne!(answer["isError"], true, "{answer}");
        assert!(!answer["content"][0]["text"].as_str().expect("a text").is_empty());
        let given = &answer["structuredContent"];
        let wrong: Vec<String> =
            self.gives[name].iter_errors(given).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}: {given}");
        given.clone()
    }
}

#[test]
fn a_model_starts_follows_and_reads_an_execution_that_outlives_it() {
    let workspace = workspace(CONFIG, WAITS);
    let mut client = Client::of(&workspace, json!({}));
    assert_eq!(
        client.tool("execution_plan", json!({"path": "breakdown.md"}))["tasks"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let refused = client.server.result(
        "tools/call",
        json!({"name": "execution_start", "arguments": {"path": "nowhere.md"}}),
    );
    assert_eq!(refused["isError"], true, "{refused}");
    assert!(
        refused["content"][0]["text"].as_str().expect("a text").contains("there is no such file")
    );
    let wrong = client.server.result(
        "tools/call",
        json!({"name": "execution_start", "arguments": {"file": "breakdown.md"}}),
    );
    assert!(
        wrong["content"][0]["text"].as_str().expect("a text").contains("unknown field"),
        "{wrong}"
    );
    client.tool("execution_start", json!({"path": "breakdown.md"}));
    // A caller that has enough of waiting has left, no more.
    let waiting = client.server.ask(
        "tools/call",
        json!({"name": "execution_await", "arguments": {}, "_meta": {"progressToken": "p"}}),
    );
    let told = client.server.notification("notifications/progress");
    assert_eq!(told["progressToken"], "p");
    assert!(told["message"].as_str().expect("a message").contains("0/2 tasks"), "{told}");
    client
        .server
        .notify("notifications/cancelled", json!({"requestId": waiting, "reason": "no time"}));
    let so_far = client.tool("execution_await", json!({"timeoutMs": 1}));
    assert_eq!((&so_far["ended"], &so_far["running"]), (&json!(false), &json!(true)));
    for (tool, arguments) in [
        ("execution_status", json!({})),
        ("execution_list", json!({})),
        ("task_list", json!({})),
        ("task_get", json!({"task": "2"})),
    ] {
        client.tool(tool, arguments);
    }
    assert_eq!(client.server.end().0, 0);
    // The next one finds it, and its report.
    let mut client = Client::of(&workspace, json!({}));
    workspace.write("go", "");
    let ended = client.tool("execution_await", json!({}));
    assert_eq!(ended["report"]["report"]["finalStatus"], "Complete", "{ended}");
    let report =
        client.server.result("tools/call", json!({"name": "execution_report", "arguments": {}}));
    assert!(
        report["content"][0]["text"]
            .as_str()
            .expect("Markdown")
            .starts_with("## Execution Coordination Complete")
    );
}

#[test]
fn a_person_behind_the_client_is_asked_about_gates() {
    let config = "[[gates]]\nname = \"release\"\nlevel = \"system\"\napproval = true\n";
    let workspace =
        workspace(config, "# Shop\n\n### Stream A: Base\n\n1. **Build**\n   - Run: true\n");
    let mut client = Client::of(&workspace, json!({"elicitation": {}}));
    client.tool("execution_start", json!({"path": "breakdown.md"}));
    // It comes to rest before the gate: somebody is needed.
    let waiting =
        client.server.ask("tools/call", json!({"name": "execution_await", "arguments": {}}));
    let question = client.server.find("a question or an answer", |message| {
        message["method"] == "elicitation/create" || message["id"] == waiting
    });
    assert!(
        question["params"]["message"].as_str().unwrap_or_default().contains("Gate release"),
        "{question}"
    );
    client.server.send(
        &json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": {"approve": true, "reason": "seen"}}}),
    );
    let answer = client.server.answer_to(waiting);
    let ended = client.given("execution_await", &answer["result"]);
    assert_eq!(ended["report"]["report"]["finalStatus"], "Complete", "{ended}");
    assert_eq!(ended["report"]["report"]["gates"][0]["reason"], "seen", "{ended}");
}

#[test]
fn a_model_without_a_person_decides_about_no_gate_of_theirs() {
    let config = "[[gates]]\nname = \"release\"\nlevel = \"system\"\napproval = true\n";
    let workspace =
        workspace(config, "# Shop\n\n### Stream A: Base\n\n1. **Build**\n   - Run: true\n");
    let mut client = Client::of(&workspace, json!({}));
    client.tool("execution_start", json!({"path": "breakdown.md"}));
    client.tool("execution_await", json!({}));
    for tool in ["gate_approve", "gate_reject"] {
        let arguments =
            json!({"gate": "release", "by": "person", "reason": "mine", "frontend": "terminal"});
        for arguments in [json!({"gate": "release", "reason": "mine"}), arguments] {
            let refused =
                client.server.result("tools/call", json!({"name": tool, "arguments": arguments}));
            assert_eq!(refused["isError"], true, "{tool}: {refused}");
        }
        let refused = client
            .server
            .result("tools/call", json!({"name": tool, "arguments": {"gate": "release"}}));
        let typed =
            "type `execution-coordinator approve release` or `reject release` at a terminal";
        assert!(
            refused["content"][0]["text"].as_str().is_some_and(|why| why.contains(typed)),
            "{tool}: {refused}"
        );
    }
    let decided = |recorded: &execution_coordinator::core::event::Recorded| {
        matches!(recorded.event, execution_coordinator::core::event::Event::GateDecided { .. })
    };
    assert!(!workspace.journal().iter().any(decided));
    // Steering and answers are nobody's evidence: a model may.
    let nothing = client.server.result(
        "tools/call",
        json!({"name": "task_steer", "arguments": {"task": "1", "text": "hurry"}}),
    );
    assert!(
        nothing["content"][0]["text"]
            .as_str()
            .is_some_and(|why| why.contains("no agent is at work on task 1")),
        "{nothing}"
    );
}

#[test]
fn a_person_behind_the_client_is_asked_for_trust() {
    let workspace = workspace(CONFIG, WAITS);
    workspace.trust(false);
    let mut client = Client::of(&workspace, json!({}));
    let start = json!({"name": "execution_start", "arguments": {"path": "breakdown.md"}});
    let refused = client.server.result("tools/call", start.clone());
    assert!(
        refused["content"][0]["text"]
            .as_str()
            .expect("a text")
            .contains("execution-coordinator trust"),
        "{refused}"
    );
    let mut client = Client::of(&workspace, json!({"elicitation": {}}));
    for (trust, started) in [(false, false), (true, true)] {
        let asked = client.server.ask("tools/call", start.clone());
        let question =
            client.server.find("a question", |message| message["method"] == "elicitation/create");
        let answer = json!({"action": "accept", "content": {"trust": trust}});
        client.server.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": answer}));
        assert_eq!(client.server.answer_to(asked)["result"]["isError"], !started);
    }
}

#[test]
fn executions_are_resources_that_can_be_followed() {
    let workspace = workspace(CONFIG, WAITS);
    let mut client = Client::of(&workspace, json!({}));
    let id = client.tool("execution_start", json!({"path": "breakdown.md"}))["execution"]
        .as_str()
        .expect("an id")
        .to_owned();
    let listed = client.server.result("resources/list", json!({}));
    let uri = format!("execution-coordinator://{id}/status");
    assert!(
        listed["resources"]
            .as_array()
            .expect("a list")
            .iter()
            .any(|resource| resource["uri"] == uri.as_str()),
        "{listed}"
    );
    client.server.result("resources/subscribe", json!({"uri": uri}));
    workspace.write("go", "");
    client
        .server
        .notification_where("notifications/resources/updated", |told| told["uri"] == uri.as_str());
    client.tool("execution_await", json!({}));
    let read = |client: &mut Client, what: &str| {
        let uri = format!("execution-coordinator://{id}/{what}");
        client.server.result("resources/read", json!({"uri": uri}))["contents"][0]["text"]
            .as_str()
            .expect("a text")
            .to_owned()
    };
    assert!(read(&mut client, "report").contains("Final Status: Complete"));
    assert_eq!(read(&mut client, "breakdown"), WAITS);
    assert!(read(&mut client, "task/1").contains("\"Build\""));
    assert_eq!(read(&mut client, "output/a1"), "");
    for uri in [
        format!("execution-coordinator://{id}/../../secret"),
        "file:///etc/passwd".into(),
        format!("execution-coordinator://{id}/output/..%2F..%2Fx"),
    ] {
        assert!(client.server.answer("resources/read", json!({"uri": uri}))["error"].is_object());
    }
    let prompts = client.server.result("prompts/list", json!({}));
    assert_eq!(prompts["prompts"].as_array().map(Vec::len), Some(3));
    let prompt = client
        .server
        .result("prompts/get", json!({"name": "execute", "arguments": {"path": "breakdown.md"}}));
    assert!(
        prompt["messages"][0]["content"]["text"]
            .as_str()
            .expect("a text")
            .contains("execution_start")
    );
}

#[test]
fn a_model_claims_and_finishes_a_task_itself() {
    let config = "[agents.implementation-agent]\nkind = \"client\"\n";
    let workspace =
        workspace(config, "# Shop\n\n### Stream A: Base\n\n1. **Build**\n   - Objective: a shop\n");
    let mut client = Client::of(&workspace, json!({}));
    client.tool("execution_start", json!({"path": "breakdown.md"}));
    let claimed = client.tool("task_claim", json!({"by": "model"}));
    assert_eq!(claimed["work"]["brief"]["task"]["title"], "Build", "{claimed}");
    let lease = &claimed["work"]["lease"];
    assert_eq!(client.tool("task_heartbeat", json!({"lease": lease}))["accepted"], true);
    workspace.write("shop", "built\n");
    assert_eq!(
        client
            .tool("task_report", json!({"lease": lease, "status": "complete", "summary": "built"}))
            ["accepted"],
        true
    );
    let ended = client.tool("execution_await", json!({}));
    assert_eq!(ended["report"]["report"]["finalStatus"], "Complete", "{ended}");
}

#[test]
fn a_client_without_a_handshake_waits_by_a_task() {
    let workspace = workspace(CONFIG, WAITS);
    let mut server = Server::of(&mut workspace.command(&["mcp"]), false);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
    });
    let found = server.result("server/discover", json!({"_meta": meta}));
    assert!(found["capabilities"]["tools"].is_object(), "{found}");
    server.result(
        "tools/call",
        json!({"name": "execution_start", "arguments": {"path": "breakdown.md"}, "_meta": meta}),
    );
    let task = server
        .result("tools/call", json!({"name": "execution_await", "arguments": {}, "_meta": meta}));
    assert_eq!(task["resultType"], "task", "{task}");
    let get = json!({"taskId": task["taskId"], "_meta": meta});
    assert_eq!(server.result("tasks/get", get.clone())["status"], "working");
    workspace.write("go", "");
    let mut done = Value::Null;
    crate::support::eventually("the task ends", || {
        done = server.result("tasks/get", get.clone());
        done["status"] != "working"
    });
    assert_eq!(done["result"]["structuredContent"]["ended"], true, "{done}");
}
