//! The next thing to do given only the state and the time, or nothing.
//!
//! Scheduling is no reaction to an event: it looks at the state. A restart, a changed plan, a
//! changed policy and an ordinary step all go through here, so none of them needs code of its own.

use super::event::{Event, Purpose, Step, Work};
use super::evidence;
use super::id::{AgentName, GateId, OrderId, TaskId};
use super::lease;
use super::merging;
use super::outcome::{
    AgentOutcome, Ending, Finding, GateVerdict, Severity, Shortage, ShortageKind, Verdict,
};
use super::plan::TestsFirst;
use super::policy::{AgentPolicy, Role};
use super::progress;
use super::state::{OF_AGENT, State, TaskState, is_red};
use super::throttle;
use super::whole::{finish, gate};

/// How long after an attempt's own limit an order is given up: what carries it out stops it
/// first and says how it ended.
const DEADLINE_MARGIN_MS: u64 = 60_000;

/// The next events that the state calls for; none when it is at rest.
pub fn advance(state: &State, now_ms: u64) -> Vec<Event> {
    if state.execution.is_none() || state.ended.is_some() {
        return Vec::new();
    }
    if let Some(ended) = lease::lapsed(state, now_ms) {
        return vec![ended];
    }
    if state.cancelled {
        let status = progress::status(state);
        return if state.orders.is_empty() {
            vec![Event::ExecutionEnded { status }]
        } else {
            Vec::new()
        };
    }
    let expired = state
        .orders
        .iter()
        .find(|(_, order)| !order.stopping && order.is_under_way() && order.deadline <= now_ms);
    if let Some((order, _)) = expired {
        return vec![Event::StopOrdered { order: *order, why: "its deadline has passed".into() }];
    }
    if state.paused {
        return Vec::new();
    }
    if let Some(events) = merging::renew(state, now_ms) {
        return events;
    }
    for &ix in &state.active {
        let events = Turn { state, ix, task: &state.tasks[ix], now_ms }.next();
        if !events.is_empty() {
            return events;
        }
    }
    let events = merging::next(state, now_ms);
    if !events.is_empty() {
        return events;
    }
    for &ix in &state.due_gates {
        let events = gate(state, ix, now_ms);
        if !events.is_empty() {
            return events;
        }
    }
    let events = start(state, now_ms);
    if !events.is_empty() {
        return events;
    }
    // At rest only when nobody is at work and no wait will end by itself.
    let at_work = state
        .orders
        .values()
        .any(|open| open.work.task().is_some() || open.work.is_of_repository());
    let waits = state.active.iter().any(|&ix| state.tasks[ix].not_before > now_ms)
        || (throttle::recovers(state, now_ms)
            && !(state.active.is_empty() && state.ready.is_empty()));
    if at_work || waits {
        return Vec::new();
    }
    match finish(state, now_ms) {
        Some(events) => events,
        None if state.orders.is_empty() => {
            vec![Event::ExecutionEnded { status: progress::status(state) }]
        }
        None => Vec::new(),
    }
}

/// Starts the ready task of the highest rank for which there is a place.
fn start(state: &State, now_ms: u64) -> Vec<Event> {
    // What was skipped, changed or removed is being stopped: until it is, its files are its own.
    let unwanted = |id: &TaskId| state.task_state(id).is_none_or(|task| task.step().is_none());
    if !state.policy.isolated
        && state.orders.values().any(|open| {
            open.stopping && open.work.is_attempt() && open.work.task().is_some_and(unwanted)
        })
    {
        return Vec::new();
    }
    let working = state
        .active
        .iter()
        .filter(|&&ix| state.tasks[ix].step() <= Some(Step::Implementing))
        .count();
    if working >= state.policy.max_parallel as usize {
        return Vec::new();
    }
    let fits = |ix: usize| {
        let agent = state.allocation[ix].agent.as_ref()?;
        // What an earlier try of it left running must be gone first.
        (state.tasks[ix].open.is_empty()
            && has_place(state, agent, now_ms)
            && (state.policy.isolated || !shares_files(state, ix)))
        .then_some(ix)
    };
    let Some(ix) = state.ready.iter().find_map(|&(_, ix)| fits(ix)) else { return Vec::new() };
    let task = state.task(ix).id.clone();
    let step = next_step(state, ix, None).unwrap_or(Step::Implementing);
    vec![Event::Entered { task, step }]
}

/// Whether an agent may be given one more order. Tasks that it is about to begin count too.
fn has_place(state: &State, agent: &AgentName, now_ms: u64) -> bool {
    let agent = &throttle::substitute(state, agent, now_ms);
    if !throttle::is_available(state, agent, now_ms) {
        return false;
    }
    let Some(limit) = state.policy.agent(agent).and_then(|agent| agent.max_parallel) else {
        return true;
    };
    let about_to = state.active.iter().filter(|&&ix| {
        let task = &state.tasks[ix];
        task.step() <= Some(Step::Implementing)
            && state.allocation[ix].agent.as_ref() == Some(agent)
            && task.open.is_empty()
    });
    state.busy.get(agent).copied().unwrap_or(0) + (about_to.count() as u32) < limit
}

/// Whether an agent's own limit leaves room for one more order right now.
pub(super) fn has_room(state: &State, agent: &AgentName, now_ms: u64) -> bool {
    if !throttle::is_available(state, agent, now_ms) || throttle::refused(state, agent).is_some() {
        return false;
    }
    let limit = state.policy.agent(agent).and_then(|agent| agent.max_parallel);
    limit.is_none_or(|limit| state.busy.get(agent).copied().unwrap_or(0) < limit)
}

/// Tasks that name the same files, or a folder and a file in it, never run at once.
fn shares_files(state: &State, ix: usize) -> bool {
    let files = &state.task(ix).files;
    let overlaps = |a: &str, b: &str| {
        let inside = |outer: &str, inner: &str| {
            inner
                .strip_prefix(outer.trim_end_matches('/'))
                .is_some_and(|rest| rest.starts_with('/'))
        };
        a == b || inside(a, b) || inside(b, a)
    };
    let busy = |&&other: &&usize| {
        state.task(other).files.iter().any(|a| files.iter().any(|b| overlaps(a, b)))
    };
    !files.is_empty() && state.active.iter().any(|other| busy(&other))
}

/// The step after one, leaving out those that have nothing to do; none after the last.
pub fn next_step(state: &State, ix: usize, after: Option<Step>) -> Option<Step> {
    const STEPS: [Step; 9] = [
        Step::Preparing,
        Step::Consulting,
        Step::Baseline,
        Step::WritingTests,
        Step::ProvingRed,
        Step::Implementing,
        Step::Gating,
        Step::Reviewing,
        Step::Merging,
    ];
    STEPS
        .into_iter()
        .find(|&step| after.is_none_or(|after| step > after) && applies(state, ix, step))
}

fn applies(state: &State, ix: usize, step: Step) -> bool {
    let allocation = &state.allocation[ix];
    let agent = allocation.agent.as_ref().and_then(|name| state.policy.agent(name));
    let shell = agent.is_some_and(AgentPolicy::runs_the_task);
    let role = |name: &AgentName| state.policy.agent(name).map(|agent| agent.role);
    // With no test command known, only an agent that is there for it is asked to write tests.
    let tests_written = || {
        let tester = allocation.tester.as_ref();
        tester.is_some_and(|name| {
            state.policy.tests_gate().is_some() || role(name) == Some(Role::Tester)
        })
    };
    match step {
        Step::Preparing => state.policy.isolated && state.tasks[ix].worktree.is_none(),
        Step::Consulting => !allocation.experts.is_empty(),
        Step::Baseline => !shell && state.task_checks(ix).next().is_some(),
        // Once seen red, tests are not written again when the task is tried again.
        Step::WritingTests => tests_written() && !state.tasks[ix].red_seen,
        Step::ProvingRed => {
            tests_written() && state.policy.tests_gate().is_some() && !state.tasks[ix].red_seen
        }
        Step::Implementing => true,
        Step::Gating => state.task_gates(ix).next().is_some(),
        Step::Reviewing => !allocation.reviewers.is_empty(),
        Step::Merging => state.tasks[ix].worktree.is_some(),
    }
}

/// One active task at one moment.
struct Turn<'a> {
    state: &'a State,
    ix: usize,
    task: &'a TaskState,
    now_ms: u64,
}

impl Turn<'_> {
    fn next(&self) -> Vec<Event> {
        if self.task.not_before > self.now_ms {
            return Vec::new();
        }
        if let Some(agent) = self.refused().filter(|_| self.task.open.is_empty()) {
            return self.do_without(&agent);
        }
        match self.task.step() {
            Some(Step::Preparing) => {
                self.prepare_worktree().unwrap_or_else(|| self.enter_after(Step::Preparing))
            }
            Some(Step::Consulting) => self.consult(),
            Some(Step::Baseline) => self.baseline(),
            Some(Step::WritingTests) => self.attempt(Step::WritingTests),
            Some(Step::ProvingRed) => self.prove_red(),
            Some(Step::Implementing) => self.attempt(Step::Implementing),
            Some(Step::Gating) => self.gates(),
            Some(Step::Reviewing) => self.reviews(),
            // The merge queue sees to it.
            Some(Step::Merging) if self.task.landed.is_none() => Vec::new(),
            Some(Step::Merging) => self.enter_after(Step::Merging),
            None => Vec::new(),
        }
    }

    /// An agent that the task's step needs, and that is not asked until a person has done something.
    fn refused(&self) -> Option<AgentName> {
        let allocation = &self.state.allocation[self.ix];
        let is_refused = |agent: &&AgentName| throttle::refused(self.state, agent).is_some();
        match self.task.step()? {
            Step::Consulting => allocation
                .experts
                .iter()
                .filter(|expert| !self.task.consultations.contains_key(*expert))
                .find(is_refused)
                .cloned(),
            Step::Reviewing => allocation
                .reviewers
                .iter()
                .filter(|reviewer| !self.task.reviews.contains_key(*reviewer))
                .find(is_refused)
                .cloned(),
            // What came of an attempt counts first.
            Step::WritingTests | Step::Implementing if self.task.last.is_some() => None,
            step if step <= Step::Implementing && step != Step::ProvingRed => {
                let agent =
                    if step == Step::WritingTests { &allocation.tester } else { &allocation.agent };
                Some(throttle::substitute(self.state, agent.as_ref()?, self.now_ms))
                    .filter(|agent| is_refused(&agent))
            }
            _ => None,
        }
    }

    /// What needs an agent that a person has to see to waits for that person, who is told once.
    fn do_without(&self, agent: &AgentName) -> Vec<Event> {
        let Some((why, _)) = throttle::refused(self.state, agent) else { return Vec::new() };
        let mut events = vec![Event::TaskBlocked {
            task: self.id(),
            reason: format!("{agent} can't be used: {why}"),
        }];
        // And of the one that was to do it instead.
        let fallback = self.state.policy.agent(agent).and_then(|agent| agent.fallback.as_ref());
        events.extend(
            [agent].into_iter().chain(fallback).filter_map(|agent| needs_person(self.state, agent)),
        );
        events
    }

    fn id(&self) -> super::id::TaskId {
        self.state.task(self.ix).id.clone()
    }

    fn enter_after(&self, step: Step) -> Vec<Event> {
        match next_step(self.state, self.ix, Some(step)) {
            Some(step) => vec![Event::Entered { task: self.id(), step }],
            None => vec![Event::TaskDone { task: self.id() }],
        }
    }

    fn order(&self, work: Work) -> Vec<Event> {
        order(self.state, work, self.now_ms)
    }

    fn open(&self, is: impl Fn(&Work) -> bool) -> bool {
        self.task
            .open
            .iter()
            .any(|order| self.state.orders.get(order).is_some_and(|open| is(&open.work)))
    }

    /// Makes a worktree for it; none where it has one or needs none.
    fn prepare_worktree(&self) -> Option<Vec<Event>> {
        if !self.state.policy.isolated || self.task.worktree.is_some() {
            return None;
        }
        if let Some(why) = &self.task.worktree_failed {
            return Some(
                self.unevaluated(true, format!("no worktree could be made for it: {why}")),
            );
        }
        if !self.task.open.is_empty() {
            return Some(Vec::new());
        }
        Some(self.order(Work::PrepareWorktree { task: self.id() }))
    }

    fn consult(&self) -> Vec<Event> {
        let experts = &self.state.allocation[self.ix].experts;
        for expert in experts.iter().filter(|expert| !self.task.consultations.contains_key(*expert))
        {
            let asked = self.open(
                |work| matches!(work, Work::Consultation { expert: asked, .. } if asked == expert),
            );
            if !asked && has_room(self.state, expert, self.now_ms) {
                return self.order(Work::Consultation { task: self.id(), expert: expert.clone() });
            }
        }
        let answered = experts.iter().all(|expert| self.task.consultations.contains_key(expert));
        if answered && self.task.open.is_empty() {
            self.enter_after(Step::Consulting)
        } else {
            Vec::new()
        }
    }

    fn baseline(&self) -> Vec<Event> {
        match self.measure(Purpose::Baseline) {
            Some(events) => events,
            None => self.enter_after(Step::Baseline),
        }
    }

    /// Orders the task's gates; none when all have a result.
    fn measure(&self, purpose: Purpose) -> Option<Vec<Event>> {
        let results =
            if purpose == Purpose::Baseline { &self.task.baseline } else { &self.task.gates };
        for gate in self.state.task_checks(self.ix).filter(|gate| !results.contains_key(&gate.name))
        {
            let running =
                self.open(|work| matches!(work, Work::Gate { check, .. } if *check == gate.name));
            if !running && self.state.open_gates() < self.state.policy.max_parallel as usize {
                let work = Work::Gate {
                    check: gate.name.clone(),
                    gate: None,
                    task: Some(self.id()),
                    purpose,
                };
                return Some(self.order(work));
            }
        }
        let all = self.state.task_checks(self.ix).all(|gate| results.contains_key(&gate.name));
        if all && self.task.open.is_empty() { None } else { Some(Vec::new()) }
    }

    fn attempt(&self, step: Step) -> Vec<Event> {
        let allocation = &self.state.allocation[self.ix];
        let tests = step == Step::WritingTests;
        let agent = if tests { &allocation.tester } else { &allocation.agent };
        let Some(agent) = agent.clone() else {
            return self.block(format!("no agent: {}", allocation.reason));
        };
        let agent = if self.task.last.is_none() {
            throttle::substitute(self.state, &agent, self.now_ms)
        } else {
            agent
        };
        match &self.task.last {
            None => {
                let refused = throttle::broken(self.state, &agent)
                    .or_else(|| throttle::spent(self.state, self.ix, &agent));
                if let Some(why) = refused.filter(|_| self.task.open.is_empty()) {
                    return self.block(why);
                }
                // A try that came to nothing has left its worktree to be looked at.
                if let Some(events) = self.prepare_worktree() {
                    return events;
                }
                let room = self.state.open_attempts() < self.state.policy.max_parallel as usize
                    && has_room(self.state, &agent, self.now_ms);
                if !self.task.open.is_empty() || !room {
                    return Vec::new();
                }
                let task = self.id();
                self.order(if tests {
                    Work::Tests { task, agent, attempt: self.task.test_attempts + 1 }
                } else {
                    Work::Implementation { task, agent, attempt: self.task.attempts + 1 }
                })
            }
            Some(outcome) if outcome.complete() => self.look_at_changes(step, &agent, outcome),
            Some(outcome) => self.did_not_work(&agent, outcome),
        }
    }

    /// What says that it is complete, and has changed nothing that can be committed, goes back once.
    fn look_at_changes(&self, step: Step, agent: &AgentName, outcome: &AgentOutcome) -> Vec<Event> {
        let Some(missing) = evidence::missing(self.task, outcome) else {
            return self.enter_after(step);
        };
        let was_told = evidence::was_told(self.task);
        if was_told || self.task.rework_round >= self.state.policy.max_rework {
            // Where there is no round left in which it could say so once more, it has said so.
            if !was_told && outcome.accounted == Some(true) {
                return self.enter_after(step);
            }
            let told = if was_told { ", and it was told so" } else { "" };
            let open = self.task.findings.iter().find(|finding| finding.by != evidence::CHANGES);
            let open =
                open.map_or(String::new(), |finding| format!("; still open: {}", finding.text));
            return self
                .fail(format!("{agent} says that it is complete, but {missing}{told}{open}"));
        }
        let asked = "do what is missing, where git keeps it; or say `No changes needed`, and why, or name the files that git is to ignore";
        let findings = [blocker(evidence::CHANGES, &format!("{missing}: {asked}"))]
            .into_iter()
            .chain(self.task.findings.clone());
        self.rework(step, findings.collect())
    }

    fn did_not_work(&self, agent: &AgentName, outcome: &AgentOutcome) -> Vec<Event> {
        if let Some(shortage) = &outcome.shortage {
            return self.wait_for_agent(agent, shortage);
        }
        let shell = self.state.policy.agent(agent).is_some_and(AgentPolicy::runs_the_task);
        let said =
            if outcome.reason.is_empty() { String::new() } else { format!(": {}", outcome.reason) };
        let why = match &outcome.ending {
            Ending::Exited(0) => match outcome.verdict {
                Verdict::Blocked => format!("{agent} is blocked{said}"),
                Verdict::Failed => format!("{agent} failed{said}"),
                _ => format!("{agent} did not say that it is complete{said}"),
            },
            ending => format!("{agent} {ending}{said}"),
        };
        // A crash, a time-out or a missing answer may be better next time; a command that says
        // no, or a program that is not there, will not.
        let may_help = match &outcome.ending {
            Ending::Signaled(_) | Ending::Lost | Ending::Stopped => true,
            Ending::TimedOut | Ending::Idle => !shell,
            Ending::Exited(_) => !shell && outcome.verdict == Verdict::Unknown,
            Ending::DidNotStart(_) | Ending::OutputLimit => false,
        };
        if may_help && self.task.tries + 1 < self.state.policy.max_attempts {
            return self.postpone(why);
        }
        match &outcome.ending {
            _ if outcome.asks() => self.ask(why),
            Ending::DidNotStart(_) => self.block(why),
            _ if outcome.verdict == Verdict::Blocked => self.block(why),
            _ => self.fail(why),
        }
    }

    fn postpone(&self, why: String) -> Vec<Event> {
        let wait = self.state.policy.backoff_ms.saturating_mul(1 << self.task.tries.min(16));
        vec![Event::Postponed {
            task: self.id(),
            until: self.now_ms + wait,
            why,
            not_counted: false,
        }]
    }

    /// An agent's service could not be had: that is no try, and somebody is told when it lasts.
    fn wait_for_agent(&self, agent: &AgentName, shortage: &Shortage) -> Vec<Event> {
        if shortage.kind.needs_person() {
            // Who does it instead, or that nobody can, is decided in its next turn.
            let why = format!("{agent}: {}", throttle::shortage_name(shortage));
            return vec![Event::Postponed {
                task: self.id(),
                until: self.now_ms,
                why,
                not_counted: true,
            }];
        }
        let name = throttle::pool_of(&self.state.policy, agent);
        let pool = self.state.pools.get(&name);
        let why = format!("{agent}: {}", throttle::shortage_name(shortage));
        let until = pool.map_or(self.now_ms, |pool| pool.paused_until).max(self.now_ms + 1);
        let mut events =
            vec![Event::Postponed { task: self.id(), until, why: why.clone(), not_counted: true }];
        let about = format!("{OF_AGENT}{name}");
        let told = self.state.escalations.iter().any(|known| known.about == about);
        if !told
            && pool.is_some_and(|pool| {
                pool.consecutive_limits >= throttle::MOST_CONSECUTIVE_LIMITS
                    || shortage.kind == ShortageKind::Quota
            })
        {
            let needed = "patience, a smaller `max_parallel`, a larger quota, or a `fallback` in its entry of the config".into();
            events.push(Event::Escalated {
                about,
                why,
                tried: format!("{} times in a row", pool.map_or(1, |pool| pool.consecutive_limits)),
                needed,
            });
        }
        events
    }

    fn tried(&self) -> String {
        let task = self.task;
        format!("{} attempts, {} rounds of rework", task.attempts + task.test_attempts, task.rework)
    }

    fn fail(&self, why: String) -> Vec<Event> {
        let task = self.id();
        let needed = format!(
            "fix the cause, then run `execution-coordinator retry {task}` (or `skip {task}`)"
        );
        vec![
            Event::TaskFailed { task: task.clone(), reason: why.clone() },
            Event::Escalated { about: format!("task {task}"), why, tried: self.tried(), needed },
        ]
    }

    fn block(&self, why: String) -> Vec<Event> {
        let task = self.id();
        self.wait_for_somebody(
            why,
            format!("a decision: `retry {task}` when what it needs is there, or `skip {task}`"),
        )
    }

    fn ask(&self, why: String) -> Vec<Event> {
        let task = self.id();
        self.wait_for_somebody(
            why,
            format!(
                "`answer {task} TEXT`, on which it goes on; or `retry {task}`, or `skip {task}`"
            ),
        )
    }

    fn wait_for_somebody(&self, why: String, needed: String) -> Vec<Event> {
        let task = self.id();
        vec![
            Event::TaskBlocked { task: task.clone(), reason: why.clone() },
            Event::Escalated { about: format!("task {task}"), why, tried: self.tried(), needed },
        ]
    }

    fn rework(&self, step: Step, findings: Vec<Finding>) -> Vec<Event> {
        if self.task.rework_round >= self.state.policy.max_rework {
            let first = findings.first().map(|finding| finding.text.clone()).unwrap_or_default();
            let rounds = self.state.policy.max_rework;
            return self.fail(format!("still not good after {rounds} rounds of rework: {first}"));
        }
        vec![Event::Rework { task: self.id(), step, findings, not_counted: false }]
    }

    fn prove_red(&self) -> Vec<Event> {
        let Some(gate) = self.state.policy.tests_gate() else {
            return self.enter_after(Step::ProvingRed);
        };
        let Some(red) = &self.task.red else {
            if !self.task.open.is_empty()
                || self.state.open_gates() >= self.state.policy.max_parallel as usize
            {
                return Vec::new();
            }
            return self.order(Work::Gate {
                check: gate.name.clone(),
                gate: None,
                task: Some(self.id()),
                purpose: Purpose::Red,
            });
        };
        let before = self.task.baseline.get(&gate.name);
        if is_red(red, before) {
            return self.enter_after(Step::ProvingRed);
        }
        let required = self.state.allocation[self.ix].tests_first == TestsFirst::Required;
        let why = match red.verdict {
            GateVerdict::Passed => {
                format!(
                    "the tests pass before the implementation (`{}`): they must fail until the behaviour is there",
                    gate.name
                )
            }
            GateVerdict::Failed => {
                format!(
                    "no new test can be seen to fail: `{}` failed before any work too ({}); make it pass first, or have it name its tests",
                    gate.name, red.reason
                )
            }
            GateVerdict::NotEvaluated => format!("the tests could not be run: {}", red.reason),
        };
        let limit = self.task.rework_round >= self.state.policy.max_rework;
        match red.verdict {
            _ if !required && (limit || red.verdict == GateVerdict::NotEvaluated) => {
                self.enter_after(Step::ProvingRed)
            }
            GateVerdict::NotEvaluated => self.unevaluated(may_help(&red.measures.ending), why),
            _ => self.rework(Step::WritingTests, vec![blocker("tests first", &why)]),
        }
    }

    /// A gate or a review of the task could not be evaluated: again where that may help, and
    /// otherwise it stays open and the task waits for somebody.
    fn unevaluated(&self, may_help: bool, why: String) -> Vec<Event> {
        if may_help && self.task.tries + 1 < self.state.policy.max_attempts {
            self.postpone(why)
        } else {
            self.block(why)
        }
    }

    fn gates(&self) -> Vec<Event> {
        if let Some(events) = self.measure(Purpose::Judge) {
            return events;
        }
        let results = || self.task.gates.iter();
        let failed: Vec<Finding> = results()
            .filter(|(_, judged)| judged.verdict == GateVerdict::Failed)
            .map(|(name, judged)| {
                blocker(
                    &format!("gate {name}"),
                    &format!("{} (output of {})", judged.reason, judged.order),
                )
            })
            .collect();
        if !failed.is_empty() {
            return self.rework(Step::Implementing, failed);
        }
        if let Some((name, judged)) =
            results().find(|(_, judged)| judged.verdict == GateVerdict::NotEvaluated)
        {
            return self.unevaluated(
                may_help(&judged.measures.ending),
                format!("gate `{name}` could not be evaluated: {}", judged.reason),
            );
        }
        for gate in self.state.task_gates(self.ix) {
            let Some(why) = evidence::approval_asked(self.state, self.ix, gate) else { continue };
            let id = GateId::from(format!("{}@{}", gate.name, self.id()));
            match self.state.decisions.get(&id) {
                Some(decision) if decision.approved => {}
                Some(decision) => {
                    return self.fail(format!(
                        "{} rejected gate `{id}`: {}",
                        decision.by, decision.reason
                    ));
                }
                None => return self.ask_for_approval(&id, why),
            }
        }
        self.enter_after(Step::Gating)
    }

    fn ask_for_approval(&self, id: &GateId, why: String) -> Vec<Event> {
        let about = format!("gate {id}");
        if self.state.escalations.iter().any(|known| known.about == about) {
            return Vec::new();
        }
        vec![approval_needed(id, why)]
    }

    fn reviews(&self) -> Vec<Event> {
        let reviewers = &self.state.allocation[self.ix].reviewers;
        for reviewer in
            reviewers.iter().filter(|reviewer| !self.task.reviews.contains_key(*reviewer))
        {
            let asked = self.open(
                |work| matches!(work, Work::Review { reviewer: asked, .. } if asked == reviewer),
            );
            if !asked && has_room(self.state, reviewer, self.now_ms) {
                return self
                    .order(Work::Review { task: Some(self.id()), reviewer: reviewer.clone() });
            }
        }
        if !reviewers.iter().all(|reviewer| self.task.reviews.contains_key(reviewer))
            || !self.task.open.is_empty()
        {
            return Vec::new();
        }
        let failed: Vec<_> = self
            .task
            .reviews
            .iter()
            .filter(|(_, (_, review))| review.verdict == GateVerdict::Failed)
            .collect();
        if !failed.is_empty() {
            let blockers = failed.iter().flat_map(|(by, (_, review))| {
                let found: Vec<Finding> = review
                    .findings
                    .iter()
                    .filter(|f| f.severity == Severity::Blocker)
                    .cloned()
                    .collect();
                if found.is_empty() { vec![blocker(by.as_str(), &review.summary)] } else { found }
            });
            return self.rework(Step::Implementing, blockers.collect());
        }
        let missing = self
            .task
            .reviews
            .iter()
            .find(|(_, (_, review))| review.verdict == GateVerdict::NotEvaluated);
        if let Some((reviewer, (_, review))) = missing {
            if let Some(shortage) = &review.shortage {
                return self.wait_for_agent(reviewer, shortage);
            }
            return self.unevaluated(
                may_help(&review.ending),
                format!("no verdict of {reviewer}: {}", review.summary),
            );
        }
        self.enter_after(Step::Reviewing)
    }
}

/// A person is told, once, what an agent needs.
pub(super) fn needs_person(state: &State, agent: &AgentName) -> Option<Event> {
    let (why, needed) = throttle::refused(state, agent)?;
    let about = format!("{OF_AGENT}{}", throttle::pool_of(&state.policy, agent));
    let is_told = state.escalations.iter().any(|known| known.about == about);
    (!is_told).then(|| Event::Escalated {
        about,
        why: why.to_owned(),
        tried: String::new(),
        needed: needed.to_owned(),
    })
}

/// Whether what could not be evaluated may be the next time.
pub(super) fn may_help(ending: &Ending) -> bool {
    !matches!(ending, Ending::DidNotStart(_) | Ending::Exited(126 | 127) | Ending::OutputLimit)
}

/// A task goes back with findings, or fails where it did so too often.
pub(super) fn rework(state: &State, id: &TaskId, step: Step, findings: Vec<Finding>) -> Vec<Event> {
    turn(state, id, 0).map(|turn| turn.rework(step, findings)).unwrap_or_default()
}

/// Something of a task could not be evaluated.
pub(super) fn unevaluated(
    state: &State,
    id: &TaskId,
    may_help: bool,
    why: String,
    now_ms: u64,
) -> Vec<Event> {
    turn(state, id, now_ms).map(|turn| turn.unevaluated(may_help, why)).unwrap_or_default()
}

fn turn<'a>(state: &'a State, id: &TaskId, now_ms: u64) -> Option<Turn<'a>> {
    state.graph.task(id).map(|ix| Turn { state, ix, task: &state.tasks[ix], now_ms })
}

pub(super) fn blocker(by: &str, text: &str) -> Finding {
    Finding { by: by.to_owned(), severity: Severity::Blocker, text: text.to_owned(), place: None }
}

pub(super) fn approval_needed(id: &GateId, why: String) -> Event {
    let needed = format!("`approve {0}` or `reject {0}`", progress::as_argument(id));
    gate_needs(id, why, needed)
}

/// Somebody is needed for a gate.
pub(super) fn gate_needs(id: &GateId, why: String, needed: String) -> Event {
    Event::Escalated { about: format!("gate {id}"), why, tried: String::new(), needed }
}

pub(super) fn order(state: &State, work: Work, now_ms: u64) -> Vec<Event> {
    let deadline = now_ms + limit_ms(state, &work) + DEADLINE_MARGIN_MS;
    vec![Event::Ordered { order: OrderId(state.last_order + 1), work, deadline }]
}

/// How long an order may take.
pub(super) fn limit_ms(state: &State, work: &Work) -> u64 {
    let own = match work {
        Work::Gate { check, .. } => {
            state.policy.gates.iter().find(|gate| gate.name == *check).map(|gate| gate.timeout_ms)
        }
        work => work
            .agent()
            .and_then(|name| state.policy.agent(name))
            .and_then(|agent| agent.attempt_timeout_ms),
    };
    own.unwrap_or(state.policy.attempt_timeout_ms)
}
