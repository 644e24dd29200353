//! The loop: inputs in batches → core → journal → view → orders carried out.
//!
//! Nothing else calls `decide`, `apply` or `advance`, or writes the journal. Read in the order of
//! the `mod` lines: where executions are, how one begins, who decides, who carries out, and what
//! a frontend holds on to.

pub mod clock;
pub mod coordinator;
pub mod daemon;
pub mod execute;
pub mod execution;
pub mod executor;
pub mod follow;
pub mod foreign;
pub mod kept;
pub mod listener;
pub mod locate;
pub mod output;
pub mod message;
pub mod owner;
pub mod people;
pub mod sources;
pub mod start;
pub mod texts;
pub mod worktrees;
pub mod write_back;
