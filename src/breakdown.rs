//! Text → plan, outline, problems. Never fails: what can't be read is a problem, and a problem
//! blocks only what depends on it.

pub mod breakdown_agent;
pub mod build;
pub mod detect;
pub mod names;
pub mod outline;
pub mod problem;
pub mod refs;
pub mod resolve;
pub mod source;
pub mod spec_kit;
pub mod task_list;
pub mod text;
pub mod values;

use crate::core::event::Mark;
use crate::core::id::TaskId;
use crate::core::plan::Plan;
use outline::Outline;
use problem::{Problem, Severity};
use std::collections::BTreeMap;

/// What a breakdown says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// What there is to do.
    pub plan: Plan,
    /// Where it stands in the text.
    pub outline: Outline,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// What it says is done, skipped or put off.
    pub marks: BTreeMap<TaskId, Mark>,
    /// Boxes that are neither tasks nor steps: all, and ticked ones.
    pub other_boxes: (usize, usize),
}

impl Parsed {
    /// Whether nothing in it can be scheduled.
    pub fn nothing_to_do(&self) -> bool {
        self.plan.tasks.iter().all(|task| task.broken.is_some())
    }

    /// The same with a topic for a text that has no title.
    pub fn or_topic(mut self, topic: &str) -> Self {
        if self.plan.topic.is_empty() {
            self.plan.topic = topic.to_owned();
        }
        self
    }

    /// The problems that keep something from being scheduled.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error)
    }
}

/// Which edges are taken beside the ones that are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deps {
    /// What the format implies.
    #[default]
    Format,
    /// None.
    Explicit,
    /// Each task waits for the one before it.
    Order,
    /// Each stream waits for the one before it.
    Phase,
}

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The breakdown-agent's, in its three versions.
    BreakdownAgent,
    /// GitHub spec-kit's `tasks.md`.
    SpecKit,
    /// Boxes in Markdown.
    TaskList,
}

impl Format {
    /// All of them, with their names.
    pub const ALL: [(Format, &'static str); 3] =
        [(Self::BreakdownAgent, "breakdown-agent"), (Self::SpecKit, "spec-kit"), (Self::TaskList, "task-list")];
}

/// Tasks that are read at the most.
pub const MAX_TASKS: usize = 200_000;

/// Reads a breakdown. The format is found out where it is not given.
pub fn parse(source: &str, format: Option<Format>, deps: Deps) -> Parsed {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let text = text::Text::new(source);
    match format.unwrap_or_else(|| detect::detect(&text).format) {
        Format::BreakdownAgent => breakdown_agent::read(&text, deps),
        Format::SpecKit => spec_kit::read(&text, deps),
        Format::TaskList => task_list::read(&text, deps),
    }
}
