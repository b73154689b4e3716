# The machine goes off: what the group has not asked for, the instance says by itself.

# Of a unit that stops while the network is up, beside the app and the mount, which systemd stops. What fails is left to
# whoever notices that the machine is off.
off() {
  local deadline call_s_max=2
  open_log watch
  read_signer
  # Whoever shuts down has not hung.
  : >"$state_dir/up"
  # Who has left, has failed or has never served was heard of or has nothing to say.
  serves && goes_off || return 0
  clock
  deadline=$((now + app_stop_s_max))
  # Nobody looks after the volume any more.
  : >"$run_dir/serving" || :
  identity_once && wanted || return 0
  if read_group_tag selfheal:parked && [[ -n $value ]]; then
    return 0
  fi
  log "leaving: the machine goes off"
  while in_use && ((now < deadline)); do
    sleep_for 0.1
    clock
  done
  if in_use; then
    log "the volume stays attached until the instance ends"
  else
    detach_volume
  fi
  report_unhealthy false "$call_s_max" || :
  give_up_address
  log "left"
}

# Tells whether the machine is about to be off, and not to start anew.
goes_off() {
  local jobs
  jobs=$(systemctl list-jobs --no-legend --plain) || return 1
  [[ $jobs =~ (poweroff|halt)\.target\ +start && ! $jobs =~ (reboot|kexec)\.target\ +start ]]
}
