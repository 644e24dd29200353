//! Plain Markdown task lists: boxes under headings, nested boxes as steps, nested `Name: value`
//! bullets as fields. What other formats of boxes do otherwise is their [`Style`].
//!
//! Such lists seldom say what waits for what: they run in the order of the file, one at a time, but for
//! tasks that say what they wait for.

use crate::breakdown::build::{Builder, On, Waiting};
use crate::breakdown::conditions::{Boxes, boxes_below};
use crate::breakdown::detect::Signs;
use crate::breakdown::locations::Locations;
use crate::breakdown::names::Names;
use crate::breakdown::prose::{Statement, statements};
use crate::breakdown::refs::{Reference, Target, id_len, named_within, references};
use crate::breakdown::text::boxed;
use crate::breakdown::text::{Line, Text, Tick, clean_title, fields, joined, names_tasks, wrapped};
use crate::breakdown::{Confidence, Deps, Parsed};
use foldhash::{HashSet, HashSetExt};
use std::ops::Range;

/// The id and the name of a lane that a heading opens.
pub type Lane = fn(&str) -> Option<(String, String)>;

/// What formats of boxes do each in their own way.
pub struct Style {
    /// The format's name.
    pub name: &'static str,
    /// Words of the title that say what kind of file it is.
    pub title_words: &'static [&'static str],
    /// The lane that a heading opens; without one, headings of the second level do.
    pub lane: Option<Lane>,
    /// Whether headings of all lower levels open lanes too.
    pub deep_lanes: bool,
    /// Sections in which alone there are tasks.
    pub only_in: Option<fn(&str) -> bool>,
    /// Whether some sections have boxes that are no tasks.
    pub has_other_boxes: bool,
    /// Whether lanes come one after the other where nothing else is written.
    pub lanes_in_order: bool,
}

/// The format.
pub struct TaskList;

impl crate::breakdown::Reader for TaskList {
    fn recognises(&self, _signs: &Signs<'_>) -> Option<Confidence> {
        None
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let style = Style {
            name: "task-list",
            title_words: &["Task List", "Tasks", "Checklist", "TODO", "Todo"],
            lane: None,
            deep_lanes: false,
            only_in: None,
            has_other_boxes: true,
            lanes_in_order: false,
        };
        let mut reader = Reader::new(text, &style);
        reader.read();
        reader.finish(deps)
    }

    fn locations(&self) -> Locations {
        Locations {
            names: &["breakdown.md", "tasks.md", "TASKS.md"],
            below: &[("changes", "tasks.md"), ("", "tasks.md")],
            globs: &["**/tasks.md", "**/TASKS.md", "**/breakdown.md", "**/*.breakdown.md"],
            ..Locations::NONE
        }
    }
}

/// Reads boxes.
pub struct Reader<'a, 's> {
    /// What was read.
    pub build: Builder<'a>,
    /// For each task, the text of its box and the fields below it.
    pub tasks: Vec<TaskText<'a>>,
    /// Lines of sections on dependencies.
    dependencies: Vec<Line<'a>>,
    /// Lanes that say what they wait for.
    stated: HashSet<usize>,
    style: &'s Style,
}

/// What stands in a task's box and below it.
pub struct TaskText<'a> {
    /// What follows the box.
    pub title: &'a str,
    /// Where that starts.
    pub start: usize,
    /// The lines below it that are its own.
    pub region: Vec<Line<'a>>,
}

impl<'a, 's> Reader<'a, 's> {
    /// Nothing read yet.
    pub fn new(text: &'a Text<'a>, style: &'s Style) -> Self {
        let mut build = Builder::new(text, style.name);
        build.read_topic(style.title_words);
        Self { build, tasks: Vec::new(), dependencies: Vec::new(), stated: HashSet::new(), style }
    }

    /// Reads all boxes.
    pub fn read(&mut self) {
        let text = self.build.text;
        let lines: Vec<Line<'a>> = text.visible().map(|(_, line)| line).collect();
        // Where there are several titles, they are lanes.
        let titles = lines
            .iter()
            .filter(|line| line.heading().is_some_and(|(level, ..)| level == 1))
            .count()
            > 1;
        let any_id = lines
            .iter()
            .any(|line| boxed(line).is_some_and(|(_, tick)| own_id(tick.rest).is_some()));
        let at_margin = lines.iter().any(|line| line.indent() <= 1 && boxed(line).is_some());
        let mut heading: Option<(String, String, Range<usize>)> = None;
        // What stands below a heading, up to the first box.
        let mut below: &[Line<'a>] = &[];
        let mut stream: Option<usize> = None;
        let mut task: Option<(usize, usize)> = None;
        let (mut no_tasks, mut of_dependencies) = (self.style.only_in.is_some(), false);
        let (mut section_level, mut lane_level) = (0, 0);
        // The heading below which boxes are no tasks.
        let mut conditions: Option<usize> = None;
        let mut at = 0;
        while at < lines.len() {
            let line = lines[at];
            at += 1;
            let span = line.span();
            if let Some((level, _, name)) = line.heading() {
                let lower = name.to_lowercase();
                no_tasks = match self.style.only_in {
                    Some(_) if !no_tasks && level > section_level => false,
                    Some(only) => {
                        section_level = level;
                        !only(&lower)
                    }
                    None => {
                        if conditions.is_none_or(|open| level <= open) {
                            conditions = Some(level).filter(|_| boxes_below(name) != Boxes::Work);
                        }
                        self.style.has_other_boxes && conditions.is_some()
                    }
                };
                of_dependencies = lower.contains("dependenc");
                task = None;
                let opens = match self.style.lane {
                    Some(lane) => lane(name),
                    // The title names no lane, and headings below a lane's only divide it further.
                    None => (level == 2
                        || titles && level == 1
                        || level > 2
                            && (heading.is_none() || level <= lane_level || self.style.deep_lanes))
                        .then(|| stream_name(name)),
                };
                if let Some((id, name)) = opens {
                    heading = Some((id, name, span));
                    let len = lines[at..]
                        .iter()
                        .position(|next| next.heading().is_some() || boxed(next).is_some())
                        .unwrap_or(lines.len() - at);
                    below = &lines[at..at + len];
                    (stream, lane_level) = (None, level);
                } else if self.style.lane.is_some() && level <= 2 {
                    (heading, stream) = (None, None);
                }
                continue;
            }
            let Some((start, tick)) = boxed(&line) else {
                if of_dependencies {
                    self.dependencies.push(line);
                }
                continue;
            };
            // Conditions under a plain bullet, in a file whose tasks stand at the margin.
            let nested = task.is_none_or(|(_, indent)| line.indent() <= indent + 1)
                && line.indent() > 1
                && at_margin;
            if nested || no_tasks && !self.is_task_anyway(&tick) {
                self.count_other(&tick);
                continue;
            }
            if let Some((ix, indent)) = task.filter(|(_, indent)| line.indent() > indent + 1) {
                self.build.boxed_step(ix, &tick, start);
                self.beside_step(ix, indent, &line, &lines[at..]);
                continue;
            }
            if stream.is_none()
                && let Some((id, name, span)) = heading.clone()
            {
                stream = Some(self.lane(&id, &name, span, below));
            }
            let (ix, taken) = self.task(&line, start, &tick, &lines[at..], (any_id, stream));
            at += taken;
            task = Some((ix, line.indent()));
            if self.build.is_full(line.start) {
                break;
            }
        }
        self.lanes_that_wait();
    }

    /// A task with what stands below it. Gives how many lines that are.
    fn task(
        &mut self,
        line: &Line<'a>,
        start: usize,
        tick: &Tick<'a>,
        rest: &[Line<'a>],
        (any_id, stream): (bool, Option<usize>),
    ) -> (usize, usize) {
        let more = wrapped(line, rest);
        let shown = without_comments(&joined(tick.rest, more));
        let (id, title) = match own_id(shown.trim_start()) {
            Some((id, title)) => (id.to_owned(), title),
            None if any_id => {
                (format!("L{}", self.build.text.line_at(line.start) + 1), shown.as_str())
            }
            None => ((self.build.plan.tasks.len() + 1).to_string(), shown.as_str()),
        };
        let ix = self.build.task(&id, &clean_title(title), stream, line.span());
        self.build.ticked(ix, tick, start);
        self.build.state_words(ix, title);
        let own = |next: &&Line<'_>| {
            next.is_blank() || (next.indent() > line.indent() && boxed(next).is_none())
        };
        let region: Vec<Line<'a>> = rest[more.len()..].iter().take_while(own).copied().collect();
        let taken = more.len() + region.len();
        if region.iter().any(|line| line.text.contains(':')) {
            for field in fields(&region) {
                self.build.field(ix, &field);
            }
        }
        self.tasks.push(TaskText { title: tick.rest, start: start + tick.rest_at, region });
        (ix, taken)
    }

    /// Whether a box is a task wherever it stands: it has an id, or says what is run.
    fn is_task_anyway(&self, tick: &Tick<'_>) -> bool {
        let id = own_id(tick.rest).map(|(id, _)| id);
        self.style.only_in.is_none()
            && id.is_some_and(|id| id.starts_with(|c: char| c.is_ascii_alphabetic()))
    }

    fn count_other(&mut self, tick: &Tick<'_>) {
        if self.style.only_in.is_none() {
            self.build.other_boxes.0 += 1;
            self.build.other_boxes.1 += usize::from(tick.done());
        }
    }

    /// Opens the lane of a heading, with what stands below it up to the first box.
    fn lane(&mut self, id: &str, name: &str, span: Range<usize>, below: &[Line<'a>]) -> usize {
        let new = self.build.stream(id, name, span);
        for field in fields(below).iter().filter(|field| names_tasks(&field.name)) {
            self.build.waits(Waiting::Stream(new), &field.value, field.start);
            self.stated.insert(new);
        }
        new
    }

    /// Bullets beside a step are its task's again.
    fn beside_step(&mut self, ix: usize, indent: usize, line: &Line<'a>, rest: &[Line<'a>]) {
        let own = |next: &&Line<'_>| {
            next.is_blank()
                || next.indent() > indent && boxed(next).is_none() && next.heading().is_none()
        };
        let beside = |next: &&Line<'_>| next.indent() > indent && next.indent() <= line.indent();
        let after: Vec<Line<'a>> = rest
            .iter()
            .take_while(own)
            .skip_while(|next| !beside(next))
            .filter(|next| next.indent() > indent)
            .copied()
            .collect();
        for field in fields(&after) {
            self.build.field(ix, &field);
        }
        if let Some(task) = self.tasks.get_mut(ix) {
            task.region.extend(after);
        }
    }

    /// Puts tasks in order where nothing is written, and ends.
    pub fn finish(mut self, deps: Deps) -> Parsed {
        let parallel = vec![false; self.build.plan.tasks.len()];
        self.build.keep_order(&parallel);
        if self.style.lanes_in_order {
            for ix in (1..self.build.plan.streams.len()).filter(|ix| !self.stated.contains(ix)) {
                self.build.implies(Waiting::Stream(ix), On::Stream(ix - 1));
            }
            self.after_lanes();
        } else {
            self.build.phases_in_order(&[]);
        }
        self.build.finish(deps)
    }
}

impl Reader<'_, '_> {
    /// `- Task 2 depends on [Task 1]`, `Task 2 依赖 Task 3（…）` in a section on dependencies.
    fn tasks_that_wait(&mut self, start: usize, text: &str, names: &Names) -> bool {
        let of = |side: &str| -> Vec<usize> {
            let whole = references(side.trim_start_matches(['-', '*', '+', ' ']));
            let tasks = |reference: Reference| match reference.to {
                Target::Task(id) => {
                    names.exact.get(&id.to_lowercase()).cloned().unwrap_or_default()
                }
                Target::Range(from, to) => names.range(&from, &to).unwrap_or_default(),
                _ => Vec::new(),
            };
            let all: Vec<usize> = whole.into_iter().flat_map(tasks).collect();
            if all.is_empty() {
                named_within(side).into_iter().flat_map(tasks).collect()
            } else {
                all
            }
        };
        let mut found = Vec::new();
        for Statement { waits, on } in statements(text) {
            if !of(&text[on.clone()]).is_empty() {
                found.extend(of(&text[waits]).into_iter().map(|ix| (ix, on.clone())));
            }
        }
        for (ix, on) in &found {
            self.build.waits(Waiting::Task(*ix), &text[on.clone()], start + on.start);
        }
        !found.is_empty()
    }

    /// What stands below the last lane comes after it.
    fn after_lanes(&mut self) {
        let mut last = None;
        for ix in 0..self.build.plan.tasks.len() {
            match &self.build.plan.tasks[ix].stream {
                Some(stream) => last = self.build.stream_of(stream.as_str()),
                None => last
                    .into_iter()
                    .for_each(|last| self.build.implies(Waiting::Task(ix), On::Stream(last))),
            }
        }
    }

    /// `- Phase 2 depends on Phase 1` in a section on dependencies.
    fn lanes_that_wait(&mut self) {
        let lines = std::mem::take(&mut self.dependencies);
        if lines.is_empty() {
            return;
        }
        let names = self.build.names();
        for line in lines {
            let bullet = line.item().filter(|item| item.number.is_none());
            let (start, body) =
                bullet.map_or_else(|| line.trimmed(), |item| (item.start, item.text.trim_end()));
            if self.tasks_that_wait(start, body, &names) {
                continue;
            }
            let Some(at) = body.find("depends on") else { continue };
            let name = body[..at].trim_matches(['-', '*', ' ']);
            let key = name.rsplit(' ').next().unwrap_or(name);
            if let Some(stream) =
                self.build.find_stream(name).or_else(|| self.build.find_stream(key))
            {
                let from = at + "depends on".len();
                self.build.waits(Waiting::Stream(stream), &body[from..], start + from);
            }
        }
    }
}

/// `a <!-- b --> c` → `a  c`.
fn without_comments(text: &str) -> String {
    let mut parts = text.split("<!--");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once("-->").map_or("", |(_, after)| after))
}

/// `Task 12: title`, `1.2 title`, `T3: title`, `A1. title`.
pub fn own_id(text: &str) -> Option<(&str, &str)> {
    let all = text;
    let text = text.trim_start_matches(['*', '~', '`']);
    let labelled = text.strip_prefix("Task ").or_else(|| text.strip_prefix("task "));
    let body = labelled.unwrap_or(text);
    let len = id_len(body)?;
    let (id, after) = body.split_at(len);
    // `**1.1** Title`: what is marked as a whole is an id.
    let rest = after.trim_start_matches(['*', '~']);
    let marked = text.len() < all.len() && rest.len() < after.len() && rest.starts_with([' ', ':']);
    let separated = rest.starts_with([':', '：', '.', ')'])
        || rest.starts_with(" -")
        || rest.starts_with(" —")
        || rest.starts_with(" –");
    let dotted = id.contains('.')
        && id.bytes().next().is_some_and(|b| b.is_ascii_digit())
        && rest.starts_with(' ');
    let fits = labelled.is_some() || separated || dotted || marked;
    fits.then(|| (id, rest.trim_start_matches([':', '：', '.', ')', ' ', '-', '—', '–', '*'])))
}

/// `Stream 3: Work package 3` → `3` and the name; other headings as they are.
pub fn stream_name(heading: &str) -> (String, String) {
    if let Some((key, name)) = heading.strip_prefix("Stream ").and_then(|rest| rest.split_once(':'))
        && key.len() <= 6
    {
        return (key.trim().to_owned(), name.trim().to_owned());
    }
    let name = clean_title(heading);
    // `1. Base` and `Phase 2: Zsh` are referred to by their numbers.
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    if let Some(title) = name[digits..].strip_prefix(". ").filter(|_| (1..=4).contains(&digits)) {
        return (name[..digits].to_owned(), title.trim().to_owned());
    }
    if let Some((key, title)) = name.split_once(':')
        && let Some((word, number)) = key.split_once(' ')
        && ["Phase", "Wave", "Milestone", "Sprint", "Epic"].contains(&word)
        && number.len() <= 6
    {
        return (key.to_owned(), title.trim().to_owned());
    }
    (name.chars().take(40).collect::<String>().trim().to_owned(), name)
}
