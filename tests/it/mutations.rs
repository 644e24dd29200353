//! The same breakdown as other editors and other people would have saved it: what is planned stays the same, or a problem
//! says what changed.

use execution_coordinator::breakdown::{Deps, Input, Parsed, parse};
use execution_coordinator::core::plan::Dependency;
use std::collections::BTreeSet;
use std::ops::Range;

type Files = Vec<(String, Range<usize>)>;

/// Changes each line of a Markdown file, by whether it is in a fence.
fn by_line(text: &str, change: impl Fn(&str) -> String) -> String {
    let mut fence: Option<String> = None;
    let mut out = String::new();
    for piece in text.split_inclusive('\n') {
        let line = piece.trim_end_matches(['\n', '\r']);
        let mark: String =
            line.trim_start().chars().take_while(|c| matches!(c, '`' | '~')).collect();
        let begins = fence.is_none() && mark.len() >= 3;
        let ends =
            fence.as_ref().is_some_and(|open| mark.len() >= open.len() && line.trim() == mark);
        if fence.is_none() && !begins {
            out.push_str(&change(line));
        } else {
            out.push_str(line);
        }
        out.push_str(&piece[line.len()..]);
        fence = if begins { Some(mark) } else { fence.filter(|_| !ends) };
    }
    out
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

fn heading(line: &str, change: impl Fn(usize, &str) -> String) -> String {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    if (1..=6).contains(&level) && line[level..].starts_with(' ') {
        change(level, &line[level + 1..])
    } else {
        line.to_owned()
    }
}

type Mutation = (&'static str, fn(&str) -> String);

/// What is done to a file, with its name.
const MUTATIONS: [Mutation; 15] = [
    ("line ends of Windows", |text| text.replace("\r\n", "\n").replace('\n', "\r\n")),
    ("a mark of the encoding", |text| format!("\u{feff}{}", text.trim_start_matches('\u{feff}'))),
    ("tabs", |text| {
        by_line(text, |line| {
            let blanks = indent(line);
            format!("{}{}", blanks.replace("  ", "\t"), &line[blanks.len()..])
        })
    }),
    ("other bullets", |text| {
        by_line(text, |line| {
            let (blanks, body) = (indent(line), line.trim_start());
            body.strip_prefix("- ").map_or(line.to_owned(), |rest| format!("{blanks}* {rest}"))
        })
    }),
    ("signs before headings", |text| {
        by_line(text, |line| {
            heading(line, |level, rest| format!("{} 🚀 {rest}", "#".repeat(level)))
        })
    }),
    ("deeper headings", |text| {
        by_line(text, |line| {
            heading(line, |level, rest| format!("{} {rest}", "#".repeat((level + 1).min(6))))
        })
    }),
    ("higher headings", |text| {
        by_line(text, |line| {
            heading(line, |level, rest| {
                format!("{} {rest}", "#".repeat(if level > 2 { level - 1 } else { level }))
            })
        })
    }),
    ("blanks that don't break", |text| by_line(text, |line| line.replace("[ ] ", "[\u{a0}] "))),
    ("blanks without width", |text| {
        by_line(text, |line| line.replace("[ ] ", "[ ] \u{200b}").replace("[x] ", "[x\u{fe0f}] "))
    }),
    ("a folded section", |text| {
        let at = text.find('\n').map_or(text.len(), |at| at + 1);
        format!(
            "{}\n<details>\n<summary>All</summary>\n\n{}\n</details>\n",
            &text[..at],
            &text[at..]
        )
    }),
    ("quotations", |text| by_line(text, |line| format!("> {line}"))),
    ("comments", |text| {
        by_line(text, |line| {
            heading(line, |level, rest| {
                format!("{} {rest}\n\n<!-- a note\nof two lines -->\n", "#".repeat(level))
            })
        })
    }),
    ("code by its margin", |text| {
        let at = text.find("\n\n").map_or(text.len(), |at| at + 2);
        format!("{}    - [ ] 99. Not a task\n\n{}", &text[..at], &text[at..])
    }),
    ("merged lines", |text| {
        let boxes: Vec<usize> = text.match_indices("\n- [ ] ").map(|(at, _)| at).collect();
        match boxes.windows(2).find(|two| !text[two[0] + 1..two[1]].contains('\n')) {
            Some(two) => format!("{} {}", &text[..two[1]], &text[two[1] + 1..]),
            None => text.to_owned(),
        }
    }),
    ("blank lines at the end", |text| format!("{text}\n\n   \n")),
];

/// Where a task has no id, its line is its number: `L12` says nothing about what is planned.
fn without_lines(text: &str) -> String {
    let is_line = |word: &str| {
        word.strip_prefix('L')
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    text.split_inclusive(|c: char| !c.is_alphanumeric())
        .map(|piece| {
            let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
            if is_line(word) { format!("L{}", &piece[word.len()..]) } else { piece.to_owned() }
        })
        .collect()
}

/// What is planned, without places.
fn planned(parsed: &Parsed, streams: bool) -> String {
    let plan = &parsed.plan;
    let bare = |text: &str| text.replace("🚀", "").split_whitespace().collect::<Vec<_>>().join(" ");
    let on =
        |list: &[Dependency]| list.iter().map(|of| bare(&format!("{of:?}"))).collect::<Vec<_>>();
    let mut out = String::new();
    for stream in plan.streams.iter().filter(|_| streams) {
        out += &format!("[{}] {:?}\n", bare(&stream.name), on(&stream.depends_on));
    }
    for task in &plan.tasks {
        out += &format!(
            "{} {} {:?} {:?} {:?}\n",
            task.id,
            bare(&task.title),
            on(&task.depends_on),
            parsed.marks.get(&task.id),
            task.command
        );
    }
    without_lines(&out)
}

/// What problems there are, with the lines they are of.
fn told(parsed: &Parsed, text: &str) -> BTreeSet<(&'static str, String, String)> {
    let line = |at: usize| {
        text[..at].rfind('\n').map_or(0, |end| end + 1)
            ..text[at..].find('\n').map_or(text.len(), |end| at + end)
    };
    let of = |at: usize| {
        text[line(at)]
            .replace('\u{a0}', " ")
            .chars()
            .filter(|c| c.is_alphanumeric() || *c == ' ')
            .collect::<String>()
    };
    let bare = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    parsed
        .problems
        .iter()
        .map(|problem| {
            (problem.code, without_lines(&problem.message), bare(of(problem.span.start)))
        })
        .collect()
}

/// Each change of the files leaves what is planned as it is, or is told.
pub fn same_or_told(text: &str, files: &Files) {
    let before = parse(Input { text, files }, None, Deps::Format);
    if before.plan.tasks.is_empty()
        || before.problems.iter().any(|problem| problem.code == "git-conflict")
    {
        return;
    }
    for (name, change) in MUTATIONS {
        let (mut changed, mut ranges) = (String::new(), Vec::new());
        for (path, range) in files {
            let start = changed.len();
            let body = &text[range.clone()];
            let markdown = path.ends_with(".md") && !body.trim_start().starts_with('{');
            // Front matter begins a file.
            let front = body
                .strip_prefix("---\n")
                .and_then(|rest| rest.find("\n---\n"))
                .map_or(0, |at| at + 9);
            match markdown {
                true if name == "a mark of the encoding" && front > 0 => {
                    changed.push_str(&change(body))
                }
                true => changed.push_str(&(body[..front].to_owned() + &change(&body[front..]))),
                false => changed.push_str(body),
            }
            ranges.push((path.clone(), start..changed.len()));
        }
        let after = parse(Input { text: &changed, files: &ranges }, None, Deps::Format);
        // The title of a file that moved may be the title of a lane: its tasks are the same.
        let streams = !name.ends_with("headings") || name.starts_with("signs");
        let same = planned(&before, streams) == planned(&after, streams);
        let new: Vec<_> =
            told(&after, &changed).difference(&told(&before, text)).cloned().collect();
        assert!(
            same || !new.is_empty(),
            "{name}:\n{}\n--- was\n{}\n--- of\n{changed}",
            planned(&after, streams),
            planned(&before, streams)
        );
    }
}
