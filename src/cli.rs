//! Sub-commands: progress on stderr, results on stdout.

mod agents;
mod audit;
mod clean;
pub mod display;
pub mod init;
mod plan;
pub mod run;
mod schema;
pub mod serve;
pub mod show;
pub mod steer;

use crate::breakdown::{Deps, Format};
use crate::core::input::Input;
use crate::escape;
use crate::failure::{Failure, FailureKind, log_is_on_stderr, say};
use crate::log;
use crate::process::{self, warden};
use crate::rpc::method;
use crate::workspace::root_of;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for; of an execution: it is Complete.
    Complete = 0,
    /// A mistake of ours.
    Internal = 1,
    /// Bad usage, config or breakdown; nothing was started.
    Usage = 2,
    /// The execution is Partial, or its result was kept out of the checkout.
    Partial = 3,
    /// The execution is Blocked, or failed.
    Blocked = 4,
    /// Another process owns it, or the workspace is not usable.
    Unusable = 5,
    /// Interrupted; its state is kept.
    Interrupted = 130,
}

impl Exit {
    fn for_failure(kind: FailureKind) -> Self {
        match kind {
            FailureKind::BadInput
            | FailureKind::NotFound
            | FailureKind::Refused
            | FailureKind::Untrusted => Self::Usage,
            FailureKind::Paused => Self::Blocked,
            FailureKind::Owned | FailureKind::Unusable => Self::Unusable,
            FailureKind::Internal => Self::Internal,
        }
    }
}

/// What a command gives.
pub type Outcome = Result<Exit, Failure>;

#[derive(Parser)]
#[command(
    name = "execution-coordinator",
    version,
    about,
    max_term_width = 100,
    after_help = "Examples:\n  execution-coordinator run breakdown.md\n  execution-coordinator plan breakdown.md --format mermaid\n  execution-coordinator check specs/*/tasks.md\n  execution-coordinator status --format line"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Write a log to this file, `-` for standard error; EXECUTION_COORDINATOR_LOG has the levels
    #[arg(long, global = true, value_name = "FILE")]
    log: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Carry out a breakdown: plan, execute, gate, review, report
    Run(run::Arguments),
    /// Show the schedule, without starting anything
    Plan(plan::PlanArguments),
    /// Check breakdowns for problems, with file:line:column
    Check(plan::CheckArguments),
    /// Write a breakdown in another format
    Convert(plan::ConvertArguments),
    /// Show status
    Status(show::StatusArguments),
    /// Print the final report
    Report(show::ReportArguments),
    /// Print the journal as JSON lines
    Events(show::EventsArguments),
    /// Show what an agent, a gate or a reviewer printed
    Output(show::OutputArguments),
    /// Start nothing new
    Pause(steer::Plain),
    /// Continue after a pause
    Resume(steer::Plain),
    /// Stop everything and end the execution
    Cancel(steer::Plain),
    /// Retry a task from the start, or evaluate a gate again
    Retry(steer::OfTask),
    /// Answer the question of a blocked task, which then continues
    Answer(steer::ToTask),
    /// Send a message to a task's agent while it works
    Steer(steer::ToTask),
    /// Treat a task as done
    Skip(steer::OfTask),
    /// Approve a gate
    Approve(steer::OfGate),
    /// Reject a gate
    Reject(steer::OfGate),
    /// Merge the result of a complete execution into the branch it started from
    Deliver(run::OfExecution),
    /// List the executions of this workspace
    List(show::ListArguments),
    /// Replay the journal and check every promise
    Audit(audit::Arguments),
    /// Run the server on stdio: LSP for editors, JSON-RPC lines for programs
    Serve(serve::Arguments),
    /// Run as a Model Context Protocol server on stdio
    Mcp,
    /// Run as an Agent Client Protocol agent on stdio
    Acp,
    /// List agents, their roles and whether they can start
    Agents(agents::AgentsArguments),
    /// Remove worktrees and branches of finished executions
    Clean(clean::Arguments),
    /// Trust a workspace: editors and models may start executions in it
    Trust(init::TrustArguments),
    /// Write a commented config for this workspace
    Init(init::Arguments),
    /// Print JSON Schemas and the OpenRPC document
    Schema(schema::SchemaArguments),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// The options that say how a breakdown is read.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Reading {
    /// Which edges are taken beside the written ones [default: what the format implies]
    #[arg(long, value_enum)]
    deps: Option<DepsArgument>,
    /// Read it as this format instead of finding out
    #[arg(long, value_name = "FORMAT", value_parser = clap::builder::PossibleValuesParser::new(Format::NAMES))]
    input_format: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DepsArgument {
    /// None
    Explicit,
    /// Each task waits for the one before it
    Order,
    /// Each stream waits for the one before it
    Phase,
}

impl Reading {
    fn deps(&self) -> Deps {
        match self.deps {
            None => Deps::Format,
            Some(DepsArgument::Explicit) => Deps::Explicit,
            Some(DepsArgument::Order) => Deps::Order,
            Some(DepsArgument::Phase) => Deps::Phase,
        }
    }

    fn format(&self) -> Option<Format> {
        self.input_format.as_deref().and_then(Format::named)
    }
}

/// The program.
pub fn main() -> ExitCode {
    process::keep_private();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let [_, first, lock] = &arguments[..]
        && first == warden::ARGUMENT
    {
        return ExitCode::from(u8::try_from(warden::run(Path::new(lock))).unwrap_or(1));
    }
    let outcome = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => start_log(&arguments).and_then(|()| dispatch(arguments.command)),
        Err(error) => {
            // Help and version are no mistakes.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Complete };
            let _ = error.print();
            Ok(exit)
        }
    };
    match outcome {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => {
            say(format_args!("{}", failure.message));
            ExitCode::from(Exit::for_failure(failure.kind) as u8)
        }
    }
}

/// A log is written where that is asked for. Servers write one without being asked, into a state folder that is there.
#[expect(
    clippy::disallowed_methods,
    reason = "the levels are asked for by the environment, as with other programs"
)]
fn start_log(arguments: &Arguments) -> Result<(), Failure> {
    let levels = std::env::var(log::LEVELS).ok();
    let start = |to: &Path| log::start(to, levels.as_deref()).map_err(Failure::usage);
    if let Some(to) = &arguments.log {
        return start(to);
    }
    if let Command::Serve(serve) = &arguments.command
        && let Some(to) = serve.log_file()
    {
        // Nobody has asked for that one: what can't be written is not.
        let is_written = start(&to).is_ok();
        if is_written && serve.is_daemon() {
            log_is_on_stderr();
        }
        return Ok(());
    }
    if levels.is_some() { start(Path::new("-")) } else { Ok(()) }
}

fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Plan(arguments) => plan::plan(&arguments),
        Command::Check(arguments) => plan::check(&arguments),
        Command::Convert(arguments) => plan::convert(&arguments),
        Command::Status(arguments) => show::status(&arguments),
        Command::Report(arguments) => show::report(&arguments),
        Command::Events(arguments) => show::events(&arguments),
        Command::Output(arguments) => show::output(&arguments),
        Command::Pause(arguments) => steer::plain::<method::Pause>(
            &arguments,
            Input::Pause,
            "paused; `resume` goes on",
            "paused; `resume` goes on",
        ),
        Command::Resume(arguments) => steer::plain::<method::Resume>(
            &arguments,
            Input::Resume,
            "resumed; `run` goes on with it",
            "resumed",
        ),
        Command::Cancel(arguments) => {
            steer::plain::<method::Cancel>(&arguments, Input::Cancel, "cancelled", "cancelled")
        }
        Command::Retry(arguments) => steer::retry(&arguments),
        Command::Answer(arguments) => steer::answer(&arguments),
        Command::Steer(arguments) => steer::told(&arguments),
        Command::Skip(arguments) => steer::skip(&arguments),
        Command::Approve(arguments) => steer::decide(&arguments, true),
        Command::Reject(arguments) => steer::decide(&arguments, false),
        Command::Deliver(arguments) => run::deliver(&arguments),
        Command::List(arguments) => show::list(&arguments),
        Command::Audit(arguments) => audit::audit(&arguments),
        Command::Serve(arguments) => serve::serve(&arguments),
        Command::Mcp => serve::mcp(),
        Command::Acp => serve::acp(),
        Command::Agents(arguments) => agents::agents(&arguments),
        Command::Clean(arguments) => clean::clean(&arguments),
        Command::Trust(arguments) => init::trust(&arguments),
        Command::Init(arguments) => init::init(&arguments),
        Command::Schema(arguments) => schema::schema(&arguments),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Arguments::command(),
                "execution-coordinator",
                &mut std::io::stdout(),
            );
            Ok(Exit::Complete)
        }
    }
}

/// Writes a result for people to stdout.
fn print(text: &str) -> Outcome {
    print_data(&escape::lines(text))
}

/// Writes a result for programs to stdout, as it is. A reader that left early (`head`) is no failure.
fn print_data(text: &str) -> Outcome {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::internal(format!("can't write to stdout: {error}")))
        }
        _ => Ok(Exit::Complete),
    }
}

fn print_json(value: &impl serde::Serialize) -> Outcome {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::internal(error.to_string()))?;
    print_data(&(escape::json(&text) + "\n"))
}

/// The folder in which the program was started.
fn here() -> Result<PathBuf, Failure> {
    std::env::current_dir()
        .map_err(|error| Failure::usage(format!("the current folder can't be read: {error}")))
}

/// The workspace in which the program was started.
fn root_here() -> Result<PathBuf, Failure> {
    Ok(root_of(&here()?))
}
