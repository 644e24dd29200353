//! Plans of loom: `## Task 1 — title [DONE — …]` with bullets for everything, dependencies among them. An open
//! question (`OQ-1 [OPEN]`) is a gate before all work.

use crate::breakdown::build::Builder;
use crate::breakdown::detect::Signs;
use crate::breakdown::forms::{numbered, numbered_task};
use crate::breakdown::headings::{self, Style};
use crate::breakdown::problem::Problem;
use crate::breakdown::status::status;
use crate::breakdown::text::{Line, Text};
use crate::breakdown::{Confidence, Deps, Parsed};

/// The format.
pub struct Loom;

impl crate::breakdown::Reader for Loom {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        (signs.task_headings >= 1 && signs.independent >= 1 && signs.dependency_fields >= 1)
            .then_some(Confidence::Certain)
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let mut build = Builder::new(text, "loom");
        build.read_topic(&["Plan:", "Plan"]);
        let lines: Vec<Line<'_>> = text.visible().map(|(_, line)| line).collect();
        let fields = |name: &str| {
            matches!(
                name,
                "description"
                    | "files touched"
                    | "acceptance"
                    | "dependencies"
                    | "skills"
                    | "agent"
                    | "context paths"
                    | "module"
            )
        };
        let style =
            Style { task: &numbered_task, lane: &|_| None, field: &fields, boxes_are_steps: false };
        let sections = headings::read(&mut build, &lines, &style);
        for (ix, section) in sections.iter().enumerate() {
            // `[DONE — Wave 1, kept]` behind the title, or a field that says more.
            if let Some((title, state)) =
                section.heading.rsplit_once('[').filter(|_| section.heading.ends_with(']'))
            {
                let state = state.trim_end_matches(']');
                let state = state.trim_start_matches("RESOLVED").trim();
                // A field says more than the heading does.
                if !section
                    .fields
                    .iter()
                    .any(|field| field.name == "status" && status(&field.value).is_some())
                {
                    build.status(ix, state);
                }
                if status(state).is_some() {
                    let bare = numbered(title, "Task").map_or(title.to_owned(), |(_, title)| title);
                    build.plan.tasks[ix].title = bare.trim().to_owned();
                }
            }
        }
        questions(&mut build, &lines);
        build.keep_order(&[]);
        build.finish(deps)
    }
}

/// Questions that nobody has answered yet.
fn questions(build: &mut Builder<'_>, lines: &[Line<'_>]) {
    let mut open = Vec::new();
    for line in lines {
        let Some(item) = line.item().filter(|item| item.text.starts_with("OQ-")) else { continue };
        if item.text.contains("[OPEN]") {
            let id = item.text.split_whitespace().next().unwrap_or("OQ");
            let span = item.start..item.start + item.text.len();
            open.push(id.to_owned());
            build.problems.push(Problem::warning(
                "open-question",
                span,
                format!("{id} is open: no task is begun before it is resolved"),
            ));
        }
    }
    if !open.is_empty() {
        let why = format!("{} is open: resolve it in the plan", open.join(", "));
        for task in &mut build.plan.tasks {
            task.broken.get_or_insert_with(|| why.clone());
        }
    }
}
