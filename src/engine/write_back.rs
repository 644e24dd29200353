//! Writes into the breakdown that a task is done, where somebody asked for that: one mark or one word, in a file that
//! is read again just before and replaced at once.
#![expect(clippy::disallowed_methods, reason = "this is the edge that writes breakdowns")]

use super::start::Options;
use crate::breakdown::Parsed;
use crate::breakdown::source::{self, Source};
use crate::breakdown::write_back::{Change, Unwritten, done};
use crate::core::event::{Event, Mark, Recorded};
use crate::core::id::TaskId;
use crate::core::state::{Phase, State};
use crate::failure::{Failure, say};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Tries where somebody else writes the file at the same time.
const MAX_TRIES: usize = 5;
/// Between two tries: a save takes a while, in which a file may be half of itself, or none.
const PAUSE: Duration = Duration::from_millis(100);

/// Tells what is done to a thread that writes it down. Dropped, it waits until all is written.
pub struct WriteBack {
    /// Whether it was told what had been done before it was there.
    told: bool,
    sender: Option<Sender<Vec<(TaskId, String)>>>,
    writer: Option<JoinHandle<()>>,
}

impl WriteBack {
    /// For a breakdown, as it was wanted to be read.
    pub fn new(breakdown: PathBuf, options: Options) -> Self {
        let (sender, receiver) = channel();
        let writer = std::thread::spawn(move || write_all(&breakdown, &options, &receiver));
        Self { told: false, sender: Some(sender), writer: Some(writer) }
    }

    /// Tells what has been done, by what has just happened; the first time, all that has been.
    pub fn look(&mut self, events: &[Recorded], state: &State) {
        let known =
            |ix: usize| (state.plan.tasks[ix].id.clone(), state.plan.tasks[ix].title.clone());
        let new: Vec<(TaskId, String)> = if std::mem::replace(&mut self.told, true) {
            let done = events.iter().filter_map(|event| {
                if let Event::TaskDone { task } = &event.event {
                    state.graph.task(task)
                } else {
                    None
                }
            });
            done.map(known).collect()
        } else {
            (0..state.tasks.len())
                .filter(|ix| matches!(state.tasks[*ix].phase, Phase::Done))
                .map(known)
                .collect()
        };
        // What is not in force is not ours to write into: the next run writes down what it has not.
        if let Some(sender) =
            self.sender.as_ref().filter(|_| !new.is_empty() && state.held.is_empty())
        {
            // The writer never ends before this does.
            let _ = sender.send(new);
        }
    }
}

impl Drop for WriteBack {
    fn drop(&mut self) {
        drop(self.sender.take());
        self.writer.take().into_iter().for_each(|writer| drop(writer.join()));
    }
}

fn write_all(breakdown: &Path, options: &Options, tasks: &Receiver<Vec<(TaskId, String)>>) {
    let mut told_of_no_place = false;
    while let Ok(mut wanted) = tasks.recv() {
        wanted.extend(tasks.try_iter().flatten());
        match write(breakdown, options, &wanted) {
            Ok(unwritten) => {
                let of = |why: Unwritten| {
                    unwritten
                        .iter()
                        .filter(|(_, known)| *known == why)
                        .map(|(id, _)| id.as_str())
                        .collect::<Vec<_>>()
                        .join(", ")
                };
                let (gone, no_place) = (of(Unwritten::Gone), of(Unwritten::NoPlace));
                if !gone.is_empty() {
                    say(format_args!(
                        "{}: {gone} is no longer in it as it was: that it is done is not written there",
                        breakdown.display()
                    ));
                }
                if !no_place.is_empty() && !std::mem::replace(&mut told_of_no_place, true) {
                    say(format_args!(
                        "{}: this format has no mark for what is done: nothing is written into it",
                        breakdown.display()
                    ));
                }
            }
            Err(failure) => {
                say(format_args!("{}; that it is done is not written there", failure.message))
            }
        }
    }
}

/// Writes what can be; gives the rest, with why not. What can't be read or found is looked for again, as somebody may
/// just be saving it.
fn write(
    breakdown: &Path,
    options: &Options,
    wanted: &[(TaskId, String)],
) -> Result<Vec<(TaskId, Unwritten)>, Failure> {
    // A task may have been done, retried and done again.
    let mut wanted: Vec<(TaskId, String)> =
        wanted.iter().cloned().collect::<BTreeMap<_, _>>().into_iter().collect();
    let mut unwritten: Vec<(TaskId, Unwritten)> = Vec::new();
    let mut failure = None;
    for tries in 0..MAX_TRIES {
        if tries > 0 {
            std::thread::sleep(PAUSE);
        }
        let source = match source::read(breakdown) {
            Ok(source) => source,
            Err(error) => {
                failure = Some(error);
                continue;
            }
        };
        let parsed = options.parsed(&source);
        let (mut changes, mut gone) = (Vec::new(), Vec::new());
        unwritten.retain(|(_, why)| *why != Unwritten::Gone);
        for (task, found) in wanted.iter().zip(done(&source.text, &parsed, &wanted)) {
            match found {
                Ok(change) => changes.push(change),
                Err(Unwritten::Gone) => gone.push(task.clone()),
                Err(why) => unwritten.push((task.0.clone(), why)),
            }
        }
        unwritten.extend(gone.iter().map(|(id, _)| (id.clone(), Unwritten::Gone)));
        failure = None;
        if !changes.is_empty() {
            if !only_says_so(&source, &parsed, options, &changes) {
                changes.retain(|change| {
                    only_says_so(&source, &parsed, options, std::slice::from_ref(change))
                });
            }
            if changes.is_empty() {
                return Err(Failure::usage(format!(
                    "{}: to say it would say something else too",
                    breakdown.display()
                )));
            }
            if !replace(breakdown, &source, &changes)? {
                unwritten.clear();
                failure = Some(Failure::usage(format!(
                    "{}: somebody else keeps writing it",
                    breakdown.display()
                )));
                continue;
            }
        }
        if gone.is_empty() {
            break;
        }
        wanted = gone;
    }
    failure.map_or(Ok(unwritten), Err)
}

/// Whether the changes make the breakdown say that so many more tasks are done, and nothing else.
fn only_says_so(source: &Source, parsed: &Parsed, options: &Options, changes: &[Change]) -> bool {
    let mut changes: Vec<&Change> = changes.iter().collect();
    changes.sort_by_key(|change| std::cmp::Reverse(change.span.start));
    let mut after = source.clone();
    for Change { span, new } in &changes {
        after.text.replace_range(span.clone(), new);
        let moved = |at: usize| if at > span.start { at + new.len() - span.len() } else { at };
        after.files.iter_mut().for_each(|(_, range)| *range = moved(range.start)..moved(range.end));
    }
    let now = options.parsed(&after);
    let done = |parsed: &Parsed| parsed.marks.values().filter(|mark| **mark == Mark::Done).count();
    now.plan == parsed.plan && done(&now) == done(parsed) + changes.len()
}

/// Makes the changes, file by file; false where one of them was not any more what was read.
fn replace(breakdown: &Path, source: &Source, changes: &[Change]) -> Result<bool, Failure> {
    for (inner, range) in &source.files {
        let mut own: Vec<&Change> =
            changes.iter().filter(|change| range.contains(&change.span.start)).collect();
        if own.is_empty() {
            continue;
        }
        own.sort_by_key(|change| std::cmp::Reverse(change.span.start));
        let before = &source.text[range.clone()];
        let mut after = before.to_owned();
        for Change { span, new } in own {
            after.replace_range(span.start - range.start..span.end - range.start, new);
        }
        let file = if source.is_folder() { breakdown.join(inner) } else { breakdown.to_owned() };
        let failed = |error: std::io::Error| {
            Failure::usage(format!("{}: can't be written: {error}", file.display()))
        };
        match replace_file(&file, before, &after) {
            Ok(true) => {}
            // For a moment, somebody who saves it may have taken it away.
            Ok(false) => return Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(true)
}

/// One file, at once and with its permissions; false where it is not any more what was read.
fn replace_file(file: &Path, before: &str, after: &str) -> std::io::Result<bool> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let new = file.with_file_name(format!(".{name}.{}.new", std::process::id()));
    if std::fs::read(file)? != before.as_bytes() {
        return Ok(false);
    }
    write_new(&new, file, after)?;
    let written = exchange(&new, file, before);
    // Where somebody has replaced the file in between, theirs is what lies there now.
    let lost = matches!(written, Ok(false))
        && std::fs::read(&new).is_ok_and(|found| found != after.as_bytes());
    let _ = if lost { std::fs::rename(&new, file) } else { std::fs::remove_file(&new) };
    written
}

/// Puts a new file where the old one is. What somebody wrote since it was read is in their hands again: the old file is
/// only let go of once it has been looked at.
fn exchange(new: &Path, file: &Path, before: &str) -> std::io::Result<bool> {
    let swap = || {
        rustix::fs::renameat_with(
            rustix::fs::CWD,
            new,
            rustix::fs::CWD,
            file,
            rustix::fs::RenameFlags::EXCHANGE,
        )
    };
    if swap().is_err() {
        // Not every file system can: there, a moment is left in which somebody may write.
        let same = std::fs::read(file)? == before.as_bytes();
        return if same { std::fs::rename(new, file).map(|()| true) } else { Ok(false) };
    }
    let same = std::fs::read(new)? == before.as_bytes();
    if !same {
        swap()?;
    }
    Ok(same)
}

/// A file that was not there before; nothing is left of one that can't be written.
fn write_new(new: &Path, file: &Path, text: &str) -> std::io::Result<()> {
    let mut made = std::fs::OpenOptions::new().write(true).create_new(true).open(new)?;
    let mut write = || {
        made.set_permissions(file.metadata()?.permissions())?;
        made.write_all(text.as_bytes())?;
        made.sync_all()
    };
    write().inspect_err(|_| drop(std::fs::remove_file(new)))
}
