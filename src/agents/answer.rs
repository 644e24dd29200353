//! What an agent may give instead of a return block: one JSON object.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer of an executor, a tester, an expert or a reviewer. The last line of its output, or
/// all of it, is this object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(title = "An agent's answer")]
pub struct Answer {
    /// Of an executor, a tester or an expert: `complete`, `blocked` or `failed`.
    pub status: Option<String>,
    /// Of a reviewer: `pass` or `fail`.
    pub verdict: Option<String>,
    /// What was done or said.
    pub summary: String,
    /// Why it is not complete.
    pub reason: String,
    /// Files that changed.
    pub files: Vec<String>,
    /// Decisions that later tasks should know.
    pub decisions: Vec<String>,
    /// What a reviewer found.
    pub findings: Vec<AnswerFinding>,
    /// Tokens used.
    pub tokens: Option<f64>,
    /// Money used.
    pub cost_usd: Option<f64>,
}

/// One finding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AnswerFinding {
    /// `blocker`, `concern` or `suggestion`.
    pub severity: String,
    /// What it is.
    pub text: String,
    /// Where, as `file` or `file:line`.
    pub place: Option<String>,
}

/// The object in an output: all of it, or its last line that is one.
pub fn find(output: &str) -> Option<Answer> {
    let whole = output.trim();
    let known = |answer: &Answer| answer.status.is_some() || answer.verdict.is_some();
    let candidates = std::iter::once(whole).chain(whole.lines().rev().take(20).map(str::trim));
    candidates.filter(|text| text.starts_with('{')).filter_map(|text| serde_json::from_str(text).ok()).find(known)
}
