# XFS replays its journal when it is mounted; a repair that drops the journal is a person's decision.
check_filesystem() { :; }

make_filesystem() {
  mkfs.xfs -q "$device"
}

grow_filesystem() {
  xfs_growfs -d "$root$mount_path" >&"$log_fd"
}
