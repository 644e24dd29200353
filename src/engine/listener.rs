//! The socket at which a process is found by others: the owner of an execution, or the daemon of a
//! workspace.
//!
//! It lies in a folder that only its user can enter. Whoever holds the lock beside it opens it; one
//! that a killed process left behind is in nobody's way.
#![expect(clippy::disallowed_methods, reason = "this is the edge that looks for owners")]

use crate::journal::lock::holder;
use crate::process::warden;
use crate::workspace::execution_dir::ExecutionDir;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::watch;

/// Where a process is found: a socket, and the lock that says whether anybody is behind it.
#[derive(Clone, Debug)]
pub struct Address {
    /// The socket.
    pub socket: PathBuf,
    /// Held by whoever opens it.
    pub lock: PathBuf,
}

impl Address {
    /// That of an execution's owner.
    pub fn of_execution(dir: &ExecutionDir) -> Self {
        Self { socket: dir.socket(), lock: dir.lock() }
    }
}

/// A bound socket.
pub struct Listener {
    /// Where others come in.
    pub listener: UnixListener,
    /// Says, or ends, when it is to be closed.
    pub closed: watch::Receiver<bool>,
}

/// What its owner keeps: the socket stays bound as long as it lives.
pub struct Guard {
    socket: PathBuf,
    closed: watch::Sender<bool>,
}

impl Guard {
    /// Stops listening. Nobody connects after that; who has connected has been counted.
    pub async fn close(self) {
        let _ = std::fs::remove_file(&self.socket);
        self.closed.send_replace(true);
        self.closed.closed().await;
    }

    /// Whether the socket can still be found: its folder may have been taken away.
    pub fn is_there(&self) -> bool {
        self.socket.exists()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The next owner takes away what stays.
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Whether who connects may be an attempt in one of some workspaces, whatever it says of itself: those steer nothing.
pub fn is_attempt(pid: i32, roots: &[PathBuf]) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let Some(locks) = warden::above(pid) else { return true };
    locks.iter().any(|lock| roots.iter().any(|root| real(lock).starts_with(real(root))))
}

/// Binds a socket. The caller holds its lock.
///
/// # Errors
/// The file system has no sockets.
pub fn bind(address: &Address) -> io::Result<(Listener, Guard)> {
    let socket = address.socket.clone();
    match std::fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = with_short_path(&socket, |path| UnixListener::bind(path))?;
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))?;
    let (close, closed) = watch::channel(false);
    Ok((Listener { listener, closed }, Guard { socket, closed: close }))
}

/// Connects to whoever is at an address; waits a moment for one that is only beginning.
///
/// # Errors
/// Nobody is there.
pub fn connect(address: &Address) -> io::Result<UnixStream> {
    let mut tries = 0;
    loop {
        let connected = with_short_path(&address.socket, |path| UnixStream::connect(path));
        let is_held = || holder(&address.lock).is_ok_and(|holder| holder.is_some());
        if connected.is_ok() || tries == 50 || !is_held() {
            return connected;
        }
        tries += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Names of sockets may have 107 bytes, and folders are deeper than that: there the folder is
/// named by a descriptor of it.
fn with_short_path<T>(socket: &Path, with: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
    use std::os::fd::AsRawFd;
    if socket.as_os_str().len() < 100 {
        return with(socket);
    }
    let (Some(folder), Some(name)) = (socket.parent(), socket.file_name()) else {
        return with(socket);
    };
    let folder = std::fs::File::open(folder)?;
    with(&Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name))
}
