//! The work itself is done.

use super::{Rule, attempt};
use crate::core::event::{Outcome, Step, Work};
use crate::core::id::OrderId;
use crate::core::state::TaskState;

pub(super) const RULE: Rule = Rule {
    applies: |_, _| true,
    next: |turn| attempt::next(turn, Step::Implementing),
    // What came of an attempt counts first.
    needs: |turn| if turn.task.last.is_none() { turn.worker() } else { Vec::new() },
    ended,
};

fn ended(task: &mut TaskState, id: OrderId, _: &Work, outcome: &Outcome) {
    match outcome {
        Outcome::Agent(outcome) if task.step() == Some(Step::Implementing) => {
            task.last = Some((**outcome).clone());
            // What came to nothing is left behind with its worktree, where it had one.
            if outcome.complete() || task.worktree.is_none() {
                task.changed.extend(outcome.files.iter().cloned());
            }
            if outcome.complete() {
                task.answered = false;
                task.commit = outcome.commit.clone();
                if outcome.session != task.session {
                    (task.session, task.session_used) = (outcome.session.clone(), outcome.usage);
                }
                task.result = Some((id, (**outcome).clone()));
            } else {
                attempt::came_to_nothing(task, outcome);
            }
        }
        Outcome::Lost { .. } => attempt::was_lost(task),
        _ => {}
    }
}
