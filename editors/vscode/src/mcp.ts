// The program's Model Context Protocol server, for the editor's own agents. Editors before 1.101 have none.

import * as vscode from "vscode";
import type { Server } from "./server";

interface WithServers {
  registerMcpServerDefinitionProvider?(id: string, provider: { provideMcpServerDefinitions(): unknown[] }): vscode.Disposable;
}

export function offerMcp(server: Server): vscode.Disposable | undefined {
  const models = (vscode as unknown as { lm?: WithServers }).lm;
  const Definition = (vscode as unknown as { McpStdioServerDefinition?: new (label: string, command: string, args: string[]) => { cwd?: vscode.Uri } })
    .McpStdioServerDefinition;
  if (!models?.registerMcpServerDefinitionProvider || !Definition) return undefined;
  return models.registerMcpServerDefinitionProvider("executionCoordinator", {
    provideMcpServerDefinitions: () => {
      const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
      if (!server.path || !folder || !vscode.workspace.isTrusted) return [];
      const definition = new Definition("Execution Coordinator", server.path, ["mcp"]);
      definition.cwd = folder;
      return [definition];
    },
  });
}
