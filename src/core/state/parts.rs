//! What a state is made of: tasks, gates, open orders, decisions.

use crate::core::event::{Mark, Outcome, Step, Work};
use crate::core::id::{AgentName, OrderId, TaskId};
use crate::core::outcome::{
    AgentOutcome, Conflict, Finding, GateMeasures, GateVerdict, ReviewOutcome, Usage,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskState {
    /// Where it stands.
    pub phase: Phase,
    /// Its open orders.
    pub open: BTreeSet<OrderId>,
    /// All that was ordered for it, the latest last.
    pub orders: Orders,
    /// When work on it began.
    pub started_at: Option<u64>,
    /// When it came to its end.
    pub ended_at: Option<u64>,
    /// Its next try waits until then.
    pub not_before: u64,
    /// The step in which its agent asked something, while that is not answered.
    pub asked: Option<Step>,
    /// What was said to its agents while they were at work.
    pub said: Vec<Said>,
    /// Whether its agent goes on where it asked, with what it has not finished.
    pub answered: bool,
    /// Why its next try waits.
    pub postponed: Option<String>,
    /// Tries of the current piece of work that came to nothing.
    pub tries: u32,
    /// Attempts at the task so far.
    pub attempts: u32,
    /// Attempts at its tests so far.
    pub test_attempts: u32,
    /// Rounds of findings so far, in all.
    pub rework: u32,
    /// Rounds of findings since the last retry by a person.
    pub rework_round: u32,
    /// How the current step's attempt ended.
    pub last: Option<AgentOutcome>,
    /// What must be fixed now.
    pub findings: Vec<Finding>,
    /// Concerns and suggestions, kept for the report.
    pub remarks: Vec<Finding>,
    /// What became otherwise in the user's own checkout while attempts were at work on it.
    pub outside: Vec<String>,
    /// What experts said.
    pub consultations: BTreeMap<AgentName, AgentOutcome>,
    /// The gates as they were before the attempt.
    pub baseline: BTreeMap<String, Judged>,
    /// The tests seen before the implementation.
    pub red: Option<Judged>,
    /// Whether the new tests were seen to fail.
    pub red_seen: bool,
    /// Who wrote the tests, and what they said.
    pub tests_result: Option<AgentOutcome>,
    /// The gates of the last implementation.
    pub gates: BTreeMap<String, Judged>,
    /// The reviews of the last implementation.
    pub reviews: BTreeMap<AgentName, (OrderId, ReviewOutcome)>,
    /// Files of the tests that were written first.
    pub tests_files: BTreeSet<String>,
    /// Files that the implementation has changed, in all its attempts that are still there.
    pub changed: BTreeSet<String>,
    /// Whether earlier attempts have left work half done in the folder that all share, so that the next one may find nothing
    /// to change.
    pub has_leftovers: bool,
    /// The last complete implementation: what is handed to the tasks after it.
    pub result: Option<(OrderId, AgentOutcome)>,
    /// Where it is worked on, where that is a worktree of its own.
    pub worktree: Option<Worktree>,
    /// Why no worktree could be made for it.
    pub worktree_failed: Option<String>,
    /// The commit with the tests that were written first.
    pub tests_commit: Option<String>,
    /// The commit with what was finished last.
    pub commit: Option<String>,
    /// What was spent on it, as far as agents say.
    pub spent: Usage,
    /// The session in which its agent can go on where it is.
    pub session: Option<String>,
    /// What was counted for that session so far.
    pub session_used: Usage,
    /// The number of the event since which it waits to be merged.
    pub queued_at: u64,
    /// How many merges had landed when it went back last because others were merged first.
    pub not_counted_at: u64,
    /// The commit of the result that has its work in it.
    pub landed: Option<String>,
}

/// The last orders of a task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Orders {
    /// In the order in which they were given.
    pub last: Vec<GivenOrder>,
    /// How many came before them, and are in the journal only.
    pub before: u64,
}

/// As many orders of a task are kept: more than any has in earnest.
const MAX_ORDERS: usize = 2_000;

impl Orders {
    /// One more was given.
    pub(in crate::core) fn push(&mut self, order: GivenOrder) {
        if self.last.len() >= MAX_ORDERS {
            self.last.remove(0);
            self.before += 1;
        }
        // Most tasks have few.
        self.last.reserve_exact(1);
        self.last.push(order);
    }
}

/// An order that was given.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenOrder {
    /// Its number.
    pub order: OrderId,
    /// What was to be done.
    pub work: Work,
    /// When it was given, in milliseconds since the Unix epoch.
    pub at: u64,
    /// The order whose verdict counted instead, because the tree was the same.
    pub reused_from: Option<OrderId>,
}

/// A worktree of a task's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Worktree {
    /// The order that made it.
    pub order: OrderId,
    /// Where.
    pub folder: Arc<str>,
    /// Its branch.
    pub branch: Arc<str>,
    /// The commit that it began with.
    pub base: Arc<str>,
}

/// What is being merged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merging {
    /// The last commit of the result that is known; none before the first.
    pub head: Option<String>,
    /// How many merges have landed.
    pub landings: u64,
    /// The order with which the user's own commits were taken in last.
    pub renewed: Option<OrderId>,
    /// What is merged now.
    pub batch: Option<Batch>,
    /// How many tasks are merged at once: fewer while what is merged fails.
    pub most: usize,
    /// The last of the user's own commits that is in it.
    pub base: Option<String>,
    /// The last of the user's own commits, where some are not in it yet.
    pub behind: Option<String>,
    /// Why they can't be.
    pub not_renewed: Option<String>,
    /// Whether the result is in the user's own checkout, by commit, or why not.
    pub delivered: Option<(String, Option<String>)>,
}

/// Work of some tasks, merged and judged together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Whose.
    pub tasks: Vec<TaskId>,
    /// The number of the event by which its merge was ordered.
    pub ordered_at: u64,
    /// What that gave.
    pub commit: Option<String>,
    /// What does not fit.
    pub conflicts: Vec<Conflict>,
    /// Why it could not be merged or landed.
    pub failed: Option<String>,
    /// What its gates said, by task and name.
    pub gates: BTreeMap<(TaskId, String), Judged>,
}

/// Where a task stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Phase {
    /// For its dependencies or a free slot.
    #[default]
    Waiting,
    /// Being worked on.
    Active(Step),
    /// All gates and reviews passed.
    Done,
    /// The breakdown said so.
    Marked(Mark),
    /// A person said so.
    Skipped,
    /// It did not work.
    Failed(String),
    /// Somebody is needed.
    Blocked(String),
}

/// A gate of a stream, the system or the deployment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GateState {
    /// Where it stands.
    pub phase: GatePhase,
    /// Its open orders.
    pub open: BTreeSet<OrderId>,
    /// What its checks said.
    pub results: BTreeMap<String, Judged>,
    /// How many attempts had ended when the oldest of its results was ordered.
    pub judged_at_change: u64,
    /// Results of this order and of earlier ones no longer count.
    pub reset_at: OrderId,
}

/// Where a gate stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum GatePhase {
    /// To be evaluated.
    #[default]
    Pending,
    /// Evaluated, and good.
    Passed,
    /// Evaluated, and not good.
    Failed(String),
    /// Not evaluated, or waiting for a person.
    Open(String),
}

/// One evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// By which order.
    pub order: OrderId,
    /// What was measured.
    pub measures: GateMeasures,
    /// What follows.
    pub verdict: GateVerdict,
    /// Why, unless it passed.
    pub reason: String,
    /// How many attempts had ended when it was ordered: what ended later it has not seen.
    pub changes: u64,
}

impl Judged {
    /// What an order to measure a gate gave; none where it gave nothing.
    pub(in crate::core) fn from_outcome(
        order: OrderId,
        outcome: &Outcome,
        changes: u64,
    ) -> Option<Self> {
        let Outcome::Gate { measures, verdict, reason } = outcome else { return None };
        let (measures, reason) = ((**measures).clone(), reason.clone());
        Some(Self { order, measures, verdict: *verdict, reason, changes })
    }
}

/// An order that has not ended.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenOrder {
    /// What it asks for.
    pub work: Work,
    /// When it was given.
    pub at: u64,
    /// When it is given up.
    pub deadline: u64,
    /// How many attempts had ended when it was given.
    pub changes: u64,
    /// It is no longer wanted.
    pub stopping: bool,
    /// It is left to whoever claims it.
    pub offer: Option<Offer>,
}

impl OpenOrder {
    /// When something has to be done about it if nothing is heard of it; never for what nobody has
    /// taken yet.
    pub fn due_at(&self) -> Option<u64> {
        match &self.offer {
            None => (!self.stopping).then_some(self.deadline),
            Some(offer) => offer.holder.as_ref().map(|holder| {
                holder.until.min(if self.stopping { u64::MAX } else { self.deadline })
            }),
        }
    }

    /// Whether somebody carries it out: all that is not offered, and what was taken.
    pub fn is_under_way(&self) -> bool {
        self.offer.as_ref().is_none_or(|offer| offer.holder.is_some())
    }
}

/// Work for somebody from outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offer {
    /// How often it was taken.
    pub claims: u32,
    /// Who has it now.
    pub holder: Option<Holder>,
}

/// Who took an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    /// Who.
    pub by: String,
    /// Since when.
    pub at: u64,
    /// Until when, unless it is heard of.
    pub until: u64,
}

/// What a person decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The last order before it: what a later one has made, nobody has decided about.
    pub after: OrderId,
    /// Attempts that were open then, nor about those.
    pub open: BTreeSet<OrderId>,
    /// Passed or refused.
    pub approved: bool,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Somebody is needed.
#[derive(Clone, Debug, PartialEq)]
pub struct Escalation {
    /// When.
    pub at: u64,
    /// What is stuck.
    pub about: String,
    /// Why.
    pub why: String,
    /// What was tried.
    pub tried: String,
    /// What is needed.
    pub needed: String,
}

/// What an agent did so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Utilisation {
    /// Orders that ended.
    pub orders: u32,
    /// Time spent in them.
    pub busy_ms: u64,
    /// Tokens, as far as it says.
    pub tokens: Option<u64>,
    /// Money, as far as it says.
    pub cost_usd: Option<f64>,
    /// Orders of which it named numbers that no use can have.
    pub implausible: u32,
}

/// What is known of how some agents can be had.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pool {
    /// None of them is asked before.
    pub paused_until: u64,
    /// How many run at once.
    pub most: Option<u32>,
    /// Shortages in a row.
    pub consecutive_limits: u32,
    /// Orders that failed in a row.
    pub failures: u32,
    /// How the last one that failed did.
    pub last_failure: String,
    /// Why nobody of them is asked until a person has done something, and what.
    pub refused: Option<(String, String)>,
}

/// A change that is not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The attempts that may have made it.
    pub during: Vec<OrderId>,
    /// The digest of the file with it.
    pub digest: String,
    /// Whether a person has rejected it.
    pub rejected: bool,
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let orders: Vec<String> = self.during.iter().map(ToString::to_string).collect();
        write!(
            f,
            "it was changed while {} was at work, and what was before stays in force",
            orders.join(" and ")
        )
    }
}

/// As much of what was said to an agent is shown.
const SHOWN_CHARS: usize = 200;

/// What was said to a task's agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The number of its event.
    pub steered: u64,
    /// On which order.
    pub order: OrderId,
    /// Who.
    pub by: String,
    /// What.
    pub text: String,
    /// Whether it has reached the agent, or why not; absent while that is not known.
    pub outcome: Option<Result<(), String>>,
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let outcome = match &self.outcome {
            None => "it has not reached it yet".to_owned(),
            Some(Ok(())) => "delivered".into(),
            Some(Err(why)) => format!("not delivered: {why}"),
        };
        let shown: String = crate::escape::line(&self.text).chars().take(SHOWN_CHARS).collect();
        write!(f, "{} to {}: {shown} ({outcome})", self.by, self.order)
    }
}
