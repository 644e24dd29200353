//! BMAD: `sprint-status.yaml` with epics and stories, `stories.yaml`, `epics.md`, and a story's own file, in which
//! only the boxes of its section of tasks are tasks. Order is what it means.

use super::task_list::{Reader, Style};
use crate::breakdown::build::{Builder, Waiting};
use crate::breakdown::detect::Signs;
use crate::breakdown::forms::{is_subtasks, numbered, numbered_task};
use crate::breakdown::headings::{self, Style as Headings};
use crate::breakdown::locations::Locations;
use crate::breakdown::outline::Detail;
use crate::breakdown::problem::Problem;
use crate::breakdown::status::{is_known, status};
use crate::breakdown::text::{Line, Text, clean_title, names_tasks};
use crate::breakdown::tree::{Value, yaml};
use crate::breakdown::{Confidence, Deps, Parsed};
use crate::core::event::Mark;
use crate::core::plan::Level;
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

/// The format.
pub struct Bmad;

impl crate::breakdown::Reader for Bmad {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        let stories = |tree: &Value| {
            let has =
                |story: &Value, key: &str| story.get("id").is_some() && story.get(key).is_some();
            let below = tree.get("stories").is_some_and(|stories| {
                stories.items().first().is_some_and(|story| has(story, "status"))
            });
            below || tree.items().first().is_some_and(|story| has(story, "spec_checkpoint"))
        };
        if signs
            .tree
            .as_ref()
            .is_some_and(|tree| tree.get("development_status").is_some() || stories(tree))
            || signs.has_subtasks_section
        {
            return Some(Confidence::Certain);
        }
        let one = signs.stories >= 1 && signs.boxes >= 1;
        (one || signs.stories >= 3).then_some(Confidence::Likely)
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let is_yaml = text
            .files
            .first()
            .is_some_and(|file| file.path.ends_with(".yaml") || file.path.ends_with(".yml"));
        let lines: Vec<Line<'_>> = text.visible().map(|(_, line)| line).collect();
        let key = |line: &Line<'_>| {
            line.text.starts_with("development_status:") || line.text.starts_with("- id:")
        };
        let bold = |line: &Line<'_>| {
            line.trimmed()
                .1
                .strip_prefix("**")
                .is_some_and(|bold| numbered(bold, "Story").is_some())
        };
        let heading = |line: &&Line<'_>| {
            line.heading().is_some_and(|(_, _, heading)| numbered(heading, "Story").is_some())
        };
        let stories = match lines.iter().filter(heading).count() {
            0 => lines.iter().filter(|line| bold(line)).count(),
            headings => headings,
        };
        if is_yaml || lines.iter().any(key) {
            sprint(text, deps)
        } else if stories >= 2 {
            epics(text, &lines, deps)
        } else {
            story(text, &lines, deps)
        }
    }

    fn locations(&self) -> Locations {
        Locations {
            names: &["sprint-status.yaml"],
            rank: 4,
            globs: &["**/sprint-status.yaml"],
            ..Locations::NONE
        }
    }
}

fn sprint(text: &Text<'_>, deps: Deps) -> Parsed {
    let mut build = Builder::new(text, "bmad");
    build.outline.done_word = Some("done".into());
    let (tree, mistakes) = yaml(text.all, 0..text.all.len());
    build.mistakes(mistakes);
    build.plan.topic = tree.word_of("project").unwrap_or_default().to_owned();
    stories(&mut build, &tree);
    development_status(&mut build, &tree);
    if build.states_dependencies() {
        build.keep_order(&[]);
    } else {
        build.in_order(&vec![false; build.plan.tasks.len()]);
        build.streams_in_order();
    }
    build.finish(deps)
}

/// Stories in a list, or in one below a key.
fn stories(build: &mut Builder<'_>, tree: &Value) {
    for item in tree.get("stories").unwrap_or(tree).items() {
        let Some(id) = item.word_of("id") else { continue };
        let title = item.word_of("title").unwrap_or(id);
        let place = item
            .get("id")
            .map_or(item.span.start..item.span.start, |id| id.span_in(build.text.all));
        // Each in a stream of its own, which a person can hold back.
        let stream = build.stream(id, title, place.clone());
        let ix = build.task_of(id, Some(stream), item, title);
        if item.word_of("done_checkpoint") == Some("true") {
            let after = vec![build.plan.streams[stream].id.clone()];
            build.gate(
                &format!("Checkpoint {id}"),
                Level::Stream,
                after,
                &format!("a person has looked at story {id}"),
                place,
            );
        }
        if let Some(status) = item.get("status") {
            build.status_value(ix, status);
        }
        build.details_of(ix, Detail::Objective, item, "description");
        for (word, value) in item.waits().unwrap_or_default() {
            build.waits_exactly(Waiting::Task(ix), word, value.span_in(build.text.all));
        }
        checkpoint(build, ix, id, item);
        if build.is_full(item.span.start) {
            break;
        }
    }
}

/// A person looks at a story's plan before it is carried out.
fn checkpoint(build: &mut Builder<'_>, ix: usize, id: &str, item: &Value) {
    if let Some(value) = item.get("spec_checkpoint").filter(|value| value.word() == Some("true")) {
        let span = value.span_in(build.text.all);
        build.detail(
            ix,
            Detail::Notes,
            "a person looks at its plan before it is carried out (spec_checkpoint: true)",
            span.clone(),
        );
        let what = format!(
            "story {id}: a person has to look at its plan before it is carried out (spec_checkpoint)"
        );
        build.problems.push(Problem::info("needs-a-person", span, what));
    }
}

/// Whether a part of a key is a number: `6a` is one too.
fn is_number(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_digit())
        && part.trim_end_matches(char::is_alphabetic).len() + 1 >= part.len()
}

/// How many numbers a key begins with.
fn numbers(key: &str) -> usize {
    key.split('-').take_while(|part| is_number(part)).count()
}

/// Epics and stories by their keys, each with its state.
fn development_status(build: &mut Builder<'_>, tree: &Value) {
    let nothing = Value::nothing(0);
    let entries: Vec<_> = tree.get("development_status").unwrap_or(&nothing).entries().collect();
    let epics: HashSet<&str> = entries
        .iter()
        .filter_map(|(name, ..)| name.strip_prefix("epic-"))
        .filter(|key| !key.ends_with("-retrospective"))
        .collect();
    let (mut streams, mut ids) = (HashMap::new(), HashSet::new());
    for (name, span, value) in &entries {
        // `name: {status: done}`.
        let value = value.get("status").unwrap_or(value);
        let is_story = name.starts_with(|c: char| c.is_ascii_digit())
            || value
                .word()
                .is_some_and(|word| word.starts_with(char::is_alphabetic) && is_known(word));
        if name.ends_with("-retrospective") || !is_story {
            continue;
        }
        if let Some(key) = name
            .strip_prefix("epic-")
            .filter(|key| key.split('-').all(|part| is_number(part) || part.len() == 1))
        {
            streams.insert(
                key.to_owned(),
                build.stream(
                    &format!("Epic {}", key.replace('-', ".")),
                    &format!("Epic {key}"),
                    span.clone(),
                ),
            );
            continue;
        }
        // `e0-1-name` is `0-1-name`.
        let key = name
            .strip_prefix('e')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            .unwrap_or(name);
        let epic = epic_of(key, &epics);
        let parts: Vec<&str> = key.split('-').collect();
        let digits = numbers(key).min(epic.map_or(2, |key| key.split('-').count() + 1)).max(1);
        let id = parts[..digits].join(".");
        let title = if numbers(key) == 0 { parts.join(" ") } else { parts[digits..].join(" ") };
        let id = if !ids.insert(id.clone()) || numbers(key) == 0 { name.clone() } else { id };
        let stream = epic.and_then(|key| streams.get(key)).copied();
        let ix = build.task(
            &id,
            if title.is_empty() { name } else { &title },
            stream,
            span.start..value.span_in(build.text.all).end,
        );
        build.status_value(ix, value);
        if build.is_full(span.start) {
            break;
        }
    }
}

/// `3-5-1-name` is a story of epic 3-5, `3-5-name` one of epic 3: the longest that is followed by a number.
fn epic_of<'n>(name: &'n str, epics: &HashSet<&str>) -> Option<&'n str> {
    let ends = name
        .rmatch_indices('-')
        .map(|(at, _)| at)
        .filter(|at| name[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    ends.map(|at| &name[..at]).find(|key| epics.contains(key))
}

fn epics(text: &Text<'_>, lines: &[Line<'_>], deps: Deps) -> Parsed {
    let mut build = Builder::new(text, "bmad");
    build.read_topic(&["Epic Breakdown", "Epics and Stories", "Epics", "-"]);
    let style = Headings {
        task: &|heading| numbered(heading, "Story"),
        lane: &|heading| {
            numbered(heading, "Epic").map(|(id, name)| (format!("Epic {id}"), clean_title(&name)))
        },
        field: &|name| names_tasks(name) || matches!(name, "estimate" | "acceptance criteria"),
        boxes_are_steps: false,
    };
    headings::read(&mut build, lines, &style);
    build.keep_order(&[]);
    build.streams_in_order();
    build.finish(deps)
}

fn story(text: &Text<'_>, lines: &[Line<'_>], deps: Deps) -> Parsed {
    let has_section = lines
        .iter()
        .any(|line| line.heading().is_some_and(|(_, _, name)| is_tasks(&name.to_lowercase())));
    let style = Style {
        name: "bmad",
        title_words: &[],
        lane: None,
        deep_lanes: false,
        only_in: if has_section { Some(is_tasks) } else { None },
        has_other_boxes: true,
        lanes_in_order: true,
    };
    if has_section
        && lines.iter().any(|line| {
            line.heading().is_some_and(|(.., heading)| numbered_task(heading).is_some())
        })
    {
        return story_of_headings(text, lines, deps);
    }
    let mut reader = Reader::new(text, &style);
    reader.read();
    compare_status(&mut reader.build, lines);
    reader.finish(deps)
}

/// What a story says of itself against what its tasks say.
fn compare_status(build: &mut Builder<'_>, lines: &[Line<'_>]) {
    let stated = lines.iter().enumerate().find_map(|(at, line)| {
        let (start, body) = line.trimmed();
        let value = body
            .trim_start_matches(['*', '#', ' '])
            .strip_prefix("Status")?
            .trim_start_matches(['*', ':', ' ']);
        // As a heading, with the word below it.
        let below = || {
            lines[at + 1..]
                .iter()
                .map(|line| line.trimmed().1)
                .find(|body| !body.is_empty())
                .unwrap_or_default()
        };
        let value = if value.is_empty() && body.starts_with('#') { below() } else { value };
        Some((start, body.len(), value.to_owned()))
    });
    if let Some((start, len, word)) = stated {
        let done = status(&word) == Some(Mark::Done);
        let tasks = build.plan.tasks.len();
        let open = (0..tasks).filter(|ix| !build.marks.contains_key(ix)).count();
        // Before a review all is ticked, and nothing is wrong with that.
        let reviewed = open == 0 && word.to_lowercase().contains("review");
        if tasks > 0 && done != (open == 0) && !reviewed {
            let how = if done {
                format!("{open} of its tasks are open")
            } else {
                "all of its tasks are done".into()
            };
            let what = format!("the story's status is `{word}`, but {how}: the boxes count");
            build.problems.push(Problem::warning("two-truths", start..start + len, what));
        }
    }
}

/// A story whose tasks are headings with steps below them.
fn story_of_headings(text: &Text<'_>, lines: &[Line<'_>], deps: Deps) -> Parsed {
    let mut build = Builder::new(text, "bmad");
    build.read_topic(&[]);
    let field = |name: &str| names_tasks(name) || matches!(name, "files" | "status");
    let style =
        Headings { task: &numbered_task, lane: &|_| None, field: &field, boxes_are_steps: true };
    headings::read(&mut build, lines, &style);
    compare_status(&mut build, lines);
    build.keep_order(&[]);
    build.finish(deps)
}

fn is_tasks(heading: &str) -> bool {
    is_subtasks(heading) || heading.trim_start_matches(|c: char| !c.is_alphanumeric()) == "tasks"
}
