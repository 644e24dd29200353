//! Writes into the breakdown that a task is done, where somebody asked for that: one mark or one word, in a file that
//! is read again just before and replaced at once.
#![expect(clippy::disallowed_methods, reason = "this is the edge that writes breakdowns")]

use super::start::Options;
use crate::breakdown::Parsed;
use crate::breakdown::source::{self, Source};
use crate::breakdown::write_back::{Change, Unwritten, done};
use crate::core::event::Mark;
use crate::core::id::TaskId;
use crate::core::state::{Phase, State};
use crate::failure::{Failure, say};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// Tries where somebody else writes the file at the same time.
const MAX_TRIES: usize = 5;

/// Tells what is done to a thread that writes it down. Dropped, it waits until all is written.
pub struct WriteBack {
    told: BTreeSet<TaskId>,
    sender: Option<Sender<Vec<(TaskId, String)>>>,
    writer: Option<JoinHandle<()>>,
}

impl WriteBack {
    /// For a breakdown, as it was wanted to be read.
    pub fn new(breakdown: PathBuf, options: Options) -> Self {
        let (sender, receiver) = channel();
        let writer = std::thread::spawn(move || write_all(&breakdown, &options, &receiver));
        Self { told: BTreeSet::new(), sender: Some(sender), writer: Some(writer) }
    }

    /// Tells what has been done since the last time.
    pub fn look(&mut self, state: &State) {
        let done = state.plan.tasks.iter().zip(&state.tasks).filter(|(_, known)| matches!(known.phase, Phase::Done));
        let new: Vec<(TaskId, String)> =
            done.filter(|(task, _)| !self.told.contains(&task.id)).map(|(task, _)| (task.id.clone(), task.title.clone())).collect();
        if let Some(sender) = self.sender.as_ref().filter(|_| !new.is_empty()) {
            self.told.extend(new.iter().map(|(id, _)| id.clone()));
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
                    unwritten.iter().filter(|(_, known)| *known == why).map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", ")
                };
                let (gone, no_place) = (of(Unwritten::Gone), of(Unwritten::NoPlace));
                if !gone.is_empty() {
                    say(format_args!("{}: {gone} is no longer in it as it was: that it is done is not written there", breakdown.display()));
                }
                if !no_place.is_empty() && !std::mem::replace(&mut told_of_no_place, true) {
                    say(format_args!("{}: this format has no mark for what is done: nothing is written into it", breakdown.display()));
                }
            }
            Err(failure) => say(format_args!("{}; that it is done is not written there", failure.message)),
        }
    }
}

/// Writes what can be; gives the rest, with why not.
fn write(breakdown: &Path, options: &Options, wanted: &[(TaskId, String)]) -> Result<Vec<(TaskId, Unwritten)>, Failure> {
    for _ in 0..MAX_TRIES {
        let source = source::read(breakdown)?;
        let parsed = options.parsed(&source);
        let (mut changes, mut unwritten) = (Vec::new(), Vec::new());
        for (id, title) in wanted {
            match done(&source.text, &parsed, id, title) {
                Ok(change) => changes.push(change),
                Err(why) => unwritten.push((id.clone(), why)),
            }
        }
        if changes.is_empty() {
            return Ok(unwritten);
        }
        if !only_says_so(&source, &parsed, options, &changes) {
            return Err(Failure::usage(format!("{}: to say it would say something else too", breakdown.display())));
        }
        if replace(breakdown, &source, &changes)? {
            return Ok(unwritten);
        }
    }
    Err(Failure::usage(format!("{}: somebody else keeps writing it", breakdown.display())))
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
        let mut own: Vec<&Change> = changes.iter().filter(|change| range.contains(&change.span.start)).collect();
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
        let failed = |error: std::io::Error| Failure::usage(format!("{}: can't be written: {error}", file.display()));
        if !replace_file(&file, before, &after).map_err(failed)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One file, at once and with its permissions; false where it is not any more what was read.
fn replace_file(file: &Path, before: &str, after: &str) -> std::io::Result<bool> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let new = file.with_file_name(format!(".{name}.{}.new", std::process::id()));
    write_new(&new, file, after)?;
    let written = (|| {
        let same = std::fs::read(file)? == before.as_bytes();
        if same {
            std::fs::rename(&new, file)?;
        }
        Ok(same)
    })();
    if !matches!(written, Ok(true)) {
        let _ = std::fs::remove_file(&new);
    }
    written
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
