# The filesystem on the volume. What is not proven blank is never formatted.
#
# A crash may part any two of these: the note that the formatting begins, mkfs with a label that says "new", the removal of
# the mark of first use, the final label, the mount. So a volume that bears the mark was never mounted, and one whose label
# says "new" is whole if it does not bear the mark.

label_new=selfheal-new label_whole=selfheal
# How much is read at a time: 8 GiB, a minute at the pace of gp3, after which the log says how far it is.
read_bytes_max=8589934592

# Makes sure that the device carries the wanted filesystem, and checks it.
prepare_filesystem() {
  local found status type='' label='' source
  # A boot that was cut short after the mount: what is in use is neither checked nor made.
  ! mounted || return 0
  found=$newline$(blkid -p -o export -s TYPE -s LABEL "$device")
  status=$?
  [[ ! $found =~ $newline'TYPE='([^$newline]*) ]] || type=${BASH_REMATCH[1]}
  [[ ! $found =~ $newline'LABEL='([^$newline]*) ]] || label=${BASH_REMATCH[1]}
  if [[ $status == 0 && $type == "$filesystem" ]]; then
    if [[ $label == "$label_new" ]]; then finish_format; else check_filesystem; fi
  elif [[ $status == 2 && $found == "$newline" ]]; then
    # Blank, unknown, unreadable or gone: blkid answers 2 to all of these.
    format_blank
  else
    refuse "holds ${type:-something other than $filesystem} (blkid says $status)"
  fi
}

refuse() {
  die "$exit_volume" "volume $volume_id $1: refused"
}

# Formats the volume if every proof of its being new succeeds.
format_blank() {
  local bytes signatures mark
  type -P "mkfs.$filesystem" >/dev/null || die "$exit_tools" "mkfs.$filesystem is not installed"
  bytes=$(blockdev --getsize64 "$device") || bytes=0
  ((bytes > 0)) || refuse "does not tell its size"
  read_mark
  [[ $mark == new ]] || refuse "does not carry $filesystem and is not known to be new ($mark)"
  signatures=$(wipefs -n "$device") || refuse "cannot be searched for signatures"
  if [[ -z $signatures ]] && reads_as_zero "$bytes"; then
    # Where it survives this instance: after a crash nothing but mkfs can have written.
    write_group_tags selfheal:formatting "$volume_id" selfheal:grown "$volume_id $((bytes >> 30)) GiB" ||
      refuse "cannot be noted as blank: $error: $message"
  elif [[ -n $signatures && $signatures != *"$filesystem"* ]] || ! begun; then
    # Half of a filesystem has its own signature, or none.
    refuse "is not blank, or cannot be read${signatures:+: $signatures}"
  else
    # It may have grown since that was noted.
    note_size "$bytes"
  fi
  format
}

# Makes the filesystem whole that a boot has begun, here or on an instance that is gone.
finish_format() {
  local mark
  read_mark
  if [[ $mark == used ]]; then
    name_filesystem
  elif [[ $mark == new ]] && begun; then
    note_size "$(blockdev --getsize64 "$device")"
    format
  else
    refuse "carries a filesystem that is perhaps half made ($mark)"
  fi
}

format() {
  log "formatting $device with $filesystem"
  attended "$fsck_s_max" make_filesystem </dev/null || refuse "cannot be formatted"
  sync "$device" || refuse "cannot be written"
  # Before anybody can write to it: what bears the mark may be formatted again.
  unmark || refuse "keeps its mark of first use: $error: $message"
  name_filesystem
}

name_filesystem() {
  { label_filesystem >&"$log_fd" 2>&1 && sync "$device"; } || refuse "cannot be labelled"
}

# Tells whether a boot of this stack has proven the volume blank and begun to format it.
begun() {
  read_group_tag selfheal:formatting && [[ $value == "$volume_id" ]] || return 1
  log "the formatting of $volume_id was cut short"
}

# Reads all of the device, which takes gp3 about 8 s a GiB: nothing less proves that there is nothing on it. Only a read
# that succeeds proves anything.
reads_as_zero() {
  local bytes=$1 at=0 step=$read_bytes_max
  ((bytes <= step)) || log "reading all $((bytes >> 20)) MiB of $device: only what is blank is formatted"
  while ((at < bytes)); do
    ((at == 0)) || log "$((at >> 20)) MiB are blank"
    ((step < bytes - at)) || step=$((bytes - at))
    attended "$read_s_max" cmp -s -n "$step" -i "$at:0" "$device" /dev/zero || return 1
    at=$((at + step))
  done
}

# Asks EC2 about the volume, again while it does not show yet that it is attached here. `mark` becomes "new" where it is attached here, marked for first use and from no snapshot,
# "used" where it is attached here and not marked, and otherwise says what is amiss.
read_mark() {
  local pattern='<key>selfheal:first-use</key>[[:space:]]*<value>true</value>'
  local deadline
  clock
  deadline=$((now + stale_s_max))
  while :; do
    if ! persistently "$stale_s_max" 'InvalidVolume\.NotFound' ec2 DescribeVolumes "VolumeId.1=$volume_id"; then
      mark="DescribeVolumes: $error: $message"
      return
    fi
    [[ $reply != *"<volumeId>$volume_id</volumeId>"* || $reply != *"<instanceId>$instance</instanceId>"* ]] || break
    mark="EC2 does not show it as attached here"
    clock
    ((now < deadline)) || return 0
    pace "$now"
  done
  if [[ ! $reply =~ $pattern ]]; then
    mark=used
  else
    mark=new
    element snapshotId "$reply"
    [[ -z $value ]] || mark="made from $value"
  fi
}

# Removes the mark of first use, once an instance.
unmark() {
  persistently "$call_s_max" '' ec2 DeleteTags "ResourceId.1=$volume_id" Tag.1.Key=selfheal:first-use || return 1
  persist "$state_dir/$instance.settled" 1 || :
}
