# The Elastic IP. It moves here only after the volume has: the volume is the lock.

associate_address() {
  local passing='InvalidInstanceID.*|InvalidNetworkInterfaceI.*|IncorrectInstanceState|IncorrectState|InvalidAllocationID\.NotFound'
  local known deadline
  # What the metadata service shows needs no call, so a reboot works while EC2's control plane does not.
  if { read -r known <"$state_dir/address"; } 2>/dev/null && [[ -n $known && $known == "$public_ip" ]]; then
    log "address $known is ours already"
    return
  fi
  require_lock
  if ! unless=address_moved take_address persistently "$address_s_max" "$passing"; then
    why AssociateAddress
    die "$exit_address" "$value"
  fi
  log "address associated"
  # Once: each association may be charged, and what is read goes back in time for a while.
  clock
  deadline=$((now + stale_s_max))
  until address_is_ours; do
    clock
    ((now < deadline)) || die "$exit_address" "address $allocation_id did not stay with this instance"
    pace "$now"
  done
}

require_lock() {
  holds_lock || die "$exit_address" "the volume was lost before the address moved"
}

# Asks for the address, by the command that the arguments begin with; for the interface, since an instance that has several
# is refused by its own id.
take_address() {
  [[ -n $interface ]] || insist 'network interface' interface_once ||
    { error=Metadata message='no network interface is told' && return 1; }
  "$@" ec2 AssociateAddress "AllocationId=$allocation_id" "NetworkInterfaceId=$interface" AllowReassociation=true
}

# Tells whether an association whose answer was lost has moved the address.
address_moved() {
  require_lock
  error=$said
  outage && address_is_ours
}

# Reads whom the address belongs to, and notes its value for the next boot.
address_is_ours() {
  if ! persistently "$call_s_max" 'Invalid(Address|AllocationID)\.NotFound' ec2 DescribeAddresses \
    "AllocationId.1=$allocation_id"; then
    why DescribeAddresses
    die "$exit_address" "$value"
  fi
  element instanceId "$reply"
  [[ $value == "$instance" ]] || return 1
  element publicIp "$reply"
  log "address $value is ours"
  persist "$state_dir/address" "$value" || :
}
