//! execution-coordinator.
pub mod agents;
pub mod breakdown;
pub mod cli;
pub mod config;
pub mod core;
pub mod engine;
pub mod escape;
pub mod failure;
pub mod frontend;
pub mod gates;
pub mod journal;
pub mod process;
pub mod render;
pub mod rpc;
pub mod view;
pub mod watch;
pub mod workspace;
