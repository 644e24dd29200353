//! Changes of the breakdown and the config that an attempt may have made: where attempts share the workspace, nobody can
//! tell. What was before stays in force until a person has said so.

use super::decider::Decider;
use super::event::Event;
use super::id::{AgentName, GateId, OrderId};
use super::state::{OpenOrder, State};

/// A file's time is that of the last tick of the system's clock.
const TICK_MS: u64 = 20;

/// Whether an agent could change what is not its task's: not the user's own commands, and not whoever drives this program.
pub(super) fn is_suspect(state: &State, agent: &AgentName) -> bool {
    !state.policy.isolated && state.policy.agent(agent).is_some_and(|agent| !agent.runs_the_task() && agent.kind != "client")
}

/// The attempts that may have changed a file of the workspace at a time: those that are under way, and the last one where
/// it had not ended then.
pub fn suspects(state: &State, changed_at_ms: u64) -> Vec<OrderId> {
    let had_begun =
        |open: &OpenOrder| open.at <= changed_at_ms + TICK_MS && open.work.agent().is_some_and(|agent| is_suspect(state, agent));
    let open = state.orders.iter().filter(|(_, open)| had_begun(open));
    let ended = state.last_suspect.filter(|(_, at)| changed_at_ms <= at + TICK_MS);
    open.map(|(order, _)| *order).chain(ended.map(|(order, _)| order)).collect()
}

/// What is held, as it is told.
pub fn why(during: &[OrderId]) -> String {
    let orders: Vec<String> = during.iter().map(ToString::to_string).collect();
    format!("it was changed while {} was at work, and what was before stays in force", orders.join(" and "))
}

pub(super) fn held(state: &State, file: String, during: Vec<OrderId>) -> Vec<Event> {
    if state.held.contains_key(&file) {
        return Vec::new();
    }
    let name = super::progress::as_argument(&GateId::from(file.as_str()));
    let needed = format!("`approve {name}` to have it as it is then, or `reject {name}`");
    let escalation = Event::Escalated { about: file.clone(), why: why(&during), tried: String::new(), needed };
    vec![Event::ChangeHeld { file, during }, escalation]
}

pub(super) fn decided(file: &GateId, approved: bool, from: Decider, reason: String) -> Vec<Event> {
    vec![Event::ChangeDecided { file: file.to_string(), approved, reason, from: Box::new(from) }]
}
