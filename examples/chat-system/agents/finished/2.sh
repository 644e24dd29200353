user_add() { echo "$1" >>"$CHAT_HOME/users"; }
user_exists() { grep -qxF "$1" "$CHAT_HOME/users" 2>/dev/null; }
# message_of USER ID TEXT
message_of() { user_exists "$1" && message_new "$2" "$1" "$3"; }
