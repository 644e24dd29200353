//! claude-task-master's `tasks.json`: one tag, and what a task waits for as tasks.

use super::{DefaultStream, Writer, same_id, waits};
use crate::breakdown::document::Document;
use crate::core::event::Mark;
use crate::core::plan::Task;
use serde_json::{Map, Value, json};

/// How it is written.
pub const WRITER: Writer = Writer {
    drops_empty_streams: false,
    default_stream: DefaultStream::Never,
    task_id: Some(|nth, _, _| (nth + 1).to_string()),
    stream_id: same_id,
    keeps_short_ids: false,
    write,
};

/// Writes a breakdown.
fn write(document: &Document) -> String {
    let plan = &document.plan;
    let waits = waits(plan);
    let number = |id: &str| id.parse::<u64>().map_or_else(|_| json!(id), |number| json!(number));
    let one = |task: &Task| {
        let on: Vec<Value> = waits[&task.id].iter().map(|id| number(id.as_str())).collect();
        let mut value = Map::from_iter([
            ("id".to_owned(), number(task.id.as_str())),
            ("title".to_owned(), json!(task.title)),
            ("description".to_owned(), json!(task.objective)),
            ("details".to_owned(), json!(task.specs.join("\n"))),
            ("testStrategy".to_owned(), json!(task.tests.join("\n"))),
            ("status".to_owned(), json!(status(document.marks.get(&task.id)))),
            ("dependencies".to_owned(), json!(on)),
        ]);
        let done = document.done_steps.get(&task.id);
        let part = |(nth, step): (usize, &String)| {
            let done = done.is_some_and(|done| done.contains(&nth));
            json!({"id": nth + 1, "title": step, "status": if done { "done" } else { "pending" }, "dependencies": []})
        };
        value.insert("subtasks".into(), task.steps.iter().enumerate().map(part).collect());
        let mut more = |key: &str, of: Value| {
            drop((of != json!("") && of != json!([])).then(|| value.insert(key.into(), of)))
        };
        more("acceptanceCriteria", json!(task.criteria));
        more("relevantFiles", json!(task.files));
        more("assignee", json!(task.agent.as_deref().unwrap_or_default()));
        more(
            "effort",
            json!(task.estimate.map(|estimate| estimate.to_string()).unwrap_or_default()),
        );
        let priority = task.notes.iter().find_map(|note| note.strip_prefix("priority: "));
        more("priority", json!(priority.unwrap_or_default()));
        Value::Object(value)
    };
    let tasks: Vec<Value> = plan.tasks.iter().map(one).collect();
    let text = serde_json::to_string_pretty(
        &json!({"master": {"tasks": tasks, "metadata": {"description": plan.topic}}}),
    );
    text.unwrap_or_default() + "\n"
}

fn status(mark: Option<&Mark>) -> &'static str {
    match mark {
        Some(Mark::Done) => "done",
        Some(Mark::Skipped) => "cancelled",
        Some(Mark::Deferred) => "deferred",
        None => "pending",
    }
}
