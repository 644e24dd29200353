//! What is said to an agent while it is at work, and whether it has reached it.

use super::event::Event;
use super::id::{OrderId, TaskId};
use super::state::State;

/// Longest text that is said at once.
const MAX_BYTES: usize = 64 << 10;

/// The attempt at a task that is under way.
pub(super) fn attempt(state: &State, task: &TaskId) -> Option<OrderId> {
    let mut open = state
        .task_state(task)?
        .open
        .iter()
        .filter_map(|order| Some((*order, state.orders.get(order)?)));
    open.find(|(_, open)| open.work.is_attempt() && open.is_under_way() && !open.stopping)
        .map(|(order, _)| order)
}

/// Whether something can be said to a task's agent now.
pub fn can_be_said(state: &State, task: &TaskId) -> bool {
    refusal(state, task, "a text").is_none()
}

/// Why nothing can be said to a task's agent now.
pub(super) fn refusal(state: &State, task: &TaskId, text: &str) -> Option<String> {
    if state.task_state(task).is_some_and(|known| known.asked.is_some()) {
        return Some(format!("task {task} waits for an answer: `answer {task} TEXT`"));
    }
    let Some(open) = attempt(state, task).and_then(|order| state.orders.get(&order)) else {
        return Some(format!("no agent is at work on task {task}"));
    };
    let agent = open.work.agent()?;
    if !state.policy.agent(agent).is_some_and(|agent| agent.is_steerable) {
        return Some(format!(
            "{agent} can't be told anything while it is at work: its client has no way for that"
        ));
    }
    if text.trim_start().starts_with('/') {
        return Some("a text that begins with a slash would be a command of the client".into());
    }
    unfit(text)
}

/// Why a text can't be said.
pub(super) fn unfit(text: &str) -> Option<String> {
    match text.len() {
        _ if text.trim().is_empty() => Some("there is nothing in the text".into()),
        0..=MAX_BYTES => None,
        _ => Some(format!("the text is too long: at most {MAX_BYTES} bytes are said at once")),
    }
}

/// What was said has reached the agent, or somebody is told that it has not.
pub(super) fn ended(
    state: &State,
    order: OrderId,
    steered: u64,
    why: Option<String>,
) -> Vec<Event> {
    let all = state.plan.tasks.iter().zip(&state.tasks);
    let mut said = all.filter_map(|(task, known)| {
        Some((task, known.said.iter().find(|said| said.steered == steered)?))
    });
    let Some((task, said)) = said.next().filter(|(_, said)| said.outcome.is_none()) else {
        return Vec::new();
    };
    let mut events = vec![Event::SteerEnded { order, steered, why: why.clone() }];
    events.extend(why.map(|why| Event::Escalated {
        about: format!("task {}", task.id),
        why: format!("what {} said to its agent was not delivered: {why}: {}", said.by, said.text),
        tried: String::new(),
        needed:
            "say it again while the agent is at work, or `retry` the task once it is done".into(),
    }));
    events
}

/// What was said and is lost with the process that carried out the order.
pub(super) fn lost(state: &State) -> Vec<Event> {
    let open =
        state.tasks.iter().flat_map(|known| &known.said).filter(|said| said.outcome.is_none());
    open.flat_map(|said| {
        ended(
            state,
            said.order,
            said.steered,
            Some("the process that was to deliver it is gone".into()),
        )
    })
    .collect()
}
