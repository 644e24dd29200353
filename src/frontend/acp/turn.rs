//! One prompt and all that follows from it.

use crate::core::decider::Frontend;
use crate::core::event::{Event, Outcome, Recorded, Work};
use crate::core::id::{GateId, OrderId};
use crate::core::outcome::{GateVerdict, RepositoryOutcome};
use crate::core::progress::{state_name, waits_for_people};
use crate::core::state::{Phase, State};
use crate::core::{brief::work_name, plan};
use crate::engine::execution::Execution;
use crate::rpc::calls::{events, file_of, trust_question};
use crate::rpc::peer::{Caller, off_thread, report_document};
use crate::rpc::table::Table;
use crate::workspace::trust::trust;
use agent_client_protocol::Client;
use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The time between two plans that are sent.
const PLAN_EVERY: Duration = Duration::from_millis(200);
/// Events that are told at once.
const PAGE: usize = 256;

/// A turn of a session.
pub struct Turn {
    client: ConnectionTo<Client>,
    session: SessionId,
    table: Arc<Table>,
    caller: Caller,
    folder: PathBuf,
}

/// What a prompt asks for.
enum Wanted {
    File(PathBuf),
    Text(String),
}

impl Turn {
    pub fn new(
        client: ConnectionTo<Client>,
        session: SessionId,
        table: Arc<Table>,
        caller: Caller,
        folder: PathBuf,
    ) -> Self {
        Self { client, session, table, caller, folder }
    }

    /// Does what the prompt asks for, until that is done or is to be stopped.
    pub async fn take(
        &self,
        prompt: Vec<ContentBlock>,
        mut stop: watch::Receiver<u64>,
    ) -> StopReason {
        let Some(wanted) = self.wanted(&prompt) else {
            self.say("Name a breakdown: a Markdown file of this workspace with the tasks to be carried out, for example `breakdown.md`.");
            return StopReason::EndTurn;
        };
        let (execution, resumed) = match self.start(&wanted).await {
            Ok(started) => started,
            Err(why) => {
                self.say(&why);
                return StopReason::EndTurn;
            }
        };
        tokio::select! {
            () = self.follow(&execution, resumed) => StopReason::EndTurn,
            stopped = stop.changed() => {
                if stopped.is_ok() {
                    // What is being done is finished; the next prompt goes on.
                    let paused = self.call("execution/pause", json!({"execution": execution.id})).await;
                    self.say(&paused.map_or_else(|why| why, |_| "Paused: what is being done is finished, nothing new is begun. Prompt again to go on.".into()));
                }
                StopReason::Cancelled
            }
        }
    }

    /// A file that is linked, a word that names a file of the workspace, or tasks in the prompt itself.
    fn wanted(&self, prompt: &[ContentBlock]) -> Option<Wanted> {
        let linked = prompt.iter().find_map(|block| match block {
            ContentBlock::ResourceLink(link) => file_of(&link.uri).ok(),
            ContentBlock::Resource(resource) => match &resource.resource {
                EmbeddedResourceResource::TextResourceContents(text) => file_of(&text.uri).ok(),
                _ => None,
            },
            _ => None,
        });
        if let Some(file) = linked {
            return Some(Wanted::File(file));
        }
        let texts: Vec<&str> = prompt
            .iter()
            .filter_map(|block| {
                if let ContentBlock::Text(text) = block { Some(text.text.as_str()) } else { None }
            })
            .collect();
        let text = texts.join("\n");
        let marks = "`'\"@,;:()[]<>";
        let bare = |word: &str| {
            word.trim_start_matches(|c| marks.contains(c))
                .trim_end_matches(|c| c == '.' || marks.contains(c))
                .to_owned()
        };
        let named = text
            .split_whitespace()
            .map(bare)
            .map(|word| self.folder.join(word))
            .find(|path| path.is_file());
        let said = || {
            (!crate::breakdown::parse(&text, None, crate::breakdown::Deps::Format).nothing_to_do())
                .then(|| text.clone())
        };
        named.map(Wanted::File).or_else(|| said().map(Wanted::Text))
    }

    async fn start(&self, wanted: &Wanted) -> Result<(Arc<Execution>, bool), String> {
        let params = match wanted {
            Wanted::File(path) => json!({"path": path}),
            Wanted::Text(text) => json!({"text": text}),
        };
        let coordinator = self.caller.coordinator.clone();
        if let Wanted::File(path) = wanted {
            // One that was paused by a cancelled turn goes on with the next.
            let (coordinator, path) =
                (coordinator.clone(), path.canonicalize().unwrap_or_else(|_| path.clone()));
            let known = off_thread(move || {
                let known = coordinator.of_breakdown(&path);
                known.iter().try_for_each(|known| known.refresh().map(drop))?;
                Ok(known)
            });
            if let Ok(Some(known)) = known.await
                && known.state().paused
            {
                self.call("execution/resume", json!({"execution": known.id})).await?;
            }
        }
        let mut started = self.call("execution/start", params.clone()).await;
        let untrusted = coordinator.untrusted();
        if started.is_err() && !untrusted.is_empty() && self.trusts(&untrusted).await {
            started = self.call("execution/start", params).await;
        }
        let started = started?;
        for warning in
            started["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str)
        {
            self.say(&format!("{warning}\n\n"));
        }
        let id = started["execution"].as_str().map(str::to_owned);
        let execution = off_thread(move || coordinator.find(id.as_deref()))
            .await
            .map_err(|failure| failure.message)?;
        Ok((execution, started["resumed"] == true))
    }

    async fn call(&self, method: &str, params: Value) -> Result<Value, String> {
        self.table
            .call(method, Some(params), self.caller.clone())
            .await
            .map_err(|error| error.message)
    }

    /// Shows an execution until it has come to rest and nobody who could be asked is needed.
    async fn follow(&self, execution: &Arc<Execution>, resumed: bool) {
        let mut seq = execution.seq();
        // Of one that had begun before, only what is open and what comes.
        let begun = execution.state();
        let mut next = if resumed { begun.seq + 1 } else { 1 };
        if resumed {
            begun.orders.iter().for_each(|(order, open)| self.update(called(*order, &open.work)));
        }
        let mut plan = None;
        let mut asked = BTreeSet::new();
        loop {
            seq.mark_unchanged();
            let state = execution.state();
            let shown = plan_of(&state);
            if plan.as_ref() != Some(&shown) {
                self.update(SessionUpdate::Plan(shown.clone()));
                plan = Some(shown);
            }
            next = self.tell(execution, next).await;
            if let Some((gate, why)) =
                waits_for_people(&state).into_iter().find(|(gate, _)| !asked.contains(gate))
            {
                asked.insert(gate.clone());
                self.ask(execution, &gate, &why).await;
                continue;
            }
            let of = execution.clone();
            if next > state.seq
                && (state.ended.is_some()
                    || off_thread(move || Ok(of.was_left())).await.unwrap_or(false)
                        && execution.state().seq == state.seq)
            {
                break;
            }
            tokio::time::sleep(PLAN_EVERY).await;
            // An owner that was killed says nothing.
            let _ = tokio::time::timeout(Duration::from_secs(1), seq.changed()).await;
        }
        let state = execution.state();
        if state.ended.is_none() {
            self.say("Nobody is at work on it any more: its process was stopped. Prompt again to go on.\n\n");
        }
        self.say(&report_document(execution, &state).markdown);
    }

    /// Tells of the events from a number on. Gives the number of the next one.
    async fn tell(&self, execution: &Arc<Execution>, mut next: u64) -> u64 {
        loop {
            let (of, from) = (execution.clone(), next);
            let Ok(page) = off_thread(move || events(&of, Some(from), Some(PAGE))).await else {
                return next;
            };
            if page.events.is_empty() {
                return next;
            }
            next = page.next;
            page.events.iter().filter_map(update_of).for_each(|update| self.update(update));
        }
    }

    /// Asks the person whether they trust the workspaces that were named. Gives whether they do.
    async fn trusts(&self, untrusted: &[PathBuf]) -> bool {
        for root in untrusted {
            let asked = self.permission(
                ToolCallId::new(format!("trust {}", root.display())),
                trust_question(root),
                ("Trust", PermissionOptionKind::AllowAlways),
            );
            if asked.await != Some(true) || trust(root).is_err() {
                return false;
            }
        }
        true
    }

    /// Asks the person about a gate, and does what was decided.
    async fn ask(&self, execution: &Execution, gate: &GateId, why: &str) {
        let id = ToolCallId::new(format!("gate {gate}"));
        let decided = self
            .permission(
                id.clone(),
                format!("Approve gate {gate}? {why}"),
                ("Approve", PermissionOptionKind::AllowOnce),
            )
            .await;
        let Some(approved) = decided else { return };
        let method = if approved { "gate/approve" } else { "gate/reject" };
        // It may have been decided elsewhere meanwhile.
        let caller = Caller { asked: Some(Frontend::Acp), ..self.caller.clone() };
        let decision = json!({"execution": execution.id, "gate": gate, "by": "person"});
        let _ = self.table.call(method, Some(decision), caller).await;
    }

    /// What the person says to a question; nothing where they say nothing.
    async fn permission(
        &self,
        id: ToolCallId,
        question: String,
        (yes, kind): (&str, PermissionOptionKind),
    ) -> Option<bool> {
        self.update(SessionUpdate::ToolCall(
            ToolCall::new(id.clone(), question.clone()).kind(ToolKind::Other),
        ));
        let options = vec![
            PermissionOption::new("yes", yes, kind),
            PermissionOption::new("no", "Reject", PermissionOptionKind::RejectOnce),
        ];
        let call = ToolCallUpdate::new(id.clone(), ToolCallUpdateFields::new().title(question));
        let asked = self.client.send_request(RequestPermissionRequest::new(
            self.session.clone(),
            call,
            options,
        ));
        let decided = match asked.block_task().await.map(|answer| answer.outcome) {
            Ok(RequestPermissionOutcome::Selected(chosen)) => Some(&*chosen.option_id.0 == "yes"),
            _ => None,
        };
        let status =
            if decided == Some(true) { ToolCallStatus::Completed } else { ToolCallStatus::Failed };
        self.update(SessionUpdate::ToolCallUpdate(ToolCallUpdate::new(
            id,
            ToolCallUpdateFields::new().status(status),
        )));
        decided
    }

    fn say(&self, text: &str) {
        self.update(SessionUpdate::AgentMessageChunk(ContentChunk::new(ContentBlock::from(
            text.to_owned(),
        ))));
    }

    fn update(&self, update: SessionUpdate) {
        // Who has left reads no more.
        let _ =
            self.client.send_notification(SessionNotification::new(self.session.clone(), update));
    }
}

/// The tasks as the client's plan; those on the critical path matter most.
fn plan_of(state: &State) -> Plan {
    let path = state.graph.critical_path();
    let entry = |(ix, task): (usize, &plan::Task)| {
        let priority =
            if path.contains(&ix) { PlanEntryPriority::High } else { PlanEntryPriority::Medium };
        let (status, note) = match &state.tasks[ix].phase {
            Phase::Waiting => (PlanEntryStatus::Pending, ""),
            Phase::Active(_) => (PlanEntryStatus::InProgress, ""),
            Phase::Done | Phase::Marked(_) => (PlanEntryStatus::Completed, ""),
            // The protocol knows no other ends.
            Phase::Skipped | Phase::Failed(_) | Phase::Blocked(_) => {
                (PlanEntryStatus::Completed, state_name(state, ix).name())
            }
        };
        let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
        PlanEntry::new(format!("{} {}{note}", task.id, task.title), priority, status)
    };
    Plan::new(state.plan.tasks.iter().enumerate().map(entry).collect())
}

/// An order as a tool call.
fn called(order: OrderId, work: &Work) -> SessionUpdate {
    let kind = match work {
        Work::Implementation { .. } | Work::Tests { .. } => ToolKind::Edit,
        Work::Gate { .. } => ToolKind::Execute,
        Work::PrepareWorktree { .. }
        | Work::Merge { .. }
        | Work::Land { .. }
        | Work::Renew { .. }
        | Work::Deliver { .. } => ToolKind::Other,
        Work::Review { .. } => ToolKind::Read,
        Work::Consultation { .. } => ToolKind::Think,
    };
    let agent = work.agent().map_or(String::new(), |agent| format!(" ({agent})"));
    let call = ToolCall::new(order.to_string(), work_name(work) + &agent).kind(kind);
    SessionUpdate::ToolCall(call.status(ToolCallStatus::InProgress))
}

/// What the client is told of an event.
fn update_of(recorded: &Recorded) -> Option<SessionUpdate> {
    Some(match &recorded.event {
        Event::Ordered { order, work, .. } => called(*order, work),
        Event::Ended { order, outcome } => {
            let (good, text) = match outcome {
                Outcome::Agent(outcome) => (
                    outcome.complete(),
                    if outcome.complete() {
                        outcome.summary.clone()
                    } else {
                        outcome.reason.clone()
                    },
                ),
                Outcome::Gate { verdict, reason, .. } => {
                    (*verdict == GateVerdict::Passed, reason.clone())
                }
                Outcome::Review(review) => {
                    (review.verdict == GateVerdict::Passed, review.summary.clone())
                }
                Outcome::Repository(outcome) => {
                    (!matches!(outcome, RepositoryOutcome::Failed { .. }), outcome.to_string())
                }
                Outcome::Lost { why } => (false, why.clone()),
            };
            let status = if good { ToolCallStatus::Completed } else { ToolCallStatus::Failed };
            let fields = ToolCallUpdateFields::new().status(status);
            let fields = if text.is_empty() {
                fields
            } else {
                fields.content(vec![ToolCallContent::from(text)])
            };
            SessionUpdate::ToolCallUpdate(ToolCallUpdate::new(order.to_string(), fields))
        }
        Event::Escalated { about, why, needed, .. } => {
            let text = format!("**{about}**: {why}. Needed: {needed}.\n\n");
            SessionUpdate::AgentMessageChunk(ContentChunk::new(ContentBlock::from(text)))
        }
        _ => return None,
    })
}
