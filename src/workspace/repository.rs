//! The repository in which attempts have places of their own: worktrees and branches, the merge of
//! what is finished, and the result.
//!
//! Merges are made without a checkout (`git merge-tree`), and a commit becomes the result by moving one
//! reference, so whatever is killed when leaves a repository that git calls clean. All that is made
//! here has the execution's name in it: branches below `execution-coordinator/EXECUTION/`, worktrees
//! below the execution's own folder.

use super::git::Git;
use super::{STATE_FOLDER, make_private};
use crate::config::{Isolation, Worktree};
use crate::core::id::{OrderId, TaskId};
use crate::core::outcome::{Conflict, RepositoryOutcome};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The oldest git that merges without a checkout.
const OLDEST: (u32, u32) = (2, 38);
/// Files that are named in a warning.
const NAMED: usize = 5;

/// Whether attempts have places of their own, and what should be known about that.
///
/// # Errors
/// They were asked for and can't be had: a sentence that says why and what to do.
pub fn isolation(root: &Path, wanted: Option<Isolation>, only_commands: bool) -> Result<(bool, Vec<String>), String> {
    match wanted {
        Some(Isolation::None) => return Ok((false, Vec::new())),
        // Commands do their work where they stand, as those of a Makefile do.
        None if only_commands => return Ok((false, Vec::new())),
        _ => {}
    }
    match usable(root) {
        Ok(warnings) => Ok((true, warnings)),
        Err(why) if wanted.is_some() => Err(format!("isolation = \"worktree\": {why}; or set isolation = \"none\"")),
        Err(why) => {
            let shared = "attempts share the workspace, and tasks that name the same files run one after the other";
            Ok((false, vec![format!("{why}: so far {shared}")]))
        }
    }
}

/// Whether places can be made; with what agents will not see in them.
fn usable(root: &Path) -> Result<Vec<String>, String> {
    let git = Git::at(root);
    let version = git.run(&["version"])?;
    let numbers: Vec<u32> = version.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
    if numbers.len() < 2 || (numbers[0], numbers[1]) < OLDEST {
        return Err(format!("{version} is too old: {}.{} or newer merges without a checkout", OLDEST.0, OLDEST.1));
    }
    if !git.says(&["rev-parse", "--git-dir"]) {
        return Err("this is no git repository: `git init`, and commit what agents are to begin with".into());
    }
    if !git.says(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]) {
        return Err("the repository has no commit yet: `git commit` what agents are to begin with".into());
    }
    let prefix = prefix_of(&git)?;
    if !prefix.is_empty() && !git.says(&["cat-file", "-e", &format!("HEAD:{}", prefix.trim_end_matches('/'))]) {
        return Err(format!("nothing of {prefix} is in the last commit: commit what agents are to begin with"));
    }
    if git.run(&["rev-parse", "--is-bare-repository"])? == "true" {
        return Ok(Vec::new());
    }
    let changed = git.run(&["status", "--porcelain", "--untracked-files=no", "--ignore-submodules=none", "--", "."])?;
    let files: Vec<&str> = changed.lines().filter_map(|line| line.get(3..)).collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let more = if files.len() > NAMED { ", …" } else { "" };
    Ok(vec![format!(
        "agents begin with the last commit and don't see uncommitted changes ({}{more}): commit them first if they matter",
        files.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ")
    )])
}

/// Where the workspace is in its repository: nothing, or a path that ends in a slash.
fn prefix_of(git: &Git) -> Result<String, String> {
    if git.run(&["rev-parse", "--is-bare-repository"])? == "true" { Ok(String::new()) } else { git.run(&["rev-parse", "--show-prefix"]) }
}

/// Finished work that is to be merged.
pub struct Finished {
    /// Whose.
    pub task: TaskId,
    /// Its place.
    pub folder: PathBuf,
    /// The commit that holds it; what is in the place now when absent.
    pub commit: Option<String>,
    /// What the merge is called, with who did it.
    pub about: About,
}

/// What a commit says of the work that is in it.
#[derive(Clone, Default)]
pub struct About {
    /// In a line.
    pub title: String,
    /// The task.
    pub task: String,
    /// The order.
    pub order: String,
    /// Who did it.
    pub agent: String,
}

/// One execution's part of a repository.
pub struct Repository {
    git: Git,
    /// The workspace in the repository.
    prefix: PathBuf,
    /// Where its worktrees are.
    trees: PathBuf,
    /// What its branches begin with.
    branches: String,
    execution: String,
    settings: Worktree,
    /// Held while the list of worktrees or the checkout of a shared one changes.
    changing: Mutex<()>,
}

impl Repository {
    /// The part of an execution, by its folder. What a killed process left half done is cleared away.
    ///
    /// # Errors
    /// What git says.
    pub fn open(root: &Path, folder: &Path, settings: Worktree) -> Result<Self, String> {
        let git = Git::at(root);
        let execution = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let trees = folder.join("trees");
        make_private(&trees).map_err(|error| format!("{}: {error}", trees.display()))?;
        let repository = Self {
            prefix: PathBuf::from(prefix_of(&git)?),
            trees,
            branches: format!("execution-coordinator/{execution}"),
            execution,
            settings,
            changing: Mutex::default(),
            git,
        };
        // The result begins as what is checked out now.
        if repository.head().is_err() {
            let begin = repository.git.run(&["rev-parse", "--verify", "HEAD^{commit}"])?;
            repository.git.run(&["update-ref", &repository.result(), &begin, ""])?;
        }
        repository.git.run(&["worktree", "prune"])?;
        Ok(repository)
    }

    /// The branch of the result.
    pub fn branch(&self) -> String {
        format!("{}/result", self.branches)
    }

    fn result(&self) -> String {
        format!("refs/heads/{}", self.branch())
    }

    /// The last commit of the result.
    ///
    /// # Errors
    /// What git says.
    pub fn head(&self) -> Result<String, String> {
        self.git.run(&["rev-parse", "--verify", "--quiet", &format!("{}^{{commit}}", self.result())])
    }

    /// Makes a place: a worktree with a branch, from the result so far and, where something was
    /// finished before, from that.
    pub fn place(&self, order: OrderId, base: Option<&str>) -> RepositoryOutcome {
        let branch = format!("{}/{order}", self.branches);
        let made = || -> Result<(PathBuf, String), String> {
            self.has_room()?;
            let begin = base.map_or_else(|| self.head(), |base| Ok(base.to_owned()))?;
            let tree = self.trees.join(order.to_string());
            self.add(&tree, &["-b", &branch], &begin)?;
            Ok((tree.join(&self.prefix), begin))
        };
        match made() {
            Ok((folder, base)) => RepositoryOutcome::Placed { folder: folder.display().to_string(), branch, base },
            Err(why) => RepositoryOutcome::Failed { why },
        }
    }

    fn has_room(&self) -> Result<(), String> {
        let free = rustix::fs::statvfs(&self.trees).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize) >> 20);
        if free < self.settings.min_free_mb {
            return Err(format!(
                "only {free} MB are free, and {} are to stay so (`min_free_mb` under [worktree]): make room, `execution-coordinator clean` removes what is no longer needed",
                self.settings.min_free_mb
            ));
        }
        Ok(())
    }

    /// Adds a worktree, with what it needs that is not in a commit.
    fn add(&self, tree: &Path, how: &[&str], commit: &str) -> Result<(), String> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let path = tree.display().to_string();
        let arguments: Vec<&str> = ["worktree", "add", "--quiet"].iter().chain(how).copied().chain([path.as_str(), commit]).collect();
        self.git.run(&arguments)?;
        self.submodules(tree)?;
        for name in &self.settings.copy {
            self.copy(Path::new(name), &tree.join(&self.prefix))?;
        }
        Ok(())
    }

    /// Fills submodules from those of the user's own checkout: nothing is fetched.
    fn submodules(&self, tree: &Path) -> Result<(), String> {
        if !tree.join(".gitmodules").is_file() {
            return Ok(());
        }
        let common = PathBuf::from(self.git.run(&["rev-parse", "--path-format=absolute", "--git-common-dir"])?);
        let inside = Git::at(tree);
        let names =
            inside.run(&["config", "--file", ".gitmodules", "--name-only", "--get-regexp", "^submodule\\..*\\.path$"]).unwrap_or_default();
        for key in names.lines() {
            let name = key.trim_start_matches("submodule.").trim_end_matches(".path");
            let path = inside.run(&["config", "--file", ".gitmodules", "--get", key])?;
            let modules = common.join("modules").join(name);
            // One that the user has not filled is not needed.
            if !modules.is_dir() {
                continue;
            }
            let url = format!("submodule.{name}.url={}", modules.display());
            inside.run(&["-c", "protocol.file.allow=always", "-c", &url, "submodule", "--quiet", "update", "--init", "--", &path])?;
        }
        Ok(())
    }

    /// Copies a file or a folder of the workspace that is in no commit.
    fn copy(&self, name: &Path, place: &Path) -> Result<(), String> {
        let from = self.git.folder().join(name);
        if name.is_absolute() || name.components().any(|part| part == std::path::Component::ParentDir) {
            return Err(format!("`copy` under [worktree]: {} is not inside the workspace", name.display()));
        }
        if !from.exists() {
            return Ok(());
        }
        let to = place.join(name);
        copy_all(&from, &to).map_err(|error| format!("{} can't be copied to {}: {error}", from.display(), to.display()))
    }

    /// Takes a place back to what was finished in it last, and brings in what others have finished.
    /// Gives the files in which both sides stand now.
    ///
    /// # Errors
    /// What git says.
    pub fn refresh(&self, folder: &Path) -> Result<Vec<String>, String> {
        let git = Git::at(folder);
        git.run(&["reset", "--quiet", "--hard"])?;
        let mut clean = vec!["clean".to_owned(), "-fdq".into()];
        clean.extend(self.settings.copy.iter().flat_map(|name| ["-e".to_owned(), format!("/{name}")]));
        git.run(&clean)?;
        let head = self.head()?;
        if git.says(&["merge-base", "--is-ancestor", &head, "HEAD"]) {
            return Ok(Vec::new());
        }
        let merged = git.output(&[
            "merge",
            "--quiet",
            "--no-edit",
            "--no-verify",
            "-m",
            &format!("Merge what others finished\n\nExecution: {}\n", self.execution),
            &head,
        ])?;
        let conflicts = git.run(&["diff", "--name-only", "--diff-filter=U", "--relative"])?;
        if !merged.status.success() && conflicts.is_empty() {
            let why = String::from_utf8_lossy(&merged.stderr).trim().to_owned();
            drop(git.run(&["merge", "--abort"]));
            return Err(format!("git merge: {why}"));
        }
        Ok(conflicts.lines().map(str::to_owned).collect())
    }

    /// Commits what is in a place. Gives the commit.
    ///
    /// # Errors
    /// Conflicts are left in it, or what git says.
    pub fn commit(&self, folder: &Path, about: &About) -> Result<String, String> {
        let git = Git::at(folder);
        let merging = git.says(&["rev-parse", "--verify", "--quiet", "MERGE_HEAD"]);
        // From the top: an attempt may have changed what is beside its folder.
        git.run(&["add", "--all", "--", ":/"])?;
        if merging {
            let marked = git.output(&["grep", "--cached", "-l", "-E", "^(<<<<<<<|>>>>>>>) ", "--", ":/"])?;
            let marked = String::from_utf8_lossy(&marked.stdout);
            if !marked.trim().is_empty() {
                return Err(format!("conflicts are left in {}", marked.trim().replace('\n', ", ")));
            }
        }
        if merging || !git.says(&["diff", "--cached", "--quiet"]) {
            let author = format!("{} <{}@{}>", about.agent, about.agent, env!("CARGO_PKG_NAME"));
            git.run(&["commit", "--quiet", "--no-verify", "--author", &author, "-m", &self.message(about)])?;
        }
        git.run(&["rev-parse", "HEAD"])
    }

    fn message(&self, about: &About) -> String {
        let About { title, task, order, agent } = about;
        format!("{title}\n\nTask: {task}\nOrder: {order}\nAgent: {agent}\nExecution: {}\n", self.execution)
    }

    /// Merges finished work, one after the other, into a commit that nobody has yet. What does not fit
    /// is left out.
    pub fn merge(&self, finished: &[Finished]) -> RepositoryOutcome {
        let merged = || -> Result<RepositoryOutcome, String> {
            let mut head = self.head()?;
            let (mut tasks, mut conflicts) = (Vec::new(), Vec::new());
            for work in finished {
                let commit = match &work.commit {
                    Some(commit) => commit.clone(),
                    None => self.commit(&work.folder, &work.about)?,
                };
                if self.git.says(&["merge-base", "--is-ancestor", &commit, &head]) {
                    tasks.push(work.task.clone());
                    continue;
                }
                let merged = self.git.output(&["merge-tree", "--write-tree", "--name-only", "-z", "--no-messages", &head, &commit])?;
                let said = String::from_utf8_lossy(&merged.stdout).into_owned();
                let mut parts = said.split('\0').filter(|part| !part.is_empty());
                let tree = parts.next().unwrap_or_default().trim().to_owned();
                match merged.status.code() {
                    Some(0) => {
                        head = self.git.run(&["commit-tree", &tree, "-p", &head, "-p", &commit, "-m", &self.message(&work.about)])?;
                        tasks.push(work.task.clone());
                    }
                    Some(1) => {
                        let files: BTreeSet<String> = parts.map(|file| self.relative(file)).collect();
                        conflicts.push(Conflict { task: work.task.clone(), files: files.into_iter().collect() });
                    }
                    _ => return Err(format!("git merge-tree: {}", String::from_utf8_lossy(&merged.stderr).trim())),
                }
            }
            if !tasks.is_empty() {
                // Until it is the result, this keeps it.
                self.git.run(&["update-ref", &format!("refs/execution-coordinator/{}", self.execution), &head])?;
            }
            let commit = (!tasks.is_empty()).then_some(head);
            Ok(RepositoryOutcome::Merged { tasks, conflicts, commit })
        };
        merged().unwrap_or_else(|why| RepositoryOutcome::Failed { why })
    }

    /// A path of the repository as it is called in the workspace.
    fn relative(&self, file: &str) -> String {
        let prefix = self.prefix.display().to_string();
        file.strip_prefix(&prefix).unwrap_or(file).to_owned()
    }

    /// Makes a merged commit the result, unless somebody else has moved that.
    pub fn land(&self, commit: &str) -> RepositoryOutcome {
        let landed = || -> Result<(), String> {
            let head = self.head()?;
            if head == commit {
                return Ok(());
            }
            if !self.git.says(&["merge-base", "--is-ancestor", &head, commit]) {
                return Err(format!("the branch {} was moved by somebody else", self.branch()));
            }
            self.git.run(&["update-ref", "-m", "landed", &self.result(), commit, &head]).map(drop)
        };
        landed().map_or_else(|why| RepositoryOutcome::Failed { why }, |()| RepositoryOutcome::Landed)
    }

    /// Merges the result into what the user has checked out, where that needs nobody.
    pub fn deliver(&self, commit: &str) -> RepositoryOutcome {
        let delivered = || -> Result<(), String> {
            if !self.git.says(&["symbolic-ref", "--quiet", "HEAD"]) {
                return Err("no branch is checked out".into());
            }
            let changed = self.git.run(&["status", "--porcelain", "--untracked-files=no"])?;
            if !changed.is_empty() {
                return Err("the checkout has uncommitted changes".into());
            }
            let merged = self.git.output(&["merge-tree", "--write-tree", "--name-only", "--no-messages", "HEAD", commit])?;
            if !merged.status.success() {
                return Err("the result does not fit with what is checked out now".into());
            }
            self.git.run(&["merge", "--quiet", "--no-verify", "--no-edit", "-m", &format!("Merge {}", self.branch()), commit]).map(drop)
        };
        delivered().map_or_else(|why| RepositoryOutcome::Failed { why }, |()| RepositoryOutcome::Delivered)
    }

    /// The worktree in which gates and reviewers see a commit: one for what is to become the result,
    /// one for the result itself. Gives the workspace in it, and whether it was made just now.
    ///
    /// # Errors
    /// What git says.
    pub fn show(&self, commit: &str, is_result: bool) -> Result<(PathBuf, bool), String> {
        let tree = self.trees.join(if is_result { "result" } else { "merged" });
        let workspace = tree.join(&self.prefix);
        if !tree.join(".git").exists() {
            self.add(&tree, &["--detach"], commit)?;
            return Ok((workspace, true));
        }
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let git = Git::at(&tree);
        if git.run(&["rev-parse", "HEAD"])? != commit {
            git.run(&["checkout", "--quiet", "--detach", "--force", commit])?;
        }
        Ok((workspace, false))
    }

    /// Removes a place whose work is part of the result.
    pub fn remove(&self, order: OrderId) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let tree = self.trees.join(order.to_string()).display().to_string();
        // What can't be removed now is removed by `clean`.
        drop(self.git.run(&["worktree", "remove", "--force", "--force", &tree]));
        drop(self.git.run(&["branch", "--quiet", "-D", &format!("{}/{order}", self.branches)]));
    }

    /// Puts away the checkouts of the result: its branch keeps it.
    pub fn close(&self) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        for tree in ["result", "merged"] {
            let tree = self.trees.join(tree);
            if tree.exists() {
                drop(self.git.run(&["worktree", "remove", "--force", "--force", &tree.display().to_string()]));
            }
        }
        drop(self.git.run(&["update-ref", "-d", &format!("refs/execution-coordinator/{}", self.execution)]));
    }
}

/// What an execution has left in a repository, as its journal proves.
pub struct Leftovers<'a> {
    /// The workspace.
    pub root: &'a Path,
    /// The execution's folder.
    pub folder: &'a Path,
    /// The branches of its places, with the commits that it made or began with.
    pub branches: Vec<(String, Vec<String>)>,
}

impl Leftovers<'_> {
    /// Removes the worktrees of an execution, and those of its branches that hold nothing but what it
    /// made itself. Gives what was kept, and why.
    ///
    /// # Errors
    /// What git says.
    pub fn remove(&self) -> Result<Vec<String>, String> {
        let git = Git::at(self.root);
        let trees = self.folder.join("trees").canonicalize().unwrap_or_else(|_| self.folder.join("trees"));
        let listed = git.run(&["worktree", "list", "--porcelain"])?;
        for tree in listed.lines().filter_map(|line| line.strip_prefix("worktree ")) {
            // Ours are below the execution's own folder; nobody else makes any there.
            if Path::new(tree).starts_with(&trees) {
                git.run(&["worktree", "remove", "--force", "--force", tree])?;
            }
        }
        let execution = self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut kept = Vec::new();
        for (branch, made) in &self.branches {
            let Ok(tip) = git.run(&["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}")]) else { continue };
            // Each commit that was not recorded says in its message that it is this execution's.
            let mut unrecorded = vec!["log", "--format=%x00%(trailers:key=Execution,valueonly)", &tip, "--not"];
            unrecorded.extend(made.iter().map(String::as_str));
            let ours = |said: String| said.split('\0').skip(1).all(|trailer| trailer.trim() == execution);
            let proven = git.run(&unrecorded).is_ok_and(ours);
            if proven {
                git.run(&["branch", "--quiet", "-D", branch])?;
            } else {
                kept.push(format!("{branch}: it has commits that the execution did not make"));
            }
        }
        drop(git.run(&["update-ref", "-d", &format!("refs/execution-coordinator/{execution}")]));
        git.run(&["worktree", "prune"])?;
        Ok(kept)
    }
}

/// Copies a file, a link or a folder with all that is in it.
fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    let meta = from.symlink_metadata()?;
    if meta.is_dir() {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            if entry.file_name() != STATE_FOLDER {
                copy_all(&entry.path(), &to.join(entry.file_name()))?;
            }
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if meta.is_symlink() {
        return std::os::unix::fs::symlink(std::fs::read_link(from)?, to);
    }
    std::fs::copy(from, to).map(drop)
}
