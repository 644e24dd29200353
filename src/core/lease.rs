//! Work that somebody from outside takes: an order for an agent of kind `client` is offered, and
//! whoever claims it holds it by a lease.
//!
//! The token of a lease is the order and the number of the claim of it (`a7.2`), so whoever held it
//! before is known to be late (a fencing token: Kleppmann, *Designing Data-Intensive Applications*,
//! chapter 8). A lease that runs out ends its order, as a process that makes no progress does, and
//! the order after it is offered again, within the limits that all attempts have.

use super::event::{Event, Outcome, Work};
use super::id::{Lease, OrderId};
use super::outcome::{AgentOutcome, Ending, GateVerdict, ReviewOutcome, Verdict};
use super::state::{Holder, OpenOrder, State};

/// The orders that can be claimed now, the most urgent first, by what they ask for.
pub fn offers(state: &State) -> impl Iterator<Item = (OrderId, &Work)> {
    let open = !state.paused && !state.cancelled && state.ended.is_none();
    state
        .orders
        .iter()
        .filter(move |(_, order)| open && can_be_claimed(order))
        .map(|(id, order)| (*id, &order.work))
}

/// Whether an order is for an agent of this name, if one is given, and asks for no skill that is
/// not among those given, if any are.
pub fn fits(state: &State, work: &Work, agent: Option<&str>, skills: &[String]) -> bool {
    let Some(name) = work.agent() else { return false };
    let asked = || state.policy.agent(name).into_iter().flat_map(|agent| &agent.skills);
    let has = |skill: &String| skills.iter().any(|given| given.eq_ignore_ascii_case(skill));
    agent.is_none_or(|agent| agent == name.as_str()) && (skills.is_empty() || asked().all(has))
}

fn can_be_claimed(order: &OpenOrder) -> bool {
    !order.stopping && order.offer.as_ref().is_some_and(|offer| offer.holder.is_none())
}

/// Who holds a lease that counts, and the order that it is on.
pub fn held(state: &State, lease: Lease) -> Option<(&OpenOrder, &Holder)> {
    let order = state.orders.get(&lease.order)?;
    let offer = order.offer.as_ref().filter(|offer| offer.claims == lease.claim)?;
    Some((order, offer.holder.as_ref()?))
}

/// Why an order can't be claimed.
pub(super) fn unclaimable(state: &State, id: OrderId) -> Option<String> {
    match state.orders.get(&id) {
        None => Some(format!("{id} is not open any more")),
        Some(_) if state.paused => Some("it is paused: nothing new is begun".into()),
        Some(order) if can_be_claimed(order) => None,
        Some(order) => Some(match order.offer.as_ref().and_then(|offer| offer.holder.as_ref()) {
            Some(holder) => format!("{id} is held by {}", holder.by),
            None if order.stopping => format!("{id} is no longer wanted"),
            None => format!("{id} is carried out by this program and can't be claimed"),
        }),
    }
}

/// Why a lease counts for nothing.
pub(super) fn lost(state: &State, lease: Lease) -> Option<String> {
    if held(state, lease).is_some() {
        return None;
    }
    Some(match state.orders.get(&lease.order) {
        None => {
            format!("the lease {lease} is over: {} has ended; nothing was changed", lease.order)
        }
        Some(_) => format!(
            "the lease {lease} is over: it was given back or ran out, and somebody else may hold it; nothing was changed"
        ),
    })
}

/// How long whoever carries out an order may say nothing.
fn silence_ms(state: &State, work: &Work) -> u64 {
    let own = work
        .agent()
        .and_then(|name| state.policy.agent(name))
        .and_then(|agent| agent.idle_timeout_ms);
    own.unwrap_or(state.policy.idle_timeout_ms)
}

/// An order is somebody's from now on.
pub(super) fn claim(state: &State, order: OrderId, by: String, now_ms: u64) -> Vec<Event> {
    let Some(open) = state.orders.get(&order) else { return Vec::new() };
    let (until, deadline) = (
        now_ms + silence_ms(state, &open.work),
        now_ms + super::order::limit_ms(state, &open.work),
    );
    vec![Event::Claimed { order, by, until: until.min(deadline), deadline }]
}

/// Whoever holds a lease is still at work. What hardly makes it longer is not recorded.
pub(super) fn heartbeat(state: &State, lease: Lease, now_ms: u64) -> Vec<Event> {
    let Some((open, holder)) = held(state, lease) else { return Vec::new() };
    let silence_ms = silence_ms(state, &open.work);
    let until = (now_ms + silence_ms).min(open.deadline);
    if open.stopping || until < holder.until + silence_ms / 8 {
        return Vec::new();
    }
    vec![Event::LeaseExtended { order: lease.order, until }]
}

/// An order that nobody carries out and nobody will: its lease ran out, or it is no longer wanted
/// and nobody is left to say how it ended.
pub(super) fn lapsed(state: &State, now_ms: u64) -> Option<Event> {
    state.orders.iter().find_map(|(order, open)| {
        let ending = match open.offer.as_ref()?.holder.as_ref() {
            _ if state.cancelled => Ending::Stopped,
            None if open.stopping => Ending::Stopped,
            Some(holder) if holder.until <= now_ms => {
                if open.stopping {
                    Ending::Stopped
                } else if open.deadline <= now_ms {
                    Ending::TimedOut
                } else {
                    Ending::Idle
                }
            }
            _ => return None,
        };
        let holder = open.offer.as_ref().and_then(|offer| offer.holder.as_ref());
        let reason = match (&ending, holder) {
            (Ending::Idle | Ending::TimedOut, Some(holder)) => {
                format!("the lease of {} ran out", holder.by)
            }
            _ => String::new(),
        };
        let duration_ms = holder.map_or(0, |holder| now_ms.saturating_sub(holder.at));
        Some(Event::Ended {
            order: *order,
            outcome: nothing_came(&open.work, ending, reason, duration_ms),
        })
    })
}

fn nothing_came(work: &Work, ending: Ending, reason: String, duration_ms: u64) -> Outcome {
    match work {
        Work::Review { .. } => Outcome::Review(ReviewOutcome {
            kept: std::collections::BTreeMap::new(),
            shortage: None,
            ending,
            verdict: GateVerdict::NotEvaluated,
            findings: Vec::new(),
            summary: reason,
            duration_ms,
        }),
        _ => Outcome::Agent(Box::new(AgentOutcome {
            reason,
            ..AgentOutcome::new(ending, Verdict::Unknown, duration_ms)
        })),
    }
}
