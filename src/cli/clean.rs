//! `clean`: takes away what executions that have ended left behind, and nothing else.

use super::{Exit, Outcome, root_here};
use crate::core::event::{Event, Outcome as Ended, Recorded, Status, Work};
use crate::core::evidence::kept_worktrees;
use crate::core::id::OrderId;
use crate::core::outcome::RepositoryOutcome;
use crate::engine::locate::{executions, own, read};
use crate::failure::{Failure, say};
use crate::workspace::leftovers::Leftovers;

/// Options of `clean`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Also their records; the branches of their results stay
    #[arg(long)]
    all: bool,
    /// Also worktrees with changes that are not committed: what failed, and what anybody did there
    #[arg(long)]
    force: bool,
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
    for dir in executions(&root) {
        let name = dir.id();
        // One that is being worked on, or can't be read, is none of ours to clean.
        let (Ok(_lock), Ok((events, state))) = (own(&dir), read(&dir)) else {
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
            let record = if arguments.all { " and its record" } else { "" };
            say(format_args!(
                "{name}: its worktrees and branches{record} would be removed, but for what holds work that is nowhere else"
            ));
            continue;
        }
        let mut kept = Vec::new();
        if state.policy.isolated {
            let (worktrees, made) = made(&events);
            let ignored = kept_worktrees(&state);
            let leftovers = Leftovers {
                root: &root,
                dir: &dir,
                worktrees,
                made,
                ignored,
                uncommitted: arguments.force,
            };
            kept = leftovers.remove().map_err(|why| Failure::unusable(format!("{name}: {why}")))?;
            kept.iter().for_each(|kept| say(format_args!("{name}: kept {kept}")));
        }
        // The record is the proof of what is ours: it goes last.
        if arguments.all && kept.is_empty() {
            std::fs::remove_dir_all(dir.path())
                .map_err(|error| Failure::unusable(format!("{dir}: {error}")))?;
        }
        if kept.is_empty() {
            say(format_args!("{name}: cleaned"));
        }
    }
    if !any {
        say(format_args!("there is nothing to clean"));
    }
    Ok(Exit::Complete)
}

/// The worktrees that a journal says were to be made, and the commits that are in them.
fn made(events: &[Recorded]) -> (Vec<OrderId>, Vec<String>) {
    let worktrees = events.iter().filter_map(|recorded| match &recorded.event {
        Event::Ordered { order, work: Work::PrepareWorktree { .. }, .. } => Some(*order),
        _ => None,
    });
    let commits = events.iter().filter_map(|recorded| match &recorded.event {
        Event::Ended { outcome: Ended::Agent(outcome), .. } => outcome.commit.clone(),
        Event::Ended {
            outcome: Ended::Repository(RepositoryOutcome::WorktreeReady { base, .. }),
            ..
        } => Some(base.clone()),
        _ => None,
    });
    (worktrees.collect(), commits.collect())
}
