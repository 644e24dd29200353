//! `agents`: who is in the roster, and who can start.

use super::{Outcome, print, print_json, root_here};
use crate::agents::command::{can_start, program_of};
use crate::agents::roster;
use crate::core::status::role_name;
use crate::failure::Failure;
use serde_json::json;
use std::path::PathBuf;

/// Options of `agents`.
#[derive(clap::Args)]
pub struct AgentsArguments {
    /// How it is printed
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
    /// The config instead of the one found
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// `agents`.
///
/// # Errors
/// The config can't be read.
pub fn agents(arguments: &AgentsArguments) -> Outcome {
    let root = root_here()?;
    let (config, path) =
        roster::load(&root, arguments.config.as_deref()).map_err(Failure::usage)?;
    let policy = config.policy(true).map_err(Failure::usage)?;
    let from = path.map_or("built in".to_owned(), |path| path.display().to_string());
    let mut rows = Vec::new();
    for agent in &policy.agents {
        let configured = config.agents.get(agent.name.as_str());
        let problem = configured
            .and_then(program_of)
            .and_then(|program| can_start(program, &root, &config).err());
        let definition = configured.and_then(|agent| agent.definition.as_ref());
        let source = match (configured, definition) {
            (None, _) => "built in".to_owned(),
            (Some(agent), Some(definition)) if agent.defined_only => {
                definition.path.display().to_string()
            }
            _ => from.clone(),
        };
        rows.push(json!({"name": agent.name, "role": role_name(agent.role), "kind": agent.kind, "skills": agent.skills,
            "description": definition.map(|definition| definition.description.as_str()), "definition": definition.map(|definition| &definition.path),
            "maxParallel": agent.max_parallel, "source": source, "canStart": problem.is_none(), "problem": problem}));
    }
    rows.extend(config.left_out.iter().map(|left| {
        json!({"name": left.name, "role": null, "kind": left.kind.name(), "skills": [], "description": null, "definition": left.path,
            "maxParallel": null, "source": left.path, "canStart": false, "problem": left.why})
    }));
    if arguments.format == "json" {
        return print_json(&rows);
    }
    let cell = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    let text = |row: &serde_json::Value| {
        let skills = row["skills"]
            .as_array()
            .map(|list| list.iter().filter_map(|s| s.as_str()).collect::<Vec<_>>().join(", "))
            .unwrap_or_default();
        let start = match (row["problem"].as_str(), row["role"].is_null()) {
            (None, _) => "can start".to_owned(),
            (Some(why), false) => format!("can't start: {why}"),
            (Some(why), true) => format!("left out: {why}"),
        };
        format!(
            "{:<24} {:<9} {:<8} {start}{} ({})\n",
            cell(row, "name"),
            cell(row, "role"),
            cell(row, "kind"),
            if skills.is_empty() { String::new() } else { format!("; skills: {skills}") },
            cell(row, "source")
        )
    };
    print(&rows.iter().map(text).collect::<String>())
}
