// The program's Model Context Protocol server, for the editor's own agents. Editors before 1.101 have none.

import * as vscode from "vscode";
import type { Server } from "./server";

interface WithServers {
  registerMcpServerDefinitionProvider?(id: string, provider: { onDidChangeMcpServerDefinitions: vscode.Event<void>; provideMcpServerDefinitions(): unknown[] }): vscode.Disposable;
}

export function offerMcp(server: Server): vscode.Disposable | undefined {
  const models = (vscode as unknown as { lm?: WithServers }).lm;
  const Definition = (vscode as unknown as { McpStdioServerDefinition?: new (label: string, command: string, args: string[]) => { cwd?: vscode.Uri } })
    .McpStdioServerDefinition;
  if (!models?.registerMcpServerDefinitionProvider || !Definition) return undefined;
  // It is asked for once, and again when that has changed.
  const changed = new vscode.EventEmitter<void>();
  const provider = models.registerMcpServerDefinitionProvider("executionCoordinator", {
    onDidChangeMcpServerDefinitions: changed.event,
    provideMcpServerDefinitions: () => {
      const path = server.path;
      if (!path || !server.isReady || !vscode.workspace.isTrusted) return [];
      const folders = vscode.workspace.workspaceFolders ?? [];
      return folders.map((folder) => {
        const definition = new Definition(folders.length > 1 ? `Execution Coordinator: ${folder.name}` : "Execution Coordinator", path, ["mcp"]);
        definition.cwd = folder.uri;
        return definition;
      });
    },
  });
  return vscode.Disposable.from(
    provider,
    changed,
    server.onReady(() => changed.fire()),
    vscode.workspace.onDidChangeWorkspaceFolders(() => changed.fire()),
    vscode.workspace.onDidGrantWorkspaceTrust(() => changed.fire()),
  );
}
