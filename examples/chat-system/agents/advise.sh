#!/bin/sh
cat >/dev/null
printf '## Chat Expertise Provided\n\nKey Recommendations: save a message before it is broadcast, so that nobody has seen what a crash lost.\n'
