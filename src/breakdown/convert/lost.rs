//! What of a breakdown is not in another one any more.

use super::{line, waits};
use crate::breakdown::Parsed;
use crate::breakdown::document::Document;
use crate::breakdown::owners::Owner;
use crate::breakdown::problem::some_of;
use crate::breakdown::text::Text;
use crate::core::id::TaskId;
use crate::core::plan::{Dependency, Plan, Task};
use std::collections::{BTreeMap, BTreeSet};

/// Tasks up to which it is compared what each waits for in the end; above, what it waits for itself is.
const MAX_CLOSED: usize = 1_000;

/// A property of tasks, in a form in which two can be compared.
type Property = (&'static str, fn(&Task) -> String);

const PROPERTIES: [Property; 15] = [
    ("what blocks it", |task| task.broken.clone().unwrap_or_default()),
    ("title", |task| line(&task.title)),
    ("agent", |task| task.agent.clone().unwrap_or_default()),
    ("skills", |task| line(&task.skills.join(", "))),
    ("estimate", |task| format!("{:?}", task.estimate)),
    ("files", |task| line(&task.files.join(", "))),
    ("command", |task| line(task.command.as_deref().unwrap_or_default())),
    ("objective", |task| line(&task.objective)),
    ("criteria", |task| line(&task.criteria.join(" "))),
    ("specs", |task| line(&task.specs.join(" "))),
    ("tests", |task| line(&task.tests.join(" "))),
    ("steps", |task| line(&task.steps.join(" "))),
    ("commit message", |task| line(task.commit.as_deref().unwrap_or_default())),
    ("rule for tests first", |task| format!("{:?}", task.tests_first)),
    ("notes", |task| line(&task.notes.join(" "))),
];

/// What is not as it was, in a sentence each.
pub fn between(before: &Document, after: &Document) -> Vec<String> {
    let (old, new) = (&before.plan, &after.plan);
    let mut lost = Vec::new();
    let known: BTreeMap<&TaskId, &Task> = new.tasks.iter().map(|task| (&task.id, task)).collect();
    let pairs: Vec<(&Task, &Task)> =
        old.tasks.iter().filter_map(|task| Some((task, *known.get(&task.id)?))).collect();
    let mut tell = |what: &str, ids: Vec<&TaskId>| {
        if !ids.is_empty() {
            let names = some_of(ids.iter().map(|id| id.as_str()));
            lost.push(format!(
                "{what} of {} {}: {names}",
                ids.len(),
                if ids.len() == 1 { "task" } else { "tasks" }
            ));
        }
    };
    tell(
        "all",
        old.tasks.iter().map(|task| &task.id).filter(|id| !known.contains_key(id)).collect(),
    );
    let before_ids: BTreeSet<&TaskId> = old.tasks.iter().map(|task| &task.id).collect();
    tell(
        "there is more than there was: all",
        new.tasks.iter().map(|task| &task.id).filter(|id| !before_ids.contains(id)).collect(),
    );
    for (name, of) in PROPERTIES {
        tell(
            name,
            pairs.iter().filter(|(old, new)| of(old) != of(new)).map(|(old, _)| &old.id).collect(),
        );
    }
    tell(
        "stream",
        pairs
            .iter()
            .filter(|(old, new)| old.stream != new.stream)
            .map(|(old, _)| &old.id)
            .collect(),
    );
    tell(
        "mark",
        old.tasks
            .iter()
            .map(|task| &task.id)
            .filter(|id| before.marks.get(*id) != after.marks.get(*id))
            .collect(),
    );
    tell(
        "ticks at steps",
        old.tasks
            .iter()
            .map(|task| &task.id)
            .filter(|id| before.done_steps.get(*id) != after.done_steps.get(*id))
            .collect(),
    );
    // Where all of them are written the same, what they mean is the same.
    let edges = |plan: &Plan| {
        let of = |list: &[Dependency]| {
            list.iter().map(|dependency| dependency.on.clone()).collect::<BTreeSet<_>>()
        };
        let tasks: Vec<_> = plan
            .tasks
            .iter()
            .map(|task| (task.id.clone(), task.stream.clone(), of(&task.depends_on)))
            .collect();
        let streams: Vec<_> =
            plan.streams.iter().map(|stream| (stream.id.clone(), of(&stream.depends_on))).collect();
        (tasks, streams, plan.barriers.clone())
    };
    if edges(old) != edges(new) {
        let (was, is) = (closed(old), closed(new));
        tell(
            "dependencies",
            old.tasks
                .iter()
                .map(|task| &task.id)
                .filter(|id| was.get(*id) != is.get(*id))
                .collect(),
        );
    }
    let whole: [(&str, bool); 6] = [
        ("topic", line(&old.topic) != line(&new.topic)),
        ("summary", line(&old.summary) != line(&new.summary)),
        ("names of streams", names(old) != names(new)),
        (
            "gates",
            old.gates
                .iter()
                .map(|gate| (&gate.text, &gate.after))
                .ne(new.gates.iter().map(|gate| (&gate.text, &gate.after))),
        ),
        (
            "milestones and deliverables",
            (&old.milestones, &old.deliverables) != (&new.milestones, &new.deliverables),
        ),
        ("risks", old.risks != new.risks),
    ];
    lost.extend(whole.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| what.to_owned()));
    lost
}

fn names(plan: &Plan) -> Vec<(String, String)> {
    plan.streams.iter().map(|stream| (stream.id.to_string(), line(&stream.name))).collect()
}

/// What each task waits for in the end.
fn closed(plan: &Plan) -> BTreeMap<TaskId, BTreeSet<TaskId>> {
    let direct = waits(plan);
    let all = |id: &TaskId| -> BTreeSet<TaskId> {
        let mut seen: BTreeSet<&TaskId> = direct[id].clone();
        let mut next: Vec<&TaskId> = if plan.tasks.len() <= MAX_CLOSED {
            seen.iter().copied().collect()
        } else {
            Vec::new()
        };
        while let Some(on) = next.pop() {
            next.extend(direct[on].iter().copied().filter(|further| seen.insert(further)));
        }
        seen.into_iter().cloned().collect()
    };
    plan.tasks.iter().map(|task| (task.id.clone(), all(&task.id))).collect()
}

/// Lines of a breakdown that its text in another format has neither as they are nor as something that was understood, in a
/// sentence with their numbers.
pub fn lines(parsed: &Parsed, text: &Text<'_>, written: &str) -> Option<String> {
    let letters = |text: &str| {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect::<String>()
    };
    let outline = &parsed.outline;
    let tasks = outline.tasks.iter().flat_map(|task_item| {
        let details = task_item.details.iter().map(|(_, span)| span);
        [&task_item.span]
            .into_iter()
            .chain(details)
            .chain(task_item.steps.iter().map(|step| &step.span))
            .chain(&task_item.status)
            .chain(&task_item.named)
    });
    let others = outline
        .streams
        .iter()
        .map(|(_, span)| span)
        .chain(outline.gates.iter().map(|(_, span)| span));
    let others = others.chain(outline.references.iter().map(|mention| &mention.span));
    let others =
        others.chain(&outline.milestones).chain(&outline.deliverables).chain(&outline.risks);
    let understood: BTreeSet<usize> = tasks
        .chain(others)
        .flat_map(|span| {
            text.line_at(span.start)..=text.line_at(span.end.saturating_sub(1).max(span.start))
        })
        .collect();
    let there = letters(written);
    let is_lost = |at: &usize| {
        let line = text.lines[*at];
        let unused = matches!(outline.ownership.owner_at(line.start), Some(Owner::Unused(_)));
        let said = letters(line.text);
        !said.is_empty() && !unused && !understood.contains(at) && !there.contains(&said)
    };
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    let mut count = 0;
    for at in (0..text.lines.len()).filter(is_lost) {
        count += 1;
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == at => *last = at,
            _ => ranges.push((at, at)),
        }
    }
    let number = |at: usize| text.position(text.lines[at].start).0;
    let several = text.files.len() > 1;
    let range = |(first, last): &(usize, usize)| {
        let file = text
            .file_at(text.lines[*first].start)
            .filter(|_| several)
            .map_or(String::new(), |file| format!("{}:", file.path));
        if first == last {
            format!("{file}{}", number(*first))
        } else {
            format!("{file}{}-{}", number(*first), number(*last))
        }
    };
    let names: Vec<String> = ranges.iter().map(range).collect();
    (count > 0)
        .then(|| format!("{count} lines of text: {}", some_of(names.iter().map(String::as_str))))
}
