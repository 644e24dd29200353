//! What agents and gates may change: those that do the work, and gates, their worktree; those that look and advise
//! nothing of it; all of them temporary files, what their own client keeps, and the caches of package managers.

use crate::config::clients::{CodingClient, Kept};
use crate::config::{Agent, AgentKind, Config, Gate, SandboxMode};
use crate::process::confine::{Confine, available};
use crate::process::find_program;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What package managers and compilers keep, each with its program: downloads, and nothing that is run by itself.
const CACHES: [(&str, Kept); 14] = [
    ("", Kept::at("XDG_CACHE_HOME", "", ".cache")),
    ("cargo", Kept::at("CARGO_HOME", "registry", ".cargo/registry")),
    ("cargo", Kept::at("CARGO_HOME", "git", ".cargo/git")),
    ("npm", Kept::at("npm_config_cache", "", ".npm")),
    ("go", Kept::at("GOPATH", "pkg", "go/pkg")),
    ("gradle", Kept::at("GRADLE_USER_HOME", "caches", ".gradle/caches")),
    ("gradle", Kept::at("GRADLE_USER_HOME", "daemon", ".gradle/daemon")),
    ("mvn", Kept::at("", "", ".m2/repository")),
    ("mix", Kept::at("HEX_HOME", "packages", ".hex/packages")),
    ("dotnet", Kept::at("NUGET_PACKAGES", "", ".nuget/packages")),
    ("pnpm", Kept::at("XDG_DATA_HOME", "pnpm/store", ".local/share/pnpm/store")),
    ("bun", Kept::at("", "", ".bun/install/cache")),
    ("yarn", Kept::at("", "", ".yarn/berry/cache")),
    ("dart", Kept::at("PUB_CACHE", "hosted", ".pub-cache/hosted")),
];
/// Where terminals are: those that a program makes, and those of the user, where what is written is shown, or obeyed. Who
/// needs some is given it by `[sandbox] write`.
const TERMINALS: &str = "/dev/pts";
/// Devices that anything may write to.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/ptmx", "/dev/shm"];

/// Whether an agent is to be confined. Programs of the user's own may be there for just what others may not,
/// and what one that speaks ACP keeps is only known of those that are known.
fn is_wanted(config: &Config, agent: &Agent) -> bool {
    let can = !matches!(agent.kind, AgentKind::Shell | AgentKind::Client);
    let by_itself = match agent.kind {
        AgentKind::Acp => clients(agent).next().is_some(),
        kind => kind != AgentKind::Command,
    };
    can && config.sandbox.mode != SandboxMode::Off && agent.sandbox.unwrap_or(by_itself)
}

/// The coding clients that an agent is, as far as its kind and its command say.
fn clients(agent: &Agent) -> impl Iterator<Item = &'static CodingClient> {
    let named = |name: &str| {
        let has = |program: &OsStr| program.to_string_lossy().contains(name);
        agent.command.iter().any(|word| Path::new(word).file_name().is_some_and(has))
    };
    let is = move |kind: &AgentKind| *kind == agent.kind || named(kind.name());
    AgentKind::CLIENTS.into_iter().filter(is).filter_map(AgentKind::client)
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
    let kept = |kept: &Kept| match variable(kept.variable) {
        Some(base) if kept.inside.is_empty() => Some(base),
        Some(base) => Some(base.join(kept.inside)),
        None => home.as_ref().map(|home| home.join(kept.below_home)),
    };
    let mut write: Vec<PathBuf> = DEVICES.iter().map(PathBuf::from).collect();
    write.extend(place.own);
    let clients: Vec<_> = agent.into_iter().flat_map(clients).collect();
    if clients.iter().any(|client| client.needs_terminals) {
        write.push(PathBuf::from(TERMINALS));
    }
    // The first time they are made by their programs, which can't then.
    let states = clients.iter().flat_map(|client| client.states).filter_map(kept);
    let has = |program: &str| program.is_empty() || find_program(program, &[], environment).is_ok();
    let caches =
        CACHES.iter().filter(|(program, _)| has(program)).filter_map(|(_, cache)| kept(cache));
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
