# Finds out what can sign a call. Before 7.86 curl leaves the session token's header unsigned; Python, which is slower, is
# what cloud-init itself runs on.
find_signer() {
  if [[ $(curl --version 2>/dev/null) =~ ^curl\ ([0-9]+)\.([0-9]+) ]] &&
    ((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2] >= 7086)) &&
    curl_signs; then
    signer=curl
  else
    # The second is Red Hat's for its own programs.
    signer=$(type -P python3 /usr/libexec/platform-python) || :
    signer=${signer%%$'\n'*}
  fi
}

# Tells whether this build of curl signs at all: one that does not ends before it finds that nobody listens there.
curl_signs() {
  local status=0
  curl --disable --silent --noproxy '*' --max-time 2 --aws-sigv4 aws:amz:region:service --user key:secret \
    http://127.0.0.1:1/ >/dev/null 2>&1 || status=$?
  # An unknown option; a feature that was not built in, as the library has it in older and in newer versions.
  [[ $status != 2 && $status != 4 && $status != 48 ]]
}

# Finds out whose user data this is: cloud-init knows the instance before it runs any.
find_owner() {
  { read -r owner <"$root/var/lib/cloud/data/instance-id"; } 2>/dev/null || owner=''
}
