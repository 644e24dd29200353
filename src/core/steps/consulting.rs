//! Experts are asked.

use super::{Rule, Turn};
use crate::core::dispatch::has_room;
use crate::core::event::{Event, Outcome, Step, Work};
use crate::core::id::OrderId;
use crate::core::state::TaskState;

pub(super) const RULE: Rule = Rule {
    applies: |state, ix| !state.allocation[ix].experts.is_empty(),
    next,
    needs: |turn| {
        let experts = turn.state.allocation[turn.ix].experts.iter();
        experts.filter(|expert| !turn.task.consultations.contains_key(*expert)).cloned().collect()
    },
    ended,
};

fn next(turn: &Turn<'_>) -> Vec<Event> {
    let experts = &turn.state.allocation[turn.ix].experts;
    for expert in experts.iter().filter(|expert| !turn.task.consultations.contains_key(*expert)) {
        let asked = turn.open(
            |work| matches!(work, Work::Consultation { expert: asked, .. } if asked == expert),
        );
        if !asked && has_room(turn.state, expert, turn.now_ms) {
            return turn.order(Work::Consultation { task: turn.id(), expert: expert.clone() });
        }
    }
    let answered = experts.iter().all(|expert| turn.task.consultations.contains_key(expert));
    if answered && turn.task.open.is_empty() {
        turn.enter_after(Step::Consulting)
    } else {
        Vec::new()
    }
}

fn ended(task: &mut TaskState, _: OrderId, work: &Work, outcome: &Outcome) {
    if let (Work::Consultation { expert, .. }, Outcome::Agent(outcome)) = (work, outcome)
        // Who could not be had is asked again.
        && outcome.shortage.is_none()
    {
        task.consultations.insert(expert.clone(), (**outcome).clone());
    }
}
