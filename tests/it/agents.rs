//! Real coding agents carry out a breakdown: in places of their own, tests first, with a review that
//! sends work back, merged one at a time. `MODELS` names the folder into which
//! `tests/clients/models.sh` has put them, `MODEL_SERVER` a program that answers as a model does.

use crate::support::{Workspace, ended, eventually};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The work itself, which the model asks the agent's shell to do.
const WORK: &str = "#!/bin/sh
task=$2
if grep -q '^<<<<<<<' shared.txt 2>/dev/null; then
  grep -v -e '^<<<<<<<' -e '^=======' -e '^>>>>>>>' shared.txt >mended; mv mended shared.txt
fi
if [ \"$1\" = tests ]; then echo \"of $task\" >\"want-$task\"
elif ! grep -q \"of $task\" shared.txt 2>/dev/null; then echo \"of $task\" >>shared.txt
else echo \"reviewed $task\" >>reviewed.txt; fi
";
const TEST: &str = "#!/bin/sh
for want in want-*; do
  [ \"$1\" = all ] || [ \"$want\" = \"want-$1\" ] || continue
  [ -f \"$want\" ] || continue
  grep -qx \"$(cat \"$want\")\" shared.txt 2>/dev/null || { echo \"$want failed\"; exit 1; }
done
";
/// Sends task 2 back once.
const REVIEW: &str = "#!/bin/sh
cat >/dev/null
if [ \"$EXECUTION_COORDINATOR_TASK\" = 2 ] && ! grep -q 'reviewed 2' reviewed.txt 2>/dev/null; then
  echo '{\"verdict\":\"fail\",\"findings\":[{\"severity\":\"blocker\",\"text\":\"say that it is reviewed\"}]}'
else echo '{\"verdict\":\"pass\",\"summary\":\"good\"}'; fi
";
const PLAN: &str = "# Shop\n\n### Stream A: Base\n\n1. **Build**\n\n2. **Sell**\n\n3. **Ship**\n   - Dependencies: Tasks 1, 2\n";

/// A program that stands in for models, and says by rules what they do.
struct Model {
    server: Child,
    url: String,
}

impl Model {
    fn start(rules: &str, folder: &Path) -> Option<Self> {
        let program = std::env::var_os("MODEL_SERVER")?;
        let config = folder.join("model.json");
        std::fs::write(&config, rules).expect("written");
        let mut command = Command::new("python3");
        command.arg(program).args(["--port", "0", "--config"]).arg(config).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().expect("python");
        let mut line = String::new();
        BufReader::new(server.stdout.take().expect("its output")).read_line(&mut line).expect("its address");
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).expect("an address").to_owned();
        Some(Self { server, url })
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// The config of an agent that asks the model at an address, with a home of its own.
fn config(client: &str, program: &Path, home: &Path, url: &str) -> String {
    let write = |name: &str, text: &str| {
        let path = home.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    };
    let mut environment = vec![("HOME", home.display().to_string())];
    let mut model = "";
    match client {
        "claude" => {
            model = "sonnet";
            environment.extend([("ANTHROPIC_BASE_URL", url.to_owned()), ("ANTHROPIC_API_KEY", "none".into())]);
        }
        "codex" => {
            write(
                ".codex/config.toml",
                &format!(
                    "model = \"none\"\nmodel_provider = \"local\"\n[model_providers.local]\nname = \"local\"\nbase_url = \"{url}/v1\"\nenv_key = \"KEY\"\nwire_api = \"responses\"\n"
                ),
            );
            environment.extend([("KEY", "none".to_owned()), ("CODEX_HOME", home.join(".codex").display().to_string())]);
        }
        "gemini" => {
            model = "gemini-2.5-pro";
            write(".gemini/settings.json", "{\"security\":{\"auth\":{\"selectedType\":\"gemini-api-key\"}}}");
            environment.extend([("GEMINI_API_KEY", "none".to_owned()), ("GOOGLE_GEMINI_BASE_URL", url.to_owned())]);
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
            ]);
            environment.push(("XDG_DATA_HOME", home.join(".local/share").display().to_string()));
        }
    }
    let variables: Vec<String> = environment.iter().map(|(name, value)| format!("{name} = {value:?}")).collect();
    let model = if model.is_empty() { String::new() } else { format!("model = \"{model}\"\n") };
    format!(
        "[execution]\nbackoff = \"1ms\"\nattempt_timeout = \"2m\"\ngrace = \"1s\"\nisolation = \"worktree\"\n\
         [agents.implementation-agent]\nkind = \"{client}\"\ncommand = [{:?}]\n{model}environment = {{ {} }}\n\
         [agents.qa-reviewer]\nkind = \"command\"\ncommand = [\"./review.sh\"]\n\
         [[gates]]\nname = \"tests\"\nlevel = \"task\"\ncommand = [\"./test.sh\", \"{{task}}\"]\n\
         [[gates]]\nname = \"all\"\nlevel = \"system\"\ncommand = [\"./test.sh\", \"all\"]\n",
        program.display().to_string(),
        variables.join(", ")
    )
}

/// A repository in which a client is to work, and the model that it asks; none where neither can be had.
fn prepared(client: &str, rules: &str) -> Option<(Workspace, Model)> {
    let models = PathBuf::from(std::env::var_os("MODELS")?);
    // Not below the folder for temporary files, in which one of them keeps no helpers.
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("home-{client}-{}", fastrand::u32(..)));
    std::fs::create_dir_all(&home).expect("a home");
    let model = Model::start(rules, &home)?;
    let config = config(client, &models.join("models/node_modules/.bin").join(client), &home, &model.url);
    let workspace = Workspace::with(&[("breakdown.md", PLAN), ("work.sh", WORK), ("test.sh", TEST), ("review.sh", REVIEW)]);
    workspace.write("execution-coordinator.toml", &config);
    workspace.write(".gitignore", ".state/\n.execution-coordinator/\n");
    for arguments in
        [&["init", "--quiet"][..], &["add", "--all"], &["-c", "user.name=me", "-c", "user.email=me@localhost", "commit", "-qm", "base"]]
    {
        assert!(Command::new("git").current_dir(workspace.path("")).args(arguments).status().expect("git").success());
    }
    Some((workspace, model))
}

fn git(workspace: &Workspace, arguments: &[&str]) -> String {
    ended(Command::new("git").current_dir(workspace.path("")).args(arguments).output().expect("git")).stdout
}

fn carries_out(client: &str) {
    let rules = r##"{"rules": [{"match": "(?s)# Task (\\d+):.*- Role: (tests|implementation)", "steps": [{"shell": "./work.sh \\2 \\1"}, {"text": "Did what was asked for."}]}]}"##;
    let Some((workspace, _model)) = prepared(client, rules) else { return };
    let run = workspace.run(&["run", "breakdown.md"]);
    let output = || workspace.run(&["output", "1"]).stdout;
    assert_eq!(run.code, 0, "{client}: {}{}\n{}", run.stdout, run.stderr, output());
    assert!(run.stderr.contains("task 2 goes back: say that it is reviewed"), "{}", run.stderr);
    assert!(run.stdout.contains("TDD/BDD Compliance: 100% (3 of 3 tasks seen red, then green)"), "{}", run.stdout);
    let branch = git(&workspace, &["for-each-ref", "--format=%(refname)", "refs/heads/execution-coordinator/*/result"]);
    let shared = git(&workspace, &["show", &format!("{}:shared.txt", branch.trim())]);
    assert_eq!(shared.lines().count(), 3, "{shared}");
    assert_eq!((git(&workspace, &["status", "--porcelain"]), workspace.path("shared.txt").exists()), (String::new(), false));
    // What it says of itself is kept.
    let journal = workspace.read(&format!("{}/journal.jsonl", workspace.execution().display()));
    assert!(journal.contains("\"toolCalls\":1") && journal.contains("\"session\":\"") && journal.contains("\"tokens\":"), "{journal}");
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

#[test]
fn claude_code_carries_out_a_breakdown() {
    carries_out("claude");
}

#[test]
fn codex_carries_out_a_breakdown() {
    carries_out("codex");
}

#[test]
fn gemini_cli_carries_out_a_breakdown() {
    carries_out("gemini");
}

#[test]
fn opencode_carries_out_a_breakdown() {
    carries_out("opencode");
}

/// What an agent's shell has started in a session of its own ends with the daemon.
fn leaves_no_orphans(client: &str) {
    // By its arguments it is known, also in a sandbox that numbers processes anew.
    let seconds = format!("{}.{}", fastrand::u32(10_000..90_000), fastrand::u32(1..1_000));
    let rules =
        format!(r##"{{"rules": [{{"match": "# Task", "steps": [{{"shell": "exec setsid sleep {seconds}"}}, {{"text": "never"}}]}}]}}"##);
    let Some((workspace, _model)) = prepared(client, &rules) else { return };
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

#[test]
fn nothing_that_real_agents_start_outlives_the_daemon() {
    for client in ["claude", "codex", "gemini", "opencode"] {
        leaves_no_orphans(client);
    }
}
