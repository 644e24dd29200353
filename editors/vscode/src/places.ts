// Where a task stands in its breakdown, as the language server says.

import * as vscode from "vscode";

/** The ranges of tasks and streams of a text, by id. */
export async function ranges(uri: vscode.Uri): Promise<Map<string, vscode.Range>> {
  const found = new Map<string, vscode.Range>();
  const symbols = await vscode.commands.executeCommand<vscode.DocumentSymbol[] | undefined>("vscode.executeDocumentSymbolProvider", uri);
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

/** Shows a task in its breakdown. */
export async function reveal(file: string, task: string): Promise<void> {
  const uri = vscode.Uri.file(file);
  const editor = await vscode.window.showTextDocument(uri, { preview: true });
  const range = (await ranges(uri)).get(task);
  if (!range) return;
  editor.selection = new vscode.Selection(range.start, range.start);
  editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}
