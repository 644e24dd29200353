//! What systems do differently and programs need all the same: named pipes, and who is behind a connection.

use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Makes a named pipe that only its owner can use.
///
/// # Errors
/// There is something of the name, or the file system has no pipes.
#[cfg(target_os = "linux")]
pub fn make_fifo(path: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, Mode, mkfifoat};
    Ok(mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?)
}

/// Makes a named pipe that only its owner can use, by the program that POSIX asks for.
///
/// # Errors
/// There is something of the name, or the file system has no pipes.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "it ends at once and starts nothing itself")]
pub fn make_fifo(path: &Path) -> io::Result<()> {
    let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(path).output()?;
    match made.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&made.stderr).trim().to_owned())),
    }
}

/// Opens a named pipe at both ends, so that nobody waits for the other one; it does not block.
///
/// # Errors
/// It can't be opened.
#[expect(clippy::disallowed_methods, reason = "a pipe of our own, which is no file")]
pub fn open_both_ends(path: &Path) -> io::Result<std::fs::File> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    std::fs::OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)
}

/// The number of the process at the other end of a connection, as the system knows it.
///
/// # Errors
/// The system does not say.
#[cfg(target_os = "linux")]
pub fn peer_of(connection: &UnixStream) -> io::Result<i32> {
    Ok(rustix::net::sockopt::socket_peercred(connection)?.pid.as_raw_nonzero().get())
}

/// The number of the process at the other end of a connection, as the system knows it.
///
/// # Errors
/// The system does not say.
#[cfg(not(target_os = "linux"))]
pub fn peer_of(connection: &UnixStream) -> io::Result<i32> {
    let connection = connection.try_clone()?;
    connection.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let peer = runtime.block_on(async {
        let connection = tokio::net::UnixStream::from_std(connection)?;
        connection.peer_cred()
    });
    peer?.pid().ok_or_else(|| io::Error::other("the system does not say who is there"))
}
