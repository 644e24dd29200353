//! Order, waves, ranks, critical path, slack: everything that follows from who waits for whom.
//!
//! Tasks, streams, barriers and gates are nodes of one directed acyclic graph (DAG), so that "all
//! of stream A and its gate" costs one node and not an edge for each pair of tasks. A stream is
//! three nodes: its start, the end of its work, and its end after its gates.
//!
//! Ranks are upward ranks (Topcuoglu, Hariri and Wu, "Performance-effective and low-complexity
//! task scheduling for heterogeneous computing", 2002, without communication costs).

use super::id::{GateId, StreamId, TaskId};
use super::plan::{Estimate, Node, Plan};
use super::policy::{Gate, Weights};
use foldhash::HashMap;
use std::collections::{BTreeMap, BTreeSet};

/// The graph of a plan and its gates. Indices: tasks in the plan's order, then the other nodes.
#[derive(Debug, Default, PartialEq)]
pub struct Graph {
    // Only looked up, never walked: their order is no matter.
    task_index: HashMap<TaskId, usize>,
    gate_index: HashMap<GateId, usize>,
    stream_index: HashMap<StreamId, usize>,
    tasks: usize,
    streams: usize,
    barriers: usize,
    successors: Vec<Vec<u32>>,
    predecessors: Vec<u32>,
    weight: Vec<f64>,
    order: Vec<u32>,
    rank: Vec<f64>,
    earliest: Vec<f64>,
    wave: Vec<u32>,
    length: f64,
}

/// What a node of the graph stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A task, by its index in the plan.
    Task(usize),
    /// The start, the end of the work or the end of a stream.
    Stream,
    /// A set of tasks.
    Barrier,
    /// A gate, by its index in the list of gates.
    Gate(usize),
}

impl Graph {
    /// Builds the graph. References to nothing are left out: the breakdown has reported them.
    pub fn new(plan: &Plan, gates: &[Gate], weights: &Weights) -> Self {
        let tasks = plan.tasks.len();
        let streams = plan.streams.len();
        let barriers = plan.barriers.len();
        let count = tasks + 3 * streams + barriers + gates.len();
        let mut graph = Self {
            task_index: plan
                .tasks
                .iter()
                .enumerate()
                .map(|(ix, task)| (task.id.clone(), ix))
                .collect(),
            gate_index: gates.iter().enumerate().map(|(ix, gate)| (gate.id.clone(), ix)).collect(),
            stream_index: plan
                .streams
                .iter()
                .enumerate()
                .map(|(ix, s)| (s.id.clone(), ix))
                .collect(),
            tasks,
            streams,
            barriers,
            successors: vec![Vec::new(); count],
            predecessors: vec![0; count],
            weight: vec![0.0; count],
            ..Self::default()
        };
        graph.connect(plan, gates);
        let estimated = plan.tasks.iter().any(|task| task.estimate.is_some());
        for (ix, task) in plan.tasks.iter().enumerate() {
            graph.weight[ix] = if estimated { weights.minutes(task.estimate) } else { 1.0 };
        }
        graph.measure();
        graph
    }

    fn connect(&mut self, plan: &Plan, gates: &[Gate]) {
        let barrier_index: BTreeMap<_, _> =
            plan.barriers.iter().enumerate().map(|(ix, b)| (&b.id, ix)).collect();
        for (ix, barrier) in plan.barriers.iter().enumerate() {
            for member in barrier
                .tasks
                .iter()
                .filter_map(|id| self.task_index.get(id).copied())
                .collect::<Vec<_>>()
            {
                self.edge(member, self.barrier_node(ix));
            }
        }
        let node = |graph: &Self, on: &Node| match on {
            Node::Task(id) => graph.task_index.get(id).copied(),
            Node::Stream(id) => graph.stream_index.get(id).map(|ix| graph.stream_end(*ix)),
            Node::Barrier(id) => barrier_index.get(id).map(|ix| graph.barrier_node(*ix)),
        };
        for (ix, stream) in plan.streams.iter().enumerate() {
            for from in
                stream.depends_on.iter().filter_map(|d| node(self, &d.on)).collect::<BTreeSet<_>>()
            {
                self.edge(from, self.stream_start(ix));
            }
            self.edge(self.stream_work(ix), self.stream_end(ix));
        }
        // One without tasks ends no sooner than it could start.
        let used: BTreeSet<&StreamId> =
            plan.tasks.iter().filter_map(|task| task.stream.as_ref()).collect();
        for (ix, _) in
            plan.streams.iter().enumerate().filter(|(_, stream)| !used.contains(&stream.id))
        {
            self.edge(self.stream_start(ix), self.stream_work(ix));
        }
        for (ix, task) in plan.tasks.iter().enumerate() {
            for from in
                task.depends_on.iter().filter_map(|d| node(self, &d.on)).collect::<BTreeSet<_>>()
            {
                self.edge(from, ix);
            }
            if let Some(&stream) = task.stream.as_ref().and_then(|id| self.stream_index.get(id)) {
                if !plan.streams[stream].depends_on.is_empty() {
                    self.edge(self.stream_start(stream), ix);
                }
                self.edge(ix, self.stream_work(stream));
            }
        }
        for (ix, gate) in gates.iter().enumerate() {
            for stream in gate
                .streams
                .iter()
                .filter_map(|id| self.stream_index.get(id).copied())
                .collect::<Vec<_>>()
            {
                self.edge(self.stream_work(stream), self.gate_node(ix));
                self.edge(self.gate_node(ix), self.stream_end(stream));
            }
        }
    }

    fn edge(&mut self, from: usize, to: usize) {
        self.successors[from].push(to as u32);
        self.predecessors[to] += 1;
    }

    fn measure(&mut self) {
        let count = self.successors.len();
        let mut open = self.predecessors.clone();
        let mut queue: std::collections::VecDeque<u32> =
            (0..count as u32).filter(|&node| open[node as usize] == 0).collect();
        self.earliest = vec![0.0; count];
        self.wave = vec![0; count];
        while let Some(node) = queue.pop_front() {
            self.order.push(node);
            let from = node as usize;
            let finish = self.earliest[from] + self.weight[from];
            let wave = self.wave[from] + u32::from(from < self.tasks);
            for &to in &self.successors[from] {
                let to = to as usize;
                self.earliest[to] = self.earliest[to].max(finish);
                self.wave[to] = self.wave[to].max(wave);
                open[to] -= 1;
                if open[to] == 0 {
                    queue.push_back(to as u32);
                }
            }
        }
        self.rank = vec![0.0; count];
        for &node in self.order.iter().rev() {
            let node = node as usize;
            let next =
                self.successors[node].iter().map(|&to| self.rank[to as usize]).fold(0.0, f64::max);
            self.rank[node] = self.weight[node] + next;
        }
        self.length =
            (0..count).map(|node| self.earliest[node] + self.rank[node]).fold(0.0, f64::max);
    }

    fn stream_start(&self, ix: usize) -> usize {
        self.tasks + ix
    }
    fn stream_work(&self, ix: usize) -> usize {
        self.tasks + self.streams + ix
    }
    fn stream_end(&self, ix: usize) -> usize {
        self.tasks + 2 * self.streams + ix
    }
    fn barrier_node(&self, ix: usize) -> usize {
        self.tasks + 3 * self.streams + ix
    }
    /// The node of a gate, by its index in the list of gates.
    pub fn gate_node(&self, ix: usize) -> usize {
        self.tasks + 3 * self.streams + self.barriers + ix
    }

    /// What a node stands for.
    pub fn kind(&self, node: usize) -> NodeKind {
        if node < self.tasks {
            NodeKind::Task(node)
        } else if node < self.tasks + 3 * self.streams {
            NodeKind::Stream
        } else if node < self.gate_node(0) {
            NodeKind::Barrier
        } else {
            NodeKind::Gate(node - self.gate_node(0))
        }
    }

    /// The index of a task in the plan.
    pub fn task(&self, id: &TaskId) -> Option<usize> {
        self.task_index.get(id).copied()
    }
    /// The index of a gate in the list of gates.
    pub fn gate(&self, id: &GateId) -> Option<usize> {
        self.gate_index.get(id).copied()
    }
    /// The index of a stream in the plan.
    pub fn stream(&self, id: &StreamId) -> Option<usize> {
        self.stream_index.get(id).copied()
    }
    /// The node at which a stream and its gates are done.
    pub fn end_of_stream(&self, ix: usize) -> usize {
        self.stream_end(ix)
    }
    /// Of some streams those that nothing in another one of them waits for the end of.
    pub fn last_of(&self, streams: &[usize]) -> Vec<usize> {
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.successors.len()];
        for (node, successors) in self.successors.iter().enumerate() {
            successors.iter().for_each(|&to| before[to as usize].push(node));
        }
        let mut next: Vec<usize> = streams.iter().map(|&stream| self.stream_work(stream)).collect();
        let mut seen = vec![false; self.successors.len()];
        while let Some(node) = next.pop() {
            next.extend(
                before[node]
                    .iter()
                    .copied()
                    .filter(|&earlier| !std::mem::replace(&mut seen[earlier], true)),
            );
        }
        streams.iter().copied().filter(|&stream| !seen[self.stream_end(stream)]).collect()
    }
    /// All nodes.
    pub fn len(&self) -> usize {
        self.successors.len()
    }
    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.successors.is_empty()
    }
    /// The nodes that wait for this one.
    pub fn successors(&self, node: usize) -> &[u32] {
        &self.successors[node]
    }
    /// How many nodes each node waits for.
    pub fn predecessors(&self) -> &[u32] {
        &self.predecessors
    }
    /// Work from the start of a task to the end of the longest chain after it.
    pub fn rank(&self, node: usize) -> f64 {
        self.rank[node]
    }
    /// A task's weight: minutes, or 1 when no task of the plan has an estimate.
    pub fn weight(&self, task: usize) -> f64 {
        self.weight[task]
    }
    /// The longest chain of tasks before a task: tasks of one wave could start together.
    pub fn wave(&self, task: usize) -> u32 {
        self.wave[task]
    }
    /// Whether a node is on a cycle or waits for one.
    pub fn unordered(&self) -> BTreeSet<usize> {
        let ordered: BTreeSet<usize> = self.order.iter().map(|&node| node as usize).collect();
        (0..self.len()).filter(|node| !ordered.contains(node)).collect()
    }
    /// The work of the longest chain.
    pub fn length(&self) -> f64 {
        self.length
    }
    /// How much later a task could start without making the whole longer.
    pub fn slack(&self, task: usize) -> f64 {
        (self.length - self.earliest[task] - self.rank[task]).max(0.0)
    }

    /// The longest chain of work, as task indices. Among equally long chains it is the one whose
    /// first task stands earliest in the file, then its second, and so on.
    pub fn critical_path(&self) -> Vec<usize> {
        let length = self.length;
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9 * length.max(1.0);
        let firsts = (0..self.tasks).filter(|&t| self.wave[t] == 0 && close(self.earliest[t], 0.0));
        let Some(mut at) = firsts.filter(|&t| close(self.rank[t], length)).min() else {
            return Vec::new();
        };
        let mut path = vec![at];
        loop {
            let due = self.earliest[at] + self.weight[at];
            let next = self.next_tasks(at).into_iter();
            let next = next
                .filter(|&t| close(self.earliest[t], due) && close(due + self.rank[t], length))
                .min();
            match next {
                Some(task) if self.rank[task] > 0.0 => {
                    path.push(task);
                    at = task;
                }
                _ => return path,
            }
        }
    }

    /// The tasks directly after a task, through streams, barriers and gates.
    fn next_tasks(&self, task: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut stack: Vec<u32> = self.successors[task].clone();
        while let Some(node) = stack.pop() {
            let node = node as usize;
            if node < self.tasks {
                found.insert(node);
            } else if seen.insert(node) {
                stack.extend(&self.successors[node]);
            }
        }
        found
    }

    /// The most tasks that run at once when each starts as early as it can.
    pub fn max_parallelism(&self) -> usize {
        let mut moments: Vec<(f64, i32)> = Vec::with_capacity(2 * self.tasks);
        let unordered = self.unordered();
        for task in (0..self.tasks).filter(|task| !unordered.contains(task)) {
            moments.push((self.earliest[task], 1));
            moments.push((self.earliest[task] + self.weight[task], -1));
        }
        moments.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut running = 0;
        moments
            .iter()
            .map(|&(_, change)| {
                running += change;
                running
            })
            .max()
            .unwrap_or(0) as usize
    }

    /// No schedule is shorter than this: the longest chain, and all work over all slots.
    pub fn lower_bound(&self, max_parallel: usize) -> f64 {
        let work: f64 = self.weight[..self.tasks].iter().sum();
        self.length.max(work / max_parallel.max(1) as f64)
    }

    /// Every cycle, once, as the tasks on it in order; the streams and barriers between them are
    /// left out.
    pub fn cycles(&self) -> Vec<Vec<usize>> {
        let mut unordered = self.unordered();
        let mut cycles = Vec::new();
        // What comes after each node that was walked over, the least last; what was looked at is never looked at again.
        let mut after: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        while let Some(&start) = unordered.first() {
            let mut path = vec![start];
            let mut place: BTreeMap<usize, usize> = BTreeMap::from([(start, 0)]);
            // Walk along nodes that were not ordered until one comes up again or none is left.
            while let Some(&at) = path.last() {
                let left = after.entry(at).or_insert_with(|| {
                    let mut all: Vec<usize> =
                        self.successors[at].iter().map(|&n| n as usize).collect();
                    all.sort_unstable_by(|one, other| other.cmp(one));
                    all
                });
                while left.last().is_some_and(|next| !unordered.contains(next)) {
                    left.pop();
                }
                match left.last().copied() {
                    Some(next) if place.contains_key(&next) => {
                        let cycle: Vec<usize> = path.drain(place[&next]..).collect();
                        for node in &cycle {
                            unordered.remove(node);
                            place.remove(node);
                        }
                        let mut tasks: Vec<usize> =
                            cycle.into_iter().filter(|&n| n < self.tasks).collect();
                        let first = tasks
                            .iter()
                            .enumerate()
                            .min_by_key(|(_, task)| **task)
                            .map_or(0, |(ix, _)| ix);
                        tasks.rotate_left(first);
                        if !tasks.is_empty() {
                            cycles.push(tasks);
                        }
                    }
                    Some(next) => {
                        place.insert(next, path.len());
                        path.push(next);
                    }
                    None => {
                        // A dead end only waits for a cycle; it is on none.
                        unordered.remove(&at);
                        place.remove(&at);
                        path.pop();
                    }
                }
            }
        }
        cycles.sort();
        cycles
    }
}

/// A finite weight with a total order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrderedWeight(pub f64);

impl Eq for OrderedWeight {}
impl PartialOrd for OrderedWeight {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for OrderedWeight {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Weights {
    /// What an estimate weighs, in minutes: the middle of a range, or the setting for a size.
    pub fn minutes(&self, estimate: Option<Estimate>) -> f64 {
        use super::plan::Size;
        match estimate {
            Some(Estimate::Time { min_minutes, max_minutes }) => {
                f64::midpoint(min_minutes, max_minutes)
            }
            Some(Estimate::Size(Size::ExtraSmall)) => self.extra_small,
            Some(Estimate::Size(Size::Small)) => self.small,
            Some(Estimate::Size(Size::Medium)) => self.medium,
            Some(Estimate::Size(Size::Large)) => self.large,
            Some(Estimate::Size(Size::ExtraLarge)) => self.extra_large,
            None => self.unknown,
        }
    }
}
