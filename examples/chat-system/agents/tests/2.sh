. app/tests/tap.sh
[ -f app/lib/2.sh ] && load 1 2
user_add ann 2>/dev/null
check "a user who was added exists" user_exists ann
check "another one does not" eval 'command -v user_exists && fails user_exists bob'
check "a message needs a user who exists" eval 'command -v message_of && fails message_of bob 1 hello'
check "a message belongs to its user" is "$(message_of ann 1 hello 2>/dev/null | cut -f2)" ann
exit $failed
