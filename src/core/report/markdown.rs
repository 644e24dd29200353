//! The report in exactly the headings and fields of the return format.

use super::Report;
use crate::core::policy::Role;
use crate::core::status::number;
use crate::escape::markdown;
use std::fmt::Write as _;

impl Report {
    /// The Markdown with exactly the headings and fields of the return format.
    pub fn markdown(&self) -> String {
        let yes_no = |value: Option<bool>| match value {
            Some(true) => "Yes",
            Some(false) => "No",
            None => "Not measured",
        };
        let mut out = String::from("## Execution Coordination Complete\n");
        let _ = write!(out, "\n### Execution Topic: {}\n", markdown(&self.topic));
        let _ = write!(out, "\n### Final Status: {}\n", self.final_status);
        let results = &self.results;
        out.push_str("\n### Implementation Results\n\n");
        let _ = writeln!(
            out,
            "- Total Tasks: {} completed / {} total{}",
            results.tasks_completed,
            results.tasks_total,
            self.left_aside()
        );
        let _ = writeln!(
            out,
            "- Parallel Streams: {} stream{}",
            results.streams,
            if results.streams == 1 { "" } else { "s" }
        );
        let _ = writeln!(
            out,
            "- Quality Gates: {} passed / {} total",
            results.gates_passed, results.gates_total
        );
        let coverage = results
            .coverage_pct
            .map_or("not measured".into(), |pct| format!("{}% achieved", number(pct)));
        let _ = writeln!(out, "- Test Coverage: {coverage}");
        out.push_str("\n### Agent Coordination Summary\n\n");
        self.agent_lines(&mut out);
        out.push_str("\n### Quality Assurance Results\n\n");
        let quality = &self.quality;
        let tests_first = match quality.tests_first_asked {
            0 => "not measured".into(),
            asked => {
                let unnamed = match quality.tests_first_unnamed {
                    0 => String::new(),
                    unnamed => format!("; {unnamed} unnamed: by exit code and counts"),
                };
                let seen = quality.tests_first_seen;
                format!(
                    "{}% ({seen} of {asked} tasks seen red, then green{unnamed})",
                    seen * 100 / asked
                )
            }
        };
        let _ = writeln!(out, "- TDD/BDD Compliance: {tests_first}");
        let _ = writeln!(out, "- All Tests Passing: {}", yes_no(quality.all_tests_passing));
        let _ = writeln!(
            out,
            "- Quality Gates Satisfied: {}",
            match quality.gates_satisfied {
                None => "No gates defined",
                known => yes_no(known),
            }
        );
        let reviews = match quality.reviews_passed {
            Some(true) => "Pass",
            Some(false) => "Fail",
            None => "Not measured",
        };
        let _ = writeln!(out, "- Review Agent Validation: {reviews}");
        let deliverables = &self.deliverables;
        out.push_str("\n### Deliverable Status\n\n");
        let _ = writeln!(out, "- Feature Functionality: {}", deliverables.functionality);
        let _ = writeln!(out, "- Integration: {}", deliverables.integration);
        let _ = writeln!(out, "- Documentation: {}", deliverables.documentation);
        let _ = writeln!(out, "- Deployment Ready: {}", deliverables.deployment_ready);
        out.push_str("\n### Final Validation Required\n\n");
        if self.final_validation.is_empty() {
            out.push_str("None\n");
        }
        for step in &self.final_validation {
            let _ = writeln!(out, "- {}", markdown(step));
        }
        let _ = write!(out, "\n### Success Level: {}\n", self.success_level);
        out
    }

    fn left_aside(&self) -> String {
        let results = &self.results;
        let counts = [
            (results.tasks_skipped, "skipped"),
            (results.tasks_deferred, "deferred"),
            (results.tasks_unchanged, "without a change"),
        ];
        let named: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) }
    }

    fn agent_lines(&self, out: &mut String) {
        let of_role =
            |role: Role| self.agents.iter().filter(|agent| agent.role == role).collect::<Vec<_>>();
        let executors = of_role(Role::Executor);
        if executors.is_empty() {
            out.push_str("- implementation-agent: none\n");
        }
        for agent in executors {
            let _ = writeln!(
                out,
                "- {}: {} of {} tasks completed",
                markdown(&agent.name),
                agent.completed,
                agent.total
            );
        }
        for agent in of_role(Role::Tester) {
            let _ = writeln!(
                out,
                "- {}: tests for {} of {} tasks",
                markdown(&agent.name),
                agent.completed,
                agent.total
            );
        }
        let list = |role: Role, what: &str| {
            let agents = of_role(role);
            let each = agents.iter().map(|agent| {
                format!("{} ({} of {} {what})", markdown(&agent.name), agent.completed, agent.total)
            });
            if agents.is_empty() { "none".to_owned() } else { each.collect::<Vec<_>>().join(", ") }
        };
        let _ = writeln!(out, "- Domain experts: {}", list(Role::Expert, "consultations answered"));
        let _ = writeln!(out, "- Review agents: {}", list(Role::Reviewer, "passed"));
        for agent in self.agents.iter().filter(|agent| agent.implausible > 0) {
            let orders = if agent.implausible == 1 {
                "1 order".to_owned()
            } else {
                format!("{} orders", agent.implausible)
            };
            let _ = writeln!(
                out,
                "- {}: tokens or costs that it named for {orders} can't be, and are not counted",
                markdown(&agent.name)
            );
        }
    }
}
