//! What there is to do: streams, tasks, dependencies, gates, criteria; without positions in a
//! text (those are the outline's) and without marks of progress (those are events).

use super::id::{BarrierId, GateId, StreamId, TaskId};
use super::prose::Prose;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A breakdown's content.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Plan {
    /// What is being built, from the title.
    pub topic: String,
    /// The breakdown's own summary, as written.
    pub summary: String,
    /// The format that it was read as (`breakdown-agent-v1`, `spec-kit`, …).
    pub format: String,
    /// Lanes in the order of the file.
    pub streams: Vec<Stream>,
    /// Tasks in the order of the file.
    pub tasks: Vec<Task>,
    /// Sets of tasks that something waits for as a whole.
    pub barriers: Vec<Barrier>,
    /// Gates that the breakdown names.
    pub gates: Vec<PlanGate>,
    /// Milestones that the breakdown names.
    pub milestones: Vec<String>,
    /// Deliverables that the breakdown names.
    pub deliverables: Vec<String>,
    /// Risks that the breakdown names, and what it needs from outside.
    pub risks: Vec<String>,
    /// The breakdown's own words; unknown in plans of older versions.
    #[serde(skip_serializing_if = "Prose::is_empty")]
    pub prose: Prose,
}

impl Plan {
    /// The tasks of one stream, in the order of the file.
    pub fn tasks_of<'a>(&'a self, stream: &'a StreamId) -> impl Iterator<Item = &'a Task> {
        self.tasks.iter().filter(move |task| task.stream.as_ref() == Some(stream))
    }

    /// The task with this id.
    pub fn task(&self, id: &TaskId) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == *id)
    }

    /// How many edges between tasks were written down, and how many a format implies.
    pub fn edges(&self) -> Edges {
        let mut edges = Edges::default();
        for dependency in self.tasks.iter().flat_map(|task| &task.depends_on) {
            match dependency.origin {
                Origin::Explicit => edges.explicit += 1,
                Origin::Order | Origin::Phase | Origin::Wave => edges.implied += 1,
            }
        }
        edges
    }

    /// Only the named tasks and all that they wait for.
    ///
    /// # Errors
    /// The first id that names no task.
    pub fn only(&self, ids: &[TaskId]) -> Result<Plan, TaskId> {
        if let Some(unknown) = ids.iter().find(|id| self.task(id).is_none()) {
            return Err(unknown.clone());
        }
        let mut keep = std::collections::BTreeSet::new();
        let mut queue: Vec<TaskId> = ids.to_vec();
        while let Some(id) = queue.pop() {
            let Some(task) = self.task(&id).filter(|_| keep.insert(id.clone())) else { continue };
            let stream =
                task.stream.as_ref().and_then(|id| self.streams.iter().find(|s| s.id == *id));
            let of_stream = stream.into_iter().flat_map(|stream| &stream.depends_on);
            for dependency in task.depends_on.iter().chain(of_stream) {
                match &dependency.on {
                    Node::Task(id) => queue.push(id.clone()),
                    Node::Stream(id) => queue.extend(self.tasks_of(id).map(|task| task.id.clone())),
                    Node::Barrier(id) => {
                        let barrier = self.barriers.iter().find(|barrier| barrier.id == *id);
                        queue.extend(barrier.into_iter().flat_map(|barrier| barrier.tasks.clone()));
                    }
                }
            }
        }
        let mut plan = self.clone();
        plan.tasks.retain(|task| keep.contains(&task.id));
        plan.prose.tasks.retain(|task, _| keep.contains(task));
        for barrier in &mut plan.barriers {
            barrier.tasks.retain(|task| keep.contains(task));
        }
        plan.streams.retain(|stream| {
            plan.tasks.iter().any(|task| task.stream.as_ref() == Some(&stream.id))
        });
        plan.gates.retain(|gate| {
            gate.after.is_empty()
                || gate.after.iter().all(|id| plan.streams.iter().any(|s| s.id == *id))
        });
        Ok(plan)
    }
}

/// Counts of edges between tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Edges {
    /// Written in the breakdown.
    pub explicit: usize,
    /// Implied by the format's order.
    pub implied: usize,
}

/// A lane of tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stream {
    /// `A`, `Phase 2`.
    pub id: StreamId,
    /// `Database Foundation`.
    pub name: String,
    /// What all of its tasks wait for.
    #[serde(default)]
    pub depends_on: Vec<Dependency>,
}

/// A piece of work for one agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Unique in the plan.
    pub id: TaskId,
    /// One line.
    pub title: String,
    /// The lane it stands in.
    pub stream: Option<StreamId>,
    /// What must be done before it.
    #[serde(default)]
    pub depends_on: Vec<Dependency>,
    /// The agent that the breakdown asks for.
    #[serde(default)]
    pub agent: Option<String>,
    /// Words that an agent's skills are matched with.
    #[serde(default)]
    pub skills: Vec<String>,
    /// How long it may take.
    #[serde(default)]
    pub estimate: Option<Estimate>,
    /// Files that it names, by which tasks are kept apart that touch the same ones.
    #[serde(default)]
    pub files: Vec<String>,
    /// A command that is the whole task (`Run:`), for agents of kind `shell`.
    #[serde(default)]
    pub command: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub objective: String,
    /// When it counts as done, as written.
    #[serde(default)]
    pub criteria: Vec<String>,
    /// Behaviour as given/when/then, with its kind in front (`Security Spec: Given …`).
    #[serde(default)]
    pub specs: Vec<String>,
    /// What its tests must show.
    #[serde(default)]
    pub tests: Vec<String>,
    /// Steps inside the task, in order.
    #[serde(default)]
    pub steps: Vec<String>,
    /// The commit message that the breakdown suggests.
    #[serde(default)]
    pub commit: Option<String>,
    /// The task's own word on tests first, over the policy's.
    #[serde(default)]
    pub tests_first: Option<TestsFirst>,
    /// Further text, as written.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Why it can't be scheduled (a cycle, a reference to nothing): it and what waits for it rest.
    #[serde(default)]
    pub broken: Option<String>,
}

impl Task {
    /// A task with nothing but a name.
    pub fn new(id: impl Into<TaskId>, title: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            stream: None,
            depends_on: Vec::new(),
            agent: None,
            skills: Vec::new(),
            estimate: None,
            files: Vec::new(),
            command: None,
            objective: String::new(),
            criteria: Vec::new(),
            specs: Vec::new(),
            tests: Vec::new(),
            steps: Vec::new(),
            commit: None,
            tests_first: None,
            notes: Vec::new(),
            broken: None,
        }
    }
}

/// Something that must be done first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Dependency {
    /// What is waited for.
    pub on: Node,
    /// Who says so.
    pub origin: Origin,
}

/// What a dependency can point at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Node {
    /// One task.
    Task(TaskId),
    /// All tasks of a stream and the stream's gates.
    Stream(StreamId),
    /// All tasks of a set.
    Barrier(BarrierId),
}

/// Who says that something is waited for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// It is written in the breakdown.
    Explicit,
    /// It follows from the order of tasks.
    #[serde(alias = "implied")]
    Order,
    /// It follows from the order of streams.
    Phase,
    /// It follows from the waves that tasks are put in.
    Wave,
}

/// A set of tasks waited for as a whole: one node instead of an edge for each pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Barrier {
    /// As written, for example `T001-T009`.
    pub id: BarrierId,
    /// Its members.
    pub tasks: Vec<TaskId>,
}

/// A gate that the breakdown names: a criterion at a place. What evaluates it is the policy's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanGate {
    /// `Gate 1`.
    pub id: GateId,
    /// Where it stands.
    pub level: Level,
    /// The streams after which it is judged.
    pub after: Vec<StreamId>,
    /// The criterion, as written.
    pub text: String,
}

/// Where a gate stands.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// Before a task counts as done.
    #[default]
    Task,
    /// Before a stream counts as done.
    Stream,
    /// When all tasks are done.
    System,
    /// The last one before the work is handed over.
    Deployment,
}

/// How long a task may take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Estimate {
    /// A time as written, in minutes.
    #[serde(rename_all = "camelCase")]
    Time {
        /// At least so long.
        min_minutes: f64,
        /// At most so long.
        max_minutes: f64,
    },
    /// A size; a setting says what it weighs.
    Size(Size),
}

impl fmt::Display for Estimate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[expect(clippy::float_cmp, reason = "both are what was written")]
            Self::Time { min_minutes, max_minutes } if min_minutes == max_minutes => {
                write!(out, "{min_minutes}m")
            }
            Self::Time { min_minutes, max_minutes } => write!(out, "{min_minutes}-{max_minutes}m"),
            Self::Size(size) => out.write_str(match size {
                Size::ExtraSmall => "XS",
                Size::Small => "Small",
                Size::Medium => "Medium",
                Size::Large => "Large",
                Size::ExtraLarge => "XL",
            }),
        }
    }
}

/// Sizes that breakdowns use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Size {
    /// `XS`.
    ExtraSmall,
    /// `S`, `Small`.
    Small,
    /// `M`, `Medium`.
    Medium,
    /// `L`, `Large`.
    Large,
    /// `XL`.
    ExtraLarge,
}

/// Whether tests are written, and seen to fail, before the implementation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TestsFirst {
    /// Red before green, or the task does not count as done.
    #[default]
    Required,
    /// Looked at and reported, no more.
    Advisory,
    /// Not asked for.
    Off,
}

impl fmt::Display for TestsFirst {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Required => "required",
            Self::Advisory => "advisory",
            Self::Off => "off",
        })
    }
}
