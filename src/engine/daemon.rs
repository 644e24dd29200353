//! The daemon of a workspace: the one process that carries out what clients start that come and
//! go (editors, model clients), so that an execution outlives whoever started it.
//!
//! It is started on demand, holds its lock as long as it lives, and is found at a socket that is
//! named by the version of the protocol: programs of two versions don't talk past each other, and
//! what the newer one has written is refused by the journal of the older.
#![expect(clippy::disallowed_methods, reason = "this is the edge that starts and finds the daemon")]

use super::listener::{Address, connect};
use crate::failure::Failure;
use crate::journal::lock::{Lock, Locked, holder, try_lock};
use crate::process::platform::peer_of;
use crate::workspace::execution_dir::ExecutionDir;
use crate::workspace::{STATE_FOLDER, make_state_folder};
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The version of the protocol of the socket; it changes when an older program would misunderstand
/// it.
pub const PROTOCOL_VERSION: u32 = 1;
/// What the daemon says on stdout once it can be found.
pub const READY: &str = "ready";
/// How long it stays after the last client when nothing runs.
pub const STAYS: Duration = Duration::from_mins(1);

impl Address {
    /// That of the daemon of a workspace.
    pub fn of_daemon(root: &Path) -> Self {
        let state = root.join(STATE_FOLDER);
        Self {
            socket: state.join(format!("daemon-{PROTOCOL_VERSION}.socket")),
            lock: state.join(format!("daemon-{PROTOCOL_VERSION}.lock")),
        }
    }
}

/// Where the daemon of a workspace writes what it has to say.
pub fn log_of(root: &Path) -> PathBuf {
    root.join(STATE_FOLDER).join("daemon.log")
}

/// The log of the daemon of an execution's workspace, where there is one, as it is shown.
pub fn log_beside(execution: &ExecutionDir) -> Option<String> {
    let log = log_of(execution.workspace());
    log.is_file().then(|| log.display().to_string())
}

/// Becomes the daemon of a workspace. Gives nothing where there is one already.
///
/// # Errors
/// The state folder can't be written, or its file system has no locks.
pub fn become_daemon(root: &Path) -> Result<Option<Lock>, Failure> {
    make_state_folder(root).map_err(|error| without(root, &error))?;
    match try_lock(&Address::of_daemon(root).lock) {
        Ok(Locked::Ours(lock)) => Ok(Some(lock)),
        Ok(Locked::Theirs(_)) => Ok(None),
        Err(error) => Err(without(root, &error)),
    }
}

/// Why there can be no daemon, and what to do.
pub fn without(root: &Path, error: &std::io::Error) -> Failure {
    Failure::unusable(format!(
        "{}: no daemon can be kept there: {error}: keep the workspace on a file system with locks and sockets, or start the execution with `execution-coordinator run` in a terminal",
        root.join(STATE_FOLDER).display()
    ))
}

/// Has the daemon of a workspace started by a process that ends at once: so it is nobody's child,
/// and clients that end all that they started, with all that came of it, don't end it.
///
/// # Errors
/// It can't be started, or says why it can't begin.
pub fn spawn(root: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| without(root, &error);
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.args(["serve", "--detach"]).current_dir(root).stdin(Stdio::null());
    let ended = command.output().map_err(failed)?;
    if ended.status.success() {
        Ok(())
    } else {
        Err(Failure::unusable(String::from_utf8_lossy(&ended.stderr).trim()))
    }
}

/// Starts the daemon of a workspace, apart from this process and its terminal, and waits until it
/// can be found. Where there is one already, that is the one.
///
/// # Errors
/// It can't be started, or says why it can't begin.
pub fn launch(root: &Path, stays: Option<Duration>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| without(root, &error);
    make_state_folder(root).map_err(failed)?;
    let path = log_of(root);
    // What a state folder brings along leads nowhere.
    let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags)
        .open(&path)
        .map_err(failed)?;
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command
        .args(["serve", "--daemon"])
        .args(stays.map(|stays| format!("--stay={}ms", stays.as_millis())));
    command.current_dir(root).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    let mut child = command.spawn().map_err(failed)?;
    let mut said = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out.take(4_096)).read_line(&mut said).map_err(failed)?;
    }
    match said.trim() {
        READY => Ok(()),
        // It leaves without a word where there is one already.
        "" if connect(&Address::of_daemon(root)).is_ok() => Ok(()),
        "" => Err(Failure::unusable(format!(
            "the daemon ended as soon as it began; what it said is in {}",
            log_of(root).display()
        ))),
        why => Err(Failure::unusable(why)),
    }
}

/// Asks the daemon of a workspace to leave, and waits until it has. What it carries out keeps its
/// state. Gives whether there was one.
///
/// # Errors
/// It can't be asked.
pub fn stop(root: &Path) -> Result<bool, Failure> {
    let address = Address::of_daemon(root);
    let mut connection = match connect(&address) {
        Ok(connection) => connection,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(Failure::unusable(format!(
                "{}: {error}: the daemon is another user's",
                address.socket.display()
            )));
        }
        Err(_) => return Ok(false),
    };
    let failed = |error: std::io::Error| {
        Failure::unusable(format!(
            "the daemon of {} can't be asked to leave: {error}",
            root.display()
        ))
    };
    // The kernel says who is behind the connection: no file can name another process.
    let daemon = peer_of(&connection).map_err(failed)?;
    let Some(pid) = rustix::process::Pid::from_raw(daemon) else { return Ok(false) };
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)
        .map_err(|error| failed(error.into()))?;
    // It hangs up when it leaves.
    let _ = std::io::copy(&mut connection, &mut std::io::sink());
    // And lets go of its lock, as its last act; another one may have it a moment later.
    let lock = Address::of_daemon(root).lock;
    let left = format!("process {daemon}");
    while holder(&lock).map_err(failed)?.is_some_and(|who| who == left) {
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(true)
}
