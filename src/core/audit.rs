//! Reads only events and says which promise was broken.
//!
//! An oracle, written in another style than the core on purpose: flat books kept while reading,
//! nothing shared with `state`, `decide` or `advance` but the vocabulary (and who is in the
//! roster for a task, by `allocation`).

mod orders;

use super::allocation::{Allocation, allocate};
use super::decider::{Decider, Frontend};
use super::event::{Event, Mark, Recorded, Status, Step, VERSION, Work};
use super::id::{AgentName, GateId, OrderId, TaskId};
use super::outcome::{GateVerdict, MOST_FILES};
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
    /// The event with which the user's own commits were taken in last.
    renewed: u64,
    /// The files by which gates of the whole judged last.
    judged_whole: BTreeMap<(GateId, String), BTreeMap<String, String>>,
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
    /// Files whose changes nobody has decided about.
    held: BTreeSet<String>,
    paused: bool,
    cancelled: bool,
    ended: bool,
}

/// What was seen of one task since it was last begun again.
#[derive(Default)]
struct Record {
    finished: bool,
    failed: bool,
    active: bool,
    /// Its last attempt ended with a question.
    asks: bool,
    deferred: bool,
    worked_on: bool,
    implemented: bool,
    /// Its last implementation has changed nothing, and its answer does not say why.
    unaccounted: bool,
    /// An earlier attempt has left work half done in the folder that all share.
    has_leftovers: bool,
    red: bool,
    red_before_work: bool,
    failed_before: BTreeSet<String>,
    base_failed: bool,
    gates: BTreeMap<String, GateVerdict>,
    /// Tests by which it was seen red.
    red_tests: BTreeSet<String>,
    /// Files that its implementation has changed, and those of the tests before that.
    changed: BTreeSet<String>,
    tests_files: BTreeSet<String>,
    /// The files by which gates judge, before the work and after it.
    judged_before: BTreeMap<String, BTreeMap<String, String>>,
    judged_by: BTreeMap<String, BTreeMap<String, String>>,
    reviews: BTreeMap<AgentName, bool>,
    rework: u32,
    tries: u32,
    placed: bool,
    landed: bool,
    not_counted_at: u64,
    short: bool,
    tokens: u64,
    /// The event by which the last complete implementation ended.
    done_by: u64,
}

impl Record {
    /// Of very many files not all are named: then it may be any.
    fn has_changed(&self, file: &str) -> bool {
        [&self.changed, &self.tests_files]
            .into_iter()
            .any(|files| files.contains(file) || files.len() >= MOST_FILES)
    }
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

    #[expect(clippy::too_many_lines, reason = "a list: an arm for each event")]
    fn read(&mut self, recorded: &Recorded) {
        let expected = self.seq + 1;
        self.seq = recorded.seq;
        self.require(recorded.seq == expected, "numbering", || {
            format!("event {} follows {}", recorded.seq, expected - 1)
        });
        let before = self.at;
        self.require(recorded.at >= before, "time", || {
            format!("time goes back by {} ms", before - recorded.at)
        });
        self.at = self.at.max(recorded.at);
        let first = matches!(recorded.event, Event::Opened { .. });
        self.require(first == (expected == 1), "opening", || {
            "a journal opens once, at its first event".into()
        });
        match &recorded.event {
            Event::Opened { version, .. } => self.require(*version <= VERSION, "opening", || {
                format!("version {version} is newer than {VERSION}")
            }),
            Event::PlanAccepted { plan } => self.take(plan.clone(), self.policy.clone()),
            Event::TasksRenamed { names } => self.rename(names),
            Event::TaskChanged { task, .. } => {
                self.untold = None;
                self.forget_approvals(task);
                let stale: Vec<OrderId> = self
                    .open
                    .iter()
                    .filter(|(_, work)| work.task() == Some(task))
                    .map(|(order, _)| *order)
                    .collect();
                self.outdated.extend(stale);
                *self.task_mut(task) = Record::default();
            }
            Event::PolicySet { policy } => self.take(self.plan.clone(), policy.clone()),
            Event::PlanRejected { .. }
            | Event::SourcesRead { .. }
            | Event::Restarted
            | Event::TakenUp { .. }
            | Event::BaseMoved { .. }
            | Event::Escalated { .. } => {}
            Event::Marked { task, mark } => {
                let worked_on = self.task_mut(task).worked_on;
                self.require(!worked_on, "marks", || {
                    format!("task {task} was marked while it was worked on")
                });
                let record = self.task_mut(task);
                record.finished = *mark != Mark::Deferred;
                record.deferred = *mark == Mark::Deferred;
            }
            Event::Entered { task, .. } => self.entered(task),
            Event::Ordered { order, work, .. } => self.ordered(*order, work),
            Event::StopOrdered { order, .. } => {
                self.require(self.open.contains_key(order), "orders", || {
                    format!("{order} is stopped but not open")
                })
            }
            Event::Claimed { order, by, until, deadline } => {
                self.claimed(*order, by, *until, *deadline)
            }
            Event::LeaseExtended { order, .. } | Event::Released { order, .. } => {
                let held = self.holders.contains_key(order);
                self.require(held, "leases", || format!("{order} is nobody's"));
                if matches!(recorded.event, Event::Released { .. }) {
                    self.holders.remove(order);
                }
            }
            Event::Ended { order, outcome } => self.ended_order(*order, outcome),
            Event::Postponed { task, not_counted, .. } => {
                let record = self.task_mut(task);
                let short = std::mem::take(&mut record.short);
                record.tries += u32::from(!not_counted);
                let tries = record.tries;
                record.gates.retain(|_, verdict| *verdict != GateVerdict::NotEvaluated);
                let most = self.policy.max_attempts;
                self.require(!not_counted || short, "attempts", || {
                    format!("task {task} waits as if its agent could not be had")
                });
                self.require(*not_counted || tries < most.max(1), "attempts", || {
                    format!("task {task}: {tries} failed tries, {most} are allowed")
                });
            }
            Event::Rework { task, step, findings, not_counted } => {
                self.rework(task, *step, findings.is_empty(), *not_counted)
            }
            Event::TaskDone { task } => self.done(task),
            Event::TaskFailed { task, .. } | Event::TaskBlocked { task, .. } => {
                self.untold = None;
                let record = self.task_mut(task);
                (record.active, record.failed) = (false, true);
            }
            Event::ChangeHeld { file, .. } => drop(self.held.insert(file.clone())),
            Event::ChangeDecided { file, from, approved, .. } => {
                // What was rejected can be approved later.
                self.is_above_attempts(from, &format!("the change of {file} was decided about"));
                let held =
                    if *approved { self.held.remove(file) } else { self.held.contains(file) };
                self.require(held && from.is_person(), "approvals", || {
                    format!("the change of {file} is decided by no person, or was not held")
                });
            }
            Event::Steered { order, from, .. } => {
                self.is_above_attempts(from, &format!("something was said to {order}"));
                let is_attempt = self.open.get(order).is_some_and(Work::is_attempt);
                self.require(is_attempt, "orders", || {
                    format!("something is said to {order}, which is no attempt that is under way")
                });
            }
            Event::SteerEnded { .. } => {}
            Event::TaskAnswered { task, from, .. } => {
                self.is_above_attempts(from, &format!("task {task} was answered"));
                let record = self.task_mut(task);
                let asks = std::mem::take(&mut record.asks) && record.failed && !record.active;
                (record.active, record.failed) = (true, false);
                self.require(asks, "retries", || {
                    format!("task {task} is answered, but has not asked")
                });
            }
            Event::TaskSkipped { task } => {
                let record = self.task_mut(task);
                (record.active, record.finished) = (false, true);
            }
            Event::TaskRetried { task } => {
                self.untold = None;
                let active = self.task_mut(task).active;
                self.require(!active, "retries", || {
                    format!("task {task} is retried while it is worked on")
                });
                self.forget_approvals(task);
                let seen = std::mem::take(self.task_mut(task));
                // In worktrees of their own the work of before is gone, but for tests that were seen red.
                let (shared, red) = (!self.policy.isolated, seen.red);
                let kept = |files: BTreeSet<String>, kept: bool| {
                    files.into_iter().filter(|_| kept).collect()
                };
                *self.task_mut(task) = Record {
                    red: seen.red,
                    red_tests: seen.red_tests,
                    failed_before: seen.failed_before,
                    base_failed: seen.base_failed,
                    judged_before: seen.judged_before,
                    has_leftovers: shared && (seen.has_leftovers || !seen.changed.is_empty()),
                    changed: kept(seen.changed, shared),
                    tests_files: kept(seen.tests_files, shared || red),
                    tokens: seen.tokens,
                    ..Record::default()
                };
            }
            Event::GatePassed { gate } => self.gate_passes(gate),
            Event::GateFailed { gate, .. } | Event::GateOpen { gate, .. } => {
                self.gate_passed.remove(gate);
            }
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
            Event::GateDecided { gate, approved, from, .. } => {
                let from = from.as_deref();
                from.into_iter().for_each(|from| {
                    self.is_above_attempts(from, &format!("gate {gate} was decided"))
                });
                let by_program = from.is_some_and(|from| from.frontend == Frontend::Program);
                self.require(!by_program || self.is_for_programs(gate), "approvals", || {
                    format!("gate {gate} was decided by a program, and needs a person")
                });
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
        self.index =
            plan.tasks.iter().enumerate().map(|(ix, task)| (task.id.clone(), ix)).collect();
        // What is no longer in the plan is forgotten: of the same name it would be something new.
        let index = &self.index;
        self.tasks.retain(|id, _| index.contains_key(id));
        self.allocation = allocate(&plan, &policy);
        let gates = policy.gates_of(&plan);
        // A gate that closes other tasks than before has to be passed again.
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
        self.tasks = std::mem::take(&mut self.tasks)
            .into_iter()
            .map(|(id, record)| (to(id), record))
            .collect();
        self.open.values_mut().for_each(|work| work.rename(names));
        self.untold = None;
        self.merged
            .iter_mut()
            .flat_map(|(tasks, _)| tasks)
            .for_each(|task| *task = to(task.clone()));
        self.merged_gates = std::mem::take(&mut self.merged_gates)
            .into_iter()
            .map(|((task, check), verdict)| ((to(task), check), verdict))
            .collect();
        let approvals = std::mem::take(&mut self.approvals).into_iter().map(|(gate, approved)| {
            let renamed = gate
                .as_str()
                .rsplit_once('@')
                .map(|(name, id)| format!("{name}@{}", to(TaskId::from(id))));
            (renamed.map(GateId::from).unwrap_or(gate), approved)
        });
        self.approvals = approvals.collect();
        let mut plan = (*self.plan).clone();
        super::change::rename(&mut plan, names);
        self.plan = Arc::new(plan);
        self.take(self.plan.clone(), self.policy.clone());
    }

    /// What is a person's, or a parent's, to say did not come from an attempt.
    fn is_above_attempts(&mut self, from: &Decider, what: &str) {
        let above = from.attempts.join(", ");
        self.require(above.is_empty(), "approvals", || {
            format!("{what} below an attempt of {above}")
        });
    }

    fn task_mut(&mut self, id: &TaskId) -> &mut Record {
        self.tasks.entry(id.clone()).or_default()
    }

    fn is_for_programs(&self, gate: &GateId) -> bool {
        let of_plan = self.gates.iter().find(|known| known.id == *gate).map(|gate| gate.parent);
        let name = gate.as_str().rsplit_once('@').map_or("", |(name, _)| name);
        of_plan.unwrap_or_else(|| {
            self.policy
                .gates
                .iter()
                .any(|known| known.name == name && known.approval && known.parent)
        })
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
            Node::Barrier(id) => {
                self.plan.barriers.iter().filter(|barrier| barrier.id == *id).all(|barrier| {
                    barrier.tasks.iter().all(|id| !self.index.contains_key(id) || self.is_done(id))
                })
            }
            Node::Stream(id) => {
                let tasks = self
                    .plan
                    .tasks
                    .iter()
                    .filter(|task| task.stream.as_ref() == Some(id))
                    .all(|task| self.is_done(&task.id));
                let gates = self
                    .gates
                    .iter()
                    .filter(|gate| gate.streams.contains(id))
                    .all(|gate| self.gate_passed.contains(&gate.id));
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
        let Some(&ix) = self.index.get(id) else {
            return self.breach("plan", format!("task {id} is not in the plan"));
        };
        let plan = self.plan.clone();
        let task = &plan.tasks[ix];
        self.require(task.broken.is_none(), "broken tasks", || {
            format!("task {id} can't be scheduled but was begun")
        });
        let record = self.task_mut(id);
        let (again, deferred) = (record.finished || record.failed, record.deferred);
        self.require(!again, "once", || format!("task {id} was begun again without a retry"));
        self.require(!deferred, "marks", || format!("task {id} is deferred but was begun"));
        let stream =
            task.stream.as_ref().and_then(|id| plan.streams.iter().find(|stream| stream.id == *id));
        for dependency in
            task.depends_on.iter().chain(stream.iter().flat_map(|stream| &stream.depends_on))
        {
            self.require(self.node_done(&dependency.on), "dependencies", || {
                format!("task {id} was begun before {:?} was done", dependency.on)
            });
        }
        let others: Vec<TaskId> = self
            .tasks
            .iter()
            .filter(|(other, record)| record.active && *other != id)
            .map(|(other, _)| other.clone())
            .collect();
        let shared_folder = !self.policy.isolated;
        for other in others.into_iter().filter(|_| shared_folder) {
            let files = |id: &TaskId| {
                self.index.get(id).map(|ix| plan.tasks[*ix].files.clone()).unwrap_or_default()
            };
            let mine = files(id);
            let shared = files(&other).into_iter().find(|file| mine.contains(file));
            self.require(shared.is_none(), "files", || {
                format!("tasks {id} and {other} both name {shared:?} and are worked on at once")
            });
        }
    }

    fn rework(&mut self, task: &TaskId, step: Step, without_findings: bool, not_counted: bool) {
        let landings = self.landings;
        self.forget_approvals(task);
        self.require(!without_findings, "rework", || {
            format!("task {task} goes back without a finding")
        });
        self.untold = None;
        let record = self.task_mut(task);
        let again = record.not_counted_at >= landings;
        if not_counted {
            record.not_counted_at = landings;
        }
        record.rework += u32::from(!not_counted);
        record.landed = false;
        record.has_leftovers = false;
        record.tries = 0;
        record.gates.clear();
        record.reviews.clear();
        if step == Step::Implementing {
            record.implemented = false;
        }
        let rework = record.rework;
        self.require(!not_counted || !again, "rework", || {
            format!("task {task} goes back once more, and nothing was merged since")
        });
        let most = self.policy.max_rework;
        self.require(rework <= most, "rework", || {
            format!("task {task}: {rework} rounds of rework, {most} are allowed")
        });
    }

    fn done(&mut self, id: &TaskId) {
        let allocation = self.allocated(id);
        let policy = self.policy.clone();
        let stream = self.index.get(id).and_then(|ix| self.plan.tasks[*ix].stream.clone());
        let record = self.task_mut(id);
        let (active, again, implemented, unaccounted) =
            (record.active, record.finished, record.implemented, record.unaccounted);
        record.active = false;
        record.finished = true;
        let gates = record.gates.clone();
        let reviews = record.reviews.clone();
        let red = record.red_before_work;
        let landed = record.landed || !record.placed;
        let other_judge = |gate: &str| {
            let (before, after) = (record.judged_before.get(gate)?, record.judged_by.get(gate)?);
            before.iter().find(|(file, digest)| {
                record.has_changed(file) && after.get(*file) != Some(*digest)
            })
        };
        let other_judges: BTreeSet<String> = policy
            .gates
            .iter()
            .filter(|gate| other_judge(&gate.name).is_some())
            .map(|gate| gate.name.clone())
            .collect();
        self.require(landed, "merging", || format!("task {id} is done, but its work did not land"));
        self.require(!again, "once", || format!("task {id} is done twice"));
        self.require(active && implemented, "evidence", || {
            format!("task {id} is done without a complete implementation")
        });
        self.require(!unaccounted, "evidence", || {
            format!("task {id} is done, but nothing was changed, and nobody has said why")
        });
        for gate in policy.gates.iter().filter(|gate| gate.is_for_tasks_of(stream.as_ref())) {
            if gate.command {
                self.require(gates.get(&gate.name) == Some(&GateVerdict::Passed), "gates", || {
                    format!("task {id} is done, but its gate {} did not pass", gate.name)
                });
            }
            if gate.approval
                || (other_judges.contains(&gate.name) && allocation.reviewers.is_empty())
            {
                let asked = GateId::from(format!("{}@{id}", gate.name));
                self.require(self.approvals.get(&asked) == Some(&true), "approvals", || {
                    format!("task {id} is done without the approval {asked}")
                });
            }
        }
        for reviewer in &allocation.reviewers {
            self.require(reviews.get(reviewer) == Some(&true), "reviews", || {
                format!("task {id} is done without a pass of {reviewer}")
            });
        }
        let tests_known =
            policy.gates.iter().any(|gate| gate.level == Level::Task && gate.tests && gate.command);
        let asked = allocation.tests_first == TestsFirst::Required && allocation.tester.is_some();
        self.require(!(tests_known && asked) || red, "tests first", || {
            format!("task {id} is done, but its tests were not seen to fail before the work")
        });
        self.require(!self.open.values().any(|open| open.task() == Some(id)), "orders", || {
            format!("task {id} is done with open orders")
        });
    }

    fn gate_passes(&mut self, id: &GateId) {
        let Some(gate) = self.gates.iter().find(|gate| gate.id == *id).cloned() else {
            return self.breach("gates", format!("gate {id} is not in the plan"));
        };
        let approved = self.approvals.get(id).copied();
        for check in &gate.checks {
            let verdict = self.gate_results.get(&(id.clone(), check.clone())).copied();
            let good = verdict == Some(GateVerdict::Passed)
                || (verdict == Some(GateVerdict::NotEvaluated) && approved == Some(true));
            self.require(good, "gates", || format!("gate {id} passed, but {check} did not"));
        }
        let is_reviewed = self.policy.final_review
            && self.tasks.values().any(|record| !record.reviews.is_empty());
        let other_judge = gate.checks.iter().any(|check| {
            let after = self.judged_whole.get(&(id.clone(), check.clone()));
            let before = self
                .policy
                .gates
                .iter()
                .filter(|gate| gate.name == *check)
                .flat_map(|gate| &gate.judged_by);
            let mut other = before
                .filter(|(file, digest)| after.and_then(|after| after.get(*file)) != Some(*digest));
            other.any(|(file, _)| self.tasks.values().any(|record| record.has_changed(file)))
        });
        let needs_person = gate.approval || gate.checks.is_empty() || (other_judge && !is_reviewed);
        self.require(!needs_person || approved == Some(true), "approvals", || {
            format!("gate {id} passed without an approval")
        });
        for stream in &gate.streams {
            let open = self
                .plan
                .tasks
                .iter()
                .find(|task| task.stream.as_ref() == Some(stream) && !self.is_done(&task.id))
                .map(|task| task.id.clone());
            self.require(open.is_none(), "gates", || {
                format!("gate {id} passed before task {open:?} was done")
            });
        }
        if gate.level != Level::Stream {
            let open = self.plan.tasks.iter().find(|task| {
                !self.is_done(&task.id)
                    && !self.tasks.get(&task.id).is_some_and(|record| record.deferred)
            });
            let open = open.map(|task| task.id.clone());
            self.require(open.is_none(), "gates", || {
                format!("gate {id} passed before task {open:?} was done")
            });
        }
        self.gate_passed.insert(id.clone());
    }

    fn ends(&mut self, status: Status) {
        let open = self.open.keys().next().copied();
        self.require(open.is_none(), "orders", || {
            format!("the execution ended with {open:?} open")
        });
        self.ended = true;
        if status != Status::Complete {
            return;
        }
        let deferred = |id: &TaskId| self.tasks.get(id).is_some_and(|record| record.deferred);
        let undone = self
            .plan
            .tasks
            .iter()
            .find(|task| !self.is_done(&task.id) && !deferred(&task.id))
            .map(|task| task.id.clone());
        self.require(undone.is_none(), "complete", || {
            format!("complete, but task {undone:?} is not done")
        });
        let gate = self
            .gates
            .iter()
            .find(|gate| !self.gate_passed.contains(&gate.id))
            .map(|gate| gate.id.clone());
        self.require(gate.is_none(), "complete", || {
            format!("complete, but gate {gate:?} did not pass")
        });
        let is_newer = |gate: &Gate, decided: u64| {
            let closed = self.plan.tasks.iter().filter(|task| {
                gate.level != Level::Stream
                    || task.stream.as_ref().is_some_and(|stream| gate.streams.contains(stream))
            });
            self.renewed > decided
                || closed
                    .filter_map(|task| self.tasks.get(&task.id))
                    .any(|record| record.done_by > decided)
        };
        let passed = self.gates.iter().filter(|gate| self.approvals.get(&gate.id) == Some(&true));
        let newer = passed.filter(|gate| {
            self.decided.get(&gate.id).is_some_and(|decided| is_newer(gate, *decided))
        });
        let newer = newer.map(|gate| gate.id.clone()).next();
        self.require(newer.is_none(), "approvals", || {
            format!("complete, but gate {newer:?} was approved before the last work that it closes")
        });
        let refused =
            self.final_reviews.iter().find(|(_, passed)| !**passed).map(|(name, _)| name.clone());
        self.require(refused.is_none(), "complete", || {
            format!("complete, but {refused:?} did not pass the whole")
        });
        self.require(!self.cancelled, "complete", || "complete, but it was cancelled".into());
    }
}
