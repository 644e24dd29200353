//! The table as an OpenRPC document and as a page for people.

use super::error::ERRORS;
use super::messages::{EscalationNotice, EventNotice, OfferNotice, ProgressNotice, ReportDocument};
use super::table::{Row, Table};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// A notification's name, what it is for, and its schema.
type Notice = (&'static str, &'static str, fn(&mut SchemaGenerator) -> Schema);

/// What clients are told without asking.
pub const NOTIFICATIONS: [Notice; 5] = [
    ("execution/event", "One event of the journal, to whoever subscribed to it.", |g| {
        g.subschema_for::<EventNotice>()
    }),
    (
        "execution/progress",
        "How far an execution is. Sent when that changes, soon, and twice a second at most in the long run.",
        |g| g.subschema_for::<ProgressNotice>(),
    ),
    (
        "execution/escalation",
        "Somebody is needed: what is stuck, why, what was tried, what is needed.",
        |g| g.subschema_for::<EscalationNotice>(),
    ),
    ("task/offered", "Work that is left to clients can be claimed, by `task/claim`.", |g| {
        g.subschema_for::<OfferNotice>()
    }),
    ("execution/result", "An execution has come to its end: the return protocol.", |g| {
        g.subschema_for::<ReportDocument>()
    }),
];

/// What an editor may set, for the page.
const SETTINGS: &str = "
## Settings of an editor

Under `executionCoordinator` in the client's configuration, or as `initializationOptions`.

- `breakdowns`: patterns of files that are breakdowns by their names; `**/tasks.md`, `**/TASKS.md`, `**/breakdown.md`, `**/*.breakdown.md`, `**/.taskmaster/tasks/*.json`, `**/tasks/tasks.json`, `**/.beads/*.jsonl`, `**/sprint-status.yaml` and `**/.planning/ROADMAP.md` when absent. Files of a folder that is one breakdown are known by the folder. Other Markdown files are read when their signs leave no doubt, or when there is an execution of them.
- `statusAsDiagnostics`: `auto` shows the status as diagnostics too where the client can't refresh hints by itself; `on`, `off`.

What the codes of diagnostics mean: [PROBLEMS.md](PROBLEMS.md).
";

/// The table as an OpenRPC 1.3 document. Notifications to clients, which OpenRPC has no place
/// for, stand under `x-notifications` in the same form.
pub fn document(table: &Table) -> Value {
    let settings = schemars::generate::SchemaSettings::draft07().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let errors = |row: &Row| -> Vec<Value> {
        let of = |kind| ERRORS.iter().find(move |(known, ..)| *known == kind);
        let known = row.errors.iter().filter_map(|kind| of(*kind));
        known.map(|(_, code, name, help)| json!({"code": code, "message": name, "data": {"kind": name, "help": help}})).collect()
    };
    let mut methods = Vec::new();
    for row in table.rows() {
        let params = (row.params)(&mut generator).to_value();
        let result = (row.result)(&mut generator).to_value();
        let params = descriptors(&resolve(params, &generator));
        methods.push(json!({
            "name": row.name, "summary": row.title, "description": row.about, "paramStructure": "by-name", "params": params,
            "result": {"name": "result", "schema": result}, "errors": errors(row), "tags": [{"name": row.kind.name()}],
        }));
    }
    let notices: Vec<Value> = NOTIFICATIONS
        .iter()
        .map(|(name, about, schema)| json!({"name": name, "description": about, "params": schema(&mut generator).to_value()}))
        .collect();
    let schemas: serde_json::Map<String, Value> =
        generator.take_definitions(true).into_iter().collect();
    let mut document = json!({
        "openrpc": "1.3.2",
        "info": {"title": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION"), "description": env!("CARGO_PKG_DESCRIPTION")},
        "methods": methods,
        "components": {"schemas": schemas},
        "x-notifications": notices,
    });
    without_formats(&mut document);
    document
}

/// What a reference to a definition stands for.
fn resolve(schema: Value, generator: &SchemaGenerator) -> Value {
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    name.and_then(|name| generator.definitions().get(name)).cloned().unwrap_or(schema)
}

/// The members of a parameter object, each as OpenRPC wants it.
fn descriptors(params: &Value) -> Vec<Value> {
    let required: Vec<&str> =
        params["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let members = params["properties"].as_object().into_iter().flatten();
    let mut members: Vec<(bool, Value)> = members
        .map(|(name, schema)| {
            let needed = required.contains(&name.as_str());
            (!needed, json!({"name": name, "required": needed, "description": schema["description"], "schema": schema}))
        })
        .collect();
    members.sort_by_key(|(optional, _)| *optional);
    members.into_iter().map(|(_, member)| member).collect()
}

/// Formats of numbers are Rust's words, which validators of JSON Schema do not know.
pub(super) fn without_formats(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let number = map.get("format").and_then(Value::as_str).is_some_and(|format| {
                format
                    .trim_start_matches("uint")
                    .trim_start_matches("int")
                    .chars()
                    .all(|c| c.is_ascii_digit())
                    || format == "double"
            });
            if number {
                map.remove("format");
            }
            map.values_mut().for_each(without_formats);
        }
        Value::Array(list) => list.iter_mut().for_each(without_formats),
        _ => {}
    }
}

/// The reference of the methods as Markdown.
pub fn reference(table: &Table) -> String {
    let document = document(table);
    let mut page = String::from(
        "# What clients may rely on\n\nMade from the table of methods; don't edit it by hand. The same as data: [openrpc.json](openrpc.json). The other files here are JSON Schemas of what is read and written: breakdowns, briefs, answers, events, plans, reports, status and the config.\n\nEvery frontend has the same methods: JSON lines and LSP on `execution-coordinator serve`. Absent and empty parameters are the same; parameters are given by name.\n\n## Methods\n\n| method | kind | command line | what it does |\n|---|---|---|---|\n",
    );
    for row in table.rows() {
        let _ = writeln!(
            page,
            "| [`{0}`](#{1}) | {2} | {3} | {4} |",
            row.name,
            row.name.replace('/', ""),
            row.kind.name(),
            row.command.map_or(String::new(), |command| format!("`{command}`")),
            row.title
        );
    }
    for (row, method) in
        table.rows().iter().zip(document["methods"].as_array().into_iter().flatten())
    {
        let _ = write!(page, "\n### {}\n\n{}. {}\n\n", row.name, row.title, row.about);
        for member in method["params"].as_array().into_iter().flatten() {
            let text = |key: &str| member[key].as_str().unwrap_or_default().replace('\n', " ");
            let needed = if member["required"] == true { "" } else { ", optional" };
            let _ = writeln!(
                page,
                "- `{}` ({}{needed}): {}",
                text("name"),
                type_name(&member["schema"]),
                text("description")
            );
        }
        let _ = writeln!(page, "- gives {}", type_name(&method["result"]["schema"]));
        let names: Vec<String> = method["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|e| format!("`{}` ({})", e["message"].as_str().unwrap_or_default(), e["code"]))
            .collect();
        if !names.is_empty() {
            let _ = writeln!(page, "- fails with {}", names.join(", "));
        }
    }
    page.push_str("\n## Notifications to clients\n\n");
    for (name, about, _) in NOTIFICATIONS {
        let _ = writeln!(page, "- `{name}`: {about}");
    }
    page.push_str(SETTINGS);
    page.push_str("\n## Errors\n\nBeside the codes of JSON-RPC itself. `data` has the name as `kind`, the `message`, and `help`.\n\n| code | name | what to do |\n|---|---|---|\n");
    for (_, code, name, help) in ERRORS {
        let _ = writeln!(page, "| {code} | `{name}` | {help} |");
    }
    page
}

fn type_name(schema: &Value) -> String {
    if let Some(path) = schema["$ref"].as_str() {
        return format!("`{}`", path.rsplit('/').next().unwrap_or_default());
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => {
            format!("array of {}", type_name(&schema["items"]))
        }
        Value::String(name) => name.clone(),
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| *name != "null")
            .collect::<Vec<_>>()
            .join(" or "),
        _ => "object".into(),
    }
}
