# Tells whether this instance may act as the one: it holds the volume, where there is one.
holds_lock() {
  [[ -z ${volume_id-} ]] || find_device
}

require_signer() {
  local signer=curl
  { read -r signer <"$state_dir/signer"; } 2>/dev/null || :
  [[ $signer == none ]] || return 0
  log "failed: curl is older than 7.86 and there is no AWS CLI: no call can be signed (exit $exit_preflight)"
  trap - EXIT
  exit "$exit_preflight"
}

require_identity() {
  read_identity && return
  log "failed: the metadata service gives no identity or no credentials of role $role (exit $exit_metadata)"
  trap - EXIT
  exit "$exit_metadata"
}

# Lets the units that need the volume and the setup start: they are ordered after this unit.
announce_ready() {
  [[ -z ${NOTIFY_SOCKET-} ]] || systemd-notify --ready '--status=volume and setup are done'
  systemctl start --no-block selfheal-app.target || log "cannot start selfheal-app.target"
}

# Does what can wait until the instance serves: none of it decides whether it does.
settle_volume() {
  ln -sfn "$device" "$run_dir/data" || log "cannot link the device"
  grow_filesystem || log "cannot grow the filesystem"
  [[ ! -e $state_dir/$instance.settled ]] || return 0
  if persistently "$call_s_max" '' ec2 DeleteTags "ResourceId.1=$volume_id" Tag.1.Key=selfheal:first-use; then
    persist "$state_dir/$instance.settled" 1 || :
  else
    log "DeleteTags: $error: $message"
  fi
}

end_failures() {
  reset_breaker || log "cannot reset the count of failed boots: $error: $message"
}

begin() {
  open_log "$1"
  trap unexpected_exit EXIT
  trap 'stopping=1; exit 143' TERM
}
