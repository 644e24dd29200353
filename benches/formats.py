#!/usr/bin/env python3
"""How reading grows with the number of tasks, format by format: `formats.py BINARY [FOLDER]`.

Each breakdown is a chain: every task waits for the one before it. Printed are milliseconds of `check` (medians of
five, a start of the program with an empty list taken off), and by how much a task of the largest takes longer than
one of the middle: 1.0 is linear.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES = (1_000, 10_000, 100_000)
# A file a task: no more are read.
FOLDER_SIZES = (200, 2_000, 19_000)


def chain(n, first, rest):
    return [first(1)] + [rest(i, i - 1) for i in range(2, n + 1)]


def grouped(n, of, group, task):
    lines = []
    for g in range(1, n // of + 1):
        lines.append(group(g))
        lines += [task(g, j) for j in range(1, of + 1)]
    return lines


def issue(i):
    edges = [{"issue_id": f"bd-{i}", "depends_on_id": f"bd-{i - 1}", "type": "blocks"}] if i > 1 else []
    return json.dumps({"id": f"bd-{i}", "title": "do", "status": "open", "issue_type": "task", "created_at": "x", "dependencies": edges})


def task_master(i):
    parts = [{"id": 1, "title": "a", "status": "pending", "dependencies": []}]
    return {"id": i, "title": "do", "status": "pending", "dependencies": [i - 1] if i > 1 else [], "subtasks": parts}


def our_json(n):
    on = lambda i: [{"on": {"task": str(i - 1)}, "origin": "explicit"}] if i > 1 else []
    tasks = [{"id": str(i), "title": "do", "stream": None, "dependsOn": on(i)} for i in range(1, n + 1)]
    return json.dumps({"topic": "x", "streams": [], "tasks": tasks, "barriers": [], "marks": {}}, indent=1)


FILES = {
    "json": (".json", our_json),
    "task-master": (".json", lambda n: json.dumps({"master": {"tasks": [task_master(i) for i in range(1, n + 1)]}}, indent=1)),
    "beads": (".jsonl", lambda n: "\n".join(map(issue, range(1, n + 1)))),
    "spec-kitty": (".md", lambda n: "# Work Packages: x\n\n## Subtask Index\n\n" + "\n".join(chain(n, lambda i: f"### WP{i:02} — do\n\n- [ ] T{i:03} x\n", lambda i, on: f"### WP{i:02} — do\n\n- [ ] T{i:03} x\n\n**Dependencies**: WP{on:02}.\n"))),
    "gsd": (".md", lambda n: "# Roadmap: x\n\n" + "\n".join(grouped(n, 5, lambda g: f"\n### Phase {g}: p\n**Depends on:** {'Nothing' if g == 1 else f'Phase {g - 1}'}\n", lambda g, j: f"- [ ] {g:02}-{j:02}-PLAN.md — do"))),
    "feature-docs": (".md", lambda n: "# x — Task Index\n\n## Phase 1 — a\n\n| # | Task | Depends on |\n|---|---|---|\n" + "\n".join(chain(n, lambda i: f"| {i:02} | do | — |", lambda i, on: f"| {i:02} | do | {on:02} |"))),
    "bmad": (".yaml", lambda n: "development_status:\n" + "\n".join(grouped(n, 10, lambda g: f"  epic-{g}: backlog", lambda g, j: f"  {g}-{j}-story: backlog"))),
    "superpowers": (".md", lambda n: "# x\n\n> REQUIRED SUB-SKILL: Use superpowers:x\n\n" + "\n".join(f"### Task {i}: do\n\n- [ ] **Step 1: test**\n" for i in range(1, n + 1))),
    "loom": (".md", lambda n: "# x\n\n" + "\n".join(chain(n, lambda i: f"## Task {i} — do\n\n- Dependencies: none\n- Independent: true\n", lambda i, on: f"## Task {i} — do\n\n- Dependencies: Task {on} completes first\n- Independent: true\n"))),
    "rune": (".md", lambda n: "# x\n\n" + "\n".join(chain(n, lambda i: f"- [ ] {i}. Do <!-- id:{i:07} -->", lambda i, on: f"- [ ] {i}. Do <!-- id:{i:07} -->\n  - Blocked-by: {on:07} (Do)"))),
    "spec-kit": (".md", lambda n: "# Tasks: x\n\n" + "\n".join(grouped(n, 50, lambda g: f"\n## Phase {g}: p\n", lambda g, j: f"- [ ] T{(g - 1) * 50 + j:03} do it"))),
    "breakdown-agent": (".md", lambda n: "# x Task Breakdown\n" + "\n".join(grouped(n, 50, lambda g: f"\n### Stream S{g}: p (Parallel)\n", lambda g, j: f"{(g - 1) * 50 + j}. **Do**\n   - Dependencies: {'None' if (g, j) == (1, 1) else f'Task {(g - 1) * 50 + j - 1}'}\n"))),
    "kiro": (".md", lambda n: "# Implementation Plan\n\n" + "\n".join(grouped(n, 4, lambda g: f"- [ ] {g}. Parent", lambda g, j: f"  - [ ] {g}.{j} part\n    - _Requirements: 1.1_"))),
    "openspec": (".md", lambda n: "\n".join(grouped(n, 10, lambda g: f"\n## {g}. Group\n", lambda g, j: f"- [ ] {g}.{j} do"))),
    "index-table": (".md", lambda n: "# x\n\n## A\n\n| ID | Task | Depends on |\n|---|---|---|\n" + "\n".join(chain(n, lambda i: f"| {i} | do | — |", lambda i, on: f"| {i} | do | {on} |"))),
    "streams": (".md", lambda n: "# x\n\n" + "\n".join(chain(n, lambda i: f"### Task {i}: do\n\n**Dependencies**: None\n", lambda i, on: f"### Task {i}: do\n\n**Dependencies**: Task {on}\n"))),
    "step-plan": (".md", lambda n: "# x\n" + "\n".join(grouped(n, 5, lambda g: f"\n### Step {g}: do\n", lambda g, j: f"- [ ] part {j}"))),
    "task-list": (".md", lambda n: "# x\n\n" + "\n".join(chain(n, lambda i: f"- [ ] Task {i}: do", lambda i, on: f"- [ ] Task {i}: do\n  - Depends on: {on}"))),
}

# Shapes that cost more than a chain does where something is looked for again and again.
SHAPES = {
    "kiro, waves": (".md", lambda n: "# Implementation Plan\n\n" + "\n".join(f"- [ ] {i}. do" for i in range(1, n + 1)) + '\n\n```json\n{"waves": [' + ",\n".join(f'{{"id": {i}, "tasks": ["{i}"]}}' for i in range(1, n + 1)) + "]}\n```"),
    "kiro, prose": (".md", lambda n: "# Implementation Plan\n\n- [ ] 1. a\n  - _Requirements: 1_\n- [ ] 2. b\n\n" + "\n".join("words of prose" for _ in range(n))),
    "gsd, two waves": (".md", lambda n: "# Roadmap: x\n\n### Phase 1: p\n" + "\n".join(f"- [ ] 01-{i:02}-PLAN.md — do (Wave {1 + i % 2})" for i in range(1, n + 1))),
    "breakdown-agent, a gate over all": (".md", lambda n: "# x Task Breakdown\n" + "\n".join(f"\n### Stream S{i}: p (Parallel)\n\n{i}. **Do**\n   - Dependencies: None" for i in range(1, n + 1)) + "\n\n## Quality Gates\n\n- **Gate 1**: all (after Streams " + ", ".join(f"S{i}" for i in range(1, n + 1)) + ")"),
    "streams, nothing is there": (".md", lambda n: "# x\n\n" + "\n".join(f"### Task {i}: do\n\n**Dependencies**: X{i}, Stream Q{i % 7}\n" for i in range(1, n + 1))),
    "task-list, one id": (".md", lambda n: "# x\n\n" + "\n".join("- [ ] Task 7: do" for _ in range(n))),
    "spec-kit, a section of edges": (".md", lambda n: "# Tasks: x\n\n## Phase 1: p\n\n" + "\n".join(f"- [ ] T{i:03} do" for i in range(1, n + 1)) + "\n\n## Dependencies\n\n" + "\n".join(f"- T{i:03} after T{i - 1:03}" for i in range(2, n + 1))),
    "spec-kit, one long paragraph": (".md", lambda n: "# Tasks: x\n\n## Phase 1: p\n\n- [ ] T001 a\n- [ ] T002 b\n" + "\n".join("  that depends and then requires" for _ in range(n))),
    "index-table, one row": (".md", lambda n: "# x\n\n| ID | Task | Depends on |\n|---|---|---|\n| 1 | do | — |\n| 2 | do | " + ", ".join("`1`" for _ in range(n)) + " |"),
}


def backlog(folder, n):
    (folder / "config.yml").write_text('project_name: x\nstatuses: ["To Do", "Done"]\n')
    for i in range(1, n + 1):
        on = f"task-{i - 1}" if i > 1 else ""
        text = f"---\nid: task-{i}\ntitle: do\nstatus: To Do\ncreated_date: x\ndependencies: [{on}]\n---\n\n- [ ] #1 x\n"
        (folder / "tasks" / f"task-{i} - do.md").write_text(text)


def ccpm(folder, n):
    (folder / "epic.md").write_text("---\nname: x\n---\n# Epic: x\n")
    for i in range(1, n + 1):
        on = f"{i - 1:05}" if i > 1 else ""
        (folder / f"{i:05}.md").write_text(f"---\nname: do\nstatus: open\ncreated: x\ndepends_on: [{on}]\nparallel: true\n---\n\n- [ ] x\n")


def milliseconds(binary, path):
    times = []
    for _ in range(5):
        begin = time.monotonic()
        run = subprocess.run([binary, "check", path], capture_output=True, text=True, check=False)
        times.append((time.monotonic() - begin) * 1000)
    return statistics.median(times), run.stdout.splitlines()[-1]


def main():
    binary = sys.argv[1]
    work = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp())
    work.mkdir(exist_ok=True)
    empty = work / "empty.md"
    empty.write_text("- [ ] x\n")
    start, _ = milliseconds(binary, str(empty))
    print("| format | tasks | ms | ten times as many | ms | ten times as many again | ms | growth a task |")
    print("|---|---|---|---|---|---|---|---|")
    files = FILES | SHAPES
    for name in [*files, "backlog", "ccpm"]:
        sizes = SIZES if name in files else FOLDER_SIZES
        row = []
        for n in sizes:
            if name in files:
                end, of = files[name]
                path = work / f"{name}-{n}".replace(" ", "-") / f"{'00-index' if name == 'feature-docs' else 'x'}{end}"
                path.parent.mkdir(exist_ok=True)
                path.write_text(of(n) + "\n")
            else:
                path = work / f"{name}-{n}"
                (path / "tasks").mkdir(parents=True, exist_ok=True)
                {"backlog": backlog, "ccpm": ccpm}[name](path, n)
            took, said = milliseconds(binary, str(path))
            if f": {name.split(',')[0]}" not in said:
                raise SystemExit(f"{name} is read as something else: {said}")
            row.append(max(took - start, 0.1))
        growth = (row[2] / sizes[2]) / (row[1] / sizes[1])
        cells = " | ".join(f"{n} | {took:.0f}" for n, took in zip(sizes, row))
        print(f"| {name} | {cells} | {growth:.2f} |", flush=True)


if __name__ == "__main__":
    main()
