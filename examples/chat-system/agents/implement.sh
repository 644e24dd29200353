#!/bin/sh
# Does a task. In a round of rework it fixes what the findings in its brief name.
set -eu
brief=$(cat)
task=$EXECUTION_COORDINATOR_TASK
mkdir -p app/lib
if [ "$EXECUTION_COORDINATOR_ROUND" = 0 ]; then
  cp "agents/finished/$task.sh" "app/lib/$task.sh.new"
  mv "app/lib/$task.sh.new" "app/lib/$task.sh"
  did="Wrote app/lib/$task.sh"
else
  case "$brief" in *"a tab in a text"*) ;; *) echo "❌ Failed - this finding can't be fixed here"; exit 0 ;; esac
  sed 's/^  text=\$2$/  text=$(printf %s "$2" | tr "\\t\\n" "  ")/' "app/lib/$task.sh" >"app/lib/$task.sh.new"
  mv "app/lib/$task.sh.new" "app/lib/$task.sh"
  did="Tabs and line ends in a text are blanks now"
fi
cat <<END
## Implementation Summary

**Task:** $task

**Completed:**

- $did

**Status:** ✅ Complete
END
