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
    [[ $source == "$device" ]] || die "$exit_mount" "$mount_path is taken by $source"
    log "$mount_path is mounted already"
  else
    [[ -d $target ]] || mkdir -p "$target" || die "$exit_mount" "cannot make $mount_path"
    mount -t "$filesystem" -o noatime "$device" "$target" || die "$exit_mount" "cannot mount $device at $mount_path"
    log "mounted $device at $mount_path"
  fi
}
