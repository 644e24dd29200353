//! OpenSpec's `tasks.md`: `## 1. Group` with `- [ ] 1.1 text`. It has no words for dependencies: order is what it
//! means, group by group. Every box is a task, as its own program counts them.

use super::task_list::{Reader, Style};
use crate::breakdown::detect::Signs;
use crate::breakdown::locations::Locations;
use crate::breakdown::text::Text;
use crate::breakdown::{Confidence, Deps, Parsed};

/// The format.
pub struct OpenSpec;

impl crate::breakdown::Reader for OpenSpec {
    fn recognises(&self, signs: &Signs<'_>) -> Option<Confidence> {
        if signs.path_has(&["openspec/changes/"], "tasks.md") {
            return Some(Confidence::Certain);
        }
        (signs.numbered_headings >= 1 && signs.boxes_with_dotted_number >= 2)
            .then_some(Confidence::Likely)
    }

    fn read(&self, text: &Text<'_>, deps: Deps) -> Parsed {
        let style = Style {
            name: "openspec",
            title_words: &["Implementation Tasks", "Tasks", "Implementation Checklist"],
            lane: None,
            deep_lanes: true,
            only_in: None,
            has_other_boxes: false,
            lanes_in_order: true,
        };
        let mut reader = Reader::new(text, &style);
        reader.read();
        reader.finish(deps)
    }

    fn locations(&self) -> Locations {
        Locations { below: &[("openspec/changes", "tasks.md")], ..Locations::NONE }
    }
}
