//! What must hold of whatever is read: what is counted, what can be written back, where everything stands, and what
//! becomes of it in another format.

use crate::breakdown::outline;
use execution_coordinator::breakdown::convert::{Converted, convert, targets};
use execution_coordinator::breakdown::document::Document;
use execution_coordinator::breakdown::outline::Detail;
use execution_coordinator::breakdown::write_back::{Unwritten, done};
use execution_coordinator::breakdown::{Deps, Format, Input, Parsed, parse};
use execution_coordinator::core::event::Mark;
use expect_test::Expect;
use std::collections::BTreeMap;
use std::ops::Range;

/// Files one after the other, as a folder is read.
pub fn folder(files: &[(&str, &str)]) -> (String, Vec<(String, Range<usize>)>) {
    let (mut text, mut ranges) = (String::new(), Vec::new());
    for (path, body) in files {
        let start = text.len();
        text.push_str(body);
        ranges.push(((*path).to_owned(), start..text.len()));
    }
    (text, ranges)
}

/// What a folder, or a file of a name, is read as; with what it has in numbers.
pub fn check(files: &[(&str, &str)], expected: Expect) {
    let (text, ranges) = folder(files);
    let parsed = parse(Input { text: &text, files: &ranges }, None, Deps::Format);
    let found = parsed.read_as.expect("a format");
    let counts =
        format!("{}, {}: {}\n", found.format.name(), found.confidence.word(), parsed.counts());
    let written = format!("{} can be written back\n", written_back(&text, &ranges));
    expected.assert_eq(&(counts + &outline(&parsed, &text) + &written));
    converted(&text, &ranges);
    placed(&text, &ranges);
    crate::ownership::words_arrive(&text, &ranges, None);
    crate::mutations::same_or_told(&text, &ranges);
    // Whatever is cut off, and as whatever it is read, there is an answer.
    for (cut, _) in text.char_indices().step_by(7) {
        let kept: Vec<_> = ranges
            .iter()
            .filter(|(_, range)| range.start <= cut)
            .map(|(path, range)| (path.clone(), range.start..range.end.min(cut)))
            .collect();
        let _ = parse(Input { text: &text[..cut], files: &kept }, None, Deps::Format);
    }
    for format in Format::ALL {
        let _ = parse(Input { text: &text, files: &ranges }, Some(*format), Deps::Format);
    }
}

/// Each task that is open can be said to be done by one change, which changes nothing else.
pub fn written_back(text: &str, files: &[(String, Range<usize>)]) -> usize {
    let parsed = parse(Input { text, files }, None, Deps::Format);
    let mut written = 0;
    for task in
        parsed.plan.tasks.iter().filter(|task| !parsed.marks.contains_key(&task.id)).take(40)
    {
        let of = |text: &str, parsed: &Parsed, title: &str| {
            done(text, parsed, &[(task.id.clone(), title.to_owned())]).remove(0)
        };
        let Ok(change) = of(text, &parsed, &task.title) else { continue };
        let mut after = text.to_owned();
        after.replace_range(change.span.clone(), &change.new);
        let grown = |at: usize| {
            if at > change.span.start { at + change.new.len() - change.span.len() } else { at }
        };
        let files: Vec<_> = files
            .iter()
            .map(|(path, range)| (path.clone(), grown(range.start)..grown(range.end)))
            .collect();
        let now = parse(
            Input { text: &after, files: &files },
            parsed.read_as.map(|found| found.format),
            Deps::Format,
        );
        let mut wanted = parsed.marks.clone();
        wanted.insert(task.id.clone(), Mark::Done);
        assert_eq!(now.marks, wanted, "{} by {change:?}", task.id);
        assert_eq!(now.plan, parsed.plan, "{} by {change:?}", task.id);
        assert_eq!(of(&after, &now, &task.title), Err(Unwritten::Already));
        assert_eq!(of(text, &parsed, "another one"), Err(Unwritten::Gone));
        written += 1;
    }
    written
}

/// Each thing that is said of a task stands where it is said to stand.
pub fn placed(text: &str, files: &[(String, Range<usize>)]) -> usize {
    let parsed = parse(Input { text, files }, None, Deps::Format);
    let letters = |text: &str| {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect::<String>()
    };
    let (plan, outline) = (&parsed.plan, &parsed.outline);
    for (texts, places) in [
        (&plan.milestones, &outline.milestones),
        (&plan.deliverables, &outline.deliverables),
        (&plan.risks, &outline.risks),
    ] {
        assert_eq!(texts.len(), places.len());
        let there = |(said, place): (&String, &Range<usize>)| {
            letters(said).contains(&letters(&text[place.clone()]))
        };
        assert!(texts.iter().zip(places).all(there), "{texts:?} at {places:?}");
    }
    let mut count = 0;
    for (task, task_item) in parsed.plan.tasks.iter().zip(&parsed.outline.tasks) {
        assert_eq!(task.steps.len(), task_item.steps.len(), "{}", task.id);
        let mut entries: BTreeMap<Detail, Vec<String>> = BTreeMap::new();
        for (detail, span) in &task_item.details {
            let known = entries.entry(*detail).or_insert_with(|| detail.texts_of(task));
            count += 1;
            if matches!(detail, Detail::Estimate | Detail::Parallel | Detail::TestsFirst)
                || known.is_empty()
            {
                assert!(
                    !letters(&text[span.clone()]).is_empty(),
                    "{detail:?} of {}: {span:?}",
                    task.id
                );
                continue;
            }
            let is_list = !matches!(
                detail,
                Detail::Agent | Detail::Command | Detail::Commit | Detail::Objective
            );
            let said = if is_list { known.remove(0) } else { known[0].clone() };
            let entry = letters(&said);
            let there = letters(&text[span.clone()]);
            // In strings of JSON, letters stand for others; of what there is one of, an earlier one may not count.
            let begins = |of: &str| there.starts_with(&of.chars().take(40).collect::<String>());
            // Numbers of a list that became one text are left out.
            let words = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
            let joined = !words(&entry).is_empty()
                && (words(&entry).contains(&words(&there))
                    || words(&there).contains(&words(&entry)));
            let same = joined && text[span.clone()].contains('\n')
                || entry.contains(&there)
                || there.contains(&entry)
                || begins(&entry)
                || text[span.clone()].contains('\\');
            let later = !is_list
                && task_item.details.iter().any(|(other, at)| other == detail && at != span);
            assert!(same || later, "{detail:?} of {}: {entry} is not {there}", task.id);
        }
        let all = [
            Detail::Criteria,
            Detail::Files,
            Detail::Notes,
            Detail::Skills,
            Detail::Specs,
            Detail::Tests,
        ];
        for detail in all {
            let left = entries.get(&detail).cloned().unwrap_or_else(|| detail.texts_of(task));
            assert!(left.is_empty(), "{detail:?} of {} without a place: {left:?}", task.id);
        }
    }
    count
}

/// Says which line is the first that differs.
fn similar(one: &str, other: &str) {
    let differs = one.lines().zip(other.lines()).position(|(one, other)| one != other);
    let around = |text: &str, at: usize| {
        text.lines().skip(at.saturating_sub(12)).take(24).collect::<Vec<_>>().join("\n")
    };
    if let Some(at) = differs {
        panic!("{}\n--- is not ---\n{}", around(one, at), around(other, at));
    }
    assert_eq!(one, other);
}

/// As our JSON it is the same; in other formats it is what is not told to be lost.
pub fn converted(text: &str, files: &[(String, Range<usize>)]) {
    let parsed = parse(Input { text, files }, None, Deps::Format);
    if parsed.plan.tasks.is_empty() {
        return;
    }
    let as_json = convert(&parsed, Format::Json);
    assert_eq!(as_json.lost, Vec::<String>::new());
    let back = parse(&as_json.text, None, Deps::Format);
    assert_eq!(back.read_as.map(|found| found.format), Some(Format::Json));
    let same = |parsed: &Parsed| {
        Document::from_parsed(parsed)
            .text()
            .lines()
            .filter(|line| !line.contains("\"format\""))
            .collect::<Vec<_>>()
            .join("\n")
    };
    similar(&same(&parsed), &same(&back));
    for to in targets() {
        let Converted { text, lost } = convert(&parsed, to);
        let again = parse(&text, Some(to), Deps::Format);
        let told = |what: &str| lost.iter().any(|lost| lost.starts_with(what));
        assert!(
            again.plan.tasks.len() == parsed.plan.tasks.len() || told("all"),
            "{to:?}: {lost:?}"
        );
        let marks =
            |parsed: &Parsed| parsed.marks.values().filter(|mark| **mark == Mark::Done).count();
        assert!(marks(&again) == marks(&parsed) || told("mark"), "{to:?}: {lost:?}\n{text}");
        // Once it is in a format, nothing more is lost in it.
        let twice = convert(&again, to);
        let more: Vec<&String> = twice
            .lost
            .iter()
            .filter(|lost| !lost.starts_with("notes") && !lost.starts_with("summary"))
            .collect();
        assert!(
            again.plan.tasks.iter().any(|task| task.broken.is_some()) || more.is_empty(),
            "{to:?}: {more:?}\n{text}\n---\n{}",
            twice.text
        );
    }
}
