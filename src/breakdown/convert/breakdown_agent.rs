//! The first version of the breakdown-agent's format: streams, numbered tasks, fields, gates; what is done has a sign behind its title.

use super::{DefaultStream, Writer, by_stream, letter, line, named, write_fields};
use crate::breakdown::document::Document;
use crate::core::event::Mark;
use crate::core::plan::{Node, Stream, Task};
use std::fmt::Write as _;

/// How it is written.
pub const WRITER: Writer = Writer {
    drops_empty_streams: false,
    default_stream: DefaultStream::Always,
    task_id: Some(|nth, _, _| (nth + 1).to_string()),
    stream_id: |nth, _| letter(nth),
    keeps_short_ids: true,
    write,
};

/// Writes a breakdown.
fn write(document: &Document) -> String {
    let plan = &document.plan;
    let mut out = format!("# {} Task Breakdown\n\n", line(&plan.topic));
    if !plan.summary.is_empty() {
        let _ = write!(out, "## Implementation Plan Summary\n\n{}\n\n", plan.summary.trim());
    }
    out.push_str("## Task Hierarchy and Dependencies\n");
    for (stream, tasks) in by_stream(plan) {
        if let Some(stream) = stream {
            let _ = write!(
                out,
                "\n### Stream {}: {} ({})\n",
                stream.id,
                line(&stream.name),
                start(stream)
            );
        }
        tasks.into_iter().for_each(|task| write_task(&mut out, document, task));
    }
    if !plan.gates.is_empty() {
        out.push_str("\n### Quality Gates:\n\n");
        for gate in &plan.gates {
            let after: Vec<String> =
                gate.after.iter().map(|stream| format!("Stream {stream}")).collect();
            let after = if after.is_empty() {
                String::new()
            } else {
                format!(" (after {})", after.join(" and "))
            };
            let _ = writeln!(out, "- **{}**: {}{after}", gate.id, line(&gate.text));
        }
    }
    out
}

fn start(stream: &Stream) -> String {
    let on: Vec<String> = stream
        .depends_on
        .iter()
        .map(|dependency| match &dependency.on {
            Node::Stream(id) => format!("Stream {id}"),
            Node::Task(id) => format!("Task {id}"),
            Node::Barrier(id) => format!("Tasks {id}"),
        })
        .collect();
    if on.is_empty() { "Parallel Start".into() } else { format!("Depends on {}", on.join(", ")) }
}

fn write_task(out: &mut String, document: &Document, task: &Task) {
    let plan = &document.plan;
    // A colon at its end would make a field of the title.
    let title = line(&task.title);
    let done = if document.marks.get(&task.id) == Some(&Mark::Done) { " ✅" } else { "" };
    let _ = write!(out, "\n{}. **{}**{done}\n", task.id, title.trim_end_matches([':', '：', ' ']));
    let (mut tasks, mut others) = (Vec::new(), Vec::new());
    for dependency in &task.depends_on {
        match &dependency.on {
            Node::Task(id) => tasks.push(id.to_string()),
            Node::Stream(id) => others.push(format!("Stream {id}")),
            Node::Barrier(id) => {
                let of = plan.barriers.iter().find(|barrier| barrier.id == *id);
                tasks.extend(
                    of.into_iter()
                        .flat_map(|barrier| barrier.tasks.iter().map(ToString::to_string)),
                );
            }
        }
    }
    if !tasks.is_empty() {
        others.insert(
            0,
            format!("Task{} {}", if tasks.len() > 1 { "s" } else { "" }, tasks.join(", ")),
        );
    }
    let waits = if others.is_empty() { "None".to_owned() } else { others.join(", ") };
    let _ = writeln!(out, "   - Dependencies: {waits}");
    write_fields(out, task, "   ", &task.files);
    for (name, value) in task.notes.iter().filter_map(|note| named(note)) {
        let _ = writeln!(out, "   - {name}: {}", line(value));
    }
}
