# The watchdog: one probe. The group hears of it after several failures in a row.

watchdog() {
  local failures=0 successes=0
  open_log watchdog
  read_signer
  { read -r failures successes <"$run_dir/probes"; } 2>/dev/null || :
  if probe; then
    failures=0 successes=$((${successes:-0} + 1))
  else
    failures=$((${failures:-0} + 1)) successes=0
    log "the app failed $failures of $threshold probes in a row"
  fi
  printf '%s %s\n' "$failures" "$successes" >"$run_dir/probes" || :
  # A replacement counts as good once it has stayed well for a while: one that fails again and again after a good start
  # must run into the breaker too.
  ((successes != stable_probes)) || ! read_identity || end_failures
  ((failures < threshold)) || report_failing "$failures"
}

# Reports the app's failure, unless the instance is ending anyway: then its probes may well fail.
report_failing() {
  metadata_once meta-data/autoscaling/target-lifecycle-state meta-data/spot/instance-action || return 0
  [[ ${values[0]:-InService} == InService && -z ${values[1]} ]] && read_identity || return 0
  count_failure "the app failed $1 probes in a row"
  report_unhealthy true
  # The replacement takes a while to begin; until then, every further failure would count again.
  printf '0 0\n' >"$run_dir/probes"
}
