# Beside the boot and after it: gives the volume back when the instance is about to end, and stops when it was lost.

watch() {
  local serving state seen notice interrupted='' pid missed_at=0 looked_at=0 look_s=$address_look_s
  begin_watch
  # The metadata service may hang, which must not keep this process from seeing that the volume is gone.
  : >"$run_dir/notice" || :
  watch_metadata >/dev/null 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    # Until a boot went well there is nothing to lose: all that is awaited is the end.
    serving=''
    { read -r serving <"$run_dir/serving"; } 2>/dev/null || :
    [[ -z $serving || -n $interrupted ]] || check_lock
    # What is read is how things stand, so that nothing is lost if a look comes too early or too late.
    state='' seen='' notice=''
    { read -r state seen notice <"$run_dir/notice"; } 2>/dev/null || :
    if [[ $state == *Terminated ]]; then
      leave
    elif [[ -n $notice && -z $interrupted ]]; then
      interrupted=1
      on_interruption "$notice"
    elif [[ -n $serving && -z $interrupted && $state == @(InService|unknown) ]]; then
      mind_address
    fi
    if [[ -n $serving && -z $interrupted ]]; then
      mind_size
      mind_request
    fi
    [[ -z ${topic-} || -n $interrupted ]] || mind_told
    sleep_for 1
  done
  log "nobody asks the metadata service any more"
  exit 1
}

begin_watch() {
  open_log watch
  read_signer
  trap 'exit 0' TERM
  [[ -z ${reboot_on_hang-} ]] || arm_watchdog
}

# Notes what the metadata service says: the target state, the address, the notice of an end, and a request. The answer "no such path" is
# the usual one. Ends with the process that reads it.
watch_metadata() {
  while kill -0 $$ 2>/dev/null; do
    if metadata_once meta-data/autoscaling/target-lifecycle-state meta-data/spot/instance-action \
      meta-data/events/recommendations/rebalance meta-data/public-ipv4 meta-data/tags/instance/selfheal:request; then
      printf '%s %s %s\n' "${values[0]:-unknown}" "${values[3]:-none}" "${values[1]//$newline/ }${values[2]//$newline/ }" \
        >"$run_dir/notice"
      printf '%s\n' "${values[4]}" >"$run_dir/request"
    fi
    sleep_for 5
  done
}

# Takes the address again where somebody took it off. What the metadata service shows costs no call; EC2 is asked only when
# that differs, and twice as seldom each time, since each association may be charged.
mind_address() {
  local known=''
  { read -r known <"$state_dir/address"; } 2>/dev/null || :
  clock
  if [[ -z $seen || -z $known || $seen == "$known" ]]; then
    missed_at=0
    # An hour of quiet, and it begins anew.
    ((now < looked_at + 3600)) || look_s=$address_look_s
    return
  fi
  ((missed_at > 0)) || missed_at=$now
  ((now >= missed_at + look_s)) || return 0
  missed_at=$now looked_at=$now look_s=$((look_s < 1800 ? look_s * 2 : 3600))
  identity_once && call ec2 DescribeAddresses "AllocationId.1=$allocation_id" || return 0
  element instanceId "$reply"
  [[ $value != "$instance" ]] && claims_address || return 0
  log "the address $known is not here any more: taking it again"
  take_address call || log "AssociateAddress: $error: $message"
}

# The group ends this instance: gives everything back and lets the group go on.
leave() {
  log "leaving: the group ends this instance"
  : >"$run_dir/serving" || :
  # Shorter than any time-out that makes sense for the terminate hook.
  leaving=1 heartbeat_s=15 next_heartbeat=0
  release
  # What could not be told, this instance can tell no later.
  [[ -z ${topic-} ]] || kill -0 "${told_pid-}" 2>/dev/null || briefly retell
  [[ -z ${log_group-} ]] || flush_logs
  if [[ -n $terminate_hook ]]; then
    complete_hook "$terminate_hook" CONTINUE || log "CompleteLifecycleAction: $error: $message"
  fi
  give_up_address
  log "left"
  exit 0
}

# EC2 takes this instance back, in two minutes or soon. Told early, the group launches the replacement in the meantime.
# What remains is to wait for the group to end this instance too.
on_interruption() {
  log "leaving: EC2 takes this instance back: $1"
  : >"$run_dir/serving" || :
  ! read_identity || abandon_launch || report_unhealthy false 10 || :
  release
  [[ -z ${log_group-} ]] || flush_logs
  give_up_address
}

# Ends a launch that is still under way. It is no failure: nobody counts it.
abandon_launch() {
  hook_waits && call autoscaling CompleteLifecycleAction "AutoScalingGroupName=$group" "LifecycleHookName=$launch_hook" \
    LifecycleActionResult=ABANDON "InstanceId=$instance" || return 1
  log "launch abandoned"
}

# Stops the app and gives the volume back.
release() {
  identity_once || :
  if ! stop_app; then
    log "the volume stays attached until the instance ends"
    return
  fi
  [[ -n $access_key ]] || read_identity || log "no credentials: the volume stays attached until the instance ends"
  detach_volume
}

# Stops the boot, which may be under way, the user's units, and the mount, which stops every unit that requires it. What
# that leaves mounted is unmounted.
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
