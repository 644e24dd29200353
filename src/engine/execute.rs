//! One execution from its first inputs until it is at rest or suspended.

use super::executor::Executor;
use super::foreign;
use super::message::Message;
use super::owner::{Observer, Owner, Stopped};
use super::sources::SharedConfig;
use super::sources::{Sources, left_by_killed};
use super::start::{Opened, Prepared};
use super::texts::Texts;
use super::write_back::WriteBack;
use crate::agents::command::Agents;
use crate::agents::scripts::Scripts;
use crate::core::event::{Recorded, Status};
use crate::core::evidence::kept_worktrees;
use crate::core::hold::suspects;
use crate::core::state::State;
use crate::failure::{Failure, panicked, say};
use crate::gates::command::Gates;
use crate::journal::Journal;
use crate::journal::lock::{Lock, wait_for};
use crate::process::{Processes, warden};
use crate::view::View;
use crate::workspace::execution_dir::ExecutionDir;
use crate::workspace::repository::Repository;
use crate::workspace::tree::Trees;
use std::sync::{Arc, RwLock};
use tokio::sync::mpsc;

/// Waits until all that a former owner had started is ended, and gives when that was: its warden ends everything below it
/// before it lets go of its lock, and says when, unless it was killed too.
///
/// # Errors
/// The lock can't be taken.
fn end_former(dir: &ExecutionDir) -> std::io::Result<u64> {
    let lock = dir.warden_lock();
    let done_at_ms = wait_for(&lock)?.done_at_ms()?;
    let orphans = warden::kill_orphans(dir.path(), &lock);
    if orphans > 0 {
        say(format_args!("ended {orphans} processes that a former owner had left running"));
    }
    Ok(done_at_ms)
}

/// An execution that is about to go on.
pub struct Run {
    /// What was known before.
    pub prepared: Prepared,
    /// Its folder.
    pub dir: ExecutionDir,
    owner: Owner,
    view: Arc<View>,
    /// The first events, where it was made just now.
    first: Option<Vec<Recorded>>,
    gates: Gates,
    trees: Trees,
    texts: Arc<Texts>,
    _lock: Lock,
}

/// The two ends of an execution's mailbox.
pub type Mailbox = (mpsc::UnboundedSender<Message>, mpsc::UnboundedReceiver<Message>);

impl Run {
    /// Takes up what was opened. `acknowledges` says whether each batch is synced before it is
    /// shown to anybody.
    pub fn new(prepared: Prepared, opened: Opened, view: Arc<View>, acknowledges: bool) -> Self {
        let Opened { dir, lock, journal, events, is_new } = opened;
        let trees = Trees::new(&prepared.root, Gates::reports(&prepared.config));
        let gates = Gates::new(&prepared.root, trees.clone());
        events.iter().for_each(|event| gates.remember(event));
        let mut owner = Owner::new(journal, &events, view.clone());
        owner.acknowledges = acknowledges;
        let texts = Arc::new(Texts::of_execution(&dir));
        texts.offer(&prepared.texts);
        owner.texts = Some(texts.clone());
        Self {
            prepared,
            dir,
            owner,
            view,
            first: is_new.then_some(events),
            gates,
            trees,
            texts,
            _lock: lock,
        }
    }

    /// Holds what was changed under attempts whose owner was killed.
    ///
    /// # Errors
    /// The journal can't be written.
    pub fn hold_changes(&mut self) -> std::io::Result<()> {
        let state = &self.owner.state;
        let nobody = suspects(state, u64::MAX).is_empty() && state.last_suspect.is_none();
        if self.first.is_some() || nobody {
            return Ok(());
        }
        let done_at_ms = end_former(&self.dir)?;
        let began_at_ms = state.orders.values().map(|open| open.at).max().unwrap_or_default();
        let ended_at_ms =
            Some(done_at_ms).filter(|done| *done >= began_at_ms.max(state.owned_since));
        for input in left_by_killed(&self.prepared, &self.texts, state, ended_at_ms) {
            let batch = self.owner.note(input)?;
            self.view.publish(&self.owner.state, &batch);
        }
        Ok(())
    }

    /// Everything that is true of it.
    pub fn state(&self) -> &State {
        &self.owner.state
    }

    /// What makes worktrees and merges, where attempts have worktrees of their own.
    async fn repository(&self) -> Result<Option<Arc<Repository>>, Failure> {
        if !self.prepared.policy.isolated {
            return Ok(None);
        }
        let (root, dir, settings) =
            (self.prepared.root.clone(), self.dir.clone(), self.prepared.config.worktree.clone());
        let landed = self.owner.state.merging.head.clone();
        let opened =
            tokio::task::spawn_blocking(move || Repository::open(&root, &dir, settings, landed))
                .await;
        let opened = opened.unwrap_or_else(|_| Err(panicked()));
        opened
            .map(|repository| Some(Arc::new(repository)))
            .map_err(|why| Failure::unusable(format!("the repository: {why}")))
    }

    /// What the user has committed since, where attempts have worktrees of their own.
    async fn base_moved(&self, repository: Option<Arc<Repository>>) -> Option<(String, bool)> {
        let (repository, state) = (repository?, &self.owner.state);
        let (base, into) = (state.merging.base.clone(), state.policy.into.clone()?);
        tokio::task::spawn_blocking(move || repository.base_moved(base.as_deref(), &into))
            .await
            .ok()
            .flatten()
    }

    /// Runs until it is at rest or suspended.
    ///
    /// # Errors
    /// What it needs can't be had, or the journal can't be written: then everything was stopped,
    /// and what is recorded is kept.
    pub async fn run(
        &mut self,
        mailbox: Mailbox,
        suspend: &mut mpsc::UnboundedReceiver<()>,
        observe: &mut Observer<'_>,
    ) -> Result<Stopped, Failure> {
        let unusable = |what: &str, error: &dyn std::fmt::Display| {
            Failure::unusable(format!("{what}: {error}"))
        };
        let (inbox, mut posts) = mailbox;
        let processes = self.start_processes().await?;
        let repository = self.repository().await?;
        let closing = repository.clone();
        let starter = processes.clone();
        let breakdown =
            self.prepared.source.path.clone().filter(|_| self.prepared.config.execution.write_back);
        let agents = Agents {
            root: self.prepared.root.clone(),
            trees: self.trees.clone(),
            dir: self.dir.clone(),
            repository,
            scripts: Scripts::from_config(&self.prepared.config, &self.prepared.root),
            written_back: breakdown.clone(),
        };
        let config: SharedConfig = Arc::new(RwLock::new(Arc::new(self.prepared.config.clone())));
        let mut executor = Executor::new(
            agents,
            self.gates.clone(),
            processes,
            config.clone(),
            self.view.clone(),
            inbox.clone(),
        );
        executor.texts = Some(self.texts.clone());
        let sources =
            Sources::new(&self.prepared, inbox, config, self.texts.clone(), self.view.clone());
        let _watch = sources.watch();
        executor.sources = Some(sources.clone());
        let mut write_back =
            breakdown.map(|breakdown| WriteBack::new(breakdown, self.prepared.options.clone()));
        let observe = &mut |events: &[Recorded], state: &State| {
            write_back.iter_mut().for_each(|write_back| write_back.look(events, state));
            observe(events, state)
        };
        let (inputs, told) = match self.first.take() {
            Some(first) => (Vec::new(), observe(&first, &self.owner.state)),
            None => {
                let moved = self.base_moved(closing.clone()).await;
                (self.prepared.restarts(&self.owner.state, moved), Ok(()))
            }
        };
        let inputs = inputs.into_iter().chain([sources.were_read()]).collect();
        let stopped = match told {
            Ok(()) => tokio::select! {
                stopped = self.owner.run(inputs, &mut posts, &mut executor, suspend, observe) => stopped,
                // What was under way is lost, and no fault of anybody's.
                () = starter.are_gone() => {
                    warden::kill_orphans(self.dir.path(), &self.dir.warden_lock());
                    return Err(Failure::unusable(
                        "the process that starts all others was killed, perhaps because memory ran out: what it had started is ended, what is recorded is kept, and the same `run` goes on",
                    ));
                }
            },
            Err(error) => Err(error),
        };
        // What an attempt has changed at its very end, nobody may have noticed yet.
        let left = tokio::task::spawn_blocking(move || sources.left()).await.unwrap_or_default();
        for input in left {
            let batch = self.owner.note(input).map_err(|error| unusable("the journal", &error))?;
            self.view.publish(&self.owner.state, &batch);
            observe(&batch, &self.owner.state)
                .map_err(|error| unusable("what happened can't be shown", &error))?;
        }
        if let Some(repository) = closing {
            self.close(repository).await?;
        }
        stopped.map_err(|error| self.journal_failed(&error))
    }

    /// Starts what starts all others, once what a former owner had left is ended.
    async fn start_processes(&self) -> Result<Processes, Failure> {
        let unusable = |what: &str, error: &dyn std::fmt::Display| {
            Failure::unusable(format!("{what}: {error}"))
        };
        if self.first.is_none() {
            let dir = self.dir.clone();
            let what = "waiting for what a former process left";
            tokio::task::spawn_blocking(move || end_former(&dir))
                .await
                .map_err(|error| unusable(what, &error))?
                .map_err(|error| unusable(what, &error))?;
        }
        Processes::start(&self.dir.warden_lock())
            .map_err(|error| unusable("the process that starts others can't be started", &error))
    }

    /// Looks after the result where the execution has ended: its branch is what landed, somebody is told where it is, and
    /// what nobody needs any more is put away.
    async fn close(&self, repository: Arc<Repository>) -> Result<(), Failure> {
        let state = &self.owner.state;
        let Some((status, _)) = state.ended else { return Ok(()) };
        let (base, looking) = (state.merging.base.clone(), repository.clone());
        let looked = move || {
            looking
                .put_back_result()
                .and_then(|told| looking.verify(base.as_deref()).map(|()| told))
        };
        let put_back = tokio::task::spawn_blocking(looked).await;
        match put_back
            .unwrap_or_else(|_| Err("the branch of the result could not be looked at".into()))
        {
            Ok(told) => told.into_iter().for_each(say),
            Err(why) => return Err(Failure::unusable(why)),
        }
        if status == Status::Complete {
            if let Some(head) = &state.merging.head {
                say(self.where_the_result_is(&repository, head));
            }
            let kept = kept_worktrees(state);
            drop(tokio::task::spawn_blocking(move || repository.close(&kept)).await);
        }
        Ok(())
    }

    fn where_the_result_is(&self, repository: &Repository, head: &str) -> String {
        let state = &self.owner.state;
        let (checked_out, into) = (repository.checked_out(), state.policy.into.clone());
        let delivered_into =
            into.clone().or(checked_out.clone()).filter(|_| state.merging.is_delivered());
        if let Some(into) = delivered_into {
            let here = checked_out.filter(|here| *here != into);
            let here = here.map_or(String::new(), |here| format!(" (checked out is {here} now)"));
            return format!("the result is merged into {into}{here}: {head}");
        }
        let branch = repository.branch();
        let ahead = into.and_then(|into| Some((repository.ahead_of(&into)?, into)));
        let ahead = ahead.map_or(String::new(), |(commits, into)| {
            let commit = if commits == 1 { "commit" } else { "commits" };
            format!(", {commits} {commit} ahead of {into}")
        });
        format!("the result is the branch {branch}{ahead}: `git merge {branch}` brings it here")
    }

    /// What became of it where the journal can't be written.
    fn journal_failed(&self, error: &std::io::Error) -> Failure {
        let journal = self.dir.journal();
        if Journal::is_foreign(error) {
            foreign::stopped(&self.prepared.root, &self.prepared.name(), self.owner.journal());
            return Failure::unusable(format!("{}: {error}", journal.display()));
        }
        let full = error.kind() == std::io::ErrorKind::StorageFull;
        let why = if full { "the disk is full: make room".to_owned() } else { error.to_string() };
        Failure::unusable(format!(
            "{}: can't be written: {why}; everything was stopped, what is recorded is kept, and the same `run` goes on",
            journal.display()
        ))
    }
}
