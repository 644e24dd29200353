//! Real clients of language models, and the tools of the Model Context Protocol's own project.
//! `MODELS` names the folder into which `tests/clients/models.sh` has put them.

use crate::support::{MODEL_SERVER, Workspace, ended, eventually};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_execution-coordinator");

fn models() -> PathBuf {
    PathBuf::from(
        std::env::var_os("MODELS").expect("MODELS names the folder of tests/clients/models.sh"),
    )
}

/// A client starts an execution, follows it and reads the report; then it does a task itself.
fn carries_out(client: &str) {
    let models = models();
    for claims in [&[][..], &["claim"]] {
        let workspace = Workspace::new();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/models.py");
        let mut command = Command::new("python3");
        command
            .arg(script)
            .arg(PROGRAM)
            .arg(models.join("models"))
            .arg(MODEL_SERVER)
            .arg(workspace.path("tried"))
            .arg(client)
            .args(claims);
        let ended = ended(command.stdin(Stdio::null()).output().expect("python"));
        assert_eq!(ended.code, 0, "{client} {claims:?}\n{}\n{}", ended.stdout, ended.stderr);
    }
}

#[test]
#[ignore = "needs MODELS"]
fn claude_code() {
    carries_out("claude");
}

#[test]
#[ignore = "needs MODELS"]
fn codex() {
    carries_out("codex");
}

#[test]
#[ignore = "needs MODELS"]
fn gemini_cli() {
    carries_out("gemini");
}

#[test]
#[ignore = "needs MODELS"]
fn opencode() {
    carries_out("opencode");
}

/// A tool of the protocol's project, under the Node that it wants.
fn tool(models: &Path, name: &str, workspace: &Workspace) -> Command {
    let node = models.join("protocol/node_modules/node/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(node).chain(std::env::split_paths(&path)))
        .expect("a path");
    let mut command = Command::new(models.join("protocol/node_modules/.bin").join(name));
    command
        .env("XDG_STATE_HOME", workspace.path(".state"))
        .env("PATH", path)
        .env_remove("EXECUTION_COORDINATOR_ATTEMPT")
        .current_dir(workspace.path(""))
        .stdin(Stdio::null());
    command
}

#[test]
#[ignore = "needs MODELS"]
fn the_inspector_finds_nothing_to_fix() {
    let models = models();
    let workspace = Workspace::with(&[("breakdown.md", "# Shop\n\n- [ ] one\n  - Run: true\n")]);
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
    let inspect = |arguments: &[&str]| {
        let mut command = tool(&models, "mcp-inspector", &workspace);
        let ended = ended(
            command
                .args(["--cli", PROGRAM, "mcp"])
                .args(arguments)
                .output()
                .expect("the inspector"),
        );
        assert_eq!(ended.code, 0, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        assert!(!ended.stderr.contains("Warning"), "{}", ended.stderr);
        ended.stdout
    };
    inspect(&["--method", "tools/list", "--strict", "-q"]);
    assert!(
        inspect(&["--method", "tools/call", "--tool-name", "execution_report"])
            .contains("Final Status: Complete")
    );
    assert!(
        inspect(&[
            "--protocol-era",
            "modern",
            "--method",
            "tools/call",
            "--tool-name",
            "execution_await"
        ])
        .contains("Final Status")
    );
    assert!(inspect(&["--method", "resources/list"]).contains("/report"));
    assert!(inspect(&["--method", "prompts/list"]).contains("\"execute\""));
}

/// A breakdown with a gate that waits for a person.
fn gated() -> Workspace {
    let config = "[[gates]]\nname = \"release\"\nlevel = \"system\"\napproval = true\n";
    Workspace::with(&[
        ("execution-coordinator.toml", config),
        ("breakdown.md", "# Shop\n\n- [ ] one\n  - Run: true\n"),
    ])
}

#[test]
#[ignore = "needs MODELS"]
fn acpx_runs_a_breakdown() {
    let models = models();
    let workspace = gated();
    let mut acpx = tool(&models, "acpx", &workspace);
    acpx.env("HOME", workspace.path("home")).args([
        "--agent",
        &format!("{PROGRAM} acp"),
        "--approve-all",
        "--format",
        "json",
    ]);
    let ended = ended(acpx.args(["exec", "Please execute breakdown.md"]).output().expect("acpx"));
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("Final Status: Complete"), "{}", ended.stdout);
}

#[test]
#[ignore = "needs MODELS"]
fn the_typescript_client_runs_a_breakdown() {
    let models = models();
    let workspace = gated();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/acp.mjs");
    let mut node = tool(&models, "../node/bin/node", &workspace);
    node.arg(script)
        .arg(models.join("protocol"))
        .arg(PROGRAM)
        .arg(workspace.path("").canonicalize().expect("a folder"));
    let ended = ended(node.output().expect("node"));
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

#[test]
#[ignore = "needs MODELS"]
fn the_conformance_suite_passes() {
    let models = models();
    let workspace = Workspace::new();
    // The suite speaks HTTP; a gateway of others speaks that for us. A port is free until it is taken.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("a port")
        .port();
    let mut gateway = tool(&models, "supergateway", &workspace);
    gateway.args([
        "--stdio",
        &format!("{PROGRAM} mcp"),
        "--outputTransport",
        "streamableHttp",
        "--stateful",
        "--logLevel",
        "none",
    ]);
    let mut gateway = gateway
        .args(["--port", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the gateway");
    eventually("the gateway listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    for scenario in ["server-initialize", "ping", "tools-list", "resources-list", "prompts-list"] {
        let mut suite = tool(&models, "conformance", &workspace);
        suite.args([
            "server",
            "--url",
            &format!("http://127.0.0.1:{port}/mcp"),
            "--scenario",
            scenario,
        ]);
        let ended = ended(suite.output().expect("the suite"));
        assert_eq!(ended.code, 0, "{scenario}: {}{}", ended.stdout, ended.stderr);
    }
    gateway.kill().and_then(|()| gateway.wait()).expect("ended");
}
