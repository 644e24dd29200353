//! Text → typed outcome, by the parsing rules for the companion agents' return blocks:
//! of all answers in a turn the worst counts, of those in what a program printed the last; a
//! template that was not filled in, and what is quoted, is none; of an emoji and a word that
//! disagree the worse counts; "complete" with failing tests is not complete; a reviewer without
//! a verdict has not evaluated anything.

use super::answer::{self, Answer};
use crate::core::brief::Brief;
use crate::core::outcome::{Ending, Finding, GateVerdict, Severity, Usage, Verdict};
use std::ops::Range;

/// What an executor, a tester or an expert said.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Its verdict.
    pub verdict: Verdict,
    /// What it did.
    pub summary: String,
    /// Why it is not complete.
    pub reason: String,
    /// Files that it says changed.
    pub files: Vec<String>,
    /// Whether it says that nothing needed to change.
    pub no_change: bool,
    /// Decisions.
    pub decisions: Vec<String>,
    /// What it used.
    pub usage: Usage,
}

/// Longest text that is kept of what an agent says.
const SUMMARY_CHARS: usize = 4_000;

/// Whose words a text is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Of {
    /// An agent's, of its last turn: all of its answers are meant.
    Turn,
    /// All that a program printed: an answer may be about something that came before the last one.
    Program,
}

/// What an agent was told that is from elsewhere: its task, what others found, the files that it is to look at. What it
/// repeats of that is not its answer.
#[derive(Default)]
pub struct Told(String);

impl Told {
    /// That of a brief.
    pub fn from_brief(brief: &Brief) -> Self {
        Self::default().and(brief.from_elsewhere())
    }

    /// With further texts.
    #[must_use]
    pub fn and(mut self, texts: impl IntoIterator<Item: AsRef<str>>) -> Self {
        texts.into_iter().for_each(|text| {
            push_plain(&mut self.0, text.as_ref());
            self.0.push('\n');
        });
        self
    }

    fn has(&self, said: &str) -> bool {
        let mut plain = String::new();
        push_plain(&mut plain, said);
        !plain.is_empty() && self.0.contains(&plain)
    }
}

/// A text without blanks and without the signs of a diff.
fn push_plain(all: &mut String, text: &str) {
    let lines = text.lines().map(|line| line.trim_start_matches(['+', '-', ' ', '\t', '>']));
    lines.for_each(|line| all.extend(line.chars().filter(|c| !c.is_whitespace())));
}

/// Reads what an executor or a tester said.
pub fn work(output: &str, of: Of, told: &Told) -> Said {
    let output = own_words(output);
    let words = [
        "implementation",
        "test development",
        "test fix",
        "complete",
        "documentation",
        "task",
        "execution",
    ];
    let mut all: Vec<(usize, Said)> =
        answers(&output, told).into_iter().map(|(at, answer)| (at, from_answer(answer))).collect();
    let blocks: Vec<_> = Block::all(&output, &words, told)
        .iter()
        .map(|(range, block)| (range.clone(), from_block(block)))
        .collect();
    all.extend(signed_end(&output, &blocks, told));
    all.extend(blocks.into_iter().map(|(range, said)| (range.start, said)));
    all.sort_by_key(|(at, _)| *at);
    let badness = |said: &Said| match said.verdict {
        Verdict::Unknown => 0,
        Verdict::Complete => 1,
        Verdict::Blocked => 2,
        Verdict::Failed => 3,
    };
    let known = || all.iter().map(|(_, said)| said).filter(|said| said.verdict != Verdict::Unknown);
    let chosen = match of {
        Of::Turn => known().max_by_key(|said| badness(said)),
        Of::Program => known().next_back(),
    };
    let Some(chosen) = chosen.or(all.last().map(|(_, said)| said)) else {
        let said = one_line(&output);
        let broken = Some(())
            .filter(|()| said.verdict == Verdict::Unknown)
            .and_then(|()| answer::broken(&output));
        return match broken {
            Some((_, reason)) => Said { reason, ..said },
            None => said,
        };
    };
    let mut chosen = chosen.clone();
    // The last word was to be another one.
    let broken = answer::broken(&output)
        .filter(|(at, _)| of == Of::Turn && all.last().is_some_and(|(last, _)| at > last));
    if let Some((_, why)) = broken.filter(|_| chosen.verdict == Verdict::Complete) {
        (chosen.verdict, chosen.reason) = (Verdict::Unknown, why);
        return chosen;
    }
    if of == Of::Turn && known().any(|said| said.verdict != chosen.verdict) {
        chosen.reason = format!("{CONTRADICTION}: {}", chosen.reason);
    }
    chosen
}

/// What is said of answers of which one counts.
const CONTRADICTION: &str = "it gave answers that contradict each other, and the worst counts";

/// The answers that are an agent's own, with where each begins.
fn answers(output: &str, told: &Told) -> Vec<(usize, Answer)> {
    let own =
        answer::all(output).into_iter().filter(|(range, _)| !told.has(&output[range.clone()]));
    own.map(|(range, answer)| (range.start, answer)).collect()
}

/// A last line that says by itself that something was not done (`❌ Failed - why`), with where it begins. In a block that
/// says so too it is a part of it.
fn signed_end(output: &str, blocks: &[(Range<usize>, Said)], told: &Told) -> Option<(usize, Said)> {
    let end = output.trim_end().len();
    let at = output[..end].rfind('\n').map_or(0, |at| at + 1);
    let line = output[at..end].trim();
    let rest = line
        .strip_prefix(['❌', '⚠', '⛔'])?
        .trim_start_matches('\u{fe0f}')
        .trim_start()
        .to_lowercase();
    let said = one_line(line);
    let is_said = ["failed", "failure", "blocked"].iter().any(|word| rest.starts_with(word))
        && !told.has(line);
    let is_part =
        blocks.iter().any(|(range, block)| range.contains(&at) && block.verdict == said.verdict);
    (is_said && !is_part).then_some((at, said))
}

/// A text without colours, and without what is quoted in it.
fn own_words(output: &str) -> String {
    let plain = anstream::adapter::strip_str(output).to_string();
    plain.split_inclusive('\n').filter(|line| !line.trim_start().starts_with('>')).collect()
}

fn from_block(block: &Block) -> Said {
    let said = block.value("status").or_else(|| block.in_title());
    let mut verdict = said.map_or(Verdict::Unknown, |text| status(&text));
    let mut reason = if verdict == Verdict::Complete {
        String::new()
    } else {
        block.after("status").unwrap_or_default()
    };
    if verdict == Verdict::Complete
        && let Some(failing) = failing_tests(block)
    {
        verdict = Verdict::Failed;
        reason = format!("it says complete, but also: {failing}");
    }
    if verdict == Verdict::Unknown {
        reason = "its status is not filled in or can't be read".into();
    }
    let list = |keys: &[&str]| keys.iter().find_map(|key| block.list(key)).unwrap_or_default();
    let done = list(&["completed", "result", "fix applied", "summary", "what was done"]);
    Said {
        verdict,
        no_change: needs_no_change(&block.text),
        summary: shorten(&if done.is_empty() {
            block.text.trim().to_owned()
        } else {
            done.join("\n")
        }),
        reason,
        files: list(&["files", "files modified", "files changed"]),
        decisions: list(&["decisions", "key decisions"]),
        usage: Usage::default(),
    }
}

/// Reads what an expert printed: advice needs no status.
pub fn advice(output: &str) -> Said {
    let mut said = match answers(&own_words(output), &Told::default()).pop() {
        Some((_, answer)) => from_answer(answer),
        None => Said {
            verdict: Verdict::Complete,
            summary: shorten(output.trim()),
            reason: String::new(),
            files: Vec::new(),
            no_change: false,
            decisions: Vec::new(),
            usage: Usage::default(),
        },
    };
    if said.summary.is_empty() || is_template(&said.summary) {
        said.verdict = Verdict::Unknown;
        said.reason = "it said nothing".into();
    }
    said
}

/// What a reviewer said.
#[derive(Clone, Debug, PartialEq)]
pub struct Reviewed {
    /// Its verdict.
    pub verdict: GateVerdict,
    /// What it found.
    pub findings: Vec<Finding>,
    /// Its own words, or why there is no verdict.
    pub summary: String,
}

/// Reads what a reviewer said: of all its verdicts the worst counts.
pub fn review(output: &str, by: &str, told: &Told) -> Reviewed {
    let output = own_words(output);
    let mut all: Vec<Reviewed> =
        answers(&output, told).iter().map(|(_, answer)| review_from_answer(answer, by)).collect();
    all.extend(
        Block::all(&output, &["analysis", "review", "documentation"], told)
            .iter()
            .map(|(_, block)| review_from_block(block, by)),
    );
    all.splice(0..0, outside_blocks(&output, by, told));
    let of = |verdict: GateVerdict| all.iter().rev().find(|said| said.verdict == verdict);
    match (of(GateVerdict::Failed), of(GateVerdict::Passed)) {
        (Some(failed), Some(_)) => {
            Reviewed { summary: format!("{CONTRADICTION}: {}", failed.summary), ..failed.clone() }
        }
        (Some(said), None) | (None, Some(said)) => said.clone(),
        (None, None) => {
            all.pop().unwrap_or_else(|| {
                unread(&answer::broken(&output).map(|(_, why)| why).unwrap_or_else(|| {
                    "no block of a reviewer was found in what it printed".into()
                }))
            })
        }
    }
}

/// What headings say that stand in no block (`### Critical Issues Found: Yes`), where that is a failure.
fn outside_blocks(output: &str, by: &str, told: &Told) -> Option<Reviewed> {
    let mut fence: Option<(char, usize)> = None;
    let headings = output.lines().map(str::trim).filter(|line| {
        let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~')).unwrap_or(' ');
        let len = line.chars().take_while(|c| *c == mark).count();
        let rest = line.trim_start_matches(mark);
        match fence {
            // By CommonMark: closed by the same marks, at least as many, and nothing behind them.
            Some((open, most)) if mark == open && len >= most && rest.is_empty() => fence = None,
            Some(_) => {}
            None if mark != ' ' && len >= 3 && !(mark == '`' && rest.contains('`')) => {
                fence = Some((mark, len));
            }
            None => return (line.starts_with('#') || line.starts_with("**")) && !told.has(line),
        }
        false
    });
    let block = Block { title: String::new(), text: headings.collect::<Vec<_>>().join("\n") };
    Some(review_from_block(&block, by)).filter(|said| said.verdict == GateVerdict::Failed)
}

fn unread(why: &str) -> Reviewed {
    Reviewed { verdict: GateVerdict::NotEvaluated, findings: Vec::new(), summary: why.to_owned() }
}

fn review_from_block(block: &Block, by: &str) -> Reviewed {
    let findings = block.findings(by);
    let mut worst: Option<GateVerdict> = None;
    for (key, blocking, passing) in RULES {
        let Some(value) = block.value(key) else { continue };
        let lower = value.to_lowercase();
        let verdict = match () {
            () if is_template(&value) => {
                return unread(&format!("`{key}` is a template that was not filled in"));
            }
            () if blocking.iter().any(|word| lower.starts_with(word)) => GateVerdict::Failed,
            () if passing.iter().any(|word| lower.starts_with(word)) => GateVerdict::Passed,
            () => continue,
        };
        worst =
            Some(if worst == Some(GateVerdict::Failed) { GateVerdict::Failed } else { verdict });
    }
    if block.title.contains('❌') {
        worst = Some(GateVerdict::Failed);
    } else if block.title.contains('✅') && worst.is_none() {
        worst = Some(GateVerdict::Passed);
    }
    // The worse of the two: a blocker that is listed counts, whatever the field says.
    if findings.iter().any(|finding| finding.severity == Severity::Blocker) {
        worst = Some(GateVerdict::Failed);
    }
    match worst {
        Some(verdict) => Reviewed { verdict, findings, summary: shorten(block.text.trim()) },
        None => unread("it gives no verdict"),
    }
}

/// Words for how much a finding matters, the most first.
const SEVERITIES: [(Severity, &[&str]); 3] = [
    (
        Severity::Blocker,
        &[
            "blocker", "blocking", "critical", "error", "fatal", "high", "major", "severe", "p0",
            "p1",
        ],
    ),
    (Severity::Concern, &["concern", "important", "medium", "moderate", "warning", "minor", "p2"]),
    (
        Severity::Suggestion,
        &["suggestion", "info", "low", "nit", "note", "optional", "trivial", "p3"],
    ),
];

/// What a word for it says of a finding; one that is not known matters.
fn severity(word: &str) -> Severity {
    let lower = word.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
    let known =
        SEVERITIES.iter().find(|(_, known)| known.iter().any(|known| words.contains(known)));
    known.map_or(Severity::Concern, |(severity, _)| *severity)
}

/// Whether a heading is a word for how much something matters, and says nothing else: `High`, `Blocking issues (2)`.
fn is_severity(heading: &str) -> bool {
    const BESIDE: [&str; 11] = [
        "issue", "issues", "finding", "findings", "problem", "problems", "severity", "priority",
        "errors", "warnings", "level",
    ];
    let known = |word: &str| SEVERITIES.iter().any(|(_, known)| known.contains(&word));
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let mut words = heading.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.clone().any(known)
        && words.all(|word| known(word) || BESIDE.contains(&word) || is_number(word))
}

/// Fields of the reviewers' blocks: what blocks, and what passes.
const RULES: [(&str, &[&str], &[&str]); 16] = [
    ("critical issues found", &["yes"], &["no"]),
    ("critical security issues", &["yes"], &["no"]),
    ("critical issues", &["yes"], &["no"]),
    ("ready for commit", &["no"], &["yes"]),
    ("pattern compliance", &[], &["consistent", "mixed", "deviations"]),
    ("planning compliance", &["deviates"], &["matches", "no plan"]),
    ("duplication level", &[], &["low", "medium", "high"]),
    ("strategic assessment", &["critical"], &["sustainable", "concerns"]),
    ("mix format", &["fail"], &["pass"]),
    ("credo", &["fail"], &["pass", "warning"]),
    ("dialyzer", &["fail"], &["pass", "warning"]),
    ("tests", &["fail"], &["pass"]),
    ("overall test quality", &["poor"], &["excellent", "good", "fair"]),
    ("verdict", &["fail", "reject", "blocked"], &["pass", "approve"]),
    ("task quality", &["needs fix"], &["approved"]),
    ("status", &["❌", "fail", "blocked", "⚠", "needs"], &["✅", "pass", "approved"]),
];

/// What an executor, a tester or an expert gave as an object.
pub fn from_answer(answer: Answer) -> Said {
    let verdict = answer.status.as_deref().map_or(Verdict::Unknown, status);
    Said {
        no_change: needs_no_change(&answer.summary) || needs_no_change(&answer.reason),
        reason: if verdict == Verdict::Unknown && answer.reason.is_empty() {
            "its answer has no status `complete`, `blocked` or `failed`".into()
        } else {
            answer.reason
        },
        verdict,
        summary: shorten(&answer.summary),
        files: answer.files,
        decisions: answer.decisions,
        usage: Usage::said(answer.tokens, answer.cost_usd),
    }
}

/// What a reviewer gave as an object.
pub fn review_from_answer(answer: &Answer, by: &str) -> Reviewed {
    let finding = |found: &answer::AnswerFinding| Finding {
        by: by.to_owned(),
        severity: severity(&found.severity),
        text: shorten(&found.text),
        place: found.place.clone(),
    };
    let findings: Vec<Finding> = answer.findings.iter().map(finding).collect();
    let said =
        answer.verdict.as_deref().or(answer.status.as_deref()).unwrap_or_default().to_lowercase();
    let blocked = findings.iter().any(|finding| finding.severity == Severity::Blocker);
    let verdict = match said.as_str() {
        _ if blocked => GateVerdict::Failed,
        "pass" | "passed" | "approved" => GateVerdict::Passed,
        "fail" | "failed" | "rejected" => GateVerdict::Failed,
        _ => GateVerdict::NotEvaluated,
    };
    let summary = if verdict == GateVerdict::NotEvaluated {
        "its answer has no verdict `pass` or `fail`".to_owned()
    } else {
        shorten(&answer.summary)
    };
    Reviewed { verdict, findings, summary }
}

/// A status by emoji or word; the worse one where both stand and disagree.
pub fn status(text: &str) -> Verdict {
    // What follows the status itself ("fixed the test that failed") says nothing of it.
    let end = [" - ", " — ", " – ", ": ", " (", ", ", "; ", ". "]
        .iter()
        .filter_map(|by| text.find(by))
        .min();
    let (whole, text) = (text, &text[..end.unwrap_or(text.len())]);
    let lower = text.to_lowercase();
    let words = || lower.split(|c: char| !c.is_alphanumeric() && c != '_');
    let any = |signs: &[char], names: &[&str]| {
        text.contains(signs) || words().any(|word| names.contains(&word))
    };
    let failed = any(&['❌'], &["failed", "failure"]);
    let blocked = any(&['⚠', '⛔'], &["blocked", "needs_context", "partial"]);
    let complete = any(&['✅'], &["complete", "completed", "done", "done_with_concerns"]);
    // More than one alternative with bars between is the template itself.
    if is_template(whole)
        || (whole.contains('|') && [failed, blocked, complete].iter().filter(|is| **is).count() > 1)
    {
        return Verdict::Unknown;
    }
    let negated = lower.contains("not complete") || lower.contains("incomplete");
    match () {
        () if failed => Verdict::Failed,
        () if blocked => Verdict::Blocked,
        () if negated => Verdict::Failed,
        () if complete => Verdict::Complete,
        () => Verdict::Unknown,
    }
}

/// `✅ Complete - what was done`, as a last resort.
fn one_line(output: &str) -> Said {
    let line = output.lines().rev().map(str::trim).find(|line| line.starts_with(['✅', '❌', '⚠']));
    let verdict = line.map_or(Verdict::Unknown, status);
    let failing = line.is_some_and(counts_failures);
    Said {
        verdict: if failing && verdict == Verdict::Complete { Verdict::Failed } else { verdict },
        summary: shorten(line.unwrap_or_default()),
        reason: match verdict {
            Verdict::Complete => String::new(),
            Verdict::Unknown => {
                "no return block and no JSON answer was found in what it printed".into()
            }
            _ => shorten(line.unwrap_or_default()),
        },
        no_change: line.is_some_and(needs_no_change),
        files: Vec::new(),
        decisions: Vec::new(),
        usage: Usage::default(),
    }
}

/// Whether a text says that nothing needed to change: "No changes needed", "no code change was necessary", "nothing had to
/// be changed".
fn needs_no_change(text: &str) -> bool {
    let lower = text.to_lowercase();
    let is_change = |word: &&str| {
        ["change", "changes", "changed", "edit", "edits", "modification", "modifications"]
            .contains(word)
    };
    let is_needed = |word: &&str| ["needed", "required", "necessary"].contains(word);
    // Our own question is no answer.
    let lower = lower.replace("say `no changes needed`", "");
    lower.split(['.', ';', '!', '?', '\n']).any(|sentence| {
        let words: Vec<&str> = sentence
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        words.iter().enumerate().any(|(at, word)| {
            let rest = || words[at + 1..].iter().take(5);
            match *word {
                "no" => rest()
                    .position(is_change)
                    .is_some_and(|change| rest().skip(change).any(is_needed)),
                "nothing" => rest().any(|word| *word == "to") && rest().any(is_change),
                _ => false,
            }
        })
    })
}

/// What a block says against its own "complete".
fn failing_tests(block: &Block) -> Option<String> {
    for key in ["all tests passing", "tests passing"] {
        if let Some(value) = block.value(key).filter(|value| value.to_lowercase().starts_with("no"))
        {
            return Some(format!("{key}: {value}"));
        }
    }
    for key in ["result", "tests", "test results"] {
        if let Some(value) = block
            .value(key)
            .filter(|value| counts_failures(value) || value.to_lowercase().starts_with("fail"))
        {
            return Some(format!("{key}: {value}"));
        }
    }
    None
}

/// `2 tests failing`, `1 failed`, but not `0 failed`.
fn counts_failures(text: &str) -> bool {
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.iter().enumerate().any(|(at, word)| {
        let fails =
            matches!(word.to_lowercase().as_str(), "failing" | "failed" | "failures" | "failure");
        let count = words[..at].iter().rev().take(2).find_map(|word| word.parse::<u64>().ok());
        fails && count.is_some_and(|count| count > 0)
    })
}

/// `[Yes/No]`: alternatives in brackets.
fn is_template(text: &str) -> bool {
    text.split('[').skip(1).filter_map(|rest| rest.split(']').next()).any(|inner| {
        inner.contains('/')
            || inner.contains('|')
            || inner.contains("description")
            || inner.starts_with("What")
    })
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= SUMMARY_CHARS {
        text.to_owned()
    } else {
        text.chars().take(SUMMARY_CHARS).chain("…".chars()).collect()
    }
}

/// A return block: its title and what follows it.
struct Block {
    title: String,
    text: String,
}

impl Block {
    /// Each `## Title` whose title is one of a return block, with where it stands; with a fence around it or not. What an
    /// agent was told is none.
    fn all(output: &str, words: &[&str], told: &Told) -> Vec<(Range<usize>, Self)> {
        let mut found: Vec<(Range<usize>, Self)> = Vec::new();
        let (mut offset, mut open) = (0, false);
        for line in output.split_inclusive('\n') {
            let trimmed = line.trim_start();
            if let Some(title) = trimmed.strip_prefix("## ") {
                let lower = title.to_lowercase();
                let ends =
                    ["complete", "summary", "blocked", "failed", "provided", "issues", "analysis"];
                open = words.iter().any(|word| lower.contains(word))
                    && ends.iter().any(|word| lower.contains(word));
                if open {
                    found.push((
                        offset..offset + line.len(),
                        Self { title: title.trim().to_owned(), text: String::new() },
                    ));
                }
            } else if trimmed.starts_with("```") {
                open = false;
            } else if let Some((range, block)) = found.last_mut().filter(|_| open) {
                block.text.push_str(line);
                range.end = offset + line.len();
            }
            offset += line.len();
        }
        found.retain(|(range, _)| !told.has(&output[range.clone()]));
        found
    }

    /// Older blocks say in their title how it went.
    fn in_title(&self) -> Option<String> {
        let said = status(&self.title) != Verdict::Unknown;
        let by_sign = self.title.contains(['✅', '⚠', '❌'])
            || self.title.to_lowercase().ends_with("complete");
        (said && by_sign).then(|| self.title.clone())
    }

    fn key_of(line: &str) -> Option<(String, &str)> {
        let line = line.trim().trim_start_matches(['#', '-', '*', ' ']);
        let (key, value) = line.split_once(':')?;
        let key = key.trim_matches(['*', ' ', '✅', '⚠', '❌', '🚨', '💡', '\u{fe0f}']);
        Some((key.to_lowercase(), value.trim_start_matches(['*', ' ']).trim()))
    }

    /// The value of `### Key: value`, `- Key: value` or `**Key:** value`, or the next line.
    fn value(&self, key: &str) -> Option<String> {
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            let Some((found, value)) = Self::key_of(line) else { continue };
            if found != key {
                continue;
            }
            if !value.is_empty() {
                return Some(value.to_owned());
            }
            return lines
                .clone()
                .map(str::trim)
                .find(|line| !line.is_empty())
                .map(|line| line.trim_start_matches(['-', '*', ' ']).to_owned());
        }
        None
    }

    /// The line after a field: the reason behind a status.
    fn after(&self, key: &str) -> Option<String> {
        let mut lines = self
            .text
            .lines()
            .skip_while(|line| Self::key_of(line).is_none_or(|(found, _)| found != key));
        let own = lines.next().and_then(Self::key_of).map(|(_, value)| value.to_owned())?;
        let next = lines.map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        Some(next.map_or(own, |line| line.trim_start_matches(['-', ' ']).to_owned()))
    }

    /// The bullets under a field, or its value taken apart at commas.
    fn list(&self, key: &str) -> Option<Vec<String>> {
        let mut lines = self
            .text
            .lines()
            .skip_while(|line| Self::key_of(line).is_none_or(|(found, _)| found != key));
        let (_, value) = lines.next().and_then(Self::key_of)?;
        if !value.is_empty() {
            return Some(
                value
                    .split(',')
                    .map(|part| part.trim().trim_matches('`').to_owned())
                    .filter(|part| !part.is_empty())
                    .collect(),
            );
        }
        let bullets = lines.skip_while(|line| line.trim().is_empty()).take_while(|line| {
            line.trim_start().starts_with(['-', '*']) && !line.trim_start().starts_with("**")
        });
        Some(
            bullets
                .map(|line| {
                    line.trim().trim_start_matches(['-', '*', ' ']).trim_matches('`').to_owned()
                })
                .collect(),
        )
    }

    /// Bullets under headings of blockers, concerns and suggestions.
    fn findings(&self, by: &str) -> Vec<Finding> {
        let mut severity = None;
        let mut findings = Vec::new();
        for line in self.text.lines() {
            let trimmed = line.trim();
            if trimmed.starts_with('#') || trimmed.starts_with("**") {
                let lower = trimmed.to_lowercase();
                // `### Critical Issues Found: Yes` is a field, no heading of a list.
                let field = Self::key_of(trimmed).is_some_and(|(_, value)| !value.is_empty());
                severity = match () {
                    () if field => severity,
                    () if lower.contains('🚨')
                        || lower.contains("blocker")
                        || lower.contains("critical")
                        || lower.contains("must fix")
                        || lower.contains("actions required") =>
                    {
                        Some(Severity::Blocker)
                    }
                    () if is_severity(&lower) => Some(self::severity(&lower)),
                    () if lower.contains("concern")
                        || lower.contains("important")
                        || lower.contains("warning") =>
                    {
                        Some(Severity::Concern)
                    }
                    () if lower.contains("suggestion")
                        || lower.contains("minor")
                        || lower.contains('💡') =>
                    {
                        Some(Severity::Suggestion)
                    }
                    () => None,
                };
            } else if let (Some(severity), Some(text)) = (severity, bullet(trimmed)) {
                let nothing =
                    ["none", "no ", "n/a"].iter().any(|word| text.to_lowercase().starts_with(word))
                        || is_template(text);
                if !nothing {
                    findings.push(Finding {
                        by: by.to_owned(),
                        severity,
                        text: shorten(text),
                        place: place(text),
                    });
                }
            }
        }
        findings
    }
}

fn bullet(line: &str) -> Option<&str> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = (digits > 0).then(|| line[digits..].strip_prefix('.')).flatten();
    line.strip_prefix("- ")
        .or_else(|| line.strip_prefix("* "))
        .or(numbered)
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// `src/a.rs:12` in a text.
fn place(text: &str) -> Option<String> {
    let words = text.split([' ', '`', '(', ')', ',']);
    let is_place = |word: &&str| {
        word.rsplit_once(':').is_some_and(|(file, line)| {
            file.contains('.')
                && !line.is_empty()
                && line.bytes().all(|b| b.is_ascii_digit() || b == b'-')
        })
    };
    words.into_iter().find(is_place).map(str::to_owned)
}

/// The verdict of a command that a task carries: its exit code alone.
pub fn of_exit(ending: &Ending) -> Verdict {
    match ending {
        Ending::Exited(0) => Verdict::Complete,
        Ending::Exited(_) => Verdict::Failed,
        _ => Verdict::Unknown,
    }
}
