//! What becomes of a gate of a stream, the system or the deployment.

use crate::core::id::{GateId, OrderId};
use crate::core::state::{Decision, GatePhase, GateState, State};
use std::sync::Arc;

impl State {
    pub(super) fn gate_passed(&mut self, id: &GateId) {
        self.set_gate(id, GatePhase::Passed);
        if let Some(ix) = self.graph.gate(id) {
            self.due_gates.remove(&ix);
            self.completed(self.graph.gate_node(ix));
        }
    }

    pub(super) fn gate_failed(&mut self, id: &GateId, reason: &str) {
        self.set_gate(id, GatePhase::Failed(reason.to_owned()));
        self.rebuild();
    }

    pub(super) fn gate_open(&mut self, id: &GateId, reason: &str) {
        self.set_gate(id, GatePhase::Open(reason.to_owned()));
        self.rebuild();
    }

    pub(super) fn gate_reset(&mut self, id: &GateId) {
        if let Some(ix) = self.graph.gate(id) {
            self.gate_states[ix] = Arc::new(self.gate_states[ix].reset(self.last_order));
        }
        // What was decided was decided about something else.
        self.decisions.remove(id);
        self.rebuild();
    }

    pub(super) fn gate_decided(&mut self, id: &GateId, approved: bool, by: &str, reason: &str) {
        let attempts = self.orders.iter().filter(|(_, open)| open.work.is_attempt());
        let decision = Decision {
            after: OrderId(self.last_order),
            open: attempts.map(|(order, _)| *order).collect(),
            approved,
            by: by.to_owned(),
            reason: reason.to_owned(),
        };
        self.decisions.insert(id.clone(), decision);
        if let Some(ix) = self.graph.gate(id) {
            Arc::make_mut(&mut self.gate_states[ix]).phase = GatePhase::Pending;
            self.rebuild();
        }
    }

    fn set_gate(&mut self, id: &GateId, phase: GatePhase) {
        if let Some(ix) = self.graph.gate(id) {
            let gate = Arc::make_mut(&mut self.gate_states[ix]);
            gate.phase = phase;
            gate.judged_at_change =
                gate.results.values().map(|judged| judged.changes).min().unwrap_or(self.changes);
        }
    }
}

impl GateState {
    /// To be evaluated again; what is being measured just now will not count.
    pub(super) fn reset(&self, last_order: u64) -> Self {
        Self { open: self.open.clone(), reset_at: OrderId(last_order), ..Self::default() }
    }
}
