//! What the client can do, what we can do, and what the user has set.

use super::actions::{COMMANDS, name};
use super::position::Encoding;
use crate::breakdown::Format;
use crate::core::label::LOOKS;
use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tower_lsp::ls_types::*;

/// The section of the client's configuration that is ours.
pub const SECTION: &str = "executionCoordinator";
/// What tokens stand for.
pub const TOKEN_TYPES: [&str; 3] = ["class", "namespace", "event"];

/// What the client can do.
#[derive(Clone, Debug, Default)]
pub struct ClientCapabilities {
    /// How it counts columns.
    pub encoding: Encoding,
    /// It can be asked to ask for inlay hints again.
    pub refreshes_hints: bool,
    /// The same of code lenses.
    pub refreshes_lenses: bool,
    /// The same of semantic tokens.
    pub refreshes_tokens: bool,
    /// It shows places beside a diagnostic.
    pub shows_related: bool,
    /// It shows progress that it did not ask for.
    pub shows_progress: bool,
    /// It can be asked to open a file.
    pub shows_documents: bool,
    /// It takes symbols as a tree.
    pub takes_trees: bool,
    /// It can be asked for its configuration.
    pub has_configuration: bool,
    /// It edits several files in versions.
    pub versions_edits: bool,
    /// Its folders.
    pub folders: Vec<PathBuf>,
}

impl ClientCapabilities {
    /// Of what a client says at the start.
    pub fn from_params(params: &InitializeParams) -> Self {
        let client = &params.capabilities;
        let workspace = client.workspace.clone().unwrap_or_default();
        let window = client.window.clone().unwrap_or_default();
        let text = client.text_document.clone().unwrap_or_default();
        let encodings = client
            .general
            .as_ref()
            .and_then(|general| general.position_encodings.clone())
            .unwrap_or_default();
        let mut folders: Vec<PathBuf> = Vec::new();
        for folder in params.workspace_folders.iter().flatten() {
            folders.extend(folder.uri.to_file_path().map(|path| path.into_owned()));
        }
        #[expect(deprecated, reason = "older clients say their folder only so")]
        if let Some(path) = params
            .root_uri
            .as_ref()
            .filter(|_| folders.is_empty())
            .and_then(|uri| uri.to_file_path())
        {
            folders.push(path.into_owned());
        }
        Self {
            encoding: Encoding::negotiate(&encodings),
            refreshes_hints: workspace
                .inlay_hint
                .and_then(|hint| hint.refresh_support)
                .unwrap_or(false),
            refreshes_lenses: workspace
                .code_lens
                .and_then(|lens| lens.refresh_support)
                .unwrap_or(false),
            refreshes_tokens: workspace
                .semantic_tokens
                .and_then(|tokens| tokens.refresh_support)
                .unwrap_or(false),
            shows_related: text
                .publish_diagnostics
                .and_then(|publish| publish.related_information)
                .unwrap_or(false),
            shows_progress: window.work_done_progress.unwrap_or(false),
            shows_documents: window.show_document.is_some_and(|show| show.support),
            takes_trees: text
                .document_symbol
                .and_then(|symbol| symbol.hierarchical_document_symbol_support)
                .unwrap_or(false),
            has_configuration: workspace.configuration.unwrap_or(false),
            versions_edits: workspace
                .workspace_edit
                .and_then(|edit| edit.document_changes)
                .unwrap_or(false),
            folders,
        }
    }
}

/// Where the status is shown as diagnostics too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusAsDiagnostics {
    /// Where the client can't refresh hints by itself.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// What the user has set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Files that are breakdowns by their names.
    pub breakdowns: GlobSet,
    /// Where the status is shown as diagnostics too.
    pub status_as_diagnostics: StatusAsDiagnostics,
}

/// The same as the client sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Sent {
    breakdowns: Option<Vec<String>>,
    status_as_diagnostics: StatusAsDiagnostics,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            breakdowns: patterns(Format::globs()),
            status_as_diagnostics: StatusAsDiagnostics::Auto,
        }
    }
}

impl Settings {
    /// Of what the client sent, which may be anything.
    ///
    /// # Errors
    /// It is not what was meant.
    pub fn from_json(sent: &Value) -> Result<Self, String> {
        let sent = sent.get(SECTION).unwrap_or(sent);
        if sent.is_null() {
            return Ok(Self::default());
        }
        let sent = Sent::deserialize(sent)
            .map_err(|error| format!("the setting {SECTION} is not understood: {error}"))?;
        let breakdowns = match sent.breakdowns {
            Some(given) => patterns(given.iter().map(String::as_str)),
            None => Self::default().breakdowns,
        };
        Ok(Self { breakdowns, status_as_diagnostics: sent.status_as_diagnostics })
    }

    /// Whether a file is a breakdown by its name.
    pub fn names(&self, path: &Path) -> bool {
        self.breakdowns.is_match(path)
    }
}

fn patterns<'a>(given: impl Iterator<Item = &'a str>) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    // A pattern that is none matches nothing.
    for glob in given.filter_map(|pattern| Glob::new(pattern).ok()) {
        set.add(glob);
    }
    set.build().unwrap_or_default()
}

/// What we can do.
pub fn capabilities(setup: &ClientCapabilities) -> ServerCapabilities {
    let of = |language: &str| DocumentFilter {
        language: Some(language.into()),
        scheme: None,
        pattern: None,
    };
    let languages = ["markdown", "json", "jsonl", "yaml"].map(of);
    ServerCapabilities {
        position_encoding: Some(setup.encoding.kind()),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(TextDocumentSyncSaveOptions::Supported(true)),
            ..TextDocumentSyncOptions::default()
        })),
        inlay_hint_provider: Some(OneOf::Left(true)),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![
                CodeActionKind::QUICKFIX,
                CodeActionKind::REFACTOR_REWRITE,
                CodeActionKind::EMPTY,
            ]),
            ..CodeActionOptions::default()
        })),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: COMMANDS.into_iter().map(name).collect(),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        document_symbol_provider: Some(OneOf::Left(true)),
        workspace_symbol_provider: Some(OneOf::Left(true)),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        document_highlight_provider: Some(OneOf::Left(true)),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some(vec![
                "[".into(),
                ":".into(),
                ",".into(),
                " ".into(),
                "@".into(),
            ]),
            ..CompletionOptions::default()
        }),
        document_link_provider: Some(DocumentLinkOptions {
            resolve_provider: Some(false),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        selection_range_provider: Some(SelectionRangeProviderCapability::Simple(true)),
        call_hierarchy_provider: Some(CallHierarchyServerCapability::Simple(true)),
        semantic_tokens_provider: Some(
            SemanticTokensRegistrationOptions {
                text_document_registration_options: TextDocumentRegistrationOptions {
                    document_selector: Some(languages.to_vec()),
                },
                semantic_tokens_options: SemanticTokensOptions {
                    legend: SemanticTokensLegend {
                        token_types: TOKEN_TYPES.map(SemanticTokenType::new).to_vec(),
                        token_modifiers: LOOKS
                            .map(|look| SemanticTokenModifier::new(look.name()))
                            .to_vec(),
                    },
                    range: Some(true),
                    full: Some(SemanticTokensFullOptions::Bool(true)),
                    ..SemanticTokensOptions::default()
                },
                static_registration_options: StaticRegistrationOptions::default(),
            }
            .into(),
        ),
        workspace: Some(WorkspaceServerCapabilities {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(OneOf::Left(true)),
            }),
            ..WorkspaceServerCapabilities::default()
        }),
        ..ServerCapabilities::default()
    }
}
