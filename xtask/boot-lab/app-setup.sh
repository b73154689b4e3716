#!/bin/bash
# The lab's app: a web server over the data volume. It writes once what must survive, and notes every start.
set -euo pipefail
cat >/usr/local/bin/lab-app <<'END'
#!/bin/bash
set -euo pipefail
cd /srv/data
if [[ ! -e birth ]]; then
  head -c 1048576 /dev/urandom >bytes.new
  sync -f bytes.new
  mv bytes.new bytes
  sha256sum bytes >birth.new
  sync -f birth.new
  mv birth.new birth
  sync -f birth
fi
sha256sum --quiet --check birth
printf '%s\n' "$(cat /etc/hostname)" >>starts
sync -f starts
exec python3 -m http.server 8080
END
chmod 755 /usr/local/bin/lab-app
cat >/etc/systemd/system/lab-app.service <<'END'
[Unit]
Description=The app of the lab
PartOf=selfheal-app.target
RequiresMountsFor=/srv/data

[Service]
ExecStart=/usr/local/bin/lab-app

[Install]
WantedBy=selfheal-app.target
END
systemctl daemon-reload
systemctl enable lab-app.service
