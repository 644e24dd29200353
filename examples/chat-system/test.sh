#!/bin/sh
# Runs the tests of a task or of a stream; every test prints a line in the Test Anything Protocol.
set -u
case "$1" in
  task) tasks=$2 ;;
  *) case "$2" in A) tasks="1 2" ;; B) tasks="3 4" ;; C) tasks="5 6" ;; *) tasks="7 8" ;; esac ;;
esac
status=0
for task in $tasks; do
  if [ ! -f "app/tests/$task.sh" ]; then echo "there are no tests of task $task yet"; continue; fi
  CHAT_HOME=$(mktemp -d) && export CHAT_HOME
  sh "app/tests/$task.sh" || status=1
  rm -rf "$CHAT_HOME"
done
exit $status
