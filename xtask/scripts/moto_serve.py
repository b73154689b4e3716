"""Serves moto, unchanged, on a free loopback port; prints the port; ends when its standard input closes.

The task that starts it holds the other end of that pipe, so moto ends with the task however the task ends.
"""

import os
import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class QuietHandler(WSGIRequestHandler):
    def log(self, *_):
        pass


def end_with_the_task():
    sys.stdin.buffer.read()
    os._exit(0)


server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True,
                     request_handler=QuietHandler)
threading.Thread(target=end_with_the_task, daemon=True).start()
print(server.port, flush=True)
server.serve_forever()
