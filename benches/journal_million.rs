//! Recovery of a journal of a million events, with the state that they add up to.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use execution_coordinator::core::event::{Event, Recorded, Step, Work};
use execution_coordinator::core::id::{ExecutionId, OrderId, TaskId};
use execution_coordinator::core::plan::{Plan, Task};
use execution_coordinator::core::policy::Policy;
use execution_coordinator::core::state::State;
use execution_coordinator::journal::{frame, recover::recover};
use std::sync::Arc;
use std::time::Instant;

fn main() {
    let path = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    let count = 333_000;
    let plan = Plan {
        tasks: (1..=1000).map(|n| Task::new(n.to_string(), "t")).collect(),
        ..Plan::default()
    };
    let mut events = vec![
        Event::Opened {
            version: 1,
            program: "bench".into(),
            execution: ExecutionId::from("bench"),
            breakdown: "b.md".into(),
        },
        Event::PolicySet { policy: Arc::new(Policy::default()) },
        Event::PlanAccepted { plan: Arc::new(plan) },
    ];
    for n in 0..count {
        let task = TaskId::from((n % 1000 + 1).to_string());
        let order = OrderId(n + 1);
        let work = Work::Implementation { task: task.clone(), agent: "shell".into(), attempt: 1 };
        events.push(Event::Entered { task, step: Step::Implementing });
        events.push(Event::Ordered { order, work, deadline: 1 });
        events.push(Event::Ended {
            order,
            outcome: execution_coordinator::core::event::Outcome::Lost { why: "bench".into() },
        });
    }
    let (mut bytes, mut chain) = (Vec::new(), 0);
    for (ix, event) in events.into_iter().enumerate() {
        chain = frame::encode(&Recorded { seq: ix as u64 + 1, at: 1, event }, chain, &mut bytes)
            .unwrap();
    }
    std::fs::write(&path, &bytes).unwrap();
    let mut times = Vec::new();
    let mut events = 0;
    for _ in 0..3 {
        let begin = Instant::now();
        let recovered = recover(&path).unwrap();
        let mut state = State::default();
        recovered.events.iter().for_each(|event| state.apply(event));
        events = recovered.events.len();
        times.push(begin.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    println!("| recovery | {events} | {:.0} | {:.2} |", bytes.len() as f64 / 1e6, times[1]);
}
