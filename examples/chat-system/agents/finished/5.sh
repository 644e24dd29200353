subscribe() { mkdir -p "$CHAT_HOME/topics" "$CHAT_HOME/inbox"; echo "$2" >>"$CHAT_HOME/topics/$1"; }
broadcast() {
  while read -r client; do printf '%s\n' "$2" >>"$CHAT_HOME/inbox/$client"; done <"$CHAT_HOME/topics/$1"
}
received() { cat "$CHAT_HOME/inbox/$1" 2>/dev/null || true; }
