# The user's setup script: once an instance, with a log and an exit status of its own.

run_setup() {
  local marker=$state_dir/$instance.setup status=0
  [[ ! -e $marker ]] || return 0
  await_packages setup
  log "setup starts, see $log_dir/setup.log"
  attended "$setup_s_max" user_script setup || status=$?
  [[ $status != 124 ]] || die "$exit_setup" "setup did not end within $setup_s_max s"
  [[ $status == 0 ]] || die "$exit_setup" "setup failed with status $status"
  persist "$marker" 0 || log "cannot note that setup is done: it will run again at the next boot"
  log "setup is done"
}
