//! Who does what: the task's own word, then skills, file types and words of the task against the
//! roster, then the default.

use super::id::AgentName;
use super::plan::{Plan, Task, TestsFirst};
use super::policy::{AgentPolicy, Policy, Role};
use std::collections::BTreeSet;

/// Who does what nobody else is asked for.
pub const DEFAULT_EXECUTOR: &str = "implementation-agent";

/// Who works on one task, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Allocation {
    /// The executor; none when no agent of the roster can do it.
    pub agent: Option<AgentName>,
    /// Why this one, or why none.
    pub reason: String,
    /// Asked before the first attempt.
    pub experts: Vec<AgentName>,
    /// Writes the tests that come first; none when tests do not come first.
    pub tester: Option<AgentName>,
    /// All that review it.
    pub reviewers: Vec<AgentName>,
    /// Whether tests come first, and how strictly.
    pub tests_first: TestsFirst,
}

/// Allocates every task of a plan.
pub fn allocate(plan: &Plan, policy: &Policy) -> Vec<Allocation> {
    // Words are only looked for where somebody has skills to match them with.
    let any_skills = policy.agents.iter().any(|agent| !agent.skills.is_empty());
    plan.tasks.iter().map(|task| allocate_task(task, policy, any_skills)).collect()
}

fn allocate_task(task: &Task, policy: &Policy, any_skills: bool) -> Allocation {
    let words = if any_skills { Words::from_task(task) } else { Words(BTreeSet::new()) };
    let (agent, reason) = executor(task, &words, policy);
    let shell = agent.is_some_and(AgentPolicy::runs_the_task);
    let tests_first =
        if shell { TestsFirst::Off } else { task.tests_first.unwrap_or(policy.tests_first) };
    let tester = || {
        best(policy.of_role(Role::Tester), &words)
            .or_else(|| policy.of_role(Role::Tester).next())
            .or(agent)
    };
    let wished = |agent: &AgentPolicy| {
        task.agent.as_ref().is_some_and(|wish| agent.name.as_str().eq_ignore_ascii_case(wish))
    };
    let names = |role, fits: &dyn Fn(&AgentPolicy) -> bool| -> Vec<AgentName> {
        if shell {
            Vec::new()
        } else {
            policy
                .of_role(role)
                .filter(|agent| fits(agent))
                .map(|agent| agent.name.clone())
                .collect()
        }
    };
    Allocation {
        tester: if tests_first == TestsFirst::Off || agent.is_none() {
            None
        } else {
            tester().map(|a| a.name.clone())
        },
        experts: names(Role::Expert, &|agent| words.score(agent) > 0 || wished(agent)),
        // A reviewer without skills reviews everything; one with skills only what it knows.
        reviewers: names(Role::Reviewer, &|agent| {
            agent.skills.is_empty() || words.score(agent) > 0 || wished(agent)
        }),
        agent: agent.map(|agent| agent.name.clone()),
        reason,
        tests_first,
    }
}

fn executor<'a>(
    task: &Task,
    words: &Words,
    policy: &'a Policy,
) -> (Option<&'a AgentPolicy>, String) {
    if let Some(wish) = &task.agent {
        // Who only looks or advises is asked to do just that.
        let named =
            named(wish, policy).filter(|agent| matches!(agent.role, Role::Executor | Role::Tester));
        if let Some(agent) = named {
            return (Some(agent), "the task names it".into());
        }
    }
    if task.command.is_some()
        && let Some(shell) = policy.of_role(Role::Executor).find(|agent| agent.runs_the_task())
    {
        return (Some(shell), "the task carries its command".into());
    }
    let able = || policy.of_role(Role::Executor).filter(|agent| !agent.runs_the_task());
    if let Some(agent) = best(able(), words) {
        let shared = words.shared(agent).join(", ");
        return (Some(agent), format!("skills match: {shared}"));
    }
    let mut all_round = able().filter(|agent| !agent.specialist);
    let default =
        able().find(|agent| agent.name.as_str() == DEFAULT_EXECUTOR).or_else(|| all_round.next());
    match default {
        Some(agent) => (Some(agent), "default executor".into()),
        None if policy.agents.iter().all(AgentPolicy::runs_the_task) => {
            (None, "the task carries no command (`Run:`) and the config names no agent".into())
        }
        None => (None, "no agent of the roster is there for it".into()),
    }
}

/// The agent that a task names.
fn named<'a>(wish: &str, policy: &'a Policy) -> Option<&'a AgentPolicy> {
    policy.agents.iter().find(|agent| agent.name.as_str().eq_ignore_ascii_case(wish))
}

/// The agent with the most matching skills, the earlier one of two equal ones; none without any.
fn best<'a>(
    agents: impl Iterator<Item = &'a AgentPolicy>,
    words: &Words,
) -> Option<&'a AgentPolicy> {
    let mut best: Option<(usize, &AgentPolicy)> = None;
    for agent in agents {
        let score = words.score(agent);
        if score > best.map_or(0, |(score, _)| score) {
            best = Some((score, agent));
        }
    }
    best.map(|(_, agent)| agent)
}

struct Words(BTreeSet<String>);

impl Words {
    fn from_task(task: &Task) -> Self {
        let mut words = BTreeSet::new();
        let texts = [&task.title, &task.objective]
            .into_iter()
            .chain(&task.skills)
            .chain(&task.files)
            .chain(&task.tests)
            .chain(&task.specs);
        for text in texts {
            let lower = text.to_lowercase();
            words.extend(
                lower
                    .split(|c: char| !c.is_alphanumeric() && c != '+' && c != '#')
                    .filter(|w| !w.is_empty())
                    .map(str::to_owned),
            );
        }
        for file in &task.files {
            let extension = file.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
            words.extend(extension.as_deref().and_then(language).map(str::to_owned));
        }
        Self(words)
    }

    fn shared<'a>(&self, agent: &'a AgentPolicy) -> Vec<&'a str> {
        let known = |skill: &&str| {
            let lower = skill.to_lowercase();
            lower.split_whitespace().all(|word| self.0.contains(word))
        };
        agent.skills.iter().map(String::as_str).filter(known).collect()
    }

    fn score(&self, agent: &AgentPolicy) -> usize {
        self.shared(agent).len()
    }
}

/// The language of a file's extension, as skills name it.
fn language(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "ex" | "exs" | "heex" => "elixir",
        "rs" => "rust",
        "py" => "python",
        "ts" | "tsx" => "typescript",
        "js" | "jsx" | "mjs" => "javascript",
        "go" => "go",
        "lua" => "lua",
        "java" => "java",
        "kt" => "kotlin",
        "swift" => "swift",
        "cs" => "csharp",
        "rb" => "ruby",
        "sh" | "bash" => "shell",
        "sql" => "sql",
        "md" => "markdown",
        _ => return None,
    })
}
