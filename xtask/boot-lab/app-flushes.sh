
# The app answers a request only when it has written something and flushed it.
cat >/usr/local/lib/lab-app.py <<'END'
import http.server
import os


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        with open("written", "w") as file:
            file.write(self.path)
            file.flush()
            os.fsync(file.fileno())
        super().do_GET()


http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
END
sed -i 's|^exec python3.*|exec python3 /usr/local/lib/lab-app.py|' /usr/local/bin/lab-app
