//! What a text refers to: tasks, ranges of tasks, streams.

use std::borrow::Cow;

/// A reference as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// What it points at.
    pub to: Target,
    /// Where it stands, in bytes from the start of the text that was given.
    pub at: usize,
    /// How long it is.
    pub len: usize,
}

/// What a reference points at.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// `Task 3`, `T012`, `B3`.
    Task(String),
    /// `T001-T009`.
    Range(String, String),
    /// `Stream A`, `Phase 2`.
    Stream(String),
    /// `Streams A-E`, `Phases 1-3`.
    Streams(String, String),
    /// `all previous tasks`.
    AllBefore,
    /// Something outside: `Supabase access`.
    External(String),
}

const NOTHING: [&str; 22] = [
    "nothing",
    "none",
    "—",
    "–",
    "-",
    "n/a",
    "na",
    "[]",
    "",
    "immediately",
    "parallel start",
    "없음",
    "なし",
    "無",
    "无",
    "nenhuma",
    "nenhum",
    "ninguna",
    "ninguno",
    "keine",
    "aucune",
    "нет",
];
const GROUP_LABELS: [&str; 30] = [
    "workstreams",
    "workstream",
    "tracks",
    "track",
    "lanes",
    "lane",
    "teams",
    "team",
    "agents",
    "agent",
    "stages",
    "stage",
    "iterations",
    "iteration",
    "batches",
    "batch",
    "lotes",
    "lote",
    "sprints",
    "sprint",
    "streams",
    "stream",
    "phases",
    "phase",
    "waves",
    "wave",
    "epics",
    "epic",
    "milestones",
    "milestone",
];
const TASK_LABELS: [&str; 16] = [
    "prs",
    "pr",
    "issues",
    "issue",
    "tasks",
    "task",
    "steps",
    "step",
    "stories",
    "story",
    "wps",
    "wp",
    "タスク",
    "任务",
    "任務",
    "작업",
];
/// Words that stand in front of a reference and add nothing to it.
const LEADS: [&str; 10] = [
    "requires ",
    "require ",
    "needs ",
    "depends on ",
    "blocked by ",
    "after ",
    "then ",
    "both ",
    "either ",
    "completion of ",
];
/// Such words in a row.
const MAX_LEADS: usize = 4;
/// What `all …` means all earlier tasks of.
const ALL_OF: [&str; 17] = [
    "implementation",
    "feature",
    "previous",
    "above",
    "prior",
    "preceding",
    "earlier",
    "other",
    "task",
    "test",
    "phase",
    "stream",
    "story",
    "stories",
    "step",
    "module",
    "component",
];
/// `all`, without anything behind it.
const ALL: [&str; 8] = ["all", "everything", "全部", "所有", "全て", "すべて", "전체", "모두"];

/// Reads a list of references: `Tasks 2, 4, 5 complete`, `A1, B3`, `T001-T009`, `Stream C`.
pub fn references(text: &str) -> Vec<Reference> {
    // Nearly all are one id.
    if id_len(text) == Some(text.len()) {
        return vec![Reference { to: Target::Task(text.to_owned()), at: 0, len: text.len() }];
    }
    let text = without_remarks(text);
    let bare = without_parentheses(text);
    let mut found = Vec::new();
    let mut group = false;
    for (at, piece) in pieces(&bare) {
        let (label, id, id_at) = take_label(piece);
        // An id alone is no other word.
        let said = if id_len(id) == Some(id.len()) { Said::Id } else { said(piece) };
        if said == Said::Nothing {
            continue;
        }
        match label {
            Some(Label::Group) => group = true,
            Some(Label::Task) => group = false,
            None => {}
        }
        if said == Said::All {
            found.push(Reference { to: Target::AllBefore, at, len: piece.len() });
            continue;
        }
        let (to, len) = if group { (stream(id), key_len(id)) } else { task(id) };
        let to = to.unwrap_or_else(|| Target::External(piece.trim().to_owned()));
        let external = matches!(to, Target::External(_));
        found.push(Reference {
            at: at + if external { 0 } else { id_at },
            len: if external { piece.len() } else { len },
            to,
        });
    }
    found
}

/// What a piece of a list says.
#[derive(PartialEq)]
enum Said {
    Nothing,
    All,
    Id,
}

fn said(piece: &str) -> Said {
    let lower = piece.trim().trim_end_matches('.').to_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| lower.starts_with(word));
    let beside = [" in parallel", " parallel with", " independent of"]
        .iter()
        .filter_map(|beside| lower.find(beside))
        .min();
    let beside =
        beside
            .or(Some(0)
                .filter(|_| begins(&["in parallel", "parallel with", "independent of", "not "])));
    let is_beside = beside
        .is_some_and(|at| id_len(take_label(piece.get(..at).unwrap_or_default()).1).is_none());
    if NOTHING.contains(&lower.as_str()) || begins(&["none ", "none.", "no dependenc"]) || is_beside
    {
        return Said::Nothing;
    }
    let of = lower.strip_prefix("all ").filter(|of| !of.bytes().any(|byte| byte.is_ascii_digit()));
    let of_known = of.is_some_and(|of| {
        of.split(' ').any(|word| ALL_OF.iter().any(|known| word.starts_with(known)))
    });
    if ALL.contains(&lower.as_str()) || of_known { Said::All } else { Said::Id }
}

/// What stands before another field, a remark behind a dash, or an exception.
fn without_remarks(text: &str) -> &str {
    if !text.bytes().any(|byte| matches!(byte, b'|' | b'#' | b'b' | b'x') || !byte.is_ascii()) {
        return text;
    }
    let before = |text: &str, ends: &[&str]| {
        ends.iter().filter_map(|end| text.find(end)).min().unwrap_or(text.len())
    };
    let text = text[..before(text, &[" | ", " # "])].trim_end_matches(['|', ' ']);
    // What stands behind a dash names nothing, unless it is the end of a range.
    let dash = [" — ", " – "].iter().filter_map(|dash| Some((text.find(dash)?, dash.len()))).min();
    let prose = dash.filter(|(at, len)| {
        !text[..*at].trim().is_empty()
            && id_len(take_label(text[at + len..].trim_start()).1).is_none()
    });
    let text = prose.map_or(text, |(at, _)| &text[..at]);
    // To wait for an exception too is too much, and loses nothing.
    &text[..before(text, &[" but not ", " except ", " excluding "])]
}

enum Label {
    Group,
    Task,
}

/// The same text with everything in parentheses and all marks around words blanked, so that places stay.
fn without_parentheses(text: &str) -> Cow<'_, str> {
    if !text.contains(['(', ')', '（', '）', '[', ']', '`', '*', '"', '~']) {
        return Cow::Borrowed(text);
    }
    let mut depth = 0_usize;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '(' | '（') {
            depth += 1;
        }
        if depth > 0 || matches!(c, '[' | ']' | '`' | '*' | '"' | '~') {
            out.extend(std::iter::repeat_n(' ', c.len_utf8()));
        } else {
            out.push(c);
        }
        if matches!(c, ')' | '）') {
            depth = depth.saturating_sub(1);
        }
    }
    Cow::Owned(out)
}

/// What stands between two pieces.
const SEPARATORS: [&str; 22] = [
    ",",
    "，",
    "、",
    ";",
    "；",
    "および",
    "以及",
    " 및 ",
    " 及 ",
    " and ",
    " or ",
    " e ",
    " y ",
    " et ",
    " und ",
    " и ",
    " & ",
    " + ",
    " plus ",
    "→",
    "\n",
    "\r",
];

/// Splits at commas and "and", with where each piece starts.
fn pieces(text: &str) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let mut keep = |from: usize, end: usize| {
        let piece = &text[from..end];
        let trimmed = piece.trim();
        if !trimmed.is_empty() {
            pieces.push((from + (piece.len() - piece.trim_start().len()), trimmed));
        }
    };
    let mut at = 0;
    while let Some(next) =
        text[at..].find([',', '，', '、', ';', '；', 'お', '以', ' ', '→', '/', '\n', '\r'])
    {
        at += next;
        match SEPARATORS.iter().find(|by| text[at..].starts_with(*by)) {
            Some(by) => {
                keep(from, at);
                at += by.len();
                from = at;
            }
            // `1/2` are two tasks, `docs/a1` is a path.
            None if text[at..].starts_with('/') => {
                let after_digit = at > 0 && text.as_bytes()[at - 1].is_ascii_digit();
                if after_digit && !text[from..at].contains('/') && id_len(&text[at + 1..]).is_some()
                {
                    keep(from, at);
                    from = at + 1;
                }
                at += 1;
            }
            None => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    keep(from, text.len());
    pieces
}

/// `Task 3 complete` → a label, what follows it and where that starts.
fn take_label(piece: &str) -> (Option<Label>, &str, usize) {
    if piece.starts_with(|c: char| c.is_ascii_digit()) {
        return (None, piece, 0);
    }
    let mut lead = 0;
    for _ in 0..MAX_LEADS {
        let Some(len) = LEADS.iter().chain(&["all "]).find_map(|lead_word| {
            let head = piece.get(lead..lead + lead_word.len())?;
            head.eq_ignore_ascii_case(lead_word).then_some(lead_word.len())
        }) else {
            break;
        };
        lead += len;
    }
    let labelled = |labels: &[&str]| {
        labels.iter().find_map(|label| {
            let (head, rest) =
                (piece.get(lead..lead + label.len())?, piece.get(lead + label.len()..)?);
            let ends = rest.starts_with([' ', '#', ':'])
                || !label.is_ascii() && rest.starts_with(|c: char| c.is_ascii_alphanumeric());
            (head.eq_ignore_ascii_case(label) && ends).then_some(lead + label.len())
        })
    };
    let (label, skip) = match labelled(&TASK_LABELS) {
        Some(skip) => (Some(Label::Task), skip),
        None => labelled(&GROUP_LABELS).map_or((None, lead), |skip| (Some(Label::Group), skip)),
    };
    let rest = piece[skip..].trim_start_matches([' ', '#', ':']);
    (label, rest, piece.len() - rest.len())
}

/// How long the first word of a text is.
fn key_len(text: &str) -> usize {
    text.find([' ', '\t', '\'', '’']).unwrap_or(text.len())
}

fn stream(text: &str) -> Option<Target> {
    let word = text.split([' ', '\t', '\'', '’']).next()?.trim_end_matches(['.', ':']);
    let ends = word.split_once(['-', '–', '~']).filter(|(from, to)| {
        let same = |is: fn(&u8) -> bool| {
            !from.is_empty()
                && !to.is_empty()
                && from.bytes().chain(to.bytes()).all(|byte| is(&byte))
        };
        from.len() == 1 && to.len() == 1 && same(u8::is_ascii_uppercase) || same(u8::is_ascii_digit)
    });
    if let Some((from, to)) = ends {
        return Some(Target::Streams(from.to_owned(), to.to_owned()));
    }
    let key = word.len() <= 6 && (word.chars().next()?.is_ascii_digit() || word.len() <= 2);
    key.then(|| Target::Stream(word.to_owned()))
}

fn task(text: &str) -> (Option<Target>, usize) {
    let Some(first) = id_len(text) else { return (None, 0) };
    let (id, rest) = text.split_at(first);
    for by in ["-", "–", "—", "…", "...", " to ", " through ", "~", " - ", " – "] {
        let Some(after) = rest.strip_prefix(by) else { continue };
        let (_, after_trimmed, _) = take_label(after.trim_start());
        if let Some(second) = id_len(after_trimmed) {
            let len = first + by.len() + (after.len() - after_trimmed.len()) + second;
            // `Task 1 - 3D renderer` is no range.
            if by.starts_with(' ')
                && by.contains(['-', '–'])
                && !after_trimmed[second..].trim_end_matches(['.', ' ']).is_empty()
            {
                continue;
            }
            return (Some(Target::Range(id.to_owned(), after_trimmed[..second].to_owned())), len);
        }
    }
    // What follows an id may only be words about it ("complete", "is done"), or it was no id.
    let fits = rest.is_empty() || rest.starts_with([' ', '.', ':', '\t']);
    if rest.starts_with(|c: char| !c.is_ascii() && c.is_alphabetic()) {
        return (Some(Target::Task(id.to_owned())), first);
    }
    let word = rest.split_whitespace().next().unwrap_or("").to_lowercase();
    let about = [
        "",
        "complete",
        "completes",
        "completed",
        "completion",
        "done",
        "is",
        "must",
        "finished",
        "first",
        "—",
        "–",
        "-",
        ".",
        ":",
        "for",
        "from",
        "tasks",
        "in",
        "so",
        "parallel",
    ];
    let known = about.contains(&word.trim_end_matches(['.', ':', ';'])) || word.starts_with('#');
    if fits && known { (Some(Target::Task(id.to_owned())), first) } else { (None, 0) }
}

/// What a text names among other words: by a label (`the API of Task 3`), or by an id that no number of things could
/// be (`T-020 contracts`).
pub fn named_within(text: &str) -> Vec<Reference> {
    let bare = without_parentheses(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < bare.len() {
        let rest = &bare[at..];
        let begins =
            at == 0 || !bare[..at].ends_with(|c: char| c.is_alphanumeric() || c == '-' || c == '.');
        let (label, id, id_at) = if begins { take_label(rest) } else { (None, rest, 0) };
        let named = match label {
            Some(Label::Group) => stream(id).map(|to| (to, key_len(id))),
            Some(Label::Task) => id_len(id).map(|len| (Target::Task(id[..len].to_owned()), len)),
            None => {
                let len = if begins { id_len(rest) } else { None };
                let sure = len.filter(|len| {
                    rest.starts_with(|c: char| c.is_ascii_alphabetic())
                        || rest[..*len].contains('.')
                });
                sure.map(|len| (Target::Task(rest[..len].to_owned()), len))
            }
        };
        match named {
            Some((to, len)) => {
                let skip = if label.is_some() { id_at } else { 0 };
                found.push(Reference { to, at: at + skip, len });
                at += (skip + len).max(1);
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    found
}

/// How long the task id at the start of a text is: letters, digits with dots, a suffix.
pub fn id_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let letters = bytes.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    if letters > 5 {
        return None;
    }
    let mut at = letters;
    let dash = usize::from(
        letters > 0
            && bytes.get(at) == Some(&b'-')
            && bytes.get(at + 1).is_some_and(u8::is_ascii_digit),
    );
    at += dash;
    let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 || digits > 9 {
        return None;
    }
    at += digits;
    while bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
        at += 1 + bytes[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
    }
    let letter = bytes.get(at).is_some_and(u8::is_ascii_alphabetic)
        && !bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
    at += usize::from(letter);
    // `4a.1`.
    if letter && bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
        at += 1 + bytes[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
    }
    let suffix =
        bytes.get(at) == Some(&b'-') && bytes.get(at + 1).is_some_and(u8::is_ascii_uppercase);
    if suffix {
        let len = bytes[at + 1..].iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        // `T001-T009` is a range, `T031-MIN` an id.
        let word = &text[at + 1..at + 1 + len];
        if word.bytes().all(|b| b.is_ascii_uppercase()) {
            at += 1 + len;
        }
    }
    (!bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b == b'/'))
        .then_some(at)
}

/// All task ids and ranges anywhere in a text that start with a letter (`T001`, `T004-T007`).
pub fn ids_in(text: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let starts = text.as_bytes()[at].is_ascii_uppercase()
            && (at == 0 || !text.as_bytes()[at - 1].is_ascii_alphanumeric());
        // `T005/T006` are two.
        if !starts {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        }
        let word = text.as_bytes()[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
            .count();
        let two = text[at + word..]
            .strip_prefix('/')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
        let end = if two { at + word } else { text.len() };
        let len = id_len(&text[at..end]).or_else(|| id_len(&text[at..]));
        match len {
            Some(_) => {
                let piece: String = text[at..]
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '–' | '.'))
                    .collect();
                for reference in references(piece.trim_end_matches(['.', '-'])) {
                    if matches!(reference.to, Target::Task(_) | Target::Range(..)) {
                        found.push(Reference { at: at + reference.at, ..reference });
                    }
                }
                at += piece.len().max(1);
            }
            None => at += word.max(1),
        }
    }
    found
}
