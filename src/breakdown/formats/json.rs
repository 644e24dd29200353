//! Our own JSON: a plan with its marks, as `schema/breakdown.json` describes it.

use crate::breakdown::build::{Builder, On, Waiting};
use crate::breakdown::convert::{self, Writer};
use crate::breakdown::detect::Signs;
use crate::breakdown::document::Document;
use crate::breakdown::outline::{Detail, SaidBy, StepItem};
use crate::breakdown::problem::Problem;
use crate::breakdown::text::Text;
use crate::breakdown::tree::{Data, Value, json};
use crate::breakdown::{Confidence, Deps, Parsed};
use crate::core::id::{BarrierId, TaskId};
use crate::core::plan::{Dependency, Node, Origin, Plan};
use foldhash::{HashMap, HashSet, HashSetExt};

/// What is said of a task, by its key.
const DETAILS: &[(Detail, &str)] = &[
    (Detail::Agent, "agent"),
    (Detail::Command, "command"),
    (Detail::Commit, "commit"),
    (Detail::Criteria, "criteria"),
    (Detail::Estimate, "estimate"),
    (Detail::Files, "files"),
    (Detail::Notes, "notes"),
    (Detail::Objective, "objective"),
    (Detail::Skills, "skills"),
    (Detail::Specs, "specs"),
    (Detail::Tests, "tests"),
    (Detail::TestsFirst, "testsFirst"),
];

/// The format.
pub struct Json;

impl crate::breakdown::Reader for Json {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        let tree = signs.tree.as_ref()?;
        let ours =
            ["streams", "tasks", "barriers", "marks"].iter().all(|key| tree.get(key).is_some());
        ours.then_some(Confidence::Certain)
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let mut build = Builder::new(text, "json");
        let read = json(text.all, 0..text.all.len())
            .map_err(|mistake| (mistake.span, mistake.what))
            .and_then(|tree| {
                let document: Document = serde_json::from_str(text.all).map_err(|error| {
                    let at =
                        text.lines.get(error.line().saturating_sub(1)).map_or(0, |line| line.start);
                    (at..at, error.to_string())
                })?;
                Ok((tree, document))
            });
        match read {
            Ok((tree, document)) => take(&mut build, &tree, document, deps),
            Err((span, what)) => build.problems.push(Problem::error(
                "unreadable",
                span,
                format!("this is no breakdown in JSON: {what}"),
            )),
        }
        build.finish(deps)
    }

    fn writer(&self) -> Option<&'static Writer> {
        Some(&convert::json::WRITER)
    }
}

fn take(build: &mut Builder<'_>, tree: &Value, document: Document, deps: Deps) {
    let all = build.text.all;
    let items = |key: &str| tree.get(key).map_or(&[][..], Value::items);
    let place = |of: &Value, key: &str| {
        of.get(key).map_or(of.span.start..of.span.start, |value| value.span_in(all))
    };
    let plan = document.plan;
    let format = std::mem::take(&mut build.plan.format);
    build.other_boxes = document.other_boxes;
    let places = |key: &str| items(key).iter().map(|value| value.span_in(all)).collect();
    let outline = &mut build.outline;
    (outline.milestones, outline.deliverables, outline.risks) =
        (places("milestones"), places("deliverables"), places("risks"));
    build.plan = Plan { streams: Vec::new(), tasks: Vec::new(), gates: Vec::new(), format, ..plan };
    for (stream, value) in plan.streams.iter().zip(items("streams")) {
        build.stream(stream.id.as_str(), &stream.name, place(value, "name"));
    }
    let tasks: HashMap<TaskId, usize> =
        plan.tasks.iter().enumerate().map(|(ix, task)| (task.id.clone(), ix)).collect();
    let known = Known { barriers: barriers(build, items("barriers"), &tasks), tasks };
    for (task, value) in plan.tasks.iter().zip(items("tasks")) {
        let ix = build.task_of(task.id.as_str(), None, value, &task.title);
        let broken = build.plan.tasks[ix].broken.take();
        build.plan.tasks[ix] = crate::core::plan::Task {
            depends_on: Vec::new(),
            broken: task.broken.clone().or(broken),
            ..task.clone()
        };
        let done = document.done_steps.get(&task.id);
        let steps = value.get("steps").map_or(&[][..], Value::items).iter().enumerate();
        let task_item = &mut build.outline.tasks[ix];
        task_item.steps = steps
            .map(|(nth, step)| StepItem {
                span: step.span_in(all),
                ticked: Some(done.is_some_and(|done| done.contains(&nth))),
            })
            .collect();
        for (detail, key) in DETAILS {
            let of = value.get(key).filter(|of| **of != Value::nothing(of.span.start));
            let all_of = of.map_or(&[][..], |of| {
                if let Data::List(items) = &of.data { items } else { std::slice::from_ref(of) }
            });
            task_item.details.extend(all_of.iter().map(|value| (*detail, value.span_in(all))));
        }
        if let Some(mark) = document.marks.get(&task.id) {
            build.mark(ix, *mark, SaidBy::Status);
        }
        if build.is_full(value.span.start) {
            break;
        }
    }
    let read = build.plan.tasks.len();
    for (ix, (task, value)) in plan.tasks.iter().zip(items("tasks")).enumerate().take(read) {
        waits(build, Waiting::Task(ix), &task.depends_on, value, &known, deps);
    }
    for (ix, (stream, value)) in plan.streams.iter().zip(items("streams")).enumerate() {
        waits(build, Waiting::Stream(ix), &stream.depends_on, value, &known, deps);
    }
    for (gate, value) in plan.gates.into_iter().zip(items("gates")) {
        build.gate(gate.id.as_str(), gate.level, gate.after, &gate.text, place(value, "text"));
    }
}

/// Sets of which all members are tasks here; of others it is told what they name.
fn barriers(
    build: &mut Builder<'_>,
    items: &[Value],
    known: &HashMap<TaskId, usize>,
) -> HashSet<BarrierId> {
    let mut whole = HashSet::new();
    for (barrier, value) in build.plan.barriers.clone().into_iter().zip(items) {
        let places = value.get("tasks").map_or(&[][..], Value::items);
        let unknown: Vec<&Value> = barrier
            .tasks
            .iter()
            .zip(places)
            .filter(|(id, _)| !known.contains_key(id))
            .map(|(_, at)| at)
            .collect();
        for at in &unknown {
            let what = format!(
                "`{}` is no task that this breakdown has, so nothing can wait for {}",
                at.word().unwrap_or_default(),
                barrier.id
            );
            build.problems.push(Problem::error(
                "unknown-reference",
                at.span_in(build.text.all),
                what,
            ));
        }
        if unknown.is_empty() {
            whole.insert(barrier.id);
        }
    }
    whole
}

/// What is written is resolved like any reference, what is implied stays so.
fn waits(
    build: &mut Builder<'_>,
    who: Waiting,
    on: &[Dependency],
    value: &Value,
    known: &Known,
    deps: Deps,
) {
    let all = build.text.all;
    let places = value.get("dependsOn").map_or(&[][..], Value::items);
    for (Dependency { on, origin }, place) in on.iter().zip(places) {
        let span = place
            .get("on")
            .and_then(|on| on.entries().next())
            .map_or(place.span.clone(), |(_, _, id)| id.span_in(all));
        let (origin, written) = (*origin, *origin == Origin::Explicit);
        if !written && deps != Deps::Format {
            continue;
        }
        match on {
            Node::Task(id) => match known.tasks.get(id).filter(|_| !written) {
                Some(&ix) => build.implies_by(who, On::Task(ix), origin),
                None => build.waits_exactly(who, id.as_str(), span),
            },
            Node::Stream(id) => match build.stream_of(id.as_str()) {
                Some(ix) if !written => build.implies_by(who, On::Stream(ix), origin),
                Some(_) => build.depend(who, on.clone(), origin),
                None => build.unknown(who, id.as_str(), "", span, None),
            },
            Node::Barrier(id) if known.barriers.contains(id) => {
                build.depend(who, on.clone(), origin)
            }
            Node::Barrier(id) => build.unknown(who, id.as_str(), "", span, None),
        }
    }
}

/// What can be waited for beside streams.
struct Known {
    tasks: HashMap<TaskId, usize>,
    barriers: HashSet<BarrierId>,
}
