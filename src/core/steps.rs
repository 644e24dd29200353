//! The life of a task: its steps, one file each, with when it applies, what comes next, and how an order of it ends.

mod attempt;
mod baseline;
mod consulting;
mod gating;
mod implementing;
mod measure;
mod merging;
mod preparing;
mod proving_red;
mod reviewing;
mod writing_tests;

use super::event::{Event, Outcome, Step, Work};
use super::id::{AgentName, OrderId};
use super::order::Turn;
use super::state::{State, TaskState};
use super::throttle;

/// What a step is.
struct Rule {
    /// Whether a task has it, as things stand.
    applies: fn(&State, usize) -> bool,
    /// The next events while a task is in it.
    next: fn(&Turn<'_>) -> Vec<Event>,
    /// The agents that it needs next.
    needs: fn(&Turn<'_>) -> Vec<AgentName>,
    /// What an order of it that has ended leaves with its task.
    ended: fn(&mut TaskState, OrderId, &Work, &Outcome),
}

fn rule(step: Step) -> &'static Rule {
    match step {
        Step::Preparing => &preparing::RULE,
        Step::Consulting => &consulting::RULE,
        Step::Baseline => &baseline::RULE,
        Step::WritingTests => &writing_tests::RULE,
        Step::ProvingRed => &proving_red::RULE,
        Step::Implementing => &implementing::RULE,
        Step::Gating => &gating::RULE,
        Step::Reviewing => &reviewing::RULE,
        Step::Merging => &merging::RULE,
    }
}

/// The step with which a task begins.
pub(super) fn first(state: &State, ix: usize) -> Step {
    next_step(state, ix, None).unwrap_or(Step::Implementing)
}

/// The step after one, leaving out those that have nothing to do; none after the last.
fn next_step(state: &State, ix: usize, after: Option<Step>) -> Option<Step> {
    let mut steps = Step::ALL.into_iter().filter(|&step| after.is_none_or(|after| step > after));
    steps.find(|&step| (rule(step).applies)(state, ix))
}

/// The next events of an active task.
pub(super) fn next(turn: &Turn<'_>) -> Vec<Event> {
    let Some(step) = turn.task.step().filter(|_| turn.task.not_before <= turn.now_ms) else {
        return Vec::new();
    };
    let rule = rule(step);
    // Nobody is refused where nobody was ever short.
    if turn.task.open.is_empty() && !turn.state.pools.is_empty() {
        let mut needed = (rule.needs)(turn).into_iter();
        if let Some(agent) = needed.find(|agent| throttle::refused(turn.state, agent).is_some()) {
            return turn.do_without(&agent);
        }
    }
    (rule.next)(turn)
}

/// What an order that has ended leaves with its task.
pub(super) fn ended(task: &mut TaskState, id: OrderId, work: &Work, outcome: &Outcome) {
    if let Some(step) = work.step() {
        (rule(step).ended)(task, id, work, outcome);
    }
}

impl Turn<'_> {
    fn enter_after(&self, step: Step) -> Vec<Event> {
        match next_step(self.state, self.ix, Some(step)) {
            Some(step) => vec![Event::Entered { task: self.id(), step }],
            None => vec![Event::TaskDone { task: self.id() }],
        }
    }

    /// Whoever carries out its task now.
    fn worker(&self) -> Vec<AgentName> {
        let agent = self.state.allocation[self.ix].agent.iter();
        agent.map(|agent| throttle::substitute(self.state, agent, self.now_ms)).collect()
    }
}

/// Of a step that needs no agent.
fn nobody(_: &Turn<'_>) -> Vec<AgentName> {
    Vec::new()
}

/// Of a step whose orders leave nothing with the task itself.
fn nothing(_: &mut TaskState, _: OrderId, _: &Work, _: &Outcome) {}
