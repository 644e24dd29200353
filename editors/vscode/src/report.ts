// The report, as a read-only document with its preview.

import * as vscode from "vscode";
import type { ReportDocument } from "./protocol";
import type { Server } from "./server";

const SCHEME = "execution-coordinator-report";

export class Reports implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly texts = new Map<string, string>();
  private readonly subscription: vscode.Disposable;
  readonly onDidChange = this.changed.event;

  constructor(private readonly server: Server) {
    this.subscription = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  }

  async show(execution: string): Promise<void> {
    this.keep(await this.server.ask<ReportDocument>("execution/report", { execution }));
    await vscode.commands.executeCommand("markdown.showLockedPreviewToSide", uriOf(execution));
  }

  /** A report that has come; one that is shown is shown again. */
  keep(report: ReportDocument): void {
    this.texts.set(report.execution, report.markdown);
    this.changed.fire(uriOf(report.execution));
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.query) ?? "";
  }

  dispose(): void {
    this.subscription.dispose();
    this.changed.dispose();
  }
}

function uriOf(execution: string): vscode.Uri {
  return vscode.Uri.from({ scheme: SCHEME, path: `/Report ${execution}.md`, query: execution });
}
