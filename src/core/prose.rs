//! The breakdown's own words: where they stand and whose they are. A plan has no copies of them but places in texts that
//! are kept once an execution, by their digests; whoever tells them to somebody reads them there.

use super::id::TaskId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The words of a breakdown, by whose they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Prose {
    /// SHA-256 digests of the kept texts.
    pub texts: Vec<String>,
    /// Paths of the files that they are made of, from the workspace on where they are in it.
    pub files: Vec<String>,
    /// Of the plan as a whole.
    pub plan: Vec<Excerpt>,
    /// Of groups of tasks: phases, streams, tasks with parts.
    pub groups: Vec<GroupProse>,
    /// Of tasks.
    pub tasks: BTreeMap<TaskId, TaskProse>,
    /// Files beside the breakdown that its format says belong to it.
    pub companions: Vec<Excerpt>,
}

/// The words of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupProse {
    /// What it is called.
    pub title: String,
    /// The group that it is in, by its index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u32>,
    /// Its own words.
    pub text: Vec<Excerpt>,
}

/// The words of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskProse {
    /// The innermost group that it is in, by its index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u32>,
    /// Its own words.
    pub text: Vec<Excerpt>,
    /// Files beside the breakdown that are about it alone. Agents keep their own records in some, so that they count as
    /// no change of the task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Excerpt>,
}

/// A range of a kept text. Written as a list, because a plan may have very many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "ExcerptFields", into = "ExcerptFields")]
#[schemars(with = "ExcerptFields")]
pub struct Excerpt {
    /// The text, by its index.
    pub text: u32,
    /// The file, by its index.
    pub file: u32,
    /// The first byte in the text.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
    /// The first line in the file, from 1.
    pub first_line: u32,
    /// The last line.
    pub last_line: u32,
    /// A hash of what it says, whatever is ticked in it: see [`said`].
    pub said: u64,
}

type ExcerptFields = (u32, u32, u64, u64, u32, u32, u64);

impl From<ExcerptFields> for Excerpt {
    fn from((text, file, start, end, first_line, last_line, said): ExcerptFields) -> Self {
        Self { text, file, start, end, first_line, last_line, said }
    }
}

impl From<Excerpt> for ExcerptFields {
    fn from(of: Excerpt) -> Self {
        (of.text, of.file, of.start, of.end, of.first_line, of.last_line, of.said)
    }
}

impl Prose {
    /// Whether nothing is known, as in plans of older versions.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Whether both were read from the same texts, so that what differs comes from the reading.
    pub fn is_of_same_texts(&self, other: &Self) -> bool {
        !self.is_empty()
            && self.texts.iter().collect::<BTreeSet<_>>()
                == other.texts.iter().collect::<BTreeSet<_>>()
    }

    /// The groups of a task, the innermost first.
    pub fn groups_of<'a>(&'a self, task: &TaskProse) -> Vec<&'a GroupProse> {
        let mut found: Vec<&GroupProse> = Vec::new();
        let mut next = task.group;
        while let Some(group) = next
            .and_then(|ix| self.groups.get(ix as usize))
            .filter(|_| found.len() < self.groups.len())
        {
            found.push(group);
            next = group.parent;
        }
        found
    }

    /// Keeps the ranges of another one where they say the same: what was only ticked or moved is no change. Gives the
    /// tasks whose own words are other ones now.
    pub fn adopt(&mut self, old: &Self) -> Vec<TaskId> {
        let (texts, files) = (self.texts.clone(), self.files.clone());
        let mut merged = Merged::default();
        let own = |excerpt: &Excerpt| {
            (texts.get(excerpt.text as usize), files.get(excerpt.file as usize))
        };
        let olds = |excerpt: &Excerpt| {
            (old.texts.get(excerpt.text as usize), old.files.get(excerpt.file as usize))
        };
        let mut changed = Vec::new();
        let mut take = |list: &mut Vec<Excerpt>, before: Option<&Vec<Excerpt>>| -> bool {
            let says =
                |list: &[Excerpt]| list.iter().map(|excerpt| excerpt.said).collect::<Vec<_>>();
            let same = before.filter(|before| says(before) == says(list));
            match same {
                Some(before) => {
                    *list =
                        before.iter().map(|excerpt| merged.range(excerpt, olds(excerpt))).collect()
                }
                None => {
                    *list = list.iter().map(|excerpt| merged.range(excerpt, own(excerpt))).collect()
                }
            }
            same.is_some()
        };
        take(&mut self.plan, Some(&old.plan));
        for (ix, group) in self.groups.iter_mut().enumerate() {
            let before = old.groups.get(ix).filter(|before| before.title == group.title);
            take(&mut group.text, before.map(|before| &before.text));
        }
        for (id, task) in &mut self.tasks {
            let before = old.tasks.get(id);
            if !take(&mut task.text, before.map(|before| &before.text)) && before.is_some() {
                changed.push(id.clone());
            }
            take(&mut task.files, before.map(|before| &before.files));
        }
        take(&mut self.companions, Some(&old.companions));
        (self.texts, self.files) = (merged.texts.all, merged.files.all);
        changed
    }

    /// Gives tasks other ids.
    pub fn rename(&mut self, names: &BTreeMap<TaskId, TaskId>) {
        self.tasks = std::mem::take(&mut self.tasks)
            .into_iter()
            .map(|(id, task)| (names.get(&id).cloned().unwrap_or(id), task))
            .collect();
    }
}

/// Texts and files that ranges of two plans are in.
#[derive(Default)]
struct Merged {
    texts: Names,
    files: Names,
}

/// Names in the order in which they came, each once.
#[derive(Default)]
struct Names {
    all: Vec<String>,
    known: BTreeMap<String, u32>,
}

impl Names {
    fn index(&mut self, name: Option<&String>) -> u32 {
        let name = name.cloned().unwrap_or_default();
        *self.known.entry(name).or_insert_with_key(|name| {
            self.all.push(name.clone());
            u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

impl Merged {
    fn range(
        &mut self,
        excerpt: &Excerpt,
        (text, file): (Option<&String>, Option<&String>),
    ) -> Excerpt {
        Excerpt { text: self.texts.index(text), file: self.files.index(file), ..*excerpt }
    }
}

/// A hash of what a text says (FNV-1a, 64 bits): its words in lower case, without boxes, without fields of a status, and
/// without what people add to a line as they go (`✅ 2026-01-01`, a trailing `done`).
pub fn said(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |word: &str| {
        for byte in word
            .chars()
            .flat_map(char::to_lowercase)
            .flat_map(|c| c.to_string().into_bytes())
            .chain([0])
        {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for line in text.lines() {
        line_said(line).into_iter().for_each(&mut add);
    }
    hash
}

fn line_said(line: &str) -> Vec<&str> {
    const PROGRESS: [&str; 8] =
        ["done", "complete", "completed", "wip", "skipped", "deferred", "in", "progress"];
    let body = line.trim().trim_start_matches(['-', '*', '+', '>', ' ']);
    let digits = body.trim_start_matches(|c: char| c.is_ascii_digit());
    let body = if digits.len() < body.len() {
        digits.strip_prefix(['.', ')']).map_or(body, str::trim_start)
    } else {
        body
    };
    // The box, whatever is in it.
    let inner = body.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let body = inner.filter(|(mark, _)| mark.chars().count() <= 1).map_or(body, |(_, rest)| rest);
    let bare = body.trim_start_matches(['*', '_', ' ', '"']);
    if bare.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("status"))
        && bare[6..].trim_start_matches(['*', '"', ' ']).starts_with(':')
    {
        return Vec::new();
    }
    let signs = ['✅', '✔', '☑', '✓'];
    let body = body.trim_start_matches(|c: char| signs.contains(&c) || c == '\u{fe0f}' || c == ' ');
    let body = body.split(signs).next().unwrap_or_default();
    let mut words: Vec<&str> =
        body.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    while words.len() > 1
        && words
            .last()
            .is_some_and(|word| PROGRESS.iter().any(|known| known.eq_ignore_ascii_case(word)))
    {
        words.pop();
    }
    words
}
