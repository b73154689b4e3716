# HTTPS: nginx, with the certificate that is on the volume, or else with one of its own making until there is one.
#
# Nothing here asks a certificate authority: a boot ends without one. `tls.sh` asks, later.

tls_dir=$root${mount_path-}/.selfheal/tls live_dir=$run_dir/tls acme_dir=$root/run/selfheal-acme
nginx_conf=$root/etc/selfheal/nginx.conf
# One with a wildcard is no pattern.
read -ra domains <<<"$https_domains"

start_https() {
  local names=' '
  prepare_certificate || die "$exit_nginx" "no certificate can be prepared for nginx"
  install_nginx
  start_nginx || die "$exit_nginx" "$value"
  log "nginx serves${names% } by HTTPS"
}

# Points nginx at the certificate that is on the volume, even an expired one, since only its holder can have another. A
# generation whose publication was cut short is whole or not there.
prepare_certificate() {
  local at found=''
  mkdir -p "$tls_dir" "$live_dir" && (umask 022 && mkdir -p "$acme_dir/.well-known/acme-challenge") || return 1
  if is_whole "$tls_dir/current" && is_ours; then
    found=$tls_dir/current
  else
    for at in $(generations); do
      ! is_whole "$tls_dir/gen-$at" || ! is_ours || found=$tls_dir/gen-$at
    done
  fi
  if [[ -n $found ]]; then
    link "$found" "$live_dir/live" && write_hsts "$found" && is_whole "$found" || return 1
    log "certificate:${names% }, until $ends"
    return
  fi
  # Of use to whoever insists on HTTPS, and to nobody else: its key ends with the machine.
  rm -rf "$live_dir/own.new" "$live_dir/own" && mkdir "$live_dir/own.new" &&
    make_key "$live_dir/own.new" -x509 -days 7 -out "$live_dir/own.new/fullchain.pem" &&
    mv "$live_dir/own.new" "$live_dir/own" && link "$live_dir/own" "$live_dir/live" &&
    write_hsts "$live_dir/own" || return 1
  names=" $https_domains "
  log "certificate: none on the volume for $https_domains, so one that nobody trusts until there is one"
}

# Starts nginx with what the user tells it beside our own, where it serves so; else with what it served with last, which is on
# the volume, or with nothing of it: what is wrong there must not take the site down with the next replacement.
start_nginx() {
  local extra=$run_dir/nginx-extra.conf own=$root/etc/selfheal/nginx-extra.conf kept=${tls_dir%/*}/nginx-extra.conf from said
  [[ $https_extra == 1 ]] || { nginx_serves; return; }
  for from in "$own" "$kept"; do
    cat "$from" >"$extra" 2>/dev/null || continue
    if nginx_serves; then
      if [[ $from == "$kept" ]]; then
        log "nginx serves with the nginx-extra.conf that it took last"
      elif ! cmp -s "$own" "$kept"; then
        cp "$own" "$kept.new" && sync -f "$kept.new" && mv -f "$kept.new" "$kept" && sync -f "$kept" ||
          log "nginx-extra.conf cannot be kept on the volume"
      fi
      return 0
    fi
    [[ $from == "$kept" ]] || said=$value
    log "nginx-extra.conf: $value"
  done
  : >"$extra" && nginx_serves && log "nginx serves without nginx-extra.conf: ${said-}"
}

# Tells whether nginx serves with its configuration as it is; `value` tells what keeps it.
nginx_serves() {
  nginx_agrees || { value="nginx does not take its configuration: $value" && return 1; }
  systemctl reload-or-restart selfheal-nginx.service && return 0
  value="nginx does not start: its own messages tell why, such as a port that something else has"
  return 1
}

# Lets browsers insist on HTTPS where the certificate in the folder $1 is the authority's: one of our own making locks them out.
write_hsts() {
  local ca='' header=''
  { read -r ca <"$1/ca"; } 2>/dev/null || :
  [[ $https_hsts != 1 || $ca != "$https_ca" ]] ||
    header='add_header Strict-Transport-Security "max-age=31536000" always;'
  printf '%s\n' "$header" >"$run_dir/nginx-hsts.conf"
}

# Tells whether nginx takes its configuration and the certificate that this leads to; `value` tells what it does not take.
nginx_agrees() {
  local pattern="\\[emerg\\][^$newline]*"
  value=$(nginx -t -q -c "$nginx_conf" 2>&1) && return 0
  [[ ! $value =~ $pattern ]] || value=${BASH_REMATCH[0]#"[emerg] "}
  return 1
}

# Makes the link $2 lead to $1, in one step.
link() {
  ln -sfn "$1" "$2.new" && mv -fT "$2.new" "$2"
}

# Makes a key in the folder $1, and what else the arguments ask of it.
make_key() {
  local dir=$1 alternatives
  shift
  alternatives=DNS:${https_domains// /,DNS:}
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/key.pem" -subj / \
    -addext "subjectAltName=$alternatives" "$@" 2>&"$log_fd"
}

# Lists the numbers of the generations on the volume, the newest last.
generations() {
  local dir numbers=()
  for dir in "$tls_dir"/gen-*; do
    [[ ! ${dir##*/gen-} =~ ^[1-9][0-9]{0,8}$ ]] || numbers[${dir##*/gen-}]=1
  done
  echo "${!numbers[@]}"
}

# Tells whether the folder $1 holds a certificate and its key. `names` are those that it is for, each between spaces; `began`
# and `ends` are when it begins and ends to be valid.
is_whole() {
  local key text name words
  names=' ' began='' ends=''
  [[ -s $1/key.pem && -s $1/fullchain.pem ]] && key=$(openssl pkey -in "$1/key.pem" -pubout 2>/dev/null) &&
    text=$(openssl x509 -in "$1/fullchain.pem" -noout -dates -ext subjectAltName -pubkey 2>/dev/null) &&
    [[ -n $key && $text == *"$key"* ]] || return 1
  read -rd '' -a words <<<"$text" || :
  for name in "${words[@]}"; do
    name=${name%,}
    [[ $name != DNS:* ]] || names+="${name#DNS:} "
  done
  [[ $text =~ notBefore=([^$newline]*) ]] && began=${BASH_REMATCH[1]} &&
    [[ $text =~ notAfter=([^$newline]*) ]] && ends=${BASH_REMATCH[1]}
}

# Tells whether the certificate that was looked at last is for any name that is wanted here.
is_ours() {
  local name
  for name in "${domains[@]}"; do
    [[ $names != *" $name "* ]] || return 0
  done
  return 1
}

# The package starts nginx at once, on port 80 and with a page of its own: its unit is masked before.
install_nginx() {
  local deadline
  mask nginx.service
  systemctl stop nginx.service 2>/dev/null || :
  clock
  deadline=$((now + nginx_s_max))
  until type -P nginx >/dev/null; do
    ! install_packages nginx || continue
    clock
    ((now < deadline)) || die "$exit_nginx" "nginx cannot be installed, see $log_dir/packages.log"
    heartbeat
    sleep_for 5
  done
}

mask() {
  systemctl mask --quiet "$@" 2>&"$log_fd" || log "cannot mask $*"
}

# Installs packages with what the image has for it.
install_packages() {
  await_packages "$1"
  log "installing $*"
  attended "$packages_s_max" package_process "$@"
}

package_process() {
  umask 022
  exec </dev/null >>"$log_dir/packages.log" 2>&1
  shed
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  local apt=(apt-get --assume-yes --option DPkg::Lock::Timeout=120 --option Acquire::Retries=3)
  if type -P apt-get >/dev/null; then
    # What was cut short keeps dpkg from all else.
    dpkg --configure -a
    "${apt[@]}" install --no-install-recommends "$@" ||
      { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "$@"; }
  else
    dnf --assumeyes install "$@"
  fi
}
