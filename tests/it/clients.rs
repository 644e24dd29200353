//! Clients that others wrote, against the real binary. `CLIENTS` names the folder into which
//! `tests/clients/install.sh` has put them; without it there is nothing to try.

use crate::support::{Workspace, ended, eventually};
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

fn clients() -> Option<PathBuf> {
    std::env::var_os("CLIENTS").map(PathBuf::from)
}

fn workspace() -> Workspace {
    Workspace::with(&[("execution-coordinator.toml", CONFIG), ("breakdown.md", PLAN)])
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// Runs a client to its end; it says by its exit code whether all was well.
fn run(command: &mut Command, workspace: &Workspace, clients: &Path) {
    command.env("SERVER", env!("CARGO_BIN_EXE_execution-coordinator")).env("WORKSPACE", workspace.path(""));
    command.env("CLIENTS", clients).env("XDG_CACHE_HOME", workspace.path(".cache")).env("XDG_STATE_HOME", workspace.path(".state"));
    command.env("XDG_CONFIG_HOME", workspace.path("no-config")).env_remove("EXECUTION_COORDINATOR_ATTEMPT");
    let ended = ended(command.current_dir(workspace.path("")).stdin(Stdio::null()).output().expect("the client"));
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
}

#[test]
fn pytest_lsp() {
    let Some(clients) = clients() else { return };
    let mut command = Command::new(clients.join("python/bin/python"));
    run(
        command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto"]).arg(script("test_protocol.py")),
        &workspace(),
        &clients,
    );
}

#[test]
fn vscode_jsonrpc() {
    let Some(clients) = clients() else { return };
    run(Command::new("node").arg(script("client.js")), &workspace(), &clients);
}

#[test]
fn the_openrpc_document() {
    let Some(clients) = clients() else { return };
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/openrpc.json");
    run(Command::new("node").arg(script("openrpc.js")).env("DOCUMENT", document), &workspace(), &clients);
}

#[test]
fn neovim() {
    let Some(clients) = clients() else { return };
    let mut command = Command::new(clients.join("python/bin/nvim"));
    run(command.args(["--clean", "--headless", "-l"]).arg(script("neovim.lua")), &workspace(), &clients);
}

/// A terminal that is gone after the test, however it ends.
struct Terminal<'a>(&'a dyn Fn(&[&str]) -> String);

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        (self.0)(&["kill-server"]);
    }
}

/// What somebody sees who opens the breakdown and presses no key.
fn on_a_screen(workspace: &Workspace, editor: &str) {
    let socket = workspace.path("tmux");
    let tmux = |arguments: &[&str]| {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&socket).args(["-f", "/dev/null"]).args(arguments);
        ended(command.output().expect("tmux")).stdout
    };
    let _ends = Terminal(&tmux);
    let binary = Path::new(env!("CARGO_BIN_EXE_execution-coordinator")).parent().expect("a folder");
    let line = format!(
        "cd {0} && PATH={1}:$PATH XDG_CONFIG_HOME={0}/config XDG_CACHE_HOME={0}/.cache XDG_STATE_HOME={0}/.state WORKSPACE={0} LANG=C.UTF-8 {editor} breakdown.md",
        workspace.path("").display(),
        binary.display(),
    );
    tmux(&["-u", "new-session", "-d", "-x", "120", "-y", "40", &line]);
    eventually("the text is open", || tmux(&["capture-pane", "-p"]).contains("Lay out"));
    let mut execution = workspace.start(&["run", "breakdown.md"]);
    let mut screen = String::new();
    eventually("a task is shown to be running", || {
        screen = tmux(&["capture-pane", "-p"]);
        screen.contains("● running")
    });
    workspace.write("go", "");
    eventually("it is shown to be done", || {
        screen = tmux(&["capture-pane", "-p"]);
        screen.matches('✔').count() >= 2 && !screen.contains("● running")
    });
    assert_eq!(execution.wait().expect("an end").code(), Some(0));
}

/// Neovim with the lines of the README and nothing else.
#[test]
fn neovim_as_the_readme_sets_it_up() {
    let Some(clients) = clients() else { return };
    let workspace = workspace();
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```lua\n").expect("lines for Neovim");
    workspace.write("config/nvim/init.lua", rest.split_once("```").expect("their end").0);
    on_a_screen(&workspace, &clients.join("python/bin/nvim").display().to_string());
}

/// Helix never asks for hints by itself: there the status stands in diagnostics, which it shows as
/// they come.
#[test]
fn helix() {
    let Some(helix) = clients().map(|clients| clients.join("helix/hx")).filter(|helix| helix.exists()) else { return };
    let workspace = workspace();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("editors/helix");
    for name in ["languages.toml", "config.toml"] {
        workspace.write(&format!("config/helix/{name}"), &std::fs::read_to_string(ours.join(name)).expect("a config"));
    }
    on_a_screen(&workspace, &helix.display().to_string());
}

/// The extension in VS Code itself, where `EDITORS` names the folder into which `editors/vscode/test/install.sh` has put
/// one: by its own interface, and by what stands on the screen.
#[test]
fn vs_code() {
    let Some(editor) = std::env::var_os("EDITORS") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("editors/vscode/test/run.sh");
    let mut command = Command::new(script);
    command.arg(editor).args(std::env::var_os("PICTURES")).env("BINARY", env!("CARGO_BIN_EXE_execution-coordinator"));
    command.env_remove("EXECUTION_COORDINATOR_ATTEMPT").stdin(Stdio::null());
    let ended = ended(command.output().expect("the script"));
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
}

/// The plugin for Neovim, with everything that it offers.
#[test]
fn the_plugin_of_neovim() {
    let Some(clients) = clients() else { return };
    let plan = PLAN.replace("4. **Ship**\n   - Run: true\n", "4. **Ship**\n   - Run: `sh -c 'test ! -e \"$WORKSPACE/fail\"'`\n");
    let workspace = Workspace::with(&[("execution-coordinator.toml", CONFIG), ("breakdown.md", &plan)]);
    let mut command = Command::new(clients.join("python/bin/nvim"));
    command.env("FEATURES", Path::new(env!("CARGO_MANIFEST_DIR")).join("editors/nvim"));
    run(command.args(["--clean", "--headless", "-l"]).arg(script("neovim_plugin.lua")), &workspace, &clients);
}

/// Emacs with Eglot, which has no lenses and refreshes no hints by itself.
#[test]
fn the_package_of_emacs() {
    let Some(clients) = clients() else { return };
    if Command::new("emacs").arg("--version").output().is_err() {
        return;
    }
    let workspace = workspace();
    let mut command = Command::new("emacs");
    command.env("FEATURES", Path::new(env!("CARGO_MANIFEST_DIR")).join("editors/emacs")).env("HOME", workspace.path(".state"));
    run(command.args(["--batch", "-l"]).arg(script("emacs.el")), &workspace, &clients);
}
