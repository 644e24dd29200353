//! The five sections of the mission's progress tracking, as data, and as Markdown in the layout
//! of its two examples.

use super::brief::step_name;
use super::event::{Mark, Status, Work};
use super::id::AgentName;
use super::outcome::GateVerdict;
use super::plan::{Level, Node};
use super::policy::Role;
use super::progress::{self, stream_label};
use super::state::{GatePhase, Phase, State};
use crate::escape::{self, markdown};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// Where an execution stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusReport {
    /// The execution.
    pub execution: String,
    /// What is being built.
    pub topic: String,
    /// `running`, `paused`, `Complete`, `Partial` or `Blocked`.
    pub state: String,
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
    /// `On track`, or what is wrong.
    pub timeline: String,
    /// Milliseconds since the start, until the end where it has ended.
    pub elapsed_ms: u64,
    /// Milliseconds still to go, at the least, by the speed measured so far.
    pub remaining_min_ms: Option<u64>,
    /// The same, at the most.
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
    /// `complete`, `inProgress`, `blocked`, `failed` or `ready`.
    pub state: String,
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
    /// Its state in a word.
    pub state: String,
    /// What is to be said of it.
    pub note: String,
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
    pub level: String,
    /// `pending`, `passed`, `failed` or `open`.
    pub state: String,
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
    pub role: String,
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
    /// Blockers not mended yet.
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
    /// `Low`, `Medium` or `High`.
    pub level: String,
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
    let reviews = state.tasks.iter().flat_map(|task| task.reviews.values()).chain(state.final_reviews.values());
    let (mut reviews_passed, mut reviews_total) = (0, 0);
    for (_, review) in reviews {
        reviews_total += 1;
        reviews_passed += usize::from(review.verdict == GateVerdict::Passed);
    }
    let failed = counts.failed > 0 || state.gate_states.iter().any(|gate| matches!(gate.phase, GatePhase::Failed(_)));
    StatusReport {
        execution: state.execution.as_ref().map(ToString::to_string).unwrap_or_default(),
        topic: state.plan.topic.clone(),
        state: match state.ended {
            Some(_) if state.cancelled => "Cancelled".into(),
            Some((status, _)) => format!("{status:?}"),
            None if state.paused => "paused".into(),
            None => "running".into(),
        },
        overview: Overview {
            total_tasks: counts.total,
            done_tasks: counts.done,
            skipped_tasks: counts.skipped,
            percent: counts.percent(),
            timeline: if failed || state.cancelled || matches!(state.ended, Some((Status::Partial | Status::Blocked, _))) {
                "Held up".into()
            } else if risks.is_empty() {
                "On track".into()
            } else {
                "At risk".into()
            },
            elapsed_ms: state.ended.map_or(state.now, |(_, at)| at).saturating_sub(state.started_at),
            remaining_min_ms: remaining.map(|(min, _)| min),
            remaining_max_ms: remaining.map(|(_, max)| max),
        },
        streams: streams(state),
        agents: state.policy.agents.iter().map(|agent| agent_status(state, &agent.name, agent.role)).collect(),
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
            critical_path: state.graph.critical_path().into_iter().map(|ix| state.task(ix).id.to_string()).collect(),
            bottleneck: progress::bottleneck(state).map(|ix| state.task(ix).id.to_string()),
            level: if failed {
                "High".into()
            } else if risks.is_empty() {
                "Low".into()
            } else {
                "Medium".into()
            },
            escalations: state.escalations.iter().map(|e| format!("{}: {}; needed: {}", e.about, e.why, e.needed)).collect(),
            risks,
        },
        deliverables: deliverables(state),
        next_actions: match state.ended {
            Some((Status::Complete, _)) => Vec::new(),
            _ => progress::next_actions(state),
        },
    }
}

fn streams(state: &State) -> Vec<StreamStatus> {
    let mut streams: Vec<StreamStatus> = (0..state.plan.streams.len()).map(|ix| stream(state, ix)).collect();
    let alone: Vec<usize> = (0..state.tasks.len()).filter(|&ix| state.task(ix).stream.is_none()).collect();
    if !alone.is_empty() {
        let counts = progress::count(state, alone.iter().copied());
        streams.push(StreamStatus {
            name: "Tasks".into(),
            state: stream_state(&counts, counts.done + counts.skipped == counts.total, false).into(),
            percent: counts.percent_with_active(),
            tasks: alone.into_iter().map(|ix| task(state, ix, counts.active + counts.done > 0)).collect(),
            ..StreamStatus::default()
        });
    }
    streams
}

fn stream_state(counts: &progress::Counts, done: bool, waits: bool) -> &'static str {
    if done {
        "complete"
    } else if counts.failed > 0 {
        "failed"
    } else if counts.active + counts.done > 0 {
        "inProgress"
    } else if waits {
        "blocked"
    } else {
        "ready"
    }
}

fn stream(state: &State, ix: usize) -> StreamStatus {
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
        state: stream_state(&counts, state.stream_done(ix), waits).into(),
        percent: counts.percent_with_active(),
        depends_on: stream.depends_on.iter().map(|dependency| depends_on(state, &dependency.on)).collect(),
        agents,
        gates: state
            .gates
            .iter()
            .enumerate()
            .filter(|(_, gate)| gate.streams.contains(&stream.id))
            .map(|(ix, _)| gate_status(state, ix))
            .collect(),
        tasks: tasks.into_iter().map(|ix| task(state, ix, begun)).collect(),
    }
}

fn depends_on(state: &State, node: &Node) -> String {
    let (name, done) = match node {
        Node::Task(id) => (format!("Task {id}"), state.task_state(id).is_some_and(super::state::TaskState::satisfied)),
        Node::Stream(id) => (stream_label(id.as_str()), state.graph.stream(id).is_some_and(|ix| state.stream_done(ix))),
        Node::Barrier(id) => {
            let tasks = state.plan.barriers.iter().filter(|barrier| barrier.id == *id).flat_map(|barrier| &barrier.tasks);
            let done = tasks.clone().all(|id| state.task_state(id).is_some_and(super::state::TaskState::satisfied));
            (format!("Tasks {id}"), done)
        }
    };
    format!("{name}{}", if done { " complete ✅" } else { "" })
}

/// How a gate stands.
pub fn gate_status(state: &State, ix: usize) -> GateStatus {
    let (word, reason) = match &state.gate_states[ix].phase {
        GatePhase::Pending => ("pending", ""),
        GatePhase::Passed => ("passed", ""),
        GatePhase::Failed(why) => ("failed", why.as_str()),
        GatePhase::Open(why) => ("open", why.as_str()),
    };
    GateStatus {
        id: state.gates[ix].id.to_string(),
        level: level_name(state.gates[ix].level).into(),
        state: word.into(),
        reason: reason.into(),
    }
}

/// A level's name.
pub fn level_name(level: Level) -> &'static str {
    match level {
        Level::Task => "task",
        Level::Stream => "stream",
        Level::System => "system",
        Level::Deployment => "deployment",
    }
}

fn task(state: &State, ix: usize, stream_begun: bool) -> TaskStatus {
    let (task, known) = (state.task(ix), &state.tasks[ix]);
    let agent = state.allocation[ix].agent.as_ref();
    let note = match &known.phase {
        Phase::Done => done_note(state, ix),
        Phase::Marked(Mark::Done) => "done in the breakdown".into(),
        Phase::Skipped | Phase::Marked(Mark::Skipped) => "skipped".into(),
        Phase::Marked(Mark::Deferred) => "deferred".into(),
        Phase::Failed(why) | Phase::Blocked(why) => why.clone(),
        Phase::Active(_) if progress::waits_for_approval(state, ix).is_some() => "waits for approval".into(),
        Phase::Active(step) => match agent {
            Some(agent) if *step == super::event::Step::Implementing => format!("{agent} working"),
            _ => step_name(*step).into(),
        },
        Phase::Waiting => match (&task.broken, progress::waits_for(state, ix)) {
            (Some(why), _) => why.clone(),
            (None, waits) if !waits.is_empty() && stream_begun => format!("waiting on {}", waits.join(", ")),
            (None, waits) if !waits.is_empty() => format!("blocked on {}", waits.join(", ")),
            (None, _) => match agent {
                Some(_) => "ready".into(),
                None => state.allocation[ix].reason.clone(),
            },
        },
    };
    TaskStatus {
        id: task.id.to_string(),
        title: task.title.clone(),
        state: progress::word(state, ix).into(),
        note,
        agent: agent.map(ToString::to_string),
        attempts: known.attempts,
        rework: known.rework,
    }
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
    let place = |work: &Work| work.task().map_or("the whole".to_owned(), |task| format!("Task {task}"));
    AgentStatus {
        name: name.to_string(),
        role: role_name(role).into(),
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
        let gates: Vec<_> = state.gates.iter().zip(&state.gate_states).filter(|(gate, _)| gate.level == level).collect();
        match gates.iter().all(|(_, known)| known.phase == GatePhase::Passed) {
            _ if gates.is_empty() => None,
            true => Some("passed"),
            false => Some("pending"),
        }
    };
    let mut list = vec![
        Deliverable { name: "Feature functionality".into(), state: format!("{} of {} tasks done", counts.done, counts.total) },
        Deliverable {
            name: "Integration".into(),
            state: level(Level::System).or_else(|| level(Level::Stream)).map_or("not measured".into(), |word| format!("gates {word}")),
        },
        Deliverable {
            name: "Deployment readiness".into(),
            state: level(Level::Deployment).map_or("not measured".into(), |word| format!("gates {word}")),
        },
    ];
    let word = if done { "all tasks done" } else { "in progress" };
    let named = state.plan.milestones.iter().chain(&state.plan.deliverables);
    list.extend(named.map(|name| Deliverable { name: name.clone(), state: word.into() }));
    list
}

const fn mark(state: &str) -> &'static str {
    match state.as_bytes() {
        b"done" | b"complete" | b"passed" => "✅",
        b"failed" => "❌",
        b"skipped" | b"deferred" => "⏭️",
        b"running" | b"offered" | b"testing" | b"gating" | b"reviewing" | b"consulting" | b"preparing" | b"inProgress" => "🔄",
        _ => "⏸️",
    }
}

impl StatusReport {
    /// No process carries it out, which no journal says.
    pub fn nobody_is_at_work(&mut self) {
        self.state = "not running".into();
        self.next_actions.insert(0, "Go on: no process owns it; `resume` or `run` takes it up".into());
    }

    /// As Markdown: the short layout for a small breakdown, the long one for others.
    pub fn markdown(&self) -> String {
        if self.streams.len() <= 2 && self.overview.total_tasks <= 5 { self.short() } else { self.long() }
    }

    /// On one line.
    pub fn line(&self) -> String {
        let overview = &self.overview;
        format!(
            "{}: {}, {}/{} tasks, {} %, gates {}/{}, {}",
            escape::line(&self.topic),
            self.state,
            overview.done_tasks,
            overview.total_tasks,
            overview.percent,
            self.quality.gates_passed,
            self.quality.gates_total,
            overview.timeline
        )
    }

    fn names(&self) -> String {
        self.streams.iter().map(|stream| stream.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn short(&self) -> String {
        let mut out = format!("# {} Execution Status\n\n## Execution Overview\n\n", markdown(&self.topic));
        let overview = &self.overview;
        line(&mut out, &format!("Total Tasks: {}", overview.total_tasks));
        line(&mut out, &format!("Streams: {} ({})", self.streams.len(), self.names()));
        line(&mut out, &format!("Progress: {}% complete", overview.percent));
        line(&mut out, &format!("Timeline: {}", overview.timeline));
        out.push_str("\n## Stream Status\n");
        for stream in &self.streams {
            stream.head(&mut out);
        }
        out.push_str("\n## Quality Status\n\n");
        line(&mut out, &format!("TDD Compliance: {}", self.quality.tests_first_text()));
        line(&mut out, &format!("Review Status: {}", self.quality.reviews_text()));
        let gates = self.streams.iter().filter(|stream| !stream.gates.is_empty()).map(|stream| {
            let passed = stream.gates.iter().all(|gate| gate.state == "passed");
            format!("{} {}", stream_label(&stream.id), if passed { "passed" } else { "pending" })
        });
        let gates: Vec<String> = gates.collect();
        line(&mut out, &format!("Quality Gates: {}", if gates.is_empty() { self.quality.gates_text() } else { gates.join(", ") }));
        self.next(&mut out, "Next Actions", false);
        out
    }

    fn long(&self) -> String {
        let mut out = format!("# {} Execution Status\n\n## Execution Overview\n\n", markdown(&self.topic));
        let overview = &self.overview;
        line(&mut out, &format!("Total Tasks: {} across {} streams", overview.total_tasks, self.streams.len()));
        line(&mut out, &format!("Parallel Streams: {} ({})", self.streams.len(), self.names()));
        line(&mut out, &format!("Progress: {}% complete ({}/{} tasks done)", overview.percent, overview.done_tasks, overview.total_tasks));
        let holder = self.risk.bottleneck.as_ref().and_then(|id| self.streams.iter().find(|s| s.tasks.iter().any(|task| task.id == *id)));
        let critical = holder.map_or("done".to_owned(), |s| format!("{} ({})", stream_label(&s.id), s.name));
        line(&mut out, &format!("Critical Path: {critical} - {}", overview.timeline.to_lowercase()));
        out.push_str("\n## Stream Status\n");
        for stream in &self.streams {
            stream.head(&mut out);
            stream.details(&mut out);
        }
        out.push_str("\n## Agent Coordination Status\n\n");
        for agent in self.agents.iter().filter(|agent| agent.role != "reviewer") {
            line(&mut out, &format!("{}: {}", agent.name, agent.text()));
        }
        let reviewers: Vec<_> = self.agents.iter().filter(|agent| agent.role == "reviewer").collect();
        if !reviewers.is_empty() {
            let active = reviewers.iter().any(|agent| !agent.active_on.is_empty());
            let text = if active {
                "Continuous validation active".to_owned()
            } else {
                format!("{} of {} reviews passed", self.quality.reviews_passed, self.quality.reviews_total)
            };
            line(&mut out, &format!("Review agents: {text}"));
        }
        out.push_str("\n## Quality Assurance Status\n\n");
        line(&mut out, &format!("TDD/BDD Compliance: {}", self.quality.tests_first_text()));
        line(
            &mut out,
            &format!("Test Coverage: {}", self.quality.coverage_pct.map_or("not measured".into(), |pct| format!("{}%", number(pct)))),
        );
        let passed: Vec<&str> = self
            .streams
            .iter()
            .filter(|s| !s.gates.is_empty() && s.gates.iter().all(|gate| gate.state == "passed"))
            .map(|s| s.id.as_str())
            .collect();
        let of = if passed.is_empty() { String::new() } else { format!(" (Streams {})", passed.join(", ")) };
        line(&mut out, &format!("Quality Gates Passed: {}/{}{of}", self.quality.gates_passed, self.quality.gates_total));
        line(&mut out, &format!("Continuous Reviews: {}", self.quality.reviews_text()));
        out.push_str("\n## Critical Path Analysis\n\n");
        let bottleneck = self.risk.bottleneck.as_ref().map(|id| {
            let title = self.streams.iter().flat_map(|s| &s.tasks).find(|task| task.id == *id).map_or("", |task| task.title.as_str());
            format!("Task {id} ({title})")
        });
        line(&mut out, &format!("Current bottleneck: {}", bottleneck.unwrap_or_else(|| "None".into())));
        let impact = match (self.overview.remaining_min_ms, self.overview.remaining_max_ms) {
            _ if overview.timeline == "Held up" => "Waiting tasks rest until it is resolved".to_owned(),
            (Some(min), Some(max)) => format!("None ({} to {} to go)", duration(min), duration(max)),
            _ => "None".to_owned(),
        };
        line(&mut out, &format!("Timeline Impact: {impact}"));
        let why = self.risk.risks.first().map_or(String::new(), |risk| format!(" ({risk})"));
        line(&mut out, &format!("Risk Level: {}{why}", self.risk.level));
        out.push_str("\n## Deliverable Status\n\n");
        for deliverable in &self.deliverables {
            line(&mut out, &format!("{}: {}", deliverable.name, deliverable.state));
        }
        self.next(&mut out, "Next Coordination Actions", true);
        out
    }

    fn next(&self, out: &mut String, title: &str, numbered: bool) {
        let _ = write!(out, "\n## {title}\n\n");
        if self.next_actions.is_empty() {
            line(out, "None: the execution has ended");
        }
        for (ix, action) in self.next_actions.iter().enumerate() {
            if numbered {
                let _ = writeln!(out, "{}. {}", ix + 1, markdown(action));
            } else {
                line(out, action);
            }
        }
    }
}

impl StreamStatus {
    fn head(&self, out: &mut String) {
        let words = match self.state.as_str() {
            "complete" => "Complete",
            "inProgress" => "In Progress",
            "failed" => "Failed",
            "blocked" => "Blocked",
            _ => "Ready",
        };
        let label = if self.id.is_empty() || self.id == self.name {
            self.name.clone()
        } else {
            format!("{}: {}", stream_label(&self.id), self.name)
        };
        let _ = write!(out, "\n### {} ({words} {})\n\n", markdown(&label), mark(&self.state));
        for task in &self.tasks {
            let waits_inside = task.note.starts_with("waiting on");
            let sign = if waits_inside { "🔄" } else { mark(&task.state) };
            line(out, &format!("Task {}: {} {sign} ({})", task.id, task.title, task.note));
        }
    }

    fn details(&self, out: &mut String) {
        if !self.depends_on.is_empty() {
            line(out, &format!("Dependencies: {}", self.depends_on.join(", ")));
        }
        if !self.agents.is_empty() {
            line(out, &format!("Agent: {}", self.agents.join(" + ")));
        }
        for gate in &self.gates {
            let why = if gate.reason.is_empty() { String::new() } else { format!(" ({})", gate.reason) };
            line(out, &format!("Quality: {} {} {}{why}", gate.id, gate.state, mark(&gate.state)));
        }
        match self.state.as_str() {
            "inProgress" => line(out, &format!("Status: {}% complete, proceeding normally", self.percent)),
            "failed" => line(out, &format!("Status: {}% complete, held up", self.percent)),
            "blocked" => {
                let waits: Vec<&str> = self.tasks.iter().filter_map(|task| task.note.strip_prefix("blocked on ")).take(1).collect();
                line(out, &format!("Status: Awaiting {} completion", waits.first().unwrap_or(&"its dependencies'")));
            }
            _ => {}
        }
    }
}

impl AgentStatus {
    fn text(&self) -> String {
        match (self.active_on.is_empty(), self.orders) {
            (false, _) => format!("Active on {}", self.active_on.join(", ")),
            (true, 0) => "Available".into(),
            (true, n) => format!("Available ({n} done, busy {})", duration(self.busy_ms)),
        }
    }
}

impl Quality {
    /// Tests first as a percentage, or that it was not measured.
    pub fn tests_first_text(&self) -> String {
        match self.tests_first_asked {
            0 => "not measured".into(),
            asked => {
                let percent = self.tests_first_seen * 100 / asked;
                let of = if percent == 100 {
                    "all tasks follow test-first".to_owned()
                } else {
                    format!("{} of {asked} tasks", self.tests_first_seen)
                };
                format!("{percent}% ({of})")
            }
        }
    }

    fn reviews_text(&self) -> String {
        match (self.reviews_total, self.reviews_total - self.reviews_passed) {
            (0, _) => "none yet".into(),
            (_, 0) => "All passing".into(),
            (total, open) => format!("{open} of {total} not passing"),
        }
    }

    fn gates_text(&self) -> String {
        if self.gates_total == 0 { "none defined".into() } else { format!("{} of {} passed", self.gates_passed, self.gates_total) }
    }
}

/// A line of a list.
fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "- {}", markdown(text));
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
