# AWS's opinion of the app, asked for once a minute. The group replaces what AWS finds impaired without asking here, but
# only here is it counted: an app that AWS never reaches has to run into the breaker too.
aws_agrees() {
  local asked='' verdict=''
  clock
  { read -r asked verdict <"$run_dir/opinion"; } 2>/dev/null || :
  # A little less than the timer's minute, so that none is left out.
  if [[ -z $asked ]] || ((now >= asked + 55)); then
    verdict=unknown
    if ! identity_once; then
      log "the metadata service gives no identity or no credentials of role $role"
    elif call ec2 DescribeApplicationStatus "InstanceId.1=$instance"; then
      # Among the details each check has a status of its own.
      element status "${reply%%<detailSet>*}${reply##*</detailSet>}" && verdict=$value
    else
      log "DescribeApplicationStatus: $error: $message"
    fi
    printf '%s %s\n' "$now" "$verdict" >"$run_dir/opinion" || :
  fi
  [[ $verdict != impaired ]]
}
