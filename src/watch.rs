//! Says that a file on disk is no longer what it was.
//!
//! The system's word only makes us look; what counts is what a look finds. So an editor's save
//! dance, an atomic replacement, a folder that appears later, a word that never came and a file
//! system that gives none all come out the same: one call for each change.
#![expect(clippy::disallowed_methods, reason = "this is the edge that looks at files")]

use notify::{RecursiveMode, Watcher};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it looks without being told to.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long it waits for a save to be over.
const SETTLE: Duration = Duration::from_millis(5);

/// How deep a whole folder is looked at.
pub const MAX_DEPTH: usize = 4;
/// How much of it.
pub const MAX_ENTRIES: usize = 50_000;

/// How long a file has to be gone until that is told.
const GONE: Duration = Duration::from_millis(500);

/// Keeps watching as long as it lives.
pub struct Watch {
    files: Arc<Mutex<BTreeMap<PathBuf, Seen>>>,
    wake: Sender<()>,
}

/// A file as it was when it was last told of.
struct Seen {
    /// Whether it is a folder with all that is below it.
    whole: bool,
    print: Print,
    /// Since when it is gone without that having been told: editors take a file away for a moment
    /// while they save.
    gone: Option<Instant>,
}

/// What tells one content of a file from another without reading it; none for no file.
type Print = Option<(u64, u64, i64, i64)>;

impl Watch {
    /// Watches nothing yet; `changed` is called from a thread of its own with each file or folder
    /// that is not what it was.
    pub fn new(changed: impl FnMut(&Path) + Send + 'static) -> Self {
        let files: Arc<Mutex<BTreeMap<PathBuf, Seen>>> = Arc::default();
        let (wake, woken) = channel();
        let shared = files.clone();
        let told = wake.clone();
        std::thread::spawn(move || {
            let mut changed = changed;
            let mut eyes = Eyes { watcher: watcher(told), folders: BTreeSet::new() };
            loop {
                for file in look(&shared, &mut eyes) {
                    changed(&file);
                }
                match woken.recv_timeout(LOOK_EVERY) {
                    Ok(()) => {
                        std::thread::sleep(SETTLE);
                        while woken.try_recv().is_ok() {}
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                // The watcher holds a sender too: what ends us is that nobody holds the files.
                if Arc::strong_count(&shared) == 1 {
                    return;
                }
            }
        });
        Self { files, wake }
    }

    /// Watches a file or a folder too, from what it is now.
    pub fn add(&self, file: &Path) {
        self.insert(file, false, || print_of(file, false).0);
    }

    /// Watches a file that was read a moment ago, or a folder with all below it but for what begins with a dot: it is
    /// told of once in any case, as it may have changed since.
    pub fn add_read(&self, file: &Path, whole: bool) {
        self.insert(file, whole, || Some((0, 0, 0, 0)));
    }

    /// Of whole folders, watches only these from now on.
    pub fn keep_folders(&self, wanted: &[PathBuf]) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|file, seen| !seen.whole || wanted.contains(file));
    }

    fn insert(&self, file: &Path, whole: bool, print: impl FnOnce() -> Print) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if !files.contains_key(file) {
            files.insert(file.to_owned(), Seen { whole, print: print(), gone: None });
            let _ = self.wake.send(());
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.wake.send(());
    }
}

struct Eyes {
    watcher: Option<notify::RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
}

fn watcher(told: Sender<()>) -> Option<notify::RecommendedWatcher> {
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            let _ = told.send(());
        }
    });
    watcher.ok()
}

/// Compares everything with what it was. Folders are watched, not files: editors replace a file
/// by renaming another one over it. Nobody has to wait while it looks: only what it found is told under the lock.
fn look(files: &Mutex<BTreeMap<PathBuf, Seen>>, eyes: &mut Eyes) -> Vec<PathBuf> {
    let lock = || files.lock().unwrap_or_else(PoisonError::into_inner);
    let known: Vec<(PathBuf, bool)> =
        lock().iter().map(|(file, seen)| (file.clone(), seen.whole)).collect();
    let mut changed = Vec::new();
    for (file, whole) in known {
        let folder = if file.is_dir() { &file } else { file.parent().unwrap_or(&file) };
        let (now, below) = print_of(&file, whole);
        for folder in std::iter::once(folder).chain(below.iter().map(PathBuf::as_path)) {
            if let Some(watcher) = &mut eyes.watcher
                && !eyes.folders.contains(folder)
                && watcher.watch(folder, RecursiveMode::NonRecursive).is_ok()
            {
                eyes.folders.insert(folder.to_owned());
            }
        }
        let mut files = lock();
        let Some(known) = files.get_mut(&file) else { continue };
        if now.is_none()
            && known.print.is_some()
            && known.gone.get_or_insert_with(Instant::now).elapsed() < GONE
        {
            continue;
        }
        known.gone = None;
        if now != known.print {
            known.print = now;
            changed.push(file);
        }
    }
    // A folder that was removed is watched no more, even if one of its name appears later; nor is one that nobody wants.
    let wanted: Vec<(PathBuf, bool)> =
        lock().iter().map(|(file, seen)| (file.clone(), seen.whole)).collect();
    let near: BTreeSet<&Path> = wanted
        .iter()
        .flat_map(|(file, _)| [Some(file.as_path()), file.parent()])
        .flatten()
        .collect();
    let wholes: Vec<&PathBuf> =
        wanted.iter().filter(|(_, whole)| *whole).map(|(file, _)| file).collect();
    let is_wanted = |folder: &PathBuf| {
        near.contains(folder.as_path()) || wholes.iter().any(|whole| folder.starts_with(whole))
    };
    let (kept, gone): (BTreeSet<PathBuf>, BTreeSet<PathBuf>) =
        std::mem::take(&mut eyes.folders).into_iter().partition(is_wanted);
    eyes.folders = kept.into_iter().filter(|folder| folder.exists()).collect();
    for folder in gone {
        eyes.watcher.iter_mut().for_each(|watcher| drop(watcher.unwatch(&folder)));
    }
    changed
}

/// What a file is like now; of a whole folder, what all below it is like, with the folders in it.
fn print_of(file: &Path, whole: bool) -> (Print, Vec<PathBuf>) {
    let print = |meta: std::fs::Metadata| (meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec());
    let Ok(own) = file.metadata().map(print) else { return (None, Vec::new()) };
    if !whole {
        return (Some(own), Vec::new());
    }
    let (mut sum, mut folders) = (0_u64, Vec::new());
    let walk = ignore::WalkBuilder::new(file)
        .standard_filters(false)
        .hidden(true)
        .max_depth(Some(MAX_DEPTH))
        .build();
    for entry in walk.flatten().take(MAX_ENTRIES) {
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() {
            folders.push(entry.path().to_owned());
        }
        // Entries come in whatever order, and a sum has none.
        let mut one = DefaultHasher::new();
        (entry.path(), print(meta)).hash(&mut one);
        sum = sum.wrapping_add(one.finish());
    }
    (Some((own.0, sum, own.2, own.3)), folders)
}
