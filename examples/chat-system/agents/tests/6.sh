. app/tests/tap.sh
[ -f app/lib/6.sh ] && load 1 2 3 4 5 6
user_add ann 2>/dev/null; auth_login ann 2>/dev/null; subscribe room bob 2>/dev/null
send_message ann hello 2>/dev/null
check "a message is saved" is "$(cut -f2,3 "$CHAT_HOME/messages" 2>/dev/null)" "$(printf 'ann\thello')"
check "and appears at all connected clients" is "$(received bob 2>/dev/null | cut -f3)" hello
check "who is not logged in can't send" eval 'command -v send_message && fails send_message bob hello'
exit $failed
