//! Whose text is whose, by a proof that does not trust the readers: a word that stands nowhere else is planted into every
//! paragraph, item and line of code, and has to reach whoever does the work.

use crate::reading::folder;
use crate::support::Workspace;
use execution_coordinator::breakdown::owners::Owner;
use execution_coordinator::breakdown::source::Source;
use execution_coordinator::breakdown::{Deps, Format, Input, Parsed, parse};
use execution_coordinator::core::brief::texts;
use execution_coordinator::core::id::TaskId;
use execution_coordinator::engine::texts::prose;
use expect_test::expect;
use std::collections::BTreeMap;
use std::ops::Range;

type Files = Vec<(String, Range<usize>)>;

/// A text with a word at the end of each line for which `wanted` is so, and the places of the words.
fn planted(
    text: &str,
    files: &Files,
    wanted: impl Fn(&str) -> bool,
) -> (String, Files, Vec<(String, usize)>) {
    let (mut out, mut ranges, mut words) = (String::new(), Vec::new(), Vec::new());
    let whole = vec![(String::new(), 0..text.len())];
    for (path, range) in if files.is_empty() { &whole } else { files } {
        let start = out.len();
        let is_tree = [".json", ".jsonl", ".yaml", ".yml"].iter().any(|end| path.ends_with(end))
            || text[range.clone()].trim_start().starts_with('{');
        if path.ends_with(".json")
            || path.ends_with(".jsonl")
            || text[range.clone()].trim_start().starts_with('{')
        {
            plant_in_strings(&text[range.clone()], &mut out, &mut words);
        }
        let (mut front, mut comment) = (false, false);
        let lines = if out.len() > start { "" } else { &text[range.clone()] };
        for (nth, line) in lines.split_inclusive('\n').enumerate() {
            let body = line.trim();
            front = if front {
                body != "---"
            } else {
                nth == 0 && body.trim_start_matches('\u{feff}') == "---"
            };
            comment = (comment || body.starts_with("<!--")) && !body.contains("-->");
            let is_text = body.contains(char::is_alphanumeric)
                && !body.starts_with(['#', '|', '`', '~', '<', '{', '[']);
            if is_text && !front && !comment && !is_tree && body != "---" && wanted(body) {
                let bare = line.trim_end();
                let word = format!("zq{}qz", words.len());
                words.push((word.clone(), out.len() + bare.len() + 1));
                out.push_str(&format!("{bare} {word}{}", &line[bare.len()..]));
            } else {
                out.push_str(line);
            }
        }
        ranges.push((path.clone(), start..out.len()));
    }
    (out, if files.is_empty() { Vec::new() } else { ranges }, words)
}

/// A word at the end of each string of JSON that is a value of several words.
fn plant_in_strings(text: &str, out: &mut String, words: &mut Vec<(String, usize)>) {
    let mut rest = text;
    while let Some(open) = rest.find('"') {
        let (before, string) = rest.split_at(open + 1);
        out.push_str(before);
        let mut escaped = false;
        let close = string.find(|c| match c {
            _ if std::mem::take(&mut escaped) => false,
            '\\' => {
                escaped = true;
                false
            }
            c => c == '"',
        });
        let Some(close) = close else { return out.push_str(string) };
        out.push_str(&string[..close]);
        let is_key = string[close + 1..].trim_start().starts_with(':');
        if !is_key && string[..close].contains(' ') {
            let word = format!("zq{}qz", words.len());
            words.push((word.clone(), out.len() + 1));
            out.push_str(&format!(" {word}"));
        }
        out.push('"');
        rest = &string[close + 1..];
    }
    out.push_str(rest);
}

fn ids(parsed: &Parsed) -> Vec<&TaskId> {
    parsed.plan.tasks.iter().map(|task| &task.id).collect()
}

/// Every word that was planted reaches the brief of the task above it or, where it is a group's or the plan's, of the one
/// below it; or it is said to be unused. Gives how many words there were.
pub fn words_arrive(text: &str, files: &Files, format: Option<Format>) -> usize {
    let before = parse(Input { text, files }, format, Deps::Format);
    if before.plan.tasks.is_empty() {
        return 0;
    }
    let format = before.read_as.map(|found| found.format);
    let tries: [&dyn Fn(&str) -> bool; 3] =
        [&|_| true, &|line| !line.contains([':', '：', '→']), &|line| {
            !line.contains([':', '：', '→', '(', '*'])
        }];
    for wanted in tries {
        let (text, files, words) = planted(text, files, wanted);
        let parsed = parse(Input { text: &text, files: &files }, format, Deps::Format);
        // A word can make another task of a line, or none.
        if ids(&parsed) == ids(&before) {
            arrive(&text, &files, &parsed, &words);
            return words.len();
        }
    }
    0
}

fn arrive(text: &str, files: &Files, parsed: &Parsed, words: &[(String, usize)]) {
    let source = Source { files: files.clone(), ..Source::of_text("text", text.to_owned()) };
    let (prose, ..) = prose(parsed, &source);
    let told = |task: &TaskId| {
        texts(&prose, Some(task))
            .iter()
            .map(|of| &text[of.range.clone()])
            .collect::<Vec<_>>()
            .join("\n")
    };
    let told: BTreeMap<&TaskId, String> =
        parsed.plan.tasks.iter().map(|task| (&task.id, told(&task.id))).collect();
    let file = |at: usize| files.iter().position(|(_, range)| range.contains(&at));
    for (word, at) in words {
        let unused = parsed
            .outline
            .ownership
            .ranges()
            .any(|(range, owner)| range.contains(at) && matches!(owner, Owner::Unused(_)));
        let task_items = || {
            parsed.outline.tasks.iter().filter(|task_item| file(task_item.span.start) == file(*at))
        };
        let above = task_items()
            .filter(|task_item| task_item.span.start <= *at)
            .max_by_key(|task_item| task_item.span.start);
        let below = task_items()
            .filter(|task_item| task_item.span.start > *at)
            .min_by_key(|task_item| task_item.span.start);
        let line = text[..*at].lines().last().unwrap_or_default();
        let arrives = |id: &TaskId| told[id].contains(word.as_str());
        let found = match (above, below) {
            _ if unused => true,
            // A file of its own may be that of one task, or of all.
            (None, None) => told.keys().any(|id| arrives(id)),
            (above, below) => above.iter().chain(&below).any(|task_item| arrives(&task_item.id)),
        };
        assert!(
            found,
            "`{line}` reaches nobody (above {:?}, below {:?})\n{text}",
            above.map(|task_item| &task_item.id),
            below.map(|task_item| &task_item.id)
        );
    }
}

#[test]
fn every_word_of_the_examples_reaches_somebody() {
    for text in [
        include_str!("../../examples/api-integration/breakdown.md"),
        include_str!("../../examples/chat-system/breakdown.md"),
        include_str!("../../examples/commands/breakdown.md"),
    ] {
        assert!(words_arrive(text, &Vec::new(), None) > 10);
    }
}

#[test]
fn a_file_of_a_task_is_its_own_and_an_epic_is_everybodys() {
    let (text, files) = folder(&[
        ("epic.md", "---\nname: shop\n---\n# Epic: Shop\n\nAll of it.\n"),
        (
            "001.md",
            "---\nname: Types\nstatus: open\ncreated: 2026-01-01T00:00:00Z\ndepends_on: []\nparallel: true\n---\n\n## Notes\n\nUse u32.\n\n```rust\nlet a = 1;\n```\n",
        ),
        (
            "002.md",
            "---\nname: Reader\nstatus: open\ncreated: 2026-01-01T00:00:00Z\ndepends_on: [001]\nparallel: true\n---\n\nRead it.\n",
        ),
    ]);
    assert_eq!(words_arrive(&text, &files, None), 4);
}

#[test]
fn the_program_says_how_much_of_a_text_is_whose() {
    let long = "Words. ".repeat(20_000);
    let text = format!(
        "# Shop\n\n<!-- a note -->\n\nKeep it small.\n\n## Phase 1: Base\n\nThe base.\n\n- [ ] T001 Types\n\n  {long}\n\n- [ ] T002 Reader\n"
    );
    let workspace = Workspace::with(&[("plan.md", &text)]);
    let run = workspace.run(&["check", "--coverage", "plan.md"]);
    expect![[r#"
        plan.md: spec-kit (certain): 2 tasks (0 done), 0 edges, 1 group
        plan.md: 100 % of the text belongs to tasks, 0 % to groups, 0 % to the plan, 0 % to nobody
        plan.md: briefs hold 70.2 % of what belongs to tasks: raise `limit_kb`, or divide what is longest
        plan.md:3-3: unused: a comment
    "#]]
    .assert_eq(&run.stdout);
    let run = workspace.run(&["check", "--coverage", "--format", "json", "plan.md"]);
    let coverage: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let of = &coverage["coverage"][0];
    assert_eq!(
        of["unused"][0],
        serde_json::json!({"file": "plan.md", "firstLine": 3, "lastLine": 3, "reason": "a comment"})
    );
    assert!(
        of["tasksToldBytes"].as_u64() < of["tasksBytes"].as_u64()
            && of["groupsBytes"].as_u64() > Some(0),
        "{of}"
    );
    // What is in a brief says so.
    let one = Workspace::with(&[("plan.md", "# Shop\n\n- [ ] T001 Types\n- [ ] T002 Reader\n")]);
    assert!(!one.run(&["check", "--coverage", "plan.md"]).stdout.contains("limit_kb"));
}
