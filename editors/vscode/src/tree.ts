// The tree of streams, tasks and gates.

import * as vscode from "vscode";
import type { Boards } from "./boards";
import type { Board, GateRow, StreamRow, TaskRow } from "./protocol";
import { COLORS, ICONS, iconOf, matches, needsSomebody } from "./words";

export type Item =
  | { kind: "stream"; board: Board; stream: StreamRow }
  | { kind: "task"; board: Board; task: TaskRow }
  | { kind: "gate"; board: Board; gate: GateRow };

export class Tree implements vscode.TreeDataProvider<Item>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<undefined>();
  private readonly view: vscode.TreeView<Item>;
  private readonly subscriptions: vscode.Disposable[] = [];
  private filter = "";
  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly boards: Boards) {
    this.view = vscode.window.createTreeView("executionCoordinator.tasks", { treeDataProvider: this, showCollapseAll: true });
    this.subscriptions.push(boards.onDidChange(() => this.show()));
  }

  /** Asks for words that tasks must have. */
  async ask(): Promise<void> {
    const typed = await vscode.window.showInputBox({
      title: "Filter tasks",
      prompt: "Words of a task's id, title, state, agent or stream; empty shows all",
      value: this.filter,
    });
    if (typed === undefined) return;
    this.filter = typed.trim();
    this.show();
  }

  private show(): void {
    const board = this.boards.current;
    const waiting = board ? board.tasks.filter(needsSomebody).length + board.gates.filter((gate) => gate.actions.includes("approve")).length : 0;
    this.view.badge = waiting > 0 ? { value: waiting, tooltip: `${waiting} ${waiting === 1 ? "needs" : "need"} you` } : undefined;
    const done = board?.tasks.filter((task) => task.look === "done").length ?? 0;
    this.view.description = board ? `${board.topic} ${done}/${board.tasks.length}${this.filter ? ` · "${this.filter}"` : ""}` : "";
    void vscode.commands.executeCommand("setContext", "executionCoordinator.can", board ? ` ${board.actions.join(" ")} ` : " run ");
    this.changed.fire(undefined);
  }

  getChildren(item?: Item): Item[] {
    const board = item?.board ?? this.boards.current;
    if (!board) return [];
    const shown = board.tasks.filter((task) => matches(task, this.filter));
    const tasks = (stream: string | null) => shown.filter((task) => task.stream === stream).map((task): Item => ({ kind: "task", board, task }));
    if (!item) {
      const streams = board.streams.filter((stream) => shown.some((task) => task.stream === stream.id));
      const gates = board.gates.filter((gate) => gate.streams.length === 0);
      return [
        ...streams.map((stream): Item => ({ kind: "stream", board, stream })),
        ...tasks(null),
        ...(this.filter ? [] : gates.map((gate): Item => ({ kind: "gate", board, gate }))),
      ];
    }
    if (item.kind !== "stream") return [];
    const gates = board.gates.filter((gate) => gate.streams[gate.streams.length - 1] === item.stream.id);
    return [...tasks(item.stream.id), ...(this.filter ? [] : gates.map((gate): Item => ({ kind: "gate", board, gate })))];
  }

  getTreeItem(item: Item): vscode.TreeItem {
    switch (item.kind) {
      case "stream":
        return streamItem(item.stream);
      case "task":
        return taskItem(item.board, item.task);
      case "gate":
        return gateItem(item.gate);
    }
  }

  getParent(): undefined {
    return undefined;
  }

  dispose(): void {
    this.subscriptions.forEach((subscription) => subscription.dispose());
    this.view.dispose();
    this.changed.dispose();
  }
}

function icon(name: string, look: keyof typeof ICONS): vscode.ThemeIcon {
  const color = COLORS[look];
  return new vscode.ThemeIcon(name, color ? new vscode.ThemeColor(color) : undefined);
}

function streamItem(stream: StreamRow): vscode.TreeItem {
  const item = new vscode.TreeItem(`${stream.id} ${stream.name}`, vscode.TreeItemCollapsibleState.Expanded);
  item.id = `stream ${stream.id}`;
  item.description = stream.label;
  item.iconPath = icon(stream.look === "waiting" ? "list-tree" : ICONS[stream.look], stream.look);
  item.contextValue = "stream";
  return item;
}

function taskItem(board: Board, task: TaskRow): vscode.TreeItem {
  const item = new vscode.TreeItem(`${task.id} ${task.title}`);
  item.id = `task ${board.execution} ${task.id}`;
  item.description = task.label;
  item.iconPath = icon(iconOf(task), task.waitsForApproval ? "blocked" : task.look);
  item.tooltip = task.more.join("\n").replace(/\*\*/g, "");
  item.contextValue = `task ${[...task.actions, ...(task.folder ? ["worktree"] : [])].join(" ")} `;
  item.command = { command: "executionCoordinator.reveal", title: "Show in Breakdown", arguments: [{ kind: "task", board, task } satisfies Item] };
  item.accessibilityInformation = { label: `Task ${task.id}, ${task.title}: ${task.label}` };
  return item;
}

function gateItem(gate: GateRow): vscode.TreeItem {
  const item = new vscode.TreeItem(gate.id);
  item.id = `gate ${gate.id}`;
  item.description = gate.label;
  item.iconPath = icon(gate.actions.includes("approve") ? "bell-dot" : gate.look === "waiting" ? "shield" : ICONS[gate.look], gate.look);
  item.tooltip = gate.reason || gate.label;
  item.contextValue = `gate ${gate.actions.join(" ")} `;
  return item;
}
