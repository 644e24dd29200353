//! What the end of an order adds to the state.

use crate::core::event::{Outcome, Purpose, Step, Work};
use crate::core::id::{AgentName, OrderId};
use crate::core::outcome::{Ending, GateVerdict, RepositoryOutcome, Usage, Verdict};
use crate::core::state::{Judged, OpenOrder, State, TaskState, Worktree};
use crate::core::steps;
use crate::core::throttle::{self, Ended, pool_of};

impl State {
    /// An order ended.
    pub(super) fn end(&mut self, id: OrderId, outcome: &Outcome) {
        let Some(open) = self.orders.remove(&id) else { return };
        if open.work.agent().is_some_and(|agent| self.policy.is_suspect(agent)) {
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
        if let Outcome::Gate { measures, .. } = outcome
            && let Some(task) = open.work.task()
        {
            self.with_task(task, |task| task.judged_as(id, measures.reused_from));
        }
        match &open.work {
            Work::Gate { gate: Some(gate), check, .. } => {
                if let Some(ix) = self.graph.gate(gate) {
                    let gate = std::sync::Arc::make_mut(&mut self.gate_states[ix]);
                    gate.open.remove(&id);
                    if let Some(judged) = Judged::from_outcome(id, outcome, open.changes)
                        && id > gate.reset_at
                    {
                        gate.results.insert(check.clone(), judged);
                    }
                }
            }
            Work::Gate { check, task: Some(task), purpose: Purpose::Merged, .. } => {
                if let Some(judged) = Judged::from_outcome(id, outcome, open.changes) {
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
                    throttle::needed(shortage.kind, self.policy.agent(agent)),
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
    fn judged_as(&mut self, id: OrderId, reused_from: Option<OrderId>) {
        if let Ok(ix) = self.orders.last.binary_search_by_key(&id, |given| given.order) {
            self.orders.last[ix].reused_from = reused_from;
        }
    }

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
        if self.step().is_some() {
            steps::ended(self, id, work, outcome);
        }
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
