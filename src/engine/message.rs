//! What the loop of an owner is told.

use crate::core::input::Input;
use tokio::sync::oneshot;

/// Something for the loop: an input, and who waits to hear what became of it.
pub struct Message {
    /// What happened.
    pub input: Input,
    /// Told the number of the last event once it is on disk, or why it was refused.
    pub answer: Option<oneshot::Sender<Result<u64, String>>>,
}

impl From<Input> for Message {
    fn from(input: Input) -> Self {
        Self { input, answer: None }
    }
}
