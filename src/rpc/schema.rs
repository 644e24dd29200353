//! JSON Schemas, made from the types.

use super::calls::table;
use super::openrpc;
use super::types::{PlanDocument, ProblemDocument};
use crate::agents::answer::Answer;
use crate::agents::prompt::TEMPLATE;
use crate::breakdown::document::Document;
use crate::config::Config;
use crate::core::brief::Brief;
use crate::core::event::Recorded;
use crate::core::report::Report;
use crate::core::status::StatusReport;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, schema_for};
use serde_json::Value;

/// All schemas, with the names of their files.
fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("answer.json", schema_for!(Answer)),
        ("breakdown.json", schema_for!(Document)),
        ("brief.json", schema_for!(Brief)),
        ("check.json", schema_for!(Vec<ProblemDocument>)),
        ("config.json", schema_for!(Config)),
        ("events.json", schema_for!(Recorded)),
        ("plan.json", schema_for!(PlanDocument)),
        ("report.json", schema_for!(Report)),
        ("status.json", schema_for!(StatusReport)),
    ]
}

/// Everything in the folder `schema`, with its text: schemas, the OpenRPC document, the page.
pub fn files() -> Vec<(&'static str, String)> {
    let table = table();
    let mut files: Vec<(&'static str, String)> =
        all().into_iter().map(|(name, schema)| (name, text(&schema))).collect();
    let document = serde_json::to_string_pretty(&openrpc::document(&table)).unwrap_or_default();
    files.push(("openrpc.json", document + "\n"));
    files.push(("README.md", openrpc::reference(&table)));
    files.push(("brief.md", TEMPLATE.to_owned()));
    files
}

/// The schema of a type with all that it refers to in it, for readers that follow no references.
pub fn alone(of: fn(&mut SchemaGenerator) -> Schema) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = of(&mut settings.into_generator()).to_value();
    openrpc::without_formats(&mut schema);
    schema
}

/// A schema's text, as its file has it.
fn text(schema: &Schema) -> String {
    // A schema is plain JSON, which can always be written.
    serde_json::to_string_pretty(schema).unwrap_or_default() + "\n"
}
