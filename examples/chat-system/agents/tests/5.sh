. app/tests/tap.sh
[ -f app/lib/5.sh ] && load 5
subscribe room ann 2>/dev/null; subscribe room bob 2>/dev/null
broadcast room hello 2>/dev/null
check "every subscriber receives what is broadcast" is "$(received ann 2>/dev/null) $(received bob 2>/dev/null)" "hello hello"
check "nobody else does" eval 'command -v received && is "$(received eve)" ""'
exit $failed
