//! Any bytes as a file or as the files of a folder, in whatever format: never a panic, every place inside the text, what
//! is written back is one mark, and what is converted can be read again.
#![no_main]

use execution_coordinator::breakdown::convert::{convert, targets};
use execution_coordinator::breakdown::write_back::{Unwritten, done};
use execution_coordinator::breakdown::{Deps, Input, parse};
use libfuzzer_sys::fuzz_target;

/// Paths by which formats are known; each file of a folder begins with a line `\u{1f}`.
const KINDS: [&[&str]; 12] = [
    &["tasks.json"],
    &[".beads/issues.jsonl"],
    &["sprint-status.yaml"],
    &["specs/001-x/tasks.md"],
    &[".kiro/specs/x/tasks.md"],
    &["openspec/changes/x/tasks.md"],
    &["docs/superpowers/plans/x.md"],
    &["config.yml", "tasks/back-1 - a.md", "completed/back-2 - b.md", "archive/tasks/back-1 - c.md", "milestones/m-1 - d.md"],
    &["epic.md", "001.md", "tasks/002-b.md", "tasks/002/001-c.md"],
    &["00-index.md", "01-a.md", "02-b.md"],
    &["ROADMAP.md", "phases/01-a/01-01-PLAN.md", "phases/01-a/01-02-PLAN.md"],
    &["tasks.md", "status.json", "tasks/WP01-a.md", "tasks/WP02-b.md"],
];

fuzz_target!(|given: &str| {
    let Some(kind) = given.bytes().next().map(|byte| KINDS[usize::from(byte) % KINDS.len()]) else { return };
    let text = &given[given.chars().next().map_or(0, char::len_utf8)..];
    let (mut files, mut start) = (Vec::new(), 0);
    for (path, piece) in kind.iter().zip(text.splitn(kind.len(), '\u{1f}')) {
        files.push(((*path).to_owned(), start..start + piece.len()));
        start += piece.len() + 1;
    }
    let input = Input { text, files: &files };
    let parsed = parse(input, None, Deps::Format);
    let inside = |range: &std::ops::Range<usize>| text.get(range.clone()).is_some();
    assert_eq!(parsed.plan.tasks.len(), parsed.outline.tasks.len());
    for item in &parsed.outline.tasks {
        assert!(inside(&item.span) && item.named.iter().chain(&item.status).all(inside), "{item:?}");
        assert!(item.steps.iter().all(|step| inside(&step.span)), "{item:?}");
        assert!(item.details.iter().all(|(_, span)| inside(span)), "{item:?}");
    }
    assert!(parsed.problems.iter().all(|problem| inside(&problem.span)), "{:?}", parsed.problems);
    let _ = parsed.counts();
    for task in parsed.plan.tasks.iter().take(3) {
        match done(text, &parsed, &[(task.id.clone(), task.title.clone())]).remove(0) {
            Ok(change) => assert!(inside(&change.span) && !change.span.is_empty(), "{change:?}"),
            Err(why) => {
                assert!(why != Unwritten::Gone || parsed.plan.tasks.iter().filter(|other| other.id == task.id).count() > 1, "{}", task.id)
            }
        }
    }
    // What a format can hold is the same when it is read again, whatever it was.
    for to in targets() {
        let converted = convert(&parsed, to);
        let _ = parse(&converted.text, Some(to), Deps::Format);
    }
});
