# Writes standard input, or the third argument, to the file $2 with the mode $1, whole or not at all.
put() {
  mkdir -p "$root${2%/*}"
  if (($# == 3)); then printf '%s' "$3"; else cat; fi >"$root$2.new"
  chmod "$1" "$root$2.new"
  sync -f "$root$2.new"
  mv -f "$root$2.new" "$root$2"
}

# Finds out what can sign a call. Before 7.86 curl leaves the session token's header unsigned.
find_signer() {
  signer=none
  if [[ $(curl --version 2>/dev/null) =~ ^curl\ ([0-9]+)\.([0-9]+) ]] &&
    ((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2] >= 7086)) &&
    [[ $(curl --help all 2>/dev/null) == *--aws-sigv4* ]]; then
    signer=curl
  elif [[ -n $(command -v aws) ]]; then
    signer=aws
  fi
}
