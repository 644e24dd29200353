// Words and signs that are shown; no editor in here, so that they are tested without one.

import type { Board, Finding, Look, Progress, TaskRow } from "./protocol";

/** The icon of a look, by the names of the editor's own icons. */
export const ICONS: Record<Look, string> = {
  waiting: "circle-outline",
  running: "loading~spin",
  done: "pass",
  failed: "error",
  blocked: "warning",
  skipped: "debug-step-over",
};

/** The colour of a look, by the names of themes. */
export const COLORS: Partial<Record<Look, string>> = {
  running: "charts.blue",
  done: "testing.iconPassed",
  failed: "testing.iconFailed",
  blocked: "list.warningForeground",
  skipped: "testing.iconSkipped",
};

/** How a task looks on the whole: one that waits for a person is told apart. */
export function iconOf(task: Pick<TaskRow, "look" | "waitsForApproval">): string {
  return task.waitsForApproval ? "bell-dot" : ICONS[task.look];
}

/** Whether somebody has to do something about a task. */
export function needsSomebody(task: TaskRow): boolean {
  return task.waitsForApproval !== null || task.look === "failed" || task.look === "blocked";
}

export interface StatusText {
  text: string;
  tooltip: string;
  level: "none" | "warning" | "error";
}

/** The status bar: one sign, how far it is, and what is wrong. */
export function statusText(board: Board | undefined, progress: Progress | undefined): StatusText {
  if (!board) {
    return { text: "$(checklist)", tooltip: "No execution yet. Open a breakdown, and run it.", level: "none" };
  }
  const done = board.tasks.filter((task) => task.look === "done" || task.look === "skipped").length;
  const failed = board.tasks.filter((task) => task.look === "failed").length + board.gates.filter((gate) => gate.look === "failed").length;
  const people = board.tasks.filter((task) => task.waitsForApproval).length + board.gates.filter((gate) => gate.actions.includes("approve")).length;
  const blocked = board.tasks.filter((task) => task.look === "blocked").length;
  const sign = failed > 0 ? "$(error)" : people > 0 ? "$(bell-dot)" : board.running ? "$(loading~spin)" : board.state === "Complete" ? "$(pass)" : "$(debug-pause)";
  const lines = [`**${escapeMarkdown(board.topic)}**: ${board.state}, ${done} of ${board.tasks.length} tasks`];
  for (const order of progress?.execution === board.execution && board.running ? progress.current.slice(0, 5) : []) {
    lines.push(`$(loading~spin) ${escapeMarkdown(order.what)}${order.agent ? ` (${escapeMarkdown(order.agent)})` : ""}`);
  }
  if (progress?.remainingMinMs != null && progress.remainingMaxMs != null && board.running) {
    lines.push(`${duration(progress.remainingMinMs)} – ${duration(progress.remainingMaxMs)} to go`);
  }
  if (failed > 0) lines.push(`$(error) ${failed} failed`);
  if (blocked > 0) lines.push(`$(warning) ${blocked} blocked`);
  if (people > 0) lines.push(`$(bell-dot) ${people} ${people === 1 ? "waits" : "wait"} for you`);
  const links = ["[Graph](command:executionCoordinator.graph)"];
  const titles: Record<string, string> = { run: "Run", pause: "Pause", resume: "Resume", cancel: "Cancel", report: "Report" };
  for (const action of board.actions) {
    if (titles[action]) links.push(`[${titles[action]}](command:executionCoordinator.${action})`);
  }
  links.push("[Log](command:executionCoordinator.log)");
  lines.push(links.join(" · "));
  const level = failed > 0 ? "error" : people > 0 || blocked > 0 ? "warning" : "none";
  return { text: `${sign} ${done}/${board.tasks.length}`, tooltip: lines.join("\n\n"), level };
}

/** A time in a few letters. */
export function duration(ms: number): string {
  const s = Math.round(ms / 1000);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

/** A text that is no Markdown, as Markdown. */
export function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!|<>~$]/g, "\\$&").replace(/\s+/g, " ");
}

/** What a process printed, for a terminal: colours stay, whatever else steers a terminal goes. */
export function printable(text: string): string {
  return text
    .replace(/\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)?|\[[0-?]*[ -/]*[@-ln-~])/g, "")
    .replace(/\x1b(?!\[[\d;]*m)/g, "")
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]/g, "")
    .replace(/\r*\n/g, "\r\n")
    .replace(/\r(?!\n)/g, "\r\n");
}

/** `src/a.rs:12` as a file and a line that counts from nought; nothing where it names no file. */
export function placeOf(place: string | null): { file: string; line: number } | undefined {
  const match = /^(.+?)(?::(\d+)(?:[-:]\d+)?)?$/.exec(place?.trim() ?? "");
  if (!match?.[1]) return undefined;
  return { file: match[1], line: Math.max(0, Number(match[2] ?? 1) - 1) };
}

/** What was found at one place of the code: in the worktree of a task, or in the checkout. */
export interface Found {
  folder: string | null;
  place: string;
  findings: { task: TaskRow; finding: Finding }[];
}

/** Findings by the place that they are about. */
export function findingsByPlace(tasks: TaskRow[]): Map<string, Found> {
  const all = new Map<string, Found>();
  for (const task of tasks) {
    for (const finding of task.findings) {
      if (!finding.place) continue;
      const key = `${task.folder ?? ""} ${finding.place}`;
      const found = all.get(key) ?? { folder: task.folder, place: finding.place, findings: [] };
      found.findings.push({ task, finding });
      all.set(key, found);
    }
  }
  return all;
}

/** Whether a task is shown where somebody has typed a filter: words of its id, title, state, agent or stream. */
export function matches(task: TaskRow, filter: string): boolean {
  const all = [task.id, task.title, task.state, task.look, task.agent ?? "", task.stream ?? ""].join(" ").toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}
