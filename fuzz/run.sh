#!/usr/bin/env bash
# Runs each fuzz target (or only $2) for $1 seconds (600 without it), from the fixtures on. Needs cargo-fuzz;
# works with a stable compiler. What is found stands in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
# There is no unsafe code to watch, so no sanitizer is needed.
export RUSTC_BOOTSTRAP=1
# The examples of all formats, each by itself.
mkdir -p fuzz/corpus/examples
awk '/^```+[a-z]/ { name = ++n; marks = $0; sub(/[a-z]+$/, "", marks); next } name && $0 == marks { name = 0 } name { print > ("fuzz/corpus/examples/" name ".txt") }' schema/FORMATS.md
seeds=(examples/*/breakdown.md tests/data/history/*.md fuzz/corpus/examples/*.txt)
shopt -s nullglob
if [ -n "${BREAKDOWN_CORPUS:-}" ]; then seeds+=("$BREAKDOWN_CORPUS"/*/*.{md,json,jsonl,yaml}); fi
for target in ${2:-frames lines breakdowns edits folders}; do
  corpus=fuzz/corpus/$target
  mkdir -p "$corpus"
  for file in "${seeds[@]}"; do
    # Long texts make each turn slow and find little.
    [ "$(wc -c <"$file")" -le 20000 ] || continue
    name=$(echo "$file" | tr -c 'a-zA-Z0-9\n' _)
    if [ "$target" = folders ]; then
      # As each kind of file or folder.
      for kind in {a..l}; do { printf %s "$kind" && cat "$file"; } >"$corpus/$kind-$name"; done
    elif [ "$target" = frames ]; then
      { printf 'Content-Length: %s\r\n\r\n' "$(wc -c <"$file")" && cat "$file"; } >"$corpus/$name"
    else
      cp "$file" "$corpus/$name"
    fi
  done
  log=$(mktemp)
  if ! cargo fuzz run -s none "$target" -- -max_total_time="$seconds" -max_len=20000 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 >"$log" 2>&1; then
    tail -40 "$log"
    exit 1
  fi
  echo "$target: nothing found in $seconds seconds, $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs"
  rm -f "$log"
done
