# XFS replays its journal when it is mounted; a repair that drops the journal is a person's decision.
check_filesystem() { :; }

# What was there is proven to be nothing, or what an earlier attempt has left.
make_filesystem() {
  mkfs.xfs -q -f -L "$label_new" "$device"
}

label_filesystem() {
  xfs_admin -L "$label_whole" "$device"
}

grow_filesystem() {
  xfs_growfs -d "$root$mount_path" >&"$log_fd"
}
