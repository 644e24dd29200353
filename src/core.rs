//! One turn: an input becomes events, then the state advances until it is at rest.
//!
//! Nothing in here does I/O, reads a clock or draws a random number. Read in the order of the
//! `mod` lines: words first, then the vocabulary of what happens, then the three functions.

pub mod advance;
pub mod allocation;
mod apply;
pub mod audit;
pub mod brief;
pub mod change;
pub mod decide;
pub mod decider;
pub mod dispatch;
pub mod event;
pub mod evidence;
pub mod graph;
pub mod hold;
pub mod id;
pub mod input;
pub mod label;
pub mod lease;
pub mod merging;
mod order;
pub mod outcome;
pub mod plan;
pub mod policy;
pub mod progress;
pub mod prose;
pub mod report;
pub mod state;
pub mod status;
pub mod steer;
mod steps;
pub mod throttle;
pub mod view;
mod whole;

use event::{Event, Recorded};
use input::Input;
use state::State;

/// Everything that one input leads to: the events that say what it means here and now, then all
/// that the state calls for until it is at rest. The state has them applied when this returns.
///
/// `now_ms` is the time of the turn in milliseconds since the Unix epoch; the caller reads the
/// clock and makes sure that it never goes back.
pub fn turn(state: &mut State, input: Input, now_ms: u64) -> Vec<Recorded> {
    let mut recorded = Vec::new();
    let events = decide::decide(state, input, now_ms);
    record(state, events, now_ms, &mut recorded);
    // Each task takes a few steps in one turn. One that never comes to rest would be a mistake of
    // ours, and must not eat up the machine: the next turn goes on.
    for _ in 0..1_000 + 100 * state.plan.tasks.len() {
        let events = advance::advance(state, now_ms);
        if events.is_empty() {
            return recorded;
        }
        record(state, events, now_ms, &mut recorded);
    }
    debug_assert!(
        false,
        "it does not come to rest: {:?}",
        &recorded[recorded.len().saturating_sub(6)..]
    );
    recorded
}

/// Only what the input itself means: whoever owns the execution next goes on from there.
pub fn note(state: &mut State, input: Input, now_ms: u64) -> Vec<Recorded> {
    let mut recorded = Vec::new();
    let events = decide::decide(state, input, now_ms);
    record(state, events, now_ms, &mut recorded);
    recorded
}

fn record(state: &mut State, events: Vec<Event>, now_ms: u64, recorded: &mut Vec<Recorded>) {
    for event in events {
        let next = Recorded { seq: state.seq + 1, at: now_ms, event };
        state.apply(&next);
        recorded.push(next);
    }
}
