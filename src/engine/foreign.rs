//! Executions whose journal somebody else changed or removed while their owner was at work: an attempt without a sandbox can,
//! by intent or by `git clean -fdx`. Where the owner had got to is kept where no workspace can write, so that the next run
//! neither goes on from what somebody made of it nor does everything again.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge that keeps what is to be known of journals"
)]

use crate::failure::Failure;
use crate::journal::Journal;
use crate::process::write_kept;
use crate::workspace::{make_private, trust::user_file};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// One of them.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Stopped {
    root: PathBuf,
    breakdown: String,
    /// Up to where its owner had written.
    at: (u64, u32),
}

/// Keeps in mind that the execution of a breakdown was stopped so. Those of standard input are never gone on with.
pub fn stopped(root: &Path, breakdown: &str, journal: &Journal) {
    if breakdown == "-" {
        return;
    }
    let mut all = others(root, breakdown);
    all.push(Stopped { root: own(root), breakdown: breakdown.to_owned(), at: journal.position() });
    keep(&all);
}

fn own(root: &Path) -> PathBuf {
    root.canonicalize().unwrap_or_else(|_| root.to_owned())
}

/// It is started over: what it was is of no matter any more.
pub fn forget(root: &Path, breakdown: &str) {
    let (all, others) = (all(), others(root, breakdown));
    if others != all {
        keep(&others);
    }
}

/// Whether an execution can be gone on with: it was not stopped so, or its journal is again what its owner has written. No
/// journal is none that was put back.
///
/// # Errors
/// It can't: a sentence.
pub fn may_go_on(root: &Path, breakdown: &str, journal: Option<&Journal>) -> Result<(), Failure> {
    let root = &own(root);
    let Some(stopped) =
        all().into_iter().find(|known| known.root == *root && known.breakdown == breakdown)
    else {
        return Ok(());
    };
    if journal.is_some_and(|journal| journal.position() == stopped.at) {
        forget(root, breakdown);
        return Ok(());
    }
    Err(Failure::unusable(format!(
        "{breakdown}: its execution was stopped because somebody else changed or removed its journal, and nobody knows what is done: put that back from a copy, or look at what is there and start over with `run --fresh`"
    )))
}

fn all() -> Vec<Stopped> {
    let text = user_file("stopped")
        .and_then(|file| std::fs::read_to_string(file).ok())
        .unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn others(root: &Path, breakdown: &str) -> Vec<Stopped> {
    let root = &own(root);
    all().into_iter().filter(|known| known.root != *root || known.breakdown != breakdown).collect()
}

fn keep(all: &[Stopped]) {
    let Some(file) = user_file("stopped") else { return };
    let text: String =
        all.iter().filter_map(|known| Some(serde_json::to_string(known).ok()? + "\n")).collect();
    // Where it can't be kept, the sentence with which the run ends is all that there is.
    drop(file.parent().map(make_private));
    drop(write_kept(&file, text.as_bytes()));
}
