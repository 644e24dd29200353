//! Carries out attempts, consultations and reviews, and turns what agents say into typed results.
//! Coding agents have a file each; what they have in common is in `adapter`.

pub mod acp;
pub mod adapter;
pub mod answer;
pub mod app_server;
pub mod claude;
pub mod codex;
pub mod command;
pub mod conversation;
pub mod gemini;
pub mod line;
pub mod opencode;
pub mod prompt;
pub mod roster;
pub mod scripts;
pub mod steering;
pub mod verdict;
