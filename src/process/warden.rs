//! The process between us and everything that we start.
//!
//! It reads requests from the socket that is its standard input. It is the child subreaper
//! (`prctl(2)`), so that every descendant that loses its parent becomes its child; when the
//! socket ends, because we ended it or were killed, it kills all of them. Descendants belong to
//! an attempt by ancestry, by process group, or by a cookie in their environment, so that a
//! daemon in a session of its own is found too. What left both behind (a double fork with a
//! cleared environment) is killed when no attempt is left that it could belong to, and at the
//! latest with the warden, or by the next one where that was killed too (`cgroup`). Where there is no `/proc` (macOS) only process groups are killed.
#![expect(clippy::disallowed_methods, reason = "this is the edge that starts and kills processes")]

use super::Launch;
use super::lineage::{Stat, stat};
use crate::core::outcome::Ending;
use crate::failure::say;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The argument by which this program is its own warden.
pub const ARGUMENT: &str = "__warden";
/// The variable that marks everything below an attempt.
pub const COOKIE: &str = "EXECUTION_COORDINATOR_ATTEMPT";

/// What the warden is asked.
#[derive(Serialize, Deserialize)]
pub enum Request {
    /// Start a process.
    Spawn {
        /// The number by which it is known here.
        id: u64,
        /// What to start.
        launch: Box<Launch>,
    },
    /// Signal one.
    Signal {
        /// Which.
        id: u64,
        /// How.
        signal: Signal,
    },
}

/// How to signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// Ask its group to end.
    Terminate,
    /// Kill its whole tree.
    Kill,
}

/// A process has ended, and nothing of its tree is left.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reply {
    /// Which.
    pub id: u64,
    /// How.
    pub ending: Ending,
}

struct Attempt {
    id: u64,
    cookie: String,
}

#[derive(Default)]
struct Table {
    attempts: BTreeMap<i32, Attempt>,
}

struct Warden {
    table: Mutex<Table>,
    spawned: Condvar,
    replies: Mutex<UnixStream>,
}

/// Runs as the warden until the other side is gone. Returns the exit code.
pub fn run(lock: &Path) -> i32 {
    match serve(lock) {
        Ok(()) => 0,
        Err(error) => {
            say(format_args!("execution-coordinator (warden): {error}"));
            1
        }
    }
}

fn serve(lock: &Path) -> io::Result<()> {
    // A session of its own: a Ctrl-C at the terminal is the daemon's to answer.
    let _ = rustix::process::setsid();
    let held = crate::journal::lock::wait_for(lock)?;
    let group = super::cgroup::enter(lock);
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let warden = Arc::new(Warden {
        table: Mutex::default(),
        spawned: Condvar::new(),
        replies: Mutex::new(socket.try_clone()?),
    });
    let reaper = warden.clone();
    std::thread::spawn(move || reaper.reap());
    for line in BufReader::new(socket).lines() {
        let Ok(line) = line else { break };
        match serde_json::from_str(&line) {
            Ok(Request::Spawn { id, launch }) => warden.spawn(id, *launch),
            Ok(Request::Signal { id, signal }) => warden.signal(id, signal),
            Err(error) => say(format_args!("execution-coordinator (warden): {error}")),
        }
    }
    warden.kill_everything();
    if let Some(group) = group {
        group.leave();
    }
    // Until then attempts may have changed something, and no longer.
    held.done()
}

impl Warden {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(&self, id: u64, ending: Ending) {
        let Ok(mut line) = serde_json::to_vec(&Reply { id, ending }) else { return };
        line.push(b'\n');
        let mut socket = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        // The other side may be gone: then nobody waits for this any more.
        drop(socket.write_all(&line));
    }

    fn spawn(&self, id: u64, launch: Launch) {
        // Held until the process is in the table: the reaper looks it up there.
        let mut table = self.table();
        match start(&launch) {
            Ok(pid) => {
                table.attempts.insert(pid, Attempt { id, cookie: launch.cookie });
                self.spawned.notify_all();
            }
            Err(error) => {
                drop(table);
                let program = launch.argv.first().map_or("", String::as_str);
                self.reply(id, Ending::DidNotStart(format!("`{program}`: {error}")));
            }
        }
    }

    fn signal(&self, id: u64, signal: Signal) {
        let table = self.table();
        let Some((&pid, attempt)) = table.attempts.iter().find(|(_, attempt)| attempt.id == id)
        else {
            return;
        };
        match signal {
            Signal::Terminate => {
                if let Some(group) = Pid::from_raw(pid) {
                    let _ =
                        rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
                }
            }
            // The root dies with the rest; the reaper then sees to what is left.
            Signal::Kill => kill_tree(
                &|process| {
                    process.pid == pid
                        || process.group == pid
                        || process.cookie.as_deref() == Some(&attempt.cookie)
                },
                pid,
            ),
        }
    }

    /// Waits for children for ever.
    fn reap(&self) {
        loop {
            // Looks without reaping, then reaps under the lock: a process that ends at once is
            // in the table by then.
            match rustix::process::waitid(
                WaitId::All,
                WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
            ) {
                Ok(_) => {
                    let mut table = self.table();
                    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
                        let pid = pid.as_raw_nonzero().get();
                        let Some(attempt) = table.attempts.remove(&pid) else { continue };
                        sweep(&table, pid, &attempt);
                        let ending = match (status.exit_status(), status.terminating_signal()) {
                            (Some(code), _) => Ending::Exited(code),
                            (None, Some(signal)) => Ending::Signaled(signal),
                            (None, None) => Ending::Lost,
                        };
                        self.reply(attempt.id, ending);
                    }
                }
                Err(_) => {
                    let table = self.table();
                    if table.attempts.is_empty() {
                        drop(self.spawned.wait_timeout(table, Duration::from_secs(1)));
                    }
                }
            }
        }
    }

    /// The other side is gone: nothing below us may live on.
    fn kill_everything(&self) {
        let roots: Vec<i32> = self.table().attempts.keys().copied().collect();
        for pid in roots {
            if let Some(group) = Pid::from_raw(pid) {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
        }
        let me = std::process::id().cast_signed();
        kill_tree(&|_| false, me);
    }
}

fn start(launch: &Launch) -> io::Result<i32> {
    // Where a link was put, it is not followed.
    let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let open = |path: &Path| {
        OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(flags).open(path)
    };
    let output = open(&launch.output)?;
    let errors = match &launch.errors {
        Some(path) => open(path)?,
        None => output.try_clone()?,
    };
    let stdin = match &launch.stdin {
        Some(path) => Stdio::from(File::open(path)?),
        None => Stdio::null(),
    };
    let Some((program, arguments)) = launch.argv.split_first() else {
        return Err(io::Error::other("no program"));
    };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&launch.folder).env_clear();
    command
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        .env(COOKIE, &launch.cookie);
    command.stdin(stdin).stdout(output).stderr(errors).process_group(0);
    let child = match &launch.confine {
        Some(confine) => super::confine::spawn(confine, &mut command),
        None => command.spawn(),
    };
    child.map(|child| child.id().cast_signed())
}

/// An attempt's process has ended: ends what it left behind.
fn sweep(table: &Table, root: i32, attempt: &Attempt) {
    let known: BTreeSet<i32> = table.attempts.keys().copied().collect();
    let strangers: Vec<i32> = children().into_iter().filter(|pid| !known.contains(pid)).collect();
    if strangers.is_empty() {
        return;
    }
    let living: BTreeSet<&str> =
        table.attempts.values().map(|attempt| attempt.cookie.as_str()).collect();
    let belongs = |process: &Process| {
        let mine = process.group == root || process.cookie.as_deref() == Some(&attempt.cookie);
        // With no attempt left that it could belong to, it belonged to this one.
        let of_another = process.cookie.as_deref().is_some_and(|cookie| living.contains(cookie))
            || known.contains(&process.group);
        mine || (known.is_empty() && !of_another)
    };
    kill_tree(&belongs, root);
}

/// A line of `/proc`.
struct Process {
    pid: i32,
    parent: i32,
    group: i32,
    zombie: bool,
    cookie: Option<String>,
}

/// Kills the descendants of a process, itself included unless it is this one, and all for which
/// `belongs` holds, until none is left.
fn kill_tree(belongs: &dyn Fn(&Process) -> bool, root: i32) {
    let me = std::process::id().cast_signed();
    for _ in 0..200 {
        let all = processes();
        let mut doomed: BTreeSet<i32> = BTreeSet::from([root]);
        // Below us only: a process group or a cookie elsewhere is none of ours.
        let mut ours: BTreeSet<i32> = BTreeSet::from([me]);
        loop {
            let before = doomed.len() + ours.len();
            for process in &all {
                if ours.contains(&process.parent) {
                    ours.insert(process.pid);
                    if doomed.contains(&process.parent) || belongs(process) {
                        doomed.insert(process.pid);
                    }
                }
            }
            if before == doomed.len() + ours.len() {
                break;
            }
        }
        let living = all.iter().filter(|process| {
            doomed.contains(&process.pid)
                && process.pid != me
                && !process.zombie
                && ours.contains(&process.pid)
        });
        let mut any = false;
        for process in living {
            any = true;
            if let Some(pid) = Pid::from_raw(process.pid) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        if !any {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The children of this process, by all of its threads.
fn children() -> Vec<i32> {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let lists = threads
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()
        })
        .collect()
}

fn processes() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(process).collect()
}

fn process(pid: i32) -> Option<Process> {
    let Stat { fields, .. } = stat(pid)?;
    let number = |at: usize| fields.get(at)?.parse().ok();
    let (state, parent, group) = (fields.first()?, number(1)?, number(2)?);
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let prefix = format!("{COOKIE}=");
    let cookie = environment
        .split(|byte| *byte == 0)
        .find_map(|entry| entry.strip_prefix(prefix.as_bytes()));
    Some(Process {
        pid,
        parent,
        group,
        zombie: state == "Z",
        cookie: cookie.map(|value| String::from_utf8_lossy(value).into_owned()),
    })
}

/// The locks of the wardens that a process was started by, however many others stand between: none of them can
/// leave its warden, because that adopts them. Nothing of one that is gone: it may have been anybody's.
pub fn above(pid: i32) -> Option<Vec<PathBuf>> {
    // Where there are no processes to be seen, nobody is known.
    if !Path::new("/proc/self/stat").exists() {
        return Some(Vec::new());
    }
    let (mut next, mut locks) = (pid, Vec::new());
    while next > 1 {
        let process = process(next)?;
        let command = std::fs::read(format!("/proc/{next}/cmdline")).ok()?;
        let mut words = command.split(|byte| *byte == 0).skip(1);
        if words.next() == Some(ARGUMENT.as_bytes()) {
            locks.extend(words.next().map(|lock| PathBuf::from(OsStr::from_bytes(lock))));
        }
        next = process.parent;
    }
    (pid > 0).then_some(locks)
}

/// Ends what a former warden left running, by its control group and by the cookies of an execution's folder
/// (names of executions may be the same in two workspaces). Only needed where the
/// warden itself was killed; gives how many there were.
pub fn kill_orphans(folder: &Path, lock: &Path) -> usize {
    let me = std::process::id().cast_signed();
    let prefix = format!("{}/", folder.display());
    let mut count = super::cgroup::end_former(lock);
    for _ in 0..50 {
        let orphans = processes().into_iter().filter(|p| {
            p.pid != me
                && !p.zombie
                && p.cookie.as_deref().is_some_and(|cookie| cookie.starts_with(&prefix))
        });
        let mut any = false;
        for orphan in orphans {
            any = true;
            count += 1;
            if let Some(pid) = Pid::from_raw(orphan.pid) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        if !any {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    count
}
