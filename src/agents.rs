//! Carries out attempts, consultations and reviews, and turns what agents say into typed results.
//! Coding agents have a file each; what they have in common is in `adapter`.

pub mod adapter;
pub mod adapters;
pub mod answer;
pub mod command;
pub mod conversation;
pub mod line;
pub mod prompt;
pub mod roster;
pub mod scripts;
pub mod steering;
pub mod verdict;
