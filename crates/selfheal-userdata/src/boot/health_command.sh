# The app is well if the command ends with the status 0.
probe() {
  (
    trap - PIPE
    exec timeout "$probe_s_max" bash -c "$probe_target" </dev/null >&"$log_fd" 2>&1
  )
}
