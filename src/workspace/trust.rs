//! Workspaces in which clients may start what their configs and breakdowns name.
//!
//! A repository that was cloned a moment ago has a config with commands in it. Whoever types `run`
//! has said what they want; an editor or a model's client that starts something has not. So trust
//! is given by the user, and kept where no workspace can write: one folder a line in the user's
//! state folder; what lies in a trusted folder is trusted too.

use super::make_private;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The trusted folders.
pub fn trusted() -> Vec<PathBuf> {
    let bytes = file().and_then(|file| std::fs::read(file).ok()).unwrap_or_default();
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"/"));
    lines.map(|line| PathBuf::from(std::ffi::OsString::from_vec(line.to_vec()))).collect()
}

/// Whether a folder, or one above it, is trusted.
pub fn is_trusted(folder: &Path) -> bool {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    trusted().iter().any(|known| folder.starts_with(known))
}

/// From now on a folder is trusted.
///
/// # Errors
/// There is no such folder, or the user's state folder can't be written.
pub fn trust(folder: &Path) -> io::Result<()> {
    let folder = folder.canonicalize()?;
    if folder.as_os_str().as_bytes().contains(&b'\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "its name has a line break in it"));
    }
    let mut all = trusted();
    if !all.contains(&folder) {
        all.push(folder);
    }
    keep(&all)
}

/// From now on a folder is not trusted by itself any more. Gives whether it was.
///
/// # Errors
/// The user's state folder can't be written.
pub fn revoke(folder: &Path) -> io::Result<bool> {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mut all = trusted();
    let before = all.len();
    all.retain(|known| *known != folder);
    keep(&all)?;
    Ok(all.len() < before)
}

fn keep(all: &[PathBuf]) -> io::Result<()> {
    let file = file().ok_or_else(|| {
        io::Error::new(io::ErrorKind::NotFound, "neither XDG_STATE_HOME nor HOME is set")
    })?;
    if let Some(folder) = file.parent() {
        make_private(folder)?;
    }
    let mut text = Vec::new();
    for folder in all {
        text.extend_from_slice(folder.as_os_str().as_bytes());
        text.push(b'\n');
    }
    // Another process that reads meanwhile sees all of it or what was before.
    let new = file.with_extension(format!("{}.new", std::process::id()));
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?
        .write_all(&text)?;
    std::fs::rename(new, file)
}

fn file() -> Option<PathBuf> {
    user_file("trusted")
}

/// A file in the user's state folder, where no workspace is.
pub fn user_file(name: &str) -> Option<PathBuf> {
    let variable =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state =
        variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")))?;
    Some(state.join(env!("CARGO_PKG_NAME")).join(name))
}
