//! What a text says of a task: how it stands, in words of its title, a field or a column; and everything else, each with
//! its place.

use super::build::{Builder, Waiting};
use super::outline::{Detail, SaidBy, StepItem};
use super::problem::Problem;
use super::status::{is_known, is_under_way, status};
use super::text::{Field, File, Tick, clean_title, names_tasks};
use super::tree::Value;
use super::values::{estimate, file_name, without_backticks};
use crate::core::event::Mark;
use crate::core::plan::TestsFirst;
use std::ops::Range;

impl Builder<'_> {
    /// What words in a title say of a task's state: `SKIP: …`, `… (SKIPPED: why)`, `… ✅ 2025-12-10`, `… [DONE]`.
    pub fn state_words(&mut self, task: usize, title: &str) {
        let title = title.trim();
        let begins = |word: &str| {
            title
                .strip_prefix(word)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', ' ', ']']))
        };
        // What stands last: in brackets, or behind a dash.
        let tail =
            title.rsplit(['(', '[', '—', '–']).next().filter(|tail| tail.len() < title.len());
        let tail =
            tail.or_else(|| title.rsplit_once(" - ").map(|(_, tail)| tail)).unwrap_or_default();
        let tail = tail.trim_matches([')', ']', ' ', '*', '_']);
        // The word alone, or with its reason behind a sign: `(SKIPPED: why)`, `[DEFERRED - PROD]`.
        let alone = |rest: &str| {
            let rest = rest.trim_start();
            let reason = rest
                .split(' ')
                .next()
                .is_some_and(|word| ["to", "until", "till", "because", "per"].contains(&word));
            reason || rest.chars().next().is_none_or(|c| !c.is_alphanumeric())
        };
        let bracketed = |word: &str| {
            let after = |(at, open): (usize, &str)| {
                title[at + 1..].strip_prefix(if open == "-" { " " } else { "" })
            };
            title
                .match_indices(['(', '[', '-'])
                .filter_map(after)
                .filter_map(|rest| rest.strip_prefix(word))
                .any(alone)
        };
        // The last brackets with all that is in them, or what follows the last dash.
        let last = title.trim_end_matches(['_', '*', ' ', '.']);
        let inner = last
            .strip_suffix([')', ']'])
            .and_then(|inner| inner.rfind(['(', '[']).map(|open| &inner[open + 1..]));
        let dashed = title.rmatch_indices(['-', '—', '–']).find_map(|(at, dash)| {
            title[..at].ends_with(' ').then(|| title[at + dash.len()..].strip_prefix(' ')).flatten()
        });
        let put_off = [inner, dashed].into_iter().flatten().find_map(|said| {
            let said = said.trim_matches(['_', '*', ' ']);
            let words = SKIP_WORDS
                .iter()
                .map(|word| (*word, Mark::Skipped))
                .chain(DEFER_WORDS.iter().map(|word| (*word, Mark::Deferred)));
            words.into_iter().find(|(word, _)| {
                said.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
                    && alone(&said[word.len()..])
            })
        });
        let signed = |sign: char| {
            title.starts_with(sign) || title.trim_end_matches('\u{fe0f}').ends_with(sign)
        };
        if let Some((_, mark)) = put_off {
            self.mark(task, mark, SaidBy::Title);
        } else if signed('🚫') {
            self.mark(task, Mark::Skipped, SaidBy::Title);
        } else if signed('⏭') {
            self.mark(task, Mark::Deferred, SaidBy::Title);
        } else if begins("SKIP") || begins("SKIPPED") || bracketed("SKIPPED") {
            self.mark(task, Mark::Skipped, SaidBy::Title);
        } else if begins("DEFERRED") || bracketed("DEFERRED") {
            self.mark(task, Mark::Deferred, SaidBy::Title);
        } else if says_done(title, tail) {
            let task_item = &self.outline.tasks[task];
            match task_item.mark {
                None => self.mark(task, Mark::Done, SaidBy::Title),
                Some(_) if self.marks.contains_key(&task) => {}
                Some(_) => {
                    let what = format!(
                        "the title of task {} says that it is done, its box does not: the box counts",
                        task_item.id
                    );
                    self.problems.push(Problem::warning(
                        "two-truths",
                        task_item.span.clone(),
                        what,
                    ));
                }
            }
        }
    }

    /// What a word of a status says of a task.
    pub fn status(&mut self, task: usize, word: &str) {
        if let Some(mark) = status(word) {
            self.mark(task, mark, SaidBy::Status);
        } else if is_known(word)
            && matches!(self.outline.tasks[task].said_by, Some(SaidBy::Steps | SaidBy::Status))
        {
            self.outline.tasks[task].said_by = None;
            self.marks.remove(&task);
        }
    }

    /// What a field of a status says of a task. One word can be replaced by that for done, in the same letters.
    pub fn status_field(&mut self, task: usize, field: &Field) {
        self.status(task, &field.value);
        let word = field.value.trim();
        let span = field.start..field.start + word.len();
        let is_word = is_known(word)
            && word.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, ' ' | '-' | '_'))
            && !word.is_empty();
        if is_word
            && self.text.all.get(span.clone()) == Some(word)
            && self.outline.tasks[task].mark.is_none()
        {
            self.outline.tasks[task].status = Some(span);
            let upper = word.starts_with(|c: char| c.is_ascii_uppercase());
            let whole = word.bytes().all(|byte| !byte.is_ascii_lowercase());
            let done = match () {
                () if status(word) == Some(Mark::Done) => word,
                () if whole => "DONE",
                () if upper => "Done",
                () => "done",
            };
            self.outline.done_word.get_or_insert_with(|| done.to_owned());
        }
    }

    /// What has no box of its own is done when all of its steps are, unless somebody says how it stands.
    pub fn done_by_steps(&mut self, task: usize) {
        let task_item = &self.outline.tasks[task];
        let all = task_item.ticks().next().is_some() && task_item.ticks().all(|done| done);
        if all && !self.marks.contains_key(&task) {
            self.mark(task, Mark::Done, SaidBy::Steps);
        }
    }

    /// What the value of a status says of a task, with where it stands.
    pub fn status_value(&mut self, task: usize, value: &Value) {
        if let Some(word) = value.word() {
            let span = value.span_in(self.text.all);
            self.outline.tasks[task].status = Some(span.clone());
            self.status(task, word);
            if is_under_way(word) {
                self.under_way.push(task);
            }
            if !is_known(word) && !self.known_statuses.contains(&spelling(word)) {
                let what = format!(
                    "`{word}` is no status that is known here: it is read as still to be done"
                );
                self.problems.push(Problem::warning("unknown-value", span, what));
            }
        }
    }

    /// Takes what a text says of a task, at a place. Nothing is kept of nothing, nor of a value that means nothing.
    pub fn detail(&mut self, ix: usize, detail: Detail, text: &str, span: Range<usize>) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let task = &mut self.plan.tasks[ix];
        match detail {
            Detail::Agent => task.agent = Some(text.trim_matches(['`', '@']).to_owned()),
            Detail::Command => task.command = Some(without_backticks(text).to_owned()),
            Detail::Commit => task.commit = Some(text.trim_matches('`').to_owned()),
            Detail::Criteria => task.criteria.push(text.to_owned()),
            Detail::Estimate => match estimate(text) {
                Some(estimate) => task.estimate = Some(estimate),
                None => return,
            },
            Detail::Files => task.files.push(text.to_owned()),
            Detail::Notes => task.notes.push(text.to_owned()),
            Detail::Objective => task.objective = text.to_owned(),
            // What it means is an edge, or none.
            Detail::Parallel => {}
            Detail::Skills => task.skills.push(text.to_owned()),
            Detail::Specs => task.specs.push(text.to_owned()),
            Detail::Tests => task.tests.push(text.to_owned()),
            Detail::TestsFirst => match text.to_lowercase().as_str() {
                "required" | "yes" => task.tests_first = Some(TestsFirst::Required),
                "advisory" => task.tests_first = Some(TestsFirst::Advisory),
                "off" | "no" => task.tests_first = Some(TestsFirst::Off),
                _ => {
                    let what = format!(
                        "`{text}` is no rule for tests first: use required, advisory or off"
                    );
                    return self.problems.push(Problem::warning("unknown-value", span, what));
                }
            },
        }
        self.outline.tasks[ix].details.push((detail, span));
    }

    /// The same of each word of a key in a tree.
    pub fn details_of(&mut self, ix: usize, detail: Detail, of: &Value, key: &str) {
        for (word, value) in of.words_of(key) {
            self.detail(ix, detail, word, value.span_in(self.text.all));
        }
    }

    /// A key of a tree as it is written, for which there is no other place.
    pub fn note_of(&mut self, ix: usize, of: &Value, key: &str) {
        let words = of.words_of(key);
        let Some((_, first)) = words.first() else { return };
        let span = if words.len() == 1 {
            first.span_in(self.text.all)
        } else {
            of.get(key).map_or(0..0, |all| all.span.clone())
        };
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.detail(ix, Detail::Notes, &format!("{key}: {}", words.join(", ")), span);
    }

    /// The file that a task is written down in, where its breakdown has more.
    pub fn note_file(&mut self, ix: usize, file: &File<'_>) {
        self.detail(
            ix,
            Detail::Notes,
            &format!("written down in {}", file.path),
            file.range.start..file.range.start,
        );
        self.outline.tasks[ix].file = Some(file.range.clone());
    }

    /// A step of a task; one without a box can't be ticked.
    pub fn step(
        &mut self,
        ix: usize,
        text: impl Into<String>,
        span: Range<usize>,
        ticked: Option<bool>,
    ) {
        self.plan.tasks[ix].steps.push(text.into());
        self.outline.tasks[ix].steps.push(StepItem { span, ticked });
    }

    /// A box that is a step of a task; `base` is where the box's text starts.
    pub fn boxed_step(&mut self, ix: usize, tick: &Tick<'_>, base: usize) {
        let from = base + tick.rest_at;
        self.step(ix, clean_title(tick.rest), from..from + tick.rest.len(), Some(tick.done()));
    }

    /// Pieces of a field's value, each with its place after that of the one before it. One that was joined from several
    /// lines stands somewhere in the field.
    fn pieces<'f>(&self, field: &'f Field, ends: &[char]) -> Vec<(&'f str, Range<usize>)> {
        let mut from = field.start;
        let piece = |piece: &'f str| {
            let piece = piece.trim();
            let rest = self.text.all.get(from..field.end).unwrap_or_default();
            let found = rest.find(piece).map(|at| from + at..from + at + piece.len());
            from = found.as_ref().map_or(from, |found| found.end);
            (piece, found.unwrap_or(field.start..field.end))
        };
        field.value.split(ends).filter(|piece| !piece.trim().is_empty()).map(piece).collect()
    }

    fn detail_of_pieces(&mut self, ix: usize, detail: Detail, field: &Field, ends: &[char]) {
        for (piece, span) in self.pieces(field, ends) {
            match detail {
                Detail::Files => self.detail(ix, detail, &file_name(piece.trim_matches('`')), span),
                Detail::Skills => self.detail(ix, detail, piece.trim_matches('`'), span),
                _ => self.detail(ix, detail, piece, span),
            }
        }
    }

    /// Takes a field that any format's task may have; others are kept as notes.
    pub fn field(&mut self, ix: usize, field: &Field) {
        let (value, span) = (field.value.trim(), field.start..field.end);
        let note = || format!("{}: {value}", field.label);
        // `Can Parallel: NO | Wave 2 | Blocks: - | Blocked By: 2`.
        if value.contains('|') {
            let mut at = field.start;
            for piece in field.value.split('|') {
                if let Some((name, of)) = piece.split_once(':') {
                    let (name, from) =
                        (name.trim_matches(['*', '_', ' ']).to_lowercase(), at + name.len() + 1);
                    match name.as_str() {
                        name if names_tasks(name) => self.waits(Waiting::Task(ix), of, from),
                        "blocks" | "unblocks" => self.blocks.push((ix, of.to_owned(), from)),
                        _ => {}
                    }
                }
                at += piece.len() + 1;
            }
        }
        match field.name.as_str() {
            "blocks" | "unblocks" => {
                self.blocks.push((ix, field.value.clone(), field.start));
                self.detail(ix, Detail::Notes, &note(), span);
            }
            "dependencies" | "depends on" | "depends" | "depends_on" | "prerequisites"
            | "prereq" | "requires" | "blocked by" | "blocked-by" | "after" | "needs"
            | "waits for" | "依賴" | "依赖" | "依存" | "의존성" => {
                self.waits(Waiting::Task(ix), &field.value, field.start);
            }
            "objective" | "goal" => self.detail(ix, Detail::Objective, value, span),
            "description" if self.plan.tasks[ix].objective.is_empty() => {
                self.detail(ix, Detail::Objective, value, span)
            }
            "effort" | "estimate" | "size" | "estimated time" | "est. time" | "time"
                if estimate(value).is_some() =>
            {
                self.detail(ix, Detail::Estimate, value, span)
            }
            "agent" | "owner" | "agent type" | "assignee" => {
                self.detail(ix, Detail::Agent, value, span)
            }
            "skill" | "skills" => self.detail_of_pieces(ix, Detail::Skills, field, &[',', '\n']),
            "file" | "files" | "files touched" | "files to create/modify" => {
                self.detail_of_pieces(ix, Detail::Files, field, &[',', '\n'])
            }
            "run" | "command" => self.detail(ix, Detail::Command, value, span),
            "tests first" | "tests_first" | "tests-first" => {
                self.detail(ix, Detail::TestsFirst, value, span)
            }
            "test requirements"
            | "tests"
            | "testing requirements"
            | "tdd requirements"
            | "test-first requirements" => self.detail_of_pieces(ix, Detail::Tests, field, &['\n']),
            "acceptance criteria"
            | "acceptance"
            | "success criteria"
            | "definition of done"
            | "done when" => self.detail_of_pieces(ix, Detail::Criteria, field, &['\n']),
            "commit" => self.detail(ix, Detail::Commit, value, span),
            "status" if !value.is_empty() => {
                self.status_field(ix, field);
                // What is more than a word is kept as it is.
                if self.outline.tasks[ix].status.is_none() {
                    self.detail(ix, Detail::Notes, &note(), span);
                }
            }
            name if name.ends_with("spec")
                || name.ends_with("specification")
                || name.ends_with("specifications") =>
            {
                self.detail(ix, Detail::Specs, &note().replace('\n', " "), span);
            }
            "parallel" | "independent" => {
                self.detail(ix, Detail::Parallel, value, span.clone());
                self.detail(ix, Detail::Notes, &note(), span);
            }
            _ if !value.is_empty() => self.detail(ix, Detail::Notes, &note(), span),
            _ => {}
        }
    }
}

/// Words in brackets or behind a dash that say that something is not to be done.
const SKIP_WORDS: [&str; 9] = [
    "skipped",
    "skip",
    "cancelled",
    "canceled",
    "n/a",
    "not needed",
    "won't do",
    "wontfix",
    "superseded",
];
/// Words that say that it is put off.
const DEFER_WORDS: [&str; 2] = ["deferred", "postponed"];

/// `✅ Title`, `Title ✅ 2025-12-10`, `Title - ✅ COMPLETED`, `Title [DONE]`; a sign within a sentence says nothing.
fn says_done(title: &str, tail: &str) -> bool {
    let after = title
        .rsplit_once('✅')
        .map(|(_, after)| after.trim_start_matches('\u{fe0f}').trim_matches([' ', ')', ']', '*']));
    let is_date =
        |text: &str| text.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '/' | '.' | ' '));
    // More than the word would be about something else that is done: `(closed tickets)`.
    let done = |text: &str| {
        status(text) == Some(Mark::Done)
            && !text.split_whitespace().skip(1).any(|word| word.contains(char::is_alphabetic))
    };
    title.starts_with('✅')
        || after.is_some_and(|after| is_date(after) || done(after))
        || (!tail.is_empty() && done(tail))
}

/// `Ready-for_agent` → `ready for agent`.
pub fn spelling(word: &str) -> String {
    word.trim_matches(['"', '\'']).to_lowercase().replace(['-', '_'], " ")
}
