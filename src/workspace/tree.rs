//! The digest of a tree: what a gate's verdict is about.
//!
//! SHA-256 over the paths, modes and contents of all files that would be committed: in a repository those that git
//! tracks, ignored or not, and those that it does not ignore; elsewhere those that no `.gitignore` names. Our own state
//! and the reports that gates write are no part of it. Contents are hashed again only where size or times of a file
//! changed, and always when they changed within the last two seconds, in which a change need not show in its times.
#![expect(clippy::disallowed_methods, reason = "this is the edge that reads the tree")]

use super::files::{is_in_worktree, names_in};
use super::git::Git;
use super::{STATE_FOLDER, pipes};
use crate::core::outcome::MOST_FILES;
use crate::process::open_kept;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Files that changed so recently are hashed again.
const RACY: Duration = Duration::from_secs(2);
/// A file's times are those of the last tick of the system's clock.
const TICK: Duration = Duration::from_millis(20);
/// Files named in a list of those that git ignores, at most.
const MOST_IGNORED: usize = 200;
/// So much of a file is in memory at a time.
const CHUNK_BYTES: usize = 64 * 1024;

type Hash = [u8; 32];
/// Size, times of change (of its content, of itself) and content of a file as it was seen last.
type Seen = (u64, [(i64, i64); 2], Hash);

/// Takes digests of one workspace, remembering what it hashed.
#[derive(Clone)]
pub struct Trees {
    root: PathBuf,
    left_out: Arc<Vec<PathBuf>>,
    known: Arc<Mutex<HashMap<PathBuf, Seen>>>,
}

/// A tree as it was at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    files: BTreeMap<PathBuf, Hash>,
    /// Those that git tracks; all of them where there is no repository.
    tracked: BTreeSet<PathBuf>,
}

impl Trees {
    /// For a workspace; `left_out` are files that gates write, relative to it.
    pub fn new(root: &Path, left_out: Vec<PathBuf>) -> Self {
        Self { root: root.to_owned(), left_out: Arc::new(left_out), known: Arc::default() }
    }

    /// Those of another folder, with what is known of files already.
    pub fn at(&self, root: &Path) -> Self {
        Self { root: root.to_owned(), ..self.clone() }
    }

    /// The tree as it is now. Files that can't be read are left out.
    pub fn now(&self) -> Tree {
        // A place that has lost its repository is in none: above it is the user's own.
        let is_ours =
            |folder: &Path| folder.components().any(|part| part.as_os_str() == STATE_FOLDER);
        let top =
            self.root.ancestors().find(|folder| folder.join(".git").symlink_metadata().is_ok());
        let top = top.filter(|top| is_ours(top) == is_ours(&self.root));
        // Git would wait for ever for a pipe.
        pipes::remove_below(&self.root);
        let above = self
            .root
            .ancestors()
            .skip(1)
            .take_while(|folder| top.is_some_and(|top| folder.starts_with(top)));
        above.for_each(pipes::remove_in);
        let listed =
            top.map(|top| if pipes::git_is_readable(top) { self.by_git(top) } else { None });
        let (paths, tracked) = match listed {
            Some(Some(listed)) => listed,
            // What git can't tell of a worktree may all be part of it.
            Some(None) => (files_below(&self.root, !is_in_worktree(&self.root)), BTreeSet::new()),
            None => (files_below(&self.root, true), BTreeSet::new()),
        };
        let recent = SystemTime::now()
            .checked_sub(RACY)
            .and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok())
            .map_or(0, |at| at.as_secs().cast_signed());
        let mut files = BTreeMap::new();
        for path in paths {
            let Ok(relative) = path.strip_prefix(&self.root) else { continue };
            let is_ours = relative.components().any(|part| part.as_os_str() == STATE_FOLDER);
            if is_ours || self.left_out.iter().any(|path| path == relative) {
                continue;
            }
            let Some(hash) = self.hash(&path, recent) else { continue };
            files.insert(relative.to_owned(), hash);
        }
        let tracked = if top.is_some() { tracked } else { files.keys().cloned().collect() };
        Tree { files, tracked }
    }

    /// The files that git tracks or does not ignore, and the former among them, as git names them. What is another
    /// repository in it is taken as a whole.
    fn by_git(&self, top: &Path) -> Option<(Vec<PathBuf>, BTreeSet<PathBuf>)> {
        // Nothing above the top is asked: above a worktree is the user's own checkout.
        let git = Git::below(top.parent()?, &self.root);
        let list = |arguments: &[&str]| -> Option<Vec<PathBuf>> {
            let listed = git.output(arguments).ok().filter(|listed| listed.status.success())?;
            Some(names_in(&listed.stdout).collect())
        };
        let mut tracked: BTreeSet<PathBuf> =
            list(&["ls-files", "-z", "--cached"])?.into_iter().collect();
        // What somebody has only taken out of the index is there as before.
        tracked.extend(list(&["ls-tree", "-r", "-z", "--name-only", "HEAD"]).into_iter().flatten());
        let others = list(&["ls-files", "-z", "--others", "--exclude-standard"])?;
        let mut paths = Vec::new();
        for name in tracked.iter().chain(&others) {
            let path = self.root.join(name);
            match path.symlink_metadata() {
                Ok(found) if found.is_dir() => paths.extend(files_below(&path, false)),
                _ => paths.push(path),
            }
        }
        Some((paths, tracked))
    }

    /// What stands for a file: whether it can be run, whether it is a link, and its content.
    fn hash(&self, path: &Path, recent: i64) -> Option<Hash> {
        let meta = path.symlink_metadata().ok()?;
        let mut hasher = Sha256::new();
        hasher.update([u8::from(meta.mode() & 0o111 != 0), u8::from(meta.is_symlink())]);
        if meta.is_symlink() {
            hasher.update(std::fs::read_link(path).ok()?.as_os_str().as_encoded_bytes());
        } else if meta.is_file() {
            hasher.update(self.content(path, &meta, recent)?);
        } else {
            // Pipes, sockets and devices are in no commit, and reading one could wait for ever.
            return None;
        }
        Some(hasher.finalize().into())
    }

    fn content(&self, path: &Path, meta: &std::fs::Metadata, recent: i64) -> Option<Hash> {
        let known = |this: &Self| {
            this.known.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied()
        };
        let (size, times) =
            (meta.len(), [(meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec())]);
        let is_old = times.iter().all(|(seconds, _)| *seconds < recent);
        if let Some((.., hash)) =
            known(self).filter(|(s, t, _)| (*s, *t) == (size, times) && is_old)
        {
            return Some(hash);
        }
        let hash: Hash = hashed(&mut open_kept(path).ok()?).ok()?.finalize().into();
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned(), (size, times, hash));
        Some(hash)
    }
}

impl Trees {
    /// What an answer names of that is there and that a tree after it does not have, because it is ignored: files, and folders
    /// of which the tree has nothing.
    pub fn ignored(&self, after: &Tree, named: &[String]) -> BTreeSet<String> {
        let named = named.iter().map(|name| Path::new(name.trim_end_matches('/')));
        let ignored = named.filter(|path| self.is_work(path) && self.root.join(path).exists());
        ignored
            .filter_map(|path| after.lacks(path))
            .map(|path| path.display().to_string())
            .collect()
    }

    /// The same of what was written since a time.
    pub fn wrote_ignored(&self, after: &Tree, since: SystemTime) -> BTreeSet<String> {
        let since = since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let changed = |meta: &std::fs::Metadata| {
            let nanos = u32::try_from(meta.ctime_nsec()).unwrap_or(0);
            Duration::new(u64::try_from(meta.ctime()).unwrap_or(0), nanos) + TICK
        };
        let mut found = BTreeSet::new();
        for path in files_below(&self.root, false) {
            let Some(relative) =
                path.strip_prefix(&self.root).ok().filter(|relative| self.is_work(relative))
            else {
                continue;
            };
            let whole = after.lacks(relative).map(|whole| whole.display().to_string());
            let Some(whole) = whole.filter(|whole| !found.contains(whole)) else { continue };
            if path.symlink_metadata().is_ok_and(|meta| meta.is_file() && changed(&meta) >= since) {
                found.insert(whole);
                if found.len() == MOST_IGNORED {
                    break;
                }
            }
        }
        found
    }

    /// Whether a path in the workspace can be somebody's work: neither git's, nor ours, nor a report of a gate.
    fn is_work(&self, path: &Path) -> bool {
        path.components().all(|part| matches!(part, Component::Normal(name) if name != ".git" && name != STATE_FOLDER))
            && !self.left_out.iter().any(|left_out| left_out == path)
    }
}

/// All files below a folder but those of git and ours; where that is wanted, without those that a `.gitignore` in it
/// names. What other tools ignore, and what stands above, means nothing.
fn files_below(folder: &Path, without_ignored: bool) -> Vec<PathBuf> {
    let mut walk = ignore::WalkBuilder::new(folder);
    walk.standard_filters(false).git_ignore(without_ignored).require_git(false).follow_links(false);
    walk.filter_entry(|entry| entry.file_name() != ".git" && entry.file_name() != STATE_FOLDER);
    let is_file = |entry: &ignore::DirEntry| entry.file_type().is_some_and(|kind| !kind.is_dir());
    walk.build().flatten().filter(is_file).map(ignore::DirEntry::into_path).collect()
}

impl Tree {
    /// The topmost folder above a path of which nothing is in it, or the path itself; nothing where that is in it.
    pub fn lacks<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        let has = |path: &Path| {
            self.files
                .range(path.to_owned()..)
                .next()
                .is_some_and(|(file, _)| file.starts_with(path))
        };
        path.ancestors()
            .filter(|above| !above.as_os_str().is_empty())
            .take_while(|above| !has(above))
            .last()
    }

    /// Its digest.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for (path, hash) in &self.files {
            hasher.update(path.as_os_str().as_encoded_bytes());
            hasher.update([0]);
            hasher.update(hash);
        }
        hex(hasher)
    }

    /// The files that git tracks, or that there were where there is no repository, and that are gone or different in
    /// another tree.
    pub fn disturbed(&self, after: &Tree) -> Vec<PathBuf> {
        let is_other = |(path, hash): &(&PathBuf, &Hash)| {
            self.tracked.contains(*path) && after.files.get(*path) != Some(*hash)
        };
        self.files.iter().filter(is_other).map(|(path, _)| path.clone()).collect()
    }

    /// The files that are new, gone or different in another tree.
    pub fn changes(&self, after: &Tree) -> Vec<String> {
        let changed = after
            .files
            .iter()
            .filter(|(path, hash)| self.files.get(*path) != Some(hash))
            .map(|(path, _)| path);
        let gone = self.files.keys().filter(|path| !after.files.contains_key(*path));
        changed.chain(gone).take(MOST_FILES).map(|path| path.display().to_string()).collect()
    }
}

fn hashed(file: &mut impl Read) -> io::Result<Sha256> {
    let (mut hasher, mut chunk) = (Sha256::new(), vec![0; CHUNK_BYTES]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hasher),
            read => hasher.update(&chunk[..read]),
        }
    }
}

/// The digest of a file, read piece by piece.
///
/// # Errors
/// It can't be read.
pub fn digest_of(file: &mut impl Read) -> io::Result<String> {
    hashed(file).map(hex)
}

/// A digest as it is written.
pub fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
