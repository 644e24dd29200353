//! What the streams of real coding agents come to: each pitfall that was measured on one of them.

use execution_coordinator::agents::dialect::{self, Heard};
use execution_coordinator::config::Kind;
use std::path::PathBuf;

/// The recorded stream of an agent, from `tests/data/agents`.
fn heard(kind: Kind, name: &str) -> Heard {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/agents").join(kind.name()).join(format!("{name}.jsonl"));
    dialect::of(kind).expect("a dialect").read(std::fs::File::open(path).expect("a stream"))
}

/// In a line: whether it counts for an attempt, and what it used.
fn line(kind: Kind, name: &str) -> String {
    let heard = heard(kind, name);
    let verdict = match heard.objection(true) {
        Some((verdict, why)) => format!("{verdict:?}: {why}"),
        None => format!("counts: {}", heard.text),
    };
    let usage = heard.usage;
    let short = heard.shortage.map_or(String::new(), |shortage| format!(", {:?}", shortage.kind));
    let session = if heard.session.is_some() { "session" } else { "no session" };
    format!("{name}: {verdict} [{} tokens, {} calls, {session}{short}]", usage.tokens.unwrap_or(0), usage.tool_calls.unwrap_or(0))
}

fn all(kind: Kind) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/agents").join(kind.name());
    let entries = std::fs::read_dir(folder).expect("streams").flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.path().file_stem()?.to_str().map(str::to_owned)).collect();
    names.sort();
    names.iter().map(|name| line(kind, name) + "\n").collect()
}

#[test]
fn claude_code() {
    expect_test::expect![[r#"
        api-401: Unknown: Failed to authenticate. API Error: 401 scripted error 401 [120 tokens, 1 calls, session]
        api-429-exhausted: Unknown: API Error: Request rejected (429) · scripted error 429 [120 tokens, 1 calls, session, RateLimited]
        api-429-twice-then-ok: counts: done after retry [240 tokens, 1 calls, session]
        api-529-exhausted: Unknown: API Error: 529 scripted error 529. This is a server-side issue, usually temporary — try again in a moment. If it persist [120 tokens, 1 calls, session, Overloaded]
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
    "#]].assert_eq(&all(Kind::Claude));
}

#[test]
fn codex() {
    expect_test::expect![[r#"
        api-401: Unknown: unexpected status 401 Unauthorized: scripted error 401, url: http://127.0.0.1:18990/v1/responses [0 tokens, 1 calls, session]
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
    "#]].assert_eq(&all(Kind::Codex));
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
    "#]].assert_eq(&all(Kind::Gemini));
}

#[test]
fn opencode() {
    expect_test::expect![[r#"
        api-401: Unknown: APIError: scripted error 401 [120 tokens, 1 calls, session]
        api-429-silent-retry-killed: Unknown: its stream ended before its last event [120 tokens, 1 calls, session]
        bad-model: Unknown: UnknownError: Unexpected server error. Check server logs for details. [0 tokens, 0 calls, session]
        mcp-calls: counts: mcp done [360 tokens, 2 calls, session]
        ok-write: counts: Done: wrote hello.txt [240 tokens, 1 calls, session]
        permission-auto-rejected-exit0: Blocked: it was not permitted: apply_patch; allow it in the agent's own settings or by `args` [120 tokens, 1 calls, session]
    "#]].assert_eq(&all(Kind::Opencode));
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
    .assert_eq(&all(Kind::Acp));
}

#[test]
fn retries_and_warnings_are_no_progress() {
    let active = |kind, line: &str| (dialect::of(kind).expect("a dialect").is_activity)(line);
    for (kind, line, is) in [
        (Kind::Claude, r#"{"type":"system","subtype":"api_retry","attempt":1,"error":"rate_limit"}"#, false),
        (Kind::Claude, r#"{"type":"assistant","message":{"model":"<synthetic>","content":[{"type":"text","text":"API Error"}]}}"#, false),
        (
            Kind::Claude,
            r#"{"type":"assistant","message":{"model":"m","content":[{"type":"tool_use","name":"Bash","input":{"command":"ls"}}]}}"#,
            true,
        ),
        (Kind::Codex, r#"{"type":"error","message":"Reconnecting... 2/5"}"#, false),
        (Kind::Codex, r#"{"type":"item.completed","item":{"type":"error","message":"Model metadata not found"}}"#, false),
        (Kind::Codex, r#"{"type":"item.started","item":{"type":"command_execution","command":"ls"}}"#, true),
        (Kind::Gemini, r#"{"type":"message","role":"user","content":"the brief"}"#, false),
        (Kind::Opencode, "a warning of its runtime", false),
    ] {
        assert_eq!(active(kind, line), is, "{line}");
    }
}

#[test]
fn a_stream_that_is_cut_anywhere_never_counts_and_never_panics() {
    for (kind, name) in [(Kind::Claude, "ok-write"), (Kind::Codex, "ok-shell"), (Kind::Gemini, "ok-write"), (Kind::Opencode, "ok-write")] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/agents").join(kind.name()).join(format!("{name}.jsonl"));
        let bytes = std::fs::read(path).expect("a stream");
        let dialect = dialect::of(kind).expect("a dialect");
        assert!(dialect.read(&bytes[..]).objection(true).is_none(), "{name}");
        let end = bytes.len() - 3;
        for cut in (0..end).step_by(7) {
            assert!(dialect.read(&bytes[..cut]).objection(true).is_some(), "{name} at {cut}");
        }
    }
}
