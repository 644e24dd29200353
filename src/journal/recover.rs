//! Reads a journal back: a torn end is cut off, damage further up is refused with its place.
#![expect(clippy::disallowed_methods, reason = "this is the edge that reads the journal")]

use super::frame;
use crate::core::event::{Event, Recorded, VERSION};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What a journal holds.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Its events.
    pub events: Vec<Recorded>,
    /// The length of what is good, in bytes.
    pub len: u64,
    /// How many bytes after that were being written when it stopped.
    pub torn: u64,
    /// The checksum with which the next line starts.
    pub chain: u32,
}

/// Why a journal is not read.
#[derive(Debug)]
pub enum Refusal {
    /// The file can't be opened or read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A line that was complete once is not what was written.
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// A line is as it was written, in words that this version does not know.
    Unknown {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is not known.
        why: String,
    },
    /// A newer version of this program wrote it.
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } => {
                write!(f, "{}: can't be read: {error}", path.display())
            }
            Self::Damaged { path, line, why } => {
                write!(
                    f,
                    "{}:{line}: this line of the journal is damaged ({why}); nothing was changed. Put the file back from a copy, or start again with `run --fresh`",
                    path.display()
                )
            }
            Self::Unknown { path, line, why } => write!(
                f,
                "{}:{line}: written by a newer version of execution-coordinator, in words that this one does not know ({why}); nothing was changed. Use that version, or start again with `run --fresh`",
                path.display()
            ),
            Self::Newer { path, version } => write!(
                f,
                "{}: written by a newer version of execution-coordinator (journal version {version}, this one knows {VERSION}); nothing was changed. Use that version, or start again with `run --fresh`",
                path.display()
            ),
        }
    }
}

/// Reads a whole journal.
///
/// # Errors
/// See [`Refusal`].
pub fn recover(path: &Path) -> Result<Recovered, Refusal> {
    let bytes = std::fs::read(path)
        .map_err(|error| Refusal::Unreadable { path: path.to_owned(), error })?;
    recover_bytes(&bytes, path)
}

/// The same for bytes at hand; `path` is for what is said of them.
///
/// # Errors
/// See [`Refusal`].
pub fn recover_bytes(bytes: &[u8], path: &Path) -> Result<Recovered, Refusal> {
    let mut found = Recovered::default();
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let number = found.events.len() + 1;
        let damaged = |why: String| Refusal::Damaged { path: path.to_owned(), line: number, why };
        let (event, chain) = match frame::decode(&rest[..end], found.chain) {
            Ok(read) => read,
            Err(unread) => {
                let refused = || match unread {
                    frame::Unread::Damaged(why) => damaged(why),
                    frame::Unread::Unknown(why) => {
                        Refusal::Unknown { path: path.to_owned(), line: number, why }
                    }
                };
                return Err(newer(rest, path).unwrap_or_else(refused));
            }
        };
        if event.seq != number as u64 {
            return Err(damaged(format!("it is number {}, not {number}", event.seq)));
        }
        if let Event::Opened { version, .. } | Event::TakenUp { version, .. } = event.event
            && version > VERSION
        {
            return Err(Refusal::Newer { path: path.to_owned(), version });
        }
        found.events.push(event);
        found.chain = chain;
        found.len += end as u64 + 1;
        rest = &rest[end + 1..];
        // After a power cut a file may end in blocks that were never written.
        if rest.iter().all(|byte| *byte == 0) {
            break;
        }
    }
    found.torn = rest.len() as u64;
    Ok(found)
}

/// Whether a first line says that it is of a newer version, whatever else it says.
fn newer(line: &[u8], path: &Path) -> Option<Refusal> {
    let text = std::str::from_utf8(line.split(|byte| *byte == b'\n').next()?).ok()?;
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let version =
        u32::try_from(value.get("event")?.get("opened")?.get("version")?.as_u64()?).ok()?;
    (version > VERSION).then(|| Refusal::Newer { path: path.to_owned(), version })
}
