//! What a breakdown says of itself that does not fit: marks that disagree with each other, boxes that are none, tasks
//! inside fences, numbers that are not what was read.

use super::build::Builder;
use super::outline::Detail;
use super::problem::{Problem, Severity, some_of};
use super::text::Line;
use crate::core::id::StreamId;
use foldhash::{HashMap, HashMapExt, HashSet};

impl Builder<'_> {
    /// Tells of all that.
    pub fn lint(&mut self) {
        self.warn_of_fences();
        self.tell_superseded();
        self.warn_of_steps();
        self.warn_of_parents();
        self.warn_of_malformed_boxes();
        self.tell_indented();
        self.warn_of_same_files();
        self.tell_under_way();
        self.check_totals();
    }

    fn warn_of_fences(&mut self) {
        for fence in &self.text.fences {
            let task_like = |line: &super::text::Line<'_>| {
                let boxed = line.item().is_some_and(|item| item.tick().is_some());
                boxed
                    || line.heading().is_some_and(|(_, _, text)| {
                        text.starts_with("Task ")
                            && text.as_bytes().get(5).is_some_and(u8::is_ascii_digit)
                    })
            };
            let count =
                self.text.lines[fence.clone()].iter().filter(|line| task_like(line)).count();
            if count > 0 && !self.plan.tasks.is_empty() {
                let start = self.text.lines[fence.start].start;
                let what = format!(
                    "{count} task-like {} inside the fence that opens here {} not read as tasks",
                    if count == 1 { "line" } else { "lines" },
                    if count == 1 { "is" } else { "are" }
                );
                self.problems.push(Problem::warning(
                    "tasks-in-fence",
                    start..start + self.text.lines[fence.start].text.len(),
                    what,
                ));
            }
        }
    }

    /// A task and its steps that say different things.
    fn warn_of_steps(&mut self) {
        for task_item in self
            .outline
            .tasks
            .iter()
            .filter(|task_item| task_item.mark.is_some() && task_item.ticked)
        {
            let open = task_item.ticks().filter(|done| !done).count();
            if open > 0 {
                let what = format!(
                    "task {} is ticked, but {open} of its {} steps are not: the task's own box counts",
                    task_item.id,
                    task_item.ticks().count()
                );
                self.problems.push(Problem::warning("open-steps", task_item.span.clone(), what));
            }
        }
    }

    /// What is ticked while parts of it are open, and what is open while all that it has is ticked.
    fn warn_of_parents(&mut self) {
        let mut open: HashMap<&StreamId, usize> = HashMap::new();
        for (ix, task) in self.plan.tasks.iter().enumerate() {
            if let Some(stream) = &task.stream {
                *open.entry(stream).or_default() += usize::from(!self.marks.contains_key(&ix));
            }
        }
        let mut told = Vec::new();
        for parent in &self.outline.parents {
            let all: Vec<usize> = parent
                .nested
                .iter()
                .chain([&parent.stream])
                .filter_map(|stream| open.get(stream))
                .copied()
                .collect();
            let (open, Some(ix)) =
                (all.iter().sum::<usize>(), self.stream_of(parent.stream.as_str()))
            else {
                continue;
            };
            if all.is_empty() || parent.done == (open == 0) {
                continue;
            }
            let span = self.outline.streams[ix].1.clone();
            match open {
                0 => told.push((parent.stream.to_string(), span)),
                _ => {
                    let are = if open == 1 { "is" } else { "are" };
                    let what = format!(
                        "{} is ticked, but {open} of its parts {are} open: what is open is carried out",
                        parent.stream
                    );
                    self.problems.push(Problem::warning("parent-disagrees", span, what));
                }
            }
        }
        let all = |task_item: &super::outline::TaskItem| {
            task_item.ticks().next().is_some() && task_item.ticks().all(|done| done)
        };
        let task_items = self
            .outline
            .tasks
            .iter()
            .enumerate()
            .filter(|(ix, task_item)| !self.marks.contains_key(ix) && all(task_item));
        told.extend(
            task_items.map(|(_, task_item)| (task_item.id.to_string(), task_item.span.clone())),
        );
        for (id, span) in told {
            let what = format!(
                "all that {id} has to tick is ticked, but {id} itself is open: say that it is done if it is"
            );
            self.problems.push(Problem::info("all-ticked", span, what));
        }
    }

    /// What others have begun, or wait with, is still to be done for us.
    fn tell_under_way(&mut self) {
        let open: Vec<usize> = std::mem::take(&mut self.under_way)
            .into_iter()
            .filter(|ix| !self.marks.contains_key(ix))
            .collect();
        let Some(&first) = open.first() else { return };
        let names = some_of(open.iter().map(|&ix| self.plan.tasks[ix].id.as_str()));
        let what = format!(
            "begun, in review or blocked by their status, and so still to be done here: {names}"
        );
        self.problems.push(Problem::info(
            "under-way",
            self.outline.tasks[first].span.clone(),
            what,
        ));
    }

    /// Tasks in a row that are marked to run at once, and change the same file: they are kept apart.
    fn warn_of_same_files(&mut self) {
        let may = |ix: usize| {
            self.outline.tasks[ix]
                .details
                .iter()
                .find(|(detail, _)| *detail == Detail::Parallel)
                .map(|(_, span)| span.clone())
                .filter(|span| {
                    let word = self.text.all.get(span.clone()).unwrap_or_default().to_lowercase();
                    !word.starts_with("false") && !word.starts_with("no")
                })
        };
        let mut told = Vec::new();
        let mut row: HashMap<&str, usize> = HashMap::new();
        for (ix, task) in self.plan.tasks.iter().enumerate() {
            let place = may(ix).filter(|_| !self.marks.contains_key(&ix));
            if place.is_none() || ix > 0 && self.plan.tasks[ix - 1].stream != task.stream {
                row.clear();
            }
            let Some(span) = place else { continue };
            let other = task.files.iter().find_map(|file| Some((file, *row.get(file.as_str())?)));
            if let Some((file, other)) = other {
                let what = format!(
                    "tasks {} and {} may run at once, but both name {file}: one waits for the other",
                    self.plan.tasks[other].id, task.id
                );
                told.push(Problem::info("same-file", span, what));
            }
            row.extend(task.files.iter().map(|file| (file.as_str(), ix)));
        }
        self.problems.extend(told);
    }

    /// `-[] 3. Title`: meant as a box, and none.
    fn warn_of_malformed_boxes(&mut self) {
        // Steps of paragraphs may have their box on the next line.
        let in_paragraphs = self.plan.format.starts_with("breakdown-agent");
        for (_, line) in self.text.visible() {
            let (start, body) = line.trimmed();
            if let Some((at, len, done)) = malformed(body) {
                let what = "this is no box, and so no task: write `- [ ] ` with the blanks";
                let span = start + at..start + at + len;
                let fix = if done { " [x] " } else { " [ ] " };
                self.problems.push(Problem::warning("malformed-box", span.clone(), what).with_fix(
                    "make it a box",
                    span,
                    fix,
                ));
            } else if let Some((at, why)) = stands_elsewhere(body).filter(|_| !in_paragraphs) {
                let what = format!(
                    "this box {why}, and so is no task: write it as an item of a list, `- [ ] `"
                );
                self.problems.push(Problem::warning("malformed-box", start + at..line.end(), what));
            }
        }
    }

    /// Boxes that are code by their margin, because they stand in no list.
    fn tell_indented(&mut self) {
        let mut before: Option<Line<'_>> = None;
        let mut told = Vec::new();
        for file in self.text.files.iter().filter(|file| file.is_markdown(self.text.all)) {
            let lines = self.text.lines[file.lines.clone()]
                .iter()
                .filter(|line| !line.hidden && !line.is_blank());
            for line in lines {
                let is_box =
                    || line.indent() >= 4 && line.item().is_some_and(|item| item.tick().is_some());
                let in_list =
                    || before.is_some_and(|before| before.item().is_some() || before.indent() > 0);
                if line.text.starts_with([' ', '\t']) && is_box() && !in_list() {
                    told.push(line.span());
                } else {
                    before = Some(*line);
                }
            }
        }
        for span in told {
            let what = "this box is code by its margin, and read as one of a list all the same: take the blanks away, or put it in a fence";
            self.problems.push(Problem::info("indented-box", span, what));
        }
    }

    /// A file that says at its beginning that it is no longer what counts.
    fn tell_superseded(&mut self) {
        let words = ["LEGACY", "SUPERSEDED", "DEPRECATED", "OBSOLETE"];
        let says = |line: &Line<'_>| {
            line.text.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word))
        };
        let first = self
            .text
            .lines
            .iter()
            .filter(|line| !line.is_blank())
            .take(10)
            .find(|line| line.item().is_none() && says(line));
        if let Some(line) = first {
            let what = "this breakdown says of itself that it is no longer what counts: look before you run it";
            self.problems.push(Problem::info(
                "superseded",
                line.start..line.start + line.text.len(),
                what,
            ));
        }
    }

    /// Whether nothing says yet why there are no tasks.
    pub(super) fn is_unexplained(&self) -> bool {
        !self
            .problems
            .iter()
            .any(|problem| problem.code == "unreadable" && problem.severity == Severity::Error)
    }

    /// Where no task was found, but lines that look like some stand in fences: they are told of, not scheduled.
    pub(super) fn tell_candidates(&mut self) {
        let text = self.text;
        let like = |line: &&Line<'_>| {
            line.text.trim_start().starts_with(['□', '☐'])
                || line.item().is_some_and(|item| item.tick().is_some())
        };
        let bare = text.visible().filter(|(_, line)| {
            line.item().is_some_and(|item| item.text.starts_with(['□', '☐', '☑', '◐', '✓', '✔']))
        });
        let bare: Vec<Line<'_>> = bare.map(|(_, line)| line).collect();
        if let (Some(first), true) = (bare.first(), bare.len() >= 2) {
            let what = format!(
                "{} lines begin with a sign for a box, which is none: write `- [ ]` and `- [x]`",
                bare.len()
            );
            self.problems.push(Problem::warning("malformed-box", first.span(), what));
        }
        let inside: Vec<&Line<'_>> =
            text.fences.iter().flat_map(|fence| &text.lines[fence.clone()]).filter(like).collect();
        if let (Some(first), true) = (inside.first(), inside.len() >= 3) {
            let what = format!(
                "{} lines inside fences look like tasks, and none stands outside: they are not scheduled; take them out of the fences",
                inside.len()
            );
            self.problems.push(Problem::warning(
                "tasks-in-fence",
                first.start..first.start + first.text.len(),
                what,
            ));
        }
    }

    fn check_totals(&mut self) {
        let real = self.plan.tasks.len();
        let of_parts: HashSet<&StreamId> = self
            .outline
            .parents
            .iter()
            .filter(|parent| parent.of_parts)
            .map(|parent| &parent.stream)
            .collect();
        let parts = self
            .plan
            .tasks
            .iter()
            .filter(|task| task.stream.as_ref().is_some_and(|stream| of_parts.contains(stream)))
            .count();
        // What has parts may be counted as one.
        let whole = real - parts + self.outline.parents.len();
        for (_, line) in self.text.visible() {
            let Some((at, said)) = stated_total(line.text) else { continue };
            if said != real && said != whole && said > 0 {
                let span = line.start + at..line.start + line.text.len();
                self.problems.push(Problem::warning(
                    "total-disagrees",
                    span,
                    format!("it says {said} tasks, but {real} were read"),
                ));
            }
        }
    }
}

/// `-[] 3. Title`, `2. []Title` → where it begins behind the marker, how long it is, and whether it is ticked.
fn malformed(body: &str) -> Option<(usize, usize, bool)> {
    let digits = body.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let marker = match body.as_bytes().first()? {
        b'-' | b'*' | b'+' => 1,
        b'0'..=b'9' if body[..digits].ends_with('.') => digits,
        _ => return None,
    };
    let rest = &body[marker..];
    let bracket = rest.trim_start_matches(' ');
    let glued = bracket.len() == rest.len();
    let of = |(pattern, broken): (&'static str, bool)| {
        bracket.strip_prefix(pattern).filter(|_| broken).map(|after| (pattern, after))
    };
    let (pattern, after) =
        [("[]", true), ("[ ]", glued), ("[x]", glued), ("[X]", glued)].into_iter().find_map(of)?;
    let len = rest.len() - after.trim_start_matches(' ').len();
    let is_link = after.starts_with(['(', '[', ':']) || after.trim().is_empty();
    (!is_link).then(|| (marker, len, pattern.contains(['x', 'X'])))
}

/// `• [ ] Title`, `[ ] Title`, `☐ Title`, `> - [ ] Title`, `| - [ ] Title |` → where the box is, and where it stands.
fn stands_elsewhere(body: &str) -> Option<(usize, &'static str)> {
    let box_at = |skipped: &[char], why: &'static str| {
        let bare = body.trim_start_matches(skipped);
        let is_box = super::text::tick(bare)
            .is_some_and(|tick| !tick.rest.is_empty() && (tick.done() || tick.mark == ' '));
        (is_box && bare.len() < body.len()).then_some((body.len() - bare.len(), why))
    };
    if body.starts_with(['☐', '□', '☑']) {
        return Some((0, "is a sign"));
    }
    if super::text::tick(body)
        .is_some_and(|tick| !tick.rest.is_empty() && (tick.done() || tick.mark == ' '))
    {
        return Some((0, "stands behind no bullet"));
    }
    match body.chars().next()? {
        '•' | '◦' | '▪' | '·' | '–' | '—' => {
            box_at(&['•', '◦', '▪', '·', '–', '—', ' '], "stands behind a sign that is no bullet")
        }
        '>' => box_at(&['>', ' ', '-', '*', '+'], "stands in a quotation"),
        '|' if body.contains("- [") => box_at(&['|', ' ', '-', '*', '+'], "stands in a table"),
        _ => None,
    }
}

/// `Total Tasks: 17` → where it stands, and the number.
fn stated_total(line: &str) -> Option<(usize, usize)> {
    let starts =
        line.bytes().enumerate().filter(|(_, byte)| matches!(byte, b't' | b'T')).map(|(at, _)| at);
    let at = starts.into_iter().find(|&at| {
        line.as_bytes()[at..]
            .get(..11)
            .is_some_and(|word| word.eq_ignore_ascii_case(b"total tasks"))
    })?;
    let rest = line[at + 11..].trim_start_matches([':', '*', ' ', '[']);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest[..digits].parse().ok().map(|said| (at, said))
}
