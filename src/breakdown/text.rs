//! A text as lines, with what hides tasks (fences, comments, front matter) marked, and the small
//! pieces that all Markdown formats share: headings, list items, boxes, fields.

use super::forms::{is_group, numbered_task};
use super::state_words::mark_of;
use crate::core::event::Mark;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::borrow::Cow;
use std::ops::Range;

/// How far the items of one list are looked for.
const SIBLINGS: usize = 400;

/// A text and its lines.
pub struct Text<'a> {
    /// The whole text.
    pub all: &'a str,
    /// Its lines, without their ends.
    pub lines: Vec<Line<'a>>,
    /// Fenced blocks, as line ranges with the fences themselves.
    pub fences: Vec<Range<usize>>,
    /// The files that it is made of; one without a name where nothing else is known.
    pub files: Vec<File<'a>>,
}

/// A file of a breakdown: of a folder, several stand one after the other in one text.
#[derive(Clone, Debug, PartialEq)]
pub struct File<'a> {
    /// Its path, from the breakdown's folder on for one of several; with `/` between its parts.
    pub path: &'a str,
    /// Its bytes in the whole text.
    pub range: Range<usize>,
    /// Its lines in those of the whole text.
    pub lines: Range<usize>,
}

impl File<'_> {
    /// Whether it is Markdown, and no JSON or YAML.
    pub fn is_markdown(&self, all: &str) -> bool {
        let ends = |ends: &[&str]| ends.iter().any(|end| self.path.ends_with(end));
        let start = all[self.range.clone()].trim_start_matches('\u{feff}').trim_start();
        let is_list = start
            .strip_prefix('[')
            .is_some_and(|rest| rest.trim_start().starts_with(['{', '"', '[', ']']));
        !(ends(&[".json", ".jsonl", ".yaml", ".yml"])
            || start.starts_with('{')
            || is_list
            || start.starts_with("development_status:"))
    }

    /// Its name without its folders.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }
}

/// One line.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Where it starts, in bytes of the whole text.
    pub start: usize,
    /// Its text.
    pub text: &'a str,
    /// Inside a fence, a comment or front matter.
    pub hidden: bool,
    /// An item of a list whose other items have boxes.
    pub among_boxes: bool,
    /// How many levels deeper the headings of its file are than they need to be.
    shift: u8,
    /// Blanks in front, a tab counting four, and the bytes that they take: all that is read of a line begins with them.
    indent: u16,
    blanks: u16,
}

impl<'a> Text<'a> {
    /// Splits a text. CommonMark says what is a fence, whatever it looks like.
    pub fn new(all: &'a str) -> Self {
        Self::with_files(all, &[("", 0..all.len())])
    }

    /// Splits a text that is made of files, each with its path and its bytes.
    pub fn with_files(all: &'a str, files: &[(&'a str, Range<usize>)]) -> Self {
        let mut text = Self {
            all,
            lines: Vec::with_capacity(all.len() / 32),
            fences: Vec::new(),
            files: Vec::new(),
        };
        for (path, range) in files {
            let (first, mut start) = (text.lines.len(), range.start);
            for piece in all[range.clone()].split_inclusive('\n') {
                let line = piece.strip_suffix('\n').unwrap_or(piece);
                let line = line.strip_suffix('\r').unwrap_or(line);
                // A mark of the encoding is none of the text.
                let bare =
                    if start == range.start { line.trim_start_matches('\u{feff}') } else { line };
                text.lines.push(Line::from_text(start + line.len() - bare.len(), bare));
                start += piece.len();
            }
            text.files.push(File { path, range: range.clone(), lines: first..text.lines.len() });
            if !path.ends_with(".json") && !path.ends_with(".jsonl") {
                text.hide(range.clone());
            }
        }
        text.find_siblings();
        text.level_headings();
        text
    }

    /// A file whose only heading of the highest level is a title below the first level has its headings as deep as if it
    /// were one of the first.
    fn level_headings(&mut self) {
        for file in &self.files {
            let visible = self.lines[file.lines.clone()].iter().filter(|line| !line.hidden);
            let mut headings =
                visible.filter_map(|line| line.heading()).map(|(level, _, text)| (level, text));
            let Some((first, title)) = headings.next().filter(|(first, _)| *first > 1) else {
                continue;
            };
            let mut others = headings.peekable();
            let is_title = others.peek().is_some() && others.all(|(level, _)| level > first);
            if is_title && !is_group(title) && numbered_task(title).is_none() {
                let shift = u8::try_from(first - 1).unwrap_or(0);
                self.lines[file.lines.clone()].iter_mut().for_each(|line| line.shift = shift);
            }
        }
    }

    /// Finds items that begin with a bracket that could be a box, among items that have one.
    fn find_siblings(&mut self) {
        let candidate = |line: &Line<'_>| {
            let item = line.item().filter(|item| !line.hidden && item.text.starts_with('['));
            let is_link = |text: &str| {
                text.split_once(']').is_some_and(|(_, rest)| rest.starts_with(['(', '[', ':']))
            };
            item.filter(|item| tick(item.text).is_none() && !is_link(item.text))
                .map(|_| line.indent())
        };
        let found: Vec<(usize, usize)> = self
            .lines
            .iter()
            .enumerate()
            .filter_map(|(at, line)| Some((at, candidate(line)?)))
            .collect();
        for (at, indent) in found {
            // As far as the list goes on: what is deeper, or blank, does not end it.
            let goes_on = |line: &&Line<'_>| {
                line.is_blank() || line.indent() >= indent && line.heading().is_none()
            };
            let is_box = |line: &Line<'_>| {
                line.indent() == indent && line.item().is_some_and(|item| tick(item.text).is_some())
            };
            let before =
                self.lines[..at].iter().rev().take(SIBLINGS).take_while(goes_on).any(is_box);
            let after =
                || self.lines[at + 1..].iter().take(SIBLINGS).take_while(goes_on).any(is_box);
            self.lines[at].among_boxes = before || after();
        }
    }

    fn hide(&mut self, file: Range<usize>) {
        let source = &self.all[file.clone()];
        // Most texts have none of what hides anything, and reading Markdown costs as much as all
        // that comes after it.
        if !["```", "~~~", "<!--"].iter().any(|mark| source.contains(mark))
            && !source.starts_with("---")
        {
            return;
        }
        let whole = |range: &Range<usize>| file.start + range.start..file.start + range.end;
        let options = Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
        let mut inside_html: Option<usize> = None;
        for (event, range) in Parser::new_ext(source, options).into_offset_iter() {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => {
                    let lines = self.line_range(&whole(&range));
                    self.fences.push(lines.clone());
                    self.hide_lines(lines);
                }
                Event::Start(Tag::MetadataBlock(_)) => {
                    let lines = self.line_range(&whole(&range));
                    self.hide_lines(lines);
                }
                Event::Start(Tag::HtmlBlock) => inside_html = Some(range.start),
                Event::End(TagEnd::HtmlBlock) => {
                    let from = inside_html.take().unwrap_or(range.start);
                    if source[from..].trim_start().starts_with("<!--") {
                        let lines = self.line_range(&whole(&(from..range.end)));
                        self.hide_lines(lines);
                    }
                }
                _ => {}
            }
        }
    }

    fn hide_lines(&mut self, lines: Range<usize>) {
        for line in &mut self.lines[lines] {
            line.hidden = true;
        }
    }

    fn line_range(&self, bytes: &Range<usize>) -> Range<usize> {
        let first = self.line_at(bytes.start);
        let last = self.line_at(bytes.end.saturating_sub(1).max(bytes.start));
        first..(last + 1).min(self.lines.len())
    }

    /// The index of the line that a byte is on.
    pub fn line_at(&self, offset: usize) -> usize {
        self.lines.partition_point(|line| line.start <= offset).saturating_sub(1)
    }

    /// The lines that bytes are on, which mostly come in the order of the text.
    pub fn lines_at(&self, offsets: impl Iterator<Item = usize>) -> impl Iterator<Item = usize> {
        let mut last = 0;
        offsets.map(move |offset| {
            let holds = |at: usize| {
                self.lines.get(at).is_some_and(|line| line.start <= offset)
                    && self.lines.get(at + 1).is_none_or(|next| offset < next.start)
            };
            last = (last..last + 4).find(|at| holds(*at)).unwrap_or_else(|| self.line_at(offset));
            last
        })
    }

    /// For each line, whether one of the bytes is on it.
    pub fn lines_with(&self, offsets: impl Iterator<Item = usize>) -> Vec<bool> {
        let mut with = vec![false; self.lines.len() + 1];
        self.lines_at(offsets).for_each(|at| with[at] = true);
        with
    }

    /// Line and column of a byte in its file, both from 1; the column counts characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let at = self.line_at(offset);
        let Some(line) = self.lines.get(at) else { return (1, 1) };
        let before = line
            .text
            .get(..offset.saturating_sub(line.start).min(line.text.len()))
            .unwrap_or(line.text);
        // A file without any line still has a first one.
        (
            (at + 1).saturating_sub(self.file_at(offset).map_or(0, |file| file.lines.start)).max(1),
            before.chars().count() + 1,
        )
    }

    /// The file that a byte is in.
    pub fn file_at(&self, offset: usize) -> Option<&File<'a>> {
        let at = self.files.partition_point(|file| file.range.start <= offset);
        self.files.get(at.saturating_sub(1))
    }

    /// The lines of a file that are not hidden.
    pub fn visible_in(&self, file: &File<'a>) -> Vec<Line<'a>> {
        self.lines[file.lines.clone()].iter().filter(|line| !line.hidden).copied().collect()
    }

    /// The same of Markdown files only: JSON and YAML have values.
    pub fn prose(&self) -> impl Iterator<Item = (usize, Line<'a>)> {
        let files = self.files.iter().filter(|file| file.is_markdown(self.all));
        files
            .flat_map(|file| file.lines.clone())
            .map(|at| (at, self.lines[at]))
            .filter(|(_, line)| !line.hidden)
    }

    /// Lines that are not hidden, with their indices.
    pub fn visible(&self) -> impl Iterator<Item = (usize, Line<'a>)> {
        self.lines.iter().copied().enumerate().filter(|(_, line)| !line.hidden)
    }
}

impl<'a> Line<'a> {
    /// A piece of text as a line of its own.
    pub fn from_text(start: usize, text: &'a str) -> Self {
        let blanks = text.len() - text.trim_start().len();
        let front = text.bytes().take_while(|byte| matches!(byte, b' ' | b'\t'));
        let indent = front.map(|byte| if byte == b'\t' { 4 } else { 1 }).sum();
        let short = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
        Self {
            start,
            text,
            hidden: false,
            among_boxes: false,
            shift: 0,
            indent: short(indent),
            blanks: short(blanks),
        }
    }

    /// Where its text ends, without blanks.
    pub fn end(&self) -> usize {
        self.start + self.text.trim_end().len()
    }

    /// Its text with its blanks in front, as a range of the whole text.
    pub fn span(&self) -> Range<usize> {
        self.start..self.end()
    }

    /// Blanks in front, a tab counting four; of very many, some.
    pub fn indent(&self) -> usize {
        usize::from(self.indent)
    }

    /// Whether there is nothing on it.
    pub fn is_blank(&self) -> bool {
        self.body().is_empty()
    }

    /// The text without blanks in front.
    pub fn body(&self) -> &'a str {
        match self.blanks {
            u16::MAX => self.text.trim_start(),
            blanks => &self.text[usize::from(blanks)..],
        }
    }

    /// The text without blanks around it, and where that starts.
    pub fn trimmed(&self) -> (usize, &'a str) {
        let body = self.body();
        (self.start + self.text.len() - body.len(), body.trim_end())
    }

    /// The level and the text of a heading, with where the text starts.
    pub fn heading(&self) -> Option<(usize, usize, &'a str)> {
        // Nearly all lines are none.
        if !self.body().starts_with('#') {
            return None;
        }
        let (start, body) = self.trimmed();
        let level = body.bytes().take_while(|b| *b == b'#').count();
        let rest = &body[level..];
        if level > 6 || self.indent() > 3 || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
            return None;
        }
        let text = without_signs(rest.trim_start());
        Some((
            level.saturating_sub(usize::from(self.shift)).max(1),
            start + body.len() - text.len(),
            text.trim_end_matches('#').trim_end(),
        ))
    }

    /// What follows a list marker (`-`, `*`, `+`, `1.`, `1)`), with where it starts and the
    /// number of a numbered one.
    pub fn item(&self) -> Option<Item<'a>> {
        if !self.body().starts_with(|c: char| matches!(c, '-' | '*' | '+') || c.is_ascii_digit()) {
            return None;
        }
        let (start, body) = self.trimmed();
        let digits = body.bytes().take_while(u8::is_ascii_digit).count();
        let (marker, number) = match body.as_bytes() {
            [b'-' | b'*' | b'+', ..] => (1, None),
            bytes
                if (1..=9).contains(&digits) && matches!(bytes.get(digits), Some(b'.' | b')')) =>
            {
                (digits + 1, Some(&body[..digits]))
            }
            _ => return None,
        };
        let rest = &body[marker..];
        if !rest.starts_with([' ', '\t']) {
            return None;
        }
        let text = rest.trim_start();
        Some(Item {
            number,
            start: start + body.len() - text.len(),
            text,
            among_boxes: self.among_boxes,
        })
    }
}

/// Signs that say how something stands; others in front of a heading are decoration.
const STATE_SIGNS: [char; 14] =
    ['✅', '✔', '☑', '✓', '🔄', '⬜', '⏳', '🚧', '⏭', '🚫', '❌', '⏸', '☐', '□'];

/// A heading's text without signs in front that say nothing.
fn without_signs(text: &str) -> &str {
    let is_sign = |c: char| {
        !c.is_ascii()
            && !c.is_alphanumeric()
            && !STATE_SIGNS.contains(&c)
            && !matches!(c, '「' | '『' | '【' | '“' | '«' | '¿' | '¡')
    };
    let bare = text.trim_start_matches(|c: char| is_sign(c) || c == ' ');
    if bare.is_empty() { text } else { bare }
}

/// A list item.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The number of a numbered one.
    pub number: Option<&'a str>,
    /// Where its text starts.
    pub start: usize,
    /// Its text.
    pub text: &'a str,
    among_boxes: bool,
}

impl<'a> Item<'a> {
    /// The box that it begins with.
    pub fn tick(&self) -> Option<Tick<'a>> {
        if self.among_boxes { tick_among_boxes(self.text) } else { tick(self.text) }
    }

    /// Whether it begins with a bracket that is no box, where those beside it begin with one.
    pub fn lacks_its_box(&self) -> bool {
        self.among_boxes
            && self.tick().is_none()
            && !self.text.starts_with("[^")
            && !self.text.starts_with("[]")
            && self.text.contains(']')
    }
}

/// A box `[x]` at the start of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tick<'a> {
    /// What it means: a sign as it stands in it, `x` for what says that it is done, a blank for all other words.
    pub mark: char,
    /// What stands in it.
    pub inner: &'a str,
    /// Where that stands, in bytes of what was given.
    pub at: usize,
    /// What follows, with where it starts.
    pub rest: &'a str,
    /// Where that starts, in bytes of what was given.
    pub rest_at: usize,
}

/// The longest word in a box.
const BOX_BYTES: usize = 16;
/// Signs that say that something is done.
const DONE_SIGNS: [char; 6] = ['x', 'X', '✓', '✔', '✅', '☑'];
/// Signs that say that it is not, in one way or another.
const OPEN_SIGNS: [char; 14] =
    [' ', '-', '~', '>', '!', '/', '☐', '□', '⬜', '⏳', '🔄', '🚧', '⏸', '⏭'];

/// Words for a state, as they stand in boxes, without blanks.
const STATE_WORDS: [&str; 16] = [
    "done",
    "completed",
    "complete",
    "finished",
    "wip",
    "doing",
    "inprogress",
    "in-progress",
    "todo",
    "pending",
    "blocked",
    "skip",
    "skipped",
    "cancelled",
    "deferred",
    "n/a",
];

/// Reads a box: a blank, `x`, one sign, a word for a state, a percentage. Letters are tags, links are none.
pub fn tick(text: &str) -> Option<Tick<'_>> {
    let is_box = |tick: &Tick<'_>, len: usize| match len {
        0 => true,
        1 => matches!(tick.mark, 'x' | 'X') || !tick.mark.is_alphanumeric(),
        _ => state_word(tick.inner).is_some(),
    };
    bracketed(text).filter(|(tick, len)| is_box(tick, *len)).map(|(tick, _)| tick)
}

/// The same among boxes, where another letter or digit is a mark too; `[P]` and `[D]` are tags all the same.
pub fn tick_among_boxes(text: &str) -> Option<Tick<'_>> {
    tick(text).or_else(|| {
        bracketed(text)
            .filter(|(tick, len)| *len == 1 && !matches!(tick.mark, 'P' | 'D'))
            .map(|(tick, _)| tick)
    })
}

/// What stands between brackets at the start of a text, and how many characters of it can be seen.
fn bracketed(text: &str) -> Option<(Tick<'_>, usize)> {
    // Nearly all boxes look so.
    if let [b'[', mark @ (b' ' | b'x' | b'X'), b']', b' ', next, ..] = text.as_bytes()
        && next.is_ascii_graphic()
    {
        let len = usize::from(*mark != b' ');
        return Some((
            Tick {
                mark: char::from(*mark),
                inner: &text[1..2],
                at: 1,
                rest: &text[4..],
                rest_at: 4,
            },
            len,
        ));
    }
    let inside = text.strip_prefix('[')?;
    let end = inside
        .bytes()
        .take(BOX_BYTES)
        .position(|byte| matches!(byte, b']' | b'['))
        .filter(|end| inside.as_bytes()[*end] == b']')?;
    let (inner, rest) = (&inside[..end], &inside[end + 1..]);
    let mut seen = inner.chars().filter(|c| !c.is_whitespace() && !is_unseen(*c));
    let first = seen.next();
    let len = usize::from(first.is_some()) + seen.count();
    // `[text](link)`, `[text][reference]`, `[text]: definition`, `[^1]`, `[x]]`.
    let is_link = rest.starts_with('(') || rest.starts_with(['[', ':', ']']) && len > 0;
    if inner.is_empty() || is_link || first == Some('^') {
        return None;
    }
    let body = rest.trim_start_matches(|c: char| c.is_whitespace() || is_unseen(c));
    let mark = match first {
        None => ' ',
        Some(sign) if len == 1 => sign,
        _ if state_word(inner) == Some(Some(Mark::Done)) => 'x',
        _ => ' ',
    };
    Some((Tick { mark, inner, at: 1, rest: body, rest_at: text.len() - body.len() }, len))
}

/// What a word in a box says; nothing where it is none for a state.
pub fn state_word(inner: &str) -> Option<Option<Mark>> {
    if inner.len() < 2 {
        return None;
    }
    let bare: String = inner
        .chars()
        .filter(|c| !c.is_whitespace() && !is_unseen(*c))
        .flat_map(char::to_lowercase)
        .collect();
    if let Some(digits) = bare.strip_suffix('%') {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        return is_number.then(|| (digits == "100").then_some(Mark::Done));
    }
    STATE_WORDS.contains(&bare.as_str()).then(|| mark_of(&bare))
}

/// Characters without width, and what only says how the one before is drawn.
pub fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{fe0e}' | '\u{fe0f}')
}

impl Tick<'_> {
    /// Whether it counts as done.
    pub fn done(&self) -> bool {
        DONE_SIGNS.contains(&self.mark)
    }

    /// Whether it is known what its mark means.
    pub fn is_known(&self) -> bool {
        self.done() || OPEN_SIGNS.contains(&self.mark)
    }
}

/// A field of a task or a stream: `Dependencies: Task 1 complete`.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name in lower case.
    pub name: String,
    /// Its name as written.
    pub label: String,
    /// Its value, wrapped lines joined.
    pub value: String,
    /// Where the value starts.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// What may be a field, or more of one.
struct Entry<'a> {
    depth: usize,
    start: usize,
    end: usize,
    text: Cow<'a, str>,
}

/// The fields of some lines. A bullet or a blank line starts a new entry, other lines go on with
/// the one before; bold names run together on one line are taken apart.
pub fn fields(lines: &[Line<'_>]) -> Vec<Field> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut open = false;
    for line in lines.iter().filter(|line| !line.hidden) {
        let (start, body) = line.trimmed();
        if body.is_empty() {
            open = false;
        } else if let Some(item) = line.item() {
            entries.push(Entry {
                depth: line.indent() + 1,
                start: item.start,
                end: line.end(),
                text: Cow::Borrowed(item.text),
            });
            open = true;
        } else if open
            && !["**", "📝", "_"].iter().any(|sign| body.starts_with(sign))
            && !begins_a_field(body)
        {
            if let Some(entry) = entries.last_mut() {
                let text = entry.text.to_mut();
                text.push(' ');
                text.push_str(body);
                entry.end = line.end();
            }
        } else {
            let text = body.trim_start_matches('📝').trim_start();
            entries.push(Entry {
                depth: 0,
                start: start + body.len() - text.len(),
                end: line.end(),
                text: Cow::Borrowed(text),
            });
            open = true;
        }
    }
    let mut fields: Vec<Field> = Vec::new();
    let (mut depth, mut empty) = (0, false);
    for Entry { depth: indent, start, end, text } in entries {
        let split = split_fields(&text, start, end);
        if split.is_empty() {
            // A bullet under a field with no value of its own belongs to it; under one that has a value, where it is
            // nested and what it says can be more than one thing.
            let more =
                empty || depth > 0 && !fields.last().is_some_and(|field| names_tasks(&field.name));
            if let Some(last) = fields.last_mut().filter(|_| indent > depth && more) {
                if last.value.is_empty() {
                    last.start = start;
                } else {
                    last.value.push('\n');
                }
                last.value.push_str(&text);
                last.end = end;
            }
        } else {
            depth = indent;
            fields.extend(split);
            empty = fields.last().is_some_and(|field| field.value.is_empty());
        }
    }
    fields
}

/// Whether a field has tasks as its value.
pub fn names_tasks(name: &str) -> bool {
    ["depend", "prereq", "requires", "blocked", "after", "依赖", "依賴", "依存", "의존성"]
        .iter()
        .any(|word| name.starts_with(word))
        || ["needs", "waits for"].contains(&name)
}

/// Names that begin a field wherever they stand: such a line goes on with nothing before it.
const FIELD_NAMES: [&str; 16] = [
    "depends on",
    "dependencies",
    "prerequisites",
    "requires",
    "blocked by",
    "run",
    "command",
    "agent",
    "files",
    "file",
    "estimate",
    "effort",
    "size",
    "skills",
    "objective",
    "tests first",
];

fn begins_a_field(body: &str) -> bool {
    body.split_once(':').is_some_and(|(name, _)| {
        FIELD_NAMES.iter().any(|known| name.trim().eq_ignore_ascii_case(known))
    })
}

/// `Name: value`, `**Name**: value`, `**Name:** value`, several bold ones in a row.
fn split_fields(text: &str, start: usize, end_of_all: usize) -> Vec<Field> {
    let mut heads: Vec<(usize, usize, String)> = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find("**").map(|at| from + at) {
        let Some(close) = text[open + 2..].find("**").map(|at| open + 2 + at) else { break };
        let name = &text[open + 2..close];
        let after = close + 2;
        if let Some(name) = name.strip_suffix([':', '：']) {
            heads.push((open, after, name.to_owned()));
        } else if let Some(colon) = text[after..].chars().next().filter(|c| matches!(c, ':' | '：'))
        {
            heads.push((open, after + colon.len_utf8(), name.to_owned()));
        }
        from = after;
    }
    if heads.first().is_none_or(|(at, _, _)| !text[..*at].trim().is_empty()) {
        let Some((colon, sign)) = text.char_indices().find(|(_, c)| matches!(c, ':' | '：'))
        else {
            return Vec::new();
        };
        let after = colon + sign.len_utf8();
        let name = text[..colon].trim_matches(['*', '_', '`', ' ']);
        let plausible = !name.is_empty()
            && name.chars().count() <= 32
            && name.split_whitespace().count() <= 4
            && !name.contains(['/', '(', '[', '.']);
        if !plausible
            || text[after..].starts_with("//")
            || heads.first().is_some_and(|(at, _, _)| *at < colon)
        {
            return Vec::new();
        }
        heads.insert(0, (0, after, name.to_owned()));
        heads.truncate(1);
    }
    let ends: Vec<usize> = heads.iter().skip(1).map(|(at, _, _)| *at).chain([text.len()]).collect();
    let field = |((_, from, label), end): ((usize, usize, String), usize)| {
        let raw = &text[from..end];
        // `_Requirements: 1.1_` is in italics as a whole.
        let italics = text.starts_with('_') && raw.trim_end().ends_with('_');
        let value = if italics { raw.trim().trim_end_matches('_') } else { raw.trim() };
        Field {
            name: label.trim().to_lowercase(),
            label: label.trim().to_owned(),
            value: value.to_owned(),
            start: start + from + (raw.len() - raw.trim_start().len()),
            // What was joined from several lines is longer in them.
            end: if end == text.len() { end_of_all } else { start + from + raw.trim_end().len() },
        }
    };
    heads.into_iter().zip(ends).map(field).collect()
}

/// Characters of a title that goes on over several lines.
const TITLE_CHARS: usize = 400;

/// The lines below an item that go on with its first sentence, because people wrap their lines: as many as are deeper than
/// it and begin nothing else.
pub fn wrapped<'l, 'a>(line: &Line<'_>, after: &'l [Line<'a>]) -> &'l [Line<'a>] {
    let mut chars = line.text.chars().count();
    let mut goes_on = |next: &&Line<'_>| {
        let body = next.text.trim();
        let begins = ["|", ">", "_", "**", "<!--", "```", "~~~", "(depends", "(Depends", "📝"]
            .iter()
            .any(|sign| body.starts_with(sign));
        chars += body.chars().count();
        !body.is_empty()
            && next.indent() > line.indent()
            && next.item().is_none()
            && !begins
            && !begins_a_field(body)
            && chars < TITLE_CHARS
    };
    let follows = |at: usize| {
        at == 0 || after[at].start <= after[at - 1].start + after[at - 1].text.len() + 2
    };
    let count =
        after.iter().enumerate().take_while(|(at, next)| follows(*at) && goes_on(next)).count();
    &after[..count]
}

/// A title with what it goes on with.
pub fn joined(title: &str, wrapped: &[Line<'_>]) -> String {
    wrapped.iter().fold(title.trim_end().to_owned(), |title, line| title + " " + line.text.trim())
}

/// A title without bold marks, trailing signs of state and blanks.
pub fn clean_title(text: &str) -> String {
    let has_marks = text.contains(['*', '~']);
    let text: Cow<'_, str> =
        if has_marks { text.replace("**", "").replace("~~", "").into() } else { text.into() };
    text.trim().trim_matches(['✅', '🔄', ' ', '\u{fe0f}']).trim().to_owned()
}

/// Below bold lines that name tasks stands what stands below headings.
pub const BOLD_LEVEL: usize = 7;

/// A heading without a box or a sign in front: `[x] Task 1`, `✅ Task 1`.
pub fn unboxed(heading: &str) -> &str {
    let bare = tick(heading).map_or(heading, |tick| tick.rest);
    bare.trim_start_matches(['✅', '🔄', '⬜', '⏳', '🚧', '\u{fe0f}', ' '])
}

/// `1. [x] Title` in a heading: the number, the box and where the box starts.
pub fn numbered_box(text: &str) -> Option<(&str, Tick<'_>, usize)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text[digits..].strip_prefix('.')?;
    let boxed = rest.trim_start();
    let at = text.len() - boxed.len();
    if digits == 0 { None } else { tick(boxed).map(|tick| (&text[..digits], tick, at)) }
}

/// A box on a line: where it starts, and the box.
pub fn boxed<'a>(line: &Line<'a>) -> Option<(usize, Tick<'a>)> {
    let item = line.item()?;
    item.tick().map(|tick| (item.start, tick))
}
