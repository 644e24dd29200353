//! What agents may change: those that do the work their place, those that look and advise nothing of it;
//! all of them temporary files, what their own program keeps, and the caches of package managers.

use super::dialect::may_write;
use crate::config::{Agent, Config, Kind, SandboxMode};
use crate::core::brief::Brief;
use crate::process::confine::{Confine, available};
use std::path::{Path, PathBuf};

/// Where something is kept: below a variable where that is set, below the home where not.
type Kept = (&'static str, &'static str, &'static str);

/// What coding agents keep for themselves.
const STATES: [(Kind, Kept); 9] = [
    (Kind::Claude, ("CLAUDE_CONFIG_DIR", "", ".claude")),
    (Kind::Claude, ("", "", ".claude.json")),
    (Kind::Claude, ("XDG_DATA_HOME", "claude", ".local/share/claude")),
    (Kind::Codex, ("CODEX_HOME", "", ".codex")),
    (Kind::Gemini, ("", "", ".gemini")),
    (Kind::Opencode, ("XDG_CONFIG_HOME", "opencode", ".config/opencode")),
    (Kind::Opencode, ("XDG_DATA_HOME", "opencode", ".local/share/opencode")),
    (Kind::Opencode, ("XDG_STATE_HOME", "opencode", ".local/state/opencode")),
    (Kind::Opencode, ("XDG_CACHE_HOME", "opencode", ".cache/opencode")),
];
/// What package managers and compilers keep.
const CACHES: [Kept; 18] = [
    ("XDG_CACHE_HOME", "", ".cache"),
    ("CARGO_HOME", "registry", ".cargo/registry"),
    ("CARGO_HOME", "git", ".cargo/git"),
    ("CARGO_HOME", ".package-cache", ".cargo/.package-cache"),
    ("npm_config_cache", "", ".npm"),
    ("GOPATH", "pkg", "go/pkg"),
    ("GRADLE_USER_HOME", "", ".gradle"),
    ("", "", ".m2"),
    ("MIX_HOME", "", ".mix"),
    ("HEX_HOME", "", ".hex"),
    ("", "", ".nuget"),
    ("XDG_DATA_HOME", "pnpm", ".local/share/pnpm"),
    ("", "", ".bun/install"),
    ("", "", ".yarn"),
    ("", "", ".gem"),
    ("", "", ".pub-cache"),
    ("", "", ".ivy2"),
    ("", "", ".sbt"),
];
/// Devices that anything may write to.
const DEVICES: [&str; 7] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/pts", "/dev/shm"];

/// Whether an agent is to be confined.
fn is_wanted(config: &Config, agent: &Agent) -> bool {
    let can = !matches!(agent.kind, Kind::Shell | Kind::Client);
    // A program of the user's own may be there for just what others may not.
    can && config.sandbox.mode != SandboxMode::Off && agent.sandbox.unwrap_or(agent.kind != Kind::Command)
}

/// Whether an agent is confined here.
pub fn applies(config: &Config, agent: &Agent) -> bool {
    is_wanted(config, agent) && available(false).is_ok()
}

/// Why agents that are to be confined can't be; nothing where they can, or none is.
///
/// # Errors
/// The same where the config requires it.
pub fn lacking(config: &Config) -> Result<Option<String>, String> {
    if !config.agents.values().any(|agent| is_wanted(config, agent)) {
        return Ok(None);
    }
    match available(config.sandbox.ports.is_some()) {
        Ok(()) => Ok(None),
        Err(why) if config.sandbox.mode == SandboxMode::Required => Err(format!("[sandbox] mode = \"required\": {why}")),
        // Without rules for ports the rest still holds, which is better than nothing, and not what was asked for.
        Err(why) => Ok(Some(why)),
    }
}

/// Where an order is carried out.
pub struct Place<'a> {
    /// The workspace.
    pub root: &'a Path,
    /// What of an attempt's place and of its repository is its own.
    pub own: Vec<PathBuf>,
    /// Where temporary files can be that nobody else sees.
    pub temporary: PathBuf,
}

/// What an order may change, with what has to be in its environment for that; nothing where it is not to be
/// confined, or can't be.
pub fn of(config: &Config, agent: &Agent, brief: &Brief, environment: &mut Vec<(String, String)>, place: Place<'_>) -> Option<Confine> {
    if !applies(config, agent) {
        return None;
    }
    let variable = |name: &str| {
        let found = environment.iter().rev().find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| PathBuf::from(value))
    };
    let home = variable("HOME").unwrap_or_default();
    let mut write: Vec<PathBuf> = DEVICES.iter().map(PathBuf::from).collect();
    if may_write(brief) {
        write.extend(place.own);
    }
    let kept = |(name, inside, folder): Kept| match variable(name) {
        Some(base) if inside.is_empty() => base,
        Some(base) => base.join(inside),
        None => home.join(folder),
    };
    // Who speaks ACP is one of these by another way, as far as its command says.
    let is_of = |kind: Kind| kind == agent.kind || agent.command.iter().any(|word| word.contains(kind.name()));
    for (_, state) in STATES.into_iter().filter(|(kind, _)| is_of(*kind)) {
        let state = kept(state);
        // The first time it is made by its program, which can't then.
        if state.extension().is_none() {
            drop(std::fs::create_dir_all(&state));
        }
        write.push(state);
    }
    // The first of them is where all others belong that are not named here.
    drop(std::fs::create_dir_all(kept(CACHES[0])));
    write.extend(CACHES.map(kept));
    write.extend(config.sandbox.write.iter().map(|path| match path.strip_prefix("~/") {
        Some(path) => home.join(path),
        None => place.root.join(path),
    }));
    let shared = [Some(PathBuf::from("/tmp")), Some(PathBuf::from("/var/tmp")), variable("TMPDIR")];
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (root, mut private) = (real(place.root), false);
    for folder in shared.into_iter().flatten() {
        // A workspace among temporary files is none itself.
        if root.starts_with(real(&folder)) { private = true } else { write.push(folder) }
    }
    if private && std::fs::create_dir_all(&place.temporary).is_ok() {
        environment.push(("TMPDIR".into(), place.temporary.display().to_string()));
        write.push(place.temporary);
    }
    Some(Confine { write, ports: config.sandbox.ports.clone() })
}
