//! What the streams of real coding agents come to: each pitfall that was measured on one of them.

use execution_coordinator::agents::adapter::{Adapter, StreamState};
use execution_coordinator::agents::adapters::{acp, app_server, claude, codex, gemini, opencode};
use execution_coordinator::agents::conversation::Transport;
use execution_coordinator::agents::conversation::{Conversation, Subject};
use execution_coordinator::config::{Agent, AgentKind};
use execution_coordinator::core::brief::Brief;
use execution_coordinator::core::outcome::Usage;
use std::path::{Path, PathBuf};

/// The adapter of recorded streams, by the folder that they are in.
fn of(folder: &str) -> &'static Adapter {
    match folder {
        "claude" => &claude::ADAPTER,
        "codex" => &codex::ADAPTER,
        "app_server" => &app_server::ADAPTER,
        "gemini" => &gemini::ADAPTER,
        "opencode" => &opencode::ADAPTER,
        _ => &acp::ADAPTER,
    }
}

/// A recorded stream, from `tests/data/agents`.
fn recorded(folder: &str, name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/agents")
        .join(folder)
        .join(format!("{name}.jsonl"));
    std::fs::read_to_string(path).expect("a stream")
}

fn heard(folder: &str, name: &str) -> StreamState {
    of(folder).read(recorded(folder, name).as_bytes())
}

/// In a line: whether it counts for an attempt, and what it used.
fn line(folder: &str, name: &str) -> String {
    let heard = heard(folder, name);
    let verdict = match heard.objection(true) {
        Some((verdict, why)) => format!("{verdict:?}: {why}"),
        None => format!("counts: {}", heard.text),
    };
    let usage = heard.spent(None, Usage::default());
    let short = heard.shortage.map_or(String::new(), |shortage| format!(", {:?}", shortage.kind));
    let session = if heard.session.is_some() { "session" } else { "no session" };
    format!(
        "{name}: {verdict} [{} tokens, {} calls, {session}{short}]",
        usage.tokens.unwrap_or(0),
        usage.tool_calls.unwrap_or(0)
    )
}

fn all(folder: &str) -> String {
    let streams = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/agents").join(folder);
    let entries = std::fs::read_dir(streams).expect("streams").flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.path().file_stem()?.to_str().map(str::to_owned)).collect();
    names.sort();
    names.iter().map(|name| line(folder, name) + "\n").collect()
}

#[test]
fn claude_code() {
    expect_test::expect![[r#"
        api-401: Unknown: Failed to authenticate. API Error: 401 scripted error 401 [120 tokens, 1 calls, session, Login]
        api-429-exhausted: Unknown: API Error: Request rejected (429) · scripted error 429 [120 tokens, 1 calls, session, RateLimited]
        api-429-twice-then-ok: counts: done after retry [240 tokens, 1 calls, session]
        api-529-exhausted: Unknown: API Error: 529 scripted error 529. This is a server-side issue, usually temporary — try again in a moment. If it persist [120 tokens, 1 calls, session, Overloaded]
        control-denied: Blocked: it was not permitted: Bash; allow it in the agent's own settings or by `args` [360 tokens, 2 calls, session]
        control-interrupted: Unknown: error_during_execution: [ede_diagnostic] result_type=user last_content_type=n/a stop_reason=null [0 tokens, 0 calls, session]
        json-schema: counts: {"status":"done","files":["a"]} [120 tokens, 1 calls, session]
        max-budget: Unknown: error_max_budget_usd: Reached maximum budget ($0.01) [0 tokens, 1 calls, session]
        max-turns: Unknown: error_max_turns: Reached maximum number of turns (1) [120 tokens, 1 calls, session]
        mcp-calls: counts: mcp done [360 tokens, 2 calls, session]
        ok-write: counts: Done: wrote hello.txt [240 tokens, 1 calls, session]
        permission-denied-exit0: Blocked: it was not permitted: Write, Bash; allow it in the agent's own settings or by `args` [360 tokens, 2 calls, session]
        resume-wrong-cwd: Unknown: error_during_execution: No conversation found with session ID: 5ade9541-70a1-4c1a-b2a6-4d94d6c560f8 [0 tokens, 0 calls, no session]
        sigint-in-stream-exit0: Unknown: error_during_execution: [ede_diagnostic] result_type=user last_content_type=n/a stop_reason=null [0 tokens, 0 calls, session]
        sigint-in-tool: Unknown: error_during_execution: [ede_diagnostic] result_type=user last_content_type=n/a stop_reason=tool_use [120 tokens, 1 calls, session]
        sigterm-no-result: Unknown: its stream ended before its last event [0 tokens, 1 calls, session]
        subagent: counts: parent fin [240 tokens, 2 calls, session]
    "#]].assert_eq(&all("claude"));
}

#[test]
fn codex() {
    expect_test::expect![[r#"
        api-401: Unknown: unexpected status 401 Unauthorized: scripted error 401, url: http://127.0.0.1:18990/v1/responses [0 tokens, 1 calls, session, Login]
        api-429-no-retry: Unknown: exceeded retry limit, last status: 429 Too Many Requests [0 tokens, 1 calls, session, RateLimited]
        api-429-retry-after-ok: counts: done after retry [240 tokens, 1 calls, session]
        api-500: Unknown: We’re currently experiencing high demand, which may cause temporary errors. [0 tokens, 1 calls, session, Overloaded]
        mcp-calls: counts: mcp done [360 tokens, 2 calls, session]
        mcp-needs-approval: Blocked: it was not permitted: quick; allow it in the agent's own settings or by `args` [240 tokens, 1 calls, session]
        mcp-timeout: counts: mcp done [240 tokens, 1 calls, session]
        ok-file_change: counts: fin [240 tokens, 1 calls, session]
        ok-shell: counts: Done: wrote hello.txt [240 tokens, 1 calls, session]
        readonly-sandbox-exit0: counts: fin [360 tokens, 1 calls, session]
        sigint: Unknown: its stream ended before its last event [0 tokens, 0 calls, session]
        stream-cut: Unknown: stream disconnected before completion: Transport error: network error: error decoding response body [0 tokens, 1 calls, session]
    "#]].assert_eq(&all("codex"));
}

#[test]
fn codex_by_its_server() {
    expect_test::expect![[r#"
        api-429: Unknown: exceeded retry limit, last status: 429 Too Many Requests [0 tokens, 0 calls, no session, RateLimited]
        api-503: Unknown: unexpected status 503 Service Unavailable: scripted error 503, url: http://127.0.0.1:18991/v1/responses [0 tokens, 0 calls, no session, Overloaded]
        approval: Blocked: it was not permitted: /bin/bash -lc 'touch esc.txt'; allow it in the agent's own settings or by `args` [240 tokens, 1 calls, session]
        interrupted: Unknown: its turn ended with interrupted [120 tokens, 0 calls, session]
    "#]].assert_eq(&all("app_server"));
}

/// Our side of a conversation about an order of a role.
fn conversation(
    folder: &str,
    role: &str,
    session: Option<&str>,
    confined: bool,
) -> Box<dyn Conversation> {
    let Transport::Talks(begin) = &of(folder).transport else { panic!("it is not talked with") };
    let brief =
        Brief { role: role.into(), session: session.map(str::to_owned), ..Brief::default() };
    let agent = Agent::of_kind(AgentKind::Claude);
    begin(&Subject {
        agent: &agent,
        brief: &brief,
        words: "the brief".into(),
        folder: Path::new("/worktree"),
        confined,
        steering: None,
        is_unanswered: std::sync::Arc::new(|| false),
        again: "again".into(),
    })
}

/// What is said to a recorded agent: at first, and to each message that is answered.
fn said(folder: &str, name: &str, mut ours: Box<dyn Conversation>) -> String {
    let lines = |messages: Vec<serde_json::Value>| {
        messages.iter().map(|message| format!("{message}\n")).collect::<String>()
    };
    let mut said = lines(ours.begins());
    for line in recorded(folder, name).lines() {
        said += &lines(ours.on_message(&serde_json::from_str(line).expect("JSON")));
        if ours.is_over() {
            return said + "over\n";
        }
    }
    said
}

#[test]
fn what_is_said_to_claude_code() {
    let by = |role| said("claude", "control-denied", conversation("claude", role, None, false));
    expect_test::expect![[r#"
        {"type":"control_request","request_id":"begin","request":{"subtype":"initialize"}}
        {"type":"user","message":{"role":"user","content":[{"type":"text","text":"the brief"}]}}
        {"type":"control_response","response":{"subtype":"success","request_id":"fa205e74-4a28-4dbe-8dc3-6af60ef544bb","response":{"behavior":"deny","message":"stay in your folder"}}}
        {"type":"control_response","response":{"subtype":"success","request_id":"ccab31cd-93c0-4a40-bb33-1f88359a2c7e","response":{"behavior":"allow","updatedInput":{"command":"rm -rf hello.txt","description":"run a command"}}}}
        over
    "#]].assert_eq(&by("implementation"));
    let reviewer = by("review");
    assert_eq!(reviewer.matches("\"behavior\":\"deny\"").count(), 2, "{reviewer}");
    let confined = said("claude", "control-denied", conversation("claude", "review", None, true));
    assert_eq!(
        confined.matches("\"behavior\":\"deny\"").count(),
        1,
        "a command that can change nothing may run: {confined}"
    );
    let mut ours = conversation("claude", "implementation", None, false);
    assert_eq!(ours.interrupts()[0]["request"]["subtype"], "interrupt");
}

#[test]
fn what_is_said_to_the_server_of_codex() {
    expect_test::expect![[r#"
        {"id":1,"method":"initialize","params":{"clientInfo":{"name":"execution-coordinator","title":"execution-coordinator","version":"0.1.0"}}}
        {"method":"initialized","params":{}}
        {"id":2,"method":"thread/start","params":{"cwd":"/worktree","sandbox":"workspace-write","approvalPolicy":"on-request"}}
        {"id":3,"method":"turn/start","params":{"threadId":"01a202b5-3686-75a2-bcba-f3bbec55ae4f","input":[{"type":"text","text":"the brief"}]}}
        {"id":0,"result":{"decision":"decline"}}
        over
    "#]].assert_eq(&said("app_server", "approval", conversation("app_server", "implementation", None, false)));
    // A session that is forgotten is begun again.
    let mut ours = conversation("app_server", "implementation", Some("before"), true);
    ours.begins();
    let answer = |id: u64, what: &str| serde_json::json!({"id": id, what: {"thread": {"id": "t"}}});
    let resumed = ours.on_message(&answer(1, "result")).pop().expect("a request");
    assert_eq!(
        (&resumed["method"], &resumed["params"]["threadId"]),
        (&"thread/resume".into(), &"before".into())
    );
    assert_eq!(
        (&resumed["params"]["sandbox"], &resumed["params"]["approvalPolicy"]),
        (&"danger-full-access".into(), &"never".into())
    );
    assert_eq!(ours.on_message(&answer(2, "error"))[0]["method"], "thread/start");
    assert_eq!(ours.on_message(&answer(2, "result"))[0]["method"], "turn/start");
    ours.on_message(&serde_json::json!({"id": 3, "result": {"turn": {"id": "u"}}}));
    assert_eq!(ours.interrupts()[0]["params"], serde_json::json!({"threadId": "t", "turnId": "u"}));
    assert!(!ours.is_over());
    ours.on_message(&serde_json::json!({"method": "turn/completed", "params": {"turn": {"status": "interrupted"}}}));
    assert!(ours.is_over());
}

#[test]
fn what_is_said_in_a_turn_is_delivered_or_not() {
    let replay = |words: &str| serde_json::json!({"type": "user", "isReplay": true, "message": {"content": [{"type": "text", "text": words}]}});
    let result = serde_json::json!({"type": "result", "subtype": "success"});
    let mut claude = conversation("claude", "implementation", None, true);
    claude.begins();
    assert_eq!(claude.steers(7, "blue").expect("said")[0]["message"]["content"][0]["text"], "blue");
    claude.steers(9, "green").expect("said");
    claude.on_message(&replay("the brief"));
    assert_eq!(claude.steered(), []);
    claude.on_message(&replay("blue"));
    assert_eq!((claude.steered(), claude.steered()), (vec![(7, Ok(()))], Vec::new()), "once");
    // What came too late for this turn is the next one.
    claude.on_message(&result);
    assert!(!claude.is_over());
    claude.on_message(&replay("green"));
    claude.on_message(&result);
    assert_eq!((claude.steered(), claude.is_over()), (vec![(9, Ok(()))], true));

    let mut codex = conversation("app_server", "implementation", None, true);
    assert!(codex.steers(7, "blue").is_err_and(|why| why.contains("had not begun")));
    codex.on_message(&serde_json::json!({"id": 2, "result": {"thread": {"id": "t"}}}));
    codex.on_message(&serde_json::json!({"id": 3, "result": {"turn": {"id": "u"}}}));
    let said = codex.steers(7, "blue").expect("said").remove(0);
    assert_eq!(
        (&said["method"], &said["params"]["threadId"], &said["params"]["expectedTurnId"]),
        (&"turn/steer".into(), &"t".into(), &"u".into())
    );
    let late = codex.steers(9, "green").expect("said").remove(0);
    codex.on_message(&serde_json::json!({"id": said["id"], "result": {"turnId": "u"}}));
    let refused = serde_json::json!({"id": late["id"], "error": {"code": -32600, "message": "no active turn to steer"}});
    codex.on_message(&refused);
    assert_eq!(codex.steered(), [(7, Ok(())), (9, Err("no active turn to steer".into()))]);
    assert!(!codex.is_over(), "that is no end of the turn");
    let mut heard = StreamState::default();
    (of("app_server").parse_event)(&refused, &mut heard);
    assert_eq!(heard.failed, None);
}

#[test]
fn when_a_service_can_be_asked_again_is_read() {
    let after = |why: &str, status| {
        let mut heard = StreamState::default();
        heard.fails(why.into(), status);
        heard.retry_after(1_700_000_000);
        heard.shortage.map(|shortage| (format!("{:?}", shortage.kind), shortage.retry_after_ms))
    };
    let row = |kind: &str, ms: Option<u64>| Some((kind.to_owned(), ms));
    assert_eq!(
        after("Rate limit reached. Please try again in 1.5s.", Some(429)),
        row("RateLimited", Some(1_500))
    );
    assert_eq!(
        after("You've hit your usage limit. Try again in 2 hours 5 minutes.", None),
        row("Quota", Some(7_500_000))
    );
    assert_eq!(after("overloaded, retry after 30 seconds", None), row("Overloaded", Some(30_000)));
    assert_eq!(
        after("Claude AI usage limit reached|1700003600", None),
        row("Quota", Some(3_600_000))
    );
    assert_eq!(after("Claude AI usage limit reached|1690000000", None), row("Quota", Some(0)));
    assert_eq!(
        after("429 Too Many Requests, try again in a while", None),
        row("RateLimited", None)
    );
    assert_eq!(
        after("try again in 99999999999999999999999 days: 429", None),
        row("RateLimited", Some(604_800_000))
    );
    assert_eq!(after("no such model", Some(400)), None);
    for words in [
        "Invalid API key · Please run /login",
        "unexpected status 401 Unauthorized: x",
        "API key not valid",
        "Not logged in",
    ] {
        assert_eq!(after(words, None), row("Login", None), "{words}");
    }
    assert_eq!(after("whatever it says", Some(401)), row("Login", None));
    assert_eq!(after("this model requires a newer version of Codex", None), row("Outdated", None));
    assert_eq!(after("Upgrade to Pro: usage limit reached", None), row("Quota", None));
    let stream = r#"{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1700000060}}
{"type":"result","subtype":"success","is_error":true,"result":"limit reached","api_error_status":429}"#;
    let mut heard = of("claude").read(stream.as_bytes());
    heard.retry_after(1_700_000_000);
    assert_eq!(heard.shortage.expect("a shortage").retry_after_ms, Some(60_000));
}

#[test]
fn gemini_cli() {
    expect_test::expect![[r#"
        api-401: Unknown: [API Error: {"error":{"code":401,"message":"scripted error 401","status":"UNAUTHENTICATED","details":[]}}] [120 tokens, 1 calls, session]
        api-429: Unknown: [API Error: scripted error 429] [120 tokens, 1 calls, session, RateLimited]
        default-mode-exit0: Blocked: it was not permitted: Tool "Bash" not found. Did you mean one of: "glob", "read_file", "grep_search"?, Tool "Bash" not found. Did you mean one of: "glob", "read_file", "grep_search"?; allow it in the agent's own settings or by `args` [360 tokens, 2 calls, session]
        mcp-calls: counts: mcp done [360 tokens, 2 calls, session]
        ok-write: counts: Done: wrote hello.txt [240 tokens, 1 calls, session]
        sigterm-exit0-no-result: Unknown: its stream ended before its last event [0 tokens, 1 calls, session]
        stream-cut: Unknown: [API Error: terminated] [120 tokens, 1 calls, session]
        subagent: counts: parent fin [480 tokens, 1 calls, session]
    "#]].assert_eq(&all("gemini"));
}

#[test]
fn opencode() {
    expect_test::expect![[r#"
        api-401: Unknown: APIError: scripted error 401 [120 tokens, 1 calls, session, Login]
        api-429-silent-retry-killed: Unknown: its stream ended before its last event [120 tokens, 1 calls, session]
        bad-model: Unknown: UnknownError: Unexpected server error. Check server logs for details. [0 tokens, 0 calls, session]
        mcp-calls: counts: mcp done [360 tokens, 2 calls, session]
        ok-write: counts: Done: wrote hello.txt [240 tokens, 1 calls, session]
        permission-auto-rejected-exit0: Blocked: it was not permitted: apply_patch; allow it in the agent's own settings or by `args` [120 tokens, 1 calls, session]
    "#]].assert_eq(&all("opencode"));
}

#[test]
fn agents_of_the_agent_client_protocol() {
    expect_test::expect![[r#"
        claude: counts: all done [360 tokens, 2 calls, session]
        claude-cancel: Unknown: its turn ended with cancelled [0 tokens, 0 calls, session]
        claude-reject: counts: all done [240 tokens, 1 calls, session]
        codex: counts: all done [0 tokens, 2 calls, session]
        codex-approve: counts: all done [0 tokens, 1 calls, session]
        codex-cancel: Unknown: its turn ended with cancelled [0 tokens, 0 calls, session]
        gemini: counts: all done [360 tokens, 2 calls, session]
        gemini-cancel: Unknown: its turn ended with cancelled [0 tokens, 1 calls, session]
        opencode: counts: all done [120 tokens, 2 calls, session]
        opencode-cancel: Unknown: its turn ended with cancelled [0 tokens, 1 calls, session]
        opencode-reject: counts:  [120 tokens, 1 calls, session]
    "#]]
    .assert_eq(&all("acp"));
}

#[test]
fn retries_and_warnings_are_no_progress() {
    let active = |folder, line: &str| (of(folder).is_activity)(line);
    for (folder, line, is) in [
        (
            "claude",
            r#"{"type":"system","subtype":"api_retry","attempt":1,"error":"rate_limit"}"#,
            false,
        ),
        (
            "claude",
            r#"{"type":"assistant","message":{"model":"<synthetic>","content":[{"type":"text","text":"API Error"}]}}"#,
            false,
        ),
        (
            "claude",
            r#"{"type":"assistant","message":{"model":"m","content":[{"type":"tool_use","name":"Bash","input":{"command":"ls"}}]}}"#,
            true,
        ),
        ("codex", r#"{"type":"error","message":"Reconnecting... 2/5"}"#, false),
        (
            "codex",
            r#"{"type":"item.completed","item":{"type":"error","message":"Model metadata not found"}}"#,
            false,
        ),
        (
            "codex",
            r#"{"type":"item.started","item":{"type":"command_execution","command":"ls"}}"#,
            true,
        ),
        (
            "app_server",
            r#"{"method":"error","params":{"error":{"message":"Reconnecting... 1/5"},"willRetry":true}}"#,
            false,
        ),
        (
            "app_server",
            r#"{"method":"account/rateLimits/updated","params":{"rateLimits":{}}}"#,
            false,
        ),
        (
            "app_server",
            r#"{"method":"item/started","params":{"item":{"type":"commandExecution","command":"ls"}}}"#,
            true,
        ),
        ("gemini", r#"{"type":"message","role":"user","content":"the brief"}"#, false),
        ("opencode", "a warning of its runtime", false),
    ] {
        assert_eq!(active(folder, line), is, "{line}");
    }
}

#[test]
fn a_stream_that_is_cut_anywhere_never_counts_and_never_panics() {
    let finished = [
        ("claude", "ok-write"),
        ("codex", "ok-shell"),
        ("gemini", "ok-write"),
        ("opencode", "ok-write"),
        ("acp", "gemini"),
    ];
    for (folder, name) in finished {
        let (stream, adapter) = (recorded(folder, name), of(folder));
        let bytes = stream.as_bytes();
        assert!(adapter.read(bytes).objection(true).is_none(), "{name}");
        let end = bytes.len() - 3;
        for cut in (0..end).step_by(7) {
            assert!(adapter.read(&bytes[..cut]).objection(true).is_some(), "{name} at {cut}");
        }
    }
}

#[test]
fn a_session_that_is_gone_on_with_is_counted_once() {
    // Two attempts of one session, by the figures that the real clients gave; the second one's prefix is the first.
    let claude = |total: f64, increment: Option<f64>| {
        let since = increment.map_or(String::new(), |cost| {
            format!(r#","model_usage_since_last_result":{{"m":{{"costUSD":{cost}}}}}"#)
        });
        format!(
            r#"{{"type":"system","subtype":"init","session_id":"s"}}
{{"type":"result","subtype":"success","result":"ok","total_cost_usd":{total},"usage":{{"input_tokens":2200,"output_tokens":70}}{since}}}
"#
        )
    };
    let codex = |turn: &str, total: u64, last: u64| {
        format!(
            r#"{{"method":"thread/tokenUsage/updated","params":{{"threadId":"s","turnId":"{turn}","tokenUsage":{{"total":{{"totalTokens":{total}}},"last":{{"inputTokens":{last},"outputTokens":0}}}}}}}}
"#
        )
    };
    let started = |turn: &str| {
        format!(
            r#"{{"method":"turn/started","params":{{"threadId":"s","turn":{{"id":"{turn}"}}}}}}
"#
        )
    };
    let thread = r#"{"id":2,"result":{"thread":{"id":"s"}}}
"#;
    let acp = |cost: f64| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"result":{{"sessionId":"s"}}}}
{{"jsonrpc":"2.0","method":"session/update","params":{{"sessionId":"s","update":{{"sessionUpdate":"usage_update","used":1,"size":2,"cost":{{"amount":{cost},"currency":"USD"}}}}}}}}
"#
        )
    };
    let exec = |tokens: u64| {
        format!(
            r#"{{"type":"thread.started","thread_id":"s"}}
{{"type":"turn.completed","usage":{{"input_tokens":{tokens},"output_tokens":0}}}}
"#
        )
    };
    let cases = [
        // Before 2.1.332 the total was that of the process.
        ("claude", claude(0.5, None), claude(0.25, None), (0.75, 4540)),
        ("claude", claude(0.5, Some(0.5)), claude(0.75, Some(0.25)), (0.75, 4540)),
        (
            "app_server",
            format!(
                "{thread}{}{}{}",
                started("t1"),
                codex("t1", 1050, 1050),
                codex("t1", 2270, 1220)
            ),
            format!(
                "{thread}{}{}{}{}",
                codex("t1", 2270, 1220),
                started("t2"),
                codex("t2", 3320, 1050),
                codex("t2", 4540, 1220)
            ),
            (0.0, 4540),
        ),
        ("acp", acp(0.5), acp(0.75), (0.75, 0)),
        ("codex", exec(2270), exec(4540), (0.0, 4540)),
    ];
    for (folder, first, second, sum) in cases {
        let first = of(folder).read(first.as_bytes()).spent(None, Usage::default());
        let again = of(folder).read(second.as_bytes());
        let all = first.plus(again.spent(Some("s"), first));
        assert_eq!((all.cost_usd.unwrap_or(0.0), all.tokens.unwrap_or(0)), sum, "{folder}");
        // Another session has a total of its own.
        if folder != "app_server" {
            let apart = again.spent(Some("another"), first);
            assert!(
                apart.cost_usd.unwrap_or(0.0) > 0.0 || apart.tokens.unwrap_or(0) == 4540,
                "{folder}: {apart:?}"
            );
        }
    }
}
