//! What agents may change: the kernel keeps to it, whatever they try.

use crate::support::{Ended, Workspace, commit_all, ended};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixListener;
use std::process::Command;

/// Tries to change everything, and says what it could.
const AGENT: &str = "#!/bin/sh
cat >/dev/null
could() { if (eval \"$2\") 2>/dev/null; then list=\"$list $1\"; fi; }
list=
could worktree 'echo x >>made.txt'
could commit 'git add --all && git -c user.name=a -c user.email=a@b commit -qm agent'
could checkout 'echo x >\"$WORKSPACE/evil.txt\"'
could state 'echo x >\"$WORKSPACE/.execution-coordinator/evil\"'
could hook 'echo x >\"$WORKSPACE/.git/hooks/post-commit\"'
could config 'git config core.pager evil'
could branch 'git branch stolen'
could objects 'echo x >\"$WORKSPACE/.git/objects/evil\"'
could home 'echo x >\"$HOME/.bashrc\"'
could allowed 'echo x >\"$HOME/mine/file\"'
could approve 'env -i PATH=\"$PATH\" sh -c \"cd $WORKSPACE && exec $EC pause\"'
could cache 'mkdir -p \"$HOME/.cache/a\" && echo x >\"$HOME/.cache/a/b\"'
could temporary 'echo x >\"$TMPDIR/a\"'
could device 'echo x >/dev/null'
could terminal 'script -qec true /dev/null </dev/null >/dev/null'
could signal 'kill -0 $PPID'
could abstract 'python3 abstract.py'
could connect 'exec 3<>/dev/tcp/127.0.0.1/$PORT'
echo \"{\\\"status\\\":\\\"complete\\\",\\\"verdict\\\":\\\"pass\\\",\\\"summary\\\":\\\"$EXECUTION_COORDINATOR_ROLE could:$list\\\"}\"
";

fn workspace(config: &str) -> Workspace {
    let agents = "[environment]\npass = [\"PATH\", \"HOME\", \"WORKSPACE\", \"PORT\", \"EC\"]\n[execution]\nisolation = \"worktree\"\ntests_first = \"off\"\n\
        [agents.implementation-agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\nsandbox = true\n\
        [agents.shop-expert]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\nsandbox = true\nskills = [\"build\"]\n\
        [agents.qa-reviewer]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\nsandbox = true\n\
        [[gates]]\nname = \"tests\"\nlevel = \"task\"\ncommand = [\"./gate.sh\"]\n";
    // What agents have written is run by gates: those can no more than they.
    let gate = "#!/bin/bash\n(exec 3<>/dev/tcp/127.0.0.1/$PORT) 2>/dev/null && echo the gate connects\necho x >made-by-gate && ! (echo x >\"$HOME/.bashrc\") 2>/dev/null\n";
    let plan = "# Shop\n\n### Stream A: Base\n\n1. **Build**\n";
    let agent = AGENT.replacen("#!/bin/sh", "#!/bin/bash", 1);
    let workspace = Workspace::with(&[
        ("gate.sh", gate),
        ("agent.sh", &agent),
        ("breakdown.md", plan),
        (
            "abstract.py",
            "import os, socket\nsocket.socket(socket.AF_UNIX).connect('\\0ec-' + os.environ['PORT'])\n",
        ),
        (".gitignore", ".state/\n.execution-coordinator/\nhome/\nmade-by-gate\n"),
    ]);
    workspace.write("execution-coordinator.toml", &format!("{agents}{config}"));
    workspace.write("home/mine/there", "");
    workspace.write("home/.bashrc", "as it was\n");
    commit_all(&workspace);
    workspace
}

fn run(workspace: &Workspace, port: u16) -> Ended {
    let name =
        std::os::unix::net::SocketAddr::from_abstract_name(format!("ec-{port}")).expect("a name");
    let _listener = UnixListener::bind_addr(&name).expect("a listener");
    ended(
        workspace
            .command(&["run", "breakdown.md"])
            .env("HOME", workspace.path("home"))
            .env("PORT", port.to_string())
            .env("EC", env!("CARGO_BIN_EXE_execution-coordinator"))
            .output()
            .expect("the binary"),
    )
}

/// What each could do, as it says at the end.
fn could(workspace: &Workspace) -> String {
    let journal = workspace.read(&format!("{}/journal.jsonl", workspace.execution().display()));
    let said = journal
        .split("\"summary\":\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|said| said.contains("could:"));
    said.map(|said| format!("{said}\n")).collect()
}

#[test]
fn each_may_change_what_its_part_needs_and_nothing_else() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let workspace = workspace("[sandbox]\nwrite = [\"~/mine\"]\n");
    let done = run(&workspace, port);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    expect_test::expect![[r#"
        consultation could: allowed cache temporary device connect
        implementation could: worktree commit allowed cache temporary device connect
        review could: allowed cache temporary device connect
        final-review could: allowed cache temporary device connect
    "#]]
    .assert_eq(&could(&workspace));
    assert_eq!(workspace.read("home/.bashrc"), "as it was\n");
    assert!(!done.stdout.contains("not confined"), "{}", done.stdout);
}

#[test]
fn without_it_each_could_change_anything() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let workspace = workspace("[sandbox]\nmode = \"off\"\n");
    workspace.write("gate.sh", "#!/bin/sh\n");
    assert!(
        Command::new("git")
            .current_dir(workspace.path(""))
            .args(["-c", "user.name=me", "-c", "user.email=me@localhost", "commit", "-qam", "gate"])
            .status()
            .expect("git")
            .success()
    );
    let done = run(&workspace, listener.local_addr().expect("an address").port());
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    expect_test::expect![[r#"
        consultation could: worktree commit checkout state hook config branch objects home allowed cache temporary device terminal signal abstract connect
        implementation could: worktree commit checkout state hook config objects home allowed cache temporary device terminal signal abstract connect
        review could: worktree commit checkout state hook config objects home allowed cache temporary device terminal signal abstract connect
        final-review could: worktree commit checkout state hook config branch objects home allowed cache temporary device terminal signal abstract connect
    "#]]
    .assert_eq(&could(&workspace));
}

#[test]
fn connections_go_to_the_ports_that_are_listed() {
    let listeners = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("a port"));
    let [open, shut] =
        listeners.each_ref().map(|listener| listener.local_addr().expect("an address").port());
    for (port, connects) in [(open, true), (shut, false)] {
        let workspace = workspace(&format!("[sandbox]\nports = [{open}]\n"));
        assert_eq!(run(&workspace, port).code, 0);
        let lines = could(&workspace);
        assert_eq!(workspace.run(&["output", "1"]).stdout.contains("the gate connects"), connects);
        assert!(
            lines.lines().count() == 4
                && lines.lines().all(|line| line.contains(" connect") == connects),
            "{lines}"
        );
    }
}

/// Two tasks, of which the first writes what a script says; what they do is confined.
fn two_tasks(agent: &str, config: &str) -> (Workspace, Ended) {
    let workspace = Workspace::with(&[
        ("breakdown.md", "# T\n\n- [ ] Task 1: One\n- [ ] Task 2: Two (depends on 1)\n"),
        (
            "agent.sh",
            &format!(
                "#!/bin/sh\ncat >/dev/null\ncase $EXECUTION_COORDINATOR_TASK in 1) {agent};; esac\necho x >made-$EXECUTION_COORDINATOR_TASK\necho '{{\"status\":\"complete\"}}'\n"
            ),
        ),
        ("check.sh", "#!/bin/sh\n(echo x >\"$WORKSPACE/out/of/worktree\") 2>/dev/null; true\n"),
        ("secret", "of the workspace\n"),
        ("conf/there", ""),
        (".gitignore", ".state/\n.execution-coordinator/\nsecret\nout/\n"),
    ]);
    workspace.write("out/of/precious", "as it was\n");
    let agents = "[environment]\npass = [\"PATH\", \"HOME\", \"WORKSPACE\"]\n[execution]\nisolation = \"worktree\"\ntests_first = \"off\"\n\
        max_attempts = 1\n[agents.implementation-agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\nsandbox = true\n";
    workspace.write("execution-coordinator.toml", &format!("{agents}{config}"));
    crate::support::commit_all(&workspace);
    let ended = workspace.run(&["run", "breakdown.md"]);
    (workspace, ended)
}

#[test]
fn what_agents_have_written_is_run_as_confined_as_they_are() {
    let evil = "printf '#!/bin/sh\\n(echo x >\"$WORKSPACE/out/of/worktree\") 2>/dev/null\\ntrue\\n' >check.sh";
    let gate =
        "[[gates]]\nname = \"release\"\nlevel = \"deployment\"\ncommand = [\"./check.sh\"]\n";
    for (config, escapes) in [
        (gate.to_owned(), false),
        (format!("{gate}sandbox = false\n"), true),
        ("[worktree]\nsetup = [\"./check.sh\"]\n".to_owned(), false),
    ] {
        let (workspace, ended) = two_tasks(evil, &config);
        // It has run when somebody is asked about it.
        let code = if config.contains("release") { 4 } else { 0 };
        assert_eq!(ended.code, code, "{config}: {}{}", ended.stdout, ended.stderr);
        assert_eq!(workspace.path("out/of/worktree").exists(), escapes, "{config}");
    }
}

#[test]
fn what_is_copied_into_places_follows_no_link_of_an_agent() {
    let copy = "[worktree]\ncopy = [\"secret\"]\n";
    let (workspace, ended) = two_tasks(
        "rm -f secret; ln -s \"$WORKSPACE/out/of/precious\" secret; git add --force secret",
        copy,
    );
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(workspace.read("out/of/precious"), "as it was\n");
    // Nor one above it.
    let copy = "[worktree]\ncopy = [\"conf/mine\"]\n";
    let agent = "rm -r conf; ln -s \"$WORKSPACE/out/of\" conf";
    let (workspace, ended) = two_tasks(agent, copy);
    assert_eq!(ended.code, 0, "there is nothing to copy: {}{}", ended.stdout, ended.stderr);
    workspace.write("conf/mine", "x\n");
    let again = workspace.run(&["run", "breakdown.md", "--fresh"]);
    assert!(
        again.code != 0
            && again
                .stderr
                .contains("conf/mine would be written outside of the place, by a link in it"),
        "{}",
        again.stderr
    );
    assert!(!workspace.path("out/of/mine").exists());
}
