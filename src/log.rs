//! The log: where it is written, how much of it is kept, and what is left out.
//!
//! Levels are `tracing`'s: `info` has starts, ends and problems, `debug` the orders, `trace` requests and answers.
#![expect(clippy::disallowed_methods, reason = "this is the edge that writes the log")]

use crate::failure::{log_is_on_stderr, log_to};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Mutex;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The environment variable with the levels (`debug`, or `info,execution_coordinator::rpc=trace`).
pub const LEVELS: &str = "EXECUTION_COORDINATOR_LOG";
/// Once a log is longer, it becomes `FILE.1`, in place of the one before it.
const MAX_BYTES: u64 = 1 << 20;

/// Of one line, so many bytes are written at most.
const MAX_LINE_BYTES: usize = 16 << 10;
/// What a level without a target is for: this program; of its libraries only what went wrong is written, as nobody knows
/// what else they would write.
const OWN: &str = "execution_coordinator";

/// Begins to write a log, once in a process. `-` is standard error; `levels` are those of [`LEVELS`], `info` without any.
///
/// # Errors
/// The levels can't be read, or the file can't be written: a sentence.
pub fn start(to: &Path, levels: Option<&str>) -> Result<(), String> {
    let levels = levels.filter(|levels| !levels.trim().is_empty()).unwrap_or("info");
    let own = |level: &str| match level.contains('=') {
        true => level.to_owned(),
        false => format!("{OWN}={level}"),
    };
    let targets = levels.split(',').map(|level| own(level.trim())).collect::<Vec<_>>().join(",");
    let targets = Targets::from_str(&targets)
        .map_err(|error| format!("{LEVELS}: `{levels}`: {error}: `error`, `warn`, `info`, `debug` or `trace`, also as `TARGET=LEVEL`"))?
        .with_default(LevelFilter::WARN);
    let plain = layer().with_ansi(false);
    let started = if to == Path::new("-") {
        log_is_on_stderr();
        tracing_subscriber::registry().with(targets).with(plain.with_writer(io::stderr)).try_init()
    } else {
        let file = Rotated::open(to)
            .map_err(|error| format!("{}: the log can't be written: {error}", to.display()))?;
        log_to(to);
        let file = plain.with_writer(Mutex::new(file));
        tracing_subscriber::registry().with(targets).with(file).try_init()
    };
    started.map_err(|error| format!("the log can't be started: {error}"))?;
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!("{panic}");
        before(panic);
    }));
    Ok(())
}

/// A file that never becomes longer than it may. It is emptied, not replaced: others may hold it open as their standard
/// error.
struct Rotated {
    path: PathBuf,
    file: File,
}

impl Rotated {
    fn open(path: &Path) -> io::Result<Self> {
        // What a state folder brings along leads nowhere, and nothing waits for a pipe.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let flags = flags.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600).custom_flags(flags);
        let file = options.open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
        }
        Ok(Self { path: path.to_owned(), file })
    }

    fn is_full(&self, more: usize) -> io::Result<bool> {
        Ok(self.file.metadata()?.len().saturating_add(more as u64) > MAX_BYTES)
    }

    /// Keeps what was written before. Several processes may write the same log: one of them does it.
    fn rotate(&mut self, more: usize) -> io::Result<()> {
        self.file.lock()?;
        let rotated =
            self.is_full(more).and_then(|is_full| if is_full { self.empty() } else { Ok(()) });
        self.file.unlock()?;
        rotated
    }

    fn empty(&mut self) -> io::Result<()> {
        let mut before = self.path.as_os_str().to_owned();
        before.push(".1");
        let mut content = Vec::new();
        self.file.rewind()?;
        Read::by_ref(&mut self.file).take(2 * MAX_BYTES).read_to_end(&mut content)?;
        // Without it the log is still bounded.
        let _ = crate::process::write_kept(Path::new(&before), &content);
        self.file.set_len(0)
    }
}

impl Write for Rotated {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.is_full(line.len())? {
            self.rotate(line.len())?;
        }
        if line.len() <= MAX_LINE_BYTES {
            self.file.write_all(line)?;
        } else {
            self.file.write_all(&[&line[..MAX_LINE_BYTES], b"...\n"].concat())?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
