. app/tests/tap.sh
[ -f app/lib/1.sh ] && load 1
check "a message has id, author and text" is "$(message_new 7 ann hello 2>/dev/null)" "$(printf '7\tann\thello')"
check "an empty text is refused" eval 'command -v message_new && fails message_new 1 ann ""'
check "a text of more than 500 characters is refused" eval 'command -v message_new && fails message_new 1 ann "$(printf %501s x)"'
exit $failed
