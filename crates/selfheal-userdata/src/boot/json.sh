# Signed calls to services that speak JSON.

# Makes one call: service, target, body, which is that of a file where it begins with `@`. The answer and the failure are told as those of `call` are.
call_json() {
  local service=$1 target=$2 body=$3 data=raw config endpoint var=AWS_ENDPOINT_URL_${1^^} pattern
  endpoint=${!var:-${AWS_ENDPOINT_URL:-https://$service.$region.$dns_suffix}}
  body=${body//\\/\\\\}
  config="header = \"Content-Type: application/x-amz-json-1.1\"${newline}header = \"X-Amz-Target: $target\"$newline"
  [[ $body != @* ]] || data=binary
  config+="data-$data = \"${body//\"/\\\"}\"$newline"
  send "$service" "$endpoint" "$config" && return 0
  # An error's name may follow the name of its namespace.
  pattern='"__type" ?: ?"([^"#]*#)?([^"]*)"' && [[ ! $reply =~ $pattern ]] || error=${BASH_REMATCH[2]}
  pattern='"[mM]essage" ?: ?"([^"]*)"' && [[ ! $reply =~ $pattern ]] || message=${BASH_REMATCH[1]}
  return 1
}
