//! Words and signs by which breakdowns say how a task stands.

use super::state_words::{bare, is_known_word, mark_of};
use super::text::tick;
use crate::core::event::Mark;

/// Whether a word says that somebody has begun, waits for a review, or is held up.
pub fn is_under_way(word: &str) -> bool {
    let lower = bare(word).replace(['_', '-'], " ");
    ["in progress", "review", "blocked", "on hold", "doing", "wip"]
        .iter()
        .any(|known| lower.contains(known))
        && is_known(word)
        && status(word).is_none()
}

/// Whether a word of a status is one that is understood, whatever it says, also in or behind a box.
pub fn is_known(text: &str) -> bool {
    match tick(text.trim()) {
        Some(tick) => tick.rest.is_empty() || is_known(tick.rest),
        None => is_known_word(text),
    }
}

/// How a task stands by the word of a field, a column or a file, or by a box in front of it. Nothing where it is still to be
/// done, or where the word is unknown.
pub fn status(text: &str) -> Option<Mark> {
    // `[x] complete`, `[ ] pending`.
    match tick(text.trim()) {
        Some(tick) if tick.done() => Some(Mark::Done),
        Some(tick) => status(tick.rest),
        None => mark_of(text),
    }
}
