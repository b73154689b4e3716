#!/bin/bash
# Puts what instances install by themselves into the tree, as a repository of its own: machines have no way to a mirror. The
# argument is the tree.
set -euo pipefail
root=$1
packages=$root/usr/share/lab-packages

mkdir -p "$packages/partial"
chroot "$root" apt-get update -qq
chroot "$root" apt-get install --yes -qq --no-install-recommends --download-only \
  --option Dir::Cache::archives=/usr/share/lab-packages nginx certbot
rm -rf "$packages/partial" "$packages/lock"
for package in "$packages"/*.deb; do
  dpkg-deb --field "$package"
  read -r sum _ < <(sha256sum "$package")
  printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${package##*/}" "$(stat -c %s "$package")" "$sum"
done >"$packages/Packages"
rm -rf "$root"/etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/usr/share/lab-packages ./' >"$root/etc/apt/sources.list"
