//! JSON and YAML as trees in which every value knows where it stands. Words are kept as they are written: `001`
//! is an id, not a number.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use saphyr_parser::{Event, Marker, Parser};
use std::ops::Range;

/// How deep a tree may be. Both parsers and all that walks a tree are safe below it.
const MAX_DEPTH: usize = 100;

/// How deep keys are looked for in YAML that can't be read as a whole.
const MAX_KEY_DEPTH: usize = 3;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Its bytes in the whole text.
    pub span: Range<usize>,
    /// What it is.
    pub data: Data,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `null`, or nothing at all.
    Nothing,
    /// A text, a number, a truth value.
    Word(String),
    /// A list.
    List(Vec<Value>),
    /// Keys with their bytes and their values, in the order of the text.
    Map(Vec<(String, Range<usize>, Value)>),
}

/// What could not be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// Where.
    pub span: Range<usize>,
    /// What is wrong, in a few words.
    pub what: String,
}

impl Value {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries().find(|(name, ..)| name == key).map(|(.., value)| value)
    }

    /// All keys with their values; none of something else.
    pub fn entries(&self) -> impl Iterator<Item = &(String, Range<usize>, Value)> {
        if let Data::Map(entries) = &self.data { entries.iter() } else { [].iter() }
    }

    /// The values of a list; none of something else.
    pub fn items(&self) -> &[Value] {
        if let Data::List(items) = &self.data { items } else { &[] }
    }

    /// A word that is not empty.
    pub fn word(&self) -> Option<&str> {
        if let Data::Word(word) = &self.data {
            Some(word.trim()).filter(|word| !word.is_empty())
        } else {
            None
        }
    }

    /// Nothing, at a place.
    pub fn nothing(at: usize) -> Self {
        Self { span: at..at, data: Data::Nothing }
    }

    /// Where it stands, without quotes around it.
    pub fn span_in(&self, all: &str) -> Range<usize> {
        unquoted(all, &self.span)
    }

    /// The word of a key.
    pub fn word_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.word()
    }

    /// The words of a key's list, or its only word; with the values that they are.
    pub fn words_of(&self, key: &str) -> Vec<(&str, &Value)> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let all =
            if value.items().is_empty() { std::slice::from_ref(value) } else { value.items() };
        all.iter().filter_map(|item| Some((item.word()?, item))).collect()
    }
}

/// Keys under which people write what something waits for.
pub const WAIT_KEYS: [&str; 15] = [
    "dependencies",
    "dependsOn",
    "depends_on",
    "depends-on",
    "depends",
    "deps",
    "blockedBy",
    "blocked_by",
    "needs",
    "requires",
    "prerequisites",
    "prereqs",
    "waitsFor",
    "waits_for",
    "after",
];

impl Value {
    /// What it says that it waits for, under whatever name, as ids, titles, or objects that have one; none where no key is
    /// there.
    pub fn waits(&self) -> Option<Vec<(&str, &Value)>> {
        let mut found: Option<Vec<(&str, &Value)>> = None;
        for value in WAIT_KEYS.iter().filter_map(|key| self.get(key)) {
            let all = if let Data::List(items) = &value.data {
                items.as_slice()
            } else {
                std::slice::from_ref(value)
            };
            let named = |item: &'_ Value| -> Option<usize> {
                item.word().is_some().then_some(0).or_else(|| {
                    ID_KEYS.iter().position(|key| item.word_of(key).is_some()).map(|at| at + 1)
                })
            };
            let list = found.get_or_insert_default();
            for item in all {
                match named(item) {
                    Some(0) => list.extend(item.word().map(|word| (word, item))),
                    Some(at) => {
                        list.extend(item.get(ID_KEYS[at - 1]).and_then(|id| Some((id.word()?, id))))
                    }
                    None => {}
                }
            }
        }
        found
    }
}

/// Keys under which an object in such a list names what is meant.
const ID_KEYS: [&str; 8] = ["id", "taskId", "task_id", "task", "key", "ref", "title", "name"];

/// A range without blanks at its end and without quotes around it.
pub fn unquoted(all: &str, span: &Range<usize>) -> Range<usize> {
    let body = all.get(span.clone()).unwrap_or_default().trim_end();
    let end = span.start + body.len();
    let quoted = body.len() >= 2
        && (body.starts_with('"') && body.ends_with('"')
            || body.starts_with('\'') && body.ends_with('\''));
    if quoted { span.start + 1..end - 1 } else { span.start..end }
}

/// Reads JSON, with comments and trailing commas where somebody has put them.
///
/// # Errors
/// What is wrong and where.
pub fn json(all: &str, range: Range<usize>) -> Result<Value, Mistake> {
    let bom = if all[range.clone()].starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let range = range.start + bom..range.end;
    let base = range.start;
    let plain = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed =
        parse_to_ast(&all[range.clone()], &CollectOptions::default(), &plain).map_err(|error| {
            let at = error.range();
            Mistake { span: base + at.start..base + at.end, what: error.kind().to_string() }
        })?;
    match parsed.value {
        Some(value) => of_json(value, base, 0),
        None => Err(Mistake { span: range, what: "there is nothing in it".into() }),
    }
}

fn of_json(value: ast::Value<'_>, base: usize, depth: usize) -> Result<Value, Mistake> {
    let range = value.range();
    let span = base + range.start..base + range.end;
    if depth > MAX_DEPTH {
        return Err(Mistake { span, what: format!("it is nested deeper than {MAX_DEPTH} times") });
    }
    let data = match value {
        ast::Value::StringLit(text) => Data::Word(text.value.into_owned()),
        ast::Value::NumberLit(number) => Data::Word(number.value.to_owned()),
        ast::Value::BooleanLit(truth) => Data::Word(truth.value.to_string()),
        ast::Value::NullKeyword(_) => Data::Nothing,
        ast::Value::Array(array) => Data::List(
            array
                .elements
                .into_iter()
                .map(|item| of_json(item, base, depth + 1))
                .collect::<Result<_, _>>()?,
        ),
        ast::Value::Object(object) => {
            let entry = |entry: ast::ObjectProp<'_>| {
                let name = entry.name.range();
                Ok((
                    entry.name.into_string(),
                    base + name.start..base + name.end,
                    of_json(entry.value, base, depth + 1)?,
                ))
            };
            Data::Map(object.properties.into_iter().map(entry).collect::<Result<_, _>>()?)
        }
    };
    Ok(Value { span, data })
}

/// Reads YAML whose top is a map or a list. What can't be read takes nothing else with it: of a map, each key
/// that can't is kept as the text after its colon.
pub fn yaml(all: &str, range: Range<usize>) -> (Value, Vec<Mistake>) {
    match whole_yaml(all, range.clone()) {
        Ok(value) => (value, Vec::new()),
        Err(mistake) => {
            let mut mistakes = vec![mistake];
            (by_keys(all, range, 0, &mut mistakes), mistakes)
        }
    }
}

/// Each key at one indent on its own; of one that can't be read, those below it.
fn by_keys(all: &str, range: Range<usize>, depth: usize, mistakes: &mut Vec<Mistake>) -> Value {
    let blanks = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let indent = all[range.clone()]
        .lines()
        .find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .map_or(0, blanks);
    let mut starts: Vec<(usize, &str)> = Vec::new();
    let mut at = range.start;
    for line in all[range.clone()].split_inclusive('\n') {
        let key = line.split_once(':').map(|(key, _)| key).filter(|key| blanks(key) == indent);
        let key = key.map(|key| &key[indent..]).filter(|key| {
            key.starts_with(char::is_alphanumeric) && !key.contains(char::is_whitespace)
        });
        starts.extend(key.map(|key| (at + indent, key)));
        at += line.len();
    }
    let mut entries = Vec::new();
    for (nth, &(start, key)) in starts.iter().enumerate() {
        let end = starts.get(nth + 1).map_or(range.end, |(next, _)| next - indent);
        let name = start..start + key.len();
        if let Ok(Value { data: Data::Map(of), .. }) = whole_yaml(all, start - indent..end) {
            entries.extend(of);
            continue;
        }
        let line = all[name.end + 1..end].lines().next().unwrap_or_default();
        let below = name.end + 1 + line.len()..end;
        if line.trim().is_empty() && depth < MAX_KEY_DEPTH {
            let value = by_keys(all, below, depth + 1, mistakes);
            if value.entries().next().is_some() {
                entries.push((key.to_owned(), name, value));
                continue;
            }
        }
        let text = line.trim();
        let from = name.end + 1 + line.len() - line.trim_start().len();
        let word = Data::Word(text.trim_matches(['"', '\'']).to_owned());
        if mistakes.len() < 20
            && mistakes.iter().all(|known| known.span.start < start || known.span.start >= end)
        {
            mistakes.push(Mistake {
                span: name.clone(),
                what: format!("`{key}` is no YAML: its text is taken as it is"),
            });
        }
        entries.push((key.to_owned(), name, Value { span: from..from + text.len(), data: word }));
    }
    Value { span: range, data: Data::Map(entries) }
}

/// A tree that is being built.
enum Open {
    List(usize, Vec<Value>),
    Map(usize, Vec<(String, Range<usize>, Value)>, Option<(String, Range<usize>)>),
}

fn whole_yaml(all: &str, range: Range<usize>) -> Result<Value, Mistake> {
    let source = &all[range.clone()];
    let mut places = Places::new(source, range.start);
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(source) {
        let (event, span) = event.map_err(|error| {
            let at = places.line_of(error.marker());
            Mistake { span: at..at, what: format!("this is no YAML: {}", error.info()) }
        })?;
        let (start, end) = (places.line_of(&span.start), places.line_of(&span.end));
        let done = match event {
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() >= MAX_DEPTH => {
                return Err(Mistake {
                    span: start..start,
                    what: format!("it is nested deeper than {MAX_DEPTH} times"),
                });
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(start, Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(start, Vec::new(), None));
                continue;
            }
            Event::Scalar(text, style, ..) => {
                let plain = matches!(style, saphyr_parser::ScalarStyle::Plain);
                let nothing = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                Value {
                    span: start..end.max(start),
                    data: if nothing { Data::Nothing } else { Data::Word(text.into_owned()) },
                }
            }
            Event::Alias(_) => Value { span: start..end.max(start), data: Data::Nothing },
            Event::SequenceEnd => match open.pop() {
                Some(Open::List(from, items)) => {
                    Value { span: from..end.max(from), data: Data::List(items) }
                }
                _ => continue,
            },
            Event::MappingEnd => match open.pop() {
                Some(Open::Map(from, entries, _)) => {
                    Value { span: from..end.max(from), data: Data::Map(entries) }
                }
                _ => continue,
            },
            _ => continue,
        };
        match open.last_mut() {
            None if matches!(done.data, Data::Map(_) | Data::List(_)) => return Ok(done),
            None => break,
            Some(Open::List(_, items)) => items.push(done),
            Some(Open::Map(_, entries, key)) => match key.take() {
                Some((name, at)) => entries.push((name, at, done)),
                None => *key = Some((done.word().unwrap_or_default().to_owned(), done.span)),
            },
        }
    }
    Err(Mistake { span: range.start..range.start, what: "it is neither a map nor a list".into() })
}

/// Bytes of places that the reader counts in characters. They come in order but for a few, so each is looked for from
/// the one before it on.
struct Places<'a> {
    source: &'a str,
    base: usize,
    /// A character with its byte.
    last: (usize, usize),
}

impl<'a> Places<'a> {
    fn new(source: &'a str, base: usize) -> Self {
        Self { source, base, last: (0, 0) }
    }

    fn line_of(&mut self, marker: &Marker) -> usize {
        let wanted = marker.index();
        let (character, byte) = if wanted >= self.last.0 { self.last } else { (0, 0) };
        let rest = &self.source[byte..];
        let at = rest
            .char_indices()
            .nth(wanted - character)
            .map_or(self.source.len(), |(at, _)| byte + at);
        self.last = (wanted, at);
        self.base + at
    }
}

/// The bytes of a file's front matter, without the lines around it.
pub fn front_matter(all: &str, file: &Range<usize>) -> Option<Range<usize>> {
    let source = &all[file.clone()];
    let body = source.trim_start_matches('\u{feff}');
    let first = body.lines().next().filter(|line| line.trim_end() == "---")?;
    let start = source.len() - body.len()
        + body[first.len()..].find('\n').map_or(first.len(), |at| first.len() + at + 1);
    let mut at = start;
    for line in source[start..].split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Some(file.start + start..file.start + at);
        }
        at += line.len();
    }
    None
}
