//! What is left when no task is: the gates of streams, the system and the deployment, the comprehensive review, and the
//! delivery of the result.

use super::dispatch::{has_room, has_room_for_gate};
use super::event::{Event, Mark, Purpose, Work};
use super::evidence;
use super::id::GateId;
use super::order::{approval_needed, gate_needs, needs_person, order};
use super::outcome::{GateVerdict, Severity};
use super::plan::Level;
use super::policy::{AgentPolicy, Gate, Role};
use super::state::{Decision, GatePhase, GateState, Phase, State, THE_RESULT};
use super::throttle;

/// The next thing to do for a gate of a stream, the system or the deployment.
pub(super) fn gate(state: &State, ix: usize, now_ms: u64) -> Vec<Event> {
    let gate = &state.gates[ix];
    let known: &GateState = &state.gate_states[ix];
    if known.phase != GatePhase::Pending {
        return Vec::new();
    }
    let id = gate.id.clone();
    let decision = state.decisions.get(&id);
    if let Some(decision) = decision.filter(|decision| !decision.approved) {
        return gate_failed(&id, format!("{} rejected it: {}", decision.by, decision.reason));
    }
    for check in gate.checks.iter().filter(|check| !known.results.contains_key(*check)) {
        let running = known.open.iter().any(|order| {
            state.orders.get(order).is_some_and(
                |open| matches!(&open.work, Work::Gate { check: running, .. } if running == check),
            )
        });
        if !running && !state.is_publishing() && has_room_for_gate(state) {
            return order(
                state,
                Work::Gate {
                    check: check.clone(),
                    gate: Some(id),
                    task: None,
                    purpose: Purpose::Judge,
                },
                now_ms,
            );
        }
    }
    if !known.open.is_empty() || gate.checks.iter().any(|check| !known.results.contains_key(check))
    {
        return Vec::new();
    }
    if let Some((name, judged)) =
        known.results.iter().find(|(_, judged)| judged.verdict == GateVerdict::Failed)
    {
        return gate_failed(
            &id,
            format!("`{name}`: {} (output of {})", judged.reason, judged.order),
        );
    }
    if decision.is_some() {
        return vec![Event::GatePassed { gate: id }];
    }
    if let Some((name, judged)) =
        known.results.iter().find(|(_, judged)| judged.verdict == GateVerdict::NotEvaluated)
    {
        return gate_open(&id, format!("`{name}` could not be evaluated: {}", judged.reason));
    }
    if gate.approval {
        return vec![
            Event::GateOpen { gate: id.clone(), reason: "it waits for approval".into() },
            approval_needed(&id, evidence::ASKED.into()),
        ];
    }
    if let Some(why) = evidence::whole_approval_asked(state, known) {
        return vec![
            Event::GateOpen { gate: id.clone(), reason: why.clone() },
            approval_needed(&id, why),
        ];
    }
    if gate.checks.is_empty() {
        return gate_open(&id, "no [[gates]] entry checks it".into());
    }
    vec![Event::GatePassed { gate: id }]
}

fn gate_failed(gate: &GateId, reason: String) -> Vec<Event> {
    let needed = format!(
        "fix what it names, by `retry TASK` or by hand, then run `execution-coordinator retry {}`",
        gate.as_argument()
    );
    let escalation = gate_needs(gate, reason.clone(), needed);
    vec![Event::GateFailed { gate: gate.clone(), reason }, escalation]
}

fn gate_open(gate: &GateId, reason: String) -> Vec<Event> {
    let needed = format!(
        "add a [[gates]] entry that checks it, or run `execution-coordinator approve {}`",
        gate.as_argument()
    );
    let escalation = gate_needs(gate, reason.clone(), needed);
    vec![Event::GateOpen { gate: gate.clone(), reason }, escalation]
}

/// No task is left to start: the gates of the whole and the comprehensive review. None when
/// there is no more to do, or no more that can be done.
pub(super) fn finish(state: &State, now_ms: u64) -> Option<Vec<Event>> {
    let deferred = |phase: &Phase| *phase == Phase::Marked(Mark::Deferred);
    if !state.tasks.iter().all(|task| task.satisfied() || deferred(&task.phase)) {
        return None;
    }
    // What was judged before the last attempt ended is judged again: it was another tree.
    let stale = |known: &GateState| {
        known.phase == GatePhase::Passed && known.judged_at_change < state.changes
    };
    // And what a person has passed is work as it was then.
    let is_newer = |gate: &Gate, decision: &Decision| {
        let closed =
            (0..state.tasks.len()).filter(|&ix| gate.closes(state.task(ix).stream.as_ref()));
        let mut made = closed
            .filter_map(|ix| state.tasks[ix].result.as_ref())
            .map(|(order, _)| order)
            .chain(&state.merging.renewed);
        made.any(|order| *order > decision.after || decision.open.contains(order))
    };
    for (gate, known) in state.gates.iter().zip(&state.gate_states) {
        let decided = state.decisions.get(&gate.id).filter(|_| known.phase == GatePhase::Passed);
        if stale(known) && !gate.checks.is_empty()
            || decided.is_some_and(|decision| is_newer(gate, decision))
        {
            return Some(vec![Event::GateReset { gate: gate.id.clone() }]);
        }
    }
    let passed = |level| {
        (0..state.gates.len())
            .filter(move |&ix| state.gates[ix].level == level)
            .all(|ix| state.gate_states[ix].phase == GatePhase::Passed)
    };
    let next = |level| {
        (0..state.gates.len())
            .filter(move |&ix| state.gates[ix].level == level)
            .map(|ix| gate(state, ix, now_ms))
            .find(|events| !events.is_empty())
    };
    for level in [Level::Stream, Level::System] {
        if !passed(level) {
            return next(level);
        }
    }
    match final_review(state, now_ms) {
        Review::Next(events) => Some(events),
        Review::Passed if !passed(Level::Deployment) => next(Level::Deployment),
        Review::Passed => deliver(state, now_ms),
        Review::NotPassed => None,
    }
}

/// The result goes where the user wants it, once; what keeps it from there is said.
fn deliver(state: &State, now_ms: u64) -> Option<Vec<Event>> {
    let commit = state.merging.head.clone().filter(|_| state.policy.deliver)?;
    match &state.merging.delivered {
        Some((delivered, why)) if *delivered == commit => {
            let about = THE_RESULT.to_owned();
            let why = why
                .clone()
                .filter(|_| !state.escalations.iter().any(|known| known.about == about))?;
            let needed =
                "put that right and run it again, or merge the branch of the result yourself"
                    .into();
            Some(vec![Event::Escalated { about, why, tried: String::new(), needed }])
        }
        _ => Some(order(state, Work::Deliver { commit }, now_ms)),
    }
}

/// How the comprehensive review by all reviewers stands.
enum Review {
    Next(Vec<Event>),
    Passed,
    NotPassed,
}

fn final_review(state: &State, now_ms: u64) -> Review {
    if !state.is_final_review_asked() {
        return Review::Passed;
    }
    let asked = |agent: &AgentPolicy| {
        let by = |work: &Work| matches!(work, Work::Review { task: None, reviewer } if *reviewer == agent.name);
        state.orders.values().any(|open| by(&open.work))
    };
    let missing = |agent: &&AgentPolicy| !state.final_reviews.contains_key(&agent.name);
    let mut next = state
        .policy
        .of_role(Role::Reviewer)
        .filter(missing)
        .filter(|agent| !asked(agent) && has_room(state, &agent.name, now_ms));
    if let Some(agent) = next.next().filter(|_| !state.is_publishing()) {
        return Review::Next(order(
            state,
            Work::Review { task: None, reviewer: agent.name.clone() },
            now_ms,
        ));
    }
    if state.policy.of_role(Role::Reviewer).any(|agent| missing(&agent)) {
        if let Some(told) = state
            .policy
            .of_role(Role::Reviewer)
            .filter(missing)
            .find_map(|agent| needs_person(state, &agent.name))
        {
            return Review::Next(vec![told]);
        }
        // One that can't be had just now is waited for.
        return if throttle::recovers_at(state, now_ms).is_some() {
            Review::Next(Vec::new())
        } else {
            Review::NotPassed
        };
    }
    let Some((reviewer, (order, review))) =
        state.final_reviews.iter().find(|(_, (_, review))| review.verdict != GateVerdict::Passed)
    else {
        return Review::Passed;
    };
    let about = format!("final review {order}");
    if state.escalations.iter().any(|known| known.about == about) {
        return Review::NotPassed;
    }
    let first = review
        .findings
        .iter()
        .find(|f| f.severity == Severity::Blocker)
        .map_or(&review.summary, |f| &f.text);
    let why = match review.verdict {
        GateVerdict::Failed => format!("{reviewer} found: {first}"),
        _ => format!("no verdict of {reviewer}: {first}"),
    };
    let needed = "fix what it names, by `retry TASK` or by hand, then run again".into();
    Review::Next(vec![Event::Escalated { about, why, tried: String::new(), needed }])
}
