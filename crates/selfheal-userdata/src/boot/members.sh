# What belongs to the app's target.

# Puts into `members` what the target wants and what is part of it, each once.
find_members() {
  local all member once=''
  all=$(systemctl show --property=Wants,ConsistsOf --value selfheal-app.target)
  for member in ${all//$newline/ }; do
    [[ " $once " == *" $member "* ]] || once+="$member "
  done
  read -ra members <<<"$once"
}
