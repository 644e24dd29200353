#!/usr/bin/env python3
"""Counts of breakdowns beside those that somebody made by hand: `compare.py BINARY CORPUS [REASONS]`.

CORPUS has a `manifest.tsv` with a row for each file or folder. Where ours differ, REASONS has ours with the reason; a difference that is not there, and a reason for what was not read, end with exit code 1.
Beside them stand the shares of the text, in percent, that belong to tasks, groups, the plan and nobody, and how much
of the tasks' own text their briefs hold; less than all of it ends with exit code 1 too.
"""

import csv
import json
import subprocess
import sys
from pathlib import Path

# The manifest's names of formats where ours are others.
FORMATS = {
    "breakdown-agent": "breakdown-agent-v2",
    "feature-docs-tasks": "feature-docs",
    "github-tasklist": "task-list",
    "loom-plan": "loom",
    "stream-breakdown": "streams",
    "superpowers-plan": "superpowers",
    "taskmaster": "task-master",
    "backlog-md": "backlog",
}
COLUMNS = ["tasks", "done", "subtasks", "subtasks_done", "edges", "group_edges", "phases_or_streams"]
OURS = ["tasks", "done", "subTasks", "subTasksDone", "edges", "groupEdges", "groups"]


OWNERS = ["tasks", "groups", "plan", "unused"]


def said(binary, *arguments):
    run = subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=60)
    if run.returncode not in (0, 2) or not run.stdout:
        raise SystemExit(f"{arguments[-1]}: {run.stderr}")
    return json.loads(run.stdout)


def ours(binary, path):
    plan = said(binary, "plan", "--format", "json", path)
    return plan["format"], plan["confidence"], [plan["counts"][name] for name in OURS]


def shares(binary, path):
    coverage = said(binary, "check", "--coverage", "--format", "json", path)["coverage"][0]
    owned = [coverage[f"{owner}Bytes"] for owner in OWNERS]
    whole = sum(owned) or 1
    return [f"{part * 100 / whole:.0f}" for part in owned], coverage["tasksToldBytes"], coverage["tasksBytes"]


def theirs(row):
    number = lambda name: int(row[name]) if row[name] else None
    # Edges between groups stand in the same column as those that a section states between tasks.
    of_groups = any(words in row["notes"] for words in ("stream edge", "phase-to-phase edges", "phase edges"))
    stated, section = number("deps_inline"), number("deps_section")
    edges = None if stated is None else stated + (0 if of_groups else section or 0)
    return [number(name) for name in COLUMNS[:4]] + [edges, section if of_groups else None, number("phases_or_streams")]


def main():
    binary, corpus = sys.argv[1], Path(sys.argv[2])
    reasons = {}
    for line in Path(sys.argv[3]).read_text().splitlines() if len(sys.argv) > 3 else []:
        file, column, count, why = line.split("\t")
        reasons[file, column, count] = why
    agree = disagree = 0
    bad = []
    used = set()
    with (corpus / "manifest.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    print("\t".join(["file", "format", "confidence", *COLUMNS, *(f"{owner} %" for owner in OWNERS), "in briefs %", "why"]))
    for row in rows:
        name = row["file"]
        read_as, sure, counts = ours(binary, str(corpus / name))
        cells, why = [], []
        format = FORMATS.get(row["format"], row["format"])
        for column, our, their in zip(["format", *COLUMNS], [read_as, *counts], [format, *theirs(row)]):
            if their is None or our == their:
                agree += their is not None
                cells.append(str(our))
                continue
            disagree += 1
            cells.append(f"{our}≠{their}")
            reason = reasons.get((name, column, str(our)))
            used.add((name, column, str(our)))
            why.append(f"{column}: {reason}")
            if reason is None:
                bad.append(f"{name}: {column}: ours {our}, theirs {their}, and nothing says why")
        owned, told, of_tasks = shares(binary, str(corpus / name))
        if told < of_tasks:
            bad.append(f"{name}: briefs hold {told} of {of_tasks} bytes that belong to tasks")
        print("\t".join([name, cells[0], sure, *cells[1:], *owned, f"{told * 100 / of_tasks:.0f}" if of_tasks else "–", "; ".join(why)]))
    bad += [f"{file}: {column}: has a reason for {count}, which is not what was read" for file, column, count in reasons.keys() - used]
    print(f"\n{agree} of {agree + disagree} cells agree, {disagree} differ for a reason that is told")
    for line in bad:
        print(line, file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
