//! One editor: its texts, its settings, and the executions that it is shown.

use super::capabilities::{ClientCapabilities, Settings};
use super::documents::Documents;
use super::position::Encoding;
use super::snapshot::Snapshot;
use crate::breakdown::folder::breakdown_of;
use crate::engine::clock::now_ms;
use crate::engine::execution::Execution;
use crate::failure::say;
use crate::rpc::calls::file_of;
use crate::rpc::peer::Caller;
use crate::rpc::table::Table;
use crate::watch::Watch;
use crate::workspace::root_of;
use serde_json::Value;
use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Notify;
use tower_lsp::Client;
use tower_lsp::ls_types::*;

/// How long the client may take to answer a request of ours.
const CLIENT_TAKES: Duration = Duration::from_secs(10);
/// The page that codes of diagnostics link to.
const PROBLEMS_PAGE: &str = include_str!("../../../schema/PROBLEMS.md");

/// One editor.
pub struct Session {
    /// The methods.
    pub table: Arc<Table>,
    /// Who it is, for the methods.
    pub caller: Caller,
    /// By which it is asked.
    pub client: Client,
    /// Its texts.
    pub documents: Arc<Documents>,
    setup: OnceLock<ClientCapabilities>,
    settings: RwLock<Settings>,
    /// Texts whose diagnostics are to be sent.
    pub(super) stale: Mutex<BTreeSet<String>>,
    /// Something is stale.
    pub(super) publish: Notify,
    /// Executions may have changed.
    pub(super) look: Notify,
    page: OnceLock<Option<Uri>>,
    tasks: Mutex<Vec<tokio::task::AbortHandle>>,
    /// Folders that open texts belong to.
    folders: Watch,
}

impl Session {
    /// An editor that has said nothing yet.
    pub fn new(table: Arc<Table>, caller: Caller, client: Client) -> Arc<Self> {
        let documents: Arc<Documents> = Arc::default();
        let read = Arc::downgrade(&documents);
        Arc::new(Self {
            table,
            caller,
            client,
            folders: Watch::new(move |folder| {
                read.upgrade()
                    .into_iter()
                    .for_each(|documents| documents.read_folder_again(folder, None));
            }),
            documents,
            setup: OnceLock::new(),
            settings: RwLock::default(),
            stale: Mutex::default(),
            publish: Notify::new(),
            look: Notify::new(),
            page: OnceLock::new(),
            tasks: Mutex::default(),
        })
    }

    /// What the client can do.
    pub fn setup(&self) -> &ClientCapabilities {
        static NOTHING: OnceLock<ClientCapabilities> = OnceLock::new();
        self.setup.get().unwrap_or_else(|| NOTHING.get_or_init(ClientCapabilities::default))
    }

    /// The client has said what it can do.
    pub fn begin(&self, setup: ClientCapabilities) {
        for folder in &setup.folders {
            self.caller.coordinator.add_root(&root_of(folder));
        }
        // It says so once: a second time was refused before.
        let _ = self.setup.set(setup);
    }

    /// What the user has set.
    pub fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The user has set something else.
    pub fn configure(&self, sent: &Value) {
        match Settings::from_json(sent) {
            Ok(settings) => {
                *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings
            }
            Err(message) => say(format_args!("{message}")),
        }
        let settings = self.settings();
        self.documents.name(|path| settings.names(path));
        self.documents.uris().iter().for_each(|uri| self.mark(uri));
        self.look();
    }

    /// Executions may have changed: looks soon.
    pub fn look(&self) {
        self.look.notify_one();
    }

    /// The diagnostics of a text are to be sent.
    pub fn mark(&self, uri: &str) {
        self.stale.lock().unwrap_or_else(PoisonError::into_inner).insert(uri.to_owned());
        self.publish.notify_one();
    }

    /// Takes what happened to a text, in the order of the messages.
    pub fn document_event(self: &Arc<Self>, method: &str, params: Value) {
        if self.setup.get().is_none() {
            return;
        }
        let understood = match method {
            "textDocument/didOpen" => {
                serde_json::from_value(params).map(|params| self.opened(params))
            }
            "textDocument/didChange" => {
                serde_json::from_value(params).map(|params| self.changed(params))
            }
            "textDocument/didClose" => {
                serde_json::from_value(params).map(|params| self.closed(&params))
            }
            // Plans enter by the disk: the watcher sees what was saved.
            _ => Ok(()),
        };
        if let Err(error) = understood {
            say(format_args!("{method} is not understood: {error}"));
        }
    }

    fn opened(self: &Arc<Self>, params: DidOpenTextDocumentParams) {
        let TextDocumentItem { uri, language_id, version, text } = params.text_document;
        let path = path_of(uri.as_str());
        let may_be = ["markdown", "json", "jsonc", "jsonl", "yaml"].contains(&language_id.as_str())
            || path.as_ref().and_then(|path| path.extension()).is_some_and(|end| {
                ["md", "json", "jsonl", "yaml", "yml"].iter().any(|known| end == *known)
            });
        if !may_be {
            return;
        }
        let named = path.as_ref().is_some_and(|path| self.settings().names(path));
        if let Some(folder) = path.as_deref().and_then(std::path::Path::parent) {
            self.caller.coordinator.add_root(&root_of(folder));
        }
        let (session, key) = (self.clone(), uri.to_string());
        self.documents.open(uri.as_str(), path, version, text, named, move || session.mark(&key));
        // Of a folder, the files that are not open may change too.
        self.documents.folders().iter().for_each(|folder| self.folders.add_read(folder, true));
        self.look();
    }

    fn changed(&self, params: DidChangeTextDocumentParams) {
        let VersionedTextDocumentIdentifier { uri, version } = params.text_document;
        self.documents.change(uri.as_str(), version, params.content_changes, self.encoding());
    }

    fn closed(&self, params: &DidCloseTextDocumentParams) {
        let uri = params.text_document.uri.as_str();
        self.documents.close(uri);
        self.folders.keep_folders(&self.documents.folders());
        self.mark(uri);
    }

    fn encoding(&self) -> Encoding {
        self.setup().encoding
    }

    /// The execution of a text.
    pub fn execution_of(&self, uri: &str) -> Option<Arc<Execution>> {
        self.documents
            .execution(uri)
            .or_else(|| self.caller.coordinator.of_breakdown(&breakdown_of(&path_of(uri)?)))
    }

    /// A breakdown as it is after the last edit that has come in; nothing for other texts.
    pub async fn snapshot(&self, uri: &str) -> Option<Snapshot> {
        let analysis = self.documents.analysis(uri).await?;
        self.scene_of(uri, analysis)
    }

    /// A breakdown as it was when it was last read.
    pub fn last_scene(&self, uri: &str) -> Option<Snapshot> {
        let analysis = self.documents.last_analysis(uri)?;
        self.scene_of(uri, analysis)
    }

    fn scene_of(&self, uri: &str, analysis: Arc<super::documents::Analysis>) -> Option<Snapshot> {
        analysis.parsed.as_ref()?;
        // One that was started a moment ago has not been bound to its text yet.
        let known = || self.caller.coordinator.known_of(analysis.path.as_deref()?);
        let execution = self.documents.execution(uri).or_else(known);
        let state = execution
            .as_ref()
            .map(|execution| execution.state())
            .filter(|state| state.execution.is_some());
        let running = execution
            .as_ref()
            .is_some_and(|execution| !execution.has_ended() && execution.owner().is_some());
        Some(Snapshot {
            uri: uri.parse().ok()?,
            analysis,
            encoding: self.encoding(),
            execution,
            state,
            running,
            now_ms: now_ms(),
        })
    }

    /// Asks the client something, apart from what is being answered, and not for ever.
    pub fn ask(&self, asking: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(async move { drop(tokio::time::timeout(CLIENT_TAKES, asking).await) });
    }

    /// Keeps a task of this editor, to be ended with it.
    pub(super) fn keep(&self, task: &tokio::task::JoinHandle<()>) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task.abort_handle());
    }

    /// The editor has left.
    pub fn close(&self) {
        self.tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
            .for_each(|task| task.abort());
        for uri in self.documents.uris() {
            self.documents.close(&uri);
        }
    }

    /// The page that codes of diagnostics link to, kept where the user's caches are.
    pub fn problems_page(&self) -> Option<&Uri> {
        self.page.get_or_init(keep_page).as_ref()
    }

    /// The agents of the roster that a breakdown may name.
    pub fn agents(&self, snapshot: &Snapshot) -> Vec<String> {
        if let Some(state) = &snapshot.state {
            return state.policy.agents.iter().map(|agent| agent.name.to_string()).collect();
        }
        let root = snapshot.analysis.path.as_deref().and_then(std::path::Path::parent).map(root_of);
        root.map(|root| crate::engine::start::agents_of(&root)).unwrap_or_default()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the edge that keeps the page of problems")]
fn keep_page() -> Option<Uri> {
    let variable =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))?;
    let folder = caches.join(env!("CARGO_PKG_NAME"));
    let file = folder.join(concat!("problems-", env!("CARGO_PKG_VERSION"), ".md"));
    if std::fs::read(&file).ok().as_deref() != Some(PROBLEMS_PAGE.as_bytes()) {
        std::fs::create_dir_all(&folder).ok()?;
        std::fs::write(&file, PROBLEMS_PAGE).ok()?;
    }
    Uri::from_file_path(file)
}

/// The file of a text that is open, if it is one.
pub fn path_of(uri: &str) -> Option<std::path::PathBuf> {
    let path = file_of(uri).ok()?;
    // Journals name breakdowns so.
    Some(path.canonicalize().unwrap_or(path))
}
