# How an authority is shown that the names are the stack's: by files that nginx serves at port 80.

challenge_words=(--webroot --webroot-path "$acme_dir")

# Looks, without the authority, at what it will look at: `value` tells what is not as it must be.
precheck() {
  local known='' name found others path status=0
  { read -r known <"$state_dir/address"; } 2>/dev/null || :
  value="the metadata service does not answer"
  identity_once || return 1
  value="the address ${known:-of the stack} is not here yet"
  [[ -n $known && $known == "$public_ip" ]] || return 1
  path=/.well-known/acme-challenge/selfheal-$RANDOM$RANDOM
  (umask 022 && printf '%s\n' "$path" >"$acme_dir$path") || return 1
  for name in "${domains[@]}"; do
    found=$(resolve AF_INET "$name")
    value="$name has ${found:-no A record}, and it has to have an A record of $known alone"
    [[ $found == "$known" ]] || break
    others=$(resolve AF_INET6 "$name")
    [[ -z $others ]] || log "$name has an AAAA record, $others: the authority asks there first, and nothing answers here"
    # From here the way may be barred where from outside it is not: no answer is no answer, another one is a no.
    status=0
    fetch "url = \"http://$name$path\"" "${curl[@]}" --noproxy '*' --max-time 5 2>/dev/null || status=$?
    value="http://$name leads to another server"
    [[ $status != 0 || $reply == "$path"* ]] || break
    value=''
  done
  rm -f "$acme_dir$path"
  [[ -z $value ]]
}

# The addresses of the family $1 that the name $2 has. What `getent` tells hangs on what addresses the machine itself has.
resolve() {
  python3 -I -c "import socket, sys; print(*sorted({at[4][0] for at in socket.getaddrinfo(sys.argv[1], 80, socket.$1, 1)}))" \
    "$2" 2>/dev/null
}
