auth_login() { echo "$1" >>"$CHAT_HOME/sessions"; }
auth_valid() { grep -qxF "$1" "$CHAT_HOME/sessions" 2>/dev/null; }
chat_open() { if auth_valid "$1"; then view_mount; else echo "redirect /login"; fi; }
