# Common ground: paths, the clock, the log, durable writes.

set -u
umask 077
LC_ALL=C
# Units run with a short PATH, and the tools for file systems live in the sbin folders; snaps in one of their own.
PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin:/snap/bin
# A curl that dies early must come back as an exit status, not take the boot program with it.
trap '' PIPE

root=${SELFHEAL_ROOT:-}
# shellcheck source=config
. "$root/etc/selfheal/config"
state_dir=$root/var/lib/selfheal
run_dir=$root/run/selfheal
log_dir=$root/var/log/selfheal
newline=$'\n'
access_key='' instance='' interface='' leaving=''
# How long an outage of AWS is waited out beyond a call's own limit, or until when.
patience_s=0 patience_until='' away='' blameless=''
# Seconds between heartbeats, and when the next one is due; 0 where none was thought of yet.
heartbeat_s=60 next_heartbeat=0

# Opens the log. A root file system that is full or read-only must not stop a boot that can do without it.
open_log() {
  [[ -d $run_dir && -d $log_dir && -d $state_dir ]] || mkdir -p "$run_dir" "$log_dir" "$state_dir" || :
  { exec {log_fd}>>"$log_dir/$1.log"; } 2>/dev/null || exec {log_fd}>/dev/null
}

# Writes one line to standard output, which is the journal and the console, and to the log file.
log() {
  local stamp
  printf -v stamp '%(%Y-%m-%dT%H:%M:%S%z)T' -1
  printf 'selfheal: %s\n' "$*" || :
  printf '%s %s\n' "$stamp" "$*" >&"$log_fd" || :
} 2>/dev/null

# Puts the seconds since the machine started into `now`: monotonic, where $SECONDS jumps when the clock is set.
clock() {
  IFS=. read -r now _ </proc/uptime
}

# Sleeps without starting a program: reads from a pipe that nobody writes to. It does so in a process of its own, because
# bash from 5.2 on ends such a read with a random signal mask where the time is over before it begins to wait, as it is on a
# busy machine: it would not hear of the end of a child any more, nor of SIGTERM.
sleep_for() {
  [[ -n ${sleep_fd-} ]] || exec {sleep_fd}<> <(:)
  (read -rt "$1" <&"$sleep_fd") || :
}

# Waits a constant 1 to 2 seconds with jitter: a back-off that doubles costs a recovery more than the calls it saves.
pause() {
  sleep_for "1.$((RANDOM % 10))"
}

# Writes the text $2 to the file $1 so that after a power cut either the old text or the new is there, whole.
persist() {
  printf '%s\n' "$2" >"$1.new" && sync -f "$1.new" && mv -f "$1.new" "$1" && sync -f "$1"
} 2>&"$log_fd"

# Sheds what is ours, before a command of the user takes this process's place: what systemd tells the unit, above all the
# socket by which a database that stops would end it, the open files, and the deafness to broken pipes.
shed() {
  unset NOTIFY_SOCKET WATCHDOG_PID WATCHDOG_USEC LISTEN_PID LISTEN_FDS LISTEN_FDNAMES INVOCATION_ID JOURNAL_STREAM \
    SYSTEMD_EXEC_PID RUNTIME_DIRECTORY
  exec {log_fd}>&-
  [[ -z ${sleep_fd-} ]] || exec {sleep_fd}>&-
  trap - PIPE
}

# Curl, first of all without the configuration that somebody may have left in root's home.
curl=(curl --disable --config - --silent --show-error)

# Runs a command with the text $1 as its configuration on standard input, so that no secret is ever an argument. The answer
# goes to `reply`. One process: a coprocess, where a pipeline would take three.
fetch() {
  local config=$1 to from pid near_to near_from
  shift
  coproc FETCH { exec "$@"; }
  pid=$FETCH_PID near_to=${FETCH[1]} near_from=${FETCH[0]}
  # Bash closes its own two ends when it notices that curl has ended, so the answer is read through copies.
  exec {to}>&"$near_to" {from}<&"$near_from" {near_to}>&- {near_from}<&-
  printf '%s' "$config" >&"$to"
  exec {to}>&-
  # By the block: reading up to a delimiter would take a system call for each byte.
  read -r -N 1000000 reply <&"$from"
  exec {from}<&-
  wait "$pid"
}
