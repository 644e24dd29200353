// Tasks as tests: streams are suites, running a test runs its task.

import * as vscode from "vscode";
import type { Boards } from "./boards";
import { ranges } from "./places";
import type { Board, OutputPage, Plan, TaskRow } from "./protocol";
import type { Server } from "./server";
import { placeOf } from "./words";

/** As much of what a task printed is shown with it. */
const OUTPUT_BYTES = 64 * 1024;

export class Testing implements vscode.Disposable {
  private readonly controller = vscode.tests.createTestController("executionCoordinator", "Execution Coordinator");
  /** What is under way, by execution: its run, and what was last said of each task. */
  private readonly runs = new Map<string, { run: vscode.TestRun; said: Map<string, string> }>();
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly server: Server,
    private readonly boards: Boards,
    private readonly start: (uri: vscode.Uri, only: string[]) => Promise<string | undefined>,
  ) {
    this.controller.createRunProfile("Run", vscode.TestRunProfileKind.Run, (request, token) => this.run(request, token), true);
    this.controller.refreshHandler = () => this.look();
    this.subscriptions = [
      this.controller,
      vscode.workspace.onDidOpenTextDocument((document) => this.read(document.uri)),
      vscode.workspace.onDidSaveTextDocument((document) => this.read(document.uri)),
      server.onReady((ready) => {
        if (ready) void this.look();
      }),
      boards.onDidChange((board) => this.follow(board)),
    ];
  }

  private async look(): Promise<void> {
    for (const document of vscode.workspace.textDocuments) await this.read(document.uri);
  }

  /** The tasks of a breakdown as tests. */
  private async read(uri: vscode.Uri): Promise<vscode.TestItem | undefined> {
    const document = vscode.workspace.textDocuments.find((known) => known.uri.toString() === uri.toString());
    if (uri.scheme !== "file" || (document && document.languageId !== "markdown") || !this.server.isReady) return undefined;
    const at = await ranges(uri);
    if (at.size === 0) return undefined;
    let plan: Plan;
    try {
      plan = await this.server.ask<Plan>("execution/plan", { uri: uri.toString() });
    } catch {
      // No breakdown, or one with mistakes: those are in its diagnostics.
      return undefined;
    }
    if (plan.tasks.length === 0) return undefined;
    void vscode.commands.executeCommand("setContext", "executionCoordinator.breakdown", true);
    const root = this.controller.createTestItem(uri.toString(), plan.topic, uri);
    const task = (id: string) => {
      const row = plan.tasks.find((known) => known.id === id);
      const item = this.controller.createTestItem(`${uri.toString()}#${id}`, `${id} ${row?.title ?? ""}`, uri);
      const range = at.get(id);
      if (range) item.range = range;
      return item;
    };
    for (const stream of plan.streams) {
      const suite = this.controller.createTestItem(`${uri.toString()}#stream ${stream.id}`, `${stream.id} ${stream.name}`, uri);
      const range = at.get(stream.id);
      if (range) suite.range = range;
      stream.tasks.forEach((id) => suite.children.add(task(id)));
      root.children.add(suite);
    }
    plan.tasks.filter((known) => known.stream === null).forEach((known) => root.children.add(task(known.id)));
    this.controller.items.add(root);
    return root;
  }

  private async run(request: vscode.TestRunRequest, token: vscode.CancellationToken): Promise<void> {
    const wanted = request.include ?? [...this.controller.items].map(([, item]) => item);
    const breakdowns = new Map<string, Set<string>>();
    for (const item of wanted) {
      const only = breakdowns.get(String(item.uri)) ?? new Set<string>();
      // All of a breakdown is no choice of tasks.
      if (item.parent) tasksIn(item).forEach((id) => only.add(id));
      breakdowns.set(String(item.uri), only);
    }
    for (const [uri, only] of breakdowns) {
      const run = this.controller.createTestRun(request, undefined, true);
      const execution = await this.start(vscode.Uri.parse(uri), [...only]);
      if (!execution) {
        run.end();
        continue;
      }
      this.runs.set(execution, { run, said: new Map() });
      token.onCancellationRequested(() => void this.server.ask("execution/cancel", { execution }).catch(() => undefined));
      await this.boards.refresh(execution);
    }
  }

  /** Shows how an execution stands, whoever started it. */
  private async follow(board: Board): Promise<void> {
    const uri = vscode.Uri.file(board.breakdown);
    if (!this.runs.has(board.execution)) {
      if (!board.running) return;
      const root = this.controller.items.get(uri.toString()) ?? (await this.read(uri));
      if (!root || this.runs.has(board.execution)) return;
      const run = this.controller.createTestRun(new vscode.TestRunRequest([root]), board.topic, true);
      this.runs.set(board.execution, { run, said: new Map() });
    }
    const under = this.runs.get(board.execution);
    if (!under) return;
    const items = new Map<string, vscode.TestItem>();
    this.controller.items.get(uri.toString())?.children.forEach((item) => collect(item, items));
    await Promise.all(board.tasks.map((task) => this.say(board, task, items.get(task.id), under)));
    if (!board.running) {
      this.runs.delete(board.execution);
      under.run.end();
    }
  }

  private async say(board: Board, task: TaskRow, item: vscode.TestItem | undefined, under: { run: vscode.TestRun; said: Map<string, string> }): Promise<void> {
    if (!item) return;
    item.description = task.label;
    item.busy = task.look === "running";
    const now = `${task.look} ${task.attempts} ${task.rework}`;
    if (under.said.get(task.id) === now) return;
    under.said.set(task.id, now);
    const took = task.beganAt !== null && task.endedAt !== null ? task.endedAt - task.beganAt : undefined;
    switch (task.look) {
      case "waiting":
        under.run.enqueued(item);
        return;
      case "running":
        under.run.started(item);
        return;
      case "skipped":
        under.run.skipped(item);
        return;
      case "done":
        await this.print(board, task, item, under.run);
        under.run.passed(item, took);
        return;
      default:
        await this.print(board, task, item, under.run);
        if (task.look === "failed" || !board.running) under.run.failed(item, messages(task, item, board), took);
    }
  }

  private async print(board: Board, task: TaskRow, item: vscode.TestItem, run: vscode.TestRun): Promise<void> {
    try {
      const page = await this.server.ask<OutputPage>("task/output", { execution: board.execution, task: task.id, limit: OUTPUT_BYTES });
      run.appendOutput(`── task ${task.id} (${page.order}) ──\r\n${page.text.replace(/\r?\n/g, "\r\n")}\r\n`, undefined, item);
    } catch {
      // It has printed nothing.
    }
  }

  dispose(): void {
    this.runs.forEach(({ run }) => run.end());
    this.subscriptions.forEach((subscription) => subscription.dispose());
  }
}

/** Why a task failed, beside its line, and each finding at the place that it is about. */
function messages(task: TaskRow, item: vscode.TestItem, board: Board): vscode.TestMessage[] {
  const whole = new vscode.TestMessage(new vscode.MarkdownString([task.note || task.label, ...task.more.slice(1)].join("\n\n")));
  if (item.uri && item.range) whole.location = new vscode.Location(item.uri, item.range);
  const findings = task.findings.map((finding) => {
    const message = new vscode.TestMessage(`${finding.severity} by ${finding.by}: ${finding.text}`);
    const at = placeOf(finding.place);
    const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(board.breakdown));
    if (at && folder) message.location = new vscode.Location(vscode.Uri.joinPath(folder.uri, at.file), new vscode.Position(at.line, 0));
    return message;
  });
  return [whole, ...findings];
}

function idOf(item: vscode.TestItem): string | undefined {
  const id = item.id.slice(item.id.indexOf("#") + 1);
  return item.id.includes("#") && !id.startsWith("stream ") ? id : undefined;
}

function tasksIn(item: vscode.TestItem): string[] {
  const found = new Map<string, vscode.TestItem>();
  collect(item, found);
  return [...found.keys()];
}

function collect(item: vscode.TestItem, found: Map<string, vscode.TestItem>): void {
  const id = idOf(item);
  if (id) found.set(id, item);
  item.children.forEach((child) => collect(child, found));
}
