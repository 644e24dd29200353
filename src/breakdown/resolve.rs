//! What refers to what: references, the format's order, duplicates, cycles, and what else is wrong
//! once everything has been read.

use super::build::{Builder, On, Wait, Waiting, unpadded};
use super::names::Names;
use super::order::ListNumbers;
use super::outline::ResolvedReference;
use super::problem::Problem;
use super::refs::{Reference, Target, named_within};
use super::{Deps, Format, Parsed};
use crate::core::event::Mark;
use crate::core::id::{BarrierId, StreamId, TaskId};
use crate::core::plan::{Barrier, Dependency, Node, Origin};
use foldhash::{HashMap, HashMapExt, HashSet};
use std::ops::Range;

/// References to nothing for which the nearest id is looked for.
const MAX_NEAREST: usize = 100;
/// Ids of a range that are named.
const MAX_NAMED: usize = 40;
/// Tasks from which on what waits for all before it waits for fewer of them.
const MANY: usize = 1_000;
/// Formats of which a breakdown is a folder.
const OF_FOLDERS: [&str; 4] = ["backlog", "ccpm", "gsd", "spec-kitty"];
/// What a group that is waited for may be said to be: `Backend is done`.
const STATES: [&str; 6] = [" is ", " are ", " has ", " have ", " complet", " done"];
/// From this many members on, a set is waited for as one node instead of an edge for each.
const BARRIER_FROM: usize = 9;

impl Builder<'_> {
    /// Resolves references, finds duplicates and cycles, and hands everything over.
    pub fn finish(mut self, deps: Deps) -> Parsed {
        let names = self.names();
        self.rename_duplicates(&names);
        self.gather_statements();
        let stated = self.says_order();
        self.resolve_waits(&names);
        self.sentences_that_wait(&names);
        self.resolve_exact(&names);
        self.break_with_streams();
        self.add_implied(deps);
        self.drop_doubled();
        self.find_cycles();
        self.tell_unordered(&stated);
        self.lint();
        self.tell_no_tasks();
        self.keep_inside();
        self.outline.ownership = self.own();
        self.tell_unread();
        self.problems.sort_by_key(|problem| (problem.span.start, problem.severity));
        let marks =
            self.marks.iter().map(|(ix, mark)| (self.plan.tasks[*ix].id.clone(), *mark)).collect();
        Parsed {
            plan: self.plan,
            outline: self.outline,
            problems: self.problems,
            marks,
            other_boxes: self.other_boxes,
            read_as: None,
        }
    }

    /// Resolves what was written of who waits for what.
    fn resolve_waits(&mut self, names: &Names) {
        let waits = std::mem::take(&mut self.waits);
        let in_lists = ListNumbers::from_builder(self);
        for wait in &waits {
            let Wait { who, text, start, .. } = wait;
            for reference in wait.references() {
                let in_list = in_lists.as_ref().and_then(|lists| lists.meant(*who, &reference.to));
                let in_list = in_list.map(|ix| Reference {
                    to: Target::Task(self.plan.tasks[ix].id.to_string()),
                    ..*reference
                });
                let reference = in_list.as_ref().unwrap_or(reference);
                let place = |of: &Reference| {
                    let written = text.get(of.at..of.at + of.len).unwrap_or_default();
                    self.place_of(written, *start + of.at, *start)
                };
                let (span, meant) = (place(reference), self.meant(Some(*who), reference, names));
                let places: Vec<_> = meant.iter().map(place).collect();
                if meant.is_empty() {
                    self.resolve(*who, reference, span, names);
                } else if !matches!(&meant[..], [one] if one.len == reference.len) {
                    let what =
                        "only what is named here is waited for, the other words mean nothing to us";
                    self.problems.push(Problem::info("inexact-reference", span, what));
                }
                for (reference, span) in meant.iter().zip(places) {
                    self.resolve(*who, reference, span, names);
                }
            }
        }
    }

    /// Resolves what names tasks by nothing but their ids.
    fn resolve_exact(&mut self, names: &Names) {
        for (who, id, span) in std::mem::take(&mut self.exact) {
            let lower = id.to_lowercase();
            let known = self.aliases.get(&lower).copied();
            let is_stream = self.stream_of(&id).is_some() && !names.exact.contains_key(&lower);
            let reference = Reference {
                to: if is_stream { Target::Stream(id) } else { Target::Task(id) },
                at: 0,
                len: 0,
            };
            match known {
                Some(_) if self.ambiguous.contains(&lower) => {
                    let written = self.text.all.get(span.clone()).unwrap_or(&lower).to_owned();
                    self.several(who, &written, span);
                }
                Some(ix) => {
                    self.mention(who, span.clone(), &[ix], None);
                    self.depend_on_set(who, &[ix], &reference.to, span);
                }
                None => self.resolve(who, &reference, span, names),
            }
        }
    }

    /// What is in a stream that can't start can't be scheduled.
    fn break_with_streams(&mut self) {
        let broken = std::mem::take(&mut self.broken);
        for task in self.plan.tasks.iter_mut().filter(|_| !broken.is_empty()) {
            if let Some(why) = task.stream.as_ref().and_then(|stream| broken.get(stream)) {
                task.broken.get_or_insert(format!("its stream can't start: {why}"));
            }
        }
    }

    /// Keeps one of edges that say the same.
    fn drop_doubled(&mut self) {
        let lists = self.plan.tasks.iter_mut().map(|task| &mut task.depends_on);
        for list in lists
            .chain(self.plan.streams.iter_mut().map(|stream| &mut stream.depends_on))
            .filter(|list| list.len() > 1)
        {
            let mut seen = std::collections::BTreeSet::new();
            // An edge that is written and implied counts as written.
            list.sort_by_key(|dependency| dependency.origin);
            list.retain(|dependency| seen.insert(dependency.on.clone()));
        }
    }

    /// Says what was looked for, where there is no task.
    fn tell_no_tasks(&mut self) {
        if self.plan.tasks.is_empty() && self.is_unexplained() {
            let name = self.plan.format.trim_end_matches("-v1").trim_end_matches("-v2");
            let tasks = Format::named(name).map_or("", Format::tasks);
            let what = format!(
                "there is no task in it: it is read as {name}, in which tasks are {tasks}; --input-format says otherwise"
            );
            self.problems.push(Problem::error("no-tasks", 0..0, what));
            self.tell_candidates();
        }
    }

    /// Values of several lines have lost blanks, so what was counted in them may be off.
    fn keep_inside(&mut self) {
        let problems = self.problems.iter_mut().map(|problem| &mut problem.span);
        let details = self
            .outline
            .tasks
            .iter_mut()
            .flat_map(|task_item| &mut task_item.details)
            .map(|(_, span)| span);
        for span in
            problems.chain(self.outline.gates.iter_mut().map(|(_, span)| span)).chain(details)
        {
            *span = inside(self.text.all, span);
        }
    }

    /// What is meant by a reference that looks like something outside: whatever it looks like, what exists is named.
    /// A group is not meant by what is in it: that needs something of the same name.
    pub(super) fn meant(
        &self,
        who: Option<Waiting>,
        reference: &Reference,
        names: &Names,
    ) -> Vec<Reference> {
        let Target::External(word) = &reference.to else { return Vec::new() };
        let bare = word.trim_end_matches('.');
        if names.exact.contains_key(&bare.to_lowercase()) {
            return vec![Reference {
                to: Target::Task(bare.to_owned()),
                at: reference.at,
                len: reference.len,
            }];
        }
        let end = STATES.iter().filter_map(|state| bare.find(state)).min().unwrap_or(bare.len());
        let group = [bare, &bare[..end]]
            .into_iter()
            .find_map(|name| Some((name, self.group_of(name, names)?)));
        if let Some((name, ix)) =
            group.filter(|(_, ix)| who.is_none_or(|who| !self.is_within(who, *ix)))
        {
            return vec![Reference {
                to: Target::Stream(self.plan.streams[ix].id.to_string()),
                at: reference.at,
                len: name.len(),
            }];
        }
        let named = named_within(word).into_iter().filter(|of| self.exists(&of.to, names));
        named.map(|of| Reference { at: reference.at + of.at, ..of }).collect()
    }

    fn rename_duplicates(&mut self, names: &Names) {
        if names.exact.len() == self.plan.tasks.len() {
            return;
        }
        let mut taken: HashSet<TaskId> =
            self.plan.tasks.iter().map(|task| task.id.clone()).collect();
        let mut free = self
            .plan
            .tasks
            .iter()
            .filter_map(|task| task.id.as_str().parse::<u64>().ok())
            .max()
            .unwrap_or(0)
            .saturating_add(1);
        let mut doubled: Vec<&Vec<usize>> =
            names.exact.values().filter(|holders| holders.len() > 1).collect();
        doubled.sort();
        for holders in doubled {
            for (nth, &ix) in holders.iter().enumerate() {
                let (line, _) = self.text.position(self.outline.tasks[ix].span.start);
                let id = self.plan.tasks[ix].id.clone();
                if nth > 0 {
                    let (first, _) = self.text.position(self.outline.tasks[holders[0]].span.start);
                    let span = self.outline.tasks[ix].span.clone();
                    let elsewhere = self
                        .text
                        .file_at(self.outline.tasks[holders[0]].span.start)
                        .filter(|_| self.text.files.len() > 1);
                    let there = elsewhere
                        .map_or(format!("on line {first}"), |file| format!("in {}", file.path));
                    let mut problem = Problem::error(
                        "duplicate-id",
                        span.clone(),
                        format!("task {id} was defined {there} already: give it an id of its own"),
                    )
                    .with_related(
                        self.outline.tasks[holders[0]].span.clone(),
                        format!("the first task {id}"),
                    );
                    let place = self.text.all[span.clone()].find(id.as_str());
                    if let Some(at) = place.filter(|_| id.as_str().parse::<u64>().is_ok()) {
                        let at = span.start + at;
                        problem = problem.with_fix(
                            format!("renumber to {free}"),
                            at..at + id.as_str().len(),
                            free.to_string(),
                        );
                        free = free.saturating_add(1);
                    }
                    self.problems.push(problem);
                }
                let file = self
                    .text
                    .file_at(self.outline.tasks[ix].span.start)
                    .filter(|_| self.text.files.len() > 1);
                let mut unique =
                    TaskId::from(file.map_or(format!("{id}@{line}"), |file| {
                        format!("{id}@{}:{line}", file.path)
                    }));
                // Several may stand on one line.
                if !taken.insert(unique.clone()) {
                    unique = TaskId::from(format!("{unique}/{ix}"));
                    taken.insert(unique.clone());
                }
                self.outline.tasks[ix].id = unique.clone();
                self.plan.tasks[ix].id = unique;
            }
        }
    }

    /// Where a piece of a field's value stands. In a value of several lines, whose blanks were
    /// taken out, it stands somewhere after its start.
    fn place_of(&self, written: &str, at: usize, start: usize) -> Range<usize> {
        if self.text.all.get(at..at + written.len()) == Some(written) {
            return at..at + written.len();
        }
        let first = written.lines().next().unwrap_or_default();
        let after = self
            .text
            .all
            .get(start..)
            .and_then(|rest| rest.find(first))
            .filter(|_| !first.is_empty());
        match after {
            Some(after) => start + after..start + after + first.len(),
            None => {
                let line = self.text.lines[self.text.line_at(start)];
                line.start..line.start + line.text.len()
            }
        }
    }

    pub(super) fn resolve(
        &mut self,
        who: Waiting,
        reference: &Reference,
        span: Range<usize>,
        names: &Names,
    ) {
        let targets: Vec<usize> = match &reference.to {
            Target::Stream(key) => match self.resolve_stream(who, key, &span, names) {
                Some(targets) => targets,
                None => return,
            },
            Target::Streams(from, to) => return self.resolve_streams(who, from, to, span, names),
            Target::External(text) => return self.needs_from_outside(text, span),
            Target::AllBefore => match who {
                Waiting::Task(ix) => {
                    // Of so many, those count that the last one who waits for all does not wait for already.
                    let from = self
                        .all_before
                        .replace(ix)
                        .filter(|last| *last < ix && ix > MANY)
                        .unwrap_or(0);
                    (from..ix).collect()
                }
                Waiting::Stream(ix) => {
                    let before: Vec<StreamId> =
                        self.plan.streams[..ix].iter().map(|stream| stream.id.clone()).collect();
                    return before
                        .into_iter()
                        .for_each(|id| self.depend(who, Node::Stream(id), Origin::Explicit));
                }
            },
            Target::Range(from, to) => match names.range(from, to) {
                Some(members) => members,
                None => {
                    let what = format!(
                        "the range {from}-{to} has no tasks: both ends need the same letters, the lower number first"
                    );
                    self.problems.push(Problem::error("bad-range", span, what.clone()));
                    return self.mark_broken(who, what);
                }
            },
            Target::Task(id) => match self.find_task(id, names, &span) {
                Found::One(ix) => vec![ix],
                Found::Several => return self.several(who, id, span),
                Found::None if self.stream_of(id).is_some() => {
                    let group = Reference { to: Target::Stream(id.clone()), ..reference.clone() };
                    return self.resolve(who, &group, span, names);
                }
                Found::None => {
                    let itself = if let Waiting::Task(ix) = who { Some(ix) } else { None };
                    // To look for it takes a while, and so many are no slips of the pen.
                    self.looked += 1;
                    let looked = self.looked < MAX_NEAREST;
                    let nearest = Some(id)
                        .filter(|_| looked)
                        .and_then(|id| names.nearest(id))
                        .filter(|ix| Some(*ix) != itself)
                        .map(|ix| self.plan.tasks[ix].id.to_string());
                    let known = nearest.as_ref().map_or(String::new(), |id| format!("task {id}"));
                    return self.unknown(who, id, &known, span, nearest);
                }
            },
        };
        self.mention(who, span.clone(), &targets, None);
        self.depend_on_set(who, &targets, &reference.to, span);
    }

    /// The tasks that a reference to a stream means, where it names some; otherwise it is dealt with.
    fn resolve_stream(
        &mut self,
        who: Waiting,
        key: &str,
        span: &Range<usize>,
        names: &Names,
    ) -> Option<Vec<usize>> {
        match self.find_stream(key) {
            Some(ix) if who == Waiting::Stream(ix) => {
                let what = format!("stream {key} waits for itself: remove that");
                self.problems.push(Problem::error("self-dependency", span.clone(), what));
                None
            }
            None if names
                .exact
                .get(&key.to_lowercase())
                .is_some_and(|holders| holders.len() == 1) =>
            {
                Some(names.exact[&key.to_lowercase()].clone())
            }
            Some(ix) => {
                let id = self.plan.streams[ix].id.clone();
                self.mention(who, span.clone(), &[], Some(id.clone()));
                // Of what has parts that have parts, all are waited for.
                let nested = self
                    .outline
                    .parents
                    .iter()
                    .find(|parent| parent.stream == id)
                    .map(|parent| parent.nested.clone());
                for inner in nested.into_iter().flatten() {
                    if self.stream_of(inner.as_str()).map(Waiting::Stream) != Some(who) {
                        self.depend(who, Node::Stream(inner), Origin::Phase);
                    }
                }
                // What waits for a part of its own is done after it, and can be begun before.
                if !self.is_part_of(&id, who) {
                    self.depend(who, Node::Stream(id), Origin::Explicit);
                }
                None
            }
            None => {
                let known: Vec<&str> =
                    self.plan.streams.iter().map(|stream| stream.id.as_str()).collect();
                // With the word in front of it: `1` alone says nothing.
                let before = self.text.all[..span.start].trim_end();
                let label = before
                    .rsplit([' ', '\n', '(', '*'])
                    .next()
                    .filter(|word| word.chars().all(char::is_alphabetic));
                let written = format!("{} {key}", label.unwrap_or("stream"));
                let near =
                    known.len() <= 12 && known.iter().any(|id| id.contains(' ')) == label.is_some();
                let known = if near { known.join(", ") } else { String::new() };
                self.unknown(who, written.trim(), &known, span.clone(), None);
                None
            }
        }
    }

    /// Something is waited for that is nothing of this breakdown.
    pub fn needs_from_outside(&mut self, text: &str, span: Range<usize>) {
        let text: String = text.chars().take(120).collect();
        let what = format!(
            "`{text}` is no task here: it is kept as something needed from outside and blocks nothing"
        );
        self.problems.push(Problem::info("external-dependency", span.clone(), what));
        self.plan.risks.push(format!("needs from outside: {text}"));
        self.outline.risks.push(span);
    }

    /// Keeps where something is named. Places inside values of several lines may be unknown.
    fn mention(
        &mut self,
        who: Waiting,
        span: Range<usize>,
        tasks: &[usize],
        stream: Option<StreamId>,
    ) {
        let written = self.text.all.get(span.clone()).is_some_and(|text| {
            text.contains(|c: char| c.is_alphanumeric()) && !text.contains('\n')
        });
        if written {
            let by = if let Waiting::Task(ix) = who {
                Some(self.plan.tasks[ix].id.clone())
            } else {
                None
            };
            let tasks = tasks.iter().map(|&ix| self.plan.tasks[ix].id.clone()).collect();
            self.outline.references.push(ResolvedReference { span, by, tasks, stream });
        }
    }

    /// The group of a name that no other has.
    fn group_of(&self, name: &str, names: &Names) -> Option<usize> {
        self.stream_of(name).or_else(|| names.group(&self.plan, name))
    }

    /// Whether what waits is a group, or in it.
    pub(super) fn is_within(&self, who: Waiting, group: usize) -> bool {
        let stream = match who {
            Waiting::Stream(ix) => Some(&self.plan.streams[ix].id),
            Waiting::Task(ix) => self.plan.tasks[ix].stream.as_ref(),
        };
        let whole = &self.plan.streams[group].id;
        let is_part = |of: &StreamId| {
            self.outline
                .parents
                .iter()
                .any(|parent| parent.stream == *whole && parent.nested.contains(of))
        };
        stream.is_some_and(|stream| stream == whole || is_part(stream))
    }

    /// Whether a stream is one of the parts of what waits.
    fn is_part_of(&self, stream: &StreamId, who: Waiting) -> bool {
        let Waiting::Stream(ix) = who else { return false };
        let whole = &self.plan.streams[ix].id;
        stream == whole
            || self
                .outline
                .parents
                .iter()
                .any(|parent| parent.stream == *whole && parent.nested.contains(stream))
    }

    fn depend_on_set(
        &mut self,
        who: Waiting,
        targets: &[usize],
        written: &Target,
        span: Range<usize>,
    ) {
        if targets.len() >= BARRIER_FROM {
            let label = match written {
                Target::Range(from, to) => format!("{from}-{to}"),
                _ => format!(
                    "{}-{}",
                    self.plan.tasks[targets[0]].id,
                    self.plan.tasks[targets[targets.len() - 1]].id
                ),
            };
            let own = |ix: &usize| who == Waiting::Task(*ix);
            let members = targets
                .iter()
                .filter(|ix| !own(ix))
                .map(|ix| self.plan.tasks[*ix].id.clone())
                .collect();
            let barrier = self.barrier(&label, members);
            return self.depend(who, Node::Barrier(barrier), Origin::Explicit);
        }
        for &ix in targets {
            if self.plan.tasks[ix]
                .stream
                .as_ref()
                .is_some_and(|stream| self.is_part_of(stream, who))
            {
                continue;
            }
            if who == Waiting::Task(ix) {
                let id = &self.plan.tasks[ix].id;
                self.problems.push(Problem::error(
                    "self-dependency",
                    span.clone(),
                    format!("task {id} waits for itself: remove that"),
                ));
                self.outline.edges_to_nothing += 1;
            } else {
                self.depend(who, Node::Task(self.plan.tasks[ix].id.clone()), Origin::Explicit);
            }
        }
    }

    /// A set of tasks as one node; of two with one name, the later one gets another.
    fn barrier(&mut self, name: &str, members: Vec<TaskId>) -> BarrierId {
        let mut id = BarrierId::from(name);
        while let Some(&known) = self.barriers.get(&id) {
            if self.plan.barriers[known].tasks == members {
                return id;
            }
            let again = self.barriers_again.entry(name.to_owned()).or_insert(1);
            *again += 1;
            id = BarrierId::from(format!("{name} ({again})"));
        }
        self.barriers.insert(id.clone(), self.plan.barriers.len());
        self.plan.barriers.push(Barrier { id: id.clone(), tasks: members });
        id
    }

    /// Something waits for a node as it is.
    pub(super) fn depend(&mut self, who: Waiting, on: Node, origin: Origin) {
        let list = match who {
            Waiting::Task(ix) => &mut self.plan.tasks[ix].depends_on,
            Waiting::Stream(ix) => &mut self.plan.streams[ix].depends_on,
        };
        list.push(Dependency { on, origin });
    }

    /// All streams from one key to another that there are; streams that are tasks, too.
    fn resolve_streams(
        &mut self,
        who: Waiting,
        from: &str,
        to: &str,
        span: Range<usize>,
        names: &Names,
    ) {
        let letter = |key: &str| key.chars().next().map_or(0, |c| u64::from(u32::from(c)));
        let digits = from.starts_with(|c: char| c.is_ascii_digit());
        let number = |key: &str| if digits { key.parse().unwrap_or(0) } else { letter(key) };
        let last = number(to).min(number(from).saturating_add(MAX_NAMED as u64));
        let key = |value: u64| {
            if digits {
                value.to_string()
            } else {
                u32::try_from(value)
                    .ok()
                    .and_then(char::from_u32)
                    .map(String::from)
                    .unwrap_or_default()
            }
        };
        let keys: Vec<String> = (number(from)..=last).map(key).collect();
        let known: Vec<&String> = keys
            .iter()
            .filter(|key| {
                self.find_stream(key).is_some() || names.exact.contains_key(&key.to_lowercase())
            })
            .collect();
        if known.is_empty() {
            return self.unknown(who, &format!("{from}-{to}"), "", span, None);
        }
        for key in known {
            let one = Reference { to: Target::Stream(key.clone()), at: 0, len: 0 };
            self.resolve(who, &one, span.clone(), names);
        }
    }

    fn several(&mut self, who: Waiting, id: &str, span: Range<usize>) {
        let what = format!("{id} is the id of several tasks: say which one");
        self.problems.push(Problem::error("ambiguous-reference", span, what.clone()));
        self.mark_broken(who, what);
    }

    /// Something waits for what there is not; what may be meant is told.
    pub(super) fn unknown(
        &mut self,
        who: Waiting,
        id: &str,
        known: &str,
        span: Range<usize>,
        fix: Option<String>,
    ) {
        let of_folder =
            self.text.files.len() == 1 && OF_FOLDERS.contains(&self.plan.format.as_str());
        let hint = match () {
            () if of_folder => {
                ": this is one file of a folder: give the folder, and it is known".to_owned()
            }
            () if known.is_empty() => String::new(),
            () => format!(": did you mean {known}?"),
        };
        let what = format!("unknown reference `{id}`{hint}");
        // What is done waits no more, whatever it says.
        let done = matches!(who, Waiting::Task(ix) if self.marks.get(&ix) == Some(&Mark::Done));
        let problem = if done { Problem::warning } else { Problem::error };
        let mut problem = problem("unknown-reference", span.clone(), what.as_str());
        if let Some(id) = fix {
            problem = problem.with_fix(format!("replace by {id}"), span, id);
        }
        self.problems.push(problem);
        self.outline.edges_to_nothing += usize::from(matches!(who, Waiting::Task(_)));
        self.mark_broken(who, format!("it waits for `{id}`, which does not exist"));
    }

    fn mark_broken(&mut self, who: Waiting, why: String) {
        match who {
            Waiting::Task(ix) => drop(self.plan.tasks[ix].broken.get_or_insert(why)),
            Waiting::Stream(ix) => {
                let _ = self.broken.entry(self.plan.streams[ix].id.clone()).or_insert(why);
            }
        }
    }

    /// The stream of a key: `A`, `2` for `Phase 2`, `US1` for the phase of user story 1.
    pub fn find_stream(&self, key: &str) -> Option<usize> {
        let key = key.trim().trim_end_matches(['.', ':', ',']);
        self.stream_of(key)
            .or_else(|| self.stream_numbers.get(&unpadded(&key.to_lowercase())).copied())
    }

    fn find_task(&mut self, id: &str, names: &Names, span: &Range<usize>) -> Found {
        if let Some(holders) = names.exact.get(id).or_else(|| names.exact.get(&id.to_lowercase())) {
            return if let [one] = holders[..] { Found::One(one) } else { Found::Several };
        }
        // `B3`: task 3, which stands in stream B; or else the third task of stream B.
        let letters = id.bytes().take_while(u8::is_ascii_alphabetic).count();
        if letters > 0
            && let Some(stream) = self.find_stream(&id[..letters])
            && let Ok(number) = id[letters..].parse::<usize>()
        {
            let of_stream = names.of_stream(&self.plan, &self.plan.streams[stream].id);
            let by_number = names
                .exact
                .get(&id[letters..])
                .and_then(|holders| holders.iter().find(|ix| of_stream.contains(ix)));
            if let Some(&ix) = by_number {
                return Found::One(ix);
            }
            if let Some(&ix) = number.checked_sub(1).and_then(|nth| of_stream.get(nth)) {
                let what = format!(
                    "stream {} has no task {number}: `{id}` is read as its task no. {number}, task {}",
                    &id[..letters],
                    self.plan.tasks[ix].id
                );
                self.problems.push(Problem::warning("position-reference", span.clone(), what));
                return Found::One(ix);
            }
        }
        if let [one] = names.canonical(id) {
            return Found::One(*one);
        }
        match names.with_suffix(id)[..] {
            [one] => {
                let what = format!("`{id}` is read as task {}", self.plan.tasks[one].id);
                self.problems.push(Problem::warning("inexact-reference", span.clone(), what));
                Found::One(one)
            }
            _ => Found::None,
        }
    }

    /// Edges that the reader has found, of which `--deps` may want only those that are written, and its own instead.
    fn add_implied(&mut self, deps: Deps) {
        let mut sets: HashMap<usize, Node> = HashMap::new();
        let wanted = |origin: Origin| deps == Deps::Format || origin == Origin::Explicit;
        let implied = std::mem::take(&mut self.implied);
        for (who, on, origin) in implied.into_iter().filter(|(.., origin)| wanted(*origin)) {
            let node = match on {
                On::Task(ix) => Node::Task(self.plan.tasks[ix].id.clone()),
                On::Stream(ix) => Node::Stream(self.plan.streams[ix].id.clone()),
                On::Set(ix) => sets.entry(ix).or_insert_with(|| self.node_of_set(ix)).clone(),
            };
            self.depend(who, node, origin);
        }
        match deps {
            Deps::Order => {
                for ix in 1..self.plan.tasks.len() {
                    self.depend(
                        Waiting::Task(ix),
                        Node::Task(self.plan.tasks[ix - 1].id.clone()),
                        Origin::Order,
                    );
                }
            }
            Deps::Phase => {
                for ix in 1..self.plan.streams.len() {
                    self.depend(
                        Waiting::Stream(ix),
                        Node::Stream(self.plan.streams[ix - 1].id.clone()),
                        Origin::Phase,
                    );
                }
            }
            Deps::Format | Deps::Explicit => {}
        }
    }

    /// A set of one task is that task.
    fn node_of_set(&mut self, set: usize) -> Node {
        let (name, members) = std::mem::take(&mut self.sets[set]);
        let members: Vec<TaskId> =
            members.iter().map(|&ix| self.plan.tasks[ix].id.clone()).collect();
        match &members[..] {
            [one] => Node::Task(one.clone()),
            _ => Node::Barrier(self.barrier(&name, members)),
        }
    }
}

enum Found {
    One(usize),
    Several,
    None,
}

/// A range that is inside a text and begins and ends between characters.
fn inside(text: &str, span: &Range<usize>) -> Range<usize> {
    let fit = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = fit(span.start);
    start..fit(span.end).max(start)
}
