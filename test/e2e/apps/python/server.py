"""Not JavaScript at all: any HTTP server that obeys PORT."""

import hashlib
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PORT = int(os.environ["PORT"])
gates = {}
lock = threading.Lock()


def gate(query):
    with lock:
        return gates.setdefault(query.get("gate", [""])[0], threading.Event())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if url.path == "/":
            self.answer("text/plain", b"hello")
        elif url.path == "/whoami":
            self.answer_json(
                {"client": self.client_address[0], "port": PORT, "nodeEnv": os.environ.get("NODE_ENV")}
            )
        elif url.path == "/stream":
            self.two_parts("text/plain", query, [b"one\n", b"two\n"])
        elif url.path == "/sse":
            self.two_parts("text/event-stream", query, [b"data: one\n\n", b"data: two\n\n"])
        elif url.path == "/open":
            gate(query).set()
            self.answer("text/plain", b"opened")
        elif url.path == "/slow":
            self.start_chunks("text/plain")
            self.chunk(b"begun\n")
            time.sleep(int(query["ms"][0]) / 1000)
            self.chunk(b"slow\n")
            self.chunk(b"")
        else:
            self.send_error(404)

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        left = int(self.headers["Content-Length"])
        digest = hashlib.sha256()
        total = 0
        while left > 0:
            chunk = self.rfile.read(min(left, 1 << 16))
            digest.update(chunk)
            total += len(chunk)
            left -= len(chunk)
        self.answer_json({"bytes": total, "sha256": digest.hexdigest()})

    def answer_json(self, value):
        self.answer("application/json", json.dumps(value).encode())

    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def start_chunks(self, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def two_parts(self, kind, query, parts):
        self.start_chunks(kind)
        self.chunk(parts[0])
        gate(query).wait()
        self.chunk(parts[1])
        self.chunk(b"")

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128


Server((os.environ["HOST"], PORT), Handler).serve_forever()
