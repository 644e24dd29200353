//! The rows of the methods: names, types, routes, and what they are for. Everything else about them is made from
//! this list.

use super::messages::*;
use super::types::PlanDocument;
use crate::core::status::StatusReport;
use crate::failure::FailureKind as Fails;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a method does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodKind {
    /// It only reads.
    Query,
    /// It changes something.
    Command,
    /// Notifications follow.
    Subscription,
}

impl MethodKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Command => "command",
            Self::Subscription => "subscription",
        }
    }
}

/// Who carries out a command where the execution is not this process's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Whoever is asked.
    Here,
    /// The process that owns it; where none does, whoever is asked notes it for the next owner.
    Owner,
    /// The process that owns it; where none does, one that goes on with it: for clients that it outlives the daemon of the
    /// workspace.
    Daemon,
}

/// What else clients and this program have to know about a method. A command destroys something unless it says that it adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Whether a command may take something away that was there.
    pub destructive: bool,
    /// Whether calling it again with the same parameters changes nothing more.
    pub idempotent: bool,
    /// Whether what it starts may reach anything that agents reach.
    pub open_world: bool,
    /// Whether it is a tool for models; what is not is a subscription or a resource for them.
    pub is_tool: bool,
    /// How long the parameters of a command may be, in bytes: they are kept in a journal.
    pub most_bytes: usize,
    /// Who carries it out.
    pub route: Route,
}

impl Traits {
    /// Those of a command that takes something away.
    pub const DESTROYS: Self = Self {
        destructive: true,
        idempotent: true,
        open_world: false,
        is_tool: true,
        most_bytes: 16 << 10,
        route: Route::Owner,
    };
    /// Those of a command that only adds.
    pub const ADDS: Self = Self { destructive: false, ..Self::DESTROYS };
    /// Those of a method that is no tool.
    pub const NO_TOOL: Self = Self { is_tool: false, route: Route::Here, ..Self::ADDS };
    const ONCE: Self = Self { idempotent: false, ..Self::ADDS };
    const REPORTS: Self = Self { most_bytes: 256 << 10, ..Self::ADDS };
    // It may bring a whole breakdown, which has limits of its own.
    const STARTS: Self =
        Self { open_world: true, most_bytes: usize::MAX, route: Route::Daemon, ..Self::ADDS };
    const GOES_ON: Self = Self { route: Route::Daemon, ..Self::DESTROYS };
    const RETRIES: Self = Self { idempotent: false, ..Self::GOES_ON };
    const ANSWERS: Self = Self { route: Route::Daemon, ..Self::ONCE };
    const APPROVES: Self = Self { route: Route::Daemon, ..Self::ADDS };
    const RESUMES: Self = Self { open_world: true, ..Self::APPROVES };
}

/// One method.
pub trait Method: Send + Sync + 'static {
    /// Its name on the wire.
    const NAME: &'static str;
    /// What it does to the world.
    const KIND: MethodKind;
    /// What it is for, in a line.
    const TITLE: &'static str;
    /// More about it.
    const ABOUT: &'static str;
    /// The sub-command of the command line that does the same, where there is one.
    const COMMAND: Option<&'static str> = None;
    /// How it can fail, beside the codes of JSON-RPC itself.
    const ERRORS: &'static [Fails];
    /// What else there is to know about it.
    const TRAITS: Traits = Traits::DESTROYS;
    /// What a model has to know, in place of more about it.
    const ADVICE: Option<&'static str> = None;
    /// What it takes.
    type Params: Serialize + DeserializeOwned + JsonSchema + Send + 'static;
    /// What it gives.
    type Result: Serialize + DeserializeOwned + JsonSchema + Send + 'static;
}

macro_rules! methods {
    ($($type:ident = $name:literal $kind:ident $($command:ident)? ($params:ty) -> $result:ty, [$($error:ident),*], $title:literal, $about:literal
        $(, traits $traits:ident)? $(, advice $advice:literal)?;)*) => {
        $(
            #[doc = $title]
            pub struct $type;
            impl Method for $type {
                const NAME: &'static str = $name;
                const KIND: MethodKind = MethodKind::$kind;
                const TITLE: &'static str = $title;
                const ABOUT: &'static str = $about;
                const ERRORS: &'static [Fails] = &[$(Fails::$error),*];
                $(const COMMAND: Option<&'static str> = Some(stringify!($command));)?
                $(const TRAITS: Traits = Traits::$traits;)?
                $(const ADVICE: Option<&'static str> = Some($advice);)?
                type Params = $params;
                type Result = $result;
            }
        )*
    };
}

methods! {
    Plan = "execution/plan" Query plan (PlanParams) -> PlanDocument, [BadInput],
        "Parse and plan a breakdown without starting anything",
        "Gives streams, tasks with their agents, dependencies, ranks and slack, gates, the critical path, a forecast and every problem. Takes a path, a URI or the text itself.";
    Start = "execution/start" Command run (PlanParams) -> Started, [BadInput, Paused, Untrusted, Owned, Unusable, Internal],
        "Start an execution of a breakdown, or take up its unfinished one",
        "Answers at once with the id; the work goes on in this process, or for an editor in the daemon of the workspace. Notifications of its progress, escalations and result follow.",
        traits STARTS,
        advice "Answers at once with the id; the work goes on by itself, also when you leave. Then call execution_await until it has ended.";
    Await = "execution/await" Query (AwaitParams) -> Awaited, [NotFound, Unusable],
        "Wait until an execution ends",
        "Answers when it ends, when no process is at work on it any more, or after `timeoutMs` with the status so far. Holds up no other request. Not to be had on an LSP connection.",
        advice "Waits 45 seconds at most, so call it again while `ended` is false and `running` is true. When it has ended, give `report.markdown` to whoever asked, unchanged.";
    Status = "execution/status" Query status (ExecutionParams) -> StatusReport, [NotFound, Unusable],
        "Where an execution stands: the five sections",
        "Overview with streams and tasks, agents, quality, dependencies and risks, deliverables, and what comes next.";
    GetReport = "execution/report" Query report (ExecutionParams) -> ReportDocument, [NotFound, Unusable],
        "The return protocol of an execution",
        "As data with the evidence of each claim, and as Markdown in the fixed return format. Of an execution that has not ended it says how it stands so far.";
    List = "execution/list" Query list (Nothing) -> ExecutionList, [],
        "Executions of the workspaces",
        "Those of the workspace in which the daemon was started, of the editor's folders, and of every breakdown that was planned or started.";
    Events = "execution/events" Query events (EventsParams) -> EventsPage, [NotFound, Unusable],
        "Events of an execution, in pages",
        "Every fact since its start, orders included, as the journal has them.",
        traits NO_TOOL;
    Subscribe = "execution/subscribe" Subscription (SubscribeParams) -> Subscribed, [NotFound, Unusable],
        "Be told of every event of an execution",
        "`execution/event` notifications follow, in order, from a number on, none lost; and `execution/progress`, `execution/escalation` and `execution/result`.",
        traits NO_TOOL;
    Unsubscribe = "execution/unsubscribe" Command (UnsubscribeParams) -> Unsubscribed, [],
        "End a subscription",
        "No event of it is sent after the answer.",
        traits NO_TOOL;
    Pause = "execution/pause" Command pause (ExecutionParams) -> Steered, [NotFound, Refused, Owned, Unusable],
        "Order nothing new",
        "What is being done is finished.",
        traits ADDS;
    Resume = "execution/resume" Command resume (ExecutionParams) -> Steered, [BadInput, NotFound, Refused, Untrusted, Owned, Unusable],
        "Go on after a pause",
        "Where no process is at work on it, this one takes it up.",
        traits RESUMES;
    Cancel = "execution/cancel" Command cancel (ExecutionParams) -> Steered, [NotFound, Refused, Owned, Unusable],
        "Stop everything and end",
        "What is being done is stopped, its process trees included. The execution ends and can't be taken up again.";
    TaskGet = "task/get" Query (TaskParams) -> TaskCard, [NotFound, Unusable],
        "Everything about a task",
        "State, what it waits for and what waits for it, slack, orders, findings and gates.";
    TaskListing = "task/list" Query (ExecutionParams) -> TaskList, [NotFound, Unusable],
        "All that a frontend shows of an execution",
        "Its streams, tasks and gates with their state, labels, times, findings, and what makes sense to do with each now.";
    TaskOutput = "task/output" Query output (OutputParams) -> OutputPage, [NotFound, Unusable],
        "What an agent, a gate or a reviewer printed",
        "In pages of bytes; ask again from `next` on while `open` is true.";
    TaskClaim = "task/claim" Command (ClaimParams) -> Claimed, [BadInput, NotFound, Refused, Unusable],
        "Claim the next piece of work that is left to clients",
        "Work of agents of kind `client`: attempts, tests, consultations and reviews. Gives a brief and a lease; nobody else gets the same work while the lease holds. Gives no work where none that fits is offered now: `task/offered` tells when there is.",
        traits ONCE,
        advice "Then do what `work.text` says yourself, call task_heartbeat at least once a minute meanwhile, and end with task_report, or review_submit where `work.brief.role` is review or final-review. Without `work`, nothing is offered now: call again later while `state` is running.";
    TaskHeartbeat = "task/heartbeat" Command (LeaseParams) -> LeaseAnswer, [BadInput, NotFound, Unusable],
        "Say that claimed work is still going on",
        "Makes the lease longer. Not accepted once the lease is over or the work is no longer wanted: then stop, and give it back.",
        traits ADDS;
    TaskReport = "task/report" Command (ReportParams) -> LeaseAnswer, [BadInput, NotFound, Unusable],
        "Say what claimed work came to",
        "Ends the lease. Complete work is then judged by gates and reviewers like any other. A late or second report is not accepted and changes nothing.",
        traits REPORTS,
        advice "Say `complete` only when it is: gates and reviewers look at it next. A late or second report changes nothing.";
    TaskRelease = "task/release" Command (LeaseParams) -> LeaseAnswer, [BadInput, NotFound, Unusable],
        "Give claimed work back",
        "It is offered again at once.",
        traits ADDS;
    ReviewSubmit = "review/submit" Command (ReviewParams) -> LeaseAnswer, [BadInput, NotFound, Unusable],
        "Say what a claimed review found",
        "Ends the lease. Blockers send the task back to whoever did it.",
        traits REPORTS;
    TaskRetry = "task/retry" Command retry (TaskParams) -> Steered, [BadInput, NotFound, Refused, Untrusted, Owned, Unusable],
        "Try a task again from the start, or evaluate a gate again",
        "Where no process is at work on the execution, this one takes it up.",
        traits RETRIES;
    TaskAnswer = "task/answer" Command answer (SayParams) -> Steered, [BadInput, NotFound, Refused, Untrusted, Owned, Unusable],
        "Answer what the agent of a blocked task has asked",
        "It goes on where it stopped, in its session where it has one, with the answer in its brief. Where no process is at work on the execution, this one takes it up.",
        traits ANSWERS;
    TaskSteer = "task/steer" Command steer (SayParams) -> Steered, [BadInput, NotFound, Refused, Owned, Unusable],
        "Say something to a task's agent while it is at work",
        "Agents of kind `claude` and `codex` get it in their turn, and nothing is stopped. Whether it has reached them is the event `steerEnded`, and what has not is told.",
        traits ONCE;
    TaskSkip = "task/skip" Command skip (TaskParams) -> Steered, [BadInput, NotFound, Refused, Untrusted, Owned, Unusable],
        "Treat a task as if it were done",
        "What waits for it may go on. Where no process is at work on the execution, this one takes it up.",
        traits GOES_ON;
    GateApprove = "gate/approve" Command approve (GateParams) -> Steered, [BadInput, NotFound, Refused, Untrusted, Owned, Unusable],
        "Pass a gate that waits for a person",
        "An editor decides for its user, and a client of MCP or ACP where it asks its person; programs only where the config says `approval = \"parent\"`, else they are told the command to type. Where no process is at work on the execution, this one takes it up.",
        traits APPROVES,
        advice "Only after a person has decided so: never decide it yourself.";
    GateReject = "gate/reject" Command reject (GateParams) -> Steered, [BadInput, NotFound, Refused, Untrusted, Owned, Unusable],
        "Refuse a gate",
        "The gate has failed, with the reason given.",
        traits GOES_ON,
        advice "Only after a person has decided so: never decide it yourself.";
}
