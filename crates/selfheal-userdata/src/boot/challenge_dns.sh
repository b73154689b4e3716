# How an authority is shown that the names are the stack's: by records in a hosted zone, beside each name.

challenge_words=(--manual --preferred-challenges dns
  --manual-auth-hook "/bin/bash $root/usr/local/lib/selfheal/program challenge")

# The authority looks at the zone alone: neither the address nor a port has a part in it.
precheck() {
  value="the metadata service does not answer"
  identity_once || return 1
  value=''
}

# What certbot runs for each name; the records of all are written with the last, in one change. Where they do not come about,
# certbot is ended: the authority would look in vain, and allows few failures.
challenge() {
  local work=$run_dir/certbot
  # What is said here certbot would take for its own.
  exec >/dev/null 2>&1
  open_log tls
  read_signer
  printf '%s %s\n' "${CERTBOT_DOMAIN#\*.}" "$CERTBOT_VALIDATION" >>"$work/challenges" || exit 1
  ((${CERTBOT_REMAINING_CHALLENGES:-0} == 0)) || exit 0
  write_records && exit 0
  printf '%s\n' "$value" >"$work/failed"
  kill -TERM "$SELFHEAL_CERTBOT"
  exit 1
}

# Writes a record for each name, with all values that belong there, and waits until the DNS has them.
write_records() {
  local name token deadline change lines=''
  local -A tokens=()
  while read -r name token; do
    tokens[$name]+=" $token"
  done <"$work/challenges"
  for name in "${!tokens[@]}"; do
    lines+=$name${tokens[$name]}$newline
  done
  # Before they are there, so that whoever comes after a power cut removes them.
  value="the records cannot be noted on the volume"
  persist "$tls_dir/records" "${lines%"$newline"}" || return 1
  value="the metadata service does not answer"
  identity_once && change_records UPSERT "$lines" || return 1
  element Id "$reply"
  change=${value##*/}
  clock
  deadline=$((now + dns_s_max))
  while :; do
    dns_call GetChange "change/$change" || return 1
    ! element Status "$reply" || [[ $value != INSYNC ]] || return 0
    clock
    value="the servers of the hosted zone $https_zone do not have the records after $dns_s_max s"
    ((now < deadline)) || return 1
    sleep_for 2
  done
}

# Removes what was written, a record a call: one that is not there any more, or is another's by now, keeps no other.
remove_records() {
  local line lines=()
  [[ -e $tls_dir/records ]] || return 0
  mapfile -t lines <"$tls_dir/records"
  value="the metadata service does not answer"
  identity_once || return 1
  for line in "${lines[@]}"; do
    [[ -z $line ]] || change_records DELETE "$line" || [[ $error == InvalidChangeBatch ]] || return 1
  done
  rm -f "$tls_dir/records"
}

# Does $1 with the records that the lines $2 say: a name, and the values beside it.
change_records() {
  local line token words=() body=''
  while read -ra words; do
    ((${#words[@]} > 1)) || continue
    line=''
    for token in "${words[@]:1}"; do
      line+="<ResourceRecord><Value>\"$token\"</Value></ResourceRecord>"
    done
    body+="<Change><Action>$1</Action><ResourceRecordSet><Name>_acme-challenge.${words[0]}.</Name><Type>TXT</Type><TTL>60</TTL>"
    body+="<ResourceRecords>$line</ResourceRecords></ResourceRecordSet></Change>"
  done <<<"$2"
  dns_call ChangeResourceRecordSets "hostedzone/$https_zone/rrset/" \
    "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>$body</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
}

# Repeats a call of Route 53 while its error passes; `value` tells the error.
dns_call() {
  caller=call_dns persistently "$call_s_max" PriorRequestNotComplete route53 "$@" && return 0
  why "$1"
  return 1
}

# Makes a call of Route 53, which has one endpoint for all Regions and speaks XML: service, action, path, and what it posts.
call_dns() {
  local region=$https_dns_region config='' body=${4-}
  [[ -z $body ]] || config="header = \"Content-Type: text/xml\"${newline}data-raw = \"${body//\"/\\\"}\"$newline"
  send "$1" "${AWS_ENDPOINT_URL_ROUTE_53:-${AWS_ENDPOINT_URL:-$https_dns_endpoint}}" "$config" "2013-04-01/$3" && return 0
  ! element Code "$reply" || error=$value
  ! element Message "$reply" || message=$value
  # Some refusals are elements of their own.
  [[ $reply != *'<InvalidChangeBatch'* ]] || error=InvalidChangeBatch
  return 1
}
