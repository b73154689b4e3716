# How full the disks are; of the watch, in a process of its own, because a volume that stalls may hold it.

check_disks() {
  local source
  check_disk / root
  [[ -z ${mount_path-} ]] || ! mounted || check_disk "$mount_path" data
}

# Tells that the filesystem at $1 is fuller than it may be, once a day at most, and once that it is not any more: five
# percent below, so that one which goes to and fro is not told of for ever.
check_disk() {
  local used='' size left since='' seconds file=$run_dir/disk.$2
  {
    read -r _
    read -r _ size _ left used _
  } < <(df -Pk -- "$root$1" 2>/dev/null)
  used=${used%\%}
  [[ $used =~ ^[0-9]+$ ]] || return 0
  { read -r since <"$file"; } 2>/dev/null || :
  printf -v seconds '%(%s)T' -1
  if ((used >= disk_limit)); then
    [[ -z $since ]] || ((seconds >= since + 86400)) || return 0
    printf '%s\n' "$seconds" >"$file" || :
    log "the disk at $1 is $used % full"
    identity_once || :
    tell_now "the disk at $1 is $used % full" "The filesystem at $1 is $used % full: $((left / 1024)) MiB of $((size / 1024)) are left."
  elif [[ -n $since ]] && ((used + 5 <= disk_limit)); then
    : >"$file"
    log "the disk at $1 is below its limit again, at $used %"
    identity_once || :
    tell_now "the disk at $1 is below its limit again, at $used %" "The filesystem at $1 is $used % full: below the limit of $disk_limit % again."
  fi
}
