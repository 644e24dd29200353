//! Says that a breakdown or the config on disk now reads thus.

use notify::{RecursiveMode, Watcher};
use std::path::{Path, PathBuf};

/// Keeps watching as long as it lives.
pub struct Watch {
    _watcher: notify::RecommendedWatcher,
}

/// Calls `changed` with each of the files that was written, replaced or removed. Folders are
/// watched, not files: editors replace a file by renaming another one over it.
///
/// # Errors
/// The system can't watch, for example because it watches too much already.
pub fn watch(files: &[PathBuf], changed: impl Fn(&Path) + Send + 'static) -> notify::Result<Watch> {
    let watched: Vec<PathBuf> = files.to_vec();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        if event.kind.is_access() {
            return;
        }
        for file in watched.iter().filter(|file| event.paths.contains(file)) {
            changed(file);
        }
    })?;
    let folders: std::collections::BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
    for folder in folders {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(Watch { _watcher: watcher })
}
