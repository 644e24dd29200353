//! Kiro's `tasks.md`: streams with their tasks as parts, and a graph in which each task is a wave, as waves wait for
//! one another as a whole.

use super::{DefaultStream, Writer, by_stream, line, mark, waits};
use crate::breakdown::document::Document;
use crate::core::event::Mark;
use crate::core::id::TaskId;
use crate::core::plan::Task;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// How it is written.
pub const WRITER: Writer = Writer {
    drops_empty_streams: true,
    default_stream: DefaultStream::BesideOthers,
    task_id: Some(id),
    stream_id: |nth, _| (nth + 1).to_string(),
    keeps_short_ids: false,
    write,
};

/// `2.1` for the first task of the second stream, `2` for the second task where there are no streams.
fn id(nth: usize, stream: Option<usize>, within: usize) -> String {
    stream.map_or_else(|| (nth + 1).to_string(), |stream| format!("{}.{within}", stream + 1))
}

/// Writes a breakdown.
fn write(document: &Document) -> String {
    let plan = &document.plan;
    let mut out = format!("# Implementation Plan: {}\n\n", line(&plan.topic));
    let summary = if plan.summary.is_empty() {
        String::new()
    } else {
        format!("## Overview\n\n{}\n\n", plan.summary.trim())
    };
    // Tasks of no stream that stand below a heading would be in one.
    let has_streams = plan.tasks.iter().all(|task| task.stream.is_some());
    if has_streams {
        let _ = write!(out, "{summary}## Tasks\n\n");
    }
    for (stream, tasks) in by_stream(plan) {
        if let Some(stream) = stream {
            let done =
                !tasks.is_empty() && tasks.iter().all(|task| mark(document, &task.id) == 'x');
            let _ = writeln!(
                out,
                "- [{}] {}. {}",
                if done { 'x' } else { ' ' },
                stream.id,
                line(&stream.name)
            );
        }
        let indent = if stream.is_some() { "  " } else { "" };
        tasks.into_iter().for_each(|task| write_task(&mut out, document, task, indent));
    }
    if !has_streams {
        let _ = write!(out, "\n{}", summary.trim_end());
        out.push('\n');
    }
    let waits = waits(plan);
    if waits.values().any(|on| !on.is_empty()) {
        let waves: Vec<_> = in_order(&waits)
            .into_iter()
            .map(|id| json!({"id": id, "tasks": [id], "depends_on": waits[id]}))
            .collect();
        let lines: Vec<String> = waves.iter().map(ToString::to_string).collect();
        let _ = write!(
            out,
            "\n## Task Dependency Graph\n\n```json\n{{\"waves\": [\n{}\n]}}\n```\n",
            lines.join(",\n")
        );
    }
    out
}

/// Each after all that it waits for; what goes in circles last.
fn in_order<'p>(waits: &BTreeMap<&'p TaskId, BTreeSet<&'p TaskId>>) -> Vec<&'p TaskId> {
    let mut left: BTreeMap<&TaskId, usize> = waits.iter().map(|(id, on)| (*id, on.len())).collect();
    let mut after: BTreeMap<&TaskId, Vec<&'p TaskId>> = BTreeMap::new();
    waits
        .iter()
        .for_each(|(id, on)| on.iter().for_each(|on| after.entry(on).or_default().push(id)));
    let mut free: BTreeSet<&TaskId> =
        left.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id).collect();
    let mut order: Vec<&TaskId> = Vec::new();
    while let Some(id) = free.pop_first() {
        order.push(id);
        for next in after.get(id).into_iter().flatten() {
            if let Some(count) = left.get_mut(next) {
                *count -= 1;
                if *count == 0 {
                    free.insert(next);
                }
            }
        }
    }
    let done: BTreeSet<&TaskId> = order.iter().copied().collect();
    order.extend(waits.keys().filter(|id| !done.contains(*id)));
    order
}

fn write_task(out: &mut String, document: &Document, task: &Task, indent: &str) {
    let optional = if document.marks.get(&task.id) == Some(&Mark::Skipped) { "*" } else { "" };
    let dot = if task.id.as_str().contains('.') { "" } else { "." };
    let _ = writeln!(
        out,
        "{indent}- [{}]{optional} {}{dot} {}",
        mark(document, &task.id),
        task.id,
        line(&task.title)
    );
    for step in &task.steps {
        let _ = writeln!(out, "{indent}  - {}", line(step));
    }
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(out, "{indent}  - {name}: {}", line(value));
        }
    };
    field("Objective", &task.objective);
    field("Agent", task.agent.as_deref().unwrap_or_default());
    field("Files", &task.files.join(", "));
    field("Estimate", &task.estimate.map(|estimate| estimate.to_string()).unwrap_or_default());
    let requirements = task.notes.iter().find_map(|note| note.strip_prefix("Requirements: "));
    if let Some(requirements) = requirements {
        let _ = writeln!(out, "{indent}  - _Requirements: {}_", line(requirements));
    }
}
