//! The workspace's own programs by which agents run hold as they were when the run began: an attempt does not change who
//! carries out or reviews the next one.

use crate::config::Config;
use crate::process::open_kept;
use crate::workspace::tree::digest_of;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Their digests, by their paths.
#[derive(Clone, Default)]
pub struct Scripts(Arc<Mutex<BTreeMap<PathBuf, String>>>);

impl Scripts {
    /// Those of a config's agents, as they are now.
    pub fn of(config: &Config, root: &Path) -> Self {
        let scripts = Self::default();
        for word in config.agents.values().flat_map(|agent| &agent.command) {
            // What is new is not changed.
            drop(scripts.is_unchanged(root, word));
        }
        scripts
    }

    /// Whether a word of a command, where it is a file of the workspace, is what it was.
    ///
    /// # Errors
    /// It is not: a sentence.
    pub fn is_unchanged(&self, root: &Path, word: &str) -> Result<(), String> {
        let path = root.join(word);
        if word.starts_with('-') || !path.starts_with(root) {
            return Ok(());
        }
        let read = path.canonicalize().and_then(|path| open_kept(&path));
        let Some(digest) = read.ok().and_then(|mut file| digest_of(&mut file).ok()) else { return Ok(()) };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *known.entry(path).or_insert_with(|| digest.clone()) == digest {
            return Ok(());
        }
        Err(format!("{word} is not what it was when this run began, and an attempt may have changed it: look at it, then run it again"))
    }
}
