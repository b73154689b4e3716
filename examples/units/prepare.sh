#!/bin/sh
# Runs once an instance, beside the wait for the data volume: packages and users, and nothing that is on the data.
set -eu
dnf install -y python3 sqlite
id notes >/dev/null 2>&1 || useradd --system --home-dir /srv/notes notes
