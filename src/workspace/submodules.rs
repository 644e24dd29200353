//! Submodules in worktrees: filled from those of the user's own checkout, so that nothing is fetched. Work in one
//! is another repository's; an attempt that does some is told so, because nobody would find it again.
//!
//! What an agent was in is looked at without running git by its configuration: that could name programs.

use super::git::Git;
use std::path::{Component, Path, PathBuf};

/// One that the user has filled.
pub struct Submodule {
    name: String,
    /// In the tree.
    path: String,
    /// The commit that is linked.
    commit: String,
    /// The user's own repository of it.
    home: PathBuf,
}

/// Those of a commit that the user has filled; one that they have not is not needed.
///
/// # Errors
/// What git says.
pub fn submodules_in(git: &Git, common: &Path, commit: &str) -> Result<Vec<Submodule>, String> {
    let blob = format!("{commit}:.gitmodules");
    if !git.says(&["cat-file", "-e", &blob]) {
        return Ok(Vec::new());
    }
    let listed = git
        .run(&["config", "--blob", &blob, "--get-regexp", "^submodule\\..*\\.path$"])
        .unwrap_or_default();
    let mut found = Vec::new();
    for (key, path) in listed.lines().filter_map(|line| line.split_once(' ')) {
        let name = key.trim_start_matches("submodule.").trim_end_matches(".path").to_owned();
        // Both are text of the repository: they lead nowhere else.
        if !is_inside(&name) || !is_inside(path) {
            continue;
        }
        let linked = git
            .run(&["ls-tree", commit, "--", &format!(":(top,literal){path}")])
            .unwrap_or_default();
        let mut words = linked.split_whitespace();
        let home = common.join("modules").join(&name);
        if let (Some("160000"), Some(_), Some(commit)) = (words.next(), words.next(), words.next())
            && home.is_dir()
        {
            found.push(Submodule { name, path: path.to_owned(), commit: commit.to_owned(), home });
        }
    }
    Ok(found)
}

fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

impl Submodule {
    /// Fills it in a tree that nobody was in yet.
    ///
    /// # Errors
    /// What git says.
    pub fn fill(&self, inside: &Git) -> Result<(), String> {
        let url = format!("submodule.{}.url={}", self.name, self.home.display());
        inside
            .run(&[
                "-c",
                "protocol.file.allow=always",
                "-c",
                &url,
                "submodule",
                "--quiet",
                "update",
                "--init",
                "--",
                &self.path,
            ])
            .map(drop)
    }

    /// Where it is in the tree.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether anything was done in it in a tree; `index` is a file that git may make for itself.
    ///
    /// # Errors
    /// Something was done: a sentence that says what to do.
    pub fn is_untouched(&self, tree: &Path, index: &Path) -> Result<(), String> {
        let git = Git::at(&self.home).beside(&tree.join(&self.path), index);
        let looked = git
            .run(&["read-tree", &self.commit])
            .and_then(|_| git.run(&["status", "--porcelain", "--ignore-submodules=all"]));
        drop(std::fs::remove_file(index));
        match looked {
            Ok(changes) if changes.is_empty() => Ok(()),
            Ok(_) => Err(format!(
                "there is work in the submodule `{}`, which is another repository: nothing of it is collected. Do it there first, with a breakdown of its own",
                self.path
            )),
            Err(why) => Err(why),
        }
    }
}
