//! The executions that one process knows: those of its workspaces, whoever owns them, and the
//! threads that carry out its own.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge that looks whether owners still live"
)]

use super::execute;
use super::execution::{Execution, Handle};
use super::listener::{Address, Guard, Listener, bind};
use super::locate::folders;
use super::owner::Stopped;
use super::start::{Prepared, not_held, not_paused, open};
use crate::core::event::{Recorded, Status};
use crate::core::state::State;
use crate::failure::{Failure, FailureKind, say};
use crate::view::View;
use crate::watch::Watch;
use crate::workspace::STATE_FOLDER;
use crate::workspace::execution_dir::ExecutionDir;
use crate::workspace::trust::is_trusted;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// The stack of a thread that carries out an execution: futures of protocols are large.
const STACK_BYTES: usize = 8 << 20;
/// How often it is looked whether the owners of what is followed still live.
const OWNERS_EVERY: Duration = Duration::from_millis(500);
/// How many of the latest executions are looked at for a process that is at work on them.
const LATEST: usize = 20;

/// The executions of some workspaces.
pub struct Coordinator {
    /// The folder in which the program was started.
    pub folder: PathBuf,
    known: Mutex<Known>,
    /// Changes whenever something of any execution does.
    changes: watch::Sender<u64>,
    watch: OnceLock<Watch>,
    /// Where the listeners of its executions go, once somebody serves them.
    listeners: OnceLock<mpsc::UnboundedSender<Listener>>,
    /// Whether the executions that it has are all that it will carry out.
    full: AtomicBool,
}

/// Told of each batch of an execution once it is recorded; an error stops the execution.
pub type Observe = Box<dyn FnMut(&[Recorded], &State) -> std::io::Result<()> + Send>;

/// Makes who is told, from what readers see.
pub type MakeObserve = Box<dyn FnOnce(&Arc<View>) -> Observe + Send>;

/// How an execution is to be carried out.
#[derive(Default)]
pub struct StartOptions {
    /// Each batch is on disk before anybody is told of it.
    pub synced: bool,
    /// Who else is told of each batch.
    pub observe: Option<MakeObserve>,
}

#[derive(Default)]
struct Known {
    roots: BTreeSet<PathBuf>,
    executions: BTreeMap<ExecutionDir, Arc<Execution>>,
    /// How those that this process owned have ended.
    ended: Vec<Result<Option<Status>, Failure>>,
    running: usize,
    starting: usize,
}

/// A start that is in progress for as long as this lives.
pub struct Starting(Arc<Coordinator>);

impl Drop for Starting {
    fn drop(&mut self) {
        self.0.known().starting -= 1;
        self.0.changes.send_modify(|changes| *changes += 1);
    }
}

impl Coordinator {
    /// Knows no workspace yet.
    pub fn new(folder: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            folder,
            known: Mutex::default(),
            changes: watch::Sender::new(0),
            watch: OnceLock::new(),
            listeners: OnceLock::new(),
            full: AtomicBool::new(false),
        })
    }

    /// From now on each execution that is started here has a listener; they come out here.
    pub fn listeners(&self) -> mpsc::UnboundedReceiver<Listener> {
        let (sender, listeners) = mpsc::unbounded_channel();
        // Asked a second time, nothing comes out.
        let _ = self.listeners.set(sender);
        listeners
    }

    /// Binds a listener whose lock is held, where somebody serves listeners.
    ///
    /// # Errors
    /// The file system has no sockets.
    pub fn bind(&self, address: &Address) -> std::io::Result<Option<Guard>> {
        let Some(listeners) = self.listeners.get() else { return Ok(None) };
        let (listener, guard) = bind(address)?;
        Ok(listeners.send(listener).is_ok().then_some(guard))
    }

    /// From now on nothing is started here any more.
    pub fn fill(&self) {
        self.full.store(true, Ordering::Relaxed);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the executions of this workspace are known too. Gives whether that is new.
    pub fn add_root(&self, root: &Path) -> bool {
        self.known().roots.insert(root.to_owned())
    }

    /// The workspaces.
    pub fn roots(&self) -> Vec<PathBuf> {
        self.known().roots.iter().cloned().collect()
    }

    /// The workspaces in which clients may not start anything yet.
    pub fn untrusted(&self) -> Vec<PathBuf> {
        self.roots().into_iter().filter(|root| !is_trusted(root)).collect()
    }

    /// Told of every change of any execution.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// All executions, the latest last, as they are on disk now.
    pub fn list(&self) -> Vec<Arc<Execution>> {
        // The disk is looked at while nobody is kept waiting.
        let folders = self.folders();
        let known: BTreeSet<ExecutionDir> = self.known().executions.keys().cloned().collect();
        let new: Vec<Execution> = folders.difference(&known).filter_map(Execution::at).collect();
        if !new.is_empty() {
            // It may have ended before anybody could see it at work.
            self.changes.send_modify(|changes| *changes += 1);
        }
        let mut known = self.known();
        for execution in new {
            known.executions.entry(execution.dir.clone()).or_insert_with(|| Arc::new(execution));
        }
        known.executions.retain(|dir, execution| execution.is_here() || folders.contains(dir));
        let mut all: Vec<Arc<Execution>> = known.executions.values().cloned().collect();
        all.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
        all
    }

    fn folders(&self) -> BTreeSet<ExecutionDir> {
        self.roots().iter().flat_map(|root| folders(root)).collect()
    }

    /// Those of other processes that may be of interest: what somebody here has looked at, and the
    /// latest ones.
    fn followed(&self) -> Vec<Arc<Execution>> {
        let all = self.list();
        let late = all.len().saturating_sub(LATEST);
        let wanted = |(nth, execution): &(usize, Arc<Execution>)| {
            !execution.is_here() && (*nth >= late || execution.was_looked_at())
        };
        all.into_iter().enumerate().filter(wanted).map(|(_, execution)| execution).collect()
    }

    /// The execution that is meant: by its id or the start of it, or the latest one. What
    /// another process has added to it is seen when this returns.
    ///
    /// # Errors
    /// There is none, several begin so, or its journal can't be read.
    pub fn find(&self, given: Option<&str>) -> Result<Arc<Execution>, Failure> {
        let all = self.list();
        let found = match given {
            None => all.last().cloned().ok_or_else(|| {
                Failure::not_found("there is no execution yet: `execution/start` starts one")
            })?,
            Some(given) => {
                let exact = all.iter().find(|execution| execution.id.as_str() == given);
                let begin: Vec<&Arc<Execution>> = all
                    .iter()
                    .filter(|execution| execution.id.as_str().starts_with(given))
                    .collect();
                match (exact, &begin[..]) {
                    (Some(one), _) | (None, &[one]) => Arc::clone(one),
                    (None, []) => {
                        return Err(Failure::not_found(format!(
                            "there is no execution `{given}`: `execution/list` names them"
                        )));
                    }
                    (None, several) => {
                        let names: Vec<&str> =
                            several.iter().map(|execution| execution.id.as_str()).collect();
                        return Err(Failure::not_found(format!(
                            "several executions begin with `{given}`: {}",
                            names.join(", ")
                        )));
                    }
                }
            }
        };
        if found.refresh()? {
            // Who looks when something changes would find nothing new any more.
            self.changes.send_modify(|changes| *changes += 1);
        }
        self.watch();
        Ok(found)
    }

    /// The latest execution of a breakdown.
    pub fn of_breakdown(&self, breakdown: &Path) -> Option<Arc<Execution>> {
        self.list().into_iter().rev().find(|execution| Path::new(&execution.breakdown) == breakdown)
    }

    /// The same among those that are known already, without a look at the disk.
    pub fn known_of(&self, breakdown: &Path) -> Option<Arc<Execution>> {
        let known = self.known();
        let of = known
            .executions
            .values()
            .filter(|execution| Path::new(&execution.breakdown) == breakdown);
        of.max_by_key(|execution| execution.started_at).cloned()
    }

    /// From now on what other processes add to their executions is seen by itself.
    pub fn follow(self: &Arc<Self>) {
        let coordinator = Arc::downgrade(self);
        self.watch.get_or_init(|| {
            let owners = coordinator.clone();
            // Without it the death of an owner would be seen by those who ask only.
            let _ = std::thread::Builder::new().name("owners".into()).spawn(move || {
                while let Some(coordinator) = owners.upgrade() {
                    coordinator.notice_owners();
                    drop(coordinator);
                    std::thread::sleep(OWNERS_EVERY);
                }
            });
            Watch::new(move |_| {
                if let Some(coordinator) = coordinator.upgrade() {
                    coordinator.refresh();
                }
            })
        });
        self.watch();
    }

    /// Looks who is at work on what somebody here has looked at.
    fn notice_owners(&self) {
        let known: Vec<Arc<Execution>> = self
            .known()
            .executions
            .values()
            .filter(|execution| execution.was_looked_at())
            .cloned()
            .collect();
        let changed = known.iter().filter(|execution| execution.notice_owner()).count();
        if changed > 0 {
            self.changes.send_modify(|changes| *changes += 1);
        }
    }

    /// Reads what other processes have added to their executions; of those that nobody has looked
    /// at and nobody is at work on, nothing.
    pub fn refresh(&self) {
        let mut changed = false;
        let at_work =
            |execution: &Arc<Execution>| execution.was_looked_at() || execution.owner().is_some();
        for execution in self.followed().into_iter().filter(at_work) {
            // One that can't be read is said so when it is asked for.
            changed |= execution.refresh().unwrap_or(false);
        }
        self.watch();
        if changed {
            self.changes.send_modify(|changes| *changes += 1);
        }
    }

    /// Watches the folders of states, the journals of what is followed, and those that are still
    /// to be written: a folder of states does not change when a folder in it does.
    fn watch(&self) {
        let Some(watch) = self.watch.get() else { return };
        self.roots().iter().for_each(|root| watch.add(&root.join(STATE_FOLDER)));
        self.followed().iter().for_each(|execution| watch.add(&execution.journal()));
        let made: Vec<ExecutionDir> = {
            let (folders, known) = (self.folders(), self.known());
            folders.into_iter().filter(|folder| !known.executions.contains_key(folder)).collect()
        };
        made.iter().for_each(|dir| watch.add(&dir.journal()));
    }

    /// Starts or takes up an execution in a thread of this process, and answers at once. Gives
    /// whether anything is left to be done.
    ///
    /// # Errors
    /// It is owned or paused, its folder is not usable, or nothing more is started here.
    pub fn start(
        self: &Arc<Self>,
        prepared: Prepared,
        manner: StartOptions,
    ) -> Result<(Arc<Execution>, bool), Failure> {
        if self.full.load(Ordering::Relaxed) {
            return Err(Failure::new(
                FailureKind::Refused,
                "this process carries out one execution and no other: start it with `execution-coordinator run` or `serve`",
            ));
        }
        self.add_root(&prepared.root);
        let opened = open(&prepared)?;
        let dir = opened.dir.clone();
        let known = self.find(Some(&dir.id()))?;
        let mut running = execute::Run::new(prepared, opened, known.view.clone(), manner.synced);
        not_paused(running.state(), &dir)?;
        running.hold_changes().map_err(|error| Failure::unusable(format!("{dir}: {error}")))?;
        not_held(running.state(), &running.prepared.root)?;
        if running.prepared.is_complete(running.state()) {
            return Ok((known, false));
        }
        let mut told = manner.observe.map(|make| make(&known.view));
        let guard = self.bind(&Address::of_execution(&dir)).unwrap_or_else(|error| {
            say(format_args!(
                "{}: no socket can be made ({error}): other processes see the execution but can't steer it",
                dir
            ));
            None
        });
        let (posts, mailbox) = mpsc::unbounded_channel();
        let (suspend, suspended) = mpsc::unbounded_channel();
        known.taken(Handle { messages: posts.clone(), suspend }, running.prepared.options.clone());
        {
            let mut all = self.known();
            all.running += 1;
            all.executions.insert(dir, known.clone());
        }
        let (handle, coordinator) = (known.clone(), self.clone());
        let (begun, has_begun) = std::sync::mpsc::channel();
        let work = move || {
            let _span = tracing::info_span!("execution", id = %handle.id).entered();
            tracing::info!("begins");
            let mut suspended = suspended;
            let mut observe = |batch: &[Recorded], state: &State| {
                if let Some(told) = &mut told {
                    told(batch, state)?;
                }
                handle.publish(state.seq);
                coordinator.changes.send_modify(|changes| *changes += 1);
                let _ = begun.send(());
                Ok(())
            };
            let run = || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime =
                    runtime.map_err(|error| Failure::internal(format!("no runtime: {error}")))?;
                let outcome =
                    runtime.block_on(running.run((posts, mailbox), &mut suspended, &mut observe));
                // What still runs in the background has nobody to report to.
                runtime.shutdown_background();
                outcome
            };
            // Whoever waits for its end must hear of it, whatever happens.
            let outcome = catch_unwind(AssertUnwindSafe(run));
            let outcome = outcome.unwrap_or_else(|_| {
                Err(Failure::internal("internal error (panic); what is recorded is kept"))
            });
            let outcome = outcome.map(|stopped| {
                running
                    .state()
                    .ended
                    .map(|(status, _)| status)
                    .filter(|_| stopped == Stopped::AtRest)
            });
            match &outcome {
                Err(failure) => say(format_args!("{failure}")),
                Ok(status) => tracing::info!(?status, "ends"),
            }
            drop((told, guard, running));
            handle.released();
            let mut all = coordinator.known();
            all.running -= 1;
            all.ended.push(outcome);
            drop(all);
            coordinator.changes.send_modify(|changes| *changes += 1);
        };
        std::thread::Builder::new()
            .name("execution".into())
            .stack_size(STACK_BYTES)
            .spawn(work)
            .map_err(|error| Failure::new(FailureKind::Internal, format!("no thread: {error}")))?;
        // Whoever asks right after the answer sees an execution that has begun.
        if has_begun.recv().is_err()
            && let Some(Err(failure)) = self.known().ended.last()
        {
            return Err(failure.clone());
        }
        Ok((known, true))
    }

    /// Asks all executions of this process to stop and to keep their state.
    pub fn suspend(&self) {
        for execution in self.known().executions.values() {
            execution.suspend();
        }
    }

    /// Counts as busy from now on: something is about to be started here.
    pub fn starting(self: &Arc<Self>) -> Starting {
        self.known().starting += 1;
        self.changes.send_modify(|changes| *changes += 1);
        Starting(self.clone())
    }

    /// Whether this process carries out an execution, or is about to. An execution is carried out until it is at
    /// rest: with open orders, but also while it only waits for a back-off, a quota or a lease to run out.
    pub fn is_busy(&self) -> bool {
        let known = self.known();
        known.running > 0 || known.starting > 0
    }

    /// Waits until no execution of this process runs any more. Gives how they ended: `None` for
    /// one that was suspended.
    pub async fn at_rest(&self) -> Vec<Result<Option<Status>, Failure>> {
        let mut changes = self.changes();
        loop {
            changes.mark_unchanged();
            {
                let known = self.known();
                if known.running == 0 {
                    return known.ended.clone();
                }
            }
            if changes.changed().await.is_err() {
                return Vec::new();
            }
        }
    }
}
