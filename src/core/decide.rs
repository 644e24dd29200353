//! What an input means here and now; nothing if it is late, repeated or refused.

use super::change::changed;
use super::decider::Decider;
use super::event::{Event, Mark, Outcome, VERSION, Work};
use super::evidence::approval_asked;
use super::hold;
use super::id::{GateId, OrderId, TaskId};
use super::input::{Input, Start};
use super::lease;
use super::outcome::{AgentOutcome, Ending, GateMeasures, RepositoryOutcome, ReviewOutcome};
use super::plan::Plan;
use super::policy::{GatePolicy, judge};
use super::progress;
use super::state::{GatePhase, Phase, State};
use super::steer;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The events that say what an input means at a time. Does not change the state.
pub fn decide(state: &State, input: Input, now_ms: u64) -> Vec<Event> {
    if refusal(state, &input).is_some() {
        return Vec::new();
    }
    match input {
        Input::Start(start) => begin(*start),
        Input::PlanOffered(plan, marks) => offered(state, *plan, &marks),
        Input::PlanBroken(problems) => {
            if problems == state.plan_problems {
                Vec::new()
            } else {
                vec![Event::PlanRejected { problems }]
            }
        }
        Input::SourcesRead(files) if files == state.sources => Vec::new(),
        Input::SourcesRead(files) => vec![Event::SourcesRead { files }],
        Input::ChangeHeld(file, during, digest) => hold::held(state, file, during, digest),
        Input::PolicyOffered(mut policy) => {
            // What was checked out when it began stays so, whatever is now.
            policy.into = state.policy.into.clone().or(policy.into);
            // And so does what gates judged by then; where that is not on record, there is nothing to compare with.
            for gate in &mut policy.gates {
                let known = state.policy.gates.iter().find(|known| known.name == gate.name);
                gate.judged_by = known.map_or_else(
                    || std::mem::take(&mut gate.judged_by),
                    |known| known.judged_by.clone(),
                );
            }
            if *policy == *state.policy {
                Vec::new()
            } else {
                vec![Event::PolicySet { policy: Arc::new(*policy) }]
            }
        }
        Input::Restarted(moved) => restarted(state, moved),
        Input::Reopened => reopened(state),
        Input::Tick => Vec::new(),
        Input::AgentEnded(order, outcome) => agent_ended(state, order, outcome),
        Input::GateEnded(order, measures) => gate_ended(state, order, measures),
        Input::ReviewEnded(order, outcome) => review_ended(state, order, outcome),
        Input::RepositoryEnded(order, outcome) => repository_ended(state, order, outcome),
        Input::Claim(order, by) => lease::claim(state, order, by, now_ms),
        Input::Heartbeat(lease) => lease::heartbeat(state, lease, now_ms),
        Input::Release(lease, why) => vec![Event::Released { order: lease.order, why }],
        Input::Reported(lease, outcome) => agent_ended(state, lease.order, outcome),
        Input::ReviewSubmitted(lease, outcome) => review_ended(state, lease.order, outcome),
        Input::OrderLost(order, why) => match state.orders.contains_key(&order) {
            true => vec![Event::Ended { order, outcome: Outcome::Lost { why } }],
            false => Vec::new(),
        },
        Input::Pause => vec![Event::Paused],
        Input::Resume => vec![Event::Resumed],
        Input::Cancel => {
            let mut events = wake(state);
            events.push(Event::Cancelled);
            events.extend(stop_all(state.orders.keys(), state, "the execution was cancelled"));
            events
        }
        Input::Retry(task) => retry(state, task),
        Input::RetryGate(gate) => {
            let mut events = wake(state);
            events.push(Event::GateReset { gate });
            events
        }
        Input::Skip(task) => {
            let mut events = wake(state);
            if let Some(known) = state.task_state(&task) {
                events.extend(stop_all(known.open.iter(), state, "the task is skipped"));
            }
            events.push(Event::TaskSkipped { task });
            events
        }
        Input::Steer(task, by, text) => {
            let steered = |order| Event::Steered { order, text, from: Box::new(by) };
            steer::attempt(state, &task).map(steered).into_iter().collect()
        }
        Input::SteerEnded(order, steered, outcome) => {
            steer::ended(state, order, steered, outcome.err())
        }
        Input::Answer(task, by, text) => {
            let mut events = wake(state);
            events.push(Event::TaskAnswered { task, text, from: Box::new(by) });
            events
        }
        Input::Approve(gate, by, reason) => decided(state, gate, true, by, reason),
        Input::Reject(gate, by, reason) => decided(state, gate, false, by, reason),
    }
}

/// Why an input can't be taken now, as a sentence for whoever sent it; none where it can.
pub fn refusal(state: &State, input: &Input) -> Option<String> {
    if !matches!(input, Input::Start(_)) && state.execution.is_none() {
        return Some("there is no execution yet".into());
    }
    let over = state.cancelled && state.ended.is_some();
    match input {
        Input::Start(_) if state.execution.is_some() => {
            Some("the execution has begun already".into())
        }
        Input::Pause if state.paused => Some("it is paused already".into()),
        Input::Pause if state.ended.is_some() => {
            Some("it has come to rest: there is nothing to pause".into())
        }
        Input::Resume if !state.paused => Some("it is not paused".into()),
        Input::Cancel if state.cancelled => Some("it is cancelled already".into()),
        Input::Cancel if matches!(state.ended, Some((super::event::Status::Complete, _))) => {
            Some("it is complete: there is nothing to cancel".into())
        }
        Input::Retry(_)
        | Input::RetryGate(_)
        | Input::Skip(_)
        | Input::Answer(..)
        | Input::Steer(..)
        | Input::Approve(..)
        | Input::Reject(..)
            if over =>
        {
            Some("it was cancelled; `run --fresh` starts a new one".into())
        }
        Input::Retry(task) => match state.task_state(task) {
            None => Some(unknown_task(state, task)),
            Some(known) => match known.phase {
                Phase::Waiting => Some(format!("task {task} has not been started yet")),
                Phase::Active(_) => Some(format!("task {task} is being worked on")),
                _ => None,
            },
        },
        Input::Skip(task) => match state.task_state(task) {
            None => Some(unknown_task(state, task)),
            Some(known) if known.satisfied() => Some(format!("task {task} is done already")),
            Some(_) => None,
        },
        Input::Steer(task, _, text) if state.task_state(task).is_some() => {
            steer::refusal(state, task, text)
        }
        Input::Steer(task, ..) => Some(unknown_task(state, task)),
        Input::Answer(task, _, text) => match state.task_state(task) {
            None => Some(unknown_task(state, task)),
            Some(known) if known.asked.is_none() => {
                Some(format!("task {task} has not asked anything"))
            }
            Some(_) => steer::unfit(text),
        },
        Input::RetryGate(gate) if state.graph.gate(gate).is_none() => {
            Some(unknown_gate(state, gate))
        }
        Input::Approve(gate, by, _) | Input::Reject(gate, by, _) => {
            undecidable(state, gate).or_else(|| not_for_programs(state, gate, by))
        }
        Input::Claim(order, _) => lease::unclaimable(state, *order),
        Input::Heartbeat(lease) => {
            lease::lost(state, *lease).or_else(|| unwanted(state, lease.order))
        }
        Input::Release(lease, _) => lease::lost(state, *lease),
        Input::Reported(lease, _) => lease::lost(state, *lease).or_else(|| {
            let review = matches!(state.orders[&lease.order].work, Work::Review { .. });
            review.then(|| format!("{} is a review: it ends with `review/submit`", lease.order))
        }),
        Input::ReviewSubmitted(lease, _) => lease::lost(state, *lease).or_else(|| {
            let review = matches!(state.orders[&lease.order].work, Work::Review { .. });
            (!review).then(|| format!("{} is no review: it ends with `task/report`", lease.order))
        }),
        _ => None,
    }
}

/// Why an order need not be gone on with.
fn unwanted(state: &State, order: OrderId) -> Option<String> {
    let stopping = state.orders.get(&order).is_some_and(|open| open.stopping);
    stopping.then(|| format!("{order} is no longer wanted: stop, and give it back"))
}

fn unknown_task(state: &State, id: &TaskId) -> String {
    let known: Vec<&str> = state.plan.tasks.iter().take(12).map(|task| task.id.as_str()).collect();
    format!(
        "there is no task {id}; there are {}{}",
        known.join(", "),
        if state.plan.tasks.len() > 12 { ", …" } else { "" }
    )
}

fn unknown_gate(state: &State, id: &GateId) -> String {
    let known: Vec<&str> = state.gates.iter().map(|gate| gate.id.as_str()).collect();
    if known.is_empty() {
        format!("there is no gate `{id}`")
    } else {
        format!("there is no gate `{id}`; there are {}", known.join(", "))
    }
}

/// Why a person can't decide this gate.
fn undecidable(state: &State, id: &GateId) -> Option<String> {
    if state.held.contains_key(id.as_str()) {
        return None;
    }
    if let Some(ix) = state.graph.gate(id) {
        let gate = &state.gates[ix];
        return match &state.gate_states[ix].phase {
            GatePhase::Passed => Some(format!("gate `{id}` has passed already")),
            GatePhase::Failed(why) => {
                Some(format!("gate `{id}` failed ({why}): fix that and `retry` it"))
            }
            GatePhase::Open(_) => None,
            GatePhase::Pending if gate.approval || gate.checks.is_empty() => {
                Some(format!("gate `{id}` does not wait for anybody yet"))
            }
            GatePhase::Pending => Some(format!(
                "gate `{id}` is evaluated by `{}` and needs no approval",
                gate.checks.join("`, `")
            )),
        };
    }
    match task_approval(state, id) {
        Some((ix, _)) if progress::waits_for_approval(state, ix).as_ref() == Some(id) => None,
        Some(_) => Some(format!("gate `{id}` does not wait for anybody now")),
        None => Some(unknown_gate(state, id)),
    }
}

/// Why it is not for this one to decide it.
fn not_for_programs(state: &State, id: &GateId, by: &Decider) -> Option<String> {
    (!by.is_person() && state.needs_person(id)).then(|| {
        let name = id.as_argument();
        format!(
            "gate `{id}` is for a person to decide: type `execution-coordinator approve {name}` or `reject {name}` at a terminal (`approval = \"parent\"` in the config lets programs decide)"
        )
    })
}

/// The task and the configured gate of an approval `name@task`.
fn task_approval<'a>(state: &'a State, id: &GateId) -> Option<(usize, &'a GatePolicy)> {
    let (name, task) = id.as_str().rsplit_once('@')?;
    let ix = state.graph.task(&TaskId::from(task))?;
    state
        .task_gates(ix)
        .find(|gate| gate.name == name && approval_asked(state, ix, gate).is_some())
        .map(|gate| (ix, gate))
}

fn begin(start: Start) -> Vec<Event> {
    let Start { execution, program, breakdown, plan, policy, marks } = start;
    let mut events = vec![
        Event::Opened { version: VERSION, program, execution, breakdown },
        Event::PolicySet { policy: Arc::new(policy) },
    ];
    let known: BTreeSet<&TaskId> = plan.tasks.iter().map(|task| &task.id).collect();
    let marked = marks.into_iter().filter(|(task, _)| known.contains(task));
    let marked: Vec<Event> = marked.map(|(task, mark)| Event::Marked { task, mark }).collect();
    events.push(Event::PlanAccepted { plan: Arc::new(plan) });
    events.extend(marked);
    events
}

/// A changed breakdown is taken up without losing work.
fn offered(state: &State, plan: Plan, marks: &BTreeMap<TaskId, Mark>) -> Vec<Event> {
    let offered: BTreeSet<TaskId> = plan.tasks.iter().map(|task| task.id.clone()).collect();
    let mut events = changed(state, plan, marks);
    if !events.is_empty() {
        events.splice(0..0, wake(state));
    } else if !state.plan_problems.is_empty() {
        // The text is good again and says what it said before.
        events.push(Event::PlanAccepted { plan: state.plan.clone() });
    }
    let names = events.iter().find_map(|event| {
        if let Event::TasksRenamed { names } = event { Some(names) } else { None }
    });
    let renamed: BTreeMap<TaskId, TaskId> =
        names.into_iter().flatten().map(|(from, to)| (to.clone(), from.clone())).collect();
    for (task, mark) in marks {
        // A tick counts for a task that nobody has begun; a removed one does not undo work.
        let before = state.task_state(renamed.get(task).unwrap_or(task));
        let untouched =
            before.is_none_or(|known| known.phase == Phase::Waiting && known.open.is_empty());
        if offered.contains(task) && untouched {
            if events.is_empty() {
                events.extend(wake(state));
            }
            events.push(Event::Marked { task: task.clone(), mark: *mark });
        }
    }
    events
}

fn restarted(state: &State, moved: Option<(String, bool)>) -> Vec<Event> {
    let lost = |order: &OrderId| Event::Ended {
        order: *order,
        outcome: Outcome::Lost { why: "the process that carried it out is gone".into() },
    };
    let mut events = vec![
        Event::Restarted,
        Event::TakenUp { version: VERSION, program: env!("CARGO_PKG_VERSION").into() },
    ];
    events.extend(steer::lost(state));
    // What others took is carried out by them, whoever writes the journal.
    events.extend(
        state.orders.iter().filter(|(_, open)| open.offer.is_none()).map(|(order, _)| lost(order)),
    );
    events.extend(moved.map(|(commit, rewritten)| Event::BaseMoved { commit, rewritten }));
    events
}

/// What failed is tried again, and gates that did not pass are judged again.
fn reopened(state: &State) -> Vec<Event> {
    if state.ended.is_none() || state.cancelled {
        return Vec::new();
    }
    let mut events = vec![Event::Reopened];
    for (task, known) in state.plan.tasks.iter().zip(&state.tasks) {
        if matches!(known.phase, Phase::Failed(_) | Phase::Blocked(_)) {
            events.push(Event::TaskRetried { task: task.id.clone() });
        }
    }
    for (gate, known) in state.gates.iter().zip(&state.gate_states) {
        if matches!(known.phase, GatePhase::Failed(_) | GatePhase::Open(_)) {
            events.push(Event::GateReset { gate: gate.id.clone() });
        }
    }
    events
}

fn agent_ended(state: &State, order: OrderId, outcome: AgentOutcome) -> Vec<Event> {
    let outcome = AgentOutcome { usage: outcome.usage.counted(), ..outcome };
    match state.orders.get(&order).map(|open| &open.work) {
        Some(Work::Consultation { .. } | Work::Tests { .. } | Work::Implementation { .. }) => {
            vec![Event::Ended { order, outcome: Outcome::Agent(Box::new(outcome)) }]
        }
        _ => Vec::new(),
    }
}

fn gate_ended(state: &State, order: OrderId, measures: GateMeasures) -> Vec<Event> {
    let Some(Work::Gate { check, task, .. }) = state.orders.get(&order).map(|open| &open.work)
    else {
        return Vec::new();
    };
    // Nobody saw it end, or we stopped it ourselves: that says nothing about the gate.
    if matches!(measures.ending, Ending::Lost | Ending::Stopped) {
        return vec![Event::Ended {
            order,
            outcome: Outcome::Lost { why: format!("its command {}", measures.ending) },
        }];
    }
    let before = task
        .as_ref()
        .and_then(|task| state.task_state(task))
        .and_then(|task| task.baseline.get(check));
    let preexisting = before.map(|judged| judged.measures.failed_tests.clone()).unwrap_or_default();
    let (verdict, reason) = match state.policy.gates.iter().find(|gate| gate.name == *check) {
        Some(gate) => judge(gate, &measures, &preexisting),
        None => (
            super::outcome::GateVerdict::NotEvaluated,
            format!("the config no longer has a gate `{check}`"),
        ),
    };
    vec![Event::Ended {
        order,
        outcome: Outcome::Gate { measures: Box::new(measures), verdict, reason },
    }]
}

fn review_ended(state: &State, order: OrderId, outcome: ReviewOutcome) -> Vec<Event> {
    match state.orders.get(&order).map(|open| &open.work) {
        Some(Work::Review { .. }) => {
            vec![Event::Ended { order, outcome: Outcome::Review(outcome) }]
        }
        _ => Vec::new(),
    }
}

fn repository_ended(state: &State, order: OrderId, outcome: RepositoryOutcome) -> Vec<Event> {
    let answers = match (state.orders.get(&order).map(|open| &open.work), &outcome) {
        (Some(Work::PrepareWorktree { .. }), RepositoryOutcome::WorktreeReady { .. })
        | (Some(Work::Merge { .. }), RepositoryOutcome::Merged { .. })
        | (Some(Work::Land { .. }), RepositoryOutcome::Landed)
        | (Some(Work::Renew { .. }), RepositoryOutcome::Renewed { .. })
        | (Some(Work::Deliver { .. }), RepositoryOutcome::Delivered) => true,
        (Some(work), RepositoryOutcome::Failed { .. }) => work.is_of_repository(),
        _ => false,
    };
    if answers {
        vec![Event::Ended { order, outcome: Outcome::Repository(outcome) }]
    } else {
        Vec::new()
    }
}

fn retry(state: &State, task: TaskId) -> Vec<Event> {
    let mut events = wake(state);
    let stream = state.plan.task(&task).and_then(|task| task.stream.clone());
    events.push(Event::TaskRetried { task });
    for (gate, known) in state.gates.iter().zip(&state.gate_states) {
        if gate.closes(stream.as_ref())
            && (known.phase != GatePhase::Pending
                || !known.results.is_empty()
                || !known.open.is_empty())
        {
            events.push(Event::GateReset { gate: gate.id.clone() });
        }
    }
    events
}

fn decided(
    state: &State,
    gate: GateId,
    approved: bool,
    from: Decider,
    reason: String,
) -> Vec<Event> {
    if let Some(held) = state.held.get(gate.as_str()) {
        let digest = held.digest.clone();
        return vec![Event::ChangeDecided {
            file: gate.to_string(),
            approved,
            reason,
            from: Box::new(from),
            digest,
        }];
    }
    let of_task = state.graph.gate(&gate).is_none();
    // What is refused at the end stays at its end.
    let mut events = if approved || of_task { wake(state) } else { Vec::new() };
    let refused = Event::GateFailed {
        gate: gate.clone(),
        reason: format!("{} rejected it: {reason}", from.by),
    };
    events.push(Event::GateDecided {
        gate,
        approved,
        by: from.by.clone(),
        reason,
        from: Some(Box::new(from)),
    });
    if !approved && !of_task {
        events.push(refused);
    }
    events
}

/// An execution that had come to rest goes on.
fn wake(state: &State) -> Vec<Event> {
    if state.ended.is_some() { vec![Event::Reopened] } else { Vec::new() }
}

fn stop_all<'a>(orders: impl Iterator<Item = &'a OrderId>, state: &State, why: &str) -> Vec<Event> {
    orders
        .filter(|order| state.orders.get(order).is_some_and(|open| !open.stopping))
        .map(|order| Event::StopOrdered { order: *order, why: why.to_owned() })
        .collect()
}
