//! Who decides about gates, as far as the system knows it: programs may say what they like of themselves.

use crate::core::decider::{Decider, Frontend};
use crate::failure::{Failure, FailureKind};
pub use crate::process::lineage::is_this_program;
use crate::process::lineage::{is_confined, lineage, terminal_of};
use crate::process::warden;

/// Who decides by a process. What claims to be typed is, where the process has a terminal.
///
/// # Errors
/// It is confined, as agents are: those decide nothing.
pub fn decider(pid: i32, claimed: Frontend, by: &str) -> Result<Decider, Failure> {
    if is_confined(pid) {
        return Err(Failure::new(
            FailureKind::Refused,
            "an agent that is confined decides about no gate: a person does",
        ));
    }
    let terminal = terminal_of(pid);
    let frontend = if claimed == Frontend::Terminal && terminal.is_none() {
        Frontend::Program
    } else {
        claimed
    };
    let attempts = warden::above(pid).unwrap_or_default();
    Ok(Decider {
        by: by.to_owned(),
        frontend,
        user: rustix::process::getuid().as_raw().to_string(),
        terminal,
        processes: lineage(pid),
        attempts: attempts.iter().map(|lock| lock.display().to_string()).collect(),
    })
}

/// The same of this process itself.
///
/// # Errors
/// It is confined.
pub fn decider_here(claimed: Frontend, by: &str) -> Result<Decider, Failure> {
    decider(std::process::id().cast_signed(), claimed, by)
}
