//! An epic of ccpm: `epic.md` and a numbered file for each task, whose front matter says what it waits for. A
//! folder with a task's number holds its parts.

use crate::breakdown::build::{Builder, Waiting};
use crate::breakdown::detect::Signs;
use crate::breakdown::locations::{FolderFormat, Locations, is_numbered};
use crate::breakdown::outline::{Detail, Parent};
use crate::breakdown::status::status;
use crate::breakdown::task_file;
use crate::breakdown::text::boxed;
use crate::breakdown::text::{File, Text};
use crate::breakdown::tree::Value;
use crate::breakdown::values::{estimate, topic};
use crate::breakdown::{Confidence, Deps, Parsed};
use crate::core::event::Mark;
use foldhash::{HashMap, HashMapExt, HashSet};

/// The format.
pub struct Ccpm;

impl crate::breakdown::Reader for Ccpm {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        let epic = signs.paths.len() > 1 && signs.has_file("epic.md");
        let task = signs.front_has(&["depends_on", "parallel"])
            || signs.front_has(&["name", "status", "created", "depends_on"]);
        (epic || task).then_some(Confidence::Certain)
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let mut build = Builder::new(text, "ccpm");
        build.outline.done_word = Some("closed".into());
        build.outline.groups = Some(0);
        let paths: HashSet<&str> = text.files.iter().map(|file| file.path).collect();
        let mut tasks: Vec<(String, &File<'_>, Value)> = Vec::new();
        for file in &text.files {
            let front = build.front(file);
            if file.name() == "epic.md" {
                read_epic(&mut build, file, front.as_ref());
            } else if is_task(file, &paths)
                || front.as_ref().is_some_and(|front| is_task_of(file, front))
            {
                tasks.push((
                    id_of(file),
                    file,
                    front.unwrap_or_else(|| Value::nothing(file.range.start)),
                ));
            }
        }
        let folders: HashSet<String> =
            tasks.iter().filter_map(|(id, ..)| Some(id.rsplit_once('/')?.0.to_owned())).collect();
        let mut streams: HashMap<String, usize> = HashMap::new();
        let mut waiting: Vec<(Waiting, &str, &Value)> = Vec::new();
        for (id, file, front) in tasks.iter().filter(|(id, ..)| folders.contains(id)) {
            let span = front
                .get("name")
                .map_or(front.span.start..front.span.start, |name| name.span_in(text.all));
            let stream = build.stream(id, &title(text, file, front), span);
            let done = front.word_of("status").is_some_and(|word| status(word) == Some(Mark::Done));
            build.outline.parents.push(Parent {
                stream: build.plan.streams[stream].id.clone(),
                done,
                of_parts: false,
                nested: Vec::new(),
                text: Some(file.range.clone()),
            });
            streams.insert(id.clone(), stream);
            count_boxes(&mut build, file);
            waiting.push((Waiting::Stream(stream), id, front));
        }
        for (id, file, front) in tasks.iter().filter(|(id, ..)| !folders.contains(id)) {
            let stream = id.rsplit_once('/').and_then(|(folder, _)| streams.get(folder)).copied();
            let ix = read_task(&mut build, id, file, front, stream);
            waiting.push((Waiting::Task(ix), id, front));
            if build.is_full(file.range.start) {
                break;
            }
        }
        for (who, id, front) in waiting {
            let words =
                front.waits().unwrap_or_default().into_iter().flat_map(|(word, value)| {
                    word.split(',').map(move |word| (word.trim(), value))
                });
            for (word, value) in words.filter(|(word, _)| !word.is_empty()) {
                let bare = word
                    .trim_start_matches("Task ")
                    .trim_start_matches('#')
                    .trim_end_matches(".md");
                let bare = Some(number_of(bare))
                    .filter(|number| !number.is_empty() && bare[number.len()..].starts_with('-'))
                    .unwrap_or(bare);
                // Parts of a task name their neighbours.
                let near = id.rsplit_once('/').map(|(folder, _)| format!("{folder}/{bare}"));
                let wanted =
                    near.filter(|near| build.knows(near)).unwrap_or_else(|| bare.to_owned());
                build.waits_exactly(who, &wanted, value.span_in(text.all));
            }
        }
        build.finish(deps)
    }

    fn locations(&self) -> Locations {
        Locations { below: &[(".claude/epics", "epic.md")], ..Locations::NONE }
    }

    fn folders(&self) -> &'static [FolderFormat] {
        &[FolderFormat {
            rank: 1,
            has: &["epic.md"],
            first: &["epic.md"],
            folders: &[(".", false), ("tasks", true)],
            takes: is_numbered,
        }]
    }
}

/// `572.md`, `017-name.md`, `004a-name.md`; what stands beside `572.md` as `572-analysis.md` is about it.
fn is_task(file: &File<'_>, all: &HashSet<&str>) -> bool {
    let Some(stem) = file.name().strip_suffix(".md") else { return false };
    let number = number_of(stem);
    let rest = &stem[number.len()..];
    let companion = || {
        let folder = &file.path[..file.path.len() - file.name().len()];
        let whole = format!("{folder}{number}.md");
        all.contains(whole.as_str())
    };
    let alone = all.len() == 1;
    alone
        || !number.is_empty()
            && (rest.is_empty()
                || rest.starts_with(['-', '_', ' '])
                    && !rest.ends_with("-analysis")
                    && !companion())
}

/// A second file with a number is a task where its front matter says what it waits for.
fn is_task_of(file: &File<'_>, front: &Value) -> bool {
    file.name().starts_with(|c: char| c.is_ascii_digit())
        && front.get("depends_on").is_some()
        && front.get("status").is_some()
}

/// Digits with a letter: `004a`.
fn number_of(stem: &str) -> &str {
    let digits = stem.bytes().take_while(u8::is_ascii_digit).count();
    let letter = digits > 0
        && stem.as_bytes().get(digits).is_some_and(u8::is_ascii_lowercase)
        && !stem.as_bytes().get(digits + 1).is_some_and(u8::is_ascii_alphanumeric);
    &stem[..digits + usize::from(letter)]
}

/// `tasks/018/002-file-database.md` → `018/002`.
fn id_of(file: &File<'_>) -> String {
    let stem = file.name().strip_suffix(".md").unwrap_or(file.name());
    let number = Some(number_of(stem)).filter(|number| !number.is_empty()).unwrap_or(stem);
    let folders = file
        .path
        .split('/')
        .rev()
        .skip(1)
        .take_while(|part| part.starts_with(|c: char| c.is_ascii_digit()))
        .map(number_of);
    let parts: Vec<&str> = std::iter::once(number).chain(folders.take(3)).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

fn title(text: &Text<'_>, file: &File<'_>, front: &Value) -> String {
    let named = front.word_of("name").or_else(|| front.word_of("title"));
    let heading = || {
        text.visible_in(file).iter().find_map(|line| {
            line.heading().filter(|(level, ..)| *level == 1).map(|(.., text)| text)
        })
    };
    named
        .or_else(heading)
        .map_or_else(|| file.name().trim_end_matches(".md").to_owned(), |name| topic(name, &[]))
}

fn read_epic(build: &mut Builder<'_>, file: &File<'_>, front: Option<&Value>) {
    let lines = build.text.visible_in(file);
    let heading = lines.iter().find_map(|line| line.heading().filter(|(level, ..)| *level == 1));
    let named = heading
        .map(|(_, _, heading)| topic(heading, &["Epic:", "Epic"]))
        .filter(|topic| !topic.is_empty());
    build.plan.topic =
        named.or_else(|| Some(front?.word_of("name")?.to_owned())).unwrap_or_default();
    let overview = lines
        .iter()
        .skip_while(|line| {
            !line.heading().is_some_and(|(_, _, name)| name.eq_ignore_ascii_case("overview"))
        })
        .skip(1);
    let text: Vec<&str> =
        overview.take_while(|line| line.heading().is_none()).map(|line| line.text.trim()).collect();
    build.plan.summary = text.join("\n").trim().chars().take(2_000).collect();
}

fn count_boxes(build: &mut Builder<'_>, file: &File<'_>) {
    for (_, tick) in build.text.visible_in(file).iter().filter_map(boxed) {
        build.other_box(&tick);
    }
}

fn read_task(
    build: &mut Builder<'_>,
    id: &str,
    file: &File<'_>,
    front: &Value,
    stream: Option<usize>,
) -> usize {
    let ix = build.task_of(id, stream, front, &title(build.text, file, front));
    build.alias(ix, id);
    if let Some(status) = front.get("status") {
        build.status_value(ix, status);
    }
    let lines = build.text.visible_in(file);
    task_file::read(build, ix, &lines);
    if let Some(key) = ["size", "effort", "estimate"]
        .iter()
        .find(|key| front.word_of(key).is_some_and(|word| estimate(word).is_some()))
    {
        build.details_of(ix, Detail::Estimate, front, key);
    }
    build.details_of(ix, Detail::Parallel, front, "parallel");
    for key in ["parallel", "conflicts_with", "github"] {
        build.note_of(ix, front, key);
    }
    build.note_file(ix, file);
    if front.waits().is_some() {
        build.waits_for_nothing(ix);
    }
    ix
}
