//! Our own JSON: a plan with its marks, as `schema/breakdown.json` describes it.

use super::build::{Builder, On, Waiting};
use super::detect::Signs;
use super::outline::SaidBy;
use super::problem::Problem;
use super::text::Text;
use super::tree::{Value, json};
use super::{Confidence, Deps, Parsed};
use crate::core::event::Mark;
use crate::core::id::TaskId;
use crate::core::plan::{Dependency, Node, Origin, Plan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A breakdown with all that it says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Document {
    /// What there is to do.
    #[serde(flatten)]
    pub plan: Plan,
    /// What is done, skipped or put off.
    pub marks: BTreeMap<TaskId, Mark>,
    /// Steps that are done, by their places from 0.
    pub done_steps: BTreeMap<TaskId, BTreeSet<usize>>,
}

impl Document {
    /// What was read.
    pub fn of(parsed: &Parsed) -> Self {
        let done = |(_, steps): &(&TaskId, &Vec<(std::ops::Range<usize>, bool)>)| steps.iter().any(|(_, done)| *done);
        let spots = parsed.outline.tasks.iter().map(|spot| (&spot.id, &spot.steps)).filter(done);
        let places = |steps: &Vec<(std::ops::Range<usize>, bool)>| {
            steps.iter().enumerate().filter(|(_, (_, done))| *done).map(|(nth, _)| nth).collect()
        };
        let done_steps = spots.map(|(id, steps)| (id.clone(), places(steps))).collect();
        Self { plan: parsed.plan.clone(), marks: parsed.marks.clone(), done_steps }
    }

    /// As a text.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// The format.
pub struct Json;

impl super::Reader for Json {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        let tree = signs.tree.as_ref()?;
        let ours = ["streams", "tasks", "barriers", "marks"].iter().all(|key| tree.get(key).is_some());
        ours.then_some(Confidence::Certain)
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let mut build = Builder::new(text, "json");
        let read = json(text.all, 0..text.all.len()).map_err(|mistake| (mistake.span, mistake.what)).and_then(|tree| {
            let document: Document = serde_json::from_str(text.all).map_err(|error| {
                let at = text.lines.get(error.line().saturating_sub(1)).map_or(0, |line| line.start);
                (at..at, error.to_string())
            })?;
            Ok((tree, document))
        });
        match read {
            Ok((tree, document)) => take(&mut build, &tree, document),
            Err((span, what)) => build.problems.push(Problem::error("unreadable", span, format!("this is no breakdown in JSON: {what}"))),
        }
        build.finish(deps)
    }
}

fn take(build: &mut Builder<'_>, tree: &Value, document: Document) {
    let all = build.text.all;
    let items = |key: &str| tree.get(key).map_or(&[][..], Value::items);
    let place = |of: &Value, key: &str| of.get(key).map_or(of.span.start..of.span.start, |value| value.place(all));
    let plan = document.plan;
    let format = std::mem::take(&mut build.plan.format);
    build.plan = Plan { streams: Vec::new(), tasks: Vec::new(), gates: Vec::new(), format, ..plan };
    for (stream, value) in plan.streams.iter().zip(items("streams")) {
        build.stream(stream.id.as_str(), &stream.name, place(value, "name"));
    }
    let indices: HashMap<TaskId, usize> = plan.tasks.iter().enumerate().map(|(ix, task)| (task.id.clone(), ix)).collect();
    for (task, value) in plan.tasks.iter().zip(items("tasks")) {
        let ix = build.task_of(task.id.as_str(), None, value, &task.title);
        let broken = build.plan.tasks[ix].broken.take();
        build.plan.tasks[ix] = crate::core::plan::Task { depends_on: Vec::new(), broken: task.broken.clone().or(broken), ..task.clone() };
        let done = document.done_steps.get(&task.id);
        let steps = value.get("steps").map_or(&[][..], Value::items).iter().enumerate();
        build.outline.tasks[ix].steps = steps.map(|(nth, step)| (step.place(all), done.is_some_and(|done| done.contains(&nth)))).collect();
        if let Some(mark) = document.marks.get(&task.id) {
            build.mark(ix, *mark, SaidBy::Status);
        }
        waits(build, Waiting::Task(ix), &task.depends_on, value, &indices);
        if build.is_full(value.span.start) {
            break;
        }
    }
    for (ix, (stream, value)) in plan.streams.iter().zip(items("streams")).enumerate() {
        waits(build, Waiting::Stream(ix), &stream.depends_on, value, &indices);
    }
    for (gate, value) in plan.gates.into_iter().zip(items("gates")) {
        build.gate(gate.id.as_str(), gate.level, gate.after, &gate.text, place(value, "text"));
    }
}

/// What is written is resolved like any reference, what order implied stays implied.
fn waits(build: &mut Builder<'_>, who: Waiting, on: &[Dependency], value: &Value, indices: &HashMap<TaskId, usize>) {
    let all = build.text.all;
    let places = value.get("dependsOn").map_or(&[][..], Value::items);
    for (dependency, place) in on.iter().zip(places) {
        let span = place.get("on").and_then(|on| on.entries().next()).map_or(place.span.clone(), |(_, _, id)| id.place(all));
        match (&dependency.on, dependency.origin) {
            (Node::Task(id), Origin::Implied) if indices.contains_key(id) => build.implies(who, On::Task(indices[id])),
            (Node::Task(id), _) => build.waits_exactly(who, id.as_str(), span),
            (Node::Stream(id), Origin::Implied) if build.stream_of(id.as_str()).is_some() => {
                let stream = build.stream_of(id.as_str()).unwrap_or_default();
                build.implies(who, On::Stream(stream));
            }
            (Node::Stream(id), _) if build.stream_of(id.as_str()).is_none() => build.waits_exactly(who, id.as_str(), span),
            (Node::Stream(_) | Node::Barrier(_), _) => match who {
                Waiting::Task(ix) => build.plan.tasks[ix].depends_on.push(dependency.clone()),
                Waiting::Stream(ix) => build.plan.streams[ix].depends_on.push(dependency.clone()),
            },
        }
    }
}
