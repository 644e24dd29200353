//! Carries out attempts, consultations and reviews, and turns what agents say into typed results.

pub mod answer;
pub mod command;
pub mod prompt;
pub mod verdict;
