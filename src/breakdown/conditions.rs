//! Headings whose boxes are conditions of what they stand under, and headings whose boxes are no work.

use super::forms::phase_word;

/// What a heading says that its boxes are, exactly: conditions.
const CONDITIONS: [&str; 36] = [
    "success criteria",
    "success metrics",
    "definition of done",
    "acceptance",
    "acceptance criteria",
    "acceptance tests",
    "validation",
    "validation checklist",
    "validation criteria",
    "final checklist",
    "completion checklist",
    "completion criteria",
    "exit criteria",
    "metrics",
    "checkpoint",
    "checkpoints",
    "done when",
    "验收标准",
    "驗收標準",
    "完成标准",
    "成功标准",
    "验证清单",
    "完成の定義",
    "受け入れ基準",
    "受入基準",
    "成功基準",
    "완료 기준",
    "수락 기준",
    "criterios de aceptación",
    "criterios de éxito",
    "critérios de aceitação",
    "critérios de sucesso",
    "critères d'acceptation",
    "critères de succès",
    "abnahmekriterien",
    "критерии приёмки",
];
/// Words in longer headings that say the same.
const CONDITION_WORDS: [&str; 6] = [
    "acceptance criteria",
    "success criteria",
    "definition of done",
    "validation checklist",
    "done when",
    "exit criteria",
];
/// Words in headings whose boxes are for nobody to do now.
const NO_WORK: [&str; 6] = [
    "quality gate",
    "exit gate",
    "out of scope",
    "user testing",
    "review checklist",
    "future work",
];

/// What the boxes below a heading are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boxes {
    /// Tasks, or parts of them.
    Work,
    /// Conditions of what the heading stands in.
    Conditions,
    /// Nothing that is to be done now.
    NoWork,
}

/// What the boxes below a heading are, by its words.
pub fn boxes_below(heading: &str) -> Boxes {
    let lower = heading.to_lowercase();
    let bare = lower.trim_matches(|c: char| !c.is_alphanumeric());
    let words = |known: &[&str]| known.iter().any(|words| bare.contains(words));
    if CONDITIONS.contains(&bare) {
        Boxes::Conditions
    } else if phase_word(heading) {
        // `Phase 4: Validation` is work.
        Boxes::Work
    } else if words(&CONDITION_WORDS) {
        Boxes::Conditions
    } else if words(&NO_WORK) || bare == "notes" {
        Boxes::NoWork
    } else {
        Boxes::Work
    }
}
