# For BASH_ENV: halts the boot program before the command that the lab names, for good; the power is cut meanwhile.
mapfile -d "" arguments </proc/$$/cmdline
[[ ${arguments[1]-} == */selfheal/program && ${arguments[2]-} == boot && -e /dev/lab-halt-at ]] || return 0
halt_at=$(</dev/lab-halt-at)
set -T
commands=0
# Beside the count, the numbers of the commands that make something last are noted. No pattern is matched here: what the
# program has matched must stay as it is.
trap '((++commands != halt_at)) || { : >/dev/lab-halted; kill -STOP $$; }
  [[ $BASHPID != $$ ]] || { echo $commands >/dev/lab-commands
  case " ${FUNCNAME[*]-} " in
    *" persist "* | *" format "* | *" unmark "* | *" name_filesystem "*) echo $commands >>/dev/lab-lasting ;;
  esac; }' DEBUG
