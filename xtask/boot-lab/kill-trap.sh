# For BASH_ENV: counts the commands of the boot program, and kills it before the one that KILL_AT names.
mapfile -d "" arguments </proc/$$/cmdline
[[ ${arguments[1]-} == */selfheal/program ]] || return 0
set -T
commands=0
trap '((++commands != KILL_AT)) || kill -KILL $$; [[ $BASHPID != $$ ]] || echo $commands >/var/lab-commands' DEBUG
