//! What the evidence for a task rests on: the tests that were seen red, the files that decide how its gates judge, and the
//! files that were changed. Whoever does the task may change the first two, so that is told to somebody; and where nothing
//! was changed that can be committed, it is asked about.

use super::id::{OrderId, TaskId};
use super::outcome::{AgentOutcome, MOST_FILES};
use super::policy::GatePolicy;
use super::state::{GateState, Judged, Phase, State, TaskState};
use std::collections::{BTreeMap, BTreeSet};

/// Files that are named in a reason.
const NAMED: usize = 5;

/// The tests by which a task was seen red, as far as its runner names them: each must be seen to pass later.
pub fn red_tests(state: &State, task: &TaskId) -> BTreeSet<String> {
    let Some(known) = state.task_state(task).filter(|known| known.red_seen) else {
        return BTreeSet::new();
    };
    let Some(red) = known.red.as_ref().filter(|red| red.measures.flaky.is_empty()) else {
        return BTreeSet::new();
    };
    let gate = state.policy.tests_gate().and_then(|gate| known.baseline.get(&gate.name));
    let failed_before =
        |test: &&String| gate.is_some_and(|before| before.measures.failed_tests.contains(test));
    red.measures.failed_tests.iter().filter(|test| !failed_before(test)).cloned().collect()
}

/// Whether the tests by which a task was seen red are not known by name, or were not when they passed: then exit code
/// and counts have decided.
pub fn is_unnamed(state: &State, known: &TaskState) -> bool {
    let green = state.policy.tests_gate().and_then(|gate| known.gates.get(&gate.name));
    known.red_seen
        && green
            .is_some_and(|green| green.measures.green == 0 && green.measures.not_green.is_empty())
}

/// Files of the tests that were seen red and that the implementation has changed since.
pub fn tests_changed(known: &TaskState) -> Vec<String> {
    let changed = known.tests_files.iter().filter(|file| has(&known.changed, file));
    changed.filter(|_| known.red_seen).cloned().collect()
}

/// Whether a file is among changed ones, of which not all are named where they are very many.
fn has(changed: &BTreeSet<String>, file: &str) -> bool {
    changed.contains(file) || changed.len() >= MOST_FILES
}

/// Whether work on a task has changed a file.
fn is_changed(known: &TaskState, file: &str) -> bool {
    has(&known.changed, file) || has(&known.tests_files, file)
}

/// Files by which gates judge (their programs, settings of test runners) and that work on the task has changed or brought.
pub fn gate_files_changed(known: &TaskState) -> BTreeSet<String> {
    known
        .gates
        .iter()
        .flat_map(|(name, judged)| files_changed(known, name, judged))
        .map(|(file, _)| file.clone())
        .collect()
}

/// Those of one gate, each with whether it was there before the work.
fn files_changed<'a>(
    known: &'a TaskState,
    name: &str,
    judged: &'a Judged,
) -> impl Iterator<Item = (&'a String, bool)> {
    let before = known.baseline.get(name).map(|before| &before.measures.judged_by);
    differing(before, &judged.measures.judged_by).filter(|(file, _)| is_changed(known, file))
}

/// The files in which what a gate judges by differs, each with whether it was there before.
fn differing<'a>(
    before: Option<&'a Digests>,
    after: &'a Digests,
) -> impl Iterator<Item = (&'a String, bool)> {
    let old = move |file: &String| before.and_then(|before| before.get(file));
    let gone = before
        .into_iter()
        .flatten()
        .map(|(file, _)| file)
        .filter(|file| !after.contains_key(*file));
    after
        .keys()
        .chain(gone)
        .filter(move |file| old(file) != after.get(*file))
        .map(move |file| (file, old(file).is_some()))
}

/// Files by which a gate of the whole judges and that work on any task has changed, each with whether it was there when
/// the execution began.
fn whole_files_changed<'a>(
    state: &'a State,
    known: &'a GateState,
) -> impl Iterator<Item = (&'a String, bool)> {
    let began = |name: &str| {
        state.policy.gates.iter().find(|gate| gate.name == name).map(|gate| &gate.judged_by)
    };
    let of_check = move |(name, judged): (&String, &'a Judged)| {
        differing(began(name).filter(|began| !began.is_empty()), &judged.measures.judged_by)
    };
    known
        .results
        .iter()
        .flat_map(of_check)
        .filter(|(file, _)| state.tasks.iter().any(|known| is_changed(known, file)))
}

/// Those of all gates of the whole that were judged.
pub fn all_whole_files_changed(state: &State) -> BTreeSet<String> {
    state
        .gate_states
        .iter()
        .flat_map(|known| whole_files_changed(state, known))
        .map(|(file, _)| file.clone())
        .collect()
}

/// Why somebody has to approve a gate of the whole besides its config; none where nobody has to.
pub(super) fn whole_approval_asked(state: &State, known: &GateState) -> Option<String> {
    let changed = whole_files_changed(state, known).filter(|_| !state.is_final_review_asked());
    other_judges(changed.collect(), "the work")
}

/// Why files by which a gate judges, and that were there before, are for a person to look at.
fn other_judges(changed: Vec<(&String, bool)>, work: &str) -> Option<String> {
    let old: Vec<&str> =
        changed.iter().filter(|(_, is_old)| *is_old).map(|(file, _)| file.as_str()).collect();
    let more = if old.len() > NAMED { ", …" } else { "" };
    let named = old.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    (!old.is_empty()).then(|| {
        format!("{work} changed {named}{more}, by which this gate judges, and nobody reviews it")
    })
}

/// Files with their digests.
type Digests = BTreeMap<String, String>;

/// Why a gate asks for an approval by its config.
pub const ASKED: &str = "it asks for a person's approval";

/// Why somebody has to approve a gate of a task; none where nobody has to.
pub fn approval_asked(state: &State, ix: usize, gate: &GatePolicy) -> Option<String> {
    if gate.approval {
        return Some(ASKED.into());
    }
    let known = &state.tasks[ix];
    let judged =
        known.gates.get(&gate.name).filter(|_| state.allocation[ix].reviewers.is_empty())?;
    other_judges(files_changed(known, &gate.name, judged).collect(), "the work on it")
}

/// Who finds that an attempt has changed nothing that can be committed: a name that no agent has.
pub const CHANGES: &str = "(changes)";

/// What is missing in what an attempt has changed, which says that it is complete; nothing where all is well. An answer that
/// accounts for it is taken the second time, by an agent that was told what is missing. What was not measured is not asked
/// about, nor an attempt that found work of an earlier one.
pub fn missing(known: &TaskState, outcome: &AgentOutcome) -> Option<String> {
    if outcome.accounted.is_none() || known.has_leftovers {
        return None;
    }
    if was_told(known) && (outcome.accounted == Some(true) || !outcome.files.is_empty()) {
        return None;
    }
    let named = outcome.ignored.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = if outcome.ignored.len() > NAMED { ", …" } else { "" };
    match (outcome.ignored.is_empty(), outcome.files.is_empty()) {
        (true, false) => None,
        (true, true) => Some("no file was changed".into()),
        (false, true) => Some(format!(
            "no file was changed but those that git ignores, which are in no commit: {named}{more}"
        )),
        (false, false) => {
            Some(format!("git ignores files of it, which are in no commit: {named}{more}"))
        }
    }
}

/// Whether a task's agent was told what is missing before this attempt.
pub fn was_told(known: &TaskState) -> bool {
    known.findings.iter().any(|finding| finding.by == CHANGES)
}

/// Whether a task is done without a change, because its agent says that none was needed.
pub fn is_unchanged(known: &TaskState) -> bool {
    let (changed, tests) = (&known.changed, &known.tests_files);
    known.phase == Phase::Done
        && changed.is_empty()
        && tests.is_empty()
        && known
            .result
            .as_ref()
            .is_some_and(|(_, result)| result.accounted == Some(true) && result.ignored.is_empty())
}

/// The files of a task that git ignores, so that its result does not have them.
pub fn ignored_files(known: &TaskState) -> &[String] {
    known.result.as_ref().map_or(&[], |(_, result)| &result.ignored)
}

/// Whether a task's worktree stays when its work is part of the result, because it has files that are nowhere else.
pub fn keeps_worktree(known: &TaskState) -> bool {
    known.worktree.is_some() && !ignored_files(known).is_empty()
}

/// The orders that made the worktrees that stay so.
pub fn kept_worktrees(state: &State) -> BTreeSet<OrderId> {
    let kept = state.tasks.iter().filter(|known| keeps_worktree(known));
    kept.filter_map(|known| known.worktree.as_ref()).map(|place| place.order).collect()
}
