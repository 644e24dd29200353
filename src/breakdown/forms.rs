//! Forms that titles and headings have in breakdowns: of phases and lanes, of tasks with a number or an id.

use super::refs::id_len;

/// Words for groups that follow each other.
const PHASES: [&str; 20] = [
    "phase",
    "epic",
    "milestone",
    "step",
    "wave",
    "sprint",
    "part",
    "stage",
    "iteration",
    "day",
    "week",
    "阶段",
    "階段",
    "里程碑",
    "フェーズ",
    "단계",
    "fase",
    "etapa",
    "étape",
    "этап",
];

/// Words for lanes that run beside each other.
const LANES: [&str; 6] = ["stream", "workstream", "track", "lane", "team", "agent"];

/// The words of a line that name a group, without signs in front, in lower case.
pub fn words(line: &str) -> String {
    line.trim_start_matches(|c: char| !c.is_alphanumeric()).to_lowercase()
}

/// `## Phase 2: Build`, `## 2. Build`, `### Sprint 1`.
pub fn is_phase(line: &str) -> bool {
    let lower = words(line);
    let rest = PHASES.iter().find_map(|word| lower.strip_prefix(word));
    let keyed = rest.is_some_and(|rest| {
        rest.trim_start()
            .starts_with(|c: char| c.is_ascii_digit() || "ivx".contains(c) || !c.is_alphabetic())
    });
    let digits = lower.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = (1..=3).contains(&digits)
        && lower[digits..].starts_with(['.', ')', ':'])
        && line.trim_start().starts_with('#');
    // `第一阶段`.
    let counted =
        lower.starts_with('第') && ["阶段", "階段", "部分"].iter().any(|word| lower.contains(word));
    keyed || numbered || counted
}

/// `### Stream A: …`.
pub fn is_lane(line: &str) -> bool {
    let lower = words(line);
    LANES
        .iter()
        .any(|word| lower.strip_prefix(word).is_some_and(|rest| rest.starts_with([' ', ':', 's'])))
}

/// Whether a heading names a phase or a lane.
pub fn is_group(heading: &str) -> bool {
    is_phase(&format!("# {heading}")) || is_lane(heading)
}

/// Whether a heading begins with a word for a phase and its number.
pub fn phase_word(heading: &str) -> bool {
    let lower = words(heading);
    let rest = PHASES.iter().find_map(|word| lower.strip_prefix(word));
    rest.is_some_and(|rest| rest.trim_start().starts_with(|c: char| c.is_ascii_digit()))
}

/// Words for a task, as headings have them.
const TASK_WORDS: [&str; 10] =
    ["Task", "任务", "任務", "タスク", "작업", "Tarea", "Tarefa", "Aufgabe", "Tâche", "Задача"];

/// `Task 3: Title`, `任务 3：标题`, in whatever language.
pub fn numbered_task(heading: &str) -> Option<(String, String)> {
    TASK_WORDS.iter().find_map(|word| numbered(heading, word))
}

/// `Task 3: Title`, `Task 3 — Title`, `Step 2. Title` → its id and its title.
pub fn numbered(heading: &str, word: &str) -> Option<(String, String)> {
    let head = heading.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word))?;
    let rest = heading[head.len()..]
        .strip_prefix(' ')
        .or_else(|| Some(&heading[head.len()..]).filter(|_| !word.is_ascii()))?;
    let len = rest
        .bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        .count();
    let id = rest[..len].trim_end_matches(['.', '-']);
    let has_digit = id.bytes().any(|b| b.is_ascii_digit());
    let after = rest[len..].trim_start();
    let ends = after.is_empty()
        || after.starts_with([':', '：', '-', '—', '–', '.', '(', '[', '✅', '|', '·'])
        || rest[..len].ends_with(['.', '-']);
    (has_digit && ends).then(|| {
        (
            id.to_owned(),
            after.trim_start_matches([':', '：', '-', '—', '–', '.', ' ', '·']).to_owned(),
        )
    })
}

/// `A1: Title`, `3.2 — Title`, `[B3](b3.md): Title` → its id and its title.
pub fn id_heading(heading: &str) -> Option<(String, String)> {
    let body = heading.trim_start_matches(['*', '[', '`']);
    let len = id_len(body)?;
    let rest = body[len..].trim_start_matches(['*', ']', '`']);
    let rest =
        rest.strip_prefix('(').and_then(|link| link.split_once(')')).map_or(rest, |(_, rest)| rest);
    let letter = body.starts_with(|c: char| c.is_ascii_uppercase());
    let title = rest
        .strip_prefix([':', '：'])
        .or_else(|| rest.strip_prefix(" ·"))
        .or_else(|| rest.strip_prefix(" —"))
        .or_else(|| rest.strip_prefix(" –"))
        .or_else(|| rest.strip_prefix(" -"))?;
    (letter && body[..len].len() <= 8).then(|| (body[..len].to_owned(), title.trim().to_owned()))
}

/// The title of `**Title** rest`.
pub fn numbered_title(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("**")?;
    inner.find("**").map(|end| &inner[..end]).filter(|title| !title.ends_with(':'))
}

/// The section of a story that has its tasks.
const SUBTASK_SECTIONS: [&str; 7] = [
    "tasks / subtasks",
    "任务 / 子任务",
    "任務 / 子任務",
    "tareas / subtareas",
    "tâches / sous-tâches",
    "タスク / サブタスク",
    "작업 / 하위 작업",
];

/// Whether a heading, in lower case, is that of a story's tasks.
pub fn is_subtasks(heading: &str) -> bool {
    if !heading.contains('/') {
        return false;
    }
    let name = heading.trim_start_matches(|c: char| !c.is_alphanumeric());
    let spaced = name.replace('/', " / ").split_whitespace().collect::<Vec<_>>().join(" ");
    SUBTASK_SECTIONS.iter().any(|section| spaced.starts_with(section))
}

/// The id in `<!-- id:abc1234 -->`, with where it stands; old files have more behind it.
pub fn stable_id(text: &str) -> Option<(usize, &str)> {
    let at = text.find("<!-- id:")? + "<!-- id:".len();
    let len = text[at..].bytes().take_while(u8::is_ascii_alphanumeric).count();
    (len > 0).then(|| (at, &text[at..at + len]))
}

/// Whether a whole title is struck out, with or without a reason behind it: `~~Write it~~ (by Task 2)`.
pub fn is_struck_out(title: &str) -> bool {
    // Behind an id, where there is one.
    let behind = title
        .split_once(' ')
        .filter(|(id, _)| id.contains(|c: char| c.is_ascii_digit()) && !id.contains('~'));
    let title = behind.map_or(title, |(_, title)| title.trim_start());
    let inner = title.trim_start_matches('*').strip_prefix("~~");
    let after = inner
        .and_then(|inner| inner.split_once("~~"))
        .map(|(_, after)| after.trim_start_matches(['*', ' ']));
    after.is_some_and(|after| after.chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '`'))
}

/// `Team B (after Team A)` → `Team B`.
pub fn bare_name(name: &str) -> &str {
    let end = [" (", " [", " — ", " – ", " - ", ": "].iter().filter_map(|end| name.find(end)).min();
    name[..end.unwrap_or(name.len())].trim_end()
}
