//! Waiting for an execution: never longer than clients wait for a tool, with progress and with
//! questions to the person behind the client meanwhile.

use super::Inner;
use crate::core::id::GateId;
use crate::core::progress::waits_for_people;
use crate::core::status::status_report;
use crate::engine::execution::Execution;
use crate::rpc::calls::trust_question;
use crate::rpc::pace::Pace;
use crate::workspace::trust::trust;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rmcp::model::*;
use rmcp::service::{Peer, RequestContext, RoleServer};
use rmcp::task_manager::{TaskExit, TaskOptions};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The longest wait of one call, in milliseconds: clients give up after 60 seconds and more.
const LONGEST_MS: u64 = 45_000;
/// How long a person may think about a gate: clients that ask wait for a tool for 300 seconds and
/// more.
const PEOPLE_TAKE: Duration = Duration::from_secs(240);

/// The gates about which somebody was asked already.
#[derive(Default)]
pub(super) struct Asked(Mutex<BTreeSet<(String, GateId)>>);

impl Asked {
    fn is_new(&self, execution: &Execution, gate: &GateId) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((execution.id.to_string(), gate.clone()))
    }
}

/// `execution_await`. As a task, where the request itself says that its client knows tasks, it
/// waits as long as it takes.
pub(super) async fn call(
    inner: &Arc<Inner>,
    mut arguments: JsonObject,
    context: &RequestContext<RoleServer>,
) -> CallToolResponse {
    let knows_tasks =
        context.meta.client_capabilities().is_some_and(|client| client.supports_tasks());
    if knows_tasks && !arguments.contains_key("timeoutMs") {
        let inner = inner.clone();
        let mut options = TaskOptions::default();
        options.ttl_ms = None;
        let work = inner.clone();
        let task = inner.tasks.spawn(options, move |task| {
            Box::pin(async move {
                let called = work.call("execution/await", Value::Object(arguments.clone()));
                let mut progress = Progress::from_arguments(&work, &arguments).await;
                let told = async {
                    loop {
                        task.set_status_message(progress.next().await.0);
                    }
                };
                tokio::select! {
                    result = called => Ok(result),
                    () = told => Err(TaskExit::Cancelled),
                    // Whoever asked has left; the execution goes on.
                    () = task.cancelled() => Err(TaskExit::Cancelled),
                }
            })
        });
        return CallToolResponse::Task(CreateTaskResult::new(task));
    }
    let wanted = arguments.get("timeoutMs").and_then(Value::as_u64).unwrap_or(LONGEST_MS);
    arguments.insert("timeoutMs".into(), wanted.min(LONGEST_MS).into());
    let token = context.meta.get_progress_token();
    let peer = context.peer.clone();
    let asked = arguments.clone();
    let told = async {
        let Some(token) = token else { return std::future::pending().await };
        let mut changes = Progress::from_arguments(inner, &asked).await;
        loop {
            let (text, seq) = changes.next().await;
            // It has to grow: the number of events does, whatever happens to tasks.
            #[expect(clippy::cast_precision_loss, reason = "as far as it can be told apart")]
            let progress =
                ProgressNotificationParam::new(token.clone(), seq as f64).with_message(text);
            if peer.notify_progress(progress).await.is_err() {
                return;
            }
        }
    };
    tokio::pin!(told);
    let person = Person::behind(inner, &arguments, context).await;
    let until = Instant::now() + Duration::from_millis(wanted.min(LONGEST_MS));
    // What a person decides counts, also after this answer.
    let mut asking = FuturesUnordered::new();
    loop {
        let left_ms = until.saturating_duration_since(Instant::now()).as_millis();
        arguments.insert("timeoutMs".into(), u64::try_from(left_ms).unwrap_or(LONGEST_MS).into());
        let called = inner.call("execution/await", Value::Object(arguments.clone()));
        tokio::pin!(called);
        let result = loop {
            tokio::select! {
                result = &mut called => break result,
                question = person.next_question() => asking.push(person.ask(question)),
                Some(_) = asking.next() => {}
                () = &mut told => return left("nobody reads the answer"),
                () = context.ct.cancelled() => return left("cancelled; the execution goes on"),
            }
        };
        // It has come to rest, perhaps because a person is waited for: with the decision it goes on.
        asking.extend(person.question().map(|question| person.ask(question)));
        let decided = tokio::select! {
            decided = asking.next() => matches!(decided, Some(Ok(true))),
            () = tokio::time::sleep_until(until) => false,
            () = &mut told => return left("nobody reads the answer"),
            () = context.ct.cancelled() => return left("cancelled; the execution goes on"),
        };
        if !decided {
            return result.into();
        }
    }
}

/// An answer that nobody will read.
fn left(why: &str) -> CallToolResponse {
    CallToolResult::error(vec![ContentBlock::text(why)]).into()
}

async fn execution_of(inner: &Inner, arguments: &JsonObject) -> Option<Arc<Execution>> {
    let (coordinator, given) = (
        inner.caller.coordinator.clone(),
        arguments.get("execution").and_then(Value::as_str).map(str::to_owned),
    );
    tokio::task::spawn_blocking(move || coordinator.find(given.as_deref()).ok()).await.ok()?
}

/// How far an execution is, whenever that changes.
struct Progress {
    execution: Option<Arc<Execution>>,
    last: u64,
    pace: Pace,
}

impl Progress {
    async fn from_arguments(inner: &Inner, arguments: &JsonObject) -> Self {
        Self { execution: execution_of(inner, arguments).await, last: 0, pace: Pace::default() }
    }

    /// The next line, and the number of the event after which it is so; never where there is none.
    async fn next(&mut self) -> (String, u64) {
        let Some(execution) = &self.execution else { return std::future::pending().await };
        let (mut seq, last) = (execution.seq(), self.last);
        if seq.wait_for(|seq| *seq > last).await.is_err() {
            return std::future::pending().await;
        }
        self.pace.next().await;
        let state = execution.state();
        self.last = state.seq;
        (status_report(&state).line(), state.seq)
    }
}

/// The person behind a client, where the client can ask one.
struct Person {
    inner: Arc<Inner>,
    client: Peer<RoleServer>,
    execution: Option<Arc<Execution>>,
}

/// A gate that waits for a person, and why.
type Question = (GateId, String);

impl Person {
    /// Where there is no handshake nobody is asked: there the status says what waits for somebody.
    async fn behind(
        inner: &Arc<Inner>,
        arguments: &JsonObject,
        context: &RequestContext<RoleServer>,
    ) -> Self {
        let execution =
            if can_ask(&context.peer) { execution_of(inner, arguments).await } else { None };
        Self { inner: inner.clone(), client: context.peer.clone(), execution }
    }

    /// A question that was not asked yet.
    fn question(&self) -> Option<Question> {
        let execution = self.execution.as_ref()?;
        waits_for_people(&execution.state())
            .into_iter()
            .find(|(gate, _)| self.inner.asked.is_new(execution, gate))
    }

    /// The next such question; never where nobody can be asked.
    async fn next_question(&self) -> Question {
        let Some(execution) = &self.execution else { return std::future::pending().await };
        let mut seq = execution.seq();
        loop {
            seq.mark_unchanged();
            if let Some(question) = self.question() {
                return question;
            }
            if seq.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Asks, and does what was decided. Gives whether anything was.
    fn ask(&self, (gate, why): Question) -> JoinHandle<bool> {
        let (inner, client) = (self.inner.clone(), self.client.clone());
        let execution = self.execution.as_ref().map(|execution| execution.id.to_string());
        tokio::spawn(async move {
            let Some((approve, reason)) = decide(&client, &gate, &why).await else { return false };
            let method = if approve { "gate/approve" } else { "gate/reject" };
            let decision =
                json!({"execution": execution, "gate": gate, "by": "person", "reason": reason});
            // It may have been decided elsewhere meanwhile.
            inner.call_for_person(method, decision).await.is_error != Some(true)
        })
    }
}

/// Whether there is a person behind a client whom it can ask by a form.
fn can_ask(client: &Peer<RoleServer>) -> bool {
    let can = client.peer_info().and_then(|client| client.capabilities.elicitation.clone());
    // Neither of the two said means forms.
    can.is_some_and(|can| can.form.is_some() || can.url.is_none())
}

/// Asks the person behind a client whether they trust the workspaces that it named, where it can
/// ask. Gives whether they do.
pub(super) async fn trusts(inner: &Inner, context: &RequestContext<RoleServer>) -> bool {
    if !can_ask(&context.peer) {
        return false;
    }
    for root in inner.caller.coordinator.untrusted() {
        let schema = ElicitationSchema::builder().required_bool("trust");
        let answer = form(&context.peer, trust_question(&root), schema).await;
        if answer.is_none_or(|answer| answer["trust"] != true) || trust(&root).is_err() {
            return false;
        }
    }
    true
}

/// What came of a model's wish to decide about a gate that is for a person to decide, where the person can be asked.
pub(super) async fn decided(
    inner: &Inner,
    method: &str,
    arguments: &JsonObject,
    context: &RequestContext<RoleServer>,
) -> Option<CallToolResult> {
    let wanted = match method {
        "gate/approve" => "approve",
        "gate/reject" => "reject",
        _ => return None,
    };
    let of = |name: &str| arguments.get(name).and_then(Value::as_str);
    let (gate, coordinator, name) = (
        GateId::from(of("gate")?),
        inner.caller.coordinator.clone(),
        of("execution").map(str::to_owned),
    );
    let execution =
        tokio::task::spawn_blocking(move || coordinator.find(name.as_deref())).await.ok()?.ok()?;
    if !can_ask(&context.peer) || !execution.state().needs_person(&gate) {
        return None;
    }
    let why = of("reason")
        .filter(|reason| !reason.is_empty())
        .map_or(String::new(), |reason| format!(", because: {reason}"));
    let (approve, reason) =
        decide(&context.peer, &gate, &format!("the model wants to {wanted} it{why}")).await?;
    let decision =
        json!({"execution": execution.id, "gate": gate, "by": "person", "reason": reason});
    Some(
        inner.call_for_person(if approve { "gate/approve" } else { "gate/reject" }, decision).await,
    )
}

/// A person's decision about a gate, and why; nothing where none was made.
async fn decide(client: &Peer<RoleServer>, gate: &GateId, why: &str) -> Option<(bool, String)> {
    let schema = ElicitationSchema::builder()
        .required_bool("approve")
        .optional_string_with("reason", |reason| reason.description("Why, as the report will say"));
    let answer =
        form(client, format!("Gate {gate} waits for a person: {why}. Approve it?"), schema).await?;
    Some((answer["approve"].as_bool()?, answer["reason"].as_str().unwrap_or_default().to_owned()))
}

/// What a person filled in; nothing where they did not.
async fn form(
    client: &Peer<RoleServer>,
    message: String,
    schema: ElicitationSchemaBuilder,
) -> Option<Value> {
    let requested_schema = schema.build().ok()?;
    let request = ElicitRequest::new(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message,
        requested_schema,
    });
    let asked = client.send_request(ServerRequest::ElicitRequest(request));
    let answer = tokio::time::timeout(PEOPLE_TAKE, asked).await.ok()?.ok()?;
    match answer {
        ClientResult::ElicitResult(answer) if answer.action == ElicitationAction::Accept => {
            answer.content
        }
        _ => None,
    }
}
