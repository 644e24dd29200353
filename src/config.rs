//! `execution-coordinator.toml`: found by walking up, read with its mistakes named, and split
//! into the rules (for the core) and the commands (for the edges).
#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge that reads the config and the environment"
)]

pub mod clients;
pub mod definition;
mod parts;

use self::definition::Definition;
pub use self::parts::*;
use crate::core::allocation::DEFAULT_EXECUTOR;
use crate::core::id::{AgentName, StreamId};
use crate::core::plan::{Level, Plan, TestsFirst};
use crate::core::policy::{AgentPolicy, Budget, GatePolicy, Policy, Role, Weights};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The file's name.
pub const FILE_NAME: &str = "execution-coordinator.toml";
/// The name that no agent may have.
pub const OWN_NAME: &str = "execution-coordinator";
/// The agent that runs the commands that tasks carry.
pub const SHELL: &str = "shell";

/// Whether git would look elsewhere, or do something else, by a variable. Nothing that we start inherits
/// those: they are set where this program is run by a hook.
pub fn is_misleading(variable: &str) -> bool {
    const KEPT: [&str; 6] = [
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_ASKPASS",
        "GIT_TERMINAL_PROMPT",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
    ];
    variable.starts_with("GIT_") && !KEPT.contains(&variable)
}

/// The whole file.
// No `Debug`: variables of agents may hold secrets.
#[derive(Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "execution-coordinator.toml")]
pub struct Config {
    /// Limits and rules of an execution.
    pub execution: ExecutionConfig,
    /// The roster, by name.
    pub agents: BTreeMap<String, Agent>,
    /// Gates, in the order in which they are shown.
    pub gates: Vec<Gate>,
    /// What agents and gates see of the environment.
    pub environment: Environment,
    /// Worktrees of their own for attempts.
    pub worktree: Worktree,
    /// What agents may change.
    pub sandbox: Sandbox,
    /// What agents are told.
    pub briefs: Briefs,
    /// What sizes weigh, in minutes.
    pub sizes: Sizes,
    /// What programs and models may do that speak to us.
    pub clients: Clients,
    /// Agents that are defined somewhere and are not in the roster.
    #[serde(skip)]
    pub left_out: Vec<LeftOut>,
}

/// An agent that is defined somewhere and is not in the roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// How it would be run.
    pub kind: AgentKind,
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub why: String,
    /// Whether somebody may miss it.
    pub missed: bool,
}

/// Limits and rules of an execution.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExecutionConfig {
    /// Attempts at once.
    pub max_parallel: u32,
    /// Which agents of `.claude/agents`, `.codex/agents`, `.gemini/agents` and `.opencode/agents` are in the
    /// roster: those of the `workspace`, those of the `user` too, or `none`.
    pub definitions: Definitions,
    /// Where attempts work: `worktree`, each task in a git worktree and branch of its own, merged
    /// once it is good; `none`, all in the workspace itself, and tasks that name the same files never
    /// at once. Where it is not said: worktrees in a git repository with a commit, unless all tasks
    /// are commands.
    pub isolation: Option<Isolation>,
    /// With worktrees: whether the result is also merged into the branch that is checked out, at the
    /// end and only where that needs nobody.
    pub deliver: bool,
    /// Whether the breakdown is told what is done: the one mark or word that its format has for that is changed in it,
    /// and nothing else.
    pub write_back: bool,
    /// An attempt is stopped after so long.
    pub attempt_timeout: String,
    /// An attempt that makes no progress for so long is stopped; agents of kind `shell` only
    /// where they say so themselves.
    pub idle_timeout: String,
    /// The time between the request to end and the kill.
    pub grace: String,
    /// Tries when an agent crashes, times out or gives no answer.
    pub max_attempts: u32,
    /// Rounds of findings that go back to the agent.
    pub max_rework: u32,
    /// The wait before the second try, doubled for each further one.
    pub backoff: String,
    /// `required`: tests are seen red before green; `advisory`: looked at; `off`.
    #[schemars(with = "String")]
    pub tests_first: TestsFirst,
    /// Whether all reviewers look at the whole at the end.
    pub final_review: bool,
    /// What an attempt or a gate may print, in bytes.
    pub output_limit_bytes: u64,
    /// What may be spent in all: no new attempt past it.
    pub budget_usd: Option<f64>,
    /// The same in tokens.
    pub budget_tokens: Option<u64>,
    /// What may be spent on one task.
    pub task_budget_usd: Option<f64>,
    /// The same in tokens.
    pub task_budget_tokens: Option<u64>,
    /// An agent that failed so often in a row is not asked any more until somebody retries; 0 for never.
    pub breaker: u32,
}

impl Default for ExecutionConfig {
    fn default() -> Self {
        Self {
            max_parallel: 4,
            definitions: Definitions::Workspace,
            isolation: None,
            deliver: false,
            write_back: false,
            attempt_timeout: "30m".into(),
            idle_timeout: "5m".into(),
            grace: "5s".into(),
            max_attempts: 3,
            max_rework: 2,
            backoff: "1s".into(),
            tests_first: TestsFirst::Required,
            final_review: true,
            output_limit_bytes: 64 * 1024 * 1024,
            budget_usd: None,
            budget_tokens: None,
            task_budget_usd: None,
            task_budget_tokens: None,
            breaker: 6,
        }
    }
}

/// Whose definitions of agents are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Definitions {
    /// Those of the workspace.
    #[default]
    Workspace,
    /// Those of the workspace, and those in the user's home.
    User,
    /// Nobody's.
    None,
}

/// Where attempts work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Each task in a git worktree and branch of its own.
    Worktree,
    /// All in the workspace itself.
    None,
}

/// One agent.
#[derive(Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// How it is run.
    pub kind: AgentKind,
    /// What it is for; guessed from its name when absent.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub role: Option<Role>,
    /// Program and arguments of a `command`, never a shell line; of a coding agent, what to start instead
    /// of its program on the path.
    #[serde(default)]
    pub command: Vec<String>,
    /// The model, by the name that the agent knows it by.
    #[serde(default)]
    pub model: Option<String>,
    /// Further arguments of a coding agent.
    #[serde(default)]
    pub args: Vec<String>,
    /// Words that tasks are matched with.
    #[serde(default)]
    pub skills: Vec<String>,
    /// How many of its orders run at once.
    #[serde(default)]
    pub max_parallel: Option<u32>,
    /// Its own limit on an attempt.
    #[serde(default)]
    pub attempt_timeout: Option<String>,
    /// Its own limit on silence.
    #[serde(default)]
    pub idle_timeout: Option<String>,
    /// Who does its work while its service can't be had for long, or it always fails.
    #[serde(default)]
    pub fallback: Option<String>,
    /// What it may spend.
    #[serde(default)]
    pub budget_usd: Option<f64>,
    /// The same in tokens.
    #[serde(default)]
    pub budget_tokens: Option<u64>,
    /// Variables that it gets beside those of `[environment]`.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Whether it is confined as `[sandbox]` says; coding agents are.
    #[serde(default)]
    pub sandbox: Option<bool>,
    /// What a coding agent's own files say of it.
    #[serde(skip)]
    pub definition: Option<Arc<Definition>>,
    /// Whether it stands in the config, or only in files of its own: then it does what asks for it by name
    /// or skill, and nothing else.
    #[serde(skip)]
    pub defined_only: bool,
}

/// How an agent is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AgentKind {
    /// Runs the command that the task itself carries (`Run:`).
    Shell,
    /// A program that gets the brief and prints an answer.
    Command,
    /// Claude Code.
    Claude,
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// opencode.
    Opencode,
    /// A program that speaks the Agent Client Protocol.
    Acp,
    /// Whoever claims its work over the protocol: the parent orchestrator, or an agent of its.
    Client,
}

impl Agent {
    /// One of which nothing but its kind is said.
    pub fn of_kind(kind: AgentKind) -> Self {
        Self {
            kind,
            role: None,
            command: Vec::new(),
            model: None,
            args: Vec::new(),
            skills: Vec::new(),
            max_parallel: None,
            attempt_timeout: None,
            idle_timeout: None,
            fallback: None,
            budget_usd: None,
            budget_tokens: None,
            environment: BTreeMap::new(),
            sandbox: None,
            definition: None,
            defined_only: false,
        }
    }

    /// Whether its settings fit together.
    fn check(&self, name: &str) -> Result<(), String> {
        if name.eq_ignore_ascii_case(OWN_NAME) {
            return Err(format!(
                "[agents.{name}]: an agent can't be this program itself: name the agent that does the work"
            ));
        }
        for text in self.attempt_timeout.iter().chain(&self.idle_timeout) {
            limit(text).map_err(|error| format!("[agents.{name}]: {error}"))?;
        }
        match self.kind {
            AgentKind::Acp if self.command.is_empty() => {
                return Err(format!(
                    "[agents.{name}]: an agent of kind \"acp\" needs a command that speaks the Agent Client Protocol, for example command = [\"gemini\", \"--acp\"]"
                ));
            }
            AgentKind::Command if self.command.is_empty() => {
                return Err(format!(
                    "[agents.{name}]: an agent of kind \"command\" needs a command, for example command = [\"./agent.sh\"]"
                ));
            }
            AgentKind::Client if !self.command.is_empty() => {
                return Err(format!(
                    "[agents.{name}]: an agent of kind \"client\" is whoever claims its work and has no command"
                ));
            }
            AgentKind::Shell if !self.command.is_empty() => {
                return Err(format!(
                    "[agents.{name}]: an agent of kind \"shell\" runs the command of the task and has none of its own"
                ));
            }
            _ => {}
        }
        let program = self.command.first().and_then(|program| Path::new(program).file_name());
        if program.is_some_and(|program| program == OWN_NAME) {
            return Err(format!(
                "[agents.{name}]: an agent can't be this program itself: it would call itself for ever"
            ));
        }
        Ok(())
    }

    /// What it is for: as the config says, as its definition does, as its name does.
    pub fn role(&self, name: &str) -> Role {
        self.role
            .or_else(|| self.definition.as_ref().and_then(|definition| definition.role()))
            .unwrap_or_else(|| guess_role(name))
    }
}

impl AgentKind {
    /// Those that need no more than their name.
    pub const ALONE: [Self; 6] =
        [Self::Shell, Self::Client, Self::Claude, Self::Codex, Self::Gemini, Self::Opencode];

    /// Its name in the config, and the name of the agent where the kind is all that was asked for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shell => SHELL,
            Self::Command => "command",
            Self::Acp => "acp",
            Self::Client => "client",
            Self::Claude | Self::Codex | Self::Gemini | Self::Opencode => {
                self.client().map_or("", |client| client.name)
            }
        }
    }
}

/// One gate.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Its name. The name of a gate of the breakdown (`Gate 1`) makes it the one that evaluates
    /// that gate alone.
    pub name: String,
    /// Where it stands: `task`, `stream`, `system` or `deployment`.
    #[schemars(with = "String")]
    pub level: Level,
    /// Only for these streams.
    #[serde(default)]
    pub streams: Vec<String>,
    /// Program and arguments, never a shell line. `{task}` and `{stream}` are replaced.
    #[serde(default)]
    pub command: Vec<String>,
    /// `true`: a person must pass it; `"parent"`: somebody must, a program too.
    #[serde(default)]
    pub approval: Approval,
    /// Whether it is the gate by which tests are seen red and green; the one named `tests` is.
    #[serde(default)]
    pub tests: Option<bool>,
    /// Its JUnit XML report.
    #[serde(default)]
    pub junit: Option<String>,
    /// Its coverage report.
    #[serde(default)]
    pub coverage: Option<Coverage>,
    /// Files that it may change: paths of the workspace, `*` for any part of a name and `**` for any folders.
    #[serde(default)]
    pub writes: Vec<String>,
    /// Its command is stopped after so long.
    #[serde(default)]
    pub timeout: Option<String>,
    /// Whether it is confined as `[sandbox]` says, because it runs what agents have written; where agents are,
    /// gates are.
    #[serde(default)]
    pub sandbox: Option<bool>,
    /// `fail` (the rule): a test that failed before the attempt too keeps the gate closed, and is
    /// said to be old; `tolerate`: it does not.
    #[serde(default)]
    pub preexisting: Preexisting,
}

impl Gate {
    /// Whether its settings fit together.
    fn check(&self) -> Result<(), String> {
        if self.command.is_empty() && self.approval == Approval::None {
            return Err(format!(
                "gate `{}` has neither a command nor `approval = true`: nothing could evaluate it",
                self.name
            ));
        }
        if let Some(text) = &self.timeout {
            limit(text).map_err(|error| format!("gate `{}`: {error}", self.name))?;
        }
        if let Some(least) = self
            .coverage
            .as_ref()
            .and_then(|coverage| coverage.min_pct)
            .filter(|pct| !(0.0..=100.0).contains(pct))
        {
            return Err(format!(
                "gate `{}`: min_pct is {least}: a percentage is from 0 to 100",
                self.name
            ));
        }
        if let Some((glob, error)) =
            self.writes.iter().find_map(|glob| Some((glob, globset::Glob::new(glob).err()?)))
        {
            return Err(format!("gate `{}`: `writes` has `{glob}`: {}", self.name, error.kind()));
        }
        Ok(())
    }
}

/// A coverage report.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// lcov or Cobertura XML.
    pub file: String,
    /// The least in percent.
    #[serde(default)]
    pub min_pct: Option<f64>,
}

/// What failures that were there before mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Preexisting {
    /// They keep the gate closed.
    #[default]
    Fail,
    /// They do not.
    Tolerate,
}

/// What agents and gates see of the environment.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Environment {
    /// Names of variables that are passed on; one that ends in `*` stands for all that begin so.
    pub pass: Vec<String>,
}

impl Default for Environment {
    fn default() -> Self {
        let names = "PATH HOME USER LOGNAME SHELL LANG LANGUAGE LC_* TERM COLORTERM NO_COLOR TMPDIR TZ XDG_* SSH_AUTH_SOCK CI \
            CARGO_* RUSTUP_* RUST* GO* JAVA_HOME NODE_* NPM_* npm_* PYTHON* PYENV_* VIRTUAL_ENV MIX_* HEX_* GIT_* EDITOR \
            ANTHROPIC_* CLAUDE_* OPENAI_* CODEX_* GEMINI_* GOOGLE_* OPENCODE_* HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy";
        Self { pass: names.split_whitespace().map(str::to_owned).collect() }
    }
}

impl Environment {
    /// The variables that are passed on.
    pub fn variables(&self) -> Vec<(String, String)> {
        let passes = |name: &str| {
            self.pass.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == pattern,
            })
        };
        std::env::vars().filter(|(name, _)| passes(name) && !is_misleading(name)).collect()
    }
}

/// Reads a config.
///
/// # Errors
/// A sentence with file, line and column.
pub fn read(path: &Path) -> Result<Config, String> {
    let failed = |error: std::io::Error| format!("{}: can't be read: {error}", path.display());
    let owner = path.metadata().map_err(failed)?.uid();
    // It names commands. Git refuses repositories of others for the same reason.
    if owner != 0 && owner != rustix::process::getuid().as_raw() {
        return Err(format!(
            "{}: it belongs to another user, and it names commands: make it yours, or name another one by `--config`",
            path.display()
        ));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    parse(&text, &path.display().to_string())
}

/// Reads a config's text; `name` is what its file is called in messages.
///
/// # Errors
/// A sentence with file, line and column.
pub fn parse(text: &str, name: &str) -> Result<Config, String> {
    let config: Config = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let before = &text[..text.floor_char_boundary(at)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
        format!("{name}:{line}:{column}: {}", explain(error.message()))
    })?;
    config.check().map_err(|message| format!("{name}: {message}"))?;
    Ok(config)
}

/// An unknown key gets the nearest known one beside it.
fn explain(message: &str) -> String {
    let Some(rest) = message.strip_prefix("unknown field `") else { return message.to_owned() };
    let mut names = rest.split('`').step_by(2);
    let unknown = names.next().unwrap_or_default();
    let known: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    let nearest = known.iter().min_by_key(|name| strsim::damerau_levenshtein(name, unknown));
    match nearest {
        Some(nearest) if strsim::damerau_levenshtein(nearest, unknown) <= 4 => {
            format!("there is no key `{unknown}`: did you mean `{nearest}`?")
        }
        _ => format!("there is no key `{unknown}`; there are {}", known.join(", ")),
    }
}

/// A time such as `30m`, `90s`, `1h 30m`.
///
/// # Errors
/// A sentence.
pub fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text
        .parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok());
    parsed.ok_or_else(|| {
        format!("`{text}` is no time: write for example \"30m\", \"90s\" or \"1h 30m\"")
    })
}

/// A time after which something ends.
fn limit(text: &str) -> Result<(), String> {
    match duration(text)? {
        Duration::ZERO => {
            Err(format!("`{text}` would end it before it begins: write for example \"30m\""))
        }
        _ => Ok(()),
    }
}

fn millis(text: &str) -> Result<u64, String> {
    duration(text).map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

impl Config {
    fn check(&self) -> Result<(), String> {
        let execution = &self.execution;
        [&execution.grace, &execution.backoff]
            .into_iter()
            .try_for_each(|text| duration(text).map(drop))?;
        for (key, text) in [
            ("attempt_timeout", &execution.attempt_timeout),
            ("idle_timeout", &execution.idle_timeout),
            ("setup_timeout", &self.worktree.setup_timeout),
        ] {
            limit(text).map_err(|error| format!("{key}: {error}"))?;
        }
        for name in &self.worktree.copy {
            let path = Path::new(name);
            if path.is_absolute()
                || path.components().any(|part| part == std::path::Component::ParentDir)
            {
                return Err(format!("`copy` under [worktree]: {name} is not inside the workspace"));
            }
        }
        if execution.max_parallel == 0 || execution.max_attempts == 0 {
            return Err("max_parallel and max_attempts must be at least 1".into());
        }
        for (name, agent) in &self.agents {
            agent.check(name)?;
        }
        let mut names = std::collections::BTreeSet::new();
        for gate in &self.gates {
            if !names.insert(&gate.name) {
                return Err(format!(
                    "there are two gates named `{}`: give each a name of its own",
                    gate.name
                ));
            }
            if gate.name.contains('@') {
                return Err(format!("gate `{}`: a name can't have `@` in it", gate.name));
            }
            gate.check()?;
        }
        Ok(())
    }

    /// The rules, for the core. `shell` says whether tasks may carry commands.
    ///
    /// # Errors
    /// A sentence: an agent falls back on one that is not in the roster.
    pub fn policy(&self, shell: bool) -> Result<Policy, String> {
        let execution = &self.execution;
        let mut agents = Vec::new();
        for (name, agent) in &self.agents {
            if let Some(fallback) =
                agent.fallback.as_ref().filter(|fallback| !self.agents.contains_key(*fallback))
            {
                return Err(format!(
                    "[agents.{name}]: there is no agent `{fallback}` to fall back on"
                ));
            }
            agents.push(AgentPolicy {
                name: AgentName::from(name.as_str()),
                role: agent.role(name),
                specialist: agent.defined_only && name != DEFAULT_EXECUTOR,
                kind: agent.kind.name().into(),
                skills: agent.skills.clone(),
                max_parallel: agent.max_parallel,
                attempt_timeout_ms: agent.attempt_timeout.as_deref().map(millis).transpose()?,
                idle_timeout_ms: agent.idle_timeout.as_deref().map(millis).transpose()?,
                fallback: agent.fallback.as_deref().map(AgentName::from),
                budget: Budget { usd: agent.budget_usd, tokens: agent.budget_tokens },
                is_steerable: agent.kind.client().is_some_and(|client| client.is_steerable),
                login: agent.kind.client().map(|client| client.login.to_owned()),
            });
        }
        if shell && !self.agents.values().any(|agent| agent.kind == AgentKind::Shell) {
            agents.push(AgentPolicy::new(SHELL, Role::Executor, SHELL));
        }
        let mut gates = Vec::new();
        for gate in &self.gates {
            gates.push(GatePolicy {
                name: gate.name.clone(),
                level: gate.level,
                streams: gate.streams.iter().map(|id| StreamId::from(id.as_str())).collect(),
                command: !gate.command.is_empty(),
                approval: gate.approval != Approval::None,
                parent: gate.approval == Approval::Parent,
                tests: gate.tests.unwrap_or(gate.name == "tests"),
                report: gate.junit.is_some(),
                min_coverage_pct: gate.coverage.as_ref().and_then(|coverage| coverage.min_pct),
                tolerate_preexisting: gate.preexisting == Preexisting::Tolerate,
                timeout_ms: millis(gate.timeout.as_deref().unwrap_or(&execution.attempt_timeout))?,
                judged_by: BTreeMap::new(),
            });
        }
        let Sizes { extra_small, small, medium, large, extra_large, unknown } = self.sizes;
        Ok(Policy {
            max_parallel: execution.max_parallel,
            attempt_timeout_ms: millis(&execution.attempt_timeout)?,
            idle_timeout_ms: millis(&execution.idle_timeout)?,
            max_attempts: execution.max_attempts,
            max_rework: execution.max_rework,
            backoff_ms: millis(&execution.backoff)?,
            tests_first: execution.tests_first,
            final_review: execution.final_review,
            isolated: execution.isolation == Some(Isolation::Worktree),
            unconfined: None,
            deliver: execution.deliver,
            into: None,
            budget: Budget { usd: execution.budget_usd, tokens: execution.budget_tokens },
            task_budget: Budget {
                usd: execution.task_budget_usd,
                tokens: execution.task_budget_tokens,
            },
            breaker: execution.breaker,
            agents,
            gates,
            weights: Weights { extra_small, small, medium, large, extra_large, unknown },
        })
    }

    /// Whether all streams that gates are for are in a plan: a gate for none would be no gate.
    ///
    /// # Errors
    /// A sentence that names the nearest one.
    pub fn fits(&self, plan: &Plan) -> Result<(), String> {
        let known = |id: &str| plan.streams.iter().any(|stream| stream.id.as_str() == id);
        let named =
            self.gates.iter().flat_map(|gate| gate.streams.iter().map(move |id| (gate, id)));
        let Some((gate, id)) = named.into_iter().find(|(_, id)| !known(id)) else { return Ok(()) };
        let nearest = plan
            .streams
            .iter()
            .min_by_key(|stream| strsim::damerau_levenshtein(stream.id.as_str(), id));
        let meant = nearest
            .map_or("it has none".to_owned(), |stream| format!("did you mean `{}`?", stream.id));
        Err(format!(
            "gate `{}` is for stream `{id}`, which the breakdown does not have: {meant}",
            gate.name
        ))
    }

    /// The configured gate of a name.
    pub fn gate(&self, name: &str) -> Option<&Gate> {
        self.gates.iter().find(|gate| gate.name == name)
    }
}

/// A role from a name, as the companion agents are called.
fn guess_role(name: &str) -> Role {
    let name = name.to_lowercase();
    if name.contains("review") {
        Role::Reviewer
    } else if name.starts_with("test-developer") || name == "tester" {
        Role::Tester
    } else if name.ends_with("-expert") || name == "architecture-agent" || name == "research-agent"
    {
        Role::Expert
    } else {
        Role::Executor
    }
}

/// The config of a workspace, or the user's, or the defaults; with where it was found.
///
/// # Errors
/// A sentence with file, line and column.
pub fn load(root: &Path, given: Option<&Path>) -> Result<(Config, Option<PathBuf>), String> {
    let own = root.join(FILE_NAME);
    let user = || {
        let home = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
        let folder = home
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")))?;
        Some(folder.join(OWN_NAME).join("config.toml")).filter(|file| file.is_file())
    };
    let path =
        given.map(Path::to_owned).or_else(|| Some(own).filter(|file| file.is_file())).or_else(user);
    match path {
        Some(path) => read(&path).map(|config| (config, Some(path))),
        None => Ok((Config::default(), None)),
    }
}
