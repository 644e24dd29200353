//! The append-only record of events: one JSON line an event, numbered, checksummed in a chain,
//! with one writer.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge that reads and writes the journal"
)]

pub mod frame;
pub mod lines;
pub mod lock;
pub mod recover;
pub mod tail;

use crate::core::event::Recorded;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A journal that is open for writing.
pub struct Journal {
    path: PathBuf,
    file: File,
    /// What the file was when this process last left it.
    left: Left,
    len: u64,
    chain: u32,
    buffer: Vec<u8>,
    synced: bool,
}

impl Journal {
    /// Opens or creates a journal and reads what is in it. A line that was being written when
    /// the machine or the process stopped is cut off; damage anywhere else is refused.
    ///
    /// # Errors
    /// See [`recover::Refusal`].
    pub fn open(path: &Path) -> Result<(Self, Vec<Recorded>), recover::Refusal> {
        let mut options = OpenOptions::new();
        let open = options.read(true).append(true).create(true).mode(0o600).open(path);
        let file =
            open.map_err(|error| recover::Refusal::Unreadable { path: path.to_owned(), error })?;
        let recovered = recover::recover(path)?;
        if recovered.torn > 0 {
            let cut = file.set_len(recovered.len);
            cut.map_err(|error| recover::Refusal::Unreadable { path: path.to_owned(), error })?;
        }
        let left = Left::of_file(&file)
            .map_err(|error| recover::Refusal::Unreadable { path: path.to_owned(), error })?;
        let (path, len, chain) = (path.to_owned(), recovered.len, recovered.chain);
        let journal = Self { path, file, left, len, chain, buffer: Vec::new(), synced: false };
        Ok((journal, recovered.events))
    }

    /// Writes events, all or none. They are with the operating system when this returns, which
    /// is enough for orders carried out on this machine: a process dies with the machine, so it
    /// can't outlive an order that was lost. Whatever is acknowledged to somebody else needs
    /// [`Journal::sync`] first.
    ///
    /// # Errors
    /// Writing failed, for example because the disk is full; the journal is as it was before. Or somebody else has
    /// written, replaced or removed it: then nothing is true any more of what would follow.
    pub fn append(&mut self, events: &[Recorded]) -> io::Result<()> {
        self.is_as_left()?;
        self.buffer.clear();
        let mut chain = self.chain;
        for event in events {
            chain = frame::encode(event, chain, &mut self.buffer)?;
        }
        if let Err(error) = self.file.write_all(&self.buffer) {
            // Half a batch must not stay: the next recovery would take it for the truth.
            self.file.set_len(self.len)?;
            self.left = Left::of_file(&self.file)?;
            return Err(error);
        }
        self.left = Left::of_file(&self.file)?;
        self.len += self.buffer.len() as u64;
        self.chain = chain;
        self.synced = false;
        Ok(())
    }

    /// Up to where it is written: bytes, and the checksum of all of them.
    pub fn position(&self) -> (u64, u32) {
        (self.len, self.chain)
    }

    /// Whether an error is that somebody else has changed or removed it.
    pub fn is_foreign(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|error| error.is::<Foreign>())
    }

    /// Whether the file is what this process has written, and still where it is looked for.
    fn is_as_left(&self) -> io::Result<()> {
        let why = match std::fs::symlink_metadata(&self.path) {
            Ok(found) if found.is_file() && Left::from(&found) == self.left => return Ok(()),
            Ok(_) => "somebody else has changed or replaced it",
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                "somebody else has removed or moved it"
            }
            Err(error) => return Err(error),
        };
        Err(io::Error::other(Foreign(why)))
    }

    /// Makes sure that everything appended so far survives a power cut. One call for all that
    /// waits: calling it again without an append in between costs nothing.
    ///
    /// # Errors
    /// The disk says no.
    pub fn sync(&mut self) -> io::Result<()> {
        if !self.synced {
            self.file.sync_data()?;
            self.synced = true;
        }
        Ok(())
    }
}

/// Somebody else has changed or removed a journal.
#[derive(Debug)]
struct Foreign(&'static str);

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(why) = self;
        write!(
            f,
            "{why} while this process was at work on it, so nothing more is begun: put it back from a copy and run again, or start over with `run --fresh`"
        )
    }
}

impl std::error::Error for Foreign {}

/// By what it shows that a file is another one, or was written to.
#[derive(PartialEq)]
struct Left {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
}

impl Left {
    fn of_file(file: &File) -> io::Result<Self> {
        Ok(Self::from(&file.metadata()?))
    }
}

impl From<&Metadata> for Left {
    fn from(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            len: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
        }
    }
}
