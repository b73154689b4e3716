# Tells whoever is subscribed to the topic. Nothing waits for it for more than a few seconds, and nothing hangs on it.

next_told=0 told_pid=''

# Runs what follows in a process of its own, and waits for its end for a few seconds.
briefly() {
  local pid deadline
  "$@" &
  pid=$!
  clock
  deadline=$((now + tell_s_max))
  while kill -0 "$pid" 2>/dev/null && ((now < deadline)); do
    sleep_for 0.1
    clock
  done
}

# Publishes the text $2 with the subject $1. What cannot be published now is left for the watch, which tries once more.
tell() {
  briefly tell_now "$1" "$2" || :
}

tell_now() {
  local file=$run_dir/untold.$BASHPID
  printf '%s\n%s\n' "$1" "$2" >"$file" || :
  ! publish "$1" "$2" || : >"$file"
}

# SNS takes a subject of a hundred characters of ASCII. What is told is what the group's tags tell, and no secret.
publish() {
  local subject="$stack: $1" text=$2
  subject=${subject//[^ -~]/ }
  call sns Publish "TopicArn=$topic" "Subject=${subject:0:100}" \
    "Message=${text//[^ -~$newline]/ }${newline}Stack $stack in $region, instance $instance." && return 0
  log "Publish: $error: $message"
  return 1
}

# Tries once more what could not be published; of the watch.
retell() {
  local file subject text
  for file in "$run_dir"/untold.*; do
    [[ -s $file ]] || continue
    { IFS= read -r subject && IFS= read -rd '' text; } <"$file" || :
    : >"$file"
    identity_once && publish "$subject" "$text" || :
  done
  # So was what a healing rests on.
  [[ -s $run_dir/unasked ]] || return 0
  : >"$run_dir/unasked"
  ! identity_once || healed
}

# Tells of the failure $1, which was counted; $2 says whether it has parked the stack.
tell_failure() {
  local subject="failed: $1" rest=''
  if [[ -n $2 ]]; then
    subject="parked: $1"
    rest="${newline}The stack has parked itself: nothing replaces its instance until selfheal resume."
  fi
  tell "$subject" "$1${newline}Failed replacements in a row: ${failed_row:-unknown}.$rest"
}

# Of the watch: looks at the disks, and at what could not be told, once a minute and beside it.
mind_told() {
  clock
  ((now >= next_told)) || return 0
  [[ -z $told_pid ]] || ! kill -0 "$told_pid" 2>/dev/null || return 0
  next_told=$((now + 60))
  if [[ -n $serving ]]; then look_and_tell & else retell & fi
  told_pid=$!
}

look_and_tell() {
  retell
  check_disks
}
