//! Where things stand in the text: positions and boxes, nothing else.

use crate::core::id::{GateId, StreamId, TaskId};
use std::ops::Range;

/// Positions of what a plan is made of, in bytes of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    /// Tasks in the order of the plan.
    pub tasks: Vec<TaskSpot>,
    /// Streams in the order of the plan.
    pub streams: Vec<(StreamId, Range<usize>)>,
    /// Gates in the order of the plan.
    pub gates: Vec<(GateId, Range<usize>)>,
    /// Where one names another.
    pub mentions: Vec<Mention>,
}

/// A place where tasks or a stream are named.
#[derive(Clone, Debug, PartialEq)]
pub struct Mention {
    /// The name itself.
    pub span: Range<usize>,
    /// The task that waits for them; none for a stream that does.
    pub by: Option<TaskId>,
    /// Which tasks.
    pub tasks: Vec<TaskId>,
    /// Which stream.
    pub stream: Option<StreamId>,
}

impl TaskSpot {
    /// Where its id stands in the line that names it; nowhere for a task without a written one.
    pub fn name(&self, source: &str) -> Option<Range<usize>> {
        let line = source.get(self.span.clone())?;
        let id = self.id.as_str().split('@').next().filter(|id| !id.is_empty())?;
        let word = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let whole =
            |at: &usize| !word(at.checked_sub(1).map(|at| line.as_bytes()[at])) && !word(line.as_bytes().get(at + id.len()).copied());
        let at = line.match_indices(id).map(|(at, _)| at).find(whole)?;
        Some(self.span.start + at..self.span.start + at + id.len())
    }
}

/// A task's place.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskSpot {
    /// Which.
    pub id: TaskId,
    /// The line that names it.
    pub span: Range<usize>,
    /// The mark in its box.
    pub mark: Option<usize>,
    /// Whether that box is ticked.
    pub ticked: bool,
    /// Its steps: where their text is, and whether they are ticked.
    pub steps: Vec<(Range<usize>, bool)>,
}
