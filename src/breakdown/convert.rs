//! One format as another. What a format can't hold is found by reading what was written again: whatever is not
//! the same then is told.

pub(super) mod breakdown_agent;
pub(super) mod json;
pub(super) mod kiro;
mod lost;
pub(super) mod spec_kit;
pub(super) mod task_master;

pub use lost::lines as lost_lines;

use super::document::Document;
use super::{Deps, Format, Parsed, parse};
use crate::core::change::rename;
use crate::core::event::Mark;
use crate::core::id::{BarrierId, StreamId, TaskId};
use crate::core::plan::{Barrier, Dependency, Node, Plan, Stream, Task};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// How a format is written.
pub struct Writer {
    /// What has no tasks is left out.
    drops_empty_streams: bool,
    /// When tasks of no stream get one.
    default_stream: DefaultStream,
    /// The id that a task gets; none where it keeps its own.
    task_id: Option<NewTaskId>,
    /// The id that a stream gets, by its number and the one it has.
    stream_id: fn(usize, &str) -> String,
    /// Whether short ids of streams stay as they are.
    keeps_short_ids: bool,
    /// The text.
    write: fn(&Document) -> String,
}

/// The id of a task by its number, that of its stream and its number in that.
type NewTaskId = fn(usize, Option<usize>, usize) -> String;

/// When tasks of no stream get one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DefaultStream {
    Never,
    /// Where other tasks have one.
    BesideOthers,
    Always,
}

/// Formats that breakdowns can be written in.
pub fn targets() -> impl Iterator<Item = Format> {
    Format::ALL.iter().copied().filter(|format| format.reader().writer().is_some())
}

/// A breakdown in another format.
#[derive(Clone, Debug, PartialEq)]
pub struct Converted {
    /// Its text.
    pub text: String,
    /// What is not in it, or is not as it was, in a sentence each.
    pub lost: Vec<String>,
}

/// Writes a breakdown in one of the formats that can be written; as our JSON where that is none.
pub fn convert(parsed: &Parsed, to: Format) -> Converted {
    let writer = to.reader().writer().unwrap_or(&json::WRITER);
    let mut document = Document::from_parsed(parsed);
    let mut lost = Vec::new();
    if writer.drops_empty_streams {
        lost.extend(without_empty(&mut document.plan));
    }
    let has_streams = !document.plan.streams.is_empty();
    let added = match writer.default_stream {
        DefaultStream::Always => add_default_stream(&mut document.plan),
        DefaultStream::BesideOthers if has_streams => add_default_stream(&mut document.plan),
        DefaultStream::BesideOthers | DefaultStream::Never => None,
    };
    let stays = writer.keeps_short_ids && has_short_ids(&document.plan);
    let stream_id = |nth: usize, id: &str| {
        if stays { id.to_owned() } else { (writer.stream_id)(nth, id) }
    };
    let renamed = writer
        .task_id
        .map(|task_id| renumber(&mut document, &task_id, &stream_id))
        .unwrap_or_default();
    let text = (writer.write)(&document);
    let back = parse(&text, Some(to), Deps::Format);
    lost.extend(added);
    if !renamed.is_empty() {
        lost.push(format!("ids are others now: {}", renamed.join(", ")));
    }
    lost.extend(lost::between(&document, &Document::from_parsed(&back)));
    let (boxes, ticked) = parsed.other_boxes;
    if back.other_boxes != parsed.other_boxes && boxes > 0 {
        lost.push(format!("{boxes} boxes that are neither tasks nor steps, {ticked} of them ticked: of criteria the text is there"));
    }
    Converted { text, lost }
}

/// Whether all streams have short ids of their own, which are kept.
fn has_short_ids(plan: &Plan) -> bool {
    let ids: BTreeSet<String> =
        plan.streams.iter().map(|stream| stream.id.as_str().to_lowercase()).collect();
    let is_short = |id: &String| {
        !id.is_empty() && id.len() <= 3 && id.chars().all(|c| c.is_ascii_alphanumeric())
    };
    ids.len() == plan.streams.len() && ids.iter().all(is_short)
}

fn same_id(_: usize, id: &str) -> String {
    id.to_owned()
}

/// Leaves out streams that have no tasks: what waits for one waits for what that waits for. Says so.
fn without_empty(plan: &mut Plan) -> Option<String> {
    let used: BTreeSet<&StreamId> =
        plan.tasks.iter().filter_map(|task| task.stream.as_ref()).collect();
    let empty: BTreeSet<StreamId> = plan
        .streams
        .iter()
        .map(|stream| &stream.id)
        .filter(|id| !used.contains(id))
        .cloned()
        .collect();
    if empty.is_empty() {
        return None;
    }
    let own: BTreeMap<StreamId, Vec<Dependency>> = plan
        .streams
        .iter()
        .filter(|stream| empty.contains(&stream.id))
        .map(|stream| (stream.id.clone(), stream.depends_on.clone()))
        .collect();
    let streams = plan.streams.iter_mut().map(|stream| &mut stream.depends_on);
    for list in streams.chain(plan.tasks.iter_mut().map(|task| &mut task.depends_on)) {
        let (mut seen, mut next, mut kept) = (BTreeSet::new(), std::mem::take(list), Vec::new());
        next.reverse();
        while let Some(dependency) = next.pop() {
            match &dependency.on {
                // What has nothing in it passes on what it waits for.
                Node::Stream(id) if own.contains_key(id) && seen.insert(dependency.on.clone()) => {
                    next.extend(own[id].iter().rev().cloned())
                }
                on if seen.insert(on.clone()) => kept.push(dependency),
                _ => {}
            }
        }
        *list = kept;
    }
    plan.gates.iter_mut().for_each(|gate| gate.after.retain(|stream| !empty.contains(stream)));
    plan.streams.retain(|stream| !empty.contains(&stream.id));
    let names: Vec<&str> = empty.iter().map(StreamId::as_str).collect();
    Some(format!("streams without tasks: {}", names.join(", ")))
}

/// A stream for the tasks of none. Says so.
fn add_default_stream(plan: &mut Plan) -> Option<String> {
    let mut id = StreamId::from("tasks");
    while plan.streams.iter().any(|stream| stream.id == id) {
        id = StreamId::from(format!("{id}'"));
    }
    let loose: Vec<&mut Task> =
        plan.tasks.iter_mut().filter(|task| task.stream.is_none()).collect();
    let count = loose.len();
    loose.into_iter().for_each(|task| task.stream = Some(id.clone()));
    (count > 0).then(|| {
        plan.streams.insert(0, Stream { id, name: "Tasks".into(), depends_on: Vec::new() });
        format!("{count} tasks of no stream are in one called Tasks")
    })
}

/// Ids of tasks and streams as a format wants them, where not all of them are so already. Gives what was renamed.
fn renumber(
    document: &mut Document,
    task: &dyn Fn(usize, Option<usize>, usize) -> String,
    stream: &dyn Fn(usize, &str) -> String,
) -> Vec<String> {
    let plan = &mut document.plan;
    let places: BTreeMap<StreamId, usize> =
        plan.streams.iter().enumerate().map(|(nth, stream)| (stream.id.clone(), nth)).collect();
    // In the order in which they will stand: those of no stream first.
    let mut order: Vec<usize> = (0..plan.tasks.len()).collect();
    order.sort_by_key(|ix| {
        plan.tasks[*ix].stream.as_ref().and_then(|stream| places.get(stream)).map_or(0, |at| at + 1)
    });
    let mut within: BTreeMap<Option<usize>, usize> = BTreeMap::new();
    let mut names: BTreeMap<TaskId, TaskId> = BTreeMap::new();
    for (nth, &ix) in order.iter().enumerate() {
        let of = plan.tasks[ix].stream.as_ref().and_then(|stream| places.get(stream)).copied();
        let count = within.entry(of).or_default();
        *count += 1;
        names.insert(plan.tasks[ix].id.clone(), TaskId::from(task(nth, of, *count)));
    }
    let tasks: Vec<Task> = order.iter().map(|ix| plan.tasks[*ix].clone()).collect();
    plan.tasks = tasks;
    let fits = names.iter().all(|(old, new)| same_shape(old.as_str(), new.as_str()));
    let mut told = Vec::new();
    if !fits {
        rename(plan, &names);
        document.marks = std::mem::take(&mut document.marks)
            .into_iter()
            .map(|(id, mark)| (names[&id].clone(), mark))
            .collect();
        document.done_steps = std::mem::take(&mut document.done_steps)
            .into_iter()
            .map(|(id, steps)| (names[&id].clone(), steps))
            .collect();
        told.extend(
            plan.tasks
                .iter()
                .filter_map(|task| names.iter().find(|(_, new)| **new == task.id))
                .take(MAX_NAMED)
                .map(|(old, new)| format!("{old} → {new}")),
        );
        if names.len() > MAX_NAMED {
            told.push("…".into());
        }
    }
    let streams: BTreeMap<StreamId, StreamId> = plan
        .streams
        .iter()
        .enumerate()
        .map(|(nth, of)| (of.id.clone(), StreamId::from(stream(nth, of.id.as_str()))))
        .collect();
    rename_streams(plan, &streams);
    told
}

/// Ids named in a sentence.
const MAX_NAMED: usize = 40;

/// Whether an id is of the same kind as the one that the format would give: then it is kept.
fn same_shape(old: &str, new: &str) -> bool {
    // `001` is the number 1 to others.
    if old.len() > 1 && old.starts_with('0') {
        return false;
    }
    // `T1` is none where ids have three digits.
    if old.len() < new.len() && new.starts_with("T0") {
        return false;
    }
    // Numbers are alike, however many digits they have.
    let shape = |id: &str| -> String {
        let mut shape: Vec<char> =
            id.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        shape.dedup_by(|next, before| *next == '0' && *before == '0');
        shape.into_iter().collect()
    };
    if old.contains('.') || new.contains('.') { old == new } else { shape(old) == shape(new) }
}

/// `A` … `Z`, `AA`, …
fn letter(nth: usize) -> String {
    let (mut left, mut letters) = (nth + 1, Vec::new());
    while left > 0 {
        left -= 1;
        letters.push(char::from(b'A' + u8::try_from(left % 26).unwrap_or(0)));
        left /= 26;
    }
    letters.into_iter().rev().collect()
}

fn rename_streams(plan: &mut Plan, names: &BTreeMap<StreamId, StreamId>) {
    let new = |id: &StreamId| names.get(id).unwrap_or(id).clone();
    let on = |node: &mut Node| {
        if let Node::Stream(id) = node {
            *id = new(id);
        }
    };
    for stream in &mut plan.streams {
        stream.id = new(&stream.id);
        stream.depends_on.iter_mut().for_each(|dependency| on(&mut dependency.on));
    }
    for task in &mut plan.tasks {
        task.stream = task.stream.as_ref().map(new);
        task.depends_on.iter_mut().for_each(|dependency| on(&mut dependency.on));
    }
    plan.gates.iter_mut().for_each(|gate| gate.after = gate.after.iter().map(new).collect());
}

/// The tasks that each task waits for itself, by their ids; sets and streams by their members.
fn waits(plan: &Plan) -> BTreeMap<&TaskId, BTreeSet<&TaskId>> {
    let mut of_stream: BTreeMap<&StreamId, Vec<&TaskId>> = BTreeMap::new();
    for task in &plan.tasks {
        task.stream.iter().for_each(|stream| of_stream.entry(stream).or_default().push(&task.id));
    }
    let streams: BTreeMap<&StreamId, &Stream> =
        plan.streams.iter().map(|stream| (&stream.id, stream)).collect();
    let ids: BTreeSet<&TaskId> = plan.tasks.iter().map(|task| &task.id).collect();
    let barriers: BTreeMap<&BarrierId, &Barrier> =
        plan.barriers.iter().map(|barrier| (&barrier.id, barrier)).collect();
    let members = |node: &Node| -> Vec<&TaskId> {
        match node {
            Node::Task(id) => ids.get(id).copied().into_iter().collect(),
            Node::Stream(id) => of_stream.get(id).cloned().unwrap_or_default(),
            Node::Barrier(id) => barriers
                .get(id)
                .map(|barrier| barrier.tasks.iter().filter_map(|id| ids.get(id).copied()).collect())
                .unwrap_or_default(),
        }
    };
    let one = |task: &Task| -> BTreeSet<&TaskId> {
        let stream = task
            .stream
            .as_ref()
            .and_then(|stream| streams.get(stream))
            .map(|stream| &stream.depends_on);
        task.depends_on
            .iter()
            .chain(stream.into_iter().flatten())
            .flat_map(|dependency| members(&dependency.on))
            .collect()
    };
    plan.tasks.iter().map(|task| (&task.id, one(task))).collect()
}

/// One line of what may have several.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `x` for what is done.
fn mark(document: &Document, id: &TaskId) -> char {
    if document.marks.get(id) == Some(&Mark::Done) { 'x' } else { ' ' }
}

/// Tasks of each stream, and those of none first.
fn by_stream(plan: &Plan) -> Vec<(Option<&Stream>, Vec<&Task>)> {
    let mut of: BTreeMap<Option<&StreamId>, Vec<&Task>> = BTreeMap::new();
    for task in &plan.tasks {
        of.entry(task.stream.as_ref()).or_default().push(task);
    }
    let loose = of.remove(&None).map(|tasks| (None, tasks));
    let streams = plan
        .streams
        .iter()
        .map(|stream| (Some(stream), of.remove(&Some(&stream.id)).unwrap_or_default()));
    loose.into_iter().chain(streams).collect()
}

/// `Security Spec: Given …` → its name and its text; nothing of what would be another field than a spec or a note.
fn named(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once(": ")?;
    let lower = name.trim().to_lowercase();
    let harmless =
        lower.ends_with("spec") || lower.ends_with("specification") || lower == "requirements";
    (harmless && !name.contains(['\n', '\r'])).then_some((name, value))
}

/// Fields of a task as bullets below it, as readers understand them.
fn write_fields(out: &mut String, task: &Task, indent: &str, files: &[String]) {
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(out, "{indent}- {name}: {}", line(value));
        }
    };
    field("Objective", &task.objective);
    field("Estimate", &task.estimate.map(|estimate| estimate.to_string()).unwrap_or_default());
    field("Agent", task.agent.as_deref().unwrap_or_default());
    field("Skills", &task.skills.join(", "));
    field("Files", &files.join(", "));
    field("Run", task.command.as_deref().unwrap_or_default());
    field("Commit", task.commit.as_deref().unwrap_or_default());
    field(
        "Tests First",
        &task.tests_first.map(|rule| format!("{rule:?}").to_lowercase()).unwrap_or_default(),
    );
    for (name, value) in task.specs.iter().filter_map(|spec| named(spec)) {
        field(name, value);
    }
    for (name, all) in [("Test Requirements", &task.tests), ("Acceptance Criteria", &task.criteria)]
    {
        if !all.is_empty() {
            let _ = writeln!(out, "{indent}- {name}:");
            for one in all {
                // What begins like a field would be one: the sign is that of a ratio, which makes none.
                let mut text = line(one);
                while let Some((name, rest)) = text
                    .split_once(':')
                    .or_else(|| text.split_once('：'))
                    .filter(|(name, _)| name.split_whitespace().count() <= 4)
                {
                    text = format!("{name}∶{rest}");
                }
                let _ = writeln!(out, "{indent}  - {text}");
            }
        }
    }
}
