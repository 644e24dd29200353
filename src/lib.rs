//! execution-coordinator.
pub mod core;
pub mod breakdown;
pub mod journal;
pub mod process;
pub mod config;
pub mod workspace;
pub mod agents;
pub mod gates;
pub mod view;
pub mod watch;
pub mod engine;
pub mod rpc;
pub mod render;
pub mod cli;
