//! Carries out orders that are on record: one `match` over them. Each becomes a task that ends
//! in an input.

use super::kept;
use super::message::Message;
use super::sources::{SharedConfig, Sources};
use super::texts::Texts;
use super::worktrees::{Checkout, GitOperation, SetupContext};
use crate::agents::command::Agents;
use crate::agents::steering::{SteerMessage, Steering};
use crate::config::Config;
use crate::core::brief::{Brief, brief, work_name};
use crate::core::event::{Event, Purpose, Recorded, Work};
use crate::core::evidence::{keeps_worktree, red_tests};
use crate::core::id::OrderId;
use crate::core::input::Input;
use crate::core::outcome::{AgentOutcome, Ending, GateVerdict, ReviewOutcome};
use crate::core::state::State;
use crate::gates::command::{Beside, Evaluation, Gates};
use crate::process::Processes;
use crate::view::View;
use crate::workspace::execution_dir::ExecutionDir;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use tokio::sync::{mpsc, watch};
use tracing::Instrument;

/// What carries out orders.
pub struct Executor {
    /// Runs agents.
    pub agents: Agents,
    /// Runs gates.
    pub gates: Gates,
    /// Starts processes.
    pub processes: Processes,
    /// Commands of agents and gates; replaced when the config changes.
    pub config: SharedConfig,
    /// Where last lines are shown.
    pub view: Arc<View>,
    /// The mailbox.
    pub inbox: mpsc::UnboundedSender<Message>,
    /// The breakdown's own words.
    pub texts: Option<Arc<Texts>>,
    /// The breakdown and the config.
    pub sources: Option<Arc<Sources>>,
    stops: BTreeMap<OrderId, watch::Sender<bool>>,
    /// Ways to the agents that are at work.
    writers: BTreeMap<OrderId, mpsc::UnboundedSender<SteerMessage>>,
}

impl Executor {
    /// Nothing under way.
    pub fn new(
        agents: Agents,
        gates: Gates,
        processes: Processes,
        config: SharedConfig,
        view: Arc<View>,
        inbox: mpsc::UnboundedSender<Message>,
    ) -> Self {
        Self {
            agents,
            gates,
            processes,
            config,
            view,
            inbox,
            texts: None,
            sources: None,
            stops: BTreeMap::new(),
            writers: BTreeMap::new(),
        }
    }

    /// Carries out what a batch orders. The batch is in the journal.
    pub fn execute(&mut self, state: &State, batch: &[Recorded]) {
        for recorded in batch {
            match &recorded.event {
                // What is left to others is shown to them; whoever claims it carries it out.
                Event::Ordered { order, work, .. }
                    if state.orders.get(order).is_some_and(|open| open.offer.is_none()) =>
                {
                    self.start(state, *order, work);
                }
                Event::ChangeDecided { file, approved: true, digest, .. } => {
                    if let Some(sources) = self.sources.clone() {
                        let (file, digest) = (file.clone(), digest.clone());
                        tokio::task::spawn_blocking(move || sources.take_named(&file, &digest));
                    }
                }
                Event::Steered { order, text, .. } => {
                    let message = SteerMessage { steered: recorded.seq, text: text.clone() };
                    if self.writers.get(order).is_none_or(|says| says.send(message).is_err()) {
                        let outcome = Err("nobody is at work on it any more".to_owned());
                        let _ = self
                            .inbox
                            .send(Input::SteerEnded(*order, recorded.seq, outcome).into());
                    }
                }
                Event::StopOrdered { order, .. } => {
                    if let Some(stop) = self.stops.get(order) {
                        stop.send_replace(true);
                    }
                }
                // What is part of the result needs no worktree of its own any more.
                Event::TaskDone { task } => {
                    let worktree = state
                        .task_state(task)
                        .filter(|known| !keeps_worktree(known))
                        .and_then(|known| known.worktree.clone());
                    if let (Some(repository), Some(worktree)) =
                        (self.agents.repository.clone(), worktree)
                    {
                        tokio::task::spawn_blocking(move || repository.remove(worktree.order));
                    }
                }
                Event::Ended { order, .. } => {
                    self.stops.remove(order);
                    self.writers.remove(order);
                    self.gates.remember(recorded);
                }
                _ => {}
            }
        }
    }

    /// Stops all that is under way.
    pub fn stop_all(&self) {
        for stop in self.stops.values() {
            stop.send_replace(true);
        }
    }

    fn start(&mut self, state: &State, order: OrderId, work: &Work) {
        let (stop, stopped) = watch::channel(false);
        self.stops.insert(order, stop);
        let span = tracing::debug_span!("order", %order, work = work_name(work));
        span.in_scope(|| tracing::debug!("begins"));
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner).clone();
        let agents = self.agents.clone();
        let ground = SetupContext {
            config: config.clone(),
            processes: self.processes.clone(),
            root: agents.root.clone(),
            output: agents.dir.setup_output(order),
            cookie: agents.dir.cookie(order),
            stop: stopped.clone(),
        };
        let inbox = self.inbox.clone();
        if let Some(operation) = GitOperation::for_order(state, order, work) {
            let repository = agents.repository.clone();
            let done = async move {
                let outcome = ground.carry_out(repository, operation).await;
                let _ = inbox.send(Input::RepositoryEnded(order, outcome).into());
            };
            tokio::spawn(done.instrument(span));
            return;
        }
        let checkout = Checkout::for_work(state, work, &agents);
        let run = Order { order, checkout, config, agents, ground, stopped };
        if let Some(evaluation) = self.evaluation(state, order, work) {
            tokio::spawn(run.gate(self.gates.clone(), evaluation, inbox).instrument(span));
        } else if let Some(brief) = brief(state, order) {
            let attempt = self.attempt(state, order, work, brief);
            tokio::spawn(run.agent(attempt, inbox).instrument(span));
        }
    }

    /// What a gate is to judge; none where an order is none of a gate. Its folder is made when it begins.
    fn evaluation(&self, state: &State, order: OrderId, work: &Work) -> Option<Evaluation> {
        let Work::Gate { check, gate, task, purpose } = work else { return None };
        let of_task = task
            .as_ref()
            .and_then(|id| state.graph.task(id))
            .and_then(|ix| state.task(ix).stream.clone());
        let of_gate = gate
            .as_ref()
            .and_then(|id| state.graph.gate(id))
            .and_then(|ix| state.gates[ix].streams.last().cloned());
        Some(Evaluation {
            order,
            check: check.clone(),
            purpose: *purpose,
            task: task.clone(),
            stream: of_task.or(of_gate),
            red: red_for(state, work),
            folder: Err(String::new()),
            tree: PathBuf::new(),
            output: self.agents.output(&order.to_string()),
            cookie: self.agents.dir.cookie(order),
        })
    }

    /// What an agent is to do, and how it is talked with meanwhile.
    fn attempt(&mut self, state: &State, order: OrderId, work: &Work, brief: Brief) -> Attempt {
        let (says, messages) = mpsc::unbounded_channel();
        if work.is_attempt() {
            self.writers.insert(order, says);
        }
        let inbox = self.inbox.clone();
        // The loop may have ended: then nobody waits for this any more.
        let steering = Steering::new(messages, move |steered, outcome| {
            drop(inbox.send(Input::SteerEnded(order, steered, outcome).into()))
        });
        let beside = (work.is_attempt() && !state.policy.isolated)
            .then(|| self.gates.beside(&self.agents.root));
        Attempt {
            brief,
            is_review: matches!(work, Work::Review { .. }),
            texts: self.texts.clone(),
            view: self.view.clone(),
            steering,
            beside,
        }
    }
}

/// An order to a gate or an agent, with all that carrying it out needs.
struct Order {
    order: OrderId,
    checkout: Checkout,
    config: Arc<Config>,
    agents: Agents,
    ground: SetupContext,
    stopped: watch::Receiver<bool>,
}

/// The work of an agent.
struct Attempt {
    brief: Brief,
    is_review: bool,
    texts: Option<Arc<Texts>>,
    view: Arc<View>,
    steering: Steering,
    /// In a folder that gates judge too, held until its work is over.
    beside: Option<Beside>,
}

// Each ends in an input. The loop may have ended by then: nobody waits for that any more.
impl Order {
    async fn gate(
        self,
        gates: Gates,
        mut evaluation: Evaluation,
        inbox: mpsc::UnboundedSender<Message>,
    ) {
        let Self { order, checkout, config, agents, ground, stopped } = self;
        keep(&agents.dir, move |dir| kept::clear(dir, order)).await;
        evaluation.folder = checkout.folder(&agents, &ground).await;
        let folder = evaluation.folder.clone().unwrap_or_default();
        evaluation.tree = agents
            .repository
            .as_ref()
            .map_or(folder.clone(), |repository| repository.top_of(&folder));
        let mut measures = gates.evaluate(&config, &ground.processes, evaluation, stopped).await;
        measures.kept = keep(&agents.dir, move |dir| kept::digests(dir, order)).await;
        let _ = inbox.send(Input::GateEnded(order, measures).into());
    }

    async fn agent(self, attempt: Attempt, inbox: mpsc::UnboundedSender<Message>) {
        let Self { order, checkout, config, agents, ground, stopped } = self;
        let Attempt { mut brief, is_review, texts, view, steering, beside } = attempt;
        keep(&agents.dir, move |dir| kept::clear(dir, order)).await;
        let told = tokio::task::spawn_blocking(move || {
            texts.iter().for_each(|texts| texts.fill(&mut brief));
            brief
        });
        // It can only fail by a mistake of ours.
        let Ok(mut brief) = told.await else { return };
        if brief.task.is_none() && agents.repository.is_some() {
            match checkout.folder(&agents, &ground).await {
                Ok(folder) => {
                    brief.folder = folder.display().to_string();
                    let repository = agents.repository.clone();
                    let base = tokio::task::spawn_blocking(move || {
                        repository.and_then(|repository| repository.grown_from().ok())
                    });
                    brief.base = base.await.ok().flatten().unwrap_or_default();
                }
                Err(why) => {
                    let _ = inbox.send(Input::ReviewEnded(order, unseen(why)).into());
                    return;
                }
            }
        }
        let tail = move |line: &str| view.printed(order, line);
        let digests = || keep(&agents.dir, move |dir| kept::digests(dir, order));
        let processes = &ground.processes;
        let input = if is_review {
            let outcome = agents.review(&config, processes, &brief, stopped, tail).await;
            Input::ReviewEnded(order, ReviewOutcome { kept: digests().await, ..outcome })
        } else {
            let steered = (stopped, steering);
            let outcome = agents.attempt(&config, processes, &brief, steered, tail).await;
            drop(beside);
            Input::AgentEnded(order, AgentOutcome { kept: digests().await, ..outcome })
        };
        let _ = inbox.send(input.into());
    }
}

/// Files are large: not on the loop.
async fn keep<T: Default + Send + 'static>(
    dir: &ExecutionDir,
    work: impl FnOnce(&ExecutionDir) -> T + Send + 'static,
) -> T {
    let dir = dir.clone();
    tokio::task::spawn_blocking(move || work(&dir)).await.unwrap_or_default()
}

/// The tests that a run of a task's gate has to show as passed.
fn red_for(state: &State, work: &Work) -> BTreeSet<String> {
    match work {
        Work::Gate {
            check, task: Some(task), purpose: Purpose::Judge | Purpose::Merged, ..
        } if state.policy.tests_gate().is_some_and(|gate| gate.name == *check) => {
            red_tests(state, task)
        }
        _ => BTreeSet::new(),
    }
}

/// A review for which there was nothing to look at.
fn unseen(why: String) -> ReviewOutcome {
    ReviewOutcome {
        kept: BTreeMap::new(),
        shortage: None,
        ending: Ending::DidNotStart(why.clone()),
        verdict: GateVerdict::NotEvaluated,
        findings: Vec::new(),
        summary: why,
        duration_ms: 0,
    }
}
