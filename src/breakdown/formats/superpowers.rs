//! Plans of superpowers: `### Task 1: Name` with files, interfaces and boxed steps, huge fences between them. Tasks
//! come one after the other; the steps tell the agent to write the test first.

use crate::breakdown::build::Builder;
use crate::breakdown::detect::Signs;
use crate::breakdown::forms::{numbered, numbered_task};
use crate::breakdown::headings::{self, Style};
use crate::breakdown::text::{Line, Text};
use crate::breakdown::{Confidence, Deps, Parsed};

/// The format.
pub struct Superpowers;

impl crate::breakdown::Reader for Superpowers {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        let steps = signs.boxes_of_steps >= 2 && signs.task_headings >= 1;
        if signs.has_skill_line || steps {
            return Some(Confidence::Certain);
        }
        let plan = signs
            .paths
            .iter()
            .any(|path| path.contains("docs/plans/") || path.contains("superpowers/plans/"));
        (signs.task_headings >= 2
            && (plan || signs.dependency_fields == 0 && signs.named_streams == 0))
            .then_some(Confidence::Likely)
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let mut build = Builder::new(text, "superpowers");
        build.read_topic(&["Implementation Plan", "implementation plan", "Plan"]);
        let lines: Vec<Line<'_>> = text.visible().map(|(_, line)| line).collect();
        let style = Style {
            task: &numbered_task,
            lane: &|heading| {
                let (id, name) =
                    numbered(heading, "Phase").or_else(|| numbered(heading, "Chunk"))?;
                Some((format!("{} {id}", heading.split(' ').next().unwrap_or_default()), name))
            },
            // What stands in the steps is told to the agent, and is nothing for us.
            field: &|name| {
                matches!(
                    name,
                    "files"
                        | "dependencies"
                        | "depends on"
                        | "blocked by"
                        | "goal"
                        | "objective"
                        | "estimate"
                        | "run"
                        | "command"
                )
            },
            boxes_are_steps: true,
        };
        headings::read(&mut build, &lines, &style);
        build.keep_order(&[]);
        build.streams_in_order();
        build.finish(deps)
    }
}
