// vscode-jsonrpc with the protocol's types, as VS Code's own client uses them.
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { createRequire } = require("node:module");
const rpc = createRequire(path.join(process.env.CLIENTS, "client.js"))("vscode-languageserver-protocol/node");

const workspace = fs.realpathSync(process.env.WORKSPACE);
const file = path.join(workspace, "breakdown.md");
const uri = pathToFileURL(file).toString();
const server = spawn(process.env.SERVER, ["serve", "--stdio"], { cwd: workspace, stdio: ["pipe", "pipe", "inherit"] });
const connection = rpc.createProtocolConnection(new rpc.StreamMessageReader(server.stdout), new rpc.StreamMessageWriter(server.stdin));
const check = (is, what) => {
  if (!is) throw new Error(what);
};

async function main() {
  // Each resolves with the first message of its kind.
  const events = {};
  const once = (name) => new Promise((resolve) => (events[name] = resolve));
  const [refreshed, begun, ended, result] = ["refresh", "begin", "end", "result"].map(once);
  connection.onRequest(rpc.InlayHintRefreshRequest.type, () => void events.refresh());
  connection.onRequest(rpc.CodeLensRefreshRequest.type, () => {});
  connection.onRequest(rpc.WorkDoneProgressCreateRequest.type, () => {});
  connection.onRequest(rpc.ConfigurationRequest.type, (params) => params.items.map(() => null));
  connection.onNotification("$/progress", (params) => events[params.value.kind]?.());
  connection.onNotification("execution/result", (params) => events.result(params));
  connection.listen();
  const capabilities = {
    workspace: { inlayHint: { refreshSupport: true }, codeLens: { refreshSupport: true }, configuration: true },
    window: { workDoneProgress: true },
  };
  const initialized = await connection.sendRequest(rpc.InitializeRequest.type, {
    processId: process.pid, rootUri: pathToFileURL(workspace).toString(), capabilities, workspaceFolders: null,
  });
  check(initialized.capabilities.inlayHintProvider, "hints are offered");
  await connection.sendNotification(rpc.InitializedNotification.type, {});
  const text = fs.readFileSync(file, "utf8");
  await connection.sendNotification(rpc.DidOpenTextDocumentNotification.type, { textDocument: { uri, languageId: "markdown", version: 1, text } });
  const hints = async () => {
    const range = { start: { line: 0, character: 0 }, end: { line: 999, character: 0 } };
    return ((await connection.sendRequest(rpc.InlayHintRequest.type, { textDocument: { uri }, range })) ?? []).map((hint) => hint.label);
  };
  check((await hints()).length === 0, "nothing was started");
  const cancelled = new rpc.CancellationTokenSource();
  const slow = connection.sendRequest(rpc.DocumentSymbolRequest.type, { textDocument: { uri } }, cancelled.token);
  cancelled.cancel();
  await slow.catch((error) => check(error.code === rpc.LSPErrorCodes.RequestCancelled, `cancelled: ${error}`));
  const started = await connection.sendRequest("execution/start", { uri });
  await refreshed;
  await begun;
  fs.writeFileSync(path.join(workspace, "go"), "");
  const document = await result;
  check(document.execution === started.execution && document.report.finalStatus === "Complete", JSON.stringify(document));
  const labels = await hints();
  check(labels.length > 0 && labels.every((label) => label.includes("✔")), labels.join("\n"));
  await ended;
  await connection.sendRequest(rpc.ShutdownRequest.type);
  const exit = new Promise((resolve) => server.on("exit", resolve));
  await connection.sendNotification(rpc.ExitNotification.type);
  check((await exit) === 0, "it ends with 0");
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
