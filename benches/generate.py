"""generate.py FOLDER: the same graphs as a breakdown, a ninja file and a makefile, and large breakdowns."""
import os, random, sys

out = sys.argv[1]


def graph(name, tasks):
    folder = os.path.join(out, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "count"), "w") as f:
        f.write(str(len(tasks)))
    with open(os.path.join(folder, "breakdown.md"), "w") as f:
        f.write("# Bench\n\n## Tasks\n\n")
        for task, deps in tasks:
            f.write(f"- [ ] {task}: no-op\n  - Depends on: {', '.join(deps) or 'none'}\n  - Run: /bin/true\n")
    with open(os.path.join(folder, "build.ninja"), "w") as f:
        f.write("rule r\n  command = /bin/true\n")
        for task, deps in tasks:
            f.write(f"build {task}: r{' | ' if deps else ''}{' '.join(deps)}\n")
    with open(os.path.join(folder, "Makefile"), "w") as f:
        names = " ".join(task for task, _ in tasks)
        f.write(f"all: {names}\n.PHONY: all {names}\n")
        for task, deps in tasks:
            f.write(f"{task}: {' '.join(deps)}\n\t/bin/true\n")


def layered(count=1000, edges=4000, layers=25):
    r = random.Random(42)
    layer = [min(i // (count // layers), layers - 1) for i in range(count)]
    pairs = {(r.choice([i for i in range(count) if layer[i] == layer[j] - 1]), j) for j in range(count) if layer[j]}
    while len(pairs) < edges:
        a, b = r.randrange(count), r.randrange(count)
        if layer[a] < layer[b] <= layer[a] + 3:
            pairs.add((a, b))
    deps = [[] for _ in range(count)]
    for a, b in sorted(pairs):
        deps[b].append(f"T{a + 1:04d}")
    return [(f"T{i + 1:04d}", deps[i]) for i in range(count)]


def large(count, run):
    r = random.Random(42)
    verbs = ["Add", "Refactor", "Validate", "Wire", "Document", "Test", "Migrate", "Index"]
    nouns = ["message schema", "user association", "presence channel", "retry queue", "audit log", "search index"]
    name = f"{count}.run.md" if run else f"{count}.md"
    with open(os.path.join(out, name), "w") as f:
        f.write("# Large Task Breakdown\n")
        for i in range(1, count + 1):
            if i % 50 == 1:
                f.write(f"\n## Stream {i // 50 + 1}: Work package {i // 50 + 1}\n\n")
            f.write(f"- [ ] Task {i}: {r.choice(verbs)} {r.choice(nouns)} {i % 97}\n")
            deps = sorted({r.randrange(max(1, i - 400), i) for _ in range(r.choice([0, 1, 1, 2, 2, 3]))}) if i > 1 else []
            if deps:
                f.write("  - Depends on: " + ", ".join(f"Task {d}" for d in deps) + "\n")
            f.write(f"  - Estimate: {r.choice([1, 2, 2, 3, 4, 8])}h\n")
            if run:
                f.write("  - Run: /bin/true\n")


graph("two-thousand", [(f"T{i + 1:04d}", []) for i in range(2000)])
graph("ten-thousand", [(f"T{i + 1:05d}", []) for i in range(10_000)])
graph("independent", [(f"T{i + 1:04d}", []) for i in range(1000)])
graph("layered", layered())
for count in (1_000, 10_000, 100_000):
    large(count, False)
large(10_000, True)
