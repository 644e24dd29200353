//! Claude Code: `claude -p` with `stream-json`.
//!
//! Measured with 2.1: an exhausted API ends with subtype `success` and `is_error`; a denied tool with
//! exit code 0 and `permission_denials`; an interrupted stream with exit code 0; a terminated one
//! without a result.

use super::dialect::{self, Dialect, Heard, line_of, may_write, shown};
use crate::config::Agent;
use crate::core::brief::Brief;
use serde_json::{Value, json};

/// Claude Code's.
pub const DIALECT: Dialect = Dialect {
    program: "claude",
    arguments,
    tells: true,
    environment: &[("DISABLE_AUTOUPDATER", "1"), ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")],
    hear,
    is_activity: |line| shown(hear, line).is_some(),
};

/// Tools for an attempt, which has a place of its own.
const WRITES: &str = "Bash,Edit,MultiEdit,Write,NotebookEdit,Read,Grep,Glob,Task,Agent,TodoWrite,WebFetch,WebSearch";
/// Tools for a look.
const READS: &str = "Read,Grep,Glob,Bash(git diff *),Bash(git log *),Bash(git show *),Bash(git status *)";

fn arguments(agent: &Agent, brief: &Brief, confined: bool) -> Vec<String> {
    let (mode, tools) = match may_write(brief) {
        true => ("acceptEdits", WRITES.to_owned()),
        // What it starts can change nothing.
        false if confined => ("dontAsk", format!("{READS},Bash")),
        false => ("dontAsk", READS.to_owned()),
    };
    let fixed = ["-p", "--output-format", "stream-json", "--verbose", "--permission-mode", mode, "--allowedTools", &tools];
    let mut arguments: Vec<String> = fixed.iter().map(|argument| (*argument).to_owned()).collect();
    if let Some(definition) = dialect::told(&DIALECT, agent) {
        // As the workspace has it: an attempt does not change who carries it out, nor who reviews it.
        let mut own = json!({"description": definition.description, "prompt": definition.instructions});
        if !definition.tools.is_empty() {
            own["tools"] = json!(definition.tools);
        }
        if let Some(model) = &definition.model {
            own["model"] = json!(model);
        }
        arguments.extend(["--agents".into(), json!({&brief.agent: own}).to_string(), "--agent".into(), brief.agent.clone()]);
    }
    for (name, value) in [("--model", &agent.model), ("--resume", &brief.session)] {
        arguments.extend(value.iter().flat_map(|value| [name.to_owned(), value.clone()]));
    }
    arguments
}

fn hear(event: &Value, heard: &mut Heard) -> Option<String> {
    match event["type"].as_str()? {
        "system" if event["subtype"] == "init" => {
            heard.session = event["session_id"].as_str().map(str::to_owned);
            // Another turn begins.
            (heard.finished, heard.failed) = (false, None);
            Some("begins".into())
        }
        // A sub-agent's steps are work; retries of the API are none.
        "system" if event["subtype"].as_str().is_some_and(|subtype| subtype.starts_with("task_")) => Some("a sub-agent is at work".into()),
        "assistant" if event["message"]["model"] != "<synthetic>" => {
            let mut said = String::new();
            for part in event["message"]["content"].as_array().into_iter().flatten() {
                match part["type"].as_str() {
                    Some("text") => said = line_of(&part["text"]),
                    Some("tool_use") => {
                        heard.called();
                        let input = ["command", "file_path", "pattern", "description"].iter().find_map(|key| part["input"].get(*key));
                        said = format!("{} {}", line_of(&part["name"]), input.map(line_of).unwrap_or_default());
                    }
                    _ => {}
                }
            }
            Some(said)
        }
        "user" => Some(String::new()),
        "result" => {
            heard.finished = true;
            heard.text = event["result"].as_str().unwrap_or_default().to_owned();
            let tokens = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"];
            heard.usage.tokens = Some(tokens.iter().filter_map(|key| event["usage"][key].as_u64()).sum());
            heard.usage.cost_usd = event["total_cost_usd"].as_f64();
            heard.usage.turns = event["num_turns"].as_u64().and_then(|turns| u32::try_from(turns).ok());
            heard.denied =
                event["permission_denials"].as_array().into_iter().flatten().map(|denied| line_of(&denied["tool_name"])).collect();
            let subtype = event["subtype"].as_str().unwrap_or_default();
            // "success" with `is_error` is none.
            if event["is_error"] == true || subtype != "success" {
                let errors: Vec<String> = event["errors"].as_array().into_iter().flatten().map(line_of).collect();
                let said = if errors.is_empty() { line_of(&event["result"]) } else { errors.join("; ") };
                let why = format!("{subtype}: {said}").replace("success: ", "").trim_end_matches(": ").to_owned();
                heard.fails(why, event["api_error_status"].as_u64());
            }
            Some("ends".into())
        }
        _ => None,
    }
}
