//! Dispatch and the forecast go by one rule: a plan that takes exactly what it weighs takes as long as was forecast.

use super::simulate::{agent, start};
use execution_coordinator::core::allocation::allocate;
use execution_coordinator::core::dispatch::forecast;
use execution_coordinator::core::event::{Event, Recorded, Work};
use execution_coordinator::core::graph::Graph;
use execution_coordinator::core::id::OrderId;
use execution_coordinator::core::input::Input;
use execution_coordinator::core::outcome::{AgentOutcome, Ending, Verdict};
use execution_coordinator::core::plan::{
    Dependency, Estimate, Node, Origin, Plan, Task, TestsFirst,
};
use execution_coordinator::core::policy::{Policy, Role};
use execution_coordinator::core::state::State;
use execution_coordinator::core::turn;
use fastrand::Rng;
use std::collections::BTreeSet;

const MINUTE_MS: u64 = 60_000;

fn plan(rng: &mut Rng) -> Plan {
    let mut plan = Plan { topic: "Forecast".into(), ..Plan::default() };
    for number in 0..rng.usize(1..25) {
        let mut task = Task::new(number.to_string(), format!("task {number}"));
        // Seldom the same: where two tasks end together, dispatch may look between the two.
        let minutes = f64::from(rng.u32(1..2_000));
        task.estimate = Some(Estimate::Time { min_minutes: minutes, max_minutes: minutes });
        task.agent = Some(["one", "two"][rng.usize(0..2)].into());
        for _ in 0..rng.usize(0..3) {
            if number > 0 {
                let on = Node::Task(rng.usize(0..number).to_string().into());
                task.depends_on.push(Dependency { on, origin: Origin::Explicit });
            }
        }
        if rng.bool() {
            task.files = vec![["src", "src/a.rs", "src/b.rs", "src2"][rng.usize(0..4)].into()];
        }
        plan.tasks.push(task);
    }
    plan
}

fn policy(rng: &mut Rng) -> Policy {
    let mut agents =
        vec![agent("one", Role::Executor, "command"), agent("two", Role::Executor, "command")];
    agents[0].max_parallel = rng.bool().then(|| rng.u32(1..3));
    Policy {
        agents,
        max_parallel: rng.u32(1..6),
        tests_first: TestsFirst::Off,
        attempt_timeout_ms: u64::MAX / 4,
        ..Policy::default()
    }
}

/// How many minutes an execution takes in which each attempt takes what its task weighs.
fn carried_out(plan: &Plan, policy: &Policy) -> f64 {
    let mut state = State::default();
    let mut running: BTreeSet<(u64, usize, u64)> = BTreeSet::new();
    let mut now_ms = 0;
    let mut recorded = turn(&mut state, start("x", plan.clone(), policy.clone()), now_ms);
    loop {
        for event in &recorded {
            if let Recorded {
                event: Event::Ordered { order, work: Work::Implementation { task, .. }, .. },
                ..
            } = event
            {
                let ix = state.graph.task(task).expect("it is of the plan");
                let took_ms = state.graph.weight(ix) as u64 * MINUTE_MS;
                running.insert((now_ms + took_ms, ix, order.0));
            }
        }
        let Some((end, _, order)) = running.pop_first() else { break };
        now_ms = end;
        let done = AgentOutcome::new(Ending::Exited(0), Verdict::Complete, 1);
        recorded = turn(&mut state, Input::AgentEnded(OrderId(order), done), now_ms);
    }
    assert!(state.ended.is_some(), "{state:?}");
    assert!(state.tasks.iter().all(|task| task.satisfied()), "{state:?}");
    now_ms as f64 / MINUTE_MS as f64
}

#[test]
fn the_forecast_is_what_dispatch_does() {
    for seed in 0..500 {
        let mut rng = Rng::with_seed(seed);
        let (plan, policy) = (plan(&mut rng), policy(&mut rng));
        let graph = Graph::new(&plan, &[], &policy.weights);
        let allocation = allocate(&plan, &policy);
        let expected = forecast(&plan, &graph, &policy, &allocation);
        assert_eq!(carried_out(&plan, &policy), expected, "seed {seed}: {plan:?} {policy:?}");
    }
}

#[test]
fn files_that_all_name_keep_tasks_apart_only_in_a_shared_workspace() {
    let mut plan = Plan::default();
    for number in 0..4 {
        let mut task = Task::new(number.to_string(), "task");
        task.estimate = Some(Estimate::Time { min_minutes: 60.0, max_minutes: 60.0 });
        task.files = vec!["src/x.rs".into()];
        plan.tasks.push(task);
    }
    let agents = vec![agent("one", Role::Executor, "command")];
    let shared = Policy { agents, ..Policy::default() };
    let graph = Graph::new(&plan, &[], &shared.weights);
    let forecast = |policy: &Policy| forecast(&plan, &graph, policy, &allocate(&plan, policy));
    assert_eq!(forecast(&shared), 240.0);
    assert_eq!(forecast(&Policy { isolated: true, ..shared }), 60.0);
}
