//! Codex by its command line: `codex exec --json`, where it has no server.
//!
//! Measured with 0.169: a refusing sandbox ends with exit code 0; an unknown model's warning is an item
//! of type `error` and harmless; tokens add up over the thread.

use super::dialect::{self, Dialect, Heard, Way, line_of, may_write, shown};
use crate::config::Agent;
use crate::core::brief::Brief;
use serde_json::Value;

/// Codex's, where it has no server.
pub const DIALECT: Dialect = Dialect {
    program: "codex",
    arguments,
    tells: true,
    environment: &[],
    hear,
    is_activity: |line| shown(hear, line).is_some(),
    way: Way::Alone,
    not_logged_in: &[],
    otherwise: None,
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
    arguments.extend(["--json".into(), "--skip-git-repo-check".into(), "-c".into(), format!("sandbox_mode=\"{sandbox}\"")]);
    if let Some(definition) = dialect::told(&DIALECT, agent) {
        let instructions = toml::Value::String(definition.instructions.clone());
        arguments.extend(["-c".into(), format!("developer_instructions={instructions}")]);
    }
    arguments.extend(agent.model.iter().flat_map(|model| ["-m".to_owned(), model.clone()]));
    arguments.extend(brief.session.clone());
    // The prompt comes on standard input.
    arguments.push("-".into());
    arguments
}

fn hear(event: &Value, heard: &mut Heard) -> Option<String> {
    let item = &event["item"];
    match event["type"].as_str()? {
        "thread.started" => {
            heard.session = event["thread_id"].as_str().map(str::to_owned);
            Some("begins".into())
        }
        "turn.started" => {
            (heard.finished, heard.failed) = (false, None);
            None
        }
        "item.started" => Some(line_of(&item["command"])),
        "item.completed" => match item["type"].as_str()? {
            "agent_message" => {
                heard.text = item["text"].as_str().unwrap_or_default().to_owned();
                Some(line_of(&item["text"]))
            }
            // A warning.
            "error" => None,
            kind => {
                if matches!(kind, "command_execution" | "file_change" | "mcp_tool_call") {
                    heard.called();
                }
                let output = item["aggregated_output"].as_str().unwrap_or_default();
                if refused(&item["exit_code"], output) {
                    heard.denied.push(line_of(&item["command"]));
                }
                if item["error"]["message"].as_str().is_some_and(|why| why.contains("requires approval")) {
                    heard.denied.push(line_of(&item["tool"]));
                }
                Some(kind.replace('_', " "))
            }
        },
        "turn.completed" => {
            heard.finished = true;
            let tokens = ["input_tokens", "output_tokens"].iter().filter_map(|key| event["usage"][key].as_u64()).sum();
            heard.session_total.tokens = Some(tokens);
            heard.usage.turns = Some(heard.usage.turns.unwrap_or(0) + 1);
            Some("ends".into())
        }
        "turn.failed" => {
            heard.finished = true;
            heard.fails(line_of(&event["error"]["message"]), None);
            Some("fails".into())
        }
        _ => None,
    }
}
