//! What sentences say of who waits for what: `T003 depends on T001. T004 blocks T005; T006 → T007`.

use std::ops::Range;

/// Two stretches of a text: what waits, and what is waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What waits.
    pub waits: Range<usize>,
    /// What is waited for.
    pub on: Range<usize>,
}

/// How what stands on the two sides of a word goes together.
#[derive(Clone, Copy, PartialEq)]
enum Says {
    /// The left side waits for the right one.
    Waits,
    /// The right side waits for the left one.
    Blocks,
    /// The same, by a sign: one after the other.
    Arrow,
}

/// Words between two sides, the longer ones first.
const WORDS: [(&str, Says); 15] = [
    ("depends on", Says::Waits),
    ("depend on", Says::Waits),
    (" blocked by ", Says::Waits),
    (" requires ", Says::Waits),
    (" require ", Says::Waits),
    (" needs ", Says::Waits),
    (" need ", Says::Waits),
    (" after ", Says::Waits),
    ("依赖", Says::Waits),
    ("依賴", Says::Waits),
    (" blocks ", Says::Blocks),
    (" before ", Says::Blocks),
    ("-->", Says::Arrow),
    ("->", Says::Arrow),
    ("→", Says::Arrow),
];

/// Whether there can be a statement in a line. Nearly all lines have none, and finding one takes long.
pub fn may_state(line: &str) -> bool {
    let firsts = || WORDS.iter().filter_map(|(word, _)| word.split_ascii_whitespace().next());
    let is_sign = |word: &&str| !word.starts_with(|c: char| c.is_ascii_alphabetic());
    let mut words = line.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    firsts().filter(is_sign).filter_map(|sign| sign.chars().next_back()).any(|sign| line.contains(sign))
        || words.any(|word| firsts().any(|known| known.eq_ignore_ascii_case(word)))
}

/// All that the sentences of a text say.
pub fn statements(text: &str) -> Vec<Statement> {
    let lower = text.to_ascii_lowercase().replace(['\n', '\r'], " ");
    sentences(text).into_iter().flat_map(|sentence| of_sentence(text, &lower, sentence)).collect()
}

/// Where sentences stand; what is in brackets ends none.
fn sentences(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut from, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '（' => depth += 1,
            ')' | '）' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let next = text[at + c.len_utf8()..].chars().next();
        let stop = next.is_none_or(char::is_whitespace) || text[..at].ends_with([')', '）']);
        let ends = matches!(c, ';' | '；' | '。') || c == '.' && stop;
        if ends && depth == 0 {
            found.push(from..at);
            from = at + c.len_utf8();
        }
    }
    found.push(from..text.len());
    found
}

fn of_sentence(text: &str, lower: &str, sentence: Range<usize>) -> Vec<Statement> {
    let mut words: Vec<(usize, usize, Says)> = Vec::new();
    for (word, says) in WORDS {
        let places = lower[sentence.clone()].match_indices(word).map(|(at, _)| sentence.start + at);
        words.extend(places.map(|at| (at, at + word.len(), says)));
    }
    words.sort_unstable_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
    let mut last = 0;
    words.retain(|(start, end, _)| {
        *start >= last && {
            last = *end;
            true
        }
    });
    // What does not wait says nothing.
    words.retain(|(start, ..)| !is_denied(&lower[sentence.start..*start]));
    let mut found = Vec::new();
    for (nth, &(start, end, says)) in words.iter().enumerate() {
        let left = nth.checked_sub(1).map_or(sentence.start, |before| words[before].1)..start;
        let right = end..words.get(nth + 1).map_or(sentence.end, |after| after.0);
        // `T003 depends on T001, T005 depends on T004`: behind the last comma something else begins.
        let comma = |side: &Range<usize>| text[side.clone()].char_indices().rev().find(|(_, c)| matches!(c, ',' | '，'));
        let split = |side: Range<usize>, first: bool| match comma(&side).filter(|_| says != Says::Arrow) {
            Some((at, _)) if first => side.start..side.start + at,
            Some((at, sign)) => side.start + at + sign.len_utf8()..side.end,
            None => side,
        };
        let left = if nth > 0 { split(left, false) } else { left };
        let right = if nth + 1 < words.len() { split(right, true) } else { right };
        found.push(match says {
            Says::Waits => Statement { waits: left, on: right },
            Says::Blocks | Says::Arrow => Statement { waits: right, on: left },
        });
    }
    found
}

/// Whether what stands before a word turns it round: `does not depend on`.
pub fn is_denied(before: &str) -> bool {
    let before = before.trim_end();
    ["not", "n't", "never", "no longer", "without", "不"].iter().any(|no| before.ends_with(no))
}
