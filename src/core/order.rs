//! Orders, their limits of time, and what comes instead of one: rework, another try after a back-off, a failure, or
//! somebody who is needed.

use super::event::{Event, Step, Work};
use super::id::{AgentName, GateId, OrderId, TaskId};
use super::outcome::{Ending, Finding, Severity, Shortage, ShortageKind};
use super::state::{OF_AGENT, State, TaskState};
use super::throttle;

/// How long after an attempt's own limit an order is given up: what carries it out stops it
/// first and says how it ended.
const DEADLINE_MARGIN_MS: u64 = 60_000;

pub(super) fn order(state: &State, work: Work, now_ms: u64) -> Vec<Event> {
    let deadline = now_ms + limit_ms(state, &work) + DEADLINE_MARGIN_MS;
    vec![Event::Ordered { order: OrderId(state.last_order + 1), work, deadline }]
}

/// How long an order may take.
pub(super) fn limit_ms(state: &State, work: &Work) -> u64 {
    let own = match work {
        Work::Gate { check, .. } => {
            state.policy.gates.iter().find(|gate| gate.name == *check).map(|gate| gate.timeout_ms)
        }
        work => work
            .agent()
            .and_then(|name| state.policy.agent(name))
            .and_then(|agent| agent.attempt_timeout_ms),
    };
    own.unwrap_or(state.policy.attempt_timeout_ms)
}

/// Whether what could not be evaluated may be the next time.
pub(super) fn may_help(ending: &Ending) -> bool {
    !matches!(ending, Ending::DidNotStart(_) | Ending::Exited(126 | 127) | Ending::OutputLimit)
}

pub(super) fn blocker(by: &str, text: &str) -> Finding {
    Finding { by: by.to_owned(), severity: Severity::Blocker, text: text.to_owned(), place: None }
}

pub(super) fn approval_needed(id: &GateId, why: String) -> Event {
    let needed = format!("`approve {0}` or `reject {0}`", id.as_argument());
    gate_needs(id, why, needed)
}

/// Somebody is needed for a gate.
pub(super) fn gate_needs(id: &GateId, why: String, needed: String) -> Event {
    Event::Escalated { about: format!("gate {id}"), why, tried: String::new(), needed }
}

/// A person is told, once, what an agent needs.
pub(super) fn needs_person(state: &State, agent: &AgentName) -> Option<Event> {
    let (why, needed) = throttle::refused(state, agent)?;
    let about = format!("{OF_AGENT}{}", throttle::pool_of(&state.policy, agent));
    let is_told = state.escalations.iter().any(|known| known.about == about);
    (!is_told).then(|| Event::Escalated {
        about,
        why: why.to_owned(),
        tried: String::new(),
        needed: needed.to_owned(),
    })
}

/// A task goes back with findings, or fails where it did so too often.
pub(super) fn rework(state: &State, id: &TaskId, step: Step, findings: Vec<Finding>) -> Vec<Event> {
    turn(state, id, 0).map(|turn| turn.rework(step, findings)).unwrap_or_default()
}

/// Something of a task could not be evaluated.
pub(super) fn unevaluated(
    state: &State,
    id: &TaskId,
    may_help: bool,
    why: String,
    now_ms: u64,
) -> Vec<Event> {
    turn(state, id, now_ms).map(|turn| turn.unevaluated(may_help, why)).unwrap_or_default()
}

fn turn<'a>(state: &'a State, id: &TaskId, now_ms: u64) -> Option<Turn<'a>> {
    state.graph.task(id).map(|ix| Turn { state, ix, task: &state.tasks[ix], now_ms })
}

/// One active task at one moment.
pub(super) struct Turn<'a> {
    pub state: &'a State,
    pub ix: usize,
    pub task: &'a TaskState,
    pub now_ms: u64,
}

impl Turn<'_> {
    pub(super) fn id(&self) -> TaskId {
        self.state.task(self.ix).id.clone()
    }

    pub(super) fn order(&self, work: Work) -> Vec<Event> {
        order(self.state, work, self.now_ms)
    }

    pub(super) fn open(&self, is: impl Fn(&Work) -> bool) -> bool {
        self.task
            .open
            .iter()
            .any(|order| self.state.orders.get(order).is_some_and(|open| is(&open.work)))
    }

    pub(super) fn postpone(&self, why: String) -> Vec<Event> {
        let wait = self.state.policy.backoff_ms.saturating_mul(1 << self.task.tries.min(16));
        vec![Event::Postponed {
            task: self.id(),
            until: self.now_ms + wait,
            why,
            not_counted: false,
        }]
    }

    /// An agent's service could not be had: that is no try, and somebody is told when it lasts.
    pub(super) fn wait_for_agent(&self, agent: &AgentName, shortage: &Shortage) -> Vec<Event> {
        if shortage.kind.needs_person() {
            // Who does it instead, or that nobody can, is decided in its next turn.
            let why = format!("{agent}: {}", throttle::shortage_name(shortage));
            return vec![Event::Postponed {
                task: self.id(),
                until: self.now_ms,
                why,
                not_counted: true,
            }];
        }
        let name = throttle::pool_of(&self.state.policy, agent);
        let pool = self.state.pools.get(&name);
        let why = format!("{agent}: {}", throttle::shortage_name(shortage));
        let until = pool.map_or(self.now_ms, |pool| pool.paused_until).max(self.now_ms + 1);
        let mut events =
            vec![Event::Postponed { task: self.id(), until, why: why.clone(), not_counted: true }];
        let about = format!("{OF_AGENT}{name}");
        let told = self.state.escalations.iter().any(|known| known.about == about);
        if !told
            && pool.is_some_and(|pool| {
                pool.consecutive_limits >= throttle::MOST_CONSECUTIVE_LIMITS
                    || shortage.kind == ShortageKind::Quota
            })
        {
            let needed = "patience, a smaller `max_parallel`, a larger quota, or a `fallback` in its entry of the config".into();
            events.push(Event::Escalated {
                about,
                why,
                tried: format!("{} times in a row", pool.map_or(1, |pool| pool.consecutive_limits)),
                needed,
            });
        }
        events
    }

    /// What needs an agent that a person has to see to waits for that person, who is told once.
    pub(super) fn do_without(&self, agent: &AgentName) -> Vec<Event> {
        let Some((why, _)) = throttle::refused(self.state, agent) else { return Vec::new() };
        let mut events = vec![Event::TaskBlocked {
            task: self.id(),
            reason: format!("{agent} can't be used: {why}"),
        }];
        // And of the one that was to do it instead.
        let fallback = self.state.policy.agent(agent).and_then(|agent| agent.fallback.as_ref());
        events.extend(
            [agent].into_iter().chain(fallback).filter_map(|agent| needs_person(self.state, agent)),
        );
        events
    }

    fn tried(&self) -> String {
        let task = self.task;
        format!("{} attempts, {} rounds of rework", task.attempts + task.test_attempts, task.rework)
    }

    pub(super) fn fail(&self, why: String) -> Vec<Event> {
        let task = self.id();
        let needed = format!(
            "fix the cause, then run `execution-coordinator retry {task}` (or `skip {task}`)"
        );
        vec![
            Event::TaskFailed { task: task.clone(), reason: why.clone() },
            Event::Escalated { about: format!("task {task}"), why, tried: self.tried(), needed },
        ]
    }

    pub(super) fn block(&self, why: String) -> Vec<Event> {
        let task = self.id();
        self.wait_for_somebody(
            why,
            format!("a decision: `retry {task}` when what it needs is there, or `skip {task}`"),
        )
    }

    pub(super) fn ask(&self, why: String) -> Vec<Event> {
        let task = self.id();
        self.wait_for_somebody(
            why,
            format!(
                "`answer {task} TEXT`, on which it goes on; or `retry {task}`, or `skip {task}`"
            ),
        )
    }

    fn wait_for_somebody(&self, why: String, needed: String) -> Vec<Event> {
        let task = self.id();
        vec![
            Event::TaskBlocked { task: task.clone(), reason: why.clone() },
            Event::Escalated { about: format!("task {task}"), why, tried: self.tried(), needed },
        ]
    }

    pub(super) fn rework(&self, step: Step, findings: Vec<Finding>) -> Vec<Event> {
        if self.task.rework_round >= self.state.policy.max_rework {
            let first = findings.first().map(|finding| finding.text.clone()).unwrap_or_default();
            let rounds = self.state.policy.max_rework;
            return self.fail(format!("still not good after {rounds} rounds of rework: {first}"));
        }
        vec![Event::Rework { task: self.id(), step, findings, not_counted: false }]
    }

    /// A gate or a review of the task could not be evaluated: again where that may help, and
    /// otherwise it stays open and the task waits for somebody.
    pub(super) fn unevaluated(&self, may_help: bool, why: String) -> Vec<Event> {
        if may_help && self.task.tries + 1 < self.state.policy.max_attempts {
            self.postpone(why)
        } else {
            self.block(why)
        }
    }
}
