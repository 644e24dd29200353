//! Everything that can happen to us.

use super::decider::Decider;
use super::event::Mark;
use super::id::{ExecutionId, GateId, Lease, OrderId, TaskId};
use super::outcome::{AgentOutcome, GateMeasures, RepositoryOutcome, ReviewOutcome};
use super::plan::Plan;
use super::policy::Policy;
use super::state::State;
use std::collections::BTreeMap;

/// Everything that can happen to us. `decide` says what it means.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A new execution begins.
    Start(Box<Start>),
    /// The breakdown now reads thus, with what is ticked in it.
    PlanOffered(Box<Plan>, BTreeMap<TaskId, Mark>),
    /// The breakdown can't be read any more; what is wrong with it.
    PlanBroken(Vec<String>),
    /// A file was changed by which it goes, while these attempts were at work; with the digest of what it is now.
    ChangeHeld(String, Vec<OrderId>, String),
    /// The config and what else is read once were read, with these digests.
    SourcesRead(BTreeMap<String, String>),
    /// The config now reads thus.
    PolicyOffered(Box<Policy>),
    /// A process took over: whatever was open is lost. Where the branch of the start has other commits than it had: its
    /// last one, and whether it was rewritten.
    Restarted(Option<(String, bool)>),
    /// The user runs an execution again that had come to rest: try what failed once more.
    Reopened,
    /// Time has passed.
    Tick,
    /// An attempt or a consultation ended.
    AgentEnded(OrderId, AgentOutcome),
    /// A gate was measured.
    GateEnded(OrderId, GateMeasures),
    /// A review ended.
    ReviewEnded(OrderId, ReviewOutcome),
    /// An order to the repository was carried out.
    RepositoryEnded(OrderId, RepositoryOutcome),
    /// Somebody from outside takes an order that is offered, with who it is.
    Claim(OrderId, String),
    /// Whoever holds a lease is still at work.
    Heartbeat(Lease),
    /// Whoever holds a lease gives it back, and why.
    Release(Lease, String),
    /// An attempt or a consultation that was claimed ended.
    Reported(Lease, AgentOutcome),
    /// A review that was claimed ended.
    ReviewSubmitted(Lease, ReviewOutcome),
    /// Nobody will ever answer this order.
    OrderLost(OrderId, String),
    /// Order nothing new.
    Pause,
    /// Go on.
    Resume,
    /// Stop everything and end.
    Cancel,
    /// Try a task again from the start, or evaluate a gate again.
    Retry(TaskId),
    /// Evaluate a gate again.
    RetryGate(GateId),
    /// Treat a task as if it were done.
    Skip(TaskId),
    /// Say something to a task's agent while it is at work: who, and what.
    Steer(TaskId, Decider, String),
    /// Whether what the event of this number says has reached the agent, or why not.
    SteerEnded(OrderId, u64, Result<(), String>),
    /// Answer what a task's agent has asked: who, and what.
    Answer(TaskId, Decider, String),
    /// Somebody passes a gate: who, and why.
    Approve(GateId, Decider, String),
    /// Somebody refuses a gate: who, and why.
    Reject(GateId, Decider, String),
}

impl Input {
    /// Trying again what is called so: a task, or where there is none a gate.
    pub fn retry(state: &State, name: &str) -> Self {
        let (task, gate) = (TaskId::from(name), GateId::from(name));
        let is_gate = state.graph.task(&task).is_none() && state.graph.gate(&gate).is_some();
        if is_gate { Self::RetryGate(gate) } else { Self::Retry(task) }
    }
}

/// What a new execution begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// Its id.
    pub execution: ExecutionId,
    /// The program's version.
    pub program: String,
    /// Where the breakdown is.
    pub breakdown: String,
    /// What to do.
    pub plan: Plan,
    /// By which rules.
    pub policy: Policy,
    /// What the breakdown says is done or skipped already.
    pub marks: BTreeMap<TaskId, Mark>,
}
