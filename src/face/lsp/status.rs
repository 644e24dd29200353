//! Status in the text: inlay hints, code lenses, semantic tokens.

use super::commands::{command, title};
use super::scene::{Scene, Spot};
use crate::core::hold;
use crate::core::label::{self, Label};
use crate::core::progress;
use std::ops::Range;
use tower_lsp::ls_types::*;

/// Bytes between what a hint is for and the end of its line, up to which it stands at that end.
const MAX_AFTER_BYTES: usize = 40;

impl Scene {
    /// What stands beside something.
    pub fn label(&self, spot: &Spot) -> Option<Label> {
        match spot {
            Spot::Task(id) => self.task_state(id).map(|(state, ix)| label::task(state, ix, self.now_ms, self.running)),
            Spot::Stream(id) => {
                let state = self.state.as_deref()?;
                state.graph.stream(id).map(|ix| label::stream(state, ix, self.running))
            }
            Spot::Gate(id) => self.gate_state(id).map(|(state, ix)| label::gate(state, ix)),
        }
    }

    /// All labels, to see whether any has changed.
    pub fn labels(&self) -> Vec<String> {
        if self.state.is_none() {
            return Vec::new();
        }
        let unwritten = self.unwritten_gates();
        self.spots().iter().chain(&unwritten).filter_map(|(spot, _)| self.label(spot)).map(|label| label.text).collect()
    }

    /// Hints at the ends of the lines in a stretch.
    pub fn hints(&self, wanted: &Range<usize>) -> Vec<InlayHint> {
        if self.state.is_none() {
            return Vec::new();
        }
        let near = |(_, span): &&(Spot, Range<usize>)| span.start <= wanted.end && self.line_end(span.start) >= wanted.start;
        let hint = |(span, label): (&Range<usize>, Label)| InlayHint {
            position: self.position(self.hint_at(span)),
            label: InlayHintLabel::String(label.text),
            kind: None,
            text_edits: None,
            tooltip: Some(InlayHintTooltip::MarkupContent(markdown(label.more.join("\n\n")))),
            padding_left: Some(true),
            padding_right: None,
            data: None,
        };
        let written = self.spots().iter().filter(near).filter_map(|(spot, span)| Some((span, self.label(spot)?)));
        let unwritten = self.unwritten_gates();
        let needing = unwritten.iter().filter(near).filter_map(|(spot, span)| Some((span, self.named_label(spot)?)));
        written.chain(needing).map(hint).collect()
    }

    /// Where a hint stands: at the end of its line, or behind a title that much else follows.
    fn hint_at(&self, span: &Range<usize>) -> usize {
        let end = self.line_end(span.start);
        if end.saturating_sub(span.end) > MAX_AFTER_BYTES { span.end } else { end }
    }

    /// A label with the name of what it is for, to stand on the line of something else.
    fn named_label(&self, spot: &Spot) -> Option<Label> {
        let label = self.label(spot)?;
        Some(Label { text: label::cut(&format!("{} {}", self.argument("", spot), label.text), label::MAX_CHARS), ..label })
    }

    /// What can be done now with the whole: what stands above the first line.
    pub fn execution_actions(&self) -> Vec<&'static str> {
        match &self.state {
            Some(state) => label::execution_actions(state, self.running),
            None => vec!["run"],
        }
    }

    /// What can be done now with one thing.
    pub fn actions(&self, spot: &Spot) -> Vec<&'static str> {
        match spot {
            Spot::Task(id) => self.task_state(id).map_or(Vec::new(), |(state, ix)| label::task_actions(state, ix)),
            Spot::Gate(id) => self.gate_state(id).map_or(Vec::new(), |(state, ix)| label::gate_actions(state, ix)),
            Spot::Stream(id) => {
                let has_tasks = self.parsed().plan.tasks.iter().any(|task| task.stream.as_ref() == Some(id));
                let done = self.state.as_deref().is_some_and(|state| state.graph.stream(id).is_some_and(|ix| state.stream_done(ix)));
                if self.running || done || !has_tasks { Vec::new() } else { vec!["runStream"] }
            }
        }
    }

    /// The argument by which a command names something.
    pub fn argument(&self, action: &str, spot: &Spot) -> String {
        match spot {
            Spot::Task(id) if matches!(action, "approve" | "reject") => {
                let gate = self.task_state(id).and_then(|(state, ix)| progress::waits_for_approval(state, ix));
                gate.map_or_else(|| id.to_string(), |gate| gate.to_string())
            }
            Spot::Task(id) => id.to_string(),
            Spot::Stream(id) => id.to_string(),
            Spot::Gate(id) => id.to_string(),
        }
    }

    /// Lenses above the first line, streams, tasks and gates.
    pub fn lenses(&self) -> Vec<CodeLens> {
        let spots = self.spots();
        if spots.is_empty() {
            return Vec::new();
        }
        let at = |offset: usize| {
            let start = self.line(offset).start;
            self.span(&(start..start))
        };
        let lens = |offset: usize, command: Command| CodeLens { range: at(offset), command: Some(command), data: None };
        let whole = |action: &&str| lens(self.title().start, command(action, self.uri.as_str(), &[]));
        let mut lenses: Vec<CodeLens> = self.execution_actions().iter().map(whole).collect();
        for (spot, span) in spots {
            let waits =
                |action: &&&str| **action != "skip" || self.label(spot).is_some_and(|label| matches!(label.look, "failed" | "blocked"));
            for action in self.actions(spot).iter().filter(waits) {
                lenses.push(lens(span.start, command(action, self.uri.as_str(), &[&self.argument(action, spot)])));
            }
        }
        lenses.extend(self.held().into_iter().map(|command| lens(self.title().start, command)));
        for (spot, span) in self.unwritten_gates() {
            lenses.extend(self.actions(&spot).iter().map(|action| lens(span.start, self.named(action, &spot))));
        }
        lenses
    }

    /// The same as code actions, for what stands at a place.
    pub fn status_actions(&self, wanted: &Range<usize>) -> Vec<CodeActionOrCommand> {
        let mut actions: Vec<CodeActionOrCommand> = Vec::new();
        for (spot, span) in self.spots().iter().chain(&self.unwritten_gates()) {
            let line = self.line(span.start);
            if line.start <= wanted.end && line.end >= wanted.start {
                actions.extend(self.actions(spot).iter().map(|action| CodeActionOrCommand::Command(self.named(action, spot))));
            }
        }
        actions.extend(self.held().into_iter().map(CodeActionOrCommand::Command));
        let whole = self.execution_actions();
        actions.extend(whole.iter().map(|action| CodeActionOrCommand::Command(command(action, self.uri.as_str(), &[]))));
        actions
    }

    /// What can be done about changes that are not in force.
    fn held(&self) -> Vec<Command> {
        let files = self.state.iter().flat_map(|state| hold::undecided(state)).map(|(file, _)| file);
        let both = |file: &String| {
            ["approve", "reject"]
                .map(|action| Command { title: format!("{} {file}", title(action)), ..command(action, self.uri.as_str(), &[file]) })
        };
        files.flat_map(both).collect()
    }

    /// The command of an action whose title says what it is for.
    fn named(&self, action: &str, spot: &Spot) -> Command {
        let argument = self.argument(action, spot);
        let command = command(action, self.uri.as_str(), &[&argument]);
        Command { title: format!("{} {argument}", title(action)), ..command }
    }

    /// The names of tasks, streams and gates, coloured by how they stand.
    pub fn tokens(&self, wanted: Option<Range<usize>>) -> SemanticTokens {
        let mut data = Vec::new();
        let mut before = Position::new(0, 0);
        for (spot, span) in self.spots() {
            if wanted.as_ref().is_some_and(|wanted| span.end < wanted.start || span.start > wanted.end) {
                continue;
            }
            let line = self.line(span.start);
            let start = self.position(span.start.max(line.start));
            let end = self.position(span.end.min(line.end));
            if end.character <= start.character {
                continue;
            }
            let delta_line = start.line - before.line;
            data.push(SemanticToken {
                delta_line,
                delta_start: if delta_line == 0 { start.character - before.character } else { start.character },
                length: end.character - start.character,
                token_type: match spot {
                    Spot::Stream(_) => 1,
                    Spot::Task(_) => 0,
                    Spot::Gate(_) => 2,
                },
                token_modifiers_bitset: self.modifier(spot).map_or(0, |bit| 1 << bit),
            });
            before = start;
        }
        SemanticTokens { result_id: None, data }
    }

    fn modifier(&self, spot: &Spot) -> Option<usize> {
        let label = self.label(spot)?;
        label::LOOKS.iter().position(|(look, _)| *look == label.look)
    }
}

/// A text as Markdown.
pub fn markdown(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}
