//! execution-coordinator.
pub mod core;
pub mod breakdown;
