//! The workspace's own programs by which agents run, and the template of briefs, hold as they were when the run began: an
//! attempt does not change who carries out or reviews the next one, or what that is told.

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
    pub fn from_config(config: &Config, root: &Path) -> Self {
        let scripts = Self::default();
        for word in
            config.agents.values().flat_map(|agent| &agent.command).chain(&config.briefs.template)
        {
            // What is new is not changed.
            drop(scripts.unchanged(root, word));
        }
        scripts
    }

    /// The files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// A word of a command as an absolute path, where it is a file of the workspace that is what it was; nothing where it is
    /// something else.
    ///
    /// # Errors
    /// It is not what it was: a sentence.
    pub fn unchanged(&self, root: &Path, word: &str) -> Result<Option<String>, String> {
        // `npm test` means no file of that name.
        let is_path = !word.starts_with('-') && word.contains(['/', '.']);
        let path = root.join(word);
        if !is_path || !path.starts_with(root) {
            return Ok(None);
        }
        let read = path.canonicalize().and_then(|path| open_kept(&path));
        let Some(digest) = read.ok().and_then(|mut file| digest_of(&mut file).ok()) else {
            return Ok(None);
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *known.entry(path.clone()).or_insert_with(|| digest.clone()) == digest {
            return Ok(Some(path.display().to_string()));
        }
        Err(format!(
            "{word} is not what it was when this run began, and an attempt may have changed it: look at it, then run it again"
        ))
    }
}
