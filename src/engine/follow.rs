//! What a process sees of an execution that another one owns: its journal, as far as it reads.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge that reads the journal of another process"
)]

use crate::core::event::{Event, Recorded, VERSION};
use crate::core::state::State;
use crate::journal::frame;
use crate::view::View;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// As far as a journal was read, and what that adds up to.
#[derive(Default)]
pub struct Follower {
    state: State,
    read: u64,
    chain: u32,
}

impl Follower {
    /// Reads what was added, and shows it. Gives whether that was anything.
    ///
    /// # Errors
    /// The journal can't be read, or is damaged.
    pub fn catch_up(&mut self, journal: &Path, view: &View) -> io::Result<bool> {
        let mut file = File::open(journal)?;
        let len = file.metadata()?.len();
        if len < self.read {
            // Half a batch was taken back, or it is another journal.
            *self = Self::default();
        }
        if len == self.read {
            return Ok(false);
        }
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.take(len - self.read).read_to_end(&mut bytes)?;
        let mut batch: Vec<Recorded> = Vec::new();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            // What is being written just now has no end yet.
            let Some(line) = line.strip_suffix(b"\n") else { break };
            let damaged = |why: String| {
                io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", journal.display()))
            };
            let (event, chain) =
                frame::decode(line, self.chain).map_err(|why| damaged(why.to_string()))?;
            if let Event::Opened { version, .. } | Event::TakenUp { version, .. } = event.event
                && version > VERSION
            {
                return Err(damaged(format!(
                    "it was written by a newer version of this program (format {version}; this one reads {VERSION}): use that one"
                )));
            }
            self.chain = chain;
            self.read += line.len() as u64 + 1;
            self.state.apply(&event);
            batch.push(event);
        }
        if !batch.is_empty() {
            view.publish(&self.state, &batch);
        }
        Ok(!batch.is_empty())
    }
}
