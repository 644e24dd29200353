//! Submodules in places: filled from those of the user's own checkout, so that nothing is fetched; and what is
//! done in one is brought there again, so that no commit of the result is known in a place only.

use super::git::Git;
use std::path::{Path, PathBuf};

/// One that the user has filled.
pub struct Submodule {
    name: String,
    /// In the tree.
    path: String,
    /// The user's own repository of it.
    home: PathBuf,
}

/// Those of a tree that the user has filled; one that they have not is not needed.
///
/// # Errors
/// What git says.
pub fn of(inside: &Git, common: &Path) -> Result<Vec<Submodule>, String> {
    if !inside.folder().join(".gitmodules").is_file() {
        return Ok(Vec::new());
    }
    let names =
        inside.run(&["config", "--file", ".gitmodules", "--name-only", "--get-regexp", "^submodule\\..*\\.path$"]).unwrap_or_default();
    let mut found = Vec::new();
    for key in names.lines() {
        let name = key.trim_start_matches("submodule.").trim_end_matches(".path").to_owned();
        let path = inside.run(&["config", "--file", ".gitmodules", "--get", key])?;
        let home = common.join("modules").join(&name);
        // A name is text of the repository: it leads nowhere else.
        if home.is_dir() && !Path::new(&name).components().any(|part| part.as_os_str() == "..") {
            found.push(Submodule { name, path, home });
        }
    }
    Ok(found)
}

impl Submodule {
    /// Fills it in a tree.
    ///
    /// # Errors
    /// What git says.
    pub fn fill(&self, inside: &Git) -> Result<(), String> {
        let url = format!("submodule.{}.url={}", self.name, self.home.display());
        inside
            .run(&["-c", "protocol.file.allow=always", "-c", &url, "submodule", "--quiet", "update", "--init", "--", &self.path])
            .map(drop)
    }

    /// Commits what was changed in it, and keeps its commits in the user's own repository of it, by a reference.
    ///
    /// # Errors
    /// What git says.
    pub fn collect(&self, inside: &Git, ceiling: &Path, commit: &[&str], reference: &str) -> Result<(), String> {
        let folder = inside.folder().join(&self.path);
        let git = Git::below(ceiling, &folder);
        let top = |path: String| Path::new(&path).canonicalize().ok();
        // One that is empty, or no repository any more, has nothing to collect.
        let Ok(own) = git.run(&["rev-parse", "--show-toplevel"]) else { return Ok(()) };
        if top(own) != folder.canonicalize().ok() {
            return Ok(());
        }
        git.run(&["add", "--all"])?;
        if !git.says(&["diff", "--cached", "--quiet"]) {
            git.run(commit)?;
        }
        let recorded = inside.run(&["rev-parse", "--verify", "--quiet", &format!("HEAD:{}", self.path)]).unwrap_or_default();
        let head = git.run(&["rev-parse", "HEAD"])?;
        if head == recorded {
            return Ok(());
        }
        let from = folder.display().to_string();
        let what = format!("+{head}:{reference}");
        Git::at(&self.home)
            .run(&["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", &from, &what])
            .map(drop)
    }
}
