//! Collects what a format's reader finds.

use super::names::Names;
use super::outline::{Detail, Outline, SaidBy, StepSpot, TaskSpot};
use super::problem::Problem;
use super::refs::{Reference, Target, references};
use super::status::{is_known, is_under_way, status};
use super::text::{Field, File, Text, Tick, clean_title};
use super::tree::{Mistake, Value, front_matter, yaml};
use super::values::{estimate, file_name, is_placeholder, topic, without_backticks};
use crate::core::event::Mark;
use crate::core::id::{BarrierId, GateId, StreamId};
use crate::core::plan::{Level, Origin, Plan, PlanGate, Stream, Task, TestsFirst};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

/// What has been read so far.
pub struct Builder<'a> {
    /// The text.
    pub text: &'a Text<'a>,
    /// Streams and tasks; dependencies come at the end.
    pub plan: Plan,
    /// Positions.
    pub outline: Outline,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Boxes that are neither tasks nor steps: all, and ticked ones.
    pub other_boxes: (usize, usize),
    pub(super) marks: BTreeMap<usize, Mark>,
    pub(super) waits: Vec<(Waiting, String, usize)>,
    pub(super) implied: Vec<(Waiting, On, Origin)>,
    /// Sets of tasks that others wait for as a whole, with their names.
    pub(super) sets: Vec<(String, Vec<usize>)>,
    /// Barriers of the plan by their ids.
    pub(super) barriers: HashMap<BarrierId, usize>,
    pub(super) barriers_again: HashMap<String, usize>,
    /// The last task that waits for all before it.
    pub(super) all_before: Option<usize>,
    /// How often the nearest id was looked for.
    pub(super) looked: usize,
    pub(super) exact: Vec<(Waiting, String, Range<usize>)>,
    pub(super) aliases: HashMap<String, usize>,
    pub(super) ambiguous: HashSet<String>,
    /// Streams by their ids in lower case, and by the last words of those.
    stream_ids: HashMap<String, usize>,
    pub(super) stream_numbers: HashMap<String, usize>,
    /// Tasks of which a status says that somebody has begun them.
    pub(super) under_way: Vec<usize>,
    /// Words of statuses that the breakdown has of its own, in one spelling.
    pub known_statuses: HashSet<String>,
    /// Streams that can't start, and why.
    pub(super) broken: HashMap<StreamId, String>,
    /// Streams that are themselves tasks of the breakdown.
    pub(super) parents: HashSet<StreamId>,
    gate_ids: HashSet<String>,
    gates_again: HashMap<String, usize>,
    /// How often an id was given to a stream.
    again: HashMap<String, usize>,
}

/// Who waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Waiting {
    /// A task, by its index.
    Task(usize),
    /// A stream, by its index.
    Stream(usize),
}

/// What a format's order makes something wait for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum On {
    /// One task.
    Task(usize),
    /// A whole stream.
    Stream(usize),
    /// A set of tasks, by its index.
    Set(usize),
}

impl<'a> Builder<'a> {
    /// Nothing read yet.
    pub fn new(text: &'a Text<'a>, format: &str) -> Self {
        Self {
            text,
            plan: Plan { format: format.to_owned(), ..Plan::default() },
            outline: Outline::default(),
            problems: Vec::new(),
            other_boxes: (0, 0),
            marks: BTreeMap::new(),
            waits: Vec::new(),
            implied: Vec::new(),
            sets: Vec::new(),
            barriers: HashMap::new(),
            barriers_again: HashMap::new(),
            all_before: None,
            looked: 0,
            exact: Vec::new(),
            aliases: HashMap::new(),
            ambiguous: HashSet::new(),
            stream_ids: HashMap::new(),
            stream_numbers: HashMap::new(),
            under_way: Vec::new(),
            known_statuses: HashSet::new(),
            broken: HashMap::new(),
            parents: HashSet::new(),
            gate_ids: HashSet::new(),
            gates_again: HashMap::new(),
            again: HashMap::new(),
        }
    }

    /// Topic and summary: the first heading, and what stands under a heading that says so.
    pub fn read_topic(&mut self, cut: &[&str]) {
        let (mut summary, mut titled) = (false, false);
        let mut text = String::new();
        for (_, line) in self.text.visible() {
            if let Some((level, _, heading)) = line.heading() {
                // Of several titles, the first is that of the whole.
                if level == 1 && !std::mem::replace(&mut titled, true) {
                    self.plan.topic = topic(heading, cut);
                }
                let lower = heading.to_lowercase();
                summary = ["summary", "overview", "goal"].iter().any(|word| lower.contains(word)) && text.is_empty();
            } else if summary && text.len() < 2_000 && super::task_list::boxed(&line).is_none() {
                text.push_str(line.text.trim());
                text.push('\n');
            }
        }
        self.plan.summary = text.trim().to_owned();
    }

    /// A new stream; a repeated name gets a number.
    pub fn stream(&mut self, id: &str, name: &str, span: Range<usize>) -> usize {
        let mut unique = id.to_owned();
        while self.stream_of(&unique).is_some() {
            let again = self.again.entry(id.to_lowercase()).or_insert(1);
            *again += 1;
            unique = format!("{id} ({again})");
        }
        let (lower, ix) = (unique.to_lowercase(), self.plan.streams.len());
        if let Some((_, number)) = lower.rsplit_once(' ') {
            self.stream_numbers.entry(unpadded(number)).or_insert(ix);
        }
        self.stream_ids.insert(lower, ix);
        let id = StreamId::from(unique);
        let name = if name.is_empty() { id.to_string() } else { name.to_owned() };
        self.plan.streams.push(Stream { id: id.clone(), name, depends_on: Vec::new() });
        self.outline.streams.push((id, span));
        self.plan.streams.len() - 1
    }

    /// The stream of an id, whatever its case.
    pub fn stream_of(&self, id: &str) -> Option<usize> {
        self.stream_ids.get(&id.to_lowercase()).copied()
    }

    /// A new task.
    pub fn task(&mut self, id: &str, title: &str, stream: Option<usize>, span: Range<usize>) -> usize {
        let mut task = Task::new(id, title);
        task.stream = stream.map(|ix| self.plan.streams[ix].id.clone());
        if is_placeholder(title) || is_placeholder(id) {
            task.broken = Some("it is a template that was not filled in".into());
            let what = format!("task {id} is a template that was not filled in (`{title}`): write what it is, or remove it");
            self.problems.push(Problem::error("placeholder", span.clone(), what));
        }
        self.outline.tasks.push(TaskSpot {
            id: task.id.clone(),
            span,
            named: None,
            status: None,
            mark: None,
            ticked: false,
            said_by: None,
            steps: Vec::new(),
            details: Vec::new(),
        });
        self.plan.tasks.push(task);
        self.plan.tasks.len() - 1
    }

    /// How a task stands, and who says so; what is said later counts.
    pub fn mark(&mut self, task: usize, mark: Mark, by: SaidBy) {
        self.marks.insert(task, mark);
        self.outline.tasks[task].said_by = Some(by);
    }

    /// What the box in front of a task says; `base` is where the box's text starts.
    pub fn ticked(&mut self, task: usize, tick: &Tick<'_>, base: usize) {
        let spot = &mut self.outline.tasks[task];
        spot.mark = Some(base + tick.at);
        spot.ticked = matches!(tick.mark, 'x' | 'X');
        if tick.done() {
            self.mark(task, Mark::Done, SaidBy::Box);
        } else if tick.rest.trim_start_matches('*').starts_with("~~") {
            self.mark(task, Mark::Skipped, SaidBy::Title);
        } else if tick.mark == '>' {
            self.mark(task, Mark::Deferred, SaidBy::Box);
        } else if tick.mark == '?' {
            let span = base..base + tick.rest_at;
            self.problems.push(Problem::warning("unknown-mark", span, "the mark `?` is read as not done: use a blank or `x`"));
        }
    }

    /// A box that is neither a task nor a step.
    pub fn other_box(&mut self, tick: &Tick<'_>) {
        self.other_boxes.0 += 1;
        self.other_boxes.1 += usize::from(tick.done());
    }

    /// What words in a title say of a task's state: `SKIP: …`, `… (SKIPPED: why)`, `… ✅ 2025-12-10`, `… [DONE]`.
    pub fn state_words(&mut self, task: usize, title: &str) {
        let title = title.trim();
        let begins = |word: &str| title.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', ' ', ']']));
        // What stands last: in brackets, or behind a dash.
        let tail = title.rsplit(['(', '[', '—', '–']).next().filter(|tail| tail.len() < title.len());
        let tail = tail.or_else(|| title.rsplit_once(" - ").map(|(_, tail)| tail)).unwrap_or_default();
        let tail = tail.trim_matches([')', ']', ' ', '*']);
        // The word alone, or with its reason behind a sign: `(SKIPPED: why)`, `[DEFERRED - PROD]`.
        let alone = |rest: &str| {
            let rest = rest.trim_start();
            let reason = rest.split(' ').next().is_some_and(|word| ["to", "until", "till", "because", "per"].contains(&word));
            reason || rest.chars().next().is_none_or(|c| !c.is_alphanumeric())
        };
        let bracketed = |word: &str| {
            let places = ["(", "[", "- "].iter().flat_map(|open| title.match_indices(open).map(|(at, open)| &title[at + open.len()..]));
            places.filter_map(|rest| rest.strip_prefix(word)).any(alone)
        };
        let deferred =
            tail.get(.."deferred".len()).is_some_and(|head| head.eq_ignore_ascii_case("deferred")) && alone(&tail["deferred".len()..]);
        if begins("SKIP") || begins("SKIPPED") || bracketed("SKIPPED") {
            self.mark(task, Mark::Skipped, SaidBy::Title);
        } else if begins("DEFERRED") || bracketed("DEFERRED") || deferred {
            self.mark(task, Mark::Deferred, SaidBy::Title);
        } else if says_done(title, tail) {
            let spot = &self.outline.tasks[task];
            match spot.mark {
                None => self.mark(task, Mark::Done, SaidBy::Title),
                Some(_) if self.marks.contains_key(&task) => {}
                Some(_) => {
                    let what = format!("the title of task {} says that it is done, its box does not: the box counts", spot.id);
                    self.problems.push(Problem::warning("two-truths", spot.span.clone(), what));
                }
            }
        }
    }

    /// Something waits for what a text names.
    pub fn waits(&mut self, who: Waiting, text: &str, start: usize) {
        self.waits.push((who, text.to_owned(), start));
    }

    /// Something waits for the task of an id, which stands at a place as it is.
    pub fn waits_exactly(&mut self, who: Waiting, id: &str, span: Range<usize>) {
        self.exact.push((who, id.to_owned(), span));
    }

    /// Another name by which a task may be referred to; of two that have it, neither can be.
    pub fn alias(&mut self, task: usize, name: &str) {
        let name = name.to_lowercase();
        match self.aliases.get(&name) {
            Some(&known) if known != task => drop(self.ambiguous.insert(name)),
            _ => drop(self.aliases.insert(name, task)),
        }
    }

    /// Whether some task may be referred to by a name.
    pub fn knows(&self, name: &str) -> bool {
        self.aliases.contains_key(&name.to_lowercase())
    }

    /// Whether no more tasks are read; that is said once.
    pub fn is_full(&mut self, start: usize) -> bool {
        let full = self.plan.tasks.len() >= super::MAX_TASKS;
        if full {
            let what = format!("more than {} tasks: the rest is not read", super::MAX_TASKS);
            self.problems.push(Problem::error("too-many-tasks", start..start + 1, what));
        }
        full
    }

    /// What a word of a status says of a task.
    pub fn status(&mut self, task: usize, word: &str) {
        if let Some(mark) = status(word) {
            self.mark(task, mark, SaidBy::Status);
        } else if is_known(word) && matches!(self.outline.tasks[task].said_by, Some(SaidBy::Steps | SaidBy::Status)) {
            self.outline.tasks[task].said_by = None;
            self.marks.remove(&task);
        }
    }

    /// What a field of a status says of a task. One word can be replaced by that for done, in the same letters.
    pub fn status_field(&mut self, task: usize, field: &Field) {
        self.status(task, &field.value);
        let word = field.value.trim();
        let span = field.start..field.start + word.len();
        let is_word = is_known(word) && word.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, ' ' | '-' | '_')) && !word.is_empty();
        if is_word && self.text.all.get(span.clone()) == Some(word) && self.outline.tasks[task].mark.is_none() {
            self.outline.tasks[task].status = Some(span);
            let upper = word.starts_with(|c: char| c.is_ascii_uppercase());
            let whole = word.bytes().all(|byte| !byte.is_ascii_lowercase());
            let done = match () {
                () if status(word) == Some(Mark::Done) => word,
                () if whole => "DONE",
                () if upper => "Done",
                () => "done",
            };
            self.outline.done_word.get_or_insert_with(|| done.to_owned());
        }
    }

    /// What has no box of its own is done when all of its steps are, unless somebody says how it stands.
    pub fn done_by_steps(&mut self, task: usize) {
        let spot = &self.outline.tasks[task];
        let all = spot.ticks().next().is_some() && spot.ticks().all(|done| done);
        if all && !self.marks.contains_key(&task) {
            self.mark(task, Mark::Done, SaidBy::Steps);
        }
    }

    /// What the value of a status says of a task, with where it stands.
    pub fn status_value(&mut self, task: usize, value: &Value) {
        if let Some(word) = value.word() {
            let span = value.place(self.text.all);
            self.outline.tasks[task].status = Some(span.clone());
            self.status(task, word);
            if is_under_way(word) {
                self.under_way.push(task);
            }
            if !is_known(word) && !self.known_statuses.contains(&spelling(word)) {
                let what = format!("`{word}` is no status that is known here: it is read as still to be done");
                self.problems.push(Problem::warning("unknown-value", span, what));
            }
        }
    }

    /// The front matter of a file, with a problem for what can't be read of it.
    pub fn front(&mut self, file: &File<'_>) -> Option<Value> {
        let (front, mistakes) = yaml(self.text.all, front_matter(self.text.all, &file.range)?);
        self.mistakes(mistakes);
        Some(front)
    }

    /// What a tree could not be read of.
    pub fn mistakes(&mut self, mistakes: impl IntoIterator<Item = Mistake>) {
        for Mistake { span, what } in mistakes {
            self.problems.push(Problem::warning("unreadable", span, format!("{what}: the rest is read")));
        }
    }

    /// A task of which title and id are values, with the words of what it waits for.
    pub fn task_of(&mut self, id: &str, stream: Option<usize>, of: &Value, title: &str) -> usize {
        let named = ["id", "work_package_id"].iter().find_map(|key| of.get(key)).map(|value| value.place(self.text.all));
        let titled = ["title", "name"].iter().find_map(|key| of.get(key).filter(|value| value.word().is_some()));
        let span = titled.map(|value| value.place(self.text.all)).or_else(|| named.clone()).unwrap_or(of.span.start..of.span.start);
        let ix = self.task(id, title, stream, span);
        self.outline.tasks[ix].named = named;
        ix
    }

    /// In each stream tasks come one after the other, but a run of those that may run in parallel forks after the
    /// task before it and joins at the next one.
    pub fn in_order(&mut self, parallel: &[bool]) {
        let mut edges: Vec<(usize, usize)> = Vec::new();
        let mut before: Vec<usize> = Vec::new();
        let mut run: Vec<usize> = Vec::new();
        for ix in 0..self.plan.tasks.len() {
            let new = ix == 0 || self.plan.tasks[ix].stream != self.plan.tasks[ix - 1].stream;
            if new {
                before.clear();
                run.clear();
            }
            let joins = !new && parallel[ix] && run.last().is_some_and(|&last| parallel[last]);
            if !joins && !run.is_empty() {
                before = std::mem::take(&mut run);
            }
            run.push(ix);
            edges.extend(before.iter().map(|&on| (ix, on)));
        }
        for (ix, on) in edges {
            self.implies(Waiting::Task(ix), On::Task(on));
        }
    }

    /// Streams come one after the other.
    pub fn streams_in_order(&mut self) {
        for ix in 1..self.plan.streams.len() {
            self.implies(Waiting::Stream(ix), On::Stream(ix - 1));
        }
    }

    /// Something waits by the format's order: of tasks, of streams, or of sets of tasks.
    pub fn implies(&mut self, who: Waiting, on: On) {
        let origin = match on {
            On::Task(_) => Origin::Order,
            On::Stream(_) => Origin::Phase,
            On::Set(_) => Origin::Wave,
        };
        self.implies_by(who, on, origin);
    }

    /// The same by another's word.
    pub fn implies_by(&mut self, who: Waiting, on: On, origin: Origin) {
        self.implied.push((who, on, origin));
    }

    /// A set of tasks that others wait for as a whole; gives its index.
    pub fn set(&mut self, name: &str, tasks: Vec<usize>) -> usize {
        self.sets.push((name.to_owned(), tasks));
        self.sets.len() - 1
    }

    /// Whether any task says what it waits for.
    pub fn states_dependencies(&self) -> bool {
        let of_task = |who: &Waiting| matches!(who, Waiting::Task(_));
        let names = Names::new(&self.plan);
        // What is needed from outside orders nothing.
        let inside = |reference: &Reference| !matches!(reference.to, Target::External(_)) || !self.meant(reference, &names).is_empty();
        self.exact.iter().any(|(who, ..)| of_task(who))
            || self.waits.iter().any(|(who, text, _)| of_task(who) && references(text).iter().any(inside))
    }

    /// Takes what a text says of a task, at a place. Nothing is kept of nothing, nor of a value that means nothing.
    pub fn detail(&mut self, ix: usize, detail: Detail, text: &str, span: Range<usize>) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let task = &mut self.plan.tasks[ix];
        match detail {
            Detail::Agent => task.agent = Some(text.trim_matches(['`', '@']).to_owned()),
            Detail::Command => task.command = Some(without_backticks(text).to_owned()),
            Detail::Commit => task.commit = Some(text.trim_matches('`').to_owned()),
            Detail::Criteria => task.criteria.push(text.to_owned()),
            Detail::Estimate => match estimate(text) {
                Some(estimate) => task.estimate = Some(estimate),
                None => return,
            },
            Detail::Files => task.files.push(text.to_owned()),
            Detail::Notes => task.notes.push(text.to_owned()),
            Detail::Objective => task.objective = text.to_owned(),
            // What it means is an edge, or none.
            Detail::Parallel => {}
            Detail::Skills => task.skills.push(text.to_owned()),
            Detail::Specs => task.specs.push(text.to_owned()),
            Detail::Tests => task.tests.push(text.to_owned()),
            Detail::TestsFirst => match text.to_lowercase().as_str() {
                "required" | "yes" => task.tests_first = Some(TestsFirst::Required),
                "advisory" => task.tests_first = Some(TestsFirst::Advisory),
                "off" | "no" => task.tests_first = Some(TestsFirst::Off),
                _ => {
                    let what = format!("`{text}` is no rule for tests first: use required, advisory or off");
                    return self.problems.push(Problem::warning("unknown-value", span, what));
                }
            },
        }
        self.outline.tasks[ix].details.push((detail, span));
    }

    /// The same of each word of a key in a tree.
    pub fn details_of(&mut self, ix: usize, detail: Detail, of: &Value, key: &str) {
        for (word, value) in of.words_of(key) {
            self.detail(ix, detail, word, value.place(self.text.all));
        }
    }

    /// A key of a tree as it is written, for which there is no other place.
    pub fn note_of(&mut self, ix: usize, of: &Value, key: &str) {
        let words = of.words_of(key);
        let Some((_, first)) = words.first() else { return };
        let span = if words.len() == 1 { first.place(self.text.all) } else { of.get(key).map_or(0..0, |all| all.span.clone()) };
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.detail(ix, Detail::Notes, &format!("{key}: {}", words.join(", ")), span);
    }

    /// The file that a task is written down in, where its breakdown has more.
    pub fn note_file(&mut self, ix: usize, file: &File<'_>) {
        self.detail(ix, Detail::Notes, &format!("written down in {}", file.path), file.range.start..file.range.start);
    }

    /// A step of a task; one without a box can't be ticked.
    pub fn step(&mut self, ix: usize, text: impl Into<String>, span: Range<usize>, ticked: Option<bool>) {
        self.plan.tasks[ix].steps.push(text.into());
        self.outline.tasks[ix].steps.push(StepSpot { span, ticked });
    }

    /// A box that is a step of a task; `base` is where the box's text starts.
    pub fn boxed_step(&mut self, ix: usize, tick: &Tick<'_>, base: usize) {
        let from = base + tick.rest_at;
        self.step(ix, clean_title(tick.rest), from..from + tick.rest.len(), Some(tick.done()));
    }

    /// Pieces of a field's value, each with its place after that of the one before it. One that was joined from several
    /// lines stands somewhere in the field.
    fn pieces<'f>(&self, field: &'f Field, ends: &[char]) -> Vec<(&'f str, Range<usize>)> {
        let mut from = field.start;
        let piece = |piece: &'f str| {
            let piece = piece.trim();
            let rest = self.text.all.get(from..field.end).unwrap_or_default();
            let found = rest.find(piece).map(|at| from + at..from + at + piece.len());
            from = found.as_ref().map_or(from, |found| found.end);
            (piece, found.unwrap_or(field.start..field.end))
        };
        field.value.split(ends).filter(|piece| !piece.trim().is_empty()).map(piece).collect()
    }

    fn detail_of_pieces(&mut self, ix: usize, detail: Detail, field: &Field, ends: &[char]) {
        for (piece, span) in self.pieces(field, ends) {
            match detail {
                Detail::Files => self.detail(ix, detail, &file_name(piece.trim_matches('`')), span),
                Detail::Skills => self.detail(ix, detail, piece.trim_matches('`'), span),
                _ => self.detail(ix, detail, piece, span),
            }
        }
    }

    /// Takes a field that any format's task may have; others are kept as notes.
    pub fn field(&mut self, ix: usize, field: &Field) {
        let (value, span) = (field.value.trim(), field.start..field.end);
        let note = || format!("{}: {value}", field.label);
        match field.name.as_str() {
            "dependencies" | "depends on" | "depends" | "depends_on" | "prerequisites" | "prereq" | "requires" | "blocked by"
            | "blocked-by" | "after" | "依賴" | "依赖" | "依存" | "의존성" => {
                self.waits(Waiting::Task(ix), &field.value, field.start);
            }
            "objective" | "goal" => self.detail(ix, Detail::Objective, value, span),
            "description" if self.plan.tasks[ix].objective.is_empty() => self.detail(ix, Detail::Objective, value, span),
            "effort" | "estimate" | "size" | "estimated time" | "est. time" | "time" if estimate(value).is_some() => {
                self.detail(ix, Detail::Estimate, value, span)
            }
            "agent" | "owner" | "agent type" | "assignee" => self.detail(ix, Detail::Agent, value, span),
            "skill" | "skills" => self.detail_of_pieces(ix, Detail::Skills, field, &[',', '\n']),
            "file" | "files" | "files touched" | "files to create/modify" => self.detail_of_pieces(ix, Detail::Files, field, &[',', '\n']),
            "run" | "command" => self.detail(ix, Detail::Command, value, span),
            "tests first" | "tests_first" | "tests-first" => self.detail(ix, Detail::TestsFirst, value, span),
            "test requirements" | "tests" | "testing requirements" | "tdd requirements" | "test-first requirements" => {
                self.detail_of_pieces(ix, Detail::Tests, field, &['\n'])
            }
            "acceptance criteria" | "acceptance" | "success criteria" | "definition of done" | "done when" => {
                self.detail_of_pieces(ix, Detail::Criteria, field, &['\n'])
            }
            "commit" => self.detail(ix, Detail::Commit, value, span),
            "status" if !value.is_empty() => {
                self.status_field(ix, field);
                // What is more than a word is kept as it is.
                if self.outline.tasks[ix].status.is_none() {
                    self.detail(ix, Detail::Notes, &note(), span);
                }
            }
            name if name.ends_with("spec") || name.ends_with("specification") || name.ends_with("specifications") => {
                self.detail(ix, Detail::Specs, &note().replace('\n', " "), span);
            }
            "parallel" | "independent" => {
                self.detail(ix, Detail::Parallel, value, span.clone());
                self.detail(ix, Detail::Notes, &note(), span);
            }
            _ if !value.is_empty() => self.detail(ix, Detail::Notes, &note(), span),
            _ => {}
        }
    }

    /// A gate that the text names.
    pub fn gate(&mut self, id: &str, level: Level, after: Vec<StreamId>, text: &str, span: Range<usize>) {
        let mut unique = id.to_owned();
        while !self.gate_ids.insert(unique.clone()) {
            let again = self.gates_again.entry(id.to_owned()).or_insert(1);
            *again += 1;
            unique = format!("{id} ({again})");
        }
        let id = GateId::from(unique);
        self.outline.gates.push((id.clone(), span));
        self.plan.gates.push(PlanGate { id, level, after, text: text.to_owned() });
    }
}

/// `Ready-for_agent` → `ready for agent`.
pub fn spelling(word: &str) -> String {
    word.trim_matches(['"', '\'']).to_lowercase().replace(['-', '_'], " ")
}

/// `02.1` → `2.1`.
pub fn unpadded(number: &str) -> String {
    let part = |part: &str| match part.trim_start_matches('0') {
        "" if !part.is_empty() => "0".to_owned(),
        bare => bare.to_owned(),
    };
    number.split('.').map(part).collect::<Vec<_>>().join(".")
}

/// `✅ Title`, `Title ✅ 2025-12-10`, `Title - ✅ COMPLETED`, `Title [DONE]`; a sign within a sentence says nothing.
fn says_done(title: &str, tail: &str) -> bool {
    let after = title.rsplit_once('✅').map(|(_, after)| after.trim_start_matches('\u{fe0f}').trim_matches([' ', ')', ']', '*']));
    let is_date = |text: &str| text.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '/' | '.' | ' '));
    // More than the word would be about something else that is done: `(closed tickets)`.
    let done =
        |text: &str| status(text) == Some(Mark::Done) && !text.split_whitespace().skip(1).any(|word| word.contains(char::is_alphabetic));
    title.starts_with('✅') || after.is_some_and(|after| is_date(after) || done(after)) || (!tail.is_empty() && done(tail))
}
