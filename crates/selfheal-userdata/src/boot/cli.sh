# The AWS CLI in curl's place, where curl is too old to sign. It finds the role's credentials by itself.

# Makes the call $2 of the service $1 at the endpoint $3, if any, with the outcome where `call` leaves it.
call_by_cli() {
  local service=$1 endpoint=$3 command pair list='' items=() options=() json line
  local refusal='\(([A-Za-z0-9.]+)\) when calling the [A-Za-z]+ operation[^:]*: (.*)'
  dashed "$2"
  command=$value
  shift 3
  for pair; do cli_option "${pair%%=*}" "${pair#*=}"; done
  if [[ -n $list ]]; then
    printf -v line ', %s' "${items[@]}"
    options+=("$list" "[${line:2}]")
  fi
  [[ -z $endpoint ]] || options+=(--endpoint-url "$endpoint")
  if json=$(aws "$service" "$command" --region "$region" --output json "${options[@]}" 2>&1); then
    reply=''
    while IFS= read -r line; do json_line "$line"; done <<<"$json"
    return 0
  fi
  error=Network message=${json//$newline/ }
  [[ ! $message =~ $refusal ]] || error=${BASH_REMATCH[1]} message=${BASH_REMATCH[2]}
  return 1
}

# Puts the name $1 into `value` as the CLI writes it: AttachVolume as attach-volume.
dashed() {
  local i
  value=${1:0:1}
  for ((i = 1; i < ${#1}; i++)); do
    [[ ${1:i:1} != [A-Z] ]] || value+=-
    value+=${1:i:1}
  done
  value=${value,,}
}

# Adds the parameter $1 with the value $2 to the options, or to the list of structures that the call takes.
cli_option() {
  local text=${2//\\/\\\\} last=$((${#items[@]} - 1))
  text=${text//\"/\\\"}
  case $1 in
    VolumeId.1) options+=(--volume-ids "$2") ;;
    AllocationId.1) options+=(--allocation-ids "$2") ;;
    ResourceId.1) options+=(--resources "$2") ;;
    InstanceId.1) options+=(--instance-ids "$2") ;;
    Tag.1.Key) options+=(--tags "Key=$2") ;;
    ScalingProcesses.member.1) options+=(--scaling-processes "$2") ;;
    ScalingProcesses.member.*) options+=("$2") ;;
    Filters.member.*.Name) list=--filters items+=("{\"Name\": \"$text\"") ;;
    Filters.member.*) items[last]+=", \"Values\": [\"$text\"]}" ;;
    Tags.member.*.ResourceType) list=--tags items+=("{\"ResourceType\": \"$text\"") ;;
    Tags.member.*.PropagateAtLaunch) items[last]+=", \"PropagateAtLaunch\": $text}" ;;
    Tags.member.*) items[last]+=", \"${1##*.}\": \"$text\"" ;;
    AllowReassociation) options+=(--allow-reassociation) ;;
    ShouldRespectGracePeriod)
      if [[ $2 == true ]]; then options+=(--should-respect-grace-period); else options+=(--no-should-respect-grace-period); fi
      ;;
    *)
      dashed "$1"
      options+=("--$value" "$2")
      ;;
  esac
}

# Adds one line of the CLI's JSON to `reply` as the XML element that the wire has.
json_line() {
  local pattern='^ *"([A-Za-z]+)": "([^"]*)",?$' name
  [[ $1 =~ $pattern ]] || return 0
  name=${BASH_REMATCH[1]}
  # EC2's elements start with a small letter, Auto Scaling's with a capital.
  [[ $service != ec2 ]] || name=${name,}
  reply+="<$name>${BASH_REMATCH[2]}</$name>"
}
