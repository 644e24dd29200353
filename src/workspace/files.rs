//! Files of worktrees, as git sees them: what is in no commit, what somebody has touched, what goes back to the commit.

use super::git::Git;
use super::{STATE_FOLDER, link, pipes};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files that are named in a warning.
pub const NAMED: usize = 5;
/// Files that are given to git at a time.
pub const AT_A_TIME: usize = 200;

/// Names between bytes of zero, as git writes them.
pub fn names_in(listed: &[u8]) -> impl Iterator<Item = PathBuf> {
    listed
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| PathBuf::from(OsStr::from_bytes(name)))
}

/// Files of a worktree that git neither tracks nor ignores, from its top on.
pub fn untracked(git: &Git) -> Result<Vec<PathBuf>, String> {
    let listed = git.output(&["ls-files", "-z", "--others", "--exclude-standard"])?;
    if !listed.status.success() {
        return Err(format!("git ls-files: {}", String::from_utf8_lossy(&listed.stderr).trim()));
    }
    Ok(names_in(&listed.stdout).collect())
}

/// Whether there is room for another worktree.
///
/// # Errors
/// A sentence that says what to do.
pub fn has_room(trees: &Path, min_free_mb: u64) -> Result<(), String> {
    let free = rustix::fs::statvfs(trees)
        .map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize) >> 20);
    if free >= min_free_mb {
        return Ok(());
    }
    Err(format!(
        "only {free} MB are free, and {min_free_mb} are to stay so (`min_free_mb` under [worktree]): make room, `execution-coordinator clean` removes what is no longer needed"
    ))
}

/// Removes files of a worktree that git neither tracks nor ignores, but for some.
///
/// # Errors
/// What git says, or one can't be removed.
pub fn remove_untracked(git: &Git, tree: &Path, kept: &BTreeSet<PathBuf>) -> Result<(), String> {
    for name in untracked(git)?.into_iter().filter(|name| !kept.contains(name)) {
        let path = tree.join(name);
        let is_folder = path.symlink_metadata().is_ok_and(|found| found.is_dir());
        let removed =
            if is_folder { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("{}: {error}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// By what it shows that a file was touched: its size and when it last changed.
pub fn state_of(path: &Path) -> String {
    path.symlink_metadata().map_or_else(
        |_| "gone".into(),
        |found| format!("{}:{}.{}", found.len(), found.mtime(), found.mtime_nsec()),
    )
}

/// Whether a tree can be checked out without touching what is in no commit: changed files, and others that git does
/// not know or ignores.
///
/// # Errors
/// A sentence that names such files, or what git says.
pub fn is_in_nobodys_way(git: &Git, tree: &str) -> Result<(), String> {
    let names = |arguments: &[&str]| -> Result<BTreeSet<PathBuf>, String> {
        let listed = git.output(
            &[&["diff", "--name-only", "--no-renames", "--no-relative", "-z"], arguments].concat(),
        )?;
        if !listed.status.success() {
            return Err(format!("git diff: {}", String::from_utf8_lossy(&listed.stderr).trim()));
        }
        Ok(names_in(&listed.stdout).collect())
    };
    let top = PathBuf::from(git.run(&["rev-parse", "--show-toplevel"])?);
    let (touched, changed) = (names(&["HEAD", tree])?, names(&[])?);
    let added = names(&["--diff-filter=A", "HEAD", tree])?;
    // A folder may go with all that is in it where git knows that all; and a file may stand where a folder is to be.
    let is_known = |path: &Path| {
        let mut others =
            vec![OsString::from("ls-files"), "--others".into(), "-z".into(), "--".into()];
        let is_folder = path.symlink_metadata().is_ok_and(|found| found.is_dir());
        if !is_folder {
            others[1] = "--error-unmatch".into();
        }
        others.push(path.as_os_str().to_owned());
        git.output(&others).is_ok_and(|listed| {
            if is_folder { listed.stdout.is_empty() } else { listed.status.success() }
        })
    };
    let blocked = |name: &&PathBuf| {
        let above = name
            .ancestors()
            .skip(1)
            .filter(|above| !above.as_os_str().is_empty())
            .map(|above| top.join(above));
        let file_above = above
            .into_iter()
            .find(|above| above.symlink_metadata().is_ok_and(|found| !found.is_dir()));
        let itself = Some(top.join(name)).filter(|path| path.symlink_metadata().is_ok());
        file_above.or(itself).is_some_and(|path| !is_known(&path))
    };
    let in_the_way = touched.intersection(&changed).chain(added.iter().filter(blocked));
    let files: Vec<String> =
        in_the_way.take(NAMED + 1).map(|name| name.display().to_string()).collect();
    if files.is_empty() {
        return Ok(());
    }
    let more = if files.len() > NAMED { ", …" } else { "" };
    Err(format!(
        "it would change what is in no commit: {}{more}",
        files.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ")
    ))
}

/// Lets git look again at files that it was told to take for unchanged: an agent's word that nothing changed is none.
pub fn look_at_all(git: &Git, top: &Path) -> Result<(), String> {
    let listed = git.output(&["ls-files", "-v", "-z", "--full-name", "--", ":/"])?;
    let flagged = listed.stdout.split(|byte| *byte == 0).filter_map(|entry| {
        let (tag, name) = (entry.first()?, OsStr::from_bytes(entry.get(2..)?));
        // A file that a sparse checkout leaves out is not there.
        (tag.is_ascii_lowercase() || *tag == b'S' && top.join(name).symlink_metadata().is_ok())
            .then(|| name.to_owned())
    });
    for some in flagged.collect::<Vec<_>>().chunks(AT_A_TIME) {
        let top = Git::below(top.parent().unwrap_or(top), top);
        for flag in ["--no-assume-unchanged", "--no-skip-worktree"] {
            top.run(
                &["update-index", flag, "--"]
                    .into_iter()
                    .map(OsString::from)
                    .chain(some.iter().cloned())
                    .collect::<Vec<_>>(),
            )?;
        }
    }
    Ok(())
}

/// The top of the place that a folder is in: a worktree in the folder of an execution.
fn worktree_of(folder: &Path) -> Option<&Path> {
    folder.ancestors().find(|folder| {
        let trees =
            folder.parent().filter(|parent| parent.file_name().is_some_and(|name| name == "trees"));
        trees.is_some_and(|trees| trees.components().any(|part| part.as_os_str() == STATE_FOLDER))
    })
}

/// Whether a folder is in a place, where nobody else works.
pub fn is_in_worktree(folder: &Path) -> bool {
    worktree_of(folder).is_some()
}

/// Whether all that git tracks in a worktree is as it is in the last commit.
pub fn is_committed(folder: &Path) -> bool {
    let Some(top) = worktree_of(folder) else { return false };
    let readable = link::admin_folder(top).is_ok();
    pipes::remove_below(top);
    readable
        && Git::below(top.parent().unwrap_or(top), top).says(&[
            "diff",
            "--quiet",
            "--ignore-submodules=all",
            "HEAD",
        ])
}

/// The files of a place that are otherwise than in a commit, as they are called in one of its folders.
///
/// # Errors
/// It is no place, or what git says.
pub fn changed_since(folder: &Path, commit: &str) -> Result<Vec<String>, String> {
    let top =
        worktree_of(folder).ok_or_else(|| format!("{} is in no worktree", folder.display()))?;
    link::admin_folder(top)?;
    pipes::remove_below(top);
    let git = Git::below(top.parent().unwrap_or(top), top);
    let changed =
        git.run(&["diff", "--name-only", "--no-renames", "--ignore-submodules=all", "-z", commit])?;
    let changed = changed.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    let prefix = folder.strip_prefix(top).unwrap_or(folder);
    let all: BTreeSet<PathBuf> = changed.chain(untracked(&git)?).collect();
    Ok(all
        .iter()
        .map(|name| name.strip_prefix(prefix).unwrap_or(name).display().to_string())
        .collect())
}

/// Takes files of a worktree back to the last commit in it.
///
/// # Errors
/// It is no place, where all that is finished is committed, or what git says.
pub fn put_back(folder: &Path, files: &[PathBuf]) -> Result<(), String> {
    let Some(top) = worktree_of(folder) else {
        return Err("the workspace is the user's own".into());
    };
    link::admin_folder(top)?;
    pipes::remove_below(top);
    let git = Git::below(top.parent().unwrap_or(top), folder);
    for some in files.chunks(AT_A_TIME) {
        let names = some.iter().map(|file| {
            [OsStr::new(":(literal)"), file.as_os_str()].into_iter().collect::<OsString>()
        });
        git.run(
            &["checkout", "--quiet", "HEAD", "--"]
                .into_iter()
                .map(OsString::from)
                .chain(names)
                .collect::<Vec<_>>(),
        )?;
    }
    Ok(())
}

/// Whether a path is in a folder wherever links lead on the way to it, which an agent may have made.
pub fn leads_into(path: &Path, folder: &Path) -> bool {
    let there = path.ancestors().skip(1).find_map(|above| above.canonicalize().ok());
    there.zip(folder.canonicalize().ok()).is_some_and(|(there, folder)| there.starts_with(folder))
}

/// Copies a file, a link or a folder with all that is in it. What stands there already is replaced and never followed.
pub fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    let meta = from.symlink_metadata()?;
    match to.symlink_metadata() {
        Ok(there) if there.is_dir() && meta.is_dir() => {}
        Ok(there) if there.is_dir() => std::fs::remove_dir_all(to)?,
        Ok(_) => std::fs::remove_file(to)?,
        Err(_) => {}
    }
    if meta.is_dir() {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            if entry.file_name() != STATE_FOLDER {
                copy_all(&entry.path(), &to.join(entry.file_name()))?;
            }
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if meta.is_symlink() {
        return std::os::unix::fs::symlink(std::fs::read_link(from)?, to);
    }
    std::fs::copy(from, to).map(drop)
}
