//! All tests that need more than one function: one binary, so that it links once.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod auditor;
mod corpus;
mod simulate;
