//! Who calls, and what it is told: answers, and notifications that never hold up an execution
//! and never pile up.

use super::messages::{
    CurrentOrder, EscalationNotice, OfferNotice, ProgressNotice, ReportDocument, StreamProgress,
};
use super::pace::Pace;
use crate::core::brief::work_name;
use crate::core::decider::Frontend;
use crate::core::id::OrderId;
use crate::core::lease::offers;
use crate::core::report::report;
use crate::core::state::State;
use crate::core::status::{StatusReport, status_report};
use crate::engine::clock::now_ms;
use crate::engine::coordinator::Coordinator;
use crate::engine::daemon::log_beside;
use crate::engine::execution::Execution;
use crate::failure::{Failure, FailureKind, panicked};
use crate::journal::lines::Lines;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{RwLock, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

/// Messages that wait for a slow reader, at most.
const QUEUE: usize = 256;
/// Subscriptions of one client, at most.
const MAX_SUBSCRIPTIONS: usize = 64;
/// Events that are read from the journal at once.
const PAGE: usize = 256;

/// Who calls, and what may be called about.
#[derive(Clone)]
pub struct Caller {
    /// The executions that this process knows.
    pub coordinator: Arc<Coordinator>,
    /// Who calls.
    pub peer: Arc<Peer>,
    /// By which way a person was asked for what is called, where one was.
    pub asked: Option<Frontend>,
}

impl jsonrpc_core::Metadata for Caller {}

/// What a client is, as far as methods differ by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// A script or a parent orchestrator: what it starts is carried out in the process that it
    /// speaks to.
    Program,
    /// An editor: what it starts outlives it, and nothing waits for an execution on its connection.
    Editor,
    /// A client of a language model: what it starts outlives it.
    Model,
    /// The user's own terminal: what is started from there outlives it too, and needs no trust,
    /// because it was typed.
    Terminal,
}

impl Client {
    /// Whether it may wait for the end of an execution.
    pub fn may_await(self) -> bool {
        self != Self::Editor
    }

    /// Whether it may start something only in a workspace that the user trusts.
    pub fn needs_trust(self) -> bool {
        matches!(self, Self::Editor | Self::Model)
    }

    /// Whether what it starts is carried out by the daemon of the workspace.
    pub fn is_outlived(self) -> bool {
        self != Self::Program
    }
}

/// One client.
pub struct Peer {
    /// Gone once nothing more is to be sent. Its queue ends with its last copy, so nobody keeps one.
    outbox: Mutex<Option<mpsc::Sender<Vec<u8>>>>,
    /// Whether nothing more is to be sent.
    closed: watch::Sender<bool>,
    /// How many messages it has taken.
    taken: AtomicU64,
    /// When it was heard of last, in milliseconds since the Unix epoch.
    heard_ms: AtomicU64,
    /// Commands of a client are carried out one after the other, in the order in which they came.
    pub(super) order: RwLock<Pace>,
    /// When it came, in milliseconds since the Unix epoch: what needed somebody before that is told
    /// by the status, not as news.
    pub since_ms: u64,
    /// What kind of client it is.
    pub client: Client,
    /// Its process, where it is at the other end of a socket.
    pub pid: Option<i32>,
    feeds: Mutex<BTreeMap<String, Arc<Feed>>>,
    next_subscription: Mutex<u64>,
    /// How many of its messages are being answered.
    under_way: watch::Sender<usize>,
}

/// A message that is being answered for as long as this lives.
pub struct Answering(Arc<Peer>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.under_way.send_modify(|count| *count -= 1);
    }
}

/// What a client is told of one execution.
struct Feed {
    execution: Arc<Execution>,
    /// Subscriptions to events, with the number of the next one.
    cursors: Mutex<BTreeMap<u64, u64>>,
    wake: tokio::sync::Notify,
    /// The number of the last event of which everything was sent.
    sent: watch::Sender<u64>,
}

/// A message that is no answer.
#[derive(Serialize)]
struct Notification<'a, P> {
    jsonrpc: &'a str,
    method: &'a str,
    params: P,
}

impl Peer {
    /// A client, and the queue of what it is to be sent.
    pub fn new(client: Client) -> (Arc<Self>, mpsc::Receiver<Vec<u8>>) {
        Self::at(client, None)
    }

    /// The same at the other end of a socket, of a process.
    pub fn at(client: Client, pid: Option<i32>) -> (Arc<Self>, mpsc::Receiver<Vec<u8>>) {
        let (outbox, queue) = mpsc::channel(QUEUE);
        (
            Arc::new(Self {
                outbox: Mutex::new(Some(outbox)),
                closed: watch::Sender::new(false),
                taken: AtomicU64::new(0),
                heard_ms: AtomicU64::new(now_ms()),
                order: RwLock::new(Pace::of_commands()),
                since_ms: now_ms(),
                client,
                pid,
                feeds: Mutex::default(),
                next_subscription: Mutex::new(1),
                under_way: watch::Sender::new(0),
            }),
            queue,
        )
    }

    /// One of its messages is being answered from now on.
    pub fn answering(self: &Arc<Self>) -> Answering {
        self.under_way.send_modify(|count| *count += 1);
        Answering(self.clone())
    }

    /// A client whose protocol has no place for our notifications: what changes is told in its own way.
    /// To be called where tasks can be spawned.
    pub fn unheard(client: Client) -> Arc<Self> {
        let (peer, mut queue) = Self::new(client);
        tokio::spawn(async move { while queue.recv().await.is_some() {} });
        peer
    }

    /// Sends a whole message; waits while the client reads slowly. Gives whether there still is
    /// somebody to read it.
    pub async fn send(&self, message: Vec<u8>) -> bool {
        match self.outbox() {
            Some(outbox) => {
                let sent = outbox.send(message).await.is_ok();
                self.taken.fetch_add(1, Ordering::Relaxed);
                sent
            }
            None => false,
        }
    }

    /// It has said something.
    pub fn heard(&self) {
        self.heard_ms.store(now_ms(), Ordering::Relaxed);
    }

    /// When it said something last, in milliseconds since the Unix epoch.
    pub fn heard_ms(&self) -> u64 {
        self.heard_ms.load(Ordering::Relaxed)
    }

    /// Whether it is told of what happens.
    pub fn follows(&self) -> bool {
        !self.feeds().is_empty()
    }

    /// Waits until nobody reads any more.
    pub async fn gone(&self) {
        // The sender lives as long as we do: it can't be lost.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// Nothing more is sent from now on but what is queued: we are done, or nobody reads any more.
    pub fn close(&self) {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.closed.send_replace(true);
    }

    fn outbox(&self) -> Option<mpsc::Sender<Vec<u8>>> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a notification.
    pub async fn notify(&self, method: &str, params: impl Serialize) -> bool {
        match serde_json::to_vec(&Notification { jsonrpc: "2.0", method, params }) {
            Ok(message) => self.send(message).await,
            Err(_) => true,
        }
    }

    /// From now on the client is told of progress, escalations and the result of an execution.
    pub fn watch(self: &Arc<Self>, execution: &Arc<Execution>) {
        self.feed(execution);
    }

    /// Also of its events, from a number on. Gives the subscription.
    ///
    /// # Errors
    /// It has enough of them.
    pub fn subscribe(
        self: &Arc<Self>,
        execution: &Arc<Execution>,
        from: u64,
    ) -> Result<u64, Failure> {
        if self.feeds().values().map(|feed| feed.cursors().len()).sum::<usize>()
            >= MAX_SUBSCRIPTIONS
        {
            return Err(Failure::new(
                FailureKind::Refused,
                format!(
                    "{MAX_SUBSCRIPTIONS} subscriptions are enough: `execution/unsubscribe` ends one"
                ),
            ));
        }
        let feed = self.feed(execution);
        let mut next = self.next_subscription.lock().unwrap_or_else(PoisonError::into_inner);
        let subscription = *next;
        *next += 1;
        feed.cursors().insert(subscription, from.max(1));
        feed.wake.notify_one();
        Ok(subscription)
    }

    /// No event of a subscription is sent from now on. Gives whether there was one.
    pub fn unsubscribe(&self, subscription: u64) -> bool {
        self.feeds().values().any(|feed| feed.cursors().remove(&subscription).is_some())
    }

    /// Waits until the client was sent everything that has happened so far.
    pub async fn drain(&self) {
        let feeds: Vec<Arc<Feed>> = self.feeds().values().cloned().collect();
        for feed in feeds {
            let last = *feed.execution.seq().borrow();
            let mut sent = feed.sent.subscribe();
            feed.wake.notify_one();
            tokio::select! {
                _ = sent.wait_for(|sent| *sent >= last) => {}
                () = self.gone() => return,
            }
        }
    }

    /// The same, for as long as the client reads: one that takes nothing for so long is given up.
    pub async fn drain_while_it_reads(&self, patience: Duration) {
        // What is asked last is answered before anybody leaves.
        let _ = timeout(patience, self.under_way.subscribe().wait_for(|count| *count == 0)).await;
        let drained = self.drain();
        tokio::pin!(drained);
        let mut before = self.taken.load(Ordering::Relaxed);
        while timeout(patience, &mut drained).await.is_err() {
            let now = self.taken.load(Ordering::Relaxed);
            if now == before {
                return;
            }
            before = now;
        }
    }

    fn feeds(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Feed>>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn feed(self: &Arc<Self>, execution: &Arc<Execution>) -> Arc<Feed> {
        let mut feeds = self.feeds();
        if let Some(feed) = feeds.get(execution.id.as_str()) {
            return feed.clone();
        }
        let feed = Arc::new(Feed {
            execution: execution.clone(),
            cursors: Mutex::default(),
            wake: tokio::sync::Notify::new(),
            sent: watch::Sender::new(0),
        });
        feeds.insert(execution.id.to_string(), feed.clone());
        tokio::spawn(feed.clone().run(self.clone()));
        feed
    }
}

impl Feed {
    fn cursors(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.cursors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what is new, as fast as the client reads; what it has not read stays in the journal.
    async fn run(self: Arc<Self>, peer: Arc<Peer>) {
        let mut seq = self.execution.seq();
        let mut shown = Shown::default();
        let mut readers = BTreeMap::new();
        loop {
            let last = *seq.borrow_and_update();
            if !self.send_events(&peer, last, &mut readers).await {
                return;
            }
            let state = self.execution.state();
            let mut again_at = None;
            // The snapshot may be ahead of what is on disk: then this turn comes again.
            if state.seq == last {
                match shown.send(&self.execution, &state, &peer).await {
                    Some(due) => again_at = due,
                    None => return,
                }
                self.sent.send_replace(last);
            }
            tokio::select! {
                changed = seq.changed() => if changed.is_err() { return },
                () = self.wake.notified() => {}
                () = sleep_until(again_at.unwrap_or_else(Instant::now)), if again_at.is_some() => {}
                () = peer.gone() => return,
            }
        }
    }

    async fn send_events(
        &self,
        peer: &Peer,
        last: u64,
        readers: &mut BTreeMap<u64, Lines>,
    ) -> bool {
        let cursors: Vec<(u64, u64)> =
            self.cursors().iter().map(|(subscription, next)| (*subscription, *next)).collect();
        readers.retain(|known, _| cursors.iter().any(|(subscription, _)| subscription == known));
        for (subscription, next) in cursors.into_iter().filter(|(_, next)| *next <= last) {
            let lines = match readers.remove(&subscription) {
                Some(lines) => Ok(lines),
                None => Lines::open(&self.execution.journal(), next),
            };
            let Ok(mut lines) = lines else { continue };
            match self.send_lines(peer, subscription, next..=last, &mut lines).await {
                Sent::All => drop(readers.insert(subscription, lines)),
                Sent::Ended => {}
                Sent::Gone => return false,
            }
        }
        true
    }

    /// Sends some events to one subscription.
    async fn send_lines(
        &self,
        peer: &Peer,
        subscription: u64,
        events: RangeInclusive<u64>,
        lines: &mut Lines,
    ) -> Sent {
        let (mut next, last) = (*events.start(), *events.end());
        let id = serde_json::Value::from(self.execution.id.as_str());
        let head = format!(
            r#"{{"jsonrpc":"2.0","method":"execution/event","params":{{"execution":{id},"subscription":{subscription},"#
        );
        while next <= last {
            let page = lines
                .take(PAGE.min(usize::try_from(last - next + 1).unwrap_or(PAGE)))
                .unwrap_or_default();
            if page.is_empty() {
                return Sent::Ended;
            }
            for body in page {
                // It may have been ended while the client was reading.
                match self.cursors().get_mut(&subscription) {
                    Some(cursor) => *cursor = next + 1,
                    None => return Sent::Ended,
                }
                let message = [head.as_bytes(), &body[1..], b"}}"].concat();
                if !peer.send(message).await {
                    return Sent::Gone;
                }
                next += 1;
            }
        }
        Sent::All
    }
}

/// What became of events to be sent.
enum Sent {
    /// All were.
    All,
    /// Nobody wants more of them, or the journal has no more.
    Ended,
    /// There is no client any more.
    Gone,
}

/// What a client was shown of an execution.
#[derive(Default)]
struct Shown {
    progress: Option<ProgressNotice>,
    pace: Pace,
    escalations: usize,
    /// Work that was offered to it, with how often that had been claimed before.
    offers: BTreeMap<OrderId, u32>,
    result: Option<u64>,
}

impl Shown {
    /// Sends what has changed. Gives when to look again, or nothing once nobody reads.
    async fn send(
        &mut self,
        execution: &Execution,
        state: &State,
        peer: &Peer,
    ) -> Option<Option<Instant>> {
        while let Some(escalation) = state.escalations.get(self.escalations) {
            self.escalations += 1;
            if escalation.at < peer.since_ms {
                continue;
            }
            let escalation = EscalationNotice {
                execution: execution.id.to_string(),
                at: escalation.at,
                about: escalation.about.clone(),
                why: escalation.why.clone(),
                tried: escalation.tried.clone(),
                needed: escalation.needed.clone(),
            };
            if !peer.notify("execution/escalation", escalation).await {
                return None;
            }
        }
        for (order, work) in offers(state) {
            let claims = state
                .orders
                .get(&order)
                .and_then(|open| open.offer.as_ref())
                .map_or(0, |offer| offer.claims);
            if self.offers.insert(order, claims) == Some(claims) {
                continue;
            }
            let agent = work.agent();
            let skills =
                agent.and_then(|name| state.policy.agent(name)).map(|agent| agent.skills.clone());
            let offer = OfferNotice {
                execution: execution.id.to_string(),
                order: order.to_string(),
                what: work_name(work),
                task: work.task().map(ToString::to_string),
                agent: agent.map(ToString::to_string),
                skills: skills.unwrap_or_default(),
            };
            if !peer.notify("task/offered", offer).await {
                return None;
            }
        }
        self.offers.retain(|order, _| state.orders.contains_key(order));
        let ended = state.ended.map(|(_, at)| at);
        let now = Instant::now();
        let due = self.pace.next_at(now);
        if due > now && ended.is_none() {
            return Some(Some(due));
        }
        let mut notice = progress(execution, state);
        if self
            .progress
            .as_ref()
            .is_none_or(|shown| ProgressNotice { seq: notice.seq, ..shown.clone() } != notice)
        {
            self.pace.count(now);
            if !peer.notify("execution/progress", &notice).await {
                return None;
            }
            notice.seq = state.seq;
            self.progress = Some(notice);
        }
        if ended.is_some()
            && self.result != ended
            && !peer.notify("execution/result", report_document(execution, state)).await
        {
            return None;
        }
        self.result = ended;
        Some(None)
    }
}

/// The five sections, with what the journal can't know: whether anybody is at work, and where the log is.
pub fn status(execution: &Execution) -> StatusReport {
    let status = status_report(&execution.state()).owned(execution.owner().is_some());
    StatusReport { log: log_beside(&execution.dir), ..status }
}

/// How far an execution is.
pub fn progress(execution: &Execution, state: &State) -> ProgressNotice {
    let status = status(execution);
    let current = state.orders.iter().map(|(order, open)| CurrentOrder {
        order: order.to_string(),
        what: work_name(&open.work),
        task: open.work.task().map(ToString::to_string),
        agent: open.work.agent().map(ToString::to_string),
        since: open.at,
    });
    ProgressNotice {
        execution: execution.id.to_string(),
        topic: status.topic,
        seq: state.seq,
        state: status.state,
        percent: status.overview.percent,
        done: status.overview.done_tasks,
        total: status.overview.total_tasks,
        streams: status
            .streams
            .into_iter()
            .map(|stream| StreamProgress {
                id: stream.id,
                name: stream.name,
                state: stream.state,
                percent: stream.percent,
            })
            .collect(),
        current: current.collect(),
        critical_path: status.risk.critical_path,
        remaining_min_ms: status.overview.remaining_min_ms,
        remaining_max_ms: status.overview.remaining_max_ms,
    }
}

/// The return protocol of an execution.
pub fn report_document(execution: &Execution, state: &State) -> ReportDocument {
    let report = report(state);
    let markdown = report.markdown();
    ReportDocument { execution: execution.id.to_string(), report, markdown }
}

/// Runs what would hold up others on a thread of its own.
///
/// # Errors
/// What it says, or that it panicked.
pub async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Failure::internal(panicked())))
}
