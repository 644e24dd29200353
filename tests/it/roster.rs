//! The roster: agents that stand in the folders of coding agents, with what they are for.

use crate::support::Workspace;
use execution_coordinator::config::AgentKind;
use execution_coordinator::config::definition::Definition;
use std::path::PathBuf;

/// One definition as its role and skills, or why it is none.
fn guessed(kind: AgentKind, stem: &str, text: &str) -> String {
    match Definition::parse(kind, stem, PathBuf::new(), text) {
        Ok(definition) => {
            let role = definition.role();
            let skills = role.map(|role| definition.skills(role)).unwrap_or_default();
            let role = role.map_or("none".into(), |role| format!("{role:?}"));
            let only = if definition.read_only { ", reads only" } else { "" };
            format!("{}: {role} {skills:?}{only}\n", definition.name)
        }
        Err(why) => format!("{stem}: {why}\n"),
    }
}

/// A definition as the companion agents of the breakdown's author are written: tools in front, the block
/// that is returned at the end, other blocks as examples between.
fn companion(name: &str, tools: &str, title: &str) -> String {
    let tools = if tools.is_empty() { String::new() } else { format!("tools: {tools}\n") };
    format!(
        "---\nname: {name}\ndescription: >\n  Use this one for what it\n  is good at.\nmodel: sonnet\n{tools}color: teal\n---\n\n## Who you are\n\nYou are {name}.\n\n\
         ## What to ask others\n\n```markdown\n## Expertise Provided\n```\n\n## Return Protocol to Orchestrator\n\n**Return Format:**\n\n```markdown\n{title}\n\n- Result: [Yes/No]\n```\n"
    )
}

#[test]
fn what_companion_agents_are_for_is_seen_by_what_they_return() {
    let read = "Read, Grep, Glob";
    let rows = [
        ("implementation-agent", "", "## Implementation Summary"),
        ("test-developer", "", "## Test Development Summary"),
        ("test-fixer", "", "## Test Fix Summary"),
        ("qa-reviewer", read, "## QA Analysis Complete"),
        ("security-reviewer", read, "## Security Analysis Complete"),
        ("consistency-reviewer", read, "## Consistency Analysis Complete"),
        ("factual-reviewer", read, "## Factual Analysis Complete"),
        ("redundancy-reviewer", read, "## Redundancy Analysis Complete"),
        ("senior-engineer-reviewer", read, "## Senior Engineering Analysis Complete"),
        ("elixir-reviewer", "Read, Grep, Bash", "## Elixir Review Complete"),
        ("documentation-reviewer", read, "## Documentation Review Blocked ⚠️"),
        ("architecture-agent", read, "## Architectural Analysis Complete"),
        ("elixir-expert", read, "## Elixir Expertise Provided"),
        ("research-agent", read, "## Research Complete"),
        ("documentation-expert", "Read, Write", "## Documentation Created"),
        ("feature-planner", "Read, Write", "## Feature Planning Complete"),
        ("research-orchestrator", "", "## Research Orchestration Complete"),
        ("breakdown-agent", "", "## Task Breakdown Complete"),
    ];
    let said: String = rows
        .iter()
        .map(|(name, tools, title)| {
            guessed(AgentKind::Claude, name, &companion(name, tools, title))
        })
        .collect();
    expect_test::expect![[r#"
        implementation-agent: Executor []
        test-developer: Tester []
        test-fixer: Executor []
        qa-reviewer: Reviewer [], reads only
        security-reviewer: Reviewer [], reads only
        consistency-reviewer: Reviewer [], reads only
        factual-reviewer: Reviewer [], reads only
        redundancy-reviewer: Reviewer [], reads only
        senior-engineer-reviewer: Reviewer [], reads only
        elixir-reviewer: Reviewer ["elixir"]
        documentation-reviewer: Reviewer [], reads only
        architecture-agent: Expert ["architecture"], reads only
        elixir-expert: Expert ["elixir"], reads only
        research-agent: Expert ["research"], reads only
        documentation-expert: Executor []
        feature-planner: none []
        research-orchestrator: none []
        breakdown-agent: none []
    "#]]
    .assert_eq(&said);
}

#[test]
fn what_others_are_for_is_seen_by_name_tools_and_words() {
    let markdown = |front: &str| format!("---\n{front}\n---\nDo it well.\n");
    let rows = [
        (AgentKind::Claude, "code-reviewer", markdown("name: code-reviewer\ndescription: Looks at code.")),
        (AgentKind::Claude, "auditor", markdown("name: auditor\ndescription: Audits licenses.\ntools: [Read, Grep]")),
        (AgentKind::Claude, "advisor", markdown("name: caching\ndescription: Knows caches.\ntools: Read, WebSearch")),
        (AgentKind::Claude, "python-pro", markdown("name: python-pro\ndescription: Writes idiomatic Python.")),
        (AgentKind::Claude, "no-yaml", markdown("name: no-yaml\ndescription: Use it. Example: user: \"help: me\" -> tool: this\ntools: Read")),
        (AgentKind::Gemini, "lua-expert", markdown("name: lua-expert\ndescription: Knows Lua.\nkind: local")),
        (AgentKind::Gemini, "far", markdown("name: far\nkind: remote")),
        (AgentKind::Opencode, "review", markdown("description: Reviews changes.\nmode: subagent\npermission:\n  edit: deny")),
        (AgentKind::Opencode, "docs", markdown("description: Writes.\ntools:\n  write: false")),
        (AgentKind::Codex, "x", "name = \"rust-reviewer\"\ndescription = \"Looks.\"\ndeveloper_instructions = \"\"\"\nLook.\n\"\"\"\nsandbox_mode = \"read-only\"\n".into()),
        (AgentKind::Codex, "broken", "name = \"a\nb".into()),
        (AgentKind::Codex, "empty", "name = \"empty\"".into()),
        (AgentKind::Claude, "README", "# How to use these\n".into()),
        (AgentKind::Claude, "open", "---\nname: open\n".into()),
        (AgentKind::Claude, "nothing", markdown("").replace("Do it well.\n", "")),
        (AgentKind::Claude, "path", markdown("name: ../../etc")),
        (AgentKind::Claude, "deep", markdown(&format!("name: deep\ntools: {}", "[".repeat(20_000)))),
        (AgentKind::Claude, "steps", markdown(&format!("name: steps\nt:\n{}x", "- ".repeat(16_000)))),
        (AgentKind::Claude, "option", markdown("name: --dangerous")),
        (AgentKind::Opencode, "off", markdown("description: d\ndisable: true")),
        (AgentKind::Claude, "laughs", markdown("name: laughs\na: &a [x, x]\nb: &b [*a, *a, *a]\ntools: [*b, *b]")),
    ];
    let said: String = rows.iter().map(|(kind, stem, text)| guessed(*kind, stem, text)).collect();
    expect_test::expect![[r#"
        code-reviewer: Reviewer []
        auditor: Reviewer [], reads only
        caching: Expert ["caching"], reads only
        python-pro: Executor ["python"]
        no-yaml: Expert ["no yaml"], reads only
        lua-expert: Expert ["lua"]
        far: it is run elsewhere
        review: Reviewer [], reads only
        docs: Expert ["docs"], reads only
        rust-reviewer: Reviewer ["rust"], reads only
        broken: its TOML is wrong: key with no value, expected `=`
        empty: it says nothing to the agent
        README: it has no front matter
        open: its front matter has no end
        nothing: it says nothing to the agent
        path: its name is too long, or has signs in it that names don't have
        deep: Expert ["deep"], reads only
        steps: Executor []
        option: its name is too long, or has signs in it that names don't have
        off: it is disabled
        laughs: Expert ["laughs"], reads only
    "#]]
    .assert_eq(&said);
}

/// A workspace with programs that stand where coding agents would, and definitions of agents.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("bin/claude", "#!/bin/sh\n");
    workspace.write("bin/codex", "#!/bin/sh\n");
    for (name, title) in [
        ("implementation-agent", "## Implementation Summary"),
        ("qa-reviewer", "## QA Analysis Complete"),
        ("elixir-reviewer", "## Elixir Review Complete"),
        ("elixir-expert", "## Elixir Expertise Provided"),
        ("documentation-expert", "## Documentation Created"),
        ("feature-planner", "## Feature Planning Complete"),
        ("execution-coordinator", "## Execution Coordination Complete"),
    ] {
        workspace.write(&format!(".claude/agents/{name}.md"), &companion(name, "", title));
    }
    workspace.write(
        ".codex/agents/one.toml",
        "name = \"qa-reviewer\"\ndeveloper_instructions = \"Look.\"\n",
    );
    workspace.write(
        ".codex/agents/two.toml",
        "name = \"security-reviewer\"\ndeveloper_instructions = \"Look.\"\n",
    );
    workspace.write(".claude/agents/shell.md", "---\nname: shell\n---\nRun.\n");
    workspace.write(".gemini/agents/far.md", "---\nname: lua-expert\n---\nAdvise.\n");
    workspace.write("home/.claude/agents/own.md", "---\nname: factual-reviewer\n---\nLook.\n");
    workspace
}

fn run(workspace: &Workspace, arguments: &[&str]) -> crate::support::Ended {
    let path = format!("{}:/usr/bin:/bin", workspace.path("bin").display());
    let output = workspace
        .command(arguments)
        .env("PATH", path)
        .env("HOME", workspace.path("home"))
        .output()
        .expect("the binary");
    let ended = crate::support::ended(output);
    let root = workspace.path("").canonicalize().expect("a folder").display().to_string();
    crate::support::Ended {
        stdout: ended.stdout.replace(&root, "ROOT"),
        stderr: ended.stderr.replace(&root, "ROOT"),
        ..ended
    }
}

#[test]
fn agents_shows_who_is_defined_where_and_why_somebody_is_left_out() {
    let workspace = workspace();
    expect_test::expect![[r#"
        documentation-expert     executor  claude   can start (ROOT/.claude/agents/documentation-expert.md)
        elixir-expert            expert    claude   can start; skills: elixir (ROOT/.claude/agents/elixir-expert.md)
        elixir-reviewer          reviewer  claude   can start; skills: elixir (ROOT/.claude/agents/elixir-reviewer.md)
        implementation-agent     executor  claude   can start (ROOT/.claude/agents/implementation-agent.md)
        qa-reviewer              reviewer  claude   can start (ROOT/.claude/agents/qa-reviewer.md)
        security-reviewer        reviewer  codex    can start (ROOT/.codex/agents/two.toml)
        shell                    executor  shell    can start (built in)
        execution-coordinator    -         claude   left out: it is this program, which never calls itself (ROOT/.claude/agents/execution-coordinator.md)
        feature-planner          -         claude   left out: it plans, which is over before an execution begins (ROOT/.claude/agents/feature-planner.md)
        shell                    -         claude   left out: `shell` is who runs the commands of tasks (ROOT/.claude/agents/shell.md)
        qa-reviewer              -         codex    left out: another one of its name is in ROOT/.claude/agents/qa-reviewer.md (ROOT/.codex/agents/one.toml)
        lua-expert               -         gemini   left out: `gemini` is not on the path: install it, or give its path (ROOT/.gemini/agents/far.md)
    "#]].assert_eq(&run(&workspace, &["agents"]).stdout);
    workspace.write(
        "execution-coordinator.toml",
        "[execution]\ndefinitions = \"user\"\n[agents.qa-reviewer]\nkind = \"codex\"\nskills = [\"sql\"]\n",
    );
    let all = run(&workspace, &["agents"]).stdout;
    assert!(all.contains("factual-reviewer"), "{all}");
    assert!(all.contains("qa-reviewer              reviewer  codex    can start; skills: sql (ROOT/execution-coordinator.toml)"), "{all}");
    workspace.write("execution-coordinator.toml", "[execution]\ndefinitions = \"none\"\n");
    assert_eq!(run(&workspace, &["agents"]).stdout.lines().count(), 1, "the shell alone");
}

#[test]
fn who_is_defined_does_what_asks_for_it() {
    let workspace = workspace();
    let plan = "# Shop\n\n### Stream A: Base\n\n1. **Build the Elixir module**\n   - Files: lib/shop.ex\n\n2. **Write it down**\n   - Agent: documentation-expert\n\n3. **Look at it**\n   - Agent: elixir-expert\n";
    workspace.write("breakdown.md", plan);
    let allocated = |arguments: &[&str]| {
        let plan: serde_json::Value =
            serde_json::from_str(&run(&workspace, arguments).stdout).expect("JSON");
        let row = |task: &serde_json::Value| {
            format!("{}: {} {} {}\n", task["id"], task["agent"], task["experts"], task["reviewers"])
        };
        plan["tasks"].as_array().expect("tasks").iter().map(row).collect::<String>()
    };
    expect_test::expect![[r#"
        "1": "implementation-agent" ["elixir-expert"] ["elixir-reviewer","qa-reviewer","security-reviewer"]
        "2": "documentation-expert" [] ["qa-reviewer","security-reviewer"]
        "3": "implementation-agent" ["elixir-expert"] ["qa-reviewer","security-reviewer"]
    "#]]
    .assert_eq(&allocated(&["plan", "breakdown.md", "--format", "json"]));
}

#[test]
fn who_can_not_be_asked_is_said_before_anything_is_started() {
    let workspace = workspace();
    std::fs::remove_file(workspace.path("bin/claude")).expect("removed");
    workspace.write("breakdown.md", "# Shop\n\n### Stream A: Base\n\n1. **Build**\n");
    let refused = run(&workspace, &["run", "breakdown.md"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    expect_test::expect![[r#"
        breakdown.md:5:1: no agent can do task 1: no agent of the roster is there for it. Give the task a command (`- Run: …`), or an agent in execution-coordinator.toml; `execution-coordinator init` writes one to begin with
        documentation-expert, elixir-expert, elixir-reviewer, implementation-agent can't be asked: `claude` is not on the path: install it, or give its path; `execution-coordinator agents` shows where
        lua-expert can't be asked: `gemini` is not on the path: install it, or give its path; `execution-coordinator agents` shows where
        shell can't be asked: `shell` is who runs the commands of tasks; `execution-coordinator agents` shows where
        nothing was started
    "#]].assert_eq(&refused.stderr);
}
