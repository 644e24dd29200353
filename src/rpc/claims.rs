//! Work that clients take: claimed, kept, reported, given back.

use super::forward::{forward, wire};
use super::messages::{
    ClaimParams, Claimed, ClaimedWork, LeaseAnswer, LeaseParams, ReportParams, ReviewParams,
};
use super::method::{self, Method};
use super::peer::{Caller, status};
use super::table::Table;
use crate::agents::answer::Answer;
use crate::agents::prompt::Template;
use crate::agents::verdict::{self, Of, Told};
use crate::core::brief::brief;
use crate::core::event::Work;
use crate::core::id::{Lease, OrderId};
use crate::core::input::Input;
use crate::core::lease::{fits, held, offers};
use crate::core::outcome::{AgentOutcome, Ending, ReviewOutcome, Verdict};
use crate::core::state::State;
use crate::core::view::ExecutionState;
use crate::engine::clock::now_ms;
use crate::engine::execution::Execution;
use crate::engine::kept;
use crate::engine::texts::Texts;
use crate::failure::{Failure, FailureKind, say};
use serde_json::Value;
use std::collections::BTreeMap;

/// Adds the methods.
pub fn add_to(table: &mut Table) {
    table.add::<method::TaskClaim, _>(claim);
    table.add::<method::TaskHeartbeat, _>(|caller, params| {
        of_lease::<method::TaskHeartbeat>(caller, params, |lease, _| Input::Heartbeat(lease))
    });
    table.add::<method::TaskRelease, _>(|caller, params| {
        of_lease::<method::TaskRelease>(caller, params, |lease, params: &LeaseParams| {
            Input::Release(lease, params.why.clone())
        })
    });
    table.add::<method::TaskReport, _>(report);
    table.add::<method::ReviewSubmit, _>(review);
}

async fn claim(caller: Caller, params: ClaimParams) -> Result<Claimed, Failure> {
    let wanted = params
        .order
        .as_deref()
        .map(|order| order.parse::<OrderId>().map_err(|()| no_order(order)))
        .transpose()?;
    let (execution, claimed) = forward::<method::TaskClaim>(&caller, &params).await?;
    if let Some(claimed) = claimed {
        caller.peer.watch(&execution);
        return Ok(claimed);
    }
    if !execution.is_here() {
        let why = "nobody is at work on it: start it, then claim";
        return Err(Failure::new(FailureKind::Refused, format!("{}: {why}", execution.id)));
    }
    caller.peer.watch(&execution);
    let by = params.by.clone().unwrap_or_else(|| "client".into());
    loop {
        let state = execution.state();
        let mut fitting = offers(&state)
            .filter(|(_, work)| fits(&state, work, params.agent.as_deref(), &params.skills));
        let Some((order, _)) =
            fitting.find(|(order, _)| wanted.is_none_or(|wanted| wanted == *order))
        else {
            return Ok(Claimed {
                execution: execution.id.to_string(),
                work: None,
                state: status(&execution).state,
            });
        };
        let before = execution.before(order).await;
        match execution.steer(Input::Claim(order, by.clone())).await {
            Ok(_) => {
                before.into_iter().for_each(|before| execution.begins_with(order, before));
                let work = claimed_work(&execution, order);
                return Ok(Claimed {
                    execution: execution.id.to_string(),
                    work,
                    state: ExecutionState::Running,
                });
            }
            // Somebody else was faster: what is offered now is another matter.
            Err(failure) if failure.kind == FailureKind::Refused => {}
            Err(failure) => return Err(failure),
        }
    }
}

fn no_order(given: &str) -> Failure {
    Failure::usage(format!(
        "`{given}` is no order: they are called a1, a2, …, as `task/offered` names them"
    ))
}

/// What whoever claimed an order just now has to know.
fn claimed_work(execution: &Execution, order: OrderId) -> Option<ClaimedWork> {
    let state = execution.state();
    let open = state.orders.get(&order)?;
    let offer = open.offer.as_ref()?;
    let mut brief = brief(&state, order)?;
    Texts::of_execution(&execution.dir).fill(&mut brief);
    // In words as all others get it; where the config or its template is broken just now, in ours.
    let config =
        execution.options().config(execution.root()).map(|(config, _)| config).unwrap_or_default();
    let own = config.agents.get(&brief.agent).and_then(|agent| agent.definition.clone());
    let filled = Template::from_config(&config, execution.root())
        .and_then(|template| template.fill(&brief, own.as_deref(), false));
    Some(ClaimedWork {
        lease: Lease { order, claim: offer.claims }.to_string(),
        until: offer.holder.as_ref()?.until,
        deadline: open.deadline,
        // The built-in template fits every brief; a test sees to that.
        text: filled.or_else(|_| Template::default().fill(&brief, None, false)).unwrap_or_default(),
        brief,
    })
}

async fn report(caller: Caller, params: ReportParams) -> Result<LeaseAnswer, Failure> {
    let known =
        params.status.as_deref().is_some_and(|status| verdict::status(status) != Verdict::Unknown);
    if !known && params.text.is_none() {
        return Err(Failure::usage(
            "`status` is `complete`, `blocked` or `failed`; or give a return block as `text`. The lease is kept",
        ));
    }
    of_lease::<method::TaskReport>(caller, params, |lease, params: &ReportParams| {
        let answer = || Answer {
            status: params.status.clone(),
            summary: params.summary.clone(),
            reason: params.reason.clone(),
            files: params.files.clone(),
            decisions: params.decisions.clone(),
            tokens: params.tokens.map(|tokens| tokens as f64),
            cost_usd: params.cost_usd,
            ..Answer::default()
        };
        let said = params.text.as_deref().map_or_else(
            || verdict::from_answer(answer()),
            |text| verdict::work(text, Of::Turn, &Told::default()),
        );
        // What was done in a place of its own is committed when it is merged.
        let outcome = AgentOutcome {
            summary: said.summary,
            reason: said.reason,
            files: said.files,
            accounted: Some(said.no_change),
            decisions: said.decisions,
            usage: said.usage,
            ..AgentOutcome::new(Ending::Exited(0), said.verdict, 0)
        };
        Input::Reported(lease, outcome)
    })
    .await
}

async fn review(caller: Caller, params: ReviewParams) -> Result<LeaseAnswer, Failure> {
    of_lease::<method::ReviewSubmit>(caller, params, |lease, params: &ReviewParams| {
        let answer = || Answer {
            verdict: params.verdict.clone(),
            summary: params.summary.clone(),
            findings: params.findings.clone(),
            ..Answer::default()
        };
        let said = match params.text.as_deref() {
            Some(text) => verdict::review(text, "", &Told::default()),
            None => verdict::review_from_answer(&answer(), ""),
        };
        let outcome = ReviewOutcome {
            kept: BTreeMap::new(),
            shortage: None,
            ending: Ending::Exited(0),
            verdict: said.verdict,
            findings: said.findings,
            summary: said.summary,
            duration_ms: 0,
        };
        Input::ReviewSubmitted(lease, outcome)
    })
    .await
}

/// Drops what is about a lease into its execution, wherever that is carried out. What is late or
/// comes twice is answered, not taken.
async fn of_lease<M>(
    caller: Caller,
    params: M::Params,
    input: impl FnOnce(Lease, &M::Params) -> Input + Send,
) -> Result<LeaseAnswer, Failure>
where
    M: Method<Result = LeaseAnswer>,
{
    let said = wire(&params)?;
    let given = said["lease"].as_str().unwrap_or_default();
    let no_lease = |()| {
        Failure::usage(format!(
            "`{given}` is no lease: they are called a7.1, as `task/claim` gave it"
        ))
    };
    let lease: Lease = given.parse().map_err(no_lease)?;
    let (execution, answered) = forward::<M>(&caller, &params).await?;
    if let Some(answered) = answered {
        return Ok(answered);
    }
    let text = reported(&said);
    let input =
        measured(&execution, signed(&execution.state(), lease, &text, input(lease, &params))).await;
    let answer = |accepted, why, seq| {
        let state = execution.state();
        let until = held(&state, lease).map(|(_, holder)| holder.until);
        Ok(LeaseAnswer { execution: execution.id.to_string(), accepted, why, until, seq })
    };
    match execution.steer(input).await {
        Ok(seq) => {
            keep(&execution, lease.order, &text);
            answer(true, None, seq)
        }
        Err(failure) if failure.kind == FailureKind::Refused => {
            answer(false, Some(failure.message), execution.state().seq)
        }
        Err(failure) => Err(failure),
    }
}

/// What only the execution knows of who answers: the agent's name, how long it took, and what is kept of it.
fn signed(state: &State, lease: Lease, text: &str, mut input: Input) -> Input {
    let Some((open, holder)) = held(state, lease) else { return input };
    let took_ms = now_ms().saturating_sub(holder.at);
    match &mut input {
        Input::Reported(_, outcome) => {
            (outcome.duration_ms, outcome.kept) = (took_ms, kept::reported(lease.order, text))
        }
        Input::ReviewSubmitted(_, outcome) => {
            (outcome.duration_ms, outcome.kept) = (took_ms, kept::reported(lease.order, text));
            let by = open.work.agent().map(ToString::to_string).unwrap_or_default();
            outcome.findings.iter_mut().for_each(|finding| finding.by.clone_from(&by));
        }
        _ => {}
    }
    input
}

/// What was changed is seen, not believed.
async fn measured(execution: &Execution, mut input: Input) -> Input {
    let Input::Reported(lease, outcome) = &mut input else { return input };
    let state = execution.state();
    let work = held(&state, *lease).map(|(open, _)| &open.work).filter(|work| work.is_attempt());
    let measured = match work.and_then(Work::task) {
        Some(task) => execution.changed(task, lease.order, outcome.files.clone()).await,
        None => None,
    };
    match measured {
        Some((files, ignored)) => {
            outcome.accounted = outcome.accounted.map(|accounted| accounted || !ignored.is_empty());
            (outcome.files, outcome.ignored) = (files, ignored);
        }
        None => outcome.accounted = None,
    }
    input
}

/// What was reported, as it is kept.
fn reported(said: &Value) -> String {
    let text = said["text"]
        .as_str()
        .map(str::to_owned)
        .or_else(|| serde_json::to_string_pretty(said).ok());
    text.unwrap_or_default() + "\n"
}

/// What was reported is the output of its order.
fn keep(execution: &Execution, order: OrderId, text: &str) {
    if !execution.state().orders.contains_key(&order)
        && let Err(error) = execution.keep_reported(order, text)
    {
        say(format_args!(
            "{}: what was reported can't be kept: {error}",
            execution.output(order).display()
        ));
    }
}
