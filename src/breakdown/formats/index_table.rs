//! Tables of tasks: a column of ids, a column of titles, a column of what each waits for, in whatever language.

use crate::breakdown::build::{Builder, Waiting};
use crate::breakdown::detect::Signs;
use crate::breakdown::outline::{Detail, SaidBy};
use crate::breakdown::problem::Problem;
use crate::breakdown::status::{is_known, status};
use crate::breakdown::text::{Line, Text, clean_title};
use crate::breakdown::{Confidence, Deps, Parsed};
use crate::core::event::Mark;
use std::ops::Range;

const IDS: [&str; 19] = [
    "ordem",
    "orden",
    "任務編號",
    "任务编号",
    "pr",
    "issue",
    "id",
    "#",
    "task id",
    "no",
    "no.",
    "nr",
    "번호",
    "编号",
    "編號",
    "序号",
    "序號",
    "番号",
    "項番",
];
const WAITS: [&str; 29] = [
    "dependencias",
    "dependências",
    "dependencia",
    "depende de",
    "abhängigkeiten",
    "dépendances",
    "依赖项",
    "依賴項",
    "依赖任务",
    "依賴任務",
    "依存関係",
    "前提",
    "前置任务",
    "前置任務",
    "前置",
    "선행 작업",
    "선행작업",
    "선행",
    "depends on",
    "dependencies",
    "depends",
    "deps",
    "dependency",
    "blocked by",
    "prerequisites",
    "의존성",
    "依存",
    "依赖",
    "依賴",
];
const TITLES: [&str; 25] = [
    "tarefa",
    "tarea",
    "título",
    "titulo",
    "任務名稱",
    "任务名称",
    "arquivo",
    "archivo",
    "task name",
    "내용",
    "内容",
    "작업명",
    "task",
    "title",
    "name",
    "제목",
    "タスク",
    "任务",
    "任務",
    "작업",
    "summary",
    "名称",
    "名稱",
    "标题",
    "標題",
];
const STATES: [&str; 7] = ["status", "state", "상태", "状態", "状态", "狀態", "ステータス"];
const EFFORTS: [&str; 5] = ["size", "effort", "estimate", "est.", "est. time"];
const OWNERS: [&str; 4] = ["owner", "agent", "assignee", "담당"];
const MORE: [&str; 3] = ["description", "설명", "説明"];

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

/// Whether a table has a column of ids, one of dependencies and titles, by its first line and its first row.
pub fn has_tasks(header: &str, first_row: &str) -> bool {
    let Some(columns) = Columns::from_header(header) else { return false };
    // Where no column has titles, what stands behind the ids has to be some.
    let in_ids = || cells(first_row).get(columns.id).is_some_and(|(text, _)| text.contains(' '));
    columns.title.is_some() || in_ids()
}

/// Whether a line begins a table of an index: ids and titles, whatever else.
pub fn is_index(header: &str) -> bool {
    header.starts_with('|') && Columns::of_index(header).is_some()
}

/// Which column is what.
pub struct Columns {
    id: usize,
    waits: Option<usize>,
    title: Option<usize>,
    state: Option<usize>,
    effort: Option<usize>,
    owner: Option<usize>,
    more: Option<usize>,
}

impl Columns {
    /// Those of a table of tasks, which says what they wait for.
    pub fn from_header(header: &str) -> Option<Self> {
        Self::named(header).filter(|columns| columns.waits.is_some())
    }

    /// Those of an index, which may leave that to the files.
    pub fn of_index(header: &str) -> Option<Self> {
        Self::named(header).filter(|columns| columns.waits.is_some() || columns.title.is_some())
    }

    fn named(header: &str) -> Option<Self> {
        let names: Vec<String> = cells(header)
            .iter()
            .map(|(text, _)| text.trim_matches(['*', '`', ' ']).to_lowercase())
            .collect();
        let find = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
        let waits = find(&WAITS);
        let id =
            find(&IDS).or_else(|| names.first().is_some_and(|name| name == "task").then_some(0))?;
        let (state, effort, owner, more) =
            (find(&STATES), find(&EFFORTS), find(&OWNERS), find(&MORE));
        let taken = [Some(id), waits, state, effort, owner];
        // Whatever it is called, what stands beside an id is its title.
        let no_title = [
            "blocks",
            "unblocks",
            "wave",
            "parallel",
            "can run in parallel",
            "priority",
            "reason",
            "notes",
            "phase",
        ];
        let beside = (0..names.len()).find(|at| {
            !taken.contains(&Some(*at))
                && !names[*at].is_empty()
                && !no_title.contains(&names[*at].as_str())
        });
        let title = find(&TITLES)
            .filter(|at| *at != id)
            .or_else(|| Some(id).filter(|_| names[id] == "task"))
            .or(beside);
        Some(Self { id, waits, title: title.filter(|at| *at != id), state, effort, owner, more })
    }
}

/// The columns of ids and of what each waits for, in a table of tasks that may stand elsewhere.
pub fn waiting_columns(header: &str) -> Option<(usize, usize)> {
    let names: Vec<String> = cells(header)
        .iter()
        .map(|(text, _)| text.trim_matches(['*', '`', ' ']).to_lowercase())
        .collect();
    let waits = names.iter().position(|name| WAITS.contains(&name.as_str()))?;
    let id = names.iter().position(|name| {
        IDS.contains(&name.as_str()) || ["task", "tasks", "story", "step"].contains(&name.as_str())
    })?;
    (id != waits).then_some((id, waits))
}

/// The cells of a row, with where each starts in it.
pub fn cells(row: &str) -> Vec<(&str, usize)> {
    let body = row.trim_end();
    let (mut found, mut from, mut code) = (Vec::new(), None, false);
    let last_tick = body.rfind('`').unwrap_or(0);
    for (at, byte) in body.bytes().enumerate() {
        code ^= byte == b'`';
        let escaped = at > 0 && body.as_bytes()[at - 1] == b'\\';
        if byte == b'|' && !escaped && (!code || at > last_tick) {
            if let Some(from) = from {
                let cell: &str = &body[from..at];
                found.push((cell.trim(), from + cell.len() - cell.trim_start().len()));
            }
            from = Some(at + 1);
        }
    }
    if let Some(from) = from.filter(|from| *from < body.len()) {
        let cell = &body[from..];
        found.push((cell.trim(), from + cell.len() - cell.trim_start().len()));
    }
    found
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
