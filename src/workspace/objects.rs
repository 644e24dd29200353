//! Whether commits hold what they are named by. Git takes the content of an object that it reads from a pack on trust,
//! and agents may write where the repository keeps its objects.
#![expect(clippy::disallowed_methods, reason = "this is the edge that reads what git writes")]

use super::git::Git;
use std::collections::BTreeSet;
use std::path::Path;

/// Computes the names of all that a commit has more than an older one from what is in it. `scratch` is a folder that is
/// made and removed.
///
/// # Errors
/// Something is not what it is called, or is gone: a sentence.
pub fn verify(git: &Git, from: &str, to: &str, scratch: &Path) -> Result<(), String> {
    std::fs::create_dir_all(scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    let compared = compare(git, from, to, scratch);
    // It is ours, and the next one is made again.
    drop(std::fs::remove_dir_all(scratch));
    compared
}

fn compare(git: &Git, from: &str, to: &str, scratch: &Path) -> Result<(), String> {
    let gone = |why: String| format!("objects of the result can't be read any more: {why}");
    let to_pack = format!("{to}\n^{from}\n");
    let pack = scratch.join("new");
    let name = git
        .fed(
            &["pack-objects", "--quiet", "--revs", &pack.display().to_string()],
            to_pack.as_bytes(),
        )
        .map_err(gone)?;
    let pack = scratch.join(format!("new-{}.pack", String::from_utf8_lossy(&name).trim()));
    let index = scratch.join("true.idx");
    git.run(&["index-pack", "-o", &index.display().to_string(), &pack.display().to_string()])
        .map_err(gone)?;
    let names = |index: &Path| -> Result<BTreeSet<String>, String> {
        let bytes =
            std::fs::read(index).map_err(|error| format!("{}: {error}", index.display()))?;
        let listed = git.fed(&["show-index"], &bytes)?;
        Ok(String::from_utf8_lossy(&listed)
            .lines()
            .filter_map(|line| Some(line.split(' ').nth(1)?.to_owned()))
            .collect())
    };
    let (called, held) = (names(&pack.with_extension("idx"))?, names(&index)?);
    let Some(other) = called.difference(&held).next() else { return Ok(()) };
    let listed = git.run(&["rev-list", "--objects", to, &format!("^{from}")]).unwrap_or_default();
    let file = listed
        .lines()
        .find_map(|line| line.strip_prefix(other.as_str()))
        .unwrap_or_default()
        .trim()
        .to_owned();
    let what = if file.is_empty() { "an object".to_owned() } else { file };
    Err(format!(
        "{what} ({other}) is not what it is called: somebody has written another content in the place of what was judged"
    ))
}
