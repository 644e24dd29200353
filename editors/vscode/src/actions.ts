// What can be done, from wherever it is asked for: palette, tree, lenses, tests, graph.

import * as vscode from "vscode";
import { mayBeBreakdown } from "./formats";
import type { Boards } from "./boards";
import type { Outputs } from "./output";
import { ranges, reveal } from "./places";
import type { Board, TaskRow } from "./protocol";
import type { Reports } from "./report";
import type { Server } from "./server";
import type { Item } from "./tree";
import { needsSomebody } from "./words";

export class Actions {
  /** Breakdowns that were started here: their reports are opened. */
  readonly started = new Set<string>();

  constructor(
    private readonly server: Server,
    private readonly boards: Boards,
    private readonly outputs: Outputs,
    private readonly reports: Reports,
  ) {}

  /** Starts a breakdown, or goes on with it. Gives its execution. */
  async run(uri?: vscode.Uri, only: string[] = []): Promise<string | undefined> {
    const breakdown = uri ?? (await this.breakdown());
    if (!breakdown || !(await this.mayStart())) return undefined;
    const document = vscode.workspace.textDocuments.find((known) => known.uri.toString() === breakdown.toString());
    if (document?.isDirty) await document.save();
    this.started.add(breakdown.fsPath);
    // Where the program's own trust is missing, it asks for that by itself, and starts when it is given.
    const asked = { command: "execution-coordinator.run", arguments: [breakdown.toString(), ...only] };
    const started = await this.said(() => this.server.ask<{ execution: string; warnings: string[] } | null>("workspace/executeCommand", asked));
    if (!started) return undefined;
    for (const warning of started.warnings.slice(0, 3)) void vscode.window.showWarningMessage(warning);
    this.boards.choose(started.execution);
    return started.execution;
  }

  async carryOut(action: string, item?: Item): Promise<void> {
    const board = item?.board ?? this.boards.current;
    if (action === "run") return void (await this.run());
    if (!board) return void vscode.window.showInformationMessage("Nothing is being executed here.");
    const execution = board.execution;
    switch (action) {
      case "pause":
      case "resume":
        return this.ask(execution, `execution/${action}`, {});
      case "cancel": {
        const sure = await vscode.window.showWarningMessage(`Cancel ${board.topic}? What is being done is stopped.`, { modal: true }, "Cancel Execution");
        return sure ? this.ask(execution, "execution/cancel", {}) : undefined;
      }
      case "report":
        return void (await this.said(() => this.reports.show(execution)));
      case "worktree": {
        const folder = (item?.kind === "task" ? item.task : await this.task(board, (task) => task.folder !== null))?.folder;
        if (folder) await vscode.commands.executeCommand("vscode.openFolder", vscode.Uri.file(folder), { forceNewWindow: true });
        return;
      }
      case "reveal":
      case "output":
      case "answer":
      case "steer":
      case "retry":
      case "skip": {
        const id = item?.kind === "gate" ? item.gate.id : (item?.kind === "task" ? item.task : await this.task(board, (task) => action === "reveal" || task.actions.includes(action)))?.id;
        if (!id) return;
        if (action === "reveal") return reveal(this.server, board.breakdown, id);
        if (action === "output") return this.outputs.show(execution, id);
        if (action === "answer" || action === "steer") return this.tell(action, board, id);
        return this.ask(execution, `task/${action}`, { task: id });
      }
      case "approve":
      case "reject": {
        const gate = await this.gate(board, item);
        if (!gate) return;
        const reason = action === "reject" ? await vscode.window.showInputBox({ title: `Reject ${gate}`, prompt: "Why", ignoreFocusOut: true }) : "";
        if (reason === undefined) return;
        return this.ask(execution, `gate/${action}`, { gate, by: "editor", reason });
      }
    }
  }

  /** The agent of a task is told something: the answer to what it has asked, or a word while it is at work. */
  private async tell(action: "answer" | "steer", board: Board, id: string): Promise<void> {
    const label = board.tasks.find((task) => task.id === id)?.label ?? "";
    const title = action === "answer" ? `Answer task ${id}` : `Tell the agent of task ${id}`;
    const text = await vscode.window.showInputBox({ title, prompt: label, ignoreFocusOut: true });
    if (text) await this.ask(board.execution, `task/${action}`, { task: id, by: "editor", text });
  }

  /** The next task that needs somebody, after the one where the cursor is. */
  async next(): Promise<void> {
    const board = this.boards.current;
    const waiting = board?.tasks.filter(needsSomebody) ?? [];
    const first = waiting[0];
    if (!board || !first) return void vscode.window.showInformationMessage("No task needs you.");
    const editor = vscode.window.activeTextEditor;
    const line = editor?.document.uri.fsPath === board.breakdown ? editor.selection.active.line : -1;
    const at = await ranges(vscode.Uri.file(board.breakdown));
    const after = waiting.find((task) => (at.get(task.id)?.start.line ?? -1) > line);
    await reveal(this.server, board.breakdown, (after ?? first).id);
  }

  /** Another execution is shown. */
  async pick(): Promise<void> {
    const rows = await this.said(() => this.boards.list());
    if (!rows) return;
    const items = [...rows].reverse().map((row) => ({ label: row.line, description: row.owner ?? "", detail: row.breakdown, execution: row.execution }));
    const chosen = await vscode.window.showQuickPick(items, { title: "Executions", matchOnDetail: true, ignoreFocusOut: true });
    if (chosen) this.boards.choose(chosen.execution);
  }

  /** The command of a lens: the breakdown, then what it is about. */
  async ofLens(action: string, arguments_: unknown[]): Promise<void> {
    const [uri, about] = arguments_ as [string, string | undefined];
    if (action === "run") return void (await this.run(vscode.Uri.parse(uri), arguments_.slice(1).map(String)));
    const board = this.boards.of(vscode.Uri.parse(uri));
    if ((action === "answer" || action === "steer") && board && about) return this.tell(action, board, about);
    if (action === "output" && board && about) return this.outputs.show(board.execution, about);
    if (action === "report" && board) await this.said(() => this.reports.show(board.execution));
  }

  private async ask(execution: string, method: string, params: object): Promise<void> {
    if (method !== "execution/pause" && method !== "execution/cancel" && !(await this.mayStart())) return;
    await this.said(() => this.server.ask(method, { execution, ...params }));
    await this.boards.refresh(execution);
  }

  /** Whether the workspace is trusted; where it is not, that is said. */
  async mayStart(): Promise<boolean> {
    if (vscode.workspace.isTrusted) return true;
    const manage = "Manage Trust";
    const chosen = await vscode.window.showWarningMessage("This workspace is not trusted, so nothing is started: its breakdowns and configs name commands.", manage);
    if (chosen === manage) await vscode.commands.executeCommand("workbench.trust.manage");
    return false;
  }

  private async breakdown(): Promise<vscode.Uri | undefined> {
    const open = vscode.window.activeTextEditor?.document;
    if (open && mayBeBreakdown(open)) return open.uri;
    const patterns = vscode.workspace.getConfiguration("executionCoordinator").get<string[]>("breakdowns", []);
    const files = await vscode.workspace.findFiles(`{${patterns.join(",")}}`, "**/{node_modules,.execution-coordinator}/**", 50);
    if (files.length <= 1) return files[0] ?? void vscode.window.showInformationMessage("Open a breakdown first: a file with tasks.");
    const items = files.map((file) => ({ label: vscode.workspace.asRelativePath(file), file }));
    return (await vscode.window.showQuickPick(items, { title: "Run which breakdown?", ignoreFocusOut: true }))?.file;
  }

  private async task(board: Board, fits: (task: TaskRow) => boolean): Promise<TaskRow | undefined> {
    const items = board.tasks.filter(fits).map((task) => ({ label: `${task.id} ${task.title}`, description: task.label, task }));
    return (await vscode.window.showQuickPick(items, { title: "Which task?", ignoreFocusOut: true }))?.task;
  }

  private async gate(board: Board, item?: Item): Promise<string | undefined> {
    if (item?.kind === "gate") return item.gate.id;
    if (item?.kind === "task" && item.task.waitsForApproval) return item.task.waitsForApproval;
    const open = [
      ...board.gates.filter((gate) => gate.actions.includes("approve")).map((gate) => ({ label: gate.id, description: gate.reason })),
      ...board.tasks.flatMap((task) => (task.waitsForApproval ? [{ label: task.waitsForApproval, description: task.title }] : [])),
    ];
    if (open.length === 0) return void vscode.window.showInformationMessage("No gate waits for you.");
    return (open.length === 1 ? open[0] : await vscode.window.showQuickPick(open, { title: "Which gate?", ignoreFocusOut: true }))?.label;
  }

  /** What is refused is said as the sentence that it is. */
  private async said<T>(asked: () => Promise<T>): Promise<T | undefined> {
    try {
      return await asked();
    } catch (error) {
      void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }
}
