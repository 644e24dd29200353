//! How often a client is told how things stand: at once after a quiet time, so that it sees an event
//! when it happens; twice a second while they come in a flood, so that it is not flooded itself.
//!
//! The generic cell rate algorithm (ITU-T I.371): each word moves the time at which the next is due,
//! and a quiet time gives back a few that may come before theirs.

use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The time between two in the long run.
const EVERY: Duration = Duration::from_millis(500);
/// The time between two in any case: what happens within it is told as one.
const APART: Duration = Duration::from_millis(50);
/// How far ahead of the long run they may come after a quiet time: twelve of them.
const AHEAD: Duration = Duration::from_secs(6);

/// The pace of one kind of word to one client.
#[derive(Default)]
pub struct Pace {
    last: Option<(Instant, Instant)>,
}

impl Pace {
    /// When the next may come that is ready now: now or later.
    pub fn next_at(&self, now: Instant) -> Instant {
        let Some((last, due)) = self.last else { return now };
        now.max(last + APART).max(due.checked_sub(AHEAD).unwrap_or(now))
    }

    /// Waits until the next may come, and counts it.
    pub async fn next(&mut self) {
        sleep_until(self.next_at(Instant::now())).await;
        self.count(Instant::now());
    }

    /// One is sent now.
    pub fn count(&mut self, now: Instant) {
        let due = self.last.map_or(now, |(_, due)| due.max(now));
        self.last = Some((now, due + EVERY));
    }
}
