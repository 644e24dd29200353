//! What the end of an order adds to the state.

use super::{Judged, OpenOrder, Phase, State, TaskState, Worktree};
use crate::core::event::{Outcome, Purpose, Step, Work};
use crate::core::hold::is_suspect;
use crate::core::id::{AgentName, OrderId};
use crate::core::outcome::{
    AgentOutcome, Ending, GateVerdict, RepositoryOutcome, Severity, Usage, Verdict,
};
use crate::core::throttle::{self, Ended, pool_of};
use std::sync::Arc;

impl State {
    /// An order ended.
    pub(super) fn end(&mut self, id: OrderId, outcome: &Outcome) {
        let Some(open) = self.orders.remove(&id) else { return };
        if open.work.agent().is_some_and(|agent| is_suspect(self, agent)) {
            self.last_suspect = Some((id, self.now));
        }
        if let Some(agent) = open.work.agent() {
            self.supplied(agent, outcome);
            if let Some(count) = self.busy.get_mut(agent) {
                *count = count.saturating_sub(1);
            }
            let usage = match outcome {
                Outcome::Agent(outcome) => outcome.usage,
                _ => Usage::default(),
            };
            let sum = self.utilisation.entry(agent.clone()).or_default();
            sum.orders += 1;
            // What nobody had taken kept nobody busy.
            let since = open
                .offer
                .as_ref()
                .map_or(Some(open.at), |offer| offer.holder.as_ref().map(|holder| holder.at));
            sum.busy_ms += since.map_or(0, |since| self.now.saturating_sub(since));
            let spent = Usage { tokens: sum.tokens, cost_usd: sum.cost_usd, ..Usage::default() }
                .plus(usage);
            (sum.tokens, sum.cost_usd) = (spent.tokens, spent.cost_usd);
            sum.implausible += u32::from(usage.implausible);
        }
        if open.work.is_attempt() && !self.policy.isolated {
            self.changes += 1;
            self.final_reviews.clear();
        }
        if let Outcome::Repository(outcome) = outcome {
            self.repository_ended(id, &open, outcome);
        }
        match &open.work {
            Work::Gate { gate: Some(gate), check, .. } => {
                if let Some(ix) = self.graph.gate(gate) {
                    let gate = Arc::make_mut(&mut self.gate_states[ix]);
                    gate.open.remove(&id);
                    if let Outcome::Gate { measures, verdict, reason } = outcome
                        && id > gate.reset_at
                    {
                        let (measures, reason) = ((**measures).clone(), reason.clone());
                        let judged = Judged {
                            order: id,
                            measures,
                            verdict: *verdict,
                            reason,
                            changes: open.changes,
                        };
                        gate.results.insert(check.clone(), judged);
                    }
                }
            }
            Work::Gate { check, task: Some(task), purpose: Purpose::Merged, .. } => {
                if let Outcome::Gate { measures, verdict, reason } = outcome {
                    let (measures, reason) = ((**measures).clone(), reason.clone());
                    let judged = Judged {
                        order: id,
                        measures,
                        verdict: *verdict,
                        reason,
                        changes: open.changes,
                    };
                    self.merging.judged(task, check, judged);
                }
                self.with_task(task, |task| {
                    task.open.remove(&id);
                });
            }
            Work::Review { task: None, reviewer } => {
                if let Outcome::Review(review) = outcome
                    && review.shortage.is_none()
                {
                    self.final_reviews.insert(reviewer.clone(), (id, review.clone()));
                }
            }
            work => {
                if let Some(task) = work.task() {
                    self.with_task(task, |task| task.end(id, work, outcome));
                }
            }
        }
    }

    /// What the end of an order says of who can be had.
    fn supplied(&mut self, agent: &AgentName, outcome: &Outcome) {
        let (shortage, ended) = match outcome {
            Outcome::Agent(outcome) => (
                outcome.shortage.as_ref(),
                ended_as(&outcome.ending, outcome.verdict == Verdict::Blocked, outcome.complete()),
            ),
            Outcome::Review(review) => (
                review.shortage.as_ref(),
                ended_as(&review.ending, false, review.verdict != GateVerdict::NotEvaluated),
            ),
            _ => return,
        };
        let name = pool_of(&self.policy, agent);
        let busy = throttle::busy(self, &name);
        let known = self.pools.contains_key(&name);
        let said = match outcome {
            Outcome::Agent(outcome) if !outcome.reason.is_empty() => outcome.reason.clone(),
            Outcome::Agent(outcome) => outcome.ending.to_string(),
            Outcome::Review(review) => review.summary.clone(),
            _ => String::new(),
        };
        // What has never been short is not kept book of.
        if shortage.is_some() || ended == Ended::Badly || known {
            let pool = self.pools.entry(name.clone()).or_default();
            if let Some(shortage) = shortage.filter(|shortage| shortage.kind.needs_person()) {
                pool.refused = Some((
                    format!("{}: {said}", throttle::shortage_name(shortage)),
                    throttle::needed(shortage.kind, &name),
                ));
            } else if ended == Ended::Badly {
                pool.last_failure = said;
            }
            pool.ended(shortage, ended, (self.now, self.policy.backoff_ms), busy);
        }
    }

    /// What an order to the repository came to.
    fn repository_ended(&mut self, id: OrderId, open: &OpenOrder, outcome: &RepositoryOutcome) {
        let landed = self.merging.ended(&open.work, outcome);
        if matches!(outcome, RepositoryOutcome::Renewed { .. }) {
            self.merging.renewed = Some(id);
        }
        match (&open.work, outcome) {
            (
                Work::PrepareWorktree { task },
                RepositoryOutcome::WorktreeReady { folder, branch, base },
            ) => {
                let place = Worktree {
                    order: id,
                    folder: folder.as_str().into(),
                    branch: branch.as_str().into(),
                    base: base.as_str().into(),
                };
                // The first begins with nothing but the user's own.
                self.merging.base.get_or_insert_with(|| base.clone());
                self.with_task(task, |task| task.worktree = Some(place));
            }
            (Work::PrepareWorktree { task }, RepositoryOutcome::Failed { why }) => {
                self.with_task(task, |task| task.worktree_failed = Some(why.clone()));
            }
            (Work::Land { tasks, commit }, _) if landed => {
                self.changes += 1;
                self.final_reviews.clear();
                for task in tasks {
                    self.with_task(task, |task| {
                        if task.step() == Some(Step::Merging) {
                            task.landed = Some(commit.clone());
                        }
                    });
                }
            }
            (Work::Renew { .. }, _) if landed => {
                self.changes += 1;
                self.final_reviews.clear();
            }
            _ => {}
        }
    }
}

impl TaskState {
    fn end(&mut self, id: OrderId, work: &Work, outcome: &Outcome) {
        self.open.remove(&id);
        if let Outcome::Agent(outcome) = outcome {
            self.spent = self.spent.plus(outcome.usage);
            self.outside.extend(
                outcome.outside.iter().map(|what| format!("{what} while {id} was at work")),
            );
            if outcome.session.is_some() && outcome.session == self.session {
                self.session_used = self.session_used.plus(outcome.usage);
            }
        }
        let Phase::Active(step) = self.phase else { return };
        match (work, outcome) {
            // Who could not be had is asked again.
            (Work::Consultation { .. }, Outcome::Agent(outcome)) if outcome.shortage.is_some() => {}
            (Work::Consultation { expert, .. }, Outcome::Agent(outcome)) => {
                self.consultations.insert(expert.clone(), (**outcome).clone());
            }
            (Work::Tests { .. }, Outcome::Agent(outcome)) if step == Step::WritingTests => {
                self.last = Some((**outcome).clone());
                if outcome.complete() {
                    self.answered = false;
                    // The session was the tester's.
                    (self.session, self.session_used) = (None, Usage::default());
                    self.tests_files.extend(outcome.files.iter().cloned());
                    self.tests_commit = outcome.commit.clone();
                    self.commit = outcome.commit.clone();
                } else {
                    self.came_to_nothing(outcome);
                }
            }
            (Work::Implementation { .. }, Outcome::Agent(outcome))
                if step == Step::Implementing =>
            {
                self.last = Some((**outcome).clone());
                // What came to nothing is left behind with its place, where it had one.
                if outcome.complete() || self.worktree.is_none() {
                    self.changed.extend(outcome.files.iter().cloned());
                }
                if outcome.complete() {
                    self.answered = false;
                    self.commit = outcome.commit.clone();
                    if outcome.session != self.session {
                        (self.session, self.session_used) =
                            (outcome.session.clone(), outcome.usage);
                    }
                    self.result = Some((id, (**outcome).clone()));
                } else {
                    self.came_to_nothing(outcome);
                }
            }
            // What it left half done is not where the next one begins.
            (Work::Tests { .. } | Work::Implementation { .. }, Outcome::Lost { .. }) => {
                self.has_leftovers |= self.worktree.is_none();
                self.leave_place();
            }
            (Work::Gate { check, purpose, .. }, Outcome::Gate { measures, verdict, reason }) => {
                let judged = Judged {
                    order: id,
                    measures: (**measures).clone(),
                    verdict: *verdict,
                    reason: reason.clone(),
                    changes: 0,
                };
                match purpose {
                    Purpose::Baseline => drop(self.baseline.insert(check.clone(), judged)),
                    Purpose::Red => {
                        let old = self.baseline.get(check);
                        self.red_seen = self.red_seen || is_red(&judged, old);
                        self.red = Some(judged);
                    }
                    Purpose::Judge => drop(self.gates.insert(check.clone(), judged)),
                    // Of the merge queue.
                    Purpose::Merged => {}
                }
            }
            (Work::Review { reviewer, .. }, Outcome::Review(review)) => {
                let remarks =
                    review.findings.iter().filter(|finding| finding.severity != Severity::Blocker);
                for remark in remarks {
                    if !self.remarks.contains(remark) {
                        self.remarks.push(remark.clone());
                    }
                }
                self.reviews.insert(reviewer.clone(), (id, review.clone()));
            }
            _ => {}
        }
    }
}

impl TaskState {
    fn came_to_nothing(&mut self, outcome: &AgentOutcome) {
        self.has_leftovers |= self.worktree.is_none() && !outcome.files.is_empty();
        if outcome.asks() {
            // Once it is answered, it goes on here.
            if outcome.session != self.session {
                (self.session, self.session_used) = (outcome.session.clone(), outcome.usage);
            }
        } else if outcome.shortage.is_none() {
            self.leave_place();
        }
    }

    /// A try came to nothing: the next one begins elsewhere, with what was finished before.
    fn leave_place(&mut self) {
        self.worktree = None;
        self.answered = false;
        (self.session, self.session_used) = (None, Usage::default());
    }
}

fn ended_as(ending: &Ending, blocked: bool, good: bool) -> Ended {
    match ending {
        _ if good => Ended::Well,
        Ending::Stopped | Ending::Lost => Ended::Otherwise,
        _ if blocked => Ended::Otherwise,
        _ => Ended::Badly,
    }
}

/// Whether a run shows new tests failing: a failure that was not there before.
pub fn is_red(judged: &Judged, before: Option<&Judged>) -> bool {
    if judged.verdict != GateVerdict::Failed || !judged.measures.flaky.is_empty() {
        return false;
    }
    let failed = &judged.measures.failed_tests;
    match before {
        Some(before) if !failed.is_empty() => {
            failed.iter().any(|test| !before.measures.failed_tests.contains(test))
        }
        Some(before) => {
            before.verdict == GateVerdict::Passed || before.verdict == GateVerdict::NotEvaluated
        }
        None => true,
    }
}
