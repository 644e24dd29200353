//! The only place where the time of day is read.
#![expect(clippy::disallowed_methods, reason = "this is where time comes in")]

use std::time::SystemTime;

/// A clock that never goes back.
#[derive(Debug, Default)]
pub struct Clock {
    last_ms: u64,
}

impl Clock {
    /// Continues after a moment that is on record already.
    pub fn after(last_ms: u64) -> Self {
        Self { last_ms }
    }

    /// Milliseconds since the Unix epoch.
    pub fn now_ms(&mut self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.last_ms = self.last_ms.max(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        self.last_ms
    }
}

/// The time now, for what is shown of something that goes on.
pub fn now_ms() -> u64 {
    Clock::default().now_ms()
}
