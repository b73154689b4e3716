# Writes standard input, or the third argument, to the file $2 with the mode $1, whole or not at all.
put() {
  mkdir -p "$root${2%/*}"
  if (($# == 3)); then printf '%s' "$3"; else cat; fi >"$root$2.new"
  chmod "$1" "$root$2.new"
  sync -f "$root$2.new"
  mv -f "$root$2.new" "$root$2"
}
