//! House rules: who may use whom, what is generated, what the README says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name =
                    path.strip_prefix(root().join("src")).expect("below it").display().to_string();
                found.push((name, std::fs::read_to_string(path).expect("a file")));
            }
        }
    }
    found.sort();
    found
}

/// What each module may use of ours, by the table of ARCHITECTURE.md.
fn may_use() -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let name = cells.get(1)?.strip_prefix('`')?.strip_suffix('`')?;
        let uses = cells.get(3)?.split(", ").map(str::to_owned).collect();
        (!name.contains([':', '`'])).then(|| (name.to_owned(), uses))
    };
    let table = text
        .lines()
        .skip_while(|line| !line.starts_with("| module |"))
        .take_while(|line| line.starts_with('|'));
    table.filter_map(row).collect()
}

#[test]
fn modules_use_only_what_they_may() {
    let allowed = may_use();
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let module = name.split(['/', '.']).next().expect("a name");
        if matches!(module, "main" | "lib") {
            continue;
        }
        let may = allowed.get(module).unwrap_or_else(|| panic!("{name} is in no row of the table"));
        for (_, rest) in text.match_indices("crate::").map(|(at, _)| text.split_at(at + 7)) {
            let used: String =
                rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !used.is_empty() && !may.contains(&used) {
                wrong.push(format!("{name} uses crate::{used}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    let modules: BTreeSet<String> = sources()
        .iter()
        .filter_map(|(name, _)| Some(name.split(['/', '.']).next()?.to_owned()))
        .collect();
    let gone: Vec<&String> = allowed.keys().filter(|module| !modules.contains(*module)).collect();
    assert!(gone.is_empty(), "rows of modules that are not there: {gone:?}");
}

/// What is known of a coding client is in its adapter and in the list of clients.
#[test]
fn the_core_and_the_engine_know_no_coding_client() {
    let clients = execution_coordinator::config::AgentKind::CLIENTS.map(|kind| kind.name());
    let inner = ["core", "engine", "process", "workspace", "gates"];
    for (name, text) in sources() {
        if inner.iter().any(|module| name.starts_with(module)) {
            let text = text.to_lowercase();
            for client in clients {
                assert!(!text.contains(client), "{name} has {client}");
            }
        }
    }
}

#[test]
fn the_core_touches_nothing_outside() {
    let banned = [
        "std::fs",
        "std::process",
        "std::thread",
        "std::env",
        "std::net",
        "Instant",
        "SystemTime",
        "tokio",
        "serde_json",
        "notify",
        "dashmap",
    ];
    for (name, text) in sources().into_iter().filter(|(name, _)| name.starts_with("core")) {
        for word in banned {
            assert!(
                !text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"))
                    .any(|line| line.contains(word)),
                "{name} has {word}"
            );
        }
    }
}

#[test]
fn only_the_engine_decides_and_adapters_never_see_the_state() {
    for (name, text) in sources() {
        let module = name.split(['/', '.']).next().expect("a name");
        if !["core", "engine", "lib"].contains(&module) {
            for call in ["decide::decide(", "advance::advance(", "journal.append("] {
                assert!(!text.contains(call), "{name} calls {call}");
            }
        }
        if ["agents", "gates", "watch", "process", "workspace"].contains(&module) {
            assert!(!text.contains("core::state"), "{name} sees the state");
        }
        // Wire and journal types stand where a client looks for them.
        let wire = [
            "core/id.rs",
            "core/plan.rs",
            "core/prose.rs",
            "core/policy.rs",
            "core/event.rs",
            "core/outcome.rs",
            "core/brief.rs",
            "core/report.rs",
            "core/status.rs",
            "rpc/types.rs",
            "rpc/messages.rs",
            "process/warden.rs",
        ];
        assert!(
            wire.contains(&name.as_str())
                || !text.contains("derive(Clone, Debug, PartialEq, Serialize"),
            "{name} has wire types"
        );
    }
}

/// The first sentence of what a file says of itself.
fn first_sentence(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    let about: Vec<&str> = lines.map(str::trim).take_while(|line| !line.is_empty()).collect();
    let about = about.join(" ");
    // A number, or a word of one letter, ends no sentence.
    let end = about.match_indices([';', '.']).map(|(at, _)| at).find(|&at| {
        let word = about[..at].rsplit([' ', '`']).next().unwrap_or_default();
        about[at + 1..].starts_with(' ') && word.chars().filter(|c| c.is_alphabetic()).count() > 1
    });
    about[..end.unwrap_or(about.len())].trim_end_matches('.').to_owned()
}

/// The list of files is written again where it is stale, and the test says so.
#[test]
fn architecture_lists_all_files() {
    let path = root().join("ARCHITECTURE.md");
    let page = std::fs::read_to_string(&path).expect("ARCHITECTURE.md");
    let (before, _) = page.split_once("\n## Files\n").expect("a list of files");
    let intro = "The first sentence of each file, written here by a test (`tests/it/house.rs`). \
        `a/b.rs` is what belongs to `a.rs`.";
    let rows: String = sources()
        .iter()
        .map(|(name, text)| format!("- `{name}`: {}\n", first_sentence(text)))
        .collect();
    let written = format!("{before}\n## Files\n\n{intro}\n\n{rows}");
    if written != page {
        std::fs::write(&path, written).expect("written");
        panic!("the list of files was stale and is written again: run the tests again");
    }
}

/// An editor that knows breakdowns by their names knows those of all formats.
#[test]
fn editors_know_the_names_of_all_formats() {
    let package = std::fs::read_to_string(root().join("editors/vscode/package.json"));
    let package: serde_json::Value =
        serde_json::from_str(&package.expect("VS Code's package")).expect("JSON");
    let globs: Vec<&str> = execution_coordinator::breakdown::Format::globs().collect();
    let settings = &package["contributes"]["configuration"]["properties"];
    assert_eq!(settings["executionCoordinator.breakdowns"]["default"], serde_json::json!(globs));
    let events: Vec<String> = std::iter::once("onLanguage:markdown".to_owned())
        .chain(globs.iter().map(|glob| format!("workspaceContains:{glob}")))
        .chain(["workspaceContains:.execution-coordinator".into()])
        .collect();
    assert_eq!(package["activationEvents"], serde_json::json!(events));
}

/// Generated files are written again where they are stale, and the test says so.
#[test]
fn schemas_are_those_of_the_types() {
    let mut stale = Vec::new();
    for (name, text) in execution_coordinator::rpc::schema::files() {
        let path = root().join("schema").join(name);
        if std::fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            std::fs::create_dir_all(root().join("schema")).expect("a folder");
            std::fs::write(&path, text).expect("written");
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?} were stale and are written again: run the tests again and commit them"
    );
}

/// What can be shown or steered at a terminal can be by clients, and by the same name.
#[test]
fn commands_and_methods_are_the_same_but_for_those_that_are_named() {
    const NO_METHOD: [&str; 14] = [
        "check",
        "convert",
        "deliver",
        "audit",
        "serve",
        "mcp",
        "acp",
        "agents",
        "clean",
        "trust",
        "init",
        "schema",
        "completions",
        "help",
    ];
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_execution-coordinator"))
        .arg("--help")
        .output()
        .expect("the binary");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let commands = help.split("Commands:\n").nth(1).expect("commands");
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let commands: BTreeSet<&str> =
        commands.filter_map(|line| line.split_whitespace().next()).collect();
    let table = execution_coordinator::rpc::calls::table();
    let known: BTreeSet<&str> =
        table.rows().iter().filter_map(|row| row.command).chain(NO_METHOD).collect();
    assert_eq!(commands, known);
}

/// Commands in the README and in the examples that can be tried: those that only look.
#[test]
fn the_readme_tells_the_truth() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_execution-coordinator"))
        .arg("--help")
        .output()
        .expect("the binary");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for line in readme.lines().filter_map(|line| line.trim().strip_prefix("execution-coordinator "))
    {
        let command = line.split_whitespace().next().expect("a command");
        assert!(
            help.contains(&format!("  {command} ")),
            "the README has `{command}`, --help has not"
        );
    }
    // Every relative link leads somewhere.
    for (at, _) in readme.match_indices("](") {
        let target = readme[at + 2..].split([')', '#']).next().expect("a target");
        assert!(
            target.is_empty() || target.starts_with("http") || root().join(target).exists(),
            "the README links to {target}"
        );
    }
    // The config that it shows is one.
    let config =
        readme.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).expect("a config");
    execution_coordinator::config::parse(config, "README.md").expect("a good config");
    let lines = readme.lines().count();
    assert!(lines <= 120, "the README has {lines} lines: it is one page");
}

#[test]
fn the_examples_are_read_without_a_problem() {
    for example in ["api-integration", "chat-system", "commands"] {
        let text =
            std::fs::read_to_string(root().join("examples").join(example).join("breakdown.md"))
                .expect("a breakdown");
        let parsed = execution_coordinator::breakdown::parse(
            &text,
            None,
            execution_coordinator::breakdown::Deps::Format,
        );
        assert_eq!(parsed.problems, Vec::new(), "{example}");
    }
}

/// The three examples as a user runs them, in a copy.
#[test]
fn the_examples_run_to_their_end() {
    for (example, shows) in [
        ("api-integration", "TDD/BDD Compliance: 100% (3 of 3"),
        ("chat-system", "TDD/BDD Compliance: 100% (8 of 8"),
        ("commands", "5 completed / 5 total"),
    ] {
        let workspace = crate::support::Workspace::new();
        copy(&root().join("examples").join(example), &workspace.path(""));
        let done = workspace.run(&["run", "breakdown.md"]);
        assert_eq!(done.code, 0, "{example}: {}{}", done.stdout, done.stderr);
        assert!(done.stdout.contains(shows), "{example}: {}", done.stdout);
        assert_eq!(workspace.run(&["audit"]).code, 0, "{example}");
        if example != "commands" {
            let sent_back = workspace
                .journal()
                .iter()
                .filter(|event| {
                    matches!(event.event, execution_coordinator::core::event::Event::Rework { .. })
                })
                .count();
            assert_eq!(sent_back, 1, "{example}: a review sends one task back once");
        }
        if example == "chat-system" {
            let status = workspace.run(&["status"]).stdout;
            for line in [
                "# Real-time Chat System Execution Status",
                "- Parallel Streams: 4 (Database Foundation, View Foundation, Real-time Infrastructure, Advanced Features)",
                "### Stream A: Database Foundation (Complete ✅)",
                "- Quality: Gate 1 passed ✅",
                "## Critical Path Analysis",
            ] {
                assert!(status.contains(line), "{line} is missing in\n{status}");
            }
        }
    }
}

pub fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let name = entry.file_name();
        if ["app", "out", ".execution-coordinator"].iter().any(|left_out| name == *left_out) {
            continue;
        }
        let target: PathBuf = to.join(&name);
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).expect("a folder");
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Each code of a diagnostic has its place on the page that editors link to.
#[test]
fn every_problem_is_explained() {
    let page = std::fs::read_to_string(root().join("schema/PROBLEMS.md")).expect("a page");
    let mut missing = Vec::new();
    for (name, text) in sources() {
        let makers = [
            "Problem::error(",
            "Problem::warning(",
            "Problem::info(",
            "Diagnostic::new(DiagnosticSeverity::",
            "DiagnosticSeverity::WARNING, ",
            "DiagnosticSeverity::HINT, ",
        ];
        for after in makers.iter().flat_map(|maker| {
            text.match_indices(maker)
                .map(|(at, maker)| &text[at + maker.len()..])
                .collect::<Vec<_>>()
        }) {
            let Some(code) =
                after.split('"').nth(1).filter(|_| after.find('"').is_some_and(|at| at < 40))
            else {
                continue;
            };
            if !page.contains(&format!("### {code}\n")) {
                missing.push(format!("{name}: {code}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
    assert!(page.matches("### ").count() > 20);
}

/// Words that were ours alone, and the field's.
const BANNED: [(&str, &str); 37] = [
    ("anew", "again"),
    ("carrier", "executor"),
    ("Carrier", "Executor"),
    ("DIALECT", "ADAPTER"),
    ("Dialect", "Adapter"),
    ("dialect", "adapter"),
    ("Doorkeeper", "Guard"),
    ("doorkeeper", "guard"),
    ("doors", "listeners"),
    ("forgiven_at", "not_counted_at"),
    ("give_way", "drop_implied_cycles"),
    ("Heard", "StreamState"),
    ("how-manyth", "the number of"),
    ("knock", "connect"),
    ("Lobby", "Server"),
    ("lobby", "server"),
    ("look_over", "lint"),
    ("loosen_gates", "relax_gates"),
    ("Manner", "StartOptions"),
    ("mend", "fix"),
    ("mended", "fixed"),
    ("mends", "fixes"),
    ("Mention", "ResolvedReference"),
    ("Naming", "Reference"),
    ("oftener", "more often"),
    ("Placing", "Preparing"),
    ("Reins", "Handle"),
    ("Scene", "Snapshot"),
    ("Severe", "DiagnosticSeverity"),
    ("Spot", "Item"),
    ("spot", "item"),
    ("stand_at", "accept_loop"),
    ("stretch", "range"),
    ("strikes", "consecutive_limits"),
    ("summon", "spawn"),
    ("TaskSpot", "TaskItem"),
    ("Trouble", "Diagnostic"),
];

/// Files that are written by hand: the program's, and what is said about it.
fn written() -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        sources().into_iter().map(|(name, text)| (format!("src/{name}"), text)).collect();
    let tests = std::fs::read_dir(root().join("tests/it"))
        .expect("tests")
        .flatten()
        .map(|entry| entry.path());
    let pages = ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md"]
        .map(|name| root().join(name));
    for path in tests.chain(pages) {
        let name = path.strip_prefix(root()).expect("below it").display().to_string();
        all.push((name, std::fs::read_to_string(path).expect("a file")));
    }
    all
}

#[test]
fn words_are_those_of_the_field() {
    let mut wrong = Vec::new();
    // This list itself has all of them.
    for (name, text) in written().iter().filter(|(name, _)| name != "tests/it/house.rs") {
        for (nth, line) in text.lines().enumerate() {
            for word in line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-') {
                let banned = BANNED.iter().find(|(banned, _)| *banned == word);
                wrong.extend(banned.map(|(banned, instead)| {
                    format!("{name}:{}: `{banned}` is `{instead}`", nth + 1)
                }));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
