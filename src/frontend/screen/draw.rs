//! Draws the screen; fits into 80 × 24, and draws only the lines that are visible.

use super::model::{Model, Panel, Row};
use crate::core::label::{self, MAX_CHARS};
use crate::core::progress;
use crate::core::state::Phase;
use crate::core::status::{duration, status_report};
use crate::core::view::{Appearance, ExecutionState};
use crate::escape;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, LineGauge, Paragraph, Wrap};

/// From this width on the panel stands beside the tree.
const WIDE: u16 = 130;

const KEYS: &str =
    "q quit · ↑↓ · ⏎ fold · o output · t times · p pause · r retry · s skip · ? more";
const HELP: &str = "↑ ↓ k j, PgUp PgDn, Home End  select
Enter, Space  fold or unfold a stream
o  what the selected task or gate printed last, or its details
t  times as bars
p  pause, or go on
r  try the selected task or gate again
s  skip the selected task
a  x  approve or reject the selected gate
c  cancel the execution
q  leave; the execution goes on
◆ stands before tasks of the critical path";

/// Draws all of it.
pub fn draw(frame: &mut Frame<'_>, model: &mut Model) {
    let whole = frame.area();
    let panel = if whole.width >= WIDE { 0 } else { (whole.height / 3).clamp(3, 14) };
    let [head, body, below, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Min(3),
        Constraint::Length(panel),
        Constraint::Length(1),
    ])
    .areas(whole);
    let (tree, beside) = if panel == 0 {
        let [tree, beside] =
            Layout::horizontal([Constraint::Percentage(60), Constraint::Fill(1)]).areas(body);
        (tree, beside)
    } else {
        (body, below)
    };
    draw_head(frame, model, head);
    draw_tree(frame, model, tree);
    draw_panel(frame, model, beside);
    let said = if model.said.is_empty() {
        Line::from(KEYS).style(dim())
    } else {
        Line::from(escape::line(&model.said)).style(bold())
    };
    frame.render_widget(said, foot);
}

fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

fn style_of(look: Appearance) -> Style {
    match look {
        Appearance::Running => Style::new().fg(Color::Cyan),
        Appearance::Done => Style::new().fg(Color::Green),
        Appearance::Failed => Style::new().fg(Color::Red),
        Appearance::Blocked => Style::new().fg(Color::Yellow),
        Appearance::Skipped => dim(),
        Appearance::Waiting => Style::new(),
    }
}

fn draw_head(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let status = status_report(&model.state).owned(model.running);
    let (passed, gates) = progress::gate_counts(&model.state);
    let spent =
        model.state.ended.map_or(model.now_ms, |(_, at)| at).saturating_sub(model.state.started_at);
    let left = status.overview.remaining_min_ms.zip(status.overview.remaining_max_ms);
    let left = left.map_or(String::new(), |(min, max)| {
        format!(" · {}–{} to go", duration(min), duration(max))
    });
    let spent = duration(spent / 1_000 * 1_000);
    let look = match status.state {
        ExecutionState::Complete => Appearance::Done,
        ExecutionState::Partial | ExecutionState::Blocked => Appearance::Failed,
        _ if model.running => Appearance::Running,
        _ => Appearance::Blocked,
    };
    let line = Line::from(vec![
        Span::styled(escape::line(&status.topic), bold()),
        Span::raw("  "),
        Span::styled(status.state.name(), style_of(look)),
        Span::raw(format!(" · {spent}{left}")),
    ]);
    let [first, second] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(area);
    frame.render_widget(line, first);
    let (done, total) =
        (status.overview.done_tasks + status.overview.skipped_tasks, status.overview.total_tasks);
    let text = format!("{done}/{total} tasks · {passed}/{gates} gates");
    #[expect(clippy::cast_precision_loss, reason = "a bar of a few dozen cells")]
    let ratio = if total == 0 { 0.0 } else { done as f64 / total as f64 };
    frame.render_widget(
        LineGauge::default().ratio(ratio).label(text).filled_style(style_of(look)),
        second,
    );
}

fn draw_tree(frame: &mut Frame<'_>, model: &mut Model, area: Rect) {
    model.visible = usize::from(area.height);
    let most_top = model.rows.len().saturating_sub(model.visible);
    model.top =
        model.top.min(model.at).max((model.at + 1).saturating_sub(model.visible)).min(most_top);
    let shown = model.rows.iter().enumerate().skip(model.top).take(model.visible);
    let lines: Vec<Line<'_>> = shown
        .map(|(nth, row)| line_of(model, *row, nth == model.at, usize::from(area.width)))
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}

fn line_of(model: &Model, row: Row, selected: bool, width: usize) -> Line<'static> {
    let state = &model.state;
    let (left, label) = match row {
        Row::Stream(ix) => {
            let sign = if model.is_folded(ix) { "▸" } else { "▾" };
            let stream = &state.plan.streams[ix];
            let name = progress::stream_label(stream.id.as_str());
            let name = if name == stream.name || stream.name.is_empty() {
                name
            } else {
                format!("{name}: {}", stream.name)
            };
            (format!("{sign} {name}"), label::stream(state, ix, model.running))
        }
        Row::Task(ix) => {
            let sign = if state.graph.critical_path().contains(&ix) { "◆" } else { " " };
            let task = state.task(ix);
            (
                format!("  {sign} {} {}", task.id, task.title),
                label::task(state, ix, model.now_ms, model.running),
            )
        }
        Row::Gate(ix) => (format!("  ▣ {}", state.gates[ix].id), label::gate(state, ix)),
    };
    let right = match row {
        Row::Task(ix) if model.bars => bar(model, ix, MAX_CHARS),
        _ => escape::line(label.text.trim_end()),
    };
    let room = width.saturating_sub(MAX_CHARS + 2).max(10);
    let left = fitted(&escape::line(&left), room);
    let mut style = if matches!(row, Row::Stream(_)) { bold() } else { Style::new() };
    if selected {
        style = style.add_modifier(Modifier::REVERSED);
    }
    let line = Line::from(vec![
        Span::styled(left, style),
        Span::raw("  "),
        Span::styled(right, style_of(label.look)),
    ]);
    if selected { line.style(bold()) } else { line }
}

/// A text of just so many columns.
fn fitted(text: &str, columns: usize) -> String {
    let mut fitted = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = Span::raw(c.to_string()).width();
        if used + wide > columns.saturating_sub(1) && text.chars().count() > columns {
            fitted.push('…');
            used += 1;
            break;
        }
        if used + wide > columns {
            break;
        }
        fitted.push(c);
        used += wide;
    }
    fitted.extend(std::iter::repeat_n(' ', columns.saturating_sub(used)));
    fitted
}

/// When a task was worked on, as a bar over the whole time.
fn bar(model: &Model, ix: usize, cells: usize) -> String {
    let state = &model.state;
    let Some(from) = state.tasks[ix].started_at else { return String::new() };
    let end = state.ended.map_or(model.now_ms, |(_, at)| at).max(state.started_at + 1);
    let active = matches!(state.tasks[ix].phase, Phase::Active(_));
    let to = state.tasks[ix].ended_at.filter(|_| !active).unwrap_or(end);
    let all = end - state.started_at;
    let cell = |at: u64| {
        usize::try_from(at.saturating_sub(state.started_at) * cells as u64 / all)
            .unwrap_or(0)
            .min(cells)
    };
    let (from, to) = (cell(from).min(cells - 1), cell(to));
    " ".repeat(from) + &"█".repeat(to.saturating_sub(from).max(1))
}

fn draw_panel(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let (title, text) = match (model.panel, &model.output) {
        (Panel::Help, _) => ("keys".to_owned(), HELP.to_owned()),
        (Panel::Output, Some((order, text))) => {
            let rows = usize::from(area.height.saturating_sub(1));
            let lines: Vec<&str> = text.lines().collect();
            let shown = lines
                .iter()
                .skip(lines.len().saturating_sub(rows))
                .map(|line| escape::line(line))
                .collect::<Vec<_>>();
            (format!("output of {order}"), shown.join("\n"))
        }
        (Panel::Output, None) => ("output".to_owned(), "nothing was printed yet".to_owned()),
        (Panel::Details, _) => details(model),
    };
    let block = Block::new().borders(Borders::TOP).title(format!(" {title} "));
    let paragraph = Paragraph::new(text).block(block);
    // Lines of an output stay as they are; sentences are broken.
    let paragraph =
        if model.panel == Panel::Details { paragraph.wrap(Wrap { trim: true }) } else { paragraph };
    frame.render_widget(paragraph, area);
}

fn details(model: &Model) -> (String, String) {
    let state = &model.state;
    let Some(row) = model.selected() else {
        return ("details".into(), "there is nothing yet".into());
    };
    let (title, label) = match row {
        Row::Stream(ix) => (
            progress::stream_label(state.plan.streams[ix].id.as_str()),
            label::stream(state, ix, model.running),
        ),
        Row::Task(ix) => (
            format!("task {}", state.task(ix).id),
            label::task(state, ix, model.now_ms, model.running),
        ),
        Row::Gate(ix) => (format!("gate {}", state.gates[ix].id), label::gate(state, ix)),
    };
    let mut lines: Vec<String> = label
        .more
        .iter()
        .map(|line| escape::line(&line.replace("**", "").replace('`', "")))
        .collect();
    if let Row::Task(ix) = row
        && let Some(last) = state.tasks[ix]
            .open
            .iter()
            .next_back()
            .and_then(|_| model.output.as_ref()?.1.lines().last())
    {
        lines.push(format!("› {}", escape::line(last)));
    }
    if let Row::Stream(_) = row {
        let path: Vec<&str> =
            state.graph.critical_path().iter().map(|&ix| state.task(ix).id.as_str()).collect();
        lines.push(format!("critical path: {}", path.join(" → ")));
        lines.extend(
            state
                .escalations
                .iter()
                .rev()
                .take(3)
                .map(|e| escape::line(&format!("{}: {}; needed: {}", e.about, e.why, e.needed))),
        );
    }
    (title, lines.join("\n"))
}
