import * as vscode from "vscode";

/** Documents that the server reads: any Markdown, and of other languages those whose names say what they are. */
export const SELECTOR = [
  { scheme: "file", language: "markdown" },
  ...["**/.taskmaster/tasks/*.json", "**/tasks/tasks.json", "**/.beads/*.jsonl", "**/sprint-status.yaml"].map((pattern) => ({ scheme: "file", pattern })),
];

/** Whether a document may be a breakdown. */
export function mayBeBreakdown(document: vscode.TextDocument | undefined): boolean {
  return document !== undefined && vscode.languages.match(SELECTOR, document) > 0;
}
