//! Files beside a breakdown that its format says belong to it: specifications, designs, requirements. They say what the
//! tasks only name.
#![expect(clippy::disallowed_methods, reason = "this is the edge that reads what stands beside a breakdown")]

use super::folder::MAX_FILES;
use super::source::Source;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest file that is read.
const MAX_BYTES: u64 = 1 << 20;
/// Files of one breakdown at the most.
const MAX_COMPANIONS: usize = 64;
/// Folders within a folder of companions.
const MAX_DEPTH: usize = 4;

/// What stands beside the breakdowns of a format: files, and folders with a `/` at their end.
fn names(format: &str) -> &'static [&'static str] {
    match format {
        "spec-kit" => &["spec.md", "plan.md", "data-model.md", "research.md", "quickstart.md", "contracts/"],
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
}

/// The companions of a breakdown, in the order of its format, and a sentence for each that can't be read. Links are not
/// followed, so nothing outside the breakdown's own folder is read.
pub fn companions(source: &Source, format: &str) -> (Vec<Companion>, Vec<String>) {
    let Some(path) = &source.path else { return (Vec::new(), Vec::new()) };
    let folder = if source.is_folder() { path.as_path() } else { path.parent().unwrap_or(path) };
    let mut paths = Vec::new();
    for name in names(format) {
        match name.strip_suffix('/') {
            Some(inner) => below(&folder.join(inner), MAX_DEPTH, &mut paths),
            None => paths.push(folder.join(name)),
        }
    }
    let own = |path: &Path| source.path.as_deref() == Some(path) || source.files.iter().any(|(name, _)| folder.join(name) == path);
    paths.retain(|path| path.symlink_metadata().is_ok_and(|meta| meta.is_file()) && !own(path));
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    if paths.len() > MAX_COMPANIONS {
        problems.push(format!("{}: more than {MAX_COMPANIONS} files stand beside it: agents are told of the first ones", source.name));
        paths.truncate(MAX_COMPANIONS);
    }
    for path in paths {
        match read(&path) {
            Ok(text) => found.push(Companion { path, text }),
            Err(why) => problems.push(format!("{}: agents are not told what it says: {why}", path.display())),
        }
    }
    (found, problems)
}

/// Files of a folder and of those in it, by their names.
fn below(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    if depth == 0 || found.len() > MAX_FILES || !folder.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        return;
    }
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
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
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("it has more than {} KiB: split it", MAX_BYTES >> 10));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8: save it as UTF-8".into())
}
