. app/tests/tap.sh
[ -f app/lib/4.sh ] && load 3 4
check "who is not logged in is sent to the login" is "$(chat_open ann 2>/dev/null)" "redirect /login"
auth_login ann 2>/dev/null
check "who is logged in sees the chat" is "$(chat_open ann 2>/dev/null)" chat
exit $failed
