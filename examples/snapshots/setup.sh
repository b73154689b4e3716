#!/bin/sh
# Runs once an instance, once the data is mounted.
set -eu
dnf install -y -q nginx
mkdir -p /srv/wiki/www
printf 'server { listen 80; root /srv/wiki/www; }\n' > /etc/nginx/conf.d/wiki.conf
[ -e /srv/wiki/www/index.html ] || echo 'The wiki' > /srv/wiki/www/index.html
systemctl enable --now nginx
