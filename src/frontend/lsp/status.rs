//! Status in the text: inlay hints, code lenses, semantic tokens.

use super::actions::{command, title};
use super::snapshot::{Item, Snapshot};
use crate::core::hold;
use crate::core::label::{self, Label};
use crate::core::progress;
use crate::core::view::{Action, Appearance};
use std::ops::Range;
use tower_lsp::ls_types::*;

/// Bytes between what a hint is for and the end of its line, up to which it stands at that end.
const MAX_AFTER_BYTES: usize = 40;

impl Snapshot {
    /// What stands beside something.
    pub fn label(&self, item: &Item) -> Option<Label> {
        match item {
            Item::Task(id) => self
                .task_state(id)
                .map(|(state, ix)| label::task(state, ix, self.now_ms, self.running)),
            Item::Stream(id) => {
                let state = self.state.as_deref()?;
                state.graph.stream(id).map(|ix| label::stream(state, ix, self.running))
            }
            Item::Gate(id) => self.gate_state(id).map(|(state, ix)| label::gate(state, ix)),
        }
    }

    /// All labels, to see whether any has changed.
    pub fn labels(&self) -> Vec<String> {
        if self.state.is_none() {
            return Vec::new();
        }
        let unwritten = self.unwritten_gates();
        self.items()
            .iter()
            .chain(&unwritten)
            .filter_map(|(item, _)| self.label(item))
            .map(|label| label.text)
            .collect()
    }

    /// Hints at the ends of the lines in a range.
    pub fn hints(&self, wanted: &Range<usize>) -> Vec<InlayHint> {
        if self.state.is_none() {
            return Vec::new();
        }
        let near = |(_, span): &&(Item, Range<usize>)| {
            span.start <= wanted.end && self.line_end(span.start) >= wanted.start
        };
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
        let written = self
            .items()
            .iter()
            .filter(near)
            .filter_map(|(item, span)| Some((span, self.label(item)?)));
        let unwritten = self.unwritten_gates();
        let needing = unwritten
            .iter()
            .filter(near)
            .filter_map(|(item, span)| Some((span, self.named_label(item)?)));
        written.chain(needing).map(hint).collect()
    }

    /// Where a hint stands: at the end of its line, or behind a title that much else follows.
    fn hint_at(&self, span: &Range<usize>) -> usize {
        let end = self.line_end(span.start);
        if end.saturating_sub(span.end) > MAX_AFTER_BYTES { span.end } else { end }
    }

    /// A label with the name of what it is for, to stand on the line of something else.
    fn named_label(&self, item: &Item) -> Option<Label> {
        let label = self.label(item)?;
        Some(Label {
            text: label::cut(&format!("{} {}", id_of(item), label.text), label::MAX_CHARS),
            ..label
        })
    }

    /// What can be done now with the whole: what stands above the first line.
    pub fn execution_actions(&self) -> Vec<Action> {
        match &self.state {
            Some(state) => label::execution_actions(state, self.running),
            None => vec![Action::Run],
        }
    }

    /// What can be done now with one thing.
    pub fn actions(&self, item: &Item) -> Vec<Action> {
        match item {
            Item::Task(id) => {
                self.task_state(id).map_or(Vec::new(), |(state, ix)| label::task_actions(state, ix))
            }
            Item::Gate(id) => {
                self.gate_state(id).map_or(Vec::new(), |(state, ix)| label::gate_actions(state, ix))
            }
            Item::Stream(id) => {
                let has_tasks =
                    self.parsed().plan.tasks.iter().any(|task| task.stream.as_ref() == Some(id));
                let done = self.state.as_deref().is_some_and(|state| {
                    state.graph.stream(id).is_some_and(|ix| state.stream_done(ix))
                });
                if self.running || done || !has_tasks {
                    Vec::new()
                } else {
                    vec![Action::RunStream]
                }
            }
        }
    }

    /// The argument by which a command names something.
    pub fn argument(&self, action: Action, item: &Item) -> String {
        match item {
            Item::Task(id) if matches!(action, Action::Approve | Action::Reject) => {
                let gate = self
                    .task_state(id)
                    .and_then(|(state, ix)| progress::waits_for_approval(state, ix));
                gate.map_or_else(|| id.to_string(), |gate| gate.to_string())
            }
            item => id_of(item),
        }
    }

    /// Lenses above the first line, streams, tasks and gates.
    pub fn lenses(&self) -> Vec<CodeLens> {
        let items = self.items();
        if items.is_empty() {
            return Vec::new();
        }
        let at = |offset: usize| {
            let start = self.line(offset).start;
            self.span(&(start..start))
        };
        let lens = |offset: usize, command: Command| CodeLens {
            range: at(offset),
            command: Some(command),
            data: None,
        };
        let whole =
            |action: &Action| lens(self.title().start, command(*action, self.uri.as_str(), &[]));
        let mut lenses: Vec<CodeLens> = self.execution_actions().iter().map(whole).collect();
        for (item, span) in items {
            let waits = |action: &&Action| {
                **action != Action::Skip
                    || self.label(item).is_some_and(|label| {
                        matches!(label.look, Appearance::Failed | Appearance::Blocked)
                    })
            };
            for action in self.actions(item).iter().filter(waits) {
                lenses.push(lens(
                    span.start,
                    command(*action, self.uri.as_str(), &[&self.argument(*action, item)]),
                ));
            }
        }
        lenses.extend(self.held().into_iter().map(|command| lens(self.title().start, command)));
        for (item, span) in self.unwritten_gates() {
            lenses.extend(
                self.actions(&item)
                    .iter()
                    .map(|action| lens(span.start, self.named(*action, &item))),
            );
        }
        lenses
    }

    /// The same as code actions, for what stands at a place.
    pub fn status_actions(&self, wanted: &Range<usize>) -> Vec<CodeActionOrCommand> {
        let mut actions: Vec<CodeActionOrCommand> = Vec::new();
        for (item, span) in self.items().iter().chain(&self.unwritten_gates()) {
            let line = self.line(span.start);
            if line.start <= wanted.end && line.end >= wanted.start {
                actions.extend(
                    self.actions(item)
                        .iter()
                        .map(|action| CodeActionOrCommand::Command(self.named(*action, item))),
                );
            }
        }
        actions.extend(self.held().into_iter().map(CodeActionOrCommand::Command));
        let whole = self.execution_actions();
        actions.extend(
            whole.iter().map(|action| {
                CodeActionOrCommand::Command(command(*action, self.uri.as_str(), &[]))
            }),
        );
        actions
    }

    /// What can be done about changes that are not in force.
    fn held(&self) -> Vec<Command> {
        let files =
            self.state.iter().flat_map(|state| hold::undecided(state)).map(|(file, _)| file);
        let both = |file: &String| {
            [Action::Approve, Action::Reject].map(|action| Command {
                title: format!("{} {file}", title(action)),
                ..command(action, self.uri.as_str(), &[file])
            })
        };
        files.flat_map(both).collect()
    }

    /// The command of an action whose title says what it is for.
    fn named(&self, action: Action, item: &Item) -> Command {
        let argument = self.argument(action, item);
        let command = command(action, self.uri.as_str(), &[&argument]);
        Command { title: format!("{} {argument}", title(action)), ..command }
    }

    /// The names of tasks, streams and gates, coloured by how they stand.
    pub fn tokens(&self, wanted: Option<Range<usize>>) -> SemanticTokens {
        let mut data = Vec::new();
        let mut before = Position::new(0, 0);
        for (item, span) in self.items() {
            if wanted
                .as_ref()
                .is_some_and(|wanted| span.end < wanted.start || span.start > wanted.end)
            {
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
                delta_start: if delta_line == 0 {
                    start.character - before.character
                } else {
                    start.character
                },
                length: end.character - start.character,
                token_type: match item {
                    Item::Stream(_) => 1,
                    Item::Task(_) => 0,
                    Item::Gate(_) => 2,
                },
                token_modifiers_bitset: self.modifier(item).map_or(0, |bit| 1 << bit),
            });
            before = start;
        }
        SemanticTokens { result_id: None, data }
    }

    fn modifier(&self, item: &Item) -> Option<usize> {
        let label = self.label(item)?;
        label::LOOKS.iter().position(|look| *look == label.look)
    }
}

/// A text as Markdown.
pub fn markdown(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}

fn id_of(item: &Item) -> String {
    match item {
        Item::Task(id) => id.to_string(),
        Item::Stream(id) => id.to_string(),
        Item::Gate(id) => id.to_string(),
    }
}
