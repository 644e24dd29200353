//! `run`: the main job.
#![expect(clippy::disallowed_methods, reason = "this is the edge where everything comes together")]

use super::display::Display;
use super::{Exit, Outcome, Reading, here, print, print_data, print_json, root_here};
use crate::breakdown::source;
use crate::config::Isolation;
use crate::core::event::{Recorded, Status};
use crate::core::progress;
use crate::core::report::report;
use crate::core::state::State;
use crate::engine::coordinator::{Coordinator, Observe, StartOptions};
use crate::engine::locate::{find, read};
use crate::engine::start::{Options, Prepared, prepare, workspace_of};
use crate::escape;
use crate::failure::{Failure, say};
use crate::frontend::socket::Server;
use crate::rpc::calls::table;
use crate::view::View;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Options of `run`.
#[derive(clap::Args, Clone, Default)]
pub struct Arguments {
    /// The breakdown: a file, a folder that has one, or `-` for standard input
    breakdown: PathBuf,
    /// The only executor: a name of the roster, or a kind
    #[arg(long, value_name = "NAME|KIND")]
    agent: Option<String>,
    /// Attempts at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_parallel: Option<u32>,
    /// Where attempts work [default: as the config says, else worktrees where there is a repository]
    #[arg(long, value_enum)]
    isolation: Option<Isolation>,
    /// Merge the result into the branch that is checked out, at the end
    #[arg(long)]
    deliver: bool,
    /// Tick in the breakdown what is done
    #[arg(long)]
    write_back: bool,
    /// The config instead of the one found
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only these tasks, and what they wait for
    #[arg(long, value_name = "TASKS", value_delimiter = ',')]
    only: Vec<String>,
    /// Write the report there too: `.json` as JSON, anything else as Markdown
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// What is printed on stdout
    #[arg(long, default_value = "text", value_parser = ["text", "markdown", "json", "ndjson"])]
    format: String,
    /// Start again, even where an execution of this breakdown is unfinished
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    reading: Reading,
}

/// Options of `deliver`.
#[derive(clap::Args)]
pub struct OfExecution {
    /// The execution [default: the latest]
    execution: Option<String>,
}

/// `deliver`: what `run --deliver` does once all else is done; exit 3 when it was refused.
///
/// # Errors
/// There is no such execution, or it is not complete.
pub fn deliver(arguments: &OfExecution) -> Outcome {
    let dir = find(&root_here()?, arguments.execution.as_deref())?;
    let (name, state) = (dir.id(), read(&dir)?.1);
    // One that was killed while it delivered has not ended, and all else of it is done.
    if !progress::is_all_done(&state) {
        return Err(Failure::usage(format!(
            "{name} is not complete: `run {}` goes on with it; then it can be delivered",
            state.breakdown
        )));
    }
    if state.merging.head.is_none() {
        return Err(Failure::usage(format!(
            "{name} has no branch with a result: its attempts worked in the workspace itself"
        )));
    }
    let arguments = Arguments {
        breakdown: PathBuf::from(&*state.breakdown),
        deliver: true,
        format: "text".into(),
        ..Arguments::default()
    };
    let source = source::read(&arguments.breakdown)?;
    let prepared =
        prepare(source, root_here()?, Options { execution: Some(dir), ..arguments.options() })?;
    if prepared.has_changed(&state) {
        return Err(Failure::usage(format!(
            "{} has changed since {name} was complete: `run --deliver` does that first",
            state.breakdown
        )));
    }
    carry_out(&arguments, prepared)
}

impl Arguments {
    fn options(&self) -> Options {
        Options {
            agent: self.agent.clone(),
            max_parallel: self.max_parallel,
            isolation: self.isolation,
            deliver: self.deliver,
            write_back: self.write_back,
            config: self.config.clone(),
            only: self.only.clone(),
            execution: None,
            fresh: self.fresh,
            format: self.reading.format(),
            deps: self.reading.deps(),
        }
    }
}

/// Carries out a breakdown.
///
/// # Errors
/// Bad usage, config or breakdown, in which case nothing was started; another owner; a journal
/// that can't be read or written.
pub fn run(arguments: &Arguments) -> Outcome {
    let source = source::read(&arguments.breakdown)?;
    let root = workspace_of(&source, &here()?);
    carry_out(arguments, prepare(source, root, arguments.options())?)
}

fn carry_out(arguments: &Arguments, prepared: Prepared) -> Outcome {
    prepared.warnings.iter().for_each(|warning| say(format_args!("{warning}")));
    if prepared.all_done() {
        say(format_args!(
            "every task is ticked in the breakdown already: only gates of the whole are left"
        ));
    }
    let ndjson = arguments.format == "ndjson";
    let coordinator = Coordinator::new(here()?);
    let listeners = coordinator.listeners();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::internal(format!("no runtime: {error}")))?;
    let (execution, stopped) = runtime.block_on(async {
        let mut suspend = signals()?;
        let (execution, begun) = coordinator.start(
            prepared,
            StartOptions {
                synced: ndjson,
                observe: Some(Box::new(move |view| observe(view, ndjson))),
            },
        )?;
        coordinator.fill();
        if !begun {
            say(format_args!("{} is complete already; `--fresh` runs it again", execution.id));
            return Ok((execution, None));
        }
        let (rest, at_rest) = (coordinator.clone(), coordinator.clone());
        let over = async move { drop(rest.at_rest().await) };
        let serving = Server::new(Arc::new(table()), coordinator.clone()).serve(listeners, over);
        tokio::pin!(serving);
        loop {
            tokio::select! {
                () = &mut serving => break,
                Some(()) = suspend.recv() => coordinator.suspend(),
            }
        }
        Ok::<_, Failure>((execution, at_rest.at_rest().await.pop()))
    })?;
    // What still runs in the background has nobody to report to.
    runtime.shutdown_background();
    match stopped {
        // Said already, by the thread in which it happened.
        Some(Err(failure)) => Ok(Exit::for_failure(failure.kind)),
        Some(Ok(None)) => {
            say(format_args!("suspended; the same `run` goes on where it stood"));
            Ok(Exit::Interrupted)
        }
        Some(Ok(Some(_))) | None => finish(arguments, &execution.state()),
    }
}

/// Shows each batch, and prints it where that is wanted.
fn observe(view: &Arc<View>, ndjson: bool) -> Observe {
    let mut display = Display::new(view.clone(), !ndjson);
    Box::new(move |batch, state| {
        display.show(batch, state);
        if ndjson { print_events(batch) } else { Ok(()) }
    })
}

/// Events as JSON lines. They are acknowledged to whoever reads them, so they are on disk first.
fn print_events(batch: &[Recorded]) -> std::io::Result<()> {
    let mut lines = String::new();
    for event in batch {
        lines.push_str(&escape::json(&serde_json::to_string(event)?));
        lines.push('\n');
    }
    let mut out = std::io::stdout().lock();
    match out.write_all(lines.as_bytes()).and_then(|()| out.flush()) {
        // Who reads along may leave: the execution goes on.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Ctrl-C and a request to end suspend; a second one does not wait.
pub(super) fn signals() -> Result<mpsc::UnboundedReceiver<()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = mpsc::unbounded_channel();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind)
            .map_err(|error| Failure::internal(format!("signals can't be received: {error}")))?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if sender.send(()).is_err() {
                    return;
                }
            }
        });
    }
    Ok(receiver)
}

/// Prints the return protocol; the exit code is the status.
fn finish(arguments: &Arguments, state: &State) -> Outcome {
    let report = report(state);
    if let Some(path) = &arguments.report {
        let json = path.extension().is_some_and(|extension| extension == "json");
        let text = if json {
            serde_json::to_string_pretty(&report).unwrap_or_default()
        } else {
            report.markdown()
        };
        std::fs::write(path, text).map_err(|error| {
            Failure::unusable(format!("{}: the report can't be written: {error}", path.display()))
        })?;
    }
    match arguments.format.as_str() {
        "json" => print_json(&report)?,
        "ndjson" => print_data(
            &(escape::json(
                &serde_json::to_string(&BTreeMap::from([("report", &report)])).unwrap_or_default(),
            ) + "\n"),
        )?,
        _ => print(&report.markdown())?,
    };
    Ok(exit_of(state.ended.map(|(status, _)| status)))
}

/// The exit code of a status.
pub(super) fn exit_of(status: Option<Status>) -> Exit {
    match status {
        Some(Status::Complete) => Exit::Complete,
        Some(Status::Partial) => Exit::Partial,
        Some(Status::Blocked) | None => Exit::Blocked,
    }
}
