//! An attempt by an agent, at the tests or at the work: when it is ordered, and what follows from how it ended.

use super::{Turn, preparing};
use crate::core::dispatch::has_room_for_attempt;
use crate::core::event::{Event, Step, Work};
use crate::core::evidence;
use crate::core::id::AgentName;
use crate::core::order::blocker;
use crate::core::outcome::{AgentOutcome, Ending, Usage, Verdict};
use crate::core::policy::AgentPolicy;
use crate::core::state::TaskState;
use crate::core::throttle;

pub(super) fn next(turn: &Turn<'_>, step: Step) -> Vec<Event> {
    let allocation = &turn.state.allocation[turn.ix];
    let tests = step == Step::WritingTests;
    let agent = if tests { &allocation.tester } else { &allocation.agent };
    let Some(agent) = agent.clone() else {
        return turn.block(format!("no agent: {}", allocation.reason));
    };
    let agent = if turn.task.last.is_none() {
        throttle::substitute(turn.state, &agent, turn.now_ms)
    } else {
        agent
    };
    match &turn.task.last {
        None => {
            let refused = throttle::broken(turn.state, &agent)
                .or_else(|| throttle::spent(turn.state, turn.ix, &agent));
            if let Some(why) = refused.filter(|_| turn.task.open.is_empty()) {
                return turn.block(why);
            }
            // A try that came to nothing has left its worktree to be looked at.
            if let Some(events) = preparing::prepare(turn) {
                return events;
            }
            let room = has_room_for_attempt(turn.state, &agent, turn.now_ms);
            if !turn.task.open.is_empty() || !room {
                return Vec::new();
            }
            let task = turn.id();
            turn.order(if tests {
                Work::Tests { task, agent, attempt: turn.task.test_attempts + 1 }
            } else {
                Work::Implementation { task, agent, attempt: turn.task.attempts + 1 }
            })
        }
        Some(outcome) if outcome.complete() => look_at_changes(turn, step, &agent, outcome),
        Some(outcome) => did_not_work(turn, &agent, outcome),
    }
}

/// What says that it is complete, and has changed nothing that can be committed, goes back once.
fn look_at_changes(
    turn: &Turn<'_>,
    step: Step,
    agent: &AgentName,
    outcome: &AgentOutcome,
) -> Vec<Event> {
    let Some(missing) = evidence::missing(turn.task, outcome) else {
        return turn.enter_after(step);
    };
    let was_told = evidence::was_told(turn.task);
    if was_told || turn.task.rework_round >= turn.state.policy.max_rework {
        // Where there is no round left in which it could say so once more, it has said so.
        if !was_told && outcome.accounted == Some(true) {
            return turn.enter_after(step);
        }
        let told = if was_told { ", and it was told so" } else { "" };
        let open = turn.task.findings.iter().find(|finding| finding.by != evidence::CHANGES);
        let open = open.map_or(String::new(), |finding| format!("; still open: {}", finding.text));
        return turn.fail(format!("{agent} says that it is complete, but {missing}{told}{open}"));
    }
    let asked = "do what is missing, where git keeps it; or say `No changes needed`, and why, or name the files that git is to ignore";
    let findings = [blocker(evidence::CHANGES, &format!("{missing}: {asked}"))]
        .into_iter()
        .chain(turn.task.findings.clone());
    turn.rework(step, findings.collect())
}

fn did_not_work(turn: &Turn<'_>, agent: &AgentName, outcome: &AgentOutcome) -> Vec<Event> {
    if let Some(shortage) = &outcome.shortage {
        return turn.wait_for_agent(agent, shortage);
    }
    let shell = turn.state.policy.agent(agent).is_some_and(AgentPolicy::runs_the_task);
    let said =
        if outcome.reason.is_empty() { String::new() } else { format!(": {}", outcome.reason) };
    let why = match &outcome.ending {
        Ending::Exited(0) => match outcome.verdict {
            Verdict::Blocked => format!("{agent} is blocked{said}"),
            Verdict::Failed => format!("{agent} failed{said}"),
            _ => format!("{agent} did not say that it is complete{said}"),
        },
        ending => format!("{agent} {ending}{said}"),
    };
    // A crash, a time-out or a missing answer may be better next time; a command that says
    // no, or a program that is not there, will not.
    let may_help = match &outcome.ending {
        Ending::Signaled(_) | Ending::Lost | Ending::Stopped => true,
        Ending::TimedOut | Ending::Idle => !shell,
        Ending::Exited(_) => !shell && outcome.verdict == Verdict::Unknown,
        Ending::DidNotStart(_) | Ending::OutputLimit => false,
    };
    if may_help && turn.task.tries + 1 < turn.state.policy.max_attempts {
        return turn.postpone(why);
    }
    match &outcome.ending {
        _ if outcome.asks() => turn.ask(why),
        Ending::DidNotStart(_) => turn.block(why),
        _ if outcome.verdict == Verdict::Blocked => turn.block(why),
        _ => turn.fail(why),
    }
}

/// A try came to nothing.
pub(super) fn came_to_nothing(task: &mut TaskState, outcome: &AgentOutcome) {
    task.has_leftovers |= task.worktree.is_none() && !outcome.files.is_empty();
    if outcome.asks() {
        // Once it is answered, it goes on here.
        if outcome.session != task.session {
            (task.session, task.session_used) = (outcome.session.clone(), outcome.usage);
        }
    } else if outcome.shortage.is_none() {
        leave_worktree(task);
    }
}

/// What it left half done is not where the next one begins.
pub(super) fn was_lost(task: &mut TaskState) {
    task.has_leftovers |= task.worktree.is_none();
    leave_worktree(task);
}

/// The next try begins elsewhere, with what was finished before.
fn leave_worktree(task: &mut TaskState) {
    task.worktree = None;
    task.answered = false;
    (task.session, task.session_used) = (None, Usage::default());
}
