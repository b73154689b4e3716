# The instance metadata service, version 2 only, and what it says of this instance.

metadata_url=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
metadata_url=${metadata_url%/}
metadata_token=
json_text='" *: *"([^"]*)"'

# Asks the metadata service once. Each path's body goes to `values` and its status to `codes`; a path that does not
# exist has the status 404 and an empty value. Fails where any answer is missing, refused or a fault.
metadata_once() {
  local config path part
  local options=(--noproxy '*' --connect-timeout 2 --max-time 5)
  if [[ -z $metadata_token ]]; then
    fetch '' "${options[@]}" --fail --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 21600' \
      "$metadata_url/latest/api/token" || return 1
    metadata_token=$reply
  fi
  config="header = \"X-aws-ec2-metadata-token: $metadata_token\"$newline"
  for path; do config+="url = \"$metadata_url/latest/$path\"$newline"; done
  values=() codes=()
  # Each answer ends with its status and the record separator, which no answer holds.
  fetch "$config" "${options[@]}" --write-out $'%{http_code}\036' || return 1
  while [[ $reply == *$'\036'* ]]; do
    part=${reply%%$'\036'*} reply=${reply#*$'\036'}
    codes+=("${part: -3}")
    if [[ ${part: -3} == 200 ]]; then values+=("${part%???}"); else values+=(''); fi
  done
  ((${#codes[@]} == $#)) || return 1
  for part in "${codes[@]}"; do
    # A refused token is an expired one, so the next attempt asks for another.
    [[ $part != 401 ]] || metadata_token=
    [[ $part == 200 || $part == 404 ]] || return 1
  done
}

# Reads who this instance is and the credentials of its role, retrying for `metadata_s_max` seconds: the network may be
# late, and the role's credentials may not be there yet.
read_identity() {
  local deadline said=''
  clock
  deadline=$((now + metadata_s_max))
  until identity_once; do
    [[ -n $said ]] || log "the metadata service gives no identity or no credentials of role $role yet"
    said=1
    clock
    ((now < deadline)) || return 1
    pause
  done
}

identity_once() {
  metadata_once meta-data/instance-id "meta-data/iam/security-credentials/$role" meta-data/public-ipv4 \
    meta-data/autoscaling/target-lifecycle-state || return 1
  [[ -n ${values[0]} ]] && read_credentials "${values[1]}" || return 1
  instance=${values[0]} public_ip=${values[2]} target_state=${values[3]}
  # What holds a secret is not left where something else may print it.
  values=()
}

# Takes the credentials out of the JSON text $1.
read_credentials() {
  [[ $1 =~ \"AccessKeyId$json_text ]] && access_key=${BASH_REMATCH[1]} &&
    [[ $1 =~ \"SecretAccessKey$json_text ]] && secret_key=${BASH_REMATCH[1]} &&
    [[ $1 =~ \"Token$json_text ]] && session_token=${BASH_REMATCH[1]}
}
