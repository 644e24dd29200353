//! Gemini CLI: `gemini -o stream-json`.
//!
//! Measured with 0.61: the exit code of an API error is its status modulo 256; a terminated one ends
//! with 0 and no result; without the variable below it starts itself once more, and that outlives it.

use crate::agents::adapter::{Adapter, StreamState, line_of, may_write, shown};
use crate::agents::conversation::Transport;
use crate::config::Agent;
use crate::core::brief::Brief;
use serde_json::Value;

/// Gemini CLI's.
pub const ADAPTER: Adapter = Adapter {
    program: "gemini",
    arguments,
    tells: false,
    environment: &[("GEMINI_CLI_NO_RELAUNCH", "true")],
    parse_event,
    is_activity: |line| shown(parse_event, line).is_some(),
    transport: Transport::Alone,
    not_logged_in: &[41, 145],
    fallback: None,
};

fn arguments(agent: &Agent, brief: &Brief, _: bool) -> Vec<String> {
    let mode = if may_write(brief) { "yolo" } else { "default" };
    let fixed = ["--approval-mode", mode, "--skip-trust", "-o", "stream-json"];
    let mut arguments: Vec<String> = fixed.iter().map(|argument| (*argument).to_owned()).collect();
    for (name, value) in [("-m", &agent.model), ("--resume", &brief.session)] {
        arguments.extend(value.iter().flat_map(|value| [name.to_owned(), value.clone()]));
    }
    // The brief comes on standard input, before this.
    arguments.extend(["-p".into(), "Do what the brief above asks for.".into()]);
    arguments
}

fn parse_event(event: &Value, stream_state: &mut StreamState) -> Option<String> {
    match event["type"].as_str()? {
        "init" => {
            stream_state.session = event["session_id"].as_str().map(str::to_owned);
            // Asked once more, it says something else.
            stream_state.text.clear();
            Some("begins".into())
        }
        "message" if event["role"] == "assistant" => {
            stream_state.text.push_str(event["content"].as_str().unwrap_or_default());
            Some(line_of(&event["content"]))
        }
        "tool_use" => {
            stream_state.called();
            // What it says after its last tool is its answer.
            stream_state.text.clear();
            Some(line_of(&event["tool_name"]))
        }
        "tool_result" => {
            if event["error"]["type"] == "tool_not_registered" {
                stream_state.denied.push(line_of(&event["error"]["message"]));
            }
            Some(String::new())
        }
        "result" => {
            stream_state.finished = true;
            let used = event["stats"]["total_tokens"].as_u64();
            stream_state.usage.tokens =
                used.map(|used| used + stream_state.usage.tokens.unwrap_or(0));
            if event["status"] != "success" {
                stream_state.fails(line_of(&event["error"]["message"]), None);
            }
            Some("ends".into())
        }
        _ => None,
    }
}
