//! Real breakdown files with hand-checked counts. They are not part of this project: the test
//! runs where `BREAKDOWN_CORPUS` names a folder that has them, and says so where it does not.

use execution_coordinator::breakdown::{Deps, Format, Parsed, parse};
use execution_coordinator::core::plan::{Node, Origin};
use std::path::PathBuf;

/// Rows whose number of phases or streams is wrong, with the right one; `tests/data/CORPUS.md` says why.
const WRONG_ROWS: [(&str, usize, usize); 1] = [("github-tasklist/kouko__monkey-skills__1.md", 30, 29)];

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("BREAKDOWN_CORPUS").map(PathBuf::from).filter(|folder| folder.join("manifest.tsv").is_file());
    if folder.is_none() {
        eprintln!("BREAKDOWN_CORPUS names no folder with a manifest.tsv: the real files were not checked");
    }
    folder
}

/// Edges between tasks that are written down, sets counted by their members.
fn explicit_edges(parsed: &Parsed) -> usize {
    let members = |on: &Node| match on {
        Node::Barrier(id) => parsed.plan.barriers.iter().find(|barrier| barrier.id == *id).map_or(0, |barrier| barrier.tasks.len()),
        _ => 1,
    };
    let edges = parsed.plan.tasks.iter().flat_map(|task| &task.depends_on);
    edges.filter(|dependency| dependency.origin == Origin::Explicit).map(|dependency| members(&dependency.on)).sum()
}

#[test]
fn counts_agree_with_the_manifest() {
    let Some(folder) = folder() else { return };
    let manifest = std::fs::read_to_string(folder.join("manifest.tsv")).unwrap();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for row in manifest.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let (file, format) = (cells[0], cells[1]);
        let expected_format = match format {
            "breakdown-agent" => Format::BreakdownAgent,
            "spec-kit" => Format::SpecKit,
            "github-tasklist" => Format::TaskList,
            _ => continue,
        };
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let parsed = parse(&text, None, Deps::Format);
        assert_eq!(parsed, parse(&text, Some(expected_format), Deps::Format), "{file} is not read as {format}");
        let spots = &parsed.outline.tasks;
        let steps: Vec<bool> = spots.iter().flat_map(|spot| spot.steps.iter().map(|(_, ticked)| *ticked)).collect();
        let others = parsed.other_boxes;
        let with_tasks = parsed.plan.streams.iter().filter(|stream| parsed.plan.tasks_of(&stream.id).next().is_some()).count();
        let number = |cell: usize| cells[cell].parse::<usize>().unwrap_or(0);
        let inline_and_section = number(11) + cells[15].split("edges_only_in_section=").nth(1).map_or(0, |n| n.parse().unwrap());
        let section_streams = if expected_format == Format::BreakdownAgent { number(12) } else { 0 };
        let stream_edges: usize = parsed.plan.streams.iter().flat_map(|s| &s.depends_on).filter(|d| d.origin == Origin::Explicit).count();
        let mut check = |what: &str, read: usize, expected: usize| {
            if read != expected {
                wrong.push(format!("{file}: {what}: read {read}, the manifest says {expected}"));
            }
        };
        check("tasks", spots.len(), number(7));
        check("done", spots.iter().filter(|spot| spot.ticked).count(), number(8));
        check("subtasks", steps.len() + others.0, number(9));
        check("subtasks done", steps.iter().filter(|done| **done).count() + others.1, number(10));
        check("written edges", explicit_edges(&parsed), inline_and_section);
        let known = WRONG_ROWS.iter().find(|(name, ..)| *name == file);
        check("phases or streams", with_tasks, known.map_or(number(13), |(_, _, right)| *right));
        if expected_format == Format::BreakdownAgent {
            check("stream edges", stream_edges, section_streams);
        }
        if let Some((_, stated, _)) = known {
            check("phases or streams as stated", *stated, number(13));
        }
        checked += 1;
    }
    assert!(checked > 0 && wrong.is_empty(), "{checked} files\n{}", wrong.join("\n"));
}

#[test]
fn the_complex_example_comes_out_exactly() {
    let Some(folder) = folder() else { return };
    let text = std::fs::read_to_string(folder.join("seed-examples/breakdown-complex.md")).unwrap();
    let parsed = parse(&text, None, Deps::Format);
    let edges: Vec<(String, String)> = parsed
        .plan
        .tasks
        .iter()
        .flat_map(|task| {
            task.depends_on
                .iter()
                .filter_map(|d| if let Node::Task(on) = &d.on { Some((task.id.to_string(), on.to_string())) } else { None })
        })
        .collect();
    let expected = [("2", "1"), ("4", "3"), ("5", "1"), ("5", "3"), ("6", "2"), ("6", "4"), ("6", "5"), ("7", "6"), ("8", "6")];
    assert_eq!(edges, expected.map(|(task, on)| (task.to_owned(), on.to_owned())));
    assert_eq!((parsed.plan.tasks.len(), parsed.plan.streams.len(), parsed.plan.gates.len()), (8, 4, 4));
    let after: Vec<&str> = parsed.plan.gates.iter().flat_map(|gate| gate.after.iter().map(|stream| stream.as_str())).collect();
    assert_eq!(after, ["A", "B", "C", "D"]);
    assert_eq!(parsed.problems, []);
}

/// Every file of the corpus, of whatever format, at any cut: an answer, and no panic.
#[test]
fn never_fails_on_real_files() {
    let Some(folder) = folder() else { return };
    for file in ignore::WalkBuilder::new(folder).standard_filters(false).build().flatten() {
        let Ok(text) = std::fs::read_to_string(file.path()) else { continue };
        for eighth in 0..=8 {
            let cut = text.floor_char_boundary(text.len() * eighth / 8);
            let parsed = parse(&text[..cut], None, Deps::Format);
            for problem in parsed.problems {
                assert!(problem.span.end <= cut.max(1) && problem.span.start <= problem.span.end, "{}: {problem:?}", file.path().display());
            }
        }
    }
}
