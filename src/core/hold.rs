//! Changes of the breakdown and the config that an attempt may have made: where attempts share the workspace, nobody can
//! tell. What was before stays in force until a person has said so.

use super::event::Event;
use super::id::{AgentName, GateId, OrderId};
use super::state::{OpenOrder, State};

/// A file's time is that of the last tick of the system's clock, which was so long ago at most.
pub const TICK_MS: u64 = 20;

/// Whether an agent could change what is not its task's: not the user's own commands, and not whoever drives this program.
pub(super) fn is_suspect(state: &State, agent: &AgentName) -> bool {
    !state.policy.isolated
        && state
            .policy
            .agent(agent)
            .is_some_and(|agent| !agent.runs_the_task() && agent.kind != "client")
}

/// The attempts that may have changed a file of the workspace at a time: those that are under way, and the last one where
/// it had not ended then.
pub fn suspects(state: &State, changed_at_ms: u64) -> Vec<OrderId> {
    let had_begun = |open: &OpenOrder| {
        open.at <= changed_at_ms.saturating_add(TICK_MS)
            && open.work.agent().is_some_and(|agent| is_suspect(state, agent))
    };
    let open = state.orders.iter().filter(|(_, open)| had_begun(open));
    let ended = state.last_suspect.filter(|(_, at)| {
        changed_at_ms.saturating_add(TICK_MS) >= state.owned_since && changed_at_ms <= at + TICK_MS
    });
    open.map(|(order, _)| *order).chain(ended.map(|(order, _)| order)).collect()
}

/// A change that is not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The attempts that may have made it.
    pub during: Vec<OrderId>,
    /// The digest of the file with it.
    pub digest: String,
    /// Whether a person has rejected it.
    pub rejected: bool,
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let orders: Vec<String> = self.during.iter().map(ToString::to_string).collect();
        write!(
            f,
            "it was changed while {} was at work, and what was before stays in force",
            orders.join(" and ")
        )
    }
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
    let name = super::progress::as_argument(&GateId::from(file.as_str()));
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
