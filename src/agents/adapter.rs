//! Coding agents that are driven by their command line and print lines of JSON: how one is started,
//! and what its stream says.
//!
//! A stream is believed as far as it can be checked: it counts only when its last event was seen, that
//! is no error, and nothing that was tried was denied. Exit codes say too little: of these programs
//! several end with 0 after a failure.

use super::conversation::Transport;
use crate::config::Agent;
use crate::config::definition::Definition;
use crate::core::brief::Brief;
use crate::core::outcome::{Shortage, ShortageKind, Usage, Verdict};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};

/// Longest line of a stream that is looked at.
const LINE_BYTES: u64 = 8 << 20;
/// Nobody waits longer.
const WEEK_MS: u64 = 7 * 86_400_000;
/// Longest instructions that are given as an argument: the system's limit on one is 128 KB, and they are
/// escaped in it.
const ARGUMENT_BYTES: usize = 48 * 1024;

/// What a client says that is not logged in, or whose key is not accepted.
const LOGIN: [&str; 14] = [
    "401 unauthorized",
    "status 401",
    "not logged in",
    "/login",
    "please log in",
    "login required",
    "authentication required",
    "authentication_error",
    "authentication failed",
    "invalid auth method",
    "invalid api key",
    "api key not valid",
    "incorrect api key",
    "no api key",
];
/// What a client says that is too old for its service.
const OUTDATED: [&str; 5] = [
    "upgrade required",
    "requires a newer version",
    "newer version of",
    "version is no longer supported",
    "unsupported client version",
];

/// What a stream has said so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamState {
    /// Its last event was seen.
    pub finished: bool,
    /// Why it did not succeed.
    pub failed: Option<String>,
    /// What it was not permitted to do.
    pub denied: Vec<String>,
    /// What it said last.
    pub text: String,
    /// What it used.
    pub usage: Usage,
    /// What its whole session used, attempts before this one included, where that is all that it tells.
    pub session_total: Usage,
    /// The turn that is ours, where turns have names.
    pub turn: Option<String>,
    /// The session in which it can be gone on with.
    pub session: Option<String>,
    /// Whether it came to nothing because its service could not be had.
    pub shortage: Option<Shortage>,
    /// When what is used up can be had again, in seconds since the Unix epoch.
    pub resets_at_s: Option<u64>,
}

/// One agent's way to be started and to tell what it does.
pub struct Adapter {
    /// Its program where the config names none.
    pub program: &'static str,
    /// The arguments after the program, with whether the system confines it.
    pub arguments: fn(&Agent, &Brief, bool) -> Vec<String>,
    /// Whether its arguments tell it what its definition says; where not, the brief does.
    pub tells: bool,
    /// Variables that it needs.
    pub environment: &'static [(&'static str, &'static str)],
    /// Learns from one event. Gives what it shows of real activity in a few words; nothing for retries,
    /// heartbeats and the like.
    pub parse_event: fn(&Value, &mut StreamState) -> Option<String>,
    /// Whether a line is real activity.
    pub is_activity: fn(&str) -> bool,
    /// How it is told its brief.
    pub transport: Transport,
    /// The exit codes by which it says that it is not logged in.
    pub not_logged_in: &'static [i32],
    /// Another way, for one that ends without having understood this.
    pub fallback: Option<&'static Adapter>,
}

/// The definition that an agent is told by its arguments: what is longer than an argument can be is in the
/// brief.
pub fn told<'a>(adapter: &Adapter, agent: &'a Agent) -> Option<&'a Definition> {
    agent
        .definition
        .as_deref()
        .filter(|definition| adapter.tells && definition.instructions.len() <= ARGUMENT_BYTES)
}

/// Whether an order may change files.
pub fn may_write(brief: &Brief) -> bool {
    matches!(brief.role.as_str(), "implementation" | "tests")
}

impl Adapter {
    /// Everything that a stream says.
    pub fn read(&self, stream: impl Read) -> StreamState {
        let mut stream_state = StreamState::default();
        let mut lines = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            match lines.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return stream_state,
                // What is no JSON is a warning of its runtime.
                Ok(_) => drop(
                    serde_json::from_slice(&line)
                        .ok()
                        .map(|event| (self.parse_event)(&event, &mut stream_state)),
                ),
            }
        }
    }

    /// What a line shows; nothing where it is no activity.
    pub fn shown(&self, line: &str) -> Option<String> {
        shown(self.parse_event, line)
    }
}

/// What a line shows in an adapter.
pub fn shown(
    parse_event: fn(&Value, &mut StreamState) -> Option<String>,
    line: &str,
) -> Option<String> {
    parse_event(&serde_json::from_str(line).ok()?, &mut StreamState::default())
}

impl StreamState {
    /// Why what it says can't count, with whether somebody is needed; none where it can.
    pub fn objection(&self, may_write: bool) -> Option<(Verdict, String)> {
        if let Some(why) = &self.failed {
            return Some((Verdict::Unknown, why.clone()));
        }
        // A reviewer that tried to change something was kept from it: that is as it should be.
        if may_write && !self.denied.is_empty() {
            let what = self.denied.join(", ");
            return Some((
                Verdict::Blocked,
                format!(
                    "it was not permitted: {what}; allow it in the agent's own settings or by `args`"
                ),
            ));
        }
        (!self.finished)
            .then(|| (Verdict::Unknown, "its stream ended before its last event".into()))
    }

    /// It failed, with the status of its service's answer where that is known.
    pub fn fails(&mut self, why: String, status: Option<u64>) {
        let said = why.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        let kind = match status {
            Some(402) => Some(ShortageKind::Quota),
            _ if says(&[
                "usage limit",
                "quota exceeded",
                "credit balance",
                "insufficient_quota",
            ]) =>
            {
                Some(ShortageKind::Quota)
            }
            Some(401) => Some(ShortageKind::Login),
            Some(426) => Some(ShortageKind::Outdated),
            _ if says(&LOGIN) => Some(ShortageKind::Login),
            _ if says(&OUTDATED) => Some(ShortageKind::Outdated),
            Some(429) => Some(ShortageKind::RateLimited),
            Some(503 | 529) => Some(ShortageKind::Overloaded),
            Some(_) => None,
            None if says(&["429", "rate limit", "too many requests"]) => {
                Some(ShortageKind::RateLimited)
            }
            None if says(&["503", "529", "overloaded", "high demand"]) => {
                Some(ShortageKind::Overloaded)
            }
            None => None,
        };
        if let Some(kind) = kind {
            self.shortage = Some(Shortage { kind, retry_after_ms: again_in(&said) });
            // "Usage limit reached|1735689600"
            let at = said
                .rsplit_once('|')
                .and_then(|(_, at)| at.trim().parse().ok())
                .filter(|at| *at > 1_000_000_000);
            self.resets_at_s = at.or(self.resets_at_s);
        }
        self.failed = Some(why);
    }

    /// How long until what is used up can be had again, at a time in seconds since the Unix epoch.
    pub fn retry_after(&mut self, now_s: u64) {
        let (Some(shortage), Some(at)) = (&mut self.shortage, self.resets_at_s) else { return };
        shortage.retry_after_ms = Some(at.saturating_sub(now_s).saturating_mul(1_000).min(WEEK_MS));
    }

    /// What this attempt used: of totals of a session that it went on with, what is new.
    pub fn spent(&self, resumed: Option<&str>, before: Usage) -> Usage {
        let before = if resumed.is_some() && resumed == self.session.as_deref() {
            before
        } else {
            Usage::default()
        };
        let tokens =
            self.session_total.tokens.map(|total| total.saturating_sub(before.tokens.unwrap_or(0)));
        let cost = self
            .session_total
            .cost_usd
            .map(|total| (total - before.cost_usd.unwrap_or(0.0)).max(0.0));
        Usage {
            tokens: self.usage.tokens.or(tokens),
            cost_usd: self.usage.cost_usd.or(cost),
            ..self.usage
        }
    }

    /// A call of a tool.
    pub fn called(&mut self) {
        self.usage.tool_calls = Some(self.usage.tool_calls.unwrap_or(0) + 1);
    }
}

/// The time in words such as "try again in 1h 20m", "retry after 30 seconds", "in 1.5s", in milliseconds.
fn again_in(said: &str) -> Option<u64> {
    let rest = ["again in ", "retry after ", "retry-after: ", "retry in "]
        .iter()
        .find_map(|words| Some(said.split_once(words)?.1))?;
    let mut words = rest.split_whitespace().take(8).peekable();
    let mut all_ms = None;
    while let Some(word) = words.next() {
        let digits = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
        let Ok(number) = word[..digits].parse::<f64>() else { break };
        let unit = if digits == word.len() {
            words.next_if(|word| word.starts_with(char::is_alphabetic)).unwrap_or("s")
        } else {
            &word[digits..]
        };
        let name = unit.trim_end_matches(|c: char| !c.is_alphabetic());
        let unit_ms = match name {
            "ms" | "milliseconds" => 1.0,
            "s" | "sec" | "second" | "seconds" => 1_000.0,
            "m" | "min" | "minute" | "minutes" => 60_000.0,
            "h" | "hour" | "hours" => 3_600_000.0,
            "d" | "day" | "days" => 86_400_000.0,
            _ => break,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "digits are no negative number, and a week is the most"
        )]
        let ms = (number * unit_ms).min(WEEK_MS as f64) as u64;
        all_ms = Some(all_ms.unwrap_or(0) + ms);
        if name.len() < unit.len() {
            // The sentence ends.
            break;
        }
    }
    all_ms
}

/// A field's text, shortened to a line.
pub fn line_of(value: &Value) -> String {
    let text = value.as_str().map_or_else(
        || if value.is_null() { String::new() } else { value.to_string() },
        str::to_owned,
    );
    text.lines().next().unwrap_or_default().chars().take(120).collect()
}
