# Of requests: a copy of a snapshot's data, attached to this instance so that it says what is on it.

# Mounts the copy $1 where nobody else looks, tells the marker on it and the MiB that are used, and unmounts it. Its journal is
# replayed, though nothing else is written; it has the id of the filesystem that it is a copy of.
request_copy() {
  local volume_serial=${1/-/} device folder=$run_dir/copy options=ro,nodev,nosuid,noexec marker used tries=0
  value='there is no such copy'
  [[ $# == 1 && $1 != "$volume_id" ]] || return 1
  until find_device; do
    ((tries++ < 60)) || return 1
    sleep_for 1
  done
  value='the copy cannot be mounted'
  [[ $filesystem == ext4 ]] || options+=,nouuid
  # What an earlier attempt has left, which was cut off.
  umount "$folder" 2>/dev/null || :
  mkdir -p "$folder" && attended 300 mount -t "$filesystem" -o "$options" "$device" "$folder" || return 1
  read_marker "$folder" && marker=$value || marker=none
  {
    read -r _
    read -r _ _ used _
  } < <(df -Pk -- "$folder" 2>/dev/null)
  value='the copy cannot be unmounted'
  attended "$flush_s_max" umount "$folder" || return 1
  value="$marker $((${used:-0} / 1024))"
}
