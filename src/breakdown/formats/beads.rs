//! beads' `issues.jsonl`: an issue a line. Epics with children are streams of them; only edges that block are
//! waited for.

use crate::breakdown::build::{Builder, On, Waiting};
use crate::breakdown::detect::Signs;
use crate::breakdown::locations::Locations;
use crate::breakdown::outline::{Detail, Parent, SaidBy};
use crate::breakdown::problem::Problem;
use crate::breakdown::status::status;
use crate::breakdown::text::Text;
use crate::breakdown::tree::{Value, json};
use crate::breakdown::{Confidence, Deps, Parsed};
use crate::core::event::Mark;
use crate::core::plan::Origin;
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

/// Edges that are waited for.
const BLOCKING: [&str; 3] = ["blocks", "conditional-blocks", "waits-for"];
/// Parents above one another that are looked at.
const MAX_PARENTS: usize = 10;
/// Issues that are no work.
const NO_WORK: [&str; 9] =
    ["agent", "role", "rig", "message", "convoy", "event", "slot", "molecule", "merge-request"];

/// The format.
pub struct Beads;

impl crate::breakdown::Reader for Beads {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        let lines = signs.paths.first().is_some_and(|path| path.ends_with(".jsonl"));
        let Some(first) = &signs.tree else { return lines.then_some(Confidence::Guess) };
        let issue = |value: &Value| {
            value.get("_type").is_some_and(|kind| kind.word() == Some("memory"))
                || value.get("id").is_some()
                    && (value.get("issue_type").is_some()
                        || value.get("status").is_some() && value.get("created_at").is_some())
        };
        if issue(first) { Some(Confidence::Certain) } else { lines.then_some(Confidence::Guess) }
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let mut build = Builder::new(text, "beads");
        build.outline.done_word = Some("closed".into());
        let issues = issues(&mut build);
        let is_parent = parents(&issues);
        let mut streams: HashMap<&str, usize> = HashMap::new();
        for (id, issue) in issues.iter().filter(|(id, _)| is_parent.contains(id.as_str())) {
            let span =
                issue.get("title").map_or(issue.span.clone(), |title| title.span_in(text.all));
            let stream = build.stream(id, issue.word_of("title").unwrap_or(id), span);
            let done = issue.word_of("status").is_some_and(|word| status(word) == Some(Mark::Done));
            build.outline.parents.push(Parent {
                stream: build.plan.streams[stream].id.clone(),
                done,
                of_parts: false,
                nested: Vec::new(),
                text: Some(issue.span.clone()),
            });
            streams.insert(id.as_str(), stream);
        }
        let of: HashMap<&str, &Value> =
            issues.iter().map(|(id, issue)| (id.as_str(), issue)).collect();
        // The epics that something is a part of, the nearest first.
        let above = |id: &str| -> Vec<usize> {
            ancestors(id, &of).into_iter().filter_map(|id| streams.get(id).copied()).collect()
        };
        let mut within: HashMap<usize, Vec<usize>> = HashMap::new();
        for (id, &stream) in &streams {
            above(id).into_iter().for_each(|epic| within.entry(epic).or_default().push(stream));
        }
        within.values_mut().for_each(|streams| streams.sort_unstable());
        for parent in &mut build.outline.parents {
            let own = streams.get(parent.stream.as_str()).and_then(|stream| within.get(stream));
            parent.nested = own
                .into_iter()
                .flatten()
                .map(|&stream| build.plan.streams[stream].id.clone())
                .collect();
        }
        let mut whos: HashMap<&str, Waiting> = HashMap::new();
        for (id, issue) in &issues {
            let stream = above(id).first().copied();
            let who = match streams.get(id.as_str()) {
                Some(&stream) => Waiting::Stream(stream),
                None => Waiting::Task(read_issue(&mut build, id, issue, stream)),
            };
            whos.insert(id.as_str(), who);
            for edge in issue.get("dependencies").map_or(&[][..], Value::items) {
                let blocks = edge
                    .word_of("type")
                    .is_none_or(|kind| BLOCKING.contains(&kind.to_lowercase().as_str()));
                let on = edge
                    .get("depends_on_id")
                    .filter(|_| blocks && edge.word_of("issue_id").is_none_or(|of| of == *id));
                if let Some(word) =
                    on.and_then(Value::word).filter(|word| word.starts_with("external:"))
                {
                    let span = on.map_or(0..0, |on| on.span_in(text.all));
                    build.needs_from_outside(word, span);
                } else if let Some((word, on)) = on.and_then(|on| Some((on.word()?, on))) {
                    build.waits_exactly(who, word, on.span_in(text.all));
                    // An epic is over when those in it are.
                    for &inner in
                        streams.get(word).and_then(|epic| within.get(epic)).into_iter().flatten()
                    {
                        build.implies(who, On::Stream(inner));
                    }
                }
            }
            for (word, value) in issue.waits().unwrap_or_default() {
                build.waits_exactly(who, word, value.span_in(text.all));
            }
            if build.is_full(issue.span.start) {
                break;
            }
        }
        wait_as_parents_do(&mut build, &issues, &of, &whos);
        build.finish(deps)
    }

    fn locations(&self) -> Locations {
        Locations {
            names: &["issues.jsonl"],
            rank: 3,
            paths: &[".beads/issues.jsonl"],
            globs: &["**/.beads/*.jsonl"],
            ..Locations::NONE
        }
    }
}

/// A child of what is no epic waits for what its parent waits for.
fn wait_as_parents_do(
    build: &mut Builder<'_>,
    issues: &[(String, Value)],
    of: &HashMap<&str, &Value>,
    whos: &HashMap<&str, Waiting>,
) {
    let mut waits: HashMap<usize, Vec<usize>> = HashMap::new();
    for (who, on, _) in &build.exact {
        if let (Waiting::Task(ix), Some(Waiting::Task(on))) = (who, whos.get(on.as_str())) {
            waits.entry(*ix).or_default().push(*on);
        }
    }
    for (id, _) in issues {
        let Some(Waiting::Task(ix)) = whos.get(id.as_str()) else { continue };
        for parent in ancestors(id, of) {
            let Some(Waiting::Task(parent_ix)) = whos.get(parent) else { break };
            for &on in waits.get(parent_ix).into_iter().flatten().filter(|on| *on != ix) {
                build.implies_by(Waiting::Task(*ix), On::Task(on), Origin::Phase);
            }
        }
    }
}

/// What an issue is a part of, and what that is a part of, as far as it is sane.
fn ancestors<'i>(id: &'i str, of: &HashMap<&'i str, &'i Value>) -> Vec<&'i str> {
    let mut found = Vec::new();
    let mut child = id;
    while let Some(parent) = of
        .get(child)
        .and_then(|issue| parent_of(child, issue))
        .filter(|_| found.len() < MAX_PARENTS)
    {
        found.push(parent);
        child = parent;
    }
    found
}

/// All issues with their ids.
fn issues(build: &mut Builder<'_>) -> Vec<(String, Value)> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    let text = build.text;
    for line in text.lines.iter().filter(|line| !line.is_blank()) {
        let range = line.start..line.start + line.text.len();
        match json(text.all, range.clone())
            .map(|issue| (issue.word_of("id").map(str::to_owned), issue))
        {
            // What is remembered of other kinds is no issue.
            Ok((_, issue)) if issue.word_of("_type").is_some_and(|kind| kind != "issue") => {}
            Ok((Some(_), _)) if !seen.insert(line.text.trim()) => {
                let what = "this line stands here a second time: it is one issue";
                build.problems.push(Problem::info("listed-again", range, what));
            }
            Ok((Some(id), issue)) => found.push((id, issue)),
            Ok((None, _)) => build.problems.push(Problem::error(
                "no-id",
                range,
                "an issue without an id: give it one",
            )),
            Err(mistake) => {
                let what =
                    format!("this line is no JSON: {}: the other lines are read", mistake.what);
                build.problems.push(Problem::error("unreadable", mistake.span, what));
            }
        }
    }
    found
}

/// The issue that it is a part of, by its own word or by its id.
fn parent_of<'i>(id: &'i str, issue: &'i Value) -> Option<&'i str> {
    let edges = issue.get("dependencies").map_or(&[][..], Value::items);
    let said = edges
        .iter()
        .find(|edge| edge.word_of("type") == Some("parent-child"))
        .and_then(|edge| edge.word_of("depends_on_id"));
    said.or_else(|| id.rsplit_once('.').map(|(parent, _)| parent))
}

/// Epics that have parts.
fn parents(issues: &[(String, Value)]) -> HashSet<&str> {
    let named: HashSet<&str> =
        issues.iter().filter_map(|(id, issue)| parent_of(id, issue)).collect();
    let epic = |issue: &Value| matches!(issue.word_of("issue_type"), Some("epic" | "molecule"));
    issues
        .iter()
        .filter(|(id, issue)| epic(issue) && named.contains(id.as_str()))
        .map(|(id, _)| id.as_str())
        .collect()
}

fn read_issue(build: &mut Builder<'_>, id: &str, issue: &Value, stream: Option<usize>) -> usize {
    let ix = build.task_of(id, stream, issue, issue.word_of("title").unwrap_or(id));
    if let Some(status) = issue.get("status") {
        build.status_value(ix, status);
    }
    let kind = issue.word_of("issue_type").unwrap_or("task");
    for (detail, key) in [
        (Detail::Objective, "description"),
        (Detail::Specs, "design"),
        (Detail::Agent, "assignee"),
        (Detail::Notes, "notes"),
    ] {
        build.details_of(ix, detail, issue, key);
    }
    build.note_of(ix, issue, "priority");
    let all = build.text.all;
    if let Some((text, value)) =
        issue.get("acceptance_criteria").and_then(|value| Some((value.word()?, value)))
    {
        for line in text.lines() {
            build.detail(
                ix,
                Detail::Criteria,
                line.trim().trim_start_matches(['-', '*', ' ']),
                value.span_in(all),
            );
        }
    }
    if let Some((minutes, value)) = issue
        .get("estimated_minutes")
        .and_then(|value| Some((value.word()?, value)))
        .filter(|(word, _)| *word != "0")
    {
        build.detail(ix, Detail::Estimate, &format!("{minutes}m"), value.span_in(all));
    }
    if kind == "gate" && !build.marks.contains_key(&ix) {
        build.plan.tasks[ix].broken.get_or_insert_with(|| {
            "it is a gate of beads: what it waits for is told there, by closing it".into()
        });
        build.outline.tasks[ix].status = None;
    }
    let keys =
        [("issue_type", ""), ("status", "pinned"), ("pinned", "true"), ("ephemeral", "true")];
    let no_work = keys.iter().find_map(|(key, sign)| {
        let value = issue.get(key).filter(|value| {
            value
                .word()
                .is_some_and(|word| word == *sign || sign.is_empty() && NO_WORK.contains(&word))
        })?;
        Some((
            if *sign == "true" { format!("{key}: true") } else { value.word()?.to_owned() },
            value.span_in(all),
        ))
    });
    if let Some((why, place)) = no_work {
        build.detail(ix, Detail::Notes, &format!("it is no work: {why}"), place);
        if !build.marks.contains_key(&ix) {
            build.mark(ix, Mark::Skipped, SaidBy::Format);
        }
    }
    ix
}
