//! The progress display in a real terminal (tmux).

use crate::support::{Workspace, eventually, tmux};
use std::process::Command;

#[test]
#[ignore = "needs tmux"]
fn streams_tasks_agents_and_gates_show_live_and_fit_after_a_resize() {
    let text = "# Show\n\n### Stream A: Left (Parallel)\n\n1. **First task**\n   - Run: echo it talks; touch begun; cat fifo\n\n### Stream B: Right (Parallel)\n\n2. **Second task**\n   - Run: true\n";
    let workspace = Workspace::with(&[("breakdown.md", text)]);
    assert!(Command::new("mkfifo").arg(workspace.path("fifo")).status().expect("mkfifo").success());
    let socket = format!("ec-{}", std::process::id());
    let run = format!(
        "cd {} && {} run breakdown.md; echo exit=$?; exec cat",
        workspace.path("").display(),
        env!("CARGO_BIN_EXE_execution-coordinator")
    );
    tmux(&socket, &["new-session", "-d", "-x", "100", "-y", "30", "sh", "-c", &run]);
    let screen = || tmux(&socket, &["capture-pane", "-p"]);
    eventually("the running task shows with its stream and agent", || {
        let screen = screen();
        screen.contains("Stream A · task 1 · shell · it talks")
            && screen.contains("1/2 tasks (50 %)")
            && screen.contains("✓ task 2: Second task")
    });
    tmux(&socket, &["resize-window", "-x", "50", "-y", "20"]);
    eventually("it fits into the smaller window", || {
        screen().lines().all(|line| line.chars().count() <= 50) && screen().contains("task 1")
    });
    std::fs::write(workspace.path("fifo"), "").expect("the fifo");
    eventually("the report ends it", || screen().contains("exit=0"));
    let last = screen();
    tmux(&socket, &["kill-server"]);
    assert!(!last.contains("Stream A · task 1"), "the live block is gone:\n{last}");
    assert!(last.contains("### Success Level: Complete Success"), "{last}");
}
