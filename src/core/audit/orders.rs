//! What an order may ask for, and what its end may say.

use super::Books;
use crate::core::event::{Outcome, Purpose, Work};
use crate::core::id::{AgentName, OrderId, TaskId};
use crate::core::outcome::{Ending, GateVerdict, RepositoryOutcome, Verdict};
use std::collections::BTreeSet;

impl Books {
    pub(super) fn ordered(&mut self, order: OrderId, work: &Work) {
        let highest = self.highest_order;
        self.require(order.0 > highest, "orders", || format!("{order} is used again"));
        self.highest_order = self.highest_order.max(order.0);
        let resting =
            [(self.paused, "paused"), (self.cancelled, "cancelled"), (self.ended, "at rest")];
        for (_, word) in resting.into_iter().filter(|(is, _)| *is) {
            self.breach("steering", format!("{order} was given while the execution was {word}"));
        }
        if let Some(task) = work.task() {
            self.require(self.tasks.get(task).is_some_and(|record| record.active), "steps", || {
                format!("{order} is for task {task}, on which nobody works")
            });
            if work.is_attempt() {
                let another = self
                    .open
                    .iter()
                    .find(|(_, open)| open.task() == Some(task) && open.is_attempt())
                    .map(|(order, _)| *order);
                self.require(another.is_none(), "one attempt", || {
                    format!("{order} was given while {another:?} on task {task} was open")
                });
            }
        }
        if self.policy.isolated
            && work.is_attempt()
            && let Some(task) = work.task()
        {
            let placed = self.task_mut(task).placed;
            self.require(placed, "places", || format!("{order} has no worktree of its own"));
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
        let kind = |agent: &AgentName| {
            self.policy
                .agents
                .iter()
                .find(|known| known.name == *agent)
                .map(|known| known.kind.as_str())
        };
        if work.agent().and_then(kind) == Some("client") {
            self.offered.insert(order);
        }
        self.open.insert(order, work.clone());
        let attempts = self.open.values().filter(|open| open.is_attempt()).count();
        let most = self.policy.max_parallel as usize;
        self.require(attempts <= most, "parallelism", || {
            format!("{attempts} attempts at once, {most} are allowed")
        });
        if let Some(agent) = work.agent() {
            let busy = self.open.values().filter(|open| open.agent() == Some(agent)).count();
            let most = self
                .policy
                .agents
                .iter()
                .find(|known| known.name == *agent)
                .and_then(|known| known.max_parallel);
            self.require(most.is_none_or(|most| busy <= most as usize), "parallelism", || {
                format!("{agent} has {busy} orders at once, {most:?} are allowed")
            });
        }
    }

    /// No attempt is begun once what may be spent is spent.
    fn within_budget(&mut self, order: OrderId, work: &Work) {
        let Some(task) = work.task().filter(|_| work.is_attempt()) else { return };
        let of_task = self.tasks.get(task).map_or(0, |record| record.tokens);
        let budgets = [
            (self.policy.budget.tokens, self.tokens, "the execution"),
            (self.policy.task_budget.tokens, of_task, "the task"),
        ];
        for (most, used, whose) in budgets {
            self.require(most.is_none_or(|most| used < most), "budget", || {
                format!("{order} was given after {whose} had spent {used} tokens")
            });
        }
    }

    fn ordered_of_repository(&mut self, order: OrderId, work: &Work) {
        let merging = |work: &Work| {
            matches!(work, Work::Merge { .. } | Work::Land { .. } | Work::Renew { .. })
        };
        let looks = |work: &Work| {
            matches!(work, Work::Gate { gate: Some(_), .. } | Work::Review { task: None, .. })
        };
        if merging(work) {
            let another = self.open.iter().find(|(_, open)| merging(open)).map(|(order, _)| *order);
            self.require(another.is_none(), "merging", || {
                format!("{order} was given while {another:?} was open")
            });
        }
        if looks(work)
            && self.open.values().any(|open| matches!(open, Work::Land { .. } | Work::Renew { .. }))
        {
            self.breach("merging", format!("{order} looks at a result that is being changed"));
        }
        match work {
            Work::Merge { tasks } => {
                let judged = self
                    .open
                    .values()
                    .any(|open| matches!(open, Work::Gate { purpose: Purpose::Merged, .. }));
                self.require(!judged, "merging", || {
                    format!("{order} takes away what is being judged")
                });
                let sorted: Vec<TaskId> =
                    tasks.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
                let again = self.untold.take() == Some(sorted);
                self.require(!again, "merging", || {
                    format!("{order} merges again what does not fit, and nobody was told so")
                });
                for task in tasks {
                    let good = self
                        .tasks
                        .get(task)
                        .is_some_and(|record| record.active && record.implemented && record.placed);
                    self.require(good, "merging", || format!("{order} merges task {task}, which has not been finished in its worktree"));
                }
                self.merged = None;
                self.merged_gates.clear();
            }
            Work::Renew { .. } => {
                let looked_at = self.open.values().any(|open| {
                    looks(open)
                        || matches!(
                            open,
                            Work::Gate { purpose: Purpose::Merged, .. } | Work::Deliver { .. }
                        )
                });
                self.require(!looked_at, "merging", || {
                    format!("{order} changes the result while it is looked at")
                });
            }
            Work::Land { tasks, commit } => {
                let merged = self.merged == Some((tasks.clone(), Some(commit.clone())));
                self.require(merged, "merging", || format!("{order} lands what was not merged"));
                let looked_at = self.open.values().any(looks);
                self.require(!looked_at, "merging", || {
                    format!("{order} changes the result while it is looked at")
                });
                let policy = self.policy.clone();
                for task in tasks {
                    let stream =
                        self.index.get(task).and_then(|ix| self.plan.tasks[*ix].stream.clone());
                    for gate in policy
                        .gates
                        .iter()
                        .filter(|gate| gate.is_for_tasks_of(stream.as_ref()) && gate.command)
                    {
                        let passed = self.merged_gates.get(&(task.clone(), gate.name.clone()))
                            == Some(&GateVerdict::Passed);
                        self.require(passed, "merging", || {
                            format!(
                                "{order} lands task {task}, but its gate {} did not pass as merged",
                                gate.name
                            )
                        });
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn claimed(&mut self, order: OrderId, by: &str, until: u64, deadline: u64) {
        let (offered, holder) = (
            self.offered.contains(&order) && self.open.contains_key(&order),
            self.holders.get(&order).cloned(),
        );
        self.require(offered, "leases", || format!("{by} took {order}, which is not offered"));
        self.require(holder.is_none(), "leases", || {
            format!("{by} took {order}, which {holder:?} has")
        });
        let resting = self.paused || self.cancelled || self.ended;
        self.require(!resting, "leases", || {
            format!("{by} took {order} while nothing is to be begun")
        });
        let at = self.at;
        self.require(at <= until && until <= deadline, "leases", || {
            format!("{order} is given up at {until}, before its time")
        });
        self.holders.insert(order, by.to_owned());
    }

    #[expect(clippy::too_many_lines, reason = "a list: an arm for each kind of order")]
    pub(super) fn ended_order(&mut self, order: OrderId, outcome: &Outcome) {
        let Some(work) = self.open.remove(&order) else {
            return self.breach("orders", format!("{order} ended but was not open"));
        };
        let (shortage, tokens) = match outcome {
            Outcome::Agent(outcome) => {
                (outcome.shortage.is_some(), outcome.usage.tokens.unwrap_or(0))
            }
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
        self.require(held || !told, "leases", || {
            format!("{order} was reported by somebody who had not taken it")
        });
        match (&work, outcome) {
            (work, Outcome::Lost { .. }) if work.is_attempt() => {
                let shared = !self.policy.isolated;
                if let Some(task) = work.task() {
                    self.task_mut(task).has_leftovers |= shared;
                }
                self.leaves_its_worktree(work);
            }
            (_, Outcome::Lost { .. }) => {}
            _ if self.outdated.contains(&order) => {}
            (Work::Implementation { task, .. }, Outcome::Agent(outcome)) => {
                let good =
                    outcome.ending == Ending::Exited(0) && outcome.verdict == Verdict::Complete;
                let (seq, shared) = (self.seq, !self.policy.isolated);
                let record = self.task_mut(task);
                record.asks = outcome.asks();
                record.implemented = good;
                record.unaccounted = good
                    && !record.has_leftovers
                    && outcome.files.is_empty()
                    && outcome.accounted == Some(false);
                record.has_leftovers |= !good && shared && !outcome.files.is_empty();
                if good || shared {
                    record.changed.extend(outcome.files.iter().cloned());
                }
                record.done_by = if good { seq } else { record.done_by };
                if !good && outcome.shortage.is_none() && !outcome.asks() {
                    self.leaves_its_worktree(&work);
                }
            }
            (
                Work::Gate { gate: Some(gate), check, .. },
                Outcome::Gate { verdict, measures, .. },
            ) => {
                self.gate_results.insert((gate.clone(), check.clone()), *verdict);
                self.judged_whole.insert((gate.clone(), check.clone()), measures.judged_by.clone());
            }
            (
                Work::Gate { task: Some(task), check, purpose, .. },
                Outcome::Gate { measures, verdict, .. },
            ) => {
                let (purpose, verdict) = (*purpose, *verdict);
                let evaluated =
                    matches!(measures.ending, Ending::Exited(code) if code != 126 && code != 127);
                self.require(
                    verdict != GateVerdict::Passed
                        || measures.ending == Ending::Exited(0)
                        || evaluated,
                    "evidence",
                    || format!("{order} passed but was not evaluated"),
                );
                let tests = self.policy.gates.iter().any(|gate| gate.tests && gate.name == *check);
                let passed = verdict == GateVerdict::Passed;
                self.require(!passed || measures.not_green.is_empty(), "tests first", || {
                    format!(
                        "{order} passed, but does not show {:?} that were seen red",
                        measures.not_green
                    )
                });
                let record = self.task_mut(task);
                let short =
                    passed && measures.green > 0 && measures.green < record.red_tests.len() as u64;
                let books = if purpose == Purpose::Baseline {
                    &mut record.judged_before
                } else {
                    &mut record.judged_by
                };
                if matches!(purpose, Purpose::Baseline | Purpose::Judge) {
                    books.insert(check.clone(), measures.judged_by.clone());
                }
                match purpose {
                    Purpose::Baseline if tests => {
                        record.failed_before = measures.failed_tests.iter().cloned().collect();
                        record.base_failed = verdict == GateVerdict::Failed;
                    }
                    Purpose::Baseline => {}
                    Purpose::Red => {
                        let new = measures
                            .failed_tests
                            .iter()
                            .any(|test| !record.failed_before.contains(test));
                        let unnamed = measures.failed_tests.is_empty() && !record.base_failed;
                        record.red |= verdict == GateVerdict::Failed
                            && measures.flaky.is_empty()
                            && (new || unnamed);
                        record.red_tests = measures
                            .failed_tests
                            .iter()
                            .filter(|test| !record.failed_before.contains(*test))
                            .cloned()
                            .collect();
                    }
                    Purpose::Judge => drop(record.gates.insert(check.clone(), verdict)),
                    Purpose::Merged => {
                        self.merged_gates.insert((task.clone(), check.clone()), verdict);
                    }
                }
                self.require(!short, "tests first", || {
                    format!("{order} passed, but does not show all tests that were seen red")
                });
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
                let good =
                    outcome.ending == Ending::Exited(0) && outcome.verdict == Verdict::Complete;
                let shared = !self.policy.isolated;
                if let Some(task) = work.task() {
                    let record = self.task_mut(task);
                    record.asks = outcome.asks();
                    record.tests_files.extend(outcome.files.iter().filter(|_| good).cloned());
                    record.has_leftovers |= !good && shared && !outcome.files.is_empty();
                }
                if !good && outcome.shortage.is_none() && !outcome.asks() {
                    self.leaves_its_worktree(&work);
                }
            }
            (
                Work::PrepareWorktree { task },
                Outcome::Repository(RepositoryOutcome::WorktreeReady { .. }),
            ) => self.task_mut(task).placed = true,
            (
                Work::Merge { .. },
                Outcome::Repository(RepositoryOutcome::Merged { tasks, commit, conflicts }),
            ) => {
                self.merged = Some((tasks.clone(), commit.clone()));
                let all = tasks
                    .iter()
                    .chain(conflicts.iter().map(|conflict| &conflict.task))
                    .cloned()
                    .collect::<BTreeSet<_>>();
                self.untold = (!conflicts.is_empty()).then(|| all.into_iter().collect());
            }
            (Work::Land { tasks, .. }, Outcome::Repository(RepositoryOutcome::Landed)) => {
                self.landings += 1;
                for task in tasks {
                    self.task_mut(task).landed = true;
                }
                self.final_reviews.clear();
            }
            (Work::Renew { .. }, Outcome::Repository(RepositoryOutcome::Renewed { .. })) => {
                self.landings += 1;
                self.final_reviews.clear();
                // What was merged before is not on top of it.
                self.merged = None;
                self.renewed = self.seq;
            }
            (Work::Deliver { .. }, Outcome::Repository(RepositoryOutcome::Delivered)) => {}
            (work, Outcome::Repository(RepositoryOutcome::Failed { .. }))
                if work.is_of_repository() => {}
            _ => self.breach("orders", format!("{order} ended as something that it was not")),
        }
        if work.is_attempt() && !self.policy.isolated {
            self.final_reviews.clear();
        }
    }

    /// A try that came to nothing: the next one has another worktree.
    pub(super) fn leaves_its_worktree(&mut self, work: &Work) {
        if let Some(task) = work.task() {
            self.task_mut(task).placed = false;
        }
    }
}
