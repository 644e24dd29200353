//! The requests of the Language Server Protocol: each is a question to a snapshot.

use super::capabilities::{ClientCapabilities, SECTION, capabilities};
use super::session::Session;
use crate::core::id::TaskId;
use crate::failure::say;
use crate::workspace::root_of;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use tower_lsp::LanguageServer;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::*;

/// What tower-lsp calls.
pub struct Server(pub Arc<Session>);

impl LanguageServer for Server {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let setup = ClientCapabilities::from_params(&params);
        let capabilities = capabilities(&setup);
        if let Some(options) = &params.initialization_options {
            self.0.configure(options);
        }
        self.0.begin(setup);
        let server_info = Some(ServerInfo {
            name: env!("CARGO_PKG_NAME").into(),
            version: Some(env!("CARGO_PKG_VERSION").into()),
        });
        Ok(InitializeResult { capabilities, server_info, offset_encoding: None })
    }

    async fn initialized(&self, _: InitializedParams) {
        self.0.go_live();
        self.ask_configuration();
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        if self.0.setup().has_configuration {
            self.ask_configuration();
        } else {
            self.0.configure(&params.settings);
        }
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        for folder in params.event.added.iter().filter_map(|folder| folder.uri.to_file_path()) {
            self.0.caller.coordinator.add_root(&root_of(&folder));
        }
        self.0.look();
    }

    async fn did_change_watched_files(&self, _: DidChangeWatchedFilesParams) {
        self.0.look();
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        let snapshot = self.0.snapshot(params.text_document.uri.as_str()).await;
        Ok(snapshot.map(|snapshot| snapshot.hints(&snapshot.bytes(params.range))))
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        Ok(self
            .0
            .snapshot(params.text_document.uri.as_str())
            .await
            .map(|snapshot| snapshot.lenses()))
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let Some(snapshot) = self.0.snapshot(params.text_document.uri.as_str()).await else {
            return Ok(None);
        };
        let wanted = snapshot.bytes(params.range);
        let mut actions =
            snapshot.fixes(&wanted, &params.context.diagnostics, self.0.setup().versions_edits);
        actions.extend(snapshot.status_actions(&wanted));
        if let Some(only) = params.context.only {
            actions.retain(|action| match action {
                CodeActionOrCommand::Command(_) => only.contains(&CodeActionKind::EMPTY),
                CodeActionOrCommand::CodeAction(action) => {
                    let kind = action.kind.as_ref().map_or("", CodeActionKind::as_str);
                    only.iter().any(|wanted| {
                        wanted.as_str().is_empty()
                            || kind == wanted.as_str()
                            || kind.starts_with(&format!("{}.", wanted.as_str()))
                    })
                }
            });
        }
        Ok(Some(actions))
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        self.0.execute(params).await
    }

    async fn document_symbol(
        &self,
        params: DocumentSymbolParams,
    ) -> Result<Option<DocumentSymbolResponse>> {
        let Some(snapshot) = self.0.snapshot(params.text_document.uri.as_str()).await else {
            return Ok(None);
        };
        Ok(Some(match self.0.setup().takes_trees {
            true => DocumentSymbolResponse::Nested(snapshot.symbols()),
            false => DocumentSymbolResponse::Flat(snapshot.flat_symbols()),
        }))
    }

    async fn symbol(
        &self,
        params: WorkspaceSymbolParams,
    ) -> Result<Option<WorkspaceSymbolResponse>> {
        let query = params.query.to_lowercase();
        let mut found = Vec::new();
        for uri in self.0.documents.uris() {
            if let Some(snapshot) = self.0.snapshot(&uri).await {
                found.extend(
                    snapshot
                        .flat_symbols()
                        .into_iter()
                        .filter(|symbol| symbol.name.to_lowercase().contains(&query)),
                );
            }
        }
        Ok(Some(WorkspaceSymbolResponse::Flat(found)))
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let at = params.text_document_position_params;
        let snapshot = self.0.snapshot(at.text_document.uri.as_str()).await;
        Ok(snapshot.and_then(|snapshot| snapshot.hover(snapshot.offset(at.position))))
    }

    async fn goto_definition(
        &self,
        params: GotoDefinitionParams,
    ) -> Result<Option<GotoDefinitionResponse>> {
        let at = params.text_document_position_params;
        let snapshot = self.0.snapshot(at.text_document.uri.as_str()).await;
        Ok(snapshot.map(|snapshot| {
            GotoDefinitionResponse::Array(snapshot.definition(snapshot.offset(at.position)))
        }))
    }

    async fn references(&self, params: ReferenceParams) -> Result<Option<Vec<Location>>> {
        let at = params.text_document_position;
        let snapshot = self.0.snapshot(at.text_document.uri.as_str()).await;
        let with_definition = params.context.include_declaration;
        Ok(snapshot.map(|snapshot| {
            let places = snapshot.references(snapshot.offset(at.position), with_definition);
            places.iter().map(|place| snapshot.location(place)).collect()
        }))
    }

    async fn document_highlight(
        &self,
        params: DocumentHighlightParams,
    ) -> Result<Option<Vec<DocumentHighlight>>> {
        let at = params.text_document_position_params;
        let snapshot = self.0.snapshot(at.text_document.uri.as_str()).await;
        Ok(snapshot.map(|snapshot| snapshot.highlights(snapshot.offset(at.position))))
    }

    async fn prepare_rename(
        &self,
        params: TextDocumentPositionParams,
    ) -> Result<Option<PrepareRenameResponse>> {
        let snapshot = self.0.snapshot(params.text_document.uri.as_str()).await;
        let place = snapshot.and_then(|snapshot| {
            let (_, place) = snapshot.renamable(snapshot.offset(params.position))?;
            Some(snapshot.span(&place))
        });
        Ok(place.map(PrepareRenameResponse::Range))
    }

    async fn rename(&self, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
        let at = params.text_document_position;
        let Some(snapshot) = self.0.snapshot(at.text_document.uri.as_str()).await else {
            return Ok(None);
        };
        let edits = snapshot
            .rename(snapshot.offset(at.position), &params.new_name)
            .map_err(Error::invalid_params)?;
        Ok(Some(snapshot.edit(edits, self.0.setup().versions_edits)))
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let at = params.text_document_position;
        let Some(snapshot) = self.0.snapshot(at.text_document.uri.as_str()).await else {
            return Ok(None);
        };
        let session = self.0.clone();
        let items = tokio::task::spawn_blocking(move || {
            let agents = session.agents(&snapshot);
            snapshot.completions(snapshot.offset(at.position), &agents)
        });
        Ok(items.await.ok().map(CompletionResponse::Array))
    }

    async fn document_link(&self, params: DocumentLinkParams) -> Result<Option<Vec<DocumentLink>>> {
        let Some(snapshot) = self.0.snapshot(params.text_document.uri.as_str()).await else {
            return Ok(None);
        };
        let roots: Vec<PathBuf> = self.0.caller.coordinator.roots();
        Ok(tokio::task::spawn_blocking(move || snapshot.links(&roots)).await.ok())
    }

    async fn folding_range(&self, params: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>> {
        Ok(self
            .0
            .snapshot(params.text_document.uri.as_str())
            .await
            .map(|snapshot| snapshot.folds()))
    }

    async fn selection_range(
        &self,
        params: SelectionRangeParams,
    ) -> Result<Option<Vec<SelectionRange>>> {
        let snapshot = self.0.snapshot(params.text_document.uri.as_str()).await;
        Ok(snapshot.map(|snapshot| {
            params.positions.iter().map(|position| snapshot.selection(*position)).collect()
        }))
    }

    async fn semantic_tokens_full(
        &self,
        params: SemanticTokensParams,
    ) -> Result<Option<SemanticTokensResult>> {
        let snapshot = self.0.snapshot(params.text_document.uri.as_str()).await;
        Ok(snapshot.map(|snapshot| SemanticTokensResult::Tokens(snapshot.tokens(None))))
    }

    async fn semantic_tokens_range(
        &self,
        params: SemanticTokensRangeParams,
    ) -> Result<Option<SemanticTokensRangeResult>> {
        let snapshot = self.0.snapshot(params.text_document.uri.as_str()).await;
        Ok(snapshot.map(|snapshot| {
            SemanticTokensRangeResult::Tokens(snapshot.tokens(Some(snapshot.bytes(params.range))))
        }))
    }

    async fn prepare_call_hierarchy(
        &self,
        params: CallHierarchyPrepareParams,
    ) -> Result<Option<Vec<CallHierarchyItem>>> {
        let at = params.text_document_position_params;
        let snapshot = self.0.snapshot(at.text_document.uri.as_str()).await;
        Ok(snapshot.and_then(|snapshot| {
            let id = snapshot.task_at(snapshot.offset(at.position))?;
            Some(vec![snapshot.hierarchy_item(&id)?])
        }))
    }

    async fn incoming_calls(
        &self,
        params: CallHierarchyIncomingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyIncomingCall>>> {
        let Some((uri, id)) = task_of(&params.item) else { return Ok(None) };
        Ok(self.0.snapshot(&uri).await.map(|snapshot| snapshot.incoming(&id)))
    }

    async fn outgoing_calls(
        &self,
        params: CallHierarchyOutgoingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyOutgoingCall>>> {
        let Some((uri, id)) = task_of(&params.item) else { return Ok(None) };
        Ok(self.0.snapshot(&uri).await.map(|snapshot| snapshot.outgoing(&id)))
    }
}

impl Server {
    /// Asks the client what the user has set.
    fn ask_configuration(&self) {
        if !self.0.setup().has_configuration {
            return;
        }
        let session = self.0.clone();
        self.0.ask(async move {
            let item = ConfigurationItem { scope_uri: None, section: Some(SECTION.into()) };
            match session.client.configuration(vec![item]).await {
                Ok(values) => values.first().into_iter().for_each(|value| session.configure(value)),
                Err(error) => say(format_args!("the client did not say what is set: {error}")),
            }
        });
    }
}

/// The text that an item was asked of, and its task.
fn task_of(item: &CallHierarchyItem) -> Option<(String, TaskId)> {
    let word = |key: &str| item.data.as_ref()?.get(key)?.as_str();
    Some((word("uri")?.to_owned(), TaskId::from(word("task")?)))
}
