//! A brief as Markdown, for agents that read text.

use crate::config::definition::Definition;
use crate::core::brief::Brief;
use std::fmt::Write as _;

/// The brief as text. `own` is what the agent's definition says; `told` whether the agent knows it already.
pub fn markdown(brief: &Brief, own: Option<&Definition>, told: bool) -> String {
    let mut out = String::new();
    if let Some(definition) = own.filter(|_| !told) {
        let _ = write!(out, "# Who you are\n\n{}\n\n", definition.instructions);
    }
    let subject = match &brief.task {
        Some(task) => format!("Task {}: {}", task.id, task.title),
        None => brief.topic.clone(),
    };
    let ask = match brief.role.as_str() {
        "tests" => "Write the tests for this task. Do not implement it: the tests must fail until the behaviour is there.",
        "consultation" => "Advise on this task before it is begun. Change nothing.",
        "review" => "Review what was done for this task. Change nothing.",
        "final-review" => "Review the whole of what was done. Change nothing.",
        _ => "Do this task. Its tests must pass when you are done.",
    };
    let _ = write!(out, "# {subject}\n\n{ask}\n\n- Topic: {}\n- Order: {}\n- Role: {}\n", brief.topic, brief.order, brief.role);
    if !brief.base.is_empty() {
        let _ =
            writeln!(out, "- Place: {} (a git worktree of this task's own; `git diff {}` shows the work on it)", brief.folder, brief.base);
    }
    if brief.round > 0 {
        let _ = writeln!(out, "- Round of rework: {}", brief.round);
    }
    if !brief.findings.is_empty() {
        out.push_str("\n## Mend these findings\n\n");
        for finding in &brief.findings {
            let place = finding.place.as_ref().map_or(String::new(), |place| format!(" ({place})"));
            let _ = writeln!(out, "- {}: {}{place}", finding.by, finding.text);
        }
    }
    if !brief.conflicts.is_empty() {
        out.push_str("\n## Files with both sides of a conflict\n\nOthers changed them too, and their work is merged. Keep what both sides are for, and leave no markers.\n\n");
        for file in &brief.conflicts {
            let _ = writeln!(out, "- {file}");
        }
    }
    if let Some(task) = &brief.task {
        section(&mut out, "Objective", std::slice::from_ref(&task.objective));
        section(&mut out, "Steps", &task.steps);
        section(&mut out, "Acceptance criteria", &task.criteria);
        section(&mut out, "Tests", &task.tests);
        section(&mut out, "Specifications", &task.specs);
        section(&mut out, "Files", &task.files);
        section(&mut out, "Notes", &task.notes);
        section(&mut out, "Suggested commit message", task.commit.as_slice());
    } else if !brief.summary.is_empty() {
        let _ = write!(out, "\n## Summary\n\n{}\n", brief.summary);
    }
    for handoff in &brief.handoffs {
        let _ = write!(out, "\n## From task {}: {}\n\n{}\n", handoff.task, handoff.title, handoff.summary);
        for file in &handoff.files {
            let _ = writeln!(out, "- changed: {file}");
        }
        for decision in &handoff.decisions {
            let _ = writeln!(out, "- decided: {decision}");
        }
    }
    for advice in &brief.consultations {
        let _ = write!(out, "\n## Advice of {}\n\n{}\n", advice.expert, advice.text);
    }
    section(&mut out, "Changed files", &brief.changed_files);
    section(&mut out, "Failed before this task, and none of its doing", &brief.failed_before);
    out.push_str("\n## Answer\n\n");
    if own.is_some_and(|definition| definition.returns().is_some()) {
        out.push_str("Answer in the return format that you were given, with every field filled in.\n");
        return out;
    }
    out.push_str(match brief.role.as_str() {
        "review" | "final-review" => "Print a block that begins with `## Review Complete`, with `### Critical Issues Found: Yes` or `No`, and a list under `### 🚨 Blockers`, `### ⚠️ Concerns` and `### 💡 Suggestions`; or one line of JSON: {\"verdict\":\"pass\"|\"fail\",\"summary\":\"…\",\"findings\":[{\"severity\":\"blocker\",\"text\":\"…\",\"place\":\"file:line\"}]}\n",
        "consultation" => "Print your advice, with key recommendations and critical warnings first.\n",
        _ => "Print a block that begins with `## Implementation Summary`, with `**Completed:**` and a list, `**Files:**` and a list, and `**Status:** ✅ Complete`, `⚠️ Blocked` or `❌ Failed`; or one line of JSON: {\"status\":\"complete\"|\"blocked\"|\"failed\",\"summary\":\"…\",\"files\":[\"…\"]}\n",
    });
    out
}

fn section(out: &mut String, title: &str, items: &[String]) {
    let items: Vec<&String> = items.iter().filter(|item| !item.is_empty()).collect();
    if items.is_empty() {
        return;
    }
    let _ = write!(out, "\n## {title}\n\n");
    for item in items {
        let _ = writeln!(out, "- {item}");
    }
}
