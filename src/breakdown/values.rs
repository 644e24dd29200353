//! Small pieces of text that mean something: estimates, files, titles.

use crate::core::plan::{Estimate, Size};

/// What stands in one pair of backticks; a text with more of them is left as it is.
pub fn without_backticks(text: &str) -> &str {
    let inner = text.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    inner.filter(|inner| !inner.contains('`')).unwrap_or(text)
}

/// Whether a text is only a template's placeholder.
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let bracketed =
        text.starts_with('[') && text.ends_with(']') && !text[1..text.len() - 1].contains(']');
    let braces = text.starts_with("{{") && text.ends_with("}}");
    bracketed || braces || text == "TXXX" || ["...", "Task N", "TBD", "TBA"].contains(&text)
}

/// A file as a task names it: without a line range, and not a sentence.
pub fn file_name(text: &str) -> String {
    let name = text.trim_start_matches(['-', ' ']).trim_matches('`');
    let name = name
        .strip_prefix("Create:")
        .or_else(|| name.strip_prefix("Modify:"))
        .or_else(|| name.strip_prefix("Test:"))
        .unwrap_or(name)
        .trim()
        .trim_matches('`');
    let name = name
        .split_once(':')
        .filter(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()))
        .map_or(name, |(file, _)| file);
    if name.contains(' ') { String::new() } else { name.trim_start_matches("./").to_owned() }
}

/// `Small`, `M`, `3 hours`, `2-3 hours`, `90m`, `2d`.
pub fn estimate(text: &str) -> Option<Estimate> {
    let lower = text.trim().trim_matches(['[', ']', '`']).to_lowercase();
    let word = lower.split([' ', ',', '(']).next().unwrap_or("");
    let size = match word {
        "xs" => Some(Size::ExtraSmall),
        "s" | "small" => Some(Size::Small),
        "m" | "medium" => Some(Size::Medium),
        "l" | "large" => Some(Size::Large),
        "xl" => Some(Size::ExtraLarge),
        _ => None,
    };
    if let Some(size) = size {
        return Some(Estimate::Size(size));
    }
    let number_len =
        |text: &str| text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let first = number_len(&lower);
    let min: f64 = lower[..first].parse().ok()?;
    let rest = lower[first..].trim_start();
    let (max, rest) = match rest.strip_prefix(['-', '–']) {
        Some(rest) => {
            let rest = rest.trim_start();
            let second = number_len(rest);
            (rest[..second].parse().ok()?, rest[second..].trim_start())
        }
        None => (min, rest),
    };
    let unit = match rest.split(|c: char| !c.is_alphabetic()).next().unwrap_or("") {
        "m" | "min" | "mins" | "minute" | "minutes" => 1.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 60.0,
        "d" | "day" | "days" => 8.0 * 60.0,
        "w" | "week" | "weeks" => 5.0 * 8.0 * 60.0,
        _ => return None,
    };
    Some(Estimate::Time { min_minutes: min * unit, max_minutes: max * unit })
}

/// A topic from a title, without the words that say what kind of file it is.
pub fn topic(title: &str, cut: &[&str]) -> String {
    let title = title.trim();
    let whole = title
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .filter(|inner| !inner.contains(['[', ']']));
    let mut topic = whole.unwrap_or(title).trim_matches(['*', '`']);
    let joins = |c: char| c.is_alphanumeric();
    for words in cut {
        if let Some(rest) = topic.strip_suffix(words).filter(|rest| !rest.ends_with(joins)) {
            topic = rest.trim_end();
        }
        if let Some(rest) = topic.strip_prefix(words).filter(|rest| !rest.starts_with(joins)) {
            topic = rest.trim_start();
        }
    }
    topic.trim_matches([' ', '-', ':', '–', '—', '`']).to_owned()
}
