//! Commands that only read.
#![expect(clippy::disallowed_methods, reason = "this is the edge that reads for people")]

use super::{Exit, Outcome, Reading, here, print, print_data, print_json, root_here};
use crate::agents::command::{can_start, program_of};
use crate::agents::roster;
use crate::breakdown::convert::{self, Converted, TARGETS};
use crate::breakdown::problem::Severity;
use crate::breakdown::source;
use crate::breakdown::{Format, parse};
use crate::config::{self, Briefs};
use crate::core::id::TaskId;
use crate::core::report::report as report_of;
use crate::core::state::State;
use crate::core::status::{StatusReport, role_name, status_report};
use crate::core::view::ExecutionState;
use crate::engine::coordinator::Coordinator;
use crate::engine::daemon::log_beside;
use crate::engine::locate::{executions, find, opening, read};
use crate::engine::output::printed;
use crate::engine::start::{rules_of_plan, workspace_of};
use crate::engine::texts::{beside, told_bytes};
use crate::escape;
use crate::failure::{Failure, say};
use crate::frontend::screen;
use crate::journal::lock::holder;
use crate::journal::tail::Tail;
use crate::render;
use crate::rpc::calls::table;
use crate::rpc::peer::{Caller, Client, Peer};
use crate::rpc::{schema as schemas, types};
use crate::workspace::execution_dir::ExecutionDir;
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A line of output that is longer is shown in parts.
const MAX_LINE_BYTES: usize = 1 << 20;
/// How often it is looked whether something has begun.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Options of `plan`.
#[derive(clap::Args)]
pub struct PlanArguments {
    /// The breakdown
    breakdown: PathBuf,
    /// How it is printed
    #[arg(long, default_value = "text", value_parser = ["text", "json", "mermaid", "dot", "svg"])]
    format: String,
    /// Attempts at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_parallel: Option<u32>,
    /// The config instead of the one found
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

/// `plan`.
///
/// # Errors
/// The breakdown or the config can't be read, or nothing in it can be scheduled.
pub fn plan(arguments: &PlanArguments) -> Outcome {
    let source = source::read(&arguments.breakdown)?;
    let root = workspace_of(&source, &here()?);
    let (mut config, _) =
        roster::load(&root, arguments.config.as_deref()).map_err(Failure::usage)?;
    if let Some(most) = arguments.max_parallel {
        config.execution.max_parallel = most;
    }
    let parsed = parse(source.input(), arguments.reading.format(), arguments.reading.deps())
        .or_topic(&source.topic());
    config.fits(&parsed.plan).map_err(Failure::usage)?;
    let policy = rules_of_plan(&config, &root, &parsed.plan).map_err(Failure::usage)?;
    let document = types::plan_document(&parsed, &source, &policy);
    match arguments.format.as_str() {
        "json" => print_json(&document)?,
        "mermaid" => print_data(&render::mermaid(&document))?,
        "dot" => print_data(&render::dot(&document))?,
        "svg" => print_data(&render::svg(&document))?,
        _ => print(&render::text(&document))?,
    };
    Ok(if parsed.plan.tasks.is_empty() { Exit::Usage } else { Exit::Complete })
}

/// Options of `check`.
#[derive(clap::Args)]
pub struct CheckArguments {
    /// The breakdowns
    #[arg(required = true)]
    breakdowns: Vec<PathBuf>,
    /// How problems are printed
    #[arg(long, default_value = "text", value_parser = ["text", "json", "sarif"])]
    format: String,
    /// Also print how much of the text belongs to tasks, groups and the plan, and what is unused
    #[arg(long)]
    coverage: bool,
    #[command(flatten)]
    reading: Reading,
}

/// `check`: exit 2 when there is an error in any of them, or a gate of the config that does not fit them.
///
/// # Errors
/// A breakdown can't be read.
pub fn check(arguments: &CheckArguments) -> Outcome {
    let (mut found, mut read, mut covered) = (Vec::new(), String::new(), Vec::new());
    let (folder, mut gates_fit) = (here()?, true);
    for path in &arguments.breakdowns {
        let source = source::read(path)?;
        let mut parsed =
            parse(source.input(), arguments.reading.format(), arguments.reading.deps());
        // What is wrong with the config itself is no problem of a breakdown.
        if let Ok((config, _)) = config::load(&workspace_of(&source, &folder), None)
            && let Err(why) = config.fits(&parsed.plan)
        {
            say(format_args!("{}: {why}", source.name));
            gates_fit = false;
        }
        parsed.problems.extend(beside(&parsed.plan, &source).1);
        let text = source.input().lines();
        found.extend(parsed.problems.iter().map(|problem| types::problem(problem, &text, &source)));
        let sure = parsed.read_as.map_or("", |found| found.confidence.word());
        read.push_str(&format!(
            "{}: {} ({sure}): {}\n",
            source.name,
            parsed.plan.format,
            parsed.counts()
        ));
        if arguments.coverage {
            let told = told_bytes(&parsed, &source, Briefs::default().limit_bytes());
            let coverage = types::CoverageDocument::from_ownership(
                &parsed.outline.ownership,
                &text,
                &source,
                told,
            );
            read.push_str(&coverage.to_string());
            covered.push(coverage);
        }
    }
    let file = |problem: &types::ProblemDocument| problem.file.clone().unwrap_or_default();
    match arguments.format.as_str() {
        "json" if arguments.coverage => {
            print_json(&json!({"problems": found, "coverage": covered}))?
        }
        "json" => print_json(&found)?,
        "sarif" => print_json(&sarif(&found))?,
        _ => {
            let line = |p: &types::ProblemDocument| {
                let fix = p.fix.as_ref().map_or(String::new(), |fix| format!(" (fix: {fix})"));
                escape::line(&format!(
                    "{}:{}:{}: {}: {} [{}]{fix}",
                    file(p),
                    p.line,
                    p.column,
                    p.severity.name(),
                    p.message,
                    p.code
                )) + "\n"
            };
            print(&(found.iter().map(line).collect::<String>() + &read))?
        }
    };
    let errors = found.iter().any(|problem| problem.severity == Severity::Error);
    Ok(if errors || !gates_fit { Exit::Usage } else { Exit::Complete })
}

/// Options of `convert`.
#[derive(clap::Args)]
pub struct ConvertArguments {
    /// The breakdown
    breakdown: PathBuf,
    /// The format that it becomes
    #[arg(long, value_name = "FORMAT", value_parser = clap::builder::PossibleValuesParser::new(TARGETS.map(Format::name)))]
    to: String,
    /// The file that is written; what is there already is never replaced [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

/// `convert`: what the format can't hold is told on stderr.
///
/// # Errors
/// The breakdown can't be read, there is no task in it, or the file can't be written.
pub fn convert(arguments: &ConvertArguments) -> Outcome {
    let source = source::read(&arguments.breakdown)?;
    let parsed = parse(source.input(), arguments.reading.format(), arguments.reading.deps())
        .or_topic(&source.topic());
    if parsed.plan.tasks.is_empty() {
        return Err(Failure::usage(format!(
            "{}: there is no task in it: `check` says why; nothing is written",
            source.name
        )));
    }
    let to = Format::named(&arguments.to).unwrap_or(Format::Json);
    let Converted { text, mut lost } = convert::convert(&parsed, to);
    lost.extend(convert::lost_lines(&parsed, &source.input().lines(), &text));
    match &arguments.output {
        Some(file) => {
            let mut options = std::fs::OpenOptions::new();
            let written = options
                .write(true)
                .create_new(true)
                .open(file)
                .and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(|error| {
                Failure::usage(format!(
                    "{}: can't be written: {error}: give the name of a new file",
                    file.display()
                ))
            })?;
        }
        None if std::io::stdout().is_terminal() => drop(print(&text)?),
        None => drop(print_data(&text)?),
    }
    lost.iter().for_each(|what| say(format_args!("{}: not in {}: {what}", source.name, to.name())));
    Ok(Exit::Complete)
}

/// Problems in the Static Analysis Results Interchange Format 2.1.0.
fn sarif(problems: &[types::ProblemDocument]) -> serde_json::Value {
    let level =
        |severity: &str| if severity == "info" { "note".to_owned() } else { severity.to_owned() };
    let results: Vec<_> = problems
        .iter()
        .map(|p| {
            json!({"ruleId": p.code, "level": level(p.severity.name()), "message": {"text": p.message}, "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": p.file}, "region": {"startLine": p.line, "startColumn": p.column}}}]})
        })
        .collect();
    json!({"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [{
        "tool": {"driver": {"name": "execution-coordinator", "version": env!("CARGO_PKG_VERSION")}}, "results": results}]})
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
    let dir = find(&root_here()?, arguments.execution.as_deref())?;
    if arguments.watch {
        return watch(&dir.id());
    }
    let status = status_of(&dir)?;
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

/// The five sections, with what the journal can't know: whether anybody is at work.
fn status_of(dir: &ExecutionDir) -> Result<StatusReport, Failure> {
    let (_, state) = read(dir)?;
    let mut status = status_report(&state);
    if status.state == ExecutionState::Running && matches!(holder(&dir.lock()), Ok(None)) {
        status.nobody_is_at_work();
    }
    status.log = log_beside(dir);
    Ok(status)
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
    let (_, state) = read(&find(&root_here()?, arguments.execution.as_deref())?)?;
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
    let dir = find(&root_here()?, arguments.execution.as_deref())?;
    let path = dir.journal();
    let ended =
        |line: &[u8]| String::from_utf8_lossy(line).contains("\"event\":{\"executionEnded\":{");
    let lock = dir.lock();
    let is_owned = || !matches!(holder(&lock), Ok(None));
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
    let dir = find(&root_here()?, arguments.execution.as_deref())?;
    let mut from = 0;
    let mut pending = Vec::new();
    loop {
        let (_, state) = read(&dir)?;
        let printed = match printed(&dir, &state, &arguments.attempt) {
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
    let mut rows = Vec::new();
    for dir in executions(&root) {
        let owner = holder(&dir.lock()).ok().flatten();
        let (began, breakdown) = opening(&dir).unwrap_or_default();
        let (line, state) = match status_of(&dir) {
            Ok(status) => (status.line(), status.state),
            Err(failure) => (failure.message, ExecutionState::Unreadable),
        };
        rows.push(json!({"execution": dir.id(), "breakdown": breakdown, "startedAt": began, "state": state, "owner": owner, "line": line}));
    }
    if arguments.format == "json" {
        return print_json(&rows);
    }
    let text = |row: &serde_json::Value| {
        let owned = row["owner"].as_str().map_or(String::new(), |who| format!(" ({who})"));
        format!(
            "{}  {}{owned}\n",
            row["execution"].as_str().unwrap_or_default(),
            row["line"].as_str().unwrap_or_default()
        )
    };
    if rows.is_empty() {
        say(format_args!("there is no execution in {}", root.display()));
    }
    print(&rows.iter().map(text).collect::<String>())
}

/// Options of `agents`.
#[derive(clap::Args)]
pub struct AgentsArguments {
    /// How it is printed
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
    /// The config instead of the one found
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// `agents`.
///
/// # Errors
/// The config can't be read.
pub fn agents(arguments: &AgentsArguments) -> Outcome {
    let root = root_here()?;
    let (config, path) =
        roster::load(&root, arguments.config.as_deref()).map_err(Failure::usage)?;
    let policy = config.policy(true).map_err(Failure::usage)?;
    let from = path.map_or("built in".to_owned(), |path| path.display().to_string());
    let mut rows = Vec::new();
    for agent in &policy.agents {
        let configured = config.agents.get(agent.name.as_str());
        let problem = configured
            .and_then(program_of)
            .and_then(|program| can_start(program, &root, &config).err());
        let definition = configured.and_then(|agent| agent.definition.as_ref());
        let source = match (configured, definition) {
            (None, _) => "built in".to_owned(),
            (Some(agent), Some(definition)) if agent.defined_only => {
                definition.path.display().to_string()
            }
            _ => from.clone(),
        };
        rows.push(json!({"name": agent.name, "role": role_name(agent.role), "kind": agent.kind, "skills": agent.skills,
            "description": definition.map(|definition| definition.description.as_str()), "definition": definition.map(|definition| &definition.path),
            "maxParallel": agent.max_parallel, "source": source, "canStart": problem.is_none(), "problem": problem}));
    }
    rows.extend(config.left_out.iter().map(|left| {
        json!({"name": left.name, "role": null, "kind": left.kind.name(), "skills": [], "description": null, "definition": left.path,
            "maxParallel": null, "source": left.path, "canStart": false, "problem": left.why})
    }));
    if arguments.format == "json" {
        return print_json(&rows);
    }
    let cell = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    let text = |row: &serde_json::Value| {
        let skills = row["skills"]
            .as_array()
            .map(|list| list.iter().filter_map(|s| s.as_str()).collect::<Vec<_>>().join(", "))
            .unwrap_or_default();
        let start = match (row["problem"].as_str(), row["role"].is_null()) {
            (None, _) => "can start".to_owned(),
            (Some(why), false) => format!("can't start: {why}"),
            (Some(why), true) => format!("left out: {why}"),
        };
        format!(
            "{:<24} {:<9} {:<8} {start}{} ({})\n",
            cell(row, "name"),
            cell(row, "role"),
            cell(row, "kind"),
            if skills.is_empty() { String::new() } else { format!("; skills: {skills}") },
            cell(row, "source")
        )
    };
    print(&rows.iter().map(text).collect::<String>())
}

/// Options of `schema`.
#[derive(clap::Args)]
pub struct SchemaArguments {
    /// Write one file each into this folder instead of printing them
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// `schema`: JSON Schemas, the OpenRPC document and the reference of the methods.
///
/// # Errors
/// The folder is not writable.
pub fn schema(arguments: &SchemaArguments) -> Outcome {
    let files = schemas::files();
    let Some(folder) = &arguments.out else {
        let json =
            files.iter().filter_map(|(name, text)| Some((*name, serde_json::from_str(text).ok()?)));
        return print_json(&json.collect::<std::collections::BTreeMap<&str, serde_json::Value>>());
    };
    let unwritable = |error: std::io::Error| {
        Failure::usage(format!("{}: can't be written: {error}", folder.display()))
    };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    for (name, text) in files {
        std::fs::write(folder.join(name), text).map_err(unwritable)?;
    }
    Ok(Exit::Complete)
}
