// Runs in the real extension host: what others would ask of the editor, and what the editor answers.

import assert from "node:assert/strict";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import type { Api } from "../../src/extension";
import type { Board } from "../../src/protocol";

/** How it stood when something did not happen. */
let stood: () => unknown = () => undefined;
const results: { name: string; error?: string; ms: number }[] = [];

async function step(name: string, run: () => Promise<void>): Promise<void> {
  const began = Date.now();
  try {
    await run();
    results.push({ name, ms: Date.now() - began });
  } catch (error) {
    const stands = JSON.stringify(stood(), ["execution", "state", "running", "actions", "tasks", "gates", "id", "label", "note", "attempts", "reason"]);
    results.push({ name, ms: Date.now() - began, error: `${error instanceof Error ? error.stack : String(error)}\n${stands}` });
    throw error;
  }
}

/** Waits for something to be so, by being told of changes, and looking again for what tells of none. */
async function until<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const end = Date.now() + 60_000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`it did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function run(): Promise<void> {
  try {
    await all();
  } finally {
    writeFileSync(process.env["TEST_RESULTS"] as string, JSON.stringify({ version: vscode.version, results }));
  }
}

async function all(): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath as string;
  const uri = vscode.Uri.file(join(folder, "breakdown.md"));
  const hold = (name: string) => writeFileSync(join(folder, "hold", name), "");
  const release = (name: string) => rmSync(join(folder, "hold", name), { force: true });
  const whole = new vscode.Range(0, 0, 1000, 0);
  const hints = async () => {
    const found = await vscode.commands.executeCommand<vscode.InlayHint[]>("vscode.executeInlayHintProvider", uri, whole);
    return (found ?? []).map((hint) => String(hint.label));
  };
  let api: Api | undefined;
  const board = (): Board | undefined => api?.boards.current;
  stood = board;
  const look = (id: string) => board()?.tasks.find((task) => task.id === id)?.look;

  await step("it is there, with all its commands", async () => {
    const extension = vscode.extensions.getExtension<Api>("execution-coordinator.execution-coordinator");
    api = await extension?.activate();
    await until("the server is ready", () => api?.server.isReady);
    const commands = await vscode.commands.getCommands(true);
    const declared = (extension?.packageJSON as { contributes: { commands: { command: string }[] } }).contributes.commands;
    assert.deepEqual(declared.map(({ command }) => command).filter((command) => !commands.includes(command)), []);
  });
  await step("mistakes show in the text, with fixes", async () => {
    const document = await vscode.workspace.openTextDocument({ language: "markdown", content: "" });
    await vscode.window.showTextDocument(document);
    const broken = vscode.Uri.file(join(folder, "broken.breakdown.md"));
    writeFileSync(broken.fsPath, "# B\n\n### Stream A: Base\n\n1. **One**\n   - Dependencies: Task 9\n");
    await vscode.window.showTextDocument(broken);
    const found = await until("a diagnostic", () => vscode.languages.getDiagnostics(broken).find((diagnostic) => /9/.test(diagnostic.message)));
    assert.equal(found.source, "execution-coordinator");
    await vscode.commands.executeCommand("workbench.action.closeActiveEditor");
    rmSync(broken.fsPath);
  });
  await step("a breakdown has lenses and tests before it is run", async () => {
    await vscode.window.showTextDocument(uri);
    const lenses = await until("lenses", async () => {
      const found = await vscode.commands.executeCommand<vscode.CodeLens[]>("vscode.executeCodeLensProvider", uri, 50);
      return found?.some((lens) => lens.command?.title === "▶ Run") ? found : undefined;
    });
    assert.ok(lenses.some((lens) => lens.command?.title === "▶ Run stream"));
    assert.deepEqual(await hints(), []);
  });
  await step("it runs, and every task shows its state inline and changes live", async () => {
    ["1-0", "3-0", "fail-2"].forEach(hold);
    await vscode.commands.executeCommand("executionCoordinator.run");
    await until("two tasks are shown to be running", async () => (await hints()).filter((hint) => hint.startsWith("● running")).length === 2);
    await until("the board knows", () => look("1") === "running" && look("3") === "running");
    release("1-0");
    await until("the first is shown to be done", async () => (await hints()).some((hint) => hint.startsWith("✔ done")));
  });
  await step("it pauses and goes on", async () => {
    await vscode.commands.executeCommand("executionCoordinator.pause");
    await until("it is paused", () => board()?.actions.includes("resume"));
    await vscode.commands.executeCommand("executionCoordinator.resume");
    await until("it goes on", () => board()?.actions.includes("pause"));
  });
  await step("what failed is tried again", async () => {
    release("3-0");
    await until("task 2 has failed", () => look("2") === "failed");
    await until("the editor says so", () => vscode.languages.getDiagnostics(uri).some((diagnostic) => /told to fail/.test(diagnostic.message)));
    hold("6-1");
    release("fail-2");
    const item = { kind: "task", board: board(), task: board()?.tasks.find((task) => task.id === "2") };
    await vscode.commands.executeCommand("executionCoordinator.retry", item);
    await until("it is done", () => look("2") === "done");
  });
  await step("findings of reviewers are known with their places", async () => {
    const finding = await until("a finding", () => board()?.tasks.find((task) => task.id === "6")?.findings.find((known) => known.severity === "blocker"));
    assert.match(String(finding.place), /^app\/lib\/6\.sh:\d+$/);
    // It is about code that is only in the worktree of its task yet.
    const worktree = board()?.tasks.find((task) => task.id === "6")?.folder;
    assert.ok(worktree && existsSync(join(worktree, "app/lib/6.sh")), String(worktree));
    await until("it stands beside the code", () => api?.findings.places.includes(join(worktree, "app/lib/6.sh")));
    release("6-1");
  });
  await step("a person approves the release, and the report opens", async () => {
    const gate = await until("the gate waits", () => board()?.gates.find((known) => known.actions.includes("approve")));
    await vscode.commands.executeCommand("executionCoordinator.approve", { kind: "gate", board: board(), gate });
    await until("it is complete", () => board()?.state === "Complete");
    await until("all is shown to be done", async () => (await hints()).filter((hint) => hint.startsWith("✔ done")).length === 8);
    await until("the report is open", () =>
      vscode.window.tabGroups.all.flatMap((group) => group.tabs).some((tab) => /Report/.test(tab.label)),
    );
  });
  await step("the server can be started again", async () => {
    await vscode.commands.executeCommand("executionCoordinator.restart");
    await until("it is ready", () => api?.server.isReady);
    await until("it knows all that was done", () => board()?.state === "Complete");
  });
}
