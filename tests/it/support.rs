//! A workspace of its own for each test, and the real binary in it.

use execution_coordinator::core::event::Recorded;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Lets agents see where the workspace is.
pub const CONFIG: &str = "[environment]\npass = [\"WORKSPACE\"]\n";
/// Two tasks; the first waits until the file `go` is there.
pub const WAITS: &str = "# Shop

### Stream A: Base

1. **Build**
   - Run: `sh -c 'until test -e \"$WORKSPACE/go\"; do sleep 0.02; done'`

2. **Ship**
   - Run: true
   - Dependencies: Task 1
";

/// A program that answers as models do, by rules.
pub const MODEL_SERVER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/model_server.py");

/// Passes where `shared.txt` has each line that a file `want-TASK` asks for, of a task or of all.
pub const LINES_TEST: &str = "#!/bin/sh
for want in want-*; do
  [ \"$1\" = all ] || [ \"$want\" = \"want-$1\" ] || continue
  [ -f \"$want\" ] || continue
  grep -qx \"$(cat \"$want\")\" shared.txt 2>/dev/null || { echo \"$want failed\"; exit 1; }
done
";

/// A terminal that others watch.
pub fn tmux(socket: &str, arguments: &[&str]) -> String {
    let output = Command::new("tmux").args(["-L", socket]).args(arguments).output().expect("tmux");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A command at a terminal of its own (`script`, of util-linux): all that it prints is its output.
pub fn at_terminal(command: Command) -> Command {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted: Vec<String> = words
        .map(|word| format!("'{}'", word.to_str().expect("text").replace('\'', "'\\''")))
        .collect();
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command", &quoted.join(" "), "/dev/null"])
        .stdin(Stdio::null());
    script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.get_envs().filter(|(_, value)| value.is_none()).for_each(|(name, _)| {
        script.env_remove(name);
    });
    script.current_dir(command.get_current_dir().expect("a folder"));
    script
}

/// A folder that is gone after the test.
pub struct Workspace {
    folder: tempfile::TempDir,
}

/// How a command ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Workspace {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // Marks the root, so that nothing above the temporary folder counts.
        std::fs::create_dir(folder.path().join(".execution-coordinator")).expect("a state folder");
        let workspace = Self { folder };
        workspace.trust(true);
        workspace
    }

    pub fn with(files: &[(&str, &str)]) -> Self {
        let workspace = Self::new();
        files.iter().for_each(|(name, text)| workspace.write(name, text));
        workspace
    }

    /// Whether editors and models may start something in it.
    pub fn trust(&self, trusted: bool) {
        let root = self.path("").canonicalize().expect("a folder");
        self.write(
            ".state/execution-coordinator/trusted",
            &if trusted { format!("{}\n", root.display()) } else { String::new() },
        );
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file; one that begins with `#!` can be run.
    pub fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        if text.starts_with("#!") {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
                .expect("a mode");
        }
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_execution-coordinator"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("EXECUTION_COORDINATOR_ATTEMPT");
        command.env("XDG_STATE_HOME", self.path(".state"));
        command.env("XDG_CONFIG_HOME", self.path("no-config")).env("WORKSPACE", self.folder.path());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).stdin(Stdio::null()).output().expect("the binary"))
    }

    /// The same as if it were typed at a terminal.
    pub fn run_at_terminal(&self, arguments: &[&str]) -> Ended {
        ended(
            at_terminal(self.command(arguments)).output().expect("`script`, which makes terminals"),
        )
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary")
    }

    /// The folder of the only execution.
    pub fn execution(&self) -> PathBuf {
        let entries =
            std::fs::read_dir(self.path(".execution-coordinator")).expect("a state folder");
        let mut folders: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.join("journal.jsonl").exists())
            .collect();
        folders.sort();
        folders.pop().expect("an execution")
    }

    pub fn journal(&self) -> Vec<Recorded> {
        journal_of(&self.execution())
    }
}

impl Drop for Workspace {
    /// A daemon that was started here would stay for a while.
    fn drop(&mut self) {
        if self.path(".execution-coordinator/daemon-1.socket").exists() {
            drop(self.run(&["serve", "--stop"]));
        }
    }
}

/// Git in a folder, as somebody who has a name.
pub fn git(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new("git");
    command.current_dir(folder).args([
        "-c",
        "user.name=me",
        "-c",
        "user.email=me@localhost",
        "-c",
        "protocol.file.allow=always",
    ]);
    ended(command.args(arguments).output().expect("git"))
}

/// Makes a workspace a repository with all that has been written committed.
pub fn commit_all(workspace: &Workspace) {
    if !workspace.path(".gitignore").exists() {
        workspace.write(".gitignore", ".state/\n.execution-coordinator/\n");
    }
    for arguments in [
        &["init", "--quiet", "--initial-branch", "main"][..],
        &["add", "--all"],
        &["commit", "--quiet", "-m", "base"],
    ] {
        let ended = git(&workspace.path(""), arguments);
        assert_eq!(ended.code, 0, "git {arguments:?}: {}", ended.stderr);
    }
}

/// The events of an execution's folder.
pub fn journal_of(folder: &Path) -> Vec<Recorded> {
    execution_coordinator::journal::recover::recover(&folder.join("journal.jsonl"))
        .expect("a good journal")
        .events
}

pub fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Waits until something is so. There is no event to wait for where the other side is another
/// process, so it looks again and again; it fails after long enough for a busy machine.
pub fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(30), "it did not happen: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process lives and is no zombie.
pub fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| !rest.trim().is_empty() && !rest.trim_start().starts_with('Z'))
}
