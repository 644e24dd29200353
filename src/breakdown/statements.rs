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
    Goes,
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
    (" blocks ", Says::Goes),
    (" before ", Says::Goes),
    ("-->", Says::Goes),
    ("->", Says::Goes),
    ("→", Says::Goes),
];

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
    let mut found = Vec::new();
    for (nth, &(start, end, says)) in words.iter().enumerate() {
        let left = nth.checked_sub(1).map_or(sentence.start, |before| words[before].1)..start;
        let right = end..words.get(nth + 1).map_or(sentence.end, |after| after.0);
        // `T003 depends on T001, T005 depends on T004`: behind the last comma something else begins.
        let comma = |side: &Range<usize>| text[side.clone()].rfind([',', '，']).map(|at| side.start + at);
        let begins = |side: Range<usize>, ends_here: bool| match comma(&side).filter(|_| says == Says::Waits) {
            Some(at) if ends_here => side.start..at,
            Some(at) => at + 1..side.end,
            None => side,
        };
        let left = if nth > 0 { begins(left, false) } else { left };
        let right = if nth + 1 < words.len() && words[nth + 1].2 == Says::Waits { begins(right, true) } else { right };
        found.push(match says {
            Says::Waits => Statement { waits: left, on: right },
            Says::Goes => Statement { waits: right, on: left },
        });
    }
    found
}
