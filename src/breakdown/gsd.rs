//! GSD: a roadmap of phases with boxes for their plans, and a file for each plan, whose front matter has its wave,
//! what it depends on and which files it changes.

use super::build::{Builder, On, Waiting};
use super::detect::Signs;
use super::headings::numbered;
use super::problem::Problem;
use super::task_list::boxed;
use super::text::{File, Line, Text, clean_title, fields};
use super::tree::{Data, Value};
use super::{Confidence, Deps, Parsed};
use crate::core::id::StreamId;
use std::collections::{BTreeMap, HashMap};

/// The format.
pub struct Gsd;

impl super::Reader for Gsd {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        if signs.front_has(&["phase", "plan", "wave"]) || signs.plans >= 2 {
            return Some(Confidence::Certain);
        }
        (signs.plans >= 1 || signs.path_has(&[".planning/"], "roadmap.md")).then_some(Confidence::Likely)
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let mut build = Builder::new(text, "gsd");
        build.read_topic(&["Roadmap:", "Roadmap"]);
        let mut reader = Reader { build, phases: Vec::new(), waves: BTreeMap::new() };
        for file in text.files.iter().filter(|file| !is_plan(file)) {
            if file.name() != "STATE.md" {
                reader.roadmap(&text.visible_in(file));
            }
        }
        for file in text.files.iter().filter(|file| is_plan(file)) {
            reader.plan(file);
        }
        reader.finish(deps)
    }
}

fn is_plan(file: &File<'_>) -> bool {
    file.name().ends_with("PLAN.md")
}

/// `01-02-PLAN.md — Title`, `02-01: Title` → its id and its title.
fn plan_box(text: &str) -> Option<(&str, &str)> {
    let bare = text.trim_start_matches(['*', '`', '[']);
    let len = bare.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')).count();
    let word = bare[..len].trim_end_matches("-PLAN.md");
    let (phase, plan) = word.split_once('-')?;
    let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let is_plan = digit(phase) && digit(plan) && (bare[..len].ends_with("-PLAN.md") || plan.len() <= 3);
    is_plan.then(|| (word, bare[len..].trim_start_matches([']', '*', '`', ':', '—', '–', '-', ' '])))
}

/// `(Wave 2)` → 2.
fn wave_in(title: &str) -> Option<u32> {
    let rest = &title[title.find("(Wave ")? + 6..];
    rest[..rest.bytes().take_while(u8::is_ascii_digit).count()].parse().ok()
}

struct Reader<'a> {
    build: Builder<'a>,
    /// Phases of the summary, with their boxes, for a roadmap without plans.
    phases: Vec<(String, String, Line<'a>)>,
    waves: BTreeMap<usize, u32>,
}

impl<'a> Reader<'a> {
    fn roadmap(&mut self, lines: &[Line<'a>]) {
        let mut stream = None;
        for (at, line) in lines.iter().enumerate() {
            let span = line.start..line.start + line.text.trim_end().len();
            if let Some((level, _, heading)) = line.heading() {
                match numbered(heading, "Phase") {
                    Some((id, name)) => {
                        let ix = self.build.stream(&format!("Phase {id}"), &clean_title(&name), span);
                        stream = Some(ix);
                        let own: Vec<Line<'_>> = lines[at + 1..].iter().take_while(|next| next.heading().is_none()).copied().collect();
                        for field in fields(&own).iter().filter(|field| matches!(field.name.as_str(), "depends on" | "dependencies")) {
                            if !field.value.to_lowercase().starts_with("nothing") {
                                self.build.waits(Waiting::Stream(ix), &field.value, field.start);
                            }
                        }
                    }
                    None if level <= 2 => stream = None,
                    None => {}
                }
                continue;
            }
            let Some((start, tick)) = boxed(line) else { continue };
            if let Some((id, title)) = plan_box(tick.rest) {
                let title = if title.is_empty() { id } else { title };
                let ix = self.build.task(id, &clean_title(title), stream, span);
                self.build.ticked(ix, &tick, start);
                self.waves.extend(wave_in(title).map(|wave| (ix, wave)));
                if self.build.is_full(line.start) {
                    return;
                }
            } else if let Some((id, title)) = numbered(tick.rest.trim_start_matches('*'), "Phase") {
                self.phases.push((id, title, *line));
            }
        }
    }

    fn plan(&mut self, file: &File<'a>) {
        let front = self.build.front(file);
        let nothing = Value { span: file.range.start..file.range.start, data: Data::Nothing };
        let front = front.unwrap_or(nothing);
        let of_name = file.name().trim_end_matches("PLAN.md").trim_end_matches('-');
        let phase = front.word_of("phase").and_then(|phase| phase.split('-').next()).unwrap_or_default();
        let id = if of_name.contains('-') { of_name.to_owned() } else { format!("{phase}-{}", front.word_of("plan").unwrap_or(of_name)) };
        let known = self.build.plan.tasks.iter().position(|task| task.id.as_str() == id);
        let ix = known.unwrap_or_else(|| {
            let stream = self.stream_of(phase, &front);
            let span = front.get("plan").map_or(file.range.start..file.range.start, |plan| plan.place(self.build.text.all));
            self.build.task(&id, &id, stream, span)
        });
        self.waves.extend(front.word_of("wave").and_then(|wave| wave.parse().ok()).map(|wave| (ix, wave)));
        let body = &self.build.text.all[file.range.clone()];
        let words = |key: &str| -> Vec<String> { front.words_of(key).into_iter().map(|(word, _)| word.to_owned()).collect() };
        let task = &mut self.build.plan.tasks[ix];
        task.files = words("files_modified");
        task.criteria =
            front.get("must_haves").map(|must| must.words_of("truths")).into_iter().flatten().map(|(word, _)| word.to_owned()).collect();
        task.objective = elements(body, "objective").first().map(|text| text.chars().take(4_000).collect()).unwrap_or_default();
        task.steps = elements(body, "name").into_iter().map(str::to_owned).collect();
        task.tests = elements(body, "verify").into_iter().map(str::to_owned).collect();
        if task.title == id {
            task.title = task.objective.lines().next().filter(|line| !line.is_empty()).unwrap_or(&id).to_owned();
        }
        task.notes.push(format!("written down in {}", file.path));
        if front.word_of("autonomous") == Some("false") {
            task.notes.push("a person has to take part in it (autonomous: false)".into());
            let span = front.get("autonomous").map_or(0..0, |value| value.place(self.build.text.all));
            let what = format!("plan {id} is not autonomous: a person has to take part in it");
            self.build.problems.push(Problem::info("needs-a-person", span, what));
        }
        for (word, span) in front.words_of("depends_on") {
            let span = Value { span, data: Data::Nothing }.place(self.build.text.all);
            let bare = word.trim_end_matches(".md").trim_end_matches("-PLAN");
            // `01` is a plan of the same phase, `01-foundation-02` one with the phase's name in it.
            let parts: Vec<&str> = bare.split('-').collect();
            let wanted = match parts[..] {
                [plan] if plan.starts_with(|c: char| c.is_ascii_digit()) => format!("{}-{plan}", id.split('-').next().unwrap_or_default()),
                [phase, .., plan] => format!("{phase}-{plan}"),
                _ => bare.to_owned(),
            };
            self.build.waits_exactly(Waiting::Task(ix), &wanted, span);
        }
    }

    /// The phase of a plan that no roadmap lists.
    fn stream_of(&mut self, phase: &str, front: &Value) -> Option<usize> {
        let key = format!("Phase {}", phase.trim_start_matches('0'));
        if phase.is_empty() {
            return None;
        }
        let known = self.build.stream_of(&key);
        Some(known.unwrap_or_else(|| {
            let value = front.get("phase");
            let name = value.and_then(Value::word).unwrap_or(&key).to_owned();
            let span = value.map_or(0..0, |value| value.place(self.build.text.all));
            self.build.stream(&key, &name, span)
        }))
    }

    fn finish(mut self, deps: Deps) -> Parsed {
        if self.build.plan.tasks.is_empty() {
            self.phases_as_tasks();
        }
        self.build.outline.groups = Some(self.build.plan.streams.len());
        let waits_of_its_own = self.build.waits.iter().any(|(who, ..)| matches!(who, Waiting::Stream(_)));
        if !waits_of_its_own {
            self.build.streams_in_order();
        }
        self.waves();
        self.build.finish(deps)
    }

    /// A roadmap that nothing has been planned for yet.
    fn phases_as_tasks(&mut self) {
        for (id, title, line) in std::mem::take(&mut self.phases) {
            let stream = self.build.stream_of(&format!("Phase {id}"));
            let title = clean_title(title.split(" - ").next().unwrap_or(&title));
            let ix = self.build.task(&format!("Phase-{id}"), &title, stream, line.start..line.start + line.text.trim_end().len());
            if let Some((start, tick)) = boxed(&line) {
                self.build.ticked(ix, &tick, start);
            }
        }
    }

    /// In a phase, each wave waits for the one before it; plans of no wave come one after the other.
    fn waves(&mut self) {
        let mut phases: HashMap<Option<StreamId>, Vec<usize>> = HashMap::new();
        for (ix, task) in self.build.plan.tasks.iter().enumerate() {
            phases.entry(task.stream.clone()).or_default().push(ix);
        }
        let mut edges = Vec::new();
        for tasks in phases.values() {
            let mut last = 0;
            let wave = |ix: &usize, last: &mut u32| {
                *last = self.waves.get(ix).copied().unwrap_or(*last + 1);
                *last
            };
            let mut waves: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
            for ix in tasks {
                waves.entry(wave(ix, &mut last)).or_default().push(*ix);
            }
            for (before, after) in waves.values().zip(waves.values().skip(1)) {
                edges.extend(after.iter().flat_map(|ix| before.iter().map(move |on| (*ix, *on))));
            }
        }
        edges.sort_unstable();
        for (ix, on) in edges {
            self.build.implies(Waiting::Task(ix), On::Task(on));
        }
    }
}

/// What stands in elements of a name.
fn elements<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let inner = |(at, _): (usize, &str)| {
        let from = at + open.len();
        Some(text[from..from + text[from..].find(&close)?].trim())
    };
    text.match_indices(&open).take(200).filter_map(inner).collect()
}
