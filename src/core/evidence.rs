//! What the evidence for a task rests on: the tests that were seen red, and the files that decide how its gates judge.
//! Whoever does the task may change both, so that is told to somebody.

use super::id::TaskId;
use super::policy::GatePolicy;
use super::state::{Judged, State, TaskState};
use std::collections::BTreeSet;

/// Files that are named in a reason.
const NAMED: usize = 5;

/// The tests by which a task was seen red, as far as its runner names them: each must be seen to pass later.
pub fn red_tests(state: &State, task: &TaskId) -> BTreeSet<String> {
    let Some(known) = state.task_state(task).filter(|known| known.red_seen) else { return BTreeSet::new() };
    let Some(red) = known.red.as_ref().filter(|red| red.measures.flaky.is_empty()) else { return BTreeSet::new() };
    let gate = state.policy.tests_gate().and_then(|gate| known.baseline.get(&gate.name));
    let failed_before = |test: &&String| gate.is_some_and(|before| before.measures.failed_tests.contains(test));
    red.measures.failed_tests.iter().filter(|test| !failed_before(test)).cloned().collect()
}

/// Whether the tests by which a task was seen red are not known by name, or were not when they passed: then exit code
/// and counts have decided.
pub fn is_unnamed(state: &State, known: &TaskState) -> bool {
    let green = state.policy.tests_gate().and_then(|gate| known.gates.get(&gate.name));
    known.red_seen && green.is_some_and(|green| green.measures.green == 0 && green.measures.not_green.is_empty())
}

/// Files of the tests that were seen red and that the implementation has changed since.
pub fn tests_changed(known: &TaskState) -> Vec<String> {
    if known.red_seen { known.tests_files.intersection(&known.changed).cloned().collect() } else { Vec::new() }
}

/// Files by which gates judge (their programs, settings of test runners) and that work on the task has changed or brought.
pub fn gate_files_changed(known: &TaskState) -> BTreeSet<String> {
    known.gates.iter().flat_map(|(name, judged)| files_changed(known, name, judged)).map(|(file, _)| file.clone()).collect()
}

/// Those of one gate, each with whether it was there before the work.
fn files_changed<'a>(known: &'a TaskState, name: &str, judged: &'a Judged) -> impl Iterator<Item = (&'a String, bool)> {
    let before = known.baseline.get(name).map(|before| &before.measures.judged_by);
    judged.measures.judged_by.iter().filter_map(move |(file, digest)| {
        let old = before.and_then(|before| before.get(file));
        let is_changed = known.changed.contains(file) || known.tests_files.contains(file);
        (is_changed && old != Some(digest)).then_some((file, old.is_some()))
    })
}

/// Why a gate asks for an approval by its config.
pub const ASKED: &str = "it asks for a person's approval";

/// Why somebody has to approve a gate of a task; none where nobody has to.
pub fn approval_asked(state: &State, ix: usize, gate: &GatePolicy) -> Option<String> {
    if gate.approval {
        return Some(ASKED.into());
    }
    let known = &state.tasks[ix];
    let judged = known.gates.get(&gate.name).filter(|_| state.allocation[ix].reviewers.is_empty())?;
    let old: Vec<&str> = files_changed(known, &gate.name, judged).filter(|(_, is_old)| *is_old).map(|(file, _)| file.as_str()).collect();
    let more = if old.len() > NAMED { ", …" } else { "" };
    let named = old.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    (!old.is_empty()).then(|| format!("the work on it changed {named}{more}, by which this gate judges, and nobody reviews it"))
}
