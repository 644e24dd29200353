//! Git, by its program: arguments, never a shell line, and nothing of the user's that could ask,
//! sign or run hooks.
#![expect(clippy::disallowed_methods, reason = "this is the edge that runs git")]

use crate::config::is_misleading;
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// A folder in a repository.
#[derive(Clone)]
pub struct Git {
    folder: PathBuf,
    /// No repository is looked for in this folder and above it.
    ceiling: Option<PathBuf>,
    /// Files that are looked at instead of those of the folder, and the index for that.
    beside: Option<(PathBuf, PathBuf)>,
    /// An index instead of the checkout's own.
    index: Option<PathBuf>,
    /// Whether only other repositories on this machine may be asked.
    only_local: bool,
    /// A command is ended after so long.
    timeout: Duration,
}

/// Longer than any command takes that is not waiting for something that never comes.
const TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// What git may take of memory: objects that an agent wrote can claim any size.
#[cfg(target_os = "linux")]
const MEMORY_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Limits what a process may take of memory; files that it maps don't count.
#[cfg(target_os = "linux")]
fn limit_memory(git: Option<Pid>) {
    use rustix::process::{Resource, Rlimit, prlimit};
    // Where that can't be, its deadline holds.
    let limit = Rlimit { current: Some(MEMORY_BYTES), maximum: Some(MEMORY_BYTES) };
    let _ = git.map(|git| prlimit(Some(git), Resource::Data, limit));
}

#[cfg(not(target_os = "linux"))]
fn limit_memory(_: Option<Pid>) {}

impl Git {
    /// In a folder, which need not be in a repository.
    pub fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            ceiling: None,
            beside: None,
            index: None,
            only_local: false,
            timeout: TIMEOUT,
        }
    }

    /// In a worktree below a folder. Where that has lost its link to the repository, nothing is found
    /// instead: above it is the user's own checkout.
    pub fn below(ceiling: &Path, folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            ceiling: Some(ceiling.to_owned()),
            beside: None,
            index: None,
            only_local: false,
            timeout: TIMEOUT,
        }
    }

    /// The repository that this folder is, with the files of another folder and an index of their own.
    #[must_use]
    pub fn beside(mut self, files: &Path, index: &Path) -> Self {
        self.beside = Some((files.to_owned(), index.to_owned()));
        self
    }

    /// The same with another index.
    #[must_use]
    pub fn with_index(mut self, index: &Path) -> Self {
        self.index = Some(index.to_owned());
        self
    }

    /// The same, where only other repositories on this machine may be asked, whatever settings say about where they are.
    #[must_use]
    pub fn only_local(mut self) -> Self {
        self.only_local = true;
        self
    }

    /// The same, where no command may take longer.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a command prints, without the line break at its end.
    ///
    /// # Errors
    /// A sentence with what git said.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<String, String> {
        let output = self.output(arguments)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with("hint:"))
            .collect::<Vec<_>>()
            .join("; ");
        Err(format!("git {}: {said}", name_of(arguments)))
    }

    /// Whether a command says yes by its exit code.
    pub fn says<S: AsRef<OsStr>>(&self, arguments: &[S]) -> bool {
        self.output(arguments).is_ok_and(|output| output.status.success())
    }

    /// Whether git knows who commits here.
    fn has_identity(&self) -> bool {
        self.says(&["config", "user.email"])
    }

    /// The beginning of what a command prints, which may be very much.
    ///
    /// # Errors
    /// There is no git, or what it prints can't be read.
    pub fn beginning<S: AsRef<OsStr>>(
        &self,
        arguments: &[S],
        bytes: u64,
    ) -> Result<String, String> {
        let failed = |error: std::io::Error| format!("git can't be run: {error}");
        let mut command = self.command(arguments)?;
        let mut git = command
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let (mut printed, out) = (Vec::new(), git.stdout.take());
        let read = self.in_time(git.id(), arguments, || {
            out.map_or(Ok(0), |out| out.take(bytes).read_to_end(&mut printed))
        })?;
        // It may have more to say.
        let ended = git.kill().and_then(|()| git.wait());
        read.and(ended.map(drop).map(|()| 0)).map_err(failed)?;
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    /// All that came of a command.
    ///
    /// # Errors
    /// There is no git, or it takes too long: it may wait for a pipe that somebody has made.
    pub fn output<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<Output, String> {
        self.output_of(arguments, None)
    }

    /// What a command prints that reads something.
    ///
    /// # Errors
    /// A sentence with what git said.
    pub fn fed<S: AsRef<OsStr>>(&self, arguments: &[S], input: &[u8]) -> Result<Vec<u8>, String> {
        let output = self.output_of(arguments, Some(input.to_vec()))?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        }
    }

    fn output_of<S: AsRef<OsStr>>(
        &self,
        arguments: &[S],
        input: Option<Vec<u8>>,
    ) -> Result<Output, String> {
        let mut command = self.command(arguments)?;
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        // A group of its own, so that what it starts ends with it.
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed = |error: std::io::Error| format!("git can't be run: {error}");
        let mut git = command.spawn().map_err(failed)?;
        if let Some((input, mut to)) = input.zip(git.stdin.take()) {
            // Beside it: it may print before it has read all. What it does not read it does not need.
            std::thread::spawn(move || drop(to.write_all(&input)));
        }
        self.in_time(git.id(), arguments, || git.wait_with_output())?.map_err(failed)
    }

    /// Waits for a command, which is ended when it takes too long: it may wait for a pipe that somebody has made.
    fn in_time<S: AsRef<OsStr>, T>(
        &self,
        git: u32,
        arguments: &[S],
        wait: impl FnOnce() -> T,
    ) -> Result<T, String> {
        let group = Pid::from_raw(git.cast_signed());
        limit_memory(group);
        let (done, ended) = channel::<()>();
        let timeout = self.timeout;
        let watching = std::thread::spawn(move || {
            let is_late = ended.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout);
            // It has not been reaped, or ends in this very moment.
            is_late && group.is_some_and(|group| kill_process_group(group, Signal::KILL).is_ok())
        });
        let waited = wait();
        drop(done);
        if watching.join().unwrap_or_default() {
            return Err(format!(
                "git {} took longer than {} s and was ended",
                name_of(arguments),
                timeout.as_secs()
            ));
        }
        Ok(waited)
    }

    fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<Command, String> {
        let mut command = Command::new("git");
        command.current_dir(&self.folder).stdin(Stdio::null());
        if !self.folder.is_dir() {
            return Err(format!("{} is not there any more", self.folder.display()));
        }
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_misleading))
        {
            command.env_remove(name);
        }
        if let Some((files, index)) = &self.beside {
            command
                .env("GIT_DIR", &self.folder)
                .env("GIT_WORK_TREE", files)
                .env("GIT_INDEX_FILE", index);
        }
        command.envs(self.only_local.then_some(("GIT_ALLOW_PROTOCOL", "file")));
        command.envs(self.index.iter().map(|index| ("GIT_INDEX_FILE", index)));
        command.envs(self.ceiling.iter().map(|ceiling| ("GIT_CEILING_DIRECTORIES", ceiling)));
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_EDITOR", "true")
            .env("LC_ALL", "C")
            .env("GIT_OPTIONAL_LOCKS", "0");
        // Whoever has no name in git's config has one here; those who have keep theirs.
        let commits = arguments.first().is_some_and(|command| {
            ["commit", "commit-tree", "merge"].iter().any(|known| command.as_ref() == *known)
        });
        if commits && !self.has_identity() {
            for role in ["AUTHOR", "COMMITTER"] {
                command.env(format!("GIT_{role}_NAME"), env!("CARGO_PKG_NAME"));
                command.env(
                    format!("GIT_{role}_EMAIL"),
                    concat!(env!("CARGO_PKG_NAME"), "@localhost"),
                );
            }
        }
        command.args([
            "-c",
            "core.quotePath=false",
            "-c",
            "commit.gpgSign=false",
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "gc.auto=0",
            "-c",
            "advice.detachedHead=false",
            // Programs that a repository could name.
            "-c",
            "core.fsmonitor=false",
            "-c",
            "diff.ignoreSubmodules=dirty",
        ]);
        command.args(arguments);
        Ok(command)
    }
}

/// What a command is called: settings and options come before that.
fn name_of<S: AsRef<OsStr>>(arguments: &[S]) -> String {
    let is_command = |word: &&[u8]| {
        !word.starts_with(b"-")
            && word.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'-')
    };
    let name = arguments.iter().map(|word| word.as_ref().as_encoded_bytes()).find(is_command);
    String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
}
