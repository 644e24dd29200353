// What the server answers: the types of `schema/openrpc.json` that are shown here.

export type Look = "waiting" | "running" | "done" | "failed" | "blocked" | "skipped";

export interface Finding {
  by: string;
  severity: "blocker" | "concern" | "suggestion";
  text: string;
  place: string | null;
}

export interface GateStatus {
  id: string;
  level: string;
  state: string;
  reason: string;
}

export interface TaskRow {
  id: string;
  title: string;
  state: string;
  note: string;
  agent: string | null;
  attempts: number;
  rework: number;
  stream: string | null;
  dependsOn: string[];
  label: string;
  more: string[];
  look: Look;
  actions: string[];
  waitsForApproval: string | null;
  folder: string | null;
  beganAt: number | null;
  endedAt: number | null;
  criticalPath: boolean;
  findings: Finding[];
  gates: GateStatus[];
}

export interface StreamRow {
  id: string;
  name: string;
  label: string;
  look: Look;
}

export interface GateRow extends GateStatus {
  label: string;
  look: Look;
  streams: string[];
  actions: string[];
}

/** All that is shown of an execution: the answer of `task/list`. */
export interface Board {
  execution: string;
  breakdown: string;
  topic: string;
  startedAt: number;
  state: string;
  running: boolean;
  actions: string[];
  streams: StreamRow[];
  tasks: TaskRow[];
  gates: GateRow[];
}

export interface Progress {
  execution: string;
  seq: number;
  state: string;
  percent: number;
  done: number;
  total: number;
  current: { order: string; what: string; task: string | null; agent: string | null; since: number }[];
  remainingMinMs: number | null;
  remainingMaxMs: number | null;
}

export interface ReportDocument {
  execution: string;
  markdown: string;
}

export interface OutputPage {
  order: string;
  text: string;
  next: number;
  open: boolean;
}

export interface ExecutionRow {
  execution: string;
  breakdown: string;
  startedAt: number;
  state: string;
  owner: string | null;
  line: string;
}

export interface Plan {
  topic: string;
  streams: { id: string; name: string; tasks: string[] }[];
  tasks: { id: string; title: string; stream: string | null; file?: string; line: number }[];
}
