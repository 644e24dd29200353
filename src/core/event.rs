//! Every fact, orders included: the vocabulary of the journal.
//!
//! Journals are kept, so this is versioned: a field may be added with a default, a variant may be
//! added; anything else needs [`VERSION`] to rise.

use super::decider::Decider;
use super::id::{AgentName, ExecutionId, GateId, OrderId, TaskId};
use super::outcome::{
    AgentOutcome, Finding, GateMeasures, GateVerdict, RepositoryOutcome, ReviewOutcome,
};
use super::plan::Plan;
use super::policy::Policy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The version of the journal that this program writes and the newest that it reads.
pub const VERSION: u32 = 1;

/// An event at its place in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recorded {
    /// Its number, from 1 without holes.
    pub seq: u64,
    /// When, in milliseconds since the Unix epoch; never goes back.
    pub at: u64,
    /// What.
    pub event: Event,
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// The first one of every journal.
    Opened {
        /// See [`VERSION`].
        version: u32,
        /// The program's version.
        program: String,
        /// The execution.
        execution: ExecutionId,
        /// Where the breakdown was.
        breakdown: String,
    },
    /// From here on this is the plan.
    PlanAccepted {
        /// The plan.
        plan: Arc<Plan>,
    },
    /// Tasks have other ids from here on, and are the same otherwise.
    TasksRenamed {
        /// From the old id to the new one.
        names: BTreeMap<TaskId, TaskId>,
    },
    /// A task asks for something else than it did when it was begun: it is to be done again.
    TaskChanged {
        /// The task.
        task: TaskId,
        /// What of it.
        what: String,
    },
    /// The breakdown can't be read any more; the plan before it goes on.
    PlanRejected {
        /// What is wrong with it.
        problems: Vec<String>,
    },
    /// The breakdown or the config was changed while attempts were at work that could do so: what was before stays in force.
    ChangeHeld {
        /// Which file.
        file: String,
        /// The attempts.
        during: Vec<OrderId>,
        /// The digest of the file as it was changed; empty where it was not recorded yet.
        #[serde(default)]
        digest: String,
    },
    /// The config and what else is read once, when a run begins or the config is read again.
    SourcesRead {
        /// Their digests, by the names of the files and folders.
        files: BTreeMap<String, String>,
    },
    /// A person has decided about such a change.
    ChangeDecided {
        /// Which file.
        file: String,
        /// Whether it is taken up.
        approved: bool,
        /// Why.
        reason: String,
        /// From whom, and from where.
        from: Box<Decider>,
        /// The digest of the file as it was decided about; empty where it was not recorded yet.
        #[serde(default)]
        digest: String,
    },
    /// From here on these are the rules.
    PolicySet {
        /// The rules.
        policy: Arc<Policy>,
    },
    /// The breakdown itself says how a task stands.
    Marked {
        /// The task.
        task: TaskId,
        /// What it says.
        mark: Mark,
    },
    /// A task goes on to its next step.
    Entered {
        /// The task.
        task: TaskId,
        /// The step.
        step: Step,
    },
    /// Something is to be carried out.
    Ordered {
        /// Its token.
        order: OrderId,
        /// What.
        work: Work,
        /// When it is given up.
        deadline: u64,
    },
    /// An order is no longer wanted.
    StopOrdered {
        /// Which.
        order: OrderId,
        /// Why.
        why: String,
    },
    /// An order that is left to others was taken by one of them.
    Claimed {
        /// Which.
        order: OrderId,
        /// By whom.
        by: String,
        /// When the lease runs out unless its holder is heard of.
        until: u64,
        /// When it runs out in any case.
        deadline: u64,
    },
    /// Whoever took an order was heard of.
    LeaseExtended {
        /// Which.
        order: OrderId,
        /// When the lease runs out now.
        until: u64,
    },
    /// Whoever took an order gave it back: it can be taken again.
    Released {
        /// Which.
        order: OrderId,
        /// Why.
        why: String,
    },
    /// An order came to its end.
    Ended {
        /// Which.
        order: OrderId,
        /// How.
        outcome: Outcome,
    },
    /// A step of a task is tried again later.
    Postponed {
        /// The task.
        task: TaskId,
        /// Not before this time.
        until: u64,
        /// Why.
        why: String,
        /// Whether it is nobody's fault, because the agent's service could not be had: then it does
        /// not count as a try.
        #[serde(default, rename = "forgiven", skip_serializing_if = "std::ops::Not::not")]
        not_counted: bool,
    },
    /// A task goes back with findings.
    Rework {
        /// The task.
        task: TaskId,
        /// To which step.
        step: Step,
        /// What must be fixed.
        findings: Vec<Finding>,
        /// Whether it is nobody's fault, because others were merged first: then it does not count
        /// against the limit.
        #[serde(default, rename = "forgiven", skip_serializing_if = "std::ops::Not::not")]
        not_counted: bool,
    },
    /// A task is done: all its gates and reviews passed.
    TaskDone {
        /// The task.
        task: TaskId,
    },
    /// A task failed; what waits for it rests, all else goes on.
    TaskFailed {
        /// The task.
        task: TaskId,
        /// Why.
        reason: String,
    },
    /// A task can't go on without somebody.
    TaskBlocked {
        /// The task.
        task: TaskId,
        /// Why.
        reason: String,
    },
    /// A person had a task skipped: it counts as done for what waits for it.
    TaskSkipped {
        /// The task.
        task: TaskId,
    },
    /// Somebody has answered what a task's agent asked: it goes on where it stopped.
    TaskAnswered {
        /// The task.
        task: TaskId,
        /// The answer.
        text: String,
        /// From whom, and from where.
        from: Box<Decider>,
    },
    /// Something is said to an agent that is at work.
    Steered {
        /// On which order.
        order: OrderId,
        /// What.
        text: String,
        /// By whom, and from where.
        from: Box<Decider>,
    },
    /// Whether it has reached the agent.
    SteerEnded {
        /// The order.
        order: OrderId,
        /// The number of the event that said it.
        steered: u64,
        /// Why it has not; absent where it has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// A task starts again from the beginning.
    TaskRetried {
        /// The task.
        task: TaskId,
    },
    /// A gate of a stream, the system or the deployment passed.
    GatePassed {
        /// The gate.
        gate: GateId,
    },
    /// A gate failed.
    GateFailed {
        /// The gate.
        gate: GateId,
        /// Why.
        reason: String,
    },
    /// A gate could not be evaluated, or waits for a person: it stays open.
    GateOpen {
        /// The gate.
        gate: GateId,
        /// Why.
        reason: String,
    },
    /// A gate is to be evaluated again.
    GateReset {
        /// The gate.
        gate: GateId,
    },
    /// Somebody decided a gate.
    GateDecided {
        /// The gate.
        gate: GateId,
        /// Passed or refused.
        approved: bool,
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// From where; absent where it was not recorded yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Box<Decider>>,
    },
    /// Somebody is needed.
    Escalated {
        /// What is stuck.
        about: String,
        /// Why.
        why: String,
        /// What was tried.
        tried: String,
        /// What is needed.
        needed: String,
    },
    /// Nothing new is ordered.
    Paused,
    /// Ordering goes on.
    Resumed,
    /// Everything is to stop.
    Cancelled,
    /// The branch that was checked out at the start has other commits now.
    BaseMoved {
        /// Its last one.
        commit: String,
        /// Whether those that it had then are not in it any more.
        rewritten: bool,
    },
    /// Another process took over.
    Restarted,
    /// Of which version that is.
    TakenUp {
        /// See [`VERSION`].
        version: u32,
        /// The program's version.
        program: String,
    },
    /// An execution that had come to rest goes on.
    Reopened,
    /// There is nothing left to do, or nothing that can be done.
    ExecutionEnded {
        /// How it stands.
        status: Status,
    },
}

/// What a breakdown says of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mark {
    /// Ticked.
    Done,
    /// Crossed out; satisfies what waits for it, is no work done.
    Skipped,
    /// Put off; satisfies nothing and is not started.
    Deferred,
}

/// What an order asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Work {
    /// A question to an expert before the first attempt.
    Consultation {
        /// About this task.
        task: TaskId,
        /// Whom.
        expert: AgentName,
    },
    /// Write the tests that come first.
    Tests {
        /// For this task.
        task: TaskId,
        /// Who.
        agent: AgentName,
        /// The number of the attempt of this kind on this task, from 1.
        attempt: u32,
    },
    /// Do the task.
    Implementation {
        /// Which.
        task: TaskId,
        /// Who.
        agent: AgentName,
        /// The number of the attempt of this kind on this task, from 1.
        attempt: u32,
    },
    /// Measure by the command of a configured gate.
    Gate {
        /// The configured gate.
        check: String,
        /// For which gate of a stream, the system or the deployment; none for a task's.
        gate: Option<GateId>,
        /// For which task.
        task: Option<TaskId>,
        /// What the result is for.
        purpose: Purpose,
    },
    /// Make a worktree of its own for a task, with a branch.
    #[serde(rename = "place")]
    PrepareWorktree {
        /// Which.
        task: TaskId,
    },
    /// Merge what tasks have finished into a commit that is to become the result.
    Merge {
        /// Which, in this order.
        tasks: Vec<TaskId>,
    },
    /// Make a merged commit the result.
    Land {
        /// Whose work it brings.
        tasks: Vec<TaskId>,
        /// It.
        commit: String,
    },
    /// Take the user's new commits into the result.
    Renew {
        /// The last of them.
        commit: String,
    },
    /// Merge the result into the user's own checkout.
    Deliver {
        /// It.
        commit: String,
    },
    /// Look at what was done.
    Review {
        /// On which task; on the whole when absent.
        task: Option<TaskId>,
        /// Who.
        reviewer: AgentName,
    },
}

impl Work {
    /// The same for tasks that have other ids.
    pub fn rename(&mut self, names: &BTreeMap<TaskId, TaskId>) {
        let tasks = match self {
            Self::Consultation { task, .. }
            | Self::Tests { task, .. }
            | Self::Implementation { task, .. }
            | Self::PrepareWorktree { task } => std::slice::from_mut(task),
            Self::Gate { task, .. } | Self::Review { task, .. } => task.as_mut_slice(),
            Self::Merge { tasks } | Self::Land { tasks, .. } => tasks,
            Self::Renew { .. } | Self::Deliver { .. } => &mut [],
        };
        for task in tasks {
            if let Some(name) = names.get(task) {
                *task = name.clone();
            }
        }
    }

    /// The task that it is about.
    pub fn task(&self) -> Option<&TaskId> {
        match self {
            Self::Consultation { task, .. }
            | Self::Tests { task, .. }
            | Self::Implementation { task, .. }
            | Self::PrepareWorktree { task } => Some(task),
            Self::Gate { task, .. } | Self::Review { task, .. } => task.as_ref(),
            Self::Merge { .. } | Self::Land { .. } | Self::Renew { .. } | Self::Deliver { .. } => {
                None
            }
        }
    }

    /// The agent that it is for.
    pub fn agent(&self) -> Option<&AgentName> {
        match self {
            Self::Consultation { expert: agent, .. }
            | Self::Tests { agent, .. }
            | Self::Implementation { agent, .. }
            | Self::Review { reviewer: agent, .. } => Some(agent),
            Self::Gate { .. }
            | Self::PrepareWorktree { .. }
            | Self::Merge { .. }
            | Self::Land { .. }
            | Self::Renew { .. }
            | Self::Deliver { .. } => None,
        }
    }

    /// The step of its task for which it is done; none where it is about the whole.
    pub fn step(&self) -> Option<Step> {
        match self {
            Self::PrepareWorktree { .. } => Some(Step::Preparing),
            Self::Consultation { .. } => Some(Step::Consulting),
            Self::Tests { .. } => Some(Step::WritingTests),
            Self::Implementation { .. } => Some(Step::Implementing),
            Self::Gate { task: Some(_), purpose, .. } => Some(match purpose {
                Purpose::Baseline => Step::Baseline,
                Purpose::Red => Step::ProvingRed,
                Purpose::Judge => Step::Gating,
                Purpose::Merged => Step::Merging,
            }),
            Self::Review { task: Some(_), .. } => Some(Step::Reviewing),
            Self::Merge { .. } | Self::Land { .. } => Some(Step::Merging),
            Self::Gate { task: None, .. }
            | Self::Review { task: None, .. }
            | Self::Renew { .. }
            | Self::Deliver { .. } => None,
        }
    }

    /// Whether it is carried out in the repository by this program itself.
    pub fn is_of_repository(&self) -> bool {
        matches!(
            self,
            Self::PrepareWorktree { .. }
                | Self::Merge { .. }
                | Self::Land { .. }
                | Self::Renew { .. }
                | Self::Deliver { .. }
        )
    }

    /// Whether it changes the result, or looks at it or at what is to become it.
    pub fn is_about_the_result(&self) -> bool {
        match self {
            Self::Merge { .. } | Self::Land { .. } | Self::Renew { .. } | Self::Deliver { .. } => {
                true
            }
            Self::Gate { gate, purpose, .. } => gate.is_some() || *purpose == Purpose::Merged,
            Self::Review { task, .. } => task.is_none(),
            Self::Consultation { .. }
            | Self::Tests { .. }
            | Self::Implementation { .. }
            | Self::PrepareWorktree { .. } => false,
        }
    }

    /// Whether it changes the code, and so takes one of the slots of `max_parallel`.
    pub fn is_attempt(&self) -> bool {
        matches!(self, Self::Tests { .. } | Self::Implementation { .. })
    }
}

/// What a gate's measures are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Purpose {
    /// To know what failed before the attempt.
    Baseline,
    /// To see the new tests fail.
    Red,
    /// To judge.
    Judge,
    /// To judge what was finished as it is merged with what others finished.
    Merged,
}

/// How an order ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// An attempt or a consultation.
    Agent(Box<AgentOutcome>),
    /// A gate.
    Gate {
        /// What was measured.
        measures: Box<GateMeasures>,
        /// What follows from it.
        verdict: GateVerdict,
        /// Why, unless it passed.
        reason: String,
    },
    /// A review.
    Review(ReviewOutcome),
    /// An order to the repository.
    Repository(RepositoryOutcome),
    /// Nobody knows.
    Lost {
        /// Why.
        why: String,
    },
}

/// Where a task stands while it is worked on.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// A worktree of its own is made.
    #[serde(rename = "placing")]
    Preparing,
    /// Experts are asked.
    Consulting,
    /// The gates are measured as they stand before the attempt.
    Baseline,
    /// The tests are being written.
    WritingTests,
    /// The tests must be seen to fail.
    ProvingRed,
    /// The work itself.
    Implementing,
    /// The task's gates are judged.
    Gating,
    /// The reviewers look at it.
    Reviewing,
    /// It is merged with what others finished.
    Merging,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::Preparing,
        Self::Consulting,
        Self::Baseline,
        Self::WritingTests,
        Self::ProvingRed,
        Self::Implementing,
        Self::Gating,
        Self::Reviewing,
        Self::Merging,
    ];
}

/// How an execution stands at its end. The rule is with [`super::progress::status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Status {
    /// Everything is done, and every gate passed.
    Complete,
    /// Some of it is done.
    Partial,
    /// Nothing is done, or somebody is waited for.
    Blocked,
}
