//! An index of tasks with a file for each: `00-index.md` with tables, `04-name.md` with `**Depends on**` and
//! `**Blocks**`. What the index says counts; a file that says otherwise is told of.

use super::index_table;
use crate::breakdown::build::{Builder, Waiting};
use crate::breakdown::detect::Signs;
use crate::breakdown::forms::numbered;
use crate::breakdown::locations::{FolderFormat, Locations, is_numbered};
use crate::breakdown::problem::Problem;
use crate::breakdown::refs::{Target, references};
use crate::breakdown::tables::{Columns, is_index};
use crate::breakdown::task_file;
use crate::breakdown::text::{Field, File, Text, clean_title, fields};
use crate::breakdown::{Confidence, Deps, Parsed};
use foldhash::HashMap;
use std::collections::BTreeSet;

/// The format.
pub struct FeatureDocs;

impl crate::breakdown::Reader for FeatureDocs {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        let index = signs.has_file("00-index.md")
            && (signs.tables >= 1 || signs.all().lines().any(is_index));
        let task = signs.task_headings == 1
            && ["**Phase**:", "**Depends on**:", "**Blocks**:"]
                .iter()
                .all(|name| signs.all().contains(name));
        (index || task).then_some(Confidence::Certain)
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let mut build = Builder::new(text, "feature-docs");
        build.read_topic(&["Task Index", "—"]);
        let (index, files): (Vec<&File<'_>>, Vec<&File<'_>>) =
            text.files.iter().partition(|file| of_task(text, file).is_none());
        for file in index {
            index_table::rows(&mut build, &text.visible_in(file), Columns::of_index);
        }
        // Without a column of what they wait for, rows come in their order.
        let says_nothing = build.waits.is_empty();
        let rows: HashMap<String, usize> = build
            .plan
            .tasks
            .iter()
            .enumerate()
            .map(|(ix, task)| (key(task.id.as_str()), ix))
            .collect();
        let edges = edges(&build, &rows);
        for file in files {
            read_file(&mut build, file, &rows, &edges);
        }
        if says_nothing {
            build.keep_order(&[]);
        }
        build.finish(deps)
    }

    fn locations(&self) -> Locations {
        Locations { names: &["00-index.md"], rank: 5, ..Locations::NONE }
    }

    fn folders(&self) -> &'static [FolderFormat] {
        &[FolderFormat {
            rank: 2,
            has: &["00-index.md"],
            first: &["00-index.md"],
            folders: &[(".", false)],
            takes: is_numbered,
        }]
    }
}

/// `004` and `4` are the same.
fn key(id: &str) -> String {
    id.trim_start_matches('0').to_lowercase()
}

/// The id and the title of a file that is a task: `# Task 04: Title`.
fn of_task(text: &Text<'_>, file: &File<'_>) -> Option<(String, String)> {
    let lines = &text.lines[file.lines.clone()];
    let (.., heading) = lines.iter().filter(|line| !line.hidden).find_map(|line| line.heading())?;
    numbered(heading, "Task")
}

/// Who waits for whom by the index.
fn edges(build: &Builder<'_>, rows: &HashMap<String, usize>) -> BTreeSet<(usize, usize)> {
    let mut edges = BTreeSet::new();
    for wait in &build.waits {
        if let Waiting::Task(ix) = wait.who {
            edges.extend(named(&wait.text).iter().filter_map(|id| Some((ix, *rows.get(id)?))));
        }
    }
    edges
}

fn named(text: &str) -> Vec<String> {
    let id = |to: Target| if let Target::Task(id) = to { Some(key(&id)) } else { None };
    references(text).into_iter().filter_map(|reference| id(reference.to)).collect()
}

fn read_file(
    build: &mut Builder<'_>,
    file: &File<'_>,
    rows: &HashMap<String, usize>,
    edges: &BTreeSet<(usize, usize)>,
) {
    let text = build.text;
    let Some((id, title)) = of_task(text, file) else { return };
    let lines = text.visible_in(file);
    let heading = lines
        .iter()
        .find(|line| line.heading().is_some())
        .map_or(file.range.start..file.range.start, |line| line.span());
    let own: Vec<_> = lines
        .iter()
        .skip_while(|line| line.heading().is_none())
        .skip(1)
        .take_while(|line| line.heading().is_none())
        .copied()
        .collect();
    let fields = fields(&own);
    let known = rows.get(&key(&id)).copied();
    let ix = known.unwrap_or_else(|| build.task(&id, &clean_title(&title), None, heading.clone()));
    for field in &fields {
        match field.name.as_str() {
            "depends on" | "dependencies" if known.is_some() => {
                compare(build, field, ix, rows, |other| edges.contains(&(ix, other)), "waits for")
            }
            "blocks" => compare(
                build,
                field,
                ix,
                rows,
                |other| edges.contains(&(other, ix)),
                "is waited for by",
            ),
            "phase" => {}
            "status" if build.outline.tasks[ix].status.is_none() => build.status(ix, &field.value),
            "status" => {}
            _ => build.field(ix, field),
        }
    }
    if rows.is_empty() {
        build.outline.tasks[ix].span = heading;
    }
    task_file::read(build, ix, &lines);
    build.note_file(ix, file);
}

/// The index counts.
fn compare(
    build: &mut Builder<'_>,
    field: &Field,
    ix: usize,
    rows: &HashMap<String, usize>,
    indexed: impl Fn(usize) -> bool,
    how: &str,
) {
    let other: Vec<String> = named(&field.value)
        .into_iter()
        .filter(|id| rows.get(id).is_some_and(|&other| !indexed(other)))
        .collect();
    if !other.is_empty() {
        let id = build.plan.tasks[ix].id.clone();
        let other: Vec<&str> =
            other.iter().map(|id| build.plan.tasks[rows[id]].id.as_str()).collect();
        let what = format!(
            "task {id} {how} {} here, but not in the index: the index counts",
            other.join(", ")
        );
        let span = field.start..field.start + field.value.lines().next().unwrap_or_default().len();
        build.problems.push(Problem::warning("two-truths", span, what));
    }
}
