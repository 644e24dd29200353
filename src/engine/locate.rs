//! Executions of a workspace: where they are, and which one is meant.
#![expect(clippy::disallowed_methods, reason = "this is the edge that looks for executions")]

use super::listener::Address;
use crate::core::event::{Event, Recorded};
use crate::core::state::State;
use crate::failure::{Failure, FailureKind};
use crate::journal::lock::{Locked, try_lock};
use crate::journal::recover::recover;
use crate::workspace::STATE_FOLDER;
use crate::workspace::execution_dir::ExecutionDir;
use std::path::Path;
use std::time::Duration;

/// The folders of the executions of a workspace, in no order; also of those that are being made and
/// have no journal yet.
pub fn folders(root: &Path) -> Vec<ExecutionDir> {
    let Ok(entries) = std::fs::read_dir(root.join(STATE_FOLDER)) else { return Vec::new() };
    let folders = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    folders.map(ExecutionDir::new).collect()
}

/// The folders of the executions of a workspace, the latest last.
pub fn executions(root: &Path) -> Vec<ExecutionDir> {
    let mut all = folders(root);
    // One whose first event is just being written is not there yet.
    all.retain(|dir| dir.journal().metadata().is_ok_and(|meta| meta.is_file() && meta.len() > 0));
    all.sort_by_cached_key(|dir| (started_at(dir), dir.id()));
    all
}

/// The first event of a journal: when it began and what it is about.
pub fn opening(dir: &ExecutionDir) -> Option<(u64, String)> {
    use std::io::BufRead;
    let file = std::fs::File::open(dir.journal()).ok()?;
    let mut line = String::new();
    std::io::BufReader::new(file).read_line(&mut line).ok()?;
    let first: Recorded = serde_json::from_str(&line).ok()?;
    match first.event {
        Event::Opened { breakdown, .. } => Some((first.at, breakdown)),
        _ => None,
    }
}

fn started_at(dir: &ExecutionDir) -> u64 {
    opening(dir).map_or(0, |(at, _)| at)
}

/// The execution that is meant: by its id or the start of it, or the latest one.
///
/// # Errors
/// There is none, or several begin so.
pub fn find(root: &Path, given: Option<&str>) -> Result<ExecutionDir, Failure> {
    let state = root.join(STATE_FOLDER);
    if let Err(error) = std::fs::read_dir(&state)
        && error.kind() == std::io::ErrorKind::PermissionDenied
    {
        return Err(Failure::unusable(format!(
            "{}: {error}: it belongs to another user",
            state.display()
        )));
    }
    let all = executions(root);
    let Some(latest) = all.last() else {
        return Err(Failure::not_found(format!(
            "there is no execution in {}: `execution-coordinator run BREAKDOWN` starts one",
            root.display()
        )));
    };
    let Some(given) = given else { return Ok(latest.clone()) };
    let matching: Vec<&ExecutionDir> =
        all.iter().filter(|dir| dir.id() == given || dir.id().starts_with(given)).collect();
    match matching[..] {
        [one] => Ok(one.clone()),
        [] => Err(Failure::not_found(format!(
            "there is no execution `{given}`: `execution-coordinator list` shows them"
        ))),
        [..] => Err(Failure::usage(format!(
            "several executions begin with `{given}`: {}",
            matching.iter().map(|dir| dir.id()).collect::<Vec<_>>().join(", ")
        ))),
    }
}

/// The events of an execution and what they add up to, without becoming its owner.
///
/// # Errors
/// The journal can't be read.
pub fn read(dir: &ExecutionDir) -> Result<(Vec<Recorded>, State), Failure> {
    let recovered =
        recover(&dir.journal()).map_err(|refusal| Failure::unusable(refusal.to_string()))?;
    let mut state = State::default();
    for event in &recovered.events {
        state.apply(event);
    }
    Ok((recovered.events, state))
}

/// Whether a process, as a lock names it, has ended. Unknown where there is no `/proc`.
fn is_gone(who: &str) -> bool {
    let Some(pid) = who.strip_prefix("process ") else { return false };
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => {
            stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X']))
        }
        Err(_) => Path::new("/proc/self").exists(),
    }
}

/// Becomes the owner of an execution.
///
/// # Errors
/// Another process is.
pub fn own(dir: &ExecutionDir) -> Result<crate::journal::lock::Lock, Failure> {
    // An owner that was killed a moment ago holds its lock until the kernel has cleared it away,
    // and who looks whether there is an owner holds it for an instant.
    let mut locked = try_lock(&dir.lock());
    for turn in 0..100 {
        match &locked {
            Ok(Locked::Theirs(who)) if turn < 5 || is_gone(who) => {
                std::thread::sleep(Duration::from_millis(20))
            }
            _ => break,
        }
        locked = try_lock(&dir.lock());
    }
    let is_listening =
        std::os::unix::net::UnixStream::connect(Address::of_execution(dir).socket).is_ok();
    match locked {
        Ok(Locked::Ours(lock)) => Ok(lock),
        Ok(Locked::Theirs(who)) => Err(Failure::new(
            FailureKind::Owned,
            format!(
                "{} is owned by {who}: {}or stop it with Ctrl-C there (its state is kept)",
                dir.id(),
                // Where its file system has no sockets, or it is just coming or going, nobody reaches it.
                if is_listening {
                    "`pause`, `cancel` and the others reach it; "
                } else {
                    "it can't be reached from here: try again in a moment, "
                }
            ),
        )),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(Failure::unusable(format!(
                "{}: {error}: it belongs to another user, or is not writable",
                dir.lock().display()
            )))
        }
        Err(error) => Err(Failure::unusable(format!(
            "{}: can't be locked: {error}: keep the workspace on a file system that has locks",
            dir.lock().display()
        ))),
    }
}
