//! A plan is taken up, and what follows from it: which tasks are ready or active, which gates are due.

use crate::core::allocation::allocate;
use crate::core::change;
use crate::core::graph::{Graph, NodeKind, OrderedWeight};
use crate::core::id::{GateId, TaskId};
use crate::core::plan::Plan;
use crate::core::policy::Gate;
use crate::core::state::{GatePhase, GateState, Phase, State, TaskState};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

impl State {
    pub(super) fn take_plan(&mut self, plan: Arc<Plan>) {
        let old_tasks: BTreeMap<TaskId, Arc<TaskState>> = self
            .plan
            .tasks
            .iter()
            .zip(&self.tasks)
            .map(|(task, state)| (task.id.clone(), state.clone()))
            .collect();
        let old_gates: BTreeMap<GateId, Arc<GateState>> = self
            .gates
            .iter()
            .zip(&self.gate_states)
            .map(|(gate, state)| (gate.id.clone(), state.clone()))
            .collect();
        self.gates = Arc::new(self.policy.gates_of(&plan));
        self.graph = Arc::new(Graph::new(&plan, &self.gates, &self.policy.weights));
        self.allocation = Arc::new(allocate(&plan, &self.policy));
        self.tasks = plan
            .tasks
            .iter()
            .map(|task| old_tasks.get(&task.id).cloned().unwrap_or_default())
            .collect();
        self.keep_former_orders(old_tasks);
        // A gate that closes other tasks than before must be judged again.
        let closes = |plan: &Plan, gate: &Gate| -> Vec<TaskId> {
            gate.streams
                .iter()
                .flat_map(|id| plan.tasks_of(id))
                .map(|task| task.id.clone())
                .collect()
        };
        let kept = |gate: &&Gate| {
            self.plan.tasks.is_empty() || closes(&self.plan, gate) == closes(&plan, gate)
        };
        let state = |gate: &Gate| match old_gates.get(&gate.id) {
            Some(known) if kept(&gate) => known.clone(),
            Some(known) => Arc::new(known.reset(self.last_order)),
            None => Arc::default(),
        };
        self.gate_states = self.gates.iter().map(state).collect();
        self.plan = plan;
        self.rebuild();
    }

    /// What was ordered for tasks that are gone is kept, and given back to those that come again.
    fn keep_former_orders(&mut self, old_tasks: BTreeMap<TaskId, Arc<TaskState>>) {
        for (id, task) in old_tasks {
            if self.graph.task(&id).is_none() && !task.orders.last.is_empty() {
                self.former_orders.insert(id, task.orders.clone());
            }
        }
        let again: Vec<TaskId> =
            self.former_orders.keys().filter(|id| self.graph.task(id).is_some()).cloned().collect();
        for id in again {
            let orders = self.former_orders.remove(&id).unwrap_or_default();
            self.with_task(&id, |task| task.orders = orders);
        }
    }

    /// Tasks have other ids: whatever is known of them goes with them.
    pub(super) fn rename(&mut self, names: &BTreeMap<TaskId, TaskId>) {
        let mut plan = (*self.plan).clone();
        change::rename(&mut plan, names);
        self.plan = Arc::new(plan);
        self.orders.values_mut().for_each(|order| order.work.rename(names));
        self.merging.rename(names);
        for task in self.tasks.iter_mut().filter(|task| !task.orders.last.is_empty()) {
            let orders = &mut Arc::make_mut(task).orders.last;
            orders.iter_mut().for_each(|given| given.work.rename(names));
        }
        let decisions = std::mem::take(&mut self.decisions).into_iter().map(|(gate, decision)| {
            let of_task = gate
                .as_str()
                .rsplit_once('@')
                .and_then(|(name, id)| Some((name, names.get(&TaskId::from(id))?)));
            (
                of_task.map(|(name, id)| GateId::from(format!("{name}@{id}"))).unwrap_or(gate),
                decision,
            )
        });
        self.decisions = decisions.collect();
        self.take_plan(self.plan.clone());
    }

    /// Works out again what can be derived: which tasks are ready, active, which gates are due.
    pub(super) fn rebuild(&mut self) {
        self.pending = self.graph.predecessors().to_vec();
        self.complete = vec![false; self.graph.len()];
        self.ready.clear();
        self.due_gates.clear();
        self.active = (0..self.tasks.len()).filter(|&ix| self.tasks[ix].step().is_some()).collect();
        // What is done satisfies what waits for it, even where it was done before its turn.
        for ix in 0..self.tasks.len() {
            if self.tasks[ix].satisfied() {
                self.completed(ix);
            }
        }
        for node in 0..self.graph.len() {
            if !self.complete[node] && self.graph.predecessors()[node] == 0 {
                self.arrive(node);
            }
        }
    }

    /// A node's predecessors are complete: go on from there.
    pub(super) fn arrive(&mut self, node: usize) {
        match self.graph.kind(node) {
            NodeKind::Task(ix) if self.tasks[ix].satisfied() => self.completed(node),
            NodeKind::Task(ix) => {
                if self.tasks[ix].phase == Phase::Waiting && self.plan.tasks[ix].broken.is_none() {
                    self.ready.insert((Reverse(OrderedWeight(self.graph.rank(ix))), ix));
                }
            }
            NodeKind::Gate(ix) if self.gate_states[ix].phase == GatePhase::Passed => {
                self.completed(node)
            }
            NodeKind::Gate(ix) => {
                if !self.gates[ix].streams.is_empty() {
                    self.due_gates.insert(ix);
                }
            }
            NodeKind::Stream | NodeKind::Barrier => self.completed(node),
        }
    }

    /// A node is complete: its successors may go on.
    pub(super) fn completed(&mut self, node: usize) {
        let nodes = self.graph.clone();
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            if std::mem::replace(&mut self.complete[node], true) {
                continue;
            }
            for &next in nodes.successors(node) {
                let next = next as usize;
                self.pending[next] = self.pending[next].saturating_sub(1);
                if self.pending[next] > 0 {
                    continue;
                }
                match nodes.kind(next) {
                    NodeKind::Stream | NodeKind::Barrier => stack.push(next),
                    NodeKind::Task(ix) if self.tasks[ix].satisfied() => stack.push(next),
                    NodeKind::Gate(ix) if self.gate_states[ix].phase == GatePhase::Passed => {
                        stack.push(next)
                    }
                    NodeKind::Task(_) | NodeKind::Gate(_) => self.arrive(next),
                }
            }
        }
    }
}
