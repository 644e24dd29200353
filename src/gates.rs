//! Carries out gates, and turns test and coverage output into measures.

pub mod command;
pub mod measure;
pub mod settings;
