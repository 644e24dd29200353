//! Agents that speak the Agent Client Protocol, version 1, by the official crate: one conversation for
//! each order, in which permissions are given by policy and a stop is a cancel first.
//!
//! What the agent says goes to the order's output file like that of every other process, and is read
//! from there; what it is told goes through a named pipe. So the process stays the warden's.
//!
//! Measured: some agents don't exit at the end of their input and want a signal; some send updates of a
//! tool call that they have not announced; a refused permission ends the turn of one of them.

use super::dialect::{Dialect, Heard, line_of, may_write, shown};
use crate::core::brief::Brief;
use crate::process::open_kept;
use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::*;
use agent_client_protocol::{Agent, Client, Error, Lines, on_receive_request};
use futures::{sink, stream};
use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::Value;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::watch;

/// How often it is looked for what the agent has said.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a cancelled turn may take to end.
const CANCEL_TAKES: Duration = Duration::from_secs(3);

/// What its stream says. There is no program of its own: the config names one.
pub const DIALECT: Dialect = Dialect {
    program: "",
    arguments: |_, _, _| Vec::new(),
    tells: false,
    environment: &[],
    hear,
    is_activity: |line| shown(hear, line).is_some(),
};

fn hear(message: &Value, heard: &mut Heard) -> Option<String> {
    let update = &message["params"]["update"];
    if let Some(session) = message["result"]["sessionId"].as_str() {
        heard.session = Some(session.to_owned());
    }
    if let Some(reason) = message["result"]["stopReason"].as_str() {
        heard.finished = true;
        if reason != "end_turn" {
            heard.failed = Some(format!("its turn ended with {reason}"));
        }
        let counts = &message["result"]["_meta"]["quota"]["token_count"];
        let counted = || Some(counts["input_tokens"].as_u64()? + counts["output_tokens"].as_u64()?);
        heard.usage.tokens = message["result"]["usage"]["totalTokens"].as_u64().or_else(counted);
        return Some("ends".into());
    }
    if message.get("error").is_some() && message.get("id").is_some() {
        let data = &message["error"]["data"];
        let more = data.get("details").or_else(|| data.get("message")).unwrap_or(data);
        heard.fails(format!("{} {}", line_of(&message["error"]["message"]), line_of(more)).trim().to_owned(), None);
        return None;
    }
    if message["method"] == "session/request_permission" {
        return Some(format!("asks for permission: {}", line_of(&message["params"]["toolCall"]["title"])));
    }
    match update["sessionUpdate"].as_str()? {
        "agent_message_chunk" => {
            heard.text.push_str(update["content"]["text"].as_str().unwrap_or_default());
            Some(line_of(&update["content"]["text"]))
        }
        "agent_thought_chunk" => Some(String::new()),
        // Some don't announce their calls: each counts when it is over.
        "tool_call" | "tool_call_update" => {
            if matches!(update["status"].as_str(), Some("completed" | "failed")) {
                heard.called();
            }
            // What it says after its last tool is its answer.
            heard.text.clear();
            Some(line_of(&update["title"]))
        }
        "usage_update" => {
            heard.usage.cost_usd = update["cost"]["amount"].as_f64().or(heard.usage.cost_usd);
            None
        }
        _ => None,
    }
}

/// Both ends of a conversation with a process that is about to be started.
pub struct Line {
    input: PathBuf,
    pipe: pipe::Sender,
    output: PathBuf,
}

impl Line {
    /// A pipe beside the output, from which the process is to read.
    ///
    /// # Errors
    /// The file system has no pipes.
    pub fn new(output: &Path) -> io::Result<Self> {
        let input = output.with_extension("in");
        mkfifoat(CWD, &input, Mode::RUSR | Mode::WUSR)?;
        // Open at both ends: so the process does not wait for us, nor we for it.
        let pipe = pipe::OpenOptions::new().read_write(true).open_sender(&input)?;
        Ok(Self { input, pipe, output: output.to_owned() })
    }

    /// What the process reads.
    pub fn input(&self) -> &Path {
        &self.input
    }

    /// One turn: the brief is told, permissions are given, until it is over or no longer wanted. The
    /// process reads the end of its input then.
    ///
    /// # Errors
    /// What the agent answers, or that it is gone.
    pub async fn talk(self, brief: &Brief, prompt: String, folder: &Path, mut stop: watch::Receiver<bool>) -> Result<(), Error> {
        let says = sink::unfold(self.pipe, |mut pipe, line: String| async move {
            pipe.write_all(format!("{line}\n").as_bytes()).await?;
            Ok::<_, io::Error>(pipe)
        });
        let hears = stream::unfold(Tail { path: self.output, file: None, pending: Vec::new() }, |mut tail| async move {
            let line = tail.next().await;
            Some((line, tail))
        });
        let (allowed, folder) = (may_write(brief), folder.to_owned());
        let talked = Client
            .v1()
            .name(env!("CARGO_PKG_NAME"))
            .on_receive_request(
                async move |asked: RequestPermissionRequest, responder, _| {
                    responder.respond(RequestPermissionResponse::new(decide(&asked, allowed)))
                },
                on_receive_request!(),
            )
            .connect_with(Lines::new(says, hears), |agent: ConnectionTo<Agent>| async move {
                agent.send_request(InitializeRequest::new(agent_client_protocol::schema::ProtocolVersion::V1)).block_task().await?;
                let session = agent.send_request(NewSessionRequest::new(folder)).block_task().await?.session_id;
                let prompt = vec![ContentBlock::Text(TextContent::new(prompt))];
                let turn = agent.send_request(PromptRequest::new(session.clone(), prompt)).block_task();
                tokio::pin!(turn);
                tokio::select! {
                    ended = &mut turn => drop(ended?),
                    () = async { drop(stop.wait_for(|stop| *stop).await) } => {
                        agent.send_notification(CancelNotification::new(session))?;
                        // What is cancelled says so; who does not is ended by a signal.
                        let _ = tokio::time::timeout(CANCEL_TAKES, turn).await;
                    }
                }
                Ok(())
            })
            .await;
        drop(std::fs::remove_file(&self.input));
        talked
    }
}

/// By policy: executors may do what they ask for, once; all others only look.
fn decide(asked: &RequestPermissionRequest, allowed: bool) -> RequestPermissionOutcome {
    let wanted = if allowed {
        [PermissionOptionKind::AllowOnce, PermissionOptionKind::AllowAlways]
    } else {
        [PermissionOptionKind::RejectOnce, PermissionOptionKind::RejectAlways]
    };
    let chosen = wanted.iter().find_map(|kind| asked.options.iter().find(|option| option.kind == *kind));
    chosen.map_or(RequestPermissionOutcome::Cancelled, |option| {
        RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(option.option_id.clone()))
    })
}

/// The lines of a file that grows.
struct Tail {
    path: PathBuf,
    file: Option<File>,
    pending: Vec<u8>,
}

impl Tail {
    async fn next(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                let text = String::from_utf8_lossy(&line).trim().to_owned();
                // Warnings of its runtime stand between.
                if text.starts_with('{') || text.starts_with('[') {
                    return Ok(text);
                }
                continue;
            }
            if self.file.is_none() {
                self.file = open_kept(&self.path).ok();
            }
            let mut chunk = vec![0; 1 << 16];
            let read = self.file.as_mut().map_or(Ok(0), |file| file.read(&mut chunk))?;
            match read {
                0 => tokio::time::sleep(LOOK_EVERY).await,
                read => self.pending.extend_from_slice(&chunk[..read]),
            }
        }
    }
}
