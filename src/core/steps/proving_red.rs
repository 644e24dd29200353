//! The tests must be seen to fail.

use super::{Rule, Turn, measure, writing_tests};
use crate::core::dispatch::has_room_for_gate;
use crate::core::event::{Event, Outcome, Purpose, Step, Work};
use crate::core::id::OrderId;
use crate::core::order::{blocker, may_help};
use crate::core::outcome::GateVerdict;
use crate::core::plan::TestsFirst;
use crate::core::state::{Judged, TaskState};

pub(super) const RULE: Rule = Rule {
    applies: |state, ix| writing_tests::are_asked(state, ix) && state.policy.tests_gate().is_some(),
    next,
    needs: super::nobody,
    ended,
};

fn next(turn: &Turn<'_>) -> Vec<Event> {
    let Some(gate) = turn.state.policy.tests_gate() else {
        return turn.enter_after(Step::ProvingRed);
    };
    let Some(red) = &turn.task.red else {
        if !turn.task.open.is_empty() || !has_room_for_gate(turn.state) {
            return Vec::new();
        }
        return turn.order(Work::Gate {
            check: gate.name.clone(),
            gate: None,
            task: Some(turn.id()),
            purpose: Purpose::Red,
        });
    };
    let before = turn.task.baseline.get(&gate.name);
    if is_red(red, before) {
        return turn.enter_after(Step::ProvingRed);
    }
    let required = turn.state.allocation[turn.ix].tests_first == TestsFirst::Required;
    let why = match red.verdict {
        GateVerdict::Passed => {
            format!(
                "the tests pass before the implementation (`{}`): they must fail until the behaviour is there",
                gate.name
            )
        }
        GateVerdict::Failed => {
            format!(
                "no new test can be seen to fail: `{}` failed before any work too ({}); make it pass first, or have it name its tests",
                gate.name, red.reason
            )
        }
        GateVerdict::NotEvaluated => format!("the tests could not be run: {}", red.reason),
    };
    let limit = turn.task.rework_round >= turn.state.policy.max_rework;
    match red.verdict {
        _ if !required && (limit || red.verdict == GateVerdict::NotEvaluated) => {
            turn.enter_after(Step::ProvingRed)
        }
        GateVerdict::NotEvaluated => turn.unevaluated(may_help(&red.measures.ending), why),
        _ => turn.rework(Step::WritingTests, vec![blocker("tests first", &why)]),
    }
}

fn ended(task: &mut TaskState, id: OrderId, work: &Work, outcome: &Outcome) {
    if let Some((check, judged)) = measure::judged(id, work, outcome) {
        task.red_seen = task.red_seen || is_red(&judged, task.baseline.get(&check));
        task.red = Some(judged);
    }
}

/// Whether a run shows new tests failing: a failure that was not there before.
fn is_red(judged: &Judged, before: Option<&Judged>) -> bool {
    if judged.verdict != GateVerdict::Failed || !judged.measures.flaky.is_empty() {
        return false;
    }
    let failed = &judged.measures.failed_tests;
    match before {
        Some(before) if !failed.is_empty() => {
            failed.iter().any(|test| !before.measures.failed_tests.contains(test))
        }
        Some(before) => {
            before.verdict == GateVerdict::Passed || before.verdict == GateVerdict::NotEvaluated
        }
        None => true,
    }
}
