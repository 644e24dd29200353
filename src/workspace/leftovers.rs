//! What an execution has left in a repository, and what of it is provably ours to remove.

use super::clone::{self, Origin};
use super::execution_dir::ExecutionDir;
use super::git::Git;
use super::link;
use super::link::clone_of;
use crate::core::id::OrderId;
use crate::core::merging::{result_branch, worktree_branch};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What an execution has left in a repository, as its journal proves.
pub struct Leftovers<'a> {
    /// The workspace.
    pub root: &'a Path,
    /// The execution's folder.
    pub dir: &'a ExecutionDir,
    /// The orders that made worktrees.
    pub worktrees: Vec<OrderId>,
    /// The commits that it made or began with.
    pub made: Vec<String>,
    /// Those of which worktrees are kept for files that git ignores.
    pub ignored: BTreeSet<OrderId>,
    /// Whether worktrees with changes that were not committed are removed too.
    pub uncommitted: bool,
}

impl Leftovers<'_> {
    /// Removes the worktrees of an execution, and those of its branches that hold nothing but what it
    /// made itself. Gives what was kept, and why.
    ///
    /// # Errors
    /// What git says.
    pub fn remove(&self) -> Result<Vec<String>, String> {
        let git = Git::at(self.root);
        let trees = self.dir.trees().canonicalize().unwrap_or_else(|_| self.dir.trees());
        let execution = self.dir.id();
        let mut kept = Vec::new();
        let mut in_use = BTreeSet::new();
        let origin = Origin::from_git(&git)?;
        let found =
            std::fs::read_dir(&trees).into_iter().flatten().flatten().map(|entry| entry.path());
        // Either of a tree and its clone may be all that is left.
        let found: BTreeSet<PathBuf> =
            found.filter(|path| path.is_dir()).map(|path| path.with_extension("")).collect();
        for tree in found {
            let name = tree.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_shared = ["result", "merged"].contains(&name.as_str());
            // Without running what an agent may have left to be run.
            let changed = link::admin_folder(&tree).and_then(|_| {
                Git::below(&trees, &tree).run(&["status", "--porcelain", "--ignore-submodules=all"])
            });
            let ignored = name.parse().is_ok_and(|order| self.ignored.contains(&order));
            // What somebody has added is in its branch then, also where the rest goes.
            let taken = if is_shared {
                Ok(())
            } else {
                origin.fetch(&tree, &worktree_branch(&execution, &name), &[])
            };
            let reason = match &changed {
                Ok(_) if ignored => {
                    Some("it has files that git ignores and that are nowhere else".to_owned())
                }
                Ok(changed) if changed.is_empty() => taken.err(),
                Ok(_) => Some("it has changes that are not committed".to_owned()),
                Err(_) => Some("it is not what it was made as".to_owned()),
            };
            if let Some(reason) = reason.filter(|_| !self.uncommitted && !is_shared) {
                kept.push(format!("{}: {reason} (`--force` removes it)", tree.display()));
                in_use.insert(name);
                continue;
            }
            if !clone_of(&tree).exists() {
                // Of a version whose worktrees were worktrees of the repository itself.
                drop(git.run(&[
                    "worktree",
                    "remove",
                    "--force",
                    "--force",
                    &tree.display().to_string(),
                ]));
            }
            clone::remove(&tree).map_err(|error| format!("{}: {error}", tree.display()))?;
        }
        let result = format!("refs/heads/{}", result_branch(&execution));
        let has_result = git.says(&["rev-parse", "--verify", "--quiet", &result]);
        for order in
            self.worktrees.iter().map(ToString::to_string).filter(|order| !in_use.contains(order))
        {
            let branch = worktree_branch(&execution, &order);
            let Ok(tip) =
                git.run(&["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}")])
            else {
                continue;
            };
            // Each commit that was not recorded says in its message that it is this execution's.
            let mut unrecorded =
                vec!["log", "--format=%x00%(trailers:key=Execution,valueonly)", &tip, "--not"];
            unrecorded.extend(self.made.iter().map(String::as_str));
            unrecorded.extend(has_result.then_some(result.as_str()));
            let ours =
                |said: String| said.split('\0').skip(1).all(|trailer| trailer.trim() == execution);
            if git.run(&unrecorded).is_ok_and(ours) {
                kept.extend(
                    git.run(&["branch", "--quiet", "-D", &branch])
                        .err()
                        .map(|why| format!("{branch}: {why}")),
                );
            } else {
                kept.push(format!("{branch}: it has commits that the execution did not make"));
            }
        }
        drop(git.run(&["update-ref", "-d", &format!("refs/execution-coordinator/{execution}")]));
        Ok(kept)
    }
}
