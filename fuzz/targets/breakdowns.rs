//! Any text, as any format: never a panic, every place inside the text, every fix one that can
//! be made.
#![no_main]

use execution_coordinator::breakdown::{Deps, Format, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let inside = |range: &std::ops::Range<usize>| text.get(range.clone()).is_some();
    // A mark of the byte order is left aside, and places count from after it.
    if text.starts_with('\u{feff}') {
        return;
    }
    for format in Format::ALL.iter().copied().map(Some).chain([None]) {
        let parsed = parse(text, format, Deps::Format);
        let outline = &parsed.outline;
        assert_eq!(parsed.plan.tasks.len(), outline.tasks.len());
        for (task, item) in parsed.plan.tasks.iter().zip(&outline.tasks) {
            assert_eq!(task.id, item.id);
            assert!(inside(&item.span));
            if let Some(name) = item.name(text) {
                assert!(inside(&name));
            }
        }
        assert!(outline.streams.iter().all(|(_, span)| inside(span)) && outline.gates.iter().all(|(_, span)| inside(span)));
        assert!(outline.references.iter().all(|reference| inside(&reference.span)));
        for problem in &parsed.problems {
            assert!(inside(&problem.span), "{problem:?}");
            assert!(problem.fix.as_ref().is_none_or(|fix| inside(&fix.span)), "{problem:?}");
        }
    }
});
