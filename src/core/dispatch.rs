//! What may begin now, within the limits of slots, agents and files that keep tasks apart: one rule for dispatch, for waking
//! and for the forecast.

use super::allocation::Allocation;
use super::event::{Event, Step};
use super::graph::{Graph, NodeKind, OrderedWeight};
use super::id::{AgentName, TaskId};
use super::plan::Plan;
use super::policy::Policy;
use super::state::{OpenOrder, State};
use super::steps;
use super::throttle;
use foldhash::{HashMap, HashMapExt};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// What is under way, as far as it keeps other tasks from beginning.
struct Load<'a> {
    plan: &'a Plan,
    policy: &'a Policy,
    /// How many slots of `max_parallel` are taken.
    slots: u32,
    /// How many orders each agent has.
    orders: BTreeMap<&'a AgentName, u32>,
    /// The tasks whose files are taken.
    tasks: BTreeSet<usize>,
}

impl<'a> Load<'a> {
    fn none(plan: &'a Plan, policy: &'a Policy) -> Self {
        Self { plan, policy, slots: 0, orders: BTreeMap::new(), tasks: BTreeSet::new() }
    }

    fn now(state: &'a State) -> Self {
        let mut load = Self::none(&state.plan, &state.policy);
        load.orders = state.busy.iter().map(|(agent, count)| (agent, *count)).collect();
        for &ix in &state.active {
            let task = &state.tasks[ix];
            load.tasks.insert(ix);
            if task.step() > Some(Step::Implementing) {
                continue;
            }
            load.slots += 1;
            // An order that it is about to be given counts too.
            if let Some(agent) =
                state.allocation[ix].agent.as_ref().filter(|_| task.open.is_empty())
            {
                *load.orders.entry(agent).or_default() += 1;
            }
        }
        load
    }

    /// Whether a task may begin beside it.
    fn admits(&self, ix: usize, agent: Option<&AgentName>) -> bool {
        self.has_slot() && agent.is_none_or(|agent| self.has_room(agent)) && self.files_are_free(ix)
    }

    fn has_slot(&self) -> bool {
        self.slots < self.policy.max_parallel.max(1)
    }

    fn has_room(&self, agent: &AgentName) -> bool {
        is_below_limit(self.policy, agent, self.orders.get(agent).copied().unwrap_or(0))
    }

    /// Tasks that name the same files, or a folder and a file in it, never run at once in one folder.
    fn files_are_free(&self, ix: usize) -> bool {
        let files = &self.plan.tasks[ix].files;
        let shares = |other: &usize| {
            let others = &self.plan.tasks[*other].files;
            others.iter().any(|a| files.iter().any(|b| overlap(a, b)))
        };
        self.policy.isolated || files.is_empty() || !self.tasks.iter().any(shares)
    }

    fn begin(&mut self, ix: usize, agent: Option<&'a AgentName>) {
        self.slots += 1;
        self.tasks.insert(ix);
        if let Some(agent) = agent {
            *self.orders.entry(agent).or_default() += 1;
        }
    }

    fn end(&mut self, ix: usize, agent: Option<&AgentName>) {
        self.slots -= 1;
        self.tasks.remove(&ix);
        if let Some(count) = agent.and_then(|agent| self.orders.get_mut(agent)) {
            *count -= 1;
        }
    }
}

fn overlap(a: &str, b: &str) -> bool {
    let inside = |outer: &str, inner: &str| {
        inner.strip_prefix(outer.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
    };
    a == b || inside(a, b) || inside(b, a)
}

fn is_below_limit(policy: &Policy, agent: &AgentName, orders: u32) -> bool {
    policy.agent(agent).and_then(|agent| agent.max_parallel).is_none_or(|limit| orders < limit)
}

/// Begins the ready task of the highest rank that is admitted.
pub(super) fn next(state: &State, now_ms: u64) -> Vec<Event> {
    // What was skipped, changed or removed is being stopped: until it is, its files are its own.
    let unwanted = |id: &TaskId| state.task_state(id).is_none_or(|task| task.step().is_none());
    if !state.policy.isolated
        && state.orders.values().any(|open| {
            open.stopping && open.work.is_attempt() && open.work.task().is_some_and(unwanted)
        })
    {
        return Vec::new();
    }
    let load = Load::now(state);
    if !load.has_slot() {
        return Vec::new();
    }
    let fits = |ix: usize| {
        let agent = throttle::substitute(state, state.allocation[ix].agent.as_ref()?, now_ms);
        // What an earlier try of it left running must be gone first.
        (state.tasks[ix].open.is_empty()
            && throttle::is_available(state, &agent, now_ms)
            && load.admits(ix, Some(&agent)))
        .then_some(ix)
    };
    let Some(ix) = state.ready.iter().find_map(|&(_, ix)| fits(ix)) else { return Vec::new() };
    let task = state.task(ix).id.clone();
    let step = steps::first(state, ix);
    vec![Event::Entered { task, step }]
}

/// Whether an agent may be given one more order.
pub(super) fn has_room(state: &State, agent: &AgentName, now_ms: u64) -> bool {
    let orders = state.busy.get(agent).copied().unwrap_or(0);
    throttle::is_available(state, agent, now_ms)
        && throttle::refused(state, agent).is_none()
        && is_below_limit(&state.policy, agent, orders)
}

/// Whether one more attempt may be ordered of an agent.
pub(super) fn has_room_for_attempt(state: &State, agent: &AgentName, now_ms: u64) -> bool {
    state.open_attempts() < state.policy.max_parallel as usize && has_room(state, agent, now_ms)
}

/// Whether one more gate may be measured.
pub(super) fn has_room_for_gate(state: &State) -> bool {
    state.open_gates() < state.policy.max_parallel as usize
}

/// When a task that waits goes on by itself: after its back-off, or once its agent can be had again.
pub(super) fn resumes_at(state: &State, now_ms: u64) -> Option<u64> {
    let back_offs = state.active.iter().map(|&ix| state.tasks[ix].not_before);
    let recovers = throttle::recovers_at(state, now_ms)
        .filter(|_| !(state.active.is_empty() && state.ready.is_empty()));
    back_offs.filter(|&at| at > now_ms).chain(recovers).min()
}

/// The next moment at which something has to be looked at if nothing happens: a deadline, or the
/// end of a wait.
pub fn wakes_at(state: &State, now_ms: u64) -> Option<u64> {
    if state.ended.is_some() {
        return None;
    }
    let deadlines = state.orders.values().filter_map(OpenOrder::due_at);
    deadlines
        .chain(resumes_at(state, now_ms))
        // The last review may wait for its agent when no task does.
        .chain(throttle::recovers_at(state, now_ms))
        .min()
}

/// When the last task would end if every task took its weight: what [`next`] does, in advance.
pub fn forecast(plan: &Plan, graph: &Graph, policy: &Policy, allocation: &[Allocation]) -> f64 {
    let agent = |ix: usize| allocation.get(ix).and_then(|allocation| allocation.agent.as_ref());
    let mut load = Load::none(plan, policy);
    let mut open = graph.predecessors().to_vec();
    let mut ready = Ready::new(plan, policy, allocation);
    let mut running: BinaryHeap<Reverse<(OrderedWeight, usize)>> = BinaryHeap::new();
    let mut reached: Vec<usize> = (0..graph.len()).filter(|&node| open[node] == 0).collect();
    let mut now = 0.0;
    loop {
        while let Some(node) = reached.pop() {
            if let NodeKind::Task(ix) = graph.kind(node) {
                ready.insert((Reverse(OrderedWeight(graph.rank(ix))), ix));
            } else {
                complete(graph, node, &mut open, &mut reached);
            }
        }
        while load.has_slot()
            && let Some(ix) = ready.pop(|ix| load.admits(ix, agent(ix)))
        {
            load.begin(ix, agent(ix));
            running.push(Reverse((OrderedWeight(now + graph.weight(ix)), ix)));
        }
        let Some(Reverse((OrderedWeight(end), ix))) = running.pop() else { return now };
        now = end;
        load.end(ix, agent(ix));
        complete(graph, ix, &mut open, &mut reached);
    }
}

fn complete(graph: &Graph, node: usize, open: &mut [u32], reached: &mut Vec<usize>) {
    for &to in graph.successors(node) {
        let to = to as usize;
        open[to] -= 1;
        if open[to] == 0 {
            reached.push(to);
        }
    }
}

type Urgency = (Reverse<OrderedWeight>, usize);

/// Ready tasks by urgency. Of those that need the same (agent and files) only the most urgent is looked at: where it is not
/// admitted, none of them is.
struct Ready {
    class: Vec<usize>,
    waiting: Vec<BTreeSet<Urgency>>,
    first: BTreeSet<Urgency>,
}

impl Ready {
    fn new(plan: &Plan, policy: &Policy, allocation: &[Allocation]) -> Self {
        let mut classes: HashMap<(Option<&AgentName>, &[String]), usize> = HashMap::new();
        let class_of = |ix: usize| {
            let agent = allocation.get(ix).and_then(|allocation| allocation.agent.as_ref());
            let files = if policy.isolated { &[][..] } else { &plan.tasks[ix].files[..] };
            let next = classes.len();
            *classes.entry((agent, files)).or_insert(next)
        };
        let class: Vec<usize> = (0..plan.tasks.len()).map(class_of).collect();
        let waiting = vec![BTreeSet::new(); classes.len()];
        Self { class, waiting, first: BTreeSet::new() }
    }

    fn insert(&mut self, task: Urgency) {
        let waiting = &mut self.waiting[self.class[task.1]];
        match waiting.first() {
            Some(first) if *first < task => {}
            Some(first) => {
                self.first.remove(first);
                self.first.insert(task);
            }
            None => {
                self.first.insert(task);
            }
        }
        waiting.insert(task);
    }

    /// Takes the most urgent one that is admitted.
    fn pop(&mut self, admits: impl Fn(usize) -> bool) -> Option<usize> {
        let task = *self.first.iter().find(|(_, ix)| admits(*ix))?;
        self.first.remove(&task);
        let waiting = &mut self.waiting[self.class[task.1]];
        waiting.remove(&task);
        self.first.extend(waiting.first());
        Some(task.1)
    }
}
