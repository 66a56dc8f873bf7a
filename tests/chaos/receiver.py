"""python -m tests.chaos.receiver PORT FILE: takes webhooks, fails often, remembers what it took."""

from __future__ import annotations

import os
import random
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FAILS = 0.3  # share of messages that are answered 500


class Handler(BaseHTTPRequestHandler):
    """Writes an id down before it says so, in one write that outlives a kill."""

    protocol_version = "HTTP/1.1"
    server: Any

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status = 500 if random.random() < FAILS else 200
        os.write(self.server.book, f"{self.headers['webhook-id']} {status}\n".encode())
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silent."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port: int, book: Path) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.book = os.open(book, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that was killed: it is what the run is about."""


if __name__ == "__main__":
    Server(int(sys.argv[1]), Path(sys.argv[2])).serve_forever()
