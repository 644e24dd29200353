//! How things end: processes, agents, gates, reviews. Adapters report these; `decide` judges them.

use super::id::TaskId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Ending {
    /// It never ran, with the reason.
    DidNotStart(String),
    /// It exited by itself.
    Exited(i32),
    /// A signal that was not ours ended it.
    Signaled(i32),
    /// It was stopped at its deadline.
    TimedOut,
    /// It was stopped because it made no progress.
    Idle,
    /// It was stopped because it printed too much.
    OutputLimit,
    /// It was stopped because it was no longer wanted.
    Stopped,
    /// Nobody saw it end.
    Lost,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DidNotStart(why) => write!(f, "did not start: {why}"),
            Self::Exited(code) => write!(f, "exited with code {code}"),
            Self::Signaled(signal) => write!(f, "was ended by signal {signal}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Idle => f.write_str("made no progress and was stopped"),
            Self::OutputLimit => f.write_str("printed more than its limit and was stopped"),
            Self::Stopped => f.write_str("was stopped"),
            Self::Lost => f.write_str("was lost"),
        }
    }
}

/// What an agent says of its own work, after the parsing rules for return blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Done.
    Complete,
    /// It needs something that it can't get by itself.
    Blocked,
    /// It did not succeed.
    Failed,
    /// It did not say, or what it said can't be believed.
    Unknown,
}

/// How an attempt or a consultation ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentOutcome {
    /// How its process ended.
    pub ending: Ending,
    /// What it said.
    pub verdict: Verdict,
    /// What it did, in its own words.
    #[serde(default)]
    pub summary: String,
    /// Why it is not complete.
    #[serde(default)]
    pub reason: String,
    /// Files that changed.
    #[serde(default)]
    pub files: Vec<String>,
    /// Files that it has written or names and that git ignores, so that they are in no commit: where nothing else changed,
    /// all that it wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
    /// Whether its answer accounts for an attempt of which nothing can be committed: it says that nothing needed to change,
    /// or names files that git ignores. Absent where it is a command's, where what was changed is not known, or where it was not recorded yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounted: Option<bool>,
    /// What became otherwise in the user's own checkout while it was at work unconfined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<String>,
    /// Decisions that later tasks should know.
    #[serde(default)]
    pub decisions: Vec<String>,
    /// What it used.
    #[serde(default)]
    pub usage: Usage,
    /// The commit that holds what it did, where it had a worktree of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The agent's own session, in which it can be gone on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Whether it came to nothing because the agent's service could not be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortage: Option<Shortage>,
    /// The files that are kept of it, with their digests; empty where that was not recorded yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, String>,
    /// How long it took.
    pub duration_ms: u64,
}

impl AgentOutcome {
    /// One that says no more than how it ended.
    pub fn new(ending: Ending, verdict: Verdict, duration_ms: u64) -> Self {
        Self {
            ending,
            verdict,
            summary: String::new(),
            reason: String::new(),
            files: Vec::new(),
            ignored: Vec::new(),
            accounted: None,
            outside: Vec::new(),
            decisions: Vec::new(),
            usage: Usage::default(),
            commit: None,
            session: None,
            shortage: None,
            kept: BTreeMap::new(),
            duration_ms,
        }
    }

    /// It ran to its end and needs something that it can't get by itself.
    pub fn asks(&self) -> bool {
        self.ending == Ending::Exited(0) && self.verdict == Verdict::Blocked
    }

    /// It ran to its end and says that it is complete.
    pub fn complete(&self) -> bool {
        self.ending == Ending::Exited(0) && self.verdict == Verdict::Complete
    }
}

/// Why an agent's service could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shortage {
    /// What kind of shortage.
    pub kind: ShortageKind,
    /// When to ask again, in milliseconds from then, as far as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ShortageKind {
    /// Whether it lasts until a person has done something.
    pub fn needs_person(self) -> bool {
        matches!(self, Self::Login | Self::Outdated)
    }
}

/// What kind of shortage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ShortageKind {
    /// Too much was asked in a short time.
    RateLimited,
    /// Its service has too much to do.
    Overloaded,
    /// What was paid for is used up.
    Quota,
    /// It is not logged in, or its key is not accepted: that needs a person.
    Login,
    /// Its program is too old for its service: that needs a person too.
    Outdated,
}

/// What an agent used, as far as it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// Tokens in and out.
    pub tokens: Option<u64>,
    /// Money.
    pub cost_usd: Option<f64>,
    /// Turns of its model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turns: Option<u32>,
    /// Calls of tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<u32>,
    /// Whether it named numbers that no use can have: they are not counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub implausible: bool,
}

/// More tokens than any order uses; exact as a number with a fraction too.
const MAX_TOKENS: u64 = 1 << 53;
/// More money than any order costs.
const MAX_COST_USD: f64 = 1e9;

impl Usage {
    /// The sum of tokens and money of two. Turns and calls belong to one attempt.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        fn sum<T: Copy>(a: Option<T>, b: Option<T>, add: impl Fn(T, T) -> T) -> Option<T> {
            a.zip(b).map(|(a, b)| add(a, b)).or(a).or(b)
        }
        let tokens = sum(self.tokens, other.tokens, u64::saturating_add);
        Self { tokens, cost_usd: sum(self.cost_usd, other.cost_usd, |a, b| a + b), ..self }
    }

    /// What an answer says that was used: whole tokens, and money.
    pub fn said(tokens: Option<f64>, cost_usd: Option<f64>) -> Self {
        let whole = tokens
            .filter(|tokens| (0.0..=MAX_TOKENS as f64).contains(tokens))
            .map(|tokens| tokens as u64);
        Self {
            tokens: whole,
            cost_usd,
            implausible: tokens.is_some() && whole.is_none(),
            ..Self::default()
        }
        .counted()
    }

    /// The same without numbers that no use can have: a negative price would make room in every budget.
    #[must_use]
    pub fn counted(self) -> Self {
        let tokens = self.tokens.filter(|tokens| *tokens <= MAX_TOKENS);
        let cost_usd = self.cost_usd.filter(|cost| (0.0..=MAX_COST_USD).contains(cost));
        let implausible = self.implausible
            || tokens != self.tokens
            || cost_usd.is_some() != self.cost_usd.is_some();
        Self { tokens, cost_usd, implausible, ..self }
    }
}

/// What became of an order to the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RepositoryOutcome {
    /// A task has a worktree of its own.
    #[serde(rename = "placed")]
    WorktreeReady {
        /// Where.
        folder: String,
        /// Its branch.
        branch: String,
        /// The commit that it begins with.
        base: String,
    },
    /// Finished work was merged into a commit that nobody has yet.
    Merged {
        /// The tasks whose work is in it.
        tasks: Vec<TaskId>,
        /// The tasks whose work does not fit.
        conflicts: Vec<Conflict>,
        /// It; absent when nothing was merged.
        #[serde(default)]
        commit: Option<String>,
    },
    /// A commit is the result now.
    Landed,
    /// The user's new commits are part of the result.
    Renewed {
        /// The last commit of the result.
        commit: String,
    },
    /// The result is in the user's own checkout.
    Delivered,
    /// It could not be done.
    Failed {
        /// Why.
        why: String,
    },
}

impl fmt::Display for RepositoryOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WorktreeReady { branch, .. } => write!(f, "branch {branch}"),
            Self::Merged { commit: Some(commit), .. } => write!(f, "merged as {commit}"),
            Self::Merged { .. } => f.write_str("it does not fit"),
            Self::Landed => f.write_str("it is part of the result"),
            Self::Renewed { commit } => write!(f, "the result is {commit}"),
            Self::Delivered => f.write_str("it is in the checkout"),
            Self::Failed { why } => f.write_str(why),
        }
    }
}

/// Work that does not fit with what was merged before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// Whose.
    pub task: TaskId,
    /// In which files.
    pub files: Vec<String>,
}

/// Changed files that are named: of more, each counts as changed.
pub const MOST_FILES: usize = 5_000;

/// What a gate's command showed: only measures, no verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateMeasures {
    /// The command, as run.
    pub command: Vec<String>,
    /// How it ended.
    pub ending: Ending,
    /// Tests, where they could be counted.
    #[serde(default)]
    pub tests: Option<TestCounts>,
    /// Names of failing tests, where the report has names.
    #[serde(default)]
    pub failed_tests: Vec<String>,
    /// Tests that failed and passed on one tree.
    #[serde(default)]
    pub flaky: Vec<String>,
    /// Line coverage in percent.
    #[serde(default)]
    pub coverage_pct: Option<f64>,
    /// Digest of the tree that was judged; absent when it changed meanwhile.
    #[serde(default)]
    pub tree: Option<String>,
    /// Digest of the folder and the environment in which it was judged: elsewhere, the same tree may show something else.
    #[serde(default)]
    pub context: Option<String>,
    /// Files that the command changed although it only judges them.
    #[serde(default)]
    pub changed: Vec<String>,
    /// How many of the tests that were seen red this run names as passed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub green: u64,
    /// Tests that were seen red and that this run, which names what passes, does not name as passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_green: Vec<String>,
    /// Files in the tree that decide how it judges (its program, settings of test runners), with their digests.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub judged_by: BTreeMap<String, String>,
    /// The order whose result was taken because it had judged the same tree.
    #[serde(default)]
    pub reused_from: Option<super::id::OrderId>,
    /// The files that are kept of it, with their digests; empty where that was not recorded yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, String>,
    /// How long it took.
    pub duration_ms: u64,
}

impl GateMeasures {
    /// One that shows no more than how it ended.
    pub fn new(command: Vec<String>, ending: Ending, duration_ms: u64) -> Self {
        Self {
            command,
            ending,
            tests: None,
            failed_tests: Vec::new(),
            flaky: Vec::new(),
            coverage_pct: None,
            tree: None,
            context: None,
            changed: Vec::new(),
            green: 0,
            not_green: Vec::new(),
            judged_by: BTreeMap::new(),
            reused_from: None,
            kept: BTreeMap::new(),
            duration_ms,
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Counts from a test report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestCounts {
    /// Passed.
    pub passed: u64,
    /// Failed, with errors.
    pub failed: u64,
    /// Not run.
    pub skipped: u64,
}

/// What a gate's evaluation says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GateVerdict {
    /// Evaluated, and good.
    Passed,
    /// Evaluated, and not good.
    Failed,
    /// Not evaluated: the gate stays open.
    #[default]
    NotEvaluated,
}

/// How a review ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewOutcome {
    /// How its process ended.
    pub ending: Ending,
    /// The verdict; a review without one is not a pass.
    pub verdict: GateVerdict,
    /// What was found.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Its own words.
    #[serde(default)]
    pub summary: String,
    /// Whether it came to nothing because the reviewer's service could not be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortage: Option<Shortage>,
    /// The files that are kept of it, with their digests; empty where that was not recorded yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, String>,
    /// How long it took.
    pub duration_ms: u64,
}

/// What a reviewer or a gate reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Who found it.
    #[serde(default)]
    pub by: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub text: String,
    /// Where, as `file` or `file:line`.
    #[serde(default)]
    pub place: Option<String>,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Blocker => "blocker",
            Severity::Concern => "concern",
            Severity::Suggestion => "suggestion",
        };
        let place = self.place.as_ref().map_or(String::new(), |place| format!(" ({place})"));
        write!(f, "{severity} by {}: {}{place}", self.by, self.text)
    }
}

/// How bad a finding is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Must be fixed before the task is done.
    Blocker,
    /// Should be fixed.
    Concern,
    /// Could be better.
    Suggestion,
}
