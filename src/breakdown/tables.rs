//! Tables in Markdown: their cells, and which column of a table of tasks is what.

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

/// Which column is what.
pub struct Columns {
    /// The ids.
    pub id: usize,
    /// What each waits for.
    pub waits: Option<usize>,
    /// Titles.
    pub title: Option<usize>,
    /// How each stands.
    pub state: Option<usize>,
    /// Estimates.
    pub effort: Option<usize>,
    /// Agents.
    pub owner: Option<usize>,
    /// Further text.
    pub more: Option<usize>,
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
