//! Who decides about gates, and from where.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// By which way a decision came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Frontend {
    /// Typed at a terminal.
    Terminal,
    /// Said in an editor.
    Editor,
    /// Filled in by the person whom a client of the Model Context Protocol asked.
    Mcp,
    /// Chosen by the person whom a client of the Agent Client Protocol asked.
    Acp,
    /// Said by a program: a parent, a script, a model.
    #[default]
    Program,
}

/// Who decided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Decider {
    /// The name that was given.
    #[serde(skip)]
    pub by: String,
    /// By which way it came.
    pub frontend: Frontend,
    /// The number of the user whose process it was.
    pub user: String,
    /// The terminal of that process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    /// It and the processes above it, by name and number, the innermost first.
    pub processes: Vec<String>,
    /// The locks of executions whose attempts are above it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<String>,
}

impl Decider {
    /// By a name and a way.
    pub fn new(by: impl Into<String>, frontend: Frontend) -> Self {
        Self { by: by.into(), frontend, ..Self::default() }
    }

    /// Whether somebody was asked, and not a program.
    pub fn is_person(&self) -> bool {
        self.frontend != Frontend::Program
    }
}
