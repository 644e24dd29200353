//! Named pipes where git, or a walk of the tree, reads a file: whoever opens one waits for a writer, for ever. An
//! agent or a test can leave one behind, and git commits none, so they are removed before anything is read.

use crate::failure::say;
use crate::process::open_kept;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Files in any folder that are read as soon as git, or a walk, looks at it.
const READ_UNASKED: [&str; 4] = [".gitignore", ".ignore", ".gitattributes", ".gitmodules"];

/// Removes those of one folder. A link to a pipe or a device counts as one.
pub fn remove_in(folder: &Path) {
    for path in READ_UNASKED.map(|name| folder.join(name)) {
        if path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir())
            && std::fs::remove_file(&path).is_ok()
        {
            say(format_args!(
                "{}: removed: it was a pipe or a device, and reading it would never have ended",
                path.display()
            ));
        }
    }
}

/// Whether git can be run in a checkout or a worktree at a folder: nothing that it reads there is a pipe or a device.
pub fn git_is_readable(top: &Path) -> bool {
    let waits = |entry: std::fs::DirEntry| {
        let kind = entry.path().metadata().map(|found| found.file_type());
        kind.is_ok_and(|kind| kind.is_fifo() || kind.is_char_device() || kind.is_block_device())
    };
    let readable =
        |folder: &Path| !std::fs::read_dir(folder).into_iter().flatten().flatten().any(waits);
    let git = top.join(".git");
    if git.is_dir() {
        return readable(&git) && readable(&git.join("info"));
    }
    let mut link = String::new();
    let linked = open_kept(&git).and_then(|file| file.take(4_096).read_to_string(&mut link));
    // A worktree's is `worktrees/NAME` in that of its repository.
    match (linked, link.strip_prefix("gitdir: ").map(|admin| Path::new(admin.trim()))) {
        (Ok(_), Some(admin)) => {
            let common = admin.parent().and_then(Path::parent).unwrap_or(admin);
            readable(admin) && readable(common) && readable(&common.join("info"))
        }
        _ => !git.exists(),
    }
}

/// Removes those of a folder and of all below it, without following links.
pub fn remove_below(folder: &Path) {
    remove_in(folder);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_below(&entry.path());
        }
    }
}
