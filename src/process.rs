//! One child process tree: start, deadline, idle limit, grace, kill, output to a file; and no
//! orphan, whatever happens to us.
//!
//! Children are not ours but the warden's: a small process that is started from this same binary,
//! adopts every descendant that loses its parent, and kills them all when we are gone.
#![expect(clippy::disallowed_methods, reason = "this is the edge that starts processes")]

pub mod cgroup;
pub mod confine;
pub mod lineage;
pub mod progress;
pub mod platform;
pub mod warden;

use crate::core::outcome::Ending;
use confine::Confine;
use progress::Progress;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use warden::{Reply, Request, Signal};

/// How often output is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is to be run. No `Debug`: its environment may hold secrets.
#[derive(Clone, Serialize, Deserialize)]
pub struct Launch {
    /// The program, as an absolute path, and its arguments.
    pub argv: Vec<String>,
    /// Where.
    pub folder: PathBuf,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// What it reads; nothing when absent.
    pub stdin: Option<PathBuf>,
    /// Where what it prints goes.
    pub output: PathBuf,
    /// Where its errors go; to `output` when absent.
    pub errors: Option<PathBuf>,
    /// The value of [`warden::COOKIE`] by which its descendants are known.
    pub cookie: String,
    /// What it may change; whatever its user may when absent.
    pub confine: Option<Confine>,
}

/// What it may not exceed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// It is stopped after so long.
    pub timeout: Duration,
    /// It is stopped when it made no progress for so long.
    pub idle: Option<Duration>,
    /// It is stopped when it printed more bytes.
    pub output_bytes: u64,
    /// The time between the request to end and the kill.
    pub grace: Duration,
    /// Which lines are progress; all that were not seen before, digits aside, where it does not matter.
    pub activity: Option<fn(&str) -> bool>,
}

/// A handle of the warden. Cheap to clone.
#[derive(Clone)]
pub struct Processes {
    requests: mpsc::UnboundedSender<Request>,
    waiting: Arc<Mutex<Waiting>>,
    gone: watch::Receiver<bool>,
}

#[derive(Default)]
struct Waiting {
    last: u64,
    exits: HashMap<u64, oneshot::Sender<Ending>>,
    gone: bool,
}

impl Processes {
    /// Starts a warden. It holds a lock on `lock` as long as it or anything below it lives.
    ///
    /// # Errors
    /// This program can't be started again, or there are no sockets.
    pub fn start(lock: &Path) -> io::Result<Self> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        let program = std::env::current_exe()?;
        let mut command = std::process::Command::new(program);
        command.arg(warden::ARGUMENT).arg(lock).stdin(OwnedFd::from(theirs));
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::inherit());
        let mut warden = command.spawn()?;
        // It outlives an execution by a moment; a daemon outlives both.
        std::thread::spawn(move || warden.wait());
        ours.set_nonblocking(true)?;
        let (read, mut write) = UnixStream::from_std(ours)?.into_split();
        let (requests, mut queue) = mpsc::unbounded_channel::<Request>();
        let waiting: Arc<Mutex<Waiting>> = Arc::default();
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while let Some(request) = queue.recv().await {
                batch.clear();
                let mut next = Some(request);
                while let Some(request) = next {
                    if serde_json::to_writer(&mut batch, &request).is_ok() {
                        batch.push(b'\n');
                    }
                    next = queue.try_recv().ok();
                }
                if write.write_all(&batch).await.is_err() {
                    return;
                }
            }
        });
        let exits = waiting.clone();
        let (leaves, gone) = watch::channel(false);
        tokio::spawn(async move {
            let mut lines = BufReader::new(read).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Ok(reply) = serde_json::from_str::<Reply>(&line) {
                    let sender = lock_of(&exits).exits.remove(&reply.id);
                    sender.map(|sender| sender.send(reply.ending));
                }
            }
            // The warden is gone, and with it everything that it had started.
            let mut waiting = lock_of(&exits);
            waiting.gone = true;
            waiting.exits.clear();
            drop(waiting);
            leaves.send_replace(true);
        });
        Ok(Self { requests, waiting, gone })
    }

    /// Waits until the warden is gone, which it only is when somebody killed it: nothing can be started then.
    pub async fn are_gone(&self) {
        let mut gone = self.gone.clone();
        drop(gone.wait_for(|gone| *gone).await);
    }

    /// Runs a process to its end. `stop` becomes true when it is no longer wanted. `tail` is
    /// given each line that it prints, while it is running for longer than a moment.
    pub async fn run(
        &self,
        launch: Launch,
        limits: Limits,
        mut stop: watch::Receiver<bool>,
        mut tail: impl FnMut(&str),
    ) -> Ending {
        let mut printed: Vec<Progress> = std::iter::once(&launch.output)
            .chain(&launch.errors)
            .map(|path| Progress::new(path, limits.activity))
            .collect();
        let (id, mut exit) = match self.spawn(launch) {
            Some(spawned) => spawned,
            None => return Ending::DidNotStart("the process that starts others is gone".into()),
        };
        let deadline = sleep_until(Instant::now() + limits.timeout);
        tokio::pin!(deadline);
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.tick().await;
        let mut last_progress = Instant::now();
        let ended = loop {
            tokio::select! {
                ended = &mut exit => return ended.unwrap_or(Ending::Lost),
                () = &mut deadline => break Ending::TimedOut,
                Ok(()) = stop.changed() => if *stop.borrow() { break Ending::Stopped },
                _ = look.tick() => {
                    for file in &mut printed {
                        if file.look(&mut tail) {
                            last_progress = Instant::now();
                        }
                    }
                    if printed.iter().map(Progress::bytes).sum::<u64>() > limits.output_bytes {
                        break Ending::OutputLimit;
                    }
                    if limits.idle.is_some_and(|idle| last_progress.elapsed() > idle) {
                        break Ending::Idle;
                    }
                }
            }
        };
        self.end(
            id,
            &mut exit,
            if ended == Ending::OutputLimit { Duration::ZERO } else { limits.grace },
        )
        .await;
        if ended == Ending::OutputLimit {
            printed
                .iter()
                .filter(|file| file.bytes() > limits.output_bytes)
                .for_each(|file| file.cut(limits.output_bytes));
        }
        ended
    }

    fn spawn(&self, launch: Launch) -> Option<(u64, oneshot::Receiver<Ending>)> {
        let (sender, exit) = oneshot::channel();
        let id = {
            let mut waiting = lock_of(&self.waiting);
            if waiting.gone {
                return None;
            }
            waiting.last += 1;
            let id = waiting.last;
            waiting.exits.insert(id, sender);
            id
        };
        self.requests
            .send(Request::Spawn { id, launch: Box::new(launch) })
            .ok()
            .map(|()| (id, exit))
    }

    /// Asks a process to end, kills its whole tree after the grace, and waits until it is gone.
    async fn end(&self, id: u64, exit: &mut oneshot::Receiver<Ending>, grace: Duration) {
        if !grace.is_zero() {
            drop(self.requests.send(Request::Signal { id, signal: Signal::Terminate }));
            if timeout(grace, &mut *exit).await.is_ok() {
                return;
            }
        }
        drop(self.requests.send(Request::Signal { id, signal: Signal::Kill }));
        // However long the kernel takes: a second attempt must not start beside this one.
        drop(exit.await);
    }

    /// Whether nothing that was started is still running.
    pub fn idle(&self) -> bool {
        lock_of(&self.waiting).exits.is_empty()
    }
}

/// A panic while the lock was held can't leave it half changed: each change is one call.
fn lock_of(waiting: &Mutex<Waiting>) -> std::sync::MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Finds a program: as given if it names a folder, from the first of some folders that has it; else on
/// the path of an environment.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn find_program(
    name: &str,
    folders: &[&Path],
    environment: &[(String, String)],
) -> Result<PathBuf, String> {
    use std::os::unix::fs::PermissionsExt;
    let executable = |file: &Path| {
        file.metadata().map(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        let files = || folders.iter().map(|folder| folder.join(name));
        if let Some(file) = files().find(|file| executable(file).unwrap_or(false)) {
            return Ok(file);
        }
        return match files().any(|file| file.exists()) {
            true => Err(format!("`{name}` is not executable: `chmod +x {name}` makes it so")),
            false => Err(format!(
                "`{name}` does not exist in {}",
                folders.last().unwrap_or(&Path::new(".")).display()
            )),
        };
    }
    // What is said last holds.
    let path = environment
        .iter()
        .rev()
        .find(|(name, _)| name == "PATH")
        .map_or("", |(_, value)| value.as_str());
    let found = std::env::split_paths(path)
        .map(|folder| folder.join(name))
        .find(|file| executable(file).unwrap_or(false));
    found.ok_or_else(|| format!("`{name}` is not on the path: install it, or give its path"))
}

/// Opens a file that this program keeps: no link to one elsewhere, and nothing that waits for a writer.
///
/// # Errors
/// It is not there, or it is something else.
pub fn open_kept(path: &Path) -> io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"))
    }
}

/// Creates a file that this program keeps: an older one, or a link in its place, is removed first.
///
/// # Errors
/// It can't be written.
pub fn write_kept(path: &Path, content: &[u8]) -> io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(content)
}

/// Lets no other process of the user read this one's environment or memory: there may be secrets in them that agents are
/// not given. What it starts is not affected.
pub fn keep_private() {
    // Where that can't be, the rest still holds.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// The last bytes of an output; nothing when it is not there.
pub fn end_of(path: &Path, most_bytes: u64) -> String {
    use std::io::{Read, Seek, SeekFrom};
    let read = || -> io::Result<Vec<u8>> {
        let mut file = open_kept(path)?;
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(most_bytes)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}
