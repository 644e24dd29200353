//! The fixed return format, as data and as Markdown. Every figure is measured, or says that it
//! is not; what was not evaluated is never a pass.

mod markdown;

use super::event::{Mark, Status};
use super::evidence::{
    all_whole_files_changed, gate_files_changed, ignored_files, is_unchanged, is_unnamed,
    tests_changed,
};
use super::hold;
use super::merging::result_branch;
use super::outcome::{Ending, Finding, GateVerdict};
use super::plan::{Level, Plan};
use super::policy::Role;
use super::progress;
use super::state::{GatePhase, Judged, Phase, State};
use super::view::{FinalStatus, GateStateName, SuccessLevel, TaskStateName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The return protocol.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The execution.
    pub execution: String,
    /// What was implemented.
    pub topic: String,
    /// How it ended.
    pub final_status: FinalStatus,
    /// Tasks, streams, gates, coverage.
    pub results: Results,
    /// What each agent did.
    pub agents: Vec<AgentSummary>,
    /// Tests, gates, reviews.
    pub quality: QualityResults,
    /// What is delivered.
    pub deliverables: DeliverableStatus,
    /// The branch that has the result, where attempts had worktrees of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The last commit of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether the result is where it was to be delivered; absent where nobody asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// Why agents that should have been confined were not; absent where they were, or none should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfined: Option<String>,
    /// What is needed before completion.
    pub final_validation: Vec<String>,
    /// How good the result is.
    pub success_level: SuccessLevel,
    /// Every task with its evidence.
    pub tasks: Vec<TaskReport>,
    /// Every gate of a stream, the system and the deployment, with its evidence.
    pub gates: Vec<GateReport>,
}

/// What became of the delivery of the result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The branch that it was for: that of the start.
    pub into: Option<String>,
    /// Whether it is there.
    pub delivered: bool,
    /// Why not.
    pub reason: String,
}

/// Implementation results.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    /// Tasks done.
    pub tasks_completed: usize,
    /// Tasks skipped.
    pub tasks_skipped: usize,
    /// Tasks put off.
    pub tasks_deferred: usize,
    /// Of the tasks done, those without a change because their agents say that none was needed.
    #[serde(default)]
    pub tasks_unchanged: usize,
    /// All tasks but those put off.
    pub tasks_total: usize,
    /// Streams.
    pub streams: usize,
    /// Gates of all levels that passed.
    pub gates_passed: usize,
    /// All gates.
    pub gates_total: usize,
    /// Line coverage in percent, as measured last; absent when not measured.
    pub coverage_pct: Option<f64>,
    /// The order that measured it.
    pub coverage_evidence: Option<String>,
    /// From the start to the end.
    pub elapsed_ms: u64,
}

/// What one agent did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentSummary {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Tasks done, tests written, questions answered or reviews passed.
    pub completed: usize,
    /// All that it was asked.
    pub total: usize,
    /// Time spent.
    pub busy_ms: u64,
    /// Tokens, as far as it says.
    pub tokens: Option<u64>,
    /// Money, as far as it says.
    pub cost_usd: Option<f64>,
    /// Orders of which it named tokens or money that can't be: they are not counted.
    #[serde(default)]
    pub implausible: u32,
}

/// Quality assurance results.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QualityResults {
    /// Tasks for which red and then green were seen.
    pub tests_first_seen: usize,
    /// Of these, tasks whose tests the runner does not name: exit code and counts have decided.
    #[serde(default)]
    pub tests_first_unnamed: usize,
    /// Tasks done for which tests first was asked; 0 when it was not measured.
    pub tests_first_asked: usize,
    /// Whether all tests pass; absent when no test was run.
    pub all_tests_passing: Option<bool>,
    /// Whether every gate passed; absent when there is none.
    pub gates_satisfied: Option<bool>,
    /// Whether every review passed; absent when there was none.
    pub reviews_passed: Option<bool>,
    /// Tests that were not counted as a pass because they failed and passed on one tree.
    pub flaky_tests: Vec<String>,
    /// Concerns and suggestions that remain.
    pub remarks: Vec<Finding>,
}

/// Deliverable status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliverableStatus {
    /// `Complete`, `Partial` or `Issues`.
    pub functionality: String,
    /// `Successful`, `Needs Work`, `Failed` or `Not measured`.
    pub integration: String,
    /// `Complete`, `Needs Update` or `Not measured`.
    pub documentation: String,
    /// `Yes`, `No` or `Not measured`.
    pub deployment_ready: String,
}

/// One task with its evidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskReport {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// How it stands.
    pub state: TaskStateName,
    /// Why, where it is not done.
    pub reason: String,
    /// Who did it.
    pub agent: Option<String>,
    /// The order whose output shows it.
    pub evidence: Option<String>,
    /// The commit that has its work, where it had a worktree of its own; part of the result once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Attempts at it.
    pub attempts: u32,
    /// Rounds of rework.
    pub rework: u32,
    /// What it handed over.
    pub summary: String,
    /// Files that changed.
    pub files: Vec<String>,
    /// Files that git ignores, so that the result does not have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
    /// What became otherwise in the user's own checkout while attempts were at work on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<String>,
    /// Experts that answered.
    pub consultations: Vec<String>,
    /// Whether its tests were seen to fail before the implementation; absent when not measured.
    pub red_seen: Option<bool>,
    /// Whether those tests are not known by name, so that exit code and counts have decided.
    #[serde(default)]
    pub unnamed: bool,
    /// Files of those tests that the implementation has changed since.
    #[serde(default)]
    pub tests_changed: Vec<String>,
    /// Files by which its gates judge and that work on it has changed or brought.
    #[serde(default)]
    pub gate_files_changed: Vec<String>,
    /// The run in which they failed.
    pub red: Option<Evidence>,
    /// Its gates.
    pub gates: Vec<Evidence>,
    /// Its reviews.
    pub reviews: Vec<ReviewEvidence>,
    /// Given/when/then from the breakdown.
    pub specs: Vec<String>,
}

/// What a gate's evaluation showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The configured gate.
    pub check: String,
    /// The order whose output shows it.
    pub order: String,
    /// The order that judged the same tree before, where this one did not have to: its output shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused_from: Option<String>,
    /// What it says.
    pub verdict: GateVerdict,
    /// Why, unless it passed.
    pub reason: String,
    /// The command.
    pub command: Vec<String>,
    /// Its exit code, where it exited.
    pub exit_code: Option<i32>,
    /// Tests that passed, where they were counted.
    pub tests_passed: Option<u64>,
    /// Tests that failed, where they were counted.
    pub tests_failed: Option<u64>,
    /// Coverage in percent, where it was measured.
    pub coverage_pct: Option<f64>,
    /// Digest of the tree that was judged; absent when it changed meanwhile.
    pub tree: Option<String>,
}

/// What a review said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewEvidence {
    /// Who.
    pub reviewer: String,
    /// The order whose output shows it.
    pub order: String,
    /// What it says.
    pub verdict: GateVerdict,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// One gate of a stream, the system or the deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateReport {
    /// Its id.
    pub id: String,
    /// Where it stands in the plan.
    pub level: Level,
    /// How it stands.
    pub state: GateStateName,
    /// Why; of a gate that passed, what whoever approved it gave as the reason.
    pub reason: String,
    /// The breakdown's criterion.
    pub criterion: String,
    /// Who approved or rejected it.
    pub decided_by: Option<String>,
    /// What was measured.
    pub evidence: Vec<Evidence>,
}

/// The report of an execution as it stands.
pub fn report(state: &State) -> Report {
    let counts = progress::counts(state);
    let status = state.ended.map(|(status, _)| status);
    let (gates_passed, gates_total) = progress::gate_counts(state);
    let (tests_first_seen, tests_first_asked) = progress::tests_first(state);
    let coverage = progress::coverage(state);
    let quality =
        quality(state, (gates_passed, gates_total), (tests_first_seen, tests_first_asked));
    Report {
        execution: state.execution.as_ref().map(ToString::to_string).unwrap_or_default(),
        topic: state.plan.topic.clone(),
        final_status: match status {
            None => FinalStatus::Unfinished,
            Some(Status::Complete) => FinalStatus::Complete,
            Some(Status::Partial) => FinalStatus::Partial,
            Some(Status::Blocked) => FinalStatus::Blocked,
        },
        results: Results {
            tasks_completed: counts.done,
            tasks_skipped: counts.skipped,
            tasks_deferred: state.tasks.len() - counts.total,
            tasks_unchanged: state.tasks.iter().filter(|known| is_unchanged(known)).count(),
            tasks_total: counts.total,
            streams: state.plan.streams.len().max(1),
            gates_passed,
            gates_total,
            coverage_pct: coverage.map(|(pct, _)| pct),
            coverage_evidence: coverage.map(|(_, order)| order.to_string()),
            elapsed_ms: state
                .ended
                .map_or(state.now, |(_, at)| at)
                .saturating_sub(state.started_at),
        },
        agents: agents(state),
        deliverables: deliverables(state, status, &counts),
        branch: state
            .merging
            .head
            .as_ref()
            .and(state.execution.as_ref())
            .map(|execution| result_branch(execution.as_str())),
        commit: state.merging.head.clone(),
        delivery: state.policy.deliver.then(|| delivery(state)),
        unconfined: state.policy.unconfined.clone(),
        final_validation: validation(state),
        success_level: success_level(state, status, &counts, &quality),
        quality,
        tasks: (0..state.tasks.len()).map(|ix| task(state, ix)).collect(),
        gates: (0..state.gates.len()).map(|ix| gate(state, ix)).collect(),
    }
}

/// `Complete Success` when complete and nothing was skipped by a person; `Needs Rework` when nothing was done, a gate failed, a test
/// fails or a blocker is open; `Partial Success` otherwise.
fn success_level(
    state: &State,
    status: Option<Status>,
    counts: &progress::Counts,
    quality: &QualityResults,
) -> SuccessLevel {
    let gate_failed =
        state.gate_states.iter().any(|gate| matches!(gate.phase, GatePhase::Failed(_)));
    if status == Some(Status::Complete) && skipped_by_a_person(state).is_empty() {
        SuccessLevel::CompleteSuccess
    } else if counts.done == 0
        || gate_failed
        || quality.all_tests_passing == Some(false)
        || progress::open_blockers(state) > 0
    {
        SuccessLevel::NeedsRework
    } else {
        SuccessLevel::PartialSuccess
    }
}

fn quality(state: &State, gates: (usize, usize), tests_first: (usize, usize)) -> QualityResults {
    let judged: Vec<&Judged> = latest_judgements(state);
    let tests: Vec<bool> = judged
        .iter()
        .filter(|judged| judged.measures.tests.is_some() || is_tests_gate(state, judged))
        .map(|judged| {
            judged.measures.ending == Ending::Exited(0)
                && judged.measures.tests.is_none_or(|tests| tests.failed == 0)
        })
        .collect();
    let reviews: Vec<bool> =
        all_reviews(state).map(|(_, review)| review.verdict == GateVerdict::Passed).collect();
    QualityResults {
        tests_first_seen: tests_first.0,
        tests_first_unnamed: state
            .tasks
            .iter()
            .filter(|task| task.phase == Phase::Done && is_unnamed(state, task))
            .count(),
        tests_first_asked: tests_first.1,
        all_tests_passing: if tests.is_empty() {
            None
        } else {
            Some(tests.iter().all(|pass| *pass))
        },
        gates_satisfied: if gates.1 == 0 { None } else { Some(gates.0 == gates.1) },
        reviews_passed: if reviews.is_empty() {
            None
        } else {
            Some(reviews.iter().all(|pass| *pass))
        },
        flaky_tests: judged.iter().flat_map(|judged| judged.measures.flaky.clone()).collect(),
        remarks: state.tasks.iter().flat_map(|task| task.remarks.clone()).collect(),
    }
}

fn is_tests_gate(state: &State, judged: &Judged) -> bool {
    let gate = state.policy.tests_gate();
    gate.is_some_and(|gate| {
        state
            .tasks
            .iter()
            .any(|task| task.gates.get(&gate.name).is_some_and(|known| known.order == judged.order))
    })
}

fn latest_judgements(state: &State) -> Vec<&Judged> {
    let of_tasks = state.tasks.iter().flat_map(|task| task.gates.values());
    of_tasks.chain(state.gate_states.iter().flat_map(|gate| gate.results.values())).collect()
}

fn all_reviews(
    state: &State,
) -> impl Iterator<Item = &(super::id::OrderId, super::outcome::ReviewOutcome)> {
    state.tasks.iter().flat_map(|task| task.reviews.values()).chain(state.final_reviews.values())
}

fn agents(state: &State) -> Vec<AgentSummary> {
    let done = |ix: usize| state.tasks[ix].phase == Phase::Done;
    let summary = |agent: &super::policy::AgentPolicy| {
        let name = &agent.name;
        let of_task = |ix: &usize| state.allocation[*ix].agent.as_ref() == Some(name);
        let all = || 0..state.tasks.len();
        let (completed, total) = match agent.role {
            Role::Executor => (
                all().filter(of_task).filter(|&ix| done(ix)).count(),
                all().filter(of_task).count(),
            ),
            Role::Tester => {
                let written =
                    all().filter(|&ix| state.allocation[ix].tester.as_ref() == Some(name));
                let seen =
                    written.clone().filter(|&ix| state.tasks[ix].tests_result.is_some()).count();
                (seen, written.count())
            }
            Role::Expert => {
                let asked = state.tasks.iter().filter_map(|task| task.consultations.get(name));
                (
                    asked
                        .clone()
                        .filter(|answer| {
                            answer.ending == Ending::Exited(0) && !answer.summary.is_empty()
                        })
                        .count(),
                    asked.count(),
                )
            }
            Role::Reviewer => {
                let of_tasks = state.tasks.iter().filter_map(|task| task.reviews.get(name));
                let reviews = of_tasks.chain(state.final_reviews.get(name));
                (
                    reviews
                        .clone()
                        .filter(|(_, review)| review.verdict == GateVerdict::Passed)
                        .count(),
                    reviews.count(),
                )
            }
        };
        let used = state.utilisation.get(name).cloned().unwrap_or_default();
        AgentSummary {
            name: name.to_string(),
            role: agent.role,
            completed,
            total,
            busy_ms: used.busy_ms,
            tokens: used.tokens,
            cost_usd: used.cost_usd,
            implausible: used.implausible,
        }
    };
    state.policy.agents.iter().map(summary).filter(|agent| agent.total > 0).collect()
}

fn deliverables(
    state: &State,
    status: Option<Status>,
    counts: &progress::Counts,
) -> DeliverableStatus {
    let of_level = |levels: &[Level]| -> Vec<&GatePhase> {
        let known = state.gates.iter().zip(&state.gate_states);
        known
            .filter(|(gate, _)| levels.contains(&gate.level))
            .map(|(_, known)| &known.phase)
            .collect()
    };
    let integration = of_level(&[Level::Stream, Level::System]);
    let deployment = of_level(&[Level::Deployment]);
    let all_passed =
        |phases: &[&GatePhase]| phases.iter().all(|phase| **phase == GatePhase::Passed);
    DeliverableStatus {
        functionality: match status {
            Some(Status::Complete) if skipped_by_a_person(state).is_empty() => "Complete",
            _ if counts.failed > 0 => "Issues",
            _ => "Partial",
        }
        .into(),
        integration: match () {
            () if integration.is_empty() => "Not measured",
            () if all_passed(&integration) => "Successful",
            () if integration.iter().any(|phase| matches!(phase, GatePhase::Failed(_))) => "Failed",
            () => "Needs Work",
        }
        .into(),
        documentation: documentation(state, &state.plan).into(),
        deployment_ready: match () {
            () if status != Some(Status::Complete) => "No",
            () if deployment.is_empty() => "Not measured",
            () if all_passed(&deployment) => "Yes",
            () => "No",
        }
        .into(),
    }
}

fn delivery(state: &State) -> Delivery {
    let delivered = state.merging.head.is_some() && !progress::is_kept_out(state);
    let reason = match progress::kept_out_because(state) {
        _ if delivered => "",
        Some(why) => why,
        None if state.merging.head.is_none() => "there is no branch with a result",
        None => "it was not delivered yet",
    };
    Delivery { into: state.policy.into.clone(), delivered, reason: reason.into() }
}

/// Documentation is measured where tasks or a reviewer are about it.
fn documentation(state: &State, plan: &Plan) -> &'static str {
    let about = |text: &str| text.to_lowercase().contains("document");
    let tasks: Vec<usize> =
        (0..plan.tasks.len()).filter(|&ix| about(&plan.tasks[ix].title)).collect();
    let reviews = state
        .final_reviews
        .iter()
        .filter(|(name, _)| about(name.as_str()))
        .map(|(_, (_, review))| review.verdict);
    let reviews: Vec<GateVerdict> = reviews.collect();
    if tasks.is_empty() && reviews.is_empty() {
        "Not measured"
    } else if tasks.iter().all(|&ix| state.tasks[ix].satisfied())
        && reviews.iter().all(|verdict| *verdict == GateVerdict::Passed)
    {
        "Complete"
    } else {
        "Needs Update"
    }
}

fn validation(state: &State) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    let skipped = skipped_by_a_person(state);
    if !skipped.is_empty() {
        steps.push(format!("skipped by a person, and not looked at: {}", skipped.join(", ")));
    }
    if let Some(why) = &state.policy.unconfined {
        steps.push(format!(
            "agents were not confined: {why}; look over what changed outside of the repository"
        ));
    }
    if let (Some(why), Some(head), Some(execution)) =
        (progress::kept_out_because(state), &state.merging.head, &state.execution)
    {
        let into = progress::delivered_into(state);
        steps.push(format!(
            "the result was not merged into {into}: {why}; it is {} at {head}",
            result_branch(execution.as_str())
        ));
    }
    steps.extend(
        hold::undecided(state)
            .map(|(file, held)| format!("{file}: {held}: nobody has confirmed that")),
    );
    if state.cancelled {
        steps.push("the execution was cancelled: `run --fresh` starts it again".into());
    }
    let files: Vec<String> = all_whole_files_changed(state).into_iter().collect();
    if !files.is_empty() {
        steps.push(format!(
            "the work changed what gates of the whole judge by: {}",
            files.join(", ")
        ));
    }
    for ix in 0..state.tasks.len() {
        steps.extend(of_work(state, ix));
        steps.extend(of_phase(state, ix));
    }
    let waiting = (0..state.tasks.len())
        .filter(|&ix| state.tasks[ix].phase == Phase::Waiting && !state.dependencies_done(ix));
    let waiting: Vec<String> = waiting.map(|ix| state.task(ix).id.to_string()).collect();
    if !waiting.is_empty() {
        steps.push(format!("not started, because of what they wait for: {}", waiting.join(", ")));
    }
    steps.extend(of_whole(state));
    steps
}

/// What a person has to know of the work on a task.
fn of_work(state: &State, ix: usize) -> Vec<String> {
    let (task, known) = (state.task(ix), &state.tasks[ix]);
    let mut steps = Vec::new();
    let tests = tests_changed(known);
    if !tests.is_empty() {
        steps.push(format!(
            "task {} changed tests after they were seen to fail: {}",
            task.id,
            tests.join(", ")
        ));
    }
    if known.phase == Phase::Done && !ignored_files(known).is_empty() {
        let kept = known
            .worktree
            .as_ref()
            .map_or(String::new(), |place| format!(" (they are kept in {})", place.folder));
        steps.push(format!(
            "task {}: git ignores files of it, and no commit has them: {}{kept}",
            task.id,
            ignored_files(known).join(", ")
        ));
    }
    if is_unchanged(known) {
        steps.push(format!(
            "task {} changed no file: its agent says that nothing needed to change",
            task.id
        ));
    }
    steps
        .extend(known.outside.iter().map(|what| format!("task {}: {what}: look it over", task.id)));
    let files: Vec<String> = gate_files_changed(known).into_iter().collect();
    if !files.is_empty() {
        steps.push(format!(
            "task {} changed what its gates judge by: {}",
            task.id,
            files.join(", ")
        ));
    }
    steps
}

/// Why a task is not done.
fn of_phase(state: &State, ix: usize) -> Option<String> {
    let task = state.task(ix);
    match &state.tasks[ix].phase {
        Phase::Failed(why) => Some(format!("task {} failed: {why}", task.id)),
        Phase::Blocked(why) => Some(format!("task {} is blocked: {why}", task.id)),
        Phase::Active(_) if state.ended.is_some() => {
            Some(match progress::waits_for_approval(state, ix) {
                Some(gate) => {
                    format!(
                        "task {} waits for an approval: `approve {1}` or `reject {1}`",
                        task.id,
                        gate.as_argument()
                    )
                }
                None => {
                    format!("task {} was stopped half-way: what it changed is still there", task.id)
                }
            })
        }
        Phase::Waiting => match &task.broken {
            Some(why) => Some(format!("task {} can't be scheduled: {why}", task.id)),
            None if state.allocation[ix].agent.is_none() => {
                Some(format!("task {}: {}", task.id, state.allocation[ix].reason))
            }
            None => None,
        },
        _ => None,
    }
}

/// Gates and reviews of the whole that did not pass.
fn of_whole(state: &State) -> Vec<String> {
    let mut steps = Vec::new();
    for (gate, known) in state.gates.iter().zip(&state.gate_states) {
        match &known.phase {
            GatePhase::Failed(why) => steps.push(format!("gate {} failed: {why}", gate.id)),
            GatePhase::Open(why) => {
                steps.push(format!("gate {} is waiting for a decision: {why}", gate.id))
            }
            GatePhase::Pending => steps.push(format!("gate {} has not been judged", gate.id)),
            GatePhase::Passed => {}
        }
    }
    if state.ended.is_some() && state.tasks.iter().all(|task| task.settled()) {
        steps.extend(
            state.missing_reviews().map(|name| format!("{name} has not looked at the whole")),
        );
    }
    for (name, (order, review)) in &state.final_reviews {
        if review.verdict != GateVerdict::Passed {
            steps.push(format!("{name} did not pass the whole (output of {order})"));
        }
    }
    steps
}

fn skipped_by_a_person(state: &State) -> Vec<String> {
    let skipped = (0..state.tasks.len()).filter(|&ix| state.tasks[ix].phase == Phase::Skipped);
    skipped.map(|ix| state.task(ix).id.to_string()).collect()
}

fn evidence(check: &str, judged: &Judged) -> Evidence {
    let measures = &judged.measures;
    Evidence {
        check: check.to_owned(),
        order: judged.order.to_string(),
        reused_from: measures.reused_from.map(|order| order.to_string()),
        verdict: judged.verdict,
        reason: judged.reason.clone(),
        command: measures.command.clone(),
        exit_code: match measures.ending {
            Ending::Exited(code) => Some(code),
            _ => None,
        },
        tests_passed: measures.tests.map(|tests| tests.passed),
        tests_failed: measures.tests.map(|tests| tests.failed),
        coverage_pct: measures.coverage_pct,
        tree: measures.tree.clone(),
    }
}

fn task(state: &State, ix: usize) -> TaskReport {
    let (task, known) = (state.task(ix), &state.tasks[ix]);
    let reviews = known.reviews.iter().map(|(reviewer, (order, review))| ReviewEvidence {
        reviewer: reviewer.to_string(),
        order: order.to_string(),
        verdict: review.verdict,
        findings: review.findings.clone(),
    });
    let tests = state.policy.tests_gate().map(|gate| gate.name.clone()).unwrap_or_default();
    TaskReport {
        id: task.id.to_string(),
        title: task.title.clone(),
        state: progress::state_name(state, ix),
        reason: match &known.phase {
            Phase::Failed(why) | Phase::Blocked(why) => why.clone(),
            Phase::Marked(Mark::Done) => "done in the breakdown, not looked at here".into(),
            Phase::Waiting => {
                task.broken.clone().unwrap_or_else(|| progress::waits_for(state, ix).join(", "))
            }
            _ => String::new(),
        },
        agent: state.allocation[ix].agent.as_ref().map(ToString::to_string),
        evidence: known.result.as_ref().map(|(order, _)| order.to_string()),
        commit: known.landed.as_ref().and(known.commit.clone()),
        attempts: known.attempts,
        rework: known.rework,
        summary: known
            .result
            .as_ref()
            .map(|(_, result)| result.summary.clone())
            .unwrap_or_default(),
        files: known.result.as_ref().map(|(_, result)| result.files.clone()).unwrap_or_default(),
        ignored: ignored_files(known).to_vec(),
        outside: known.outside.clone(),
        consultations: known
            .consultations
            .iter()
            .filter(|(_, answer)| !answer.summary.is_empty())
            .map(|(name, _)| name.to_string())
            .collect(),
        red_seen: known.red.as_ref().map(|_| known.red_seen),
        unnamed: is_unnamed(state, known),
        tests_changed: tests_changed(known),
        gate_files_changed: gate_files_changed(known).into_iter().collect(),
        red: known.red.as_ref().map(|red| evidence(&tests, red)),
        gates: known.gates.iter().map(|(check, judged)| evidence(check, judged)).collect(),
        reviews: reviews.collect(),
        specs: task.specs.clone(),
    }
}

fn gate(state: &State, ix: usize) -> GateReport {
    let (gate, known) = (&state.gates[ix], &state.gate_states[ix]);
    let decision = state.decisions.get(&gate.id);
    let (word, reason) = match &known.phase {
        GatePhase::Passed => {
            (GateStateName::Passed, decision.map_or("", |decision| decision.reason.as_str()))
        }
        GatePhase::Failed(why) => (GateStateName::Failed, why.as_str()),
        GatePhase::Open(why) => (GateStateName::Open, why.as_str()),
        GatePhase::Pending => (GateStateName::Pending, "not judged"),
    };
    GateReport {
        id: gate.id.to_string(),
        level: gate.level,
        state: word,
        reason: reason.into(),
        criterion: gate.text.clone(),
        decided_by: decision.map(|decision| decision.by.clone()),
        evidence: known.results.iter().map(|(check, judged)| evidence(check, judged)).collect(),
    }
}
