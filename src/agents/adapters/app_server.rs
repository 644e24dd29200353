//! Codex by `codex app-server`: JSON-RPC without its version, one thread and one turn an order.
//!
//! Measured with 0.169: a declined command is no end of its turn; an interrupted turn leaves its command
//! running until the server ends; a retry is an `error` that says so. Tokens come with each answer of the
//! model, and those of a turn before ours are left out.

use super::codex;
use crate::agents::adapter::{self, Adapter, StreamState, line_of, may_write, shown};
use crate::agents::conversation::{Conversation, Subject, Transport};
use serde_json::{Value, json};

/// Codex's.
pub const ADAPTER: Adapter = Adapter {
    program: "codex",
    arguments: |_, _, _| vec!["app-server".into()],
    tells: true,
    environment: &[],
    parse_event,
    is_activity: |line| shown(parse_event, line).is_some(),
    transport: Transport::Talks(|subject| Box::new(Talk::about(subject))),
    not_logged_in: &[],
    // Older ones have none, or another.
    fallback: Some(&codex::ADAPTER),
};

/// Numbers of our requests.
const HELLO: u64 = 1;
const THREAD: u64 = 2;
const TURN: u64 = 3;
const STOP: u64 = 4;
const AGAIN: u64 = 5;
/// What is said in a turn has numbers from here on, in the order in which it is said.
const STEER: u64 = 1_000;

/// Our side.
struct Talk {
    thread: Value,
    resumed: Option<String>,
    words: String,
    allowed: bool,
    now: (Value, Value),
    over: bool,
    /// What was said in the turn, by numbers of events, and what became of it.
    said: Vec<u64>,
    answers: Vec<(u64, Result<(), String>)>,
}

impl Talk {
    fn about(subject: &Subject<'_>) -> Self {
        let allowed = may_write(subject.brief);
        let mut thread = json!({
            "cwd": subject.folder,
            "sandbox": codex::sandbox(allowed, subject.confined),
            // What its own sandbox refuses is asked for; where the system's holds there is none of its own.
            "approvalPolicy": if subject.confined { "never" } else { "on-request" },
        });
        if let Some(model) = &subject.agent.model {
            thread["model"] = json!(model);
        }
        if let Some(definition) = adapter::told(&ADAPTER, subject.agent) {
            thread["developerInstructions"] = json!(definition.instructions);
        }
        let (resumed, words) = (subject.brief.session.clone(), subject.words.clone());
        Self {
            thread,
            resumed,
            words,
            allowed,
            now: (Value::Null, Value::Null),
            over: false,
            said: Vec::new(),
            answers: Vec::new(),
        }
    }

    fn turn(&self, id: u64, words: &str) -> Value {
        let input = json!([{"type": "text", "text": words}]);
        json!({"id": id, "method": "turn/start", "params": {"threadId": self.now.0, "input": input}})
    }

    fn opens(&self) -> Value {
        let mut thread = self.thread.clone();
        let method = match &self.resumed {
            Some(id) => {
                thread["threadId"] = json!(id);
                "thread/resume"
            }
            None => "thread/start",
        };
        json!({"id": THREAD, "method": method, "params": thread})
    }
}

impl Conversation for Talk {
    fn begins(&mut self) -> Vec<Value> {
        let who = json!({"name": env!("CARGO_PKG_NAME"), "title": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")});
        vec![json!({"id": HELLO, "method": "initialize", "params": {"clientInfo": who}})]
    }

    fn on_message(&mut self, message: &Value) -> Vec<Value> {
        let method = message["method"].as_str();
        // What sub-agents do is told too, each in a thread of its own.
        let thread = &message["params"]["threadId"];
        let ours = thread.is_null() || *thread == self.now.0;
        match (method, message.get("id")) {
            (Some(_), None) if !ours => {}
            (Some("turn/completed"), _) => self.over = true,
            (Some(asked), Some(id)) => return vec![answer(id, asked, self.allowed)],
            (None, Some(id)) if is_steer(id) => {
                let known =
                    id.as_u64().and_then(|id| self.said.get(usize::try_from(id - STEER).ok()?));
                let outcome = match message.get("error") {
                    Some(error) => Err(line_of(&error["message"])),
                    None => Ok(()),
                };
                self.answers.extend(known.map(|steered| (*steered, outcome)));
            }
            (None, Some(id)) if message.get("error").is_some() => {
                if *id == json!(THREAD) && self.resumed.take().is_some() {
                    // One that it has forgotten is begun again: the brief says all that is needed.
                    return vec![self.opens()];
                }
                self.over = *id != json!(STOP);
            }
            (None, Some(id)) if *id == json!(HELLO) => {
                return vec![json!({"method": "initialized", "params": {}}), self.opens()];
            }
            (None, Some(id)) if *id == json!(THREAD) => {
                self.now.0 = message["result"]["thread"]["id"].clone();
                return vec![self.turn(TURN, &self.words)];
            }
            (None, Some(id)) if *id == json!(TURN) || *id == json!(AGAIN) => {
                self.now.1 = message["result"]["turn"]["id"].clone()
            }
            _ => {}
        }
        Vec::new()
    }

    fn goes_on(&mut self, words: &str) -> Vec<Value> {
        self.over = false;
        vec![self.turn(AGAIN, words)]
    }

    fn steers(&mut self, steered: u64, words: &str) -> Result<Vec<Value>, String> {
        if self.now.1.is_null() {
            return Err("its turn had not begun".into());
        }
        let id = STEER + self.said.len() as u64;
        self.said.push(steered);
        let input = json!([{"type": "text", "text": words}]);
        let params = json!({"threadId": self.now.0, "expectedTurnId": self.now.1, "input": input});
        Ok(vec![json!({"id": id, "method": "turn/steer", "params": params})])
    }

    fn steered(&mut self) -> Vec<(u64, Result<(), String>)> {
        std::mem::take(&mut self.answers)
    }

    fn interrupts(&mut self) -> Vec<Value> {
        if self.now.1.is_null() {
            // There is nothing to wait for yet.
            self.over = true;
            return Vec::new();
        }
        vec![
            json!({"id": STOP, "method": "turn/interrupt", "params": {"threadId": self.now.0, "turnId": self.now.1}}),
        ]
    }

    fn is_over(&self) -> bool {
        self.over
    }
}

/// Whether an answer is about something that was said in a turn.
fn is_steer(id: &Value) -> bool {
    id.as_u64().is_some_and(|id| id >= STEER)
}

/// By policy: what an executor wants to change in its worktree it may; nobody leaves the sandbox, and nobody can
/// be asked.
fn answer(id: &Value, asked: &str, allowed: bool) -> Value {
    match asked {
        "item/fileChange/requestApproval" if allowed => {
            json!({"id": id, "result": {"decision": "accept"}})
        }
        "item/fileChange/requestApproval" | "item/commandExecution/requestApproval" => {
            json!({"id": id, "result": {"decision": "decline"}})
        }
        "mcpServer/elicitation/request" => {
            json!({"id": id, "result": {"action": "decline", "content": null}})
        }
        _ => {
            json!({"id": id, "error": {"code": -32601, "message": "nobody can be asked: decide by the brief"}})
        }
    }
}

fn parse_event(event: &Value, stream_state: &mut StreamState) -> Option<String> {
    let parameters = &event["params"];
    let Some(method) = event["method"].as_str() else {
        if let Some(thread) = event["result"]["thread"]["id"].as_str() {
            stream_state.session = Some(thread.to_owned());
            (stream_state.failed, stream_state.shortage) = (None, None);
            return Some("begins".into());
        }
        if event.get("error").is_some() && !is_steer(&event["id"]) {
            stream_state.fails(line_of(&event["error"]["message"]), None);
        }
        return None;
    };
    let (item, thread) = (&parameters["item"], parameters["threadId"].as_str());
    // A sub-agent's steps are work, its tokens are spent, and its end is none.
    if thread.is_some()
        && stream_state.session.is_some()
        && thread != stream_state.session.as_deref()
        && method != "thread/tokenUsage/updated"
    {
        return Some("a sub-agent is at work".into());
    }
    match method {
        "turn/started" => {
            stream_state.turn = parameters["turn"]["id"].as_str().map(str::to_owned);
            (stream_state.finished, stream_state.failed) = (false, None);
            None
        }
        "item/commandExecution/requestApproval" => {
            stream_state.denied.push(line_of(&parameters["command"]));
            Some(format!("asks for permission: {}", line_of(&parameters["command"])))
        }
        "item/started" => match item["type"].as_str()? {
            "userMessage" => None,
            "commandExecution" => Some(line_of(&item["command"])),
            _ => Some(String::new()),
        },
        "item/completed" => completed(item, stream_state),
        "item/agentMessage/delta"
        | "item/reasoning/textDelta"
        | "item/reasoning/summaryTextDelta" => Some(String::new()),
        "thread/tokenUsage/updated" => {
            count_tokens(parameters, stream_state);
            None
        }
        "account/rateLimits/updated" => {
            stream_state.resets_at_s = resets_at_s(&parameters["rateLimits"]);
            None
        }
        "turn/completed" => {
            turn_ended(&parameters["turn"], stream_state);
            Some("ends".into())
        }
        _ => None,
    }
}

/// Something that an agent did is over.
fn completed(item: &Value, stream_state: &mut StreamState) -> Option<String> {
    match item["type"].as_str()? {
        "userMessage" => None,
        "agentMessage" => {
            stream_state.text = item["text"].as_str().unwrap_or_default().to_owned();
            Some(line_of(&item["text"]))
        }
        kind @ ("commandExecution" | "fileChange" | "mcpToolCall") => {
            stream_state.called();
            let output = item["aggregatedOutput"].as_str().unwrap_or_default();
            if kind == "commandExecution" && codex::refused(&item["exitCode"], output) {
                stream_state.denied.push(line_of(&item["command"]));
            }
            if kind == "fileChange" && item["status"] == "declined" {
                stream_state.denied.push("changes of files".into());
            }
            Some(format!("{kind} {}", line_of(&item["command"])))
        }
        _ => Some(String::new()),
    }
}

fn count_tokens(parameters: &Value, stream_state: &mut StreamState) {
    // Of a thread that is gone on with, the last call of its turn before is told once more.
    let turn = parameters["turnId"].as_str();
    if parameters["threadId"].as_str() == stream_state.session.as_deref()
        && turn.is_some()
        && turn != stream_state.turn.as_deref()
    {
        return;
    }
    let last = &parameters["tokenUsage"]["last"];
    let tokens: u64 =
        ["inputTokens", "outputTokens"].iter().filter_map(|key| last[key].as_u64()).sum();
    stream_state.usage.tokens = Some(stream_state.usage.tokens.unwrap_or(0) + tokens);
}

/// When the windows that are used up can be used again, in seconds since the Unix epoch.
fn resets_at_s(limits: &Value) -> Option<u64> {
    let used_up = |window: &&Value| window["usedPercent"].as_u64().is_some_and(|used| used >= 100);
    let windows = [&limits["primary"], &limits["secondary"]].into_iter().filter(used_up);
    windows.filter_map(|window| window["resetsAt"].as_u64()).max()
}

fn turn_ended(turn: &Value, stream_state: &mut StreamState) {
    stream_state.finished = true;
    stream_state.usage.turns = Some(stream_state.usage.turns.unwrap_or(0) + 1);
    match turn["status"].as_str() {
        Some("completed") => {}
        Some("failed") => {
            let info = &turn["error"]["codexErrorInfo"];
            let status = info
                .as_object()
                .and_then(|info| info.values().next())
                .and_then(|of| of["httpStatusCode"].as_u64());
            let status = match info.as_str() {
                Some("usageLimitExceeded") => Some(402),
                Some("rateLimitExceeded") => Some(429),
                Some("serverOverloaded") => Some(503),
                _ => status,
            };
            stream_state.fails(line_of(&turn["error"]["message"]), status);
        }
        other => {
            stream_state.failed =
                Some(format!("its turn ended with {}", other.unwrap_or("nothing")))
        }
    }
}
