//! Words and signs for how a task stands, as they stand alone.

use crate::core::event::Mark;

const DONE: [&str; 19] = [
    "resolved",
    "passed",
    "verified",
    "done",
    "completed",
    "complete",
    "closed",
    "finished",
    "merged",
    "fixed",
    "shipped",
    "✅",
    "☑",
    "✔",
    "完了",
    "完成",
    "已完成",
    "완료",
    "x",
];

const SKIPPED: [&str; 12] = [
    "skip",
    "skipped",
    "n/a",
    "not needed",
    "wontfix",
    "won't do",
    "wont do",
    "won't fix",
    "cancelled",
    "canceled",
    "superseded",
    "tombstone",
];

const DEFERRED: [&str; 4] = ["deferred", "postponed", "⏭", "⏭️"];

const OPEN: [&str; 49] = [
    "todo",
    "to do",
    "to-do",
    "open",
    "pending",
    "not-started",
    "not started",
    "not_started",
    "backlog",
    "draft",
    "drafted",
    "ready",
    "ready-for-dev",
    "planned",
    "in-progress",
    "in progress",
    "in_progress",
    "doing",
    "wip",
    "active",
    "started",
    "hooked",
    "pinned",
    "blocked",
    "on-hold",
    "on hold",
    "review",
    "in review",
    "in_review",
    "in-review",
    "for_review",
    "approved",
    "claimed",
    "contexted",
    "optional",
    "new",
    "triage",
    "unknown",
    "waiting",
    "queued",
    "proposed",
    "⬜",
    "⏳",
    "🔄",
    "🚧",
    "进行中",
    "進行中",
    "未开始",
    "待办",
];

/// Whether a word says that something is still to be done.
pub fn is_open(word: &str) -> bool {
    OPEN.contains(&word.trim_matches(['(', ')', '[', ']', '*']).to_lowercase().as_str())
}

/// Whether a word of a status is one that is understood, whatever it says.
pub fn is_known_word(text: &str) -> bool {
    let lower = bare(text);
    let word = lower.split(['(', '—', '–', '#', ':', ',', '.', ';']).next().unwrap_or_default();
    let word = word.split(" - ").next().unwrap_or_default().trim();
    word.is_empty()
        || OPEN.contains(&word)
        || lower.contains("unverified")
        || lower.contains("not done")
        || mark_of(text).is_some()
}

/// In lower case, without marks around it and without a sign in front of a word.
pub fn bare(text: &str) -> String {
    let lower = text.trim().trim_matches(['"', '\'', '`', '*', '[', ']']).to_lowercase();
    let word = lower.trim_start_matches(|c: char| !c.is_alphanumeric());
    if word.is_empty() { lower } else { word.to_owned() }
}

/// How a task stands by the word of a field, a column or a file: the first word or two of it count, what follows
/// a dash or a bracket is prose. Nothing where it is still to be done, or where the word is unknown.
pub fn mark_of(text: &str) -> Option<Mark> {
    let lower = bare(text);
    let head = lower.split(['(', '—', '–', '#', ':', ',', '.', ';']).next().unwrap_or_default();
    let head = head.split(" - ").next().unwrap_or_default().trim();
    // "fixed (unverified)" is not finished, "approved" waits for its merge.
    let part = lower
        .split('%')
        .next()
        .filter(|_| lower.contains('%'))
        .map(|before| before.trim_end_matches(|c: char| c.is_ascii_digit()).len());
    let percent = part.is_some_and(|at| {
        lower[at..].split('%').next().is_some_and(|digits| !digits.is_empty() && digits != "100")
    });
    let denied = lower.split_once(':').is_some_and(|(_, value)| {
        matches!(value.trim().split(' ').next(), Some("no" | "not" | "false"))
    });
    let except = [" except", " but ", "partial", "unverified", "not done"]
        .iter()
        .any(|words| lower.contains(words));
    let unsure = except || percent || denied;
    let is = |words: &[&str]| {
        let begins = |word: &&str| {
            head == *word
                || head.strip_prefix(*word).is_some_and(|rest| rest.starts_with([' ', '\u{fe0f}']))
        };
        words.iter().any(begins)
    };
    if unsure {
        None
    } else if is(&SKIPPED) {
        Some(Mark::Skipped)
    } else if is(&DEFERRED) {
        Some(Mark::Deferred)
    } else if is(&DONE) {
        Some(Mark::Done)
    } else {
        None
    }
}
