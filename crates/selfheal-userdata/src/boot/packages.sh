# Packages: who else installs some is waited for.

# Waits until nobody installs packages: an image updates itself for minutes after its first boot, and who finds the locks
# held fails. $1 is what waits.
await_packages() {
  local deadline said=''
  clock
  deadline=$((now + packages_s_max))
  until packages_are_free; do
    [[ -n $said ]] || log "$1 waits: something else installs packages"
    said=1
    clock
    ((now < deadline)) || break
    heartbeat
    sleep_for 1
  done
}

# By the kernel's list: dpkg and rpm lock in a way that flock(1) does not see.
packages_are_free() {
  local inode locks
  locks=$(</proc/locks)
  for inode in $(stat -c %i "$root"/var/lib/{dpkg/lock{-frontend,},apt/lists/lock} \
    "$root"/{var/lib,usr/lib/sysimage}/rpm/.rpm.lock 2>/dev/null); do
    [[ $locks != *":$inode "* ]] || return 1
  done
}
