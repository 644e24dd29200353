//! The coordinator as an agent of the Agent Client Protocol.

use crate::client::Server;
use crate::support::{WAITS, Workspace};
use serde_json::{Value, json};

const CONFIG: &str = "[environment]\npass = [\"WORKSPACE\"]\n[[gates]]\nname = \"release\"\nlevel = \"system\"\napproval = true\n";

struct Editor {
    server: Server,
    session: Value,
}

impl Editor {
    fn of(workspace: &Workspace) -> Self {
        let mut server = Server::of(&mut workspace.command(&["acp"]), false);
        let hello = json!({"protocolVersion": 1, "clientCapabilities": {}});
        assert_eq!(
            server.result("initialize", hello)["agentInfo"]["name"],
            "execution-coordinator"
        );
        let session = server.result("session/new", json!({"cwd": workspace.path(""), "mcpServers": []}))["sessionId"].clone();
        Self { server, session }
    }

    fn prompt(&mut self, text: &str) -> i64 {
        self.server.ask(
            "session/prompt",
            json!({"sessionId": self.session, "prompt": [{"type": "text", "text": text}]}),
        )
    }

    /// The next update of a kind.
    fn update(&mut self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let is = |message: &Value| {
            let update = &message["params"]["update"];
            message["method"] == "session/update"
                && update["sessionUpdate"] == kind
                && wanted(update)
        };
        self.server.find(kind, is)["params"]["update"].clone()
    }

    fn says(&mut self, wanted: &str) {
        self.update("agent_message_chunk", |update| {
            update["content"]["text"].as_str().is_some_and(|text| text.contains(wanted))
        });
    }
}

#[test]
fn a_prompt_is_carried_out_before_the_eyes_of_its_editor() {
    let workspace =
        Workspace::with(&[("execution-coordinator.toml", CONFIG), ("breakdown.md", WAITS)]);
    let mut editor = Editor::of(&workspace);
    let nothing = editor.prompt("Hello there.");
    editor.says("Name a breakdown");
    assert_eq!(editor.server.answer_to(nothing)["result"]["stopReason"], "end_turn");
    let turn = editor.prompt("Please execute `./breakdown.md`.");
    let plan = editor.update("plan", |update| update["entries"][0]["status"] == "in_progress");
    assert_eq!(
        (&plan["entries"][0]["content"], &plan["entries"][0]["priority"]),
        (&json!("1 Build"), &json!("high"))
    );
    let call = editor.update("tool_call", |update| update["toolCallId"] == "a1");
    assert_eq!(
        (&call["title"], &call["kind"], &call["status"]),
        (&json!("task 1 (shell)"), &json!("edit"), &json!("in_progress"))
    );
    workspace.write("go", "");
    editor.update("tool_call_update", |update| {
        update["toolCallId"] == "a1" && update["status"] == "completed"
    });
    let question = editor
        .server
        .find("a question", |message| message["method"] == "session/request_permission");
    assert_eq!(question["params"]["options"][0]["kind"], "allow_once", "{question}");
    let chosen = json!({"outcome": {"outcome": "selected", "optionId": "yes"}});
    editor.server.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": chosen}));
    editor.says("Final Status: Complete");
    assert_eq!(editor.server.answer_to(turn)["result"]["stopReason"], "end_turn");
    assert_eq!(workspace.run(&["report"]).code, 0);
}

#[test]
fn a_cancelled_turn_pauses_and_the_next_one_goes_on() {
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", "[environment]\npass = [\"WORKSPACE\"]\n"),
        ("breakdown.md", WAITS),
    ]);
    let mut editor = Editor::of(&workspace);
    let turn = editor.prompt("breakdown.md");
    editor.update("tool_call", |_| true);
    editor.server.notify("session/cancel", json!({"sessionId": editor.session}));
    editor.says("Paused");
    assert_eq!(editor.server.answer_to(turn)["result"]["stopReason"], "cancelled");
    workspace.write("go", "");
    let turn = editor.prompt("breakdown.md");
    editor.says("Final Status: Complete");
    assert_eq!(editor.server.answer_to(turn)["result"]["stopReason"], "end_turn");
    let unknown =
        editor.server.answer("session/prompt", json!({"sessionId": "none", "prompt": []}));
    assert!(unknown["error"].is_object(), "{unknown}");
}

#[test]
fn the_person_is_asked_for_trust() {
    let workspace = Workspace::with(&[("breakdown.md", "# Shop\n\n- [ ] one\n  - Run: true\n")]);
    workspace.trust(false);
    let mut editor = Editor::of(&workspace);
    for (choice, said) in [("no", "is not trusted"), ("yes", "Final Status: Complete")] {
        let turn = editor.prompt("breakdown.md");
        let question = editor
            .server
            .find("a question", |message| message["method"] == "session/request_permission");
        // It is kept, so nobody who only allows this once gives it.
        assert_eq!(question["params"]["options"][0]["kind"], "allow_always", "{question}");
        let chosen = json!({"outcome": {"outcome": "selected", "optionId": choice}});
        editor.server.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": chosen}));
        editor.says(said);
        editor.server.answer_to(turn);
    }
}
