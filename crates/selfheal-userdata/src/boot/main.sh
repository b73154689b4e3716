# The frame: how a boot begins and ends.

# Reads what signs calls, which was found out when installing.
read_signer() {
  signer=curl
  { read -r signer <"$state_dir/signer"; } 2>/dev/null || :
}

require_signer() {
  read_signer
  type -P "$signer" >/dev/null ||
    give_up "$exit_preflight" "neither curl from 7.86 on nor Python signs here: no call can be made"
}

# Ends a boot that cannot tell anybody. An instance that has been in service and hears nothing for hours, by the clock of
# its start, stops: that the group sees.
give_up() {
  trap - EXIT
  log "failed: $2 (exit $1)"
  clock
  [[ $1 != "$exit_metadata" ]] || ((now < outage_s_max)) || systemctl poweroff
  exit "$1"
}

# Only an instance that is to be in service takes anything, or one that has no group yet. What is kept warm, stands by, or
# is in a state that came up later waits until the group wants it.
require_identity() {
  local said='' owner
  read_identity ||
    give_up "$exit_metadata" "the metadata service gives no identity or no credentials of role $role"
  # An image made from a running instance carries its program: cloud-init is about to bring this instance's own.
  { read -r owner <"$state_dir/owner"; } 2>/dev/null || owner=''
  [[ $owner != i-* || $owner == "$instance" ]] || give_up "$exit_foreign" "this program is that of $owner"
  until given_up || wanted; do
    [[ $said == "$target_state" ]] || log "waiting: the group wants this instance $target_state, not InService"
    said=$target_state
    sleep_for 5
    identity_once || :
  done
  given_up || return 0
  give_up "$exit_ended" "the group ends this instance: it takes neither the volume nor the address"
}

# Checks for the commands that a boot needs before it takes anything.
require_tools() {
  local name missing=''
  for name in "${tools[@]}"; do
    type -P "$name" >/dev/null || missing+=" $name"
  done
  [[ -z $missing ]] || die "$exit_tools" "not installed:$missing"
}

# Tells whether the last boot went well and nobody has let go since.
serves() {
  local serving=''
  { read -r serving <"$run_dir/serving"; } 2>/dev/null || :
  [[ -n $serving ]]
}

begin() {
  notify_pids=() patience_s=$outage_s_max
  open_log "$1"
  : >"$run_dir/serving" || :
  trap unexpected_exit EXIT
  trap 'stopping=1; exit 143' TERM
}
