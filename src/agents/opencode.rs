//! opencode: `opencode run --format json`.
//!
//! Measured with 1.18: there is no last event, a step that finishes with `stop` is the end; what is
//! denied ends with exit code 0; an overloaded API is asked for ever and nothing is printed, which only
//! the limit on silence ends.

use super::dialect::{Dialect, Heard, Way, line_of, may_write, shown};
use crate::config::Agent;
use crate::core::brief::Brief;
use serde_json::Value;

/// opencode's.
pub const DIALECT: Dialect = Dialect {
    program: "opencode",
    arguments,
    tells: false,
    environment: &[("OPENCODE_DISABLE_AUTOUPDATE", "1")],
    hear,
    is_activity: |line| shown(hear, line).is_some(),
    way: Way::Alone,
    not_logged_in: &[],
    otherwise: None,
};

fn arguments(agent: &Agent, brief: &Brief, _: bool) -> Vec<String> {
    let mut arguments: Vec<String> = ["run", "--format", "json"].iter().map(|argument| (*argument).to_owned()).collect();
    // What is not allowed without asking is denied to the others.
    if may_write(brief) {
        arguments.push("--auto".into());
    }
    for (name, value) in [("--model", &agent.model), ("--session", &brief.session)] {
        arguments.extend(value.iter().flat_map(|value| [name.to_owned(), value.clone()]));
    }
    arguments
}

fn hear(event: &Value, heard: &mut Heard) -> Option<String> {
    let part = &event["part"];
    if let Some(session) = event["sessionID"].as_str() {
        heard.session = Some(session.to_owned());
    }
    match event["type"].as_str()? {
        "step_start" => Some(String::new()),
        "text" => {
            heard.text = part["text"].as_str().unwrap_or_default().to_owned();
            Some(line_of(&part["text"]))
        }
        "tool_use" => {
            heard.called();
            let state = &part["state"];
            if state["status"] == "error" && state["error"].as_str().is_some_and(|error| error.contains("rejected permission")) {
                heard.denied.push(line_of(&part["tool"]));
            }
            Some(line_of(&part["tool"]))
        }
        "step_finish" => {
            heard.finished = part["reason"] == "stop";
            let tokens = &part["tokens"];
            let step: u64 = ["input", "output", "reasoning"].iter().filter_map(|key| tokens[key].as_u64()).sum();
            heard.usage.tokens = Some(heard.usage.tokens.unwrap_or(0) + step);
            heard.usage.cost_usd = Some(heard.usage.cost_usd.unwrap_or(0.0) + part["cost"].as_f64().unwrap_or(0.0));
            heard.usage.turns = Some(heard.usage.turns.unwrap_or(0) + 1);
            Some(String::new())
        }
        "error" => {
            heard.finished = true;
            let data = &event["error"]["data"];
            heard.fails(format!("{}: {}", line_of(&event["error"]["name"]), line_of(&data["message"])), data["statusCode"].as_u64());
            Some("fails".into())
        }
        _ => None,
    }
}
