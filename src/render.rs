//! A plan as text, Mermaid, DOT and SVG.

use crate::core::plan::Level;
use crate::core::status::number;
use crate::core::view::{DependencyKind, PlannedState};
use crate::escape;
use crate::rpc::types::{GateDocument, PlanDocument, TaskDocument};
use std::collections::HashMap;
use std::fmt::Write as _;

/// Tasks by their streams, in the order of the file.
fn by_stream(plan: &PlanDocument) -> HashMap<Option<&str>, Vec<&TaskDocument>> {
    let mut tasks: HashMap<Option<&str>, Vec<&TaskDocument>> = HashMap::new();
    plan.tasks.iter().for_each(|task| tasks.entry(task.stream.as_deref()).or_default().push(task));
    tasks
}

/// As text for a terminal.
pub fn text(plan: &PlanDocument) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{} ({}, {})", escape::line(&plan.topic), plan.format, plan.confidence);
    let _ = writeln!(out, "written: {}", plan.counts);
    if let Some(left_out) = plan.left_out() {
        let _ = writeln!(out, "{left_out}");
    }
    let stream_edges: usize = plan.streams.iter().map(|stream| stream.depends_on.len()).sum();
    let _ = writeln!(
        out,
        "{} tasks in {} streams; dependencies: {} explicit, {} implied{}",
        plan.tasks.len(),
        plan.streams.len(),
        plan.edges.explicit,
        plan.edges.implied,
        if stream_edges > 0 { format!(", {stream_edges} between streams") } else { String::new() }
    );
    let makespan = &plan.makespan;
    let _ = writeln!(
        out,
        "at most {} tasks at once; with {} slots: lower bound {}, forecast {}",
        plan.max_parallelism,
        plan.max_parallel,
        amount(makespan.lower_bound, &makespan.unit),
        amount(makespan.forecast, &makespan.unit)
    );
    let _ = writeln!(out, "critical path: {}", escape::line(&plan.critical_path.join(" → ")));
    let mut tasks = by_stream(plan);
    let mut gates: HashMap<&str, Vec<&GateDocument>> = HashMap::new();
    for gate in plan.gates.iter().filter(|gate| gate.level == Level::Stream) {
        gate.after.iter().for_each(|stream| gates.entry(stream).or_default().push(gate));
    }
    for stream in &plan.streams {
        let waits: Vec<String> = stream.depends_on.iter().map(|d| d.id.clone()).collect();
        let after =
            if waits.is_empty() { String::new() } else { format!(" (after {})", waits.join(", ")) };
        let _ =
            write!(out, "\n{}\n", escape::line(&format!("{}: {}{after}", stream.id, stream.name)));
        for task in tasks.remove(&Some(stream.id.as_str())).into_iter().flatten() {
            line(&mut out, task, &makespan.unit);
        }
        for gate in gates.remove(stream.id.as_str()).into_iter().flatten() {
            let by = if gate.checks.is_empty() {
                String::new()
            } else {
                format!(" by {}", gate.checks.join(", "))
            };
            let person = if gate.approval { ", with approval" } else { "" };
            let open = if gate.checks.is_empty() && !gate.approval {
                " (nothing evaluates it: it needs a [[gates]] entry or an approval)"
            } else {
                ""
            };
            let _ =
                writeln!(out, "  ◆ {}", escape::line(&format!("{}{by}{person}{open}", gate.id)));
        }
    }
    if let Some(loose) = tasks.remove(&None) {
        out.push('\n');
        loose.into_iter().for_each(|task| line(&mut out, task, &makespan.unit));
    }
    let others: Vec<String> = plan
        .gates
        .iter()
        .filter(|gate| gate.level != Level::Stream)
        .map(|gate| format!("{} ({:?})", gate.id, gate.level))
        .collect();
    if !others.is_empty() {
        let _ =
            write!(out, "\nfurther gates: {}\n", escape::line(&others.join(", ").to_lowercase()));
    }
    if !plan.problems.is_empty() {
        out.push('\n');
    }
    for problem in &plan.problems {
        let file = problem.file.as_ref().map_or(String::new(), |file| format!("{file}:"));
        let said = format!(
            "{file}{}:{}: {}: {}",
            problem.line,
            problem.column,
            problem.severity.name(),
            problem.message
        );
        let _ = writeln!(out, "{}", escape::line(&said));
    }
    out
}

fn line(out: &mut String, task: &TaskDocument, unit: &str) {
    let sign = match task.state {
        PlannedState::Done => '✓',
        PlannedState::Skipped | PlannedState::Deferred => '–',
        PlannedState::Blocked => '!',
        PlannedState::Todo if task.critical_path => '●',
        PlannedState::Todo => '○',
    };
    let waits: Vec<&str> = task.depends_on.iter().map(|d| d.id.as_str()).collect();
    let after =
        if waits.is_empty() { String::new() } else { format!("  after {}", waits.join(", ")) };
    let _ =
        writeln!(out, "  {sign} {}", escape::line(&format!("{}  {}{after}", task.id, task.title)));
    let mut who = task.agent.clone().unwrap_or_else(|| "nobody".into());
    let _ = write!(who, " ({})", task.agent_reason);
    for (word, names) in [("experts", &task.experts), ("reviewers", &task.reviewers)] {
        if !names.is_empty() {
            let _ = write!(who, ", {word}: {}", names.join(", "));
        }
    }
    if let Some(tester) = &task.tester {
        let _ = write!(who, ", tests first: {tester}");
    }
    let _ = writeln!(
        out,
        "      wave {}, rank {}, slack {}; {}",
        task.wave,
        amount(task.rank, unit),
        amount(task.slack, unit),
        escape::line(&who)
    );
}

fn amount(value: f64, unit: &str) -> String {
    match unit {
        "minutes" if value >= 60.0 => format!("{} h", number(value / 60.0)),
        "minutes" => format!("{} min", number(value)),
        _ => number(value),
    }
}

/// As a Mermaid flowchart.
pub fn mermaid(plan: &PlanDocument) -> String {
    let (mut out, mut tasks) = (String::from("flowchart LR\n"), by_stream(plan));
    for stream in &plan.streams {
        let _ = writeln!(
            out,
            "  subgraph {}[\"{}\"]",
            key("s", &stream.id),
            escape::mermaid(&format!("{}: {}", stream.id, stream.name))
        );
        for task in tasks.remove(&Some(stream.id.as_str())).into_iter().flatten() {
            let _ = writeln!(
                out,
                "    {}[\"{}\"]",
                key("t", &task.id),
                escape::mermaid(&format!("{}: {}", task.id, task.title))
            );
        }
        out.push_str("  end\n");
    }
    for task in tasks.remove(&None).into_iter().flatten() {
        let _ = writeln!(
            out,
            "  {}[\"{}\"]",
            key("t", &task.id),
            escape::mermaid(&format!("{}: {}", task.id, task.title))
        );
    }
    for (from, to, implied) in edges(plan) {
        let _ = writeln!(out, "  {from} {} {to}", if implied { "-.->" } else { "-->" });
    }
    let critical: Vec<String> = plan.critical_path.iter().map(|id| key("t", id)).collect();
    if !critical.is_empty() {
        let _ = writeln!(
            out,
            "  classDef critical stroke-width:3px\n  class {} critical",
            critical.join(",")
        );
    }
    out
}

/// As a Graphviz graph.
pub fn dot(plan: &PlanDocument) -> String {
    let (mut out, mut tasks) =
        (String::from("digraph plan {\n  rankdir=LR;\n  node [shape=box];\n"), by_stream(plan));
    for stream in &plan.streams {
        let _ = writeln!(
            out,
            "  subgraph cluster_{} {{\n    label=\"{}\";",
            key("s", &stream.id),
            escape::dot(&format!("{}: {}", stream.id, stream.name))
        );
        let _ = writeln!(out, "    {} [shape=point, style=invis];", key("s", &stream.id));
        for task in tasks.remove(&Some(stream.id.as_str())).into_iter().flatten() {
            let style = if task.critical_path { ", penwidth=3" } else { "" };
            let _ = writeln!(
                out,
                "    {} [label=\"{}\"{style}];",
                key("t", &task.id),
                escape::dot(&format!("{}: {}", task.id, task.title))
            );
        }
        out.push_str("  }\n");
    }
    for task in tasks.remove(&None).into_iter().flatten() {
        let _ = writeln!(
            out,
            "  {} [label=\"{}\"];",
            key("t", &task.id),
            escape::dot(&format!("{}: {}", task.id, task.title))
        );
    }
    for (from, to, implied) in edges(plan) {
        let _ = writeln!(out, "  {from} -> {to}{};", if implied { " [style=dashed]" } else { "" });
    }
    out.push_str("}\n");
    out
}

/// Names of nodes hold letters and digits only.
fn key(prefix: &str, id: &str) -> String {
    let plain: String =
        id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let sum =
        id.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    if plain == id { format!("{prefix}_{plain}") } else { format!("{prefix}_{plain}_{sum:x}") }
}

fn edges(plan: &PlanDocument) -> Vec<(String, String, bool)> {
    let of = |kind: DependencyKind, id: &str| {
        key(if kind == DependencyKind::Task { "t" } else { "s" }, id)
    };
    let mut edges = Vec::new();
    for stream in &plan.streams {
        for d in &stream.depends_on {
            edges.push((
                of(d.kind, &d.id),
                key("s", &stream.id),
                d.origin != crate::core::plan::Origin::Explicit,
            ));
        }
    }
    for task in &plan.tasks {
        for d in &task.depends_on {
            edges.push((
                of(d.kind, &d.id),
                key("t", &task.id),
                d.origin != crate::core::plan::Origin::Explicit,
            ));
        }
    }
    edges
}

const BOX_WIDTH: usize = 200;
const BOX_HEIGHT: usize = 44;
const COLUMN: usize = 260;
const ROW: usize = 60;

/// As a self-contained picture: waves from left to right.
pub fn svg(plan: &PlanDocument) -> String {
    let mut rows: Vec<usize> = Vec::new();
    let mut places = std::collections::BTreeMap::new();
    for task in &plan.tasks {
        let column = task.wave.saturating_sub(1) as usize;
        if rows.len() <= column {
            rows.resize(column + 1, 0);
        }
        places.insert(task.id.as_str(), (20 + column * COLUMN, 20 + rows[column] * ROW));
        rows[column] += 1;
    }
    let width = 40 + rows.len().max(1) * COLUMN - (COLUMN - BOX_WIDTH);
    let height = 40 + rows.iter().copied().max().unwrap_or(1) * ROW;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n"
    );
    let _ = writeln!(out, "<title>{}</title>", escape::xml(&plan.topic));
    let _ = writeln!(out, "<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>");
    for task in &plan.tasks {
        let (x, y) = places[task.id.as_str()];
        for d in task.depends_on.iter().filter(|d| d.kind == DependencyKind::Task) {
            let Some((from_x, from_y)) = places.get(d.id.as_str()) else { continue };
            let dash = if d.origin != crate::core::plan::Origin::Explicit {
                " stroke-dasharray=\"4 3\""
            } else {
                ""
            };
            let (x1, y1, x2, y2) =
                (from_x + BOX_WIDTH, from_y + BOX_HEIGHT / 2, x, y + BOX_HEIGHT / 2);
            let _ = writeln!(
                out,
                "<path d=\"M{x1} {y1} C{} {y1} {} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#777\"{dash}/>",
                x1 + 30,
                x2.saturating_sub(30)
            );
        }
    }
    for task in &plan.tasks {
        let (x, y) = places[task.id.as_str()];
        let (fill, stroke) = match (task.state, task.critical_path) {
            (PlannedState::Done, _) => ("#e3f4e3", "#2c7a2c"),
            (PlannedState::Blocked, _) => ("#fbe4e4", "#b02a2a"),
            (_, true) => ("#fff3d6", "#b06f00"),
            _ => ("#f4f6fa", "#56607a"),
        };
        let title: String = task.title.chars().take(28).collect();
        let _ = writeln!(
            out,
            "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"6\" fill=\"{fill}\" stroke=\"{stroke}\"/>",
            escape::xml(&task.title)
        );
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text><text x=\"{}\" y=\"{}\">{}</text></g>",
            x + 8,
            y + 18,
            escape::xml(&task.id),
            x + 8,
            y + 35,
            escape::xml(&title)
        );
    }
    out.push_str("</svg>\n");
    out
}
