//! Clients that others wrote, against the real binary. `CLIENTS` names the folder into which
//! `tests/clients/install.sh` has put them; without it there is nothing to try.

use crate::support::{Workspace, ended};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const CONFIG: &str = "[environment]\npass = [\"WORKSPACE\"]\n";
/// The second task waits until the file `go` is there.
const PLAN: &str = "# Shop

### Stream A: Base

1. **Lay out**
   - Run: true

2. **Build**
   - Run: `sh -c 'until test -e \"$WORKSPACE/go\"; do sleep 0.02; done'`
   - Dependencies: Task 1

3. **Taste**
   - Run: true
   - Dependencies: Task 1

4. **Ship**
   - Run: true
   - Dependencies: Tasks 2, 3
";

fn clients() -> PathBuf {
    PathBuf::from(
        std::env::var_os("CLIENTS").expect("CLIENTS names the folder of tests/clients/install.sh"),
    )
}

fn workspace() -> Workspace {
    Workspace::with(&[("execution-coordinator.toml", CONFIG), ("breakdown.md", PLAN)])
}

/// The same, whose last task fails while the file `fail` is there.
fn plan_that_can_fail() -> String {
    PLAN.replace(
        "4. **Ship**\n   - Run: true\n",
        "4. **Ship**\n   - Run: `sh -c 'test ! -e \"$WORKSPACE/fail\"'`\n",
    )
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// Runs a client to its end; it says by its exit code whether all was well.
fn run(command: &mut Command, workspace: &Workspace, clients: &Path) {
    command
        .env("SERVER", env!("CARGO_BIN_EXE_execution-coordinator"))
        .env("WORKSPACE", workspace.path(""));
    command
        .env("CLIENTS", clients)
        .env("XDG_CACHE_HOME", workspace.path(".cache"))
        .env("XDG_STATE_HOME", workspace.path(".state"));
    command
        .env("XDG_CONFIG_HOME", workspace.path("no-config"))
        .env_remove("EXECUTION_COORDINATOR_ATTEMPT");
    let ended = ended(
        command.current_dir(workspace.path("")).stdin(Stdio::null()).output().expect("the client"),
    );
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
}

#[test]
#[ignore = "needs CLIENTS"]
fn pytest_lsp() {
    let clients = clients();
    let mut command = Command::new(clients.join("python/bin/python"));
    run(
        command
            .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto"])
            .arg(script("test_protocol.py")),
        &workspace(),
        &clients,
    );
}

#[test]
#[ignore = "needs CLIENTS"]
fn vscode_jsonrpc() {
    let clients = clients();
    run(Command::new("node").arg(script("client.js")), &workspace(), &clients);
}

#[test]
#[ignore = "needs CLIENTS"]
fn the_openrpc_document() {
    let clients = clients();
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/openrpc.json");
    run(
        Command::new("node").arg(script("openrpc.js")).env("DOCUMENT", document),
        &workspace(),
        &clients,
    );
}

#[test]
#[ignore = "needs CLIENTS"]
fn neovim() {
    let clients = clients();
    let mut command = Command::new(clients.join("python/bin/nvim"));
    run(
        command.args(["--clean", "--headless", "-l"]).arg(script("neovim.lua")),
        &workspace(),
        &clients,
    );
}

/// An editor in a terminal, with the breakdown open.
struct Screen {
    socket: PathBuf,
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

impl Screen {
    fn open(workspace: &Workspace, editor: &str) -> Self {
        let screen = Self { socket: workspace.path("tmux") };
        let binary =
            Path::new(env!("CARGO_BIN_EXE_execution-coordinator")).parent().expect("a folder");
        let line = format!(
            "cd {0} && PATH={1}:$PATH XDG_CONFIG_HOME={0}/config XDG_CACHE_HOME={0}/.cache XDG_STATE_HOME={0}/.state WORKSPACE={0} LANG=C.UTF-8 {editor} breakdown.md",
            workspace.path("").display(),
            binary.display(),
        );
        screen.tmux(&["-u", "new-session", "-d", "-x", "120", "-y", "40", &line]);
        screen.shows("the text", |text| text.contains("Lay out"));
        screen
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket).args(["-f", "/dev/null"]).args(arguments);
        ended(command.output().expect("tmux")).stdout
    }

    /// Waits until something is on it.
    fn shows(&self, what: &str, mut is: impl FnMut(&str) -> bool) {
        let mut text = String::new();
        let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !is(&text) {
            assert!(std::time::Instant::now() < end, "the screen does not show {what}:\n{text}");
            text = self.tmux(&["capture-pane", "-p"]);
        }
    }

    /// Chooses an entry of the menu of actions that Helix shows below the line of the cursor.
    fn choose(&self, entry: &str) {
        // It shows what could be done when it was opened: so it is opened until the entry is in it.
        let mut asked = 0;
        self.shows(entry, |text| {
            match asked % 20 {
                // One by one: what comes together is another key.
                _ if text.contains(entry) => {}
                0 => drop(self.tmux(&["send-keys", "Escape"])),
                5 => drop(self.tmux(&["send-keys", "Space", "a"])),
                _ => {}
            }
            asked += 1;
            text.contains(entry)
        });
        let text = self.tmux(&["capture-pane", "-p"]);
        let row = text.lines().position(|line| line.contains(entry)).expect("the entry");
        let cursor: usize =
            self.tmux(&["display-message", "-p", "#{cursor_y}"]).trim().parse().expect("a row");
        (cursor + 1..row).for_each(|_| drop(self.tmux(&["send-keys", "Down"])));
        self.tmux(&["send-keys", "Enter"]);
    }
}

/// What somebody sees who opens the breakdown and presses no key.
fn on_a_screen(workspace: &Workspace, editor: &str) {
    let screen = Screen::open(workspace, editor);
    let mut execution = workspace.start(&["run", "breakdown.md"]);
    screen.shows("that a task is running", |text| text.contains("● running"));
    workspace.write("go", "");
    screen.shows("that it is done", |text| {
        text.matches('✔').count() >= 2 && !text.contains("● running")
    });
    assert_eq!(execution.wait().expect("an end").code(), Some(0));
}

/// Neovim with the lines of the README and nothing else.
#[test]
#[ignore = "needs CLIENTS"]
fn neovim_as_the_readme_sets_it_up() {
    let clients = clients();
    let workspace = workspace();
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```lua\n").expect("lines for Neovim");
    workspace.write("config/nvim/init.lua", rest.split_once("```").expect("their end").0);
    on_a_screen(&workspace, &clients.join("python/bin/nvim").display().to_string());
}

/// Helix with our configuration in a workspace, where it can be had.
fn helix(workspace: &Workspace) -> String {
    let helix = clients().join("helix/hx");
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("editors/helix");
    for name in ["languages.toml", "config.toml"] {
        workspace.write(
            &format!("config/helix/{name}"),
            &std::fs::read_to_string(ours.join(name)).expect("a config"),
        );
    }
    helix.display().to_string()
}

/// Helix never asks for hints by itself: there the status stands in diagnostics, which it shows as
/// they come.
#[test]
#[ignore = "needs CLIENTS"]
fn helix_shows_how_it_stands() {
    let workspace = workspace();
    let helix = helix(&workspace);
    on_a_screen(&workspace, &helix);
}

/// Everything from the menu of actions; what the text does not name stands at its title.
#[test]
#[ignore = "needs CLIENTS"]
fn helix_runs_pauses_retries_and_approves() {
    let workspace = workspace();
    let helix = helix(&workspace);
    workspace.write(
        "execution-coordinator.toml",
        &format!(
            "{CONFIG}[[gates]]\nname = \"release\"\nlevel = \"deployment\"\napproval = true\n"
        ),
    );
    workspace.write("breakdown.md", &plan_that_can_fail());
    workspace.write("fail", "");
    let screen = Screen::open(&workspace, &helix);
    screen.choose("▶ Run");
    screen.shows("that a task is running", |text| text.contains("● running"));
    screen.choose("‖ Pause");
    screen.choose("▶ Resume");
    workspace.write("go", "");
    screen.shows("that a task has failed", |text| text.contains("task 4 failed"));
    std::fs::remove_file(workspace.path("fail")).expect("the file");
    let line =
        plan_that_can_fail().lines().position(|line| line.contains("Ship")).expect("a line") + 1;
    screen.tmux(&["send-keys", &format!("{line}"), "G"]);
    screen.choose("↻ Retry 4");
    screen.shows("that all is done", |text| text.matches("✔ done").count() == 4);
    screen.tmux(&["send-keys", "g", "g"]);
    screen.shows("that somebody is waited for", |text| {
        text.contains("release is waiting for a decision")
    });
    screen.choose("✔ Approve release");
    screen.shows("that it has ended", |text| !text.contains("release is waiting for a decision"));
    // Its last line holds one message, and the end of the progress is another: then it is asked again.
    let mut looked = 0;
    screen.shows("where the report is", |text| {
        let shown = text.contains("report.md");
        if !shown && looked % 40 == 0 {
            screen.choose("Show report");
        }
        looked += 1;
        shown
    });
}

/// The extension in VS Code itself, where `EDITORS` names the folder into which `editors/vscode/test/install.sh` has put
/// one: by its own interface, and by what stands on the screen.
#[test]
#[ignore = "needs EDITORS"]
fn vs_code() {
    let editor = std::env::var_os("EDITORS")
        .expect("EDITORS names the folder of editors/vscode/test/install.sh");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("editors/vscode/test/run.sh");
    let mut command = Command::new(script);
    command
        .arg(editor)
        .args(std::env::var_os("PICTURES"))
        .env("BINARY", env!("CARGO_BIN_EXE_execution-coordinator"));
    command.env_remove("EXECUTION_COORDINATOR_ATTEMPT").stdin(Stdio::null());
    let ended = ended(command.output().expect("the script"));
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
}

/// The plugin for Neovim, with everything that it offers.
#[test]
#[ignore = "needs CLIENTS"]
fn the_plugin_of_neovim() {
    let clients = clients();
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", CONFIG),
        ("breakdown.md", &plan_that_can_fail()),
    ]);
    let mut command = Command::new(clients.join("python/bin/nvim"));
    command.env("FEATURES", Path::new(env!("CARGO_MANIFEST_DIR")).join("editors/nvim"));
    run(
        command.args(["--clean", "--headless", "-S"]).arg(script("neovim_plugin.lua")),
        &workspace,
        &clients,
    );
}

/// Emacs with the package and one of its two clients, where both can be had.
fn emacs(client: &str) {
    let clients = clients();
    let workspace = workspace();
    let mut command = Command::new("emacs");
    command
        .env("FEATURES", Path::new(env!("CARGO_MANIFEST_DIR")).join("editors/emacs"))
        .env("HOME", workspace.path(".state"));
    run(
        command.env("CLIENT", client).args(["--batch", "-l"]).arg(script("emacs.el")),
        &workspace,
        &clients,
    );
}

#[test]
#[ignore = "needs CLIENTS and emacs"]
fn emacs_with_eglot() {
    emacs("eglot");
}

#[test]
#[ignore = "needs CLIENTS and emacs"]
fn emacs_with_lsp_mode() {
    emacs("lsp-mode");
}
