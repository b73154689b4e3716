# Tells that this instance has taken another one's place. It comes last in a boot, and once in an instance's life.
tell_healed() {
  [[ ! -e $state_dir/$instance.told ]] || return 0
  : >"$state_dir/$instance.told" || :
  briefly healed
}

# What the group says of the launch: one that follows from a change of its desired capacity, which is a first start or a
# wake, is no healing.
healed() {
  local activity seconds=''
  call autoscaling DescribeScalingActivities "AutoScalingGroupName=$group" MaxRecords=20 || {
    log "DescribeScalingActivities: $error: $message"
    # The watch asks once more, and not again.
    [[ -e $run_dir/unasked ]] || printf '1\n' >"$run_dir/unasked" || :
    return 0
  }
  reply=${reply//$newline/ }
  while [[ $reply == *'<member>'* ]]; do
    activity=${reply#*<member>} reply=${activity#*</member>} activity=${activity%%</member>*}
    [[ $activity == *"<Description>Launching"*"$instance"* ]] || continue
    element Cause "$activity" || :
    [[ $value != *'changing the desired capacity from 0'* ]] || return 0
    element StartTime "$activity" || :
    seconds=$(date --date="$value" +%s 2>/dev/null) || seconds=''
    [[ -z $seconds ]] || seconds=" $(($(printf '%(%s)T' -1) - seconds)) s after the group launched it"
    tell_now "healed: $instance is in service$seconds" "$instance has taken the place of another instance$seconds: it has the address${volume_id:+ and the data volume}."
    return 0
  done
}
