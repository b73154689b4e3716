# Repair in place: the app is restarted once before the group hears of it.

# Restarts what belongs to the app's target; answers whether the group need not hear of the failure yet. Not while the
# instance ends, not twice within ten times the threshold of looks, and not where the volume is lost or takes nothing: that
# is no app's fault, and a restart would wait for it as well.
restarted() {
  local looks='' members deadline stamp
  { read -r looks <"$run_dir/repaired"; } 2>/dev/null || :
  [[ -z $looks ]] && serves && in_service || return 1
  # Before it is done: what is killed in the middle does it no second time.
  printf '0\n' >"$run_dir/repaired" || return 1
  if ! holds_lock || ! attended "$answer_s_max" volume_answers; then
    log "the volume takes nothing: the app is not restarted"
    return 1
  fi
  log "restarting the app: it failed $failures probes in a row"
  # One that has failed too often may start again.
  find_members
  ((${#members[@]} == 0)) || systemctl reset-failed "${members[@]}" 2>/dev/null || :
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
  log "repaired in place, $((now - since)) s after the first failed probe"
  printf -v stamp '%(%Y-%m-%dT%H:%M:%S%z)T' -1
  printf '%s\n' "$((now - since)) $stamp $instance the app failed $failures probes in a row" >>"$run_dir/repairs" || :
  [[ -z ${topic-} ]] || tell "repaired in place after $((now - since)) s: the app failed $failures probes in a row" \
    "The app failed $failures probes in a row. Its restart has mended it, $((now - since)) s after the first of them; the instance stays."
  failures=0
  note_repairs
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
  [[ -z $well ]] || note_repairs
  { read -r looks <"$run_dir/repaired"; } 2>/dev/null || :
  [[ -n $looks ]] || return 0
  looks=$((looks + 1))
  ((looks <= 10 * threshold)) || looks=''
  printf '%s\n' "$looks" >"$run_dir/repaired" || :
}

# Counts repairs in a tag of the group, with the last one. It is tried once a look: the app is well, and nothing waits.
note_repairs() {
  local call_s_max=0 lines last count=0
  [[ -s $run_dir/repairs ]] || return 0
  mapfile -t lines <"$run_dir/repairs"
  last=${lines[${#lines[@]} - 1]}
  identity_once && read_group_tag selfheal:repairs || return 0
  # An answer that was lost.
  if [[ $value != *" $last" ]]; then
    [[ ! $value =~ ^([0-9]{1,6})\  ]] || count=$((10#${BASH_REMATCH[1]}))
    write_group_tags selfheal:repairs "$((count + ${#lines[@]})) $last" || return 0
  fi
  : >"$run_dir/repairs"
}
