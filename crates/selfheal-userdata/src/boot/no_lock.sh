# Without a volume there is no lock: the newest instance takes the address.

holds_lock() { :; }

check_lock() { :; }

unmount_volume() { :; }

detach_volume() { :; }
