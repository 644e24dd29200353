//! How a peer speaks to us: framing and translation, no rules.

pub mod acp;
pub mod envelope;
pub mod line;
pub mod lsp;
pub mod mcp;
pub mod screen;
pub mod socket;

use crate::core::event::Status;
use crate::engine::coordinator::Coordinator;
use crate::failure::Failure;
use crate::rpc::peer::{Caller, Client, Peer};
use crate::rpc::table::Table;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

/// How long an editor that has left may still take to read what it was sent.
const EDITOR_TAKES: Duration = Duration::from_secs(1);

/// How messages are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length` headers, as the Language Server Protocol has them.
    Lsp,
    /// One JSON value a line.
    Lines,
}

/// What becomes of a live execution when the client's input ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnEof {
    /// It is stopped with its state kept.
    Suspend,
    /// It goes on to its end.
    Finish,
}

/// How a connection ended.
#[derive(Debug)]
pub enum Ended {
    /// A program's input ended. How the executions of this process ended: nothing for one that
    /// was suspended.
    Lines(Vec<Result<Option<Status>, Failure>>),
    /// An editor left, and whether it said so before.
    Editor(bool),
}

/// Serves one client until it leaves.
///
/// # Errors
/// Its input can't be read.
pub async fn serve(
    table: Arc<Table>,
    coordinator: Arc<Coordinator>,
    framing: Option<Framing>,
    on_eof: OnEof,
    mut input: impl AsyncRead + Unpin + Send + 'static,
    output: impl AsyncWrite + Unpin + Send + 'static,
) -> std::io::Result<Ended> {
    let mut first = Vec::new();
    let framing = match framing {
        Some(framing) => framing,
        None => match first_byte(&mut input, &mut first).await? {
            // Both headers of the Language Server Protocol begin so, and no JSON does.
            Some(b'C' | b'c') => Framing::Lsp,
            _ => Framing::Lines,
        },
    };
    let (peer, queue) =
        Peer::new(if framing == Framing::Lines { Client::Program } else { Client::Editor });
    let writer = tokio::spawn({
        let peer = peer.clone();
        async move {
            // Who can't be written to has left.
            let _ = write(queue, output, framing).await;
            peer.close();
        }
    });
    let caller = Caller { coordinator: coordinator.clone(), peer: peer.clone(), asked: None };
    coordinator.follow();
    let input = std::io::Cursor::new(first).chain(input);
    let editor = match framing {
        Framing::Lines => {
            line::run(table, caller, input).await?;
            None
        }
        Framing::Lsp => Some(lsp::connection::run(table, caller, input).await?),
    };
    if on_eof == OnEof::Suspend {
        coordinator.suspend();
    }
    let ended = coordinator.at_rest().await;
    let told = async {
        peer.drain().await;
        peer.close();
        // What is queued is written out; where nobody can read any more, that ends at once.
        let _ = writer.await;
    };
    match editor {
        // A program is told everything, however slowly it reads; an editor that has left may
        // never read again.
        None => told.await,
        Some(_) => drop(tokio::time::timeout(EDITOR_TAKES, told).await),
    }
    Ok(editor.map_or(Ended::Lines(ended), Ended::Editor))
}

/// The first byte that is no blank, with all that was read until then.
async fn first_byte(
    input: &mut (impl AsyncRead + Unpin),
    read: &mut Vec<u8>,
) -> std::io::Result<Option<u8>> {
    loop {
        if let Some(byte) = read.iter().find(|byte| !byte.is_ascii_whitespace()) {
            return Ok(Some(*byte));
        }
        read.clear();
        if input.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
}

/// Writes whole messages, one after the other.
async fn write(
    mut queue: mpsc::Receiver<Vec<u8>>,
    mut output: impl AsyncWrite + Unpin,
    framing: Framing,
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(message) = queue.recv().await {
        let mut next = Some(message);
        while let Some(message) = next {
            if framing == Framing::Lsp {
                buffer.extend_from_slice(
                    format!("Content-Length: {}\r\n\r\n", message.len()).as_bytes(),
                );
            }
            buffer.extend_from_slice(&message);
            if framing == Framing::Lines {
                buffer.push(b'\n');
            }
            next = if buffer.len() < 1 << 16 { queue.try_recv().ok() } else { None };
        }
        output.write_all(&buffer).await?;
        output.flush().await?;
        buffer.clear();
    }
    Ok(())
}
