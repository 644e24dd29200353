//! The files that are kept of an order: what it was told, and what it printed. They are created when it begins, and
//! their digests go into the journal when it ends, so that `audit --evidence` can tell whether they are still the same.

use crate::core::event::{Event, Outcome, Recorded};
use crate::core::id::OrderId;
use crate::process::open_kept;
use crate::workspace::execution_dir::ExecutionDir;
use crate::workspace::tree::{Trees, digest_of, hex};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The folders of such files, with how their names go on after the order's.
const FILES: [(&str, &[&str]); 2] = [
    ("output", &["log", "errors.log", "again.log", "setup.log"]),
    ("briefs", &["md", "json", "again.md", "again.json"]),
];

fn names(order: OrderId) -> impl Iterator<Item = String> {
    FILES.into_iter().flat_map(move |(folder, ends)| {
        ends.iter().map(move |end| format!("{folder}/{order}.{end}"))
    })
}

/// Makes room for them: what stands there, or leads elsewhere, was not made by this order. What can't be removed keeps
/// the order from beginning.
pub fn clear(dir: &ExecutionDir, order: OrderId) {
    // And the pipe by which an agent is talked with.
    let all = names(order).chain([format!("output/{order}.in")]);
    all.for_each(|name| drop(std::fs::remove_file(dir.path().join(name))));
}

/// The digests of those that there are, by their names in the folder of the execution.
pub fn digests(dir: &ExecutionDir, order: OrderId) -> BTreeMap<String, String> {
    let digest = |name: String| Some((digest(&dir.path().join(&name))?, name));
    names(order).filter_map(digest).map(|(digest, name)| (name, digest)).collect()
}

/// The digest of what a client has reported, as it is kept.
pub fn reported(order: OrderId, text: &str) -> BTreeMap<String, String> {
    [(format!("output/{order}.log"), hex(Sha256::new_with_prefix(text)))].into()
}

fn digest(path: &Path) -> Option<String> {
    digest_of(&mut open_kept(path).ok()?).ok()
}

/// All files that a journal says were kept, and what is gone or otherwise of them, a sentence each.
pub fn differences(dir: &ExecutionDir, events: &[Recorded]) -> (BTreeSet<String>, Vec<String>) {
    let kept = |recorded: &'_ Recorded| match &recorded.event {
        Event::Ended { outcome: Outcome::Agent(outcome), .. } => outcome.kept.clone(),
        Event::Ended { outcome: Outcome::Gate { measures, .. }, .. } => measures.kept.clone(),
        Event::Ended { outcome: Outcome::Review(review), .. } => review.kept.clone(),
        _ => BTreeMap::new(),
    };
    let kept: BTreeMap<String, String> = events.iter().flat_map(kept).collect();
    let difference = |(name, then): (&String, &String)| {
        let path: PathBuf = dir.path().join(name);
        match digest(&path) {
            Some(now) if now == *then => None,
            Some(_) => {
                Some(format!("{}: it is not what was kept when its order ended", path.display()))
            }
            None => {
                Some(format!("{}: it was kept when its order ended, and is gone", path.display()))
            }
        }
    };
    let differences = kept.iter().filter_map(difference).collect();
    (kept.into_keys().collect(), differences)
}

/// A file, or all that is in a folder, as it was.
pub fn content(path: &Path) -> String {
    match open_kept(path).ok().and_then(|mut file| digest_of(&mut file).ok()) {
        Some(digest) => digest,
        None => Trees::new(path, Vec::new()).now().digest(),
    }
}
