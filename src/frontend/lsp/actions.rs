//! What can be done in an editor: the name of each command, and what it is called.

use crate::core::view::Action;
use serde_json::Value;
use tower_lsp::ls_types::Command;

/// The commands, each for an action.
pub const COMMANDS: [Action; 13] = [
    Action::Run,
    Action::RunStream,
    Action::Pause,
    Action::Resume,
    Action::Cancel,
    Action::Answer,
    Action::Steer,
    Action::Retry,
    Action::Skip,
    Action::Approve,
    Action::Reject,
    Action::Output,
    Action::Report,
];

/// The name of an action's command.
pub fn name(action: Action) -> String {
    let name = match action {
        Action::Output => "showOutput",
        Action::Report => "showReport",
        other => other.name(),
    };
    format!("execution-coordinator.{name}")
}

/// What an action is called.
pub fn title(action: Action) -> &'static str {
    match action {
        Action::Run => "▶ Run",
        Action::RunStream => "▶ Run stream",
        Action::Pause => "‖ Pause",
        Action::Resume => "▶ Resume",
        Action::Cancel => "■ Cancel",
        Action::Answer => "✎ Answer",
        Action::Steer => "✎ Steer",
        Action::Retry => "↻ Retry",
        Action::Skip => "⤼ Skip",
        Action::Approve => "✔ Approve",
        Action::Reject => "✘ Reject",
        Action::Output => "Show output",
        Action::Report => "Show report",
    }
}

/// The command of an action: its first argument is the breakdown's URI.
pub fn command(action: Action, uri: &str, arguments: &[&str]) -> Command {
    let arguments = [uri].iter().chain(arguments).map(|argument| Value::from(*argument)).collect();
    Command { title: title(action).into(), command: name(action), arguments: Some(arguments) }
}
