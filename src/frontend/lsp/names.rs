//! Names and what they point at: the text of hovers, definition, references, rename, dependencies as calls.

use super::snapshot::{Item, Snapshot};
use super::status::markdown;
use crate::breakdown::outline::Detail;
use crate::breakdown::owners::Owner;
use crate::breakdown::refs::ids_in;
use crate::breakdown::refs::{Target, references};
use crate::breakdown::{Deps, Input, parse};
use crate::core::change::rename;
use crate::core::id::TaskId;
use crate::core::plan::{Node, Plan};
use crate::core::progress::stream_label;
use crate::escape;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;
use tower_lsp::ls_types::{
    CallHierarchyIncomingCall, CallHierarchyItem, CallHierarchyOutgoingCall, DocumentHighlight,
    DocumentHighlightKind, Hover, HoverContents, Location, SymbolKind,
};

/// One place that names something.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// The name itself.
    pub span: Range<usize>,
    /// What it names; of a range of tasks, all of them.
    pub items: Vec<Item>,
}

impl Snapshot {
    /// Every place that names something elsewhere: in dependencies, and in passing.
    pub fn all_references(&self) -> Vec<Reference> {
        let outline = &self.parsed().outline;
        let mut all: Vec<Reference> = outline
            .references
            .iter()
            .map(|reference| {
                let tasks = reference.tasks.iter().cloned().map(Item::Task);
                Reference {
                    span: reference.span.clone(),
                    items: tasks.chain(reference.stream.clone().map(Item::Stream)).collect(),
                }
            })
            .collect();
        // Where ids are values, what stands in texts names nothing.
        if outline.tasks.iter().any(|item| item.named.is_some()) {
            return all;
        }
        let mut taken: BTreeSet<usize> = all.iter().map(|reference| reference.span.start).collect();
        taken.extend(
            outline.tasks.iter().filter_map(|item| item.name(self.text())).map(|name| name.start),
        );
        for line in 0..self.analysis.lines.count() {
            let range = self.analysis.lines.range(self.text(), line);
            for (span, id) in in_passing(&self.text()[range.clone()], range.start) {
                let id = TaskId::from(id);
                if taken.insert(span.start) && self.planned(&id).is_some() {
                    all.push(Reference { span, items: vec![Item::Task(id)] });
                }
            }
        }
        all
    }

    /// What a place names or is the name of, with the range of the name.
    pub fn named_at(&self, offset: usize) -> Option<(Vec<Item>, Range<usize>)> {
        let at = |span: &Range<usize>| span.start <= offset && offset <= span.end;
        if let Some(reference) =
            self.all_references().into_iter().find(|reference| at(&reference.span))
        {
            return Some((reference.items, reference.span));
        }
        let outline = &self.parsed().outline;
        let own = outline.tasks.iter().find_map(|item| {
            let name = item.name(self.text()).filter(at);
            name.or_else(|| Some(item.span.clone()).filter(at))
                .map(|span| (Item::Task(item.id.clone()), span))
        });
        let stream = || {
            outline
                .streams
                .iter()
                .find(|(_, span)| at(span))
                .map(|(id, span)| (Item::Stream(id.clone()), span.clone()))
        };
        let gate = || {
            outline
                .gates
                .iter()
                .find(|(_, span)| at(span))
                .map(|(id, span)| (Item::Gate(id.clone()), span.clone()))
        };
        own.or_else(stream).or_else(gate).map(|(item, span)| (vec![item], span))
    }

    fn span_of(&self, item: &Item) -> Option<Range<usize>> {
        match item {
            Item::Task(id) => self.task(id).map(|item| item.span.clone()),
            Item::Stream(id) => self.stream(id).cloned(),
            Item::Gate(id) => self
                .parsed()
                .outline
                .gates
                .iter()
                .find(|(known, _)| known == id)
                .map(|(_, span)| span.clone()),
        }
    }

    /// Where what a place names is defined.
    pub fn definition(&self, offset: usize) -> Vec<Location> {
        let Some((items, _)) = self.named_at(offset) else { return Vec::new() };
        items
            .iter()
            .filter_map(|item| self.span_of(item))
            .map(|span| self.location(&span))
            .collect()
    }

    /// Every place that names the same.
    pub fn references(&self, offset: usize, with_definition: bool) -> Vec<Range<usize>> {
        let Some((items, _)) = self.named_at(offset) else { return Vec::new() };
        let same = |reference: &Reference| reference.items.iter().any(|item| items.contains(item));
        let mut found: Vec<Range<usize>> = self
            .all_references()
            .into_iter()
            .filter(same)
            .map(|reference| reference.span)
            .collect();
        if with_definition {
            let own = |item: &Item| match item {
                Item::Task(id) => self
                    .task(id)
                    .and_then(|item| item.name(self.text()))
                    .or_else(|| self.span_of(item)),
                _ => self.span_of(item),
            };
            found.extend(items.iter().filter_map(own));
        }
        found.sort_by_key(|span| span.start);
        found
    }

    /// The same, to be shown in the text.
    pub fn highlights(&self, offset: usize) -> Vec<DocumentHighlight> {
        let highlight = |span: &Range<usize>| DocumentHighlight {
            range: self.span(span),
            kind: Some(DocumentHighlightKind::TEXT),
        };
        self.references(offset, true)
            .iter()
            .filter(|span| self.is_here(span))
            .map(highlight)
            .collect()
    }

    /// The task whose id can be changed at a place, and where that stands.
    pub fn renamable(&self, offset: usize) -> Option<(TaskId, Range<usize>)> {
        let (items, span) = self.named_at(offset)?;
        let [Item::Task(id)] = &items[..] else { return None };
        let definition = self.task(id)?.name(self.text())?;
        let inside = definition.start <= offset && offset <= definition.end;
        let named = id.as_str().split('@').next().unwrap_or_default();
        let exact =
            self.text().get(span.clone()).is_some_and(|text| text.eq_ignore_ascii_case(named));
        Some((id.clone(), if inside || !exact { definition } else { span }))
    }

    /// What to change so that a task has another id everywhere.
    ///
    /// # Errors
    /// Why it can't have that one.
    pub fn rename(&self, offset: usize, new: &str) -> Result<Vec<(Range<usize>, String)>, String> {
        let Some((id, _)) = self.renamable(offset) else {
            return Err("there is no task id here that could be changed".into());
        };
        let new = new.trim();
        let is_value = self.task(&id).is_some_and(|item| item.named.is_some());
        let of_value = !new.is_empty()
            && new.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if crate::breakdown::refs::id_len(new) != Some(new.len()) && !(is_value && of_value) {
            return Err(format!(
                "`{new}` is no task id: use letters and digits, as in 7, T012 or 2.3"
            ));
        }
        let name = self.task(&id).and_then(|item| item.name(self.text())).unwrap_or(0..0);
        let old = if is_value {
            &self.text()[name.clone()]
        } else {
            id.as_str().split('@').next().unwrap_or_default()
        };
        // `3` is `master:3` where there are several tags.
        let whole = TaskId::from(format!(
            "{}{new}",
            id.as_str().strip_suffix(old).filter(|_| is_value).unwrap_or_default()
        ));
        if self.planned(&whole).is_some() {
            return Err(format!("there is a task {new} already"));
        }
        let mut places: BTreeSet<(usize, usize)> = BTreeSet::new();
        places.extend(Some((name.start, name.end)).filter(|(start, end)| start < end));
        for reference in self
            .all_references()
            .into_iter()
            .filter(|reference| reference.items.contains(&Item::Task(id.clone())))
        {
            let written = &self.text()[reference.span.clone()];
            // `1.1` is a part of `1`, and keeps being one.
            let len = if written.strip_prefix(old).is_some_and(|part| part.starts_with('.')) {
                old.len()
            } else {
                reference.span.len()
            };
            let as_value = is_value.then_some((reference.span.start, reference.span.start + len));
            let in_text = || {
                words(written, old)
                    .map(|at| (reference.span.start + at, reference.span.start + at + old.len()))
            };
            match as_value {
                Some(place) => drop(places.insert(place)),
                None => places.extend(in_text()),
            }
        }
        let mut after = self.text().to_owned();
        for (start, end) in places.iter().rev() {
            after.replace_range(*start..*end, new);
        }
        let moved = |at: usize| {
            let before = places.iter().filter(|(start, _)| *start < at);
            before.fold(at, |at, (start, end)| at + new.len() - (end - start))
        };
        let files: Vec<_> = self
            .analysis
            .files
            .iter()
            .map(|(path, range)| (path.clone(), moved(range.start)..moved(range.end)))
            .collect();
        let mut wanted = self.parsed().plan.clone();
        rename(&mut wanted, &BTreeMap::from([(id.clone(), whole)]));
        let format = self.parsed().read_as.map(|found| found.format);
        if waits(&parse(Input { text: &after, files: &files }, format, Deps::Format).plan)
            != waits(&wanted)
        {
            return Err(format!(
                "as {new} it would change what waits for what: a range such as T001-T009 names it, or another task's id is like it"
            ));
        }
        Ok(places.into_iter().map(|(start, end)| (start..end, new.to_owned())).collect())
    }

    /// Everything about what a place names.
    pub fn hover(&self, offset: usize) -> Option<Hover> {
        let cards = |(items, span): (Vec<Item>, Range<usize>)| {
            (
                items
                    .iter()
                    .take(4)
                    .map(|item| self.card(item))
                    .collect::<Vec<_>>()
                    .join("\n\n---\n\n"),
                span,
            )
        };
        let (text, span) = self.named_at(offset).map(cards).or_else(|| self.detail_at(offset))?;
        Some(Hover {
            contents: HoverContents::Markup(markdown(text)),
            range: Some(self.span(&span)),
        })
    }

    /// What is said of a task at a place, and how that is read.
    fn detail_at(&self, offset: usize) -> Option<(String, Range<usize>)> {
        let at = |(_, (_, span)): &(usize, &(Detail, Range<usize>))| {
            span.start <= offset && offset < span.end
        };
        self.parsed().outline.tasks.iter().find_map(|item| {
            let (nth, (detail, span)) = item.details.iter().enumerate().find(at)?;
            let before = item.details[..nth].iter().filter(|(other, _)| other == detail).count();
            let entries = detail.texts_of(self.planned(&item.id)?);
            let entry = entries
                .get(before)
                .or(entries.last())
                .map_or_else(|| self.text()[span.clone()].to_owned(), String::clone);
            Some((
                escape::markdown(&format!("**{}** of task {}: {entry}", detail.name(), item.id)),
                span.clone(),
            ))
        })
    }

    fn card(&self, item: &Item) -> String {
        let mut card = format!("### {}\n", escape::markdown(&self.name(item)));
        if let Some(label) = self.label(item) {
            let _ = write!(card, "\n`{}`\n", escape::code(&label.text));
            for line in label.more.iter().skip(1) {
                let _ = write!(card, "\n- {line}");
            }
            card.push('\n');
        }
        if let Item::Task(id) = item {
            self.task_card(id, &mut card);
        }
        card
    }

    fn task_card(&self, id: &TaskId, card: &mut String) {
        let Some(task) = self.planned(id) else { return };
        let on = |node: &Node| match node {
            Node::Task(id) => format!("task {id}"),
            Node::Stream(id) => stream_label(id.as_str()),
            Node::Barrier(id) => format!("tasks {id}"),
        };
        let waits: Vec<String> =
            task.depends_on.iter().map(|dependency| on(&dependency.on)).collect();
        let needed: Vec<String> = self.dependants(id).map(|id| id.to_string()).collect();
        let list = |names: Vec<String>| {
            if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
        };
        let _ = write!(
            card,
            "\n**Waits for** {} · **needed by** {}\n",
            escape::markdown(&list(waits)),
            escape::markdown(&list(needed))
        );
        if let Some((state, ix)) = self.task_state(id) {
            let slack = state.graph.slack(ix);
            let path = if state.graph.critical_path().contains(&ix) {
                "on the critical path".to_owned()
            } else {
                format!("slack {slack:.1}")
            };
            let _ = write!(card, "\n{path}\n");
            let known = &state.tasks[ix];
            if let Some((order, outcome)) = &known.result {
                let summary: String = outcome.summary.chars().take(400).collect();
                let _ = write!(card, "\n**Evidence** {order}: {}\n", escape::markdown(&summary));
            }
            for judged in known.gates.values() {
                let tests = judged.measures.tests.map_or(String::new(), |tests| {
                    format!(", {} passed, {} failed", tests.passed, tests.failed)
                });
                let _ = write!(
                    card,
                    "\n- {} by {}{tests}",
                    escape::markdown(&judged.measures.ending.to_string()),
                    judged.order
                );
            }
        }
        let told = self.told(id);
        if !told.is_empty() {
            let _ = write!(card, "\n**Its agent is told** {told}\n");
        }
        if !task.objective.is_empty() {
            let _ = write!(card, "\n{}\n", escape::markdown(&task.objective));
        }
        for criterion in task.criteria.iter().take(12) {
            let _ = write!(card, "\n- {}", escape::markdown(criterion));
        }
    }

    /// Which lines are told to whoever carries out a task.
    fn told(&self, id: &TaskId) -> String {
        let (outline, text) = (&self.parsed().outline, self.text());
        let Some(ix) = outline.tasks.iter().position(|item| item.id == *id) else {
            return String::new();
        };
        let line = |offset: usize| text[..offset].bytes().filter(|byte| *byte == b'\n').count() + 1;
        let lines = |owner: Owner| {
            let own = outline.ownership.ranges().filter(|(range, of)| {
                *of == owner && text[range.clone()].contains(char::is_alphanumeric)
            });
            let own = own.map(|(range, _)| {
                let piece = &text[range.clone()];
                let first = range.start + piece.len() - piece.trim_start().len();
                match (line(first), line(range.start + piece.trim_end().len())) {
                    (first, last) if first == last => first.to_string(),
                    (first, last) => format!("{first}-{last}"),
                }
            });
            own.collect::<Vec<_>>().join(", ")
        };
        let part = |owner: Owner| {
            let whose = match owner {
                Owner::Group(_) => "of its group ",
                Owner::Plan => "of the plan ",
                Owner::Task(_) | Owner::Unused(_) => "lines ",
            };
            Some(lines(owner))
                .filter(|lines| !lines.is_empty())
                .map(|lines| format!("{whose}{lines}"))
        };
        outline.ownership.told_to(ix).into_iter().filter_map(part).collect::<Vec<_>>().join("; ")
    }

    /// The tasks that wait for a task by name.
    fn dependants<'a>(&'a self, id: &'a TaskId) -> impl Iterator<Item = &'a TaskId> {
        let waits = move |task: &&crate::core::plan::Task| {
            task.depends_on.iter().any(|d| d.on == Node::Task(id.clone()))
        };
        self.parsed().plan.tasks.iter().filter(waits).map(|task| &task.id)
    }

    /// The task at a place, as the root of a hierarchy.
    pub fn hierarchy_item(&self, id: &TaskId) -> Option<CallHierarchyItem> {
        let item = self.task(id)?;
        let line = item.span.start..item.span.end.min(self.line_end(item.span.start));
        Some(CallHierarchyItem {
            name: self.name(&Item::Task(id.clone())),
            kind: SymbolKind::METHOD,
            tags: None,
            detail: self.label(&Item::Task(id.clone())).map(|label| label.text),
            uri: self.location(&line).uri,
            range: self.location(&line).range,
            selection_range: self.location(&line).range,
            // Its file may not be open; the text that this was asked of is.
            data: Some(json!({ "task": id, "uri": self.uri })),
        })
    }

    /// The task at a place.
    pub fn task_at(&self, offset: usize) -> Option<TaskId> {
        let named = self.named_at(offset).and_then(|(items, _)| items.into_iter().next());
        match named.or_else(|| self.block_at(offset).map(|(item, ..)| item)) {
            Some(Item::Task(id)) => Some(id),
            _ => None,
        }
    }

    /// The tasks that wait for a task.
    pub fn incoming(&self, id: &TaskId) -> Vec<CallHierarchyIncomingCall> {
        let call = |by: &TaskId| {
            let from = self.hierarchy_item(by)?;
            Some(CallHierarchyIncomingCall { from, from_ranges: self.references_between(by, id) })
        };
        self.dependants(id).filter_map(call).collect()
    }

    /// The tasks that a task waits for.
    pub fn outgoing(&self, id: &TaskId) -> Vec<CallHierarchyOutgoingCall> {
        let Some(task) = self.planned(id) else { return Vec::new() };
        let call = |dependency: &crate::core::plan::Dependency| match &dependency.on {
            Node::Task(on) => Some(CallHierarchyOutgoingCall {
                to: self.hierarchy_item(on)?,
                from_ranges: self.references_between(id, on),
            }),
            _ => None,
        };
        task.depends_on.iter().filter_map(call).collect()
    }

    fn references_between(&self, by: &TaskId, of: &TaskId) -> Vec<tower_lsp::ls_types::Range> {
        let references = self.parsed().outline.references.iter();
        references
            .filter(|reference| reference.by.as_ref() == Some(by) && reference.tasks.contains(of))
            .map(|reference| self.location(&reference.span).range)
            .collect()
    }
}

/// What each task waits for, by its id.
fn waits(plan: &Plan) -> Vec<(&TaskId, BTreeSet<String>)> {
    let on = |node: &Node| match node {
        Node::Barrier(id) => format!(
            "{:?}",
            plan.barriers.iter().find(|barrier| barrier.id == *id).map(|barrier| &barrier.tasks)
        ),
        node => format!("{node:?}"),
    };
    plan.tasks
        .iter()
        .map(|task| {
            (&task.id, task.depends_on.iter().map(|dependency| on(&dependency.on)).collect())
        })
        .collect()
}

/// Ids that a line names in passing: `T012` anywhere, `3` after "Task" or "Tasks".
fn in_passing(line: &str, base: usize) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let mut keep = |at: usize, len: usize, to: Target| {
        if let Target::Task(id) = to {
            found.push((base + at..base + at + len, id));
        }
    };
    for reference in ids_in(line) {
        keep(reference.at, reference.len, reference.to);
    }
    for (at, word) in line.match_indices("ask") {
        let begins = at > 0
            && matches!(line.as_bytes()[at - 1], b't' | b'T')
            && !line[..at - 1].ends_with(|c: char| c.is_alphanumeric());
        let rest = &line[at + word.len()..];
        let skip = 3 + usize::from(rest.starts_with('s'));
        if begins
            && line[at + skip..]
                .trim_start_matches([' ', '#'])
                .starts_with(|c: char| c.is_ascii_digit())
        {
            references(&line[at + skip..])
                .into_iter()
                .for_each(|reference| keep(at + skip + reference.at, reference.len, reference.to));
        }
    }
    found
}

/// Where a word stands by itself in a text.
fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let lower = text.to_ascii_lowercase();
    let found: Vec<usize> =
        lower.match_indices(&word.to_ascii_lowercase()).map(|(at, _)| at).collect();
    let bytes = text.as_bytes();
    found.into_iter().filter(move |at| {
        !part(at.checked_sub(1).and_then(|at| bytes.get(at))) && !part(bytes.get(at + word.len()))
    })
}
