//! The breakdown-agent's format in its three versions.
//!
//! v1: streams, numbered bold tasks with bullet fields, gates "after Stream A"; dependencies are
//! written. v2: numbered boxes with steps `1.1. [ ]` that may be folded into paragraphs; no
//! dependencies of tasks, so order counts: steps and tasks in a row, streams one after the other
//! unless the text says that they run in parallel. v3: like v2 with prerequisites and estimates.

use crate::breakdown::build::{Builder, On, Waiting};
use crate::breakdown::convert::{self, Writer};
use crate::breakdown::detect::Signs;
use crate::breakdown::forms::numbered_title;
use crate::breakdown::outline::Detail;
use crate::breakdown::refs::{Target, references};
use crate::breakdown::text::numbered_box;
use crate::breakdown::text::{Line, Text, Tick, clean_title, fields, names_tasks, tick};
use crate::breakdown::{Confidence, Deps, Parsed};
use crate::core::id::StreamId;
use crate::core::plan::Level;
use std::ops::Range;

const TITLE_WORDS: [&str; 5] = [
    "Task Breakdown",
    "Detailed Implementation Breakdown",
    "Implementation Breakdown",
    "Implementation Plan",
    "Breakdown",
];

/// Number, title, and the box with where it starts.
type TaskLine<'a> = (&'a str, &'a str, Option<(Tick<'a>, usize)>);
/// Id, name, and the condition for its start with where that stands.
type StreamHeading<'a> = (String, String, Option<(usize, &'a str)>);

struct Reader<'a> {
    build: Builder<'a>,
    stream: Option<usize>,
    stream_level: usize,
    /// Streams of which the text says that they wait for no other one.
    free: Vec<usize>,
    boxes: bool,
    section: String,
}

/// The format.
pub struct BreakdownAgent;

impl crate::breakdown::Reader for BreakdownAgent {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        // An analysis of one task has streams too, and says when each can start.
        // Where there are more boxes at the margin, those are the tasks.
        let titled = signs.bold_titles >= 1 && signs.margin_boxes <= signs.bold_titles;
        let streams = signs.streams >= 1 && titled && signs.can_start < 2;
        // Numbered boxes are everywhere; with steps of their own or dependencies they are these.
        let boxes = if signs.has_inner_steps || signs.dependency_fields >= 1 {
            signs.numbered_boxes
        } else {
            0
        };
        let wide = signs.wide_lanes >= 1 && signs.bold_titles >= 2 && signs.boxes == 0;
        if wide && !streams && boxes == 0 && signs.long_form == 0 {
            return Some(Confidence::Likely);
        }
        if !streams && boxes == 0 && signs.long_form == 0 {
            let stated = signs.bold_titles >= 2 && signs.dependency_fields >= 2;
            let others = signs.streams
                + signs.can_start
                + signs.task_headings
                + signs.step_headings
                + signs.id_headings
                + signs.stories;
            let stated = stated && others == 0;
            return stated.then_some(Confidence::Likely);
        }
        let sure = streams || boxes + signs.long_form >= 2;
        Some(if sure { Confidence::Certain } else { Confidence::Likely })
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        read(text, deps)
    }

    fn writer(&self) -> Option<&'static Writer> {
        Some(&convert::breakdown_agent::WRITER)
    }
}

fn read(text: &Text<'_>, deps: Deps) -> Parsed {
    let boxed = |line: &Line<'_>| match line.heading() {
        Some((_, _, heading)) => numbered_box(heading).is_some(),
        None => line.item().is_some_and(|item| item.number.is_some() && item.tick().is_some()),
    };
    let boxes = text.visible().any(|(_, line)| boxed(&line));
    let format = if boxes { "breakdown-agent-v2" } else { "breakdown-agent-v1" };
    let mut build = Builder::new(text, format);
    build.read_topic(&TITLE_WORDS);
    let mut reader = Reader {
        build,
        stream: None,
        stream_level: 0,
        free: Vec::new(),
        boxes,
        section: String::new(),
    };
    let visible: Vec<(usize, Line<'_>)> = text.visible().collect();
    let starts: Vec<usize> =
        (0..visible.len()).filter(|&at| reader.starts_something(&visible[at].1)).collect();
    for (nth, &at) in starts.iter().enumerate() {
        let end = starts.get(nth + 1).copied().unwrap_or(visible.len());
        let region: Vec<Line<'_>> = visible[at + 1..end].iter().map(|(_, line)| *line).collect();
        reader.take(&visible[at].1, &region);
    }
    reader.imply_order();
    if reader.build.states_dependencies() && boxes {
        reader.build.plan.format = "breakdown-agent-v3".into();
    }
    reader.build.finish(deps)
}

impl Reader<'_> {
    /// A heading or a task: what is read up to the next one belongs to it.
    fn starts_something(&self, line: &Line<'_>) -> bool {
        line.heading().is_some() || self.task_line(line).is_some()
    }

    /// Number, title and box of a line that is a task.
    fn task_line<'a>(&self, line: &Line<'a>) -> Option<TaskLine<'a>> {
        let item = line.item().filter(|_| line.indent() <= 3)?;
        let number = item.number?;
        if self.boxes {
            let tick = item.tick()?;
            Some((number, tick.rest, Some((tick, item.start))))
        } else {
            numbered_title(item.text).map(|_| (number, item.text, None))
        }
    }

    fn take(&mut self, line: &Line<'_>, region: &[Line<'_>]) {
        let span = line.span();
        if let Some((level, start, heading)) = line.heading() {
            if let Some((number, tick, at)) = numbered_box(heading) {
                let ix = self.task(number, tick.rest, span, region);
                return self.build.ticked(ix, &tick, start + at);
            }
            if let Some(name) = heading.strip_prefix("Task:").filter(|_| !self.boxes) {
                let number = (self.build.plan.tasks.len() + 1).to_string();
                self.task(&number, name.trim(), span, region);
                return;
            }
            return self.heading(level, heading, start, span, region);
        }
        let Some((number, title, boxed)) = self.task_line(line) else { return };
        // Without boxes, numbered bold lists stand elsewhere too: tasks are those in a stream, or that say what they wait
        // for where there are no streams.
        let says = || {
            self.build.plan.streams.is_empty()
                && fields(region).iter().any(|field| names_tasks(&field.name))
        };
        if self.boxes || self.stream.is_some() || says() {
            let ix = self.task(number, title, span, region);
            if let Some((tick, at)) = boxed {
                self.build.ticked(ix, &tick, at);
            }
        }
    }

    fn heading(
        &mut self,
        level: usize,
        heading: &str,
        start: usize,
        span: Range<usize>,
        region: &[Line<'_>],
    ) {
        let lower = heading.to_lowercase();
        if level <= 2 {
            self.section.clone_from(&lower);
        }
        match stream_heading(heading) {
            Some((id, name, condition)) if level >= 2 => {
                let ix = self.build.stream(&id, &name, span);
                self.stream = Some(ix);
                self.stream_level = level;
                if let Some((at, text)) = condition {
                    self.start_condition(ix, text, start + at);
                }
            }
            _ if level <= self.stream_level => self.stream = None,
            _ => {}
        }
        let gates = lower.contains("quality gate");
        for field in fields(region) {
            if field.name.starts_with("gate") && gates || field.name.ends_with("quality gate") {
                self.gate(&field.label, &field.value, field.start);
            } else if gates
                && (field.name.starts_with("system") || field.name.starts_with("deployment"))
            {
                let level = if field.name.starts_with("system") {
                    Level::System
                } else {
                    Level::Deployment
                };
                let end = field.start + field.value.len();
                self.build.gate(
                    &field.label,
                    level,
                    Vec::new(),
                    &field.value.replace('\n', " "),
                    field.start..end,
                );
            }
        }
        if lower.contains("milestone") || lower.contains("deliverable") {
            let (plan, outline) = (&mut self.build.plan, &mut self.build.outline);
            let (texts, places) = if lower.contains("milestone") {
                (&mut plan.milestones, &mut outline.milestones)
            } else {
                (&mut plan.deliverables, &mut outline.deliverables)
            };
            for item in region.iter().filter_map(Line::item).take(50) {
                texts.push(clean_title(item.text));
                places.push(item.start..item.start + item.text.trim_end().len());
            }
        }
        if self.section.contains("execution coordination") || lower.contains("stream dependencies")
        {
            self.coordination(region);
        }
    }

    /// `Depends on A1, B3`, `Parallel with Stream A`, `Parallel Start`.
    fn start_condition(&mut self, ix: usize, text: &str, start: usize) {
        let lower = text.to_ascii_lowercase();
        for words in ["depends on ", "after "] {
            if let Some(at) = lower.find(words) {
                let from = at + words.len();
                return self.build.waits(Waiting::Stream(ix), &text[from..], start + from);
            }
        }
        if lower.contains("parallel") || lower.contains("immediate") {
            self.free.push(ix);
        }
    }

    /// `All database tests pass (after Stream A)`.
    fn gate(&mut self, label: &str, value: &str, start: usize) {
        let text = value.replace('\n', " ");
        let lower = text.to_ascii_lowercase();
        let mut after: Vec<StreamId> = Vec::new();
        if let Some(at) = lower.rfind("(after ") {
            let inner = text[at + 7..].trim_end().trim_end_matches(')');
            for reference in references(inner) {
                if let Target::Stream(key) = reference.to
                    && let Some(ix) = self.build.find_stream(&key)
                {
                    after.push(self.build.plan.streams[ix].id.clone());
                }
            }
        }
        let own = label
            .to_lowercase()
            .strip_suffix(" quality gate")
            .and_then(|key| self.build.find_stream(key));
        if after.is_empty() {
            after.extend(own.or(self.stream).map(|ix| self.build.plan.streams[ix].id.clone()));
        }
        let text = text
            .rfind(" (after ")
            .filter(|_| lower.contains("(after "))
            .map_or(text.clone(), |at| text[..at].to_owned());
        let level = if after.is_empty() { Level::System } else { Level::Stream };
        self.build.gate(label, level, after, text.trim(), start..start + value.len());
    }

    /// "**Stream A** must complete before Stream B can start", "Stream C can begin in parallel".
    fn coordination(&mut self, region: &[Line<'_>]) {
        let mut sentences: Vec<(usize, String)> = Vec::new();
        for line in region {
            let (start, body) = line.trimmed();
            match line.item() {
                Some(item) => sentences.push((item.start, item.text.to_owned())),
                None if body.is_empty() => sentences.push((start, String::new())),
                None => {
                    if let Some((_, text)) = sentences.last_mut() {
                        text.push(' ');
                        text.push_str(body);
                    }
                }
            }
        }
        for (start, sentence) in sentences {
            let lower = sentence.to_ascii_lowercase();
            let streams = self.streams_in(&sentence);
            let split = ["before", "depends on", "depend on"]
                .into_iter()
                .find_map(|words| lower.find(words).map(|at| (words, at)));
            match split {
                Some((words, at)) => {
                    let (left, right): (Vec<_>, Vec<_>) =
                        streams.iter().partition(|(_, place)| *place < at);
                    let (first, then) =
                        if words == "before" { (left, right) } else { (right, left) };
                    for (waiting, _) in &then {
                        for (on, _) in &first {
                            let key = self.build.plan.streams[*on].id.to_string();
                            let key = if key.contains(' ') { key } else { format!("Stream {key}") };
                            self.build.waits(Waiting::Stream(*waiting), &key, start);
                        }
                    }
                }
                None if lower.contains("parallel") || lower.contains("independent") => {
                    self.free.extend(streams.first().map(|(ix, _)| *ix))
                }
                None => {}
            }
        }
    }

    /// The streams that a sentence names, with where. What stands in parentheses names none again.
    fn streams_in(&self, sentence: &str) -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        for word in ["Stream ", "Phase "] {
            for (at, _) in sentence.match_indices(word) {
                let rest = &sentence[at + word.len()..];
                let key: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
                let named = self
                    .build
                    .find_stream(&key)
                    .or_else(|| self.build.find_stream(&format!("{word}{key}")));
                if let Some(ix) = named.filter(|ix| {
                    !sentence[..at].ends_with('(') && !found.iter().any(|(known, _)| known == ix)
                }) {
                    found.push((ix, at));
                }
            }
        }
        found.sort_by_key(|(_, at)| *at);
        found
    }

    fn task(&mut self, number: &str, rest: &str, span: Range<usize>, region: &[Line<'_>]) -> usize {
        let title = numbered_title(rest)
            .unwrap_or_else(|| rest.split(&format!(" {number}.1")).next().unwrap_or(rest));
        let ix = self.build.task(number, &clean_title(title), self.stream, span.clone());
        let after_title = rest
            .find("**")
            .and_then(|open| rest[open + 2..].find("**").map(|close| &rest[open + close + 4..]))
            .unwrap_or("")
            .trim_start();
        if let Some(inner) = after_title.strip_prefix('[').and_then(|inner| inner.split(']').next())
        {
            let at = span.start + self.build.text.all[span.clone()].find(inner).unwrap_or(0);
            self.build.detail(ix, Detail::Estimate, inner, at..at + inner.len());
        }
        let first_line = after_title.split(&format!("{number}.1.")).next().unwrap_or("");
        self.build.state_words(ix, &format!("{title} {first_line}"));
        if self.boxes {
            self.steps(ix, number, &span, region);
        }
        for field in fields(region) {
            if field.name.ends_with("quality gate") {
                self.gate(&field.label, &field.value, field.start);
            } else if !self.boxes || is_known(&field.name) {
                self.build.field(ix, &field);
            }
        }
        if !self.boxes {
            // Tasks of version 1 have no box of their own: boxes below one are its criteria.
            let boxes = region.iter().filter_map(|line| {
                line.item().and_then(|item| item.tick().map(|tick| (item, tick)))
            });
            for (item, tick) in boxes {
                let criterion = clean_title(tick.rest);
                let task = &self.build.plan.tasks[ix];
                if !task.criteria.iter().chain(&task.tests).any(|known| known.contains(&criterion))
                {
                    let from = item.start + tick.rest_at;
                    self.build.detail(
                        ix,
                        Detail::Criteria,
                        &criterion,
                        from..from + tick.rest.trim_end().len(),
                    );
                }
            }
        }
        ix
    }

    /// Steps `3.2. [ ] text` may stand anywhere in a paragraph, with the box on the next line.
    fn steps(&mut self, ix: usize, number: &str, span: &Range<usize>, region: &[Line<'_>]) {
        let end = region.last().map_or(span.end, |line| line.start + line.text.len());
        let whole = &self.build.text.all[span.start..end];
        let prefix = format!("{number}.");
        let mut found: Vec<(usize, usize, bool)> = Vec::new();
        for (at, _) in whole.match_indices(&prefix) {
            let before = whole[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '.' || c == '_') {
                continue;
            }
            if let Some((text_at, done)) = step_at(whole, at, prefix.len())
                && !self.build.text.lines[self.build.text.line_at(span.start + at)].hidden
            {
                found.push((at, text_at, done));
            }
        }
        for (nth, &(_, text_at, done)) in found.iter().enumerate() {
            let next = found.get(nth + 1).map_or(whole.len(), |(at, _, _)| *at);
            let text = &whole[text_at..next];
            let stop = ["\n\n**", "📝", "\n\n#"]
                .iter()
                .filter_map(|sign| text.find(sign))
                .min()
                .unwrap_or(text.len());
            let text = text[..stop].split_whitespace().collect::<Vec<_>>().join(" ");
            let text = text.trim_end_matches([' ', '-']).to_owned();
            let from = span.start + text_at;
            self.build.step(ix, text, from..from + stop, Some(done));
        }
    }

    /// Without dependencies of tasks, order counts.
    fn imply_order(&mut self) {
        if !self.boxes {
            self.build.keep_order(&[]);
            let free = self.free.clone();
            return self.build.phases_in_order(&free);
        }
        let plan = &self.build.plan;
        let mut edges: Vec<(Waiting, On)> = Vec::new();
        for ix in 1..plan.tasks.len() {
            if plan.tasks[ix].stream == plan.tasks[ix - 1].stream {
                edges.push((Waiting::Task(ix), On::Task(ix - 1)));
            }
        }
        for ix in 1..plan.streams.len() {
            if !self.free.contains(&ix) {
                edges.push((Waiting::Stream(ix), On::Stream(ix - 1)));
            }
        }
        for (who, on) in edges {
            self.build.implies(who, on);
        }
    }
}

/// Fields that v2 and v3 have; anything else in their paragraphs is prose.
fn is_known(name: &str) -> bool {
    matches!(
        name,
        "prerequisites"
            | "dependencies"
            | "depends on"
            | "testing requirements"
            | "commit"
            | "agent"
            | "run"
            | "files"
            | "file"
            | "effort"
            | "estimate"
            | "size"
            | "estimated time"
            | "acceptance criteria"
            | "success criteria"
            | "objective"
    )
}

/// The step `N.M. [x] text` at a place: where its text starts, and whether it is ticked.
fn step_at(text: &str, at: usize, prefix: usize) -> Option<(usize, bool)> {
    let rest = &text[at + prefix..];
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let after = rest[digits..].strip_prefix('.').unwrap_or(&rest[digits..]);
    let boxed = after.trim_start();
    if boxed.len() == after.len() {
        return None;
    }
    if let Some(tick) = tick(boxed) {
        return Some((text.len() - tick.rest.len(), tick.done()));
    }
    // `- [x] 1.3 Add attributes`: the box stands before the number.
    let before = text[..at].trim_end_matches(' ');
    let mark = before.strip_suffix(']').and_then(|inner| inner.chars().next_back());
    let opened =
        mark.is_some_and(|mark| before[..before.len() - 1 - mark.len_utf8()].ends_with('['));
    opened.then(|| (text.len() - boxed.len(), matches!(mark, Some('x' | 'X'))))
}

/// `Stream A: Database Foundation (Parallel Start)` → id, name, and the condition with its place.
fn stream_heading(heading: &str) -> Option<StreamHeading<'_>> {
    let (word, rest) = heading.split_once(' ')?;
    let key: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '.').collect();
    let after = rest[key.len()..].trim_start_matches([':', ' ', '-', '–', '—']);
    if !matches!(word, "Stream" | "Phase")
        || key.is_empty()
        || key.len() > 6
        || rest.len() == key.len()
    {
        return None;
    }
    let id = if word == "Stream" { key } else { format!("Phase {key}") };
    let open = after.rfind('(').filter(|_| after.trim_end().ends_with(')'));
    match open {
        Some(at) => {
            let inner = after[at + 1..].trim_end().trim_end_matches(')');
            Some((
                id,
                after[..at].trim().to_owned(),
                Some((heading.len() - after.len() + at + 1, inner)),
            ))
        }
        None => Some((id, clean_title(after), None)),
    }
}
