#!/bin/bash
# Makes a plain Debian tree the root file system of the lab's machines, of either kind. The argument is the tree.
set -euo pipefail
root=$1

# The same as on Debian's images for EC2. Generating a locale costs seconds and shows nothing.
cat >"$root/etc/cloud/cloud.cfg.d/90_lab.cfg" <<'END'
datasource_list: [ Ec2 ]
locale: false
END
mkdir -p "$root/etc/systemd/system.conf.d" "$root/etc/systemd/journald.conf.d"
# The endpoints of the simulated AWS, by the standard variable, so that user data stays as it is.
cat >"$root/etc/systemd/system.conf.d/90_lab.conf" <<'END'
[Manager]
DefaultEnvironment=AWS_ENDPOINT_URL=http://10.77.0.1:8000
END
# The journal is read by tests after a crash, so it belongs on the root disk.
cat >"$root/etc/systemd/journald.conf.d/90_lab.conf" <<'END'
[Journal]
Storage=persistent
RateLimitIntervalSec=0
END
# What the build took from the host; DHCP writes a new one.
rm -f "$root/etc/resolv.conf"
: >"$root/etc/machine-id"
rm -rf "$root/var/lib/apt/lists" "$root/var/cache/apt"
