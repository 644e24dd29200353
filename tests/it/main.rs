//! All tests that need more than one function: one binary, so that it links once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, clippy::print_stderr, missing_docs)]

mod acp;
mod agents;
mod auditor;
mod breakdown;
mod briefs;
mod change;
mod claim;
mod cli;
mod client;
mod clients;
mod corpus;
mod crash;
mod daemon;
mod door;
mod editor;
mod house;
mod journal;
mod line;
mod load;
mod lsp;
mod mcp;
mod models;
mod pace;
mod places;
mod process;
mod roster;
mod sandbox;
mod says;
mod screen;
mod simulate;
mod streams;
mod support;
mod terminal;
mod together;
mod watch;
