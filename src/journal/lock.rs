//! One owner: whoever holds the lock decides. The kernel lets go of it when the process ends,
//! however it ends.
#![expect(clippy::disallowed_methods, reason = "this is the edge that locks files")]

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::SystemTime;

/// A held lock.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Records when its holder is done.
    ///
    /// # Errors
    /// The file's time can't be set.
    pub fn done(&self) -> io::Result<()> {
        self.file.set_modified(SystemTime::now())
    }

    /// When a former holder was done, or the file was made, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// The file can't be looked at.
    pub fn done_at_ms(&self) -> io::Result<u64> {
        let since = self
            .file
            .metadata()?
            .modified()?
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Ok(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// What trying to lock gave.
#[derive(Debug)]
pub enum Locked {
    /// It is ours.
    Ours(Lock),
    /// Somebody else has it, with what they wrote into it.
    Theirs(String),
}

/// Tries to take a lock, and writes who we are into it.
///
/// # Errors
/// The file can't be made, or its file system knows no locks.
pub fn try_lock(path: &Path) -> io::Result<Locked> {
    let mut file = open(path)?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "process {}", std::process::id())?;
            Ok(Locked::Ours(Lock { file }))
        }
        Err(TryLockError::WouldBlock) => {
            let mut who = String::new();
            file.take(200).read_to_string(&mut who)?;
            Ok(Locked::Theirs(if who.is_empty() { "another process".into() } else { who }))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Who holds a lock; nobody when it is free. Takes nothing and changes nothing.
///
/// # Errors
/// The file can't be read, or its file system knows no locks.
pub fn holder(path: &Path) -> io::Result<Option<String>> {
    let file = match OpenOptions::new().read(true).custom_flags(no_links()).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            let mut who = String::new();
            file.take(200).read_to_string(&mut who)?;
            Ok(Some(if who.is_empty() { "another process".into() } else { who }))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Waits until a lock is free, and takes it.
///
/// # Errors
/// The file can't be made, or its file system knows no locks.
pub fn wait_for(path: &Path) -> io::Result<Lock> {
    let file = open(path)?;
    file.lock()?;
    Ok(Lock { file })
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(no_links())
        .open(path)
}

/// What a state folder brings along, a link among it, leads nowhere.
fn no_links() -> i32 {
    rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()
}
