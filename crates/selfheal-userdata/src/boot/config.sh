# The app's configuration: the parameters below one path, in /run alone, so that nothing of them outlasts the machine.
#
# Their values are secrets: they stay in variables of this program, and reach no argument, environment, log or message.

# At a boot, before anything that is the user's starts: all of it, or an end that names what is wrong.
fetch_config() {
  collect_config persistently || {
    name_denied
    die "$exit_config" "$value"
  }
  write_config || die "$exit_config" "cannot write $run_dir/config"
  log "configuration: ${#settings[@]} parameters below $config_path"
  restart_members
}

# Puts the values into `settings` and what tells their versions into `versions`, by the names that they have here. $1 makes
# the calls. A page may be empty and not be the last. `value` tells what is wrong.
collect_config() {
  local next='' name
  declare -gA settings=() versions=()
  while :; do
    caller=call_json "$1" "$call_s_max" '' ssm AmazonSSM.GetParametersByPath "{\"Path\":\"$config_path\",\
\"Recursive\":true,\"WithDecryption\":true,\"MaxResults\":10${next:+,\"NextToken\":\"$next\"}}" || {
      why GetParametersByPath
      value="the parameters below $config_path cannot be read: $value"
      return 1
    }
    next=''
    read_page || return 1
    [[ -n $next ]] || break
  done
  for name in $config_required; do
    value="the parameter $config_path/$name is not there, and required"
    [[ -n ${settings[$name]+set} ]] || return 1
  done
}

# Finds out which parameter a key was refused for: AWS names neither. One by one the others can be read; and of the one that
# cannot, the name can without its value.
name_denied() {
  local next='' text refused='AccessDenied|InvalidKeyId|KMS'
  [[ $error =~ $refused ]] || return 0
  for _ in {1..200}; do
    read_one true && [[ $reply =~ \"NextToken$json_text ]] || break
    next=${BASH_REMATCH[1]}
  done
  text="$error: $message"
  if [[ $error =~ $refused ]] && read_one false && [[ $reply =~ \"Name$json_text ]]; then
    value="the parameter ${BASH_REMATCH[1]//\\\//\/} cannot be decrypted: $text"
  fi
  reply='' value+=${config_key:+ (its key is to be $config_key)}
}

# Reads one parameter, $1 tells whether with its value.
read_one() {
  call_json ssm AmazonSSM.GetParametersByPath "{\"Path\":\"$config_path\",\"Recursive\":true,\"WithDecryption\":$1,\
\"MaxResults\":1${next:+,\"NextToken\":\"$next\"}}"
}

# Cuts the text $2 at each $1 into `parts`.
cut_at() {
  local IFS=$1
  set -f
  # shellcheck disable=SC2206 # cut at IFS
  parts=($2)
  set +f
}

# Takes the parameters out of the answer. What a backslash stands before in it is kept as bytes that no JSON holds: then
# every quotation mark is the begin or the end of a string, and strings are at the odd places.
read_page() {
  local at key parts strings
  local -A field=()
  reply=${reply//\\\\/$'\1'} reply=${reply//\\\"/$'\2'}
  cut_at \" "$reply"
  reply='' strings=("${parts[@]}")
  for ((at = 1; at + 1 < ${#strings[@]}; at += 2)); do
    key=${strings[at]}
    if [[ ${strings[at + 1]} =~ ^\ *:\ *$ ]]; then
      field[$key]=${strings[at + 2]}
      at=$((at + 2))
    else
      field[$key]=${strings[at + 1]//[^0-9]/}
    fi
    [[ ${strings[at + 1]} != *\}* || -z ${field[Name]-} ]] || {
      take_parameter || return 1
      field=()
    }
    [[ $key != NextToken || ${strings[at - 1]} != *:* ]] || next=${field[NextToken]}
  done
}

# Checks the parameter that `field` holds and puts it into `settings`. No message has its value.
take_parameter() {
  local place=${field[Name]//\\\//\/} name
  [[ $place == "$config_path"/* ]] || return 0
  name=${place#"$config_path/"}
  name=${name//[-.\/]/_}
  value="the parameter $place cannot be called $name"
  [[ $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || return 1
  case $name in
    PATH | IFS | ENV | BASH* | SHELLOPTS | PS4 | LD_* | SELFHEAL_* | NOTIFY_SOCKET | CREDENTIALS_DIRECTORY) return 1 ;;
  esac
  value="the parameter $place would be called $name, as another one"
  [[ -z ${settings[$name]+set} ]] || return 1
  decode "${field[Value]-}" || {
    value="the parameter $place is no text"
    return 1
  }
  ((${#value} <= 8192)) || {
    value="the parameter $place is longer than 8192 bytes"
    return 1
  }
  settings[$name]=$value
  versions[$name]=${place#"$config_path/"}=${field[Version]-}
}

# Reads the string $1 of JSON into `value`, in UTF-8. Fails for what no UTF-8 can say, and for a NUL, which no file of
# systemd's may hold.
decode() {
  local parts rest=$1 code high='' byte part pattern last=$'[\x80-\xbf]'
  rest=${rest//\\n/$newline} rest=${rest//\\t/$'\t'} rest=${rest//\\r/$'\r'} rest=${rest//\\b/$'\b'}
  rest=${rest//\\f/$'\f'} rest=${rest//\\\//\/} rest=${rest//\\u/$'\3'}
  value=${rest%%$'\3'*}
  rest=${rest:${#value}}
  value=${value//$'\1'/\\} value=${value//$'\2'/\"}
  cut_at $'\3' "$rest"
  for part in ${parts[@]+"${parts[@]:1}"}; do
    [[ $part == [0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F]* ]] || return 1
    code=$((16#${part:0:4})) part=${part:4}
    if [[ -n $high ]]; then
      ((code >> 10 == 0x37)) || return 1
      code=$((0x10000 + (high - 0xd800 << 10) + code - 0xdc00)) high=''
    elif ((code >> 10 == 0x36)) && [[ -z $part ]]; then
      high=$code
      continue
    fi
    ((code != 0 && code >> 11 != 0x1b)) || return 1
    if ((code < 0x80)); then
      printf -v byte '\\x%x' "$code"
    elif ((code < 0x800)); then
      printf -v byte '\\x%x' $((0xc0 | code >> 6)) $((0x80 | code & 63))
    elif ((code < 0x10000)); then
      printf -v byte '\\x%x' $((0xe0 | code >> 12)) $((0x80 | code >> 6 & 63)) $((0x80 | code & 63))
    else
      printf -v byte '\\x%x' $((0xf0 | code >> 18)) $((0x80 | code >> 12 & 63)) $((0x80 | code >> 6 & 63)) \
        $((0x80 | code & 63))
    fi
    printf -v byte '%b' "$byte"
    [[ -z $part ]] || part=${part//$'\1'/\\} part=${part//$'\2'/\"}
    value+=$byte$part
  done
  # What came as it is. One value that is not UTF-8 would cost a unit its whole environment.
  rest=$value
  for pattern in $'[\xc2-\xdf]' $'\xe0[\xa0-\xbf]' $'[\xe1-\xec\xee\xef][\x80-\xbf]' $'\xed[\x80-\x9f]' \
    $'\xf0[\x90-\xbf][\x80-\xbf]' $'[\xf1-\xf3][\x80-\xbf][\x80-\xbf]' $'\xf4[\x80-\x8f][\x80-\xbf]'; do
    rest=${rest//$pattern$last/x}
  done
  [[ -z $high && $rest != *[$'\x80'-$'\xff']* ]] || return 1
  # Nor does systemd take the code points that Unicode has set apart from characters: U+FDD0 to U+FDEF, and the last two of
  # each plane.
  case $value in
    *$'\xef\xb7'[$'\x90'-$'\xaf']* | *$'\xef\xbf'[$'\xbe\xbf']*) return 1 ;;
    *[$'\xf0'-$'\xf4'][$'\x8f\x9f\xaf\xbf']$'\xbf'[$'\xbe\xbf']*) return 1 ;;
  esac
}

# Puts the configuration in its place, where it differs from what is there. A folder of its own for each: the link to it
# changes from one to the next at once, so that nobody finds one value of the old and another of the new.
write_config() {
  local new=$run_dir/config.$$ name file text='' old=''
  rm -rf "$new" && mkdir -p "$new/files" || return 1
  for name in "${!settings[@]}"; do
    printf '%s' "${settings[$name]}" >"$new/files/$name" || return 1
  done
  # In the order of their names.
  for file in "$new"/files/*; do
    name=${file##*/}
    value=${settings[$name]-}
    # In double quotes systemd takes a backslash away before these four, and so does a shell.
    value=${value//\\/\\\\} value=${value//\"/\\\"} value=${value//\`/\\\`}
    [[ $name == \* ]] || text+="$name=\"${value//\$/\\\$}\"$newline"
  done
  printf '%s' "$text" >"$new/env" || return 1
  IFS= read -rd '' old 2>/dev/null <"$run_dir/config/env" || :
  if [[ -e $run_dir/config/env && $old == "$text" ]]; then
    rm -rf "$new"
    return
  fi
  # Left there until the app was told, whatever happens to this program.
  [[ ! -e $run_dir/config ]] || : >"$run_dir/config-changed" || return 1
  ln -sfn "${new##*/}" "$run_dir/config-link" && mv -fT "$run_dir/config-link" "$run_dir/config" || return 1
  for file in "$run_dir"/config.[0-9]*; do
    [[ $file -ef $run_dir/config ]] || rm -rf "$file"
  done
}

# Restarts what runs of the app, where what it was started with has changed.
restart_members() {
  local members
  [[ -e $run_dir/config-changed ]] || return 0
  find_members
  log "the configuration has changed: restarting ${members[*]-}"
  ((${#members[@]} == 0)) || systemctl try-restart --no-block "${members[@]}" || log "cannot restart ${members[*]}"
  rm -f "$run_dir/config-changed"
}

# Notes in a tag of the group which versions this instance has, so that they can be compared with those there are. It costs
# a call only where they are others.
note_config() {
  local text=$config_path file noted=''
  for file in "$run_dir"/config/files/*; do
    [[ ! -e $file ]] || text+=" ${versions[${file##*/}]-}"
  done
  ((${#text} <= tag_max)) || read -r text _ < <(printf '%s' "${text#"$config_path "}" | sha256sum)
  [[ $text == "$config_path"* ]] || text="$config_path sha256:$text"
  { read -r noted <"$state_dir/config"; } 2>/dev/null || :
  [[ $noted != "$text" ]] || return 0
  if write_group_tags selfheal:config "$text"; then
    persist "$state_dir/config" "$text" || :
  else
    log "CreateOrUpdateTags: $error: $message"
  fi
}

# Looks at the parameters while the app runs. Where they cannot be had, what is there stays, and that is told once.
refresh() {
  local said=''
  open_log config
  read_signer
  serves || return 0
  { read -r said <"$run_dir/config-error"; } 2>/dev/null || :
  value='the metadata service gives no credentials'
  if identity_once && collect_config at_times && value="cannot write $run_dir/config" && write_config; then
    [[ -z $said ]] || log "the configuration can be read again"
    rm -f "$run_dir/config-error"
    restart_members
    note_config
  else
    [[ $said == "$value" ]] || log "the configuration stays as it was: $value"
    printf '%s\n' "$value" >"$run_dir/config-error" || :
  fi
}

# Makes a call up to five times, in silence: the next look is not far. As `persistently` otherwise.
at_times() {
  local attempt denied_at=''
  for attempt in 1 2 3 4 5; do
    "$caller" "${@:3}" && return 0
    passes "$2" || return 1
    ((attempt == 5)) || pause
  done
  return 1
}
