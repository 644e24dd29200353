//! One file for each coding agent. This is the list of them.

pub mod acp;
pub mod app_server;
pub mod claude;
pub mod codex;
pub mod gemini;
pub mod opencode;

use super::adapter::Adapter;
use crate::config::AgentKind;

/// The adapter of a kind of agent; none where it has none.
pub fn adapter_for(kind: AgentKind) -> Option<&'static Adapter> {
    Some(match kind {
        AgentKind::Claude => &claude::ADAPTER,
        AgentKind::Codex => &app_server::ADAPTER,
        AgentKind::Gemini => &gemini::ADAPTER,
        AgentKind::Opencode => &opencode::ADAPTER,
        AgentKind::Acp => &acp::ADAPTER,
        AgentKind::Shell | AgentKind::Command | AgentKind::Client => return None,
    })
}
