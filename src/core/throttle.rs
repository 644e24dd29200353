//! What of an agent can be had now: rate limits, overload, quotas, budgets, and a breaker for one that
//! always fails.
//!
//! Agents of one coding client share its account, so they share a pool. A shortage pauses the pool for
//! as long as the service asks, else twice as long each time, and halves what runs at once; each success
//! lets one more run again (additive increase, multiplicative decrease, as TCP does: RFC 5681).

use super::id::AgentName;
use super::outcome::{Shortage, ShortageKind};
use super::policy::{AgentPolicy, Budget, Policy};
use super::state::{Pool, State};

/// The first wait where the service names none, in back-offs: a service takes longer to recover than a
/// process that crashed.
const FIRST_WAIT: u64 = 5;
/// The longest one.
const LONGEST_WAIT_MS: u64 = 5 * 60_000;
/// A pause that is longer makes an agent's work another's, where the config names one.
const PATIENCE_MS: u64 = 60_000;
/// After so many shortages in a row somebody is told.
pub const MOST_CONSECUTIVE_LIMITS: u32 = 5;
/// More at once than anybody runs: no limit.
const UNLIMITED: u32 = 64;

impl Pool {
    /// An order of the pool ended, of `busy` that ran.
    pub(super) fn ended(
        &mut self,
        shortage: Option<&Shortage>,
        ended: Ended,
        (now_ms, backoff_ms): (u64, u64),
        busy: u32,
    ) {
        if let Some(shortage) = shortage.filter(|shortage| !shortage.kind.needs_person()) {
            let doubled = backoff_ms
                .saturating_mul(FIRST_WAIT)
                .saturating_mul(1 << self.consecutive_limits.min(10));
            let wait = shortage.retry_after_ms.unwrap_or_else(|| doubled.min(LONGEST_WAIT_MS));
            self.consecutive_limits += 1;
            self.paused_until = self.paused_until.max(now_ms + wait);
            self.most = Some((busy / 2).max(1));
            return;
        }
        match ended {
            Ended::Well => {
                self.consecutive_limits = 0;
                self.failures = 0;
                self.most = self.most.map(|most| most + 1).filter(|most| *most < UNLIMITED);
            }
            Ended::Badly => self.failures += 1,
            Ended::Otherwise => {}
        }
    }
}

/// How an order of an agent ended, as far as the agent itself is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    Badly,
    /// It was stopped, lost, or said that it needs something.
    Otherwise,
}

/// The name of an agent's pool: its client's, or its own where its kind may be any program.
pub fn pool_of(policy: &Policy, agent: &AgentName) -> String {
    const ANY_PROGRAM: [&str; 4] = ["shell", "command", "acp", "client"];
    let kind = policy.agent(agent).map(|agent| agent.kind.as_str());
    kind.filter(|kind| !ANY_PROGRAM.contains(kind)).unwrap_or(agent.as_str()).to_owned()
}

/// How many orders of a pool are open.
pub(super) fn busy(state: &State, pool: &str) -> u32 {
    state
        .busy
        .iter()
        .filter(|(agent, _)| pool_of(&state.policy, agent) == pool)
        .map(|(_, count)| count)
        .sum()
}

/// Whether an agent's pool leaves room for one more order.
pub(super) fn is_available(state: &State, agent: &AgentName, now_ms: u64) -> bool {
    let name = pool_of(&state.policy, agent);
    let Some(pool) = state.pools.get(&name) else { return true };
    pool.paused_until <= now_ms && pool.most.is_none_or(|most| busy(state, &name) < most)
}

/// When the first pool that is paused can be asked again; none where none is paused.
pub(super) fn recovers_at(state: &State, now_ms: u64) -> Option<u64> {
    state.pools.values().map(|pool| pool.paused_until).filter(|&until| until > now_ms).min()
}

/// Why an agent is not asked any more; none where it is.
pub(super) fn broken(state: &State, agent: &AgentName) -> Option<String> {
    let pool = state.pools.get(&pool_of(&state.policy, agent))?;
    let most = state.policy.breaker;
    (most > 0 && pool.failures >= most).then(|| {
        format!(
            "{agent} failed {} times in a row and is not asked any more, the last time: {}",
            pool.failures, pool.last_failure
        )
    })
}

/// Why an agent is not asked until a person has done something, and what that is; none where it is asked.
pub(super) fn refused<'a>(state: &'a State, agent: &AgentName) -> Option<(&'a str, &'a str)> {
    let (why, needed) = state.pools.get(&pool_of(&state.policy, agent))?.refused.as_ref()?;
    Some((why, needed))
}

/// What a person has to do about it.
pub(super) fn needed(kind: ShortageKind, agent: Option<&AgentPolicy>) -> String {
    let login = agent.and_then(|agent| agent.login.as_deref());
    match (kind, login) {
        (ShortageKind::Outdated, _) => "a newer version of its program, then run it again".into(),
        (_, Some(login)) => format!("{login}, then run it again"),
        _ => {
            "log in with its own program, or give it a key that its service accepts, then run it again".into()
        }
    }
}

/// Who does an agent's work now: itself, or the one that the config names for when it can't be had.
pub(super) fn substitute(state: &State, agent: &AgentName, now_ms: u64) -> AgentName {
    let missing = |agent: &AgentName| {
        let paused = state
            .pools
            .get(&pool_of(&state.policy, agent))
            .is_some_and(|pool| pool.paused_until > now_ms + PATIENCE_MS);
        paused || broken(state, agent).is_some() || refused(state, agent).is_some()
    };
    let fallback = state.policy.agent(agent).and_then(|agent| agent.fallback.clone());
    match fallback.filter(|fallback| {
        missing(agent) && !missing(fallback) && state.policy.agent(fallback).is_some()
    }) {
        Some(fallback) => fallback,
        None => agent.clone(),
    }
}

/// Which budget is spent before another order for a task; none where none is.
pub(super) fn spent(state: &State, ix: usize, agent: &AgentName) -> Option<String> {
    let sum = |used: &mut dyn Iterator<Item = (Option<u64>, Option<f64>)>| {
        used.fold((0, 0.0), |(tokens, usd), (more_tokens, more_usd)| {
            (u64::saturating_add(tokens, more_tokens.unwrap_or(0)), usd + more_usd.unwrap_or(0.0))
        })
    };
    let of_all = sum(&mut state.utilisation.values().map(|used| (used.tokens, used.cost_usd)));
    let of_agent =
        sum(&mut state.utilisation.get(agent).into_iter().map(|used| (used.tokens, used.cost_usd)));
    let of_task =
        sum(&mut std::iter::once((state.tasks[ix].spent.tokens, state.tasks[ix].spent.cost_usd)));
    let agent_budget = state.policy.agent(agent).map(|agent| agent.budget).unwrap_or_default();
    [
        ("the execution", state.policy.budget, of_all),
        ("the task", state.policy.task_budget, of_task),
        (agent.as_str(), agent_budget, of_agent),
    ]
    .into_iter()
    .find_map(|(whose, budget, used)| {
        Some(format!("the budget of {whose} is spent: {}", over(budget, used)?))
    })
}

fn over(budget: Budget, (tokens, usd): (u64, f64)) -> Option<String> {
    if let Some(most) = budget.usd.filter(|most| usd >= *most) {
        return Some(format!("{usd:.2} of {most:.2} USD"));
    }
    budget.tokens.filter(|most| tokens >= *most).map(|most| format!("{tokens} of {most} tokens"))
}

/// A shortage, for people.
pub fn shortage_name(shortage: &Shortage) -> &'static str {
    match shortage.kind {
        ShortageKind::RateLimited => "its service limits its rate",
        ShortageKind::Overloaded => "its service is overloaded",
        ShortageKind::Quota => "its quota is used up",
        ShortageKind::Login => "it is not logged in, or its key is not accepted",
        ShortageKind::Outdated => "its program is too old for its service",
    }
}
