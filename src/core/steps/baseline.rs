//! The gates are measured as they stand before the attempt.

use super::{Rule, measure};
use crate::core::event::{Purpose, Step};
use crate::core::policy::AgentPolicy;

pub(super) const RULE: Rule = Rule {
    applies: |state, ix| {
        let agent = state.allocation[ix].agent.as_ref();
        let agent = agent.and_then(|name| state.policy.agent(name));
        !agent.is_some_and(AgentPolicy::runs_the_task) && state.task_checks(ix).next().is_some()
    },
    next: |turn| {
        measure::order_all(turn, Purpose::Baseline)
            .unwrap_or_else(|| turn.enter_after(Step::Baseline))
    },
    needs: |turn| turn.worker(),
    ended: |task, id, work, outcome| {
        if let Some((check, judged)) = measure::judged(id, work, outcome) {
            task.baseline.insert(check, judged);
        }
    },
};
