//! What an executor, an expert or a reviewer is told, as data. Text from a breakdown or from an
//! agent is quoted in it and never an order to this program.

use super::event::{Purpose, Step, Work};
use super::evidence;
use super::id::{OrderId, TaskId};
use super::outcome::{Finding, Usage};
use super::plan::Node;
use super::prose::{Excerpt, Prose};
use super::state::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Everything that is told to whoever carries out one order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Brief {
    /// The order, to name in files and answers.
    pub order: String,
    /// What is asked: `implementation`, `tests`, `consultation`, `review` or `final-review`.
    pub role: String,
    /// Who is asked.
    pub agent: String,
    /// The execution's topic.
    pub topic: String,
    /// The breakdown's summary.
    pub summary: String,
    /// The task; absent for a review of the whole.
    pub task: Option<BriefTask>,
    /// The breakdown's own words, what matters most first: the task's and its file's, those of the groups that it is in,
    /// the plan's, and files beside the breakdown.
    pub texts: Vec<BriefText>,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The round of rework; 0 at first.
    pub round: u32,
    /// What must be fixed.
    pub findings: Vec<Finding>,
    /// What the tasks before this one hand over.
    pub handoffs: Vec<Handoff>,
    /// What experts said.
    pub consultations: Vec<Advice>,
    /// Files that the last attempt changed, for reviewers.
    pub changed_files: Vec<String>,
    /// Files of the tests that were seen to fail and that the implementation has changed since, for reviewers.
    pub tests_changed: Vec<String>,
    /// Files by which the gates judge and that work on the task has changed or brought, for reviewers.
    pub gate_files_changed: Vec<String>,
    /// What failed before the attempt, and is none of its doing.
    pub failed_before: Vec<String>,
    /// Where to work, where that is a worktree of the task's own; the workspace when empty.
    pub folder: String,
    /// The commit with which that worktree began: what differs from it is the work on the task.
    pub base: String,
    /// The agent's own session of the attempt before, where it goes on in the same worktree.
    pub session: Option<String>,
    /// Whether it goes on where it asked something, with what it has not finished.
    #[serde(skip)]
    pub goes_on: bool,
    /// Whether it is only asked how it went.
    #[serde(skip)]
    pub again: bool,
    /// What was counted for that session so far.
    #[serde(skip)]
    pub session_used: Usage,
    /// What was done, as git shows it, one text for each file; for reviewers, where there is a worktree of the
    /// task's own.
    pub diff: Vec<String>,
    /// Whether the system keeps it from changing anything but its worktree, where it has one.
    pub confined: bool,
    /// Files in which both sides of a conflict stand, because others changed them too.
    pub conflicts: Vec<String>,
}

/// A piece of the breakdown, or of a file beside it, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BriefText {
    /// Whose words these are.
    pub of: TextOf,
    /// The group's title; empty for others.
    pub title: String,
    /// The file, from the workspace on where it is in it.
    pub file: String,
    /// The first line in it, from 1.
    pub first_line: u32,
    /// The last line.
    pub last_line: u32,
    /// What it says; of JSON, its keys and values as lines.
    pub text: String,
    /// The kept text that it stands in.
    #[serde(skip)]
    pub digest: String,
    /// Its bytes there.
    #[serde(skip)]
    pub range: Range<usize>,
}

/// Whose words a text is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum TextOf {
    /// The task's.
    #[default]
    Task,
    /// Those of a file beside the breakdown that is about the task alone.
    TaskFile,
    /// Those of a group that it is in.
    Group,
    /// The plan's.
    Plan,
    /// Those of a file beside the breakdown.
    Companion,
}

/// The task, as the breakdown has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BriefTask {
    /// Its id.
    pub id: String,
    /// One line.
    pub title: String,
    /// Its stream's name.
    pub stream: String,
    /// What it is for.
    pub objective: String,
    /// When it counts as done.
    pub criteria: Vec<String>,
    /// Behaviour as given/when/then.
    pub specs: Vec<String>,
    /// What its tests must show.
    pub tests: Vec<String>,
    /// Its steps.
    pub steps: Vec<String>,
    /// Files that it names.
    pub files: Vec<String>,
    /// Further text.
    pub notes: Vec<String>,
    /// The command that is the whole task.
    pub command: Option<String>,
    /// The commit message that the breakdown suggests.
    pub commit: Option<String>,
}

impl Brief {
    /// All in it that others have written: whoever repeats that says nothing of its own.
    pub fn from_elsewhere(&self) -> Vec<&str> {
        let task = self.task.iter().flat_map(|task| {
            let lists = [&task.criteria, &task.specs, &task.tests, &task.steps, &task.notes]
                .into_iter()
                .flatten();
            [&task.title, &task.objective].into_iter().chain(lists)
        });
        let texts = self
            .texts
            .iter()
            .map(|text| &text.text)
            .chain(self.findings.iter().map(|finding| &finding.text));
        let others = self
            .handoffs
            .iter()
            .map(|handoff| &handoff.summary)
            .chain(self.consultations.iter().map(|advice| &advice.text));
        [&self.topic, &self.summary]
            .into_iter()
            .chain(task)
            .chain(texts)
            .chain(others)
            .chain(&self.diff)
            .map(String::as_str)
            .collect()
    }

    /// With no more text than so many bytes, and whether anything had to go. What matters least goes first,
    /// and of several texts that matter alike the longest.
    #[must_use]
    pub fn limited(mut self, bytes: usize) -> (Self, bool) {
        let mut room = Room { left: bytes, shortened: false };
        let reviews = self.role.ends_with("review");
        room.fit(self.findings.iter_mut().map(|finding| &mut finding.text));
        if let Some(task) = &mut self.task {
            room.fit([&mut task.title]);
        }
        self.fit_texts(&mut room, |of| of == TextOf::Task);
        if let Some(task) = &mut self.task {
            room.fit([&mut task.objective]);
            room.fit(
                task.criteria
                    .iter_mut()
                    .chain(&mut task.specs)
                    .chain(&mut task.tests)
                    .chain(&mut task.steps),
            );
            room.fit(task.files.iter_mut().chain(&mut task.commit));
        }
        room.fit(&mut self.conflicts);
        if reviews {
            room.fit(self.tests_changed.iter_mut().chain(&mut self.gate_files_changed));
            room.fit(&mut self.changed_files);
            room.fit(&mut self.diff);
        }
        room.fit(self.consultations.iter_mut().map(|advice| &mut advice.text));
        for handoff in &mut self.handoffs {
            room.fit([&mut handoff.summary].into_iter().chain(&mut handoff.decisions));
        }
        if !reviews {
            room.fit(&mut self.changed_files);
        }
        room.fit(self.handoffs.iter_mut().flat_map(|handoff| &mut handoff.files));
        room.fit(self.task.iter_mut().flat_map(|task| &mut task.notes));
        self.fit_texts(&mut room, |of| of != TextOf::Task);
        room.fit([&mut self.summary]);
        room.fit(&mut self.failed_before);
        if !reviews {
            room.fit(&mut self.diff);
        }
        for list in
            [&mut self.conflicts, &mut self.changed_files, &mut self.failed_before, &mut self.diff]
        {
            list.retain(|text| !text.is_empty());
        }
        if let Some(task) = &mut self.task {
            for list in [
                &mut task.criteria,
                &mut task.specs,
                &mut task.tests,
                &mut task.steps,
                &mut task.files,
                &mut task.notes,
            ] {
                list.retain(|text| !text.is_empty());
            }
        }
        for handoff in &mut self.handoffs {
            handoff.files.retain(|text| !text.is_empty());
            handoff.decisions.retain(|text| !text.is_empty());
        }
        (self, room.shortened)
    }

    /// One after the other, as they matter. What has no room is named by its place.
    fn fit_texts(&mut self, room: &mut Room, wanted: fn(TextOf) -> bool) {
        for text in self.texts.iter_mut().filter(|text| wanted(text.of)) {
            if text.text.len() <= room.left {
                room.left -= text.text.len();
                continue;
            }
            room.shortened = true;
            let end = text.text.floor_char_boundary(room.left);
            // At the end of a line, where that is not far.
            let end = text.text[..end]
                .rfind('\n')
                .map(|line| line + 1)
                .filter(|line| line * 2 > end)
                .unwrap_or(end);
            let kept = u32::try_from(text.text[..end].matches('\n').count()).unwrap_or(u32::MAX);
            // Lines of JSON are not those of its file.
            let as_written = text.text.lines().count()
                == (text.last_line + 1).saturating_sub(text.first_line) as usize;
            let from = if as_written { text.first_line + kept } else { text.first_line };
            text.text.truncate(end);
            text.text.push_str(&format!(
                "… (left out for want of room: {}:{from}-{})",
                text.file, text.last_line
            ));
            room.left = room.left.saturating_sub(end);
        }
    }
}

/// Texts that would be shorter are left out.
const NOTE_BYTES: usize = 40;

/// How much may still be told.
struct Room {
    left: usize,
    shortened: bool,
}

impl Room {
    /// Texts that matter alike: where there is no room for all, the longest are cut to one length.
    fn fit<'a>(&mut self, texts: impl IntoIterator<Item = &'a mut String>) {
        let mut texts: Vec<&mut String> = texts.into_iter().collect();
        let mut lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
        lengths.sort_unstable();
        let (mut left, mut most) = (self.left, usize::MAX);
        for (at, length) in lengths.iter().enumerate() {
            let share = left / (lengths.len() - at);
            if *length > share {
                most = share;
                break;
            }
            left -= length;
        }
        // Where each could have no more than a note of what is missing, the first ones are whole, and one says how
        // many more there are.
        if most < NOTE_BYTES {
            let mut missing: Vec<&mut String> = Vec::new();
            for text in texts {
                match self.left.checked_sub(text.len()) {
                    Some(left) => self.left = left,
                    None => missing.push(text),
                }
            }
            let note = format!("… ({} left out)", missing.len());
            missing.iter_mut().for_each(|text| text.clear());
            if let Some(first) = missing.first_mut() {
                **first = note;
            }
            self.shortened = true;
            return;
        }
        for text in &mut texts {
            if text.len() > most {
                let end = text.floor_char_boundary(most);
                // At the end of a line, where that is not far.
                let end = text[..end].rfind('\n').filter(|line| line * 2 > end).unwrap_or(end);
                let gone = text.len() - end;
                text.truncate(end);
                text.push_str(&format!("… ({gone} bytes left out)"));
                self.shortened = true;
                self.left = self.left.saturating_sub(end);
            } else {
                self.left = self.left.saturating_sub(text.len());
            }
        }
    }
}

/// What a finished task passes to the ones after it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Handoff {
    /// The task.
    pub task: String,
    /// Its title.
    pub title: String,
    /// What was done.
    pub summary: String,
    /// Files that changed.
    pub files: Vec<String>,
    /// What was decided.
    pub decisions: Vec<String>,
}

/// What an expert said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Advice {
    /// Who.
    pub expert: String,
    /// What.
    pub text: String,
}

/// The brief of an order; none for a gate, and for an order that is not open.
pub fn brief(state: &State, order: OrderId) -> Option<Brief> {
    let work = &state.orders.get(&order)?.work;
    let (role, attempt) = match work {
        Work::Consultation { .. } => ("consultation", 1),
        Work::Tests { attempt, .. } => ("tests", *attempt),
        Work::Implementation { attempt, .. } => ("implementation", *attempt),
        Work::Review { task: Some(_), .. } => ("review", 1),
        Work::Review { task: None, .. } => ("final-review", 1),
        Work::Gate { .. }
        | Work::PrepareWorktree { .. }
        | Work::Merge { .. }
        | Work::Land { .. }
        | Work::Renew { .. }
        | Work::Deliver { .. } => {
            return None;
        }
    };
    let mut brief = Brief {
        order: order.to_string(),
        role: role.to_owned(),
        agent: work.agent().map(ToString::to_string).unwrap_or_default(),
        topic: state.plan.topic.clone(),
        summary: state.plan.summary.clone(),
        attempt,
        ..Brief::default()
    };
    match work.task().and_then(|id| state.graph.task(id)) {
        Some(ix) => about_task(state, ix, &mut brief),
        None => {
            let files = state
                .tasks
                .iter()
                .filter_map(|task| task.result.as_ref())
                .flat_map(|(_, result)| result.files.clone());
            brief.changed_files =
                files.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
            brief.handoffs =
                state.plan.tasks.iter().filter_map(|task| handoff(state, &task.id)).collect();
            brief.texts = texts(&state.plan.prose, None);
            brief.gate_files_changed =
                evidence::all_whole_files_changed(state).into_iter().collect();
        }
    }
    Some(brief)
}

fn about_task(state: &State, ix: usize, brief: &mut Brief) {
    let (task, known) = (state.task(ix), &state.tasks[ix]);
    let stream = task
        .stream
        .as_ref()
        .and_then(|id| state.graph.stream(id))
        .map(|ix| &state.plan.streams[ix]);
    brief.task = Some(BriefTask {
        id: task.id.to_string(),
        title: task.title.clone(),
        stream: stream.map(|stream| stream.name.clone()).unwrap_or_default(),
        objective: task.objective.clone(),
        criteria: task.criteria.clone(),
        specs: task.specs.clone(),
        tests: task.tests.clone(),
        steps: task.steps.clone(),
        files: task.files.clone(),
        notes: task.notes.clone(),
        command: task.command.clone(),
        commit: task.commit.clone(),
    });
    if let Some(worktree) = &known.worktree {
        brief.folder = worktree.folder.to_string();
        brief.base = worktree.base.to_string();
    }
    brief.texts = texts(&state.plan.prose, Some(&task.id));
    brief.session =
        known.session.clone().filter(|_| brief.role == "implementation" || known.answered);
    brief.session_used = known.session_used;
    brief.goes_on = known.answered;
    brief.round = known.rework_round.max(u32::from(!known.findings.is_empty()));
    brief.findings = known.findings.clone();
    let advice = known.consultations.iter().filter(|(_, answer)| !answer.summary.is_empty());
    brief.consultations = advice
        .map(|(expert, answer)| Advice { expert: expert.to_string(), text: answer.summary.clone() })
        .collect();
    brief.changed_files =
        known.result.as_ref().map(|(_, result)| result.files.clone()).unwrap_or_default();
    if brief.role == "review" {
        brief.tests_changed = evidence::tests_changed(known);
        brief.gate_files_changed = evidence::gate_files_changed(known).into_iter().collect();
    }
    brief.failed_before =
        known.baseline.values().flat_map(|judged| judged.measures.failed_tests.clone()).collect();
    let of_stream = stream.into_iter().flat_map(|stream| &stream.depends_on);
    let mut before: Vec<TaskId> = Vec::new();
    for dependency in task.depends_on.iter().chain(of_stream) {
        match &dependency.on {
            Node::Task(id) => before.push(id.clone()),
            Node::Stream(id) => before.extend(state.plan.tasks_of(id).map(|task| task.id.clone())),
            Node::Barrier(id) => {
                before.extend(
                    state
                        .plan
                        .barriers
                        .iter()
                        .filter(|barrier| barrier.id == *id)
                        .flat_map(|barrier| barrier.tasks.clone()),
                );
            }
        }
    }
    before.sort();
    before.dedup();
    brief.handoffs = before.iter().filter_map(|id| handoff(state, id)).collect();
}

/// The places of the words that are told about a task, or about the whole; what stands there is read by whoever tells it.
pub fn texts(prose: &Prose, task: Option<&TaskId>) -> Vec<BriefText> {
    let own = task.and_then(|task| prose.tasks.get(task));
    let mut found = Vec::new();
    let mut add = |of: TextOf, title: &str, excerpts: &[Excerpt]| {
        found.extend(excerpts.iter().map(|excerpt| BriefText {
            of,
            title: title.to_owned(),
            file: prose.files.get(excerpt.file as usize).cloned().unwrap_or_default(),
            first_line: excerpt.first_line,
            last_line: excerpt.last_line,
            text: String::new(),
            digest: prose.texts.get(excerpt.text as usize).cloned().unwrap_or_default(),
            range: usize::try_from(excerpt.start).unwrap_or(0)
                ..usize::try_from(excerpt.end).unwrap_or(0),
        }));
    };
    add(TextOf::Task, "", own.map_or(&[], |own| &own.text));
    add(TextOf::TaskFile, "", own.map_or(&[], |own| &own.files));
    match own {
        Some(own) => prose
            .groups_of(own)
            .into_iter()
            .for_each(|group| add(TextOf::Group, &group.title, &group.text)),
        None if task.is_none() => {
            prose.groups.iter().for_each(|group| add(TextOf::Group, &group.title, &group.text))
        }
        None => {}
    }
    add(TextOf::Plan, "", &prose.plan);
    add(TextOf::Companion, "", &prose.companions);
    found
}

/// What a task hands over, once it is done.
pub fn handoff(state: &State, id: &TaskId) -> Option<Handoff> {
    let ix = state.graph.task(id)?;
    let (_, result) = state.tasks[ix].result.as_ref().filter(|_| state.tasks[ix].satisfied())?;
    Some(Handoff {
        task: id.to_string(),
        title: state.task(ix).title.clone(),
        summary: result.summary.clone(),
        files: result.files.clone(),
        decisions: result.decisions.clone(),
    })
}

/// A step's name, for people.
pub fn step_name(step: Step) -> &'static str {
    match step {
        Step::Preparing => "making a worktree",
        Step::Consulting => "consulting experts",
        Step::Baseline => "measuring the base",
        Step::WritingTests => "writing tests",
        Step::ProvingRed => "seeing the tests fail",
        Step::Implementing => "working",
        Step::Gating => "gates",
        Step::Reviewing => "in review",
        Step::Merging => "merging",
    }
}

fn task_names(tasks: &[TaskId]) -> String {
    let names: Vec<&str> = tasks.iter().map(TaskId::as_str).collect();
    format!("{} {}", if tasks.len() == 1 { "task" } else { "tasks" }, names.join(", "))
}

/// What an order is, in a few words for people: `tests of task 3`.
pub fn work_name(work: &Work) -> String {
    match work {
        Work::Consultation { task, expert } => format!("{expert} on task {task}"),
        Work::Tests { task, .. } => format!("tests of task {task}"),
        Work::Implementation { task, .. } => format!("task {task}"),
        Work::Gate { check, gate, task, purpose } => {
            let of = match (gate, task) {
                (Some(gate), _) => format!(" for {gate}"),
                (None, Some(task)) => format!(" of task {task}"),
                (None, None) => String::new(),
            };
            let why = match purpose {
                Purpose::Baseline => " (base)",
                Purpose::Red => " (red)",
                Purpose::Judge => "",
                Purpose::Merged => " (as merged)",
            };
            format!("gate {check}{of}{why}")
        }
        Work::PrepareWorktree { task } => format!("a worktree for task {task}"),
        Work::Merge { tasks } => format!("merge of {}", task_names(tasks)),
        Work::Land { tasks, .. } => format!("landing of {}", task_names(tasks)),
        Work::Renew { .. } => "taking in new commits".into(),
        Work::Deliver { .. } => "delivery of the result".into(),
        Work::Review { task: Some(task), reviewer } => format!("{reviewer} on task {task}"),
        Work::Review { task: None, reviewer } => format!("{reviewer} on the whole"),
    }
}
