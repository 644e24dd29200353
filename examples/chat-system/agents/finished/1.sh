# message_new ID AUTHOR TEXT: a message as one line.
message_new() {
  [ -n "$3" ] && [ "${#3}" -le 500 ] || return 1
  printf '%s\t%s\t%s\n' "$1" "$2" "$3"
}
