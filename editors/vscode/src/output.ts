// What agents, gates and reviewers print: in a terminal that follows it, with links to tasks.

import * as vscode from "vscode";
import type { Boards } from "./boards";
import { reveal } from "./places";
import type { OutputPage } from "./protocol";
import type { Server } from "./server";
import { printable } from "./words";

/** How often it is looked for more. */
const LOOK_MS = 500;

export class Outputs implements vscode.Disposable {
  private readonly terminals = new Map<string, { terminal: vscode.Terminal; execution: string }>();
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly server: Server,
    private readonly boards: Boards,
  ) {
    this.subscriptions = [
      vscode.window.onDidCloseTerminal((terminal) => {
        for (const [key, known] of this.terminals) if (known.terminal === terminal) this.terminals.delete(key);
      }),
      vscode.window.registerTerminalLinkProvider({
        provideTerminalLinks: ({ line, terminal }) => {
          const known = [...this.terminals.values()].find((open) => open.terminal === terminal);
          const board = known && this.boards.get(known.execution);
          if (!board) return [];
          const tasks = board.tasks;
          return [...line.matchAll(/\b[Tt]ask ([\w.-]*\w)/g)]
            .filter((match) => tasks.some((task) => task.id === match[1]))
            .map((match) => ({ startIndex: match.index, length: match[0].length, tooltip: "Show in breakdown", task: match[1] as string, breakdown: board.breakdown }));
        },
        handleTerminalLink: ({ task, breakdown }: vscode.TerminalLink & { task: string; breakdown: string }) => reveal(this.server, breakdown, task),
      }),
    ];
  }

  /** Follows what an order, or all those of a task, print. */
  show(execution: string, task: string): void {
    const key = `${execution} ${task}`;
    const open = this.terminals.get(key);
    if (open) {
      open.terminal.show(true);
      return;
    }
    const terminal = vscode.window.createTerminal({
      name: `Task ${task}`,
      iconPath: new vscode.ThemeIcon("checklist"),
      isTransient: true,
      pty: new Following(this.server, execution, task),
    });
    this.terminals.set(key, { terminal, execution });
    terminal.show(true);
  }

  dispose(): void {
    this.subscriptions.forEach((subscription) => subscription.dispose());
    this.terminals.forEach(({ terminal }) => terminal.dispose());
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

  /** Follows all that is printed for the task, as long as the terminal is there: it may be retried. */
  private async follow(): Promise<void> {
    let said = false;
    let from = 0;
    while (!this.closed) {
      try {
        const page = await this.server.ask<OutputPage>("task/output", { execution: this.execution, task: this.task, from });
        // Only line ends: what steers a terminal is for those who watch it there.
        this.written.fire(printable(page.text));
        const more = page.next > from && page.text.length > 0;
        from = page.next;
        if (more) continue;
      } catch (error) {
        // It is looked for again: the first order of a task may be about to begin.
        if (from === 0 && !said) {
          this.written.fire(`${printable(error instanceof Error ? error.message : String(error))}\r\n`);
          said = true;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}
