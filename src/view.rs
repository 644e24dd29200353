//! What readers see: one consistent snapshot, and concurrent maps of live things.
//!
//! A map that is read while it is written can mix two moments, so anything about the whole
//! execution comes from the snapshot; the maps are for one task or one order at a time. Nothing
//! decides from here: it can be dropped and made again from the journal at any time.

use crate::core::event::{Event, Recorded};
use crate::core::id::{OrderId, TaskId};
use crate::core::progress;
use crate::core::state::State;
use dashmap::DashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// What readers see.
#[derive(Default)]
pub struct View {
    snapshot: RwLock<Arc<State>>,
    /// One row a task.
    pub tasks: DashMap<TaskId, TaskRow>,
    /// The last line that an open order printed.
    pub tails: DashMap<OrderId, String>,
}

/// One task, for hints and lines of a display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRow {
    /// Its state in a word.
    pub word: &'static str,
    /// Since when, in milliseconds since the Unix epoch.
    pub since: u64,
    /// Its open orders.
    pub orders: Vec<OrderId>,
}

impl View {
    /// The execution as it was after the last batch.
    pub fn snapshot(&self) -> Arc<State> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows a batch: first the snapshot, then the rows of what it touched.
    pub fn publish(&self, state: &State, batch: &[Recorded]) {
        let shared = Arc::new(state.clone());
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = shared;
        for recorded in batch {
            match &recorded.event {
                Event::PlanAccepted { .. } => {
                    self.tasks.clear();
                    for task in &state.plan.tasks {
                        self.row(state, &task.id, recorded.at);
                    }
                }
                Event::Ordered { work, .. } => {
                    if let Some(task) = work.task() {
                        self.row(state, task, recorded.at);
                    }
                }
                Event::Ended { order, .. } => {
                    self.tails.remove(order);
                }
                Event::Marked { task, .. }
                | Event::Entered { task, .. }
                | Event::Postponed { task, .. }
                | Event::Rework { task, .. }
                | Event::TaskDone { task }
                | Event::TaskFailed { task, .. }
                | Event::TaskBlocked { task, .. }
                | Event::TaskSkipped { task }
                | Event::TaskRetried { task } => self.row(state, task, recorded.at),
                _ => {}
            }
        }
    }

    /// A line that an order printed, without what could steer a terminal.
    pub fn printed(&self, order: OrderId, line: &str) {
        self.tails.insert(order, line.chars().filter(|c| !c.is_control()).take(200).collect());
    }

    fn row(&self, state: &State, id: &TaskId, at: u64) {
        let Some(ix) = state.graph.task(id) else { return };
        let word = progress::word(state, ix);
        let since = self.tasks.get(id).filter(|row| row.word == word).map_or(at, |row| row.since);
        let row = TaskRow { word, since, orders: state.tasks[ix].open.iter().copied().collect() };
        self.tasks.insert(id.clone(), row);
    }
}
