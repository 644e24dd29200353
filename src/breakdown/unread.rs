//! What looks like work, or like an order of work, and was read as neither: it is told, so that nothing is left out without
//! a word.

use super::build::Builder;
use super::conditions::{Boxes, boxes_below};
use super::forms::{numbered_task, numbered_title};
use super::names::Names;
use super::owners::Owner;
use super::problem::{Problem, Severity};
use super::prose::{beginnings, may_state, statements};
use super::refs::{Reference, named_within};
use super::text::{Item, Line, fields, names_tasks};
use super::text::{boxed, unboxed};
use std::cell::LazyCell;
use std::ops::Range;

/// Places of a kind that are told each by itself.
const MAX_TOLD: usize = 50;

/// Lines that were read as nothing, each with a number.
#[derive(Default)]
struct Unread {
    /// What looks like work, with how many lines of it follow each other.
    work: Vec<(Range<usize>, usize)>,
    /// What looks like an order of work.
    waits: Vec<(Range<usize>, usize)>,
    /// What looks like a command, with the task that it stands in.
    commands: Vec<(Range<usize>, usize)>,
}

/// How many of the problems with these codes say that work or an order of it was read as neither, in words; nothing
/// where there is none.
pub fn left_out<'a>(codes: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    let count = |code: &str| codes.clone().filter(|of| *of == code).count();
    let places =
        |count: usize| if count == 1 { "1 place".to_owned() } else { format!("{count} places") };
    match (count("unread-work"), count("unread-dependency")) {
        (0, 0) => None,
        (work, 0) => Some(format!("left out: what looks like work in {}", places(work))),
        (0, waits) => Some(format!("left out: what looks like dependencies in {}", places(waits))),
        (work, waits) => Some(format!(
            "left out: what looks like work in {}, like dependencies in {}",
            places(work),
            places(waits)
        )),
    }
}

impl Builder<'_> {
    /// Tells of lines outside tasks that look like work or like dependencies. Owners are known already.
    pub(super) fn tell_unread(&mut self) {
        let Unread { work, waits, commands } = self.find_unread();
        self.tell_each("unread-work", Severity::Warning, work, |count| {
            let what = match count {
                1 => "this looks like work, and belongs to no task: it is carried out by nobody".to_owned(),
                _ => format!("these {count} lines look like work, and belong to no task: they are carried out by nobody"),
            };
            what + "; put it below a task, or write it as one"
        });
        self.tell_each("unread-dependency", Severity::Warning, waits, |_| {
            "this names what waits for what, and is not understood: say it at the tasks (`Depends on: …`)".into()
        });
        let (no_steps, with_steps) = commands
            .into_iter()
            .partition(|(_, task)| self.outline.tasks[*task].ticks().next().is_none());
        let why = format!(
            "this is told to the agent and run by nobody else, as all that stands below a task of {}",
            self.plan.format
        );
        self.tell_each("not-a-command", Severity::Info, no_steps, |_| why.clone());
        self.tell_each("not-a-command", Severity::Info, with_steps, |_| {
            "this is told to the agent and run by nobody else, because the task has steps: a command is a task of its own".into()
        });
    }

    fn find_unread(&self) -> Unread {
        // What was taken for something has a place.
        let outline = &self.outline;
        let spans = outline
            .streams
            .iter()
            .map(|(_, span)| span)
            .chain(outline.gates.iter().map(|(_, span)| span));
        let spans = spans
            .chain(&outline.milestones)
            .chain(&outline.deliverables)
            .chain(&outline.risks)
            .chain(&self.taken);
        let read = self.text.lines_with(spans.map(|span| span.start));
        // What is understood, or told already.
        let spans = || {
            outline
                .references
                .iter()
                .map(|mention| &mention.span)
                .chain(self.problems.iter().map(|problem| &problem.span))
        };
        let mentioned = LazyCell::new(|| self.text.lines_with(spans().map(|span| span.start)));
        let names = LazyCell::new(|| self.names());
        let mut found = Unread::default();
        // Headings whose boxes are conditions, with their levels.
        let mut conditions: Option<usize> = None;
        let mut last_work = None;
        let starts = || outline.tasks.iter().map(|task_item| task_item.span.start);
        let titles = LazyCell::new(|| {
            self.text.lines_at(starts()).any(|at| is_titled(&self.text.lines[at]))
        });
        let mut ranges = outline.ownership.ranges().peekable();
        for (at, line) in self.text.prose() {
            while ranges.peek().is_some_and(|(range, _)| range.end <= line.start) {
                ranges.next();
            }
            if line.is_blank() {
                continue;
            }
            let item = line.item();
            // Where the items beside it have boxes, what has another bracket is no task, and a second box on the line of a
            // task would be a task of its own.
            if item.is_some_and(|item| item.lacks_its_box() || has_second_box(&item)) {
                found.work.push((line.span(), 1));
                continue;
            }
            match ranges.peek() {
                None => continue,
                Some((_, Owner::Task(ix))) => {
                    let Some(item) = item else { continue };
                    if is_command(&item) && self.plan.tasks[*ix].command.is_none() {
                        found.commands.push((line.span(), *ix));
                    }
                    // An open box beside that of the task is none of its parts.
                    if !read[at]
                        && item.tick().is_some_and(|tick| !tick.done())
                        && self.is_beside(&line, *ix)
                    {
                        found.work.push((line.span(), 1));
                    }
                    continue;
                }
                _ => {}
            }
            let heading = line.heading();
            if let Some((level, _, text)) =
                heading.filter(|(level, ..)| conditions.is_none_or(|open| *level <= open))
            {
                conditions =
                    Some(level).filter(|_| boxes_below(unboxed(text)) == Boxes::Conditions);
            }
            if read[at] {
                continue;
            }
            if is_bare_rule(line.text) {
                let rows = self.text.lines[at + 1..]
                    .iter()
                    .take_while(|row| row.text.contains('|'))
                    .count();
                found.work.push((line.span(), rows.max(1)));
                continue;
            }
            if conditions.is_none() && looks_like_work(&line, &|| *titles) {
                match found.work.last_mut().filter(|_| last_work == Some(at - 1)) {
                    Some((_, count)) => *count += 1,
                    None => found.work.push((line.span(), 1)),
                }
                last_work = Some(at);
            } else if !mentioned[at]
                && self.says_who_waits(&line, may_state(line.text) || self.may_begin()[at], &names)
            {
                found.waits.push((line.span(), 1));
            }
        }
        found
    }

    /// Tells of each place by itself, given with a number for its message; of very many the first ones, and how many more
    /// there are.
    fn tell_each(
        &mut self,
        code: &'static str,
        severity: Severity,
        places: Vec<(Range<usize>, usize)>,
        what: impl Fn(usize) -> String,
    ) {
        for (span, number) in places.iter().take(MAX_TOLD) {
            self.problems
                .push(Problem { severity, ..Problem::error(code, span.clone(), what(*number)) });
        }
        if let Some((span, _)) = places.get(MAX_TOLD) {
            let what = format!("the same of {} more places from here on", places.len() - MAX_TOLD);
            self.problems.push(Problem { severity, ..Problem::error(code, span.clone(), what) });
        }
    }

    /// Whether a line stands in the list that a task is an item of, and not in the task.
    fn is_beside(&self, line: &Line<'_>, task: usize) -> bool {
        let own = &self.text.lines[self.text.line_at(self.outline.tasks[task].span.start)];
        own.start != line.start && own.item().is_some() && line.indent() <= own.indent()
    }

    /// Whether a line, which may have a sentence about that, says of tasks that there are what they wait for.
    fn says_who_waits(&self, line: &Line<'_>, has_sentence: bool, names: &Names) -> bool {
        let names_one = |reference: &Reference| self.exists(&reference.to, names);
        let side = |text: &str| {
            let text = text.trim_start_matches(['-', '*', '+', ' ']);
            !self.named_in(None, text, names).is_empty() || named_within(text).iter().any(names_one)
        };
        let has_field = line.text.contains([':', '：']);
        if !has_sentence && !has_field {
            return false;
        }
        // A critical path follows from the edges.
        let lower = line.text.to_lowercase();
        let end = ["critical path", "critical-path", "关键路径"]
            .iter()
            .filter_map(|words| lower.find(words))
            .min();
        let body = end.and_then(|end| line.text.get(..end)).unwrap_or(line.text).trim();
        let sentence = has_sentence
            && statements(body)
                .iter()
                .any(|said| side(&body[said.waits.clone()]) && side(&body[said.on.clone()]));
        sentence
            || has_sentence && beginnings(body).iter().any(|(_, value)| side(value))
            || has_field
                && fields(&[*line]).iter().any(|field| {
                    names_tasks(&field.name) && !self.named_in(None, &field.value, names).is_empty()
                })
    }
}

/// `- [ ] One - [ ] Two`.
fn has_second_box(item: &Item<'_>) -> bool {
    let Some(tick) = item.tick() else { return false };
    let is_box =
        |at: usize| tick.rest[at..].starts_with("[ ] ") || tick.rest[at..].starts_with("[x] ");
    tick.rest.match_indices('[').any(|(at, _)| {
        is_box(at) && (tick.rest[..at].ends_with("- ") || tick.rest[..at].ends_with("* "))
    })
}

/// `- Run: make`.
fn is_command(item: &Item<'_>) -> bool {
    let name = item.text.trim_start_matches('*');
    name.starts_with("Run") && name[3..].trim_start_matches('*').starts_with(':')
}

/// `---|---|---`: a table without signs at its edges, of which no row is read.
fn is_bare_rule(line: &str) -> bool {
    line.starts_with(['-', ':'])
        && line.contains('|')
        && line.bytes().all(|byte| matches!(byte, b'-' | b':' | b'|' | b' '))
}

/// A box, `### Task 3: …`; `1. **Title**` where tasks are such lines.
fn looks_like_work(line: &Line<'_>, titles: &dyn Fn() -> bool) -> bool {
    if let Some((.., text)) = line.heading() {
        return numbered_task(unboxed(text)).is_some();
    }
    boxed(line).is_some() || is_titled(line) && titles()
}

/// `1. **Title**` at the margin.
fn is_titled(line: &Line<'_>) -> bool {
    line.item().is_some_and(|item| {
        item.number.is_some() && line.indent() == 0 && numbered_title(item.text).is_some()
    })
}
