//! Test counts from JUnit XML and from the closing lines of common runners, coverage from lcov
//! and Cobertura.

use crate::core::outcome::TestCounts;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeSet;

/// Failing tests named at the most.
const MAX_NAMES: usize = 200;

/// What a test report says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tests {
    /// How many.
    pub counts: TestCounts,
    /// Which failed.
    pub failed: Vec<String>,
}

/// Reads a JUnit XML report; none when it is none.
pub fn junit(text: &str) -> Option<Tests> {
    let mut reader = Reader::from_str(text);
    let mut tests = Tests::default();
    let mut failed = BTreeSet::new();
    let mut case: Option<(String, bool, bool)> = None;
    let mut seen = false;
    // What suites say of their failures themselves.
    let mut said = 0;
    loop {
        match reader.read_event().ok()? {
            Event::Eof => break,
            Event::Start(tag) => match tag.local_name().as_ref() {
                "testsuite" | "testsuites" => (seen, said) = (true, said.max(failures(&tag)?)),
                "testcase" => case = Some((case_name(&tag), false, false)),
                name => mark(&mut case, name),
            },
            Event::Empty(tag) => match tag.local_name().as_ref() {
                "testsuite" | "testsuites" => (seen, said) = (true, said.max(failures(&tag)?)),
                "testcase" => count(&mut tests.counts, &mut failed, (case_name(&tag), false, false)),
                name => mark(&mut case, name),
            },
            Event::End(tag) if tag.local_name().as_ref() == "testcase" => {
                if let Some(case) = case.take() {
                    count(&mut tests.counts, &mut failed, case);
                }
            }
            _ => {}
        }
    }
    tests.failed = failed.into_iter().take(MAX_NAMES).collect();
    // A report that contradicts itself shows nothing.
    (seen && (said == 0 || tests.counts.failed > 0)).then_some(tests)
}

/// How many failures a suite says that it has; none where that is no number.
fn failures(suite: &BytesStart<'_>) -> Option<u64> {
    let number = |name: &str| match suite.try_get_attribute(name).ok()? {
        Some(found) => found.value.trim().parse::<u64>().ok(),
        None => Some(0),
    };
    number("failures")?.checked_add(number("errors")?)
}

fn case_name(tag: &BytesStart<'_>) -> String {
    let attribute = |name: &str| {
        let found = tag.try_get_attribute(name).ok().flatten()?;
        Some(quick_xml::escape::unescape(&found.value).map_or_else(|_| found.value.to_string(), std::borrow::Cow::into_owned))
    };
    match (attribute("classname"), attribute("name")) {
        (Some(class), Some(name)) if !class.is_empty() => format!("{class}::{name}"),
        (_, name) => name.unwrap_or_default(),
    }
}

fn mark(case: &mut Option<(String, bool, bool)>, tag: &str) {
    if let Some((_, failed, skipped)) = case {
        match tag {
            "failure" | "error" => *failed = true,
            "skipped" => *skipped = true,
            _ => {}
        }
    }
}

fn count(counts: &mut TestCounts, names: &mut BTreeSet<String>, (name, failed, skipped): (String, bool, bool)) {
    if failed {
        counts.failed += 1;
        names.insert(name);
    } else if skipped {
        counts.skipped += 1;
    } else {
        counts.passed += 1;
    }
}

/// Reads what a runner printed; none when it is none that is known.
pub fn closing_lines(output: &str) -> Option<Tests> {
    let mut counts = TestCounts::default();
    let mut failed = BTreeSet::new();
    let mut known = false;
    let (mut tap, mut go) = (TestCounts::default(), TestCounts::default());
    for line in output.lines() {
        let line = line.trim();
        if let Some(found) = summary(line) {
            known = true;
            counts.passed = counts.passed.saturating_add(found.passed);
            counts.failed = counts.failed.saturating_add(found.failed);
            counts.skipped = counts.skipped.saturating_add(found.skipped);
        }
        failed.extend(failed_name(line));
        match () {
            () if line.starts_with("not ok ") => tap.failed += 1,
            () if line.starts_with("ok ") && line.as_bytes().get(3).is_some_and(u8::is_ascii_digit) => tap.passed += 1,
            () if line.starts_with("--- PASS") => go.passed += 1,
            () if line.starts_with("--- FAIL") => go.failed += 1,
            () if line.starts_with("--- SKIP") => go.skipped += 1,
            () => {}
        }
    }
    // Without a closing line, single results are counted.
    for other in [tap, go] {
        if !known && other.passed + other.failed > 0 {
            known = true;
            counts = other;
        }
    }
    known.then(|| Tests { counts, failed: failed.into_iter().take(MAX_NAMES).collect() })
}

/// The counts of a closing line, by the words that follow or precede its numbers.
fn summary(line: &str) -> Option<TestCounts> {
    let plain = line.trim_matches(['=', ' ', '#']);
    let is = |words: &[&str]| words.iter().all(|word| plain.contains(word));
    let number_first = plain.as_bytes().first().is_some_and(u8::is_ascii_digit);
    let known = plain.starts_with("test result:")                                  // cargo test
        || (plain.starts_with("Summary [") && plain.contains("run:"))              // nextest
        || (line.starts_with('=') && (is(&[" passed"]) || is(&[" failed"])))       // pytest
        || plain.starts_with("Tests:")                                             // jest
        || (plain.starts_with("Tests ") && (is(&["passed"]) || is(&["failed"])))   // vitest
        || (plain.starts_with("Tests run:") && !plain.contains("Time elapsed"))    // surefire
        || (number_first && (is(&[" examples,"]) || is(&[" example,"])))           // RSpec
        || (number_first && is(&[" tests, ", " failure"])) || (number_first && is(&[" test, ", " failure"])) // ExUnit
        || (number_first && plain.split(' ').nth(1).is_some_and(|word| ["passing", "failing", "pending"].contains(&word))) // mocha
        || (number_first && plain.contains(" passed, ") && plain.contains(" failed")); // plain
    if !known {
        return None;
    }
    let words: Vec<&str> = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
    let (mut counts, mut total) = (TestCounts::default(), None);
    for (at, word) in words.iter().enumerate() {
        // `5 passed` in most; `Tests run: 5, Failures: 1` in one.
        let surefire = plain.starts_with("Tests run:");
        let value = if surefire { number(at + 1) } else { at.checked_sub(1).and_then(number) };
        let Some(value) = value else { continue };
        match word.to_lowercase().as_str() {
            "passed" | "passing" => counts.passed = value,
            "failed" | "failing" | "failure" | "failures" | "errors" | "error" => counts.failed = counts.failed.saturating_add(value),
            "skipped" | "ignored" | "pending" | "excluded" | "todo" => counts.skipped = counts.skipped.saturating_add(value),
            "examples" | "example" => total = Some(value),
            "run" if surefire => total = Some(value),
            "tests" | "test" if number_first => total = Some(value),
            _ => {}
        }
    }
    if let Some(total) = total.filter(|_| counts.passed == 0) {
        counts.passed = total.saturating_sub(counts.failed.saturating_add(counts.skipped));
    }
    Some(counts)
}

/// The failing test that a line names.
fn failed_name(line: &str) -> Option<String> {
    let name = if let Some(rest) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
        rest
    } else if let Some(rest) = line.strip_prefix("not ok ") {
        rest.split_once(" - ").map_or(rest, |(_, name)| name).split(" # ").next()?
    } else if let Some(rest) = line.strip_prefix("FAILED ") {
        rest.split(" - ").next()?
    } else if let Some(rest) = line.strip_prefix("--- FAIL: ") {
        rest.split(" (").next()?
    } else if line.starts_with("FAIL [") {
        line.split_once(']')?.1
    } else {
        return None;
    };
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Line coverage in percent, from lcov or Cobertura XML.
pub fn coverage(text: &str) -> Option<f64> {
    if text.trim_start().starts_with('<') { cobertura(text) } else { lcov(text) }
}

fn lcov(text: &str) -> Option<f64> {
    // A number that is none makes all of it none.
    let sum = |key: &str| -> Option<u64> {
        text.lines().filter_map(|line| line.strip_prefix(key)).try_fold(0_u64, |sum, number| sum.checked_add(number.trim().parse().ok()?))
    };
    let (found, hit) = (sum("LF:")?, sum("LH:")?);
    if found > 0 {
        return percent(hit as f64 / found as f64);
    }
    let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("DA:")).collect();
    let hit = lines.iter().filter(|line| line.split(',').nth(1).is_some_and(|count| count != "0")).count();
    if lines.is_empty() { None } else { percent(hit as f64 / lines.len() as f64) }
}

/// A share in percent; none where it can be none.
fn percent(share: f64) -> Option<f64> {
    (0.0..=1.0).contains(&share).then_some(share * 100.0)
}

fn cobertura(text: &str) -> Option<f64> {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().ok()? {
            Event::Eof => return None,
            Event::Start(tag) | Event::Empty(tag) if tag.local_name().as_ref() == "coverage" => {
                let rate = tag.try_get_attribute("line-rate").ok().flatten()?;
                let rate: f64 = rate.value.parse().ok()?;
                return percent(rate);
            }
            _ => {}
        }
    }
}
