# A machine that hangs reboots by itself: the kernel's part is told when installing, systemd's watchdog is here.

# Lets systemd have a watchdog: the kernel's own where the machine has none. Before its version 250 it looks for one only when
# it is told to.
arm_watchdog() {
  [[ -e $root/dev/watchdog ]] || { modprobe softdog && systemctl daemon-reload; } || log 'no watchdog'
} 2>/dev/null
