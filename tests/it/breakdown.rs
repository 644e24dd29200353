//! Breakdowns: data in, data out. `outline` shows a plan in few lines; the expectations update
//! themselves with `UPDATE_EXPECT=1`.

use execution_coordinator::breakdown::source::Source;
use execution_coordinator::breakdown::text::Text;
use execution_coordinator::breakdown::{Deps, Parsed, parse};
use execution_coordinator::config::Config;
use execution_coordinator::core::plan::{Dependency, Node, Origin};
use execution_coordinator::rpc::types::plan_document;
use expect_test::{Expect, expect};
use std::fmt::Write as _;

pub fn dependency(dependency: &Dependency) -> String {
    let name = match &dependency.on {
        Node::Task(id) => id.to_string(),
        Node::Stream(id) => format!("[{id}]"),
        Node::Barrier(id) => format!("{{{id}}}"),
    };
    if dependency.origin == Origin::Explicit { name } else { format!("({name})") }
}

/// Streams as `[A] Name ← what`, tasks as `  1 Title ← what`, implied ones in parentheses.
pub fn outline(parsed: &Parsed, source: &str) -> String {
    let mut out = String::new();
    let list = |all: &[Dependency]| {
        if all.is_empty() {
            String::new()
        } else {
            format!(" ← {}", all.iter().map(dependency).collect::<Vec<_>>().join(", "))
        }
    };
    let plan = &parsed.plan;
    let tasks = |out: &mut String, of: Option<&str>| {
        for task in
            plan.tasks.iter().filter(|task| task.stream.as_ref().map(|id| id.as_str()) == of)
        {
            let mark =
                parsed.marks.get(&task.id).map_or(String::new(), |mark| format!(" {mark:?}"));
            let broken = task.broken.as_ref().map_or(String::new(), |why| format!(" !{why}"));
            let steps = if task.steps.is_empty() {
                String::new()
            } else {
                format!(" +{}", task.steps.len())
            };
            let _ = writeln!(
                out,
                "  {} {}{}{steps}{mark}{broken}",
                task.id,
                task.title,
                list(&task.depends_on)
            );
        }
    };
    let _ = writeln!(out, "{}: {}", plan.format, plan.topic);
    tasks(&mut out, None);
    for stream in &plan.streams {
        let _ = writeln!(out, "[{}] {}{}", stream.id, stream.name, list(&stream.depends_on));
        tasks(&mut out, Some(stream.id.as_str()));
    }
    for gate in &plan.gates {
        let _ = writeln!(out, "gate {} {:?} {:?}: {}", gate.id, gate.level, gate.after, gate.text);
    }
    let text = Text::new(source);
    for problem in &parsed.problems {
        let (line, column) = text.position(problem.span.start);
        let fix =
            problem.fix.as_ref().map_or(String::new(), |fix| format!(" → {}", fix.replacement));
        let _ = writeln!(
            out,
            "{line}:{column} {:?} {}: {}{fix}",
            problem.severity, problem.code, problem.message
        );
    }
    out
}

fn check_with(source: &str, deps: Deps, expected: Expect) {
    expected.assert_eq(&outline(&parse(source, None, deps), source));
    // Whatever is cut off, there is an answer.
    for (cut, _) in source.char_indices() {
        let _ = parse(&source[..cut], None, deps);
    }
}

fn check(source: &str, expected: Expect) {
    check_with(source, Deps::Format, expected);
}

const COMPLEX: &str = include_str!("../../examples/chat-system/breakdown.md");

#[test]
fn version_1_with_streams_letters_and_gates() {
    check(
        COMPLEX,
        expect![[r#"
            breakdown-agent-v1: Real-time Chat System
            [A] Database Foundation
              1 Message Schema
              2 User Association ← 1
            [B] View Foundation
              3 View Module
              4 Authentication ← 3
            [C] Real-time Infrastructure ← 1, 3
              5 PubSub Integration ← 1, 3
              6 Message Persistence ← 2, 4, 5
            [D] Advanced Features ← [C]
              7 Presence Integration ← 6
              8 Message History ← 6
            gate Gate 1 Stream [A]: All database tests pass
            gate Gate 2 Stream [B]: All view tests pass
            gate Gate 3 Stream [C]: All integration tests pass
            gate Gate 4 Stream [D]: All E2E scenarios pass
        "#]],
    );
    let parsed = parse(COMPLEX, None, Deps::Format);
    assert_eq!(parsed.plan.edges().explicit, 9);
    assert_eq!(
        parsed.plan.tasks[3].specs,
        [
            "Security Spec: Given an unauthenticated user, when accessing the chat, then redirect to login"
        ]
    );
}

#[test]
fn the_plan_of_the_complex_example() {
    let parsed = parse(COMPLEX, None, Deps::Format);
    let policy = Config::default().policy(true).expect("the defaults are good");
    let plan = plan_document(&parsed, &Source::of_text("", COMPLEX.into()), &policy);
    assert_eq!(plan.critical_path, ["1", "2", "6", "7"]);
    assert_eq!(
        (plan.max_parallelism, plan.makespan.lower_bound, plan.makespan.forecast),
        (3, 4.0, 4.0)
    );
    let slack: Vec<f64> = plan.tasks.iter().map(|task| task.slack).collect();
    assert_eq!(slack, [0.0; 8]);
    let waves: Vec<u32> = plan.tasks.iter().map(|task| task.wave).collect();
    assert_eq!(waves, [1, 2, 1, 2, 2, 3, 4, 4]);
}

#[test]
fn version_2_with_steps_folded_into_paragraphs() {
    check(
        "# Installer - Implementation Breakdown\n\n### Stream A: Base (Phase 1)\n\n1. [x] **Backup** 1.1. [x] Create it - Copy -\n       Document 1.2. [ ] Check\n\n   📝 **Commit**: `ci: backup`\n\n2. [ ] **Next** [3 hours]\n\n2.1. [ ] Add 0.14. [docs](x) 2.2.\n[ ] Split\n\n### Stream B: More\n\n#### 3. [ ] **Third**\n\n3.1. [ ] a\n\n### Stream C: Apart\n\n#### 4. [ ] **Fourth**\n\n## Execution Coordination\n\n- **Stream A (Phase 1)** must complete before Stream B can start\n- **Stream C** can begin in parallel with Stream A/B\n",
        expect![[r#"
            breakdown-agent-v2: Installer
            [A] Base
              1 Backup +2 Done
              2 Next ← (1) +2
            [B] More ← [A]
              3 Third +1
            [C] Apart
              4 Fourth
            5:1 Warning open-steps: task 1 is ticked, but 1 of its 2 steps are not: the task's own box counts
        "#]],
    );
}

#[test]
fn version_3_with_prerequisites() {
    check(
        "### Phase 1: User\n\n1. [ ] **Add Resource**\n\n   1.1. [ ] Create\n\n### Phase 2: OAuth\n\n2. [ ] **Configure**\n\n   Prerequisites: Task 1 complete\n\n   2.1. [ ] Add\n",
        expect![[r#"
            breakdown-agent-v3: 
            [Phase 1] User
              1 Add Resource +1
            [Phase 2] OAuth ← ([Phase 1])
              2 Configure ← 1 +1
        "#]],
    );
}

#[test]
fn spec_kit_with_phases_parallel_marks_and_ranges() {
    let text = "# Tasks: Base\n\n## Phase 1: Setup\n\n- [X] T001 Start\n- [ ] T002 [P] Left in src/a.rs\n- [ ] T003 [P] Right\n- [ ] T004 Join (depends on T002, T003)\n\n**Checkpoint**: it builds\n\n## Phase 2: Foundational\n\n- [ ] T005 Base\n\n## Phase 3: User Story 1 - One\n\n- [ ] T006 [US1] Do\n\n## Phase 4: User Story 2 - Two\n\n- [ ] T007 [US2] Do too\n\n## Phase 5: Polish\n\n- [ ] T008 Shine\n\n## Dependencies & Execution Order\n\n- US2 (Phase 4): No dependencies on other stories\n- T008 depends on T001-T004\n";
    check(
        text,
        expect![[r#"
            spec-kit: Base
            [Phase 1] Setup
              T001 Start Done
              T002 Left in src/a.rs ← (T001)
              T003 Right ← (T001)
              T004 Join ← T002, T003
            [Phase 2] Foundational ← ([Phase 1])
              T005 Base
            [Phase 3] User Story 1 - One ← ([Phase 2])
              T006 Do
            [Phase 4] User Story 2 - Two ← ([Phase 2])
              T007 Do too
            [Phase 5] Polish ← ([Phase 1]), ([Phase 2]), ([Phase 3]), ([Phase 4])
              T008 Shine ← T001, T002, T003, T004
            gate Checkpoint Phase 1 Stream [Phase 1]: it builds
        "#]],
    );
    let explicit = parse(text, None, Deps::Explicit);
    assert_eq!((explicit.plan.edges().explicit, explicit.plan.edges().implied), (6, 0));
    assert_eq!(
        parse(text, None, Deps::Order).plan.edges().implied,
        7 - 1,
        "T004 ← T003 is written"
    );
    assert_eq!(parse(text, None, Deps::Phase).plan.streams[3].depends_on.len(), 1);
}

#[test]
fn a_large_set_is_one_node_and_not_an_edge_for_each_pair() {
    let tasks: String = (1..=40).map(|n| format!("- [ ] T{n:03} [P] x\n")).collect();
    let text = format!(
        "# T\n\n## Phase 1: A\n\n{tasks}\n## Dependencies\n\n- T021-T040 depend on T001-T020\n"
    );
    let parsed = parse(&text, None, Deps::Explicit);
    assert_eq!(
        (
            parsed.plan.barriers.len(),
            parsed.plan.barriers[0].tasks.len(),
            parsed.plan.edges().explicit
        ),
        (1, 20, 20)
    );
}

#[test]
fn plain_lists_run_in_order_unless_something_is_written() {
    check(
        "# Things\n\n## First\n\n- [x] a ✅\n  - [x] step\n- [ ] b (SKIPPED: not needed)\n\n## Second\n\n- [>] c\n\n## Definition of Done\n\n- [ ] no task\n",
        expect![[r#"
            task-list: Things
            [First] First
              1 a +1 Done
              2 b (SKIPPED: not needed) ← (1) Skipped
            [Second] Second
              3 c ← (2) Deferred
        "#]],
    );
    check(
        "- [ ] Task 7: a\n  - Agent: rust-expert\n  - Estimate: 2-3 hours\n- [ ] Task 8: b\n  - Depends on: Task 7 complete (it needs the parser)\n  - Files: `src/a.rs:20-30`, src/b.rs\n",
        expect![[r#"
            task-list: 
              7 a
              8 b ← 7
        "#]],
    );
}

#[test]
fn every_problem_has_its_place_and_blocks_only_what_depends_on_it() {
    check(
        "# P\n\nTotal Tasks: 12\n\n- [ ] Task 1: a\n  - Depends on: Task 1\n- [ ] Task 2: b\n  - Depends on: Task 33\n- [ ] Task 2: twice\n- [ ] Task 3: c\n  - Depends on: 2\n- [ ] Task 4: d\n  - Depends on: Task 5\n- [ ] Task 5: e\n  - Depends on: Task 6\n- [ ] Task 6: f\n  - Depends on: Task 4\n- [ ] Task 7: [Task Name]\n- [ ] Task 8: g\n  - Depends on: Supabase access\n\n```markdown\n- [ ] Task 9: not one\n```\n",
        expect![[r#"
            task-list: P
              1 a
              2@7 b !it waits for `33`, which does not exist
              2@9 twice ← (1), (2@7)
              3 c !2 is the id of several tasks: say which one
              4 d ← 5 !it waits for itself in a cycle: 4 ← 5 ← 6 ← 4
              5 e ← 6 !it waits for itself in a cycle: 4 ← 5 ← 6 ← 4
              6 f ← 4 !it waits for itself in a cycle: 4 ← 5 ← 6 ← 4
              7 [Task Name] ← (2@9), (3), (4), (5), (6) !it is a template that was not filled in
              8 g ← (7)
            3:1 Warning total-disagrees: it says 12 tasks, but 9 were read
            6:22 Error self-dependency: task 1 waits for itself: remove that
            8:22 Error unknown-reference: unknown reference `33`
            9:1 Error duplicate-id: task 2 was defined on line 7 already: give it an id of its own → 9
            11:17 Error ambiguous-reference: 2 is the id of several tasks: say which one
            12:1 Error cycle: these tasks wait for each other in a cycle: 4 ← 5 ← 6 ← 4: remove one of the dependencies → None
            18:1 Error placeholder: task 7 is a template that was not filled in (`[Task Name]`): write what it is, or remove it
            20:17 Info external-dependency: `Supabase access` is no task here: it is kept as something needed from outside and blocks nothing
            22:1 Warning tasks-in-fence: 1 task-like line inside the fence that opens here is not read as tasks
        "#]],
    );
}

#[test]
fn references_as_people_write_them() {
    let text = |deps: &str| {
        format!(
            "### Stream A: X (Parallel)\n\n1. **One**\n   - Dependencies: None\n2. **Two**\n   - Dependencies: None\n3. **Three**\n   - Dependencies: None\n\n### Stream B: Y (Parallel)\n\n4. **Four**\n   - Dependencies: {deps}\n"
        )
    };
    let cases = [
        ("Tasks 2, 3 complete", "2, 3"),
        ("Tasks 1 and 3", "1, 3"),
        ("Tasks 1-3", "1, 2, 3"),
        ("A1, A3 (both)", "1, 3"),
        ("Stream A", "[A]"),
        ("Stream A complete", "[A]"),
        ("all previous tasks", "1, 2, 3"),
        ("Task 3 complete (after Stream B)", "3"),
        ("None (start immediately)", ""),
        ("—", ""),
        ("Google provider credentials", ""),
    ];
    for (written, expected) in cases {
        let parsed = parse(&text(written), None, Deps::Format);
        let found: Vec<String> = parsed.plan.tasks[3].depends_on.iter().map(dependency).collect();
        assert_eq!(found.join(", "), expected, "{written}: {:?}", parsed.problems);
    }
}

#[test]
fn a_command_is_run_as_it_is_written() {
    let command = |text: &str| {
        parse(&format!("- [ ] Task 1: x\n{text}"), None, Deps::Format).plan.tasks[0].clone()
    };
    let cases = [
        ("  - Run: echo snake_\n", "echo snake_"),
        ("  - Run: `make test`\n", "make test"),
        ("  - Run: `echo a` && `echo b`\n", "`echo a` && `echo b`"),
        ("  - Run: cat a.txt\n    Agent: somebody\n", "cat a.txt"),
        ("  - **Run**: echo a: b\n", "echo a: b"),
    ];
    for (text, expected) in cases {
        assert_eq!(command(text).command.as_deref(), Some(expected), "{text}");
    }
    assert_eq!(command(cases[3].0).agent.as_deref(), Some("somebody"));
}

#[test]
fn letters_that_grow_in_lower_case_do_no_harm() {
    for text in [
        "### Stream A: One\n\n1. **x**\n\n### Stream B: Two (İİİİİİİİİ after A)\n\n2. **y**\n",
        "### Stream A: One\n\n1. **x**\n\n## Quality Gates\n\n- **Gate 1**: İİİİİİİİİİİİ (after A)\n",
        "- [ ] T001 x\n- [ ] T002 y\n\n## Dependencies\n\n- İİİİİİİİİİİ T002 depends on T001\n",
        "1. [ ] **x**\n\n## Execution Coordination\n\n- İİİİİİ Stream A must complete before Stream B\n",
    ] {
        for (cut, _) in text.char_indices().chain([(text.len(), ' ')]) {
            assert!(!parse(&text[..cut], None, Deps::Format).plan.format.is_empty());
        }
    }
}

#[test]
fn odd_texts_are_read_without_failing() {
    for text in [
        "",
        "\u{feff}",
        "\r\n",
        "```",
        "- [",
        "- [ ]",
        "- [ ] ",
        "#",
        "1. [ ] **",
        "### Stream A:",
        "- [ ] T001",
        "---\na: b\n---\n",
        "<!-- - [ ] x -->",
        "\t- [x]\tx\u{0301}",
        "- [ ] 日本語 タスク\n  - 依存: 1",
    ] {
        let _ = parse(text, None, Deps::Format);
    }
    let crlf = parse(
        "# T\r\n\r\n- [ ] Task 1: a\r\n- [x] Task 2: b\r\n  - Depends on: 1\r\n",
        None,
        Deps::Format,
    );
    assert_eq!(
        (
            crlf.plan.tasks.len(),
            crlf.plan.tasks[1].depends_on.len(),
            crlf.plan.tasks[0].title.as_str()
        ),
        (2, 1, "a")
    );
    // Deep nesting and very many fields end in time.
    let deep: String = (0..3_000).map(|n| format!("{}- [ ] x\n", " ".repeat(n))).collect();
    let _ = parse(&deep, None, Deps::Format);
}
