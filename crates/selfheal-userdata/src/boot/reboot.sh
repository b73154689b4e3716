# A reboot for an app that a restart has not mended.

# Reboots the machine; answers whether the group need not hear of the failure yet. At most once an hour, by the clock, which a reboot
# does not set to zero: one that was set back makes that longer. Not on a volume that takes nothing, which a reboot would wait for.
reboots() {
  local at='' time
  serves && in_service || return 1
  { read -r at _ <"$state_dir/rebooted"; } 2>/dev/null || :
  printf -v time '%(%s)T' -1
  [[ ! $at =~ ^[0-9]{1,12}$ ]] || ((time - at >= reboot_pause_s)) || return 1
  if ! takes_writes; then
    log "the volume takes nothing: the machine is not rebooted"
    return 1
  fi
  # Before it is done, and durably: it is what ends a loop of reboots.
  clock
  persist "$state_dir/rebooted" "$time $((time - now + since)) $failures" || return 1
  log "rebooting: the app failed $failures probes in a row"
  systemctl reboot
}

# Notes a reboot that has mended the app, once.
note_reboot() {
  local at='' began='' count='' time
  { read -r at began count <"$state_dir/rebooted"; } 2>/dev/null || :
  [[ -n $count ]] && identity_once && persist "$state_dir/rebooted" "$at" || return 0
  printf -v time '%(%s)T' -1
  repaired "$((time - began))" "the app failed $count probes in a row and a reboot helped"
}
