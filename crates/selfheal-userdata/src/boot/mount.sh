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

# Takes the volume out of use, with at most $1 seconds for each attempt: a volume that is gone may never answer. An app
# that did not stop in time loses to the volume: what it wrote so far is flushed, and the mount goes away under it.
unmount_volume() {
  local source
  mounted || return 0
  attended "$1" sync -f "$root$mount_path"
  attended "$1" umount "$root$mount_path" || attended "$1" umount -l "$root$mount_path" || log "cannot unmount $mount_path"
}
