//! One editor's connection: messages in their order, each request answered whatever happens.

use super::frame::{Frame, Frames};
use super::server::Server;
use super::session::Session;
use crate::failure::panicked;
use crate::frontend::envelope::{self, Message, answer, failure};
use crate::rpc::error::{internal, invalid_request, parse_error};
use crate::rpc::peer::Caller;
use crate::rpc::table::Table;
use futures::{FutureExt, Sink, SinkExt, StreamExt};
use jsonrpc_core::{Error, ErrorCode};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::{AbortHandle, JoinSet};
use tower_lsp::jsonrpc::{Request, Response};
use tower_lsp::{ExitedError, LspService};
use tower_service::Service;

/// How long requests may still take once the client's input has ended.
const GRACE: Duration = Duration::from_secs(1);
/// Requests that are being answered at once.
const MAX_UNDER_WAY: usize = 4_096;

type Answer = Pin<Box<dyn Future<Output = Option<Value>> + Send>>;

/// What a connection holds.
struct Connection {
    table: Arc<Table>,
    caller: Caller,
    service: LspService<Server>,
    session: Arc<Session>,
    responses: Pin<Box<dyn Sink<Response, Error = ExitedError> + Send + Sync>>,
    /// Requests under way, by their ids as they are written.
    pending: Arc<Mutex<HashMap<String, UnderWay>>>,
    /// The last of the ids by which the service knows requests.
    last_id: i64,
    under_way: JoinSet<()>,
    shut_down: bool,
}

/// By what a request is given up.
enum UnderWay {
    /// By the service, with the id that it knows.
    Service(i64),
    /// By ending its task.
    Task(AbortHandle),
}

/// What a message leaves to be done.
struct Started {
    /// The id by which it can be given up.
    id: Option<Value>,
    /// The one by which the service knows it.
    inner: Option<i64>,
    future: Answer,
}

impl Started {
    fn ready(answer: Option<Value>) -> Self {
        Self { id: None, inner: None, future: Box::pin(async { answer }) }
    }
}

/// Whether to go on.
enum Next {
    Go,
    Exit,
}

/// Serves an editor until it leaves. Gives whether it said so before.
///
/// # Errors
/// The input can't be read.
pub async fn run(
    table: Arc<Table>,
    caller: Caller,
    mut input: impl AsyncRead + Unpin,
) -> std::io::Result<bool> {
    let mut made = None;
    let (service, socket) = LspService::new(|client| {
        let session = Session::new(table.clone(), caller.clone(), client);
        made = Some(session.clone());
        Server(session)
    });
    let Some(session) = made else { return Ok(false) };
    let (mut requests, responses) = socket.split();
    let peer = caller.peer.clone();
    let to_client = tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            if !peer.send(serde_json::to_vec(&request).unwrap_or_default()).await {
                return;
            }
        }
    });
    let mut connection = Connection {
        table,
        caller,
        service,
        session,
        responses: Box::pin(responses),
        pending: Arc::default(),
        last_id: 0,
        under_way: JoinSet::new(),
        shut_down: false,
    };
    let mut frames = Frames::default();
    let mut buffer = vec![0; 1 << 16];
    let orderly = 'all: loop {
        let read = tokio::select! {
            read = input.read(&mut buffer) => read?,
            // Nobody reads the answers any more.
            () = connection.caller.peer.gone() => break false,
        };
        if read == 0 {
            break connection.shut_down;
        }
        for frame in frames.push(&buffer[..read]) {
            if let Next::Exit = connection.frame(frame).await {
                break 'all connection.shut_down;
            }
            // What a message starts takes its first look at the documents before the next one
            // changes them.
            tokio::task::yield_now().await;
        }
    };
    let finish = async { while connection.under_way.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, finish).await;
    connection.under_way.abort_all();
    connection.session.close();
    to_client.abort();
    Ok(orderly)
}

impl Connection {
    async fn frame(&mut self, frame: Frame) -> Next {
        let value = match frame {
            Frame::Bad(why) => Err(parse_error(&why)),
            Frame::Body(body) => serde_json::from_slice::<Value>(&body)
                .map_err(|error| parse_error(&error.to_string())),
        };
        match value {
            Err(error) => self.answer_with(failure(Value::Null, &error)).await,
            Ok(Value::Array(list)) if list.is_empty() => {
                self.answer_with(failure(
                    Value::Null,
                    &invalid_request("a batch has at least one message"),
                ))
                .await;
            }
            Ok(Value::Array(list)) => return self.batch(list).await,
            Ok(value) => match self.message(value).await {
                Ok(Some(started)) => self.spawn(started),
                Ok(None) => {}
                Err(next) => return next,
            },
        }
        Next::Go
    }

    async fn batch(&mut self, list: Vec<Value>) -> Next {
        let mut futures = Vec::new();
        for value in list {
            match self.message(value).await {
                Ok(Some(started)) => futures.push(started.future),
                Ok(None) => {}
                Err(next) => return next,
            }
        }
        let all = futures::future::join_all(futures).map(|answers| {
            let answers: Vec<Value> = answers.into_iter().flatten().collect();
            (!answers.is_empty()).then_some(Value::Array(answers))
        });
        self.spawn(Started { id: None, inner: None, future: Box::pin(all) });
        Next::Go
    }

    /// Takes one message: what must happen in order has happened when this returns, and what is
    /// left to do is given back.
    async fn message(&mut self, value: Value) -> Result<Option<Started>, Next> {
        let (id, method, params) = match envelope::read(value) {
            Message::Invalid(answer) => return Ok(Some(Started::ready(Some(answer)))),
            Message::Response(value) => {
                if let Ok(response) = serde_json::from_value::<Response>(value) {
                    // Nobody may be waiting for it any more.
                    let _ = self.responses.send(response).await;
                }
                return Ok(None);
            }
            Message::Request { id, method, params } => (id, method, params),
        };
        if id.is_some() && self.under_way.len() >= MAX_UNDER_WAY {
            return Ok(id.map(|id| Started::ready(Some(failure(id, &crate::rpc::error::busy())))));
        }
        if self.table.has(&method) {
            let own_id = id.clone();
            let future = self.table.call(&method, params, self.caller.clone());
            let future = Box::pin(future.map(|outcome| own_id.map(|id| answer(id, outcome))));
            return Ok(Some(Started { id, inner: None, future }));
        }
        match (method.as_str(), &id) {
            ("$/cancelRequest", None) => {
                return Ok(self.cancel(params.as_ref()));
            }
            (
                "textDocument/didOpen"
                | "textDocument/didChange"
                | "textDocument/didClose"
                | "textDocument/didSave",
                None,
            ) => {
                self.session.document_event(&method, params.unwrap_or_default());
                return Ok(None);
            }
            ("window/workDoneProgress/cancel", None) => {
                self.session.progress_cancelled(
                    params.as_ref().map_or(&Value::Null, |params| &params["token"]),
                );
                return Ok(None);
            }
            ("shutdown", Some(_)) => self.shut_down = true,
            _ => {}
        }
        let exits = method == "exit" && id.is_none();
        let is_first = method == "initialize";
        let name = method.clone();
        let mut request = Request::build(method).params(params.unwrap_or_default());
        let mut inner = None;
        if id.is_some() {
            // Ids of any legal shape come back as they were: inside there are only ours.
            self.last_id += 1;
            inner = Some(self.last_id);
            request = request.id(self.last_id);
        }
        let called = self.service.call(request.finish());
        if exits {
            return Err(Next::Exit);
        }
        let own_id = id.clone();
        let answered = AssertUnwindSafe(called).catch_unwind().map(move |outcome| {
            let id = own_id?;
            Some(match outcome {
                Ok(Ok(Some(response))) => match response.into_parts().1 {
                    Ok(result) => answer(id, Ok(result)),
                    Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error}),
                },
                Ok(Ok(None)) => failure(id, &crate::rpc::error::method_not_found(&name, None)),
                Ok(Err(_)) => failure(id, &invalid_request("the server has exited")),
                Err(_) => failure(id, &internal(&panicked())),
            })
        });
        if is_first {
            // Nothing that comes after it may overtake it.
            let answer = answered.await;
            return Ok(Some(Started::ready(answer)));
        }
        Ok(Some(Started { id, inner, future: Box::pin(answered) }))
    }

    fn spawn(&mut self, started: Started) {
        while self.under_way.try_join_next().is_some() {}
        let Started { id, inner, future } = started;
        let peer = self.caller.peer.clone();
        let key = id.as_ref().map(ToString::to_string);
        let pending = self.pending.clone();
        let done = key.clone();
        let task = self.under_way.spawn(async move {
            let answer = future.await;
            if let Some(key) = done {
                pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            }
            if let Some(answer) = answer {
                peer.send(envelope::bytes(&answer)).await;
            }
        });
        if let Some(key) = key {
            let under_way = inner.map_or(UnderWay::Task(task), UnderWay::Service);
            self.pending.lock().unwrap_or_else(PoisonError::into_inner).insert(key, under_way);
        }
    }

    /// Gives up a request, and says so to whoever asked.
    fn cancel(&mut self, params: Option<&Value>) -> Option<Started> {
        let id = params?.get("id")?;
        let under_way =
            self.pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&id.to_string())?;
        match under_way {
            UnderWay::Service(inner) => {
                let request =
                    Request::build("$/cancelRequest").params(json!({ "id": inner })).finish();
                // It has an effect when it is called; the request itself is answered then.
                let called = self.service.call(request);
                Some(Started { id: None, inner: None, future: Box::pin(called.map(|_| None)) })
            }
            UnderWay::Task(task) => {
                task.abort();
                let error = Error {
                    code: ErrorCode::ServerError(-32800),
                    message: "Canceled".into(),
                    data: None,
                };
                Some(Started::ready(Some(failure(id.clone(), &error))))
            }
        }
    }

    async fn answer_with(&self, answer: Value) {
        self.caller.peer.send(envelope::bytes(&answer)).await;
    }
}
