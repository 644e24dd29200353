//! What has to be known of each coding client but for how it is driven: the folders and variables of what it keeps, where it
//! defines agents, how a person logs in. How it is started and what it prints is in its adapter (`agents::adapters`).

use super::AgentKind;

/// Where something is kept: in a folder below a variable where that is set, in another below the home where not.
#[derive(Clone, Copy)]
pub struct Kept {
    /// The variable; empty where there is none.
    pub variable: &'static str,
    /// The folder below it; empty where it is the folder itself.
    pub inside: &'static str,
    /// The folder below the home.
    pub below_home: &'static str,
}

impl Kept {
    /// What is kept there.
    pub const fn at(
        variable: &'static str,
        inside: &'static str,
        below_home: &'static str,
    ) -> Self {
        Self { variable, inside, below_home }
    }
}

/// A folder in which agents are defined.
pub struct DefinitionFolder {
    /// In a workspace.
    pub in_workspace: &'static str,
    /// The folder of the user above a folder `agents`; none where there is none.
    pub of_user: Option<Kept>,
}

/// A coding client.
pub struct CodingClient {
    /// Its name in the config.
    pub name: &'static str,
    /// What it keeps for itself: sessions, and the settings among them.
    pub states: &'static [Kept],
    /// Where agents are defined.
    pub definitions: &'static [DefinitionFolder],
    /// Whether they are in TOML; in Markdown with front matter otherwise.
    pub defines_in_toml: bool,
    /// Whether an agent is called as its file is, whatever that says.
    pub defined_by_file: bool,
    /// Whether it can't run a command without a terminal.
    pub needs_terminals: bool,
    /// Whether it can be told something in a turn.
    pub is_steerable: bool,
    /// How a person lets it use its service.
    pub login: &'static str,
}

const NOTHING: CodingClient = CodingClient {
    name: "",
    states: &[],
    definitions: &[],
    defines_in_toml: false,
    defined_by_file: false,
    needs_terminals: false,
    is_steerable: false,
    login: "",
};

const CLAUDE: CodingClient = CodingClient {
    name: "claude",
    states: &[Kept::at("CLAUDE_CONFIG_DIR", "", ".claude"), Kept::at("", "", ".claude.json")],
    definitions: &[DefinitionFolder {
        in_workspace: ".claude/agents",
        of_user: Some(Kept::at("CLAUDE_CONFIG_DIR", "", ".claude")),
    }],
    is_steerable: true,
    login: "`claude` and then `/login`, or a key in ANTHROPIC_API_KEY",
    ..NOTHING
};

const CODEX: CodingClient = CodingClient {
    name: "codex",
    states: &[Kept::at("CODEX_HOME", "", ".codex")],
    definitions: &[DefinitionFolder {
        in_workspace: ".codex/agents",
        of_user: Some(Kept::at("CODEX_HOME", "", ".codex")),
    }],
    defines_in_toml: true,
    is_steerable: true,
    login: "`codex login`, or a key in OPENAI_API_KEY",
    ..NOTHING
};

const GEMINI: CodingClient = CodingClient {
    name: "gemini",
    states: &[Kept::at("", "", ".gemini")],
    definitions: &[DefinitionFolder {
        in_workspace: ".gemini/agents",
        of_user: Some(Kept::at("", "", ".gemini")),
    }],
    needs_terminals: true,
    login: "`gemini` and then `/auth`, or a key in GEMINI_API_KEY",
    ..NOTHING
};

const OPENCODE: CodingClient = CodingClient {
    name: "opencode",
    states: &[
        Kept::at("XDG_CONFIG_HOME", "opencode", ".config/opencode"),
        Kept::at("XDG_DATA_HOME", "opencode", ".local/share/opencode"),
        Kept::at("XDG_STATE_HOME", "opencode", ".local/state/opencode"),
        Kept::at("XDG_CACHE_HOME", "opencode", ".cache/opencode"),
    ],
    definitions: &[
        DefinitionFolder {
            in_workspace: ".opencode/agents",
            of_user: Some(Kept::at("OPENCODE_CONFIG_DIR", "", ".config/opencode")),
        },
        DefinitionFolder { in_workspace: ".opencode/agent", of_user: None },
    ],
    defined_by_file: true,
    login: "`opencode auth login`",
    ..NOTHING
};

impl AgentKind {
    /// Those that drive a coding client of their own.
    pub const CLIENTS: [Self; 4] = [Self::Claude, Self::Codex, Self::Gemini, Self::Opencode];

    /// What is known of its coding client; none where it has none, or any.
    pub fn client(self) -> Option<&'static CodingClient> {
        match self {
            Self::Claude => Some(&CLAUDE),
            Self::Codex => Some(&CODEX),
            Self::Gemini => Some(&GEMINI),
            Self::Opencode => Some(&OPENCODE),
            Self::Shell | Self::Command | Self::Acp | Self::Client => None,
        }
    }
}
