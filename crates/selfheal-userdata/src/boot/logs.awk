# Turns lines of `journalctl -o json` into the body of one PutLogEvents call, in the file `body`.
#
# Variables: `group` and `stream`; `cursor`, that of the last line that was shipped; `now` and `oldest`, between which CloudWatch
# Logs takes events, in ms; `limit`, events at most. Standard output: the cursor of the last line taken, how many events there
# are, and 1 where lines are left.
#
# A text of journald is a JSON string already, so what stands between its quotation marks is copied as it is: no `"` in it lacks
# its backslash, and so neither `"NAME":` nor `","` can be part of a text.

BEGIN {
  ORS = ""
  split("emerg alert crit err warning notice info debug", name, " ")
  for (c = 0; c < 256; c++) char[c] = c < 32 || c == 127 ? sprintf("\\u%04x", c) : sprintf("%c", c)
  char[0] = "\\ufffd"
  char[9] = "\\t"
  char[10] = "\\n"
  char[34] = "\\\""
  char[92] = "\\\\"
  print "{\"logGroupName\":\"" group "\",\"logStreamName\":\"" stream "\",\"logEvents\":[" > body
}

# Bytes that are no printable text, such as colours. What is not UTF-8 of the shortest form is replaced.
function bytes(list,   n, i, k, c, d, more, low, high, all, part) {
  n = split(list, number, ",")
  for (i = 1; i <= n; i++) {
    c = number[i] + 0
    more = c < 194 || c > 244 ? 0 : c < 224 ? 1 : c < 240 ? 2 : 3
    low = c == 224 ? 160 : c == 240 ? 144 : 128
    high = c == 237 ? 159 : c == 244 ? 143 : 191
    for (k = 1; k <= more; k++) {
      d = i + k > n ? 0 : number[i + k] + 0
      if (d < low || d > high) break
      low = 128
      high = 191
    }
    if (c > 127 && (more == 0 || k <= more)) part = part "\\ufffd"
    else {
      for (k = 0; k <= more; k++) part = part char[number[i + k] + 0]
      i += more
    }
    # Appending to what is long copies it each time.
    if (length(part) > 500) {
      all = all part
      part = ""
    }
  }
  return all part
}

# A field that occurs more than once.
function several(rest,   all, between, end) {
  while (rest ~ /^["[n]/) {
    if (rest ~ /^"/) {
      end = match(rest, /^"([^"\\]|\\.)*"/) ? RLENGTH : length(rest)
      all = all between substr(rest, 2, end - 2)
    } else if (rest ~ /^n/) end = 4
    else {
      end = index(rest, "]")
      all = all between bytes(substr(rest, 2, end - 2))
    }
    rest = substr(rest, end + 2)
    between = "\\n"
  }
  return all
}

function field(key,   at, rest, end) {
  at = index($0, "\"" key "\":")
  if (!at) return ""
  rest = substr($0, at + length(key) + 3)
  if (rest ~ /^"/) {
    end = index(rest, "\",\"")
    return substr(rest, 2, (end ? end : length(rest) - 1) - 2)
  }
  if (rest ~ /^\[[0-9]/) return bytes(substr(rest, 2, index(rest, "]") - 2))
  return rest ~ /^\[/ ? several(substr(rest, 2)) : ""
}

# The first part of a text that is too long, not cut within a character.
function cut(text) {
  text = substr(text, 1, 800000)
  sub(/[\300-\367][\200-\277]*$/, "", text)
  sub(/\\u[0-9a-f]*$/, "", text)
  if (match(text, /\\+$/) && RLENGTH % 2) text = substr(text, 1, length(text) - 1)
  return text " [cut]"
}

{
  here = field("__CURSOR")
  # The line that was shipped last. Where the journal has lost it, this is the next one.
  if (NR == 1 && here == cursor) next
  time = field("__REALTIME_TIMESTAMP")
  time = substr(time, 1, length(time) - 3)
  # A clock that was wrong, or lines that waited too long: they would be dropped.
  if (time + 0 > now + 0 || time + 0 < oldest + 0) time = now
  if (count && time + 0 < last + 0 && last - time < 1000) time = last
  pid = field("_PID")
  unit = field("_SYSTEMD_UNIT")
  # What systemd says of a unit.
  if (pid == "1" && $0 ~ /"UNIT":"/) unit = field("UNIT")
  if (unit == "" || unit ~ / / || length(unit) > 300) unit = "-"
  who = field("SYSLOG_IDENTIFIER")
  if (who == "") who = field("_COMM")
  gsub(/ /, "_", who)
  if (who == "" || length(who) > 300) who = "-"
  priority = field("PRIORITY")
  text = field("MESSAGE")
  if (length(text) > 800000) text = cut(text)
  text = (priority ~ /^[0-7]$/ ? name[priority + 1] : "info") " " unit " " who (pid ~ /^[0-9]+$/ ? "[" pid "]" : "") ": " text
  # In one call times only grow, within a day; the clock may have been set back between two lines.
  if (count && (count >= limit || size + length(text) > 850000 || time + 0 < last + 0 || time - first > 86000000)) {
    left = 1
    exit
  }
  print (count ? "," : "") "{\"timestamp\":" time ",\"message\":\"" text "\"}" > body
  if (!count++) first = time
  last = time
  size += length(text) + 50
  taken = here
}

END {
  print "]}" > body
  close(body)
  print (taken == "" ? "-" : taken) " " count + 0 " " left + 0 "\n"
}
