//! The five sections of the mission's progress tracking, as data, and as Markdown in the layout
//! of its two examples.

mod markdown;

use super::brief::step_name;
use super::event::{Mark, Status, Work};
use super::id::AgentName;
use super::outcome::GateVerdict;
use super::plan::{Level, Node};
use super::policy::Role;
use super::progress::{self, stream_label};
use super::state::{GatePhase, Phase, State};
use super::view::{
    ExecutionState, GateStateName, RiskLevel, StreamStateName, TaskStateName, Timeline,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where an execution stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusReport {
    /// The execution.
    pub execution: String,
    /// What is being built.
    pub topic: String,
    /// How it stands.
    pub state: ExecutionState,
    /// Section 1: execution status overview.
    pub overview: Overview,
    /// Section 1: streams and tasks.
    pub streams: Vec<StreamStatus>,
    /// Section 2: agent coordination status.
    pub agents: Vec<AgentStatus>,
    /// Section 3: quality assurance tracking.
    pub quality: Quality,
    /// Section 4: dependency and risk management.
    pub risk: Risk,
    /// Section 5: deliverable status.
    pub deliverables: Vec<Deliverable>,
    /// What comes next.
    pub next_actions: Vec<String>,
    /// The log of the workspace's daemon, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// The execution as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// Tasks, without deferred ones.
    pub total_tasks: usize,
    /// Of them done.
    pub done_tasks: usize,
    /// Of them skipped.
    pub skipped_tasks: usize,
    /// Done in percent, floored.
    pub percent: usize,
    /// Whether it gets on.
    pub timeline: Timeline,
    /// Milliseconds since the start, until the end where it has ended.
    pub elapsed_ms: u64,
    /// Milliseconds still to go, at the least, by the speed measured so far.
    pub remaining_min_ms: Option<u64>,
    /// The same, at most.
    pub remaining_max_ms: Option<u64>,
}

/// One stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamStatus {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: StreamStateName,
    /// Done in percent, with half a task for each one being worked on.
    pub percent: usize,
    /// What all of it waits for, with what is done of that.
    pub depends_on: Vec<String>,
    /// Who works on it.
    pub agents: Vec<String>,
    /// Its gates.
    pub gates: Vec<GateStatus>,
    /// Its tasks.
    pub tasks: Vec<TaskStatus>,
}

/// One task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatus {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// How it stands.
    pub state: TaskStateName,
    /// What is to be said of it.
    pub note: String,
    /// What it waits for: tasks, streams and gates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<String>,
    /// What failed or is blocked, and so keeps it from ever being started as things stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_up_by: Option<String>,
    /// Who does it.
    pub agent: Option<String>,
    /// Attempts so far.
    pub attempts: u32,
    /// Rounds of rework so far.
    pub rework: u32,
}

/// One gate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateStatus {
    /// Its id.
    pub id: String,
    /// Where it stands in the plan.
    pub level: Level,
    /// How it stands.
    pub state: GateStateName,
    /// Why, unless it passed.
    pub reason: String,
}

/// One agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// What it does now.
    pub active_on: Vec<String>,
    /// Orders that it brought to an end.
    pub orders: u32,
    /// Time spent in them.
    pub busy_ms: u64,
    /// Tokens, as far as it says.
    pub tokens: Option<u64>,
    /// Money, as far as it says.
    pub cost_usd: Option<f64>,
}

/// Quality.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quality {
    /// Tasks for which red and then green were seen.
    pub tests_first_seen: usize,
    /// Tasks that were done and for which tests first was asked; 0 when it was not measured.
    pub tests_first_asked: usize,
    /// Coverage in percent, as measured last.
    pub coverage_pct: Option<f64>,
    /// Gates of all levels that passed.
    pub gates_passed: usize,
    /// All gates.
    pub gates_total: usize,
    /// Reviews with a verdict that passed.
    pub reviews_passed: usize,
    /// Reviews with any end.
    pub reviews_total: usize,
    /// Blockers not fixed yet.
    pub open_blockers: usize,
}

/// Dependencies and risks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Risk {
    /// The longest chain, as task ids.
    pub critical_path: Vec<String>,
    /// The unfinished task that most waits for.
    pub bottleneck: Option<String>,
    /// How much is at risk.
    pub level: RiskLevel,
    /// Risks by rule, the worst first.
    pub risks: Vec<String>,
    /// For what somebody is needed.
    pub escalations: Vec<String>,
}

/// One deliverable or milestone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deliverable {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: String,
}

/// The five sections.
pub fn status_report(state: &State) -> StatusReport {
    let counts = progress::counts(state);
    let (tests_first_seen, tests_first_asked) = progress::tests_first(state);
    let (gates_passed, gates_total) = progress::gate_counts(state);
    let risks = progress::risks(state);
    let remaining = progress::remaining_ms(state).filter(|_| state.ended.is_none());
    let reviews = state
        .tasks
        .iter()
        .flat_map(|task| task.reviews.values())
        .chain(state.final_reviews.values());
    let (mut reviews_passed, mut reviews_total) = (0, 0);
    for (_, review) in reviews {
        reviews_total += 1;
        reviews_passed += usize::from(review.verdict == GateVerdict::Passed);
    }
    let failed = counts.failed > 0
        || state.gate_states.iter().any(|gate| matches!(gate.phase, GatePhase::Failed(_)));
    StatusReport {
        execution: state.execution.as_ref().map(ToString::to_string).unwrap_or_default(),
        topic: state.plan.topic.clone(),
        state: match state.ended {
            Some(_) if state.cancelled => ExecutionState::Cancelled,
            Some((Status::Complete, _)) => ExecutionState::Complete,
            Some((Status::Partial, _)) => ExecutionState::Partial,
            Some((Status::Blocked, _)) => ExecutionState::Blocked,
            None if state.paused => ExecutionState::Paused,
            None => ExecutionState::Running,
        },
        overview: Overview {
            total_tasks: counts.total,
            done_tasks: counts.done,
            skipped_tasks: counts.skipped,
            percent: counts.percent(),
            timeline: if failed
                || state.cancelled
                || matches!(state.ended, Some((Status::Partial | Status::Blocked, _)))
            {
                Timeline::HeldUp
            } else if risks.is_empty() {
                Timeline::OnTrack
            } else {
                Timeline::AtRisk
            },
            elapsed_ms: state
                .ended
                .map_or(state.now, |(_, at)| at)
                .saturating_sub(state.started_at),
            remaining_min_ms: remaining.map(|(min, _)| min),
            remaining_max_ms: remaining.map(|(_, max)| max),
        },
        streams: streams(state, &progress::held_up(state)),
        agents: state
            .policy
            .agents
            .iter()
            .map(|agent| agent_status(state, &agent.name, agent.role))
            .collect(),
        quality: Quality {
            tests_first_seen,
            tests_first_asked,
            coverage_pct: progress::coverage(state).map(|(pct, _)| pct),
            gates_passed,
            gates_total,
            reviews_passed,
            reviews_total,
            open_blockers: progress::open_blockers(state),
        },
        risk: Risk {
            critical_path: state
                .graph
                .critical_path()
                .into_iter()
                .map(|ix| state.task(ix).id.to_string())
                .collect(),
            bottleneck: progress::bottleneck(state).map(|ix| state.task(ix).id.to_string()),
            level: if failed {
                RiskLevel::High
            } else if risks.is_empty() {
                RiskLevel::Low
            } else {
                RiskLevel::Medium
            },
            escalations: state
                .escalations
                .iter()
                .map(|e| format!("{}: {}; needed: {}", e.about, e.why, e.needed))
                .collect(),
            risks,
        },
        deliverables: deliverables(state),
        log: None,
        next_actions: match state.ended {
            Some((Status::Complete, _)) => Vec::new(),
            _ => progress::next_actions(state),
        },
    }
}

/// What tasks are held up by, by their indices.
type HeldUp = BTreeMap<usize, String>;

fn streams(state: &State, held: &HeldUp) -> Vec<StreamStatus> {
    let mut streams: Vec<StreamStatus> =
        (0..state.plan.streams.len()).map(|ix| stream(state, ix, held)).collect();
    let alone: Vec<usize> =
        (0..state.tasks.len()).filter(|&ix| state.task(ix).stream.is_none()).collect();
    if !alone.is_empty() {
        let counts = progress::count(state, alone.iter().copied());
        streams.push(StreamStatus {
            name: "Tasks".into(),
            state: stream_state(&counts, counts.done + counts.skipped == counts.total, false),
            percent: counts.percent_with_active(),
            tasks: alone
                .into_iter()
                .map(|ix| task(state, ix, counts.active + counts.done > 0, held))
                .collect(),
            ..StreamStatus::default()
        });
    }
    streams
}

fn stream_state(counts: &progress::Counts, done: bool, waits: bool) -> StreamStateName {
    if done {
        StreamStateName::Complete
    } else if counts.failed > 0 {
        StreamStateName::Failed
    } else if counts.active + counts.done > 0 {
        StreamStateName::InProgress
    } else if waits {
        StreamStateName::Blocked
    } else {
        StreamStateName::Ready
    }
}

fn stream(state: &State, ix: usize, held: &HeldUp) -> StreamStatus {
    let stream = &state.plan.streams[ix];
    let tasks: Vec<usize> = progress::tasks_of_stream(state, ix).collect();
    let counts = progress::count(state, tasks.iter().copied());
    let waits = tasks.iter().all(|&ix| !state.dependencies_done(ix));
    let begun = counts.active + counts.done > 0;
    let mut agents: Vec<String> = Vec::new();
    for &ix in &tasks {
        let allocation = &state.allocation[ix];
        agents.extend(allocation.agent.iter().map(ToString::to_string));
        agents.extend(allocation.experts.iter().map(|expert| format!("{expert} consultation")));
    }
    let mut seen = std::collections::BTreeSet::new();
    agents.retain(|agent| seen.insert(agent.clone()));
    StreamStatus {
        id: stream.id.to_string(),
        name: stream.name.clone(),
        state: stream_state(&counts, state.stream_done(ix), waits),
        percent: counts.percent_with_active(),
        depends_on: stream
            .depends_on
            .iter()
            .map(|dependency| depends_on(state, &dependency.on))
            .collect(),
        agents,
        gates: state
            .gates
            .iter()
            .enumerate()
            .filter(|(_, gate)| gate.streams.contains(&stream.id))
            .map(|(ix, _)| gate_status(state, ix))
            .collect(),
        tasks: tasks.into_iter().map(|ix| task(state, ix, begun, held)).collect(),
    }
}

fn depends_on(state: &State, node: &Node) -> String {
    let (name, done) = match node {
        Node::Task(id) => (
            format!("Task {id}"),
            state.task_state(id).is_some_and(super::state::TaskState::satisfied),
        ),
        Node::Stream(id) => (
            stream_label(id.as_str()),
            state.graph.stream(id).is_some_and(|ix| state.stream_done(ix)),
        ),
        Node::Barrier(id) => {
            let tasks = state
                .plan
                .barriers
                .iter()
                .filter(|barrier| barrier.id == *id)
                .flat_map(|barrier| &barrier.tasks);
            let done = tasks
                .clone()
                .all(|id| state.task_state(id).is_some_and(super::state::TaskState::satisfied));
            (format!("Tasks {id}"), done)
        }
    };
    format!("{name}{}", if done { " complete ✅" } else { "" })
}

/// How a gate stands.
pub fn gate_status(state: &State, ix: usize) -> GateStatus {
    let (word, reason) = match &state.gate_states[ix].phase {
        GatePhase::Pending => (GateStateName::Pending, ""),
        GatePhase::Passed => (GateStateName::Passed, ""),
        GatePhase::Failed(why) => (GateStateName::Failed, why.as_str()),
        GatePhase::Open(why) => (GateStateName::Open, why.as_str()),
    };
    GateStatus {
        id: state.gates[ix].id.to_string(),
        level: state.gates[ix].level,
        state: word,
        reason: reason.into(),
    }
}

fn task(state: &State, ix: usize, stream_begun: bool, held: &HeldUp) -> TaskStatus {
    let (task, known) = (state.task(ix), &state.tasks[ix]);
    let agent = state.allocation[ix].agent.as_ref();
    let waits_for = match &known.phase {
        Phase::Waiting if task.broken.is_none() => progress::waits_for(state, ix),
        _ => Vec::new(),
    };
    let held_up_by = held.get(&ix).filter(|_| known.phase == Phase::Waiting).cloned();
    let note = match &known.phase {
        Phase::Done => done_note(state, ix),
        Phase::Marked(Mark::Done) => "done in the breakdown".into(),
        Phase::Skipped | Phase::Marked(Mark::Skipped) => "skipped".into(),
        Phase::Marked(Mark::Deferred) => "deferred".into(),
        Phase::Failed(why) | Phase::Blocked(why) => why.clone(),
        Phase::Active(_) if progress::waits_for_approval(state, ix).is_some() => {
            "waits for approval".into()
        }
        Phase::Active(step) => match agent {
            _ if known.postponed.is_some() => {
                format!("waits: {}", known.postponed.as_deref().unwrap_or_default())
            }
            _ if *step == super::event::Step::Merging && !state.merging.is_merging(&task.id) => {
                "waits to be merged".into()
            }
            Some(agent) if *step == super::event::Step::Implementing => {
                format!("{agent} working{}", said(known))
            }
            _ => step_name(*step).into(),
        },
        Phase::Waiting => match (&task.broken, &held_up_by) {
            (Some(why), _) => why.clone(),
            (None, Some(what)) => format!("held up by {what}"),
            (None, None) if !waits_for.is_empty() && stream_begun => {
                format!("waiting on {}", waits_for.join(", "))
            }
            (None, None) if !waits_for.is_empty() => format!("blocked on {}", waits_for.join(", ")),
            (None, None) => match agent {
                Some(_) => "ready".into(),
                None => state.allocation[ix].reason.clone(),
            },
        },
    };
    TaskStatus {
        id: task.id.to_string(),
        title: task.title.clone(),
        state: progress::state_name(state, ix),
        note,
        waits_for,
        held_up_by,
        agent: agent.map(ToString::to_string),
        attempts: known.attempts,
        rework: known.rework,
    }
}

/// What was said to the agent at work last, and whether it has got it.
fn said(known: &super::state::TaskState) -> String {
    known
        .said
        .last()
        .filter(|said| known.open.contains(&said.order))
        .map_or(String::new(), |said| format!("; {said}"))
}

/// What was seen of a finished task: its tests, its gates, or the end of its command.
fn done_note(state: &State, ix: usize) -> String {
    let task = &state.tasks[ix];
    let tests = state.policy.tests_gate().and_then(|gate| task.gates.get(&gate.name));
    let counted = tests.and_then(|judged| judged.measures.tests).filter(|tests| tests.passed > 0);
    let base = match (counted, tests.is_some(), task.gates.len()) {
        (Some(counts), _, _) if counts.passed == 1 => "1 test passes".into(),
        (Some(counts), _, _) => format!("{} tests pass", counts.passed),
        (None, true, _) => "tests pass".into(),
        (None, false, 0) => "exit code 0".into(),
        (None, false, _) => "gates pass".into(),
    };
    let rework = match task.rework {
        0 => String::new(),
        1 => ", reworked once".into(),
        n => format!(", reworked {n} times"),
    };
    format!("{base}{rework}")
}

fn agent_status(state: &State, name: &AgentName, role: Role) -> AgentStatus {
    let used = state.utilisation.get(name).cloned().unwrap_or_default();
    let active = state.orders.values().filter(|open| open.work.agent() == Some(name));
    let place =
        |work: &Work| work.task().map_or("the whole".to_owned(), |task| format!("Task {task}"));
    AgentStatus {
        name: name.to_string(),
        role,
        active_on: active.map(|open| place(&open.work)).collect(),
        orders: used.orders,
        busy_ms: used.busy_ms,
        tokens: used.tokens,
        cost_usd: used.cost_usd,
    }
}

/// A role's name.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Executor => "executor",
        Role::Tester => "tester",
        Role::Expert => "expert",
        Role::Reviewer => "reviewer",
    }
}

fn deliverables(state: &State) -> Vec<Deliverable> {
    let counts = progress::counts(state);
    let done = counts.done + counts.skipped == counts.total;
    let level = |level: Level| {
        let gates: Vec<_> = state
            .gates
            .iter()
            .zip(&state.gate_states)
            .filter(|(gate, _)| gate.level == level)
            .collect();
        match gates.iter().all(|(_, known)| known.phase == GatePhase::Passed) {
            _ if gates.is_empty() => None,
            true => Some("passed"),
            false => Some("pending"),
        }
    };
    let mut list = vec![
        Deliverable {
            name: "Feature functionality".into(),
            state: format!("{} of {} tasks done", counts.done, counts.total),
        },
        Deliverable {
            name: "Integration".into(),
            state: level(Level::System)
                .or_else(|| level(Level::Stream))
                .map_or("not measured".into(), |word| format!("gates {word}")),
        },
        Deliverable {
            name: "Deployment readiness".into(),
            state: level(Level::Deployment)
                .map_or("not measured".into(), |word| format!("gates {word}")),
        },
    ];
    if state.policy.deliver {
        let into = progress::delivered_into(state);
        let state = match progress::kept_out_because(state) {
            Some(why) => format!("kept out of {into}: {why}"),
            None if state.merging.head.is_some() && !progress::is_kept_out(state) => {
                format!("merged into {into}")
            }
            None => "pending".into(),
        };
        list.push(Deliverable { name: "Delivery".into(), state });
    }
    let word = if done { "all tasks done" } else { "in progress" };
    let named = state.plan.milestones.iter().chain(&state.plan.deliverables);
    list.extend(named.map(|name| Deliverable { name: name.clone(), state: word.into() }));
    list
}

/// A percentage without needless zeros.
pub fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A duration for people: `1.2 s`, `3 min`, `2 h 10 min`.
pub fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", ms as f64 / 1_000.0),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}
