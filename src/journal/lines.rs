//! Events of a journal as the JSON that they are written in, from a number on.
#![expect(clippy::disallowed_methods, reason = "this is the edge that reads the journal")]

use super::frame;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A journal being read by lines. Between two reads it holds no descriptor: there may be many readers.
pub struct Lines {
    path: PathBuf,
    read_bytes: u64,
}

impl Lines {
    /// The events of a journal from a number on, which begins at 1.
    ///
    /// # Errors
    /// The journal can't be read.
    pub fn open(path: &Path, from: u64) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
        let mut read_bytes = 0;
        for _ in 1..from {
            match reader.skip_until(b'\n')? {
                0 => break,
                count => read_bytes += count as u64,
            }
        }
        Ok(Self { path: path.to_owned(), read_bytes })
    }

    /// The next events, each without the end of its JSON: `{"seq":…,"at":…,"event":…`. Nothing
    /// when there is no more, or when the next one is just being written.
    ///
    /// # Errors
    /// The journal can't be read, or is damaged.
    pub fn take(&mut self, most: usize) -> io::Result<Vec<Vec<u8>>> {
        let mut page = Vec::new();
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.read_bytes))?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        while page.len() < most {
            let mut line = Vec::new();
            let count = reader.read_until(b'\n', &mut line)?;
            if line.pop() != Some(b'\n') {
                break;
            }
            self.read_bytes += count as u64;
            page.push(frame::body(line)?);
        }
        Ok(page)
    }
}
