// How executions stand, as the server says: one place that everything shown here looks at.

import * as vscode from "vscode";
import type { Board, ExecutionRow, Progress, ReportDocument } from "./protocol";
import type { Server } from "./server";

/** Not asked again sooner than this, however fast things change. */
const PACE_MS = 250;

export class Boards implements vscode.Disposable {
  private readonly boards = new Map<string, Board>();
  private readonly changed = new vscode.EventEmitter<Board>();
  private readonly ended = new vscode.EventEmitter<ReportDocument>();
  private readonly asking = new Map<string, Promise<void>>();
  private readonly stale = new Set<string>();
  private readonly subscriptions: vscode.Disposable[] = [];
  private chosen: string | undefined;
  readonly progress = new Map<string, Progress>();
  readonly onDidChange = this.changed.event;
  readonly onDidEnd = this.ended.event;

  constructor(private readonly server: Server) {
    server.on<Progress>("execution/progress", (progress) => {
      this.progress.set(progress.execution, progress);
      void this.refresh(progress.execution);
    });
    // The server says itself who is needed for what.
    server.on<{ execution: string }>("execution/escalation", ({ execution }) => void this.refresh(execution));
    server.on<ReportDocument>("execution/result", (report) => {
      void this.refresh(report.execution).then(() => this.ended.fire(report));
    });
    this.subscriptions.push(
      server.onReady((ready) => {
        if (ready) void this.refreshAll();
      }),
      vscode.window.onDidChangeActiveTextEditor((editor) => {
        const board = editor && this.of(editor.document.uri);
        // One that was picked stays while its breakdown is looked at.
        if (board && board.breakdown !== this.current?.breakdown) {
          this.chosen = board.execution;
          this.changed.fire(board);
        }
      }),
    );
  }

  /** The one that is shown: of the text that was looked at last, or the latest. */
  get current(): Board | undefined {
    return (this.chosen ? this.boards.get(this.chosen) : undefined) ?? this.all.pop();
  }

  /** Those that are known, the latest last. */
  get all(): Board[] {
    return [...this.boards.values()].sort((a, b) => a.startedAt - b.startedAt);
  }

  /** The latest execution of a breakdown. */
  of(uri: vscode.Uri): Board | undefined {
    return this.all.reverse().find((board) => board.breakdown === uri.fsPath);
  }

  get(execution: string): Board | undefined {
    return this.boards.get(execution);
  }

  choose(execution: string): void {
    this.chosen = execution;
    void this.refresh(execution);
  }

  async list(): Promise<ExecutionRow[]> {
    return (await this.server.ask<{ executions: ExecutionRow[] }>("execution/list")).executions;
  }

  /** Asks how an execution stands; at most once at a time, and once more where it has changed meanwhile. */
  async refresh(execution: string): Promise<void> {
    const asking = this.asking.get(execution);
    if (asking) {
      this.stale.add(execution);
      return asking;
    }
    const asked = this.ask(execution).finally(() => this.asking.delete(execution));
    this.asking.set(execution, asked);
    return asked;
  }

  private async ask(execution: string): Promise<void> {
    do {
      this.stale.delete(execution);
      try {
        const board = await this.server.ask<Board>("task/list", { execution });
        // The latest last, also where an older one changes.
        this.boards.set(board.execution, board);
        this.changed.fire(board);
      } catch {
        // Whoever asked for something is told; what is looked at is asked for again.
        return;
      }
      if (this.stale.has(execution)) await new Promise((resolve) => setTimeout(resolve, PACE_MS));
    } while (this.stale.has(execution));
  }

  private async refreshAll(): Promise<void> {
    try {
      for (const row of (await this.list()).slice(-5)) await this.refresh(row.execution);
    } catch {
      // The server has just left: it is asked when it is back.
    }
  }

  dispose(): void {
    this.subscriptions.forEach((subscription) => subscription.dispose());
    this.changed.dispose();
    this.ended.dispose();
  }
}
