# Installs Systems Manager's agent: in a unit of its own, once the instance serves, and in nobody's way.

# AWS's packages have some 35 MB and need 120 MB more.
agent_bytes_max=150000000 agent_bytes_free=500000000

# A refusal ends it, and systemd does not begin it again: the next boot does. Whatever else fails is tried again, more and
# more seldom.
agent() {
  local package=$state_dir/agent.deb wait_s=15 refused=''
  open_log agent
  # What a start that was cut short has left.
  rm -f "$package"
  [[ ! -e $state_dir/agent ]] || return 0
  # One that was cut short between the package and its start has begun.
  [[ -e $state_dir/agent.begun ]] || lacks_agent || return 0
  until install_agent; do
    rm -f "$package"
    [[ -z $refused ]] || exit 65
    log "Systems Manager's agent is not installed: $value; next try in $wait_s s"
    sleep_for "$wait_s"
    wait_s=$((wait_s < 1800 ? wait_s * 2 : 3600))
  done
  rm -f "$package"
  persist "$state_dir/agent" "$agent_version" || :
  log "Systems Manager's agent $agent_version is installed"
}

# One try: `value` tells what failed.
install_agent() {
  if lacks_agent; then
    fetch_agent && unpack_agent || return 1
  fi
  # The package does not do so by itself.
  value="systemd cannot start it" && systemctl enable --quiet --now amazon-ssm-agent.service
}

# Fetches the package, which is what the spec pins or nothing.
fetch_agent() {
  local arch wanted url free size sum
  arch=$(dpkg --print-architecture)
  wanted=agent_sha256_$arch
  wanted=${!wanted-}
  if [[ -z $wanted ]]; then
    refused=1
    log "Systems Manager's agent is not installed: access.agent names no package for $arch"
    return 1
  fi
  read -r free size < <(stat --file-system --format='%a %S' "$state_dir")
  value="less than $((agent_bytes_free / 1000000)) MB are free on the root disk"
  ((free * size >= agent_bytes_free)) || return 1
  url=${AWS_ENDPOINT_URL_S3:-https://s3.$region.$dns_suffix}
  url=${url%/}/amazon-ssm-$region/$agent_version/debian_$arch/amazon-ssm-agent.deb
  # Whoever answers may send without end.
  value=$(ulimit -f $((agent_bytes_max / 1024)) && exec curl --disable --fail --silent --show-error --connect-timeout 10 \
    --speed-limit 1000 --speed-time 60 --max-time 1800 --output "$package" "$url" 2>&1) ||
    { value="cannot fetch $url: $value" && return 1; }
  read -r sum _ < <(sha256sum "$package")
  if [[ $sum != "$wanted" ]]; then
    refused=1
    log "Systems Manager's agent is refused: $url has the SHA-256 $sum, and access.agent names $wanted"
    return 1
  fi
}

# Somebody else may be installing packages, and dpkg does not wait for its lock.
unpack_agent() {
  local try
  : >"$state_dir/agent.begun" || :
  for ((try = 0; try < 120; try++)); do
    value=$(DEBIAN_FRONTEND=noninteractive dpkg --install --force-confold "$package" 2>&1 </dev/null) && return 0
    [[ $value == *' lock '* ]] || break
    sleep_for 5
  done
  value="dpkg: ${value##*"$newline"}"
  return 1
}
