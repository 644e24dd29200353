//! JSON lines: one value a line in, one value a line out.

use super::envelope::{self, Message, answer, failure};
use crate::rpc::error::{busy, invalid_request, parse_error};
use crate::rpc::peer::Caller;
use crate::rpc::table::Table;
use serde_json::Value;
use std::future::Future;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// The longest line that is read.
pub const MAX_LINE_BYTES: usize = 16 << 20;
/// Messages that are being answered at once.
const MAX_UNDER_WAY: usize = 4_096;
/// Messages of one batch: their answers are one message, too, and are kept until all are there.
const MAX_BATCH: usize = 100;
/// Answers that wait for a slow reader; while there are so many, no more is asked of us.
const MAX_UNREAD: usize = 256;

/// Splits bytes into lines, whatever pieces they come in.
#[derive(Default)]
pub struct Splitter {
    line: Vec<u8>,
    too_long: bool,
}

/// One line.
#[derive(Debug, PartialEq)]
pub enum Line {
    /// Its bytes, without its end.
    Whole(Vec<u8>),
    /// It was longer than may be, and was not kept.
    TooLong,
}

impl Splitter {
    /// Takes some bytes; gives the lines that end in them.
    pub fn push(&mut self, mut bytes: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.add(&bytes[..end]);
            lines.extend(self.end());
            bytes = &bytes[end + 1..];
        }
        self.add(bytes);
        lines
    }

    fn add(&mut self, bytes: &[u8]) {
        if self.too_long || self.line.len() + bytes.len() > MAX_LINE_BYTES {
            self.too_long = true;
            self.line = Vec::new();
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    /// The line so far, at its end or the end of everything; nothing where it is blank.
    pub fn end(&mut self) -> Option<Line> {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.too_long) {
            return Some(Line::TooLong);
        }
        let bare = line.strip_prefix(b"\xef\xbb\xbf".as_slice()).unwrap_or(&line);
        (!bare.trim_ascii().is_empty()).then(|| Line::Whole(bare.to_vec()))
    }
}

/// Answers a client until its input ends and every request has its answer.
///
/// # Errors
/// The input can't be read.
pub async fn run(
    table: Arc<Table>,
    caller: Caller,
    mut input: impl AsyncRead + Unpin,
) -> std::io::Result<()> {
    let mut splitter = Splitter::default();
    let mut under_way = JoinSet::new();
    let unread = Arc::new(Semaphore::new(MAX_UNREAD));
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = tokio::select! {
            read = input.read(&mut buffer) => read?,
            // Nobody reads the answers any more.
            () = caller.peer.gone() => return Ok(()),
        };
        caller.peer.heard();
        let lines = if read == 0 {
            splitter.end().into_iter().collect()
        } else {
            splitter.push(&buffer[..read])
        };
        for line in lines {
            while under_way.try_join_next().is_some() {}
            let future = answer_line(&table, &caller, line, under_way.len() >= MAX_UNDER_WAY);
            let (peer, unread, answering) =
                (caller.peer.clone(), unread.clone(), caller.peer.answering());
            under_way.spawn(async move {
                let _answering = answering;
                if let Some(answer) = future.await {
                    // Never closed: it is only there to be counted.
                    let _place = unread.acquire().await;
                    peer.send(envelope::bytes(&answer)).await;
                }
            });
        }
        tokio::select! {
            place = unread.acquire() => drop(place),
            () = caller.peer.gone() => return Ok(()),
        }
        if read == 0 {
            break;
        }
    }
    tokio::select! {
        () = async { while under_way.join_next().await.is_some() {} } => {}
        () = caller.peer.gone() => {}
    }
    Ok(())
}

/// What a line is answered; nothing for notifications.
pub fn answer_line(
    table: &Table,
    caller: &Caller,
    line: Line,
    is_busy: bool,
) -> impl Future<Output = Option<Value>> + Send + use<> {
    let parsed = match line {
        Line::TooLong => {
            Err(parse_error(&format!("the line has more than {MAX_LINE_BYTES} bytes")))
        }
        Line::Whole(bytes) => {
            serde_json::from_slice::<Value>(&bytes).map_err(|error| parse_error(&error.to_string()))
        }
    };
    let call = |value: Value| match envelope::read(value) {
        Message::Response(_) => One::Ready(None),
        Message::Invalid(answer) => One::Ready(Some(answer)),
        Message::Request { id, .. } if is_busy => One::Ready(id.map(|id| failure(id, &busy()))),
        Message::Request { id, method, params } => {
            One::Called(id, Box::pin(table.call(&method, params, caller.clone())))
        }
    };
    let all = match parsed {
        Err(error) => (false, vec![One::Ready(Some(failure(Value::Null, &error)))]),
        Ok(Value::Array(list)) if list.is_empty() => (
            false,
            vec![One::Ready(Some(failure(
                Value::Null,
                &invalid_request("a batch has at least one message"),
            )))],
        ),
        Ok(Value::Array(list)) if list.len() > MAX_BATCH => (
            false,
            vec![One::Ready(Some(failure(
                Value::Null,
                &invalid_request(&format!("a batch has at most {MAX_BATCH} messages")),
            )))],
        ),
        Ok(Value::Array(list)) => (true, list.into_iter().map(call).collect()),
        Ok(value) => (false, vec![call(value)]),
    };
    async move {
        let (is_batch, calls) = all;
        let answers = futures::future::join_all(calls.into_iter().map(One::answer)).await;
        let mut answers: Vec<Value> = answers.into_iter().flatten().collect();
        match is_batch {
            true if answers.is_empty() => None,
            true => Some(Value::Array(answers)),
            false => answers.pop(),
        }
    }
}

type Called = std::pin::Pin<Box<dyn Future<Output = Result<Value, jsonrpc_core::Error>> + Send>>;

enum One {
    Ready(Option<Value>),
    Called(Option<Value>, Called),
}

impl One {
    async fn answer(self) -> Option<Value> {
        match self {
            Self::Ready(answer) => answer,
            Self::Called(id, future) => {
                let outcome = future.await;
                id.map(|id| answer(id, outcome))
            }
        }
    }
}
