//! A breakdown from a file, a folder or standard input, with its limits.
#![expect(clippy::disallowed_methods, reason = "this is the edge that reads breakdowns")]

use super::locations::Locations;
use super::problem::some_of;
use super::text::Text;
use super::{Format, Input, folder};
use crate::failure::Failure;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The largest breakdown that is read.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// The longest line.
const MAX_LINE_BYTES: usize = 1024 * 1024;
/// Names by which a breakdown is found in a folder, those that any Markdown may have first.
fn names() -> impl Iterator<Item = &'static str> {
    let mut all: Vec<Locations> =
        Format::ALL.iter().map(|format| format.reader().locations()).collect();
    all.sort_by_key(|locations| locations.rank);
    all.into_iter().flat_map(|locations| locations.names).copied()
}

/// Where else in a workspace there may be one.
fn paths() -> impl Iterator<Item = &'static str> {
    Format::ALL.iter().flat_map(|format| format.reader().locations().paths).copied()
}

/// Where there may be several, a folder for each.
fn several() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    Format::ALL.iter().flat_map(|format| format.reader().locations().below)
}

/// A breakdown's text and where it is from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its file or its folder, absolute; none for standard input.
    pub path: Option<PathBuf>,
    /// How it was named, for messages.
    pub name: String,
    /// Its text: of a folder, that of all its files.
    pub text: String,
    /// Its files with their bytes in the text; those of a folder as they are called from it on.
    pub files: Vec<(String, Range<usize>)>,
}

impl Source {
    /// A text that is in no file.
    pub fn of_text(name: &str, text: String) -> Self {
        Self { path: None, name: name.to_owned(), text, files: Vec::new() }
    }

    /// For the readers.
    pub fn input(&self) -> Input<'_> {
        Input { text: &self.text, files: &self.files }
    }

    /// Whether it is made of several files.
    pub fn is_folder(&self) -> bool {
        self.files.len() > 1
    }

    /// Where a byte is: the file, by the name that its breakdown was given, the line and the column.
    pub fn position(&self, text: &Text<'_>, offset: usize) -> (String, usize, usize) {
        let (line, column) = text.position(offset);
        let inner = text.file_at(offset).filter(|_| self.is_folder());
        (
            inner.map_or_else(
                || self.name.clone(),
                |file| format!("{}/{}", self.name.trim_end_matches('/'), file.path),
            ),
            line,
            column,
        )
    }

    /// What it is about where it has no title: its file's name, or its folder's where that says
    /// more.
    pub fn topic(&self) -> String {
        let Some(path) = &self.path else { return "standard input".into() };
        if self.is_folder() {
            return path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
        }
        let stem =
            path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let folder =
            path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let plain = names().any(|name| path.file_name().is_some_and(|file| file == name));
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
        return Ok(Source { name, ..Source::of_text("", text(bytes, "standard input")?) });
    }
    let file = file_in(given)?;
    let path = std::path::absolute(&file)
        .map_err(|error| Failure::usage(format!("the current folder can't be read: {error}")))?;
    let path = path.canonicalize().unwrap_or(path);
    let name = file.display().to_string();
    if file.is_dir() {
        return Ok(Source { path: Some(path), name, ..of_folder(&file, &|_| None)? });
    }
    let text = read_file(&file, &name, MAX_BYTES)?;
    let files = vec![(path.to_string_lossy().replace('\\', "/"), 0..text.len())];
    Ok(Source { path: Some(path), text, name, files })
}

fn read_file(file: &Path, name: &str, most: u64) -> Result<String, Failure> {
    let meta = file.metadata().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::usage(format!(
            "{name}: there is no such file: give the path of a breakdown, or `-` for standard input"
        )),
        _ => Failure::usage(format!("{name}: can't be read: {error}")),
    })?;
    if meta.len() > most {
        let size = meta.len() / 1024 / 1024;
        return Err(Failure::usage(format!(
            "{name}: it has {size} MiB, at most {} are read: is it a breakdown? Split it if it is",
            MAX_BYTES / 1024 / 1024
        )));
    }
    let bytes = std::fs::read(file).map_err(|error| {
        Failure::usage(format!("{name}: can't be read: {error}: check its permissions"))
    })?;
    text(bytes, name)
}

/// All files of a folder, one after the other; of those that are open somewhere, what they are there.
///
/// # Errors
/// One of them can't be read, or there is too much of it all.
pub fn of_folder(folder: &Path, open: &dyn Fn(&Path) -> Option<String>) -> Result<Source, Failure> {
    let mut source = Source::of_text(&folder.display().to_string(), String::new());
    let files = folder::files(folder).unwrap_or_default();
    if files.len() >= folder::MAX_FILES {
        let what = format!(
            "{}: it has {} files or more, and fewer are read: is it a breakdown?",
            folder.display(),
            folder::MAX_FILES
        );
        return Err(Failure::usage(what));
    }
    for inner in files {
        let (left, path) =
            (MAX_BYTES.saturating_sub(source.text.len() as u64), folder.join(&inner));
        let file = match open(&path) {
            Some(text) => text,
            None => read_file(&path, &path.display().to_string(), left)?,
        };
        let start = source.text.len();
        source.text.push_str(&file);
        source.files.push((inner, start..source.text.len()));
        // So that the end of one is not the beginning of the next.
        source.text.push('\n');
    }
    Ok(source)
}

/// The breakdown that a path means: itself, or the one in a folder.
///
/// # Errors
/// There is none in the folder.
pub fn file_in(given: &Path) -> Result<PathBuf, Failure> {
    if !given.is_dir() {
        let whole = folder::begun_by(given)
            .map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
        return Ok(whole.unwrap_or(given).to_owned());
    }
    if folder::files(given).is_some() {
        return Ok(given.to_owned());
    }
    let named = names().map(|name| given.join(name)).find(|file| file.is_file());
    let placed = || {
        paths()
            .map(|place| given.join(place))
            .find(|place| place.is_file() || folder::files(place).is_some())
    };
    if let Some(found) = named.or_else(placed) {
        return Ok(found);
    }
    let below: Vec<PathBuf> = several()
        .flat_map(|(folder, name)| {
            below(&if folder.is_empty() { given.to_owned() } else { given.join(folder) }, name)
        })
        .collect();
    match &below[..] {
        [one] => Ok(folder::begun_by(one).unwrap_or(one).to_owned()),
        [] => {
            let places = names().chain(paths()).collect::<Vec<_>>().join(", ");
            Err(Failure::usage(format!(
                "{}: there is no breakdown in this folder: looked for {places}",
                given.display()
            )))
        }
        several => {
            let names: Vec<String> =
                several.iter().map(|file| file.display().to_string()).collect();
            let names = some_of(names.iter().map(String::as_str));
            Err(Failure::usage(format!(
                "{}: there are several breakdowns below it: name one of {names}",
                given.display()
            )))
        }
    }
}

/// Files of a name in the folders that are in a folder, by their names.
fn below(folder: &Path, name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        entries.map(|entry| entry.path().join(name)).filter(|file| file.is_file()).collect();
    found.sort();
    found
}

/// Bytes as a breakdown's text, within the limits.
///
/// # Errors
/// Too much of it, a binary file, or not UTF-8.
pub fn text(bytes: Vec<u8>, name: &str) -> Result<String, Failure> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::usage(format!(
            "{name}: more than {} MiB are not read",
            MAX_BYTES / 1024 / 1024
        )));
    }
    let place = |at: usize| {
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        format!("{name}:{line}:{}", String::from_utf8_lossy(&bytes[start..at]).chars().count() + 1)
    };
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(Failure::usage(format!(
            "{}: this is a binary file, not a text: give a breakdown in Markdown",
            place(at)
        )));
    }
    let long = bytes.split(|byte| *byte == b'\n').find(|line| line.len() > MAX_LINE_BYTES);
    if let Some(line) = long {
        let at = line.as_ptr() as usize - bytes.as_ptr() as usize;
        return Err(Failure::usage(format!(
            "{}: this line has more than {MAX_LINE_BYTES} bytes: is it a breakdown?",
            place(at)
        )));
    }
    match std::str::from_utf8(&bytes) {
        Ok(_) => {}
        Err(error) => {
            return Err(Failure::usage(format!(
                "{}: this is not UTF-8: save the file as UTF-8",
                place(error.valid_up_to())
            )));
        }
    }
    // Checked just above.
    Ok(String::from_utf8(bytes).unwrap_or_default())
}
