//! Collects what a format's reader finds.

use super::forms::{bare_name, is_struck_out};
use super::names::Names;
use super::outline::{Outline, SaidBy, TaskItem};
use super::problem::Problem;
use super::prose::may_begin;
use super::refs::{Reference, references};
use super::text::boxed;
use super::text::{File, Text, Tick, state_word};
use super::tree::{Mistake, Value, front_matter, yaml};
use super::values::{is_placeholder, topic};
use crate::core::event::Mark;
use crate::core::id::{BarrierId, GateId, StreamId};
use crate::core::plan::{Level, Origin, Plan, PlanGate, Stream, Task};
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use std::cell::{LazyCell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

/// A text that names what something waits for.
pub struct Wait {
    /// What waits.
    pub who: Waiting,
    /// The text.
    pub text: String,
    /// Where it starts.
    pub start: usize,
    references: OnceCell<Vec<Reference>>,
}

impl Wait {
    /// What the text names.
    pub fn references(&self) -> &[Reference] {
        self.references.get_or_init(|| references(&self.text))
    }
}

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
    pub(super) waits: Vec<Wait>,
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
    /// Whether the dependencies have been taken that stand where all formats may have them.
    pub(super) gathered: bool,
    /// What tasks say that they block: task, text, and where that starts.
    pub(super) blocks: Vec<(usize, String, usize)>,
    /// Tasks that say what they wait for where that is nothing.
    pub(super) stated: HashSet<usize>,
    /// Lines that were taken for something that has no place of its own.
    pub taken: Vec<Range<usize>>,
    /// Streams that can't start, and why.
    pub(super) broken: HashMap<StreamId, String>,
    /// The lines that may say when something begins.
    beginnings: OnceCell<Vec<bool>>,
    /// The ids of the tasks that there were.
    names: RefCell<Option<Rc<Names>>>,
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
            gathered: false,
            blocks: Vec::new(),
            stated: HashSet::new(),
            taken: Vec::new(),
            broken: HashMap::new(),
            beginnings: OnceCell::new(),
            names: RefCell::new(None),
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
                let names_one = |lower: String| {
                    ["summary", "overview", "goal"].iter().any(|word| lower.contains(word))
                };
                summary = text.is_empty() && names_one(heading.to_lowercase());
            } else if summary && text.len() < 2_000 && boxed(&line).is_none() {
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
        if let Some((_, number)) = bare_name(&lower).rsplit_once(' ') {
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

    /// For each line, whether it may say when something begins.
    pub(super) fn may_begin(&self) -> &[bool] {
        self.beginnings.get_or_init(|| may_begin(self.text))
    }

    /// The ids of all tasks that there are by now, as they were read.
    pub fn names(&self) -> Rc<Names> {
        let known = self.names.take().filter(|names| names.are_of(&self.plan));
        let names = known.unwrap_or_else(|| Rc::new(Names::new(&self.plan)));
        self.names.replace(Some(names.clone()));
        names
    }

    /// A new task.
    pub fn task(
        &mut self,
        id: &str,
        title: &str,
        stream: Option<usize>,
        span: Range<usize>,
    ) -> usize {
        let mut task = Task::new(id, title);
        task.stream = stream.map(|ix| self.plan.streams[ix].id.clone());
        if is_placeholder(title) || is_placeholder(id) {
            task.broken = Some("it is a template that was not filled in".into());
            let what = format!(
                "task {id} is a template that was not filled in (`{title}`): write what it is, or remove it"
            );
            self.problems.push(Problem::error("placeholder", span.clone(), what));
        }
        self.outline.tasks.push(TaskItem {
            id: task.id.clone(),
            span,
            named: None,
            status: None,
            mark: None,
            ticked: false,
            said_by: None,
            steps: Vec::new(),
            details: Vec::new(),
            value: None,
            file: None,
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
        let task_item = &mut self.outline.tasks[task];
        task_item.mark = Some(base + tick.at);
        task_item.ticked = tick.done();
        if tick.done() {
            self.mark(task, Mark::Done, SaidBy::Box);
        } else if is_struck_out(tick.rest) {
            self.mark(task, Mark::Skipped, SaidBy::Title);
        } else if matches!(tick.mark, '>' | '⏭') {
            self.mark(task, Mark::Deferred, SaidBy::Box);
        } else if let Some(mark) = state_word(tick.inner).flatten() {
            self.mark(task, mark, SaidBy::Box);
        } else if !tick.is_known() && state_word(tick.inner).is_none() {
            let span = base..base + tick.rest_at;
            let what = format!("the mark `{}` is read as not done: use a blank or `x`", tick.mark);
            self.problems.push(Problem::warning("unknown-mark", span, what));
        }
    }

    /// A box that is neither a task nor a step.
    pub fn other_box(&mut self, tick: &Tick<'_>) {
        self.other_boxes.0 += 1;
        self.other_boxes.1 += usize::from(tick.done());
    }

    /// Something waits for what a text names.
    pub fn waits(&mut self, who: Waiting, text: &str, start: usize) {
        self.waits.push(Wait { who, text: text.to_owned(), start, references: OnceCell::new() });
    }

    /// A task says that it waits for nothing.
    pub fn waits_for_nothing(&mut self, task: usize) {
        self.stated.insert(task);
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

    /// The front matter of a file, with a problem for what can't be read of it.
    pub fn front(&mut self, file: &File<'_>) -> Option<Value> {
        let (front, mistakes) = yaml(self.text.all, front_matter(self.text.all, &file.range)?);
        self.mistakes(mistakes);
        Some(front)
    }

    /// What a tree could not be read of.
    pub fn mistakes(&mut self, mistakes: impl IntoIterator<Item = Mistake>) {
        for Mistake { span, what } in mistakes {
            self.problems.push(Problem::warning(
                "unreadable",
                span,
                format!("{what}: the rest is read"),
            ));
        }
    }

    /// A task of which title and id are values, with the words of what it waits for.
    pub fn task_of(&mut self, id: &str, stream: Option<usize>, of: &Value, title: &str) -> usize {
        let named = ["id", "work_package_id"]
            .iter()
            .find_map(|key| of.get(key))
            .map(|value| value.span_in(self.text.all));
        let titled = ["title", "name"]
            .iter()
            .find_map(|key| of.get(key).filter(|value| value.word().is_some()));
        let span = titled
            .map(|value| value.span_in(self.text.all))
            .or_else(|| named.clone())
            .unwrap_or(of.span.start..of.span.start);
        let ix = self.task(id, title, stream, span);
        self.outline.tasks[ix].named = named;
        self.outline.tasks[ix].value = Some(of.span.clone());
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
        let names = LazyCell::new(|| self.names());
        self.exact.iter().any(|(who, ..)| of_task(who))
            || self.waits.iter().any(|wait| {
                of_task(&wait.who)
                    && wait.references().iter().any(|of| self.is_inside(wait.who, of, &names))
            })
    }

    /// A gate that the text names.
    pub fn gate(
        &mut self,
        id: &str,
        level: Level,
        after: Vec<StreamId>,
        text: &str,
        span: Range<usize>,
    ) {
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

/// `02.1` → `2.1`.
pub fn unpadded(number: &str) -> String {
    let part = |part: &str| match part.trim_start_matches('0') {
        "" if !part.is_empty() => "0".to_owned(),
        bare => bare.to_owned(),
    };
    number.split('.').map(part).collect::<Vec<_>>().join(".")
}
