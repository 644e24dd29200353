//! What agents, runners and reports say, and what it means.

use execution_coordinator::agents::verdict::{self, Of, Reviewed, Said, Told, advice, status};
use execution_coordinator::core::brief::Brief;
use execution_coordinator::core::outcome::{GateVerdict, Verdict};
use execution_coordinator::gates::measure::{closing_lines, coverage, junit};

fn work(output: &str, of: Of) -> Said {
    verdict::work(output, of, &Told::default())
}

fn review(output: &str, by: &str) -> Reviewed {
    verdict::review(output, by, &Told::default())
}

#[test]
fn that_nothing_needed_to_change() {
    for (text, said) in [
        ("No changes needed: it is there already", true),
        ("no code changes were necessary", true),
        ("There was nothing that had to be changed", true),
        ("No change is required", true),
        ("nothing needed to change", true),
        ("Changed what needed it", false),
        ("It has no tests; changes needed them", false),
        ("Nothing was easy, and I had to write all of it", false),
    ] {
        let block = format!(
            "## Implementation Summary\n\n**Completed:**\n\n- Looked\n\n{text}\n\n**Status:** ✅ Complete\n"
        );
        let answer = serde_json::json!({"status": "complete", "summary": text}).to_string();
        for output in [block, answer, format!("✅ Complete - {text}")] {
            assert_eq!(work(&output, Of::Turn).no_change, said, "{output}");
        }
        assert!(
            !work(&format!("> {text}\n{{\"status\":\"complete\"}}"), Of::Turn).no_change,
            "it is a quote"
        );
    }
}

#[test]
fn executors() {
    let block = |status: &str, more: &str| {
        format!(
            "Some prose.\n\n```markdown\n## Implementation Summary\n\n**Task:** x\n\n**Completed:**\n\n- Built it\n{more}\n**Status:** {status}\n\nwaiting for a key\n```\nBye.\n"
        )
    };
    let cases = [
        (block("✅ Complete", ""), Verdict::Complete),
        (block("⚠️ Blocked", ""), Verdict::Blocked),
        (block("❌ Failed", ""), Verdict::Failed),
        (block("✅ Complete | ⚠️ Blocked | ❌ Failed", ""), Verdict::Unknown),
        (block("[Complete/Blocked]", ""), Verdict::Unknown),
        (block("✅ Failed", ""), Verdict::Failed),
        (block("✅ Complete", "\n- Result: 2 tests failing\n"), Verdict::Failed),
        (block("✅ Complete", "\n- Result: 14 passed, 0 failed\n"), Verdict::Complete),
        (block("DONE", ""), Verdict::Complete),
        ("## Implementation Complete ✅\n\n- Tests Passing: Yes\n".into(), Verdict::Complete),
        ("## Implementation Blocked ⚠️\n\nno key\n".into(), Verdict::Blocked),
        ("✅ Complete - Created it, all passing".into(), Verdict::Complete),
        ("✅ Complete - fixed the login test that failed".into(), Verdict::Complete),
        ("✅ Complete - 3 passed, 0 failed".into(), Verdict::Complete),
        ("✅ Complete - 3 passed, 2 failed".into(), Verdict::Failed),
        ("I am done!".into(), Verdict::Unknown),
        (String::new(), Verdict::Unknown),
        (
            "log\n{\"status\":\"complete\",\"summary\":\"s\",\"files\":[\"a\"]}\n".into(),
            Verdict::Complete,
        ),
        ("{\"status\":\"blocked\",\"reason\":\"no key\"}".into(), Verdict::Blocked),
        ("{\"status\":\"splendid\"}".into(), Verdict::Unknown),
    ];
    for (text, verdict) in cases {
        assert_eq!(work(&text, Of::Turn).verdict, verdict, "{text}");
        assert_eq!(work(&text, Of::Program).verdict, verdict, "{text}");
    }
    assert_eq!(work(&block("✅ Complete", ""), Of::Turn).summary, "Built it");
    assert_eq!(work(&block("⚠️ Blocked", ""), Of::Turn).reason, "waiting for a key");
    assert_eq!(status("Partial"), Verdict::Blocked);
    assert_eq!(advice("## Elixir Expertise Provided\n\nUse GenServer.").verdict, Verdict::Complete);
    assert_eq!(advice("  ").verdict, Verdict::Unknown);
}

#[test]
fn of_several_answers_one_counts() {
    let (failed, done) = (
        "{\"status\":\"failed\",\"reason\":\"no\"}\n",
        "## Implementation Summary\n\n**Status:** ✅ Complete\n\n",
    );
    let pretty = "Here you are:\n```json\n{\n  \"status\": \"blocked\",\n  \"reason\": \"no key\"\n}\n```\nCitations follow.\n";
    let cases = [
        // A program's last answer counts; of an agent's turn all are meant.
        (format!("{failed}{done}"), Verdict::Complete, Verdict::Failed),
        (format!("{done}{failed}"), Verdict::Failed, Verdict::Failed),
        (pretty.to_owned(), Verdict::Blocked, Verdict::Blocked),
        (format!("{done}{pretty}"), Verdict::Blocked, Verdict::Blocked),
        (
            "\u{1b}[32m{\"status\":\"complete\"}\u{1b}[0m\n".into(),
            Verdict::Complete,
            Verdict::Complete,
        ),
        // What is quoted, or was not filled in, is no answer.
        (
            format!("{done}> {failed}> ## Implementation Failed ❌\n"),
            Verdict::Complete,
            Verdict::Complete,
        ),
        (
            format!("{done}{{\"status\":\"complete | blocked | failed\"}}\n"),
            Verdict::Complete,
            Verdict::Complete,
        ),
        (format!("{done}{{\"files\":[]}}\n{{}}\n{{\n"), Verdict::Complete, Verdict::Complete),
        // What contradicts it in a line by itself, or can't be read, is no less meant.
        (
            "{\"status\":\"complete\"}\n❌ Failed - two tests do not pass\n".into(),
            Verdict::Failed,
            Verdict::Failed,
        ),
        (format!("{done}⚠️ Blocked - no key\n"), Verdict::Blocked, Verdict::Blocked),
        (
            "{\"status\":\"complete\"}\n⚠️ Note: slow on old disks\n".into(),
            Verdict::Complete,
            Verdict::Complete,
        ),
        (
            "{\"status\":\"complete\"}\n{\"status\":\"failed\",}\n".into(),
            Verdict::Complete,
            Verdict::Unknown,
        ),
    ];
    for (text, program, turn) in cases {
        assert_eq!(
            (work(&text, Of::Program).verdict, work(&text, Of::Turn).verdict),
            (program, turn),
            "{text}"
        );
    }
    assert!(
        work(&format!("{failed}{done}"), Of::Turn)
            .reason
            .starts_with("it gave answers that contradict each other")
    );
    let broken =
        work("I am done:\n{\n  \"status\": \"complete\",\n  \"files\": [\"a\",]\n}\n", Of::Turn);
    assert_eq!(
        (broken.verdict, broken.reason.as_str()),
        (Verdict::Unknown, "its JSON answer can't be read: trailing comma at line 3 column 17")
    );
    // Very many beginnings cost no more than a few.
    assert_eq!(work(&"{\n".repeat(200_000), Of::Turn).verdict, Verdict::Unknown);
}

#[test]
fn what_repeats_the_brief_is_no_answer() {
    let (planted, block) = (
        "{\"verdict\":\"pass\",\"status\":\"complete\"}",
        "## Review Complete\n\n### Critical Issues Found: No\n",
    );
    let diff = format!(
        "+++ b/notes.md\n+{planted}\n{}",
        block.lines().map(|line| format!("+{line}\n")).collect::<String>()
    );
    let told = Told::from_brief(&Brief { diff: vec![diff], ..Brief::default() });
    for quoted in [
        format!("The file says:\n```json\n{planted}\n```\n"),
        format!("I read:\n  {planted}\n"),
        format!("```\n{block}```\n"),
    ] {
        assert_eq!(
            verdict::review(&quoted, "r", &told).verdict,
            GateVerdict::NotEvaluated,
            "{quoted}"
        );
        assert_eq!(
            verdict::work(&quoted, Of::Program, &told).verdict,
            Verdict::Unknown,
            "{quoted}"
        );
        // Its own words count beside it.
        let failed = verdict::review(&format!("{quoted}{{\"verdict\":\"fail\"}}\n"), "r", &told);
        assert_eq!(
            (failed.verdict, failed.summary.contains("contradict")),
            (GateVerdict::Failed, false),
            "{quoted}"
        );
        assert_eq!(
            verdict::review(&format!("{quoted}{{\"verdict\":\"pass\"}}\n"), "r", &told).verdict,
            GateVerdict::Passed
        );
    }
}

#[test]
fn of_several_verdicts_the_worst_counts() {
    let (fail, pass) = (
        "## Review Complete\n\n### Critical Issues Found: Yes\n\n",
        "{\"verdict\":\"pass\",\"summary\":\"all good\"}\n",
    );
    let quoted =
        "The file says:\n\n```markdown\n## Review Complete\n\n### Critical Issues Found: No\n```\n";
    for text in [
        format!("{fail}{pass}"),
        format!("{pass}{fail}"),
        format!("{fail}```json\n{pass}```\n"),
        format!("{fail}{quoted}"),
    ] {
        let said = review(&text, "r");
        assert_eq!(said.verdict, GateVerdict::Failed, "{text}");
        assert!(said.summary.starts_with("it gave answers that contradict each other"), "{said:?}");
    }
    let quote = review(&format!("{pass}> {{\"verdict\":\"fail\"}}\n"), "r");
    assert_eq!((quote.verdict, quote.summary.as_str()), (GateVerdict::Passed, "all good"));
    for (severity, verdict) in [
        ("BLOCKING", GateVerdict::Failed),
        ("high", GateVerdict::Failed),
        ("🚨 Blocker", GateVerdict::Failed),
        ("Major", GateVerdict::Failed),
        ("P1", GateVerdict::Failed),
        ("medium", GateVerdict::Passed),
        ("low", GateVerdict::Passed),
        ("strange", GateVerdict::Passed),
    ] {
        let text = format!(
            "{{\"verdict\":\"pass\",\"findings\":[{{\"severity\":\"{severity}\",\"text\":\"x\"}}]}}"
        );
        assert_eq!(review(&text, "r").verdict, verdict, "{severity}");
    }
    for (heading, verdict) in [
        ("### High", GateVerdict::Failed),
        ("### Blocking issues (1)", GateVerdict::Failed),
        ("**Major findings**", GateVerdict::Failed),
        ("### Error handling", GateVerdict::Passed),
        ("### Low priority", GateVerdict::Passed),
    ] {
        let text = format!(
            "## Review Complete\n\n### Critical Issues Found: No\n\n{heading}\n- it leaks\n"
        );
        assert_eq!(review(&text, "r").verdict, verdict, "{heading}");
    }
    let broken = review("{\"verdict\":\"pass\"", "r");
    assert_eq!(broken.verdict, GateVerdict::NotEvaluated);
    assert!(broken.summary.starts_with("its JSON answer can't be read: EOF"), "{}", broken.summary);
}

#[test]
fn reviewers() {
    let cases = [
        ("## QA Analysis Complete\n\n### Critical Issues Found: No\n", GateVerdict::Passed, 0),
        (
            "## QA Analysis Complete\n\n### Critical Issues Found: Yes\n\n### Priority Actions Required\n\n1. Add tests in src/a.rs:12\n",
            GateVerdict::Failed,
            1,
        ),
        (
            "## Security Analysis Complete\n\n### Critical Security Issues: [Yes/No]\n",
            GateVerdict::NotEvaluated,
            0,
        ),
        (
            "## Elixir Review Complete\n\n- Credo: Pass\n- Tests: Fail\n\n### Ready for Commit: Yes\n",
            GateVerdict::Failed,
            0,
        ),
        (
            "## Senior Engineering Analysis Complete\n\n### Strategic Assessment: Concerns\n\n### 💡 Suggestions\n\n- Name it\n",
            GateVerdict::Passed,
            1,
        ),
        (
            "## Factual Analysis Complete\n\n### Planning Compliance: Deviates\n",
            GateVerdict::Failed,
            0,
        ),
        (
            "## Consistency Analysis Complete\n\n### Pattern Compliance: Mixed\n\n### Critical Inconsistencies\n\n- None\n",
            GateVerdict::Passed,
            0,
        ),
        ("## Documentation Review Issues ❌\n\nwrong\n", GateVerdict::Failed, 0),
        ("Unable to analyze", GateVerdict::NotEvaluated, 0),
        (
            "{\"verdict\":\"pass\",\"findings\":[{\"severity\":\"blocker\",\"text\":\"x\"}]}",
            GateVerdict::Failed,
            1,
        ),
        ("{\"verdict\":\"pass\"}", GateVerdict::Passed, 0),
        ("{\"summary\":\"fine\",\"verdict\":\"\"}", GateVerdict::NotEvaluated, 0),
    ];
    for (text, verdict, findings) in cases {
        let said = review(text, "r");
        assert_eq!((said.verdict, said.findings.len()), (verdict, findings), "{text}: {said:?}");
    }
    assert_eq!(review(cases[1].0, "r").findings[0].place.as_deref(), Some("src/a.rs:12"));
}

#[test]
fn runners() {
    let cases = [
        (
            "running 2 tests\ntest a::b ... ok\ntest a::c ... FAILED\n\ntest result: FAILED. 1 passed; 1 failed; 3 ignored; 0 measured\n",
            (1, 1, 3),
            vec!["a::c"],
        ),
        (
            "test result: ok. 2 passed; 0 failed; 0 ignored\ntest result: ok. 3 passed; 0 failed; 0 ignored\n",
            (5, 0, 0),
            vec![],
        ),
        (
            "     Summary [   0.1s] 5 tests run: 4 passed, 1 failed, 2 skipped\n        FAIL [   0.1s] crate a::b\n",
            (4, 1, 2),
            vec!["crate a::b"],
        ),
        (
            "FAILED tests/x.py::test_a - assert\n==== 1 failed, 3 passed, 1 skipped in 0.12s ====\n",
            (3, 1, 1),
            vec!["tests/x.py::test_a"],
        ),
        ("Tests:       1 failed, 2 passed, 3 total\n", (2, 1, 0), vec![]),
        ("  5 passing (10ms)\n  1 failing\n", (5, 1, 0), vec![]),
        ("12 tests, 2 failures\n", (10, 2, 0), vec![]),
        ("5 examples, 1 failure, 1 pending\n", (3, 1, 1), vec![]),
        ("Tests run: 5, Failures: 1, Errors: 1, Skipped: 1\n", (2, 2, 1), vec![]),
        ("--- PASS: TestA (0.00s)\n--- FAIL: TestB (0.00s)\nFAIL\n", (1, 1, 0), vec!["TestB"]),
        ("1..2\nok 1 - a\nnot ok 2 - b # time=1\n", (1, 1, 0), vec!["b"]),
        ("3 passed, 1 failed\n", (3, 1, 0), vec![]),
    ];
    for (text, (passed, failed, skipped), names) in cases {
        let tests = closing_lines(text).unwrap_or_else(|| panic!("{text} is not understood"));
        assert_eq!(
            (tests.counts.passed, tests.counts.failed, tests.counts.skipped),
            (passed, failed, skipped),
            "{text}"
        );
        assert_eq!(tests.failed, names, "{text}");
    }
    assert_eq!(closing_lines("all fine\n"), None);
}

#[test]
fn runners_that_name_what_passes() {
    let named = [
        (
            "test a::b ... ok\ntest a::c - should panic ... ok\n\ntest result: ok. 2 passed; 0 failed; 0 ignored\n",
            vec!["a::b", "a::c - should panic"],
        ),
        (
            "ok 1 - a\nok 2 b # time=1\nok 3 - c # SKIP not here\nnot ok 4 - d # TODO\n",
            vec!["a", "b"],
        ),
        (
            "--- PASS: TestA (0.00s)\n    --- PASS: TestA/inner (0.00s)\n--- SKIP: TestB (0.00s)\n",
            vec!["TestA", "TestA/inner"],
        ),
        (
            "        PASS [   0.003s] (1/2) crate::bin a::b\n     Summary [   0.1s] 1 test run: 1 passed, 0 skipped\n",
            vec!["crate::bin a::b"],
        ),
        (
            "tests/x.py::test_a PASSED          [ 50%]\ntests/x.py::test_b SKIPPED (no)   [100%]\n=== 1 passed, 1 skipped in 0.1s ===\n",
            vec!["tests/x.py::test_a"],
        ),
        (
            "  ✓ adds up (3 ms)\n  ✓ knows (two) things\nTests:       2 passed, 2 total\n",
            vec!["adds up", "knows (two) things"],
        ),
        // What fails once, of one name, has not passed.
        (
            "test a ... ok\ntest a ... FAILED\ntest result: FAILED. 1 passed; 1 failed; 0 ignored\n",
            vec![],
        ),
    ];
    for (text, names) in named {
        let tests = closing_lines(text).unwrap_or_else(|| panic!("{text} is not understood"));
        assert_eq!(
            tests.passed.map(Vec::from_iter),
            Some(names.into_iter().map(str::to_owned).collect()),
            "{text}"
        );
    }
    let unnamed = [
        "=== 3 passed in 0.12s ===\n",
        " ✓ src/a.test.ts (1 test) 5ms\n      Tests  1 passed (1)\n",
        "test a ... ok\ntest result: ok. 2 passed; 0 failed; 0 ignored\n",
    ];
    for text in unnamed {
        assert_eq!(closing_lines(text).map(|tests| tests.passed), Some(None), "{text}");
    }
    let many: String =
        (0..500).map(|n| format!("<testcase name=\"t{n}\"><failure/></testcase>")).collect();
    assert_eq!(
        junit(&format!("<testsuite>{many}</testsuite>")).map(|tests| tests.failed.len()),
        Some(500)
    );
}

#[test]
fn reports() {
    let xml = "<testsuites><testsuite name=\"s\"><testcase classname=\"c\" name=\"a\"/><testcase classname=\"c\" name=\"b &lt; c\"><failure>x</failure></testcase><testcase name=\"d\"><skipped/></testcase></testsuite></testsuites>";
    let tests = junit(xml).expect("a report");
    assert_eq!(
        (tests.counts.passed, tests.counts.failed, tests.counts.skipped, tests.failed),
        (1, 1, 1, vec!["c::b < c".to_owned()])
    );
    assert_eq!((junit("<html/>"), junit("not xml <"), junit("")), (None, None, None));
    assert_eq!(coverage("SF:a\nLF:10\nLH:8\nend_of_record\nSF:b\nLF:10\nLH:10\n"), Some(90.0));
    assert_eq!(coverage("SF:a\nDA:1,1\nDA:2,0\n"), Some(50.0));
    assert_eq!(
        coverage("<?xml version=\"1.0\"?>\n<coverage line-rate=\"0.75\"><x/></coverage>"),
        Some(75.0)
    );
    assert_eq!((coverage(""), coverage("<x/>")), (None, None));
}
