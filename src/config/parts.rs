//! Tables of the config beside agents and gates: what clients and agents may do, worktrees, briefs, sizes.

use crate::core::policy::Weights;
use schemars::JsonSchema;
use serde::Deserialize;

/// What agents may change, kept by the kernel (Landlock). It is about those that are coding agents, and
/// about those of kind `command` that say so themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sandbox {
    /// `auto`: where the system can, and said where it can't; `required`: nothing is started where it can't;
    /// `off`.
    pub mode: SandboxMode,
    /// What they may write beside their worktree, temporary files, what their programs keep and the caches of
    /// package managers: paths in the workspace, below `~/`, or whole ones. Terminals of their own: `/dev/pts`, where
    /// those of the user are too.
    pub write: Vec<String>,
    /// TCP ports that they may connect to; all when absent.
    pub ports: Option<Vec<u16>>,
}

/// Whether agents are confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SandboxMode {
    /// Where the system can.
    #[default]
    Auto,
    /// Or nothing is started.
    Required,
    /// Never.
    Off,
}

/// What agents are told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Briefs {
    /// A template instead of the one in `schema/brief.md`, by its path in the workspace.
    pub template: Option<String>,
    /// Longest brief in words, in kilobytes: what matters least is left out first. What an agent's own
    /// definition says comes on top.
    pub limit_kb: u32,
}

impl Default for Briefs {
    fn default() -> Self {
        Self { template: None, limit_kb: 96 }
    }
}

impl Briefs {
    /// The limit in bytes.
    pub fn limit_bytes(&self) -> usize {
        self.limit_kb as usize * 1024
    }
}

/// What clients may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Clients {
    /// Whether they may name breakdowns and configs outside of the workspace.
    pub outside_workspace: bool,
}

/// Worktrees of their own for attempts: what they need beside what is committed.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Worktree {
    /// Files and folders of the workspace that are copied into each worktree because they are in no commit
    /// (`.env`).
    pub copy: Vec<String>,
    /// Program and arguments that make a new worktree ready (`["npm", "ci"]`), never a shell line.
    pub setup: Vec<String>,
    /// It is stopped after so long.
    pub setup_timeout: String,
    /// No worktree is made where fewer megabytes would stay free on the disk.
    pub min_free_mb: u64,
}

impl Default for Worktree {
    fn default() -> Self {
        Self { copy: Vec::new(), setup: Vec::new(), setup_timeout: "10m".into(), min_free_mb: 500 }
    }
}

/// What sizes weigh, in minutes.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sizes {
    /// `XS`.
    pub extra_small: f64,
    /// `S`.
    pub small: f64,
    /// `M`.
    pub medium: f64,
    /// `L`.
    pub large: f64,
    /// `XL`.
    pub extra_large: f64,
    /// A task without an estimate among tasks that have one.
    pub unknown: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        let Weights { extra_small, small, medium, large, extra_large, unknown } =
            Weights::default();
        Self { extra_small, small, medium, large, extra_large, unknown }
    }
}

/// Who has to pass a gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "ApprovalWord")]
pub enum Approval {
    /// Nobody.
    #[default]
    None,
    /// A person.
    Person,
    /// Somebody, a program too.
    Parent,
}

/// `true`, `false` or `"parent"`.
#[derive(PartialEq, Deserialize)]
#[serde(untagged)]
enum ApprovalWord {
    Flag(bool),
    Word(String),
}

impl TryFrom<ApprovalWord> for Approval {
    type Error = String;
    fn try_from(word: ApprovalWord) -> Result<Self, String> {
        match word {
            ApprovalWord::Flag(false) => Ok(Self::None),
            ApprovalWord::Flag(true) => Ok(Self::Person),
            ApprovalWord::Word(word) if word == "parent" => Ok(Self::Parent),
            ApprovalWord::Word(word) => Err(format!(
                "`approval` is `true` (a person passes it) or \"parent\" (a program may too), not \"{word}\""
            )),
        }
    }
}

impl JsonSchema for Approval {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Approval".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "enum": [false, true, "parent"] })
    }
}
