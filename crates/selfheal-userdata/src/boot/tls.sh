# The certificate: asked for when the address is here, and published on the volume.

# One look, each minute: most of them end with the first lines. What somebody wishes is done without waiting for it to be due, once.
tls() {
  local serving='' due=0 wish='' source
  { read -r serving <"$run_dir/serving" && read -r due <"$live_dir/due"; } 2>/dev/null || :
  { read -r wish <"$live_dir/wish"; } 2>/dev/null || :
  clock
  [[ -n $serving ]] && { [[ -n $wish ]] || ((now >= ${due:-0})); } && mounted || return 0
  open_log tls
  read_signer
  [[ -z $wish ]] || rm -f "$live_dir/wish"
  value=''
  if [[ $wish == rollback ]]; then
    if roll_back; then
      tell_wisher ok
      value=''
    else
      tell_wisher failed
      log "no earlier certificate: $value"
      return
    fi
  elif look_at_certificate; then
    [[ -z $wish ]] || tell_wisher ok
    value=''
    # Half a day, give or take an hour.
    next_look $((39600 + RANDOM * 7200 / 32768))
    # What could not be removed of an attempt is not left in the zone until the next one.
    [[ ! -e $tls_dir/records ]] || look_again
    [[ -e $tls_dir/records ]] || rm -f "$live_dir/looks"
  else
    [[ -z $wish ]] || tell_wisher failed
    [[ -z $value ]] || log "no certificate yet: $value"
  fi
  tell_certificate "$value"
}

# What an operator may ask for: another certificate now, or the one before this.
request_renew() { wish_for renew; }
request_rollback() { wish_for rollback; }

# Lets the unit that looks after the certificate do $1, since nothing else may be at it meanwhile; `value` tells what came of it.
wish_for() {
  local outcome=''
  value='HTTPS is not served yet'
  serves && mounted && [[ -d $live_dir ]] || return 1
  value='the wish cannot be noted'
  rm -f "$live_dir/outcome" && printf '%s\n' "$1" >"$live_dir/wish" || return 1
  # A start waits for a look that is under way, and is then none of its own.
  systemctl start selfheal-tls.service || :
  [[ ! -e $live_dir/wish ]] || systemctl start selfheal-tls.service || :
  rm -f "$live_dir/wish"
  value='the look was cut short'
  { IFS= read -r outcome <"$live_dir/outcome"; } 2>/dev/null || return 1
  value=${outcome#* }
  [[ $outcome == ok\ * ]]
}

tell_wisher() {
  local names began ends
  [[ $1 != ok ]] || ! is_whole "$tls_dir/current" || value="what is served now ends $ends and is for${names% }"
  printf '%s\n' "$1 $value" >"$live_dir/outcome" || :
}

# Serves the newest certificate before this one again. It stays until the next is due: what came after it is not taken up.
roll_back() {
  local at last='' before='' current names began ends time
  printf -v time '%(%s)T' -1
  current=$(readlink "$tls_dir/current") || :
  value='there is no certificate of an authority yet'
  [[ $current =~ ^gen-[0-9]+$ ]] || return 1
  for at in $(generations); do
    last=$at
    ((at < ${current#gen-})) && is_whole "$tls_dir/gen-$at" && is_ours && (($(date --date="$ends" +%s) > time)) && before=$at
  done
  value="none before $current is there for these names that has not expired"
  [[ -n $before ]] || return 1
  value='it cannot be noted on the volume'
  persist "$tls_dir/passed-over" "$last" || return 1
  show "gen-$before"
}

# Notes in the group's tag how the certificate is, where that has changed, with what keeps another one away, $1; and tells that it
# is about to end where it should have been renewed long ago.
tell_certificate() {
  local text='' ca='' name missing='' from to tried='' told='' names began ends time
  { read -r ca <"$tls_dir/current/ca"; } 2>/dev/null || :
  printf -v time '%(%s)T' -1
  if [[ -n $ca ]] && is_whole "$tls_dir/current"; then
    from=$(date --date="$began" +%s) && to=$(date --date="$ends" +%s) || return 0
    for name in "${domains[@]}"; do
      [[ $names == *" $name "* ]] || missing+=+$name
    done
    text="ca=$ca until=$to renews=$((to - (to - from) / 3))${missing:+ missing=${missing#+}}"
    ((to - time >= (to - from) / 6)) || warn_of_end "$to" "$1"
  fi
  while read -r name told _; do
    [[ $told != try ]] || tried=$name
  done 2>/dev/null <"$tls_dir/attempts"
  text+="${tried:+ tried=$tried}${1:+ error=$1}"
  text=${text# } told=''
  { IFS= read -r told <"$live_dir/told"; } 2>/dev/null || :
  [[ $told != "$text" ]] || return 0
  if identity_once && write_group_tags selfheal:tls "$text"; then
    printf '%s\n' "$text" >"$live_dir/told" || :
  else
    log "CreateOrUpdateTags: ${error-}: ${message-}"
    next_look 60
  fi
}

# Once a day, whichever instance: $1 is when it ends, $2 what keeps another one away.
warn_of_end() {
  local file warned days=$((($1 - time) / 86400)) what="the certificate expires in"
  for file in "$tls_dir/warned" "$live_dir/warned"; do
    { read -r warned <"$file"; } 2>/dev/null || warned=0
    [[ $warned =~ ^[0-9]{1,12}$ ]] && ((warned <= time && time < warned + 86400)) && return 0
  done
  # A volume that is full keeps certificates from being renewed, and must not keep this from being said.
  persist "$tls_dir/warned" "$time" || printf '%s\n' "$time" >"$live_dir/warned" || return 0
  what+=" $days days"
  (($1 > time)) || what="the certificate expired $((-days)) days ago"
  log "$what"
  [[ -z ${topic-} ]] || ! identity_once ||
    tell_now "$what" "The certificate for $https_domains ends at $ends, and there is no other yet: ${2:-the next attempt is due}."
}

next_look() {
  clock
  printf '%s\n' $((now + $1)) >"$live_dir/due" || :
}

# The next look after one that came to nothing and has cost the authority nothing.
look_again() {
  local looks=0 waits=(60 120 300 600 1800)
  { read -r looks <"$live_dir/looks"; } 2>/dev/null || looks=0
  next_look "${waits[looks < 4 ? looks : 4]}"
  printf '%s\n' $((looks + 1)) >"$live_dir/looks" || :
}

# Tells whether the certificate is as it has to be, after asking for one where it is not. `value` says what is in the way.
look_at_certificate() {
  local names began ends time
  printf -v time '%(%s)T' -1
  adopt
  [[ -z ${https_zone-} ]] || remove_records || log "$value"
  [[ $wish == renew ]] || ! suffices "$tls_dir/current" || return 0
  if ! precheck; then
    look_again
    return 1
  fi
  may_ask || return 1
  if ! type -P certbot >/dev/null; then
    mask certbot.timer certbot-renew.timer
    install_packages certbot || { value="certbot cannot be installed, see $log_dir/packages.log" && look_again && return 1; }
  fi
  note_attempt "$time try" || { value="the attempt cannot be noted on the volume" && look_again && return 1; }
  # Whatever comes of it.
  may_ask || :
  if ! order; then
    heed_retry_after
    return 1
  fi
  publish_certificate || return 1
  note_attempt "$time issued ${https_domains// /,}" || :
}

# Tells whether the folder holds a certificate of the authority, for all names, with more than a third of its life left.
suffices() {
  local name from to ca=''
  { read -r ca <"$1/ca"; } 2>/dev/null || :
  [[ $ca == "$https_ca" ]] && is_whole "$1" || return 1
  for name in "${domains[@]}"; do
    [[ $names == *" $name "* ]] || return 1
  done
  from=$(date --date="$began" +%s) && to=$(date --date="$ends" +%s) && (((to - time) * 3 > to - from))
}

# Takes what an earlier run has got and could not publish any more; not what somebody went back from.
adopt() {
  local at last='' passed=0
  { read -r passed <"$tls_dir/passed-over"; } 2>/dev/null || :
  [[ $passed =~ ^[0-9]{1,9}$ ]] || passed=0
  for at in $(generations); do
    last=$at
  done
  [[ -n $last && ! $tls_dir/gen-$last -ef $tls_dir/current ]] && ((last > passed)) && suffices "$tls_dir/gen-$last" || return 0
  log "certificate: taking up gen-$last, which was not published yet"
  show "gen-$last"
}

# Tells whether the authority may be asked now, by what the volume knows of all instances before: a crash loop must not use up
# the few certificates and failures that it allows a week and an hour. The next look is when it may.
may_ask() {
  local at what rest tries=0 last=0 next=0 issued=()
  while read -r at what rest; do
    [[ $at =~ ^[0-9]{1,12}$ ]] || continue
    if [[ $what == until ]]; then
      ((at <= next || at > time + 604800)) || next=$at
      continue
    fi
    # A clock that went back must not keep this from happening for ever.
    ((at <= time)) || at=$time
    case $what in
      try) tries=$((tries + 1)) last=$at ;;
      issued)
        tries=0
        [[ $rest != "${https_domains// /,}" ]] || ((at <= time - 604800)) || issued+=("$at")
        ;;
    esac
  done 2>/dev/null <"$tls_dir/attempts"
  # Ten minutes, and twice as long each time: three in an hour at most.
  if ((tries > 0)); then
    at=$((last + (tries > 7 ? 43200 : 600 << (tries - 1))))
    ((at <= next)) || next=$at
  fi
  if ((${#issued[@]} >= 3)); then
    at=$((issued[${#issued[@]} - 3] + 604800))
    ((at <= next)) || next=$at
  fi
  ((next > time)) || return 0
  printf -v value 'the authority is asked again after %(%Y-%m-%dT%H:%M:%S%z)T' "$next"
  next=$((next - time))
  next_look $((next < 43200 ? next : 43200))
  return 1
}

# Adds a line to the attempts, of which the last are kept.
note_attempt() {
  local lines=() line text=''
  [[ ! -e $tls_dir/attempts ]] || mapfile -t lines <"$tls_dir/attempts"
  ((${#lines[@]} <= 40)) || lines=("${lines[@]: -40}")
  for line in ${lines[@]+"${lines[@]}"}; do
    [[ -z $line ]] || text+=$line$newline
  done
  persist "$tls_dir/attempts" "$text$1"
}

# Asks the authority. What it gives is in the folder `new`.
order() {
  local new=$tls_dir/new work=$run_dir/certbot status=0 line
  rm -rf "$new" "$work" && mkdir "$new" "$work" && make_key "$new" -out "$new/csr.pem" || {
    value="no key can be made on the volume"
    return 1
  }
  log "asking $https_ca for a certificate for $https_domains"
  attended "$issue_s_max" certbot_process || status=$?
  [[ -z ${https_zone-} ]] || remove_records || log "$value"
  [[ $status != 0 ]] || return 0
  value="certbot ended with status $status"
  while IFS= read -r line; do
    [[ $line != *[![:space:]]* || $line == *'certbot.eff.org'* || $line == Ask\ for\ help* ]] || value=$line
    [[ $line != *Detail:* ]] || break
  done 2>/dev/null <"$work/output"
  # Older ones stumble over what they were to tell.
  [[ $value != AttributeError* ]] || while IFS= read -r line; do
    [[ $line != *urn:ietf:params:acme:error:*::* ]] || value=urn:${line#*urn:}
  done 2>/dev/null <"$work/letsencrypt.log"
  read -r value <<<"$value"
  value="$https_ca: $value"
  # What ended it before the authority had looked.
  { IFS= read -r line <"$work/failed" && value=$line; } 2>/dev/null || :
  return 1
}

# Becomes certbot, for one certificate by a request that it does not know the key of, so that it keeps nothing but its account.
certbot_process() {
  local account
  account=$tls_dir/account-${https_ca//[^a-zA-Z0-9.]/_}
  exec </dev/null >"$work/output" 2>&1
  shed
  export SELFHEAL_CERTBOT=$BASHPID
  [[ -z $https_ca_bundle ]] || export REQUESTS_CA_BUNDLE=$https_ca_bundle
  # shellcheck disable=SC2206 # one word or two
  local contact=(${https_email:+--email "$https_email"})
  exec certbot certonly --non-interactive --agree-tos "${contact[@]:---register-unsafely-without-email}" --server "$https_ca" \
    --config-dir "$account" --work-dir "$work" --logs-dir "$work" "${challenge_words[@]}" --csr "$new/csr.pem" \
    --cert-path "$new/cert.pem" --chain-path "$new/chain.pem" --fullchain-path "$new/fullchain.pem"
}

# An authority that says when it may be asked again is not asked before.
heed_retry_after() {
  local line code='' seconds=0 value
  while IFS= read -r line; do
    [[ ! $line =~ ^HTTP\ ([0-9]{3})$ ]] || code=${BASH_REMATCH[1]}
    [[ $code != @(429|503) || ! ${line,,} =~ ^retry-after:\ *([0-9]{1,7})$ ]] || seconds=$((10#${BASH_REMATCH[1]}))
  done 2>/dev/null <"$run_dir/certbot/letsencrypt.log"
  ((seconds > 0)) || return 0
  note_attempt "$((time + seconds)) until" && may_ask || :
}

# Makes what is in `new` the next generation, in one step. A power cut leaves the old one or this one.
publish_certificate() {
  local new=$tls_dir/new at last=0
  printf '%s\n' "$https_ca" >"$new/ca"
  value="what the authority has given does not fit the key, or is not for all names"
  suffices "$new" || return 1
  for at in $(generations); do
    last=$at
  done
  at=gen-$((last + 1))
  value="the certificate cannot be put on the volume"
  sync -f "$new" && mv -T "$new" "$tls_dir/$at" && sync -f "$tls_dir" || return 1
  show "$at" || return 1
  for at in $(generations); do
    ((at > last - 2)) || [[ $tls_dir/gen-$at -ef $tls_dir/current ]] || rm -rf "$tls_dir/gen-$at"
  done
}

# Lets nginx serve the generation $1, unless it does not take it.
show() {
  local before
  # What nginx does not take as it is has another cause than the certificate.
  nginx_agrees || { value="nginx does not take its configuration: $value" && return 1; }
  before=$(readlink "$tls_dir/current") || :
  link "$1" "$tls_dir/current" && sync -f "$tls_dir" && link "$tls_dir/current" "$live_dir/live" &&
    write_hsts "$tls_dir/current" || return 1
  if ! nginx_agrees; then
    value="nginx does not take the certificate: $value"
    if [[ -n $before ]]; then
      link "$before" "$tls_dir/current"
    else
      rm -f "$tls_dir/current"
      link "$live_dir/own" "$live_dir/live"
    fi
    write_hsts "$live_dir/live"
    # Out of the way of every look to come.
    rm -rf "$tls_dir/refused" && mv -T "$tls_dir/$1" "$tls_dir/refused"
    return 1
  fi
  systemctl reload selfheal-nginx.service || { value="nginx could not be told" && return 1; }
  is_whole "$tls_dir/current" && log "certificate: published for${names% }, until $ends"
}
