//! Zed: starts the language server of the program that is on the path of the workspace.

use zed_extension_api::{self as zed, settings::LspSettings, Command, LanguageServerId, Result, Worktree};

const NAME: &str = "execution-coordinator";

struct ExecutionCoordinator;

impl zed::Extension for ExecutionCoordinator {
    fn new() -> Self {
        Self
    }

    fn language_server_command(&mut self, _: &LanguageServerId, worktree: &Worktree) -> Result<Command> {
        let given = LspSettings::for_worktree(NAME, worktree).ok().and_then(|settings| settings.binary).and_then(|binary| binary.path);
        let command = given.or_else(|| worktree.which(NAME)).ok_or_else(|| {
            format!("`{NAME}` is not on the path: install it, or set lsp.{NAME}.binary.path in the settings")
        })?;
        Ok(Command { command, args: vec!["serve".into()], env: worktree.shell_env() })
    }

    fn language_server_workspace_configuration(&mut self, _: &LanguageServerId, worktree: &Worktree) -> Result<Option<zed::serde_json::Value>> {
        let settings = LspSettings::for_worktree(NAME, worktree).ok().and_then(|settings| settings.settings);
        Ok(settings.map(|settings| zed::serde_json::json!({ "executionCoordinator": settings })))
    }
}

zed::register_extension!(ExecutionCoordinator);
