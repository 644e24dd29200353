//! Files beside a breakdown that its format says belong to it: specifications, designs, requirements. They say what the
//! tasks only name.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge that reads what stands beside a breakdown"
)]

use super::folder::MAX_FILES;
use super::source::{self, Source};
use crate::core::id::TaskId;
use crate::core::plan::Plan;
use foldhash::HashMap;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest file that is read.
const MAX_BYTES: u64 = 1 << 20;
/// The most files of one breakdown.
const MAX_COMPANIONS: usize = 64;
/// Folders within a folder of companions.
const MAX_DEPTH: usize = 4;

/// Where stories stand beside the breakdowns of BMAD, each with its task's id in front.
const STORIES: [&str; 2] = ["", "stories"];

/// What stands beside the breakdowns of a format: files, and folders with a `/` at their end.
fn names(format: &str) -> &'static [&'static str] {
    match format {
        "spec-kit" => {
            &["spec.md", "plan.md", "data-model.md", "research.md", "quickstart.md", "contracts/"]
        }
        "kiro" => &["requirements.md", "bugfix.md", "design.md"],
        "openspec" => &["proposal.md", "design.md", "specs/"],
        "spec-kitty" => &["spec.md", "plan.md", "data-model.md", "research.md", "contracts/"],
        "gsd" => &["PROJECT.md", "REQUIREMENTS.md"],
        "bmad" => &["epics.md", "epics/", "stories/", "prd.md", "architecture.md", "tech-spec.md"],
        _ => &[],
    }
}

/// A file beside a breakdown.
#[derive(Clone, Debug, PartialEq)]
pub struct Companion {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
    /// The task that it is about alone.
    pub task: Option<TaskId>,
}

/// The companions of a breakdown, in the order of its format, and a sentence for each that can't be read. Links are not
/// followed, so nothing outside the breakdown's own folder is read, and of what GSD's plans name (`@docs/API.md`) nothing
/// outside the workspace.
pub fn companions(source: &Source, plan: &Plan, root: &Path) -> (Vec<Companion>, Vec<String>) {
    let Some(path) = &source.path else { return (Vec::new(), Vec::new()) };
    let folder = if source.is_folder() { path.as_path() } else { path.parent().unwrap_or(path) };
    let format = plan.format.as_str();
    let own = |path: &Path| {
        source.path.as_deref() == Some(path)
            || source.files.iter().any(|(name, _)| folder.join(name) == path)
    };
    let is_other =
        |path: &Path| path.symlink_metadata().is_ok_and(|meta| meta.is_file()) && !own(path);
    let (mut found, mut problems): (Vec<Companion>, Vec<String>) = Default::default();
    let mut add =
        |found: &mut Vec<Companion>, path: PathBuf, task: Option<TaskId>| match read(&path) {
            Ok(text) => found.push(Companion { path, text, task }),
            Err(why) => problems.push(format!("agents are not told what stands beside it: {why}")),
        };
    let of_tasks = files_of_tasks(folder, plan);
    of_tasks
        .iter()
        .filter(|(path, _)| is_other(path))
        .for_each(|(path, task)| add(&mut found, path.clone(), Some(task.clone())));
    let mut paths = Vec::new();
    for name in names(format) {
        match name.strip_suffix('/') {
            Some(inner) => below(&folder.join(inner), MAX_DEPTH, &mut paths),
            None => paths.push(folder.join(name)),
        }
    }
    paths.retain(|path| is_other(path) && !of_tasks.contains_key(path));
    let many = paths.len() > MAX_COMPANIONS;
    paths.truncate(MAX_COMPANIONS);
    paths.into_iter().for_each(|path| add(&mut found, path, None));
    if format == "gsd" {
        let texts: Vec<&str> = found
            .iter()
            .map(|companion| companion.text.as_str())
            .chain([source.text.as_str()])
            .collect();
        let mut named = named(&texts, root);
        named.retain(|path| {
            is_other(path) && !found.iter().any(|companion| same_file(&companion.path, path))
        });
        named.into_iter().for_each(|path| add(&mut found, path, None));
    }
    if many {
        problems.push(format!("{}: more than {MAX_COMPANIONS} files stand beside it: agents are told of the first ones", source.name));
    }
    (found, problems)
}

/// `1-2-entities.md` of task 1.2.
fn files_of_tasks(folder: &Path, plan: &Plan) -> BTreeMap<PathBuf, TaskId> {
    if plan.format != "bmad" {
        return BTreeMap::new();
    }
    let key = |text: &str| text.to_lowercase().replace('.', "-");
    let tasks: HashMap<String, &TaskId> =
        plan.tasks.iter().map(|task| (key(task.id.as_str()), &task.id)).collect();
    let mut paths = Vec::new();
    for name in STORIES {
        // Of the breakdown's own folder, only what stands in it.
        below(&folder.join(name), if name.is_empty() { 1 } else { MAX_DEPTH }, &mut paths);
    }
    let task = |path: &Path| {
        let stem = key(path.file_name()?.to_str()?.strip_suffix(".md")?);
        let numbers = stem
            .trim_start_matches("story-")
            .split('-')
            .take_while(|part| part.starts_with(|c: char| c.is_ascii_digit()));
        let numbers: Vec<&str> = numbers.collect();
        // `1-2-3d-view` is of task 1.2.
        (1..=numbers.len())
            .rev()
            .find_map(|count| tasks.get(&numbers[..count].join("-")))
            .map(|id| (*id).clone())
    };
    paths.into_iter().filter_map(|path| task(&path).map(|task| (path, task))).collect()
}

fn same_file(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| one == other)
}

/// Files that texts name with `@` at the start of a line, by their paths from the workspace on; never through links.
fn named(texts: &[&str], root: &Path) -> Vec<PathBuf> {
    let Ok(root) = root.canonicalize() else { return Vec::new() };
    let mut found = Vec::new();
    let words = texts
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.trim_start().strip_prefix('@'));
    for name in words.map(|word| word.split_whitespace().next().unwrap_or_default()) {
        let path = root.join(name);
        let is_plain = !name.is_empty()
            && path.starts_with(&root)
            && path.canonicalize().is_ok_and(|real| real == path);
        if is_plain && !found.contains(&path) && found.len() < MAX_COMPANIONS {
            found.push(path);
        }
    }
    found
}

/// Files of a folder and of those in it, by their names.
fn below(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    if depth == 0
        || found.len() > MAX_FILES
        || !folder.symlink_metadata().is_ok_and(|meta| meta.is_dir())
    {
        return;
    }
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for path in entries {
        let Ok(meta) = path.symlink_metadata() else { continue };
        if meta.is_dir() {
            below(&path, depth - 1, found);
        } else if meta.is_file() {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    use std::os::unix::fs::OpenOptionsExt;
    let unreadable = |error: std::io::Error| format!("{}: can't be read: {error}", path.display());
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!(
            "{}: it has more than {} KiB: split it",
            path.display(),
            MAX_BYTES >> 10
        ));
    }
    source::text(bytes, &path.display().to_string()).map_err(|failure| failure.message)
}
