//! JSON Schemas, made from the types.

use super::types::{PlanDocument, ProblemDocument};
use crate::agents::answer::Answer;
use crate::config::Config;
use crate::core::brief::Brief;
use crate::core::event::Recorded;
use crate::core::plan::Plan;
use crate::core::report::Report;
use crate::core::status::StatusReport;
use schemars::{Schema, schema_for};

/// All schemas, with the names of their files.
pub fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("answer.json", schema_for!(Answer)),
        ("breakdown.json", schema_for!(Plan)),
        ("brief.json", schema_for!(Brief)),
        ("check.json", schema_for!(Vec<ProblemDocument>)),
        ("config.json", schema_for!(Config)),
        ("events.json", schema_for!(Recorded)),
        ("plan.json", schema_for!(PlanDocument)),
        ("report.json", schema_for!(Report)),
        ("status.json", schema_for!(StatusReport)),
    ]
}

/// A schema's text, as its file has it.
pub fn text(schema: &Schema) -> String {
    // A schema is plain JSON, which can always be written.
    serde_json::to_string_pretty(schema).unwrap_or_default() + "\n"
}
