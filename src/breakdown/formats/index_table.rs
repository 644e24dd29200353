//! Tables of tasks: a column of ids, a column of titles, a column of what each waits for, in whatever language.

use crate::breakdown::build::{Builder, Waiting};
use crate::breakdown::detect::Signs;
use crate::breakdown::outline::{Detail, SaidBy};
use crate::breakdown::problem::Problem;
use crate::breakdown::status::{is_known, status};
use crate::breakdown::tables::Columns;
use crate::breakdown::tables::cells;
use crate::breakdown::text::{Line, Text, clean_title};
use crate::breakdown::{Confidence, Deps, Parsed};
use crate::core::event::Mark;
use std::ops::Range;

/// The format.
pub struct IndexTable;

impl crate::breakdown::Reader for IndexTable {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        (signs.tables >= 1).then_some(if signs.tables >= 2 {
            Confidence::Certain
        } else {
            Confidence::Likely
        })
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let mut build = Builder::new(text, "index-table");
        build.read_topic(&["Task Breakdown", "Task Index", "Tasks", "—"]);
        let lines: Vec<Line<'_>> = text.visible().map(|(_, line)| line).collect();
        rows(&mut build, &lines, Columns::from_header);
        build.finish(deps)
    }
}

/// Reads all tables of tasks, each row a task in the lane of the heading above it.
pub fn rows<'a>(
    build: &mut Builder<'a>,
    lines: &[Line<'a>],
    columns_of: fn(&str) -> Option<Columns>,
) {
    let mut columns: Option<Columns> = None;
    let mut heading: Option<(String, String, Range<usize>)> = None;
    let mut stream = None;
    for line in lines {
        if let Some((level, _, text)) = line.heading() {
            if level == 2 || (level == 3 && heading.is_none()) {
                let name = clean_title(text.trim_start_matches(|c: char| !c.is_alphanumeric()));
                let id = name
                    .split([':', '—', '–'])
                    .next()
                    .unwrap_or(&name)
                    .trim()
                    .chars()
                    .take(40)
                    .collect();
                heading = Some((id, name.clone(), line.span()));
                stream = None;
            }
            columns = None;
            continue;
        }
        if !line.text.trim_start().starts_with('|') {
            columns = None;
            continue;
        }
        let Some(known) = &columns else {
            columns = columns_of(line.text);
            continue;
        };
        row(build, line, known, heading.as_ref(), &mut stream);
        if build.is_full(line.start) {
            break;
        }
    }
}

fn row(
    build: &mut Builder<'_>,
    line: &Line<'_>,
    columns: &Columns,
    heading: Option<&(String, String, Range<usize>)>,
    stream: &mut Option<usize>,
) {
    let cells = cells(line.text);
    let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).map_or("", |(text, _)| *text);
    let id_cell = cell(Some(columns.id));
    if id_cell.is_empty() || id_cell.bytes().all(|b| matches!(b, b'-' | b':' | b' ')) {
        return;
    }
    let written = id_cell.trim_start_matches(['✅', '\u{fe0f}', '*', '`', '#', '[', '~', ' ']);
    let len: usize = written
        .chars()
        .take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_'))
        .map(char::len_utf8)
        .sum();
    let len = written[..len].trim_end_matches(['.', '-']).len();
    if len == 0 || len > 24 {
        return;
    }
    let id = &written[..len];
    let title = match cell(columns.title) {
        "" => clean_title(written[len..].trim_start_matches([']', ':', '.', ' ', '-', '—'])),
        title => clean_title(title),
    };
    let title = without_link(title.trim_start_matches(['✅', '\u{fe0f}', ' ']));
    // A table of ids alone says something of tasks that stand elsewhere.
    if title.is_empty() && columns.title.is_none() {
        return;
    }
    if stream.is_none() {
        *stream = heading.map(|(id, name, span)| build.stream(id, name, span.clone()));
    }
    let ix = build.task(id, &title, *stream, line.span());
    let signed =
        |text: &str| text.starts_with('✅') || text.trim_end_matches('\u{fe0f}').ends_with('✅');
    let done = signed(id_cell) || signed(cell(columns.title));
    if done {
        build.mark(ix, Mark::Done, SaidBy::Title);
    }
    if let Some((state, at)) =
        columns.state.and_then(|at| cells.get(at)).filter(|(state, _)| !state.is_empty())
    {
        build.outline.tasks[ix].status = Some(line.start + at..line.start + at + state.len());
        let mark = status(state);
        if let Some(mark) = mark {
            build.mark(ix, mark, SaidBy::Status);
        }
        // As the others say it.
        if !is_known(state) && state.split_whitespace().count() <= 2 {
            let what = format!(
                "`{state}` is no status that is known here: it is read as still to be done"
            );
            build.problems.push(Problem::warning(
                "unknown-value",
                line.start + at..line.start + at + state.len(),
                what,
            ));
        }
        let is_word = mark == Some(Mark::Done) && state.chars().all(char::is_alphabetic);
        if is_word {
            build.outline.done_word.get_or_insert_with(|| (*state).to_owned());
        }
    }
    for (detail, column) in [
        (Detail::Estimate, columns.effort),
        (Detail::Agent, columns.owner),
        (Detail::Objective, columns.more),
    ] {
        let nobody = |text: &str| detail == Detail::Agent && matches!(text, "-" | "—");
        if let Some((text, at)) =
            column.and_then(|at| cells.get(at)).filter(|(text, _)| !nobody(text))
        {
            build.detail(ix, detail, text, line.start + at..line.start + at + text.len());
        }
    }
    if let Some((text, at)) = columns.waits.and_then(|at| cells.get(at)) {
        let bare = text.replace('#', " ");
        build.waits(Waiting::Task(ix), &bare, line.start + at);
    }
}

/// `[Title](file.md) — more` → `Title — more`.
fn without_link(text: &str) -> String {
    let Some((before, rest)) = text.split_once('[') else { return text.to_owned() };
    let Some((name, rest)) = rest.split_once("](") else { return text.to_owned() };
    let after = rest.split_once(')').map_or("", |(_, after)| after);
    format!("{before}{name}{after}").trim().to_owned()
}
