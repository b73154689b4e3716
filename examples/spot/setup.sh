#!/bin/sh
# Runs once an instance, after the data is mounted.
set -eu
dnf install -y -q nginx
sed -i 's|/usr/share/nginx/html|/srv/cache|' /etc/nginx/nginx.conf
systemctl enable --now nginx
