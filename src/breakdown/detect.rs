//! Which format a text is in.

use super::Format;
use super::breakdown_agent::{numbered_box, numbered_title};
use super::refs::id_len;
use super::text::{Text, tick};

/// What a text seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected {
    /// The first format whose signs it shows; a plain list of boxes otherwise.
    pub format: Format,
    /// Whether the signs are such that nothing but a breakdown has them.
    pub sure: bool,
}

/// Looks for the signs of each format.
pub fn detect(text: &Text<'_>) -> Detected {
    let (mut spec_kit, mut numbered_boxes, mut streams, mut titles, mut long_form) = (0, 0, 0, 0, 0);
    for (_, line) in text.visible() {
        if let Some((level, _, heading)) = line.heading() {
            let lane = heading.starts_with("Stream ") || heading.starts_with("Phase ");
            streams += usize::from(level >= 3 && lane && heading.contains(':'));
            long_form += usize::from(heading.starts_with("Task:"));
            spec_kit += usize::from(is_spec_kit_id(heading) && heading.contains(':'));
            numbered_boxes += usize::from(numbered_box(heading).is_some());
        } else if let Some(item) = line.item() {
            match tick(item.text) {
                Some(tick) if item.number.is_some() => numbered_boxes += usize::from(tick.rest.starts_with("**")),
                Some(tick) => spec_kit += usize::from(is_spec_kit_id(tick.rest.trim_start_matches('*'))),
                None => titles += usize::from(item.number.is_some() && line.indent() == 0 && numbered_title(item.text).is_some()),
            }
        }
    }
    if spec_kit >= 2 {
        Detected { format: Format::SpecKit, sure: true }
    } else if numbered_boxes >= 1 || (streams >= 1 && titles >= 1) || long_form >= 1 {
        Detected { format: Format::BreakdownAgent, sure: numbered_boxes + long_form >= 2 || (streams >= 1 && titles >= 1) }
    } else if spec_kit == 1 {
        Detected { format: Format::SpecKit, sure: false }
    } else {
        Detected { format: Format::TaskList, sure: false }
    }
}

/// `T001`, `M001`, `TXXX` at the start of a text.
pub fn is_spec_kit_id(text: &str) -> bool {
    let letter = text.as_bytes().first().is_some_and(u8::is_ascii_uppercase);
    let digits = text.bytes().skip(1).take_while(u8::is_ascii_digit).count();
    letter && ((digits >= 3 && id_len(text).is_some()) || text.starts_with("TXXX"))
}
