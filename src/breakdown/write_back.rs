//! The one mark or field of a breakdown that says that a task is done: where it stands, and what it becomes. Nothing
//! else is ever changed, and where a format has no such place, nothing is.

use super::Parsed;
use super::status::status;
use super::text::tick_among_boxes as tick_at;
use crate::core::event::Mark;
use crate::core::id::TaskId;
use foldhash::HashMap;
use std::ops::Range;

/// What a text becomes in one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What is replaced.
    pub span: Range<usize>,
    /// By what.
    pub new: String,
}

/// Why nothing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritten {
    /// The breakdown has no such task any more, or it is another one by its title.
    Gone,
    /// The format has no place for it.
    NoPlace,
    /// It says so already.
    Already,
}

/// For each of some tasks by id and title, the change by which a breakdown says that it is done, in the habit of the
/// file; or why there is none.
pub fn done(
    text: &str,
    parsed: &Parsed,
    tasks: &[(TaskId, String)],
) -> Vec<Result<Change, Unwritten>> {
    let known: HashMap<&TaskId, usize> =
        parsed.plan.tasks.iter().enumerate().map(|(ix, task)| (&task.id, ix)).collect();
    let habit = habit(text);
    let of = |(id, title): &(TaskId, String)| {
        let at = known
            .get(id)
            .copied()
            .filter(|at| parsed.plan.tasks[*at].title == *title)
            .ok_or(Unwritten::Gone)?;
        change(text, parsed, at, habit)
    };
    tasks.iter().map(of).collect()
}

fn change(text: &str, parsed: &Parsed, at: usize, habit: &str) -> Result<Change, Unwritten> {
    let task_item = &parsed.outline.tasks[at];
    if parsed.marks.get(&task_item.id) == Some(&Mark::Done) {
        return Err(Unwritten::Already);
    }
    if let Some(mark) = task_item.mark {
        let open = text.get(mark - 1..).and_then(tick_at).ok_or(Unwritten::Gone)?;
        if open.done() {
            return Err(Unwritten::Already);
        }
        return Ok(Change { span: mark..mark + open.inner.len(), new: habit.into() });
    }
    let (Some(span), Some(word)) = (&task_item.status, &parsed.outline.done_word) else {
        return Err(Unwritten::NoPlace);
    };
    let written = text.get(span.clone()).ok_or(Unwritten::Gone)?;
    if status(written) == Some(Mark::Done) || written.eq_ignore_ascii_case(word) {
        return Err(Unwritten::Already);
    }
    // A word that would have to be quoted would be more than one word.
    if !word.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')) {
        return Err(Unwritten::NoPlace);
    }
    Ok(Change { span: span.clone(), new: word.clone() })
}

/// `x` or `X`, whichever there is more of.
fn habit(text: &str) -> &'static str {
    if text.matches("[X]").count() > text.matches("[x]").count() { "X" } else { "x" }
}
