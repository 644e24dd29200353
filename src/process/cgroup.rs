//! A control group of the warden's own (`cgroups(7)`, version 2): what is started in it stays in it, whatever
//! it does to its session, its parents and its environment, so also the next process can end it where the
//! warden was killed too. Where there is none, or it may not be changed, the other ways have to do.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge that makes and ends control groups"
)]

use sha2::{Digest, Sha256};
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// What the names of our groups begin with.
const PREFIX: &str = "execution-coordinator-";

/// The group that this process is in.
pub struct Group {
    path: PathBuf,
    /// The file that names it.
    note: PathBuf,
}

/// Enters a group of its own below the one that this process is in, and notes its path beside a lock. None
/// where that can't be.
pub fn enter(lock: &Path) -> Option<Group> {
    let list = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = list.lines().find_map(|line| line.strip_prefix("0::"))?;
    let path = mount()?.join(own.trim_start_matches('/')).join(format!(
        "{PREFIX}{}-{}",
        std::process::id(),
        mark(lock)
    ));
    let group = Group { note: note(lock), path };
    // First on record, so that no group is left of which nobody knows; and never through a link.
    drop(std::fs::remove_file(&group.note));
    let mut note = OpenOptions::new().write(true).create_new(true).open(&group.note).ok()?;
    note.write_all(group.path.as_os_str().as_encoded_bytes()).ok()?;
    let entered = std::fs::create_dir(&group.path).and_then(|()| into(&group.path));
    if entered.is_err() {
        group.remove();
        return None;
    }
    Some(group)
}

impl Group {
    /// Leaves it, and removes it where nothing else is in it.
    pub fn leave(self) {
        drop(self.path.parent().map(into));
        self.remove();
    }

    fn remove(&self) {
        if std::fs::remove_dir(&self.path).is_ok() || !self.path.exists() {
            drop(std::fs::remove_file(&self.note));
        }
    }
}

/// Ends all that a former warden left in its group. Gives how many there were.
pub fn end_former(lock: &Path) -> usize {
    let note = note(lock);
    let mut path = String::new();
    if super::open_kept(&note).and_then(|mut note| note.read_to_string(&mut path)).is_err() {
        return 0;
    }
    let path = PathBuf::from(path);
    // Made for just this, since the system was started.
    let is_ours = path
        .file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(&mark(lock)));
    let leads_on = path.components().any(|part| part == Component::ParentDir)
        || std::fs::canonicalize(&path).is_ok_and(|real| real != path);
    if !is_ours || leads_on || !mount().is_some_and(|mount| path.starts_with(mount)) {
        return 0;
    }
    let group = Group { path, note };
    let living = || {
        std::fs::read_to_string(group.path.join("cgroup.procs"))
            .map_or(0, |list| list.lines().count())
    };
    let count = living();
    let kill =
        || OpenOptions::new().write(true).open(group.path.join("cgroup.kill"))?.write_all(b"1");
    if count > 0 && kill().is_ok() {
        // The kernel takes a moment.
        (0..200)
            .take_while(|_| living() > 0)
            .for_each(|_| std::thread::sleep(Duration::from_millis(5)));
    }
    group.remove();
    count
}

fn into(path: &Path) -> io::Result<()> {
    std::fs::write(path.join("cgroup.procs"), std::process::id().to_string())
}

/// What tells the groups of one lock, since the system was started, from all others.
fn mark(lock: &Path) -> String {
    let since = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digest = Sha256::new()
        .chain_update(lock.as_os_str().as_encoded_bytes())
        .chain_update(since)
        .finalize();
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn note(lock: &Path) -> PathBuf {
    lock.with_extension("cgroup")
}

/// Where the groups of version 2 are.
fn mount() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let of_groups =
        |line: &&str| line.split(" - ").nth(1).is_some_and(|kind| kind.starts_with("cgroup2 "));
    mounts.lines().find(of_groups)?.split(' ').nth(4).map(PathBuf::from)
}
