//! A clone for each worktree: it borrows the objects of the user's repository (`git clone --shared`) and shows its branches,
//! and what an agent writes into it stays in it. What is finished is fetched, and then git computes the name of each object
//! from its content; so no agent can remove or forge what the user's repository holds.
#![expect(clippy::disallowed_methods, reason = "this is the edge that makes clones")]

use super::git::Git;
use super::link;
use super::link::clone_of;
use crate::process::{open_kept, write_kept};
use std::path::{Path, PathBuf};

/// What a repository keeps that is in no commit, and that a checkout or a history goes by.
const SHARED: [&str; 3] = ["info/exclude", "info/attributes", "shallow"];

/// What clones are made of.
pub struct Origin {
    /// The user's checkout.
    git: Git,
    /// Where its repository keeps what all its worktrees share.
    common: PathBuf,
    /// How it names objects.
    format: String,
    /// Patterns of a sparse checkout, and whether they are of folders only.
    sparse: Option<(Vec<u8>, bool)>,
}

impl Origin {
    /// That of the user's checkout.
    ///
    /// # Errors
    /// What git says.
    pub fn from_git(git: &Git) -> Result<Self, String> {
        let asked = git.run(&[
            "rev-parse",
            "--path-format=absolute",
            "--show-object-format",
            "--git-common-dir",
            "--git-path",
            "info/sparse-checkout",
        ])?;
        let mut lines = asked.lines();
        let (Some(format), Some(common), Some(patterns)) =
            (lines.next(), lines.next(), lines.next())
        else {
            return Err(format!("git rev-parse: {asked}"));
        };
        let is_set = |name: &str| {
            git.run(&["config", "--type=bool", name]).is_ok_and(|value| value == "true")
        };
        let patterns =
            is_set("core.sparseCheckout").then(|| std::fs::read(patterns).ok()).flatten();
        let sparse = patterns.map(|patterns| (patterns, is_set("core.sparseCheckoutCone")));
        Ok(Self {
            common: PathBuf::from(common),
            format: format.to_owned(),
            sparse,
            git: git.clone(),
        })
    }

    /// Where the repository keeps what all its worktrees share.
    pub fn common(&self) -> &Path {
        &self.common
    }

    /// Makes a clone and its worktree, on a new branch or on none. Branches whose names begin with `hidden` are not
    /// shown in it.
    ///
    /// # Errors
    /// What git says.
    pub fn add(
        &self,
        tree: &Path,
        branch: Option<&str>,
        commit: &str,
        hidden: &str,
    ) -> Result<(), String> {
        let clone = clone_of(tree);
        self.make(&clone)?;
        self.show_refs(tree, hidden)?;
        let path = tree.display().to_string();
        let how = branch.map_or(["--detach", "--no-checkout"].to_vec(), |branch| {
            vec!["--no-checkout", "-b", branch]
        });
        let add = [
            &["--git-dir=.", "worktree", "add", "--quiet", "--force"],
            how.as_slice(),
            &[path.as_str(), commit],
        ]
        .concat();
        Git::at(&clone).run(&add)?;
        if let Some((patterns, _)) = &self.sparse {
            let info = link::admin_of(tree)?.join("info");
            let written = std::fs::create_dir_all(&info)
                .and_then(|()| std::fs::write(info.join("sparse-checkout"), patterns));
            written.map_err(|error| format!("{}: {error}", info.display()))?;
        }
        Git::below(tree.parent().unwrap_or(tree), tree)
            .run(&["reset", "--quiet", "--hard"])
            .map(drop)
    }

    /// Makes a repository that borrows the objects of the user's and goes by what that goes by.
    fn make(&self, clone: &Path) -> Result<(), String> {
        let (at, format) =
            (clone.display().to_string(), format!("--object-format={}", self.format));
        self.git.run(&[
            "-c",
            "init.defaultRefFormat=files",
            "init",
            "--quiet",
            "--bare",
            "--template=",
            &format,
            &at,
        ])?;
        let fill = || -> std::io::Result<()> {
            let own = std::fs::read_to_string(clone.join("config"))?;
            // Whether modes count is the user's to say.
            let own: String = own
                .lines()
                .filter(|line| !line.trim_start().starts_with("filemode"))
                .flat_map(|line| [line, "\n"])
                .collect();
            std::fs::write(
                clone.join("config"),
                format!("{}{own}{}", self.settings(), self.sparse_settings()),
            )?;
            std::fs::create_dir_all(clone.join("info"))?;
            std::fs::create_dir_all(clone.join("objects/info"))?;
            std::fs::write(
                clone.join("objects/info/alternates"),
                format!("{}\n", self.common.join("objects").display()),
            )?;
            for name in SHARED {
                let from = self.common.join(name);
                if from.is_file() {
                    std::fs::copy(from, clone.join(name))?;
                }
            }
            Ok(())
        };
        fill().map_err(|error| format!("{}: {error}", clone.display()))
    }

    /// Shows in a clone the branches and tags that the repository has now.
    ///
    /// # Errors
    /// What git says.
    pub fn show_refs(&self, tree: &Path, hidden: &str) -> Result<(), String> {
        let listed = self.git.run(&[
            "for-each-ref",
            "--format=%(objectname) %(refname)",
            "refs/heads",
            "refs/tags",
            "refs/remotes",
        ])?;
        let is_shown =
            |line: &&str| line.split_once(' ').is_some_and(|(_, name)| !name.starts_with(hidden));
        // Git may have packed the worktree's own branch.
        let packed = open_kept(&clone_of(tree).join("packed-refs"))
            .and_then(std::io::read_to_string)
            .unwrap_or_default();
        let own = packed
            .lines()
            .filter(|line| line.split_once(' ').is_some_and(|(_, name)| name.starts_with(hidden)));
        let refs: String =
            listed.lines().filter(is_shown).chain(own).flat_map(|line| [line, "\n"]).collect();
        write_kept(&clone_of(tree).join("packed-refs"), refs.as_bytes())
            .map_err(|error| format!("{}: {error}", tree.display()))
    }

    /// What the clone goes by: all that the user's repository goes by, and its hooks and large files where those are.
    fn settings(&self) -> String {
        let quoted = |name: &str| {
            self.common.join(name).display().to_string().replace('\\', "\\\\").replace('"', "\\\"")
        };
        // What the user has set, here or for all repositories, stands.
        let unless_set = |section: &str, key: &str, folder: &str| match self
            .git
            .says(&["config", &format!("{section}.{key}")])
        {
            true => String::new(),
            false => format!("[{section}]\n\t{key} = \"{}\"\n", quoted(folder)),
        };
        let (large, hooks) =
            (unless_set("lfs", "storage", "lfs"), unless_set("core", "hooksPath", "hooks"));
        format!("[include]\n\tpath = \"{}\"\n{large}{hooks}", quoted("config"))
    }

    fn sparse_settings(&self) -> String {
        let cone = self.sparse.as_ref().map(|(_, cone)| {
            format!("[core]\n\tsparseCheckout = true\n\tsparseCheckoutCone = {cone}\n")
        });
        cone.unwrap_or_default()
    }

    /// Takes a branch of a clone over, with all objects that are in it and in none of the repository's branches `known`.
    ///
    /// # Errors
    /// An object is not what it is called, or is missing; or the branch has lost what was taken over before.
    pub fn fetch(&self, tree: &Path, branch: &str, known: &[String]) -> Result<(), String> {
        let (from, what) = (
            clone_of(tree).display().to_string(),
            format!("refs/heads/{branch}:refs/heads/{branch}"),
        );
        // Few objects become files of their own, as with any commit, instead of a pack for each attempt.
        let settings = [
            "-c",
            "fetch.fsckObjects=false",
            "-c",
            "maintenance.auto=false",
            "-c",
            "core.alternateRefsCommand=true",
        ];
        let how = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--upload-pack=git-upload-pack",
        ];
        let known: Vec<String> =
            known.iter().map(|known| format!("--negotiation-tip={known}")).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let fetched = self
            .git
            .clone()
            .only_local()
            .run(&[&settings[..], &how, &known, &[&from, &what]].concat());
        fetched
            .map(drop)
            .map_err(|why| format!("what is in the worktree can't be taken over: {why}"))
    }
}

/// Removes a worktree with its clone.
///
/// # Errors
/// A file can't be removed.
pub fn remove(tree: &Path) -> std::io::Result<()> {
    for folder in [tree.to_owned(), clone_of(tree)] {
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
