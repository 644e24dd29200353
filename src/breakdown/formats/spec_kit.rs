//! GitHub spec-kit's `tasks.md`: phases, boxes with ids, `[P]` for what may run in parallel.
//!
//! Order counts where nothing is written: phases one after the other; in a phase, tasks in a row,
//! a run of `[P]` tasks side by side. Stories after the foundation are independent of each other
//! only where the section on dependencies says so.

use crate::breakdown::build::{Builder, On, Waiting};
use crate::breakdown::convert::{self, Writer};
use crate::breakdown::detect::{Signs, is_spec_kit_id};
use crate::breakdown::locations::Locations;
use crate::breakdown::names::Names;
use crate::breakdown::outline::{Detail, SaidBy};
use crate::breakdown::prose::{Statement, inline_dependencies, statements};
use crate::breakdown::refs::{Reference, id_len, ids_in};
use crate::breakdown::text::{Line, Text, clean_title, fields, joined, wrapped};
use crate::breakdown::{Confidence, Deps, Parsed};
use crate::core::event::Mark;
use crate::core::plan::{Level, Origin};
use foldhash::{HashMap, HashMapExt};
use std::collections::BTreeMap;
use std::ops::Range;

struct Reader<'a> {
    build: Builder<'a>,
    heading: Option<(String, std::ops::Range<usize>)>,
    stream: Option<usize>,
    parallel: Vec<bool>,
    indent: usize,
    dependencies: bool,
    section: Vec<Line<'a>>,
    checkpoints: Vec<(usize, String, std::ops::Range<usize>)>,
}

/// Pairs of tasks that one sentence may make before they are a set.
const MAX_PAIRS: usize = 10_000;
/// Fields of nested bullets that are taken as such.
const FIELDS: [&str; 15] = [
    "run",
    "command",
    "agent",
    "depends on",
    "dependencies",
    "files",
    "file",
    "estimate",
    "effort",
    "skills",
    "tests first",
    "objective",
    "commit",
    "test requirements",
    "acceptance criteria",
];

/// The format.
pub struct SpecKit;

impl crate::breakdown::Reader for SpecKit {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        let few = signs.spec_kit_ids * 10 < signs.boxes && !signs.path_has(&["specs/"], "tasks.md");
        match if few { 0 } else { signs.spec_kit_ids } {
            0 => signs
                .path_has(&["specs/"], "tasks.md")
                .then_some(Confidence::Guess)
                .filter(|_| signs.boxes > 0 && signs.has_phase_tags),
            1 => Some(Confidence::Likely),
            _ => Some(Confidence::Certain),
        }
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        read(text, deps)
    }

    fn locations(&self) -> Locations {
        Locations { below: &[("specs", "tasks.md")], ..Locations::NONE }
    }

    fn writer(&self) -> Option<&'static Writer> {
        Some(&convert::spec_kit::WRITER)
    }
}

fn read(text: &Text<'_>, deps: Deps) -> Parsed {
    let mut build = Builder::new(text, "spec-kit");
    build.read_topic(&["Tasks:", "Implementation Tasks:", "Task List:"]);
    let mut reader = Reader {
        build,
        heading: None,
        stream: None,
        parallel: Vec::new(),
        indent: 0,
        dependencies: false,
        section: Vec::new(),
        checkpoints: Vec::new(),
    };
    let lines: Vec<Line<'_>> = text.visible().map(|(_, line)| line).collect();
    for (at, line) in lines.iter().enumerate() {
        reader.line(line, &lines[at + 1..]);
    }
    reader.phases();
    reader.build.in_order(&reader.parallel);
    let section = std::mem::take(&mut reader.section);
    let names = reader.build.names();
    let mut at = 0;
    while at < section.len() {
        let (start, _) = section[at].trimmed();
        let blank = section[at].is_blank();
        // Another section may stand far below.
        let follows = |nth: usize| {
            section[nth].start <= section[nth - 1].start + section[nth - 1].text.len() + 2
        };
        let more = (at + 1..section.len())
            .take_while(|&nth| !blank && goes_on(&section[nth]) && follows(nth))
            .count();
        let end = section[at + more].end().max(start);
        reader.task_edges(start, &text.all[start..end], &names);
        at += more + 1;
    }
    for (stream, text, span) in std::mem::take(&mut reader.checkpoints) {
        let id = reader.build.plan.streams[stream].id.clone();
        reader.build.gate(
            &format!("Checkpoint {id}"),
            Level::Stream,
            vec![id.clone()],
            &text,
            span,
        );
    }
    reader.build.finish(deps)
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &Line<'a>, after: &[Line<'a>]) {
        let span = line.span();
        if let Some((level, _, heading)) = line.heading() {
            if level > 1 && is_spec_kit_id(heading) {
                return self.heading_task(heading, span, after);
            }
            let words = heading.trim_start_matches(|c: char| !c.is_alphanumeric());
            let of_dependencies = words.to_lowercase().starts_with("dependenc")
                || heading.contains("依赖")
                || heading.contains("依賴");
            if of_dependencies {
                self.dependencies = true;
                (self.heading, self.stream) = (Some((heading.to_owned(), span)), None);
            } else if level <= 2 || level == 3 && is_phase(heading) {
                self.dependencies = false;
                self.heading = Some((heading.to_owned(), span));
                self.stream = None;
            }
            return;
        }
        if self.dependencies {
            self.section.push(*line);
        }
        let (start, body) = line.trimmed();
        if let Some(text) = checkpoint(body) {
            if let Some(stream) = self.stream {
                self.checkpoints.push((stream, text.to_owned(), start..start + body.len()));
            }
            return;
        }
        let Some(item) = line.item().filter(|item| item.number.is_none()) else { return };
        let Some(tick) = item.tick() else { return };
        let rest = tick.rest.trim_start_matches(['*', '~', '`']);
        if is_spec_kit_id(rest) {
            self.indent = line.indent();
            let own =
                after.iter().take_while(|next| goes_on(next)).last().map_or(line.end(), Line::end);
            let ix = self.task(rest, span, item.start + (item.text.len() - rest.len()), own);
            self.build.ticked(ix, &tick, item.start);
            let more = wrapped(line, after);
            let title = clean_title(&joined(&self.build.plan.tasks[ix].title, more));
            self.build.plan.tasks[ix].title.clone_from(&title);
            for (line, (at, file)) in more
                .iter()
                .flat_map(|line| files(line.text).into_iter().map(move |file| (line, file)))
            {
                self.build.detail(
                    ix,
                    Detail::Files,
                    file,
                    line.start + at..line.start + at + file.len(),
                );
            }
            self.build.state_words(ix, &title);
            self.fields(ix, line, &after[more.len()..]);
        } else {
            let nested = line.indent() > self.indent
                && self.stream.is_some()
                && !self.build.plan.tasks.is_empty();
            if nested {
                let ix = self.build.plan.tasks.len() - 1;
                self.build.boxed_step(ix, &tick, item.start);
            } else {
                self.build.other_box(&tick);
            }
        }
    }

    /// Nested bullets that say what the template has no words for: the command, the agent, ….
    fn fields(&mut self, ix: usize, line: &Line<'a>, after: &[Line<'a>]) {
        let own = |next: &&Line<'_>| {
            next.indent() > line.indent() && next.item().is_some_and(|item| item.tick().is_none())
        };
        let region: Vec<Line<'_>> = after.iter().take_while(own).copied().collect();
        let is_known = |name: &str| FIELDS.contains(&name) || name.ends_with(" spec");
        for field in fields(&region).iter().filter(|field| is_known(&field.name)) {
            self.build.field(ix, field);
        }
    }

    /// `T012 [P] [US1] Title in src/a.rs (depends on T011)`.
    fn task(&mut self, text: &str, span: Range<usize>, start: usize, end: usize) -> usize {
        let len = id_len(text)
            .unwrap_or_else(|| text.bytes().take_while(u8::is_ascii_alphanumeric).count());
        let (id, rest) = text.split_at(len);
        let mut title = rest.trim_start_matches(['*', ':', '：', ' ', '~', '`', '—', '–', '-']);
        let mut parallel = false;
        let mut sign = None;
        while let Some((tag, after)) =
            title.strip_prefix('[').and_then(|inner| inner.split_once(']'))
        {
            parallel |= tag == "P";
            sign = sign.or(Some(start + text.len() - title.len()).filter(|_| tag == "P"));
            let known = tag == "P" || tag.starts_with("US") || tag.starts_with("Story");
            if !known {
                break;
            }
            title = after.trim_start();
        }
        if self.stream.is_none() {
            self.stream = self.heading.clone().map(|(heading, span)| {
                let (id, name) = phase(&heading);
                self.build.stream(&id, &name, span)
            });
        }
        // What it waits for is no part of its title, where it stands behind it.
        let tail = title.rfind('(').filter(|at| {
            title.ends_with(')') && title[*at..].to_lowercase().starts_with("(depends on ")
        });
        let named = tail.map_or(title, |at| title[..at].trim_end());
        let ix = self.build.task(id, &clean_title(named), self.stream, span);
        self.parallel.push(parallel);
        if let Some(at) = sign {
            self.build.detail(ix, Detail::Parallel, "[P]", at..at + "[P]".len());
        }
        for (at, value) in inline_dependencies(&self.build.text.all[start..end]) {
            self.build.waits(Waiting::Task(ix), value, start + at);
        }
        for (at, file) in files(title) {
            let at = start + text.len() - title.len() + at;
            self.build.detail(ix, Detail::Files, file, at..at + file.len());
        }
        ix
    }

    /// `#### T001: Title [P]` with fields and acceptance boxes below it, and no state.
    fn heading_task(&mut self, heading: &str, span: Range<usize>, after: &[Line<'a>]) {
        let start = span.start + self.build.text.all[span.clone()].find(heading).unwrap_or(0);
        let ix = self.task(heading, span.clone(), start, span.end);
        if let Some(at) = heading.find("[P]").filter(|_| !self.parallel[ix]) {
            self.parallel[ix] = true;
            self.build.detail(ix, Detail::Parallel, "[P]", start + at..start + at + "[P]".len());
        }
        let mut title = self.build.plan.tasks[ix].title.replace("[P]", "");
        for sign in
            ["[DONE]", "[X]", "[x]", "[COMPLETED]"].iter().filter(|sign| heading.contains(*sign))
        {
            self.build.mark(ix, Mark::Done, SaidBy::Title);
            title = title.replace(sign, "");
        }
        self.build.state_words(ix, &title);
        self.build.plan.tasks[ix].title = title.trim().to_owned();
        let end = after.iter().position(|line| line.heading().is_some()).unwrap_or(after.len());
        for field in fields(&after[..end]) {
            self.build.field(ix, &field);
        }
    }

    /// Which phase waits for which.
    fn phases(&mut self) {
        let names: Vec<String> = self
            .build
            .plan
            .streams
            .iter()
            .map(|s| format!("{} {}", s.id, s.name).to_lowercase())
            .collect();
        let foundation = names.iter().rposition(|name| name.contains("foundation"));
        let stated = self.stated_phases();
        for ix in 1..names.len() {
            let last = ix + 1 == names.len()
                && (names[ix].contains("polish") || names[ix].contains("cross-cutting"));
            match stated.get(&ix) {
                Some((start, on)) => {
                    for &on in on.iter().filter(|on| **on != ix) {
                        let id = self.build.plan.streams[on].id.to_string();
                        let text = if id.contains(' ') {
                            format!("Phase {}", id.trim_start_matches("Phase "))
                        } else {
                            format!("Stream {id}")
                        };
                        self.build.waits(Waiting::Stream(ix), &text, *start);
                    }
                    if let Some(foundation) = foundation.filter(|at| *at < ix) {
                        self.build.implies(Waiting::Stream(ix), On::Stream(foundation));
                    }
                }
                None if last => {
                    (0..ix).for_each(|on| self.build.implies(Waiting::Stream(ix), On::Stream(on)))
                }
                None => self.build.implies(Waiting::Stream(ix), On::Stream(ix - 1)),
            }
        }
    }

    /// Phases of which the section on dependencies speaks, with what it says that they wait for.
    fn stated_phases(&self) -> BTreeMap<usize, (usize, Vec<usize>)> {
        let streams = &self.build.plan.streams;
        // Streams by the numbers of their stories.
        let mut numbers: HashMap<String, usize> = HashMap::new();
        for (ix, stream) in streams.iter().enumerate() {
            let lower = stream.name.to_lowercase();
            let digits =
                |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
            let named = lower
                .match_indices("user story ")
                .map(|(at, word)| digits(&lower[at + word.len()..]));
            let tagged =
                lower.match_indices("[us").map(|(at, word)| digits(&lower[at + word.len()..]));
            for number in named.chain(tagged).filter(|number| !number.is_empty()) {
                numbers.entry(number).or_insert(ix);
            }
        }
        let story = |key: &str| numbers.get(key).copied();
        let mut stated: BTreeMap<usize, (usize, Vec<usize>)> = BTreeMap::new();
        for line in &self.section {
            let Some(item) = line.item() else { continue };
            let Some((left, right)) = item.text.split_once(':') else { continue };
            let stories = |text: &str| -> Vec<usize> {
                let short = text.match_indices("US").map(|(at, _)| at + 2);
                let long = text.match_indices("User Story ").map(|(at, _)| at + 11);
                let digits = |at: usize| {
                    text[at..].chars().take_while(char::is_ascii_digit).collect::<String>()
                };
                short
                    .chain(long)
                    .map(digits)
                    .filter(|key| !key.is_empty())
                    .filter_map(|key| story(&key))
                    .collect()
            };
            let phases = |text: &str| -> Vec<usize> {
                let after = text.match_indices("Phase ").map(|(at, word)| &text[at + word.len()..]);
                let number =
                    |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
                // `Phase 3+` are several.
                let whole = after.map(|rest| (number(rest), rest)).filter(|(key, rest)| {
                    !key.is_empty() && !rest[key.len()..].starts_with(['+', '.'])
                });
                whole.filter_map(|(key, _)| self.build.find_stream(&key)).collect()
            };
            let named = |text: &str| -> Vec<usize> {
                let mut all = stories(text);
                all.extend(phases(text));
                all.sort_unstable();
                all.dedup();
                all
            };
            let [subject] = named(left)[..] else { continue };
            let lower = right.to_lowercase();
            // To be tested on its own is not to be begun on its own.
            let bare = ["independently testable", "tested independently", "independent test"]
                .iter()
                .fold(lower.clone(), |of, words| of.replace(words, ""));
            let free = ["no dependenc", "independent", "can start after foundation"]
                .iter()
                .any(|words| bare.contains(words));
            let sentence = right.split(['.', '(']).next().unwrap_or(right);
            let on = if lower.contains("depends on")
                || lower.contains("requires")
                || lower.contains("after us")
            {
                named(sentence)
            } else {
                Vec::new()
            };
            if free || !on.is_empty() {
                stated.entry(subject).or_insert_with(|| (item.start, Vec::new())).1.extend(on);
            }
        }
        stated
    }

    /// `T010-T011 depend on T001-T009`, `T008 blocks T009`, `T004-T007 before T008`, `T001 → T002`: all tasks named on
    /// one side wait for all named on the other.
    fn task_edges(&mut self, start: usize, text: &str, names: &Names) {
        for Statement { waits, on } in statements(text) {
            let waiting = names.named(&sure(&text[waits]));
            let (from, on) = (start + on.start, sure(&text[on]));
            let known = |of: &Reference| {
                is_spec_kit_id(&on[of.at..of.at + of.len])
                    || !names.named(&on[of.at..of.at + of.len]).is_empty()
            };
            let named: Vec<Reference> = ids_in(&on).into_iter().filter(known).collect();
            let Some(first) = named.first() else { continue };
            let list: Vec<&str> = named.iter().map(|of| &on[of.at..of.at + of.len]).collect();
            let (list, at) = (list.join(", "), from + first.at);
            // Of so many, each would be looked up again for each.
            let many = waiting.len() > 1 && waiting.len() * named.len() > MAX_PAIRS;
            let set = many.then(|| {
                self.build.set(
                    &format!("{} and more", &on[first.at..first.at + first.len]),
                    names.named(&on),
                )
            });
            for ix in waiting {
                match set {
                    Some(set) => {
                        self.build.implies_by(Waiting::Task(ix), On::Set(set), Origin::Explicit)
                    }
                    None => self.build.waits(Waiting::Task(ix), &list, at),
                }
            }
        }
    }
}

/// One side of a statement: what stands in brackets gives reasons, unless ids stand there alone.
fn sure(side: &str) -> String {
    let mut depth = 0_usize;
    let blank = |c: char| {
        depth += usize::from(matches!(c, '(' | '（'));
        let inside = depth > 0;
        depth = depth.saturating_sub(usize::from(matches!(c, ')' | '）')));
        if inside { " ".repeat(c.len_utf8()) } else { c.to_string() }
    };
    let bare: String = side.chars().map(blank).collect();
    if ids_in(&bare).is_empty() { side.to_owned() } else { bare }
}

/// `Phase 3: …`, `Phase N: Polish`; not `Phase Dependencies`.
fn is_phase(heading: &str) -> bool {
    let key = heading.strip_prefix("Phase ").and_then(|rest| rest.split([':', ' ', '-']).next());
    key.is_some_and(|key| key == "N" || key.starts_with(|c: char| c.is_ascii_digit()))
}

/// The text after `**Checkpoint**:`.
fn checkpoint(body: &str) -> Option<&str> {
    let rest = body.trim_start_matches(['-', ' ']).strip_prefix("**Checkpoint")?;
    rest.split_once("**").map(|(_, text)| text.trim_start_matches([':', ' ']))
}

/// `Phase 3: User Story 1 - Title (Priority: P1)` → `Phase 3` and the rest.
fn phase(heading: &str) -> (String, String) {
    let split = heading.strip_prefix("Phase ").and_then(|rest| rest.split_once([':', ' ']));
    match split {
        Some((key, name)) if key.len() <= 8 => (
            format!("Phase {}", key.trim_end_matches(':')),
            name.trim_start_matches([':', ' ', '-']).to_owned(),
        ),
        _ => (heading.chars().take(40).collect::<String>().trim().to_owned(), heading.to_owned()),
    }
}

/// Whether a line goes on with the text of the box above it.
fn goes_on(line: &Line<'_>) -> bool {
    let (_, body) = line.trimmed();
    !body.is_empty()
        && line.item().is_none()
        && line.heading().is_none()
        && !body.starts_with("**")
        && !body.starts_with(['|', '>', '_'])
}

/// Paths that a title names, with where they stand in it.
fn files(title: &str) -> Vec<(usize, &str)> {
    let mut at = 0;
    let words = title.split([' ', ',', '`', '(', ')', '"']).map(|word| {
        let start = at;
        at += word.len() + 1;
        (start, word.trim_end_matches(['.', ':', ';']))
    });
    let is_path = |word: &&str| {
        word.contains('/')
            && word.rsplit('/').next().is_some_and(|name| name.contains('.'))
            && !word.contains("://")
    };
    let path = |(at, word): (usize, &'_ str)| {
        (at + word.len() - word.trim_start_matches("./").len(), &title[at..at + word.len()])
    };
    let mut files: Vec<(usize, &str)> = words
        .filter(|(_, word)| is_path(word))
        .map(path)
        .map(|(at, word)| (at, word.trim_start_matches("./")))
        .collect();
    files.dedup_by_key(|(_, file)| *file);
    files
}
