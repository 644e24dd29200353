//! The socket at which the owner of an execution is found by other processes.
//!
//! It lies in the folder of the execution, which only its user can enter. Whoever holds the lock
//! of the execution opens it; one that a killed owner left behind is in nobody's way.
#![expect(clippy::disallowed_methods, reason = "this is the edge that looks for owners")]

use super::locate::LOCK;
use crate::journal::lock::holder;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::oneshot;

/// The socket's file in the folder of an execution.
pub const SOCKET: &str = "socket";

/// An open door.
pub struct Door {
    /// Where others come in.
    pub listener: UnixListener,
    /// Ends when the door is to be closed.
    pub closed: oneshot::Receiver<()>,
}

/// What its owner keeps: as long as it lives the door is open.
pub struct Doorkeeper {
    socket: PathBuf,
    _open: oneshot::Sender<()>,
}

impl Drop for Doorkeeper {
    fn drop(&mut self) {
        // The next owner takes away what stays.
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Opens the door of an execution whose lock is held.
///
/// # Errors
/// The file system has no sockets.
pub fn open(folder: &Path) -> io::Result<(Door, Doorkeeper)> {
    let socket = folder.join(SOCKET);
    match std::fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = with_short_path(&socket, |path| UnixListener::bind(path))?;
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))?;
    let (keeper, closed) = oneshot::channel();
    Ok((Door { listener, closed }, Doorkeeper { socket, _open: keeper }))
}

/// Connects to the owner of an execution; waits a moment for one that is only beginning.
///
/// # Errors
/// Nobody is there.
pub fn knock(folder: &Path) -> io::Result<UnixStream> {
    let mut tries = 0;
    loop {
        let knocked = with_short_path(&folder.join(SOCKET), |path| UnixStream::connect(path));
        let owned = || holder(&folder.join(LOCK)).is_ok_and(|holder| holder.is_some());
        if knocked.is_ok() || tries == 50 || !owned() {
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
