
# Whoever connects to one of these ports harms the machine.
harm() {
  printf '[Socket]\nListenStream=%s\nAccept=yes\n\n[Install]\nWantedBy=sockets.target\n' "$2" >"/etc/systemd/system/lab-$1.socket"
  printf '[Service]\nExecStart=-/bin/sh -c "%s"\n' "$3" >"/etc/systemd/system/lab-$1@.service"
  systemctl daemon-reload
  systemctl enable --now "lab-$1.socket"
}
harm app 9001 'systemctl kill --signal=STOP lab-app.service'
harm panic 9002 'echo c >/proc/sysrq-trigger'
harm hang 9003 'echo 1 >/sys/fs/cgroup/init.scope/cgroup.freeze'
