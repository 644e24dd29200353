//! A worktree of its own is made.

use super::{Rule, Turn};
use crate::core::event::{Event, Step, Work};

pub(super) const RULE: Rule = Rule {
    applies: |state, ix| state.policy.isolated && state.tasks[ix].worktree.is_none(),
    next: |turn| prepare(turn).unwrap_or_else(|| turn.enter_after(Step::Preparing)),
    needs: |turn| turn.worker(),
    // What came of it is known by the merge queue too.
    ended: super::nothing,
};

/// Makes a worktree for it; none where it has one or needs none.
pub(super) fn prepare(turn: &Turn<'_>) -> Option<Vec<Event>> {
    if !turn.state.policy.isolated || turn.task.worktree.is_some() {
        return None;
    }
    if let Some(why) = &turn.task.worktree_failed {
        return Some(turn.unevaluated(true, format!("no worktree could be made for it: {why}")));
    }
    if !turn.task.open.is_empty() {
        return Some(Vec::new());
    }
    Some(turn.order(Work::PrepareWorktree { task: turn.id() }))
}
