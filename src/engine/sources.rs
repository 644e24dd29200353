//! The files by which an execution goes, while it runs: the breakdown and the config are read again when they change. What
//! an attempt may have changed is held until a person has decided about it.

use super::clock::now_ms;
use super::kept::content;
use super::message::Message;
use super::start::{Options, Prepared};
use super::texts::Texts;
use crate::agents::roster::folders;
use crate::agents::scripts::Scripts;
use crate::config::Config;
use crate::core::hold::{TICK_MS, suspects};
use crate::core::input::Input;
use crate::core::policy::Policy;
use crate::core::state::State;
use crate::failure::say;
use crate::view::View;
use crate::watch::{MAX_DEPTH, MAX_ENTRIES, Watch};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::mpsc;

/// Reads them, and offers what they say.
pub struct Sources {
    options: Options,
    root: PathBuf,
    config: Option<PathBuf>,
    breakdown: Option<PathBuf>,
    is_folder: bool,
    /// What else the next run goes by: the roster's folders, the workspace's own programs of agents, the template of
    /// briefs; each as it was when this one began.
    others: Vec<(PathBuf, String)>,
    policy: Policy,
    inbox: mpsc::UnboundedSender<Message>,
    shared: SharedConfig,
    texts: Arc<Texts>,
    view: Arc<View>,
    since_ms: u64,
}

impl Sources {
    /// Those of an execution.
    pub fn new(
        prepared: &Prepared,
        inbox: mpsc::UnboundedSender<Message>,
        shared: SharedConfig,
        texts: Arc<Texts>,
        view: Arc<View>,
    ) -> Arc<Self> {
        let is_other = |path: &PathBuf| prepared.config_path.as_ref() != Some(path);
        let others = once_read(prepared).into_iter().filter(is_other);
        Arc::new(Self {
            others: others.map(|path| (path.clone(), content(&path))).collect(),
            options: prepared.options.clone(),
            root: prepared.root.clone(),
            config: prepared.config_path.clone(),
            breakdown: prepared.source.path.clone(),
            is_folder: prepared.source.is_folder(),
            policy: prepared.policy.clone(),
            inbox,
            shared,
            texts,
            view,
            since_ms: now_ms(),
        })
    }

    /// Looks at them as long as it lives.
    pub fn watch(self: &Arc<Self>) -> Watch {
        let sources = self.clone();
        let watch = Watch::new(move |file: &Path| sources.changed(file));
        self.config.iter().for_each(|file| watch.add_read(file, false));
        self.breakdown.iter().for_each(|path| watch.add_read(path, self.is_folder));
        watch
    }

    fn changed(&self, file: &Path) {
        match self.look(file) {
            Look::Nothing => {}
            Look::Held(input) => self.post(*input),
            Look::Taken(said) => self.take(*said),
        }
    }

    /// What was changed while attempts were at work that could do so, and was not noticed yet.
    pub fn left(&self) -> Vec<Input> {
        let held = |file: &PathBuf| {
            if let Look::Held(input) = self.look(file) { Some(*input) } else { None }
        };
        self.config
            .iter()
            .chain(&self.breakdown)
            .chain(self.others.iter().map(|(path, _)| path))
            .filter_map(held)
            .collect()
    }

    fn look(&self, file: &Path) -> Look {
        // It is read once, and judged after that: an attempt that could have changed what was read has begun in a state
        // that is looked at later.
        let said = self.read(file);
        let (name, digest, changed_at_ms) = (self.name(file), content(file), changed_at_ms(file));
        let state = self.view.snapshot();
        // What was changed before this run began is what it goes by.
        let during = if changed_at_ms < self.since_ms {
            Vec::new()
        } else {
            suspects(&state, changed_at_ms)
        };
        let is_other = || match &said {
            Said::Plan(input) => {
                !crate::core::note(&mut (*state).clone(), (**input).clone(), state.now).is_empty()
            }
            Said::Config(read) => {
                read.as_ref().as_ref().is_ok_and(|(config, _)| *config != *self.in_force())
            }
            Said::Other => {
                self.others.iter().any(|(other, before)| other == file && *before != digest)
            }
        };
        match state.held.get(&name) {
            Some(held) if held.digest == digest || (during.is_empty() && !held.rejected) => {
                Look::Nothing
            }
            // Where it says what it said before, as after our own ticks, there is nothing to confirm.
            _ if !during.is_empty() && is_other() => {
                Look::Held(Box::new(Input::ChangeHeld(name, during, digest)))
            }
            _ => Look::Taken(Box::new(said)),
        }
    }

    /// Takes a file up by the name by which it was held, as it was approved: what it became after that is looked at for
    /// itself. Of what is no breakdown and no config, the next run does.
    pub fn take_named(&self, name: &str, approved: &str) {
        let Some(file) =
            self.config.iter().chain(&self.breakdown).find(|file| self.name(file) == name)
        else {
            return;
        };
        let said = self.read(file);
        if content(file) == approved {
            self.take(said);
        } else {
            self.changed(file);
        }
    }

    fn read(&self, file: &Path) -> Said {
        if self.config.as_deref() == Some(file) {
            return Said::Config(Box::new(self.options.config_now(&self.root, file)));
        }
        if self.breakdown.as_deref() == Some(file) {
            return Said::Plan(Box::new(self.options.plan_now(file, &self.texts)));
        }
        Said::Other
    }

    fn take(&self, said: Said) {
        match said {
            Said::Plan(input) => self.post(*input),
            Said::Config(read) => match *read {
                Ok((config, rules)) => {
                    // Where attempts work, and what the system can, does not change under way.
                    let policy = Policy {
                        isolated: self.policy.isolated,
                        unconfined: self.policy.unconfined.clone(),
                        ..rules
                    };
                    *self.shared.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                    self.post(Input::PolicyOffered(Box::new(policy)));
                    self.post(self.were_read());
                }
                Err(message) => say(format_args!("{message}; the rules before it stay in force")),
            },
            Said::Other => {}
        }
    }

    /// What of them is read once, as it was read.
    pub fn were_read(&self) -> Input {
        let config = self.config.iter().map(|file| (file.clone(), content(file)));
        let all = config.chain(self.others.iter().cloned());
        Input::SourcesRead(all.map(|(file, digest)| (self.name(&file), digest)).collect())
    }

    fn in_force(&self) -> Arc<Config> {
        self.shared.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A file as it is called in the workspace.
    fn name(&self, file: &Path) -> String {
        name_in(&self.root, file)
    }

    fn post(&self, input: Input) {
        // The loop may have ended: then nobody waits for this any more.
        let _ = self.inbox.send(input.into());
    }
}

/// What was changed while attempts were at work whose owner was killed: nobody has looked at it since. They were ended at a
/// time, where that is known.
pub fn left_by_killed(
    prepared: &Prepared,
    texts: &Texts,
    state: &State,
    ended_at_ms: Option<u64>,
) -> Vec<Input> {
    let held = |file: &Path, says: Option<Input>| {
        let changed_at_ms = changed_at_ms(file);
        let is_later = ended_at_ms.is_some_and(|ended| changed_at_ms > ended + TICK_MS);
        let during = if is_later { Vec::new() } else { suspects(state, changed_at_ms) };
        let (name, digest) = (name_in(&prepared.root, file), content(file));
        let is_other = || match says {
            Some(says) => !crate::core::note(&mut state.clone(), says, state.now).is_empty(),
            None => state.sources.get(&name).is_some_and(|before| *before != digest),
        };
        let is_held =
            !during.is_empty() && state.approved_changes.get(&name) != Some(&digest) && is_other();
        is_held.then_some(Input::ChangeHeld(name, during, digest))
    };
    let breakdown = prepared.source.path.iter();
    let breakdown =
        breakdown.filter_map(|file| held(file, Some(prepared.options.plan_now(file, texts))));
    let others = once_read(prepared);
    breakdown.chain(others.iter().filter_map(|file| held(file, None))).collect()
}

/// The files and folders that are read when a run begins, and not again.
fn once_read(prepared: &Prepared) -> Vec<PathBuf> {
    let scripts = Scripts::from_config(&prepared.config, &prepared.root).paths();
    let all = folders(&prepared.config, &prepared.root).into_iter().chain(scripts);
    prepared.config_path.iter().cloned().chain(all).collect()
}

/// A file as it is called in a workspace.
fn name_in(root: &Path, file: &Path) -> String {
    let whole = root.canonicalize();
    let relative = whole
        .as_ref()
        .ok()
        .and_then(|root| file.strip_prefix(root).ok())
        .or_else(|| file.strip_prefix(root).ok());
    relative.unwrap_or(file).display().to_string()
}

/// What is to be done about a file that is not what it was.
enum Look {
    Nothing,
    Held(Box<Input>),
    Taken(Box<Said>),
}

/// What a file says, as it was read.
enum Said {
    Plan(Box<Input>),
    Config(Box<Result<(Config, Policy), String>>),
    /// Something that only the next run reads.
    Other,
}

/// The config in force. What is under way keeps the one that it began with.
pub type SharedConfig = Arc<RwLock<Arc<Config>>>;

/// When a file was changed last, or any in a folder, in milliseconds since the Unix epoch.
fn changed_at_ms(path: &Path) -> u64 {
    let of = |meta: std::fs::Metadata| {
        u64::try_from(
            meta.ctime().saturating_mul(1_000).saturating_add(meta.ctime_nsec() / 1_000_000),
        )
        .unwrap_or(u64::MAX)
    };
    let walk =
        ignore::WalkBuilder::new(path).standard_filters(false).max_depth(Some(MAX_DEPTH)).build();
    let (mut newest, mut looked) = (0, 0);
    for meta in walk.flatten().filter_map(|entry| entry.metadata().ok()) {
        (newest, looked) = (of(meta).max(newest), looked + 1);
        if looked == MAX_ENTRIES {
            // Nobody knows of the rest.
            return u64::MAX;
        }
    }
    newest
}
