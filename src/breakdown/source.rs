//! A breakdown from a file, a folder or standard input, with its limits.
#![expect(clippy::disallowed_methods, reason = "this is the edge that reads breakdowns")]

use crate::failure::Failure;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest breakdown that is read.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// The longest line.
const MAX_LINE_BYTES: usize = 1024 * 1024;
/// Names by which a breakdown is found in a folder.
const NAMES: [&str; 4] = ["breakdown.md", "tasks.md", "TASKS.md", "ROADMAP.md"];

/// A breakdown's text and where it is from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its file, absolute; none for standard input.
    pub path: Option<PathBuf>,
    /// How it was named, for messages.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// What it is about where it has no title: its file's name, or its folder's where that says
    /// more.
    pub fn topic(&self) -> String {
        let Some(path) = &self.path else { return "standard input".into() };
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let plain = NAMES.iter().any(|name| path.file_name().is_some_and(|file| file == *name));
        folder.filter(|_| plain).unwrap_or(stem)
    }
}

/// Reads a breakdown.
///
/// # Errors
/// A sentence with what to do.
pub fn read(given: &Path) -> Result<Source, Failure> {
    let name = given.display().to_string();
    if name == "-" {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| Failure::usage(format!("standard input can't be read: {error}")))?;
        return Ok(Source { path: None, text: text(bytes, "standard input")?, name });
    }
    let file = file_in(given)?;
    let name = file.display().to_string();
    let meta = file.metadata().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::usage(format!("{name}: there is no such file: give the path of a breakdown, or `-` for standard input"))
        }
        _ => Failure::usage(format!("{name}: can't be read: {error}")),
    })?;
    if meta.len() > MAX_BYTES {
        let size = meta.len() / 1024 / 1024;
        return Err(Failure::usage(format!(
            "{name}: it has {size} MiB, at most {} are read: is it a breakdown? Split it if it is",
            MAX_BYTES / 1024 / 1024
        )));
    }
    let bytes = std::fs::read(&file).map_err(|error| Failure::usage(format!("{name}: can't be read: {error}: check its permissions")))?;
    let path = std::path::absolute(&file).map_err(|error| Failure::usage(format!("the current folder can't be read: {error}")))?;
    Ok(Source { path: Some(path.canonicalize().unwrap_or(path)), text: text(bytes, &name)?, name })
}

/// The breakdown that a path means: itself, or the one in a folder.
///
/// # Errors
/// There is none in the folder.
pub fn file_in(given: &Path) -> Result<PathBuf, Failure> {
    if given.is_dir() { in_folder(given) } else { Ok(given.to_owned()) }
}

fn in_folder(folder: &Path) -> Result<PathBuf, Failure> {
    let found = NAMES.iter().map(|name| folder.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| {
        Failure::usage(format!("{}: there is no breakdown in this folder: looked for {}", folder.display(), NAMES.join(", ")))
    })
}

/// Bytes as a breakdown's text, within the limits.
///
/// # Errors
/// Too much of it, a binary file, or not UTF-8.
pub fn text(bytes: Vec<u8>, name: &str) -> Result<String, Failure> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::usage(format!("{name}: more than {} MiB are not read", MAX_BYTES / 1024 / 1024)));
    }
    let place = |at: usize| {
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        format!("{name}:{line}:{}", String::from_utf8_lossy(&bytes[start..at]).chars().count() + 1)
    };
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(Failure::usage(format!("{}: this is a binary file, not a text: give a breakdown in Markdown", place(at))));
    }
    let long = bytes.split(|byte| *byte == b'\n').find(|line| line.len() > MAX_LINE_BYTES);
    if let Some(line) = long {
        let at = line.as_ptr() as usize - bytes.as_ptr() as usize;
        return Err(Failure::usage(format!("{}: this line has more than {MAX_LINE_BYTES} bytes: is it a breakdown?", place(at))));
    }
    match std::str::from_utf8(&bytes) {
        Ok(_) => {}
        Err(error) => return Err(Failure::usage(format!("{}: this is not UTF-8: save the file as UTF-8", place(error.valid_up_to())))),
    }
    // Checked just above.
    Ok(String::from_utf8(bytes).unwrap_or_default())
}
