# The mount, and the proof that it is there.

# Tells whether something is mounted at the path, and puts its source into `source`.
mounted() {
  local target
  while read -r source target _; do
    printf -v target '%b' "$target"
    [[ $target != "$root$mount_path" ]] || return 0
  done </proc/self/mounts
  source=''
  return 1
}

mount_volume() {
  local target=$root$mount_path source
  if mounted; then
    [[ $source == "$device" || $source -ef $device ]] || die "$exit_mount" "$mount_path is taken by $source"
    log "$mount_path is mounted already"
  else
    # The folders above must let the app through, whoever it runs as.
    umask 022
    [[ -d $target ]] || mkdir -p "$target" || die "$exit_mount" "cannot make $mount_path"
    umask 077
    mount -t "$filesystem" -o noatime "$device" "$target" || die "$exit_mount" "cannot mount $device at $mount_path"
    log "mounted $device at $mount_path"
  fi
}

# Takes the volume out of use. An app that did not stop in time loses to the volume: what it wrote so far is flushed, and
# the mount goes away under it. A volume that stalls is left as it is: the machine's own shutdown tries once more.
unmount_volume() {
  local source status=0
  mounted || return 0
  attended "$flush_s_max" sync -f "$root$mount_path" || status=$?
  [[ $status != 124 ]] || { log "the volume does not take what was written" && return 1; }
  attended "$flush_s_max" umount "$root$mount_path" || attended "$flush_s_max" umount -l "$root$mount_path" && return 0
  log "cannot unmount $mount_path"
  return 1
}
