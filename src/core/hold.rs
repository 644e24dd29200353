//! Changes of the breakdown and the config that an attempt may have made: where attempts share the workspace, nobody can
//! tell. What was before stays in force until a person has said so.

use super::event::Event;
use super::id::{GateId, OrderId};
use super::state::{Held, OpenOrder, State};

/// A file's time is that of the last tick of the system's clock, which was so long ago at most.
pub const TICK_MS: u64 = 20;

/// The attempts that may have changed a file of the workspace at a time: those that are under way, and the last one where
/// it had not ended then.
pub fn suspects(state: &State, changed_at_ms: u64) -> Vec<OrderId> {
    let had_begun = |open: &OpenOrder| {
        open.at <= changed_at_ms.saturating_add(TICK_MS)
            && open.work.agent().is_some_and(|agent| state.policy.is_suspect(agent))
    };
    let open = state.orders.iter().filter(|(_, open)| had_begun(open));
    let ended = state.last_suspect.filter(|(_, at)| {
        changed_at_ms.saturating_add(TICK_MS) >= state.owned_since && changed_at_ms <= at + TICK_MS
    });
    open.map(|(order, _)| *order).chain(ended.map(|(order, _)| order)).collect()
}

/// The changes about which nobody has decided.
pub fn undecided(state: &State) -> impl Iterator<Item = (&String, &Held)> {
    state.held.iter().filter(|(_, held)| !held.rejected)
}

pub(super) fn held(
    state: &State,
    file: String,
    during: Vec<OrderId>,
    digest: String,
) -> Vec<Event> {
    if during.is_empty() || state.held.get(&file).is_some_and(|held| held.digest == digest) {
        return Vec::new();
    }
    let name = GateId::from(file.as_str()).as_argument();
    let needed =
        format!("`approve {name}` to have it as it is then; or put it back, and `reject {name}`");
    let held = Held { during, digest, rejected: false };
    let escalation = Event::Escalated {
        about: file.clone(),
        why: held.to_string(),
        tried: String::new(),
        needed,
    };
    vec![Event::ChangeHeld { file, during: held.during, digest: held.digest }, escalation]
}
