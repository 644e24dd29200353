//! Kinds of faults in reading, each with what comes out: nothing is lost without a word, be it a task, its order or a mark.

use crate::reading::check;
use crate::support::Workspace;
use expect_test::expect;

#[test]
fn nested_parts_come_in_the_order_of_the_file() {
    check(
        &[(
            "plan.md",
            "# Launch\n\n- [ ] 5. Launch\n  - [ ] 5.1. Machines\n    - [ ] 5.1.1. Production\n    - [ ] 5.1.2. Monitoring\n  - [ ] 5.2. Deployment\n    - [ ] 5.2.1. Database\n  - [ ] 5.3. Go live\n  - [ ] 5.4. Look back\n- [ ] 6. Rest (depends on 5)\n",
        )],
        expect![[r#"
            kiro, likely: 4 tasks (0 done), 5 sub-tasks (0 done), 1 edge, 0 groups
            kiro: Launch
            [5] Launch
            [5.1] Machines ← ([5])
              5.1.1 Production
              5.1.2 Monitoring ← (5.1.1)
            [5.2] Deployment ← ([5.1])
              5.2.1 Database
            [5 (2)] Launch ← ([5.2])
              5.3 Go live
              5.4 Look back ← (5.3)
            [6] Rest (depends on 5) ← ([5 (2)])
              6 Rest (depends on 5) ← [5], ([5.1]), ([5.2]), ([5 (2)])
            6 can be written back
        "#]],
    );
}

#[test]
fn a_table_of_ids_adds_to_boxes_and_hides_none() {
    check(
        &[(
            "plan.md",
            "# Chart\n\n### Dependency Matrix\n\n| Task | Depends On | Blocks |\n|------|-----------|--------|\n| 1 | — | 2 |\n| 2 | 1 | 3 |\n| 3 | ALL | — |\n\n## TODOs\n\n- [x] 1. Fix the menu\n\n  **What to do**: remove Paste\n- [ ] 2. Draw\n- [ ] 3. Ship\n",
        )],
        expect![[r#"
            task-list, a guess: 3 tasks (1 done), 3 edges, 1 group
            task-list: Chart
            [TODOs] TODOs
              1 Fix the menu Done
              2 Draw ← 1
              3 Ship ← 1, 2
            2 can be written back
        "#]],
    );
}

#[test]
fn one_bold_number_hides_no_boxes() {
    check(
        &[(
            "plan.md",
            "# Pixels\n\n## Server\n\n### Phase 2a: Service\n\n1. Create it\n2. **NEW: Generate**\n\n## Phases\n\n### Phase 2a: Foundation\n- [x] Add it\n- [ ] Check it\n\n### Phase 2b: Endpoints\n- [ ] Add the endpoint\n",
        )],
        expect![[r#"
            task-list, a guess: 3 tasks (1 done), 0 edges, 1 group
            task-list: Pixels
            [Phases] Phases
              1 Add it Done
              2 Check it ← (1)
              3 Add the endpoint ← (2)
            2 can be written back
        "#]],
    );
}

#[test]
fn libraries_are_no_tasks_and_take_no_order_away() {
    check(
        &[(
            "story.md",
            "# Story\n\n### Task 1: Utilities\n- [ ] Write them\n\n### Task 2: Memoize\n- [ ] useMemo\n  - Dependencies: `minDate`, `maxDate`\n\n### Task 3: Validation\n- [ ] Run it\n",
        )],
        expect![[r#"
            streams, certain: 3 tasks (0 done), 3 sub-tasks (0 done), 0 edges, 0 groups
            streams: Story
              1 Utilities +1
              2 Memoize ← (1) +1
              3 Validation ← (2) +1
            8:20 Info external-dependency: `minDate` is no task here: it is kept as something needed from outside and blocks nothing
            8:31 Info external-dependency: `maxDate` is no task here: it is kept as something needed from outside and blocks nothing
            0 can be written back
        "#]],
    );
}

#[test]
fn boxes_of_other_headings_are_told() {
    check(
        &[(
            "plan.md",
            "# Backend\n\n## Phase 1: Meals\n\n### Endpoint A: Create\n- [ ] Route\n- [ ] Check\n\n### Task 1: Data\n- [ ] Remove\n\n### Task 2: Board\n- [ ] Widgets\n\n### Endpoint B: List\n- [ ] Pages\n",
        )],
        expect![[r#"
            superpowers, likely: 2 tasks (0 done), 5 sub-tasks (0 done, 3 criteria), 0 edges, 1 group
            superpowers: Backend
            [Phase 1] Meals
              1 Data +1
              2 Board ← (1) +1
            6:1 Warning unread-work: these 2 lines look like work, and belong to no task: they are carried out by nobody; put it below a task, or write it as one
            16:1 Warning unread-work: this looks like work, and belongs to no task: it is carried out by nobody; put it below a task, or write it as one
            0 can be written back
        "#]],
    );
}

#[test]
fn phases_follow_each_other_at_any_level() {
    check(
        &[(
            "plan.md",
            "# Shop\n\n## Phase 1: Setup\n\n1. **Create it**\n   - Cargo\n2. **Configure it**\n\n## Phase 2: Build\n\n3. **Implement it**\n\n## Phase 3: Release\n\n4. **Deploy**\n",
        )],
        expect![[r#"
            breakdown-agent, likely: 4 tasks (0 done), 0 edges, 3 groups
            breakdown-agent-v1: Shop
            [Phase 1] Setup
              1 Create it
              2 Configure it ← (1)
            [Phase 2] Build ← ([Phase 1])
              3 Implement it ← (2)
            [Phase 3] Release ← ([Phase 2])
              4 Deploy ← (3)
            0 can be written back
        "#]],
    );
}

#[test]
fn lanes_beside_each_other_keep_an_order_of_their_own() {
    check(
        &[(
            "plan.md",
            "# Shop\n\n### Stream A: Base\n\n1. **One**\n2. **Two**\n\n### Stream B: Rest\n\n3. **Three**\n4. **Four**\n   - Dependencies: Task 1\n5. **Five**\n",
        )],
        expect![[r#"
            breakdown-agent, certain: 5 tasks (0 done), 1 edge, 2 groups
            breakdown-agent-v1: Shop
            [A] Base
              1 One
              2 Two ← (1)
            [B] Rest
              3 Three
              4 Four ← 1
              5 Five ← (3), (4)
            0 can be written back
        "#]],
    );
}

#[test]
fn headings_without_dependencies_come_in_order() {
    check(
        &[(
            "tasks.md",
            "# Tasks\n\n## T1 — Add\n\nText.\n\n## T2 — Remove\n\nText.\n\n## T3 — Verify\n",
        )],
        expect![[r#"
        streams, likely: 3 tasks (0 done), 0 edges, 0 groups
        streams: Tasks
          T1 Add
          T2 Remove ← (T1)
          T3 Verify ← (T2)
        0 can be written back
    "#]],
    );
}

#[test]
fn what_is_said_behind_a_list_of_tasks_loses_none() {
    check(
        &[(
            "plan.md",
            "# Plan\n\n## Task 1 — Types\n\n- Dependencies: none\n- Independent: true\n\n## Task 2 — Reader\n\n- Dependencies: none\n- Independent: true\n\n## Task 3 — Join\n\n- Dependencies: Tasks 1, 2 parallel (both must finish)\n- Independent: false\n",
        )],
        expect![[r#"
            loom, certain: 3 tasks (0 done), 2 edges, 0 groups
            loom: 
              1 Types
              2 Reader
              3 Join ← 1, 2
            0 can be written back
        "#]],
    );
}

#[test]
fn titles_say_what_is_waited_for() {
    check(
        &[(
            "list.md",
            "# Shop\n\n- [ ] 1. Deploy (depends on Task 3)\n- [ ] 2. Types\n- [ ] 3. Reader\n  - Depends on: 2\n- [ ] 4. Docs (after 1)\n- [ ] 5. Party (after lunch)\n",
        )],
        expect![[r#"
            task-list, a guess: 5 tasks (0 done), 3 edges, 0 groups
            task-list: Shop
              1 Deploy (depends on Task 3) ← 3
              2 Types
              3 Reader ← 2
              4 Docs (after 1) ← 1
              5 Party (after lunch) ← (2), (3), (4)
            5 can be written back
        "#]],
    );
}

#[test]
fn titles_of_kiro_say_what_is_waited_for() {
    check(
        &[(
            ".kiro/specs/x/tasks.md",
            "# Implementation Plan\n\n- [ ] 1. (P) Deploy (depends on Task 2)\n  - _Requirements: 1.1_\n- [ ] 2. (P) Build\n  - _Requirements: 1.2_\n",
        )],
        expect![[r#"
            kiro, certain: 2 tasks (0 done), 1 edge, 0 groups
            kiro: 
              1 Deploy (depends on Task 2) ← 2
              2 Build
            2 can be written back
        "#]],
    );
}

#[test]
fn boxes_of_criteria_are_no_tasks() {
    check(
        &[(
            "plan.md",
            "# Plan\n\n## TODOs\n\n- [ ] 1. Write it\n\n## 🎯 Success Criteria\n\n### Final Checklist\n- [ ] All tests pass\n- [x] No errors\n- [ ] T9: Measure it\n\n## Phase 2: Validation\n\n- [ ] Try it\n",
        )],
        expect![[r#"
            task-list, a guess: 3 tasks (0 done), 2 sub-tasks (1 done, 2 criteria), 0 edges, 3 groups
            task-list: Plan
            [TODOs] TODOs
              1 Write it
            [Success Criteria] Success Criteria
              T9 Measure it ← (1)
            [Phase 2] Validation
              L16 Try it ← (T9)
            3 can be written back
        "#]],
    );
}

#[test]
fn fields_within_fields_say_what_is_waited_for() {
    check(
        &[(
            "plan.md",
            "# Sync\n\n## TODOs\n\n- [ ] 1. Sync\n\n  **Parallelization**: Can Parallel: NO | Wave 2 | Blocks: - | Blocked By: 2\n\n- [ ] 2. List\n\n  **Parallelization**: Can Parallel: YES | Wave 1 | Blocks: 1, 3 | Blocked By: -\n\n- [ ] 3. End\n",
        )],
        expect![[r#"
            task-list, a guess: 3 tasks (0 done), 2 edges, 1 group
            task-list: Sync
            [TODOs] TODOs
              1 Sync ← 2
              2 List
              3 End ← 2
            3 can be written back
        "#]],
    );
}

#[test]
fn json_names_dependencies_in_many_ways() {
    check(
        &[(
            "tasks.json",
            "{\"tasks\":[\n {\"id\":\"a1\",\"name\":\"Tokens\",\"status\":\"completed\",\"dependencies\":[]},\n {\"id\":\"a2\",\"name\":\"Toggle\",\"status\":\"pending\",\"dependencies\":[{\"taskId\":\"a1\"}]},\n {\"id\":\"a3\",\"name\":\"Persist\",\"status\":\"pending\",\"blockedBy\":[\"a2\"]},\n {\"id\":\"a4\",\"name\":\"Show\",\"status\":\"pending\",\"needs\":\"Persist\"},\n {\"id\":\"a5\",\"name\":\"Tell\",\"status\":\"pending\",\"prerequisites\":[{\"title\":\"Show\"}]}\n]}\n",
        )],
        expect![[r#"
            task-master, certain: 5 tasks (1 done), 4 edges, 1 group
            task-master: 
            [master] master
              a1 Tokens Done
              a2 Toggle ← a1
              a3 Persist ← a2
              a4 Show ← a3
              a5 Tell ← a4
            4 can be written back
        "#]],
    );
}

#[test]
fn a_title_is_no_task_where_slices_are() {
    check(
        &[(
            ".gsd/M001-ROADMAP.md",
            "# M001: Gaps\n\n## Slices\n\n- [x] **S01: Matrix** `risk:medium` `depends:[]`\n- [ ] **S03: Report** `risk:low` `depends:[S02]`\n- [ ] **S02: Try** `risk:high` `depends:[S01]`\n",
        )],
        expect![[r#"
            task-list, a guess: 3 tasks (1 done), 2 edges, 1 group
            task-list: M001: Gaps
            [Slices] Slices
              S01 Matrix `risk:medium` `depends:[]` Done
              S03 Report `risk:low` `depends:[S02]` ← S02
              S02 Try `risk:high` `depends:[S01]` ← S01
            2 can be written back
        "#]],
    );
}

#[test]
fn an_asterisk_at_the_end_of_a_title_is_emphasis() {
    check(
        &[(
            "tasks.md",
            "# Implementation Plan\n\n- [ ] 1. Write it\n  - _Requirements: 1.1_\n- [ ] 2. Rename it to *strict*\n  - _Requirements: 1.2_\n- [ ] 3. Use src/*\n  - _Requirements: 1.3_\n- [ ]* 4. Polish\n  - _Requirements: 1.4_\n",
        )],
        expect![[r#"
            kiro, certain: 4 tasks (0 done), 0 edges, 0 groups
            kiro: 
              1 Write it
              2 Rename it to *strict* ← (1)
              3 Use src/* ← (2)
              4 Polish ← (3) Skipped
            3 can be written back
        "#]],
    );
}

#[test]
fn what_has_only_optional_parts_is_a_task() {
    check(
        &[(
            "tasks.md",
            "# Implementation Plan\n\n- [x] 1. Set up\n  - Create it\n  - _Requirements: 1.1_\n- [ ] 2. Parse\n  - Write src/parser.rs\n  - _Requirements: 1.2_\n  - [ ]* 2.1 Test the parser\n    - _Requirements: 1.2_\n- [ ] 3. Write\n  - Write src/writer.rs\n  - [ ]* 3.1 Test the writer\n  - [ ] 3.2 Document the writer\n",
        )],
        expect![[r#"
            kiro, certain: 4 tasks (1 done), 2 sub-tasks (0 done), 0 edges, 0 groups
            kiro: 
            [1] Set up
              1 Set up +1 Done
              2 Parse ← (1) +1
              2.1 Test the parser ← (2) Skipped
            [3] Write ← ([1])
              3.1 Test the writer Skipped
              3.2 Document the writer ← (3.1)
            2 can be written back
        "#]],
    );
}

#[test]
fn wrapped_titles_are_joined() {
    check(
        &[(
            "list.md",
            "# Shop\n\n- [ ] Initialize it with (@a/logger, openai,\n      elevenlabs) and never commit the lock file\n- [ ] Delete the tables of the old\n      system only\n  - Run: true\n- [ ] Last\n\n  A paragraph.\n",
        )],
        expect![[r#"
            task-list, a guess: 3 tasks (0 done), 0 edges, 0 groups
            task-list: Shop
              1 Initialize it with (@a/logger, openai, elevenlabs) and never commit the lock file
              2 Delete the tables of the old system only ← (1)
              3 Last ← (2)
            3 can be written back
        "#]],
    );
}

#[test]
fn blanks_of_all_kinds_are_blanks() {
    check(
        &[(
            "list.md",
            "# X\n\n- [x] Alpha\n- [\u{a0}] Beta\n- [\u{3000}] Gamma\n- [\u{200b}] Delta\n- [ x] Epsilon\n- [x ] Zeta\n- [✔\u{fe0f}] Eta\n",
        )],
        expect![[r#"
            task-list, a guess: 7 tasks (4 done), 0 edges, 0 groups
            task-list: X
              1 Alpha Done
              2 Beta ← (1)
              3 Gamma ← (2)
              4 Delta ← (3)
              5 Epsilon ← (4) Done
              6 Zeta ← (5) Done
              7 Eta ← (6) Done
            3 can be written back
        "#]],
    );
}

#[test]
fn marks_are_read_or_told() {
    check(
        &[(
            "list.md",
            "# X\n\n- [x] One\n- [DONE] Two\n- [WIP] Three\n- [50%] Four\n- [100%] Five\n- [o] Six\n- [1] Seven\n- [❌] Eight\n- [P] Nine\n- [API] Ten\n- [Eleven](link.md)\n- [^1] Twelve\n- [skipped] Thirteen\n- [⏭] Fourteen\n- [] Fifteen\n",
        )],
        expect![[r#"
            task-list, a guess: 10 tasks (3 done), 0 edges, 0 groups
            task-list: X
              1 One Done
              2 Two ← (1) Done
              3 Three ← (2)
              4 Four ← (3)
              5 Five ← (4) Done
              6 Six ← (5)
              7 Seven ← (6)
              8 Eight ← (7)
              9 Thirteen ← (8) Skipped
              10 Fourteen ← (9) Deferred
            8:3 Warning unknown-mark: the mark `o` is read as not done: use a blank or `x`
            9:3 Warning unknown-mark: the mark `1` is read as not done: use a blank or `x`
            10:3 Warning unknown-mark: the mark `❌` is read as not done: use a blank or `x`
            11:1 Warning unread-work: this looks like work, and belongs to no task: it is carried out by nobody; put it below a task, or write it as one
            12:1 Warning unread-work: this looks like work, and belongs to no task: it is carried out by nobody; put it below a task, or write it as one
            17:2 Warning malformed-box: this is no box, and so no task: write `- [ ] ` with the blanks →  [ ] 
            5 can be written back
        "#]],
    );
}

#[test]
fn letters_are_marks_among_boxes_only() {
    check(
        &[("list.md", "# X\n\n- [a] A label\n- [b] Another\n\n## Tasks\n\n- [ ] One\n- [v] Two\n")],
        expect![[r#"
        task-list, a guess: 2 tasks (0 done), 0 edges, 1 group
        task-list: X
        [Tasks] Tasks
          1 One
          2 Two ← (1)
        9:3 Warning unknown-mark: the mark `v` is read as not done: use a blank or `x`
        2 can be written back
    "#]],
    );
}

#[test]
fn sections_on_dependencies_carry_signs_and_levels() {
    check(
        &[(
            "specs/1-x/tasks.md",
            "# Tasks: X\n\n## Phase 1: A\n\n- [ ] T001 [P] a\n- [ ] T002 [P] b\n- [ ] T003 [P] c\n\n### 🔗 Dependencies\n\n- T001 blocks T002\n- T002 blocks T003\n",
        )],
        expect![[r#"
            spec-kit, certain: 3 tasks (0 done), 2 edges, 1 group
            spec-kit: X
            [Phase 1] A
              T001 a
              T002 b ← T001
              T003 c ← T002
            3 can be written back
        "#]],
    );
}

#[test]
fn words_that_put_off_stand_at_the_end() {
    check(
        &[(
            "list.md",
            "# X\n\n- [ ] Write it (skipped - no tests)\n- [ ] Write it (skipped)\n- [ ] Write it (cancelled)\n- [ ] Write it (N/A)\n- [ ] Write it _(deferred — later)_\n- [ ] Write it — postponed\n- [ ] Write it 🚫\n- [ ] ~~Write it~~\n- [ ] Remove every TODO\n- [ ] Raise coverage to 100%\n- [ ] List the cancelled orders (cancelled orders only)\n- [ ] Write (done)\n",
        )],
        expect![[r#"
            task-list, a guess: 12 tasks (0 done), 0 edges, 0 groups
            task-list: X
              1 Write it (skipped - no tests) Skipped
              2 Write it (skipped) ← (1) Skipped
              3 Write it (cancelled) ← (2) Skipped
              4 Write it (N/A) ← (3) Skipped
              5 Write it _(deferred — later)_ ← (4) Deferred
              6 Write it — postponed ← (5) Deferred
              7 Write it 🚫 ← (6) Skipped
              8 Write it ← (7) Skipped
              9 Remove every TODO ← (8)
              10 Raise coverage to 100% ← (9)
              11 List the cancelled orders (cancelled orders only) ← (10)
              12 Write (done) ← (11)
            14:1 Warning two-truths: the title of task 12 says that it is done, its box does not: the box counts
            4 can be written back
        "#]],
    );
}

#[test]
fn epics_follow_each_other_beside_what_is_stated() {
    check(
        &[(
            "plan.md",
            "# Task breakdown\n\n## Epic 0: Scaffold\n\n### Task 0.1: Create\n\n- Priority: P0\n\n### Task 0.2: Lint\n\n- Dependencies:\n  - Task 0.1\n\n## Epic 1: Release\n\n### Task 1.1: Submit\n\n- Priority: P0\n",
        )],
        expect![[r#"
            streams, certain: 3 tasks (0 done), 1 edge, 2 groups
            streams: Task breakdown
            [Epic 0] Scaffold
              0.1 Create
              0.2 Lint ← 0.1
            [Epic 1] Release ← ([Epic 0])
              1.1 Submit ← (0.1), (0.2)
            0 can be written back
        "#]],
    );
}

#[test]
fn a_phase_may_run_beside_the_one_before() {
    check(
        &[(
            "list.md",
            "# X\n\n## Phase 1: A\n\n- [ ] One\n- [ ] Two\n\n## Phase 2: B (parallel)\n\n- [ ] Three\n  - Depends on: none\n\n## Phase 3: C\n\n- [ ] Four\n  - Depends on: none\n- [ ] Five\n  - Depends on: none (can start at once)\n",
        )],
        expect![[r#"
            task-list, a guess: 5 tasks (0 done), 0 edges, 3 groups
            task-list: X
            [Phase 1] A
              1 One
              2 Two ← (1)
            [Phase 2] B (parallel)
              3 Three
            [Phase 3] C
              4 Four ← ([Phase 2])
              5 Five
            5 can be written back
        "#]],
    );
}

#[test]
fn none_frees_from_neighbours() {
    check(
        &[(
            "list.md",
            "# S\n\n## A\n\n- [ ] Task 1: One\n  - Depends on: none\n- [ ] Task 2: Two\n  - Dependencies: None\n- [ ] Task 3: Three\n",
        )],
        expect![[r#"
            task-list, a guess: 3 tasks (0 done), 0 edges, 1 group
            task-list: S
            [A] A
              1 One
              2 Two
              3 Three ← (1), (2)
            3 can be written back
        "#]],
    );
}

#[test]
fn a_phase_that_is_ticked_has_no_open_plans() {
    check(
        &[
            (
                "ROADMAP.md",
                "# Roadmap: Shop\n\n## Milestone 1\n\n- [x] **Phase 1: Base** - Types (INSERTED)\n- [ ] **Phase 2: Reading** - Reader\n",
            ),
            (
                "phases/01-base/01-PLAN-01.md",
                "---\nphase: 01-base\nplan: 01\nwave: 1\ndepends_on: []\n---\n\n<objective>\nDo it.\n</objective>\n",
            ),
            (
                "phases/01-base/01-02-PLAN.md",
                "---\nphase: 01-base\nplan: 02\nwave: 1\n---\n\n<objective>\nMore.\n</objective>\n",
            ),
            (
                "phases/02-read/02-01-PLAN.md",
                "---\nphase: 02-read\nplan: 01\nwave: 1\n---\n\n<objective>\nRead.\n</objective>\n",
            ),
        ],
        expect![[r#"
            gsd, certain: 3 tasks (2 done), 0 edges, 2 groups
            gsd: Shop
            [Phase 1] 01-base
              01-01 Do it. Done
              01-02 More. Done
            [Phase 2] 02-read ← ([Phase 1])
              02-01 Read.
            5:1 Warning two-truths: phase 1 is ticked, but not all of its plans are: they count as done
            0 can be written back
        "#]],
    );
}

#[test]
fn one_heading_is_a_task_with_its_command() {
    check(
        &[(
            "plan.md",
            "# S\n\n## Stream A: Base\n\n### Task 1: One\n\n- Run: `make one`\n- Objective: it is there\n",
        )],
        expect![[r#"
        streams, a guess: 1 task (0 done), 0 edges, 1 group
        streams: S
        [A] Base
          1 One
        0 can be written back
    "#]],
    );
}

#[test]
fn commands_below_headings_are_commands_or_told() {
    check(
        &[(
            "plan.md",
            "# S\n\n## Stream A: Base\n\n### Task 1: One\n- Run: true\n\n### Task 2: Two\n- Run: make two\n- [ ] First this\n",
        )],
        expect![[r#"
            streams, likely: 2 tasks (0 done), 1 sub-task (0 done), 0 edges, 1 group
            streams: S
            [A] Base
              1 One
              2 Two ← (1) +1
            9:1 Info not-a-command: this is told to the agent and run by nobody else, because the task has steps: a command is a task of its own
            0 can be written back
        "#]],
    );
}

#[test]
fn a_conflict_is_one_error_and_nothing_is_begun() {
    check(
        &[(
            "list.md",
            "# Shop\n\n<<<<<<< HEAD\n- [ ] Task 1: One\n=======\n- [ ] Task 1: One, quickly\n>>>>>>> feature\n- [ ] Task 2: Two\n",
        )],
        expect![[r#"
            task-list, a guess: 3 tasks (0 done), 0 edges, 0 groups
            task-list: Shop
              1@4 One !the file has markers of a conflict: decide which side counts, and remove the markers
              1@6 One, quickly ← (1@4) !the file has markers of a conflict: decide which side counts, and remove the markers
              2 Two ← (1@6) !the file has markers of a conflict: decide which side counts, and remove the markers
            3:1 Error git-conflict: the file has markers of a conflict: decide which side counts, and remove the markers
            3 can be written back
        "#]],
    );
}

#[test]
fn an_epic_that_is_blocked_by_its_child_is_no_cycle() {
    check(
        &[(
            ".beads/issues.jsonl",
            "{\"id\":\"bd-1\",\"title\":\"Epic\",\"status\":\"open\",\"issue_type\":\"epic\",\"created_at\":\"2026-01-01\",\"dependencies\":[{\"issue_id\":\"bd-1\",\"depends_on_id\":\"bd-2\",\"type\":\"blocks\"}]}\n{\"id\":\"bd-2\",\"title\":\"Child\",\"status\":\"open\",\"issue_type\":\"task\",\"created_at\":\"2026-01-01\",\"dependencies\":[{\"issue_id\":\"bd-2\",\"depends_on_id\":\"bd-1\",\"type\":\"parent-child\"}]}\n",
        )],
        expect![[r#"
            beads, certain: 2 tasks (0 done), 0 edges, 1 group
            beads: 
            [bd-1] Epic
              bd-2 Child
            1 can be written back
        "#]],
    );
}

#[test]
fn boxes_that_are_none_are_told() {
    check(
        &[(
            "list.md",
            "# X\n\n-[ ] No blank\n- [ ]Glued\n1. [ ] Ordered\n• [ ] A sign\n[ ] No bullet\n\n☐ A ballot\n\n> - [ ] In a quotation\n\n| - [ ] In a table |\n",
        )],
        expect![[r#"
            task-list, a guess: 2 tasks (0 done), 0 edges, 0 groups
            task-list: X
              1 Glued
              2 Ordered ← (1)
            3:2 Warning malformed-box: this is no box, and so no task: write `- [ ] ` with the blanks →  [ ] 
            6:3 Warning malformed-box: this box stands behind a sign that is no bullet, and so is no task: write it as an item of a list, `- [ ] `
            7:1 Warning malformed-box: this box stands behind no bullet, and so is no task: write it as an item of a list, `- [ ] `
            9:1 Warning malformed-box: this box is a sign, and so is no task: write it as an item of a list, `- [ ] `
            11:5 Warning malformed-box: this box stands in a quotation, and so is no task: write it as an item of a list, `- [ ] `
            13:5 Warning malformed-box: this box stands in a table, and so is no task: write it as an item of a list, `- [ ] `
            2 can be written back
        "#]],
    );
}

#[test]
fn dependencies_outside_tasks_are_told() {
    check(
        &[(
            "list.md",
            "# X\n\nTask 2 depends on Task 1.\n\n- [ ] Task 1: One\n- [ ] Task 2: Two\n\n## Notes\n\nTask 1 must come after Task 2. See the critical path: Task 1 → Task 2.\n\nThe API depends on the database.\n",
        )],
        expect![[r#"
            task-list, a guess: 2 tasks (0 done), 0 edges, 0 groups
            task-list: X
              1 One
              2 Two ← (1)
            3:1 Warning unread-dependency: this names what waits for what, and is not understood: say it at the tasks (`Depends on: …`)
            10:1 Warning unread-dependency: this names what waits for what, and is not understood: say it at the tasks (`Depends on: …`)
            2 can be written back
        "#]],
    );
}

#[test]
fn an_index_without_dependencies_comes_in_its_order() {
    check(
        &[
            (
                "00-index.md",
                "# Shop — Task Index\n\n## Phase 1 — Base\n\n| # | Task | Size |\n|---|---|---|\n| A | [Write types](A-types.md) | S |\n| B | Read them | M |\n\n## Phase 2 — Next\n\n| # | Task | Size |\n|---|---|---|\n| C | Ship | S |\n",
            ),
            ("A-types.md", "# Task A: Types\n\nUse u32.\n"),
        ],
        expect![[r#"
            feature-docs, certain: 3 tasks (0 done), 0 edges, 2 groups
            feature-docs: Shop
            [Phase 1] Phase 1 — Base
              A Write types
              B Read them ← (A)
            [Phase 2] Phase 2 — Next
              C Ship ← (B)
            0 can be written back
        "#]],
    );
}

#[test]
fn tables_without_edges_and_boxes_below_headings_in_lists_are_told() {
    check(
        &[(
            "plan.md",
            "# Plan\n\n- [ ] 1. One\n- Notes\n  ## Section\n  - [ ] 2. Two\n\nID | Task | Depends on\n---|---|---\n3 | Write | -\n4 | Read | 3\n",
        )],
        expect![[r#"
            task-list, a guess: 1 task (0 done), 1 sub-task (0 done, 1 criteria), 0 edges, 0 groups
            task-list: Plan
              1 One
            6:1 Warning unread-work: this looks like work, and belongs to no task: it is carried out by nobody; put it below a task, or write it as one
            9:1 Warning unread-work: these 2 lines look like work, and belong to no task: they are carried out by nobody; put it below a task, or write it as one
            1 can be written back
        "#]],
    );
}

#[test]
fn commands_of_formats_for_agents_are_told() {
    check(
        &[(
            "tasks.md",
            "# Implementation Plan\n\n- [ ] 1. Write\n  - Run: make\n  - _Requirements: 1.1_\n- [ ] 2. Read\n  - **Run**: true\n  - _Requirements: 1.2_\n",
        )],
        expect![[r#"
            kiro, certain: 2 tasks (0 done), 0 edges, 0 groups
            kiro: 
              1 Write +1
              2 Read ← (1) +1
            4:1 Info not-a-command: this is told to the agent and run by nobody else, as all that stands below a task of kiro
            7:1 Info not-a-command: this is told to the agent and run by nobody else, as all that stands below a task of kiro
            2 can be written back
        "#]],
    );
    check(
        &[("tasks.md", "## 1. Reading\n\n- [ ] 1.1 Read\n  - Run: make\n- [ ] 1.2 Write\n")],
        expect![[r#"
        openspec, likely: 2 tasks (0 done), 0 edges, 1 group
        openspec: 
        [1] Reading
          1.1 Read
          1.2 Write ← (1.1)
        2 can be written back
    "#]],
    );
}

#[test]
fn plans_and_runs_say_how_much_is_left_out() {
    let doubtful = "- [Two] b\n".repeat(30).replace("b\n", "b\n\n  text\n\n");
    let text = format!(
        "# Plan\n\nIt all depends on Task 1: Task 2 depends on Task 1.\n\n- [ ] Task 1: A\n  - Run: true\n{doubtful}- [ ] Task 2: B\n  - Run: true\n"
    );
    let workspace = Workspace::with(&[("plan.md", &text)]);
    let said = "left out: what looks like work in 30 places, like dependencies in 1 place";
    let plan = workspace.run(&["plan", "plan.md"]);
    assert!(plan.stdout.contains(said), "{}", plan.stdout);
    let run = workspace.run(&["run", "plan.md"]);
    assert!(
        run.stderr.contains(said)
            && run
                .stderr
                .contains("more problems: `execution-coordinator check plan.md` lists them"),
        "{}{}",
        run.stdout,
        run.stderr
    );
}

#[test]
fn a_wait_for_what_comes_later_keeps_the_order_of_the_others() {
    check(
        &[(
            "plan.md",
            "# Plan\n\n- [ ] 1. Set up\n- [ ] 2. Parser (depends on 4)\n- [ ] 3. Printer\n- [ ] 4. Lexer\n- [ ] 5. Writer\n",
        )],
        expect![[r#"
            task-list, a guess: 5 tasks (0 done), 1 edge, 0 groups
            task-list: Plan
              1 Set up
              2 Parser (depends on 4) ← 4
              3 Printer ← (1)
              4 Lexer ← (1)
              5 Writer ← (4)
            5 can be written back
        "#]],
    );
}

#[test]
fn what_a_trial_found() {
    // A box without an id between others, a title that is partly struck out.
    check(
        &[(
            "tasks.md",
            "# Tasks: Feature\n\n## Phase 1\n\n- [x] T001 Init\n- [ ] Rotate the keys\n- [x] T002 Model\n- [ ] T003 ~~Deploy by FTP~~ Deploy by rsync\n- [ ] T004 ~~Write it~~ (by T003)\n- [ ] T005 [P] UI - requires T002, T003\n- [ ] T006 [P] Docs after T003\n",
        )],
        expect![[r#"
            spec-kit, certain: 6 tasks (2 done), 1 sub-task (0 done, 1 criteria), 3 edges, 1 group
            spec-kit: Feature
            [Phase 1] Phase 1
              T001 Init Done
              T002 Model ← (T001) Done
              T003 Deploy by FTP Deploy by rsync ← (T002)
              T004 Write it (by T003) ← (T003) Skipped
              T005 UI - requires T002, T003 ← T002, T003, (T004)
              T006 Docs after T003 ← T003, (T004)
            6:1 Warning unread-work: this looks like work, and belongs to no task: it is carried out by nobody; put it below a task, or write it as one
            3 can be written back
        "#]],
    );
    check(
        &[(
            "plan.md",
            "# Plan\n\n- [ ] 1. Parser\n- [ ] 2. Lexer\n  - Depends on: none\n- [ ] 3. Site\n  - Depends on: none\n\n## Dependencies\n\n- 3 → 2\n- 1 blocks 3\n",
        )],
        expect![[r#"
            task-list, a guess: 3 tasks (0 done), 2 edges, 0 groups
            task-list: Plan
              1 Parser
              2 Lexer ← 3
              3 Site ← 1
            3 can be written back
        "#]],
    );
    check(
        &[(
            "issues.jsonl",
            "{\"id\":\"bd-1\",\"title\":\"a\",\"status\":\"open\",\"issue_type\":\"task\",\"created_at\":\"x\"}\n{\"id\":\"bd-2\",\"title\":\"b\",\"status\":\"open\",\"issue_type\":\"task\",\"created_at\":\"x\",\"depends_on\":[\"bd-1\"]}\n{\"id\":\"bd-3\",\"title\":\"c\",\"status\":\"open\",\"issue_type\":\"task\",\"created_at\":\"x\",\"dependencies\":[\"bd-2\"]}\n",
        )],
        expect![[r#"
            beads, certain: 3 tasks (0 done), 2 edges, 0 groups
            beads: 
              bd-1 a
              bd-2 b ← bd-1
              bd-3 c ← bd-2
            3 can be written back
        "#]],
    );
}

#[test]
fn a_number_means_the_one_of_its_own_list() {
    check(
        &[(
            "plan.md",
            "# Setup\n\n1. [ ] Install\n2. [ ] Create\n\n# Backend\n\n1. [ ] Users\n2. [ ] Orders (depends on 1)\n3. [ ] Billing (after step 2)\n4. [ ] Notes\n   - Depends on: 1, 2\n",
        )],
        expect![[r#"
            task-list, a guess: 6 tasks (0 done), 4 edges, 2 groups
            task-list: Setup
            [Setup] Setup
              1 Install
              2 Create ← (1)
            [Backend] Backend
              3 Users ← (2)
              4 Orders (depends on 1) ← 3
              5 Billing (after step 2) ← 4
              6 Notes ← 3, 4
            6 can be written back
        "#]],
    );
}

#[test]
fn of_very_many_places_it_is_said_how_many_more_there_are() {
    let lines: String =
        (1..=60).map(|_| "Task 2 waits, because Task 2 depends on Task 1.\n\n").collect();
    let workspace = Workspace::with(&[(
        "plan.md",
        &format!("# Plan\n\n{lines}- [ ] Task 1: A\n- [ ] Task 2: B\n"),
    )]);
    let check = workspace.run(&["check", "plan.md"]);
    assert_eq!(check.stdout.matches("[unread-dependency]").count(), 51, "{}", check.stdout);
    assert!(
        check.stdout.contains("the same of 10 more places from here on [unread-dependency]"),
        "{}",
        check.stdout
    );
}

#[test]
fn groups_wait_for_groups_by_whatever_name() {
    check(
        &[(
            "plan.md",
            "# Plan\n\n## Team A\n- [ ] Write the API\n- [ ] Test the API\n\n## Team B\nDepends on: Team A\n\n- [ ] Write the pages\n- [ ] Test the pages\n\n## Team C\nStarts after Team B.\n\n- [ ] Ship\n\n## Order\nTeam A → Team B\n",
        )],
        expect![[r#"
            task-list, a guess: 5 tasks (0 done), 0 edges, 2 between groups, 3 groups
            task-list: Plan
            [Team A] Team A
              1 Write the API
              2 Test the API ← (1)
            [Team B] Team B ← [Team A]
              3 Write the pages
              4 Test the pages ← (3)
            [Team C] Team C ← [Team B]
              5 Ship
            19:1 Warning unread-dependency: this names what waits for what, and is not understood: say it at the tasks (`Depends on: …`)
            5 can be written back
        "#]],
    );
    check(
        &[(
            "plan.md",
            "# Plan\n\n## Backend\n- [ ] Write the API\n- [ ] Test the API\n\n## Frontend\n**Depends on:** Backend\n\n- [ ] Write the pages\n\n## Documentation\nDepends on: Backend, Frontend\n- [ ] Write it\n\n## Notes\nFrontend depends on Backend.\n",
        )],
        expect![[r#"
            task-list, a guess: 4 tasks (0 done), 0 edges, 3 between groups, 3 groups
            task-list: Plan
            [Backend] Backend
              1 Write the API
              2 Test the API ← (1)
            [Frontend] Frontend ← [Backend]
              3 Write the pages ← (2)
            [Documentation] Documentation ← [Backend], [Frontend]
              4 Write it ← (3)
            17:1 Warning unread-dependency: this names what waits for what, and is not understood: say it at the tasks (`Depends on: …`)
            4 can be written back
        "#]],
    );
    check(
        &[(
            "plan.md",
            "# Plan\n\n## Team A\n- [ ] Write the API\n\n## Team B (after Team A)\n- [ ] Write the pages\n\n## Team C — depends on Team B\n- [ ] Ship\n\n## Team D (blocked by: Team C)\n- [ ] Ship\n",
        )],
        expect![[r#"
            task-list, a guess: 4 tasks (0 done), 0 edges, 3 between groups, 4 groups
            task-list: Plan
            [Team A] Team A
              1 Write the API
            [Team B (after Team A)] Team B (after Team A) ← [Team A]
              2 Write the pages
            [Team C — depends on Team B] Team C — depends on Team B ← [Team B (after Team A)]
              3 Ship
            [Team D (blocked by: Team C)] Team D (blocked by: Team C) ← [Team C — depends on Team B]
              4 Ship
            4 can be written back
        "#]],
    );
    check(
        &[(
            "plan.md",
            "# Plan\n\n## Phase 1: API\n- [ ] Write the API\n## Phase 2: Docs (parallel with Phase 1)\n- [ ] Write the pages\n## Phase 3: Ship (requires Phase 1)\n- [ ] Ship\n## Phase 4: X\n**Prerequisites**: Phase 1, Docs\n- [ ] X\n",
        )],
        expect![[r#"
            task-list, a guess: 4 tasks (0 done), 0 edges, 3 between groups, 4 groups
            task-list: Plan
            [Phase 1] API
              1 Write the API
            [Phase 2] Docs (parallel with Phase 1)
              2 Write the pages ← (1)
            [Phase 3] Ship (requires Phase 1) ← [Phase 1]
              3 Ship ← (2)
            [Phase 4] X ← [Phase 1], [Phase 2]
              4 X ← (3)
            4 can be written back
        "#]],
    );
}

#[test]
fn sentences_say_when_something_begins() {
    check(
        &[(
            "plan.md",
            "# Plan\n\n## Track A: API\n- [ ] Write the API\n\n## Track B: Pages\nStarts after Track A.\n\n- [ ] Write the pages\n\n## Track C: Ship\nBegin this once Track A and Track B are done.\n\n- [ ] Ship it\n",
        )],
        expect![[r#"
            task-list, a guess: 3 tasks (0 done), 0 edges, 3 between groups, 3 groups
            task-list: Plan
            [Track A: API] Track A: API
              1 Write the API
            [Track B: Pages] Track B: Pages ← [Track A: API]
              2 Write the pages
            [Track C: Ship] Track C: Ship ← [Track A: API], [Track B: Pages]
              3 Ship it
            3 can be written back
        "#]],
    );
    check(
        &[(
            "plan.md",
            "# Plan\n\n## Track A: API\n- [ ] Write the API\n\n## Track B: Pages (depends on Track A)\n- [ ] Write the pages\n\n## Track C: Ship [after Track B]\n- [ ] Ship\n",
        )],
        expect![[r#"
            task-list, a guess: 3 tasks (0 done), 0 edges, 2 between groups, 3 groups
            task-list: Plan
            [Track A: API] Track A: API
              1 Write the API
            [Track B: Pages (depends on Track A)] Track B: Pages (depends on Track A) ← [Track A: API]
              2 Write the pages
            [Track C: Ship [after Track B]] Track C: Ship [after Track B] ← [Track B: Pages (depends on Track A)]
              3 Ship
            3 can be written back
        "#]],
    );
    check(
        &[(
            "plan.md",
            "# Plan\n\n## Phase 1: Base\nBackend work.\n- [ ] Set up (Dependencies: Base)\n  - Dependencies: Base\n- [ ] B\n  Start before Phase 2 to save time.\n## Phase 2: Pages\n- [ ] C\n  Wait for 2 minutes, then run after 3 retries.\n- [ ] D\n  Begin once 1 is done.\n## Phase 3: Docs\nThis phase must not start before Phase 2 is complete.\n- [ ] E\n  - Starts after task 4.\n- [ ] F\n  Depends on Pages.\n",
        )],
        expect![[r#"
            task-list, a guess: 6 tasks (0 done), 3 edges, 1 between groups, 3 groups
            task-list: Plan
            [Phase 1] Base
              1 Set up (Dependencies: Base)
              2 B Start before Phase 2 to save time. ← (1)
            [Phase 2] Pages ← ([Phase 1])
              3 C Wait for 2 minutes, then run after 3 retries. ← (2)
              4 D Begin once 1 is done. ← 1, (3)
            [Phase 3] Docs ← [Phase 2]
              5 E ← 4
              6 F Depends on Pages. ← [Phase 2], (5)
            6:19 Info external-dependency: `Base` is no task here: it is kept as something needed from outside and blocks nothing
            6 can be written back
        "#]],
    );
    check(
        &[(
            "plan.md",
            "# Plan\n\n## Phase 1: Base\n- [ ] T001 A\n## Phase 2: Pages\nBegin once Phase 2 is agreed.\n- [ ] T002 B\n  Run once T002 is written, and not before Phase 2 is complete.\n- [ ] T003 C\n  Do not start before T001-T002 are done.\n",
        )],
        expect![[r#"
        spec-kit, certain: 3 tasks (0 done), 2 edges, 2 groups
        spec-kit: Plan
        [Phase 1] Base
          T001 A
        [Phase 2] Pages ← ([Phase 1])
          T002 B Run once T002 is written, and not before Phase 2 is complete.
          T003 C Do not start before T001-T002 are done. ← T001, T002
        6:1 Warning unread-dependency: this names what waits for what, and is not understood: say it at the tasks (`Depends on: …`)
        3 can be written back
    "#]],
    );
}

#[test]
fn a_story_that_waits_takes_no_order_from_others() {
    check(
        &[(
            "plan.md",
            "# Epics\n## Epic 1: Base\n### Story 1.1: One\nAs a\n### Story 1.2: Two\nAs a\n### Story 1.3: Three\n**Prerequisites:** Story 1.1\n### Story 1.4: Four\nAs a\n## Epic 2: More\n### Story 2.1: One\nAs a\n### Story 2.2: One\nAs a\n",
        )],
        expect![[r#"
            bmad, likely: 6 tasks (0 done), 1 edge, 2 groups
            bmad: 
            [Epic 1] Base
              1.1 One
              1.2 Two ← (1.1)
              1.3 Three ← 1.1
              1.4 Four ← (1.2), (1.3)
            [Epic 2] More ← ([Epic 1])
              2.1 One ← (1.4)
              2.2 One ← (2.1)
            0 can be written back
        "#]],
    );
    check(
        &[(
            "plan.md",
            "# Epics\n\n## Epic 1: Base\n\n### Story 1.1: One\n\nAs a user\n\n**Acceptance Criteria:**\n- x\n\n### Story 1.2: Two\n\n**Blocked by:** Story 1.3\n\n### Story 1.3: Three\n\n**Needs:** 1.1\n",
        )],
        expect![[r#"
            bmad, likely: 3 tasks (0 done), 2 edges, 1 group
            bmad: 
            [Epic 1] Base
              1.1 One
              1.2 Two ← 1.3
              1.3 Three ← 1.1
            0 can be written back
        "#]],
    );
    check(
        &[(
            "plan.md",
            "# Epics\n\n## Epic 1: Base\n\n## Story 1.1: One\n\nAs a user\n\n**Acceptance Criteria:**\n- x\n\n## Story 1.2: Two\n\n**Blocked by:** Story 1.3\n\n## Story 1.3: Three\n\n**Needs:** 1.1\n",
        )],
        expect![[r#"
            bmad, likely: 3 tasks (0 done), 2 edges, 1 group
            bmad: 
            [Epic 1] Base
              1.1 One
              1.2 Two ← 1.3
              1.3 Three ← 1.1
            0 can be written back
        "#]],
    );
}
