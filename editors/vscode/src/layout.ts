// Where tasks stand in the graph and in the timeline; no editor and no page in here.

import type { TaskRow } from "./protocol";

export interface Node {
  task: TaskRow;
  column: number;
  row: number;
}

/** Tasks in columns by what they wait for, those of a stream near each other. What waits for itself, or for
 * something that is not there, stands in the first column that is free of that. */
export function layers(tasks: TaskRow[]): Node[] {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const depth = new Map<string, number>();
  const open = new Set<string>();
  // Without recursion: chains may be long.
  for (const root of tasks) {
    const stack = [root.id];
    while (stack.length > 0) {
      const id = stack[stack.length - 1] as string;
      if (depth.has(id)) {
        stack.pop();
        continue;
      }
      open.add(id);
      const before = (byId.get(id)?.dependsOn ?? []).filter((other) => byId.has(other));
      const missing = before.filter((other) => !depth.has(other) && !open.has(other));
      if (missing.length > 0) {
        stack.push(...missing);
        continue;
      }
      depth.set(id, Math.max(0, ...before.map((other) => (depth.get(other) ?? -1) + 1)));
      open.delete(id);
      stack.pop();
    }
  }
  const streams = [...new Set(tasks.map((task) => task.stream ?? ""))];
  const columns: TaskRow[][] = [];
  for (const task of tasks) (columns[depth.get(task.id) ?? 0] ??= []).push(task);
  return columns.flatMap((column, at) =>
    [...(column ?? [])]
      .sort((a, b) => streams.indexOf(a.stream ?? "") - streams.indexOf(b.stream ?? ""))
      .map((task, row) => ({ task, column: at, row })),
  );
}

/** The task that the keyboard goes to from another one. */
export function neighbour(nodes: Node[], id: string, key: string): string | undefined {
  const from = nodes.find((node) => node.task.id === id);
  if (!from) return nodes[0]?.task.id;
  const nearest = (column: number) =>
    nodes
      .filter((node) => node.column === column)
      .sort((a, b) => Math.abs(a.row - from.row) - Math.abs(b.row - from.row))[0]?.task.id;
  switch (key) {
    case "ArrowRight":
      return nearest(from.column + 1);
    case "ArrowLeft":
      return nearest(from.column - 1);
    case "ArrowDown":
      return nodes.find((node) => node.column === from.column && node.row === from.row + 1)?.task.id;
    case "ArrowUp":
      return nodes.find((node) => node.column === from.column && node.row === from.row - 1)?.task.id;
    case "Home":
      return nodes[0]?.task.id;
    case "End":
      return nodes[nodes.length - 1]?.task.id;
    default:
      return undefined;
  }
}

export interface Bar {
  task: TaskRow;
  /** From 0 to 1 over the whole. */
  from: number;
  to: number;
}

/** What took how long, by when it began. */
export function timeline(tasks: TaskRow[], now: number): { bars: Bar[]; begin: number; end: number } {
  const begun = tasks.filter((task) => task.beganAt !== null).sort((a, b) => (a.beganAt as number) - (b.beganAt as number));
  const begin = begun[0]?.beganAt ?? now;
  const end = Math.max(begin + 1, ...begun.map((task) => task.endedAt ?? now));
  const at = (time: number) => (time - begin) / (end - begin);
  const bars = begun.map((task) => ({ task, from: at(task.beganAt as number), to: at(Math.max(task.endedAt ?? now, task.beganAt as number)) }));
  return { bars, begin, end };
}
