//! The loop: inputs in batches → core → journal → view → orders carried out.
//!
//! Nothing else calls `decide`, `apply` or `advance`, or writes the journal. Read in the order of
//! the `mod` lines: where executions are, how one begins, who decides, who carries out, and what
//! a face holds on to.

pub mod carry;
pub mod clock;
pub mod coordinator;
pub mod daemon;
pub mod door;
pub mod execute;
pub mod execution;
pub mod follow;
pub mod foreign;
pub mod kept;
pub mod locate;
pub mod output;
pub mod owner;
pub mod people;
pub mod places;
pub mod sources;
pub mod start;
pub mod texts;
pub mod write_back;
