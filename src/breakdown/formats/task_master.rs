//! claude-task-master's `tasks.json`: tags with tasks, whose ids are unique in their tag alone. Sub-tasks are the
//! steps of their task, as one agent carries them out; what they wait for is said in their text.

use crate::breakdown::build::{Builder, Waiting};
use crate::breakdown::convert::{self, Writer};
use crate::breakdown::detect::Signs;
use crate::breakdown::locations::Locations;
use crate::breakdown::outline::{Detail, SaidBy};
use crate::breakdown::problem::Problem;
use crate::breakdown::status::status;
use crate::breakdown::text::Text;
use crate::breakdown::tree::{Data, Value, json, unquoted};
use crate::breakdown::{Confidence, Deps, Parsed};
use crate::core::event::Mark;
use foldhash::{HashMap, HashSet};
use std::ops::Range;

/// The format.
pub struct TaskMaster;

impl crate::breakdown::Reader for TaskMaster {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        let Some(tree) = &signs.tree else {
            // Something is wrong with it; that is told with its place.
            let like = signs.all().trim_start_matches('\u{feff}').trim_start().starts_with('{')
                && signs.all().contains("\"tasks\"");
            return like.then_some(Confidence::Guess);
        };
        let tags = tags(tree);
        let Some(first) = tags.iter().find_map(|tag| tag.tasks.first()) else {
            return Some(Confidence::Likely).filter(|_| !tags.is_empty());
        };
        let known = first.waits().is_some() && first.get("status").is_some();
        Some(if known { Confidence::Certain } else { Confidence::Guess })
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let mut build = Builder::new(text, "task-master");
        build.outline.done_word = Some("done".into());
        match json(text.all, 0..text.all.len()) {
            Err(mistake) => {
                let what = format!(
                    "this is no JSON: {}: nothing is read of it until that is fixed",
                    mistake.what
                );
                build.problems.push(Problem::error("unreadable", mistake.span, what));
            }
            Ok(tree) => {
                let tags = tags(&tree);
                let of_all = tree
                    .get("metadata")
                    .or_else(|| tree.entries().find_map(|(.., tag)| tag.get("metadata")));
                let topic = of_all
                    .and_then(|of| of.word_of("projectName").or_else(|| of.word_of("description")));
                build.plan.topic = topic
                    .filter(|topic| !topic.starts_with("Tasks for "))
                    .unwrap_or_default()
                    .to_owned();
                let several = tags.iter().filter(|tag| !tag.tasks.is_empty()).count() > 1;
                for tag in tags.iter().filter(|tag| !tag.tasks.is_empty()) {
                    read_tag(&mut build, tag, several);
                }
                let stated = |task: &Value| task.waits().is_some();
                let mut tasks = tags.iter().flat_map(|tag| tag.tasks).peekable();
                if tasks.peek().is_some() && !tasks.any(stated) {
                    let what = "no task says what it waits for: is this a file of task-master? All of them may run at once";
                    build.problems.push(Problem::info(
                        "no-dependencies",
                        tree.span.start..tree.span.start + 1,
                        what,
                    ));
                }
            }
        }
        build.finish(deps)
    }

    fn locations(&self) -> Locations {
        Locations {
            names: &["tasks.json"],
            rank: 2,
            paths: &[".taskmaster/tasks/tasks.json", "tasks/tasks.json"],
            globs: &["**/.taskmaster/tasks/*.json", "**/tasks/tasks.json"],
            ..Locations::NONE
        }
    }

    fn writer(&self) -> Option<&'static Writer> {
        Some(&convert::task_master::WRITER)
    }
}

/// A tag's tasks.
struct Tag<'t> {
    name: &'t str,
    span: Range<usize>,
    tasks: &'t [Value],
}

/// Tags with their tasks, or those of an old file without tags. Values of other kinds are no tags.
fn tags<'t>(tree: &'t Value) -> Vec<Tag<'t>> {
    let is_list = |value: &Value| matches!(value.data, Data::List(_));
    if let Some(tasks) = tree.get("tasks").filter(|tasks| is_list(tasks)) {
        let span = tree
            .entries()
            .find(|(name, ..)| name == "tasks")
            .map_or(0..0, |(_, span, _)| span.clone());
        return vec![Tag { name: "master", span, tasks: tasks.items() }];
    }
    let tag = |(name, span, value): &'t (String, Range<usize>, Value)| {
        let tasks = value.get("tasks").filter(|tasks| is_list(tasks))?;
        Some(Tag { name, span: span.clone(), tasks: tasks.items() })
    };
    tree.entries().filter_map(tag).collect()
}

fn read_tag(build: &mut Builder<'_>, tag: &Tag<'_>, several: bool) {
    let all = build.text.all;
    let qualified = |id: &str| if several { format!("{}:{id}", tag.name) } else { id.to_owned() };
    let stream = build.stream(tag.name, tag.name, unquoted(all, &tag.span));
    let first = build.plan.tasks.len();
    let ids: HashSet<&str> = tag.tasks.iter().filter_map(|task| task.word_of("id")).collect();
    for value in tag.tasks {
        let Some(id) = value.word_of("id") else {
            build.problems.push(Problem::error(
                "no-id",
                value.span.start..value.span.start + 1,
                "a task without an id: give it one",
            ));
            continue;
        };
        let title = ["title", "name", "description"]
            .iter()
            .find_map(|key| value.word_of(key))
            .unwrap_or(id);
        let ix = build.task_of(&qualified(id), Some(stream), value, title);
        build.alias(ix, title);
        if build.is_full(value.span.start) {
            return;
        }
        read_task(build, ix, value);
        for (part, span) in sub_tasks(build, ix, value, &ids) {
            build.waits_exactly(Waiting::Task(ix), &qualified(part), span);
        }
    }
    // A dependency on a part of a task is one on the task.
    for (ix, value) in (first..build.plan.tasks.len())
        .zip(tag.tasks.iter().filter(|task| task.word_of("id").is_some()))
    {
        if value.waits().is_some() {
            build.waits_for_nothing(ix);
        }
        let named = value.waits().unwrap_or_default();
        for (id, value) in
            named.iter().flat_map(|(ids, value)| ids.split(',').map(move |id| (id.trim(), value)))
        {
            let span = value.span_in(all);
            let whole = id
                .split_once('.')
                .map(|(whole, _)| whole)
                .filter(|whole| !ids.contains(id) && ids.contains(whole));
            if let Some(whole) = whole {
                let what = format!("{id} is a part of task {whole}: the whole task is waited for");
                build.problems.push(Problem::info("part-reference", span.clone(), what));
            }
            // A title may be meant, which is known as it is.
            let id = whole.unwrap_or(id);
            let is_title = !ids.contains(id) && build.knows(id);
            build.waits_exactly(
                Waiting::Task(ix),
                &if is_title { id.to_owned() } else { qualified(id) },
                span,
            );
        }
    }
}

fn read_task(build: &mut Builder<'_>, ix: usize, value: &Value) {
    if let Some(value) = value.get("status") {
        build.status_value(ix, value);
    }
    if value.word_of("completed") == Some("true") && !build.marks.contains_key(&ix) {
        build.mark(ix, Mark::Done, SaidBy::Status);
    }
    if value.word_of("description") != Some(build.plan.tasks[ix].title.as_str()) {
        build.details_of(ix, Detail::Objective, value, "description");
    }
    let keys = [
        (Detail::Tests, "testStrategy"),
        (Detail::Specs, "details"),
        (Detail::Criteria, "acceptanceCriteria"),
        (Detail::Files, "relevantFiles"),
        (Detail::Agent, "assignee"),
        (Detail::Estimate, "effort"),
    ];
    for (detail, key) in keys {
        build.details_of(ix, detail, value, key);
    }
    for key in ["priority", "complexity"] {
        build.note_of(ix, value, key);
    }
}

/// Sub-tasks as steps. `3` is the third of its siblings, `12.1` says of which task; a number that no sibling has is
/// a task's. Gives the other tasks that its parts wait for.
fn sub_tasks<'v>(
    build: &mut Builder<'_>,
    ix: usize,
    value: &'v Value,
    tasks: &HashSet<&str>,
) -> Vec<(&'v str, Range<usize>)> {
    let mut others = Vec::new();
    let Some(parts) = value.get("subtasks").map(Value::items).filter(|parts| !parts.is_empty())
    else {
        return others;
    };
    let own = value.word_of("id").unwrap_or_default();
    let ids: HashMap<&str, usize> = parts
        .iter()
        .enumerate()
        .filter_map(|(nth, part)| Some((part.word_of("id")?, nth)))
        .collect();
    let sibling = |id: &str| {
        ids.get(id).or_else(|| ids.get(id.strip_prefix(own)?.strip_prefix('.')?)).copied()
    };
    let mut waits: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
    let all = build.text.all;
    let open = build.marks.contains_key(&ix);
    for (nth, part) in parts.iter().enumerate() {
        let words = part.waits().unwrap_or_default();
        for (id, value) in &words {
            match sibling(id) {
                Some(on) => waits[nth].push(on),
                None if id
                    .split('.')
                    .next()
                    .is_some_and(|whole| whole != own && tasks.contains(whole)) =>
                {
                    let whole = id.split('.').next().unwrap_or(id);
                    let what = format!(
                        "`{id}` is no sub-task of task {own}: the whole of task {own} waits for task {whole}"
                    );
                    build.problems.push(Problem::warning(
                        "sub-task-reference",
                        value.span.clone(),
                        what,
                    ));
                    others.push((whole, value.span_in(all)));
                }
                None => {
                    let what = format!(
                        "`{id}` is no sub-task of task {own}: what a sub-task waits for must be one of its siblings; this is not waited for"
                    );
                    build.problems.push(Problem::warning(
                        "sub-task-reference",
                        value.span.clone(),
                        what,
                    ));
                }
            }
        }
        let done = part.word_of("status").is_some_and(|word| status(word) == Some(Mark::Done))
            || part.word_of("completed") == Some("true");
        let title = part.get("title").or_else(|| part.get("description"));
        let mut text = title.and_then(Value::word).unwrap_or_default().to_owned();
        if !words.is_empty() {
            let ids: Vec<&str> = words.iter().map(|(id, _)| *id).collect();
            text.push_str(&format!(" (after {})", ids.join(", ")));
        }
        build.step(
            ix,
            text,
            title.map_or(part.span.start..part.span.start, |title| title.span_in(all)),
            Some(done),
        );
    }
    let unfinished = build.outline.tasks[ix].ticks().filter(|done| !done).count();
    if open && unfinished > 0 && build.marks.get(&ix) == Some(&Mark::Done) {
        let what = format!(
            "task {own} is done, but {unfinished} of its sub-tasks are not: the task's status counts"
        );
        build.problems.push(Problem::warning(
            "parent-disagrees",
            build.outline.tasks[ix].span.clone(),
            what,
        ));
    }
    if let Some(circle) = circle(&waits) {
        let ids: Vec<String> = circle
            .iter()
            .map(|&nth| format!("{own}.{}", parts[nth].word_of("id").unwrap_or_default()))
            .collect();
        let what = format!(
            "these sub-tasks wait for each other in a cycle: {} ← {}: remove one of the dependencies",
            ids.join(" ← "),
            ids[0]
        );
        build.problems.push(Problem::warning(
            "sub-task-cycle",
            parts[circle[0]]
                .get("dependencies")
                .map_or(parts[circle[0]].span.clone(), |value| value.span.clone()),
            what,
        ));
    }
    others
}

/// One circle among some that wait for each other.
fn circle(waits: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut left: Vec<usize> = waits.iter().map(Vec::len).collect();
    let mut waited_by: Vec<Vec<usize>> = vec![Vec::new(); waits.len()];
    for (ix, on) in
        waits.iter().enumerate().flat_map(|(ix, all)| all.iter().map(move |&on| (ix, on)))
    {
        waited_by[on].push(ix);
    }
    let mut free: Vec<usize> = (0..waits.len()).filter(|&ix| left[ix] == 0).collect();
    while let Some(ix) = free.pop() {
        for &next in &waited_by[ix] {
            left[next] -= 1;
            if left[next] == 0 {
                free.push(next);
            }
        }
    }
    // What is left waits for something that is left: following that runs into a circle.
    let mut path: Vec<usize> = Vec::new();
    let mut at = (0..waits.len()).find(|&ix| left[ix] > 0)?;
    loop {
        if let Some(start) = path.iter().position(|&known| known == at) {
            return Some(path.split_off(start));
        }
        path.push(at);
        at = waits[at].iter().copied().find(|&on| left[on] > 0)?;
    }
}
