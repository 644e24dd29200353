//! The one process that decides for an execution.

use super::clock::Clock;
use super::executor::Executor;
use super::message::Message;
use super::texts::Texts;
use crate::core::decide::refusal;
use crate::core::dispatch;
use crate::core::event::{Event, Recorded};
use crate::core::input::Input;
use crate::core::state::State;
use crate::core::{note, turn};
use crate::journal::Journal;
use crate::view::View;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// How many inputs are taken as one batch.
const BATCH: usize = 256;
/// How long a stop waits for what is being stopped.
const STOP_TAKES: Duration = Duration::from_secs(30);

/// Decides, records, shows, carries out.
pub struct Owner {
    /// Everything that is true.
    pub state: State,
    /// Whether batches are acknowledged to somebody else as they come: then each is synced first.
    pub acknowledges: bool,
    /// What keeps the texts of plans that are accepted.
    pub texts: Option<Arc<Texts>>,
    journal: Journal,
    clock: Clock,
    view: Arc<View>,
    /// When the state was last looked at: what falls due after that still has to be waited for.
    turned_at: u64,
}

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// There is nothing left to do.
    AtRest,
    /// It was asked to stop; its state is kept.
    Suspended,
}

/// Told of each batch once it is recorded.
pub type Observer<'a> = dyn FnMut(&[Recorded], &State) -> io::Result<()> + 'a;

impl Owner {
    /// Takes up a journal and what was in it.
    pub fn new(journal: Journal, events: &[Recorded], view: Arc<View>) -> Self {
        let mut state = State::default();
        for event in events {
            state.apply(event);
        }
        view.publish(&state, events);
        let clock = Clock::after(state.now);
        Self { state, acknowledges: false, texts: None, journal, clock, view, turned_at: 0 }
    }

    /// What it writes.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Records what an input means, and leaves it to the next owner to go on from there.
    ///
    /// # Errors
    /// The journal can't be written.
    pub fn note(&mut self, input: Input) -> io::Result<Vec<Recorded>> {
        let batch = note(&mut self.state, input, self.clock.now_ms());
        self.journal.append(&batch)?;
        self.journal.sync()?;
        Ok(batch)
    }

    /// Records an input that ends the execution, with nobody at work: what a former owner left
    /// open is closed first.
    ///
    /// # Errors
    /// The journal can't be written.
    pub fn finish(&mut self, input: Input) -> io::Result<()> {
        let now_ms = self.clock.now_ms();
        let mut batch = note(&mut self.state, Input::Restarted(None), now_ms);
        batch.extend(turn(&mut self.state, input, now_ms));
        self.journal.append(&batch)?;
        self.journal.sync()
    }

    /// Runs until the execution is at rest, or until `suspend` is done.
    ///
    /// # Errors
    /// The journal can't be written, for example because the disk is full: then what is under
    /// way was stopped, and what was recorded is kept.
    pub async fn run(
        &mut self,
        first: Vec<Input>,
        mailbox: &mut mpsc::UnboundedReceiver<Message>,
        executor: &mut Executor,
        suspend: &mut mpsc::UnboundedReceiver<()>,
        observe: &mut Observer<'_>,
    ) -> io::Result<Stopped> {
        // What is new is taken in as a whole before anything is started by it.
        let mut posts: Vec<Message> = vec![Input::Tick.into()];
        let mut news = Vec::new();
        for input in first {
            news.extend(note(&mut self.state, input, self.clock.now_ms()));
        }
        self.record(&news, executor, observe)?;
        loop {
            if let Err(error) = self.batch(std::mem::take(&mut posts), executor, observe) {
                executor.stop_all();
                wait_until_idle(executor, suspend).await;
                return Err(error);
            }
            if self.state.ended.is_some() {
                self.journal.sync()?;
                return Ok(Stopped::AtRest);
            }
            let now_ms = self.clock.now_ms();
            let wake = dispatch::wakes_at(&self.state, self.turned_at)
                .map(|at| Duration::from_millis(at.saturating_sub(now_ms).max(1)));
            tokio::select! {
                biased;
                Some(()) = suspend.recv() => {
                    executor.stop_all();
                    wait_until_idle(executor, suspend).await;
                    self.journal.sync()?;
                    return Ok(Stopped::Suspended);
                }
                received = mailbox.recv() => {
                    posts.extend(received);
                    while posts.len() < BATCH {
                        let Ok(post) = mailbox.try_recv() else { break };
                        posts.push(post);
                    }
                }
                () = sleep(wake.unwrap_or(Duration::from_secs(3_600))) => posts.push(Input::Tick.into()),
            }
        }
    }

    /// One batch: everything is recorded before anything of it is carried out or shown.
    fn batch(
        &mut self,
        posts: Vec<Message>,
        executor: &mut Executor,
        observe: &mut Observer<'_>,
    ) -> io::Result<()> {
        let now_ms = self.clock.now_ms();
        self.turned_at = now_ms;
        let mut batch = Vec::new();
        let mut answers = Vec::new();
        for Message { input, answer } in posts {
            if let Some(answer) = answer {
                answers.push((answer, refusal(&self.state, &input)));
            }
            batch.extend(turn(&mut self.state, input, now_ms));
        }
        self.record(&batch, executor, observe)?;
        if !answers.is_empty() {
            self.journal.sync()?;
        }
        for (answer, refused) in answers {
            // Who asked may have left.
            let _ = answer.send(refused.map_or(Ok(self.state.seq), Err));
        }
        Ok(())
    }

    fn record(
        &mut self,
        batch: &[Recorded],
        executor: &mut Executor,
        observe: &mut Observer<'_>,
    ) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        for plan in batch.iter().filter_map(|recorded| {
            if let Event::PlanAccepted { plan } = &recorded.event { Some(plan) } else { None }
        }) {
            self.texts.iter().try_for_each(|texts| texts.keep(plan))?;
        }
        self.journal.append(batch)?;
        self.view.publish(&self.state, batch);
        executor.execute(&self.state, batch);
        if self.acknowledges {
            self.journal.sync()?;
        }
        observe(batch, &self.state)
    }
}

/// Waits until nothing that was started is left, or until it is asked a second time.
async fn wait_until_idle(executor: &Executor, suspend: &mut mpsc::UnboundedReceiver<()>) {
    let idle = async {
        while !executor.processes.idle() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        () = idle => {}
        Some(()) = suspend.recv() => {}
        () = sleep(STOP_TAKES) => {}
    }
}
