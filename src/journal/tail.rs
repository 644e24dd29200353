//! Follows a file that grows: told by the system where it can, and looking by itself where not.
#![expect(clippy::disallowed_methods, reason = "this is the edge that reads growing files")]

use notify::{RecursiveMode, Watcher};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How long it waits for a word of the system before it looks by itself: not every file system
/// tells.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A file being followed.
pub struct Tail {
    file: File,
    changes: Receiver<()>,
    _watcher: Option<notify::RecommendedWatcher>,
}

impl Tail {
    /// Begins at the start of a file.
    ///
    /// # Errors
    /// The file can't be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let (sender, changes) = channel();
        let watcher = notify::recommended_watcher(move |_| {
            let _ = sender.send(());
        });
        let watcher = watcher.and_then(|mut watcher| {
            watcher.watch(path, RecursiveMode::NonRecursive).map(|()| watcher)
        });
        Ok(Self { file: File::open(path)?, changes, _watcher: watcher.ok() })
    }

    /// What has been added since the last call; nothing when that is nothing.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn read(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        self.file.read_to_end(out)
    }

    /// Waits until something may have been added.
    pub fn wait(&self) {
        match self.changes.recv_timeout(LOOK_EVERY) {
            Ok(()) => while self.changes.try_recv().is_ok() {},
            Err(RecvTimeoutError::Timeout) => {}
            // Nobody will tell: the sender is gone.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK_EVERY),
        }
    }
}
