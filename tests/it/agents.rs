//! Real coding agents carry out a breakdown: in worktrees of their own, tests first, with a review that
//! sends work back, merged one at a time. `MODELS` names the folder into which
//! `tests/clients/models.sh` has put them; then `cargo test --test it -- --ignored agents::` runs them.

use crate::support::{LINES_TEST as TEST, MODEL_SERVER, Workspace, commit_all, ended, eventually};
use execution_coordinator::core::event::Event;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The work itself, which the model asks the agent's shell to do.
const WORK: &str = "#!/bin/sh
task=$2
if grep -q '^<<<<<<<' shared.txt 2>/dev/null; then
  grep -v -e '^<<<<<<<' -e '^=======' -e '^>>>>>>>' shared.txt >fixed; mv fixed shared.txt
fi
if [ \"$1\" = tests ]; then echo \"of $task\" >\"want-$task\"
elif ! grep -q \"of $task\" shared.txt 2>/dev/null; then echo \"of $task\" >>shared.txt
else echo \"reviewed $task\" >>reviewed.txt; fi
";
/// Sends task 2 back once.
const REVIEW: &str = "#!/bin/sh
cat >/dev/null
if [ \"$EXECUTION_COORDINATOR_TASK\" = 2 ] && ! grep -q 'reviewed 2' reviewed.txt 2>/dev/null; then
  echo '{\"verdict\":\"fail\",\"findings\":[{\"severity\":\"blocker\",\"text\":\"say that it is reviewed\"}]}'
else echo '{\"verdict\":\"pass\",\"summary\":\"good\"}'; fi
";
const PLAN: &str = "# Shop\n\n### Stream A: Base\n\n1. **Build**\n\n2. **Sell**\n\n3. **Ship**\n   - Dependencies: Tasks 1, 2\n";

/// What the model does: the work, by the agent's shell.
const RULES: &str = r##"{"rules": [{"match": "You have not said how it went", "steps": [{"text": "{\"status\":\"complete\",\"summary\":\"Did what was asked for.\"}"}]},
        {"match": "(?s)# Task (\\d+):.*- Role: tests", "steps": [{"shell": "./work.sh tests \\1"}, {"text": "{\"status\":\"complete\",\"summary\":\"Wrote them.\"}"}]},
        {"match": "(?s)# Task (\\d+):.*- Role: implementation", "steps": [{"shell": "./work.sh implementation \\1"}, {"text": "Did what was asked for."}]}]}"##;

/// A program that stands in for models, and says by rules what they do.
struct Model {
    server: Child,
    url: String,
    log: PathBuf,
}

impl Model {
    fn start(rules: &str, folder: &Path) -> Self {
        let config = folder.join("model.json");
        std::fs::write(&config, rules).expect("written");
        let mut command = Command::new("python3");
        let log = folder.join("asked.jsonl");
        command
            .arg(MODEL_SERVER)
            .args(["--port", "0", "--full", "--log"])
            .arg(&log)
            .arg("--config")
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut server = command.spawn().expect("python");
        let mut line = String::new();
        BufReader::new(server.stdout.take().expect("its output"))
            .read_line(&mut line)
            .expect("its address");
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http://"))
            .expect("an address")
            .to_owned();
        Self { server, url, log }
    }
}

impl Model {
    /// What it was asked, a line each.
    fn asked(&self) -> Vec<String> {
        std::fs::read_to_string(&self.log).expect("a log").lines().map(str::to_owned).collect()
    }

    /// From now on it goes by other rules.
    fn says(&self, rules: &str) {
        let address = self.url.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(address).expect("the model");
        let head = format!(
            "POST /__fake/config HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            rules.len()
        );
        stream.write_all(format!("{head}{rules}").as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.contains(" 200 "), "{answer}");
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// What a client needs in its environment to ask the model at an address, with a home of its own.
fn environment(client: &str, home: &Path, url: &str) -> Vec<(&'static str, String)> {
    let write = |name: &str, text: &str| {
        let path = home.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    };
    let mut environment = vec![("HOME", home.display().to_string())];
    match client {
        "claude" => environment
            .extend([("ANTHROPIC_BASE_URL", url.to_owned()), ("ANTHROPIC_API_KEY", "none".into())]),
        "codex" => {
            write(
                ".codex/config.toml",
                &format!(
                    "model = \"none\"\nmodel_provider = \"local\"\n[model_providers.local]\nname = \"local\"\nbase_url = \"{url}/v1\"\nenv_key = \"OPENAI_API_KEY\"\nwire_api = \"responses\"\n"
                ),
            );
            environment.extend([
                ("OPENAI_API_KEY", "none".to_owned()),
                ("CODEX_HOME", home.join(".codex").display().to_string()),
            ]);
        }
        "gemini" => {
            write(
                ".gemini/settings.json",
                "{\"security\":{\"auth\":{\"selectedType\":\"gemini-api-key\"}}}",
            );
            environment.extend([
                ("GEMINI_API_KEY", "none".to_owned()),
                ("GOOGLE_GEMINI_BASE_URL", url.to_owned()),
            ]);
        }
        _ => {
            write(
                ".config/opencode/opencode.json",
                &format!(
                    "{{\"model\":\"local/none\",\"small_model\":\"local/none\",\"autoupdate\":false,\"share\":\"disabled\",\"provider\":{{\"local\":{{\"npm\":\"@ai-sdk/openai-compatible\",\"options\":{{\"baseURL\":\"{url}/v1\",\"apiKey\":\"none\"}},\"models\":{{\"none\":{{\"tool_call\":true,\"limit\":{{\"context\":100000,\"output\":8000}}}}}}}}}}}}"
                ),
            );
            environment.extend([
                ("OPENCODE_DISABLE_MODELS_FETCH", "1".to_owned()),
                ("XDG_CONFIG_HOME", home.join(".config").display().to_string()),
                ("XDG_DATA_HOME", home.join(".local/share").display().to_string()),
            ]);
        }
    }
    environment
}

/// The config of an agent that asks the model at an address, with a home of its own.
fn config(client: &str, program: &Path, home: &Path, url: &str, by_protocol: bool) -> String {
    let environment = environment(client, home, url);
    let model = match client {
        "claude" => "sonnet",
        "gemini" => "gemini-2.5-pro",
        _ => "",
    };
    let variables: Vec<String> =
        environment.iter().map(|(name, value)| format!("{name} = {value:?}")).collect();
    let (kind, command) = match by_protocol {
        // What is said beside the protocol is no part of its answer.
        true if client == "gemini" => (
            "acp",
            format!(
                "[{:?}, \"--acp\", \"--skip-trust\", \"-m\", \"gemini-2.5-pro\"]",
                program.display().to_string()
            ),
        ),
        true => ("acp", format!("[{:?}, \"acp\"]", program.display().to_string())),
        false => (client, format!("[{:?}]", program.display().to_string())),
    };
    let model = if model.is_empty() || by_protocol {
        String::new()
    } else {
        format!("model = \"{model}\"\n")
    };
    format!(
        "[execution]\nbackoff = \"1ms\"\nattempt_timeout = \"2m\"\ngrace = \"1s\"\nisolation = \"worktree\"\n\
         [agents.implementation-agent]\nkind = \"{kind}\"\ncommand = {command}\n{model}environment = {{ {} }}\n\
         [agents.qa-reviewer]\nkind = \"command\"\ncommand = [\"./review.sh\"]\n\
         [[gates]]\nname = \"tests\"\nlevel = \"task\"\ncommand = [\"./test.sh\", \"{{task}}\"]\n\
         [[gates]]\nname = \"all\"\nlevel = \"system\"\ncommand = [\"./test.sh\", \"all\"]\n",
        variables.join(", ")
    )
}

/// A home for clients; not below the folder for temporary files, in which one of them keeps no helpers.
fn home_of(name: &str) -> PathBuf {
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("home-{name}-{}", fastrand::u32(..)));
    std::fs::create_dir_all(&home).expect("a home");
    home
}

/// Where the clients are.
fn models() -> PathBuf {
    PathBuf::from(
        std::env::var_os("MODELS").expect("MODELS names the folder of tests/clients/models.sh"),
    )
    .join("models/node_modules/.bin")
}

/// A repository in which a client is to work, and the model that it asks.
fn prepared(client: &str, rules: &str, by_protocol: bool) -> (Workspace, Model) {
    let home = home_of(client);
    let model = Model::start(rules, &home);
    let config = config(client, &models().join(client), &home, &model.url, by_protocol);
    let workspace = Workspace::with(&[
        ("breakdown.md", PLAN),
        ("work.sh", WORK),
        ("test.sh", TEST),
        ("review.sh", REVIEW),
    ]);
    workspace.write("execution-coordinator.toml", &config);
    commit_all(&workspace);
    (workspace, model)
}

fn git(workspace: &Workspace, arguments: &[&str]) -> String {
    ended(
        Command::new("git").current_dir(workspace.path("")).args(arguments).output().expect("git"),
    )
    .stdout
}

fn carries_out(client: &str, by_protocol: bool) {
    let (workspace, _model) = prepared(client, RULES, by_protocol);
    let run = workspace.run(&["run", "breakdown.md"]);
    let output = || workspace.run(&["output", "1"]).stdout;
    assert_eq!(run.code, 0, "{client}: {}{}\n{}", run.stdout, run.stderr, output());
    assert!(run.stderr.contains("task 2 goes back: say that it is reviewed"), "{}", run.stderr);
    assert!(
        run.stdout.contains("TDD/BDD Compliance: 100% (3 of 3 tasks seen red, then green; 3 unnamed: by exit code and counts)"),
        "{}",
        run.stdout
    );
    let branch = git(
        &workspace,
        &["for-each-ref", "--format=%(refname)", "refs/heads/execution-coordinator/*/result"],
    );
    let shared = git(&workspace, &["show", &format!("{}:shared.txt", branch.trim())]);
    assert_eq!(shared.lines().count(), 3, "{shared}");
    assert_eq!(
        (git(&workspace, &["status", "--porcelain"]), workspace.path("shared.txt").exists()),
        (String::new(), false)
    );
    // What it says of itself is kept.
    let journal = workspace.read(&format!("{}/journal.jsonl", workspace.execution().display()));
    assert!(
        journal.contains("\"toolCalls\":1")
            && journal.contains("\"session\":\"")
            && journal.contains("\"tokens\":"),
        "{journal}"
    );
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

#[test]
#[ignore = "needs MODELS"]
fn claude_code_carries_out_a_breakdown() {
    carries_out("claude", false);
}

#[test]
#[ignore = "needs MODELS"]
fn codex_carries_out_a_breakdown() {
    carries_out("codex", false);
}

#[test]
#[ignore = "needs MODELS"]
fn gemini_cli_carries_out_a_breakdown() {
    carries_out("gemini", false);
}

#[test]
#[ignore = "needs MODELS"]
fn opencode_carries_out_a_breakdown() {
    carries_out("opencode", false);
}

#[test]
#[ignore = "needs MODELS"]
fn agents_of_the_agent_client_protocol_carry_out_a_breakdown() {
    carries_out("gemini", true);
    carries_out("opencode", true);
}

/// It asks, and once it is answered it goes on in its session, with what it has begun.
fn goes_on_where_it_asked(client: &str, by_protocol: bool) {
    let rules = r##"{"rules": [{"match": "You have not said how it went", "steps": [{"text": "{\"status\":\"complete\",\"summary\":\"Did it.\"}"}]},
        {"match": "The answer: blue", "steps": [{"shell": "mv begun made"}, {"text": "{\"status\":\"complete\",\"summary\":\"Did it.\"}"}]},
        {"match": "(?s)# Task (\\d+):.*- Role: implementation", "steps": [{"shell": "echo x >begun"}, {"text": "{\"status\":\"blocked\",\"reason\":\"which colour?\"}"}]}]}"##;
    let (workspace, model) = prepared(client, rules, by_protocol);
    let config = workspace
        .read("execution-coordinator.toml")
        .split("[agents.qa-reviewer]")
        .next()
        .expect("agents")
        .to_owned();
    workspace.write(
        "execution-coordinator.toml",
        &config.replace("[execution]\n", "[execution]\ntests_first = \"off\"\n"),
    );
    commit_all(&workspace);
    let asked = workspace.run(&["run", "breakdown.md", "--only", "1"]);
    assert!(
        asked.code == 4 && asked.stdout.contains("is blocked: which colour?"),
        "{client}: {}{}",
        asked.stdout,
        asked.stderr
    );
    let before = model.asked().len();
    assert_eq!(workspace.run(&["answer", "1", "blue"]).code, 0);
    let done = workspace.run(&["run", "breakdown.md", "--only", "1"]);
    let output = || workspace.run(&["output", "1"]).stdout;
    assert_eq!(done.code, 0, "{client}: {}{}\n{}", done.stdout, done.stderr, output());
    let branch = git(
        &workspace,
        &["for-each-ref", "--format=%(refname)", "refs/heads/execution-coordinator/*/result"],
    );
    assert_eq!(
        git(&workspace, &["ls-tree", "--name-only", branch.trim(), "begun", "made"]).trim(),
        "made",
        "{client}"
    );
    // The model sees what it said before, which is in no brief.
    let later = &model.asked()[before..];
    assert!(
        later.iter().any(
            |request| request.contains("The answer: blue") && request.contains("echo x >begun")
        ),
        "{client}: {later:?}"
    );
    assert_eq!(workspace.run(&["audit", "--evidence"]).code, 0);
}

#[test]
#[ignore = "needs MODELS"]
fn clients_go_on_in_their_sessions_when_they_are_answered() {
    for client in ["claude", "codex", "gemini", "opencode"] {
        goes_on_where_it_asked(client, false);
    }
    goes_on_where_it_asked("opencode", true);
}

/// It is told something while it is at work, and goes by it without being stopped.
fn is_steered(client: &str) {
    let rules = r##"{"rules": [{"match": "You have not said how it went", "steps": [{"text": "{\"status\":\"complete\",\"summary\":\"Did it.\"}"}]},
        {"match": "(?s)# Task (\\d+):.*- Role: implementation", "steps": [{"shell": "touch \"$WORKSPACE/at-work\"; until [ -e \"$WORKSPACE/go\" ]; do sleep 0.05; done; echo x >made"}, {"text": "{\"status\":\"complete\",\"summary\":\"Did it.\"}"}]}]}"##;
    let (workspace, model) = prepared(client, rules, false);
    let config = workspace
        .read("execution-coordinator.toml")
        .split("[agents.qa-reviewer]")
        .next()
        .expect("agents")
        .to_owned();
    let config = config.replace(
        "[execution]\n",
        "[sandbox]\nmode = \"off\"\n[execution]\ntests_first = \"off\"\n",
    );
    let config = config.replace(
        "environment = {",
        &format!("environment = {{ WORKSPACE = {:?},", workspace.path("").display().to_string()),
    );
    workspace.write("execution-coordinator.toml", &config);
    commit_all(&workspace);
    let run = workspace.start(&["run", "breakdown.md", "--only", "1"]);
    eventually("it is at work", || workspace.path("at-work").exists());
    let said = workspace.run(&["steer", "1", "make", "it", "purple"]);
    assert!(
        said.code == 0 && said.stderr.contains("tell when its agent has got it"),
        "{client}: {}",
        said.stderr
    );
    assert!(workspace.run(&["status"]).stdout.contains("make it purple"));
    workspace.write("go", "");
    let ended = ended(run.wait_with_output().expect("an end"));
    let output = || workspace.run(&["output", "1"]).stdout;
    assert_eq!(ended.code, 0, "{client}: {}{}\n{}", ended.stdout, ended.stderr, output());
    assert!(ended.stderr.contains("has got what was said to it"), "{client}: {}", ended.stderr);
    assert!(model.asked().iter().any(|request| request.contains("make it purple")), "{client}");
    let attempts =
        |event: &Event| matches!(event, Event::Ordered { work, .. } if work.is_attempt());
    assert_eq!(
        workspace.journal().iter().filter(|recorded| attempts(&recorded.event)).count(),
        1,
        "{client}: nothing is stopped"
    );
    let late = workspace.run(&["steer", "1", "too late"]);
    assert!(
        late.code == 2 && late.stderr.contains("no agent is at work on task 1"),
        "{client}: {}",
        late.stderr
    );
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

#[test]
#[ignore = "needs MODELS"]
fn clients_are_steered_in_their_turns() {
    is_steered("claude");
    is_steered("codex");
}

/// Agents that only their own files define, reviewed by ones of another client: each knows who it is.
#[test]
#[ignore = "needs MODELS"]
fn agents_are_who_their_own_files_say() {
    let rules = r###"{"rules": [
        {"match": "(?s)# Task (\\d+):.*- Role: (tests|implementation)", "steps": [{"shell": "./work.sh \\2 \\1"}, {"text": "## Implementation Summary\n\n**Status:** ✅ Complete\n"}]},
        {"match": "(?s)# .*- Role: (final-)?review", "steps": [{"text": "## QA Analysis Complete\n\n### Critical Issues Found: No\n"}]}]}"###;
    let (workspace, model) = prepared("claude", rules, false);
    let home = home_of("both");
    workspace.write(
        "execution-coordinator.toml",
        "[execution]\nisolation = \"worktree\"\ntests_first = \"off\"\n[environment]\npass = [\"PATH\", \"HOME\", \"OPENAI_API_KEY\", \"CODEX_*\", \"ANTHROPIC_*\"]\n",
    );
    // In no commit: a worktree of their own does not have them.
    workspace.write(
        ".claude/agents/implementation-agent.md",
        "---\nname: implementation-agent\ndescription: works\ntools: Bash\n---\nYou are the one with the hammer.\n",
    );
    workspace.write(
        ".claude/agents/qa-reviewer.md",
        "---\nname: qa-reviewer\ndescription: looks\ntools: Read, Grep\n---\nYou are the one with the glasses.\n\n## What you return\n\n```\n## QA Analysis Complete\n```\n",
    );
    workspace.write(
        ".codex/agents/second.toml",
        "name = \"second-reviewer\"\ndeveloper_instructions = \"You are the one with the \\\"lens\\\".\"\n",
    );
    let path = format!("{}:{}", models().display(), std::env::var("PATH").expect("a path"));
    let mut command = workspace.command(&["run", "breakdown.md"]);
    command.env("PATH", path);
    for client in ["claude", "codex"] {
        command.envs(environment(client, &home, &model.url));
    }
    let run = ended(command.output().expect("the binary"));
    let output = || workspace.run(&["output", "1"]).stdout;
    assert_eq!(run.code, 0, "{}{}\n{}", run.stdout, run.stderr, output());
    assert!(
        run.stdout.contains(
            "- Review agents: qa-reviewer (4 of 4 passed), second-reviewer (4 of 4 passed)"
        ),
        "{}",
        run.stdout
    );
    let asked = model.asked();
    let with = |words: &str, role: &str| {
        asked.iter().filter(|request| request.contains(words) && request.contains(role)).count()
    };
    assert!(with("with the hammer", "- Role: implementation") >= 3, "{asked:?}");
    assert!(with("with the glasses", "- Role: review") >= 3);
    assert!(with("lens", "- Role: review") >= 3);
    assert!(
        with("diff --git", "- Role: review") >= 6
            && with("diff --git", "- Role: final-review") >= 2,
        "reviewers see the work"
    );
    assert_eq!(
        (
            with("with the hammer", "- Role: review"),
            with("with the glasses", "- Role: implementation")
        ),
        (0, 0),
        "to each its own"
    );
    assert!(
        !asked
            .iter()
            .any(|request| request.contains("with the glasses") && request.contains("\"Bash\"")),
        "its own tools"
    );
}

/// What an agent's shell has started in a session of its own ends with the daemon.
fn leaves_no_orphans(client: &str, by_protocol: bool) {
    // By its arguments it is known, also in a sandbox that numbers processes again.
    let seconds = format!("{}.{}", fastrand::u32(10_000..90_000), fastrand::u32(1..1_000));
    let rules = format!(
        r##"{{"rules": [{{"match": "# Task", "steps": [{{"shell": "exec setsid sleep {seconds}"}}, {{"text": "never"}}]}}]}}"##
    );
    let (workspace, _model) = prepared(client, &rules, by_protocol);
    let sleeps = || {
        let entries = std::fs::read_dir("/proc").expect("processes").flatten();
        let words = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        words.filter(|words| words.starts_with(format!("sleep\0{seconds}").as_bytes())).count()
    };
    let mut run = workspace.start(&["run", "breakdown.md", "--only", "1"]);
    eventually(&format!("{client} has started something"), || sleeps() > 0);
    run.kill().and_then(|()| run.wait()).expect("killed");
    eventually("nothing is left of it", || sleeps() == 0);
}

/// What stands where an older Claude Code would, which does not know how to tell what it has read.
#[test]
fn an_older_claude_is_asked_without_what_it_does_not_know() {
    let older = "#!/bin/sh\ncase \"$*\" in *--replay-user-messages*) echo \"error: unknown option '--replay-user-messages'\" >&2; exit 1;; esac\n\
        echo '{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s\"}'\ntouch made at-work\nuntil [ -e go ]; do sleep 0.05; done\n\
        echo '{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"{\\\"status\\\":\\\"complete\\\"}\"}'\ncat >/dev/null\n";
    let config = "[execution]\nmax_attempts = 1\ntests_first = \"off\"\nisolation = \"none\"\n[agents.implementation-agent]\nkind = \"claude\"\n\
        command = [\"./older.sh\"]\nsandbox = false\n";
    let workspace = Workspace::with(&[
        ("older.sh", older),
        ("breakdown.md", PLAN),
        ("execution-coordinator.toml", config),
    ]);
    let run = workspace.start(&["run", "breakdown.md", "--only", "1"]);
    eventually("it is at work", || workspace.path("at-work").exists());
    assert_eq!(workspace.run(&["steer", "1", "faster"]).code, 0);
    eventually("it is told", || {
        workspace.run(&["events"]).stdout.contains("does not tell what it has read")
    });
    workspace.write("go", "");
    let ended = ended(run.wait_with_output().expect("an end"));
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stderr.contains("was not delivered: this version of Claude Code"),
        "{}",
        ended.stderr
    );
}

/// What stands where Claude Code would, and never ends a line: its limits hold.
#[test]
fn a_flood_of_words_is_no_way_out_of_limits() {
    for flood in ["cat /dev/zero", "yes"] {
        let workspace = Workspace::with(&[
            ("flood.sh", &format!("#!/bin/sh\nexec {flood}\n")),
            ("breakdown.md", PLAN),
        ]);
        let config = "[execution]\nmax_attempts = 1\noutput_limit_bytes = 30000000\ngrace = \"100ms\"\n[agents.implementation-agent]\nkind = \"claude\"\ncommand = [\"./flood.sh\"]\nsandbox = false\n";
        workspace.write("execution-coordinator.toml", config);
        let run = workspace.run(&["run", "breakdown.md", "--only", "1"]);
        assert!(
            run.code == 4 && run.stdout.contains("printed more than"),
            "{flood}: {}{}",
            run.stdout,
            run.stderr
        );
    }
}

/// The example with eight tasks: its tests and reviews by its own scripts, the work by a real client.
fn carries_out_the_chat_system(client: &str, by_protocol: bool) {
    // In the folder of the task, which its shell knows; a round of rework fixes what the review found.
    let rules = r##"{"rules": [
        {"match": "(?s)# Task (\\d+):.*- Round of rework: ", "steps": [{"shell": "sed -i 's/^  text=[$]2$/  text=$(printf %s \"$2\" | tr \"\\\\t\\\\n\" \"  \")/' app/lib/\\1.sh"}, {"text": "{\"status\":\"complete\",\"summary\":\"Fixed.\"}"}]},
        {"match": "(?s)# Task (\\d+):.*- Role: implementation", "steps": [{"shell": "mkdir -p app/lib && cp agents/finished/\\1.sh app/lib/\\1.sh"}, {"text": "{\"status\":\"complete\",\"summary\":\"Did it.\"}"}]}]}"##;
    let home = home_of(client);
    let model = Model::start(rules, &home);
    let workspace = Workspace::new();
    crate::house::copy(&crate::house::root().join("examples/chat-system"), &workspace.path(""));
    let path = format!("{}:{}", models().display(), std::env::var("PATH").expect("a path"));
    let mut arguments = vec!["run", "breakdown.md", "--isolation", "worktree"];
    if by_protocol {
        let config = workspace.read("execution-coordinator.toml");
        let ours = format!("kind = \"acp\"\ncommand = [{client:?}, \"acp\"]");
        workspace.write(
            "execution-coordinator.toml",
            &config.replace("kind = \"command\"\ncommand = [\"agents/implement.sh\"]", &ours),
        );
    } else {
        arguments.extend(["--agent", client]);
    }
    commit_all(&workspace);
    let mut command = workspace.command(&arguments);
    command.env("PATH", path).envs(environment(client, &home, &model.url));
    let run = ended(command.output().expect("the binary"));
    assert_eq!(run.code, 0, "{client}: {}{}", run.stdout, run.stderr);
    for said in [
        "- Total Tasks: 8 completed / 8 total",
        "TDD/BDD Compliance: 100% (8 of 8",
        "### Final Status: Complete",
    ] {
        assert!(run.stdout.contains(said), "{client}: {said}: {}", run.stdout);
    }
    let sent_back = workspace
        .journal()
        .iter()
        .filter(|event| matches!(event.event, Event::Rework { .. }))
        .count();
    assert_eq!(sent_back, 1, "{client}: a review sends one task back once");
    let branch = git(
        &workspace,
        &["for-each-ref", "--format=%(refname)", "refs/heads/execution-coordinator/*/result"],
    );
    assert_eq!(
        git(&workspace, &["ls-tree", "--name-only", &format!("{}:app/lib", branch.trim())])
            .lines()
            .count(),
        8
    );
    assert_eq!(
        (git(&workspace, &["status", "--porcelain"]), workspace.path("app").exists()),
        (String::new(), false)
    );
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

#[test]
#[ignore = "needs MODELS"]
fn real_clients_carry_out_the_chat_system() {
    for client in ["claude", "codex", "gemini", "opencode"] {
        carries_out_the_chat_system(client, false);
    }
    carries_out_the_chat_system("opencode", true);
}

/// A turn that is no longer wanted is interrupted before its process is ended, and says so.
#[test]
#[ignore = "needs MODELS"]
fn agents_that_are_talked_with_are_interrupted_first() {
    for (client, says) in
        [("claude", "\"error_during_execution\""), ("codex", "\"status\":\"interrupted\"")]
    {
        let rules = r#"{"rules": [{"match": "- Role: tests", "steps": [{"shell": "touch begun; sleep 1000"}, {"text": "never"}]}]}"#;
        let (workspace, _model) = prepared(client, rules, false);
        let mut run = workspace.start(&["run", "breakdown.md", "--only", "1"]);
        let place = || workspace.execution().join("trees/a1/begun").exists();
        eventually("it has begun", || workspace.run(&["status"]).code == 0 && place());
        assert_eq!(workspace.run(&["cancel"]).code, 0);
        run.wait().expect("an end");
        let logs =
            std::fs::read_dir(workspace.execution().join("output")).expect("outputs").flatten();
        let said: String =
            logs.filter_map(|log| std::fs::read_to_string(log.path()).ok()).collect();
        assert!(said.contains(says), "{client}: {said}");
    }
}

#[test]
#[ignore = "needs MODELS"]
fn an_agent_whose_service_limits_its_rate_is_asked_again() {
    let rules = RULES.replace("{\"shell\"", "{\"error\": {\"status\": 429}, \"shell\"");
    let (workspace, model) = prepared("codex", &rules, false);
    let config = workspace.read("execution-coordinator.toml");
    workspace.write(
        "execution-coordinator.toml",
        &config.replace("[execution]\n", "[execution]\nmax_attempts = 1\n"),
    );
    let run = workspace.start(&["run", "breakdown.md"]);
    eventually("it has begun", || workspace.run(&["status"]).code == 0);
    let journal = || workspace.read(&format!("{}/journal.jsonl", workspace.execution().display()));
    eventually("it waits", || journal().contains("\"forgiven\":true"));
    model.says(RULES);
    let run = ended(run.wait_with_output().expect("an end"));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(journal().contains("\"rateLimited\""), "it was no try: {}", journal());
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

#[test]
#[ignore = "needs MODELS"]
fn nothing_that_real_agents_start_outlives_the_daemon() {
    for client in ["claude", "codex", "gemini", "opencode"] {
        leaves_no_orphans(client, false);
    }
    leaves_no_orphans("gemini", true);
}
