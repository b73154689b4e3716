# What was repaired in place, where it outlives the instance.

# Notes a repair, and tells of it: after how many seconds, and what for.
repaired() {
  local stamp
  log "repaired in place after $1 s: $2"
  printf -v stamp '%(%Y-%m-%dT%H:%M:%S%z)T' -1
  printf '%s\n' "$1 $stamp $instance $2" >>"$run_dir/repairs" || :
  [[ -z ${topic-} ]] || tell "repaired in place after $1 s: $2" "The app answers again, and the instance stays."
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
