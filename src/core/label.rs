//! A few words beside a task, a stream or a gate: short, and as wide at one moment as at the next
//! while something runs.

use super::event::{Mark, Step};
use super::outcome::GateVerdict;
use super::plan::Level;
use super::policy::GatePolicy;
use super::progress::{self, Counts};
use super::state::{GatePhase, Phase, State};
use super::status::{GateStatus, duration};
use super::steer;
use super::view::{Action, Appearance, GateStateName};
use crate::escape::{line, markdown};

/// The longest label, in characters: what editors show without cutting it off.
pub const MAX_CHARS: usize = 39;

/// A label and what more there is to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// The label.
    pub text: String,
    /// More, as lines of Markdown.
    pub more: Vec<String>,
    /// How it looks.
    pub look: Appearance,
    /// Whether it changes as time goes by.
    pub live: bool,
}

/// The looks, in the order of the editors' token modifiers.
pub const LOOKS: [Appearance; 6] = [
    Appearance::Waiting,
    Appearance::Running,
    Appearance::Done,
    Appearance::Failed,
    Appearance::Blocked,
    Appearance::Skipped,
];

/// A time of always the same width: ` 1m05s`.
pub fn clock(ms: u64) -> String {
    let (s, m, h) = (ms / 1_000, ms / 60_000, ms / 3_600_000);
    let text = if h >= 24 {
        format!("{}d{:02}h", h / 24, h % 24)
    } else if h > 0 {
        format!("{h}h{:02}m", m % 60)
    } else if m > 0 {
        format!("{m}m{:02}s", s % 60)
    } else {
        format!("{s}s")
    };
    format!("{text:>6}")
}

/// A text of so many characters at most.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Beside a task. `running` says whether a process is at work on the execution.
pub fn task(state: &State, ix: usize, now_ms: u64, running: bool) -> Label {
    let known = &state.tasks[ix];
    let id = &state.task(ix).id;
    let agent = known
        .open
        .iter()
        .filter_map(|order| state.orders.get(order))
        .find_map(|open| open.work.agent());
    let agent =
        agent.or(state.allocation[ix].agent.as_ref()).map(ToString::to_string).unwrap_or_default();
    let mut gates =
        known.gates.values().filter(|judged| judged.verdict == GateVerdict::Passed).count();
    let all_gates = state.task_checks(ix).count();
    gates = gates.min(all_gates);
    let of_gates =
        if all_gates > 0 { format!(" · {gates}/{all_gates} gates") } else { String::new() };
    let spent = known.started_at.map(|at| known.ended_at.unwrap_or(now_ms).saturating_sub(at));
    let first_line = |why: &str| why.lines().next().unwrap_or_default().to_owned();
    let mut live = false;
    let (look, text) = match &known.phase {
        Phase::Waiting if state.task(ix).broken.is_some() => {
            (Appearance::Blocked, "⊘ can't be scheduled".to_owned())
        }
        Phase::Waiting if state.dependencies_done(ix) => {
            (Appearance::Waiting, "○ ready".to_owned())
        }
        Phase::Waiting => {
            let waits = progress::waits_for(state, ix).join(", ");
            (Appearance::Waiting, format!("◌ waits for {waits}"))
        }
        Phase::Active(step) => match progress::waits_for_approval(state, ix) {
            Some(gate) => (Appearance::Blocked, format!("◈ approve {gate}?")),
            None if progress::offered(state, ix) => {
                (Appearance::Waiting, format!("◇ offered to {}", cut(&agent, MAX_CHARS - 14)))
            }
            None if !running => (
                Appearance::Blocked,
                format!("‖ stopped while {}", progress::state_name(state, ix)),
            ),
            None => {
                let agent = if matches!(step, Step::Gating | Step::Baseline | Step::ProvingRed) {
                    String::new()
                } else {
                    agent.clone()
                };
                let gates =
                    if all_gates > 0 { format!(" {gates}/{all_gates}") } else { String::new() };
                let width = MAX_CHARS - 20 - gates.chars().count();
                let word = progress::state_name(state, ix);
                live = true;
                let spent = clock(spent.unwrap_or(0));
                let agent = cut(&agent, width);
                (Appearance::Running, format!("● {word:<10} {spent} {agent:<width$}{gates}"))
            }
        },
        Phase::Done => {
            (Appearance::Done, format!("✔ done {}{of_gates}", duration(spent.unwrap_or(0))))
        }
        Phase::Marked(Mark::Done) => (Appearance::Done, "✔ done before".to_owned()),
        Phase::Marked(Mark::Skipped) | Phase::Skipped => {
            (Appearance::Skipped, "⤼ skipped".to_owned())
        }
        Phase::Marked(Mark::Deferred) => (Appearance::Skipped, "⤼ deferred".to_owned()),
        Phase::Failed(why) => (Appearance::Failed, format!("✘ failed: {}", first_line(why))),
        Phase::Blocked(why) => (Appearance::Blocked, format!("⊘ blocked: {}", first_line(why))),
    };
    let mut more = vec![format!("**Task {id}**: {}", progress::state_name(state, ix))];
    match &known.phase {
        Phase::Failed(why) | Phase::Blocked(why) => more.push(why.clone()),
        Phase::Waiting => more.extend(state.task(ix).broken.clone()),
        _ => {}
    }
    if !agent.is_empty() {
        more.push(format!("agent {agent}: {}", state.allocation[ix].reason));
    }
    if let Some(spent) = spent {
        more.push(format!(
            "{} attempts, {} rounds of rework, {}",
            known.attempts,
            known.rework,
            duration(spent)
        ));
    }
    let waits = progress::waits_for(state, ix);
    if !waits.is_empty() {
        more.push(format!("waits for {}", waits.join(", ")));
    }
    for gate in task_gate_status(state, ix) {
        more.push(
            format!("gate {}: {} {}", gate.id, gate.state, gate.reason).trim_end().to_owned(),
        );
    }
    more.extend(known.findings.iter().map(ToString::to_string));
    more.extend(known.said.iter().map(ToString::to_string));
    Label { look, text: cut(&line(&text), MAX_CHARS), more: markdown_lines(more), live }
}

/// None of them more than a line of Markdown, whatever is in it.
fn markdown_lines(more: Vec<String>) -> Vec<String> {
    more.iter().map(|text| markdown(text)).collect()
}

/// Beside a stream.
pub fn stream(state: &State, ix: usize, running: bool) -> Label {
    let counts: Counts = progress::count(state, progress::tasks_of_stream(state, ix));
    let (look, sign) = if counts.failed > 0 {
        (Appearance::Failed, "✘")
    } else if counts.done + counts.skipped == counts.total {
        (Appearance::Done, "✔")
    } else if counts.active > 0 && running {
        (Appearance::Running, "●")
    } else {
        (Appearance::Waiting, "○")
    };
    let word = if running { "running" } else { "stopped" };
    let active =
        if counts.active > 0 { format!(" · {} {word}", counts.active) } else { String::new() };
    let failed =
        if counts.failed > 0 { format!(" · {} failed", counts.failed) } else { String::new() };
    let text = format!("{sign} {}/{} done{active}{failed}", counts.done, counts.total);
    let mut more = vec![format!(
        "**{}**: {} %",
        progress::stream_label(state.plan.streams[ix].id.as_str()),
        counts.percent_with_active()
    )];
    if let Some((min, max)) = progress::remaining_ms(state).filter(|_| running) {
        more.push(format!("the whole: {}–{} to go", duration(min), duration(max)));
    }
    Label { look, text: cut(&line(&text), MAX_CHARS), more: markdown_lines(more), live: false }
}

/// Beside a gate of a stream, the system or the deployment.
pub fn gate(state: &State, ix: usize) -> Label {
    let known = &state.gate_states[ix];
    let id = &state.gates[ix].id;
    let (look, text, why) = match &known.phase {
        GatePhase::Pending if !known.open.is_empty() => {
            (Appearance::Running, "● being judged".to_owned(), String::new())
        }
        GatePhase::Pending => (Appearance::Waiting, "◇ pending".to_owned(), String::new()),
        GatePhase::Passed => (Appearance::Done, "✔ passed".to_owned(), String::new()),
        GatePhase::Failed(why) => (Appearance::Failed, format!("✘ failed: {why}"), why.clone()),
        GatePhase::Open(why) => (Appearance::Blocked, format!("◈ open: {why}"), why.clone()),
    };
    let mut more = vec![format!("**{id}**: {text}")];
    more.extend(Some(why).filter(|why| !why.is_empty()));
    if let Some(decision) = state.decisions.get(id) {
        let word = if decision.approved { "approved" } else { "rejected" };
        more.push(
            format!("{word} by {}: {}", decision.by, decision.reason)
                .trim_end_matches([':', ' '])
                .to_owned(),
        );
    }
    for (check, judged) in &known.results {
        more.push(
            format!(
                "`{check}`: {} {}",
                if judged.verdict == GateVerdict::Passed { "passed" } else { "not passed" },
                judged.reason
            )
            .trim_end()
            .to_owned(),
        );
    }
    Label {
        look,
        text: cut(&line(text.lines().next().unwrap_or_default()), MAX_CHARS),
        more: markdown_lines(more),
        live: false,
    }
}

/// How the gates of a task stand.
pub fn task_gate_status(state: &State, ix: usize) -> Vec<GateStatus> {
    let task = &state.tasks[ix];
    let waiting = progress::waits_for_approval(state, ix);
    let status = |gate: &GatePolicy| {
        let id = format!("{}@{}", gate.name, state.task(ix).id);
        let (word, reason) = match task.gates.get(&gate.name) {
            Some(judged) if gate.command => match judged.verdict {
                GateVerdict::Passed => (GateStateName::Passed, ""),
                GateVerdict::Failed => (GateStateName::Failed, judged.reason.as_str()),
                GateVerdict::NotEvaluated => (GateStateName::Open, judged.reason.as_str()),
            },
            _ if waiting.as_ref().is_some_and(|gate| gate.as_str() == id) => {
                (GateStateName::Open, "it waits for a person")
            }
            _ if gate.approval && !gate.command && task.phase == Phase::Done => {
                (GateStateName::Passed, "")
            }
            _ => (GateStateName::Pending, ""),
        };
        GateStatus { id, level: Level::Task, state: word, reason: reason.into() }
    };
    state.task_gates(ix).map(status).collect()
}

/// What makes sense to do with a task now.
pub fn task_actions(state: &State, ix: usize) -> Vec<Action> {
    let known = &state.tasks[ix];
    let mut actions = Vec::new();
    let has_output = known.attempts + known.test_attempts > 0 || !known.open.is_empty();
    if state.cancelled {
        return if has_output { vec![Action::Output] } else { actions };
    }
    if progress::waits_for_approval(state, ix).is_some() {
        actions.extend([Action::Approve, Action::Reject]);
    }
    if known.asked.is_some() {
        actions.push(Action::Answer);
    }
    if steer::can_be_said(state, &state.task(ix).id) {
        actions.push(Action::Steer);
    }
    if matches!(known.phase, Phase::Failed(_) | Phase::Blocked(_)) || known.phase == Phase::Done {
        actions.push(Action::Retry);
    }
    if !known.satisfied() && known.phase != Phase::Marked(Mark::Deferred) {
        actions.push(Action::Skip);
    }
    if has_output {
        actions.push(Action::Output);
    }
    actions
}

/// What makes sense to do with a gate now.
pub fn gate_actions(state: &State, ix: usize) -> Vec<Action> {
    match &state.gate_states[ix].phase {
        _ if state.cancelled => Vec::new(),
        // Judged again only where something judges it.
        GatePhase::Open(_) if state.gates[ix].checks.is_empty() => {
            vec![Action::Approve, Action::Reject]
        }
        GatePhase::Open(_) => vec![Action::Approve, Action::Reject, Action::Retry],
        GatePhase::Failed(_) => vec![Action::Retry],
        _ => Vec::new(),
    }
}

/// What makes sense to do with an execution now.
pub fn execution_actions(state: &State, running: bool) -> Vec<Action> {
    match state.ended {
        Some(_) => vec![Action::Run, Action::Report],
        None if state.paused => vec![Action::Resume, Action::Cancel, Action::Report],
        None if running => vec![Action::Pause, Action::Cancel, Action::Report],
        None => vec![Action::Run, Action::Cancel, Action::Report],
    }
}
