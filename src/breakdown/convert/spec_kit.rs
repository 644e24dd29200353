//! spec-kit's `tasks.md`: every task may run beside the others but for what it says that it waits for, and phases
//! say what they wait for.

use super::{DefaultStream, Writer, by_stream, line, mark, waits, write_fields};
use crate::breakdown::detect::is_spec_kit_id;
use crate::breakdown::document::Document;
use crate::core::id::TaskId;
use crate::core::plan::{Node, Stream, Task};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// How it is written.
pub const WRITER: Writer = Writer {
    drops_empty_streams: true,
    default_stream: DefaultStream::Never,
    task_id: Some(|nth, _, _| format!("T{:03}", nth + 1)),
    stream_id: |nth, _| format!("Phase {}", nth + 1),
    keeps_short_ids: false,
    write,
};

/// Writes a breakdown.
fn write(document: &Document) -> String {
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
        for gate in plan
            .gates
            .iter()
            .filter(|gate| stream.is_some_and(|stream| gate.after.last() == Some(&stream.id)))
        {
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
    let on: Vec<&str> =
        stream
            .depends_on
            .iter()
            .filter_map(|dependency| {
                if let Node::Stream(id) = &dependency.on { Some(id.as_str()) } else { None }
            })
            .collect();
    if on.is_empty() { "No dependencies".into() } else { format!("Depends on {}", on.join(", ")) }
}

fn write_task(out: &mut String, document: &Document, task: &Task, waits: &BTreeSet<&TaskId>) {
    let on: Vec<&str> = waits.iter().map(|id| id.as_str()).collect();
    let after =
        if on.is_empty() { String::new() } else { format!(" (depends on {})", on.join(", ")) };
    let _ = writeln!(
        out,
        "- [{}] {} [P] {}{after}",
        mark(document, &task.id),
        task.id,
        line(&task.title)
    );
    // Those in the title are read from there.
    let files: Vec<String> =
        task.files.iter().filter(|file| !task.title.contains(file.as_str())).cloned().collect();
    write_fields(out, task, "  ", &files);
    let done = document.done_steps.get(&task.id);
    for (nth, step) in task.steps.iter().enumerate() {
        let done = done.is_some_and(|done| done.contains(&nth));
        // What begins like a task would be one.
        let text = if is_spec_kit_id(step.trim_start_matches(['*', '~', '`', ' '])) {
            format!("({})", line(step))
        } else {
            line(step)
        };
        let _ = writeln!(out, "  - [{}] {text}", if done { 'x' } else { ' ' });
    }
}
