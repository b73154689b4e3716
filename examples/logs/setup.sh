#!/bin/sh
# Runs once an instance. What it prints is in /var/log/selfheal/setup.log, which is shipped line by line.
set -eu
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nginx-light
systemctl enable --now nginx
