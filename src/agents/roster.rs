//! The roster: the agents of the config, and those that stand in the folders of coding agents. The config
//! wins; who is defined in two folders is the one whose program can be started here.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge that reads the folders of coding agents"
)]

use super::command::{can_start, program_of};
use crate::config::clients::{DefinitionFolder, Kept};
use crate::config::definition::Definition;
use crate::config::{
    Agent, AgentKind, Config, Definitions, LeftOut, OWN_NAME, SHELL, load as load_config,
};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest definition that is read.
const DEFINITION_BYTES: u64 = 256 * 1024;
/// Definitions of one folder that are read.
const DEFINITIONS: usize = 200;

/// Where coding clients define agents.
fn all_folders() -> impl Iterator<Item = (AgentKind, &'static DefinitionFolder)> {
    AgentKind::CLIENTS.into_iter().flat_map(|kind| {
        let folders = kind.client().into_iter().flat_map(|client| client.definitions);
        folders.map(move |folder| (kind, folder))
    })
}

/// The config of a workspace with the whole roster, and where the config was found.
///
/// # Errors
/// The config has a mistake. A definition with one is left out, and `Config::left_out` says why.
pub fn load(root: &Path, given: Option<&Path>) -> Result<(Config, Option<PathBuf>), String> {
    let (mut config, path) = load_config(root, given)?;
    join(&mut config, root);
    Ok((config, path))
}

/// Adds what is defined in folders to a config.
pub fn join(config: &mut Config, root: &Path) {
    let homes = || {
        all_folders().filter_map(|(kind, folder)| {
            Some((kind, home_of(folder.of_user.as_ref()?)?.join("agents")))
        })
    };
    let mut folders: Vec<(AgentKind, PathBuf)> =
        all_folders().map(|(kind, folder)| (kind, root.join(folder.in_workspace))).collect();
    match config.execution.definitions {
        Definitions::None => return,
        Definitions::Workspace => {}
        Definitions::User => folders.extend(homes()),
    }
    for (kind, folder) in folders {
        let files = files(&folder, kind);
        if files.len() > DEFINITIONS {
            let (name, why) = (
                format!("{} more", files.len() - DEFINITIONS),
                format!("no more than {DEFINITIONS} of a folder are read"),
            );
            config.left_out.push(LeftOut { name, kind, path: folder.clone(), why, missed: true });
        }
        for path in files.into_iter().take(DEFINITIONS) {
            add(config, root, kind, path);
        }
    }
    // Who is there after all is not missed.
    let agents = &config.agents;
    config.left_out.retain(|left| !left.missed || !agents.contains_key(&left.name));
}

/// The folders of a workspace in which definitions are looked for.
pub fn folders(config: &Config, root: &Path) -> Vec<PathBuf> {
    let is_read = config.execution.definitions != Definitions::None;
    all_folders().filter(|_| is_read).map(|(_, folder)| root.join(folder.in_workspace)).collect()
}

fn home_of(kept: &Kept) -> Option<PathBuf> {
    let given = Some(kept.variable)
        .filter(|variable| !variable.is_empty())
        .and_then(std::env::var_os)
        .map(PathBuf::from);
    given.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(kept.below_home)))
}

fn defines_in_toml(kind: AgentKind) -> bool {
    kind.client().is_some_and(|client| client.defines_in_toml)
}

fn files(folder: &Path, kind: AgentKind) -> Vec<PathBuf> {
    let ending = if defines_in_toml(kind) { "toml" } else { "md" };
    let entries =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|found| found == ending)).collect();
    files.sort();
    files
}

fn add(config: &mut Config, root: &Path, kind: AgentKind, path: PathBuf) {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let text = text_of(&path);
    // A page on how to use the others is missed by nobody.
    let missed = defines_in_toml(kind) || text.as_ref().is_ok_and(|text| text.starts_with("---"));
    let definition = match text.and_then(|text| Definition::parse(kind, &stem, path.clone(), &text))
    {
        Ok(definition) => definition,
        Err(why) => return config.left_out.push(LeftOut { name: stem, kind, path, why, missed }),
    };
    let name = definition.name.clone();
    let left_out = |why: String, missed| LeftOut {
        name: definition.name.clone(),
        kind,
        path: definition.path.clone(),
        why,
        missed,
    };
    if name == SHELL {
        return config
            .left_out
            .push(left_out(format!("`{SHELL}` is who runs the commands of tasks"), true));
    }
    if name.eq_ignore_ascii_case(OWN_NAME) {
        return config
            .left_out
            .push(left_out("it is this program, which never calls itself".into(), false));
    }
    if let Some(agent) = config.agents.get_mut(&name) {
        // The config says how it is run; what it is told of itself stands here.
        if let Some(other) = &agent.definition {
            let why = format!("another one of its name is in {}", other.path.display());
            return config.left_out.push(left_out_of(&definition, kind, why));
        }
        agent.definition = Some(Arc::new(definition));
        return;
    }
    let Some(role) = definition.role() else {
        return config
            .left_out
            .push(left_out("it plans, which is over before an execution begins".into(), false));
    };
    let mut agent = Agent::of_kind(kind);
    if let Some(why) = program_of(&agent).and_then(|program| can_start(program, root, config).err())
    {
        return config.left_out.push(left_out(why, true));
    }
    agent.skills = definition.skills(role);
    agent.model.clone_from(&definition.model);
    agent.definition = Some(Arc::new(definition));
    agent.defined_only = true;
    config.agents.insert(name, agent);
}

fn left_out_of(definition: &Definition, kind: AgentKind, why: String) -> LeftOut {
    LeftOut {
        name: definition.name.clone(),
        kind,
        path: definition.path.clone(),
        why,
        missed: false,
    }
}

/// What a file says; links are followed, because such folders are often links themselves.
fn text_of(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("it can't be read: {error}");
    if !path.metadata().map_err(failed)?.is_file() {
        return Err("it is no file".into());
    }
    let mut text = String::new();
    std::fs::File::open(path)
        .map_err(failed)?
        .take(DEFINITION_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > DEFINITION_BYTES {
        return Err(format!("it is larger than {} KB", DEFINITION_BYTES / 1024));
    }
    Ok(text)
}
