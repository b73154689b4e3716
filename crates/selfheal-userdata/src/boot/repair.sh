# Repair in place: the app is restarted once before the group hears of it.

# Restarts what belongs to the app's target; answers whether the group need not hear of the failure yet. Not while the
# instance ends, not twice within ten times the threshold of looks, and not where the volume is lost or takes nothing: that
# is no app's fault, and a restart would wait for it as well.
restarted() {
  local looks='' members deadline
  { read -r looks <"$run_dir/repaired"; } 2>/dev/null || :
  [[ -z $looks ]] && serves && in_service || return 1
  find_members
  # Nothing would be started anew, and the group would only hear of it later.
  ((${#members[@]} > 0)) || return 1
  # Before it is done: what is killed in the middle does it no second time.
  printf '0\n' >"$run_dir/repaired" || return 1
  if ! takes_writes; then
    log "the volume takes nothing: the app is not restarted"
    return 1
  fi
  log "restarting the app: it failed $failures probes in a row"
  # One that has failed too often may start again.
  systemctl reset-failed "${members[@]}" 2>/dev/null || :
  # Whoever lets go meanwhile has stopped the boot as well, which the target would start anew.
  serves || return 1
  attended "$stop_s_max" systemctl restart selfheal-app.target || log "selfheal-app.target did not restart"
  clock
  deadline=$((now + repair_s_max))
  until probe; do
    clock
    if ((now >= deadline)); then
      log "the restart has not mended the app"
      # The next probe decides.
      failures=$((threshold - 1))
      return 0
    fi
    sleep_for 0.2
  done
  clock
  repaired "$((now - since))" "the app failed $failures probes in a row"
  failures=0
  note_repairs
}

# Tells whether the volume is here and takes what is written to it. One that does not is asked once a look.
takes_writes() {
  [[ -z ${stalls-} ]] || return 1
  ! holds_lock || ! attended "$answer_s_max" volume_answers || return 0
  stalls=1
  return 1
}

# Tells whether the volume takes what is written to it. A full one answers, and says so.
volume_answers() {
  [[ -n ${mount_path-} ]] || return 0
  local file=$root$mount_path/.selfheal/answer said
  said=$({ mkdir -p "${file%/*}" && printf '%s\n' "$now" >"$file" && sync "$file"; } 2>&1) || [[ $said == *'No space left'* ]]
}

# Counts the looks since the last repair, and tells the group's tag of repairs that it has not heard of.
mind_repair() {
  local looks=''
  if [[ -n $well ]]; then
    [[ -z ${repair_reboots-} ]] || note_reboot
    note_repairs
  fi
  { read -r looks <"$run_dir/repaired"; } 2>/dev/null || :
  [[ -n $looks ]] || return 0
  looks=$((looks + 1))
  ((looks <= 10 * threshold)) || looks=''
  printf '%s\n' "$looks" >"$run_dir/repaired" || :
}
