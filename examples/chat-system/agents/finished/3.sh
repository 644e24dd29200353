view_mount() { echo chat; }
# view_render: messages on standard input as lines for people.
view_render() { while IFS='	' read -r _ author text; do printf '%s: %s\n' "$author" "$text"; done; }
