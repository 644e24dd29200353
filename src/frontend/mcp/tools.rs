//! Tools made from the table of methods: `execution/start` is `execution_start`.

use crate::core::status::StatusReport;
use crate::rpc::method::MethodKind;
use crate::rpc::schema;
use crate::rpc::table::{Row, Table};
use rmcp::model::{CallToolResult, ContentBlock, JsonObject, Tool, ToolAnnotations};
use serde_json::Value;
use std::sync::Arc;

/// The tools, in the order of the table.
pub fn all(table: &Table) -> Vec<Tool> {
    table.rows().iter().filter(|row| row.traits.is_tool).map(tool).collect()
}

/// The method that a tool calls.
pub fn method_of(tools: &[Tool], name: &str) -> Option<String> {
    // No method has an underscore in its name.
    tools.iter().any(|tool| tool.name == name).then(|| name.replace('_', "/"))
}

fn tool(row: &Row) -> Tool {
    let more = row.advice.unwrap_or(row.about);
    let description = format!("{}. {more}", row.title);
    let changes = row.kind == MethodKind::Command;
    let annotations = ToolAnnotations::with_title(row.title)
        .read_only(!changes)
        .destructive(changes && row.traits.destructive)
        .idempotent(row.traits.idempotent)
        .open_world(row.traits.open_world);
    let takes = object(without_null(schema::alone(row.params)));
    Tool::new(row.name.replace('/', "_"), description, takes)
        .with_title(row.title)
        .with_raw_output_schema(Arc::new(object(one_type_each(schema::alone(row.result)))))
        .with_annotations(annotations)
}

/// What may be absent need not be null too: some models' interfaces know only one type a member.
fn without_null(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(map) => {
            map.values_mut().for_each(|value| *value = without_null(value.take()));
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = &types[..] {
                    let only = only.clone();
                    map.insert("type".into(), only);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| *value = without_null(value.take())),
        _ => {}
    }
    schema
}

/// A member of several types, as alternatives of one type each: some readers know no lists of types.
fn one_type_each(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(map) => {
            map.values_mut().for_each(|value| *value = one_type_each(value.take()));
            if let Some(Value::Array(types)) = map.get("type") {
                let each = types.iter().map(|name| serde_json::json!({"type": name})).collect();
                map.remove("type");
                map.insert("anyOf".into(), Value::Array(each));
            }
        }
        Value::Array(list) => {
            list.iter_mut().for_each(|value| *value = one_type_each(value.take()))
        }
        _ => {}
    }
    schema
}

fn object(schema: Value) -> JsonObject {
    match schema {
        Value::Object(map) => map,
        _ => JsonObject::new(),
    }
}

/// What a method gave, as a tool says it: structured, and as text that a model reads with ease.
pub fn result(method: &str, answer: Result<Value, jsonrpc_core::Error>) -> CallToolResult {
    match answer {
        Ok(value) => {
            let text = text_of(method, &value).unwrap_or_else(|| value.to_string());
            let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
            result.structured_content = Some(value);
            result
        }
        Err(error) => {
            let help = error
                .data
                .as_ref()
                .and_then(|data| data["help"].as_str())
                .map_or(String::new(), |help| format!("\n{help}"));
            CallToolResult::error(vec![ContentBlock::text(error.message + &help)])
        }
    }
}

/// The Markdown of what has one.
fn text_of(method: &str, value: &Value) -> Option<String> {
    let status = |value: &Value| serde_json::from_value::<StatusReport>(value.clone()).ok();
    match method {
        "execution/report" => value["markdown"].as_str().map(str::to_owned),
        "execution/status" => status(value).map(|status| status.markdown()),
        "execution/await" => {
            let report = value["report"]["markdown"].as_str();
            let state = || {
                let status = status(&value["status"])?;
                let next = status
                    .next_actions
                    .iter()
                    .map(|action| format!("\n- {action}"))
                    .collect::<String>();
                let running = if value["running"] == true {
                    "It goes on: call again."
                } else {
                    "Nobody is at work on it."
                };
                Some(format!("{}\n{running}{next}", status.line()))
            };
            report.map(str::to_owned).or_else(state)
        }
        "task/claim" => {
            let work = &value["work"];
            let lease = work["lease"].as_str()?;
            Some(format!("Lease: {lease}\n\n{}", work["text"].as_str()?))
        }
        _ => None,
    }
}
