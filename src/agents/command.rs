//! Agents of kind `command` (a program gets the brief and prints an answer) and `shell` (the
//! command that the task itself carries).
//!
//! The brief is there as Markdown on standard input and in the file that
//! `EXECUTION_COORDINATOR_BRIEF` names, and as JSON in the one that
//! `EXECUTION_COORDINATOR_BRIEF_JSON` names.
#![expect(clippy::disallowed_methods, reason = "this is the edge that runs agents")]

use super::adapter::{self, Adapter, StreamState, may_write};
use super::adapters;
use super::conversation::{Subject, Transport, converse};
use super::prompt::{self, Template};
use super::scripts::Scripts;
use super::steering::Steering;
use super::verdict::{self, Of, Said, Told};
use crate::config::{Agent, AgentKind, Config, SHELL};
use crate::core::brief::Brief;
use crate::core::outcome::{
    AgentOutcome, Ending, GateVerdict, ReviewOutcome, Shortage, ShortageKind, Verdict,
};
use crate::failure::panicked;
use crate::gates::command::{millis, time};
use crate::process::{Launch, Limits, Processes, end_of, find_program, open_kept, write_kept};
use crate::workspace::checkout::Checkout;
use crate::workspace::execution_dir::ExecutionDir;
use crate::workspace::git::Git;
use crate::workspace::pipes::git_is_readable;
use crate::workspace::repository::{About, Repository};
use crate::workspace::sandbox::{self, Writable};
use crate::workspace::tree::{Tree, Trees};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;

/// How much of an answer is read: its end.
const ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// As much of what an agent said is told where it was no answer.
const SAID_CHARS: usize = 400;

/// Of what a program printed that did not say why it failed, this much is told.
const LAST_LINES: usize = 3;
/// No longer than this.
const LAST_BYTES: u64 = 2_000;

/// How much of the files that a review is of is looked through for what it quotes.
const LOOKED_AT_BYTES: u64 = 4 * 1024 * 1024;
/// How long git may look at the user's checkout.
const LOOK_TAKES: Duration = Duration::from_secs(60);

/// Where and how agents are run.
#[derive(Clone)]
pub struct Agents {
    /// The workspace.
    pub root: PathBuf,
    /// Its trees, to see what an attempt changed.
    pub trees: Trees,
    /// The execution's own folder.
    pub dir: ExecutionDir,
    /// Where attempts have worktrees of their own: what makes and merges them.
    pub repository: Option<Arc<Repository>>,
    /// The workspace's own programs, as they were when the run began.
    pub scripts: Scripts,
    /// A file of the workspace that this program itself writes meanwhile.
    pub written_back: Option<PathBuf>,
}

/// What an agent's run came to.
struct Ran {
    ending: Ending,
    output: String,
    /// What the stream of a coding agent said.
    stream_state: Option<StreamState>,
    duration_ms: u64,
}

impl Agents {
    /// An attempt or a consultation.
    pub async fn attempt(
        &self,
        config: &Config,
        processes: &Processes,
        brief: &Brief,
        (stop, steering): (watch::Receiver<bool>, Steering),
        tail: impl FnMut(&str),
    ) -> AgentOutcome {
        let shell = config
            .agents
            .get(&brief.agent)
            .map_or(brief.agent == SHELL, |agent| agent.kind == AgentKind::Shell);
        let changes = brief.role != "consultation";
        let repository = self.repository.clone().filter(|_| changes && !brief.folder.is_empty());
        let (mut brief, mut begin) = (brief.clone(), String::new());
        if let Some(repository) = &repository {
            let goes_on = brief.goes_on;
            match off_the_loop(repository, &brief, move |repository, folder, _| {
                if goes_on { repository.goes_on(folder) } else { repository.refresh(folder) }
            })
            .await
            {
                Ok((commit, conflicts)) => (begin, brief.conflicts) = (commit, conflicts),
                Err(why) => {
                    return AgentOutcome::new(Ending::DidNotStart(why), Verdict::Unknown, 0);
                }
            }
        }
        let brief = &brief;
        let before = if (shell && repository.is_none()) || !changes {
            None
        } else {
            Some(self.tree(brief).await)
        };
        let is_unwatched = (shell && repository.is_none()) || self.is_confined(config, brief);
        let checkout = if is_unwatched { None } else { self.checkout().await };
        let began = SystemTime::now();
        let ran = self.run(config, processes, brief, (stop, Some(&steering)), tail).await;
        drop(steering);
        let mut named = Vec::new();
        let said = match brief.role.as_str() {
            _ if shell => None,
            "consultation" => Some(verdict::advice(&ran.output)),
            _ => Some(verdict::work(
                &ran.output,
                if ran.stream_state.is_some() { Of::Turn } else { Of::Program },
                &Told::from_brief(brief),
            )),
        };
        let mut outcome =
            AgentOutcome::new(ran.ending.clone(), verdict::of_exit(&ran.ending), ran.duration_ms);
        if let Some(said) = said {
            named = take_word(&mut outcome, said);
        }
        if let Some(before) = before {
            self.look_at_changes(&mut outcome, brief, (before, began), named).await;
        }
        if let Some(before) = checkout
            && let Some(after) = self.checkout().await
        {
            outcome.outside = before.differences(&after, repository.is_none());
        }
        if !shell {
            outcome.shortage = tried_too_soon(&outcome.ending);
        }
        if let Some(stream_state) = &ran.stream_state {
            believe(&mut outcome, stream_state, brief);
        }
        let is_mute = outcome.verdict == Verdict::Unknown || (shell && !outcome.complete());
        if is_mute
            && ran.stream_state.is_none()
            && matches!(outcome.ending, Ending::Exited(_) | Ending::Signaled(_))
        {
            let words = self.last_words(&brief.order);
            outcome.reason = [outcome.reason, words]
                .into_iter()
                .filter(|words| !words.is_empty())
                .collect::<Vec<_>>()
                .join("; it printed last: ");
        }
        if let Some(repository) = repository.filter(|_| outcome.complete()) {
            commit(&repository, brief, begin, &mut outcome).await;
        }
        outcome
    }

    /// What it changed is seen, not believed; so is what it named or wrote and git ignores.
    async fn look_at_changes(
        &self,
        outcome: &mut AgentOutcome,
        brief: &Brief,
        (before, began): (Tree, SystemTime),
        named: Vec<String>,
    ) {
        let (trees, after) = (self.trees.at(&self.folder_of(brief)), self.tree(brief).await);
        outcome.files = before.changes(&after);
        let is_all = outcome.files.is_empty();
        let ignored = tokio::task::spawn_blocking(move || {
            let named = trees.ignored(&after, &named);
            let wrote = if is_all { trees.wrote_ignored(&after, began) } else { BTreeSet::new() };
            // Where others work in the same folder, one may have come after the tree was looked at.
            let now = if named.is_empty() && wrote.is_empty() { after } else { trees.now() };
            let is_still = |path: &&String| now.lacks(Path::new(path)).is_some();
            let named: BTreeSet<String> = named.iter().filter(is_still).cloned().collect();
            (!named.is_empty(), &named | &wrote.iter().filter(is_still).cloned().collect())
        });
        let (names_some, ignored) = ignored.await.unwrap_or_default();
        outcome.accounted = outcome.accounted.map(|accounted| accounted || names_some);
        outcome.ignored = ignored.into_iter().collect();
    }

    /// A review.
    pub async fn review(
        &self,
        config: &Config,
        processes: &Processes,
        brief: &Brief,
        stop: watch::Receiver<bool>,
        tail: impl FnMut(&str),
    ) -> ReviewOutcome {
        let mut brief = brief.clone();
        if let Some(repository) = self.repository.clone().filter(|_| !brief.base.is_empty()) {
            let base = brief.base.clone();
            // Without it a reviewer can still look for itself.
            brief.diff = off_the_loop(&repository, &brief, move |repository, folder, _| {
                repository.diff(folder, &base)
            })
            .await
            .unwrap_or_default();
        }
        let brief = &brief;
        let ran = self.run(config, processes, brief, (stop, None), tail).await;
        let said = verdict::review(&ran.output, &brief.agent, &self.told(brief).await);
        let objection =
            ran.stream_state.as_ref().and_then(|stream_state| stream_state.objection(false));
        let whole = ran.ending == Ending::Exited(0) && objection.is_none();
        ReviewOutcome {
            kept: std::collections::BTreeMap::new(),
            shortage: ran
                .stream_state
                .as_ref()
                .and_then(|stream_state| stream_state.shortage.clone())
                .or_else(|| tried_too_soon(&ran.ending)),
            verdict: if whole { said.verdict } else { GateVerdict::NotEvaluated },
            findings: said.findings,
            summary: match objection {
                _ if whole => said.summary,
                Some((_, why)) => format!("{}: {why}", brief.agent),
                None => format!("{} {}", brief.agent, ran.ending),
            },
            ending: ran.ending,
            duration_ms: ran.duration_ms,
        }
    }

    /// What a reviewer was told: without a diff in its brief, the files themselves are what it looks at.
    async fn told(&self, brief: &Brief) -> Told {
        let told = Told::from_brief(brief);
        if !brief.diff.is_empty() {
            return told;
        }
        let (folder, files) = (self.folder_of(brief), brief.changed_files.clone());
        let texts = move || {
            let mut left = LOOKED_AT_BYTES;
            let text = |file: &String| {
                let mut text = Vec::new();
                let read =
                    open_kept(&folder.join(file)).ok()?.take(left).read_to_end(&mut text).ok()?;
                left -= read as u64;
                Some(String::from_utf8_lossy(&text).into_owned())
            };
            files.iter().filter_map(text).collect::<Vec<_>>()
        };
        told.and(tokio::task::spawn_blocking(texts).await.unwrap_or_default())
    }

    /// Whether the system keeps an agent from changing anything but its worktree.
    fn is_confined(&self, config: &Config, brief: &Brief) -> bool {
        config.agents.get(&brief.agent).is_some_and(|agent| sandbox::applies(config, agent))
    }

    /// The user's own checkout.
    async fn checkout(&self) -> Option<Checkout> {
        let (root, own) = (self.root.clone(), self.written_back.clone());
        let look = move || {
            let git = Git::at(&root).within(LOOK_TAKES);
            let top = git.run(&["rev-parse", "--show-toplevel"]).ok()?;
            let own = own.and_then(|own| {
                Some(own.canonicalize().ok()?.strip_prefix(&top).ok()?.display().to_string())
            });
            let top = Path::new(&top);
            if git_is_readable(top) {
                Checkout::now(&Git::at(top).within(LOOK_TAKES), own.as_deref())
            } else {
                None
            }
        };
        tokio::task::spawn_blocking(look).await.ok().flatten()
    }

    /// Where an order is carried out.
    fn folder_of(&self, brief: &Brief) -> PathBuf {
        if brief.folder.is_empty() { self.root.clone() } else { PathBuf::from(&brief.folder) }
    }

    async fn tree(&self, brief: &Brief) -> crate::workspace::tree::Tree {
        let trees = self.trees.at(&self.folder_of(brief));
        tokio::task::spawn_blocking(move || trees.now()).await.unwrap_or_default()
    }

    /// Runs an agent, the other way where it does not understand the first.
    async fn run(
        &self,
        config: &Config,
        processes: &Processes,
        brief: &Brief,
        (stop, steering): (watch::Receiver<bool>, Option<&Steering>),
        mut tail: impl FnMut(&str),
    ) -> Ran {
        let began = Instant::now();
        let agent = config.agents.get(&brief.agent);
        let mut adapter = agent.and_then(|agent| adapters::adapter_for(agent.kind));
        let brief = &Brief { confined: self.is_confined(config, brief), ..brief.clone() };
        let mut ran = loop {
            let ran = self
                .run_by(adapter, config, processes, brief, (stop.clone(), steering), &mut tail)
                .await;
            let understood = ran
                .stream_state
                .as_ref()
                .is_none_or(|stream_state| *stream_state != StreamState::default());
            let failed = matches!(ran.ending, Ending::Exited(code) if code != 0);
            match adapter.and_then(|adapter| adapter.fallback).filter(|_| failed && !understood) {
                Some(otherwise) => adapter = Some(otherwise),
                None => break ran,
            }
        };
        // One that reads, prints and ends is asked in its session.
        let is_alone = adapter.is_some_and(|adapter| matches!(adapter.transport, Transport::Alone));
        let session = ran
            .stream_state
            .as_ref()
            .filter(|stream_state| {
                is_alone
                    && may_write(brief)
                    && is_unanswered(stream_state, &Told::from_brief(brief))
            })
            .and_then(|stream_state| stream_state.session.clone());
        if session.is_some() && ran.ending == Ending::Exited(0) {
            let brief = Brief { session, again: true, ..brief.clone() };
            ran = self
                .run_by(adapter, config, processes, &brief, (stop.clone(), steering), &mut tail)
                .await;
        }
        if std::fs::exists(self.temporary(&brief.order)).unwrap_or(false) {
            let temporary = self.temporary(&brief.order);
            drop(tokio::task::spawn_blocking(move || std::fs::remove_dir_all(temporary)).await);
        }
        if let Some(stream_state) = &mut ran.stream_state {
            if let (Ending::Exited(code), Some(adapter)) = (&ran.ending, adapter)
                && adapter.not_logged_in.contains(code)
                && stream_state.shortage.is_none()
            {
                stream_state.fails(self.last_words(&brief.order), Some(401));
            }
            stream_state.retry_after(
                SystemTime::now()
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .unwrap_or_default()
                    .as_secs(),
            );
        }
        ran.duration_ms = millis(began.elapsed());
        ran
    }

    async fn run_by(
        &self,
        adapter: Option<&'static Adapter>,
        config: &Config,
        processes: &Processes,
        brief: &Brief,
        (stop, steering): (watch::Receiver<bool>, Option<&Steering>),
        tail: &mut impl FnMut(&str),
    ) -> Ran {
        let ran =
            |ending, output, stream_state| Ran { ending, output, stream_state, duration_ms: 0 };
        let agent = config.agents.get(&brief.agent).filter(|agent| agent.kind != AgentKind::Shell);
        let prepared = match agent {
            Some(agent) => self.command(config, agent, adapter, brief),
            None => self.shell(config, brief).map(|launch| (launch, String::new())),
        };
        let (launch, words) = match prepared {
            Ok(prepared) => prepared,
            Err(why) => return ran(Ending::DidNotStart(why), String::new(), None),
        };
        let execution = &config.execution;
        let own = |of: fn(&Agent) -> &Option<String>| {
            config.agents.get(&brief.agent).and_then(|agent| of(agent).as_deref())
        };
        let limits = Limits {
            timeout: time(
                own(|agent| &agent.attempt_timeout).unwrap_or(&execution.attempt_timeout),
            ),
            // A command may well be silent for long; an agent that says nothing is stuck.
            idle: own(|agent| &agent.idle_timeout)
                .or(agent.map(|_| execution.idle_timeout.as_str()))
                .map(time),
            output_bytes: execution.output_limit_bytes,
            grace: time(&execution.grace),
            activity: adapter.map(|adapter| adapter.is_activity),
        };
        let (output, folder) = (launch.output.clone(), launch.folder.clone());
        let show = |line: &str| match adapter {
            None => tail(line),
            Some(adapter) => {
                if let Some(shown) = adapter.shown(line).filter(|shown| !shown.is_empty()) {
                    tail(&shown);
                }
            }
        };
        let ending = match (agent, adapter.map(|adapter| &adapter.transport)) {
            (Some(agent), Some(way @ (Transport::Talks(_) | Transport::Drives(_)))) => {
                let said = launch.output.clone();
                let asks = adapter.filter(|_| may_write(brief));
                let told = Told::from_brief(brief);
                let is_unanswered = Arc::new(move || {
                    asks.is_some_and(|adapter| is_unanswered(&heard_in(&said, adapter), &told))
                });
                let (again, confined) = (prompt::again(brief), launch.confine.is_some());
                let subject = Subject {
                    agent,
                    brief,
                    steering,
                    words,
                    folder: &folder,
                    confined,
                    is_unanswered,
                    again,
                };
                Box::pin(converse(processes, launch, limits, subject, way, stop, show)).await
            }
            _ => processes.run(launch, limits, stop, show).await,
        };
        let is_command = agent.is_none();
        // It may be much: not on the loop.
        let read = tokio::task::spawn_blocking(move || {
            let stream_state = adapter.map(|adapter| heard_in(&output, adapter));
            let text = match &stream_state {
                _ if is_command => String::new(),
                Some(stream_state) => stream_state.text.clone(),
                None => end_of(&output, ANSWER_BYTES),
            };
            (text, stream_state)
        });
        let (text, stream_state) = read.await.unwrap_or_default();
        ran(ending, text, stream_state)
    }

    /// The brief in words, with what the agent does not know of itself.
    fn words(&self, config: &Config, agent: &Agent, brief: &Brief) -> Result<String, String> {
        if brief.again {
            return Ok(prompt::again(brief));
        }
        if let Some(template) = &config.briefs.template {
            self.scripts.unchanged(&self.root, template)?;
        }
        let told = adapters::adapter_for(agent.kind)
            .is_some_and(|adapter| adapter::told(adapter, agent).is_some());
        Template::from_config(config, &self.root)?.fill(brief, agent.definition.as_deref(), told)
    }

    fn launch(
        &self,
        config: &Config,
        brief: &Brief,
        argv: Vec<String>,
        stdin: Option<PathBuf>,
    ) -> Launch {
        let mut environment = config.environment.variables();
        let task = brief.task.as_ref().map(|task| task.id.clone()).unwrap_or_default();
        let own = [
            ("TASK", task),
            ("ROLE", brief.role.clone()),
            ("ORDER", brief.order.clone()),
            ("ROUND", brief.round.to_string()),
            ("NUMBER", brief.attempt.to_string()),
        ];
        environment.extend(
            own.into_iter().map(|(name, value)| (format!("EXECUTION_COORDINATOR_{name}"), value)),
        );
        // Git finds nothing above a worktree: there is the user's own checkout.
        let trees = self.dir.trees();
        environment.extend(
            (!brief.folder.is_empty())
                .then(|| ("GIT_CEILING_DIRECTORIES".to_owned(), trees.display().to_string())),
        );
        Launch {
            argv,
            folder: self.folder_of(brief),
            environment,
            stdin,
            output: self.output(&brief.order),
            errors: None,
            cookie: self.dir.cookie(&brief.order),
            confine: None,
        }
    }

    /// Where an order's temporary files are, where they can't be among everybody's.
    fn temporary(&self, order: &str) -> PathBuf {
        self.dir.scratch(order)
    }

    /// Where the output of an order is.
    pub fn output(&self, order: &str) -> PathBuf {
        self.dir.output(order)
    }

    /// The last lines that an order printed, of errors where there are any.
    fn last_words(&self, order: &str) -> String {
        let errors = self.output(order).with_extension("errors.log");
        let printed =
            [errors, self.output(order)].into_iter().map(|path| end_of(&path, LAST_BYTES));
        let text = printed
            .map(|text| anstream::adapter::strip_str(&text).to_string())
            .find(|text| !text.trim().is_empty());
        let text = text.unwrap_or_default();
        let lines: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    fn shell(&self, config: &Config, brief: &Brief) -> Result<Launch, String> {
        let command = brief.task.as_ref().and_then(|task| task.command.clone());
        let Some(command) = command else {
            return Err("the task carries no command (`Run:`)".into());
        };
        let mut launch =
            self.launch(config, brief, vec!["/bin/sh".into(), "-c".into(), command], None);
        if let Some(agent) = config.agents.get(&brief.agent) {
            launch.environment.extend(agent.environment.clone());
        }
        Ok(launch)
    }

    /// What is to be started, with the brief in words.
    fn command(
        &self,
        config: &Config,
        agent: &Agent,
        adapter: Option<&Adapter>,
        brief: &Brief,
    ) -> Result<(Launch, String), String> {
        let folder = self.dir.briefs();
        let again = if brief.again { ".again" } else { "" };
        let text = folder.join(format!("{}{again}.md", brief.order));
        let json = folder.join(format!("{}{again}.json", brief.order));
        let write = |path: &Path, content: &[u8]| {
            write_kept(path, content).map_err(|error| format!("{}: {error}", path.display()))
        };
        let words = self.words(config, agent, brief)?;
        write(&text, words.as_bytes())?;
        write(&json, &serde_json::to_vec_pretty(brief).map_err(|error| error.to_string())?)?;
        let mut argv = agent.command.clone();
        if let Some(adapter) = adapter {
            if argv.is_empty() {
                argv.push(adapter.program.to_owned());
            }
            argv.extend((adapter.arguments)(agent, brief, brief.confined));
            argv.extend(agent.args.iter().cloned());
        }
        let mut launch = self.launch(config, brief, argv, Some(text.clone()));
        let own = adapter.iter().flat_map(|adapter| adapter.environment);
        launch
            .environment
            .extend(own.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        launch.environment.extend(agent.environment.clone());
        launch.environment.push(("EXECUTION_COORDINATOR_BRIEF".into(), text.display().to_string()));
        launch
            .environment
            .push(("EXECUTION_COORDINATOR_BRIEF_JSON".into(), json.display().to_string()));
        // As the workspace has it, and as it was: an attempt does not change who carries it out.
        for word in launch.argv.iter_mut().take(agent.command.len()) {
            if let Some(script) = self.scripts.unchanged(&self.root, word)? {
                *word = script;
            }
        }
        let program = find_program(&launch.argv[0], &[&self.root], &launch.environment)?;
        let own = std::env::current_exe().ok().and_then(|own| own.canonicalize().ok());
        if own.is_some() && program.canonicalize().ok() == own {
            return Err("an agent can't be this program itself".into());
        }
        launch.argv[0] = program.display().to_string();
        // Its answer is read from what it prints; what it says beside that must not be in it.
        if brief.confined {
            let own = match &self.repository {
                _ if !may_write(brief) => Vec::new(),
                Some(repository) if !brief.folder.is_empty() => {
                    repository.own(&self.folder_of(brief))
                }
                _ => vec![self.root.clone()],
            };
            let place = Writable { root: &self.root, own, temporary: self.temporary(&brief.order) };
            launch.confine =
                Some(sandbox::confinement(config, Some(agent), &mut launch.environment, place));
            // Upkeep of the whole repository, which it may not write.
            for (name, value) in [
                ("COUNT", "2"),
                ("KEY_0", "gc.auto"),
                ("VALUE_0", "0"),
                ("KEY_1", "maintenance.auto"),
                ("VALUE_1", "false"),
            ] {
                launch.environment.push((format!("GIT_CONFIG_{name}"), value.into()));
            }
        }
        launch.errors = Some(self.dir.errors(&brief.order));
        Ok((launch, words))
    }
}

/// A command says by its exit code that it may be tried again later (`EX_TEMPFAIL` of `sysexits.h`).
fn tried_too_soon(ending: &Ending) -> Option<Shortage> {
    (*ending == Ending::Exited(75))
        .then_some(Shortage { kind: ShortageKind::Overloaded, retry_after_ms: None })
}

/// All that an agent has said in its output.
fn heard_in(output: &Path, adapter: &Adapter) -> StreamState {
    open_kept(output).map(|said| adapter.read(said)).unwrap_or_default()
}

/// Whether all went well, and it did not say how it went, or no more than what it was told.
fn is_unanswered(stream_state: &StreamState, told: &Told) -> bool {
    stream_state.objection(true).is_none()
        && verdict::work(&stream_state.text, Of::Turn, told).verdict == Verdict::Unknown
}

/// What the stream of a coding agent says beside its words: those alone are not enough. One that has changed files and
/// does not say that it is done is not.
fn believe(outcome: &mut AgentOutcome, stream_state: &StreamState, brief: &Brief) {
    let may_write = may_write(brief);
    outcome.usage = stream_state.spent(brief.session.as_deref(), brief.session_used);
    outcome.session = stream_state.session.clone();
    outcome.shortage = stream_state.shortage.clone();
    if let Some((verdict, why)) = stream_state.objection(may_write) {
        (outcome.verdict, outcome.reason) = (verdict, why);
    } else if may_write && outcome.verdict == Verdict::Unknown {
        let said: String = stream_state.text.trim().chars().take(SAID_CHARS).collect();
        outcome.reason = format!("asked for it twice, it did not say how it went, but: {said}");
    }
}

/// Git's work takes its time: not on the loop.
async fn off_the_loop<T: Send + 'static>(
    repository: &Arc<Repository>,
    brief: &Brief,
    work: impl FnOnce(&Repository, &Path, &About) -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let (repository, folder, about) =
        (repository.clone(), PathBuf::from(&brief.folder), about(brief));
    let done = tokio::task::spawn_blocking(move || work(&repository, &folder, &about)).await;
    done.unwrap_or_else(|_| Err(panicked()))
}

/// What the commit of an order says.
fn about(brief: &Brief) -> About {
    let task = brief.task.as_ref();
    let title = task
        .map(|task| {
            task.commit.clone().unwrap_or_else(|| format!("Task {}: {}", task.id, task.title))
        })
        .unwrap_or_default();
    About {
        title: if brief.role == "tests" { format!("Tests first: {title}") } else { title },
        task: task.map(|task| task.id.clone()).unwrap_or_default(),
        order: brief.order.clone(),
        agent: brief.agent.clone(),
    }
}

/// The program that an agent needs; none where it needs none of its own.
pub fn program_of(agent: &Agent) -> Option<&str> {
    agent
        .command
        .first()
        .map(String::as_str)
        .or_else(|| adapters::adapter_for(agent.kind).map(|adapter| adapter.program))
}

/// What a program of the config needs to be able to start here.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn can_start(program: &str, root: &Path, config: &Config) -> Result<PathBuf, String> {
    find_program(program, &[root], &config.environment.variables())
}

/// What an agent has said of its work. Gives the files that it named.
fn take_word(outcome: &mut AgentOutcome, said: Said) -> Vec<String> {
    // Crashed is not complete, whatever was printed before; what it said it can't do stays.
    let crashed = outcome.ending != Ending::Exited(0) && said.verdict == Verdict::Complete;
    outcome.verdict = if crashed { Verdict::Unknown } else { said.verdict };
    outcome.summary = said.summary;
    outcome.reason = said.reason;
    outcome.decisions = said.decisions;
    outcome.usage = said.usage;
    outcome.accounted = Some(said.no_change);
    said.files
}

/// Commits what was done, where it begins at a commit; what can't be committed is not complete.
async fn commit(
    repository: &Arc<Repository>,
    brief: &Brief,
    begin: String,
    outcome: &mut AgentOutcome,
) {
    let commit = move |repository: &Repository, folder: &Path, about: &About| {
        let commit = repository.commit(folder, about)?;
        let changed = repository.changed(&begin, &commit)?;
        Ok((commit, changed))
    };
    match off_the_loop(repository, brief, commit).await {
        Ok((commit, beside)) => {
            outcome.commit = Some(commit);
            // The commit says it: what it changed beside its folder is its work too, and what it had begun before it
            // asked. Where others' work was merged, that is in the commit as well.
            if brief.conflicts.is_empty() || brief.goes_on {
                outcome.files = beside;
            }
        }
        Err(why) => (outcome.verdict, outcome.reason) = (Verdict::Unknown, why),
    }
}
