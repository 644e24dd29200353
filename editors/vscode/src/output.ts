// What agents, gates and reviewers print: in a terminal that follows it, with links to tasks.

import * as vscode from "vscode";
import type { Boards } from "./boards";
import { reveal } from "./places";
import type { OutputPage } from "./protocol";
import type { Server } from "./server";

/** How often it is looked for more. */
const LOOK_MS = 500;

export class Outputs implements vscode.Disposable {
  private readonly terminals = new Map<string, vscode.Terminal>();
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly server: Server,
    private readonly boards: Boards,
  ) {
    this.subscriptions = [
      vscode.window.onDidCloseTerminal((terminal) => {
        for (const [key, known] of this.terminals) if (known === terminal) this.terminals.delete(key);
      }),
      vscode.window.registerTerminalLinkProvider({
        provideTerminalLinks: ({ line, terminal }) => {
          if (![...this.terminals.values()].includes(terminal)) return [];
          const tasks = this.boards.current?.tasks ?? [];
          return [...line.matchAll(/\b[Tt]ask ([\w.-]*\w)/g)]
            .filter((match) => tasks.some((task) => task.id === match[1]))
            .map((match) => ({ startIndex: match.index, length: match[0].length, tooltip: "Show in breakdown", task: match[1] as string }));
        },
        handleTerminalLink: async ({ task }: vscode.TerminalLink & { task: string }) => {
          const board = this.boards.current;
          if (board) await reveal(board.breakdown, task);
        },
      }),
    ];
  }

  /** Follows what an order, or the last one of a task, prints. */
  show(execution: string, task: string): void {
    const key = `${execution} ${task}`;
    const open = this.terminals.get(key);
    if (open) {
      open.show(true);
      return;
    }
    const terminal = vscode.window.createTerminal({
      name: `Task ${task}`,
      iconPath: new vscode.ThemeIcon("checklist"),
      isTransient: true,
      pty: new Following(this.server, execution, task),
    });
    this.terminals.set(key, terminal);
    terminal.show(true);
  }

  dispose(): void {
    this.subscriptions.forEach((subscription) => subscription.dispose());
    this.terminals.forEach((terminal) => terminal.dispose());
  }
}

class Following implements vscode.Pseudoterminal {
  private readonly written = new vscode.EventEmitter<string>();
  private closed = false;
  readonly onDidWrite = this.written.event;

  constructor(
    private readonly server: Server,
    private readonly execution: string,
    private readonly task: string,
  ) {}

  open(): void {
    void this.follow();
  }

  close(): void {
    this.closed = true;
  }

  /** Follows one order to its end, then waits for the next one of the task. */
  private async follow(): Promise<void> {
    let order: string | undefined;
    let from = 0;
    while (!this.closed) {
      try {
        const page = await this.server.ask<OutputPage>("task/output", { execution: this.execution, task: this.task, from: order ? from : 0 });
        if (page.order !== order) {
          this.written.fire(`\x1b[2m── ${page.order} ──\x1b[0m\r\n`);
          if (order) {
            // Its beginning was not asked for.
            order = page.order;
            from = 0;
            continue;
          }
          order = page.order;
        }
        // Only line ends: what steers a terminal is for those who watch it there.
        this.written.fire(page.text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f]/g, "").replace(/\x1b(?!\[[\d;]*m)/g, "").replace(/\r?\n/g, "\r\n"));
        const more = page.next > from && page.text.length > 0;
        from = page.next;
        if (more) continue;
      } catch (error) {
        if (order === undefined) {
          this.written.fire(`${error instanceof Error ? error.message : String(error)}\r\n`);
          return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}
