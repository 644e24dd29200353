//! Claude Code: `claude -p` with `stream-json` both ways: what it may not do without asking is asked for, and
//! a turn can be interrupted.
//!
//! Measured with 2.1: an exhausted API ends with subtype `success` and `is_error`; a denied tool with
//! exit code 0 and `permission_denials`; an interrupted stream with exit code 0; a terminated one
//! without a result.

use crate::agents::adapter::{self, Adapter, StreamState, line_of, may_write, shown};
use crate::agents::conversation::{Conversation, Subject, Transport};
use crate::config::Agent;
use crate::core::brief::Brief;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Claude Code's.
pub const ADAPTER: Adapter =
    with(arguments, Transport::Talks(|subject| Box::new(Talk::about(subject, true))), Some(&OLDER));

/// That of versions that don't know how to tell what they have read.
const OLDER: Adapter =
    with(older_arguments, Transport::Talks(|subject| Box::new(Talk::about(subject, false))), None);

const fn with(
    arguments: fn(&Agent, &Brief, bool) -> Vec<String>,
    way: Transport,
    otherwise: Option<&'static Adapter>,
) -> Adapter {
    Adapter {
        program: "claude",
        arguments,
        tells: true,
        environment: &[
            ("DISABLE_AUTOUPDATER", "1"),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
        ],
        parse_event,
        is_activity: |line| shown(parse_event, line).is_some(),
        transport: way,
        not_logged_in: &[],
        fallback: otherwise,
    }
}

/// How long it may take to begin a turn with what was said too late for the one before.
const NEXT_TURN_TAKES: Duration = Duration::from_secs(10);
/// So it tells when it has read what is said to it in a turn.
const REPLAYS: &str = "--replay-user-messages";

/// Tools for an attempt, which has a worktree of its own.
const WRITES: &str =
    "Bash,Edit,MultiEdit,Write,NotebookEdit,Read,Grep,Glob,Task,Agent,TodoWrite,WebFetch,WebSearch";
/// Tools for a look.
const READS: &str =
    "Read,Grep,Glob,Bash(git diff *),Bash(git log *),Bash(git show *),Bash(git status *)";

fn arguments(agent: &Agent, brief: &Brief, confined: bool) -> Vec<String> {
    let (mode, tools) = match may_write(brief) {
        true => ("acceptEdits", WRITES.to_owned()),
        // What it starts can change nothing.
        false if confined => ("dontAsk", format!("{READS},Bash")),
        false => ("dontAsk", READS.to_owned()),
    };
    let both_ways = [
        "-p",
        "--input-format",
        "stream-json",
        "--output-format",
        "stream-json",
        "--permission-prompt-tool",
        "stdio",
    ];
    let fixed = ["--verbose", "--permission-mode", mode, "--allowedTools", &tools];
    let mut arguments: Vec<String> = both_ways
        .iter()
        .chain(&[REPLAYS])
        .chain(&fixed)
        .map(|argument| (*argument).to_owned())
        .collect();
    if let Some(definition) = adapter::told(&ADAPTER, agent) {
        // As the workspace has it: an attempt does not change who carries it out, nor who reviews it.
        let mut own =
            json!({"description": definition.description, "prompt": definition.instructions});
        if !definition.tools.is_empty() {
            own["tools"] = json!(definition.tools);
        }
        if let Some(model) = &definition.model {
            own["model"] = json!(model);
        }
        arguments.extend([
            "--agents".into(),
            json!({&brief.agent: own}).to_string(),
            "--agent".into(),
            brief.agent.clone(),
        ]);
    }
    for (name, value) in [("--model", &agent.model), ("--resume", &brief.session)] {
        arguments.extend(value.iter().flat_map(|value| [name.to_owned(), value.clone()]));
    }
    arguments
}

fn user(words: &str) -> Value {
    json!({"type": "user", "message": {"role": "user", "content": [{"type": "text", "text": words}]}})
}

fn older_arguments(agent: &Agent, brief: &Brief, confined: bool) -> Vec<String> {
    let mut arguments = arguments(agent, brief, confined);
    arguments.retain(|argument| argument != REPLAYS);
    arguments
}

/// Our side.
struct Talk {
    words: String,
    folder: PathBuf,
    allowed: bool,
    confined: bool,
    over: bool,
    /// Whether its turn has ended.
    ended: bool,
    /// Whether it tells what it has read.
    replays: bool,
    /// What was said in the turn, by numbers of events, and is not read yet.
    said: Vec<(u64, String)>,
    read: Vec<u64>,
}

/// Tools that make no sense where nobody can be asked and the worktree is given: being without them is no failure.
const USELESS: [&str; 4] = ["AskUserQuestion", "EnterWorktree", "ExitWorktree", "EnterPlanMode"];

impl Talk {
    fn about(subject: &Subject<'_>, replays: bool) -> Self {
        let (words, folder) = (subject.words.clone(), subject.folder.to_owned());
        Self {
            words,
            folder,
            allowed: may_write(subject.brief),
            confined: subject.confined,
            over: false,
            ended: false,
            replays,
            said: Vec::new(),
            read: Vec::new(),
        }
    }

    /// By policy: who has a worktree may do with the usual tools what it asks for, in it; all others may
    /// run what can change nothing. What else there is, its user has allowed in its own settings or not at all.
    fn permits(&self, tool: &str, input: &Value) -> Result<(), &'static str> {
        let file = ["file_path", "notebook_path"].iter().find_map(|key| input[*key].as_str());
        let outside = file.is_some_and(|file| {
            !self.folder.join(file).starts_with(&self.folder) || file.contains("..")
        });
        match tool {
            _ if USELESS.contains(&tool) => {
                Err("nobody can be asked, and this is a folder of your own: decide by the brief")
            }
            _ if self.allowed && outside => Err("stay in your folder"),
            "ExitPlanMode" if self.allowed => Ok(()),
            _ if self.allowed && WRITES.split(',').any(|known| known == tool) => Ok(()),
            "Bash" if self.confined => Ok(()),
            _ if self.allowed => {
                Err("nobody has allowed this tool: `args` or the client's own settings do")
            }
            _ => Err("you look and advise: change nothing"),
        }
    }
}

impl Conversation for Talk {
    fn begins(&mut self) -> Vec<Value> {
        vec![
            json!({"type": "control_request", "request_id": "begin", "request": {"subtype": "initialize"}}),
            user(&self.words),
        ]
    }

    fn on_message(&mut self, message: &Value) -> Vec<Value> {
        let (id, asked) = (&message["request_id"], &message["request"]);
        match message["type"].as_str() {
            // What was said too late for it is its next turn.
            Some("result") => (self.over, self.ended) = (self.said.is_empty(), true),
            Some("system") if message["subtype"] == "init" => self.ended = false,
            Some("user") if message["isReplay"] == true => {
                let is_it =
                    |(_, words): &(u64, String)| message["message"]["content"][0]["text"] == *words;
                if let Some(at) = self.said.iter().position(is_it) {
                    self.read.push(self.said.remove(at).0);
                }
            }
            Some("control_request") if asked["subtype"] == "can_use_tool" => {
                let decision = match self
                    .permits(asked["tool_name"].as_str().unwrap_or_default(), &asked["input"])
                {
                    Ok(()) => json!({"behavior": "allow", "updatedInput": asked["input"]}),
                    Err(why) => json!({"behavior": "deny", "message": why}),
                };
                return vec![
                    json!({"type": "control_response", "response": {"subtype": "success", "request_id": id, "response": decision}}),
                ];
            }
            Some("control_request") => {
                let answer =
                    json!({"subtype": "error", "request_id": id, "error": "this is not offered"});
                return vec![json!({"type": "control_response", "response": answer})];
            }
            _ => {}
        }
        Vec::new()
    }

    fn goes_on(&mut self, words: &str) -> Vec<Value> {
        (self.over, self.ended) = (false, false);
        vec![user(words)]
    }

    fn steers(&mut self, steered: u64, words: &str) -> Result<Vec<Value>, String> {
        if !self.replays {
            return Err("this version of Claude Code does not tell what it has read".into());
        }
        self.said.push((steered, words.to_owned()));
        Ok(vec![user(words)])
    }

    fn steered(&mut self) -> Vec<(u64, Result<(), String>)> {
        self.read.drain(..).map(|steered| (steered, Ok(()))).collect()
    }

    fn interrupts(&mut self) -> Vec<Value> {
        vec![
            json!({"type": "control_request", "request_id": "stop", "request": {"subtype": "interrupt"}}),
        ]
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn patience(&self) -> Option<Duration> {
        self.ended.then_some(NEXT_TURN_TAKES)
    }
}

fn parse_event(event: &Value, stream_state: &mut StreamState) -> Option<String> {
    match event["type"].as_str()? {
        "system" if event["subtype"] == "init" => {
            stream_state.session = event["session_id"].as_str().map(str::to_owned);
            // Another turn begins.
            (stream_state.finished, stream_state.failed) = (false, None);
            Some("begins".into())
        }
        // A sub-agent's steps are work; retries of the API are none.
        "system"
            if event["subtype"].as_str().is_some_and(|subtype| subtype.starts_with("task_")) =>
        {
            Some("a sub-agent is at work".into())
        }
        "assistant" if event["message"]["model"] != "<synthetic>" => {
            let mut said = String::new();
            for part in event["message"]["content"].as_array().into_iter().flatten() {
                match part["type"].as_str() {
                    Some("text") => said = line_of(&part["text"]),
                    Some("tool_use") => {
                        stream_state.called();
                        let input = ["command", "file_path", "pattern", "description"]
                            .iter()
                            .find_map(|key| part["input"].get(*key));
                        said = format!(
                            "{} {}",
                            line_of(&part["name"]),
                            input.map(line_of).unwrap_or_default()
                        );
                    }
                    _ => {}
                }
            }
            Some(said)
        }
        "user" => Some(String::new()),
        "control_request" if event["request"]["subtype"] == "can_use_tool" => {
            Some(format!("asks for permission: {}", line_of(&event["request"]["tool_name"])))
        }
        "rate_limit_event" => {
            let info = &event["rate_limit_info"];
            stream_state.resets_at_s =
                info["resetsAt"].as_u64().filter(|_| info["status"] == "rejected");
            None
        }
        "result" => {
            stream_state.finished = true;
            stream_state.text = event["result"].as_str().unwrap_or_default().to_owned();
            let tokens = [
                "input_tokens",
                "cache_creation_input_tokens",
                "cache_read_input_tokens",
                "output_tokens",
            ];
            let used: u64 = tokens.iter().filter_map(|key| event["usage"][key].as_u64()).sum();
            // Of a further turn some versions tell what it used itself, and others the sum.
            stream_state.usage.tokens = Some(used.max(stream_state.usage.tokens.unwrap_or(0)));
            // Since 2.1.332 the total is that of the session, and the increment is told beside it.
            let increment = event["model_usage_since_last_result"].as_object();
            let increment = increment.map(|models| {
                models.values().filter_map(|model| model["costUSD"].as_f64()).sum::<f64>()
            });
            stream_state.usage.cost_usd = match increment {
                Some(increment) => Some(stream_state.usage.cost_usd.unwrap_or(0.0) + increment),
                None => event["total_cost_usd"].as_f64(),
            };
            stream_state.usage.turns =
                event["num_turns"].as_u64().and_then(|turns| u32::try_from(turns).ok());
            let denied = event["permission_denials"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|denied| line_of(&denied["tool_name"]));
            stream_state.denied = denied.filter(|tool| !USELESS.contains(&tool.as_str())).collect();
            let subtype = event["subtype"].as_str().unwrap_or_default();
            // "success" with `is_error` is none.
            if event["is_error"] == true || subtype != "success" {
                let errors: Vec<String> =
                    event["errors"].as_array().into_iter().flatten().map(line_of).collect();
                let said =
                    if errors.is_empty() { line_of(&event["result"]) } else { errors.join("; ") };
                let why = format!("{subtype}: {said}")
                    .replace("success: ", "")
                    .trim_end_matches(": ")
                    .to_owned();
                stream_state.fails(why, event["api_error_status"].as_u64());
            }
            Some("ends".into())
        }
        _ => None,
    }
}
