//! Measuring a task's gates, before the work and after it.

use super::Turn;
use crate::core::dispatch::has_room_for_gate;
use crate::core::event::{Event, Outcome, Purpose, Work};
use crate::core::id::OrderId;
use crate::core::state::Judged;

/// Orders the task's gates; none when all have a result.
pub(super) fn order_all(turn: &Turn<'_>, purpose: Purpose) -> Option<Vec<Event>> {
    let results = if purpose == Purpose::Baseline { &turn.task.baseline } else { &turn.task.gates };
    for gate in turn.state.task_checks(turn.ix).filter(|gate| !results.contains_key(&gate.name)) {
        let running =
            turn.open(|work| matches!(work, Work::Gate { check, .. } if *check == gate.name));
        if !running && has_room_for_gate(turn.state) {
            let work =
                Work::Gate { check: gate.name.clone(), gate: None, task: Some(turn.id()), purpose };
            return Some(turn.order(work));
        }
    }
    let all = turn.state.task_checks(turn.ix).all(|gate| results.contains_key(&gate.name));
    if all && turn.task.open.is_empty() { None } else { Some(Vec::new()) }
}

/// What an order to measure a gate gave, by the gate's name.
pub(super) fn judged(id: OrderId, work: &Work, outcome: &Outcome) -> Option<(String, Judged)> {
    let Work::Gate { check, .. } = work else { return None };
    Some((check.clone(), Judged::from_outcome(id, outcome, 0)?))
}
