//! The sum of the events. Only [`State::apply`] changes it.

mod parts;

pub use parts::{
    Batch, Decision, Escalation, GatePhase, GateState, GivenOrder, Held, Holder, Judged, Merging,
    Offer, OpenOrder, Orders, Phase, Pool, Said, TaskState, Utilisation, Worktree,
};

use super::allocation::Allocation;
use super::event::{Mark, Status, Step, Work};
use super::graph::{Graph, OrderedWeight};
use super::id::{AgentName, ExecutionId, GateId, OrderId, TaskId};
use super::outcome::ReviewOutcome;
use super::plan::{Plan, Task};
use super::policy::{Gate, GatePolicy, Policy, Role};
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
    /// Orders of tasks that the breakdown does not have any more.
    pub former_orders: BTreeMap<TaskId, Orders>,
    /// Waiting tasks whose dependencies are done, by rank, then by position in the file.
    pub ready: BTreeSet<(Reverse<OrderedWeight>, usize)>,
    /// Tasks being worked on.
    pub active: BTreeSet<usize>,
    /// Gates of streams whose work is done and that have not passed.
    pub due_gates: BTreeSet<usize>,
    /// Open orders of each agent.
    pub busy: BTreeMap<AgentName, u32>,
    pub(super) pending: Vec<u32>,
    pub(super) complete: Vec<bool>,
}

/// What an escalation is about that keeps the result from the checkout.
pub const THE_RESULT: &str = "the result";
/// The prefix of what escalations about agents are about.
pub const OF_AGENT: &str = "agent ";

/// What an escalation is about that keeps the user's new commits from the result.
pub const THE_BASE: &str = "the new commits";

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

    /// The orders of a task, also of one that the breakdown does not have any more.
    pub fn orders_of(&self, id: &TaskId) -> Option<&Orders> {
        self.task_state(id).map(|known| &known.orders).or_else(|| self.former_orders.get(id))
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

    /// Whether a program may not decide a gate: all but those with `approval = "parent"`.
    pub fn needs_person(&self, id: &GateId) -> bool {
        if let Some(ix) = self.graph.gate(id) {
            return !self.gates[ix].parent;
        }
        let name = id.as_str().rsplit_once('@').map_or("", |(name, _)| name);
        !self.policy.gates.iter().any(|gate| gate.name == name && gate.approval && gate.parent)
    }

    /// Whether the whole is reviewed at the end. Work that was only commands, or was done before, is not.
    pub fn is_final_review_asked(&self) -> bool {
        self.policy.final_review && self.tasks.iter().any(|task| !task.reviews.is_empty())
    }

    /// The reviewers that have not looked at the whole yet, and are to.
    pub fn missing_reviews(&self) -> impl Iterator<Item = &AgentName> {
        let reviewers = self.policy.of_role(Role::Reviewer).map(|agent| &agent.name);
        let asked = self.is_final_review_asked();
        reviewers.filter(move |name| asked && !self.final_reviews.contains_key(*name))
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
}
