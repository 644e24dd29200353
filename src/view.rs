//! What readers see: one consistent snapshot, and a concurrent map of what is live beside it.
//!
//! A map that is read while it is written can mix two moments, so whatever is an event comes from
//! the snapshot; the map has what is none: the last lines that open orders printed. Nothing
//! decides from here: it can be dropped and made again from the journal at any time.

use crate::core::event::{Event, Recorded};
use crate::core::id::OrderId;
use crate::core::state::State;
use dashmap::DashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// What readers see.
#[derive(Default)]
pub struct View {
    snapshot: RwLock<Arc<State>>,
    /// The last line that an open order printed.
    pub tails: DashMap<OrderId, String>,
}

impl View {
    /// The execution as it was after the last batch.
    pub fn snapshot(&self) -> Arc<State> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows a batch.
    pub fn publish(&self, state: &State, batch: &[Recorded]) {
        let shared = Arc::new(state.clone());
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = shared;
        for recorded in batch {
            if let Event::Ended { order, .. } = &recorded.event {
                self.tails.remove(order);
            }
        }
    }

    /// A line that an order printed, without what could steer a terminal.
    pub fn printed(&self, order: OrderId, line: &str) {
        self.tails.insert(order, plain(line).chars().take(200).collect());
    }
}

/// A line that a process printed, without what steers a terminal: colours, titles, movements.
pub fn plain(line: &str) -> String {
    crate::escape::line(&anstream::adapter::strip_str(line).to_string())
}
