//! Kiro's `tasks.md` and its relatives (cc-sdd, claude-code-spec-workflow): numbered boxes of two levels. What has
//! parts is a lane of them, as it is the parts that are carried out; a `*` makes one optional; checkpoints are
//! gates. Waves in a JSON block say what goes together, `(P)` what may; otherwise order is what counts.

use crate::breakdown::build::{Builder, On, Waiting};
use crate::breakdown::conditions::{Boxes, boxes_below};
use crate::breakdown::convert::{self, Writer};
use crate::breakdown::detect::Signs;
use crate::breakdown::locations::Locations;
use crate::breakdown::outline::{Detail, Parent, SaidBy};
use crate::breakdown::problem::{Problem, some_of};
use crate::breakdown::refs::id_len;
use crate::breakdown::text::boxed;
use crate::breakdown::text::{
    Field, Line, Text, Tick, clean_title, fields, joined, names_tasks, wrapped,
};
use crate::breakdown::tree::{Value, json};
use crate::breakdown::{Confidence, Deps, Parsed};
use crate::core::event::Mark;
use crate::core::id::StreamId;
use crate::core::plan::Level;
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use std::ops::Range;

/// Fields that are kept as they are.
const KEPT: [&str; 5] = ["requirements", "leverage", "boundary", "対象ファイル", "validates"];
/// Fields that any task may have. What is to be run is told to the agent, and no command of ours.
const FIELDS: [&str; 11] = [
    "depends",
    "depends on",
    "dependencies",
    "objective",
    "agent",
    "files",
    "file",
    "estimate",
    "effort",
    "skills",
    "acceptance criteria",
];
/// Bullets of a task that are taken as its steps.
const MAX_STEPS: usize = 40;

/// The format.
pub struct Kiro;

impl crate::breakdown::Reader for Kiro {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        if signs.path_has(&[".kiro/specs/", ".claude/specs/"], "tasks.md") && signs.boxes > 0 {
            return Some(Confidence::Certain);
        }
        let numbers = signs.boxes_with_number + signs.boxes_with_dotted_number;
        if numbers >= 2 && signs.requirements >= 1 {
            return Some(Confidence::Certain);
        }
        let waves = signs.all().contains("\"waves\"") && numbers >= 1;
        let two_levels =
            signs.boxes_with_number >= 1 && signs.boxes_with_dotted_number >= 1 && numbers >= 3;
        (waves || two_levels).then_some(Confidence::Likely)
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let mut build = Builder::new(text, "kiro");
        build.read_topic(&["Implementation Plan", "Implementation Tasks", "Tasks", ":"]);
        let lines: Vec<Line<'_>> = text.visible().map(|(_, line)| line).collect();
        let ids: HashSet<&str> = lines.iter().filter_map(item).map(|item| item.id).collect();
        let parts: HashSet<&str> = ids
            .iter()
            .filter_map(|id| id.rsplit_once('.'))
            .map(|(parent, _)| parent)
            .filter(|id| ids.contains(id))
            .collect();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        lines.iter().filter_map(item).for_each(|item| *counts.entry(item.id).or_default() += 1);
        let has_checkpoints = lines.iter().filter_map(item).any(|item| is_checkpoint(item.title));
        let mut reader = Reader {
            build,
            heading: None,
            stream: None,
            parents: HashMap::new(),
            parent_streams: HashSet::new(),
            divided: has_checkpoints || !parts.is_empty(),
            no_tasks: false,
            conditions: None,
            headings: 0,
            parallel: Vec::new(),
            gates: HashSet::new(),
            checkpoint: Vec::new(),
        };
        let mut at = 0;
        while at < lines.len() && !reader.build.is_full(lines[at].start) {
            let line = lines[at];
            at += 1;
            if let Some((level, _, heading)) = line.heading() {
                reader.heading(level, heading, line.span());
            } else if let Some(item) = item(&line) {
                // Of several with one number, the one is meant that its parts follow.
                let next = lines[at..].iter().find_map(self::item).map(|next| next.id);
                let followed = next.is_some_and(|next| {
                    next.rsplit_once('.').is_some_and(|(parent, _)| parent == item.id)
                });
                let has_parts = parts.contains(item.id)
                    && (followed || counts[item.id] == 1)
                    && !is_own_work(&lines[at..], item.id);
                let own = lines[at..]
                    .iter()
                    .take_while(|next| next.heading().is_none() && boxed(next).is_none())
                    .count();
                reader.item(&item, &line, &lines[at..at + own], has_parts);
            } else if boxed(&line).is_some() {
                reader.loose_box(&line);
            }
        }
        reader.finish(deps)
    }

    fn locations(&self) -> Locations {
        Locations {
            below: &[(".kiro/specs", "tasks.md"), (".claude/specs", "tasks.md")],
            ..Locations::NONE
        }
    }

    fn writer(&self) -> Option<&'static Writer> {
        Some(&convert::kiro::WRITER)
    }
}

/// Whether what has parts is a task itself: it says what is to be done, and all of its parts are optional.
fn is_own_work(after: &[Line<'_>], id: &str) -> bool {
    let own = after.iter().take_while(|next| next.heading().is_none() && boxed(next).is_none());
    let says = own.filter_map(Line::item).any(|item| !item.text.starts_with('_'));
    let is_part =
        |item: &Item<'_>| item.id.strip_prefix(id).is_some_and(|rest| rest.starts_with('.'));
    let mut parts = after.iter().filter_map(item).take_while(is_part).peekable();
    says && parts.peek().is_some() && parts.all(|part| part.optional)
}

/// A numbered box.
struct Item<'a> {
    id: &'a str,
    title: &'a str,
    tick: Tick<'a>,
    start: usize,
    optional: bool,
    parallel: bool,
    /// What stands in italics behind the title.
    details: &'a str,
}

/// `- [ ]* 2.3 (P) Title`, `- [x] 2. Title`, `- [ ] 12.7* Title`.
fn item<'a>(line: &Line<'a>) -> Option<Item<'a>> {
    let (start, tick) = boxed(line)?;
    let after = tick.rest.trim_start_matches(['*', '~']).trim_start();
    // `0.V` is an id here.
    let word = after.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'.').count();
    let lettered = after.starts_with(|c: char| c.is_ascii_digit())
        && after[..word].trim_end_matches('.').contains('.');
    let len = if lettered { word } else { id_len(after)? };
    let id = after[..len].trim_end_matches('.');
    let rest = &after[len..];
    let digit = id.starts_with(|c: char| c.is_ascii_digit());
    if !digit || !(rest.starts_with(['.', ' ', '*', ')', ':', '~']) || rest.is_empty()) {
        return None;
    }
    // Two of them make it bold.
    let mut optional = tick.rest.starts_with('*') && !tick.rest.starts_with("**");
    let mut title = rest.trim_start_matches(['.', ')', ':']);
    if let Some(rest) = title.strip_prefix('*') {
        (optional, title) = (true, rest);
    }
    title = title.trim_start_matches('*').trim();
    // `Title _Requirements: 1.1_ _Depends: 2.1_`.
    let details =
        title.find(" _").filter(|at| title[at + 2..].contains(':') && title.ends_with('_'));
    let title = details.map_or(title, |at| title[..at].trim_end());
    let parallel = title.starts_with("(P)") || title.ends_with("(P)");
    let title = title.trim_start_matches("(P)").trim_end_matches("(P)").trim();
    let details =
        details.map(|_| &line.text[line.text.find(title).map_or(0, |at| at + title.len())..]);
    Some(Item { id, title, tick, start, optional, parallel, details: details.unwrap_or_default() })
}

/// What stands behind the title and below it.
fn fields_of(item: &Item<'_>, line: &Line<'_>, region: &[Line<'_>]) -> Vec<Field> {
    let mut start = line.start + line.text.trim_end().len() - item.details.trim_end().len();
    let mut found = Vec::new();
    for piece in item.details.trim_end().split_inclusive("_ ") {
        let text = piece.trim_start();
        let line = Line::from_text(start + piece.len() - text.len(), text);
        found.extend(fields(&[line]));
        start += piece.len();
    }
    found.extend(fields(region));
    found
}

struct Reader<'a> {
    build: Builder<'a>,
    /// The heading that the next task opens a lane of, and whether it counts as a group.
    heading: Option<(String, String, Range<usize>, bool)>,
    stream: Option<usize>,
    /// What has parts: its stream, and whether it is optional.
    parents: HashMap<String, (usize, bool)>,
    parent_streams: HashSet<usize>,
    /// Whether there are parts or checkpoints: then every task stands in a stream, as those come in order.
    divided: bool,
    /// Whether boxes here are no tasks.
    no_tasks: bool,
    /// The heading that says so, by its level.
    conditions: Option<usize>,
    headings: usize,
    parallel: Vec<bool>,
    /// Checkpoints, by their ids.
    gates: HashSet<String>,
    /// Streams since the last checkpoint.
    checkpoint: Vec<StreamId>,
}

impl<'a> Reader<'a> {
    fn heading(&mut self, level: usize, heading: &str, span: Range<usize>) {
        if self.conditions.is_none_or(|open| level <= open) {
            self.conditions = Some(level).filter(|_| boxes_below(heading) != Boxes::Work);
        }
        self.no_tasks = self.conditions.is_some();
        if level == 1 {
            return;
        }
        let digits = heading.bytes().take_while(u8::is_ascii_digit).count();
        let (id, name) = match heading[digits..].strip_prefix('.') {
            Some(name) if digits > 0 => (heading[..digits].to_owned(), name.trim().to_owned()),
            _ => (heading.chars().take(40).collect(), heading.to_owned()),
        };
        let counts = !heading.trim().eq_ignore_ascii_case("tasks");
        self.heading = Some((id, clean_title(&name), span, counts));
        self.stream = None;
    }

    /// The heading that tasks stand under has some now.
    fn count_heading(&mut self) -> Option<(String, String, Range<usize>)> {
        let (id, name, span, counts) = self.heading.as_mut()?;
        self.headings += usize::from(std::mem::take(counts));
        Some((id.clone(), name.clone(), span.clone()))
    }

    fn item(&mut self, item: &Item<'a>, line: &Line<'a>, region: &[Line<'a>], has_parts: bool) {
        let heading = self.count_heading();
        let span = line.span();
        if has_parts {
            self.parent(item, line, region);
            return;
        }
        let parent =
            item.id.rsplit_once('.').and_then(|(parent, _)| self.parents.get(parent)).copied();
        let of_parent = parent.map(|(stream, _)| stream);
        if of_parent.is_none() && is_checkpoint(item.title) {
            return self.checkpoint(item, span);
        }
        let stream = match (of_parent, self.stream) {
            // Behind parts that have parts themselves, it comes after those.
            (Some(parent), Some(open)) if open != parent && self.is_parent(open) => {
                let (id, _) = item.id.rsplit_once('.').unwrap_or((item.id, ""));
                let name = self.build.plan.streams[parent].name.clone();
                let stream = self.new_stream(id, &name, span.clone());
                self.parents.entry(id.to_owned()).and_modify(|(known, _)| *known = stream);
                self.parent_streams.insert(stream);
                self.is_within(item.id, stream);
                Some(stream)
            }
            (Some(parent), _) => Some(parent),
            // After a lane of parts, a task without any opens one of its own.
            (None, Some(open)) if !self.is_parent(open) => Some(open),
            _ => match heading.filter(|_| self.build.outline.parents.is_empty()) {
                Some((id, name, span)) => Some(self.new_stream(&id, &name, span)),
                None if !self.divided => None,
                None => Some(self.new_stream(item.id, &clean_title(item.title), span.clone())),
            },
        };
        let more = if item.details.is_empty() { wrapped(line, region) } else { &[] };
        let (title, region) = (joined(item.title, more), &region[more.len()..]);
        let ix = self.build.task(item.id, &clean_title(&title), stream, span);
        self.build.ticked(ix, &item.tick, item.start);
        self.build.state_words(ix, &title);
        self.parallel.push(item.parallel);
        if let Some(at) = line.text.find("(P)").filter(|_| item.parallel) {
            self.build.detail(
                ix,
                Detail::Parallel,
                "(P)",
                line.start + at..line.start + at + "(P)".len(),
            );
        }
        if item.optional || parent.is_some_and(|(_, optional)| optional) {
            self.optional(ix, item, line);
        }
        self.details(ix, item, line, region);
    }

    /// What has parts is a stream of them.
    fn parent(&mut self, item: &Item<'a>, line: &Line<'a>, region: &[Line<'a>]) {
        let stream = self.build.stream(item.id, &clean_title(item.title), line.span());
        self.build.outline.parents.push(Parent {
            stream: self.build.plan.streams[stream].id.clone(),
            done: item.tick.done(),
            of_parts: true,
            nested: Vec::new(),
            text: None,
        });
        self.parents.insert(item.id.to_owned(), (stream, item.optional));
        self.parent_streams.insert(stream);
        self.is_within(item.id, stream);
        for field in fields_of(item, line, region).iter().filter(|field| names_tasks(&field.name)) {
            self.build.waits(Waiting::Stream(stream), &field.value, field.start);
        }
        self.opened(stream);
    }

    /// It is done only where somebody asks for it.
    fn optional(&mut self, ix: usize, item: &Item<'a>, line: &Line<'a>) {
        if !item.tick.done() {
            self.build.mark(ix, Mark::Skipped, SaidBy::Format);
        }
        let what = "it is optional: it is done only where somebody asks for it";
        // Its own sign, or that of what it is a part of.
        let sign = line
            .text
            .find(']')
            .and_then(|at| Some(line.start + at + line.text[at..].find('*')?))
            .filter(|_| item.optional);
        self.build.detail(
            ix,
            Detail::Notes,
            what,
            sign.map_or(line.start..line.start, |at| at..at + 1),
        );
    }

    fn details(&mut self, ix: usize, item: &Item<'a>, line: &Line<'a>, region: &[Line<'a>]) {
        let mut taken = HashSet::new();
        for field in fields_of(item, line, region) {
            match field.name.as_str() {
                name if KEPT.contains(&name) => {
                    self.build.detail(
                        ix,
                        Detail::Notes,
                        &format!("{}: {}", field.label, field.value),
                        field.start..field.end,
                    );
                }
                name if FIELDS.contains(&name) => self.build.field(ix, &field),
                _ => continue,
            }
            taken.insert(self.build.text.line_at(field.start));
        }
        // Other bullets are what is to be done, whatever colons they have.
        let bullets =
            region.iter().filter(|line| !taken.contains(&self.build.text.line_at(line.start)));
        for item in bullets
            .filter_map(Line::item)
            .filter(|item| !item.text.starts_with('_'))
            .take(MAX_STEPS)
        {
            self.build.step(
                ix,
                clean_title(item.text),
                item.start..item.start + item.text.trim_end().len(),
                None,
            );
        }
    }

    fn new_stream(&mut self, id: &str, name: &str, span: Range<usize>) -> usize {
        let stream = self.build.stream(id, name, span);
        self.opened(stream);
        stream
    }

    fn opened(&mut self, stream: usize) {
        self.stream = Some(stream);
        self.checkpoint.push(self.build.plan.streams[stream].id.clone());
    }

    /// A stream holds parts of all that an id is a part of.
    fn is_within(&mut self, id: &str, stream: usize) {
        let inner = self.build.plan.streams[stream].id.clone();
        let mut id = id;
        while let Some((above, _)) = id.rsplit_once('.') {
            let parents = &mut self.build.outline.parents;
            parents
                .iter_mut()
                .filter(|parent| parent.stream.as_str() == above)
                .for_each(|parent| parent.nested.push(inner.clone()));
            id = above;
        }
    }

    fn is_parent(&self, stream: usize) -> bool {
        self.parent_streams.contains(&stream)
    }

    /// A checkpoint closes what stands between it and the last one.
    fn checkpoint(&mut self, item: &Item<'_>, span: Range<usize>) {
        self.build.outline.gate_boxes.push(item.tick.done());
        self.gates.insert(item.id.to_owned());
        if !item.tick.done() && !self.checkpoint.is_empty() {
            let after = std::mem::take(&mut self.checkpoint);
            self.build.gate(
                &format!("Checkpoint {}", item.id),
                Level::Stream,
                after,
                &clean_title(item.title),
                span,
            );
        }
        self.checkpoint.clear();
        if !self.stream.is_some_and(|stream| self.is_parent(stream)) {
            self.stream = None;
        }
    }

    /// A box without a number is a step of the task above it, or a task of its own.
    fn loose_box(&mut self, line: &Line<'a>) {
        let Some((start, tick)) = boxed(line) else { return };
        if self.no_tasks {
            self.build.other_box(&tick);
            return;
        }
        match self.build.plan.tasks.len().checked_sub(1).filter(|_| line.indent() > 1) {
            Some(ix) => {
                self.build.boxed_step(ix, &tick, start);
            }
            None => {
                self.count_heading();
                let id = format!("L{}", self.build.text.position(line.start).0);
                let ix = self.build.task(&id, &clean_title(tick.rest), self.stream, line.span());
                self.build.ticked(ix, &tick, start);
                self.parallel.push(false);
            }
        }
    }

    fn finish(mut self, deps: Deps) -> Parsed {
        self.build.outline.groups = Some(self.headings);
        if !self.waves() {
            // As streams come one after the other, the last one is done when all are.
            self.build
                .plan
                .gates
                .iter_mut()
                .for_each(|gate| drop(gate.after.drain(..gate.after.len().saturating_sub(1))));
            self.build.in_order(&self.parallel);
            self.build.streams_in_order();
        }
        self.build.finish(deps)
    }

    /// Waves of a JSON block: each waits for the one before it.
    fn waves(&mut self) -> bool {
        let text = self.build.text;
        let Some((fence, waves)) =
            text.fences.iter().find_map(|fence| Some((fence, waves_in(text, fence)?)))
        else {
            return false;
        };
        // A name is that of a task, or of what has parts: then of all of them.
        let mut named: HashMap<&str, Vec<usize>> = HashMap::new();
        for (ix, task) in self.build.plan.tasks.iter().enumerate() {
            named.entry(task.id.as_str()).or_default().push(ix);
        }
        let (mut parts, mut unknown) = (HashMap::<&str, Vec<usize>>::new(), Vec::new());
        for (ix, task) in self.build.plan.tasks.iter().enumerate() {
            task.stream
                .iter()
                .for_each(|stream| parts.entry(stream.as_str()).or_default().push(ix));
        }
        let mut of_waves: Vec<Vec<usize>> = Vec::new();
        for wave in &waves {
            let mut members = Vec::new();
            for name in &wave.tasks {
                match named.get(name.as_str()).or_else(|| parts.get(name.as_str())) {
                    Some(found) => members.extend(found),
                    None if !self.parents.contains_key(name) && !self.gates.contains(name) => {
                        unknown.push(name.as_str())
                    }
                    None => {}
                }
            }
            of_waves.push(members);
        }
        let listed: HashSet<usize> = of_waves.iter().flatten().copied().collect();
        if listed.is_empty() {
            return false;
        }
        if !unknown.is_empty() {
            let what = format!("the waves name tasks that there are not: {}", some_of(unknown));
            self.build.problems.push(Problem::warning(
                "no-wave",
                text.lines[fence.start].span(),
                what,
            ));
        }
        let numbers: HashMap<&str, usize> =
            waves.iter().enumerate().map(|(nth, wave)| (wave.id.as_str(), nth)).collect();
        let sets: Vec<usize> = waves
            .iter()
            .zip(&of_waves)
            .map(|(wave, members)| self.build.set(&format!("wave {}", wave.id), members.clone()))
            .collect();
        let mut last = None;
        for (nth, (wave, members)) in waves.iter().zip(&of_waves).enumerate() {
            let before: Vec<usize> = match &wave.after {
                Some(after) => {
                    after.iter().filter_map(|id| numbers.get(id.as_str())).copied().collect()
                }
                None => last.into_iter().collect(),
            };
            for on in before.into_iter().filter(|on| *on != nth && !of_waves[*on].is_empty()) {
                let earlier: HashSet<usize> = of_waves[on].iter().copied().collect();
                for &ix in members.iter().filter(|ix| !earlier.contains(ix)) {
                    self.build.implies(Waiting::Task(ix), On::Set(sets[on]));
                }
            }
            last = Some(nth).filter(|_| !members.is_empty()).or(last);
        }
        for ix in (0..self.build.plan.tasks.len()).filter(|ix| !listed.contains(ix)) {
            let (id, span) =
                (self.build.plan.tasks[ix].id.clone(), self.build.outline.tasks[ix].span.clone());
            let what = format!("task {id} is in no wave: it waits for the task before it");
            if !self.build.marks.contains_key(&ix) {
                self.build.problems.push(Problem::warning("no-wave", span, what));
            }
            if ix > 0 {
                self.build.implies(Waiting::Task(ix), On::Task(ix - 1));
            }
        }
        true
    }
}

/// `Checkpoint`, `Final checkpoint - …`; "Checkpoint retention" is work.
fn is_checkpoint(title: &str) -> bool {
    let lower = title.trim_start_matches('*').to_lowercase();
    let rest = lower.strip_prefix("final ").unwrap_or(&lower).strip_prefix("checkpoint");
    rest.is_some_and(|rest| {
        let rest = rest.trim_start_matches(['*', ' ']);
        rest.is_empty() || rest.starts_with(|c: char| !c.is_alphabetic())
    })
}

/// What goes together.
struct Wave {
    id: String,
    tasks: Vec<String>,
    /// The waves that it waits for, where it says so.
    after: Option<Vec<String>>,
}

/// The waves in a fence, if those are what stands in it.
fn waves_in(text: &Text<'_>, fence: &Range<usize>) -> Option<Vec<Wave>> {
    let (first, last) =
        text.lines.get(fence.start + 1).zip(text.lines.get(fence.end.saturating_sub(1)))?;
    let range = first.start.min(last.start)..last.start;
    let meant = text.lines[fence.start].text.contains("json")
        || text.all[range.clone()].contains("\"waves\"");
    let waves = waves_of(&json(text.all, range).ok().filter(|_| meant)?);
    waves.iter().any(|wave| !wave.tasks.is_empty()).then_some(waves)
}

/// `{"waves": [{"id": 1, "tasks": ["1.1"], "depends_on": [0]}]}`, or a list of waves, each a list of ids or a map
/// with them.
fn waves_of(tree: &Value) -> Vec<Wave> {
    let list = tree.get("waves").unwrap_or(tree);
    let words = |value: &Value| -> Vec<String> {
        value
            .items()
            .iter()
            .filter_map(|id| id.word().or_else(|| id.word_of("id")))
            .map(str::to_owned)
            .collect()
    };
    let of = |(nth, wave): (usize, &Value)| Wave {
        id: ["id", "wave"]
            .iter()
            .find_map(|key| wave.word_of(key))
            .map_or_else(|| nth.to_string(), str::to_owned),
        tasks: words(wave.get("tasks").unwrap_or(wave)),
        after: wave.get("depends_on").or_else(|| wave.get("dependsOn")).map(words),
    };
    list.items().iter().enumerate().map(of).collect()
}
