//! An event as a line: `{"seq":…,"at":…,"event":…,"crc":"…"}`.
//!
//! The checksum is CRC-32 over the line up to `,"crc"`, started with the checksum of the line
//! before, so that a line that is missing or in another place is noticed too.

use crate::core::event::Recorded;
use std::io::{self, Write};

/// `,"crc":"00000000"}`.
const TAIL: usize = 18;

/// Adds a line for an event; gives the checksum with which the next one starts.
///
/// # Errors
/// The event can't be written as JSON, which no event of ours is.
pub fn encode(event: &Recorded, chain: u32, out: &mut Vec<u8>) -> io::Result<u32> {
    let start = out.len();
    serde_json::to_writer(&mut *out, event)?;
    out.pop();
    let crc = checksum(&out[start..], chain);
    writeln!(out, ",\"crc\":\"{crc:08x}\"}}")?;
    Ok(crc)
}

/// Why a line is not read.
#[derive(Debug)]
pub enum Unread {
    /// It is not what was written, and why.
    Damaged(String),
    /// It is, and this version has no word for it.
    Unknown(String),
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged(why) => f.write_str(why),
            Self::Unknown(why) => write!(f, "written by a newer version: {why}"),
        }
    }
}

/// Reads a line without its end.
///
/// # Errors
/// What is wrong with it.
pub fn decode(line: &[u8], chain: u32) -> Result<(Recorded, u32), Unread> {
    let damaged = |why: &str| Unread::Damaged(why.to_owned());
    let Some(split) = line.len().checked_sub(TAIL) else { return Err(damaged("it is too short")) };
    let (body, tail) = line.split_at(split);
    let digits = tail.strip_prefix(b",\"crc\":\"").and_then(|rest| rest.strip_suffix(b"\"}"));
    // As it is written and in no other way: a capital would be a byte that was changed.
    let digits =
        digits.filter(|digits| digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    let said = digits
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let Some(said) = said else { return Err(damaged("it has no checksum")) };
    let crc = checksum(body, chain);
    if crc != said {
        return Err(damaged("its checksum does not fit"));
    }
    let mut text = Vec::with_capacity(body.len() + 1);
    text.extend_from_slice(body);
    text.push(b'}');
    let event =
        serde_json::from_slice(&text).map_err(|error| Unread::Unknown(error.to_string()))?;
    Ok((event, crc))
}

/// A line without its checksum and the end of its JSON, which is not looked at.
///
/// # Errors
/// It is too short.
pub fn body(mut line: Vec<u8>) -> io::Result<Vec<u8>> {
    let split = line.len().checked_sub(TAIL).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "a line of the journal is too short")
    })?;
    line.truncate(split);
    Ok(line)
}

fn checksum(body: &[u8], chain: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(chain);
    hasher.update(body);
    hasher.finalize()
}
