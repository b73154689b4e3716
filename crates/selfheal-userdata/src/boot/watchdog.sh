# The watchdog: one look at the app. The group hears of it after several failures in a row.

watchdog() {
  local failures=0 successes=0 since=0 well=1
  open_log watchdog
  read_signer
  { read -r failures successes since <"$run_dir/probes"; } 2>/dev/null || :
  clock
  ((${failures:-0} > 0)) || since=$now
  if [[ $health_from == aws ]] || probe; then
    failures=0
  else
    well='' failures=$((${failures:-0} + 1))
    log "the app failed $failures of $threshold probes in a row"
  fi
  if [[ $health_from != instance ]] && ! aws_agrees; then
    # The group replaces it anyway.
    well=''
    log "AWS finds the app impaired"
    ! in_service || count_once "AWS finds the app impaired"
  fi
  if [[ -n $well ]]; then successes=$((${successes:-0} + 1)); else successes=0; fi
  note_probes
  [[ -z ${repair_s_max-} ]] || mind_repair
  ((successes != stable_probes)) || is_stable
  ((failures > 0 && failures % threshold == 0)) || return 0
  if [[ -n ${repair_s_max-} ]] && restarted; then
    note_probes
  elif [[ -n ${repair_reboots-} ]] && reboots; then
    note_probes
  else
    report_failing "$failures"
  fi
}

# Notes failures and successes in a row, and when the first failure was.
note_probes() {
  printf '%s %s %s\n' "$failures" "$successes" "$since" >"$run_dir/probes" || :
}

# A replacement counts as good once it has stayed well for a while: one that fails again and again after a good start
# must run into the breaker too.
is_stable() {
  : >"$run_dir/counted"
  read_identity && end_failures && return 0
  # Tried again after as many good probes.
  printf '0 0\n' >"$run_dir/probes"
}

# Reports the app's failure. The group takes a while to act, or heeds its grace period, so the report is repeated.
report_failing() {
  in_service || return 0
  count_once "the app failed $1 probes in a row"
  report_unhealthy true "$call_s_max"
}

# Tells whether the instance is to stay: while it ends, its probes may well fail.
in_service() {
  metadata_once meta-data/autoscaling/target-lifecycle-state meta-data/spot/instance-action || return 1
  [[ ${values[0]:-InService} == InService && -z ${values[1]} ]] && read_identity
}

# Counts this instance's failure, once.
count_once() {
  local counted=''
  { read -r counted <"$run_dir/counted"; } 2>/dev/null || :
  [[ -z $counted ]] || return 0
  count_failure "$1" "$log_dir/watchdog.log"
  [[ -z ${topic-} ]] || tell_failure "$1" "${parked_now-}"
  printf '1\n' >"$run_dir/counted" || :
}
