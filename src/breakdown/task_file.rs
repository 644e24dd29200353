//! What stands in a file that is one task: sections whose names say what they hold. Its boxes are conditions of the
//! task, never tasks of their own.

use super::build::Builder;
use super::outline::Detail;
use super::text::boxed;
use super::text::{Line, clean_title};
use super::values::file_name;
use std::ops::Range;

/// Bytes that are taken of a section of prose.
const MAX_PROSE: usize = 4_000;

/// What a section holds.
#[derive(Clone, Copy, PartialEq)]
enum Holds {
    Objective,
    Criteria,
    Tests,
    Files,
    Other,
}

impl Holds {
    fn from_heading(heading: &str) -> Self {
        let lower = heading.to_lowercase();
        let is = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        if is(&["acceptance", "definition of done", "success criteria", "done when"]) {
            Self::Criteria
        } else if is(&["testing", "test requirements", "test strategy"]) {
            Self::Tests
        } else if is(&["files to ", "files touched", "affected files", "key files"])
            || lower == "files"
        {
            Self::Files
        } else if is(&["description", "objective", "goal", "user story"])
            || ["overview", "summary", "story"].contains(&lower.as_str())
        {
            Self::Objective
        } else {
            Self::Other
        }
    }
}

/// Takes what the sections of some lines say of a task.
pub fn read(build: &mut Builder<'_>, ix: usize, lines: &[Line<'_>]) {
    let mut holds = Holds::Other;
    let mut level_of = 0;
    let (mut prose, mut place): (String, Option<Range<usize>>) = (String::new(), None);
    for line in lines {
        if let Some((level, _, heading)) = line.heading() {
            let here = Holds::from_heading(heading);
            // What lies below a section is the section's own, unless its name says otherwise.
            if here != Holds::Other || level <= level_of {
                (holds, level_of) = (here, level);
            }
            continue;
        }
        if let Some((_, tick)) = boxed(line) {
            build.other_box(&tick);
            if holds == Holds::Criteria {
                build.detail(
                    ix,
                    Detail::Criteria,
                    &without_number(tick.rest),
                    line.end() - tick.rest.trim_end().len()..line.end(),
                );
            }
            continue;
        }
        let (start, body) = line.trimmed();
        match (holds, line.item()) {
            (Holds::Criteria, Some(item)) => {
                build.detail(ix, Detail::Criteria, &clean_title(item.text), item.start..line.end())
            }
            (Holds::Tests, Some(item)) => {
                build.detail(ix, Detail::Tests, &clean_title(item.text), item.start..line.end())
            }
            (Holds::Files, Some(item)) => {
                let first = item.text.split([' ', '—']).next().unwrap_or_default();
                build.detail(
                    ix,
                    Detail::Files,
                    &file_name(first),
                    item.start..item.start + first.len(),
                );
            }
            (Holds::Objective, _) if prose.len() < MAX_PROSE && !body.is_empty() => {
                prose.push_str(body);
                prose.push('\n');
                place = Some(place.map_or(start, |place| place.start)..line.end());
            }
            _ => {}
        }
    }
    if let Some(place) = place {
        let before = std::mem::take(&mut build.plan.tasks[ix].objective);
        build.detail(ix, Detail::Objective, format!("{before}\n{prose}").trim(), place);
    }
}

/// `#1 Text` → the text.
fn without_number(text: &str) -> String {
    let bare = text
        .strip_prefix('#')
        .map_or(text, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    clean_title(bare)
}
