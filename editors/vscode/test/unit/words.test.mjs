import assert from "node:assert/strict";
import test from "node:test";
import { layers, neighbour, timeline } from "../../dist/unit/layout.mjs";
import { duration, escapeMarkdown, findingsByPlace, iconOf, matches, placeOf, printable, statusText } from "../../dist/unit/words.mjs";

const task = (id, more = {}) => ({
  id, title: `Task ${id}`, state: "ready", note: "", agent: null, attempts: 0, rework: 0, stream: null, dependsOn: [], label: "○ ready", more: [],
  look: "waiting", actions: [], waitsForApproval: null, beganAt: null, folder: null, endedAt: null, criticalPath: false, findings: [], gates: [], ...more,
});
const board = (tasks, more = {}) => ({
  execution: "e", breakdown: "/b.md", startedAt: 0, topic: "Shop", state: "running", running: true, actions: ["pause"], streams: [], tasks, gates: [], ...more,
});

test("the status bar says how far it is, and what is wrong first", () => {
  assert.equal(statusText(undefined, undefined).level, "none");
  const two = [task("1", { look: "done" }), task("2", { look: "running" })];
  const running = statusText(board(two), undefined);
  assert.deepEqual([running.text, running.level], ["$(loading~spin) 1/2", "none"]);
  assert.match(running.tooltip, /\[Pause\]\(command:executionCoordinator\.pause\)/);
  const waits = statusText(board([...two, task("3", { waitsForApproval: "release@3" })]), undefined);
  assert.deepEqual([waits.text, waits.level], ["$(bell-dot) 1/3", "warning"]);
  const failed = statusText(board([...two, task("3", { look: "failed" })]), undefined);
  assert.deepEqual([failed.text, failed.level], ["$(error) 1/3", "error"]);
  const ended = statusText(board([task("1", { look: "done" })], { running: false, state: "Complete", actions: ["run", "report"] }), undefined);
  assert.equal(ended.text, "$(pass) 1/1");
  assert.match(statusText(board(two, { topic: "a [x](command:evil) `b`" }), undefined).tooltip, /\\\[x\\\]\\\(command:evil\\\)/);
});

test("what is running now is in the tooltip", () => {
  const progress = { execution: "e", current: [{ order: "a1", what: "task 2", task: "2", agent: "shell", since: 0 }], remainingMinMs: 60_000, remainingMaxMs: 90_000 };
  const { tooltip } = statusText(board([task("2", { look: "running" })]), progress);
  assert.match(tooltip, /task 2 \(shell\)/);
  assert.match(tooltip, /1 min 0 s – 1 min 30 s to go/);
});

test("signs, times, places and filters", () => {
  assert.equal(iconOf(task("1", { look: "running", waitsForApproval: "g" })), "bell-dot");
  assert.deepEqual([12, 1_500, 65_000, 3_700_000].map(duration), ["12 ms", "2 s", "1 min 5 s", "1 h 1 min"]);
  assert.deepEqual(placeOf("src/a.rs:12"), { file: "src/a.rs", line: 11 });
  assert.deepEqual(placeOf("src/a.rs:12-14"), { file: "src/a.rs", line: 11 });
  assert.deepEqual(placeOf("src/a.rs"), { file: "src/a.rs", line: 0 });
  assert.equal(placeOf(null), undefined);
  assert.equal(escapeMarkdown("<b>*x*\ny"), "\\<b\\>\\*x\\* y");
  assert.ok(matches(task("6", { title: "Message Persistence", look: "failed" }), "failed mess"));
  assert.ok(!matches(task("6"), "done"));
  const finding = { by: "qa", severity: "blocker", text: "t", place: "a:1" };
  const found = findingsByPlace([
    task("1", { findings: [finding, { ...finding, severity: "concern", place: null }] }),
    task("2", { findings: [finding] }),
    task("3", { findings: [finding], folder: "/w" }),
  ]);
  const tasks = ({ folder, place, findings }) => [folder, place, findings.map((one) => one.task.id)];
  assert.deepEqual([...found.values()].map(tasks), [[null, "a:1", ["1", "2"]], ["/w", "a:1", ["3"]]]);
});

test("colours stay, and nothing else that steers a terminal", () => {
  assert.equal(printable("a\x1b[31mred\x1b[0m\nb"), "a\x1b[31mred\x1b[0m\r\nb");
  assert.equal(printable("\x1b]0;title\x07\x1b[2Jx\x1b]8;;http://e\x1b\\y\x9b1mz\x07\rw\x1bc"), "xy1mz\r\nwc");
});

test("tasks stand in columns by what they wait for", () => {
  const tasks = [task("1"), task("2", { dependsOn: ["1"] }), task("3"), task("4", { dependsOn: ["2", "3"] })];
  const at = (nodes) => Object.fromEntries(nodes.map((node) => [node.task.id, [node.column, node.row]]));
  const nodes = layers(tasks);
  assert.deepEqual(at(nodes), { 1: [0, 0], 2: [1, 0], 3: [0, 1], 4: [2, 0] });
  assert.deepEqual(["ArrowRight", "ArrowDown", "ArrowLeft", "End", "x"].map((key) => neighbour(nodes, "1", key)), ["2", "3", undefined, "4", undefined]);
  // What waits for itself or for nothing ends too, and a long chain needs no stack.
  assert.equal(layers([task("a", { dependsOn: ["b"] }), task("b", { dependsOn: ["a", "gone"] })]).length, 2);
  const chain = Array.from({ length: 20_000 }, (_, at) => task(String(at), { dependsOn: at ? [String(at - 1)] : [] })).reverse();
  assert.equal(Math.max(...layers(chain).map((node) => node.column)), 19_999);
  assert.deepEqual(layers([]), []);
});

test("the timeline goes from the first beginning to the last end", () => {
  const { bars } = timeline([task("1", { beganAt: 100, endedAt: 200 }), task("2", { beganAt: 150 }), task("3")], 300);
  assert.deepEqual(bars.map(({ task: { id }, from, to }) => [id, from, to]), [["1", 0, 0.5], ["2", 0.25, 1]]);
  assert.deepEqual(timeline([], 5).bars, []);
});
