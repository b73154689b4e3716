"""Stands before the lab's certificate authority, and answers every order with 429. The argument is the authority's folder."""

import http.client
import http.server
import ssl
import sys

folder = sys.argv[1]
PROBLEM = b'{"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many certificates already issued", "status": 429}'


class Busy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        upstream = http.client.HTTPSConnection("10.77.0.1", 14000, context=ssl._create_unverified_context())
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        body = answer.read()
        status, headers = answer.status, answer.getheaders()
        if self.path.startswith("/order-plz"):
            status, body = 429, PROBLEM
            headers = [(name, value) for name, value in headers if name in ("Replay-Nonce", "Link")]
            headers += [("Content-Type", "application/problem+json"), ("Retry-After", "7200")]
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = pass_on


server = http.server.ThreadingHTTPServer(("10.77.0.1", 14001), Busy)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/ca.pem", folder + "/ca.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
