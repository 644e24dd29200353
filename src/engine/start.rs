//! How an execution begins: what is known before anything is started, the journal that it goes
//! on with, and the inputs that come first.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge that reads breakdowns and opens executions"
)]

use super::clock::Clock;
use super::foreign;
use super::kept::content;
use super::locate::{executions, opening, own};
use super::texts::{self, Digested, Texts};
use crate::agents::command::{can_start, program_of};
use crate::agents::prompt::Template;
use crate::agents::roster;
use crate::breakdown::source::Source;
use crate::breakdown::unread::left_out;
use crate::breakdown::{Deps, Format, Parsed, parse, problem, source};
use crate::config::{self, Agent, Config, Isolation};
use crate::core::allocation::{Allocation, allocate};
use crate::core::event::{Event, Mark, Recorded, Status};
use crate::core::id::{AgentName, ExecutionId, GateId, TaskId};
use crate::core::input::{Input, Start};
use crate::core::plan::{Plan, Task};
use crate::core::policy::{AgentPolicy, Policy, Role};
use crate::core::state::{Held, Phase, State, TaskState};
use crate::failure::{Failure, FailureKind};
use crate::gates::settings::judged_by;
use crate::journal::Journal;
use crate::journal::lock::{Lock, wait_for};
use crate::process::warden;
use crate::workspace::execution_dir::ExecutionDir;
use crate::workspace::git::Git;
use crate::workspace::isolation;
use crate::workspace::sandbox;
use crate::workspace::trust::is_trusted;
use crate::workspace::{STATE_FOLDER, make_private, make_state_folder, root_of};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Warnings about one breakdown that are said at most.
const MAX_WARNINGS: usize = 20;

/// What is wanted beside the breakdown itself.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The only executor: a name of the roster, or a kind.
    pub agent: Option<String>,
    /// Attempts at once.
    pub max_parallel: Option<u32>,
    /// Where attempts work, over what the config says.
    pub isolation: Option<Isolation>,
    /// Whether the result is merged into the checkout, over what the config says.
    pub deliver: bool,
    /// Whether the breakdown is told what is done, over what the config says.
    pub write_back: bool,
    /// The config instead of the one found.
    pub config: Option<PathBuf>,
    /// Only these tasks, and what they wait for; all when empty.
    pub only: Vec<String>,
    /// Take up just this execution, by its folder; the latest of the breakdown when absent.
    pub execution: Option<ExecutionDir>,
    /// Start again, even where an execution of this breakdown is unfinished.
    pub fresh: bool,
    /// The format; found out when absent.
    pub format: Option<Format>,
    /// Which edges are taken beside the written ones.
    pub deps: Deps,
}

impl Options {
    /// What is wanted over what the config says.
    fn narrow(&self, config: &mut Config) -> Result<(), Failure> {
        if let Some(most) = self.max_parallel {
            config.execution.max_parallel = most;
        }
        config.execution.isolation = self.isolation.or(config.execution.isolation);
        config.execution.deliver |= self.deliver;
        config.execution.write_back |= self.write_back;
        choose_agent(config, self.agent.as_deref())
    }

    /// What a breakdown says, all of it.
    pub fn parsed(&self, source: &Source) -> Parsed {
        parse(source.input(), self.format, self.deps).or_topic(&source.topic())
    }

    /// A breakdown's text as a plan.
    ///
    /// # Errors
    /// One of the tasks that are wanted does not exist.
    pub fn plan(&self, source: &Source) -> Result<(Parsed, Vec<Digested>), Failure> {
        let mut parsed = self.parsed(source);
        if !self.only.is_empty() {
            let ids: Vec<TaskId> = self.only.iter().map(|id| TaskId::from(id.trim())).collect();
            parsed.plan = parsed.plan.only(&ids).map_err(|id| {
                let known: Vec<&str> =
                    parsed.plan.tasks.iter().take(12).map(|task| task.id.as_str()).collect();
                Failure::usage(format!(
                    "--only {id}: the breakdown has no such task; it has {}",
                    known.join(", ")
                ))
            })?;
            parsed.marks.retain(|id, _| parsed.plan.task(id).is_some());
        }
        let (prose, texts, unread) = texts::prose(&parsed, source);
        parsed.plan.prose = prose;
        parsed.problems.extend(unread);
        Ok((parsed, texts))
    }

    /// What a breakdown on disk says now.
    pub fn plan_now(&self, file: &Path, texts: &Texts) -> Input {
        match source::read(file).and_then(|source| self.plan(&source)) {
            Ok((parsed, read)) if !parsed.nothing_to_do() => {
                texts.offer(&read);
                Input::PlanOffered(Box::new(parsed.plan), parsed.marks)
            }
            Ok((parsed, _)) => {
                Input::PlanBroken(parsed.errors().map(|problem| problem.message.clone()).collect())
            }
            Err(failure) => Input::PlanBroken(vec![failure.message]),
        }
    }

    /// The config of a workspace with what is wanted over it, and where it was found.
    ///
    /// # Errors
    /// The config has a mistake, or there is no such agent.
    pub fn config(&self, root: &Path) -> Result<(Config, Option<PathBuf>), Failure> {
        let (mut config, path) =
            roster::load(root, self.config.as_deref()).map_err(Failure::usage)?;
        self.narrow(&mut config)?;
        Ok((config, path.map(|path| path.canonicalize().unwrap_or(path))))
    }

    /// The config of a file as it is now, with the roster and the rules.
    ///
    /// # Errors
    /// It has a mistake.
    pub fn config_now(&self, root: &Path, file: &Path) -> Result<(Config, Policy), String> {
        let (mut config, _) = roster::load(root, Some(file))?;
        self.narrow(&mut config).map_err(|failure| failure.message)?;
        let policy = rules(&config, root)?;
        Ok((config, policy))
    }
}

/// The rules of a config, with what gates judge by now.
fn rules(config: &Config, root: &Path) -> Result<Policy, String> {
    let mut policy = config.policy(true)?;
    for gate in &mut policy.gates {
        gate.judged_by = config
            .gate(&gate.name)
            .map(|known| judged_by(&known.command, root))
            .unwrap_or_default();
    }
    Ok(policy)
}

/// The roster's other executors step back, or a kind becomes the only one.
fn choose_agent(config: &mut Config, wanted: Option<&str>) -> Result<(), Failure> {
    let Some(wanted) = wanted else { return Ok(()) };
    if let Some(agent) = config.agents.get_mut(wanted) {
        agent.defined_only = false;
        config.agents.retain(|name, agent| name == wanted || agent.role(name) != Role::Executor);
        return Ok(());
    }
    if let Some(kind) = config::AgentKind::ALONE.into_iter().find(|kind| kind.name() == wanted) {
        config.agents.retain(|name, agent| agent.role(name) != Role::Executor);
        if kind != config::AgentKind::Shell {
            config.agents.insert(kind.name().into(), Agent::of_kind(kind));
        }
        return Ok(());
    }
    let kinds = config::AgentKind::ALONE.map(config::AgentKind::name);
    let names: Vec<&str> = config.agents.keys().map(String::as_str).chain(kinds).collect();
    Err(Failure::usage(format!(
        "--agent {wanted}: there is no such agent; there are {}",
        names.join(", ")
    )))
}

/// Everything that is known before anything is started.
pub struct Prepared {
    /// The workspace.
    pub root: PathBuf,
    /// The breakdown.
    pub source: Source,
    /// What it says.
    pub parsed: Parsed,
    /// The texts in which its words stand.
    pub texts: Vec<Digested>,
    /// The config, with what is wanted over it.
    pub config: Config,
    /// Where it was found.
    pub config_path: Option<PathBuf>,
    /// The rules that follow.
    pub policy: Policy,
    /// What should be known but keeps nothing from starting.
    pub warnings: Vec<String>,
    /// What was wanted.
    pub options: Options,
}

/// The workspace of a breakdown, or of a folder for one without a file.
pub fn workspace_of(source: &Source, folder: &Path) -> PathBuf {
    root_of(source.path.as_deref().and_then(Path::parent).unwrap_or(folder))
}

/// An attempt does its task: it starts no executions.
///
/// # Errors
/// This is called from an attempt.
pub fn never_calls_itself() -> Result<(), Failure> {
    if std::env::var_os(warden::COOKIE).is_some() {
        return Err(Failure::usage(
            "this is running inside an attempt of execution-coordinator, which never calls itself: do the task itself instead",
        ));
    }
    Ok(())
}

/// What a client starts that is not the user's own command line has to be in a trusted workspace.
///
/// # Errors
/// It is not.
pub fn must_be_trusted(root: &Path) -> Result<(), Failure> {
    if is_trusted(root) {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Untrusted,
        format!(
            "{}: this workspace is not trusted, so nothing is started from here: its config and its breakdowns name commands. Run `execution-coordinator trust` in it if you know them; `execution-coordinator run` in a terminal needs no trust",
            root.display()
        ),
    ))
}

/// Reads config and breakdown, and says whatever can be known to go wrong before anything is
/// started.
///
/// # Errors
/// Bad usage, config or breakdown; or it is called from one of its own attempts.
pub fn prepare(source: Source, root: PathBuf, options: Options) -> Result<Prepared, Failure> {
    never_calls_itself()?;
    let (config, config_path) = options.config(&root)?;
    let policy = rules(&config, &root).map_err(Failure::usage)?;
    let (parsed, texts) = options.plan(&source)?;
    // Where only some tasks are wanted, the others' streams are there too.
    let whole = (!options.only.is_empty()).then(|| options.parsed(&source));
    config.fits(&whole.as_ref().unwrap_or(&parsed).plan).map_err(Failure::usage)?;
    let mut prepared = Prepared {
        root,
        source,
        parsed,
        texts,
        config,
        config_path,
        policy,
        warnings: Vec::new(),
        options,
    };
    prepared.warnings = prepared.check()?;
    let (isolated, warnings) = isolation::isolation(
        &prepared.root,
        prepared.config.execution.isolation,
        only_commands(&prepared.parsed.plan, &prepared.policy),
    )
    .map_err(Failure::usage)?;
    prepared.policy.isolated = isolated;
    let checked_out =
        || Git::at(&prepared.root).run(&["symbolic-ref", "--quiet", "--short", "HEAD"]).ok();
    prepared.policy.into = if isolated { checked_out() } else { None };
    prepared.warnings.extend(warnings);
    prepared.policy.unconfined = sandbox::lacking(&prepared.config).map_err(Failure::usage)?;
    prepared.warnings.extend(
        prepared.policy.unconfined.iter().map(|why| format!("agents are not confined: {why}")),
    );
    Ok(prepared)
}

/// Whether all that would be carried out are the user's own commands.
fn only_commands(plan: &Plan, policy: &Policy) -> bool {
    allocate(plan, policy).iter().all(|allocation| {
        let agent = allocation.agent.as_ref().and_then(|agent| policy.agent(agent));
        agent.is_none_or(AgentPolicy::runs_the_task)
    })
}

/// The rules by which a plan is forecast that is only looked at.
///
/// # Errors
/// The config says something that does not fit together.
pub fn rules_of_plan(config: &Config, root: &Path, plan: &Plan) -> Result<Policy, String> {
    let mut policy = config.policy(true)?;
    // Files keep tasks apart only where attempts share the workspace.
    if plan.tasks.iter().filter(|task| !task.files.is_empty()).nth(1).is_some() {
        let only_commands = only_commands(plan, &policy);
        policy.isolated = isolation::is_likely(root, config.execution.isolation, only_commands);
    }
    Ok(policy)
}

impl Prepared {
    fn check(&self) -> Result<Vec<String>, Failure> {
        let text = self.source.input().lines();
        let sentence = |p: &problem::Problem| {
            let (file, line, column) = self.source.position(&text, p.span.start);
            format!("{file}:{line}:{column}: {}: {}", p.severity.name(), p.message)
        };
        if self.parsed.nothing_to_do() {
            let errors: Vec<String> = self.parsed.errors().map(sentence).collect();
            return Err(Failure::usage(format!("{}\nnothing was started", errors.join("\n"))));
        }
        let worth = self.parsed.problems.iter().filter(|p| p.severity != problem::Severity::Info);
        let mut warnings: Vec<String> = worth.clone().take(MAX_WARNINGS).map(sentence).collect();
        let more = worth.count() - warnings.len();
        if more > 0 {
            warnings.push(format!(
                "{more} more problems: `execution-coordinator check {}` lists them",
                self.source.name
            ));
        }
        warnings.extend(left_out(self.parsed.problems.iter().map(|problem| problem.code)));
        let allocation = allocate(&self.parsed.plan, &self.policy);
        let open = || self.open(&allocation);
        self.all_have_agents(&allocation)?;
        if open().any(|(_, allocation)| {
            allocation.agent.as_ref().is_some_and(|agent| !self.runs_commands(agent))
        }) {
            warnings.extend(self.missed());
        }
        let shared = self.policy.tests_gate().and_then(|gate| self.config.gate(&gate.name));
        let shared = shared.filter(|gate| {
            !gate.command.iter().any(|part| part.contains("{task}")) && self.policy.max_parallel > 1
        });
        if let Some(gate) =
            shared.filter(|_| open().filter(|(_, a)| a.tester.is_some()).count() > 1)
        {
            warnings.push(format!(
                "gate `{}` runs the tests of all tasks, and tasks that run at once see each other's tests fail: give its command `{{task}}`, or set max_parallel = 1",
                gate.name
            ));
        }
        let used: BTreeSet<&str> = open()
            .flat_map(|(_, a)| {
                a.agent.iter().chain(&a.experts).chain(&a.tester).chain(&a.reviewers)
            })
            .map(AgentName::as_str)
            .collect();
        self.programs_start(&used)?;
        let unknown = |task: &&Task| {
            task.agent.as_ref().is_some_and(|wish| {
                !self
                    .policy
                    .agents
                    .iter()
                    .any(|agent| agent.name.as_str().eq_ignore_ascii_case(wish))
            })
        };
        let unknown = self.parsed.plan.tasks.iter().filter(unknown).take(MAX_WARNINGS);
        warnings.extend(unknown.map(|task| {
            let wish = task.agent.clone().unwrap_or_default();
            format!("task {} asks for the agent `{wish}`, which is not in the roster: `execution-coordinator agents` shows who is", task.id)
        }));
        Template::from_config(&self.config, &self.root)
            .and_then(|template| template.check())
            .map_err(|why| Failure::usage(format!("{why}\nnothing was started")))?;
        Ok(warnings)
    }

    /// Tasks that are not done, with who does them.
    fn open<'a>(
        &'a self,
        allocation: &'a [Allocation],
    ) -> impl Iterator<Item = (&'a Task, &'a Allocation)> {
        let all = self.parsed.plan.tasks.iter().zip(allocation);
        all.filter(|(task, _)| !self.parsed.marks.contains_key(&task.id) && task.broken.is_none())
    }

    fn all_have_agents(&self, allocation: &[Allocation]) -> Result<(), Failure> {
        let unable: Vec<_> =
            self.open(allocation).filter(|(_, allocation)| allocation.agent.is_none()).collect();
        if let Some((task, allocation)) = unable.first() {
            let ids: Vec<&str> = unable.iter().take(12).map(|(task, _)| task.id.as_str()).collect();
            let at = self
                .parsed
                .outline
                .tasks
                .iter()
                .find(|task_item| task_item.id == task.id)
                .map_or(0, |task_item| task_item.span.start);
            let place = self.source.position(&self.source.input().lines(), at);
            let message = format!(
                "{}:{}:{}: no agent can do {} {}: {}. Give the task a command (`- Run: …`), or an agent in {}; `execution-coordinator init` writes one to begin with",
                place.0,
                place.1,
                place.2,
                if unable.len() == 1 { "task" } else { "tasks" },
                ids.join(", "),
                allocation.reason,
                config::FILE_NAME
            );
            let said: Vec<String> = std::iter::once(message)
                .chain(self.missed())
                .chain(["nothing was started".into()])
                .collect();
            return Err(Failure::usage(said.join("\n")));
        }
        Ok(())
    }

    /// Whether the programs of agents and gates are there.
    fn programs_start(&self, used: &BTreeSet<&str>) -> Result<(), Failure> {
        let at = self
            .config_path
            .as_ref()
            .map_or(config::FILE_NAME.to_owned(), |path| path.display().to_string());
        for (name, agent) in
            self.config.agents.iter().filter(|(name, _)| used.contains(name.as_str()))
        {
            let Some(program) = program_of(agent) else { continue };
            can_start(program, &self.root, &self.config).map_err(|why| {
                Failure::usage(format!("{at}: [agents.{name}]: {why}\nnothing was started"))
            })?;
        }
        for gate in self.config.gates.iter().filter(|gate| !gate.command.is_empty()) {
            can_start(&gate.command[0], &self.root, &self.config).map_err(|why| {
                Failure::usage(format!("{at}: gate `{}`: {why}\nnothing was started", gate.name))
            })?;
        }
        Ok(())
    }

    fn runs_commands(&self, agent: &AgentName) -> bool {
        self.policy.agent(agent).is_none_or(AgentPolicy::runs_the_task)
    }

    /// Who is defined and can't be asked, one sentence for each reason.
    fn missed(&self) -> Vec<String> {
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for left in self.config.left_out.iter().filter(|left| left.missed) {
            reasons.entry(&left.why).or_default().push(&left.name);
        }
        let sentence = |(why, names): (&str, Vec<&str>)| {
            format!(
                "{} can't be asked: {why}; `execution-coordinator agents` shows where",
                names.join(", ")
            )
        };
        reasons.into_iter().map(sentence).collect()
    }

    /// How the journal names the breakdown.
    pub fn name(&self) -> String {
        self.source.path.as_ref().map_or_else(|| "-".into(), |path| path.display().to_string())
    }

    /// What the breakdown says now.
    pub fn offered(&self) -> Input {
        Input::PlanOffered(Box::new(self.parsed.plan.clone()), self.parsed.marks.clone())
    }

    /// What the config says now.
    pub fn ruled(&self) -> Input {
        Input::PolicyOffered(Box::new(self.policy.clone()))
    }

    /// Whether every task is ticked in the breakdown already.
    pub fn all_done(&self) -> bool {
        self.parsed.marks.len() == self.parsed.plan.tasks.len()
            && self.parsed.marks.values().all(|mark| *mark == Mark::Done)
    }

    /// Whether an execution is complete, its result where it is wanted, and nothing that it was about has changed.
    pub fn is_complete(&self, state: &State) -> bool {
        let is_delivered = !self.policy.deliver || state.merging.is_delivered();
        is_delivered
            && matches!(state.ended, Some((Status::Complete, _)))
            && !self.has_changed(state)
            && !self.would_change(state, self.ruled())
    }

    /// Whether the breakdown asks for something else than it did.
    pub fn has_changed(&self, state: &State) -> bool {
        self.would_change(state, self.offered())
    }

    fn would_change(&self, state: &State, input: Input) -> bool {
        !crate::core::note(&mut state.clone(), input, state.now).is_empty()
    }

    /// How an execution of a folder begins.
    fn begins(&self, dir: &ExecutionDir) -> Input {
        Input::Start(Box::new(Start {
            execution: ExecutionId::from(dir.id()),
            program: env!("CARGO_PKG_VERSION").into(),
            breakdown: self.name(),
            plan: self.parsed.plan.clone(),
            policy: self.policy.clone(),
            marks: self.parsed.marks.clone(),
        }))
    }

    /// What has happened since a former process left it, before the loop begins; `moved` as in [`Input::Restarted`].
    pub fn restarts(&self, state: &State, moved: Option<(String, bool)>) -> Vec<Input> {
        let mut inputs = vec![Input::Restarted(moved), self.ruled()];
        if state.ended.is_some() {
            inputs.push(Input::Reopened);
        } else {
            // Whether it was steered since it came to rest or not: running again tries what failed.
            let failed =
                |known: &TaskState| matches!(known.phase, Phase::Failed(_) | Phase::Blocked(_));
            let tasks = state.plan.tasks.iter().zip(&state.tasks);
            inputs.extend(
                tasks
                    .filter(|(_, known)| failed(known))
                    .map(|(task, _)| Input::Retry(task.id.clone())),
            );
        }
        // Last, so that what failed and is no longer in the breakdown is not begun again.
        inputs.push(self.offered());
        inputs
    }
}

/// An execution that this process owns.
pub struct Opened {
    /// Its folder.
    pub dir: ExecutionDir,
    /// What makes us the owner.
    pub lock: Lock,
    /// Its journal.
    pub journal: Journal,
    /// What was in it.
    pub events: Vec<Recorded>,
    /// Whether it was made just now: nothing of it was carried out yet.
    pub is_new: bool,
}

/// Takes up the unfinished execution of the same breakdown, or makes a new one.
///
/// # Errors
/// Another process owns it, it is paused, or its journal or folder is not usable.
pub fn open(prepared: &Prepared) -> Result<Opened, Failure> {
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
    if let Some(dir) = &prepared.options.execution {
        return open_at(dir.clone(), own(dir)?);
    }
    let name = prepared.name();
    let same = |dir: &&ExecutionDir| opening(dir).is_some_and(|(_, breakdown)| breakdown == name);
    let latest =
        executions(&prepared.root).iter().rev().find(same).cloned().filter(|_| name != "-");
    if let Some(dir) = latest {
        let lock = own(&dir)?;
        if !prepared.options.fresh {
            let opened = open_at(dir, lock)?;
            let cancelled =
                opened.events.iter().any(|event| matches!(event.event, Event::Cancelled));
            if !cancelled && !opened.events.is_empty() {
                return Ok(opened);
            }
        }
    }
    if prepared.options.fresh {
        foreign::forget(&prepared.root, &name);
    }
    foreign::may_go_on(&prepared.root, &name, None)?;
    let dir = make_execution(&state, prepared).map_err(not_writable)?;
    let lock = own(&dir)?;
    let mut opened = open_at(dir, lock)?;
    let texts = Texts::of_execution(&opened.dir);
    texts.offer(&prepared.texts);
    texts.keep(&prepared.parsed.plan).map_err(not_writable)?;
    // Whoever looks for it next finds it, with what it is about.
    opened.events = crate::core::note(
        &mut State::default(),
        prepared.begins(&opened.dir),
        Clock::default().now_ms(),
    );
    opened
        .journal
        .append(&opened.events)
        .and_then(|()| opened.journal.sync())
        .map_err(not_writable)?;
    opened.is_new = true;
    Ok(opened)
}

/// The journal of an execution that is locked.
///
/// # Errors
/// It can't be read.
pub fn open_at(dir: ExecutionDir, lock: Lock) -> Result<Opened, Failure> {
    let (journal, events) =
        Journal::open(&dir.journal()).map_err(|refusal| Failure::unusable(refusal.to_string()))?;
    if let Some((_, breakdown)) = opening(&dir) {
        foreign::may_go_on(dir.workspace(), &breakdown, Some(&journal))?;
    }
    Ok(Opened { dir, lock, journal, events, is_new: false })
}

/// A paused execution does not go on by itself.
///
/// # Errors
/// It is paused.
pub fn not_paused(state: &State, dir: &ExecutionDir) -> Result<(), Failure> {
    match state.paused {
        true => Err(Failure::new(
            FailureKind::Paused,
            format!("{} is paused: `execution-coordinator resume` lets it go on", dir.id()),
        )),
        false => Ok(()),
    }
}

/// The breakdown and the config of an execution are what it goes by, unless an attempt may have changed them.
///
/// # Errors
/// It is so, and no person has decided about it, or it was rejected and is still there.
pub fn not_held(state: &State, root: &Path) -> Result<(), Failure> {
    let still_there =
        |file: &str, held: &Held| !held.rejected || content(&root.join(file)) == held.digest;
    let Some((file, held)) = state.held.iter().find(|(file, held)| still_there(file, held)) else {
        return Ok(());
    };
    let name = GateId::from(file.as_str()).as_argument();
    let decided = if held.rejected {
        "and a person has rejected that"
    } else {
        "and nobody has decided about that"
    };
    Err(Failure::new(
        FailureKind::Paused,
        format!(
            "{file}: {held}, {decided}: `execution-coordinator approve {name}` to have it as it is; or put it back, and `execution-coordinator reject {name}`"
        ),
    ))
}

/// The folder of a new execution, named by topic and time.
fn make_execution(state: &Path, prepared: &Prepared) -> std::io::Result<ExecutionDir> {
    let words: String = prepared
        .parsed
        .plan
        .topic
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let slug =
        words.split('-').filter(|word| !word.is_empty()).take(4).collect::<Vec<_>>().join("-");
    let slug = if slug.is_empty() { "execution".to_owned() } else { slug };
    let now = jiff::Timestamp::from_millisecond(Clock::default().now_ms().cast_signed())
        .unwrap_or_default();
    let stamp = now.strftime("%Y%m%d-%H%M%S");
    let mut again = 1;
    let folder = loop {
        let folder = state.join(if again == 1 {
            format!("{slug}-{stamp}")
        } else {
            format!("{slug}-{stamp}-{again}")
        });
        if !folder.exists() {
            break folder;
        }
        again += 1;
    };
    let dir = ExecutionDir::new(folder);
    for inner in [dir.outputs(), dir.briefs()] {
        make_private(&inner)?;
    }
    if prepared.source.path.is_none() {
        std::fs::write(dir.breakdown(), &prepared.source.text)?;
    }
    Ok(dir)
}

/// The names of the agents of a workspace's roster; none where its config has a mistake.
pub fn agents_of(root: &Path) -> Vec<String> {
    let policy = roster::load(root, None).and_then(|(config, _)| config.policy(true));
    policy
        .map(|policy| policy.agents.iter().map(|agent| agent.name.to_string()).collect())
        .unwrap_or_default()
}
