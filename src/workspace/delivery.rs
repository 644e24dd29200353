//! The result and the user's own branch: new commits of that go into the result, and the result goes into it, prepared
//! beside it and then in one step. What is begun is on record before
//! the first file changes, so after a kill at any moment the next try finishes it.
#![expect(clippy::disallowed_methods, reason = "this is the edge that changes the checkout")]

use super::files::{NAMED, is_in_nobodys_way};
use super::git::Git;
use super::objects;
use super::repository::Repository;
use crate::core::outcome::RepositoryOutcome;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What is being delivered, as it is on record.
struct Begun {
    /// The branch that gets it.
    into: String,
    /// Where that was.
    old: String,
    /// Where it will be.
    new: String,
}

/// A file in which two commits differ.
struct Difference {
    name: PathBuf,
    /// `A`, `D`, `M` or `T`.
    status: u8,
    /// Whether it is a submodule, in which nothing is changed.
    is_submodule: bool,
}

impl Repository {
    /// Merges the result into a branch, that which is checked out where none is named, where that needs nobody; `base` as
    /// in [`Repository::verify`].
    pub fn deliver(
        &self,
        commit: &str,
        into: Option<&str>,
        base: Option<&str>,
    ) -> RepositoryOutcome {
        self.try_to_deliver(commit, into, base)
            .map_or_else(|why| RepositoryOutcome::Failed { why }, |()| RepositoryOutcome::Delivered)
    }

    fn try_to_deliver(
        &self,
        commit: &str,
        into: Option<&str>,
        base: Option<&str>,
    ) -> Result<(), String> {
        let checked_out = self.checked_out();
        let Some(into) = into.map(str::to_owned).or_else(|| checked_out.clone()) else {
            return Err("no branch is checked out".into());
        };
        let git = self.git();
        let branch = format!("refs/heads/{into}");
        let Ok(old) = git.run(&["rev-parse", "--verify", "--quiet", &branch]) else {
            return Err(format!(
                "the branch {into}, which was checked out at the start, is not there any more"
            ));
        };
        let is_here = checked_out.as_deref() == Some(into.as_str());
        // One that was killed has changed files already.
        let begun = self.begun().filter(|begun| begun.into == into && begun.old == old && is_here);
        let (new, is_repeated) = match begun {
            Some(begun) => (begun.new, true),
            None => match self.prepare(commit, &old)? {
                Some(new) => (new, false),
                None => return self.is_done(),
            },
        };
        self.verify(base)?;
        if !is_here {
            if let Some(tree) = self.where_checked_out(&branch)? {
                return Err(format!(
                    "{into} is checked out in {tree}, and {} here",
                    checked_out.as_deref().unwrap_or("no branch")
                ));
            }
            return git.run(&["update-ref", "-m", "deliver", &branch, &new, &old]).map(drop);
        }
        let is_as = |commit: &str| git.says(&["diff", "--cached", "--quiet", commit]);
        let is_clean = is_as(&old) || (is_repeated && is_as(&new));
        if !is_clean {
            return Err("the checkout has staged changes: commit them first".into());
        }
        let differences = differences(git, &old, &new)?;
        let top = PathBuf::from(git.run(&["rev-parse", "--show-toplevel"])?);
        let index = Index::in_checkout(git)?;
        if is_repeated {
            index.is_in_nobodys_way(git, &differences, &old, &new)?;
        } else {
            is_in_nobodys_way(git, &new)?;
            let begun = format!("{into}\n{old}\n{new}\n");
            put_on_record(&self.note(), begun.as_bytes())
                .map_err(|error| format!("{}: {error}", self.note().display()))?;
        }
        index.update(git, &top, &differences, &old, &new)?;
        git.run(&["update-ref", "-m", "deliver", &branch, &new, &old])?;
        self.is_done()
    }

    /// The last commit of the user's branch that is not in the result yet, and whether what it began with was rewritten;
    /// nothing where there is no such commit. `base` is the last one that is in it.
    pub fn base_moved(&self, base: Option<&str>, branch: &str) -> Option<(String, bool)> {
        let git = self.git();
        let tip =
            git.run(&["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}")]).ok()?;
        let landed = self.landed()?;
        let base = base.unwrap_or(&landed);
        let is_in = |commit: &str, of: &str| git.says(&["merge-base", "--is-ancestor", commit, of]);
        if tip == base || is_in(&tip, &landed) {
            return None;
        }
        let rewritten = !is_in(base, &tip);
        Some((tip, rewritten))
    }

    /// How many commits the result has that a branch has not.
    pub fn ahead_of(&self, branch: &str) -> Option<u64> {
        self.git()
            .run(&["rev-list", "--count", &format!("refs/heads/{branch}..{}", self.result())])
            .ok()?
            .parse()
            .ok()
    }

    /// Takes commits of the user's into the result.
    pub fn renew(&self, commit: &str) -> RepositoryOutcome {
        self.try_to_renew(commit).map_or_else(
            |why| RepositoryOutcome::Failed { why },
            |commit| RepositoryOutcome::Renewed { commit },
        )
    }

    fn try_to_renew(&self, commit: &str) -> Result<String, String> {
        let (git, landed) = (self.git(), self.landed().ok_or("there is no result")?);
        let is_in = |commit: &str, of: &str| git.says(&["merge-base", "--is-ancestor", commit, of]);
        // A killed process may have done it already, and not said so.
        let head = self.head()?;
        let parents = git.run(&["rev-list", "--parents", "-n", "1", &head])?;
        if head != landed
            && (head == commit && is_in(&landed, commit)
                || parents == format!("{head} {landed} {commit}"))
        {
            self.set_landed(&head);
            return Ok(head);
        }
        let new = if is_in(&landed, commit) {
            commit.to_owned()
        } else {
            let merged = git.output(&[
                "merge-tree",
                "--write-tree",
                "--name-only",
                "-z",
                "--no-messages",
                &landed,
                commit,
            ])?;
            let said = String::from_utf8_lossy(&merged.stdout).into_owned();
            let mut parts = said.split('\0').filter(|part| !part.is_empty());
            let tree = parts.next().unwrap_or_default().to_owned();
            if !merged.status.success() {
                let files: Vec<&str> = parts.take(NAMED).collect();
                return Err(format!("they don't fit with the result: {}", files.join(", ")));
            }
            let message = format!("Merge new commits\n\nExecution: {}\n", self.execution());
            git.run(&["commit-tree", &tree, "-p", &landed, "-p", commit, "-m", &message])?
        };
        self.is_nowhere_checked_out()?;
        git.run(&["update-ref", "-m", "renewed", &self.result(), &new, &landed])?;
        self.set_landed(&new);
        Ok(new)
    }

    /// The commit that the branch is to have: none where it has the result already.
    fn prepare(&self, commit: &str, old: &str) -> Result<Option<String>, String> {
        let git = self.git();
        if git.says(&["merge-base", "--is-ancestor", commit, old]) {
            return Ok(None);
        }
        if git.says(&["merge-base", "--is-ancestor", old, commit]) {
            return Ok(Some(commit.to_owned()));
        }
        let merged = git.output(&[
            "merge-tree",
            "--write-tree",
            "--name-only",
            "--no-messages",
            old,
            commit,
        ])?;
        if !merged.status.success() {
            return Err("the result does not fit with what is checked out now".into());
        }
        let tree = String::from_utf8_lossy(&merged.stdout).trim().to_owned();
        git.run(&[
            "commit-tree",
            &tree,
            "-p",
            old,
            "-p",
            commit,
            "-m",
            &format!("Merge {}", self.branch()),
        ])
        .map(Some)
    }

    fn note(&self) -> PathBuf {
        self.trees().with_file_name("delivery")
    }

    fn begun(&self) -> Option<Begun> {
        let text = std::fs::read_to_string(self.note()).ok()?;
        let mut lines = text.lines().map(str::to_owned);
        Some(Begun { into: lines.next()?, old: lines.next()?, new: lines.next()? })
    }

    fn is_done(&self) -> Result<(), String> {
        match std::fs::remove_file(self.note()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("{}: {error}", self.note().display()))
            }
            _ => Ok(()),
        }
    }

    /// Compares all that has landed since `base`, the last of the user's own commits in it, with the names of its objects.
    ///
    /// # Errors
    /// Something is another content than its name says: a sentence.
    pub fn verify(&self, base: Option<&str>) -> Result<(), String> {
        let Some((base, landed)) = base.zip(self.landed()) else { return Ok(()) };
        objects::verify(self.git(), base, &landed, &self.trees().with_extension("objects"))
    }

    /// Puts the branch of the result back to what has landed, where somebody has moved it; then says so.
    ///
    /// # Errors
    /// It can't be put back: a sentence.
    pub fn put_back_result(&self) -> Result<Option<String>, String> {
        let Some(landed) = self.landed() else { return Ok(None) };
        let now = self
            .git()
            .run(&["rev-parse", "--verify", "--quiet", &self.result()])
            .unwrap_or_default();
        if now == landed {
            return Ok(None);
        }
        let (branch, moved) = (
            self.branch(),
            if now.is_empty() { "deleted".to_owned() } else { format!("moved to {now}") },
        );
        let failed = |why: String| {
            format!(
                "the branch {branch} was {moved} by somebody else, and nobody has judged what is in it: {why}"
            )
        };
        self.is_nowhere_checked_out().map_err(failed)?;
        self.git()
            .run(&["update-ref", "-m", "put back", &self.result(), &landed, &now])
            .map_err(failed)?;
        let keep = if now.is_empty() {
            String::new()
        } else {
            format!("; `git branch kept {now}` keeps what was added")
        };
        Ok(Some(format!(
            "the branch {branch} was {moved} by somebody else: it is put back to what was judged, {landed}{keep}"
        )))
    }

    /// The branch that the user has checked out.
    pub fn checked_out(&self) -> Option<String> {
        self.git().run(&["symbolic-ref", "--quiet", "--short", "HEAD"]).ok()
    }
}

/// The index of the checkout, and one beside it that is made first and then takes its place.
struct Index {
    real: PathBuf,
    own: PathBuf,
    lock: PathBuf,
}

impl Index {
    fn in_checkout(git: &Git) -> Result<Self, String> {
        let real = PathBuf::from(git.run(&[
            "rev-parse",
            "--path-format=absolute",
            "--git-path",
            "index",
        ])?);
        let named = |name: &str| real.with_file_name(name);
        Ok(Self { own: named("index.execution-coordinator"), lock: named("index.lock"), real })
    }

    /// Whether nobody has changed a file since a killed process has begun: each is as before, or as it is to be.
    fn is_in_nobodys_way(
        &self,
        git: &Git,
        differences: &[Difference],
        old: &str,
        new: &str,
    ) -> Result<(), String> {
        // As each of the two has it, compared with what is there.
        let against = |commit: &str| -> Result<Vec<(u8, PathBuf)>, String> {
            self.forget();
            let git = git.clone().with_index(&self.own);
            git.run(&["read-tree", commit])?;
            // By content; it says by its exit code that something differs.
            git.output(&["update-index", "--refresh", "-q"])?;
            let listed = git.output(&[
                "diff-files",
                "-z",
                "--name-status",
                "--no-renames",
                "--ignore-submodules=all",
            ])?;
            self.forget();
            let mut parts = listed.stdout.split(|byte| *byte == 0);
            let mut found = Vec::new();
            while let (Some(status), Some(name)) =
                (parts.next().and_then(|part| part.first().copied()), parts.next())
            {
                found.push((status, PathBuf::from(OsStr::from_bytes(name))));
            }
            Ok(found)
        };
        let (before, after) = (against(old)?, against(new)?);
        let is_changed = |list: &[(u8, PathBuf)], name: &Path| {
            list.iter().any(|(status, known)| known == name && *status != b'D')
        };
        let in_the_way = differences.iter().filter(|difference| {
            !difference.is_submodule && {
                let (before, after) =
                    (is_changed(&before, &difference.name), is_changed(&after, &difference.name));
                match difference.status {
                    b'A' => after,
                    b'D' => before,
                    _ => before && after,
                }
            }
        });
        let names: Vec<String> = in_the_way
            .take(NAMED)
            .map(|difference| difference.name.display().to_string())
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(format!(
            "a delivery was interrupted, and these were changed since, which are in no commit: {}",
            names.join(", ")
        ))
    }

    /// Brings files and index from one commit to another. Whatever of it was done before is done again.
    fn update(
        &self,
        git: &Git,
        top: &Path,
        differences: &[Difference],
        old: &str,
        new: &str,
    ) -> Result<(), String> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error: std::io::Error| format!("{}: {error}", path.display())
        };
        // What a killed process has put in place of the index already.
        let inode =
            |path: &Path| path.symlink_metadata().ok().map(|found| (found.dev(), found.ino()));
        if inode(&self.lock).is_some() && inode(&self.lock) == inode(&self.own) {
            std::fs::rename(&self.lock, &self.real).map_err(failed(&self.real))?;
        }
        self.forget();
        if self.real.exists() {
            std::fs::copy(&self.real, &self.own).map_err(failed(&self.own))?;
        }
        let beside = git.clone().with_index(&self.own);
        // What is there was looked at.
        beside.run(&["read-tree", "-i", "-m", old, new])?;
        for difference in differences
            .iter()
            .filter(|difference| difference.status == b'D' && !difference.is_submodule)
        {
            let path = top.join(&difference.name);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed(&path)(error));
                }
                _ => {}
            }
            // Folders that are empty now go too; the first that is not ends it.
            let above = path.ancestors().skip(1).take_while(|above| *above != top);
            above.map(std::fs::remove_dir).take_while(Result::is_ok).for_each(drop);
        }
        let written = differences
            .iter()
            .filter(|difference| difference.status != b'D' && !difference.is_submodule);
        let names: Vec<u8> = written
            .flat_map(|difference| [difference.name.as_os_str().as_bytes(), &[0]].concat())
            .collect();
        let at_top = Git::at(top).with_index(&self.own);
        at_top
            .fed(&["checkout-index", "--force", "--index", "--quiet", "-z", "--stdin"], &names)?;
        // One step: who else writes the index has to wait, and we for them.
        std::fs::hard_link(&self.own, &self.lock).map_err(|error| {
            format!(
                "{}: {error}: git is at work in the checkout, or was killed there",
                self.lock.display()
            )
        })?;
        std::fs::rename(&self.lock, &self.real).map_err(failed(&self.real))?;
        self.forget();
        Ok(())
    }

    /// What was made beside it is of no use any more.
    fn forget(&self) {
        let mut lock = self.own.clone().into_os_string();
        lock.push(".lock");
        for path in [self.own.as_path(), Path::new(&lock)] {
            // It need not be there.
            drop(std::fs::remove_file(path));
        }
    }
}

fn differences(git: &Git, old: &str, new: &str) -> Result<Vec<Difference>, String> {
    let listed = git.output(&["diff-tree", "-r", "-z", "--raw", "--no-renames", old, new])?;
    if !listed.status.success() {
        return Err(format!("git diff-tree: {}", String::from_utf8_lossy(&listed.stderr).trim()));
    }
    let mut parts = listed.stdout.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    let mut found = Vec::new();
    // `:100644 100644 old new M`, then the name.
    while let (Some(head), Some(name)) = (parts.next(), parts.next()) {
        let head = String::from_utf8_lossy(head);
        let modes = head.trim_start_matches(':').split(' ').take(2).any(|mode| mode == "160000");
        let status = head.rsplit(' ').next().and_then(|word| word.bytes().next()).unwrap_or(b'M');
        found.push(Difference {
            name: PathBuf::from(OsStr::from_bytes(name)),
            status,
            is_submodule: modes,
        });
    }
    Ok(found)
}

/// All of it or nothing, whenever this process is killed.
fn put_on_record(path: &Path, text: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let made = path.with_extension("new");
    let mut file = std::fs::File::create(&made)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(made, path)
}
