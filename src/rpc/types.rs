//! Wire types: what `plan` and `check` print as JSON. What a client may rely on stands in
//! `schema/`.

use crate::breakdown::outline::{SaidBy, TaskItem};
use crate::breakdown::owners::{Owner, Ownership};
use crate::breakdown::problem::Problem;
use crate::breakdown::problem::Severity;
use crate::breakdown::source::Source;
use crate::breakdown::text::Text;
use crate::breakdown::unread::left_out;
use crate::breakdown::{Counts, Parsed};
use crate::core::allocation::{Allocation, allocate};
use crate::core::dispatch::forecast;
use crate::core::event::Mark;
use crate::core::graph::Graph;
use crate::core::id::AgentName;
use crate::core::plan::{Edges, Estimate, Level, Node, Origin};
use crate::core::policy::{Gate, Policy};
use crate::core::view::{DependencyKind, PlannedState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What would happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanDocument {
    /// What is being built.
    pub topic: String,
    /// The format that it was read as.
    pub format: String,
    /// How sure it is that this is its format.
    pub confidence: String,
    /// What is written down in it.
    pub counts: Counts,
    /// Streams in the order of the file.
    pub streams: Vec<StreamDocument>,
    /// Tasks in the order of the file.
    pub tasks: Vec<TaskDocument>,
    /// Gates of all levels.
    pub gates: Vec<GateDocument>,
    /// The longest chain; among equally long ones the one that stands earliest in the file.
    pub critical_path: Vec<String>,
    /// The most tasks at once, when each starts as early as it can.
    pub max_parallelism: usize,
    /// How long it takes.
    pub makespan: Makespan,
    /// What is wrong with the breakdown.
    pub problems: Vec<ProblemDocument>,
    /// Edges between tasks.
    pub edges: Edges,
    /// Attempts at once, by the config.
    pub max_parallel: u32,
}

impl PlanDocument {
    /// In how many places something looks like work or dependencies and was read as neither, in words.
    pub fn left_out(&self) -> Option<String> {
        left_out(self.problems.iter().map(|problem| problem.code.as_str()))
    }
}

/// One stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamDocument {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its tasks.
    pub tasks: Vec<String>,
    /// What all of them wait for.
    pub depends_on: Vec<DependencyDocument>,
}

/// One task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskDocument {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its stream.
    pub stream: Option<String>,
    /// What it waits for.
    pub depends_on: Vec<DependencyDocument>,
    /// Who does it.
    pub agent: Option<String>,
    /// Why.
    pub agent_reason: String,
    /// Who is asked before.
    pub experts: Vec<String>,
    /// Who writes its tests first.
    pub tester: Option<String>,
    /// Who reviews it.
    pub reviewers: Vec<String>,
    /// How long it may take.
    pub estimate: Option<Estimate>,
    /// Work from its start to the end of the longest chain after it.
    pub rank: f64,
    /// How much later it could start without making the whole longer.
    pub slack: f64,
    /// The longest chain of tasks before it, from 1.
    pub wave: u32,
    /// Whether it is on the critical path.
    pub critical_path: bool,
    /// How it stands before anything is done.
    pub state: PlannedState,
    /// Who says so of what is done, skipped or put off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_from: Option<SaidBy>,
    /// Its file, where the breakdown is a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its line, from 1.
    pub line: usize,
    /// Where the breakdown says what else it says of it.
    pub details: Vec<DetailDocument>,
}

/// A place where something is said of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DetailDocument {
    /// What is said: `agent`, `command`, `commit`, `criteria`, `estimate`, `files`, `notes`, `objective`, `parallel`,
    /// `skills`, `specs`, `steps`, `tests` or `testsFirst`.
    pub name: String,
    /// The file, where the breakdown is a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// What something waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DependencyDocument {
    /// A task, a stream or a set of tasks.
    pub id: String,
    /// What it is.
    pub kind: DependencyKind,
    /// Who says so.
    pub origin: Origin,
}

/// One gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateDocument {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub level: Level,
    /// The streams after which it is judged; of a task's gate, those that it is for.
    pub after: Vec<String>,
    /// The breakdown's criterion.
    pub text: String,
    /// The configured gates that evaluate it; none leaves it open until a person approves it.
    pub checks: Vec<String>,
    /// Whether a person must pass it.
    pub approval: bool,
}

/// How long it takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Makespan {
    /// No schedule is shorter.
    pub lower_bound: f64,
    /// What the scheduler itself would do with these weights.
    pub forecast: f64,
    /// `minutes`, or `tasks` when nothing is estimated.
    pub unit: String,
}

/// A problem at its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemDocument {
    /// The file; absent for a text without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// A stable name.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What would fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// A problem with its place in words.
pub fn problem(problem: &Problem, text: &Text<'_>, source: &Source) -> ProblemDocument {
    let (file, line, column) = source.position(text, problem.span.start);
    ProblemDocument {
        file: Some(file),
        severity: problem.severity,
        code: problem.code.into(),
        message: problem.message.clone(),
        line,
        column,
        fix: problem.fix.as_ref().map(|fix| fix.title.clone()),
    }
}

fn dependency(on: &Node, origin: Origin) -> DependencyDocument {
    let (id, kind) = match on {
        Node::Task(id) => (id.to_string(), DependencyKind::Task),
        Node::Stream(id) => (id.to_string(), DependencyKind::Stream),
        Node::Barrier(id) => (id.to_string(), DependencyKind::Barrier),
    };
    DependencyDocument { id, kind, origin }
}

fn problems(parsed: &Parsed, source: &Source) -> Vec<ProblemDocument> {
    if parsed.problems.is_empty() {
        return Vec::new();
    }
    let text = source.input().lines();
    // In a plan, a file is named only where there are several.
    let unnamed =
        |p: ProblemDocument| ProblemDocument { file: p.file.filter(|_| source.is_folder()), ..p };
    parsed.problems.iter().map(|p| unnamed(problem(p, &text, source))).collect()
}

/// Plans what was read, by the rules.
pub fn plan_document(parsed: &Parsed, source: &Source, policy: &Policy) -> PlanDocument {
    let plan = &parsed.plan;
    let gates = policy.gates_of(plan);
    let graph = Graph::new(plan, &gates, &policy.weights);
    let allocation = allocate(plan, policy);
    let critical = graph.critical_path();
    let on_path: std::collections::BTreeSet<usize> = critical.iter().copied().collect();
    let length = graph.length();
    let text = source.input().lines();
    // Only some tasks may be wanted of those that were read.
    let task_items: BTreeMap<_, _> =
        parsed.outline.tasks.iter().map(|task_item| (&task_item.id, task_item)).collect();
    let task = |ix: usize| {
        let task_item = task_items.get(&plan.tasks[ix].id);
        let (file, line, _) =
            source.position(&text, task_item.map_or(0, |task_item| task_item.span.start));
        let task = &plan.tasks[ix];
        let Allocation { agent, reason, experts, tester, reviewers, .. } = allocation[ix].clone();
        let names = |names: Vec<AgentName>| names.iter().map(ToString::to_string).collect();
        TaskDocument {
            id: task.id.to_string(),
            title: task.title.clone(),
            stream: task.stream.as_ref().map(ToString::to_string),
            depends_on: task.depends_on.iter().map(|d| dependency(&d.on, d.origin)).collect(),
            agent: agent.map(|agent| agent.to_string()),
            agent_reason: reason,
            experts: names(experts),
            tester: tester.map(|tester| tester.to_string()),
            reviewers: names(reviewers),
            estimate: task.estimate,
            rank: graph.rank(ix),
            slack: if length > 0.0 { graph.slack(ix) } else { 0.0 },
            wave: graph.wave(ix) + 1,
            critical_path: on_path.contains(&ix),
            state: match (parsed.marks.get(&task.id), &task.broken) {
                (Some(Mark::Done), _) => PlannedState::Done,
                (Some(Mark::Skipped), _) => PlannedState::Skipped,
                (Some(Mark::Deferred), _) => PlannedState::Deferred,
                (None, Some(_)) => PlannedState::Blocked,
                (None, None) => PlannedState::Todo,
            },
            state_from: task_item.and_then(|task_item| task_item.said_by),
            file: Some(file).filter(|_| source.is_folder()),
            line,
            details: task_item.map(|item| details(item, source, &text)).unwrap_or_default(),
        }
    };
    let mut of_stream: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for task in &plan.tasks {
        if let Some(stream) = &task.stream {
            of_stream.entry(stream.as_str()).or_default().push(task.id.to_string());
        }
    }
    PlanDocument {
        topic: plan.topic.clone(),
        format: plan.format.clone(),
        confidence: parsed.read_as.map_or("", |found| found.confidence.word()).into(),
        counts: parsed.counts(),
        streams: plan
            .streams
            .iter()
            .map(|stream| StreamDocument {
                id: stream.id.to_string(),
                name: stream.name.clone(),
                tasks: of_stream.remove(stream.id.as_str()).unwrap_or_default(),
                depends_on: stream.depends_on.iter().map(|d| dependency(&d.on, d.origin)).collect(),
            })
            .collect(),
        gates: gate_documents(policy, &gates),
        critical_path: critical.iter().map(|&ix| plan.tasks[ix].id.to_string()).collect(),
        max_parallelism: graph.max_parallelism(),
        makespan: Makespan {
            lower_bound: graph.lower_bound(policy.max_parallel as usize),
            forecast: forecast(plan, &graph, policy, &allocation),
            unit: if plan.tasks.iter().any(|task| task.estimate.is_some()) {
                "minutes"
            } else {
                "tasks"
            }
            .into(),
        },
        problems: problems(parsed, source),
        edges: plan.edges(),
        max_parallel: policy.max_parallel,
        tasks: (0..plan.tasks.len()).map(task).collect(),
    }
}

/// Where the breakdown says what it says of a task.
fn details(task_item: &TaskItem, source: &Source, text: &Text<'_>) -> Vec<DetailDocument> {
    let steps = task_item.steps.iter().map(|step| ("steps", step.span.start));
    let mut places: Vec<_> = task_item
        .details
        .iter()
        .map(|(detail, span)| (detail.name(), span.start))
        .chain(steps)
        .collect();
    places.sort_by_key(|(_, at)| *at);
    let document = |(name, at): (&str, usize)| {
        let (file, line, column) = source.position(text, at);
        DetailDocument {
            name: name.into(),
            file: Some(file).filter(|_| source.is_folder()),
            line,
            column,
        }
    };
    places.into_iter().map(document).collect()
}

fn gate_documents(policy: &Policy, gates: &[Gate]) -> Vec<GateDocument> {
    let gate = |gate: &Gate| GateDocument {
        id: gate.id.to_string(),
        level: gate.level,
        after: gate.streams.iter().map(ToString::to_string).collect(),
        text: gate.text.clone(),
        checks: gate.checks.clone(),
        approval: gate.approval,
    };
    let of_tasks = policy.gates_at(Level::Task).map(|gate| GateDocument {
        id: gate.name.clone(),
        level: Level::Task,
        after: gate.streams.iter().map(ToString::to_string).collect(),
        text: String::new(),
        checks: if gate.command { vec![gate.name.clone()] } else { Vec::new() },
        approval: gate.approval,
    });
    of_tasks.chain(gates.iter().map(gate)).collect()
}

/// The text of a breakdown by its owners, in bytes that are no blanks.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CoverageDocument {
    /// How the breakdown was named.
    pub file: String,
    /// What belongs to tasks.
    pub tasks_bytes: usize,
    /// What of that their briefs hold, with the limit that there is without a config.
    pub tasks_told_bytes: usize,
    /// What belongs to groups of tasks.
    pub groups_bytes: usize,
    /// What belongs to the plan as a whole.
    pub plan_bytes: usize,
    /// What belongs to nobody.
    pub unused_bytes: usize,
    /// Each range that belongs to nobody.
    pub unused: Vec<UnusedDocument>,
}

/// A range of the text that belongs to nobody.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnusedDocument {
    /// The file, of a folder by its path in it.
    pub file: String,
    /// Its first line, from 1.
    pub first_line: usize,
    /// Its last line.
    pub last_line: usize,
    /// Why.
    pub reason: &'static str,
}

impl CoverageDocument {
    /// Counts a text.
    pub fn from_ownership(
        ownership: &Ownership,
        text: &Text<'_>,
        source: &Source,
        tasks_told_bytes: usize,
    ) -> Self {
        let mut coverage = Self { file: source.name.clone(), tasks_told_bytes, ..Self::default() };
        for (range, owner) in ownership.ranges() {
            let piece = &text.all[range.clone()];
            let bytes = piece.bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
            match owner {
                Owner::Task(_) => coverage.tasks_bytes += bytes,
                Owner::Group(_) => coverage.groups_bytes += bytes,
                Owner::Plan => coverage.plan_bytes += bytes,
                Owner::Unused(reason) if bytes > 0 => {
                    coverage.unused_bytes += bytes;
                    let last = range.start + piece.trim_end().len();
                    let (file, first_line, _) = source.position(text, range.start);
                    let (_, last_line, _) =
                        source.position(text, last.saturating_sub(1).max(range.start));
                    coverage.unused.push(UnusedDocument {
                        file,
                        first_line,
                        last_line,
                        reason: reason.words(),
                    });
                }
                Owner::Unused(_) => {}
            }
        }
        coverage
    }
}

impl std::fmt::Display for CoverageDocument {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all =
            (self.tasks_bytes + self.groups_bytes + self.plan_bytes + self.unused_bytes).max(1);
        let share = |bytes: usize| (bytes as f64 * 100.0 / all as f64).round();
        writeln!(
            out,
            "{}: {} % of the text belongs to tasks, {} % to groups, {} % to the plan, {} % to nobody",
            self.file,
            share(self.tasks_bytes),
            share(self.groups_bytes),
            share(self.plan_bytes),
            share(self.unused_bytes)
        )?;
        if self.tasks_told_bytes < self.tasks_bytes {
            let part = self.tasks_told_bytes as f64 * 100.0 / self.tasks_bytes as f64;
            writeln!(
                out,
                "{}: briefs hold {part:.1} % of what belongs to tasks: raise `limit_kb`, or divide what is longest",
                self.file
            )?;
        }
        for UnusedDocument { file, first_line, last_line, reason } in &self.unused {
            writeln!(out, "{file}:{first_line}-{last_line}: unused: {reason}")?;
        }
        Ok(())
    }
}
