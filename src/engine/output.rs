//! What orders printed: of one order what it printed, of a task what all of its orders printed, in order, each
//! under a heading.

use crate::core::brief::work_name;
use crate::core::event::Work;
use crate::core::id::{OrderId, TaskId};
use crate::core::state::{GivenOrder, Phase, State};
use crate::failure::Failure;
use crate::process::open_kept;
use crate::workspace::execution_dir::ExecutionDir;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// What is printed by an order, or by those of a task: a text that only grows at its end.
#[derive(Debug)]
pub struct Printed {
    /// The order, or the last one of the task that is in it.
    pub order: OrderId,
    /// Whether more may come.
    pub open: bool,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    File { path: PathBuf, bytes: u64 },
}

/// The last order of a task that printed anything, open or ended.
pub fn last_that_printed(dir: &ExecutionDir, state: &State, task: &TaskId) -> Option<OrderId> {
    let mut orders = state.task_state(task)?.orders.last.iter().rev().map(|given| given.order);
    orders.find(|order| !files(dir, *order, false).is_empty())
}

/// What was printed by whatever is named: an order (`a7`), or a task.
///
/// # Errors
/// There is no such order and no such task, or nothing of it was begun.
pub fn printed(dir: &ExecutionDir, state: &State, given: &str) -> Result<Printed, Failure> {
    let open = |order: &OrderId| state.orders.contains_key(order);
    if let Ok(order) = given.parse::<OrderId>() {
        let parts = files(dir, order, open(&order));
        if parts.is_empty() && !open(&order) {
            return Err(Failure::not_found(format!(
                "{}: {order} printed nothing, or there is no such order",
                dir.id()
            )));
        }
        return Ok(Printed { order, open: open(&order), parts });
    }
    let task = TaskId::from(given);
    let orders = state.orders_of(&task);
    let Some((orders, last)) = orders.and_then(|orders| Some((orders, orders.last.last()?))) else {
        return Err(Failure::not_found(format!(
            "{}: `{given}` is no order and no task that was begun: orders are called a1, a2, … (`events` names them)",
            dir.id()
        )));
    };
    let mut printed =
        Printed { order: last.order, open: is_under_way(state, &task), parts: Vec::new() };
    if orders.before > 0 {
        let earlier = format!("({} earlier orders are in the journal: `events`)\n", orders.before);
        printed.parts.push(Part::Text(earlier));
    }
    for GivenOrder { order, work, reused_from, .. } in &orders.last {
        let files = files(dir, *order, open(order));
        // Preparing a worktree is worth a heading only where a setup printed something.
        if files.is_empty() && matches!(work, Work::PrepareWorktree { .. }) {
            continue;
        }
        let blank = if printed.parts.is_empty() { "" } else { "\n" };
        let by = work.agent().map_or(String::new(), |agent| format!(" by {agent}"));
        printed.parts.push(Part::Text(format!("{blank}── {order}: {}{by} ──\n", work_name(work))));
        if let Some(from) = reused_from {
            printed.parts.push(Part::Text(format!("not run again: {from} judged the same tree\n")));
        } else if files.is_empty() && !open(order) {
            printed.parts.push(Part::Text("(it printed nothing)\n".into()));
        }
        printed.parts.extend(files);
        if open(order) {
            // What was begun later comes after its end, so that nothing is put in between what was read already.
            printed.order = *order;
            break;
        }
    }
    Ok(printed)
}

/// Whether a task may still have something printed for it.
fn is_under_way(state: &State, task: &TaskId) -> bool {
    state.ended.is_none()
        && state.task_state(task).is_some_and(|known| {
            !known.open.is_empty() || matches!(known.phase, Phase::Waiting | Phase::Active(_))
        })
}

/// The files that an order wrote. What it wrote to standard error follows once no more comes.
fn files(dir: &ExecutionDir, order: OrderId, open: bool) -> Vec<Part> {
    let file = |path: PathBuf| {
        let bytes = path
            .symlink_metadata()
            .ok()
            .filter(|meta| meta.is_file() && (open || meta.len() > 0))?
            .len();
        Some(Part::File { path, bytes })
    };
    let errors = if open { None } else { file(dir.errors(order)) };
    file(dir.output(order)).into_iter().chain(errors).collect()
}

impl Printed {
    /// A piece of it from a byte on, no longer than so many bytes.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn read(&self, mut from: u64, limit: usize) -> Result<Vec<u8>, Failure> {
        let mut found = Vec::new();
        for part in &self.parts {
            let left = limit - found.len();
            match part {
                Part::Text(text) => {
                    let bytes = &text.as_bytes()
                        [usize::try_from(from).unwrap_or(usize::MAX).min(text.len())..];
                    found.extend_from_slice(&bytes[..bytes.len().min(left)]);
                    from = from.saturating_sub(text.len() as u64);
                }
                Part::File { path, bytes } => {
                    if from < *bytes && left > 0 {
                        let unreadable = |error: std::io::Error| {
                            Failure::unusable(format!("{}: can't be read: {error}", path.display()))
                        };
                        let mut file = open_kept(path).map_err(unreadable)?;
                        file.seek(SeekFrom::Start(from)).map_err(unreadable)?;
                        file.take((bytes - from).min(left as u64))
                            .read_to_end(&mut found)
                            .map_err(unreadable)?;
                    }
                    from = from.saturating_sub(*bytes);
                }
            }
        }
        Ok(found)
    }
}
