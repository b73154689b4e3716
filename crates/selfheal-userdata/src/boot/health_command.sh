# The app is well if the command ends with the status 0. A command that waits for a volume which stalls cannot be killed: it
# counts as a failure, nobody waits for it, and no other one joins it.
probe() {
  local pid='' limit
  { read -r pid <"$run_dir/probe"; } 2>/dev/null || :
  [[ -z $pid ]] || ! kill -0 "$pid" 2>/dev/null || return 1
  (
    exec </dev/null >&"$log_fd" 2>&1
    shed
    exec timeout -k 1 "$probe_s_max" bash -c "$probe_target"
  ) &
  pid=$!
  printf '%s\n' "$pid" >"$run_dir/probe" || :
  clock
  limit=$((now + probe_s_max + 3))
  while kill -0 "$pid" 2>/dev/null; do
    clock
    ((now < limit)) || return 1
    sleep_for 0.02
  done
  wait "$pid"
}
