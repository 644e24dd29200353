//! Everything together, pure: the core against a world that crashes, loses, repeats, contradicts
//! and hangs, in virtual time. A seed decides everything; a failing one is printed and fails
//! again. `SIMULATE_SEEDS=100000` runs more of them, `SEED=7` one, with its trace.

use execution_coordinator::config::AgentKind;
use execution_coordinator::core::audit::audit;
use execution_coordinator::core::change::rename;
use execution_coordinator::core::decider::{Decider, Frontend};
use execution_coordinator::core::dispatch;
use execution_coordinator::core::event::{Event, Mark, Outcome, Purpose, Recorded, Status, Work};
use execution_coordinator::core::id::{ExecutionId, GateId, Lease, OrderId, StreamId, TaskId};
use execution_coordinator::core::input::{Input, Start};
use execution_coordinator::core::lease::{held, offers};
use execution_coordinator::core::outcome::{
    AgentOutcome, Conflict, Ending, Finding, GateMeasures, GateVerdict, RepositoryOutcome,
    ReviewOutcome, Severity, Shortage, ShortageKind, TestCounts, Usage, Verdict,
};
use execution_coordinator::core::plan::{
    Dependency, Level, Node, Origin, Plan, PlanGate, Stream, Task, TestsFirst,
};
use execution_coordinator::core::policy::{AgentPolicy, Budget, GatePolicy, Policy, Role};
use execution_coordinator::core::report::report;
use execution_coordinator::core::state::State;
use execution_coordinator::core::turn;
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};

pub fn agent(name: &str, role: Role, kind: &str) -> AgentPolicy {
    let client = AgentKind::CLIENTS.into_iter().find(|known| known.name() == kind);
    let is_steerable = client.and_then(AgentKind::client).is_some_and(|client| client.is_steerable);
    AgentPolicy { is_steerable, ..AgentPolicy::new(name, role, kind) }
}

/// How an execution begins, with nothing ticked.
pub fn start(execution: &str, plan: Plan, policy: Policy) -> Input {
    let (execution, breakdown) = (ExecutionId::from(execution), "b.md".into());
    Input::Start(Box::new(Start {
        execution,
        program: "test".into(),
        breakdown,
        plan,
        policy,
        marks: BTreeMap::new(),
    }))
}

pub fn gate(name: &str, level: Level) -> GatePolicy {
    GatePolicy {
        name: name.into(),
        level,
        streams: Vec::new(),
        command: true,
        parent: false,
        approval: false,
        tests: name == "tests",
        min_coverage_pct: None,
        tolerate_preexisting: false,
        report: false,
        timeout_ms: 10_000,
        judged_by: BTreeMap::new(),
    }
}

/// How bad a world is: drawn for each seed, so that some are calm and some are not.
struct World {
    rng: Rng,
    crash: f64,
    lose: f64,
    hang: f64,
    twice: f64,
    late: f64,
    fail: f64,
    restart: f64,
    steer: f64,
    short: f64,
    /// What the user's branch has.
    delivered: BTreeSet<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut draw = |most: f64| if rng.bool() { 0.0 } else { rng.f64() * most };
        let (crash, lose, hang, twice) = (draw(0.3), draw(0.2), draw(0.1), draw(0.3));
        let (late, fail, restart, steer) = (draw(0.3), draw(0.4), draw(0.1), draw(0.1));
        let short = draw(0.3);
        Self {
            rng,
            crash,
            lose,
            hang,
            twice,
            late,
            fail,
            restart,
            steer,
            short,
            delivered: BTreeSet::new(),
        }
    }

    fn chance(&mut self, likely: f64) -> bool {
        self.rng.f64() < likely
    }

    fn plan(&mut self) -> Plan {
        let streams = self.rng.usize(1..4);
        let mut plan = Plan { topic: "Simulated".into(), ..Plan::default() };
        for s in 0..streams {
            let id = StreamId::from(["A", "B", "C"][s]);
            let mut stream =
                Stream { id: id.clone(), name: format!("stream {s}"), depends_on: Vec::new() };
            if s > 0 && self.rng.bool() {
                stream.depends_on.push(Dependency {
                    on: Node::Stream(plan.streams[self.rng.usize(0..s)].id.clone()),
                    origin: Origin::Explicit,
                });
            }
            plan.streams.push(stream);
            if self.rng.bool() {
                plan.gates.push(PlanGate {
                    id: GateId::from(format!("Gate {s}")),
                    level: Level::Stream,
                    after: vec![id.clone()],
                    text: "all is well".into(),
                });
            }
            for _ in 0..self.rng.usize(1..5) {
                self.task(&mut plan, &id);
            }
        }
        plan
    }

    fn task(&mut self, plan: &mut Plan, stream: &StreamId) {
        let number = plan
            .tasks
            .iter()
            .filter_map(|task| task.id.as_str().parse::<usize>().ok())
            .max()
            .unwrap_or(0)
            + 1;
        let mut task = Task::new(number.to_string(), format!("task {number}"));
        task.stream = Some(stream.clone());
        for _ in 0..self.rng.usize(0..3) {
            if !plan.tasks.is_empty() {
                let on = &plan.tasks[self.rng.usize(0..plan.tasks.len())];
                task.depends_on
                    .push(Dependency { on: Node::Task(on.id.clone()), origin: Origin::Explicit });
            }
        }
        // A stream that waits for another one must not have its tasks waited for by that one.
        task.depends_on.retain(|d| !matches!(&d.on, Node::Task(id) if plan.task(id).is_some_and(|on| waits_for(plan, on, stream))));
        if self.rng.u8(..) < 60 {
            task.files = vec![format!("src/{}.rs", self.rng.u8(0..3))];
        }
        if self.rng.u8(..) < 50 {
            task.command = Some("true".into());
        }
        if self.rng.u8(..) < 12 {
            task.broken = Some("it waits for nothing that exists".into());
        }
        plan.tasks.push(task);
    }

    fn policy(&mut self) -> Policy {
        // One that can be told something while it is at work, or not.
        let kind = if self.rng.bool() { "claude" } else { "command" };
        let mut agents = vec![
            agent("implementation-agent", Role::Executor, kind),
            agent("shell", Role::Executor, "shell"),
        ];
        if self.rng.bool() {
            agents[0].max_parallel = Some(self.rng.u32(1..3));
        }
        if self.rng.bool() {
            agents.push(agent("test-developer", Role::Tester, "command"));
        }
        // Some can be had only now and then, and some have somebody to fall back on.
        if self.rng.bool() {
            agents[0].kind = "claude".into();
            agents[0].is_steerable = true;
        }
        if self.rng.bool() {
            agents.push(agent("second-agent", Role::Executor, "command"));
            agents[0].fallback = Some("second-agent".into());
        }
        // Some leave their work to whoever claims it.
        let outside = self.rng.bool();
        if outside {
            agents[0].kind = "client".into();
            agents[0].is_steerable = false;
            agents[0].idle_timeout_ms = Some(self.rng.u64(1_000..60_000));
        }
        if self.rng.bool() {
            let mut expert = agent("task-expert", Role::Expert, "command");
            expert.skills = vec!["task".into()];
            agents.push(expert);
        }
        for reviewer in 0..self.rng.usize(0..3) {
            let kind = if outside && self.rng.bool() { "client" } else { "command" };
            agents.push(agent(&format!("reviewer-{reviewer}"), Role::Reviewer, kind));
        }
        let mut gates = Vec::new();
        if self.rng.u8(..) < 180 {
            gates.push(gate("tests", Level::Task));
        }
        if self.rng.u8(..) < 60 {
            let mut approval = gate("nod", Level::Task);
            (approval.command, approval.approval, approval.tests) = (false, true, false);
            gates.push(approval);
        }
        for (name, level) in [
            ("stream-check", Level::Stream),
            ("system-check", Level::System),
            ("release", Level::Deployment),
        ] {
            if self.rng.bool() {
                let mut gate = gate(name, level);
                gate.approval = self.rng.u8(..) < 50;
                gates.push(gate);
            }
        }
        Policy {
            max_parallel: self.rng.u32(1..5),
            max_attempts: self.rng.u32(1..4),
            max_rework: self.rng.u32(0..3),
            tests_first: [TestsFirst::Required, TestsFirst::Advisory, TestsFirst::Off]
                [self.rng.usize(0..3)],
            agents,
            gates,
            isolated: self.rng.bool(),
            deliver: self.rng.bool(),
            breaker: self.rng.u32(0..6),
            budget: Budget {
                usd: None,
                tokens: if self.rng.u8(..) < 60 { Some(self.rng.u64(300..3_000)) } else { None },
            },
            task_budget: Budget {
                usd: None,
                tokens: if self.rng.u8(..) < 30 { Some(300) } else { None },
            },
            ..Policy::default()
        }
    }

    /// What carrying out an order comes to.
    fn answer(&mut self, order: OrderId, work: &Work, stopped: bool) -> Input {
        let crashed = self.chance(self.crash);
        let ending = match () {
            () if stopped => Ending::Stopped,
            () if crashed => [
                Ending::Signaled(9),
                Ending::TimedOut,
                Ending::Idle,
                Ending::Exited(1),
                Ending::DidNotStart("gone".into()),
            ][self.rng.usize(0..5)]
            .clone(),
            () => Ending::Exited(0),
        };
        let duration_ms = 10;
        match work {
            Work::Gate { purpose, .. } => {
                let red = *purpose == Purpose::Red;
                let fails = self.chance(if red { 0.8 } else { self.fail });
                let named = self.rng.bool();
                let ending =
                    if ending == Ending::Exited(0) && fails { Ending::Exited(1) } else { ending };
                let failed = ending == Ending::Exited(1) && named;
                Input::GateEnded(
                    order,
                    GateMeasures {
                        tests: named.then_some(TestCounts {
                            passed: 3,
                            failed: u64::from(failed),
                            skipped: 0,
                        }),
                        failed_tests: if failed {
                            vec![format!("test-{}", self.rng.u8(0..4))]
                        } else {
                            Vec::new()
                        },
                        flaky: if failed && self.rng.u8(..) < 20 {
                            vec!["test-0".into()]
                        } else {
                            Vec::new()
                        },
                        // What was seen red is missing now and then, and what judges was changed.
                        not_green: if *purpose == Purpose::Judge && self.chance(self.fail / 2.0) {
                            vec!["test-1".into()]
                        } else {
                            Vec::new()
                        },
                        judged_by: [("test.sh".to_owned(), self.rng.u8(0..2).to_string())].into(),
                        ..GateMeasures::new(vec!["check".into()], ending, duration_ms)
                    },
                )
            }
            work if work.is_of_repository() => Input::RepositoryEnded(
                order,
                self.repository(order, work, ending != Ending::Exited(0)),
            ),
            Work::Review { .. } => {
                let fails = self.chance(self.fail);
                let shortage = if stopped { None } else { self.shortage() };
                let verdict = match () {
                    () if shortage.is_some() => GateVerdict::NotEvaluated,
                    () if ending != Ending::Exited(0) => GateVerdict::NotEvaluated,
                    () if fails => GateVerdict::Failed,
                    () => GateVerdict::Passed,
                };
                let severity = if fails { Severity::Blocker } else { Severity::Suggestion };
                let findings = vec![Finding {
                    by: "reviewer".into(),
                    severity,
                    text: "this".into(),
                    place: None,
                }];
                Input::ReviewEnded(
                    order,
                    ReviewOutcome {
                        kept: BTreeMap::new(),
                        ending,
                        verdict,
                        findings,
                        summary: String::new(),
                        shortage,
                        duration_ms,
                    },
                )
            }
            _ => {
                let shortage = if stopped { None } else { self.shortage() };
                let verdict =
                    [Verdict::Complete, Verdict::Blocked, Verdict::Failed, Verdict::Unknown]
                        [if shortage.is_some() {
                            3
                        } else if self.chance(self.fail) {
                            self.rng.usize(1..4)
                        } else {
                            0
                        }];
                let usage = Usage { tokens: Some(100), ..Usage::default() };
                Input::AgentEnded(
                    order,
                    AgentOutcome {
                        ending,
                        verdict,
                        summary: "did it".into(),
                        reason: String::new(),
                        // Nothing, or nothing but what git ignores, now and then.
                        files: match () {
                            () if self.chance(self.fail / 2.0) => Vec::new(),
                            () if self.chance(0.3) => vec!["test.sh".into()],
                            () => vec!["src/1.rs".into()],
                        },
                        ignored: if self.chance(self.fail / 4.0) {
                            vec!["dist".into()]
                        } else {
                            Vec::new()
                        },
                        accounted: if self.chance(0.2) { None } else { Some(self.rng.bool()) },
                        outside: if self.chance(0.1) {
                            vec!["branch main moved".into()]
                        } else {
                            Vec::new()
                        },
                        decisions: Vec::new(),
                        usage,
                        commit: Some(format!("c{order}")),
                        session: None,
                        shortage,
                        kept: BTreeMap::new(),
                        duration_ms,
                    },
                )
            }
        }
    }

    /// Whether an agent's service can't be had just now.
    fn shortage(&mut self) -> Option<Shortage> {
        let kind = if self.chance(0.1) {
            [ShortageKind::Login, ShortageKind::Outdated][self.rng.usize(0..2)]
        } else {
            [ShortageKind::RateLimited, ShortageKind::Overloaded, ShortageKind::Quota]
                [self.rng.usize(0..3)]
        };
        let retry_after_ms = self.rng.bool().then(|| self.rng.u64(1..200_000));
        self.chance(self.short).then_some(Shortage { kind, retry_after_ms })
    }

    /// Whoever carries this out is killed half-way: the user's branch has moved by then, or it has not.
    fn killed(&mut self, work: &Work) {
        if let Work::Deliver { commit } = work
            && self.rng.bool()
        {
            self.delivered.insert(commit.clone());
        }
    }

    /// What an order to the repository comes to.
    fn repository(&mut self, order: OrderId, work: &Work, fails: bool) -> RepositoryOutcome {
        if let Work::Deliver { commit } = work
            && (!fails || self.delivered.contains(commit))
        {
            self.delivered.insert(commit.clone());
            return RepositoryOutcome::Delivered;
        }
        if fails {
            return RepositoryOutcome::Failed { why: "the disk is full".into() };
        }
        match work {
            Work::Merge { tasks } => {
                let fits = self.fail / 2.0;
                let (conflicting, merged): (Vec<TaskId>, Vec<TaskId>) =
                    tasks.iter().cloned().partition(|_| self.chance(fits));
                let conflicts = conflicting
                    .into_iter()
                    .map(|task| Conflict { task, files: vec!["src/1.rs".into()] })
                    .collect();
                let commit = (!merged.is_empty()).then(|| format!("m{order}"));
                RepositoryOutcome::Merged { tasks: merged, conflicts, commit }
            }
            Work::Land { .. } => RepositoryOutcome::Landed,
            Work::Renew { commit } => {
                RepositoryOutcome::Renewed { commit: format!("{commit}-{order}") }
            }
            _ => RepositoryOutcome::WorktreeReady {
                folder: format!("/trees/{order}"),
                branch: order.to_string(),
                base: "c0".into(),
            },
        }
    }

    /// What somebody from outside does about an order that is left to them, and when next.
    fn outside(&mut self, state: &State, order: OrderId, now: u64) -> (Vec<Input>, u64) {
        let open = &state.orders[&order];
        let offer = open.offer.as_ref().expect("left to others");
        let lease = Lease { order, claim: offer.claims };
        let soon = now + self.rng.u64(1..20_000);
        if offer.holder.is_none() {
            // Several want it at once; one of them gets it, works on it or is never heard of again.
            let claim = |by: &str| Input::Claim(order, by.into());
            return (
                vec![claim("one"), claim("another")],
                if !state.paused && self.chance(self.hang) { u64::MAX } else { soon },
            );
        }
        match self.rng.u8(0..10) {
            0 => (vec![Input::Release(lease, "no time".into())], soon),
            1..5 => (vec![Input::Heartbeat(lease)], soon),
            _ => (vec![reported(lease, self.answer(order, &open.work, open.stopping))], soon),
        }
    }

    fn steering(&mut self, state: &State) -> Input {
        let task =
            |rng: &mut Rng| state.plan.tasks[rng.usize(0..state.plan.tasks.len())].id.clone();
        let gates: Vec<GateId> = state.gates.iter().map(|gate| gate.id.clone()).collect();
        let gate =
            |rng: &mut Rng| rng.choice(&gates).cloned().unwrap_or_else(|| GateId::from("none"));
        match self.rng.u8(0..12) {
            // It has reached the agent, or not, or that is never known.
            _ if self.rng.bool()
                && let Some(said) = state
                    .tasks
                    .iter()
                    .flat_map(|known| &known.said)
                    .find(|said| said.outcome.is_none()) =>
            {
                let outcome = if self.rng.bool() { Ok(()) } else { Err("too late".into()) };
                Input::SteerEnded(said.order, said.steered, outcome)
            }
            0 if self.rng.bool() => Input::Pause,
            0 => Input::Steer(
                task(&mut self.rng),
                Decider::new("somebody", Frontend::Terminal),
                "hurry".into(),
            ),
            1 if self.chance(0.1) => {
                Input::SourcesRead([("config".to_owned(), self.rng.u8(0..3).to_string())].into())
            }
            1 if self.chance(0.2) => Input::ChangeHeld(
                "breakdown.md".into(),
                vec![OrderId(1)],
                self.rng.u8(0..3).to_string(),
            ),
            1 | 2 => Input::Resume,
            5 if self.chance(0.3) => Input::Approve(
                "breakdown.md".into(),
                Decider::new("somebody", Frontend::Terminal),
                "mine".into(),
            ),
            3 if self.rng.bool() => Input::Answer(
                task(&mut self.rng),
                Decider::new("somebody", Frontend::Terminal),
                "so".into(),
            ),
            3 => Input::Retry(task(&mut self.rng)),
            4 => Input::Skip(task(&mut self.rng)),
            5 => Input::Approve(
                gate(&mut self.rng),
                Decider::new("somebody", Frontend::Terminal),
                "seen".into(),
            ),
            6 => Input::Reject(
                gate(&mut self.rng),
                Decider::new("somebody", Frontend::Mcp),
                "no".into(),
            ),
            7 => {
                let asked =
                    self.rng.choice(&state.policy.gates).map_or("nod", |gate| gate.name.as_str());
                let gate = GateId::from(format!("{asked}@{}", task(&mut self.rng)));
                Input::Approve(gate, Decider::new("somebody", Frontend::Editor), String::new())
            }
            8 => {
                let mut policy = self.policy();
                // Promises are checked by the rules in force; what is asked of a task must not
                // change under it.
                policy.max_parallel = policy.max_parallel.max(state.policy.max_parallel);
                policy.max_attempts = policy.max_attempts.max(state.policy.max_attempts);
                policy.max_rework = policy.max_rework.max(state.policy.max_rework);
                policy.tests_first = state.policy.tests_first;
                policy.gates = state.policy.gates.clone();
                policy.agents = state.policy.agents.clone();
                policy.isolated = state.policy.isolated;
                Input::PolicyOffered(Box::new(policy))
            }
            9 if self.rng.u8(..) < 30 => Input::Cancel,
            9 => Input::PlanBroken(vec!["nonsense".into()]),
            _ => {
                let mut plan = (*state.plan).clone();
                let stream = plan.streams[0].id.clone();
                let mut marks = BTreeMap::new();
                match self.rng.u8(0..6) {
                    0 => self.task(&mut plan, &stream),
                    // A task asks for something else; it has another id; two change places.
                    2 => {
                        let ix = self.rng.usize(0..plan.tasks.len());
                        plan.tasks[ix].objective = format!("another one, {}", self.rng.u8(..));
                    }
                    3 => {
                        let ix = self.rng.usize(0..plan.tasks.len());
                        let names = BTreeMap::from([(
                            plan.tasks[ix].id.clone(),
                            TaskId::from(format!("r{}", self.rng.u16(..))),
                        )]);
                        rename(&mut plan, &names);
                    }
                    4 if plan.tasks.len() > 1 => {
                        let (a, b) =
                            (plan.tasks[0].id.clone(), plan.tasks[plan.tasks.len() - 1].id.clone());
                        rename(&mut plan, &BTreeMap::from([(a.clone(), b.clone()), (b, a)]));
                    }
                    1 => {
                        let ix = self.rng.usize(0..plan.tasks.len());
                        marks.insert(plan.tasks[ix].id.clone(), Mark::Done);
                    }
                    _ => {
                        let gone = plan.tasks.remove(self.rng.usize(0..plan.tasks.len())).id;
                        for task in &mut plan.tasks {
                            task.depends_on.retain(|d| d.on != Node::Task(gone.clone()));
                        }
                    }
                }
                if plan.tasks.is_empty() {
                    Input::Tick
                } else {
                    Input::PlanOffered(Box::new(plan), marks)
                }
            }
        }
    }
}

/// An answer as whoever holds a lease gives it.
fn reported(lease: Lease, answer: Input) -> Input {
    match answer {
        Input::AgentEnded(_, outcome) => Input::Reported(lease, outcome),
        Input::ReviewEnded(_, outcome) => Input::ReviewSubmitted(lease, outcome),
        other => other,
    }
}

/// Whether a task, or the stream it stands in, waits for a stream (or is in it).
fn waits_for(plan: &Plan, on: &Task, stream: &StreamId) -> bool {
    let mut seen = BTreeSet::new();
    let mut queue = on.stream.iter().cloned().collect::<Vec<_>>();
    while let Some(id) = queue.pop() {
        if id == *stream && on.stream.as_ref() != Some(stream) {
            return true;
        }
        if seen.insert(id.clone()) {
            let of = plan.streams.iter().filter(|s| s.id == id).flat_map(|s| &s.depends_on);
            queue.extend(of.filter_map(|d| {
                if let Node::Stream(id) = &d.on { Some(id.clone()) } else { None }
            }));
        }
    }
    false
}

/// What one seed comes to: its journal and the state at its end.
pub fn simulate(seed: u64) -> Result<(Vec<Recorded>, State), String> {
    let mut journal = Vec::new();
    let state = simulate_into(seed, &mut journal)?;
    Ok((journal, state))
}

/// The same, with the journal as far as it came.
fn simulate_into(seed: u64, journal: &mut Vec<Recorded>) -> Result<State, String> {
    let mut world = World::new(seed);
    let mut state = State::default();
    let mut now = 1_000;
    let start = Start {
        execution: ExecutionId::from("sim"),
        program: "test".into(),
        breakdown: "sim.md".into(),
        plan: world.plan(),
        policy: world.policy(),
        marks: BTreeMap::new(),
    };
    let mut inputs = vec![Input::Start(Box::new(start))];
    let mut under_way: BTreeMap<OrderId, (u64, Work)> = BTreeMap::new();
    let mut old_answers: Vec<Input> = Vec::new();
    let mut reopened = 0;
    for _ in 0..20_000 {
        for input in inputs.drain(..) {
            let batch = turn(&mut state, input, now);
            for recorded in &batch {
                if let Event::Ordered { order, work, .. } = &recorded.event {
                    // Whoever hangs answers only when stopped; whoever is lost is found out by the deadline.
                    let offered = state.orders.get(order).is_some_and(|open| open.offer.is_some());
                    let hangs = world.chance(world.hang) && !offered;
                    let at = if hangs { u64::MAX } else { now + world.rng.u64(1..60_000) };
                    under_way.insert(*order, (at, work.clone()));
                }
                if let Event::StopOrdered { order, .. } = &recorded.event
                    && let Some((at, _)) = under_way.get_mut(order)
                {
                    *at = now + 1;
                }
                // What nobody took, and what somebody gave up, ends without an answer.
                if let Event::Ended { order, .. } = &recorded.event {
                    under_way.remove(order);
                }
            }
            journal.extend(batch);
        }
        let delivers = under_way.values().any(|(_, work)| matches!(work, Work::Deliver { .. }));
        if world.chance(world.restart) || (delivers && world.chance(world.restart.sqrt())) {
            // Killed at a random moment, and the more often the rarer it is: what was not written never happened, nobody answers.
            if world.rng.bool() {
                old_answers.extend(
                    under_way
                        .iter()
                        .map(|(order, (_, work))| (*order, work.clone()))
                        .collect::<Vec<_>>()
                        .iter()
                        .map(|(order, work)| world.answer(*order, work, false)),
                );
            }
            under_way.values().for_each(|(_, work)| world.killed(work));
            // Those outside work on.
            under_way.retain(|order, _| {
                state.orders.get(order).is_some_and(|open| open.offer.is_some())
            });
            let mut replayed = State::default();
            journal.iter().for_each(|recorded| replayed.apply(recorded));
            if replayed != state {
                return Err("replaying the journal gives another state".into());
            }
            state = replayed;
            let moves = state.policy.isolated && world.chance(0.3);
            inputs.push(Input::Restarted(
                moves.then(|| (format!("u{now}"), world.rng.u8(0..4) == 0)),
            ));
            continue;
        }
        if state.ended.is_some() {
            if reopened >= 2 || world.rng.bool() {
                break;
            }
            reopened += 1;
            inputs.push(if world.rng.bool() { Input::Reopened } else { world.steering(&state) });
            continue;
        }
        if world.chance(world.steer) {
            inputs.push(world.steering(&state));
            continue;
        }
        if !old_answers.is_empty() && world.chance(world.late) {
            let late = old_answers.swap_remove(world.rng.usize(0..old_answers.len()));
            let before = state.clone();
            if !turn(&mut state, late.clone(), now).is_empty() && !is_open(&before, &late) {
                return Err(format!("a late answer changed something: {late:?}"));
            }
            state = before;
            continue;
        }
        let next = under_way.iter().map(|(order, (at, _))| (*at, *order)).min();
        let wake = dispatch::wakes_at(&state, now).unwrap_or(u64::MAX);
        match next {
            Some((at, order)) if at <= wake && at < u64::MAX => {
                now = now.max(at);
                if state.orders.get(&order).is_some_and(|open| open.offer.is_some()) {
                    let (outside, next) = world.outside(&state, order, now);
                    let wants_more = |input: &Input| {
                        matches!(input, Input::Reported(..) | Input::ReviewSubmitted(..))
                    };
                    if outside.iter().any(wants_more) || world.chance(world.late) {
                        old_answers.extend(outside.clone());
                    }
                    inputs.extend(outside);
                    under_way.get_mut(&order).expect("it is there").0 = next;
                    continue;
                }
                let (_, work) = under_way.remove(&order).expect("taken from it");
                let stopped = state.orders.get(&order).is_some_and(|open| open.stopping);
                if !stopped && world.chance(world.lose) {
                    world.killed(&work);
                    inputs.push(Input::OrderLost(order, "lost".into()));
                } else {
                    let answer = world.answer(order, &work, stopped);
                    if world.chance(world.twice) {
                        // Once more, and perhaps saying something else.
                        let again = world.answer(order, &work, false);
                        inputs.push(answer.clone());
                        inputs.push(again.clone());
                        old_answers.push(again);
                    } else {
                        inputs.push(answer);
                    }
                }
            }
            _ if wake < u64::MAX => {
                now = now.max(wake);
                inputs.push(Input::Tick);
            }
            _ if state.paused => inputs.push(Input::Resume),
            _ => return Err(format!("it is stuck: {:?}", state.orders)),
        }
    }
    let merging = &state.merging;
    match state.ended {
        None => Err("it does not come to an end".into()),
        Some((Status::Complete, _)) if state.policy.deliver && !merging.is_delivered() => {
            Err("it is complete and not delivered".into())
        }
        _ if matches!(&merging.delivered, Some((commit, None)) if !world.delivered.contains(commit)) => {
            Err("it was delivered, as it says, and the branch of the user does not have it".into())
        }
        _ => Ok(state),
    }
}

fn is_open(state: &State, answer: &Input) -> bool {
    match answer {
        Input::AgentEnded(order, _)
        | Input::GateEnded(order, _)
        | Input::ReviewEnded(order, _)
        | Input::RepositoryEnded(order, _) => state.orders.contains_key(order),
        Input::Reported(lease, _)
        | Input::ReviewSubmitted(lease, _)
        | Input::Heartbeat(lease)
        | Input::Release(lease, _) => held(state, *lease).is_some(),
        Input::Claim(order, _) => offers(state).any(|(offered, _)| offered == *order),
        _ => false,
    }
}

fn check(seed: u64, seen: &mut BTreeMap<&str, u64>) -> Result<Status, String> {
    let (journal, state) = simulate(seed)?;
    let mut delivering = false;
    for recorded in &journal {
        *seen.entry(rare(&recorded.event)).or_default() += 1;
        match &recorded.event {
            Event::Restarted if delivering => {
                *seen.entry("a delivery was killed").or_default() += 1
            }
            Event::Ordered { work, .. } => delivering |= matches!(work, Work::Deliver { .. }),
            Event::Ended { outcome: Outcome::Repository(_), .. } => delivering = false,
            _ => {}
        }
    }
    if let Some(breach) = audit(&journal).first() {
        return Err(format!("event {}: {}: {}", breach.seq, breach.promise, breach.what));
    }
    let mut replayed = State::default();
    journal.iter().for_each(|recorded| replayed.apply(recorded));
    if replayed != state || report(&replayed) != report(&state) {
        return Err("replaying the journal gives another state".into());
    }
    Ok(state.ended.expect("it has ended").0)
}

/// What a simulation without it would show little of.
fn rare(event: &Event) -> &'static str {
    match event {
        Event::Ended { outcome: Outcome::Repository(RepositoryOutcome::Landed), .. } => "landed",
        Event::Ended { outcome: Outcome::Repository(RepositoryOutcome::Delivered), .. } => {
            "delivered"
        }
        Event::Ended {
            outcome: Outcome::Repository(RepositoryOutcome::Renewed { .. }), ..
        } => "renewed",
        Event::Ended {
            outcome: Outcome::Repository(RepositoryOutcome::Merged { conflicts, .. }),
            ..
        } if !conflicts.is_empty() => "conflict",
        Event::Ordered { work: Work::Land { tasks, .. }, .. } if tasks.len() > 1 => {
            "several land at once"
        }
        Event::Ordered { work: Work::Merge { tasks }, .. } if tasks.len() > 2 => {
            "several are merged at once"
        }
        Event::Rework { findings, .. }
            if findings.iter().any(|finding| finding.text.contains("as merged")) =>
        {
            "bad as merged"
        }
        Event::Claimed { .. } => "claimed",
        Event::Postponed { not_counted: true, .. } => "throttled",
        Event::Postponed { .. } => "postponed",
        Event::Ordered { work: Work::Implementation { agent, .. }, .. }
            if agent.as_str() == "second-agent" =>
        {
            "fallback"
        }
        Event::TaskBlocked { reason, .. } if reason.contains("budget") => "budget",
        Event::TaskBlocked { reason, .. } if reason.contains("in a row") => "breaker",
        _ => "other",
    }
}

#[test]
fn thousands_of_seeds_keep_every_promise() {
    if let Ok(seed) = std::env::var("SEED") {
        let seed = seed.parse().expect("SEED is a number");
        let mut journal = Vec::new();
        let ended = simulate_into(seed, &mut journal).map(|_| ());
        journal.iter().for_each(|recorded| {
            eprintln!("{} {} {:?}", recorded.seq, recorded.at, recorded.event)
        });
        eprintln!("{ended:?}");
        check(seed, &mut BTreeMap::new()).unwrap_or_else(|why| panic!("SEED={seed}: {why}"));
        return;
    }
    let seeds =
        std::env::var("SIMULATE_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3_000);
    let mut endings: BTreeMap<String, u32> = BTreeMap::new();
    let mut seen = BTreeMap::new();
    for seed in 0..seeds {
        let checked =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(seed, &mut seen)));
        let status = checked
            .unwrap_or_else(|_| Err("it panicked".into()))
            .unwrap_or_else(|why| panic!("SEED={seed}: {why}"));
        *endings.entry(format!("{status:?}")).or_default() += 1;
    }
    // A simulation in which nothing ever succeeds, or never fails, would show little.
    assert!(seen.len() == 15 && seen.values().all(|count| *count > seeds / 1_000), "{seen:?}");
    assert!(
        endings.len() == 3 && endings.values().all(|count| u64::from(*count) > seeds / 50),
        "{endings:?}"
    );
}
