//! Whose text is whose: each range of a breakdown belongs to a task, to a group of tasks, to the plan as a whole, or is
//! unused for a reason that is told. It is found by the structure of the text (headings, lists, files) around the places
//! where readers found tasks, so no format can lose text that it does not understand.

use super::build::Builder;
use super::outline::Parent;
use super::owners::Group;
use super::owners::Owner;
use super::owners::Ownership;
use super::owners::Reason;
use super::owners::Section;
use super::text::{BOLD_LEVEL, unboxed};
use super::text::{File, Line};
use super::tree::front_matter;
use crate::core::id::StreamId;
use foldhash::{HashMap, HashMapExt};
use std::cell::OnceCell;
use std::ops::Range;

/// What a line belongs to while the text is walked through: what a node comes to is known at the end.
#[derive(Clone, Copy, PartialEq)]
enum LineOwner {
    Task(usize),
    Node(usize),
    Parent(usize),
    Top,
    Unused(Reason),
}

/// What a line names.
#[derive(Clone, Copy, Default, PartialEq)]
enum Named {
    #[default]
    Nothing,
    Task(usize),
    Stream,
}

/// A heading or an item of a list that is no task.
struct Node {
    span: Range<usize>,
    parent: LineOwner,
    has_tasks: bool,
    is_title: bool,
}

/// What is read line by line.
struct Walk<'w, 'a> {
    build: &'w Builder<'a>,
    /// What is named on each line.
    named: Vec<Named>,
    /// Tasks, and what has parts, that are a whole file, by where it starts.
    whole: HashMap<usize, LineOwner>,
    /// For each line, the next one at which a task or a section begins.
    next: OnceCell<Vec<usize>>,
    nodes: Vec<Node>,
    /// Open headings with their levels.
    headings: Vec<(usize, LineOwner)>,
    /// Open items of lists with their indents.
    items: Vec<(usize, LineOwner)>,
    /// Whether something at the margin between two tasks belongs to the one above it, below the same heading.
    margin_is_task: bool,
    titles: usize,
    /// The place of each line, and whether a section starts with it.
    places: Vec<(LineOwner, bool)>,
    of_task: Vec<LineOwner>,
}

impl Builder<'_> {
    /// Gives each range of the text its owner.
    pub(super) fn own(&self) -> Ownership {
        let mut named = vec![Named::Nothing; self.text.lines.len() + 1];
        self.text
            .lines_at(self.outline.streams.iter().map(|(_, span)| span.start))
            .for_each(|at| named[at] = Named::Stream);
        for (ix, at) in self
            .text
            .lines_at(self.outline.tasks.iter().map(|task_item| task_item.span.start))
            .enumerate()
        {
            if !matches!(named[at], Named::Task(_)) {
                named[at] = Named::Task(ix);
            }
        }
        let parents = self.outline.parents.iter().enumerate().rev();
        let parents = parents
            .filter_map(|(ix, parent)| Some((parent.text.as_ref()?.start, LineOwner::Parent(ix))));
        let tasks = self.outline.tasks.iter().enumerate().rev();
        let whole = parents
            .chain(tasks.filter_map(|(ix, task_item)| {
                Some((task_item.file.as_ref()?.start, LineOwner::Task(ix)))
            }))
            .collect();
        let titles = self
            .text
            .visible()
            .filter(|(_, line)| line.heading().is_some_and(|(level, ..)| level == 1))
            .count();
        let mut walk = Walk {
            build: self,
            named,
            whole,
            next: OnceCell::new(),
            nodes: Vec::new(),
            headings: Vec::new(),
            items: Vec::new(),
            margin_is_task: false,
            titles,
            places: Vec::with_capacity(self.text.lines.len()),
            of_task: vec![LineOwner::Top; self.outline.tasks.len()],
        };
        // Values count, whatever line they stand on.
        let of_values =
            self.outline.tasks.iter().any(|task_item| task_item.value.is_some()) && walk.is_tree();
        for file in self.text.files.iter().filter(|_| !of_values) {
            walk.file(file);
        }
        walk.finish()
    }
}

impl<'a> Walk<'_, 'a> {
    fn is_tree(&self) -> bool {
        !self.build.text.files.iter().any(|file| file.is_markdown(self.build.text.all))
    }

    fn file(&mut self, file: &File<'a>) {
        (self.headings, self.items) = (Vec::new(), Vec::new());
        let lines = file.lines.clone();
        let of_file = self.whole.get(&file.range.start).copied();
        let is_tree = !file.is_markdown(self.build.text.all);
        let front = front_matter(self.build.text.all, &file.range);
        // The mark that ends it is of it.
        let last_of_front = front.as_ref().map(|front| self.build.text.line_at(front.end));
        for at in lines {
            let line = self.build.text.lines[at];
            let place = match (of_file, is_tree) {
                (Some(whole), _) => whole,
                (None, true) => {
                    if let Named::Task(task) = self.named[at] {
                        LineOwner::Task(task)
                    } else {
                        LineOwner::Top
                    }
                }
                (None, false) if last_of_front.is_some_and(|last| at <= last) => {
                    LineOwner::Unused(Reason::FrontMatter)
                }
                (None, false) => self.line(at, &line),
            };
            let starts = self.places.len() == file.lines.start
                || !is_tree && !line.hidden && line.heading().is_some();
            self.places.push((place, starts));
        }
    }

    fn line(&mut self, at: usize, line: &Line<'a>) -> LineOwner {
        let here = self.here();
        if line.hidden {
            // What stands in a fence is the text's, a comment is for nobody.
            let in_fence =
                self.build.text.fences.partition_point(|fence| fence.start <= at).checked_sub(1);
            let in_fence = in_fence
                .map(|fence| &self.build.text.fences[fence])
                .filter(|fence| fence.contains(&at));
            return match in_fence {
                Some(fence) if fence.start == at => self.content(at, line),
                Some(_) => self.places.last().map_or(here, |(place, _)| *place),
                None => LineOwner::Unused(Reason::Comment),
            };
        }
        if line.is_blank() {
            return self.places.last().map_or(here, |(place, _)| *place);
        }
        let inside_item = self.items.last().is_some_and(|(indent, _)| line.indent() > *indent);
        let heading = line.heading().filter(|_| !inside_item);
        let named = self.named[at];
        let (task, is_stream) =
            (if let Named::Task(task) = named { Some(task) } else { None }, named == Named::Stream);
        if let Some((level, _, text)) = heading {
            return self.heading(level, text, line, task);
        }
        match task {
            Some(task) if line.item().is_some() => {
                self.close_items(line.indent());
                let parent = self.here();
                self.named(task, parent);
                self.items.push((line.indent(), LineOwner::Task(task)));
                LineOwner::Task(task)
            }
            // A row of a table is all that there is of its task here.
            Some(task) if line.text.trim_start().starts_with('|') => {
                self.items.clear();
                self.named(task, here);
                LineOwner::Task(task)
            }
            Some(task) => self.heading(BOLD_LEVEL, line.text, line, Some(task)),
            None if is_stream && line.item().is_some() => {
                self.close_items(line.indent());
                let node = self.node(line, self.here(), false);
                self.items.push((line.indent(), node));
                node
            }
            None if is_stream => self.heading(BOLD_LEVEL, line.text, line, None),
            None => self.content(at, line),
        }
    }

    /// What is open here.
    fn here(&self) -> LineOwner {
        let heading = self.headings.last().map_or(LineOwner::Top, |(_, place)| *place);
        self.items.last().map_or(heading, |(_, place)| *place)
    }

    fn close_items(&mut self, indent: usize) {
        while self.items.last().is_some_and(|(open, _)| *open >= indent) {
            self.items.pop();
        }
    }

    fn node(&mut self, line: &Line<'_>, parent: LineOwner, is_title: bool) -> LineOwner {
        self.nodes.push(Node { span: line.span(), parent, has_tasks: false, is_title });
        LineOwner::Node(self.nodes.len() - 1)
    }

    /// A task was named in a place: all that it stands in has tasks.
    fn named(&mut self, task: usize, parent: LineOwner) {
        self.of_task[task] = parent;
        let mut above = parent;
        while let LineOwner::Node(node) = above {
            if std::mem::replace(&mut self.nodes[node].has_tasks, true) {
                break;
            }
            above = self.nodes[node].parent;
        }
    }

    fn heading(
        &mut self,
        level: usize,
        text: &str,
        line: &Line<'_>,
        task: Option<usize>,
    ) -> LineOwner {
        self.items.clear();
        self.margin_is_task = false;
        while self.headings.last().is_some_and(|(open, _)| *open >= level) {
            self.headings.pop();
        }
        let parent = self.here();
        let place = match (task, parent) {
            (Some(task), _) => {
                self.named(task, parent);
                LineOwner::Task(task)
            }
            // What lies below a task, or below what is unused, is its own.
            (None, LineOwner::Task(_) | LineOwner::Unused(_)) => parent,
            (None, _) => match unused_section(unboxed(text)) {
                Some(reason) => LineOwner::Unused(reason),
                None => self.node(line, parent, level == 1 && self.titles == 1),
            },
        };
        self.headings.push((level, place));
        place
    }

    /// A line that is neither a heading nor names anything.
    fn content(&mut self, at: usize, line: &Line<'_>) -> LineOwner {
        let indent = line.indent();
        let Some((open, place)) = self.items.last().copied() else {
            let heading = self.here();
            return if is_link_to_heading(line) && !matches!(heading, LineOwner::Task(_)) {
                LineOwner::Unused(Reason::TableOfContents)
            } else {
                heading
            };
        };
        if indent > open {
            return place;
        }
        let before = at.checked_sub(1).map(|before| self.build.text.lines[before]);
        let is_lazy = before.is_some_and(|before| !before.hidden && !before.is_blank());
        let begins = line.item().is_some()
            || line.text.trim_start().starts_with(['|', '>', '`', '~', '*', '_']);
        if is_lazy && !begins && self.places.last().is_some_and(|(last, _)| *last == place) {
            return place;
        }
        // A bullet beside one that is nested belongs to what holds both.
        if let Some((_, outer)) = self
            .items
            .iter()
            .rev()
            .find(|(open, _)| *open < indent)
            .filter(|_| line.item().is_some())
        {
            return *outer;
        }
        let owner = self.at_margin(at, line, place);
        // What is nested in an item that is not the task's is not the task's either.
        if owner != place && line.item().is_some() {
            self.items.clear();
        }
        owner
    }

    /// What stands at the margin below a task of a list: its own, where another task of the list follows; below the
    /// last one it is its heading's, unless the others have such text too.
    fn at_margin(&mut self, at: usize, line: &Line<'_>, task: LineOwner) -> LineOwner {
        let heading = self.headings.last().map_or(LineOwner::Top, |(_, place)| *place);
        let body = line.text.trim();
        let is_label = body.starts_with("**")
            && (body.ends_with("**") || body.ends_with("**:") || body.ends_with(":**"))
            || body.chars().all(|c| matches!(c, '-' | '*' | '_' | '='));
        if is_label {
            return heading;
        }
        let lines = &self.build.text.lines;
        let begins = |at: usize| {
            let is_heading =
                || !lines[at].hidden && lines[at].heading().is_some() && lines[at].indent() == 0;
            matches!(self.named[at], Named::Task(_)) || is_heading()
        };
        let next = self.next.get_or_init(|| {
            let mut next = vec![lines.len(); lines.len()];
            for at in (1..lines.len()).rev() {
                next[at - 1] = if begins(at) { at } else { next[at] };
            }
            next
        })[at];
        let goes_on = matches!(self.named[next], Named::Task(_)) && lines[next].item().is_some();
        self.margin_is_task |= goes_on;
        if self.margin_is_task { task } else { heading }
    }

    /// What each place comes to.
    fn finish(self) -> Ownership {
        let mut groups = Vec::new();
        let mut owners: Vec<Owner> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let above = match node.parent {
                // Those above come before those below.
                LineOwner::Node(above) => owners[above],
                LineOwner::Task(task) => Owner::Task(task),
                LineOwner::Top | LineOwner::Parent(_) => Owner::Plan,
                LineOwner::Unused(reason) => Owner::Unused(reason),
            };
            owners.push(match above {
                Owner::Task(_) | Owner::Unused(_) => above,
                _ if node.has_tasks && !node.is_title => {
                    let parent = if let Owner::Group(parent) = above { Some(parent) } else { None };
                    groups.push(Group { span: node.span.clone(), parent });
                    Owner::Group(groups.len() - 1)
                }
                _ => above,
            });
        }
        // What has parts and a text of its own is a group of them.
        let parents = &self.build.outline.parents;
        let first = groups.len();
        let with_text: Vec<usize> =
            (0..parents.len()).filter(|ix| parents[*ix].text.is_some()).collect();
        let group_of: HashMap<&StreamId, usize> = with_text
            .iter()
            .enumerate()
            .map(|(nth, ix)| (&parents[*ix].stream, first + nth))
            .collect();
        let mut above: HashMap<&StreamId, usize> = HashMap::new();
        for parent in with_text.iter().map(|ix| &parents[*ix]) {
            above.extend(parent.nested.iter().map(|stream| (stream, group_of[&parent.stream])));
        }
        for parent in with_text.iter().map(|ix| &parents[*ix]) {
            let span = self
                .build
                .stream_of(parent.stream.as_str())
                .map_or(0..0, |ix| self.build.outline.streams[ix].1.clone());
            groups.push(Group { span, parent: above.get(&parent.stream).copied() });
        }
        let owner = |place: LineOwner| match place {
            LineOwner::Task(task) => Owner::Task(task),
            LineOwner::Node(node) => owners[node],
            LineOwner::Parent(ix) => Owner::Group(group_of[&parents[ix].stream]),
            LineOwner::Top => Owner::Plan,
            LineOwner::Unused(reason) => Owner::Unused(reason),
        };
        let of_stream = |ix: usize| {
            self.build.plan.tasks[ix]
                .stream
                .as_ref()
                .and_then(|stream| group_of.get(stream))
                .copied()
        };
        let group = |(ix, place): (usize, &LineOwner)| {
            if let Owner::Group(group) = owner(*place) { Some(group) } else { of_stream(ix) }
        };
        let of_task = self.of_task.iter().enumerate().map(group).collect();
        let values: Vec<(Range<usize>, Owner)> = self.values(&|ix| group_of[&parents[ix].stream]);
        let text = self.build.text;
        let mut sections: Vec<Section> = Vec::new();
        for (at, (place, starts)) in self.places.iter().enumerate() {
            let start = if at == 0 { 0 } else { text.lines[at].start };
            let end = text.lines.get(at + 1).map_or(text.all.len(), |next| next.start);
            let owner = owner(*place);
            if *starts || sections.is_empty() {
                sections.push(Section { start, parts: Vec::new() });
            }
            let Some(section) = sections.last_mut() else { continue };
            let base = section.start;
            match section.parts.last_mut() {
                Some((range, last)) if *last == owner => range.end = end - base,
                _ => section.parts.push((start - base..end - base, owner)),
            }
        }
        if !values.is_empty() {
            sections = vec![Section { start: 0, parts: nested(values, text.all.len()) }];
        }
        Ownership { sections, groups, of_task }
    }

    /// In JSON and YAML a task is a value: several may stand on one line, and one on many.
    fn values(&self, group_of: &dyn Fn(usize) -> usize) -> Vec<(Range<usize>, Owner)> {
        if !self.is_tree() {
            return Vec::new();
        }
        let outline = &self.build.outline;
        let tasks = outline
            .tasks
            .iter()
            .enumerate()
            .filter_map(|(ix, task_item)| Some((task_item.value.clone()?, Owner::Task(ix))));
        let of_parent = |(ix, parent): (usize, &Parent)| {
            Some((parent.text.clone()?, Owner::Group(group_of(ix))))
        };
        let mut values: Vec<(Range<usize>, Owner)> =
            tasks.chain(outline.parents.iter().enumerate().filter_map(of_parent)).collect();
        values.sort_by_key(|(value, _)| (value.start, std::cmp::Reverse(value.end)));
        values
    }
}

/// Ranges without gaps from values, of which an inner one counts over the one that it stands in.
fn nested(values: Vec<(Range<usize>, Owner)>, end: usize) -> Vec<(Range<usize>, Owner)> {
    let mut parts: Vec<(Range<usize>, Owner)> = Vec::new();
    let mut open: Vec<(Range<usize>, Owner)> = vec![(0..end, Owner::Plan)];
    let mut at = 0;
    let mut until = |next: usize, open: &[(Range<usize>, Owner)]| {
        let owner = open.last().map_or(Owner::Plan, |(_, owner)| *owner);
        if at < next {
            match parts.last_mut() {
                Some((last, of)) if *of == owner => last.end = next,
                _ => parts.push((at..next, owner)),
            }
            at = next;
        }
    };
    for (value, owner) in values {
        while let Some(outer) =
            open.last().map(|(outer, _)| outer.end).filter(|outer| *outer <= value.start)
        {
            until(outer, &open);
            open.pop();
        }
        until(value.start, &open);
        open.push((value, owner));
    }
    while let Some(outer) = open.last().map(|(outer, _)| outer.end) {
        until(outer, &open);
        open.pop();
    }
    parts
}

/// A section that holds nothing for anybody who does the work.
fn unused_section(heading: &str) -> Option<Reason> {
    let lower = heading.trim_end_matches(':').to_lowercase();
    let words = lower.trim_start_matches(|c: char| !c.is_alphanumeric());
    match words {
        "table of contents" | "contents" | "toc" | "目录" | "目錄" | "目次" | "목차" | "índice"
        | "sommaire" | "inhalt" | "inhaltsverzeichnis" => Some(Reason::TableOfContents),
        "changelog" | "change log" | "revision history" | "version history"
        | "document history" | "变更记录" | "变更历史" => Some(Reason::History),
        _ => None,
    }
}

/// `- [Phase 1](#phase-1)`, and nothing else.
fn is_link_to_heading(line: &Line<'_>) -> bool {
    let Some(item) = line.item() else { return false };
    let rest = item.text.trim();
    let link = rest.strip_prefix('[').and_then(|rest| rest.split_once("](#"));
    link.is_some_and(|(_, target)| {
        target.strip_suffix(')').is_some_and(|target| !target.contains([' ', ')']))
    })
}
