// What is shown and what can be done, put together.

import * as vscode from "vscode";
import { Actions } from "./actions";
import { Boards } from "./boards";
import { Findings } from "./findings";
import { Graph } from "./graph";
import { offerMcp } from "./mcp";
import { Outputs } from "./output";
import { Reports } from "./report";
import { Server } from "./server";
import { statusBar } from "./statusbar";
import { Testing } from "./testing";
import { Tree, type Item } from "./tree";

/** What tests and other extensions see. */
export interface Api {
  server: Server;
  boards: Boards;
  findings: Findings;
}

export function activate(context: vscode.ExtensionContext): Api {
  const server = new Server();
  const boards = new Boards(server);
  const outputs = new Outputs(server, boards);
  const reports = new Reports(server);
  const findings = new Findings(boards);
  const actions = new Actions(server, boards, outputs, reports);
  const tree = new Tree(boards);
  const graph = new Graph(context.extensionUri, boards, actions);
  const testing = new Testing(server, boards, (uri, only) => actions.run(uri, only));
  const mcp = offerMcp(server);
  context.subscriptions.push(server, boards, outputs, reports, tree, graph, testing, findings, statusBar(server, boards));
  if (mcp) context.subscriptions.push(mcp);

  const command = (name: string, run: (item?: Item) => unknown) =>
    context.subscriptions.push(vscode.commands.registerCommand(`executionCoordinator.${name}`, run));
  for (const action of ["pause", "resume", "cancel", "answer", "steer", "retry", "skip", "approve", "reject", "output", "reveal", "worktree", "report"]) {
    command(action, (item) => actions.carryOut(action, item));
  }
  command("run", () => actions.run());
  command("graph", () => graph.show());
  command("next", () => actions.next());
  command("filter", () => tree.ask());
  command("pick", () => actions.pick());
  command("restart", () => server.restart());
  command("log", () => server.showLog());
  command("choosePath", async () => {
    const chosen = await vscode.window.showOpenDialog({ title: "The program execution-coordinator", openLabel: "Use This" });
    const path = chosen?.[0]?.fsPath;
    if (path) await vscode.workspace.getConfiguration("executionCoordinator").update("path", path, vscode.ConfigurationTarget.Global);
  });
  server.mayStart = () => actions.mayStart();
  for (const [name, action] of [["run", "run"], ["answer", "answer"], ["steer", "steer"], ["showOutput", "output"], ["showReport", "report"]] as const) {
    server.instead.set(`execution-coordinator.${name}`, (arguments_) => actions.ofLens(action, arguments_));
  }

  context.subscriptions.push(
    boards.onDidEnd((report) => {
      reports.keep(report);
      const wanted = vscode.workspace.getConfiguration("executionCoordinator").get("openReport", true);
      const board = boards.get(report.execution);
      if (!wanted || !board || !actions.started.has(board.breakdown)) return;
      // What is fixed and goes on ends once more.
      if (board.state === "Complete") actions.started.delete(board.breakdown);
      void reports.show(report.execution);
    }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("executionCoordinator.path") || change.affectsConfiguration("executionCoordinator.arguments")) void server.restart();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void server.restart()),
  );
  void server.start();
  return { server, boards, findings };
}
