//! What the editor is told without asking: diagnostics, refreshes, progress, what needs a person.
//!
//! Everything is sent by three tasks that each look at how things stand and send what has
//! changed since they last did, so a slow editor gets less, and never an old word late.

use super::session::Session;
use crate::engine::execution::Execution;
use crate::failure::say;
use crate::rpc::pace::Pace;
use crate::rpc::peer::progress;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tower_lsp::ls_types::notification::{Notification, Progress, PublishDiagnostics, ShowMessage};
use tower_lsp::ls_types::*;

/// The time after which labels that show a time are out of date.
const TICK: Duration = Duration::from_secs(1);

impl Session {
    /// Begins to tell.
    pub fn go_live(self: &Arc<Self>) {
        self.keep(&tokio::spawn(self.clone().publish_diagnostics()));
        self.keep(&tokio::spawn(self.clone().follow()));
        let session = self.clone();
        self.keep(&tokio::spawn(async move {
            let mut changes = session.caller.coordinator.changes();
            while changes.changed().await.is_ok() {
                session.look();
            }
        }));
        self.look();
    }

    /// Sends the diagnostics of each text that has changed, as it is by then.
    async fn publish_diagnostics(self: Arc<Self>) {
        let mut shown: BTreeMap<String, Vec<Diagnostic>> = BTreeMap::new();
        loop {
            self.publish.notified().await;
            let stale =
                std::mem::take(&mut *self.stale.lock().unwrap_or_else(PoisonError::into_inner));
            for uri in stale {
                let analysis = self.documents.last_analysis(&uri);
                let found = match self.last_scene(&uri) {
                    Some(snapshot) => snapshot.diagnostics(
                        self.setup(),
                        self.settings().status_as_diagnostics,
                        self.problems_page(),
                    ),
                    None => Vec::new(),
                };
                // A text that never had one is not referenced: most texts are no breakdowns.
                let before = shown.get(&uri);
                if before == Some(&found) && analysis.is_some()
                    || (before.is_none() && found.is_empty())
                {
                    continue;
                }
                let Ok(parsed) = uri.parse() else { continue };
                let version = analysis.as_ref().map(|analysis| analysis.version);
                let params =
                    PublishDiagnosticsParams { uri: parsed, diagnostics: found.clone(), version };
                self.caller.peer.notify(PublishDiagnostics::METHOD, params).await;
                if analysis.is_some() {
                    shown.insert(uri, found);
                } else {
                    shown.remove(&uri);
                }
            }
        }
    }

    /// Looks at the executions of the open texts, as often as they change, and says what that
    /// changes in the editor.
    async fn follow(self: Arc<Self>) {
        let mut labels: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut known: BTreeMap<String, Told> = BTreeMap::new();
        let mut pace = Pace::default();
        let mut again = false;
        loop {
            let session = self.clone();
            // Folders are listed and journals read: not where messages are answered.
            let bound = tokio::task::spawn_blocking(move || {
                let coordinator = &session.caller.coordinator;
                let all = coordinator.list();
                let of = |path: &Path| {
                    all.iter()
                        .rev()
                        .find(|execution| Path::new(&execution.breakdown) == path)
                        .cloned()
                };
                let bound = session.documents.bind(of);
                for (_, execution) in &bound {
                    // One that can't be read shows nothing.
                    let _ = execution.refresh();
                }
                // What is shown now is followed from now on.
                coordinator.refresh();
                bound
            });
            let bound = bound.await.unwrap_or_default();
            let mut any_live = false;
            let mut changed = false;
            for (uri, execution) in &bound {
                let Some(snapshot) = self.last_scene(uri) else { continue };
                any_live |= snapshot.running;
                let now = snapshot.labels();
                if labels.get(uri) != Some(&now) {
                    labels.insert(uri.clone(), now);
                    changed = true;
                    self.mark(uri);
                }
                self.caller.peer.watch(execution);
                known
                    .entry(execution.id.to_string())
                    .or_default()
                    .tell(&self, execution, snapshot.running)
                    .await;
            }
            labels.retain(|uri, _| bound.iter().any(|(known, _)| known == uri));
            if changed || again {
                self.refresh();
            }
            // Neovim 0.11 keeps an old hint where it redraws between being asked to refresh and
            // the answer. While something runs the next refresh fixes that; after the last change
            // one more does.
            again = changed && !any_live;
            // By itself only while something shows a time.
            tokio::select! {
                () = self.look.notified() => {}
                () = sleep_until(Instant::now() + TICK), if any_live || again => {}
            }
            pace.next().await;
        }
    }

    /// Asks the client to ask again, where it can.
    fn refresh(&self) {
        let (setup, client) = (self.setup().clone(), self.client.clone());
        self.ask(async move {
            // Who can't is not asked; who fails to is not asked twice.
            if setup.refreshes_hints {
                let _ = client.inlay_hint_refresh().await;
            }
            if setup.refreshes_lenses {
                let _ = client.code_lens_refresh().await;
            }
            if setup.refreshes_tokens {
                let _ = client.semantic_tokens_refresh().await;
            }
        });
    }
}

/// What the client was told of one execution.
#[derive(Default)]
struct Told {
    /// Its progress is being shown.
    begun: bool,
    /// The last report of it.
    report: Option<(u32, String)>,
    /// Escalations that were shown.
    escalations: usize,
}

impl Told {
    async fn tell(&mut self, session: &Arc<Session>, execution: &Arc<Execution>, running: bool) {
        let state = execution.state();
        let mut said = BTreeSet::new();
        let since_ms = session.caller.peer.since_ms;
        // What was said before this editor came is seen in its diagnostics.
        for escalation in state
            .escalations
            .iter()
            .skip(self.escalations)
            .filter(|escalation| escalation.at >= since_ms)
        {
            if said.insert(&escalation.about) {
                let message = format!(
                    "{}: {}. Needed: {}",
                    escalation.about, escalation.why, escalation.needed
                );
                let params = ShowMessageParams { typ: MessageType::WARNING, message };
                session.caller.peer.notify(ShowMessage::METHOD, params).await;
            }
        }
        self.escalations = state.escalations.len();
        if !session.setup().shows_progress {
            return;
        }
        let token = NumberOrString::String(format!("execution/{}", execution.id));
        let send = |value: WorkDoneProgress| {
            let params = ProgressParams {
                token: token.clone(),
                value: ProgressParamsValue::WorkDone(value),
            };
            session.caller.peer.notify(Progress::METHOD, params)
        };
        if running && !self.begun {
            self.begun = true;
            let (client, token) = (session.client.clone(), token.clone());
            // The progress is sent whether it is answered or not: some clients never do.
            session.ask(async move {
                let _ = client
                    .send_request::<request::WorkDoneProgressCreate>(WorkDoneProgressCreateParams {
                        token,
                    })
                    .await;
            });
            tokio::task::yield_now().await;
            send(WorkDoneProgress::Begin(WorkDoneProgressBegin {
                title: state.plan.topic.clone(),
                cancellable: Some(true),
                message: None,
                percentage: Some(0),
            }))
            .await;
        }
        if !self.begun {
            return;
        }
        let notice = progress(execution, &state);
        if running {
            let current: Vec<&str> =
                notice.current.iter().take(3).map(|order| order.what.as_str()).collect();
            let message = format!("{}/{} · {}", notice.done, notice.total, current.join(", "));
            let percentage = u32::try_from(notice.percent).unwrap_or(100);
            if self.report != Some((percentage, message.clone())) {
                self.report = Some((percentage, message.clone()));
                let report = WorkDoneProgressReport {
                    cancellable: Some(true),
                    message: Some(message),
                    percentage: Some(percentage),
                };
                send(WorkDoneProgress::Report(report)).await;
            }
        } else {
            let message =
                Some(format!("{}: {} of {} tasks done", notice.state, notice.done, notice.total));
            send(WorkDoneProgress::End(WorkDoneProgressEnd { message })).await;
            self.begun = false;
            self.report = None;
        }
    }
}

impl Session {
    /// The user has cancelled the progress of an execution: that cancels the execution.
    pub fn progress_cancelled(&self, token: &Value) {
        let Some(id) = token.as_str().and_then(|token| token.strip_prefix("execution/")) else {
            return;
        };
        let called = self.table.call(
            "execution/cancel",
            Some(json!({ "execution": id })),
            self.caller.clone(),
        );
        tokio::spawn(async move {
            if let Err(error) = called.await {
                say(format_args!("{}", error.message));
            }
        });
    }
}
