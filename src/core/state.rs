//! The sum of the events. [`State::apply`] is the only place where it changes, and it is total:
//! an event that makes no sense changes nothing.

mod ends;
mod parts;

pub use ends::is_red;
pub use parts::{
    Batch, Decision, Escalation, GatePhase, GateState, Holder, Judged, Merging, Offer, OpenOrder,
    Phase, TaskState, Utilisation, Worktree,
};

use super::allocation::{Allocation, allocate};
use super::change::rename;
use super::event::{Event, Mark, Recorded, Status, Step, Work};
use super::graph::{self, Graph, OrderedWeight};
use super::hold::Held;
use super::id::{AgentName, ExecutionId, GateId, OrderId, TaskId};
use super::lease::is_offered;
use super::outcome::{AgentOutcome, Finding, GateVerdict, ReviewOutcome, Severity};
use super::plan::{Plan, Task};
use super::policy::{Gate, GatePolicy, Policy};
use super::steer::Said;
use super::throttle::Pool;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything that is true of one execution. Cheap to clone: what did not change is shared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// The number of the last event.
    pub seq: u64,
    /// The time of the last event, in milliseconds since the Unix epoch.
    pub now: u64,
    /// Which execution; none before the first event.
    pub execution: Option<ExecutionId>,
    /// Where the breakdown is.
    pub breakdown: Arc<str>,
    /// What there is to do.
    pub plan: Arc<Plan>,
    /// By which rules.
    pub policy: Arc<Policy>,
    /// Gates of streams, the system and the deployment.
    pub gates: Arc<Vec<Gate>>,
    /// What follows from who waits for whom.
    pub graph: Arc<Graph>,
    /// Who does what, by the plan's task indices.
    pub allocation: Arc<Vec<Allocation>>,
    /// By the plan's task indices.
    pub tasks: Vec<Arc<TaskState>>,
    /// By the indices of `gates`.
    pub gate_states: Vec<Arc<GateState>>,
    /// What was ordered and has not ended.
    pub orders: BTreeMap<OrderId, OpenOrder>,
    /// The last order's number.
    pub last_order: u64,
    /// Nothing new is ordered.
    pub paused: bool,
    /// Everything stops.
    pub cancelled: bool,
    /// When it began.
    pub started_at: u64,
    /// When its last owner took it up.
    pub owned_since: u64,
    /// How and when it came to rest.
    pub ended: Option<(Status, u64)>,
    /// What people decided.
    pub decisions: BTreeMap<GateId, Decision>,
    /// Files whose changes are not in force.
    pub held: BTreeMap<String, Held>,
    /// The config and what else is read once, by their digests when they were read last.
    pub sources: BTreeMap<String, String>,
    /// What a person has approved last of each, by its digest.
    pub approved_changes: BTreeMap<String, String>,
    /// The last attempt that could change them, and when it ended.
    pub last_suspect: Option<(OrderId, u64)>,
    /// Reviews of the whole.
    pub final_reviews: BTreeMap<AgentName, (OrderId, ReviewOutcome)>,
    /// For what somebody was or is needed, latest last.
    pub escalations: Vec<Arc<Escalation>>,
    /// What each agent did.
    pub utilisation: BTreeMap<AgentName, Utilisation>,
    /// What was wrong with the last breakdown that was refused.
    pub plan_problems: Vec<String>,
    /// How often what gates judge may have become another: with each attempt that ended in a shared
    /// folder, with each merge that landed otherwise. A gate judged before the last is stale.
    pub changes: u64,
    /// What is being merged.
    pub merging: Merging,
    /// What of agents can be had.
    pub pools: BTreeMap<String, Pool>,
    /// Waiting tasks whose dependencies are done, by rank, then by position in the file.
    pub ready: BTreeSet<(Reverse<OrderedWeight>, usize)>,
    /// Tasks being worked on.
    pub active: BTreeSet<usize>,
    /// Gates of streams whose work is done and that have not passed.
    pub due_gates: BTreeSet<usize>,
    /// Open orders of each agent.
    pub busy: BTreeMap<AgentName, u32>,
    pending: Vec<u32>,
    complete: Vec<bool>,
}

/// What an escalation is about that keeps the result from the checkout.
pub const THE_RESULT: &str = "the result";
/// The prefix of what escalations about agents are about.
pub const OF_AGENT: &str = "agent ";

/// What an escalation is about that keeps the user's new commits from the result.
pub const THE_BASE: &str = "the new commits";

impl GateState {
    /// To be evaluated again; what is being measured just now will not count.
    fn reset(&self, last_order: u64) -> Self {
        Self { open: self.open.clone(), reset_at: OrderId(last_order), ..Self::default() }
    }
}

impl TaskState {
    /// Done, skipped or marked so: what waits for it may go on.
    pub fn satisfied(&self) -> bool {
        matches!(
            self.phase,
            Phase::Done | Phase::Skipped | Phase::Marked(Mark::Done | Mark::Skipped)
        )
    }
    /// Not to be started again by itself.
    pub fn settled(&self) -> bool {
        !matches!(self.phase, Phase::Waiting | Phase::Active(_))
    }
    /// The step it is in.
    pub fn step(&self) -> Option<Step> {
        match self.phase {
            Phase::Active(step) => Some(step),
            _ => None,
        }
    }
}

impl State {
    /// The task at an index of the plan.
    pub fn task(&self, ix: usize) -> &Task {
        &self.plan.tasks[ix]
    }

    /// The state of a task by its id.
    pub fn task_state(&self, id: &TaskId) -> Option<&TaskState> {
        self.graph.task(id).map(|ix| &*self.tasks[ix])
    }

    /// The configured gates with a command that a task must pass.
    pub fn task_checks(&self, ix: usize) -> impl Iterator<Item = &GatePolicy> {
        self.task_gates(ix).filter(|gate| gate.command)
    }

    /// All configured gates of a task, approvals included.
    pub fn task_gates(&self, ix: usize) -> impl Iterator<Item = &GatePolicy> {
        let stream = self.plan.tasks[ix].stream.as_ref();
        self.policy.gates.iter().filter(move |gate| gate.is_for_tasks_of(stream))
    }

    /// Whether a task's dependencies are done.
    pub fn dependencies_done(&self, ix: usize) -> bool {
        self.pending[ix] == 0
    }

    /// Whether a stream's tasks are done and its gates passed.
    pub fn stream_done(&self, ix: usize) -> bool {
        self.complete[self.graph.end_of_stream(ix)]
    }

    /// How many open orders change the code.
    pub fn open_attempts(&self) -> usize {
        self.orders.values().filter(|order| order.work.is_attempt()).count()
    }

    /// Whether the result is being changed: nobody looks at it meanwhile.
    pub fn is_publishing(&self) -> bool {
        self.orders.values().any(|open| matches!(open.work, Work::Land { .. } | Work::Renew { .. }))
    }

    /// How many open orders measure a gate.
    pub fn open_gates(&self) -> usize {
        self.orders.values().filter(|order| matches!(order.work, Work::Gate { .. })).count()
    }

    /// The next thing that happens after `now_ms` if nothing happens: a deadline or the end of a
    /// wait.
    pub fn wake_at(&self, now_ms: u64) -> Option<u64> {
        if self.ended.is_some() {
            return None;
        }
        let deadlines = self.orders.values().filter_map(OpenOrder::due_at);
        let waits =
            self.active.iter().map(|&ix| self.tasks[ix].not_before).filter(|&at| at > now_ms);
        let pauses = self.pools.values().map(|pool| pool.paused_until).filter(|&at| at > now_ms);
        deadlines.chain(waits).chain(pauses).min()
    }

    /// Adds one event.
    pub fn apply(&mut self, recorded: &Recorded) {
        self.seq = recorded.seq;
        self.now = self.now.max(recorded.at);
        match &recorded.event {
            Event::Opened { execution, breakdown, .. } => {
                self.execution = Some(execution.clone());
                self.breakdown = breakdown.as_str().into();
                self.started_at = self.now;
                self.owned_since = self.now;
            }
            Event::PlanAccepted { plan } => {
                self.take_plan(plan.clone());
                self.plan_problems.clear();
            }
            Event::TasksRenamed { names } => self.rename(names),
            Event::TaskChanged { task, .. } => {
                self.with_task(task, |task| {
                    let open = std::mem::take(&mut task.open);
                    *task = TaskState {
                        open,
                        attempts: task.attempts,
                        test_attempts: task.test_attempts,
                        ..TaskState::default()
                    };
                });
                self.forget_approvals(task);
                self.rebuild();
            }
            Event::PlanRejected { problems } => self.plan_problems = problems.clone(),
            Event::PolicySet { policy } => {
                self.policy = policy.clone();
                self.take_plan(self.plan.clone());
            }
            Event::Marked { task, mark } => self.settle(task, Phase::Marked(*mark)),
            Event::Entered { task, step } => self.enter(recorded.seq, task, *step),
            Event::Ordered { order, work, deadline } => {
                self.merging.ordered(recorded.seq, work);
                self.order(*order, work, *deadline);
            }
            Event::StopOrdered { order, .. } => {
                if let Some(open) = self.orders.get_mut(order) {
                    open.stopping = true;
                }
            }
            Event::Claimed { order, by, until, deadline } => {
                if let Some(open) = self.orders.get_mut(order)
                    && let Some(offer) = &mut open.offer
                {
                    open.deadline = *deadline;
                    offer.claims += 1;
                    offer.holder = Some(Holder { by: by.clone(), at: self.now, until: *until });
                }
            }
            Event::LeaseExtended { order, until } => {
                if let Some(holder) = self.holder(order) {
                    holder.until = *until;
                }
            }
            Event::Released { order, .. } => {
                if let Some(offer) = self.orders.get_mut(order).and_then(|open| open.offer.as_mut())
                {
                    offer.holder = None;
                }
            }
            Event::ChangeHeld { file, during, digest } => {
                let held = Held { during: during.clone(), digest: digest.clone(), rejected: false };
                self.held.insert(file.clone(), held);
            }
            Event::ChangeDecided { file, approved: true, digest, .. } => {
                self.held.remove(file);
                self.approved_changes.insert(file.clone(), digest.clone());
            }
            Event::ChangeDecided { file, .. } => {
                self.held.get_mut(file).into_iter().for_each(|held| held.rejected = true)
            }
            Event::Ended { order, outcome } => self.end(*order, outcome),
            Event::Postponed { task, until, not_counted, why } => self.with_task(task, |task| {
                task.not_before = *until;
                task.postponed = Some(why.clone());
                task.tries += u32::from(!not_counted);
                task.last = None;
                task.worktree_failed = None;
                // It goes to the end of the queue.
                task.queued_at = recorded.seq;
                task.red = task.red.take().filter(|red| red.verdict != GateVerdict::NotEvaluated);
                task.gates.retain(|_, judged| judged.verdict != GateVerdict::NotEvaluated);
                task.reviews.retain(|_, (_, review)| review.verdict != GateVerdict::NotEvaluated);
            }),
            Event::Rework { task, step, findings, not_counted } => {
                self.rework(task, *step, findings, *not_counted)
            }
            Event::TaskDone { task } => self.settle(task, Phase::Done),
            Event::TaskFailed { task, reason } => self.settle(task, Phase::Failed(reason.clone())),
            Event::TaskBlocked { task, reason } => {
                self.with_task(task, |task| {
                    let asks = task.last.as_ref().is_some_and(AgentOutcome::asks);
                    task.asked = task.step().filter(|_| asks);
                });
                self.settle(task, Phase::Blocked(reason.clone()));
            }
            Event::Steered { order, text, from } => {
                let said = Said {
                    steered: recorded.seq,
                    order: *order,
                    by: from.by.clone(),
                    text: text.clone(),
                    outcome: None,
                };
                if let Some(task) =
                    self.orders.get(order).and_then(|open| open.work.task()).cloned()
                {
                    self.with_task(&task, |task| task.said.push(said));
                }
            }
            Event::SteerEnded { steered, why, .. } => {
                let outcome = why.clone().map_or(Ok(()), Err);
                let of =
                    |task: &Arc<TaskState>| task.said.iter().any(|said| said.steered == *steered);
                if let Some(task) = self.tasks.iter_mut().find(|task| of(task)) {
                    let said =
                        Arc::make_mut(task).said.iter_mut().filter(|said| said.steered == *steered);
                    said.for_each(|said| said.outcome = Some(outcome.clone()));
                }
            }
            Event::TaskAnswered { task, text, from } => {
                self.with_task(task, |task| {
                    let (Some(step), Phase::Blocked(asked)) = (task.asked.take(), &task.phase)
                    else {
                        return;
                    };
                    let text = format!("{asked}. The answer: {text}");
                    task.findings.push(Finding {
                        by: from.by.clone(),
                        severity: Severity::Blocker,
                        text,
                        place: None,
                    });
                    task.phase = Phase::Active(step);
                    (task.answered, task.last, task.tries, task.not_before) = (true, None, 0, 0);
                });
                self.rebuild();
            }
            Event::TaskSkipped { task } => self.settle(task, Phase::Skipped),
            Event::TaskRetried { task } => {
                let isolated = self.policy.isolated;
                // Whoever tries again has seen to it that it may help.
                self.pools.values_mut().for_each(|pool| (pool.failures, pool.refused) = (0, None));
                self.with_task(task, |task| {
                    let kept = TaskState {
                        open: std::mem::take(&mut task.open),
                        attempts: task.attempts,
                        test_attempts: task.test_attempts,
                        rework: task.rework,
                        remarks: std::mem::take(&mut task.remarks),
                        spent: task.spent,
                        outside: std::mem::take(&mut task.outside),
                        said: std::mem::take(&mut task.said),
                        consultations: std::mem::take(&mut task.consultations),
                        // Tests that were seen to fail before the work stay seen.
                        baseline: std::mem::take(&mut task.baseline),
                        red: task.red.take().filter(|_| task.red_seen),
                        red_seen: task.red_seen,
                        tests_result: task.tests_result.take(),
                        tests_commit: task.tests_commit.take().filter(|_| task.red_seen),
                        tests_files: std::mem::take(&mut task.tests_files)
                            .into_iter()
                            .filter(|_| task.red_seen || !isolated)
                            .collect(),
                        has_leftovers: !isolated
                            && (task.has_leftovers || !task.changed.is_empty()),
                        // In a folder that all share, it is all still there.
                        changed: std::mem::take(&mut task.changed)
                            .into_iter()
                            .filter(|_| !isolated)
                            .collect(),
                        ..TaskState::default()
                    };
                    *task = kept;
                });
                self.forget_approvals(task);
                self.rebuild();
            }
            Event::GatePassed { gate } => {
                self.set_gate(gate, GatePhase::Passed);
                if let Some(ix) = self.graph.gate(gate) {
                    self.due_gates.remove(&ix);
                    self.completed(self.graph.gate_node(ix));
                }
            }
            Event::GateFailed { gate, reason } => {
                self.set_gate(gate, GatePhase::Failed(reason.clone()));
                self.rebuild();
            }
            Event::GateOpen { gate, reason } => {
                self.set_gate(gate, GatePhase::Open(reason.clone()));
                self.rebuild();
            }
            Event::GateReset { gate } => {
                if let Some(ix) = self.graph.gate(gate) {
                    self.gate_states[ix] = Arc::new(self.gate_states[ix].reset(self.last_order));
                }
                // What was decided was decided about something else.
                self.decisions.remove(gate);
                self.rebuild();
            }
            Event::GateDecided { gate, approved, by, reason, .. } => {
                let open = self
                    .orders
                    .iter()
                    .filter(|(_, open)| open.work.is_attempt())
                    .map(|(order, _)| *order)
                    .collect();
                let after = OrderId(self.last_order);
                let decision = Decision {
                    after,
                    open,
                    approved: *approved,
                    by: by.clone(),
                    reason: reason.clone(),
                };
                self.decisions.insert(gate.clone(), decision);
                if let Some(ix) = self.graph.gate(gate) {
                    Arc::make_mut(&mut self.gate_states[ix]).phase = GatePhase::Pending;
                    self.rebuild();
                }
            }
            Event::Escalated { about, why, tried, needed } => {
                self.escalations.push(Arc::new(Escalation {
                    at: recorded.at,
                    about: about.clone(),
                    why: why.clone(),
                    tried: tried.clone(),
                    needed: needed.clone(),
                }))
            }
            Event::Paused => self.paused = true,
            Event::Resumed => self.paused = false,
            Event::Cancelled => self.cancelled = true,
            Event::BaseMoved { commit, rewritten } => {
                self.escalations.retain(|known| known.about != THE_BASE);
                self.merging.base_moved(commit, *rewritten);
            }
            // It goes by what is there now: what was rejected is not.
            Event::Restarted => self.held.retain(|_, held| !held.rejected),
            Event::TakenUp { .. } => self.owned_since = recorded.at,
            Event::SourcesRead { files } => self.sources.clone_from(files),
            Event::Reopened => {
                self.pools.values_mut().for_each(|pool| (pool.failures, pool.refused) = (0, None));
                self.ended = None;
                self.escalations.retain(|known| !known.about.starts_with(OF_AGENT));
                // What was in the way of the result may be gone.
                if !self.merging.is_delivered() {
                    self.merging.delivered = None;
                    self.escalations.retain(|known| known.about != THE_RESULT);
                }
                self.final_reviews.retain(|_, (_, review)| review.verdict == GateVerdict::Passed);
            }
            Event::ExecutionEnded { status } => self.ended = Some((*status, recorded.at)),
        }
    }

    fn take_plan(&mut self, plan: Arc<Plan>) {
        let old_tasks: BTreeMap<TaskId, Arc<TaskState>> = self
            .plan
            .tasks
            .iter()
            .zip(&self.tasks)
            .map(|(task, state)| (task.id.clone(), state.clone()))
            .collect();
        let old_gates: BTreeMap<GateId, Arc<GateState>> = self
            .gates
            .iter()
            .zip(&self.gate_states)
            .map(|(gate, state)| (gate.id.clone(), state.clone()))
            .collect();
        self.gates = Arc::new(self.policy.gates_of(&plan));
        self.graph = Arc::new(Graph::new(&plan, &self.gates, &self.policy.weights));
        self.allocation = Arc::new(allocate(&plan, &self.policy));
        self.tasks = plan
            .tasks
            .iter()
            .map(|task| old_tasks.get(&task.id).cloned().unwrap_or_default())
            .collect();
        // A gate that closes other tasks than before must be judged again.
        let closes = |plan: &Plan, gate: &Gate| -> Vec<TaskId> {
            gate.streams
                .iter()
                .flat_map(|id| plan.tasks_of(id))
                .map(|task| task.id.clone())
                .collect()
        };
        let kept = |gate: &&Gate| {
            self.plan.tasks.is_empty() || closes(&self.plan, gate) == closes(&plan, gate)
        };
        let state = |gate: &Gate| match old_gates.get(&gate.id) {
            Some(known) if kept(&gate) => known.clone(),
            Some(known) => Arc::new(known.reset(self.last_order)),
            None => Arc::default(),
        };
        self.gate_states = self.gates.iter().map(state).collect();
        self.plan = plan;
        self.rebuild();
    }

    /// Tasks have other ids: whatever is known of them goes with them.
    fn rename(&mut self, names: &BTreeMap<TaskId, TaskId>) {
        let mut plan = (*self.plan).clone();
        rename(&mut plan, names);
        self.plan = Arc::new(plan);
        self.orders.values_mut().for_each(|order| order.work.rename(names));
        self.merging.rename(names);
        let decisions = std::mem::take(&mut self.decisions).into_iter().map(|(gate, decision)| {
            let of_task = gate
                .as_str()
                .rsplit_once('@')
                .and_then(|(name, id)| Some((name, names.get(&TaskId::from(id))?)));
            (
                of_task.map(|(name, id)| GateId::from(format!("{name}@{id}"))).unwrap_or(gate),
                decision,
            )
        });
        self.decisions = decisions.collect();
        self.take_plan(self.plan.clone());
    }

    /// Works out again what can be derived: which tasks are ready, active, which gates are due.
    fn rebuild(&mut self) {
        self.pending = self.graph.predecessors().to_vec();
        self.complete = vec![false; self.graph.len()];
        self.ready.clear();
        self.due_gates.clear();
        self.active = (0..self.tasks.len()).filter(|&ix| self.tasks[ix].step().is_some()).collect();
        // What is done satisfies what waits for it, even where it was done before its turn.
        for ix in 0..self.tasks.len() {
            if self.tasks[ix].satisfied() {
                self.completed(ix);
            }
        }
        for node in 0..self.graph.len() {
            if !self.complete[node] && self.graph.predecessors()[node] == 0 {
                self.arrive(node);
            }
        }
    }

    /// A node's predecessors are complete: go on from there.
    fn arrive(&mut self, node: usize) {
        match self.graph.kind(node) {
            graph::NodeKind::Task(ix) if self.tasks[ix].satisfied() => self.completed(node),
            graph::NodeKind::Task(ix) => {
                if self.tasks[ix].phase == Phase::Waiting && self.plan.tasks[ix].broken.is_none() {
                    self.ready.insert((Reverse(OrderedWeight(self.graph.rank(ix))), ix));
                }
            }
            graph::NodeKind::Gate(ix) if self.gate_states[ix].phase == GatePhase::Passed => {
                self.completed(node)
            }
            graph::NodeKind::Gate(ix) => {
                if !self.gates[ix].streams.is_empty() {
                    self.due_gates.insert(ix);
                }
            }
            graph::NodeKind::Stream | graph::NodeKind::Barrier => self.completed(node),
        }
    }

    /// A node is complete: its successors may go on.
    fn completed(&mut self, node: usize) {
        let nodes = self.graph.clone();
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            if std::mem::replace(&mut self.complete[node], true) {
                continue;
            }
            for &next in nodes.successors(node) {
                let next = next as usize;
                self.pending[next] = self.pending[next].saturating_sub(1);
                if self.pending[next] > 0 {
                    continue;
                }
                match nodes.kind(next) {
                    graph::NodeKind::Stream | graph::NodeKind::Barrier => stack.push(next),
                    graph::NodeKind::Task(ix) if self.tasks[ix].satisfied() => stack.push(next),
                    graph::NodeKind::Gate(ix)
                        if self.gate_states[ix].phase == GatePhase::Passed =>
                    {
                        stack.push(next)
                    }
                    graph::NodeKind::Task(_) | graph::NodeKind::Gate(_) => self.arrive(next),
                }
            }
        }
    }

    fn with_task(&mut self, id: &TaskId, change: impl FnOnce(&mut TaskState)) {
        if let Some(ix) = self.graph.task(id) {
            change(Arc::make_mut(&mut self.tasks[ix]));
        }
    }

    fn set_gate(&mut self, id: &GateId, phase: GatePhase) {
        if let Some(ix) = self.graph.gate(id) {
            let gate = Arc::make_mut(&mut self.gate_states[ix]);
            gate.phase = phase;
            gate.judged_at_change =
                gate.results.values().map(|judged| judged.changes).min().unwrap_or(self.changes);
        }
    }

    fn settle(&mut self, id: &TaskId, phase: Phase) {
        let Some(ix) = self.graph.task(id) else { return };
        let now = self.now;
        let task = Arc::make_mut(&mut self.tasks[ix]);
        task.phase = phase;
        task.ended_at = Some(now);
        task.postponed = None;
        let satisfied = task.satisfied();
        if satisfied {
            task.findings.clear();
            task.asked = None;
        }
        self.active.remove(&ix);
        self.ready.remove(&(Reverse(OrderedWeight(self.graph.rank(ix))), ix));
        if satisfied {
            self.completed(ix);
        }
    }

    fn enter(&mut self, seq: u64, id: &TaskId, step: Step) {
        let Some(ix) = self.graph.task(id) else { return };
        let now = self.now;
        let task = Arc::make_mut(&mut self.tasks[ix]);
        if step == Step::Implementing
            && let Some(tests) = task.last.take()
        {
            task.tests_result.get_or_insert(tests);
        }
        if step == Step::ProvingRed {
            task.tests_result = task.last.take();
        }
        task.phase = Phase::Active(step);
        task.findings.clear();
        task.postponed = None;
        task.started_at.get_or_insert(now);
        task.last = None;
        task.tries = 0;
        task.not_before = 0;
        task.queued_at = seq;
        self.active.insert(ix);
        self.ready.remove(&(Reverse(OrderedWeight(self.graph.rank(ix))), ix));
    }

    fn order(&mut self, id: OrderId, work: &Work, deadline: u64) {
        self.last_order = self.last_order.max(id.0);
        let at = self.now;
        let offer = work.agent().filter(|agent| is_offered(self, agent)).map(|_| Offer::default());
        self.orders.insert(
            id,
            OpenOrder {
                work: work.clone(),
                at,
                deadline,
                changes: self.changes,
                stopping: false,
                offer,
            },
        );
        if let Some(agent) = work.agent() {
            *self.busy.entry(agent.clone()).or_default() += 1;
        }
        if let Work::Gate { gate: Some(gate), .. } = work
            && let Some(ix) = self.graph.gate(gate)
        {
            Arc::make_mut(&mut self.gate_states[ix]).open.insert(id);
        }
        if let Some(task) = work.task() {
            self.with_task(task, |task| {
                task.open.insert(id);
                task.postponed = None;
                match work {
                    Work::Tests { .. } => task.test_attempts += 1,
                    Work::Implementation { .. } => task.attempts += 1,
                    _ => {}
                }
            });
        }
    }

    fn holder(&mut self, order: &OrderId) -> Option<&mut Holder> {
        self.orders.get_mut(order)?.offer.as_mut()?.holder.as_mut()
    }

    /// A person's word on a task was about what it was then.
    fn forget_approvals(&mut self, task: &TaskId) {
        self.decisions.retain(|gate, _| {
            gate.as_str().rsplit_once('@').is_none_or(|(_, id)| id != task.as_str())
        });
    }

    fn rework(&mut self, id: &TaskId, step: Step, findings: &[Finding], not_counted: bool) {
        self.forget_approvals(id);
        let landings = self.merging.landings;
        self.with_task(id, |task| {
            task.phase = Phase::Active(step);
            task.findings = findings.to_vec();
            task.has_leftovers = false;
            task.postponed = None;
            task.rework += 1;
            if not_counted {
                task.not_counted_at = landings;
            } else {
                task.rework_round += 1;
            }
            task.tries = 0;
            task.not_before = 0;
            task.last = None;
            task.gates.clear();
            task.reviews.clear();
            if step == Step::WritingTests {
                task.red = None;
            }
        });
    }
}
