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
