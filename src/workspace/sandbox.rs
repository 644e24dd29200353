//! What agents and gates may change: those that do the work, and gates, their worktree; those that look and advise
//! nothing of it; all of them temporary files, what their own client keeps, and the caches of package managers.

use crate::config::{Agent, AgentKind, Config, Gate, SandboxMode};
use crate::process::confine::{Confine, available};
use crate::process::find_program;
use std::path::{Path, PathBuf};

/// Where something is kept: below a variable where that is set, below the home where not.
type Kept = (&'static str, &'static str, &'static str);

/// What coding agents keep for themselves: sessions, and the settings among them.
const STATES: [(AgentKind, Kept); 8] = [
    (AgentKind::Claude, ("CLAUDE_CONFIG_DIR", "", ".claude")),
    (AgentKind::Claude, ("", "", ".claude.json")),
    (AgentKind::Codex, ("CODEX_HOME", "", ".codex")),
    (AgentKind::Gemini, ("", "", ".gemini")),
    (AgentKind::Opencode, ("XDG_CONFIG_HOME", "opencode", ".config/opencode")),
    (AgentKind::Opencode, ("XDG_DATA_HOME", "opencode", ".local/share/opencode")),
    (AgentKind::Opencode, ("XDG_STATE_HOME", "opencode", ".local/state/opencode")),
    (AgentKind::Opencode, ("XDG_CACHE_HOME", "opencode", ".cache/opencode")),
];
/// What package managers and compilers keep, each with its program: downloads, and nothing that is run by itself.
const CACHES: [(&str, Kept); 14] = [
    ("", ("XDG_CACHE_HOME", "", ".cache")),
    ("cargo", ("CARGO_HOME", "registry", ".cargo/registry")),
    ("cargo", ("CARGO_HOME", "git", ".cargo/git")),
    ("npm", ("npm_config_cache", "", ".npm")),
    ("go", ("GOPATH", "pkg", "go/pkg")),
    ("gradle", ("GRADLE_USER_HOME", "caches", ".gradle/caches")),
    ("gradle", ("GRADLE_USER_HOME", "daemon", ".gradle/daemon")),
    ("mvn", ("", "", ".m2/repository")),
    ("mix", ("HEX_HOME", "packages", ".hex/packages")),
    ("dotnet", ("NUGET_PACKAGES", "", ".nuget/packages")),
    ("pnpm", ("XDG_DATA_HOME", "pnpm/store", ".local/share/pnpm/store")),
    ("bun", ("", "", ".bun/install/cache")),
    ("yarn", ("", "", ".yarn/berry/cache")),
    ("dart", ("PUB_CACHE", "hosted", ".pub-cache/hosted")),
];
/// Where terminals are: those that a program makes, and those of the user, where what is written is shown, or obeyed. Who
/// needs some is given it by `[sandbox] write`.
const TERMINALS: &str = "/dev/pts";
/// Those that can't run a command without a terminal.
const NEEDS_TERMINALS: [AgentKind; 1] = [AgentKind::Gemini];
/// Devices that anything may write to.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/ptmx", "/dev/shm"];

/// Whether an agent is to be confined. Programs of the user's own may be there for just what others may not,
/// and what one that speaks ACP keeps is only known of those that are known.
fn is_wanted(config: &Config, agent: &Agent) -> bool {
    let can = !matches!(agent.kind, AgentKind::Shell | AgentKind::Client);
    let by_itself = match agent.kind {
        AgentKind::Acp => STATES.iter().any(|(kind, _)| is_of(agent, *kind)),
        kind => kind != AgentKind::Command,
    };
    can && config.sandbox.mode != SandboxMode::Off && agent.sandbox.unwrap_or(by_itself)
}

/// Whether an agent is one of a kind, also by another way, as far as its command says.
fn is_of(agent: &Agent, kind: AgentKind) -> bool {
    let named = |word: &String| {
        Path::new(word).file_name().is_some_and(|name| name.to_string_lossy().contains(kind.name()))
    };
    kind == agent.kind || agent.command.iter().any(named)
}

/// Whether an agent is confined here.
pub fn applies(config: &Config, agent: &Agent) -> bool {
    is_wanted(config, agent) && available(false).is_ok()
}

/// Whether a gate is confined here: it runs what confined agents have written.
pub fn applies_to_gate(config: &Config, gate: &Gate) -> bool {
    config.sandbox.mode != SandboxMode::Off
        && gate.sandbox.unwrap_or_else(|| any_is_wanted(config))
        && available(false).is_ok()
}

/// Whether the setup of worktrees is confined here, which runs the same.
pub fn applies_to_setup(config: &Config) -> bool {
    any_is_wanted(config) && available(false).is_ok()
}

fn any_is_wanted(config: &Config) -> bool {
    config.agents.values().any(|agent| is_wanted(config, agent))
}

/// Why agents that are to be confined can't be; nothing where they can, or none is.
///
/// # Errors
/// The same where the config requires it.
pub fn lacking(config: &Config) -> Result<Option<String>, String> {
    if !any_is_wanted(config) {
        return Ok(None);
    }
    match available(config.sandbox.ports.is_some()) {
        Ok(()) => Ok(None),
        Err(why) if config.sandbox.mode == SandboxMode::Required => {
            Err(format!("[sandbox] mode = \"required\": {why}"))
        }
        // Without rules for ports the rest still holds, which is better than nothing, and not what was asked for.
        Err(why) => Ok(Some(why)),
    }
}

/// Where something is carried out.
pub struct Writable<'a> {
    /// The workspace.
    pub root: &'a Path,
    /// What of a worktree and of its repository may be written.
    pub own: Vec<PathBuf>,
    /// Where temporary files can be that nobody else sees.
    pub temporary: PathBuf,
}

/// What may be changed from a place, with what has to be in the environment for that; the agent is none for a gate.
pub fn confinement(
    config: &Config,
    agent: Option<&Agent>,
    environment: &mut Vec<(String, String)>,
    place: Writable<'_>,
) -> Confine {
    let variable = |name: &str| {
        let found =
            environment.iter().rev().find(|(known, value)| known == name && value.starts_with('/'));
        found.map(|(_, value)| PathBuf::from(value))
    };
    let home = variable("HOME");
    let kept = |(name, inside, folder): Kept| match variable(name) {
        Some(base) if inside.is_empty() => Some(base),
        Some(base) => Some(base.join(inside)),
        None => home.as_ref().map(|home| home.join(folder)),
    };
    let mut write: Vec<PathBuf> = DEVICES.iter().map(PathBuf::from).collect();
    write.extend(place.own);
    write.extend(
        agent
            .filter(|agent| NEEDS_TERMINALS.iter().any(|kind| is_of(agent, *kind)))
            .map(|_| PathBuf::from(TERMINALS)),
    );
    // The first time they are made by their programs, which can't then.
    let states = STATES
        .into_iter()
        .filter(|(kind, _)| agent.is_some_and(|agent| is_of(agent, *kind)))
        .filter_map(|(_, state)| kept(state));
    let has = |program: &str| program.is_empty() || find_program(program, &[], environment).is_ok();
    let caches =
        CACHES.into_iter().filter(|(program, _)| has(program)).filter_map(|(_, cache)| kept(cache));
    let wanted = config.sandbox.write.iter().filter_map(|path| match path.strip_prefix('~') {
        Some(path) => home.as_ref().map(|home| home.join(path.trim_start_matches('/'))),
        None => Some(place.root.join(path)),
    });
    for path in states.chain(caches).chain(wanted) {
        if path.extension().is_none() {
            drop(make(&path));
        }
        write.push(path);
    }
    let shared = [Some(PathBuf::from("/tmp")), Some(PathBuf::from("/var/tmp")), variable("TMPDIR")];
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (root, mut private) = (real(place.root), false);
    for folder in shared.into_iter().flatten() {
        // A workspace among temporary files is none itself.
        if root.starts_with(real(&folder)) { private = true } else { write.push(folder) }
    }
    if private && make(&place.temporary).is_ok() {
        environment.push(("TMPDIR".into(), place.temporary.display().to_string()));
        write.push(place.temporary);
    }
    // Of what is in another one, a link could be made that leads elsewhere: that is no rule of its own.
    let all = write.clone();
    write.retain(|path| !all.iter().any(|other| path != other && path.starts_with(other)));
    write.sort();
    write.dedup();
    Confine { write, ports: config.sandbox.ports.clone() }
}

fn make(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}
