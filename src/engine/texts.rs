//! The breakdown's own words: kept once an execution, by digest, and told to whoever does the work.

use crate::breakdown::companions::{Companion, companions};
use crate::breakdown::owners::{Owner, Ownership};
use crate::breakdown::problem::Problem;
use crate::breakdown::source::Source;
use crate::breakdown::text::{Text, clean_title};
use crate::breakdown::tree::{Data, Value, json};
use crate::breakdown::{Input, Parsed};
use crate::core::brief::{Brief, BriefText, TextOf, texts};
use crate::core::plan::Plan;
use crate::core::prose::{Excerpt, GroupProse, Prose, TaskProse, said};
use crate::process::open_kept;
use crate::workspace::execution_dir::ExecutionDir;
use crate::workspace::{make_private, root_of};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Headings of companions down to this level begin a part of their own.
const PART_LEVEL: usize = 3;
/// Plans that may still be accepted.
const OFFERED: usize = 4;
/// Texts that are kept at hand.
const AT_HAND: usize = 32;

/// A text with its digest.
pub type Digested = (String, Arc<str>);

/// The workspace of a breakdown.
fn root(source: &Source) -> Option<PathBuf> {
    source.path.as_deref().map(|path| root_of(path.parent().unwrap_or(path)))
}

/// Files beside a breakdown, and what of them can't be read.
pub fn beside(plan: &Plan, source: &Source) -> (Vec<Companion>, Vec<Problem>) {
    let (found, unread) =
        companions(source, plan, root(source).as_deref().unwrap_or(Path::new("")));
    (found, unread.into_iter().map(|why| Problem::warning("unread-companion", 0..0, why)).collect())
}

/// What a breakdown says in its own words, with the texts that this stands in, and what beside it can't be read.
pub fn prose(parsed: &Parsed, source: &Source) -> (Prose, Vec<Digested>, Vec<Problem>) {
    let root = root(source);
    let name = |path: &Path| {
        let inside = root.as_deref().and_then(|root| {
            path.strip_prefix(root.canonicalize().unwrap_or_else(|_| root.to_owned())).ok()
        });
        inside.unwrap_or(path).display().to_string()
    };
    let folder = source.path.clone().filter(|_| source.is_folder());
    let files = match &source.path {
        None if source.is_folder() => source.files.iter().map(|(path, _)| path.clone()).collect(),
        None => vec!["standard input".to_owned()],
        Some(path) if folder.is_none() => vec![name(path)],
        Some(path) => source.files.iter().map(|(inner, _)| name(&path.join(inner))).collect(),
    };
    let mut prose = Prose { texts: vec![digest(&source.text)], files, ..Prose::default() };
    let mut texts = vec![(prose.texts[0].clone(), Arc::from(source.text.as_str()))];
    let text = source.input().lines();
    own_words(&mut prose, parsed, &text);
    let (found, problems) = beside(&parsed.plan, source);
    for Companion { path, text, task } in found {
        prose.files.push(name(&path));
        prose.texts.push(digest(&text));
        let at = |count: usize| u32::try_from(count - 1).unwrap_or(u32::MAX);
        let (in_text, file) = (at(prose.texts.len()), at(prose.files.len()));
        let excerpts = parts(&text)
            .into_iter()
            .filter_map(|range| excerpt(&Input::from(&text).lines(), range, in_text, Some(file)));
        match task.and_then(|task| prose.tasks.get_mut(&task)) {
            Some(task) => task.files.extend(excerpts),
            None => prose.companions.extend(excerpts),
        }
        texts.push((digest(&text), Arc::from(text)));
    }
    // As it would be kept beside another one, so that both compare.
    prose.adopt(&Prose::default());
    (prose, texts, problems)
}

/// How many bytes of what belongs to tasks, blanks aside, their briefs hold with a limit.
pub fn told_bytes(parsed: &Parsed, source: &Source, limit_bytes: usize) -> usize {
    let (prose, ..) = prose(parsed, source);
    // Several tasks may be named on one line.
    let mut told: BTreeMap<usize, usize> = BTreeMap::new();
    for id in prose.tasks.keys() {
        let mut brief = Brief { texts: texts(&prose, Some(id)), ..Brief::default() };
        brief.texts.retain(|text| text.of == TextOf::Task);
        for text in &mut brief.texts {
            text.text = source.text[text.range.clone()].to_owned();
        }
        for text in brief.limited(limit_bytes).0.texts {
            let kept = text
                .text
                .bytes()
                .zip(source.text[text.range.clone()].bytes())
                .take_while(|(told, written)| told == written);
            let bytes = kept.filter(|(byte, _)| !byte.is_ascii_whitespace()).count();
            let most = told.entry(text.range.start).or_default();
            *most = bytes.max(*most);
        }
    }
    told.values().sum()
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn own_words(prose: &mut Prose, parsed: &Parsed, text: &Text<'_>) {
    let ownership: &Ownership = &parsed.outline.ownership;
    let title = |span: &Range<usize>| {
        let line = text
            .all
            .get(span.clone())
            .unwrap_or_default()
            .trim_start_matches(['#', '-', '*', '+', ' ', '"']);
        clean_title(crate::breakdown::text::tick(line).map_or(line, |tick| tick.rest))
    };
    let index = |ix: usize| u32::try_from(ix).ok();
    let group = |group: &crate::breakdown::owners::Group| GroupProse {
        title: title(&group.span),
        parent: group.parent.and_then(index),
        text: Vec::new(),
    };
    prose.groups = ownership.groups.iter().map(group).collect();
    let mut tasks: Vec<TaskProse> = ownership
        .of_task
        .iter()
        .map(|group| TaskProse { group: group.and_then(index), ..TaskProse::default() })
        .collect();
    // What stands on both sides of a heading of one owner is one piece.
    let mut ranges: Vec<(Range<usize>, Owner)> = Vec::new();
    for (range, owner) in ownership.ranges() {
        let file = |at: usize| text.file_at(at).map(|file| file.range.start);
        match ranges.last_mut() {
            Some((last, of))
                if *of == owner
                    && last.end == range.start
                    && file(last.start) == file(range.start) =>
            {
                last.end = range.end
            }
            _ => ranges.push((range, owner)),
        }
    }
    for (range, owner) in ranges {
        let list = match owner {
            Owner::Task(ix) => &mut tasks[ix].text,
            Owner::Group(ix) => &mut prose.groups[ix].text,
            Owner::Plan if is_frame(text, &range) => continue,
            Owner::Plan => &mut prose.plan,
            Owner::Unused(_) => continue,
        };
        list.extend(excerpt(text, range, 0, None));
    }
    // Several tasks may be named on one line.
    let by_line: HashMap<usize, usize> = parsed
        .outline
        .tasks
        .iter()
        .enumerate()
        .rev()
        .map(|(ix, task_item)| (text.line_at(task_item.span.start), ix))
        .collect();
    for (ix, task_item) in parsed.outline.tasks.iter().enumerate() {
        let first = by_line.get(&text.line_at(task_item.span.start)).copied().unwrap_or(ix);
        if tasks.get(ix).is_some_and(|task| task.text.is_empty()) && first != ix {
            tasks[ix] = tasks[first].clone();
        }
    }
    prose.tasks =
        parsed.outline.tasks.iter().map(|task_item| task_item.id.clone()).zip(tasks).collect();
    prose.tasks.retain(|id, _| parsed.plan.task(id).is_some());
}

/// Whether a range is what holds the values of a JSON file together: brackets, and keys without values.
fn is_frame(text: &Text<'_>, range: &Range<usize>) -> bool {
    let of_json = |file: &crate::breakdown::text::File<'_>| {
        file.path.ends_with(".json")
            || file.path.ends_with(".jsonl")
            || text.all[file.range.clone()].trim_start().starts_with('{')
    };
    if !text.file_at(range.start).is_some_and(of_json) {
        return false;
    }
    // Odd pieces stand between quotes; one that a colon follows is a key.
    let pieces: Vec<&str> = text.all[range.clone()].split('"').collect();
    let next_is_colon =
        |nth: usize| pieces.get(nth + 1).is_none_or(|next| next.trim_start().starts_with(':'));
    let frames = |(nth, piece): (usize, &&str)| {
        if nth % 2 == 1 { next_is_colon(nth) } else { !piece.contains(char::is_alphanumeric) }
    };
    pieces.iter().enumerate().all(frames)
}

/// A range without blank lines around it; nothing where that is all.
fn excerpt(
    text: &Text<'_>,
    range: Range<usize>,
    in_text: u32,
    file: Option<u32>,
) -> Option<Excerpt> {
    let piece = &text.all[range.clone()];
    let body = piece.trim_end();
    // From the beginning of a line, because blanks in front of it say what it belongs to.
    let blank = body.len() - body.trim_start().len();
    let start = body[..blank].rfind('\n').map_or(0, |at| at + 1);
    let start =
        if range.start == 0 || text.all[..range.start].ends_with('\n') { start } else { blank };
    if !body.contains(char::is_alphanumeric) {
        return None;
    }
    let (from, to) = (range.start + start, range.start + body.len());
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let inner = text.files.iter().position(|file| file.range.contains(&from)).unwrap_or(0);
    Some(Excerpt {
        text: in_text,
        file: file.unwrap_or(number(inner)),
        start: from as u64,
        end: to as u64,
        first_line: number(text.position(from).0),
        last_line: number(text.position(to - 1).0),
        said: said(&text.all[from..to]),
    })
}

/// The parts of a companion: from one heading to the next.
fn parts(text: &str) -> Vec<Range<usize>> {
    let lines = Text::new(text);
    let starts = lines
        .visible()
        .filter(|(_, line)| line.heading().is_some_and(|(level, ..)| level <= PART_LEVEL));
    let mut starts: Vec<usize> =
        starts.map(|(_, line)| line.start).filter(|start| *start > 0).collect();
    starts.insert(0, 0);
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| start..end).collect()
}

/// The texts of one execution.
pub struct Texts {
    folder: PathBuf,
    offered: Mutex<VecDeque<Vec<Digested>>>,
    at_hand: Mutex<HashMap<String, Arc<str>>>,
}

impl Texts {
    /// Those in the folder of an execution.
    pub fn of_execution(dir: &ExecutionDir) -> Self {
        Self { folder: dir.texts(), offered: Mutex::default(), at_hand: Mutex::default() }
    }

    /// Texts of a plan that may be accepted.
    pub fn offer(&self, texts: &[Digested]) {
        let mut offered = self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        offered.push_back(texts.to_vec());
        // Most are never accepted: only a box was ticked.
        while offered.len() > OFFERED {
            offered.pop_front();
        }
    }

    /// Writes down the texts of a plan that is about to be accepted.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn keep(&self, plan: &Plan) -> std::io::Result<()> {
        let offered = self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        for digest in &plan.prose.texts {
            let path = self.folder.join(digest);
            if let Some(text) = offered
                .iter()
                .flatten()
                .find(|(known, _)| known == digest)
                .map(|(_, text)| text)
                .filter(|_| !path.exists())
            {
                make_private(&self.folder)?;
                // Whole or not at all.
                let new = self.folder.join(format!("{digest}.new"));
                let mut file = std::fs::File::create(&new)?;
                file.write_all(text.as_bytes())?;
                std::fs::rename(new, path)?;
            }
        }
        Ok(())
    }

    fn text(&self, digest: &str) -> Option<Arc<str>> {
        let mut at_hand = self.at_hand.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = at_hand.get(digest) {
            return Some(text.clone());
        }
        if digest.is_empty() || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut text = String::new();
        open_kept(&self.folder.join(digest))
            .and_then(|mut file| file.read_to_string(&mut text))
            .ok()?;
        if at_hand.len() >= AT_HAND {
            at_hand.clear();
        }
        let text: Arc<str> = text.into();
        at_hand.insert(digest.to_owned(), text.clone());
        Some(text)
    }

    /// Puts the words into a brief. Of companions, the parts that the task names come first.
    pub fn fill(&self, brief: &mut Brief) {
        for text in &mut brief.texts {
            let kept = self.text(&text.digest);
            let piece = kept.as_ref().and_then(|kept| kept.get(text.range.clone()));
            text.text = match piece {
                Some(piece) => readable(&text.file, piece),
                None => "(this text can't be read any more: see the file)".into(),
            };
        }
        let named = Named::by(brief);
        brief.texts.sort_by_key(|text| {
            (
                text.of,
                std::cmp::Reverse(if text.of == TextOf::Companion { named.count(text) } else { 0 }),
            )
        });
    }
}

/// Markdown as it is; of JSON, what it says.
fn readable(file: &str, piece: &str) -> String {
    let is_json = [".json", ".jsonl"].iter().any(|end| file.ends_with(end))
        || piece.trim_start().starts_with('{');
    let tree = is_json.then(|| json(piece, 0..piece.len()).ok()).flatten();
    match tree {
        Some(tree @ Value { data: Data::Map(_), .. }) => {
            let mut out = String::new();
            write_value(&tree, 0, &mut out);
            out.trim_end().to_owned()
        }
        _ => piece.to_owned(),
    }
}

fn write_value(value: &Value, depth: usize, out: &mut String) {
    let margin = "  ".repeat(depth);
    match &value.data {
        Data::Nothing => {}
        Data::Word(word) => {
            word.lines().for_each(|line| out.push_str(&format!("{margin}{line}\n")))
        }
        Data::List(items) => {
            for item in items {
                let mut inner = String::new();
                write_value(item, depth + 1, &mut inner);
                if !inner.trim().is_empty() {
                    out.push_str(&format!("{margin}- {}\n", inner.trim()));
                }
            }
        }
        Data::Map(entries) => {
            for (key, _, value) in entries {
                match &value.data {
                    Data::Word(word) if !word.contains('\n') => {
                        out.push_str(&format!("{margin}{key}: {word}\n"))
                    }
                    Data::Nothing => {}
                    _ => {
                        let mut inner = String::new();
                        write_value(value, depth + 1, &mut inner);
                        if !inner.is_empty() {
                            out.push_str(&format!("{margin}{key}:\n{inner}"));
                        }
                    }
                }
            }
        }
    }
}

/// What a task names of its companions: numbers of requirements and stories, and what stands between back quotes.
struct Named {
    headings: Vec<String>,
    words: Vec<String>,
    own: String,
}

impl Named {
    fn by(brief: &Brief) -> Self {
        let own: String = brief
            .texts
            .iter()
            .filter(|text| text.of <= TextOf::TaskFile)
            .map(|text| text.text.as_str())
            .collect::<Vec<_>>()
            .join("\n");
        let (mut headings, mut words) = (Vec::new(), Vec::new());
        for line in own.lines() {
            let lower = line.to_lowercase();
            if ["requirement", "validates", "需求"].iter().any(|word| lower.contains(word)) {
                let numbers = line
                    .split(|c: char| !c.is_ascii_digit() && c != '.')
                    .map(|number| number.trim_matches('.'));
                for number in numbers.filter(|number| !number.is_empty()) {
                    headings.push(format!(
                        "requirement {}",
                        number.split('.').next().unwrap_or(number)
                    ));
                    headings.push(format!("requirement {number}"));
                    headings.push(format!("property {number}"));
                }
            }
            for word in line.split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_')) {
                if let Some(number) =
                    word.strip_prefix("US").filter(|number| number.parse::<u32>().is_ok())
                {
                    headings.push(format!("user story {number}"));
                }
                if word.len() > 3
                    && word.contains('-')
                    && word.ends_with(|c: char| c.is_ascii_digit())
                {
                    words.push(word.to_owned());
                }
            }
            words.extend(
                line.split('`').skip(1).step_by(2).filter(|code| code.len() > 3).map(str::to_owned),
            );
        }
        Self { headings, words, own }
    }

    fn count(&self, text: &BriefText) -> usize {
        let (part, is_named) =
            (text.text.as_str(), !text.file.is_empty() && self.own.contains(&text.file));
        let heading = part.lines().next().unwrap_or_default().to_lowercase();
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        let names = |known: &&String| {
            heading.split_once(known.as_str()).is_some_and(|(_, rest)| ends(rest))
        };
        10 * (self.headings.iter().filter(names).count() + usize::from(is_named))
            + self.words.iter().filter(|word| part.contains(word.as_str())).count()
    }
}
