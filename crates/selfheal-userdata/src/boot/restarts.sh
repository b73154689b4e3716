# Starts of a machine that had not shut down, which its kernel or its watchdog has started anew.

# Counts the start of a machine that had not shut down: after a panic, a hang or a cut of its power. The mark is this boot's, and an
# image takes it along. What cannot be told now is told by the watchdog.
count_restart() {
  local patience_s=0 boot='' before=''
  { read -r boot <"$root/proc/sys/kernel/random/boot_id"; } 2>/dev/null || :
  { read -r before <"$state_dir/up"; } 2>/dev/null || :
  boot="$instance $boot"
  if [[ $before == "$instance "* && $before != "$boot" ]]; then
    clock
    repaired "$now" 'the machine had not shut down'
    note_repairs
  fi
  persist "$state_dir/up" "$boot" || :
}
