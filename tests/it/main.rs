//! All tests that need more than one function: one binary, so that it links once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::too_many_lines,
    missing_docs
)]

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
mod companions;
mod corpus;
mod crash;
mod daemon;
mod dispatch;
mod editor;
mod evidence;
mod foreign;
mod formats;
mod hold;
mod house;
mod journal;
mod kinds;
mod lies;
mod line;
mod listener;
mod load;
mod log;
mod lsp;
mod mcp;
mod models;
mod modules;
mod mutations;
mod oddities;
mod output;
mod ownership;
mod pace;
mod people;
mod pipes;
mod places;
mod process;
mod reading;
mod references;
mod roster;
// Of what only Linux has.
#[cfg(target_os = "linux")]
mod sandbox;
mod says;
mod screen;
mod shapes;
mod simulate;
mod status;
mod streams;
mod support;
mod terminal;
mod together;
mod variants;
mod watch;
