//! What becomes of a task.

use crate::core::decider::Decider;
use crate::core::event::{Step, Work};
use crate::core::graph::OrderedWeight;
use crate::core::id::{OrderId, TaskId};
use crate::core::outcome::{AgentOutcome, Finding, GateVerdict, Severity};
use crate::core::state::{GivenOrder, Offer, OpenOrder, Phase, Said, State, TaskState};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

impl State {
    pub(super) fn with_task(&mut self, id: &TaskId, change: impl FnOnce(&mut TaskState)) {
        if let Some(ix) = self.graph.task(id) {
            change(Arc::make_mut(&mut self.tasks[ix]));
        }
    }

    pub(super) fn settle(&mut self, id: &TaskId, phase: Phase) {
        let Some(ix) = self.graph.task(id) else { return };
        let now = self.now;
        let task = Arc::make_mut(&mut self.tasks[ix]);
        task.phase = phase;
        task.ended_at = Some(now);
        task.postponed = None;
        let satisfied = task.satisfied();
        if satisfied {
            task.findings.clear();
            task.asked = None;
        }
        self.active.remove(&ix);
        self.ready.remove(&(Reverse(OrderedWeight(self.graph.rank(ix))), ix));
        if satisfied {
            self.completed(ix);
        }
    }

    pub(super) fn enter(&mut self, seq: u64, id: &TaskId, step: Step) {
        let Some(ix) = self.graph.task(id) else { return };
        let now = self.now;
        let task = Arc::make_mut(&mut self.tasks[ix]);
        if step == Step::Implementing
            && let Some(tests) = task.last.take()
        {
            task.tests_result.get_or_insert(tests);
        }
        if step == Step::ProvingRed {
            task.tests_result = task.last.take();
        }
        task.phase = Phase::Active(step);
        task.findings.clear();
        task.postponed = None;
        task.started_at.get_or_insert(now);
        task.last = None;
        task.tries = 0;
        task.not_before = 0;
        task.queued_at = seq;
        self.active.insert(ix);
        self.ready.remove(&(Reverse(OrderedWeight(self.graph.rank(ix))), ix));
    }

    pub(super) fn order(&mut self, id: OrderId, work: &Work, deadline: u64) {
        self.last_order = self.last_order.max(id.0);
        let at = self.now;
        let offer =
            work.agent().filter(|agent| self.policy.is_offered(agent)).map(|_| Offer::default());
        self.orders.insert(
            id,
            OpenOrder {
                work: work.clone(),
                at,
                deadline,
                changes: self.changes,
                stopping: false,
                offer,
            },
        );
        if let Some(agent) = work.agent() {
            *self.busy.entry(agent.clone()).or_default() += 1;
        }
        if let Work::Gate { gate: Some(gate), .. } = work
            && let Some(ix) = self.graph.gate(gate)
        {
            Arc::make_mut(&mut self.gate_states[ix]).open.insert(id);
        }
        if let Some(task) = work.task() {
            self.with_task(task, |task| {
                task.open.insert(id);
                let order = GivenOrder { order: id, work: work.clone(), at, reused_from: None };
                task.orders.push(order);
                task.postponed = None;
                match work {
                    Work::Tests { .. } => task.test_attempts += 1,
                    Work::Implementation { .. } => task.attempts += 1,
                    _ => {}
                }
            });
        }
    }

    /// A person's word on a task was about what it was then.
    pub(super) fn forget_approvals(&mut self, task: &TaskId) {
        self.decisions.retain(|gate, _| {
            gate.as_str().rsplit_once('@').is_none_or(|(_, id)| id != task.as_str())
        });
    }

    pub(super) fn rework(
        &mut self,
        id: &TaskId,
        step: Step,
        findings: &[Finding],
        not_counted: bool,
    ) {
        self.forget_approvals(id);
        let landings = self.merging.landings;
        self.with_task(id, |task| {
            task.phase = Phase::Active(step);
            task.findings = findings.to_vec();
            task.has_leftovers = false;
            task.postponed = None;
            task.rework += 1;
            if not_counted {
                task.not_counted_at = landings;
            } else {
                task.rework_round += 1;
            }
            task.tries = 0;
            task.not_before = 0;
            task.last = None;
            task.gates.clear();
            task.reviews.clear();
            if step == Step::WritingTests {
                task.red = None;
            }
        });
    }

    pub(super) fn postpone(
        &mut self,
        seq: u64,
        id: &TaskId,
        until: u64,
        not_counted: bool,
        why: &str,
    ) {
        self.with_task(id, |task| {
            task.not_before = until;
            task.postponed = Some(why.to_owned());
            task.tries += u32::from(!not_counted);
            task.last = None;
            task.worktree_failed = None;
            // It goes to the end of the queue.
            task.queued_at = seq;
            task.red = task.red.take().filter(|red| red.verdict != GateVerdict::NotEvaluated);
            task.gates.retain(|_, judged| judged.verdict != GateVerdict::NotEvaluated);
            task.reviews.retain(|_, (_, review)| review.verdict != GateVerdict::NotEvaluated);
        });
    }

    pub(super) fn block(&mut self, id: &TaskId, reason: &str) {
        self.with_task(id, |task| {
            let asks = task.last.as_ref().is_some_and(AgentOutcome::asks);
            task.asked = task.step().filter(|_| asks);
        });
        self.settle(id, Phase::Blocked(reason.to_owned()));
    }

    /// It is begun again from nothing, and what was ordered for it before is not yet over.
    pub(super) fn task_changed(&mut self, id: &TaskId) {
        self.with_task(id, |task| {
            *task = TaskState {
                open: std::mem::take(&mut task.open),
                orders: std::mem::take(&mut task.orders),
                attempts: task.attempts,
                test_attempts: task.test_attempts,
                ..TaskState::default()
            };
        });
        self.forget_approvals(id);
        self.rebuild();
    }

    pub(super) fn retry(&mut self, id: &TaskId) {
        let isolated = self.policy.isolated;
        self.ask_all_agents_again();
        self.with_task(id, |task| *task = task.begun_again(isolated));
        self.forget_approvals(id);
        self.rebuild();
    }

    pub(super) fn answered(&mut self, id: &TaskId, text: &str, from: &Decider) {
        self.with_task(id, |task| {
            let (Some(step), Phase::Blocked(asked)) = (task.asked.take(), &task.phase) else {
                return;
            };
            let text = format!("{asked}. The answer: {text}");
            task.findings.push(Finding {
                by: from.by.clone(),
                severity: Severity::Blocker,
                text,
                place: None,
            });
            task.phase = Phase::Active(step);
            (task.answered, task.last, task.tries, task.not_before) = (true, None, 0, 0);
        });
        self.rebuild();
    }

    pub(super) fn steered(&mut self, seq: u64, order: OrderId, text: &str, from: &Decider) {
        let task = self.orders.get(&order).and_then(|open| open.work.task()).cloned();
        let Some(task) = task else { return };
        let (by, text) = (from.by.clone(), text.to_owned());
        let said = Said { steered: seq, order, by, text, outcome: None };
        self.with_task(&task, |task| task.said.push(said));
    }

    pub(super) fn steer_ended(&mut self, steered: u64, why: Option<&str>) {
        let outcome = why.map_or(Ok(()), |why| Err(why.to_owned()));
        let was_said = |task: &&mut Arc<TaskState>| task.said.iter().any(|s| s.steered == steered);
        if let Some(task) = self.tasks.iter_mut().find(was_said) {
            let said = Arc::make_mut(task).said.iter_mut().filter(|said| said.steered == steered);
            said.for_each(|said| said.outcome = Some(outcome.clone()));
        }
    }
}

impl TaskState {
    /// What stays of it when a person has it tried again.
    fn begun_again(&mut self, isolated: bool) -> Self {
        use std::mem::take;
        let files = |files: &mut BTreeSet<String>, stay: bool| {
            if stay { take(files) } else { BTreeSet::new() }
        };
        // In a folder that all share, what was changed is all still there.
        Self {
            open: take(&mut self.open),
            orders: take(&mut self.orders),
            attempts: self.attempts,
            test_attempts: self.test_attempts,
            rework: self.rework,
            remarks: take(&mut self.remarks),
            spent: self.spent,
            outside: take(&mut self.outside),
            said: take(&mut self.said),
            consultations: take(&mut self.consultations),
            // Tests that were seen to fail before the work stay seen.
            baseline: take(&mut self.baseline),
            red: self.red.take().filter(|_| self.red_seen),
            red_seen: self.red_seen,
            tests_result: self.tests_result.take(),
            tests_commit: self.tests_commit.take().filter(|_| self.red_seen),
            tests_files: files(&mut self.tests_files, self.red_seen || !isolated),
            has_leftovers: !isolated && (self.has_leftovers || !self.changed.is_empty()),
            changed: files(&mut self.changed, !isolated),
            ..Self::default()
        }
    }
}
