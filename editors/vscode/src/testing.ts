// Tasks as tests: streams are suites, running a test runs its task.

import * as vscode from "vscode";
import { mayBeBreakdown } from "./formats";
import type { Boards } from "./boards";
import { ranges } from "./places";
import type { Board, OutputPage, Plan, TaskRow } from "./protocol";
import type { Server } from "./server";
import { placeOf, printable } from "./words";

/** As much of what a task printed is shown with it. */
const OUTPUT_BYTES = 64 * 1024;
/** Tasks whose output is shown; of more only those that failed. */
const OUTPUTS = 200;

/** What is under way. */
interface Under {
  run: vscode.TestRun;
  /** What was last said of each task. */
  said: Map<string, string>;
  /** One look at a time, so that nothing is said after the end. */
  turn: Promise<void>;
  printed: number;
}

export class Testing implements vscode.Disposable {
  private readonly controller = vscode.tests.createTestController("executionCoordinator", "Execution Coordinator");
  /** What is under way, by execution. */
  private readonly runs = new Map<string, Under>();
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly server: Server,
    private readonly boards: Boards,
    private readonly start: (uri: vscode.Uri, only: string[]) => Promise<string | undefined>,
  ) {
    this.controller.createRunProfile("Run", vscode.TestRunProfileKind.Run, (request) => this.run(request), true);
    this.controller.refreshHandler = () => this.look();
    this.subscriptions = [
      this.controller,
      vscode.workspace.onDidOpenTextDocument((document) => this.read(document.uri)),
      vscode.workspace.onDidSaveTextDocument((document) => this.read(document.uri)),
      server.onReady((ready) => {
        if (ready) void this.look();
        else this.endAll();
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
    if (uri.scheme !== "file" || (document && !mayBeBreakdown(document)) || !this.server.isReady) return undefined;
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

  private async run(request: vscode.TestRunRequest): Promise<void> {
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
      this.begin(execution, run);
      await this.boards.refresh(execution);
    }
  }

  /** From now on an execution is shown by a run; one that showed it before ends. */
  private begin(execution: string, run: vscode.TestRun): Under {
    this.runs.get(execution)?.run.end();
    const under: Under = { run, said: new Map(), turn: Promise.resolve(), printed: 0 };
    this.runs.set(execution, under);
    // What is stopped goes on when it is run again: nothing is thrown away.
    run.token.onCancellationRequested(() => {
      void this.server.ask("execution/pause", { execution }).catch(() => undefined);
      if (this.runs.get(execution) === under) this.runs.delete(execution);
      run.end();
    });
    return under;
  }

  private endAll(): void {
    this.runs.forEach(({ run }) => run.end());
    this.runs.clear();
  }

  /** Shows how an execution stands, whoever started it. */
  private async follow(board: Board): Promise<void> {
    const uri = vscode.Uri.file(board.breakdown);
    if (!this.runs.has(board.execution)) {
      // One that is paused was stopped here, perhaps.
      if (!board.running || board.actions.includes("resume")) return;
      const root = this.controller.items.get(uri.toString()) ?? (await this.read(uri));
      if (!root || this.runs.has(board.execution)) return;
      this.begin(board.execution, this.controller.createTestRun(new vscode.TestRunRequest([root]), board.topic, true));
    }
    const under = this.runs.get(board.execution);
    if (!under) return;
    under.turn = under.turn.then(() => this.show(board, under)).catch(() => undefined);
    await under.turn;
  }

  private async show(board: Board, under: Under): Promise<void> {
    if (this.runs.get(board.execution) !== under) return;
    const items = new Map<string, vscode.TestItem>();
    this.controller.items.get(vscode.Uri.file(board.breakdown).toString())?.children.forEach((item) => collect(item, items));
    for (const task of board.tasks) {
      const item = items.get(task.id);
      if (item) await this.say(board, task, item, under);
    }
    if (!board.running) {
      this.runs.delete(board.execution);
      under.run.end();
    }
  }

  private async say(board: Board, task: TaskRow, item: vscode.TestItem, under: Under): Promise<void> {
    item.description = task.label;
    item.busy = task.look === "running";
    // What is blocked while others go on is blocked for good when they have ended.
    const now = `${task.look} ${task.attempts} ${task.rework} ${task.look === "blocked" && board.running}`;
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
        if (under.printed++ < OUTPUTS) await this.print(board, task, item, under.run);
        under.run.passed(item, took);
        return;
      default:
        if (task.look === "failed" || !board.running) {
          await this.print(board, task, item, under.run);
          under.run.failed(item, messages(task, item, board), took);
        }
    }
  }

  private async print(board: Board, task: TaskRow, item: vscode.TestItem, run: vscode.TestRun): Promise<void> {
    try {
      const page = await this.server.ask<OutputPage>("task/output", { execution: board.execution, task: task.id, limit: OUTPUT_BYTES });
      run.appendOutput(`${printable(page.text)}\r\n`, undefined, item);
    } catch {
      // It has printed nothing.
    }
  }

  dispose(): void {
    this.endAll();
    this.subscriptions.forEach((subscription) => subscription.dispose());
  }
}

/** Why a task failed, beside its line, and each finding at the place that it is about. */
function messages(task: TaskRow, item: vscode.TestItem, board: Board): vscode.TestMessage[] {
  const whole = new vscode.TestMessage([task.note || task.label, ...task.more.slice(1)].join("\n"));
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
