//! What counts as progress: a line that was not seen before, digits aside. A spinner, a heartbeat
//! or a counter that ticks prints bytes and makes none.
#![expect(clippy::disallowed_methods, reason = "this is the edge that reads what processes print")]

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Longest piece of a line that is looked at; the rest of a longer one is read past.
const LINE_BYTES: usize = 64 * 1024;
/// How many different lines are remembered. Past that everything counts as progress.
const REMEMBERED: usize = 100_000;

/// Follows an output file.
pub struct Progress {
    path: PathBuf,
    file: Option<File>,
    read: u64,
    line: Vec<u8>,
    seen: HashSet<u64>,
    activity: Option<fn(&str) -> bool>,
}

impl Progress {
    /// Begins at the start of a file that may not be there yet. `activity` says which lines count,
    /// where they are not just text.
    pub fn new(path: &Path, activity: Option<fn(&str) -> bool>) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            read: 0,
            line: Vec::new(),
            seen: HashSet::new(),
            activity,
        }
    }

    /// Reads what is new, and says whether there was progress in it.
    pub fn look(&mut self, each: &mut impl FnMut(&str)) -> bool {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let Some(mut file) = self.file.take() else { return false };
        let mut chunk = [0_u8; 16 * 1024];
        let mut progress = false;
        // A flood is read in turns, so that its size is looked at in between.
        for _ in 0..64 {
            let Ok(count @ 1..) = file.read(&mut chunk) else { break };
            self.read += count as u64;
            progress |= self.feed(&chunk[..count], each);
        }
        self.file = Some(file);
        progress
    }

    /// The same for bytes at hand.
    pub fn feed(&mut self, bytes: &[u8], each: &mut impl FnMut(&str)) -> bool {
        let mut progress = false;
        for byte in bytes {
            match byte {
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    progress |= self.take(&line, each);
                    self.line = line;
                    self.line.clear();
                }
                _ if self.line.len() < LINE_BYTES => self.line.push(*byte),
                _ => {}
            }
        }
        progress
    }

    fn take(&mut self, line: &[u8], each: &mut impl FnMut(&str)) -> bool {
        let text = String::from_utf8_lossy(line);
        let text = text.trim();
        if text.is_empty() {
            return false;
        }
        each(text);
        if let Some(activity) = self.activity {
            return activity(text);
        }
        let mut hasher = DefaultHasher::new();
        text.chars().filter(|c| c.is_alphabetic()).for_each(|c| c.hash(&mut hasher));
        // A line of signs and digits only is a spinner or a counter.
        let words = text.chars().any(char::is_alphabetic);
        words && (self.seen.len() >= REMEMBERED || self.seen.insert(hasher.finish()))
    }

    /// How long the output is by now.
    pub fn bytes(&self) -> u64 {
        self.path.metadata().map_or(self.read, |meta| meta.len())
    }

    /// Cuts the output to a length.
    pub fn cut(&self, bytes: u64) {
        if let Ok(mut file) = OpenOptions::new().write(true).open(&self.path)
            && file.set_len(bytes).is_ok()
            && file.seek(SeekFrom::End(0)).is_ok()
        {
            drop(std::io::Write::write_all(&mut file, b"\n[output cut: its limit was reached]\n"));
        }
    }
}
