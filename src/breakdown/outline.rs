//! Where things stand in the text: positions and boxes, nothing else.

use super::owners::Ownership;
use crate::core::id::{GateId, StreamId, TaskId};
use crate::core::plan::Task;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Positions of what a plan is made of, in bytes of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    /// Tasks in the order of the plan.
    pub tasks: Vec<TaskItem>,
    /// Streams in the order of the plan.
    pub streams: Vec<(StreamId, Range<usize>)>,
    /// Gates in the order of the plan.
    pub gates: Vec<(GateId, Range<usize>)>,
    /// Where one names another.
    pub references: Vec<ResolvedReference>,
    /// Streams that are themselves tasks of the breakdown, done when all that is under them is.
    pub parents: Vec<Parent>,
    /// Boxes that are gates, and whether they are ticked.
    pub gate_boxes: Vec<bool>,
    /// Headings and the like with tasks under them, where those are not the streams.
    pub groups: Option<usize>,
    /// Edges of tasks that are written down and lead to nothing.
    pub edges_to_nothing: usize,
    /// Milestones in the order of the plan.
    pub milestones: Vec<Range<usize>>,
    /// Deliverables in the order of the plan.
    pub deliverables: Vec<Range<usize>>,
    /// Risks in the order of the plan.
    pub risks: Vec<Range<usize>>,
    /// What the format writes as the status of a task that is done.
    pub done_word: Option<String>,
    /// Whose text is whose.
    pub ownership: Ownership,
}

/// A task of the breakdown that others make up, so that it is a stream of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Parent {
    /// Its stream.
    pub stream: StreamId,
    /// Whether its own box or status says that it is done.
    pub done: bool,
    /// Streams that are parts of it.
    pub nested: Vec<StreamId>,
    /// Whether what is under it counts as its parts, not as tasks beside it.
    pub of_parts: bool,
    /// The value or the file that it is, where it is one.
    pub text: Option<Range<usize>>,
}

/// A place where tasks or a stream are named.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedReference {
    /// The name itself.
    pub span: Range<usize>,
    /// The task that waits for them; none for a stream that does.
    pub by: Option<TaskId>,
    /// Which tasks.
    pub tasks: Vec<TaskId>,
    /// Which stream.
    pub stream: Option<StreamId>,
}

impl TaskItem {
    /// Where its id stands in the line that names it; nowhere for a task without a written one.
    pub fn name(&self, source: &str) -> Option<Range<usize>> {
        if self.named.is_some() {
            return self.named.clone();
        }
        let line = source.get(self.span.clone())?;
        let id = self.id.as_str().split('@').next().filter(|id| !id.is_empty())?;
        let word = |byte: Option<u8>| {
            byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let whole = |at: &usize| {
            !word(at.checked_sub(1).map(|at| line.as_bytes()[at]))
                && !word(line.as_bytes().get(at + id.len()).copied())
        };
        let at = line.match_indices(id).map(|(at, _)| at).find(whole)?;
        Some(self.span.start + at..self.span.start + at + id.len())
    }
}

/// Who says how a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SaidBy {
    /// The mark in its box.
    Box,
    /// A field, a column or front matter.
    Status,
    /// Words or signs in its title.
    Title,
    /// The folder that its file lies in.
    Folder,
    /// A file that a program keeps.
    Program,
    /// The boxes of its steps, where it has none of its own.
    Steps,
    /// What the format means by it.
    Format,
}

/// A task's place.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskItem {
    /// Which.
    pub id: TaskId,
    /// The line that names it, or its title where that is a value.
    pub span: Range<usize>,
    /// Where its id is a value of its own.
    pub named: Option<Range<usize>>,
    /// Where its status is a value of its own.
    pub status: Option<Range<usize>>,
    /// The mark in its box.
    pub mark: Option<usize>,
    /// Whether that box is ticked.
    pub ticked: bool,
    /// Who says that it is done, skipped or put off, where it is.
    pub said_by: Option<SaidBy>,
    /// Its steps in the order of the plan.
    pub steps: Vec<StepItem>,
    /// What else is said of it, and where. Of what there is one of, the last counts; of lists, each entry has its own,
    /// in the order of the plan.
    pub details: Vec<(Detail, Range<usize>)>,
    /// The value that it is, in JSON and the like.
    pub value: Option<Range<usize>>,
    /// The file that is written for it alone.
    pub file: Option<Range<usize>>,
}

/// A step's place.
#[derive(Clone, Debug, PartialEq)]
pub struct StepItem {
    /// Its text.
    pub span: Range<usize>,
    /// Whether it is ticked; none for one that can't be.
    pub ticked: Option<bool>,
}

impl TaskItem {
    /// Its steps that can be ticked, and whether they are.
    pub fn ticks(&self) -> impl Iterator<Item = bool> {
        self.steps.iter().filter_map(|step| step.ticked)
    }
}

/// What a text says of a task beside its title, its state, its steps and what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Who does it.
    Agent,
    /// What is run.
    Command,
    /// The message of its commit.
    Commit,
    /// When it counts as done.
    Criteria,
    /// How long it takes.
    Estimate,
    /// Files that it changes.
    Files,
    /// Further text.
    Notes,
    /// What it is for.
    Objective,
    /// Whether it may run beside others.
    Parallel,
    /// What its agent has to be able to do.
    Skills,
    /// How it behaves.
    Specs,
    /// What its tests show.
    Tests,
    /// Whether tests come first.
    TestsFirst,
}

impl Detail {
    /// Its name in a plan.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Command => "command",
            Self::Commit => "commit",
            Self::Criteria => "criteria",
            Self::Estimate => "estimate",
            Self::Files => "files",
            Self::Notes => "notes",
            Self::Objective => "objective",
            Self::Parallel => "parallel",
            Self::Skills => "skills",
            Self::Specs => "specs",
            Self::Tests => "tests",
            Self::TestsFirst => "testsFirst",
        }
    }

    /// What a task has of it, an entry for each place. Whether it may run beside others is no property of its own.
    pub fn texts_of(self, task: &Task) -> Vec<String> {
        let one = |text: Option<String>| text.into_iter().filter(|text| !text.is_empty()).collect();
        match self {
            Self::Agent => one(task.agent.clone()),
            Self::Command => one(task.command.clone()),
            Self::Commit => one(task.commit.clone()),
            Self::Criteria => task.criteria.clone(),
            Self::Estimate => one(task.estimate.map(|estimate| estimate.to_string())),
            Self::Files => task.files.clone(),
            Self::Notes => task.notes.clone(),
            Self::Objective => one(Some(task.objective.clone())),
            Self::Parallel => Vec::new(),
            Self::Skills => task.skills.clone(),
            Self::Specs => task.specs.clone(),
            Self::Tests => task.tests.clone(),
            Self::TestsFirst => one(task.tests_first.map(|rule| rule.to_string())),
        }
    }
}
