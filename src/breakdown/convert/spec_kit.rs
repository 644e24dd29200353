//! spec-kit's `tasks.md`: every task may run beside the others but for what it says that it waits for, and phases
//! say what they wait for.

use super::{by_stream, estimate, line, mark, waits};
use crate::breakdown::json::Document;
use crate::core::id::TaskId;
use crate::core::plan::{Node, Stream, Task};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Writes a breakdown.
pub fn write(document: &Document) -> String {
    let plan = &document.plan;
    let own = own_waits(plan.clone());
    let waits = waits(&own);
    let mut out = format!("# Tasks: {}\n", line(&plan.topic));
    for (stream, tasks) in by_stream(plan) {
        if let Some(stream) = stream {
            let _ = write!(out, "\n## {}: {}\n", stream.id, line(&stream.name));
        }
        out.push('\n');
        for task in tasks {
            write_task(&mut out, document, task, &waits[&task.id]);
        }
        for gate in plan.gates.iter().filter(|gate| stream.is_some_and(|stream| gate.after.last() == Some(&stream.id))) {
            let _ = write!(out, "\n**Checkpoint**: {}\n", line(&gate.text));
        }
    }
    if plan.streams.len() > 1 {
        out.push_str("\n## Dependencies & Execution Order\n\n");
        for stream in &plan.streams {
            let _ = writeln!(out, "- **{}**: {}", stream.id, start(stream));
        }
    }
    out
}

/// What stands at tasks themselves; what streams wait for stands at those.
fn own_waits(mut plan: crate::core::plan::Plan) -> crate::core::plan::Plan {
    for stream in &mut plan.streams {
        stream.depends_on.retain(|dependency| !matches!(dependency.on, Node::Stream(_)));
    }
    plan
}

fn start(stream: &Stream) -> String {
    let on: Vec<&str> = stream
        .depends_on
        .iter()
        .filter_map(|dependency| if let Node::Stream(id) = &dependency.on { Some(id.as_str()) } else { None })
        .collect();
    if on.is_empty() { "No dependencies".into() } else { format!("Depends on {}", on.join(", ")) }
}

fn write_task(out: &mut String, document: &Document, task: &Task, waits: &BTreeSet<&TaskId>) {
    let on: Vec<&str> = waits.iter().map(|id| id.as_str()).collect();
    let after = if on.is_empty() { String::new() } else { format!(" (depends on {})", on.join(", ")) };
    let _ = writeln!(out, "- [{}] {} [P] {}{after}", mark(document, &task.id), task.id, line(&task.title));
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(out, "  - {name}: {}", line(value));
        }
    };
    field("Agent", task.agent.as_deref().unwrap_or_default());
    field("Estimate", &task.estimate.map(estimate).unwrap_or_default());
    field("Skills", &task.skills.join(", "));
    let files: Vec<&str> = task.files.iter().map(String::as_str).filter(|file| !task.title.contains(file)).collect();
    field("Files", &files.join(", "));
    field("Run", task.command.as_deref().unwrap_or_default());
    if let Some(rule) = task.tests_first {
        field("Tests First", &format!("{rule:?}").to_lowercase());
    }
    field("Objective", &task.objective);
    field("Commit", task.commit.as_deref().unwrap_or_default());
    for (name, value) in task.specs.iter().filter_map(|spec| spec.split_once(": ")) {
        field(name, value);
    }
    let mut list = |name: &str, all: &[String]| {
        if !all.is_empty() {
            let _ = writeln!(out, "  - {name}:");
            for one in all {
                let _ = writeln!(out, "    - {}", line(one));
            }
        }
    };
    list("Test Requirements", &task.tests);
    list("Acceptance Criteria", &task.criteria);
    let done = document.done_steps.get(&task.id);
    for (nth, step) in task.steps.iter().enumerate() {
        let done = done.is_some_and(|done| done.contains(&nth));
        let _ = writeln!(out, "  - [{}] {}", if done { 'x' } else { ' ' }, line(step));
    }
}
