//! Backlog.md: a file a task, with front matter. The folder says as much as the status does: what lies in
//! `completed` is done, what is archived is not taken up.

use crate::breakdown::build::{Builder, Waiting};
use crate::breakdown::details::spelling;
use crate::breakdown::detect::Signs;
use crate::breakdown::locations::{FolderFormat, Locations, is_markdown};
use crate::breakdown::outline::{Detail, SaidBy};
use crate::breakdown::problem::Problem;
use crate::breakdown::task_file;
use crate::breakdown::text::{File, Text};
use crate::breakdown::tree::{Value, yaml};
use crate::breakdown::{Confidence, Deps, Parsed};
use crate::core::event::Mark;
use foldhash::{HashMap, HashMapExt};
use std::ops::Range;

/// The format.
pub struct Backlog;

impl crate::breakdown::Reader for Backlog {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        let task = signs.front_has(&["id", "status"])
            && (signs.front_has(&["created_date"])
                || signs.front_has(&["dependencies", "labels"])
                || signs.front_has(&["title", "assignee"]));
        task.then_some(Confidence::Certain)
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let mut build = Builder::new(text, "backlog");
        let config = text.files.iter().find(|file| file.name() == "config.yml").map(|file| {
            let (config, mistakes) = yaml(text.all, file.range.clone());
            build.mistakes(mistakes);
            config
        });
        let statuses: Vec<String> = config
            .iter()
            .flat_map(|config| config.words_of("statuses"))
            .map(|(word, _)| word.to_owned())
            .collect();
        build.plan.topic = config
            .as_ref()
            .and_then(|config| config.word_of("project_name"))
            .unwrap_or_default()
            .to_owned();
        let done = statuses.last().cloned().unwrap_or_else(|| "Done".into());
        build.known_statuses = statuses.iter().map(|status| spelling(status)).collect();
        let milestones = milestones(&mut build);
        let mut reader =
            Reader { build, done, milestones, streams: HashMap::new(), waits: Vec::new() };
        for folder in [Folder::Tasks, Folder::Completed, Folder::Archive] {
            for file in text.files.iter().filter(|file| Folder::in_path(file.path) == Some(folder))
            {
                reader.file(file, folder);
                if reader.build.is_full(file.range.start) {
                    break;
                }
            }
        }
        reader.finish(deps)
    }

    fn locations(&self) -> Locations {
        Locations { paths: &["backlog"], ..Locations::NONE }
    }

    fn folders(&self) -> &'static [FolderFormat] {
        &[FolderFormat {
            rank: 0,
            has: &["config.yml", "tasks"],
            first: &["config.yml"],
            folders: &[
                ("tasks", false),
                ("completed", false),
                ("archive/tasks", false),
                ("milestones", false),
                ("archive/milestones", false),
            ],
            takes: is_markdown,
        }]
    }
}

/// Where a task lies. Of two with one id, that of the earlier folder is the one that is meant.
#[derive(Clone, Copy, PartialEq)]
enum Folder {
    Tasks,
    Completed,
    Archive,
}

impl Folder {
    fn in_path(path: &str) -> Option<Self> {
        // Whatever lies above the breakdown is none of it.
        let within =
            |folder: &str| path.split('/').rev().skip(1).take(2).any(|part| part == folder);
        let other = within("milestones")
            || path.ends_with("config.yml")
            || path.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case("readme.md"));
        match () {
            () if other => None,
            () if within("archive") => Some(Self::Archive),
            () if within("completed") => Some(Self::Completed),
            () => Some(Self::Tasks),
        }
    }
}

/// Names of milestones by their ids.
fn milestones(build: &mut Builder<'_>) -> HashMap<String, String> {
    let text = build.text;
    let mut names = HashMap::new();
    for file in
        text.files.iter().filter(|file| file.path.split('/').any(|part| part == "milestones"))
    {
        if let Some(front) = build.front(file)
            && let (Some(id), Some(title)) = (front.word_of("id"), front.word_of("title"))
        {
            names.insert(id.to_lowercase(), title.to_owned());
        }
    }
    names
}

struct Reader<'a> {
    build: Builder<'a>,
    done: String,
    milestones: HashMap<String, String>,
    streams: HashMap<String, usize>,
    /// What tasks wait for, with where they say so.
    waits: Vec<(usize, String, Range<usize>)>,
}

impl<'a> Reader<'a> {
    fn file(&mut self, file: &File<'a>, folder: Folder) {
        let Some(front) = self.build.front(file) else {
            let what = format!("{} has no front matter: it is not read", file.path);
            return self.build.problems.push(Problem::warning(
                "no-front-matter",
                file.range.start..file.range.start,
                what,
            ));
        };
        let stem = file.name().trim_end_matches(".md");
        let written = front
            .word_of("id")
            .unwrap_or_else(|| stem.split(" - ").next().unwrap_or(stem))
            .to_owned();
        let replaced = folder == Folder::Archive && self.build.knows(&number(&written));
        let id = if replaced { format!("{written} (archived)") } else { written.clone() };
        let title = front
            .word_of("title")
            .or_else(|| stem.split_once(" - ").map(|(_, title)| title))
            .unwrap_or(stem);
        let stream = front.get("milestone").and_then(|milestone| self.milestone(milestone));
        let ix = self.build.task_of(&id, stream, &front, title);
        if !replaced {
            self.build.alias(ix, &number(&written));
        }
        self.status(ix, &front, folder);
        let lines = self.build.text.visible_in(file);
        task_file::read(&mut self.build, ix, &lines);
        if let Some((name, value)) = front.words_of("assignee").first() {
            self.build.detail(ix, Detail::Agent, name, value.span_in(self.build.text.all));
        }
        self.build.details_of(ix, Detail::Files, &front, "modified_files");
        for key in ["priority", "labels", "parent_task_id", "references"] {
            self.build.note_of(ix, &front, key);
        }
        self.build.note_file(ix, file);
        if front.waits().is_some() {
            self.build.waits_for_nothing(ix);
        }
        let waits = front.waits().unwrap_or_default().into_iter().filter(|(word, _)| *word != "[]");
        self.waits.extend(
            waits.map(|(word, value)| (ix, word.to_owned(), value.span_in(self.build.text.all))),
        );
    }

    fn milestone(&mut self, value: &Value) -> Option<usize> {
        let key = value.word()?;
        if let Some(&known) = self.streams.get(&key.to_lowercase()) {
            return Some(known);
        }
        let name = self.milestones.get(&key.to_lowercase()).map_or(key, String::as_str).to_owned();
        let stream = self.build.stream(key, &name, value.span_in(self.build.text.all));
        self.streams.insert(key.to_lowercase(), stream);
        Some(stream)
    }

    /// The folder says more than the status does.
    fn status(&mut self, ix: usize, front: &Value, folder: Folder) {
        if let Some(value) = front.get("status") {
            self.build.status_value(ix, value);
            let ends = value.word().is_some_and(|word| spelling(word) == spelling(&self.done));
            if ends {
                self.build.mark(ix, Mark::Done, SaidBy::Status);
            }
        }
        let ended = self.build.marks.contains_key(&ix);
        if !ended && folder == Folder::Completed {
            let (span, id) =
                (self.build.outline.tasks[ix].span.clone(), self.build.plan.tasks[ix].id.clone());
            let what = format!(
                "{id} lies in the folder of what is completed, but its status says otherwise: the folder counts"
            );
            self.build.problems.push(Problem::warning("two-truths", span, what));
            self.build.mark(ix, Mark::Done, SaidBy::Folder);
        } else if !ended && folder == Folder::Archive {
            self.build.mark(ix, Mark::Deferred, SaidBy::Folder);
        }
    }

    fn finish(mut self, deps: Deps) -> Parsed {
        for (ix, word, place) in std::mem::take(&mut self.waits) {
            // The prefix may have been another one when this was written.
            let wanted = if self.build.knows(&number(&word)) { number(&word) } else { word };
            self.build.waits_exactly(Waiting::Task(ix), &wanted, place);
        }
        self.build.outline.done_word = Some(self.done.clone());
        self.build.finish(deps)
    }
}

/// `BACK-355.02` → `#355.2`: the same whatever the prefix and the padding.
fn number(id: &str) -> String {
    let digits = id
        .trim()
        .trim_matches(['"', '\''])
        .trim_start_matches(|c: char| c.is_alphabetic() || c == '-' || c == '_');
    let parts: Vec<&str> = digits.split('.').map(|part| part.trim_start_matches('0')).collect();
    format!("#{}", parts.join(".").to_lowercase())
}
