//! Text → plan, outline, problems. Never fails: what can't be read is a problem, and a problem
//! blocks only what depends on it.

pub mod build;
pub mod companions;
pub mod conditions;
pub mod convert;
pub mod cycles;
pub mod details;
pub mod detect;
pub mod document;
pub mod folder;
pub mod forms;
pub mod formats;
pub mod headings;
pub mod lint;
pub mod locations;
pub mod names;
pub mod order;
pub mod outline;
pub mod owners;
pub mod ownership;
pub mod problem;
pub mod prose;
pub mod refs;
pub mod resolve;
pub mod source;
mod state_words;
pub mod status;
pub mod tables;
pub mod task_file;
pub mod text;
pub mod tree;
pub mod unread;
pub mod values;
pub mod write_back;

use crate::core::event::Mark;
use crate::core::id::{BarrierId, StreamId, TaskId};
use crate::core::plan::{Dependency, Node, Origin, Plan, Task};
use convert::Writer;
use detect::{Detected, Signs, detect};
use locations::{FolderFormat, Locations};
use outline::Outline;
use problem::{Problem, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use text::Text;

/// What a breakdown says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// What there is to do.
    pub plan: Plan,
    /// Where it stands in the text.
    pub outline: Outline,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// What it says is done, skipped or put off.
    pub marks: BTreeMap<TaskId, Mark>,
    /// Boxes that are neither tasks nor steps: all, and ticked ones.
    pub other_boxes: (usize, usize),
    /// The format that it was read as.
    pub read_as: Option<Detected>,
}

/// What a breakdown has, as somebody would count it who looks at its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Tasks, those that others make up included, their parts not.
    pub tasks: usize,
    /// Those that are done by their own mark.
    pub done: usize,
    /// Parts and steps of tasks, and boxes that are no work.
    pub sub_tasks: usize,
    /// Those of them that are done.
    pub sub_tasks_done: usize,
    /// Boxes among them that are conditions, or no work at all.
    pub criteria: usize,
    /// Edges between tasks that are written down, sets counted by their members.
    pub edges: usize,
    /// Edges between streams that are written down.
    pub group_edges: usize,
    /// Streams, phases and headings that have tasks.
    pub groups: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |count: usize, what: &str| {
            format!("{count} {what}{}", if count == 1 { "" } else { "s" })
        };
        write!(out, "{} ({} done), ", of(self.tasks, "task"), self.done)?;
        if self.sub_tasks > 0 {
            let criteria = if self.criteria > 0 {
                format!(", {} criteria", self.criteria)
            } else {
                String::new()
            };
            write!(
                out,
                "{} ({} done{criteria}), ",
                of(self.sub_tasks, "sub-task"),
                self.sub_tasks_done
            )?;
        }
        write!(out, "{}, ", of(self.edges, "edge"))?;
        if self.group_edges > 0 {
            write!(out, "{} between groups, ", self.group_edges)?;
        }
        write!(out, "{}", of(self.groups, "group"))
    }
}

impl Parsed {
    /// Whether nothing in it can be scheduled.
    pub fn nothing_to_do(&self) -> bool {
        self.plan.tasks.iter().all(|task| task.broken.is_some())
    }

    /// The same with a topic for a text that has no title.
    pub fn or_topic(mut self, topic: &str) -> Self {
        if self.plan.topic.is_empty() {
            self.plan.topic = topic.to_owned();
        }
        self
    }

    /// Counts what it has.
    pub fn counts(&self) -> Counts {
        let plan = &self.plan;
        let parents: BTreeMap<&StreamId, bool> =
            self.outline.parents.iter().map(|parent| (&parent.stream, parent.of_parts)).collect();
        let nested: BTreeSet<&StreamId> = self
            .outline
            .parents
            .iter()
            .filter(|parent| parent.of_parts)
            .flat_map(|parent| &parent.nested)
            .collect();
        let part_of = |task: &Task| {
            task.stream
                .as_ref()
                .is_some_and(|stream| parents.get(stream) == Some(&true) || nested.contains(stream))
        };
        let mut counts = Counts {
            sub_tasks: self.other_boxes.0,
            sub_tasks_done: self.other_boxes.1,
            criteria: self.other_boxes.0,
            ..Counts::default()
        };
        for (task, task_item) in plan.tasks.iter().zip(&self.outline.tasks) {
            let done = task_item.ticked || self.marks.get(&task.id) == Some(&Mark::Done);
            let (all, ended) = if part_of(task) {
                (&mut counts.sub_tasks, &mut counts.sub_tasks_done)
            } else {
                (&mut counts.tasks, &mut counts.done)
            };
            *all += 1;
            *ended += usize::from(done);
            counts.sub_tasks += task_item.ticks().count();
            counts.sub_tasks_done += task_item.ticks().filter(|done| *done).count();
        }
        let gates = &self.outline.gate_boxes;
        counts.tasks += parents.len() + gates.len();
        counts.done += self.outline.parents.iter().filter(|parent| parent.done).count()
            + gates.iter().filter(|done| **done).count();
        let barriers: BTreeMap<&BarrierId, usize> =
            plan.barriers.iter().map(|barrier| (&barrier.id, barrier.tasks.len())).collect();
        let members = |on: &Node| match on {
            Node::Barrier(id) => barriers.get(id).copied().unwrap_or(0),
            _ => 1,
        };
        let written = |dependency: &&Dependency| dependency.origin == Origin::Explicit;
        counts.edges = plan
            .tasks
            .iter()
            .flat_map(|task| &task.depends_on)
            .filter(written)
            .map(|edge| members(&edge.on))
            .sum();
        counts.edges += self.outline.edges_to_nothing;
        for stream in &plan.streams {
            let edges = stream.depends_on.iter().filter(written).count();
            // A stream that is a task of the breakdown waits as one.
            let is_task = parents.contains_key(&stream.id);
            *(if is_task { &mut counts.edges } else { &mut counts.group_edges }) += edges;
        }
        let with_tasks: BTreeSet<&StreamId> =
            plan.tasks.iter().filter_map(|task| task.stream.as_ref()).collect();
        counts.groups = self.outline.groups.unwrap_or(with_tasks.len());
        counts
    }

    /// The problems that keep something from being scheduled.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error)
    }
}

/// Which edges are taken beside the ones that are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deps {
    /// What the format implies.
    #[default]
    Format,
    /// None.
    Explicit,
    /// Each task waits for the one before it.
    Order,
    /// Each stream waits for the one before it.
    Phase,
}

/// A format of breakdowns: how it is recognised, read and written, and where its breakdowns are.
pub trait Reader: Sync {
    /// How sure it is that a text is in this format.
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence>;

    /// Reads a text. Never fails: what can't be read is a problem.
    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed;

    /// Where its breakdowns are, by their names.
    fn locations(&self) -> Locations {
        Locations::NONE
    }

    /// The folders that are one breakdown.
    fn folders(&self) -> &'static [FolderFormat] {
        &[]
    }

    /// How it is written; none where it is only read.
    fn writer(&self) -> Option<&'static Writer> {
        None
    }
}

/// How sure it is that a text is in a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Nothing else fits better.
    Guess,
    /// Its signs are there, and others could have them too.
    Likely,
    /// Nothing but a breakdown has such signs.
    Certain,
}

impl Confidence {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Guess => "a guess",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// Declares the formats in the order in which they are tried.
macro_rules! formats {
    ($($(#[$about:meta])* $format:ident = $name:literal by $reader:path, in which tasks are $tasks:literal;)*) => {
        /// The formats that are read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Format { $($(#[$about])* $format,)* }

        impl Format {
            /// All of them, in the order in which they are tried.
            pub const ALL: &[Format] = &[$(Self::$format,)*];
            /// Their names.
            pub const NAMES: &[&'static str] = &[$($name,)*];

            /// Its name, for options and reports.
            pub fn name(self) -> &'static str {
                match self { $(Self::$format => $name,)* }
            }

            /// What its tasks look like.
            pub fn tasks(self) -> &'static str {
                match self { $(Self::$format => $tasks,)* }
            }

            /// What reads it.
            pub fn reader(self) -> &'static dyn Reader {
                match self { $(Self::$format => &$reader,)* }
            }
        }
    };
}

formats! {
    /// Our own JSON.
    Json = "json" by formats::json::Json,
        in which tasks are "objects in a list `tasks`, with an id and a title each";
    /// claude-task-master's `tasks.json`.
    TaskMaster = "task-master" by formats::task_master::TaskMaster,
        in which tasks are "objects in lists `tasks`, with an id, a status and dependencies";
    /// beads' `issues.jsonl`.
    Beads = "beads" by formats::beads::Beads,
        in which tasks are "lines of JSON with an id and a status";
    /// Backlog.md's folder, or one of its tasks.
    Backlog = "backlog" by formats::backlog::Backlog,
        in which tasks are "files with an id and a status in their front matter";
    /// An epic of ccpm: its folder, or one of its tasks.
    Ccpm = "ccpm" by formats::ccpm::Ccpm,
        in which tasks are "files with a number as their name, and front matter";
    /// spec-kitty's work packages.
    SpecKitty = "spec-kitty" by formats::spec_kitty::SpecKitty,
        in which tasks are "headings `## WP01: …`, and files of such names";
    /// A roadmap of GSD with its plans.
    Gsd = "gsd" by formats::gsd::Gsd,
        in which tasks are "boxes `- [ ] 01-01-PLAN.md — …` in a roadmap, and files of such names";
    /// An index of tasks with a file for each.
    FeatureDocs = "feature-docs" by formats::feature_docs::FeatureDocs,
        in which tasks are "rows of an index with a number and dependencies, and files with a number as their name";
    /// Stories, epics and sprints of BMAD.
    Bmad = "bmad" by formats::bmad::Bmad,
        in which tasks are "keys below `development_status:`, headings `### Story 1.1: …`, or boxes under `## Tasks / Subtasks`";
    /// Plans of superpowers.
    Superpowers = "superpowers" by formats::superpowers::Superpowers,
        in which tasks are "headings `### Task 1: …`";
    /// Plans of loom.
    Loom = "loom" by formats::loom::Loom,
        in which tasks are "headings `## Task 1 — …`";
    /// Task files of rune.
    Rune = "rune" by formats::rune::Rune,
        in which tasks are "boxes `- [ ] 1. … <!-- id:abc1234 -->`";
    /// GitHub spec-kit's `tasks.md`.
    SpecKit = "spec-kit" by formats::spec_kit::SpecKit,
        in which tasks are "boxes `- [ ] T001 …`";
    /// The breakdown-agent's, in its three versions.
    BreakdownAgent = "breakdown-agent" by formats::breakdown_agent::BreakdownAgent,
        in which tasks are "`1. **Title**` under `### Stream A: …`, or `1. [ ] **Title**`";
    /// Kiro's `tasks.md` and its relatives.
    Kiro = "kiro" by formats::kiro::Kiro,
        in which tasks are "boxes `- [ ] 1. …` and `- [ ] 1.1 …`";
    /// OpenSpec's `tasks.md`.
    OpenSpec = "openspec" by formats::openspec::OpenSpec,
        in which tasks are "boxes `- [ ] 1.1 …`";
    /// Tables of tasks with a column of dependencies.
    IndexTable = "index-table" by formats::index_table::IndexTable,
        in which tasks are "rows of a table with a column of ids and one of dependencies";
    /// Headings that are tasks or streams of work, with fields.
    Streams = "streams" by formats::streams::Streams,
        in which tasks are "headings `### Task 1: …`, `### A1: …` or `### Stream A: …`";
    /// Steps as headings, with boxes.
    StepPlan = "step-plan" by formats::step_plan::StepPlan,
        in which tasks are "boxes `- [ ] …` under headings `### Step 1: …`";
    /// Boxes in Markdown.
    TaskList = "task-list" by formats::task_list::TaskList,
        in which tasks are "boxes `- [ ] …`";
}

impl Format {
    /// The format of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.name() == name)
    }

    /// Patterns by which files are breakdowns by their names, of all formats.
    pub fn globs() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().flat_map(|format| format.reader().locations().globs).copied()
    }
}

/// Tasks that are read at most.
pub const MAX_TASKS: usize = 200_000;

/// A breakdown's text, and of which files it is made.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The text.
    pub text: &'a str,
    /// Paths of files with their bytes in it; nothing where only the text is known.
    pub files: &'a [(String, Range<usize>)],
}

impl<'a> From<&'a str> for Input<'a> {
    fn from(text: &'a str) -> Self {
        Self { text, files: &[] }
    }
}

impl<'a> From<&'a String> for Input<'a> {
    fn from(text: &'a String) -> Self {
        text.as_str().into()
    }
}

impl<'a> Input<'a> {
    /// Its lines.
    pub fn lines(&self) -> Text<'a> {
        let files: Vec<(&str, Range<usize>)> =
            self.files.iter().map(|(path, range)| (path.as_str(), range.clone())).collect();
        if files.is_empty() { Text::new(self.text) } else { Text::with_files(self.text, &files) }
    }
}

/// The first line of a conflict that git has left in a text, outside of fences.
fn conflict(text: &Text<'_>) -> Option<Range<usize>> {
    if !text.all.contains("<<<<<<< ") || !text.all.contains(">>>>>>> ") {
        return None;
    }
    let in_fence = |at: usize| text.fences.iter().any(|fence| fence.contains(&at));
    let begins = |sign: &str| {
        text.lines
            .iter()
            .enumerate()
            .find(|(at, line)| line.text.starts_with(sign) && !in_fence(*at))
            .map(|(_, line)| line)
    };
    let (first, last) = (begins("<<<<<<< ")?, begins(">>>>>>> ")?);
    (first.start < last.start).then(|| first.span())
}

/// Reads a breakdown. The format is found out where it is not given.
pub fn parse<'a>(input: impl Into<Input<'a>>, format: Option<Format>, deps: Deps) -> Parsed {
    let text = input.into().lines();
    if let Some(conflict) = conflict(&text) {
        let found = format.map_or_else(
            || detect(&text)[0],
            |format| Detected { format, confidence: Confidence::Certain },
        );
        let mut parsed = Parsed { read_as: Some(found), ..found.format.reader().read(&text, deps) };
        let why =
            "the file has markers of a conflict: decide which side counts, and remove the markers";
        // Nobody knows what is meant, so nothing of it is begun.
        parsed.plan.tasks.iter_mut().for_each(|task| task.broken = Some(why.to_owned()));
        parsed.problems = vec![Problem::error("git-conflict", conflict, why)];
        return parsed;
    }
    let read = |found: Detected| Parsed {
        read_as: Some(found),
        ..found.format.reader().read(&text, deps)
    };
    if let Some(format) = format {
        return read(Detected { format, confidence: Confidence::Certain });
    }
    let found = detect(&text);
    let first = read(found[0]);
    // What has the signs of a format and none of its tasks may be in the next one, where it is one file.
    let readable = !first.problems.iter().any(|problem| problem.code == "unreadable");
    if first.plan.tasks.is_empty() && readable && text.files.len() == 1 {
        let guess = |found: &Detected| Detected { confidence: Confidence::Guess, ..*found };
        let next = found[1..].iter().map(guess).map(read).find(|next| !next.plan.tasks.is_empty());
        return next.unwrap_or(first);
    }
    first
}
