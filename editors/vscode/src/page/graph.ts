// The page of the graph: drawn again whenever how things stand has come; reached by keyboard and told to
// screen readers.

import { layers, neighbour, timeline, type Node } from "../layout";
import type { Board, TaskRow } from "../protocol";
import { duration } from "../words";

declare function acquireVsCodeApi(): { postMessage(message: unknown): void };

const editor = acquireVsCodeApi();
const WIDTH = 190;
const HEIGHT = 46;
const GAP_X = 60;
const GAP_Y = 16;
const SVG = "http://www.w3.org/2000/svg";

/** More tasks than can be drawn so that anybody could see them: then those that are not done yet, and what is next to them. */
const DRAWN = 400;

let nodes: Node[] = [];
let focused: string | undefined;
let looks = new Map<string, string>();

function element<K extends keyof SVGElementTagNameMap>(name: K, attributes: Record<string, string | number>, parent?: Element): SVGElementTagNameMap[K] {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  parent?.append(made);
  return made;
}

function byId(id: string): HTMLElement {
  return document.getElementById(id) as HTMLElement;
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function position(node: Node): { x: number; y: number } {
  return { x: 4 + node.column * (WIDTH + GAP_X), y: 4 + node.row * (HEIGHT + GAP_Y) };
}

function draw(board: Board | null): void {
  byId("topic").textContent = board?.topic ?? "Nothing is being executed yet";
  const done = board?.tasks.filter((task) => task.look === "done" || task.look === "skipped").length ?? 0;
  byId("state").textContent = board ? `${board.state}${board.running ? "" : ", not running"}: ${done} of ${board.tasks.length} tasks done` : "";
  byId("graph").replaceChildren();
  byId("timeline").replaceChildren();
  if (!board) return;
  tell(board.tasks);
  const open = board.tasks.filter((task) => task.look !== "done" && task.look !== "skipped");
  const drawn = board.tasks.length <= DRAWN ? board.tasks : open.slice(0, DRAWN);
  if (drawn.length < board.tasks.length) byId("state").textContent += `; ${drawn.length} that are not done are drawn`;
  nodes = layers(drawn);
  drawGraph(drawn);
  drawTimeline(board.tasks.length <= DRAWN ? board.tasks : board.tasks.filter((task) => task.beganAt !== null).slice(-DRAWN));
}

/** What has changed, for those who hear it. */
function tell(tasks: TaskRow[]): void {
  const changed = tasks.filter((task) => looks.size > 0 && looks.get(task.id) !== task.look && task.look !== "waiting");
  looks = new Map(tasks.map((task) => [task.id, task.look]));
  if (changed.length > 0) byId("told").textContent = changed.slice(0, 5).map((task) => `Task ${task.id} ${task.title}: ${task.state}`).join(". ");
}

function drawGraph(tasks: TaskRow[]): void {
  const columns = Math.max(0, ...nodes.map((node) => node.column)) + 1;
  const rows = Math.max(0, ...nodes.map((node) => node.row)) + 1;
  const svg = element("svg", { width: columns * (WIDTH + GAP_X), height: rows * (HEIGHT + GAP_Y) + 8, role: "group" });
  const at = new Map(nodes.map((node) => [node.task.id, node]));
  for (const task of tasks) {
    for (const before of task.dependsOn) {
      const [from, to] = [at.get(before), at.get(task.id)];
      if (!from || !to) continue;
      const [a, b] = [position(from), position(to)];
      const [x1, y1, x2, y2] = [a.x + WIDTH, a.y + HEIGHT / 2, b.x, b.y + HEIGHT / 2];
      const critical = task.criticalPath && from.task.criticalPath ? " critical" : "";
      element("path", { class: `edge${critical}`, d: `M${x1},${y1} C${x1 + GAP_X / 2},${y1} ${x2 - GAP_X / 2},${y2} ${x2},${y2}` }, svg);
    }
  }
  if (!nodes.some((node) => node.task.id === focused)) focused = nodes[0]?.task.id;
  const hadFocus = document.activeElement?.classList.contains("task") ?? false;
  for (const node of nodes) drawTask(node, svg);
  byId("graph").append(svg);
  if (hadFocus) focus(focused, false);
}

function drawTask(node: Node, svg: SVGSVGElement): void {
  const { task } = node;
  const { x, y } = position(node);
  const waits = task.dependsOn.length > 0 ? `, after ${task.dependsOn.join(", ")}` : "";
  const group = element(
    "g",
    {
      class: `task ${task.look}`,
      transform: `translate(${x},${y})`,
      tabindex: task.id === focused ? 0 : -1,
      role: "button",
      "data-task": task.id,
      "aria-label": `Task ${task.id}, ${task.title}: ${task.label}${waits}${task.criticalPath ? ", on the critical path" : ""}`,
    },
    svg,
  );
  element("title", {}, group).textContent = task.more.join("\n").replace(/\*\*/g, "");
  element("rect", { width: WIDTH, height: HEIGHT }, group);
  element("circle", { class: "sign", cx: 13, cy: 16, r: 4.5 }, group);
  element("text", { x: 24, y: 20 }, group).textContent = cut(`${task.id} ${task.title}`, 24);
  element("text", { x: 24, y: 37, class: "label" }, group).textContent = cut(task.label, 28);
  group.addEventListener("click", () => editor.postMessage({ type: "task", task: task.id }));
}

function focus(id: string | undefined, scrolls = true): void {
  const next = [...document.querySelectorAll<SVGGElement>(".task")].find((task) => task.dataset["task"] === id);
  if (!next) return;
  document.querySelectorAll<SVGGElement>(".task").forEach((task) => task.setAttribute("tabindex", task === next ? "0" : "-1"));
  focused = id;
  next.focus({ preventScroll: true });
  if (scrolls) next.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function drawTimeline(tasks: TaskRow[]): void {
  const now = Date.now();
  const { bars, begin, end } = timeline(tasks, now);
  if (bars.length === 0) return;
  const table = document.createElement("table");
  table.className = "bars";
  const caption = document.createElement("caption");
  caption.className = "unseen";
  caption.textContent = `What took how long, over ${duration(end - begin)}`;
  table.append(caption);
  for (const bar of bars) {
    const row = table.insertRow();
    row.className = bar.task.look;
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = cut(`${bar.task.id} ${bar.task.title}`, 28);
    const drawn = document.createElement("td");
    drawn.className = "bar";
    const svg = element("svg", { viewBox: "0 0 1000 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    element("rect", { x: bar.from * 1000, y: 1, width: Math.max(4, (bar.to - bar.from) * 1000), height: 8 }, svg);
    drawn.append(svg);
    const took = document.createElement("td");
    took.className = "took";
    took.textContent = duration((bar.task.endedAt ?? now) - (bar.task.beganAt as number));
    row.append(name, drawn, took);
  }
  byId("timeline").append(table);
}

document.addEventListener("focusin", (event) => {
  focused = (event.target as Element | null)?.closest<SVGGElement>(".task")?.dataset["task"] ?? focused;
});
document.addEventListener("keydown", (event) => {
  const task = (event.target as Element | null)?.closest<SVGGElement>(".task")?.dataset["task"];
  if (!task) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    editor.postMessage({ type: "task", task, action: event.shiftKey ? "output" : "reveal" });
    return;
  }
  const next = neighbour(nodes, task, event.key);
  if (next) {
    event.preventDefault();
    focus(next);
  }
});
window.addEventListener("message", (event: MessageEvent<{ type: string; board: Board | null }>) => {
  if (event.data.type === "board") draw(event.data.board);
});
editor.postMessage({ type: "ready" });
