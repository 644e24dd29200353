//! Reads only events and says which promise was broken.
//!
//! An oracle, written in another style than the core on purpose: flat books kept while reading,
//! nothing shared with `state`, `decide` or `advance` but the vocabulary (and who is in the
//! roster for a task, by `allocation`).

use super::allocation::{Allocation, allocate};
use super::event::{Event, Mark, Outcome, Purpose, Recorded, Status, Step, VERSION, Work};
use super::id::{AgentName, GateId, OrderId, TaskId};
use super::outcome::{Ending, GateVerdict, RepositoryOutcome, Verdict};
use super::plan::{Level, Node, Plan, TestsFirst};
use super::policy::{Gate, Policy};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A promise that a journal shows to be broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// At which event.
    pub seq: u64,
    /// Which promise, by a stable name.
    pub promise: &'static str,
    /// What happened.
    pub what: String,
}

/// Checks every promise over a whole journal, from its first event on.
pub fn audit<'a>(events: impl IntoIterator<Item = &'a Recorded>) -> Vec<Breach> {
    let mut books = Books::default();
    for recorded in events {
        books.read(recorded);
    }
    books.breaches
}

#[derive(Default)]
struct Books {
    breaches: Vec<Breach>,
    seq: u64,
    at: u64,
    plan: Arc<Plan>,
    policy: Arc<Policy>,
    allocation: Vec<Allocation>,
    gates: Vec<Gate>,
    index: BTreeMap<TaskId, usize>,
    open: BTreeMap<OrderId, Work>,
    highest_order: u64,
    tasks: BTreeMap<TaskId, Record>,
    gate_passed: BTreeSet<GateId>,
    gate_results: BTreeMap<(GateId, String), GateVerdict>,
    approvals: BTreeMap<GateId, bool>,
    /// The events by which people decided.
    decided: BTreeMap<GateId, u64>,
    final_reviews: BTreeMap<AgentName, bool>,
    outdated: BTreeSet<OrderId>,
    /// What is left to others, and was when it was ordered.
    offered: BTreeSet<OrderId>,
    /// Who took what.
    holders: BTreeMap<OrderId, String>,
    /// What was merged last, and into which commit.
    merged: Option<(Vec<TaskId>, Option<String>)>,
    /// What agents used.
    tokens: u64,
    /// How many merges have landed.
    landings: u64,
    /// What was merged last where some of it does not fit and nobody was told so yet.
    untold: Option<Vec<TaskId>>,
    /// What its gates said.
    merged_gates: BTreeMap<(TaskId, String), GateVerdict>,
    paused: bool,
    cancelled: bool,
    ended: bool,
}

/// What was seen of one task since it was last begun anew.
#[derive(Default)]
struct Record {
    finished: bool,
    failed: bool,
    active: bool,
    deferred: bool,
    worked_on: bool,
    implemented: bool,
    red: bool,
    red_before_work: bool,
    failed_before: BTreeSet<String>,
    base_failed: bool,
    gates: BTreeMap<String, GateVerdict>,
    reviews: BTreeMap<AgentName, bool>,
    rework: u32,
    tries: u32,
    placed: bool,
    landed: bool,
    forgiven_at: u64,
    short: bool,
    tokens: u64,
    /// The event by which the last complete implementation ended.
    done_by: u64,
}

impl Books {
    fn breach(&mut self, promise: &'static str, what: impl Into<String>) {
        self.breaches.push(Breach { seq: self.seq, promise, what: what.into() });
    }

    fn require(&mut self, kept: bool, promise: &'static str, what: impl Fn() -> String) {
        if !kept {
            self.breach(promise, what());
        }
    }

    fn read(&mut self, recorded: &Recorded) {
        let expected = self.seq + 1;
        self.seq = recorded.seq;
        self.require(recorded.seq == expected, "numbering", || format!("event {} follows {}", recorded.seq, expected - 1));
        let before = self.at;
        self.require(recorded.at >= before, "time", || format!("time goes back by {} ms", before - recorded.at));
        self.at = self.at.max(recorded.at);
        let first = matches!(recorded.event, Event::Opened { .. });
        self.require(first == (expected == 1), "opening", || "a journal opens once, at its first event".into());
        match &recorded.event {
            Event::Opened { version, .. } => {
                self.require(*version <= VERSION, "opening", || format!("version {version} is newer than {VERSION}"))
            }
            Event::PlanAccepted { plan } => self.take(plan.clone(), self.policy.clone()),
            Event::TasksRenamed { names } => self.rename(names),
            Event::TaskChanged { task, .. } => {
                self.untold = None;
                self.forget_approvals(task);
                let stale: Vec<OrderId> = self.open.iter().filter(|(_, work)| work.task() == Some(task)).map(|(order, _)| *order).collect();
                self.outdated.extend(stale);
                *self.task_mut(task) = Record::default();
            }
            Event::PolicySet { policy } => self.take(self.plan.clone(), policy.clone()),
            Event::PlanRejected { .. } | Event::Restarted | Event::Escalated { .. } => {}
            Event::Marked { task, mark } => {
                let worked_on = self.task_mut(task).worked_on;
                self.require(!worked_on, "marks", || format!("task {task} was marked while it was worked on"));
                let record = self.task_mut(task);
                record.finished = *mark != Mark::Deferred;
                record.deferred = *mark == Mark::Deferred;
            }
            Event::Entered { task, .. } => self.entered(task),
            Event::Ordered { order, work, .. } => self.ordered(*order, work),
            Event::StopOrdered { order, .. } => {
                self.require(self.open.contains_key(order), "orders", || format!("{order} is stopped but not open"))
            }
            Event::Claimed { order, by, until, deadline } => self.claimed(*order, by, *until, *deadline),
            Event::LeaseExtended { order, .. } | Event::Released { order, .. } => {
                let held = self.holders.contains_key(order);
                self.require(held, "leases", || format!("{order} is nobody's"));
                if matches!(recorded.event, Event::Released { .. }) {
                    self.holders.remove(order);
                }
            }
            Event::Ended { order, outcome } => self.ended_order(*order, outcome),
            Event::Postponed { task, forgiven, .. } => {
                let record = self.task_mut(task);
                let short = std::mem::take(&mut record.short);
                record.tries += u32::from(!forgiven);
                let tries = record.tries;
                record.gates.retain(|_, verdict| *verdict != GateVerdict::NotEvaluated);
                let most = self.policy.max_attempts;
                self.require(!forgiven || short, "attempts", || format!("task {task} waits as if its agent could not be had"));
                self.require(*forgiven || tries < most.max(1), "attempts", || {
                    format!("task {task}: {tries} failed tries, {most} are allowed")
                });
            }
            Event::Rework { task, step, findings, forgiven } => self.rework(task, *step, findings.is_empty(), *forgiven),
            Event::TaskDone { task } => self.done(task),
            Event::TaskFailed { task, .. } | Event::TaskBlocked { task, .. } => {
                self.untold = None;
                let record = self.task_mut(task);
                (record.active, record.failed) = (false, true);
            }
            Event::TaskSkipped { task } => {
                let record = self.task_mut(task);
                (record.active, record.finished) = (false, true);
            }
            Event::TaskRetried { task } => {
                self.untold = None;
                let active = self.task_mut(task).active;
                self.require(!active, "retries", || format!("task {task} is retried while it is worked on"));
                self.forget_approvals(task);
                let seen = std::mem::take(self.task_mut(task));
                let (red, failed_before, base_failed, tokens) = (seen.red, seen.failed_before, seen.base_failed, seen.tokens);
                *self.task_mut(task) = Record { red, failed_before, base_failed, tokens, ..Record::default() };
            }
            Event::GatePassed { gate } => self.gate_passes(gate),
            Event::GateFailed { gate, .. } | Event::GateOpen { gate, .. } => drop(self.gate_passed.remove(gate)),
            Event::GateReset { gate } => {
                self.gate_passed.remove(gate);
                self.gate_results.retain(|(known, _), _| known != gate);
                self.approvals.remove(gate);
                // What is being measured just now will not count.
                self.outdated.extend(
                    self.open
                        .iter()
                        .filter(|(_, work)| matches!(work, Work::Gate { gate: Some(of), .. } if of == gate))
                        .map(|(order, _)| *order),
                );
            }
            Event::GateDecided { gate, approved, .. } => {
                self.approvals.insert(gate.clone(), *approved);
                self.decided.insert(gate.clone(), self.seq);
            }
            Event::Paused => self.paused = true,
            Event::Resumed => self.paused = false,
            Event::Cancelled => self.cancelled = true,
            Event::Reopened => self.ended = false,
            Event::ExecutionEnded { status } => self.ends(*status),
        }
    }

    fn take(&mut self, plan: Arc<Plan>, policy: Arc<Policy>) {
        self.index = plan.tasks.iter().enumerate().map(|(ix, task)| (task.id.clone(), ix)).collect();
        // What is no longer in the plan is forgotten: of the same name it would be something new.
        let index = &self.index;
        self.tasks.retain(|id, _| index.contains_key(id));
        self.allocation = allocate(&plan, &policy);
        let gates = policy.gates_of(&plan);
        // A gate that closes other tasks than before has to be passed anew.
        let closes = |plan: &Plan, gate: &Gate| -> Vec<TaskId> {
            plan.tasks
                .iter()
                .filter(|task| task.stream.as_ref().is_some_and(|s| gate.streams.contains(s)))
                .map(|task| task.id.clone())
                .collect()
        };
        for gate in &gates {
            if !self.plan.tasks.is_empty() && closes(&self.plan, gate) != closes(&plan, gate) {
                self.gate_passed.remove(&gate.id);
                self.gate_results.retain(|(known, _), _| *known != gate.id);
            }
        }
        (self.plan, self.policy, self.gates) = (plan, policy, gates);
    }

    /// What was seen of a task is known by its new id.
    fn rename(&mut self, names: &BTreeMap<TaskId, TaskId>) {
        let to = |id: TaskId| names.get(&id).cloned().unwrap_or(id);
        let clash = names.values().collect::<BTreeSet<_>>().len() < names.len();
        self.require(!clash, "renaming", || "two tasks get the same id".into());
        self.tasks = std::mem::take(&mut self.tasks).into_iter().map(|(id, record)| (to(id), record)).collect();
        self.open.values_mut().for_each(|work| work.rename(names));
        self.untold = None;
        self.merged.iter_mut().flat_map(|(tasks, _)| tasks).for_each(|task| *task = to(task.clone()));
        self.merged_gates =
            std::mem::take(&mut self.merged_gates).into_iter().map(|((task, check), verdict)| ((to(task), check), verdict)).collect();
        let approvals = std::mem::take(&mut self.approvals).into_iter().map(|(gate, approved)| {
            let renamed = gate.as_str().rsplit_once('@').map(|(name, id)| format!("{name}@{}", to(TaskId::from(id))));
            (renamed.map(GateId::from).unwrap_or(gate), approved)
        });
        self.approvals = approvals.collect();
        let mut plan = (*self.plan).clone();
        super::change::rename(&mut plan, names);
        self.plan = Arc::new(plan);
        self.take(self.plan.clone(), self.policy.clone());
    }

    fn task_mut(&mut self, id: &TaskId) -> &mut Record {
        self.tasks.entry(id.clone()).or_default()
    }

    fn forget_approvals(&mut self, task: &TaskId) {
        let suffix = format!("@{task}");
        self.approvals.retain(|gate, _| !gate.as_str().ends_with(&suffix));
    }

    fn allocated(&self, id: &TaskId) -> Allocation {
        self.index.get(id).map(|ix| self.allocation[*ix].clone()).unwrap_or_default()
    }

    fn is_done(&self, id: &TaskId) -> bool {
        self.tasks.get(id).is_some_and(|record| record.finished)
    }

    fn node_done(&self, node: &Node) -> bool {
        match node {
            Node::Task(id) => !self.index.contains_key(id) || self.is_done(id),
            Node::Barrier(id) => self
                .plan
                .barriers
                .iter()
                .filter(|barrier| barrier.id == *id)
                .all(|barrier| barrier.tasks.iter().all(|id| !self.index.contains_key(id) || self.is_done(id))),
            Node::Stream(id) => {
                let tasks = self.plan.tasks.iter().filter(|task| task.stream.as_ref() == Some(id)).all(|task| self.is_done(&task.id));
                let gates = self.gates.iter().filter(|gate| gate.streams.contains(id)).all(|gate| self.gate_passed.contains(&gate.id));
                tasks && gates
            }
        }
    }

    fn entered(&mut self, id: &TaskId) {
        let record = self.task_mut(id);
        let begins = !record.active;
        record.active = true;
        record.tries = 0;
        if begins {
            self.begins(id);
        }
    }

    fn begins(&mut self, id: &TaskId) {
        let Some(&ix) = self.index.get(id) else { return self.breach("plan", format!("task {id} is not in the plan")) };
        let plan = self.plan.clone();
        let task = &plan.tasks[ix];
        self.require(task.broken.is_none(), "broken tasks", || format!("task {id} can't be scheduled but was begun"));
        let record = self.task_mut(id);
        let (again, deferred) = (record.finished || record.failed, record.deferred);
        self.require(!again, "once", || format!("task {id} was begun again without a retry"));
        self.require(!deferred, "marks", || format!("task {id} is deferred but was begun"));
        let stream = task.stream.as_ref().and_then(|id| plan.streams.iter().find(|stream| stream.id == *id));
        for dependency in task.depends_on.iter().chain(stream.iter().flat_map(|stream| &stream.depends_on)) {
            self.require(self.node_done(&dependency.on), "dependencies", || {
                format!("task {id} was begun before {:?} was done", dependency.on)
            });
        }
        let others: Vec<TaskId> =
            self.tasks.iter().filter(|(other, record)| record.active && *other != id).map(|(other, _)| other.clone()).collect();
        let shared_folder = !self.policy.isolated;
        for other in others.into_iter().filter(|_| shared_folder) {
            let files = |id: &TaskId| self.index.get(id).map(|ix| plan.tasks[*ix].files.clone()).unwrap_or_default();
            let mine = files(id);
            let shared = files(&other).into_iter().find(|file| mine.contains(file));
            self.require(shared.is_none(), "files", || format!("tasks {id} and {other} both name {shared:?} and are worked on at once"));
        }
    }

    fn ordered(&mut self, order: OrderId, work: &Work) {
        let highest = self.highest_order;
        self.require(order.0 > highest, "orders", || format!("{order} is used again"));
        self.highest_order = self.highest_order.max(order.0);
        let resting = [(self.paused, "paused"), (self.cancelled, "cancelled"), (self.ended, "at rest")];
        for (_, word) in resting.into_iter().filter(|(is, _)| *is) {
            self.breach("steering", format!("{order} was given while the execution was {word}"));
        }
        if let Some(task) = work.task() {
            self.require(self.tasks.get(task).is_some_and(|record| record.active), "steps", || {
                format!("{order} is for task {task}, on which nobody works")
            });
            if work.is_attempt() {
                let another = self.open.iter().find(|(_, open)| open.task() == Some(task) && open.is_attempt()).map(|(order, _)| *order);
                self.require(another.is_none(), "one attempt", || format!("{order} was given while {another:?} on task {task} was open"));
            }
        }
        if self.policy.isolated
            && work.is_attempt()
            && let Some(task) = work.task()
        {
            let placed = self.task_mut(task).placed;
            self.require(placed, "places", || format!("{order} has no place of its own"));
        }
        self.ordered_of_repository(order, work);
        self.within_budget(order, work);
        if let Work::Implementation { task, .. } = work {
            let record = self.task_mut(task);
            record.red_before_work |= record.red;
            record.worked_on = true;
            record.implemented = false;
            record.gates.clear();
            record.reviews.clear();
        }
        if let Work::Tests { task, .. } = work {
            self.task_mut(task).worked_on = true;
        }
        let kind = |agent: &AgentName| self.policy.agents.iter().find(|known| known.name == *agent).map(|known| known.kind.as_str());
        if work.agent().and_then(kind) == Some("client") {
            self.offered.insert(order);
        }
        self.open.insert(order, work.clone());
        let attempts = self.open.values().filter(|open| open.is_attempt()).count();
        let most = self.policy.max_parallel as usize;
        self.require(attempts <= most, "parallelism", || format!("{attempts} attempts at once, {most} are allowed"));
        if let Some(agent) = work.agent() {
            let busy = self.open.values().filter(|open| open.agent() == Some(agent)).count();
            let most = self.policy.agents.iter().find(|known| known.name == *agent).and_then(|known| known.max_parallel);
            self.require(most.is_none_or(|most| busy <= most as usize), "parallelism", || {
                format!("{agent} has {busy} orders at once, {most:?} are allowed")
            });
        }
    }

    /// No attempt is begun once what may be spent is spent.
    fn within_budget(&mut self, order: OrderId, work: &Work) {
        let Some(task) = work.task().filter(|_| work.is_attempt()) else { return };
        let of_task = self.tasks.get(task).map_or(0, |record| record.tokens);
        let budgets = [(self.policy.budget.tokens, self.tokens, "the execution"), (self.policy.task_budget.tokens, of_task, "the task")];
        for (most, used, whose) in budgets {
            self.require(most.is_none_or(|most| used < most), "budget", || {
                format!("{order} was given after {whose} had spent {used} tokens")
            });
        }
    }

    fn ordered_of_repository(&mut self, order: OrderId, work: &Work) {
        let merging = |work: &Work| matches!(work, Work::Merge { .. } | Work::Land { .. });
        let looks = |work: &Work| matches!(work, Work::Gate { gate: Some(_), .. } | Work::Review { task: None, .. });
        if merging(work) {
            let another = self.open.iter().find(|(_, open)| merging(open)).map(|(order, _)| *order);
            self.require(another.is_none(), "merging", || format!("{order} was given while {another:?} was open"));
        }
        if looks(work) && self.open.values().any(|open| matches!(open, Work::Land { .. })) {
            self.breach("merging", format!("{order} looks at a result that is being changed"));
        }
        match work {
            Work::Merge { tasks } => {
                let judged = self.open.values().any(|open| matches!(open, Work::Gate { purpose: Purpose::Merged, .. }));
                self.require(!judged, "merging", || format!("{order} takes away what is being judged"));
                let sorted: Vec<TaskId> = tasks.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
                let again = self.untold.take() == Some(sorted);
                self.require(!again, "merging", || format!("{order} merges again what does not fit, and nobody was told so"));
                for task in tasks {
                    let good = self.tasks.get(task).is_some_and(|record| record.active && record.implemented && record.placed);
                    self.require(good, "merging", || format!("{order} merges task {task}, which has not been finished in its place"));
                }
                self.merged = None;
                self.merged_gates.clear();
            }
            Work::Land { tasks, commit } => {
                let merged = self.merged == Some((tasks.clone(), Some(commit.clone())));
                self.require(merged, "merging", || format!("{order} lands what was not merged"));
                let looked_at = self.open.values().any(looks);
                self.require(!looked_at, "merging", || format!("{order} changes the result while it is looked at"));
                let policy = self.policy.clone();
                for task in tasks {
                    let stream = self.index.get(task).and_then(|ix| self.plan.tasks[*ix].stream.clone());
                    for gate in policy.gates.iter().filter(|gate| gate.is_for_tasks_of(stream.as_ref()) && gate.command) {
                        let passed = self.merged_gates.get(&(task.clone(), gate.name.clone())) == Some(&GateVerdict::Passed);
                        self.require(passed, "merging", || {
                            format!("{order} lands task {task}, but its gate {} did not pass as merged", gate.name)
                        });
                    }
                }
            }
            _ => {}
        }
    }

    fn claimed(&mut self, order: OrderId, by: &str, until: u64, deadline: u64) {
        let (offered, holder) = (self.offered.contains(&order) && self.open.contains_key(&order), self.holders.get(&order).cloned());
        self.require(offered, "leases", || format!("{by} took {order}, which is not offered"));
        self.require(holder.is_none(), "leases", || format!("{by} took {order}, which {holder:?} has"));
        let resting = self.paused || self.cancelled || self.ended;
        self.require(!resting, "leases", || format!("{by} took {order} while nothing is to be begun"));
        let at = self.at;
        self.require(at <= until && until <= deadline, "leases", || format!("{order} is given up at {until}, before its time"));
        self.holders.insert(order, by.to_owned());
    }

    fn ended_order(&mut self, order: OrderId, outcome: &Outcome) {
        let Some(work) = self.open.remove(&order) else { return self.breach("orders", format!("{order} ended but was not open")) };
        let (shortage, tokens) = match outcome {
            Outcome::Agent(outcome) => (outcome.shortage.is_some(), outcome.usage.tokens.unwrap_or(0)),
            Outcome::Review(review) => (review.shortage.is_some(), 0),
            _ => (false, 0),
        };
        self.tokens += tokens;
        if let Some(task) = work.task() {
            let record = self.task_mut(task);
            record.short |= shortage;
            record.tokens += tokens;
        }
        let told = match outcome {
            Outcome::Agent(outcome) => matches!(outcome.ending, Ending::Exited(_)),
            Outcome::Review(review) => matches!(review.ending, Ending::Exited(_)),
            _ => false,
        };
        let held = self.holders.remove(&order).is_some() || !self.offered.contains(&order);
        self.require(held || !told, "leases", || format!("{order} was reported by somebody who had not taken it"));
        match (&work, outcome) {
            (work, Outcome::Lost { .. }) if work.is_attempt() => self.leaves_its_place(work),
            (_, Outcome::Lost { .. }) => {}
            _ if self.outdated.contains(&order) => {}
            (Work::Implementation { task, .. }, Outcome::Agent(outcome)) => {
                let good = outcome.ending == Ending::Exited(0) && outcome.verdict == Verdict::Complete;
                let seq = self.seq;
                let record = self.task_mut(task);
                record.implemented = good;
                record.done_by = if good { seq } else { record.done_by };
                if !good && outcome.shortage.is_none() {
                    self.leaves_its_place(&work);
                }
            }
            (Work::Gate { gate: Some(gate), check, .. }, Outcome::Gate { verdict, .. }) => {
                self.gate_results.insert((gate.clone(), check.clone()), *verdict);
            }
            (Work::Gate { task: Some(task), check, purpose, .. }, Outcome::Gate { measures, verdict, .. }) => {
                let (purpose, verdict) = (*purpose, *verdict);
                let evaluated = matches!(measures.ending, Ending::Exited(code) if code != 126 && code != 127);
                self.require(verdict != GateVerdict::Passed || measures.ending == Ending::Exited(0) || evaluated, "evidence", || {
                    format!("{order} passed but was not evaluated")
                });
                let tests = self.policy.gates.iter().any(|gate| gate.tests && gate.name == *check);
                let record = self.task_mut(task);
                match purpose {
                    Purpose::Baseline if tests => {
                        record.failed_before = measures.failed_tests.iter().cloned().collect();
                        record.base_failed = verdict == GateVerdict::Failed;
                    }
                    Purpose::Baseline => {}
                    Purpose::Red => {
                        let new = measures.failed_tests.iter().any(|test| !record.failed_before.contains(test));
                        let unnamed = measures.failed_tests.is_empty() && !record.base_failed;
                        record.red |= verdict == GateVerdict::Failed && measures.flaky.is_empty() && (new || unnamed);
                    }
                    Purpose::Judge => drop(record.gates.insert(check.clone(), verdict)),
                    Purpose::Merged => drop(self.merged_gates.insert((task.clone(), check.clone()), verdict)),
                }
            }
            (Work::Review { task: Some(task), reviewer }, Outcome::Review(review)) => {
                let passed = review.verdict == GateVerdict::Passed;
                self.task_mut(task).reviews.insert(reviewer.clone(), passed);
            }
            (Work::Review { task: None, reviewer }, Outcome::Review(review)) => {
                self.final_reviews.insert(reviewer.clone(), review.verdict == GateVerdict::Passed);
            }
            (Work::Consultation { .. }, Outcome::Agent(_)) => {}
            (Work::Tests { .. }, Outcome::Agent(outcome)) => {
                let good = outcome.ending == Ending::Exited(0) && outcome.verdict == Verdict::Complete;
                if !good && outcome.shortage.is_none() {
                    self.leaves_its_place(&work);
                }
            }
            (Work::Place { task }, Outcome::Repository(RepositoryOutcome::Placed { .. })) => self.task_mut(task).placed = true,
            (Work::Merge { .. }, Outcome::Repository(RepositoryOutcome::Merged { tasks, commit, conflicts })) => {
                self.merged = Some((tasks.clone(), commit.clone()));
                let all = tasks.iter().chain(conflicts.iter().map(|conflict| &conflict.task)).cloned().collect::<BTreeSet<_>>();
                self.untold = (!conflicts.is_empty()).then(|| all.into_iter().collect());
            }
            (Work::Land { tasks, .. }, Outcome::Repository(RepositoryOutcome::Landed)) => {
                self.landings += 1;
                for task in tasks {
                    self.task_mut(task).landed = true;
                }
                self.final_reviews.clear();
            }
            (Work::Deliver { .. }, Outcome::Repository(RepositoryOutcome::Delivered)) => {}
            (work, Outcome::Repository(RepositoryOutcome::Failed { .. })) if work.is_of_repository() => {}
            _ => self.breach("orders", format!("{order} ended as something that it was not")),
        }
        if work.is_attempt() && !self.policy.isolated {
            self.final_reviews.clear();
        }
    }

    /// A try that came to nothing: the next one has another place.
    fn leaves_its_place(&mut self, work: &Work) {
        if let Some(task) = work.task() {
            self.task_mut(task).placed = false;
        }
    }

    fn rework(&mut self, task: &TaskId, step: Step, without_findings: bool, forgiven: bool) {
        let landings = self.landings;
        self.forget_approvals(task);
        self.require(!without_findings, "rework", || format!("task {task} goes back without a finding"));
        self.untold = None;
        let record = self.task_mut(task);
        let again = record.forgiven_at >= landings;
        if forgiven {
            record.forgiven_at = landings;
        }
        record.rework += u32::from(!forgiven);
        record.landed = false;
        record.tries = 0;
        record.gates.clear();
        record.reviews.clear();
        if step == Step::Implementing {
            record.implemented = false;
        }
        let rework = record.rework;
        self.require(!forgiven || !again, "rework", || format!("task {task} goes back once more, and nothing was merged since"));
        let most = self.policy.max_rework;
        self.require(rework <= most, "rework", || format!("task {task}: {rework} rounds of rework, {most} are allowed"));
    }

    fn done(&mut self, id: &TaskId) {
        let allocation = self.allocated(id);
        let policy = self.policy.clone();
        let stream = self.index.get(id).and_then(|ix| self.plan.tasks[*ix].stream.clone());
        let record = self.task_mut(id);
        let (active, again, implemented) = (record.active, record.finished, record.implemented);
        record.active = false;
        record.finished = true;
        let gates = record.gates.clone();
        let reviews = record.reviews.clone();
        let red = record.red_before_work;
        let landed = record.landed || !record.placed;
        self.require(landed, "merging", || format!("task {id} is done, but its work did not land"));
        self.require(!again, "once", || format!("task {id} is done twice"));
        self.require(active && implemented, "evidence", || format!("task {id} is done without a complete implementation"));
        for gate in policy.gates.iter().filter(|gate| gate.is_for_tasks_of(stream.as_ref())) {
            if gate.command {
                self.require(gates.get(&gate.name) == Some(&GateVerdict::Passed), "gates", || {
                    format!("task {id} is done, but its gate {} did not pass", gate.name)
                });
            }
            if gate.approval {
                let asked = GateId::from(format!("{}@{id}", gate.name));
                self.require(self.approvals.get(&asked) == Some(&true), "approvals", || {
                    format!("task {id} is done without the approval {asked}")
                });
            }
        }
        for reviewer in &allocation.reviewers {
            self.require(reviews.get(reviewer) == Some(&true), "reviews", || format!("task {id} is done without a pass of {reviewer}"));
        }
        let tests_known = policy.gates.iter().any(|gate| gate.level == Level::Task && gate.tests && gate.command);
        let asked = allocation.tests_first == TestsFirst::Required && allocation.tester.is_some();
        self.require(!(tests_known && asked) || red, "tests first", || {
            format!("task {id} is done, but its tests were not seen to fail before the work")
        });
        self.require(!self.open.values().any(|open| open.task() == Some(id)), "orders", || format!("task {id} is done with open orders"));
    }

    fn gate_passes(&mut self, id: &GateId) {
        let Some(gate) = self.gates.iter().find(|gate| gate.id == *id).cloned() else {
            return self.breach("gates", format!("gate {id} is not in the plan"));
        };
        let approved = self.approvals.get(id).copied();
        for check in &gate.checks {
            let verdict = self.gate_results.get(&(id.clone(), check.clone())).copied();
            let good = verdict == Some(GateVerdict::Passed) || (verdict == Some(GateVerdict::NotEvaluated) && approved == Some(true));
            self.require(good, "gates", || format!("gate {id} passed, but {check} did not"));
        }
        let needs_person = gate.approval || gate.checks.is_empty();
        self.require(!needs_person || approved == Some(true), "approvals", || format!("gate {id} passed without an approval"));
        for stream in &gate.streams {
            let open = self
                .plan
                .tasks
                .iter()
                .find(|task| task.stream.as_ref() == Some(stream) && !self.is_done(&task.id))
                .map(|task| task.id.clone());
            self.require(open.is_none(), "gates", || format!("gate {id} passed before task {open:?} was done"));
        }
        if gate.level != Level::Stream {
            let open = self
                .plan
                .tasks
                .iter()
                .find(|task| !self.is_done(&task.id) && !self.tasks.get(&task.id).is_some_and(|record| record.deferred));
            let open = open.map(|task| task.id.clone());
            self.require(open.is_none(), "gates", || format!("gate {id} passed before task {open:?} was done"));
        }
        self.gate_passed.insert(id.clone());
    }

    fn ends(&mut self, status: Status) {
        let open = self.open.keys().next().copied();
        self.require(open.is_none(), "orders", || format!("the execution ended with {open:?} open"));
        self.ended = true;
        if status != Status::Complete {
            return;
        }
        let deferred = |id: &TaskId| self.tasks.get(id).is_some_and(|record| record.deferred);
        let undone = self.plan.tasks.iter().find(|task| !self.is_done(&task.id) && !deferred(&task.id)).map(|task| task.id.clone());
        self.require(undone.is_none(), "complete", || format!("complete, but task {undone:?} is not done"));
        let gate = self.gates.iter().find(|gate| !self.gate_passed.contains(&gate.id)).map(|gate| gate.id.clone());
        self.require(gate.is_none(), "complete", || format!("complete, but gate {gate:?} did not pass"));
        let is_newer = |gate: &Gate, decided: u64| {
            let closed = self
                .plan
                .tasks
                .iter()
                .filter(|task| gate.level != Level::Stream || task.stream.as_ref().is_some_and(|stream| gate.streams.contains(stream)));
            closed.filter_map(|task| self.tasks.get(&task.id)).any(|record| record.done_by > decided)
        };
        let passed = self.gates.iter().filter(|gate| self.approvals.get(&gate.id) == Some(&true));
        let newer = passed.filter(|gate| self.decided.get(&gate.id).is_some_and(|decided| is_newer(gate, *decided)));
        let newer = newer.map(|gate| gate.id.clone()).next();
        self.require(newer.is_none(), "approvals", || {
            format!("complete, but gate {newer:?} was approved before the last work that it closes")
        });
        let refused = self.final_reviews.iter().find(|(_, passed)| !**passed).map(|(name, _)| name.clone());
        self.require(refused.is_none(), "complete", || format!("complete, but {refused:?} did not pass the whole"));
        self.require(!self.cancelled, "complete", || "complete, but it was cancelled".into());
    }
}
