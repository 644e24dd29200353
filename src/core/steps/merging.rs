//! It is merged with what others finished; the merge queue sees to that.

use super::Rule;
use crate::core::event::Step;

pub(super) const RULE: Rule = Rule {
    applies: |state, ix| state.tasks[ix].worktree.is_some(),
    next: |turn| match turn.task.landed {
        None => Vec::new(),
        Some(_) => turn.enter_after(Step::Merging),
    },
    needs: super::nobody,
    ended: super::nothing,
};
