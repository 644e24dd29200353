//! The user's own checkout, before and after an attempt that nothing keeps from changing it.

use super::STATE_FOLDER;
use super::git::Git;
use std::collections::{BTreeMap, BTreeSet};

/// Changed files that are named.
const NAMED: usize = 5;

/// What is checked out, where branches, tags and the stash are, and which files differ from the commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkout {
    head: String,
    refs: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

impl Checkout {
    /// As it is now, but for branches of executions and one file that this program itself writes; nothing where git does
    /// not say.
    pub fn now(git: &Git, own: Option<&str>) -> Option<Self> {
        let head = git
            .run(&["symbolic-ref", "--quiet", "HEAD"])
            .or_else(|_| git.run(&["rev-parse", "HEAD"]))
            .ok()?;
        let listed = git
            .run(&[
                "for-each-ref",
                "--format=%(objectname) %(refname)",
                "refs/heads",
                "refs/tags",
                "refs/stash",
            ])
            .ok()?;
        let refs = listed.lines().filter_map(|line| line.split_once(' '));
        let refs = refs.filter(|(_, name)| !name.starts_with("refs/heads/execution-coordinator/"));
        let status = git
            .run(&[
                "status",
                "--porcelain",
                "-z",
                "--no-renames",
                "--untracked-files=normal",
                "--ignore-submodules=all",
            ])
            .ok()?;
        let files = status.split('\0').filter_map(|entry| entry.split_at_checked(3));
        let files = files.filter(|(_, name)| !name.starts_with(STATE_FOLDER) && Some(*name) != own);
        Some(Self {
            head,
            refs: refs.map(|(commit, name)| (name.to_owned(), commit.to_owned())).collect(),
            files: files.map(|(state, name)| (name.to_owned(), state.trim().to_owned())).collect(),
        })
    }

    /// What differs later, a clause each: `branch main moved from 1a2b to 3c4d`. Where attempts work in it, files and the
    /// branch that is checked out are their work.
    pub fn differences(&self, later: &Self, is_worked_in: bool) -> Vec<String> {
        let mut found = Vec::new();
        if self.head != later.head {
            found.push(format!(
                "the checkout went from {} to {}",
                short(&self.head),
                short(&later.head)
            ));
        }
        let names: BTreeSet<&String> = self.refs.keys().chain(later.refs.keys()).collect();
        let is_work = |name: &&String| {
            is_worked_in
                && (**name == self.head || **name == later.head && self.refs.contains_key(*name))
        };
        for name in names.into_iter().filter(|name| !is_work(name)) {
            let what = short(name);
            match (self.refs.get(name), later.refs.get(name)) {
                (Some(before), Some(after)) if before == after => {}
                (Some(before), Some(after)) => {
                    found.push(format!("{what} moved from {} to {}", short(before), short(after)))
                }
                (None, _) => found.push(format!("{what} was made")),
                (_, None) => found.push(format!("{what} was removed")),
            }
        }
        // Also what was changed, or new, and is not any more.
        let names: BTreeSet<&String> = self.files.keys().chain(later.files.keys()).collect();
        let files: Vec<&str> = names
            .into_iter()
            .filter(|name| self.files.get(*name) != later.files.get(*name))
            .map(String::as_str)
            .collect();
        if !files.is_empty() && !is_worked_in {
            let more = if files.len() > NAMED { ", …" } else { "" };
            found.push(format!(
                "{}{more} changed in the checkout",
                files.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ")
            ));
        }
        found
    }
}

/// A name of git as people say it.
fn short(name: &str) -> String {
    match name.split_once('/').map(|_| name) {
        Some("refs/stash") => "the stash".into(),
        Some(name) => match (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/")) {
            (Some(branch), _) => format!("branch {branch}"),
            (_, Some(tag)) => format!("tag {tag}"),
            _ => name.to_owned(),
        },
        None => name.chars().take(12).collect(),
    }
}
