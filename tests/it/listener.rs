//! Several processes at one execution: its owner, and those that steer it from elsewhere.

use crate::client::Server;
use crate::support::{Workspace, ended, eventually};
use execution_coordinator::engine::listener::{Address, connect};
use execution_coordinator::workspace::execution_dir::ExecutionDir;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;

const CONFIG: &str = "[environment]\npass = [\"WORKSPACE\"]\n";
/// The first two tasks wait for files; the last for both.
const PLAN: &str = "# Shop

### Stream A: Base

1. **Lay out**
   - Run: `sh -c 'until test -e \"$WORKSPACE/one\"; do sleep 0.02; done'`

2. **Build**
   - Run: `sh -c 'until test -e \"$WORKSPACE/two\"; do sleep 0.02; done'`

3. **Ship**
   - Run: true
   - Dependencies: Tasks 1, 2
";

fn workspace() -> Workspace {
    Workspace::with(&[("execution-coordinator.toml", CONFIG), ("breakdown.md", PLAN)])
}

/// A `run` in a terminal that has begun.
fn run(workspace: &Workspace) -> Child {
    let run = workspace.start(&["run", "breakdown.md"]);
    let journal = || workspace.read(&format!("{}/journal.jsonl", workspace.execution().display()));
    eventually("it runs", || {
        let status = status(workspace);
        status.contains("running")
            && !status.contains("not running")
            && journal().contains("\"ordered\"")
    });
    run
}

fn status(workspace: &Workspace) -> String {
    workspace.run(&["status", "--format", "line"]).stdout
}

/// A client at the socket of the only execution.
struct Guest {
    stream: UnixStream,
    lines: BufReader<UnixStream>,
}

impl Guest {
    fn at(folder: &Path) -> Self {
        let stream =
            connect(&Address::of_execution(&ExecutionDir::new(folder))).expect("a connection");
        Self { lines: BufReader::new(stream.try_clone().expect("a copy")), stream }
    }

    fn send(&mut self, method: &str, params: &Value) {
        let request = json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params});
        self.stream.write_all(format!("{request}\n").as_bytes()).expect("sent");
    }

    /// The next message that is as wanted; nothing at the end.
    fn find(&mut self, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).expect("readable") == 0 {
                return None;
            }
            let message = serde_json::from_str(&line).expect("JSON");
            if wanted(&message) {
                return Some(message);
            }
        }
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.send(method, params);
        self.find(|message| message["id"] == method).expect("an answer")
    }
}

#[test]
fn who_is_at_the_socket_is_no_person_by_saying_so() {
    let workspace = workspace();
    let gate = "[[gates]]\nname = \"release\"\nlevel = \"task\"\napproval = true\n";
    workspace.write("execution-coordinator.toml", &format!("{CONFIG}{gate}"));
    // The second goes on while the first waits for a person.
    workspace.write(
        "breakdown.md",
        &PLAN.replace(
            "\n2. **Build**\n",
            "\n### Stream B: Rest\n\n2. **Build**\n   - Dependencies: none\n",
        ),
    );
    let run = run(&workspace);
    workspace.write("one", "");
    eventually("it waits for a person", || {
        workspace.run(&["status"]).stdout.contains("approve release@1")
    });
    eventually("its socket", || workspace.execution().join("socket").exists());
    let mut guest = Guest::at(&workspace.execution());
    for frontend in ["editor", "terminal", "mcp", "acp"] {
        let refused = guest
            .ask("gate/approve", &json!({"gate": "release@1", "by": "ann", "frontend": frontend}));
        let why = refused["error"]["message"].as_str().unwrap_or_default();
        assert!(why.contains("is for a person to decide"), "{frontend}: {refused}");
    }
    workspace.write("two", "");
    assert_ne!(ended(run.wait_with_output().expect("an end")).code, 0);
}

#[test]
fn every_command_reaches_the_owner() {
    let workspace = workspace();
    let run = run(&workspace);
    let said = |arguments: &[&str]| {
        let ended = workspace.run(arguments);
        (ended.code, ended.stderr.trim().rsplit(": ").next().unwrap_or_default().to_owned())
    };
    assert_eq!(said(&["pause"]), (0, "paused; `resume` goes on".into()));
    assert!(status(&workspace).contains("paused"), "{}", status(&workspace));
    let mut lines = Server::lines(&workspace, &[]);
    assert_eq!(lines.result("execution/resume", json!({}))["running"], true);
    let refused = lines.answer("task/skip", json!({"task": "9"}));
    assert_eq!(refused["error"]["data"]["kind"], "refused", "{refused}");
    assert_eq!(said(&["skip", "1"]), (0, "skipped".into()));
    assert_eq!(lines.result("task/retry", json!({"task": "1"}))["running"], true);
    workspace.write("one", "");
    workspace.write("two", "");
    lines.notification("execution/result");
    let ended = ended(run.wait_with_output().expect("an end"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(!workspace.execution().join("socket").exists(), "the socket is gone");
}

#[test]
fn a_guest_reads_and_is_told_everything_until_the_end() {
    let workspace = workspace();
    let run = run(&workspace);
    let folder = workspace.execution();
    let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("socket"))), (0o700, 0o600));
    let mut guest = Guest::at(&folder);
    assert_eq!(guest.ask("execution/subscribe", &json!({"from": 1}))["result"]["from"], 1);
    let other = Guest::at(&folder)
        .ask("execution/start", &json!({"text": "# Other\n\n- [ ] one\n  - Run: true\n"}));
    assert_eq!(
        other["error"]["data"]["kind"], "refused",
        "a `run` carries out one execution: {other}"
    );
    workspace.write("one", "");
    workspace.write("two", "");
    let mut next = 1_u64;
    while let Some(event) = guest.find(|message| message["method"] == "execution/event") {
        assert_eq!(event["params"]["seq"], next);
        next += 1;
        if event["params"]["event"].get("executionEnded").is_some() {
            break;
        }
    }
    assert!(guest.find(|message| message["method"] == "execution/result").is_some());
    assert!(guest.find(|_| true).is_none(), "then it hangs up");
    assert_eq!(ended(run.wait_with_output().expect("an end")).code, 0);
    assert_eq!(u64::try_from(workspace.journal().len()).expect("a number") + 1, next);
}

#[test]
fn a_guest_that_reads_slowly_is_told_everything_after_the_end() {
    let mut plan = "# Load\n".to_owned();
    (1..=800).for_each(|task| {
        write!(plan, "\n- [ ] {task}. Part {task}\n  - Run: true\n").expect("text")
    });
    let workspace = Workspace::with(&[("breakdown.md", &plan)]);
    let run = workspace.start(&["run", "breakdown.md", "--deps", "explicit"]);
    eventually("it has begun", || workspace.run(&["status"]).code == 0);
    let folder = workspace.execution();
    eventually("its socket", || folder.join("socket").exists());
    let mut guest = Guest::at(&folder);
    guest.send("execution/subscribe", &json!({"from": 1}));
    let journal = folder.join("journal.jsonl");
    eventually("its end", || {
        std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("\"executionEnded\""))
    });
    let mut told = Vec::new();
    let mut piece = [0; 16 * 1024];
    while let Ok(count @ 1..) = guest.stream.read(&mut piece) {
        told.extend_from_slice(&piece[..count]);
        // This is how slowly it reads, not a wait for something.
        std::thread::sleep(std::time::Duration::from_millis(60));
    }
    let events = String::from_utf8_lossy(&told).matches("\"method\":\"execution/event\"").count();
    assert_eq!(events, workspace.journal().len());
    assert_eq!(ended(run.wait_with_output().expect("an end")).code, 0);
}

#[test]
fn a_killed_owner_leaves_a_door_that_is_in_nobodys_way() {
    let workspace = workspace();
    let mut killed = run(&workspace);
    killed.kill().expect("killed");
    killed.wait().expect("an end");
    assert!(workspace.execution().join("socket").exists());
    let skipped = workspace.run(&["skip", "1"]);
    assert_eq!(
        skipped.code, 0,
        "nobody is behind it, so it goes to the journal: {}",
        skipped.stderr
    );
    let run = run(&workspace);
    Guest::at(&workspace.execution()).ask("task/skip", &json!({"task": "2"}));
    let ended = ended(run.wait_with_output().expect("an end"));
    assert!(ended.stdout.contains("Final Status"), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn guests_that_misbehave_harm_nobody() {
    let workspace = workspace();
    let run = run(&workspace);
    let folder = workspace.execution();
    // Some say nothing, some send what is no JSON, some never read what they asked for.
    let mut guests: Vec<UnixStream> =
        (0..1_000).map_while(|_| UnixStream::connect(folder.join("socket")).ok()).collect();
    assert!(guests.len() > 100);
    for (nth, guest) in guests.iter_mut().enumerate() {
        guest.set_nonblocking(true).expect("set");
        let text = match nth % 3 {
            0 => continue,
            1 => b"\xff\xfe{{{\n".repeat(1_000),
            _ => b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"execution/report\"}\n".repeat(500),
        };
        // It may be full already.
        let _ = guest.write(&text);
    }
    workspace.write("one", "");
    workspace.write("two", "");
    let ended = ended(run.wait_with_output().expect("an end"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    drop(guests);
}

#[test]
fn a_folder_of_any_depth_has_a_door() {
    let workspace = Workspace::new();
    let deep = ["a-folder-with-a-rather-long-name"; 6].join("/");
    workspace.write(&format!("{deep}/execution-coordinator.toml"), CONFIG);
    workspace.write(&format!("{deep}/breakdown.md"), PLAN);
    let there = workspace.path(&deep);
    let mut run = workspace.command(&["run", "breakdown.md"]);
    let mut run =
        run.current_dir(&there).stdout(std::process::Stdio::null()).spawn().expect("the binary");
    let here = |arguments: &[&str]| {
        ended(workspace.command(arguments).current_dir(&there).output().expect("the binary"))
    };
    eventually("it runs", || here(&["status", "--format", "line"]).stdout.contains("running"));
    let cancelled = here(&["cancel"]);
    assert_eq!(cancelled.code, 0, "{}", cancelled.stderr);
    assert_eq!(run.wait().expect("an end").code(), Some(4));
}
