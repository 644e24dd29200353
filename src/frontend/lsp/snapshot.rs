//! What is shown at one moment: a text, what it says, and how its execution stands.

use super::documents::Analysis;
pub use super::documents::Item;
use super::position::Encoding;
use crate::breakdown::Parsed;
use crate::breakdown::outline::TaskItem;
use crate::core::id::{GateId, StreamId, TaskId};
use crate::core::plan::Task;
use crate::core::state::{GatePhase, State};
use crate::engine::execution::Execution;
use std::ops::Range;
use std::sync::Arc;
use tower_lsp::ls_types::{Location, Position, Range as Span, Uri};

/// A breakdown and its execution.
pub struct Snapshot {
    /// Its URI.
    pub uri: Uri,
    /// The text and its lines.
    pub analysis: Arc<Analysis>,
    /// How the client counts columns.
    pub encoding: Encoding,
    /// Its latest execution.
    pub execution: Option<Arc<Execution>>,
    /// How that stands.
    pub state: Option<Arc<State>>,
    /// Whether a process is at work on it.
    pub running: bool,
    /// The time, in milliseconds since the Unix epoch.
    pub now_ms: u64,
}

impl Snapshot {
    /// The text.
    pub fn text(&self) -> &str {
        &self.analysis.text
    }

    /// What it says. There is no snapshot of a text that is no breakdown.
    pub fn parsed(&self) -> &Parsed {
        static NOTHING: std::sync::OnceLock<Parsed> = std::sync::OnceLock::new();
        self.analysis.parsed.as_ref().unwrap_or_else(|| NOTHING.get_or_init(Parsed::default))
    }

    /// A range as the client counts it.
    pub fn span(&self, range: &Range<usize>) -> Span {
        self.moved(
            self.analysis.lines.span(self.text(), range, self.encoding),
            self.analysis.first_line,
        )
    }

    /// A range counted from another line on.
    fn moved(&self, mut span: Span, first: u32) -> Span {
        span.start.line = span.start.line.saturating_sub(first);
        span.end.line = span.end.line.saturating_sub(first);
        span
    }

    /// A byte as the client counts it.
    pub fn position(&self, offset: usize) -> Position {
        let mut position = self.analysis.lines.position(self.text(), offset, self.encoding);
        position.line = position.line.saturating_sub(self.analysis.first_line);
        position
    }

    /// The byte of a place.
    pub fn offset(&self, position: Position) -> usize {
        let position =
            Position { line: position.line.saturating_add(self.analysis.first_line), ..position };
        self.analysis
            .lines
            .offset(self.text(), position, self.encoding)
            .min(self.analysis.window.end)
    }

    /// The bytes of a range.
    pub fn bytes(&self, span: Span) -> Range<usize> {
        let start = self.offset(span.start);
        start..self.offset(span.end).max(start)
    }

    /// Whether a range begins in the open text, and not in another file of its folder.
    pub fn is_here(&self, range: &Range<usize>) -> bool {
        self.analysis.window.start <= range.start && range.start <= self.analysis.window.end
    }

    /// A place in this text, or in another file of its folder.
    pub fn location(&self, range: &Range<usize>) -> Location {
        let elsewhere = || {
            let (inner, bytes) =
                self.analysis.files.iter().find(|(_, bytes)| bytes.contains(&range.start))?;
            let uri = Uri::from_file_path(self.analysis.path.as_ref()?.join(inner))?;
            let first = u32::try_from(self.analysis.lines.line_at(bytes.start)).ok()?;
            Some(Location {
                uri,
                range: self
                    .moved(self.analysis.lines.span(self.text(), range, self.encoding), first),
            })
        };
        let here = || Location { uri: self.uri.clone(), range: self.span(range) };
        if self.is_here(range) { here() } else { elsewhere().unwrap_or_else(here) }
    }

    /// The end of the line that a byte is on.
    pub fn line_end(&self, offset: usize) -> usize {
        let line = self.analysis.lines.line_at(offset);
        self.analysis.lines.range(self.text(), line).end
    }

    /// The line that a byte is on.
    pub fn line(&self, offset: usize) -> Range<usize> {
        self.analysis.lines.range(self.text(), self.analysis.lines.line_at(offset))
    }

    /// A task's place.
    pub fn task(&self, id: &TaskId) -> Option<&TaskItem> {
        self.parsed().outline.tasks.get(*self.analysis.tasks.get(id)?)
    }

    /// What the plan says of a task.
    pub fn planned(&self, id: &TaskId) -> Option<&Task> {
        self.parsed().plan.tasks.get(*self.analysis.tasks.get(id)?)
    }

    /// A stream's place.
    pub fn stream(&self, id: &StreamId) -> Option<&Range<usize>> {
        self.parsed().outline.streams.iter().find(|(known, _)| known == id).map(|(_, span)| span)
    }

    /// The state and the index of a task in it.
    pub fn task_state(&self, id: &TaskId) -> Option<(&State, usize)> {
        let state = self.state.as_deref()?;
        Some((state, state.graph.task(id)?))
    }

    /// The state and the index of a gate in it.
    pub fn gate_state(&self, id: &GateId) -> Option<(&State, usize)> {
        let state = self.state.as_deref()?;
        Some((state, state.graph.gate(id)?))
    }

    /// Everything that has a place, with the line that names it, in the order of the text.
    pub fn items(&self) -> &[(Item, Range<usize>)] {
        &self.analysis.items
    }

    /// The line of the title, or that of what comes first.
    pub fn title(&self) -> Range<usize> {
        let top = self.analysis.window.start;
        let first = self.items().first().map_or(top, |(_, span)| span.start);
        let line = self.line(top);
        if self.text()[line.clone()].starts_with("# ") { line } else { self.line(first) }
    }

    /// Gates that need somebody and that the text does not name, because the config has them, each at what it
    /// guards: its stream, or the title.
    pub fn unwritten_gates(&self) -> Vec<(Item, Range<usize>)> {
        let Some(state) = self.state.as_deref() else { return Vec::new() };
        let needs = |ix: usize| {
            matches!(state.gate_states[ix].phase, GatePhase::Failed(_) | GatePhase::Open(_))
        };
        let written =
            |id: &GateId| self.parsed().outline.gates.iter().any(|(known, _)| known == id);
        let of_stream = |id: &StreamId| self.stream(id).cloned().filter(|span| self.is_here(span));
        let place = |streams: &[StreamId]| {
            streams.last().and_then(of_stream).unwrap_or_else(|| self.title())
        };
        let gates =
            state.gates.iter().enumerate().filter(|(ix, gate)| needs(*ix) && !written(&gate.id));
        gates.map(|(_, gate)| (Item::Gate(gate.id.clone()), place(&gate.streams))).collect()
    }

    /// Everything that has a place, with all that belongs to it: up to the next one, or to a
    /// heading that ends it.
    pub fn blocks(&self) -> Vec<(Item, Range<usize>, Range<usize>)> {
        let items = self.items();
        let lines = &self.analysis.lines;
        let window = &self.analysis.window;
        let headings: Vec<(usize, usize)> = (lines.line_at(window.start)..lines.count())
            .take_while(|line| lines.range(self.text(), *line).start <= window.end)
            .filter_map(|line| {
                let range = lines.range(self.text(), line);
                heading(&self.text()[range.clone()]).map(|level| (range.start, level))
            })
            .collect();
        let level_at = |offset: usize| heading(&self.text()[self.line(offset)]);
        let block = |(ix, (item, span)): (usize, &(Item, Range<usize>))| {
            let level = level_at(span.start).unwrap_or(7);
            let same = |(other, at): &&(Item, Range<usize>)| match (item, other) {
                // A stream has its tasks and gates in it.
                (Item::Stream(_), Item::Stream(_)) => at.start > span.start,
                (Item::Stream(_), _) => false,
                _ => at.start > span.start,
            };
            let next = items[ix + 1..]
                .iter()
                .find(same)
                .map_or(window.end, |(_, at)| self.line(at.start).start);
            let from = headings.partition_point(|(at, _)| *at <= span.start);
            let closing = headings[from..]
                .iter()
                .take_while(|(at, _)| *at < next)
                .find(|(_, other)| *other <= level);
            let end = closing.map_or(next, |(at, _)| *at);
            let start = self.line(span.start).start;
            let body = self.text()[start..end.max(start)].trim_end();
            (item.clone(), span.clone(), start..start + body.len())
        };
        items.iter().enumerate().map(block).collect()
    }

    /// The innermost thing whose block a byte is in.
    pub fn block_at(&self, offset: usize) -> Option<(Item, Range<usize>, Range<usize>)> {
        let blocks = self.blocks();
        blocks
            .into_iter()
            .filter(|(_, _, block)| block.contains(&offset) || block.end == offset)
            .min_by_key(|(_, _, block)| block.len())
    }
}

fn heading(line: &str) -> Option<usize> {
    let body = line.trim_start();
    let level = body.bytes().take_while(|byte| *byte == b'#').count();
    (1..=6)
        .contains(&level)
        .then_some(level)
        .filter(|level| line.len() - body.len() < 4 && body[*level..].starts_with([' ', '\t']))
}
