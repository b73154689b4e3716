#!/bin/bash
# Takes a machine back to where the boot program is installed and has never run.
set -u
systemctl stop selfheal-app.target selfheal-boot.service lab-bare.service lab-cli.service 2>/dev/null
# It may be started again as often as it takes.
systemctl reset-failed
while mountpoint -q /srv/data; do umount /srv/data || sleep 0.1; done
rm -rf /run/selfheal /var/lib/selfheal/i-* /var/lib/selfheal/address /var/lib/selfheal/config /var/lab-mkfs /var/lab-commands
: >/var/log/selfheal/boot.log
: >/var/lab-mkfs
