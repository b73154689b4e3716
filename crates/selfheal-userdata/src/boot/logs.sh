# Ships the journal to CloudWatch Logs: at least once, in its own unit, and never in anybody's way.

# What goes wrong here is told in a file and not in the journal, which would ship it, and once a minute at most.
logs() {
  local token='' wait_s failures=0 limit=1000 noted=0 shipped=$run_dir/logs.cursor wake
  [[ -d $run_dir && -d $state_dir ]] || mkdir -p "$run_dir" "$state_dir" || :
  exec {log_fd}>/dev/null
  read_signer
  [[ -p $run_dir/logs.wake ]] || mkfifo "$run_dir/logs.wake"
  exec {wake}<>"$run_dir/logs.wake"
  until identity_once; do
    note "the metadata service gives no identity or no credentials of role $role yet"
    sleep_for 2
  done
  read_cursor
  while :; do
    # What was told to journald a moment ago may not be readable yet.
    [[ -z $token ]] || timeout 2 journalctl --sync || :
    while ship; do :; done
    [[ -z $token ]] || printf '%s\n' "$token" >"$run_dir/logs.flushed" || :
    wait_s=$((failures < 12 ? 5 : 30))
    token=$(read -rt "$wait_s" -u "$wake" && printf %s "$REPLY")
  done
} 2>/dev/null

note() {
  clock
  ((now >= noted)) || return 0
  noted=$((now + 60))
  printf '%(%Y-%m-%dT%H:%M:%S%z)T %s\n' -1 "$1" >"$run_dir/logs.failure" || :
}

# How far an earlier start came: in this boot where the root disk is full, else in an earlier one. Without it a start begins
# with the boot.
read_cursor() {
  local file shape='^s=[0-9a-f]+;i=[0-9a-f]+;b=[0-9a-f]+;m=[0-9a-f]+;t=[0-9a-f]+;x=[0-9a-f]+$'
  for file in "$shipped" "$state_dir/$instance.cursor"; do
    read -r cursor <"$file" || cursor=''
    [[ ! $cursor =~ $shape ]] || return 0
  done
  cursor=''
}

# Ships the next lines, as many as one call takes. Fails where none is left to be sent now.
ship() {
  local from=--boot seconds taken count=0 left
  printf -v seconds '%(%s)T' -1
  # That line itself comes first, so that none is skipped where the journal has lost it.
  [[ -z $cursor ]] || from=--cursor=$cursor
  read -r taken count left < <(
    trap - PIPE
    journalctl --all --quiet --output=json "$from" \
      --output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_COMM,_PID,_SYSTEMD_UNIT,UNIT |
      awk -v "group=$log_group" -v "stream=$instance" -v "cursor=$cursor" -v "now=${seconds}999" \
        -v "oldest=$((seconds - log_days * 86400 + 3600))000" -v "limit=$limit" -v "body=$run_dir/logs.body" \
        -f "$root/usr/local/lib/selfheal/logs.awk"
  )
  ((${count:-0} > 0)) || return 1
  put_events || [[ $? == 2 ]] || return 1
  cursor=$taken
  if printf '%s\n' "$cursor" >"$state_dir/$instance.cursor.new" && sync -d "$state_dir/$instance.cursor.new" &&
    mv -f "$state_dir/$instance.cursor.new" "$state_dir/$instance.cursor"; then
    [[ ! -s $shipped ]] || : >"$shipped"
  else
    printf '%s\n' "$cursor" >"$shipped" || :
  fi
  [[ $left == 1 && $failures == 0 ]]
}

# Makes the call. The status is 2 where the line is to be left out, 1 where it is made again later.
put_events() {
  for _ in 1 2 3; do
    if call_json logs Logs_20140328.PutLogEvents "@$run_dir/logs.body"; then
      ((noted == 0)) || : >"$run_dir/logs.failure"
      failures=0 noted=0 limit=$((limit < 500 ? limit * 2 : 1000))
      return 0
    fi
    case $error in
      ResourceNotFoundException)
        call_json logs Logs_20140328.CreateLogStream "{\"logGroupName\":\"$log_group\",\"logStreamName\":\"$instance\"}" ||
          [[ $error == ResourceAlreadyExistsException ]] || break
        ;;
      Expired* | *Token* | *Signature* | *Denied* | Unrecognized*) identity_once && [[ $error == Expired* ]] || break ;;
      *) break ;;
    esac
  done
  failures=$((failures + 1))
  note "$error: $message"
  [[ $error =~ ^(InvalidParameter|Validation|Serialization|Http413) ]] || return 1
  # Something in it is refused: what is around it goes, and it is left out in the end.
  limit=$(((limit < count ? limit : count) / 2))
  ((limit == 0)) || return 1
  limit=1
  return 2
}

# Has all shipped that the journal holds, for a few seconds at most: what comes now may take the way to AWS.
flush_logs() {
  local token=$$.$RANDOM$RANDOM seen='' deadline
  [[ -p $run_dir/logs.wake ]] || return 0
  printf '%s\n' "$token" 1<>"$run_dir/logs.wake" || :
  clock
  deadline=$((now + logs_s_max))
  while ((now < deadline)); do
    read -r seen <"$run_dir/logs.flushed" || seen=''
    [[ $seen != "$token" ]] || return 0
    sleep_for 0.1
    clock
  done
} 2>/dev/null
