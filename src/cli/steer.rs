//! Commands that steer: the process that owns the execution is asked; where there is none, they
//! take the lock, write their input and leave, and the next `run` goes on.

use super::{Exit, Outcome, root_here};
use crate::core::decider::{Decider, Frontend};
use crate::core::id::{GateId, TaskId};
use crate::core::input::Input;
use crate::core::state::State;
use crate::engine::execution::note;
use crate::engine::listener::Address;
use crate::engine::locate::{find, read};
use crate::engine::people::decider_here;
use crate::engine::start::never_calls_itself;
use crate::failure::{Failure, FailureKind, say};
use crate::rpc::messages::{ExecutionParams, GateParams, SayParams, Steered, TaskParams};
use crate::rpc::method::{self, Method};
use crate::rpc::remote;

/// Which execution.
#[derive(clap::Args)]
pub struct Plain {
    /// The execution [default: the latest]
    execution: Option<String>,
}

/// Which task.
#[derive(clap::Args)]
pub struct OfTask {
    /// The task, or for `retry` a gate
    task: String,
    /// The execution [default: the latest]
    #[arg(long)]
    execution: Option<String>,
}

/// Which task, and what is said to its agent.
#[derive(clap::Args)]
pub struct ToTask {
    /// The task
    task: String,
    /// What is said
    #[arg(required = true)]
    text: Vec<String>,
    /// Who says it [default: $USER]
    #[arg(long)]
    by: Option<String>,
    /// The execution [default: the latest]
    #[arg(long)]
    execution: Option<String>,
}

/// Which gate.
#[derive(clap::Args)]
pub struct OfGate {
    /// The gate, for example "Gate 1" or `review@3`
    gate: String,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
    /// Who decides [default: $USER]
    #[arg(long)]
    by: Option<String>,
    /// The execution [default: the latest]
    #[arg(long)]
    execution: Option<String>,
}

/// `pause`, `resume` and `cancel`.
///
/// # Errors
/// It makes no sense now.
pub fn plain<M: Method<Params = ExecutionParams, Result = Steered>>(
    arguments: &Plain,
    input: Input,
    later: &str,
    now: &str,
) -> Outcome {
    let params = |execution| ExecutionParams { execution };
    steer::<M>(arguments.execution.as_deref(), params, |_| input, later, now)
}

/// `retry`.
///
/// # Errors
/// There is nothing of that name to be tried again.
pub fn retry(arguments: &OfTask) -> Outcome {
    let of = |state: &State| Input::retry(state, &arguments.task);
    let params = |execution| TaskParams { execution, task: arguments.task.clone() };
    let (later, now) = ("it will be tried again by the next `run`", "it is tried again");
    steer::<method::TaskRetry>(arguments.execution.as_deref(), params, of, later, now)
}

/// `skip`.
///
/// # Errors
/// The task is done.
pub fn skip(arguments: &OfTask) -> Outcome {
    let input = Input::Skip(TaskId::from(arguments.task.as_str()));
    let params = |execution| TaskParams { execution, task: arguments.task.clone() };
    let (later, now) = ("skipped; `run` goes on with what waits for it", "skipped");
    steer::<method::TaskSkip>(arguments.execution.as_deref(), params, |_| input, later, now)
}

/// `answer`.
///
/// # Errors
/// The task has not asked anything.
pub fn answer(arguments: &ToTask) -> Outcome {
    say_to::<method::TaskAnswer>(
        arguments,
        Input::Answer,
        "answered; `run` goes on with it",
        "answered: it goes on",
    )
}

/// `steer`.
///
/// # Errors
/// No agent is at work on the task, or it can't be told anything.
pub fn told(arguments: &ToTask) -> Outcome {
    let now = "said; `status` and `events` tell when its agent has got it";
    say_to::<method::TaskSteer>(arguments, Input::Steer, now, now)
}

fn say_to<M: Method<Params = SayParams, Result = Steered>>(
    arguments: &ToTask,
    input: fn(TaskId, Decider, String) -> Input,
    later: &str,
    now: &str,
) -> Outcome {
    let (task, text) = (TaskId::from(arguments.task.as_str()), arguments.text.join(" "));
    let by = who(arguments.by.as_deref());
    let from = decider_here(Frontend::Terminal, &by)?;
    let frontend = Some(from.frontend);
    let params = |execution| SayParams {
        execution,
        task: arguments.task.clone(),
        text: text.clone(),
        by: Some(by),
        frontend,
    };
    steer::<M>(
        arguments.execution.as_deref(),
        params,
        |_| input(task, from, text.clone()),
        later,
        now,
    )
}

fn who(by: Option<&str>) -> String {
    let user = || std::env::var_os("USER").map(|user| user.to_string_lossy().into_owned());
    by.map(str::to_owned).or_else(user).unwrap_or_else(|| "somebody".into())
}

/// `approve` and `reject`.
///
/// # Errors
/// The gate is not a person's to decide.
pub fn decide(arguments: &OfGate, approved: bool) -> Outcome {
    let by = who(arguments.by.as_deref());
    let gate = GateId::from(arguments.gate.as_str());
    let execution = arguments.execution.as_deref();
    let from = decider_here(Frontend::Terminal, &by)?;
    let params = |execution| GateParams {
        execution,
        gate: arguments.gate.clone(),
        by: Some(by.clone()),
        reason: arguments.reason.clone(),
        frontend: Some(from.frontend),
    };
    if approved {
        let input = Input::Approve(gate, from.clone(), arguments.reason.clone());
        steer::<method::GateApprove>(
            execution,
            params,
            |_| input,
            "approved; `run` goes on",
            "approved",
        )
    } else {
        let input = Input::Reject(gate, from.clone(), arguments.reason.clone());
        steer::<method::GateReject>(execution, params, |_| input, "rejected", "rejected")
    }
}

/// Says `now` where a process is at work on the execution, and `later` where the next one will be.
fn steer<M: Method<Result = Steered>>(
    execution: Option<&str>,
    params: impl FnOnce(Option<String>) -> M::Params,
    input: impl FnOnce(&State) -> Input,
    later: &str,
    now: &str,
) -> Outcome {
    never_calls_itself()?;
    let dir = find(&root_here()?, execution)?;
    let name = dir.id();
    let params = serde_json::to_value(params(Some(name.clone())))
        .map_err(|error| Failure::internal(error.to_string()))?;
    if remote::call::<M>(&Address::of_execution(&dir), &params)?.is_some() {
        say(format_args!("{name}: {now}"));
    } else {
        let state = read(&dir)?.1;
        let input = input(&state);
        if input == Input::Resume && !state.paused && state.ended.is_none() {
            let run = format!(
                "{name} is not paused, but no process is at work on it: `execution-coordinator run {}` takes it up",
                state.breakdown
            );
            return Err(Failure::new(FailureKind::Refused, run));
        }
        note(&dir, input)?;
        say(format_args!("{name}: {later}"));
    }
    Ok(Exit::Complete)
}
