//! The language server, as the real binary: framing, order, ends, and what an editor is shown.

use crate::client::Server;
use crate::support::{Workspace, eventually};
use execution_coordinator::engine::coordinator::Coordinator;
use execution_coordinator::frontend::lsp::documents::edit;
use execution_coordinator::frontend::lsp::frame::{Frame, Frames, MAX_BODY_BYTES};
use execution_coordinator::frontend::lsp::position::{Encoding, Lines};
use execution_coordinator::frontend::{Ended, Framing, OnEof, serve};
use execution_coordinator::rpc::messages::Nothing;
use execution_coordinator::rpc::method::{Method, MethodKind};
use execution_coordinator::rpc::table::Table;
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower_lsp::ls_types::{Position, Range, TextDocumentContentChangeEvent};

fn frame(body: &str) -> Vec<u8> {
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn everything() -> Value {
    json!({
        "general": {"positionEncodings": ["utf-16"]},
        "workspace": {"inlayHint": {"refreshSupport": true}, "codeLens": {"refreshSupport": true}, "semanticTokens": {"refreshSupport": true},
            "workspaceEdit": {"documentChanges": true}},
        "window": {"workDoneProgress": true, "showDocument": {"support": true}},
        "textDocument": {"documentSymbol": {"hierarchicalDocumentSymbolSupport": true}, "publishDiagnostics": {"relatedInformation": true}},
    })
}

fn uri(workspace: &Workspace, name: &str) -> String {
    format!(
        "file://{}",
        workspace.path(name).canonicalize().unwrap_or(workspace.path(name)).display()
    )
}

#[test]
fn frames_are_the_same_whatever_pieces_come() {
    let body = |text: &str| Frame::Body(text.into());
    let cases: [(&[u8], Vec<&str>); 12] = [
        (b"Content-Length: 2\r\n\r\n{}", vec!["{}"]),
        (b"content-length:2\n\n{}", vec!["{}"]),
        (b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}", vec!["{}"]),
        (b"Content-Length: 2\r\nContent-Type: application/vscode-jsonrpc\r\nX-Other: 1\r\n\r\n{}", vec!["{}"]),
        (b"CONTENT-LENGTH:   2  \r\n\r\n{}Content-Length: 0\r\n\r\nContent-Length: 1\r\n\r\n1", vec!["{}", "", "1"]),
        (b"Content-Length: x\r\n\r\nContent-Length: 2\r\n\r\n{}", vec!["BAD", "{}"]),
        (b"Content-Length: -5\r\n\r\nContent-Length: 2\r\n\r\n{}", vec!["BAD", "{}"]),
        (b"nonsense\r\nContent-Length: 2\r\n\r\n{}", vec!["BAD", "{}"]),
        (b"nonsenseContent-Length: 2\r\n\r\n{}", vec!["BAD", "{}"]),
        (b"{\"jsonrpc\":\"2.0\"}\n\nContent-Length: 2\r\n\r\n{}", vec!["BAD", "{}"]),
        (b"Content-Type: text/plain; charset=latin1\r\nContent-Length: 2\r\n\r\n{}Content-Length: 1\r\n\r\n1", vec!["BAD", "1"]),
        (b"Content-Length: 3\r\nContent-Length: 2\r\n\r\n{}Content-Length: 1\r\n\r\n1", vec!["BAD", "1"]),
    ];
    for (bytes, expected) in cases {
        for pieces in 1..=bytes.len() {
            let mut frames = Frames::default();
            let found: Vec<Frame> =
                bytes.chunks(pieces).flat_map(|piece| frames.push(piece)).collect();
            let found: Vec<Frame> = found
                .into_iter()
                .map(|frame| if let Frame::Bad(_) = frame { body("BAD") } else { frame })
                .collect();
            assert_eq!(
                found,
                expected.iter().map(|text| body(text)).collect::<Vec<_>>(),
                "{:?} by {pieces}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
    let mut frames = Frames::default();
    let too_long = format!("Content-Length: {}\r\n\r\n", MAX_BODY_BYTES + 1);
    assert!(matches!(frames.push(too_long.as_bytes())[..], [Frame::Bad(_)]));
    let piece = vec![0; 1 << 20];
    for _ in 0..64 {
        assert_eq!(frames.push(&piece), []);
    }
    assert_eq!(
        frames.push(b"0Content-Length: 2\r\n\r\n{}"),
        [body("{}")],
        "left aside, and the next one found"
    );
    let mut frames = Frames::default();
    let junk: Vec<Frame> = (0..100).flat_map(|_| frames.push(&[b'x'; 4096])).collect();
    assert!(matches!(junk[..], [Frame::Bad(_)]), "said once");
    assert_eq!(frames.push(b"Content-Length: 2\r\n\r\n{}"), [body("{}")]);
}

#[test]
fn edits_are_the_same_in_the_text_and_in_its_lines() {
    let mut random = fastrand::Rng::with_seed(7);
    let pieces = ["a", "\n", "\r", "\r\n", "ä", "𝄞", "- [ ] x", "\n\n", ""];
    for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
        let mut text = String::from("# T\r\n\r\n- [ ] 𝄞 one\n");
        let mut lines = Lines::new(&text);
        for _ in 0..3_000 {
            let any = |random: &mut fastrand::Rng| {
                Position::new(random.u32(0..lines.count() as u32 + 1), random.u32(0..12))
            };
            let (mut start, mut end) = (any(&mut random), any(&mut random));
            if (end.line, end.character) < (start.line, start.character) {
                (start, end) = (end, start);
            }
            let new: String =
                (0..random.usize(0..3)).map(|_| pieces[random.usize(0..pieces.len())]).collect();
            let change = TextDocumentContentChangeEvent {
                range: Some(Range::new(start, end)),
                range_length: None,
                text: new,
            };
            edit(&mut text, &mut lines, change, encoding);
            assert_eq!(lines, Lines::new(&text), "{text:?}");
            for (offset, _) in text.char_indices() {
                let inside = text[..offset].ends_with('\r') && text[offset..].starts_with('\n');
                let back = lines.offset(&text, lines.position(&text, offset, encoding), encoding);
                assert!(inside || back == offset, "{text:?} at {offset}");
            }
            if text.len() > 300 {
                text.truncate(0);
                lines = Lines::new(&text);
            }
        }
    }
}

#[test]
fn whatever_comes_is_answered_and_the_session_lives() {
    let workspace = Workspace::new();
    let mut client = Server::lsp(&workspace);
    client.initialize(everything());
    let bad: [&[u8]; 6] = [
        b"Content-Length: 3\r\n\r\n{\"a",
        b"Content-Length: 4\r\n\r\n\"\xff\xfe\"",
        b"Content-Length: 2\r\n\r\n{}",
        b"Content-Length: 2\r\n\r\n[]",
        b"Content-Length: 99999999999\r\n\r\n",
        b"",
    ];
    for bytes in &bad[..4] {
        client.raw(bytes);
        let answer = client.find("an error", |message| message.get("error").is_some());
        assert_eq!(answer["id"], Value::Null);
        assert!(matches!(answer["error"]["code"].as_i64(), Some(-32700 | -32600)), "{answer}");
    }
    client.raw(&frame(r#"[{"jsonrpc":"2.0","id":"a","method":"execution/list"},{"jsonrpc":"2.0","id":"b","method":"workspace/symbol","params":{"query":""}},1]"#));
    let batch = client.find("a batch", Value::is_array);
    assert_eq!(batch.as_array().map(Vec::len), Some(3), "{batch}");
    client.raw(&frame(r#"{"jsonrpc":"2.0","id":-1.5,"method":"$/unknown"}"#));
    assert_eq!(
        client.find("-1.5", |message| message["id"] == -1.5)["error"]["code"],
        -32601,
        "unknown requests are answered"
    );
    client
        .raw(&frame(r#"{"jsonrpc":"2.0","id":5,"method":"textDocument/hover","params":{"no":1}}"#));
    assert_eq!(client.find("5", |message| message["id"] == 5)["error"]["code"], -32602);
    assert_eq!(client.result("execution/list", json!({})), json!({"executions": []}));
    let refused = client.answer("execution/await", json!({}));
    assert!(refused["error"]["message"].as_str().expect("a text").contains("editor"), "{refused}");
    client.raw(bad[4]);
    let answer = client.find("too long", |message| message.get("error").is_some());
    assert!(answer["error"]["message"].as_str().expect("a text").contains("at most"), "{answer}");
}

#[test]
fn it_ends_after_exit_and_with_its_input() {
    let workspace = Workspace::new();
    let mut client = Server::lsp(&workspace);
    client.initialize(everything());
    client.result("shutdown", Value::Null);
    assert_eq!(
        client.answer("workspace/symbol", json!({"query": ""}))["error"]["code"],
        -32600,
        "nothing after shutdown"
    );
    client.notify("exit", Value::Null);
    assert_eq!(client.exit_code(), 0, "with the input still open");
    let mut client = Server::lsp(&workspace);
    client.initialize(everything());
    client.notify("exit", Value::Null);
    assert_eq!(client.exit_code(), 1, "without shutdown");
    let mut client = Server::lsp(&workspace);
    assert_eq!(
        client.answer("workspace/symbol", json!({"query": ""}))["error"]["code"],
        -32002,
        "not initialized"
    );
    client.initialize(everything());
    client.ask("workspace/symbol", json!({"query": ""}));
    let (code, rest) = client.end();
    assert_eq!(code, 1, "the input ended without a word");
    assert!(
        rest.iter().any(|message| message.get("result").is_some()),
        "what was asked is answered: {rest:?}"
    );
}

/// Edits that each need the one before, among requests of all kinds.
#[test]
fn edits_keep_their_order_under_any_load() {
    let workspace = Workspace::new();
    let mut client = Server::lsp(&workspace);
    client.initialize(everything());
    let uri = uri(&workspace, "tasks.md");
    client.open(&uri, "# Order\n\n");
    let mut bytes = Vec::new();
    for version in 2..1_002 {
        let text = format!("- [ ] {version}\n");
        let change = json!({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {"textDocument": {"uri": uri, "version": version},
            "contentChanges": [{"range": {"start": {"line": version, "character": 0}, "end": {"line": version, "character": 0}}, "text": text}]}});
        bytes.extend(frame(&change.to_string()));
        let ask = json!({"jsonrpc": "2.0", "id": format!("h{version}"), "method": "textDocument/hover", "params": {"textDocument": {"uri": uri}, "position": {"line": 2, "character": 7}}});
        bytes.extend(frame(&ask.to_string()));
        if version % 3 == 0 {
            let cancel = json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": format!("h{version}")}});
            bytes.extend(frame(&cancel.to_string()));
        }
    }
    client.raw(&bytes);
    for version in 2..1_002 {
        let id = format!("h{version}");
        let answer = client.find(&id, |message| message["id"] == id.as_str());
        assert!(answer.get("result").is_some() || answer["error"]["code"] == -32800, "{answer}");
    }
    let symbols =
        client.result("textDocument/documentSymbol", json!({"textDocument": {"uri": uri}}));
    let names: Vec<&str> = symbols
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|symbol| symbol["name"].as_str())
        .collect();
    assert_eq!(names.len(), 1_000);
    assert!(
        names.iter().enumerate().all(|(nth, name)| name.ends_with(&format!(" {}", nth + 2))),
        "{names:?}"
    );
}

#[test]
fn it_ends_after_exit_even_where_nobody_reads() {
    let workspace = Workspace::with(&[("breakdown.md", "# Many\n\n- [ ] one\n")]);
    let mut child = workspace
        .command(&["serve"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary");
    let mut stdin = child.stdin.take().expect("stdin");
    let mut bytes =
        frame(r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"capabilities":{}}}"#);
    for id in 1..500 {
        let ask = json!({"jsonrpc": "2.0", "id": id, "method": "execution/plan", "params": {"path": "breakdown.md"}});
        bytes.extend(frame(&ask.to_string()));
    }
    bytes.extend(frame(r#"{"jsonrpc":"2.0","id":501,"method":"shutdown"}"#));
    bytes.extend(frame(r#"{"jsonrpc":"2.0","method":"exit"}"#));
    stdin.write_all(&bytes).expect("written");
    let mut code = None;
    eventually("it ends", || {
        code = child.try_wait().expect("a child").map(|status| status.code());
        code.is_some()
    });
    assert_eq!(code, Some(Some(0)), "{:?}", child.try_wait());
}

struct Fails;

impl Method for Fails {
    const NAME: &'static str = "test/fails";
    const KIND: MethodKind = MethodKind::Query;
    const TITLE: &'static str = "Panics";
    const ABOUT: &'static str = "";
    const ERRORS: &'static [execution_coordinator::failure::FailureKind] = &[];
    type Params = Nothing;
    type Result = Nothing;
}

/// No method of ours panics, so one that does is added to the same code.
#[test]
fn a_panic_in_a_handler_is_answered_and_the_session_lives() {
    let mut table = Table::default();
    table.add::<Fails, _>(|_, _| async { panic!("a mistake of ours") });
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        let (input, output) = tokio::io::split(server);
        let coordinator = Coordinator::new(std::env::temp_dir());
        let served = tokio::spawn(serve(
            Arc::new(table),
            coordinator,
            Some(Framing::Lsp),
            OnEof::Suspend,
            input,
            output,
        ));
        for body in [
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#,
            r#"{"jsonrpc":"2.0","id":2,"method":"test/fails"}"#,
            r#"{"jsonrpc":"2.0","id":3,"method":"workspace/symbol","params":{"query":""}}"#,
        ] {
            client.write_all(&frame(body)).await.expect("written");
        }
        let mut seen = String::new();
        while !(seen.contains(r#""id":2"#) && seen.contains(r#""id":3"#)) {
            let mut piece = vec![0; 1 << 16];
            let read = client.read(&mut piece).await.expect("read");
            seen += &String::from_utf8_lossy(&piece[..read]);
        }
        assert!(seen.contains("-32603"), "{seen}");
        client
            .write_all(&frame(r#"{"jsonrpc":"2.0","id":4,"method":"shutdown"}"#))
            .await
            .expect("written");
        client.write_all(&frame(r#"{"jsonrpc":"2.0","method":"exit"}"#)).await.expect("written");
        assert!(matches!(served.await.expect("served"), Ok(Ended::Editor(true))));
    });
}
