presence_join() { mkdir -p "$CHAT_HOME/presence" && : >"$CHAT_HOME/presence/$1"; }
presence_leave() { rm -f "$CHAT_HOME/presence/$1"; }
presence_of() { if [ -e "$CHAT_HOME/presence/$1" ]; then echo online; else echo offline; fi; }
