//! What is shown at one moment: a text, what it says, and how its execution stands.

use super::documents::Analysis;
pub use super::documents::Spot;
use super::position::Encoding;
use crate::breakdown::Parsed;
use crate::breakdown::outline::TaskSpot;
use crate::core::id::{GateId, StreamId, TaskId};
use crate::core::plan::Task;
use crate::core::state::{GatePhase, State};
use crate::engine::execution::Execution;
use std::ops::Range;
use std::sync::Arc;
use tower_lsp::ls_types::{Location, Position, Range as Span, Uri};

/// A breakdown and its execution.
pub struct Scene {
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

impl Scene {
    /// The text.
    pub fn text(&self) -> &str {
        &self.analysis.text
    }

    /// What it says. There is no scene of a text that is no breakdown.
    pub fn parsed(&self) -> &Parsed {
        static NOTHING: std::sync::OnceLock<Parsed> = std::sync::OnceLock::new();
        self.analysis.parsed.as_ref().unwrap_or_else(|| NOTHING.get_or_init(Parsed::default))
    }

    /// A stretch as the client counts it.
    pub fn span(&self, range: &Range<usize>) -> Span {
        self.analysis.lines.span(self.text(), range, self.encoding)
    }

    /// A byte as the client counts it.
    pub fn position(&self, offset: usize) -> Position {
        self.analysis.lines.position(self.text(), offset, self.encoding)
    }

    /// The byte of a place.
    pub fn offset(&self, position: Position) -> usize {
        self.analysis.lines.offset(self.text(), position, self.encoding)
    }

    /// The bytes of a stretch.
    pub fn bytes(&self, span: Span) -> Range<usize> {
        let start = self.offset(span.start);
        start..self.offset(span.end).max(start)
    }

    /// A place in this text.
    pub fn location(&self, range: &Range<usize>) -> Location {
        Location { uri: self.uri.clone(), range: self.span(range) }
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
    pub fn task(&self, id: &TaskId) -> Option<&TaskSpot> {
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
    pub fn spots(&self) -> &[(Spot, Range<usize>)] {
        &self.analysis.spots
    }

    /// The line of the title, or that of what comes first.
    pub fn title(&self) -> Range<usize> {
        let first = self.spots().first().map_or(0, |(_, span)| span.start);
        let line = self.line(0);
        if self.text()[line.clone()].starts_with("# ") { line } else { self.line(first) }
    }

    /// Gates that need somebody and that the text does not name, because the config has them, each at what it
    /// guards: its stream, or the title.
    pub fn unwritten_gates(&self) -> Vec<(Spot, Range<usize>)> {
        let Some(state) = self.state.as_deref() else { return Vec::new() };
        let needs = |ix: usize| matches!(state.gate_states[ix].phase, GatePhase::Failed(_) | GatePhase::Open(_));
        let written = |id: &GateId| self.parsed().outline.gates.iter().any(|(known, _)| known == id);
        let place = |streams: &[StreamId]| streams.last().and_then(|id| self.stream(id).cloned()).unwrap_or_else(|| self.title());
        let gates = state.gates.iter().enumerate().filter(|(ix, gate)| needs(*ix) && !written(&gate.id));
        gates.map(|(_, gate)| (Spot::Gate(gate.id.clone()), place(&gate.streams))).collect()
    }

    /// Everything that has a place, with all that belongs to it: up to the next one, or to a
    /// heading that ends it.
    pub fn blocks(&self) -> Vec<(Spot, Range<usize>, Range<usize>)> {
        let spots = self.spots();
        let lines = &self.analysis.lines;
        let headings: Vec<(usize, usize)> = (0..lines.count())
            .filter_map(|line| {
                let range = lines.range(self.text(), line);
                heading(&self.text()[range.clone()]).map(|level| (range.start, level))
            })
            .collect();
        let level_at = |offset: usize| heading(&self.text()[self.line(offset)]);
        let block = |(ix, (spot, span)): (usize, &(Spot, Range<usize>))| {
            let level = level_at(span.start).unwrap_or(7);
            let same = |(other, at): &&(Spot, Range<usize>)| match (spot, other) {
                // A stream has its tasks and gates in it.
                (Spot::Stream(_), Spot::Stream(_)) => at.start > span.start,
                (Spot::Stream(_), _) => false,
                _ => at.start > span.start,
            };
            let next = spots[ix + 1..].iter().find(same).map_or(self.text().len(), |(_, at)| self.line(at.start).start);
            let from = headings.partition_point(|(at, _)| *at <= span.start);
            let closing = headings[from..].iter().take_while(|(at, _)| *at < next).find(|(_, other)| *other <= level);
            let end = closing.map_or(next, |(at, _)| *at);
            let start = self.line(span.start).start;
            let body = self.text()[start..end.max(start)].trim_end();
            (spot.clone(), span.clone(), start..start + body.len())
        };
        spots.iter().enumerate().map(block).collect()
    }

    /// The innermost thing whose block a byte is in.
    pub fn block_at(&self, offset: usize) -> Option<(Spot, Range<usize>, Range<usize>)> {
        let blocks = self.blocks();
        blocks.into_iter().filter(|(_, _, block)| block.contains(&offset) || block.end == offset).min_by_key(|(_, _, block)| block.len())
    }
}

fn heading(line: &str) -> Option<usize> {
    let body = line.trim_start();
    let level = body.bytes().take_while(|byte| *byte == b'#').count();
    (1..=6).contains(&level).then_some(level).filter(|level| line.len() - body.len() < 4 && body[*level..].starts_with([' ', '\t']))
}
