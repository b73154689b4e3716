# Without a volume there is no lock: the newest instance takes the address.

holds_lock() { :; }

# Where another instance has the address it is the newer one; what nobody has is there to be taken.
claims_address() {
  ! element associationId "$reply"
}

check_lock() { :; }

mind_size() { :; }

in_use() { return 1; }

unmount_volume() { :; }

detach_volume() { :; }
