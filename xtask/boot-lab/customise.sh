#!/bin/bash
# Makes a plain Debian tree the root file system of the lab's machines. The argument is the tree.
set -euo pipefail
root=$1
unit_dir=$root/etc/systemd/system

# There is no device manager in a namespace, no terminal to log in at and no module to load; timers would add noise.
for unit in \
  systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service \
  systemd-udev-settle.service getty@tty1.service getty.target systemd-logind.service systemd-modules-load.service \
  lvm2-monitor.service lvm2-lvmpolld.socket dm-event.socket blk-availability.service e2scrub_reap.service \
  e2scrub_all.timer apt-daily.timer apt-daily-upgrade.timer fstrim.timer dpkg-db-backup.timer \
  systemd-pstore.service systemd-sysctl.service systemd-random-seed.service systemd-timesyncd.service \
  systemd-binfmt.service systemd-update-utmp.service systemd-update-utmp-runlevel.service \
  dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
  sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount; do
  ln -sfn /dev/null "$unit_dir/$unit"
done

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
# In namespaces systemd sees a container; EC2's detection must not.
cat >"$root/usr/bin/systemd-detect-virt" <<'END'
#!/bin/sh
case " $* " in
  *\ -c\ * | *\ --container\ * | *\ -r\ * | *\ --chroot\ *) exit 1 ;;
  *\ -q\ * | *\ --quiet\ *) exit 0 ;;
esac
echo amazon
END
chmod 755 "$root/usr/bin/systemd-detect-virt"
# What the build took from the host; DHCP writes a new one.
rm -f "$root/etc/resolv.conf"
: >"$root/etc/machine-id"
rm -rf "$root/var/lib/apt/lists" "$root/var/cache/apt"
