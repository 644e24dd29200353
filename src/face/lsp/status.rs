//! Status in the text: inlay hints, code lenses, semantic tokens.

use super::commands::{command, title};
use super::scene::{Scene, Spot};
use crate::core::label::{self, Label};
use crate::core::progress;
use std::ops::Range;
use tower_lsp::ls_types::*;

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
        self.spots().iter().filter_map(|(spot, _)| self.label(spot)).map(|label| label.text).collect()
    }

    /// Hints at the ends of the lines in a stretch.
    pub fn hints(&self, wanted: &Range<usize>) -> Vec<InlayHint> {
        if self.state.is_none() {
            return Vec::new();
        }
        let near = |(_, span): &&(Spot, Range<usize>)| span.start <= wanted.end && self.line_end(span.start) >= wanted.start;
        let hint = |(spot, span): &(Spot, Range<usize>)| {
            let label = self.label(spot)?;
            Some(InlayHint {
                position: self.position(self.line_end(span.start)),
                label: InlayHintLabel::String(label.text),
                kind: None,
                text_edits: None,
                tooltip: Some(InlayHintTooltip::MarkupContent(markdown(label.more.join("\n\n")))),
                padding_left: Some(true),
                padding_right: None,
                data: None,
            })
        };
        self.spots().iter().filter(near).filter_map(hint).collect()
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
        let Some(first) = spots.first().map(|(_, span)| span.start) else { return Vec::new() };
        let title_line = self.text()[..first].lines().next().filter(|line| line.starts_with("# ")).map_or(first, |_| 0);
        let at = |offset: usize| {
            let start = self.line(offset).start;
            self.span(&(start..start))
        };
        let lens = |offset: usize, action: &str, arguments: &[&str]| CodeLens {
            range: at(offset),
            command: Some(command(action, self.uri.as_str(), arguments)),
            data: None,
        };
        let mut lenses: Vec<CodeLens> = self.execution_actions().iter().map(|action| lens(title_line, action, &[])).collect();
        for (spot, span) in spots {
            let waits =
                |action: &&&str| **action != "skip" || self.label(spot).is_some_and(|label| matches!(label.look, "failed" | "blocked"));
            for action in self.actions(spot).iter().filter(waits) {
                lenses.push(lens(span.start, action, &[&self.argument(action, spot)]));
            }
        }
        lenses
    }

    /// The same as code actions, for what stands at a place.
    pub fn status_actions(&self, wanted: &Range<usize>) -> Vec<CodeActionOrCommand> {
        let mut actions: Vec<CodeActionOrCommand> = Vec::new();
        for (spot, span) in self.spots() {
            let line = self.line(span.start);
            if line.start <= wanted.end && line.end >= wanted.start {
                for action in self.actions(spot) {
                    let argument = self.argument(action, spot);
                    let mut command = command(action, self.uri.as_str(), &[&argument]);
                    command.title = format!("{} {argument}", title(action));
                    actions.push(CodeActionOrCommand::Command(command));
                }
            }
        }
        let whole = self.execution_actions();
        actions.extend(whole.iter().map(|action| CodeActionOrCommand::Command(command(action, self.uri.as_str(), &[]))));
        actions
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
