//! An execution as a frontend holds on to it, whoever owns it.

use super::follow::Follower;
use super::locate::{opening, own};
use super::message::Message;
use super::owner::Owner;
use super::start::{Options, open_at};
use crate::core::decide::refusal;
use crate::core::id::{ExecutionId, OrderId, TaskId};
use crate::core::input::Input;
use crate::core::state::State;
use crate::failure::{Failure, FailureKind};
use crate::journal::lock::holder;
use crate::journal::recover::recover;
use crate::process::{end_of, open_kept, write_kept};
use crate::view::{View, plain};
use crate::workspace::execution_dir::ExecutionDir;
use crate::workspace::files::changed_since;
use crate::workspace::tree::{Tree, Trees};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};

/// How much of an output is its end.
const LAST_OUTPUT_BYTES: u64 = 16 << 10;

/// One execution of a workspace: read by anybody, steered through whoever owns it.
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// Its folder.
    pub dir: ExecutionDir,
    /// Where its breakdown is; `-` for one that came without a file.
    pub breakdown: String,
    /// When it began, in milliseconds since the Unix epoch.
    pub started_at: u64,
    /// What readers see.
    pub view: Arc<View>,
    seq: watch::Sender<u64>,
    ownership: Mutex<Ownership>,
    /// Whether another process was at work on it when that was looked at last.
    was_owned: AtomicBool,
    /// What was wanted when this process took it up last.
    options: Mutex<Options>,
    /// The workspace as it was when orders were claimed whose work is done in it.
    claimed: Mutex<BTreeMap<OrderId, Tree>>,
}

/// Who decides.
enum Ownership {
    /// Another process, or nobody.
    Other(Box<Follower>),
    /// A thread of this process.
    Own(Handle),
}

/// By what an execution of this process is driven.
#[derive(Clone)]
pub struct Handle {
    /// Its mailbox.
    pub messages: mpsc::UnboundedSender<Message>,
    /// Asks it to stop, and to keep its state.
    pub suspend: mpsc::UnboundedSender<()>,
}

impl Execution {
    /// An execution of a folder that has a journal.
    pub fn at(dir: &ExecutionDir) -> Option<Self> {
        let (started_at, breakdown) = opening(dir)?;
        Some(Self::new(dir, started_at, breakdown))
    }

    fn new(dir: &ExecutionDir, started_at: u64, breakdown: String) -> Self {
        Self {
            id: ExecutionId::from(dir.id()),
            dir: dir.clone(),
            breakdown,
            started_at,
            view: Arc::default(),
            seq: watch::Sender::new(0),
            ownership: Mutex::new(Ownership::Other(Box::default())),
            was_owned: AtomicBool::new(false),
            options: Mutex::default(),
            claimed: Mutex::default(),
        }
    }

    /// The workspace that it belongs to.
    pub fn root(&self) -> &Path {
        self.dir.workspace()
    }

    /// Its journal.
    pub fn journal(&self) -> PathBuf {
        self.dir.journal()
    }

    /// Where what an order prints is kept.
    pub fn output(&self, order: OrderId) -> PathBuf {
        self.dir.output(order)
    }

    /// What an order prints, to be read.
    ///
    /// # Errors
    /// It has printed nothing.
    pub fn open_output(&self, order: OrderId) -> std::io::Result<std::fs::File> {
        open_kept(&self.output(order))
    }

    /// The end of what an order printed, of its last kilobytes, as it can be shown.
    pub fn last_output(&self, order: OrderId) -> String {
        end_of(&self.output(order), LAST_OUTPUT_BYTES)
            .lines()
            .map(plain)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The workspace as it is now, where an attempt is about to work in it.
    pub async fn before(&self, order: OrderId) -> Option<Tree> {
        let state = self.state();
        state.orders.get(&order).filter(|open| open.work.is_attempt() && !state.policy.isolated)?;
        let trees = Trees::new(self.root(), Vec::new());
        tokio::task::spawn_blocking(move || trees.now()).await.ok()
    }

    /// Remembers the workspace as it was before an order was claimed, whose work is done in it.
    pub fn begins_with(&self, order: OrderId, before: Tree) {
        let state = self.state();
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.retain(|order, _| state.orders.contains_key(order));
        claimed.insert(order, before);
    }

    /// What was changed for a task, in a worktree of its own or since it was claimed, and what of the named files git ignores
    /// there; nothing where that can't be told.
    pub async fn changed(
        &self,
        task: &TaskId,
        order: OrderId,
        named: Vec<String>,
    ) -> Option<(Vec<String>, Vec<String>)> {
        let known = self.state().task_state(task)?.clone();
        let Some(worktree) = known.worktree else {
            let before =
                self.claimed.lock().unwrap_or_else(PoisonError::into_inner).remove(&order)?;
            let trees = Trees::new(self.root(), Vec::new());
            let look = move || {
                let after = trees.now();
                (before.changes(&after), trees.ignored(&after, &named).into_iter().collect())
            };
            return tokio::task::spawn_blocking(look).await.ok();
        };
        // What was finished before is not what was done now.
        let begin =
            known.commit.or(known.tests_commit).unwrap_or_else(|| worktree.base.to_string());
        let look = move || {
            let folder = Path::new(&*worktree.folder);
            let changed = changed_since(folder, &begin).ok()?;
            let trees = Trees::new(folder, Vec::new());
            Some((changed, trees.ignored(&trees.now(), &named).into_iter().collect()))
        };
        tokio::task::spawn_blocking(look).await.ok().flatten()
    }

    /// Everything that is true of it, as far as this process has seen.
    pub fn state(&self) -> Arc<State> {
        self.view.snapshot()
    }

    /// The number of the last event that may be shown; changes with each batch.
    pub fn seq(&self) -> watch::Receiver<u64> {
        self.seq.subscribe()
    }

    /// Reads what another process has added. Gives whether that was anything.
    ///
    /// # Errors
    /// The journal can't be read.
    pub fn refresh(&self) -> Result<bool, Failure> {
        let mut ownership = self.ownership();
        let Ownership::Other(follower) = &mut *ownership else { return Ok(false) };
        if !self.was_looked_at() {
            // From what is seen now on it is known when that changes.
            self.was_owned.store(self.is_held(), Ordering::Relaxed);
        }
        let changed = follower
            .catch_up(&self.journal(), &self.view)
            .map_err(|error| self.unreadable(&error))?;
        if changed {
            // Before anybody can take it: what is older than what that one says must not be said after it.
            self.publish(self.state().seq);
        }
        Ok(changed)
    }

    /// Why its journal can't be read, with where it is damaged.
    fn unreadable(&self, error: &std::io::Error) -> Failure {
        let refusal = recover(&self.journal()).err().map(|refusal| refusal.to_string());
        Failure::unusable(refusal.unwrap_or_else(|| error.to_string()))
    }

    /// Whether this process has read anything of it.
    pub fn was_looked_at(&self) -> bool {
        self.state().execution.is_some()
    }

    /// Who is at work on it: a process, as its lock names it.
    pub fn owner(&self) -> Option<String> {
        match &*self.ownership() {
            Ownership::Own(_) => Some(format!("process {}", std::process::id())),
            Ownership::Other(_) => holder(&self.dir.lock()).ok().flatten(),
        }
    }

    /// Whether nobody is at work on it. What the last one did before it left is read then.
    pub fn was_left(&self) -> bool {
        let left = self.owner().is_none();
        if left {
            // One that can't be read is said so when it is asked for.
            let _ = self.refresh();
        }
        left
    }

    /// Whether another process is at work on it.
    fn is_held(&self) -> bool {
        holder(&self.dir.lock()).is_ok_and(|holder| holder.is_some())
    }

    /// Looks whether another process has begun or ceased to be at work on it: one that was killed says
    /// nothing. Gives whether that is new; whoever waits for it looks again.
    pub(super) fn notice_owner(&self) -> bool {
        if self.is_here() || self.has_ended() {
            return false;
        }
        let owned = self.is_held();
        let is_new = self.was_owned.swap(owned, Ordering::Relaxed) != owned;
        if is_new {
            self.seq.send_modify(|_| {});
        }
        is_new
    }

    /// Whether this process owns it.
    pub fn is_here(&self) -> bool {
        matches!(&*self.ownership(), Ownership::Own(_))
    }

    /// Whether it has come to an end.
    pub fn has_ended(&self) -> bool {
        self.state().ended.is_some()
    }

    /// Asks it to stop and to keep its state, where this process owns it.
    pub fn suspend(&self) {
        if let Ownership::Own(handle) = &*self.ownership() {
            // It may be ending by itself just now.
            let _ = handle.suspend.send(());
        }
    }

    /// What was wanted when this process took it up last; the defaults where it never did.
    pub fn options(&self) -> Options {
        self.options.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A thread of this process owns it from now on.
    pub(super) fn taken(&self, handle: Handle, options: Options) {
        *self.options.lock().unwrap_or_else(PoisonError::into_inner) = options;
        *self.ownership() = Ownership::Own(handle);
    }

    /// No thread of this process owns it any more.
    pub(super) fn released(&self) {
        *self.ownership() = Ownership::Other(Box::default());
        // Whoever waits for it looks again.
        self.seq.send_modify(|_| {});
    }

    /// Says that everything up to an event may be shown.
    pub(super) fn publish(&self, seq: u64) {
        self.seq.send_replace(seq);
    }

    /// Steers it: by its mailbox where this process owns it, by its journal where nobody does.
    /// Gives the number of the last event once it is on disk.
    ///
    /// # Errors
    /// It makes no sense now, or another process owns it.
    pub async fn steer(&self, input: Input) -> Result<u64, Failure> {
        let posts = match &*self.ownership() {
            Ownership::Own(handle) => Some(handle.messages.clone()),
            Ownership::Other(_) => None,
        };
        if let Some(posts) = posts {
            let (answer, answered) = oneshot::channel();
            // An execution that comes to rest just now answers nobody: then it is steered as one
            // that nobody owns.
            if posts.send(Message { input: input.clone(), answer: Some(answer) }).is_ok()
                && let Ok(answer) = answered.await
            {
                return answer.map_err(|why| {
                    Failure::new(FailureKind::Refused, format!("{}: {why}", self.id))
                });
            }
        }
        let seq = note(&self.dir, input)?;
        self.refresh()?;
        Ok(seq)
    }

    /// Keeps the return protocol as a file beside the journal, and gives where.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn keep_report(&self, markdown: &str) -> Result<PathBuf, Failure> {
        let file = self.dir.report();
        write_kept(&file, markdown.as_bytes()).map_err(|error| {
            Failure::unusable(format!("{}: can't be written: {error}", file.display()))
        })?;
        Ok(file)
    }

    /// Keeps what a client has reported of an order.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn keep_reported(&self, order: OrderId, text: &str) -> std::io::Result<()> {
        write_kept(&self.output(order), text.as_bytes())
    }

    /// Keeps what a task or an order printed as one file, and gives where.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn keep_output(&self, of: &str, text: &str) -> Result<PathBuf, Failure> {
        let name: String = of
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
            .take(80)
            .collect();
        let file = self.dir.output(format_args!("shown-{name}"));
        write_kept(&file, text.as_bytes()).map_err(|error| {
            Failure::unusable(format!("{}: can't be written: {error}", file.display()))
        })?;
        Ok(file)
    }

    fn ownership(&self) -> MutexGuard<'_, Ownership> {
        self.ownership.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes an execution that nobody owns, records an input, and leaves it to whoever goes on with
/// it. Gives the number of the last event.
///
/// # Errors
/// Another process owns it, the input makes no sense now, or the journal is not usable.
pub fn note(dir: &ExecutionDir, input: Input) -> Result<u64, Failure> {
    let opened = open_at(dir.clone(), own(dir)?)?;
    let mut owner = Owner::new(opened.journal, &opened.events, Arc::default());
    if matches!(input, Input::Steer(..)) && refusal(&owner.state, &input).is_none() {
        return Err(Failure::new(
            FailureKind::Refused,
            format!("{}: no process is at work on it", dir.id()),
        ));
    }
    if let Some(why) = refusal(&owner.state, &input) {
        return Err(Failure::new(FailureKind::Refused, format!("{}: {why}", dir.id())));
    }
    let written =
        |error: std::io::Error| Failure::unusable(format!("{}: can't be written: {error}", dir));
    if input == Input::Cancel {
        owner.finish(input).map_err(written)?;
    } else {
        owner.note(input).map_err(written)?;
    }
    Ok(owner.state.seq)
}
