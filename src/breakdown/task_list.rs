//! Plain Markdown task lists: boxes under headings, nested boxes as steps, nested `Name: value`
//! bullets as fields.
//!
//! Such lists seldom say what waits for what. Where no task does, they run in the order of the
//! file, one at a time; as soon as one does, only what is written counts.

use super::build::{Builder, On, Waiting};
use super::refs::id_len;
use super::text::{Line, Text, clean_title, fields, tick};
use super::{Deps, Parsed};
use std::ops::Range;

/// Headings under which boxes are no tasks.
const NO_TASKS: [&str; 10] = [
    "acceptance criteria",
    "success criteria",
    "definition of done",
    "done when",
    "validation checklist",
    "quality gate",
    "exit gate",
    "out of scope",
    "user testing",
    "review checklist",
];

/// Reads a text.
pub fn read(text: &Text<'_>, deps: Deps) -> Parsed {
    let mut build = Builder::new(text, "task-list");
    build.read_topic(&["Task List", "Tasks", "Checklist", "TODO", "Todo"]);
    let lines: Vec<Line<'_>> = text.visible().map(|(_, line)| line).collect();
    let any_id = lines.iter().any(|line| boxed(line).is_some_and(|(_, rest, _)| own_id(rest).is_some()));
    let at_margin = lines.iter().any(|line| line.indent() <= 1 && boxed(line).is_some());
    let mut heading: Option<(String, Range<usize>)> = None;
    let mut stream: Option<usize> = None;
    let mut task: Option<(usize, usize)> = None;
    let mut no_tasks = false;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        at += 1;
        let span = line.start..line.start + line.text.trim_end().len();
        if let Some((level, _, name)) = line.heading() {
            let lower = name.to_lowercase();
            no_tasks = NO_TASKS.iter().any(|words| lower.contains(words));
            task = None;
            // The title names no lane, and headings below a lane's only divide it further.
            if level == 2 || (level > 2 && heading.is_none()) {
                heading = Some((name.to_owned(), span));
                stream = None;
            }
            continue;
        }
        let Some((start, rest, tick)) = boxed(&line) else { continue };
        // Conditions under a plain bullet, in a file whose tasks stand at the margin.
        let nested = task.is_none_or(|(_, indent)| line.indent() <= indent + 1) && line.indent() > 1 && at_margin;
        if no_tasks || nested {
            build.other_boxes.0 += 1;
            build.other_boxes.1 += usize::from(tick.done());
            continue;
        }
        if let Some((ix, _)) = task.filter(|(_, indent)| line.indent() > indent + 1) {
            let from = start + tick.rest_at;
            build.plan.tasks[ix].steps.push(clean_title(tick.rest));
            build.outline.tasks[ix].steps.push((from..from + tick.rest.len(), tick.done()));
            continue;
        }
        if stream.is_none()
            && let Some((name, span)) = heading.clone()
        {
            let (id, name) = stream_name(&name);
            stream = Some(build.stream(&id, &name, span));
        }
        let (id, title) = match own_id(rest) {
            Some((id, title)) => (id.to_owned(), title),
            None if any_id => (format!("L{}", text.line_at(line.start) + 1), rest),
            None => ((build.plan.tasks.len() + 1).to_string(), rest),
        };
        let ix = build.task(&id, &clean_title(title), stream, span);
        build.ticked(ix, &tick, start);
        build.state_words(ix, title);
        task = Some((ix, line.indent()));
        let own = |next: &&Line<'_>| next.text.trim().is_empty() || (next.indent() > line.indent() && boxed(next).is_none());
        let region: Vec<Line<'_>> = lines[at..].iter().take_while(own).copied().collect();
        at += region.len();
        if region.iter().any(|line| line.text.contains(':')) {
            for field in fields(&region) {
                build.field(ix, &field);
            }
        }
        if build.plan.tasks.len() >= super::MAX_TASKS {
            let what = format!("more than {} tasks: the rest is not read", super::MAX_TASKS);
            build.problems.push(super::problem::Problem::error("too-many-tasks", line.start..line.start + 1, what));
            break;
        }
    }
    if !build.states_dependencies() {
        for ix in 1..build.plan.tasks.len() {
            build.implies(Waiting::Task(ix), On::Task(ix - 1));
        }
    }
    build.finish(deps)
}

/// A box on a line: where it starts, what follows, the box.
fn boxed<'a>(line: &Line<'a>) -> Option<(usize, &'a str, super::text::Tick<'a>)> {
    let item = line.item()?;
    tick(item.text).map(|tick| (item.start, tick.rest, tick))
}

/// `Task 12: title`, `1.2 title`, `T3: title`, `A1. title`.
fn own_id(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches('*');
    let labelled = text.strip_prefix("Task ").or_else(|| text.strip_prefix("task "));
    let body = labelled.unwrap_or(text);
    let len = id_len(body)?;
    let (id, rest) = body.split_at(len);
    let separated = rest.starts_with([':', '.', ')']) || rest.starts_with(" -") || rest.starts_with(" —") || rest.starts_with(" –");
    let dotted = id.contains('.') && id.bytes().next().is_some_and(|b| b.is_ascii_digit()) && rest.starts_with(' ');
    let fits = labelled.is_some() || separated || dotted;
    fits.then(|| (id, rest.trim_start_matches([':', '.', ')', ' ', '-', '—', '–', '*'])))
}

/// `Stream 3: Work package 3` → `3` and the name; other headings as they are.
fn stream_name(heading: &str) -> (String, String) {
    if let Some((key, name)) = heading.strip_prefix("Stream ").and_then(|rest| rest.split_once(':'))
        && key.len() <= 6
    {
        return (key.trim().to_owned(), name.trim().to_owned());
    }
    let name = clean_title(heading);
    (name.chars().take(40).collect::<String>().trim().to_owned(), name)
}
