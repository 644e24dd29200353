//! What an agent may give instead of a return block: one JSON object.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

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

/// So many beginnings of objects are looked at, the last ones: a program may print very many.
const MAX_OBJECTS: usize = 200;

/// The objects in an output that are answers, with where each stands: on a line of its own, over several lines, in a
/// fence.
pub fn all(output: &str) -> Vec<(Range<usize>, Answer)> {
    let (mut found, mut end) = (Vec::new(), 0);
    for at in beginnings(output) {
        if at < end {
            continue;
        }
        let mut objects = serde_json::Deserializer::from_str(&output[at..]).into_iter::<Answer>();
        if let Some(Ok(answer)) = objects.next()
            && (answer.status.is_some() || answer.verdict.is_some())
        {
            end = at + objects.byte_offset();
            found.push((at..end, answer));
        }
    }
    found
}

/// Where the last object breaks that was to be an answer, with where it begins: a sentence.
pub fn broken(output: &str) -> Option<(usize, String)> {
    let is_meant = |at: &usize| {
        let object: String = output[*at..].chars().take(2_000).collect();
        object.contains("\"status\"") || object.contains("\"verdict\"")
    };
    let at = beginnings(output).into_iter().rev().find(is_meant)?;
    let broken =
        serde_json::Deserializer::from_str(&output[at..]).into_iter::<Answer>().next()?.err()?;
    Some((at, format!("its JSON answer can't be read: {broken}")))
}

/// Where lines begin with an object.
fn beginnings(output: &str) -> Vec<usize> {
    let mut at = 0;
    let mut found = Vec::new();
    for line in output.split_inclusive('\n') {
        let body = line.trim_start();
        if body.starts_with('{') {
            found.push(at + line.len() - body.len());
        }
        at += line.len();
    }
    found.split_off(found.len().saturating_sub(MAX_OBJECTS))
}
