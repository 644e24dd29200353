#!/usr/bin/env bash
# Prints how long things take, as ratios against a named peer in the same run.
# Usage: benches/run.sh [FOLDER]; installs ninja and make where it can.
set -euo pipefail
cd "$(dirname "$0")/.."
work=${1:-$(mktemp -d)}
mkdir -p "$work"
if ! command -v ninja >/dev/null || ! command -v make >/dev/null; then
  apt-get -qq update && apt-get -qq install -y ninja-build make >/dev/null
fi
cargo build --release --quiet
cargo build --release --quiet --example markdown_alone --example journal_million
ours=$PWD/target/release/execution-coordinator
examples=$PWD/target/release/examples
python3 benches/generate.py "$work"

seconds() { # seconds COMMAND...: wall time of one run
  local begin end
  begin=$(date +%s%N); "$@" >/dev/null 2>&1; end=$(date +%s%N)
  echo "$(((end - begin) / 1000))"
}
median() { sort -n | sed -n "$((($1 + 1) / 2))p"; }

echo "| overhead a task (no-op, 8 at once, journal on) | ours ms | ninja ms | make ms | ours / ninja |"
echo "|---|---|---|---|---|"
for graph in independent layered; do
  count=$(cat "$work/$graph/count")
  : >"$work/ours" && : >"$work/ninja" && : >"$work/make" && : >"$work/ratio"
  for round in 1 2 3 4 5; do
    # A folder of its own for each round: removing files would slow down the next one.
    place="$work/$graph/round-$round-$$"; mkdir -p "$place"; cp "$work/$graph/breakdown.md" "$place/"
    mkdir -p "$place/.execution-coordinator"
    a=$(seconds "$ours" run "$place/breakdown.md" --deps explicit --max-parallel 8)
    rm -f "$work/$graph/.ninja_log"
    b=$(seconds ninja -C "$work/$graph" -j8)
    c=$(seconds make -s -C "$work/$graph" -j8)
    echo "$a" >>"$work/ours"; echo "$b" >>"$work/ninja"; echo "$c" >>"$work/make"
    echo "$((a * 1000 / b))" >>"$work/ratio"
  done
  awk -v g="$graph, $count tasks" -v a="$(median 5 <"$work/ours")" -v b="$(median 5 <"$work/ninja")" -v c="$(median 5 <"$work/make")" -v r="$(median 5 <"$work/ratio")" -v n="$count" \
    'BEGIN { printf "| %s | %.2f | %.2f | %.2f | %.2f |\n", g, a/n/1000, b/n/1000, c/n/1000, r/1000 }'
done

echo
echo "| parse | MB | ours MB/s | pulldown-cmark alone MB/s | time ratio |"
echo "|---|---|---|---|---|"
for size in 10000 100000; do
  "$examples/markdown_alone" "$work/$size.md"
done

echo
python3 benches/formats.py "$ours" "$work/formats"

echo
echo "| command | tasks | ms | peak MB |"
echo "|---|---|---|---|"
for size in 1000 10000 100000; do
  : >"$work/times" && : >"$work/peaks"
  for round in 1 2 3 4 5; do
    /usr/bin/env python3 benches/measure.py "$ours" plan "$work/$size.md" --format json >"$work/one"
    cut -d' ' -f1 "$work/one" >>"$work/times"; cut -d' ' -f2 "$work/one" >>"$work/peaks"
  done
  echo "| plan --format json | $size | $(median 5 <"$work/times") | $(median 5 <"$work/peaks") |"
done
status="$work/status-$$"; mkdir -p "$status/.execution-coordinator"
cp "$work/10000.run.md" "$status/breakdown.md"
(cd "$status" && "$ours" run breakdown.md --deps explicit --max-parallel 8 >/dev/null 2>&1)
: >"$work/times" && : >"$work/peaks"
for round in 1 2 3 4 5; do
  (cd "$status" && /usr/bin/env python3 "$OLDPWD/benches/measure.py" "$ours" status >"$work/one")
  cut -d' ' -f1 "$work/one" >>"$work/times"; cut -d' ' -f2 "$work/one" >>"$work/peaks"
done
echo "| status | 10000 | $(median 5 <"$work/times") | $(median 5 <"$work/peaks") |"

echo
echo "| journal | events | MB | recover and apply s |"
echo "|---|---|---|---|"
"$examples/journal_million" "$work/million.jsonl"

echo
echo "| language server, a text of 10,000 tasks | start ms | edit to diagnostics ms (median) | (99 %) | hints of a screenful ms | peak MB |"
echo "|---|---|---|---|---|---|"
row() { # row NAME SUFFIX COMMAND...
  local name=$1 suffix=$2 figures
  shift 2
  figures=$(timeout 300 python3 benches/editor.py 60 "$suffix" "$work/10000.md" "$@" 2>/dev/null) || figures="– – – – –"
  echo "| $name | ${figures// / | } |"
}
row ours .md "$ours" serve
# Language servers for large texts that can be had from package registries.
if [ ! -x "$work/peers/python/bin/rumdl" ]; then
  mkdir -p "$work/peers"
  python3 -m venv "$work/peers/python" && "$work/peers/python/bin/pip" install --quiet rumdl || true
  (cd "$work/peers" && npm install --silent --no-audit --no-fund vscode-langservers-extracted >/dev/null 2>&1) || true
fi
row rumdl .md "$work/peers/python/bin/rumdl" server
row vscode-json .json "$work/peers/node_modules/.bin/vscode-json-language-server" --stdio
row ours .md "$ours" serve

echo
echo "| told of every event | run alone s | run with them s | all told after s | MB each |"
echo "|---|---|---|---|---|"
python3 benches/subscribers.py 20 "$work/two-thousand/breakdown.md" "$ours"

echo
echo "| clients at the owner's socket | run alone s | run with them s | all told after s | events a second | owner MB |"
echo "|---|---|---|---|---|---|"
python3 benches/sockets.py 100 "$work/ten-thousand/breakdown.md" "$ours"

echo
echo "| from an event to its showing | moments | median ms | longest ms |"
echo "|---|---|---|---|"
python3 benches/lag.py "$ours"
