//! Programs that git's settings name and that git runs on content: filters, and drivers of merges. An attempt that nothing
//! confines can add some, and they would be run by us, with the content of what is judged.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge that keeps what git's settings named"
)]

use super::git::Git;
use crate::process::write_kept;
use std::ffi::OsString;
use std::path::Path;

/// The settings that name programs for content.
const PROGRAMS: &str = r"filter\..*|merge\..*\.driver";
/// Those that name further files of settings, or of attributes.
const FILES: &str = r"include\..*|includeif\..*|core\.attributesfile";

/// Those that the settings named when the execution began.
pub struct Filters(String);

impl Filters {
    /// Those of an execution, by its folder.
    ///
    /// # Errors
    /// They can't be kept there, or there are others now.
    pub fn configured(git: &Git, folder: &Path) -> Result<Self, String> {
        let kept = folder.join("filters");
        if let Ok(text) = std::fs::read_to_string(&kept) {
            let known = Self(text);
            known.are_as_they_were(git)?;
            return Ok(known);
        }
        let now = now(git);
        write_kept(&kept, now.as_bytes())
            .map_err(|error| format!("{}: {error}", kept.display()))?;
        Ok(Self(now))
    }

    /// Whether there are no others.
    ///
    /// # Errors
    /// There are: a sentence.
    pub fn are_as_they_were(&self, git: &Git) -> Result<(), String> {
        let now = now(git);
        if now == self.0 {
            return Ok(());
        }
        let is_other = |line: &&str| !self.0.lines().any(|known| known == *line);
        let which = now
            .lines()
            .find(is_other)
            .and_then(|line| line.split(' ').next())
            .unwrap_or("one is gone");
        Err(format!(
            "git's settings name other programs for content than when this execution began ({which}), and they would be run: put that right, or start over with `run --fresh`"
        ))
    }
}

fn now(git: &Git) -> String {
    git.run(&["config", "--get-regexp", &format!("^({PROGRAMS})$")]).unwrap_or_default()
}

/// What a file of settings by itself names: such programs, and further files.
pub fn named_in(file: &Path) -> String {
    let folder = file.parent().unwrap_or(file);
    let ask = ["config", "--no-includes", "--file"].map(OsString::from).into_iter().chain([
        file.into(),
        "--get-regexp".into(),
        format!("^({PROGRAMS}|{FILES})$").into(),
    ]);
    Git::at(folder).run(&ask.collect::<Vec<_>>()).unwrap_or_default()
}
