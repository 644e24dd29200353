//! What is asked of an execution that another process is at work on.

use super::method::{Method, Route};
use super::peer::{Caller, off_thread};
use super::remote;
use crate::engine::execution::Execution;
use crate::engine::listener::Address;
use crate::engine::start::{must_be_trusted, never_calls_itself};
use crate::failure::Failure;
use std::sync::Arc;

/// The execution that is meant, and what the process that owns it answers where that is not this
/// one.
pub(super) async fn forward<M: Method>(
    caller: &Caller,
    params: &M::Params,
) -> Result<(Arc<Execution>, Option<M::Result>), Failure> {
    let mut there = wire(params)?;
    let execution = at_handle(caller, there["execution"].as_str().map(str::to_owned)).await?;
    if execution.is_here() {
        return Ok((execution, None));
    }
    there["execution"] = execution.id.as_str().into();
    let by_daemon = M::TRAITS.route == Route::Daemon && caller.peer.client.is_outlived();
    let needs_trust = caller.peer.client.needs_trust();
    off_thread(move || {
        let owner = execution.owner().map(|_| Address::of_execution(&execution.dir));
        let mut answer = owner.map_or(Ok(None), |owner| remote::call::<M>(&owner, &there))?;
        if answer.is_none() && by_daemon {
            never_calls_itself()?;
            if needs_trust {
                must_be_trusted(execution.root())?;
            }
            answer = Some(remote::call_daemon::<M>(execution.root(), &there)?);
        }
        execution.refresh()?;
        Ok((execution, answer))
    })
    .await
}

pub(super) async fn at_handle(
    caller: &Caller,
    given: Option<String>,
) -> Result<Arc<Execution>, Failure> {
    let coordinator = caller.coordinator.clone();
    off_thread(move || coordinator.find(given.as_deref())).await
}

/// Parameters as another process reads them.
pub(super) fn wire(params: &impl serde::Serialize) -> Result<serde_json::Value, Failure> {
    serde_json::to_value(params).map_err(|error| Failure::internal(error.to_string()))
}
