//! `clean`: takes away what executions that have ended left behind, and nothing else.

use super::{Exit, Outcome, root_here};
use crate::core::event::{Event, Outcome as Ended, Recorded, Status};
use crate::core::outcome::RepositoryOutcome;
use crate::engine::locate::{executions, name_of, own, read};
use crate::failure::{Failure, say};
use crate::workspace::repository::Leftovers;

/// Options of `clean`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Also their records; the branches of their results stay
    #[arg(long)]
    all: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// `clean`: worktrees and branches of executions that are complete or cancelled; with `--all` their
/// records too.
///
/// # Errors
/// Git says so.
pub fn clean(arguments: &Arguments) -> Outcome {
    let root = root_here()?;
    let mut any = false;
    for folder in executions(&root) {
        let name = name_of(&folder);
        // One that is being worked on, or can't be read, is none of ours to clean.
        let (Ok(_lock), Ok((events, state))) = (own(&folder), read(&folder)) else {
            say(format_args!("{name}: kept: it is at work, or can't be read"));
            continue;
        };
        let over = state.cancelled || matches!(state.ended, Some((Status::Complete, _)));
        if !over {
            say(format_args!("{name}: kept: it is not complete, and `run` goes on with it"));
            continue;
        }
        any = true;
        if arguments.dry_run {
            say(format_args!("{name}: its worktrees and branches{} would be removed", if arguments.all { " and its record" } else { "" }));
            continue;
        }
        let leftovers = Leftovers { root: &root, folder: &folder, branches: branches(&events) };
        if !leftovers.branches.is_empty() {
            let failed = |why: String| Failure::unusable(format!("{name}: {why}"));
            leftovers.remove().map_err(failed)?.iter().for_each(|kept| say(format_args!("{name}: kept {kept}")));
        }
        if arguments.all {
            std::fs::remove_dir_all(&folder).map_err(|error| Failure::unusable(format!("{}: {error}", folder.display())))?;
        }
        say(format_args!("{name}: cleaned"));
    }
    if !any {
        say(format_args!("there is nothing to clean"));
    }
    Ok(Exit::Complete)
}

/// The branches of places that a journal says were made, with the commits in them.
fn branches(events: &[Recorded]) -> Vec<(String, Vec<String>)> {
    let made: Vec<String> = events
        .iter()
        .filter_map(|recorded| match &recorded.event {
            Event::Ended { outcome: Ended::Agent(outcome), .. } => outcome.commit.clone(),
            Event::Ended { outcome: Ended::Repository(RepositoryOutcome::Placed { base, .. }), .. } => Some(base.clone()),
            _ => None,
        })
        .collect();
    let placed = events.iter().filter_map(|recorded| match &recorded.event {
        Event::Ended { outcome: Ended::Repository(RepositoryOutcome::Placed { branch, .. }), .. } => Some(branch.clone()),
        _ => None,
    });
    placed.map(|branch| (branch, made.clone())).collect()
}
