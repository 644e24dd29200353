//! Tasks that are headings: what stands below one, up to the next heading of its level or a higher one, is its own.

use super::build::Builder;
use super::outline::Detail;
use super::task_list::boxed;
use super::text::{Field, Line, clean_title, fields};
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

/// Reads all tasks; sections are in their order.
pub fn read<'a>(build: &mut Builder<'a>, lines: &[Line<'a>], style: &Style<'_>) -> Vec<Section<'a>> {
    let mut sections = Vec::new();
    let mut lane: Option<(usize, String, String, Range<usize>)> = None;
    let mut stream = None;
    let mut inside = 0;
    for (at, line) in lines.iter().enumerate() {
        let Some((level, start, heading)) = line.heading() else {
            // Conditions of the whole, below no task.
            if let Some((_, tick)) = boxed(line).filter(|_| at >= inside) {
                build.other_box(&tick);
            }
            continue;
        };
        let span = line.span();
        let Some((id, title)) = (style.task)(heading) else {
            if let Some((id, name)) = (style.lane)(heading) {
                lane = Some((level, id, name, span));
                stream = None;
            } else if lane.as_ref().is_some_and(|(open, ..)| level <= *open) {
                (lane, stream) = (None, None);
            }
            continue;
        };
        if lane.as_ref().is_some_and(|(open, ..)| level <= *open) {
            (lane, stream) = (None, None);
        }
        if stream.is_none() {
            stream = lane.as_ref().map(|(_, id, name, span)| build.stream(id, name, span.clone()));
        }
        let file_end = build.text.file_at(line.start).map_or(usize::MAX, |file| file.range.end);
        let ends = |next: &Line<'_>| {
            next.start >= file_end || next.heading().is_some_and(|(other, _, text)| other <= level || (style.task)(text).is_some())
        };
        let end = lines[at + 1..].iter().position(ends).map_or(lines.len(), |len| at + 1 + len);
        let region = lines[at + 1..end].to_vec();
        inside = end;
        let ix = build.task(&id, &clean_title(&title), stream, span);
        build.state_words(ix, &title);
        let fields = fields(&region);
        for field in fields.iter().filter(|field| (style.field)(&field.name)) {
            build.field(ix, field);
        }
        for (from, tick) in region.iter().filter_map(boxed) {
            if style.boxes_are_steps {
                build.boxed_step(ix, &tick, from);
            } else {
                let at = from + tick.rest_at;
                build.detail(ix, Detail::Criteria, &clean_title(tick.rest), at..at + tick.rest.trim_end().len());
                build.other_box(&tick);
            }
        }
        sections.push(Section { heading, start, region, fields });
        if build.is_full(line.start) {
            break;
        }
    }
    sections
}

/// `Task 3: Title`, `Task 3 — Title`, `Step 2. Title` → its id and its title.
pub fn numbered(heading: &str, word: &str) -> Option<(String, String)> {
    let rest = heading.strip_prefix(word)?.strip_prefix(' ')?;
    let len = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')).count();
    let id = rest[..len].trim_end_matches(['.', '-']);
    let has_digit = id.bytes().any(|b| b.is_ascii_digit());
    let after = rest[len..].trim_start();
    let ends = after.is_empty() || after.starts_with([':', '-', '—', '–', '.', '(', '[', '✅', '|']) || rest[..len].ends_with(['.', '-']);
    (has_digit && ends).then(|| (id.to_owned(), after.trim_start_matches([':', '-', '—', '–', '.', ' ']).to_owned()))
}
