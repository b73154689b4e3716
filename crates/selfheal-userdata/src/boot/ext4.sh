# Repairs what is safe to repair: the status is 0 where clean and 1 where mended.
check_filesystem() {
  local status=0
  attended "$fsck_s_max" e2fsck -p "$device" || status=$?
  ((status <= 1)) || die "$exit_volume" "volume $volume_id needs a repair by hand (e2fsck says $status)"
}

make_filesystem() {
  mkfs.ext4 -q -L "$label_new" "$device"
}

label_filesystem() {
  tune2fs -L "$label_whole" "$device"
}

grow_filesystem() {
  resize2fs "$device" >&"$log_fd"
}
