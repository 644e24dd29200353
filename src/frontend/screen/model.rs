//! What is shown and what keys do: no terminal, no clock.

use crate::core::id::OrderId;
use crate::core::label::{execution_actions, gate_actions, task_actions};
use crate::core::progress;
use crate::core::state::State;
use crate::core::view::Action;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A line of the tree, by its place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// A stream.
    Stream(usize),
    /// A task.
    Task(usize),
    /// A gate of a stream, the system or the deployment.
    Gate(usize),
}

/// What a key leads to outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Nothing.
    None,
    /// The user has seen enough.
    Quit,
    /// A method is to be called.
    Call(&'static str, Value),
}

/// What the lower part shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Panel {
    /// What there is to know of the selected row.
    #[default]
    Details,
    /// What it printed last.
    Output,
    /// What the keys do.
    Help,
}

/// Everything that is on the screen.
#[derive(Default)]
pub struct Model {
    /// The execution.
    pub state: Arc<State>,
    /// Whether a process is at work on it.
    pub running: bool,
    /// The time, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// The tree's lines.
    pub rows: Vec<Row>,
    /// The selected line.
    pub at: usize,
    /// The first line that is visible.
    pub top: usize,
    /// How many lines are visible.
    pub visible: usize,
    /// What the lower part shows.
    pub panel: Panel,
    /// Whether times are shown as bars.
    pub bars: bool,
    /// What the selected row printed last.
    pub output: Option<(OrderId, String)>,
    /// What became of the last key.
    pub said: String,
    folded: BTreeSet<usize>,
    asks_to_cancel: bool,
}

impl Model {
    /// Shows how things stand now.
    pub fn show(&mut self, state: Arc<State>, running: bool, now_ms: u64) {
        (self.state, self.running, self.now_ms) = (state, running, now_ms);
        let selected = self.selected();
        self.rows = self.all_rows();
        let again = selected.and_then(|row| self.rows.iter().position(|known| *known == row));
        self.at = again.unwrap_or(self.at).min(self.rows.len().saturating_sub(1));
    }

    fn all_rows(&self) -> Vec<Row> {
        let state = &self.state;
        let alone =
            (0..state.tasks.len()).filter(|&ix| state.task(ix).stream.is_none()).map(Row::Task);
        let mut rows: Vec<Row> = alone.collect();
        for (ix, stream) in state.plan.streams.iter().enumerate() {
            rows.push(Row::Stream(ix));
            if !self.folded.contains(&ix) {
                rows.extend(progress::tasks_of_stream(state, ix).map(Row::Task));
            }
            let closes = |gate: &usize| state.gates[*gate].streams.last() == Some(&stream.id);
            rows.extend((0..state.gates.len()).filter(closes).map(Row::Gate));
        }
        rows.extend(
            (0..state.gates.len())
                .filter(|gate| state.gates[*gate].streams.is_empty())
                .map(Row::Gate),
        );
        rows
    }

    /// The selected line.
    pub fn selected(&self) -> Option<Row> {
        self.rows.get(self.at).copied()
    }

    /// Whether a stream's tasks are hidden.
    pub fn is_folded(&self, stream: usize) -> bool {
        self.folded.contains(&stream)
    }

    /// What a key does.
    pub fn press(&mut self, key: KeyEvent) -> Act {
        self.said.clear();
        let asked = std::mem::take(&mut self.asks_to_cancel);
        let page = self.visible.max(1);
        let last = self.rows.len().saturating_sub(1);
        match key.code {
            KeyCode::Char('y') if asked => return Act::Call("execution/cancel", json!({})),
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                return Act::Quit;
            }
            KeyCode::Char('q') | KeyCode::Esc => return Act::Quit,
            KeyCode::Up | KeyCode::Char('k') => self.at = self.at.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.at = (self.at + 1).min(last),
            KeyCode::PageUp => self.at = self.at.saturating_sub(page),
            KeyCode::PageDown => self.at = (self.at + page).min(last),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = last,
            KeyCode::Enter | KeyCode::Char(' ') => self.fold(),
            KeyCode::Char('o') => {
                self.panel =
                    if self.panel == Panel::Output { Panel::Details } else { Panel::Output }
            }
            KeyCode::Char('?') => {
                self.panel = if self.panel == Panel::Help { Panel::Details } else { Panel::Help }
            }
            KeyCode::Char('t') => self.bars = !self.bars,
            KeyCode::Char('p') => return self.pause_or_go_on(),
            KeyCode::Char('c') => {
                if execution_actions(&self.state, self.running).contains(&Action::Cancel) {
                    self.asks_to_cancel = true;
                    self.said = "cancel the whole execution? y: yes".into();
                } else {
                    self.said = "it has ended: there is nothing to cancel".into();
                }
            }
            KeyCode::Char('r') => return self.of_one(Action::Retry, "task/retry"),
            KeyCode::Char('s') => return self.of_one(Action::Skip, "task/skip"),
            KeyCode::Char('a') => return self.of_one(Action::Approve, "gate/approve"),
            KeyCode::Char('x') => return self.of_one(Action::Reject, "gate/reject"),
            _ => {}
        }
        Act::None
    }

    fn fold(&mut self) {
        if let Some(Row::Stream(ix)) = self.selected()
            && !self.folded.remove(&ix)
        {
            self.folded.insert(ix);
        }
    }

    /// Pauses what runs; lets go on what was paused, or what nobody is at work on any more.
    fn pause_or_go_on(&mut self) -> Act {
        let possible = execution_actions(&self.state, self.running);
        if possible.contains(&Action::Pause) {
            Act::Call("execution/pause", json!({}))
        } else if self.state.ended.is_none() {
            Act::Call("execution/resume", json!({}))
        } else {
            self.said = "it is not running: there is nothing to pause".into();
            Act::None
        }
    }

    /// Something about the selected line, where that makes sense now.
    fn of_one(&mut self, action: Action, method: &'static str) -> Act {
        let state = &self.state;
        let waits = |ix| progress::waits_for_approval(state, ix).map(|gate| gate.to_string());
        let (possible, name, gate) = match self.selected() {
            Some(Row::Task(ix)) => {
                (task_actions(state, ix), state.task(ix).id.to_string(), waits(ix))
            }
            Some(Row::Gate(ix)) => (
                gate_actions(state, ix),
                state.gates[ix].id.to_string(),
                Some(state.gates[ix].id.to_string()),
            ),
            Some(Row::Stream(_)) | None => (Vec::new(), String::new(), None),
        };
        if !possible.contains(&action) {
            self.said = format!("there is nothing to {action} here now");
            return Act::None;
        }
        match gate.filter(|_| method.starts_with("gate/")) {
            Some(gate) => Act::Call(method, json!({"gate": gate, "by": "terminal"})),
            None => Act::Call(method, json!({"task": name})),
        }
    }
}
