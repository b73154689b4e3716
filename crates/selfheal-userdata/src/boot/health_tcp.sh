# The app is well if the port on this machine accepts a connection.
probe() {
  # shellcheck disable=SC2016 # the inner shell expands its own argument
  timeout "$probe_s_max" bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$probe_target" 2>/dev/null
}
