//! The repository in which attempts have worktrees of their own: worktrees and branches, the merge of
//! what is finished, and the result.
//!
//! Merges are made without a checkout (`git merge-tree`), and a commit becomes the result by moving one
//! reference, so whatever is killed when leaves a repository that git calls clean. All that is made
//! here has the execution's name in it: branches below `execution-coordinator/EXECUTION/`, worktrees
//! below the execution's own folder.

use super::clone::{self, Origin};
use super::execution_dir::ExecutionDir;
use super::files::{
    AT_A_TIME, copy_all, has_room, leads_into, look_at_all, names_in, remove_untracked, state_of,
    untracked,
};
use super::filters::Filters;
use super::git::Git;
use super::isolation::prefix_of;
use super::link::clone_of;
use super::submodules::{self, Submodule};
use super::{link, make_private, pipes};
use crate::config::Worktree;
use crate::core::id::{OrderId, TaskId};
use crate::core::merging::{result_branch, worktree_branch};
use crate::core::outcome::{Conflict, RepositoryOutcome};
use crate::escape::line;
use crate::process::open_kept;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How the note begins that a shared worktree is ready: names of what the setup made follow. Without it, it is of a version
/// that kept none.
const READY: &[u8] = b"ready\0";
/// As much of a diff is read as a reviewer could be told.
const DIFF_BYTES: u64 = 1 << 20;
/// A file that is no reference, and keeps its folder.
const KEEP: &str = ".keep";
/// Files whose diffs are read.
const DIFF_FILES: usize = 500;

/// Finished work that is to be merged.
pub struct Finished {
    /// Whose.
    pub task: TaskId,
    /// Its place.
    pub folder: PathBuf,
    /// The commit that holds it; what is in the worktree now when absent.
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

/// Files as a merge left them, by their names; nothing where there is no such file.
type AsLeft = Vec<(String, Option<Vec<u8>>)>;

/// One execution's part of a repository.
pub struct Repository {
    git: Git,
    /// What worktrees are clones of.
    origin: Origin,
    /// The workspace in the repository.
    prefix: PathBuf,
    /// Where its worktrees are.
    trees: PathBuf,
    /// What its branches begin with.
    branches: String,
    execution: String,
    filters: Filters,
    settings: Worktree,
    /// The last commit that landed: the branch of the result has it in it, unless somebody moved that.
    landed: Mutex<Option<String>>,
    /// Files of worktrees that were left in conflict, with what stood in them then.
    conflicts: Mutex<BTreeMap<PathBuf, AsLeft>>,
    /// The commits that the shared worktrees show, as far as this process has seen to it: of what is to become the
    /// result, and of the result.
    shown: Mutex<[Option<String>; 2]>,
    /// Held while a shared worktree is made ready.
    pub showing: tokio::sync::Mutex<()>,
}

impl Repository {
    /// The part of an execution, by its folder, with the last commit of its result that is on record.
    ///
    /// # Errors
    /// What git says.
    pub fn open(
        root: &Path,
        dir: &ExecutionDir,
        settings: Worktree,
        landed: Option<String>,
    ) -> Result<Self, String> {
        let git = Git::at(root);
        let execution = dir.id();
        let trees = dir.trees();
        make_private(&trees).map_err(|error| format!("{}: {error}", trees.display()))?;
        let trees = trees.canonicalize().unwrap_or(trees);
        let repository = Self {
            origin: Origin::from_git(&git)?,
            prefix: PathBuf::from(prefix_of(&git)?),
            trees,
            branches: format!("execution-coordinator/{execution}"),
            execution,
            filters: Filters::configured(&git, dir.path())?,
            settings,
            shown: Mutex::default(),
            showing: tokio::sync::Mutex::default(),
            landed: Mutex::new(landed.clone()),
            conflicts: Mutex::default(),
            git,
        };
        // The result begins as what is checked out now.
        if !repository.git.says(&["show-ref", "--verify", "--quiet", &repository.result()]) {
            // Or, where somebody has deleted it, as it was.
            let begin = landed.map_or_else(
                || repository.git.run(&["rev-parse", "--verify", "HEAD^{commit}"]),
                Ok,
            )?;
            repository.git.run(&["update-ref", &repository.result(), &begin, ""])?;
        }
        // Also before anything has landed it is what it began as.
        let head = repository.head()?;
        repository.landed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(head);
        Ok(repository)
    }

    /// The branch of the result.
    pub fn branch(&self) -> String {
        result_branch(&self.execution)
    }

    pub(super) fn result(&self) -> String {
        format!("refs/heads/{}", self.branch())
    }

    /// The last commit of the result.
    ///
    /// # Errors
    /// Somebody has moved or deleted its branch.
    pub fn head(&self) -> Result<String, String> {
        let branch = self.branch();
        let landed = self.landed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let put_back = landed.as_ref().map_or(String::new(), |landed| {
            format!(": `git branch -f {branch} {landed}` puts it back")
        });
        let head = self.git.run(&[
            "rev-parse",
            "--verify",
            "--quiet",
            &format!("{}^{{commit}}", self.result()),
        ]);
        let head = head.map_err(|_| format!("the branch {branch} is gone{put_back}"))?;
        // What lands is kept by a reference of its own until it has: a process that is killed between has moved it.
        let is_landing = || {
            self.git
                .run(&[
                    "rev-parse",
                    "--verify",
                    "--quiet",
                    &format!("refs/execution-coordinator/{}", self.execution),
                ])
                .is_ok_and(|merged| merged == head)
        };
        match landed {
            Some(landed) if landed != head && !is_landing() => Err(format!(
                "the branch {branch} was moved by somebody else, and nobody has judged what is in it now{put_back}; `git branch kept {head}` first keeps what was added"
            )),
            _ => Ok(head),
        }
    }

    /// The checkout of a place, as long as it is what it was made as: linked to the repository, on its own
    /// branch, with what it began with in it.
    fn checkout(&self, folder: &Path) -> Result<Git, String> {
        let order = folder.strip_prefix(&self.trees).ok().and_then(|rest| rest.components().next());
        let Some(order) = order else {
            return Err(format!("{} is no place of this execution", folder.display()));
        };
        let order = order.as_os_str().to_string_lossy().into_owned();
        let tree = self.trees.join(&order);
        self.filters.are_as_they_were(&self.git)?;
        link::admin_folder(&tree)?;
        pipes::remove_below(&tree);
        let git = Git::below(&self.trees, folder);
        let top = git
            .run(&["rev-parse", "--show-toplevel"])
            .map_err(|_| format!("the worktree {order} is no git worktree any more"))?;
        let own = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let common = git.run(&["rev-parse", "--path-format=absolute", "--git-common-dir"])?;
        if own(Path::new(&top)) != own(&tree) || own(Path::new(&common)) != own(&clone_of(&tree)) {
            return Err(format!("the worktree {order} is another repository now ({top})"));
        }
        let branch = format!("refs/heads/{}", self.branch_of(&order));
        if git.run(&["symbolic-ref", "--quiet", "HEAD"]).unwrap_or_default() != branch {
            // What was done on another branch, on top of its own one, is its own all the same.
            if !git.says(&["merge-base", "--is-ancestor", &branch, "HEAD"]) {
                return Err(format!(
                    "the worktree {order} is on another branch, which does not have its own one in it: agents stay on the branch that they are given"
                ));
            }
            let (done, own) = (git.run(&["rev-parse", "HEAD"])?, git.run(&["rev-parse", &branch])?);
            git.run(&["update-ref", "-m", "taken from another branch", &branch, &done, &own])?;
            git.run(&["symbolic-ref", "HEAD", &branch])?;
        }
        // What it began with, and what was finished in it; what an agent amends before is its own affair.
        match self.git.run(&["rev-parse", "--verify", "--quiet", &branch]) {
            Ok(finished) if !git.says(&["merge-base", "--is-ancestor", &finished, "HEAD"]) => {
                Err(format!(
                    "what was finished in the worktree {order} is not in its branch any more (`git show {finished}`)"
                ))
            }
            _ => Ok(git),
        }
    }

    /// Takes over what is in the branch of a place. Gives the commit.
    fn take_over(&self, folder: &Path) -> Result<String, String> {
        let tree = self.top_of(folder);
        let branch = self.branch_of(&tree.file_name().unwrap_or_default().to_string_lossy());
        let known = [self.result(), format!("refs/heads/{branch}")].into_iter();
        let known =
            known.filter(|branch| self.git.says(&["show-ref", "--verify", "--quiet", branch]));
        self.origin.fetch(&tree, &branch, &known.collect::<Vec<_>>())?;
        self.git.run(&["rev-parse", &format!("refs/heads/{branch}")])
    }

    /// The top of the worktree that a place is in.
    pub fn top_of(&self, folder: &Path) -> PathBuf {
        let order = folder.strip_prefix(&self.trees).ok().and_then(|rest| rest.components().next());
        order.map_or_else(|| folder.to_owned(), |order| self.trees.join(order))
    }

    fn branch_of(&self, order: &str) -> String {
        worktree_branch(&self.execution, order)
    }

    /// What a place's agent may write: the place, and what of its clone it needs for commits on its own
    /// branch. No config, no hooks, no other branches: those are run by, or shown to, others.
    pub fn own(&self, folder: &Path) -> Vec<PathBuf> {
        let tree = self.top_of(folder);
        let (Ok(admin), Some(order)) = (link::admin_folder(&tree), tree.file_name()) else {
            return Vec::new();
        };
        let clone = clone_of(&tree);
        let refs = ["refs/heads", "logs/refs/heads"]
            .map(|of| clone.join(of).join(&self.branches).join(order));
        // They stay when git packs references; an empty folder would go, and the right to it with it.
        refs.iter().for_each(|folder| {
            drop(
                std::fs::create_dir_all(folder)
                    .and_then(|()| std::fs::write(folder.join(KEEP), "")),
            )
        });
        [tree, clone.join("objects"), admin].into_iter().chain(refs).collect()
    }

    /// What the branches of worktrees begin with, which no other worktree is shown.
    fn hidden(&self) -> String {
        format!("refs/heads/{}/", self.branches)
    }

    /// Makes a worktree with a branch, from the result so far and, where something was
    /// finished before, from that.
    pub fn prepare_worktree(&self, order: OrderId, base: Option<&str>) -> RepositoryOutcome {
        let branch = self.branch_of(&order.to_string());
        let made = || -> Result<(PathBuf, String), String> {
            has_room(&self.trees, self.settings.min_free_mb)?;
            let begin = base.map_or_else(|| self.head(), |base| Ok(base.to_owned()))?;
            let tree = self.trees.join(order.to_string());
            self.add(&tree, Some(&branch), &begin)?;
            self.git.run(&[
                "update-ref",
                "-m",
                "a worktree",
                &format!("refs/heads/{branch}"),
                &begin,
                "",
            ])?;
            Ok((tree.join(&self.prefix), begin))
        };
        match made() {
            Ok((folder, base)) => RepositoryOutcome::WorktreeReady {
                folder: folder.display().to_string(),
                branch,
                base,
            },
            Err(why) => RepositoryOutcome::Failed { why },
        }
    }

    /// Keeps on record what the setup of a worktree has made that is in no commit.
    ///
    /// # Errors
    /// What git says, or the folder of the execution can't be written.
    pub fn was_set_up(&self, folder: &Path) -> Result<(), String> {
        let top = self.top_of(folder);
        let made = untracked(&Git::below(&self.trees, &top))?;
        // A name that is no text, or has a line break in it, is taken for work.
        let names =
            made.iter().filter_map(|name| name.to_str()).filter(|name| !name.contains('\n'));
        let text: String =
            names.map(|name| format!("{} {name}\n", state_of(&top.join(name)))).collect();
        let note = top.with_extension("setup");
        std::fs::write(&note, text).map_err(|error| format!("{}: {error}", note.display()))
    }

    /// Adds a worktree, with what it needs that is not in a commit.
    fn add(&self, tree: &Path, branch: Option<&str>, commit: &str) -> Result<(), String> {
        self.filters.are_as_they_were(&self.git)?;
        self.origin.add(tree, branch, commit, &self.hidden())?;
        let inside = Git::below(&self.trees, tree);
        submodules::submodules_in(&self.git, self.origin.common(), commit)?
            .iter()
            .try_for_each(|submodule| submodule.fill(&inside))?;
        link::keep(tree)?;
        for name in &self.settings.copy {
            self.copy(Path::new(name), &tree.join(&self.prefix))?;
        }
        Ok(())
    }

    /// Copies a file or a folder of the workspace that is in no commit.
    fn copy(&self, name: &Path, place: &Path) -> Result<(), String> {
        let from = self.git.folder().join(name);
        if name.is_absolute()
            || name.components().any(|part| part == std::path::Component::ParentDir)
        {
            return Err(format!(
                "`copy` under [worktree]: {} is not inside the workspace",
                name.display()
            ));
        }
        if !from.exists() {
            return Ok(());
        }
        let to = place.join(name);
        if !leads_into(&to, &self.top_of(place)) {
            return Err(format!(
                "`copy` under [worktree]: {} would be written outside of the place, by a link in it",
                name.display()
            ));
        }
        copy_all(&from, &to).map_err(|error| {
            format!("{} can't be copied to {}: {error}", from.display(), to.display())
        })
    }

    /// Takes a worktree back to what was finished in it last, and brings in what others have finished.
    /// Gives the commit with which that is, and the files in which both sides stand now.
    ///
    /// # Errors
    /// What git says.
    pub fn refresh(&self, folder: &Path) -> Result<(String, Vec<String>), String> {
        let git = self.checkout(folder)?;
        git.run(&["reset", "--quiet", "--hard"])?;
        self.origin.show_refs(&self.top_of(folder), &self.hidden())?;
        let head = self.head()?;
        let mut all = self.conflicts.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(folder);
        if git.says(&["merge-base", "--is-ancestor", &head, "HEAD"]) {
            return Ok((git.run(&["rev-parse", "HEAD"])?, Vec::new()));
        }
        let message = format!("Merge what others finished\n\nExecution: {}\n", self.execution);
        let how = [
            "merge",
            "--quiet",
            "--no-edit",
            "--no-verify",
            "--ff",
            "--no-verify-signatures",
            "-m",
            &message,
            &head,
        ];
        let merged = git.output(&how)?;
        let unmerged = git.run(&[
            "diff",
            "--name-only",
            "--diff-filter=U",
            "--relative",
            "--ignore-submodules=all",
            "-z",
        ])?;
        let conflicts: Vec<String> =
            unmerged.split('\0').filter(|file| !file.is_empty()).map(str::to_owned).collect();
        if !merged.status.success() && conflicts.is_empty() {
            let why = String::from_utf8_lossy(&merged.stderr).trim().to_owned();
            drop(git.run(&["merge", "--abort"]));
            return Err(format!("git merge: {why}"));
        }
        let as_left = conflicts
            .iter()
            .map(|file| (file.clone(), std::fs::read(folder.join(file)).ok()))
            .collect();
        all.insert(folder.to_owned(), as_left);
        Ok((git.run(&["rev-parse", "HEAD"])?, conflicts))
    }

    /// A worktree as it was left, with what is not finished in it; gives what [`Self::refresh`] gives.
    ///
    /// # Errors
    /// What git says.
    pub fn goes_on(&self, folder: &Path) -> Result<(String, Vec<String>), String> {
        let git = self.checkout(folder)?;
        let head = git.run(&["rev-parse", "HEAD"])?;
        let Ok(other) = git.run(&["rev-parse", "--verify", "--quiet", "MERGE_HEAD"]) else {
            return Ok((head, Vec::new()));
        };
        // What was in conflict is known to the process that merged it.
        let mut all = self.conflicts.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(folder) {
            let merged = git.output(&[
                "merge-tree",
                "--write-tree",
                "--name-only",
                "-z",
                "--no-messages",
                &head,
                &other,
            ])?;
            let said = String::from_utf8_lossy(&merged.stdout).into_owned();
            let files = said
                .split('\0')
                .skip(1)
                .filter(|file| !file.is_empty())
                .map(|file| (self.relative(file), None));
            all.insert(folder.to_owned(), files.collect());
        }
        let conflicts =
            all.get(folder).into_iter().flatten().map(|(file, _)| file.clone()).collect();
        // What others have merged is theirs.
        Ok((other, conflicts))
    }

    /// Commits what is in a place. Gives the commit.
    ///
    /// # Errors
    /// Conflicts are left in it, or what git says.
    pub fn commit(&self, folder: &Path, about: &About) -> Result<String, String> {
        let git = self.checkout(folder)?;
        self.are_resolved(&git, folder)?;
        let author = format!("{} <{}@{}>", about.agent, about.agent, env!("CARGO_PKG_NAME"));
        let message = self.message(about);
        let commit = ["commit", "--quiet", "--no-verify", "--author", &author, "-m", &message];
        let (top, begin) = (self.top_of(folder), git.run(&["rev-parse", "HEAD"])?);
        let submodules = submodules::submodules_in(&git, self.origin.common(), &begin)?;
        let known: Vec<&str> = submodules.iter().map(Submodule::path).collect();
        // Before git looks into any of them, by the settings that it finds there.
        let listed = git.run(&["ls-files", "--stage", "--full-name", "-z", "--", ":/"])?;
        let links = listed
            .split('\0')
            .filter(|entry| entry.starts_with("160000 "))
            .filter_map(|entry| entry.split_once('\t'));
        if let Some((_, nested)) = links
            .into_iter()
            .find(|(_, path)| !known.contains(path) && top.join(path).join(".git").exists())
        {
            return Err(format!(
                "`{nested}` is a repository of its own, and its files would be lost: remove its .git"
            ));
        }
        submodules
            .iter()
            .try_for_each(|submodule| submodule.is_untouched(&top, &top.with_extension("index")))?;
        look_at_all(&git, &top)?;
        link::distrust_index(&top)?;
        // From the top: an attempt may have changed what is beside its folder.
        let others = known.iter().map(|path| format!(":(top,exclude,literal){path}"));
        let add = ["add", "--all", "--sparse", "--", ":/"]
            .iter()
            .map(|word| (*word).to_owned())
            .chain(others);
        git.run(&add.collect::<Vec<_>>())?;
        // What the setup made is not the task's work, unless somebody has changed it.
        let made = std::fs::read_to_string(top.with_extension("setup")).unwrap_or_default();
        let as_it_was = |line: &str| {
            let (state, name) = line.split_once(' ')?;
            (state_of(&top.join(name)) == state).then(|| format!(":(top,literal){name}"))
        };
        let untouched: Vec<String> = made.lines().filter_map(as_it_was).collect();
        for some in untouched.chunks(AT_A_TIME) {
            git.run(
                &["reset", "--quiet", "HEAD", "--"]
                    .into_iter()
                    .chain(some.iter().map(String::as_str))
                    .collect::<Vec<_>>(),
            )?;
        }
        // What was copied is in no commit, also where git would not ignore it.
        for name in &self.settings.copy {
            git.run(&[
                "reset",
                "--quiet",
                "HEAD",
                "--",
                &format!(":(top,literal){}", self.prefix.join(name).display()),
            ])?;
        }
        let changes = git.run(&["diff", "--cached", "--raw", "--no-renames"])?;
        let nested = changes
            .lines()
            .find(|line| line.starts_with(":000000 160000"))
            .and_then(|line| line.split('\t').nth(1));
        if let Some(nested) = nested.filter(|_| !changes.contains("\t.gitmodules")) {
            return Err(format!(
                "`{nested}` is a repository of its own, and its files would be lost: remove its .git"
            ));
        }
        let merging = git.says(&["rev-parse", "--verify", "--quiet", "MERGE_HEAD"]);
        if merging || !changes.is_empty() {
            git.run(&commit)?;
        }
        // Also what an agent has committed itself.
        let links = git.run(&[
            "diff",
            "--raw",
            "--no-renames",
            "--ignore-submodules=none",
            &format!("{}...HEAD", self.head()?),
        ])?;
        let link = links
            .lines()
            .find(|line| line.split(' ').nth(1) == Some("160000"))
            .and_then(|line| line.split('\t').nth(1));
        if let Some(link) = link {
            return Err(format!(
                "`{link}` is a repository of its own, and its files would be lost: remove its .git, or leave it as it was"
            ));
        }
        self.take_over(folder)
    }

    /// The files that two commits have otherwise, as they are called in a place.
    ///
    /// # Errors
    /// What git says.
    pub fn changed(&self, from: &str, to: &str) -> Result<Vec<String>, String> {
        let changed = self.git.run(&["diff", "--name-only", "--no-renames", "-z", from, to])?;
        Ok(changed
            .split('\0')
            .filter(|file| !file.is_empty())
            .map(|file| self.relative(file))
            .collect())
    }

    /// Whether somebody has decided about each file that was left in conflict: it is another now, or was
    /// added or removed by hand; and no markers are in it.
    fn are_resolved(&self, git: &Git, folder: &Path) -> Result<(), String> {
        let conflicts = self
            .conflicts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(folder)
            .cloned()
            .unwrap_or_default();
        if conflicts.is_empty() {
            return Ok(());
        }
        let unmerged = git.run(&["diff", "--name-only", "--diff-filter=U", "--relative", "-z"])?;
        let unmerged: BTreeSet<&str> = unmerged.split('\0').collect();
        let left = conflicts.iter().filter(|(file, as_left)| {
            let mut bytes = Vec::new();
            let now = open_kept(&folder.join(file))
                .and_then(|mut file| file.read_to_end(&mut bytes))
                .is_ok()
                .then_some(bytes);
            let is_marker =
                |line: &[u8]| line.starts_with(b"<<<<<<< ") || line.starts_with(b">>>>>>> ");
            let marked =
                now.as_deref().is_some_and(|text| text.split(|byte| *byte == b'\n').any(is_marker));
            marked || (unmerged.contains(file.as_str()) && now == *as_left)
        });
        let left: Vec<&str> = left.map(|(file, _)| file.as_str()).collect();
        if left.is_empty() {
            return Ok(());
        }
        Err(format!(
            "conflicts are left in {}: fix each, or `git add` or `git rm` it as it stands",
            left.join(", ")
        ))
    }

    fn message(&self, about: &About) -> String {
        let About { title, task, order, agent } = about;
        format!(
            "{}\n\nTask: {}\nOrder: {order}\nAgent: {}\nExecution: {}\n",
            line(title),
            line(task),
            line(agent),
            self.execution
        )
    }

    /// Merges finished work, one after the other, into a commit that nobody has yet. What does not fit
    /// is left out.
    pub fn merge(&self, finished: &[Finished]) -> RepositoryOutcome {
        let merged = || -> Result<RepositoryOutcome, String> {
            self.filters.are_as_they_were(&self.git)?;
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
                let merged = self.git.output(&[
                    "merge-tree",
                    "--write-tree",
                    "--name-only",
                    "-z",
                    "--no-messages",
                    &head,
                    &commit,
                ])?;
                let said = String::from_utf8_lossy(&merged.stdout).into_owned();
                let mut parts = said.split('\0').filter(|part| !part.is_empty());
                let tree = parts.next().unwrap_or_default().trim().to_owned();
                match merged.status.code() {
                    Some(0) => {
                        head = self.git.run(&[
                            "commit-tree",
                            &tree,
                            "-p",
                            &head,
                            "-p",
                            &commit,
                            "-m",
                            &self.message(&work.about),
                        ])?;
                        tasks.push(work.task.clone());
                    }
                    Some(1) if !tree.is_empty() => {
                        let files: BTreeSet<String> =
                            parts.map(|file| self.relative(file)).collect();
                        conflicts.push(Conflict {
                            task: work.task.clone(),
                            files: files.into_iter().collect(),
                        });
                    }
                    _ => {
                        return Err(format!(
                            "git merge-tree: {}",
                            String::from_utf8_lossy(&merged.stderr).trim()
                        ));
                    }
                }
            }
            if !tasks.is_empty() {
                // Until it is the result, this keeps it.
                self.git.run(&[
                    "update-ref",
                    &format!("refs/execution-coordinator/{}", self.execution),
                    &head,
                ])?;
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
            if head != commit {
                if !self.git.says(&["merge-base", "--is-ancestor", &head, commit]) {
                    return Err(format!("the branch {} was moved by somebody else", self.branch()));
                }
                self.is_nowhere_checked_out()?;
                self.git.run(&["update-ref", "-m", "landed", &self.result(), commit, &head])?;
            }
            self.set_landed(commit);
            Ok(())
        };
        landed()
            .map_or_else(|why| RepositoryOutcome::Failed { why }, |()| RepositoryOutcome::Landed)
    }

    /// A branch that moves under a checkout makes that look as if everything had been undone.
    pub(super) fn is_nowhere_checked_out(&self) -> Result<(), String> {
        match self.where_checked_out(&self.result())? {
            Some(tree) => Err(format!(
                "the branch of the result is checked out in {tree}: check something else out there"
            )),
            None => Ok(()),
        }
    }

    /// The worktree in which a branch is checked out.
    pub(super) fn where_checked_out(&self, branch: &str) -> Result<Option<String>, String> {
        let mut tree = "";
        let (listed, branch) =
            (self.git.run(&["worktree", "list", "--porcelain"])?, format!("branch {branch}"));
        for line in listed.lines() {
            if let Some(path) = line.strip_prefix("worktree ") {
                tree = path;
            } else if line == branch {
                return Ok(Some(tree.to_owned()));
            }
        }
        Ok(None)
    }

    /// The user's own checkout.
    pub(super) fn git(&self) -> &Git {
        &self.git
    }

    /// The last commit of the result that is on record.
    pub(super) fn landed(&self) -> Option<String> {
        self.landed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_landed(&self, commit: &str) {
        *self.landed.lock().unwrap_or_else(PoisonError::into_inner) = Some(commit.to_owned());
    }

    /// The execution.
    pub(super) fn execution(&self) -> &str {
        &self.execution
    }

    /// The folder of worktrees.
    pub(super) fn trees(&self) -> &Path {
        &self.trees
    }

    /// The worktree in which gates and reviewers see a commit: one for what is to become the result,
    /// one for the result itself. Gives the workspace in it, and whether it still has to be made ready.
    ///
    /// # Errors
    /// What git says.
    pub fn show(&self, commit: &str, is_result: bool) -> Result<(PathBuf, bool), String> {
        let tree = self.shared(is_result);
        let workspace = tree.join(&self.prefix);
        let noted = std::fs::read(self.mark(is_result)).unwrap_or_default();
        let shown = || -> Result<(), String> {
            self.filters.are_as_they_were(&self.git)?;
            // A gate may have written all of it.
            link::admin_folder(&tree)?;
            pipes::remove_below(&tree);
            let git = Git::below(&self.trees, &tree);
            git.run(&["checkout", "--quiet", "--detach", "--force", commit])?;
            git.run(&["reset", "--quiet", "--hard"])?;
            // What an earlier gate left is in no commit; what the setup made is needed, and so is what git ignores.
            remove_untracked(
                &git,
                &tree,
                &names_in(noted.strip_prefix(READY).unwrap_or_default()).collect(),
            )
        };
        // Others may look at it already, and have begun.
        let mut seen = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = &mut seen[usize::from(is_result)];
        let is_shown = seen.as_deref() == Some(commit) && link::admin_folder(&tree).is_ok();
        let is_ready = noted.starts_with(READY) && (is_shown || shown().is_ok());
        *seen = Some(commit.to_owned());
        if is_ready {
            return Ok((workspace, false));
        }
        // One that was left half made, or that git can't use any more, is made again: it is ours alone.
        drop(std::fs::remove_file(self.mark(is_result)));
        clone::remove(&tree).map_err(|error| format!("{}: {error}", tree.display()))?;
        self.add(&tree, None, commit)?;
        Ok((workspace, true))
    }

    /// What was finished in a place, or of the whole where that is looked at, has otherwise than a commit, file by file. It
    /// is asked of the repository, whose objects an agent can't forge.
    ///
    /// # Errors
    /// What git says.
    pub fn diff(&self, folder: &Path, base: &str) -> Result<Vec<String>, String> {
        self.filters.are_as_they_were(&self.git)?;
        let git = &self.git;
        let name =
            self.top_of(folder).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let of_place = format!("refs/heads/{}", self.branch_of(&name));
        let is_place = git.says(&["show-ref", "--verify", "--quiet", &of_place]);
        let last = if is_place { of_place } else { self.result() };
        let relative = format!("--relative={}", self.prefix.display());
        let how =
            ["diff", "--no-color", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all"];
        let names =
            git.run(&[&how[..], &["--name-only", "-z", &relative, base, &last]].concat())?;
        let names: Vec<&str> = names.split('\0').filter(|name| !name.is_empty()).collect();
        let (mut texts, mut left) = (Vec::new(), DIFF_BYTES);
        // Each by itself, so that one large file does not stand for all.
        for name in names.iter().take(DIFF_FILES) {
            let most = left.min(DIFF_BYTES / 8);
            let file = format!(":(top,literal){}", self.prefix.join(name).display());
            let text =
                git.beginning(&[&how[..], &[&relative, base, &last, "--", &file]].concat(), most)?;
            left -= text.len() as u64;
            texts.push(if text.len() as u64 == most {
                format!("{text}\n… (more of {name} is left out)")
            } else {
                text
            });
        }
        if names.len() > DIFF_FILES {
            texts.push(format!("… ({} more files are left out)", names.len() - DIFF_FILES));
        }
        Ok(texts)
    }

    /// The commit from which the result has grown: what it has in common with what is checked out.
    ///
    /// # Errors
    /// What git says.
    pub fn grown_from(&self) -> Result<String, String> {
        self.git.run(&["merge-base", "HEAD", &self.result()])
    }

    /// That worktree has all that it needs: what is in it now, and in no commit, stays.
    ///
    /// # Errors
    /// What git says, or the folder of the execution can't be written.
    pub fn is_ready(&self, is_result: bool) -> Result<(), String> {
        let mark = self.mark(is_result);
        let made = untracked(&Git::below(&self.trees, &self.shared(is_result)))?;
        let made: Vec<&[u8]> =
            made.iter().map(|name| name.as_os_str().as_encoded_bytes()).collect();
        std::fs::write(&mark, [READY, &made.join(&0)].concat())
            .map_err(|error| format!("{}: {error}", mark.display()))
    }

    fn shared(&self, is_result: bool) -> PathBuf {
        self.trees.join(if is_result { "result" } else { "merged" })
    }

    fn mark(&self, is_result: bool) -> PathBuf {
        self.shared(is_result).with_extension("ready")
    }

    /// Removes a worktree whose work is part of the result. What somebody has added to it is kept.
    pub fn remove(&self, order: OrderId) {
        let (tree, branch) =
            (self.trees.join(order.to_string()), self.branch_of(&order.to_string()));
        let name = format!("refs/heads/{branch}");
        // What is new in it is not known to the repository.
        let tip = Git::at(&clone_of(&tree)).run(&[
            "--git-dir=.",
            "rev-parse",
            "--verify",
            "--quiet",
            &name,
        ]);
        if !self.git.says(&[
            "merge-base",
            "--is-ancestor",
            tip.as_deref().unwrap_or(&name),
            &self.result(),
        ]) {
            return;
        }
        // What can't be removed now is removed by `clean`.
        drop(clone::remove(&tree));
        drop(self.git.run(&["branch", "--quiet", "-D", &branch]));
        ["config", "link", "settings", "setup"]
            .iter()
            .for_each(|note| drop(std::fs::remove_file(tree.with_extension(note))));
    }

    /// Puts away the checkouts of the result, which its branch keeps, and worktrees that were interrupted
    /// before anything was done in them, but for some.
    pub fn close(&self, kept: &BTreeSet<OrderId>) {
        let names = std::fs::read_dir(&self.trees)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name());
        for order in names
            .filter_map(|name| name.to_str()?.parse::<OrderId>().ok())
            .filter(|order| !kept.contains(order))
        {
            let tree = self.trees.join(order.to_string());
            let changed = link::admin_folder(&tree).and_then(|_| {
                Git::below(&self.trees, &tree).run(&[
                    "status",
                    "--porcelain",
                    "--ignore-submodules=all",
                ])
            });
            if changed.is_ok_and(|changed| changed.is_empty()) {
                self.remove(order);
            }
        }
        for is_result in [true, false] {
            let tree = self.shared(is_result);
            drop(std::fs::remove_file(self.mark(is_result)));
            drop(clone::remove(&tree));
        }
        drop(self.git.run(&[
            "update-ref",
            "-d",
            &format!("refs/execution-coordinator/{}", self.execution),
        ]));
    }
}
