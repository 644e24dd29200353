//! The Language Server Protocol: what an editor is shown of a breakdown, and of its execution
//! while it runs. See <https://microsoft.github.io/language-server-protocol/>, version 3.17.
//!
//! Read in the order of the `mod` lines: how messages come in, what is known of the client and
//! its texts, then one module for each kind of thing that is shown.

pub mod actions;
pub mod capabilities;
pub mod commands;
pub mod completion;
pub mod connection;
pub mod documents;
pub mod fixes;
pub mod frame;
pub mod live;
pub mod names;
pub mod position;
pub mod problems;
pub mod server;
pub mod session;
pub mod snapshot;
pub mod status;
pub mod structure;
