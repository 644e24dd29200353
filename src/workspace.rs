//! Where work happens and where its state is kept.
#![expect(clippy::disallowed_methods, reason = "this is the edge that makes folders")]

pub mod checkout;
pub mod clone;
pub mod delivery;
pub mod execution_dir;
pub mod files;
pub mod filters;
pub mod git;
pub mod isolation;
pub mod leftovers;
pub mod link;
pub mod objects;
pub mod pipes;
pub mod repository;
pub mod sandbox;
pub mod submodules;
pub mod tree;
pub mod trust;

use crate::config::FILE_NAME;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folder of the state, in the workspace.
pub const STATE_FOLDER: &str = ".execution-coordinator";

/// The workspace of a folder: the nearest one above it that has a config, a state folder or a
/// repository; the folder itself otherwise.
pub fn root_of(folder: &Path) -> PathBuf {
    let marks = [FILE_NAME, STATE_FOLDER, ".git"];
    let marked =
        folder.ancestors().find(|folder| marks.iter().any(|mark| folder.join(mark).exists()));
    marked.unwrap_or(folder).to_owned()
}

/// Makes the state folder of a workspace, readable for its owner only, and ignored by git.
///
/// # Errors
/// The workspace is not writable.
pub fn make_state_folder(root: &Path) -> io::Result<PathBuf> {
    let folder = root.join(STATE_FOLDER);
    make_private(&folder)?;
    let ignore = folder.join(".gitignore");
    // Nor is a link followed that leads nowhere yet.
    if ignore.symlink_metadata().is_err() {
        std::fs::write(ignore, "*\n")?;
    }
    Ok(folder)
}

/// Makes a folder that only its owner can read.
///
/// # Errors
/// The folder above is not writable.
pub fn make_private(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
