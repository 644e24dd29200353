//! `serve`: the daemon on stdio.

use super::run::signals;
use super::{Exit, Outcome, here};
use crate::core::event::Status;
use crate::engine::coordinator::Coordinator;
use crate::face::{Ended, Framing, OnEof, serve as serve_peer, socket};
use crate::failure::Failure;
use crate::rpc::calls::table;
use crate::workspace::root_of;
use clap::ValueEnum;
use std::sync::Arc;

/// Options of `serve`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Speak on stdin and stdout, which is the only way there is
    #[arg(long)]
    stdio: bool,
    /// How messages are told apart [default: by the first byte]
    #[arg(long, value_enum)]
    framing: Option<FramingArgument>,
    /// What becomes of a live execution when the input ends
    #[arg(long, value_enum, default_value = "suspend")]
    on_eof: OnEofArgument,
    /// Some editors name their own process
    #[arg(long, value_name = "PID", hide = true)]
    client_process_id: Option<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
enum FramingArgument {
    /// Content-Length headers: the Language Server Protocol
    Lsp,
    /// One JSON value a line
    Lines,
}

#[derive(Clone, Copy, ValueEnum)]
enum OnEofArgument {
    /// It is stopped with its state kept
    Suspend,
    /// It goes on to its end
    Finish,
}

/// `serve`: the exit code is that of the executions that it carried out; of an editor it is what
/// its protocol says.
///
/// # Errors
/// Its input can't be read.
pub fn serve(arguments: &Arguments) -> Outcome {
    // Accepted, so that editors may say it; there is nothing else.
    let _ = (arguments.stdio, arguments.client_process_id);
    let framing = arguments.framing.map(|framing| match framing {
        FramingArgument::Lsp => Framing::Lsp,
        FramingArgument::Lines => Framing::Lines,
    });
    let on_eof = match arguments.on_eof {
        OnEofArgument::Suspend => OnEof::Suspend,
        OnEofArgument::Finish => OnEof::Finish,
    };
    let folder = here()?;
    let coordinator = Coordinator::new(folder.clone());
    coordinator.add_root(&root_of(&folder));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::internal(format!("no runtime: {error}")))?;
    let outcome = runtime.block_on(async {
        let mut signals = signals()?;
        let table = Arc::new(table());
        let (leave, left) = tokio::sync::oneshot::channel::<()>();
        let others = socket::serve(table.clone(), coordinator.clone(), coordinator.doors(), async move { drop(left.await) });
        let others = tokio::spawn(others);
        let served = serve_peer(table, coordinator.clone(), framing, on_eof, tokio::io::stdin(), tokio::io::stdout());
        let outcome = tokio::select! {
            ended = served => match ended {
                Ok(Ended::Lines(executions)) => Ok(exit_of(&executions)),
                // The Language Server Protocol says so.
                Ok(Ended::Editor(said)) => Ok(if said { Exit::Complete } else { Exit::Internal }),
                Err(error) => Err(Failure::internal(format!("the input can't be read: {error}"))),
            },
            Some(()) = signals.recv() => {
                coordinator.suspend();
                tokio::select! {
                    _ = coordinator.at_rest() => {}
                    // Asked a second time, it does not wait.
                    _ = signals.recv() => {}
                }
                Ok(Exit::Interrupted)
            }
        };
        // Those at the doors are told how it ended.
        drop(leave);
        let _ = others.await;
        outcome
    });
    // A read of stdin can't be taken back: it ends with the process.
    runtime.shutdown_background();
    outcome
}

/// The worst of what the executions came to.
fn exit_of(executions: &[Result<Option<Status>, Failure>]) -> Exit {
    let one = |execution: &Result<Option<Status>, Failure>| match execution {
        Ok(Some(status)) => super::run::exit_of(Some(*status)),
        Ok(None) => Exit::Interrupted,
        Err(failure) => Exit::of(failure.kind),
    };
    executions.iter().map(one).max_by_key(|exit| *exit as u8).unwrap_or(Exit::Complete)
}
