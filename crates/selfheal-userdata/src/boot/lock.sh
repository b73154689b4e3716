# The volume as the lock, after it was taken.

# Tells whether this instance may act as the one.
holds_lock() {
  find_device
}

# Tells whether an address that is not here belongs here: to whoever has the volume.
claims_address() {
  holds_lock
}

check_lock() {
  holds_lock || lost_volume
}

# The volume went away under the app: another instance may be the one now. The group is told first, since the way to its
# endpoint may go with the address, but not for long: the address must not stay here without the volume.
lost_volume() {
  local told=''
  log "the volume $volume_id is gone"
  stop_app || :
  read_identity || exit 1
  ! report_unhealthy false 0 || told=1
  [[ -z ${topic-} ]] || tell 'lost the data volume' "The volume $volume_id went away under the app: the instance gives the address up."
  give_up_address
  [[ -n $told ]] || report_or_stop
  # Whoever was cut off before has it all to do again.
  : >"$run_dir/serving" || :
  exit 0
}

# Tells whether the kernel has anything to write to the volume. What is not mounted any more is still being written: the
# filesystem lives until that is done.
in_use() {
  mounted || { holds_lock && [[ -e $root/sys/fs/$filesystem/${device##*/} ]]; }
}

# Lets the next instance have the volume, where this one has it.
detach_volume() {
  [[ -n $access_key ]] && holds_lock || return 0
  persistently "$call_s_max" '' ec2 DetachVolume "VolumeId=$volume_id" "InstanceId=$instance" ||
    log "DetachVolume: $error: $message"
}

# Does what can wait until the instance serves: none of it decides whether it does.
settle_volume() {
  ln -sfn "$device" "$run_dir/data" || log "cannot link the device"
  follow_size || log "the volume does not tell its size"
  # A volume that came with its filesystem may bear the mark of first use all the same.
  [[ -e $state_dir/$instance.settled ]] || unmark || log "DeleteTags: $error: $message"
}
