# The bundle: what of this program did not fit into user data.

# Gets the bundle, where this disk does not hold it, and takes the parts in that it brings.
fetch_bundle() {
  local deadline
  ! parts_are_there || return 0
  clock
  deadline=$((now + stale_s_max))
  # What was written a moment ago may not be seen everywhere yet.
  until collect_bundle && verify_bundle; do
    clock
    ((now < deadline)) || die "$exit_bundle" "the bundle /selfheal/$stack/bundle/$bundle $value"
    heartbeat
    pause
  done
  bash "$run_dir/bundle" || die "$exit_bundle" "the bundle cannot be unpacked"
  persist "$state_dir/bundle" "$bundle" || {
    log "cannot note that the bundle is unpacked: it is fetched again at the next boot"
    : >"$run_dir/parts.$bundle"
  }
  log "bundle unpacked"
  take_parts
}

# Tells whether the bundle that the user data names is unpacked here. They name it by its content, so that a copy on this disk
# is as good as another; one that came with an image may be older than they are.
parts_are_there() {
  local has=''
  { read -r has <"$state_dir/bundle"; } 2>/dev/null || :
  [[ $has == "$bundle" || -e $run_dir/parts.$bundle ]] && [[ -e $root/usr/local/lib/selfheal/parts ]]
}

take_parts() {
  # shellcheck source=/dev/null
  . "$root/usr/local/lib/selfheal/parts"
}

# The watch of a boot that has no parts yet, which has taken nothing: it lets the group go on. With them comes the one that
# takes its place.
watch() {
  open_log watch
  read_signer
  trap 'exit 0' TERM
  until parts_are_there; do
    if identity_once && given_up; then
      log "leaving: the group ends this instance"
      leaving=1
      [[ -z $terminate_hook ]] || complete_hook "$terminate_hook" CONTINUE ||
        log "CompleteLifecycleAction: $error: $message"
      log "left"
      exit 0
    fi
    sleep_for 2
  done
  take_parts
  watch
}

# Reads the chunks, ten at a time, into `chunks`. A page may be empty and not be the last.
collect_bundle() {
  local next='' text=() at
  chunks=()
  while :; do
    caller=call_json persistently "$call_s_max" '' ssm AmazonSSM.GetParametersByPath \
      "{\"Path\":\"/selfheal/$stack/bundle/$bundle\",\"MaxResults\":10${next:+,\"NextToken\":\"$next\"}}" || {
      why GetParametersByPath
      value="cannot be read: $value"
      return 1
    }
    next=''
    # No text of the answer that counts holds a quotation mark.
    IFS=\" read -rd '' -a text <<<"$reply" || :
    for ((at = 0; at < ${#text[@]}; at++)); do
      case ${text[at]} in
        Value) value=${text[at + 2]//\\/} && [[ $value != [0-9][0-9]:[0-9][0-9]:* ]] || chunks[10#${value:0:2}]=$value ;;
        NextToken) [[ ${text[at + 1]-} == *null* ]] || next=${text[at + 2]-} ;;
      esac
    done
    [[ -n $next ]] || break
  done
}

# Joins the chunks and holds them against what the user data names; `value` tells what is wrong.
verify_bundle() {
  local at count sum
  value='is not there'
  ((${#chunks[@]} > 0)) || return 1
  for at in "${!chunks[@]}"; do
    count=$((10#${chunks[at]:3:2}))
  done
  for ((at = 0; at < count; at++)); do
    value="lacks its part $at of $count"
    [[ -n ${chunks[at]-} ]] || return 1
  done
  chunks=("${chunks[@]:0:count}")
  printf '%s' "${chunks[@]#*:*:*:}" | base64 -d 2>/dev/null | gzip -dc >"$run_dir/bundle" 2>/dev/null || :
  read -r sum _ < <(sha256sum "$run_dir/bundle")
  [[ $sum != "$bundle" ]] || return 0
  value="is another one: its content is $sum"
  for at in "${!chunks[@]}"; do
    [[ $(printf '%s' "${chunks[at]#*:*:*:}" | sha256sum) == "${chunks[at]:6:8}"* ]] ||
      value="is damaged in its part $at of $count"
  done
  return 1
}
