//! Runs a gate's command and measures what it shows. One tree is not judged twice by the same
//! command: the result is kept with the digest of the tree.
#![expect(clippy::disallowed_methods, reason = "this is the edge that runs gates")]

use super::measure::{self, Tests};
use super::settings::judged_by;
use crate::config::{Config, Gate};
use crate::core::event::{Event, Outcome, Purpose, Recorded};
use crate::core::id::{OrderId, StreamId, TaskId};
use crate::core::outcome::{Ending, GateMeasures, GateVerdict};
use crate::failure::say;
use crate::process::{Launch, Limits, Processes, end_of, find_program, open_kept};
use crate::workspace::files::{is_committed, is_in_worktree, put_back};
use crate::workspace::sandbox::{self, Writable};
use crate::workspace::tree::{Tree, Trees, hex};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::Metadata;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;

/// How much of an output is looked through for counts.
const OUTPUT_READ: u64 = 4 * 1024 * 1024;
/// The most files that are named of those that a gate changed.
const MAX_CHANGED: usize = 200;
/// File systems keep times more coarsely than the clock runs.
const SLACK: Duration = Duration::from_millis(1_500);
/// Reports that are larger are not read: what they would show counts as not measured.
const REPORT_BYTES: u64 = 64 * 1024 * 1024;

/// What a command showed on a tree of a digest in a context of another, and by which order.
type Results = HashMap<(Vec<String>, String, String), (OrderId, GateMeasures)>;

/// What carries out gates.
#[derive(Clone)]
pub struct Gates {
    root: PathBuf,
    trees: Trees,
    results: Arc<Mutex<Results>>,
    /// Held by a gate that writes a report until it is read: in the same folder another one would
    /// write over it.
    reports: Arc<Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>>,
    /// For each folder, how many gates are at work in it, and how many have begun.
    at_work: Arc<Mutex<HashMap<PathBuf, (u32, u64)>>>,
    /// For each folder, held by all gates that are at work in it, or by one that has to be alone.
    turns: Arc<Mutex<HashMap<PathBuf, Arc<tokio::sync::RwLock<()>>>>>,
}

/// What a run of a gate has changed and may not.
struct Disturbed {
    files: Vec<PathBuf>,
    /// Whether git has them as they were.
    committed: bool,
    /// Whether no other gate was at work beside it.
    alone: bool,
}

/// One evaluation that was ordered.
#[derive(Clone)]
pub struct Evaluation {
    /// The order.
    pub order: OrderId,
    /// The configured gate's name.
    pub check: String,
    /// What the result is for.
    pub purpose: Purpose,
    /// The task.
    pub task: Option<TaskId>,
    /// The stream.
    pub stream: Option<StreamId>,
    /// Tests that were seen red, each of which has to be seen to pass.
    pub red: BTreeSet<String>,
    /// What is judged: a folder, or why there is none.
    pub folder: Result<PathBuf, String>,
    /// What it may write, where it is confined: all of the place that the folder is in.
    pub tree: PathBuf,
    /// Where what it prints goes.
    pub output: PathBuf,
    /// By which its descendants are known.
    pub cookie: String,
}

impl Evaluation {
    /// The variables that the command is given.
    fn environment(&self, config: &Config) -> Vec<(String, String)> {
        let mut environment = config.environment.variables();
        environment.push((
            "EXECUTION_COORDINATOR_TASK".into(),
            self.task.as_ref().map(ToString::to_string).unwrap_or_default(),
        ));
        environment.push((
            "EXECUTION_COORDINATOR_STREAM".into(),
            self.stream.as_ref().map(ToString::to_string).unwrap_or_default(),
        ));
        environment
    }
}

impl Gates {
    /// For a workspace and its trees.
    pub fn new(root: &Path, trees: Trees) -> Self {
        Self {
            root: root.to_owned(),
            trees,
            results: Arc::default(),
            reports: Arc::default(),
            at_work: Arc::default(),
            turns: Arc::default(),
        }
    }

    /// Files that gates write, and that are no part of the tree that they judge.
    pub fn reports(config: &Config) -> Vec<PathBuf> {
        config.gates.iter().flat_map(reports_of).map(PathBuf::from).collect()
    }

    /// Learns from an event of the journal what was judged already.
    pub fn remember(&self, recorded: &Recorded) {
        if let Event::Ended { order, outcome: Outcome::Gate { measures, verdict, .. } } =
            &recorded.event
            && *verdict != GateVerdict::NotEvaluated
            && measures.flaky.is_empty()
            && let (Some(tree), Some(context)) = (&measures.tree, &measures.context)
        {
            let order = measures.reused_from.unwrap_or(*order);
            let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
            results.insert(
                (measures.command.clone(), tree.clone(), context.clone()),
                (order, (**measures).clone()),
            );
        }
    }

    /// Evaluates a gate. Where files are not what they were, and another gate was at work beside it, it runs once more by
    /// itself: what is changed then is its doing.
    pub async fn evaluate(
        &self,
        config: &Config,
        processes: &Processes,
        what: Evaluation,
        stop: watch::Receiver<bool>,
    ) -> GateMeasures {
        let folder = what.folder.clone().unwrap_or_default();
        let turns = self
            .turns
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(folder.clone())
            .or_default()
            .clone();
        let beside = turns.read().await;
        let (measures, disturbed) =
            self.measure(config, processes, what.clone(), stop.clone()).await;
        drop(beside);
        if disturbed.files.is_empty() {
            return measures;
        }
        let _alone = turns.write().await;
        put_back_there(&what.check, &folder, &disturbed).await;
        let (mut measures, mut disturbed) = (measures, disturbed);
        if !disturbed.alone {
            (measures, disturbed) = self.measure(config, processes, what.clone(), stop).await;
            put_back_there(&what.check, &folder, &disturbed).await;
        }
        measures.changed = disturbed
            .files
            .iter()
            .take(MAX_CHANGED)
            .map(|path| path.display().to_string())
            .collect();
        measures
    }

    /// Nobody else writes reports in a folder meanwhile.
    async fn report_of(&self, folder: &Path) -> tokio::sync::OwnedMutexGuard<()> {
        let of_folder = {
            let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
            reports.entry(folder.to_owned()).or_default().clone()
        };
        of_folder.lock_owned().await
    }

    /// One run, and what it has changed.
    async fn measure(
        &self,
        config: &Config,
        processes: &Processes,
        what: Evaluation,
        stop: watch::Receiver<bool>,
    ) -> (GateMeasures, Disturbed) {
        let began = Instant::now();
        let unmeasured = |ending: Ending, command: Vec<String>| {
            GateMeasures::new(command, ending, millis(began.elapsed()))
        };
        let nothing = Disturbed { files: Vec::new(), committed: false, alone: true };
        let Some(gate) = config.gate(&what.check) else {
            return (
                unmeasured(
                    Ending::DidNotStart(format!("the config has no gate `{}`", what.check)),
                    Vec::new(),
                ),
                nothing,
            );
        };
        let command = match filled_in(&gate.command, &what) {
            Ok(command) => command,
            Err(why) => {
                return (unmeasured(Ending::DidNotStart(why), gate.command.clone()), nothing);
            }
        };
        let folder = match &what.folder {
            Ok(folder) => folder.as_path(),
            Err(why) => return (unmeasured(Ending::DidNotStart(why.clone()), command), nothing),
        };
        let writes_report = gate.junit.is_some() || gate.coverage.is_some();
        let _report = if writes_report { Some(self.report_of(folder).await) } else { None };
        let environment = what.environment(config);
        // Who is at work before the tree is looked at may write after that.
        let others = self.others(folder);
        let before = self.tree(folder).await;
        let (digest, context) = (before.digest(), context(folder, &environment, &what.red));
        if let Some((order, known)) = self.known(&command, &digest, &context) {
            let known = GateMeasures {
                reused_from: Some(order),
                kept: BTreeMap::new(),
                duration_ms: millis(began.elapsed()),
                ..known
            };
            return (known, nothing);
        }
        // Of the tree that it judges, or of the workspace where that has none.
        let program = match find_program(&command[0], &[folder, &self.root], &environment) {
            Ok(program) => program,
            Err(why) => return (unmeasured(Ending::DidNotStart(why), command), nothing),
        };
        let launch = self.launch(config, gate, &what, (&command, &program), environment);
        let judged_by = {
            let (command, folder) = (command.clone(), folder.to_owned());
            tokio::task::spawn_blocking(move || judged_by(&command, &folder))
                .await
                .unwrap_or_default()
        };
        let aside = set_aside(gate, folder, &what.output).await;
        let committed = is_committed_there(folder).await;
        let beside = self.beside(folder);
        let limits = Limits {
            timeout: time(gate.timeout.as_deref().unwrap_or(&config.execution.attempt_timeout)),
            idle: None,
            output_bytes: config.execution.output_limit_bytes,
            grace: time(&config.execution.grace),
            activity: None,
        };
        let started = SystemTime::now();
        let ending = processes.run(launch.clone(), limits, stop.clone(), |_| {}).await;
        let first = read(gate, folder, &what.output, started, &aside.left).await;
        let failed =
            matches!(ending, Ending::Exited(code) if code != 0 && code != 126 && code != 127);
        // A failing test run is run once more on the same tree: what passes now is flaky, and
        // luck is no pass.
        let flaky = if failed && what.purpose == Purpose::Judge && is_tests(gate) {
            let again = Launch { output: what.output.with_extension("again.log"), ..launch };
            flaky_ones(gate, processes, (again, limits, stop), &first.0).await
        } else {
            Vec::new()
        };
        let after = self.tree(folder).await;
        let alone = beside.is_alone_since(others);
        // In a folder that attempts work in too, nobody can say who has changed what.
        let files = if alone || is_in_worktree(folder) {
            changed_files(gate, &before, &after)
        } else {
            Vec::new()
        };
        let disturbed = Disturbed { files, committed, alone };
        put_back_reports(aside.moved).await;
        let (tests, coverage_pct) = first;
        // Where a run does not name what passes, nothing is known of single tests.
        let passed = tests.as_ref().and_then(|tests| tests.passed.as_ref());
        let (green, not_green): (Vec<_>, Vec<_>) = passed
            .map(|passed| what.red.into_iter().partition(|test| passed.contains(test)))
            .unwrap_or_default();
        let measures = GateMeasures {
            tests: tests.as_ref().map(|tests| tests.counts),
            failed_tests: tests.map(|tests| tests.failed).unwrap_or_default(),
            flaky,
            coverage_pct,
            tree: (before == after).then_some(digest),
            context: Some(context),
            green: green.len() as u64,
            not_green,
            judged_by,
            ..unmeasured(ending, command)
        };
        (measures, disturbed)
    }

    /// How a gate's command is started, confined where it has to be.
    fn launch(
        &self,
        config: &Config,
        gate: &Gate,
        what: &Evaluation,
        (command, program): (&[String], &Path),
        mut environment: Vec<(String, String)>,
    ) -> Launch {
        let mut argv = command.to_vec();
        argv[0] = program.display().to_string();
        let confine = sandbox::applies_to_gate(config, gate).then(|| {
            let place = Writable {
                root: &self.root,
                own: vec![what.tree.clone()],
                temporary: what.output.with_extension("tmp"),
            };
            sandbox::confinement(config, None, &mut environment, place)
        });
        Launch {
            argv,
            folder: what.folder.clone().unwrap_or_default(),
            environment,
            stdin: None,
            output: what.output.clone(),
            errors: None,
            cookie: what.cookie.clone(),
            confine,
        }
    }

    /// Something else is at work in a folder, and may change it, as long as this lives.
    pub fn beside(&self, folder: &Path) -> Beside {
        let mut all = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, begun) = all.entry(folder.to_owned()).or_default();
        (*now, *begun) = (*now + 1, *begun + 1);
        Beside { gates: self.clone(), folder: folder.to_owned() }
    }

    /// How many are at work in a folder, and how many have begun there so far.
    fn others(&self, folder: &Path) -> (u32, u64) {
        let all = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(folder).copied().unwrap_or_default()
    }

    async fn tree(&self, folder: &Path) -> Tree {
        let trees = self.trees.at(folder);
        tokio::task::spawn_blocking(move || trees.now()).await.unwrap_or_default()
    }

    fn known(
        &self,
        command: &[String],
        digest: &str,
        context: &str,
    ) -> Option<(OrderId, GateMeasures)> {
        let key = (command.to_vec(), digest.to_owned(), context.to_owned());
        self.results.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }
}

/// Somebody at work in a folder that gates judge, until it is dropped.
pub struct Beside {
    gates: Gates,
    folder: PathBuf,
}

impl Beside {
    /// Whether nobody was at work there when it was asked who is, and nobody else has begun since.
    fn is_alone_since(&self, (now, begun): (u32, u64)) -> bool {
        now == 0 && self.gates.others(&self.folder).1 == begun + 1
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let mut all = self.gates.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((now, _)) = all.get_mut(&self.folder) {
            *now = now.saturating_sub(1);
        }
    }
}

/// Digest of where a command is run, of all variables that it is given, and of the tests that it has to show.
fn context(folder: &Path, environment: &[(String, String)], red: &BTreeSet<String>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(folder.as_os_str().as_encoded_bytes());
    let sorted: BTreeMap<&str, &str> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for word in sorted.into_iter().flat_map(|(name, value)| [name, value]) {
        hasher.update([0]);
        hasher.update(word);
    }
    for test in red {
        hasher.update([1]);
        hasher.update(test);
    }
    hex(hasher)
}

/// Sets aside what an earlier run has reported, or an agent: a report counts only if the run makes it.
async fn set_aside(gate: &Gate, folder: &Path, output: &Path) -> Aside {
    let (folder, reports) =
        (folder.to_owned(), reports_of(gate).map(PathBuf::from).collect::<Vec<_>>());
    let output = output.to_owned();
    let moved = tokio::task::spawn_blocking(move || {
        let mut done = Aside::default();
        for (ix, report) in reports
            .iter()
            .enumerate()
            .filter_map(|(ix, report)| Some((ix, inside(&folder, report)?)))
        {
            let aside = output.with_extension(format!("report{ix}"));
            match std::fs::rename(&report, &aside) {
                Ok(()) => done.moved.push((report, aside)),
                // What is not there need not go, and what can't go is known again.
                Err(_) => {
                    done.left.extend(report.symlink_metadata().ok().map(|meta| identity(&meta)))
                }
            }
        }
        done
    });
    moved.await.unwrap_or_default()
}

/// Reports that were there before a run.
#[derive(Default)]
struct Aside {
    /// Where each was, and where it is.
    moved: Vec<(PathBuf, PathBuf)>,
    /// Those that could not be moved.
    left: Vec<Identity>,
}

/// A file as it was: device, number, size, and when it last changed.
type Identity = (u64, u64, u64, i64, i64);

fn identity(meta: &Metadata) -> Identity {
    (meta.dev(), meta.ino(), meta.len(), meta.ctime(), meta.ctime_nsec())
}

/// Where the run has made no report, an older one stays, as what it is.
async fn put_back_reports(aside: Vec<(PathBuf, PathBuf)>) {
    let put_back = tokio::task::spawn_blocking(move || {
        for (report, aside) in aside {
            let is_gone = report.symlink_metadata().is_err();
            // It was there before; where it can't be again, git has it or it was of no worth.
            drop(if is_gone {
                std::fs::rename(&aside, &report)
            } else {
                std::fs::remove_file(&aside)
            });
        }
    });
    drop(put_back.await);
}

/// The tests that failed in a first run and pass in another one.
async fn flaky_ones(
    gate: &Gate,
    processes: &Processes,
    (launch, limits, stop): (Launch, Limits, watch::Receiver<bool>),
    first: &Option<Tests>,
) -> Vec<String> {
    let (folder, output, again) = (launch.folder.clone(), launch.output.clone(), SystemTime::now());
    let aside = set_aside(gate, &folder, &output).await;
    let second = processes.run(launch, limits, stop, |_| {}).await;
    let tests = read(gate, &folder, &output, again, &aside.left).await;
    flaky_tests(first, &second, &tests.0)
}

async fn is_committed_there(folder: &Path) -> bool {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || is_committed(&folder)).await.unwrap_or_default()
}

/// A file of a folder; none where a link leads out of that on the way, which an agent may have put there. A config may
/// name one elsewhere.
fn inside(folder: &Path, file: &Path) -> Option<PathBuf> {
    let path = folder.join(file);
    if file.is_absolute() || file.components().any(|part| part == Component::ParentDir) {
        return Some(path);
    }
    let parent = path.parent()?.canonicalize().ok()?;
    parent.starts_with(folder.canonicalize().ok()?).then_some(path)
}

fn reports_of(gate: &Gate) -> impl Iterator<Item = &String> {
    gate.junit.iter().chain(gate.coverage.as_ref().map(|coverage| &coverage.file))
}

/// The files that a gate has changed and may not.
fn changed_files(gate: &Gate, before: &Tree, after: &Tree) -> Vec<PathBuf> {
    let mut may = globset::GlobSetBuilder::new();
    gate.writes
        .iter()
        .filter_map(|glob| globset::GlobBuilder::new(glob).literal_separator(true).build().ok())
        .for_each(|glob| {
            may.add(glob);
        });
    let may = may.build().unwrap_or_default();
    before.disturbed(after).into_iter().filter(|path| !may.is_match(path)).collect()
}

/// What a gate has changed is as it was before; what is in no commit yet could not be had back.
async fn put_back_there(gate: &str, folder: &Path, disturbed: &Disturbed) {
    if disturbed.files.is_empty() || !disturbed.committed {
        return;
    }
    let (folder, files) = (folder.to_owned(), disturbed.files.clone());
    if let Ok(Err(why)) = tokio::task::spawn_blocking(move || put_back(&folder, &files)).await {
        say(format_args!("what gate `{gate}` changed is left as it is: {why}"));
    }
}

/// What a run showed. Reports count only when this run wrote them, and only as files: a pipe would be waited for.
async fn read(
    gate: &Gate,
    folder: &Path,
    output: &Path,
    started: SystemTime,
    older: &[Identity],
) -> (Option<Tests>, Option<f64>) {
    let (junit, coverage) =
        (gate.junit.clone(), gate.coverage.as_ref().map(|coverage| coverage.file.clone()));
    let (folder, output, older) = (folder.to_owned(), output.to_owned(), older.to_owned());
    let measured = tokio::task::spawn_blocking(move || {
        let report = |file: &String| {
            let file = open_kept(&inside(&folder, Path::new(file))?).ok()?;
            let meta = file.metadata().ok()?;
            // When it was last written or moved, which nobody can set; file systems keep that more coarsely than the clock runs.
            let at = Duration::new(
                u64::try_from(meta.ctime()).ok()?,
                u32::try_from(meta.ctime_nsec()).ok()?,
            );
            let fresh =
                SystemTime::UNIX_EPOCH + at + SLACK >= started && !older.contains(&identity(&meta));
            let mut text = String::new();
            if fresh
                && meta.len() <= REPORT_BYTES
                && file.take(REPORT_BYTES).read_to_string(&mut text).is_ok()
            {
                Some(text)
            } else {
                None
            }
        };
        let tests = match &junit {
            Some(file) => report(file).and_then(|text| measure::junit(&text)),
            None => measure::closing_lines(&end_of(&output, OUTPUT_READ)),
        };
        (tests, coverage.as_ref().and_then(report).and_then(|text| measure::coverage(&text)))
    });
    measured.await.unwrap_or_default()
}

fn is_tests(gate: &Gate) -> bool {
    gate.tests.unwrap_or(gate.name == "tests") || gate.junit.is_some()
}

/// Tests that failed in one run and not in the other; without names, the run as a whole.
fn flaky_tests(first: &Option<Tests>, second: &Ending, again: &Option<Tests>) -> Vec<String> {
    let (Some(first), Some(again)) = (first, again) else {
        return if *second == Ending::Exited(0) {
            vec!["the whole run".into()]
        } else {
            Vec::new()
        };
    };
    if first.failed.is_empty() && *second == Ending::Exited(0) {
        return vec!["the whole run".into()];
    }
    let only = |a: &Tests, b: &Tests| {
        a.failed.iter().filter(|test| !b.failed.contains(test)).cloned().collect::<Vec<_>>()
    };
    let mut flaky = only(first, again);
    flaky.extend(only(again, first));
    flaky
}

/// `{task}` and `{stream}` in a command. They are arguments, never parts of a shell line; an id that a program would
/// take for an option or for a path that leads elsewhere is none.
fn filled_in(command: &[String], what: &Evaluation) -> Result<Vec<String>, String> {
    let ids = [
        ("{task}", what.task.as_ref().map_or("", TaskId::as_str)),
        ("{stream}", what.stream.as_ref().map_or("", StreamId::as_str)),
    ];
    let mut filled = command.to_vec();
    for (name, id) in ids {
        for part in filled.iter_mut().filter(|part| part.contains(name)) {
            let elsewhere = id.starts_with('/') || id.split('/').any(|part| part == "..");
            if id.starts_with('-') || elsewhere || id.contains(char::is_control) {
                return Err(format!(
                    "its command is given `{name}`, and `{id}` would be taken for an option or a path: give it another id"
                ));
            }
            *part = part.replace(name, id);
        }
    }
    Ok(filled)
}

/// A time of the config, which was checked when it was read.
pub fn time(text: &str) -> Duration {
    crate::config::duration(text).unwrap_or(Duration::from_secs(1_800))
}

/// A duration as whole milliseconds.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
