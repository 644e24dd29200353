//! Quick fixes: what mends a problem, and what a task lacks.

use super::problems::SOURCE;
use super::scene::{Scene, Spot};
use crate::breakdown::problem::Fix;
use std::collections::HashMap;
use std::ops::Range;
use tower_lsp::ls_types::*;

impl Scene {
    /// Edits of this text alone.
    pub fn edit(&self, edits: Vec<TextEdit>, versions: bool) -> WorkspaceEdit {
        if versions {
            let text_document = OptionalVersionedTextDocumentIdentifier { uri: self.uri.clone(), version: Some(self.analysis.version) };
            let edits = edits.into_iter().map(OneOf::Left).collect();
            let changes = DocumentChanges::Edits(vec![TextDocumentEdit { text_document, edits }]);
            return WorkspaceEdit { document_changes: Some(changes), ..WorkspaceEdit::default() };
        }
        WorkspaceEdit { changes: Some(HashMap::from([(self.uri.clone(), edits)])), ..WorkspaceEdit::default() }
    }

    fn replace(&self, range: &Range<usize>, new_text: String) -> TextEdit {
        TextEdit { range: self.span(range), new_text }
    }

    /// What mends the problems in a stretch.
    pub fn fixes(&self, wanted: &Range<usize>, known: &[Diagnostic], versions: bool) -> Vec<CodeActionOrCommand> {
        let near = |span: &Range<usize>| {
            let line = self.line(span.start);
            line.start <= wanted.end && line.end.max(span.end) >= wanted.start
        };
        let with_fix = self.parsed().problems.iter().filter_map(|problem| Some((problem, problem.fix.as_ref()?)));
        let mut actions: Vec<CodeActionOrCommand> = Vec::new();
        for (problem, fix) in with_fix.filter(|(problem, fix)| near(&problem.span) || near(&fix.span)) {
            let code = NumberOrString::String(problem.code.to_owned());
            let of = |diagnostic: &&Diagnostic| diagnostic.source.as_deref() == Some(SOURCE) && diagnostic.code.as_ref() == Some(&code);
            let Fix { title, span, replacement } = fix;
            actions.push(CodeActionOrCommand::CodeAction(CodeAction {
                title: title.clone(),
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(known.iter().filter(of).cloned().collect()),
                edit: Some(self.edit(vec![self.replace(span, replacement.clone())], versions)),
                is_preferred: Some(true),
                ..CodeAction::default()
            }));
        }
        actions.extend(self.additions(wanted, versions));
        actions
    }

    /// Fields that the task at a place lacks, and the mark that says that it may run beside others.
    fn additions(&self, wanted: &Range<usize>, versions: bool) -> Vec<CodeActionOrCommand> {
        let Some((Spot::Task(id), span, block)) = self.block_at(wanted.start) else { return Vec::new() };
        let rewrite = |title: String, edit: TextEdit| {
            CodeActionOrCommand::CodeAction(CodeAction {
                title,
                kind: Some(CodeActionKind::REFACTOR_REWRITE),
                edit: Some(self.edit(vec![edit], versions)),
                ..CodeAction::default()
            })
        };
        let line = self.line(span.start);
        if self.parsed().plan.format == "spec-kit" {
            let name = self.task(&id).and_then(|spot| spot.name(self.text()));
            let written = &self.text()[line.clone()];
            let mark = name.filter(|_| !written.contains("[P]"));
            return mark
                .map(|name| rewrite(format!("Mark {id} as parallel"), self.replace(&(name.end..name.end), " [P]".into())))
                .into_iter()
                .collect();
        }
        let blanks = self.text()[line.clone()].len() - self.text()[line.clone()].trim_start().len();
        let is_heading = self.text()[line.clone()].trim_start().starts_with('#');
        let indent = if is_heading { String::new() } else { " ".repeat(blanks + 2) };
        let body = &self.text()[block.clone()];
        let has = |names: &[&str]| {
            let lower = body.to_lowercase();
            names.iter().any(|name| lower.contains(&format!("{name}:")) || lower.contains(&format!("{name}**:")))
        };
        let mut actions = Vec::new();
        let mut add = |title: &str, names: &[&str], value: &str| {
            if !has(names) {
                let line_end = if body.contains("\r\n") { "\r\n" } else { "\n" };
                let text = format!("{line_end}{indent}- {title}: {value}");
                actions.push(rewrite(format!("Add the field {title} to task {id}"), self.replace(&(block.end..block.end), text)));
            }
        };
        add("Dependencies", &["dependencies", "depends on", "depends", "after"], "None");
        add("Acceptance Criteria", &["acceptance criteria", "acceptance", "success criteria"], "");
        add("Files", &["files", "file"], "");
        actions
    }
}
