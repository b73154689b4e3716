# A script of the user's.

# Becomes the script $1, with what a script may expect to find.
user_script() {
  umask 022
  shed
  cd / || exit
  # What restarts services after an upgrade would restart this one, in the middle of it.
  export NEEDRESTART_SUSPEND=1
  export SELFHEAL_STACK=$stack SELFHEAL_REGION=$region SELFHEAL_INSTANCE_ID=$instance SELFHEAL_MOUNT=${mount_path-}
  exec "$root/etc/selfheal/$1" </dev/null >>"$log_dir/$1.log" 2>&1
}
