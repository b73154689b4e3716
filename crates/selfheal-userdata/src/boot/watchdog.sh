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
  ((successes != stable_probes)) || is_stable
  ((failures == 0 || failures % threshold != 0)) || report_failing "$failures"
}

# A replacement counts as good once it has stayed well for a while: one that fails again and again after a good start
# must run into the breaker too.
is_stable() {
  : >"$run_dir/counted"
  read_identity && end_failures && return
  # Tried again after as many good probes.
  printf '0 0\n' >"$run_dir/probes"
}

# Reports the app's failure, unless the instance is ending anyway: then its probes may well fail. The group takes a while
# to act, or heeds its grace period, so the report is repeated; it counts once.
report_failing() {
  local counted=''
  metadata_once meta-data/autoscaling/target-lifecycle-state meta-data/spot/instance-action || return 0
  [[ ${values[0]:-InService} == InService && -z ${values[1]} ]] && read_identity || return 0
  { read -r counted <"$run_dir/counted"; } 2>/dev/null || :
  if [[ -z $counted ]]; then
    count_failure "the app failed $1 probes in a row" "$log_dir/watchdog.log"
    printf '1\n' >"$run_dir/counted" || :
  fi
  report_unhealthy true "$call_s_max"
}
