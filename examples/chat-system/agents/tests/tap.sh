# check NAME COMMAND...: a line of the Test Anything Protocol.
number=0
failed=0
check() {
  name=$1; shift
  number=$((number + 1))
  if "$@" >/dev/null 2>&1; then echo "ok $number - $name"; else echo "not ok $number - $name"; failed=1; fi
}
is() { [ "$1" = "$2" ]; }
fails() { ! "$@"; }
load() { for part in "$@"; do . "app/lib/$part.sh" 2>/dev/null || true; done; }
