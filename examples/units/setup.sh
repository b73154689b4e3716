#!/bin/sh
# Runs once an instance, once the data is there. It starts nothing: that is what `units` is for.
set -eu
mkdir -p /srv/notes/public
chown notes: /srv/notes/public
