//! An agent as the files of a coding agent define it: front matter and instructions, read without being
//! strict, because many are written by hand and their own programs read them so too; and its role and
//! skills, guessed from what is written.

use super::AgentKind;
use crate::core::policy::Role;
use saphyr::{LoadableYamlNode, Yaml};
use std::path::PathBuf;

/// What one file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definition {
    /// The agent's name.
    pub name: String,
    /// When it is to be used.
    pub description: String,
    /// What it is told of itself.
    pub instructions: String,
    /// Its tools; all when empty.
    pub tools: Vec<String>,
    /// Its model.
    pub model: Option<String>,
    /// Whether it says itself that it changes nothing.
    pub read_only: bool,
    /// Where it stands.
    pub path: PathBuf,
}

/// Words of names that say what an agent is, and not what it knows.
const RANKS: [&str; 8] =
    ["agent", "expert", "specialist", "pro", "advisor", "consultant", "senior", "master"];
/// What a reviewer may be there for alone, and what makes a specialist of one who does the work. All other
/// reviewers look at everything, and all others who do work are asked by their names.
const TECHNOLOGIES: &str = "elixir erlang phoenix ash liveview rust python django flask typescript javascript node react vue angular svelte go golang lua neovim \
    java kotlin spring swift ios android flutter dart csharp dotnet c cpp ruby rails php laravel scala haskell clojure zig shell bash sql postgres \
    terraform kubernetes docker ansible css html graphql solidity logseq chezmoi";
/// Titles of return blocks, and whose they are; none for those whose work is over before an execution
/// begins.
const RETURNS: [(&str, Option<Role>); 17] = [
    ("planning complete", None),
    ("breakdown complete", None),
    ("orchestration complete", None),
    ("coordination complete", None),
    ("architectural analysis", Some(Role::Expert)),
    ("expertise provided", Some(Role::Expert)),
    ("research complete", Some(Role::Expert)),
    ("test development", Some(Role::Tester)),
    ("implementation summary", Some(Role::Executor)),
    ("implementation complete", Some(Role::Executor)),
    ("test fix", Some(Role::Executor)),
    ("documentation created", Some(Role::Executor)),
    ("review complete", Some(Role::Reviewer)),
    ("review summary", Some(Role::Reviewer)),
    ("review blocked", Some(Role::Reviewer)),
    ("analysis complete", Some(Role::Reviewer)),
    ("code quality analysis", Some(Role::Reviewer)),
];
/// Longest front matter that is read as YAML.
const FRONT_BYTES: usize = 32 * 1024;
/// Tools with which files can be changed.
const WRITING_TOOLS: [&str; 5] = ["Write", "Edit", "MultiEdit", "NotebookEdit", "Bash"];

impl Definition {
    /// Reads one file's text; `stem` is its name without the ending.
    ///
    /// # Errors
    /// A sentence: it defines no agent that could be started here.
    pub fn parse(kind: AgentKind, stem: &str, path: PathBuf, text: &str) -> Result<Self, String> {
        let client = kind.client();
        let mut definition = if client.is_some_and(|client| client.defines_in_toml) {
            Self::of_toml(text)?
        } else {
            Self::of_markdown(text)?
        };
        definition.path = path;
        if definition.name.is_empty() || client.is_some_and(|client| client.defined_by_file) {
            stem.clone_into(&mut definition.name);
        }
        let odd = |c: char| {
            c.is_control()
                || matches!(c, '/' | '"' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        if definition.name.chars().count() > 64
            || definition.name.chars().any(odd)
            || definition.name.starts_with('-')
        {
            return Err("its name is too long, or has signs in it that names don't have".into());
        }
        // A model is an argument of a program.
        definition.model = definition.model.filter(|model| !model.starts_with('-'));
        if definition.instructions.trim().is_empty() {
            return Err("it says nothing to the agent".into());
        }
        Ok(definition)
    }

    fn of_toml(text: &str) -> Result<Self, String> {
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| format!("its TOML is wrong: {}", error.message()))?;
        let word = |key: &str| table.get(key).and_then(toml::Value::as_str).map(str::to_owned);
        Ok(Self {
            name: word("name").unwrap_or_default(),
            description: word("description").unwrap_or_default(),
            instructions: word("developer_instructions").unwrap_or_default(),
            model: word("model"),
            read_only: word("sandbox_mode").as_deref() == Some("read-only"),
            ..Self::default()
        })
    }

    fn of_markdown(text: &str) -> Result<Self, String> {
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let rest = text.strip_prefix("---\n").ok_or("it has no front matter")?;
        let (front, body) = rest.split_once("\n---").ok_or("its front matter has no end")?;
        let body = body.split_once('\n').map_or("", |(_, body)| body);
        let front = Front::read(front);
        if front.word("kind").as_deref() == Some("remote") {
            return Err("it is run elsewhere".into());
        }
        if front.word("disable").as_deref() == Some("true") {
            return Err("it is disabled".into());
        }
        let tools = front.list("tools");
        let denied = |tool: &str| {
            front.at("permission", tool).as_deref() == Some("deny")
                || front.at("tools", tool).as_deref() == Some("false")
        };
        let only_reads = !tools.is_empty()
            && !tools.iter().any(|tool| {
                WRITING_TOOLS.contains(&tool.split('(').next().unwrap_or_default().trim())
            });
        Ok(Self {
            name: front.word("name").unwrap_or_default(),
            description: front.word("description").unwrap_or_default(),
            instructions: body.trim().to_owned(),
            model: front.word("model").filter(|model| model != "inherit"),
            read_only: only_reads || denied("edit") || denied("write"),
            tools,
            ..Self::default()
        })
    }

    /// What it is for: by the return format that it is asked for, its name, what it may do. None for one
    /// that plans: its work is over before an execution begins.
    pub fn role(&self) -> Option<Role> {
        if let Some(role) = self.returns() {
            return role;
        }
        let name = self.name.to_lowercase();
        if ["planner", "orchestrator", "coordinator", "breakdown"]
            .iter()
            .any(|word| name.contains(word))
        {
            return None;
        }
        match super::guess_role(&name) {
            Role::Executor if self.read_only => {
                let reviews = ["review", "audit", "critique"]
                    .iter()
                    .any(|word| self.description.to_lowercase().contains(word));
                Some(if reviews { Role::Reviewer } else { Role::Expert })
            }
            role => Some(role),
        }
    }

    /// The role whose return format stands in the part on what it returns; in all of it where no part is
    /// said to be that.
    pub fn returns(&self) -> Option<Option<Role>> {
        let text = self.instructions.to_lowercase();
        let heading = |line: &&str| line.starts_with('#') && line.contains("return");
        let part = text
            .lines()
            .find(heading)
            .and_then(|line| text.find(line))
            .map_or(text.as_str(), |at| &text[at..]);
        let titles: Vec<&str> =
            part.lines().filter_map(|line| line.trim_start().strip_prefix("## ")).collect();
        RETURNS
            .iter()
            .find(|(words, _)| titles.iter().any(|title| title.contains(words)))
            .map(|(_, role)| *role)
    }

    /// What it knows, from its name: what a task has to be about for it to be asked.
    pub fn skills(&self, role: Role) -> Vec<String> {
        let lower = self.name.to_lowercase();
        let words: Vec<&str> = lower
            .split(['-', '_', ' ', '.'])
            .filter(|word| !word.is_empty() && !RANKS.contains(word))
            .collect();
        let known = || {
            words.iter().filter(|word| TECHNOLOGIES.split_whitespace().any(|known| known == **word))
        };
        match role {
            Role::Reviewer | Role::Executor => known().map(|word| (*word).to_owned()).collect(),
            Role::Tester => Vec::new(),
            Role::Expert => {
                vec![words.join(" ")].into_iter().filter(|word| !word.is_empty()).collect()
            }
        }
    }
}

/// Front matter.
enum Front<'a> {
    Yaml(Yaml<'a>),
    /// What is no YAML, because a description has a colon in it, is read line by line.
    Lines(&'a str),
}

impl<'a> Front<'a> {
    fn read(text: &'a str) -> Self {
        // No honest one is larger, deeper, or repeats itself by reference.
        let nests = |line: &str| {
            line.chars().take_while(|c| matches!(c, '-' | '?' | ':' | ' ')).count() > 64
        };
        let deep = text.matches(['[', '{']).count() > 64 || text.lines().any(nests);
        let refers = [": *", "- *", "[*", ", *"].iter().any(|sign| text.contains(sign));
        if text.len() > FRONT_BYTES || deep || refers {
            return Self::Lines(text);
        }
        let documents = Yaml::load_from_str(text).ok();
        match documents.and_then(|documents| documents.into_iter().next()).filter(Yaml::is_mapping)
        {
            Some(yaml) => Self::Yaml(yaml),
            None => Self::Lines(text),
        }
    }

    fn word(&self, key: &str) -> Option<String> {
        let word = match self {
            Self::Yaml(yaml) => match yaml.as_mapping_get(key)? {
                value if value.as_bool().is_some() => {
                    return value.as_bool().map(|is| is.to_string());
                }
                value => value.as_str()?.trim(),
            },
            Self::Lines(text) => text
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?
                .trim()
                .trim_matches(['"', '\'']),
        };
        Some(word.to_owned()).filter(|word| !word.is_empty())
    }

    /// A list, or a text with commas.
    fn list(&self, key: &str) -> Vec<String> {
        if let Self::Yaml(yaml) = self
            && let Some(items) = yaml.as_mapping_get(key).and_then(Yaml::as_sequence)
        {
            return items.iter().filter_map(Yaml::as_str).map(str::to_owned).collect();
        }
        let words = self.word(key).unwrap_or_default();
        words.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// What a table inside says of one thing.
    fn at(&self, key: &str, inner: &str) -> Option<String> {
        let Self::Yaml(yaml) = self else { return None };
        let value = yaml.as_mapping_get(key)?.as_mapping_get(inner)?;
        value.as_str().map(str::to_owned).or_else(|| value.as_bool().map(|is| is.to_string()))
    }
}
