//! The types by which each format says, in its own file, where its breakdowns are.

/// Names by which breakdowns of a format are found.
#[derive(Clone, Copy)]
pub struct Locations {
    /// Of files in a folder that is named.
    pub names: &'static [&'static str],
    /// Where several of these are in one folder: the lower comes first.
    pub rank: u8,
    /// Of files and folders elsewhere in a workspace.
    pub paths: &'static [&'static str],
    /// Folders in which there may be several, in a folder each, with the name of the file in it.
    pub below: &'static [(&'static str, &'static str)],
    /// Patterns by which editors know them where nothing else is set.
    pub globs: &'static [&'static str],
}

impl Locations {
    /// Found by what is in it alone.
    pub const NONE: Self = Self { names: &[], rank: 0, paths: &[], below: &[], globs: &[] };
}

/// How a folder is known that is one breakdown, and what of it is read.
pub struct FolderFormat {
    /// Where a folder is of several kinds: the lower comes first.
    pub rank: u8,
    /// Files and folders that it has, all of them.
    pub has: &'static [&'static str],
    /// Files that are read first.
    pub first: &'static [&'static str],
    /// Folders of which files are read, the folder itself as `.`, with whether those below are read too.
    pub folders: &'static [(&'static str, bool)],
    /// Which files of those.
    pub takes: fn(&str) -> bool,
}

/// Whether a file is Markdown by its name.
pub fn is_markdown(name: &str) -> bool {
    name.ends_with(".md")
}

/// Whether it is Markdown with a number as its name.
pub fn is_numbered(name: &str) -> bool {
    is_markdown(name) && name.starts_with(|c: char| c.is_ascii_digit())
}
