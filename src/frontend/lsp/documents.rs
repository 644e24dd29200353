//! The texts that are open in the editor, edited in the order of its messages, and what they say.

use super::position::{Encoding, Lines};
use crate::breakdown::detect::detect;
use crate::breakdown::folder::breakdown_of;
use crate::breakdown::source;
use crate::breakdown::{Confidence, Deps, Input, Parsed, parse};
use crate::core::id::{GateId, StreamId, TaskId};
use crate::engine::execution::Execution;
use dashmap::DashMap;
use std::collections::HashMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use tokio::sync::{Notify, oneshot, watch};
use tower_lsp::ls_types::TextDocumentContentChangeEvent;

/// Texts above this are not read as breakdowns, as files of that size are not.
const MAX_BYTES: usize = 32 << 20;

/// All open texts, by their URIs.
pub struct Documents {
    open: DashMap<String, Document>,
    /// One thread reads them all: readings of large texts leave memory behind in every thread
    /// that does them.
    reader: mpsc::Sender<(Job, oneshot::Sender<Analysis>)>,
}

impl Default for Documents {
    fn default() -> Self {
        let (reader, jobs) = mpsc::channel::<(Job, oneshot::Sender<Analysis>)>();
        std::thread::spawn(move || {
            for (job, done) in jobs {
                let generation = job.analysis.generation;
                let read = catch_unwind(AssertUnwindSafe(|| job.read()));
                // A reader that failed leaves a text that says nothing, and nobody waiting.
                let analysis =
                    read.unwrap_or_else(|_| Analysis { generation, ..Analysis::default() });
                // The text may have been closed.
                let _ = done.send(analysis);
            }
        });
        Self { open: DashMap::new(), reader }
    }
}

/// One open text.
struct Document {
    /// Its breakdown: its file, or the folder that it belongs to.
    path: Option<PathBuf>,
    /// Its file.
    file: Option<PathBuf>,
    version: i32,
    /// Rises with each change, whatever the client's versions do. Told apart by it are also
    /// two openings of one URI.
    generation: u64,
    text: Arc<String>,
    lines: Arc<Lines>,
    /// Whether its name says that it is a breakdown.
    named: bool,
    execution: Option<Arc<Execution>>,
    analysis: watch::Sender<Arc<Analysis>>,
    wake: Arc<Notify>,
}

/// What a text says, as of one of its versions.
#[derive(Default)]
pub struct Analysis {
    /// Its breakdown: its file, or the folder that it belongs to.
    pub path: Option<PathBuf>,
    /// The client's version.
    pub version: i32,
    generation: u64,
    /// The text of the breakdown: of a folder, that of all its files.
    pub text: Arc<String>,
    /// Its lines.
    pub lines: Arc<Lines>,
    /// The files of a folder, with their bytes in the text.
    pub files: Vec<(String, Range<usize>)>,
    /// The bytes of the open text itself.
    pub window: Range<usize>,
    /// The line on which that begins.
    pub first_line: u32,
    /// What it says; nothing where it is no breakdown.
    pub parsed: Option<Parsed>,
    /// The indices of its tasks, in the plan and in the outline.
    pub tasks: HashMap<TaskId, usize>,
    /// Everything that has a place in the open text, with the line that names it, in its order.
    pub items: Vec<(Item, Range<usize>)>,
}

/// What stands at a place.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A task.
    Task(TaskId),
    /// A stream.
    Stream(StreamId),
    /// A gate.
    Gate(GateId),
}

/// A text as it is to be read.
struct Job {
    named: bool,
    analysis: Analysis,
    file: Option<PathBuf>,
    /// Open texts of the same folder.
    open: Vec<(PathBuf, Arc<String>)>,
}

impl Documents {
    /// A text was opened. `analysed` is called after each time that it was read.
    pub fn open(
        self: &Arc<Self>,
        uri: &str,
        file: Option<PathBuf>,
        version: i32,
        text: String,
        named: bool,
        analysed: impl Fn() + Send + 'static,
    ) {
        let before = self.close(uri);
        let wake = Arc::new(Notify::new());
        let analysis = watch::Sender::default();
        let document = Document {
            path: file.as_deref().map(breakdown_of),
            file,
            version,
            generation: before + 1,
            lines: Arc::new(Lines::new(&text)),
            text: Arc::new(text),
            named,
            execution: None,
            analysis: analysis.clone(),
            wake: wake.clone(),
        };
        self.open.insert(uri.to_owned(), document);
        let (documents, uri) = (self.clone(), uri.to_owned());
        tokio::spawn(async move {
            let mut done = before;
            // Whatever changes while a version is being read is read afterwards, at once.
            while let Some(job) = documents.job(&uri, &wake) {
                let generation = job.analysis.generation;
                if generation == done {
                    wake.notified().await;
                    continue;
                }
                let (sender, read) = oneshot::channel();
                if documents.reader.send((job, sender)).is_err() {
                    return;
                }
                let Ok(read) = read.await else { return };
                analysis.send_replace(Arc::new(read));
                done = generation;
                analysed();
            }
        });
    }

    /// A text was closed. Gives its last generation.
    pub fn close(&self, uri: &str) -> u64 {
        self.open.remove(uri).map_or(0, |(_, document)| {
            document.wake.notify_one();
            document.generation
        })
    }

    /// A text was edited.
    pub fn change(
        &self,
        uri: &str,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) {
        let Some(mut changed) = self.open.get_mut(uri) else { return };
        let document = &mut *changed;
        for change in changes {
            edit(
                Arc::make_mut(&mut document.text),
                Arc::make_mut(&mut document.lines),
                change,
                encoding,
            );
        }
        document.version = version;
        document.read_again();
        let folder = document.path.clone().filter(|_| document.in_folder());
        let own = document.file.clone();
        drop(changed);
        if let Some(folder) = folder {
            self.read_folder_again(&folder, own.as_deref());
        }
    }

    /// A file of a folder is another one: what its other open texts say may be too.
    pub fn read_folder_again(&self, folder: &Path, but: Option<&Path>) {
        for mut document in self.open.iter_mut() {
            if document.path.as_deref() == Some(folder) && document.file.as_deref() != but {
                document.read_again();
            }
        }
    }

    /// The folders that open texts belong to.
    pub fn folders(&self) -> Vec<PathBuf> {
        self.open
            .iter()
            .filter(|document| document.in_folder())
            .filter_map(|document| document.path.clone())
            .collect()
    }

    /// The breakdown that an open text belongs to.
    pub fn breakdown(&self, uri: &str) -> Option<PathBuf> {
        self.open.get(uri)?.path.clone()
    }

    /// What an open text says, as of the last edit that has come in.
    pub async fn analysis(&self, uri: &str) -> Option<Arc<Analysis>> {
        let (generation, mut analysis) = {
            let document = self.open.get(uri)?;
            (document.generation, document.analysis.subscribe())
        };
        let known = analysis.wait_for(|analysis| analysis.generation >= generation).await;
        known.ok().map(|analysis| analysis.clone())
    }

    /// What an open text said when it was last read.
    pub fn last_analysis(&self, uri: &str) -> Option<Arc<Analysis>> {
        self.open.get(uri).map(|document| document.analysis.borrow().clone())
    }

    /// The execution of an open text.
    pub fn execution(&self, uri: &str) -> Option<Arc<Execution>> {
        self.open.get(uri).and_then(|document| document.execution.clone())
    }

    /// Finds the executions of all open texts again. Gives those that have one, with it.
    pub fn bind(
        &self,
        of: impl Fn(&Path) -> Option<Arc<Execution>>,
    ) -> Vec<(String, Arc<Execution>)> {
        let mut bound = Vec::new();
        for mut document in self.open.iter_mut() {
            document.execution = document.path.as_deref().and_then(&of);
            if let Some(execution) = &document.execution {
                bound.push((document.key().clone(), execution.clone()));
            }
            // A text with an execution is a breakdown, whatever else it looks like.
            if document.execution.is_some() && !document.named {
                document.named = true;
                document.read_again();
            }
        }
        bound
    }

    /// Which names say that a text is a breakdown has changed.
    pub fn name(&self, is_named: impl Fn(&Path) -> bool) {
        for mut document in self.open.iter_mut() {
            let named =
                document.execution.is_some() || document.path.as_deref().is_some_and(&is_named);
            if named != document.named {
                document.named = named;
                document.read_again();
            }
        }
    }

    /// The URIs of all open texts.
    pub fn uris(&self) -> Vec<String> {
        self.open.iter().map(|document| document.key().clone()).collect()
    }

    fn job(&self, uri: &str, wake: &Arc<Notify>) -> Option<Job> {
        let document = self.open.get(uri).filter(|document| Arc::ptr_eq(&document.wake, wake))?;
        let analysis = Analysis {
            path: document.path.clone(),
            version: document.version,
            generation: document.generation,
            text: document.text.clone(),
            lines: document.lines.clone(),
            ..Analysis::default()
        };
        let (named, file, folder) = (
            document.named,
            document.file.clone(),
            document.path.clone().filter(|_| document.in_folder()),
        );
        drop(document);
        let of_folder = |other: &Document| folder.is_some() && other.path == folder;
        let open = self
            .open
            .iter()
            .filter(|other| of_folder(other))
            .filter_map(|other| Some((other.file.clone()?, other.text.clone())));
        Some(Job { named: named || folder.is_some(), analysis, file, open: open.collect() })
    }
}

impl Document {
    fn in_folder(&self) -> bool {
        self.path != self.file
    }

    fn read_again(&mut self) {
        self.generation += 1;
        self.wake.notify_one();
    }
}

impl Job {
    /// Reads the text, if it is a breakdown: its name or its signs must say so.
    fn read(mut self) -> Analysis {
        self.compose();
        let Self { named, mut analysis, file, .. } = self;
        let one = file
            .map(|file| vec![(file.to_string_lossy().into_owned(), 0..analysis.text.len())])
            .unwrap_or_default();
        let files = if analysis.files.is_empty() { &one } else { &analysis.files };
        let input = Input { text: &analysis.text, files };
        // What is no Markdown costs nothing where its name says nothing.
        let plain = one.first().is_none_or(|(path, _)| path.ends_with(".md"));
        let sure = || plain && detect(&input.lines())[0].confidence == Confidence::Certain;
        if analysis.text.len() <= MAX_BYTES && (named || sure()) {
            let parsed = parse(input, None, Deps::Format);
            let outline = &parsed.outline;
            analysis.tasks =
                outline.tasks.iter().enumerate().map(|(ix, item)| (item.id.clone(), ix)).collect();
            let tasks =
                outline.tasks.iter().map(|item| (Item::Task(item.id.clone()), item.span.clone()));
            let streams =
                outline.streams.iter().map(|(id, span)| (Item::Stream(id.clone()), span.clone()));
            let gates =
                outline.gates.iter().map(|(id, span)| (Item::Gate(id.clone()), span.clone()));
            let window = analysis.window.clone();
            let here = |(_, span): &(Item, Range<usize>)| {
                window.start <= span.start && span.start <= window.end
            };
            analysis.items = tasks.chain(streams).chain(gates).filter(here).collect();
            analysis.items.sort_by_key(|(_, span)| span.start);
            analysis.parsed = Some(parsed);
        }
        analysis
    }

    /// Of a text in a folder, the whole folder is what is read.
    fn compose(&mut self) {
        self.analysis.window = 0..self.analysis.text.len();
        let (Some(folder), Some(file)) = (self.analysis.path.clone(), &self.file) else { return };
        if folder == *file {
            return;
        }
        let open = |path: &Path| {
            self.open.iter().find(|(known, _)| known == path).map(|(_, text)| text.to_string())
        };
        let Ok(source) = source::of_folder(&folder, &open) else { return };
        let own = source
            .files
            .iter()
            .find(|(inner, _)| folder.join(inner) == *file)
            .map(|(_, range)| range.clone());
        // A file that is being made is not of the folder yet.
        let Some(own) = own else { return };
        let lines = Lines::new(&source.text);
        self.analysis.first_line = u32::try_from(lines.line_at(own.start)).unwrap_or(0);
        self.analysis.window = own;
        self.analysis.files = source.files;
        self.analysis.lines = Arc::new(lines);
        self.analysis.text = Arc::new(source.text);
    }
}

/// Makes one edit, in the text and in its lines.
pub fn edit(
    text: &mut String,
    lines: &mut Lines,
    change: TextDocumentContentChangeEvent,
    encoding: Encoding,
) {
    match change.range {
        None => {
            *lines = Lines::new(&change.text);
            *text = change.text;
        }
        Some(span) => {
            let start = lines.offset(text, span.start, encoding);
            let end = lines.offset(text, span.end, encoding).max(start);
            lines.replace(text, start..end, &change.text);
        }
    }
}
