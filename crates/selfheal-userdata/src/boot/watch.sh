# After the boot: gives the volume back when the instance is about to end, and stops when the volume was lost.

# Starts what watches from now on.
start_watch() {
  printf '1\n' >"$run_dir/serving" || :
  systemctl start --no-block "${watch_units[@]}" || log "cannot start ${watch_units[*]}"
}

watch() {
  local seconds=0 serving=''
  begin_watch
  # After a boot that failed there is nothing to lose: all that is awaited is the end.
  { read -r serving <"$run_dir/serving"; } 2>/dev/null || :
  while :; do
    [[ -z $serving ]] || check_lock
    ((seconds % 5 != 0)) || check_end
    seconds=$((seconds + 1))
    nap 1
  done
}

begin_watch() {
  open_log watch
  read_signer
  trap 'exit 0' TERM
}

# Asks whether the instance is about to end. The answer "no such path" is the usual one.
check_end() {
  local notice
  metadata_once meta-data/autoscaling/target-lifecycle-state meta-data/spot/instance-action \
    meta-data/events/recommendations/rebalance || return 0
  notice=${values[1]}${values[2]}
  if [[ ${values[0]} == Terminated ]]; then
    leave
  elif [[ -n $notice && -n $serving ]]; then
    heed "$notice"
  fi
}

# The group ends this instance: gives everything back and lets the group go on.
leave() {
  log "leaving: the group ends this instance"
  # Shorter than any time-out that makes sense for the terminate hook.
  leaving=1 heartbeat_s=15 next_heartbeat=0
  release
  if [[ -n $terminate_hook ]]; then
    complete_hook "$terminate_hook" CONTINUE || log "CompleteLifecycleAction: $error: $message"
  fi
  give_up_address
  log "left"
  exit 0
}

# EC2 takes this instance back, in two minutes or soon. Told early, the group launches the replacement in the meantime.
# What remains is to wait for the group to end this instance too.
heed() {
  log "leaving: EC2 takes this instance back: $1"
  ! read_identity || report_unhealthy false 10 || :
  release
  give_up_address
  serving=''
}

# Stops the app and gives the volume back.
release() {
  identity_once || :
  stop_app
  [[ -n $access_key ]] || read_identity || log "no credentials: the volume stays attached until the instance ends"
  detach_volume
}

# Stops the user's units and the mount, which stops every unit that requires it.
stop_app() {
  attended "$stop_s_max" systemctl stop "${app_units[@]}" || log "${app_units[*]} did not stop"
  unmount_volume
}

# Takes the address off this instance. The association's id is this instance's own, so nothing can be taken from a
# replacement that has the address already. It comes last, since the way to the endpoints may go with it.
give_up_address() {
  if ! persistently "$call_s_max" '' ec2 DescribeAddresses "AllocationId.1=$allocation_id"; then
    log "DescribeAddresses: $error: $message"
    return
  fi
  element instanceId "$reply"
  [[ $value == "$instance" ]] && element associationId "$reply" || return 0
  persistently "$call_s_max" '' ec2 DisassociateAddress "AssociationId=$value" ||
    log "DisassociateAddress: $error: $message"
}
