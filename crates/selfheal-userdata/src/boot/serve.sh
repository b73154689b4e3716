# What a boot does with what it has taken: it serves, and says so. None of this is needed to begin a boot, or to end one.

# Runs a command that may take long, for at most $1 seconds, with the group kept waiting. Where it was stopped at the
# limit, the status is 124; it may not even be gone then, if it waits for a device that never answers.
attended() {
  local limit=$1 pid
  shift
  # A process group of its own, so that it is ended with all that it has started.
  set -m
  "$@" &
  pid=$!
  set +m
  clock
  limit=$((now + limit))
  while kill -0 "$pid" 2>/dev/null; do
    clock
    if ((now >= limit)); then
      kill -KILL -- "-$pid"
      return 124
    fi
    heartbeat
    sleep_for 0.02
  done
  wait "$pid"
}

# Lets the units that need the volume start: they are ordered after this unit. It comes before the setup, which may well
# start such a unit and wait for it. What is told to systemd is told beside what follows: the address does not wait.
announce_ready() {
  [[ -n ${NOTIFY_SOCKET-} ]] || return 0
  systemd-notify --ready '--status=the volume is mounted' &
  notify_pids+=($!)
}

start_app() {
  systemctl start --no-block selfheal-app.target &
  notify_pids+=($!)
}

await_notify() {
  local pid
  for pid in "${notify_pids[@]}"; do
    wait "$pid" || log "systemd could not be told that the volume is mounted or that the app may start"
  done
}

finish_launch() {
  await_notify
  hook_waits || return 0
  complete_hook "$launch_hook" CONTINUE
  if [[ $? == 1 ]]; then
    why CompleteLifecycleAction
    die "$exit_hook" "$value"
  fi
  persist "$state_dir/$instance.completed" CONTINUE || :
  log "launch completed"
}

# Says that there is something to lose from now on, and that the app is there to be probed.
start_watch() {
  printf '1\n' >"$run_dir/serving" || :
  ((${#timers[@]} == 0)) || systemctl start --no-block "${timers[@]}" || log "cannot start ${timers[*]}"
}

# A boot that went well ends the row of failures.
reset_breaker() {
  read_group_tag selfheal:failed-boots || return 1
  [[ -n $value && $value != 0 ]] || return 0
  write_group_tags selfheal:failed-boots 0
}

end_failures() {
  reset_breaker && return 0
  log "cannot reset the count of failed boots: $error: $message"
  return 1
}
