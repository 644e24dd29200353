//! The texts that are open in the editor, edited in the order of its messages, and what they say.

use super::position::{Encoding, Lines};
use crate::breakdown::detect::detect;
use crate::breakdown::text::Text;
use crate::breakdown::{Deps, Parsed, parse};
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
                let analysis = read.unwrap_or_else(|_| Analysis { generation, ..Analysis::default() });
                // The text may have been closed.
                let _ = done.send(analysis);
            }
        });
        Self { open: DashMap::new(), reader }
    }
}

/// One open text.
struct Document {
    path: Option<PathBuf>,
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
    /// Its file.
    pub path: Option<PathBuf>,
    /// The client's version.
    pub version: i32,
    generation: u64,
    /// The text.
    pub text: Arc<String>,
    /// Its lines.
    pub lines: Arc<Lines>,
    /// What it says; nothing where it is no breakdown.
    pub parsed: Option<Parsed>,
    /// The indices of its tasks, in the plan and in the outline.
    pub tasks: HashMap<TaskId, usize>,
    /// Everything that has a place, with the line that names it, in the order of the text.
    pub spots: Vec<(Spot, Range<usize>)>,
}

/// What stands at a place.
#[derive(Clone, Debug, PartialEq)]
pub enum Spot {
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
}

impl Documents {
    /// A text was opened. `analysed` is called after each time that it was read.
    pub fn open(
        self: &Arc<Self>,
        uri: &str,
        path: Option<PathBuf>,
        version: i32,
        text: String,
        named: bool,
        analysed: impl Fn() + Send + 'static,
    ) {
        let before = self.close(uri);
        let wake = Arc::new(Notify::new());
        let analysis = watch::Sender::default();
        let document = Document {
            path,
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
    pub fn change(&self, uri: &str, version: i32, changes: Vec<TextDocumentContentChangeEvent>, encoding: Encoding) {
        let Some(mut document) = self.open.get_mut(uri) else { return };
        let document = &mut *document;
        for change in changes {
            edit(Arc::make_mut(&mut document.text), Arc::make_mut(&mut document.lines), change, encoding);
        }
        document.version = version;
        document.generation += 1;
        document.wake.notify_one();
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

    /// Finds the executions of all open texts anew. Gives those that have one, with it.
    pub fn bind(&self, of: impl Fn(&Path) -> Option<Arc<Execution>>) -> Vec<(String, Arc<Execution>)> {
        let mut bound = Vec::new();
        for mut document in self.open.iter_mut() {
            document.execution = document.path.as_deref().and_then(&of);
            if let Some(execution) = &document.execution {
                bound.push((document.key().clone(), execution.clone()));
            }
            // A text with an execution is a breakdown, whatever else it looks like.
            if document.execution.is_some() && !document.named {
                document.named = true;
                document.generation += 1;
                document.wake.notify_one();
            }
        }
        bound
    }

    /// Which names say that a text is a breakdown has changed.
    pub fn name(&self, is_named: impl Fn(&Path) -> bool) {
        for mut document in self.open.iter_mut() {
            let named = document.execution.is_some() || document.path.as_deref().is_some_and(&is_named);
            if named != document.named {
                document.named = named;
                document.generation += 1;
                document.wake.notify_one();
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
        Some(Job { named: document.named, analysis })
    }
}

impl Job {
    /// Reads the text, if it is a breakdown: its name or its signs must say so.
    fn read(self) -> Analysis {
        let Self { named, mut analysis } = self;
        let source = analysis.text.as_str();
        let sure = || detect(&Text::new(source)).sure;
        if source.len() <= MAX_BYTES && (named || sure()) {
            let parsed = parse(source, None, Deps::Format);
            let outline = &parsed.outline;
            analysis.tasks = outline.tasks.iter().enumerate().map(|(ix, spot)| (spot.id.clone(), ix)).collect();
            let tasks = outline.tasks.iter().map(|spot| (Spot::Task(spot.id.clone()), spot.span.clone()));
            let streams = outline.streams.iter().map(|(id, span)| (Spot::Stream(id.clone()), span.clone()));
            let gates = outline.gates.iter().map(|(id, span)| (Spot::Gate(id.clone()), span.clone()));
            analysis.spots = tasks.chain(streams).chain(gates).collect();
            analysis.spots.sort_by_key(|(_, span)| span.start);
            analysis.parsed = Some(parsed);
        }
        analysis
    }
}

/// Makes one edit, in the text and in its lines.
pub fn edit(text: &mut String, lines: &mut Lines, change: TextDocumentContentChangeEvent, encoding: Encoding) {
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
