//! The task's gates are judged.

use super::{Rule, Turn, measure};
use crate::core::event::{Event, Purpose, Step};
use crate::core::evidence;
use crate::core::id::GateId;
use crate::core::order::{approval_needed, blocker, may_help};
use crate::core::outcome::{Finding, GateVerdict};

pub(super) const RULE: Rule = Rule {
    applies: |state, ix| state.task_gates(ix).next().is_some(),
    next,
    needs: super::nobody,
    ended: |task, id, work, outcome| {
        if let Some((check, judged)) = measure::judged(id, work, outcome) {
            task.gates.insert(check, judged);
        }
    },
};

fn next(turn: &Turn<'_>) -> Vec<Event> {
    if let Some(events) = measure::order_all(turn, Purpose::Judge) {
        return events;
    }
    let results = || turn.task.gates.iter();
    let failed: Vec<Finding> = results()
        .filter(|(_, judged)| judged.verdict == GateVerdict::Failed)
        .map(|(name, judged)| {
            blocker(
                &format!("gate {name}"),
                &format!("{} (output of {})", judged.reason, judged.order),
            )
        })
        .collect();
    if !failed.is_empty() {
        return turn.rework(Step::Implementing, failed);
    }
    if let Some((name, judged)) =
        results().find(|(_, judged)| judged.verdict == GateVerdict::NotEvaluated)
    {
        return turn.unevaluated(
            may_help(&judged.measures.ending),
            format!("gate `{name}` could not be evaluated: {}", judged.reason),
        );
    }
    for gate in turn.state.task_gates(turn.ix) {
        let Some(why) = evidence::approval_asked(turn.state, turn.ix, gate) else { continue };
        let id = GateId::from(format!("{}@{}", gate.name, turn.id()));
        match turn.state.decisions.get(&id) {
            Some(decision) if decision.approved => {}
            Some(decision) => {
                return turn
                    .fail(format!("{} rejected gate `{id}`: {}", decision.by, decision.reason));
            }
            None => return ask_for_approval(turn, &id, why),
        }
    }
    turn.enter_after(Step::Gating)
}

fn ask_for_approval(turn: &Turn<'_>, id: &GateId, why: String) -> Vec<Event> {
    let about = format!("gate {id}");
    if turn.state.escalations.iter().any(|known| known.about == about) {
        return Vec::new();
    }
    vec![approval_needed(id, why)]
}
