. app/tests/tap.sh
[ -f app/lib/3.sh ] && load 3
check "a mounted view is empty" is "$(view_mount 2>/dev/null; echo end)" "chat
end"
check "messages are rendered by author" is "$(printf '1\tann\thello\n' | view_render 2>/dev/null)" "ann: hello"
exit $failed
