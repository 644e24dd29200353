. app/tests/tap.sh
[ -f app/lib/8.sh ] && load 8
i=0; while [ $i -lt 1200 ]; do i=$((i + 1)); printf '%s\tann\ttext %s\n' $i $i; done >"$CHAT_HOME/messages"
check "the newest page comes first" is "$(history 1 2 2>/dev/null | cut -f1 | tr '\n' ' ')" "1199 1200 "
check "older pages follow" is "$(history 2 2 2>/dev/null | cut -f1 | tr '\n' ' ')" "1197 1198 "
exit $failed
