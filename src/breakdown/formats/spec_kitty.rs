//! spec-kitty's work packages: `### WP01 — Title` with the boxes of its sub-tasks, and a file for each whose front
//! matter says what it waits for. A package is what one agent carries out.

use crate::breakdown::build::{Builder, Wait, Waiting};
use crate::breakdown::detect::{Signs, is_spec_kit_id};
use crate::breakdown::headings::{self, Style};
use crate::breakdown::locations::{FolderFormat, Locations, is_markdown};
use crate::breakdown::outline::{Detail, SaidBy};
use crate::breakdown::problem::Problem;
use crate::breakdown::refs::id_len;
use crate::breakdown::status::status;
use crate::breakdown::task_file;
use crate::breakdown::text::{File, Line, Text};
use crate::breakdown::tree::{Value, json};
use crate::breakdown::{Confidence, Deps, Parsed};
use crate::core::event::Mark;
use foldhash::{HashMap, HashMapExt};
use std::collections::BTreeSet;

/// The format.
pub struct SpecKitty;

impl crate::breakdown::Reader for SpecKitty {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        let index = signs.work_packages >= 1
            && ["Subtask Index", "Included Subtasks"]
                .iter()
                .any(|words| signs.all().contains(words));
        let index =
            index || signs.work_packages >= 1 && signs.path_has(&["kitty-specs/"], "tasks.md");
        if signs.front_has(&["work_package_id"]) || index {
            return Some(Confidence::Certain);
        }
        (signs.work_packages >= 2).then_some(Confidence::Likely)
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let mut build = Builder::new(text, "spec-kitty");
        build.read_topic(&["Work Packages", "Tasks", ":"]);
        build.outline.groups = Some(0);
        let lists: Vec<Line<'_>> = text
            .files
            .iter()
            .filter(|file| !is_package(file) && file.name() != "status.json")
            .flat_map(|file| text.visible_in(file))
            .collect();
        let style = Style {
            task: &|heading| package(heading),
            lane: &|_| None,
            field: &|name| !matches!(name, "run" | "command" | "risks" | "status"),
            boxes_are_steps: true,
        };
        for (ix, section) in headings::read(&mut build, &lists, &style).iter().enumerate() {
            below_headings(&mut build, ix, &section.region);
        }
        let mut known: HashMap<String, usize> = build
            .plan
            .tasks
            .iter()
            .enumerate()
            .rev()
            .map(|(ix, task)| (task.id.as_str().to_lowercase(), ix))
            .collect();
        // What the list says that each waits for.
        let mut listed: HashMap<usize, Vec<Wait>> = HashMap::new();
        for wait in std::mem::take(&mut build.waits) {
            if let Waiting::Task(ix) = wait.who {
                listed.entry(ix).or_default().push(wait);
            }
        }
        for file in text.files.iter().filter(|file| is_package(file)) {
            read_package(&mut build, file, &mut known, &mut listed);
        }
        let mut left: Vec<(usize, Vec<Wait>)> = listed.into_iter().collect();
        left.sort_unstable_by_key(|(ix, _)| *ix);
        build.waits.extend(left.into_iter().flat_map(|(_, waits)| waits));
        for file in text.files.iter().filter(|file| file.name() == "status.json") {
            match json(text.all, file.range.clone()) {
                Ok(tree) => lanes(&mut build, &tree, 0, &known),
                Err(mistake) => build.mistakes([mistake]),
            }
        }
        build.finish(deps)
    }

    fn locations(&self) -> Locations {
        Locations { below: &[("kitty-specs", "tasks.md")], ..Locations::NONE }
    }

    fn folders(&self) -> &'static [FolderFormat] {
        &[
            FolderFormat {
                rank: 4,
                has: &["tasks.md", "tasks"],
                first: &["tasks.md", "status.json"],
                folders: &[("tasks", true)],
                takes: is_work_package,
            },
            FolderFormat {
                rank: 4,
                has: &["spec.md", "tasks"],
                first: &["status.json"],
                folders: &[("tasks", true)],
                takes: is_work_package,
            },
        ]
    }
}

/// `WP01 — Title`, `Work Package WP01: Title` → its id and its title.
fn package(heading: &str) -> Option<(String, String)> {
    let body = heading.trim_start_matches("Work Package ").trim_start_matches(['*', '`', '[']);
    let len = id_len(body).filter(|_| body.starts_with("WP"))?;
    let title = body[len..].trim_start_matches([']', '*', '`', ':', '-', '—', '–', ' ']);
    Some((body[..len].to_owned(), title.to_owned()))
}

/// `### Dependencies` with what it waits for in a sentence, `### Included Subtasks` with lines `T001 …` without boxes.
fn below_headings(build: &mut Builder<'_>, ix: usize, region: &[Line<'_>]) {
    let mut under = String::new();
    for line in region {
        if let Some((_, _, heading)) = line.heading() {
            under = heading.to_lowercase();
            continue;
        }
        let (start, body) =
            line.item().map_or_else(|| line.trimmed(), |item| (item.start, item.text));
        if under.starts_with("dependenc") && body.contains(char::is_alphanumeric) {
            // What comes after the first sentence says why, or what does not wait.
            let sentence = body.split([';', '.']).next().unwrap_or(body);
            build.waits(Waiting::Task(ix), sentence, start);
        } else if under.contains("subtask") && is_spec_kit_id(body) {
            build.step(ix, body.trim_end(), start..line.end(), None);
        }
    }
}

fn is_package(file: &File<'_>) -> bool {
    package(file.name().trim_end_matches(".md")).is_some()
}

fn read_package(
    build: &mut Builder<'_>,
    file: &File<'_>,
    known: &mut HashMap<String, usize>,
    listed: &mut HashMap<usize, Vec<Wait>>,
) {
    let Some(front) = build.front(file) else { return };
    let stem = file.name().trim_end_matches(".md");
    let named = package(stem).map_or_else(|| stem.to_owned(), |(id, _)| id);
    let id = front.word_of("work_package_id").unwrap_or(&named).to_owned();
    let in_list = known.get(&id.to_lowercase()).copied();
    let ix = in_list
        .unwrap_or_else(|| build.task_of(&id, None, &front, front.word_of("title").unwrap_or(&id)));
    known.entry(id.to_lowercase()).or_insert(ix);
    let lines = build.text.visible_in(file);
    if in_list.is_none() {
        task_file::read(build, ix, &lines);
    }
    for key in ["lane", "status"] {
        if let Some(value) = front.get(key) {
            build.status_value(ix, value);
        }
    }
    build.outline.done_word = Some("done".into());
    if let Some(key) = ["agent", "assignee"].iter().find(|key| front.word_of(key).is_some()) {
        build.details_of(ix, Detail::Agent, &front, key);
    }
    build.details_of(ix, Detail::Files, &front, "owned_files");
    if build.plan.tasks[ix].steps.is_empty() {
        for (word, value) in front.words_of("subtasks") {
            build.step(ix, word, value.span_in(build.text.all), None);
        }
    }
    build.note_file(ix, file);
    edges(build, ix, &front, listed);
}

/// The front matter's dependencies count; what the list says otherwise is told.
fn edges(
    build: &mut Builder<'_>,
    ix: usize,
    front: &Value,
    in_list: &mut HashMap<usize, Vec<Wait>>,
) {
    let Some(value) = front.get("dependencies") else { return };
    let words = front.words_of("dependencies");
    let stated: BTreeSet<String> = words.iter().map(|(word, _)| word.to_uppercase()).collect();
    let listed: BTreeSet<String> = in_list
        .get(&ix)
        .into_iter()
        .flatten()
        .flat_map(|wait| crate::breakdown::refs::ids_in(&wait.text))
        .filter_map(|reference| {
            if let crate::breakdown::refs::Target::Task(id) = reference.to {
                Some(id.to_uppercase())
            } else {
                None
            }
        })
        .collect();
    if !listed.is_empty() && listed != stated {
        let id = build.plan.tasks[ix].id.clone();
        // That nothing stands here may mean that nobody has filled it in.
        let counts = if stated.is_empty() {
            "the list counts, as nothing stands here"
        } else {
            "what stands here counts"
        };
        let what = format!("{id} waits for other packages here than in the list: {counts}");
        build.problems.push(Problem::warning("two-truths", value.span.clone(), what));
    }
    if stated.is_empty() {
        return;
    }
    in_list.remove(&ix);
    for (word, value) in words {
        build.waits_exactly(Waiting::Task(ix), word, value.span_in(build.text.all));
    }
}

/// `{"WP01": "done"}` or `{"WP01": {"lane": "done"}}`, at whatever depth: the machine's word counts.
fn lanes(build: &mut Builder<'_>, tree: &Value, depth: usize, known: &HashMap<String, usize>) {
    for (name, _, value) in tree.entries() {
        let lane = value.word().or_else(|| value.word_of("lane"));
        let task = known.get(&name.to_lowercase()).copied();
        // What the program says counts, so there is no place for us to write.
        if let (Some(ix), Some(_)) = (task, lane) {
            build.outline.tasks[ix].status = None;
        }
        match (task, lane) {
            (Some(ix), Some(lane)) => match status(lane) {
                Some(mark) => build.mark(ix, mark, SaidBy::Program),
                None => {
                    build.outline.tasks[ix].said_by = None;
                    if build.marks.remove(&ix) == Some(Mark::Done) {
                        let what = format!(
                            "{name} is marked as done, but status.json has it as `{lane}`: that counts"
                        );
                        build.problems.push(Problem::warning(
                            "two-truths",
                            build.outline.tasks[ix].span.clone(),
                            what,
                        ));
                    }
                }
            },
            _ if depth < 4 => lanes(build, value, depth + 1, known),
            _ => {}
        }
    }
}

fn is_work_package(name: &str) -> bool {
    name.starts_with("WP") && is_markdown(name)
}
