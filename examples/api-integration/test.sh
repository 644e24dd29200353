#!/bin/sh
# Compiles the program's tests and runs those of a task, of a stream, or all of them.
set -eu
lib=app/src/lib.rs
case "$1" in
  build) mkdir -p out; exec rustc --edition 2021 --crate-type lib -O "$lib" -o out/libapi.rlib ;;
  all) only= ;;
  task) case "$2" in 1) only=config ;; 2) only=client ;; *) only=controller ;; esac ;;
  stream) case "$2" in A) only="config client" ;; *) only=controller ;; esac ;;
esac
if [ ! -f "$lib" ]; then echo "there are no tests yet"; exit 0; fi
for module in $only; do
  if ! grep -q "mod $module;" "$lib"; then echo "there are no tests of $module yet"; exit 0; fi
done
mkdir -p out
binary="out/tests-$1-${2:-all}"
rustc --edition 2021 --test "$lib" -o "$binary" 2>"$binary.log" || { cat "$binary.log"; exit 1; }
if [ -z "$only" ]; then exec "$binary"; fi
filters=
for module in $only; do filters="$filters $module::"; done
exec "$binary" $filters
