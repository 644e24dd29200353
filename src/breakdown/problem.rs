//! What is wrong with a breakdown, where, and what would fix it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// One problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for it.
    pub code: &'static str,
    /// What is wrong and what to do, in a sentence.
    pub message: String,
    /// Where, in bytes.
    pub span: Range<usize>,
    /// What would fix it, where that is obvious.
    pub fix: Option<Fix>,
    /// Other places that it is about, with what they are.
    pub related: Vec<(Range<usize>, String)>,
}

/// A change that would fix a problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// What it does.
    pub title: String,
    /// What is replaced.
    pub span: Range<usize>,
    /// By what.
    pub replacement: String,
}

/// How bad a problem is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Something can't be scheduled because of it.
    Error,
    /// Probably not what was meant.
    Warning,
    /// Good to know.
    Info,
}

impl Severity {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// Names that a sentence has at most.
const MAX_NAMED: usize = 12;

/// Names for a sentence, the first few of them where there are many.
pub fn some_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let first: Vec<&str> = names.by_ref().take(MAX_NAMED).collect();
    first.join(", ") + if names.next().is_some() { ", …" } else { "" }
}

impl Problem {
    /// Something that can't be scheduled.
    pub fn error(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            span,
            fix: None,
            related: Vec::new(),
        }
    }
    /// Probably not what was meant.
    pub fn warning(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }
    /// Good to know.
    pub fn info(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Info, ..Self::error(code, span, message) }
    }
    /// With another place that it is about.
    pub fn with_related(mut self, span: Range<usize>, what: impl Into<String>) -> Self {
        self.related.push((span, what.into()));
        self
    }
    /// With a change that fixes it.
    pub fn with_fix(
        mut self,
        title: impl Into<String>,
        span: Range<usize>,
        replacement: impl Into<String>,
    ) -> Self {
        self.fix = Some(Fix { title: title.into(), span, replacement: replacement.into() });
        self
    }
}
