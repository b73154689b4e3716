# The end of a boot, good or bad: the lifecycle hook, the breaker, the group's view of this instance.

# Tells whether the launch hook still waits for this instance.
hook_waits() {
  [[ -n $instance && -n $access_key && ! -e $state_dir/$instance.completed ]]
}

# Keeps the hook that this instance is in from timing out during a wait.
heartbeat() {
  local hook=$launch_hook
  clock
  ((next_heartbeat > 0)) || next_heartbeat=$((now + heartbeat_s))
  ((now >= next_heartbeat)) || return 0
  next_heartbeat=$((now + heartbeat_s))
  if [[ -n $leaving ]]; then
    [[ -n $terminate_hook && -n $access_key ]] || return 0
    hook=$terminate_hook
  else
    hook_waits || return 0
  fi
  call autoscaling RecordLifecycleActionHeartbeat "AutoScalingGroupName=$group" "LifecycleHookName=$hook" \
    "InstanceId=$instance" || log "RecordLifecycleActionHeartbeat: $error: $message"
}

# Completes the hook $1 with the result $2; the status is 2 where it is over. That no action waits is said of a hook that
# is over, and of one that the group has not come to yet, where the instance was quicker: until the group has, the metadata
# name no target state.
complete_hook() {
  local attempt=1 look hook_deadline
  clock
  hook_deadline=$((now + hook_s_max))
  until persistently "$call_s_max" '' autoscaling CompleteLifecycleAction "AutoScalingGroupName=$group" \
    "LifecycleHookName=$1" "LifecycleActionResult=$2" "InstanceId=$instance"; do
    [[ $error == ValidationError && $message == *'No active Lifecycle Action'* ]] || return 1
    identity_once || :
    if [[ -n ${target_state-} ]]; then
      ((attempt++ < 3)) || return 2
      pause
      continue
    fi
    clock
    ((now < hook_deadline)) || return 2
    log "the group has not come to the hook $1 yet"
    for ((look = 0; look < 15; look++)); do
      sleep_for 1
      ! identity_once || [[ -z $target_state ]] || break
    done
  done
}

# Puts the value of the group's tag $1 into `value`, empty where there is none.
read_group_tag() {
  persistently "$call_s_max" '' autoscaling DescribeTags Filters.member.1.Name=auto-scaling-group \
    "Filters.member.1.Values.member.1=$group" Filters.member.2.Name=key "Filters.member.2.Values.member.1=$1" ||
    return 1
  element Value "$reply" || :
}

# How many characters of a value are kept: a tag takes 256, of which there are few kinds.
tag_max=250

# Sets tags of the group: key, value, key, value.
write_group_tags() {
  local pairs=() tag=0 text
  while (($# >= 2)); do
    tag=$((tag + 1))
    text=${2//$newline/ / }
    text=${text//[^a-zA-Z0-9 +=._:\/@-]/ }
    pairs+=("Tags.member.$tag.ResourceType=auto-scaling-group" "Tags.member.$tag.ResourceId=$group"
      "Tags.member.$tag.Key=$1" "Tags.member.$tag.Value=${text:0:tag_max}" "Tags.member.$tag.PropagateAtLaunch=false")
    shift 2
  done
  persistently "$call_s_max" '' autoscaling CreateOrUpdateTags "${pairs[@]}"
}

# Counts the failure $1 where it survives the instance, with the end of the log $2, and parks the stack at the limit. What
# an outage of AWS has cost is noted and not counted: the next instance may find it over.
# Launch is never suspended alone: ReplaceUnhealthy would go on terminating what nothing replaces.
count_failure() {
  local failed stamp lines='' parked=()
  if ! read_group_tag selfheal:failed-boots; then
    log "cannot read the count of failed boots: $error: $message"
    return
  fi
  [[ $value =~ ^[0-9]{1,6}$ ]] || value=0
  failed=$((10#$value + (${#blameless} == 0)))
  printf -v stamp '%(%Y-%m-%dT%H:%M:%S%z)T' -1
  failed_row="$failed of $breaker_limit"
  log "failed replacements in a row: $failed_row"
  if [[ -z $blameless ]] && ((failed >= breaker_limit)); then
    if persistently "$call_s_max" ResourceInUse autoscaling SuspendProcesses "AutoScalingGroupName=$group" \
      ScalingProcesses.member.1=Launch ScalingProcesses.member.2=ReplaceUnhealthy; then
      log "parked"
      parked_now=1
      parked=(selfheal:parked "$stamp $failed failed replacements")
    else
      log "SuspendProcesses: $error: $message"
    fi
  fi
  lines=$(tail -n 20 "$2" 2>/dev/null)
  # A tag has room for the last few lines. An empty list counts as unset before bash 4.4.
  ((${#lines} <= tag_max)) || lines=${lines: -tag_max}
  write_group_tags selfheal:failed-boots "$failed" selfheal:last-error "$stamp $instance $1" \
    selfheal:last-log "$lines" ${parked[@]+"${parked[@]}"} || log "CreateOrUpdateTags: $error: $message"
}

# Tells the group to replace this instance: $1 is whether its grace period counts, $2 for how many seconds to try.
report_unhealthy() {
  persistently "$2" '' autoscaling SetInstanceHealth "InstanceId=$instance" HealthStatus=Unhealthy \
    "ShouldRespectGracePeriod=$1" && return 0
  log "SetInstanceHealth: $error: $message"
  return 1
}

# Tells the group that this instance does not serve, for hours if AWS does not answer. Where nobody can be told, it stops:
# that the group sees by itself. An instance that its group does not know is nobody's to replace.
report_or_stop() {
  clock
  patience_until=${patience_until:-$((now + outage_s_max))}
  ! report_unhealthy false "$call_s_max" || return 0
  [[ $error != ValidationError ]] || return 0
  log "nobody can be told: powering off"
  systemctl poweroff
}

# Tells whether the group has given this instance up: then it must not take anything, and its failures count nothing.
given_up() {
  [[ ${target_state-} == *Terminated ]]
}

# Tells whether the group wants this instance in service, as far as it says anything.
wanted() {
  [[ ${target_state:-InService} == InService ]]
}

# Ends a boot that failed: the reason for a person to see, the breaker, and the way out of the group. The watch is there
# already, and gives the volume back as soon as the group ends this instance: the next one waits for it.
die() {
  local code=$1 reason=$2 story=$log_dir/boot.log
  trap - EXIT
  log "failed: $reason (exit $code)"
  [[ $code != "$exit_setup" ]] || story=$log_dir/setup.log
  [[ $code != "$exit_prepare" ]] || story=$log_dir/prepare.log
  if [[ $story != "$log_dir/boot.log" ]]; then
    log "the end of $story:"
    tail -n 20 "$story" 2>/dev/null
  fi
  if [[ -z $instance || -z $access_key ]]; then
    log "nothing could be reported: no identity or no credentials"
    exit "$code"
  fi
  identity_once || :
  if given_up; then
    log "not reported: the group has given this instance up"
  else
    clock
    patience_until=$((now + outage_s_max)) blameless=$away
    count_failure "$reason" "$story"
    [[ -z ${topic-} ]] || tell_failure "$reason (exit $code)" "${parked_now-}"
    [[ -z ${log_group-} ]] || flush_logs
    if hook_waits && complete_hook "$launch_hook" ABANDON; then
      log "launch abandoned"
    else
      report_or_stop
    fi
  fi
  exit "$code"
}

# An end that no step decided is a failure like any other, but for the machine's own shutdown.
unexpected_exit() {
  local status=$?
  [[ -z ${stopping-} ]] || exit "$status"
  die "$exit_internal" "the boot program ended unexpectedly with status $status"
}
