//! JSON lines against the real binary, and the examples of the specification against the same
//! code with the methods that they name.

use crate::client::Server;
use crate::support::Workspace;
use execution_coordinator::core::view::{ExecutionState, TaskStateName};
use execution_coordinator::engine::coordinator::Coordinator;
use execution_coordinator::failure::Failure;
use execution_coordinator::frontend::line::{Line, MAX_LINE_BYTES, Splitter, answer_line};
use execution_coordinator::rpc::messages::*;
use execution_coordinator::rpc::method::{self, Method, MethodKind};
use execution_coordinator::rpc::peer::{Caller, Client, Peer};
use execution_coordinator::rpc::table::Table;
use execution_coordinator::{failure, rpc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

const THREE: &str =
    "# Three\n\n- [ ] one\n  - Run: true\n- [ ] two\n  - Run: true\n- [ ] three\n  - Run: true\n";
/// One task that waits until the file `go` is there.
const GATED: &str = "# Gated\n\n- [ ] 1. **Wait**\n  - Run: `sh -c 'until test -e \"$WORKSPACE/go\"; do sleep 0.02; done'`\n";

fn config(workspace: &Workspace) {
    workspace.write("execution-coordinator.toml", "[environment]\npass = [\"WORKSPACE\"]\n");
}

/// Two numbers, by name or by position.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Two {
    minuend: i64,
    subtrahend: i64,
}

/// Anything.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Any(Value);

macro_rules! example_method {
    ($type:ident, $name:literal, $params:ty) => {
        struct $type;
        impl Method for $type {
            const NAME: &'static str = $name;
            const KIND: MethodKind = MethodKind::Query;
            const TITLE: &'static str = "Of the specification's examples";
            const ABOUT: &'static str = "";
            const ERRORS: &'static [failure::FailureKind] = &[];
            type Params = $params;
            type Result = Value;
        }
    };
}
example_method!(Subtract, "subtract", Two);
example_method!(Sum, "sum", Vec<i64>);
example_method!(Update, "update", Any);
example_method!(NotifyHello, "notify_hello", Any);
example_method!(NotifySum, "notify_sum", Any);
example_method!(GetData, "get_data", Any);
example_method!(Fails, "fails", Any);

fn answer(line: &str) -> Option<Value> {
    let mut table = Table::default();
    table.add::<Subtract, _>(|_, two| async move { Ok(json!(two.minuend - two.subtrahend)) });
    table.add::<Sum, _>(|_, all| async move { Ok(json!(all.iter().sum::<i64>())) });
    table.add::<Update, _>(|_, _| async { Ok(Value::Null) });
    table.add::<NotifyHello, _>(|_, _| async { Ok(Value::Null) });
    table.add::<NotifySum, _>(|_, _| async { Ok(Value::Null) });
    table.add::<GetData, _>(|_, _| async { Ok(json!(["hello", 5])) });
    table.add::<Fails, _>(|_, _| async { panic!("a mistake of ours") });
    let caller = Caller {
        coordinator: Coordinator::new(std::env::temp_dir()),
        peer: Peer::new(Client::Program).0,
        asked: None,
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(answer_line(&table, &caller, Line::Whole(line.as_bytes().to_vec()), false))
}

/// What of an answer the specification says: the rest of an error is ours.
fn plain(mut answer: Value) -> Value {
    if let Value::Array(all) = answer {
        return all.into_iter().map(plain).collect();
    }
    if let Some(code) = answer["error"].get("code").cloned() {
        answer["error"] = code;
    }
    answer
}

/// <https://www.jsonrpc.org/specification#examples>, in their order.
#[test]
fn the_examples_of_the_specification() {
    let examples = [
        (
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
            r#"{"jsonrpc": "2.0", "result": 19, "id": 1}"#,
        ),
        (
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}"#,
            r#"{"jsonrpc": "2.0", "result": -19, "id": 2}"#,
        ),
        (
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}"#,
            r#"{"jsonrpc": "2.0", "result": 19, "id": 3}"#,
        ),
        (
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}"#,
            r#"{"jsonrpc": "2.0", "result": 19, "id": 4}"#,
        ),
        (r#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#, ""),
        (r#"{"jsonrpc": "2.0", "method": "foobar"}"#, ""),
        (
            r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
            r#"{"jsonrpc": "2.0", "error": -32601, "id": "1"}"#,
        ),
        (
            r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#,
            r#"{"jsonrpc": "2.0", "error": -32700, "id": null}"#,
        ),
        (
            r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#,
            r#"{"jsonrpc": "2.0", "error": -32600, "id": null}"#,
        ),
        (
            r#"[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]"#,
            r#"{"jsonrpc": "2.0", "error": -32700, "id": null}"#,
        ),
        ("[]", r#"{"jsonrpc": "2.0", "error": -32600, "id": null}"#),
        ("[1]", r#"[{"jsonrpc": "2.0", "error": -32600, "id": null}]"#),
        (
            "[1,2,3]",
            r#"[{"jsonrpc": "2.0", "error": -32600, "id": null},{"jsonrpc": "2.0", "error": -32600, "id": null},{"jsonrpc": "2.0", "error": -32600, "id": null}]"#,
        ),
        (
            r#"[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},{"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},{"foo": "boo"},{"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},{"jsonrpc": "2.0", "method": "get_data", "id": "9"}]"#,
            r#"[{"jsonrpc": "2.0", "result": 7, "id": "1"},{"jsonrpc": "2.0", "result": 19, "id": "2"},{"jsonrpc": "2.0", "error": -32600, "id": null},{"jsonrpc": "2.0", "error": -32601, "id": "5"},{"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}]"#,
        ),
        (
            r#"[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]"#,
            "",
        ),
    ];
    for (sent, expected) in examples {
        let expected: Option<Value> =
            (!expected.is_empty()).then(|| serde_json::from_str(expected).expect("JSON"));
        assert_eq!(answer(sent).map(plain), expected, "{sent}");
    }
}

#[test]
fn ids_of_every_legal_shape_come_back_and_others_are_refused() {
    for id in ["-1", "1.5", "0", "18446744073709551615", "1e400", "\"\"", "\"ä\"", "null"] {
        let sent = format!(r#"{{"jsonrpc":"2.0","method":"get_data","id":{id},"trace":true}}"#);
        let answer = answer(&sent).expect("an answer");
        if id == "1e400" {
            assert_eq!(answer["error"]["code"], -32700, "no number of JSON readers");
            continue;
        }
        assert_eq!(answer["id"], serde_json::from_str::<Value>(id).expect("JSON"), "{sent}");
        assert_eq!(answer["result"], json!(["hello", 5]));
    }
    for id in ["true", "[]", "{}"] {
        let answer = answer(&format!(r#"{{"jsonrpc":"2.0","method":"get_data","id":{id}}}"#))
            .expect("an answer");
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&Value::Null, &json!(-32600)));
    }
}

#[test]
fn errors_have_a_code_a_kind_a_message_and_help() {
    let code = |line: &str| answer(line).expect("an answer")["error"].clone();
    let panicked = code(r#"{"jsonrpc":"2.0","method":"fails","id":1}"#);
    assert_eq!(panicked["code"], -32603, "a panic in a method is answered");
    let wrong = code(r#"{"jsonrpc":"2.0","method":"subtract","params":{"minuend":1},"id":1}"#);
    assert_eq!(wrong["code"], -32602);
    let near = code(r#"{"jsonrpc":"2.0","method":"substract","id":1}"#);
    assert!(
        near["message"].as_str().expect("a text").contains("did you mean `subtract`?"),
        "{near}"
    );
    for error in [
        panicked,
        wrong,
        near,
        code("{"),
        code("[]"),
        code(r#"{"jsonrpc":"1.0","method":"sum","id":1}"#),
    ] {
        for key in ["kind", "message", "help"] {
            assert!(error["data"][key].as_str().is_some_and(|text| !text.is_empty()), "{error}");
        }
    }
    for (kind, ..) in rpc::error::ERRORS {
        let error = rpc::error::error(&Failure::new(kind, "why"));
        assert!(error.code.code() == -32603 || (-32019..=-32003).contains(&error.code.code()));
    }
}

#[test]
fn a_splitter_gives_the_same_lines_whatever_pieces_come() {
    let text = b"one\n\xef\xbb\xbftwo\r\n\n  \n{}\nlast";
    let whole = |pieces: usize| {
        let mut splitter = Splitter::default();
        let mut lines: Vec<Line> =
            text.chunks(pieces).flat_map(|piece| splitter.push(piece)).collect();
        lines.extend(splitter.end());
        lines
    };
    let expected: Vec<Line> =
        ["one", "two\r", "{}", "last"].map(|line| Line::Whole(line.into())).into();
    for pieces in 1..=text.len() {
        assert_eq!(whole(pieces), expected, "in pieces of {pieces}");
    }
    let mut splitter = Splitter::default();
    assert_eq!(splitter.push(&vec![b'x'; MAX_LINE_BYTES + 1]), []);
    assert_eq!(splitter.push(b"x\n{}\n"), [Line::TooLong, Line::Whole("{}".into())]);
}

#[test]
fn one_line_in_one_line_out_and_the_end() {
    let workspace = Workspace::with(&[("breakdown.md", THREE)]);
    let mut child = workspace
        .command(&["serve"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    let line = json!({"jsonrpc": "2.0", "id": 1, "method": "execution/plan", "params": {"path": "breakdown.md"}});
    // Without the end of the line: it is a line all the same.
    child.stdin.take().expect("stdin").write_all(line.to_string().as_bytes()).expect("written");
    let ended = crate::support::ended(child.wait_with_output().expect("an end"));
    assert_eq!(
        (ended.code, ended.stderr.as_str(), ended.stdout.lines().count()),
        (0, "", 1),
        "{}",
        ended.stdout
    );
    let answer: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(answer["result"]["tasks"].as_array().map(Vec::len), Some(3));
    assert_eq!(workspace.run(&["serve"]).code, 0, "no input at all");
}

#[test]
fn an_execution_from_start_to_result() {
    let workspace = Workspace::with(&[("breakdown.md", THREE)]);
    let mut client = Server::lines(&workspace, &[]);
    let started = client.call::<method::Start>(PlanParams {
        path: Some("breakdown.md".into()),
        ..PlanParams::default()
    });
    assert!(!started.resumed && started.warnings.is_empty());
    let subscribed = client
        .call::<method::Subscribe>(SubscribeParams { from: Some(1), ..SubscribeParams::default() });
    assert_eq!(subscribed.execution, started.execution);
    let awaited = client.call::<method::Await>(AwaitParams::default());
    assert!(
        awaited.ended
            && awaited.report.is_some_and(|report| report
                .markdown
                .starts_with("## Execution Coordination Complete"))
    );
    client.notification("execution/result");
    let page =
        client.call::<method::Events>(EventsParams { limit: Some(4), ..EventsParams::default() });
    assert_eq!((page.events.len(), page.next), (4, 5));
    for seq in 1..=page.last {
        assert_eq!(client.notification("execution/event")["seq"], seq, "in order, none lost");
    }
    let card =
        client.call::<method::TaskGet>(TaskParams { task: "2".into(), ..TaskParams::default() });
    assert_eq!((card.status.state, card.orders.len()), (TaskStateName::Done, 1));
    assert_eq!(client.call::<method::TaskListing>(ExecutionParams::default()).tasks.len(), 3);
    assert_eq!(client.call::<method::List>(Nothing {}).executions.len(), 1);
    assert_eq!(
        client.call::<method::Status>(ExecutionParams::default()).state,
        ExecutionState::Complete
    );
    let output = client
        .call::<method::TaskOutput>(OutputParams { task: "2".into(), ..OutputParams::default() });
    assert!(!output.open);
    assert!(
        client
            .call::<method::Unsubscribe>(UnsubscribeParams {
                subscription: subscribed.subscription
            })
            .unsubscribed
    );
    let refused = client.answer("task/skip", json!({"task": "2"}));
    assert_eq!(refused["error"]["data"]["kind"], "refused");
    assert_eq!(client.end().0, 0);
}

#[test]
fn waiting_holds_up_nobody_and_commands_keep_their_order() {
    let workspace = Workspace::with(&[("breakdown.md", GATED)]);
    config(&workspace);
    let mut client = Server::lines(&workspace, &[]);
    client.ask("execution/start", json!({"path": "breakdown.md"}));
    let waits: Vec<i64> = (0..100).map(|_| client.ask("execution/await", json!({}))).collect();
    let short = client.answer("execution/await", json!({"timeoutMs": 1}));
    assert_eq!(
        (&short["result"]["ended"], &short["result"]["running"]),
        (&json!(false), &json!(true))
    );
    for _ in 0..20 {
        client.ask("execution/pause", json!({}));
        client.ask("execution/resume", json!({}));
    }
    assert_eq!(
        client.result("execution/status", json!({}))["state"],
        "running",
        "paused and resumed in that order"
    );
    let failed: Vec<Value> =
        client.left().into_iter().filter(|message| message.get("error").is_some()).collect();
    assert_eq!(failed, Vec::<Value>::new());
    workspace.write("go", "");
    for id in waits {
        assert_eq!(client.answer_to(id)["result"]["ended"], true);
    }
    assert_eq!(client.end().0, 0);
}

#[test]
fn at_the_end_of_input_a_live_execution_is_suspended_or_finished() {
    let workspace = Workspace::with(&[("breakdown.md", GATED)]);
    config(&workspace);
    let mut client = Server::lines(&workspace, &[]);
    client.result("execution/start", json!({"path": "breakdown.md"}));
    assert_eq!(client.end().0, 130, "suspended, with its state kept");
    let mut client = Server::lines(&workspace, &["--on-eof", "finish"]);
    let started = client.result("execution/start", json!({"path": "breakdown.md"}));
    assert_eq!(started["resumed"], true);
    workspace.write("go", "");
    let (code, rest) = client.end();
    assert_eq!(code, 0);
    let last = rest.last().expect("messages");
    assert_eq!(
        (&last["method"], &last["params"]["report"]["finalStatus"]),
        (&json!("execution/result"), &json!("Complete")),
        "{rest:?}"
    );
}

#[tokio::test]
async fn once_a_client_was_told_everything_nothing_holds_its_queue_open() {
    let workspace = Workspace::with(&[("breakdown.md", THREE)]);
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
    let coordinator = Coordinator::new(workspace.path(""));
    coordinator.add_root(&workspace.path(""));
    let (peer, mut queue) = Peer::new(Client::Program);
    peer.watch(&coordinator.find(None).expect("an execution"));
    peer.drain().await;
    peer.close();
    let rest = async { while queue.recv().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(30), rest).await.expect("its end");
}

#[test]
fn what_is_asked_before_the_end_of_input_is_answered() {
    let workspace = Workspace::with(&[("breakdown.md", GATED), ("go", "")]);
    config(&workspace);
    let mut client = Server::lines(&workspace, &[]);
    client.ask("execution/start", json!({"path": "breakdown.md"}));
    let wait = client.ask("execution/await", json!({}));
    let (code, rest) = client.end();
    let answer = rest.iter().find(|message| message["id"] == wait).expect("an answer");
    assert_eq!((code, &answer["result"]["ended"]), (0, &json!(true)));
}

#[test]
fn a_client_that_does_not_read_holds_up_nothing() {
    let workspace = Workspace::with(&[("breakdown.md", THREE)]);
    let mut silent = Server::lines(&workspace, &["--on-eof", "finish"]);
    // Its answers fill the pipe, and nobody empties it while the execution runs.
    let mut child = workspace
        .command(&["serve", "--on-eof", "finish"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary");
    let mut stdin = child.stdin.take().expect("stdin");
    let line = |id: usize, method: &str, params: Value| {
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string() + "\n"
    };
    stdin
        .write_all(line(0, "execution/start", json!({"path": "breakdown.md"})).as_bytes())
        .expect("written");
    for id in 1..500 {
        stdin
            .write_all(line(id, "execution/subscribe", json!({"from": 1})).as_bytes())
            .expect("written");
        stdin
            .write_all(line(1_000 + id, "execution/report", json!({})).as_bytes())
            .expect("written");
    }
    crate::support::eventually("the execution ends", || {
        let list = silent.result("execution/list", json!({}));
        list["executions"][0]["state"] == "Complete"
    });
    // Then it reads after all: every answer is there.
    drop(stdin);
    let ended = crate::support::ended(child.wait_with_output().expect("an end"));
    let answers = ended.stdout.lines().filter(|line| !line.contains("\"method\":")).count();
    assert_eq!((ended.code, answers), (0, 999));
    assert_eq!(silent.end().0, 0);
}

#[test]
fn long_lines_and_bytes_that_are_no_text_are_answered() {
    let workspace = Workspace::new();
    let mut client = Server::lines(&workspace, &[]);
    client.raw(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}\n");
    let long = vec![b'['; MAX_LINE_BYTES + 2];
    client.raw(&long);
    client.raw(b"\n");
    let deep = "[".repeat(100_000);
    client.raw(deep.as_bytes());
    client.raw(b"\n");
    assert_eq!(client.result("execution/list", json!({})), json!({"executions": []}));
    let (code, rest) = client.end();
    assert_eq!((code, rest.len()), (0, 3));
    assert!(rest.iter().all(|message| message["error"]["code"] == -32700), "{rest:?}");
}

#[test]
fn what_another_process_does_is_told_as_it_happens() {
    let workspace = Workspace::with(&[("breakdown.md", GATED)]);
    config(&workspace);
    let mut client = Server::lines(&workspace, &[]);
    assert_eq!(client.result("execution/list", json!({})), json!({"executions": []}));
    let run = workspace.start(&["run", "breakdown.md"]);
    crate::support::eventually("it is listed", || {
        client.result("execution/list", json!({}))["executions"][0]["owner"].is_string()
    });
    client.result("execution/subscribe", json!({"from": 1}));
    client.notification_where("execution/event", |event| event["event"].get("ordered").is_some());
    let fresh = client.answer("execution/start", json!({"path": "breakdown.md", "fresh": true}));
    assert_eq!(fresh["error"]["data"]["kind"], "owned", "{fresh}");
    workspace.write("go", "");
    client.notification_where("execution/event", |event| {
        event["event"].get("executionEnded").is_some()
    });
    client.notification("execution/result");
    assert_eq!(crate::support::ended(run.wait_with_output().expect("an end")).code, 0);
    assert_eq!(client.end().0, 0, "what others own is no business of ours at the end");
}

#[test]
fn a_killed_daemon_leaves_nothing_running_and_the_next_one_goes_on() {
    let slow = GATED
        .replace("until test -e", "echo $$ > \\\"$WORKSPACE/pid\\\"; until test -e")
        .replace("\\\"", "\"");
    let workspace = Workspace::with(&[("breakdown.md", &slow)]);
    config(&workspace);
    let mut client = Server::lines(&workspace, &[]);
    let first = client.result("execution/start", json!({"path": "breakdown.md"}));
    let pid = || workspace.read("pid").trim().parse::<u32>().ok();
    crate::support::eventually("it is at work", || pid().is_some());
    let pid = pid().expect("a process");
    drop(client);
    crate::support::eventually("nothing is left of it", || !crate::support::lives(pid));
    let mut client = Server::lines(&workspace, &[]);
    let second = client.result("execution/start", json!({"path": "breakdown.md"}));
    assert_eq!((&second["resumed"], &second["execution"]), (&json!(true), &first["execution"]));
    let again = client.result("execution/start", json!({"path": "breakdown.md"}));
    assert_eq!(
        again["execution"], first["execution"],
        "one that runs already is the one that is meant"
    );
    workspace.write("go", "");
    assert_eq!(
        client.result("execution/await", json!({}))["report"]["report"]["finalStatus"],
        "Complete"
    );
    assert_eq!(client.end().0, 0);
}

#[test]
fn a_program_names_files_of_the_workspace_only_unless_the_config_says_otherwise() {
    let outside = Workspace::with(&[("breakdown.md", "# Shop\n\n- [ ] one\n  - Run: true\n")]);
    let workspace = Workspace::new();
    std::os::unix::fs::symlink(outside.path("breakdown.md"), workspace.path("link.md"))
        .expect("a link");
    let mut client = Server::lines(&workspace, &[]);
    let path = outside.path("breakdown.md");
    for params in [
        json!({"path": path}),
        json!({"path": "link.md"}),
        json!({"uri": format!("file://{}", path.display())}),
    ] {
        let refused = client.answer("execution/plan", params);
        assert!(
            refused["error"]["message"].as_str().expect("a sentence").contains("outside_workspace"),
            "{refused}"
        );
    }
    workspace.write("execution-coordinator.toml", "[clients]\noutside_workspace = true\n");
    assert!(client.answer("execution/plan", json!({"path": "link.md"}))["error"].is_null());
}
