//! `run`: the main job.
#![expect(clippy::disallowed_methods, reason = "this is the edge where everything comes together")]

use super::display::Display;
use super::locate::{JOURNAL, executions, name_of, opening, own};
use super::source::Source;
use super::{Exit, Failure, Outcome, Reading, here, print, print_json};
use crate::agents::command::{Agents, can_start};
use crate::breakdown::{Parsed, parse};
use crate::config::{self, Agent, Config, Kind};
use crate::core::allocation::allocate;
use crate::core::event::{Event, Mark, Recorded, Status};
use crate::core::id::{ExecutionId, TaskId};
use crate::core::input::{Input, Start};
use crate::core::policy::{Policy, Role};
use crate::core::report::report;
use crate::core::state::{Phase, State, TaskState};
use crate::engine::carry::{Carrier, SharedConfig};
use crate::engine::clock::Clock;
use crate::engine::owner::{Owner, Stopped};
use crate::gates::command::Gates;
use crate::journal::Journal;
use crate::journal::lock::wait_for;
use crate::process::{Processes, warden};
use crate::rpc::types;
use crate::view::View;
use crate::watch;
use crate::workspace::tree::Trees;
use crate::workspace::{STATE_FOLDER, make_private, make_state_folder, root_of};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::mpsc;

/// Options of `run`.
#[derive(clap::Args, Clone)]
pub struct Arguments {
    /// The breakdown: a file, a folder that has one, or `-` for standard input
    breakdown: PathBuf,
    /// The only executor: a name of the roster, or a kind
    #[arg(long, value_name = "NAME|KIND")]
    agent: Option<String>,
    /// Attempts at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_parallel: Option<u32>,
    /// Where attempts work
    #[arg(long, value_parser = ["none"])]
    isolation: Option<String>,
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
    /// Start anew, even where an execution of this breakdown is unfinished
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    reading: Reading,
}

impl Arguments {
    /// What the command line says over the config.
    fn narrow(&self, config: &mut Config) -> Result<(), Failure> {
        if let Some(most) = self.max_parallel {
            config.execution.max_parallel = most;
        }
        choose_agent(config, self.agent.as_deref())
    }
}

/// Everything that is known before anything is started.
struct Prepared {
    root: PathBuf,
    source: Source,
    parsed: Parsed,
    config: Config,
    config_path: Option<PathBuf>,
    policy: Policy,
}

/// Carries out a breakdown.
///
/// # Errors
/// Bad usage, config or breakdown, in which case nothing was started; another owner; a journal
/// that can't be read or written.
pub fn run(arguments: &Arguments) -> Outcome {
    if std::env::var_os(warden::COOKIE).is_some() {
        return Err(Failure::usage(
            "this is running inside an attempt of execution-coordinator, which never calls itself: do the task itself instead",
        ));
    }
    let prepared = prepare(arguments)?;
    if prepared.parsed.marks.len() == prepared.parsed.plan.tasks.len() && prepared.parsed.marks.values().all(|mark| *mark == Mark::Done) {
        eprintln!("every task is ticked in the breakdown already: only gates of the whole are left");
    }
    let (folder, lock, journal, events) = open(arguments, &prepared)?;
    let resumed = !events.is_empty();
    let view = Arc::new(View::default());
    let mut owner = Owner::new(journal, &events, view.clone());
    let offered = Input::PlanOffered(Box::new(prepared.parsed.plan.clone()), prepared.parsed.marks.clone());
    if let Some((Status::Complete, _)) = owner.state.ended
        && !owner.would_change(offered)
        && !owner.would_change(Input::PolicyOffered(Box::new(prepared.policy.clone())))
    {
        eprintln!("{} is complete already; `--fresh` runs it again", name_of(&folder));
        return finish(arguments, &owner.state);
    }
    if owner.state.paused {
        return Err(Failure {
            exit: Exit::Blocked,
            message: format!("{} is paused: `execution-coordinator resume` lets it go on", name_of(&folder)),
        });
    }
    let first = first_inputs(&prepared, &owner, &folder, resumed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::internal(format!("no runtime: {error}")))?;
    let stopped = runtime.block_on(execute(arguments, &prepared, &mut owner, &folder, first, &events, view))?;
    // What still runs in the background has nobody to report to.
    runtime.shutdown_background();
    drop(lock);
    if stopped == Stopped::Suspended {
        eprintln!("suspended; the same `run` goes on where it stood");
        return Ok(Exit::Interrupted);
    }
    finish(arguments, &owner.state)
}

fn prepare(arguments: &Arguments) -> Result<Prepared, Failure> {
    let source = super::source::read(&arguments.breakdown)?;
    let root = workspace_of(&source)?;
    let (mut config, config_path) = config::load(&root, arguments.config.as_deref()).map_err(Failure::usage)?;
    let config_path = config_path.map(|path| path.canonicalize().unwrap_or(path));
    arguments.narrow(&mut config)?;
    let policy = config.policy(true).map_err(Failure::usage)?;
    let parsed = read_plan(arguments, &source)?;
    let prepared = Prepared { root, source, parsed, config, config_path, policy };
    prepared.check()?;
    Ok(prepared)
}

/// The workspace of a breakdown, or of the current folder for one from standard input.
pub(super) fn workspace_of(source: &Source) -> Result<PathBuf, Failure> {
    Ok(match source.path.as_deref().and_then(Path::parent) {
        Some(folder) => root_of(folder),
        None => root_of(&here()?),
    })
}

/// `--agent`: the roster's other executors step back, or a kind becomes the only one.
fn choose_agent(config: &mut Config, wanted: Option<&str>) -> Result<(), Failure> {
    let Some(wanted) = wanted else { return Ok(()) };
    let role = |name: &str, agent: &Agent| agent.role.unwrap_or_else(|| config::guess_role(name));
    if config.agents.contains_key(wanted) {
        config.agents.retain(|name, agent| name == wanted || role(name, agent) != Role::Executor);
        return Ok(());
    }
    if wanted == config::SHELL {
        config.agents.retain(|name, agent| role(name, agent) != Role::Executor);
        return Ok(());
    }
    let names: Vec<&str> = config.agents.keys().map(String::as_str).chain([config::SHELL]).collect();
    Err(Failure::usage(format!("--agent {wanted}: there is no such agent; there are {}", names.join(", "))))
}

fn read_plan(arguments: &Arguments, source: &Source) -> Result<Parsed, Failure> {
    let mut parsed = parse(&source.text, arguments.reading.format(), arguments.reading.deps()).or_topic(&source.topic());
    if !arguments.only.is_empty() {
        let ids: Vec<TaskId> = arguments.only.iter().map(|id| TaskId::from(id.trim())).collect();
        parsed.plan = parsed.plan.only(&ids).map_err(|id| {
            let known: Vec<&str> = parsed.plan.tasks.iter().take(12).map(|task| task.id.as_str()).collect();
            Failure::usage(format!("--only {id}: the breakdown has no such task; it has {}", known.join(", ")))
        })?;
        parsed.marks.retain(|id, _| parsed.plan.task(id).is_some());
    }
    Ok(parsed)
}

impl Prepared {
    /// Whatever can be known to go wrong is said before anything is started.
    fn check(&self) -> Result<(), Failure> {
        let text = crate::breakdown::text::Text::new(&self.source.text);
        let sentences = |problems: &mut dyn Iterator<Item = &crate::breakdown::problem::Problem>| -> Vec<String> {
            let with_place = |p: &crate::breakdown::problem::Problem| {
                let found = types::problem(p, &text, None);
                format!("{}:{}:{}: {}: {}", self.source.name, found.line, found.column, found.severity, found.message)
            };
            problems.map(with_place).collect()
        };
        if self.parsed.nothing_to_do() {
            let errors = sentences(&mut self.parsed.errors());
            return Err(Failure::usage(format!("{}\nnothing was started", errors.join("\n"))));
        }
        for sentence in
            sentences(&mut self.parsed.problems.iter().filter(|p| p.severity != crate::breakdown::problem::Severity::Info)).iter().take(20)
        {
            eprintln!("{sentence}");
        }
        let allocation = allocate(&self.parsed.plan, &self.policy);
        let open = || {
            self.parsed
                .plan
                .tasks
                .iter()
                .zip(&allocation)
                .filter(|(task, _)| !self.parsed.marks.contains_key(&task.id) && task.broken.is_none())
        };
        let unable: Vec<_> = open().filter(|(_, allocation)| allocation.agent.is_none()).collect();
        if let Some((task, allocation)) = unable.first() {
            let ids: Vec<&str> = unable.iter().take(12).map(|(task, _)| task.id.as_str()).collect();
            let place =
                self.parsed.outline.tasks.iter().find(|spot| spot.id == task.id).map_or((1, 1), |spot| text.position(spot.span.start));
            let message = format!(
                "{}:{}:{}: no agent can do {} {}: {}. Give the task a command (`- Run: …`), or an agent in {}; `execution-coordinator init` writes one to begin with",
                self.source.name,
                place.0,
                place.1,
                if unable.len() == 1 { "task" } else { "tasks" },
                ids.join(", "),
                allocation.reason,
                config::FILE_NAME
            );
            return Err(Failure::usage(message + "\nnothing was started"));
        }
        let shared = self.policy.tests_gate().and_then(|gate| self.config.gate(&gate.name));
        let shared = shared.filter(|gate| !gate.command.iter().any(|part| part.contains("{task}")) && self.policy.max_parallel > 1);
        if let Some(gate) = shared.filter(|_| open().filter(|(_, a)| a.tester.is_some()).count() > 1) {
            eprintln!(
                "gate `{}` runs the tests of all tasks, and tasks that run at once see each other's tests fail: give its command `{{task}}`, or set max_parallel = 1",
                gate.name
            );
        }
        let used: std::collections::BTreeSet<&str> = open()
            .flat_map(|(_, a)| a.agent.iter().chain(&a.experts).chain(&a.tester).chain(&a.reviewers))
            .map(crate::core::id::AgentName::as_str)
            .collect();
        let at = self.config_path.as_ref().map_or(config::FILE_NAME.to_owned(), |path| path.display().to_string());
        for (name, agent) in self.config.agents.iter().filter(|(name, agent)| agent.kind == Kind::Command && used.contains(name.as_str())) {
            can_start(&agent.command[0], &self.root, &self.config)
                .map_err(|why| Failure::usage(format!("{at}: [agents.{name}]: {why}\nnothing was started")))?;
        }
        for gate in self.config.gates.iter().filter(|gate| !gate.command.is_empty()) {
            can_start(&gate.command[0], &self.root, &self.config)
                .map_err(|why| Failure::usage(format!("{at}: gate `{}`: {why}\nnothing was started", gate.name)))?;
        }
        Ok(())
    }

    fn name(&self) -> String {
        self.source.path.as_ref().map_or_else(|| "-".into(), |path| path.display().to_string())
    }
}

type Opened = (PathBuf, crate::journal::lock::Lock, Journal, Vec<Recorded>);

/// Takes up the unfinished execution of the same breakdown, or makes a new one.
fn open(arguments: &Arguments, prepared: &Prepared) -> Result<Opened, Failure> {
    let not_writable = |error: std::io::Error| {
        let folder = prepared.root.join(STATE_FOLDER);
        Failure::usage(format!(
            "{}: the state can't be kept there: {error}: make the folder writable\nnothing was started",
            folder.display()
        ))
    };
    let state = make_state_folder(&prepared.root).map_err(not_writable)?;
    // Held while looking and making, so that two of us don't both make one.
    let _making = wait_for(&state.join("lock")).map_err(not_writable)?;
    let name = prepared.name();
    let same = |folder: &&PathBuf| opening(folder).is_some_and(|(_, breakdown)| breakdown == name);
    let latest = executions(&prepared.root).iter().rev().find(same).cloned().filter(|_| name != "-");
    if let Some(folder) = latest {
        let lock = own(&folder)?;
        if !arguments.fresh {
            let (journal, events) = Journal::open(&folder.join(JOURNAL)).map_err(|refusal| Failure::unusable(refusal.to_string()))?;
            let cancelled = events.iter().any(|event| matches!(event.event, Event::Cancelled));
            if !cancelled && !events.is_empty() {
                return Ok((folder, lock, journal, events));
            }
        }
    }
    let folder = make_execution(&state, prepared).map_err(not_writable)?;
    let lock = own(&folder)?;
    let (journal, events) = Journal::open(&folder.join(JOURNAL)).map_err(|refusal| Failure::unusable(refusal.to_string()))?;
    Ok((folder, lock, journal, events))
}

/// The folder of a new execution, named by topic and time.
fn make_execution(state: &Path, prepared: &Prepared) -> std::io::Result<PathBuf> {
    let words: String =
        prepared.parsed.plan.topic.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let slug = words.split('-').filter(|word| !word.is_empty()).take(4).collect::<Vec<_>>().join("-");
    let slug = if slug.is_empty() { "execution".to_owned() } else { slug };
    let now = jiff::Timestamp::from_millisecond(Clock::default().now_ms().cast_signed()).unwrap_or_default();
    let stamp = now.strftime("%Y%m%d-%H%M%S");
    let mut again = 1;
    let folder = loop {
        let folder = state.join(if again == 1 { format!("{slug}-{stamp}") } else { format!("{slug}-{stamp}-{again}") });
        if !folder.exists() {
            break folder;
        }
        again += 1;
    };
    for inner in ["output", "briefs"] {
        make_private(&folder.join(inner))?;
    }
    if prepared.source.path.is_none() {
        std::fs::write(folder.join("breakdown.md"), &prepared.source.text)?;
    }
    Ok(folder)
}

/// What happened before the loop begins: a start, or a restart with what has changed since.
fn first_inputs(prepared: &Prepared, owner: &Owner, folder: &Path, resumed: bool) -> Vec<Input> {
    let (plan, marks) = (prepared.parsed.plan.clone(), prepared.parsed.marks.clone());
    if !resumed {
        return vec![Input::Start(Box::new(Start {
            execution: ExecutionId::from(name_of(folder)),
            program: env!("CARGO_PKG_VERSION").into(),
            breakdown: prepared.name(),
            plan,
            policy: prepared.policy.clone(),
            marks,
        }))];
    }
    let mut inputs = vec![Input::Restarted, Input::PolicyOffered(Box::new(prepared.policy.clone()))];
    if owner.state.ended.is_some() {
        inputs.push(Input::Reopened);
    } else {
        // Whether it was steered since it came to rest or not: running again tries what failed.
        let failed = |known: &TaskState| matches!(known.phase, Phase::Failed(_) | Phase::Blocked(_));
        let tasks = owner.state.plan.tasks.iter().zip(&owner.state.tasks);
        inputs.extend(tasks.filter(|(_, known)| failed(known)).map(|(task, _)| Input::Retry(task.id.clone())));
    }
    // Last, so that what failed and is no longer in the breakdown is not begun again.
    inputs.push(Input::PlanOffered(Box::new(plan), marks));
    inputs
}

async fn execute(
    arguments: &Arguments,
    prepared: &Prepared,
    owner: &mut Owner,
    folder: &Path,
    first: Vec<Input>,
    events: &[Recorded],
    view: Arc<View>,
) -> Result<Stopped, Failure> {
    let unusable = |what: &str, error: &dyn std::fmt::Display| Failure::unusable(format!("{what}: {error}"));
    let warden_lock = folder.join("warden.lock");
    // A former owner's warden ends everything below it before it lets go of this.
    tokio::task::spawn_blocking({
        let lock = warden_lock.clone();
        move || wait_for(&lock)
    })
    .await
    .map_err(|error| unusable("waiting for what a former process left", &error))?
    .map_err(|error| unusable("waiting for what a former process left", &error))?;
    let orphans = if events.is_empty() { 0 } else { warden::kill_orphans(folder) };
    if orphans > 0 {
        eprintln!("ended {orphans} processes that a former owner had left running");
    }
    let processes = Processes::start(&warden_lock).map_err(|error| unusable("the process that starts others can't be started", &error))?;
    let trees = Trees::new(&prepared.root, Gates::reports(&prepared.config));
    let gates = Gates::new(&prepared.root, trees.clone());
    events.iter().for_each(|event| gates.remember(event));
    let agents = Agents { root: prepared.root.clone(), trees, folder: folder.to_owned() };
    let config: SharedConfig = Arc::new(RwLock::new(Arc::new(prepared.config.clone())));
    let (inbox, mut mailbox) = mpsc::unbounded_channel();
    let mut carrier = Carrier::new(agents, gates, processes, config.clone(), view.clone(), inbox.clone());
    let _watch = watch_files(arguments, prepared, inbox, config);
    let mut suspend = signals()?;
    let ndjson = arguments.format == "ndjson";
    owner.acknowledges = ndjson;
    let mut display = Display::new(view, !ndjson);
    let mut observe = |batch: &[Recorded], state: &State| {
        display.show(batch, state);
        if ndjson { print_events(batch) } else { Ok(()) }
    };
    let stopped = owner.run(first, &mut mailbox, &mut carrier, &mut suspend, &mut observe).await;
    display.end();
    stopped.map_err(|error| {
        let full = error.kind() == std::io::ErrorKind::StorageFull;
        let why = if full { "the disk is full: make room".to_owned() } else { error.to_string() };
        Failure::unusable(format!(
            "{}: can't be written: {why}; everything was stopped, what is recorded is kept, and the same `run` goes on",
            folder.join(JOURNAL).display()
        ))
    })
}

/// Events as JSON lines. They are acknowledged to whoever reads them, so they are on disk first.
fn print_events(batch: &[Recorded]) -> std::io::Result<()> {
    let mut lines = Vec::new();
    for event in batch {
        serde_json::to_writer(&mut lines, event)?;
        lines.push(b'\n');
    }
    let mut out = std::io::stdout().lock();
    match out.write_all(&lines).and_then(|()| out.flush()) {
        // Who reads along may leave: the execution goes on.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Ctrl-C and a request to end suspend; a second one does not wait.
fn signals() -> Result<mpsc::UnboundedReceiver<()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = mpsc::unbounded_channel();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind).map_err(|error| Failure::internal(format!("signals can't be received: {error}")))?;
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

/// Changes of the breakdown and of the config are taken up while it runs.
fn watch_files(
    arguments: &Arguments,
    prepared: &Prepared,
    inbox: mpsc::UnboundedSender<Input>,
    shared: SharedConfig,
) -> Option<watch::Watch> {
    let files: Vec<PathBuf> = prepared.source.path.iter().chain(&prepared.config_path).cloned().collect();
    let (arguments, config_path) = (arguments.clone(), prepared.config_path.clone());
    let changed = move |file: &Path| {
        let input =
            if Some(file) == config_path.as_deref() { config_now(&arguments, file, &shared) } else { Some(plan_now(&arguments, file)) };
        if let Some(input) = input {
            // The loop may have ended: then nobody waits for this any more.
            let _ = inbox.send(input);
        }
    };
    match watch::watch(&files, changed) {
        Ok(watch) => Some(watch),
        Err(error) => {
            eprintln!("changes of the breakdown and the config are not seen while this runs: {error}");
            None
        }
    }
}

fn plan_now(arguments: &Arguments, file: &Path) -> Input {
    match super::source::read(file).and_then(|source| read_plan(arguments, &source)) {
        Ok(parsed) if !parsed.nothing_to_do() => Input::PlanOffered(Box::new(parsed.plan), parsed.marks),
        Ok(parsed) => Input::PlanBroken(parsed.errors().map(|problem| problem.message.clone()).collect()),
        Err(failure) => Input::PlanBroken(vec![failure.message]),
    }
}

/// The rules of the config as it is now; the old ones stay in force while it has a mistake.
fn config_now(arguments: &Arguments, file: &Path, shared: &SharedConfig) -> Option<Input> {
    let read = config::read(file).and_then(|mut config| {
        arguments.narrow(&mut config).map_err(|failure| failure.message)?;
        config.policy(true).map(|policy| (config, policy))
    });
    match read {
        Ok((config, policy)) => {
            *shared.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
            Some(Input::PolicyOffered(Box::new(policy)))
        }
        Err(message) => {
            eprintln!("{message}; the rules before it stay in force");
            None
        }
    }
}

/// Prints the return protocol; the exit code is the status.
fn finish(arguments: &Arguments, state: &State) -> Outcome {
    let report = report(state);
    if let Some(path) = &arguments.report {
        let json = path.extension().is_some_and(|extension| extension == "json");
        let text = if json { serde_json::to_string_pretty(&report).unwrap_or_default() } else { report.markdown() };
        std::fs::write(path, text)
            .map_err(|error| Failure::unusable(format!("{}: the report can't be written: {error}", path.display())))?;
    }
    match arguments.format.as_str() {
        "json" => print_json(&report)?,
        "ndjson" => print(&(serde_json::to_string(&BTreeMap::from([("report", &report)])).unwrap_or_default() + "\n"))?,
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
