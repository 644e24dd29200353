//! The order that a text has by itself: tasks of a list one after the other, phases one after the other, unless somebody
//! says otherwise. What is stated adds to it, and never takes the order of other tasks away.

use super::build::{Builder, On, Wait, Waiting};
use super::forms::is_lane;
use super::forms::is_phase;
use super::names::Names;
use super::problem::{Problem, some_of};
use super::prose::{beginnings, condition, inline_dependencies, may_wait};
use super::refs::{Reference, Target, references};
use super::tables::{cells, waiting_columns};
use super::text::BOLD_LEVEL;
use super::text::Line;
use crate::core::plan::{Node, Origin};
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use std::cell::LazyCell;
use std::ops::Range;

/// Words that say that something waits for no phase either.
const FREE: [&str; 7] = [
    "can start",
    "immediately",
    "independent",
    "at once",
    "in parallel",
    "parallel start",
    "start anytime",
];
/// From so many on, what is waited for is one set.
const MANY: usize = 9;

impl Builder<'_> {
    /// Whether a task says what it waits for, be it nothing.
    pub(super) fn says_order(&self) -> Vec<bool> {
        let names = LazyCell::new(|| self.names());
        let orders = |wait: &&Wait| {
            wait.references().is_empty()
                || wait.references().iter().any(|of| self.is_inside(wait.who, of, &names))
        };
        let waits = self
            .waits
            .iter()
            .filter(orders)
            .map(|wait| wait.who)
            .chain(self.exact.iter().map(|(who, ..)| *who));
        let tasks =
            waits.filter_map(|who| if let Waiting::Task(ix) = who { Some(ix) } else { None });
        let mut says = vec![false; self.plan.tasks.len()];
        tasks.chain(self.stated.iter().copied()).for_each(|ix| says[ix] = true);
        says
    }

    /// Whether something is named that is part of the breakdown: what is only needed from outside orders nothing.
    pub(super) fn is_inside(&self, who: Waiting, reference: &Reference, names: &Names) -> bool {
        !matches!(reference.to, Target::External(_))
            || !self.meant(Some(who), reference, names).is_empty()
    }

    /// Whether a target is there.
    pub(super) fn exists(&self, to: &Target, names: &Names) -> bool {
        match to {
            Target::Task(id) => {
                names.exact.contains_key(&id.to_lowercase())
                    || names.canonical(id).len() == 1
                    || self.stream_of(id).is_some()
            }
            Target::Range(from, to) => names.range(from, to).is_some(),
            Target::Stream(key) => self.find_stream(key).is_some(),
            _ => false,
        }
    }

    /// Takes the dependencies that stand where all formats may have them, once: in titles, tables and `Blocks:`.
    pub(super) fn gather_statements(&mut self) {
        if !std::mem::replace(&mut self.gathered, true) {
            self.titles_that_wait();
            self.tables_that_wait();
            self.tasks_that_block();
        }
    }

    /// What titles say of what their tasks and groups wait for: `Deploy (depends on Task 3)`, `Team B (after Team A)`.
    /// Formats that read their titles themselves have found it already.
    fn titles_that_wait(&mut self) {
        let known = self.says_order();
        let names = LazyCell::new(|| self.names());
        let title_at =
            |span: &Range<usize>| self.text.all.get(span.clone()).filter(|title| may_wait(title));
        let mut found = Vec::new();
        for (ix, task_item) in self
            .outline
            .tasks
            .iter()
            .enumerate()
            .filter(|(ix, task_item)| !known[*ix] && task_item.value.is_none())
        {
            let Some(title) = title_at(&task_item.span) else { continue };
            let exists = |of: &Reference| of.to == Target::AllBefore || self.exists(&of.to, &names);
            let mut values = inline_dependencies(title);
            values.retain(|(_, value)| references(value).iter().any(exists));
            if values.is_empty() {
                let known = |at: &Range<usize>| {
                    !self.named_in(Some(Waiting::Task(ix)), &title[at.clone()], &names).is_empty()
                };
                values.extend(condition(title).filter(known).map(|at| (at.start, &title[at])));
            }
            found.extend(values.into_iter().map(|(at, value)| {
                (Waiting::Task(ix), value.to_owned(), task_item.span.start + at)
            }));
        }
        let stream = |wait: &Wait| if let Waiting::Stream(ix) = wait.who { Some(ix) } else { None };
        let known: HashSet<usize> = self.waits.iter().filter_map(stream).collect();
        for (ix, (_, span)) in
            self.outline.streams.iter().enumerate().filter(|(ix, _)| !known.contains(ix))
        {
            let Some((title, at)) =
                title_at(span).and_then(|title| Some((title, condition(title)?)))
            else {
                continue;
            };
            // One that is a task has said it as that, and a value is no heading.
            let is_heading =
                self.text.file_at(span.start).is_some_and(|file| file.is_markdown(self.text.all));
            let is_heading = is_heading
                && !self.outline.tasks.iter().any(|task_item| task_item.span.start == span.start);
            if is_heading
                && !self.named_in(Some(Waiting::Stream(ix)), &title[at.clone()], &names).is_empty()
            {
                found.push((
                    Waiting::Stream(ix),
                    title[at.clone()].to_owned(),
                    span.start + at.start,
                ));
            }
        }
        for (who, value, start) in found {
            self.waits(who, &value, start);
        }
    }

    /// Sentences below tasks and groups that say when those begin: `Starts after Stream A.` They add to what is said
    /// elsewhere.
    pub(super) fn sentences_that_wait(&mut self, names: &Names) {
        let may_begin = self.may_begin();
        if !self.text.prose().any(|(at, _)| may_begin[at]) {
            return;
        }
        let mut named = vec![None; self.text.lines.len() + 1];
        let streams = self.text.lines_at(self.outline.streams.iter().map(|(_, span)| span.start));
        streams.enumerate().for_each(|(ix, at)| named[at] = Some(Waiting::Stream(ix)));
        let tasks =
            self.text.lines_at(self.outline.tasks.iter().map(|task_item| task_item.span.start));
        tasks.enumerate().for_each(|(ix, at)| named[at] = Some(Waiting::Task(ix)));
        // What has been understood already.
        let mentioned =
            self.text.lines_with(self.outline.references.iter().map(|mention| mention.span.start));
        // Whose the lines below a heading are, and those deeper than an item of a list.
        let (mut section, mut level_of) = (None, 0);
        let mut item: Option<(Waiting, usize)> = None;
        let mut found = Vec::new();
        for (at, line) in self.text.prose() {
            let level = line.heading().map(|(level, ..)| level);
            match (level, named[at]) {
                (Some(level), Some(who)) => (section, level_of, item) = (Some(who), level, None),
                (Some(level), None) if level <= level_of => (section, item) = (None, None),
                (Some(_), None) => item = None,
                (None, Some(who)) if line.item().is_some() => item = Some((who, line.indent())),
                (None, Some(who)) => (section, level_of, item) = (Some(who), BOLD_LEVEL, None),
                (None, None) if may_begin[at] && !mentioned[at] => {
                    let who = item.map_or(section, |(who, indent)| {
                        Some(who).filter(|_| line.indent() > indent)
                    });
                    let (start, body) =
                        line.item().map_or_else(|| line.trimmed(), |item| (item.start, item.text));
                    let Some(who) = who else { continue };
                    for (from, value) in beginnings(body) {
                        let named = self
                            .named_in(Some(who), value, names)
                            .into_iter()
                            .filter(|of| !self.is_of(who, &of.to, names));
                        found.extend(
                            named.map(|of| (who, Reference { at: start + from + of.at, ..of })),
                        );
                    }
                }
                (None, None) => {}
            }
        }
        for (who, of) in found {
            self.resolve(who, &of, of.at..of.at + of.len, names);
        }
    }

    /// Whether a sentence names what it is about itself: `Start this once Phase 2 is agreed` in phase 2.
    fn is_of(&self, who: Waiting, to: &Target, names: &Names) -> bool {
        match (to, who) {
            (Target::Stream(key), _) => {
                self.find_stream(key).is_some_and(|ix| self.is_within(who, ix))
            }
            (Target::Task(id), Waiting::Task(ix)) => {
                names.exact.get(&id.to_lowercase()).is_some_and(|holders| holders.contains(&ix))
            }
            _ => false,
        }
    }

    /// What a text names that is part of the breakdown. By a name alone, no group is meant that holds who waits.
    pub(super) fn named_in(
        &self,
        who: Option<Waiting>,
        text: &str,
        names: &Names,
    ) -> Vec<Reference> {
        let meant = |of: Reference| {
            if self.exists(&of.to, names) { vec![of] } else { self.meant(who, &of, names) }
        };
        references(text).into_iter().flat_map(meant).collect()
    }

    /// Tables that name tasks which stand elsewhere, with what each waits for: they add to tasks that say nothing.
    fn tables_that_wait(&mut self) {
        let names = LazyCell::new(|| self.names());
        let (mut columns, mut rows) = (None, None);
        let mut found = Vec::new();
        for (at, line) in self.text.visible() {
            if !line.body().starts_with('|') {
                columns = None;
                continue;
            }
            let Some((id, waits)) = columns else {
                columns = waiting_columns(line.text);
                continue;
            };
            // A row that is a task has been read.
            let own = rows.get_or_insert_with(|| {
                self.text
                    .lines_with(self.outline.tasks.iter().map(|task_item| task_item.span.start))
            });
            if own[at] {
                continue;
            }
            let cells = cells(line.text);
            let (Some((id, _)), Some((on, start))) = (cells.get(id), cells.get(waits)) else {
                continue;
            };
            let named = references(id).into_iter().find_map(|reference| {
                if let Target::Task(id) = reference.to { Some(id) } else { None }
            });
            let Some(&[ix]) =
                named.and_then(|id| names.exact.get(&id.to_lowercase())).map(Vec::as_slice)
            else {
                continue;
            };
            found.push((ix, on.replace('#', " "), line.start + start));
        }
        let known = if found.is_empty() { Vec::new() } else { self.says_order() };
        for (ix, value, start) in found.into_iter().filter(|(ix, ..)| !known[*ix]) {
            self.waits(Waiting::Task(ix), &value, start);
        }
    }

    /// `Blocks: 3` says of task 3 that it waits, unless that says what it waits for itself.
    fn tasks_that_block(&mut self) {
        if self.blocks.is_empty() {
            return;
        }
        let known = self.says_order();
        let names = self.names();
        for (ix, value, start) in std::mem::take(&mut self.blocks) {
            for reference in references(&value) {
                let Target::Task(id) = &reference.to else { continue };
                let Some(&[waiting]) = names.exact.get(&id.to_lowercase()).map(Vec::as_slice)
                else {
                    continue;
                };
                if waiting != ix && !known[waiting] {
                    let (id, at) = (self.plan.tasks[ix].id.to_string(), start + reference.at);
                    self.waits_exactly(Waiting::Task(waiting), &id, at..at + reference.len);
                }
            }
        }
    }

    /// Tasks come in the order of the text: each that says nothing waits for all since the last such one. One that says
    /// what it waits for waits for that; a run of those that may run at once forks and joins. Lanes that run beside each
    /// other have each an order of their own.
    pub fn keep_order(&mut self, parallel: &[bool]) {
        self.gather_statements();
        let stated = self.says_order();
        let lanes: HashSet<&str> = self
            .outline
            .streams
            .iter()
            .filter(|(_, span)| is_lane(self.text.all.get(span.clone()).unwrap_or_default()))
            .map(|(id, _)| id.as_str())
            .collect();
        let mut threads: HashMap<Option<String>, (Vec<usize>, Vec<usize>)> = HashMap::new();
        let mut edges: Vec<(usize, Vec<usize>)> = Vec::new();
        for ix in 0..self.plan.tasks.len() {
            let stream = self.plan.tasks[ix].stream.as_ref().map(|stream| stream.as_str());
            let lane = stream.filter(|stream| lanes.contains(stream)).map(str::to_owned);
            let (before, run) = threads.entry(lane).or_default();
            if stated[ix] {
                run.push(ix);
                continue;
            }
            let is_parallel = |ix: usize| parallel.get(ix).copied().unwrap_or(false);
            let joins = is_parallel(ix)
                && run.iter().all(|&last| is_parallel(last) || stated[last])
                && !run.is_empty();
            if !joins && !run.is_empty() {
                *before = std::mem::take(run);
            }
            run.push(ix);
            if !before.is_empty() {
                edges.push((ix, before.clone()));
            }
        }
        for (ix, before) in edges {
            if before.len() >= MANY {
                let name = format!("tasks before {}", self.plan.tasks[ix].id);
                let set = self.set(&name, before);
                self.implies_by(Waiting::Task(ix), On::Set(set), Origin::Order);
            } else {
                before.into_iter().for_each(|on| self.implies(Waiting::Task(ix), On::Task(on)));
            }
        }
    }

    /// Groups that are phases follow each other, except those that say what they wait for or that they wait for none.
    pub fn phases_in_order(&mut self, free: &[usize]) {
        let heading =
            |ix: usize| self.text.all.get(self.outline.streams[ix].1.clone()).unwrap_or_default();
        let stream = |wait: &Wait| if let Waiting::Stream(ix) = wait.who { Some(ix) } else { None };
        let said: HashSet<usize> =
            self.waits.iter().filter_map(stream).chain(free.iter().copied()).collect();
        let says = |ix: usize| said.contains(&ix);
        let mut edges = Vec::new();
        let mut last: Option<usize> = None;
        for ix in 0..self.plan.streams.len() {
            if !is_phase(heading(ix)) {
                continue;
            }
            let lower = heading(ix).to_lowercase();
            let beside = ["parallel", "independent", "concurrent", "并行", "並行"]
                .iter()
                .any(|word| lower.contains(word));
            if let Some(before) = last.filter(|_| !says(ix) && !beside) {
                edges.push((ix, before));
            }
            last = Some(ix);
        }
        let freed: HashSet<usize> = self
            .waits
            .iter()
            .filter_map(|wait| {
                if let Waiting::Task(ix) = wait.who {
                    Some((ix, wait.text.to_lowercase()))
                } else {
                    None
                }
            })
            .filter(|(_, text)| {
                FREE.iter().any(|word| text.contains(word))
                    && !text.contains(|c: char| c.is_ascii_digit())
            })
            .map(|(ix, _)| ix)
            .collect();
        for (ix, before) in edges {
            if freed.is_empty() {
                self.implies(Waiting::Stream(ix), On::Stream(before));
                continue;
            }
            let id = self.plan.streams[ix].id.clone();
            let members: Vec<usize> = (0..self.plan.tasks.len())
                .filter(|task| self.plan.tasks[*task].stream.as_ref() == Some(&id))
                .collect();
            if members.iter().any(|task| freed.contains(task)) {
                for task in members.into_iter().filter(|task| !freed.contains(task)) {
                    self.implies(Waiting::Task(task), On::Stream(before));
                }
            } else {
                self.implies(Waiting::Stream(ix), On::Stream(before));
            }
        }
    }

    /// Tells of open tasks that are in no order with any other, and say nothing of it.
    pub(super) fn tell_unordered(&mut self, stated: &[bool]) {
        let plan = &self.plan;
        let waits_for_none = |ix: &usize| {
            plan.tasks[*ix].depends_on.is_empty() && !self.marks.contains_key(ix) && !stated[*ix]
        };
        let free: Vec<usize> = (0..plan.tasks.len()).filter(waits_for_none).collect();
        if free.len() < 2 {
            return;
        }
        let mut named: HashSet<&str> = HashSet::new();
        for dependency in plan
            .tasks
            .iter()
            .flat_map(|task| &task.depends_on)
            .chain(plan.streams.iter().flat_map(|stream| &stream.depends_on))
        {
            named.insert(match &dependency.on {
                Node::Task(id) => id.as_str(),
                Node::Stream(id) => id.as_str(),
                Node::Barrier(id) => id.as_str(),
            });
        }
        let in_sets: HashSet<&str> = plan
            .barriers
            .iter()
            .filter(|set| named.contains(set.id.as_str()))
            .flat_map(|set| &set.tasks)
            .map(|id| id.as_str())
            .collect();
        let ordered_streams: HashSet<&str> = plan
            .streams
            .iter()
            .filter(|stream| !stream.depends_on.is_empty() || named.contains(stream.id.as_str()))
            .map(|stream| stream.id.as_str())
            .collect();
        let is_loose = |ix: &usize| {
            let task = &plan.tasks[*ix];
            let of_stream = task
                .stream
                .as_ref()
                .is_some_and(|stream| ordered_streams.contains(stream.as_str()));
            let id = task.id.as_str();
            !of_stream && !named.contains(id) && !in_sets.contains(id)
        };
        let loose: Vec<usize> = free.into_iter().filter(is_loose).collect();
        if let [first, _, ..] = loose[..] {
            let names = some_of(loose.iter().map(|&ix| plan.tasks[ix].id.as_str()));
            let what = format!(
                "{} tasks say nothing of what they wait for and nothing waits for them: they may run first and at once ({names}); --deps order keeps all tasks in line",
                loose.len()
            );
            self.problems.push(Problem::info(
                "unordered",
                self.outline.tasks[first].span.clone(),
                what,
            ));
        }
    }
}

/// The numbers of lists that begin again at one, where ids count through the whole text.
pub(super) struct ListNumbers {
    /// The list of each task that has a number.
    lists: Vec<Option<usize>>,
    tasks: HashMap<(usize, u64), usize>,
}

impl ListNumbers {
    /// Those of a text; nothing where numbers go on through all of it.
    pub(super) fn from_builder(build: &Builder<'_>) -> Option<Self> {
        let (mut list, mut last, mut numbered) = (0, 0, false);
        let (mut lists, mut tasks) = (Vec::with_capacity(build.plan.tasks.len()), HashMap::new());
        for (ix, at) in build
            .text
            .lines_at(build.outline.tasks.iter().map(|task_item| task_item.span.start))
            .enumerate()
        {
            let item = build.text.lines.get(at).and_then(Line::item);
            let Some(number) = item.and_then(|item| item.number?.parse::<u64>().ok()) else {
                lists.push(None);
                continue;
            };
            if build.plan.tasks[ix].id.as_str().parse() != Ok(ix + 1) {
                return None;
            }
            numbered |= number <= last;
            list += usize::from(number <= last);
            last = number;
            lists.push(Some(list));
            tasks.insert((list, number), ix);
        }
        numbered.then_some(Self { lists, tasks })
    }

    /// The task that a number in a task of a list means: that of the same list, where there is one.
    pub(super) fn meant(&self, who: Waiting, to: &Target) -> Option<usize> {
        let (Waiting::Task(ix), Target::Task(id)) = (who, to) else { return None };
        let list = self.lists.get(ix).copied().flatten()?;
        self.tasks.get(&(list, id.parse().ok()?)).copied()
    }
}
