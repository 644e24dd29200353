//! GSD: a roadmap of phases with boxes for their plans, and a file for each plan, whose front matter has its wave,
//! what it depends on and which files it changes.

use crate::breakdown::build::{Builder, On, Wait, Waiting, unpadded};
use crate::breakdown::detect::Signs;
use crate::breakdown::forms::numbered;
use crate::breakdown::locations::{FolderFormat, Locations};
use crate::breakdown::outline::{Detail, SaidBy};
use crate::breakdown::problem::{Problem, some_of};
use crate::breakdown::refs::Target;
use crate::breakdown::status::status;
use crate::breakdown::text::boxed;
use crate::breakdown::text::{File, Line, Text, Tick, clean_title, fields};
use crate::breakdown::tree::Value;
use crate::breakdown::values::is_placeholder;
use crate::breakdown::{Confidence, Deps, Parsed};
use crate::core::event::Mark;
use crate::core::id::StreamId;
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use std::collections::BTreeMap;
use std::ops::Range;

/// Characters that are taken of an objective.
const MAX_PROSE: usize = 4_000;

/// The format.
pub struct Gsd;

impl crate::breakdown::Reader for Gsd {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        let files = signs.paths.len() > 1 && signs.path_has(&["phases/"], "plan.md");
        if files || signs.front_has(&["phase", "plan", "wave"]) || signs.plans >= 2 {
            return Some(Confidence::Certain);
        }
        (signs.plans >= 1 || signs.path_has(&[".planning/"], "roadmap.md"))
            .then_some(Confidence::Likely)
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let mut build = Builder::new(text, "gsd");
        build.read_topic(&["Roadmap:", "Roadmap"]);
        let mut reader = Reader {
            build,
            phases: Vec::new(),
            waves: HashMap::new(),
            plans: HashMap::new(),
            headings: Vec::new(),
            stated: HashSet::new(),
            states: HashMap::new(),
            summed_up: Vec::new(),
            steps: Vec::new(),
        };
        for file in text.files.iter().filter(|file| !is_plan(file)) {
            if file.name() != "STATE.md" && !file.name().ends_with("SUMMARY.md") {
                reader.roadmap(&text.visible_in(file));
            }
        }
        for file in text.files.iter().filter(|file| is_plan(file)) {
            reader.plan(file);
        }
        for file in text.files.iter().filter(|file| file.name().ends_with("SUMMARY.md")) {
            reader.summary(file);
        }
        reader.finish(deps)
    }

    fn locations(&self) -> Locations {
        Locations {
            names: &["ROADMAP.md"],
            rank: 1,
            paths: &[".planning"],
            globs: &["**/.planning/ROADMAP.md"],
            ..Locations::NONE
        }
    }

    fn folders(&self) -> &'static [FolderFormat] {
        &[FolderFormat {
            rank: 3,
            has: &["ROADMAP.md", "phases"],
            first: &["ROADMAP.md"],
            folders: &[("phases", true)],
            takes: |name| is_plan_name(name) || name.ends_with("SUMMARY.md"),
        }]
    }
}

/// `phases/00-foundation/01-PLAN.md` → `00`.
fn phase_of(path: &str) -> Option<&str> {
    let folder = path.rsplit('/').nth(1)?;
    folder.split('-').next().filter(|phase| phase.starts_with(|c: char| c.is_ascii_digit()))
}

/// The phase and the id of a plan by what belongs to it: `01-02-PLAN.md`, or `02-SUMMARY.md` in the folder of its phase.
fn identity(file: &File<'_>, end: &str, front: &Value) -> (String, String) {
    let name = file.name().trim_end_matches(end).trim_end_matches('-');
    // The folder says it where the front matter does not: `phases/00-foundation/01-PLAN.md`.
    let phase = front
        .word_of("phase")
        .and_then(|phase| phase.split('-').next())
        .or_else(|| phase_of(file.path))
        .unwrap_or_default();
    let numbered = numbered_plan(file.name()).map(|(phase, plan)| format!("{phase}-{plan}"));
    let id = if let Some(id) = numbered {
        id
    } else if name.contains('-') {
        name.to_owned()
    } else {
        format!("{phase}-{}", front.word_of("plan").unwrap_or(name))
    };
    (phase.to_owned(), id)
}

fn is_plan(file: &File<'_>) -> bool {
    is_plan_name(file.name())
}

/// `01-02-PLAN.md`, `PLAN.md`, `12-PLAN-01.md`.
pub fn is_plan_name(name: &str) -> bool {
    name.ends_with("PLAN.md") || numbered_plan(name).is_some()
}

/// `12-PLAN-01.md` → `12` and `01`.
fn numbered_plan(name: &str) -> Option<(&str, &str)> {
    let (phase, plan) = name.strip_suffix(".md")?.split_once("-PLAN-")?;
    let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    (digits(phase) && digits(plan)).then_some((phase, plan))
}

/// `01-02-PLAN.md — Title`, `02-01: Title` → its id and its title.
fn plan_box(text: &str) -> Option<(String, &str)> {
    let bare = text.trim_start_matches(['*', '`', '[']);
    let len =
        bare.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')).count();
    let numbered = numbered_plan(&bare[..len]).map(|(phase, plan)| format!("{phase}-{plan}"));
    let is_file = numbered.is_some() || bare[..len].ends_with("-PLAN.md");
    let word = numbered.unwrap_or_else(|| bare[..len].trim_end_matches("-PLAN.md").to_owned());
    let (phase, plan) = word.split_once('-')?;
    let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let is_plan = digit(phase) && digit(plan) && (is_file || plan.len() <= 3);
    is_plan.then(|| {
        (word.clone(), bare[len..].trim_start_matches([']', '*', '`', ':', '—', '–', '-', ' ']))
    })
}

/// `**Phase 3: Later** - some day` → its id and its name.
fn phase_box(text: &str) -> Option<(String, String)> {
    let bold = text.strip_prefix("**").and_then(|rest| rest.split_once("**")).map(|(name, _)| name);
    numbered(bold.unwrap_or(text), "Phase")
}

/// `(Wave 2)` → 2.
fn wave_in(title: &str) -> Option<u32> {
    let rest = &title[title.find("(Wave ")? + 6..];
    rest[..rest.bytes().take_while(u8::is_ascii_digit).count()].parse().ok()
}

struct Reader<'a> {
    build: Builder<'a>,
    /// Phases of the summary, with their boxes.
    phases: Vec<(String, String, Line<'a>)>,
    waves: HashMap<usize, u32>,
    /// Plans that the roadmap lists.
    plans: HashMap<String, usize>,
    /// Phases with headings of their own: their streams, numbers and names.
    headings: Vec<(usize, String, String)>,
    /// Phases that say what they wait for, be it nothing.
    stated: HashSet<usize>,
    /// What the headings of phases say of how they stand.
    states: HashMap<usize, String>,
    /// Plans that are not ticked and have a summary.
    summed_up: Vec<usize>,
    /// Boxes that are no plans, with the phases that they stand under.
    steps: Vec<(Option<usize>, usize, Tick<'a>)>,
}

impl<'a> Reader<'a> {
    fn roadmap(&mut self, lines: &[Line<'a>]) {
        let (mut stream, mut wave) = (None, None);
        for (at, line) in lines.iter().enumerate() {
            let span = line.span();
            if let Some((level, _, heading)) = line.heading() {
                wave = None;
                match numbered(heading, "Phase") {
                    Some((id, name)) => {
                        let ix =
                            self.build.stream(&format!("Phase {id}"), &clean_title(&name), span);
                        stream = Some(ix);
                        self.headings.push((ix, id, name));
                        let own: Vec<Line<'_>> = lines[at + 1..]
                            .iter()
                            .take_while(|next| next.heading().is_none())
                            .copied()
                            .collect();
                        for field in fields(&own) {
                            match field.name.as_str() {
                                "depends on" | "dependencies" => {
                                    self.stated.insert(ix);
                                    if !field.value.to_lowercase().starts_with("nothing") {
                                        self.build.waits(
                                            Waiting::Stream(ix),
                                            &field.value,
                                            field.start,
                                        );
                                    }
                                }
                                "status" => drop(self.states.insert(ix, field.value)),
                                _ => {}
                            }
                        }
                    }
                    None if level <= 2 => stream = None,
                    None => {}
                }
                continue;
            }
            let Some((start, tick)) = boxed(line) else {
                // `**Wave 2** *(blocked on Wave 1)*` above its plans.
                wave = numbered(line.trimmed().1.trim_matches('*'), "Wave")
                    .map_or(wave, |(number, _)| number.parse().ok());
                continue;
            };
            if let Some((id, title)) = plan_box(tick.rest) {
                // What is still to be planned is no plan.
                if is_placeholder(title) {
                    continue;
                }
                let title = if title.is_empty() { id.as_str() } else { title };
                // A plan is a file: listed again, it is the same.
                if let Some(&known) = self.plans.get(&id) {
                    if tick.done() {
                        self.build.mark(known, Mark::Done, SaidBy::Box);
                    }
                    let what = format!("plan {id} is listed again: it is one task");
                    self.build.problems.push(Problem::info("listed-again", span, what));
                    continue;
                }
                let ix = self.build.task(&id, &clean_title(title), stream, span);
                self.build.ticked(ix, &tick, start);
                self.plans.entry(id.clone()).or_insert(ix);
                self.waves.extend(wave_in(title).or(wave).map(|wave| (ix, wave)));
                if self.build.is_full(line.start) {
                    return;
                }
            } else if let Some((id, title)) = phase_box(tick.rest) {
                self.build.taken.push(span);
                self.phases.push((id, title, *line));
            } else {
                self.steps.push((stream, start, tick));
            }
        }
    }

    /// What a plan's summary says is that it has been carried out.
    fn summary(&mut self, file: &File<'_>) {
        let front = self.build.front(file).unwrap_or_else(|| Value::nothing(file.range.start));
        let (_, id) = identity(file, "SUMMARY.md", &front);
        let Some(&ix) = self.plans.get(&id) else { return };
        if !self.build.marks.contains_key(&ix) {
            self.summed_up
                .extend(Some(ix).filter(|ix| self.build.outline.tasks[*ix].mark.is_some()));
            self.build.mark(ix, Mark::Done, SaidBy::Program);
        }
    }

    /// Plans that are not ticked and have been carried out: told of once.
    fn tell_summed_up(&mut self) {
        let Some(&first) = self.summed_up.first() else { return };
        let names = some_of(self.summed_up.iter().map(|ix| self.build.plan.tasks[*ix].id.as_str()));
        let what = format!(
            "plans are not ticked, but their summaries are there: they count as done: {names}"
        );
        self.build.problems.push(Problem::warning(
            "two-truths",
            self.build.outline.tasks[first].span.clone(),
            what,
        ));
    }

    fn plan(&mut self, file: &File<'a>) {
        let front = self.build.front(file);
        let front = front.unwrap_or_else(|| Value::nothing(file.range.start));
        let (phase, id) = identity(file, "PLAN.md", &front);
        let known = self.plans.get(&id).copied();
        let ix = known.unwrap_or_else(|| {
            let stream = self.stream_of(&phase, &front);
            let span = front.get("plan").map_or(file.range.start..file.range.start, |plan| {
                plan.span_in(self.build.text.all)
            });
            self.build.task(&id, &id, stream, span)
        });
        self.plans.entry(id.clone()).or_insert(ix);
        self.waves.extend(
            front.word_of("wave").and_then(|wave| wave.parse().ok()).map(|wave| (ix, wave)),
        );
        let body = &self.build.text.all[file.range.clone()];
        self.build.details_of(ix, Detail::Files, &front, "files_modified");
        if let Some(must) = front.get("must_haves") {
            self.build.details_of(ix, Detail::Criteria, must, "truths");
        }
        let place =
            |(at, text): (usize, &str)| file.range.start + at..file.range.start + at + text.len();
        if let Some((at, text)) = elements(body, "objective").first().copied() {
            let short = text.char_indices().nth(MAX_PROSE).map_or(text, |(end, _)| &text[..end]);
            self.build.detail(ix, Detail::Objective, short, place((at, text)));
        }
        for step in elements(body, "name") {
            self.build.step(ix, step.1, place(step), None);
        }
        for test in elements(body, "verify") {
            self.build.detail(ix, Detail::Tests, test.1, place(test));
        }
        let task = &mut self.build.plan.tasks[ix];
        if task.title == id {
            task.title = task
                .objective
                .lines()
                .next()
                .filter(|line| !line.is_empty())
                .unwrap_or(&id)
                .to_owned();
        }
        self.build.note_file(ix, file);
        if let Some(value) = front.get("autonomous").filter(|value| value.word() == Some("false")) {
            let span = value.span_in(self.build.text.all);
            self.build.detail(
                ix,
                Detail::Notes,
                "a person has to take part in it (autonomous: false)",
                span.clone(),
            );
            let what = format!("plan {id} is not autonomous: a person has to take part in it");
            self.build.problems.push(Problem::info("needs-a-person", span, what));
        }
        for (word, value) in front.waits().unwrap_or_default() {
            let span = value.span_in(self.build.text.all);
            let bare = word.trim_end_matches(".md").trim_end_matches("-PLAN");
            let of_path = bare
                .rsplit_once('/')
                .and_then(|(_, plan)| Some(format!("{}-{plan}", phase_of(bare)?)));
            let bare = of_path.as_deref().unwrap_or(bare);
            // `01` is a plan of the same phase, `01-foundation-02` one with the phase's name in it.
            let parts: Vec<&str> = bare.split('-').collect();
            let wanted = match parts[..] {
                [plan] if plan.starts_with(|c: char| c.is_ascii_digit()) => {
                    format!("{}-{plan}", id.split('-').next().unwrap_or_default())
                }
                [phase, .., plan] => format!("{phase}-{plan}"),
                _ => bare.to_owned(),
            };
            self.build.waits_exactly(Waiting::Task(ix), &wanted, span);
        }
    }

    /// The phase of a plan that no roadmap lists.
    fn stream_of(&mut self, phase: &str, front: &Value) -> Option<usize> {
        let key = format!("Phase {}", unpadded(phase));
        if phase.is_empty() {
            return None;
        }
        let known = self.build.find_stream(phase);
        Some(known.unwrap_or_else(|| {
            let value = front.get("phase");
            let name = value.and_then(Value::word).unwrap_or(&key).to_owned();
            let span = value.map_or(0..0, |value| value.span_in(self.build.text.all));
            self.build.stream(&key, &name, span)
        }))
    }

    fn finish(mut self, deps: Deps) -> Parsed {
        self.tell_summed_up();
        self.phases_without_plans();
        self.other_boxes();
        self.build.outline.groups = Some(self.build.plan.streams.len());
        let count = self.build.plan.streams.len();
        self.done_phases();
        // A phase that says nothing comes after the one before it.
        for ix in (1..count).filter(|ix| !self.stated.contains(ix)) {
            self.build.implies(Waiting::Stream(ix), On::Stream(ix - 1));
        }
        self.waves();
        self.build.finish(deps)
    }

    /// A phase that nothing has been planned for yet is one task.
    fn phases_without_plans(&mut self) {
        let mut planned: HashMap<StreamId, usize> = HashMap::new();
        for (ix, task) in self.build.plan.tasks.iter().enumerate() {
            let open = planned
                .entry(task.stream.clone().unwrap_or_else(|| StreamId::from("")))
                .or_default();
            *open += usize::from(!self.build.marks.contains_key(&ix));
        }
        let none_planned = self.build.plan.tasks.is_empty();
        let mut headings: HashMap<String, usize> = HashMap::new();
        let listed: HashSet<String> = self.phases.iter().map(|(id, ..)| unpadded(id)).collect();
        for (stream, id, name) in std::mem::take(&mut self.headings) {
            headings.entry(unpadded(&id)).or_insert(stream);
            // A roadmap may have its phases as headings alone.
            if !listed.contains(&unpadded(&id))
                && !planned.contains_key(&self.build.plan.streams[stream].id)
            {
                self.phase_as_task(
                    Some(stream),
                    &id,
                    &name,
                    self.build.outline.streams[stream].1.clone(),
                );
            }
        }
        for (id, title, line) in &self.phases.clone() {
            let stream =
                headings.get(&unpadded(id)).copied().or_else(|| self.build.find_stream(id));
            let Some((start, tick)) = boxed(line) else { continue };
            let open = stream.and_then(|stream| planned.get(&self.build.plan.streams[stream].id));
            let said = stream
                .and_then(|stream| self.states.get(&stream))
                .is_some_and(|state| status(state) == Some(Mark::Done));
            match open {
                None if said && !none_planned => {}
                None if none_planned || !tick.done() => {
                    let ix = self.phase_as_task(
                        stream,
                        id,
                        title.split(" - ").next().unwrap_or(title),
                        line.span(),
                    );
                    // Once it is ticked beside others that have plans, it is nothing to do any more.
                    if none_planned {
                        self.build.ticked(ix, &tick, start);
                    }
                }
                // Who ticks a phase does not always tick its plans.
                Some(open) if tick.done() && *open > 0 => {
                    let stream = stream.map(|stream| self.build.plan.streams[stream].id.clone());
                    let plans: Vec<usize> = (0..self.build.plan.tasks.len())
                        .filter(|ix| self.build.plan.tasks[*ix].stream == stream)
                        .collect();
                    for ix in plans
                        .into_iter()
                        .filter(|ix| !self.build.marks.contains_key(ix))
                        .collect::<Vec<_>>()
                    {
                        self.build.mark(ix, Mark::Done, SaidBy::Status);
                    }
                    let what = format!(
                        "phase {id} is ticked, but not all of its plans are: they count as done"
                    );
                    self.build.problems.push(Problem::warning("two-truths", line.span(), what));
                }
                _ => {}
            }
        }
    }

    fn phase_as_task(
        &mut self,
        stream: Option<usize>,
        id: &str,
        title: &str,
        span: Range<usize>,
    ) -> usize {
        let ix = self.build.task(&format!("Phase-{id}"), &clean_title(title), stream, span.clone());
        self.build.state_words(ix, title);
        if let Some(stream) = stream {
            for (_, start, tick) in self.steps.iter().filter(|(of, ..)| *of == Some(stream)) {
                self.build.boxed_step(ix, tick, *start);
            }
            self.steps.retain(|(of, ..)| *of != Some(stream));
            match self.states.get(&stream) {
                Some(state) => self.build.status(ix, state),
                None => self.build.done_by_steps(ix),
            }
        }
        if !self.plans.is_empty() {
            let what = format!("phase {id} has no plans yet: it is one task until it has");
            self.build.problems.push(Problem::warning("no-plans", span, what));
        }
        ix
    }

    /// Boxes of phases that have plans are conditions of theirs.
    fn other_boxes(&mut self) {
        for (_, _, tick) in std::mem::take(&mut self.steps) {
            self.build.other_box(&tick);
        }
    }

    /// What waits for a phase that is done and told of no more waits for nothing.
    fn done_phases(&mut self) {
        let waited: HashSet<String> = self
            .build
            .waits
            .iter()
            .flat_map(Wait::references)
            .filter_map(|reference| {
                if let Target::Stream(key) = &reference.to { Some(unpadded(key)) } else { None }
            })
            .collect();
        for (id, title, line) in std::mem::take(&mut self.phases) {
            let done = boxed(&line).is_some_and(|(_, tick)| tick.done());
            if done && waited.contains(&unpadded(&id)) && self.build.find_stream(&id).is_none() {
                self.build.stream(&format!("Phase {id}"), &clean_title(&title), line.span());
            }
        }
    }

    /// In a phase, each wave waits for the one before it; plans of no wave come one after the other.
    fn waves(&mut self) {
        let mut phases: BTreeMap<Option<StreamId>, Vec<usize>> = BTreeMap::new();
        for (ix, task) in self.build.plan.tasks.iter().enumerate() {
            phases.entry(task.stream.clone()).or_default().push(ix);
        }
        for (phase, tasks) in phases {
            let mut last = 0;
            let wave = |ix: &usize, last: &mut u32| {
                *last = self.waves.get(ix).copied().unwrap_or(last.saturating_add(1));
                *last
            };
            let mut waves: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
            for ix in &tasks {
                waves.entry(wave(ix, &mut last)).or_default().push(*ix);
            }
            for ((number, before), after) in waves.iter().zip(waves.values().skip(1)) {
                let name = phase
                    .iter()
                    .map(|phase| format!("{phase} "))
                    .chain([format!("wave {number}")])
                    .collect::<String>();
                let set = self.build.set(&name, before.clone());
                after.iter().for_each(|ix| self.build.implies(Waiting::Task(*ix), On::Set(set)));
            }
        }
    }
}

/// What stands in elements of a name, and where.
fn elements<'t>(text: &'t str, name: &str) -> Vec<(usize, &'t str)> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let inner = |(at, _): (usize, &str)| {
        let from = at + open.len();
        let inner = &text[from..from + text[from..].find(&close)?];
        Some((from + inner.len() - inner.trim_start().len(), inner.trim()))
    };
    text.match_indices(&open).take(200).filter_map(inner).collect()
}
