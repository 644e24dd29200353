//! Tasks that are headings: what stands below one, up to the next heading of its level or a higher one, is its own.

use super::build::{Builder, Waiting};
use super::conditions::{Boxes, boxes_below};
use super::outline::Detail;
use super::prose::condition;
use super::state_words::is_open;
use super::status::status;
use super::text::{Field, Line, clean_title, fields, names_tasks, tick};
use super::text::{boxed, unboxed};
use std::ops::Range;

/// What formats of headings do each in their own way.
pub struct Style<'s> {
    /// The id and the title of a heading that is a task.
    pub task: &'s dyn Fn(&str) -> Option<(String, String)>,
    /// The id and the name of a heading that is a lane.
    pub lane: &'s dyn Fn(&str) -> Option<(String, String)>,
    /// The names of fields that are taken as such; of others nothing is.
    pub field: &'s dyn Fn(&str) -> bool,
    /// Whether boxes below a task are its steps; they are conditions otherwise.
    pub boxes_are_steps: bool,
}

/// A task with what stands below it.
pub struct Section<'a> {
    /// The heading.
    pub heading: &'a str,
    /// Where its text starts.
    pub start: usize,
    /// The lines below it.
    pub region: Vec<Line<'a>>,
    /// Its fields, all of them.
    pub fields: Vec<Field>,
}

/// A heading that opens a lane, until the lane has a task.
struct LaneHeading<'a> {
    level: usize,
    id: String,
    name: String,
    span: Range<usize>,
    /// What stands below it, up to the next heading.
    region: &'a [Line<'a>],
}

/// Level, start and text of a heading; of tasks, where none is a heading, those that are a bold line of their own.
fn heading_of<'a>(line: &Line<'a>, bold: Option<&Style<'_>>) -> Option<(usize, usize, &'a str)> {
    line.heading()
        .map(|(level, start, text)| {
            (level, start + text.len() - unboxed(text).len(), unboxed(text))
        })
        .or_else(|| {
            let (start, body) = line.trimmed();
            let inner = body
                .strip_prefix("**")?
                .strip_suffix("**")
                .filter(|inner| !inner.contains("**"))?;
            (bold?.task)(inner).is_some().then_some((6, start + 2, inner))
        })
}

/// Reads all tasks; sections are in their order.
pub fn read<'a>(
    build: &mut Builder<'a>,
    lines: &[Line<'a>],
    style: &Style<'_>,
) -> Vec<Section<'a>> {
    let mut sections = Vec::new();
    let mut lane: Option<LaneHeading<'_>> = None;
    let mut stream = None;
    let mut inside = 0;
    let any = lines
        .iter()
        .filter_map(Line::heading)
        .any(|(.., text)| (style.task)(unboxed(text)).is_some());
    let bold = Some(style).filter(|_| !any);
    for (at, line) in lines.iter().enumerate() {
        let Some((level, start, heading)) = heading_of(line, bold) else {
            // Conditions of the whole, below no task.
            if let Some((_, tick)) = boxed(line).filter(|_| at >= inside) {
                build.other_box(&tick);
            }
            continue;
        };
        let Some((id, title)) = (style.task)(heading) else {
            if let Some((id, name)) = (style.lane)(heading) {
                let below = lines[at + 1..]
                    .iter()
                    .position(|next| heading_of(next, bold).is_some())
                    .unwrap_or(lines.len() - at - 1);
                lane = Some(LaneHeading {
                    level,
                    id,
                    name,
                    span: line.span(),
                    region: &lines[at + 1..at + 1 + below],
                });
                stream = None;
            } else if lane.as_ref().is_some_and(|open| level <= open.level) {
                (lane, stream) = (None, None);
            }
            continue;
        };
        // Tasks may stand at the level of their lane.
        if lane.as_ref().is_some_and(|open| level < open.level) {
            (lane, stream) = (None, None);
        }
        if let (None, Some(LaneHeading { id, name, span, region, .. })) = (stream, &lane) {
            let new = build.stream(id, name, span.clone());
            for field in fields(region).iter().filter(|field| names_tasks(&field.name)) {
                build.waits(Waiting::Stream(new), &field.value, field.start);
            }
            stream = Some(new);
        }
        let file_end = build.text.file_at(line.start).map_or(usize::MAX, |file| file.range.end);
        let ends = |next: &Line<'_>| {
            next.start >= file_end
                || heading_of(next, bold)
                    .is_some_and(|(other, _, text)| other <= level || (style.task)(text).is_some())
        };
        let end = lines[at + 1..].iter().position(ends).map_or(lines.len(), |len| at + 1 + len);
        let region = lines[at + 1..end].to_vec();
        inside = end;
        let (bare, condition) = start_condition(&title);
        let ix = build.task(&id, &clean_title(bare), stream, line.span());
        build.state_words(ix, &title);
        // `## [x] Task 1: Title`.
        if let Some((_, from, whole)) =
            line.heading().filter(|(.., whole)| whole.len() > heading.len())
        {
            match tick(whole) {
                Some(tick) => build.ticked(ix, &tick, from),
                None => build.state_words(ix, whole),
            }
        }
        if let Some((from, text)) = condition {
            build.waits(Waiting::Task(ix), text, start + heading.len() - title.len() + from);
        }
        let fields = fields(&region);
        for field in
            fields.iter().filter(|field| field.name != "status" && (style.field)(&field.name))
        {
            if matches!(field.name.as_str(), "run" | "command")
                && !is_command(build, field, &region)
            {
                continue;
            }
            build.field(ix, field);
        }
        let said_open = title.rsplit(' ').next().is_some_and(|word| {
            word == word.to_uppercase() && status(word).is_none() && is_open(word)
        });
        boxes(build, ix, &region, style, said_open);
        // It counts over the boxes.
        if let Some(field) = fields.iter().find(|field| field.name == "status") {
            build.field(ix, field);
        }
        sections.push(Section { heading, start, region, fields });
        if build.is_full(line.start) {
            break;
        }
    }
    sections
}

/// Whether a field is a command that is the whole task: a bullet at the margin, where the task has no steps. Elsewhere it is
/// told to the agent like all else.
fn is_command(build: &Builder<'_>, field: &Field, region: &[Line<'_>]) -> bool {
    let line = build.text.lines[build.text.line_at(field.start)];
    line.item().is_some() && line.indent() <= 1 && !region.iter().any(|line| boxed(line).is_some())
}

/// Boxes below a task, but for those of sections that hold none of its work.
fn boxes(
    build: &mut Builder<'_>,
    ix: usize,
    region: &[Line<'_>],
    style: &Style<'_>,
    said_open: bool,
) {
    let mut no_steps = None;
    for line in region {
        if let Some((level, _, heading)) =
            line.heading().filter(|(level, ..)| no_steps.is_none_or(|open| *level <= open))
        {
            no_steps = Some(level).filter(|_| boxes_below(heading) != Boxes::Work);
        }
        let Some((from, tick)) = boxed(line) else { continue };
        if style.boxes_are_steps && no_steps.is_none() {
            build.boxed_step(ix, &tick, from);
        } else {
            let at = from + tick.rest_at;
            build.detail(
                ix,
                Detail::Criteria,
                &clean_title(tick.rest),
                at..at + tick.rest.trim_end().len(),
            );
            build.other_box(&tick);
        }
    }
    if !said_open {
        build.done_by_steps(ix);
    }
}

/// `Title (Depends on Stream A)` → the title, and what it waits for with where that stands in the text.
fn start_condition(title: &str) -> (&str, Option<(usize, &str)>) {
    let Some(condition) = condition(title) else { return (title, None) };
    let open =
        title[..condition.start].rfind('(').filter(|_| title[condition.end..].trim_end() == ")");
    (&title[..open.unwrap_or(title.len())], Some((condition.start, &title[condition])))
}
