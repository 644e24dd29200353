//! A breakdown as our own JSON has it, with all that it says: what other formats are written from.

use super::Parsed;
use super::outline::TaskItem;
use crate::core::event::Mark;
use crate::core::id::TaskId;
use crate::core::plan::Plan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A breakdown with all that it says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Document {
    /// What there is to do.
    #[serde(flatten)]
    pub plan: Plan,
    /// What is done, skipped or put off.
    pub marks: BTreeMap<TaskId, Mark>,
    /// Steps that are done, by their places from 0.
    pub done_steps: BTreeMap<TaskId, BTreeSet<usize>>,
    /// Boxes that are neither tasks nor steps: how many there are, and how many are ticked.
    pub other_boxes: (usize, usize),
}

impl Document {
    /// What was read.
    pub fn from_parsed(parsed: &Parsed) -> Self {
        let done = |task_item: &TaskItem| -> BTreeSet<usize> {
            task_item
                .steps
                .iter()
                .enumerate()
                .filter(|(_, step)| step.ticked == Some(true))
                .map(|(nth, _)| nth)
                .collect()
        };
        let of_tasks =
            parsed.outline.tasks.iter().map(|task_item| (task_item.id.clone(), done(task_item)));
        let done_steps = of_tasks.filter(|(_, done)| !done.is_empty()).collect();
        Self {
            plan: parsed.plan.clone(),
            marks: parsed.marks.clone(),
            done_steps,
            other_boxes: parsed.other_boxes,
        }
    }

    /// As a text.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}
