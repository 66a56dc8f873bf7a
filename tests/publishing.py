"""A publisher of models: a web server that tests can make fail."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Publisher(ThreadingHTTPServer):
    """Serves bodies by path: whole, cut short while promising all, held midway, or endless."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: dict[str, bytes] = {}
        self.short: set[str] = set()
        self.endless: set[str] = set()
        self.held: set[str] = set()
        self.let_go = threading.Event()
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/voices"


class _Handler(BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:
        path = self.path.removeprefix("/voices/")
        self.server.asked.append(path)
        body = self.server.bodies.get(path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        if path not in self.server.endless:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(path, body)

    def _send(self, path: str, body: bytes) -> None:
        halved = path in self.server.short | self.server.held
        self.wfile.write(body[: len(body) // 2] if halved else body)
        if path in self.server.held:
            self.server.let_go.wait()
        try:
            while path in self.server.endless:
                self.wfile.write(b"more" * 10_000)
        except OSError:
            return  # the client has hung up, as it should

    def log_message(self, *args: object) -> None:
        """Tests are quiet."""


@contextmanager
def publishing(bodies: dict[str, bytes]) -> Iterator[Publisher]:
    with Publisher() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        server.bodies = bodies
        yield server
        server.let_go.set()
        server.shutdown()
        thread.join()
