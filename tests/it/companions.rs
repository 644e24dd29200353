//! Files beside a breakdown: who is told what they say, and which are left alone.

use crate::support::Workspace;
use execution_coordinator::breakdown::{Deps, parse, source};
use execution_coordinator::core::brief::{Brief, TextOf, texts};
use execution_coordinator::core::id::TaskId;
use execution_coordinator::engine::texts::{Texts, prose};
use execution_coordinator::workspace::execution_dir::ExecutionDir;
use expect_test::{Expect, expect};

/// What is told about a task of a breakdown in a workspace, beside the breakdown's own text: whose it is, where it
/// stands, and its first line.
fn told(workspace: &Workspace, breakdown: &str, task: &str, expected: &Expect) {
    let source = source::read(&workspace.path(breakdown)).expect("a breakdown");
    let mut parsed = parse(source.input(), None, Deps::Format);
    let (prose, kept, problems) = prose(&parsed, &source);
    let mut brief = Brief { texts: texts(&prose, Some(&TaskId::from(task))), ..Brief::default() };
    let store = Texts::of_execution(&ExecutionDir::new(workspace.path("execution")));
    store.offer(&kept);
    parsed.plan.prose = prose;
    store.keep(&parsed.plan).expect("kept");
    store.fill(&mut brief);
    let besides =
        brief.texts.iter().filter(|text| matches!(text.of, TextOf::TaskFile | TextOf::Companion));
    let line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let mut out: String = besides
        .map(|text| {
            format!(
                "{:?} {}:{}-{}: {}\n",
                text.of,
                text.file,
                text.first_line,
                text.last_line,
                line(&text.text)
            )
        })
        .collect();
    problems.iter().for_each(|problem| {
        out += &format!(
            "! {}\n",
            problem.message.replace(&workspace.path("").display().to_string(), "")
        )
    });
    expected.assert_eq(&out);
}

#[test]
fn specifications_come_with_the_parts_first_that_the_task_names() {
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", ""),
        (
            "s/tasks.md",
            "# Tasks: Shop\n\n## Phase 1: Base\n\n- [ ] T001 Create `Order` in src/order.rs\n- [ ] T002 [US2] List\n",
        ),
        (
            "s/spec.md",
            "# Shop\n\n### User Story 1 - Buy\n\nBuy.\n\n### User Story 2 - List\n\nList.\n",
        ),
        (
            "s/data-model.md",
            "# Model\n\n## Customer\n\nA name.\n\n## Order\n\n`Order` has lines.\n",
        ),
        ("s/contracts/api.yaml", "paths: {}\n"),
    ]);
    told(
        &workspace,
        "s/tasks.md",
        "T001",
        &expect![[r#"
        Companion s/data-model.md:7-9: ## Order
        Companion s/spec.md:1-1: # Shop
        Companion s/spec.md:3-5: ### User Story 1 - Buy
        Companion s/spec.md:7-9: ### User Story 2 - List
        Companion s/data-model.md:1-1: # Model
        Companion s/data-model.md:3-5: ## Customer
        Companion s/contracts/api.yaml:1-1: paths: {}
    "#]],
    );
    told(
        &workspace,
        "s/tasks.md",
        "T002",
        &expect![[r#"
        Companion s/spec.md:7-9: ### User Story 2 - List
        Companion s/spec.md:1-1: # Shop
        Companion s/spec.md:3-5: ### User Story 1 - Buy
        Companion s/data-model.md:1-1: # Model
        Companion s/data-model.md:3-5: ## Customer
        Companion s/data-model.md:7-9: ## Order
        Companion s/contracts/api.yaml:1-1: paths: {}
    "#]],
    );
}

#[test]
fn requirements_and_designs_come_with_the_parts_first_that_the_task_names() {
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", ""),
        (
            "k/tasks.md",
            "# Implementation Plan\n\n- [ ] 1. Store\n  - _Requirements: 2.1_\n- [ ] 2. Read\n  - _Requirements: 1.1_\n",
        ),
        (
            "k/requirements.md",
            "# Requirements\n\n### Requirement 1\n\nRead.\n\n### Requirement 2\n\nStore.\n",
        ),
        ("k/design.md", "# Design\n\nAll of it.\n"),
        ("o/tasks.md", "## 1. Reading\n\n- [ ] 1.1 Read\n- [ ] 1.2 Write\n"),
        ("o/proposal.md", "## Why\n\nSlow.\n"),
        ("o/specs/reader/spec.md", "## ADDED Requirements\n\nIt reads.\n"),
    ]);
    told(
        &workspace,
        "k/tasks.md",
        "1",
        &expect![[r#"
        Companion k/requirements.md:7-9: ### Requirement 2
        Companion k/requirements.md:1-1: # Requirements
        Companion k/requirements.md:3-5: ### Requirement 1
        Companion k/design.md:1-3: # Design
    "#]],
    );
    told(
        &workspace,
        "o/tasks.md",
        "1.1",
        &expect![[r#"
        Companion o/proposal.md:1-3: ## Why
        Companion o/specs/reader/spec.md:1-3: ## ADDED Requirements
    "#]],
    );
}

#[test]
fn a_story_is_its_tasks_own_and_epics_are_everybodys() {
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", ""),
        (
            "sprint-status.yaml",
            "development_status:\n  epic-1: in-progress\n  1-1-types: backlog\n  1-2-3d-view: backlog\n",
        ),
        ("1-1-types.md", "# Story 1.1: Types\n\n## Dev Notes\n\nUse u32.\n"),
        ("1-2-3d-view.md", "# Story 1.2: View\n\nTurn it.\n"),
        ("epics.md", "# Epics\n\n## Epic 1\n\nAll of it.\n"),
    ]);
    told(
        &workspace,
        "sprint-status.yaml",
        "1.1",
        &expect![[r#"
        TaskFile 1-1-types.md:1-1: # Story 1.1: Types
        TaskFile 1-1-types.md:3-5: ## Dev Notes
        Companion epics.md:1-1: # Epics
        Companion epics.md:3-5: ## Epic 1
    "#]],
    );
    told(
        &workspace,
        "sprint-status.yaml",
        "1.2",
        &expect![[r#"
        TaskFile 1-2-3d-view.md:1-3: # Story 1.2: View
        Companion epics.md:1-1: # Epics
        Companion epics.md:3-5: ## Epic 1
    "#]],
    );
}

#[test]
fn plans_of_a_roadmap_bring_what_they_name() {
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", ""),
        (
            ".planning/ROADMAP.md",
            "# Roadmap: Shop\n\n### Phase 1: Base\n\n**Plans:**\n\n- [ ] 01-01-PLAN.md — Types\n- [ ] 01-02-PLAN.md — Reader\n",
        ),
        (".planning/PROJECT.md", "# Shop\n\nKeep it small.\n"),
        (
            ".planning/phases/01-base/01-01-PLAN.md",
            "---\nphase: 01-base\nplan: 01\nwave: 1\n---\n\n<context>\n@docs/API.md\n@../outside.md\n@/etc/passwd\n@linked.md\n</context>\n\n<task type=\"auto\">\n<action>Write types.</action>\n</task>\n",
        ),
        (".planning/phases/01-base/01-01-SUMMARY.md", "# Old\n"),
        ("docs/API.md", "# API\n\nGET /.\n"),
    ]);
    std::os::unix::fs::symlink("/etc/hostname", workspace.path("linked.md")).expect("a link");
    told(
        &workspace,
        ".planning/ROADMAP.md",
        "01-01",
        &expect![[r#"
        Companion docs/API.md:1-3: # API
        Companion .planning/PROJECT.md:1-3: # Shop
    "#]],
    );
    told(
        &workspace,
        ".planning/ROADMAP.md",
        "01-02",
        &expect![[r#"
        Companion .planning/PROJECT.md:1-3: # Shop
        Companion docs/API.md:1-3: # API
    "#]],
    );
}

#[test]
fn what_is_no_text_is_told_and_links_are_left_alone() {
    let workspace = Workspace::with(&[
        ("execution-coordinator.toml", ""),
        (
            "k/tasks.md",
            "# Implementation Plan\n\n- [ ] 1. Store\n  - _Requirements: 2.1_\n- [ ] 2. Read\n  - _Requirements: 1.1_\n",
        ),
    ]);
    workspace.write(
        "agent.sh",
        "#!/bin/sh\ncat >/dev/null\necho '{\"status\":\"complete\",\"summary\":\"did it\"}'\n",
    );
    workspace.write(
        "execution-coordinator.toml",
        "[agents.implementation-agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n",
    );
    std::fs::write(workspace.path("k/design.md"), b"# D\xe9sign\n").expect("written");
    std::fs::write(workspace.path("k/bugfix.md"), "x".repeat((1 << 20) + 1)).expect("written");
    std::os::unix::fs::symlink("/etc/hostname", workspace.path("k/requirements.md"))
        .expect("a link");
    told(
        &workspace,
        "k/tasks.md",
        "1",
        &expect![[r#"
            ! agents are not told what stands beside it: k/bugfix.md: it has more than 1024 KiB: split it
            ! agents are not told what stands beside it: k/design.md:1:4: this is not UTF-8: save the file as UTF-8
        "#]],
    );
    // And by the program itself.
    let check = workspace.run(&["check", "k/tasks.md"]);
    assert!(
        check.stdout.contains("design.md:1:4: this is not UTF-8") && check.code == 0,
        "{}",
        check.stdout
    );
    let run = workspace.run(&["run", "k/tasks.md"]);
    assert!(
        run.stderr.contains("design.md:1:4: this is not UTF-8: save the file as UTF-8"),
        "{}",
        run.stderr
    );
}
