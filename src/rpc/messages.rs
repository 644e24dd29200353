//! Parameters, results and notifications of the methods.

use crate::agents::answer::AnswerFinding;
use crate::core::brief::{Brief, TextOf};
use crate::core::decider::Frontend;
use crate::core::event::Recorded;
use crate::core::outcome::Finding;
use crate::core::report::Report;
use crate::core::status::{GateStatus, StatusReport, TaskStatus};
use crate::core::view::{Action, Appearance, ExecutionState, StreamStateName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// No parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A breakdown, and how it is read. Exactly one of `path`, `uri` and `text` is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PlanParams {
    /// A file, or a folder that has a breakdown; relative to where the daemon was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The same as a `file:` URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The breakdown itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The format, by its name (`spec-kit`, `kiro`, `task-master`, …); found out when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Which edges are taken beside the written ones: `explicit`, `order` or `phase`; what the
    /// format implies when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deps: Option<String>,
    /// The only executor: a name of the roster, or a kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Attempts at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_parallel: Option<u32>,
    /// Where attempts work: `worktree` or `none`; as the config says when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation: Option<String>,
    /// For `execution/start`: merge the result into what is checked out, at the end.
    pub deliver: bool,
    /// For `execution/start`: tick in the breakdown what is done.
    pub write_back: bool,
    /// Only these tasks, and what they wait for; all when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// The config's file instead of the one found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// For `execution/start`: start again, even where an execution of this breakdown is unfinished.
    pub fresh: bool,
}

/// An execution that was started or taken up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// Its id.
    pub execution: String,
    /// Whether it had begun before.
    pub resumed: bool,
    /// Its state, as in `execution/status`.
    pub state: ExecutionState,
    /// What should be known but kept nothing from starting.
    pub warnings: Vec<String>,
}

/// Which execution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ExecutionParams {
    /// Its id or the start of it; the latest when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
}

/// Which execution, and how long to wait.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AwaitParams {
    /// Its id or the start of it; the latest when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// How long to wait at most, in milliseconds; until it ends when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// How far an execution has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Awaited {
    /// Its id.
    pub execution: String,
    /// Whether it has come to its end.
    pub ended: bool,
    /// Whether some process is at work on it.
    pub running: bool,
    /// The five sections.
    pub status: StatusReport,
    /// The return protocol, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportDocument>,
}

/// The return protocol.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportDocument {
    /// The execution.
    pub execution: String,
    /// As data.
    pub report: Report,
    /// As Markdown, with the headings and fields of the return format.
    pub markdown: String,
}

/// The executions of the workspaces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutionList {
    /// The latest last.
    pub executions: Vec<ExecutionRow>,
}

/// One execution of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRow {
    /// Its id.
    pub execution: String,
    /// Where its breakdown is; `-` for one that came without a file.
    pub breakdown: String,
    /// When it began, in milliseconds since the Unix epoch.
    pub started_at: u64,
    /// Its state.
    pub state: ExecutionState,
    /// Who is at work on it.
    pub owner: Option<String>,
    /// Where it stands, in a line.
    pub line: String,
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct EventsParams {
    /// The execution's id or the start of it; the latest when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// The number of the first one; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// How many at most; 1,000 when absent, never more than 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A page of events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventsPage {
    /// The execution.
    pub execution: String,
    /// In order, without holes.
    pub events: Vec<Recorded>,
    /// The number with which the next page begins.
    pub next: u64,
    /// The number of the last event there is.
    pub last: u64,
}

/// What to be told of an execution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SubscribeParams {
    /// The execution's id or the start of it; the latest when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// The number of the first event; those that are new when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
}

/// A subscription.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscribed {
    /// By which it is ended.
    pub subscription: u64,
    /// The execution.
    pub execution: String,
    /// The number of the first event that is sent.
    pub from: u64,
}

/// Which subscription.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnsubscribeParams {
    /// As `execution/subscribe` gave it.
    pub subscription: u64,
}

/// Whether there was one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unsubscribed {
    /// Whether there was one.
    pub unsubscribed: bool,
}

/// What steering did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Steered {
    /// The execution.
    pub execution: String,
    /// The number of the last event, which is on disk.
    pub seq: u64,
    /// Its state.
    pub state: ExecutionState,
    /// Whether some process is at work on it now.
    pub running: bool,
}

/// Which task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskParams {
    /// Its id; for `task/retry` also a gate's.
    pub task: String,
    /// The execution's id or the start of it; the latest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
}

/// Which task, and what is said to its agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SayParams {
    /// Its id.
    pub task: String,
    /// What is said.
    pub text: String,
    /// The execution's id or the start of it; the latest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// Who says it; `client` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// By which way it came to the process that passes it on to the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub frontend: Option<Frontend>,
}

/// Which gate, and what is decided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GateParams {
    /// Its id.
    pub gate: String,
    /// The execution's id or the start of it; the latest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// Who decides; `client` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// By which way it came to the process that passes it on to the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub frontend: Option<Frontend>,
}

/// All that a frontend shows of an execution at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskList {
    /// The execution.
    pub execution: String,
    /// The file of its breakdown.
    pub breakdown: String,
    /// What is being built.
    pub topic: String,
    /// When it was started, in milliseconds since the Unix epoch.
    pub started_at: u64,
    /// Its state.
    pub state: ExecutionState,
    /// Whether some process is at work on it now.
    pub running: bool,
    /// What makes sense to do with it now: `run`, `pause`, `resume`, `cancel`, `report`.
    pub actions: Vec<Action>,
    /// Its streams, in the order of the breakdown.
    pub streams: Vec<StreamRow>,
    /// Its tasks, in the order of the breakdown.
    pub tasks: Vec<TaskRow>,
    /// Gates of streams, the system and the deployment.
    pub gates: Vec<GateRow>,
}

/// A stream, as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How it stands in a few words, a sign first.
    pub label: String,
    /// How that looks.
    pub look: Appearance,
}

/// A task, as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskRow {
    /// How it stands.
    #[serde(flatten)]
    pub status: TaskStatus,
    /// Its stream.
    pub stream: Option<String>,
    /// The tasks right before it; of a stream that it waits for, those at its end, twenty at most.
    pub depends_on: Vec<String>,
    /// How it stands in a few words, a sign first.
    pub label: String,
    /// More, as lines of Markdown.
    pub more: Vec<String>,
    /// How that looks.
    pub look: Appearance,
    /// What makes sense to do with it now: `approve`, `reject`, `retry`, `skip`, `output`.
    pub actions: Vec<Action>,
    /// The gate of its that waits for a person.
    pub waits_for_approval: Option<String>,
    /// Where it is worked on, where that is a worktree of its own: what its findings name is there.
    pub folder: Option<String>,
    /// When it was begun, in milliseconds since the Unix epoch.
    pub began_at: Option<u64>,
    /// When it came to an end.
    pub ended_at: Option<u64>,
    /// Whether it is on the critical path.
    pub critical_path: bool,
    /// What must be fixed now, and what reviewers remarked.
    pub findings: Vec<Finding>,
    /// Its gates.
    pub gates: Vec<GateStatus>,
}

/// A gate of a stream, the system or the deployment, as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateRow {
    /// How it stands.
    #[serde(flatten)]
    pub status: GateStatus,
    /// How it stands in a few words, a sign first.
    pub label: String,
    /// How that looks.
    pub look: Appearance,
    /// The streams that come before it.
    pub streams: Vec<String>,
    /// What makes sense to do with it now: `approve`, `reject`, `retry`.
    pub actions: Vec<Action>,
}

/// Everything about a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskCard {
    /// The execution.
    pub execution: String,
    /// How it stands.
    pub status: TaskStatus,
    /// Its stream.
    pub stream: Option<String>,
    /// What it waits for, as it would be said, as far as that is not done.
    pub waits_for: Vec<String>,
    /// The tasks that wait for it.
    pub needed_by: Vec<String>,
    /// How much later it could start without making the whole longer.
    pub slack: f64,
    /// Whether it is on the critical path.
    pub critical_path: bool,
    /// Its last orders, open and ended: `a7`, what it was, how it ended.
    pub orders: Vec<OrderRow>,
    /// How many orders came before them; `execution/events` names them.
    pub orders_before: u64,
    /// What must be fixed now, and what reviewers remarked.
    pub findings: Vec<String>,
    /// Its gates.
    pub gates: Vec<GateStatus>,
    /// Where the words stand that whoever carries it out is told: its own first, then those of its groups, of the plan, and
    /// of files beside the breakdown.
    pub texts: Vec<TextPlace>,
}

/// Where some of the breakdown's words stand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TextPlace {
    /// Whose words these are.
    pub of: TextOf,
    /// The group's title; empty for others.
    pub title: String,
    /// The file, from the workspace on where it is in it.
    pub file: String,
    /// The first line in it, from 1.
    pub first_line: u32,
    /// The last line.
    pub last_line: u32,
}

/// One order: an attempt, a consultation, a gate's evaluation or a review.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderRow {
    /// By which its output is asked for.
    pub order: String,
    /// What it is, in a few words.
    pub what: String,
    /// When it was given, in milliseconds since the Unix epoch.
    pub at: u64,
}

/// Whose output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutputParams {
    /// An order (`a7`), or a task for all that its agents, gates and reviewers printed, each under a heading.
    pub task: String,
    /// The execution's id or the start of it; the latest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// From this byte on; from the start when absent.
    #[serde(default)]
    pub from: u64,
    /// How many bytes at most; 64 KiB when absent, never more than 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A page of output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutputPage {
    /// The order; of a task the last one that is in it. What was begun after an open one follows once that has ended.
    pub order: String,
    /// What was printed; bytes that are no UTF-8 are replaced.
    pub text: String,
    /// The byte with which the next page begins.
    pub next: u64,
    /// Whether more may come.
    pub open: bool,
}

/// `execution/event`: one event of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventNotice {
    /// The execution.
    pub execution: String,
    /// The subscription.
    pub subscription: u64,
    /// The event.
    #[serde(flatten)]
    pub recorded: Recorded,
}

/// `execution/progress`: how far it is. Sent when it changes, soon, and twice a second at most in the long run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProgressNotice {
    /// The execution.
    pub execution: String,
    /// What is being built.
    pub topic: String,
    /// The number of the last event that it has seen.
    pub seq: u64,
    /// Its state.
    pub state: ExecutionState,
    /// Done in percent, floored.
    pub percent: usize,
    /// Tasks done.
    pub done: usize,
    /// Tasks in all, without deferred ones.
    pub total: usize,
    /// Its streams.
    pub streams: Vec<StreamProgress>,
    /// What is being done now.
    pub current: Vec<CurrentOrder>,
    /// The tasks of the longest chain.
    pub critical_path: Vec<String>,
    /// Milliseconds still to go, at the least.
    pub remaining_min_ms: Option<u64>,
    /// Milliseconds still to go, at most.
    pub remaining_max_ms: Option<u64>,
}

/// A stream's progress.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StreamProgress {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: StreamStateName,
    /// Done in percent, with half a task for each one being worked on.
    pub percent: usize,
}

/// One thing that is being done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurrentOrder {
    /// By which its output is asked for.
    pub order: String,
    /// What it is, in a few words.
    pub what: String,
    /// Its task.
    pub task: Option<String>,
    /// Who does it.
    pub agent: Option<String>,
    /// Since when, in milliseconds since the Unix epoch.
    pub since: u64,
}

/// `execution/escalation`: somebody is needed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EscalationNotice {
    /// The execution.
    pub execution: String,
    /// When, in milliseconds since the Unix epoch.
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

/// What a client would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ClaimParams {
    /// The execution's id or the start of it; the latest when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// Only work for the agent of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Only work for agents that ask for no other skills than these; any when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
    /// Only this order (`a7`), as `task/offered` named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Who claims, for people; `client` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What was claimed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Claimed {
    /// The execution.
    pub execution: String,
    /// The work; absent where nothing that fits is offered now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work: Option<ClaimedWork>,
    /// The execution's state: `running` where more may be offered later.
    pub state: ExecutionState,
}

/// A piece of work that is the caller's until its lease runs out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimedWork {
    /// By which it is kept, reported and given back.
    pub lease: String,
    /// When the lease runs out unless `task/heartbeat` is called before, in milliseconds since the
    /// Unix epoch.
    pub until: u64,
    /// When it runs out in any case.
    pub deadline: u64,
    /// Everything that whoever does it has to know; `role` says what is asked.
    pub brief: Brief,
    /// The same as Markdown, for agents that read text.
    pub text: String,
}

/// Which lease.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeaseParams {
    /// As `task/claim` gave it.
    pub lease: String,
    /// The execution's id or the start of it; the latest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// Why it is given back, for `task/release`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// What became of an attempt or a consultation that was claimed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReportParams {
    /// As `task/claim` gave it.
    pub lease: String,
    /// The execution's id or the start of it; the latest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// `complete`, `blocked` or `failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What was done, or the advice of a consultation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Why it is not complete.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Files that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Decisions that later tasks should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<String>,
    /// Tokens used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Money used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Instead of all that: what an agent printed, with its return block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What a review that was claimed came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReviewParams {
    /// As `task/claim` gave it.
    pub lease: String,
    /// The execution's id or the start of it; the latest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// `pass` or `fail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// What is to be said of the whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// What was found; one of severity `blocker` fails the review.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<AnswerFinding>,
    /// Instead of all that: what a reviewer printed, with its return block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Whether something about a lease counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaseAnswer {
    /// The execution.
    pub execution: String,
    /// Whether it counted. What comes late or twice counts for nothing and changes nothing.
    pub accepted: bool,
    /// Why it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When the lease runs out now, as long as it is held; in milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The number of the last event, which is on disk.
    pub seq: u64,
}

/// `task/offered`: work that can be claimed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferNotice {
    /// The execution.
    pub execution: String,
    /// The order, to be claimed by.
    pub order: String,
    /// What it is, in a few words.
    pub what: String,
    /// Its task.
    pub task: Option<String>,
    /// The agent that it is for.
    pub agent: Option<String>,
    /// What that agent is chosen by.
    pub skills: Vec<String>,
}

/// What an error carries beside its code and message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorData {
    /// A stable name.
    pub kind: String,
    /// What is wrong, for a person.
    pub message: String,
    /// What to do.
    pub help: String,
}
