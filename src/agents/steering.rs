//! What is said to an agent while it is at work.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use tokio::sync::{Mutex, mpsc};

/// Something that is to reach the agent.
#[derive(Clone, Debug, PartialEq)]
pub struct SteerMessage {
    /// The number of the event that says it.
    pub steered: u64,
    /// What.
    pub text: String,
}

/// The messages to the agent of one order. What has not reached it when this is dropped never will, and that is told.
pub struct Steering {
    messages: Mutex<mpsc::UnboundedReceiver<SteerMessage>>,
    /// Those on their way.
    open: std::sync::Mutex<BTreeSet<u64>>,
    told: Box<dyn Fn(u64, Result<(), String>) + Send + Sync>,
}

impl Steering {
    /// Takes them from a channel; `told` hears of each whether it has reached the agent.
    pub fn new(
        messages: mpsc::UnboundedReceiver<SteerMessage>,
        told: impl Fn(u64, Result<(), String>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            messages: Mutex::new(messages),
            open: std::sync::Mutex::default(),
            told: Box::new(told),
        }
    }

    /// The next one; waits until there is one.
    pub async fn next(&self) -> SteerMessage {
        match self.messages.lock().await.recv().await {
            Some(message) => {
                self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(message.steered);
                message
            }
            None => std::future::pending().await,
        }
    }

    /// One has reached the agent, or not.
    pub fn ended(&self, steered: u64, outcome: Result<(), String>) {
        if self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&steered) {
            (self.told)(steered, outcome);
        }
    }
}

impl Drop for Steering {
    fn drop(&mut self) {
        let mut left = std::mem::take(self.open.get_mut().unwrap_or_else(PoisonError::into_inner));
        while let Ok(message) = self.messages.get_mut().try_recv() {
            left.insert(message.steered);
        }
        left.into_iter().for_each(|steered| (self.told)(steered, Err("its turn was over".into())));
    }
}
