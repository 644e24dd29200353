//! Test counts from JUnit XML and from the closing lines of common runners, coverage from lcov
//! and Cobertura.

use crate::core::outcome::TestCounts;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeSet;

/// Failing tests named at most.
const MAX_NAMES: usize = 10_000;
/// What is longer is cut off a name.
const MAX_NAME_CHARS: usize = 1_000;

/// What a test report says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tests {
    /// How many.
    pub counts: TestCounts,
    /// Which failed.
    pub failed: Vec<String>,
    /// Which passed and did not fail as well, where all of them are named.
    pub passed: Option<BTreeSet<String>>,
}

/// Names, as they are read.
#[derive(Default)]
struct Names {
    failed: BTreeSet<String>,
    passed: BTreeSet<String>,
    /// How often a test was named as passed: more than one may have one name.
    passes: u64,
}

impl Names {
    fn add(&mut self, name: &str, result: Shown) {
        let name: String = name.chars().take(MAX_NAME_CHARS).collect();
        match result {
            _ if name.is_empty() => {}
            Shown::Failed => drop(self.failed.insert(name)),
            Shown::Passed => {
                self.passes += 1;
                self.passed.insert(name);
            }
            Shown::Skipped => {}
        }
    }

    fn with_counts(mut self, counts: TestCounts) -> Tests {
        let all = counts.passed > 0 && self.passes >= counts.passed;
        self.passed.retain(|name| !self.failed.contains(name));
        Tests {
            counts,
            failed: self.failed.into_iter().take(MAX_NAMES).collect(),
            passed: all.then_some(self.passed),
        }
    }
}

/// What is shown of one test.
#[derive(Clone, Copy, PartialEq)]
enum Shown {
    Passed,
    Failed,
    Skipped,
}

/// Reads a JUnit XML report; none when it is none.
pub fn junit(text: &str) -> Option<Tests> {
    let mut reader = Reader::from_str(text);
    let (mut counts, mut names) = (TestCounts::default(), Names::default());
    let mut case: Option<(String, Shown)> = None;
    let mut seen = false;
    // What suites say of their failures themselves.
    let mut said = 0;
    loop {
        match reader.read_event().ok()? {
            Event::Eof => break,
            Event::Start(tag) => match tag.local_name().as_ref() {
                "testsuite" | "testsuites" => (seen, said) = (true, said.max(failures(&tag)?)),
                "testcase" => case = Some((case_name(&tag), Shown::Passed)),
                name => mark(&mut case, name),
            },
            Event::Empty(tag) => match tag.local_name().as_ref() {
                "testsuite" | "testsuites" => (seen, said) = (true, said.max(failures(&tag)?)),
                "testcase" => count(&mut counts, &mut names, (case_name(&tag), Shown::Passed)),
                name => mark(&mut case, name),
            },
            Event::End(tag) if tag.local_name().as_ref() == "testcase" => {
                if let Some(case) = case.take() {
                    count(&mut counts, &mut names, case);
                }
            }
            _ => {}
        }
    }
    // A report that contradicts itself shows nothing.
    (seen && (said == 0 || counts.failed > 0)).then(|| names.with_counts(counts))
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
        Some(
            quick_xml::escape::unescape(&found.value)
                .map_or_else(|_| found.value.to_string(), std::borrow::Cow::into_owned),
        )
    };
    match (attribute("classname"), attribute("name")) {
        (Some(class), Some(name)) if !class.is_empty() => format!("{class}::{name}"),
        (_, name) => name.unwrap_or_default(),
    }
}

fn mark(case: &mut Option<(String, Shown)>, tag: &str) {
    if let Some((_, shown)) = case {
        match tag {
            "failure" | "error" => *shown = Shown::Failed,
            "skipped" if *shown == Shown::Passed => *shown = Shown::Skipped,
            _ => {}
        }
    }
}

fn count(counts: &mut TestCounts, names: &mut Names, (name, shown): (String, Shown)) {
    match shown {
        Shown::Passed => counts.passed += 1,
        Shown::Failed => counts.failed += 1,
        Shown::Skipped => counts.skipped += 1,
    }
    names.add(&name, shown);
}

/// Reads what a runner printed; none when it is none that is known.
pub fn closing_lines(output: &str) -> Option<Tests> {
    let mut counts = TestCounts::default();
    let mut names = Names::default();
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
        let Some((by, name, shown)) = named(line) else { continue };
        names.add(name, shown);
        let counts = match by {
            Runner::Tap => &mut tap,
            Runner::Go => &mut go,
            Runner::Other => continue,
        };
        match shown {
            Shown::Passed => counts.passed += 1,
            Shown::Failed => counts.failed += 1,
            Shown::Skipped => counts.skipped += 1,
        }
    }
    // Without a closing line, single results are counted.
    for other in [tap, go] {
        if !known && other.passed + other.failed + other.skipped > 0 {
            known = true;
            counts = other;
        }
    }
    known.then(|| names.with_counts(counts))
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
    let words: Vec<&str> =
        plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
    let (mut counts, mut total) = (TestCounts::default(), None);
    for (at, word) in words.iter().enumerate() {
        // `5 passed` in most; `Tests run: 5, Failures: 1` in one.
        let surefire = plain.starts_with("Tests run:");
        let value = if surefire { number(at + 1) } else { at.checked_sub(1).and_then(number) };
        let Some(value) = value else { continue };
        match word.to_lowercase().as_str() {
            "passed" | "passing" => counts.passed = value,
            "failed" | "failing" | "failure" | "failures" | "errors" | "error" => {
                counts.failed = counts.failed.saturating_add(value)
            }
            "skipped" | "ignored" | "pending" | "excluded" | "todo" => {
                counts.skipped = counts.skipped.saturating_add(value)
            }
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

/// Whose line names a test: of some, the lines are the only counts.
enum Runner {
    Tap,
    Go,
    Other,
}

/// The test that a line names, and what it shows of it.
fn named(line: &str) -> Option<(Runner, &str, Shown)> {
    use Shown::{Failed, Passed, Skipped};
    // cargo test
    if let Some((name, word)) =
        line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
    {
        let word = word.split(',').next().unwrap_or(word);
        let shown = [("ok", Passed), ("FAILED", Failed), ("ignored", Skipped)]
            .into_iter()
            .find(|(known, _)| *known == word)?
            .1;
        return Some((Runner::Other, name.trim(), shown));
    }
    // TAP
    for (word, shown) in [("not ok ", Failed), ("ok ", Passed)] {
        let Some(rest) = line.strip_prefix(word) else { continue };
        let name = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        if shown == Passed && name.len() == rest.len() {
            return None;
        }
        let (name, directive) = name.split_once(" # ").unwrap_or((name, ""));
        let name = name.trim_start().trim_start_matches("- ").trim();
        let directive = directive.trim_start().to_ascii_lowercase();
        let is_skipped = directive.starts_with("skip") || directive.starts_with("todo");
        return Some((Runner::Tap, name, if is_skipped { Skipped } else { shown }));
    }
    // go test
    for (word, shown) in [("--- PASS: ", Passed), ("--- FAIL: ", Failed), ("--- SKIP: ", Skipped)] {
        if let Some(rest) = line.strip_prefix(word) {
            return Some((Runner::Go, rest.split(" (").next().unwrap_or(rest).trim(), shown));
        }
    }
    // nextest: `PASS [   0.004s] (1/5) package::binary test`
    for (word, shown) in [("PASS [", Passed), ("FAIL [", Failed), ("TIMEOUT [", Failed)] {
        if let Some((_, rest)) = line.strip_prefix(word).and_then(|rest| rest.split_once(']')) {
            let rest = rest.trim_start();
            let name = rest
                .strip_prefix('(')
                .and_then(|rest| rest.split_once(')'))
                .map_or(rest, |(_, name)| name);
            return Some((Runner::Other, name.trim(), shown));
        }
    }
    // pytest: its summary, and its lines with `-v`
    let words = [
        ("PASSED", Passed),
        ("FAILED", Failed),
        ("ERROR", Failed),
        ("SKIPPED", Skipped),
        ("XFAIL", Skipped),
        ("XPASS", Passed),
    ];
    for (word, shown) in words {
        if let Some(rest) = line.strip_prefix(word).and_then(|rest| rest.strip_prefix(' ')) {
            let name = rest.split(" - ").next().unwrap_or(rest).trim();
            // Others begin lines with such words too.
            return if word == "FAILED" || name.contains("::") {
                Some((Runner::Other, name, shown))
            } else {
                None
            };
        }
        let before = line
            .rsplit_once(" [")
            .filter(|(_, percent)| percent.ends_with("%]"))
            .map_or(line, |(before, _)| before)
            .trim_end();
        if let Some(name) = before
            .strip_suffix(word)
            .and_then(|name| name.strip_suffix(' '))
            .filter(|name| name.contains("::"))
        {
            return Some((Runner::Other, name.trim(), shown));
        }
    }
    // jest, vitest, mocha; vitest marks files so too
    for (sign, shown) in
        [('✓', Passed), ('✔', Passed), ('✕', Failed), ('✖', Failed), ('×', Failed), ('✗', Failed)]
    {
        if let Some(rest) = line.strip_prefix(sign).and_then(|rest| rest.strip_prefix(' ')) {
            let name = without_duration(rest.trim());
            return if name.ends_with(" test)") || name.ends_with(" tests)") {
                None
            } else {
                Some((Runner::Other, name, shown))
            };
        }
    }
    None
}

/// A name without how long it took: ` (3 ms)`, ` 3ms`.
fn without_duration(name: &str) -> &str {
    let Some((before, last)) =
        name.rsplit_once(" (").filter(|_| name.ends_with(')')).or_else(|| name.rsplit_once(' '))
    else {
        return name;
    };
    let number = last.trim_end_matches(')').trim_end_matches("ms").trim_end_matches('s').trim_end();
    let is_duration = number != last.trim_end_matches(')')
        && !number.is_empty()
        && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_duration { before.trim_end() } else { name }
}

/// Line coverage in percent, from lcov or Cobertura XML.
pub fn coverage(text: &str) -> Option<f64> {
    if text.trim_start().starts_with('<') { cobertura(text) } else { lcov(text) }
}

fn lcov(text: &str) -> Option<f64> {
    // A number that is none makes all of it none.
    let sum = |key: &str| -> Option<u64> {
        text.lines()
            .filter_map(|line| line.strip_prefix(key))
            .try_fold(0_u64, |sum, number| sum.checked_add(number.trim().parse().ok()?))
    };
    let (found, hit) = (sum("LF:")?, sum("LH:")?);
    if found > 0 {
        return percent(hit as f64 / found as f64);
    }
    let counts = text
        .lines()
        .filter_map(|line| line.strip_prefix("DA:"))
        .map(|line| line.split(',').nth(1)?.trim().parse().ok());
    let counts: Vec<u64> = counts.collect::<Option<_>>()?;
    let hit = counts.iter().filter(|count| **count > 0).count();
    if counts.is_empty() { None } else { percent(hit as f64 / counts.len() as f64) }
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
