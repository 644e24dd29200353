//! What a changed breakdown means for an execution that has begun: which task is which, what has
//! to be done again, what is no longer wanted.

use super::event::{Event, Mark};
use super::id::TaskId;
use super::plan::{Node, Plan, Task};
use super::state::{Phase, State, TaskState};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The events that take an execution from its plan to another one. Nothing where they are the
/// same.
///
/// - A task that has another id and says the same is renamed; its work stays.
/// - A task that asks for something else than before is to be done again, whether it was being
///   worked on or done; waiting for other tasks, another estimate or agent is no other task.
/// - A task that is gone is stopped and reported if it was being worked on, kept if it was done,
///   and forgotten otherwise.
/// - A task that the text itself says is done is not done again, whatever else its text says.
/// - What differs only because the same text is read better is no change, nor is it where an older version, which kept no
///   words, has done a task.
/// - Other words are told to the next attempt; of a done task it is said that they changed.
pub fn changed(state: &State, mut plan: Plan, marks: &BTreeMap<TaskId, Mark>) -> Vec<Event> {
    let mut events = Vec::new();
    let names = renamed(&state.plan, &plan);
    let mut old = (*state.plan).clone();
    if !names.is_empty() {
        rename(&mut old, &names);
    }
    let known: BTreeMap<&TaskId, (&Task, &TaskState)> = old
        .tasks
        .iter()
        .zip(&state.tasks)
        .map(|(task, state)| (&task.id, (task, &**state)))
        .collect();
    let (older, same_texts) =
        (old.prose.is_empty() && !plan.prose.is_empty(), plan.prose.is_of_same_texts(&old.prose));
    let over = state.tasks.iter().all(|task| task.satisfied())
        && plan.tasks.iter().all(|task| known.contains_key(&task.id));
    if (older || same_texts) && over {
        return Vec::new();
    }
    let other_words = plan.prose.adopt(&old.prose);
    let mut stops = Vec::new();
    for task in plan.tasks.iter().filter(|task| !marks.contains_key(&task.id)) {
        let Some((before, state)) = known.get(&task.id) else { continue };
        let begun = matches!(
            state.phase,
            Phase::Active(_) | Phase::Done | Phase::Failed(_) | Phase::Blocked(_)
        );
        let only_read_better =
            same_texts || older && (state.phase == Phase::Done || is_read_further(before, task));
        if begun
            && !only_read_better
            && let Some(what) = asks_for_something_else(before, task)
        {
            stops.extend(stop(state, "what its task asks for has changed"));
            stops.push(Event::TaskChanged { task: task.id.clone(), what });
        }
    }
    let offered: BTreeSet<TaskId> = plan.tasks.iter().map(|task| task.id.clone()).collect();
    for (task, state) in
        old.tasks.iter().zip(&state.tasks).filter(|(task, _)| !offered.contains(&task.id))
    {
        match state.phase {
            Phase::Done => keep(&mut plan, &old, task),
            Phase::Active(_) => {
                stops.extend(stop(state, "its task was removed from the breakdown"));
                stops.push(Event::Escalated {
                    about: format!("task {}", task.id),
                    why: "it was removed from the breakdown while it was being worked on".into(),
                    tried: "what was being done was stopped".into(),
                    needed: "see whether what it left behind is wanted".into(),
                });
            }
            _ => {}
        }
    }
    let changed: BTreeSet<&TaskId> = stops
        .iter()
        .filter_map(
            |event| if let Event::TaskChanged { task, .. } = event { Some(task) } else { None },
        )
        .collect();
    let is_done = |id: &&TaskId| known.get(id).is_some_and(|(_, state)| state.phase == Phase::Done);
    let reworded: Vec<&str> = other_words
        .iter()
        .filter(is_done)
        .filter(|id| !changed.contains(id))
        .filter(|id| !marks.contains_key(id))
        .map(TaskId::as_str)
        .collect();
    if !reworded.is_empty() && !same_texts {
        let names = format!(
            "{} {}",
            if reworded.len() == 1 { "task" } else { "tasks" },
            reworded.join(", ")
        );
        stops.push(Event::Escalated {
            about: names.clone(),
            why: "what the breakdown says of it has changed since it was done".into(),
            tried: "nothing: the work stays as it is".into(),
            needed: format!("`retry` {names} if it is to be done again"),
        });
    }
    if !names.is_empty() {
        events.push(Event::TasksRenamed { names });
    }
    if plan != old {
        events.push(Event::PlanAccepted { plan: Arc::new(plan) });
    }
    events.extend(stops);
    events
}

fn stop<'a>(state: &'a TaskState, why: &'a str) -> impl Iterator<Item = Event> + 'a {
    state.open.iter().map(move |order| Event::StopOrdered { order: *order, why: why.to_owned() })
}

/// A done task that the text no longer has stays, with its stream, so that its evidence does.
fn keep(plan: &mut Plan, old: &Plan, task: &Task) {
    if let Some(stream) = &task.stream
        && !plan.streams.iter().any(|known| known.id == *stream)
    {
        plan.streams.extend(old.streams.iter().find(|known| known.id == *stream).cloned());
    }
    plan.tasks.push(task.clone());
}

/// Tasks that say the same under another id. An id that another task now has is freed.
fn renamed(old: &Plan, new: &Plan) -> BTreeMap<TaskId, TaskId> {
    let titles: BTreeMap<&TaskId, &Task> = new.tasks.iter().map(|task| (&task.id, task)).collect();
    let stays = |task: &Task| {
        titles.get(&task.id).is_some_and(|now| title(&now.title) == title(&task.title))
    };
    let staying: BTreeSet<&TaskId> =
        old.tasks.iter().filter(|task| stays(task)).map(|task| &task.id).collect();
    let mut unmatched: BTreeMap<Vec<String>, Vec<&TaskId>> = BTreeMap::new();
    for task in new.tasks.iter().filter(|task| !staying.contains(&task.id)) {
        unmatched.entry(title(&task.title)).or_default().push(&task.id);
    }
    let mut leaving: BTreeMap<Vec<String>, Vec<&TaskId>> = BTreeMap::new();
    for task in old.tasks.iter().filter(|task| !staying.contains(&task.id)) {
        leaving.entry(title(&task.title)).or_default().push(&task.id);
    }
    let mut names: BTreeMap<TaskId, TaskId> = BTreeMap::new();
    for (name, from) in leaving {
        // Where several have the same title, nobody can say which is which.
        if let ([from], Some([to])) = (&from[..], unmatched.get(&name).map(Vec::as_slice))
            && !name.is_empty()
        {
            names.insert((*from).clone(), (*to).clone());
        }
    }
    let taken: BTreeSet<TaskId> = names.values().cloned().collect();
    let every: BTreeSet<&TaskId> =
        old.tasks.iter().chain(&new.tasks).map(|task| &task.id).collect();
    for task in old
        .tasks
        .iter()
        .filter(|task| taken.contains(&task.id) && !names.contains_key(&task.id))
        .collect::<Vec<_>>()
    {
        let mut free = TaskId::from(format!("{} (before)", task.id));
        while every.contains(&free) || names.values().any(|known| *known == free) {
            free = TaskId::from(format!("{free}'"));
        }
        names.insert(task.id.clone(), free);
    }
    names
}

/// Gives tasks other ids, wherever a plan names them.
pub fn rename(plan: &mut Plan, names: &BTreeMap<TaskId, TaskId>) {
    let change = |id: &mut TaskId| {
        if let Some(name) = names.get(id) {
            *id = name.clone();
        }
    };
    let dependencies = plan.streams.iter_mut().flat_map(|stream| &mut stream.depends_on);
    for dependency in
        dependencies.chain(plan.tasks.iter_mut().flat_map(|task| &mut task.depends_on))
    {
        if let Node::Task(id) = &mut dependency.on {
            change(id);
        }
    }
    plan.barriers.iter_mut().flat_map(|barrier| &mut barrier.tasks).for_each(change);
    plan.tasks.iter_mut().for_each(|task| change(&mut task.id));
    plan.prose.rename(names);
}

/// Whether a task of a plan of an older version, which cut titles at the end of a line, can be the same.
fn is_read_further(before: &Task, now: &Task) -> bool {
    command(before) == command(now) && title(&now.title).starts_with(&title(&before.title))
}

fn command(task: &Task) -> Option<Vec<&str>> {
    task.command.as_deref().map(|command| command.split_whitespace().collect())
}

/// What a task asks for that it did not ask for before.
fn asks_for_something_else(before: &Task, now: &Task) -> Option<String> {
    let lists = |a: &[String], b: &[String]| {
        a.iter().flat_map(|text| words(text)).ne(b.iter().flat_map(|text| words(text)))
    };
    let differs = [
        ("its title", title(&before.title) != title(&now.title)),
        ("its command", command(before) != command(now)),
        ("its objective", words(&before.objective) != words(&now.objective)),
        ("its acceptance criteria", lists(&before.criteria, &now.criteria)),
        ("its specification", lists(&before.specs, &now.specs)),
        ("what its tests must show", lists(&before.tests, &now.tests)),
    ];
    let found: Vec<&str> =
        differs.iter().filter(|(_, differs)| *differs).map(|(what, _)| *what).collect();
    (!found.is_empty()).then(|| found.join(", "))
}

/// What a title says, without what people add to it in parentheses as they go.
fn title(text: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let bare: String = text
        .chars()
        .filter(|c| {
            depth += usize::from(*c == '(');
            let inside = depth > 0;
            depth = depth.saturating_sub(usize::from(*c == ')'));
            !inside
        })
        .collect();
    let bare = words(&bare);
    if bare.is_empty() { words(text) } else { bare }
}

/// What a text says: its words, without boxes, signs and words that only tell how far it is.
fn words(text: &str) -> Vec<String> {
    const PROGRESS: [&str; 8] =
        ["done", "complete", "completed", "wip", "skipped", "deferred", "in", "progress"];
    let unboxed = text.replace("[x]", " ").replace("[X]", " ");
    let all = unboxed.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut words: Vec<String> = all.map(str::to_lowercase).collect();
    while words.len() > 1 && words.last().is_some_and(|word| PROGRESS.contains(&word.as_str())) {
        words.pop();
    }
    words
}
