// One item in the status bar.

import * as vscode from "vscode";
import { mayBeBreakdown } from "./formats";
import type { Boards } from "./boards";
import type { Server } from "./server";
import { statusText } from "./words";

export function statusBar(server: Server, boards: Boards): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("executionCoordinator.status", vscode.StatusBarAlignment.Left, 50);
  item.name = "Execution Coordinator";
  const show = () => {
    const board = boards.current;
    const { text, tooltip, level } = statusText(board, board && boards.progress.get(board.execution));
    item.text = text;
    item.tooltip = new vscode.MarkdownString(tooltip, true);
    item.tooltip.isTrusted = { enabledCommands: ["graph", "run", "pause", "resume", "cancel", "report", "log"].map((name) => `executionCoordinator.${name}`) };
    item.backgroundColor = level === "none" ? undefined : new vscode.ThemeColor(`statusBarItem.${level}Background`);
    item.command = board ? "executionCoordinator.tasks.focus" : "executionCoordinator.run";
    item.accessibilityInformation = { label: board ? `Execution ${board.topic}: ${board.state}` : "Execution Coordinator", role: "button" };
    const isMine = board !== undefined || mayBeBreakdown(vscode.window.activeTextEditor?.document);
    if (server.isReady && isMine) item.show();
    else item.hide();
  };
  show();
  return vscode.Disposable.from(item, boards.onDidChange(show), server.onReady(show), vscode.window.onDidChangeActiveTextEditor(show));
}
