//! Codex by its command line: `codex exec --json`, where it has no server.
//!
//! Measured with 0.169: a refusing sandbox ends with exit code 0; an unknown model's warning is an item
//! of type `error` and harmless; tokens add up over the thread.

use crate::agents::adapter::{self, Adapter, StreamState, line_of, may_write, shown};
use crate::agents::conversation::Transport;
use crate::config::Agent;
use crate::core::brief::Brief;
use serde_json::Value;

/// Codex's, where it has no server.
pub const ADAPTER: Adapter = Adapter {
    program: "codex",
    arguments,
    tells: true,
    environment: &[],
    parse_event,
    is_activity: |line| shown(parse_event, line).is_some(),
    transport: Transport::Alone,
    not_logged_in: &[],
    fallback: None,
};

/// Its own sandbox; none where the system confines it, because it needs mounts, which can't be made then.
pub fn sandbox(may_write: bool, confined: bool) -> &'static str {
    match (confined, may_write) {
        (true, _) => "danger-full-access",
        (false, true) => "workspace-write",
        (false, false) => "read-only",
    }
}

/// Whether its sandbox refused a command.
pub fn refused(exit_code: &Value, output: &str) -> bool {
    *exit_code != 0 && (output.contains("Read-only file system") || output.contains("bwrap: "))
}

fn arguments(agent: &Agent, brief: &Brief, confined: bool) -> Vec<String> {
    let sandbox = sandbox(may_write(brief), confined);
    let mut arguments: Vec<String> = vec!["exec".into()];
    if brief.session.is_some() {
        arguments.push("resume".into());
    }
    arguments.extend([
        "--json".into(),
        "--skip-git-repo-check".into(),
        "-c".into(),
        format!("sandbox_mode=\"{sandbox}\""),
    ]);
    if let Some(definition) = adapter::told(&ADAPTER, agent) {
        let instructions = toml::Value::String(definition.instructions.clone());
        arguments.extend(["-c".into(), format!("developer_instructions={instructions}")]);
    }
    arguments.extend(agent.model.iter().flat_map(|model| ["-m".to_owned(), model.clone()]));
    arguments.extend(brief.session.clone());
    // The prompt comes on standard input.
    arguments.push("-".into());
    arguments
}

fn parse_event(event: &Value, stream_state: &mut StreamState) -> Option<String> {
    let item = &event["item"];
    match event["type"].as_str()? {
        "thread.started" => {
            stream_state.session = event["thread_id"].as_str().map(str::to_owned);
            Some("begins".into())
        }
        "turn.started" => {
            (stream_state.finished, stream_state.failed) = (false, None);
            None
        }
        "item.started" => Some(line_of(&item["command"])),
        "item.completed" => match item["type"].as_str()? {
            "agent_message" => {
                stream_state.text = item["text"].as_str().unwrap_or_default().to_owned();
                Some(line_of(&item["text"]))
            }
            // A warning.
            "error" => None,
            kind => {
                if matches!(kind, "command_execution" | "file_change" | "mcp_tool_call") {
                    stream_state.called();
                }
                let output = item["aggregated_output"].as_str().unwrap_or_default();
                if refused(&item["exit_code"], output) {
                    stream_state.denied.push(line_of(&item["command"]));
                }
                if item["error"]["message"]
                    .as_str()
                    .is_some_and(|why| why.contains("requires approval"))
                {
                    stream_state.denied.push(line_of(&item["tool"]));
                }
                Some(kind.replace('_', " "))
            }
        },
        "turn.completed" => {
            stream_state.finished = true;
            let tokens = ["input_tokens", "output_tokens"]
                .iter()
                .filter_map(|key| event["usage"][key].as_u64())
                .sum();
            stream_state.session_total.tokens = Some(tokens);
            stream_state.usage.turns = Some(stream_state.usage.turns.unwrap_or(0) + 1);
            Some("ends".into())
        }
        "turn.failed" => {
            stream_state.finished = true;
            stream_state.fails(line_of(&event["error"]["message"]), None);
            Some("fails".into())
        }
        _ => None,
    }
}
