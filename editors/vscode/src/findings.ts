// Findings of reviewers as comment threads on the code that they are about.

import { existsSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import * as vscode from "vscode";
import type { Boards } from "./boards";
import type { Board } from "./protocol";
import { escapeMarkdown, findingsByPlace, placeOf } from "./words";

export class Findings implements vscode.Disposable {
  private readonly controller = vscode.comments.createCommentController("executionCoordinator.findings", "Findings of reviewers");
  private readonly threads = new Map<string, vscode.CommentThread>();
  private readonly subscription: vscode.Disposable;

  constructor(boards: Boards) {
    this.subscription = boards.onDidChange(() => this.show(boards.current));
  }

  /** The files that have findings beside their code. */
  get places(): string[] {
    return [...this.threads.values()].map((thread) => thread.uri.fsPath);
  }

  private show(board: Board | undefined): void {
    const found = findingsByPlace(board?.tasks ?? []);
    const shown = new Set<string>();
    for (const [where, { folder, place, findings }] of found) {
      const at = placeOf(place);
      const file = board && at && resolve(board, folder, at.file);
      if (!at || !file) continue;
      const key = `${board.execution} ${where}`;
      shown.add(key);
      const comments = findings.map(({ task, finding }): vscode.Comment => {
        const body = new vscode.MarkdownString(`${escapeMarkdown(finding.text)}\n\n*task ${escapeMarkdown(task.id)} ${escapeMarkdown(task.title)}*`);
        return { body, mode: vscode.CommentMode.Preview, author: { name: finding.by }, label: finding.severity };
      });
      let thread = this.threads.get(key);
      if (!thread) {
        thread = this.controller.createCommentThread(vscode.Uri.file(file), new vscode.Range(at.line, 0, at.line, 0), comments);
        thread.canReply = false;
        this.threads.set(key, thread);
      }
      thread.comments = comments;
      const blocks = findings.some(({ finding }) => finding.severity === "blocker");
      thread.label = blocks ? "Must be fixed" : "Remarks";
      thread.state = blocks ? vscode.CommentThreadState.Unresolved : vscode.CommentThreadState.Resolved;
    }
    for (const [key, thread] of this.threads) {
      if (shown.has(key)) continue;
      thread.dispose();
      this.threads.delete(key);
    }
  }

  dispose(): void {
    this.subscription.dispose();
    this.controller.dispose();
  }
}

/** A file that a finding names: in the task's worktree, or from the breakdown's folder upwards within the workspace. */
function resolve(board: Board, worktree: string | null, file: string): string | undefined {
  if (isAbsolute(file)) return undefined;
  const inWorktree = worktree && join(worktree, file);
  if (inWorktree && inWorktree.startsWith(worktree) && existsSync(inWorktree)) return inWorktree;
  const workspace = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(board.breakdown))?.uri.fsPath;
  let folder = dirname(board.breakdown);
  for (;;) {
    const candidate = join(folder, file);
    if (candidate.startsWith(folder) && existsSync(candidate)) return candidate;
    if (!workspace || folder === workspace || !folder.startsWith(workspace)) return undefined;
    folder = dirname(folder);
  }
}
