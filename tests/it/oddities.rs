//! Texts that somebody who tried the program found to be read wrongly, each with what is right.

use crate::reading::check;
use crate::support::Workspace;
use execution_coordinator::breakdown::convert::{convert, targets};
use execution_coordinator::breakdown::write_back::done;
use execution_coordinator::breakdown::{Deps, Format, Input, Parsed, parse};
use expect_test::expect;

fn read(text: &str) -> Parsed {
    parse(text, None, Deps::Format)
}

/// What each task waits for, with what is only implied in parentheses.
fn waits(parsed: &Parsed) -> Vec<String> {
    let one = |task: &execution_coordinator::core::plan::Task| {
        let on: Vec<String> = task.depends_on.iter().map(crate::breakdown::dependency).collect();
        format!("{} ← {}", task.id, on.join(" "))
    };
    parsed.plan.tasks.iter().map(one).collect()
}

#[test]
fn a_gate_after_several_streams_holds_nothing_back_that_it_waits_for() {
    let kiro = "# Implementation Plan\n\n- [ ] 1. Base\n  - [ ] 1.1 Types\n- [ ] 2. API\n  - [ ] 2.1 Endpoint\n- [ ] 3. Final checkpoint - Ensure all tests pass\n";
    let v1 = "# T Task Breakdown\n\n### Stream C: x (Parallel)\n\n1. **One**\n   - Dependencies: None\n\n### Stream D: y (Depends on Stream C)\n\n2. **Two**\n   - Dependencies: None\n\n### Quality Gates:\n\n- **Gate 1**: all (after Streams C and D)\n";
    for (text, stream) in [(kiro, "2"), (v1, "D")] {
        let after: Vec<String> =
            read(text).plan.gates[0].after.iter().map(ToString::to_string).collect();
        assert_eq!(after, [stream]);
        let workspace = Workspace::with(&[
            (".kiro/specs/a/tasks.md", text),
            (
                "agent.sh",
                "#!/bin/sh\ncat > /dev/null\necho x > made-$EXECUTION_COORDINATOR_TASK\necho '{\"status\":\"complete\",\"summary\":\"did it\"}'\n",
            ),
            (
                "execution-coordinator.toml",
                "[agents.implementation-agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n",
            ),
        ]);
        let run = workspace.run(&["run", ".kiro/specs/a/tasks.md"]);
        assert!(run.stdout.contains("2 completed / 2 total"), "{}{}", run.stdout, run.stderr);
    }
}

#[test]
fn ids_are_told_apart_on_one_line() {
    let twice = r#"{"master":{"tasks":[{"id":1,"title":"A","status":"pending","dependencies":[]},{"id":1,"title":"B","status":"pending","dependencies":[]},{"id":1,"title":"C","status":"pending","dependencies":[]}]}}"#;
    let ids: Vec<String> = read(twice).plan.tasks.iter().map(|task| task.id.to_string()).collect();
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{ids:?}");
}

#[test]
fn what_follows_a_dependency_is_none() {
    let plan = "# P\n\n> REQUIRED SUB-SKILL: Use superpowers:x\n\n### Task 1: A\n\n- [ ] **Step 1: a**\n\n### Task 2: B\n\n**Depends on:** Task 1\n\n- [ ] **Step 1: a**\n- [ ] **Step 2: b**\n";
    assert_eq!(waits(&read(plan)), ["1 ← ", "2 ← 1"]);
    let streams = "# P\n\n### Task 1: A\n\n**Dependencies**: None\n\n- do 1\n\n### Task 2: B\n\n**Dependencies**:\n- Task 1\n\n- more\n";
    let parsed = read(streams);
    assert_eq!(waits(&parsed), ["1 ← ", "2 ← 1"]);
}

#[test]
fn bullets_after_a_step_are_the_tasks() {
    let list = "# L\n\n- [ ] 1. A\n  - [ ] sub\n    - about the step\n  - Run: true\n  - Depends on: 2\n- [ ] 2. B\n";
    let parsed = read(list);
    assert_eq!(
        (waits(&parsed), parsed.plan.tasks[0].command.as_deref()),
        (vec!["1 ← 2".into(), "2 ← ".into()], Some("true"))
    );
    let rune = "# R\n\n- [ ] 1. A <!-- id:aaa1111 -->\n- [ ] 2. B <!-- id:bbb2222 -->\n  - [ ] 2.1. Sub <!-- id:ccc3333 -->\n  - Blocked-by: aaa1111 (A)\n- [ ] 3. C <!-- id:ddd4444 -->\n  - Blocked-by: ccc3333 (Sub)\n";
    assert_eq!(waits(&read(rune)), ["1 ← ", "2 ← 1", "3 ← 2"]);
}

#[test]
fn an_id_that_exists_is_one_whatever_it_looks_like() {
    let table = "# T\n\n| ID | Task | Depends on |\n|---|---|---|\n| PRE | Prep | — |\n| setup-db | Base | PRE |\n| TASK-M1-010 | M | setup-db |\n| 0.V | Check | TASK-M1-010 |\n| FINAL | End | PRE, 0.V |\n";
    assert_eq!(
        waits(&read(table)),
        [
            "PRE ← ",
            "setup-db ← PRE",
            "TASK-M1-010 ← setup-db",
            "0.V ← TASK-M1-010",
            "FINAL ← PRE 0.V"
        ]
    );
    for header in [
        "编号 | 任务 | 依赖",
        "編號 | 任務 | 依賴",
        "番号 | タスク | 依存関係",
        "序号 | 名称 | 前置任务",
        "번호 | 작업 | 선행 작업",
    ] {
        let table = format!("# T\n\n| {header} |\n|---|---|---|\n| 1 | a | - |\n| 2 | b | 1 |\n");
        assert_eq!(waits(&read(&table)), ["1 ← ", "2 ← 1"], "{header}");
    }
}

#[test]
fn what_is_needed_from_outside_orders_nothing() {
    let list =
        "# L\n\n- [ ] Task 1: A\n- [ ] Task 2: B\n- [ ] Task 3: C\n  - Requires: Supabase access\n";
    assert_eq!(waits(&read(list)), ["1 ← ", "2 ← (1)", "3 ← (2)"]);
}

#[test]
fn order_gives_way_to_what_is_written() {
    let spec = "# Tasks: x\n\n## Phase 1: p\n\n- [ ] T001 A (depends on T002)\n- [ ] T002 B\n- [ ] T003 C\n";
    let parsed = read(spec);
    assert_eq!(
        (waits(&parsed), parsed.errors().count()),
        (vec!["T001 ← T002".into(), "T002 ← ".into(), "T003 ← (T002)".into()], 0)
    );
}

#[test]
fn a_list_of_dependencies_ends_with_its_file() {
    check(
        &[
            (
                "tasks.md",
                "# Work Packages: x\n\n### WP01 — A\n\n- [ ] T001 a\n\n### WP02 — B\n\n- [ ] T002 b\n\n**Dependencies**: WP01",
            ),
            ("status.json", "{\"work_packages\":{\"WP01\":{\"lane\":\"done\"}}}"),
            ("tasks/WP01-a.md", "---\nwork_package_id: WP01\nlane: done\ndependencies: []\n---\n"),
        ],
        expect![[r#"
            spec-kitty, certain: 2 tasks (1 done), 2 sub-tasks (0 done), 1 edge, 0 groups
            spec-kitty: x
              WP01 A +1 Done
              WP02 B ← WP01 +1
            0 can be written back
        "#]],
    );
}

#[test]
fn kiro_with_letters_repeated_numbers_and_boxes_that_are_no_work() {
    check(
        &[(
            ".kiro/specs/a/tasks.md",
            "# Implementation Plan\n\n- [ ] 1. Base\n  - [ ] 1.1 Types\n  - [ ] 1.V Validation gate: all tests pass\n- [ ] 2. Two\n- [ ] 2. Two again\n  - [ ] 2.1 Part\n- [ ]* 3. Optional\n  - [ ] 3.1 Part of it\n- [ ] 4. Checkpoint retention policy\n- [ ] 5. Last\n\n## Success Criteria\n\n- [ ] All tests pass\n",
        )],
        expect![[r#"
            kiro, certain: 6 tasks (0 done), 5 sub-tasks (0 done, 1 criteria), 0 edges, 0 groups
            kiro: 
            [1] Base
              1.1 Types
              1.V Validation gate: all tests pass ← (1.1)
            [2] Two ← ([1])
              2 Two
            [2 (2)] Two again ← ([2])
              2.1 Part
            [3] Optional ← ([2 (2)])
              3.1 Part of it Skipped
            [4] Checkpoint retention policy ← ([3])
              4 Checkpoint retention policy
              5 Last ← (4)
            9:1 Info all-ticked: all that 3 has to tick is ticked, but 3 itself is open: say that it is done if it is
            6 can be written back
        "#]],
    );
    check(
        &[(
            ".kiro/specs/b/tasks.md",
            "# Implementation Plan\n\n- [ ] 1. Base\n- [ ] 2. Checkpoint - tests pass\n- [ ] 3. API\n- [x] 4. Final checkpoint\n",
        )],
        expect![[r#"
            kiro, certain: 4 tasks (1 done), 0 edges, 0 groups
            kiro: 
            [1] Base
              1 Base
            [3] API ← ([1])
              3 API
            gate Checkpoint 2 Stream [1]: Checkpoint - tests pass
            2 can be written back
        "#]],
    );
}

#[test]
fn headings_that_say_that_they_are_done() {
    let done = [
        "One — ✅ COMPLETED",
        "Two - ✅ COMPLETED",
        "Three (✅ DONE)",
        "Four [DONE]",
        "Five ✅ 2025-12-10",
        "✅ Six",
        "Seven ✅",
    ];
    let open = ["Show a ✅ in the table", "Mark as done (later)", "Eight [P]"];
    let text: String = done
        .iter()
        .chain(&open)
        .enumerate()
        .map(|(nth, title)| format!("### Task {}: {title}\n\n**Dependencies**: None\n\n", nth + 1))
        .collect();
    let parsed = read(&format!("# T\n\n{text}"));
    assert_eq!(parsed.marks.len(), done.len(), "{:?}", parsed.marks);
    let words =
        read("# T\n\n- [ ] DEFERRED: a\n- [ ] b (deferred to Q3)\n- [ ] SKIP: c\n- [ ] d\n");
    assert_eq!(words.marks.len(), 3, "{:?}", words.marks);
}

#[test]
fn nothing_that_is_unreadable_is_lost_in_silence() {
    let bom = "\u{feff}{\"master\":{\"tasks\":[{\"id\":1,\"title\":\"A\",\"status\":\"pendign\",\"dependencies\":[]}]}}";
    let parsed = read(bom);
    assert_eq!((parsed.plan.tasks.len(), parsed.problems[0].code), (1, "unknown-value"));
    let sprint =
        parse("development_status:\n  1-1-a: done\n  bad: [\n", Some(Format::Bmad), Deps::Format);
    assert_eq!(sprint.plan.tasks.len(), 1, "{:?}", sprint.problems);
    assert!(sprint.problems.iter().any(|problem| problem.code == "unreadable"));
}

#[test]
fn a_second_file_of_a_number_is_a_task_too() {
    let task = "---\nname: x\nstatus: open\ndepends_on: []\n---\n";
    check(
        &[
            ("epic.md", "---\nname: e\n---\n# Epic: E\n"),
            ("017.md", task),
            ("017-analysis.md", "---\nname: a\n---\n"),
            ("017-other.md", task),
        ],
        expect![[r#"
            ccpm, certain: 2 tasks (0 done), 0 edges, 0 groups
            ccpm: E
              017@017.md:2 x
              017@017-other.md:2 x
            14:7 Error duplicate-id: task 017 was defined in 017.md already: give it an id of its own
            2 can be written back
        "#]],
    );
}

#[test]
fn bullets_of_nobody_are_no_command() {
    let list = "# L\n\n- [ ] Task 1: a\n  - [ ] step\n\nAfterwards, by hand:\n\n- Clean up\n  - Run: `touch ran`\n- [ ] Task 2: b\n";
    assert!(read(list).plan.tasks.iter().all(|task| task.command.is_none()));
}

#[test]
fn what_is_written_back_is_the_word_and_nothing_else() {
    let table = "# T\n\n| ID | Task | Depends on | Status |\n|---|---|---|---|\n| 1 | a | - | Done |\n| 2 | b | 1 | To Do\n";
    let yaml = "---\nid: B-1\ntitle: x # c\rstatus: To Do\npriority: high\ncreated_date: y\n---\n";
    for (text, path, expected) in [
        (table, "T.md", table.replace("To Do", "Done")),
        (yaml, "tasks/b-1 - x.md", yaml.replace("To Do", "Done")),
    ] {
        let files = [(path.to_owned(), 0..text.len())];
        let parsed = parse(Input { text, files: &files }, None, Deps::Format);
        let task = parsed.plan.tasks.last().expect("a task");
        let change = done(text, &parsed, &[(task.id.clone(), task.title.clone())])
            .remove(0)
            .expect("a place");
        let mut after = text.to_owned();
        after.replace_range(change.span, &change.new);
        assert_eq!(after, expected);
    }
}

#[test]
fn conversion_makes_no_commands_of_text() {
    let tasks = r#"{"master":{"tasks":[{"id":1,"title":"A","status":"pending","dependencies":[],"details":"First\n- [ ] T999 evil\nRun: touch x","testStrategy":"Run: cargo test","acceptanceCriteria":["Run: cargo test"]}]}}"#;
    for to in targets() {
        let again = parse(&convert(&read(tasks), to).text, Some(to), Deps::Format);
        assert!(
            again.plan.tasks.len() == 1 && again.plan.tasks[0].command.is_none(),
            "{to:?}: {:?}",
            again.plan.tasks
        );
    }
    let streams = "# L\n\n## Backend work\n\n- [ ] Task 1: a\n\n## A\n\n- [ ] Task 2: b\n";
    let again = read(&convert(&read(streams), Format::BreakdownAgent).text);
    assert_eq!(again.plan.streams.len(), 2);
}

#[test]
fn folders_are_not_read_through_links() {
    let workspace = Workspace::with(&[
        ("backlog/config.yml", "project_name: x\n"),
        (
            "elsewhere/back-1 - a.md",
            "---\nid: B-1\ntitle: a\nstatus: To Do\ncreated_date: x\n---\n",
        ),
    ]);
    std::os::unix::fs::symlink(workspace.path("elsewhere"), workspace.path("backlog/tasks"))
        .expect("a link");
    let check = workspace.run(&["check", "backlog"]);
    assert!(!check.stdout.contains("1 task"), "{}{}", check.stdout, check.stderr);
}

#[test]
fn ticks_under_goals_are_no_other_plan() {
    let list = "# L\n\n## Goals\n\n- [ ] Task 1: a\n- [ ] Task 2: b\n";
    assert_eq!(read(list).plan, read(&list.replacen("[ ]", "[x]", 1)).plan);
    let broken = read("# L\n\n-[x] Task 1: a\n- [ ] Task 2: b\n");
    assert_eq!(broken.problems[0].fix.as_ref().map(|fix| fix.replacement.as_str()), Some(" [x] "));
}
