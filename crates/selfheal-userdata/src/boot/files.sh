# The user's files: put in their places at every boot.

# Puts the text $4, or what the fifth argument holds in base64, into the file $3, with the mode $1 and the owner $2, whole or
# not at all. Whom the setup script is yet to make owns his file after it.
file() {
  local new=$root$3.selfheal-new
  (umask 022 && mkdir -p "$root${3%/*}") &&
    if (($# == 5)); then base64 -d <<<"$5"; else printf '%s' "$4"; fi >"$new" &&
    { chown "$2" "$new" 2>/dev/null || unowned+=("$2" "$1" "$3"); } &&
    chmod "$1" "$new" && sync -f "$new" && mv -fT "$new" "$root$3" ||
    die "$exit_files" "cannot write the file $3"
}

install_files() {
  unowned=()
  # shellcheck source=/dev/null
  . "$root/usr/local/lib/selfheal/files"
}

# Gives the files to whom the setup script has made. A change of the owner may take permissions away.
own_files() {
  while ((${#unowned[@]} > 0)); do
    chown "${unowned[0]}" "$root${unowned[2]}" && chmod "${unowned[1]}" "$root${unowned[2]}" ||
      die "$exit_files" "the file ${unowned[2]} cannot be given to ${unowned[0]}"
    unowned=("${unowned[@]:3}")
  done
}
