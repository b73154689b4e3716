# The instance metadata service, version 2 only, and what it says of this instance.
#
# It speaks plain HTTP, on a link that ends at the host, so bash asks it by itself: a process takes longer than the answer.

metadata_token='' metadata_host=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254} metadata_port=80
metadata_host=${metadata_host#http://} metadata_host=${metadata_host%%/*}
# An address of version 6 is in brackets.
if [[ $metadata_host =~ ^(\[([^]]*)\]|[^:]*):?([0-9]*)$ ]]; then
  metadata_host=${BASH_REMATCH[2]:-${BASH_REMATCH[1]}} metadata_port=${BASH_REMATCH[3]:-80}
fi
json_text='" *: *"([^"]*)"'

# Sends one request: method, path, a header. The open connection goes to `link`, empty where there is none.
metadata_send() {
  { exec {link}<>"/dev/tcp/$metadata_host/$metadata_port"; } 2>/dev/null || { link='' && return 1; }
  printf '%s /latest/%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n\r\n' "$1" "$2" "$metadata_host" "$3" >&"$link"
} 2>/dev/null

# Reads the answer that comes over `link`: its status goes to `code`, its body to `reply`. One that is cut short is none.
metadata_receive() {
  local head ended=0
  code=''
  [[ -n $link ]] || return 1
  read -r -N 1000000 -t 5 -u "$link" reply || ended=$?
  exec {link}>&-
  # The service closes the connection after its answer. A time-out is another status.
  [[ $ended == 1 && $reply == *$'\r\n\r\n'* ]] || return 1
  head=${reply%%$'\r\n\r\n'*} reply=${reply#*$'\r\n\r\n'}
  [[ $head =~ ^HTTP/1\.[01]\ ([0-9]{3}) ]] || return 1
  code=${BASH_REMATCH[1]}
  [[ ! ${head,,} =~ content-length:\ *([0-9]+) ]] || ((${#reply} == BASH_REMATCH[1]))
}

# Asks the metadata service once. Each path's body goes to `values`, empty where the path does not exist. Fails where any
# answer is missing, refused or a fault.
metadata_once() {
  local path link code links=() failed=''
  if [[ -z $metadata_token ]]; then
    metadata_send PUT api/token 'X-aws-ec2-metadata-token-ttl-seconds: 21600'
    metadata_receive && [[ $code == 200 ]] || return 1
    metadata_token=$reply
  fi
  values=()
  for path; do
    metadata_send GET "$path" "X-aws-ec2-metadata-token: $metadata_token"
    links+=("$link")
  done
  for link in "${links[@]}"; do
    metadata_receive || code=''
    case $code in
      200) ;;
      404) reply='' ;;
      *)
        # A refused token is an expired one, so the next attempt asks for another.
        [[ $code != 401 ]] || metadata_token=''
        failed=1
        ;;
    esac
    values+=("$reply")
  done
  [[ -z $failed ]]
}

# Reads who this instance is and the credentials of its role, which may not be there yet.
read_identity() {
  insist "identity or no credentials of role $role" identity_once
}

# Repeats a question to the metadata service for `metadata_s_max` seconds, since the network may be late. $1 is what it is
# about, the rest asks it.
insist() {
  local what=$1 deadline said=''
  shift
  clock
  deadline=$((now + metadata_s_max))
  until "$@"; do
    [[ -n $said ]] || log "the metadata service gives no $what yet"
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

# Puts the id of the primary network interface into `interface`.
interface_once() {
  metadata_once meta-data/mac && metadata_once "meta-data/network/interfaces/macs/${values[0]}/interface-id" &&
    interface=${values[0]} && [[ -n $interface ]]
}

# Takes the credentials out of the JSON text $1.
read_credentials() {
  [[ $1 =~ \"AccessKeyId$json_text ]] && access_key=${BASH_REMATCH[1]} &&
    [[ $1 =~ \"SecretAccessKey$json_text ]] && secret_key=${BASH_REMATCH[1]} &&
    [[ $1 =~ \"Token$json_text ]] && session_token=${BASH_REMATCH[1]}
}
