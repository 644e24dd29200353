//! Progress of `run` on stderr: a live block on a terminal, plain lines elsewhere.

use crate::core::brief::work_name;
use crate::core::event::{Event, Outcome, Recorded, Work};
use crate::core::id::OrderId;
use crate::core::outcome::{GateVerdict, Severity};
use crate::core::progress;
use crate::core::state::State;
use crate::core::status::duration;
use crate::engine::clock::Clock;
use crate::escape;
use crate::failure::say;
use crate::view::View;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Lines for running orders in the live block, at most.
const MAX_LINES: usize = 12;

/// How often the live block is drawn again: what agents print is no event.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// Shows progress.
pub struct Display {
    live: Option<Drawing>,
    lines: bool,
}

/// The live block, drawn by a thread of its own that reads the view.
struct Drawing {
    all: MultiProgress,
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

struct Live {
    all: MultiProgress,
    head: ProgressBar,
    rows: Vec<ProgressBar>,
}

impl Display {
    /// On stderr, as far as that is a terminal. `lines` says whether plain lines are wanted too.
    pub fn new(view: Arc<View>, lines: bool) -> Self {
        let live = std::io::stderr().is_terminal().then(|| {
            let all = MultiProgress::new();
            let (stop, stopped) = channel();
            let mut live = Live::new(all.clone());
            let thread = std::thread::spawn(move || {
                while stopped.recv_timeout(DRAW_EVERY) == Err(RecvTimeoutError::Timeout) {
                    live.draw(&view.snapshot(), &view);
                }
                live.rows.iter().chain([&live.head]).for_each(ProgressBar::finish_and_clear);
            });
            Drawing { all, stop, thread }
        });
        Self { live, lines }
    }

    /// Shows what a batch has that is worth a line.
    pub fn show(&mut self, batch: &[Recorded], state: &State) {
        for line in batch.iter().filter_map(|recorded| line(&recorded.event, state)) {
            // Texts of agents are in it: none of them may steer the terminal.
            let line = escape::line(&line);
            match &self.live {
                Some(live) => drop(live.all.println(&line)),
                None if self.lines => say(format_args!("{line}")),
                None => {}
            }
        }
    }
}

impl Drop for Display {
    /// Takes the live block away.
    fn drop(&mut self) {
        if let Some(live) = self.live.take() {
            drop(live.stop);
            // It draws and clears, no more: if it panicked, that has been said.
            let _ = live.thread.join();
        }
    }
}

impl Live {
    fn new(all: MultiProgress) -> Self {
        let head = all.add(ProgressBar::new(0));
        if let Ok(style) = ProgressStyle::with_template(
            "{spinner} {wide_bar} {pos}/{len} tasks ({percent} %) {elapsed}  {msg}",
        ) {
            head.set_style(style);
        }
        head.enable_steady_tick(Duration::from_millis(120));
        Self { all, head, rows: Vec::new() }
    }

    fn draw(&mut self, state: &State, view: &View) {
        let counts = progress::counts(state);
        let (passed, gates) = progress::gate_counts(state);
        self.head.set_length(counts.total as u64);
        self.head.set_position((counts.done + counts.skipped) as u64);
        let forecast = progress::remaining_ms(state).map_or(String::new(), |(min, max)| {
            format!(", {}–{} to go", duration(min), duration(max))
        });
        self.head.set_message(format!("gates {passed}/{gates}{forecast}"));
        let now_ms = Clock::default().now_ms();
        let orders: Vec<String> = state
            .orders
            .iter()
            .take(MAX_LINES)
            .map(|(order, open)| {
                let stream = open
                    .work
                    .task()
                    .and_then(|id| state.graph.task(id))
                    .and_then(|ix| state.task(ix).stream.as_ref());
                let stream = stream.map_or(String::new(), |id| {
                    format!("{} · ", progress::stream_label(id.as_str()))
                });
                let agent = open.work.agent().map_or(String::new(), |agent| format!(" · {agent}"));
                let tail = view
                    .tails
                    .get(order)
                    .map_or(String::new(), |line| format!(" · {}", line.value()));
                let time = duration(now_ms.saturating_sub(open.at) / 1_000 * 1_000);
                format!("{time:>6}  {stream}{}{agent}{tail}", work_name(&open.work))
            })
            .collect();
        while self.rows.len() < orders.len() {
            let row = self.all.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {wide_msg}") {
                row.set_style(style);
            }
            row.enable_steady_tick(Duration::from_millis(200));
            self.rows.push(row);
        }
        for row in self.rows.drain(orders.len()..) {
            row.finish_and_clear();
            self.all.remove(&row);
        }
        for (row, text) in self.rows.iter().zip(orders) {
            row.set_message(escape::line(&text));
        }
    }
}

/// A commit as people name it.
fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// What is worth a line.
fn line(event: &Event, state: &State) -> Option<String> {
    let title = |id: &crate::core::id::TaskId| {
        state.plan.task(id).map_or("", |task| task.title.as_str()).to_owned()
    };
    Some(match event {
        Event::Opened { execution, .. } => format!("execution {execution}"),
        Event::Ordered { order, work, .. } => match work {
            Work::Implementation { task, agent, attempt } => {
                format!("▶ task {task}: {} ({agent}, attempt {attempt}, {order})", title(task))
            }
            Work::Tests { task, agent, .. } => {
                format!("▶ task {task}: tests first ({agent}, {order})")
            }
            _ => return None,
        },
        Event::Ended { order, outcome } => return ended(*order, outcome),
        Event::Rework { task, findings, .. } => {
            format!(
                "↺ task {task} goes back: {}",
                findings.first().map_or("", |finding| finding.text.as_str())
            )
        }
        Event::TaskChanged { task, what } => {
            format!("  task {task} is to be done again: {what} changed in the breakdown")
        }
        Event::TasksRenamed { names } => {
            let names: Vec<String> =
                names.iter().map(|(from, to)| format!("{from} is {to} now")).collect();
            format!("  renamed in the breakdown: {}", names.join(", "))
        }
        Event::Postponed { task, why, .. } => format!("  task {task} is tried again: {why}"),
        Event::TaskDone { task } => format!("✓ task {task}: {}", title(task)),
        Event::TaskFailed { task, reason } => format!("✗ task {task} failed: {reason}"),
        Event::ChangeDecided { file, approved, from, .. } => {
            let so = if *approved { "it is taken up" } else { "what was before stays in force" };
            format!("  {} has decided about the change of {file}: {so}", from.by)
        }
        Event::Steered { order, text, from } => format!("  {} to {order}: {text}", from.by),
        Event::SteerEnded { order, why, .. } => match why {
            None => format!("  {order} has got what was said to it"),
            Some(why) => format!("! {order} has not got what was said to it: {why}"),
        },
        Event::TaskAnswered { task, from, .. } => {
            format!("  task {task} goes on: {} has answered", from.by)
        }
        Event::TaskBlocked { task, reason } => format!("✗ task {task} is blocked: {reason}"),
        Event::GatePassed { gate } => format!("◆ gate {gate} passed"),
        Event::GateFailed { gate, reason } => format!("◇ gate {gate} failed: {reason}"),
        Event::GateOpen { gate, reason } => {
            format!("◇ gate {gate} is waiting for a decision: {reason}")
        }
        Event::Escalated { about, why, needed, .. } => {
            format!("! {about} needs you: {why}; {needed}")
        }
        Event::PlanRejected { problems } => {
            format!(
                "! the breakdown can't be read any more, the plan before it goes on: {}",
                problems.first().map_or("", String::as_str)
            )
        }
        Event::BaseMoved { commit, rewritten: false } => {
            format!("merging new commits of the base branch, up to {}", short(commit))
        }
        Event::Restarted => {
            let (counts, base) = (progress::counts(state), state.merging.base.as_deref());
            let base = base.map_or(String::new(), |commit| format!(", based on {}", short(commit)));
            let name = state.execution.as_ref().map_or("", |execution| execution.as_str());
            format!(
                "resuming {name}: {} of {} done{base}",
                counts.done + counts.skipped,
                counts.total
            )
        }
        Event::Paused => "paused".into(),
        Event::ExecutionEnded { status } => format!("{status:?}"),
        _ => return None,
    })
}

/// What is worth a line of the end of an order.
fn ended(order: OrderId, outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Gate { verdict, reason, measures } => {
            let word = match verdict {
                GateVerdict::Passed => "passed",
                GateVerdict::Failed => "failed",
                GateVerdict::NotEvaluated => "not evaluated",
            };
            let counts = measures
                .tests
                .map_or(String::new(), |t| format!(", {} passed, {} failed", t.passed, t.failed));
            let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            let same = measures
                .reused_from
                .map_or(String::new(), |before| format!(", the tree that {before} judged"));
            let command = measures.command.join(" ");
            Some(format!("  gate {command} {word}{counts}{why} ({order}{same})"))
        }
        Outcome::Review(review) => {
            let blockers =
                review.findings.iter().filter(|f| f.severity == Severity::Blocker).count();
            match review.verdict {
                GateVerdict::Passed => None,
                GateVerdict::Failed => {
                    Some(format!("  review failed, {blockers} blockers ({order})"))
                }
                GateVerdict::NotEvaluated => {
                    Some(format!("  review not evaluated: {} ({order})", review.summary))
                }
            }
        }
        _ => None,
    }
}
