#!/bin/bash
# Makes the tree one for virtual machines: all is as Debian has it, udev and the kernel's modules included.
set -euo pipefail
root=$1
unit_dir=$root/etc/systemd/system

# Timers would add noise, and a package database that is brought up to date needs a network.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer; do
  ln -sfn /dev/null "$unit_dir/$unit"
done
echo '/dev/nvme0n1 / ext4 defaults,errors=remount-ro 0 1' >"$root/etc/fstab"
# The cloud kernel has ext4 and NVMe built in, so that it finds its root without.
rm -f "$root"/boot/initrd.img-* "$root"/initrd.img*

# Says on the console what the lab cannot see from outside. It starts no processes, so that it costs next to nothing.
cat >"$root/usr/local/sbin/lab-observer" <<'END'
#!/bin/bash
shopt -s nullglob
before=''
exec {nap_fd}<> <(:)
while :; do
  serials='' links='' models='' mounted='' alive=''
  for controller in /sys/class/nvme/nvme*; do
    { read -r serial <"$controller/serial" && read -r model <"$controller/model"; } 2>/dev/null || continue
    serials+=" ${controller##*/}=$serial" models+=" ${controller##*/}='$model'"
  done
  for link in /dev/disk/by-id/nvme-*; do links+=" ${link##*/}"; done
  while read -r device point _; do [[ $point != /srv/data ]] || mounted+=" $device"; done </proc/self/mounts
  # A file system lives on below a mount that was detached lazily.
  for kept in /sys/fs/ext4/nvme[1-9]* /sys/fs/xfs/nvme[1-9]*; do alive+=" ${kept##*/}"; done
  now="lab: serials:$serials; models:$models; links:$links; mounted:$mounted; alive:$alive."
  [[ $now == "$before" ]] || printf '\n%s\n' "$now" >/dev/console
  before=$now
  read -rt 0.2 -u "$nap_fd" _
done
END
chmod 755 "$root/usr/local/sbin/lab-observer"
cat >"$unit_dir/lab-observer.service" <<'END'
[Unit]
Description=The lab's eyes

[Service]
ExecStart=/usr/local/sbin/lab-observer

[Install]
WantedBy=multi-user.target
END
mkdir -p "$unit_dir/multi-user.target.wants"
ln -sfn ../lab-observer.service "$unit_dir/multi-user.target.wants/lab-observer.service"
