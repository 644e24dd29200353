//! How often a client is told how things stand: at once after a quiet time, so that it sees an event
//! when it happens; twice a second while they come in a flood, so that it is not flooded itself.
//!
//! The generic cell rate algorithm (ITU-T I.371): each word moves the time at which the next is due,
//! and a quiet time gives back a few that may come before theirs.

use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The pace of one kind of word to or from one client.
pub struct Pace {
    /// The time between two in the long run.
    every: Duration,
    /// The time between two in any case: what happens within it is told as one.
    apart: Duration,
    /// How far ahead of the long run they may come after a quiet time.
    ahead: Duration,
    /// When the last one came, and when the next is due.
    last: Option<(Instant, Instant)>,
}

impl Default for Pace {
    /// That of what is told: twelve at once, then two a second.
    fn default() -> Self {
        Self {
            every: Duration::from_millis(500),
            apart: Duration::from_millis(50),
            ahead: Duration::from_secs(6),
            last: None,
        }
    }
}

impl Pace {
    /// That of what a client may ask to be done: 200 at once, then 100 a second. Who sends more waits.
    pub fn of_commands() -> Self {
        Self {
            every: Duration::from_millis(10),
            apart: Duration::ZERO,
            ahead: Duration::from_secs(2),
            last: None,
        }
    }

    /// When the next may come that is ready now: now or later.
    pub fn next_at(&self, now: Instant) -> Instant {
        let Some((last, due)) = self.last else { return now };
        now.max(last + self.apart).max(due.checked_sub(self.ahead).unwrap_or(now))
    }

    /// Waits until the next may come, and counts it.
    pub async fn next(&mut self) {
        sleep_until(self.next_at(Instant::now())).await;
        self.count(Instant::now());
    }

    /// One is sent now.
    pub fn count(&mut self, now: Instant) {
        let due = self.last.map_or(now, |(_, due)| due.max(now));
        self.last = Some((now, due + self.every));
    }
}
