//! What waits for itself: order gives way to what is written, gates to streams that wait for each other; a circle that is
//! left is an error.

use super::build::Builder;
use super::outline::ResolvedReference;
use super::problem::Problem;
use crate::core::graph::Graph;
use crate::core::id::{StreamId, TaskId};
use crate::core::plan::{Dependency, Node, Origin};
use crate::core::policy::Weights;
use foldhash::{HashMap, HashMapExt, HashSet};
use std::ops::Range;

/// Ids of a circle that are named.
const MAX_NAMED: usize = 40;
/// Rounds in which order gives way to what is written.
const MAX_ROUNDS: usize = 50;
/// Gates after several streams that are looked at for what holds back what.
const MAX_GATES: usize = 500;

impl Builder<'_> {
    /// What order implies gives way to what is written: a task may wait for one that comes later.
    fn drop_implied_cycles(&mut self) -> Graph {
        let mut round = 0;
        loop {
            round += 1;
            let graph = Graph::new(&self.plan, &[], &Weights::default());
            let mut gone = false;
            for cycle in graph.cycles() {
                let tasks: HashSet<TaskId> =
                    cycle.iter().map(|&ix| self.plan.tasks[ix].id.clone()).collect();
                let streams: HashSet<StreamId> =
                    cycle.iter().filter_map(|&ix| self.plan.tasks[ix].stream.clone()).collect();
                let closes = |dependency: &Dependency| match &dependency.on {
                    Node::Task(id) => tasks.contains(id),
                    Node::Stream(id) => streams.contains(id),
                    Node::Barrier(_) => true,
                };
                let mut without = |list: &mut Vec<Dependency>| {
                    let before = list.len();
                    list.retain(|dependency| {
                        dependency.origin == Origin::Explicit || !closes(dependency)
                    });
                    let fewer = list.len() < before;
                    gone |= fewer;
                    fewer
                };
                // What came before the circle still does.
                let outside = |dependency: &&Dependency| {
                    dependency.origin == Origin::Order
                        && matches!(&dependency.on, Node::Task(id) if !tasks.contains(id))
                };
                let before: Vec<Dependency> = cycle
                    .iter()
                    .flat_map(|&ix| self.plan.tasks[ix].depends_on.iter().filter(outside))
                    .cloned()
                    .collect();
                for &ix in &cycle {
                    if without(&mut self.plan.tasks[ix].depends_on) {
                        let list = &mut self.plan.tasks[ix].depends_on;
                        let new: Vec<Dependency> = before
                            .iter()
                            .filter(|of| !list.iter().any(|known| known.on == of.on))
                            .cloned()
                            .collect();
                        list.extend(new);
                    }
                }
                for stream in &streams {
                    let ix = self.stream_of(stream.as_str());
                    if let Some(ix) = ix {
                        without(&mut self.plan.streams[ix].depends_on);
                    }
                }
            }
            // Circles within circles come to light one after the other; so many are told of instead.
            if !gone || round > MAX_ROUNDS {
                return graph;
            }
        }
    }

    /// A gate after several streams guards the ends of those that no other one of them waits for: held back by it, that
    /// other one could never be done.
    fn relax_gates(&mut self, graph: &Graph) {
        let streams: HashMap<StreamId, usize> = self
            .plan
            .streams
            .iter()
            .enumerate()
            .map(|(ix, stream)| (stream.id.clone(), ix))
            .collect();
        for gate in self.plan.gates.iter_mut().filter(|gate| gate.after.len() > 1).take(MAX_GATES) {
            let all: Vec<usize> =
                gate.after.iter().filter_map(|id| streams.get(id)).copied().collect();
            let last: HashSet<usize> = graph.last_of(&all).into_iter().collect();
            // In a circle there is none, and that is told of elsewhere.
            if !last.is_empty() {
                gate.after.retain(|id| streams.get(id).is_none_or(|stream| last.contains(stream)));
            }
        }
    }

    pub(super) fn find_cycles(&mut self) {
        let graph = self.drop_implied_cycles();
        self.relax_gates(&graph);
        let cycles = graph.cycles();
        let mut mentions: HashMap<TaskId, Vec<usize>> = HashMap::new();
        if !cycles.is_empty() {
            for (at, mention) in self.outline.references.iter().enumerate() {
                mention.by.iter().for_each(|by| mentions.entry(by.clone()).or_default().push(at));
            }
        }
        for cycle in cycles {
            // From each task to the one that it waits for.
            let mut names: Vec<String> =
                cycle.iter().map(|&ix| self.plan.tasks[ix].id.to_string()).collect();
            names.push(names[0].clone());
            names.reverse();
            if names.len() > MAX_NAMED {
                let last = names.pop().unwrap_or_default();
                names.truncate(MAX_NAMED);
                names.extend(["…".to_owned(), last]);
            }
            let loop_text = names.join(" ← ");
            for &ix in &cycle {
                self.plan.tasks[ix]
                    .broken
                    .get_or_insert(format!("it waits for itself in a cycle: {loop_text}"));
            }
            let span = self.outline.tasks[cycle[0]].span.clone();
            let what = format!(
                "these tasks wait for each other in a cycle: {loop_text}: remove one of the dependencies"
            );
            let mut problem = Problem::error("cycle", span, what);
            // The last written edge of the circle is the one that closed it.
            let on: HashSet<&TaskId> = cycle.iter().map(|&ix| &self.plan.tasks[ix].id).collect();
            let on_circle = |mention: &&ResolvedReference| matches!(&mention.tasks[..], [task] if on.contains(task) && mention.by.as_ref() != Some(task));
            let mut of_circle: Vec<&ResolvedReference> = on
                .iter()
                .filter_map(|id| mentions.get(*id))
                .flatten()
                .map(|at| &self.outline.references[*at])
                .filter(on_circle)
                .collect();
            of_circle.sort_by_key(|mention| {
                (mention.span.start, mention.by.clone(), mention.tasks.clone())
            });
            if let Some(mention) = of_circle.last() {
                let (span, replacement) = without_reference(self.text.all, &mention.span);
                let title = format!(
                    "task {} no longer waits for {}",
                    mention.by.as_ref().map_or("", TaskId::as_str),
                    mention.tasks[0]
                );
                problem = problem.with_fix(title, span, replacement);
            }
            for mention in of_circle {
                problem = problem
                    .with_related(mention.span.clone(), "one of the dependencies in the cycle");
            }
            self.problems.push(problem);
        }
    }
}

/// What to replace so that a reference is gone from its list, and by what.
fn without_reference(text: &str, span: &Range<usize>) -> (Range<usize>, &'static str) {
    let line_start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[span.end..].find('\n').map_or(text.len(), |at| span.end + at);
    let after = text[span.end..line_end].find([',', ';']).map(|at| span.end + at);
    match text[line_start..span.start].rfind([',', ';', ':']).map(|at| line_start + at) {
        Some(at) if text.as_bytes()[at] != b':' => {
            (at..after.unwrap_or(text[..line_end].trim_end().len()), "")
        }
        before => {
            let from = before.map_or(span.start, |at| at + 1);
            let from = from + text[from..span.start].len()
                - text[from..span.start].trim_start_matches(['*', ' ']).len();
            match after {
                Some(comma) => (
                    from..comma + 1 + text[comma + 1..line_end].len()
                        - text[comma + 1..line_end].trim_start().len(),
                    "",
                ),
                None => (from..text[..line_end].trim_end().len().max(span.end), "None"),
            }
        }
    }
}
