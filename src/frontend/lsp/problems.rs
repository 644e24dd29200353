//! Diagnostics: what is wrong with the text and its plan, and what of the execution needs a look.

use super::capabilities::{ClientCapabilities, StatusAsDiagnostics};
use super::snapshot::{Item, Snapshot};
use crate::breakdown::problem::{self, Problem};
use crate::core::progress;
use std::ops::Range;
use tower_lsp::ls_types::*;

/// By whom diagnostics are.
pub const SOURCE: &str = "execution-coordinator";
/// Diagnostics of one text, at most: nobody reads more, and they are sent again with each key.
const MAX_DIAGNOSTICS: usize = 1_000;

impl Snapshot {
    /// All diagnostics of a breakdown.
    pub fn diagnostics(
        &self,
        setup: &ClientCapabilities,
        status: StatusAsDiagnostics,
        page: Option<&Uri>,
    ) -> Vec<Diagnostic> {
        let mut found: Vec<Diagnostic> =
            self.problems_here().map(|problem| self.of_problem(problem, setup)).collect();
        found.extend(self.of_execution());
        let shows_status = match status {
            StatusAsDiagnostics::On => true,
            StatusAsDiagnostics::Off => false,
            StatusAsDiagnostics::Auto => !setup.refreshes_hints,
        };
        if shows_status {
            found.extend(self.of_status());
        }
        found.truncate(MAX_DIAGNOSTICS);
        for diagnostic in &mut found {
            if let (Some(page), Some(NumberOrString::String(code))) = (page, &diagnostic.code)
                && let Ok(href) = format!("{}#{code}", page.as_str()).parse()
            {
                diagnostic.code_description = Some(CodeDescription { href });
            }
        }
        found
    }

    fn diagnostic(
        &self,
        range: &Range<usize>,
        severity: DiagnosticSeverity,
        code: &str,
        message: String,
    ) -> Diagnostic {
        Diagnostic {
            range: self.span(range),
            severity: Some(severity),
            code: Some(NumberOrString::String(code.to_owned())),
            source: Some(SOURCE.to_owned()),
            message,
            ..Diagnostic::default()
        }
    }

    fn of_problem(&self, problem: &Problem, setup: &ClientCapabilities) -> Diagnostic {
        let severity = match problem.severity {
            problem::Severity::Error => DiagnosticSeverity::ERROR,
            problem::Severity::Warning => DiagnosticSeverity::WARNING,
            problem::Severity::Info => DiagnosticSeverity::INFORMATION,
        };
        let mut diagnostic =
            self.diagnostic(&problem.span, severity, problem.code, problem.message.clone());
        if setup.shows_related && !problem.related.is_empty() {
            let related =
                problem.related.iter().map(|(range, message)| DiagnosticRelatedInformation {
                    location: self.location(range),
                    message: message.clone(),
                });
            diagnostic.related_information = Some(related.collect());
        }
        diagnostic
    }

    /// What failed, what is blocked, what waits for a person, what reviewers found.
    fn of_execution(&self) -> Vec<Diagnostic> {
        let Some(state) = self.state.as_deref() else { return Vec::new() };
        let mut found = Vec::new();
        if !state.plan_problems.is_empty() {
            let what = format!(
                "the execution goes on with the breakdown as it was before: {}",
                state.plan_problems.join("; ")
            );
            found.push(self.diagnostic(
                &self.line(self.analysis.window.start),
                DiagnosticSeverity::WARNING,
                "plan-rejected",
                what,
            ));
        }
        for (item, span) in self.items().iter().chain(&self.unwritten_gates()) {
            let trouble = match item {
                Item::Task(id) => {
                    state.graph.task(id).map(|ix| progress::task_diagnostics(state, ix))
                }
                Item::Gate(id) => {
                    state.graph.gate(id).map(|ix| progress::gate_diagnostics(state, ix))
                }
                Item::Stream(_) => None,
            };
            for trouble in trouble.into_iter().flatten() {
                let severity = match trouble.severity {
                    progress::DiagnosticSeverity::Error => DiagnosticSeverity::ERROR,
                    progress::DiagnosticSeverity::Warning => DiagnosticSeverity::WARNING,
                    progress::DiagnosticSeverity::Note => DiagnosticSeverity::INFORMATION,
                };
                found.push(self.diagnostic(span, severity, trouble.code, trouble.message));
            }
        }
        found
    }

    /// The status beside each line, for clients whose hints stand still.
    fn of_status(&self) -> Vec<Diagnostic> {
        if self.state.is_none() {
            return Vec::new();
        }
        let one = |(item, span): &(Item, Range<usize>)| {
            let label = self.label(item)?;
            Some(self.diagnostic(span, DiagnosticSeverity::HINT, "status", label.text))
        };
        self.items().iter().filter_map(one).collect()
    }
}
