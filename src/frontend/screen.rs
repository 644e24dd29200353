//! A live screen in a terminal: streams and tasks as a tree, what they print, their times, and keys
//! to steer.
//!
//! It only shows what the state says and calls the methods that everybody calls. The terminal is
//! given back as it was, whatever happens: at the end, after a signal, after a panic.

pub mod draw;
pub mod model;

use crate::core::id::OrderId;
use crate::engine::clock::now_ms;
use crate::engine::execution::Execution;
use crate::engine::output::last_that_printed;
use crate::failure::Failure;
use crate::rpc::peer::Caller;
use crate::rpc::table::Table;
use model::{Act, Model, Row};
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often what is no event (times, output, whether there is an owner) is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Shows an execution until the user has seen enough or `over` says so.
///
/// # Errors
/// The terminal can't be used.
pub async fn run(
    table: Arc<Table>,
    caller: Caller,
    execution: Arc<Execution>,
    over: &mut mpsc::UnboundedReceiver<()>,
) -> Result<(), Failure> {
    let unusable = |error: std::io::Error| {
        Failure::usage(format!("the terminal can't be used: {error}: `status` prints once"))
    };
    // Sets the hook by which a panic gives the terminal back, too.
    let mut terminal = ratatui::try_init().map_err(unusable)?;
    let _restored = Restore;
    let mut keys = keys();
    let mut model = Model::default();
    let mut output = Output::default();
    let mut changes = caller.coordinator.changes();
    let mut look = tokio::time::interval(LOOK_EVERY);
    let (answers, mut answered) = mpsc::unbounded_channel();
    loop {
        let running = !execution.has_ended() && execution.owner().is_some();
        model.show(execution.state(), running, now_ms());
        model.output = output.output_of(&execution, &model);
        terminal.draw(|frame| draw::draw(frame, &mut model)).map_err(unusable)?;
        tokio::select! {
            key = keys.recv() => match key {
                Some(Event::Key(key)) if key.kind != KeyEventKind::Release => match model.press(key) {
                    Act::None => {}
                    Act::Quit => return Ok(()),
                    Act::Call(method, mut params) => {
                        params["execution"] = Value::from(execution.id.as_str());
                        let (call, answers) = (table.call(method, Some(params), caller.clone()), answers.clone());
                        tokio::spawn(async move { drop(answers.send(call.await)) });
                    }
                },
                Some(_) => {}
                // Nobody can press a key any more.
                None => return Ok(()),
            },
            Some(answer) = answered.recv() => model.said = answer.err().map_or("done".into(), |error| error.message),
            changed = changes.changed() => if changed.is_err() { return Ok(()) },
            _ = look.tick() => {
                // The system may not tell of every change.
                let looked = execution.clone();
                let _ = tokio::task::spawn_blocking(move || looked.refresh()).await;
            }
            _ = over.recv() => return Ok(()),
        }
    }
}

struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Keys and changes of size, read by a thread of their own: it ends with the process.
fn keys() -> mpsc::UnboundedReceiver<Event> {
    let (sender, keys) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    keys
}

/// What the selected row printed last.
#[derive(Default)]
struct Output {
    row: Option<(Row, u64)>,
    order: Option<OrderId>,
}

impl Output {
    fn output_of(&mut self, execution: &Execution, model: &Model) -> Option<(OrderId, String)> {
        let row = model.selected();
        let seq = model.state.seq;
        if self.row != row.map(|row| (row, seq)) {
            self.row = row.map(|row| (row, seq));
            self.order = row.and_then(|row| match row {
                Row::Stream(_) => None,
                Row::Task(ix) => {
                    let open = model.state.tasks[ix].open.iter().next_back().copied();
                    open.or_else(|| {
                        last_that_printed(&execution.dir, &model.state, &model.state.task(ix).id)
                    })
                }
                Row::Gate(ix) => {
                    let known = &model.state.gate_states[ix];
                    known
                        .open
                        .iter()
                        .copied()
                        .chain(known.results.values().map(|judged| judged.order))
                        .max()
                }
            });
        }
        self.order.map(|order| (order, execution.last_output(order)))
    }
}
