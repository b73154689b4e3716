#!/bin/bash
# Becomes the machine: arranges the mounts of a lab machine in fresh namespaces and hands over to systemd.
#
# Arguments: the root (a mounted overlay), a folder for /dev, a folder with the machine's own part of /sys, a file that
# stands in for the kernel's command line, the terminal of the console.
set -euo pipefail
root=$1 dev=$2 sys=$3 cmdline=$4 console=$5

mount --make-rprivate /

mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount --bind "$cmdline" "$root/proc/cmdline"
# What is not in a namespace belongs to the host: the machine must not set it.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
[[ ! -e $root/proc/sysrq-trigger ]] || mount --bind /dev/null "$root/proc/sysrq-trigger"

# A /sys of our own with the real entries bound back, since DMI and NVMe have to look like EC2's.
mount -t tmpfs -o mode=755,nosuid,nodev,noexec tmpfs "$root/sys"
mkdir "$root/sys/real"
mount -t sysfs -o nosuid,nodev,noexec,ro sysfs "$root/sys/real"
for entry in "$root"/sys/real/*; do
  entry=${entry##*/}
  case $entry in
    class | firmware | hypervisor) continue ;;
  esac
  mkdir "$root/sys/$entry"
  mount --bind "$root/sys/real/$entry" "$root/sys/$entry"
done
mkdir "$root/sys/firmware" "$root/sys/class"
for entry in "$root"/sys/real/class/*; do
  entry=${entry##*/}
  case $entry in
    dmi | nvme) continue ;;
  esac
  mkdir "$root/sys/class/$entry"
  mount --bind "$root/sys/real/class/$entry" "$root/sys/class/$entry"
done
for entry in dmi nvme; do
  mkdir "$root/sys/class/$entry"
  mount --bind "$sys/class/$entry" "$root/sys/class/$entry"
done
umount -l "$root/sys/real"
rmdir "$root/sys/real"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"

mount --rbind "$dev" "$root/dev"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5,nosuid,noexec devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
mount --bind "$console" "$root/dev/console"
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"

cd "$root"
mkdir -p .lab-old-root
pivot_root . .lab-old-root
cd /
umount -l /.lab-old-root
rmdir /.lab-old-root
# No `container=`: with it cloud-init leaves DMI alone, and systemd skips half of a boot.
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb /lib/systemd/systemd <"/dev/console" >"/dev/console" 2>&1
