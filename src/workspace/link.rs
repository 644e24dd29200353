//! How a worktree is linked to its repository: kept on record when it is made, and looked at before git is run in it,
//! because an agent may have written there.
#![expect(clippy::disallowed_methods, reason = "this is the edge that looks at what git keeps")]

use std::path::{Path, PathBuf};

/// Keeps on record how a worktree is linked to its repository, beside it.
///
/// # Errors
/// The folder of worktrees can't be written.
pub fn keep(tree: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", tree.display());
    let link = std::fs::read_to_string(tree.join(".git")).map_err(failed)?;
    let admin = PathBuf::from(link.trim().trim_start_matches("gitdir: "));
    let settings = std::fs::read(admin.join("config.worktree")).unwrap_or_default();
    std::fs::write(tree.with_extension("link"), &link)
        .and_then(|()| std::fs::write(tree.with_extension("settings"), settings))
        .map_err(failed)
}

/// Where git keeps what is a worktree's own, as long as that is linked as it was made, and nobody has changed
/// the settings that git would go by in it: they can name programs, which would be run by us.
///
/// # Errors
/// It is something else now: a sentence.
pub fn of(tree: &Path) -> Result<PathBuf, String> {
    let name = tree.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let gone = |_| format!("the place {name} is no git worktree any more");
    let link = std::fs::read_to_string(tree.with_extension("link")).map_err(gone)?;
    if std::fs::symlink_metadata(tree.join(".git")).is_ok_and(|found| !found.is_file()) {
        return Err(format!("the place {name} is another repository now"));
    }
    if std::fs::read_to_string(tree.join(".git")).map_err(gone)? != link {
        return Err(format!("the place {name} is another repository now"));
    }
    let admin = PathBuf::from(link.trim().trim_start_matches("gitdir: "));
    // Git writes where a link leads.
    let execution = tree.parent().and_then(Path::parent).and_then(Path::file_name).unwrap_or_default();
    let branch = Path::new("heads/execution-coordinator").join(execution).join(&name);
    let git = admin.parent().and_then(Path::parent).unwrap_or(&admin).to_owned();
    let folders = [admin.clone(), admin.join("logs"), git.join("refs").join(&branch), git.join("logs/refs").join(&branch)];
    let odd = |entry: std::fs::DirEntry| entry.file_type().is_ok_and(|kind| !kind.is_file() && !kind.is_dir());
    if folders.iter().any(|folder| folder.is_symlink() || std::fs::read_dir(folder).into_iter().flatten().flatten().any(odd)) {
        return Err(format!("the place {name} has links where git keeps what it writes"));
    }
    let pipe = |entry: std::fs::DirEntry| entry.file_type().is_ok_and(|kind| !kind.is_file() && !kind.is_dir() && !kind.is_symlink());
    if let Some(pipe) = std::fs::read_dir(git.join("info")).into_iter().flatten().flatten().find_map(|entry| {
        let path = entry.path();
        pipe(entry).then_some(path)
    }) {
        return Err(format!("{}: it is no file, and git would wait for it for ever: remove it", pipe.display()));
    }
    let common = std::fs::read_to_string(admin.join("commondir")).map_err(gone)?;
    let settings = std::fs::read(admin.join("config.worktree")).unwrap_or_default();
    if common.trim() != "../.." || settings != std::fs::read(tree.with_extension("settings")).unwrap_or_default() {
        return Err(format!("the place {name} has other settings of git than it was made with"));
    }
    Ok(admin)
}
