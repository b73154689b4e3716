# The user's setup script: once an instance, with a log and an exit status of its own.

run_setup() {
  local marker=$state_dir/$instance.setup status=0
  [[ ! -e $marker ]] || return 0
  await_packages
  log "setup starts, see $log_dir/setup.log"
  attended "$setup_s_max" setup_process || status=$?
  [[ $status != 124 ]] || die "$exit_setup" "setup did not end within $setup_s_max s"
  [[ $status == 0 ]] || die "$exit_setup" "setup failed with status $status"
  persist "$marker" 0 || log "cannot note that setup is done: it will run again at the next boot"
  log "setup is done"
}

# Becomes the setup script, with what a script may expect to find.
setup_process() {
  umask 022
  shed
  cd / || exit
  # What restarts services after an upgrade would restart this one, in the middle of it.
  export NEEDRESTART_SUSPEND=1
  export SELFHEAL_STACK=$stack SELFHEAL_REGION=$region SELFHEAL_INSTANCE_ID=$instance SELFHEAL_MOUNT=${mount_path-}
  exec "$root/etc/selfheal/setup" </dev/null >>"$log_dir/setup.log" 2>&1
}

# Waits until nobody installs packages: an image updates itself for minutes after its first boot, and a script that finds
# the locks held fails.
await_packages() {
  local deadline said=''
  clock
  deadline=$((now + packages_s_max))
  until packages_are_free; do
    [[ -n $said ]] || log "setup waits: something else installs packages"
    said=1
    clock
    ((now < deadline)) || break
    heartbeat
    sleep_for 1
  done
}

# By the kernel's list: dpkg and rpm lock in a way that flock(1) does not see.
packages_are_free() {
  local inode locks
  locks=$(</proc/locks)
  for inode in $(stat -c %i "$root"/var/lib/{dpkg/lock{-frontend,},apt/lists/lock} \
    "$root"/{var/lib,usr/lib/sysimage}/rpm/.rpm.lock 2>/dev/null); do
    [[ $locks != *":$inode "* ]] || return 1
  done
}
