//! Step plans: `### Step 1: title ✅` with boxes below it, and prose around. Steps come one after the other.

use super::task_list::{Reader, Style};
use crate::breakdown::detect::Signs;
use crate::breakdown::problem::Problem;
use crate::breakdown::text::{Text, clean_title};
use crate::breakdown::{Confidence, Deps, Parsed};
use crate::core::id::StreamId;
use foldhash::HashMap;
use std::collections::BTreeMap;

/// The format.
pub struct StepPlan;

impl crate::breakdown::Reader for StepPlan {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        (signs.step_headings >= 1 && signs.boxes >= 1).then_some(Confidence::Likely)
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let style = Style {
            name: "step-plan",
            title_words: &["Implementation Plan", "Plan"],
            lane: Some(step),
            deep_lanes: false,
            only_in: None,
            has_other_boxes: true,
            lanes_in_order: true,
        };
        let mut reader = Reader::new(text, &style);
        reader.read();
        let build = &mut reader.build;
        let done: HashMap<StreamId, usize> = build
            .plan
            .streams
            .iter()
            .enumerate()
            .filter(|(_, stream)| is_complete(&stream.name))
            .map(|(ix, stream)| (stream.id.clone(), ix))
            .collect();
        let mut open: BTreeMap<usize, usize> = BTreeMap::new();
        for (_, task) in
            build.plan.tasks.iter().enumerate().filter(|(ix, _)| !build.marks.contains_key(ix))
        {
            if let Some(step) = task.stream.as_ref().and_then(|stream| done.get(stream)) {
                *open.entry(*step).or_default() += 1;
            }
        }
        for (step, count) in open {
            let (id, span) = build.outline.streams[step].clone();
            let what = format!(
                "{id} says that it is complete, but {count} of its boxes are open: the boxes count"
            );
            build.problems.push(Problem::warning("two-truths", span, what));
        }
        for stream in &mut build.plan.streams {
            stream.name = clean_title(&stream.name);
        }
        reader.finish(deps)
    }
}

/// `Step 1: Title`, `Phase 2: Title` → its key and its name.
fn step(heading: &str) -> Option<(String, String)> {
    let word = ["Step ", "Phase "].into_iter().find(|word| heading.starts_with(word))?;
    let rest = &heading[word.len()..];
    let len = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'.').count();
    let digit = rest.starts_with(|c: char| c.is_ascii_digit());
    digit.then(|| {
        (
            format!("{word}{}", rest[..len].trim_end_matches('.')),
            rest[len..].trim_start_matches([':', '.', ' ', '-', '—']).to_owned(),
        )
    })
}

fn is_complete(name: &str) -> bool {
    let name = name.trim_end();
    name.ends_with('✅')
        || name.to_uppercase().ends_with("COMPLETED")
        || name.to_uppercase().ends_with("COMPLETE")
}
