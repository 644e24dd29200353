//! The reviewers look at it.

use super::{Rule, Turn};
use crate::core::dispatch::has_room;
use crate::core::event::{Event, Outcome, Step, Work};
use crate::core::id::OrderId;
use crate::core::order::{blocker, may_help};
use crate::core::outcome::{Finding, GateVerdict, Severity};
use crate::core::state::TaskState;

pub(super) const RULE: Rule = Rule {
    applies: |state, ix| !state.allocation[ix].reviewers.is_empty(),
    next,
    needs: |turn| {
        let reviewers = turn.state.allocation[turn.ix].reviewers.iter();
        reviewers.filter(|reviewer| !turn.task.reviews.contains_key(*reviewer)).cloned().collect()
    },
    ended,
};

fn next(turn: &Turn<'_>) -> Vec<Event> {
    let reviewers = &turn.state.allocation[turn.ix].reviewers;
    for reviewer in reviewers.iter().filter(|reviewer| !turn.task.reviews.contains_key(*reviewer)) {
        let asked = turn
            .open(|work| matches!(work, Work::Review { reviewer: asked, .. } if asked == reviewer));
        if !asked && has_room(turn.state, reviewer, turn.now_ms) {
            return turn.order(Work::Review { task: Some(turn.id()), reviewer: reviewer.clone() });
        }
    }
    if !reviewers.iter().all(|reviewer| turn.task.reviews.contains_key(reviewer))
        || !turn.task.open.is_empty()
    {
        return Vec::new();
    }
    let failed: Vec<_> = turn
        .task
        .reviews
        .iter()
        .filter(|(_, (_, review))| review.verdict == GateVerdict::Failed)
        .collect();
    if !failed.is_empty() {
        let blockers = failed.iter().flat_map(|(by, (_, review))| {
            let found: Vec<Finding> = review
                .findings
                .iter()
                .filter(|f| f.severity == Severity::Blocker)
                .cloned()
                .collect();
            if found.is_empty() { vec![blocker(by.as_str(), &review.summary)] } else { found }
        });
        return turn.rework(Step::Implementing, blockers.collect());
    }
    let missing = turn
        .task
        .reviews
        .iter()
        .find(|(_, (_, review))| review.verdict == GateVerdict::NotEvaluated);
    if let Some((reviewer, (_, review))) = missing {
        if let Some(shortage) = &review.shortage {
            return turn.wait_for_agent(reviewer, shortage);
        }
        return turn.unevaluated(
            may_help(&review.ending),
            format!("no verdict of {reviewer}: {}", review.summary),
        );
    }
    turn.enter_after(Step::Reviewing)
}

fn ended(task: &mut TaskState, id: OrderId, work: &Work, outcome: &Outcome) {
    let (Work::Review { reviewer, .. }, Outcome::Review(review)) = (work, outcome) else { return };
    for remark in review.findings.iter().filter(|found| found.severity != Severity::Blocker) {
        if !task.remarks.contains(remark) {
            task.remarks.push(remark.clone());
        }
    }
    task.reviews.insert(reviewer.clone(), (id, review.clone()));
}
