//! Quick fixes: what fixes a problem, and what a task lacks.

use super::problems::SOURCE;
use super::snapshot::{Item, Snapshot};
use crate::breakdown::problem::{Fix, Problem};
use std::ops::Range;
use tower_lsp::ls_types::*;

impl Snapshot {
    /// What is wrong in the open text.
    pub fn problems_here(&self) -> impl Iterator<Item = &Problem> {
        self.parsed().problems.iter().filter(|problem| self.is_here(&problem.span))
    }

    /// Stretches with what they become, in this text and in other files of its folder.
    pub fn edit(&self, edits: Vec<(Range<usize>, String)>, versions: bool) -> WorkspaceEdit {
        // One after the other, as the files come.
        let mut files: Vec<(Uri, Vec<TextEdit>)> = Vec::new();
        for (range, new_text) in edits {
            let Location { uri, range } = self.location(&range);
            let edit = TextEdit { range, new_text };
            match files.last_mut().filter(|(known, _)| *known == uri) {
                Some((_, edits)) => edits.push(edit),
                None => files.push((uri, vec![edit])),
            }
        }
        if versions {
            let of = |(uri, edits): (Uri, Vec<TextEdit>)| {
                let version = (uri == self.uri).then_some(self.analysis.version);
                let text_document = OptionalVersionedTextDocumentIdentifier { uri, version };
                TextDocumentEdit {
                    text_document,
                    edits: edits.into_iter().map(OneOf::Left).collect(),
                }
            };
            let changes = DocumentChanges::Edits(files.into_iter().map(of).collect());
            return WorkspaceEdit { document_changes: Some(changes), ..WorkspaceEdit::default() };
        }
        WorkspaceEdit { changes: Some(files.into_iter().collect()), ..WorkspaceEdit::default() }
    }

    /// What fixes the problems in a range.
    pub fn fixes(
        &self,
        wanted: &Range<usize>,
        known: &[Diagnostic],
        versions: bool,
    ) -> Vec<CodeActionOrCommand> {
        let near = |span: &Range<usize>| {
            let line = self.line(span.start);
            line.start <= wanted.end && line.end.max(span.end) >= wanted.start
        };
        let with_fix =
            self.problems_here().filter_map(|problem| Some((problem, problem.fix.as_ref()?)));
        let mut actions: Vec<CodeActionOrCommand> = Vec::new();
        for (problem, fix) in
            with_fix.filter(|(problem, fix)| near(&problem.span) || near(&fix.span))
        {
            let code = NumberOrString::String(problem.code.to_owned());
            let of = |diagnostic: &&Diagnostic| {
                diagnostic.source.as_deref() == Some(SOURCE)
                    && diagnostic.code.as_ref() == Some(&code)
            };
            let Fix { title, span, replacement } = fix;
            actions.push(CodeActionOrCommand::CodeAction(CodeAction {
                title: title.clone(),
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(known.iter().filter(of).cloned().collect()),
                edit: Some(self.edit(vec![(span.clone(), replacement.clone())], versions)),
                is_preferred: Some(true),
                ..CodeAction::default()
            }));
        }
        actions.extend(self.additions(wanted, versions));
        actions
    }

    /// Fields that the task at a place lacks, and the mark that says that it may run beside others.
    fn additions(&self, wanted: &Range<usize>, versions: bool) -> Vec<CodeActionOrCommand> {
        let Some((Item::Task(id), span, block)) = self.block_at(wanted.start) else {
            return Vec::new();
        };
        let rewrite = |title: String, edit: (Range<usize>, String)| {
            CodeActionOrCommand::CodeAction(CodeAction {
                title,
                kind: Some(CodeActionKind::REFACTOR_REWRITE),
                edit: Some(self.edit(vec![edit], versions)),
                ..CodeAction::default()
            })
        };
        let line = self.line(span.start);
        if self.parsed().plan.format == "spec-kit" {
            let name = self.task(&id).and_then(|item| item.name(self.text()));
            let written = &self.text()[line.clone()];
            let mark = name.filter(|_| !written.contains("[P]"));
            return mark
                .map(|name| {
                    rewrite(format!("Mark {id} as parallel"), (name.end..name.end, " [P]".into()))
                })
                .into_iter()
                .collect();
        }
        let blanks = self.text()[line.clone()].len() - self.text()[line.clone()].trim_start().len();
        let is_heading = self.text()[line.clone()].trim_start().starts_with('#');
        let indent = if is_heading { String::new() } else { " ".repeat(blanks + 2) };
        let body = &self.text()[block.clone()];
        let has = |names: &[&str]| {
            let lower = body.to_lowercase();
            names.iter().any(|name| {
                lower.contains(&format!("{name}:")) || lower.contains(&format!("{name}**:"))
            })
        };
        let mut actions = Vec::new();
        let mut add = |title: &str, names: &[&str], value: &str| {
            if !has(names) {
                let line_end = if body.contains("\r\n") { "\r\n" } else { "\n" };
                let text = format!("{line_end}{indent}- {title}: {value}");
                actions.push(rewrite(
                    format!("Add the field {title} to task {id}"),
                    (block.end..block.end, text),
                ));
            }
        };
        add("Dependencies", &["dependencies", "depends on", "depends", "after"], "None");
        add("Acceptance Criteria", &["acceptance criteria", "acceptance", "success criteria"], "");
        add("Files", &["files", "file"], "");
        actions
    }
}
