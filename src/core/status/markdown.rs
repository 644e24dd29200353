//! The status in the layout of the mission's two examples.

use super::{AgentStatus, Quality, StatusReport, StreamStatus, duration, number};
use crate::core::policy::Role;
use crate::core::progress::stream_label;
use crate::core::view::{ExecutionState, GateStateName, StreamStateName, TaskStateName, Timeline};
use crate::escape::{self, markdown};
use std::fmt::Write as _;

const DONE: &str = "✅";
const FAILED: &str = "❌";
const LEFT_OUT: &str = "⏭️";
const AT_WORK: &str = "🔄";
const WAITS: &str = "⏸️";

const fn mark_of_task(state: TaskStateName) -> &'static str {
    use TaskStateName::{
        Blocked, Consulting, Deferred, Done, Failed, Gating, Merging, Offered, Postponed,
        Preparing, Ready, Reviewing, Running, Skipped, Testing, Waiting,
    };
    match state {
        Done => DONE,
        Failed => FAILED,
        Skipped | Deferred => LEFT_OUT,
        Running | Offered | Testing | Gating | Reviewing | Consulting | Preparing => AT_WORK,
        Waiting | Ready | Postponed | Merging | Blocked => WAITS,
    }
}

const fn mark_of_stream(state: StreamStateName) -> &'static str {
    match state {
        StreamStateName::Complete => DONE,
        StreamStateName::Failed => FAILED,
        StreamStateName::InProgress => AT_WORK,
        StreamStateName::Ready | StreamStateName::Blocked => WAITS,
    }
}

const fn mark_of_gate(state: GateStateName) -> &'static str {
    match state {
        GateStateName::Passed => DONE,
        GateStateName::Failed => FAILED,
        GateStateName::Pending | GateStateName::Open => WAITS,
    }
}

impl StatusReport {
    /// The same with what no journal says: whether a process is at work on it.
    pub fn owned(mut self, is_owned: bool) -> Self {
        if self.state == ExecutionState::Running && !is_owned {
            self.state = ExecutionState::NotRunning;
            self.next_actions
                .insert(0, "Go on: no process owns it; `resume` or `run` takes it up".into());
        }
        self
    }

    /// As Markdown: the short layout for a small breakdown, the long one for others.
    pub fn markdown(&self) -> String {
        if self.streams.len() <= 2 && self.overview.total_tasks <= 5 {
            self.short()
        } else {
            self.long()
        }
    }

    /// On one line.
    pub fn line(&self) -> String {
        let overview = &self.overview;
        format!(
            "{}: {}, {}/{} tasks, {} %, gates {}/{}, {}",
            escape::line(&self.topic),
            self.state,
            overview.done_tasks,
            overview.total_tasks,
            overview.percent,
            self.quality.gates_passed,
            self.quality.gates_total,
            overview.timeline
        )
    }

    fn names(&self) -> String {
        self.streams.iter().map(|stream| stream.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn short(&self) -> String {
        let mut out =
            format!("# {} Execution Status\n\n## Execution Overview\n\n", markdown(&self.topic));
        let overview = &self.overview;
        line(&mut out, &format!("Total Tasks: {}", overview.total_tasks));
        line(&mut out, &format!("Streams: {} ({})", self.streams.len(), self.names()));
        line(&mut out, &format!("Progress: {}% complete", overview.percent));
        line(&mut out, &format!("Timeline: {}", overview.timeline));
        out.push_str("\n## Stream Status\n");
        for stream in &self.streams {
            stream.head(&mut out);
        }
        out.push_str("\n## Quality Status\n\n");
        line(&mut out, &format!("TDD Compliance: {}", self.quality.tests_first_text()));
        line(&mut out, &format!("Review Status: {}", self.quality.reviews_text()));
        let gates = self.streams.iter().filter(|stream| !stream.gates.is_empty()).map(|stream| {
            let passed = stream.gates.iter().all(|gate| gate.state == GateStateName::Passed);
            format!("{} {}", stream_label(&stream.id), if passed { "passed" } else { "pending" })
        });
        let gates: Vec<String> = gates.collect();
        line(
            &mut out,
            &format!(
                "Quality Gates: {}",
                if gates.is_empty() { self.quality.gates_text() } else { gates.join(", ") }
            ),
        );
        self.next(&mut out, "Next Actions", false);
        out
    }

    fn long(&self) -> String {
        let mut out =
            format!("# {} Execution Status\n\n## Execution Overview\n\n", markdown(&self.topic));
        let overview = &self.overview;
        line(
            &mut out,
            &format!("Total Tasks: {} across {} streams", overview.total_tasks, self.streams.len()),
        );
        line(&mut out, &format!("Parallel Streams: {} ({})", self.streams.len(), self.names()));
        line(
            &mut out,
            &format!(
                "Progress: {}% complete ({}/{} tasks done)",
                overview.percent, overview.done_tasks, overview.total_tasks
            ),
        );
        let holder =
            self.risk.bottleneck.as_ref().and_then(|id| {
                self.streams.iter().find(|s| s.tasks.iter().any(|task| task.id == *id))
            });
        let critical =
            holder.map_or("done".to_owned(), |s| format!("{} ({})", stream_label(&s.id), s.name));
        line(
            &mut out,
            &format!("Critical Path: {critical} - {}", overview.timeline.name().to_lowercase()),
        );
        out.push_str("\n## Stream Status\n");
        for stream in &self.streams {
            stream.head(&mut out);
            stream.details(&mut out);
        }
        out.push_str("\n## Agent Coordination Status\n\n");
        self.long_agents(&mut out);
        out.push_str("\n## Quality Assurance Status\n\n");
        self.long_quality(&mut out);
        out.push_str("\n## Critical Path Analysis\n\n");
        self.long_critical_path(&mut out);
        out.push_str("\n## Deliverable Status\n\n");
        for deliverable in &self.deliverables {
            line(&mut out, &format!("{}: {}", deliverable.name, deliverable.state));
        }
        self.next(&mut out, "Next Coordination Actions", true);
        out
    }

    fn long_agents(&self, out: &mut String) {
        for agent in self.agents.iter().filter(|agent| agent.role != Role::Reviewer) {
            line(out, &format!("{}: {}", agent.name, agent.text()));
        }
        let reviewers: Vec<_> =
            self.agents.iter().filter(|agent| agent.role == Role::Reviewer).collect();
        if !reviewers.is_empty() {
            let active = reviewers.iter().any(|agent| !agent.active_on.is_empty());
            let text = if active {
                "Continuous validation active".to_owned()
            } else {
                format!(
                    "{} of {} reviews passed",
                    self.quality.reviews_passed, self.quality.reviews_total
                )
            };
            line(out, &format!("Review agents: {text}"));
        }
    }

    fn long_quality(&self, out: &mut String) {
        line(out, &format!("TDD/BDD Compliance: {}", self.quality.tests_first_text()));
        line(
            out,
            &format!(
                "Test Coverage: {}",
                self.quality
                    .coverage_pct
                    .map_or("not measured".into(), |pct| format!("{}%", number(pct)))
            ),
        );
        let passed: Vec<&str> = self
            .streams
            .iter()
            .filter(|s| {
                !s.gates.is_empty()
                    && s.gates.iter().all(|gate| gate.state == GateStateName::Passed)
            })
            .map(|s| s.id.as_str())
            .collect();
        let of = if passed.is_empty() {
            String::new()
        } else {
            format!(" (Streams {})", passed.join(", "))
        };
        line(
            out,
            &format!(
                "Quality Gates Passed: {}/{}{of}",
                self.quality.gates_passed, self.quality.gates_total
            ),
        );
        line(out, &format!("Continuous Reviews: {}", self.quality.reviews_text()));
    }

    fn long_critical_path(&self, out: &mut String) {
        let bottleneck = self.risk.bottleneck.as_ref().map(|id| {
            let title = self
                .streams
                .iter()
                .flat_map(|s| &s.tasks)
                .find(|task| task.id == *id)
                .map_or("", |task| task.title.as_str());
            format!("Task {id} ({title})")
        });
        line(out, &format!("Current bottleneck: {}", bottleneck.unwrap_or_else(|| "None".into())));
        let impact = match (self.overview.remaining_min_ms, self.overview.remaining_max_ms) {
            _ if self.overview.timeline == Timeline::HeldUp => {
                "Waiting tasks rest until it is resolved".to_owned()
            }
            (Some(min), Some(max)) => {
                format!("None ({} to {} to go)", duration(min), duration(max))
            }
            _ => "None".to_owned(),
        };
        line(out, &format!("Timeline Impact: {impact}"));
        let why = self.risk.risks.first().map_or(String::new(), |risk| format!(" ({risk})"));
        line(out, &format!("Risk Level: {}{why}", self.risk.level));
    }

    fn next(&self, out: &mut String, title: &str, numbered: bool) {
        let _ = write!(out, "\n## {title}\n\n");
        if self.next_actions.is_empty() {
            line(out, "None: the execution has ended");
        }
        for (ix, action) in self.next_actions.iter().enumerate() {
            if numbered {
                let _ = writeln!(out, "{}. {}", ix + 1, markdown(action));
            } else {
                line(out, action);
            }
        }
    }
}

impl StreamStatus {
    fn head(&self, out: &mut String) {
        let words = match self.state {
            StreamStateName::Complete => "Complete",
            StreamStateName::InProgress => "In Progress",
            StreamStateName::Failed => "Failed",
            StreamStateName::Blocked => "Blocked",
            StreamStateName::Ready => "Ready",
        };
        let label = if self.id.is_empty() || self.id == self.name {
            self.name.clone()
        } else {
            format!("{}: {}", stream_label(&self.id), self.name)
        };
        let _ =
            write!(out, "\n### {} ({words} {})\n\n", markdown(&label), mark_of_stream(self.state));
        let has_begun = self.tasks.iter().any(|task| task.state.has_begun());
        for task in &self.tasks {
            let waits_inside = has_begun && task.held_up_by.is_none() && !task.waits_for.is_empty();
            let sign = if waits_inside { "🔄" } else { mark_of_task(task.state) };
            line(out, &format!("Task {}: {} {sign} ({})", task.id, task.title, task.note));
        }
    }

    fn details(&self, out: &mut String) {
        if !self.depends_on.is_empty() {
            line(out, &format!("Dependencies: {}", self.depends_on.join(", ")));
        }
        if !self.agents.is_empty() {
            line(out, &format!("Agent: {}", self.agents.join(" + ")));
        }
        for gate in &self.gates {
            let why =
                if gate.reason.is_empty() { String::new() } else { format!(" ({})", gate.reason) };
            line(
                out,
                &format!("Quality: {} {} {}{why}", gate.id, gate.state, mark_of_gate(gate.state)),
            );
        }
        match self.state {
            StreamStateName::InProgress => {
                line(out, &format!("Status: {}% complete, proceeding normally", self.percent))
            }
            StreamStateName::Failed => {
                line(out, &format!("Status: {}% complete, held up", self.percent))
            }
            StreamStateName::Blocked => {
                let held = self.tasks.iter().find_map(|task| task.held_up_by.as_ref());
                let waits = self.tasks.iter().find(|task| !task.waits_for.is_empty());
                let status = match (held, waits) {
                    (Some(what), _) => format!("held up by {what}"),
                    (None, Some(task)) => {
                        format!("Awaiting {} completion", task.waits_for.join(", "))
                    }
                    (None, None) => "Awaiting its dependencies' completion".into(),
                };
                line(out, &format!("Status: {status}"));
            }
            StreamStateName::Ready | StreamStateName::Complete => {}
        }
    }
}

impl AgentStatus {
    fn text(&self) -> String {
        match (self.active_on.is_empty(), self.orders) {
            (false, _) => format!("Active on {}", self.active_on.join(", ")),
            (true, 0) => "Available".into(),
            (true, n) => format!("Available ({n} done, busy {})", duration(self.busy_ms)),
        }
    }
}

impl Quality {
    /// Tests first as a percentage, or that it was not measured.
    pub fn tests_first_text(&self) -> String {
        match self.tests_first_asked {
            0 => "not measured".into(),
            asked => {
                let percent = self.tests_first_seen * 100 / asked;
                let of = if percent == 100 {
                    "all tasks follow test-first".to_owned()
                } else {
                    format!("{} of {asked} tasks", self.tests_first_seen)
                };
                format!("{percent}% ({of})")
            }
        }
    }

    fn reviews_text(&self) -> String {
        match (self.reviews_total, self.reviews_total - self.reviews_passed) {
            (0, _) => "none yet".into(),
            (_, 0) => "All passing".into(),
            (total, open) => format!("{open} of {total} not passing"),
        }
    }

    fn gates_text(&self) -> String {
        if self.gates_total == 0 {
            "none defined".into()
        } else {
            format!("{} of {} passed", self.gates_passed, self.gates_total)
        }
    }
}

/// A line of a list.
fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "- {}", markdown(text));
}
