//! Completion: ids after what waits for something, agents, fields, marks.

use super::snapshot::{Item, Snapshot};
use tower_lsp::ls_types::{CompletionItem, CompletionItemKind};

/// Fields of a task that are understood, with what they are for.
const FIELDS: [(&str, &str); 10] = [
    ("Dependencies", "what must be done before it: `Task 3`, `Tasks 1-4`, `Stream A`, `None`"),
    ("Agent", "who does it"),
    ("Estimate", "how long it may take: `2 hours`, `M`"),
    ("Files", "files that it touches; tasks with the same ones are kept apart"),
    ("Run", "a command that is the whole task"),
    ("Acceptance Criteria", "when it counts as done"),
    ("Test Requirements", "what its tests must show"),
    ("Tests First", "`required`, `advisory` or `off`"),
    ("Skills", "what its agent must know"),
    ("Objective", "what it is for"),
];
/// Names of fields after which ids stand.
const WAITS: [&str; 9] = [
    "dependencies",
    "depends on",
    "depends",
    "depends_on",
    "prerequisites",
    "prereq",
    "requires",
    "blocked by",
    "after",
];

impl Snapshot {
    /// What may stand at a place.
    pub fn completions(&self, offset: usize, agents: &[String]) -> Vec<CompletionItem> {
        let line = self.line(offset);
        let before = &self.text()[line.start..offset.clamp(line.start, line.end)];
        let body = before.trim_start().trim_start_matches(['-', '*', '+']).trim_start();
        let item = |label: &str, kind: CompletionItemKind, detail: &str, insert: Option<String>| {
            CompletionItem {
                label: label.to_owned(),
                kind: Some(kind),
                detail: Some(detail.to_owned()),
                insert_text: insert,
                ..CompletionItem::default()
            }
        };
        if before.trim_start().starts_with(['-', '*', '+']) && body == "[" {
            let marks = [(" ", "open"), ("x", "done"), (">", "put off")];
            return marks
                .iter()
                .map(|(mark, what)| {
                    item(
                        &format!("[{mark}]"),
                        CompletionItemKind::VALUE,
                        what,
                        Some(format!("{mark}]")),
                    )
                })
                .collect();
        }
        if let Some((name, _)) = body.split_once(':') {
            let name = name.trim_matches(['*', ' ', '`', '(']).to_lowercase();
            let name = name.rsplit('(').next().unwrap_or_default().trim();
            return match name {
                name if WAITS.contains(&name) => self.ids(offset),
                "agent" | "owner" | "agent type" | "assignee" => agents
                    .iter()
                    .map(|agent| item(agent, CompletionItemKind::CLASS, "of the roster", None))
                    .collect(),
                "tests first" | "tests_first" | "tests-first" => ["required", "advisory", "off"]
                    .iter()
                    .map(|value| {
                        item(value, CompletionItemKind::VALUE, "rule for tests first", None)
                    })
                    .collect(),
                _ => Vec::new(),
            };
        }
        let inside = matches!(self.block_at(offset), Some((Item::Task(_), span, _)) if span.end < line.start);
        if inside && body.chars().all(|c| c.is_alphanumeric() || c == ' ') {
            return FIELDS
                .iter()
                .map(|(name, what)| {
                    item(name, CompletionItemKind::FIELD, what, Some(format!("{name}: ")))
                })
                .collect();
        }
        Vec::new()
    }

    /// All tasks and streams but the one that stands here.
    fn ids(&self, offset: usize) -> Vec<CompletionItem> {
        let here = self.block_at(offset).map(|(item, ..)| item);
        let letters = |id: &str| id.starts_with(|c: char| c.is_ascii_alphabetic());
        let items = self.items().iter().map(|(item, _)| item);
        let wanted =
            items.filter(|item| Some(*item) != here.as_ref() && !matches!(item, Item::Gate(_)));
        let item = |(nth, item): (usize, &Item)| {
            let label = match item {
                Item::Task(id) if letters(id.as_str()) => id.to_string(),
                Item::Task(id) => format!("Task {id}"),
                Item::Stream(id) => crate::core::progress::stream_label(id.as_str()),
                Item::Gate(id) => id.to_string(),
            };
            CompletionItem {
                detail: Some(self.name(item)),
                kind: Some(CompletionItemKind::REFERENCE),
                sort_text: Some(format!("{nth:06}")),
                label,
                ..CompletionItem::default()
            }
        };
        wanted.enumerate().map(item).collect()
    }
}
