//! Agents that speak the Agent Client Protocol, version 1, by the official crate: one conversation for
//! each order, in which permissions are given by policy and a stop is a cancel first.
//!
//! Measured: some agents don't exit at the end of their input and want a signal; some send updates of a
//! tool call that they have not announced; a refused permission ends the turn of one of them.

use crate::agents::adapter::{Adapter, StreamState, line_of, may_write, shown};
use crate::agents::conversation::{CANCEL_TAKES, Subject, Transport, is_unanswered};
use crate::agents::line::Line;
use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::*;
use agent_client_protocol::{Agent, Client, Error, Lines, on_receive_request};
use futures::{sink, stream};
use serde_json::Value;
use std::io;
use tokio::sync::watch;

/// What its stream says. There is no program of its own: the config names one.
pub const ADAPTER: Adapter = Adapter {
    program: "",
    arguments: |_, _, _| Vec::new(),
    tells: false,
    environment: &[],
    parse_event,
    is_activity: |line| shown(parse_event, line).is_some(),
    transport: Transport::Drives(|line, subject, stop| {
        Box::pin(async { talk(line, subject, stop).await.map_err(|error| error.to_string()) })
    }),
    not_logged_in: &[],
    fallback: None,
};

fn parse_event(message: &Value, stream_state: &mut StreamState) -> Option<String> {
    let update = &message["params"]["update"];
    if let Some(session) =
        message["result"]["sessionId"].as_str().or_else(|| message["params"]["sessionId"].as_str())
    {
        stream_state.session = Some(session.to_owned());
    }
    if let Some(reason) = message["result"]["stopReason"].as_str() {
        stream_state.finished = true;
        if reason != "end_turn" {
            stream_state.failed = Some(format!("its turn ended with {reason}"));
        }
        let counts = &message["result"]["_meta"]["quota"]["token_count"];
        let counted = || Some(counts["input_tokens"].as_u64()? + counts["output_tokens"].as_u64()?);
        // Of a further turn some tell what it used itself, and others the sum.
        let used = message["result"]["usage"]["totalTokens"].as_u64().or_else(counted);
        stream_state.usage.tokens = used.max(stream_state.usage.tokens);
        return Some("ends".into());
    }
    if message.get("result").is_some() {
        // What a session that was loaded has said before is not said now.
        stream_state.text.clear();
        (stream_state.usage.tool_calls, stream_state.failed) = (None, None);
        return None;
    }
    if message.get("error").is_some() && message.get("id").is_some() {
        let data = &message["error"]["data"];
        // "Authentication required".
        let status = (message["error"]["code"] == -32000).then_some(401);
        let more = data.get("details").or_else(|| data.get("message")).unwrap_or(data);
        stream_state.fails(
            format!("{} {}", line_of(&message["error"]["message"]), line_of(more))
                .trim()
                .to_owned(),
            status,
        );
        return None;
    }
    if message["method"] == "session/request_permission" {
        return Some(format!(
            "asks for permission: {}",
            line_of(&message["params"]["toolCall"]["title"])
        ));
    }
    match update["sessionUpdate"].as_str()? {
        "agent_message_chunk" => {
            // Another turn begins.
            if std::mem::take(&mut stream_state.finished) {
                stream_state.text.clear();
            }
            stream_state.text.push_str(update["content"]["text"].as_str().unwrap_or_default());
            Some(line_of(&update["content"]["text"]))
        }
        "agent_thought_chunk" => Some(String::new()),
        // Some don't announce their calls: each counts when it is over.
        "tool_call" | "tool_call_update" => {
            if matches!(update["status"].as_str(), Some("completed" | "failed")) {
                stream_state.called();
            }
            // What it says after its last tool is its answer.
            stream_state.text.clear();
            Some(line_of(&update["title"]))
        }
        "usage_update" => {
            stream_state.session_total.cost_usd =
                update["cost"]["amount"].as_f64().or(stream_state.session_total.cost_usd);
            None
        }
        _ => None,
    }
}

/// One turn: the brief is told, permissions are given, until it is over or no longer wanted. Rework goes on in
/// the session of the attempt before, where the agent can load it. The process reads the end of its input
/// after it.
///
/// # Errors
/// What the agent answers, or that it is gone.
pub async fn talk(
    line: Line,
    subject: &Subject<'_>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    let writer = sink::unfold(line.writer, |mut writer, message: String| async move {
        writer.line(&message).await?;
        Ok::<_, io::Error>(writer)
    });
    let reader = stream::unfold(line.reader, |mut reader| async move {
        let message = reader.line().await;
        Some((message, reader))
    });
    let (allowed, folder, words, before) = (
        may_write(subject.brief),
        subject.folder.to_owned(),
        subject.words.clone(),
        subject.brief.session.clone(),
    );
    Client
        .v1()
        .name(env!("CARGO_PKG_NAME"))
        .on_receive_request(
            async move |asked: RequestPermissionRequest, responder, _| {
                responder.respond(RequestPermissionResponse::new(decide(&asked, allowed)))
            },
            on_receive_request!(),
        )
        .connect_with(Lines::new(writer, reader), |agent: ConnectionTo<Agent>| async move {
            let hello = InitializeRequest::new(agent_client_protocol::schema::ProtocolVersion::V1);
            let able = agent.send_request(hello).block_task().await?.agent_capabilities;
            let mut session = None;
            if let Some(before) = before.filter(|_| able.load_session).map(SessionId::new) {
                let loaded = agent
                    .send_request(LoadSessionRequest::new(before.clone(), folder.clone()))
                    .block_task()
                    .await;
                // One that it has forgotten is begun again: the brief says all that is needed.
                session = loaded.ok().map(|_| before);
            }
            let session = match session {
                Some(session) => session,
                None => {
                    agent
                        .send_request(NewSessionRequest::new(folder))
                        .block_task()
                        .await?
                        .session_id
                }
            };
            let turn = async {
                let told = |words: String| {
                    let prompt = vec![ContentBlock::Text(TextContent::new(words))];
                    agent.send_request(PromptRequest::new(session.clone(), prompt)).block_task()
                };
                let ended = told(words).await?;
                if is_unanswered(subject).await {
                    told(subject.again.clone()).await
                } else {
                    Ok(ended)
                }
            };
            tokio::pin!(turn);
            tokio::select! {
                ended = &mut turn => drop(ended?),
                () = async { drop(stop.wait_for(|stop| *stop).await) } => {
                    agent.send_notification(CancelNotification::new(session.clone()))?;
                    // What is cancelled says so; who does not is ended by a signal.
                    let _ = tokio::time::timeout(CANCEL_TAKES, turn).await;
                }
            }
            Ok(())
        })
        .await
}

/// By policy: executors may do what they ask for, once; all others only look.
fn decide(asked: &RequestPermissionRequest, allowed: bool) -> RequestPermissionOutcome {
    let wanted = if allowed {
        [PermissionOptionKind::AllowOnce, PermissionOptionKind::AllowAlways]
    } else {
        [PermissionOptionKind::RejectOnce, PermissionOptionKind::RejectAlways]
    };
    let chosen =
        wanted.iter().find_map(|kind| asked.options.iter().find(|option| option.kind == *kind));
    chosen.map_or(RequestPermissionOutcome::Cancelled, |option| {
        RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(option.option_id.clone()))
    })
}
