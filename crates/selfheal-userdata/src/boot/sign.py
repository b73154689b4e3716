# Signs and sends one call in the place of a curl that cannot sign, with what every Python has: cloud-init runs on one.
#
# Arguments: Region, service, address. Standard input: what curl would get as its configuration, secrets included. Its
# strings are those of JSON. Standard output: the answer, its date and its status, as curl is asked to write them.
import hashlib, hmac, json, signal, sys, time
from urllib import error, parse, request

# As long as curl may take. The signal ends the process, whatever it waits for.
signal.alarm(20)
region, service, url = sys.argv[1:]
form, raw, headers = [], None, {"host": parse.urlsplit(url).netloc}
path = parse.urlsplit(url).path
for line in sys.stdin:
    name, _, text = line.strip().partition(" = ")
    text = json.loads(text, strict=False)
    if name == "user":
        key, secret = text.split(":", 1)
    elif name == "header":
        name, text = text.split(": ", 1)
        headers[name.lower()] = text
    elif name == "data-raw":
        raw = text.encode()
    elif name == "data-binary":
        raw = open(text[1:], "rb").read()
    else:
        form.append(tuple(text.split("=", 1)))
body = parse.urlencode(form).encode() if raw is None else raw
method = "POST" if body else "GET"
now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
headers["x-amz-date"] = now
signed = ";".join(sorted(headers))
lines = "".join(f"{name}:{text}\n" for name, text in sorted(headers.items()))
canonical = f"{method}\n{path}\n\n{lines}\n{signed}\n{hashlib.sha256(body).hexdigest()}"
scope = [now[:8], region, service, "aws4_request"]
digest = hashlib.sha256(canonical.encode()).hexdigest()
mac = ("AWS4" + secret).encode()
for text in [*scope, f"AWS4-HMAC-SHA256\n{now}\n{'/'.join(scope)}\n{digest}"]:
    mac = hmac.new(mac, text.encode(), "sha256").digest()
credential = "/".join([key, *scope])
headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={mac.hex()}"
try:
    answer = request.urlopen(request.Request(url, body or None, headers))
except error.HTTPError as refusal:
    answer = refusal
except OSError as reason:
    sys.exit(str(reason))
text = answer.read()
sys.stdout.buffer.write(text + f"\x1e{answer.headers['date']}\x1e{answer.getcode()}".encode())
