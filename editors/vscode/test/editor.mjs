// editor.mjs URL STATE EXTENSION [PICTURES]: the extension's own tests in the real extension host, then what stands
// on the screen, with pictures of it.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { workspace } from "./workspace.mjs";

const [url, state, extension, pictures] = process.argv.slice(2);
const LONG_MS = 120_000;
const began = Date.now();
const say = (line) => console.log(`${((Date.now() - began) / 1000).toFixed(1)} s  ${line}`);
const options = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
};
for (const end = Date.now() + LONG_MS; ; ) {
  if (await fetch(`${url}/healthz`).then((answer) => answer.ok, () => false)) break;
  if (Date.now() > end) throw new Error("the editor does not answer");
  await new Promise((resolve) => setTimeout(resolve, 100));
}
say("the editor answers");

async function inTheHost() {
  const { folder, trust, stop } = workspace(join(state, "host"), join(extension, "../.."));
  trust();
  const results = process.env.TEST_RESULTS;
  const remote = (path) => `vscode-remote://${new URL(url).host}${path}`;
  const payload = JSON.stringify([
    ["extensionDevelopmentPath", remote(extension)],
    ["extensionTestsPath", remote(join(extension, "dist/extension-tests.js"))],
  ]);
  const browser = await chromium.launch(options);
  try {
    const page = await browser.newPage();
    await page.goto(`${url}/?folder=${encodeURIComponent(folder)}&payload=${encodeURIComponent(payload)}`);
    for (const end = Date.now() + 2 * LONG_MS; !existsSync(results); ) {
      if (Date.now() > end) throw new Error("the tests in the extension host did not end");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const { version, results: steps } = JSON.parse(readFileSync(results, "utf8"));
    for (const { name, error, ms } of steps) say(`${error ? "FAILED" : "ok"}  ${name} (${ms} ms)${error ? `\n${error}` : ""}`);
    assert.ok(steps.length >= 9 && steps.every(({ error }) => !error), "all steps pass");
    say(`${steps.length} steps passed in the extension host of VS Code ${version}`);
  } finally {
    await browser.close();
    stop();
  }
}

async function onTheScreen() {
  const { folder, hold, release, stop } = workspace(join(state, "screen"), join(extension, "../.."));
  const browser = await chromium.launch(options);
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const picture = async (name) => {
    if (!pictures) return;
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: join(pictures, `${name}.png`) });
  };
  const shows = async (what, selector, text) => {
    const found = page.locator(selector).filter(text ? { hasText: text } : {});
    await found.first().waitFor({ state: "attached", timeout: LONG_MS }).catch(async (error) => {
      await picture("failed");
      throw new Error(`${what} is not shown: ${selector} ${text ?? ""}: ${error.message}`);
    });
    say(`ok  ${what}`);
    return found.first();
  };
  const command = async (title) => {
    await page.keyboard.press("F1");
    const input = page.locator(".quick-input-widget input.input");
    await input.waitFor({ state: "visible", timeout: LONG_MS });
    await input.fill(`>${title}`);
    await page.locator(".quick-input-list .monaco-list-row").filter({ hasText: title }).first().waitFor({ timeout: LONG_MS });
    await page.keyboard.press("Enter");
  };
  const hint = "[class*='ced-'], .view-line span";
  try {
    ["1-0", "3-0", "fail-2"].forEach(hold);
    await page.goto(`${url}/?folder=${encodeURIComponent(folder)}`);
    await (await shows("the file", ".explorer-folders-view .monaco-list-row", "breakdown.md")).dblclick();
    await (await shows("a lens that runs it", ".codelens-decoration a", "▶ Run")).click();
    // Nothing is started before its user says so.
    await (await shows("the question for trust", ".notification-toast", "is not trusted")).waitFor();
    await page.locator(".notification-toast a.monaco-button, .notification-toast .monaco-button").filter({ hasText: "Trust" }).first().click();
    await shows("a hint that a task is running", hint, "● running");
    await shows("a hint that a task waits", hint, "◌ waits for");
    await shows("the status bar", ".statusbar-item", "0/8");
    await page.locator(".activitybar [aria-label^='Execution']").first().click();
    await shows("a task in the tree", ".monaco-list-row", "1 Message Schema");
    await shows("a gate in the tree", ".monaco-list-row", "Gate 1");
    await picture("1-running");
    release("1-0");
    await shows("a hint that a task is done", hint, "✔ done");
    release("3-0");
    await shows("a hint that a task has failed", hint, "✘ failed");
    await shows("the report of what was reached", ".tab", "Report");
    await shows("the badge of what needs somebody", ".activitybar .badge-content", "1");
    await page.locator(".activitybar [aria-label^='Testing']").first().click();
    await (await shows("the breakdown as tests", ".test-explorer .monaco-list-row", "Real-time Chat System")).click();
    await page.keyboard.press("ArrowRight");
    await (await shows("a stream as a suite", ".test-explorer .monaco-list-row", "A Database Foundation")).click();
    await page.keyboard.press("ArrowRight");
    await shows("a task as a test", ".test-explorer .monaco-list-row", "2 User Association");
    await shows("its sign in the gutter", ".testing-run-glyph");
    await picture("2-failed-and-tests");
    hold("6-1");
    release("fail-2");
    const failed = await shows("lenses of what failed", ".codelens-decoration", "Skip");
    await failed.locator("a").filter({ hasText: "Retry" }).first().click();
    await command("Execution: Show Graph and Timeline");
    let graph;
    for (const end = Date.now() + LONG_MS; !graph; ) {
      for (const frame of page.frames()) if ((await frame.locator("g.task").count().catch(() => 0)) === 8) graph = frame;
      if (Date.now() > end) throw new Error("the graph does not show");
    }
    await graph.locator("g.task.running, g.task.blocked").filter({ hasText: "6 Message" }).waitFor({ state: "attached", timeout: LONG_MS });
    const first = graph.locator("g.task").first();
    assert.match((await first.getAttribute("aria-label")) ?? "", /^Task 1, Message Schema: ✔ done/);
    await first.focus();
    await page.keyboard.press("ArrowRight");
    assert.equal(await graph.evaluate(() => document.activeElement?.getAttribute("data-task")), "2", "it is reached by keyboard");
    assert.ok((await graph.locator(".bars tr").count()) >= 5, "the timeline has bars");
    say("ok  the graph and the timeline, live, by keyboard, with names for screen readers");
    await picture("3-graph");
    await page.emulateMedia({ colorScheme: "dark" });
    await page.locator(".monaco-workbench.vs-dark").waitFor({ state: "attached", timeout: LONG_MS });
    await picture("4-dark");
    await command("Execution: Show Output");
    await page.locator(".quick-input-list .monaco-list-row").filter({ hasText: "1 Message Schema" }).first().click();
    await shows("what an agent printed", ".terminal-outer-container, .terminal-wrapper");
    release("6-1");
    await page.locator(".activitybar [aria-label^='Execution']").first().click();
    const gate = await shows("the release", ".monaco-list-row", "release");
    const approve = gate.locator("a.action-label[aria-label^='Approve']").first();
    await approve.waitFor({ state: "attached", timeout: LONG_MS });
    say("ok  the release waits");
    // A selected row keeps its buttons wherever it moves to; a row under the pointer may move away.
    await gate.click();
    await approve.click({ timeout: LONG_MS });
    await shows("the status bar at the end", ".statusbar-item", "8/8");
    await shows("the report", ".tab", "Report");
    await picture("5-report");
    say("all of it is on the screen");
  } finally {
    await browser.close();
    stop();
  }
}

await inTheHost();
rmSync(process.env.TEST_RESULTS, { force: true });
await onTheScreen();
