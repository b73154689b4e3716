# Signed calls to EC2 and Auto Scaling.

# Makes one call: service, action, then key=value pairs. The answer is in `reply`; a failure leaves its code in `error`
# and its text in `message`. Always POST with a form: curl signs that the same in every version that is supported.
call() {
  local service=$1 action=$2 version endpoint config pair code
  shift 2
  case $service in
    ec2) version=2016-11-15 endpoint=${AWS_ENDPOINT_URL_EC2:-${AWS_ENDPOINT_URL:-}} ;;
    autoscaling) version=2011-01-01 endpoint=${AWS_ENDPOINT_URL_AUTO_SCALING:-${AWS_ENDPOINT_URL:-}} ;;
  esac
  endpoint=${endpoint:-https://$service.$region.$dns_suffix}
  config="user = \"$access_key:$secret_key\"${newline}header = \"X-Amz-Security-Token: $session_token\"$newline"
  for pair in "Action=$action" "Version=$version" "$@"; do
    pair=${pair//\\/\\\\} pair=${pair//\"/\\\"}
    config+="data-urlencode = \"${pair//$newline/\\n}\"$newline"
  done
  error='' message=''
  if ! fetch "$config" --aws-sigv4 "aws:amz:$region:$service" --connect-timeout 5 --max-time 20 \
    --write-out '%{http_code}' "${endpoint%/}/"; then
    error=Network message="no answer from ${endpoint%/}"
    return 1
  fi
  code=${reply: -3} reply=${reply%???}
  [[ $code != 200 ]] || return 0
  error=Http$code message=''
  ! element Code "$reply" || error=$value
  ! element Message "$reply" || message=$value
  return 1
}

# Puts the text of the first element named $1 of the XML $2 into `value`.
element() {
  local pattern="<$1>([^<]*)</$1>"
  value=''
  [[ $2 =~ $pattern ]] && value=${BASH_REMATCH[1]}
}

# Tells whether the last error is one that passes with time: $1 is a pattern of codes that do for this call.
passes() {
  case $error in
    Throttl* | EC2Throttl* | RequestLimitExceeded | RequestThrottled* | *Unavailable | Internal* | Network | Http5* | Http429)
      return 0
      ;;
    UnauthorizedOperation | AccessDenied* | AuthFailure | InvalidClientTokenId)
      # A role that is new may take minutes until it works everywhere.
      clock
      denied_at=${denied_at:-$now}
      ((now - denied_at < denied_s_max))
      return
      ;;
    ExpiredToken* | RequestExpired | SignatureDoesNotMatch | InvalidSignature*)
      # Old credentials or a clock that is off. Both may be mended in the meantime.
      clock
      denied_at=${denied_at:-$now}
      ((now - denied_at < denied_s_max)) && read_identity
      return
      ;;
  esac
  [[ $error =~ ^($1)$ ]]
}

# Repeats a call for at most $1 seconds while its error passes; $2 is as for `passes`, the rest as for `call`.
persistently() {
  local deadline=$1 passing=$2 denied_at='' said=''
  shift 2
  clock
  deadline=$((now + deadline))
  until call "$@"; do
    [[ $said == "$error" ]] || log "$2: $error: $message"
    said=$error
    passes "$passing" || return 1
    clock
    ((now < deadline)) || return 1
    heartbeat
    pause
  done
}

# Says in one line why the last call was given up, with what to look at where the code alone misleads.
why() {
  case $error in
    RequestExpired | SignatureDoesNotMatch | InvalidSignature*)
      local stamp
      printf -v stamp '%(%Y-%m-%dT%H:%M:%S%z)T' -1
      printf -v value '%s refused with %s: is the clock right? it says %s: %s' "$1" "$error" "$stamp" "$message"
      ;;
    *) printf -v value '%s refused with %s: %s' "$1" "$error" "$message" ;;
  esac
}
