//! The folder of an execution: the names of all that lies in it.

use crate::core::id::OrderId;
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// The folder of an execution, named by its id, in the state folder of its workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExecutionDir(PathBuf);

impl ExecutionDir {
    /// That of a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The id of the execution.
    pub fn id(&self) -> String {
        self.0.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The workspace.
    pub fn workspace(&self) -> &Path {
        self.0.parent().and_then(Path::parent).unwrap_or(&self.0)
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal.jsonl")
    }

    /// Held by its owner.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// Held by the process that starts all others.
    pub fn warden_lock(&self) -> PathBuf {
        self.0.join("warden.lock")
    }

    /// The socket at which its owner listens.
    pub fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }

    /// A breakdown that came as a text, not as a file.
    pub fn breakdown(&self) -> PathBuf {
        self.0.join("breakdown.md")
    }

    /// The breakdown's own words, by their digests.
    pub fn texts(&self) -> PathBuf {
        self.0.join("texts")
    }

    /// The report, once there is one.
    pub fn report(&self) -> PathBuf {
        self.0.join("report.md")
    }

    /// Scratch space in which the objects of the result are checked.
    pub fn objects(&self) -> PathBuf {
        self.0.join("objects")
    }

    /// The worktrees.
    pub fn trees(&self) -> PathBuf {
        self.0.join("trees")
    }

    /// What executors are told.
    pub fn briefs(&self) -> PathBuf {
        self.0.join("briefs")
    }

    /// What orders print.
    pub fn outputs(&self) -> PathBuf {
        self.0.join("output")
    }

    /// What an order prints.
    pub fn output(&self, order: impl Display) -> PathBuf {
        self.outputs().join(format!("{order}.log"))
    }

    /// What an order prints to its standard error, where that is kept apart.
    pub fn errors(&self, order: impl Display) -> PathBuf {
        self.outputs().join(format!("{order}.errors.log"))
    }

    /// What the setup of an order's worktree prints.
    pub fn setup_output(&self, order: OrderId) -> PathBuf {
        self.outputs().join(format!("{order}.setup.log"))
    }

    /// Temporary files of an order, where they can't be among everybody's.
    pub fn scratch(&self, order: impl Display) -> PathBuf {
        self.0.join("tmp").join(order.to_string())
    }

    /// What marks the processes of an order, in their environment.
    pub fn cookie(&self, order: impl Display) -> String {
        format!("{}/{order}", self.0.display())
    }
}

impl Display for ExecutionDir {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.display().fmt(f)
    }
}
