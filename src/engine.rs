//! The loop: inputs in batches → core → journal → view → orders carried out.
//!
//! Nothing else calls `decide`, `apply` or `advance`, or writes the journal.

pub mod carry;
pub mod clock;
pub mod owner;
