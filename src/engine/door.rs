//! The socket at which a process is found by others: the owner of an execution, or the daemon of a
//! workspace.
//!
//! It lies in a folder that only its user can enter. Whoever holds the lock beside it opens it; one
//! that a killed process left behind is in nobody's way.
#![expect(clippy::disallowed_methods, reason = "this is the edge that looks for owners")]

use super::locate::LOCK;
use crate::journal::lock::holder;
use crate::process::warden;
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
    /// That of an execution's owner, by its folder.
    pub fn of_execution(folder: &Path) -> Self {
        Self { socket: folder.join("socket"), lock: folder.join(LOCK) }
    }
}

/// An open door.
pub struct Door {
    /// Where others come in.
    pub listener: UnixListener,
    /// Says, or ends, when the door is to be closed.
    pub closed: watch::Receiver<bool>,
}

/// What its owner keeps: as long as it lives the door is open.
pub struct Doorkeeper {
    socket: PathBuf,
    closed: watch::Sender<bool>,
}

impl Doorkeeper {
    /// Closes the door. Nobody comes in after that; who has come in has been counted.
    pub async fn close(self) {
        let _ = std::fs::remove_file(&self.socket);
        self.closed.send_replace(true);
        self.closed.closed().await;
    }

    /// Whether the door can still be found: its folder may have been taken away.
    pub fn is_there(&self) -> bool {
        self.socket.exists()
    }
}

impl Drop for Doorkeeper {
    fn drop(&mut self) {
        // The next owner takes away what stays.
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Whether who knocks may be an attempt in one of some workspaces, whatever it says of itself: those steer nothing.
pub fn is_attempt(pid: i32, roots: &[PathBuf]) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let Some(locks) = warden::above(pid) else { return true };
    locks.iter().any(|lock| roots.iter().any(|root| real(lock).starts_with(real(root))))
}

/// Opens a door. Its lock is held by whoever does.
///
/// # Errors
/// The file system has no sockets.
pub fn open(address: &Address) -> io::Result<(Door, Doorkeeper)> {
    let socket = address.socket.clone();
    match std::fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = with_short_path(&socket, |path| UnixListener::bind(path))?;
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))?;
    let (keeper, closed) = watch::channel(false);
    Ok((Door { listener, closed }, Doorkeeper { socket, closed: keeper }))
}

/// Connects to whoever is at an address; waits a moment for one that is only beginning.
///
/// # Errors
/// Nobody is there.
pub fn knock(address: &Address) -> io::Result<UnixStream> {
    let mut tries = 0;
    loop {
        let knocked = with_short_path(&address.socket, |path| UnixStream::connect(path));
        let is_held = || holder(&address.lock).is_ok_and(|holder| holder.is_some());
        if knocked.is_ok() || tries == 50 || !is_held() {
            return knocked;
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
    let (Some(folder), Some(name)) = (socket.parent(), socket.file_name()) else { return with(socket) };
    let folder = std::fs::File::open(folder)?;
    with(&Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name))
}
