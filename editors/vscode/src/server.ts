// The language server: where its program is, that it fits, and that it runs.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import * as vscode from "vscode";
import { SELECTOR } from "./formats";
import { LanguageClient, State, type ExecuteCommandSignature, type LanguageClientOptions } from "vscode-languageclient/node";

/** The oldest program that answers what is asked here. */
const OLDEST = [0, 1, 0] as const;
const NAME = "execution-coordinator";

export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private turn: Promise<void> = Promise.resolve();
  private readonly ready = new vscode.EventEmitter<boolean>();
  private readonly log = vscode.window.createOutputChannel("Execution Coordinator", { log: true });
  /** Told of the server's notifications; one handler each, because a second one would replace the first. */
  private readonly handlers = new Map<string, (params: any) => void>();
  readonly onReady = this.ready.event;
  /** What is done instead of some of the server's commands. */
  /** Whether something may be started now. */
  mayStart: () => Promise<boolean> = async () => vscode.workspace.isTrusted;
  readonly instead = new Map<string, (arguments_: unknown[]) => Promise<unknown>>();
  path: string | undefined;

  start(): Promise<void> {
    return this.restart();
  }

  /** Starts it; says what is wrong where it can't. */
  private async begin(): Promise<void> {
    await vscode.commands.executeCommand("setContext", "executionCoordinator.ready", false);
    this.path = find();
    if (!this.path) {
      this.complain(`The program ${NAME} was not found on the path or in ~/.cargo/bin.`);
      return;
    }
    const problem = await check(this.path);
    if (problem) {
      this.complain(problem);
      return;
    }
    const settings = vscode.workspace.getConfiguration("executionCoordinator");
    const command = { command: this.path, args: ["serve", ...settings.get<string[]>("arguments", [])] };
    const options: LanguageClientOptions = {
      documentSelector: SELECTOR,
      outputChannel: this.log,
      traceOutputChannel: this.log,
      synchronize: { configurationSection: "executionCoordinator" },
      initializationOptions: { breakdowns: settings.get("breakdowns"), statusAsDiagnostics: settings.get("statusAsDiagnostics") },
      middleware: {
        executeCommand: async (name: string, arguments_: unknown[], next: ExecuteCommandSignature) => {
          const instead = this.instead.get(name);
          if (instead) return instead(arguments_);
          // Whatever else the server offers may let something go on.
          const halts = ["pause", "cancel", "reject"].some((halting) => name.endsWith(`.${halting}`));
          return halts || (await this.mayStart()) ? next(name, arguments_) : undefined;
        },
      },
    };
    const client = new LanguageClient("executionCoordinator", "Execution Coordinator", { run: command, debug: command }, options);
    this.client = client;
    client.onDidChangeState(({ newState }) => {
      const ready = newState === State.Running;
      void vscode.commands.executeCommand("setContext", "executionCoordinator.ready", ready);
      this.ready.fire(ready);
    });
    for (const [method, handler] of this.handlers) client.onNotification(method, handler);
    try {
      await client.start();
    } catch (error) {
      this.complain(`${this.path} does not start: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** One after the other, however often it is asked for. */
  restart(): Promise<void> {
    this.turn = this.turn.then(() => this.stop()).then(() => this.begin());
    return this.turn;
  }

  /** Tells of a notification. */
  on<T>(method: string, handler: (params: T) => void): void {
    this.handlers.set(method, handler);
  }

  get isReady(): boolean {
    return this.client?.state === State.Running;
  }

  /** Asks the server; what it refuses is thrown as its sentence. */
  async ask<T>(method: string, params: object = {}): Promise<T> {
    if (!this.client || !this.isReady) throw new Error("The language server is not running.");
    return this.client.sendRequest<T>(method, params);
  }

  showLog(): void {
    this.log.show();
  }

  /** Says what is wrong; nobody waits until that is read. */
  private complain(sentence: string): void {
    this.log.error(sentence);
    const choose = "Choose Program";
    void vscode.window.showWarningMessage(sentence, choose, "Show Log").then((chosen) => {
      if (chosen === choose) void vscode.commands.executeCommand("executionCoordinator.choosePath");
      else if (chosen) this.showLog();
    });
  }

  private async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client?.needsStop()) await client.dispose(2000).catch(() => undefined);
  }

  dispose(): void {
    void this.stop();
    this.ready.dispose();
    this.log.dispose();
  }
}

/** The program: as the settings say, on the path, or where cargo puts it. */
function find(): string | undefined {
  const given = vscode.workspace.getConfiguration("executionCoordinator").get<string>("path", "").trim();
  if (given) return given.startsWith("~/") ? join(homedir(), given.slice(2)) : given;
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), join(homedir(), ".cargo", "bin")];
  const name = process.platform === "win32" ? `${NAME}.exe` : NAME;
  return folders.filter(Boolean).map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** What is wrong with a program; nothing where it fits. */
async function check(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ["--version"], { timeout: 10_000 });
    const version = /(\d+)\.(\d+)\.(\d+)/.exec(stdout)?.slice(1).map(Number);
    if (!version || !stdout.startsWith(NAME)) return `${path} is no ${NAME}: it says "${stdout.trim().slice(0, 80)}".`;
    const older = OLDEST.findIndex((part, at) => part !== version[at]);
    if (older >= 0 && (version[older] as number) < (OLDEST[older] as number)) {
      return `${path} is version ${version.join(".")}; this extension needs ${OLDEST.join(".")} or newer.`;
    }
    return undefined;
  } catch (error) {
    return `${path} can't be run: ${error instanceof Error ? error.message : String(error)}`;
  }
}
