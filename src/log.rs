//! The log: where it is written, how much of it is kept, and what is left out.
//!
//! Levels are `tracing`'s: `info` has starts, ends and problems, `debug` the orders, `trace` requests and answers.
#![expect(clippy::disallowed_methods, reason = "this is the edge that writes the log")]

use crate::failure::log_to;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Mutex;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The environment variable with the levels (`debug`, or `info,execution_coordinator::rpc=trace`).
pub const LEVELS: &str = "EXECUTION_COORDINATOR_LOG";
/// Once a log is longer, it becomes `FILE.1`, in place of the one before it.
const MAX_BYTES: u64 = 1 << 20;

/// Begins to write a log, once in a process. `-` is standard error; `levels` are those of [`LEVELS`], `info` without any.
///
/// # Errors
/// The levels can't be read, or the file can't be written: a sentence.
pub fn start(to: &Path, levels: Option<&str>) -> Result<(), String> {
    let levels = levels.filter(|levels| !levels.trim().is_empty()).unwrap_or("info");
    let levels = Targets::from_str(levels)
        .map_err(|error| format!("{LEVELS}: `{levels}`: {error}: `error`, `warn`, `info`, `debug` or `trace`, also as `TARGET=LEVEL`"))?;
    let started = if to == Path::new("-") {
        tracing_subscriber::registry()
            .with(levels)
            .with(layer().with_ansi(false).with_writer(io::stderr))
            .try_init()
    } else {
        let file = Rotated::open(to)
            .map_err(|error| format!("{}: the log can't be written: {error}", to.display()))?;
        log_to(to);
        tracing_subscriber::registry()
            .with(levels)
            .with(layer().with_ansi(false).with_writer(Mutex::new(file)))
            .try_init()
    };
    started.map_err(|error| format!("the log can't be started: {error}"))
}

/// A file that never becomes longer than it may. It is emptied, not replaced: others may hold it open as their standard
/// error.
struct Rotated {
    path: PathBuf,
    file: File,
}

impl Rotated {
    fn open(path: &Path) -> io::Result<Self> {
        // What a state folder brings along leads nowhere.
        let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(flags)
            .open(path)?;
        Ok(Self { path: path.to_owned(), file })
    }

    fn rotate(&self) -> io::Result<()> {
        let mut before = self.path.as_os_str().to_owned();
        before.push(".1");
        crate::process::write_kept(Path::new(&before), &std::fs::read(&self.path)?)?;
        self.file.set_len(0)
    }
}

impl Write for Rotated {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.file.metadata()?.len().saturating_add(line.len() as u64) > MAX_BYTES {
            self.rotate()?;
        }
        self.file.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
