# The app is well if the address answers with a status from 200 to 399.
probe() {
  fetch '' --globoff --noproxy '*' --fail --output /dev/null --max-time "$probe_s_max" --url "$probe_target" 2>/dev/null
}
