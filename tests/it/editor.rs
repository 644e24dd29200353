//! What an editor is shown: of a text, and of its execution while it runs.

use crate::client::Server;
use crate::support::Workspace;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

const CONFIG: &str = "[environment]\npass = [\"WORKSPACE\"]\n\n[[gates]]\nname = \"release\"\nlevel = \"system\"\napproval = true\n";
/// The second task waits until the file `go` is there; the third fails; the fourth waits for both.
const PLAN: &str = "# Shop

### Stream A: Base

1. **Lay out** - Small
   - Run: true

2. **Build** - Medium
   - Run: `sh -c 'until test -e \"$WORKSPACE/go\"; do sleep 0.02; done'`
   - Dependencies: Task 1

### Stream B: Rest

3. **Break**
   - Run: false
   - Dependencies: Task 1

4. **Ship**
   - Run: true
   - Dependencies: Tasks 2, 3
";

fn capabilities() -> Value {
    json!({
        "general": {"positionEncodings": ["utf-16"]},
        "workspace": {"inlayHint": {"refreshSupport": true}, "codeLens": {"refreshSupport": true}, "workspaceEdit": {"documentChanges": true}},
        "window": {"workDoneProgress": true, "showDocument": {"support": true}},
        "textDocument": {"documentSymbol": {"hierarchicalDocumentSymbolSupport": true}, "publishDiagnostics": {"relatedInformation": true}},
    })
}

pub struct Editor {
    pub server: Server,
    pub uri: String,
    pub text: String,
}

impl Editor {
    fn open(workspace: &Workspace, text: &str) -> Self {
        Self::with(workspace, text, capabilities())
    }

    fn with(workspace: &Workspace, text: &str, capabilities: Value) -> Self {
        workspace.write("breakdown.md", text);
        let mut server = Server::lsp(workspace);
        server.initialize(capabilities);
        let path = workspace.path("breakdown.md").canonicalize().expect("a file");
        let uri = format!("file://{}", path.display());
        server.open(&uri, text);
        Self { server, uri, text: text.to_owned() }
    }

    /// With a file that is there already.
    pub fn of_file(workspace: &Workspace, name: &str) -> Self {
        let mut server = Server::lsp(workspace);
        server.initialize(capabilities());
        let mut editor = Self { server, uri: String::new(), text: String::new() };
        editor.show(workspace, name);
        editor
    }

    /// Another file of the workspace.
    pub fn show(&mut self, workspace: &Workspace, name: &str) {
        let path = workspace.path(name).canonicalize().expect("a file");
        self.uri = format!("file://{}", path.display()).replace(' ', "%20");
        self.text = workspace.read(name);
        self.server.open(&self.uri, &self.text);
    }

    pub fn ask(&mut self, method: &str, more: Value) -> Value {
        let mut params = json!({"textDocument": {"uri": self.uri}});
        params
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        self.server.result(method, params)
    }

    /// The place of the `|` in a piece of the text.
    pub fn at(&self, marked: &str) -> Value {
        let bar = marked.find('|').expect("a mark");
        let offset = self.text.find(&marked.replace('|', "")).expect("a piece of the text") + bar;
        let line = self.text[..offset].matches('\n').count();
        let column =
            self.text[..offset].rsplit('\n').next().expect("a line").encode_utf16().count();
        json!({"line": line, "character": column})
    }

    /// The text with the hints in it.
    fn with_hints(&mut self) -> String {
        let whole = json!({"range": {"start": {"line": 0, "character": 0}, "end": {"line": 1000, "character": 0}}});
        let hints = self.ask("textDocument/inlayHint", whole);
        let mut lines: Vec<String> = self.text.lines().map(str::to_owned).collect();
        for hint in hints.as_array().into_iter().flatten() {
            let line = hint["position"]["line"].as_u64().expect("a line") as usize;
            let label = hint["label"].as_str().expect("a label");
            assert!(label.chars().count() < 40, "{label}");
            assert_eq!(
                hint["position"]["character"],
                lines[line].encode_utf16().count(),
                "at the end of the line"
            );
            lines[line] += &format!("  «{}»", label.trim_end());
        }
        lines.into_iter().filter(|line| line.contains('«')).collect::<Vec<_>>().join("\n") + "\n"
    }

    /// Waits until the hints say something: asks for them again when it is asked to, as an editor.
    pub fn until(&mut self, wanted: &str) -> String {
        loop {
            let shown = self.with_hints();
            if shown.contains(wanted) {
                return shown;
            }
            self.server.find(wanted, |message| message["method"] == "workspace/inlayHint/refresh");
        }
    }

    pub fn lenses(&mut self) -> String {
        let lenses = self.ask("textDocument/codeLens", json!({}));
        let one = |lens: &Value| {
            let argument = lens["command"]["arguments"][1].as_str().unwrap_or_default();
            format!(
                "{}: {} {argument}\n",
                lens["range"]["start"]["line"],
                lens["command"]["title"].as_str().expect("a title")
            )
        };
        lenses.as_array().expect("a list").iter().map(one).collect()
    }

    pub fn command(&mut self, name: &str, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> =
            [self.uri.as_str()].into_iter().chain(arguments.iter().copied()).collect();
        self.server.result(
            "workspace/executeCommand",
            json!({"command": format!("execution-coordinator.{name}"), "arguments": arguments}),
        )
    }

    /// The latest diagnostics that are as wanted.
    pub fn diagnostics(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let uri = self.uri.clone();
        let shown = |params: &Value| -> String {
            let one = |d: &Value| {
                format!(
                    "{}:{} {} [{}] {}\n",
                    d["range"]["start"]["line"],
                    d["range"]["start"]["character"],
                    d["severity"],
                    d["code"].as_str().unwrap_or_default(),
                    d["message"].as_str().unwrap_or_default()
                )
            };
            params["diagnostics"].as_array().expect("a list").iter().map(one).collect()
        };
        let params = self.server.notification_where("textDocument/publishDiagnostics", |params| {
            params["uri"] == uri.as_str() && wanted(&shown(params))
        });
        shown(&params)
    }
}

/// Times differ from run to run.
fn without_times(text: &str) -> String {
    let mut out = String::new();
    for line in text.replace(" ms", "ms").lines() {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        let time = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_digit()) && word.ends_with(['s', 'm', 'h'])
        };
        let shown = words.iter().map(|word| match word.strip_suffix('»') {
            Some(bare) if time(bare) => "TIME»",
            None if time(word) => "TIME",
            _ => word,
        });
        out += &shown.collect::<Vec<_>>().join(" ");
        out.push('\n');
    }
    out
}

fn check(expected: &Expect, found: &str) {
    expected.assert_eq(&without_times(found));
}

#[test]
fn what_an_agent_asks_is_answered_in_the_editor() {
    let agent = "#!/bin/sh\ncase $(cat) in *'The answer: blue'*) echo x >made; echo '{\"status\":\"complete\"}';;\n\
        *) echo '{\"status\":\"blocked\",\"reason\":\"which colour?\"}';; esac\n";
    let config = "[execution]\ntests_first = \"off\"\n[agents.implementation-agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n";
    let workspace = Workspace::with(&[("execution-coordinator.toml", config), ("agent.sh", agent)]);
    let mut editor = Editor::open(&workspace, "# T\n\n- [ ] Task 1: One\n");
    editor.command("run", &[]);
    editor.until("⊘ blocked: ");
    assert!(editor.lenses().contains("2: ✎ Answer 1\n"), "{}", editor.lenses());
    let told = editor.diagnostics(|shown| shown.contains("task-blocked"));
    assert!(told.contains("which colour?: `answer 1 TEXT`, `retry 1` or `skip 1`"), "{told}");
    // An editor without a field for it is told what to type.
    assert_eq!(editor.command("answer", &["1"]), Value::Null);
    let message =
        editor.server.find("a message", |message| message["method"] == "window/showMessage");
    assert!(
        message["params"]["message"].as_str().is_some_and(|text| text.contains("answer 1 TEXT")),
        "{message}"
    );
    assert!(editor.command("answer", &["1", "blue"])["seq"].is_number());
    editor.until("✔ done");
}

#[test]
fn status_beside_each_line_changes_by_itself() {
    let workspace = Workspace::with(&[("execution-coordinator.toml", CONFIG)]);
    let mut editor = Editor::open(&workspace, PLAN);
    assert_eq!(editor.with_hints(), "\n", "nothing has been started");
    check(
        &expect![[r#"
        0: ▶ Run
        2: ▶ Run stream A
        11: ▶ Run stream B
    "#]],
        &editor.lenses(),
    );
    editor.command("run", &[]);
    editor.server.find("a refresh", |message| message["method"] == "workspace/inlayHint/refresh");
    let shown = editor.until("✘ failed");
    check(
        &expect![[r#"
        ### Stream A: Base «● 1/2 done · 1 running»
        1. **Lay out** - Small «✔ done TIME»
        2. **Build** - Medium «● running TIME shell»
        ### Stream B: Rest «✘ 0/2 done · 1 failed»
        3. **Break** «✘ failed: shell exited with code 1»
        4. **Ship** «◌ waits for Task 2, Task 3»
    "#]],
        &shown,
    );
    check(
        &expect![[r#"
        0: ‖ Pause
        0: ■ Cancel
        0: Show report
        4: ↻ Retry 1
        4: Show output 1
        7: Show output 2
        13: ↻ Retry 3
        13: ⤼ Skip 3
        13: Show output 3
    "#]],
        &editor.lenses(),
    );
    let begin = editor.server.find("progress", |message| {
        message["method"] == "$/progress" && message["params"]["value"]["kind"] == "begin"
    });
    assert_eq!(begin["params"]["value"]["title"], "Shop");
    check(
        &expect![[r#"
        13:0 1 [task-failed] task 3 failed: shell exited with code 1: `retry 3` or `skip 3`
    "#]],
        &editor.diagnostics(|shown| shown.contains("task-failed")),
    );
    let before = editor.with_hints();
    editor.command("skip", &["3"]);
    workspace.write("go", "");
    let shown = editor.until("4. **Ship**  «✔");
    assert_ne!(shown, before);
    editor.server.find("its end", |message| {
        message["method"] == "$/progress" && message["params"]["value"]["kind"] == "end"
    });
    let report = editor.command("showReport", &[]);
    editor.server.find("the report", |message| message["method"] == "window/showDocument");
    let report =
        std::fs::read_to_string(report["path"].as_str().expect("a path")).expect("a report");
    assert!(report.starts_with("## Execution Coordination"), "{report}");
    editor.server.result("shutdown", Value::Null);
    editor.server.notify("exit", Value::Null);
    assert_eq!(editor.server.exit_code(), 0);
}

#[test]
fn the_execution_of_another_process_is_shown_and_its_gate_is_decided() {
    let workspace = Workspace::with(&[("execution-coordinator.toml", CONFIG)]);
    let plan = PLAN.replace("Run: false", "Run: true");
    let mut editor = Editor::open(&workspace, &plan);
    let run = workspace.start(&["run", "breakdown.md"]);
    editor.until("2. **Build** - Medium  «●");
    assert_eq!(editor.command("pause", &[])["state"], "paused");
    assert_eq!(editor.command("resume", &[])["state"], "running", "in the process that owns it");
    workspace.write("go", "");
    editor.until("4. **Ship**  «✔");
    let ended = crate::support::ended(run.wait_with_output().expect("an end"));
    assert_eq!(ended.code, 4, "the release waits for a person: {}", ended.stderr);
    let message = editor.server.notification("window/showMessage");
    assert!(message["message"].as_str().expect("a text").contains("release"), "{message}");
    // The config has it, not the text: it stands at the title, and goes when it is decided.
    editor.until("# Shop  «release ◈ open: it waits for approval");
    editor.command("approve", &["release"]);
    editor.server.notification_where("execution/result", |result| {
        result["report"]["finalStatus"] == "Complete"
    });
}

#[test]
fn executions_are_seen_however_they_come_into_being() {
    let workspace = Workspace::with(&[("execution-coordinator.toml", CONFIG)]);
    let plan = "# Shop\n\n### Stream A: Base\n\n1. **Build**\n   - Run: `sh -c 'test -e \"$WORKSPACE/go\"'`\n";
    workspace.write("breakdown.md", plan);
    let states = workspace.path(".execution-coordinator");
    let kept = |name: &str| {
        workspace.run(&["run", "breakdown.md"]);
        std::fs::rename(workspace.execution(), workspace.path(name)).expect("moved");
        workspace.path(name)
    };
    let failed = kept("failed");
    workspace.write("go", "");
    let done = kept("done");
    let mut editor = Editor::open(&workspace, plan);
    // A folder whose journal is not there yet, and a whole execution that nobody is at work on:
    // once the second is shown, the first was looked at.
    std::fs::create_dir(states.join("late")).expect("a folder");
    std::fs::rename(&failed, states.join("early")).expect("moved");
    editor.until("1. **Build**  «✘");
    std::fs::rename(done.join("journal.jsonl"), states.join("late/journal.jsonl")).expect("moved");
    editor.until("1. **Build**  «✔");
}

#[test]
fn a_text_is_understood_in_every_direction() {
    let workspace = Workspace::new();
    let mut editor = Editor::open(&workspace, PLAN);
    let symbols = editor.ask("textDocument/documentSymbol", json!({}));
    let tree: String = symbols
        .as_array()
        .expect("a list")
        .iter()
        .map(|stream| {
            let children: Vec<&str> = stream["children"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|task| task["name"].as_str())
                .collect();
            format!("{}: {children:?}\n", stream["name"].as_str().expect("a name"))
        })
        .collect();
    expect![[r#"
        Stream A: Base: ["1 Lay out", "2 Build"]
        Stream B: Rest: ["3 Break", "4 Ship"]
    "#]]
    .assert_eq(&tree);
    let on_two = editor.at("Tasks |2, 3");
    let definition = editor.ask("textDocument/definition", json!({"position": on_two}));
    assert_eq!(definition[0]["range"]["start"]["line"], 7);
    let on_one = editor.at("Dependencies: Task |1\n\n### Stream B");
    let references = editor.ask(
        "textDocument/references",
        json!({"position": on_one, "context": {"includeDeclaration": true}}),
    );
    let lines: Vec<u64> = references
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|place| place["range"]["start"]["line"].as_u64())
        .collect();
    assert_eq!(lines, [4, 9, 15]);
    let hover = editor.ask("textDocument/hover", json!({"position": on_two}));
    let card = hover["contents"]["value"].as_str().expect("a text");
    assert!(
        card.contains("### 2 Build") && card.contains("**Waits for** task 1 · **needed by** 4"),
        "{card}"
    );
    let item = editor.ask("textDocument/prepareCallHierarchy", json!({"position": on_one}));
    let incoming = editor.server.result("callHierarchy/incomingCalls", json!({"item": item[0]}));
    let names: Vec<&str> = incoming
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|call| call["from"]["name"].as_str())
        .collect();
    assert_eq!(names, ["2 Build", "3 Break"]);
    let place = editor.ask("textDocument/prepareRename", json!({"position": on_one}));
    assert_eq!(place["start"], on_one);
    let edits = editor.ask("textDocument/rename", json!({"position": on_one, "newName": "7"}));
    assert_eq!(
        apply(PLAN, &edits),
        PLAN.replace("1. **Lay", "7. **Lay").replace("Task 1", "Task 7")
    );
    let refused = editor.server.answer(
        "textDocument/rename",
        json!({"textDocument": {"uri": editor.uri}, "position": on_one, "newName": "2"}),
    );
    assert!(
        refused["error"]["message"].as_str().expect("a text").contains("there is a task 2 already"),
        "{refused}"
    );
    let folds = editor.ask("textDocument/foldingRange", json!({}));
    let folds: Vec<(u64, u64)> = folds
        .as_array()
        .expect("a list")
        .iter()
        .map(|fold| (fold["startLine"].as_u64().unwrap(), fold["endLine"].as_u64().unwrap()))
        .collect();
    assert_eq!(folds, [(2, 9), (4, 5), (7, 9), (11, 19), (13, 15), (17, 19)]);
    let selection = editor.ask("textDocument/selectionRange", json!({"positions": [on_one]}));
    let mut depth = 0;
    let mut range = &selection[0];
    while range.is_object() {
        depth += 1;
        range = &range["parent"];
    }
    assert_eq!(depth, 4, "line, task, stream, whole: {selection}");
    let tokens = editor.ask("textDocument/semanticTokens/full", json!({}));
    assert_eq!(tokens["data"].as_array().map(Vec::len), Some(6 * 5));
    let found = editor.server.result("workspace/symbol", json!({"query": "ship"}));
    assert_eq!(found[0]["name"], "4 Ship");
}

#[test]
fn completion_knows_ids_fields_values_and_marks() {
    let text =
        format!("{PLAN}\n5. **New**\n   - Dep\n   - Dependencies: \n   - Tests First: \n   - [\n");
    let workspace = Workspace::new();
    let mut editor = Editor::open(&workspace, &text);
    let mut labels = |marked: &str| -> Vec<String> {
        let position = editor.at(marked);
        let items = editor.ask("textDocument/completion", json!({ "position": position }));
        items
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|item| item["label"].as_str())
            .map(str::to_owned)
            .collect()
    };
    assert!(labels("   - Dep|\n   - Dependencies: \n").contains(&"Dependencies".to_owned()));
    assert_eq!(
        labels("   - Dependencies: |\n   - Tests"),
        ["Stream A", "Task 1", "Task 2", "Stream B", "Task 3", "Task 4"]
    );
    assert_eq!(labels("Tests First: |\n"), ["required", "advisory", "off"]);
    assert_eq!(labels("   - [|\n"), ["[ ]", "[x]", "[>]"]);
    assert_eq!(labels("**New*|*"), Vec::<String>::new());
}

/// A text with an edit of one document made in it.
fn apply(text: &str, edit: &Value) -> String {
    edited(text, &edit["documentChanges"][0]["edits"])
}

/// A text with some edits made in it.
pub fn edited(text: &str, edits: &Value) -> String {
    let changes = edits.as_array().expect("edits");
    let offset = |position: &Value| {
        let start: usize = text
            .split_inclusive('\n')
            .take(position["line"].as_u64().unwrap() as usize)
            .map(str::len)
            .sum();
        let line = text[start..].lines().next().unwrap_or_default();
        let mut units = position["character"].as_u64().unwrap() as usize;
        start
            + line
                .chars()
                .take_while(|c| units.checked_sub(c.len_utf16()).map(|left| units = left).is_some())
                .map(char::len_utf8)
                .sum::<usize>()
    };
    let mut edits: Vec<(usize, usize, &str)> = changes
        .iter()
        .map(|edit| {
            (
                offset(&edit["range"]["start"]),
                offset(&edit["range"]["end"]),
                edit["newText"].as_str().expect("a text"),
            )
        })
        .collect();
    edits.sort_by_key(|(start, ..)| std::cmp::Reverse(*start));
    let mut text = text.to_owned();
    edits.into_iter().for_each(|(start, end, new)| text.replace_range(start..end, new));
    text
}

#[test]
fn problems_show_while_typing_and_their_fixes_fix_them() {
    let cases = [
        ("Task 1\n\n### Stream B", "Task T1\n\n### Stream B", "unknown-reference", PLAN.to_owned()),
        (
            "Run: true\n\n2.",
            "Run: true\n   - Dependencies: Task 2\n\n2.",
            "cycle",
            PLAN.replace("medium", "")
                .replacen("Task 1", "None", 1)
                .replace("Run: true\n\n2.", "Run: true\n   - Dependencies: Task 2\n\n2."),
        ),
        ("4. **Ship**", "3. **Ship**", "duplicate-id", PLAN.to_owned()),
    ];
    for (from, to, code, fixed) in cases {
        let workspace = Workspace::new();
        let broken = PLAN.replacen(from, to, 1);
        let mut editor = Editor::open(&workspace, &broken);
        let shown = editor.diagnostics(|shown| shown.contains(code));
        assert!(shown.contains(code), "{shown}");
        let whole =
            json!({"start": {"line": 0, "character": 0}, "end": {"line": 100, "character": 0}});
        let actions = editor.ask(
            "textDocument/codeAction",
            json!({"range": whole, "context": {"diagnostics": [], "only": ["quickfix"]}}),
        );
        let action = actions
            .as_array()
            .expect("a list")
            .first()
            .unwrap_or_else(|| panic!("no fix for {code}"))
            .clone();
        assert_eq!(apply(&broken, &action["edit"]), fixed, "{code}: {}", action["title"]);
        // The client makes the edit, and the problem is gone.
        let text = fixed.clone();
        editor.server.notify(
            "textDocument/didChange",
            json!({"textDocument": {"uri": editor.uri, "version": 2}, "contentChanges": [{"text": text}]}),
        );
        editor.diagnostics(|shown| !shown.contains(code));
    }
}

#[test]
fn fields_that_a_task_lacks_and_the_parallel_mark_can_be_added() {
    let workspace = Workspace::new();
    let mut editor = Editor::open(&workspace, PLAN);
    let at = editor.at("1. **Lay| out");
    let range = json!({"start": at, "end": at});
    let actions = editor
        .ask("textDocument/codeAction", json!({"range": range, "context": {"diagnostics": []}}));
    let add = actions
        .as_array()
        .expect("a list")
        .iter()
        .find(|action| action["title"] == "Add the field Dependencies to task 1")
        .expect("an action");
    assert_eq!(
        apply(PLAN, &add["edit"]),
        PLAN.replacen("Run: true\n", "Run: true\n  - Dependencies: None\n", 1)
            .replace("\n  - Dep", "\n   - Dep")
            .replacen("   - Dependencies: None", "  - Dependencies: None", 1)
    );
    let spec = "# Tasks\n\n## Phase 1: Setup\n\n- [ ] T001 Set up\n- [ ] T002 Go on\n";
    let mut editor = Editor::open(&workspace, spec);
    let at = editor.at("T002 Go| on");
    let actions = editor.ask(
        "textDocument/codeAction",
        json!({"range": {"start": at, "end": at}, "context": {"diagnostics": []}}),
    );
    let mark = actions
        .as_array()
        .expect("a list")
        .iter()
        .find(|action| action["title"] == "Mark T002 as parallel")
        .expect("an action");
    assert_eq!(apply(spec, &mark["edit"]), spec.replace("T002 Go", "T002 [P] Go"));
}

#[test]
fn a_text_that_is_no_breakdown_costs_nothing_and_is_silent() {
    let workspace = Workspace::new();
    let mut editor = Editor::open(&workspace, PLAN);
    let readme = format!("file://{}", workspace.path("README.md").display());
    editor
        .server
        .open(&readme, "# Read me\n\n- [ ] a wish\n- [x] another\n\n1. **First** do this\n2. **Then** that\n\nDepends on Task 99.\n");
    assert_eq!(
        editor.server.result(
            "textDocument/inlayHint",
            json!({"textDocument": {"uri": readme}, "range": {"start": {"line": 0, "character": 0}, "end": {"line": 9, "character": 0}}})
        ),
        Value::Null
    );
    assert_eq!(
        editor
            .server
            .result("textDocument/documentSymbol", json!({"textDocument": {"uri": readme}})),
        Value::Null
    );
    let about = |message: &Value| {
        message["method"] == "textDocument/publishDiagnostics"
            && message["params"]["uri"] == readme.as_str()
    };
    assert!(!editor.server.left().iter().any(about));
    editor.server.notify(
        "workspace/didChangeConfiguration",
        json!({"settings": {"executionCoordinator": {"breakdowns": ["**/README.md"]}}}),
    );
    assert_eq!(
        editor
            .server
            .result("textDocument/documentSymbol", json!({"textDocument": {"uri": readme}}))
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}

#[test]
fn where_hints_stand_still_the_status_is_a_diagnostic() {
    let workspace = Workspace::with(&[("execution-coordinator.toml", CONFIG), ("go", "")]);
    let mut editor = Editor::with(
        &workspace,
        PLAN,
        json!({"general": {"positionEncodings": ["utf-8", "utf-32"]}}),
    );
    editor.command("run", &[]);
    let shown = editor.diagnostics(|shown| shown.contains("7:0 4 [status] ✔ done"));
    assert!(shown.contains("[task-failed]"), "{shown}");
    assert!(
        !editor
            .server
            .left()
            .iter()
            .any(|message| message.get("id").is_some() && message.get("method").is_some()),
        "nobody is asked what it can't do"
    );
}

#[test]
fn cancelling_its_progress_cancels_the_execution() {
    let workspace = Workspace::with(&[("execution-coordinator.toml", CONFIG)]);
    let mut editor = Editor::open(&workspace, PLAN);
    editor.command("run", &[]);
    let begin = editor.server.find("progress", |message| {
        message["method"] == "$/progress" && message["params"]["value"]["kind"] == "begin"
    });
    editor
        .server
        .notify("window/workDoneProgress/cancel", json!({"token": begin["params"]["token"]}));
    editor
        .server
        .notification_where("execution/progress", |progress| progress["state"] == "Cancelled");
    editor.server.find("its end", |message| {
        message["method"] == "$/progress" && message["params"]["value"]["kind"] == "end"
    });
}

#[test]
fn agents_of_the_roster_are_offered() {
    let config = format!("{CONFIG}\n[agents.gardener]\nkind = \"command\"\ncommand = [\"true\"]\n");
    let text = PLAN.replacen("   - Run: true\n", "   - Run: true\n   - Agent: \n", 1);
    let workspace = Workspace::with(&[("execution-coordinator.toml", &config)]);
    let mut editor = Editor::open(&workspace, &text);
    let position = editor.at("Agent: |");
    let items = editor.ask("textDocument/completion", json!({ "position": position }));
    assert!(
        items.as_array().expect("a list").iter().any(|item| item["label"] == "gardener"),
        "{items}"
    );
}

/// Ids and edges of a text, with one id as another.
fn edges(text: &str, from: &str, to: &str) -> Vec<String> {
    use execution_coordinator::breakdown::{Deps, parse};
    use execution_coordinator::core::change::rename;
    let mut plan = parse(text, None, Deps::Format).plan;
    rename(&mut plan, &std::collections::BTreeMap::from([(from.into(), to.into())]));
    // A set is named by the ids at its ends.
    let of = |on: &execution_coordinator::core::plan::Node| match on {
        execution_coordinator::core::plan::Node::Barrier(id) => {
            format!(
                "{:?}",
                plan.barriers
                    .iter()
                    .find(|barrier| barrier.id == *id)
                    .map(|barrier| &barrier.tasks)
            )
        }
        node => format!("{node:?}"),
    };
    let one = |task: &execution_coordinator::core::plan::Task| {
        format!(
            "{}: {:?}",
            task.id,
            task.depends_on.iter().map(|dependency| of(&dependency.on)).collect::<Vec<_>>()
        )
    };
    plan.tasks.iter().map(one).collect()
}

#[test]
fn a_renamed_task_is_the_same_everywhere() {
    let mut texts = vec![
        PLAN.to_owned(),
        include_str!("../../examples/chat-system/breakdown.md").to_owned(),
        "# Tasks\n\n## Phase 1: Setup\n\n- [ ] T001 Set up\n- [ ] T002 [P] Go on, after T001\n\n## Phase 2: Rest (depends on T001-T002)\n\n- [ ] T003 See T002 (depends on T001, T002)\n\n## Dependencies\n\n- T003 needs T001-T002\n".to_owned(),
    ];
    if let Some(corpus) = std::env::var_os("BREAKDOWN_CORPUS") {
        for folder in ["breakdown-agent", "spec-kit"] {
            for entry in std::fs::read_dir(std::path::Path::new(&corpus).join(folder))
                .into_iter()
                .flatten()
                .flatten()
            {
                texts.extend(
                    std::fs::read_to_string(entry.path()).ok().filter(|text| text.len() < 40_000),
                );
            }
        }
    }
    let workspace = Workspace::new();
    let mut editor = Editor::open(&workspace, PLAN);
    let mut renamed = 0;
    for (nth, text) in texts.iter().enumerate() {
        let uri = format!("file://{}/{nth}/tasks.md", workspace.path("").display());
        editor.server.open(&uri, text);
        let parsed = execution_coordinator::breakdown::parse(
            text,
            None,
            execution_coordinator::breakdown::Deps::Format,
        );
        if parsed.errors().next().is_some() {
            continue;
        }
        for task_item in parsed.outline.tasks.iter().take(4) {
            let Some(name) = task_item.name(text) else { continue };
            let new = if task_item.id.as_str().starts_with('T') { "T987" } else { "987" };
            let line = text[..name.start].matches('\n').count();
            let column =
                text[..name.start].rsplit('\n').next().expect("a line").encode_utf16().count();
            let params = json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": column}, "newName": new});
            let answer = editor.server.answer("textDocument/rename", params);
            // A range that it stands in would no longer have it.
            if answer["error"]["message"]
                .as_str()
                .is_some_and(|why| why.contains("it would change what waits for what"))
            {
                continue;
            }
            let edit = answer["result"].clone();
            let after = apply(text, &edit);
            assert_eq!(
                edges(&after, "", ""),
                edges(text, task_item.id.as_str(), new),
                "{} of text {nth}: {edit}",
                task_item.id
            );
            renamed += 1;
        }
    }
    assert!(renamed >= 10, "{renamed}");
}
