# The filesystem on the volume. What is not proven blank is never formatted.

# Makes sure that the device carries the wanted filesystem, and checks it.
prepare_filesystem() {
  local found status source
  # A boot that was cut short after the mount: what is in use is neither checked nor made.
  ! mounted || return 0
  found=$(blkid -p -o value -s TYPE "$device")
  status=$?
  if [[ $status == 0 && $found == "$filesystem" ]]; then
    check_filesystem
  elif [[ $status == 2 && -z $found ]]; then
    # Blank, unknown, unreadable or gone: blkid answers 2 to all of these.
    format_blank
  else
    refuse "holds ${found:-something other than $filesystem} (blkid says $status)"
  fi
}

refuse() {
  die "$exit_volume" "volume $volume_id $1: refused"
}

# Formats the volume if every proof of its being new succeeds.
format_blank() {
  local bytes signatures
  type -P "mkfs.$filesystem" >/dev/null || die "$exit_tools" "mkfs.$filesystem is not installed"
  bytes=$(blockdev --getsize64 "$device") || bytes=0
  ((bytes > 0)) || refuse "does not tell its size"
  signatures=$(wipefs -n "$device") || refuse "cannot be searched for signatures"
  [[ -z $signatures ]] || refuse "is not blank: $signatures"
  reads_as_zero "$bytes" || refuse "is not blank: it holds data, or cannot be read"
  marked_new || refuse "looks blank but is not marked for first use"
  log "formatting $device with $filesystem"
  attended "$fsck_s_max" make_filesystem </dev/null || refuse "cannot be formatted"
  sync "$device" || refuse "cannot be written"
}

# Reads the head, the tail and samples between, or all of a small volume. Only a read that succeeds proves anything.
reads_as_zero() {
  local bytes=$1 chunk=$((8 << 20)) sample=$((1 << 20)) step i
  if ((bytes <= 32 * chunk)); then
    zero_range 0 "$bytes"
    return
  fi
  zero_range 0 "$chunk" && zero_range $((bytes - chunk)) "$chunk" || return 1
  step=$((bytes / 15))
  for ((i = 1; i <= 14; i++)); do
    zero_range $((i * step)) "$sample" || return 1
  done
}

# Tells whether the $2 bytes from offset $1 of the device read as zero.
zero_range() {
  cmp -s -n "$2" -i "$1:0" "$device" /dev/zero
}

# Asks EC2, successfully, whether the volume is marked for first use, comes from no snapshot and is attached here.
marked_new() {
  local mark='<key>selfheal:first-use</key>[[:space:]]*<value>true</value>'
  persistently "$call_s_max" '' ec2 DescribeVolumes "VolumeId.1=$volume_id" || return 1
  [[ $reply =~ $mark && $reply == *"<volumeId>$volume_id</volumeId>"* ]] || return 1
  [[ $reply == *"<instanceId>$instance</instanceId>"* ]] || return 1
  element snapshotId "$reply"
  [[ -z $value ]]
}
