# Waits for the app before anybody is sent to it.
await_health() {
  local deadline
  clock
  deadline=$((now + startup_s_max))
  until probe; do
    clock
    ((now < deadline)) || die "$exit_health" "the app was not healthy within $startup_s_max s"
    heartbeat
    sleep_for 0.2
  done
  log "the app is healthy"
}
