//! opencode: `opencode run --format json`.
//!
//! Measured with 1.18: there is no last event, a step that finishes with `stop` is the end; what is
//! denied ends with exit code 0; an overloaded API is asked for ever and nothing is printed, which only
//! the limit on silence ends.

use crate::agents::adapter::{Adapter, StreamState, line_of, may_write, shown};
use crate::agents::conversation::Transport;
use crate::config::Agent;
use crate::core::brief::Brief;
use serde_json::Value;

/// opencode's.
pub const ADAPTER: Adapter = Adapter {
    program: "opencode",
    arguments,
    tells: false,
    environment: &[("OPENCODE_DISABLE_AUTOUPDATE", "1")],
    parse_event,
    is_activity: |line| shown(parse_event, line).is_some(),
    transport: Transport::Alone,
    not_logged_in: &[],
    fallback: None,
};

fn arguments(agent: &Agent, brief: &Brief, _: bool) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["run", "--format", "json"].iter().map(|argument| (*argument).to_owned()).collect();
    // What is not allowed without asking is denied to the others.
    if may_write(brief) {
        arguments.push("--auto".into());
    }
    for (name, value) in [("--model", &agent.model), ("--session", &brief.session)] {
        arguments.extend(value.iter().flat_map(|value| [name.to_owned(), value.clone()]));
    }
    arguments
}

fn parse_event(event: &Value, stream_state: &mut StreamState) -> Option<String> {
    let part = &event["part"];
    if let Some(session) = event["sessionID"].as_str() {
        stream_state.session = Some(session.to_owned());
    }
    match event["type"].as_str()? {
        "step_start" => Some(String::new()),
        "text" => {
            stream_state.text = part["text"].as_str().unwrap_or_default().to_owned();
            Some(line_of(&part["text"]))
        }
        "tool_use" => {
            stream_state.called();
            let state = &part["state"];
            if state["status"] == "error"
                && state["error"]
                    .as_str()
                    .is_some_and(|error| error.contains("rejected permission"))
            {
                stream_state.denied.push(line_of(&part["tool"]));
            }
            Some(line_of(&part["tool"]))
        }
        "step_finish" => {
            stream_state.finished = part["reason"] == "stop";
            let tokens = &part["tokens"];
            let step: u64 = ["input", "output", "reasoning"]
                .iter()
                .filter_map(|key| tokens[key].as_u64())
                .sum();
            stream_state.usage.tokens = Some(stream_state.usage.tokens.unwrap_or(0) + step);
            stream_state.usage.cost_usd = Some(
                stream_state.usage.cost_usd.unwrap_or(0.0) + part["cost"].as_f64().unwrap_or(0.0),
            );
            stream_state.usage.turns = Some(stream_state.usage.turns.unwrap_or(0) + 1);
            Some(String::new())
        }
        "error" => {
            stream_state.finished = true;
            let data = &event["error"]["data"];
            stream_state.fails(
                format!("{}: {}", line_of(&event["error"]["name"]), line_of(&data["message"])),
                data["statusCode"].as_u64(),
            );
            Some("fails".into())
        }
        _ => None,
    }
}
