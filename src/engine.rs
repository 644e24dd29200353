//! The loop: inputs in batches → core → journal → view → orders carried out.
//!
//! Nothing else calls `decide`, `apply` or `advance`, or writes the journal.

pub mod clock;
pub mod carry;
pub mod owner;
