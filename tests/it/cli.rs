//! The command line as a user meets it: the life of a task, bad input, steering.

use crate::support::{Workspace, commit_all, ended, eventually, git};
use execution_coordinator::core::event::{Event, Outcome};
use execution_coordinator::core::outcome::{Ending, GateVerdict};
use std::process::Stdio;

const COMMANDS: &str = "# Release\n\n- [ ] Task 1: one\n  - Run: echo one > one\n- [ ] Task 2: two\n  - Depends on: Task 1\n  - Run: cat one\n";

#[test]
fn plain_commands_end_complete_on_their_exit_codes_alone() {
    let workspace = Workspace::with(&[("breakdown.md", COMMANDS)]);
    let ended = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    expect_test::expect![[r#"
        ## Execution Coordination Complete

        ### Execution Topic: Release

        ### Final Status: Complete

        ### Implementation Results

        - Total Tasks: 2 completed / 2 total
        - Parallel Streams: 1 stream
        - Quality Gates: 0 passed / 0 total
        - Test Coverage: not measured

        ### Agent Coordination Summary

        - shell: 2 of 2 tasks completed
        - Domain experts: none
        - Review agents: none

        ### Quality Assurance Results

        - TDD/BDD Compliance: not measured
        - All Tests Passing: Not measured
        - Quality Gates Satisfied: No gates defined
        - Review Agent Validation: Not measured

        ### Deliverable Status

        - Feature Functionality: Complete
        - Integration: Not measured
        - Documentation: Not measured
        - Deployment Ready: Not measured

        ### Final Validation Required

        None

        ### Success Level: Complete Success
    "#]]
    .assert_eq(&ended.stdout);
    assert_eq!(workspace.run(&["output", "a2"]).stdout, "one\n");
    assert_eq!(
        workspace.run(&["output", "2"]).stdout,
        "── a2: task 2 by shell ──\none\n",
        "a task stands for all its orders"
    );
    let again = workspace.run(&["run", "breakdown.md"]);
    assert!(again.code == 0 && again.stderr.contains("complete already"), "{}", again.stderr);
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

#[test]
fn one_failure_blocks_only_what_waits_for_it() {
    let text = "# F\n\n- [ ] Task 1: bad\n  - Run: exit 7\n- [ ] Task 2: after it\n  - Depends on: 1\n  - Run: true\n- [ ] Task 3: apart\n  - Depends on: none\n  - Run: true\n";
    let workspace = Workspace::with(&[("breakdown.md", text)]);
    let first = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(first.code, 3, "{}", first.stderr);
    assert!(first.stdout.contains("- Total Tasks: 1 completed / 3 total"), "{}", first.stdout);
    assert!(first.stdout.contains("- task 1 failed: shell exited with code 7"), "{}", first.stdout);
    assert!(
        first.stdout.contains("not started, because of what they wait for: 2"),
        "{}",
        first.stdout
    );
    // A command that says no is not asked again, and running again tries what failed.
    let attempts = |workspace: &Workspace| {
        workspace
            .journal()
            .iter()
            .filter(|e| matches!(&e.event, Event::Ended { outcome: Outcome::Agent(o), .. } if o.ending == Ending::Exited(7)))
            .count()
    };
    assert_eq!(attempts(&workspace), 1);
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 3);
    assert_eq!(attempts(&workspace), 2);
    // Skipped, it counts as done for what waits for it.
    assert_eq!(workspace.run(&["skip", "1"]).code, 0);
    let last = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(last.code, 0, "{}{}", last.stdout, last.stderr);
    assert!(last.stdout.contains("2 completed / 3 total (1 skipped)"), "{}", last.stdout);
    assert!(
        last.stdout.contains("- skipped by a person, and not looked at: 1")
            && last.stdout.contains("Partial Success"),
        "{}",
        last.stdout
    );
}

#[test]
fn a_gate_that_nothing_evaluates_is_open_until_a_person_passes_it() {
    let text = "# G\n\n### Stream A: First (Parallel)\n\n1. **One**\n   - Run: true\n\n### Stream B: Second (Depends on Stream A)\n\n2. **Two**\n   - Run: true\n\n## Quality Gates\n\n- **Gate 1**: it is good (after Stream A)\n";
    let workspace = Workspace::with(&[("breakdown.md", text)]);
    let first = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(first.code, 4, "{}", first.stderr);
    assert!(
        first
            .stdout
            .contains("gate Gate 1 is waiting for a decision: no [[gates]] entry checks it"),
        "{}",
        first.stdout
    );
    assert!(first.stdout.contains("- Quality Gates: 0 passed / 1 total"));
    let wrong = workspace.run(&["approve", "Gate 9"]);
    assert!(
        wrong.code == 2 && wrong.stderr.contains("there is no gate `Gate 9`; there are Gate 1"),
        "{}",
        wrong.stderr
    );
    assert_eq!(
        workspace
            .run_at_terminal(&["approve", "Gate 1", "--by", "ann", "--reason", "seen it work"])
            .code,
        0
    );
    let second = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(second.code, 0, "{}{}", second.stdout, second.stderr);
    let report: serde_json::Value =
        serde_json::from_str(&workspace.run(&["report", "--format", "json"]).stdout).expect("JSON");
    assert_eq!(
        (&report["gates"][0]["decidedBy"], &report["gates"][0]["reason"]),
        (&"ann".into(), &"seen it work".into())
    );
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

const AGENTS: &str = r#"
[execution]
backoff = "1ms"
[agents.implementation-agent]
kind = "command"
command = ["./agent.sh"]
[agents.qa-reviewer]
kind = "command"
command = ["./review.sh"]
[[gates]]
name = "tests"
level = "task"
command = ["./test.sh", "{task}"]
"#;
const TASK: &str =
    "# T\n\n### Stream A: Only (Parallel)\n\n1. **One**\n   - Objective: to be done\n";
const TEST: &str = "#!/bin/sh\nif [ -e tests ]; then if [ -e work ]; then echo '2 passed, 0 failed'; else echo 'not ok 1 - new'; echo '1 passed, 1 failed'; exit 1; fi; else echo '1 passed, 0 failed'; fi\n";
const AGENT: &str = "#!/bin/sh\ncat > /dev/null\nif [ $EXECUTION_COORDINATOR_ROLE = tests ]; then echo x >> tests; else echo x >> work; fi\necho '{\"status\":\"complete\",\"summary\":\"did it\"}'\n";
const REVIEW: &str = "#!/bin/sh\ncat > /dev/null\nif [ $(wc -l < work) -lt 2 ]; then echo '{\"verdict\":\"fail\",\"findings\":[{\"severity\":\"blocker\",\"text\":\"do it twice\"}]}'; else echo '{\"verdict\":\"pass\"}'; fi\n";

fn with_agents() -> Workspace {
    Workspace::with(&[
        ("execution-coordinator.toml", AGENTS),
        ("breakdown.md", TASK),
        ("test.sh", TEST),
        ("agent.sh", AGENT),
        ("review.sh", REVIEW),
    ])
}

#[test]
fn the_life_of_a_task_is_red_green_review_and_rework() {
    let workspace = with_agents();
    let ended = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("- TDD/BDD Compliance: 100% (1 of 1 tasks seen red, then green; 1 unnamed: by exit code and counts)"),
        "{}",
        ended.stdout
    );
    assert_eq!(workspace.read("work"), "x\nx\n");
    let report: serde_json::Value =
        serde_json::from_str(&workspace.run(&["report", "--format", "json"]).stdout).expect("JSON");
    let task = &report["tasks"][0];
    assert_eq!(
        (&task["rework"], &task["redSeen"], &task["red"]["testsFailed"]),
        (&1.into(), &true.into(), &1.into())
    );
    assert_eq!(task["gates"][0]["testsPassed"], 2);
    assert_eq!(task["files"], serde_json::json!(["work"]));
    assert_eq!(workspace.run(&["audit"]).code, 0);
    // What the agent was told the second time names what must be fixed.
    let briefs = std::fs::read_dir(workspace.execution().join("briefs")).expect("briefs").flatten();
    assert!(
        briefs
            .filter_map(|file| std::fs::read_to_string(file.path()).ok())
            .any(|brief| brief.contains("- qa-reviewer: do it twice"))
    );
}

#[test]
fn tests_that_pass_before_the_work_are_no_tests_first() {
    let workspace = with_agents();
    workspace.write("test.sh", "#!/bin/sh\necho '1 passed, 0 failed'\n");
    let ended = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(ended.code, 4, "{}", ended.stdout);
    assert!(ended.stdout.contains("the tests pass before the implementation"), "{}", ended.stdout);
    assert_eq!(workspace.read("work"), "", "the work must not begin");
}

#[test]
fn complete_with_failing_tests_is_not_complete() {
    let workspace = with_agents();
    workspace.write(
        "agent.sh",
        &AGENT.replace(
            "echo '{\"status\":\"complete\",\"summary\":\"did it\"}'",
            "printf '## Implementation Summary\\n\\n- Result: 2 tests failing\\n\\n**Status:** ✅ Complete\\n'",
        ),
    );
    let ended = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(ended.code, 4);
    assert!(
        ended.stdout.contains("it says complete, but also: result: 2 tests failing"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_review_without_a_verdict_is_no_pass() {
    let workspace = with_agents();
    workspace
        .write("review.sh", "#!/bin/sh\ncat > /dev/null\necho '## QA Analysis Complete'\necho '### Critical Issues Found: [Yes/No]'\n");
    let ended = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(ended.code, 4);
    assert!(
        ended.stdout.contains("no verdict of qa-reviewer: `critical issues found` is a template that was not filled in"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_crash_is_tried_again_and_a_missing_program_is_not_started() {
    let workspace = with_agents();
    workspace.write(
        "agent.sh",
        &AGENT.replace(
            "cat > /dev/null\n",
            "cat > /dev/null\nif [ ! -e crashed ]; then touch crashed; kill -9 $$; fi\n",
        ),
    );
    workspace.write("review.sh", "#!/bin/sh\necho '{\"verdict\":\"pass\"}'\n");
    let ended = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(
        workspace
            .journal()
            .iter()
            .any(|e| matches!(&e.event, Event::Ended { outcome: Outcome::Agent(o), .. } if o.ending == Ending::Signaled(9)))
    );

    let workspace = with_agents();
    workspace.write("execution-coordinator.toml", &AGENTS.replace("./agent.sh", "no-such-agent"));
    let ended = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("[agents.implementation-agent]: `no-such-agent` is not on the path"),
        "{}",
        ended.stderr
    );
}

#[test]
fn failures_from_before_are_told_apart_from_new_ones() {
    let workspace = with_agents();
    workspace
        .write("test.sh", "#!/bin/sh\necho 'not ok 1 - old'\nif [ -e tests ] && [ ! -e work ]; then echo 'not ok 2 - new'; fi\nexit 1\n");
    let ended = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(ended.code, 4);
    assert!(
        ended.stdout.contains("all 1 failing tests failed before the attempt too"),
        "{}",
        ended.stdout
    );
    // Told to, it lets the old ones through.
    let tolerant = with_agents();
    tolerant.write("test.sh", &workspace.read("test.sh"));
    tolerant.write("execution-coordinator.toml", &format!("{AGENTS}preexisting = \"tolerate\"\n"));
    assert_eq!(tolerant.run(&["run", "breakdown.md"]).code, 0);
}

#[test]
fn a_flaky_test_is_named_and_is_no_pass() {
    let workspace = with_agents();
    workspace.write(
        "execution-coordinator.toml",
        &AGENTS.replace("[execution]", "[execution]\ntests_first = \"off\"\nmax_rework = 0"),
    );
    // Fails and passes by turns, on one tree: the count is kept where it is no part of it.
    workspace.write("test.sh", "#!/bin/sh\nn=$(cat .execution-coordinator/n 2>/dev/null || echo 0)\necho $((n + 1)) > .execution-coordinator/n\nif [ $((n % 2)) = 1 ]; then echo 'not ok 1 - wobbly'; exit 1; fi\necho 'ok 1 - wobbly'\n");
    let ended = workspace.run(&["run", "breakdown.md"]);
    assert!(ended.stdout.contains("flaky on one tree: wobbly"), "{}{}", ended.stdout, ended.stderr);
    assert_ne!(ended.code, 0);
}

#[test]
fn one_tree_is_not_judged_twice() {
    let workspace = with_agents();
    workspace.write("review.sh", "#!/bin/sh\necho '{\"verdict\":\"pass\"}'\n");
    // The gates of the system and of the deployment are one command on one tree; a task's is given another environment.
    let gate = |level: &str| {
        format!(
            "[[gates]]\nname = \"all of the {level}\"\nlevel = \"{level}\"\ncommand = [\"./test.sh\", \"1\"]\n"
        )
    };
    workspace.write(
        "execution-coordinator.toml",
        &format!("{AGENTS}{}{}", gate("system"), gate("deployment")),
    );
    let ended = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let reused = |e: &&execution_coordinator::core::event::Recorded| matches!(&e.event, Event::Ended { outcome: Outcome::Gate { measures, verdict: GateVerdict::Passed, .. }, .. } if measures.reused_from.is_some());
    assert_eq!(workspace.journal().iter().filter(reused).count(), 1);
}

#[test]
fn bad_input_gets_a_sentence_with_its_place_and_starts_nothing() {
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("missing.md", Vec::new(), "missing.md: there is no such file"),
        ("empty.md", Vec::new(), "empty.md:1:1: error: there is no task in it"),
        (
            "prose.md",
            b"# Only prose\n\nNothing to do.\n".to_vec(),
            "prose.md:1:1: error: there is no task in it",
        ),
        ("binary.md", b"- [ ] a\nb\0c".to_vec(), "binary.md:2:2: this is a binary file"),
        ("latin.md", b"# T\n\n- [ ] caf\xe9\n".to_vec(), "latin.md:3:10: this is not UTF-8"),
        (
            "cycle.md",
            b"# C\n\n- [ ] Task 1: a\n  - Depends on: 2\n- [ ] Task 2: b\n  - Depends on: 1\n"
                .to_vec(),
            "cycle.md:3:1: error: these tasks wait for each other in a cycle: 1 ← 2 ← 1",
        ),
        ("agentless.md", b"- [ ] x\n".to_vec(), "agentless.md:1:1: no agent can do task 1"),
    ];
    for (name, bytes, says) in cases {
        let workspace = Workspace::new();
        if name != "missing.md" {
            std::fs::write(workspace.path(name), bytes).expect("a file");
        }
        let ended = workspace.run(&["run", name]);
        assert!(
            ended.code == 2 && ended.stderr.contains(says),
            "{name}: {} {}",
            ended.code,
            ended.stderr
        );
        assert!(ended.stdout.is_empty() && !ended.stderr.contains("panicked"), "{name}");
        assert_eq!(
            std::fs::read_dir(workspace.path(".execution-coordinator")).expect("a folder").count(),
            0,
            "{name} started something"
        );
    }
    let workspace = Workspace::new();
    std::fs::create_dir(workspace.path("folder")).expect("a folder");
    assert!(
        workspace.run(&["run", "folder"]).stderr.contains("there is no breakdown in this folder")
    );
    let huge = std::fs::File::create(workspace.path("huge.md")).expect("a file");
    huge.set_len(100 * 1024 * 1024).expect("a length");
    let ended = workspace.run(&["run", "huge.md"]);
    assert!(
        ended.code == 2 && ended.stderr.contains("it has 100 MiB, at most 32 are read"),
        "{}",
        ended.stderr
    );
}

#[test]
fn mistakes_in_the_config_are_named_with_their_place() {
    let cases = [
        (
            "[execution]\nmax_paralel = 3\n",
            "execution-coordinator.toml:2:1: there is no key `max_paralel`: did you mean `max_parallel`?",
        ),
        ("[execution]\nattempt_timeout = \"soon\"\n", "`soon` is no time"),
        (
            "[agents.execution-coordinator]\nkind = \"shell\"\n",
            "an agent can't be this program itself",
        ),
        (
            "[agents.a]\nkind = \"command\"\n",
            "[agents.a]: an agent of kind \"command\" needs a command",
        ),
        (
            "[[gates]]\nname = \"g\"\nlevel = \"task\"\n",
            "gate `g` has neither a command nor `approval = true`",
        ),
        ("[execution\n", "execution-coordinator.toml:1:11:"),
        (
            "[[gates]]\nname = \"g\"\nlevel = \"task\"\ncommand = [\"./gate.sh\"]\n",
            "gate `g`: `./gate.sh` is not executable: `chmod +x ./gate.sh`",
        ),
    ];
    for (config, says) in cases {
        let workspace = Workspace::with(&[
            ("breakdown.md", COMMANDS),
            ("execution-coordinator.toml", config),
            ("gate.sh", "echo\n"),
        ]);
        let ended = workspace.run(&["run", "breakdown.md"]);
        assert!(
            ended.code == 2 && ended.stderr.contains(says),
            "{config}: {} {}",
            ended.code,
            ended.stderr
        );
    }
}

#[test]
fn a_state_folder_that_is_not_writable_is_said_before_anything_starts() {
    let workspace = Workspace::with(&[("breakdown.md", COMMANDS)]);
    // A file in its place: root could write into any folder, whatever its mode.
    std::fs::remove_dir(workspace.path(".execution-coordinator")).expect("removed");
    workspace.write(".execution-coordinator", "");
    let ended = workspace.run(&["run", "breakdown.md"]);
    assert!(
        ended.code == 2 && ended.stderr.contains("the state can't be kept there"),
        "{} {}",
        ended.code,
        ended.stderr
    );
}

#[test]
fn it_never_calls_itself() {
    let workspace = Workspace::with(&[(
        "breakdown.md",
        "# Self\n\n- [ ] Task 1: again\n  - Run: \"$PROGRAM\" run breakdown.md --fresh\n",
    )]);
    let config = "[environment]\npass = [\"PATH\", \"PROGRAM\"]\n";
    workspace.write("execution-coordinator.toml", config);
    let mut command = workspace.command(&["run", "breakdown.md"]);
    let done = ended(
        command
            .env("PROGRAM", env!("CARGO_BIN_EXE_execution-coordinator"))
            .stdin(Stdio::null())
            .output()
            .expect("the binary"),
    );
    assert_eq!(done.code, 4, "{}", done.stderr);
    assert!(workspace.run(&["output", "a1"]).stdout.contains("which never calls itself"));
}

#[test]
fn agents_see_only_the_environment_that_is_passed_on_and_nothing_of_it_is_recorded() {
    let text = "# E\n\n- [ ] Task 1: look\n  - Run: env\n";
    let workspace = Workspace::with(&[
        ("breakdown.md", text),
        ("execution-coordinator.toml", "[environment]\npass = [\"PATH\"]\n"),
    ]);
    let mut command = workspace.command(&["run", "breakdown.md"]);
    let done = ended(
        command.env("MY_SECRET", "hunter2").stdin(Stdio::null()).output().expect("the binary"),
    );
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(!workspace.run(&["output", "a1"]).stdout.contains("hunter2"));
    assert!(!workspace.run(&["events"]).stdout.contains("hunter2"));
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: std::path::PathBuf| {
        std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    };
    assert_eq!(mode(workspace.execution()), 0o700);
    assert_eq!(mode(workspace.execution().join("journal.jsonl")), 0o600);
    assert_eq!(mode(workspace.execution().join("output/a1.log")), 0o600);
}

/// Waits at a fifo until the test lets it go on, so that nothing has to sleep.
fn held_back() -> Workspace {
    let text = "# H\n\n- [ ] Task 1: wait\n  - Run: touch begun; cat fifo\n- [ ] Task 2: then\n  - Depends on: 1\n  - Run: touch after\n";
    let workspace = Workspace::with(&[("breakdown.md", text)]);
    assert!(
        std::process::Command::new("mkfifo")
            .arg(workspace.path("fifo"))
            .status()
            .expect("mkfifo")
            .success()
    );
    workspace
}

#[test]
fn a_second_run_says_who_owns_it_and_steering_reaches_that_one() {
    let workspace = held_back();
    let owner = workspace.start(&["run", "breakdown.md"]);
    eventually("the task has begun", || workspace.path("begun").exists());
    let second = workspace.run(&["run", "breakdown.md"]);
    assert!(
        second.code == 5 && second.stderr.contains(&format!("is owned by process {}", owner.id())),
        "{} {}",
        second.code,
        second.stderr
    );
    assert_eq!(workspace.run(&["pause"]).code, 0);
    assert!(workspace.run(&["status", "--format", "line"]).stdout.contains("paused, 0/2 tasks"));
    assert_eq!(workspace.run(&["resume"]).code, 0);
    assert!(workspace.run(&["status", "--format", "line"]).stdout.contains("running, 0/2 tasks"));
    assert!(workspace.run(&["list"]).stdout.contains(&format!("(process {})", owner.id())));
    std::fs::write(workspace.path("fifo"), "").expect("the fifo");
    assert_eq!(ended(owner.wait_with_output().expect("the owner")).code, 0);
}

#[test]
fn whoever_reads_along_may_leave() {
    let workspace = held_back();
    let mut owner = workspace.start(&["run", "breakdown.md"]);
    drop((owner.stdout.take(), owner.stderr.take()));
    eventually("the task has begun", || workspace.path("begun").exists());
    std::fs::write(workspace.path("fifo"), "").expect("the fifo");
    owner.wait().expect("an end");
    assert!(workspace.run(&["status", "--format", "line"]).stdout.contains("Complete"));
}

#[test]
fn interrupted_it_keeps_its_state_and_goes_on() {
    let workspace = held_back();
    let owner = workspace.start(&["run", "breakdown.md"]);
    eventually("the task has begun", || workspace.path("begun").exists());
    signal(owner.id(), rustix::process::Signal::INT);
    let stopped = ended(owner.wait_with_output().expect("the owner"));
    assert!(
        stopped.code == 130 && stopped.stderr.contains("suspended"),
        "{} {}",
        stopped.code,
        stopped.stderr
    );
    // Paused while nobody owns it, it does not go on; resumed it does.
    assert_eq!(workspace.run(&["pause"]).code, 0);
    assert!(workspace.run(&["run", "breakdown.md"]).stderr.contains("is paused"));
    assert_eq!(workspace.run(&["resume"]).code, 0);
    std::fs::remove_file(workspace.path("fifo")).expect("removed");
    std::fs::write(workspace.path("fifo"), "").expect("a file in its worktree");
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
    assert!(workspace.path("after").exists());
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

#[test]
fn a_changed_breakdown_is_taken_up_without_losing_work() {
    let workspace = held_back();
    let owner = workspace.start(&["run", "breakdown.md"]);
    eventually("the task has begun", || workspace.path("begun").exists());
    let text = workspace.read("breakdown.md")
        + "- [ ] Task 3: added\n  - Depends on: 2\n  - Run: touch added\n";
    workspace.write("breakdown.md", &text);
    eventually("the plan is taken up", || {
        workspace.run(&["events"]).stdout.matches("planAccepted").count() == 2
    });
    std::fs::write(workspace.path("fifo"), "").expect("the fifo");
    let done = ended(owner.wait_with_output().expect("the owner"));
    assert!(
        done.code == 0 && done.stdout.contains("3 completed / 3 total"),
        "{}{}",
        done.stdout,
        done.stderr
    );
    assert!(workspace.path("added").exists());
}

#[test]
fn cancelled_it_ends_and_a_new_run_starts_anew() {
    let workspace = held_back();
    let owner = workspace.start(&["run", "breakdown.md"]);
    eventually("the task has begun", || workspace.path("begun").exists());
    signal(owner.id(), rustix::process::Signal::INT);
    owner.wait_with_output().expect("the owner");
    assert_eq!(workspace.run(&["cancel"]).code, 0);
    assert!(workspace.run(&["report"]).stdout.contains("the execution was cancelled"));
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

pub fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a process id");
    rustix::process::kill_process(pid, signal).expect("the process is there");
}

#[test]
fn from_standard_input_as_json_lines() {
    let workspace = Workspace::new();
    workspace.write("input", COMMANDS);
    let mut command = workspace.command(&["run", "-", "--format", "ndjson"]);
    let input = std::fs::File::open(workspace.path("input")).expect("a file");
    let done = ended(command.stdin(input).output().expect("the binary"));
    assert_eq!(done.code, 0, "{}", done.stderr);
    let lines: Vec<serde_json::Value> =
        done.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.first().map(|line| line["seq"].clone()), Some(1.into()));
    assert_eq!(
        lines.last().map(|line| line["report"]["finalStatus"].clone()),
        Some("Complete".into())
    );
    assert!(done.stderr.is_empty(), "{}", done.stderr);
}

#[test]
fn only_some_tasks_and_what_they_wait_for() {
    let text = format!("{COMMANDS}- [ ] Task 3: three\n  - Depends on: 2\n  - Run: touch three\n");
    let workspace = Workspace::with(&[("breakdown.md", &text)]);
    let done = workspace.run(&["run", "breakdown.md", "--only", "2"]);
    assert!(
        done.code == 0 && done.stdout.contains("2 completed / 2 total"),
        "{}{}",
        done.stdout,
        done.stderr
    );
    assert!(!workspace.path("three").exists());
    let wrong = workspace.run(&["run", "breakdown.md", "--only", "9", "--fresh"]);
    assert!(
        wrong.code == 2 && wrong.stderr.contains("the breakdown has no such task"),
        "{}",
        wrong.stderr
    );
}

/// The mission's complex example half-way: streams A and B complete, C in progress, D waiting.
#[test]
fn the_status_of_the_complex_example_half_way() {
    let config = "[agents.implementation-agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n[agents.chat-expert]\nkind = \"command\"\ncommand = [\"./advise.sh\"]\nskills = [\"broadcasting\"]\n[agents.qa-reviewer]\nkind = \"command\"\ncommand = [\"./review.sh\"]\n[[gates]]\nname = \"tests\"\nlevel = \"task\"\ncommand = [\"./test.sh\", \"{task}\"]\n[[gates]]\nname = \"stream\"\nlevel = \"stream\"\ncommand = [\"./cover.sh\"]\ncoverage = { file = \"lcov.info\", min_pct = 90 }\n";
    let agent = "#!/bin/sh\ncat > /dev/null\nt=$EXECUTION_COORDINATOR_TASK\nif [ $EXECUTION_COORDINATOR_ROLE = tests ]; then echo t > tests-$t; else if [ $t = 5 ]; then touch begun; cat fifo; fi; echo w > work-$t; fi\necho '{\"status\":\"complete\",\"summary\":\"did it\"}'\n";
    let test = "#!/bin/sh\nif [ -e tests-$1 ] && [ ! -e work-$1 ]; then echo 'not ok 1 - new'; exit 1; fi\necho 'ok 1 - new'\n";
    let cover = "#!/bin/sh\nprintf 'LF:100\\nLH:95\\n' > lcov.info\n";
    let workspace = Workspace::with(&[
        ("breakdown.md", include_str!("../../examples/chat-system/breakdown.md")),
        ("execution-coordinator.toml", config),
        ("agent.sh", agent),
        ("test.sh", test),
        ("cover.sh", cover),
        ("advise.sh", "#!/bin/sh\ncat > /dev/null\necho 'save first'\n"),
        ("review.sh", "#!/bin/sh\ncat > /dev/null\necho '{\"verdict\":\"pass\"}'\n"),
    ]);
    assert!(
        std::process::Command::new("mkfifo")
            .arg(workspace.path("fifo"))
            .status()
            .expect("mkfifo")
            .success()
    );
    let owner = workspace.start(&["run", "breakdown.md"]);
    eventually("everything before task 6 but task 5 is done", || {
        let status = workspace.run(&["status"]).stdout;
        status.contains("(4/8 tasks done)")
            && status.contains("Gate 1 passed")
            && status.contains("Gate 2 passed")
            && workspace.path("begun").exists()
    });
    let status = workspace.run(&["status"]).stdout;
    // Times differ from run to run.
    let status: String = status
        .lines()
        .map(|line| {
            line.split(", busy ").next().unwrap_or(line).to_owned()
                + if line.contains(", busy ") { ")\n" } else { "\n" }
        })
        .collect();
    let status: String = status
        .lines()
        .map(|line| {
            if line.contains(" to go)") {
                "- Timeline Impact: None (… to go)\n".to_owned()
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    expect_test::expect![[r#"
        # Real-time Chat System Execution Status

        ## Execution Overview

        - Total Tasks: 8 across 4 streams
        - Parallel Streams: 4 (Database Foundation, View Foundation, Real-time Infrastructure, Advanced Features)
        - Progress: 50% complete (4/8 tasks done)
        - Critical Path: Stream C (Real-time Infrastructure) - on track

        ## Stream Status

        ### Stream A: Database Foundation (Complete ✅)

        - Task 1: Message Schema ✅ (1 test passes)
        - Task 2: User Association ✅ (1 test passes)
        - Agent: implementation-agent
        - Quality: Gate 1 passed ✅

        ### Stream B: View Foundation (Complete ✅)

        - Task 3: View Module ✅ (1 test passes)
        - Task 4: Authentication ✅ (1 test passes)
        - Agent: implementation-agent
        - Quality: Gate 2 passed ✅

        ### Stream C: Real-time Infrastructure (In Progress 🔄)

        - Task 5: PubSub Integration 🔄 (implementation-agent working)
        - Task 6: Message Persistence 🔄 (waiting on Task 5)
        - Dependencies: Task 1 complete ✅, Task 3 complete ✅
        - Agent: implementation-agent + chat-expert consultation
        - Quality: Gate 3 pending ⏸️
        - Status: 25% complete, proceeding normally

        ### Stream D: Advanced Features (Blocked ⏸️)

        - Task 7: Presence Integration ⏸️ (blocked on Stream C)
        - Task 8: Message History ⏸️ (blocked on Stream C)
        - Dependencies: Stream C
        - Agent: implementation-agent
        - Quality: Gate 4 pending ⏸️
        - Status: Awaiting Stream C completion

        ## Agent Coordination Status

        - chat-expert: Available (1 done)
        - implementation-agent: Active on Task 5
        - shell: Available
        - Review agents: 4 of 4 reviews passed

        ## Quality Assurance Status

        - TDD/BDD Compliance: 100% (all tasks follow test-first)
        - Test Coverage: 95%
        - Quality Gates Passed: 6/12 (Streams A, B)
        - Continuous Reviews: All passing

        ## Critical Path Analysis

        - Current bottleneck: Task 5 (PubSub Integration)
        - Timeline Impact: None (… to go)
        - Risk Level: Low

        ## Deliverable Status

        - Feature functionality: 4 of 8 tasks done
        - Integration: gates pending
        - Deployment readiness: not measured

        ## Next Coordination Actions

        1. Monitor Task 5 (PubSub Integration)
        2. Schedule Stream D upon Stream C
    "#]]
    .assert_eq(&status);
    std::fs::write(workspace.path("fifo"), "").expect("the fifo");
    let done = ended(owner.wait_with_output().expect("the owner"));
    assert!(
        done.code == 0 && done.stdout.contains("- Test Coverage: 95% achieved"),
        "{}{}",
        done.stdout,
        done.stderr
    );
}

#[test]
fn a_changed_config_is_taken_up_and_a_broken_one_is_not() {
    let workspace = held_back();
    workspace.write("execution-coordinator.toml", "[execution]\nmax_parallel = 1\n");
    let owner = workspace.start(&["run", "breakdown.md"]);
    eventually("the task has begun", || workspace.path("begun").exists());
    workspace.write("execution-coordinator.toml", "[execution]\nmax_paralel = 2\n");
    workspace.write("execution-coordinator.toml", "[execution]\nmax_parallel = 2\n");
    eventually("the rules are taken up", || {
        workspace.run(&["events"]).stdout.contains("\"maxParallel\":2")
    });
    std::fs::write(workspace.path("fifo"), "").expect("the fifo");
    assert_eq!(ended(owner.wait_with_output().expect("the owner")).code, 0);
}

#[test]
fn too_little_coverage_and_none_at_all_are_no_pass() {
    for (lcov, says) in [
        ("LF:10\\nLH:5\\n", "coverage is 50.0 %, 80 % are asked for"),
        ("", "its coverage could not be read"),
    ] {
        let workspace = with_agents();
        workspace.write("review.sh", "#!/bin/sh\necho '{\"verdict\":\"pass\"}'\n");
        workspace.write("cover.sh", &format!("#!/bin/sh\nprintf '{lcov}' > lcov.info\n"));
        workspace.write("execution-coordinator.toml", &format!("{AGENTS}[[gates]]\nname = \"cover\"\nlevel = \"system\"\ncommand = [\"./cover.sh\"]\ncoverage = {{ file = \"lcov.info\", min_pct = 80 }}\n"));
        let done = workspace.run(&["run", "breakdown.md"]);
        assert!(done.code != 0 && done.stdout.contains(says), "{} {}", done.code, done.stdout);
    }
}

#[test]
fn events_and_output_can_be_followed_while_it_runs() {
    let workspace = held_back();
    let owner = workspace.start(&["run", "breakdown.md"]);
    eventually("the task has begun", || workspace.path("begun").exists());
    let follower = workspace.start(&["events", "--follow", "--from", "2"]);
    std::fs::write(workspace.path("fifo"), "").expect("the fifo");
    assert_eq!(ended(owner.wait_with_output().expect("the owner")).code, 0);
    let followed = ended(follower.wait_with_output().expect("the follower"));
    let all = workspace.run(&["events"]).stdout;
    assert_eq!(followed.stdout.lines().count() + 1, all.lines().count());
    assert_eq!(followed.stdout.lines().last(), all.lines().last());
}

#[test]
fn init_writes_a_config_that_is_good_and_fits_the_project() {
    let workspace = Workspace::with(&[("Cargo.toml", ""), ("breakdown.md", COMMANDS)]);
    assert_eq!(workspace.run(&["init"]).code, 0);
    assert!(
        workspace.read("execution-coordinator.toml").contains("command = [\"cargo\", \"test\"]")
    );
    assert_eq!(workspace.run(&["init"]).code, 2);
    let agents = workspace.run(&["agents"]);
    assert!(agents.code == 0 && agents.stdout.contains("shell"), "{}", agents.stderr);
    assert_eq!(workspace.run(&["plan", "breakdown.md"]).code, 0);
    for format in ["json", "mermaid", "dot", "svg"] {
        assert!(
            workspace.run(&["plan", "breakdown.md", "--format", format]).stdout.len() > 50,
            "{format}"
        );
    }
    let check = workspace.run(&["check", "breakdown.md", "--format", "sarif"]);
    assert!(check.code == 0 && check.stdout.contains("\"version\": \"2.1.0\""));
    assert!(workspace.run(&["completions", "bash"]).stdout.contains("execution-coordinator"));
}

#[test]
fn what_was_added_to_a_complete_breakdown_is_run_without_the_rest() {
    let workspace = Workspace::with(&[("breakdown.md", COMMANDS)]);
    assert_eq!(workspace.run(&["run", "breakdown.md", "--only", "1"]).code, 0);
    let all = workspace.run(&["run", "breakdown.md"]);
    assert!(all.code == 0 && all.stdout.contains("2 completed / 2 total"), "{}", all.stdout);
    workspace.write(
        "breakdown.md",
        &format!("{COMMANDS}- [ ] Task 3: three\n  - Depends on: 2\n  - Run: touch three\n"),
    );
    let more = workspace.run(&["run", "breakdown.md"]);
    assert!(
        more.code == 0 && more.stdout.contains("3 completed / 3 total"),
        "{}{}",
        more.stdout,
        more.stderr
    );
    let attempts =
        workspace.journal().iter().filter(|e| matches!(&e.event, Event::Ordered { .. })).count();
    assert_eq!(attempts, 3, "what was done is not done again");
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

/// A gate is being judged while the breakdown grows: what it saw is not what there is at the end.
#[test]
fn a_gate_does_not_pass_on_what_it_saw_before_the_last_attempt() {
    let text = "# G\n\n- [ ] Task 1: one\n  - Run: true\n";
    let config = "[[gates]]\nname = \"clean\"\nlevel = \"system\"\ncommand = [\"./clean.sh\"]\n";
    let clean = "#!/bin/sh\ntest ! -e bad; r=$?\nif [ ! -e judging ]; then touch judging; cat fifo; fi\nexit $r\n";
    let workspace = Workspace::with(&[
        ("breakdown.md", text),
        ("execution-coordinator.toml", config),
        ("clean.sh", clean),
    ]);
    assert!(
        std::process::Command::new("mkfifo")
            .arg(workspace.path("fifo"))
            .status()
            .expect("mkfifo")
            .success()
    );
    let owner = workspace.start(&["run", "breakdown.md"]);
    eventually("the gate is being judged", || workspace.path("judging").exists());
    workspace.write(
        "breakdown.md",
        &format!("{text}- [ ] Task 2: two\n  - Depends on: 1\n  - Run: touch bad\n"),
    );
    eventually("task 2 is done", || {
        workspace.run(&["events"]).stdout.matches("taskDone").count() == 2
    });
    std::fs::write(workspace.path("fifo"), "").expect("the fifo");
    let done = ended(owner.wait_with_output().expect("the owner"));
    assert!(
        done.code == 3 && done.stdout.contains("gate clean failed"),
        "{} {}{}",
        done.code,
        done.stdout,
        done.stderr
    );
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

#[test]
fn an_approval_does_not_outlive_the_work_that_it_was_given_for() {
    let config = "[[gates]]\nname = \"human\"\nlevel = \"task\"\napproval = true\n";
    let workspace = Workspace::with(&[
        ("breakdown.md", "# A\n\n- [ ] Task 1: one\n  - Run: true\n"),
        ("execution-coordinator.toml", config),
    ]);
    let waits = workspace.run(&["run", "breakdown.md"]);
    assert!(
        waits.code == 4
            && waits
                .stdout
                .contains("task 1 waits for an approval: `approve human@1` or `reject human@1`"),
        "{}",
        waits.stdout
    );
    let status = workspace.run(&["status"]).stdout;
    assert!(
        status.contains("(waits for approval)")
            && status.contains("- Decide human@1: `approve human@1`")
            && status.contains("Timeline: Held up"),
        "{status}"
    );
    assert_eq!(workspace.run_at_terminal(&["reject", "human@1", "--reason", "not yet"]).code, 0);
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 4);
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 4, "tried again, it is asked again");
    assert_eq!(workspace.run_at_terminal(&["approve", "human@1"]).code, 0);
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 0);
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

#[test]
fn what_is_said_on_stderr_is_progress_and_counts_towards_the_limit() {
    let config = AGENTS
        .replace("[execution]", "[execution]\nidle_timeout = \"1s\"\noutput_limit_bytes = 100000\nmax_attempts = 1\ntests_first = \"off\"");
    let talk = "#!/bin/sh\ncat > /dev/null\nfor word in a b c d e f g h i j k l m n o; do echo \"log $word\" >&2; sleep 0.1; done\necho x > work\necho x >> work\necho '{\"status\":\"complete\"}'\n";
    let workspace = with_agents();
    workspace.write("execution-coordinator.toml", &config);
    workspace.write("agent.sh", talk);
    let done = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    let flood = with_agents();
    flood.write("execution-coordinator.toml", &config);
    flood.write("agent.sh", "#!/bin/sh\ncat > /dev/null\nyes abcdefghijklmnopqrstuvwxyz >&2\n");
    let done = flood.run(&["run", "breakdown.md"]);
    assert!(
        done.code == 4 && done.stdout.contains("printed more than its limit"),
        "{}",
        done.stdout
    );
}

#[test]
fn tried_again_after_a_failed_review_its_tests_count_as_seen() {
    let workspace = with_agents();
    let passes = "#!/bin/sh\ncat > /dev/null\necho '{\"verdict\":\"pass\"}'\n";
    workspace.write(
        "review.sh",
        "#!/bin/sh\ncat > /dev/null\necho '{\"verdict\":\"fail\",\"summary\":\"no\"}'\n",
    );
    assert_eq!(workspace.run(&["run", "breakdown.md"]).code, 4);
    workspace.write("review.sh", passes);
    let again = workspace.run(&["run", "breakdown.md"]);
    assert!(
        again.code == 0
            && again.stdout.contains(
                "100% (1 of 1 tasks seen red, then green; 1 unnamed: by exit code and counts)"
            ),
        "{}{}",
        again.stdout,
        again.stderr
    );
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

#[test]
fn a_gate_that_times_out_is_open_and_says_which_limit_it_met() {
    let gate = "[[gates]]\nname = \"slow\"\nlevel = \"system\"\ncommand = [\"sleep\", \"1000\"]\ntimeout = \"300ms\"\n";
    let workspace =
        Workspace::with(&[("breakdown.md", COMMANDS), ("execution-coordinator.toml", gate)]);
    let done = workspace.run(&["run", "breakdown.md"]);
    assert_eq!(done.code, 4, "{}", done.stderr);
    assert!(
        done.stdout
            .contains("its command timed out after 0.3 s: `timeout` of gate `slow` sets the limit"),
        "{}",
        done.stdout
    );
}

#[test]
fn a_task_that_failed_and_was_taken_out_is_not_begun_again_and_a_new_gate_is_judged() {
    let text = "# O\n\n- [ ] Task 1: good\n  - Run: true\n- [ ] Task 2: bad\n  - Depends on: none\n  - Run: echo x >> tried; exit 1\n";
    let workspace = Workspace::with(&[("breakdown.md", text)]);
    assert_eq!(workspace.run(&["run", "breakdown.md", "--deps", "explicit"]).code, 3);
    workspace.write("breakdown.md", "# O\n\n- [ ] Task 1: good\n  - Run: true\n");
    let without = workspace.run(&["run", "breakdown.md", "--deps", "explicit"]);
    assert!(
        without.code == 0 && without.stdout.contains("1 completed / 1 total"),
        "{}{}",
        without.stdout,
        without.stderr
    );
    assert_eq!(workspace.read("tried"), "x\n");
    workspace.write(
        "execution-coordinator.toml",
        "[[gates]]\nname = \"all\"\nlevel = \"system\"\ncommand = [\"true\"]\n",
    );
    let judged = workspace.run(&["run", "breakdown.md", "--deps", "explicit"]);
    assert!(
        judged.code == 0 && judged.stdout.contains("- Quality Gates: 1 passed / 1 total"),
        "{}{}",
        judged.stdout,
        judged.stderr
    );
    assert_eq!(workspace.run(&["audit"]).code, 0);
}

/// However damaged a journal is, it is listed, and its lines can be looked at.
#[test]
fn a_journal_whose_first_line_is_damaged_is_listed_and_shown() {
    let workspace = Workspace::with(&[("b.md", "# X\n\n- [ ] Task 1: a\n  - Run: true\n")]);
    assert_eq!(workspace.run(&["run", "b.md"]).code, 0);
    let journal = workspace.execution().join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replacen("\"opened\"", "\"opemed\"", 1)).unwrap();
    let listed = workspace.run(&["list", "--format", "json"]);
    assert!(listed.stdout.contains("\"unreadable\""), "{}", listed.stdout);
    let events = workspace.run(&["events"]);
    assert_eq!((events.code, events.stdout.lines().count()), (0, text.lines().count()));
    let status = workspace.run(&["status"]);
    assert!(status.code == 5 && status.stderr.contains("journal.jsonl:1"), "{}", status.stderr);
}

/// What was printed for a task stays to be had when the breakdown has it no more.
#[test]
fn the_output_of_a_task_that_was_taken_out_is_still_there() {
    let two = "# X\n\n- [ ] Task 1: a\n  - Run: echo first\n- [ ] Task 2: b\n  - Run: false\n";
    let workspace = Workspace::with(&[("b.md", two)]);
    workspace.run(&["run", "b.md"]);
    workspace.write("b.md", "# X\n\n- [ ] Task 2: b\n  - Run: echo second\n");
    workspace.run(&["run", "b.md"]);
    let output = workspace.run(&["output", "1"]);
    assert!(output.stdout.contains("first"), "{}{}", output.stdout, output.stderr);
}

/// A plan is a look: nothing that a repository names is run for it.
#[test]
fn a_plan_runs_nothing_that_the_repository_names() {
    let plan =
        "# X\n\n- [ ] Task 1: a\n  - Files: src/a.rs\n- [ ] Task 2: b\n  - Files: src/a.rs\n";
    let workspace = Workspace::with(&[
        ("b.md", plan),
        ("src/a.rs", "fn a() {}\n"),
        (".gitattributes", "*.rs filter=x\n"),
        (
            "execution-coordinator.toml",
            "[agents.worker]\nkind = \"command\"\ncommand = [\"true\"]\n",
        ),
    ]);
    commit_all(&workspace);
    let ran = workspace.path("ran");
    let filter = format!("touch {}; cat", ran.display());
    let root = workspace.path(".");
    assert_eq!(git(&root, &["config", "filter.x.clean", &filter]).code, 0);
    workspace.write("src/a.rs", "fn b() {}\n");
    let planned = workspace.run(&["plan", "b.md"]);
    assert_eq!(planned.code, 0, "{}", planned.stderr);
    assert!(!ran.exists(), "a filter was run");
}
