# send_message USER TEXT: saved first, so that nobody has seen what a crash lost.
send_message() {
  auth_valid "$1" || return 1
  text=$2
  id=$(($(wc -l <"$CHAT_HOME/messages" 2>/dev/null || echo 0) + 1))
  line=$(message_of "$1" "$id" "$text") || return 1
  printf '%s\n' "$line" >>"$CHAT_HOME/messages"
  broadcast room "$line"
}
