//! Which format a text is in. The signs of all formats are collected in one go; each format says which of them
//! are its own, and the first that recognises itself is taken.

use super::forms::{id_heading, is_subtasks, numbered_task, numbered_title, stable_id};
use super::refs::id_len;
use super::tables::has_tasks;
use super::text::{Line, Text};
use super::text::{numbered_box, unboxed};
use super::tree::{Value, front_matter, json, yaml};
use super::{Confidence, Format};

/// What a text seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected {
    /// The first format whose signs it shows; a plain list of boxes otherwise.
    pub format: Format,
    /// How sure that is.
    pub confidence: Confidence,
}

/// Finds out which formats a text may be in, the likeliest first; the last one is a plain list of boxes.
pub fn detect(text: &Text<'_>) -> Vec<Detected> {
    let signs = Signs::from_text(text);
    let found = Format::ALL.iter().filter_map(|&format| {
        Some(Detected { format, confidence: format.reader().recognises(&signs)? })
    });
    // What is sure of itself comes before what only might be it.
    let mut found: Vec<Detected> = found.collect();
    found.sort_by_key(|found| std::cmp::Reverse(found.confidence));
    // Whatever is in JSON is no list in Markdown.
    let is_json = text.all.trim_start_matches('\u{feff}').trim_start().starts_with('{')
        || signs.paths.first().is_some_and(|path| path.ends_with(".json"));
    let last = if is_json { Format::Json } else { Format::TaskList };
    found.push(Detected { format: last, confidence: Confidence::Guess });
    found
}

/// Words for a step, as plans have them in bold.
const STEP_WORDS: [&str; 9] =
    ["Step ", "步骤", "步驟", "ステップ", "단계", "Paso ", "Schritt ", "Étape ", "Passo "];

/// What formats are told apart by.
#[derive(Debug, Default)]
pub struct Signs<'a> {
    /// The names of its files, in lower case.
    pub paths: Vec<String>,
    /// What its first file is, where it is JSON, JSON lines (their first line) or YAML as a whole.
    pub tree: Option<Value>,
    /// The front matter of its first file, of a folder that of all files until there is one.
    pub front: Option<Value>,
    /// Lines and headings of an id like `T001`.
    pub spec_kit_ids: usize,
    /// Whether tags like `[P]` or `[US1]` follow boxes.
    pub has_phase_tags: bool,
    /// `1. [ ] **Title**`.
    pub numbered_boxes: usize,
    /// `1.1. [ ] …` anywhere in a line, or a commit for a task.
    pub has_inner_steps: bool,
    /// `### Stream A: …`, `### Phase 1: …`.
    pub streams: usize,
    /// `1. **Title**` at the margin.
    pub bold_titles: usize,
    /// `### Task: Title`.
    pub long_form: usize,
    /// `- [ ] …`.
    pub boxes: usize,
    /// The same at the margin.
    pub margin_boxes: usize,
    /// `## Phase 1: …`, `## Stream A: …`.
    pub wide_lanes: usize,
    /// `Stream A: …` as a heading of whatever level.
    pub named_streams: usize,
    /// `- [ ] 1. …`.
    pub boxes_with_number: usize,
    /// `- [ ] 1.2 …`.
    pub boxes_with_dotted_number: usize,
    /// `- [ ] **Step 1: …`.
    pub boxes_of_steps: usize,
    /// `<!-- id:abc1234 -->` behind a box.
    pub stable_ids: usize,
    /// `- Blocked-by: …`, `- Stream: 2`.
    pub rune_fields: usize,
    /// `## 1. Group`.
    pub numbered_headings: usize,
    /// `### Task 1: …`.
    pub task_headings: usize,
    /// `### Step 1: …`.
    pub step_headings: usize,
    /// `### WP01 …`.
    pub work_packages: usize,
    /// `### Story 1.2: …`, and a title like that.
    pub stories: usize,
    /// `## Tasks / Subtasks`.
    pub has_subtasks_section: bool,
    /// `- Independent: …`.
    pub independent: usize,
    /// `_Requirements: 1.1_`.
    pub requirements: usize,
    /// `**Dependencies**: …` and the like.
    pub dependency_fields: usize,
    /// `**Can Start**: …`.
    pub can_start: usize,
    /// Headings of an id like `A1`.
    pub id_headings: usize,
    /// Tables with ids and dependencies.
    pub tables: usize,
    /// That an agent is told how to carry it out.
    pub has_skill_line: bool,
    /// Plans in a roadmap: `- [ ] 01-02-PLAN.md`.
    pub plans: usize,
    all: &'a str,
}

/// What a text has anywhere that some formats have signs of.
struct Rare {
    inner_steps: bool,
    commits: bool,
    plans: bool,
    skills: bool,
    stable_ids: bool,
}

const COMMIT: &str = "📝 **Commit";

impl<'a> Signs<'a> {
    /// Collects them.
    pub fn from_text(text: &Text<'a>) -> Self {
        let mut signs = Self {
            paths: text.files.iter().map(|file| file.path.to_lowercase()).collect(),
            all: text.all,
            ..Self::default()
        };
        if let Some(file) = text.files.first() {
            let source = &text.all[file.range.clone()];
            let start = source.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']);
            let path = &signs.paths[0];
            if start.starts_with('{') || path.ends_with(".json") || path.ends_with(".jsonl") {
                let first = file.range.start + (source.len() - start.len())..file.range.end;
                let line = start
                    .lines()
                    .next()
                    .map_or(first.clone(), |line| first.start..first.start + line.len());
                signs.tree = json(text.all, first).or_else(|_| json(text.all, line)).ok();
                return signs;
            }
            if path.ends_with(".yaml")
                || path.ends_with(".yml")
                || start.starts_with("development_status:")
            {
                signs.tree = Some(yaml(text.all, file.range.clone()).0);
            }
        }
        signs.front = text
            .files
            .iter()
            .find_map(|file| front_matter(text.all, &file.range))
            .map(|range| yaml(text.all, range).0);
        // What few texts have is looked for line by line only where it is.
        let rare = Rare {
            inner_steps: text.all.contains(". ["),
            commits: text.all.contains(COMMIT),
            plans: text.all.contains("-PLAN"),
            skills: text.all.contains("superpowers:"),
            stable_ids: text.all.contains("<!-- id:"),
        };
        let mut table = false;
        for (at, line) in text.visible() {
            if !line.is_blank() {
                signs.look_at(&line, &rare);
            }
            let is_table = line.text.trim_start().starts_with('|');
            if is_table && !table {
                let first_row = text.lines.get(at + 2).map_or("", |line| line.text);
                signs.tables += usize::from(has_tasks(line.text, first_row));
            }
            table = is_table;
        }
        signs
    }

    fn look_at(&mut self, line: &Line<'_>, rare: &Rare) {
        if let Some((level, _, whole)) = line.heading() {
            let heading = unboxed(whole);
            let lane = heading.starts_with("Stream ") || heading.starts_with("Phase ");
            self.streams += usize::from(level >= 3 && lane && heading.contains(':'));
            self.named_streams +=
                usize::from(heading.starts_with("Stream ") && heading.contains(':'));
            self.wide_lanes += usize::from(level == 2 && lane && heading.contains(':'));
            self.long_form += usize::from(heading.starts_with("Task:"));
            let titled =
                id_len(heading).is_some_and(|len| heading[len..].starts_with([':', ' ', '.']));
            self.spec_kit_ids += usize::from(level > 1 && is_spec_kit_id(heading) && titled);
            self.numbered_boxes += usize::from(numbered_box(whole).is_some());
            let number = |word: &str| number_after(heading, word);
            self.task_headings += usize::from(numbered_task(heading).is_some());
            self.step_headings += usize::from(number("Step "));
            self.stories += usize::from(number("Story "));
            let package = heading.strip_prefix("Work Package ").unwrap_or(heading);
            self.work_packages +=
                usize::from(number_after(package, "WP") && id_len(package).is_some());
            let digits = heading.bytes().take_while(u8::is_ascii_digit).count();
            self.numbered_headings +=
                usize::from(digits > 0 && heading[digits..].starts_with(['.', ')']));
            self.id_headings += usize::from(id_heading(heading).is_some());
            self.has_subtasks_section |=
                heading.contains('/') && is_subtasks(&heading.to_lowercase());
            return;
        }
        let body = line.text.trim_start();
        self.has_inner_steps |=
            rare.inner_steps && has_inner_step(body) || rare.commits && body.contains(COMMIT);
        if let Some(item) = line.item() {
            match item.tick() {
                Some(tick) if item.number.is_some() => {
                    self.numbered_boxes += usize::from(tick.rest.starts_with("**"))
                }
                Some(tick) => {
                    let bare = tick.rest.trim_start_matches(['*', ' ']);
                    self.boxes += 1;
                    self.margin_boxes += usize::from(line.indent() <= 1);
                    self.spec_kit_ids += usize::from(is_spec_kit_id(bare));
                    self.has_phase_tags |= bare.starts_with("[P]") || bare.starts_with("[US");
                    let digits = bare.bytes().take_while(u8::is_ascii_digit).count();
                    let dotted = id_len(bare)
                        .is_some_and(|len| len > digits && bare[digits..len].starts_with('.'));
                    self.boxes_with_dotted_number += usize::from(digits > 0 && dotted);
                    self.boxes_with_number +=
                        usize::from(digits > 0 && !dotted && bare[digits..].starts_with(". "));
                    let step = tick.rest.strip_prefix("**");
                    self.boxes_of_steps +=
                        usize::from(step.is_some_and(|step| {
                            STEP_WORDS.iter().any(|word| step.starts_with(word))
                        }));
                    self.stable_ids +=
                        usize::from(rare.stable_ids && stable_id(tick.rest).is_some());
                    self.plans += usize::from(
                        rare.plans && (bare.contains("-PLAN.md") || bare.contains("-PLAN-")),
                    );
                }
                None => {
                    self.bold_titles += usize::from(
                        item.number.is_some()
                            && line.indent() == 0
                            && numbered_title(item.text).is_some(),
                    );
                    self.independent += usize::from(item.text.starts_with("Independent:"));
                    self.rune_fields += usize::from(
                        item.text.starts_with("Blocked-by:") || item.text.starts_with("Stream:"),
                    );
                    self.requirements += usize::from(item.text.starts_with("_Requirements:"));
                    self.dependency_fields += usize::from(is_dependency_field(item.text));
                }
            }
        } else {
            self.dependency_fields += usize::from(is_dependency_field(body));
            self.can_start += usize::from(body.starts_with("**Can Start"));
            let bold = body.strip_prefix("**").filter(|bold| bold.trim_end().ends_with("**"));
            self.stories += usize::from(bold.is_some_and(|bold| number_after(bold, "Story ")));
            self.requirements += usize::from(body.starts_with("_Requirements:"));
            self.has_skill_line |= rare.skills
                && [
                    "superpowers:executing-plans",
                    "superpowers:subagent-driven",
                    "Use superpowers:",
                ]
                .iter()
                .any(|skill| body.contains(skill));
        }
    }

    /// Whether a file of this name lies below one of these folders.
    pub fn path_has(&self, folders: &[&str], name: &str) -> bool {
        self.paths
            .iter()
            .any(|path| path.ends_with(name) && folders.iter().any(|folder| path.contains(folder)))
    }

    /// Whether any of its files is called so.
    pub fn has_file(&self, name: &str) -> bool {
        self.paths.iter().any(|path| path == name || path.rsplit('/').next() == Some(name))
    }

    /// Whether the front matter has all of these keys.
    pub fn front_has(&self, keys: &[&str]) -> bool {
        self.front.as_ref().is_some_and(|front| keys.iter().all(|key| front.get(key).is_some()))
    }

    /// The whole text.
    pub fn all(&self) -> &'a str {
        self.all
    }
}

/// `1.1. [ ]` at any place.
fn has_inner_step(text: &str) -> bool {
    text.match_indices(". [").any(|(at, _)| {
        let before = text[..at].trim_end_matches(|c: char| c.is_ascii_digit());
        before.len() < at
            && before.ends_with('.')
            && before[..before.len() - 1].ends_with(|c: char| c.is_ascii_digit())
    })
}

/// Whether a heading is a word with a number.
fn number_after(heading: &str, word: &str) -> bool {
    let head = heading.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    head && heading[word.len()..].starts_with(|c: char| c.is_ascii_digit())
}

fn is_dependency_field(text: &str) -> bool {
    let name = text.trim_start_matches('*').split([':', '：', '*']).next().unwrap_or_default();
    let names = [
        "Dependencies",
        "Depends on",
        "Depends On",
        "Prerequisites",
        "Blocked by",
        "Requires",
        "依赖",
        "依賴",
        "依存",
        "의존성",
    ];
    names.contains(&name.trim()) && text.contains([':', '：'])
}

/// `T001`, `M001`, `TXXX` at the start of a text.
pub fn is_spec_kit_id(text: &str) -> bool {
    let letter = text.as_bytes().first().is_some_and(u8::is_ascii_uppercase);
    let digits = text.bytes().skip(1).take_while(u8::is_ascii_digit).count();
    letter && ((digits >= 3 && id_len(text).is_some()) || text.starts_with("TXXX"))
}
