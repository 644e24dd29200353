//! The formats of others, each with the oddities of real files in few lines: data in, data out.

use crate::reading::{check, folder};
use execution_coordinator::breakdown::convert::convert;
use execution_coordinator::breakdown::{Deps, Format, Input, parse};
use expect_test::expect;

#[test]
fn a_breakdown_becomes_one_of_another_format() {
    let source = include_str!("../../examples/chat-system/breakdown.md");
    let parsed = parse(source, None, Deps::Format);
    let lost = |to| convert(&parsed, to).lost;
    assert_eq!(lost(Format::BreakdownAgent), Vec::<String>::new());
    let told = |to| {
        lost(to)
            .iter()
            .map(|lost| lost.split([':', ',']).next().unwrap_or_default().to_owned() + "\n")
            .collect::<String>()
    };
    expect![[r#"
        ids are others now
        dependencies of 1 task
        summary
    "#]]
    .assert_eq(&told(Format::SpecKit));
    expect![[r#"
        ids are others now
        specs of 6 tasks
        tests of 8 tasks
        gates
    "#]]
    .assert_eq(&told(Format::Kiro));
    expect![[r#"
        stream of 8 tasks
        summary
        names of streams
        gates
    "#]]
    .assert_eq(&told(Format::TaskMaster));
    let kiro = "# Implementation Plan: A\n\n## Tasks\n\n- [ ] 1. First\n  - [x] 1.1 One\n    - Do this\n    - _Requirements: 1.1_\n  - [ ] 1.2 Two\n";
    expect![[r##"
        # Implementation Plan: A

        ## Tasks

        - [ ] 1. First
          - [x] 1.1 One
            - Do this
            - _Requirements: 1.1_
          - [ ] 1.2 Two

        ## Task Dependency Graph

        ```json
        {"waves": [
        {"id":"1.1","tasks":["1.1"],"depends_on":[]},
        {"id":"1.2","tasks":["1.2"],"depends_on":["1.1"]}
        ]}
        ```
    "##]]
    .assert_eq(&convert(&parse(kiro, None, Deps::Format), Format::Kiro).text);
    expect![[r#"
        # Tasks: A

        ## Phase 1: First

        - [x] T001 [P] One
          - [ ] Do this
        - [ ] T002 [P] Two (depends on T001)
    "#]]
    .assert_eq(&convert(&parse(kiro, None, Deps::Format), Format::SpecKit).text);
    expect![[r#"
        {
          "master": {
            "tasks": [
              {
                "id": 1,
                "title": "One",
                "description": "",
                "details": "",
                "testStrategy": "",
                "status": "done",
                "dependencies": [],
                "subtasks": [
                  {
                    "id": 1,
                    "title": "Do this",
                    "status": "pending",
                    "dependencies": []
                  }
                ]
              },
              {
                "id": 2,
                "title": "Two",
                "description": "",
                "details": "",
                "testStrategy": "",
                "status": "pending",
                "dependencies": [
                  1
                ],
                "subtasks": []
              }
            ],
            "metadata": {
              "description": "A"
            }
          }
        }
    "#]]
    .assert_eq(&convert(&parse(kiro, None, Deps::Format), Format::TaskMaster).text);
    expect![[r#"
        # A Task Breakdown

        ## Task Hierarchy and Dependencies

        ### Stream 1: First (Parallel Start)

        1. **One** ✅
           - Dependencies: None
           - Requirements: 1.1

        2. **Two**
           - Dependencies: Task 1
    "#]]
    .assert_eq(&convert(&parse(kiro, None, Deps::Format), Format::BreakdownAgent).text);
}

#[test]
fn kiro_with_parts_options_and_checkpoints() {
    check(
        &[(
            "tasks.md",
            "# Implementation Plan: Cart\n\n## Tasks\n\n- [x] 1. Set up\n  - Write the schema\n  - _Requirements: 1.1, 2.3_\n- [-] 2. Prices\n  - [x] 2.1 Add them up\n  - [ ]* 2.2 Property test\n    - **Property 1: sums**\n    - **Validates: Requirements 1.2**\n  - [ ] 2.3* Bench\n- [ ] 3. Checkpoint - Ensure all tests pass\n- [ ] 4. Show them\n  - [ ] 4.1 A table\n  - [ ] 4.2 A total\n\n## Notes\n\n- Tasks with `*` are optional\n",
        )],
        expect![[r#"
            kiro, certain: 4 tasks (1 done), 5 sub-tasks (1 done), 0 edges, 0 groups
            kiro: Cart
            [Tasks] Tasks
              1 Set up +1 Done
            [2] Prices ← ([Tasks])
              2.1 Add them up Done
              2.2 Property test ← (2.1) +1 Skipped
              2.3 Bench ← (2.2) Skipped
            [4] Show them ← ([2])
              4.1 A table
              4.2 A total ← (4.1)
            gate Checkpoint 3 Stream [2]: Checkpoint - Ensure all tests pass
            8:1 Info all-ticked: all that 2 has to tick is ticked, but 2 itself is open: say that it is done if it is
            2 can be written back
        "#]],
    );
}

#[test]
fn kiro_with_waves_and_cc_sdd_with_parallel_marks() {
    check(
        &[(
            ".kiro/specs/a/tasks.md",
            "# Implementation Plan\n\n- [x] 1. One\n- [ ] 2. Two\n  - [ ] 2.1 a\n  - [ ] 2.2 b\n- [ ] 3. Three\n\n```json\n{\"waves\": [{\"id\": 0, \"tasks\": [\"1\"]}, {\"id\": 1, \"tasks\": [\"2\"]}]}\n```\n",
        )],
        expect![[r#"
            kiro, certain: 3 tasks (1 done), 2 sub-tasks (0 done), 0 edges, 0 groups
            kiro: 
            [1] One
              1 One Done
            [2] Two
              2.1 a ← (1)
              2.2 b ← (1)
            [3] Three
              3 Three ← (2.2)
            7:1 Warning no-wave: task 3 is in no wave: it waits for the task before it
            3 can be written back
        "#]],
    );
    check(
        &[(
            "tasks.md",
            "# Implementation Plan\n\n- [ ] 1. 基盤\n- [ ] 1.1 (P) 型を作る\n  - _Requirements: 1.1_\n- [ ] 1.2 (P) 設定を読む\n  - _Requirements: 1.2_\n- [~] 1.3 つなぐ\n",
        )],
        expect![[r#"
            kiro, certain: 1 task (0 done), 3 sub-tasks (0 done), 0 edges, 0 groups
            kiro: 
            [1] 基盤
              1.1 型を作る
              1.2 設定を読む
              1.3 つなぐ ← (1.1), (1.2)
            3 can be written back
        "#]],
    );
}

#[test]
fn openspec_counts_every_box() {
    check(
        &[(
            "openspec/changes/zsh/tasks.md",
            "## 1. Base\n\n- [x] 1.1 Types\n- [ ] 1.2 Reader\n  - [ ] 1.2.1 Nested\n\n## 2. Command\n\n- [ ] 2.1 Wire it\n- [x]no blank\n\n## Dependencies\n\n- 2 depends on 1\n",
        )],
        expect![[r#"
            openspec, certain: 4 tasks (2 done), 1 sub-task (0 done), 0 edges, 1 between groups, 2 groups
            openspec: 
            [1] Base
              1.1 Types Done
              1.2 Reader ← (1.1) +1
            [2] Command ← [1]
              2.1 Wire it ← (1.2)
              L10 no blank ← (2.1) Done
            2 can be written back
        "#]],
    );
}

#[test]
fn task_master_with_tags_parts_and_a_cycle() {
    check(
        &[(
            ".taskmaster/tasks/tasks.json",
            r#"{
  "version": "2",
  "master": {"tasks": [
    {"id": 1, "title": "Set up", "status": "done", "dependencies": [], "priority": "high", "subtasks": []},
    {"id": "2", "title": "Build", "status": "in-progress", "dependencies": [1, "3.1", 9], "details": "How", "testStrategy": "Tests", "subtasks": [
      {"id": 1, "title": "a", "status": "done", "dependencies": ["2.2"]},
      {"id": 2, "title": "b", "status": "pending", "dependencies": [1, 7]}
    ]},
    {"id": 3, "title": "Part", "status": "cancelled", "dependencies": []},
    {"title": "lost", "status": "pending", "dependencies": []}
  ], "metadata": {}},
  "next": {"tasks": [{"id": 1, "title": "Later", "status": "deferred", "dependencies": [1]}]}
}
"#,
        )],
        expect![[r#"
            task-master, certain: 4 tasks (1 done), 2 sub-tasks (1 done), 4 edges, 2 groups
            task-master: 
            [master] master
              master:1 Set up Done
              master:2 Build ← master:1, master:3 +2 !it waits for `master:9`, which does not exist
              master:3 Part Skipped
            [next] next
              next:1 Later Deferred
            5:27 Info under-way: begun, in review or blocked by their status, and so still to be done here: master:2
            5:81 Info part-reference: 3.1 is a part of task 3: the whole task is waited for
            5:87 Error unknown-reference: unknown reference `master:9`
            6:65 Warning sub-task-cycle: these sub-tasks wait for each other in a cycle: 2.1 ← 2.2 ← 2.1: remove one of the dependencies
            7:72 Warning sub-task-reference: `7` is no sub-task of task 2: what a sub-task waits for must be one of its siblings; this is not waited for
            10:5 Error no-id: a task without an id: give it one
            12:89 Error self-dependency: task next:1 waits for itself: remove that
            1 can be written back
        "#]],
    );
}

#[test]
fn what_looks_like_task_master_and_what_is_broken() {
    check(
        &[(
            "tasks.json",
            r#"{"tasks": [{"id": "TASK-001", "title": "One", "completed": true, "status": "completed"}, {"id": "TASK-002", "title": "Two", "status": "todo"}]}"#,
        )],
        expect![[r#"
            task-master, a guess: 2 tasks (1 done), 0 edges, 1 group
            task-master: 
            [master] master
              TASK-001 One Done
              TASK-002 Two
            1:1 Info no-dependencies: no task says what it waits for: is this a file of task-master? All of them may run at once
            1 can be written back
        "#]],
    );
    check(
        &[("tasks.json", "{\"tasks\": [\n  {\"id\": 1, \"title\": }\n]}")],
        expect![[r#"
            task-master, a guess: 0 tasks (0 done), 0 edges, 0 groups
            task-master: 
            2:22 Error unreadable: this is no JSON: Unexpected close brace: nothing is read of it until that is fixed
            0 can be written back
        "#]],
    );
}

#[test]
fn beads_with_an_epic_a_tombstone_and_a_bad_line() {
    check(
        &[(
            ".beads/issues.jsonl",
            concat!(
                r#"{"id":"bd-a1","title":"Epic","status":"open","priority":1,"issue_type":"epic","created_at":"2026-01-01"}"#,
                "\n",
                r#"{"id":"bd-a1.1","title":"First","description":"Do it","acceptance_criteria":"- it works\n- it is fast","status":"closed","issue_type":"task","estimated_minutes":90,"dependencies":[{"issue_id":"bd-a1.1","depends_on_id":"bd-a1","type":"parent-child"}]}"#,
                "\n",
                r#"{"id":"bd-a1.2","title":"Second","status":"in_progress","issue_type":"task","dependencies":[{"issue_id":"bd-a1.2","depends_on_id":"bd-a1.1","type":"blocks"},{"issue_id":"bd-a1.2","depends_on_id":"bd-x","type":"related"}]}"#,
                "\n",
                "{\"id\": \"bd-cut",
                "\n",
                r#"{"id":"bd-old","title":"Gone","status":"tombstone","issue_type":"bug"}"#,
                "\n",
                r#"{"id":"bd-b","title":"After the epic","status":"open","issue_type":"feature","dependencies":[{"issue_id":"bd-b","depends_on_id":"bd-a1","type":"blocks"},{"issue_id":"bd-b","depends_on_id":"bd-none","type":"blocks"}]}"#,
                "\n",
                r#"{"id":"bd-agent","title":"mayor","status":"hooked","issue_type":"agent"}"#,
                "\n",
            ),
        )],
        expect![[r#"
            beads, certain: 6 tasks (1 done), 3 edges, 1 group
            beads: 
              bd-old Gone Skipped
              bd-b After the epic ← [bd-a1] !it waits for `bd-none`, which does not exist
              bd-agent mayor Skipped
            [bd-a1] Epic
              bd-a1.1 First Done
              bd-a1.2 Second ← bd-a1.1
            3:26 Info under-way: begun, in review or blocked by their status, and so still to be done here: bd-a1.2
            4:8 Error unreadable: this line is no JSON: Unterminated string literal: the other lines are read
            6:190 Error unknown-reference: unknown reference `bd-none`: did you mean task bd-old? → bd-old
            2 can be written back
        "#]],
    );
}

#[test]
fn backlog_where_the_folder_says_as_much_as_the_status() {
    let task = |id: &str, status: &str, more: &str| {
        format!(
            "---\nid: {id}\ntitle: 'Do {id}'\nstatus: {status}\ncreated_date: '2026-01-01'\n{more}---\n\n## Description\n\nWhy.\n\n## Acceptance Criteria\n<!-- AC:BEGIN -->\n- [x] #1 It works\n- [ ] #2 It is fast\n<!-- AC:END -->\n"
        )
    };
    let files = [
        ("config.yml", "project_name: \"Shop\"\nstatuses: [\"To Do\", \"In Progress\", \"Shipped\"]\ntask_prefix: \"back\"\n".to_owned()),
        ("tasks/back-2 - Two.md", task("BACK-2", "Shipped", "milestone: m-1\ndependencies: []\n")),
        (
            "tasks/back-3 - Three.md",
            task("BACK-3", "To do", "assignee: @me\ndependencies:\n  - task-002\n  - TASK-9\n  - BACK-77\nmilestone: m-1\n"),
        ),
        ("completed/back-1 - One.md", task("BACK-1", "In Progress", "")),
        ("archive/tasks/back-3 - Old.md", task("BACK-3", "To Do", "")),
        ("archive/tasks/back-9 - Nine.md", task("BACK-9", "\"Won't Do\"", "")),
        ("milestones/m-1 - first.md", "---\nid: m-1\ntitle: \"First\"\n---\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    check(
        &files,
        expect![[r#"
            backlog, certain: 5 tasks (2 done), 10 sub-tasks (5 done, 10 criteria), 3 edges, 1 group
            backlog: Shop
              BACK-1 Do BACK-1 Done
              BACK-3 (archived) Do BACK-3 Deferred
              BACK-9 Do BACK-9 Skipped
            [m-1] First
              BACK-2 Do BACK-2 Done
              BACK-3 Do BACK-3 ← BACK-2, BACK-9 !it waits for `BACK-77`, which does not exist
            27:11 Warning unreadable: this is no YAML: unexpected character: `@': the rest is read
            31:5 Error unknown-reference: unknown reference `BACK-77`
            46:9 Warning two-truths: BACK-1 lies in the folder of what is completed, but its status says otherwise: the folder counts
            1 can be written back
        "#]],
    );
}

#[test]
fn ccpm_with_raw_ids_companions_and_a_folder_of_parts() {
    let task = |name: &str, status: &str, on: &str| {
        format!(
            "---\nname: {name}\nstatus: {status}\ncreated: 2026-01-01T00:00:00Z\ndepends_on: {on}\nparallel: true\nconflicts_with: []\n---\n\n# Task\n\n## Description\n\nWhy.\n\n## Acceptance Criteria\n\n- [x] One\n- [ ] Two\n"
        )
    };
    let files = [
        (
            "epic.md",
            "---\nname: shop\nstatus: open\n---\n\n# Epic: Web Shop\n\n## Overview\n\nA shop.\n"
                .to_owned(),
        ),
        ("001.md", task("First", "closed", "[]")),
        ("001-analysis.md", "---\nissue: 1\nstatus: closed\n---\n\n### Stream A: x\n".to_owned()),
        ("008-second.md", task("Second", "open", "[001, 010]")),
        ("010.md", task("Tenth", "in-progress", "[001]")),
        ("tasks/018-parts.md", task("Parts", "open", "[008]")),
        ("tasks/018/001-a.md", task("Part a", "completed", "[]")),
        ("tasks/018/002-b.md", task("Part b", "open", "[001]")),
    ];
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    check(
        &files,
        expect![[r#"
            ccpm, certain: 6 tasks (2 done), 12 sub-tasks (6 done, 12 criteria), 5 edges, 0 groups
            ccpm: Web Shop
              001 First Done
              008 Second ← 001, 010
              010 Tenth ← 001
            [018] Parts ← 008
              018/001 Part a Done
              018/002 Part b ← 018/001
            56:7 Info under-way: begun, in review or blocked by their status, and so still to be done here: 010
            3 can be written back
        "#]],
    );
}

#[test]
fn bmad_in_its_four_forms() {
    check(
        &[(
            "sprint-status.yaml",
            "project: Dash\ndevelopment_status:\n  # Epic 3\n  epic-3: in-progress\n  3-1-first-story: done\n  3-2-second: ready-for-dev # next\n  3-5-long-tests: backlog\n  epic-3-retrospective: optional\n  epic-3-5: backlog\n  3-5-1-extra: review\n",
        )],
        expect![[r#"
            bmad, certain: 4 tasks (1 done), 0 edges, 2 groups
            bmad: Dash
            [Epic 3] Epic 3
              3.1 first story Done
              3.2 second ← (3.1)
              3.5 long tests ← (3.2)
            [Epic 3.5] Epic 3-5 ← ([Epic 3])
              3.5.1 extra
            10:3 Info under-way: begun, in review or blocked by their status, and so still to be done here: 3.5.1
            3 can be written back
        "#]],
    );
    check(
        &[(
            "1-2-x.md",
            "# Story 1.2: Entities\n\nStatus: ready-for-dev\n\n## Acceptance Criteria\n\n- [ ] a criterion\n\n## Tasks / Subtasks\n\n- [x] Task 1: Types (AC: #1, #2)\n  - [x] Subtask 1.1: a\n- [x] Task 2: Tests\n\n### More\n\n- [x] Task 3: Docs\n\n## Dev Notes\n\n- [ ] not a task\n",
        )],
        expect![[r#"
            bmad, certain: 3 tasks (3 done), 1 sub-task (1 done), 0 edges, 1 group
            bmad: Story 1.2: Entities
            [Tasks / Subtasks] Tasks / Subtasks
              1 Types (AC: #1, #2) +1 Done
              2 Tests ← (1) Done
              3 Docs ← (2) Done
            3:1 Warning two-truths: the story's status is `ready-for-dev`, but all of its tasks are done: the boxes count
            21:1 Warning unread-work: this looks like work, and belongs to no task: it is carried out by nobody; put it below a task, or write it as one
            0 can be written back
        "#]],
    );
    check(
        &[(
            "epics.md",
            "# Shop - Epic Breakdown\n\n## Epic 1: Base\n\n### Story 1.1: Set up\n\nAs a developer …\n\n**Acceptance Criteria:**\n\n- it runs\n\n**Prerequisites:** None\n\n### Story 1.2: Types\n\n**Prerequisites:** Story 1.1\n\n## Epic 2: Shop\n\n### Story 2.1: Cart\n\n**Prerequisites:** Story 1.2\n",
        )],
        expect![[r#"
            bmad, likely: 3 tasks (0 done), 2 edges, 2 groups
            bmad: Shop
            [Epic 1] Base
              1.1 Set up
              1.2 Types ← 1.1
            [Epic 2] Shop ← ([Epic 1])
              2.1 Cart ← 1.2
            0 can be written back
        "#]],
    );
    check(
        &[(
            "stories.yaml",
            "- id: '1'\n  title: First\n  description: x\n  spec_checkpoint: true\n  done_checkpoint: false\n- id: '2'\n  title: Second\n  spec_checkpoint: false\n  done_checkpoint: true\n",
        )],
        expect![[r#"
            bmad, certain: 2 tasks (0 done), 0 edges, 2 groups
            bmad: 
            [1] First
              1 First
            [2] Second ← ([1])
              2 Second
            gate Checkpoint 2 Stream [2]: a person has looked at story 2
            4:20 Info needs-a-person: story 1: a person has to look at its plan before it is carried out (spec_checkpoint)
            0 can be written back
        "#]],
    );
}

#[test]
fn superpowers_with_steps_chunks_and_fences() {
    check(
        &[(
            "docs/superpowers/plans/2026-01-01-x.md",
            "# Refactor Implementation Plan\n\n> **For agentic workers:** REQUIRED SUB-SKILL: Use superpowers:subagent-driven-development\n\n**Goal:** Less.\n\n## Chunk 1: Server\n\n### Task 1: Move it\n\n**Files:**\n- Create: `src/a.rs`\n- Modify: `src/b.rs:10-20`\n- Test: `tests/a.rs`\n\n- [ ] **Step 1: Write the failing test**\n\n```rust\n## Task 9: not one\n- [ ] **Step 9: no**\n```\n\n- [x] **Step 2: Run it**\n\nRun: `cargo test`\nExpected: FAIL\n\n### Task 10a: Another\n\n- [ ] **Step 1: Do**\n\n## Success criteria\n\n- [ ] all green\n",
        )],
        expect![[r#"
            superpowers, certain: 2 tasks (0 done), 4 sub-tasks (1 done, 1 criteria), 0 edges, 1 group
            superpowers: Refactor
            [Chunk 1] Server
              1 Move it +2
              10a Another ← (1) +1
            18:1 Warning tasks-in-fence: 2 task-like lines inside the fence that opens here are not read as tasks
            0 can be written back
        "#]],
    );
}

#[test]
fn loom_with_reasons_comments_and_marks_in_headings() {
    check(
        &[(
            "docs/loom/plans/x.md",
            "# Plan: gates\n\nTotal tasks: 4\n\n## Task 1 — Parser [DONE — Wave 1, kept]\n\n- Description: reads\n- Files touched: src/a.rs, src/b.rs\n- Dependencies: none\n- Independent: true\n\n## Task 13 — Later\n\n- Dependencies: Tasks 1, 5 complete first (1: needs the parser; 5: the tree)  # comment\n- Independent: false\n\n## Task 5 — Tree\n\n- Dependencies: Task 1 completes first\n- Independent: true\n- Status: done(d5889550)  # note\n",
        )],
        expect![[r#"
            loom, certain: 3 tasks (2 done), 3 edges, 0 groups
            loom: gates
              1 Parser Done
              13 Later ← 1, 5
              5 Tree ← 1 Done
            3:1 Warning total-disagrees: it says 4 tasks, but 3 were read
            0 can be written back
        "#]],
    );
}

#[test]
fn rune_by_stable_ids() {
    check(
        &[(
            "tasks.md",
            "---\nreferences:\n    - design.md\n---\n# Agents\n\n## Setup\n\n- [x] 1. Schema <!-- id:abc1234 -->\n  - Stream: 1\n- [-] 2. API <!-- id:def5678 -->\n  - Blocked-by: abc1234 (Schema, the first one)\n  - Stream: 2\n  - Owner: somebody\n\n## Build\n\n- [ ] 3. Both <!-- id:ghi9012 -->\n  - Blocked-by: abc1234 (Schema), def5678 (API), zzz0000 (gone)\n  - [ ] 3.1. Half\n- [?] 4. Odd <!-- id:jkl3456 -->\n-[] 5. Broken\n",
        )],
        expect![[r#"
            rune, certain: 4 tasks (1 done), 1 sub-task (0 done), 4 edges, 2 groups
            rune: Agents
            [Setup] Setup
              1 Schema Done
              2 API ← 1
            [Build] Build
              3 Both ← 1, 2 +1 !it waits for `zzz0000`, which does not exist
              4 Odd ← (1), (2), (3)
            19:50 Error unknown-reference: unknown reference `zzz0000`
            21:3 Warning unknown-mark: the mark `?` is read as not done: use a blank or `x`
            22:2 Warning malformed-box: this is no box, and so no task: write `- [ ] ` with the blanks →  [ ] 
            3 can be written back
        "#]],
    );
}

#[test]
fn spec_kitty_where_the_machine_knows_best() {
    check(
        &[
            (
                "tasks.md",
                "# Work Packages: Sortie\n\n## Subtask Index\n\n| ID | Description | WP | Parallel |\n|---|---|---|---|\n| T001 | Schema | WP01 | [P] |\n\n### WP01 — Base\n\n- [x] T001 Schema (WP01)\n- [x] T002 Types (WP01)\n\n**Dependencies**: None. **Risks**: few.\n\n### WP02 — Rest\n\n- [ ] T003 Do (WP02)\n\n**Dependencies**: WP01. **Risks**: none.\n",
            ),
            (
                "status.json",
                r#"{"work_packages": {"WP01": {"lane": "done"}, "WP02": {"lane": "for_review"}, "WP03": "approved"}}"#,
            ),
            (
                "tasks/WP01-base.md",
                "---\nwork_package_id: WP01\ntitle: Base\nlane: done\ndependencies: []\nowned_files:\n- src/**\n---\n",
            ),
            (
                "tasks/WP03-more.md",
                "---\nwork_package_id: WP03\ntitle: More\nlane: done\ndependencies: [WP01, WP02]\nsubtasks: [T004]\n---\n",
            ),
        ],
        expect![[r#"
            spec-kitty, certain: 3 tasks (1 done), 3 sub-tasks (2 done), 3 edges, 0 groups
            spec-kitty: Sortie
              WP01 Base +2 Done
              WP02 Rest ← WP01 +1
              WP03 More ← WP01, WP02 +1
            31:8 Warning two-truths: WP03 is marked as done, but status.json has it as `approved`: that counts
            0 can be written back
        "#]],
    );
}

#[test]
fn gsd_with_waves_and_phases() {
    check(
        &[
            (
                "ROADMAP.md",
                "# Roadmap: Lib\n\n## Phases\n\n- [x] **Phase 1: Base** - x\n- [ ] **Phase 2: More** - y\n\n## Phase Details\n\n### Phase 1: Base\n**Goal:** g\n**Depends on:** Nothing (first phase)\n\nPlans:\n- [x] 01-01-PLAN.md — Config\n- [x] 01-02-PLAN.md — Types\n\n### Phase 2: More\n**Depends on:** Phase 1\n\nPlans:\n- [ ] 02-01-PLAN.md — First (Wave 1)\n- [ ] 02-02a-PLAN.md — Second (Wave 2)\n- [ ] 02-02b-PLAN.md — Third (Wave 2)\n",
            ),
            (
                "phases/01-base/01-01-PLAN.md",
                "---\nphase: 01-base\nplan: 01\ntype: execute\nwave: 1\ndepends_on: []\nfiles_modified:\n  - a.ts\nautonomous: true\nmust_haves:\n  truths:\n    - \"It builds\"\n---\n\n<objective>\nThe base.\n</objective>\n\n<tasks>\n<task type=\"auto\">\n  <name>Task 1: Config</name>\n  <verify>npm test</verify>\n</task>\n</tasks>\n",
            ),
            (
                "phases/01-base/01-02-PLAN.md",
                "---\nphase: 01-base\nplan: 02\nwave: 2\ndepends_on: [\"01-01\"]\nautonomous: false\n---\n",
            ),
            (
                "phases/02-more/02-02b-PLAN.md",
                "---\nphase: 02-more\nplan: 02b\nwave: 2\ndepends_on: [01]\n---\n",
            ),
        ],
        expect![[r#"
            gsd, certain: 5 tasks (2 done), 2 edges, 1 between groups, 2 groups
            gsd: Lib
            [Phase 1] Base
              01-01 Config +1 Done
              01-02 Types ← 01-01 Done
            [Phase 2] More ← [Phase 1]
              02-01 First (Wave 1)
              02-02a Second (Wave 2) ← (02-01)
              02-02b Third (Wave 2) ← 02-01
            54:13 Info needs-a-person: plan 01-02 is not autonomous: a person has to take part in it
            3 can be written back
        "#]],
    );
}

#[test]
fn feature_docs_where_the_index_counts() {
    check(
        &[
            (
                "00-index.md",
                "# `lib` — Task Index\n\n## Phase 1 — Deps\n\n| # | Task | Size | Depends on |\n|---|---|---|---|\n| 01 | [Scaffold](./01-scaffold.md) | S | — |\n| 02 | [Types](./02-types.md) — with `a | b` | M | 01 |\n\n## Pre-release\n\n| # | Task | Size | Depends on |\n|---|---|---|---|\n| 03 | Publish | L | 01, 02 |\n",
            ),
            (
                "01-scaffold.md",
                "# Task 01: Scaffold\n\n**Phase**: 1 — Deps **Depends on**: none **Blocks**: 02, 03\n**Size**: S\n\n## Objective\n\nBegin.\n\n## Acceptance Criteria\n\n- [ ] It builds\n",
            ),
            (
                "02-types.md",
                "# Task 02: Types\n\n**Phase**: 1 — Deps **Depends on**: 01, 03 **Blocks**: none\n**Size**: M\n",
            ),
        ],
        expect![[r#"
            feature-docs, certain: 3 tasks (0 done), 1 sub-task (0 done, 1 criteria), 3 edges, 2 groups
            feature-docs: lib
            [Phase 1] Phase 1 — Deps
              01 Scaffold
              02 Types — with `a | b` ← 01
            [Pre-release] Pre-release
              03 Publish ← 01, 02
            29:37 Warning two-truths: task 02 waits for 03 here, but not in the index: the index counts
            0 can be written back
        "#]],
    );
}

#[test]
fn streams_in_the_ways_that_people_write_them() {
    check(
        &[(
            "plan.md",
            "# Reckoning\n\n## Stream A: Data\n\n### A1: Schema\n\n**Dependencies:** None\n\n### A2: Import\n\n**Dependencies:** A1\n- Priority: P0\n\n## Stream B: View\n\n### B1: Table ✅\n\n**Dependencies:** A1, A2\n",
        )],
        expect![[r#"
            streams, certain: 3 tasks (1 done), 3 edges, 2 groups
            streams: Reckoning
            [A] Data
              A1 Schema
              A2 Import ← A1
            [B] View
              B1 Table ← A1, A2 Done
            0 can be written back
        "#]],
    );
    check(
        &[(
            "116-analysis.md",
            "---\nissue: 116\nparallelization_factor: 3\n---\n# Work Analysis: Issue #116\n\n### Stream A: Audio\n**Files**: `a/*`\n**Agent Type**: tester\n**Can Start**: immediately\n**Estimated Hours**: 4\n**Dependencies**: none (can mock)\n\n### Stream B: Rest\n**Can Start**: after Stream A is 50% complete\n**Dependencies**: Stream A\n\n### Step 1: not a task\n",
        )],
        expect![[r#"
            streams, certain: 2 tasks (0 done), 1 edge, 2 groups
            streams: Issue #116
            [A] Audio
              A Audio
            [B] Rest
              B Rest ← [A]
            15:22 Info partial-dependency: a part of it would be enough, but the whole is waited for
            0 can be written back
        "#]],
    );
    check(
        &[(
            "epic.md",
            "# Epic: harness\n\n```\nStream A (fixtures) ──→ Stream B (tests)\n                    ──→ Stream C\n```\n\n### Stream A: Fixtures\n\nx\n\n### Stream B: Tests\n\ny\n\n### Stream C: Docs\n\nz\n",
        )],
        expect![[r#"
            streams, likely: 3 tasks (0 done), 2 edges, 3 groups
            streams: harness
            [A] Fixtures
              A Fixtures
            [B] Tests
              B Tests ← A
            [C] Docs
              C Docs ← A
            0 can be written back
        "#]],
    );
    check(
        &[(
            "larun.md",
            "# Parallel plan\n\n```\nALPHA:\n□ Day 1: Set up\n□ Day 2: Build\n□ Day 3: Test\n```\n",
        )],
        expect![[r#"
            task-list, a guess: 0 tasks (0 done), 0 edges, 0 groups
            task-list: Parallel plan
            1:1 Error no-tasks: there is no task in it: it is read as task-list, in which tasks are boxes `- [ ] …`; --input-format says otherwise
            5:1 Warning tasks-in-fence: 3 lines inside fences look like tasks, and none stands outside: they are not scheduled; take them out of the fences
            0 can be written back
        "#]],
    );
}

#[test]
fn step_plans_and_tables() {
    check(
        &[(
            "plan.md",
            "# Planner\n\n### Step 1: Parse ✅\n\n- [ ] a\n- [x] b\n\n### Step 2: Show\n\n- [ ] c\n\n## Success Criteria\n\n- [ ] fast\n",
        )],
        expect![[r#"
            step-plan, likely: 3 tasks (1 done), 1 sub-task (0 done, 1 criteria), 0 edges, 2 groups
            step-plan: Planner
            [Step 1] Parse
              1 a
              2 b ← (1) Done
            [Step 2] Show ← ([Step 1])
              3 c ← (2)
            3:1 Warning two-truths: Step 1 says that it is complete, but 1 of its boxes are open: the boxes count
            2 can be written back
        "#]],
    );
    check(
        &[(
            "TASKS.md",
            "# 작업\n\n## 1단계\n\n| ID | 타입 | 제목 | 예상 소요 | 의존성 |\n|---|---|---|---|---|\n| #1 | FEAT | ✅ 설정 | 1d | - |\n| ✅ #2 | FEAT | 모델 | 2d | #1 |\n| #3 | FEAT | 화면 | M | #1, #2 |\n",
        )],
        expect![[r#"
            index-table, likely: 3 tasks (2 done), 3 edges, 1 group
            index-table: 작업
            [1단계] 1단계
              1 설정 Done
              2 모델 ← 1 Done
              3 화면 ← 1, 2
            0 can be written back
        "#]],
    );
}

/// The page of formats: each example is read as what it stands for, and counted as the page says.
#[test]
fn the_page_of_formats_tells_the_truth() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/FORMATS.md"))
        .expect("a page");
    let mut seen = Vec::new();
    for section in page.split("\n## `").skip(1) {
        let name = section.split('`').next().expect("a name");
        let mut files: Vec<(String, String)> = Vec::new();
        let (mut path, mut fence) = (None, None::<String>);
        for line in section.lines() {
            match &fence {
                Some(marks) if line == marks => fence = None,
                Some(_) => files.last_mut().expect("a file").1.push_str(&format!("{line}\n")),
                None if line.starts_with("```") => {
                    fence = Some(line.chars().take_while(|c| *c == '`').collect());
                    files.push((path.take().expect("a path"), String::new()));
                }
                None => {
                    path = line
                        .strip_prefix('`')
                        .and_then(|rest| rest.strip_suffix('`'))
                        .map(str::to_owned)
                }
            }
        }
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let (text, ranges) = folder(&files);
        let parsed = parse(Input { text: &text, files: &ranges }, None, Deps::Format);
        assert_eq!(parsed.read_as.map(|found| found.format.name()), Some(name));
        let said = section
            .lines()
            .find_map(|line| line.strip_prefix("Read as: "))
            .expect("what it is read as");
        assert_eq!(parsed.counts().to_string(), said, "{name}: {:?}", parsed.problems);
        assert_eq!(parsed.errors().count(), 0, "{name}: {:?}", parsed.problems);
        seen.push(name);
    }
    assert_eq!(seen, Format::NAMES);
}
