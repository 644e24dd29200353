//! Orders to the repository, and where others are carried out: off the loop, because git takes its time.

use crate::agents::command::Agents;
use crate::config::Config;
use crate::core::event::{Purpose, Work};
use crate::core::id::OrderId;
use crate::core::outcome::{Ending, RepositoryOutcome};
use crate::core::state::State;
use crate::failure::panicked;
use crate::gates::command::time;
use crate::process::{Launch, Limits, Processes, end_of, find_program};
use crate::workspace::repository::{About, Finished, Repository};
use crate::workspace::sandbox::{self, Writable};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// How much of what a setup printed is told where it fails.
const SAID_BYTES: u64 = 2_000;

/// Where an order that changes nothing looks.
pub enum Checkout {
    /// The workspace itself, or the worktree of a task.
    Folder(PathBuf),
    /// A commit: of the result, or one that is to become it.
    Commit {
        /// Which.
        commit: String,
        /// Whether it is the result.
        is_result: bool,
    },
}

impl Checkout {
    /// Where a gate or a review looks.
    pub fn for_work(state: &State, work: &Work, agents: &Agents) -> Self {
        let result = || match (&agents.repository, &state.merging.head) {
            (Some(repository), head) => {
                let commit = head.clone().or_else(|| repository.head().ok()).unwrap_or_default();
                Self::Commit { commit, is_result: true }
            }
            (None, _) => Self::Folder(agents.root.clone()),
        };
        match work {
            Work::Gate { purpose: Purpose::Merged, .. } => {
                match state.merging.batch.as_ref().and_then(|batch| batch.commit.clone()) {
                    Some(commit) => Self::Commit { commit, is_result: false },
                    None => result(),
                }
            }
            work => match work.task().and_then(|task| state.task_state(task)) {
                Some(known) => Self::Folder(
                    known
                        .worktree
                        .as_ref()
                        .map_or(agents.root.clone(), |place| PathBuf::from(&*place.folder)),
                ),
                None => result(),
            },
        }
    }

    /// Its folder, made where it is not there yet.
    ///
    /// # Errors
    /// What git or the setup says.
    pub async fn folder(self, agents: &Agents, ground: &SetupContext) -> Result<PathBuf, String> {
        let (commit, is_result) = match self {
            Self::Folder(folder) => return Ok(folder),
            Self::Commit { commit, is_result } => (commit, is_result),
        };
        let Some(repository) = agents.repository.clone() else {
            return Err("the execution has no repository".into());
        };
        // Several may look at once: the first makes it ready.
        let _one = repository.showing.lock().await;
        let showing = repository.clone();
        let shown = tokio::task::spawn_blocking(move || showing.show(&commit, is_result)).await;
        let (folder, is_new) = shown.unwrap_or_else(|_| Err(panicked()))?;
        if is_new {
            ground.make_ready(&folder, &repository.top_of(&folder)).await?;
            repository.is_ready(is_result)?;
        }
        Ok(folder)
    }
}

/// What is needed to make a worktree ready.
pub struct SetupContext {
    /// The config in force.
    pub config: Arc<Config>,
    /// Starts processes.
    pub processes: Processes,
    /// The workspace, in which programs are looked for.
    pub root: PathBuf,
    /// Where what the setup prints goes.
    pub output: PathBuf,
    /// By which its descendants are known.
    pub cookie: String,
    /// Becomes true when it is no longer wanted.
    pub stop: watch::Receiver<bool>,
}

impl SetupContext {
    /// Runs what the config says that a new worktree needs.
    async fn make_ready(&self, folder: &Path, tree: &Path) -> Result<(), String> {
        let worktree = &self.config.worktree;
        let Some(program) = worktree.setup.first() else { return Ok(()) };
        let mut environment = self.config.environment.variables();
        let program = find_program(program, &[folder, &self.root], &environment)?;
        let mut argv = worktree.setup.clone();
        argv[0] = program.display().to_string();
        // Agents have written what is in the place.
        let confine = sandbox::applies_to_setup(&self.config).then(|| {
            let place = Writable {
                root: &self.root,
                own: vec![tree.to_owned()],
                temporary: self.output.with_extension("tmp"),
            };
            sandbox::confinement(&self.config, None, &mut environment, place)
        });
        let launch = Launch {
            argv,
            folder: folder.to_owned(),
            environment,
            stdin: None,
            output: self.output.clone(),
            errors: None,
            cookie: self.cookie.clone(),
            confine,
        };
        let limits = Limits {
            timeout: time(&worktree.setup_timeout),
            idle: None,
            output_bytes: self.config.execution.output_limit_bytes,
            grace: time(&self.config.execution.grace),
            activity: None,
        };
        match self.processes.run(launch, limits, self.stop.clone(), |_| {}).await {
            Ending::Exited(0) => Ok(()),
            ending => Err(format!(
                "the setup `{}` {ending}: {}",
                worktree.setup.join(" "),
                end_of(&self.output, SAID_BYTES).trim()
            )),
        }
    }

    /// Carries out an order to the repository.
    pub async fn carry_out(
        &self,
        repository: Option<Arc<Repository>>,
        job: GitOperation,
    ) -> RepositoryOutcome {
        let failed = |why: &str| RepositoryOutcome::Failed { why: why.to_owned() };
        let Some(repository) = repository else { return failed("the execution has no repository") };
        let of = repository.clone();
        let outcome = tokio::task::spawn_blocking(move || job.run(&of))
            .await
            .unwrap_or_else(|_| failed(&panicked()));
        if let RepositoryOutcome::WorktreeReady { folder, .. } = &outcome {
            let folder = PathBuf::from(folder);
            if let Err(why) = self.make_ready(&folder, &repository.top_of(&folder)).await {
                return failed(&why);
            }
            let noted = tokio::task::spawn_blocking(move || repository.was_set_up(&folder)).await;
            if let Err(why) = noted.unwrap_or_else(|_| Err(panicked())) {
                return failed(&why);
            }
        }
        outcome
    }
}

/// An order to the repository, with what it needs to know.
pub enum GitOperation {
    /// A place, from what was finished before.
    Worktree(OrderId, Option<String>),
    /// A merge.
    Merge(Vec<Finished>),
    /// A commit that becomes the result.
    Land(String),
    /// Commits of the user's that go into the result.
    Renew(String),
    /// A result that goes into a branch of the user, with the last of the user's own commits in it.
    Deliver(String, Option<String>, Option<String>),
}

impl GitOperation {
    /// What an order asks for; none where it is none to the repository.
    pub fn for_order(state: &State, order: OrderId, work: &Work) -> Option<Self> {
        Some(match work {
            Work::PrepareWorktree { task } => {
                let known = state.task_state(task)?;
                Self::Worktree(order, known.commit.clone().or_else(|| known.tests_commit.clone()))
            }
            Work::Merge { tasks } => {
                let finished = tasks.iter().filter_map(|task| {
                    let ix = state.graph.task(task)?;
                    let (known, planned) = (&state.tasks[ix], state.task(ix));
                    let agent = state.allocation[ix]
                        .agent
                        .as_ref()
                        .map(ToString::to_string)
                        .unwrap_or_default();
                    let by = known
                        .result
                        .as_ref()
                        .map(|(order, _)| order.to_string())
                        .unwrap_or_default();
                    Some(Finished {
                        task: task.clone(),
                        folder: PathBuf::from(&*known.worktree.as_ref()?.folder),
                        commit: known.commit.clone(),
                        about: About {
                            title: format!("Task {task}: {}", planned.title),
                            task: task.to_string(),
                            order: by,
                            agent,
                        },
                    })
                });
                Self::Merge(finished.collect())
            }
            Work::Land { commit, .. } => Self::Land(commit.clone()),
            Work::Renew { commit } => Self::Renew(commit.clone()),
            Work::Deliver { commit } => {
                Self::Deliver(commit.clone(), state.policy.into.clone(), state.merging.base.clone())
            }
            _ => return None,
        })
    }

    fn run(self, repository: &Repository) -> RepositoryOutcome {
        match self {
            Self::Worktree(order, base) => repository.prepare_worktree(order, base.as_deref()),
            Self::Merge(finished) => repository.merge(&finished),
            Self::Land(commit) => repository.land(&commit),
            Self::Renew(commit) => repository.renew(&commit),
            Self::Deliver(commit, into, base) => {
                repository.deliver(&commit, into.as_deref(), base.as_deref())
            }
        }
    }
}
