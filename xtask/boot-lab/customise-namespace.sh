#!/bin/bash
# Makes the tree one for machines in namespaces. The argument is the tree.
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
