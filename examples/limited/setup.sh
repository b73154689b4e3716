#!/bin/sh
# Runs once an instance.
set -eu
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nginx-light openssh-server
printf 'Port 2222\n' >/etc/ssh/sshd_config.d/port.conf
systemctl enable --now nginx
systemctl restart ssh
