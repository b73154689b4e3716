#!/bin/sh
# Runs on each morning's new instance, once the data is mounted: what is to last goes onto the volume.
set -eu
dnf install -y -q git tmux
mkdir -p /srv/data/home
chown ec2-user /srv/data/home
