//! A brief in words, for agents that read text: by a template, in which what comes from elsewhere is
//! quoted, listed or fenced so that it can't pass for what this program says.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge that reads the template of briefs"
)]

use crate::config::Config;
use crate::config::definition::Definition;
use crate::core::brief::{Advice, Brief, BriefTask, BriefText, Handoff, TextOf};
use crate::core::outcome::{Finding, Severity};
use crate::escape::{line, lines};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context};
use std::borrow::Cow;
use std::path::Path;

/// The template where the config names none.
pub const TEMPLATE: &str = include_str!("../../schema/brief.md");
/// Largest template that is read.
const TEMPLATE_BYTES: u64 = 1 << 20;

/// How briefs are put into words.
pub struct Template {
    name: String,
    text: Cow<'static, str>,
    limit_bytes: usize,
}

impl Default for Template {
    fn default() -> Self {
        Self {
            name: "brief.md".into(),
            text: TEMPLATE.into(),
            limit_bytes: Config::default().briefs.limit_bytes(),
        }
    }
}

impl Template {
    /// The one of a config, by its workspace.
    ///
    /// # Errors
    /// It can't be read.
    pub fn from_config(config: &Config, root: &Path) -> Result<Self, String> {
        let limit_bytes = config.briefs.limit_bytes();
        let Some(name) = config.briefs.template.clone() else {
            return Ok(Self { limit_bytes, ..Self::default() });
        };
        let path = root.join(&name);
        let failed = |why: &dyn std::fmt::Display| {
            format!("{name}: the template of briefs can't be read: {why}")
        };
        let metadata = path.metadata().map_err(|error| failed(&error))?;
        if !metadata.is_file() || metadata.len() > TEMPLATE_BYTES {
            return Err(failed(&"it is no file, or too large"));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| failed(&error))?.into();
        Ok(Self { name, text, limit_bytes })
    }

    /// Whether briefs of all roles can be put into words by it.
    ///
    /// # Errors
    /// A sentence that says what is wrong in which line.
    pub fn check(&self) -> Result<(), String> {
        // With all that there can be, and with as little as there can be: mistakes stand in conditions too.
        let full = |role: &str| {
            let finding = Finding {
                by: "x".into(),
                severity: Severity::Blocker,
                text: "x".into(),
                place: Some("x".into()),
            };
            let one = || vec!["x".to_owned()];
            Brief {
                findings: vec![finding],
                handoffs: vec![Handoff { files: one(), decisions: one(), ..Handoff::default() }],
                consultations: vec![Advice::default()],
                changed_files: one(),
                failed_before: one(),
                tests_changed: one(),
                gate_files_changed: one(),
                diff: one(),
                conflicts: one(),
                texts: [
                    TextOf::Task,
                    TextOf::TaskFile,
                    TextOf::Group,
                    TextOf::Plan,
                    TextOf::Companion,
                ]
                .map(|of| BriefText { of, text: "x".into(), ..BriefText::default() })
                .into(),
                confined: true,
                round: 1,
                base: "x".into(),
                ..bare(role)
            }
        };
        let briefs = ["implementation", "tests", "consultation", "review", "final-review"]
            .into_iter()
            .flat_map(|role| [full(role), bare(role)]);
        briefs.into_iter().try_for_each(|brief| match self.fill(&brief, None, false) {
            Ok(words) if words.trim().is_empty() => {
                Err(format!("{}:1:1: a brief of the role {} says nothing", self.name, brief.role))
            }
            filled => filled
                .map(drop)
                .map_err(|why| format!("{why} (in a brief of the role {})", brief.role)),
        })
    }

    /// A brief in words. `own` is what the agent's definition says; `told` whether its program tells it that.
    ///
    /// # Errors
    /// A sentence that says what is wrong in which line of the template.
    pub fn fill(
        &self,
        brief: &Brief,
        own: Option<&Definition>,
        told: bool,
    ) -> Result<String, String> {
        let (brief, shortened) = as_written(brief.clone()).limited(self.limit_bytes);
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(
            SyntaxConfig::builder()
                .trim_blocks(true)
                .lstrip_blocks(true)
                .keep_trailing_newline(true)
                .build()
                .map_err(|error| error.to_string())?,
        );
        environment.add_filter("line", |text: &str| line(text.trim()));
        environment.add_filter("quote", |text: &str| with_prefix("> ", text));
        environment.add_filter("item", item);
        environment.add_filter("fence", fence);
        let subject = brief.task.as_ref().map_or_else(
            || brief.topic.clone(),
            |task| format!("Task {}: {}", task.id, task.title),
        );
        let data = context! {
            subject,
            shortened,
            ask => ask(&brief.role),
            answer => answer(&brief.role, own),
            instructions => own.filter(|_| !told).map(|definition| definition.instructions.as_str()).unwrap_or_default(),
            ..Value::from(Serde(&brief))
        };
        environment.render_named_str(&self.name, &self.text, data).map_err(|error| {
            let what = match (error.kind(), error.detail()) {
                (ErrorKind::UndefinedError, detail) => {
                    format!(
                        "there is no such value{}",
                        detail.map_or(String::new(), |detail| format!(": {detail}"))
                    )
                }
                (kind, None) => kind.to_string(),
                (_, Some(detail)) => detail.to_owned(),
            };
            format!(
                "{}:{}:1: {what}",
                error.name().unwrap_or(&self.name),
                error.line().unwrap_or(1)
            )
        })
    }
}

/// Where the task's own words are told, what was only taken out of them is not told once more.
fn as_written(mut brief: Brief) -> Brief {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let own = brief
        .texts
        .iter()
        .filter(|text| text.of == TextOf::Task)
        .map(|text| flat(&text.text))
        .collect::<Vec<_>>()
        .join(" ");
    if let Some(task) = brief.task.as_mut().filter(|_| !own.is_empty()) {
        task.objective.clear();
        task.steps.clear();
        task.notes.retain(|note| {
            !note.starts_with("written down in ")
                && !own.contains(&flat(note.split_once(": ").map_or(note, |(_, value)| value)))
        });
    }
    brief
}

/// A brief of a role with next to nothing in it.
fn bare(role: &str) -> Brief {
    let task = || BriefTask { id: "1".into(), title: "x".into(), ..BriefTask::default() };
    Brief {
        role: role.into(),
        topic: "x".into(),
        task: (role != "final-review").then(task),
        ..Brief::default()
    }
}

fn ask(role: &str) -> &'static str {
    match role {
        "tests" => {
            "Write the tests for this task. Do not implement it: the tests must fail until the behaviour is there."
        }
        "consultation" => "Advise on this task before it is begun. Change nothing.",
        "review" => "Review what was done for this task. Change nothing.",
        "final-review" => "Review the whole of what was done. Change nothing.",
        _ => "Do this task. Its tests must pass when you are done.",
    }
}

/// How an agent is asked once more that has ended its turn without an answer.
pub fn again(brief: &Brief) -> String {
    format!(
        "You have not said how it went with {}. Change nothing more, and say it now. Where something is missing or you have a question, you are blocked: say what you need. {}",
        brief
            .task
            .as_ref()
            .map_or_else(|| "this".to_owned(), |task| format!("task {}", line(task.id.trim()))),
        answer(&brief.role, None)
    )
}

fn answer(role: &str, own: Option<&Definition>) -> &'static str {
    match role {
        _ if own.is_some_and(|definition| definition.returns().is_some()) => {
            "Answer in the return format that you were given, with every field filled in."
        }
        "review" | "final-review" => {
            "Print a block that begins with `## Review Complete`, with `### Critical Issues Found: Yes` or `No`, and a list under `### 🚨 Blockers`, `### ⚠️ Concerns` and `### 💡 Suggestions`; or one line of JSON: {\"verdict\":\"pass\"|\"fail\",\"summary\":\"…\",\"findings\":[{\"severity\":\"blocker\",\"text\":\"…\",\"worktree\":\"file:line\"}]}"
        }
        "consultation" => {
            "Print your advice, with key recommendations and critical warnings first."
        }
        _ => {
            "Print a block that begins with `## Implementation Summary`, with `**Completed:**` and a list, `**Files:**` and a list, and `**Status:** ✅ Complete`, `⚠️ Blocked` or `❌ Failed`; or one line of JSON: {\"status\":\"complete\"|\"blocked\"|\"failed\",\"summary\":\"…\",\"files\":[\"…\"]}"
        }
    }
}

fn with_prefix(prefix: &str, text: &str) -> String {
    lines(text)
        .trim_end()
        .lines()
        .map(|line| format!("{prefix}{line}\n"))
        .collect::<String>()
        .trim_end()
        .to_owned()
}

/// A point of a list: what has more than a line is quoted below its first one.
fn item(text: &str) -> String {
    let text = lines(text);
    match text.trim().split_once('\n') {
        None => text.trim().to_owned(),
        Some((first, rest)) => format!("{}\n{}", first.trim_end(), with_prefix("  > ", rest)),
    }
}

/// Between back quotes, of which there are more than anywhere in the text.
fn fence(text: &str, language: &str) -> String {
    let text = lines(text);
    let most = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(most + 1));
    format!("{fence}{language}\n{}\n{fence}", text.trim_end())
}
