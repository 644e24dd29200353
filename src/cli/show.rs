//! Commands that show an execution: what the methods of the same names give, for people.
#![expect(clippy::disallowed_methods, reason = "this is the edge that reads for people")]

use super::{Exit, Outcome, here, print, print_json, root_here};
use crate::core::id::TaskId;
use crate::core::report::report as report_of;
use crate::core::state::State;
use crate::core::view::ExecutionState;
use crate::engine::coordinator::Coordinator;
use crate::engine::execution::Execution;
use crate::engine::locate::{executions, find, read};
use crate::engine::output::printed;
use crate::escape;
use crate::failure::{Failure, say};
use crate::frontend::screen;
use crate::journal::lock::holder;
use crate::journal::tail::Tail;
use crate::rpc::calls::{row, table};
use crate::rpc::messages::ExecutionRow;
use crate::rpc::peer::{self, Caller, Client, Peer};
use crate::workspace::execution_dir::ExecutionDir;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

/// The execution that is meant, as it is now.
fn execution(given: Option<&str>) -> Result<Execution, Failure> {
    let dir = find(&root_here()?, given)?;
    let execution = Execution::at(&dir).ok_or_else(|| unreadable(&dir))?;
    execution.refresh()?;
    Ok(execution)
}

/// A line of output that is longer is shown in parts.
const MAX_LINE_BYTES: usize = 1 << 20;
/// How often it is looked whether something has begun.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Why the journal of an execution can't be read.
fn unreadable(dir: &ExecutionDir) -> Failure {
    let why = || Failure::unusable(format!("{}: it does not begin", dir.journal().display()));
    read(dir).err().unwrap_or_else(why)
}

/// Options of `status`.
#[derive(clap::Args)]
pub struct StatusArguments {
    /// The execution [default: the latest]
    execution: Option<String>,
    /// How it is printed
    #[arg(long, default_value = "markdown", value_parser = ["markdown", "json", "line"])]
    format: String,
    /// A live screen with keys to steer
    #[arg(long, conflicts_with = "format")]
    watch: bool,
}

/// `status`.
///
/// # Errors
/// There is no such execution, or its journal can't be read.
pub fn status(arguments: &StatusArguments) -> Outcome {
    if arguments.watch {
        let dir = find(&root_here()?, arguments.execution.as_deref())?;
        return watch(&dir.id());
    }
    let status = peer::status(&execution(arguments.execution.as_deref())?);
    match arguments.format.as_str() {
        "json" => print_json(&status),
        "line" => print(&(status.line() + "\n")),
        _ => print(&status.markdown()),
    }
}

/// A live screen of an execution.
fn watch(id: &str) -> Outcome {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "--watch needs a terminal: without one, `status` prints once and `events --follow` goes on",
        ));
    }
    let coordinator = Coordinator::new(here()?);
    coordinator.add_root(&root_here()?);
    let execution = coordinator.find(Some(id))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::internal(format!("no runtime: {error}")))?;
    let shown = runtime.block_on(async {
        let mut over = super::run::signals()?;
        coordinator.follow();
        let peer = Peer::unheard(Client::Terminal);
        screen::run(
            Arc::new(table()),
            Caller { coordinator: coordinator.clone(), peer, asked: None },
            execution,
            &mut over,
        )
        .await
    });
    runtime.shutdown_background();
    shown.map(|()| Exit::Complete)
}

/// Options of `report`.
#[derive(clap::Args)]
pub struct ReportArguments {
    /// The execution [default: the latest]
    execution: Option<String>,
    /// How it is printed
    #[arg(long, default_value = "markdown", value_parser = ["markdown", "json"])]
    format: String,
}

/// `report`: the exit code is the status.
///
/// # Errors
/// There is no such execution, or its journal can't be read.
pub fn report(arguments: &ReportArguments) -> Outcome {
    let state = execution(arguments.execution.as_deref())?.state();
    let report = report_of(&state);
    if arguments.format == "json" {
        print_json(&report)?
    } else {
        print(&report.markdown())?
    };
    Ok(super::run::exit_of(state.ended.map(|(status, _)| status)))
}

/// Options of `events`.
#[derive(clap::Args)]
pub struct EventsArguments {
    /// The execution [default: the latest]
    execution: Option<String>,
    /// From this event on
    #[arg(long, value_name = "SEQ", default_value_t = 1)]
    from: u64,
    /// Go on until the execution ends
    #[arg(long)]
    follow: bool,
}

/// `events`.
///
/// # Errors
/// There is no such execution, or its journal can't be read.
pub fn events(arguments: &EventsArguments) -> Outcome {
    // Whatever is in it: this is how one looks at a journal that is damaged.
    let dir = find(&root_here()?, arguments.execution.as_deref())?;
    let path = dir.journal();
    let ended =
        |line: &[u8]| String::from_utf8_lossy(line).contains("\"event\":{\"executionEnded\":{");
    let is_owned = || !matches!(holder(&dir.lock()), Ok(None));
    let mut owned = is_owned();
    let mut goes_on = || {
        let before = std::mem::replace(&mut owned, is_owned());
        if arguments.follow && before && !owned && read(&dir)?.1.ended.is_none() {
            say(format_args!(
                "{}: no process is at work on it any more; `resume` or `run` takes it up",
                dir.id()
            ));
        }
        Ok(arguments.follow)
    };
    let mut number = 0;
    follow(&path, &mut goes_on, &mut |line| {
        number += 1;
        // What has no end yet is just being written.
        let wanted = number >= arguments.from && line.ends_with(b"\n");
        (wanted, ended(line) && !resumed(&path, number))
    })
}

/// Whether a journal goes on after a line.
fn resumed(path: &std::path::Path, number: u64) -> bool {
    std::fs::read(path)
        .is_ok_and(|bytes| bytes.iter().filter(|byte| **byte == b'\n').count() as u64 > number)
}

/// Prints the lines of a file that `each` wants, until it says that this was the last one or nothing
/// goes on.
fn follow(
    path: &std::path::Path,
    goes_on: &mut dyn FnMut() -> Result<bool, Failure>,
    each: &mut dyn FnMut(&[u8]) -> (bool, bool),
) -> Outcome {
    let unreadable = |error: std::io::Error| {
        Failure::usage(format!("{}: can't be read: {error}", path.display()))
    };
    let mut tail = Tail::open(path).map_err(unreadable)?;
    let mut pending = Vec::new();
    loop {
        // Asked before the rest is read: what was printed before the end is in it.
        let wait = goes_on()?;
        tail.read(&mut pending).map_err(unreadable)?;
        let mut out = std::io::stdout().lock();
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            let (wanted, last) = each(&line);
            if wanted
                && out.write_all(escape::json(&String::from_utf8_lossy(&line)).as_bytes()).is_err()
            {
                return Ok(Exit::Complete);
            }
            if last && wait {
                let _ = out.flush();
                return Ok(Exit::Complete);
            }
        }
        if !wait {
            if !pending.is_empty() && each(&pending).0 {
                let _ = out.write_all(&pending);
            }
            let _ = out.flush();
            return Ok(Exit::Complete);
        }
        if out.flush().is_err() {
            return Ok(Exit::Complete);
        }
        drop(out);
        tail.wait();
    }
}

/// Options of `output`.
#[derive(clap::Args)]
pub struct OutputArguments {
    /// An attempt, gate or review, as events and reports name it (`a7`), or a task for all of its own
    attempt: String,
    /// The execution [default: the latest]
    #[arg(long)]
    execution: Option<String>,
    /// Go on until it ends; of a task that has not begun, wait for it
    #[arg(long)]
    follow: bool,
}

/// `output`.
///
/// # Errors
/// There is no such output.
pub fn output(arguments: &OutputArguments) -> Outcome {
    let execution = execution(arguments.execution.as_deref())?;
    let mut from = 0;
    let mut pending = Vec::new();
    loop {
        execution.refresh()?;
        let state = execution.state();
        let printed = match printed(&execution.dir, &state, &arguments.attempt) {
            Err(_) if arguments.follow && may_begin(&state, &arguments.attempt) => None,
            printed => Some(printed.map_err(|failure| Failure::usage(failure.message))?),
        };
        if let Some(printed) = &printed {
            let mut out = std::io::stdout().lock();
            loop {
                let bytes = printed.read(from, 1 << 20)?;
                from += bytes.len() as u64;
                pending.extend_from_slice(&bytes);
                // What has no end yet may be a part of a letter; at the end, and after very much, it is all there is.
                let whole =
                    pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                let is_all =
                    (bytes.is_empty() && !printed.open) || pending.len() - whole > MAX_LINE_BYTES;
                let shown: Vec<u8> =
                    pending.drain(..if is_all { pending.len() } else { whole }).collect();
                // Without colours, and without what else could steer the terminal.
                let text = escape::lines(
                    &anstream::adapter::strip_str(&String::from_utf8_lossy(&shown)).to_string(),
                );
                // Who read along may have left.
                if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
                    return Ok(Exit::Complete);
                }
                if bytes.is_empty() {
                    break;
                }
            }
        }
        if !arguments.follow || printed.is_some_and(|printed| !printed.open) {
            return Ok(Exit::Complete);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Whether a task may still be begun.
fn may_begin(state: &State, task: &str) -> bool {
    state.ended.is_none()
        && state.task_state(&TaskId::from(task)).is_some_and(|known| !known.satisfied())
}

/// Options of `list`.
#[derive(clap::Args)]
pub struct ListArguments {
    /// How it is printed
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

/// `list`.
///
/// # Errors
/// The current folder can't be read.
pub fn list(arguments: &ListArguments) -> Outcome {
    let root = root_here()?;
    let all = executions(&root);
    let unread = |dir: &ExecutionDir| ExecutionRow {
        execution: dir.id(),
        breakdown: String::new(),
        started_at: 0,
        state: ExecutionState::Unreadable,
        owner: holder(&dir.lock()).ok().flatten(),
        line: unreadable(dir).message,
    };
    let rows: Vec<ExecutionRow> = all
        .iter()
        .map(|dir| Execution::at(dir).map_or_else(|| unread(dir), |execution| row(&execution)))
        .collect();
    if arguments.format == "json" {
        return print_json(&rows);
    }
    let text = |row: &ExecutionRow| {
        let owned = row.owner.as_ref().map_or(String::new(), |who| format!(" ({who})"));
        format!("{}  {}{owned}\n", row.execution, row.line)
    };
    if rows.is_empty() {
        say(format_args!("there is no execution in {}", root.display()));
    }
    print(&rows.iter().map(text).collect::<String>())
}
