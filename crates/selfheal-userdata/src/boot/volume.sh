# The data volume, which is the lock: whoever holds it is the instance.

volume_serial=${volume_id/-/}

# Finds the volume's device by its serial, never by name, order or size, and puts the path into `device`.
find_device() {
  local file serial controller
  for file in "$root"/sys/class/nvme/nvme*/serial; do
    { IFS=$' \t' read -r serial <"$file"; } 2>/dev/null || [[ -n ${serial-} ]] || continue
    [[ $serial == "$volume_serial" ]] || continue
    controller=${file%/serial}
    device=$root/dev/${controller##*/}n1
    # Below a root prefix a plain file stands in for the device.
    [[ -b $device || -n $root && -f $device ]]
    return
  done
  return 1
}

# Attaches the volume unless it is here already. Never forces: the old holder has to let go.
attach_volume() {
  local letters=fghijklmnop
  # The last of them: while the volume is being modified.
  local passing='VolumeInUse|Incorrect(Instance)?State|InvalidInstanceID.*|InvalidVolume\.NotFound|OperationNotPermitted'
  if find_device; then
    log "volume $volume_id is attached already"
    return
  fi
  # An attachment of an earlier attempt whose answer was lost is ours as well.
  until unless=find_device persistently "$attach_s_max" "$passing" ec2 AttachVolume "VolumeId=$volume_id" \
    "InstanceId=$instance" "Device=/dev/sd${letters:0:1}"; do
    if [[ $error == InvalidParameterValue && $message == *'already in use'* && ${#letters} -gt 1 ]]; then
      # The name is taken by another volume of this instance.
      letters=${letters:1}
      continue
    fi
    why AttachVolume
    die "$exit_attach" "$value"
  done
  log "volume $volume_id is ours"
}

# Waits until the kernel shows the attached volume.
await_device() {
  local deadline
  clock
  deadline=$((now + device_s_max))
  until find_device; do
    clock
    ((now < deadline)) ||
      die "$exit_device" "no NVMe device has the serial $volume_serial (instance types without NVMe are not supported)"
    heartbeat
    sleep_for 0.02
  done
  log "volume $volume_id is $device"
}
