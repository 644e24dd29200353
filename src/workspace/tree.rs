//! The digest of a tree: what a gate's verdict is about.
//!
//! SHA-256 over the paths, modes and contents of all files that git would not ignore, without
//! our own state and without the reports that gates write. Contents are hashed again only where
//! size or time of a file changed, and always when it changed within the last two seconds, in
//! which a change need not show in its time.
#![expect(clippy::disallowed_methods, reason = "this is the edge that reads the tree")]

use super::{STATE_FOLDER, pipes};
use crate::process::open_kept;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Files that changed so recently are hashed again.
const RACY: Duration = Duration::from_secs(2);
/// Files named in a list of changes, at the most.
const MAX_CHANGES: usize = 200;

type Hash = [u8; 32];
/// Size, time of change and content of a file as it was seen last.
type Seen = (u64, i64, i64, Hash);

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
}

impl Trees {
    /// For a workspace; `left_out` are files that gates write, relative to it.
    pub fn new(root: &Path, left_out: Vec<PathBuf>) -> Self {
        Self { root: root.to_owned(), left_out: Arc::new(left_out), known: Arc::default() }
    }

    /// Those of another folder, with what is known of files already.
    pub fn of(&self, root: &Path) -> Self {
        Self { root: root.to_owned(), ..self.clone() }
    }

    /// The tree as it is now. Files that can't be read are left out.
    pub fn now(&self) -> Tree {
        let mut files = BTreeMap::new();
        // A worktree in the folder of states is under its `.gitignore` for us, though not for git: the walk
        // begins at its top and looks at nothing above.
        let is_place = self.root.components().any(|part| part.as_os_str() == STATE_FOLDER);
        let top = self.root.ancestors().find(|folder| folder.join(".git").exists()).filter(|_| is_place).unwrap_or(&self.root);
        // The filter below is not asked about the top itself.
        pipes::remove_in(top);
        let mut builder = ignore::WalkBuilder::new(top);
        builder.hidden(false).require_git(false).parents(!is_place).follow_links(false);
        builder.git_exclude(pipes::exclude_is_readable(top));
        let root = self.root.clone();
        builder.filter_entry(move |entry| {
            let inside = entry.path().starts_with(&root) || root.starts_with(entry.path());
            if inside && entry.file_type().is_some_and(|kind| kind.is_dir()) {
                // The walk reads what a folder ignores as soon as it enters it.
                pipes::remove_in(entry.path());
            }
            inside && entry.file_name() != ".git" && entry.file_name() != STATE_FOLDER
        });
        let recent = SystemTime::now()
            .checked_sub(RACY)
            .and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok())
            .map_or(0, |at| at.as_secs().cast_signed());
        for entry in builder.build().flatten() {
            let Ok(meta) = entry.path().symlink_metadata() else { continue };
            let Ok(relative) = entry.path().strip_prefix(&self.root) else { continue };
            // Neither folders nor pipes, sockets and devices: reading one could wait for ever.
            if !(meta.is_file() || meta.is_symlink()) || self.left_out.iter().any(|path| path == relative) {
                continue;
            }
            let mut hasher = Sha256::new();
            hasher.update([u8::from(meta.mode() & 0o111 != 0), u8::from(meta.is_symlink())]);
            if meta.is_symlink() {
                let target = std::fs::read_link(entry.path()).unwrap_or_default();
                hasher.update(target.as_os_str().as_encoded_bytes());
            } else {
                let Some(content) = self.content(entry.path(), &meta, recent) else { continue };
                hasher.update(content);
            }
            files.insert(relative.to_owned(), hasher.finalize().into());
        }
        Tree { files }
    }

    fn content(&self, path: &Path, meta: &std::fs::Metadata, recent: i64) -> Option<Hash> {
        let known = |this: &Self| this.known.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied();
        let (size, seconds, nanos) = (meta.len(), meta.mtime(), meta.mtime_nsec());
        if let Some((_, _, _, hash)) = known(self).filter(|(s, t, n, _)| (*s, *t, *n) == (size, seconds, nanos) && seconds < recent) {
            return Some(hash);
        }
        let mut bytes = Vec::new();
        open_kept(path).and_then(|mut file| file.read_to_end(&mut bytes)).ok()?;
        let hash: Hash = Sha256::digest(bytes).into();
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), (size, seconds, nanos, hash));
        Some(hash)
    }
}

impl Tree {
    /// Its digest.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for (path, hash) in &self.files {
            hasher.update(path.as_os_str().as_encoded_bytes());
            hasher.update([0]);
            hasher.update(hash);
        }
        let bytes: Hash = hasher.finalize().into();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The files that are new, gone or different in another tree.
    pub fn changes(&self, after: &Tree) -> Vec<String> {
        let changed = after.files.iter().filter(|(path, hash)| self.files.get(*path) != Some(hash)).map(|(path, _)| path);
        let gone = self.files.keys().filter(|path| !after.files.contains_key(*path));
        changed.chain(gone).take(MAX_CHANGES).map(|path| path.display().to_string()).collect()
    }
}
