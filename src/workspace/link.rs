//! How a worktree is linked to its repository: kept on record when it is made, and looked at before git is run in it,
//! because an agent may have written there.
#![expect(clippy::disallowed_methods, reason = "this is the edge that looks at what git keeps")]

use super::filters;
use crate::process::open_kept;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Settings that are longer are none of ours.
const MOST_BYTES: u64 = 64 * 1024;

/// The repository that a worktree is of.
pub fn clone_of(tree: &Path) -> PathBuf {
    tree.with_extension("git")
}

/// Where git keeps what is a worktree's own, by the file that says so.
///
/// # Errors
/// There is no such file.
pub fn admin_of(tree: &Path) -> Result<PathBuf, String> {
    let link = std::fs::read_to_string(tree.join(".git"))
        .map_err(|error| format!("{}: {error}", tree.display()))?;
    Ok(named_in(&link))
}

fn named_in(link: &str) -> PathBuf {
    PathBuf::from(link.trim().trim_start_matches("gitdir: "))
}

/// What git goes by in a worktree and an agent may write: the worktree's own settings, and where more objects are.
fn settings_of(admin: &Path, git: &Path) -> Vec<u8> {
    let files = [
        git.join("info/attributes"),
        admin.join("commondir"),
        admin.join("config.worktree"),
        git.join("objects/info/alternates"),
    ];
    files
        .iter()
        .flat_map(|file| [open_kept(file).map_or_else(|_| Vec::new(), read_all), vec![0]].concat())
        .collect()
}

fn read_all(mut file: File) -> Vec<u8> {
    let mut content = Vec::new();
    // What can't be read is not as it was.
    drop(Read::by_ref(&mut file).take(MOST_BYTES).read_to_end(&mut content));
    content
}

/// Keeps on record how a worktree is linked to its repository, beside it.
///
/// # Errors
/// The folder of worktrees can't be written.
pub fn keep(tree: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", tree.display());
    let link = std::fs::read_to_string(tree.join(".git")).map_err(failed)?;
    let git = clone_of(tree);
    std::fs::copy(git.join("config"), tree.with_extension("config"))
        .and_then(|_| std::fs::write(tree.with_extension("link"), &link))
        .and_then(|()| {
            std::fs::write(tree.with_extension("settings"), settings_of(&named_in(&link), &git))
        })
        .map_err(failed)
}

/// Lets git compare all files of a worktree by their content: what its index says of them an agent may have written.
///
/// # Errors
/// It can't be changed.
pub fn distrust_index(tree: &Path) -> Result<(), String> {
    let index = admin_of(tree)?.join("index");
    let opened = std::fs::OpenOptions::new().write(true).open(&index);
    // Files that are not older than the index are looked at again (`racy-git` in git's documentation).
    match opened.and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)))
    {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", index.display()))
        }
        _ => Ok(()),
    }
}

/// Where git keeps what is a worktree's own, as long as that is linked as it was made, and nobody has changed
/// the settings that git would go by in it: they can name programs, which would be run by us.
///
/// # Errors
/// It is something else now: a sentence.
pub fn admin_folder(tree: &Path) -> Result<PathBuf, String> {
    let name = tree.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let gone = |_| format!("the worktree {name} is no git worktree any more");
    let link = std::fs::read_to_string(tree.with_extension("link")).map_err(gone)?;
    if std::fs::symlink_metadata(tree.join(".git")).is_ok_and(|found| !found.is_file()) {
        return Err(format!("the worktree {name} is another repository now"));
    }
    if std::fs::read_to_string(tree.join(".git")).map_err(gone)? != link {
        return Err(format!("the worktree {name} is another repository now"));
    }
    let (admin, git) = (named_in(&link), clone_of(tree));
    // Git writes where a link leads.
    let execution =
        tree.parent().and_then(Path::parent).and_then(Path::file_name).unwrap_or_default();
    let branch = Path::new("heads/execution-coordinator").join(execution).join(&name);
    let objects = ["objects", "objects/pack", "objects/info"].map(|folder| git.join(folder));
    let refs = [git.join("refs").join(&branch), git.join("logs/refs").join(&branch)];
    let folders = [admin.clone(), admin.join("logs")].into_iter().chain(refs).chain(objects);
    // What it made lies in folders by the first digits of its names.
    let made = std::fs::read_dir(git.join("objects"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let folders = folders
        .into_iter()
        .chain(made.filter(|path| path.file_name().is_some_and(|name| name.len() == 2)));
    let odd = |entry: std::fs::DirEntry| {
        entry.file_type().is_ok_and(|kind| !kind.is_file() && !kind.is_dir())
    };
    if folders.into_iter().any(|folder| {
        folder.is_symlink() || std::fs::read_dir(folder).into_iter().flatten().flatten().any(odd)
    }) {
        return Err(format!(
            "the worktree {name} has links or pipes where git keeps what it writes"
        ));
    }
    let pipe = |entry: std::fs::DirEntry| {
        entry.file_type().is_ok_and(|kind| !kind.is_file() && !kind.is_dir() && !kind.is_symlink())
    };
    if let Some(pipe) =
        std::fs::read_dir(git.join("info")).into_iter().flatten().flatten().find_map(|entry| {
            let path = entry.path();
            pipe(entry).then_some(path)
        })
    {
        return Err(format!(
            "{}: it is no file, and git would wait for it for ever: remove it",
            pipe.display()
        ));
    }
    // Names and branches are set by many an agent; programs are not.
    let (now, then) = (git.join("config"), tree.with_extension("config"));
    let read = |path: &Path| open_kept(path).map_or_else(|_| Vec::new(), read_all);
    let names_no_more =
        || read(&now) == read(&then) || filters::named_in(&now) == filters::named_in(&then);
    if settings_of(&admin, &git) != read(&tree.with_extension("settings")) || !names_no_more() {
        return Err(format!("the worktree {name} has other settings of git than it was made with"));
    }
    Ok(admin)
}
