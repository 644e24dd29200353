//! The tests are being written.

use super::{Rule, attempt};
use crate::core::event::{Outcome, Step, Work};
use crate::core::id::OrderId;
use crate::core::outcome::Usage;
use crate::core::policy::Role;
use crate::core::state::{State, TaskState};
use crate::core::throttle;

pub(super) const RULE: Rule = Rule {
    applies: are_asked,
    next: |turn| attempt::next(turn, Step::WritingTests),
    needs: |turn| {
        // What came of an attempt counts first.
        let tester = turn.state.allocation[turn.ix].tester.iter();
        tester
            .filter(|_| turn.task.last.is_none())
            .map(|agent| throttle::substitute(turn.state, agent, turn.now_ms))
            .collect()
    },
    ended,
};

/// Whether tests are still to be written first. Once seen red, they are not written again when the task is tried again.
pub(super) fn are_asked(state: &State, ix: usize) -> bool {
    let role = |name| state.policy.agent(name).map(|agent| agent.role);
    // With no test command known, only an agent that is there for it is asked to write tests.
    let tester = state.allocation[ix].tester.as_ref();
    !state.tasks[ix].red_seen
        && tester.is_some_and(|name| {
            state.policy.tests_gate().is_some() || role(name) == Some(Role::Tester)
        })
}

fn ended(task: &mut TaskState, _: OrderId, _: &Work, outcome: &Outcome) {
    match outcome {
        Outcome::Agent(outcome) if task.step() == Some(Step::WritingTests) => {
            task.last = Some((**outcome).clone());
            if outcome.complete() {
                task.answered = false;
                // The session was the tester's.
                (task.session, task.session_used) = (None, Usage::default());
                task.tests_files.extend(outcome.files.iter().cloned());
                task.tests_commit = outcome.commit.clone();
                task.commit = outcome.commit.clone();
            } else {
                attempt::came_to_nothing(task, outcome);
            }
        }
        Outcome::Lost { .. } => attempt::was_lost(task),
        _ => {}
    }
}
