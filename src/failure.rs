//! Why something was not done: a sentence for a person, and a name for a program; and the one way
//! to say something beside the results.

use crate::escape::lines;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// What was wrong, as far as a caller acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Bad usage, config or breakdown; nothing was started.
    BadInput,
    /// There is nothing of that name.
    NotFound,
    /// It makes no sense now.
    Refused,
    /// The execution is paused.
    Paused,
    /// The user has not said that anything may be started here.
    Untrusted,
    /// Another process owns it.
    Owned,
    /// The workspace is not usable.
    Unusable,
    /// A mistake of ours, or of the machine.
    Internal,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What a caller acts on.
    pub kind: FailureKind,
    /// What is wrong, where, and what to do.
    pub message: String,
}

impl Failure {
    /// Of a kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
    /// Bad usage, config or breakdown.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(FailureKind::BadInput, message)
    }
    /// There is nothing of that name.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(FailureKind::NotFound, message)
    }
    /// The workspace is not usable.
    pub fn unusable(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Unusable, message)
    }
    /// A mistake of ours, or of the machine.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Internal, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Where the log of this process is.
static LOG: OnceLock<PathBuf> = OnceLock::new();
/// Whether the log is standard error as well: then nothing is said twice.
static ON_STDERR: AtomicBool = AtomicBool::new(false);

/// From now on failures name this log.
pub fn log_to(file: &Path) {
    // The first one counts.
    let _ = LOG.set(file.to_owned());
}

/// From now on what is said is in the log anyway: it is standard error too.
pub fn log_is_on_stderr() {
    ON_STDERR.store(true, Ordering::Relaxed);
}

/// What is said of a mistake of ours, and where to see more.
pub fn panicked() -> String {
    match LOG.get() {
        Some(log) => format!("internal error (panic); see {}", log.display()),
        None => "internal error (panic); `--log FILE` says more the next time".into(),
    }
}

/// Says something on standard error, as a line, and in the log. Whoever read along may have left: then nobody hears it, and
/// the work goes on.
pub fn say(what: impl fmt::Display) {
    use std::io::Write;
    let what = lines(&what.to_string());
    if !ON_STDERR.load(Ordering::Relaxed) {
        tracing::info!("{what}");
    }
    let _ = writeln!(std::io::stderr(), "{what}");
}
