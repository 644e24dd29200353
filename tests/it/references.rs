//! What a text refers to, in the ways that people write it: data in, data out.

use execution_coordinator::breakdown::{Deps, Format, parse};
use execution_coordinator::core::plan::Node;
use expect_test::{Expect, expect};
use std::fmt::Write as _;

/// What the last of three tasks in two phases waits for, and what is said about it.
fn check(values: &[&str], expected: Expect) {
    let mut shown = String::new();
    for value in values {
        let text = format!(
            "# T\n\n## Phase 1: a\n\n### Task 1: x\n\n**Depends on**: None\n\n### Task 2: y\n\n## Phase 2: b\n\n### Task 3.1: z\n\n### Task T-4: w\n\n**Depends on**: {value}\n"
        );
        let parsed = parse(&text, Some(Format::Streams), Deps::Format);
        let on = |node: &Node| match node {
            Node::Task(id) => id.to_string(),
            Node::Stream(id) => format!("[{id}]"),
            Node::Barrier(id) => format!("{{{id}}}"),
        };
        let waits: Vec<String> =
            parsed.plan.tasks[3].depends_on.iter().map(|dependency| on(&dependency.on)).collect();
        let told: Vec<String> = parsed
            .problems
            .iter()
            .map(|problem| {
                let fix =
                    problem.fix.as_ref().map_or(String::new(), |fix| format!(" ({})", fix.title));
                format!(
                    "\n    {} {}: {}{fix}",
                    problem.severity.name(),
                    problem.code,
                    &text[problem.span.clone()]
                )
            })
            .collect();
        let _ = writeln!(shown, "{value} → {}{}", waits.join(", "), told.concat());
    }
    expected.assert_eq(&shown);
}

#[test]
fn among_other_words() {
    check(
        &[
            "Task 1 output",
            "Requires Task 1",
            "After Task 1, then Task 2",
            "Task 1 or 2",
            "Tasks 1/2",
            "Task 1 through Task 2",
            "Task 1 → Task 2",
            "Task 1 ✅",
            "Task 1 [x]",
            "the schema of Task 2 and Task 3.1's API",
            "Stories 1, 2",
            "[\"3.1\"]",
            "`3.1`, ~~2~~",
            "3.1 | **Req**: S1",
            "タスク1-2完了",
            "任务3.1 完成",
        ],
        expect![[r#"
            Task 1 output → 1
                info inexact-reference: Task 1 output
            Requires Task 1 → 1
            After Task 1, then Task 2 → 1, 2
            Task 1 or 2 → 1, 2
            Tasks 1/2 → 1, 2
            Task 1 through Task 2 → 1, 2
            Task 1 → Task 2 → 1, 2
            Task 1 ✅ → 1
                info inexact-reference: Task 1 ✅
            Task 1 [x] → 1
                info inexact-reference: Task 1 [x
            the schema of Task 2 and Task 3.1's API → 2, 3.1
                info inexact-reference: the schema of Task 2
                info inexact-reference: Task 3.1's API
            Stories 1, 2 → 1, 2
            ["3.1"] → 3.1
            `3.1`, ~~2~~ → 3.1, 2
            3.1 | **Req**: S1 → 3.1
            タスク1-2完了 → 1, 2
            任务3.1 完成 → 3.1
                info inexact-reference: 任务3.1 完成
        "#]],
    );
}

#[test]
fn of_many() {
    check(
        &[
            "All tasks",
            "everything",
            "全部",
            "All Phase 1 tasks",
            "All Phase 1, 2 tasks",
            "Phase 01",
            "all previous phases",
            "Phase 1's schema",
        ],
        expect![[r#"
            All tasks → 1, 2, 3.1
            everything → 1, 2, 3.1
            全部 → 1, 2, 3.1
            All Phase 1 tasks → [Phase 1]
            All Phase 1, 2 tasks → [Phase 1], [Phase 2]
                error cycle: ### Task T-4: w
            Phase 01 → [Phase 1]
            all previous phases → 1, 2, 3.1
            Phase 1's schema → [Phase 1]
        "#]],
    );
}

#[test]
fn of_nothing_here() {
    check(
        &[
            "Supabase access",
            "3 databases",
            "the S3 bucket",
            "docs/v1/2",
            "All API keys",
            "Task 9",
            "T-5",
            "t4",
            "Phase 7",
            "T4",
        ],
        expect![[r#"
            Supabase access → 3.1
                info external-dependency: Supabase access
            3 databases → 3.1
                info external-dependency: 3 databases
            the S3 bucket → 3.1
                info external-dependency: the S3 bucket
            docs/v1/2 → 3.1
                info external-dependency: docs/v1/2
            All API keys → 3.1
                info external-dependency: All API keys
            Task 9 → 
                error unknown-reference: 9
            T-5 → 
                error unknown-reference: T-5
            t4 → 
                error unknown-reference: t4
            Phase 7 → 
                error unknown-reference: 7
            T4 → 
                error unknown-reference: T4
        "#]],
    );
}
