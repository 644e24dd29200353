//! Runs a gate's command and measures what it shows. One tree is not judged twice by the same
//! command: the result is kept with the digest of the tree.
#![expect(clippy::disallowed_methods, reason = "this is the edge that runs gates")]

use super::measure::{self, Tests};
use crate::config::{Config, Gate};
use crate::core::event::{Event, Outcome, Purpose, Recorded};
use crate::core::id::{OrderId, StreamId, TaskId};
use crate::core::outcome::{Ending, GateMeasures, GateVerdict};
use crate::process::{Launch, Limits, Processes, end_of, find_program, open_kept};
use crate::workspace::sandbox::{self, Place};
use crate::workspace::tree::{Tree, Trees};
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;

/// How much of an output is looked through for counts.
const OUTPUT_READ: u64 = 4 * 1024 * 1024;
/// Reports that are larger are not read: what they would show counts as not measured.
const REPORT_BYTES: u64 = 64 * 1024 * 1024;

/// What a command showed on a tree of a digest, and by which order.
type Results = HashMap<(Vec<String>, String), (OrderId, GateMeasures)>;

/// What carries out gates.
#[derive(Clone)]
pub struct Gates {
    root: PathBuf,
    trees: Trees,
    results: Arc<Mutex<Results>>,
    /// Held by a gate that writes a report until it is read: in the same folder another one would
    /// write over it.
    reports: Arc<Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>>,
}

/// One evaluation that was ordered.
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
    /// What is judged: a folder, or why there is none.
    pub folder: Result<PathBuf, String>,
    /// What it may write, where it is confined: all of the place that the folder is in.
    pub tree: PathBuf,
    /// Where what it prints goes.
    pub output: PathBuf,
    /// By which its descendants are known.
    pub cookie: String,
}

impl Gates {
    /// For a workspace and its trees.
    pub fn new(root: &Path, trees: Trees) -> Self {
        Self { root: root.to_owned(), trees, results: Arc::default(), reports: Arc::default() }
    }

    /// Files that gates write, and that are no part of the tree that they judge.
    pub fn reports(config: &Config) -> Vec<PathBuf> {
        let files = config.gates.iter().flat_map(|gate| gate.junit.iter().chain(gate.coverage.as_ref().map(|coverage| &coverage.file)));
        files.map(PathBuf::from).collect()
    }

    /// Learns from an event of the journal what was judged already.
    pub fn remember(&self, recorded: &Recorded) {
        if let Event::Ended { order, outcome: Outcome::Gate { measures, verdict, .. } } = &recorded.event
            && *verdict != GateVerdict::NotEvaluated
            && measures.flaky.is_empty()
            && let Some(tree) = &measures.tree
        {
            let order = measures.reused_from.unwrap_or(*order);
            let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
            results.insert((measures.command.clone(), tree.clone()), (order, measures.clone()));
        }
    }

    /// Evaluates a gate.
    pub async fn evaluate(&self, config: &Config, processes: &Processes, what: Evaluation, stop: watch::Receiver<bool>) -> GateMeasures {
        let began = Instant::now();
        let unmeasured = |ending: Ending, command: Vec<String>| GateMeasures {
            command,
            ending,
            tests: None,
            failed_tests: Vec::new(),
            flaky: Vec::new(),
            coverage_pct: None,
            tree: None,
            reused_from: None,
            duration_ms: millis(began.elapsed()),
        };
        let Some(gate) = config.gate(&what.check) else {
            return unmeasured(Ending::DidNotStart(format!("the config has no gate `{}`", what.check)), Vec::new());
        };
        let command = filled_in(&gate.command, &what);
        let folder = match &what.folder {
            Ok(folder) => folder.as_path(),
            Err(why) => return unmeasured(Ending::DidNotStart(why.clone()), command),
        };
        let writes_report = gate.junit.is_some() || gate.coverage.is_some();
        let of_folder = self.reports.lock().unwrap_or_else(PoisonError::into_inner).entry(folder.to_owned()).or_default().clone();
        let _report = if writes_report { Some(of_folder.lock().await) } else { None };
        let before = self.tree(folder).await;
        let digest = before.digest();
        if let Some((order, known)) = self.known(&command, &digest) {
            return GateMeasures { reused_from: Some(order), duration_ms: millis(began.elapsed()), ..known };
        }
        let mut environment = config.environment.variables();
        // Of the tree that it judges, or of the workspace where that has none.
        let program = match find_program(&command[0], &[folder, &self.root], &environment) {
            Ok(program) => program,
            Err(why) => return unmeasured(Ending::DidNotStart(why), command),
        };
        environment.push(("EXECUTION_COORDINATOR_TASK".into(), what.task.as_ref().map(ToString::to_string).unwrap_or_default()));
        environment.push(("EXECUTION_COORDINATOR_STREAM".into(), what.stream.as_ref().map(ToString::to_string).unwrap_or_default()));
        let mut argv = command.clone();
        argv[0] = program.display().to_string();
        let confine = sandbox::applies_to_gate(config, gate).then(|| {
            let place = Place { root: &self.root, own: vec![what.tree.clone()], temporary: what.output.with_extension("tmp") };
            sandbox::of(config, None, &mut environment, place)
        });
        let launch = Launch {
            argv,
            folder: folder.to_owned(),
            environment,
            stdin: None,
            output: what.output.clone(),
            errors: None,
            cookie: what.cookie.clone(),
            confine,
        };
        let limits = Limits {
            timeout: time(gate.timeout.as_deref().unwrap_or(&config.execution.attempt_timeout)),
            idle: None,
            output_bytes: config.execution.output_limit_bytes,
            grace: time(&config.execution.grace),
            activity: None,
        };
        let started = SystemTime::now();
        let ending = processes.run(launch.clone(), limits, stop.clone(), |_| {}).await;
        let first = read(gate, folder, &what.output, started).await;
        let failed = matches!(ending, Ending::Exited(code) if code != 0 && code != 126 && code != 127);
        let mut flaky = Vec::new();
        // A failing test run is run once more on the same tree: what passes now is flaky, and
        // luck is no pass.
        if failed && what.purpose == Purpose::Judge && is_tests(gate) {
            let again = SystemTime::now();
            let output = what.output.with_extension("again.log");
            let second = processes.run(Launch { output: output.clone(), ..launch }, limits, stop, |_| {}).await;
            let tests = read(gate, folder, &output, again).await;
            flaky = flaky_tests(&first.0, &second, &tests.0);
        }
        let after = self.tree(folder).await;
        let (tests, coverage_pct) = first;
        GateMeasures {
            command,
            ending,
            tests: tests.as_ref().map(|tests| tests.counts),
            failed_tests: tests.map(|tests| tests.failed).unwrap_or_default(),
            flaky,
            coverage_pct,
            tree: (before == after).then_some(digest),
            reused_from: None,
            duration_ms: millis(began.elapsed()),
        }
    }

    async fn tree(&self, folder: &Path) -> Tree {
        let trees = self.trees.of(folder);
        tokio::task::spawn_blocking(move || trees.now()).await.unwrap_or_default()
    }

    fn known(&self, command: &[String], digest: &str) -> Option<(OrderId, GateMeasures)> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner).get(&(command.to_vec(), digest.to_owned())).cloned()
    }
}

/// What a run showed. Reports count only when this run wrote them, and only as files: a pipe would be waited for.
async fn read(gate: &Gate, folder: &Path, output: &Path, started: SystemTime) -> (Option<Tests>, Option<f64>) {
    let (junit, coverage) = (gate.junit.clone(), gate.coverage.as_ref().map(|coverage| coverage.file.clone()));
    let (folder, output) = (folder.to_owned(), output.to_owned());
    let measured = tokio::task::spawn_blocking(move || {
        let report = |file: &String| {
            let file = open_kept(&folder.join(file)).ok()?;
            let meta = file.metadata().ok()?;
            // File systems keep times more coarsely than the clock runs.
            let slack = Duration::from_millis(1_500);
            let fresh = meta.modified().ok()? + slack >= started;
            let mut text = String::new();
            if fresh && meta.len() <= REPORT_BYTES && file.take(REPORT_BYTES).read_to_string(&mut text).is_ok() { Some(text) } else { None }
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
        return if *second == Ending::Exited(0) { vec!["the whole run".into()] } else { Vec::new() };
    };
    if first.failed.is_empty() && *second == Ending::Exited(0) {
        return vec!["the whole run".into()];
    }
    let only = |a: &Tests, b: &Tests| a.failed.iter().filter(|test| !b.failed.contains(test)).cloned().collect::<Vec<_>>();
    let mut flaky = only(first, again);
    flaky.extend(only(again, first));
    flaky
}

/// `{task}` and `{stream}` in a command. They are arguments, never parts of a shell line.
fn filled_in(command: &[String], what: &Evaluation) -> Vec<String> {
    let task = what.task.as_ref().map_or("", TaskId::as_str);
    let stream = what.stream.as_ref().map_or("", StreamId::as_str);
    command.iter().map(|part| part.replace("{task}", task).replace("{stream}", stream)).collect()
}

/// A time of the config, which was checked when it was read.
pub fn time(text: &str) -> Duration {
    crate::config::duration(text).unwrap_or(Duration::from_secs(1_800))
}

/// A duration as whole milliseconds.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
