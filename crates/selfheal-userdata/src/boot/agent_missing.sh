# Systems Manager's agent, which Debian's images come without, and the others with.

# Tells whether it is this program's to see to. A package that was cut short is there for dpkg and does not run.
lacks_agent() {
  local id
  # shellcheck source=/dev/null
  id=$(. "$root/etc/os-release" 2>/dev/null && printf %s "$ID")
  [[ $id == debian ]] || return 1
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' amazon-ssm-agent 2>/dev/null) != installed ]] || return 1
  dpkg-query --show amazon-ssm-agent >/dev/null 2>&1 || ! type -P amazon-ssm-agent >/dev/null
}

tell_of_agent() {
  ! lacks_agent ||
    log "Systems Manager's agent is not in this image, and access.agent names none to install: selfheal shell, forward and run cannot reach this instance"
}
