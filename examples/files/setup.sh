#!/bin/sh
# Runs once an instance, after the files are in their places, whose configuration the package is told to keep.
set -eu
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Dpkg::Options::=--force-confold nginx-light
rm -f /etc/nginx/sites-enabled/default
systemctl enable nginx
systemctl restart nginx
