//! Where an execution stands: counts, percentages, what holds it up, what is next, how it ended.

use super::event::{Mark, Status, Step};
use super::evidence::approval_asked;
use super::graph::{NodeKind, OrderedWeight};
use super::hold;
use super::id::{GateId, TaskId};
use super::outcome::{GateVerdict, Severity};
use super::plan::{Node, TestsFirst};
use super::state::{GatePhase, Phase, State};
use super::view::TaskStateName;
use crate::escape::line;
use std::collections::BTreeMap;

/// How an execution stands at its end:
///
/// - `Complete`: every task is done or skipped (deferred ones are left aside), not all of them
///   skipped, every gate passed, the final review found no blocker, and the result is where it is to be delivered;
/// - `Blocked`: otherwise, when no task was completed, or when a gate or a task waits for a person;
/// - `Partial`: otherwise.
pub fn status(state: &State) -> Status {
    if is_all_done(state) {
        return if is_kept_out(state) { Status::Partial } else { Status::Complete };
    }
    let done = counts(state).done;
    let waits_for_person =
        state.tasks.iter().any(|task| matches!(task.phase, Phase::Blocked(_) | Phase::Active(_)))
            || state.gate_states.iter().any(|gate| matches!(gate.phase, GatePhase::Open(_)));
    if done == 0 || (waits_for_person && !state.cancelled) {
        Status::Blocked
    } else {
        Status::Partial
    }
}

/// Whether the result is to be delivered, and is not.
pub fn is_kept_out(state: &State) -> bool {
    state.policy.deliver && !state.merging.is_delivered()
}

/// Why it is not, where that was tried.
pub fn kept_out_because(state: &State) -> Option<&str> {
    let (_, why) = state.merging.delivered.as_ref().filter(|_| is_kept_out(state))?;
    why.as_deref()
}

/// The branch into which it is to go, as it is told.
pub fn delivered_into(state: &State) -> &str {
    state.policy.into.as_deref().unwrap_or("the checkout")
}

/// Whether everything is done and judged, wherever the result is.
pub fn is_all_done(state: &State) -> bool {
    let counts = counts(state);
    let gates_passed = state.gate_states.iter().all(|gate| gate.phase == GatePhase::Passed);
    let reviewed = state.missing_reviews().next().is_none()
        && state.final_reviews.values().all(|(_, review)| review.verdict == GateVerdict::Passed);
    let anything = counts.done > 0 || counts.total == 0;
    anything
        && counts.done + counts.skipped == counts.total
        && gates_passed
        && reviewed
        && !state.cancelled
}

/// Tasks by how they stand. Deferred tasks are in none of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All but deferred ones.
    pub total: usize,
    /// Done here, or ticked in the breakdown.
    pub done: usize,
    /// Skipped by a person or the breakdown.
    pub skipped: usize,
    /// Being worked on.
    pub active: usize,
    /// Failed or blocked.
    pub failed: usize,
}

/// Counts all tasks.
pub fn counts(state: &State) -> Counts {
    count(state, 0..state.tasks.len())
}

/// Counts some tasks, by their indices.
pub fn count(state: &State, tasks: impl Iterator<Item = usize>) -> Counts {
    let mut counts = Counts::default();
    for ix in tasks {
        counts.total += 1;
        match &state.tasks[ix].phase {
            Phase::Done | Phase::Marked(Mark::Done) => counts.done += 1,
            Phase::Skipped | Phase::Marked(Mark::Skipped) => counts.skipped += 1,
            Phase::Marked(Mark::Deferred) => counts.total -= 1,
            Phase::Active(_) => counts.active += 1,
            Phase::Failed(_) | Phase::Blocked(_) => counts.failed += 1,
            Phase::Waiting => {}
        }
    }
    counts
}

impl Counts {
    /// Done in percent of what is to be done, floored; skipped tasks are left aside. A task that
    /// is being worked on counts nothing here.
    pub fn percent(&self) -> usize {
        match self.total - self.skipped {
            0 => 100,
            total => self.done * 100 / total,
        }
    }

    /// The same with half a task for each one that is being worked on, as a stream's line shows.
    pub fn percent_with_active(&self) -> usize {
        match self.total - self.skipped {
            0 => 100,
            total => (self.done * 100 + self.active * 50) / total,
        }
    }
}

/// A task's state in one word, the same in every frontend.
pub fn state_name(state: &State, ix: usize) -> TaskStateName {
    match &state.tasks[ix].phase {
        Phase::Waiting if state.plan.tasks[ix].broken.is_some() => TaskStateName::Blocked,
        Phase::Waiting if state.dependencies_done(ix) => TaskStateName::Ready,
        Phase::Waiting => TaskStateName::Waiting,
        Phase::Active(_) if state.tasks[ix].postponed.is_some() => TaskStateName::Postponed,
        Phase::Active(_) if offered(state, ix) => TaskStateName::Offered,
        Phase::Active(Step::Consulting) => TaskStateName::Consulting,
        Phase::Active(Step::Preparing | Step::Baseline) => TaskStateName::Preparing,
        Phase::Active(Step::WritingTests | Step::ProvingRed) => TaskStateName::Testing,
        Phase::Active(Step::Implementing) => TaskStateName::Running,
        Phase::Active(Step::Gating) => TaskStateName::Gating,
        Phase::Active(Step::Reviewing) => TaskStateName::Reviewing,
        Phase::Active(Step::Merging) => TaskStateName::Merging,
        Phase::Done | Phase::Marked(Mark::Done) => TaskStateName::Done,
        Phase::Skipped | Phase::Marked(Mark::Skipped) => TaskStateName::Skipped,
        Phase::Marked(Mark::Deferred) => TaskStateName::Deferred,
        Phase::Failed(_) => TaskStateName::Failed,
        Phase::Blocked(_) => TaskStateName::Blocked,
    }
}

/// Whether nothing of a task is under way, and somebody from outside could take some of it.
pub fn offered(state: &State, ix: usize) -> bool {
    let mut open =
        state.tasks[ix].open.iter().filter_map(|order| state.orders.get(order)).peekable();
    open.peek().is_some() && open.all(|open| !open.is_under_way())
}

/// The tasks of a stream, as indices.
pub fn tasks_of_stream(state: &State, stream: usize) -> impl Iterator<Item = usize> {
    let id = &state.plan.streams[stream].id;
    (0..state.plan.tasks.len()).filter(move |&ix| state.plan.tasks[ix].stream.as_ref() == Some(id))
}

/// What a waiting task waits for, as it would be said: `Task 5`, `Stream C`. A task of a stream
/// that is waited for as a whole is not named beside it.
pub fn waits_for(state: &State, ix: usize) -> Vec<String> {
    let task = state.task(ix);
    let stream = task
        .stream
        .as_ref()
        .and_then(|id| state.graph.stream(id))
        .map(|ix| &state.plan.streams[ix]);
    let all: Vec<&Node> = stream
        .into_iter()
        .flat_map(|stream| &stream.depends_on)
        .chain(&task.depends_on)
        .map(|d| &d.on)
        .collect();
    let open = |id: &TaskId| state.task_state(id).is_some_and(|known| !known.satisfied());
    let stream_of =
        |id: &TaskId| state.graph.task(id).and_then(|ix| state.task(ix).stream.as_ref());
    let covered = |id: &TaskId| {
        all.iter().any(|on| matches!(on, Node::Stream(stream) if stream_of(id) == Some(stream)))
    };
    let mut waits = Vec::new();
    for on in &all {
        let wait = match on {
            Node::Stream(id) => state
                .graph
                .stream(id)
                .filter(|&ix| !state.stream_done(ix))
                .map(|_| stream_label(id.as_str())),
            Node::Task(id) => (open(id) && !covered(id)).then(|| format!("Task {id}")),
            Node::Barrier(id) => {
                let barrier = state.plan.barriers.iter().find(|barrier| barrier.id == *id);
                barrier
                    .filter(|barrier| barrier.tasks.iter().any(open))
                    .map(|_| format!("Tasks {id}"))
            }
        };
        waits.extend(wait.filter(|wait| !waits.contains(wait)));
    }
    waits
}

/// A stream by its id: `Stream A`, but `Phase 2` as it is.
pub fn stream_label(id: &str) -> String {
    if id.chars().count() <= 3 { format!("Stream {id}") } else { id.to_owned() }
}

/// The tasks that wait for something that failed or is blocked, with what that is: nothing is done about them until it is
/// resolved.
pub fn held_up(state: &State) -> BTreeMap<usize, String> {
    let mut held = BTreeMap::new();
    let tasks = (0..state.tasks.len()).filter_map(|ix| match state.tasks[ix].phase {
        Phase::Failed(_) => Some((ix, format!("Task {}, which failed", state.task(ix).id))),
        Phase::Blocked(_) => Some((ix, format!("Task {}, which is blocked", state.task(ix).id))),
        _ => None,
    });
    let gates = (0..state.gates.len()).filter_map(|ix| match state.gate_states[ix].phase {
        GatePhase::Failed(_) => {
            Some((state.graph.gate_node(ix), format!("{}, which failed", state.gates[ix].id)))
        }
        GatePhase::Open(_) => {
            Some((state.graph.gate_node(ix), format!("{}, which is open", state.gates[ix].id)))
        }
        _ => None,
    });
    let mut seen = vec![false; state.graph.len()];
    for (node, what) in tasks.chain(gates) {
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            for &next in state.graph.successors(node) {
                let next = next as usize;
                if std::mem::replace(&mut seen[next], true) {
                    continue;
                }
                if let NodeKind::Task(ix) = state.graph.kind(next)
                    && state.tasks[ix].phase == Phase::Waiting
                {
                    held.insert(ix, what.clone());
                }
                stack.push(next);
            }
        }
    }
    held
}

/// The unfinished task of the highest rank: what the rest waits for most.
pub fn bottleneck(state: &State) -> Option<usize> {
    let open = |&ix: &usize| {
        !state.tasks[ix].satisfied() && state.tasks[ix].phase != Phase::Marked(Mark::Deferred)
    };
    let possible = (0..state.tasks.len()).filter(open);
    // A task that runs or failed holds things up; one that waits is itself held up.
    let key = |&ix: &usize| {
        (state.dependencies_done(ix), OrderedWeight(state.graph.rank(ix)), std::cmp::Reverse(ix))
    };
    possible.max_by_key(key)
}

/// How long it will take from now, in milliseconds, at the least and at most: the longest
/// remaining chain, and that plus all other remaining work one slot at a time, both by the speed
/// measured so far. None until a task was done here.
pub fn remaining_ms(state: &State) -> Option<(u64, u64)> {
    let (mut weight, mut spent) = (0.0, 0.0);
    for (ix, task) in state.tasks.iter().enumerate().filter(|(_, task)| task.phase == Phase::Done) {
        weight += state.graph.weight(ix);
        spent += (task.ended_at? - task.started_at?) as f64;
    }
    if weight <= 0.0 {
        return None;
    }
    let per_unit = spent / weight;
    let open = (0..state.tasks.len()).filter(|&ix| !state.tasks[ix].settled());
    let (mut chain, mut work) = (0.0_f64, 0.0);
    for ix in open {
        let begun =
            state.tasks[ix].started_at.map_or(0.0, |at| (state.now.saturating_sub(at)) as f64);
        let left = (state.graph.rank(ix) * per_unit - begun).max(0.0);
        chain = chain.max(left);
        work += (state.graph.weight(ix) * per_unit - begun).max(0.0);
    }
    let slots = f64::from(state.policy.max_parallel.max(1));
    Some((chain as u64, (chain + (work - chain).max(0.0) / slots) as u64))
}

/// Tests first, as seen by the daemon: of how many tasks it was asked, for how many red and then
/// green were seen.
pub fn tests_first(state: &State) -> (usize, usize) {
    let Some(gate) = state.policy.tests_gate() else { return (0, 0) };
    let asked = |&ix: &usize| {
        state.allocation[ix].tests_first != TestsFirst::Off && state.allocation[ix].tester.is_some()
    };
    let done = |&ix: &usize| state.tasks[ix].phase == Phase::Done;
    let measured: Vec<usize> = (0..state.tasks.len()).filter(asked).filter(done).collect();
    let green = |&&ix: &&usize| {
        let task = &state.tasks[ix];
        task.red_seen
            && task
                .gates
                .get(&gate.name)
                .is_some_and(|judged| judged.verdict == GateVerdict::Passed)
    };
    (measured.iter().filter(green).count(), measured.len())
}

/// The coverage of the gate judged last that measured any, in percent, with that gate's order.
pub fn coverage(state: &State) -> Option<(f64, super::id::OrderId)> {
    let of_gates = state.gate_states.iter().flat_map(|gate| gate.results.values());
    let of_tasks = state.tasks.iter().flat_map(|task| task.gates.values());
    let measured = of_gates
        .chain(of_tasks)
        .filter_map(|judged| judged.measures.coverage_pct.map(|pct| (judged.order, pct)));
    measured.max_by_key(|(order, _)| *order).map(|(order, pct)| (pct, order))
}

/// Gates of all levels that passed, and all that there are.
pub fn gate_counts(state: &State) -> (usize, usize) {
    let (mut passed, mut total) = (0, 0);
    for gate in &state.gate_states {
        total += 1;
        passed += usize::from(gate.phase == GatePhase::Passed);
    }
    for (ix, task) in state.tasks.iter().enumerate() {
        if matches!(task.phase, Phase::Marked(_) | Phase::Skipped) {
            continue;
        }
        for gate in state.task_gates(ix) {
            total += 1;
            let judged = task
                .gates
                .get(&gate.name)
                .is_some_and(|judged| judged.verdict == GateVerdict::Passed);
            let approved = gate.approval && !gate.command && task.phase == Phase::Done;
            passed += usize::from(judged || approved);
        }
    }
    (passed, total)
}

/// What may go wrong, by rule, the worst first.
pub fn risks(state: &State) -> Vec<String> {
    let mut risks = Vec::new();
    let critical: std::collections::BTreeSet<usize> =
        state.graph.critical_path().into_iter().collect();
    for (ix, task) in state.tasks.iter().enumerate() {
        let id = &state.task(ix).id;
        let place = if critical.contains(&ix) { ", on the critical path" } else { "" };
        match &task.phase {
            Phase::Failed(why) => risks.push(format!("Task {id} failed{place}: {why}")),
            Phase::Blocked(why) => risks.push(format!("Task {id} is blocked{place}: {why}")),
            Phase::Active(_) if task.rework_round > 1 => risks
                .push(format!("Task {id} is in its {}. round of rework{place}", task.rework_round)),
            Phase::Active(_) if task.tries > 0 => {
                risks.push(format!("Task {id} is in its {}. try{place}", task.tries + 1))
            }
            _ => {}
        }
        if let Some(why) = &state.task(ix).broken {
            risks.push(format!("Task {id} can't be scheduled: {why}"));
        }
    }
    for (gate, known) in state.gates.iter().zip(&state.gate_states) {
        match &known.phase {
            GatePhase::Failed(why) => risks.push(format!("{} failed: {why}", gate.id)),
            GatePhase::Open(why) => {
                risks.push(format!("{} is waiting for a decision: {why}", gate.id))
            }
            _ => {}
        }
    }
    risks
}

/// The gate at which a task waits for a person, where it does.
pub fn waits_for_approval(state: &State, ix: usize) -> Option<super::id::GateId> {
    let task = &state.tasks[ix];
    if task.step() != Some(Step::Gating) || !task.open.is_empty() {
        return None;
    }
    let asked = state
        .task_gates(ix)
        .filter(|gate| approval_asked(state, ix, gate).is_some())
        .map(|gate| super::id::GateId::from(format!("{}@{}", gate.name, state.task(ix).id)));
    let evaluated = state.task_checks(ix).all(|gate| task.gates.contains_key(&gate.name));
    asked.into_iter().find(|gate| evaluated && !state.decisions.contains_key(gate))
}

/// The gates that wait for a person, and why.
pub fn waits_for_people(state: &State) -> Vec<(GateId, String)> {
    if state.ended.is_some() && state.cancelled {
        return Vec::new();
    }
    let of_task = |ix: usize| {
        Some((
            waits_for_approval(state, ix)?,
            format!("task {} can't go on without", state.task(ix).id),
        ))
    };
    let gates =
        state.gates.iter().zip(&state.gate_states).filter_map(|(gate, known)| match &known.phase {
            GatePhase::Open(why) => Some((gate.id.clone(), why.clone())),
            _ => None,
        });
    let held =
        hold::undecided(state).map(|(file, held)| (GateId::from(file.as_str()), held.to_string()));
    (0..state.tasks.len()).filter_map(of_task).chain(gates).chain(held).collect()
}

/// What comes next, as a person would be told.
pub fn next_actions(state: &State) -> Vec<String> {
    let mut actions = Vec::new();
    if state.cancelled {
        return vec!["It was cancelled: `run --fresh` starts again".into()];
    }
    if state.paused {
        actions.push("It is paused: `resume`, then `run`".into());
    }
    for (ix, task) in state.tasks.iter().enumerate() {
        let (id, title) = (&state.task(ix).id, &state.task(ix).title);
        match &task.phase {
            Phase::Active(_) => actions.push(match waits_for_approval(state, ix) {
                Some(gate) => {
                    format!("Decide {gate}: `approve {0}` or `reject {0}`", gate.as_argument())
                }
                None => match &task.postponed {
                    Some(why) => format!("Wait for Task {id} ({title}): {}", line(why)),
                    None => format!("Monitor Task {id} ({title})"),
                },
            }),
            Phase::Blocked(why) if task.asked.is_some() => {
                actions.push(format!("Answer Task {id} ({}): `answer {id} TEXT`", line(why)));
            }
            Phase::Failed(why) | Phase::Blocked(why) => actions
                .push(format!("Resolve Task {id} ({}): `retry {id}` or `skip {id}`", line(why))),
            Phase::Waiting if state.dependencies_done(ix) && state.task(ix).broken.is_none() => {
                actions.push(format!("Start Task {id} ({title})"))
            }
            _ => {}
        }
    }
    for (ix, stream) in state.plan.streams.iter().enumerate() {
        let of_stream = count(state, tasks_of_stream(state, ix));
        if of_stream.done == 0 && of_stream.active == 0 && of_stream.total > of_stream.skipped {
            let first = tasks_of_stream(state, ix).next();
            let waits = first.map(|ix| waits_for(state, ix)).unwrap_or_default();
            if !waits.is_empty() {
                actions.push(format!(
                    "Schedule {} upon {}",
                    stream_label(stream.id.as_str()),
                    waits.join(", ")
                ));
            }
        }
    }
    for (gate, known) in state.gates.iter().zip(&state.gate_states) {
        match &known.phase {
            GatePhase::Open(_) => actions.push(format!(
                "Decide {}: `approve {1}` or `reject {1}`",
                gate.id,
                gate.id.as_argument()
            )),
            GatePhase::Failed(_) => actions.push(format!(
                "Fix what {} names, then `retry {}`",
                gate.id,
                gate.id.as_argument()
            )),
            _ => {}
        }
    }
    for (file, _) in hold::undecided(state) {
        actions.push(format!(
            "Decide the change of {file}: `approve {0}` or `reject {0}`",
            GateId::from(file.as_str()).as_argument()
        ));
    }
    if let Some(why) = kept_out_because(state) {
        actions.push(format!(
            "Put right what keeps the result out of {} ({}), then `deliver`",
            delivered_into(state),
            line(why)
        ));
    }
    if state.ended.is_none() && actions.is_empty() {
        actions.push("Judge the gates of the whole and run the comprehensive review".into());
    }
    actions.truncate(8);
    actions
}

/// Blockers of reviewers that are not fixed.
pub fn open_blockers(state: &State) -> usize {
    let of_tasks = state.tasks.iter().flat_map(|task| task.reviews.values());
    let all = of_tasks.chain(state.final_reviews.values());
    all.flat_map(|(_, review)| &review.findings)
        .filter(|finding| finding.severity == Severity::Blocker)
        .count()
}

/// How much something needs a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiagnosticSeverity {
    /// It did not work.
    Error,
    /// Somebody is needed.
    Warning,
    /// Good to know.
    Note,
}

/// What needs a look at one task or gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much.
    pub severity: DiagnosticSeverity,
    /// A stable name.
    pub code: &'static str,
    /// What it is and what to do.
    pub message: String,
}

impl Diagnostic {
    fn new(severity: DiagnosticSeverity, code: &'static str, message: String) -> Self {
        Self { severity, code, message: line(&message) }
    }
}

/// What needs a look at a task.
pub fn task_diagnostics(state: &State, ix: usize) -> Vec<Diagnostic> {
    let id = &state.task(ix).id;
    let task = &state.tasks[ix];
    let mut found = Vec::new();
    match &task.phase {
        Phase::Failed(why) => {
            found.push(Diagnostic::new(
                DiagnosticSeverity::Error,
                "task-failed",
                format!("task {id} failed: {why}: `retry {id}` or `skip {id}`"),
            ));
        }
        Phase::Blocked(why) => {
            let answer =
                if task.asked.is_some() { format!("`answer {id} TEXT`, ") } else { String::new() };
            found.push(Diagnostic::new(
                DiagnosticSeverity::Warning,
                "task-blocked",
                format!("task {id} is blocked: {why}: {answer}`retry {id}` or `skip {id}`"),
            ));
        }
        _ => {}
    }
    if let Some(gate) = waits_for_approval(state, ix) {
        let gate = gate.as_argument();
        found.push(Diagnostic::new(
            DiagnosticSeverity::Warning,
            "gate-open",
            format!("task {id} waits for a person: `approve {gate}` or `reject {gate}`"),
        ));
    }
    for finding in task.findings.iter().chain(&task.remarks) {
        let severity = match finding.severity {
            Severity::Blocker => DiagnosticSeverity::Warning,
            Severity::Concern | Severity::Suggestion => DiagnosticSeverity::Note,
        };
        found.push(Diagnostic::new(severity, "finding", finding.to_string()));
    }
    found
}

/// What needs a look at a gate of a stream, the system or the deployment.
pub fn gate_diagnostics(state: &State, ix: usize) -> Vec<Diagnostic> {
    let (id, name) = (&state.gates[ix].id, state.gates[ix].id.as_argument());
    match &state.gate_states[ix].phase {
        GatePhase::Failed(why) => {
            vec![Diagnostic::new(
                DiagnosticSeverity::Error,
                "gate-failed",
                format!("{id} failed: {why}: fix that, then `retry {name}`"),
            )]
        }
        GatePhase::Open(why) => {
            vec![Diagnostic::new(
                DiagnosticSeverity::Warning,
                "gate-open",
                format!(
                    "{id} is waiting for a decision: {why}: `approve {name}` or `reject {name}`"
                ),
            )]
        }
        _ => Vec::new(),
    }
}
