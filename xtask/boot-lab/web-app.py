"""The app of the lab for browsers: a page, a WebSocket that says what it hears, and what the app is told of a request."""

import base64
import hashlib
import http.server
import json
import threading

heard = threading.Event()
PAGE = b"""<!doctype html><title>lab</title><script>
const socket = new WebSocket("wss://" + location.host + "/ws");
socket.onopen = () => socket.send("hello");
socket.onmessage = event => document.documentElement.setAttribute("data-heard", event.data + " at " + location.href);
</script><script src="/late.js"></script>"""


class App(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/":
            self.answer(PAGE, "text/html")
        elif self.path == "/late.js":
            # The page is not loaded before its socket was heard.
            heard.wait(20)
            self.answer(b"const until = Date.now() + 500; while (Date.now() < until);", "text/javascript")
        elif self.path == "/told":
            self.answer(json.dumps(dict(self.headers)).encode(), "application/json")
        elif self.path == "/ws":
            self.socket()
        else:
            super().do_GET()

    def do_POST(self):
        self.answer(str(len(self.rfile.read(int(self.headers["Content-Length"])))).encode(), "text/plain")

    def answer(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def socket(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)):
            self.send_header(name, value)
        self.end_headers()
        size = self.rfile.read(2)[1] & 127
        mask, text = self.rfile.read(4), self.rfile.read(size)
        text = b"heard " + bytes(byte ^ mask[place % 4] for place, byte in enumerate(text))
        self.wfile.write(bytes((0x81, len(text))) + text)
        self.wfile.flush()
        heard.set()
        self.rfile.read(1)
        self.close_connection = True


http.server.ThreadingHTTPServer(("127.0.0.1", 8080), App).serve_forever()
