//! Commands of lenses and code actions, each a method of the table.

use super::actions::{COMMANDS, name};
use super::session::{Session, path_of};
use crate::core::id::{StreamId, TaskId};
use crate::core::view::Action;
use crate::failure::Failure;
use crate::rpc::calls::trust_question;
use crate::workspace::root_of;
use crate::workspace::trust::trust;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::*;

/// What a user chooses to let things be started.
const TRUST: &str = "Trust";
/// How long the user may think about it.
const PEOPLE_TAKE: Duration = Duration::from_hours(1);

impl Session {
    /// Carries out a command.
    ///
    /// # Errors
    /// It is unknown, or what it calls fails.
    pub async fn execute(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        let Some(action) = COMMANDS.into_iter().find(|action| name(*action) == params.command)
        else {
            return Err(Error::invalid_params(format!("there is no command `{}`", params.command)));
        };
        let argument = |ix: usize| params.arguments.get(ix).and_then(Value::as_str);
        let Some(uri) = argument(0) else {
            return Err(Error::invalid_params("the first argument is the breakdown's URI"));
        };
        let about = argument(1).unwrap_or_default().to_owned();
        let execution = self.execution_of(uri);
        let id = execution.as_ref().map(|execution| execution.id.to_string());
        let of = |method: &'static str, key: &str| (method, json!({"execution": id, key: about}));
        let (method, params) = match action {
            // All of it, or the tasks that are named.
            Action::Run => ("execution/start", json!({"uri": uri, "only": params.arguments[1..]})),
            Action::RunStream => {
                ("execution/start", json!({"uri": uri, "only": self.tasks_of(uri, &about).await}))
            }
            Action::Answer | Action::Steer => {
                let Some(text) = argument(2) else {
                    // An editor that has no field for it.
                    self.tell(format!(
                        "type `execution-coordinator {action} {about} TEXT` at a terminal"
                    ));
                    return Ok(None);
                };
                let method = if action == Action::Steer { "task/steer" } else { "task/answer" };
                (method, json!({"execution": id, "task": about, "text": text, "by": "editor"}))
            }
            Action::Retry => of("task/retry", "task"),
            Action::Skip => of("task/skip", "task"),
            Action::Approve => of("gate/approve", "gate"),
            Action::Reject => of("gate/reject", "gate"),
            Action::Output => return self.show_output(id, &about).await,
            Action::Report => return self.show_report(id).await,
            Action::Pause => ("execution/pause", json!({ "execution": id })),
            Action::Resume => ("execution/resume", json!({ "execution": id })),
            Action::Cancel => ("execution/cancel", json!({ "execution": id })),
        };
        let result = self.call(method, params.clone()).await;
        if result.as_ref().is_err_and(is_untrusted) {
            self.ask_for_trust(uri, method, params);
            return Ok(None);
        }
        self.look();
        result.map(Some)
    }

    /// Calls a method of the table.
    async fn call(&self, method: &str, params: Value) -> Result<Value> {
        let called = self.table.call(method, Some(params), self.caller.clone()).await;
        called.map_err(|error| Error {
            code: error.code.code().into(),
            message: error.message.into(),
            data: error.data,
        })
    }

    /// Asks the user whether something may be started here, and starts it when they say so.
    fn ask_for_trust(&self, uri: &str, method: &'static str, params: Value) {
        let Some(root) = path_of(uri).and_then(|path| path.parent().map(root_of)) else { return };
        let (client, table, caller) =
            (self.client.clone(), self.table.clone(), self.caller.clone());
        tokio::spawn(async move {
            let choices = [TRUST, "Cancel"]
                .map(|title| MessageActionItem { title: title.into(), properties: HashMap::new() });
            let asked = client.show_message_request(
                MessageType::WARNING,
                trust_question(&root),
                Some(choices.to_vec()),
            );
            let Ok(Ok(Some(chosen))) = tokio::time::timeout(PEOPLE_TAKE, asked).await else {
                return;
            };
            if chosen.title != TRUST || trust(&root).is_err() {
                return;
            }
            if let Err(error) = table.call(method, Some(params), caller).await {
                client.show_message(MessageType::ERROR, error.message).await;
            }
        });
    }

    async fn tasks_of(&self, uri: &str, stream: &str) -> Vec<TaskId> {
        let Some(snapshot) = self.snapshot(uri).await else { return Vec::new() };
        snapshot
            .parsed()
            .plan
            .tasks_of(&StreamId::from(stream))
            .map(|task| task.id.clone())
            .collect()
    }

    async fn show_output(&self, execution: Option<String>, task: &str) -> Result<Option<Value>> {
        let mut page =
            self.call("task/output", json!({"execution": execution, "task": task})).await?;
        let found = self
            .caller
            .coordinator
            .find(execution.as_deref())
            .map_err(|failure| failed(&failure))?;
        let mut text = String::new();
        while let Some(more) = page["text"].as_str().filter(|more| !more.is_empty()) {
            text += more;
            page = self
                .call(
                    "task/output",
                    json!({"execution": execution, "task": task, "from": page["next"]}),
                )
                .await?;
        }
        let file = found.keep_output(task, &text).map_err(|failure| failed(&failure))?;
        self.show_file(&file);
        Ok(Some(json!({"path": file, "order": page["order"]})))
    }

    async fn show_report(&self, execution: Option<String>) -> Result<Option<Value>> {
        let report = self.call("execution/report", json!({ "execution": execution })).await?;
        let found = self
            .caller
            .coordinator
            .find(execution.as_deref())
            .map_err(|failure| failed(&failure))?;
        let file = found
            .keep_report(report["markdown"].as_str().unwrap_or_default())
            .map_err(|failure| failed(&failure))?;
        self.show_file(&file);
        Ok(Some(json!({ "path": file })))
    }

    /// Tells the user something.
    fn tell(&self, text: String) {
        let client = self.client.clone();
        self.ask(async move { client.show_message(MessageType::INFO, text).await });
    }

    /// Opens a file in the editor; says where it is to one that can't do that.
    fn show_file(&self, file: &std::path::Path) {
        let Some(uri) = Uri::from_file_path(file) else { return };
        if !self.setup().shows_documents {
            return self.tell(file.display().to_string());
        }
        let client = self.client.clone();
        let params =
            ShowDocumentParams { uri, external: None, take_focus: Some(true), selection: None };
        self.ask(async move { drop(client.show_document(params).await) });
    }
}

/// Whether something was refused only because nobody said that it may be started here.
fn is_untrusted(error: &Error) -> bool {
    error.data.as_ref().is_some_and(|data| data["kind"] == "untrusted")
}

fn failed(failure: &Failure) -> Error {
    let error = crate::rpc::error::error(failure);
    Error { code: error.code.code().into(), message: error.message.into(), data: error.data }
}
