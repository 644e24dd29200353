//! The next thing to do given only the state and the time, or nothing.
//!
//! Scheduling is no reaction to an event: it looks at the state. A restart, a changed plan, a
//! changed policy and an ordinary step all go through here, so none of them needs code of its own.

use super::event::Event;
use super::order::Turn;
use super::state::State;
use super::{dispatch, lease, merging, progress, steps, whole};

/// The next events that the state calls for; none when it is at rest.
pub fn advance(state: &State, now_ms: u64) -> Vec<Event> {
    if state.execution.is_none() || state.ended.is_some() {
        return Vec::new();
    }
    if let Some(event) = lease::lapsed(state, now_ms) {
        return vec![event];
    }
    if state.cancelled {
        return if state.orders.is_empty() { vec![end(state)] } else { Vec::new() };
    }
    if let Some(event) = expired(state, now_ms) {
        return vec![event];
    }
    if state.paused {
        return Vec::new();
    }
    if let Some(events) = merging::renew(state, now_ms) {
        return events;
    }
    let mut next = tasks(state, now_ms)
        .chain(once(|| merging::next(state, now_ms)))
        .chain(state.due_gates.iter().map(|&ix| whole::gate(state, ix, now_ms)))
        .chain(once(|| dispatch::next(state, now_ms)));
    if let Some(events) = next.find(|events| !events.is_empty()) {
        return events;
    }
    if is_at_work(state) || dispatch::resumes_at(state, now_ms).is_some() {
        return Vec::new();
    }
    match whole::finish(state, now_ms) {
        Some(events) => events,
        None if state.orders.is_empty() => vec![end(state)],
        None => Vec::new(),
    }
}

fn once(next: impl FnOnce() -> Vec<Event>) -> impl Iterator<Item = Vec<Event>> {
    std::iter::once_with(next)
}

fn tasks(state: &State, now_ms: u64) -> impl Iterator<Item = Vec<Event>> {
    let turn = move |&ix: &usize| Turn { state, ix, task: &state.tasks[ix], now_ms };
    state.active.iter().map(move |ix| steps::next(&turn(ix)))
}

fn end(state: &State) -> Event {
    Event::ExecutionEnded { status: progress::status(state) }
}

/// Stops an order that has taken too long.
fn expired(state: &State, now_ms: u64) -> Option<Event> {
    let (order, _) = state
        .orders
        .iter()
        .find(|(_, order)| !order.stopping && order.is_under_way() && order.deadline <= now_ms)?;
    Some(Event::StopOrdered { order: *order, why: "its deadline has passed".into() })
}

fn is_at_work(state: &State) -> bool {
    state.orders.values().any(|open| open.work.task().is_some() || open.work.is_of_repository())
}
