//! What each event adds to the state. [`State::apply`] is the only place where a state changes, and it is total: an event
//! that makes no sense changes nothing.

mod ends;
mod gate;
mod plan;
mod task;

use super::event::{Event, Recorded};
use super::id::OrderId;
use super::outcome::GateVerdict;
use super::state::{Escalation, Held, Holder, OF_AGENT, Offer, Phase, State, THE_BASE, THE_RESULT};
use std::sync::Arc;

impl State {
    /// Adds one event.
    #[expect(clippy::too_many_lines, reason = "a list: an arm for each event")]
    pub fn apply(&mut self, recorded: &Recorded) {
        self.seq = recorded.seq;
        self.now = self.now.max(recorded.at);
        match &recorded.event {
            Event::Opened { execution, breakdown, .. } => {
                self.execution = Some(execution.clone());
                self.breakdown = breakdown.as_str().into();
                self.started_at = self.now;
                self.owned_since = self.now;
            }
            Event::PlanAccepted { plan } => {
                self.take_plan(plan.clone());
                self.plan_problems.clear();
            }
            Event::TasksRenamed { names } => self.rename(names),
            Event::TaskChanged { task, .. } => self.task_changed(task),
            Event::PlanRejected { problems } => self.plan_problems = problems.clone(),
            Event::PolicySet { policy } => {
                self.policy = policy.clone();
                self.take_plan(self.plan.clone());
            }
            Event::Marked { task, mark } => self.settle(task, Phase::Marked(*mark)),
            Event::Entered { task, step } => self.enter(recorded.seq, task, *step),
            Event::Ordered { order, work, deadline } => {
                self.merging.ordered(recorded.seq, work);
                self.order(*order, work, *deadline);
            }
            Event::StopOrdered { order, .. } => {
                if let Some(open) = self.orders.get_mut(order) {
                    open.stopping = true;
                }
            }
            Event::Claimed { order, by, until, deadline } => {
                if let Some(open) = self.orders.get_mut(order)
                    && let Some(offer) = &mut open.offer
                {
                    open.deadline = *deadline;
                    offer.claims += 1;
                    offer.holder = Some(Holder { by: by.clone(), at: self.now, until: *until });
                }
            }
            Event::LeaseExtended { order, until } => {
                if let Some(holder) = self.offer(order).and_then(|offer| offer.holder.as_mut()) {
                    holder.until = *until;
                }
            }
            Event::Released { order, .. } => {
                if let Some(offer) = self.offer(order) {
                    offer.holder = None;
                }
            }
            Event::ChangeHeld { file, during, digest } => {
                let held = Held { during: during.clone(), digest: digest.clone(), rejected: false };
                self.held.insert(file.clone(), held);
            }
            Event::ChangeDecided { file, approved: true, digest, .. } => {
                self.held.remove(file);
                self.approved_changes.insert(file.clone(), digest.clone());
            }
            Event::ChangeDecided { file, .. } => {
                self.held.get_mut(file).into_iter().for_each(|held| held.rejected = true)
            }
            Event::Ended { order, outcome } => self.end(*order, outcome),
            Event::Postponed { task, until, not_counted, why } => {
                self.postpone(recorded.seq, task, *until, *not_counted, why)
            }
            Event::Rework { task, step, findings, not_counted } => {
                self.rework(task, *step, findings, *not_counted)
            }
            Event::TaskDone { task } => self.settle(task, Phase::Done),
            Event::TaskFailed { task, reason } => self.settle(task, Phase::Failed(reason.clone())),
            Event::TaskBlocked { task, reason } => self.block(task, reason),
            Event::Steered { order, text, from } => self.steered(recorded.seq, *order, text, from),
            Event::SteerEnded { steered, why, .. } => self.steer_ended(*steered, why.as_deref()),
            Event::TaskAnswered { task, text, from } => self.answered(task, text, from),
            Event::TaskSkipped { task } => self.settle(task, Phase::Skipped),
            Event::TaskRetried { task } => self.retry(task),
            Event::GatePassed { gate } => self.gate_passed(gate),
            Event::GateFailed { gate, reason } => self.gate_failed(gate, reason),
            Event::GateOpen { gate, reason } => self.gate_open(gate, reason),
            Event::GateReset { gate } => self.gate_reset(gate),
            Event::GateDecided { gate, approved, by, reason, .. } => {
                self.gate_decided(gate, *approved, by, reason)
            }
            Event::Escalated { about, why, tried, needed } => {
                self.escalations.push(Arc::new(Escalation {
                    at: recorded.at,
                    about: about.clone(),
                    why: why.clone(),
                    tried: tried.clone(),
                    needed: needed.clone(),
                }))
            }
            Event::Paused => self.paused = true,
            Event::Resumed => self.paused = false,
            Event::Cancelled => self.cancelled = true,
            Event::BaseMoved { commit, rewritten } => {
                self.escalations.retain(|known| known.about != THE_BASE);
                self.merging.base_moved(commit, *rewritten);
            }
            // It goes by what is there now: what was rejected is not.
            Event::Restarted => self.held.retain(|_, held| !held.rejected),
            Event::TakenUp { .. } => self.owned_since = recorded.at,
            Event::SourcesRead { files } => self.sources.clone_from(files),
            Event::Reopened => self.reopen(),
            Event::ExecutionEnded { status } => self.ended = Some((*status, recorded.at)),
        }
    }

    fn offer(&mut self, order: &OrderId) -> Option<&mut Offer> {
        self.orders.get_mut(order)?.offer.as_mut()
    }

    fn reopen(&mut self) {
        self.ask_all_agents_again();
        self.ended = None;
        self.escalations.retain(|known| !known.about.starts_with(OF_AGENT));
        // What was in the way of the result may be gone.
        if !self.merging.is_delivered() {
            self.merging.delivered = None;
            self.escalations.retain(|known| known.about != THE_RESULT);
        }
        self.final_reviews.retain(|_, (_, review)| review.verdict == GateVerdict::Passed);
    }

    /// Whoever tries again has seen to it that it may help.
    fn ask_all_agents_again(&mut self) {
        self.pools.values_mut().for_each(|pool| (pool.failures, pool.refused) = (0, None));
    }
}
