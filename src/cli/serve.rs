//! `serve`: the server on stdio, and the daemon.

use super::run::signals;
use super::{Exit, Outcome, here, print};
use crate::config;
use crate::core::event::Status;
use crate::engine::coordinator::Coordinator;
use crate::engine::daemon::{self, STAYS};
use crate::engine::listener::{Address, Guard};
use crate::failure::{Failure, say};
use crate::frontend::socket::Server;
use crate::frontend::{Ended, Framing, OnEof, acp, mcp, serve as serve_peer};
use crate::rpc::calls::table;
use crate::workspace::{STATE_FOLDER, root_of};
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

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
    /// Start the daemon of this workspace, which carries out what editors start, and leave
    #[arg(long, conflicts_with_all = ["stop", "framing", "on_eof"])]
    detach: bool,
    /// Stop the daemon of this workspace; what it carries out keeps its state
    #[arg(long, conflicts_with_all = ["framing", "on_eof"])]
    stop: bool,
    /// With `--detach`: how long it stays after the last client when nothing runs [default: 1m]
    #[arg(long, value_name = "DURATION", value_parser = config::duration)]
    stay: Option<Duration>,
    /// Be that daemon
    #[arg(long, hide = true)]
    daemon: bool,
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

impl Arguments {
    /// Whether its standard error is the log that it writes without being asked.
    pub fn is_daemon(&self) -> bool {
        self.daemon
    }

    /// Where it writes its log without being asked.
    pub fn log_file(&self) -> Option<PathBuf> {
        let root = root_of(&here().ok()?);
        if self.daemon {
            return Some(daemon::log_of(&root));
        }
        let state = root.join(STATE_FOLDER);
        (state.is_dir() && !self.stop && !self.detach).then(|| state.join("serve.log"))
    }
}

/// `serve`: the exit code is that of the executions that it carried out; of an editor it is what
/// its protocol says.
///
/// # Errors
/// Its input can't be read.
pub fn serve(arguments: &Arguments) -> Outcome {
    // Accepted, so that editors may say it; there is nothing else.
    let _ = (arguments.stdio, arguments.client_process_id);
    let folder = here()?;
    let root = root_of(&folder);
    if arguments.stop {
        let stopped = daemon::stop(&root)?;
        say(format_args!(
            "{}: {}",
            root.display(),
            if stopped { "the daemon has left" } else { "there is no daemon" }
        ));
        return Ok(Exit::Complete);
    }
    if arguments.detach {
        daemon::launch(&root, arguments.stay)?;
        say(format_args!("{}: the daemon is there; `serve --stop` ends it", root.display()));
        return Ok(Exit::Complete);
    }
    let coordinator = Coordinator::new(folder);
    coordinator.add_root(&root);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::internal(format!("no runtime: {error}")))?;
    let outcome = if arguments.daemon {
        runtime.block_on(be_daemon(&root, coordinator, arguments.stay.unwrap_or(STAYS)))
    } else {
        runtime.block_on(serve_stdio(arguments, coordinator))
    };
    // A read of stdin can't be taken back: it ends with the process.
    runtime.shutdown_background();
    outcome
}

/// Serves who is at stdin and stdout, and whoever connects to the sockets of its executions.
async fn serve_stdio(arguments: &Arguments, coordinator: Arc<Coordinator>) -> Outcome {
    let framing = arguments.framing.map(|framing| match framing {
        FramingArgument::Lsp => Framing::Lsp,
        FramingArgument::Lines => Framing::Lines,
    });
    let on_eof = match arguments.on_eof {
        OnEofArgument::Suspend => OnEof::Suspend,
        OnEofArgument::Finish => OnEof::Finish,
    };
    let mut signals = signals()?;
    let table = Arc::new(table());
    let (leave, left) = tokio::sync::oneshot::channel::<()>();
    let server = Server::new(table.clone(), coordinator.clone());
    let others =
        tokio::spawn(server.serve(coordinator.listeners(), async move { drop(left.await) }));
    let served = serve_peer(
        table,
        coordinator.clone(),
        framing,
        on_eof,
        tokio::io::stdin(),
        tokio::io::stdout(),
    );
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
    // Connected clients are told how it ended.
    drop(leave);
    let _ = others.await;
    outcome
}

/// `mcp`: serves a client of a language model until it leaves.
///
/// # Errors
/// The current folder can't be read.
pub fn mcp() -> Outcome {
    until_it_leaves(async |coordinator| {
        mcp::run(Arc::new(table()), coordinator, tokio::io::stdin(), tokio::io::stdout()).await;
        Ok(())
    })
}

/// `acp`: serves an editor as its agent until it leaves.
///
/// # Errors
/// The current folder or the input can't be read.
pub fn acp() -> Outcome {
    until_it_leaves(async |coordinator| {
        let served = acp::run(Arc::new(table()), coordinator).await;
        served.map_err(|error| Failure::internal(format!("the input can't be read: {error}")))
    })
}

/// Serves one client of which nothing is carried out in this process.
fn until_it_leaves(serve: impl AsyncFnOnce(Arc<Coordinator>) -> Result<(), Failure>) -> Outcome {
    let folder = here()?;
    let coordinator = Coordinator::new(folder.clone());
    coordinator.add_root(&root_of(&folder));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::internal(format!("no runtime: {error}")))?;
    let served = runtime.block_on(async {
        let mut signals = signals()?;
        tokio::select! {
            served = serve(coordinator) => served,
            _ = signals.recv() => Ok(()),
        }
    });
    // A read of stdin can't be taken back: it ends with the process.
    runtime.shutdown_background();
    served.map(|()| Exit::Complete)
}

/// Carries out what clients start at the socket of the workspace, until nobody has needed it for a
/// while. Leaves at once where there is a daemon already.
async fn be_daemon(root: &Path, coordinator: Arc<Coordinator>, stays: Duration) -> Outcome {
    // Apart from the terminal: one that leads a session already is.
    let _ = rustix::process::setsid();
    let ready = |said: &str| print(&format!("{said}\n"));
    let held = match daemon::become_daemon(root) {
        Ok(Some(held)) => held,
        Ok(None) => return Ok(Exit::Complete),
        Err(failure) => {
            ready(&failure.message)?;
            return Ok(Exit::Unusable);
        }
    };
    let address = Address::of_daemon(root);
    let listeners = coordinator.listeners();
    let open = || coordinator.bind(&address).map_err(|error| daemon::without(root, &error));
    let mut guard = match open() {
        Ok(guard) => guard,
        Err(failure) => {
            ready(&failure.message)?;
            return Ok(Exit::Unusable);
        }
    };
    let mut signals = signals()?;
    ready(daemon::READY)?;
    let server = Server::new(Arc::new(table()), coordinator.clone());
    let mut present = server.present();
    let over = async {
        loop {
            tokio::select! {
                why = nobody_needs_it(&coordinator, &mut present, guard.as_ref(), stays) => {
                    // Closed first and looked at after that: nobody can slip in.
                    if let Some(guard) = guard.take() {
                        guard.close().await;
                    }
                    if !is_needed(&coordinator, &present) {
                        return why;
                    }
                    guard = open().unwrap_or_default();
                }
                Some(()) = signals.recv() => {
                    drop(guard.take());
                    coordinator.suspend();
                    drop(coordinator.at_rest().await);
                    return "it was asked to".to_owned();
                }
            }
        }
    };
    server
        .serve(listeners, async {
            say(format_args!("process {} leaves: {}", std::process::id(), over.await))
        })
        .await;
    drop(held);
    Ok(Exit::Complete)
}

/// Whether the daemon may not leave: a client is there, an execution is carried out, or one is being started.
fn is_needed(coordinator: &Coordinator, present: &watch::Receiver<usize>) -> bool {
    *present.borrow() > 0 || coordinator.is_busy()
}

/// Waits until nobody has needed the daemon for so long; no longer where nobody can find it any more. Says why it
/// leaves.
async fn nobody_needs_it(
    coordinator: &Coordinator,
    present: &mut watch::Receiver<usize>,
    guard: Option<&Guard>,
    stays: Duration,
) -> String {
    let mut look = tokio::time::interval(Duration::from_secs(1));
    let mut changes = coordinator.changes();
    let mut unneeded_since = None;
    loop {
        changes.mark_unchanged();
        present.mark_unchanged();
        let unneeded = !is_needed(coordinator, present);
        unneeded_since = unneeded.then(|| unneeded_since.unwrap_or_else(Instant::now));
        if unneeded && guard.is_none_or(|guard| !guard.is_there()) {
            return "its socket is gone, so nobody can find it".to_owned();
        }
        let leaves = unneeded_since.map_or_else(|| Instant::now() + stays, |since| since + stays);
        tokio::select! {
            _ = present.changed() => {}
            _ = changes.changed() => {}
            _ = look.tick() => {}
            () = tokio::time::sleep_until(leaves), if unneeded => {
                return format!("nothing was under way and no client was there for {stays:?}");
            }
        }
    }
}

/// The worst of what the executions came to.
fn exit_of(executions: &[Result<Option<Status>, Failure>]) -> Exit {
    let one = |execution: &Result<Option<Status>, Failure>| match execution {
        Ok(Some(status)) => super::run::exit_of(Some(*status)),
        Ok(None) => Exit::Interrupted,
        Err(failure) => Exit::for_failure(failure.kind),
    };
    executions.iter().map(one).max_by_key(|exit| *exit as u8).unwrap_or(Exit::Complete)
}
