//! One file for each coding agent. The list of them is in [`super::adapter`].

pub mod acp;
pub mod app_server;
pub mod claude;
pub mod codex;
pub mod gemini;
pub mod opencode;
