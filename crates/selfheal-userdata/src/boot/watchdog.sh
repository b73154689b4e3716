# The watchdog: one probe. The group hears of it after several failures in a row.
watchdog() {
  local failures=0 file=$run_dir/failures
  open_log watchdog
  { read -r failures <"$file"; } 2>/dev/null
  if probe; then
    [[ $failures == 0 ]] || printf '0\n' >"$file"
    return
  fi
  failures=$((${failures:-0} + 1))
  printf '%s\n' "$failures" >"$file"
  log "the app failed $failures of $threshold probes in a row"
  ((failures >= threshold)) || return 0
  metadata_once meta-data/autoscaling/target-lifecycle-state meta-data/spot/instance-action || return 0
  # An instance that is ending may fail its probes.
  [[ ${values[0]:-InService} == InService && -z ${values[1]} ]] || return 0
  require_identity
  count_failure "the app failed $failures probes in a row"
  report_unhealthy true
}
