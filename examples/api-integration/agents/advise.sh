#!/bin/sh
# Advice for everything that has to do with HTTP.
cat >/dev/null
cat <<END
## HTTP Expertise Provided

### Consultation Type: Implementation guidance

Key Recommendations: send \`Connection: close\` and read to the end, so that no length has to be
understood; set a read time-out; treat every byte of an answer as untrusted.
END
