//! rune's task files: numbered boxes with `<!-- id:abc1234 -->`, by which `Blocked-by` names them; phases are
//! headings; `Stream: 2` is a lane for one agent, which nothing waits for.

use super::task_list::{Reader, Style};
use crate::breakdown::build::Waiting;
use crate::breakdown::detect::Signs;
use crate::breakdown::forms::stable_id;
use crate::breakdown::text::Text;
use crate::breakdown::{Confidence, Deps, Parsed};
use foldhash::{HashSet, HashSetExt};

/// The format.
pub struct Rune;

impl crate::breakdown::Reader for Rune {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        let refers = signs.front_has(&["references"]) && signs.boxes > 0;
        if signs.stable_ids >= 2 || (signs.rune_fields >= 2 && signs.stable_ids >= 1) {
            Some(Confidence::Certain)
        } else {
            (refers || signs.rune_fields >= 2 && signs.boxes > 0).then_some(Confidence::Likely)
        }
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let style = Style {
            name: "rune",
            title_words: &["Tasks"],
            lane: None,
            deep_lanes: false,
            only_in: None,
            has_other_boxes: false,
            lanes_in_order: false,
        };
        let mut reader = Reader::new(text, &style);
        reader.read();
        let build = &mut reader.build;
        for (ix, task) in reader.tasks.iter().enumerate() {
            if let Some((_, id)) = stable_id(task.title) {
                build.alias(ix, id);
            }
        }
        // A part that is named means the task that it is of.
        for ix in 0..build.plan.tasks.len() {
            let steps: Vec<_> =
                build.outline.tasks[ix].steps.iter().map(|step| step.span.clone()).collect();
            for id in
                steps.into_iter().filter_map(|range| stable_id(&text.all[range])).map(|(_, id)| id)
            {
                build.alias(ix, id);
            }
        }
        // The builder has read them as prose, in which such ids are no ids.
        let blocked = |text: &str| {
            text.trim_start()
                .strip_prefix(['-', '*', '+'])?
                .strip_prefix(" Blocked-by:")
                .map(str::len)
        };
        build
            .waits
            .retain(|wait| !matches!(wait.who, Waiting::Task(ix) if reader.tasks[ix].region.iter().any(|l| blocked(l.text).is_some())));
        for (ix, task) in reader.tasks.iter().enumerate() {
            for line in &task.region {
                let Some(len) = blocked(line.text) else { continue };
                let start = line.start + line.text.len() - len;
                let mut seen = HashSet::new();
                for (at, id) in ids(&text.all[start..line.start + line.text.len()]) {
                    if seen.insert(id) {
                        build.waits_exactly(
                            Waiting::Task(ix),
                            id,
                            start + at..start + at + id.len(),
                        );
                    }
                }
            }
        }
        reader.finish(deps)
    }
}

/// `abc1234 (its title, with commas), def5678` → the ids, with where they stand.
fn ids(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut depth, mut from) = (0_usize, None);
    for (at, c) in text.char_indices().chain([(text.len(), ',')]) {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let of_id = depth == 0 && c.is_ascii_alphanumeric();
        match (from, of_id) {
            (None, true) => from = Some(at),
            (Some(start), false) => {
                found.push((start, &text[start..at]));
                from = None;
            }
            _ => {}
        }
    }
    found
}
