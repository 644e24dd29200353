//! The merge queue: what tasks have finished in worktrees of their own becomes the result, judged as it
//! is merged.
//!
//! Finished tasks are merged in the order in which they came. As many as wait are merged together
//! and judged by the gates of each; where that fails, half of them are tried, down to one, whose
//! failure is its own ("bisecting" in bors and Zuul). Only what passed becomes the result, so the
//! result passes at any moment.

use super::dispatch::has_room_for_gate;
use super::event::{Event, Purpose, Step, Work};
use super::id::TaskId;
use super::order::{blocker, may_help, order, rework, unevaluated};
use super::outcome::{Conflict, Finding, GateVerdict, RepositoryOutcome};
use super::state::{Batch, Judged, Merging, State, THE_BASE, TaskState};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many tasks are merged together at most.
const MOST: usize = 8;

/// The branch that has the result of an execution.
pub fn result_branch(execution: &str) -> String {
    format!("execution-coordinator/{execution}/result")
}

/// The branch of a place, in a folder of its own: so the agent can be given that and no other one.
pub fn worktree_branch(execution: &str, order: &str) -> String {
    format!("execution-coordinator/{execution}/{order}/work")
}

/// The next thing to do for what waits to be merged.
pub(super) fn next(state: &State, now_ms: u64) -> Vec<Event> {
    let running = state
        .orders
        .values()
        .any(|open| matches!(open.work, Work::Merge { .. } | Work::Land { .. }));
    if running {
        return Vec::new();
    }
    match state.merging.batch.as_ref().filter(|batch| stands(state, batch)) {
        Some(batch) => go_on(state, batch, now_ms),
        None => begin(state, now_ms),
    }
}

/// The user's new commits come first: what is done next is done with them. What keeps them out is said once.
pub(super) fn renew(state: &State, now_ms: u64) -> Option<Vec<Event>> {
    if let Some(why) = &state.merging.not_renewed
        && !state.escalations.iter().any(|known| known.about == THE_BASE)
    {
        let needed = "merge them into the branch of the result yourself, or begin again with them by `run --fresh`".into();
        return Some(vec![Event::Escalated {
            about: THE_BASE.into(),
            why: why.clone(),
            tried: String::new(),
            needed,
        }]);
    }
    let commit = state.merging.behind.clone()?;
    let is_busy = state.orders.values().any(|open| open.work.is_about_the_result());
    Some(if is_busy { Vec::new() } else { order(state, Work::Renew { commit }, now_ms) })
}

/// Whether all that a batch brings is still wanted as it was when it was merged.
fn stands(state: &State, batch: &Batch) -> bool {
    // What came after its order was given is not in it.
    let waits = |task: &TaskId| {
        waiting(state, task).is_some_and(|known| known.queued_at < batch.ordered_at)
    };
    let mut all =
        batch.tasks.iter().chain(batch.conflicts.iter().map(|conflict| &conflict.task)).peekable();
    all.peek().is_some() && all.all(waits)
}

/// A task that waits to be merged.
fn waiting<'a>(state: &'a State, task: &TaskId) -> Option<&'a TaskState> {
    state
        .task_state(task)
        .filter(|known| known.step() == Some(Step::Merging) && known.landed.is_none())
}

fn begin(state: &State, now_ms: u64) -> Vec<Event> {
    // What was merged before is not taken away under the gates that still judge it.
    if state
        .orders
        .values()
        .any(|open| matches!(open.work, Work::Gate { purpose: Purpose::Merged, .. }))
    {
        return Vec::new();
    }
    let waits = |&&ix: &&usize| {
        let known = &state.tasks[ix];
        known.step() == Some(Step::Merging)
            && known.landed.is_none()
            && known.open.is_empty()
            && known.not_before <= now_ms
    };
    let mut queue: Vec<usize> = state.active.iter().filter(waits).copied().collect();
    queue.sort_by_key(|&ix| state.tasks[ix].queued_at);
    let most = if state.merging.most == 0 { MOST } else { state.merging.most };
    let tasks: Vec<TaskId> =
        queue.into_iter().take(most).map(|ix| state.task(ix).id.clone()).collect();
    if tasks.is_empty() { Vec::new() } else { order(state, Work::Merge { tasks }, now_ms) }
}

fn go_on(state: &State, batch: &Batch, now_ms: u64) -> Vec<Event> {
    // Whose fault it is shows when fewer are merged at once.
    let several = batch.tasks.len() > 1;
    match (&batch.failed, batch.tasks.first()) {
        (Some(_), Some(_)) if several => return begin(state, now_ms),
        (Some(why), Some(task)) => {
            return unevaluated(
                state,
                task,
                true,
                format!("it could not be merged: {why}"),
                now_ms,
            );
        }
        _ => {}
    }
    if let Some(conflict) = batch.conflicts.first() {
        let findings = vec![finding(state, conflict)];
        // Each landing sends it back once at most, so this comes to an end.
        if state
            .task_state(&conflict.task)
            .is_some_and(|known| known.not_counted_at < state.merging.landings)
        {
            return vec![Event::Rework {
                task: conflict.task.clone(),
                step: Step::Implementing,
                findings,
                not_counted: true,
            }];
        }
        return rework(state, &conflict.task, Step::Implementing, findings);
    }
    let Some(commit) = &batch.commit else { return begin(state, now_ms) };
    let open = |task: &TaskId, check: &str| {
        let is = |work: &Work| matches!(work, Work::Gate { task: Some(of), check: by, purpose: Purpose::Merged, .. } if of == task && by == check);
        state.orders.values().any(|open| is(&open.work))
    };
    let missing: Vec<(TaskId, String)> =
        checks(state, batch).filter(|key| !batch.gates.contains_key(key)).collect();
    if !missing.is_empty() {
        let room = has_room_for_gate(state);
        return match missing.into_iter().find(|(task, check)| room && !open(task, check)) {
            Some((task, check)) => order(
                state,
                Work::Gate { check, gate: None, task: Some(task), purpose: Purpose::Merged },
                now_ms,
            ),
            None => Vec::new(),
        };
    }
    let bad = batch.gates.iter().find(|(_, judged)| judged.verdict != GateVerdict::Passed);
    if let Some(((task, check), judged)) = bad {
        if several {
            return begin(state, now_ms);
        }
        let why = format!(
            "gate `{check}` as merged with what others finished: {} (output of {})",
            judged.reason, judged.order
        );
        return match judged.verdict {
            GateVerdict::Failed => {
                rework(state, task, Step::Implementing, vec![blocker("merge queue", &why)])
            }
            _ => unevaluated(state, task, may_help(&judged.measures.ending), why, now_ms),
        };
    }
    // The result does not change under a gate or a review that looks at it.
    let looked_at = state.orders.values().any(|open| {
        matches!(open.work, Work::Gate { gate: Some(_), .. } | Work::Review { task: None, .. })
    });
    if looked_at {
        return Vec::new();
    }
    order(state, Work::Land { tasks: batch.tasks.clone(), commit: commit.clone() }, now_ms)
}

/// What judges a batch: the gates of each of its tasks.
fn checks<'a>(state: &'a State, batch: &'a Batch) -> impl Iterator<Item = (TaskId, String)> + 'a {
    let of = |task: &'a TaskId| {
        let ix = state.graph.task(task);
        ix.into_iter()
            .flat_map(|ix| state.task_checks(ix))
            .map(move |gate| (task.clone(), gate.name.clone()))
    };
    batch.tasks.iter().flat_map(of)
}

/// What its author is told of a conflict.
fn finding(state: &State, conflict: &Conflict) -> Finding {
    let others = |file: &String| {
        let by = |(ix, known): (usize, &Arc<TaskState>)| {
            let (_, result) = known.result.as_ref().filter(|_| known.landed.is_some())?;
            result
                .files
                .contains(file)
                .then(|| format!("task {} ({})", state.task(ix).id, state.task(ix).title))
        };
        let by: Vec<String> = state.tasks.iter().enumerate().filter_map(by).collect();
        if by.is_empty() {
            format!("`{file}`")
        } else {
            format!("`{file}`, which {} changed too", by.join(" and "))
        }
    };
    let files: Vec<String> = conflict.files.iter().map(others).collect();
    blocker(
        "merge queue",
        &format!(
            "your work does not fit with what was merged meanwhile: {}. Both sides stand in the files: keep what both are for",
            files.join("; ")
        ),
    )
}

impl Merging {
    /// Whether the result, as far as there is one, is in the user's own checkout.
    pub fn is_delivered(&self) -> bool {
        self.head.is_none()
            || matches!(&self.delivered, Some((commit, None)) if self.head.as_ref() == Some(commit))
    }

    /// Whether a task's work is being merged now.
    pub fn is_merging(&self, task: &TaskId) -> bool {
        self.batch.as_ref().is_some_and(|batch| batch.tasks.contains(task))
    }

    /// The user's own branch has other commits.
    pub(super) fn base_moved(&mut self, commit: &str, rewritten: bool) {
        let why = "they are not in the result: the commits that it began with were rewritten";
        self.not_renewed = rewritten.then(|| why.to_owned());
        self.behind = (!rewritten).then(|| commit.to_owned());
    }

    /// An order was given.
    pub(super) fn ordered(&mut self, seq: u64, work: &Work) {
        if let Work::Merge { tasks } = work {
            self.batch = Some(Batch { tasks: tasks.clone(), ordered_at: seq, ..Batch::default() });
        }
    }

    /// One of the gates of what was merged was measured.
    pub(super) fn judged(&mut self, task: &TaskId, check: &str, judged: Judged) {
        let Some(batch) = &mut self.batch else { return };
        if judged.verdict != GateVerdict::Passed && batch.tasks.len() > 1 {
            self.most = batch.tasks.len() / 2;
        }
        batch.gates.insert((task.clone(), check.to_owned()), judged);
    }

    /// Tasks have other ids.
    pub(super) fn rename(&mut self, names: &BTreeMap<TaskId, TaskId>) {
        let Some(batch) = &mut self.batch else { return };
        let to = |id: &TaskId| names.get(id).unwrap_or(id).clone();
        batch
            .tasks
            .iter_mut()
            .chain(batch.conflicts.iter_mut().map(|conflict| &mut conflict.task))
            .for_each(|task| *task = to(task));
        batch.gates = std::mem::take(&mut batch.gates)
            .into_iter()
            .map(|((task, check), judged)| ((to(&task), check), judged))
            .collect();
    }

    /// One of its orders ended. Gives whether the result is another now.
    pub(super) fn ended(&mut self, work: &Work, outcome: &RepositoryOutcome) -> bool {
        match (work, outcome) {
            (Work::Merge { .. }, RepositoryOutcome::Merged { tasks, conflicts, commit }) => {
                if let Some(batch) = &mut self.batch {
                    batch.tasks = tasks.clone();
                    batch.conflicts = conflicts.clone();
                    batch.commit = commit.clone();
                }
                false
            }
            (Work::Land { commit, .. }, RepositoryOutcome::Landed) => {
                self.head = Some(commit.clone());
                self.batch = None;
                self.landings += 1;
                self.most = (self.most * 2).min(MOST);
                true
            }
            (Work::Renew { commit: own }, RepositoryOutcome::Renewed { commit }) => {
                (self.behind, self.base) = (None, Some(own.clone()));
                // What was merged is not on top of it.
                self.batch = None;
                // Where nothing has landed there is still none of our own.
                if self.head.is_some() {
                    self.head = Some(commit.clone());
                    self.landings += 1;
                }
                true
            }
            (Work::Renew { .. }, RepositoryOutcome::Failed { why }) => {
                (self.behind, self.not_renewed) = (None, Some(why.clone()));
                false
            }
            (Work::Deliver { commit }, RepositoryOutcome::Delivered) => {
                self.delivered = Some((commit.clone(), None));
                false
            }
            (Work::Deliver { commit }, RepositoryOutcome::Failed { why }) => {
                self.delivered = Some((commit.clone(), Some(why.clone())));
                false
            }
            (_, RepositoryOutcome::Failed { why }) => {
                if let Some(batch) = &mut self.batch {
                    batch.failed = Some(why.clone());
                    if batch.tasks.len() > 1 {
                        self.most = batch.tasks.len() / 2;
                    }
                }
                false
            }
            _ => false,
        }
    }
}
