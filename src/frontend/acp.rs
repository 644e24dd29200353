//! The Agent Client Protocol on stdio: the coordinator as an agent that editors talk to.
//!
//! A prompt names a breakdown; its tasks show as the plan, what is carried out as tool calls, gates
//! that wait for a person as permission requests; the turn ends with the return protocol. What is
//! started is carried out by the daemon of the workspace.

mod turn;

use crate::engine::coordinator::Coordinator;
use crate::rpc::peer::{Caller, Client as Kind, Peer};
use crate::rpc::table::Table;
use crate::workspace::root_of;
use agent_client_protocol::v1::schema::*;
use agent_client_protocol::{Agent, Error, Stdio, on_receive_notification, on_receive_request};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use turn::Turn;

/// Serves one client until its input ends.
///
/// # Errors
/// The input can't be read.
pub async fn run(table: Arc<Table>, coordinator: Arc<Coordinator>) -> Result<(), Error> {
    let peer = Peer::unheard(Kind::Model);
    coordinator.follow();
    let caller = Caller { coordinator, peer: peer.clone(), asked: None };
    let sessions = Arc::new(Sessions::default());
    let (making, prompting, cancelling) = (sessions.clone(), sessions.clone(), sessions);
    let of_new = caller.clone();
    let served = Agent
        .v1()
        .name(env!("CARGO_PKG_NAME"))
        .on_receive_request(
            async move |initialize: InitializeRequest, responder, _| {
                let program =
                    Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
                responder.respond(
                    InitializeResponse::new(initialize.protocol_version).agent_info(program),
                )
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |new: NewSessionRequest, responder, _| {
                if !new.cwd.is_absolute() {
                    let why = format!("`cwd` is an absolute path, not {}", new.cwd.display());
                    return responder.respond_with_error(Error::invalid_params().data(why));
                }
                of_new.coordinator.add_root(&root_of(&new.cwd));
                responder.respond(NewSessionResponse::new(making.begin(new.cwd)))
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |prompt: PromptRequest, responder, client| {
                let Some((folder, stop)) = prompting.turn(&prompt.session_id) else {
                    let why = format!(
                        "there is no session `{}`: `session/new` begins one",
                        prompt.session_id.0
                    );
                    return responder.respond_with_error(Error::invalid_params().data(why));
                };
                let turn = Turn::new(
                    client.clone(),
                    prompt.session_id,
                    table.clone(),
                    caller.clone(),
                    folder,
                );
                // The turn takes as long as the execution; what else comes is not held up by it.
                client.spawn(async move {
                    responder.respond(PromptResponse::new(turn.take(prompt.prompt, stop).await))
                })
            },
            on_receive_request!(),
        )
        .on_receive_notification(
            async move |cancel: CancelNotification, _| {
                cancelling.stop(&cancel.session_id);
                Ok(())
            },
            on_receive_notification!(),
        )
        .connect_to(Stdio::new())
        .await;
    peer.close();
    served
}

/// The sessions of one client: where each is at work, and what stops its turn.
#[derive(Default)]
struct Sessions(Mutex<BTreeMap<String, (PathBuf, watch::Sender<u64>)>>);

impl Sessions {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, (PathBuf, watch::Sender<u64>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, folder: PathBuf) -> String {
        let mut all = self.all();
        let id = format!("session-{}", all.len() + 1);
        all.insert(id.clone(), (folder, watch::Sender::new(0)));
        id
    }

    fn turn(&self, id: &SessionId) -> Option<(PathBuf, watch::Receiver<u64>)> {
        self.all().get(&*id.0).map(|(folder, stop)| (folder.clone(), stop.subscribe()))
    }

    fn stop(&self, id: &SessionId) {
        if let Some((_, stop)) = self.all().get(&*id.0) {
            stop.send_modify(|turns| *turns += 1);
        }
    }
}
