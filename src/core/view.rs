//! The words in which states are told: in status, report, lists and notices. Each is a type, with what it means, and has
//! one name on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Declares enums whose values have a name; the first one is the default.
macro_rules! names {
    ($($(#[$about:meta])* $name:ident { $(#[$first_about:meta])* $first:ident = $first_word:literal, $($(#[$value_about:meta])* $value:ident = $word:literal,)* })*) => {
        $(
            $(#[$about])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
            pub enum $name {
                $(#[$first_about])*
                #[default]
                #[serde(rename = $first_word)]
                $first,
                $($(#[$value_about])* #[serde(rename = $word)] $value,)*
            }

            impl $name {
                /// Its name.
                pub const fn name(self) -> &'static str {
                    match self { Self::$first => $first_word, $(Self::$value => $word,)* }
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.pad(self.name())
                }
            }
        )*
    };
}

names! {
    /// The state of an execution.
    ExecutionState {
        /// Something is being done, or will be.
        Running = "running",
        /// Nothing new is started until it is resumed.
        Paused = "paused",
        /// It has not ended, and no process carries it out.
        NotRunning = "not running",
        /// All is done, and every gate passed.
        Complete = "Complete",
        /// Some of it is done.
        Partial = "Partial",
        /// Nothing is done, or a person is waited for.
        Blocked = "Blocked",
        /// It was stopped for good.
        Cancelled = "Cancelled",
        /// Its journal can't be read.
        Unreadable = "unreadable",
    }

    /// Whether an execution gets on.
    Timeline {
        /// Nothing is known that may hold it up.
        OnTrack = "On track",
        /// Something may go wrong.
        AtRisk = "At risk",
        /// Something failed, or it has ended before all was done.
        HeldUp = "Held up",
    }

    /// The state of a task.
    TaskStateName {
        /// Something before it is not done.
        Waiting = "waiting",
        /// It can be started.
        Ready = "ready",
        /// It waits for its agent's service, or for another try.
        Postponed = "postponed",
        /// Any client may claim it.
        Offered = "offered",
        /// Experts are asked about it.
        Consulting = "consulting",
        /// Its worktree is made, or its gates are measured as they are.
        Preparing = "preparing",
        /// Its tests are written, or seen to fail.
        Testing = "testing",
        /// An agent works on it.
        Running = "running",
        /// Its gates are judged.
        Gating = "gating",
        /// Reviewers look at it.
        Reviewing = "reviewing",
        /// It is merged, and judged as merged.
        Merging = "merging",
        /// It is done.
        Done = "done",
        /// A person, or the breakdown, skipped it.
        Skipped = "skipped",
        /// The breakdown puts it off.
        Deferred = "deferred",
        /// It failed.
        Failed = "failed",
        /// It can go no further by itself.
        Blocked = "blocked",
    }

    /// The state of a stream.
    StreamStateName {
        /// Nothing keeps it from being started.
        Ready = "ready",
        /// Something before it is not done.
        Blocked = "blocked",
        /// Some of its tasks are done or at work.
        InProgress = "inProgress",
        /// A task of it failed.
        Failed = "failed",
        /// All of its tasks are done.
        Complete = "complete",
    }

    /// The state of a gate.
    GateStateName {
        /// It was not judged yet.
        Pending = "pending",
        /// It passed.
        Passed = "passed",
        /// It failed.
        Failed = "failed",
        /// It waits for a decision, or could not be evaluated.
        Open = "open",
    }

    /// How a task stands in a plan that nobody carries out yet.
    PlannedState {
        /// It is to be done.
        Todo = "todo",
        /// The breakdown says that it is done.
        Done = "done",
        /// The breakdown says that it is skipped.
        Skipped = "skipped",
        /// The breakdown puts it off.
        Deferred = "deferred",
        /// It can't be scheduled: something in it is wrong.
        Blocked = "blocked",
    }

    /// What a dependency is on.
    DependencyKind {
        /// A task.
        Task = "task",
        /// A stream.
        Stream = "stream",
        /// A set of tasks.
        Barrier = "barrier",
    }

    /// What can be done with an execution, a task or a gate.
    Action {
        /// Start it, or take it up.
        Run = "run",
        /// Start the tasks of a stream alone.
        RunStream = "runStream",
        /// Start nothing new.
        Pause = "pause",
        /// Continue after a pause.
        Resume = "resume",
        /// Stop everything for good.
        Cancel = "cancel",
        /// Answer what an agent asked.
        Answer = "answer",
        /// Say something to an agent at work.
        Steer = "steer",
        /// Try it again.
        Retry = "retry",
        /// Treat it as done.
        Skip = "skip",
        /// Pass a gate.
        Approve = "approve",
        /// Refuse a gate.
        Reject = "reject",
        /// Show what was printed.
        Output = "output",
        /// Show the report.
        Report = "report",
    }

    /// How a state looks beside a text.
    Appearance {
        /// Nothing happens yet.
        Waiting = "waiting",
        /// Something is at work.
        Running = "running",
        /// It is good.
        Done = "done",
        /// It is bad.
        Failed = "failed",
        /// Somebody is needed.
        Blocked = "blocked",
        /// It is left out.
        Skipped = "skipped",
    }

    /// The final status of the return format.
    FinalStatus {
        /// It has not ended.
        Unfinished = "Unfinished",
        /// All is done, and every gate passed.
        Complete = "Complete",
        /// Some of it is done.
        Partial = "Partial",
        /// Nothing is done, or a person is waited for.
        Blocked = "Blocked",
    }

    /// The success level of the return format.
    SuccessLevel {
        /// Something failed, or nothing was done.
        NeedsRework = "Needs Rework",
        /// What is done is good, and not all is done.
        PartialSuccess = "Partial Success",
        /// All is done, judged and good.
        CompleteSuccess = "Complete Success",
    }

    /// How much is at risk.
    RiskLevel {
        /// Nothing stands out.
        Low = "Low",
        /// Something may hold it up.
        Medium = "Medium",
        /// Something failed.
        High = "High",
    }
}

impl TaskStateName {
    /// Whether something was done for the task, or is being done.
    pub const fn has_begun(self) -> bool {
        match self {
            Self::Postponed
            | Self::Offered
            | Self::Consulting
            | Self::Preparing
            | Self::Testing
            | Self::Running
            | Self::Gating
            | Self::Reviewing
            | Self::Merging
            | Self::Done => true,
            Self::Waiting
            | Self::Ready
            | Self::Skipped
            | Self::Deferred
            | Self::Failed
            | Self::Blocked => false,
        }
    }
}
