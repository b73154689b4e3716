# The app is well if the address answers with a status from 200 to 399. Its certificate, if it has one, is for its public
# name and not for the name by which the instance asks itself.
probe() {
  local url=${probe_target//\\/\\\\}
  fetch "url = \"${url//\"/\\\"}\"" "${curl[@]}" --globoff --noproxy '*' --insecure --fail --output /dev/null \
    --max-time "$probe_s_max" 2>/dev/null
}
