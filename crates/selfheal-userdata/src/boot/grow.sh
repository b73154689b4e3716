# The filesystem follows its volume, which may grow at any time: the kernel shows that at once.

next_size=0 size_pid=''

# Grows the filesystem where the device has another size than the last time, and again after an hour where that failed. What
# came of it is noted in a tag of the group, unless nothing was to be done and nothing had failed.
follow_size() {
  local bytes before grown='' again='' failed='' text=''
  bytes=$(blockdev --getsize64 "$device") || return 1
  { read -r grown again <"$run_dir/size"; } 2>/dev/null || :
  clock
  if [[ $bytes != "$grown" ]] || ((${again:-now + 1} <= now)); then
    before=$(blocks)
    grow_filesystem || failed=' failed'
    printf '%s\n' "$bytes${failed:+ $((now + 3600))}" >"$run_dir/size" || :
    [[ -z $failed$again && $(blocks) == "$before" ]] || note_size "$bytes" "$failed"
  fi
  { read -r text <"$run_dir/grown"; } 2>/dev/null || :
  [[ -n $text ]] || return 0
  log "filesystem: $text"
  identity_once || :
  if write_group_tags selfheal:grown "$text"; then : >"$run_dir/grown"; else log "CreateOrUpdateTags: $error: $message"; fi
}

blocks() {
  stat -f -c %b -- "$root$mount_path"
}

# Leaves the note that the filesystem has come to $1 bytes; $2 says whether it has failed to.
note_size() {
  printf '%s\n' "$volume_id $((${1:-0} >> 30)) GiB${2-}" >"$run_dir/grown" || :
}

# Of the watch: looks at the size every few seconds, and beside it, since a volume that stalls may hold whoever looks. The
# boot looks first, and alone.
mind_size() {
  [[ -e $run_dir/size ]] || return 0
  clock
  ((next_size > 0)) || next_size=$((now + size_look_s))
  ((now >= next_size)) && { [[ -z $size_pid ]] || ! kill -0 "$size_pid" 2>/dev/null; } || return 0
  next_size=$((now + size_look_s))
  follow_size &
  size_pid=$!
}
