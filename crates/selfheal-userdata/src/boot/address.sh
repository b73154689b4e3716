# The Elastic IP. It moves here only after the volume has: the volume is the lock.

associate_address() {
  local passing='InvalidInstanceID.*|IncorrectInstanceState|IncorrectState|InvalidAllocationID\.NotFound'
  local known attempt
  # What the metadata service shows needs no call, so a reboot works while EC2's control plane does not.
  if { read -r known <"$state_dir/address"; } 2>/dev/null && [[ -n $known && $known == "$public_ip" ]]; then
    log "address $known is ours already"
    return
  fi
  for attempt in 1 2 3; do
    holds_lock || die "$exit_address" "the volume was lost before the address moved"
    if ! persistently "$address_s_max" "$passing" ec2 AssociateAddress "AllocationId=$allocation_id" \
      "InstanceId=$instance" AllowReassociation=true; then
      why AssociateAddress
      die "$exit_address" "$value"
    fi
    log "address associated, attempt $attempt"
    ! address_is_ours || return 0
    pause
  done
  die "$exit_address" "address $allocation_id did not stay with this instance"
}

# Reads back whom the address belongs to, and notes its value for the next boot.
address_is_ours() {
  if ! persistently "$call_s_max" '' ec2 DescribeAddresses "AllocationId.1=$allocation_id"; then
    why DescribeAddresses
    die "$exit_address" "$value"
  fi
  element instanceId "$reply"
  [[ $value == "$instance" ]] || return 1
  element publicIp "$reply"
  log "address $value is ours"
  persist "$state_dir/address" "$value" || :
}
