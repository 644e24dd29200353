//! The line to an agent that is talked with: what it says goes to the order's output file like that of every
//! other process, and is read from there; what it is told goes through a named pipe. So the process stays
//! the warden's.

use crate::process::open_kept;
use crate::process::platform::{make_fifo, open_both_ends};
use serde_json::Value;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;

/// How often it is looked for what the agent has said.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Longest line that is read.
const LINE_BYTES: usize = 8 << 20;

/// Both ends of a conversation with a process that is about to be started.
pub struct Line {
    input: PathBuf,
    /// To the agent.
    pub writer: Writer,
    /// From it.
    pub reader: Reader,
}

impl Line {
    /// A pipe beside the output, from which the process is to read.
    ///
    /// # Errors
    /// The file system has no pipes.
    pub fn new(output: &Path) -> io::Result<Self> {
        let input = output.with_extension("in");
        // One that was talked with in another way before may have left it.
        drop(std::fs::remove_file(&input));
        make_fifo(&input)?;
        // Open at both ends: so the process does not wait for us, nor we for it.
        let pipe = pipe::Sender::from_file_unchecked(open_both_ends(&input)?)?;
        // What another one said there before is over.
        let begin = output.metadata().map_or(0, |metadata| metadata.len());
        let reader = Reader {
            path: output.to_owned(),
            file: None,
            begin,
            pending: Vec::new(),
            looked: 0,
            skips: false,
        };
        Ok(Self { input, writer: Writer(pipe), reader })
    }

    /// What the process reads.
    pub fn input(&self) -> &Path {
        &self.input
    }
}

/// The end at which an agent is told something. Its input ends when this is dropped.
pub struct Writer(pipe::Sender);

impl Writer {
    /// Tells a line.
    ///
    /// # Errors
    /// The agent reads no more.
    pub async fn line(&mut self, line: &str) -> io::Result<()> {
        self.0.write_all(format!("{line}\n").as_bytes()).await
    }
}

/// The end at which we read what an agent writer: the lines of a file that grows.
pub struct Reader {
    path: PathBuf,
    file: Option<File>,
    begin: u64,
    pending: Vec<u8>,
    /// Before this there is no end of a line in what is pending.
    looked: usize,
    /// A line that is too long is being left out.
    skips: bool,
}

impl Reader {
    /// The next line that is JSON; waits until there is one.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn line(&mut self) -> io::Result<String> {
        loop {
            while let Some(end) = self.pending[self.looked..].iter().position(|byte| *byte == b'\n')
            {
                let line: Vec<u8> = self.pending.drain(..=self.looked + end).collect();
                self.looked = 0;
                let text = String::from_utf8_lossy(&line).trim().to_owned();
                // Warnings of its runtime stand between.
                if !std::mem::take(&mut self.skips)
                    && (text.starts_with('{') || text.starts_with('['))
                {
                    return Ok(text);
                }
            }
            self.looked = self.pending.len();
            if self.pending.len() > LINE_BYTES {
                self.pending.clear();
                (self.looked, self.skips) = (0, true);
            }
            if self.file.is_none() {
                self.file = open_kept(&self.path).ok();
                if let Some(file) = &mut self.file {
                    io::Seek::seek(file, io::SeekFrom::Start(self.begin))?;
                }
            }
            let mut chunk = vec![0; 1 << 16];
            let read = self.file.as_mut().map_or(Ok(0), |file| file.read(&mut chunk))?;
            match read {
                0 => tokio::time::sleep(LOOK_EVERY).await,
                read => {
                    self.pending.extend_from_slice(&chunk[..read]);
                    // However much it writer: its limits are looked at between.
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// The next message.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn message(&mut self) -> io::Result<Value> {
        loop {
            // What is no JSON is a warning of its runtime.
            if let Ok(message) = serde_json::from_str(&self.line().await?) {
                return Ok(message);
            }
        }
    }
}
