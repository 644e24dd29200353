//! `init`: a commented config from what is found; `trust`: that clients may start what it names.
#![expect(clippy::disallowed_methods, reason = "this is the edge that writes the config")]

use super::{Exit, Outcome, here};
use crate::config::FILE_NAME;
use crate::engine::start::never_calls_itself;
use crate::failure::{Failure, say};
use crate::workspace::trust;
use std::path::{Path, PathBuf};

/// Options of `init`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Replace a config that is there
    #[arg(long)]
    force: bool,
}

/// Signs of a project, with the command that runs its tests.
const PROJECTS: [(&str, &str); 8] = [
    ("Cargo.toml", r#"["cargo", "test"]"#),
    ("mix.exs", r#"["mix", "test"]"#),
    ("package.json", r#"["npm", "test"]"#),
    ("pyproject.toml", r#"["python3", "-m", "pytest"]"#),
    ("go.mod", r#"["go", "test", "-v", "./..."]"#),
    ("pom.xml", r#"["mvn", "-q", "test"]"#),
    ("Gemfile", r#"["bundle", "exec", "rspec"]"#),
    ("Makefile", r#"["make", "test"]"#),
];

/// `init`.
///
/// # Errors
/// There is a config already, or the folder is not writable.
pub fn init(arguments: &Arguments) -> Outcome {
    let folder = here()?;
    let path = folder.join(FILE_NAME);
    if path.exists() && !arguments.force {
        return Err(Failure::usage(format!(
            "{}: there is a config already; `--force` replaces it",
            path.display()
        )));
    }
    std::fs::write(&path, text(&folder)).map_err(|error| {
        Failure::usage(format!("{}: can't be written: {error}", path.display()))
    })?;
    say(format_args!("wrote {}", path.display()));
    Ok(Exit::Complete)
}

fn text(folder: &Path) -> String {
    let tests = PROJECTS.iter().find(|(sign, _)| folder.join(sign).exists());
    let gate = match tests {
        Some((sign, command)) => format!("# {sign} is here, so tests are run so:\n[[gates]]\nname = \"tests\"\nlevel = \"task\"\ncommand = {command}\n"),
        None => "# How tests are run. With it, tests are seen to fail before and to pass after the work.\n# [[gates]]\n# name = \"tests\"\n# level = \"task\"\n# command = [\"./run-tests.sh\"]\n".to_owned(),
    };
    format!(
        "# What execution-coordinator may do here. Every key is described in schema/config.json.\n\n\
        [execution]\nmax_parallel = 4            # attempts at once\nattempt_timeout = \"30m\"\nidle_timeout = \"5m\"         # no new output for so long: stuck\n\
        max_attempts = 3            # when an agent crashes or times out\nmax_rework = 2              # rounds of findings\ntests_first = \"required\"    # \"advisory\", \"off\"\n\n\
        # Who does the work: a program that reads a brief on its standard input and prints an answer\n# (schema/answer.json). Tasks that carry a command (`- Run: …`) need no agent.\n\
        # [agents.implementation-agent]\n# kind = \"command\"\n# command = [\"./agents/implement.sh\"]\n# skills = [\"rust\"]\n\n\
        # [agents.qa-reviewer]\n# kind = \"command\"            # a name with \"review\" in it is a reviewer\n# command = [\"./agents/review.sh\"]\n\n{gate}\n\
        # A gate that a person passes with `approve`:\n# [[gates]]\n# name = \"release\"\n# level = \"deployment\"\n# approval = true\n"
    )
}

/// Options of `trust`.
#[derive(clap::Args)]
pub struct TrustArguments {
    /// The workspace [default: the one that this is]
    folder: Option<PathBuf>,
    /// Take it back
    #[arg(long)]
    revoke: bool,
}

/// `trust`: says that clients may start what the configs and breakdowns of a workspace name.
///
/// # Errors
/// There is no such folder, or the user's state folder can't be written.
pub fn trust(arguments: &TrustArguments) -> Outcome {
    never_calls_itself()?;
    let folder = match &arguments.folder {
        Some(folder) => folder.clone(),
        None => super::root_here()?,
    };
    let failed = |error: std::io::Error| Failure::usage(format!("{}: {error}", folder.display()));
    let said = match arguments.revoke {
        true if trust::revoke(&folder).map_err(failed)? => "not trusted any more",
        true => "was not trusted",
        false => {
            trust::trust(&folder).map_err(failed)?;
            "trusted: editors and clients of language models may start executions in it"
        }
    };
    say(format_args!("{}: {said}", folder.display()));
    Ok(Exit::Complete)
}
