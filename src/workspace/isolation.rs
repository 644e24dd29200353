//! Whether attempts can have worktrees of their own, and what agents will not see in them.

use super::STATE_FOLDER;
use super::files::NAMED;
use super::git::Git;
use crate::config::Isolation;
use std::path::Path;

/// The oldest git that merges without a checkout.
const OLDEST: (u32, u32) = (2, 38);

/// Whether attempts have worktrees of their own, and what should be known about that.
///
/// # Errors
/// They were asked for and can't be had: a sentence that says why and what to do.
pub fn isolation(
    root: &Path,
    wanted: Option<Isolation>,
    only_commands: bool,
) -> Result<(bool, Vec<String>), String> {
    match wanted {
        Some(Isolation::None) => return Ok((false, Vec::new())),
        // Commands do their work where they stand, as those of a Makefile do.
        None if only_commands => return Ok((false, Vec::new())),
        _ => {}
    }
    match usable(root) {
        Ok(warnings) => Ok((true, warnings)),
        // What a branch of somebody's keeps from them is no reason to do without.
        Err(why) if wanted.is_some() || is_branch_in_the_way(&Git::at(root)) => {
            Err(format!("isolation = \"worktree\": {why}; or set isolation = \"none\""))
        }
        Err(why) => {
            let shared = "attempts share the workspace, and tasks that name the same files run one after the other";
            Ok((false, vec![format!("{why}: so far {shared}")]))
        }
    }
}

/// Whether attempts would have worktrees, as far as that can be told without a look at files: nothing that a repository
/// names is run.
pub fn is_likely(root: &Path, wanted: Option<Isolation>, only_commands: bool) -> bool {
    let is_asked = match wanted {
        Some(Isolation::None) => false,
        Some(Isolation::Worktree) => true,
        None => !only_commands,
    };
    is_asked && Git::at(root).says(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
}

/// Whether worktrees can be made; with what agents will not see in them.
fn usable(root: &Path) -> Result<Vec<String>, String> {
    let git = Git::at(root);
    let version = git.run(&["version"])?;
    let numbers: Vec<u32> =
        version.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
    if numbers.len() < 2 || (numbers[0], numbers[1]) < OLDEST {
        return Err(format!(
            "{version} is too old: {}.{} or newer merges without a checkout",
            OLDEST.0, OLDEST.1
        ));
    }
    if !git.says(&["rev-parse", "--git-dir"]) {
        return Err(
            "this is no git repository: `git init`, and commit what agents are to begin with"
                .into(),
        );
    }
    if !git.says(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]) {
        return Err(
            "the repository has no commit yet: `git commit` what agents are to begin with".into()
        );
    }
    let prefix = prefix_of(&git)?;
    if !prefix.is_empty()
        && !git.says(&["cat-file", "-e", &format!("HEAD:{}", prefix.trim_end_matches('/'))])
    {
        return Err(format!(
            "nothing of {prefix} is in the last commit: commit what agents are to begin with"
        ));
    }
    if is_branch_in_the_way(&git) {
        return Err(
            "a branch is called `execution-coordinator`, and ours are below that name: rename it"
                .into(),
        );
    }
    if git.run(&["rev-parse", "--is-bare-repository"])? == "true" {
        return Ok(Vec::new());
    }
    let changed = git.run(&[
        "status",
        "--porcelain",
        "--untracked-files=normal",
        "--ignore-submodules=none",
        "--",
        ".",
    ])?;
    let (untracked, changed): (Vec<&str>, Vec<&str>) =
        changed.lines().partition(|line| line.starts_with("??"));
    let told = |lines: &[&str], what: &str, so: &str| {
        let files: Vec<&str> = lines
            .iter()
            .filter_map(|line| line.get(3..))
            .filter(|file| !file.starts_with(STATE_FOLDER))
            .collect();
        let more = if files.len() > NAMED { ", …" } else { "" };
        let named = files.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        (!files.is_empty()).then(|| format!("agents begin with the last commit and don't see {what} ({named}{more}): {so} if they matter"))
    };
    let changed = told(&changed, "uncommitted changes", "commit them first");
    let untracked = told(
        &untracked,
        "files that are in no commit",
        "commit them, or name them in `copy` under [worktree]",
    );
    Ok(changed.into_iter().chain(untracked).collect())
}

fn is_branch_in_the_way(git: &Git) -> bool {
    git.says(&["show-ref", "--verify", "--quiet", "refs/heads/execution-coordinator"])
}

/// Where the workspace is in its repository: nothing, or a path that ends in a slash.
pub(super) fn prefix_of(git: &Git) -> Result<String, String> {
    if git.run(&["rev-parse", "--is-bare-repository"])? == "true" {
        Ok(String::new())
    } else {
        git.run(&["rev-parse", "--show-prefix"])
    }
}
