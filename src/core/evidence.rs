//! What the evidence for a task rests on: the tests that were seen red, and the files that decide how its gates judge.
//! Whoever does the task may change both, so that is told to somebody.

use super::id::TaskId;
use super::policy::GatePolicy;
use super::state::{State, TaskState};
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

/// Files by which gates judge (their programs, settings of test runners) and that work on the task has changed: those
/// that were there before it, and those that were not.
pub fn gate_files_changed(known: &TaskState) -> (BTreeSet<String>, BTreeSet<String>) {
    let all = known.gates.iter().map(|(name, judged)| files_changed(known, name, judged));
    all.fold(Default::default(), |(mut old, mut new): (BTreeSet<_>, BTreeSet<_>), (more_old, more_new)| {
        old.extend(more_old);
        new.extend(more_new);
        (old, new)
    })
}

fn files_changed(known: &TaskState, name: &str, judged: &super::state::Judged) -> (BTreeSet<String>, BTreeSet<String>) {
    let before = known.baseline.get(name);
    let is_changed = |file: &String| known.changed.contains(file) || known.tests_files.contains(file);
    let changed = judged.measures.judged_by.iter().filter(|(file, _)| is_changed(file));
    let (old, new): (Vec<_>, Vec<_>) = changed
        .map(|(file, digest)| (file.clone(), before.and_then(|before| before.measures.judged_by.get(file)).map(|old| old == digest)))
        .filter(|(_, same)| *same != Some(true))
        .partition(|(_, same)| same.is_some());
    (old.into_iter().map(|(file, _)| file).collect(), new.into_iter().map(|(file, _)| file).collect())
}

/// Why somebody has to approve a gate of a task; none where nobody has to.
pub fn approval_asked(state: &State, ix: usize, gate: &GatePolicy) -> Option<String> {
    if gate.approval {
        return Some("it asks for a person's approval".into());
    }
    let known = &state.tasks[ix];
    let (old, _) = known
        .gates
        .get(&gate.name)
        .filter(|_| state.allocation[ix].reviewers.is_empty())
        .map(|judged| files_changed(known, &gate.name, judged))?;
    let named = old.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = if old.len() > NAMED { ", …" } else { "" };
    (!old.is_empty()).then(|| format!("the work on it changed {named}{more}, by which this gate judges, and nobody reviews it"))
}
