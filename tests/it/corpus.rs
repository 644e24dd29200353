//! Breakdowns with counts made by hand: our own in `tests/corpus`, and real files, which are not part of this project:
//! `BREAKDOWN_CORPUS` names a folder that has them.

use execution_coordinator::breakdown::{Deps, parse};
use execution_coordinator::breakdown::{folder, source};
use execution_coordinator::core::plan::Node;
use std::path::{Path, PathBuf};

fn corpus() -> PathBuf {
    PathBuf::from(
        std::env::var_os("BREAKDOWN_CORPUS")
            .expect("BREAKDOWN_CORPUS names a folder with a manifest.tsv"),
    )
}

/// Compares our counts with those made by hand; each difference has to have its reason in a file. Gives the table.
fn compare(folder: &Path, reasons: Option<&str>) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/formats/compare.py");
    let run = std::process::Command::new("python3")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_execution-coordinator"))
        .arg(folder)
        .args(reasons)
        .output()
        .unwrap();
    let (out, errors) =
        (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}\n{errors}");
    out.into_owned()
}

#[test]
fn counts_of_our_own_breakdowns_agree_with_the_manifest() {
    let table = compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"), None);
    assert!(table.contains("agree, 0 differ") && table.lines().count() > 8, "{table}");
}

#[test]
#[ignore = "needs BREAKDOWN_CORPUS"]
fn counts_agree_with_the_manifest() {
    let reasons = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/formats/reasons.tsv");
    let table = compare(&corpus(), Some(reasons));
    assert!(table.lines().count() > 50, "{table}");
}

#[test]
#[ignore = "needs BREAKDOWN_CORPUS"]
fn the_complex_example_comes_out_exactly() {
    let folder = corpus();
    let text = std::fs::read_to_string(folder.join("seed-examples/breakdown-complex.md")).unwrap();
    let parsed = parse(&text, None, Deps::Format);
    let edges: Vec<(String, String)> = parsed
        .plan
        .tasks
        .iter()
        .flat_map(|task| {
            task.depends_on.iter().filter_map(|d| {
                if let Node::Task(on) = &d.on {
                    Some((task.id.to_string(), on.to_string()))
                } else {
                    None
                }
            })
        })
        .collect();
    let expected = [
        ("2", "1"),
        ("4", "3"),
        ("5", "1"),
        ("5", "3"),
        ("6", "2"),
        ("6", "4"),
        ("6", "5"),
        ("7", "6"),
        ("8", "6"),
    ];
    assert_eq!(edges, expected.map(|(task, on)| (task.to_owned(), on.to_owned())));
    assert_eq!(
        (parsed.plan.tasks.len(), parsed.plan.streams.len(), parsed.plan.gates.len()),
        (8, 4, 4)
    );
    let after: Vec<&str> = parsed
        .plan
        .gates
        .iter()
        .flat_map(|gate| gate.after.iter().map(|stream| stream.as_str()))
        .collect();
    assert_eq!(after, ["A", "B", "C", "D"]);
    assert_eq!(parsed.problems, []);
}

/// What is done can be written into real files of each format that has a place for it, and changes nothing else; and
/// what their tasks say stands where it is said to stand.
#[test]
#[ignore = "needs BREAKDOWN_CORPUS"]
fn one_mark_is_all_that_is_written() {
    let folder = corpus();
    let manifest = std::fs::read_to_string(folder.join("manifest.tsv")).unwrap();
    let (mut written, mut placed) = (0, 0);
    for row in manifest.lines().skip(1) {
        let source = source::read(&folder.join(row.split('\t').next().unwrap())).unwrap();
        written += crate::reading::written_back(&source.text, &source.files);
        placed += crate::reading::placed(&source.text, &source.files);
        if source.text.len() < 100_000 {
            crate::reading::converted(&source.text, &source.files);
        }
    }
    assert!(written > 400 && placed > 5_000, "{written}, {placed}");
}

/// Every file of the corpus, of whatever format, at any cut: an answer, and no panic.
#[test]
#[ignore = "needs BREAKDOWN_CORPUS"]
fn never_fails_on_real_files() {
    let folder = corpus();
    for file in ignore::WalkBuilder::new(folder).standard_filters(false).build().flatten() {
        let Ok(text) = std::fs::read_to_string(file.path()) else { continue };
        for eighth in 0..=8 {
            let cut = text.floor_char_boundary(text.len() * eighth / 8);
            let parsed = parse(&text[..cut], None, Deps::Format);
            for problem in parsed.problems {
                assert!(
                    problem.span.end <= cut.max(1) && problem.span.start <= problem.span.end,
                    "{}: {problem:?}",
                    file.path().display()
                );
            }
        }
    }
}

/// Every file of a folder that is a breakdown knows that it is of it, and files beside them are of none.
#[test]
#[ignore = "needs BREAKDOWN_CORPUS"]
fn files_know_their_folders() {
    let folder = corpus();
    let mut known = 0;
    for entry in ignore::WalkBuilder::new(folder).standard_filters(false).build().flatten() {
        let Some(inner) = folder::files(entry.path()) else { continue };
        for file in ignore::WalkBuilder::new(entry.path())
            .build()
            .flatten()
            .filter(|file| file.path().is_file())
        {
            let name = file.path().strip_prefix(entry.path()).unwrap().to_str().unwrap();
            let of = folder::breakdown_of(file.path());
            assert_eq!(
                of == entry.path(),
                inner.iter().any(|known| known == name),
                "{}",
                file.path().display()
            );
            known += usize::from(of == entry.path());
        }
    }
    assert!(known > 300, "{known}");
}

/// Every word of real files reaches who does the work, or is said to be nobody's.
#[test]
#[ignore = "needs BREAKDOWN_CORPUS"]
fn every_word_of_real_files_arrives() {
    let folder = corpus();
    let manifest = std::fs::read_to_string(folder.join("manifest.tsv")).unwrap();
    let mut words = 0;
    for row in manifest.lines().skip(1) {
        let source = source::read(&folder.join(row.split('\t').next().unwrap())).unwrap();
        words += crate::ownership::words_arrive(&source.text, &source.files, None);
    }
    assert!(words > 19_000, "{words}");
}
