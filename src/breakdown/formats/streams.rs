//! Work in streams or under headings, as people write it who have no program for it: `### Task 1.2: …`,
//! `### A1: …`, or whole streams (`### Stream A: …` with files, an agent and when it can start).

use crate::breakdown::build::{Builder, Wait, Waiting};
use crate::breakdown::detect::Signs;
use crate::breakdown::forms::{id_heading, numbered, numbered_task};
use crate::breakdown::headings::{self, Style};
use crate::breakdown::names::Names;
use crate::breakdown::problem::Problem;
use crate::breakdown::refs::{Reference, Target, references};
use crate::breakdown::text::unboxed;
use crate::breakdown::text::{Field, Line, Text};
use crate::breakdown::{Confidence, Deps, Parsed};

/// The format.
pub struct Streams;

impl crate::breakdown::Reader for Streams {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        let analysis = signs.front_has(&["issue", "streams"])
            || signs.front_has(&["issue", "parallelization_factor"]);
        if analysis || signs.can_start >= 2 {
            return Some(Confidence::Certain);
        }
        let tasks = signs.task_headings + signs.step_headings + signs.id_headings;
        if tasks >= 2 && signs.dependency_fields >= 1 {
            return Some(Confidence::Certain);
        }
        if signs.streams >= 2 && signs.bold_titles == 0
            || tasks >= 2 && (signs.boxes == 0 || signs.named_streams >= 1)
        {
            return Some(Confidence::Likely);
        }
        (signs.task_headings == 1 && signs.margin_boxes == 0).then_some(Confidence::Guess)
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let mut build = Builder::new(text, "streams");
        build.read_topic(&[
            "Task Breakdown",
            "Breakdown",
            "Work Analysis:",
            "Parallel Implementation Plan",
            "Implementation Plan",
            "Epic:",
        ]);
        let lines: Vec<Line<'_>> = text.visible().map(|(_, line)| line).collect();
        let of_tasks = |heading: &str| {
            numbered_task(heading)
                .or_else(|| numbered(heading, "Step"))
                .or_else(|| id_heading(heading))
        };
        // Streams that say when they can start are what there is to do, whatever steps are told of below them.
        let whole =
            lines.iter().filter(|line| line.trimmed().1.starts_with("**Can Start**")).count() >= 2;
        let ids = lines.iter().filter_map(Line::heading).filter(|(.., heading)| {
            id_heading(unboxed(heading)).is_some() || numbered_task(unboxed(heading)).is_some()
        });
        let whole = whole && ids.count() < 2;
        let any = !whole
            && (lines
                .iter()
                .filter_map(Line::heading)
                .filter(|(.., heading)| of_tasks(unboxed(heading)).is_some())
                .count()
                >= 2
                || lines
                    .iter()
                    .filter_map(Line::heading)
                    .any(|(.., heading)| numbered_task(unboxed(heading)).is_some()));
        let task = |heading: &str| if any { of_tasks(heading) } else { stream_heading(heading) };
        let lane = |heading: &str| {
            let of = |word: &&str| {
                numbered(heading, word).map(|(id, name)| (format!("{word} {id}"), name))
            };
            let stream = stream_heading(heading).filter(|_| any);
            stream.or_else(|| ["Phase", "Wave", "Milestone", "Epic"].iter().find_map(of))
        };
        let style = Style { task: &task, lane: &lane, field: &|_| true, boxes_are_steps: any };
        let sections = headings::read(&mut build, &lines, &style);
        if !any {
            // Each stream is one task, in a lane of its own where it is in no other one.
            for ix in (0..build.plan.tasks.len())
                .filter(|&ix| build.plan.tasks[ix].stream.is_none())
                .collect::<Vec<_>>()
            {
                let (id, title, span) = (
                    build.plan.tasks[ix].id.to_string(),
                    build.plan.tasks[ix].title.clone(),
                    build.outline.tasks[ix].span.clone(),
                );
                let stream = build.stream(&id, &title, span);
                build.plan.tasks[ix].stream = Some(build.plan.streams[stream].id.clone());
            }
        }
        for (ix, section) in sections.iter().enumerate() {
            for field in &section.fields {
                if field.name == "can start" {
                    can_start(&mut build, ix, field);
                }
            }
        }
        if !any {
            others(&mut build);
        }
        arrows(&mut build, any);
        if any {
            build.keep_order(&[]);
            build.phases_in_order(&[]);
        }
        build.finish(deps)
    }
}

/// Where streams are the tasks, a task of a number is one of another file.
fn others(build: &mut Builder<'_>) {
    for Wait { who, text, start, .. } in std::mem::take(&mut build.waits) {
        let is_other = |to: &Target| matches!(to, Target::Task(id) if id.bytes().all(|byte| byte.is_ascii_digit()));
        let (other, own): (Vec<_>, Vec<_>) =
            references(&text).into_iter().partition(|reference| is_other(&reference.to));
        for reference in &other {
            let at = start + reference.at;
            build.needs_from_outside(
                &format!("Task {}", &text[reference.at..reference.at + reference.len]),
                at..at + reference.len,
            );
        }
        if other.is_empty() || !own.is_empty() {
            let blank = |text: String, of: &Reference| {
                format!("{}{}{}", &text[..of.at], " ".repeat(of.len), &text[of.at + of.len..])
            };
            build.waits(who, &other.iter().fold(text, blank), start);
        }
    }
}

/// `immediately`, `after Streams A & B are 50% complete`: what is waited for is waited for as a whole.
fn can_start(build: &mut Builder<'_>, ix: usize, field: &Field) {
    let lower = field.value.to_lowercase();
    // Beside others is after nothing.
    if ["immediately", "parallel", "in parallel", "yes", "✅"]
        .iter()
        .any(|word| lower.trim_start().starts_with(word))
    {
        return;
    }
    let Some(at) = lower.find("stream") else { return };
    let (Some(named), true) = (field.value.get(at..), lower.len() == field.value.len()) else {
        return;
    };
    let end = [" is ", " are ", " complete", " ("]
        .iter()
        .filter_map(|word| named.find(word))
        .min()
        .unwrap_or(named.len());
    if named[end..].contains('%') {
        let span = field.start + at..field.start + field.value.len();
        build.problems.push(Problem::info(
            "partial-dependency",
            span,
            "a part of it would be enough, but the whole is waited for",
        ));
    }
    build.waits(Waiting::Task(ix), &named[..end], field.start + at);
}

/// `Stream A: Name (#732)` → its key and its name.
fn stream_heading(heading: &str) -> Option<(String, String)> {
    let (key, name) = heading
        .strip_prefix("Stream ")
        .or_else(|| heading.strip_prefix("Workstream "))?
        .split_once(':')?;
    (key.trim().len() <= 6 && !key.trim().contains(' '))
        .then(|| (key.trim().to_owned(), name.trim().to_owned()))
}

/// `Stream A (…) ──→ Stream B (…)`, in fences too, where nothing else says what waits for what.
fn arrows(build: &mut Builder<'_>, of_tasks: bool) {
    if build.states_dependencies() {
        return;
    }
    let text = build.text;
    let names = build.names();
    let mut first: Option<Vec<usize>> = None;
    for line in &text.lines {
        if !line.text.contains('→') && !line.text.contains("-->") {
            first = None;
            continue;
        }
        // An arrow with nothing before it goes on from where the line above began.
        let begins = line
            .text
            .split(['→', '>'])
            .next()
            .is_some_and(|part| part.chars().any(char::is_alphanumeric));
        let mut before: Option<Vec<usize>> = first.clone().filter(|_| !begins);
        let mut at = line.start;
        for part in line.text.split(['→', '>']) {
            let named = parts_named(&names, part, of_tasks);
            if let Some(before) = before.as_ref().filter(|_| !named.is_empty()) {
                for &ix in &named {
                    for &on in before {
                        let id = build.plan.tasks[on].id.to_string();
                        build.waits_exactly(Waiting::Task(ix), &id, at..at + part.len().min(1));
                    }
                }
            }
            if begins && before.is_none() && first.is_none() {
                first = Some(named.clone()).filter(|named| !named.is_empty());
            }
            if !named.is_empty() || begins {
                before = Some(named).filter(|named| !named.is_empty());
            }
            at += part.len();
        }
    }
    let mut seen = std::collections::HashSet::new();
    build.exact.retain(|(who, id, _)| seen.insert((format!("{who:?}"), id.clone())));
}

/// The tasks that one side of an arrow names: `Stream B (…)`, `T1`, `Task 3`.
fn parts_named(names: &Names, text: &str, of_tasks: bool) -> Vec<usize> {
    let bare = text.split('(').next().unwrap_or(text);
    let words: Vec<&str> = bare
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
        .filter(|word| !word.is_empty())
        .collect();
    let labelled = |at: usize| {
        at > 0
            && matches!(
                words[at - 1].to_lowercase().as_str(),
                "stream" | "task" | "step" | "streams" | "tasks"
            )
    };
    let fits = |at: usize| of_tasks && words.len() <= 3 || labelled(at);
    let named = words.iter().enumerate().filter(|(at, _)| fits(*at));
    named.filter_map(|(_, word)| names.exact.get(&word.to_lowercase())?.first().copied()).collect()
}
