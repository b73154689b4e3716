# Requests: whoever runs the stack writes a tag of this instance, and the answer comes in a tag of the group.

asked_pid=''

# Of the watch: takes a request that was not taken before, and goes on with it beside the watch, since it may take long. What
# was taken is noted in a file, the last one first, with its answer for as long as that is not told.
mind_request() {
  local asked='' id='' answer=''
  { IFS='' read -r asked <"$run_dir/request"; } 2>/dev/null || :
  [[ $asked =~ ^[0-9a-f]{16}(\ [a-zA-Z0-9=.:@-]+)+$ ]] || return 0
  { read -r id answer <"$state_dir/requests"; } 2>/dev/null || :
  [[ ${asked%% *} != "$id" || -n $answer ]] && { [[ -z $asked_pid ]] || ! kill -0 "$asked_pid" 2>/dev/null; } || return 0
  answer_request &
  asked_pid=$!
}

# Does what is asked, once whatever happens, and says what came of it. Each verb is a function `request_VERB` and no other.
answer_request() {
  local words taken=() entry value="" after="" members=() call_s_max=30
  read -ra words <<<"$asked"
  { mapfile -t taken <"$state_dir/requests"; } 2>/dev/null || :
  # An empty list counts as unset before bash 4.4.
  [[ -z ${taken[0]-} ]] || taken[0]=$id
  if [[ ${words[0]} != "$id" ]]; then
    # What the metadata service shows may be of before.
    for entry in ${taken[@]+"${taken[@]}"}; do
      [[ $entry != "${words[0]}" ]] || return 0
    done
    id=${words[0]}
    # Before it is done: what is killed in the middle does it no second time.
    note_request 'failed it was cut off' || return 0
    log "asked for: ${words[*]:1}"
    if [[ ${words[1]} == *[!a-z]* ]] || ! declare -F "request_${words[1]}" >/dev/null; then
      answer="failed this instance knows no ${words[1]}"
    elif "request_${words[1]}" "${words[@]:2}"; then
      answer="ok $value"
    else
      answer="failed $value"
    fi
    note_request "$answer" || return 0
  else
    unset 'taken[0]'
  fi
  identity_once || :
  if ! write_group_tags selfheal:answer "$id $answer"; then
    log "CreateOrUpdateTags: $error: $message"
    sleep_for 30
    return 0
  fi
  note_request '' && log "answered: $answer" || return 0
  $after
}

# Notes the request `id` with the answer $1, before those that were taken earlier.
note_request() {
  persist "$state_dir/requests" "$(printf '%s\n' "$id${1:+ $1}" ${taken[@]+"${taken[@]:0:50}"})" && return 0
  log "the request cannot be noted: nothing is done"
  sleep_for 30
  return 1
}

# Writes the marker $1 to the data volume, where there is one, and tells the marker that is there.
request_marker() {
  local file=$root${mount_path-}/.selfheal/marker
  value='the data volume is not mounted'
  [[ -n ${mount_path-} ]] && holds_lock && mounted || return 1
  value='the marker cannot be written'
  if (($#)); then
    [[ $# == 1 && $1 =~ ^[0-9a-f]{32}$ && ! -L ${file%/*} && ! -L $file ]] && mkdir -p "${file%/*}" && persist "$file" "$1" || return 1
  fi
  read_marker "$root$mount_path"
}

# Puts the marker of the filesystem at $1 into `value`, and no line of another file: whoever may write there may have left a link.
read_marker() {
  local file=$1/.selfheal/marker
  value=''
  [[ ! -f $file || -L $file || -L ${file%/*} ]] || { read -r value <"$file"; } 2>/dev/null || :
  [[ ! $value =~ ^[0-9a-f]{32}$ ]] || return 0
  value='there is no marker'
  return 1
}

# Makes this machine fail, for a drill; once that is told, since some of it ends whoever would tell.
request_fail() {
  value='there is no such way to fail'
  [[ $# == 1 && $1 == @(app|hang|reboot|poweroff) ]] || return 1
  if [[ $1 == app ]]; then
    value='the app has no units to stop'
    declare -F find_members >/dev/null && find_members && ((${#members[@]} > 0)) || return 1
  fi
  value='it fails now' after="fail_as $1"
}

fail_as() {
  log "failing: $1"
  case $1 in
    app) systemctl kill --signal=STOP "${members[@]}" ;;
    hang) printf c >/proc/sysrq-trigger ;;
    *) systemctl "$1" ;;
  esac
}
