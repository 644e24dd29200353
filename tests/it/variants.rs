//! The same formats as other people write them: other languages, wrapped lines, older and newer templates, half-done
//! and hand-edited files. Each in few lines: data in, data out.

use crate::reading::check;
use expect_test::expect;

#[test]
fn spec_kit_with_wrapped_lines_struck_tasks_and_words_in_its_section() {
    check(
        &[(
            "specs/001-x/tasks.md",
            "# Tasks: X\n\n## Phase 1: Setup\n\n- [ ] T001 Make `tool/a.sh`, wrapping\n      what there is (depends\n  on T004). Then more\n- [ ] T002 [P] Add b — Depends on: T001\n- [ ] T003 [P] c **Depends on**: T001, T002.\n  Say why in the docs.\n- [x] ~~T004 [BLOCKER] d~~\n- [ ] ~~T005 e~~\n- [ ] **T006** — f; requires nothing, after lunch\n\n## Dependencies\n\n- Layer B: T005 after T001/T002; T006 requires T003.\n- T006 依赖 T002（类型）\n",
        )],
        expect![[r#"
            spec-kit, certain: 6 tasks (1 done), 8 edges, 1 group
            spec-kit: X
            [Phase 1] Setup
              T001 Make `tool/a.sh`, wrapping what there is (depends on T004). Then more ← T004
              T002 Add b — Depends on: T001 ← T001
              T003 c Depends on: T001, T002. Say why in the docs. ← T001, T002
              T004 [BLOCKER] d Done
              T005 e ← T001, T002, (T004) Skipped
              T006 f; requires nothing, after lunch ← T003, T002, (T005)
            4 can be written back
        "#]],
    );
}

#[test]
fn kiro_with_fields_behind_titles_on_parents_and_struck_parts() {
    check(
        &[(
            ".kiro/specs/x/tasks.md",
            "# Implementation Plan\n\n- [ ] 1. One\n- [ ] 1.1 a\n  _Requirements: 1.1_\n  _Boundary: src/a_\n  _Depends: 1.2_\n- [x] ~~1.2 given up~~ **取り下げ**\n- [ ] **2. Two**\n  _Dependencies: タスク1完了_\n- [ ] 2.1 b _Requirements: 2.1_\n- [ ] 2.2 c _Requirements: 2.2_ _Depends: 1.2_\n",
        )],
        expect![[r#"
            kiro, certain: 2 tasks (0 done), 4 sub-tasks (1 done), 3 edges, 0 groups
            kiro: 
            [1] One
              1.1 a ← 1.2
              1.2 given up 取り下げ Done
            [2] Two ← [1]
              2.1 b
              2.2 c ← 1.2, (2.1)
            3 can be written back
        "#]],
    );
}

#[test]
fn openspec_with_groups_of_the_third_level_and_ids_in_bold() {
    check(
        &[(
            "openspec/changes/x/tasks.md",
            "# Tasks\n\n## 任务列表\n\n### 阶段 1: 基础\n- [ ] **T1.1** 建立\n- [ ] **T1.2** 测试\n\n### 阶段 2: 其他\n- [ ] **2.1** 完成\n",
        )],
        expect![[r#"
            openspec, certain: 3 tasks (0 done), 0 edges, 2 groups
            openspec: 
            [阶段 1: 基础] 阶段 1: 基础
              T1.1 建立
              T1.2 测试 ← (T1.1)
            [阶段 2: 其他] 阶段 2: 其他 ← ([阶段 1: 基础])
              2.1 完成 ← (T1.2)
            3 can be written back
        "#]],
    );
}

#[test]
fn superpowers_whose_steps_say_how_it_stands() {
    check(
        &[(
            "docs/superpowers/plans/x.md",
            "# X Implementation Plan\n\n> REQUIRED SUB-SKILL: Use superpowers:executing-plans\n\n### Task 1: a\n\n- [x] **Step 1: test**\n- [x] **Step 2: code**\n\n### Task 2: b (DONE)\n\n- [ ] **Step 1: test**\n\n### Task 3: c\n\n**Status:** done\n\n- [x] **Step 1: test**\n- [ ] **Step 2: code**\n\n### Task 4: d PENDING\n\n- [x] **Step 1: test**\n\n### Task 5: e\n\n- [ ] **Step 1: test**\n\n### Success Criteria\n\n#### Metrics\n\n- [ ] it is fast\n",
        )],
        expect![[r#"
            superpowers, certain: 5 tasks (3 done), 8 sub-tasks (4 done, 1 criteria), 0 edges, 0 groups
            superpowers: X
              1 a +2 Done
              2 b (DONE) ← (1) +1 Done
              3 c ← (2) +2 Done
              4 d PENDING ← (3) +1
              5 e ← (4) +1
            21:1 Info all-ticked: all that 4 has to tick is ticked, but 4 itself is open: say that it is done if it is
            0 can be written back
        "#]],
    );
    check(
        &[(
            "docs/plans/flat.md",
            "# Flat\n\n> REQUIRED SUB-SKILL: Use superpowers:executing-plans\n\n## Tasks\n\n- [x] one\n- [ ] two\n",
        )],
        expect![[r#"
            task-list, a guess: 2 tasks (1 done), 0 edges, 1 group
            task-list: Flat
            [Tasks] Tasks
              1 one Done
              2 two ← (1)
            1 can be written back
        "#]],
    );
}

#[test]
fn bmad_in_other_spellings() {
    check(
        &[(
            "docs/epics.md",
            "# X - Epic Breakdown\n\n## EPIC 1: Base\n\n**Story 1.1: Set up**\n\nAs somebody.\n\n**Prerequisites:** None\n\n**Story 1.2: Build**\n\n**Prerequisites:** Story 1.1\n\n## Epic 2：更多\n\n**Story 2.1：结束**\n\n**Prerequisites:** Stories 1.1, 1.2\n",
        )],
        expect![[r#"
            bmad, likely: 3 tasks (0 done), 3 edges, 2 groups
            bmad: X
            [Epic 1] Base
              1.1 Set up
              1.2 Build ← 1.1
            [Epic 2] 更多 ← ([Epic 1])
              2.1 结束 ← 1.1, 1.2
            0 can be written back
        "#]],
    );
    check(
        &[(
            "sprint-status.yaml",
            "development_status:\n  epic-0: in-progress\n  e0-1-runner: done\n  e0-2-check: backlog\n  epic-1: backlog\n  1-6a-adk-test: backlog\n  1-6b-more: backlog\n",
        )],
        expect![[r#"
            bmad, certain: 4 tasks (1 done), 0 edges, 2 groups
            bmad: 
            [Epic 0] Epic 0
              0.1 runner Done
              0.2 check ← (0.1)
            [Epic 1] Epic 1 ← ([Epic 0])
              1.6a adk test
              1.6b more ← (1.6a)
            3 can be written back
        "#]],
    );
    check(
        &[(
            "sprint-status.yaml",
            "sprint_id: x\nstories:\n  - id: \"1\"\n    title: one\n    status: done\n  - id: \"2\"\n    title: two\n    status: ready\n    depends_on:\n      - \"1\"\n",
        )],
        expect![[r#"
            bmad, certain: 2 tasks (1 done), 1 edge, 2 groups
            bmad: 
            [1] one
              1 one Done
            [2] two
              2 two ← 1
            1 can be written back
        "#]],
    );
}

#[test]
fn spec_kitty_by_its_own_template() {
    check(
        &[
            (
                "kitty-specs/001-x/tasks.md",
                "# Work Packages: X\n\n## Work Package WP01: Base (Priority: P0) ✅ COMPLETED\n\n### Included Subtasks\n- [x] T001 a\n\n### Dependencies\n- None (starting package)\n\n---\n\n## Work Package WP02: More (Priority: P1)\n\n### Included Subtasks\n- [ ] T002 b\n- [ ] T003 [P] c\n\n### Dependencies\n- Depends on WP01; can run in parallel with WP03.\n\n## Work Package WP03: Words (Priority: P1)\n\n**Dependencies**: [\"WP01\"]\n\n### Included Subtasks\nT004 Without a box.\n\n## Work Package WP04: End\n\n**Dependencies**: [\"WP02\", \"WP03\"]\n",
            ),
            (
                "kitty-specs/001-x/tasks/WP04-end.md",
                "---\nwork_package_id: WP04\ndependencies: []\nlane: planned\n---\n",
            ),
        ],
        expect![[r#"
            spec-kitty, certain: 4 tasks (1 done), 3 sub-tasks (1 done), 4 edges, 0 groups
            spec-kitty: X
              WP01 Base (Priority: P0) ✅ COMPLETED +1 Done
              WP02 More (Priority: P1) ← WP01 +2
              WP03 Words (Priority: P1) ← WP01 +1
              WP04 End ← WP02, WP03
            34:15 Warning two-truths: WP04 waits for other packages here than in the list: the list counts, as nothing stands here
            1 can be written back
        "#]],
    );
}

#[test]
fn gsd_with_phases_that_are_over_or_not_yet_planned() {
    check(
        &[
            (
                "ROADMAP.md",
                "# Roadmap: X\n\n## Phases\n\n- [x] **Phase 1: Old** (completed 2026-01-01)\n- [ ] **Phase 2: Now**\n- [ ] **Phase 3: Later** - some day\n\n### Phase 02: Now\n**Depends on**: Phase 1\nPlans:\n\n**Wave 1**\n- [ ] 02-01-PLAN.md — a\n- [ ] 02-02-PLAN.md — b\n\n**Wave 2** *(blocked on Wave 1)*\n- [ ] 02-03-PLAN.md — c\n- [x] 02-01-PLAN.md — a\n- [ ] 02-04: TBD\n\n### Phase 3: Later\n**Depends on**: Phase 2\n**Plans**: TBD\n",
            ),
            ("phases/02-now/02-02-SUMMARY.md", "# Done\n"),
        ],
        expect![[r#"
            gsd, certain: 4 tasks (2 done), 0 edges, 2 between groups, 2 groups
            gsd: X
            [Phase 02] Now ← [Phase 1]
              02-01 a Done
              02-02 b Done
              02-03 c
            [Phase 3] Later ← [Phase 02]
              Phase-3 Later
            [Phase 1] Old
            7:1 Warning no-plans: phase 3 has no plans yet: it is one task until it has
            15:1 Warning two-truths: plans are not ticked, but their summaries are there: they count as done: 02-02
            19:1 Info listed-again: plan 02-01 is listed again: it is one task
            20:1 Warning unread-work: this looks like work, and belongs to no task: it is carried out by nobody; put it below a task, or write it as one
            1 can be written back
        "#]],
    );
}

#[test]
fn beads_with_memories_doubles_and_children_of_tasks() {
    check(
        &[(
            "issues.jsonl",
            "{\"_type\":\"memory\",\"key\":\"k\",\"value\":\"v\"}\n{\"id\":\"x-0\",\"title\":\"zero\",\"status\":\"closed\",\"issue_type\":\"task\"}\n{\"id\":\"x-0\",\"title\":\"zero\",\"status\":\"closed\",\"issue_type\":\"task\"}\n{\"id\":\"x-1\",\"title\":\"one\",\"status\":\"open\",\"issue_type\":\"task\"}\n{\"id\":\"x-2\",\"title\":\"two\",\"status\":\"open\",\"issue_type\":\"feature\",\"dependencies\":[{\"issue_id\":\"x-2\",\"depends_on_id\":\"x-1\",\"type\":\"blocks\"}]}\n{\"id\":\"x-2.1\",\"title\":\"part\",\"status\":\"open\",\"issue_type\":\"task\",\"dependencies\":[{\"issue_id\":\"x-2.1\",\"depends_on_id\":\"x-2\",\"type\":\"parent-child\"}]}\n",
        )],
        expect![[r#"
            beads, certain: 4 tasks (1 done), 1 edge, 0 groups
            beads: 
              x-0 zero Done
              x-1 one
              x-2 two ← x-1
              x-2.1 part ← (x-1)
            3:1 Info listed-again: this line stands here a second time: it is one issue
            3 can be written back
        "#]],
    );
}

#[test]
fn task_master_with_other_keys_and_parts_that_wait_for_other_tasks() {
    check(
        &[(
            "tasks.json",
            "{\"tasks\":[{\"id\":1,\"name\":\"one\",\"description\":\"why\",\"status\":\"done\",\"depends_on\":[9]},{\"id\":2,\"title\":\"two\",\"status\":\"pending\",\"dependencies\":[],\"subtasks\":[{\"id\":1,\"title\":\"a\",\"status\":\"pending\",\"dependencies\":[]},{\"id\":2,\"title\":\"b\",\"status\":\"pending\",\"dependencies\":[1,\"1.1\"]}]}]}",
        )],
        expect![[r#"
            task-master, certain: 2 tasks (1 done), 2 sub-tasks (0 done), 2 edges, 1 group
            task-master: 
            [master] master
              1 one Done !it waits for `9`, which does not exist
              2 two ← 1 +2
            1:82 Warning unknown-reference: unknown reference `9`
            1:272 Warning sub-task-reference: `1.1` is no sub-task of task 2: the whole of task 2 waits for task 1
            1 can be written back
        "#]],
    );
    check(
        &[(".taskmaster/tasks/tasks.json", "{\"master\":{\"tasks\":[],\"metadata\":{}}}")],
        expect![[r#"
        task-master, likely: 0 tasks (0 done), 0 edges, 0 groups
        task-master: 
        1:1 Error no-tasks: there is no task in it: it is read as task-master, in which tasks are objects in lists `tasks`, with an id, a status and dependencies; --input-format says otherwise
        0 can be written back
    "#]],
    );
}

#[test]
fn streams_with_conditions_in_headings_waves_and_boxes_as_status() {
    check(
        &[(
            "11-analysis.md",
            "---\nissue: 11\nstreams: 3\n---\n\n### Stream A: Base (Independent)\n**Can Start Immediately**: Yes\n\n### Stream B: Tokens (Depends on Stream A)\n**Dependencies**: Requires Stream A completion, Task 24\n**Can Start Immediately**: No\n\n### Stream C: Tests (Depends on all above)\n**Files**: `a.rs`\n",
        )],
        expect![[r#"
            streams, certain: 3 tasks (0 done), 3 edges, 3 groups
            streams: 
            [A] Base (Independent)
              A Base (Independent)
            [B] Tokens
              B Tokens ← [A]
            [C] Tests
              C Tests ← A, B
            10:49 Info external-dependency: `Task` is no task here: it is kept as something needed from outside and blocks nothing
            10:54 Info external-dependency: `Task 24` is no task here: it is kept as something needed from outside and blocks nothing
            0 can be written back
        "#]],
    );
    check(
        &[(
            "tasks.md",
            "# Tasks\n\n## Wave 1\n\n- **Depends On**: None\n\n### Task 1.1: a\n\n- **Dependencies**: None\n- **Status**: [x] complete\n\n## Wave 2\n\n- **Depends On**: Wave 1\n\n### Task 2.1: b\n\n- **Dependencies**: All tasks\n- **Status**: [ ] pending\n",
        )],
        expect![[r#"
            streams, certain: 2 tasks (1 done), 1 edge, 1 between groups, 2 groups
            streams: Tasks
            [Wave 1] Wave 1
              1.1 a Done
            [Wave 2] Wave 2 ← [Wave 1]
              2.1 b ← 1.1
            0 can be written back
        "#]],
    );
    check(
        &[(
            "PLAN.md",
            "# Plan\n\n## Phase 1: Base\n\n### Stream A: x\n**Dependencies**: None\n\n### Stream B: y\n**Dependencies**: Stream A directory structure\n\n## Phase 2: More\n\n### Stream C: z\n**Dependencies**: Phase 1 completion\n",
        )],
        expect![[r#"
            streams, likely: 3 tasks (0 done), 2 edges, 2 groups
            streams: Plan
            [Phase 1] Base
              A x
              B y ← A
            [Phase 2] More
              C z ← [Phase 1]
            0 can be written back
        "#]],
    );
    check(
        &[(
            "TODO.md",
            "# TODO\n\n### Step 1: ✅ Create\n- done\n\n### Step 2: [PENDING] Test\n- check\n\n### Step 3: Finish\n- end\n",
        )],
        expect![[r#"
            streams, likely: 3 tasks (1 done), 0 edges, 0 groups
            streams: TODO
              1 Create Done
              2 [PENDING] Test ← (1)
              3 Finish ← (2)
            0 can be written back
        "#]],
    );
}

#[test]
fn lists_that_look_like_other_formats() {
    check(
        &[(
            "plan.md",
            "# Plan\n\n### Phase 1: Base\n\n- [x] **Task 1: a**\n  - Dependencies: None\n- [ ] **Task 2: b**\n  - Dependencies: Task 1\n\n### Phase 2: More\n\n- [ ] **Task 3: c**\n- [ ] **Task 4: d**\n",
        )],
        expect![[r#"
            task-list, a guess: 4 tasks (1 done), 1 edge, 2 groups
            task-list: Plan
            [Phase 1] Base
              1 a Done
              2 b ← 1
            [Phase 2] More ← ([Phase 1])
              3 c ← (1), (2)
              4 d ← (3)
            3 can be written back
        "#]],
    );
    check(
        &[(
            "plan.md",
            "# Plan\n\n## Implementation Plan\n\n1. **One** ✅ COMPLETED\n   - Dependencies: None\n   - Status: COMPLETED - all of it\n\n2. **Two**\n   - Dependencies: Task 1\n",
        )],
        expect![[r#"
            breakdown-agent, likely: 2 tasks (1 done), 1 edge, 0 groups
            breakdown-agent-v1: Plan
              1 One Done
              2 Two ← 1
            0 can be written back
        "#]],
    );
    check(
        &[(
            "Aufgaben.md",
            "Aufgaben\n\n1. Eins:\n   1.1. [x] a\n   1.2. [] b\n2. []Zwei\n3. [x] Drei\n- ☑ **04 — Vier**\n[link]: [](x)\n- [](link)\n",
        )],
        expect![[r#"
            task-list, a guess: 1 task (1 done), 0 edges, 0 groups
            task-list: 
              1 Drei Done
            5:8 Warning malformed-box: this is no box, and so no task: write `- [ ] ` with the blanks →  [ ] 
            6:3 Warning malformed-box: this is no box, and so no task: write `- [ ] ` with the blanks →  [ ] 
            0 can be written back
        "#]],
    );
    check(
        &[(
            "CHECKLIST.md",
            "# C\n\n## Step 1: a\n- [ ] one\n\n## Step 2: b\n- [ ] two\n\n## ✅ Verification\n- [ ] all of it\n",
        )],
        expect![[r#"
            step-plan, likely: 3 tasks (0 done), 0 edges, 2 groups
            step-plan: C
              3 all of it ← (2), ([Step 2])
            [Step 1] a
              1 one
            [Step 2] b ← ([Step 1])
              2 two ← (1)
            3 can be written back
        "#]],
    );
}

#[test]
fn tables_in_other_words() {
    check(
        &[(
            "00-index.md",
            "# Map\n\n| ID | Task Name | Phase | Depends On | Status |\n|---|---|---|---|---|\n| **01** | [Base](./01-base.md) | 1 | - | Verified |\n| **02** | [More](./02-more.md) | 1 | 01 | NEEDS-PLAYTEST |\n",
        )],
        expect![[r#"
            feature-docs, certain: 2 tasks (1 done), 1 edge, 0 groups
            feature-docs: Map
              01 Base Done
              02 More ← 01
            6:44 Warning unknown-value: `NEEDS-PLAYTEST` is no status that is known here: it is read as still to be done
            1 can be written back
        "#]],
    );
    check(
        &[(
            "ROADMAP.md",
            "# R\n\n| PR | 내용 | 의존성 |\n|---|---|---|\n| #5 | 기반 | - |\n| #6 | 확장 `a|b` | PR #5 |\n",
        )],
        expect![[r#"
            index-table, likely: 2 tasks (0 done), 1 edge, 0 groups
            index-table: R
              5 기반
              6 확장 `a|b` ← 5
            0 can be written back
        "#]],
    );
}

#[test]
fn backlog_in_its_own_words_and_one_file_of_a_folder() {
    check(
        &[
            (
                "config.yml",
                "project_name: X\nstatuses: [\"to do\", \"ready for agent\", \"all-done\"]\n",
            ),
            (
                "tasks/b-1 - a.md",
                "---\nid: B-1\ntitle: a\nstatus: ready-for-agent\ndependencies: []\ncreated_date: x\n---\n",
            ),
            (
                "tasks/b-2 - b.md",
                "---\nid: B-2\ntitle: b\nstatus: All Done\ndependencies: [B-9]\ncreated_date: x\n---\n",
            ),
        ],
        expect![[r#"
            backlog, certain: 2 tasks (1 done), 1 edge, 0 groups
            backlog: X
              B-1 a
              B-2 b Done !it waits for `B-9`, which does not exist
            14:16 Warning unknown-reference: unknown reference `B-9`
            1 can be written back
        "#]],
    );
    check(
        &[(
            "b-1 - a.md",
            "---\nid: B-1\ntitle: a\nstatus: To Do\ndependencies: [B-2]\ncreated_date: x\n---\n",
        )],
        expect![[r#"
            backlog, certain: 1 task (0 done), 1 edge, 0 groups
            backlog: 
              B-1 a !it waits for `B-2`, which does not exist
            5:16 Error unknown-reference: unknown reference `B-2`: this is one file of a folder: give the folder, and it is known
            1 can be written back
        "#]],
    );
}

#[test]
fn headings_with_boxes_and_marks_of_the_encoding() {
    check(
        &[(
            "tasks.md",
            "\u{feff}## [x] Task 1: a\n\n- **Priority**: high\n- **Depends On**: None\n\n## [/] Task 2: b\n\n- **Depends On**: Task 1 # why\n\n## ✅ Task 3: c\n\n- **Depends On**: Task 1\n\n### Task A4: d\n\n**Dependencies**：A3, Streams A-B\n",
        )],
        expect![[r#"
            streams, certain: 4 tasks (2 done), 4 edges, 0 groups
            streams: 
              1 a Done
              2 b ← 1
              3 c ← 1 Done
              A4 d !it waits for `A3`, which does not exist
            16:18 Error unknown-reference: unknown reference `A3`: did you mean task 3? → 3
            16:30 Error unknown-reference: unknown reference `A-B`
            1 can be written back
        "#]],
    );
    check(
        &[("TODO.md", "\u{feff}- [ ] a\n- [X] b\n")],
        expect![[r#"
        task-list, a guess: 2 tasks (1 done), 0 edges, 0 groups
        task-list: 
          1 a
          2 b ← (1) Done
        1 can be written back
    "#]],
    );
}

#[test]
fn sections_of_lists_say_what_waits() {
    check(
        &[(
            "tasks.md",
            "# Tasks\n\n- [ ] Task 1: a\n- [ ] Task 2：二\n- [ ] <!-- c --> Task 3: c\n- [ ] Task 4: d\n\n# Task Dependencies\n\n- [Task 1] 依赖 [Task 2]（类型）\n- Task 3 depends on Task 1 and Task 2. Task 4 → Task 3\n- [Task 2-3] are easy\n",
        )],
        expect![[r#"
            task-list, a guess: 4 tasks (0 done), 4 edges, 1 group
            task-list: 
            [Tasks] Tasks
              1 a ← 2
              2 二
              3 c ← 1, 2, 4
              4 d ← (2)
            4 can be written back
        "#]],
    );
    check(
        &[("T.md", "# One\n\n- [ ] a\n\n# Two\n\n- [x] b\n- [x] c\n")],
        expect![[r#"
        task-list, a guess: 3 tasks (2 done), 0 edges, 2 groups
        task-list: One
        [One] One
          1 a
        [Two] Two
          2 b ← (1) Done
          3 c ← (2) Done
        1 can be written back
    "#]],
    );
    check(
        &[(
            "T.md",
            "# T\n\n- [ ] one\n- [ ] T001 two\n\n1. [ ] **three** of them\n2. [ ] **four**: more\n",
        )],
        expect![[r#"
            spec-kit, likely: 1 task (0 done), 1 sub-task (0 done, 1 criteria), 0 edges, 1 group
            spec-kit: T
            [T] T
              T001 two
            3:1 Warning unread-work: this looks like work, and belongs to no task: it is carried out by nobody; put it below a task, or write it as one
            6:1 Warning unread-work: these 2 lines look like work, and belong to no task: they are carried out by nobody; put it below a task, or write it as one
            1 can be written back
        "#]],
    );
}

#[test]
fn streams_in_ranges_and_beside_each_other() {
    check(
        &[(
            "1-analysis.md",
            "---\nissue: 1\nstreams: 4\n---\n\n### Stream A: a\n**Can Start**: immediately\n\n### Stream B: b\n**Can Start**: immediately (parallel with Stream A)\n\n### Stream C: c\n**Can Start**: after Stream A completes\n**Status**: ⬜ Pending\n\n### Stream D: d\n**Dependencies**: Streams A-C\n**Status**: 🟢 Complete\n",
        )],
        expect![[r#"
            streams, certain: 4 tasks (1 done), 4 edges, 4 groups
            streams: 
            [A] a
              A a
            [B] b
              B b
            [C] c
              C c ← [A]
            [D] d
              D d ← [A], [B], [C] Done
            0 can be written back
        "#]],
    );
}

#[test]
fn plans_in_other_languages() {
    check(
        &[(
            "docs/plans/x.md",
            "# 计划\n\n> 必需子技能：使用 superpowers:executing-plans\n\n### 任务 1：一\n\n- [x] **步骤 1：测试**\n\n### 任务2：二\n\n**依赖**：任务 1\n\n- [ ] **步骤 1：测试**\n",
        )],
        expect![[r#"
            superpowers, certain: 2 tasks (1 done), 2 sub-tasks (1 done), 0 edges, 0 groups
            superpowers: 计划
              1 一 +1 Done
              2 二 ← (1) +1
            0 can be written back
        "#]],
    );
    check(
        &[(
            "specs/1/tasks.md",
            "# Tasks\n\n## Phase 1: Base\n\n- [ ] T001 a\n- [ ] T002 b (depende de T001)\n- [ ] T003 c (зависит от T001, T002)\n- [ ] T004 d (blocked by T003)\n",
        )],
        expect![[r#"
            spec-kit, certain: 4 tasks (0 done), 4 edges, 1 group
            spec-kit: Tasks
            [Phase 1] Base
              T001 a
              T002 b (depende de T001) ← T001
              T003 c (зависит от T001, T002) ← T001, T002
              T004 d (blocked by T003) ← T003
            4 can be written back
        "#]],
    );
    check(
        &[(
            "docs/tasks/00-index.md",
            "# Índice\n\n| Ordem | Arquivo | Objetivo | Dependencias |\n|---|---|---|---|\n| 01 | base.md | x | nenhuma |\n| 02 | mais.md | y | 01 |\n",
        )],
        expect![[r#"
            feature-docs, certain: 2 tasks (0 done), 1 edge, 0 groups
            feature-docs: Índice
              01 base.md
              02 mais.md ← 01
            0 can be written back
        "#]],
    );
}

#[test]
fn spec_kit_with_tasks_as_headings_and_phases_below_a_section() {
    check(
        &[(
            "specs/012-x/tasks.md",
            "# Tasks: X\n\n## Task Breakdown\n\n### Phase 1: Setup\n\n#### T001 [P] [DONE] Remove\n\n#### T002 [US1] Add [X]\n\n### Phase 2: Rest\n\n#### T003 More\n\n- **Status**: [x] Completed\n\n#### T004 Last\n",
        )],
        expect![[r#"
            spec-kit, certain: 4 tasks (3 done), 0 edges, 2 groups
            spec-kit: X
            [Phase 1] Setup
              T001 Remove Done
              T002 Add ← (T001) Done
            [Phase 2] Rest ← ([Phase 1])
              T003 More Done
              T004 Last ← (T003)
            0 can be written back
        "#]],
    );
}

#[test]
fn openspec_with_letters_in_numbers() {
    check(
        &[(
            "openspec/changes/x/tasks.md",
            "## 4. Core\n\n- [ ] 4a.1 one\n- [ ] 4a.2 two\n- [x] 4B.0 three\n",
        )],
        expect![[r#"
            openspec, certain: 3 tasks (1 done), 0 edges, 1 group
            openspec: 
            [4] Core
              4a.1 one
              4a.2 two ← (4a.1)
              4B.0 three ← (4a.2) Done
            2 can be written back
        "#]],
    );
}

#[test]
fn epics_within_epics_and_what_is_no_work() {
    let line = |id: &str, kind: &str, status: &str, rest: &str| {
        format!(
            "{{\"id\":\"{id}\",\"title\":\"{id}\",\"status\":\"{status}\",\"issue_type\":\"{kind}\"{rest}}}\n"
        )
    };
    let text = [
        line("e", "epic", "open", ""),
        line("e.1", "epic", "open", ""),
        line("e.1.1", "task", "open", ""),
        line("e.1.1.1", "task", "open", ""),
        line("e.2", "task", "closed", ""),
        line(
            "t",
            "task",
            "open",
            ",\"dependencies\":[{\"issue_id\":\"t\",\"depends_on_id\":\"e\",\"type\":\"blocks\"}]",
        ),
        line("g", "gate", "open", ""),
        line("m", "molecule", "open", ""),
        line("p", "task", "pinned", ""),
    ]
    .concat();
    check(
        &[("issues.jsonl", &text)],
        expect![[r#"
            beads, certain: 9 tasks (1 done), 1 edge, 2 groups
            beads: 
              t t ← [e], ([e.1])
              g g !it is a gate of beads: what it waits for is told there, by closing it
              m m Skipped
              p p Skipped
            [e] e
              e.2 e.2 Done
            [e.1] e.1
              e.1.1 e.1.1
              e.1.1.1 e.1.1.1
            3 can be written back
        "#]],
    );
}

#[test]
fn of_two_files_with_one_id_neither_is_meant() {
    let task = |id: &str, status: &str, on: &str| {
        format!(
            "---\nid: {id}\ntitle: {id} {status}\nstatus: {status}\ndependencies: [{on}]\ncreated_date: x\n---\n"
        )
    };
    check(
        &[
            ("config.yml", "project_name: X\n"),
            ("tasks/t-12 - a.md", &task("t-12", "Done", "")),
            ("tasks/t-12 - b.md", &task("t-12", "To Do", "")),
            ("tasks/t-14 - c.md", &task("t-14", "To Do", "t-12")),
        ],
        expect![[r#"
            backlog, certain: 3 tasks (1 done), 0 edges, 0 groups
            backlog: X
              t-12@tasks/t-12 - a.md:3 t-12 Done Done
              t-12@tasks/t-12 - b.md:3 t-12 To Do
              t-14 t-14 To Do !t-12 is the id of several tasks: say which one
            11:8 Error duplicate-id: task t-12 was defined in tasks/t-12 - a.md already: give it an id of its own
            20:16 Error ambiguous-reference: t-12 is the id of several tasks: say which one
            2 can be written back
        "#]],
    );
}

#[test]
fn roadmaps_whose_phases_have_boxes_or_say_how_they_stand() {
    check(
        &[(
            ".planning/ROADMAP.md",
            "# Roadmap\n\n## Phase 1: Base\n\n- [x] Audit\n- [x] Set up\n\n## Phase 2: More\n**Status:** Complete (2026-05-02)\n\n## Phase 3: Rest ✅\n\n## Phase 4: End\n**Depends on**: Phase 2\n- [ ] Ship\n\n## Phase 5: Beyond\n",
        )],
        expect![[r#"
            gsd, likely: 5 tasks (3 done), 3 sub-tasks (2 done), 0 edges, 1 between groups, 5 groups
            gsd: 
            [Phase 1] Base
              Phase-1 Base +2 Done
            [Phase 2] More ← ([Phase 1])
              Phase-2 More Done
            [Phase 3] Rest ← ([Phase 2])
              Phase-3 Rest Done
            [Phase 4] End ← [Phase 2]
              Phase-4 End +1
            [Phase 5] Beyond ← ([Phase 4])
              Phase-5 Beyond
            0 can be written back
        "#]],
    );
    check(
        &[
            ("ROADMAP.md", "# Roadmap\n\n- [ ] **Phase 0: Base**\n\n### Phase 0: Base\n"),
            ("phases/00-foundation/01-PLAN.md", "---\nwave: 1\n---\n<objective>a</objective>\n"),
            (
                "phases/00-foundation/02-PLAN.md",
                "---\nwave: 2\ndepends_on:\n  - .planning/phases/00-foundation/01-PLAN.md\n---\n<objective>b</objective>\n",
            ),
        ],
        expect![[r#"
            gsd, certain: 2 tasks (0 done), 1 edge, 1 group
            gsd: 
            [Phase 0] Base
              00-01 a
              00-02 b ← 00-01
            0 can be written back
        "#]],
    );
}

#[test]
fn stories_with_tasks_as_headings_and_keys_that_are_no_stories() {
    check(
        &[(
            "story.md",
            "# Story 51.5: X\n\n## Status: done\n\n## Tasks / Subtasks\n\n### Task 1: a\n\n- [x] one\n\n### Task 2: b\n\n- [ ] two\n",
        )],
        expect![[r#"
            bmad, certain: 2 tasks (1 done), 2 sub-tasks (1 done), 0 edges, 0 groups
            bmad: Story 51.5: X
              1 a +1 Done
              2 b ← (1) +1
            3:1 Warning two-truths: the story's status is `done`, but 1 of its tasks are open: the boxes count
            0 can be written back
        "#]],
    );
    check(
        &[(
            "sprint-status.yaml",
            "development_status:\n  epic-1: in-progress\n  1-1-a: done\n  epic-1-retro-item-1-look: open\n  orphan-entry: backlog\n  1-3-x: {status: done, title: x}\n",
        )],
        expect![[r#"
            bmad, certain: 4 tasks (2 done), 0 edges, 1 group
            bmad: 
              epic-1-retro-item-1-look epic 1 retro item 1 look
              orphan-entry orphan entry ← (epic-1-retro-item-1-look)
            [Epic 1] Epic 1
              1.1 a Done
              1.3 x Done
            2 can be written back
        "#]],
    );
    check(
        &[(
            "s.md",
            "# Story 1.1: X\n\n## Status\nReady for Review\n\n## 任务 / 子任务\n\n- [x] 1. a\n  - [x] 1.1 b\n",
        )],
        expect![[r#"
            bmad, certain: 1 task (1 done), 1 sub-task (1 done), 0 edges, 1 group
            bmad: Story 1.1: X
            [任务 / 子任务] 任务 / 子任务
              1 a +1 Done
            0 can be written back
        "#]],
    );
}

#[test]
fn sentences_of_a_section_one_by_one() {
    check(
        &[(
            "specs/001-x/tasks.md",
            "# Tasks: X\n\n## Phase 1: a\n\n- [ ] T001 a\n- [ ] T002 b\n- [ ] T003 c\n- [ ] T004 d\n- [ ] T005 e\n- [ ] T006 f\n\n## Dependencies\n\n### Phase Dependencies\n\n- **Backend**: T003 depends on T002. T004 depends on T003 (why; T001), T005 depends on T001.\n- T001 (x).T002 needs T001\n- T004 before T005 before T006; the US1 gate is after T002\n- T006 depends on T002 (Handshakes),\n  and T003. T001 and T002 are parallel\n- **US2**: can be tested independently\n",
        )],
        expect![[r#"
            spec-kit, certain: 6 tasks (0 done), 8 edges, 1 group
            spec-kit: X
            [Phase 1] a
              T001 a
              T002 b ← T001
              T003 c ← T002
              T004 d ← T003
              T005 e ← T001, T004
              T006 f ← T005, T002, T003
            6 can be written back
        "#]],
    );
}

#[test]
fn what_a_review_of_the_sentences_found() {
    check(
        &[(
            "specs/001-x/tasks.md",
            "# Tasks: X\n\n## Phase 1: a\n\n- [ ] T001 Add shading (deferred lighting)\n- [ ] T002 b (dependencies: T001)\n- [ ] T003 c (does not depend on T002)\n- [ ] T004 d. Dependencies: T001\n- [ ] T005 Remove it\n\n## Dependencies\n\n- T005 does not depend on T001\n- T002 depends on T001，T004 depends on T003\n- T001 blocks T002, T003 blocks T004\n\n## Phase 2: b\n\n- [ ] T006 needs T005\n\n## Dependencies of phase 2\nprose that says nothing\n",
        )],
        expect![[r#"
            spec-kit, certain: 6 tasks (0 done), 4 edges, 2 groups
            spec-kit: X
            [Phase 1] a
              T001 Add shading (deferred lighting)
              T002 b (dependencies: T001) ← T001
              T003 c (does not depend on T002) ← (T002)
              T004 d. Dependencies: T001 ← T001, T003
              T005 Remove it ← (T004)
            [Phase 2] b ← ([Phase 1])
              T006 needs T005 ← T005
            6 can be written back
        "#]],
    );
    check(
        &[(
            "T.md",
            "# T\n\n- [ ] 1.1 a\n- [ ] 1.2 b\n- [ ] 1.3 c\n- [ ] 1.4 d\n- [ ] 1.5 e\n  - Depends on: 1.1-1.3\n- [ ] 1.6 f\n  - Depends on: 1.1 in parallel with 1.2\n- [ ] 1.7 g\n  - Depends on: Task 1.1 - 3D renderer, 1.2 but not 1.3\n",
        )],
        expect![[r#"
            task-list, a guess: 7 tasks (0 done), 6 edges, 0 groups
            task-list: T
              1.1 a
              1.2 b ← (1.1)
              1.3 c ← (1.2)
              1.4 d ← (1.3)
              1.5 e ← 1.1, 1.2, 1.3
              1.6 f ← 1.1
              1.7 g ← 1.1, 1.2
            7 can be written back
        "#]],
    );
    check(
        &[(
            "s.md",
            "# S\n\n### Task 1: a\n**Status**: Done except tests\n\n### Task 2: b\n**Status**: Verified: no\n**Depends on**: Task 1\n\n### Task 3: Hide items (closed tickets)\n**Status**: TODO\n**Depends on**: nothing\n",
        )],
        expect![[r#"
            streams, certain: 3 tasks (0 done), 1 edge, 0 groups
            streams: S
              1 a
              2 b ← 1
              3 Hide items (closed tickets)
            1 can be written back
        "#]],
    );
    check(
        &[(
            ".planning/ROADMAP.md",
            "# R\n\n### Phase 1: p\n- [ ] 01-01-PLAN.md — x (Wave 4294967295)\n- [ ] 01-02-PLAN.md — y\n",
        )],
        expect![[r#"
            gsd, certain: 2 tasks (0 done), 0 edges, 1 group
            gsd: R
            [Phase 1] p
              01-01 x (Wave 4294967295)
              01-02 y
            4:1 Info unordered: 2 tasks say nothing of what they wait for and nothing waits for them: they may run first and at once (01-01, 01-02); --deps order keeps all tasks in line
            2 can be written back
        "#]],
    );
    check(
        &[(
            "issues.jsonl",
            "{\"id\":\"a\",\"title\":\"a\",\"status\":\"open\",\"issue_type\":\"task\",\"dependencies\":[{\"issue_id\":\"a\",\"depends_on_id\":\"\u{212a}1\",\"type\":\"blocks\"}]}\n",
        )],
        expect![[r#"
            beads, certain: 1 task (0 done), 1 edge, 0 groups
            beads: 
              a a !it waits for `K1`, which does not exist
            1:108 Error unknown-reference: unknown reference `K1`
            1 can be written back
        "#]],
    );
}

#[test]
fn what_is_written_of_many_is_kept_whatever_order_is_asked_for() {
    use execution_coordinator::breakdown::{Deps, Format, parse};
    let tasks: String = (1..=300).map(|nth| format!("- [ ] T{nth:03} do\n")).collect();
    let text = format!(
        "# Tasks: X\n\n## Phase 1: a\n\n{tasks}\n## Dependencies\n\n- T101-T300 depend on T001-T100\n"
    );
    for deps in [Deps::Format, Deps::Explicit, Deps::Order, Deps::Phase] {
        let parsed = parse(&text, Some(Format::SpecKit), deps);
        assert_eq!(parsed.counts().edges, 200 * 100, "{deps:?}");
    }
}

/// Each of the words for what waits is found in a title, in whatever format.
#[test]
fn titles_wait_in_other_languages_too() {
    check(
        &[(
            "plan.md",
            "# Plan\n\n- [ ] 1. Ende\n- [ ] 2. Eins (hängt ab von 1)\n- [ ] 3. Deux (dépend de 1)\n- [ ] 4. Три (зависит от 1)\n- [ ] 5. 五 (依赖 1)\n- [ ] 6. Six (deps: 1)\n- [ ] 7. Siete (depende de 1)\n",
        )],
        expect![[r#"
            task-list, a guess: 7 tasks (0 done), 6 edges, 0 groups
            task-list: Plan
              1 Ende
              2 Eins (hängt ab von 1) ← 1
              3 Deux (dépend de 1) ← 1
              4 Три (зависит от 1) ← 1
              5 五 (依赖 1) ← 1
              6 Six (deps: 1) ← 1
              7 Siete (depende de 1) ← 1
            7 can be written back
        "#]],
    );
}
