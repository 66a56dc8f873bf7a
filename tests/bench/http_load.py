"""A plain HTTP client with kept connections, a few at a time."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONNECTIONS = 8
SECONDS = 120
KEPT = 3.0  # servers close idle connections after about five seconds


class Load:
    """Sends requests over its own kept connections, and takes no answer but the expected one."""

    def __init__(self, url: str, key: str = "", connections: int = CONNECTIONS) -> None:
        self.headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        self.threads = ThreadPoolExecutor(connections)
        self._idle: SimpleQueue[tuple[HTTPConnection, float]] = SimpleQueue()
        for _ in range(connections):
            self._idle.put((HTTPConnection(urlsplit(url).netloc, timeout=SECONDS), 0.0))

    def post(
        self, path: str, body: Mapping[str, Any], status: int = 202, **headers: str
    ) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.ask(path, body, status, **headers))
        return told

    def ask(
        self, path: str, body: Mapping[str, Any] | None = None, status: int = 200, **headers: str
    ) -> bytes:
        """The body of the answer: to a POST where there is something to send, else to a GET."""
        method, sent = ("GET", None) if body is None else ("POST", json.dumps(body).encode())
        with self._connection() as connection:
            connection.request(method, path, sent, self.headers | headers)
            answer = connection.getresponse()
            data = answer.read()
        if answer.status != status:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:500]!r}")
        return data

    @contextmanager
    def _connection(self) -> Iterator[HTTPConnection]:
        connection, used_at = self._idle.get()
        if time.monotonic() - used_at > KEPT:
            connection.close()  # it opens anew by itself
        try:
            yield connection
        except OSError:
            connection.close()
            raise
        finally:
            self._idle.put((connection, time.monotonic()))
