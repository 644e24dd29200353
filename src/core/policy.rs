//! The rules as data: limits, retries, who is in the roster, which gates stand where, the rule of tests first.
//!
//! Only what decisions need: commands, environments and files stay in the config, at the edge.

use super::id::{AgentName, GateId, StreamId};
use super::outcome::{Ending, GateMeasures, GateVerdict};
use super::plan::{Level, Plan, PlanGate, TestsFirst};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rules of an execution. Journaled, so that decisions can be replayed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Attempts at once, over all agents; as many gates may be judged beside them.
    pub max_parallel: u32,
    /// An attempt is stopped after so long.
    pub attempt_timeout_ms: u64,
    /// Whoever carries out an order and says nothing for so long is given up.
    #[serde(default = "five_minutes")]
    pub idle_timeout_ms: u64,
    /// Tries of one piece of work that crashed, timed out or came without an answer. What was lost
    /// because this program itself was killed does not count.
    pub max_attempts: u32,
    /// Rounds of findings that go back to the agent.
    pub max_rework: u32,
    /// The wait before the second try; doubled for each further one.
    pub backoff_ms: u64,
    /// Whether tests come first, unless a task says otherwise.
    pub tests_first: TestsFirst,
    /// Whether all reviewers look at the whole at the end.
    pub final_review: bool,
    /// Whether each task is worked on in a worktree of its own, and merged once it is good; otherwise
    /// all share one folder, and tasks that name the same files never run at once.
    #[serde(default)]
    pub isolated: bool,
    /// Why agents that should be confined are not; nothing where they are, or none should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfined: Option<String>,
    /// Whether the result is merged into the user's own checkout at the end.
    #[serde(default)]
    pub deliver: bool,
    /// The branch that was checked out at the start: there the result goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    /// What may be spent in all.
    #[serde(default)]
    pub budget: Budget,
    /// What may be spent on one task.
    #[serde(default)]
    pub task_budget: Budget,
    /// An agent that failed so often in a row is not asked any more; 0 for never.
    #[serde(default)]
    pub breaker: u32,
    /// Agents, in the order of the config.
    pub agents: Vec<AgentPolicy>,
    /// Gates, in the order of the config.
    pub gates: Vec<GatePolicy>,
    /// What sizes weigh.
    pub weights: Weights,
}

/// The limit on silence of journals that have none.
fn five_minutes() -> u64 {
    5 * 60_000
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_parallel: 4,
            attempt_timeout_ms: 30 * 60_000,
            idle_timeout_ms: five_minutes(),
            max_attempts: 3,
            max_rework: 2,
            backoff_ms: 1_000,
            tests_first: TestsFirst::Required,
            final_review: true,
            isolated: false,
            unconfined: None,
            deliver: false,
            into: None,
            budget: Budget::default(),
            task_budget: Budget::default(),
            breaker: 0,
            agents: Vec::new(),
            gates: Vec::new(),
            weights: Weights::default(),
        }
    }
}

impl Policy {
    /// An agent of the roster.
    pub fn agent(&self, name: &AgentName) -> Option<&AgentPolicy> {
        self.agents.iter().find(|agent| agent.name == *name)
    }

    /// Whether an agent's orders are left to whoever claims them.
    pub(super) fn is_offered(&self, agent: &AgentName) -> bool {
        self.agent(agent).is_some_and(|agent| agent.kind == "client")
    }

    /// Whether an agent could change what is not its task's: not the user's own commands, and not whoever drives this
    /// program.
    pub(super) fn is_suspect(&self, agent: &AgentName) -> bool {
        !self.isolated
            && !self.is_offered(agent)
            && self.agent(agent).is_some_and(|agent| !agent.runs_the_task())
    }

    /// The agents of a role, in the order of the roster.
    pub fn of_role(&self, role: Role) -> impl Iterator<Item = &AgentPolicy> {
        self.agents.iter().filter(move |agent| agent.role == role)
    }

    /// The configured gates of a level, in their order.
    pub fn gates_at(&self, level: Level) -> impl Iterator<Item = &GatePolicy> {
        self.gates.iter().filter(move |gate| gate.level == level)
    }

    /// The gate of a task by which tests are seen to fail first and pass later.
    pub fn tests_gate(&self) -> Option<&GatePolicy> {
        self.gates_at(Level::Task).find(|gate| gate.tests && gate.command)
    }

    /// The gates of streams, of the system and of the deployment.
    ///
    /// A gate that the breakdown names is evaluated by the configured gates of its level; where
    /// it names none, the configured gates stand for themselves. A stream's gate for which
    /// neither says anything does not exist.
    pub fn gates_of(&self, plan: &Plan) -> Vec<Gate> {
        let mut gates = Vec::new();
        let mut last: BTreeMap<&StreamId, Vec<&PlanGate>> = BTreeMap::new();
        for gate in plan.gates.iter().filter(|gate| gate.level == Level::Stream) {
            gate.after
                .last()
                .into_iter()
                .for_each(|stream| last.entry(stream).or_default().push(gate));
        }
        for stream in &plan.streams {
            let configured: Vec<&GatePolicy> = self
                .gates_at(Level::Stream)
                .filter(|gate| gate.streams.is_empty() || gate.streams.contains(&stream.id))
                .collect();
            let mut named = false;
            for gate in last.remove(&stream.id).into_iter().flatten() {
                named = true;
                // A configured gate of the same name is meant for this one alone.
                let own: Vec<&GatePolicy> =
                    self.gates.iter().filter(|c| c.name == gate.id.as_str()).collect();
                gates.push(Gate::named(
                    &gate.id,
                    Level::Stream,
                    gate.after.clone(),
                    &gate.text,
                    if own.is_empty() { &configured } else { &own },
                ));
            }
            if !named {
                for check in configured {
                    let id = GateId::from(format!("{}@{}", check.name, stream.id));
                    gates.push(Gate::named(
                        &id,
                        Level::Stream,
                        vec![stream.id.clone()],
                        "",
                        &[check],
                    ));
                }
            }
        }
        for level in [Level::System, Level::Deployment] {
            let named: Vec<_> = plan.gates.iter().filter(|gate| gate.level == level).collect();
            let configured: Vec<&GatePolicy> = self.gates_at(level).collect();
            for gate in &named {
                let own: Vec<&GatePolicy> =
                    configured.iter().filter(|c| c.name == gate.id.as_str()).copied().collect();
                gates.push(Gate::named(
                    &gate.id,
                    level,
                    Vec::new(),
                    &gate.text,
                    if own.is_empty() { &configured } else { &own },
                ));
            }
            if named.is_empty() {
                for check in configured {
                    gates.push(Gate::named(
                        &GateId::from(check.name.as_str()),
                        level,
                        Vec::new(),
                        "",
                        &[check],
                    ));
                }
            }
        }
        gates
    }
}

/// What may be spent; no limit where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Budget {
    /// Money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
    /// Tokens in and out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
}

/// An agent of the roster, as far as decisions need it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentPolicy {
    /// Its name.
    pub name: AgentName,
    /// What it is for.
    pub role: Role,
    /// Whether it only does what asks for it, by its name or by what it knows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub specialist: bool,
    /// How it is run (`shell`, `command`, …).
    pub kind: String,
    /// Words that tasks are matched with.
    pub skills: Vec<String>,
    /// How many of its orders run at once; no limit of its own when absent.
    pub max_parallel: Option<u32>,
    /// Its own limit on an attempt, over the policy's.
    pub attempt_timeout_ms: Option<u64>,
    /// Its own limit on silence, over the policy's.
    #[serde(default)]
    pub idle_timeout_ms: Option<u64>,
    /// Who does its work while it can't be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<AgentName>,
    /// What it may spend.
    #[serde(default)]
    pub budget: Budget,
    /// Whether it can be told something while it is at work.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_steerable: bool,
    /// How a person lets it use its service, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
}

impl AgentPolicy {
    /// One with a name, a role and a kind, and the defaults for all else.
    pub fn new(name: &str, role: Role, kind: &str) -> Self {
        Self {
            name: name.into(),
            role,
            specialist: false,
            kind: kind.into(),
            skills: Vec::new(),
            max_parallel: None,
            attempt_timeout_ms: None,
            idle_timeout_ms: None,
            fallback: None,
            budget: Budget::default(),
            is_steerable: false,
            login: None,
        }
    }

    /// Whether it runs the command that the task itself carries. Such a command is no code that
    /// could be tested first, and running it again unchanged seldom helps.
    pub fn runs_the_task(&self) -> bool {
        self.kind == "shell"
    }
}

/// What an agent is for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Changes the code.
    #[default]
    Executor,
    /// Writes the tests that come first.
    Tester,
    /// Is asked before the first attempt, changes nothing.
    Expert,
    /// Looks at what was done, changes nothing.
    Reviewer,
}

/// A configured gate, as far as decisions need it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatePolicy {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub level: Level,
    /// The streams it is for; all when empty.
    pub streams: Vec<StreamId>,
    /// Whether a command evaluates it.
    pub command: bool,
    /// Whether somebody must pass it.
    pub approval: bool,
    /// Whether that may be a program.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parent: bool,
    /// Whether its command is the one by which tests are seen red and green.
    pub tests: bool,
    /// Whether it writes a test report, without which nothing is known of its tests.
    #[serde(default)]
    pub report: bool,
    /// The least coverage in percent.
    pub min_coverage_pct: Option<f64>,
    /// Whether failures that were there before the attempt are let through.
    pub tolerate_preexisting: bool,
    /// Its command is stopped after so long.
    pub timeout_ms: u64,
    /// The files by which it judges, with their digests, as they were when the config was read first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub judged_by: BTreeMap<String, String>,
}

impl GatePolicy {
    /// Whether each task of a stream (or of none) has to pass it.
    pub fn is_for_tasks_of(&self, stream: Option<&StreamId>) -> bool {
        self.level == Level::Task
            && (self.streams.is_empty()
                || stream.is_some_and(|stream| self.streams.contains(stream)))
    }
}

/// A gate of a stream, of the system or of the deployment, at its place in the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Its name.
    pub id: GateId,
    /// Where it stands.
    pub level: Level,
    /// The streams it closes.
    pub streams: Vec<StreamId>,
    /// The breakdown's criterion.
    pub text: String,
    /// The configured gates whose commands evaluate it.
    pub checks: Vec<String>,
    /// Whether somebody must pass it.
    pub approval: bool,
    /// Whether that may be a program.
    pub parent: bool,
}

impl Gate {
    /// Whether it closes the tasks of a stream: one of the system or the deployment closes all there are.
    pub fn closes(&self, stream: Option<&StreamId>) -> bool {
        self.level != Level::Stream || stream.is_some_and(|stream| self.streams.contains(stream))
    }

    fn named(
        id: &GateId,
        level: Level,
        streams: Vec<StreamId>,
        text: &str,
        configured: &[&GatePolicy],
    ) -> Self {
        Self {
            id: id.clone(),
            level,
            streams,
            text: text.to_owned(),
            checks: configured
                .iter()
                .filter(|gate| gate.command)
                .map(|gate| gate.name.clone())
                .collect(),
            approval: configured.iter().any(|gate| gate.approval),
            parent: configured.iter().any(|gate| gate.approval)
                && configured.iter().all(|gate| gate.parent || !gate.approval),
        }
    }
}

/// What sizes weigh, in minutes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Weights {
    /// `XS`.
    pub extra_small: f64,
    /// `S`.
    pub small: f64,
    /// `M`.
    pub medium: f64,
    /// `L`.
    pub large: f64,
    /// `XL`.
    pub extra_large: f64,
    /// A task without an estimate among tasks that have one.
    pub unknown: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            extra_small: 60.0,
            small: 120.0,
            medium: 360.0,
            large: 720.0,
            extra_large: 1_440.0,
            unknown: 120.0,
        }
    }
}

/// Files and tests that are named in a reason.
const NAMED: usize = 5;

/// The verdict on what a gate's command measured: the one rule by which a gate passes.
///
/// `preexisting` are the tests that failed on the tree before the attempt.
pub fn judge(
    gate: &GatePolicy,
    measures: &GateMeasures,
    preexisting: &[String],
) -> (GateVerdict, String) {
    let failed = |reason: String| (GateVerdict::Failed, reason);
    match &measures.ending {
        Ending::Exited(126 | 127) => {
            return (GateVerdict::NotEvaluated, "its command could not be run".into());
        }
        Ending::Exited(_) if !measures.changed.is_empty() => {
            let more = if measures.changed.len() > NAMED { ", …" } else { "" };
            let named =
                measures.changed.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ") + more;
            return failed(format!(
                "it changed {named} while it judged: `writes` under gate `{}` names files that it may change",
                gate.name
            ));
        }
        Ending::Exited(code) => {
            if !measures.flaky.is_empty() {
                return failed(format!("flaky on one tree: {}", measures.flaky.join(", ")));
            }
            let old =
                measures.failed_tests.iter().filter(|test| preexisting.contains(test)).count();
            let only_old = old > 0 && old == measures.failed_tests.len();
            if *code != 0 && only_old && !gate.tolerate_preexisting {
                return failed(format!(
                    "exit code {code}; all {old} failing tests failed before the attempt too"
                ));
            }
            if *code != 0 && !only_old {
                let new = measures.failed_tests.len() - old;
                let named = measures
                    .failed_tests
                    .iter()
                    .filter(|test| !preexisting.contains(test))
                    .take(5)
                    .cloned()
                    .collect::<Vec<_>>();
                return failed(match (new, old) {
                    (0, _) => format!("exit code {code}"),
                    (new, 0) => format!("exit code {code}; {new} failing: {}", named.join(", ")),
                    (new, old) => {
                        format!(
                            "exit code {code}; {new} failing: {}; {old} more failed before the attempt too",
                            named.join(", ")
                        )
                    }
                });
            }
            if *code == 0 && measures.tests.is_some_and(|tests| tests.failed > 0) {
                return failed("its exit code is 0, but its test report has failures".into());
            }
            if *code == 0 && gate.report && measures.tests.is_none() {
                return (
                    GateVerdict::NotEvaluated,
                    "its test report is missing, or says nothing that can be so".into(),
                );
            }
            if !measures.not_green.is_empty() {
                let more = if measures.not_green.len() > NAMED { ", …" } else { "" };
                let named =
                    measures.not_green.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ")
                        + more;
                return failed(format!(
                    "seen to fail before the implementation and not seen to pass now: {named}"
                ));
            }
            if gate.tests && measures.tests.is_some_and(|tests| tests.passed + tests.failed == 0) {
                return (GateVerdict::NotEvaluated, "no test was run".into());
            }
        }
        Ending::TimedOut => {
            let seconds = gate.timeout_ms as f64 / 1_000.0;
            return (
                GateVerdict::NotEvaluated,
                format!(
                    "its command timed out after {seconds} s: `timeout` of gate `{}` sets the limit",
                    gate.name
                ),
            );
        }
        other => return (GateVerdict::NotEvaluated, format!("its command {other}")),
    }
    match (gate.min_coverage_pct, measures.coverage_pct) {
        (Some(_), None) => (GateVerdict::NotEvaluated, "its coverage could not be read".into()),
        (Some(least), Some(got)) if got < least => {
            failed(format!("coverage is {got:.1} %, {least} % are asked for"))
        }
        _ => (GateVerdict::Passed, String::new()),
    }
}
