//! Commands about breakdowns, which start nothing: plan, check and convert.
#![expect(clippy::disallowed_methods, reason = "this is the edge that reads for people")]

use super::{Exit, Outcome, Reading, here, print, print_data, print_json};
use crate::agents::roster;
use crate::breakdown::convert::{self, Converted, targets};
use crate::breakdown::problem::Severity;
use crate::breakdown::source;
use crate::breakdown::{Format, parse};
use crate::config::{self, Briefs};
use crate::engine::start::{rules_of_plan, workspace_of};
use crate::engine::texts::{beside, told_bytes};
use crate::escape;
use crate::failure::{Failure, say};
use crate::render;
use crate::rpc::types;
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// Options of `plan`.
#[derive(clap::Args)]
pub struct PlanArguments {
    /// The breakdown
    breakdown: PathBuf,
    /// How it is printed
    #[arg(long, default_value = "text", value_parser = ["text", "json", "mermaid", "dot", "svg"])]
    format: String,
    /// Attempts at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_parallel: Option<u32>,
    /// The config instead of the one found
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

/// `plan`.
///
/// # Errors
/// The breakdown or the config can't be read, or nothing in it can be scheduled.
pub fn plan(arguments: &PlanArguments) -> Outcome {
    let source = source::read(&arguments.breakdown)?;
    let root = workspace_of(&source, &here()?);
    let (mut config, _) =
        roster::load(&root, arguments.config.as_deref()).map_err(Failure::usage)?;
    if let Some(most) = arguments.max_parallel {
        config.execution.max_parallel = most;
    }
    let parsed = parse(source.input(), arguments.reading.format(), arguments.reading.deps())
        .or_topic(&source.topic());
    config.fits(&parsed.plan).map_err(Failure::usage)?;
    let policy = rules_of_plan(&config, &root, &parsed.plan).map_err(Failure::usage)?;
    let document = types::plan_document(&parsed, &source, &policy);
    match arguments.format.as_str() {
        "json" => print_json(&document)?,
        "mermaid" => print_data(&render::mermaid(&document))?,
        "dot" => print_data(&render::dot(&document))?,
        "svg" => print_data(&render::svg(&document))?,
        _ => print(&render::text(&document))?,
    };
    Ok(if parsed.plan.tasks.is_empty() { Exit::Usage } else { Exit::Complete })
}

/// Options of `check`.
#[derive(clap::Args)]
pub struct CheckArguments {
    /// The breakdowns
    #[arg(required = true)]
    breakdowns: Vec<PathBuf>,
    /// How problems are printed
    #[arg(long, default_value = "text", value_parser = ["text", "json", "sarif"])]
    format: String,
    /// Also print how much of the text belongs to tasks, groups and the plan, and what is unused
    #[arg(long)]
    coverage: bool,
    #[command(flatten)]
    reading: Reading,
}

/// `check`: exit 2 when there is an error in any of them, or a gate of the config that does not fit them.
///
/// # Errors
/// A breakdown can't be read.
pub fn check(arguments: &CheckArguments) -> Outcome {
    let (mut found, mut read, mut covered) = (Vec::new(), String::new(), Vec::new());
    let (folder, mut gates_fit) = (here()?, true);
    for path in &arguments.breakdowns {
        let source = source::read(path)?;
        let mut parsed =
            parse(source.input(), arguments.reading.format(), arguments.reading.deps());
        // What is wrong with the config itself is no problem of a breakdown.
        if let Ok((config, _)) = config::load(&workspace_of(&source, &folder), None)
            && let Err(why) = config.fits(&parsed.plan)
        {
            say(format_args!("{}: {why}", source.name));
            gates_fit = false;
        }
        parsed.problems.extend(beside(&parsed.plan, &source).1);
        let text = source.input().lines();
        found.extend(parsed.problems.iter().map(|problem| types::problem(problem, &text, &source)));
        let sure = parsed.read_as.map_or("", |found| found.confidence.word());
        read.push_str(&format!(
            "{}: {} ({sure}): {}\n",
            source.name,
            parsed.plan.format,
            parsed.counts()
        ));
        if arguments.coverage {
            let told = told_bytes(&parsed, &source, Briefs::default().limit_bytes());
            let coverage = types::CoverageDocument::from_ownership(
                &parsed.outline.ownership,
                &text,
                &source,
                told,
            );
            read.push_str(&coverage.to_string());
            covered.push(coverage);
        }
    }
    let file = |problem: &types::ProblemDocument| problem.file.clone().unwrap_or_default();
    match arguments.format.as_str() {
        "json" if arguments.coverage => {
            print_json(&json!({"problems": found, "coverage": covered}))?
        }
        "json" => print_json(&found)?,
        "sarif" => print_json(&sarif(&found))?,
        _ => {
            let line = |p: &types::ProblemDocument| {
                let fix = p.fix.as_ref().map_or(String::new(), |fix| format!(" (fix: {fix})"));
                escape::line(&format!(
                    "{}:{}:{}: {}: {} [{}]{fix}",
                    file(p),
                    p.line,
                    p.column,
                    p.severity.name(),
                    p.message,
                    p.code
                )) + "\n"
            };
            print(&(found.iter().map(line).collect::<String>() + &read))?
        }
    };
    let errors = found.iter().any(|problem| problem.severity == Severity::Error);
    Ok(if errors || !gates_fit { Exit::Usage } else { Exit::Complete })
}

/// Options of `convert`.
#[derive(clap::Args)]
pub struct ConvertArguments {
    /// The breakdown
    breakdown: PathBuf,
    /// The format that it becomes
    #[arg(long, value_name = "FORMAT", value_parser = clap::builder::PossibleValuesParser::new(targets().map(Format::name)))]
    to: String,
    /// The file that is written; what is there already is never replaced [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

/// `convert`: what the format can't hold is told on stderr.
///
/// # Errors
/// The breakdown can't be read, there is no task in it, or the file can't be written.
pub fn convert(arguments: &ConvertArguments) -> Outcome {
    let source = source::read(&arguments.breakdown)?;
    let parsed = parse(source.input(), arguments.reading.format(), arguments.reading.deps())
        .or_topic(&source.topic());
    if parsed.plan.tasks.is_empty() {
        return Err(Failure::usage(format!(
            "{}: there is no task in it: `check` says why; nothing is written",
            source.name
        )));
    }
    let to = Format::named(&arguments.to).unwrap_or(Format::Json);
    let Converted { text, mut lost } = convert::convert(&parsed, to);
    lost.extend(convert::lost_lines(&parsed, &source.input().lines(), &text));
    match &arguments.output {
        Some(file) => {
            let mut options = std::fs::OpenOptions::new();
            let written = options
                .write(true)
                .create_new(true)
                .open(file)
                .and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(|error| {
                Failure::usage(format!(
                    "{}: can't be written: {error}: give the name of a new file",
                    file.display()
                ))
            })?;
        }
        None if std::io::stdout().is_terminal() => drop(print(&text)?),
        None => drop(print_data(&text)?),
    }
    lost.iter().for_each(|what| say(format_args!("{}: not in {}: {what}", source.name, to.name())));
    Ok(Exit::Complete)
}

/// Problems in the Static Analysis Results Interchange Format 2.1.0.
fn sarif(problems: &[types::ProblemDocument]) -> serde_json::Value {
    let level =
        |severity: &str| if severity == "info" { "note".to_owned() } else { severity.to_owned() };
    let results: Vec<_> = problems
        .iter()
        .map(|p| {
            json!({"ruleId": p.code, "level": level(p.severity.name()), "message": {"text": p.message}, "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": p.file}, "region": {"startLine": p.line, "startColumn": p.column}}}]})
        })
        .collect();
    json!({"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [{
        "tool": {"driver": {"name": "execution-coordinator", "version": env!("CARGO_PKG_VERSION")}}, "results": results}]})
}
