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
              T001 Make `tool/a.sh`, wrapping ← T004
              T002 Add b — Depends on: T001 ← T001
              T003 c Depends on: T001, T002. ← T001, T002
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
              2.1 完成
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
            superpowers, certain: 5 tasks (3 done), 8 sub-tasks (4 done), 0 edges, 0 groups
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
        &[("docs/plans/flat.md", "# Flat\n\n> REQUIRED SUB-SKILL: Use superpowers:executing-plans\n\n## Tasks\n\n- [x] one\n- [ ] two\n")],
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
            ("kitty-specs/001-x/tasks/WP04-end.md", "---\nwork_package_id: WP04\ndependencies: []\nlane: planned\n---\n"),
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
            gsd, certain: 5 tasks (2 done), 0 edges, 2 between groups, 2 groups
            gsd: X
            [Phase 02] Now ← [Phase 1]
              02-01 a Done
              02-02 b Done
              02-03 c
              02-04 TBD !it is a template that was not filled in
            [Phase 3] Later ← [Phase 02]
              Phase-3 Later
            [Phase 1] Old (completed 2026-01-01)
            7:1 Warning no-plans: phase 3 has no plans yet: it is one task until it has
            15:1 Warning two-truths: plan 02-02 is not ticked, but phases/02-now/02-02-SUMMARY.md is there: it counts as done
            19:1 Info listed-again: plan 02-01 is listed again: it is one task
            20:1 Error placeholder: task 02-04 is a template that was not filled in (`TBD`): write what it is, or remove it
            2 can be written back
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
            task-master, a guess: 2 tasks (1 done), 2 sub-tasks (0 done), 2 edges, 1 group
            task-master: 
            [master] master
              1 one Done !it waits for `9`, which does not exist
              2 two ← 1 +2
            1:82 Warning unknown-reference: `9` is nothing that this breakdown has
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
        &[("TODO.md", "# TODO\n\n### Step 1: ✅ Create\n- done\n\n### Step 2: [PENDING] Test\n- check\n\n### Step 3: Finish\n- end\n")],
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
            [Phase 2] More
              3 c
              4 d
            12:1 Info unordered: 2 tasks say nothing of what they wait for: they may run at once; --deps order keeps them in line
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
        &[("CHECKLIST.md", "# C\n\n## Step 1: a\n- [ ] one\n\n## Step 2: b\n- [ ] two\n\n## ✅ Verification\n- [ ] all of it\n")],
        expect![[r#"
            step-plan, likely: 3 tasks (0 done), 0 edges, 2 groups
            step-plan: C
              3 all of it ← ([Step 2])
            [Step 1] a
              1 one
            [Step 2] b ← ([Step 1])
              2 two
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
        &[("ROADMAP.md", "# R\n\n| PR | 내용 | 의존성 |\n|---|---|---|\n| #5 | 기반 | - |\n| #6 | 확장 `a|b` | PR #5 |\n")],
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
            ("config.yml", "project_name: X\nstatuses: [\"to do\", \"ready for agent\", \"all-done\"]\n"),
            ("tasks/b-1 - a.md", "---\nid: B-1\ntitle: a\nstatus: ready-for-agent\ndependencies: []\ncreated_date: x\n---\n"),
            ("tasks/b-2 - b.md", "---\nid: B-2\ntitle: b\nstatus: All Done\ndependencies: [B-9]\ncreated_date: x\n---\n"),
        ],
        expect![[r#"
            backlog, certain: 2 tasks (1 done), 1 edge, 0 groups
            backlog: X
              B-1 a
              B-2 b Done !it waits for `B-9`, which does not exist
            14:16 Warning unknown-reference: `B-9` is nothing that this breakdown has
            1 can be written back
        "#]],
    );
    check(
        &[("b-1 - a.md", "---\nid: B-1\ntitle: a\nstatus: To Do\ndependencies: [B-2]\ncreated_date: x\n---\n")],
        expect![[r#"
            backlog, certain: 1 task (0 done), 1 edge, 0 groups
            backlog: 
              B-1 a !it waits for `B-2`, which does not exist
            5:16 Error unknown-reference: `B-2` is nothing that this breakdown has: this is one file of a folder: give the folder, and it is known
            1 can be written back
        "#]],
    );
}
