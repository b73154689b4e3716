# What EC2's application status checks find of the app, asked for once a minute. The group replaces an instance that is
# impaired without asking anybody here; but only the instance counts it, and the breaker must see an app that AWS never
# reaches.
aws_agrees() {
  local asked='' status=''
  clock
  { read -r asked status <"$run_dir/opinion"; } 2>/dev/null || :
  # A little less than the timer's minute, so that none is left out.
  if [[ -z $asked ]] || ((now >= asked + 55)); then
    status=unknown
    if ! identity_once; then
      log "the metadata service gives no identity or no credentials of role $role"
    elif call ec2 DescribeApplicationStatus "InstanceId.1=$instance"; then
      # Among the details each check has a status of its own.
      element status "${reply%%<detailSet>*}${reply##*</detailSet>}" && status=$value
    else
      log "DescribeApplicationStatus: $error: $message"
    fi
    printf '%s %s\n' "$now" "$status" >"$run_dir/opinion" || :
  fi
  [[ $status != impaired ]]
}
