# What needs neither data nor address, such as packages: once an instance, beside the wait for the volume.

# Starts the user's script for it. It ends with the boot, whatever that comes to.
begin_prepare() {
  prepare_pid=''
  [[ ! -e $state_dir/$instance.prepared ]] || return 0
  log "prepare starts, see $log_dir/prepare.log"
  clock
  prepare_until=$((now + prepare_s_max))
  # A process group of its own, so that it is ended with all that it has started.
  set -m
  prepare_process &
  prepare_pid=$!
  set +m
}

prepare_process() {
  # The boot says that it lives.
  heartbeat() { :; }
  await_packages prepare
  # There is no data yet, or not for it.
  local mount_path=''
  user_script prepare
}

# Waits for its end, before anything of the user's that may need what it has brought.
await_prepare() {
  local status=0
  [[ -n $prepare_pid ]] || return 0
  # A service that a package starts has waited for the volume until now.
  clock
  ((prepare_until >= now + 60 || prepare_s_max < 60)) || prepare_until=$((now + 60))
  while kill -0 "$prepare_pid" 2>/dev/null; do
    clock
    if ((now >= prepare_until)); then
      kill -KILL -- "-$prepare_pid" || :
      die "$exit_prepare" "prepare did not end within $prepare_s_max s"
    fi
    heartbeat
    sleep_for 0.02
  done
  wait "$prepare_pid" || status=$?
  [[ $status == 0 ]] || die "$exit_prepare" "prepare failed with status $status"
  persist "$state_dir/$instance.prepared" 0 || log "cannot note that prepare is done: it will run again at the next boot"
  log "prepare is done"
}
