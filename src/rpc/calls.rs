//! What carries out the methods: each reads the executions or drops an input into one.
use super::board::board;
use super::claims;
use super::forward::{at_handle, forward, wire};
use super::messages::*;
use super::method::{self, Method, Route};
use super::peer::{Caller, Client, off_thread, report_document, status};
use super::remote;
use super::table::Table;
use super::types::{PlanDocument, plan_document};
use crate::breakdown::folder;
use crate::breakdown::source::{Source, file_in, read, text};
use crate::breakdown::{Deps, Format};
use crate::config::{self, Isolation};
use crate::core::brief::{BriefText, texts, work_name};
use crate::core::decider::{Decider, Frontend};
use crate::core::id::{GateId, TaskId};
use crate::core::input::Input;
use crate::core::label::task_gate_status;
use crate::core::progress::waits_for;
use crate::core::state::GivenOrder;
use crate::core::status::status_report;
use crate::core::view::ExecutionState;
use crate::engine::coordinator::StartOptions;
use crate::engine::execution::Execution;
use crate::engine::output::printed;
use crate::engine::people::{self, decider, decider_here};
use crate::engine::start::{
    Options, must_be_trusted, never_calls_itself, prepare, rules_of_plan, workspace_of,
};
use crate::failure::Failure;
use crate::journal::lines::Lines;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The table of all methods.
pub fn table() -> Table {
    let mut table = Table::default();
    table.add::<method::Plan, _>(plan);
    table.add::<method::Start, _>(start);
    table.add::<method::Await, _>(wait);
    table.add::<method::Status, _>(|caller, params| {
        with_execution(caller, params.execution, |execution| Ok(status(execution)))
    });
    table.add::<method::GetReport, _>(|caller, params| {
        with_execution(caller, params.execution, |execution| {
            Ok(report_document(execution, &execution.state()))
        })
    });
    table.add::<method::List, _>(|caller, _| off_thread(move || Ok(list(&caller))));
    table.add::<method::Events, _>(|caller, params| {
        with_execution(caller, params.execution, move |execution| {
            events(execution, params.from, params.limit)
        })
    });
    table.add::<method::Subscribe, _>(subscribe);
    table.add::<method::Unsubscribe, _>(|caller, params| async move {
        Ok(Unsubscribed { unsubscribed: caller.peer.unsubscribe(params.subscription) })
    });
    table.add::<method::Pause, _>(|caller, params| {
        steer::<method::Pause>(caller, params, |_, _| Input::Pause)
    });
    table.add::<method::Resume, _>(|caller, params| {
        steer::<method::Resume>(caller, params, resumed)
    });
    table.add::<method::Cancel, _>(|caller, params| {
        steer::<method::Cancel>(caller, params, |_, _| Input::Cancel)
    });
    table.add::<method::TaskGet, _>(|caller, params| {
        with_execution(caller, params.execution, move |execution| card(execution, &params.task))
    });
    table.add::<method::TaskListing, _>(|caller, params| {
        with_execution(caller, params.execution, |execution| Ok(board(execution)))
    });
    table.add::<method::TaskOutput, _>(|caller, params| {
        with_execution(caller, params.execution.clone(), move |execution| {
            output(execution, &params)
        })
    });
    claims::add_to(&mut table);
    table.add::<method::TaskRetry, _>(|caller, params| {
        steer::<method::TaskRetry>(caller, params, |execution, params| {
            Input::retry(&execution.state(), &params.task)
        })
    });
    table.add::<method::TaskSkip, _>(|caller, params| {
        steer::<method::TaskSkip>(caller, params, |_, params| {
            Input::Skip(TaskId::from(params.task))
        })
    });
    table.add::<method::TaskAnswer, _>(|caller, mut params: SayParams| async move {
        let from = from(&caller, &mut params.frontend, params.by.as_deref())?;
        steer::<method::TaskAnswer>(caller, params, move |_, params| {
            Input::Answer(TaskId::from(params.task), from, params.text)
        })
        .await
    });
    table.add::<method::TaskSteer, _>(|caller, mut params: SayParams| async move {
        let from = from(&caller, &mut params.frontend, params.by.as_deref())?;
        steer::<method::TaskSteer>(caller, params, move |_, params| {
            Input::Steer(TaskId::from(params.task), from, params.text)
        })
        .await
    });
    table.add::<method::GateApprove, _>(|caller, params| {
        decide::<method::GateApprove>(caller, params, Input::Approve)
    });
    table.add::<method::GateReject, _>(|caller, params| {
        decide::<method::GateReject>(caller, params, Input::Reject)
    });
    table
}

/// What was paused goes on; so does what nobody is at work on any more, because its process was killed.
fn resumed(execution: &Execution, _: ExecutionParams) -> Input {
    let state = execution.state();
    let abandoned = !state.paused && state.ended.is_none() && execution.owner().is_none();
    if abandoned { Input::Tick } else { Input::Resume }
}

/// Who says something, and by which way, which is passed on with it.
fn from(
    caller: &Caller,
    passed_on: &mut Option<Frontend>,
    by: Option<&str>,
) -> Result<Decider, Failure> {
    let of_client = match caller.peer.client {
        Client::Editor => Frontend::Editor,
        Client::Terminal => Frontend::Terminal,
        Client::Program | Client::Model => Frontend::Program,
    };
    // At a socket there are our own processes, which say from whom they have it, and others, which may say what they like.
    let is_ours = caller.peer.pid.is_some_and(people::is_this_program);
    let frontend = caller.asked.or(passed_on.filter(|_| is_ours)).unwrap_or(of_client);
    *passed_on = Some(frontend);
    let by = by.unwrap_or("client");
    match caller.peer.pid {
        Some(pid) => decider(pid, frontend, by),
        None => decider_here(frontend, by),
    }
}

/// A decision about a gate, with who it is from.
async fn decide<M: Method<Params = GateParams, Result = Steered>>(
    caller: Caller,
    mut params: GateParams,
    input: fn(GateId, Decider, String) -> Input,
) -> Result<Steered, Failure> {
    let from = from(&caller, &mut params.frontend, params.by.as_deref())?;
    steer::<M>(caller, params, move |_, params| {
        input(GateId::from(params.gate), from, params.reason)
    })
    .await
}

/// Reads something of an execution, apart from the loop of messages.
async fn with_execution<R: Send + 'static>(
    caller: Caller,
    execution: Option<String>,
    read: impl FnOnce(&Execution) -> Result<R, Failure> + Send + 'static,
) -> Result<R, Failure> {
    off_thread(move || read(&*caller.coordinator.find(execution.as_deref())?)).await
}

/// The file that a `file:` URI names.
///
/// # Errors
/// It is no such URI.
pub fn file_of(uri: &str) -> Result<PathBuf, Failure> {
    let path =
        uri.strip_prefix("file://").map(|rest| rest.strip_prefix("localhost").unwrap_or(rest));
    match path.filter(|path| path.starts_with('/')) {
        Some(path) => {
            use std::os::unix::ffi::OsStringExt;
            let bytes: Vec<u8> = percent_encoding::percent_decode_str(path).collect();
            Ok(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
        }
        None => Err(Failure::usage(format!(
            "`{uri}` names no file of this machine: give a `file:` URI"
        ))),
    }
}

/// A file that a client names: programs and models name only those of the workspaces, unless a
/// config there says otherwise.
fn within(caller: &Caller, path: PathBuf) -> Result<PathBuf, Failure> {
    let roots = caller.coordinator.roots();
    // What is typed and what is open in an editor its user has named.
    if matches!(caller.peer.client, Client::Editor | Client::Terminal) || roots.is_empty() {
        return Ok(path);
    }
    // A pipe or a device would be waited for.
    if path.metadata().is_ok_and(|meta| !meta.is_file() && !meta.is_dir()) {
        return Err(Failure::usage(format!(
            "{}: it is neither a file nor a folder",
            path.display()
        )));
    }
    // Nothing is said of what is outside, not even that it is missing.
    let real = real_path(&path);
    let holds =
        |root: &PathBuf| real.starts_with(root.canonicalize().unwrap_or_else(|_| root.clone()));
    let opens = |root: &PathBuf| {
        config::load(root, None).is_ok_and(|(config, _)| config.clients.outside_workspace)
    };
    if roots.iter().any(holds) || roots.iter().any(opens) {
        return Ok(path);
    }
    let roots: Vec<String> = roots.iter().map(|root| root.display().to_string()).collect();
    Err(Failure::usage(format!(
        "{}: it is not in the workspace ({}): start the program in that one, or let clients name it by `outside_workspace = true` under `[clients]` in {}",
        path.display(),
        roots.join(", "),
        config::FILE_NAME
    )))
}

/// Where a path leads, also one that does not exist: as far as it does, without links.
fn real_path(path: &Path) -> PathBuf {
    let there =
        path.ancestors().find_map(|ancestor| Some((ancestor, ancestor.canonicalize().ok()?)));
    let Some((ancestor, real)) = there else { return path.to_owned() };
    path.strip_prefix(ancestor).map_or(real.clone(), |rest| real.join(rest))
}

/// A breakdown that a client names. A link in a folder may lead elsewhere than the folder.
fn read_within(caller: &Caller, path: PathBuf) -> Result<Source, Failure> {
    let file = file_in(&within(caller, path)?)?;
    read(&within(caller, file)?)
}

fn source_of(params: &PlanParams, caller: &Caller) -> Result<Source, Failure> {
    match (&params.path, &params.uri, &params.text) {
        (Some(path), None, None) => read_within(caller, caller.coordinator.folder.join(path)),
        (None, Some(uri), None) => read_within(caller, folder::breakdown_of(&file_of(uri)?)),
        (None, None, Some(given)) => {
            Ok(Source::of_text("text", text(given.clone().into_bytes(), "text")?))
        }
        _ => Err(Failure::usage("give exactly one of `path`, `uri` and `text`")),
    }
}

fn options_of(params: &PlanParams, caller: &Caller) -> Result<Options, Failure> {
    let names = || Format::NAMES.join(", ");
    let format = params.format.as_deref().map(|wanted| {
        Format::named(wanted).ok_or_else(|| {
            Failure::usage(format!("there is no format `{wanted}`; there are {}", names()))
        })
    });
    let deps = match params.deps.as_deref() {
        None => Deps::Format,
        Some("explicit") => Deps::Explicit,
        Some("order") => Deps::Order,
        Some("phase") => Deps::Phase,
        Some(other) => {
            return Err(Failure::usage(format!(
                "`{other}` is no rule for edges: use explicit, order or phase"
            )));
        }
    };
    if params.max_parallel == Some(0) {
        return Err(Failure::usage("maxParallel must be at least 1"));
    }
    let isolation = match params.isolation.as_deref() {
        None => None,
        Some("worktree") => Some(Isolation::Worktree),
        Some("none") => Some(Isolation::None),
        Some(other) => {
            return Err(Failure::usage(format!("`{other}` is no isolation: use worktree or none")));
        }
    };
    Ok(Options {
        agent: params.agent.clone(),
        max_parallel: params.max_parallel,
        isolation,
        deliver: params.deliver,
        write_back: params.write_back,
        config: params
            .config
            .as_ref()
            .map(|path| within(caller, caller.coordinator.folder.join(path)))
            .transpose()?,
        only: params.only.clone(),
        execution: None,
        fresh: params.fresh,
        format: format.transpose()?,
        deps,
    })
}

async fn plan(caller: Caller, params: PlanParams) -> Result<PlanDocument, Failure> {
    off_thread(move || {
        let folder = &caller.coordinator.folder;
        let source = source_of(&params, &caller)?;
        let options = options_of(&params, &caller)?;
        let root = workspace_of(&source, folder);
        caller.coordinator.add_root(&root);
        let (config, _) = options.config(&root)?;
        let (parsed, _) = options.plan(&source)?;
        let policy = rules_of_plan(&config, &root, &parsed.plan).map_err(Failure::usage)?;
        Ok(plan_document(&parsed, &source, &policy))
    })
    .await
}

async fn start(caller: Caller, params: PlanParams) -> Result<Started, Failure> {
    let starting = caller.coordinator.starting();
    let (caller, execution, started) = off_thread(move || {
        let _starting = starting;
        let folder = &caller.coordinator.folder;
        let source = source_of(&params, &caller)?;
        let options = options_of(&params, &caller)?;
        let root = workspace_of(&source, folder);
        caller.coordinator.add_root(&root);
        if caller.peer.client.is_outlived() {
            never_calls_itself()?;
            if caller.peer.client.needs_trust() {
                must_be_trusted(&root)?;
            }
            let path = source.path.as_ref().map(|path| path.display().to_string());
            let config = options.config.as_ref().map(|path| path.display().to_string());
            let there = PlanParams { path, uri: None, config, ..params };
            let started = remote::call_daemon::<method::Start>(&root, &wire(&there)?)?;
            let execution = caller.coordinator.find(Some(&started.execution))?;
            return Ok((caller, execution, started));
        }
        let (execution, resumed, warnings) = begin(&caller, source, root, options)?;
        let state = status_report(&execution.state()).state;
        let started = Started { execution: execution.id.to_string(), resumed, state, warnings };
        Ok((caller, execution, started))
    })
    .await?;
    caller.peer.watch(&execution);
    Ok(started)
}

/// What a person is asked where something was to be started in a workspace that is not trusted.
pub fn trust_question(root: &Path) -> String {
    format!(
        "{} is not trusted. Its config and its breakdowns name commands that would be run. Trust it?",
        root.display()
    )
}

fn begin(
    caller: &Caller,
    source: Source,
    root: PathBuf,
    options: Options,
) -> Result<(Arc<Execution>, bool, Vec<String>), Failure> {
    let before = source.path.as_deref().and_then(|path| caller.coordinator.of_breakdown(path));
    // One that runs already is the one that is meant.
    if let Some(running) =
        before.as_ref().filter(|before| before.owner().is_some() && !options.fresh)
    {
        return Ok((running.clone(), true, Vec::new()));
    }
    let prepared = prepare(source, root, options)?;
    let warnings = prepared.warnings.clone();
    let (path, fresh) = (prepared.source.path.clone(), prepared.options.fresh);
    let started = caller.coordinator.start(prepared, StartOptions { synced: true, observe: None });
    // Somebody else was faster: then it is that one.
    if let Err(failure) = &started
        && !fresh
        && failure.kind == crate::failure::FailureKind::Owned
        && let Some(running) =
            path.as_deref().and_then(|path| caller.coordinator.of_breakdown(path))
    {
        return Ok((running, true, warnings));
    }
    let (execution, _) = started?;
    let resumed = before.is_some_and(|before| before.id == execution.id);
    Ok((execution, resumed, warnings))
}

/// The breakdown of an execution, as it is now.
///
/// # Errors
/// It can't be read.
pub fn breakdown_of(caller: &Caller, execution: &Execution) -> Result<Source, Failure> {
    match execution.breakdown.as_str() {
        "-" => Ok(Source { path: None, ..read_within(caller, execution.dir.breakdown())? }),
        // A journal may have come with the workspace.
        path => read_within(caller, PathBuf::from(path)),
    }
}

/// Goes on with an execution that nobody is at work on.
fn go_on(caller: &Caller, execution: &Execution) -> Result<(), Failure> {
    if execution.owner().is_some() {
        return Ok(());
    }
    let root = execution.root().to_owned();
    let source = breakdown_of(caller, execution)?;
    let options =
        Options { execution: Some(execution.dir.clone()), fresh: false, ..execution.options() };
    caller
        .coordinator
        .start(prepare(source, root, options)?, StartOptions { synced: true, observe: None })?;
    Ok(())
}

async fn wait(caller: Caller, params: AwaitParams) -> Result<Awaited, Failure> {
    if !caller.peer.client.may_await() {
        return Err(Failure::new(
            crate::failure::FailureKind::Refused,
            "an editor's connection does not wait for an execution: `execution/result` is sent when it ends",
        ));
    }
    let execution = at_handle(&caller, params.execution).await?;
    let mut seq = execution.seq();
    let over = async {
        // Another process may go on with it, or leave it, without a word to us.
        let mut look = tokio::time::interval(Duration::from_millis(500));
        loop {
            seq.mark_unchanged();
            let looked = execution.clone();
            let working = off_thread(move || {
                looked.refresh()?;
                Ok(!looked.was_left())
            });
            // An owner lets go a moment after its last event: what counts is both.
            if !working.await? {
                return Ok::<(), Failure>(());
            }
            tokio::select! {
                changed = seq.changed() => if changed.is_err() { return Ok(()) },
                _ = look.tick() => {}
            }
        }
    };
    match params.timeout_ms {
        Some(limit) => {
            tokio::time::timeout(Duration::from_millis(limit), over).await.unwrap_or(Ok(()))?;
        }
        None => over.await?,
    }
    let state = execution.state();
    Ok(Awaited {
        execution: execution.id.to_string(),
        ended: state.ended.is_some(),
        running: execution.owner().is_some(),
        status: status(&execution),
        report: state.ended.map(|_| report_document(&execution, &state)),
    })
}

/// An execution in a list.
pub fn row(execution: &Execution) -> ExecutionRow {
    let (state, line) = match execution.refresh() {
        Ok(_) => {
            let status = status(execution);
            (status.state, status.line())
        }
        Err(failure) => (ExecutionState::Unreadable, failure.message),
    };
    ExecutionRow {
        execution: execution.id.to_string(),
        breakdown: execution.breakdown.clone(),
        started_at: execution.started_at,
        state,
        owner: execution.owner(),
        line,
    }
}

fn list(caller: &Caller) -> ExecutionList {
    let all = caller.coordinator.list();
    ExecutionList { executions: all.iter().map(|execution| row(execution)).collect() }
}

/// Events of an execution, in pages.
///
/// # Errors
/// The journal can't be read.
pub fn events(
    execution: &Execution,
    from: Option<u64>,
    limit: Option<usize>,
) -> Result<EventsPage, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::unusable(format!("{}: can't be read: {error}", execution.journal().display()))
    };
    let from = from.unwrap_or(1).max(1);
    let last = execution.state().seq;
    let most = limit
        .unwrap_or(1_000)
        .min(10_000)
        .min(usize::try_from((last + 1).saturating_sub(from)).unwrap_or(0));
    let mut lines = Lines::open(&execution.journal(), from).map_err(|error| unreadable(&error))?;
    let mut events = Vec::new();
    for mut body in lines.take(most).map_err(|error| unreadable(&error))? {
        body.push(b'}');
        events.push(serde_json::from_slice(&body).map_err(|error| unreadable(&error))?);
    }
    Ok(EventsPage {
        execution: execution.id.to_string(),
        next: from + events.len() as u64,
        events,
        last,
    })
}

async fn subscribe(caller: Caller, params: SubscribeParams) -> Result<Subscribed, Failure> {
    let execution = at_handle(&caller, params.execution).await?;
    let from = params.from.unwrap_or(*execution.seq().borrow() + 1).max(1);
    let subscription = caller.peer.subscribe(&execution, from)?;
    Ok(Subscribed { subscription, execution: execution.id.to_string(), from })
}

/// Steers an execution: here where nobody or this process is at work on it, else in the process
/// that is.
async fn steer<M: Method<Result = Steered>>(
    caller: Caller,
    params: M::Params,
    input: impl FnOnce(&Execution, M::Params) -> Input + Send,
) -> Result<Steered, Failure> {
    never_calls_itself()?;
    let goes_on = M::TRAITS.route == Route::Daemon;
    let starting = goes_on.then(|| caller.coordinator.starting());
    let (execution, steered) = forward::<M>(&caller, &params).await?;
    if let Some(steered) = steered {
        caller.peer.watch(&execution);
        return Ok(steered);
    }
    let input = input(&execution, params);
    let mut seq = execution.steer(input).await?;
    if goes_on && !execution.is_here() && !execution.has_ended() {
        let (caller, execution) = (caller.clone(), execution.clone());
        seq = off_thread(move || {
            let _starting = starting;
            go_on(&caller, &execution)?;
            Ok(execution.state().seq)
        })
        .await?;
    }
    caller.peer.watch(&execution);
    let running = execution.owner().is_some();
    Ok(Steered {
        execution: execution.id.to_string(),
        seq,
        state: status(&execution).state,
        running,
    })
}

/// Everything about a task.
///
/// # Errors
/// There is no such task.
pub fn card(execution: &Execution, task: &str) -> Result<TaskCard, Failure> {
    let state = execution.state();
    let id = TaskId::from(task);
    let Some(ix) = state.graph.task(&id) else {
        return Err(Failure::not_found(format!(
            "{}: there is no task {task}: `task/list` names them",
            execution.id
        )));
    };
    let known = &state.tasks[ix];
    let finding = |finding: &crate::core::outcome::Finding| finding.to_string();
    let needed_by = |node: &crate::core::plan::Task| {
        node.depends_on.iter().any(|d| d.on == crate::core::plan::Node::Task(id.clone()))
    };
    let row = |given: &GivenOrder| OrderRow {
        order: given.order.to_string(),
        what: work_name(&given.work),
        at: given.at,
    };
    Ok(TaskCard {
        execution: execution.id.to_string(),
        status: status_report(&state)
            .streams
            .into_iter()
            .flat_map(|stream| stream.tasks)
            .find(|row| row.id == task)
            .unwrap_or_default(),
        stream: state.task(ix).stream.as_ref().map(ToString::to_string),
        waits_for: waits_for(&state, ix),
        needed_by: state
            .plan
            .tasks
            .iter()
            .filter(|task| needed_by(task))
            .map(|task| task.id.to_string())
            .collect(),
        slack: state.graph.slack(ix),
        critical_path: state.graph.critical_path().contains(&ix),
        orders: known.orders.last.iter().map(row).collect(),
        orders_before: known.orders.before,
        findings: known.findings.iter().chain(&known.remarks).map(finding).collect(),
        gates: task_gate_status(&state, ix),
        texts: texts(&state.plan.prose, Some(&id)).into_iter().map(text_place).collect(),
    })
}

fn text_place(BriefText { of, title, file, first_line, last_line, .. }: BriefText) -> TextPlace {
    TextPlace { of, title, file, first_line, last_line }
}

fn output(execution: &Execution, params: &OutputParams) -> Result<OutputPage, Failure> {
    let printed = printed(&execution.dir, &execution.state(), &params.task)?;
    let most = params.limit.unwrap_or(64 << 10).clamp(4, 1 << 20);
    let mut bytes = printed.read(params.from, most)?;
    // A character that is cut in two belongs to the next page, while there is one.
    if bytes.len() == most
        && let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
    {
        bytes.truncate(error.valid_up_to());
    }
    let next = params.from + bytes.len() as u64;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(OutputPage { order: printed.order.to_string(), text, next, open: printed.open })
}
