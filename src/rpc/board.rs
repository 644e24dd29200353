//! `task/list`: all that a frontend shows of an execution at once, labels and possible actions included, so that
//! no frontend has rules of its own.

use super::messages::{GateRow, StreamRow, TaskList, TaskRow};
use super::peer::status;
use crate::core::hold;
use crate::core::id::{StreamId, TaskId};
use crate::core::label::{self, task_gate_status};
use crate::core::outcome::Finding;
use crate::core::plan::{Level, Node};
use crate::core::progress;
use crate::core::state::Held;
use crate::core::state::State;
use crate::core::status::{GateStatus, gate_status, status_report};
use crate::core::view::{Action, Appearance, GateStateName};
use crate::engine::clock::now_ms;
use crate::engine::execution::Execution;
use std::collections::{BTreeMap, BTreeSet};

/// How all of an execution stands.
pub fn board(execution: &Execution) -> TaskList {
    let state = execution.state();
    let (running, now_ms) = (!execution.has_ended() && execution.owner().is_some(), now_ms());
    let on_critical_path: BTreeSet<usize> = state.graph.critical_path().into_iter().collect();
    let (streams, ends) = (status_report(&state).streams, ends(&state));
    let mut rows: BTreeMap<usize, TaskRow> = BTreeMap::new();
    for status in streams.into_iter().flat_map(|stream| stream.tasks) {
        let Some(ix) = state.graph.task(&status.id.as_str().into()) else { continue };
        let (known, label) = (&state.tasks[ix], label::task(&state, ix, now_ms, running));
        let row = TaskRow {
            status,
            stream: state.task(ix).stream.as_ref().map(ToString::to_string),
            depends_on: before(&state, ix, &ends),
            label: label.text.split_whitespace().collect::<Vec<_>>().join(" "),
            more: label.more,
            look: label.look,
            actions: label::task_actions(&state, ix),
            waits_for_approval: progress::waits_for_approval(&state, ix)
                .map(|gate| gate.to_string()),
            folder: known.worktree.as_ref().map(|place| place.folder.to_string()),
            began_at: known.started_at,
            ended_at: known.ended_at,
            critical_path: on_critical_path.contains(&ix),
            findings: known
                .findings
                .iter()
                .chain(&known.remarks)
                .cloned()
                .collect::<Vec<Finding>>(),
            gates: task_gate_status(&state, ix),
        };
        rows.insert(ix, row);
    }
    let stream = |ix: usize| {
        let (of, label) = (&state.plan.streams[ix], label::stream(&state, ix, running));
        StreamRow {
            id: of.id.to_string(),
            name: of.name.clone(),
            label: label.text,
            look: label.look,
        }
    };
    let gate = |ix: usize| {
        let label = label::gate(&state, ix);
        let actions = label::gate_actions(&state, ix);
        let streams = state.gates[ix].streams.iter().map(ToString::to_string).collect();
        GateRow {
            status: gate_status(&state, ix),
            label: label.text,
            look: label.look,
            streams,
            actions,
        }
    };
    TaskList {
        execution: execution.id.to_string(),
        breakdown: execution.breakdown.clone(),
        topic: state.plan.topic.clone(),
        started_at: execution.started_at,
        state: status(execution).state,
        running,
        actions: label::execution_actions(&state, running),
        streams: (0..state.plan.streams.len()).map(stream).collect(),
        tasks: rows.into_values().collect(),
        gates: (0..state.gates.len())
            .map(gate)
            .chain(hold::undecided(&state).map(change))
            .collect(),
    }
}

/// A change about which a person is to decide, as the gate that it is.
fn change((file, held): (&String, &Held)) -> GateRow {
    let reason = held.to_string();
    GateRow {
        status: GateStatus {
            id: file.clone(),
            level: Level::System,
            state: GateStateName::Open,
            reason,
        },
        label: "◈ changed: approve or reject it".into(),
        look: Appearance::Blocked,
        streams: Vec::new(),
        actions: vec![Action::Approve, Action::Reject],
    }
}

/// Tasks at the ends of a stream that are named as what comes before another one: of a wide stream, the last ones.
const ENDS: usize = 20;

/// What each stream ends with: the tasks that no other of it waits for.
fn ends(state: &State) -> BTreeMap<&StreamId, Vec<String>> {
    let mut needed: BTreeSet<(&StreamId, &TaskId)> = BTreeSet::new();
    for task in &state.plan.tasks {
        let Some(stream) = &task.stream else { continue };
        needed.extend(
            task.depends_on.iter().filter_map(|on| {
                if let Node::Task(id) = &on.on { Some((stream, id)) } else { None }
            }),
        );
    }
    let mut ends: BTreeMap<&StreamId, Vec<String>> = BTreeMap::new();
    for task in state.plan.tasks.iter().rev() {
        let Some(stream) = &task.stream else { continue };
        let of_stream = ends.entry(stream).or_default();
        if of_stream.len() < ENDS && !needed.contains(&(stream, &task.id)) {
            of_stream.push(task.id.to_string());
        }
    }
    ends
}

/// The tasks that come right before one.
fn before(state: &State, ix: usize, ends: &BTreeMap<&StreamId, Vec<String>>) -> Vec<String> {
    let task = state.task(ix);
    let stream = task
        .stream
        .as_ref()
        .and_then(|id| state.graph.stream(id))
        .map(|ix| &state.plan.streams[ix]);
    let of_stream = stream.into_iter().flat_map(|stream| &stream.depends_on);
    let mut found = BTreeSet::new();
    for dependency in task.depends_on.iter().chain(of_stream) {
        match &dependency.on {
            Node::Task(id) => drop(found.insert(id.to_string())),
            Node::Stream(id) => found.extend(ends.get(id).into_iter().flatten().cloned()),
            Node::Barrier(id) => {
                let tasks = state
                    .plan
                    .barriers
                    .iter()
                    .filter(|barrier| barrier.id == *id)
                    .flat_map(|barrier| &barrier.tasks);
                found.extend(tasks.take(ENDS).map(ToString::to_string));
            }
        }
    }
    found.into_iter().collect()
}
