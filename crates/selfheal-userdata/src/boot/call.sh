# Signed calls to EC2 and Auto Scaling.

# Makes one call: service, action, then key=value pairs. The answer is in `reply`; a failure leaves its code in `error`
# and its text in `message`. Always POST with a form: curl signs that the same in every version that is supported.
call() {
  local service=$1 action=$2 version endpoint form='' pair
  shift 2
  case $service in
    ec2) version=2016-11-15 endpoint=${AWS_ENDPOINT_URL_EC2:-${AWS_ENDPOINT_URL:-}} ;;
    autoscaling) version=2011-01-01 endpoint=${AWS_ENDPOINT_URL_AUTO_SCALING:-${AWS_ENDPOINT_URL:-}} ;;
    sns) version=2010-03-31 endpoint=${AWS_ENDPOINT_URL_SNS:-${AWS_ENDPOINT_URL:-}} ;;
  esac
  # The action comes last: if this program is killed while it writes, what curl has got is no call at all.
  for pair in "Version=$version" "$@" "Action=$action"; do
    pair=${pair//\\/\\\\} pair=${pair//\"/\\\"}
    form+="data-urlencode = \"${pair//$newline/\\n}\"$newline"
  done
  send "$service" "${endpoint:-https://$service.$region.$dns_suffix}" "$form" && return 0
  ! element Code "$reply" || error=$value
  ! element Message "$reply" || message=$value
  return 1
}

# Signs for the service $1 and sends to the endpoint $2 what $3 says in curl's words; $4 is a path, where there is one.
send() {
  local sign code
  error='' message='' server_date=''
  if [[ $signer == curl ]]; then
    sign=("${curl[@]}" --aws-sigv4 "aws:amz:$region:$1" --connect-timeout 5 --max-time 20
      --write-out $'\036%header{date}\036%{http_code}')
  else
    # Python.
    sign=("$signer" -I "$root/usr/local/lib/selfheal/sign" "$region" "$1")
  fi
  if ! fetch "user = \"$access_key:$secret_key\"${newline}header = \"X-Amz-Security-Token: $session_token\"$newline$3" \
    "${sign[@]}" "${2%/}/${4-}"; then
    reply='' error=Network message="no answer from ${2%/}"
    return 1
  fi
  code=${reply: -3} reply=${reply%$'\036'*}
  server_date=${reply##*$'\036'} reply=${reply%$'\036'*}
  [[ $code != 200 ]] || return 0
  error=Http$code
  return 1
}

# Puts the text of the first element named $1 of the XML $2 into `value`.
element() {
  local pattern="<$1>([^<]*)</$1>"
  value=''
  [[ $2 =~ $pattern ]] && value=${BASH_REMATCH[1]}
}

# Tells whether the last error says that AWS is away or overrun, which no other instance would find otherwise.
outage() {
  [[ $error =~ ^(Throttl|EC2Throttl|RequestThrottled|RequestLimitExceeded|Http429|Network|Http5|Internal|.*Unavailable|ResourceContention|ServiceFailure|RequestTimeout) ]]
}

# Tells whether the last error is one that passes with time: $1 is a pattern of codes that do for this call. A `return`
# without a status would be that of the command before the trap, where a trap calls this.
passes() {
  ! outage || return 0
  case $error in
    UnauthorizedOperation | AccessDenied* | AuthFailure | InvalidClientTokenId)
      # A role that is new may take minutes until it works everywhere.
      clock
      denied_at=${denied_at:-$now}
      ((now - denied_at < denied_s_max)) && return 0 || return 1
      ;;
    ExpiredToken* | RequestExpired | SignatureDoesNotMatch | InvalidSignature*)
      # Old credentials or a clock that is off. Both may be mended in the meantime.
      clock
      denied_at=${denied_at:-$now}
      ((now - denied_at < denied_s_max)) && read_identity && return 0 || return 1
      ;;
  esac
  [[ $error =~ ^($1)$ ]]
}

# Repeats a call for at most $1 seconds while its error passes; $2 is as for `passes`, the rest as for `call`. The time of
# an outage does not count where there is patience; one that outlasts it leaves `away` set. `unless` names what tells that
# the call has had its effect already.
persistently() {
  local deadline=$1 passing=$2 denied_at='' said='' began last effect=${unless:-false} unless=''
  shift 2
  clock
  began=$now last=$now deadline=$((now + deadline)) away=''
  until "${caller:-call}" "$@"; do
    [[ $said == "$error" ]] || log "$2: $error: $message"
    said=$error
    passes "$passing" || return 1
    clock
    ! outage || ((now >= ${patience_until:-$((began + patience_s))})) || deadline=$((deadline + now - last))
    last=$now
    if ((now >= deadline)); then
      ! outage || away=1
      return 1
    fi
    pace "$began"
    ! "$effect" || return 0
  done
}

# Waits before the next attempt of what began at $1: longer in an outage that lasts.
pace() {
  ! outage || ((now < $1 + 60)) || sleep_for 15
  heartbeat
  pause
}

# Puts into `value` why the call $1 was given up. A clock that is off comes as a refusal like any other, so every
# refusal is held against the server's clock.
why() {
  local here there
  value="$1 refused with $error: $message"
  case $error in
    AuthFailure | RequestExpired | SignatureDoesNotMatch | InvalidSignature*)
      [[ -n $server_date ]] && there=$(date --date="$server_date" +%s 2>/dev/null) || return 0
      printf -v here '%(%s)T' -1
      here=$((here - there))
      ((here > -60 && here < 60)) || value+=" (the clock of this instance is off by $here s)"
      ;;
  esac
}
