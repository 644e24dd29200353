. app/tests/tap.sh
[ -f app/lib/7.sh ] && load 7
presence_join ann 2>/dev/null; presence_join bob 2>/dev/null; presence_leave ann 2>/dev/null
check "who joined is online" is "$(presence_of bob 2>/dev/null)" online
check "who left is not" is "$(presence_of ann 2>/dev/null)" offline
exit $failed
