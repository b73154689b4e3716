#!/bin/sh
# Runs once an instance. The configuration is there by now, and is no business of this script's.
set -eu
id shop >/dev/null 2>&1 || useradd --system --home-dir /srv shop
