# history PAGE SIZE: page 1 has the newest messages.
history() { tail -n $(($1 * $2)) "$CHAT_HOME/messages" | head -n "$2"; }
