# The app is well if the address answers with a status from 200 to 399.
probe() {
  local url=${probe_target//\\/\\\\}
  fetch "url = \"${url//\"/\\\"}\"" --globoff --noproxy '*' --fail --output /dev/null --max-time "$probe_s_max" 2>/dev/null
}
