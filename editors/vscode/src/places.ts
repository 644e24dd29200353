// Where a task stands in its breakdown, as the language server says.

import * as vscode from "vscode";
import type { Plan } from "./protocol";
import type { Server } from "./server";

/** The ranges of tasks and streams of a text, by id. */
export async function ranges(uri: vscode.Uri): Promise<Map<string, vscode.Range>> {
  const found = new Map<string, vscode.Range>();
  // What is no file that can be opened, as a folder, has none.
  const asked = vscode.commands.executeCommand<vscode.DocumentSymbol[] | undefined>("vscode.executeDocumentSymbolProvider", uri);
  const symbols = await Promise.resolve(asked).catch(() => undefined);
  const visit = (symbol: vscode.DocumentSymbol) => {
    // A task's symbol is called by its id and its title.
    const id = symbol.name.split(" ", 1)[0];
    if (id && !found.has(id)) found.set(id, symbol.selectionRange);
    symbol.children.forEach(visit);
  };
  // Those of other extensions are no tree, or another one.
  (symbols ?? []).filter((symbol) => "children" in symbol).forEach(visit);
  return found;
}

/** Shows a task in its breakdown; in one that is a folder, in its file. */
export async function reveal(server: Server, breakdown: string, task: string): Promise<void> {
  const whole = vscode.Uri.file(breakdown);
  const isFolder = (await vscode.workspace.fs.stat(whole)).type === vscode.FileType.Directory;
  const row = isFolder ? (await server.ask<Plan>("execution/plan", { path: breakdown })).tasks.find(({ id }) => id === task) : undefined;
  if (isFolder && !row?.file) return;
  const uri = row?.file ? vscode.Uri.file(row.file) : whole;
  const editor = await vscode.window.showTextDocument(uri, { preview: true });
  const range = row ? new vscode.Range(row.line - 1, 0, row.line - 1, 0) : (await ranges(uri)).get(task);
  if (!range) return;
  editor.selection = new vscode.Selection(range.start, range.start);
  editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}
