// The graph and the timeline, in a page of their own.

import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import type { Actions } from "./actions";
import type { Boards } from "./boards";

export class Graph implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private readonly subscription: vscode.Disposable;

  constructor(
    private readonly extension: vscode.Uri,
    private readonly boards: Boards,
    private readonly actions: Actions,
  ) {
    this.subscription = boards.onDidChange(() => this.send());
  }

  show(): void {
    if (this.panel) {
      this.panel.reveal();
      return;
    }
    const root = vscode.Uri.joinPath(this.extension, "dist");
    this.panel = vscode.window.createWebviewPanel("executionCoordinator.graph", "Execution", vscode.ViewColumn.Beside, {
      enableScripts: true,
      localResourceRoots: [root],
      retainContextWhenHidden: true,
    });
    this.panel.iconPath = vscode.Uri.joinPath(this.extension, "media", "view.svg");
    this.panel.onDidDispose(() => (this.panel = undefined));
    this.panel.webview.onDidReceiveMessage((message: { type: string; task?: string; action?: string }) => {
      if (message.type === "ready") this.send();
      const board = this.boards.current;
      const task = board?.tasks.find((known) => known.id === message.task);
      if (board && task) void this.actions.carryOut(message.action ?? "reveal", { kind: "task", board, task });
    });
    const script = this.panel.webview.asWebviewUri(vscode.Uri.joinPath(root, "graph.js"));
    const nonce = randomBytes(16).toString("base64");
    this.panel.webview.html = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'">
<title>Execution</title><style nonce="${nonce}">${STYLE}</style></head>
<body><header><h1 id="topic"></h1><p id="state" role="status" aria-live="polite"></p></header>
<main><section id="graph" aria-label="Graph of tasks"></section><section id="timeline" aria-label="Timeline of tasks"></section></main>
<div id="told" class="unseen" role="log" aria-live="polite"></div>
<script nonce="${nonce}" src="${script}"></script></body></html>`;
  }

  private send(): void {
    const board = this.boards.current;
    void this.panel?.webview.postMessage({ type: "board", board: board ?? null });
  }

  dispose(): void {
    this.subscription.dispose();
    this.panel?.dispose();
  }
}

const STYLE = `
body { color: var(--vscode-foreground); font-family: var(--vscode-font-family); font-size: var(--vscode-font-size); padding: 0 1em 1em; }
h1 { font-size: 1.3em; margin: 0.6em 0 0; } header p { margin: 0.2em 0 0.8em; color: var(--vscode-descriptionForeground); }
section { overflow: auto; } .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
svg { display: block; } text { fill: currentColor; }
.edge { fill: none; stroke: var(--vscode-editorIndentGuide-activeBackground, currentColor); stroke-width: 1.2; }
.edge.critical { stroke: var(--vscode-charts-orange); stroke-width: 2; }
.task { cursor: pointer; } .task rect { fill: var(--vscode-editorWidget-background); stroke: var(--vscode-editorWidget-border, currentColor); stroke-width: 1; rx: 5; }
.task .label { fill: var(--vscode-descriptionForeground); font-size: 0.85em; }
.task .sign { stroke: none; }
.task:focus { outline: none; } .task:focus rect { stroke: var(--vscode-focusBorder); stroke-width: 2.5; }
.running .sign { fill: var(--vscode-charts-blue); } .done .sign { fill: var(--vscode-testing-iconPassed, var(--vscode-charts-green)); }
.failed .sign { fill: var(--vscode-testing-iconFailed, var(--vscode-charts-red)); } .blocked .sign { fill: var(--vscode-charts-yellow); }
.waiting .sign, .skipped .sign { fill: var(--vscode-disabledForeground); }
.running rect { stroke: var(--vscode-charts-blue); } .failed rect { stroke: var(--vscode-testing-iconFailed, var(--vscode-charts-red)); } .blocked rect { stroke: var(--vscode-charts-yellow); }
@media (prefers-reduced-motion: no-preference) { .running .sign { animation: pulse 1.6s ease-in-out infinite; } @keyframes pulse { 50% { opacity: 0.35; } } }
.bars { margin-top: 1.2em; border-collapse: collapse; width: 100%; } .bars th { text-align: left; font-weight: normal; padding: 2px 0.8em 2px 0; white-space: nowrap; width: 1%; }
.bars td.took { width: 1%; white-space: nowrap; padding-left: 0.8em; color: var(--vscode-descriptionForeground); }
.bars .bar rect { rx: 3; fill: var(--vscode-charts-blue); } .bars .done .bar rect { fill: var(--vscode-testing-iconPassed, var(--vscode-charts-green)); }
.bars .failed .bar rect { fill: var(--vscode-testing-iconFailed, var(--vscode-charts-red)); } .bars .blocked .bar rect { fill: var(--vscode-charts-yellow); }
.bars .bar svg { width: 100%; height: 1em; }
`;
