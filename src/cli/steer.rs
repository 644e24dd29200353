//! Commands that steer: they take the lock, write their input and leave. The next `run` goes on.

use super::{Exit, Outcome, root_here};
use crate::core::id::{GateId, TaskId};
use crate::core::input::Input;
use crate::core::state::State;
use crate::engine::execution::note;
use crate::engine::locate::{find, name_of, read};

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

/// `pause` and `resume`.
///
/// # Errors
/// Another process owns the execution, or it makes no sense now.
pub fn plain(arguments: &Plain, input: Input, done: &str) -> Outcome {
    steer(arguments.execution.as_deref(), |_| input, done)
}

/// `cancel`: what a former owner left open is closed first.
///
/// # Errors
/// Another process owns the execution, or it is cancelled already.
pub fn cancel(arguments: &Plain) -> Outcome {
    steer(arguments.execution.as_deref(), |_| Input::Cancel, "cancelled")
}

/// `retry`.
///
/// # Errors
/// Another process owns the execution, or there is nothing of that name to be tried again.
pub fn retry(arguments: &OfTask) -> Outcome {
    let of = |state: &State| Input::retry(state, &arguments.task);
    steer(arguments.execution.as_deref(), of, "it will be tried again by the next `run`")
}

/// `skip`.
///
/// # Errors
/// Another process owns the execution, or the task is done.
pub fn skip(arguments: &OfTask) -> Outcome {
    let input = Input::Skip(TaskId::from(arguments.task.as_str()));
    steer(arguments.execution.as_deref(), |_| input, "skipped; `run` goes on with what waits for it")
}

/// `approve` and `reject`.
///
/// # Errors
/// Another process owns the execution, or the gate is not a person's to decide.
pub fn decide(arguments: &OfGate, approved: bool) -> Outcome {
    let by = arguments.by.clone().or_else(|| std::env::var_os("USER").map(|user| user.to_string_lossy().into_owned()));
    let by = by.unwrap_or_else(|| "somebody".into());
    let gate = GateId::from(arguments.gate.as_str());
    let input = if approved { Input::Approve(gate, by) } else { Input::Reject(gate, by, arguments.reason.clone()) };
    steer(arguments.execution.as_deref(), |_| input, if approved { "approved; `run` goes on" } else { "rejected" })
}

fn steer(execution: Option<&str>, input: impl FnOnce(&State) -> Input, done: &str) -> Outcome {
    let folder = find(&root_here()?, execution)?;
    let input = input(&read(&folder)?.1);
    note(&folder, input)?;
    eprintln!("{}: {done}", name_of(&folder));
    Ok(Exit::Complete)
}
