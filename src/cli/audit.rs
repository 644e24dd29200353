//! `audit`: whether every promise was kept, and whether what the report names is there.

use super::{Exit, Outcome, print, print_json, root_here};
use crate::core::audit::{Breach, audit as audit_events};
use crate::core::event::Recorded;
use crate::core::report::{Evidence, Report, report};
use crate::engine::kept::differences;
use crate::engine::locate::{find, read};
use crate::workspace::execution_dir::ExecutionDir;
use crate::workspace::git::Git;
use crate::workspace::objects;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Options of `audit`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The execution [default: the latest]
    execution: Option<String>,
    /// Also look at the commits, files and outputs that the report names
    #[arg(long)]
    evidence: bool,
    /// How it is printed
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

/// `audit`: exit 1 when a promise was broken, or something that the report names is not there.
///
/// # Errors
/// There is no such execution, or its journal can't be read.
pub fn audit(arguments: &Arguments) -> Outcome {
    let root = root_here()?;
    let dir = find(&root, arguments.execution.as_deref())?;
    let (events, state) = read(&dir)?;
    let breaches = audit_events(&events);
    let looked = arguments
        .evidence
        .then(|| Looked::at(&report(&state), &events, state.merging.base.as_deref(), &root, &dir));
    let missing = looked.as_ref().map_or(&[][..], |looked| &looked.missing);
    let kept = breaches.is_empty() && missing.is_empty();
    if arguments.format == "json" {
        let rows: Vec<_> = breaches
            .iter()
            .map(|b| json!({"seq": b.seq, "promise": b.promise, "what": b.what}))
            .collect();
        let evidence = looked
            .as_ref()
            .map(|looked| json!({"looked": looked.count, "missing": looked.missing}));
        print_json(
            &json!({"execution": dir.id(), "events": events.len(), "breaches": rows, "evidence": evidence}),
        )?;
    } else {
        let sentence = |b: &Breach| format!("event {}: {}: {}\n", b.seq, b.promise, b.what);
        let mut text: String = breaches
            .iter()
            .map(sentence)
            .chain(missing.iter().map(|missing| format!("{missing}\n")))
            .collect();
        if breaches.is_empty() {
            text += &format!("{}: {} events, every promise was kept\n", dir.id(), events.len());
        }
        if let Some(looked) = looked.as_ref().filter(|looked| looked.missing.is_empty()) {
            text += &format!("{} commits, files and outputs are there\n", looked.count);
        }
        print(&text)?;
    }
    Ok(if kept { Exit::Complete } else { Exit::Internal })
}

/// What of a report's evidence was looked at.
struct Looked {
    count: usize,
    /// What is not there, a sentence each.
    missing: Vec<String>,
}

impl Looked {
    fn at(
        report: &Report,
        events: &[Recorded],
        base: Option<&str>,
        root: &Path,
        dir: &ExecutionDir,
    ) -> Self {
        let (kept, missing) = differences(dir, events);
        let mut looked = Self { count: kept.len(), missing };
        looked.outputs(report, dir, &kept);
        if let Some(result) = &report.commit {
            looked.commits(report, result, &Git::at(root));
            if let Some(base) = base {
                let why = objects::verify(&Git::at(root), base, result, &dir.objects()).err();
                looked.is(why.is_none(), || why.clone().unwrap_or_default());
            }
        }
        looked
    }

    fn is(&mut self, there: bool, missing: impl FnOnce() -> String) {
        self.count += 1;
        if !there {
            self.missing.push(missing());
        }
    }

    /// Outputs of which no digest was kept, as older versions did not.
    fn outputs(&mut self, report: &Report, dir: &ExecutionDir, kept: &BTreeSet<String>) {
        let evidence = |of: &Evidence| of.reused_from.clone().unwrap_or_else(|| of.order.clone());
        let mut orders = BTreeSet::new();
        for task in &report.tasks {
            orders.extend(task.evidence.iter().cloned());
            orders.extend(task.red.iter().chain(&task.gates).map(evidence));
            orders.extend(task.reviews.iter().map(|review| review.order.clone()));
        }
        orders.extend(report.gates.iter().flat_map(|gate| &gate.evidence).map(evidence));
        let names = orders.into_iter().map(|order| (format!("output/{order}.log"), order));
        for (name, order) in names.filter(|(name, _)| !kept.contains(name)) {
            let output: PathBuf = dir.path().join(name);
            self.is(output.is_file(), || {
                format!("{order}: its output is gone: {}", output.display())
            });
        }
    }

    fn commits(&mut self, report: &Report, result: &str, git: &Git) {
        self.is(git.says(&["cat-file", "-e", &format!("{result}^{{commit}}")]), || {
            format!("the commit of the result is gone: {result}")
        });
        if let Some(branch) = &report.branch {
            let now = git
                .run(&["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}")])
                .unwrap_or_default();
            let at = if now.is_empty() { "is gone".to_owned() } else { format!("is at {now}") };
            self.is(now == result, || format!("the branch {branch} {at}: what landed is {result}"));
        }
        for task in &report.tasks {
            let Some(commit) = &task.commit else { continue };
            let landed = git.says(&["merge-base", "--is-ancestor", commit, result]);
            self.is(landed, || {
                format!("task {}: its commit is not in the result: {commit}", task.id)
            });
            for file in &task.files {
                // Also what somebody has made and somebody else removed.
                let touched = git
                    .run(&["log", "-1", "--full-history", "--format=%H", result, "--", file])
                    .is_ok_and(|commit| !commit.is_empty());
                self.is(touched, || {
                    format!("task {}: no commit of the result has changed {file}", task.id)
                });
            }
        }
    }
}
