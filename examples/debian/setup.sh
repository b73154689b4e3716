#!/bin/bash
set -euo pipefail
apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install --yes nginx
ln -sfn "$SELFHEAL_MOUNT" /var/www/html/notes
