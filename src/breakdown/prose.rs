//! What sentences say of who waits for what: `T003 depends on T001. T004 blocks T005; T006 → T007`.

use super::refs::{Target, references};
use super::text::Text;
use aho_corasick::packed::Searcher;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

/// Two ranges of a text: what waits, and what is waited for.
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

/// Words of which a text has one where it says such things. Nearly all texts have none, and reading one for them takes long.
struct Shown(Option<Searcher>);

static OF_STATEMENTS: LazyLock<Shown> =
    LazyLock::new(|| Shown::by(WORDS.iter().map(|(word, _)| *word)));
static OF_WAITS: LazyLock<Shown> =
    LazyLock::new(|| Shown::by(WAIT_WORDS.iter().map(|(word, _)| *word)));
static OF_BEGINNINGS: LazyLock<Shown> = LazyLock::new(|| Shown::by(BEGIN_WORDS.into_iter()));

impl Shown {
    /// Words in small letters, in capital ones, and with a capital in front: in fixed letters they are found the fastest.
    fn by(words: impl Iterator<Item = &'static str>) -> Self {
        let titled = |word: &str| {
            let first = word.find(char::is_alphabetic);
            word.char_indices()
                .map(|(at, c)| if Some(at) == first { c.to_ascii_uppercase() } else { c })
                .collect()
        };
        let words: BTreeSet<String> =
            words.flat_map(|word| [word.to_owned(), titled(word), word.to_uppercase()]).collect();
        Self(Searcher::new(words))
    }

    /// Where words can't be looked for, there may be one.
    fn may_be_in(&self, text: &str) -> bool {
        self.0.as_ref().is_none_or(|words| words.find(text).is_some())
    }

    /// The lines of a text that may have one.
    fn lines(&self, text: &Text<'_>) -> Vec<bool> {
        let Some(words) = &self.0 else { return vec![true; text.lines.len() + 1] };
        text.lines_with(words.find_iter(text.all).map(|found| found.start()))
    }
}

/// Whether [`statements`] may find anything in a line.
pub fn may_state(line: &str) -> bool {
    OF_STATEMENTS.may_be_in(line)
}

/// Whether [`inline_dependencies`] may find anything in a title.
pub fn may_wait(title: &str) -> bool {
    OF_WAITS.may_be_in(title)
}

/// The lines in which [`beginnings`] may find anything.
pub fn may_begin(text: &Text<'_>) -> Vec<bool> {
    OF_BEGINNINGS.lines(text)
}

/// Words with which a heading says in brackets, or behind a dash, what it waits for.
const CONDITIONS: [&str; 7] =
    ["depends on", "depends", "after", "requires", "needs", "blocked by", "waits for"];

/// Where in a heading that stands which it waits for: `Ship (after Stream B)`, `Ship [depends on: B]`, `Ship — requires B`.
pub fn condition(heading: &str) -> Option<Range<usize>> {
    let opens = heading
        .char_indices()
        .rev()
        .filter(|(_, c)| matches!(c, '(' | '（' | '[' | '—' | '–' | '-'));
    opens.filter(|(at, c)| matches!(c, '(' | '（' | '[') || heading[..*at].ends_with(' ')).find_map(
        |(at, c)| {
            let inner = heading[at + c.len_utf8()..].trim_start();
            let word = CONDITIONS.iter().find(|word| {
                inner.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
            })?;
            let value = inner[word.len()..].strip_prefix([' ', ':'])?.trim_start();
            let close = match c {
                '(' | '（' => value.rfind([')', '）'])?,
                '[' => value.find(']')?,
                _ => value.trim_end().len(),
            };
            let start = heading.len() - value.len();
            Some(start..start + close)
        },
    )
}

/// Words for the beginning of something, and for what holds it back.
const BEGIN_WORDS: [&str; 7] =
    ["start", "begin", "proceed", "wait", "runs ", "depends on ", "blocked by "];
/// Words between such a word and what is waited for.
const AFTER_WORDS: [&str; 8] = ["after", "once", "when", "until", "for", "on", "by", "before"];
/// Words that may stand in front of what begins, where that is not named: `This phase must not start before …`.
const NOBODY: [&str; 23] = [
    "this", "the", "it", "stream", "track", "lane", "phase", "group", "team", "epic", "stage",
    "task", "story", "step", "work", "can", "may", "must", "should", "will", "only", "is", "do",
];
const NOT: [&str; 3] = ["not", "don't", "never"];

/// What sentences without somebody's name say of when something begins, each with where that starts: `Starts after
/// Stream A.`, `Do not begin before T004 is done`.
pub fn beginnings(text: &str) -> Vec<(usize, &str)> {
    sentences(text)
        .into_iter()
        .filter_map(|sentence| {
            beginning(&text[sentence.clone()])
                .map(|from| (sentence.start + from, &text[sentence.start + from..sentence.end]))
        })
        .collect()
}

/// Where in a sentence that stands which something waits for.
fn beginning(sentence: &str) -> Option<usize> {
    let word = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let words = sentence.split_inclusive(' ').scan(0, |at, piece| {
        *at += piece.len();
        Some((*at, word(piece)))
    });
    let mut words = words.filter(|(_, word)| !word.is_empty());
    let mut denied = false;
    let verb = loop {
        let (_, word) = words.next()?;
        match word.as_str() {
            word if NOT.contains(&word) => denied = true,
            word if NOBODY.contains(&word) => {}
            _ => break word,
        }
    };
    let begins =
        BEGIN_WORDS.iter().any(|known| verb.starts_with(known.split(' ').next().unwrap_or(known)))
            || verb == "run";
    let (at, after) =
        words.find(|(_, word)| !NOBODY.contains(&word.as_str())).filter(|_| begins)?;
    let fits = AFTER_WORDS.contains(&after.as_str()) && (after != "before" || denied);
    fits.then_some(at)
}

/// Words that begin what a task waits for, and whether they do so outside of brackets too.
const WAIT_WORDS: [(&str, bool); 15] = [
    ("dependencies", true),
    ("dependency", true),
    ("deps", true),
    ("depend", true),
    ("requires", false),
    ("after", false),
    ("needs", false),
    ("blocked by", true),
    ("depende de", true),
    ("dépend de", true),
    ("hängt ab von", true),
    ("зависит от", true),
    ("依存", true),
    ("依賴", true),
    ("依赖", true),
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
    // What does not wait says nothing.
    words.retain(|(start, ..)| !is_denied(&lower[sentence.start..*start]));
    let mut found = Vec::new();
    for (nth, &(start, end, says)) in words.iter().enumerate() {
        let left = nth.checked_sub(1).map_or(sentence.start, |before| words[before].1)..start;
        let right = end..words.get(nth + 1).map_or(sentence.end, |after| after.0);
        // `T003 depends on T001, T005 depends on T004`: behind the last comma something else begins.
        let comma = |side: &Range<usize>| {
            text[side.clone()].char_indices().rev().find(|(_, c)| matches!(c, ',' | '，'))
        };
        let split =
            |side: Range<usize>, first: bool| match comma(&side).filter(|_| says != Says::Arrow) {
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

/// What `(depends on T011, T013)`, `**Depends on**: T003` and the like name in a text of several lines, with where that
/// starts.
pub fn inline_dependencies(text: &str) -> Vec<(usize, &str)> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    let mut places: Vec<(usize, &str, bool)> = WAIT_WORDS
        .iter()
        .flat_map(|(word, alone)| lower.match_indices(word).map(|(at, word)| (at, word, *alone)))
        .collect();
    places.sort_unstable_by_key(|(at, word, _)| (*at, std::cmp::Reverse(word.len())));
    let mut last = 0;
    let nexts: Vec<usize> = places.iter().skip(1).map(|(at, ..)| *at).chain([text.len()]).collect();
    for ((start, word, alone), next) in places.into_iter().zip(nexts) {
        if start < last {
            continue;
        }
        let before = text[..start].trim_end_matches('*');
        let bracketed = before.ends_with(['(', '（']);
        let mut rest = &text[start + word.len()..];
        if word == "depend" {
            rest = rest.trim_start_matches('s').trim_start();
            let Some(on) = rest
                .strip_prefix("on")
                .or(Some(rest).filter(|rest| bracketed || rest.starts_with(':')))
            else {
                continue;
            };
            rest = on;
        }
        let names_a_field = rest.trim_start_matches('*').starts_with([':', '：']);
        let is_name = word.starts_with("dependenc") || word == "deps";
        if is_name && !names_a_field || is_denied(&lower[..start]) {
            continue;
        }
        // Such a word may be about anything where it stands alone, unless an id follows: `after T002`.
        let alone = alone || starts_with_id(rest.trim_start());
        if !(bracketed || alone) || before.ends_with(|c: char| c.is_ascii_alphanumeric()) {
            continue;
        }
        let rest = rest.trim_start_matches(['*', ':', '：', ' ', '\n', '\r', '\t']);
        let from = text.len() - rest.len();
        let ends: &[&str] = if bracketed {
            &[")", "）"]
        } else {
            &[")", "）", ". ", ".\n", ".\r", "; ", " — "]
        };
        // No further than to the next such word.
        let rest = if next > from { &rest[..rest.len().min(next - from)] } else { rest };
        let end = ends.iter().filter_map(|end| rest.find(end)).min().unwrap_or(rest.len());
        let value = rest[..end].trim_end_matches('.');
        if references(value)
            .iter()
            .any(|r| matches!(r.to, Target::Task(_) | Target::Range(..) | Target::AllBefore))
        {
            found.push((from, value));
            last = from + value.len();
        }
    }
    found
}

/// `T002`, `WP01`.
fn starts_with_id(text: &str) -> bool {
    let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
    (1..=4).contains(&letters)
        && text[letters..].trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit())
}
