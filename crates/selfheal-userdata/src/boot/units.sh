# The user's own units, which the app's target starts.

# Lets systemd see what the files and the setup have put, and asks it for each unit: the target would leave out silently what
# is not there.
require_units() {
  local unit state
  systemctl daemon-reload || log "systemd does not read its units anew"
  for unit in "${units[@]}"; do
    state=$(systemctl show --property LoadState "$unit") || state=''
    state=${state#LoadState=}
    [[ $state == loaded ]] || die "$exit_units" "systemd cannot start the app's unit $unit: ${state:-no answer}"
  done
}
